/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan.c - which edges are wanted, and which of them are up to date.
 *
 * 1. The edges that the targets need are walked through, depth first, so that `order` has each after those it needs. What an
 *    edge was found to read the last time counts as needed, unless that makes a ring: a ring of the manifest is an error,
 *    one by way of what was once read is old news.
 * 2. All their files are looked at, on all processors.
 * 3. In that order each edge is compared with its trace (check.c): same command, same digest over all that it read, outputs as
 *    it left them. If all below it is up to date that is the last word. Else it may have to run.
 *
 * That is linear in what is wanted, a few hundred nanoseconds for each edge, and needs no engine: a build with nothing
 * to run does not open one.
 */
#include "plan.h"

#include "import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MARK_NONE, MARK_OPEN, MARK_DONE };

uint32_t plan_producer(const struct plan *plan, uint32_t file)
{
	if (file < plan->m->n_nodes && plan->m->nodes[file].edge != MF_NONE)
		return plan->m->nodes[file].edge;
	/* Relaxed: who finds out what edges make says so before it lets them go on. */
	return pawl_load_relaxed(&file_at(plan->files, file)->producer) - 1;
}

/* ---- the journal ----------------------------------------------------------------------------- */

static void journal_path_read(void *arg, const char *path, size_t bytes)
{
	struct plan *plan = arg;
	uint32_t file = files_add(plan->files, path, bytes);

	BUILD_GROW(plan->numbers, plan->numbers_n, plan->numbers_room);
	pawl_store_relaxed(&file_at(plan->files, file)->number, (uint32_t)plan->numbers_n + 1);
	plan->numbers[plan->numbers_n++] = file;
}

/* The edge whose first output this is. */
static struct edge *journal_edge(struct plan *plan, uint32_t path)
{
	uint32_t file = plan->numbers[path], edge;

	if (file >= plan->m->n_nodes)
		return NULL;
	edge = plan->m->nodes[file].edge;
	if (edge == MF_NONE || mf_outs(plan->m, edge).at[0] != file)
		return NULL;
	return &plan->edges[edge];
}

static void journal_ended_read(void *arg, uint32_t path, const struct trace *trace)
{
	struct plan *plan = arg;
	struct edge *edge = journal_edge(plan, path);
	uint32_t i, n;

	for (i = 0; i < trace->n_outs; i++) {
		BUILD_GROW(plan->outputs, plan->outputs_n, plan->outputs_room);
		plan->outputs[plan->outputs_n++] = plan->numbers[trace->outs[i]];
	}
	if (!edge)
		return;
	edge->trace = *trace;
	edge->has_trace = true;
	edge->duration_ns = trace->duration_ns;
	/* Outputs that the manifest does not list: a dyndep file does. */
	n = mf_outs(plan->m, (uint32_t)(edge - plan->edges)).n;
	for (i = n; i < trace->n_outs; i++)
		pawl_store_relaxed(
			&file_at(plan->files, plan->numbers[trace->outs[i]])->producer,
			(uint32_t)(edge - plan->edges) + 1);
}

static void journal_begun_read(void *arg, uint32_t path)
{
	struct plan *plan = arg;
	struct edge *edge = journal_edge(plan, path);

	if (edge) {
		edge->begun = true;
		return;
	}
	BUILD_GROW(plan->begun, plan->begun_n, plan->begun_room);
	plan->begun[plan->begun_n++] = plan->numbers[path];
}

bool plan_begun(const struct plan *plan, uint32_t file)
{
	for (size_t i = 0; i < plan->begun_n; i++) {
		if (plan->begun[i] == file)
			return true;
	}
	return false;
}

int plan_open(struct plan *plan, const struct mf_manifest *m, struct files *files,
	      const char *journal_path, bool read_only, uint64_t *ret_lost_bytes)
{
	const struct journal_reader reader = {journal_path_read, journal_ended_read,
					      journal_begun_read, plan};
	int error;

	*plan = (struct plan){.m = m, .files = files};
	plan->edges = build_alloc(m->n_edges * sizeof(*plan->edges));
	for (uint32_t i = 0; i < m->n_edges; i++) {
		plan->edges[i].phony = (m->edges[i].flags & MF_EDGE_PHONY) != 0;
		plan->edges[i].why.file = MF_NONE;
	}
	error = journal_open(journal_path, &reader, read_only, build_boot(), &plan->journal,
			     ret_lost_bytes);
	return read_only && error == -ENOENT ? 0 : error;
}

