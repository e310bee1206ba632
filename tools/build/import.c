/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * import.c - .ninja_log and .ninja_deps.
 *
 * Ninja knows of an output the hash of the command that made it, and a time: nothing that the command read was newer. If
 * the command is the same, the outputs are there, and nothing that is read is newer than that time, then what is there
 * now is what was read and made: the digests of today are those of that run. So an edge gets a trace of them. It is made
 * in two steps: what was found out by running it (.ninja_deps, depfiles) has to be known before a plan is made, the digests
 * hang on those of the edges before it.
 *
 * Whatever is missing, of another version, or damaged means: that edge is run. So are edges with dyndep files.
 */
#include "import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/depfile.h"
#include "ninja/log.h"

struct logged { /* an output, the newest line about it */
	int64_t mtime_ns;
	uint64_t command;
	bool there;
};

struct dependencies {
	int64_t mtime_ns;
	const char *ids; /* in the file's bytes */
	uint32_t n;
};

struct import {
	struct build *b;
	struct string log, deps;
	unsigned version;	    /* of the log */
	struct logged *logged;	    /* by node */
	struct dependencies *found; /* by node; n 0 and no ids: none */
	uint32_t *paths;	    /* files, by id in .ninja_deps */
	size_t paths_n, paths_room;
	uint32_t *files; /* of the edge at hand: found */
	size_t files_n, files_room;
	struct string scratch;
	size_t edges;
};

/* ---- ninja's files ------------------------------------------------------------------------------ */

static bool bytes_read(const struct build *b, const char *name, struct string *out)
{
	struct string path = {NULL, 0, 0};
	size_t n = strlen(b->folder.bytes) - strlen(".pawl");
	char *buf = build_realloc(NULL, 65536);
	ssize_t got = -1;
	int fd;

	string_add(&path, b->folder.bytes, n);
	string_puts(&path, name);
	fd = open(path.bytes, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && ((got = read(fd, buf, 65536)) > 0 || (got < 0 && errno == EINTR)))
		string_add(out, buf, got > 0 ? (size_t)got : 0);
	if (fd >= 0)
		close(fd);
	free(buf);
	string_free(&path);
	return got == 0 && out->n;
}

/* What is there has no version that can be read: said, since all of it is built anew then. */
static bool log_is_other(const struct build *b, unsigned version)
{
	char words[64] = "not a log of ninja";

	if (version >= NINJA_LOG_OLDEST && version <= NINJA_LOG_NEWEST)
		return false;
	if (version)
		(void)snprintf(words, sizeof(words), "of version %u, and %u to %u can be read",
			       version, NINJA_LOG_OLDEST, NINJA_LOG_NEWEST);
	status_say(b->status, "warning",
		   ".ninja_log is %s: what ninja has built is not taken over", words);
	return true;
}

/* Later lines are newer. */
static bool log_read(struct import *import)
{
	const struct mf_manifest *m = import->b->m;
	struct ninja_log_line line;
	size_t at = 0;

	if (!bytes_read(import->b, ".ninja_log", &import->log))
		return false;
	import->version = ninja_log_version(import->log.bytes, import->log.n);
	if (log_is_other(import->b, import->version))
		return false;
	while (ninja_log_next(import->log.bytes, &at, &line)) {
		uint32_t node = mf_find(m, line.output, strlen(line.output));

		if (node != MF_NONE)
			import->logged[node] =
				(struct logged){line.mtime_ns, line.command, true};
	}
	return true;
}

static uint32_t u32_at(const char *at)
{
	uint32_t value;

	memcpy(&value, at, 4);
	return value;
}

#define DEPS_RECORD (1u << 31)

