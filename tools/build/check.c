/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.c - is an edge as its trace says? The same for plans and for bodies.
 *
 * What an edge reads goes by *values*. The value of a file is its digest. Of an output that has no content, a stamp file,
 * it is the digest of the command and what that read, so that who depends on the stamp runs when it would have been
 * written anew. Of a phony edge it is the digest over its inputs.
 */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

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

bool plan_dyndep_apart(const struct plan *plan, uint32_t edge)
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
	if (plan_dyndep_apart(plan, edge))
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

/* The outputs are those that it made. */
bool plan_outs_check(const struct plan *plan, uint32_t edge, struct why *ret_why)
{
	const struct edge *e = &plan->edges[edge];
	struct mf_list outs = mf_outs(plan->m, edge);
	bool generator = (plan->m->edges[edge].flags & MF_EDGE_GENERATOR) != 0;

	if (e->trace.n_outs < outs.n)
		return why_set(ret_why, WHY_LIST, outs.at[outs.n - 1]);
	for (uint32_t i = 0; i < e->trace.n_outs; i++) {
		uint32_t out = plan_out(plan, e, i);
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
	bool apart = plan_dyndep_apart(plan, edge);
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
