/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-manifest.c - the ninja language: what is read, what it is worth, what is refused and with which words; dyndep files.
 * What ninja itself makes of manifests is compared by ninja-peer.sh.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#include <pawl/mem.h>

#include "manifest/dyndep.h"
#include "manifest/manifest.h"

/* ---- files in memory --------------------------------------------------------------------------- */

struct files {
	const char *name[8];
	const char *text[8];
	char warnings[1024];
};

static int read_file(void *arg, const char *path, struct pawl_slice *ret)
{
	const struct files *files = arg;
	size_t i;

	for (i = 0; i < 8 && files->name[i]; i++)
		if (!strcmp(files->name[i], path)) {
			*ret = (struct pawl_slice){files->text[i], strlen(files->text[i])};
			return 0;
		}
	return -ENOENT;
}

static void warn(void *arg, const char *text)
{
	struct files *files = arg;

	strncat(files->warnings, text, sizeof(files->warnings) - strlen(files->warnings) - 2);
	strcat(files->warnings, "\n");
}

static struct mf_options options_of(struct files *files)
{
	struct mf_options options = MF_OPTIONS_INIT;

	options.read = read_file;
	options.warn = warn;
	options.arg = files;
	return options;
}

static struct mf_manifest *load_files(struct files *files)
{
	struct mf_options options = options_of(files);
	struct mf_manifest *m = NULL;
	struct mf_error error;
	char text[1024];

	if (mf_load("build.ninja", &options, &m, &error) != 0) {
		mf_error_print(&error, text, sizeof(text));
		fail_msg("%s", text);
	}
	t_step();
	return m;
}

static struct mf_manifest *load(const char *text)
{
	struct files files = {.name = {"build.ninja"}, .text = {text}};

	return load_files(&files);
}

/* It is refused, with this and nothing else. */
static void refused_with(const char *text, struct mf_options *options, const char *want)
{
	struct files files = {.name = {"build.ninja", "self.ninja"},
			      .text = {text, "include self.ninja\n"}};
	struct mf_manifest *m;
	struct mf_error error;
	char said[1024];
	int result;

	options->arg = &files;
	result = mf_load("build.ninja", options, &m, &error);
	assert_int_not_equal(result, 0);
	assert_int_equal(result, error.error);
	mf_error_print(&error, said, sizeof(said));
	assert_string_equal(said, want);
	t_step();
}

static void refused(const char *text, const char *want)
{
	struct mf_options options = options_of(NULL);

	refused_with(text, &options, want);
}

static uint32_t node_of(const struct mf_manifest *m, const char *path)
{
	uint32_t node = mf_find(m, path, strlen(path));

	assert_int_not_equal(node, MF_NONE);
	assert_string_equal(mf_path(m, node), path);
	return node;
}

static uint32_t edge_of(const struct mf_manifest *m, const char *path)
{
	uint32_t edge = m->nodes[node_of(m, path)].edge;

	assert_int_not_equal(edge, MF_NONE);
	return edge;
}

static void is_worth(const struct mf_manifest *m, const char *out, enum mf_variable which,
		     const char *want)
{
	struct text text = TEXT_INIT;

	assert_int_equal(text_add_str(&text, "<"), 0);
	assert_int_equal(mf_eval(m, edge_of(m, out), which, &text), 0);
	assert_int_equal(text_add_str(&text, ">"), 0);
	assert_int_equal(text.ptr[0], '<');
	text_cut(&text, text.len - 1);
	assert_string_equal(text.ptr + 1, want);
	text_fini(&text);
}

static void is_list(const struct mf_manifest *m, struct mf_list list, const char *want)
{
	char text[512] = "";
	uint32_t i;

	for (i = 0; i < list.n; i++) {
		strcat(text, i ? " " : "");
		strcat(text, mf_path(m, list.at[i]));
	}
	assert_string_equal(text, want);
}

/* ---- what is read ------------------------------------------------------------------------------ */

static const char RULE[] = "rule cat\n  command = cat $in > $out\n";

static void case_empty(void **state)
{
	struct mf_manifest *m = load("");

	(void)state;
	assert_int_equal(m->n_nodes, 0);
	assert_int_equal(m->n_edges, 0);
	assert_int_equal(m->n_files, 1);
	assert_int_equal(mf_find(m, "a", 1), MF_NONE);
	assert_int_equal(mf_nearest(m, "a", 1), MF_NONE);
	mf_free(m);
	mf_free(NULL);
}

