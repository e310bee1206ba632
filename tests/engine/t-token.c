/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-token.c - pawl/token.h: tokens that fire before, during and after, tokens that never do, and many
 * tasks that come and go under one that lives long.
 */
#include "harness.h"

#include <errno.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/runtime.h>
#include <pawl/timer.h>
#include <pawl/token.h>

static struct pawl_runtime *rt;
static struct pawl_group *root;
static struct pawl_token *token;
static struct pawl_atomic_u32 ran, freed, sleeping;
static struct pawl_event event;

static void up(uint32_t workers)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	options.workers = workers;
	pawl_store_relaxed(&ran, 0u);
	pawl_store_relaxed(&freed, 0u);
	pawl_store_relaxed(&sleeping, 0u);
	pawl_event_init(&event);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
	root = pawl_runtime_root(rt);
	assert_int_equal(pawl_token_create(&token), 0);
}

static void down(void)
{
	pawl_token_put(token);
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
}

static void count_freed(void *arg)
{
	(void)arg;
	pawl_add_relaxed(&freed, 1u);
}

static int run_only(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	return 0;
}

/* Sleeps until it is cancelled; nothing else wakes it. */
static int sleeper(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_release(&sleeping, 1u);
	return pawl_sleep_until(PAWL_FOREVER);
}

static pawl_task_t spawn_with(struct pawl_group *group, struct pawl_token *with,
			      pawl_body_fn *body, void *arg)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	pawl_task_t task;

	options.free_arg = count_freed;
	options.token = with;
	assert_int_equal(pawl_spawn(group, &options, body, arg, &task), 0);
	return task;
}

static enum pawl_outcome outcome_and_drop(pawl_task_t task)
{
	struct pawl_result result;

	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
	assert_int_equal(pawl_task_drop(rt, task), 0);
	t_step();
	return result.outcome;
}

static void sleepers_wait(uint32_t count)
{
	t_wait_until(pawl_load_acquire(&sleeping) == count);
}

/* ---- AT-A24 ----------------------------------------------------------------------- */

static void case_fires_before_spawn(void **state)
{
	pawl_task_t task;

	(void)state;
	up(1);
	assert_false(pawl_token_fired(token));
	assert_true(pawl_token_fire(token));
	assert_true(pawl_token_fired(token));
	assert_false(pawl_token_fire(token));
	for (unsigned i = 0; i < 100; i++) {
		task = spawn_with(root, token, run_only, NULL);
		assert_int_equal(outcome_and_drop(task), PAWL_OUTCOME_CANCELLED);
	}
	assert_int_equal(pawl_load_relaxed(&ran), 0);
	down();
	assert_int_equal(pawl_load_relaxed(&freed), 100);
}

/* Cancelled before its first step, though it was spawned before: the only worker is held up. */
static int hold(void *arg, void **ret_value)
{
	(void)ret_value;
	pawl_add_release(&sleeping, 1u);
	while (!pawl_load_acquire((struct pawl_atomic_u32 *)arg))
		t_yield();
	return 0;
}

static void case_fires_while_queued(void **state)
{
	struct pawl_atomic_u32 go;
	pawl_task_t holder, task;

	(void)state;
	up(1);
	pawl_init_word(&go, 0u);
	holder = spawn_with(root, NULL, hold, &go);
	sleepers_wait(1);
	task = spawn_with(root, token, run_only, NULL);
	assert_true(pawl_token_fire(token));
	/* At the return it is final, and nobody has run. */
	assert_int_equal(outcome_and_drop(task), PAWL_OUTCOME_CANCELLED);
	assert_int_equal(pawl_load_relaxed(&freed), 1);
	pawl_store_release(&go, 1u);
	assert_int_equal(outcome_and_drop(holder), PAWL_OUTCOME_COMPLETED);
	assert_int_equal(pawl_load_relaxed(&ran), 0);
	down();
}

