/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan.c - which edges are wanted, and which of them are up to date.
 *
 * 1. The edges that the targets need are walked through, depth first, so that `order` has each after those it needs. What an
 *    edge was found to read the last time counts as needed, unless that makes a ring: a ring of the manifest is an error,
 *    one by way of what was once read is old news.
 * 2. All their files are looked at, on all processors.
 * 3. In that order each edge is compared with its trace: same command, same digest over all that it read, outputs as
 *    it left them. If all below it is up to date that is the last word. Else it may have to run.
 *
 * That is linear in what is wanted, a few hundred nanoseconds for each edge, and needs no engine: a build with nothing
 * to run does not open one.
 *
 * What an edge reads goes by *values*. The value of a file is its digest. Of an output that has no content, a stamp file,
 * it is the digest of the command and what that read, so that who depends on the stamp runs when it would have been
 * written anew. Of a phony edge it is the digest over its inputs.
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

/* ---- what an edge reads ---------------------------------------------------------------------- */

uint32_t plan_read(const struct plan *plan, uint32_t edge, size_t i)
{
	struct mf_list ins = mf_ins(plan->m, edge);
	const struct edge *e = &plan->edges[edge];

	if (i < ins.n)
		return ins.at[i];
	i -= ins.n;
	if (e->has_trace && i < e->trace.n_found)
		return plan->numbers[e->trace.reads[e->trace.n_listed + i]];
	return MF_NONE;
}

struct read_entry {
	uint64_t path, low, high, kind;
};

static bool read_add(const struct plan *plan, uint32_t file, bool locked, struct string *to)
{
	const struct file *f = file_at(plan->files, file);
	struct digest value = locked ? file_value(plan->files, file) : f->value;
	struct read_entry entry = {f->hash, value.low, value.high, value.kind};

	string_add(to, &entry, sizeof(entry));
	return value.kind != DIGEST_UNKNOWN && value.kind != DIGEST_NONE;
}

/* The dyndep file counts, whatever kind of input it is: what it says decides what is read. */
static bool dyndep_apart(const struct plan *plan, uint32_t edge)
{
	struct mf_list deps = mf_deps(plan->m, edge);
	uint32_t dyndep = plan->m->edges[edge].dyndep;

	if (dyndep == MF_NONE)
		return false;
	for (uint32_t i = 0; i < deps.n; i++) {
		if (deps.at[i] == dyndep)
			return false;
	}
	return true;
}

struct digest plan_read_digest(const struct plan *plan, uint32_t edge, const uint32_t *found,
			       size_t n, bool locked, struct string *scratch)
{
	struct mf_list deps = mf_deps(plan->m, edge);
	bool known = true;
	struct digest digest;

	string_clear(scratch);
	for (uint32_t i = 0; i < deps.n; i++)
		known &= read_add(plan, deps.at[i], locked, scratch);
	if (dyndep_apart(plan, edge))
		known &= read_add(plan, plan->m->edges[edge].dyndep, locked, scratch);
	for (size_t i = 0; i < n; i++)
		known &= read_add(plan, found[i], locked, scratch);
	digest = digest_bytes(scratch->bytes, scratch->n);
	digest.kind = known ? DIGEST_DERIVED : DIGEST_UNKNOWN;
	return digest;
}

struct digest plan_derived(struct digest command, struct digest read, size_t out)
{
	struct {
		struct digest command, read;
		uint64_t out;
	} of = {command, read, out};
	struct digest digest;

	digest = digest_bytes(&of, sizeof(of));
	digest.kind = read.kind == DIGEST_UNKNOWN ? DIGEST_UNKNOWN : DIGEST_DERIVED;
	return digest;
}

struct digest plan_phony(const struct plan *plan, uint32_t edge, uint32_t out, bool locked,
			 struct string *scratch)
{
	struct mf_list deps = mf_deps(plan->m, edge);
	struct digest digest;

	if (!deps.n) {
		/* Of nothing: of the file, if there is one. Else it is never the same. */
		struct file *file = file_at(plan->files, out);

		if (mf_order_only(plan->m, edge).n && file->digest.kind == DIGEST_MISSING)
			return (struct digest){0, 0, DIGEST_DERIVED, 0};
		digest = file->digest;
		if (digest.kind == DIGEST_MISSING || digest.kind == DIGEST_NONE)
			digest.kind = DIGEST_UNKNOWN;
		return digest;
	}
	digest = plan_read_digest(plan, edge, NULL, 0, locked, scratch);
	return digest;
}

/* ---- is it as it was? -------------------------------------------------------------------------- */

