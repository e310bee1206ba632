/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-state.c - states and who reads them: what of backend_state and mutable_cells needs no store.
 */
#include "conform.h"

static struct pawl_atomic_u32 ran;

struct three {
	struct cf_state which, a, b;
};

static int peek_state(struct cf_state state, int64_t *ret_number)
{
	return cf_state_get(NULL, state, ret_number);
}

/* Reads the one or the other. */
static int chooses_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct three *three = args;
	int64_t which, number;
	int error = cf_state_get(context, three->which, &which);

	cf_count(&ran);
	if (!error)
		error = cf_state_get(context, which ? three->a : three->b, &number);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(chooses, PAWL_FUNCTION_ROOT, sizeof(struct three));

/* Looks at a state, and nothing depends on that. */
static int untracked_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	const struct cf_state *state = args;
	int64_t number;
	int error = peek_state(*state, &number);

	cf_count(&ran);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(untracked, PAWL_FUNCTION_ROOT, sizeof(struct cf_state));

static int doubled_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct cf_state *state = args;
	int64_t number;
	int error = cf_state_get(context, *state, &number);

	cf_count(&ran);
	return error ? error : cf_give(context, number * 2, ret_output);
}
CF_FUNCTION(doubled, PAWL_FUNCTION_ROOT, sizeof(struct cf_state));

static const struct pawl_function *const functions[] = {&chooses, &untracked, &doubled};
static const struct cf_tables tables = {functions, 3, NULL, 0, NULL, 0, 0};

/* ---- independent values; an equal value is no change ------------------------------------------ */

static void independent(unsigned run)
{
	struct cf_state a = cf_state_make(1), b = cf_state_make(1);
	int64_t number;

	(void)run;
	assert_int_equal(cf_ask(&doubled, &a), 2);
	assert_int_equal(cf_ask(&doubled, &b), 2);
	(void)cf_counted(&ran);
	cf_state_set(a, 5);
	assert_int_equal(cf_ask(&doubled, &a), 10);
	assert_int_equal(cf_ask(&doubled, &b), 2);
	assert_int_equal(cf_counted(&ran), 1);
	cf_state_set(a, 5);
	assert_int_equal(cf_ask(&doubled, &a), 10);
	assert_int_equal(cf_counted(&ran), 0);
	assert_int_equal(peek_state(a, &number), 0);
	assert_int_equal(number, 5);
}

static void case_independent_values(void **state)
{
	(void)state;
	cf_thrice(&tables, independent);
}

/* ---- reads that are not tracked --------------------------------------------------------------- */

static void untracked_read(unsigned run)
{
	struct cf_state a = cf_state_make(1);

	(void)run;
	assert_int_equal(cf_ask(&untracked, &a), 1);
	(void)cf_counted(&ran);
	cf_state_set(a, 2);
	assert_int_equal(cf_ask(&untracked, &a), 1);
	assert_int_equal(cf_counted(&ran), 0);
}

static void case_untracked_read(void **state)
{
	(void)state;
	cf_thrice(&tables, untracked_read);
}

/* ---- dependencies that are over ------------------------------------------------------------------ */

static void obsolete(unsigned run)
{
	struct three three = {cf_state_make(1), cf_state_make(10), cf_state_make(20)};

	(void)run;
	(void)cf_counted(&ran);
	assert_int_equal(cf_ask(&chooses, &three), 10);
	cf_state_set(three.which, 0);
	assert_int_equal(cf_ask(&chooses, &three), 20);
	assert_int_equal(cf_counted(&ran), 2);
	cf_state_set(three.b, 21);
	assert_int_equal(cf_ask(&chooses, &three), 21);
	assert_int_equal(cf_counted(&ran), 1);
	/* It does not read that one any more: told of one change at most, which is forgotten then. */
	cf_state_set(three.a, 11);
	assert_int_equal(cf_ask(&chooses, &three), 21);
	assert_true(cf_counted(&ran) <= 1);
	for (unsigned i = 0; i < 5; i++) {
		cf_state_set(three.a, 100 + i);
		assert_int_equal(cf_ask(&chooses, &three), 21);
	}
	assert_int_equal(cf_counted(&ran), 0);
}

static void case_obsolete_dependencies(void **state)
{
	(void)state;
	cf_thrice(&tables, obsolete);
}

/* ---- a writer and a reader at once ------------------------------------------------------------------ */

#define STEPS 80

static void writer(void *arg)
{
	for (unsigned i = 1; i <= STEPS; i++) {
		cf_state_set(*(const struct cf_state *)arg, i);
		t_step();
	}
}

static void at_once(unsigned run)
{
	struct cf_state state = cf_state_make(0);
	struct t_thread *thread = t_thread_start(writer, &state);
	int64_t last = 0;

	(void)run;
	for (unsigned i = 0; i < STEPS; i++) {
		int64_t number = cf_ask(&doubled, &state);

		assert_true(number >= last && number <= 2 * STEPS && number % 2 == 0);
		last = number;
	}
	t_thread_join(thread);
	assert_int_equal(cf_ask(&doubled, &state), 2 * STEPS);
}

static void case_reader_and_writer(void **state)
{
	(void)state;
	cf_thrice(&tables, at_once);
}

/* ---- edits: all or none ------------------------------------------------------------------------------- */

struct pair {
	struct cf_state a, b;
};

