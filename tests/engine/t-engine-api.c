/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-engine-api.c - calls of pawl/engine.h beyond those that t-engine.c is about: tasks that go, what never changes,
 * statistics, looking inside, options; after each case every sum is recomputed. How tasks call and read: t-calls.c.
 */
#include "world.h"

#include <stdlib.h>

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

	world_ran(PURE);
	if (one->n < 100)
		return fr_give(context, 3 * (int64_t)one->n, ret_output);
	error = call_pure(context, one->n - 100, &refs[0]);
	if (!error)
		error = call_pure(context, one->n - 99, &refs[1]);
	if (!error)
		error = fr_get(context, refs[0], 0, &a);
	if (!error)
		error = fr_get(context, refs[1], 0, &b);
	return error ? error : fr_give(context, a + b, ret_output);
}
static const struct pawl_function pure = {sizeof(pure),	      "pure", 1, 0, pure_body,
					  sizeof(struct one), NULL,   0};

/* Of input 0 as n: the sum of pure tasks from n on, so many, of those from 100 + n on, and of input 1. */
static int mixed_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	pawl_ref_t refs[64];
	int64_t sum = 0, number, first;
	int error = world_call_input(context, 0, &refs[0]);

	if (!error)
		error = fr_get(context, refs[0], 0, &first);
	for (uint64_t i = 0; i < one->n && !error; i++)
		error = call_pure(context, (uint64_t)first + i + (i % 2 ? 100 : 0), &refs[i]);
	/* The last one is called and not read. */
	for (uint64_t i = 0; i + 1 < one->n && !error; i++) {
		error = fr_get(context, refs[i], 0, &number);
		sum += error ? 0 : number;
	}
	if (!error)
		error = world_call_input(context, 1, &refs[0]);
	if (!error)
		error = fr_get(context, refs[0], 0, &number);
	return error ? error : fr_give(context, sum + number, ret_output);
}
static const struct pawl_function mixed = {sizeof(mixed),      "mixed", 1, 0, mixed_body,
					   sizeof(struct one), NULL,	0};

static int64_t mixed_sum(int64_t first, uint64_t n, int64_t more)
{
	for (int64_t i = 0; i + 1 < (int64_t)n; i++)
		more += i % 2 ? 3 * (first + i) + 3 * (first + i + 1) : 3 * (first + i);
	return more;
}

static const struct pawl_function *const functions[] = {WORLD_FUNCTIONS, &pure, &mixed};
static const struct pawl_value_type *const types[] = {&fr_number};

static struct pawl_engine_options tables(void)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	FR_LIST(options, functions);
	FR_LIST(options, types);
	return options;
}

static void up(unsigned workers)
{
	world_up(tables(), workers);
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
	int error = world_call_input(context, 4, &ref);

	(void)arg;
	pawl_mark_stateful(context);
	if (!error)
		error = fr_get(context, ref, 0, &number);
	if (!error)
		error = world_call_input(context, 6, &ref);
	if (!error)
		error = fr_get(context, ref, 0, &other);
	if (!error)
		error = fr_give(context, number * 100 + other, &cell);
	if (error)
		return error;
	t_check(!pawl_own_cell(context, cell, &own));
	t_check(fr_number_of(own) == number * 100 + other);
	pawl_value_unpin(own);
	cell.pawl_bits += UINT64_C(7) << 32;
	t_check(pawl_own_cell(context, cell, &own) == -ENODATA);
	t_check(pawl_own_cell(context, ref, &own) == -EINVAL);
	return fr_give(context, number * 100 + other, ret_output);
}

struct read {
	pawl_ref_t ref;
	int64_t number;
};

static int read_visit(struct pawl_context *context, void *arg)
{
	struct read *read = arg;

	return fr_get(context, read->ref, 0, &read->number);
}

