/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-engine-api.c - calls of pawl/engine.h beyond those that t-engine.c is about: several reads at once, arguments that
 * are not known yet, traits, panics; after each case every sum is recomputed.
 */
#include "harness.h"

#include <errno.h>
#include <stddef.h>
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

static void visit_ref(const void *payload, size_t bytes,
		      void (*visit)(void *arg, pawl_ref_t ref), void *arg)
{
	pawl_ref_t ref;

	(void)bytes;
	memcpy(&ref, payload, sizeof(ref));
	visit(arg, ref);
}
static const struct pawl_value_type ref_type = {.size = sizeof(ref_type),
						.name = "ref",
						.version = 1,
						.visit_refs = visit_ref};

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

/* ---- arguments that are not known yet ------------------------------------------------------- */

struct two {
	pawl_ref_t a, b;
};

static int add_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct two *two = args;
	int64_t a, b;
	int error = get(context, two->a, 0, &a);

	ran(ADD);
	if (!error)
		error = get(context, two->b, 0, &b);
	return error ? error : give(context, a + b, ret_output);
}
static const struct pawl_argument two_arguments[] = {
	{PAWL_ARGUMENT_REF, offsetof(struct two, a), 0},
	{PAWL_ARGUMENT_REF, offsetof(struct two, b), 0}};
static const struct pawl_function add = {sizeof(add),	     "add",	    1, 0, add_body,
					 sizeof(struct two), two_arguments, 2};
/* The same of outputs, as they are. */
static const struct pawl_function add_op = {
	sizeof(add_op), "add-op",	    1,		   PAWL_FUNCTION_OPERATION,
	add_body,	sizeof(struct two), two_arguments, 2};

static int call_add(struct pawl_context *context, const struct pawl_function *function,
		    pawl_ref_t a, pawl_ref_t b, pawl_ref_t *ret_output)
{
	struct two two = {a, b};

	return pawl_call(context, function, &two, ret_output);
}

/* The sum of inputs 0 to n - 1 as a chain of additions that nobody waits for. */
static int tree_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	pawl_ref_t sum, next;
	int error = call_input(context, 0, &sum);

	ran(TREE);
	for (uint64_t i = 1; i < one->n && !error; i++) {
		error = call_input(context, i, &next);
		if (!error)
			error = call_add(context, i % 8 ? &add : &add_op, sum, next, &sum);
	}
	*ret_output = sum;
	return error;
}
static const struct pawl_function tree = {sizeof(tree),	      "tree", 1, 0, tree_body,
					  sizeof(struct one), NULL,   0};

struct list {
	struct pawl_refs refs;
	struct pawl_slice text;
	uint64_t number;
};

/* Of a list, with the length of a text and a number. */
static int total_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct list *list = args;
	int64_t sum = (int64_t)(list->text.len + list->number), number;
	int error = 0;

	for (size_t i = 0; i < list->refs.n && !error; i++) {
		error = get(context, list->refs.refs[i], 0, &number);
		if (!error)
			sum += number;
	}
	return error ? error : give(context, sum, ret_output);
}
static const struct pawl_argument list_arguments[] = {
	{PAWL_ARGUMENT_REFS, offsetof(struct list, refs), 0},
	{PAWL_ARGUMENT_BYTES, offsetof(struct list, text), 0},
	{PAWL_ARGUMENT_DATA, offsetof(struct list, number), sizeof(uint64_t)}};
static const struct pawl_function total = {
	sizeof(total), "total", 1, 0, total_body, sizeof(struct list), list_arguments, 3};

/* A list on the stack that is gone when the call is made; read here. */
static int lists_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	pawl_ref_t refs[INPUTS], sum;
	char text[] = "seven..";
	struct list list = {{refs, one->n}, {text, 7}, 100};
	int64_t number;
	int error = 0;

	for (size_t i = 0; i < one->n && !error; i++)
		error = call_input(context, i, &refs[i]);
	if (!error)
		error = pawl_call(context, &total, &list, &sum);
	memset(refs, 0xff, sizeof(refs));
	memset(text, 0, sizeof(text));
	if (!error)
		error = get(context, sum, 0, &number);
	return error ? error : give(context, number, ret_output);
}
static const struct pawl_function lists = {sizeof(lists),      "lists", 1, 0, lists_body,
					   sizeof(struct one), NULL,	0};

/* Where a reference gets out of its run. */
static pawl_ref_t escaped;

