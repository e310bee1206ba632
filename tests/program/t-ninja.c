/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-ninja.c - ninja's command line, and its subtools against hosts that know logs. That their output is
 * ninja's is what ninja-peer.sh compares.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pawl/mem.h>

#include "harness.h"

#include "ninja/log.h"
#include "ninja/options.h"
#include "ninja/tools.h"

#define ARGUMENTS 32

struct line {
	char *argv[ARGUMENTS + 1];
	int argc;
	struct ninja_options options;
	struct text message;
	int status;
};

static enum ninja_verdict parse(struct line *line, const char *words)
{
	static char text[512];
	char *word;

	*line = (struct line){.message = TEXT_INIT, .status = -1};
	snprintf(text, sizeof(text), "ninja %s", words);
	for (word = strtok(text, " "); word; word = strtok(NULL, " "))
		line->argv[line->argc++] = word;
	t_step();
	return ninja_options_parse(line->argc, line->argv, &line->options, &line->message,
				   &line->status);
}

static void exits(const char *words, int status, const char *message)
{
	struct line line;

	assert_int_equal(parse(&line, words), NINJA_EXIT);
	assert_int_equal(line.status, status);
	assert_int_equal(strncmp(line.message.ptr, message, strlen(message)), 0);
	text_fini(&line.message);
}

static void case_options(void **state)
{
	struct line line;

	(void)state;
	unsetenv("NINJA_STATUS");
	assert_int_equal(parse(&line, ""), NINJA_RUN);
	assert_null(line.options.dir);
	assert_string_equal(line.options.manifest, "build.ninja");
	assert_true(line.options.jobs == ninja_default_jobs());
	assert_false(line.options.jobs_given);
	assert_int_equal(line.options.keep_going, 1);
	assert_true(line.options.max_load < 0);
	assert_int_equal(line.options.n_targets, 0);
	assert_string_equal(line.options.status, "[%f/%t] ");
	setenv("NINJA_STATUS", "%p ", 1);
	assert_int_equal(parse(&line,
			       "-C dir all -f x.ninja -j7 -k 0 -l 2.5 -n -v --quiet -d stats "
			       "-dexplain clean"),
			 NINJA_RUN);
	assert_string_equal(line.options.dir, "dir");
	assert_string_equal(line.options.manifest, "x.ninja");
	assert_int_equal(line.options.jobs, 7);
	assert_true(line.options.jobs_given);
	assert_true(line.options.keep_going == UINT64_MAX);
	assert_true(line.options.max_load > 2.4 && line.options.max_load < 2.6);
	assert_true(line.options.dry_run && line.options.verbose && line.options.quiet);
	assert_true(line.options.stats && line.options.explain);
	assert_false(line.options.keep_depfile || line.options.keep_rsp);
	/* Between options, and in their order. */
	assert_int_equal(line.options.n_targets, 2);
	assert_string_equal(line.options.targets[0], "all");
	assert_string_equal(line.options.targets[1], "clean");
	assert_null(line.options.targets[2]);
	assert_string_equal(line.options.status, "%p ");
	unsetenv("NINJA_STATUS");
	assert_int_equal(parse(&line, "-j 0 -k -3 -d keepdepfile -d keeprsp -w dupbuild=warn "
				      "-w phonycycle=err -d nostatcache"),
			 NINJA_RUN);
	assert_true(line.options.jobs == UINT64_MAX && line.options.keep_going == UINT64_MAX);
	assert_true(line.options.keep_depfile && line.options.keep_rsp);
	assert_true(line.options.duplicates_warn && line.options.phony_cycle_error);
	assert_int_equal(parse(&line, "-w dupbuild=err -w phonycycle=warn -- -x"), NINJA_RUN);
	assert_int_equal(line.options.n_targets, 1);
	/* What follows -t is the tool's. */
	assert_int_equal(parse(&line, "-v -t clean -g -n x"), NINJA_RUN);
	assert_string_equal(line.options.tool, "clean");
	assert_false(line.options.dry_run);
	assert_int_equal(line.options.n_targets, 3);
	assert_string_equal(line.options.targets[0], "-g");
}