static void case_once(void **state)
{
	unsigned n = t_scaled(20000);

	(void)state;
	up(2);
	(void)pawl_xchg_relaxed(&freed, 0u);
	for (unsigned i = 0; i < n; i++) {
		struct read read = {{0}, 0};

		assert_int_equal(pawl_engine_spawn_once(fr_engine, once_body, NULL, free_once,
							&read.ref),
				 0);
		assert_int_equal(pawl_engine_run(fr_engine, read_visit, &read), 0);
		assert_int_equal(read.number, 406);
		assert_int_equal(pawl_engine_dispose_root(fr_engine, read.ref), 0);
		if (i % 16 == 0)
			assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
		/* Records serve again: numbers stay small. */
		assert_true((read.ref.pawl_bits & INT32_MAX) < 64);
		if (i % 10000 == 0)
			fr_settle();
	}
	fr_settle();
	assert_int_equal(pawl_load_relaxed(&freed), n);
	assert_int_equal(world_ran_now(INPUT), 2);
	fr_down();
}

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
			assert_int_equal(pawl_engine_spawn_once(fr_engine, once_body, NULL,
								free_once, &refs[j]),
					 0);
		assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
		for (unsigned j = 0; j < 50; j++)
			assert_int_equal(pawl_engine_dispose_root(fr_engine, refs[j]), 0);
		assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
		if (i == 500)
			before = t_alloc_bytes();
		t_step();
	}
	pawl_retire_barrier();
	/* What waits to be freed, and caches of threads: not 100 bytes for each. */
	if (before)
		assert_true(t_alloc_bytes() < before + 200000);
	fr_settle();
	fr_down();
}

/* What a root held is given back: nothing of it runs any more. */
static void case_dispose(void **state)
{
	pawl_ref_t roots[8];

	(void)state;
	up(2);
	(void)pawl_xchg_relaxed(&freed, 0u);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 8; i++)
			assert_int_equal(pawl_engine_spawn_root(fr_engine, once_body, NULL,
								free_once, &roots[i]),
					 0);
		world_set(4, round);
		if (round % 2)
			fr_settle();
		for (unsigned i = 0; i < 8; i++)
			assert_int_equal(pawl_engine_dispose_root(fr_engine, roots[i]), 0);
		fr_settle();
		assert_int_equal(pawl_load_relaxed(&freed), (round + 1) * 8);
		(void)world_ran_now(INPUT);
		world_set(4, 1000 + round);
		fr_settle();
		assert_int_equal(world_ran_now(INPUT), 0);
		assert_int_equal(pawl_engine_dispose_root(fr_engine, roots[0]), -ESTALE);
	}
	fr_down();
}

static int pin_visit(struct pawl_context *context, void *arg)
{
	return world_call_input(context, 9, arg);
}

static void case_pin(void **state)
{
	pawl_ref_t ref;

	(void)state;
	up(1);
	assert_int_equal(pawl_engine_run(fr_engine, pin_visit, &ref), 0);
	assert_int_equal(pawl_engine_pin(fr_engine, ref), 0);
	assert_int_equal(pawl_engine_pin(fr_engine, ref), 0);
	assert_int_equal(pawl_engine_unpin(fr_engine, ref), 0);
	assert_int_equal(pawl_engine_unpin(fr_engine, ref), 0);
	assert_int_equal(pawl_engine_unpin(fr_engine, ref), -EINVAL);
	assert_int_equal(pawl_engine_pin(fr_engine, PAWL_REF_NONE), -ESTALE);
	ref.pawl_bits += 1000;
	assert_int_equal(pawl_engine_pin(fr_engine, ref), -ESTALE);
	fr_down();
}

/* ---- statistics ------------------------------------------------------------------------------------ */