static void case_fires_during(void **state)
{
	pawl_task_t tasks[3], other;

	(void)state;
	up(2);
	for (unsigned i = 0; i < 3; i++)
		tasks[i] = spawn_with(root, token, sleeper, NULL);
	other = spawn_with(root, NULL, sleeper, NULL);
	sleepers_wait(4);
	assert_true(pawl_token_fire(token));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(outcome_and_drop(tasks[i]), PAWL_OUTCOME_CANCELLED);
	/* Who is not bound is not touched. */
	t_assert_errno(pawl_task_wait(rt, other, 0, NULL), ETIMEDOUT);
	assert_int_equal(pawl_task_cancel(rt, other), 0);
	assert_int_equal(outcome_and_drop(other), PAWL_OUTCOME_CANCELLED);
	down();
}

static void case_fires_after(void **state)
{
	struct pawl_result result;
	pawl_task_t task;

	(void)state;
	up(1);
	task = spawn_with(root, token, run_only, NULL);
	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, NULL), 0);
	assert_true(pawl_token_fire(token));
	assert_int_equal(pawl_task_result(rt, task, &result), 0);
	assert_int_equal(result.outcome, PAWL_OUTCOME_COMPLETED);
	t_assert_errno(pawl_token_bind(token, rt, task), EALREADY);
	assert_int_equal(pawl_task_drop(rt, task), 0);
	t_assert_errno(pawl_token_bind(token, rt, task), ESTALE);
	t_assert_errno(pawl_token_bind(token, rt, PAWL_TASK_NONE), EINVAL);
	down();
}

static void case_never_fires(void **state)
{
	struct pawl_listener listener;
	struct pawl_token *mine;
	pawl_task_t task;

	(void)state;
	up(1);
	assert_int_equal(pawl_token_create(&mine), 0);
	task = spawn_with(root, mine, sleeper, NULL);
	sleepers_wait(1);
	pawl_token_get(mine);
	pawl_token_put(mine);
	pawl_token_put(mine);
	/* Its last handle is gone, and it goes on until somebody else ends it. */
	pawl_event_listen(&event, &listener, NULL, 0);
	pawl_event_unlisten(&listener);
	t_assert_errno(pawl_task_wait(rt, task, 0, NULL), ETIMEDOUT);
	assert_int_equal(pawl_task_cancel(rt, task), 0);
	assert_int_equal(outcome_and_drop(task), PAWL_OUTCOME_CANCELLED);
	pawl_token_put(NULL);
	pawl_token_get(NULL);
	down();
}

/* ---- binding ---------------------------------------------------------------------- */

static void case_bound_later(void **state)
{
	struct pawl_token *second;
	pawl_task_t task, late;

	(void)state;
	up(2);
	assert_int_equal(pawl_token_create(&second), 0);
	task = spawn_with(root, NULL, sleeper, NULL);
	late = spawn_with(root, NULL, sleeper, NULL);
	sleepers_wait(2);
	/* To two tokens, and twice to one: cancelled once. */
	assert_int_equal(pawl_token_bind(token, rt, task), 0);
	assert_int_equal(pawl_token_bind(token, rt, task), 0);
	assert_int_equal(pawl_token_bind(second, rt, task), 0);
	assert_true(pawl_token_fire(second));
	assert_int_equal(outcome_and_drop(task), PAWL_OUTCOME_CANCELLED);
	assert_false(pawl_token_fired(token));
	/* To one that has fired: at once. */
	assert_int_equal(pawl_token_bind(second, rt, late), 0);
	assert_int_equal(outcome_and_drop(late), PAWL_OUTCOME_CANCELLED);
	pawl_token_put(second);
	down();
}

static void case_completion(void **state)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	pawl_producer_t producer;
	pawl_task_t task;

	(void)state;
	up(1);
	options.token = token;
	assert_int_equal(pawl_completion_create(root, &options, &task, &producer), 0);
	assert_true(pawl_token_fire(token));
	t_assert_errno(pawl_complete(rt, producer, &rt), EALREADY);
	assert_int_equal(pawl_producer_drop(rt, producer), 0);
	assert_int_equal(outcome_and_drop(task), PAWL_OUTCOME_CANCELLED);
	/* Made with one that has fired it is final at the return. */
	assert_int_equal(pawl_completion_create(root, &options, &task, &producer), 0);
	t_assert_errno(pawl_complete(rt, producer, &rt), EALREADY);
	assert_int_equal(pawl_producer_drop(rt, producer), 0);
	assert_int_equal(outcome_and_drop(task), PAWL_OUTCOME_CANCELLED);
	down();
}

