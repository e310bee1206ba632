/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-blocking.c - pawl_blocking(): bodies wait, workers go on; more calls than threads; requests to end.
 */
#include "harness.h"

#include <errno.h>
#include <pthread.h>

#include <pawl.h>
#include <pawl/join.h>
#include <pawl/runtime.h>

static struct pawl_runtime *rt;
static struct pawl_atomic_u32 inside, most_inside, ran, go;

static pthread_t worker_thread;

static void note_worker(void *arg, unsigned worker)
{
	(void)arg;
	t_check(worker == 0);
	worker_thread = pthread_self();
}

static void up(uint32_t threads)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	options.workers = 1;
	options.blocking_max = threads;
	options.thread_start = note_worker;
	pawl_store_relaxed(&inside, 0u);
	pawl_store_relaxed(&most_inside, 0u);
	pawl_store_relaxed(&ran, 0u);
	pawl_store_relaxed(&go, 0u);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
}

static void down(void)
{
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
}

static int block(void *arg)
{
	uint32_t now = pawl_add_relaxed(&inside, 1u) + 1;
	uint32_t most = pawl_load_relaxed(&most_inside);

	t_check(!pthread_equal(pthread_self(), worker_thread));
	while (now > most && !pawl_cas_weak_relaxed(&most_inside, &most, now))
		;
	while (!pawl_load_acquire(&go))
		t_yield();
	pawl_sub_relaxed(&inside, 1u);
	pawl_add_relaxed(&ran, 1u);
	return (int)(intptr_t)arg;
}

static int caller(void *arg, void **ret_value)
{
	(void)ret_value;
	return pawl_blocking(rt, block, arg);
}

static int opener(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_store_release(&go, 1u);
	return 0;
}

static pawl_task_t spawn(pawl_body_fn *body, void *arg)
{
	pawl_task_t task;

	assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, body, arg, &task), 0);
	return task;
}

static struct pawl_result wait_for(pawl_task_t task)
{
	struct pawl_result result;

	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
	assert_int_equal(pawl_task_drop(rt, task), 0);
	return result;
}

/* The one worker runs the body that lets the calls go. */
static void case_workers_go_on(void **state)
{
	pawl_task_t tasks[20];

	(void)state;
	for (uint32_t threads = 1; threads <= 5; threads += 2) {
		up(threads);
		for (intptr_t i = 0; i < 20; i++)
			tasks[i] = spawn(caller, (void *)(i ? -i : 0));
		t_wait_until(pawl_load_relaxed(&inside) == threads);
		wait_for(spawn(opener, NULL));
		for (int i = 0; i < 20; i++) {
			struct pawl_result result = wait_for(tasks[i]);

			assert_int_equal(result.outcome,
					 i ? PAWL_OUTCOME_FAILED : PAWL_OUTCOME_COMPLETED);
			assert_int_equal(result.error, -i);
		}
		assert_int_equal(pawl_load_relaxed(&most_inside), threads);
		down();
		t_step();
	}
}

/* Threads that begin at once, for bodies of several workers. */
static int quick_call(void *arg)
{
	(void)arg;
	return 0;
}

static int quick_caller(void *arg, void **ret_value)
{
	(void)ret_value;
	return pawl_blocking(rt, quick_call, arg);
}

static void case_many_begin_at_once(void **state)
{
	(void)state;
	for (unsigned round = t_scaled(50); round; round--) {
		struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
		pawl_task_t tasks[12];

		options.workers = 4;
		options.blocking_max = 3;
		assert_int_equal(pawl_runtime_create(&options, &rt), 0);
		for (unsigned i = 0; i < 12; i++)
			tasks[i] = spawn(quick_caller, NULL);
		for (unsigned i = 0; i < 12; i++)
			assert_int_equal(wait_for(tasks[i]).outcome, PAWL_OUTCOME_COMPLETED);
		down();
		t_step();
	}
}

static int read_in_call(void *arg)
{
	(void)arg;
	pawl_rcu_idle_leave();
	pawl_rcu_begin();
	pawl_rcu_end();
	pawl_rcu_idle_enter();
	return -EXFULL;
}

static int read_caller(void *arg, void **ret_value)
{
	(void)ret_value;
	return pawl_blocking(rt, read_in_call, arg);
}

static void case_it_may_read(void **state)
{
	(void)state;
	up(2);
	assert_int_equal(wait_for(spawn(read_caller, NULL)).error, -EXFULL);
	down();
}

static int here(void *arg)
{
	*(pthread_t *)arg = pthread_self();
	return 7;
}

static void case_outside_of_bodies(void **state)
{
	pthread_t thread;

	(void)state;
	up(1);
	assert_int_equal(pawl_blocking(rt, here, &thread), 7);
	assert_true(pthread_equal(thread, pthread_self()));
	down();
}

/* What has begun is waited for; what has not is taken back. */
static void case_cancelled(void **state)
{
	pawl_task_t first, second, third;
	struct pawl_result result;

	(void)state;
	for (unsigned force = 0; force < 2; force++) {
		up(1);
		first = spawn(caller, NULL);
		t_wait_until(pawl_load_relaxed(&inside) == 1);
		second = spawn(caller, NULL);
		third = spawn(caller, NULL);
		if (force) {
			assert_int_equal(pawl_task_force(rt, second), 0);
			assert_int_equal(pawl_task_force(rt, first), 0);
		} else {
			assert_int_equal(pawl_task_cancel(rt, second), 0);
			assert_int_equal(pawl_task_cancel(rt, first), 0);
		}
		result = wait_for(second);
		/* It may have been told before its first step. */
		assert_true(result.outcome == PAWL_OUTCOME_CANCELLED ||
			    (force && result.outcome == PAWL_OUTCOME_ABORTED));
		t_assert_errno(pawl_task_result(rt, first, &result), EINPROGRESS);
		pawl_store_release(&go, 1u);
		assert_int_equal(wait_for(first).outcome, PAWL_OUTCOME_COMPLETED);
		assert_int_equal(wait_for(third).outcome, PAWL_OUTCOME_COMPLETED);
		assert_int_equal(pawl_load_relaxed(&ran), 2);
		down();
		t_step();
	}
}

static void case_refused(void **state)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	(void)state;
	options.blocking_max = 4097;
	assert_int_equal(pawl_runtime_create(&options, &rt), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_workers_go_on),
		cmocka_unit_test(case_it_may_read),
		cmocka_unit_test(case_many_begin_at_once),
		cmocka_unit_test(case_outside_of_bodies),
		cmocka_unit_test(case_cancelled),
		cmocka_unit_test(case_refused),
	};

	return t_run("blocking", tests);
}
