/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * front.c - the command lines of `pawl build`, `pawl why`, `pawl clean`, and of ninja.
 *
 * `pawl build` takes all that ninja takes, and some options more, which are looked for first.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build.h"
#include "commands.h"
#include "ninja/options.h"

static void build_usage(FILE *to)
{
	fputs("usage: pawl build [OPTION ...] [TARGET ...]\n"
	      "\n"
	      "Build the targets of build.ninja, or its default ones. What is run is decided by the\n"
	      "content of files, not by their times.\n"
	      "\n"
	      "  -C DIR         change to DIR before all else\n"
	      "  -f FILE        the manifest; build.ninja\n"
	      "  -j N           commands at one time; 0: no limit\n"
	      "  -k N           go on until N commands have failed; 0: no limit\n"
	      "  -l N           start no command while the load average is above N\n"
	      "  -n             say what would be run, and run nothing\n"
	      "  -v             show commands in place of their descriptions\n"
	      "  --quiet        show nothing but what fails\n"
	      "  --color WHEN   auto, always, never\n"
	      "  --json         one JSON object a line for each command that has ended\n"
	      "  --trace FILE   write the commands as Chrome trace events\n"
	      "  --dot FILE     write the graph, and what became of it, for dot(1)\n"
	      "  -d explain     say why each command runs\n"
	      "  -d stats       say what took time\n"
	      "  -d keepdepfile, -d keeprsp\n"
	      "                 keep the files that commands write and read beside\n"
	      "  -t TOOL        ninja's tools; -t list names them\n"
	      "  --help, --version\n"
	      "\n"
	      "Status: 0 done, 1 something failed, 2 wrong usage, 130 interrupted.\n",
	      to);
}

/* Ours, before ninja's. Taken out of argv. Returns: 0; 1: help was asked for; -1: wrong. */
static int ours_take(int *argc, char **argv, struct build_options *o)
{
	int to = 1;

	for (int i = 1; i < *argc; i++) {
		const char *value = NULL;
		bool trace = !strncmp(argv[i], "--trace", 7),
		     color = !strncmp(argv[i], "--color", 7),
		     dot = !strcmp(argv[i], "--dot") || !strncmp(argv[i], "--dot=", 6);
		size_t n = dot ? 5 : 7;

		if (!strcmp(argv[i], "--")) {
			while (i < *argc)
				argv[to++] = argv[i++];
			break;
		}
		/* The rest is a tool's. */
		if (!strncmp(argv[i], "-t", 2)) {
			while (i < *argc)
				argv[to++] = argv[i++];
			break;
		}
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return 1;
		if (!strcmp(argv[i], "--json")) {
			o->json = true;
			continue;
		}
		if ((trace || color || dot) && argv[i][n] == '=')
			value = argv[i] + n + 1;
		else if ((trace || color || dot) && !argv[i][n] && i + 1 < *argc)
			value = argv[++i];
		if (!value) {
			argv[to++] = argv[i];
		} else if (trace) {
			o->trace = value;
		} else if (dot) {
			o->dot = value;
		} else if (!strcmp(value, "always")) {
			o->color = STATUS_COLOR_ALWAYS;
		} else if (!strcmp(value, "never")) {
			o->color = STATUS_COLOR_NEVER;
		} else if (strcmp(value, "auto") != 0) {
			fprintf(stderr, "pawl: --color is auto, always or never\n");
			return -1;
		}
	}
	*argc = to;
	argv[to] = NULL;
	return 0;
}

static unsigned most(uint64_t n)
{
	return n > 1000000 ? 1000000 : (unsigned)n;
}

static void options_of(const struct ninja_options *n, struct build_options *o)
{
	o->manifest = n->manifest;
	o->targets = (const char *const *)n->targets;
	o->targets_n = (size_t)n->n_targets;
	o->jobs = most(n->jobs_given ? n->jobs : ninja_default_jobs());
	o->failures = n->keep_going > 1000000 ? 0 : (unsigned)n->keep_going;
	o->load = n->max_load < 0 ? 0 : n->max_load;
	o->verbose = n->verbose;
	o->quiet = n->quiet;
	o->dry_run = n->dry_run;
	o->explain = n->explain;
	o->keep_depfile = n->keep_depfile;
	o->keep_rsp = n->keep_rsp;
	o->stats = n->stats;
	o->duplicates_warn = n->duplicates_warn;
	o->phony_cycle_error = n->phony_cycle_error;
}

/* Reads the line and goes to the directory. True: go on. */
static bool begin(int argc, char **argv, struct ninja_options *n, struct build_options *o,
		  int *ret_status)
{
	struct text message = TEXT_INIT;
	enum ninja_verdict verdict = ninja_options_parse(argc, argv, n, &message, ret_status);

	if (message.len)
		fputs(message.ptr, *ret_status ? stderr : stdout);
	text_fini(&message);
	if (verdict == NINJA_EXIT)
		return false;
	options_of(n, o);
	if (!n->dir)
		return true;
	if (!o->quiet && !n->tool) {
		printf("%s: Entering directory `%s'\n", o->name, n->dir);
		(void)fflush(stdout);
	}
	if (!chdir(n->dir))
		return true;
	fprintf(stderr, "%s: fatal: chdir to '%s' - %s\n", o->name, n->dir, strerror(errno));
	*ret_status = BUILD_FAILED;
	return false;
}

static int run(int argc, char **argv, struct build_options *o)
{
	struct ninja_options n;
	int status = 0;

	if (!begin(argc, argv, &n, o, &status))
		return status;
	if (n.tool)
		return build_tool(o, n.tool, n.targets, n.n_targets);
	return build_run(o);
}

int tool_build(int argc, char **argv)
{
	struct build_options o = {.name = "pawl"};

	switch (ours_take(&argc, argv, &o)) {
	case 0:
		return run(argc, argv, &o);
	case 1:
		build_usage(stdout);
		return BUILD_DONE;
	default:
		return BUILD_MISUSED;
	}
}

int tool_build_ninja(int argc, char **argv)
{
	struct build_options o = {.name = "ninja"};

	return run(argc, argv, &o);
}

int tool_build_why(int argc, char **argv)
{
	struct build_options o = {.name = "pawl"};
	struct ninja_options n;
	int status = 0;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		puts("usage: pawl why [-C DIR] [-f FILE] TARGET ...\n\n"
		     "Why the command of a target will run, or ran the last time: the chain from there to\n"
		     "the file that was edited, with its digest before and after.");
		return BUILD_DONE;
	}
	o.quiet = true;
	if (!begin(argc, argv, &n, &o, &status))
		return status;
	if (!o.targets_n) {
		fprintf(stderr, "usage: pawl why [-C DIR] [-f FILE] TARGET ...\n");
		return BUILD_MISUSED;
	}
	return build_why(&o);
}

int tool_build_clean(int argc, char **argv)
{
	struct build_options o = {.name = "pawl"};
	struct ninja_options n;
	bool generator = false;
	int status = 0, to = 1;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-g")) {
			generator = true;
		} else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			puts("usage: pawl clean [-C DIR] [-f FILE] [-g]\n\n"
			     "Remove what the commands of build.ninja make; with -g also what makes\n"
			     "build.ninja itself. What is known of past builds stays.");
			return BUILD_DONE;
		} else {
			argv[to++] = argv[i];
		}
	}
	argv[to] = NULL;
	o.quiet = true;
	if (!begin(to, argv, &n, &o, &status))
		return status;
	return build_clean(&o, generator);
}
