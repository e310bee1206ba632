/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-watchdog.c - bodies that block their worker: found, told of, and a worker more meanwhile.
 */
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/runtime.h>

static struct pawl_runtime *rt;
static struct pawl_atomic_u32 ran, told, go, stage;
static uint64_t now_ns, period_ns;

static void sink(void *arg, const struct pawl_diagnostic *diagnostic)
{
	(void)arg;
	if (diagnostic->kind != PAWL_DIAGNOSTIC_BLOCKED)
		return;
	t_check(!strcmp(diagnostic->component, "runtime"));
	t_check(diagnostic->group && diagnostic->duration_ns >= period_ns);
	t_check(diagnostic->outcome == PAWL_OUTCOME_NONE && !diagnostic->error);
	/* On a loaded machine others are slow as well. */
	if (diagnostic->name && !strcmp(diagnostic->name, "blocker"))
		pawl_add_relaxed(&told, 1u);
}

static uint64_t still(void *arg)
{
	(void)arg;
	return now_ns;
}

static void up(uint32_t workers, uint64_t watchdog_ns, bool virtual)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	options.workers = workers;
	options.watchdog_ns = period_ns = watchdog_ns;
	options.sink = sink;
	if (virtual)
		options.now = still;
	pawl_store_relaxed(&ran, 0u);
	pawl_store_relaxed(&told, 0u);
	pawl_store_relaxed(&go, 0u);
	pawl_store_relaxed(&stage, 0u);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
}

static void down(void)
{
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
}

static void spawn(const char *name, pawl_body_fn *body, void *arg, pawl_task_t *ret_task)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	options.name = name;
	assert_int_equal(pawl_spawn(pawl_runtime_root(rt), &options, body, arg, ret_task), 0);
}

static void join(pawl_task_t task)
{
	struct pawl_result result;

	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
	assert_int_equal(result.outcome, PAWL_OUTCOME_COMPLETED);
	assert_int_equal(pawl_task_drop(rt, task), 0);
}

static struct pawl_runtime_stats stats(void)
{
	struct pawl_runtime_stats now;

	pawl_runtime_stats_read(rt, &now);
	return now;
}

static int count(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	return 0;
}

/* ---- found, and told ------------------------------------------------------------------ */

/* Blocks its thread until another body has run, and it was told of. */
static int block_until_told(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_store_relaxed(&stage, 1u);
	t_wait_until(pawl_load_relaxed(&ran) && pawl_load_relaxed(&told));
	return 0;
}

static void found_with(uint32_t workers, bool virtual)
{
	pawl_task_t tasks[8], other;

	up(workers, 1000000, virtual);
	for (uint32_t i = 0; i < workers; i++) {
		pawl_store_relaxed(&stage, 0u);
		spawn("blocker", block_until_told, NULL, &tasks[i]);
		t_wait_until(pawl_load_relaxed(&stage));
	}
	spawn("other", count, NULL, &other);
	join(other);
	for (uint32_t i = 0; i < workers; i++)
		join(tasks[i]);
	/* Each at most once: it was one blocking. */
	assert_in_range(pawl_load_relaxed(&told), 1, workers);
	assert_true(stats().surplus_workers >= 1 && stats().blocked >= 1);
	assert_true(stats().watchdog_looks >= 1);
	down();
}

static void case_found(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers++) {
		found_with(workers, false);
		t_step();
	}
}

/* Virtual time stands still, real time does not. */
static void case_found_in_virtual_time(void **state)
{
	(void)state;
	found_with(1, true);
}

/* In a system call. */
static int read_one(void *arg, void **ret_value)
{
	char byte;

	(void)ret_value;
	pawl_store_relaxed(&stage, 1u);
	t_check(read(*(int *)arg, &byte, 1) == 1);
	return 0;
}

static int write_one(void *arg, void **ret_value)
{
	(void)ret_value;
	t_check(write(*(int *)arg, "x", 1) == 1);
	return 0;
}

static void case_system_call(void **state)
{
	pawl_task_t reader, writer;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	up(1, 1000000, false);
	spawn("reader", read_one, &ends[0], &reader);
	t_wait_until(pawl_load_relaxed(&stage));
	spawn("writer", write_one, &ends[1], &writer);
	join(reader);
	join(writer);
	down();
	close(ends[0]);
	close(ends[1]);
}

