/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-engine-api.c - calls of pawl/engine.h beyond those that t-engine.c is about: several reads at once, arguments that
 * are not known yet, traits, panics; after each case every sum is recomputed.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>
#include <pawl/engine.h>
#include <pawl/state.h>

static struct pawl_engine *engine;

/* ---- numbers ------------------------------------------------------------------------------ */

static const struct pawl_value_type number_type;

static int64_t number_of(const struct pawl_value *value)
{
	int64_t number;

	memcpy(&number, pawl_value_payload(value), sizeof(number));
	return number;
}

static int give(struct pawl_context *context, int64_t number, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_value_of(&number_type, &number, sizeof(number), &value);

	return error ? error : pawl_cell(context, value, ret_output);
}

static int get(struct pawl_context *context, pawl_ref_t ref, uint32_t flags,
	       int64_t *ret_number)
{
	struct pawl_value *value;
	int error = pawl_read(context, ref, flags, &value, NULL);

	if (error)
		return error;
	*ret_number = number_of(value);
	pawl_value_unpin(value);
	return 0;
}

/* ---- the world ------------------------------------------------------------------------------ */

#define INPUTS 64

static struct pawl_state *inputs[INPUTS];
static struct pawl_atomic_u32 runs[8];

enum { INPUT, ADD, TREE, MANY, METHOD };

static void ran(unsigned which)
{
	pawl_add_relaxed(&runs[which], 1u);
}

static unsigned ran_now(unsigned which)
{
	return pawl_xchg_relaxed(&runs[which], 0u);
}

struct one {
	uint64_t n;
};

/* The number of a state; negative ones are errors. */
static int input_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct pawl_value *value;
	int64_t number;
	int error = pawl_state_get(context, inputs[one->n], &value);

	ran(INPUT);
	if (error)
		return error;
	number = number_of(value);
	pawl_value_unpin(value);
	/* Others may begin meanwhile. */
	(void)pawl_yield();
	if (number < 0)
		return pawl_context_fail(context, "input %d is negative", (int)one->n);
	return give(context, number, ret_output);
}
static const struct pawl_function input = {sizeof(input),      "input", 1, 0, input_body,
					   sizeof(struct one), NULL,	0};

static int call_input(struct pawl_context *context, uint64_t n, pawl_ref_t *ret_output)
{
	struct one one = {n};

	return pawl_call(context, &input, &one, ret_output);
}

/* The sum of the first n, read at once; errors go on. */
static int many_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct pawl_value *values[INPUTS];
	pawl_ref_t refs[INPUTS];
	int64_t sum = 0;
	int error = 0;

	ran(MANY);
	for (size_t i = 0; i < one->n && !error; i++)
		error = call_input(context, i, &refs[i]);
	if (!error)
		error = pawl_read_many(context, refs, one->n, 0, values, NULL);
	if (error) {
		for (size_t i = 0; i < one->n; i++)
			t_check(!values[i]);
		return error;
	}
	for (size_t i = 0; i < one->n; i++) {
		sum += number_of(values[i]);
		pawl_value_unpin(values[i]);
	}
	return give(context, sum, ret_output);
}
static const struct pawl_function many = {sizeof(many),	      "many", 1, 0, many_body,
					  sizeof(struct one), NULL,   0};

static const struct pawl_function *const functions[] = {&input, &many};
static const struct pawl_value_type *const types[] = {&number_type};

static const struct pawl_value_type number_type = PAWL_VALUE_TYPE("number");

static void set(unsigned at, int64_t number)
{
	struct pawl_value *value;

	assert_int_equal(pawl_value_of(&number_type, &number, sizeof(number), &value), 0);
	assert_int_equal(pawl_state_set(inputs[at], value), 0);
}

static void up_with(struct pawl_engine_options options, unsigned workers)
{
	options.workers = workers;
	options.functions = functions;
	options.functions_n = sizeof(functions) / sizeof(*functions);
	options.types = types;
	options.types_n = sizeof(types) / sizeof(*types);
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
	for (unsigned i = 0; i < INPUTS; i++) {
		struct pawl_value *value;
		int64_t number = i;

		assert_int_equal(pawl_value_of(&number_type, &number, sizeof(number), &value),
				 0);
		assert_int_equal(pawl_state_create(engine, value, &inputs[i]), 0);
	}
	for (unsigned i = 0; i < sizeof(runs) / sizeof(*runs); i++)
		(void)ran_now(i);
}

