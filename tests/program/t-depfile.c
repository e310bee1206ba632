/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-depfile.c - what compilers write about what they have read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#include "manifest/depfile.h"
#include "manifest/names.h"

/* "OUT OUT|IN IN", each name in brackets. */
static void put(char *text, const struct pawl_slice *names, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		sprintf(text + strlen(text), "[%.*s]", (int)names[i].len,
			(const char *)names[i].ptr);
}

static void reads(struct depfile *depfile, const char *file, size_t len, const char *want)
{
	/* Of exactly this size: a byte beyond would be noticed. */
	char *bytes = malloc(len ? len : 1), text[512] = "";
	const char *what = NULL;

	memcpy(bytes, file, len);
	if (depfile_parse(depfile, bytes, len, &what) != 0) {
		assert_non_null(what);
		strcpy(text, what);
	} else {
		put(text, depfile->outs, depfile->n_outs);
		strcat(text, "|");
		put(text, depfile->ins, depfile->n_ins);
	}
	free(bytes);
	assert_string_equal(text, want);
	t_step();
}

static void case_forms(void **state)
{
	static const char *const pairs[][2] = {
		{"", "|"},
		{"\n\n", "|"},
		{"a: b", "[a]|[b]"},
		{"a.o: a.c a.h\n", "[a.o]|[a.c][a.h]"},
		{"a.o : a.c\n", "[a.o]|[a.c]"},
		{"a.o: \\\n a.c \\\n  a.h\n", "[a.o]|[a.c][a.h]"},
		{"a.o: \\\r\n a.c \\\r\n  a.h\r\n", "[a.o]|[a.c][a.h]"},
		{"a.o:\\\n a.c\\\n a.h\n", "[a.o]|[a.c][a.h]"},
		{"a b: c d", "[a][b]|[c][d]"},
		{"a:\n", "[a]|"},
		{"a", "expected ':' in depfile"},
		{"a b\n", "expected ':' in depfile"},
		/* Each input once. */
		{"a: b c b c b", "[a]|[b][c]"},
		/* gcc -MP. */
		{"a: b c\nb:\nc:\n", "[a]|[b][c]"},
		{"a: b c\n\nb:\n\nc:\n", "[a]|[b][c]"},
		{"a: b\na: c\n", "[a]|[b][c]"},
		{"a: b\nd: b c\n", "[a][d]|[b][c]"},
		{"a: b c\nb: d\n", "inputs may not also have inputs"},
		{"a: b c\nb: c\n", "[a]|[b][c]"},
		/* Escapes. */
		{"a\\ b: c\\ d", "[a b]|[c d]"},
		{"a: b\\\\ c", "[a]|[b\\\\][c]"},
		{"a: b\\\\\\ c", "[a]|[b\\ c]"},
		{"a: b\\#c \\#d", "[a]|[b#c][#d]"},
		{"a: b$$c $d", "[a]|[b$c][$d]"},
		{"a: b\\c\\d.h", "[a]|[b\\c\\d.h]"},
		{"c\\:\\gcc\\x.o: y", "[c:\\gcc\\x.o]|[y]"},
		{"a\\:b: c\\:d", "[a:b]|[c:d]"},
		{"a\\: b", "[a\\]|[b]"},
		{"c:/x/y.o: c:/z.c", "[c:/x/y.o]|[c:/z.c]"},
		{"a: b\\\\\\#c", "[a]|[b\\\\#c]"},
		{"a: [1] {2} (3) !4 @5 %6 =7 +8 ,9 ~0 &a 'b' \"c\" *d ?e;f^g`h<i>",
		 "[a]|[[1]][{2}][(3)][!4][@5][%6][=7][+8][,9][~0][&a]['b'][\"c\"][*d][?e;f^g`h<i>]"},
		{"a: \xc3\xa9\n", "[a]|[\xc3\xa9]"},
		{"a: b\\", "[a]|[b\\]"},
		{"a: b\\\n", "[a]|[b]"},
		{"a: b$", "[a]|[b$]"},
		{"a:\tb\tc\n", "[a]|[b][c]"},
		{"a: b :c d:", "[a]|[b][:c][d]"},
		{":", "|"},
		{"::", "[:]|"},
	};
	struct depfile depfile = DEPFILE_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		reads(&depfile, pairs[i][0], strlen(pairs[i][0]), pairs[i][1]);
	reads(&depfile, "a: b\0c\n", 7, "[a]|[b][c]");
	depfile_fini(&depfile);
	depfile_fini(&depfile);
}

