/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.c - getopt_long() over ninja's letters, and ninja's words for what is wrong.
 */
#include "config.h"

#include "ninja/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pawl/mem.h>

#include "ninja/tools.h"

uint64_t ninja_default_jobs(void)
{
	cpu_set_t set;
	long n = 0;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	if (n <= 0)
		n = sysconf(_SC_NPROCESSORS_ONLN);
	return n <= 1 ? 2 : n == 2 ? 3 : (uint64_t)n + 2;
}

/* A message that cannot be kept is lost. */
static void PAWL_PRINTF(2, 3) say(struct text *message, const char *format, ...)
{
	va_list list;
	int error;

	va_start(list, format);
	error = text_vprintf(message, format, list);
	va_end(list);
	(void)error;
}

static void usage(struct text *message)
{
	say(message,
	    "usage: ninja [options] [targets...]\n"
	    "\n"
	    "if targets are unspecified, builds the 'default' target (see manual).\n"
	    "\n"
	    "options:\n"
	    "  --version      print ninja version (\"%s\")\n"
	    "  -v, --verbose  show all command lines while building\n"
	    "  --quiet        don't show progress status, just command output\n"
	    "\n"
	    "  -C DIR   change to DIR before doing anything else\n"
	    "  -f FILE  specify input build file [default=build.ninja]\n"
	    "\n"
	    "  -j N     run N jobs in parallel (0 means infinity) [default=%llu on this system]\n"
	    "  -k N     keep going until N jobs fail (0 means infinity) [default=1]\n"
	    "  -l N     do not start new jobs if the load average is greater than N\n"
	    "  -n       dry run (don't run commands but act like they succeeded)\n"
	    "\n"
	    "  -d MODE  enable debugging (use '-d list' to list modes)\n"
	    "  -t TOOL  run a subtool (use '-t list' to list subtools)\n"
	    "    terminates toplevel options; further flags are passed to the tool\n"
	    "  -w FLAG  adjust warnings (use '-w list' to list warnings)\n",
	    NINJA_VERSION, (unsigned long long)ninja_default_jobs());
}

const char *ninja_nearest_word(const char *word, const char *const *words)
{
	const char *best = NULL;
	unsigned least = 4, d;

	for (; *words; words++) {
		d = mf_distance(word, strlen(word), *words, strlen(*words));
		if (d < least) {
			least = d;
			best = *words;
		}
	}
	return best;
}

static void unknown(struct text *message, const char *kind, const char *what, const char *word,
		    const char *const *words)
{
	const char *nearest = ninja_nearest_word(word, words);

	say(message, "ninja: %s: unknown %s '%s'", kind, what, word);
	if (nearest)
		say(message, ", did you mean '%s'?", nearest);
	say(message, "\n");
}

/* Each of these returns whether to go on. */

static bool debug_mode(struct ninja_options *options, const char *word, struct text *message)
{
	static const char *const words[] = {"stats",   "explain",     "keepdepfile",
					    "keeprsp", "nostatcache", NULL};

	if (!strcmp(word, "list")) {
		say(message,
		    "debugging modes:\n"
		    "  stats        print operation counts/timing info\n"
		    "  explain      explain what caused a command to execute\n"
		    "  keepdepfile  don't delete depfiles after they're read by ninja\n"
		    "  keeprsp      don't delete @response files on success\n"
		    "multiple modes can be enabled via -d FOO -d BAR\n");
		return false;
	}
	if (!strcmp(word, "stats"))
		options->stats = true;
	else if (!strcmp(word, "explain"))
		options->explain = true;
	else if (!strcmp(word, "keepdepfile"))
		options->keep_depfile = true;
	else if (!strcmp(word, "keeprsp"))
		options->keep_rsp = true;
	else if (!strcmp(word, "nostatcache"))
		options->nostatcache = true;
	else {
		unknown(message, "error", "debug setting", word, words);
		return false;
	}
	return true;
}

