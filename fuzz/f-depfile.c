/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * f-depfile.c - any bytes as a depfile: refused, or names that lie in it in their order, inputs each once.
 */
#include "config.h"

#include "fuzz.h"
#include "words.h"

#include <errno.h>
#include <string.h>

#include "manifest/depfile.h"

static const char *const words[] = {
	"a",	"b",	  "c",	  "d.h", " ",  "\n",	 ":",	     ": ", "\\",
	"\\\n", "\\\r\n", "\\ ",  "\\#", "#",  "$",	 "$$",	     "\t", "\r",
	"\\:",	"a.o: ",  "\\\\", " b",	 " c", " \\\n ", "\xc3\xa9",
};

static void check_names(const struct pawl_slice *names, uint32_t n, const char *begin,
			size_t len)
{
	const char *last = begin;
	uint32_t i;

	for (i = 0; i < n; i++) {
		const char *at = names[i].ptr;

		FUZZ_CHECK(names[i].len && at >= last && at + names[i].len <= begin + len);
		last = at + names[i].len;
	}
}

static void run(struct fuzz_bytes *bytes)
{
	static char text[WORDS_ROOM], copy[WORDS_ROOM];
	unsigned fail = fuzz_u8(bytes) % 16;
	size_t n = fuzz_text(bytes, words, sizeof(words) / sizeof(words[0]), text);
	struct depfile depfile = DEPFILE_INIT, again = DEPFILE_INIT;
	const char *what = NULL;
	uint32_t i, k;
	int result;

	memcpy(copy, text, n);
	fuzz_alloc_fail(fail);
	result = depfile_parse(&depfile, text, n, &what);
	if (result) {
		FUZZ_CHECK(result == (fuzz_alloc_failed() ? -ENOMEM : -EINVAL));
		FUZZ_CHECK(!what == (result == -ENOMEM));
		depfile_fini(&depfile);
		return;
	}
	fuzz_alloc_fail(0);
	check_names(depfile.outs, depfile.n_outs, text, n);
	check_names(depfile.ins, depfile.n_ins, text, n);
	for (i = 0; i < depfile.n_ins && i < 64; i++)
		for (k = 0; k < i; k++)
			FUZZ_CHECK(depfile.ins[i].len != depfile.ins[k].len ||
				   memcmp(depfile.ins[i].ptr, depfile.ins[k].ptr,
					  depfile.ins[i].len) != 0);
	/* Once more, into memory that was used. */
	FUZZ_CHECK(depfile_parse(&again, copy, n, NULL) == 0);
	FUZZ_CHECK(again.n_ins == depfile.n_ins && again.n_outs == depfile.n_outs);
	depfile_fini(&depfile);
	depfile_fini(&again);
}

const struct fuzz_target fuzz_target = {.name = "depfile", .run = run};
