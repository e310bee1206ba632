/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-interval.c - pawl/timer.h in virtual time: the schedule is exact, whatever calls cost.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>
#include <pawl/join.h>
#include <pawl/runtime.h>
#include <pawl/timer.h>

#define EPOCH 1000u

static struct pawl_runtime *rt;
static struct pawl_atomic_u64 virtual_ns;
static struct pawl_atomic_u32 freed;

static uint64_t virtual_now(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&virtual_ns);
}

static void up(void)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	options.workers = 2;
	options.now = virtual_now;
	pawl_store_relaxed(&virtual_ns, EPOCH);
	pawl_store_relaxed(&freed, 0u);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
}

static void down(void)
{
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
}

static void count_freed(void *arg)
{
	(void)arg;
	pawl_add_relaxed(&freed, 1u);
}

/* From deadline to deadline, until nobody has one. */
static void run_to_the_end(void)
{
	for (;;) {
		uint64_t until_ns;

		t_wait_until((until_ns = pawl_runtime_quiet_until(rt)) != 0);
		if (until_ns == PAWL_FOREVER)
			return;
		assert_true(until_ns > pawl_load_relaxed(&virtual_ns));
		pawl_store_relaxed(&virtual_ns, until_ns);
		pawl_runtime_clock_moved(rt);
		t_step();
	}
}

/* The times of the calls, and what each costs: it sleeps so long. */
struct plan {
	const uint64_t *costs;
	size_t n, calls;
	int end;
	uint64_t times[1000], ticks[1000];
};

static int tick(void *arg, uint64_t number)
{
	struct plan *plan = arg;
	size_t call = plan->calls++;

	plan->times[call] = pawl_load_relaxed(&virtual_ns) - EPOCH;
	plan->ticks[call] = number;
	if (plan->costs && plan->costs[call])
		t_check(!pawl_sleep_until(pawl_load_relaxed(&virtual_ns) + plan->costs[call]));
	return plan->calls == plan->n ? plan->end : 0;
}

static void run_plan(struct plan *plan, uint64_t period_ns, enum pawl_missed missed,
		     struct pawl_result *ret_result)
{
	struct pawl_interval_options options = PAWL_INTERVAL_OPTIONS_INIT;
	pawl_task_t task;

	up();
	options.period_ns = period_ns;
	options.missed = missed;
	options.task.free_arg = count_freed;
	assert_int_equal(
		pawl_interval_spawn(pawl_runtime_root(rt), &options, tick, plan, &task), 0);
	run_to_the_end();
	assert_int_equal(pawl_task_result(rt, task, ret_result), 0);
	assert_int_equal(pawl_load_relaxed(&freed), 1);
	assert_int_equal(pawl_task_drop(rt, task), 0);
	down();
}

static void case_exact(void **state)
{
	static struct plan plan;
	struct pawl_result result;

	(void)state;
	plan.n = 1000;
	plan.end = 1;
	run_plan(&plan, 7, PAWL_MISSED_SKIP, &result);
	assert_int_equal(result.outcome, PAWL_OUTCOME_COMPLETED);
	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(plan.times[i], 7 * i);
		assert_int_equal(plan.ticks[i], i);
	}
}

static void case_missed(void **state)
{
	static const uint64_t costs[] = {3, 3, 25, 3, 3, 3, 3, 0};
	static const struct {
		enum pawl_missed missed;
		size_t n;
		uint64_t times[7], ticks[7];
	} wanted[] = {
		{PAWL_MISSED_SKIP, 5, {0, 10, 20, 50, 60}, {0, 1, 2, 5, 6}},
		{PAWL_MISSED_BURST, 7, {0, 10, 20, 45, 48, 51, 60}, {0, 1, 2, 3, 4, 5, 6}},
		{PAWL_MISSED_DELAY, 5, {0, 10, 20, 55, 65}, {0, 1, 2, 3, 4}},
	};

	(void)state;
	for (unsigned w = 0; w < 3; w++) {
		struct plan plan = {.costs = costs, .n = wanted[w].n, .end = 1};
		struct pawl_result result;

		run_plan(&plan, 10, wanted[w].missed, &result);
		assert_int_equal(plan.calls, wanted[w].n);
		for (size_t i = 0; i < plan.calls; i++) {
			assert_int_equal(plan.times[i], wanted[w].times[i]);
			assert_int_equal(plan.ticks[i], wanted[w].ticks[i]);
		}
	}
}