void plan_close(struct plan *plan)
{
	for (uint32_t i = 0; plan->edges && i < plan->m->n_edges; i++) {
		struct edge_dyn *dyn = plan->edges[i].dyn;

		if (dyn) {
			free(dyn->outs);
			free(dyn->ins);
			free(dyn);
		}
	}
	journal_close(plan->journal);
	free(plan->edges);
	free(plan->order);
	for (size_t i = 0; i < plan->kept_n; i++)
		free(plan->kept[i]);
	free(plan->kept);
	free(plan->numbers);
	free(plan->begun);
	free(plan->outputs);
	string_free(&plan->scratch);
	string_free(&plan->error);
	*plan = (struct plan){.m = NULL};
}

/* ---- walking ----------------------------------------------------------------------------------- */

struct visit {
	uint32_t edge;
	uint32_t by; /* the file that it was needed for */
	size_t at;
};

struct walk {
	struct visit *stack;
	size_t n, room;
	uint32_t *todo; /* nodes */
	size_t todo_n, todo_room;
};

/* "a -> b -> a": the inputs from the first visit of this edge on. */
static int walk_ring(struct plan *plan, const struct walk *walk, uint32_t edge, uint32_t file)
{
	size_t i = walk->n;

	while (i && walk->stack[i - 1].edge != edge)
		i--;
	string_clear(&plan->error);
	string_printf(&plan->error, "dependency cycle: %s", file_at(plan->files, file)->path);
	for (; i < walk->n; i++)
		string_printf(&plan->error, " -> %s",
			      file_at(plan->files, walk->stack[i].by)->path);
	string_printf(&plan->error, " -> %s", file_at(plan->files, file)->path);
	return -ELOOP;
}

static void walk_push(struct plan *plan, struct walk *walk, uint32_t edge, uint32_t by)
{
	BUILD_GROW(walk->stack, walk->n, walk->room);
	walk->stack[walk->n++] = (struct visit){edge, by, 0};
	plan->edges[edge].mark = MARK_OPEN;
}

static void walk_done(struct plan *plan, struct walk *walk, uint32_t edge)
{
	struct mf_list validations = mf_validations(plan->m, edge);

	plan->edges[edge].mark = MARK_DONE;
	BUILD_GROW(plan->order, plan->order_n, plan->order_room);
	plan->order[plan->order_n++] = edge;
	/* Built as well, but nobody waits for them. */
	for (uint32_t i = 0; i < validations.n; i++) {
		BUILD_GROW(walk->todo, walk->todo_n, walk->todo_room);
		walk->todo[walk->todo_n++] = validations.at[i];
	}
}

/* From the newest visit on, until it has been left again. */
static int walk_run(struct plan *plan, struct walk *walk)
{
	while (walk->n) {
		struct visit *visit = &walk->stack[walk->n - 1];
		uint32_t edge = visit->edge, file = plan_read(plan, edge, visit->at), next;
		bool found = visit->at >= mf_ins(plan->m, edge).n;

		if (file == MF_NONE) {
			walk->n--;
			walk_done(plan, walk, edge);
			continue;
		}
		visit->at++;
		next = plan_producer(plan, file);
		if (next == MF_NONE || next == edge || plan->edges[next].mark == MARK_DONE)
			if (next != edge || found || plan->edges[edge].phony)
				continue;
		if (plan->edges[next].mark == MARK_OPEN) {
			if (found)
				continue;
			return walk_ring(plan, walk, next, file);
		}
		walk_push(plan, walk, next, file);
	}
	return 0;
}

