/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-engine-api.c - calls of pawl/engine.h beyond those that t-engine.c is about: several reads at once, arguments that
 * are not known yet, traits, panics; after each case every sum is recomputed.
 */
#include "harness.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
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
static const struct pawl_value_type ref_type = {
	.size = sizeof(ref_type), .name = "ref", .version = 1, .visit_refs = visit_ref};

/* ---- the world ------------------------------------------------------------------------------ */

#define INPUTS 64

static struct pawl_state *inputs[INPUTS];
static struct pawl_atomic_u32 runs[8];

enum { INPUT, ADD, TREE, MANY, METHOD, PURE };

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
	struct pawl_value *values[INPUTS] = {NULL};
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
	sizeof(add_op),	    "add-op",	   1, PAWL_FUNCTION_OPERATION, add_body,
	sizeof(struct two), two_arguments, 2};

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
static const struct pawl_function escape = {sizeof(escape), "escape", 1,    0,
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
static const struct pawl_function outside = {sizeof(outside), "outside",	  1,	0,
					     outside_body,    sizeof(struct one), NULL, 0};

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

/* ---- traits -------------------------------------------------------------------------------- */

/* Something with a size, which can be asked for scaled. */
struct scaled {
	pawl_ref_t self;
	uint64_t factor;
	uint64_t ignored; /* by words */
};
static const struct pawl_argument scaled_arguments[] = {
	{PAWL_ARGUMENT_REF, offsetof(struct scaled, self), 0},
	{PAWL_ARGUMENT_DATA, offsetof(struct scaled, factor), sizeof(uint64_t)},
	{PAWL_ARGUMENT_DATA, offsetof(struct scaled, ignored), sizeof(uint64_t)}};
static const struct pawl_argument size_arguments[] = {{PAWL_ARGUMENT_REF, 0, 0}};

static int scaled_number_body(struct pawl_context *context, const void *args,
			      pawl_ref_t *ret_output)
{
	const struct scaled *scaled = args;
	int64_t number;
	int error = get(context, scaled->self, 0, &number);

	ran(METHOD);
	return error ? error : give(context, number * (int64_t)scaled->factor, ret_output);
}
static const struct pawl_function scaled_number = {
	sizeof(scaled_number), "number.scaled",	 1, 0, scaled_number_body,
	sizeof(struct scaled), scaled_arguments, 3};

static int scaled_words_body(struct pawl_context *context, const void *args,
			     pawl_ref_t *ret_output)
{
	const struct scaled *scaled = args;
	struct pawl_value *value;
	int64_t bytes;
	int error = pawl_read(context, scaled->self, 0, &value, NULL);

	ran(METHOD);
	if (error)
		return error;
	t_check(!scaled->ignored);
	bytes = (int64_t)pawl_value_bytes(value);
	pawl_value_unpin(value);
	return give(context, bytes * (int64_t)scaled->factor, ret_output);
}
static const struct pawl_function scaled_words = {
	sizeof(scaled_words),  "words.scaled",	 1, 0, scaled_words_body,
	sizeof(struct scaled), scaled_arguments, 2};

/* For all types: scaled by one. */
static const struct pawl_trait sized_trait;

static int size_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct scaled scaled = {{0}, 1, 0};
	const pawl_ref_t *self = args;

	return pawl_call_method(context, &sized_trait, 1, *self, &scaled, ret_output);
}
static const struct pawl_function size_default = {
	sizeof(size_default), "sized.size",   1, 0, size_body,
	sizeof(pawl_ref_t),   size_arguments, 1};

static const struct pawl_method sized_methods[] = {
	{"size", sizeof(pawl_ref_t), size_arguments, 1, &size_default},
	{"scaled", sizeof(struct scaled), scaled_arguments, 3, NULL}};
static const struct pawl_trait sized_trait = {sizeof(sized_trait), "sized", sized_methods, 2};
static const struct pawl_trait other_trait = {sizeof(other_trait), "other", NULL, 0};

static const struct pawl_function *const number_methods[] = {NULL, &scaled_number};
static const struct pawl_function *const words_methods[] = {NULL, &scaled_words};
static const struct pawl_implementation number_has[] = {{&sized_trait, number_methods}};
static const struct pawl_implementation words_has[] = {{&other_trait, NULL},
						       {&sized_trait, words_methods}};
