/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool.c - ninja's subtools, with what the journal knows for those that ask for ninja's logs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ninja/tools.h"

#include "inside.h"
#include "state.h"

struct host {
	struct build *b;
	const char **paths; /* of the last answer */
	size_t paths_n, paths_room;
	uint32_t next;
	unsigned char
		*read; /* by file: an edge was found to read it; NULL: not asked for yet */
};

static int host_deps(void *arg, const char *output, const char *const **ret_paths,
		     uint32_t *ret_n, int64_t *ret_mtime_ns, bool *ret_valid)
{
	struct host *host = arg;
	struct build *b = host->b;
	uint32_t node = mf_find(b->m, output, strlen(output));
	const struct edge *e;
	struct why why;

	if (node == MF_NONE || b->m->nodes[node].edge == MF_NONE)
		return 0;
	e = &b->plan.edges[b->m->nodes[node].edge];
	if (!e->has_trace || !(b->m->edges[b->m->nodes[node].edge].flags & MF_EDGE_DEPS))
		return 0;
	host->paths_n = 0;
	for (uint32_t i = 0; i < e->trace.n_found; i++) {
		uint32_t file = b->plan.numbers[e->trace.reads[e->trace.n_listed + i]];

		BUILD_GROW(host->paths, host->paths_n, host->paths_room);
		host->paths[host->paths_n++] = file_at(b->files, file)->path;
	}
	(void)file_look(b->files, node);
	why.kind = WHY_NONE;
	*ret_valid = plan_outs_check(&b->plan, b->m->nodes[node].edge, &why);
	*ret_mtime_ns = e->trace.ended_ns;
	*ret_paths = host->paths;
	*ret_n = (uint32_t)host->paths_n;
	return 1;
}

static const char *host_next(struct host *host, bool from_the_start, uint32_t flags)
{
	struct build *b = host->b;

	if (from_the_start)
		host->next = 0;
	while (host->next < b->m->n_edges) {
		uint32_t edge = host->next++;

		if (b->plan.edges[edge].has_trace && (b->m->edges[edge].flags & flags) == flags)
			return mf_path(b->m, mf_outs(b->m, edge).at[0]);
	}
	return NULL;
}

static const char *host_next_output(void *arg, bool from_the_start)
{
	return host_next(arg, from_the_start, MF_EDGE_DEPS);
}

static void reads_mark(struct host *host)
{
	struct build *b = host->b;

	host->read = build_alloc(pawl_load_relaxed(&b->files->n) + 1);
	for (uint32_t edge = 0; edge < b->m->n_edges; edge++) {
		const struct trace *t = &b->plan.edges[edge].trace;

		for (uint32_t i = 0; b->plan.edges[edge].has_trace && i < t->n_found; i++)
			host->read[b->plan.numbers[t->reads[t->n_listed + i]]] = 1;
	}
}

/*
 * Outputs of past manifests, too: all paths that were ever the output of a run, but for those that an edge makes as its
 * dyndep file says, or reads as it was found to.
 */
static const char *host_next_logged(void *arg, bool from_the_start)
{
	struct host *host = arg;
	struct build *b = host->b;

	if (from_the_start)
		host->next = 0;
	if (!host->read)
		reads_mark(host);
	while (host->next < b->plan.outputs_n) {
		uint32_t file = b->plan.outputs[host->next++];

		if (file < b->m->n_nodes ||
		    (plan_producer(&b->plan, file) == MF_NONE && !host->read[file]))
			return file_at(b->files, file)->path;
	}
	return NULL;
}

static int host_recompact(void *arg, struct mf_error *ret_error)
{
	struct host *host = arg;
	struct build *b = host->b;
	int error;

	/* Nothing was ever built, or somebody builds: there is nothing to do, or he does it. */
	if (!b->plan.journal || state_lock(b))
		return 0;
	error = journal_rewrite(b->plan.journal);
	if (error)
		(void)snprintf(ret_error->message, sizeof(ret_error->message), "%s/log: %s",
			       b->folder.bytes, strerror(-error));
	return error;
}

/* ---- restat ---------------------------------------------------------------------------------- */

static bool restat_wanted(const char *path, char **outputs, int n)
{
	bool wanted = !n;

	for (int i = 0; i < n && !wanted; i++) {
		char *canonical = build_dup(outputs[i], strlen(outputs[i]));

		canonical[mf_canonical(canonical, strlen(canonical))] = 0;
		wanted = !strcmp(path, canonical);
		free(canonical);
	}
	return wanted;
}

