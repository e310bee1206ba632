/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-calls.c - how tasks call and read beyond what t-engine.c is about: several reads at once, arguments that are not
 * known yet, traits, panics; after each case every sum is recomputed.
 */
#include "world.h"

#include <stddef.h>

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

/* ---- arguments that are not known yet ------------------------------------------------------- */

/* The sum of inputs 0 to n - 1 as a chain of additions that nobody waits for. */
static int tree_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	pawl_ref_t sum, next;
	int error = world_call_input(context, 0, &sum);

	world_ran(TREE);
	for (uint64_t i = 1; i < one->n && !error; i++) {
		error = world_call_input(context, i, &next);
		if (!error)
			error = world_call_add(context, i % 8 ? &world_add : &world_add_op, sum,
					       next, &sum);
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
		error = fr_get(context, list->refs.refs[i], 0, &number);
		if (!error)
			sum += number;
	}
	return error ? error : world_give(context, sum, ret_output);
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
	pawl_ref_t refs[WORLD_INPUTS], sum;
	char text[] = "seven..";
	struct list list = {{refs, one->n}, {text, 7}, 100};
	int64_t number;
	int error = 0;

	for (size_t i = 0; i < one->n && !error; i++)
		error = world_call_input(context, i, &refs[i]);
	if (!error)
		error = pawl_call(context, &total, &list, &sum);
	memset(refs, 0xff, sizeof(refs));
	memset(text, 0, sizeof(text));
	if (!error)
		error = fr_get(context, sum, 0, &number);
	return error ? error : world_give(context, number, ret_output);
}
static const struct pawl_function lists = {sizeof(lists),      "lists", 1, 0, lists_body,
					   sizeof(struct one), NULL,	0};

/* Where a reference gets out of its run. */
static pawl_ref_t escaped;

static int escape_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	pawl_ref_t a, cell;
	struct pawl_value *value;
	int error = world_call_input(context, 1, &a);

	(void)args;
	if (!error)
		error = world_call_add(context, &world_add, a, a, &escaped);
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
		return fr_get(context, escaped, 0, &number);
	if (one->n == 1)
		return pawl_resolve(context, escaped, 0, &ref, NULL);
	if (one->n == 2)
		return world_call_add(context, &world_add, escaped, escaped, &ref);
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
	int error = world_call_input(context, 50, &a);

	if (!error)
		error = fr_get(context, a, 0, &closed);
	if (!error && !closed)
		return world_give(context, 7, ret_output);
	if (!error)
		error = pawl_call(context, &ring, &other, &b);
	if (!error)
		error = world_call_add(context, &world_add, a, b, ret_output);
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
	int error = fr_get(context, scaled->self, 0, &number);

	world_ran(METHOD);
	return error ? error
		     : world_give(context, number * (int64_t)scaled->factor, ret_output);
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

	world_ran(METHOD);
	if (error)
		return error;
	t_check(!scaled->ignored);
	bytes = (int64_t)pawl_value_bytes(value);
	pawl_value_unpin(value);
	return world_give(context, bytes * (int64_t)scaled->factor, ret_output);
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
	int error = world_call_input(context, one->n, &refs[0]);

	if (!error)
		error = pawl_call(context, &words, one, &refs[1]);
	for (unsigned i = 0; i < 2 && !error; i++) {
		error = pawl_call_method(context, &sized_trait, 0, refs[i], NULL, &size);
		if (!error && i)
			error = world_call_add(context, &world_add, sum, size, &size);
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
			error = world_call_add(context, &world_add, sum, size, &sum);
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
	int error = world_call_input(context, 11, &ref);

	/* Made though nobody waits for it any more. */
	if (!error)
		error = world_call_add(context, &world_add, ref, ref, &sum);
	if (!error)
		error = fr_get(context, ref, 0, &number);
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
	return world_give(context, number + (int64_t)large->how, ret_output);
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
	    strstr(pawl_error_message(failure), "number 1 is odd (at t-calls.c:"))
		return world_give(context, -1, ret_output);
	if (error)
		return error;
	pawl_value_unpin(value);
	return pawl_context_fail(context, "no panic");
}
static const struct pawl_function survives = {sizeof(survives), "survives",	    1,	  0,
					      survives_body,	sizeof(struct one), NULL, 0};