static void up(unsigned workers)
{
	up_with((struct pawl_engine_options)PAWL_ENGINE_OPTIONS_INIT, workers);
}

static void check_sums(void)
{
	char text[256] = "";

	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	if (pawl_engine_verify(engine, text, sizeof(text)))
		fail_msg("%s", text);
}

static void down(void)
{
	check_sums();
	for (unsigned i = 0; i < INPUTS; i++)
		pawl_state_unpin(inputs[i]);
	assert_int_equal(pawl_engine_close(engine), 0);
}

/* A strong read of a call, in a visit of its own. */
struct ask {
	const struct pawl_function *function;
	const void *args;
	int64_t number;
	char text[256];
};

static int ask_visit(struct pawl_context *context, void *arg)
{
	struct ask *ask = arg;
	const struct pawl_error *failure = NULL;
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, ask->function, ask->args, &ref);

	if (!error)
		error = pawl_read(context, ref, PAWL_READ_STRONG, &value, &failure);
	if (failure)
		(void)pawl_error_describe(failure, ask->text, sizeof(ask->text));
	if (error)
		return error;
	t_check(value != NULL);
	ask->number = number_of(value);
	pawl_value_unpin(value);
	return 0;
}

static int64_t ask(const struct pawl_function *function, uint64_t n)
{
	struct one one = {n};
	struct ask ask = {function, &one, 0, ""};
	int error = pawl_engine_run(engine, ask_visit, &ask);

	if (error)
		fail_msg("%d: %s", error, ask.text);
	return ask.number;
}

static void ask_fails(const struct pawl_function *function, uint64_t n, const char *says)
{
	struct one one = {n};
	struct ask ask = {function, &one, 0, ""};

	assert_int_equal(pawl_engine_run(engine, ask_visit, &ask), -PAWL_ETASK);
	if (!strstr(ask.text, says))
		fail_msg("\"%s\" is not in \"%s\"", says, ask.text);
}

/* ---- several reads at once ----------------------------------------------------------------------- */

static void case_many(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 3; workers++) {
		up(workers);
		assert_int_equal(ask(&many, 0), 0);
		assert_int_equal(ask(&many, 64), 64 * 63 / 2);
		assert_int_equal(ran_now(INPUT), 64);
		set(63, 1000);
		assert_int_equal(ask(&many, 64), 63 * 62 / 2 + 1000);
		assert_int_equal(ran_now(INPUT), 1);
		/* The first error by place; it depends on all of them all the same. */
		set(7, -1);
		set(5, -1);
		set(60, -1);
		ask_fails(&many, 64, "input 5 is negative");
		set(5, 5);
		ask_fails(&many, 64, "input 7 is negative");
		set(7, 7);
		ask_fails(&many, 64, "input 60 is negative");
		set(60, 60);
		assert_int_equal(ask(&many, 64), 63 * 62 / 2 + 1000);
		down();
	}
}

static int many_visit(struct pawl_context *context, void *arg)
{
	struct pawl_value *values[3];
	pawl_ref_t refs[3];

	(void)arg;
	t_check(call_input(context, 1, &refs[0]) == 0);
	t_check(call_input(context, 2, &refs[1]) == 0);
	t_check(pawl_resolve(context, refs[1], 0, &refs[2], NULL) == 0);
	t_check(pawl_read_many(context, refs, 3, PAWL_READ_STRONG, values, NULL) == 0);
	for (unsigned i = 0; i < 3; i++) {
		t_check(number_of(values[i]) == i ? 2 : 1);
		pawl_value_unpin(values[i]);
	}
	refs[1] = PAWL_REF_NONE;
	t_check(pawl_read_many(context, refs, 3, 0, values, NULL) == -ESTALE);
	return 0;
}

static void case_many_in_visit(void **state)
{
	(void)state;
	up(2);
	assert_int_equal(pawl_engine_run(engine, many_visit, NULL), 0);
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_many),
		cmocka_unit_test(case_many_in_visit),
	};

	return t_run("engine-api", tests);
}