/* One record; false: the rest is damaged. */
static bool deps_record(struct import *import, const char *at, uint32_t bytes, bool is_deps)
{
	uint32_t out, file;

	if (is_deps) {
		if (bytes < 12 || bytes % 4 || (out = u32_at(at)) >= import->paths_n)
			return false;
		for (uint32_t i = 12; i < bytes; i += 4) {
			if (u32_at(at + i) >= import->paths_n)
				return false;
		}
		file = import->paths[out];
		if (file < import->b->m->n_nodes)
			import->found[file] = (struct dependencies){
				(int64_t)(u32_at(at + 4) | (uint64_t)u32_at(at + 8) << 32),
				at + 12, bytes / 4 - 3};
		return true;
	}
	if (bytes < 8 || u32_at(at + bytes - 4) != ~(uint32_t)import->paths_n)
		return false;
	for (bytes -= 4; bytes && !at[bytes - 1];)
		bytes--;
	if (!bytes || memchr(at, 0, bytes))
		return false;
	BUILD_GROW(import->paths, import->paths_n, import->paths_room);
	import->paths[import->paths_n++] = files_add(import->b->files, at, bytes);
	return true;
}

static void deps_read(struct import *import)
{
	static const char head[] = "# ninjadeps\n\4\0\0";
	size_t at = sizeof(head);

	if (!bytes_read(import->b, ".ninja_deps", &import->deps) || import->deps.n < at ||
	    memcmp(import->deps.bytes, head, at) != 0)
		return;
	while (import->deps.n - at >= 4) {
		uint32_t size = u32_at(import->deps.bytes + at), bytes = size & ~DEPS_RECORD;

		at += 4;
		if (bytes > import->deps.n - at ||
		    !deps_record(import, import->deps.bytes + at, bytes,
				 (size & DEPS_RECORD) != 0))
			return;
		at += bytes;
	}
}

/* ---- one edge ------------------------------------------------------------------------------------ */

static bool command_same(struct import *import, uint32_t edge, uint64_t logged)
{
	const struct build *b = import->b;
	struct text text = TEXT_INIT;
	size_t n;
	bool same;

	if (mf_eval(b->m, edge, MF_COMMAND, &text) || text_add_str(&text, ";rspfile="))
		build_out_of_memory();
	n = text.len;
	if (mf_eval(b->m, edge, MF_RSPFILE_CONTENT, &text))
		build_out_of_memory();
	if (text.len == n)
		text_cut(&text, n - strlen(";rspfile="));
	same = ninja_log_hash(import->version, text.ptr, text.len) == logged;
	text_fini(&text);
	return same;
}

static void found_add(struct import *import, uint32_t edge, uint32_t file)
{
	struct mf_list deps = mf_deps(import->b->m, edge), outs = mf_outs(import->b->m, edge);

	for (uint32_t i = 0; i < deps.n; i++) {
		if (deps.at[i] == file)
			return;
	}
	for (uint32_t i = 0; i < outs.n; i++) {
		if (outs.at[i] == file)
			return;
	}
	for (size_t i = 0; i < import->files_n; i++) {
		if (import->files[i] == file)
			return;
	}
	BUILD_GROW(import->files, import->files_n, import->files_room);
	import->files[import->files_n++] = file;
}

/* A depfile that was left: ninja reads it each time. */
static bool found_in_depfile(struct import *import, uint32_t edge)
{
	struct depfile depfile = DEPFILE_INIT;
	struct string bytes = {NULL, 0, 0};
	struct text path = TEXT_INIT;
	const char *what;
	struct stat st;
	int fd, error = mf_eval(import->b->m, edge, MF_DEPFILE, &path);

	fd = error ? -1 : open(path.ptr, O_RDONLY | O_CLOEXEC);
	text_fini(&path);
	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		char *buf = build_realloc(NULL, (size_t)st.st_size + 1);
		ssize_t n = read(fd, buf, (size_t)st.st_size);

		if (n == st.st_size)
			string_add(&bytes, buf, (size_t)n);
		free(buf);
	}
	close(fd);
	error = bytes.n ? depfile_parse(&depfile, bytes.bytes, bytes.n, &what) : -ENODATA;
	for (uint32_t i = 0; !error && i < depfile.n_ins; i++)
		found_add(import, edge,
			  files_add(import->b->files, depfile.ins[i].ptr, depfile.ins[i].len));
	depfile_fini(&depfile);
	string_free(&bytes);
	return !error;
}

