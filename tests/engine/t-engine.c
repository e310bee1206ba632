/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-engine.c - pawl/engine.h: calls and hits, reads, changes and what they do not reach, errors,
 * collectibles, rings, many tasks; after each case every sum is recomputed.
 */
#include "frame.h"

/* ---- functions ------------------------------------------------------------------------- */

#define INPUTS 64

/* The world: numbers that change, and who is to be told. */
static struct pawl_lock world_lock = PAWL_LOCK_INIT;
static int64_t world[INPUTS];
static struct pawl_invalidator told[INPUTS];
static bool known[INPUTS];
static struct pawl_atomic_u32 runs[8];

enum { INPUT, SUM, PARITY, FIB, CHOICE, FAILS, RING, EMITTER };

struct one {
	uint64_t n;
};

static void ran(unsigned which)
{
	pawl_add_relaxed(&runs[which], 1u);
}

static unsigned ran_now(unsigned which)
{
	return pawl_xchg_relaxed(&runs[which], 0u);
}

static int input_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct pawl_invalidator invalidator;
	int64_t number;

	ran(INPUT);
	/* First, and with no lock held: it is an operation. */
	t_check(!pawl_context_invalidator(context, &invalidator));
	pawl_lock_lock(&world_lock);
	told[one->n] = invalidator;
	known[one->n] = true;
	number = world[one->n];
	pawl_lock_unlock(&world_lock);
	return fr_give(context, number, ret_output);
}

static const struct pawl_function input = {sizeof(input),      "input", 1, 0, input_body,
					   sizeof(struct one), NULL,	0};

static int call_one(struct pawl_context *context, const struct pawl_function *function,
		    uint64_t n, pawl_ref_t *ret_output)
{
	struct one one = {n};

	return pawl_call(context, function, &one, ret_output);
}

/* The sum of the first n inputs. */
static int sum_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	int64_t sum = 0;

	ran(SUM);
	for (uint64_t i = 0; i < one->n; i++) {
		int64_t number;
		pawl_ref_t ref;
		int error = call_one(context, &input, i, &ref);

		if (!error)
			error = fr_get(context, ref, 0, &number);
		if (error)
			return error;
		sum += number;
	}
	return fr_give(context, sum, ret_output);
}
static const struct pawl_function sum = {sizeof(sum),	     "sum", 1, 0, sum_body,
					 sizeof(struct one), NULL,  0};

static int parity_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	int64_t number;
	pawl_ref_t ref;
	int error = call_one(context, &sum, one->n, &ref);

	ran(PARITY);
	if (!error)
		error = fr_get(context, ref, 0, &number);
	return error ? error : fr_give(context, number & 1, ret_output);
}
static const struct pawl_function parity = {sizeof(parity), "parity",		1,    0,
					    parity_body,    sizeof(struct one), NULL, 0};

static int choice_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	int64_t number;
	pawl_ref_t ref;
	int error = call_one(context, &parity, one->n, &ref);

	ran(CHOICE);
	if (!error)
		error = fr_get(context, ref, 0, &number);
	if (!error)
		error = call_one(context, &input, number ? 40 : 41, &ref);
	if (!error)
		error = fr_get(context, ref, 0, &number);
	return error ? error : fr_give(context, number * 10, ret_output);
}
static const struct pawl_function choice = {sizeof(choice), "choice",		1,    0,
					    choice_body,    sizeof(struct one), NULL, 0};

static const struct pawl_function fib;

static int fib_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	pawl_ref_t a, b;
	int64_t x, y;
	int error;

	ran(FIB);
	if (one->n < 2)
		return fr_give(context, (int64_t)one->n, ret_output);
	error = call_one(context, &fib, one->n - 1, &a);
	if (!error)
		error = call_one(context, &fib, one->n - 2, &b);
	if (!error)
		error = fr_get(context, a, 0, &x);
	if (!error)
		error = fr_get(context, b, 0, &y);
	return error ? error : fr_give(context, x + y, ret_output);
}
static const struct pawl_function fib = {sizeof(fib),	     "fib", 1, 0, fib_body,
					 sizeof(struct one), NULL,  0};

static int fails_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	int64_t number;
	pawl_ref_t ref;
	int error = call_one(context, &input, one->n, &ref);

	ran(FAILS);
	if (!error)
		error = fr_get(context, ref, 0, &number);
	if (!error && number < 0)
		return pawl_context_fail(context, "input %d is negative", (int)one->n);
	return error ? error : fr_give(context, number, ret_output);
}
static const struct pawl_function fails = {sizeof(fails),      "fails", 1, 0, fails_body,
					   sizeof(struct one), NULL,	0};