static bool warning_flag(struct ninja_options *options, const char *word, struct text *message)
{
	static const char *const words[] = {"dupbuild=err", "dupbuild=warn", "phonycycle=err",
					    "phonycycle=warn", NULL};

	if (!strcmp(word, "list")) {
		say(message,
		    "warning flags:\n"
		    "  phonycycle={err,warn}  phony build statement references itself\n");
		return false;
	}
	if (!strcmp(word, "dupbuild=err"))
		options->duplicates_warn = false;
	else if (!strcmp(word, "dupbuild=warn"))
		options->duplicates_warn = true;
	else if (!strcmp(word, "phonycycle=err"))
		options->phony_cycle_error = true;
	else if (!strcmp(word, "phonycycle=warn"))
		options->phony_cycle_error = false;
	else if (strcmp(word, "depfilemulti=err") != 0 &&
		 strcmp(word, "depfilemulti=warn") != 0) {
		unknown(message, "error", "warning flag", word, words);
		return false;
	}
	return true;
}

static bool tool_name(struct ninja_options *options, const char *word, struct text *message,
		      int *status)
{
	if (!strcmp(word, "list")) {
		int error = ninja_tools_list(message);

		(void)error;
		*status = 0;
		return false;
	}
	if (!ninja_tool_exists(word)) {
		unknown(message, "fatal", "tool", word, ninja_tool_names());
		return false;
	}
	options->tool = word;
	return true;
}

static bool number(struct ninja_options *options, int letter, const char *word,
		   struct text *message)
{
	char *end;
	long n;

	if (letter == 'l') {
		double load = strtod(word, &end);

		if (end == word) {
			say(message,
			    "ninja: fatal: -l parameter not numeric: did you mean -l 0.0?\n");
			return false;
		}
		options->max_load = load;
		return true;
	}
	n = strtol(word, &end, 10);
	if (letter == 'j' && (*end || end == word || n < 0)) {
		say(message, "ninja: fatal: invalid -j parameter\n");
		return false;
	}
	if (letter == 'k' && (*end || end == word)) {
		say(message, "ninja: fatal: -k parameter not numeric; did you mean -k 0?\n");
		return false;
	}
	if (letter == 'j') {
		options->jobs = n ? (uint64_t)n : UINT64_MAX;
		options->jobs_given = true;
	} else {
		options->keep_going = n > 0 ? (uint64_t)n : UINT64_MAX;
	}
	return true;
}

enum { OPTION_VERSION = CHAR_MAX + 1, OPTION_QUIET };

/* Returns: go on. */
static bool option(struct ninja_options *options, int letter, struct text *message, int *status)
{
	switch (letter) {
	case 'C':
		options->dir = optarg;
		return true;
	case 'f':
		options->manifest = optarg;
		return true;
	case 'j':
	case 'k':
	case 'l':
		return number(options, letter, optarg, message);
	case 'n':
		options->dry_run = true;
		return true;
	case 'v':
		options->verbose = true;
		return true;
	case OPTION_QUIET:
		options->quiet = true;
		return true;
	case 'd':
		return debug_mode(options, optarg, message);
	case 'w':
		return warning_flag(options, optarg, message);
	case 't':
		return tool_name(options, optarg, message, status);
	case OPTION_VERSION:
		say(message, "%s\n", NINJA_VERSION);
		*status = 0;
		return false;
	default: /* -h, and what getopt has said is wrong */
		usage(message);
		return false;
	}
}

enum ninja_verdict ninja_options_parse(int argc, char **argv, struct ninja_options *ret_options,
				       struct text *message, int *ret_status)
{
	static const struct option names[] = {{"help", no_argument, NULL, 'h'},
					      {"version", no_argument, NULL, OPTION_VERSION},
					      {"verbose", no_argument, NULL, 'v'},
					      {"quiet", no_argument, NULL, OPTION_QUIET},
					      {NULL, 0, NULL, 0}};
	const char *status = getenv("NINJA_STATUS");
	int letter;

