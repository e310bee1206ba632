/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-version.c - versions: headers and library agree, in number and in words.
 */
#include "harness.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <pawl/thread.h>
#include <pawl/version.h>

static void case_numbers(void **state)
{
	(void)state;
	assert_int_equal(pawl_version(), PAWL_VERSION_NUMBER);
	assert_int_equal(PAWL_VERSION_NUMBER, PAWL_VERSION_MAJOR * 1000000 +
						      PAWL_VERSION_MINOR * 1000 +
						      PAWL_VERSION_PATCH);
	assert_in_range(PAWL_VERSION_MINOR, 0, 999);
	assert_in_range(PAWL_VERSION_PATCH, 0, 999);
}

static void case_words(void **state)
{
	char text[64];

	(void)state;
	snprintf(text, sizeof(text), "%d.%d.%d", PAWL_VERSION_MAJOR, PAWL_VERSION_MINOR,
		 PAWL_VERSION_PATCH);
	/* A suffix may follow the three numbers ("-rc1"). */
	assert_int_equal(strncmp(PAWL_VERSION_STRING, text, strlen(text)), 0);
	assert_false(isdigit((unsigned char)PAWL_VERSION_STRING[strlen(text)]));
	assert_string_equal(pawl_version_string(), PAWL_VERSION_STRING);
}

static void case_build_words(void **state)
{
	const char *text = pawl_build_string();
	bool memb, qsbr;

	(void)state;
	assert_non_null(text);
	assert_string_not_equal(text, "");
	assert_ptr_equal(text, pawl_build_string());
	assert_null(strchr(text, '\n'));
	assert_int_not_equal(text[0], ' ');
	assert_int_not_equal(text[strlen(text) - 1], ' ');
	memb = strstr(text, "memb") != NULL;
	qsbr = strstr(text, "qsbr") != NULL;
	/* One flavour, and the one that this test is built for. */
	assert_int_equal(memb + qsbr, 1);
#ifdef PAWL_URCU_QSBR
	assert_true(qsbr);
#endif
#ifdef PAWL_DEBUG
	assert_non_null(strstr(text, "debug"));
#else
	assert_null(strstr(text, "debug"));
#endif
}

/* Versions need no attached thread and no memory. */
static int oom_version(void)
{
	int rc;

	t_check(pawl_version() == PAWL_VERSION_NUMBER);
	rc = pawl_thread_attach("version");
	if (rc)
		return rc;
	t_check(strcmp(pawl_version_string(), PAWL_VERSION_STRING) == 0);
	pawl_thread_detach();
	return 0;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_numbers),
		cmocka_unit_test(case_words),
		cmocka_unit_test(case_build_words),
		T_OOM(oom_version),
	};

	return t_run("version", cases);
}