static const struct pawl_value_type words_type = {.size = sizeof(words_type),
						  .name = "words",
						  .version = 1,
						  .implementations = words_has,
						  .implementations_n = 2};

/* Words of that length; of 0: a reference. */
static int words_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct pawl_value *value;
	int error = pawl_value_create(one->n ? &words_type : &ref_type,
				      one->n ? one->n : sizeof(pawl_ref_t), &value);

	(void)pawl_yield();
	return error ? error : pawl_cell(context, value, ret_output);
}
static const struct pawl_function words = {sizeof(words),      "words", 1, 0, words_body,
					   sizeof(struct one), NULL,	0};

/* Sizes of an input and of words, of either kind of reference, and three times that. */
static int sizes_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct scaled scaled = {{0}, 3, 0};
	pawl_ref_t refs[2], size, sum = PAWL_REF_NONE, cell;
	int error = call_input(context, one->n, &refs[0]);

	if (!error)
		error = pawl_call(context, &words, one, &refs[1]);
	for (unsigned i = 0; i < 2 && !error; i++) {
		error = pawl_call_method(context, &sized_trait, 0, refs[i], NULL, &size);
		if (!error && i)
			error = call_add(context, &add, sum, size, &size);
		sum = size;
	}
	for (unsigned i = 0; i < 2 && !error; i++) {
		error = pawl_resolve(context, refs[i], 0, &cell, NULL);
		if (error)
			break;
		t_check(!pawl_ref_has_trait(context, refs[i], &sized_trait));
		t_check(pawl_ref_has_trait(context, cell, &sized_trait) == (one->n || !i));
		t_check(pawl_ref_has_trait(context, cell, &other_trait) == (i && one->n));
		for (scaled.ignored = 0; scaled.ignored < 3 && !error; scaled.ignored++)
			error = pawl_call_method(context, &sized_trait, 1, cell, &scaled,
						 &size);
		if (!error)
			error = call_add(context, &add, sum, size, &sum);
	}
	*ret_output = sum;
	return error;
}
static const struct pawl_function sizes = {sizeof(sizes),      "sizes", 1, 0, sizes_body,
					   sizeof(struct one), NULL,	0};

/* ---- panics --------------------------------------------------------------------------------- */

static struct pawl_atomic_u32 cleaned;

static void clean(void *arg)
{
	(void)arg;
	pawl_add_relaxed(&cleaned, 1u);
}

/* Arguments that are too large for the stack. */
struct large {
	uint64_t how, filler[63];
};

static int panics_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct large *large = args;
	struct pawl_cleanup cleanup;
	int64_t number;
	pawl_ref_t ref, sum;
	int error = call_input(context, 11, &ref);

	/* Made though nobody waits for it any more. */
	if (!error)
		error = call_add(context, &add, ref, ref, &sum);
	if (!error)
		error = get(context, ref, 0, &number);
	if (error)
		return error;
	pawl_cleanup_push(&cleanup, clean, NULL);
	if (number == 1)
		pawl_panic(context, "number %d is odd", (int)number);
	if (number == 3)
		pawl_exit(-EBADF, "left by %s", "the side door");
	if (number == 5)
		pawl_exit(-EBADF, NULL);
	pawl_cleanup_pop(&cleanup, false);
	return give(context, number + (int64_t)large->how, ret_output);
}
static const struct pawl_function panics = {sizeof(panics),	  "panics", 1, 0, panics_body,
					    sizeof(struct large), NULL,	    0};

/* Runs it inside its own wait, and goes on. */
static int survives_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct large large = {.how = 40};
	const struct pawl_error *failure = NULL;
	struct pawl_cleanup cleanup;
	struct pawl_value *value;
	pawl_ref_t ref;
	int error;

	(void)args;
	pawl_cleanup_push(&cleanup, clean, NULL);
	error = pawl_call(context, &panics, &large, &ref);
	if (!error)
		error = pawl_read(context, ref, 0, &value, &failure);
	pawl_cleanup_pop(&cleanup, false);
	if (error == -PAWL_ETASK &&
	    strstr(pawl_error_message(failure), "number 1 is odd (at t-engine-api.c:"))
		return give(context, -1, ret_output);
	if (error)
		return error;
	pawl_value_unpin(value);
	return pawl_context_fail(context, "no panic");
}
static const struct pawl_function survives = {sizeof(survives), "survives",	    1,	  0,
					      survives_body,	sizeof(struct one), NULL, 0};