static int plan_walk(struct plan *plan, const uint32_t *nodes, size_t n)
{
	struct walk walk = {.n = 0};
	int error = 0;

	plan->order_n = 0;
	for (uint32_t i = 0; i < plan->m->n_edges; i++) {
		plan->edges[i].mark = MARK_NONE;
		plan->edges[i].state = EDGE_UNWANTED;
	}
	for (size_t i = 0; i < n; i++) {
		BUILD_GROW(walk.todo, walk.todo_n, walk.todo_room);
		walk.todo[walk.todo_n++] = nodes[i];
	}
	/* Validations are added behind. */
	for (size_t i = 0; i < walk.todo_n && !error; i++) {
		uint32_t edge = plan_producer(plan, walk.todo[i]);

		if (edge == MF_NONE || plan->edges[edge].mark == MARK_DONE)
			continue;
		walk_push(plan, &walk, edge, walk.todo[i]);
		error = walk_run(plan, &walk);
	}
	free(walk.stack);
	free(walk.todo);
	return error;
}

/* ---- looking ------------------------------------------------------------------------------------- */

struct see {
	uint32_t *files;
	size_t n, room;
};

static void see(struct plan *plan, struct see *see, uint32_t i)
{
	struct file *file = file_at(plan->files, i);

	if (file->flags & FILE_SEEN)
		return;
	file->flags |= FILE_SEEN;
	BUILD_GROW(see->files, see->n, see->room);
	see->files[see->n++] = i;
}

static void plan_look(struct plan *plan, const uint32_t *nodes, size_t nodes_n)
{
	struct see all = {NULL, 0, 0};

	for (size_t i = 0; i < nodes_n; i++)
		see(plan, &all, nodes[i]);
	for (size_t i = 0; i < plan->order_n; i++) {
		uint32_t edge = plan->order[i], file;
		struct edge *e = &plan->edges[edge];
		struct mf_list outs = mf_outs(plan->m, edge);

		for (size_t at = 0; (file = plan_read(plan, edge, at)) != MF_NONE; at++)
			see(plan, &all, file);
		for (uint32_t at = 0; at < outs.n; at++)
			see(plan, &all, outs.at[at]);
		for (uint32_t at = outs.n; e->has_trace && at < e->trace.n_outs; at++)
			see(plan, &all, plan_out(plan, e, at));
	}
	files_look(plan->files, all.files, all.n);
	for (size_t i = 0; i < all.n; i++) {
		struct file *file = file_at(plan->files, all.files[i]);

		file->value = file->digest;
	}
	free(all.files);
}

/* ---- deciding -------------------------------------------------------------------------------------- */

static int plan_missing(struct plan *plan, uint32_t edge, uint32_t file)
{
	string_clear(&plan->error);
	string_printf(&plan->error, "'%s'", file_at(plan->files, file)->path);
	if (edge != MF_NONE)
		string_printf(&plan->error, ", needed by '%s',",
			      mf_path(plan->m, mf_outs(plan->m, edge).at[0]));
	string_printf(&plan->error, " missing and no known rule to make it");
	return -ENOENT;
}

static void edge_settle(struct plan *plan, uint32_t edge)
{
	struct edge *e = &plan->edges[edge];

	e->state = EDGE_CLEAN;
	for (uint32_t i = 0; i < e->trace.n_outs; i++) {
		struct file *file = file_at(plan->files, plan_out(plan, e, i));

		if (file->stamp.size == 0 && file->digest.kind == DIGEST_XXH3)
			file->value = plan_derived(e->trace.command, e->trace.read, i);
	}
}

/* Are its inputs there, and is something below it open? */
static int edge_below(struct plan *plan, uint32_t edge, bool *ret_open, bool *ret_waits)
{
	size_t listed = mf_ins(plan->m, edge).n, deps = mf_deps(plan->m, edge).n;
	bool dyndep = plan_dyndep_apart(plan, edge);
	uint32_t file;

	*ret_open = *ret_waits = false;
	for (size_t i = 0; (file = plan_read(plan, edge, i)) != MF_NONE; i++) {
		uint32_t below = plan_producer(plan, file);

		if (below == MF_NONE) {
			const struct file *f = file_at(plan->files, file);

			if (i < listed && f->digest.kind == DIGEST_MISSING)
				return plan_missing(plan, edge, file);
			continue;
		}
		if (plan->edges[below].state != EDGE_DIRTY &&
		    plan->edges[below].state != EDGE_MAYBE)
			continue;
		*ret_waits = true;
		if (i < deps || i >= listed || (dyndep && file == plan->m->edges[edge].dyndep))
			*ret_open = true;
	}
	return 0;
}