/* What is there now is what the command has made. What is missing is missing. */
static int restat_edge(struct build *b, uint32_t edge, char **outputs, int n)
{
	struct trace trace = b->plan.edges[edge].trace;
	struct digest *digests = build_realloc(NULL, trace.n_outs * sizeof(*digests));
	bool changed = false;
	int error = 0;

	for (uint32_t i = 0; i < trace.n_outs; i++) {
		uint32_t out = b->plan.numbers[trace.outs[i]];
		const struct file *file = file_at(b->files, out);

		digests[i] = trace.out_digests[i];
		if (!restat_wanted(file->path, outputs, n))
			continue;
		(void)file_look(b->files, out);
		if (file->digest.kind == DIGEST_MISSING ||
		    digest_equal(file->digest, digests[i]))
			continue;
		digests[i] = file->digest;
		changed = true;
	}
	trace.out_digests = digests;
	if (changed)
		error = journal_end(b->plan.journal, trace.outs[0], &trace);
	free(digests);
	return error;
}

/*
 * Outputs that somebody has put there, or changed, count as made: what reads them runs, but not their own commands. What those
 * have read counts as ever. CMake asks for this while a build runs, and before there is a manifest: then nothing is done.
 */
static int host_restat(void *arg, char **outputs, int n, struct mf_error *ret_error)
{
	struct host *host = arg;
	struct build *b = host->b;
	struct string path = {NULL, 0, 0};
	bool nothing = b->options->dry_run || access(b->options->manifest, F_OK) ||
		       (state_folder_guess(b->options->manifest, &b->folder) &&
			access(state_path(b, "log", &path), F_OK));
	int error = nothing ? 0 : build_open(b);

	string_free(&path);
	for (uint32_t edge = 0; !nothing && !error && edge < b->m->n_edges; edge++) {
		const struct edge *e = &b->plan.edges[edge];

		if (e->has_trace && !e->begun)
			error = restat_edge(b, edge, outputs, n);
	}
	if (error && error != -EBUSY)
		(void)snprintf(ret_error->message, sizeof(ret_error->message),
			       "outputs are not taken as they are: %s", strerror(-error));
	return error == -EBUSY ? 0 : error;
}

/* ---- running one ----------------------------------------------------------------------------- */

static int tool_run(struct build *b, const char *tool, char **arguments, int n)
{
	struct host host = {.b = b};
	struct ninja_tool_host table = {.arg = &host,
					.deps = host_deps,
					.next_output = host_next_output,
					.recompact = host_recompact,
					.restat = host_restat,
					.next_logged = host_next_logged};
	struct ninja_tool_run run = {.m = b->m,
				     .host = &table,
				     .arguments = arguments,
				     .n_arguments = n,
				     .dry_run = b->options->dry_run,
				     .verbose = b->options->verbose,
				     .quiet = b->options->quiet};
	struct text out = TEXT_INIT, err = TEXT_INIT;
	int status = ninja_tool_run(tool, &run, &out, &err);

	if (out.len)
		(void)fwrite(out.ptr, 1, out.len, stdout);
	(void)fflush(stdout);
	if (err.len)
		(void)fwrite(err.ptr, 1, err.len, stderr);
	text_fini(&out);
	text_fini(&err);
	free(host.paths);
	free(host.read);
	return status;
}

int build_tool(const struct build_options *o, const char *tool, char **arguments, int n)
{
	struct build_options options = *o;
	struct build b;
	int status;

	if (strcmp(tool, "list") != 0 && !ninja_tool_exists(tool)) {
		const char *near = ninja_nearest_word(tool, ninja_tool_names());

		fprintf(stderr,
			near ? "%s: fatal: unknown tool '%s', did you mean '%s'?\n"
			     : "%s: fatal: unknown tool '%s'\n",
			o->name, tool, near);
		return BUILD_FAILED;
	}
	if (!strcmp(tool, "list")) {
		struct text out = TEXT_INIT;

		if (ninja_tools_list(&out))
			return BUILD_FAILED;
		fputs(out.ptr, stdout);
		text_fini(&out);
		return BUILD_DONE;
	}
	build_init(&b, &options);
	b.yields = true;
	if (ninja_tool_early(tool)) {
		status = tool_run(&b, tool, arguments, n);
	} else {
		/* Nothing of the state is written. */
		bool dry_run = options.dry_run;

		options.dry_run = true;
		status = build_open(&b) ? BUILD_FAILED : BUILD_DONE;
		options.dry_run = dry_run;
		if (status == BUILD_DONE)
			status = tool_run(&b, tool, arguments, n);
	}
	build_fini(&b);
	return status;
}
