/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-effects.c - effects: said by tasks, taken by a task, applied from outside; each key once for each content.
 */
#include "conform.h"

#include <pawl/effect.h>

static const struct pawl_trait writes = {sizeof(writes), "writes", NULL, 0};

/* ---- the world ------------------------------------------------------------------------- */

enum key { FOO, BAR, KEYS };

static const char *const key_names[KEYS] = {"foo", "bar"};
static struct pawl_atomic_u32 applied[KEYS];
static struct pawl_effect_target *target;

static int apply(void *arg, struct pawl_slice key, const struct pawl_value *value)
{
	(void)arg;
	for (unsigned i = 0; i < KEYS; i++) {
		if (key.len == strlen(key_names[i]) && !memcmp(key.ptr, key_names[i], key.len))
			cf_count(&applied[i]);
	}
	t_check(cf_number_of(value) > 0);
	return 0;
}

static void expect_applied(unsigned foo, unsigned bar)
{
	assert_int_equal(pawl_load_relaxed(&applied[FOO]), foo);
	assert_int_equal(pawl_load_relaxed(&applied[BAR]), bar);
}

/* ---- tasks -------------------------------------------------------------------------------- */

/* What of each key is wanted, 0: nothing; and a state of the task that takes. */
struct producer {
	struct cf_state wanted[KEYS];
	struct cf_state tick;
};

static int produces_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct producer *producer = args;

	for (unsigned i = 0; i < KEYS; i++) {
		struct pawl_slice key = {key_names[i], strlen(key_names[i])};
		int64_t number;
		int error = cf_state_get(context, producer->wanted[i], &number);

		if (!error && number)
			error = pawl_effect_emit(context, &writes, key, cf_value(number));
		if (error)
			return error;
	}
	*ret_output = PAWL_REF_NONE;
	return 0;
}
CF_FUNCTION(produces, 0, sizeof(struct producer));

static int takes_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct producer *producer = args;
	struct pawl_value *effects;
	int64_t tick;
	pawl_ref_t ref;
	int error = pawl_call(context, &produces, producer, &ref);

	if (!error)
		error = cf_state_get(context, producer->tick, &tick);
	if (!error)
		error = pawl_effects_take(context, ref, target, &effects, NULL);
	return error ? error : pawl_cell(context, effects, ret_output);
}
CF_FUNCTION(takes, PAWL_FUNCTION_ROOT, sizeof(struct producer));

static const struct pawl_function *const functions[] = {&produces, &takes};
static const struct pawl_value_type *const types[] = {&pawl_effect_type, &pawl_effects_type};
static const struct pawl_trait *const traits[] = {&writes};
static const struct cf_tables tables = {functions, 2, types, 2, traits, 1, 0};

static struct producer producer_make(int64_t foo, int64_t bar)
{
	return (struct producer){{cf_state_make(foo), cf_state_make(bar)}, cf_state_make(0)};
}

struct look {
	const struct producer *producer;
	struct pawl_value *effects;
};

static int look_visit(struct pawl_context *context, void *arg)
{
	struct look *look = arg;
	pawl_ref_t ref;
	int error = pawl_call(context, &takes, look->producer, &ref);

	return error ? error : pawl_read(context, ref, PAWL_READ_STRONG, &look->effects, NULL);
}

static struct pawl_value *look_at(const struct producer *producer)
{
	struct look look = {producer, NULL};

	cf_visit(look_visit, &look);
	return look.effects;
}

static void look_and_apply(const struct producer *producer)
{
	struct pawl_value *effects = look_at(producer);

	assert_int_equal(pawl_effects_apply(target, effects, NULL), 0);
	pawl_value_unpin(effects);
}

/* How many came with their values. */
static unsigned with_values(const struct pawl_value *effects)
{
	unsigned n = 0;

	for (size_t i = 0; i < pawl_effects_count(effects); i++) {
		struct pawl_effect effect;

		pawl_effects_get(effects, i, &effect);
		n += effect.value != NULL;
	}
	return n;
}

static void begin(void)
{
	struct pawl_effect_target_options options = PAWL_EFFECT_TARGET_OPTIONS_INIT;

	options.trait = &writes;
	options.apply = apply;
	assert_int_equal(pawl_effect_target_create(cf_engine, &options, &target), 0);
	for (unsigned i = 0; i < KEYS; i++)
		pawl_store_relaxed(&applied[i], 0u);
}

static void end(void)
{
	cf_settle();
	pawl_effect_target_destroy(target);
	target = NULL;
}

/* ---- cases ---------------------------------------------------------------------------------- */

static void duplicate_apply(unsigned run)
{
	struct producer producer = producer_make(1, 0);
	struct pawl_value *effects;

	(void)run;
	begin();
	effects = look_at(&producer);
	assert_int_equal(pawl_effects_apply(target, effects, NULL), 0);
	assert_int_equal(pawl_effects_apply(target, effects, NULL), 0);
	expect_applied(1, 0);
	pawl_value_unpin(effects);
	end();
}

static void case_duplicate_apply(void **state)
{
	(void)state;
	cf_thrice(&tables, duplicate_apply);
}

static void unchanged_hash(unsigned run)
{
	struct producer producer = producer_make(1, 2);

	(void)run;
	begin();
	look_and_apply(&producer);
	expect_applied(1, 1);
	/* There and back: both tasks run again, and say what they said. */
	cf_state_set(producer.wanted[FOO], 5);
	cf_state_set(producer.wanted[FOO], 1);
	cf_state_set(producer.tick, 1);
	look_and_apply(&producer);
	expect_applied(1, 1);
	end();
}

