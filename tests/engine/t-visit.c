/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-visit.c - pawl/visit.h: arguments and values that a tracing collector owns. The collector of these
 * tests frees what a visit did not tell, and says if it was still wanted.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/runtime.h>
#include <pawl/timer.h>
#include <pawl/visit.h>

/* An object of the machine: alive, and when it was told last. */
struct object {
	struct pawl_atomic_u32 alive;
	struct pawl_atomic_u64 told; /* times, over all visits */
};

static struct pawl_runtime *rt;
static struct pawl_group *root;
static struct pawl_atomic_u32 begun;

static void up(uint32_t workers)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	options.workers = workers;
	pawl_store_relaxed(&begun, 0u);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
	root = pawl_runtime_root(rt);
}

static void down(void)
{
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
}

static void object_init(struct object *object)
{
	pawl_init_word(&object->alive, 1u);
	pawl_init_word(&object->told, UINT64_C(0));
}

/* visitor_arg is counted up, too. */
static void object_visit(void *value, void *visitor_arg)
{
	struct object *object = value;

	t_check(pawl_load_relaxed(&object->alive) == 1);
	pawl_add_relaxed(&object->told, 1u);
	++*(unsigned *)visitor_arg;
}

static void object_free(void *value)
{
	t_check(pawl_xchg_relaxed(&((struct object *)value)->alive, 0u) == 1);
}

static struct pawl_task_options traced(void)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	options.free_arg = object_free;
	options.free_value = object_free;
	options.visit_arg = object_visit;
	options.visit_value = object_visit;
	return options;
}

/* One visit: were these told so often since the last one? */
static void visit_and_expect(struct object *const *objects, const unsigned *times, size_t n)
{
	uint64_t before[8];
	size_t count;
	unsigned told = 0, sum = 0;

	for (size_t i = 0; i < n; i++)
		before[i] = pawl_load_relaxed(&objects[i]->told);
	count = pawl_runtime_visit(rt, &told);
	assert_int_equal(count, told);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(pawl_load_relaxed(&objects[i]->told) - before[i], times[i]);
		sum += times[i];
	}
	assert_int_equal(told, sum);
	t_step();
}

static void expect(struct object *arg, unsigned arg_times, struct object *value,
		   unsigned value_times)
{
	struct object *const objects[2] = {arg, value};
	const unsigned times[2] = {arg_times, value_times};

	visit_and_expect(objects, times, 2);
}

static struct pawl_atomic_u32 go;
static struct object value;

static void steps_wait(uint32_t count)
{
	t_wait_until(pawl_load_acquire(&begun) == count);
}

static void await_go(uint32_t count)
{
	while (pawl_load_acquire(&go) != count)
		t_yield();
}

static int give_value(void *arg, void **ret_value)
{
	(void)arg;
	pawl_add_release(&begun, 1u);
	await_go(1);
	*ret_value = &value;
	return 0;
}

/* AT-S16. From before its first step to the drop: argument, value, nothing. */
static void case_life(void **state)
{
	struct pawl_task_options options = traced();
	struct object arg, second;
	pawl_task_t task, queued;

	(void)state;
	up(1);
	object_init(&arg);
	object_init(&second);
	object_init(&value);
	pawl_init_word(&go, 0u);
	expect(&arg, 0, &value, 0);
	assert_int_equal(pawl_spawn(root, &options, give_value, &arg, &task), 0);
	steps_wait(1);
	/* One runs, and holds the only worker up; one has not begun. */
	options.free_value = NULL;
	assert_int_equal(pawl_spawn(root, &options, give_value, &second, &queued), 0);
	expect(&arg, 1, &second, 1);
	assert_int_equal(pawl_task_cancel(rt, queued), 0);
	expect(&arg, 1, &second, 0);
	assert_int_equal(pawl_load_relaxed(&second.alive), 0);
	assert_int_equal(pawl_task_drop(rt, queued), 0);
	pawl_store_release(&go, 1u);
	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, NULL), 0);
	/* It is final a moment before the argument goes. */
	t_wait_until(!pawl_load_acquire(&arg.alive));
	expect(&arg, 0, &value, 1);
	assert_int_equal(pawl_task_get(rt, task), 0);
	assert_int_equal(pawl_task_drop(rt, task), 0);
	expect(&arg, 0, &value, 1);
	assert_int_equal(pawl_task_drop(rt, task), 0);
	assert_int_equal(pawl_load_relaxed(&value.alive), 0);
	expect(&arg, 0, &value, 0);
	down();
}