static void case_build(void **state)
{
	struct mf_manifest *m = load("rule cat\n"
				     "  command = cat $in > $out\n"
				     "build a b | c d: cat e f | g || h $\n    i |@ j\n"
				     "build k: cat a a | b\n"
				     "build j: phony c\n"
				     "default k a\n");
	const struct mf_edge *e;

	(void)state;
	assert_int_equal(m->n_edges, 3);
	e = &m->edges[0];
	assert_int_equal(e->n_out, 2);
	assert_int_equal(e->n_implicit_out, 2);
	assert_int_equal(e->n_in, 2);
	assert_int_equal(e->n_implicit, 1);
	assert_int_equal(e->n_order_only, 2);
	assert_int_equal(e->n_validations, 1);
	assert_int_equal(e->line, 3);
	assert_int_equal(e->file, 0);
	assert_int_equal(m->edges[1].line, 5);
	is_list(m, mf_outs(m, 0), "a b c d");
	is_list(m, mf_ins(m, 0), "e f g h i");
	is_list(m, mf_deps(m, 0), "e f g");
	is_list(m, mf_order_only(m, 0), "h i");
	is_list(m, mf_validations(m, 0), "j");
	assert_int_equal(edge_of(m, "d"), 0);
	/* As often as it is named. */
	assert_int_equal(mf_uses(m, node_of(m, "a")).n, 2);
	assert_int_equal(mf_uses(m, node_of(m, "c")).at[0], 2);
	assert_int_equal(mf_uses(m, node_of(m, "j")).n, 0);
	assert_int_equal(mf_validates(m, node_of(m, "j")).n, 1);
	assert_int_equal(mf_validates(m, node_of(m, "j")).at[0], 0);
	assert_int_equal(m->n_defaults, 2);
	assert_string_equal(mf_path(m, m->defaults[0]), "k");
	assert_int_equal(m->edges[2].flags, MF_EDGE_PHONY);
	is_worth(m, "k", MF_COMMAND, "cat a a > k");
	mf_free(m);
}

static void case_no_newline_at_all(void **state)
{
	(void)state;
	refused("a = b", "build.ninja:1:6: unexpected EOF\na = b\n     ^ near here");
	refused("build a", "build.ninja:1:8: unexpected EOF\nbuild a\n       ^ near here");
}

static void case_escapes(void **state)
{
	struct mf_manifest *m = load("x = 1$\n    2$$ $: $ |$x\n"
				     "y.z = dots\n"
				     "rule r\n  command = $x ${x}3 ${y.z} $y.z\n"
				     "build a$ b$:c$$: r d$ e $\n f\r\n"
				     "# build $ nothing\n"
				     "   # nor this\n");

	(void)state;
	assert_int_equal(mf_eval_global(m, "x").len, strlen("12$ :  |"));
	assert_memory_equal(mf_eval_global(m, "x").ptr, "12$ :  |", 8);
	assert_int_equal(mf_eval_global(m, "nothing").len, 0);
	is_worth(m, "a b:c$", MF_COMMAND, "12$ :  | 12$ :  |3 dots .z");
	is_list(m, mf_ins(m, 0), "d e f");
	mf_free(m);
}

static void case_quotes(void **state)
{
	struct mf_manifest *m = load("rule r\n"
				     "  command = $in : $out\n"
				     "  depfile = $out.d\n"
				     "  description = ($in_newline)\n"
				     "  rspfile = $out.rsp\n"
				     "  rspfile_content = $in_newline\n"
				     "build a$ b: r c'd e | f\n");
	struct pawl_digest one, two;
	struct text scratch = TEXT_INIT;

	(void)state;
	is_worth(m, "a b", MF_COMMAND, "'c'\\''d' e : 'a b'");
	is_worth(m, "a b", MF_DEPFILE, "a b.d");
	is_worth(m, "a b", MF_RSPFILE, "a b.rsp");
	is_worth(m, "a b", MF_RSPFILE_CONTENT, "'c'\\''d'\ne");
	is_worth(m, "a b", MF_DESCRIPTION, "('c'\\''d'\ne)");
	assert_int_equal(m->edges[0].flags, MF_EDGE_DEPFILE | MF_EDGE_RSPFILE);
	assert_int_equal(mf_command_digest(m, 0, &scratch, &one), 0);
	assert_string_equal(scratch.ptr, "'c'\\''d' e : 'a b';rspfile='c'\\''d'\ne");
	assert_null(m->commands);
	assert_int_equal(mf_digest_commands(m), 0);
	two = m->commands[0];
	assert_true(pawl_digest_equal(one, two));
	text_fini(&scratch);
	mf_free(m);
}