static const struct pawl_trait *const traits[] = {&sized_trait, &other_trait};
/* ---- what never changes -------------------------------------------------------------------- */

/* Three times n; of a hundred and more the sum of two others. */
static const struct pawl_function pure;

static int call_pure(struct pawl_context *context, uint64_t n, pawl_ref_t *ret_output)
{
	struct one one = {n};

	return pawl_call(context, &pure, &one, ret_output);
}

static int pure_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	pawl_ref_t refs[2];
	int64_t a, b;
	int error;

	ran(PURE);
	if (one->n < 100)
		return give(context, 3 * (int64_t)one->n, ret_output);
	error = call_pure(context, one->n - 100, &refs[0]);
	if (!error)
		error = call_pure(context, one->n - 99, &refs[1]);
	if (!error)
		error = get(context, refs[0], 0, &a);
	if (!error)
		error = get(context, refs[1], 0, &b);
	return error ? error : give(context, a + b, ret_output);
}
static const struct pawl_function pure = {sizeof(pure),	      "pure", 1, 0, pure_body,
					  sizeof(struct one), NULL,   0};

/* Of input 0 as n: the sum of pure tasks from n on, so many, of those from 100 + n on, and of input 1. */
static int mixed_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	pawl_ref_t refs[64];
	int64_t sum = 0, number, first;
	int error = call_input(context, 0, &refs[0]);

	if (!error)
		error = get(context, refs[0], 0, &first);
	for (uint64_t i = 0; i < one->n && !error; i++)
		error = call_pure(context, (uint64_t)first + i + (i % 2 ? 100 : 0), &refs[i]);
	/* The last one is called and not read. */
	for (uint64_t i = 0; i + 1 < one->n && !error; i++) {
		error = get(context, refs[i], 0, &number);
		sum += error ? 0 : number;
	}
	if (!error)
		error = call_input(context, 1, &refs[0]);
	if (!error)
		error = get(context, refs[0], 0, &number);
	return error ? error : give(context, sum + number, ret_output);
}
static const struct pawl_function mixed = {sizeof(mixed),      "mixed", 1, 0, mixed_body,
					   sizeof(struct one), NULL,	0};

static int64_t mixed_sum(int64_t first, uint64_t n, int64_t more)
{
	for (int64_t i = 0; i + 1 < (int64_t)n; i++)
		more += i % 2 ? 3 * (first + i) + 3 * (first + i + 1) : 3 * (first + i);
	return more;
}

static const struct pawl_function *const functions[] = {
	&panics, &survives, &scaled_number, &scaled_words, &size_default, &words, &sizes,
	&input,	 &many,	    &add,	    &add_op,	   &tree,	  &total, &lists,
	&escape, &outside,  &ring,	    &pure,	   &mixed};
static const struct pawl_value_type *const types[] = {&number_type, &ref_type, &words_type};

static const struct pawl_value_type number_type = {.size = sizeof(number_type),
						   .name = "number",
						   .version = 1,
						   .implementations = number_has,
						   .implementations_n = 1};

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
	options.traits = traits;
	options.traits_n = sizeof(traits) / sizeof(*traits);
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
		for (unsigned i = 0; i < 4; i++) {
			set(50, 1);
			ask_fails(&ring, i % 2, "in a ring");
			ask_fails(&ring, 1 - i % 2, "in a ring");
			check_sums();
			set(50, 0);
			assert_int_equal(ask(&ring, i / 2), 7);
			assert_int_equal(ask(&ring, 1 - i / 2), 7);
		}
		down();
	}
}

/* ---- traits --------------------------------------------------------------------------------------- */

static void case_traits(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 3; workers++) {
		up(workers);
		assert_int_equal(ask(&sizes, 5), 5 + 5 + 3 * (5 + 5));
		/* Once each scaled by 1, a number thrice by 3, words once: they ignore what differs. */
		assert_int_equal(ran_now(METHOD), 2 + 3 + 1);
		set(5, 6);
		assert_int_equal(ask(&sizes, 5), 6 + 5 + 3 * (6 + 5));
		set(0, 0);
		ask_fails(&sizes, 0, "ref does not have the trait sized");
		down();
	}
}