static const struct pawl_function *const functions[] = {
	WORLD_FUNCTIONS, &panics, &survives, &scaled_number, &scaled_words,
	&size_default,	 &words,  &sizes,    &tree,	     &total,
	&lists,		 &escape, &outside,  &ring};
static const struct pawl_trait *const traits[] = {&sized_trait, &other_trait};
static const struct pawl_value_type number_type = {.size = sizeof(number_type),
						   .name = "number",
						   .version = 1,
						   .implementations = number_has,
						   .implementations_n = 1};
static const struct pawl_value_type *const types[] = {&number_type, &ref_type, &words_type};

static struct pawl_engine_options tables(void)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	FR_LIST(options, functions);
	FR_LIST(options, types);
	FR_LIST(options, traits);
	return options;
}

static void up(unsigned workers)
{
	world_up(tables(), workers);
}

/* ---- several reads at once ----------------------------------------------------------------------- */

static void case_many(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 3; workers++) {
		up(workers);
		assert_int_equal(world_ask(&world_many, 0), 0);
		assert_int_equal(world_ask(&world_many, 64), 64 * 63 / 2);
		assert_int_equal(world_ran_now(INPUT), 64);
		world_set(63, 1000);
		assert_int_equal(world_ask(&world_many, 64), 63 * 62 / 2 + 1000);
		assert_int_equal(world_ran_now(INPUT), 1);
		/* The first error by place; it depends on all of them all the same. */
		world_set(7, -1);
		world_set(5, -1);
		world_set(60, -1);
		world_ask_fails(&world_many, 64, "input 5 is negative");
		world_set(5, 5);
		world_ask_fails(&world_many, 64, "input 7 is negative");
		world_set(7, 7);
		world_ask_fails(&world_many, 64, "input 60 is negative");
		world_set(60, 60);
		assert_int_equal(world_ask(&world_many, 64), 63 * 62 / 2 + 1000);
		fr_down();
	}
}

static int many_visit(struct pawl_context *context, void *arg)
{
	struct pawl_value *values[3];
	pawl_ref_t refs[3];

	(void)arg;
	t_check(world_call_input(context, 1, &refs[0]) == 0);
	t_check(world_call_input(context, 2, &refs[1]) == 0);
	t_check(pawl_resolve(context, refs[1], 0, &refs[2], NULL) == 0);
	t_check(pawl_read_many(context, refs, 3, PAWL_READ_STRONG, values, NULL) == 0);
	for (unsigned i = 0; i < 3; i++) {
		t_check(fr_number_of(values[i]) == (i ? 2 : 1));
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
	assert_int_equal(pawl_engine_run(fr_engine, many_visit, NULL), 0);
	fr_down();
}

/* ---- arguments that are not known yet ------------------------------------------------------------- */

static void case_local(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 3; workers++) {
		up(workers);
		assert_int_equal(world_ask(&tree, 50), 50 * 49 / 2);
		assert_int_equal(world_ran_now(TREE), 1);
		assert_int_equal(world_ran_now(ADD), 49);
		world_set(20, 1020);
		assert_int_equal(world_ask(&tree, 50), 50 * 49 / 2 + 1000);
		assert_int_equal(world_ran_now(INPUT), 51);
		/* The first error of the chain is that of all behind it. */
		world_set(9, -9);
		world_ask_fails(&tree, 50, "input 9 is negative");
		world_set(9, 9);
		assert_int_equal(world_ask(&tree, 50), 50 * 49 / 2 + 1000);
		assert_int_equal(world_ask(&lists, 10), 45 + 107);
		fr_down();
	}
}

