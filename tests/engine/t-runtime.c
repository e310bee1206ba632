/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-runtime.c - pawl/runtime.h and join.h: tasks from spawn to their end, on one worker and on several.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/runtime.h>

static struct pawl_runtime *rt;
static struct pawl_atomic_u32 ran, freed;

static void up(uint32_t workers)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	options.workers = workers;
	pawl_store_relaxed(&ran, 0u);
	pawl_store_relaxed(&freed, 0u);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
}

static void down(void)
{
	struct pawl_shutdown_report report;

	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, &report), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
}

static int count(void *arg, void **ret_value)
{
	*ret_value = arg;
	pawl_add_relaxed(&ran, 1u);
	return 0;
}

static void count_freed(void *ptr)
{
	(void)ptr;
	pawl_add_relaxed(&freed, 1u);
}

static void case_one(void **state)
{
	struct pawl_result result;
	pawl_task_t task;
	int here;

	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers++) {
		up(workers);
		assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, count, &here, &task),
				 0);
		assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
		assert_int_equal(result.outcome, PAWL_OUTCOME_COMPLETED);
		assert_ptr_equal(result.value, &here);
		assert_int_equal(pawl_task_result(rt, task, &result), 0);
		assert_int_equal(pawl_task_drop(rt, task), 0);
		t_assert_errno(pawl_task_drop(rt, task), ESTALE);
		t_assert_errno(pawl_task_wait(rt, task, 0, &result), ESTALE);
		t_assert_errno(pawl_task_wait(rt, PAWL_TASK_NONE, 0, &result), EINVAL);
		down();
		assert_int_equal(pawl_load_relaxed(&ran), 1);
		t_step();
	}
}

/* A tree of tasks, each waiting for the two below it. */
static int tree(void *arg, void **ret_value)
{
	uintptr_t depth = (uintptr_t)arg;
	struct pawl_result result[2];
	pawl_task_t below[2];

	pawl_add_relaxed(&ran, 1u);
	if (!depth) {
		*ret_value = (void *)1;
		return 0;
	}
	for (unsigned i = 0; i < 2; i++)
		t_check(!pawl_spawn(pawl_runtime_root(rt), NULL, tree, (void *)(depth - 1),
				    &below[i]));
	for (unsigned i = 2; i--;) {
		t_check(!pawl_task_wait(rt, below[i], PAWL_FOREVER, &result[i]));
		t_check(result[i].outcome == PAWL_OUTCOME_COMPLETED);
		t_check(!pawl_task_drop(rt, below[i]));
	}
	*ret_value = (void *)((uintptr_t)result[0].value + (uintptr_t)result[1].value);
	return 0;
}

static void case_tree(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers++) {
		struct pawl_result result;
		pawl_task_t task;

		up(workers);
		assert_int_equal(
			pawl_spawn(pawl_runtime_root(rt), NULL, tree, (void *)12, &task), 0);
		assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
		assert_int_equal((uintptr_t)result.value, 4096);
		assert_int_equal(pawl_load_relaxed(&ran), 8191);
		assert_int_equal(pawl_task_drop(rt, task), 0);
		down();
		t_step();
	}
}

/* ---- waiting ----------------------------------------------------------------------- */

struct meet {
	struct pawl_event event;
	struct pawl_atomic_u32 turn;
};

static int wait_for_turn(struct meet *meet, uint32_t turn)
{
	while (pawl_load_acquire(&meet->turn) != turn) {
		struct pawl_listener listener;
		int error;

		pawl_event_listen(&meet->event, &listener, "turn", turn);
		if (pawl_load_acquire(&meet->turn) == turn) {
			pawl_event_unlisten(&listener);
			break;
		}
		error = pawl_wait(&listener, PAWL_FOREVER);
		if (error)
			return error;
	}
	return 0;
}

static struct meet meet;

static int player(void *arg, void **ret_value)
{
	uint32_t me = (uint32_t)(uintptr_t)arg;

	(void)ret_value;
	for (unsigned i = 0; i < 1000; i++) {
		int error = wait_for_turn(&meet, me);

		if (error)
			return error;
		pawl_store_release(&meet.turn, !me);
		pawl_event_notify_all(&meet.event);
	}
	return 0;
}