/* What running it has found out. False: it is not known. */
static bool found_take(struct import *import, uint32_t edge)
{
	uint32_t out = mf_outs(import->b->m, edge).at[0];
	const struct dependencies *d = &import->found[out];

	import->files_n = 0;
	if (!(import->b->m->edges[edge].flags & (MF_EDGE_DEPFILE | MF_EDGE_DEPS)))
		return true;
	if (!(import->b->m->edges[edge].flags & MF_EDGE_DEPS))
		return found_in_depfile(import, edge);
	if (!d->ids || d->mtime_ns < file_at(import->b->files, out)->stamp.mtime_ns)
		return false;
	for (uint32_t i = 0; i < d->n; i++)
		found_add(import, edge, import->paths[u32_at(d->ids + 4 * (size_t)i)]);
	return true;
}

/* It is there, and was not written later. Phony names are what they stand for: those have edges of their own. */
static bool read_is_older(const struct build *b, uint32_t file, int64_t mtime_ns)
{
	uint32_t producer = plan_producer(&b->plan, file);

	if (producer != MF_NONE && b->plan.edges[producer].phony) {
		struct mf_list deps = mf_deps(b->m, producer);

		for (uint32_t i = 0; i < deps.n; i++) {
			if (deps.at[i] != file && !read_is_older(b, deps.at[i], mtime_ns))
				return false;
		}
		return deps.n > 0;
	}
	(void)file_look(b->files, file);
	return file_at(b->files, file)->digest.kind != DIGEST_MISSING &&
	       file_at(b->files, file)->stamp.mtime_ns <= mtime_ns;
}

static bool as_ninja_left_it(struct import *import, uint32_t edge)
{
	const struct build *b = import->b;
	struct mf_list outs = mf_outs(b->m, edge), deps = mf_deps(b->m, edge);

	for (uint32_t i = 0; i < outs.n; i++) {
		const struct logged *l = &import->logged[outs.at[i]];

		if (!l->there || (i && l->command != import->logged[outs.at[0]].command))
			return false;
		(void)file_look(b->files, outs.at[i]);
		if (file_at(b->files, outs.at[i])->digest.kind == DIGEST_MISSING)
			return false;
	}
	if (!command_same(import, edge, import->logged[outs.at[0]].command) ||
	    !found_take(import, edge))
		return false;
	for (uint32_t i = 0; i < outs.n; i++) {
		int64_t mtime_ns = import->logged[outs.at[i]].mtime_ns;

		for (uint32_t k = 0; k < deps.n; k++) {
			if (!read_is_older(b, deps.at[k], mtime_ns))
				return false;
		}
		for (size_t k = 0; k < import->files_n; k++) {
			if (!read_is_older(b, import->files[k], mtime_ns))
				return false;
		}
	}
	return true;
}

/* The number of a file in the journal; the plan finds it by that, too. */
static uint32_t number(struct build *b, uint32_t file)
{
	struct plan *plan = &b->plan;
	uint32_t n = build_number(b, file);

	while (plan->numbers_n <= n) {
		BUILD_GROW(plan->numbers, plan->numbers_n, plan->numbers_room);
		plan->numbers[plan->numbers_n++] = 0;
	}
	plan->numbers[n] = file;
	return n;
}