static int tick(void *arg, uint64_t number)
{
	(void)arg;
	(void)number;
	pawl_store_release(&sleeping, 1u);
	return 0;
}

static void case_interval(void **state)
{
	struct pawl_interval_options options = PAWL_INTERVAL_OPTIONS_INIT;
	pawl_task_t task;

	(void)state;
	up(1);
	options.period_ns = 100000;
	options.task.token = token;
	assert_int_equal(pawl_interval_spawn(root, &options, tick, NULL, &task), 0);
	sleepers_wait(1);
	assert_true(pawl_token_fire(token));
	assert_int_equal(outcome_and_drop(task), PAWL_OUTCOME_CANCELLED);
	down();
}

static void case_groups(void **state)
{
	struct pawl_group *group, *below, *late;
	pawl_task_t task, deep;

	(void)state;
	up(2);
	assert_int_equal(pawl_group_create(root, NULL, &group), 0);
	assert_int_equal(pawl_group_create(group, NULL, &below), 0);
	assert_int_equal(pawl_group_create(root, NULL, &late), 0);
	assert_int_equal(pawl_token_bind_group(token, group), 0);
	task = spawn_with(group, NULL, sleeper, NULL);
	deep = spawn_with(below, NULL, sleeper, NULL);
	sleepers_wait(2);
	assert_true(pawl_token_fire(token));
	assert_int_equal(outcome_and_drop(task), PAWL_OUTCOME_CANCELLED);
	assert_int_equal(outcome_and_drop(deep), PAWL_OUTCOME_CANCELLED);
	assert_true(pawl_group_cancelled(below));
	t_assert_errno(pawl_spawn(group, NULL, run_only, NULL, NULL), ESHUTDOWN);
	assert_int_equal(pawl_group_wait(group, PAWL_FOREVER), 0);
	assert_false(pawl_group_cancelled(late));
	assert_int_equal(pawl_token_bind_group(token, late), 0);
	assert_true(pawl_group_cancelled(late));
	assert_int_equal(pawl_group_wait(late, PAWL_FOREVER), 0);
	t_assert_errno(pawl_token_bind_group(token, late), EALREADY);
	pawl_group_put(late);
	pawl_group_put(below);
	pawl_group_put(group);
	down();
}

/* Groups that drain, or are forgotten, under a token that lives on; and the root. */
static void case_groups_come_and_go(void **state)
{
	struct pawl_group *group;
	uint64_t blocks = 0;

	(void)state;
	up(1);
	for (unsigned i = 0; i < t_scaled(1000) + 10; i++) {
		assert_int_equal(pawl_group_create(root, NULL, &group), 0);
		assert_int_equal(pawl_token_bind_group(token, group), 0);
		pawl_group_close(group);
		assert_int_equal(pawl_group_wait(group, PAWL_FOREVER), 0);
		t_assert_errno(pawl_token_bind_group(token, group), EALREADY);
		pawl_group_put(group);
		if (i == 5) {
			pawl_retire_barrier();
			blocks = t_alloc_blocks();
		}
		t_step();
	}
	pawl_retire_barrier();
	assert_true(t_alloc_blocks() <= blocks + 8);
	assert_int_equal(pawl_group_create(root, NULL, &group), 0);
	assert_int_equal(pawl_token_bind_group(token, group), 0);
	pawl_group_put(group);
	assert_int_equal(pawl_token_bind_group(token, root), 0);
	assert_true(pawl_token_fire(token));
	assert_true(pawl_group_cancelled(root));
	down();
}

/* ---- in bodies ---------------------------------------------------------------------- */

static int fire_own(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	t_check(!pawl_cancelled());
	t_check(pawl_token_fire(token));
	t_check(pawl_cancelled());
	return pawl_sleep_until(PAWL_FOREVER);
}

static int wait_for_token(void *arg, void **ret_value)
{
	int error;

	(void)ret_value;
	pawl_add_release(&sleeping, 1u);
	error = pawl_token_wait(arg, PAWL_FOREVER);
	if (!error)
		t_check(pawl_token_fired(arg));
	return error;
}