static void case_function_stats(void **state)
{
	struct pawl_engine_options options = tables();
	struct pawl_function_stats stats;
	struct pawl_function unlisted = world_input;

	(void)state;
	up(1);
	assert_int_equal(pawl_engine_function_stats(fr_engine, &world_input, &stats), -ENOTSUP);
	assert_int_equal(pawl_engine_function_stats(fr_engine, &unlisted, &stats), -EINVAL);
	fr_down();
	options.function_stats = 1;
	for (unsigned workers = 1; workers <= 3; workers++) {
		world_up(options, workers);
		(void)world_ask(&world_many, 10);
		(void)world_ask(&world_many, 20);
		(void)world_ask(&world_many, 20);
		world_set(3, 100);
		(void)world_ask(&world_many, 20);
		assert_int_equal(pawl_engine_function_stats(fr_engine, &world_input, &stats),
				 0);
		assert_int_equal(stats.misses, 20);
		assert_true(stats.hits >= 10);
		assert_int_equal(stats.runs, world_ran_now(INPUT));
		assert_true(stats.ns > 0);
		assert_int_equal(pawl_engine_function_stats(fr_engine, &world_many, &stats), 0);
		assert_int_equal(stats.misses, 2);
		assert_int_equal(stats.hits, 2);
		assert_int_equal(stats.runs, world_ran_now(MANY));
		assert_int_equal(pawl_engine_function_stats(fr_engine, &world_add, &stats), 0);
		assert_int_equal(stats.runs + stats.misses + stats.hits + stats.ns, 0);
		fr_down();
	}
	options.function_stats = 2;
	assert_int_equal(pawl_engine_open(&options, &fr_engine), -EINVAL);
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
		assert_int_equal(world_ask(&mixed, 5), mixed_sum(0, 5, 1));
		fr_settle();
		assert_int_equal(world_ask(&mixed, 40), mixed_sum(0, 40, 1));
		fr_settle();
		(void)world_ran_now(PURE);
		page.length = 0;
		assert_int_equal(pawl_engine_dump(fr_engine, PAWL_DUMP_JSON, write_page, &page),
				 0);
		assert_non_null(strstr(page.text, "\"still_calls\":[\""));
		/* Nothing of them runs again because of a change that does not concern them. */
		world_set(1, 1000);
		assert_int_equal(world_ask(&mixed, 5), mixed_sum(0, 5, 1000));
		assert_int_equal(world_ask(&mixed, 40), mixed_sum(0, 40, 1000));
		assert_int_equal(world_ran_now(PURE), 0);
		fr_settle();
		for (int64_t first = 1; first < 40; first += first / 2 + 1) {
			world_set(0, first);
			assert_int_equal(world_ask(&mixed, 5), mixed_sum(first, 5, 1000));
			assert_int_equal(world_ask(&mixed, 40), mixed_sum(first, 40, 1000));
			fr_settle();
		}
		world_set(0, 0);
		(void)world_ran_now(PURE);
		assert_int_equal(world_ask(&mixed, 40), mixed_sum(0, 40, 1000));
		assert_int_equal(world_ran_now(PURE), 0);
		assert_int_equal(world_ask(&pure, 150), 3 * 50 + 3 * 51);
		fr_down();
	}
}