/* What a body spawned before it blocks: its own queue, and others' reach. */
static int spawn_and_block(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	for (unsigned i = 0; i < 10; i++)
		t_check(!pawl_spawn(pawl_runtime_root(rt), NULL, count, NULL, NULL));
	t_wait_until(pawl_load_relaxed(&ran) == 10);
	return 0;
}

static void case_own_spawns(void **state)
{
	pawl_task_t task;

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		up(workers, 1000000, false);
		spawn("spawner", spawn_and_block, NULL, &task);
		join(task);
		down();
		t_step();
	}
}

/* ---- the surplus worker ------------------------------------------------------------------ */

static struct pawl_event event;

/* Waits, as a body should, and then spawns one for itself and one for all. */
static int wait_then_spawn(void *arg, void **ret_value)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_listener listener;

	(void)arg;
	(void)ret_value;
	pawl_event_listen(&event, &listener, "go", 0);
	pawl_add_relaxed(&stage, 1u);
	t_check(!pawl_wait(&listener, PAWL_FOREVER));
	t_check(!pawl_spawn(pawl_runtime_root(rt), NULL, count, NULL, NULL));
	options.flags = PAWL_TASK_LOCAL;
	t_check(!pawl_spawn(pawl_runtime_root(rt), &options, count, NULL, NULL));
	return 0;
}

static int block_until_go(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&stage, 1u);
	t_wait_until(pawl_load_relaxed(&go));
	return 0;
}

/* Bodies that began on a surplus worker end there, when it does not count any more. */
static void case_retired(void **state)
{
	pawl_task_t blocked, waiters[5];

	(void)state;
	for (unsigned round = 0; round < 5; round++) {
		up(1, 1000000, round & 1);
		pawl_event_init(&event);
		spawn("blocked", block_until_go, NULL, &blocked);
		t_wait_until(pawl_load_relaxed(&stage) == 1);
		for (unsigned i = 0; i < 5; i++)
			spawn("waiter", wait_then_spawn, NULL, &waiters[i]);
		t_wait_until(pawl_load_relaxed(&stage) == 6);
		pawl_store_relaxed(&go, 1u);
		join(blocked);
		t_wait_until(pawl_runtime_quiet_until(rt) == PAWL_FOREVER);
		pawl_event_notify_all(&event);
		for (unsigned i = 0; i < 5; i++)
			join(waiters[i]);
		t_wait_until(pawl_load_relaxed(&ran) == 10);
		/* And what comes now is run as if it had never been. */
		spawn("other", count, NULL, &blocked);
		join(blocked);
		down();
		t_step();
	}
}

/* As many again, at least 4: then there is nobody left to start anything. */
static void case_bound(void **state)
{
	pawl_task_t tasks[5], other;

	(void)state;
	up(1, 1000000, false);
	for (unsigned i = 0; i < 5; i++)
		spawn("blocked", block_until_go, NULL, &tasks[i]);
	t_wait_until(pawl_load_relaxed(&stage) == 5);
	assert_int_equal(stats().surplus_workers, 4);
	spawn("other", count, NULL, &other);
	t_wait_until(stats().blocked == 5);
	assert_int_equal(pawl_load_relaxed(&ran), 0);
	pawl_store_relaxed(&go, 1u);
	for (unsigned i = 0; i < 5; i++)
		join(tasks[i]);
	join(other);
	assert_int_equal(stats().surplus_workers, 4);
	down();
}

/* Again and again: workers are not added for ever. */
static void case_again(void **state)
{
	pawl_task_t blocked, other;

	(void)state;
	up(1, 1000000, false);
	for (unsigned i = 0; i < t_scaled(20); i++) {
		pawl_store_relaxed(&go, 0u);
		pawl_store_relaxed(&stage, 0u);
		spawn("blocked", block_until_go, NULL, &blocked);
		t_wait_until(pawl_load_relaxed(&stage) == 1);
		spawn("other", count, NULL, &other);
		join(other);
		pawl_store_relaxed(&go, 1u);
		join(blocked);
		t_step();
	}
	assert_in_range(stats().surplus_workers, 1, 4);
	down();
}

/* ---- not found ------------------------------------------------------------------------------ */

static int wake_and_end(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	return pawl_sleep_until(pawl_deadline_in(1000));
}