static const struct pawl_function ring;

/* Reads the next one of three, as long as input 50 is not 0. */
static int ring_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	int64_t number;
	pawl_ref_t ref;
	int error = call_one(context, &input, 50, &ref);

	ran(RING);
	if (!error)
		error = fr_get(context, ref, 0, &number);
	if (error || !number)
		return error ? error : fr_give(context, 7, ret_output);
	error = call_one(context, &ring, (one->n + 1) % 3, &ref);
	if (!error)
		error = fr_get(context, ref, 0, &number);
	return error ? error : fr_give(context, number + 1, ret_output);
}
static const struct pawl_function ring = {sizeof(ring),	      "ring", 1, 0, ring_body,
					  sizeof(struct one), NULL,   0};

static const struct pawl_function wheel;

/* Calls the next one of `spokes`, and reads nothing, as long as input 52 is not 0. */
struct spoke {
	uint64_t n, spokes;
};

static int wheel_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct spoke *spoke = args;
	struct spoke next = {(spoke->n + 1) % spoke->spokes, spoke->spokes};
	int64_t number;
	pawl_ref_t ref;
	int error = call_one(context, &input, 52, &ref);

	if (!error)
		error = fr_get(context, ref, 0, &number);
	if (!error && number)
		error = pawl_call(context, &wheel, &next, &ref);
	return error ? error : fr_give(context, 3, ret_output);
}
static const struct pawl_function wheel = {sizeof(wheel),	 "wheel", 1, 0, wheel_body,
					   sizeof(struct spoke), NULL,	  0};

static const struct pawl_trait issue_trait = {sizeof(issue_trait), "issue", NULL, 0};
static const struct pawl_function emitter;

/* A binary tree of that height: each leaf emits its own number if input 51 says so. */
struct tree {
	uint64_t height, number;
};

static int emitter_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct tree *tree = args;
	struct tree below = {tree->height - 1, tree->number * 2};
	pawl_ref_t ref;
	int64_t number;
	int error = 0;

	ran(EMITTER);
	if (tree->height) {
		for (unsigned i = 0; i < 2 && !error; i++, below.number++)
			error = pawl_call(context, &emitter, &below, &ref);
		return error ? error : fr_give(context, 0, ret_output);
	}
	error = call_one(context, &input, 51, &ref);
	if (!error)
		error = fr_get(context, ref, 0, &number);
	if (!error)
		error = fr_give(context, (int64_t)tree->number, ret_output);
	if (!error && (int64_t)tree->number < number)
		error = pawl_emit(context, &issue_trait, *ret_output);
	return error;
}
static const struct pawl_function emitter = {sizeof(emitter), "emitter",	   1,	 0,
					     emitter_body,    sizeof(struct tree), NULL, 0};

/* ---- the engine ---------------------------------------------------------------------------- */

static void up(uint32_t workers)
{
	static const struct pawl_function *const functions[] = {
		&input, &sum, &parity, &choice, &fib, &fails, &ring, &wheel, &emitter};
	static const struct pawl_value_type *const types[] = {&fr_number};
	static const struct pawl_trait *const traits[] = {&issue_trait};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	memset(world, 0, sizeof(world));
	memset(known, 0, sizeof(known));
	for (unsigned i = 0; i < 8; i++)
		pawl_store_relaxed(&runs[i], 0u);
	options.workers = workers;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	FR_LIST(options, traits);
	fr_open(options);
}

static int64_t asked(const struct pawl_function *function, uint64_t n)
{
	struct one one = {n};

	return fr_ask(function, &one);
}

static void set(unsigned n, int64_t number)
{
	struct pawl_invalidator invalidator;
	bool tell;

	pawl_lock_lock(&world_lock);
	world[n] = number;
	tell = known[n];
	invalidator = told[n];
	pawl_lock_unlock(&world_lock);
	if (tell)
		pawl_invalidate(&invalidator, 1);
}

/* ---- cases ------------------------------------------------------------------------------------ */

static void case_once(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		up(workers);
		set(0, 3);
		set(1, 4);
		assert_int_equal(asked(&sum, 2), 7);
		assert_int_equal(ran_now(SUM), 1);
		assert_int_equal(ran_now(INPUT), 2);
		assert_int_equal(asked(&sum, 2), 7);
		assert_int_equal(asked(&sum, 1), 3);
		assert_int_equal(ran_now(SUM), 1);
		assert_int_equal(ran_now(INPUT), 0);
		fr_down();
	}
}