static void case_unchanged_hash(void **state)
{
	(void)state;
	cf_thrice(&tables, unchanged_hash);
}

static void hash_change(unsigned run)
{
	struct producer producer = producer_make(1, 2);

	(void)run;
	begin();
	look_and_apply(&producer);
	cf_state_set(producer.wanted[FOO], 3);
	look_and_apply(&producer);
	expect_applied(2, 1);
	end();
}

static void case_hash_change(void **state)
{
	(void)state;
	cf_thrice(&tables, hash_change);
}

static void adding(unsigned run)
{
	struct producer producer = producer_make(1, 0);

	(void)run;
	begin();
	look_and_apply(&producer);
	expect_applied(1, 0);
	cf_state_set(producer.wanted[BAR], 2);
	look_and_apply(&producer);
	expect_applied(1, 1);
	end();
}

static void case_adding(void **state)
{
	(void)state;
	cf_thrice(&tables, adding);
}

static void removing(unsigned run)
{
	struct producer producer = producer_make(1, 2);

	(void)run;
	begin();
	look_and_apply(&producer);
	expect_applied(1, 1);
	cf_state_set(producer.wanted[BAR], 0);
	look_and_apply(&producer);
	expect_applied(1, 1);
	end();
}

static void case_removing(void **state)
{
	(void)state;
	cf_thrice(&tables, removing);
}

static void sibling(unsigned run)
{
	struct producer a = producer_make(1, 0), b = producer_make(2, 0);
	struct pawl_value *of_a, *of_b;

	(void)run;
	begin();
	of_a = look_at(&a);
	of_b = look_at(&b);
	assert_int_equal(pawl_effects_apply(target, of_a, NULL), 0);
	expect_applied(1, 0);
	assert_int_equal(pawl_effects_apply(target, of_b, NULL), 0);
	expect_applied(2, 0);
	assert_int_equal(pawl_effects_apply(target, of_a, NULL), 0);
	expect_applied(3, 0);
	pawl_value_unpin(of_a);
	pawl_value_unpin(of_b);
	end();
}

static void case_sibling(void **state)
{
	(void)state;
	cf_thrice(&tables, sibling);
}

static void repeated(unsigned run)
{
	struct producer producer = producer_make(1, 0);

	(void)run;
	begin();
	look_and_apply(&producer);
	look_and_apply(&producer);
	expect_applied(1, 0);
	end();
}

static void case_repeated(void **state)
{
	(void)state;
	cf_thrice(&tables, repeated);
}

static void distinct(unsigned run)
{
	struct producer producer = producer_make(1, 0);
	struct pawl_value *before, *after, *again;

	(void)run;
	begin();
	before = look_at(&producer);
	again = look_at(&producer);
	assert_ptr_equal(before, again);
	cf_state_set(producer.wanted[FOO], 2);
	after = look_at(&producer);
	assert_ptr_not_equal(before, after);
	/* Also where it says the same: it is another run's. */
	cf_state_set(producer.tick, 1);
	pawl_value_unpin(again);
	again = look_at(&producer);
	assert_ptr_not_equal(after, again);
	pawl_value_unpin(before);
	pawl_value_unpin(after);
	pawl_value_unpin(again);
	end();
}

static void case_distinct(void **state)
{
	(void)state;
	cf_thrice(&tables, distinct);
}

static void capture_skips(unsigned run)
{
	struct producer producer = producer_make(1, 0);
	struct pawl_value *first, *second;

	(void)run;
	begin();
	first = look_at(&producer);
	assert_int_equal(with_values(first), 1);
	assert_int_equal(pawl_effects_apply(target, first, NULL), 0);
	cf_state_set(producer.tick, 1);
	second = look_at(&producer);
	assert_ptr_not_equal(first, second);
	assert_int_equal(pawl_effects_count(second), 1);
	assert_int_equal(with_values(second), 0);
	assert_int_equal(pawl_effects_apply(target, second, NULL), 0);
	expect_applied(1, 0);
	pawl_value_unpin(first);
	pawl_value_unpin(second);
	end();
}

static void case_capture_skips(void **state)
{
	(void)state;
	cf_thrice(&tables, capture_skips);
}

static void retry(unsigned run)
{
	struct producer a = producer_make(1, 0), b = producer_make(2, 0);
	struct pawl_effects_report report;
	struct pawl_value *left_out;

	(void)run;
	begin();
	look_and_apply(&a);
	cf_state_set(a.tick, 1);
	left_out = look_at(&a);
	assert_int_equal(with_values(left_out), 0);
	look_and_apply(&b);
	expect_applied(2, 0);
	assert_int_equal(pawl_effects_apply(target, left_out, &report), -EAGAIN);
	assert_int_equal(report.again, 1);
	assert_int_equal(report.first, 0);
	expect_applied(2, 0);
	pawl_value_unpin(left_out);
	/* The task that has left it out runs again: nothing of its own has changed. */
	look_and_apply(&a);
	expect_applied(3, 0);
	end();
}

static void case_retry(void **state)
{
	(void)state;
	cf_thrice(&tables, retry);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_duplicate_apply), cmocka_unit_test(case_unchanged_hash),
		cmocka_unit_test(case_hash_change),	cmocka_unit_test(case_adding),
		cmocka_unit_test(case_removing),	cmocka_unit_test(case_sibling),
		cmocka_unit_test(case_repeated),	cmocka_unit_test(case_distinct),
		cmocka_unit_test(case_capture_skips),	cmocka_unit_test(case_retry),
	};

	return cf_run("conform-effects", cases);
}