/* A worker that sleeps is there for each start: the watchdog never looks. */
static void case_idle(void **state)
{
	unsigned threads;

	(void)state;
	up(2, 1, false);
	t_wait_until(pawl_runtime_quiet_until(rt) == PAWL_FOREVER);
	threads = t_tasks();
	for (unsigned i = 0; i < t_scaled(200); i++) {
		pawl_task_t task;

		spawn("sleeper", wake_and_end, NULL, &task);
		join(task);
		t_wait_until(pawl_runtime_quiet_until(rt) == PAWL_FOREVER);
	}
	assert_int_equal(stats().watchdog_looks, 0);
	/* Nor is there one. */
	assert_int_equal(t_tasks(), threads);
	down();
}

/* A start from outside goes to a worker that has nothing to do, not behind one that has. */
static void case_empty_worker_first(void **state)
{
	pawl_task_t blocked, other;

	(void)state;
	up(2, PAWL_FOREVER, false);
	for (unsigned i = 0; i < t_scaled(100); i++) {
		pawl_store_relaxed(&go, 0u);
		pawl_store_relaxed(&stage, 0u);
		spawn("blocked", block_until_go, NULL, &blocked);
		t_wait_until(pawl_load_relaxed(&stage) == 1);
		spawn("other", count, NULL, &other);
		t_wait_until(pawl_load_relaxed(&ran) == i + 1);
		pawl_store_relaxed(&go, 1u);
		join(other);
		join(blocked);
		t_step();
	}
	assert_int_equal(stats().surplus_workers, 0);
	assert_int_equal(stats().watchdog_looks, 0);
	down();
}

/* ---- its end ---------------------------------------------------------------------------------- */

struct named {
	char name[16];
};

static void named_free(void *arg)
{
	memset(arg, 'x', sizeof(struct named));
	free(arg);
}

/* The body may return as soon as its telling has begun; its name stays until that is over. */
static void slow_sink(void *arg, const struct pawl_diagnostic *diagnostic)
{
	(void)arg;
	if (diagnostic->kind != PAWL_DIAGNOSTIC_BLOCKED || !diagnostic->name ||
	    strcmp(diagnostic->name, "slow") != 0)
		return;
	pawl_store_relaxed(&go, 1u);
	for (unsigned i = 0; i < 1000; i++) {
		t_check(!strcmp(diagnostic->name, "slow"));
		t_check(diagnostic->group == pawl_runtime_root(rt));
		t_yield();
	}
	pawl_add_relaxed(&told, 1u);
}

static void case_told_while_it_ends(void **state)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_task_options task_options = PAWL_TASK_OPTIONS_INIT;

	(void)state;
	options.workers = 1;
	options.watchdog_ns = 1000000;
	options.sink = slow_sink;
	task_options.free_arg = named_free;
	for (unsigned i = 0; i < t_scaled(20); i++) {
		struct named *named = malloc(sizeof(*named));
		pawl_task_t task, other;

		assert_non_null(named);
		strcpy(named->name, "slow");
		task_options.name = named->name;
		/* A new one: a surplus worker of the turn before might run it, and the worker the other. */
		assert_int_equal(pawl_runtime_create(&options, &rt), 0);
		pawl_store_relaxed(&go, 0u);
		pawl_store_relaxed(&stage, 0u);
		pawl_store_relaxed(&told, 0u);
		assert_int_equal(pawl_spawn(pawl_runtime_root(rt), &task_options,
					    block_until_go, named, &task),
				 0);
		t_wait_until(pawl_load_relaxed(&stage));
		spawn("other", count, NULL, &other);
		join(task);
		/* It has ended, so it has been told of. */
		assert_int_equal(pawl_load_relaxed(&told), 1);
		join(other);
		down();
		t_step();
	}
}

/* Perhaps after the end has begun. */
static int spawn_some(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	for (unsigned i = 0; i < 10; i++)
		(void)!pawl_spawn(pawl_runtime_root(rt), NULL, count, NULL, NULL);
	t_wait_until(pawl_load_relaxed(&ran) >= 10 || pawl_cancelled());
	return 0;
}

/* A runtime ends beside a watchdog that has just been armed, and with surplus workers. */
static void case_shutdown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < t_scaled(50); i++) {
		pawl_task_t tasks[6];

		up(1 + i % 2, 1 + i * 1000, i & 1);
		for (unsigned k = 0; k < 6; k++)
			spawn("spawner", k ? count : spawn_some, NULL, &tasks[k]);
		for (unsigned k = i % 7; k < 6; k++)
			assert_int_equal(pawl_task_wait(rt, tasks[k], PAWL_FOREVER, NULL), 0);
		down();
		t_step();
	}
}