	*ret_options = (struct ninja_options){
		.manifest = "build.ninja",
		.jobs = ninja_default_jobs(),
		.keep_going = 1,
		.max_load = -1,
		.status = status ? status : "[%f/%t] ",
	};
	*ret_status = 1;
	optind = 0; /* glibc: from the beginning, whoever used it before */
	while (!ret_options->tool &&
	       (letter = getopt_long(argc, argv, "d:f:hj:k:l:nt:vw:C:", names, NULL)) != -1)
		if (!option(ret_options, letter, message, ret_status))
			return NINJA_EXIT;
	ret_options->targets = argv + optind;
	ret_options->n_targets = argc - optind;
	return NINJA_RUN;
}

/* ---- targets ----------------------------------------------------------------------------------- */

static int PAWL_PRINTF(2, 3) fail(struct mf_error *ret_error, const char *format, ...)
{
	va_list list;

	if (!ret_error)
		return -EINVAL;
	*ret_error = (struct mf_error){.error = -EINVAL, .caret = MF_NONE};
	va_start(list, format);
	vsnprintf(ret_error->message, sizeof(ret_error->message), format, list);
	va_end(list);
	return -EINVAL;
}

static int no_target(const struct mf_manifest *m, const char *path, size_t len,
		     struct mf_error *ret_error)
{
	uint32_t near;

	if (len == 5 && !memcmp(path, "clean", 5))
		return fail(ret_error,
			    "unknown target 'clean', did you mean 'ninja -t clean'?");
	if (len == 4 && !memcmp(path, "help", 4))
		return fail(ret_error, "unknown target 'help', did you mean 'ninja -h'?");
	near = mf_nearest(m, path, len);
	if (near != MF_NONE)
		return fail(ret_error, "unknown target '%.*s', did you mean '%.150s'?",
			    len < 200 ? (int)len : 200, path, mf_path(m, near));
	return fail(ret_error, "unknown target '%.*s'", len < 200 ? (int)len : 200, path);
}

int ninja_target(const struct mf_manifest *m, const char *argument, uint32_t *ret_node,
		 struct mf_error *ret_error)
{
	struct text path = TEXT_INIT;
	bool first_use;
	uint32_t node;
	int error = text_add_str(&path, argument);

	if (error)
		return error;
	if (!path.len) {
		text_fini(&path);
		return fail(ret_error, "empty path");
	}
	text_cut(&path, mf_canonical(path.ptr, path.len));
	first_use = path.ptr[path.len - 1] == '^';
	if (first_use)
		text_cut(&path, path.len - 1);
	node = mf_find(m, path.ptr, path.len);
	if (node == MF_NONE)
		error = no_target(m, path.ptr, path.len, ret_error);
	else if (!first_use)
		*ret_node = node;
	else if (!m->nodes[node].n_uses)
		error = fail(ret_error, "'%.300s' has no out edge", path.ptr);
	else
		*ret_node = mf_outs(m, mf_uses(m, node).at[0]).at[0];
	text_fini(&path);
	return error;
}

int ninja_targets(const struct mf_manifest *m, char **arguments, int n_arguments,
		  uint32_t **ret_nodes, uint32_t *ret_n, struct mf_error *ret_error)
{
	uint32_t n = n_arguments > 0 ? (uint32_t)n_arguments : m->n_defaults, i, *nodes;
	int error = 0;

	if (!n)
		return mf_roots(m, ret_nodes, ret_n, ret_error);
	nodes = pawl_mem_alloc(n * sizeof(*nodes), 0);
	if (!nodes)
		return -ENOMEM;
	for (i = 0; i < n && !error; i++) {
		if (n_arguments > 0)
			error = ninja_target(m, arguments[i], &nodes[i], ret_error);
		else
			nodes[i] = m->defaults[i];
	}
	if (error) {
		pawl_mem_free(nodes, n * sizeof(*nodes), 0);
		return error;
	}
	*ret_nodes = nodes;
	*ret_n = n;
	return 0;
}