static void case_ping_pong(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		struct pawl_result result;
		pawl_task_t task[2];

		up(workers);
		pawl_event_init(&meet.event);
		pawl_init_word(&meet.turn, 0u);
		for (uintptr_t i = 0; i < 2; i++)
			assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, player,
						    (void *)i, &task[i]),
					 0);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(pawl_task_wait(rt, task[i], PAWL_FOREVER, &result), 0);
			assert_int_equal(result.outcome, PAWL_OUTCOME_COMPLETED);
			pawl_task_drop(rt, task[i]);
		}
		down();
		t_step();
	}
}

static int wait_for_ever(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	return wait_for_turn(&meet, 7);
}

static void case_cancel(void **state)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_result result;
	pawl_task_t task[3];

	(void)state;
	up(2);
	pawl_event_init(&meet.event);
	pawl_init_word(&meet.turn, 0u);
	options.free_arg = count_freed;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pawl_spawn(pawl_runtime_root(rt), &options, wait_for_ever,
					    NULL, &task[i]),
				 0);
	t_wait_until(pawl_load_relaxed(&ran) == 3);
	t_assert_errno(pawl_task_result(rt, task[1], &result), EINPROGRESS);
	assert_int_equal(pawl_task_cancel(rt, task[1]), 0);
	assert_int_equal(pawl_task_wait(rt, task[1], PAWL_FOREVER, &result), 0);
	assert_int_equal(result.outcome, PAWL_OUTCOME_CANCELLED);
	t_assert_errno(pawl_task_cancel(rt, task[1]), EALREADY);
	t_assert_errno(pawl_task_result(rt, task[0], &result), EINPROGRESS);
	down();
	assert_int_equal(pawl_load_relaxed(&freed), 3);
}

/* ---- timers -------------------------------------------------------------------------- */

static struct pawl_atomic_u64 virtual_ns;

static uint64_t virtual_now(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&virtual_ns);
}

static int sleeper(void *arg, void **ret_value)
{
	uint64_t until = (uintptr_t)arg;

	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	t_check(pawl_sleep_until(until) == 0);
	t_check(pawl_load_relaxed(&virtual_ns) >= until);
	return 0;
}

static void case_virtual_time(void **state)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_result result;
	pawl_task_t task[50];

	(void)state;
	options.workers = 2;
	options.now = virtual_now;
	pawl_store_relaxed(&virtual_ns, 1000u);
	pawl_store_relaxed(&ran, 0u);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
	for (uintptr_t i = 0; i < 50; i++)
		assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, sleeper,
					    (void *)(2000 + 10 * i), &task[i]),
				 0);
	t_wait_until(pawl_load_relaxed(&ran) == 50);
	for (uintptr_t i = 0; i < 50; i++) {
		t_assert_errno(pawl_task_result(rt, task[i], &result), EINPROGRESS);
		pawl_store_relaxed(&virtual_ns, 2000 + 10 * i);
		pawl_runtime_clock_moved(rt);
		assert_int_equal(pawl_task_wait(rt, task[i], PAWL_FOREVER, &result), 0);
		pawl_task_drop(rt, task[i]);
		t_step();
	}
	down();
}

static int yielder(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	for (unsigned i = 0; i < 100; i++)
		t_check(!pawl_yield());
	t_check(!pawl_sleep_until(pawl_deadline_in(1000)));
	pawl_add_relaxed(&ran, 1u);
	return 0;
}

static void case_yield(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		up(workers);
		for (unsigned i = 0; i < 100; i++)
			assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, yielder, NULL,
						    NULL),
					 0);
		t_wait_until(pawl_load_relaxed(&ran) == 100);
		down();
		t_step();
	}
}

/* Bodies that only make room for each other do not keep the clock from being looked at. */
static int yield_until(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	while (!pawl_load_relaxed(&ran))
		t_check(!pawl_yield());
	return 0;
}

static int sleep_a_little(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	t_check(!pawl_sleep_until(pawl_deadline_in(100000)));
	pawl_add_relaxed(&ran, 1u);
	return 0;
}

static void case_timers_beside_yielders(void **state)
{
	pawl_task_t tasks[3];

	(void)state;
	up(1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL,
					    i == 1 ? sleep_a_little : yield_until, NULL,
					    &tasks[i]),
				 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pawl_task_wait(rt, tasks[i], PAWL_FOREVER, NULL), 0);
	down();
}

