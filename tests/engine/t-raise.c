/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-raise.c - strong reads while tasks below are read strongly for the first time. Such a read has a task aggregate all
 * that it reaches, so edges of those above move; who sets a state, and reads strongly what hangs on it, has its value all
 * the same. One thread sets the states, one after the other; another one reads the tasks in between.
 */
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <pawl.h>
#include <pawl/atomic.h>
#include <pawl/engine.h>
#include <pawl/state.h>

#define INPUTS 8u
#define EDITS  (3 * INPUTS)

static struct pawl_engine *engine;
static struct pawl_state *inputs[INPUTS];
static const struct pawl_value_type number_type = PAWL_VALUE_TYPE("number");

static struct pawl_value *value_of(int64_t number)
{
	struct pawl_value *value;

	t_check(!pawl_value_of(&number_type, &number, sizeof(number), &value));
	return value;
}

static int64_t number_of(struct pawl_value *value)
{
	int64_t number;

	memcpy(&number, pawl_value_payload(value), sizeof(number));
	pawl_value_unpin(value);
	return number;
}

static int get(struct pawl_context *context, const struct pawl_function *function, uint64_t n,
	       uint32_t flags, int64_t *ret_number)
{
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, function, &n, &ref);

	if (!error)
		error = pawl_read(context, ref, flags, &value, NULL);
	if (!error)
		*ret_number = number_of(value);
	return error;
}

/* ---- functions: top reads middles, each of which reads an inner one, which reads a state -------- */

static int inner_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	uint64_t n;
	int error;

	memcpy(&n, args, sizeof(n));
	error = pawl_state_get(context, inputs[n], &value);
	return error ? error : pawl_cell(context, value_of(number_of(value)), ret_output);
}
static const struct pawl_function inner = {sizeof(inner), "inner",	    1,	  0,
					   inner_body,	  sizeof(uint64_t), NULL, 0};

static int middle_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = 0;
	uint64_t n;
	int error;

	memcpy(&n, args, sizeof(n));
	error = get(context, &inner, n, 0, &number);
	return error ? error : pawl_cell(context, value_of(number), ret_output);
}
static const struct pawl_function middle = {sizeof(middle), "middle",	      1,    0,
					    middle_body,    sizeof(uint64_t), NULL, 0};

static int top_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t sum = 0;

	(void)args;
	for (uint64_t n = 0; n < INPUTS; n++) {
		int64_t number = 0;
		int error = get(context, &middle, n, 0, &number);

		if (error)
			return error;
		sum += number;
	}
	return pawl_cell(context, value_of(sum), ret_output);
}
static const struct pawl_function top = {sizeof(top),	   "top", 1, 0, top_body,
					 sizeof(uint64_t), NULL,  0};

/* ---- one engine: two threads --------------------------------------------------------------------- */

struct ask {
	const struct pawl_function *function;
	uint64_t n;
	int64_t number;
};

static int ask_visit(struct pawl_context *context, void *arg)
{
	struct ask *ask = arg;

	return get(context, ask->function, ask->n, PAWL_READ_STRONG, &ask->number);
}

static int64_t number_now(const struct pawl_function *function, uint64_t n)
{
	struct ask ask = {function, n, 0};

	t_check(!pawl_engine_run(engine, ask_visit, &ask));
	return ask.number;
}

/* Who reads those in between reads what was, or what is. */
static void *reader(void *arg)
{
	const struct pawl_atomic_u32 *values = arg;

	t_check(!pawl_thread_attach(NULL));
	for (uint64_t n = 0; n < INPUTS; n++) {
		int64_t least = pawl_load_acquire(&values[n]);

		t_check(number_now(&middle, n) >= least);
	}
	pawl_thread_detach();
	return NULL;
}

static void round_of(void)
{
	const struct pawl_function *const functions[] = {&inner, &middle, &top};
	static const struct pawl_value_type *const types[] = {&number_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_atomic_u32 values[INPUTS];
	int64_t sum = 0;
	pthread_t other;

	options.workers = 2;
	options.functions = functions;
	options.functions_n = 3;
	options.types = types;
	options.types_n = 1;
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
	for (unsigned n = 0; n < INPUTS; n++) {
		assert_int_equal(pawl_state_create(engine, value_of(0), &inputs[n]), 0);
		pawl_init_word(&values[n], 0u);
	}
	assert_int_equal(number_now(&top, 0), 0);
	assert_int_equal(pthread_create(&other, NULL, reader, values), 0);
	for (unsigned i = 0; i < EDITS; i++) {
		unsigned n = i % INPUTS;

		assert_int_equal(pawl_state_set(inputs[n], value_of(i + 1)), 0);
		sum += i + 1 - pawl_load_relaxed(&values[n]);
		pawl_store_release(&values[n], i + 1);
		assert_int_equal(number_now(&top, 0), sum);
	}
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_int_equal(pawl_engine_close(engine), 0);
	for (unsigned n = 0; n < INPUTS; n++)
		pawl_state_unpin(inputs[n]);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_read_between),
	};

	return t_run("raise", tests);
}
