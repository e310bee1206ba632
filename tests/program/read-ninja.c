/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * read-ninja.c - ninja's command line as far as it needs only the manifest: the subtools, and without one whether the
 * targets are there and no cycle is below them. ninja-peer.py compares it with ninja, b-manifest times it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <pawl/mem.h>

#include "ninja/options.h"
#include "ninja/tools.h"

static void warn(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "ninja: warning: %s\n", text);
}

static int fail(const struct mf_error *error)
{
	char text[2048];

	mf_error_print(error, text, sizeof(text));
	fprintf(stderr, "ninja: error: %s\n", text);
	return 1;
}

static void put(const struct text *text, FILE *to)
{
	if (text->len)
		fwrite(text->ptr, 1, text->len, to);
}

static int run_tool(const struct mf_manifest *m, const struct ninja_options *options)
{
	struct ninja_tool_run run = {.m = m,
				     .arguments = options->targets,
				     .n_arguments = options->n_targets,
				     .dry_run = options->dry_run,
				     .verbose = options->verbose,
				     .quiet = options->quiet};
	struct text out = TEXT_INIT, err = TEXT_INIT;
	int status = ninja_tool_run(options->tool, &run, &out, &err);

	put(&out, stdout);
	put(&err, stderr);
	text_fini(&out);
	text_fini(&err);
	return status;
}

static int check_targets(const struct mf_manifest *m, const struct ninja_options *options)
{
	struct mf_error error;
	uint32_t *nodes, n;

	if (ninja_targets(m, options->targets, options->n_targets, &nodes, &n, &error) != 0)
		return fail(&error);
	if (mf_check_cycles(m, nodes, n, &error) != 0)
		return fail(&error);
	pawl_mem_free(nodes, n * sizeof(*nodes), 0);
	return 0;
}

int main(int argc, char **argv)
{
	struct mf_options reading = MF_OPTIONS_INIT;
	struct ninja_options options;
	struct text message = TEXT_INIT;
	struct mf_manifest *m;
	struct mf_error error;
	int status;

	if (ninja_options_parse(argc, argv, &options, &message, &status) == NINJA_EXIT) {
		put(&message, status ? stderr : stdout);
		text_fini(&message);
		return status;
	}
	if (options.dir && chdir(options.dir) != 0) {
		perror(options.dir);
		return 1;
	}
	reading.warn = warn;
	reading.duplicates_warn = options.duplicates_warn;
	reading.phony_cycle_error = options.phony_cycle_error;
	if (mf_load(options.manifest, &reading, &m, &error) != 0)
		return fail(&error);
	status = options.tool ? run_tool(m, &options) : check_targets(m, &options);
	mf_free(m);
	return status;
}