static int escape_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	pawl_ref_t a, cell;
	struct pawl_value *value;
	int error = call_input(context, 1, &a);

	(void)args;
	if (!error)
		error = call_add(context, &add, a, a, &escaped);
	if (error)
		return error;
	t_check(!(uint32_t)escaped.pawl_bits);
	t_check(!pawl_value_of(&ref_type, &escaped, sizeof(escaped), &value));
	t_check(pawl_cell(context, value, &cell) == -EINVAL);
	*ret_output = escaped;
	return 0;
}
static const struct pawl_function escape = {sizeof(escape), "escape", 1,	  0,
					    escape_body,    0,	      NULL, 0};

static int outside_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	pawl_ref_t ref;
	int64_t number;

	if (one->n == 0)
		return get(context, escaped, 0, &number);
	if (one->n == 1)
		return pawl_resolve(context, escaped, 0, &ref, NULL);
	if (one->n == 2)
		return call_add(context, &add, escaped, escaped, &ref);
	if (one->n == 3)
		return pawl_connect(context, escaped);
	*ret_output = escaped;
	return 0;
}
static const struct pawl_function outside = {sizeof(outside),	 "outside", 1, 0, outside_body,
					     sizeof(struct one), NULL,	    0};

/* Two tasks: each adds what the other gives to an input, as long as input 50 is not 0. */
static const struct pawl_function ring;

static int ring_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct one other = {one->n ^ 1};
	int64_t closed;
	pawl_ref_t a, b;
	int error = call_input(context, 50, &a);

	if (!error)
		error = get(context, a, 0, &closed);
	if (!error && !closed)
		return give(context, 7, ret_output);
	if (!error)
		error = pawl_call(context, &ring, &other, &b);
	if (!error)
		error = call_add(context, &add, a, b, ret_output);
	return error;
}
static const struct pawl_function ring = {sizeof(ring),	      "ring", 1, 0, ring_body,
					  sizeof(struct one), NULL,   0};

static const struct pawl_function *const functions[] = {&input, &many,	 &add,	   &add_op, &tree,
							&total, &lists,	 &escape, &outside, &ring};
static const struct pawl_value_type *const types[] = {&number_type, &ref_type};

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
		t_check(number_of(values[i]) == (i ? 2 : 1));
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

/* ---- arguments that are not known yet ------------------------------------------------------------- */

static void case_local(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 3; workers++) {
		up(workers);
		assert_int_equal(ask(&tree, 50), 50 * 49 / 2);
		assert_int_equal(ran_now(TREE), 1);
		assert_int_equal(ran_now(ADD), 49);
		set(20, 1020);
		assert_int_equal(ask(&tree, 50), 50 * 49 / 2 + 1000);
		assert_int_equal(ran_now(INPUT), 51);
		/* The first error of the chain is that of all behind it. */
		set(9, -9);
		ask_fails(&tree, 50, "input 9 is negative");
		set(9, 9);
		assert_int_equal(ask(&tree, 50), 50 * 49 / 2 + 1000);
		assert_int_equal(ask(&lists, 10), 45 + 107);
		down();
	}
}

static void case_local_outside(void **state)
{
	struct ask again = {&escape, NULL, 0, ""};

	(void)state;
	up(2);
	assert_int_equal(pawl_engine_run(engine, ask_visit, &again), 0);
	assert_int_equal(again.number, 2);
	for (unsigned i = 0; i < 5; i++)
		ask_fails(&outside, i, "used outside of that run");
	down();
}

/* Calls that nobody reads are made all the same, before the run is over. */
static int unread_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	pawl_ref_t a, b;
	int error = call_input(context, 3, &a);

	(void)args;
	if (!error)
		error = call_add(context, &add, a, a, &b);
	return error ? error : give(context, 1, ret_output);
}

static void case_local_unread(void **state)
{
	pawl_ref_t root;

	(void)state;
	up(2);
	assert_int_equal(pawl_engine_spawn_root(engine, unread_body, NULL, NULL, &root), 0);
	check_sums();
	assert_int_equal(ran_now(ADD), 1);
	set(3, 33);
	check_sums();
	assert_int_equal(ran_now(ADD), 1);
	assert_int_equal(pawl_engine_dispose_root(engine, root), 0);
	down();
}

static void case_local_ring(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 3; workers++) {
		up(workers);
		set(50, 1);
		ask_fails(&ring, 0, "in a ring");
		set(50, 0);
		assert_int_equal(ask(&ring, 0), 7);
		down();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_many),
		cmocka_unit_test(case_many_in_visit),
		cmocka_unit_test(case_local),
		cmocka_unit_test(case_local_outside),
		cmocka_unit_test(case_local_unread),
		cmocka_unit_test(case_local_ring),
	};

	return t_run("engine-api", tests);
}