static void case_bodies(void **state)
{
	struct pawl_token *never;
	pawl_task_t task, waiter, told;

	(void)state;
	up(2);
	assert_int_equal(pawl_token_create(&never), 0);
	t_assert_errno(pawl_token_wait(token, 0), ETIMEDOUT);
	waiter = spawn_with(root, NULL, wait_for_token, token);
	told = spawn_with(root, token, wait_for_token, never);
	sleepers_wait(2);
	task = spawn_with(root, token, fire_own, NULL);
	assert_int_equal(pawl_token_wait(token, PAWL_FOREVER), 0);
	assert_int_equal(pawl_token_wait(token, 0), 0);
	assert_int_equal(outcome_and_drop(task), PAWL_OUTCOME_CANCELLED);
	assert_int_equal(outcome_and_drop(waiter), PAWL_OUTCOME_COMPLETED);
	assert_int_equal(outcome_and_drop(told), PAWL_OUTCOME_CANCELLED);
	pawl_token_put(never);
	down();
}

static void fire_in_thread(void *arg)
{
	if (pawl_token_fire(token))
		pawl_add_relaxed((struct pawl_atomic_u32 *)arg, 1u);
}

static void case_two_threads(void **state)
{
	struct pawl_atomic_u32 firsts;

	(void)state;
	for (unsigned i = 0; i < t_scaled(100); i++) {
		struct t_thread *threads[2];
		pawl_task_t tasks[4];

		up(2);
		pawl_init_word(&firsts, 0u);
		for (unsigned k = 0; k < 4; k++)
			tasks[k] = spawn_with(root, token, sleeper, NULL);
		for (unsigned k = 0; k < 2; k++)
			threads[k] = t_thread_start(fire_in_thread, &firsts);
		for (unsigned k = 0; k < 4; k++)
			assert_int_equal(outcome_and_drop(tasks[k]), PAWL_OUTCOME_CANCELLED);
		for (unsigned k = 0; k < 2; k++)
			t_thread_join(threads[k]);
		assert_int_equal(pawl_load_relaxed(&firsts), 1);
		down();
	}
}

/* ---- many ----------------------------------------------------------------------------- */

/* One token over many short tasks: what has ended leaves nothing behind. */
static void case_long_lived(void **state)
{
	unsigned rounds = t_scaled(t_long() ? 10000 : 300), each = 100;
	uint64_t blocks = 0;
	pawl_task_t task;

	(void)state;
	up(2);
	for (unsigned i = 0; i < rounds + 2; i++) {
		struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

		options.token = token;
		for (unsigned k = 1; k < each; k++)
			assert_int_equal(pawl_spawn(root, &options, run_only, NULL, NULL), 0);
		task = spawn_with(root, token, run_only, NULL);
		assert_int_equal(outcome_and_drop(task), PAWL_OUTCOME_COMPLETED);
		t_wait_until(pawl_load_acquire(&ran) == (i + 1) * each);
		/* At most what is about to leave is left: bindings go before tasks do. */
		for (;;) {
			struct pawl_runtime_stats stats;

			pawl_runtime_stats_read(rt, &stats);
			if (!stats.live)
				break;
			t_yield();
		}
		if (i == 1)
			blocks = t_alloc_blocks();
	}
	/* Stacks and caches of the runtime grow a little; 30,000 bindings would be seen. */
	assert_true(t_alloc_blocks() <= blocks + 100);
	assert_false(pawl_token_fired(token));
	down();
}

/* Spawns, ends, binds, and at some time the token fires: whoever is bound ends. */
static struct pawl_atomic_u32 spawned;

static int spawner(void *arg, void **ret_value)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	pawl_task_t task;

	(void)arg;
	(void)ret_value;
	options.token = token;
	options.free_arg = count_freed;
	for (unsigned i = 0; i < 50; i++) {
		pawl_body_fn *body = i % 3 ? run_only : sleeper;

		t_check(pawl_spawn(root, &options, body, NULL, &task) == 0);
		pawl_add_relaxed(&spawned, 1u);
		if (i % 2) {
			int error = pawl_token_bind(token, rt, task);

			t_check(!error || error == -EALREADY);
		}
		t_check(pawl_task_drop(rt, task) == 0);
	}
	return 0;
}

