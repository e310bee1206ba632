/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-spread.c - engine/graph/spread.c: one change that very many tasks are told of: readers of a state, of an output, of
 * a cell, of keys, of what is emitted; with 1, 2 and 4 workers. Each reader runs once for each change,
 * and every sum is right afterwards.
 */
#include "frame.h"

#include "../../engine/engine.h"
#include "../../engine/graph/graph.h"

/* Fewer and in smaller parts where everything is slow. */
#define SLOW (T_TSAN || T_ASAN)
#define FEW  (SLOW ? 300u : ENG_SPREAD_MORE_THAN)
#define PART (SLOW ? 16u : ENG_SPREAD_PART)

static struct pawl_state *input;
static struct pawl_atomic_u64 runs;

/* More than are told by one. */
static uint64_t many(void)
{
	return SLOW ? 2000 : 100000;
}

static void part_changed(const void *before, size_t before_bytes, const void *after,
			 size_t after_bytes, void (*changed)(void *arg, uint64_t key_hash),
			 void *arg)
{
	(void)before;
	(void)before_bytes;
	(void)after;
	(void)after_bytes;
	changed(arg, 1);
}

static const struct pawl_value_type other_type = PAWL_VALUE_TYPE("other number");
static const struct pawl_value_type keyed_type = {.size = sizeof(keyed_type),
						  .name = "keyed number",
						  .version = 1,
						  .mode = PAWL_CELL_KEYED,
						  .changed_keys = part_changed};
static const struct pawl_trait mark = {sizeof(mark), "mark", NULL, 0};

static int64_t input_now(struct pawl_context *context)
{
	int64_t number;

	t_check(!fr_look(context, input, &number));
	return number;
}

/* ---- what is read ----------------------------------------------------------------------- */

/* Its output is one cell or another one. */
static int outputs_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = input_now(context);

	(void)args;
	return pawl_cell(context, fr_value_of(number & 1 ? &fr_number : &other_type, number),
			 ret_output);
}
static const struct pawl_function outputs = {.size = sizeof(outputs),
					     .name = "outputs",
					     .version = 1,
					     .flags = PAWL_FUNCTION_ROOT,
					     .body = outputs_body};

static int cells_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return pawl_cell(context, fr_value(input_now(context)), ret_output);
}
static const struct pawl_function cells = {.size = sizeof(cells),
					   .name = "cells",
					   .version = 1,
					   .flags = PAWL_FUNCTION_ROOT,
					   .body = cells_body};

static int keys_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return pawl_cell(context, fr_value_of(&keyed_type, input_now(context)), ret_output);
}
static const struct pawl_function keys = {.size = sizeof(keys),
					  .name = "keys",
					  .version = 1,
					  .flags = PAWL_FUNCTION_ROOT,
					  .body = keys_body};

/* It emits one thing or another one; as many as the input says. */
static int emits_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = input_now(context);

	(void)args;
	for (int64_t i = 0; i < number; i++) {
		t_check(!pawl_cell(context, fr_value(i), ret_output));
		t_check(!pawl_emit(context, &mark, *ret_output));
	}
	return 0;
}
static const struct pawl_function emits = {.size = sizeof(emits),
					   .name = "emits",
					   .version = 1,
					   .flags = PAWL_FUNCTION_ROOT,
					   .body = emits_body};

/* ---- who reads it ------------------------------------------------------------------------ */

enum source { STATE, OUTPUT, CELL, KEY, COLLECTIBLES };

struct one {
	uint64_t source, i;
};

static void counted(void *arg, pawl_ref_t ref, int32_t count)
{
	(void)ref;
	*(int64_t *)arg += count;
}

static int64_t source_now(struct pawl_context *context, enum source source)
{
	static const struct pawl_function *const functions[] = {NULL, &outputs, &cells, &keys,
								&emits};
	struct pawl_value *value;
	int64_t count = 0;
	pawl_ref_t ref;

	if (source == STATE)
		return input_now(context);
	t_check(!pawl_call(context, functions[source], NULL, &ref));
	switch (source) {
	case KEY:
		t_check(!pawl_read_key(context, ref, 1, &value, NULL));
		return fr_take(value);
	case COLLECTIBLES:
		t_check(!pawl_peek(context, ref, &mark, counted, &count));
		return count;
	default:
		t_check(!pawl_read(context, ref, 0, &value, NULL));
		return fr_take(value);
	}
}

