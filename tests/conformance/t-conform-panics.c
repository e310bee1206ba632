/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-panics.c - errors that are panics: their texts, and where they were.
 */
#include "conform.h"

#include <stdio.h>

/* ---- errors, with panics ---------------------------------------------------------------- */

struct way {
	uint64_t run;
	uint64_t indirect; /* in another task */
	uint64_t context;  /* with words of its own */
	uint64_t wrapped;  /* by a plain function of C, which has words as well */
};

static struct pawl_atomic_u32 ran, cleaned, line_of_direct, line_of_indirect;

static void clean(void *arg)
{
	(void)arg;
	cf_count(&cleaned);
}

static int panics_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_cleanup cleanup;

	(void)args, (void)ret_output;
	cf_count(&ran);
	pawl_cleanup_push(&cleanup, clean, NULL);
	pawl_store_relaxed(&line_of_indirect, (uint32_t)__LINE__ + 1);
	pawl_panic(context, "panic %d", 17);
}
CF_FUNCTION(panics, 0, sizeof(uint64_t));

static int direct(struct pawl_context *context, const struct way *way, int64_t *ret_number)
{
	int error;

	if (!way->indirect) {
		pawl_store_relaxed(&line_of_direct, (uint32_t)__LINE__ + 1);
		pawl_panic(context, "direct panic");
	}
	error = cf_call(context, &panics, &way->run, ret_number);
	return error && way->context ? pawl_context_fail(context, "with context") : error;
}

static int panics_some_way_body(struct pawl_context *context, const void *args,
				pawl_ref_t *ret_output)
{
	const struct way *way = args;
	int64_t number = 0;
	int error = direct(context, way, &number);

	if (error && way->wrapped)
		error = pawl_context_fail(context, "in-context");
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(panics_some_way, 0, sizeof(struct way));

static const struct pawl_function *const panic_functions[] = {&panics, &panics_some_way};
static const struct cf_tables panic_tables = {panic_functions, 2, NULL, 0, NULL, 0, 0};

static void expect_text(const struct way *way, const char *expected,
			struct pawl_atomic_u32 *line)
{
	char text[256], whole[256];

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(cf_ask_error(&panics_some_way, way, text, sizeof(text)),
				 -PAWL_ETASK);
		(void)snprintf(whole, sizeof(whole), "%s (at t-conform-panics.c:%u)", expected,
			       pawl_load_relaxed(line));
		assert_string_equal(text, whole);
	}
}

/* A panic goes past what its own function would have said. */
static void panics_in_all_ways(unsigned run)
{
	static const struct {
		struct way way;
		const char *text;
	} cases[] = {
		{{0, 0, 0, 0}, "panics_some_way: direct panic"},
		{{0, 0, 1, 0}, "panics_some_way: direct panic"},
		{{0, 0, 0, 1}, "panics_some_way: direct panic"},
		{{0, 0, 1, 1}, "panics_some_way: direct panic"},
		{{0, 1, 0, 0}, "panics_some_way: panics: panic 17"},
		{{0, 1, 1, 0}, "panics_some_way: with context: panics: panic 17"},
		{{0, 1, 0, 1}, "panics_some_way: in-context: panics: panic 17"},
		{{0, 1, 1, 1}, "panics_some_way: in-context: with context: panics: panic 17"},
	};

	(void)cf_counted(&ran);
	(void)cf_counted(&cleaned);
	for (unsigned i = 0; i < CF_N(cases); i++) {
		struct way way = cases[i].way;

		way.run = run;
		expect_text(&way, cases[i].text,
			    way.indirect ? &line_of_indirect : &line_of_direct);
	}
	/* It is a result as others are: it is there, and made once. */
	assert_int_equal(cf_counted(&ran), 1);
	assert_int_equal(cf_counted(&cleaned), 1);
}

static void case_panics(void **state)
{
	(void)state;
	cf_thrice(&panic_tables, panics_in_all_ways);
}

/* ---- test_panics_include_location ---------------------------------------------------------- */

struct found {
	uint64_t nonce;
	char root[128]; /* the text of what it all came from */
};

static int root_cause_visit(struct pawl_context *context, void *arg)
{
	struct found *found = arg;
	struct way way = {found->nonce, 1, 1, 1};
	const struct pawl_error *failure = NULL;
	struct pawl_value *value;
	pawl_ref_t ref;

	t_check(!pawl_call(context, &panics_some_way, &way, &ref));
	t_check(pawl_read(context, ref, PAWL_READ_STRONG, &value, &failure) == -PAWL_ETASK);
	while (pawl_error_cause(failure))
		failure = pawl_error_cause(failure);
	(void)snprintf(found->root, sizeof(found->root), "%s", pawl_error_message(failure));
	return 0;
}

static void location(unsigned run)
{
	struct found found = {run, ""};
	char expected[128];

	cf_visit(root_cause_visit, &found);
	(void)snprintf(expected, sizeof(expected), "panic 17 (at t-conform-panics.c:%u)",
		       pawl_load_relaxed(&line_of_indirect));
	assert_string_equal(found.root, expected);
}

static void case_location(void **state)
{
	(void)state;
	cf_thrice(&panic_tables, location);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_panics),
		cmocka_unit_test(case_location),
	};

	return cf_run("conform-panics", cases);
}