static void case_stress(void **state)
{
	(void)state;
	for (unsigned i = 0; i < t_scaled(100); i++) {
		pawl_task_t tasks[3];
		struct pawl_shutdown_report report;

		up(2);
		pawl_store_relaxed(&spawned, 0u);
		for (unsigned k = 0; k < 3; k++)
			tasks[k] = spawn_with(root, NULL, spawner, NULL);
		for (uint64_t turns = t_random_below(20); turns; turns--)
			t_yield();
		assert_true(pawl_token_fire(token));
		for (unsigned k = 0; k < 3; k++)
			assert_int_equal(outcome_and_drop(tasks[k]), PAWL_OUTCOME_COMPLETED);
		pawl_group_close(root);
		/* Without another cancel: sleepers are told by the token alone. */
		assert_int_equal(pawl_group_wait(root, PAWL_FOREVER), 0);
		pawl_token_put(token);
		assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, &report), 0);
		assert_int_equal(report.outcomes[PAWL_OUTCOME_COMPLETED] +
					 report.outcomes[PAWL_OUTCOME_CANCELLED],
				 pawl_load_relaxed(&spawned) + 3);
		assert_int_equal(pawl_load_relaxed(&freed), pawl_load_relaxed(&spawned) + 3);
		assert_int_equal(pawl_runtime_destroy(rt), 0);
		t_step();
	}
}

/* The runtime goes while a token that it does not know of is about to fire. */
static void case_destroyed_meanwhile(void **state)
{
	(void)state;
	for (unsigned i = 0; i < t_scaled(100); i++) {
		struct pawl_atomic_u32 firsts;
		struct t_thread *thread;

		up(2);
		pawl_init_word(&firsts, 0u);
		for (unsigned k = 0; k < 10; k++)
			assert_int_equal(
				pawl_task_drop(rt, spawn_with(root, token, sleeper, NULL)), 0);
		assert_int_equal(pawl_token_bind_group(token, root), 0);
		thread = t_thread_start(fire_in_thread, &firsts);
		assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
		assert_int_equal(pawl_runtime_destroy(rt), 0);
		t_thread_join(thread);
		assert_int_equal(pawl_load_relaxed(&firsts), 1);
		assert_int_equal(pawl_load_relaxed(&freed), 10);
		pawl_token_put(token);
		t_step();
	}
}

/* ---- no memory ------------------------------------------------------------------------ */

static int oom_bind(void)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_runtime_options runtime = PAWL_RUNTIME_OPTIONS_INIT;
	pawl_producer_t producer;
	pawl_task_t task;
	int error;

	if (pawl_thread_attach("oom"))
		return -ENOMEM;
	runtime.workers = 1;
	error = pawl_runtime_create(&runtime, &rt);
	if (error)
		goto detach;
	error = pawl_token_create(&token);
	if (error)
		goto destroy;
	options.token = token;
	error = pawl_completion_create(pawl_runtime_root(rt), &options, &task, &producer);
	if (!error) {
		error = pawl_token_bind(token, rt, task);
		if (!error)
			error = pawl_token_bind_group(token, pawl_runtime_root(rt));
		t_check(pawl_producer_drop(rt, producer) == 0);
		t_check(pawl_task_drop(rt, task) == 0);
	}
	pawl_token_put(token);
destroy:
	t_check(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL) == 0);
	t_check(pawl_runtime_destroy(rt) == 0);
detach:
	pawl_thread_detach();
	return error;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_fires_before_spawn),
		cmocka_unit_test(case_fires_while_queued),
		cmocka_unit_test(case_fires_during),
		cmocka_unit_test(case_fires_after),
		cmocka_unit_test(case_never_fires),
		cmocka_unit_test(case_bound_later),
		cmocka_unit_test(case_completion),
		cmocka_unit_test(case_interval),
		cmocka_unit_test(case_groups),
		cmocka_unit_test(case_groups_come_and_go),
		cmocka_unit_test(case_bodies),
		cmocka_unit_test(case_two_threads),
		cmocka_unit_test(case_long_lived),
		cmocka_unit_test(case_stress),
		cmocka_unit_test(case_destroyed_meanwhile),
		T_OOM(oom_bind),
	};

	return t_run("token", cases);
}