static int no_method_visit(struct pawl_context *context, void *arg)
{
	static const struct pawl_trait unknown = {sizeof(unknown), "unknown", NULL, 0};
	pawl_ref_t ref, output;

	(void)arg;
	t_check(!call_input(context, 1, &ref));
	t_check(pawl_call_method(context, &sized_trait, 2, ref, NULL, &output) == -EINVAL);
	t_check(pawl_call_method(context, &sized_trait, 1, ref, NULL, &output) == -EINVAL);
	t_check(pawl_call_method(context, &unknown, 0, ref, NULL, &output) == -EINVAL);
	t_check(pawl_call_method(context, &sized_trait, 0, PAWL_REF_NONE, NULL, &output) ==
		-ESTALE);
	return 0;
}

static void try_tables(const struct pawl_implementation *has, int error)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_value_type type = PAWL_VALUE_TYPE("type");
	const struct pawl_value_type *const list[] = {&type};
	struct pawl_engine *other;

	type.implementations = has;
	type.implementations_n = 1;
	options.workers = 1;
	options.functions = functions + 2;
	options.functions_n = 3;
	options.traits = traits;
	options.traits_n = 1;
	options.types = list;
	options.types_n = 1;
	assert_int_equal(pawl_engine_open(&options, &other), error);
	if (!error)
		assert_int_equal(pawl_engine_close(other), 0);
}

static void case_traits_wrong(void **state)
{
	static const struct pawl_function *const unlisted[] = {NULL, &words};
	static const struct pawl_function *const lengths[] = {&scaled_number, &scaled_words};
	struct pawl_implementation has = {&sized_trait, number_methods};

	(void)state;
	up(1);
	assert_int_equal(pawl_engine_run(engine, no_method_visit, NULL), 0);
	down();
	try_tables(&has, 0);
	has.functions = NULL;
	try_tables(&has, -EINVAL);
	has.functions = unlisted;
	try_tables(&has, -EINVAL);
	has.functions = lengths;
	try_tables(&has, -EINVAL);
	has.trait = &other_trait;
	try_tables(&has, -EINVAL);
	has.trait = NULL;
	try_tables(&has, -EINVAL);
}

/* ---- panics ---------------------------------------------------------------------------------------- */

static int panic_visit(struct pawl_context *context, void *arg)
{
	(void)arg;
	pawl_panic(context, "a visit");
}

static void case_panic(void **state)
{
	struct large large = {.how = 100};
	struct ask again = {&panics, &large, 0, ""};

	(void)state;
	for (unsigned workers = 1; workers <= 2; workers++) {
		up(workers);
		(void)pawl_xchg_relaxed(&cleaned, 0u);
		assert_int_equal(pawl_engine_run(engine, ask_visit, &again), 0);
		assert_int_equal(again.number, 111);
		set(11, 1);
		assert_int_equal(pawl_engine_run(engine, ask_visit, &again), -PAWL_ETASK);
		assert_non_null(strstr(again.text, "panics: number 1 is odd"));
		/* A run that was stale ends that way, too. */
		assert_true(pawl_xchg_relaxed(&cleaned, 0u) >= 1);
		assert_int_equal(ask(&survives, 0), -1);
		assert_true(pawl_xchg_relaxed(&cleaned, 0u) >= 1);
		set(11, 3);
		assert_int_equal(pawl_engine_run(engine, ask_visit, &again), -PAWL_ETASK);
		assert_non_null(strstr(again.text, "left by the side door"));
		set(11, 5);
		assert_int_equal(pawl_engine_run(engine, ask_visit, &again), -PAWL_ETASK);
		assert_non_null(strstr(again.text, "error 9"));
		set(11, 6);
		assert_int_equal(pawl_engine_run(engine, ask_visit, &again), 0);
		assert_int_equal(again.number, 106);
		assert_int_equal(pawl_engine_run(engine, panic_visit, NULL), -PAWL_ETASK);
		down();
	}
}

/* ---- tasks that go -------------------------------------------------------------------------------- */

static struct pawl_atomic_u32 freed;

static void free_once(void *arg)
{
	(void)arg;
	pawl_add_relaxed(&freed, 1u);
}