static void case_change(void **state)
{
	(void)state;
	up(2);
	for (unsigned i = 0; i < 10; i++)
		set(i, i);
	assert_int_equal(asked(&parity, 10), 1);
	fr_settle();
	(void)ran_now(SUM), (void)ran_now(PARITY), (void)ran_now(INPUT);
	set(3, 5);
	assert_int_equal(asked(&parity, 10), 1);
	assert_int_equal(ran_now(INPUT), 1);
	assert_int_equal(ran_now(SUM), 1);
	assert_int_equal(ran_now(PARITY), 1);
	/* The same value again: nobody hears of it. */
	set(3, 5);
	assert_int_equal(asked(&parity, 10), 1);
	assert_int_equal(ran_now(INPUT), 1);
	assert_int_equal(ran_now(SUM), 0);
	/* Two changes that cancel out: parity's readers do not run. */
	assert_int_equal(asked(&choice, 10), 0);
	(void)ran_now(CHOICE), (void)ran_now(PARITY);
	set(3, 7);
	assert_int_equal(asked(&choice, 10), 0);
	assert_int_equal(ran_now(PARITY), 1);
	assert_int_equal(ran_now(CHOICE), 0);
	fr_down();
}

/* What is read depends on what was read. */
static void case_choice(void **state)
{
	(void)state;
	up(2);
	set(40, 1);
	set(41, 2);
	set(0, 1);
	assert_int_equal(asked(&choice, 1), 10);
	(void)ran_now(CHOICE);
	set(41, 3);
	assert_int_equal(asked(&choice, 1), 10);
	assert_int_equal(ran_now(CHOICE), 0);
	set(0, 2);
	assert_int_equal(asked(&choice, 1), 30);
	(void)ran_now(CHOICE);
	set(40, 9);
	assert_int_equal(asked(&choice, 1), 30);
	assert_int_equal(ran_now(CHOICE), 0);
	set(41, 4);
	assert_int_equal(asked(&choice, 1), 40);
	fr_down();
}

static void case_fib(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		up(workers);
		assert_int_equal(asked(&fib, 80), INT64_C(23416728348467685));
		assert_int_equal(ran_now(FIB), 81);
		fr_down();
	}
}

static void case_error(void **state)
{
	struct one one = {1};
	struct fr_ask ask = {.function = &fails, .args = &one, .flags = PAWL_READ_STRONG};

	(void)state;
	up(2);
	set(1, -1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(fr_try(&ask), -PAWL_ETASK);
		assert_string_equal(ask.text, "fails: input 1 is negative");
	}
	assert_int_equal(ran_now(FAILS), 1);
	set(1, 5);
	assert_int_equal(asked(&fails, 1), 5);
	fr_down();
}

static void case_ring(void **state)
{
	struct one one = {0};
	struct fr_ask ask = {.function = &ring, .args = &one, .flags = PAWL_READ_STRONG};

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		up(workers);
		set(50, 1);
		assert_int_equal(fr_try(&ask), -PAWL_ETASK);
		assert_non_null(strstr(ask.text, "in a ring"));
		assert_non_null(strstr(ask.text, "ring#"));
		set(50, 0);
		assert_int_equal(asked(&ring, 0), 7);
		assert_int_equal(pawl_engine_close(fr_engine), 0);
	}
}

struct turn {
	struct spoke first;
	char text[256];
};

static int turn_visit(struct pawl_context *context, void *arg)
{
	struct turn *turn = arg;
	const struct pawl_error *failure = NULL;
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, &wheel, &turn->first, &ref);

	*turn->text = 0;
	if (!error)
		error = pawl_read(context, ref, PAWL_READ_STRONG, &value, &failure);
	if (!error)
		pawl_value_unpin(value);
	if (failure)
		(void)pawl_error_describe(failure, turn->text, sizeof(turn->text));
	return error;
}