/* One that never comes back: the runtime stays until it does. */
static void case_stuck(void **state)
{
	pawl_task_t task, other;

	(void)state;
	up(1, 1000000, false);
	spawn("blocked", block_until_go, NULL, &task);
	t_wait_until(pawl_load_relaxed(&stage));
	spawn("other", count, NULL, &other);
	join(other);
	t_assert_errno(pawl_runtime_shutdown(rt, 0, NULL), EBUSY);
	t_assert_errno(pawl_runtime_destroy(rt), EBUSY);
	pawl_store_relaxed(&go, 1u);
	t_wait_until(!pawl_runtime_destroy(rt));
}

/* ---- signals ----------------------------------------------------------------------------------- */

static int look_at_mask(void *arg)
{
	sigset_t mask;

	(void)arg;
	t_check(!pthread_sigmask(SIG_BLOCK, NULL, &mask));
	t_check(sigismember(&mask, SIGUSR1) && sigismember(&mask, SIGTERM));
	t_check(sigismember(&mask, SIGALRM) && sigismember(&mask, SIGCHLD));
	t_check(!sigismember(&mask, SIGSEGV) && !sigismember(&mask, SIGBUS));
	pawl_add_relaxed(&ran, 1u);
	return 0;
}

static int look_in_body(void *arg, void **ret_value)
{
	(void)ret_value;
	look_at_mask(arg);
	return pawl_blocking(rt, look_at_mask, NULL);
}

static void sink_looks_at_mask(void *arg, const struct pawl_diagnostic *diagnostic)
{
	if (diagnostic->kind != PAWL_DIAGNOSTIC_BLOCKED)
		return;
	look_at_mask(arg);
	pawl_store_relaxed(&go, 1u);
}

/* No handler of the program runs on a thread of the runtime; its own threads' masks stay. */
static void case_signals(void **state)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	sigset_t before, after;
	pawl_task_t task, other;

	(void)state;
	pthread_sigmask(SIG_BLOCK, NULL, &before);
	options.workers = 1;
	options.watchdog_ns = 1000000;
	options.sink = sink_looks_at_mask;
	pawl_store_relaxed(&ran, 0u);
	pawl_store_relaxed(&go, 0u);
	pawl_store_relaxed(&stage, 0u);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
	spawn("looks", look_in_body, NULL, &task);
	join(task);
	spawn("blocked", block_until_go, NULL, &task);
	t_wait_until(pawl_load_relaxed(&stage));
	spawn("looks", look_in_body, NULL, &other);
	join(task);
	join(other);
	down();
	assert_true(pawl_load_relaxed(&ran) >= 5);
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	for (int sig = 1; sig < 32; sig++)
		assert_int_equal(sigismember(&before, sig), sigismember(&after, sig));
}

/* A worker that cannot be added is not: what waits, waits for the blocked one. */
static int oom_surplus(void)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	pawl_task_t tasks[2] = {PAWL_TASK_NONE, PAWL_TASK_NONE};
	int error = pawl_thread_attach("oom");

	if (error)
		return error;
	options.workers = 1;
	options.watchdog_ns = 1000;
	pawl_store_relaxed(&go, 0u);
	error = pawl_runtime_create(&options, &rt);
	if (!error) {
		error = pawl_spawn(pawl_runtime_root(rt), NULL, block_until_go, NULL,
				   &tasks[0]);
		if (!error)
			error = pawl_spawn(pawl_runtime_root(rt), NULL, count, NULL, &tasks[1]);
		while (!error && !stats().blocked && !t_alloc_failed())
			t_yield();
		pawl_store_relaxed(&go, 1u);
		if (tasks[1].pawl_id)
			t_check(!pawl_task_wait(rt, tasks[1], PAWL_FOREVER, NULL));
		t_check(!pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL));
		t_check(!pawl_runtime_destroy(rt));
	}
	pawl_thread_detach();
	return error;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_found),
		cmocka_unit_test(case_found_in_virtual_time),
		cmocka_unit_test(case_system_call),
		cmocka_unit_test(case_own_spawns),
		cmocka_unit_test(case_retired),
		cmocka_unit_test(case_bound),
		cmocka_unit_test(case_again),
		cmocka_unit_test(case_idle),
		cmocka_unit_test(case_empty_worker_first),
		cmocka_unit_test(case_told_while_it_ends),
		cmocka_unit_test(case_shutdown),
		cmocka_unit_test(case_stuck),
		cmocka_unit_test(case_signals),
		T_OOM(oom_surplus),
	};

	return t_run("watchdog", tests);
}