static int once_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	int64_t number, other;
	pawl_ref_t ref, cell;
	struct pawl_value *own;
	int error = call_input(context, 4, &ref);

	(void)arg;
	pawl_mark_stateful(context);
	if (!error)
		error = get(context, ref, 0, &number);
	if (!error)
		error = call_input(context, 6, &ref);
	if (!error)
		error = get(context, ref, 0, &other);
	if (!error)
		error = give(context, number * 100 + other, &cell);
	if (error)
		return error;
	t_check(!pawl_own_cell(context, cell, &own));
	t_check(number_of(own) == number * 100 + other);
	pawl_value_unpin(own);
	cell.pawl_bits += UINT64_C(7) << 32;
	t_check(pawl_own_cell(context, cell, &own) == -ENODATA);
	t_check(pawl_own_cell(context, ref, &own) == -EINVAL);
	return give(context, number * 100 + other, ret_output);
}

struct read {
	pawl_ref_t ref;
	int64_t number;
};

static int read_visit(struct pawl_context *context, void *arg)
{
	struct read *read = arg;

	return get(context, read->ref, 0, &read->number);
}

static void case_once(void **state)
{
	unsigned n = t_scaled(20000);

	(void)state;
	up(2);
	(void)pawl_xchg_relaxed(&freed, 0u);
	for (unsigned i = 0; i < n; i++) {
		struct read read = {{0}, 0};

		assert_int_equal(pawl_engine_spawn_once(engine, once_body, NULL, free_once,
							&read.ref),
				 0);
		assert_int_equal(pawl_engine_run(engine, read_visit, &read), 0);
		assert_int_equal(read.number, 406);
		assert_int_equal(pawl_engine_dispose_root(engine, read.ref), 0);
		if (i % 16 == 0)
			assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
		/* Records serve again: numbers stay small. */
		assert_true((read.ref.pawl_bits & INT32_MAX) < 64);
		if (i % 10000 == 0)
			check_sums();
	}
	check_sums();
	assert_int_equal(pawl_load_relaxed(&freed), n);
	assert_int_equal(ran_now(INPUT), 2);
	down();
}

/* What a root held is given back: nothing of it runs any more. */
/* As many as there are at once is all that they take, however many there were. */
static void case_once_memory(void **state)
{
	unsigned n = t_scaled(100000);
	uint64_t before = 0;

	(void)state;
	up(2);
	for (unsigned i = 0; i < n; i += 50) {
		pawl_ref_t refs[50];

		for (unsigned j = 0; j < 50; j++)
			assert_int_equal(pawl_engine_spawn_once(engine, once_body, NULL,
								free_once, &refs[j]),
					 0);
		assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
		for (unsigned j = 0; j < 50; j++)
			assert_int_equal(pawl_engine_dispose_root(engine, refs[j]), 0);
		assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
		if (i == 500)
			before = t_alloc_bytes();
		t_step();
	}
	pawl_retire_barrier();
	/* What waits to be freed, and caches of threads: not 100 bytes for each. */
	if (before)
		assert_true(t_alloc_bytes() < before + 200000);
	check_sums();
	down();
}

static void case_dispose(void **state)
{
	pawl_ref_t roots[8];

	(void)state;
	up(2);
	(void)pawl_xchg_relaxed(&freed, 0u);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 8; i++)
			assert_int_equal(pawl_engine_spawn_root(engine, once_body, NULL,
								free_once, &roots[i]),
					 0);
		set(4, round);
		if (round % 2)
			check_sums();
		for (unsigned i = 0; i < 8; i++)
			assert_int_equal(pawl_engine_dispose_root(engine, roots[i]), 0);
		check_sums();
		assert_int_equal(pawl_load_relaxed(&freed), (round + 1) * 8);
		(void)ran_now(INPUT);
		set(4, 1000 + round);
		check_sums();
		assert_int_equal(ran_now(INPUT), 0);
		assert_int_equal(pawl_engine_dispose_root(engine, roots[0]), -ESTALE);
	}
	down();
}

static int pin_visit(struct pawl_context *context, void *arg)
{
	return call_input(context, 9, arg);
}

static void case_pin(void **state)
{
	pawl_ref_t ref;

	(void)state;
	up(1);
	assert_int_equal(pawl_engine_run(engine, pin_visit, &ref), 0);
	assert_int_equal(pawl_engine_pin(engine, ref), 0);
	assert_int_equal(pawl_engine_pin(engine, ref), 0);
	assert_int_equal(pawl_engine_unpin(engine, ref), 0);
	assert_int_equal(pawl_engine_unpin(engine, ref), 0);
	assert_int_equal(pawl_engine_unpin(engine, ref), -EINVAL);
	assert_int_equal(pawl_engine_pin(engine, PAWL_REF_NONE), -ESTALE);
	ref.pawl_bits += 1000;
	assert_int_equal(pawl_engine_pin(engine, ref), -ESTALE);
	down();
}