/* AT-S16. Set in the body, told while it runs; another one replaces it; *ret_value has the last word. */
static struct object early[2];

static int set_value(void *arg, void **ret_value)
{
	(void)arg;
	for (unsigned i = 0; i < 2; i++) {
		pawl_value_set(&early[i]);
		pawl_add_release(&begun, 1u);
		await_go(i + 1);
	}
	*ret_value = &value;
	return 0;
}

static void case_value_set(void **state)
{
	struct pawl_task_options options = traced();
	struct pawl_result result;
	pawl_task_t task;

	(void)state;
	up(1);
	object_init(&early[0]);
	object_init(&early[1]);
	object_init(&value);
	pawl_init_word(&go, 0u);
	options.free_arg = NULL;
	options.visit_arg = NULL;
	assert_int_equal(pawl_spawn(root, &options, set_value, NULL, &task), 0);
	steps_wait(1);
	expect(&early[0], 1, &early[1], 0);
	pawl_store_release(&go, 1u);
	steps_wait(2);
	assert_int_equal(pawl_load_relaxed(&early[0].alive), 0);
	expect(&early[0], 0, &early[1], 1);
	pawl_store_release(&go, 2u);
	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
	assert_ptr_equal(result.value, &value);
	assert_int_equal(pawl_load_relaxed(&early[1].alive), 0);
	expect(&early[1], 0, &value, 1);
	assert_int_equal(pawl_task_drop(rt, task), 0);
	down();
	assert_int_equal(pawl_load_relaxed(&value.alive), 0);
}

static int set_and_return(void *arg, void **ret_value)
{
	pawl_value_set(arg);
	if (pawl_load_relaxed(&go))
		*ret_value = arg;
	return 0;
}

static void case_value_set_only(void **state)
{
	struct pawl_task_options options = traced();
	struct pawl_result result;
	pawl_task_t task;

	(void)state;
	up(1);
	options.free_arg = NULL;
	options.visit_arg = NULL;
	/* Alone, and the same again as *ret_value. */
	for (uint32_t i = 0; i < 2; i++) {
		object_init(&value);
		pawl_init_word(&go, i);
		assert_int_equal(pawl_spawn(root, &options, set_and_return, &value, &task), 0);
		assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
		assert_ptr_equal(result.value, &value);
		assert_int_equal(pawl_load_relaxed(&value.alive), 1);
		assert_int_equal(pawl_task_drop(rt, task), 0);
		t_wait_until(!pawl_load_relaxed(&value.alive));
	}
	down();
}

static void case_completion(void **state)
{
	struct pawl_task_options options = traced();
	pawl_producer_t producer;
	struct object unused;
	pawl_task_t task;

	(void)state;
	up(1);
	object_init(&value);
	object_init(&unused);
	assert_int_equal(pawl_completion_create(root, &options, &task, &producer), 0);
	expect(&unused, 0, &value, 0);
	assert_int_equal(pawl_complete(rt, producer, &value), 0);
	expect(&unused, 0, &value, 1);
	assert_int_equal(pawl_task_drop(rt, task), 0);
	assert_int_equal(pawl_load_relaxed(&value.alive), 0);
	expect(&unused, 0, &value, 0);
	assert_int_equal(pawl_producer_drop(rt, producer), 0);
	down();
}

static int one_tick(void *arg, uint64_t tick)
{
	(void)arg;
	(void)tick;
	pawl_add_release(&begun, 1u);
	await_go(1);
	return 1;
}

static void case_interval(void **state)
{
	struct pawl_interval_options options = PAWL_INTERVAL_OPTIONS_INIT;
	struct object arg, unused;
	pawl_task_t task;

	(void)state;
	up(1);
	object_init(&arg);
	object_init(&unused);
	pawl_init_word(&go, 0u);
	options.period_ns = 1;
	options.task = traced();
	assert_int_equal(pawl_interval_spawn(root, &options, one_tick, &arg, &task), 0);
	steps_wait(1);
	expect(&arg, 1, &unused, 0);
	pawl_store_release(&go, 1u);
	t_wait_until(!pawl_load_acquire(&arg.alive));
	expect(&arg, 0, &unused, 0);
	assert_int_equal(pawl_task_drop(rt, task), 0);
	down();
}