static void case_wrong(void **state)
{
	(void)state;
	exits("--version", 0, NINJA_VERSION "\n");
	exits("-h", 1, "usage: ninja [options] [targets...]\n");
	exits("--help", 1, "usage: ninja");
	exits("-j x", 1, "ninja: fatal: invalid -j parameter\n");
	exits("-j -1", 1, "ninja: fatal: invalid -j parameter\n");
	exits("-k x", 1, "ninja: fatal: -k parameter not numeric; did you mean -k 0?\n");
	exits("-l x", 1, "ninja: fatal: -l parameter not numeric: did you mean -l 0.0?\n");
	exits("-d explan", 1,
	      "ninja: error: unknown debug setting 'explan', did you mean 'explain'?\n");
	exits("-d list", 1, "debugging modes:\n");
	exits("-w list", 1, "warning flags:\n");
	exits("-w foo", 1, "ninja: error: unknown warning flag 'foo'\n");
	exits("-t list", 0, "ninja subtools:\n");
	exits("-t targts", 1, "ninja: fatal: unknown tool 'targts', did you mean 'targets'?\n");
	exits("-t foo", 1, "ninja: fatal: unknown tool 'foo'\n");
}

/* CMake and Meson take the numbers before the first other letter. */
static void case_version(void **state)
{
	unsigned major, minor, patch;

	(void)state;
	assert_int_equal(sscanf(NINJA_VERSION, "%u.%u.%u", &major, &minor, &patch), 3);
	assert_true(major == 1 && minor == 12);
}

/* ---- targets ----------------------------------------------------------------------------------- */

static int read_text(void *arg, const char *path, struct pawl_slice *ret)
{
	(void)path;
	*ret = (struct pawl_slice){arg, strlen(arg)};
	return 0;
}

static const char TEXT[] = "rule cc\n  command = cc $in -o $out\n  depfile = $out.d\n"
			   "rule gen\n  command = gen > $out\n  generator = 1\n"
			   "build a.o: cc a.c\nbuild gen.h: gen\nbuild b.o: cc b.c | gen.h\n"
			   "build build.ninja: gen\nbuild all: phony a.o b.o\ndefault all\n";

static struct mf_manifest *load(const char *text)
{
	struct mf_options options = MF_OPTIONS_INIT;
	struct mf_manifest *m;

	options.read = read_text;
	options.arg = (void *)(uintptr_t)text;
	assert_int_equal(mf_load("build.ninja", &options, &m, NULL), 0);
	return m;
}

static void case_targets(void **state)
{
	struct mf_manifest *m = load(TEXT);
	struct mf_error error;
	uint32_t node, *nodes, n;
	char *both[] = {(char[]){"./a.o"}, (char[]){"b.c^"}, NULL};

	(void)state;
	assert_int_equal(ninja_target(m, "x/../a.o", &node, &error), 0);
	assert_string_equal(mf_path(m, node), "a.o");
	assert_int_equal(ninja_target(m, "a.c^", &node, &error), 0);
	assert_string_equal(mf_path(m, node), "a.o");
	assert_int_equal(ninja_target(m, "all^", &node, &error), -EINVAL);
	assert_string_equal(error.message, "'all' has no out edge");
	assert_int_equal(ninja_target(m, "a.oo", &node, &error), -EINVAL);
	assert_string_equal(error.message, "unknown target 'a.oo', did you mean 'a.o'?");
	assert_int_equal(ninja_target(m, "nothing", &node, &error), -EINVAL);
	assert_string_equal(error.message, "unknown target 'nothing'");
	assert_int_equal(ninja_target(m, "clean", &node, &error), -EINVAL);
	assert_string_equal(error.message,
			    "unknown target 'clean', did you mean 'ninja -t clean'?");
	assert_int_equal(ninja_target(m, "help", &node, NULL), -EINVAL);
	assert_int_equal(ninja_target(m, "", &node, &error), -EINVAL);
	assert_string_equal(error.message, "empty path");
	assert_int_equal(ninja_targets(m, both, 2, &nodes, &n, &error), 0);
	assert_int_equal(n, 2);
	assert_string_equal(mf_path(m, nodes[1]), "b.o");
	pawl_mem_free(nodes, n * sizeof(*nodes), 0);
	assert_int_equal(ninja_targets(m, NULL, 0, &nodes, &n, &error), 0);
	assert_int_equal(n, 1);
	assert_string_equal(mf_path(m, nodes[0]), "all");
	pawl_mem_free(nodes, n * sizeof(*nodes), 0);
	mf_free(m);
}

