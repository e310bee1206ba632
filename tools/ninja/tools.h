/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tools.h - ninja's subtools (-t NAME) that need no more than the manifest, and what the others
 * need from whoever knows the logs.
 *
 * A tool writes what ninja writes, byte for byte where that makes sense, into a text that the caller prints;
 * addresses in the graph are numbers of nodes and edges instead.
 */
#ifndef TOOLS_NINJA_TOOLS_H
#define TOOLS_NINJA_TOOLS_H

#include "manifest/manifest.h"

/* What the tools ask beside the manifest. Any may be NULL: then there are no such things. */
struct ninja_tool_host {
	void *arg;
	/*
	 * deps, missingdeps: what was found out about an output by running its command. Returns 1 with a
	 * list of paths (canonical, terminated; they stay until the next call) and the time of the
	 * record, 0 if nothing is recorded, -errno. `ret_valid`: the output is not newer than the record.
	 */
	int (*deps)(void *arg, const char *output, const char *const **ret_paths,
		    uint32_t *ret_n, int64_t *ret_mtime_ns, bool *ret_valid);
	/* deps without targets: outputs that have records, one a call, NULL at the end. */
	const char *(*next_output)(void *arg, bool from_the_start);
	/* Remove a file: 1 it was there, 0 it was not, -errno. NULL: remove(3). */
	int (*remove)(void *arg, const char *path);
	/* Was it there? For -n. 1, 0, -errno. NULL: stat(2). */
	int (*exists)(void *arg, const char *path);
	/* cleandead: outputs that the log knows, one a call, NULL at the end. */
	const char *(*next_logged)(void *arg, bool from_the_start);
	/* recompact, restat: do it. Returns 0 or -errno, message in `ret_error`. */
	int (*recompact)(void *arg, struct mf_error *ret_error);
	int (*restat)(void *arg, char **outputs, int n_outputs, struct mf_error *ret_error);
};

/* How ninja was called. */
struct ninja_tool_run {
	const struct mf_manifest
		*m; /* NULL for those that run before it is read: ninja_tool_early() */
	const struct ninja_tool_host *host;
	char **arguments; /* after the tool's name; NULL at the end; permuted */
	int n_arguments;
	bool dry_run, verbose, quiet;
};

/* The table's names; for "did you mean". NULL at the end. */
const char *const *ninja_tool_names(void);
bool ninja_tool_exists(const char *name);
/* What -t list prints. */
PAWL_MUST_CHECK int ninja_tools_list(struct text *out);
/* Does it run without a manifest (restat, recompact), as CMake asks for it before there is one? */
bool ninja_tool_early(const char *name);

/*
 * ninja_tool_run() - Run one.
 *
 * Returns: what to exit with. What goes to stdout is in `out`, to stderr in `err`, both complete.
 * Requires: ninja_tool_exists(name).
 */
int ninja_tool_run(const char *name, const struct ninja_tool_run *run, struct text *out,
		   struct text *err);

/* The word of the list that is nearest, at most 3 edits away, or NULL. */
const char *ninja_nearest_word(const char *word, const char *const *words);

#endif