/* Calls in a ring, though nobody waits in one: the task that closes it fails, and the rest is as it was. */
static void case_ring_of_calls(void **state)
{
	static const unsigned lengths[] = {1, 2, 3, 5, 10, 40};

	(void)state;
	up(2);
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct turn turn = {{0, lengths[i]}, ""};
		bool any = false;

		set(52, 1);
		/* One of them fails; the others only called it. */
		for (unsigned k = 0; k < lengths[i]; k++) {
			turn.first.n = k;
			if (pawl_engine_run(fr_engine, turn_visit, &turn) == -PAWL_ETASK) {
				any = true;
				assert_non_null(strstr(turn.text, "wheel"));
			}
		}
		assert_true(any);
		fr_settle();
		set(52, 0);
		for (unsigned k = 0; k < lengths[i]; k++) {
			turn.first.n = k;
			assert_int_equal(pawl_engine_run(fr_engine, turn_visit, &turn), 0);
		}
		fr_settle();
	}
	fr_down();
}

struct gathered {
	uint64_t height;
	uint32_t count, negative;
	uint64_t refs;
};

static void gather(void *arg, pawl_ref_t ref, int32_t count)
{
	struct gathered *gathered = arg;

	gathered->count++;
	gathered->negative += count <= 0;
	gathered->refs ^= ref.pawl_bits;
}

static int peek_visit(struct pawl_context *context, void *arg)
{
	struct gathered *gathered = arg;
	struct tree top = {gathered->height, 0};
	pawl_ref_t ref;
	int error = pawl_call(context, &emitter, &top, &ref);

	gathered->count = 0;
	return error ? error : pawl_peek(context, ref, &issue_trait, gather, gathered);
}

static void case_collect(void **state)
{
	struct gathered gathered = {7, 0, 0, 0};
	static const int64_t steps[] = {0, 1, 100, 128, 64, 5, 0, 7};

	(void)state;
	up(2);
	for (unsigned i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		set(51, steps[i]);
		assert_int_equal(pawl_engine_run(fr_engine, peek_visit, &gathered), 0);
		assert_int_equal(gathered.count, steps[i]);
		assert_int_equal(gathered.negative, 0);
		fr_settle();
	}
	fr_down();
}

/* A root that runs again by itself. */
static struct pawl_atomic_u64 seen;

static int watcher(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	int64_t number;
	pawl_ref_t ref;
	int error = call_one(context, &sum, 5, &ref);

	(void)arg;
	if (!error)
		error = fr_get(context, ref, 0, &number);
	if (!error)
		pawl_store_relaxed(&seen, (uint64_t)number);
	return error ? error : fr_give(context, number, ret_output);
}

static void case_root(void **state)
{
	pawl_ref_t root;

	(void)state;
	up(2);
	set(0, 1);
	assert_int_equal(pawl_engine_spawn_root(fr_engine, watcher, NULL, NULL, &root), 0);
	for (unsigned i = 1; i < 50; i++) {
		set(i % 5, i);
		fr_settle();
		assert_int_equal(pawl_load_relaxed(&seen),
				 world[0] + world[1] + world[2] + world[3] + world[4]);
	}
	assert_int_equal(pawl_engine_dispose_root(fr_engine, root), 0);
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	(void)ran_now(SUM);
	set(1, 77);
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	assert_int_equal(ran_now(SUM), 0);
	fr_down();
}

/* Any one allocation fails: an error, of the call or of a task, or somebody waited for memory; nothing is lost. */
static int oom_engine(void)
{
	static const struct pawl_function *const functions[] = {&input, &sum};
	static const struct pawl_value_type *const types[] = {&fr_number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct one one = {3};
	struct fr_ask ask = {.function = &sum, .args = &one, .flags = PAWL_READ_STRONG};
	int error = pawl_thread_attach("oom"), closed;

	if (error)
		return error;
	memset(world, 0, sizeof(world));
	options.workers = 1;
	options.functions = functions;
	options.functions_n = 2;
	options.types = types;
	options.types_n = 1;
	error = pawl_engine_open(&options, &fr_engine);
	if (!error) {
		error = fr_try(&ask);
		t_check(error || ask.number == 0);
		if (error == -PAWL_ETASK)
			error = -ENOMEM;
		closed = pawl_engine_close(fr_engine);
		t_check(!closed);
	}
	pawl_thread_detach();
	return error;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_once),	      cmocka_unit_test(case_change),
		cmocka_unit_test(case_choice),	      cmocka_unit_test(case_fib),
		cmocka_unit_test(case_error),	      cmocka_unit_test(case_ring),
		cmocka_unit_test(case_ring_of_calls), cmocka_unit_test(case_collect),
		cmocka_unit_test(case_root),	      T_OOM(oom_engine),
	};

	return t_run("engine", tests);
}
