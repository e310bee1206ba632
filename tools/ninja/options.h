/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h - ninja's command line, and what it says.
 *
 *	ninja [-C DIR] [-f FILE] [-j N] [-k N] [-l N] [-n] [-v] [--quiet] [-d MODE] [-w FLAG] [TARGET ...]
 *	ninja [...] -t TOOL [TOOL'S ARGUMENTS]
 *
 * Nothing is done here but reading: the caller changes the directory, loads, builds. What has to be
 * printed at once ("-h", "--version", a wrong argument) is in `message`, and `status` is what to exit
 * with; both are ninja's.
 */
#ifndef TOOLS_NINJA_OPTIONS_H
#define TOOLS_NINJA_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/manifest.h"

/*
 * What --version says. CMake compares it with the versions in which ninja's features came, as
 * numbers with dots up to the first other character; Meson takes the first such number.
 */
#define NINJA_VERSION MF_NINJA_VERSION ".pawl"

struct ninja_options {
	const char *dir;      /* -C, the last one; NULL */
	const char *manifest; /* -f, "build.ninja" */
	uint64_t jobs; /* -j; 0: no limit is UINT64_MAX; not given: ninja_default_jobs() */
	bool jobs_given;
	uint64_t keep_going; /* -k: stop after so many failures; "0", no limit: UINT64_MAX */
	double max_load;     /* -l; below 0: no limit */
	bool dry_run;	     /* -n */
	bool verbose;	     /* -v */
	bool quiet;	     /* --quiet */
	/* -d, several. */
	bool stats, explain, keep_depfile, keep_rsp, nostatcache;
	/* -w, several. */
	bool duplicates_warn, phony_cycle_error;
	/* -t: the rest of the line is the tool's. Its name, NULL. */
	const char *tool;
	char **targets; /* or the tool's arguments: argv's, NULL at the end */
	int n_targets;
	const char *status; /* NINJA_STATUS, or ninja's default "[%f/%t] " */
};

enum ninja_verdict {
	NINJA_RUN, /* go on */
	NINJA_EXIT, /* print `ret_message` (to stderr if `ret_status` is not 0) and exit with `ret_status` */
};

/*
 * ninja_options_parse() - Read the command line; argv is permuted, as by getopt_long(), so that targets may
 * stand between options.
 *
 * The message is put at the end of `message`, with its newline. If there is no memory for it, it is left out.
 * Context: uses getopt's global state; the environment's NINJA_STATUS.
 */
enum ninja_verdict ninja_options_parse(int argc, char **argv, struct ninja_options *ret_options,
				       struct text *message, int *ret_status);

/* ninja_default_jobs() - Jobs without -j: processors that the process may use, +2, or 2, 3 where there are one, two. */
uint64_t ninja_default_jobs(void);

/*
 * ninja_target() - The node that an argument names: its path, or with a '^' at its end the first output of
 * the first edge that uses it.
 *
 * Errors: -EINVAL, the message is ninja's ("unknown target 'x', did you mean 'y'?").
 */
PAWL_MUST_CHECK int ninja_target(const struct mf_manifest *m, const char *argument,
				 uint32_t *ret_node, struct mf_error *ret_error);

/*
 * ninja_targets() - The nodes to build: those that the arguments name, or the default ones, or the roots.
 *
 * Owns: the caller, pawl_mem_free(nodes, n * 4, 0); NULL if n is 0.
 */
PAWL_MUST_CHECK int ninja_targets(const struct mf_manifest *m, char **arguments,
				  int n_arguments, uint32_t **ret_nodes, uint32_t *ret_n,
				  struct mf_error *ret_error);

#endif