/* ---- statistics ------------------------------------------------------------------------------------ */

static void case_function_stats(void **state)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_function_stats stats;
	struct pawl_function unlisted = input;

	(void)state;
	up(1);
	assert_int_equal(pawl_engine_function_stats(engine, &input, &stats), -ENOTSUP);
	assert_int_equal(pawl_engine_function_stats(engine, &unlisted, &stats), -EINVAL);
	down();
	options.function_stats = 1;
	for (unsigned workers = 1; workers <= 3; workers++) {
		up_with(options, workers);
		(void)ask(&many, 10);
		(void)ask(&many, 20);
		(void)ask(&many, 20);
		set(3, 100);
		(void)ask(&many, 20);
		assert_int_equal(pawl_engine_function_stats(engine, &input, &stats), 0);
		assert_int_equal(stats.misses, 20);
		assert_true(stats.hits >= 10);
		assert_int_equal(stats.runs, ran_now(INPUT));
		assert_true(stats.ns > 0);
		assert_int_equal(pawl_engine_function_stats(engine, &many, &stats), 0);
		assert_int_equal(stats.misses, 2);
		assert_int_equal(stats.hits, 2);
		assert_int_equal(stats.runs, ran_now(MANY));
		assert_int_equal(pawl_engine_function_stats(engine, &add, &stats), 0);
		assert_int_equal(stats.runs + stats.misses + stats.hits + stats.ns, 0);
		down();
	}
	options.function_stats = 2;
	assert_int_equal(pawl_engine_open(&options, &engine), -EINVAL);
}

/* ---- looking inside --------------------------------------------------------------------------------- */

struct page {
	size_t length, fails_at;
	char text[65536];
};

static int write_page(void *arg, const char *text, size_t bytes)
{
	struct page *page = arg;

	if (page->fails_at && page->length + bytes > page->fails_at)
		return -ENOSPC;
	t_check(page->length + bytes < sizeof(page->text));
	memcpy(page->text + page->length, text, bytes);
	page->length += bytes;
	page->text[page->length] = 0;
	return 0;
}

/*
 * What is still is left out of the aggregation graph: few of them and many, called once more, not any more, and
 * again; beside what does change.
 */
static void case_still(void **state)
{
	static struct page page;

	(void)state;
	for (unsigned workers = 1; workers <= 2; workers++) {
		up(workers);
		assert_int_equal(ask(&mixed, 5), mixed_sum(0, 5, 1));
		check_sums();
		assert_int_equal(ask(&mixed, 40), mixed_sum(0, 40, 1));
		check_sums();
		(void)ran_now(PURE);
		page.length = 0;
		assert_int_equal(pawl_engine_dump(engine, PAWL_DUMP_JSON, write_page, &page),
				 0);
		assert_non_null(strstr(page.text, "\"still_calls\":[\""));
		/* Nothing of them runs again because of a change that does not concern them. */
		set(1, 1000);
		assert_int_equal(ask(&mixed, 5), mixed_sum(0, 5, 1000));
		assert_int_equal(ask(&mixed, 40), mixed_sum(0, 40, 1000));
		assert_int_equal(ran_now(PURE), 0);
		check_sums();
		for (int64_t first = 1; first < 40; first += first / 2 + 1) {
			set(0, first);
			assert_int_equal(ask(&mixed, 5), mixed_sum(first, 5, 1000));
			assert_int_equal(ask(&mixed, 40), mixed_sum(first, 40, 1000));
			check_sums();
		}
		set(0, 0);
		(void)ran_now(PURE);
		assert_int_equal(ask(&mixed, 40), mixed_sum(0, 40, 1000));
		assert_int_equal(ran_now(PURE), 0);
		assert_int_equal(ask(&pure, 150), 3 * 50 + 3 * 51);
		down();
	}
}