/* ---- tools ------------------------------------------------------------------------------------- */

struct log {
	bool there[4]; /* a.o, b.o, a.o.d, old */
	unsigned done;
};
static const char *const files[] = {"a.o", "b.o", "a.o.d", "old", NULL};

static int log_deps(void *arg, const char *output, const char *const **ret_paths,
		    uint32_t *ret_n, int64_t *ret_mtime_ns, bool *ret_valid)
{
	static const char *const paths[] = {"a.c", "gen.h"};

	(void)arg;
	if (strcmp(output, "a.o") != 0)
		return 0;
	*ret_paths = paths;
	*ret_n = 2;
	*ret_mtime_ns = 7;
	*ret_valid = true;
	return 1;
}

static const char *log_next(void *arg, bool from_the_start)
{
	static unsigned next;

	(void)arg;
	if (from_the_start)
		next = 0;
	return files[next] ? files[next++] : NULL;
}

static int log_exists(void *arg, const char *path)
{
	struct log *log = arg;
	unsigned i;

	for (i = 0; files[i]; i++)
		if (!strcmp(files[i], path))
			return log->there[i];
	return 0;
}

static int log_remove(void *arg, const char *path)
{
	struct log *log = arg;
	int there = log_exists(arg, path);
	unsigned i;

	if (!strcmp(path, "gen.h"))
		return -EACCES;
	for (i = 0; files[i]; i++)
		if (!strcmp(files[i], path))
			log->there[i] = false;
	return there;
}

static int log_recompact(void *arg, struct mf_error *ret_error)
{
	(void)ret_error;
	((struct log *)arg)->done++;
	return 0;
}

static int log_restat(void *arg, char **outputs, int n, struct mf_error *ret_error)
{
	(void)arg;
	(void)outputs;
	snprintf(ret_error->message, sizeof(ret_error->message), "%d outputs", n);
	return -EIO;
}

static const struct ninja_tool_host *host_of(struct log *log)
{
	static struct ninja_tool_host host;

	host = (struct ninja_tool_host){.arg = log,
					.deps = log_deps,
					.next_output = log_next,
					.remove = log_remove,
					.exists = log_exists,
					.next_logged = log_next,
					.recompact = log_recompact,
					.restat = log_restat};
	return &host;
}

static void tool_says(const struct mf_manifest *m, const char *words, struct log *log,
		      int status, const char *want_out, const char *want_err)
{
	struct text out = TEXT_INIT, err = TEXT_INIT;
	struct ninja_tool_run run = {.m = m, .host = log ? host_of(log) : NULL};
	struct line line;

	assert_int_equal(parse(&line, words), NINJA_RUN);
	run.arguments = line.options.targets;
	run.n_arguments = line.options.n_targets;
	run.dry_run = line.options.dry_run;
	run.verbose = line.options.verbose;
	assert_int_equal(ninja_tool_run(line.options.tool, &run, &out, &err), status);
	assert_string_equal(out.ptr ? out.ptr : "", want_out);
	assert_string_equal(err.ptr ? err.ptr : "", want_err);
	text_fini(&out);
	text_fini(&err);
}