static int reader_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;

	pawl_add_relaxed(&runs, UINT64_C(1));
	return pawl_cell(context,
			 fr_value_of(&fr_number,
				     source_now(context, one->source) + (int64_t)one->i),
			 ret_output);
}
static const struct pawl_function reader = {.size = sizeof(reader),
					    .name = "reader",
					    .version = 1,
					    .body = reader_body,
					    .args_bytes = sizeof(struct one)};

/* The sum of all of them; `i` is how many. */
static int all_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct one one = *(const struct one *)args;
	uint64_t n = one.i;
	int64_t sum = 0;

	for (one.i = 0; one.i < n; one.i++) {
		struct pawl_value *value;
		pawl_ref_t ref;

		t_check(!pawl_call(context, &reader, &one, &ref));
		t_check(!pawl_read(context, ref, 0, &value, NULL));
		sum += fr_take(value);
	}
	t_step();
	return pawl_cell(context, fr_value(sum), ret_output);
}
static const struct pawl_function all = {.size = sizeof(all),
					 .name = "all",
					 .version = 1,
					 .flags = PAWL_FUNCTION_ROOT,
					 .body = all_body,
					 .args_bytes = sizeof(struct one)};

/* ---- engines ------------------------------------------------------------------------------- */

static const struct pawl_function *const functions[] = {&outputs, &cells,  &keys,
							&emits,	  &reader, &all};
static const struct pawl_value_type *const types[] = {&fr_number, &other_type, &keyed_type};
static const struct pawl_trait *const traits[] = {&mark};

static void open_engine(uint32_t workers)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	options.workers = workers;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	FR_LIST(options, traits);
	fr_open(options);
	fr_engine->graph->spread_more_than = FEW;
	fr_engine->graph->spread_part = PART;
	input = fr_state(fr_value(1));
	pawl_store_relaxed(&runs, UINT64_C(0));
}

static void expect(enum source source, uint64_t n, int64_t number)
{
	struct one one = {source, n};
	int64_t m = (int64_t)n;

	assert_int_equal(fr_ask(&all, &one), m * number + m * (m - 1) / 2);
}

static uint64_t spreads(void)
{
	return pawl_load_relaxed(&fr_engine->graph->spreads);
}

/* Who makes it known: the main thread, or a worker, who is no help to itself. */
static void check_source(enum source source, uint64_t n, uint32_t workers)
{
	bool spread = n > FEW && (source == STATE || workers > 1);
	uint64_t before;

	open_engine(workers);
	expect(source, n, 1);
	fr_settle();
	assert_int_equal(pawl_load_relaxed(&runs), n);
	before = spreads();
	for (int64_t number = 2; number < 4; number++) {
		assert_int_equal(pawl_state_set(input, fr_value(number)), 0);
		expect(source, n, number);
		fr_settle();
		/* Once each: a reader of collectibles may see its source's run half done. */
		if (source == COLLECTIBLES)
			assert_true(pawl_load_relaxed(&runs) >= n * (uint64_t)number);
		else
			assert_int_equal(pawl_load_relaxed(&runs), n * (uint64_t)number);
	}
	if (source == COLLECTIBLES)
		assert_true(spreads() >= before + (spread ? 2 : 0));
	else
		assert_int_equal(spreads(), before + (spread ? 2 : 0));
	fr_down();
}

static void case_state_readers(void **state)
{
	(void)state;
	check_source(STATE, many(), 1);
	check_source(STATE, many(), 2);
	check_source(STATE, many(), 4);
}

static void case_few(void **state)
{
	(void)state;
	check_source(STATE, FEW, 2);
}

static void case_output_readers(void **state)
{
	(void)state;
	check_source(OUTPUT, FEW + PART + 1, 1);
	check_source(OUTPUT, FEW + PART + 1, 4);
}

static void case_cell_readers(void **state)
{
	(void)state;
	check_source(CELL, FEW + PART + 1, 2);
}

static void case_key_readers(void **state)
{
	(void)state;
	check_source(KEY, FEW + PART + 1, 2);
}

static void case_collectibles_readers(void **state)
{
	(void)state;
	check_source(COLLECTIBLES, FEW + PART + 1, 2);
}

/* ---- wanted: they run at once, while others are told ----------------------------------------- */

struct wanted {
	struct pawl_atomic_u64 sum; /* the last one */
	uint64_t n;
};