static void case_dump(void **state)
{
	static struct page page;
	char text[256], cut[8];
	pawl_ref_t root, ref;

	(void)state;
	up(2);
	assert_int_equal(pawl_engine_spawn_root(engine, unread_body, NULL, NULL, &root), 0);
	check_sums();
	assert_int_equal(pawl_engine_dump(engine, PAWL_DUMP_DOT, write_page, &page), 0);
	assert_memory_equal(page.text, "digraph pawl {\n", 15);
	assert_non_null(strstr(page.text, "\"t1\" [label=\"root\\nclean, active\"]"));
	assert_non_null(strstr(page.text, "\"t1\" -> \"1\" [style=solid]"));
	assert_string_equal(page.text + page.length - 2, "}\n");
	page.length = 0;
	assert_int_equal(pawl_engine_dump(engine, PAWL_DUMP_JSON, write_page, &page), 0);
	assert_non_null(strstr(page.text, "\"function\":\"input\",\"state\":\"clean\""));
	assert_string_equal(page.text + page.length - 3, "}]\n");
	page.fails_at = page.length / 2;
	page.length = 0;
	assert_int_equal(pawl_engine_dump(engine, PAWL_DUMP_JSON, write_page, &page), -ENOSPC);
	assert_int_equal(pawl_engine_dump(engine, PAWL_DUMP_FORMAT_COUNT, write_page, &page),
			 -EINVAL);
	assert_int_equal(pawl_engine_dump(engine, PAWL_DUMP_DOT, NULL, &page), -EINVAL);
	assert_int_equal(pawl_engine_why(engine, root, text, sizeof(text)), 0);
	assert_string_equal(text, "root is clean; it is kept up to date; it is transient: "
				  "a task without a name");
	assert_int_equal(pawl_engine_dispose_root(engine, root), 0);
	check_sums();
	assert_int_equal(pawl_engine_run(engine, pin_visit, &ref), 0);
	check_sums();
	set(9, 10);
	check_sums();
	assert_int_equal(pawl_engine_why(engine, ref, text, sizeof(text)), 0);
	assert_string_equal(text, "input is dirty: nobody wants it");
	assert_int_equal(pawl_engine_why(engine, ref, cut, sizeof(cut)), 0);
	assert_string_equal(cut, "input i");
	assert_int_equal(pawl_engine_why(engine, PAWL_REF_NONE, text, sizeof(text)), -ESTALE);
	down();
}

/* ---- time ------------------------------------------------------------------------------------------ */

static uint64_t stands_still(void *arg)
{
	(void)arg;
	return 1;
}

/* Closing waits in real time for what runs, where the runtime's time is the program's. */
static void case_own_clock(void **state)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_runtime_options runtime = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_shutdown_report report;

	(void)state;
	runtime.workers = 2;
	runtime.now = stands_still;
	assert_int_equal(pawl_runtime_create(&runtime, &options.runtime), 0);
	up_with(options, 0);
	assert_int_equal(ask(&many, 10), 45);
	down();
	assert_int_equal(pawl_runtime_shutdown(options.runtime, 0, &report), 0);
	assert_int_equal(pawl_runtime_destroy(options.runtime), 0);
}

/* ---- options --------------------------------------------------------------------------------------- */

static void workers_are(const char *text, struct pawl_engine_options options, uint64_t workers)
{
	struct pawl_runtime_stats stats;

	assert_int_equal(setenv("PAWL_WORKERS", text, 1), 0);
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
	pawl_runtime_stats_read(pawl_engine_runtime(engine), &stats);
	if (workers)
		assert_int_equal(stats.workers, workers);
	assert_int_equal(pawl_engine_close(engine), 0);
	assert_int_equal(unsetenv("PAWL_WORKERS"), 0);
}

static void case_options(void **state)
{
	static const char *const garbage[] = {"",    "x", "-1", "3x", "99999999999999999999",
					      "4097"};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_function_stats stats;

	(void)state;
	workers_are("3", options, 3);
	for (size_t i = 0; i < sizeof(garbage) / sizeof(*garbage); i++)
		workers_are(garbage[i], options, 0);
	options.workers = 2;
	workers_are("3", options, 2);
	options.storage = PAWL_STORAGE_READ_ONLY;
	assert_int_equal(pawl_engine_open(&options, &engine), -EINVAL);
	options.storage = PAWL_STORAGE_NONE;
	assert_int_equal(setenv("PAWL_FUNCTION_STATS", "1", 1), 0);
	assert_int_equal(setenv("PAWL_TRACK_DEPENDENCIES", "0", 1), 0);
	up(1);
	assert_int_equal(ask(&many, 10), 45);
	assert_int_equal(pawl_engine_function_stats(engine, &many, &stats), 0);
	assert_int_equal(stats.runs, 1);
	/* Nothing hears of it. */
	set(3, 1000);
	assert_int_equal(ask(&many, 10), 45);
	down();
	assert_int_equal(unsetenv("PAWL_FUNCTION_STATS"), 0);
	assert_int_equal(unsetenv("PAWL_TRACK_DEPENDENCIES"), 0);
}

