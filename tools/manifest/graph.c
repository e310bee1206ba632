/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph.c - questions that only need nodes and edges: by path, roots, cycles, the nearest name.
 *
 * Walks keep their own stack: a chain may be as long as the manifest.
 */
#include "config.h"

#include "manifest/reader.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>

uint32_t mf_find(const struct mf_manifest *m, const char *path, size_t len)
{
	if (!m->n_nodes)
		return MF_NONE;
	return hashed_find(m->text, m->node_index, m->n_node_index, &m->nodes->path,
			   sizeof(struct mf_node), path, len);
}

int mf_roots(const struct mf_manifest *m, uint32_t **ret_nodes, uint32_t *ret_n,
	     struct mf_error *ret_error)
{
	struct mf_error nobody;
	uint32_t n = 0, i, k, pass, *nodes = NULL;

	for (pass = 0; pass < 2; pass++) {
		n = 0;
		for (i = 0; i < m->n_edges; i++) {
			struct mf_list outs = mf_outs(m, i);

			for (k = 0; k < outs.n; k++) {
				if (m->nodes[outs.at[k]].n_uses)
					continue;
				if (pass)
					nodes[n] = outs.at[k];
				n++;
			}
		}
		if (pass || !n)
			break;
		nodes = pawl_mem_alloc((size_t)n * sizeof(*nodes), 0);
		if (!nodes)
			return -ENOMEM;
	}
	if (!n && m->n_edges)
		return error_of(ret_error ? ret_error : &nobody, "", -EINVAL,
				"could not determine root nodes of build graph");
	*ret_nodes = nodes;
	*ret_n = n;
	return 0;
}

/* ---- cycles ------------------------------------------------------------------------------------ */

/* An edge on the way: by which node it was come to, and which input is next. */
struct step {
	uint32_t edge, node, next;
};

struct walk {
	const struct mf_manifest *m;
	unsigned char *state; /* of each edge */
	struct vec steps;     /* the way */
	struct vec todo;      /* nodes to begin with: validations */
};
enum { NEW, ON_THE_WAY, DONE };

static int say_cycle(const struct walk *walk, uint32_t node, struct mf_error *ret_error)
{
	const struct mf_manifest *m = walk->m;
	const struct step *steps = walk->steps.at;
	struct mf_error nobody;
	struct text text = TEXT_INIT;
	uint32_t i = 0;
	int error;

	while (steps[i].edge != m->nodes[node].edge)
		i++;
	/* The edge may have been come to by another of its outputs. */
	error = text_printf(&text, "dependency cycle: %.200s", mf_path(m, node));
	for (i++; i < walk->steps.n && !error; i++)
		error = text_printf(&text, " -> %.200s", mf_path(m, steps[i].node));
	if (!error)
		error = text_printf(&text, " -> %.200s", mf_path(m, node));
	if (!error)
		error = error_of(ret_error ? ret_error : &nobody, "", -ELOOP, "%s", text.ptr);
	text_fini(&text);
	return error;
}

static int enter(struct walk *walk, uint32_t node)
{
	uint32_t edge = walk->m->nodes[node].edge, i, *todo;
	struct mf_list list;
	struct step *step;
	int error = 0;

	if (edge == MF_NONE || walk->state[edge] == DONE)
		return 0;
	step = vec_add(&walk->steps, 1, &error);
	if (!step)
		return error;
	*step = (struct step){edge, node, 0};
	walk->state[edge] = ON_THE_WAY;
	list = mf_validations(walk->m, edge);
	for (i = 0; i < list.n; i++) {
		todo = vec_add(&walk->todo, 1, &error);
		if (!todo)
			return error;
		*todo = list.at[i];
	}
	return 0;
}

static int walk_from(struct walk *walk, uint32_t node, struct mf_error *ret_error)
{
	const struct mf_manifest *m = walk->m;
	int error = enter(walk, node);

	while (!error && walk->steps.n) {
		struct step *step = (struct step *)walk->steps.at + walk->steps.n - 1;
		struct mf_list ins = mf_ins(m, step->edge);
		uint32_t in, edge;

		if (step->next == ins.n) {
			walk->state[step->edge] = DONE;
			walk->steps.n--;
			continue;
		}
		in = ins.at[step->next++];
		edge = m->nodes[in].edge;
		if (edge != MF_NONE && walk->state[edge] == ON_THE_WAY)
			return say_cycle(walk, in, ret_error);
		error = enter(walk, in);
	}
	return error;
}

int mf_check_cycles(const struct mf_manifest *m, const uint32_t *nodes, uint32_t n,
		    struct mf_error *ret_error)
{
	struct walk walk = {m, NULL, VEC_OF(struct step), VEC_OF(uint32_t)};
	uint32_t i, total = n ? n : m->n_edges;
	int error = 0;

	if (!m->n_edges)
		return 0;
	walk.state = pawl_mem_zalloc(m->n_edges, 0);
	if (!walk.state)
		return -ENOMEM;
	for (i = 0; i < total && !error; i++)
		error = walk_from(&walk, n ? nodes[i] : mf_outs(m, i).at[0], ret_error);
	while (!error && walk.todo.n)
		error = walk_from(&walk, ((uint32_t *)walk.todo.at)[--walk.todo.n], ret_error);
	vec_fini(&walk.steps);
	vec_fini(&walk.todo);
	pawl_mem_free(walk.state, m->n_edges, 0);
	return error;
}

/* ---- the nearest name -------------------------------------------------------------------------- */

#define NEAR	   3u
#define NEAR_BYTES 512u

unsigned mf_distance(const char *a, size_t n, const char *b, size_t k)
{
	unsigned row[NEAR_BYTES + 1], left, corner, above, best;
	size_t i, j;

	if (n > NEAR_BYTES || k > NEAR_BYTES || (n > k ? n - k : k - n) > NEAR)
		return NEAR + 1;
	for (j = 0; j <= k; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= n; i++) {
		corner = row[0];
		row[0] = best = (unsigned)i;
		for (j = 1; j <= k; j++) {
			above = row[j];
			left = row[j - 1];
			row[j] = corner + (a[i - 1] != b[j - 1]);
			if (row[j] > above + 1)
				row[j] = above + 1;
			if (row[j] > left + 1)
				row[j] = left + 1;
			if (row[j] < best)
				best = row[j];
			corner = above;
		}
		if (best > NEAR)
			return NEAR + 1;
	}
	return row[k];
}

uint32_t mf_nearest(const struct mf_manifest *m, const char *path, size_t len)
{
	unsigned best = NEAR + 1, d;
	uint32_t found = MF_NONE, i;

	for (i = 0; i < m->n_nodes; i++) {
		struct pawl_slice other = mf_text(m, m->nodes[i].path);

		d = mf_distance(path, len, other.ptr, other.len);
		if (d < best) {
			best = d;
			found = i;
		}
	}
	return found;
}