static void case_tools(void **state)
{
	struct mf_manifest *m = load(TEXT);
	struct log log = {{true, true, true, true}, 0};

	(void)state;
	tool_says(m, "-t deps", NULL, 0, "", "");
	tool_says(m, "-t deps a.o b.o", &log, 0,
		  "a.o: #deps 2, deps mtime 7 (VALID)\n    a.c\n    gen.h\n\n"
		  "b.o: deps not found\n",
		  "");
	tool_says(
		m, "-t missingdeps", &log, 3,
		"Missing dep: a.o uses gen.h (generated by gen)\n"
		"Processed 4 nodes.\n"
		"Error: There are 1 missing dependency paths.\n"
		"1 targets had depfile dependencies on 1 distinct generated inputs (from 1 rules) "
		" without a non-depfile dep path to the generator.\n"
		"There might be build flakiness if any of the targets listed above are built "
		"alone, or not late enough, in a clean output directory.\n",
		"");
	tool_says(m, "-t missingdeps", NULL, 0,
		  "Processed 4 nodes.\nNo missing dependencies on generated files found.\n",
		  "");
	tool_says(m, "-n -t clean", &log, 0,
		  "Cleaning...\nRemove a.o\nRemove a.o.d\nRemove b.o\n3 files.\n", "");
	tool_says(m, "-t clean -g", &log, 1, "Cleaning... 3 files.\n",
		  "ninja: error: remove(gen.h): Permission denied\n");
	tool_says(m, "-t clean", &log, 0, "Cleaning... 0 files.\n", "");
	log.there[0] = true;
	tool_says(m, "-v -t clean all", &log, 1,
		  "Cleaning...\nTarget all\nRemove a.o\n1 files.\n",
		  "ninja: error: remove(gen.h): Permission denied\n");
	tool_says(m, "-v -t cleandead", &log, 0, "Cleaning...\nRemove old\n1 files.\n", "");
	tool_says(m, "-t recompact", &log, 0, "", "");
	assert_int_equal(log.done, 1);
	tool_says(m, "-t restat a b", &log, 1, "", "ninja: error: 2 outputs\n");
	assert_true(ninja_tool_early("restat"));
	assert_false(ninja_tool_early("clean"));
	tool_says(m, "-t inputs -d b.o", NULL, 0, "b.c\ngen.h\n", "");
	tool_says(m, "-t inputs --print0 b.o", NULL, 0, "b.c", "");
	tool_says(m, "-t restat -h", &log, 1, "usage: ninja -t restat [outputs]\n", "");
	tool_says(m, "-t browse", &log, 1, "",
		  "ninja: error: -t browse needs a server that is not part of this program; "
		  "-t query and -t graph say the same, and pawl build --dot\n");
	mf_free(m);
}

/* Those of ninja 1.13; what they say is what it says. */
static void case_newer_tools(void **state)
{
	struct mf_manifest *m =
		load("rule cc\n  command = cc $in\nrule new\n  command = make $out\n"
		     "build a.o: cc a.c | h.h\nbuild b.o: cc b.c || a.o\n"
		     "build prog: cc a.o b.o\nbuild all: phony prog\nbuild none: new\n"
		     "build other: cc b.c none\n");
	char *folder = getcwd(NULL, 0);
	char want[8192];

	(void)state;
	tool_says(m, "-t multi-inputs a.o b.o", NULL, 0,
		  "a.o\ta.c\na.o\th.h\nb.o\tb.c\nb.o\ta.c\nb.o\th.h\nb.o\ta.o\n", "");
	tool_says(m, "-t multi-inputs -d , a.o a.o", NULL, 0,
		  "a.o,a.c\na.o,h.h\na.o,a.c\na.o,h.h\n", "");
	tool_says(m, "-t multi-inputs --delimiter=; all", NULL, 0,
		  "all;a.c\nall;h.h\nall;a.o\nall;b.c\nall;b.o\nall;prog\n", "");
	tool_says(m, "-t multi-inputs a.c", NULL, 0, "", "");
	tool_says(m, "-t multi-inputs nosuch", NULL, 1, "",
		  "ninja: error: unknown target 'nosuch'\n");
	tool_says(m, "-t compdb-targets nosuch", NULL, 1, "",
		  "ninja: fatal: unknown target 'nosuch'\n");
	tool_says(
		m, "-t compdb-targets a.c", NULL, 1, "",
		"ninja: fatal: 'a.c' is not a target (i.e. it is not an output of any `build` "
		"statement)\n");
	tool_says(m, "-t compdb-targets", NULL, 1,
		  "usage: ninja -t compdb [-hx] target [targets]\n\noptions:\n"
		  "  -h     display this help message\n"
		  "  -x     expand @rspfile style response file invocations\n",
		  "ninja: error: compdb-targets expects the name of at least one target\n");
#define ENTRY                                                                                  \
	"\n  {\n    \"directory\": \"%s\",\n    \"command\": \"%s\",\n    \"file\": \"%s\",\n" \
	"    \"output\": \"%s\"\n  }"
	assert_non_null(folder);
	snprintf(want, sizeof(want), "[" ENTRY "," ENTRY "," ENTRY "\n]\n", folder, "cc a.c",
		 "a.c", "a.o", folder, "cc b.c", "b.c", "b.o", folder, "cc a.o b.o", "a.o",
		 "prog");
	tool_says(m, "-t compdb-targets all b.o", NULL, 0, want, "");
	snprintf(want, sizeof(want), "[" ENTRY "\n]\n", folder, "cc b.c none", "b.c", "other");
	tool_says(m, "-t compdb-targets other", NULL, 0, want, "");
#undef ENTRY
	free(folder);
	mf_free(m);
}

