/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.c - inputs that tests of pawl/engine.h share, and tasks that read them.
 */
#include "world.h"

#include <stddef.h>

struct pawl_state *world_inputs[WORLD_INPUTS];
const struct pawl_value_type *world_number = &fr_number;

static struct pawl_atomic_u32 runs[COUNTED];

void world_ran(unsigned which)
{
	pawl_add_relaxed(&runs[which], 1u);
}

unsigned world_ran_now(unsigned which)
{
	return pawl_xchg_relaxed(&runs[which], 0u);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

int world_give(struct pawl_context *context, int64_t number, pawl_ref_t *ret_output)
{
	return fr_give_of(context, world_number, number, ret_output);
}

static int input_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	int64_t number;
	int error = fr_look(context, world_inputs[one->n], &number);

	world_ran(INPUT);
	if (error)
		return error;
	/* Others may begin meanwhile. */
	(void)pawl_yield();
	if (number < 0)
		return pawl_context_fail(context, "input %d is negative", (int)one->n);
	return world_give(context, number, ret_output);
}
const struct pawl_function world_input = {sizeof(world_input), "input", 1, 0, input_body,
					  sizeof(struct one),  NULL,	0};

int world_call_input(struct pawl_context *context, uint64_t n, pawl_ref_t *ret_output)
{
	struct one one = {n};

	return pawl_call(context, &world_input, &one, ret_output);
}

static int many_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct pawl_value *values[WORLD_INPUTS] = {NULL};
	pawl_ref_t refs[WORLD_INPUTS];
	int64_t sum = 0;
	int error = 0;

	world_ran(MANY);
	for (size_t i = 0; i < one->n && !error; i++)
		error = world_call_input(context, i, &refs[i]);
	if (!error)
		error = pawl_read_many(context, refs, one->n, 0, values, NULL);
	if (error) {
		for (size_t i = 0; i < one->n; i++)
			t_check(!values[i]);
		return error;
	}
	for (size_t i = 0; i < one->n; i++)
		sum += fr_take(values[i]);
	return world_give(context, sum, ret_output);
}
const struct pawl_function world_many = {sizeof(world_many), "many", 1, 0, many_body,
					 sizeof(struct one), NULL,   0};

struct two {
	pawl_ref_t a, b;
};

static int add_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct two *two = args;
	int64_t a, b;
	int error = fr_get(context, two->a, 0, &a);

	world_ran(ADD);
	if (!error)
		error = fr_get(context, two->b, 0, &b);
	return error ? error : world_give(context, a + b, ret_output);
}
static const struct pawl_argument two_arguments[] = {
	{PAWL_ARGUMENT_REF, offsetof(struct two, a), 0},
	{PAWL_ARGUMENT_REF, offsetof(struct two, b), 0}};
const struct pawl_function world_add = {sizeof(world_add),  "add",	   1, 0, add_body,
					sizeof(struct two), two_arguments, 2};
const struct pawl_function world_add_op = {
	sizeof(world_add_op), "add-op",	     1, PAWL_FUNCTION_OPERATION, add_body,
	sizeof(struct two),   two_arguments, 2};

int world_call_add(struct pawl_context *context, const struct pawl_function *function,
		   pawl_ref_t a, pawl_ref_t b, pawl_ref_t *ret_output)
{
	struct two two = {a, b};

	return pawl_call(context, function, &two, ret_output);
}

int world_unread_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	pawl_ref_t a, b;
	int error = world_call_input(context, 3, &a);

	(void)args;
	if (!error)
		error = world_call_add(context, &world_add, a, a, &b);
	return error ? error : world_give(context, 1, ret_output);
}

/* ---- an engine ------------------------------------------------------------------------------- */

void world_up(struct pawl_engine_options options, unsigned workers)
{
	options.workers = workers;
	fr_open(options);
	for (unsigned i = 0; i < WORLD_INPUTS; i++)
		world_inputs[i] = fr_state(fr_value_of(world_number, i));
	for (unsigned i = 0; i < COUNTED; i++)
		(void)world_ran_now(i);
}

void world_set(unsigned at, int64_t number)
{
	assert_int_equal(pawl_state_set(world_inputs[at], fr_value_of(world_number, number)),
			 0);
}

int64_t world_ask(const struct pawl_function *function, uint64_t n)
{
	struct one one = {n};

	return fr_ask(function, &one);
}

void world_ask_fails(const struct pawl_function *function, uint64_t n, const char *words)
{
	struct one one = {n};

	fr_ask_fails(function, &one, words);
}