/* ---- without memory ---------------------------------------------------------------------------------- */

static int gives_nothing(void *arg, const char *written, size_t bytes)
{
	(void)arg;
	(void)written;
	(void)bytes;
	return 0;
}

/* What tasks do, of all kinds, and what is asked of them. */
static int oom_visit(struct pawl_context *context, void *arg)
{
	static const struct pawl_function *const asked[] = {&many, &tree, &lists, &sizes};
	static const int64_t gives[] = {10, 10, 117, 40};
	struct one five = {5};
	struct pawl_value *values[4];
	pawl_ref_t refs[4];
	int error = 0;

	for (unsigned i = 0; i < 4 && !error; i++)
		error = pawl_call(context, asked[i], &five, &refs[i]);
	if (!error)
		error = pawl_read_many(context, refs, 4, PAWL_READ_STRONG, values, NULL);
	if (error)
		return error;
	for (unsigned i = 0; i < 4; i++) {
		t_check(number_of(values[i]) == gives[i]);
		pawl_value_unpin(values[i]);
	}
	*(pawl_ref_t *)arg = refs[0];
	return 0;
}

static int oom_asked(void)
{
	pawl_ref_t ref, once;
	char said[64];
	int error = pawl_engine_run(engine, oom_visit, &ref);

	if (!error)
		error = pawl_engine_spawn_once(engine, unread_body, NULL, NULL, &once);
	if (error)
		return error;
	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	t_check(!pawl_engine_dispose_root(engine, once));
	t_check(!pawl_engine_pin(engine, ref));
	t_check(!pawl_engine_unpin(engine, ref));
	t_check(!pawl_engine_why(engine, ref, said, sizeof(said)));
	t_check(!pawl_engine_dump(engine, PAWL_DUMP_JSON, gives_nothing, NULL));
	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	return pawl_engine_verify(engine, said, sizeof(said));
}

/* Any one allocation fails: an error, of the call or of a task, or somebody waited for memory; nothing is lost. */
static int oom_calls(void)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	int error = pawl_thread_attach("oom"), closed;
	unsigned n = 0;

	if (error)
		return error;
	engine = NULL;
	options.workers = 1;
	options.histories = 1;
	options.function_stats = 1;
	options.functions = functions;
	options.functions_n = sizeof(functions) / sizeof(*functions);
	options.traits = traits;
	options.traits_n = sizeof(traits) / sizeof(*traits);
	options.types = types;
	options.types_n = sizeof(types) / sizeof(*types);
	error = pawl_engine_open(&options, &engine);
	for (; !error && n < 6; n++) {
		struct pawl_value *value;
		int64_t number = n;

		error = pawl_value_of(&number_type, &number, sizeof(number), &value);
		if (error)
			break;
		error = pawl_state_create(engine, value, &inputs[n]);
		if (error) {
			pawl_value_unpin(value);
			break;
		}
	}
	if (!error)
		error = oom_asked();
	if (error == -PAWL_ETASK)
		error = -ENOMEM;
	if (engine) {
		closed = pawl_engine_close(engine);
		t_check(!closed);
		engine = NULL;
		/* Not before: tasks may run. */
		while (n)
			pawl_state_unpin(inputs[--n]);
	}
	pawl_thread_detach();
	return error;
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
		cmocka_unit_test(case_traits),
		cmocka_unit_test(case_traits_wrong),
		cmocka_unit_test(case_panic),
		cmocka_unit_test(case_once),
		cmocka_unit_test(case_once_memory),
		cmocka_unit_test(case_dispose),
		cmocka_unit_test(case_pin),
		cmocka_unit_test(case_function_stats),
		cmocka_unit_test(case_dump),
		cmocka_unit_test(case_still),
		cmocka_unit_test(case_options),
		cmocka_unit_test(case_own_clock),
		T_OOM(oom_calls),
	};

	return t_run("engine-api", tests);
}