static bool why_set(struct why *why, enum why_kind kind, uint32_t file)
{
	*why = (struct why){kind, file, 0, 0};
	return false;
}

static uint32_t out_of(const struct plan *plan, const struct edge *e, uint32_t i)
{
	return plan->numbers[e->trace.outs[i]];
}

/* The outputs are those that it made. */
bool plan_outs_check(const struct plan *plan, uint32_t edge, struct why *ret_why)
{
	const struct edge *e = &plan->edges[edge];
	struct mf_list outs = mf_outs(plan->m, edge);
	bool generator = (plan->m->edges[edge].flags & MF_EDGE_GENERATOR) != 0;

	if (e->trace.n_outs < outs.n)
		return why_set(ret_why, WHY_LIST, outs.at[outs.n - 1]);
	for (uint32_t i = 0; i < e->trace.n_outs; i++) {
		uint32_t out = out_of(plan, e, i);
		const struct file *file = file_at(plan->files, out);

		if (i < outs.n && out != outs.at[i])
			return why_set(ret_why, WHY_LIST, outs.at[i]);
		if (file->digest.kind == DIGEST_MISSING)
			return why_set(ret_why, WHY_MISSING, out);
		/* What a generator has written may be edited. */
		if (!generator && !digest_equal(file->digest, e->trace.out_digests[i])) {
			(void)why_set(ret_why, WHY_FOREIGN, out);
			ret_why->before = digest_short(e->trace.out_digests[i]);
			ret_why->after = digest_short(file->digest);
			return false;
		}
	}
	return true;
}

/* The digests differ: by which file? */
static bool read_blame(const struct plan *plan, uint32_t edge, bool locked, struct why *ret_why)
{
	const struct edge *e = &plan->edges[edge];
	struct mf_list deps = mf_deps(plan->m, edge);
	bool apart = dyndep_apart(plan, edge);
	size_t listed = deps.n + apart;

	for (size_t i = 0; i < listed + e->trace.n_found; i++) {
		size_t at = i < listed ? i : e->trace.n_listed + (i - listed);
		uint32_t was = at < (size_t)e->trace.n_listed + e->trace.n_found
				       ? plan->numbers[e->trace.reads[at]]
				       : MF_NONE;
		uint32_t now = i < deps.n   ? deps.at[i]
			       : i < listed ? plan->m->edges[edge].dyndep
					    : was;
		struct digest value;

		if (i < listed && (i >= e->trace.n_listed || was != now))
			return why_set(ret_why, WHY_LIST, now);
		value = locked ? file_value(plan->files, now)
			       : file_at(plan->files, now)->value;
		if (value.kind == DIGEST_UNKNOWN || value.kind == DIGEST_NONE)
			return why_set(ret_why, WHY_ALWAYS, now);
		if (digest_short(value) != e->trace.read_digests[at]) {
			(void)why_set(ret_why, WHY_INPUT, now);
			ret_why->before = e->trace.read_digests[at];
			ret_why->after = digest_short(value);
			return false;
		}
	}
	return why_set(ret_why, WHY_LIST, MF_NONE);
}

static bool trace_check(const struct plan *plan, uint32_t edge, bool locked,
			struct string *scratch, struct why *ret_why)
{
	const struct edge *e = &plan->edges[edge];
	struct digest read;
	uint32_t *found;

	ret_why->kind = WHY_NONE;
	if (!e->has_trace)
		return why_set(ret_why, e->begun ? WHY_BEGUN : WHY_NEW, MF_NONE);
	if (e->begun)
		return why_set(ret_why, WHY_BEGUN, MF_NONE);
	if (!(plan->m->edges[edge].flags & MF_EDGE_GENERATOR)) {
		struct pawl_digest command = plan->m->commands[edge];

		if (command.low != e->trace.command.low ||
		    command.high != e->trace.command.high)
			return why_set(ret_why, WHY_COMMAND, MF_NONE);
	}
	if (!plan_outs_check(plan, edge, ret_why))
		return false;
	found = e->trace.n_found ? build_realloc(NULL, e->trace.n_found * sizeof(*found))
				 : NULL;
	for (uint32_t i = 0; i < e->trace.n_found; i++)
		found[i] = plan->numbers[e->trace.reads[e->trace.n_listed + i]];
	read = plan_read_digest(plan, edge, found, e->trace.n_found, locked, scratch);
	free(found);
	if (!digest_equal(read, e->trace.read))
		return read_blame(plan, edge, locked, ret_why);
	return true;
}