static void case_dump(void **state)
{
	static struct page page;
	char text[256], cut[8];
	pawl_ref_t root, ref;

	(void)state;
	up(2);
	assert_int_equal(
		pawl_engine_spawn_root(fr_engine, world_unread_body, NULL, NULL, &root), 0);
	fr_settle();
	assert_int_equal(pawl_engine_dump(fr_engine, PAWL_DUMP_DOT, write_page, &page), 0);
	assert_memory_equal(page.text, "digraph pawl {\n", 15);
	assert_non_null(strstr(page.text, "\"t1\" [label=\"root\\nclean, active\"]"));
	assert_non_null(strstr(page.text, "\"t1\" -> \"1\" [style=solid]"));
	assert_string_equal(page.text + page.length - 2, "}\n");
	page.length = 0;
	assert_int_equal(pawl_engine_dump(fr_engine, PAWL_DUMP_JSON, write_page, &page), 0);
	assert_non_null(strstr(page.text, "\"function\":\"input\",\"state\":\"clean\""));
	assert_string_equal(page.text + page.length - 3, "}]\n");
	page.fails_at = page.length / 2;
	page.length = 0;
	assert_int_equal(pawl_engine_dump(fr_engine, PAWL_DUMP_JSON, write_page, &page),
			 -ENOSPC);
	assert_int_equal(pawl_engine_dump(fr_engine, PAWL_DUMP_FORMAT_COUNT, write_page, &page),
			 -EINVAL);
	assert_int_equal(pawl_engine_dump(fr_engine, PAWL_DUMP_DOT, NULL, &page), -EINVAL);
	assert_int_equal(pawl_engine_why(fr_engine, root, text, sizeof(text)), 0);
	assert_string_equal(text, "root is clean; it is kept up to date; it is transient: "
				  "a task without a name");
	assert_int_equal(pawl_engine_dispose_root(fr_engine, root), 0);
	fr_settle();
	assert_int_equal(pawl_engine_run(fr_engine, pin_visit, &ref), 0);
	fr_settle();
	world_set(9, 10);
	fr_settle();
	assert_int_equal(pawl_engine_why(fr_engine, ref, text, sizeof(text)), 0);
	assert_string_equal(text, "input is dirty: nobody wants it");
	assert_int_equal(pawl_engine_why(fr_engine, ref, cut, sizeof(cut)), 0);
	assert_string_equal(cut, "input i");
	assert_int_equal(pawl_engine_why(fr_engine, PAWL_REF_NONE, text, sizeof(text)),
			 -ESTALE);
	fr_down();
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
	struct pawl_runtime_options runtime = PAWL_RUNTIME_OPTIONS_INIT;

	(void)state;
	runtime.workers = 2;
	runtime.now = stands_still;
	fr_runtime_up(runtime);
	world_up(tables(), 0);
	assert_int_equal(world_ask(&world_many, 10), 45);
	fr_down();
}

/* ---- options --------------------------------------------------------------------------------------- */

static void workers_are(const char *text, struct pawl_engine_options options, uint64_t workers)
{
	struct pawl_runtime_stats stats;

	assert_int_equal(setenv("PAWL_WORKERS", text, 1), 0);
	assert_int_equal(pawl_engine_open(&options, &fr_engine), 0);
	pawl_runtime_stats_read(pawl_engine_runtime(fr_engine), &stats);
	if (workers)
		assert_int_equal(stats.workers, workers);
	assert_int_equal(pawl_engine_close(fr_engine), 0);
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
	assert_int_equal(pawl_engine_open(&options, &fr_engine), -EINVAL);
	options.storage = PAWL_STORAGE_NONE;
	assert_int_equal(setenv("PAWL_FUNCTION_STATS", "1", 1), 0);
	assert_int_equal(setenv("PAWL_TRACK_DEPENDENCIES", "0", 1), 0);
	up(1);
	assert_int_equal(world_ask(&world_many, 10), 45);
	assert_int_equal(pawl_engine_function_stats(fr_engine, &world_many, &stats), 0);
	assert_int_equal(stats.runs, 1);
	/* Nothing hears of it. */
	world_set(3, 1000);
	assert_int_equal(world_ask(&world_many, 10), 45);
	fr_down();
	assert_int_equal(unsetenv("PAWL_FUNCTION_STATS"), 0);
	assert_int_equal(unsetenv("PAWL_TRACK_DEPENDENCIES"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_once),	       cmocka_unit_test(case_once_memory),
		cmocka_unit_test(case_dispose),	       cmocka_unit_test(case_pin),
		cmocka_unit_test(case_function_stats), cmocka_unit_test(case_dump),
		cmocka_unit_test(case_still),	       cmocka_unit_test(case_options),
		cmocka_unit_test(case_own_clock),
	};

	return t_run("engine-api", tests);
}