static void phony_decide(struct plan *plan, uint32_t edge, bool waits)
{
	struct mf_list outs = mf_outs(plan->m, edge);
	struct edge *e = &plan->edges[edge];

	e->state = waits ? EDGE_MAYBE : EDGE_CLEAN;
	if (waits)
		return;
	for (uint32_t i = 0; i < outs.n; i++)
		file_at(plan->files, outs.at[i])->value =
			plan_phony(plan, edge, outs.at[i], false, &plan->scratch);
}

static int edge_decide(struct plan *plan, uint32_t edge)
{
	struct edge *e = &plan->edges[edge];
	bool open, waits;
	int error = edge_below(plan, edge, &open, &waits);

	if (error)
		return error;
	if (e->phony) {
		phony_decide(plan, edge, waits);
		return 0;
	}
	plan->commands++;
	if (e->imported)
		import_settle(plan, edge);
	if (plan_check(plan, edge, false, &plan->scratch, &e->why) && !open) {
		/* There is no reason to run it, and still one why the trace did not say so. */
		e->by_times = e->why.kind != WHY_NONE;
		e->after = waits;
		edge_settle(plan, edge);
		return 0;
	}
	/* What it reads is not known yet: only what does not hang on that is certain. */
	if (open && (e->why.kind == WHY_NONE || e->why.kind == WHY_INPUT ||
		     e->why.kind == WHY_LIST || e->why.kind == WHY_ALWAYS)) {
		e->state = EDGE_MAYBE;
		plan->maybe++;
		return 0;
	}
	e->state = EDGE_DIRTY;
	plan->dirty++;
	return 0;
}

int plan_make(struct plan *plan, const uint32_t *nodes, size_t n)
{
	int error = plan_walk(plan, nodes, n);

	plan->dirty = plan->maybe = plan->commands = 0;
	if (error)
		return error;
	plan_look(plan, nodes, n);
	for (size_t i = 0; i < n; i++) {
		if (plan_producer(plan, nodes[i]) == MF_NONE &&
		    file_at(plan->files, nodes[i])->digest.kind == DIGEST_MISSING)
			return plan_missing(plan, MF_NONE, nodes[i]);
	}
	for (size_t i = 0; i < plan->order_n && !error; i++)
		error = edge_decide(plan, plan->order[i]);
	return error;
}

/* ---- afterwards ------------------------------------------------------------------------------------ */

static void overtaken_look(struct plan *plan)
{
	unsigned char *seen = build_alloc(pawl_load_relaxed(&plan->files->n) + 1);
	struct see all = {NULL, 0, 0};
	uint32_t file;

	for (size_t i = 0; i < plan->order_n; i++) {
		for (size_t at = 0; plan->edges[plan->order[i]].after &&
				    (file = plan_read(plan, plan->order[i], at)) != MF_NONE;
		     at++) {
			if (seen[file] || plan_producer(plan, file) != MF_NONE)
				continue;
			seen[file] = 1;
			BUILD_GROW(all.files, all.n, all.room);
			all.files[all.n++] = file;
		}
	}
	files_look(plan->files, all.files, all.n);
	for (size_t i = 0; i < all.n; i++) {
		struct file *f = file_at(plan->files, all.files[i]);

		f->value = f->digest;
	}
	free(all.files);
	free(seen);
}

bool plan_overtaken(struct plan *plan)
{
	bool overtaken = false;
	struct why why;

	overtaken_look(plan);
	for (size_t i = 0; i < plan->order_n && !overtaken; i++)
		overtaken = plan->edges[plan->order[i]].after &&
			    !plan_check(plan, plan->order[i], false, &plan->scratch, &why);
	return overtaken;
}