/*
 * A generator whose trace does not say, since there is none, or since the manifest that it has written names other inputs
 * than the one before, or since somebody else ran it later (`cmake -D...`, which changes a file that it reads): times
 * decide, as they do for ninja.
 */
static bool generator_check(const struct plan *plan, uint32_t edge, const struct why *why)
{
	struct mf_list outs = mf_outs(plan->m, edge), deps = mf_deps(plan->m, edge);
	int64_t oldest = INT64_MAX, written = INT64_MAX;

	if (!(plan->m->edges[edge].flags & MF_EDGE_GENERATOR) ||
	    (why->kind != WHY_NEW && why->kind != WHY_LIST && why->kind != WHY_INPUT))
		return false;
	for (uint32_t i = 0; i < outs.n; i++) {
		const struct file *file = file_at(plan->files, outs.at[i]);

		if (file->digest.kind != DIGEST_XXH3)
			return false;
		oldest = file->stamp.mtime_ns < oldest ? file->stamp.mtime_ns : oldest;
		written = file->stamp.ctime_ns < written ? file->stamp.ctime_ns : written;
	}
	if (why->kind == WHY_INPUT && written <= plan->edges[edge].trace.ended_ns)
		return false;
	for (uint32_t i = 0; i < deps.n; i++) {
		const struct file *file = file_at(plan->files, deps.at[i]);

		uint32_t producer = plan_producer(plan, deps.at[i]);

		/* CMake makes each of them the output of a phony edge, so that one may be missing. */
		if ((producer != MF_NONE &&
		     (!plan->edges[producer].phony || mf_ins(plan->m, producer).n)) ||
		    file->digest.kind == DIGEST_MISSING || file->stamp.mtime_ns > oldest)
			return false;
	}
	return true;
}

bool plan_check(const struct plan *plan, uint32_t edge, bool locked, struct string *scratch,
		struct why *ret_why)
{
	if (trace_check(plan, edge, locked, scratch, ret_why))
		return true;
	return !locked && generator_check(plan, edge, ret_why);
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
			see(plan, &all, out_of(plan, e, at));
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
		struct file *file = file_at(plan->files, out_of(plan, e, i));

		if (file->stamp.size == 0 && file->digest.kind == DIGEST_XXH3)
			file->value = plan_derived(e->trace.command, e->trace.read, i);
	}
}

/* Are its inputs there, and is something below it open? */
static int edge_below(struct plan *plan, uint32_t edge, bool *ret_open, bool *ret_waits)
{
	size_t listed = mf_ins(plan->m, edge).n, deps = mf_deps(plan->m, edge).n;
	bool dyndep = dyndep_apart(plan, edge);
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

/* ---- words ----------------------------------------------------------------------------------------- */

static const char *const why_names[WHY_KIND_COUNT] = {
	[WHY_NONE] = "none",	   [WHY_NEW] = "new",	      [WHY_BEGUN] = "unfinished",
	[WHY_COMMAND] = "command", [WHY_LIST] = "inputs",     [WHY_INPUT] = "input",
	[WHY_MISSING] = "missing", [WHY_FOREIGN] = "foreign", [WHY_ALWAYS] = "always",
	[WHY_LATE] = "late"};

const char *why_kind_name(enum why_kind kind)
{
	return why_names[kind];
}

void why_words(const struct plan *plan, const struct why *why, struct string *out)
{
	const char *path =
		why->file == MF_NONE ? "a file" : file_at(plan->files, why->file)->path;

	switch (why->kind) {
	case WHY_NEW:
		string_puts(out, "it was never built");
		break;
	case WHY_BEGUN:
		string_puts(out, "its last run did not end well");
		break;
	case WHY_COMMAND:
		string_puts(out, "its command has changed");
		break;
	case WHY_LIST:
		string_printf(out, "the files that it names have changed: %s", path);
		break;
	case WHY_INPUT:
		string_printf(out, "%s has changed (%08x, now %08x)", path, why->before,
			      why->after);
		break;
	case WHY_MISSING:
		string_printf(out, "its output %s is missing", path);
		break;
	case WHY_FOREIGN:
		string_printf(out,
			      "its output %s was changed by somebody else (%08x, now %08x)",
			      path, why->before, why->after);
		break;
	case WHY_ALWAYS:
		string_printf(out, "%s has no content to go by: it always runs", path);
		break;
	case WHY_LATE:
		string_printf(out, "%s changed while it ran", path);
		break;
	case WHY_NONE:
	case WHY_KIND_COUNT:
		string_puts(out, "something that it needs runs");
		break;
	}
}