/* All but the digests. */
static void trace_begin(struct import *import, uint32_t edge)
{
	struct build *b = import->b;
	struct edge *e = &b->plan.edges[edge];
	struct mf_list outs = mf_outs(b->m, edge), deps = mf_deps(b->m, edge);
	size_t reads = deps.n + import->files_n;
	struct digest *digests = build_alloc(outs.n * sizeof(*digests) +
					     (2 * reads + outs.n) * sizeof(uint32_t));
	uint32_t *numbers = (void *)(digests + outs.n);

	for (size_t i = 0; i < reads; i++)
		numbers[i] = number(b, i < deps.n ? deps.at[i] : import->files[i - deps.n]);
	for (uint32_t i = 0; i < outs.n; i++)
		numbers[2 * reads + i] = number(b, outs.at[i]);
	e->trace = (struct trace){
		.command = {b->m->commands[edge].low, b->m->commands[edge].high, DIGEST_DERIVED,
			    0},
		.ended_ns = import->logged[outs.at[0]].mtime_ns,
		.n_listed = deps.n,
		.n_found = (uint32_t)import->files_n,
		.n_outs = outs.n,
		.reads = numbers,
		.read_digests = numbers + reads,
		.outs = numbers + 2 * reads,
		.out_digests = digests,
	};
	e->has_trace = e->imported = true;
	BUILD_GROW(b->plan.kept, b->plan.kept_n, b->plan.kept_room);
	b->plan.kept[b->plan.kept_n++] = digests;
	import->edges++;
}

void import_settle(struct plan *plan, uint32_t edge)
{
	struct edge *e = &plan->edges[edge];
	size_t reads = (size_t)e->trace.n_listed + e->trace.n_found;
	/* Ours: trace_begin() has made them. */
	uint32_t *read_digests = (uint32_t *)(uintptr_t)e->trace.read_digests;
	struct digest *outs = (struct digest *)(uintptr_t)e->trace.out_digests;
	uint32_t *found = build_realloc(NULL, e->trace.n_found * sizeof(*found));

	e->imported = false;
	for (uint32_t i = 0; i < e->trace.n_found; i++)
		found[i] = plan->numbers[e->trace.reads[e->trace.n_listed + i]];
	e->trace.read =
		plan_read_digest(plan, edge, found, e->trace.n_found, false, &plan->scratch);
	free(found);
	for (size_t i = 0; i < reads; i++)
		read_digests[i] = digest_short(
			file_at(plan->files, plan->numbers[e->trace.reads[i]])->value);
	for (uint32_t i = 0; i < e->trace.n_outs; i++)
		outs[i] = file_at(plan->files, plan->numbers[e->trace.outs[i]])->digest;
	e->has_trace = e->trace.read.kind != DIGEST_UNKNOWN;
	/* What cannot be written is run by the next build. */
	if (e->has_trace)
		(void)journal_end(plan->journal, e->trace.outs[0], &e->trace);
}

/* ---- all of them ----------------------------------------------------------------------------------- */

/* Looked at on all processors before they are asked for one by one. */
static void look(struct import *import)
{
	struct build *b = import->b;
	uint32_t n = pawl_load_relaxed(&b->files->n);
	uint32_t *all = build_realloc(NULL, n * sizeof(*all));

	for (uint32_t i = 0; i < n; i++)
		all[i] = i;
	files_look(b->files, all, n);
	free(all);
}

void build_import(struct build *b)
{
	struct import import = {.b = b};

	if (b->plan.numbers_n)
		return;
	import.logged = build_alloc(b->m->n_nodes * sizeof(*import.logged));
	import.found = build_alloc(b->m->n_nodes * sizeof(*import.found));
	if (log_read(&import)) {
		deps_read(&import);
		look(&import);
		for (uint32_t edge = 0; edge < b->m->n_edges; edge++) {
			const struct mf_edge *e = &b->m->edges[edge];

			if (!(e->flags & (MF_EDGE_PHONY | MF_EDGE_GENERATOR)) &&
			    e->dyndep == MF_NONE && as_ninja_left_it(&import, edge))
				trace_begin(&import, edge);
		}
	}
	if (import.edges && !b->options->quiet && strcmp(b->options->name, "ninja") != 0)
		status_print(b->status, "%s: what ninja has built is taken over: %zu commands",
			     b->options->name, import.edges);
	free(import.logged);
	free(import.found);
	free(import.paths);
	free(import.files);
	string_free(&import.log);
	string_free(&import.deps);
	string_free(&import.scratch);
}