/* Where a name is looked for, in ninja's order. */
static void case_scopes(void **state)
{
	struct files files = {.name = {"build.ninja", "inc", "sub"},
			      .text = {"v = root\n"
				       "rule r\n  command = $v $w\n  description = rule\n"
				       "build early: r\n"
				       "include inc\n"
				       "build own: r\n  v = own $w\n"
				       "subninja sub\n"
				       "build $v/${p}x: r\n  p = path\n"
				       "v = last\n",
				       "w = inc\nbuild inc-out: r\n",
				       "v = sub\n"
				       "rule r\n  command = of sub: $v $w\n"
				       "build sub-out: r\n"
				       "build sub-described: r\n  command = mine\n"
				       "description = of the file\n"}};
	struct mf_manifest *m = load_files(&files);

	(void)state;
	is_worth(m, "early", MF_COMMAND, "last inc");
	is_worth(m, "inc-out", MF_COMMAND, "last inc");
	is_worth(m, "own", MF_COMMAND, "own inc inc");
	is_worth(m, "own", MF_DESCRIPTION, "rule");
	is_worth(m, "root/pathx", MF_COMMAND, "last inc");
	is_worth(m, "sub-out", MF_COMMAND, "of sub: sub inc");
	is_worth(m, "sub-out", MF_DESCRIPTION, "of the file");
	is_worth(m, "sub-described", MF_COMMAND, "mine");
	assert_int_equal(m->n_files, 3);
	assert_int_equal(m->files[2].parent, 0);
	assert_int_equal(m->files[2].line, 9);
	assert_int_equal(m->edges[edge_of(m, "sub-out")].file, 2);
	assert_int_equal(m->edges[edge_of(m, "sub-out")].line, 4);
	mf_free(m);
}

static void case_pools(void **state)
{
	struct mf_manifest *m = load("d = 4\npool p\n  depth = $d\n"
				     "rule r\n  command = x\n  pool = $which\n"
				     "build a: r\n  which = p\n"
				     "build b: r\n  which = console\n"
				     "build c: r\n"
				     "build e: r\n  pool =\n");

	(void)state;
	assert_int_equal(m->n_pools, 3);
	assert_int_equal(m->pools[m->edges[0].pool].depth, 4);
	assert_int_equal(m->edges[1].pool, MF_POOL_CONSOLE);
	assert_int_equal(m->edges[1].flags, MF_EDGE_CONSOLE);
	assert_int_equal(m->edges[2].pool, MF_POOL_DEFAULT);
	assert_int_equal(m->edges[3].pool, MF_POOL_DEFAULT);
	mf_free(m);
}

static void case_flags(void **state)
{
	struct mf_manifest *m = load("rule r\n  command = x\n  restat = 1\n  deps = $d\n"
				     "build a: r\n  d = gcc\n"
				     "build b: r\n  restat =\n  generator = 1\n"
				     "build c: phony\n  restat = 1\n"
				     "depfile =\n");

	(void)state;
	assert_int_equal(m->edges[0].flags, MF_EDGE_RESTAT | MF_EDGE_DEPS);
	assert_int_equal(m->edges[1].flags, MF_EDGE_GENERATOR);
	assert_int_equal(m->edges[2].flags, MF_EDGE_PHONY | MF_EDGE_RESTAT);
	mf_free(m);
}

static void is_canonical(const char *path, const char *want)
{
	char text[128];
	size_t n;

	strcpy(text, path);
	n = mf_canonical(text, strlen(path));
	text[n] = '\0';
	assert_string_equal(text, want);
	assert_int_equal(mf_canonical(text, n), n);
}