/* ---- logs ------------------------------------------------------------------------------------ */

/* Hashes as ninja 1.11 and 1.13 wrote them. */
static void case_log_hash(void **state)
{
	static const struct {
		const char *command;
		uint64_t old, new;
	} known[] = {
		{":", 0x2e49d2477c6737f0, 0xa2da22321247804b},
		{": a", 0xf2d1360f1675bfb3, 0xbae980166742c4ce},
		{": fj", 0x3d0264df9b2483ba, 0x241e6fc398565bc6},
		{": jbjah", 0xdf973f4df845637c, 0x8362bae5e018fb0b},
		{": ddhiih", 0x995f68bdfb877d10, 0x5a4b22244a01a3aa},
		{": cdkcigakbcjae", 0xe87270bfeca39a46, 0x453c0b9329b61833},
		{": hjgggjhcfbachd", 0x8993496858b5c3bc, 0x81185a22dd0c18ab},
		{": gkegigjfijgjdfk", 0x1a4c4494167480e4, 0xe4e69ff0a5789aff},
		{": jkcfijjbkdkjeebbhkhbfbgcaeggb", 0x60fde52f9e9c78df, 0x792c78d3e74fcd25},
		{": jagjfieidaeabbjiadgejecafffcggh", 0xdf50cb83ce109665, 0x736392216812102b},
		{": kjkibjiegkdegeieifagjfagjjkcakkfhfkfjehajakaf", 0x71f6d5eee35a7d4a,
		 0x565a654cb7270d1a},
		{": hejjfcfcffjeegbajkceidkedfckgkbbjffkdhcbfkdjhe", 0x9b0215af564b000c,
		 0x4c3293b445ce17a2},
		{": aidfjcefkbjfjcgeiehfkgegjgagcdahjigidahkieifdbj", 0x51de9bad34b67fa9,
		 0x2ed34831f1092a70},
		{": daaidgjaahbciedkaiigajbfceihafddbibcdecahkjgaedejiigahfaacababhabiihfcfbfgkgje",
		 0xdf497c40d8853203, 0x7434cc96cb6f5cea},
		{": dfgbciagbjcafhjkigkajgafkhfgghaddiejbgdgcaffiebhbkigkbfjibjahcdgaibjbkgcafbabkhejebajiidbibiai",
		 0x8c11bee3be26aab5, 0xf5ed981ecd2a6813},
		{": cbdckdhjgefjgfigbgidgcgjjkikhckgccbhhihjccedcjifdiekgjjjedeaehgdcjfdfhcghjdhjkiahbgahddkkbdedde",
		 0x8be0fff438efd664, 0x6a499f3666b172ac},
		{": jkaecafcgbbbbeeafhjkfaaffgghbdkjhgcifbebkgbhiebifkfhekkkkebfkjiibkhifaekjckkkccfkhbbicfkkjgiekchhecbbciijgfbeegacahiediffghibfhbcejbkbjbcdjgkgc",
		 0x3382c11400e8fc7b, 0xae6eea5f2cff8a3e},
		{": cgdiicjcdefeahggfijekhikekhajdkabkdhcikhddidaikhbjekcchbjaafjdibhiaffffcbjabfdbdgdhfbagbdcghhbigdkheahhghchaeffhifjgdadefchidcdacjgickacbjchhcaaghfgaadgaghaddbghdcfjbfbjaeehehdieafkffbakgb",
		 0xda84fafee559785a, 0x41ca50d749f1eb05},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		size_t n = strlen(known[i].command);

		assert_true(ninja_log_hash(5, known[i].command, n) == known[i].old);
		assert_true(ninja_log_hash(6, known[i].command, n) == known[i].old);
		assert_true(ninja_log_hash(7, known[i].command, n) == known[i].new);
	}
}