static int root_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	struct wanted *wanted = (struct wanted *)(uintptr_t)arg;
	struct one one = {STATE, wanted->n};
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, &all, &one, &ref);

	if (!error)
		error = pawl_read(context, ref, 0, &value, NULL);
	if (!error)
		pawl_store_relaxed(&wanted->sum, (uint64_t)fr_take(value));
	*ret_output = PAWL_REF_NONE;
	return error;
}

static void case_wanted(void **state)
{
	struct wanted wanted = {{0}, FEW + 2 * PART};
	uint64_t n = wanted.n;
	pawl_ref_t root;

	(void)state;
	pawl_init_word(&wanted.sum, 0u);
	open_engine(4);
	assert_int_equal(pawl_engine_spawn_root(fr_engine, root_body, &wanted, NULL, &root), 0);
	for (uint64_t number = 1; number < 4; number++) {
		assert_int_equal(pawl_state_set(input, fr_value((int64_t)number)), 0);
		fr_settle();
		assert_int_equal(pawl_load_relaxed(&wanted.sum), n * number + n * (n - 1) / 2);
	}
	assert_true(spreads() >= 2);
	assert_int_equal(pawl_engine_dispose_root(fr_engine, root), 0);
	fr_down();
}

/* Two that change what very many read, beside each other, and beside readers. */
static void setter(void *arg)
{
	uint64_t from = *(uint64_t *)arg;

	for (uint64_t i = 0; i < 3; i++) {
		t_check(!pawl_state_set(input, fr_value((int64_t)(from + i))));
		t_step();
	}
}

static void case_at_once(void **state)
{
	uint64_t from[2] = {10, 20}, n = FEW + 3 * PART;
	struct t_thread *threads[2];

	(void)state;
	open_engine(2);
	expect(STATE, n, 1);
	for (unsigned i = 0; i < 2; i++)
		threads[i] = t_thread_start(setter, &from[i]);
	for (unsigned i = 0; i < 2; i++) {
		struct one one = {STATE, n};
		struct fr_ask ask = {.function = &all, .args = &one, .flags = PAWL_READ_STRONG};

		assert_int_equal(fr_try(&ask), 0);
		/* Of one state. */
		assert_int_equal((ask.number - (int64_t)(n * (n - 1) / 2)) % (int64_t)n, 0);
	}
	for (unsigned i = 0; i < 2; i++)
		t_thread_join(threads[i]);
	assert_int_equal(pawl_state_set(input, fr_value(5)), 0);
	expect(STATE, n, 5);
	fr_down();
}

/* Moments of quiet beside it: nobody is inside at one. */
static struct pawl_atomic_u32 done;

static void moment(void *arg)
{
	struct eng_graph *graph = arg;

	t_check(!eng_quiesce_inside(graph->quiesce));
}

static void moments(void *arg)
{
	struct eng_graph *graph = arg;

	while (!pawl_load_acquire(&done)) {
		t_check(!eng_quiesce_run(graph->quiesce, moment, graph));
		t_step();
	}
}

static void case_moments(void **state)
{
	uint64_t n = FEW + 3 * PART;
	struct t_thread *thread;

	(void)state;
	open_engine(2);
	expect(STATE, n, 1);
	pawl_init_word(&done, 0u);
	thread = t_thread_start(moments, fr_engine->graph);
	for (int64_t number = 2; number < 6; number++) {
		assert_int_equal(pawl_state_set(input, fr_value(number)), 0);
		expect(STATE, n, number);
		t_step();
	}
	pawl_store_release(&done, 1u);
	t_thread_join(thread);
	fr_down();
}

/* Without memory for help it is told by one. */
static void case_no_memory(void **state)
{
	uint64_t n = FEW + 1;

	(void)state;
	open_engine(2);
	expect(STATE, n, 1);
	for (unsigned at = 1; at < 8; at++) {
		struct pawl_value *next = fr_value((int64_t)at + 1);

		t_alloc_fail_at(at);
		assert_int_equal(pawl_state_set(input, next), 0);
		t_alloc_fail_at(0);
		expect(STATE, n, (int64_t)at + 1);
	}
	fr_down();
}

/* ---- optimising that was put off ---------------------------------------------------------------- */

/* Many tasks with two callers and many calls each: making the second caller has more to optimise than it does. */
#define MIDDLES (ENG_OPTIMIZED_MOST + 200)
#define LEAVES	40u