/* A call that ends exactly when the next tick is due does not miss it. */
static void case_just_in_time(void **state)
{
	static const uint64_t costs[] = {10, 10, 10, 0};

	(void)state;
	for (unsigned missed = 0; missed < PAWL_MISSED_COUNT; missed++) {
		struct plan plan = {.costs = costs, .n = 4, .end = 1};
		struct pawl_result result;

		run_plan(&plan, 10, (enum pawl_missed)missed, &result);
		for (size_t i = 0; i < 4; i++)
			assert_int_equal(plan.times[i], 10 * i);
	}
}

static void case_failure_is_told(void **state)
{
	struct plan plan = {.n = 3, .end = -EIO};
	struct pawl_result result;

	(void)state;
	run_plan(&plan, 10, PAWL_MISSED_SKIP, &result);
	assert_int_equal(result.outcome, PAWL_OUTCOME_FAILED);
	assert_int_equal(result.error, -EIO);
	assert_int_equal(plan.calls, 3);
}

static void case_cancelled(void **state)
{
	struct pawl_interval_options options = PAWL_INTERVAL_OPTIONS_INIT;
	struct plan plan = {.n = 0};
	struct pawl_result result;
	pawl_task_t task;

	(void)state;
	up();
	options.period_ns = 10;
	options.first_ns = EPOCH + 500;
	assert_int_equal(
		pawl_interval_spawn(pawl_runtime_root(rt), &options, tick, &plan, &task), 0);
	t_wait_until(pawl_runtime_quiet_until(rt) == EPOCH + 500);
	assert_int_equal(pawl_task_cancel(rt, task), 0);
	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
	assert_int_equal(result.outcome, PAWL_OUTCOME_CANCELLED);
	assert_int_equal(plan.calls, 0);
	t_wait_until(pawl_runtime_quiet_until(rt) == PAWL_FOREVER);
	down();
}

/* The schedule ends with time, and the interval with it. */
static void case_end_of_time(void **state)
{
	struct plan plan = {.n = 100, .end = 1};
	struct pawl_result result;

	(void)state;
	run_plan(&plan, UINT64_MAX / 2, PAWL_MISSED_SKIP, &result);
	assert_int_equal(result.outcome, PAWL_OUTCOME_COMPLETED);
	assert_int_equal(plan.calls, 2);
}

static void case_refused(void **state)
{
	struct pawl_interval_options options = PAWL_INTERVAL_OPTIONS_INIT;
	struct pawl_group *root;

	(void)state;
	up();
	root = pawl_runtime_root(rt);
	assert_int_equal(pawl_interval_spawn(root, &options, tick, NULL, NULL), -EINVAL);
	options.period_ns = 1;
	options.missed = PAWL_MISSED_COUNT;
	assert_int_equal(pawl_interval_spawn(root, &options, tick, NULL, NULL), -EINVAL);
	options.missed = PAWL_MISSED_SKIP;
	options.size++;
	assert_int_equal(pawl_interval_spawn(root, &options, tick, NULL, NULL), -E2BIG);
	options.size -= 2;
	assert_int_equal(pawl_interval_spawn(root, &options, tick, NULL, NULL), -EINVAL);
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_exact),	     cmocka_unit_test(case_missed),
		cmocka_unit_test(case_just_in_time), cmocka_unit_test(case_failure_is_told),
		cmocka_unit_test(case_cancelled),    cmocka_unit_test(case_end_of_time),
		cmocka_unit_test(case_refused),
	};

	return t_run("interval", tests);
}