static void case_local_outside(void **state)
{
	struct fr_ask again = {.function = &escape, .flags = PAWL_READ_STRONG};

	(void)state;
	up(2);
	assert_int_equal(fr_try(&again), 0);
	assert_int_equal(again.number, 2);
	for (unsigned i = 0; i < 5; i++)
		world_ask_fails(&outside, i, "used outside of that run");
	fr_down();
}

/* Calls that nobody reads are made all the same, before the run is over. */
static void case_local_unread(void **state)
{
	pawl_ref_t root;

	(void)state;
	up(2);
	assert_int_equal(
		pawl_engine_spawn_root(fr_engine, world_unread_body, NULL, NULL, &root), 0);
	fr_settle();
	assert_int_equal(world_ran_now(ADD), 1);
	world_set(3, 33);
	fr_settle();
	assert_int_equal(world_ran_now(ADD), 1);
	assert_int_equal(pawl_engine_dispose_root(fr_engine, root), 0);
	fr_down();
}

static void case_local_ring(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 3; workers++) {
		up(workers);
		for (unsigned i = 0; i < 4; i++) {
			world_set(50, 1);
			world_ask_fails(&ring, i % 2, "in a ring");
			world_ask_fails(&ring, 1 - i % 2, "in a ring");
			fr_settle();
			world_set(50, 0);
			assert_int_equal(world_ask(&ring, i / 2), 7);
			assert_int_equal(world_ask(&ring, 1 - i / 2), 7);
		}
		fr_down();
	}
}

/* ---- traits --------------------------------------------------------------------------------------- */

static void case_traits(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 3; workers++) {
		up(workers);
		assert_int_equal(world_ask(&sizes, 5), 5 + 5 + 3 * (5 + 5));
		/* Once each scaled by 1, a number thrice by 3, words once: they ignore what differs. */
		assert_int_equal(world_ran_now(METHOD), 2 + 3 + 1);
		world_set(5, 6);
		assert_int_equal(world_ask(&sizes, 5), 6 + 5 + 3 * (6 + 5));
		world_set(0, 0);
		world_ask_fails(&sizes, 0, "ref does not have the trait sized");
		fr_down();
	}
}

static int no_method_visit(struct pawl_context *context, void *arg)
{
	static const struct pawl_trait unknown = {sizeof(unknown), "unknown", NULL, 0};
	pawl_ref_t ref, output;

	(void)arg;
	t_check(!world_call_input(context, 1, &ref));
	t_check(pawl_call_method(context, &sized_trait, 2, ref, NULL, &output) == -EINVAL);
	t_check(pawl_call_method(context, &sized_trait, 1, ref, NULL, &output) == -EINVAL);
	t_check(pawl_call_method(context, &unknown, 0, ref, NULL, &output) == -EINVAL);
	t_check(pawl_call_method(context, &sized_trait, 0, PAWL_REF_NONE, NULL, &output) ==
		-ESTALE);
	return 0;
}