static int difference_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	const struct pair *pair = args;
	int64_t a, b;
	int error = cf_call(context, &doubled, &pair->a, &a);

	if (!error)
		error = cf_call(context, &doubled, &pair->b, &b);
	return error ? error : cf_give(context, a - b, ret_output);
}
CF_FUNCTION(difference, PAWL_FUNCTION_ROOT, sizeof(struct pair));

static const struct pawl_function *const pair_functions[] = {&doubled, &difference};
static const struct cf_tables pair_tables = {pair_functions, 2, NULL, 0, NULL, 0, 0};

static void edits(void *arg)
{
	const struct pair *pair = arg;

	for (unsigned i = 1; i <= STEPS; i++) {
		struct pawl_edit *edit;

		t_check(!pawl_edit_begin(cf_engine, &edit));
		t_check(!pawl_edit_set(edit, cf_state_of(pair->a), cf_value(i)));
		t_check(!pawl_edit_set(edit, cf_state_of(pair->b), cf_value(i)));
		pawl_edit_commit(edit);
		t_step();
	}
}

static void edited(unsigned run)
{
	struct pair pair = {cf_state_make(0), cf_state_make(0)};
	struct t_thread *thread = t_thread_start(edits, &pair);

	(void)run;
	for (unsigned i = 0; i < STEPS; i++)
		assert_int_equal(cf_ask(&difference, &pair), 0);
	t_thread_join(thread);
	assert_int_equal(cf_ask(&difference, &pair), 0);
}

static void case_edits_beside_reads(void **state)
{
	(void)state;
	cf_thrice(&pair_tables, edited);
}

/* ---- updates: two who add, updates that fail, what an update may do ------------------------------- */

#define UPDATES 100

static struct cf_state aside;
static struct pawl_atomic_u32 called;

static int add_one(void *arg, const struct pawl_value *before, struct pawl_value **ret_after)
{
	(void)arg;
	cf_count(&called);
	*ret_after = cf_value(cf_number_of(before) + 1);
	return 0;
}

static int fails(void *arg, const struct pawl_value *before, struct pawl_value **ret_after)
{
	(void)arg, (void)before, (void)ret_after;
	return -ERANGE;
}

static int other_type(void *arg, const struct pawl_value *before, struct pawl_value **ret_after)
{
	static const struct pawl_value_type unknown = PAWL_VALUE_TYPE("unknown");

	(void)arg, (void)before;
	return pawl_value_of(&unknown, "", 1, ret_after);
}

static int ask_visit(struct pawl_context *context, void *arg)
{
	const struct cf_state *state = arg;
	int64_t number;

	return cf_call(context, &doubled, state, &number);
}

/* What is refused elsewhere: here nothing is held while an update is made. */
static int busy(void *arg, const struct pawl_value *before, struct pawl_value **ret_after)
{
	struct cf_state *state = arg;
	int64_t number;

	t_check(!cf_state_get(NULL, *state, &number));
	t_check(number == cf_number_of(before));
	cf_state_set(aside, number);
	t_check(!pawl_state_update(cf_state_of(aside), add_one, NULL));
	t_check(!pawl_engine_run(cf_engine, ask_visit, state));
	*ret_after = cf_value(number + 1);
	return 0;
}

static int update(struct cf_state state, pawl_state_update_fn *fn, void *arg)
{
	return pawl_state_update(cf_state_of(state), fn, arg);
}

static void updater(void *arg)
{
	struct cf_state *state = arg;

	for (unsigned i = 0; i < UPDATES; i++) {
		t_check(!update(*state, add_one, NULL));
		t_check(update(*state, fails, NULL) == -ERANGE);
		t_step();
	}
}

static void updates(unsigned run)
{
	struct cf_state state = cf_state_make(0);
	struct t_thread *threads[2];
	int64_t number, last = 0;

	(void)run;
	aside = cf_state_make(0);
	(void)cf_counted(&called);
	for (unsigned i = 0; i < 2; i++)
		threads[i] = t_thread_start(updater, &state);
	/* Who reads sees them in their order. */
	for (unsigned i = 0; i < 20; i++) {
		number = cf_ask(&doubled, &state);
		assert_true(number >= last);
		last = number;
	}
	for (unsigned i = 0; i < 2; i++)
		t_thread_join(threads[i]);
	assert_int_equal(cf_ask(&doubled, &state), 2 * 2 * UPDATES);
	assert_true(cf_counted(&called) >= 2 * UPDATES);
	assert_int_equal(update(state, other_type, NULL), -EINVAL);
	assert_int_equal(cf_ask(&doubled, &state), 2 * 2 * UPDATES);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(update(state, busy, &state), 0);
	assert_int_equal(cf_ask(&doubled, &state), 2 * (2 * UPDATES + 5));
	assert_int_equal(cf_ask(&doubled, &aside), 2 * (2 * UPDATES + 5));
}

static void case_updates(void **state)
{
	(void)state;
	cf_thrice(&tables, updates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_independent_values),
		cmocka_unit_test(case_untracked_read),
		cmocka_unit_test(case_obsolete_dependencies),
		cmocka_unit_test(case_reader_and_writer),
		cmocka_unit_test(case_edits_beside_reads),
		cmocka_unit_test(case_updates),
	};

	return cf_run("conform-state", tests);
}