static void case_canonical(void **state)
{
	static const char *const pairs[][2] = {
		{"a", "a"},
		{"./a", "a"},
		{"a/.", "a"},
		{"a//b", "a/b"},
		{"a/./b/", "a/b"},
		{"a/../b", "b"},
		{"a/b/../c", "a/c"},
		{"../a", "../a"},
		{"../../a/..", "../.."},
		{"a/..", "."},
		{".", "."},
		{"./", "."},
		{"..", ".."},
		{"a/../..", ".."},
		{"/", "/"},
		{"//a", "/a"},
		{"/../a", "/../a"},
		{"/a/..", "/"},
		{"...", "..."},
		{"a/.b", "a/.b"},
		{"a/..b/../c", "a/c"},
		{".a/..", "."},
		{"a/b/c/../../d", "a/d"},
		{"../a/../b", "../b"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		is_canonical(pairs[i][0], pairs[i][1]);
	assert_int_equal(mf_canonical(NULL, 0), 0);
}

static void case_one_node_a_path(void **state)
{
	struct mf_manifest *m = load("rule r\n  command = x\n"
				     "build ./a//b/../c: r x/.././y\n"
				     "build z: r a/c y\n");

	(void)state;
	assert_int_equal(m->n_nodes, 3);
	is_list(m, mf_ins(m, 1), "a/c y");
	assert_int_equal(mf_nearest(m, "a/d", 3), node_of(m, "a/c"));
	assert_int_equal(mf_nearest(m, "nothing-like-it", 15), MF_NONE);
	mf_free(m);
}

static void case_roots(void **state)
{
	struct mf_manifest *m = load("rule r\n  command = x\n"
				     "build a b: r c\nbuild d: r a |@ e\nbuild e: r\n");
	uint32_t *roots, n;
	struct mf_error error;

	(void)state;
	assert_int_equal(mf_roots(m, &roots, &n, &error), 0);
	is_list(m, (struct mf_list){roots, n}, "b d e");
	pawl_mem_free(roots, n * sizeof(*roots), 0);
	assert_int_equal(mf_check_cycles(m, NULL, 0, &error), 0);
	mf_free(m);
}

static void case_cycles(void **state)
{
	struct mf_manifest *m = load("rule r\n  command = x\n"
				     "build a: r b\nbuild b c: r d\nbuild d: r | x || c\n"
				     "build ok: r z |@ v\nbuild v: r w\nbuild w: r v\n"
				     "build z: phony\n");
	struct mf_error error;
	uint32_t *roots, n, node;

	(void)state;
	node = node_of(m, "a");
	assert_int_equal(mf_check_cycles(m, &node, 1, &error), -ELOOP);
	assert_string_equal(error.message, "dependency cycle: c -> d -> c");
	node = node_of(m, "z");
	assert_int_equal(mf_check_cycles(m, &node, 1, &error), 0);
	/* By way of a validation. */
	node = node_of(m, "ok");
	assert_int_equal(mf_check_cycles(m, &node, 1, NULL), -ELOOP);
	assert_int_equal(mf_check_cycles(m, NULL, 0, &error), -ELOOP);
	mf_free(m);
	m = load("build a: phony b\nbuild b: phony a\n");
	assert_int_equal(mf_roots(m, &roots, &n, &error), -EINVAL);
	assert_string_equal(error.message, "could not determine root nodes of build graph");
	mf_free(m);
}

/* ---- what ninja forgives ----------------------------------------------------------------------- */

static void case_phony_cycle(void **state)
{
	struct files files = {.name = {"build.ninja"},
			      .text = {"build a: phony b a a || a c\n"}};
	struct mf_options options = options_of(&files);
	struct mf_manifest *m = load_files(&files);
	struct mf_error error;

	(void)state;
	assert_string_equal(files.warnings,
			    "phony target 'a' names itself as an input; ignoring "
			    "[-w phonycycle=warn]\n");
	is_list(m, mf_ins(m, 0), "b c");
	assert_int_equal(m->edges[0].n_order_only, 1);
	mf_free(m);
	options.phony_cycle_error = true;
	assert_int_equal(mf_load("build.ninja", &options, &m, &error), 0);
	assert_int_equal(mf_check_cycles(m, NULL, 0, &error), -ELOOP);
	assert_string_equal(error.message, "dependency cycle: a -> a");
	mf_free(m);
}

static void case_duplicates(void **state)
{
	struct files files = {
		.name = {"build.ninja"},
		.text = {"build a: phony b\nbuild c a | d: phony e\nbuild a d: phony\n"}};
	struct mf_options options = options_of(&files);
	struct mf_manifest *m;
	struct mf_error error;

	(void)state;
	refused(files.text[0], "build.ninja:2:9: multiple rules generate a\n"
			       "build c a | d: phony e\n        ^ near here");
	refused("build a | ./a: phony\n",
		"build.ninja:1:11: a is defined as an output multiple times\n"
		"build a | ./a: phony\n          ^ near here");
	options.duplicates_warn = true;
	assert_int_equal(mf_load("build.ninja", &options, &m, &error), 0);
	assert_int_equal(m->n_edges, 2);
	is_list(m, mf_outs(m, 1), "c d");
	assert_int_equal(m->edges[1].n_implicit_out, 1);
	assert_non_null(strstr(files.warnings, "multiple rules generate a."));
	assert_int_equal(mf_find(m, "e", 1) == MF_NONE, 0);
	mf_free(m);
}

static void case_version(void **state)
{
	struct files files = {.name = {"build.ninja"},
			      .text = {"ninja_required_version = 0.9\n"}};
	struct mf_manifest *m = load_files(&files);

	(void)state;
	assert_non_null(strstr(files.warnings, "versions may be incompatible"));
	mf_free(m);
	mf_free(load("ninja_required_version = 1.3\n"));
	refused("ninja_required_version = 1.99\n",
		"build.ninja:1:1: ninja version (1.12.1) incompatible with build file "
		"ninja_required_version version (1.99).\n"
		"ninja_required_version = 1.99\n^ near here");
}

/* ---- what is refused --------------------------------------------------------------------------- */

static void case_refused(void **state)
{
	static const char *const pairs[][2] = {
		{"\tx = 1\n", "1:1: tabs are not allowed, use spaces\n x = 1\n^ near here"},
		{"foo\n", "1:4: expected '=', got newline\nfoo\n   ^ near here"},
		{"x = $%\n",
		 "1:5: bad $-escape (literal $ must be written as $$)\nx = $%\n    ^ near here"},
		{"x = ${a\n",
		 "1:5: bad $-escape (literal $ must be written as $$)\nx = ${a\n    ^ near here"},
		{"x = a\rb\n", "1:6: lexing error\nx = a?b\n     ^ near here"},
		{"  x = 1\n", "1:1: unexpected indent\n  x = 1\n^ near here"},
		{"| x\n", "1:1: unexpected '|'\n| x\n^ near here"},
		{"rule\n", "1:5: expected rule name\nrule\n    ^ near here"},
		{"rule r\n", "2:1: expected 'command =' line\n\n^ near here"},
		{"rule r\n  x = y\n", "2:3: unexpected variable 'x'\n  x = y\n  ^ near here"},
		{"rule r\n  command = a\n  rspfile = b\n",
		 "4:1: rspfile and rspfile_content need to be both specified\n\n^ near here"},
		{"rule r\n  command = a\nrule r\n  command = b\n",
		 "3:6: duplicate rule 'r'\nrule r\n     ^ near here"},
		{"rule phony\n  command = a\n",
		 "1:6: duplicate rule 'phony'\nrule phony\n     ^ near here"},
		{"build a\n",
		 "1:8: expected ':', got newline ($ also escapes ':')\nbuild a\n       ^ near here"},
		{"build : r\n", "1:7: expected path\nbuild : r\n      ^ near here"},
		{"build a: r\n",
		 "1:10: unknown build rule 'r'\nbuild a: r\n         ^ near here"},
		{"build a: |\n",
		 "1:10: expected build command name\nbuild a: |\n         ^ near here"},
		{"build $x: phony\n", "1:7: empty path\nbuild $x: phony\n      ^ near here"},
		{"build a: phony $x\n",
		 "1:16: empty path\nbuild a: phony $x\n               ^ near here"},
		{"build a: phony b : c\n",
		 "1:18: expected newline, got ':'\nbuild a: phony b : c\n                 ^ near here"},
		{"build a: phony\n  pool = x\n",
		 "1:1: unknown pool name 'x'\nbuild a: phony\n^ near here"},
		{"build a: phony\n  dyndep = x\n",
		 "1:1: dyndep 'x' is not an input\nbuild a: phony\n^ near here"},
		{"pool console\n  depth = 1\n",
		 "1:6: duplicate pool 'console'\npool console\n     ^ near here"},
		{"pool p\n", "2:1: expected 'depth =' line\n\n^ near here"},
		{"pool p\n  depth = -1\n",
		 "2:3: invalid pool depth\n  depth = -1\n  ^ near here"},
		{"pool p\n  width = 1\n",
		 "2:3: unexpected variable 'width'\n  width = 1\n  ^ near here"},
		{"default\n", "1:8: expected target name\ndefault\n       ^ near here"},
		{"default a\n", "1:9: unknown target 'a'\ndefault a\n        ^ near here"},
		{"include x\n",
		 "1:9: loading 'x': No such file or directory\ninclude x\n        ^ near here"},
		{"subninja build.ninja\n",
		 "1:10: 'build.ninja' includes itself\nsubninja build.ninja\n         ^ near here"},
	};
	char want[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		snprintf(want, sizeof(want), "build.ninja:%s", pairs[i][1]);
		refused(pairs[i][0], want);
	}
	/* In the file that has it. */
	refused("include self.ninja\n", "self.ninja:1:9: 'self.ninja' includes itself\n"
					"include self.ninja\n        ^ near here");
}

static void case_long_line(void **state)
{
	char text[400];

	(void)state;
	memset(text, 'x', sizeof(text));
	strcpy(text + 200, " $\n");
	refused(text, "build.ninja:2:1: expected '=', got eof\n\n^ near here");
	strcpy(text + 100, " % 3333333\n");
	refused(text,
		"build.ninja:1:102: expected '=', got lexing error\n"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...");
}

static void case_rule_rings(void **state)
{
	struct mf_manifest *m;

	(void)state;
	refused("rule r\n  command = $description\n  description = a $depfile\n"
		"  depfile = $description\nbuild a: r\n",
		"cycle in rule variables: depfile -> description -> depfile");
	/* Nobody uses it, and: an edge mends it. */
	m = load("rule r\n  command = $command\nbuild a: phony\n");
	mf_free(m);
	m = load("rule r\n  command = $command\nbuild a: r\n  command = fine\n");
	is_worth(m, "a", MF_COMMAND, "fine");
	mf_free(m);
}

struct bytes {
	struct pawl_slice slice;
};

static int read_bytes(void *arg, const char *path, struct pawl_slice *ret)
{
	(void)path;
	*ret = ((struct bytes *)arg)->slice;
	return 0;
}

static void case_hostile(void **state)
{
	struct mf_options options = MF_OPTIONS_INIT;
	const size_t size = 10 << 20;
	char *big = malloc(size + 64);
	struct bytes bytes = {{"a = b\0c\nx", 9}};
	struct mf_manifest *m;
	struct mf_error error;

	(void)state;
	options.read = read_bytes;
	options.arg = &bytes;
	assert_int_equal(mf_load("build.ninja", &options, &m, &error), -EINVAL);
	assert_string_equal(error.message, "NUL byte in a manifest");
	/* A line of 10 MB is fine, as a path and as a value. */
	strcpy(big, "v = ");
	memset(big + 4, 'x', size);
	strcpy(big + size, "\nbuild $v: phony $v/y\n");
	bytes.slice = (struct pawl_slice){big, strlen(big)};
	assert_int_equal(mf_load("build.ninja", &options, &m, &error), 0);
	assert_int_equal(m->nodes[0].path.len, size - 4);
	mf_free(m);
	/* And as a name in a message. */
	big[3] = ' ';
	bytes.slice = (struct pawl_slice){big + 4, size - 4};
	assert_int_equal(mf_load("build.ninja", &options, &m, &error), -EINVAL);
	free(big);
	/* Each twice as long as the one before. */
	refused("a = xxxxxxxxxxxxxxxx\na = $a$a$a$a$a$a$a$a$a$a$a$a$a$a$a$a\n"
		"a = $a$a$a$a$a$a$a$a$a$a$a$a$a$a$a$a\na = $a$a$a$a$a$a$a$a$a$a$a$a$a$a$a$a\n"
		"a = $a$a$a$a$a$a$a$a$a$a$a$a$a$a$a$a\na = $a$a$a$a$a$a$a$a$a$a$a$a$a$a$a$a\n"
		"a = $a$a$a$a$a$a$a$a$a$a$a$a$a$a$a$a\n",
		"build.ninja:7:5: value of more than 67108864 bytes\n"
		"a = $a$a$a$a$a$a$a$a$a$a$a$a$a$a$a$a\n    ^ near here");
}

/* Deeper than any honest manifest: a file that includes the next, without end. */
static int read_deep(void *arg, const char *path, struct pawl_slice *ret)
{
	char *text = arg;

	snprintf(text, 64, "include %d\n", atoi(path) + 1);
	*ret = (struct pawl_slice){text, strlen(text)};
	return 0;
}

static void case_deep(void **state)
{
	struct mf_options options = MF_OPTIONS_INIT;
	struct mf_manifest *m;
	struct mf_error error;
	char text[64];

	(void)state;
	options.read = read_deep;
	options.arg = text;
	assert_int_equal(mf_load("0", &options, &m, &error), -ELOOP);
	assert_string_equal(error.message, "includes are nested too deep");
	options.size++;
	assert_int_equal(mf_load("0", &options, &m, &error), -EINVAL);
	options.size--;
	options.read = NULL;
	assert_int_equal(mf_load("/nonexistent/build.ninja", &options, &m, &error), -ENOENT);
	assert_string_equal(error.message,
			    "loading '/nonexistent/build.ninja': No such file or directory");
	assert_int_equal(mf_load("/", &options, &m, NULL), -EISDIR);
}

/* ---- dyndep files ------------------------------------------------------------------------------ */

static const char WITH_DYNDEP[] = "rule r\n  command = x\n"
				  "build a b: r c || dd\n  dyndep = ./dd\n"
				  "build e: r f dd\n  dyndep = dd\n"
				  "build g: r\n";

static void dyndep_refused(const struct mf_manifest *m, const char *text, const char *want)
{
	struct dyndep dyndep;
	struct mf_error error;

	assert_int_equal(dyndep_parse(m, node_of(m, "dd"),
				      (struct pawl_slice){text, strlen(text)}, &dyndep, &error),
			 -EINVAL);
	assert_string_equal(error.message, want);
}

static void case_dyndep(void **state)
{
	static const char good[] = "# x\nv = 1\nninja_dyndep_version = 1.0\n";
	static const char text[] = "ninja_dyndep_version = 1\n"
				   "build ./b | o1 o2: dyndep | x/../i1\n"
				   "  restat = 1\n"
				   "build e: dyndep\n";
	struct mf_manifest *m = load(WITH_DYNDEP);
	struct dyndep dyndep;
	struct mf_error error;

	(void)state;
	assert_int_equal(m->edges[0].dyndep, node_of(m, "dd"));
	assert_int_equal(m->edges[2].dyndep, MF_NONE);
	assert_int_equal(m->nodes[node_of(m, "dd")].flags, MF_NODE_DYNDEP);
	assert_int_equal(dyndep_parse(m, node_of(m, "dd"),
				      (struct pawl_slice){text, sizeof(text) - 1}, &dyndep,
				      &error),
			 0);
	assert_int_equal(dyndep.n_edges, 2);
	assert_int_equal(dyndep.edges[0].edge, 0);
	assert_int_equal(dyndep.edges[0].n_out, 2);
	assert_int_equal(dyndep.edges[0].n_in, 1);
	assert_true(dyndep.edges[0].restat);
	assert_false(dyndep.edges[1].restat);
	assert_string_equal(dyndep.paths[1].ptr, "o2");
	assert_string_equal(dyndep.paths[2].ptr, "i1");
	dyndep_fini(&dyndep);
	dyndep_refused(m, good, "expected 'ninja_dyndep_version = ...'");
	dyndep_refused(m, "", "expected 'ninja_dyndep_version = ...'");
	dyndep_refused(m, "ninja_dyndep_version = 2\n",
		       "unsupported 'ninja_dyndep_version = 2'");
	dyndep_refused(m, "ninja_dyndep_version = 1\nbuild e: dyndep\n",
		       "'a' not mentioned in its dyndep file 'dd'");
	dyndep_refused(m, "ninja_dyndep_version = 1\nbuild e: dyndep\nbuild e: dyndep\n",
		       "multiple statements for 'e'");
	dyndep_refused(m, "ninja_dyndep_version = 1\nbuild c: dyndep\n",
		       "no build statement exists for 'c'");
	dyndep_refused(m, "ninja_dyndep_version = 1\nbuild g: dyndep\n",
		       "'g' is built by a statement whose dyndep binding is another file");
	dyndep_refused(m, "ninja_dyndep_version = 1\nbuild e: dyndep x\n",
		       "explicit inputs not supported");
	dyndep_refused(m, "ninja_dyndep_version = 1\nbuild e x: dyndep\n",
		       "explicit outputs not supported");
	dyndep_refused(m, "ninja_dyndep_version = 1\nbuild e: dyndep || x\n",
		       "order-only inputs not supported");
	dyndep_refused(m, "ninja_dyndep_version = 1\nbuild e: cat\n",
		       "expected build command name 'dyndep'");
	dyndep_refused(m, "ninja_dyndep_version = 1\nbuild e: dyndep\n  x = 1\n",
		       "binding is not 'restat'");
	mf_free(m);
}

/* ---- memory ------------------------------------------------------------------------------------ */

static int oom_load(void)
{
	struct files files = {
		.name = {"build.ninja", "sub"},
		.text = {"v = $ $\n\nrule r\n  command = $in_newline $v\n  depfile = $out.d\n"
			 "build a b/../c: r d e | f || dd |@ h\n  x = $v y\n  dyndep = dd\n"
			 "pool p\n  depth = 3\nsubninja sub\ndefault c\n"
			 "build me: phony me\n",
			 "w = 1\nbuild z: r\n  pool = p\n"}};
	static const char text[] = "ninja_dyndep_version = 1\nbuild a | n: dyndep | m\n";
	struct mf_options options = options_of(&files);
	struct mf_manifest *m;
	struct mf_error error;
	struct dyndep dyndep;
	uint32_t *roots, n;
	int result = mf_load("build.ninja", &options, &m, &error);

	if (result) {
		t_check(result == error.error);
		return result;
	}
	result = mf_digest_commands(m);
	if (!result)
		result = mf_roots(m, &roots, &n, &error);
	if (!result)
		pawl_mem_free(roots, n * sizeof(*roots), 0);
	if (!result)
		result = mf_check_cycles(m, NULL, 0, &error);
	if (!result)
		result = dyndep_parse(m, mf_find(m, "dd", 2),
				      (struct pawl_slice){text, sizeof(text) - 1}, &dyndep,
				      &error);
	if (!result)
		dyndep_fini(&dyndep);
	mf_free(m);
	return result;
}

/* Many of everything: tables grow, indices stay right. */
static void case_many(void **state)
{
	unsigned n = t_scaled(20000), i;
	struct text text = TEXT_INIT;
	struct bytes bytes;
	struct mf_options options = MF_OPTIONS_INIT;
	struct mf_manifest *m;
	struct mf_error error;
	char name[32];

	(void)state;
	assert_int_equal(text_add_str(&text, RULE), 0);
	for (i = 0; i < n; i++)
		assert_int_equal(text_printf(&text,
					     "v%u = %u\nrule r%u\n  command = $v%u\n"
					     "build o%u: r%u i%u o%u\n",
					     i, i, i, i, i + 1, i, i, i),
				 0);
	bytes.slice = (struct pawl_slice){text.ptr, text.len};
	options.read = read_bytes;
	options.arg = &bytes;
	assert_int_equal(mf_load("build.ninja", &options, &m, &error), 0);
	assert_int_equal(m->n_edges, n);
	assert_int_equal(m->n_nodes, 2 * n + 1);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "o%u", i + 1);
		assert_int_equal(edge_of(m, name), i);
		snprintf(name + 16, 16, "%u", i);
		is_worth(m, name, MF_COMMAND, name + 16);
	}
	/* A chain as long as that is no matter of stacks. */
	assert_int_equal(mf_check_cycles(m, NULL, 0, &error), 0);
	mf_free(m);
	text_fini(&text);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_empty),
		cmocka_unit_test(case_build),
		cmocka_unit_test(case_no_newline_at_all),
		cmocka_unit_test(case_escapes),
		cmocka_unit_test(case_quotes),
		cmocka_unit_test(case_scopes),
		cmocka_unit_test(case_pools),
		cmocka_unit_test(case_flags),
		cmocka_unit_test(case_canonical),
		cmocka_unit_test(case_one_node_a_path),
		cmocka_unit_test(case_roots),
		cmocka_unit_test(case_cycles),
		cmocka_unit_test(case_phony_cycle),
		cmocka_unit_test(case_duplicates),
		cmocka_unit_test(case_version),
		cmocka_unit_test(case_refused),
		cmocka_unit_test(case_long_line),
		cmocka_unit_test(case_rule_rings),
		cmocka_unit_test(case_hostile),
		cmocka_unit_test(case_deep),
		cmocka_unit_test(case_dyndep),
		cmocka_unit_test(case_many),
		T_OOM(oom_load),
	};

	return t_run("manifest", cases);
}
