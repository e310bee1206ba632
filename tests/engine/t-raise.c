/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-raise.c - strong reads while tasks below are read strongly for the first time. Such a read has a task aggregate all
 * that it reaches, so edges of those above move; who sets a state, and reads strongly what hangs on it, has its value all
 * the same. One thread sets the states, one after the other; another one reads the tasks in between, or the same ones.
 */
#include "frame.h"

#include <sched.h>

#define INPUTS 8u
#define EDITS  (3 * INPUTS)

static struct pawl_state *inputs[INPUTS];

/* ---- functions: top reads middles, each of which reads an inner one, which reads a state -------- */

static int inner_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	uint64_t n;
	int error;

	memcpy(&n, args, sizeof(n));
	error = fr_look(context, inputs[n], &number);
	return error ? error : fr_give(context, number, ret_output);
}
static const struct pawl_function inner = {sizeof(inner), "inner",	    1,	  0,
					   inner_body,	  sizeof(uint64_t), NULL, 0};

static int middle_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = 0;
	int error = fr_call(context, &inner, args, 0, &number);

	return error ? error : fr_give(context, number, ret_output);
}
static const struct pawl_function middle = {sizeof(middle), "middle",	      1,    0,
					    middle_body,    sizeof(uint64_t), NULL, 0};

static int top_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t sum = 0;

	(void)args;
	for (uint64_t n = 0; n < INPUTS; n++) {
		int64_t number = 0;
		int error = fr_call(context, &middle, &n, 0, &number);

		if (error)
			return error;
		sum += number;
	}
	return fr_give(context, sum, ret_output);
}
static const struct pawl_function top = {sizeof(top),	   "top", 1, 0, top_body,
					 sizeof(uint64_t), NULL,  0};

/* ---- one engine: two threads --------------------------------------------------------------------- */

static int64_t number_now(const struct pawl_function *function, uint64_t n)
{
	struct fr_ask ask = {.function = function, .args = &n, .flags = PAWL_READ_STRONG};

	t_check(!fr_try(&ask));
	return ask.number;
}

/* Who reads those in between reads what was, or what is. */
static void reader(void *arg)
{
	const struct pawl_atomic_u32 *values = arg;

	for (uint64_t n = 0; n < INPUTS; n++) {
		int64_t least = pawl_load_acquire(&values[n]);

		t_check(number_now(&middle, n) >= least);
	}
}

static void round_of(void)
{
	static const struct pawl_function *const functions[] = {&inner, &middle, &top};
	static const struct pawl_value_type *const types[] = {&fr_number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_atomic_u32 values[INPUTS];
	int64_t sum = 0;
	struct t_thread *other;

	options.workers = 2;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	fr_open(options);
	for (unsigned n = 0; n < INPUTS; n++) {
		inputs[n] = fr_state(fr_value(0));
		pawl_init_word(&values[n], 0u);
	}
	assert_int_equal(number_now(&top, 0), 0);
	other = t_thread_start(reader, values);
	for (unsigned i = 0; i < EDITS; i++) {
		unsigned n = i % INPUTS;

		assert_int_equal(pawl_state_set(inputs[n], fr_value(i + 1)), 0);
		sum += i + 1 - pawl_load_relaxed(&values[n]);
		pawl_store_release(&values[n], i + 1);
		assert_int_equal(number_now(&top, 0), sum);
	}
	t_thread_join(other);
	fr_close();
}

static void case_read_between(void **state)
{
	unsigned rounds = t_scaled(400);

	(void)state;
	for (unsigned i = 0; i < rounds; i++) {
		t_step();
		round_of();
	}
}

/* ---- two read the same task strongly, for the first time ------------------------------------------ */

#define WIDES  32u
#define LEAVES 64u

static struct pawl_state *quiet;
static struct pawl_atomic_u32 turn, followed;

/* The last of each wide one reads a state that changes. */
static int leaf_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	uint64_t n;
	int error;

	memcpy(&n, args, sizeof(n));
	error = fr_look(context, n % LEAVES == LEAVES - 1 ? inputs[n / LEAVES % INPUTS] : quiet,
			&number);
	return error ? error : fr_give(context, number, ret_output);
}
static const struct pawl_function leaf = {sizeof(leaf), "leaf",		  1,	0,
					  leaf_body,	sizeof(uint64_t), NULL, 0};

/* It takes a while until it has taken in all that is below it. */
static int wide_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number, sum = 0;
	uint64_t wide;

	memcpy(&wide, args, sizeof(wide));
	for (uint64_t n = wide * LEAVES; n < (wide + 1) * LEAVES; n++) {
		int error = fr_call(context, &leaf, &n, 0, &number);

		if (error)
			return error;
		sum += number;
	}
	return fr_give(context, sum, ret_output);
}
static const struct pawl_function wide = {sizeof(wide), "wide",		  1,	0,
					  wide_body,	sizeof(uint64_t), NULL, 0};

static int all_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = 0;

	(void)args;
	for (uint64_t n = 0; n < WIDES; n++) {
		int error = fr_call(context, &wide, &n, 0, &number);

		if (error)
			return error;
	}
	return fr_give(context, number, ret_output);
}
static const struct pawl_function all = {sizeof(all),	   "all", 1, 0, all_body,
					 sizeof(uint64_t), NULL,  0};

/* It waits for its turn looking, so that both are there at once. */
static void follower(void *arg)
{
	(void)arg;
	for (uint32_t n = 0; n < WIDES; n++) {
		while (pawl_load_acquire(&turn) <= n)
			sched_yield();
		(void)number_now(&wide, n);
		pawl_store_release(&followed, n + 1);
	}
}

static void round_of_wides(void)
{
	static const struct pawl_function *const functions[] = {&leaf, &wide, &all};
	static const struct pawl_value_type *const types[] = {&fr_number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct t_thread *other;

	options.workers = 2;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	fr_open(options);
	quiet = fr_state(fr_value(0));
	for (unsigned n = 0; n < INPUTS; n++)
		inputs[n] = fr_state(fr_value(0));
	pawl_init_word(&turn, 0u);
	pawl_init_word(&followed, 0u);
	assert_int_equal(number_now(&all, 0), 0);
	other = t_thread_start(follower, NULL);
	for (uint32_t n = 0; n < WIDES; n++) {
		pawl_store_release(&turn, n + 1);
		assert_int_equal(pawl_state_set(inputs[n % INPUTS], fr_value(n + 1)), 0);
		assert_int_equal(number_now(&wide, n), n + 1);
		while (pawl_load_acquire(&followed) <= n)
			sched_yield();
	}
	t_thread_join(other);
	fr_close();
}

static void case_both_for_the_first_time(void **state)
{
	unsigned rounds = t_scaled(60);

	(void)state;
	for (unsigned i = 0; i < rounds; i++) {
		t_step();
		round_of_wides();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_read_between),
		cmocka_unit_test(case_both_for_the_first_time),
	};

	return t_run("raise", tests);
}