static void case_log(void **state)
{
	char text[] = "# ninja log v6\n1\t2\t1700000000000000000\ta b\tff\nwrong\n"
		      "1\t2\t1700000000\tseconds\t1\n1\t2\t1700000000000000000\tno\tgg\n"
		      "1\t2\t1700000000000000000\tmore\t1\t2\n"
		      "1\t2\t1700000000000000007\tc\t10\n1\t2\t1700000000000000007\tcut\t1";
	struct ninja_log_line line;
	size_t at = 0;

	(void)state;
	assert_int_equal(ninja_log_version(text, strlen(text)), 6);
	assert_int_equal(ninja_log_version("# ninja log v12\n", 16), 12);
	assert_int_equal(ninja_log_version("# ninja log v\n", 14), 0);
	assert_int_equal(ninja_log_version("# ninja log v5", 14), 0);
	assert_int_equal(ninja_log_version("# ninja log v5x\n", 16), 0);
	assert_int_equal(ninja_log_version("# ninja", 7), 0);
	assert_true(ninja_log_next(text, &at, &line));
	assert_string_equal(line.output, "a b");
	assert_true(line.mtime_ns == 1700000000000000000 && line.command == 255);
	assert_true(ninja_log_next(text, &at, &line));
	assert_string_equal(line.output, "c");
	assert_true(line.mtime_ns == 1700000000000000007 && line.command == 16);
	assert_false(ninja_log_next(text, &at, &line));
}

/* A cycle ends no tool's patience. */
static void case_cycle(void **state)
{
	struct mf_manifest *m =
		load("rule r\n  command = x\nbuild t: r a\nbuild a: r b\nbuild b: r a\n");
	static const char *const tools[] = {"-t targets depth 0", "-t commands t",
					    "-t graph t",	  "-t inputs t",
					    "-t query a",	  "-t missingdeps t"};
	struct text out = TEXT_INIT, err = TEXT_INIT;
	struct line line;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		struct ninja_tool_run run = {.m = m};

		assert_int_equal(parse(&line, tools[i]), NINJA_RUN);
		run.arguments = line.options.targets;
		run.n_arguments = line.options.n_targets;
		assert_int_equal(ninja_tool_run(line.options.tool, &run, &out, &err), 0);
	}
	text_fini(&out);
	text_fini(&err);
	mf_free(m);
}

static int oom_tools(void)
{
	static const char *const lines[] = {"-t targets all",	  "-t targets depth 0",
					    "-t commands",	  "-t inputs",
					    "-t graph",		  "-t compdb",
					    "-t rules -d",	  "-n -t clean",
					    "-n -t clean all",	  "-t missingdeps",
					    "-t targets rule cc", "-t query a.o",
					    "-t multi-inputs",	  "-t compdb-targets all"};
	struct mf_options options = MF_OPTIONS_INIT;
	struct text out = TEXT_INIT, err = TEXT_INIT;
	struct mf_manifest *m;
	struct log log = {{true, true, true, true}, 0};
	struct line line;
	size_t i;
	int error;

	options.read = read_text;
	options.arg = (void *)(uintptr_t)TEXT;
	error = mf_load("build.ninja", &options, &m, NULL);
	if (error)
		return error;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]) && !t_alloc_failed(); i++) {
		struct ninja_tool_run run = {.m = m, .host = host_of(&log)};

		t_check(parse(&line, lines[i]) == NINJA_RUN);
		run.arguments = line.options.targets;
		run.n_arguments = line.options.n_targets;
		run.dry_run = line.options.dry_run;
		(void)ninja_tool_run(line.options.tool, &run, &out, &err);
		text_cut(&out, 0);
		text_cut(&err, 0);
	}
	text_fini(&out);
	text_fini(&err);
	mf_free(m);
	return t_alloc_failed() ? -ENOMEM : 0;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_options),	 cmocka_unit_test(case_wrong),
		cmocka_unit_test(case_version),	 cmocka_unit_test(case_targets),
		cmocka_unit_test(case_tools),	 cmocka_unit_test(case_newer_tools),
		cmocka_unit_test(case_log_hash), cmocka_unit_test(case_log),
		cmocka_unit_test(case_cycle),	 T_OOM(oom_tools),
	};

	return t_run("ninja", cases);
}
