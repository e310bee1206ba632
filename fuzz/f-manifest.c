/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * f-manifest.c - any bytes as a manifest and what it includes: refused with a place that is in one of the files, or
 * a graph whose lists agree with each other. What is then asked of it is answered, and ends.
 */
#include "config.h"

#include "fuzz.h"
#include "words.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>

#include "manifest/manifest.h"
#include "ninja/options.h"
#include "ninja/tools.h"

static const char *const words[] = {
	"build ",
	"rule ",
	"pool ",
	"default ",
	"include ",
	"subninja ",
	"\n",
	"\n  ",
	" ",
	" $\n ",
	": ",
	" | ",
	" || ",
	" |@ ",
	" = ",
	"phony",
	"r",
	"a",
	"b",
	"c",
	"d/../e",
	"./",
	"$",
	"${a}",
	"$a",
	"$in",
	"$out",
	"$$",
	"$:",
	"$ ",
	"#",
	"\r\n",
	"\t",
	"command",
	"depfile",
	"deps",
	"dyndep",
	"generator",
	"restat",
	"rspfile",
	"rspfile_content",
	"pool",
	"depth",
	"console",
	"1",
	"'",
	"description",
	"rule r\n  command = c $in $out\n",
	"\nbuild a: r b c | d || e\n",
	"\x01",
	"\nbuild b: r a |@ c\n  a = $b\n",
	"ninja_required_version = ",
	"\x80",
	"msvc_deps_prefix",
	"\nbuild c: phony c",
	"\n  dyndep = b\n",
	"$description",
};

/* Parts of the text between bytes 1: build.ninja, "a", "b", ... */
struct files {
	const char *text;
	size_t n;
};

static int read_part(void *arg, const char *path, struct pawl_slice *ret)
{
	const struct files *files = arg;
	const char *at = files->text, *end = at + files->n, *stop;
	unsigned skip = strcmp(path, "build.ninja") == 0 ? 0 : 1;

	if (skip) {
		if (path[0] < 'a' || path[0] > 'z' || path[1])
			return -ENOENT;
		skip = (unsigned)(path[0] - 'a') + 1;
	}
	for (; skip; skip--) {
		at = memchr(at, 1, (size_t)(end - at));
		if (!at)
			return -ENOENT;
		at++;
	}
	stop = memchr(at, 1, (size_t)(end - at));
	*ret = (struct pawl_slice){at, (size_t)((stop ? stop : end) - at)};
	return 0;
}

static void check_error(int result, const struct mf_error *error)
{
	char said[2048];

	FUZZ_CHECK(result == error->error);
	FUZZ_CHECK(result == -ENOMEM || *error->message);
	FUZZ_CHECK(mf_error_print(error, said, sizeof(said)) < sizeof(said));
	FUZZ_CHECK(!error->line || error->column);
	FUZZ_CHECK(error->caret == MF_NONE || error->caret <= 72);
}

static void check_lists(const struct mf_manifest *m)
{
	uint64_t uses = 0, listed = 0;
	uint32_t i, k;

	for (i = 0; i < m->n_edges; i++) {
		struct mf_list outs = mf_outs(m, i), ins = mf_ins(m, i);

		FUZZ_CHECK(outs.n > 0);
		for (k = 0; k < outs.n; k++)
			FUZZ_CHECK(m->nodes[outs.at[k]].edge == i);
		for (k = 0; k < ins.n; k++)
			FUZZ_CHECK(ins.at[k] < m->n_nodes);
		uses += ins.n + mf_validations(m, i).n;
		FUZZ_CHECK(m->edges[i].rule < m->n_rules && m->edges[i].pool < m->n_pools);
		FUZZ_CHECK(m->edges[i].file < m->n_files && m->edges[i].line > 0);
	}
	for (i = 0; i < m->n_nodes; i++) {
		struct pawl_slice path = mf_text(m, m->nodes[i].path);
		struct mf_list list = mf_uses(m, i);

		FUZZ_CHECK(path.len && mf_path(m, i)[path.len] == '\0');
		FUZZ_CHECK(mf_find(m, path.ptr, path.len) == i);
		listed += list.n + mf_validates(m, i).n;
		for (k = 0; k < list.n; k++)
			FUZZ_CHECK(list.at[k] < m->n_edges &&
				   (!k || list.at[k] >= list.at[k - 1]));
	}
	FUZZ_CHECK(uses == listed && uses == m->n_uses);
}

static void check_values(const struct mf_manifest *m)
{
	struct text text = TEXT_INIT;
	uint32_t i, v;

	for (i = 0; i < m->n_edges && i < 16; i++)
		for (v = 0; v < MF_VARIABLES; v++) {
			text_cut(&text, 0);
			if (mf_eval(m, i, v, &text) == 0 && v == MF_RSPFILE)
				FUZZ_CHECK(!text.len == !(m->edges[i].flags & MF_EDGE_RSPFILE));
		}
	text_fini(&text);
}

static void check_tools(const struct mf_manifest *m)
{
	static const char *const tools[] = {"graph",	"query", "inputs",  "compdb",
					    "commands", "rules", "targets", "missingdeps"};
	struct text out = TEXT_INIT, err = TEXT_INIT;
	uint32_t i;

	for (i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		char first[16] = "x", node[] = "a", *arguments[] = {first, node, NULL};
		struct ninja_tool_run run = {
			.m = m, .arguments = arguments + 1, .n_arguments = 1};

		if (!strcmp(tools[i], "rules") || !strcmp(tools[i], "targets"))
			arguments[run.n_arguments = 0] = NULL;
		(void)ninja_tool_run(tools[i], &run, &out, &err);
		text_cut(&out, 0);
		text_cut(&err, 0);
	}
	text_fini(&out);
	text_fini(&err);
}

static void run(struct fuzz_bytes *bytes)
{
	static char text[WORDS_ROOM];
	unsigned fail = fuzz_u8(bytes), flags = fuzz_u8(bytes);
	struct files files = {text,
			      fuzz_text(bytes, words, sizeof(words) / sizeof(words[0]), text)};
	struct mf_options options = MF_OPTIONS_INIT;
	struct mf_manifest *m;
	struct mf_error error;
	uint32_t *roots, n;
	int result;

	options.read = read_part;
	options.arg = &files;
	options.duplicates_warn = flags & 1;
	options.phony_cycle_error = flags >> 1 & 1;
	fuzz_alloc_fail(fail % 128);
	result = mf_load("build.ninja", &options, &m, &error);
	if (result) {
		check_error(result, &error);
		return;
	}
	if (flags >> 2 & 1)
		fuzz_alloc_fail(0);
	check_lists(m);
	check_values(m);
	result = mf_check_cycles(m, NULL, 0, &error);
	FUZZ_CHECK(result == 0 || result == -ELOOP || result == -ENOMEM);
	result = mf_roots(m, &roots, &n, &error);
	if (!result)
		pawl_mem_free(roots, (size_t)n * sizeof(*roots), 0);
	check_tools(m);
	mf_free(m);
}

const struct fuzz_target fuzz_target = {.name = "manifest", .run = run};
