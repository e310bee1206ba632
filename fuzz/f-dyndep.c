/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * f-dyndep.c - any bytes as the dyndep file of a manifest: refused, or each of its edges once, with canonical paths.
 */
#include "config.h"

#include "fuzz.h"
#include "words.h"

#include <errno.h>
#include <string.h>

#include "manifest/dyndep.h"

static const char *const words[] = {
	"ninja_dyndep_version = 1\n",
	"build ",
	"a",
	"b",
	"c",
	"x",
	": ",
	"dyndep",
	" | ",
	" || ",
	" ",
	"\n",
	"\n  restat = 1\n",
	"  restat = 1\n",
	"build a: dyndep\n",
	"build b: dyndep\n",
	"build a | x/../y: dyndep | ./z\n",
	"$v",
	"v = 1\n",
	"$\n",
	"#",
	"\r\n",
	"\t",
	"$",
	"$$",
};

static const char manifest[] = "rule r\n  command = x\nbuild a: r | dd\n  dyndep = dd\n"
			       "build b: r || dd\n  dyndep = dd\nbuild c: r dd\n";

static int read_manifest(void *arg, const char *path, struct pawl_slice *ret)
{
	(void)arg;
	(void)path;
	*ret = (struct pawl_slice){manifest, sizeof(manifest) - 1};
	return 0;
}

static void check(const struct mf_manifest *m, const struct dyndep *dyndep)
{
	uint32_t i, seen = 0, paths = 0;

	FUZZ_CHECK(dyndep->n_edges == 2);
	for (i = 0; i < dyndep->n_edges; i++) {
		const struct dyndep_edge *edge = &dyndep->edges[i];

		FUZZ_CHECK(m->edges[edge->edge].dyndep == mf_find(m, "dd", 2));
		seen |= 1u << edge->edge;
		FUZZ_CHECK(edge->first == paths);
		paths += edge->n_out + edge->n_in;
	}
	FUZZ_CHECK(seen == 3 && paths == dyndep->n_paths);
	for (i = 0; i < paths; i++) {
		char path[256];
		size_t len = dyndep->paths[i].len;

		FUZZ_CHECK(len && ((const char *)dyndep->paths[i].ptr)[len] == '\0');
		if (len >= sizeof(path))
			continue;
		memcpy(path, dyndep->paths[i].ptr, len);
		FUZZ_CHECK(mf_canonical(path, len) == len);
		FUZZ_CHECK(!memcmp(path, dyndep->paths[i].ptr, len));
	}
}

static void run(struct fuzz_bytes *bytes)
{
	static char text[WORDS_ROOM];
	unsigned fail = fuzz_u8(bytes) % 64;
	size_t n = fuzz_text(bytes, words, sizeof(words) / sizeof(words[0]), text);
	struct mf_options options = MF_OPTIONS_INIT;
	struct mf_manifest *m;
	struct mf_error error;
	struct dyndep dyndep;
	int result;

	options.read = read_manifest;
	FUZZ_CHECK(mf_load("build.ninja", &options, &m, NULL) == 0);
	fuzz_alloc_fail(fail);
	result = dyndep_parse(m, mf_find(m, "dd", 2), (struct pawl_slice){text, n}, &dyndep,
			      &error);
	if (!result) {
		check(m, &dyndep);
		dyndep_fini(&dyndep);
	} else {
		FUZZ_CHECK(result == error.error);
		FUZZ_CHECK(fuzz_alloc_failed() || result != -ENOMEM);
	}
	fuzz_alloc_fail(0);
	mf_free(m);
}

const struct fuzz_target fuzz_target = {.name = "dyndep", .run = run};