/* Many inputs, most of them twice; the memory is used again. */
static void case_many(void **state)
{
	unsigned n = t_scaled(20000), i, round;
	char *file = malloc(n * 20 + 16);
	struct depfile depfile = DEPFILE_INIT;

	(void)state;
	for (round = 0; round < 2; round++) {
		size_t len = (size_t)sprintf(file, "out:");
		char name[16];

		for (i = 0; i < n; i++)
			len += (size_t)sprintf(file + len, " %u \\\n %u", i, i / 2);
		assert_int_equal(depfile_parse(&depfile, file, len, NULL), 0);
		assert_int_equal(depfile.n_ins, n);
		for (i = 0; i < n; i++) {
			sprintf(name, "%u", i);
			assert_int_equal(depfile.ins[i].len, strlen(name));
			assert_memory_equal(depfile.ins[i].ptr, name, strlen(name));
		}
	}
	free(file);
	depfile_fini(&depfile);
}

static int oom_depfile(void)
{
	struct depfile depfile = DEPFILE_INIT;
	char file[2048] = "a b c:";
	unsigned i;
	int error;

	for (i = 0; i < 100; i++)
		sprintf(file + strlen(file), " name-%u", i);
	error = depfile_parse(&depfile, file, strlen(file), NULL);
	if (!error)
		t_check(depfile.n_ins == 100);
	depfile_fini(&depfile);
	return error;
}

/* ---- numbers for names, which whoever reads depfiles needs ------------------------------------- */

static void case_names(void **state)
{
	struct names names = NAMES_INIT;
	unsigned n = t_scaled(5000), i, round;
	char name[32], big[40000];
	uint32_t number;

	(void)state;
	assert_int_equal(names_find(&names, "x", 1), UINT32_MAX);
	for (round = 0; round < 2; round++)
		for (i = 0; i < n; i++) {
			sprintf(name, "name/%u", i);
			assert_int_equal(names_add(&names, name, strlen(name), &number), 0);
			assert_int_equal(number, i);
		}
	assert_int_equal(names.n, n);
	assert_int_equal(names_find(&names, "name/", 5), UINT32_MAX);
	memset(big, 'x', sizeof(big));
	assert_int_equal(names_add(&names, big, sizeof(big), &number), 0);
	assert_int_equal(names_add(&names, "", 0, &number), 0);
	assert_int_equal(number, n + 1);
	for (i = 0; i < n; i++) {
		sprintf(name, "name/%u", i);
		assert_int_equal(names_find(&names, name, strlen(name)), i);
		assert_string_equal(names_at(&names, i), name);
	}
	names_fini(&names);
}

static int oom_names(void)
{
	struct names names = NAMES_INIT;
	char name[32];
	uint32_t number, before;
	int error = 0;
	unsigned i;

	for (i = 0; i < 200 && !error; i++) {
		sprintf(name, "name/%u", i);
		before = names.n;
		error = names_add(&names, name, strlen(name), &number);
		t_check(!error || names.n == before);
		t_check(!error || names_find(&names, name, strlen(name)) == UINT32_MAX);
	}
	names_fini(&names);
	return error;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_forms),
		cmocka_unit_test(case_many),
		cmocka_unit_test(case_names),
		T_OOM(oom_depfile),
		T_OOM(oom_names),
	};

	return t_run("depfile", cases);
}