/* What was forgotten is freed by destroy, and told until then. */
static void case_forgotten(void **state)
{
	struct pawl_task_options options = traced();
	struct object arg;
	pawl_task_t task;

	(void)state;
	up(1);
	object_init(&arg);
	object_init(&value);
	pawl_init_word(&go, 1u);
	assert_int_equal(pawl_spawn(root, &options, give_value, &arg, &task), 0);
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	/* Cancelled before it began, or completed. */
	if (pawl_load_relaxed(&begun))
		expect(&arg, 0, &value, 1);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
	assert_int_equal(pawl_load_relaxed(&arg.alive), 0);
	assert_int_equal(pawl_load_relaxed(&value.alive), !pawl_load_relaxed(&begun));
}

/* ---- stress -------------------------------------------------------------------------- */

#define OBJECTS 64

static struct object args[OBJECTS], values[OBJECTS];
static struct pawl_atomic_u32 over;

static int pair_value(void *arg, void **ret_value)
{
	*ret_value = &values[(struct object *)arg - args];
	return 0;
}

static void visitor(void *arg)
{
	unsigned told = 0, visits = 0;

	(void)arg;
	do {
		size_t now = pawl_runtime_visit(rt, &told);

		t_check(now <= 2 * OBJECTS);
		visits++;
		t_yield();
	} while (!pawl_load_acquire(&over));
	t_check(visits >= 1);
}

/* Two visitors beside tasks that begin, end and are dropped: what is told is alive (object_visit()). */
static void case_stress(void **state)
{
	struct pawl_task_options options = traced();
	struct t_thread *threads[2];
	pawl_task_t tasks[OBJECTS];

	(void)state;
	up(2);
	pawl_init_word(&over, 0u);
	for (unsigned k = 0; k < 2; k++)
		threads[k] = t_thread_start(visitor, NULL);
	for (unsigned round = 0; round < t_scaled(200); round++) {
		unsigned told = 0;

		for (unsigned i = 0; i < OBJECTS; i++) {
			object_init(&args[i]);
			object_init(&values[i]);
			assert_int_equal(
				pawl_spawn(root, &options, pair_value, &args[i], &tasks[i]), 0);
			if (i % 4 == 3)
				(void)pawl_task_cancel(rt, tasks[i]);
		}
		for (unsigned i = 0; i < OBJECTS; i++) {
			struct pawl_result result;

			assert_int_equal(pawl_task_wait(rt, tasks[i], PAWL_FOREVER, &result),
					 0);
			t_wait_until(!pawl_load_acquire(&args[i].alive));
			if (result.outcome == PAWL_OUTCOME_CANCELLED)
				pawl_store_relaxed(&values[i].alive, 0u);
		}
		/* All have ended: each value that there is is told here. */
		(void)pawl_runtime_visit(rt, &told);
		for (unsigned i = 0; i < OBJECTS; i++) {
			if (pawl_load_relaxed(&values[i].alive))
				assert_true(pawl_load_relaxed(&values[i].told) >= 1);
			assert_int_equal(pawl_task_drop(rt, tasks[i]), 0);
		}
		/* Who has the last reference frees the value: a visitor, perhaps. */
		for (unsigned i = 0; i < OBJECTS; i++)
			t_wait_until(!pawl_load_acquire(&values[i].alive));
		t_step();
	}
	pawl_store_release(&over, 1u);
	for (unsigned k = 0; k < 2; k++)
		t_thread_join(threads[k]);
	down();
}

static void set_outside(void *arg)
{
	pawl_value_set(arg);
}

static void case_contract(void **state)
{
	(void)state;
	assert_true(t_aborts(set_outside, NULL, "a value is set by a body"));
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_life),	       cmocka_unit_test(case_value_set),
		cmocka_unit_test(case_value_set_only), cmocka_unit_test(case_completion),
		cmocka_unit_test(case_interval),       cmocka_unit_test(case_forgotten),
		cmocka_unit_test(case_stress),	       cmocka_unit_test(case_contract),
	};

	return t_run("visit", cases);
}
