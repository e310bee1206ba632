/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool-list.c - what there is: targets, rules, and what stands around a node.
 */
#include "config.h"

#include "ninja/tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/mem.h>

static void put_node(struct tool *tool, uint32_t node)
{
	tool_slice(tool, mf_text(tool->m, tool->m->nodes[node].path));
}

static struct pawl_slice rule_name(struct tool *tool, uint32_t edge)
{
	return mf_text(tool->m, tool->m->rules[tool->m->edges[edge].rule].name);
}

static int compare_slices(const void *a, const void *b)
{
	const struct pawl_slice *x = a, *y = b;
	int order = memcmp(x->ptr, y->ptr, x->len < y->len ? x->len : y->len);

	return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

/* ---- targets ----------------------------------------------------------------------------------- */

static int list_all(struct tool *tool)
{
	const struct mf_manifest *m = tool->m;
	uint32_t i, k;

	for (i = 0; i < m->n_edges; i++) {
		struct mf_list outs = mf_outs(m, i);

		for (k = 0; k < outs.n; k++) {
			put_node(tool, outs.at[k]);
			tool_str(tool, ": ");
			tool_slice(tool, rule_name(tool, i));
			tool_str(tool, "\n");
		}
	}
	return 0;
}

static int list_sources(struct tool *tool)
{
	const struct mf_manifest *m = tool->m;
	uint32_t i, k;

	for (i = 0; i < m->n_edges; i++) {
		struct mf_list ins = mf_ins(m, i);

		for (k = 0; k < ins.n; k++) {
			if (m->nodes[ins.at[k]].edge != MF_NONE)
				continue;
			put_node(tool, ins.at[k]);
			tool_str(tool, "\n");
		}
	}
	return 0;
}

static int list_of_rule(struct tool *tool, const char *rule)
{
	const struct mf_manifest *m = tool->m;
	struct pawl_slice *found = pawl_mem_alloc((m->n_nodes + 1) * sizeof(*found), 0);
	size_t n = 0, len = strlen(rule);
	uint32_t i, k;

	if (!found) {
		tool->error = -ENOMEM;
		return 1;
	}
	for (i = 0; i < m->n_edges; i++) {
		struct mf_list outs = mf_outs(m, i);
		struct pawl_slice name = rule_name(tool, i);

		for (k = 0; k < outs.n && name.len == len && !memcmp(name.ptr, rule, len); k++)
			found[n++] = mf_text(m, m->nodes[outs.at[k]].path);
	}
	qsort(found, n, sizeof(*found), compare_slices);
	for (i = 0; i < n; i++) {
		tool_slice(tool, found[i]);
		tool_str(tool, "\n");
	}
	pawl_mem_free(found, (m->n_nodes + 1) * sizeof(*found), 0);
	return 0;
}

static bool put_at_depth(struct tool *tool, uint32_t node, uint32_t depth)
{
	uint32_t edge = tool->m->nodes[node].edge;

	tool_spaces(tool, 2 * depth);
	put_node(tool, node);
	if (edge != MF_NONE) {
		tool_str(tool, ": ");
		tool_slice(tool, rule_name(tool, edge));
	}
	tool_str(tool, "\n");
	return edge != MF_NONE && !tool->error;
}

/* A root and what is below it, as often as it is needed; `limit` 0 or less: all levels. */
static void list_below(struct tool *tool, uint32_t root, long limit,
		       struct tool_set *on_the_way)
{
	const struct mf_manifest *m = tool->m;
	struct tool_stack way = {NULL, 0, 0};
	uint32_t edge = m->nodes[root].edge;

	if (put_at_depth(tool, root, 0) && limit != 1 && tool_set_add(on_the_way, edge) &&
	    tool_push(tool, &way, edge))
		tool_push(tool, &way, 0);
	while (!tool->error && way.n) {
		uint32_t *top = way.at + way.n - 2, depth = way.n / 2, node;
		struct mf_list ins = mf_ins(m, top[0]);

		if (top[1] == ins.n) {
			on_the_way->has[top[0]] = 0;
			way.n -= 2;
			continue;
		}
		node = ins.at[top[1]++];
		edge = m->nodes[node].edge;
		/* In a cycle once around is enough. */
		if (put_at_depth(tool, node, depth) &&
		    (limit <= 0 || depth + 1 < (uint32_t)limit) &&
		    tool_set_add(on_the_way, edge) && tool_push(tool, &way, edge))
			tool_push(tool, &way, 0);
	}
	tool_stack_fini(&way);
}

static int list_by_depth(struct tool *tool, long limit)
{
	struct mf_error error;
	struct tool_set on_the_way;
	uint32_t *roots = NULL, n = 0, i;
	int result = mf_roots(tool->m, &roots, &n, &error);

	if (result == -ENOMEM) {
		tool->error = result;
		return 1;
	}
	if (result)
		return tool_fail(tool, "%s", error.message);
	if (tool_set_init(tool, &on_the_way, tool->m->n_edges))
		for (i = 0; i < n && !tool->error; i++)
			list_below(tool, roots[i], limit, &on_the_way);
	tool_set_fini(&on_the_way);
	pawl_mem_free(roots, (size_t)n * sizeof(*roots), 0);
	return 0;
}

int tool_targets_list(struct tool *tool)
{
	static const char *const modes[] = {"rule", "depth", "all", NULL};
	const char *mode = tool->n_arguments ? tool->arguments[0] : NULL, *near;

	if (!mode)
		return list_by_depth(tool, 1);
	if (!strcmp(mode, "rule"))
		return tool->n_arguments > 1 && *tool->arguments[1]
			       ? list_of_rule(tool, tool->arguments[1])
			       : list_sources(tool);
	if (!strcmp(mode, "depth"))
		return list_by_depth(
			tool, tool->n_arguments > 1 ? strtol(tool->arguments[1], NULL, 10) : 1);
	if (!strcmp(mode, "all"))
		return list_all(tool);
	near = ninja_nearest_word(mode, modes);
	if (near)
		return tool_fail(tool, "unknown target tool mode '%s', did you mean '%s'?",
				 mode, near);
	return tool_fail(tool, "unknown target tool mode '%s'", mode);
}

/* ---- query ------------------------------------------------------------------------------------- */

static void put_outs(struct tool *tool, struct mf_list edges)
{
	uint32_t i, k;

	for (i = 0; i < edges.n; i++) {
		struct mf_list outs = mf_outs(tool->m, edges.at[i]);

		for (k = 0; k < outs.n; k++) {
			tool_str(tool, "    ");
			put_node(tool, outs.at[k]);
			tool_str(tool, "\n");
		}
	}
}

/* Implicit ones, as the dyndep file says. */
static void put_dyn_ins(struct tool *tool, struct tool_dyn dyn)
{
	for (uint32_t i = 0; i < dyn.edge->n_in; i++) {
		tool_str(tool, "    | ");
		tool_slice(tool, dyn.paths[dyn.edge->n_out + i]);
		tool_str(tool, "\n");
	}
}

/* Of edges that read a node because their dyndep file says so. */
static void put_dyn_outs(struct tool *tool, uint32_t node)
{
	struct pawl_slice path = mf_text(tool->m, tool->m->nodes[node].path);

	for (uint32_t edge = 0; edge < tool->m->n_edges && !tool->error; edge++) {
		struct mf_list outs = mf_outs(tool->m, edge);
		struct tool_dyn dyn;
		bool reads = false;

		if (tool->m->edges[edge].dyndep == MF_NONE)
			continue;
		dyn = tool_dyn(tool, edge);
		for (uint32_t i = 0; i < dyn.edge->n_in; i++) {
			const struct pawl_slice *in = &dyn.paths[dyn.edge->n_out + i];

			reads |= in->len == path.len && !memcmp(in->ptr, path.ptr, path.len);
		}
		for (uint32_t k = 0; k < outs.n && reads; k++) {
			tool_str(tool, "    ");
			put_node(tool, outs.at[k]);
			tool_str(tool, "\n");
		}
	}
}

static void query(struct tool *tool, uint32_t node)
{
	const struct mf_manifest *m = tool->m;
	uint32_t edge = m->nodes[node].edge, i;

	put_node(tool, node);
	tool_str(tool, ":\n");
	if (edge != MF_NONE) {
		const struct mf_edge *e = &m->edges[edge];
		struct mf_list ins = mf_ins(m, edge), validations = mf_validations(m, edge);
		struct tool_dyn dyn = tool_dyn(tool, edge);

		tool_str(tool, "  input: ");
		tool_slice(tool, rule_name(tool, edge));
		tool_str(tool, "\n");
		for (i = 0; i < ins.n; i++) {
			if (i == e->n_in + e->n_implicit)
				put_dyn_ins(tool, dyn);
			tool_str(tool, i < e->n_in		     ? "    "
				       : i < e->n_in + e->n_implicit ? "    | "
								     : "    || ");
			put_node(tool, ins.at[i]);
			tool_str(tool, "\n");
		}
		if (ins.n == e->n_in + e->n_implicit)
			put_dyn_ins(tool, dyn);
		if (validations.n)
			tool_str(tool, "  validations:\n");
		for (i = 0; i < validations.n; i++) {
			tool_str(tool, "    ");
			put_node(tool, validations.at[i]);
			tool_str(tool, "\n");
		}
	}
	tool_str(tool, "  outputs:\n");
	put_outs(tool, mf_uses(m, node));
	put_dyn_outs(tool, node);
	if (m->nodes[node].n_validates) {
		tool_str(tool, "  validation for:\n");
		put_outs(tool, mf_validates(m, node));
	}
}

int tool_query(struct tool *tool)
{
	struct tool_nodes nodes;
	uint32_t i;

	if (!tool->n_arguments)
		return tool_fail(tool, "expected a target to query");
	nodes = tool_targets(tool);
	for (i = 0; i < nodes.n && !nodes.failed; i++)
		query(tool, nodes.at[i]);
	tool_nodes_fini(&nodes);
	return nodes.failed;
}

/* ---- rules ------------------------------------------------------------------------------------- */

struct named {
	struct pawl_slice name;
	uint32_t rule;
};

/* As it stands in the manifest, variables as ${NAME}. */
static void put_description(struct tool *tool, uint32_t rule)
{
	const struct mf_manifest *m = tool->m;
	const struct mf_rule *at = &m->rules[rule];
	const struct mf_let *let = NULL;
	uint32_t i;

	for (i = 0; i < at->n_lets; i++)
		if (m->lets[at->first_let + i].name == MF_DESCRIPTION)
			let = &m->lets[at->first_let + i];
	if (!let)
		return;
	tool_str(tool, ": ");
	for (i = 0; i < let->n_pieces; i++) {
		const struct mf_piece *piece = &m->pieces[let->first_piece + i];

		if (piece->at == MF_NONE) {
			tool_str(tool, "${");
			tool_slice(tool, mf_text(m, m->symbols[piece->len]));
			tool_str(tool, "}");
		} else {
			tool_add(tool, m->text + piece->at, piece->len);
		}
	}
}

static void take_flag(void *arg, int letter)
{
	(void)letter;
	*(bool *)arg = true;
}

int tool_rules(struct tool *tool)
{
	const struct mf_manifest *m = tool->m;
	bool descriptions = false;
	struct named *found;
	size_t n = 0, i;

	if (!tool_options(tool, "hd", NULL,
			  "usage: ninja -t rules [options]\n\noptions:\n"
			  "  -d     also print the description of the rule\n"
			  "  -h     print this message\n",
			  take_flag, &descriptions))
		return 1;
	found = pawl_mem_alloc(m->n_rules * sizeof(*found), 0);
	if (!found) {
		tool->error = -ENOMEM;
		return 1;
	}
	for (i = 0; i < m->n_rules; i++)
		if (m->rules[i].scope == 0)
			found[n++] = (struct named){mf_text(m, m->rules[i].name), (uint32_t)i};
	qsort(found, n, sizeof(*found), compare_slices);
	for (i = 0; i < n; i++) {
		tool_slice(tool, found[i].name);
		if (descriptions)
			put_description(tool, found[i].rule);
		tool_str(tool, "\n");
	}
	pawl_mem_free(found, m->n_rules * sizeof(*found), 0);
	return 0;
}