/* ---- a limit of stacks ----------------------------------------------------------------- */

static struct pawl_atomic_u32 inside, most_inside;

static int sit(void *arg, void **ret_value)
{
	uint32_t now = pawl_add_relaxed(&inside, 1u) + 1;

	(void)ret_value;
	if (now > pawl_load_relaxed(&most_inside))
		pawl_store_relaxed(&most_inside, now);
	pawl_add_relaxed(&ran, 1u);
	t_check(wait_for_turn(&meet, (uint32_t)(uintptr_t)arg) == 0);
	pawl_sub_relaxed(&inside, 1u);
	return 0;
}

static int await_task(void *arg, void **ret_value)
{
	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	t_check(wait_for_turn(&meet, 1) == 0);
	return pawl_task_wait(rt, *(pawl_task_t *)arg, PAWL_FOREVER, NULL);
}

/* Starts from outside wait for room; one that is waited for starts always. */
static void case_stacks_max(void **state)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	pawl_task_t tasks[20], wanted, waiter;

	(void)state;
	options.workers = 1;
	options.stacks_max = 3;
	pawl_store_relaxed(&ran, 0u);
	pawl_store_relaxed(&inside, 0u);
	pawl_store_relaxed(&most_inside, 0u);
	pawl_event_init(&meet.event);
	pawl_store_relaxed(&meet.turn, 0u);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
	assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, await_task, &wanted, &waiter),
			 0);
	t_wait_until(pawl_load_relaxed(&ran) == 1);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(
			pawl_spawn(pawl_runtime_root(rt), NULL, sit, (void *)1, &tasks[i]), 0);
	assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, count, NULL, &wanted), 0);
	t_wait_until(pawl_runtime_quiet_until(rt) == PAWL_FOREVER);
	assert_int_equal(pawl_load_relaxed(&inside), 2);
	/* No body ends, and a thread outside waits for one that has not begun. */
	assert_int_equal(pawl_task_wait(rt, wanted, PAWL_FOREVER, NULL), 0);
	pawl_store_release(&meet.turn, 1u);
	pawl_event_notify_all(&meet.event);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(pawl_task_wait(rt, tasks[i], PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_task_wait(rt, waiter, PAWL_FOREVER, NULL), 0);
	down();
}

/* ---- rings ----------------------------------------------------------------------------- */

static pawl_task_t ring[3];

static int in_ring(void *arg, void **ret_value)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	struct pawl_result result;
	int error;

	(void)ret_value;
	error = wait_for_turn(&meet, 1);
	if (error)
		return error;
	return pawl_task_wait(rt, ring[(me + 1) % 3], PAWL_FOREVER, &result);
}

static void case_ring(void **state)
{
	static const char *const names[] = {"a", "b", "c"};
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	unsigned found = 0;

	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers++) {
		up(workers);
		found = 0;
		pawl_event_init(&meet.event);
		pawl_init_word(&meet.turn, 0u);
		for (uintptr_t i = 0; i < 3; i++) {
			options.name = names[i];
			assert_int_equal(pawl_spawn(pawl_runtime_root(rt), &options, in_ring,
						    (void *)i, &ring[i]),
					 0);
		}
		pawl_store_release(&meet.turn, 1u);
		pawl_event_notify_all(&meet.event);
		for (unsigned i = 0; i < 3; i++) {
			struct pawl_result result;

			assert_int_equal(pawl_task_wait(rt, ring[i], PAWL_FOREVER, &result), 0);
			if (result.outcome == PAWL_OUTCOME_FAILED) {
				assert_int_equal(result.error, -EDEADLK);
				assert_non_null(result.message);
				assert_non_null(strstr(result.message, " -> "));
				found++;
			}
		}
		assert_in_range(found, 1, 3);
		down();
		t_step();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_one),
		cmocka_unit_test(case_tree),
		cmocka_unit_test(case_ping_pong),
		cmocka_unit_test(case_cancel),
		cmocka_unit_test(case_virtual_time),
		cmocka_unit_test(case_yield),
		cmocka_unit_test(case_timers_beside_yielders),
		cmocka_unit_test(case_ring),
		cmocka_unit_test(case_stacks_max),
	};

	return t_run("runtime", tests);
}