static int leaf_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;

	/* It may change: what cannot is left out of all sums, and is no edge. */
	(void)input_now(context);
	return pawl_cell(context, fr_value((int64_t)one->i), ret_output);
}
static const struct pawl_function leaf = {.size = sizeof(leaf),
					  .name = "leaf",
					  .version = 1,
					  .body = leaf_body,
					  .args_bytes = sizeof(struct one)};

/* Calls the same leaves as all others. */
static int middle_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = input_now(context);

	(void)args;
	for (struct one to = {0, 0}; to.i < LEAVES; to.i++) {
		pawl_ref_t ref;

		t_check(!pawl_call(context, &leaf, &to, &ref));
	}
	return pawl_cell(context, fr_value(number), ret_output);
}
static const struct pawl_function middle = {.size = sizeof(middle),
					    .name = "middle",
					    .version = 1,
					    .body = middle_body,
					    .args_bytes = sizeof(struct one)};

static pawl_ref_t middles[MIDDLES];

static int top_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	for (struct one to = {0, 0}; to.i < MIDDLES; to.i++)
		t_check(!pawl_call(context, &middle, &to, &middles[to.i]));
	return pawl_cell(context, fr_value(0), ret_output);
}
static const struct pawl_function top = {.size = sizeof(top),
					 .name = "top",
					 .version = 1,
					 .body = top_body,
					 .args_bytes = sizeof(struct one)};

static int above_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct one one = *(const struct one *)args;
	uint64_t n = one.i;

	for (one.i = 0; one.i < n; one.i++) {
		pawl_ref_t ref;

		t_check(!pawl_call(context, &top, &one, &ref));
	}
	return pawl_cell(context, fr_value(0), ret_output);
}
static const struct pawl_function above = {.size = sizeof(above),
					   .name = "above",
					   .version = 1,
					   .body = above_body,
					   .args_bytes = sizeof(struct one)};

static int above_visit(struct pawl_context *context, void *arg)
{
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, &above, arg, &ref);

	if (!error)
		error = pawl_read(context, ref, PAWL_READ_STRONG, &value, NULL);
	if (!error)
		pawl_value_unpin(value);
	return error;
}

struct seen {
	unsigned put_off;
	uint64_t numbers; /* their sum */
};

/* Of all of them. */
static struct seen look(void)
{
	struct seen all_of_them = {0, 0};

	for (unsigned i = 0; i < MIDDLES; i++) {
		struct eng_node *node = eng_lock(fr_engine->graph, eng_ref_task(middles[i]));

		all_of_them.put_off += !!(node->bits & ENG_OPTIMIZE);
		all_of_them.numbers += eng_number(node);
		eng_unlock(node);
	}
	return all_of_them;
}

static void case_put_off(void **state)
{
	static const struct pawl_function *const own[] = {&leaf, &middle, &top, &above};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct one one = {0, 1}, two = {0, 2};
	struct seen before, now;

	(void)state;
	options.workers = 1;
	options.functions = own;
	options.functions_n = FR_N(own);
	options.types = types;
	options.types_n = FR_N(types);
	fr_open(options);
	input = fr_state(fr_value(1));
	/* They are done when the second caller comes. */
	assert_int_equal(pawl_engine_run(fr_engine, above_visit, &one), 0);
	fr_settle();
	assert_int_equal(look().put_off, 0);
	assert_int_equal(pawl_engine_run(fr_engine, above_visit, &two), 0);
	fr_settle();
	before = look();
	assert_true(before.put_off > 0);
	/* Nothing meets them: nothing is done. */
	fr_settle();
	assert_int_equal(look().put_off, before.put_off);
	/* Each change meets them all, and does its share. */
	for (int64_t number = 2; before.put_off; number++) {
		assert_int_equal(pawl_state_set(input, fr_value(number)), 0);
		assert_int_equal(pawl_engine_run(fr_engine, above_visit, &two), 0);
		fr_settle();
		now = look();
		assert_true(now.put_off < before.put_off);
		if (number == 2)
			assert_true(now.numbers > before.numbers);
		before = now;
	}
	fr_down();
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_state_readers),
		cmocka_unit_test(case_few),
		cmocka_unit_test(case_output_readers),
		cmocka_unit_test(case_cell_readers),
		cmocka_unit_test(case_key_readers),
		cmocka_unit_test(case_collectibles_readers),
		cmocka_unit_test(case_wanted),
		cmocka_unit_test(case_at_once),
		cmocka_unit_test(case_moments),
		cmocka_unit_test(case_no_memory),
		cmocka_unit_test(case_put_off),
	};

	return t_run("spread", cases);
}