static void try_tables(const struct pawl_implementation *has, int error)
{
	static const struct pawl_function *const few[] = {&scaled_number, &scaled_words,
							  &size_default};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_value_type type = PAWL_VALUE_TYPE("type");
	const struct pawl_value_type *const list[] = {&type};
	struct pawl_engine *other;

	type.implementations = has;
	type.implementations_n = 1;
	options.workers = 1;
	options.functions = few;
	options.functions_n = FR_N(few);
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
	assert_int_equal(pawl_engine_run(fr_engine, no_method_visit, NULL), 0);
	fr_down();
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
	struct fr_ask again = {.function = &panics, .args = &large, .flags = PAWL_READ_STRONG};

	(void)state;
	for (unsigned workers = 1; workers <= 2; workers++) {
		up(workers);
		(void)pawl_xchg_relaxed(&cleaned, 0u);
		assert_int_equal(fr_try(&again), 0);
		assert_int_equal(again.number, 111);
		world_set(11, 1);
		assert_int_equal(fr_try(&again), -PAWL_ETASK);
		assert_non_null(strstr(again.text, "panics: number 1 is odd"));
		/* A run that was stale ends that way, too. */
		assert_true(pawl_xchg_relaxed(&cleaned, 0u) >= 1);
		assert_int_equal(world_ask(&survives, 0), -1);
		assert_true(pawl_xchg_relaxed(&cleaned, 0u) >= 1);
		world_set(11, 3);
		assert_int_equal(fr_try(&again), -PAWL_ETASK);
		assert_non_null(strstr(again.text, "left by the side door"));
		world_set(11, 5);
		assert_int_equal(fr_try(&again), -PAWL_ETASK);
		assert_non_null(strstr(again.text, "error 9"));
		world_set(11, 6);
		assert_int_equal(fr_try(&again), 0);
		assert_int_equal(again.number, 106);
		assert_int_equal(pawl_engine_run(fr_engine, panic_visit, NULL), -PAWL_ETASK);
		fr_down();
	}
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
	static const struct pawl_function *const asked[] = {&world_many, &tree, &lists, &sizes};
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
		t_check(fr_number_of(values[i]) == gives[i]);
		pawl_value_unpin(values[i]);
	}
	*(pawl_ref_t *)arg = refs[0];
	return 0;
}

static int oom_asked(void)
{
	pawl_ref_t ref, once;
	char said[64];
	int error = pawl_engine_run(fr_engine, oom_visit, &ref);

	if (!error)
		error = pawl_engine_spawn_once(fr_engine, world_unread_body, NULL, NULL, &once);
	if (error)
		return error;
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	t_check(!pawl_engine_dispose_root(fr_engine, once));
	t_check(!pawl_engine_pin(fr_engine, ref));
	t_check(!pawl_engine_unpin(fr_engine, ref));
	t_check(!pawl_engine_why(fr_engine, ref, said, sizeof(said)));
	t_check(!pawl_engine_dump(fr_engine, PAWL_DUMP_JSON, gives_nothing, NULL));
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	return pawl_engine_verify(fr_engine, said, sizeof(said));
}

/* Any one allocation fails: an error, of the call or of a task, or somebody waited for memory; nothing is lost. */
static int oom_calls(void)
{
	struct pawl_engine_options options = tables();
	int error = pawl_thread_attach("oom"), closed;
	unsigned n = 0;

	if (error)
		return error;
	fr_engine = NULL;
	options.workers = 1;
	options.histories = 1;
	options.function_stats = 1;
	error = pawl_engine_open(&options, &fr_engine);
	for (; !error && n < 6; n++) {
		struct pawl_value *value;
		int64_t number = n;

		error = pawl_value_of(&number_type, &number, sizeof(number), &value);
		if (error)
			break;
		error = pawl_state_create(fr_engine, value, &world_inputs[n]);
		if (error) {
			pawl_value_unpin(value);
			break;
		}
	}
	if (!error)
		error = oom_asked();
	if (error == -PAWL_ETASK)
		error = -ENOMEM;
	if (fr_engine) {
		closed = pawl_engine_close(fr_engine);
		t_check(!closed);
		fr_engine = NULL;
		/* Not before: tasks may run. */
		while (n)
			pawl_state_unpin(world_inputs[--n]);
	}
	pawl_thread_detach();
	return error;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_many),	     cmocka_unit_test(case_many_in_visit),
		cmocka_unit_test(case_local),	     cmocka_unit_test(case_local_outside),
		cmocka_unit_test(case_local_unread), cmocka_unit_test(case_local_ring),
		cmocka_unit_test(case_traits),	     cmocka_unit_test(case_traits_wrong),
		cmocka_unit_test(case_panic),	     T_OOM(oom_calls),
	};

	world_number = &number_type;
	return t_run("calls", tests);
}
