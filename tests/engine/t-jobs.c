/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-jobs.c - pawl/jobs.h: edges between busy and idle, in order and none lost; waits; updates in virtual time.
 */
#include "harness.h"

#include <errno.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/jobs.h>
#include <pawl/join.h>
#include <pawl/runtime.h>

static struct pawl_runtime *rt;
static struct pawl_group *root;
static struct pawl_atomic_u64 virtual_ns;
static struct pawl_atomic_u32 inside, edges, last_busy;

static uint64_t virtual_now(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&virtual_ns);
}

static void up(uint32_t workers, bool clock)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	options.workers = workers;
	if (clock)
		options.now = virtual_now;
	pawl_store_relaxed(&virtual_ns, 100u);
	pawl_store_relaxed(&inside, 0u);
	pawl_store_relaxed(&edges, 0u);
	pawl_store_relaxed(&last_busy, 0u);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
	root = pawl_runtime_root(rt);
}

static void down(void)
{
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
}

static void advance_to(uint64_t ns)
{
	pawl_store_relaxed(&virtual_ns, ns);
	pawl_runtime_clock_moved(rt);
}

/* By turns, busy first, one at a time. */
static void count_edge(void *arg, bool busy)
{
	t_check(arg == &edges);
	t_check(pawl_xchg_relaxed(&inside, 1u) == 0);
	t_check(pawl_load_relaxed(&last_busy) != busy);
	pawl_store_relaxed(&last_busy, busy);
	pawl_add_relaxed(&edges, 1u);
	pawl_store_relaxed(&inside, 0u);
}

static void case_edges(void **state)
{
	(void)state;
	up(1, true);
	pawl_runtime_edges(rt, count_edge, &edges);
	assert_true(pawl_runtime_idle(rt, PAWL_JOB_FOREGROUND));
	assert_int_equal(pawl_runtime_idle_wait(rt, PAWL_JOB_FOREGROUND, 0), 0);
	pawl_job_begin(rt, PAWL_JOB_FOREGROUND);
	assert_int_equal(pawl_load_relaxed(&edges), 1);
	pawl_job_begin(rt, PAWL_JOB_FOREGROUND);
	assert_false(pawl_runtime_idle(rt, PAWL_JOB_FOREGROUND));
	t_assert_errno(pawl_runtime_idle_wait(rt, PAWL_JOB_FOREGROUND, 0), ETIMEDOUT);
	t_assert_errno(pawl_runtime_idle_wait(rt, PAWL_JOB_FOREGROUND, 7), EINVAL);
	pawl_job_finish(rt, PAWL_JOB_FOREGROUND);
	assert_int_equal(pawl_load_relaxed(&edges), 1);
	pawl_job_finish(rt, PAWL_JOB_FOREGROUND);
	assert_int_equal(pawl_load_relaxed(&edges), 2);
	assert_false(pawl_load_relaxed(&last_busy));
	assert_true(pawl_runtime_idle(rt, PAWL_JOB_FOREGROUND));
	down();
}

static void case_background(void **state)
{
	struct pawl_update update;

	(void)state;
	up(1, true);
	pawl_runtime_edges(rt, count_edge, &edges);
	pawl_job_begin(rt, PAWL_JOB_BACKGROUND);
	assert_true(pawl_runtime_idle(rt, PAWL_JOB_FOREGROUND));
	assert_false(pawl_runtime_idle(rt, PAWL_JOB_BACKGROUND));
	t_assert_errno(pawl_runtime_idle_wait(rt, PAWL_JOB_BACKGROUND, 0), ETIMEDOUT);
	pawl_job_finish(rt, PAWL_JOB_BACKGROUND);
	assert_int_equal(pawl_runtime_idle_wait(rt, PAWL_JOB_BACKGROUND, PAWL_FOREVER), 0);
	assert_int_equal(pawl_load_relaxed(&edges), 0);
	t_assert_errno(pawl_runtime_update(rt, 0, 0, &update), ETIMEDOUT);
	down();
}

/* In the edge function: a job that begins as soon as it is idle, once. */
static void begin_again(void *arg, bool busy)
{
	(void)arg;
	t_check(pawl_load_relaxed(&last_busy) != busy);
	pawl_store_relaxed(&last_busy, busy);
	if (!busy && pawl_load_relaxed(&edges) < 5)
		pawl_job_begin(rt, PAWL_JOB_FOREGROUND);
	pawl_add_relaxed(&edges, 1u);
	if (busy && pawl_load_relaxed(&edges) > 1)
		pawl_job_finish(rt, PAWL_JOB_FOREGROUND);
}

static void case_edges_nest(void **state)
{
	(void)state;
	up(1, true);
	pawl_runtime_edges(rt, begin_again, NULL);
	pawl_job_begin(rt, PAWL_JOB_FOREGROUND);
	pawl_job_finish(rt, PAWL_JOB_FOREGROUND);
	/* busy idle busy idle busy idle: one after the other, all by the last call. */
	assert_int_equal(pawl_load_relaxed(&edges), 6);
	assert_true(pawl_runtime_idle(rt, PAWL_JOB_FOREGROUND));
	down();
}

static void case_update(void **state)
{
	struct pawl_update update;

	(void)state;
	up(1, true);
	t_assert_errno(pawl_runtime_update(rt, 0, 0, &update), ETIMEDOUT);
	pawl_job_begin(rt, PAWL_JOB_FOREGROUND);
	pawl_job_begin(rt, PAWL_JOB_FOREGROUND);
	advance_to(130);
	pawl_job_finish(rt, PAWL_JOB_FOREGROUND);
	t_assert_errno(pawl_runtime_update(rt, 0, 0, &update), ETIMEDOUT);
	pawl_job_finish(rt, PAWL_JOB_FOREGROUND);
	advance_to(200);
	pawl_job_begin(rt, PAWL_JOB_FOREGROUND);
	advance_to(205);
	pawl_job_finish(rt, PAWL_JOB_FOREGROUND);
	t_assert_errno(pawl_runtime_update(rt, 5, 0, &update), EINVAL);
	t_assert_errno(pawl_runtime_update(rt, 0, 5, &update), EINVAL);
	assert_int_equal(pawl_runtime_update(rt, 0, PAWL_FOREVER, &update), 0);
	assert_int_equal(update.busy_ns, 35);
	assert_int_equal(update.jobs, 3);
	assert_int_equal(update.stretches, 2);
	assert_int_equal(update.begun_ns, 100);
	assert_int_equal(update.ended_ns, 205);
	/* Taken. */
	t_assert_errno(pawl_runtime_update(rt, 0, 0, &update), ETIMEDOUT);
	down();
}

struct asked {
	uint64_t aggregation_ns, timeout_ns;
	struct pawl_update update;
};

static int ask(void *arg, void **ret_value)
{
	struct asked *asked = arg;

	(void)ret_value;
	return pawl_runtime_update(rt, asked->aggregation_ns, asked->timeout_ns,
				   &asked->update);
}

/* All bodies sleep until `ns`, or without a deadline. */
static void quiet_wait(uint64_t ns)
{
	t_wait_until(pawl_runtime_quiet_until(rt) == ns);
	t_step();
}

static void one_job(uint64_t from_ns, uint64_t to_ns)
{
	advance_to(from_ns);
	pawl_job_begin(rt, PAWL_JOB_FOREGROUND);
	advance_to(to_ns);
	pawl_job_finish(rt, PAWL_JOB_FOREGROUND);
}

static int error_of(pawl_task_t task)
{
	struct pawl_result result;

	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
	assert_int_equal(pawl_task_drop(rt, task), 0);
	return result.error;
}

/* Aggregation: another stretch within the time puts the end off. */
static void case_aggregation(void **state)
{
	struct asked asked = {10, PAWL_FOREVER, {0, 0, 0, 0, 0}};
	pawl_task_t task;

	(void)state;
	up(1, true);
	assert_int_equal(pawl_spawn(root, NULL, ask, &asked, &task), 0);
	quiet_wait(PAWL_FOREVER);
	one_job(110, 112);
	quiet_wait(122);
	one_job(118, 120);
	quiet_wait(130);
	t_assert_errno(pawl_task_wait(rt, task, 0, NULL), ETIMEDOUT);
	advance_to(130);
	assert_int_equal(error_of(task), 0);
	assert_int_equal(asked.update.stretches, 2);
	assert_int_equal(asked.update.jobs, 2);
	assert_int_equal(asked.update.busy_ns, 4);
	assert_int_equal(asked.update.begun_ns, 110);
	assert_int_equal(asked.update.ended_ns, 120);
	down();
}

/* The timeout counts from when it is busy. */
static void case_timeout(void **state)
{
	struct asked asked = {0, 50, {0, 0, 0, 0, 0}};
	pawl_task_t task;

	(void)state;
	up(1, true);
	assert_int_equal(pawl_spawn(root, NULL, ask, &asked, &task), 0);
	quiet_wait(PAWL_FOREVER);
	advance_to(1000);
	quiet_wait(PAWL_FOREVER);
	pawl_job_begin(rt, PAWL_JOB_FOREGROUND);
	quiet_wait(1050);
	advance_to(1050);
	assert_int_equal(error_of(task), -ETIMEDOUT);
	/* Cancelled: nothing is lost. */
	asked.timeout_ns = PAWL_FOREVER;
	assert_int_equal(pawl_spawn(root, NULL, ask, &asked, &task), 0);
	quiet_wait(PAWL_FOREVER);
	assert_int_equal(pawl_task_cancel(rt, task), 0);
	assert_int_equal(error_of(task), -ECANCELED);
	pawl_job_finish(rt, PAWL_JOB_FOREGROUND);
	assert_int_equal(pawl_runtime_update(rt, 0, 0, &asked.update), 0);
	assert_int_equal(asked.update.busy_ns, 50);
	down();
}

static int wait_idle(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	return pawl_runtime_idle_wait(rt, PAWL_JOB_FOREGROUND, PAWL_FOREVER);
}

/* The moment between two jobs is enough. */
static void case_moment(void **state)
{
	pawl_task_t task;

	(void)state;
	up(1, true);
	pawl_job_begin(rt, PAWL_JOB_FOREGROUND);
	assert_int_equal(pawl_spawn(root, NULL, wait_idle, NULL, &task), 0);
	quiet_wait(PAWL_FOREVER);
	pawl_job_finish(rt, PAWL_JOB_FOREGROUND);
	pawl_job_begin(rt, PAWL_JOB_FOREGROUND);
	assert_int_equal(error_of(task), 0);
	pawl_job_finish(rt, PAWL_JOB_FOREGROUND);
	down();
}

/* ---- stress ---------------------------------------------------------------------------- */

static struct pawl_atomic_u32 under_way;
static struct pawl_atomic_u64 begun;

static void work(void *arg)
{
	unsigned rounds = *(unsigned *)arg;

	for (unsigned i = 0; i < rounds; i++) {
		pawl_job_begin(rt, PAWL_JOB_FOREGROUND);
		pawl_add_relaxed(&begun, 1u);
		pawl_add_relaxed(&under_way, 1u);
		/* No false idle: one's own job is under way. */
		t_check(!pawl_runtime_idle(rt, PAWL_JOB_FOREGROUND));
		if (t_random_below(16) == 0)
			t_yield();
		pawl_sub_relaxed(&under_way, 1u);
		pawl_job_finish(rt, PAWL_JOB_FOREGROUND);
		if (t_random_below(16) == 0)
			t_yield();
	}
}

static void wait_often(void *arg)
{
	unsigned rounds = *(unsigned *)arg;

	for (unsigned i = 0; i < rounds; i++)
		t_check(pawl_runtime_idle_wait(rt, PAWL_JOB_FOREGROUND, PAWL_FOREVER) == 0);
}

static void case_stress(void **state)
{
	unsigned rounds = t_scaled(3000), waits = t_scaled(300);
	struct pawl_update update, sum = {0, 0, 0, 0, 0};
	struct t_thread *threads[4];

	(void)state;
	up(1, false);
	pawl_init_word(&under_way, 0u);
	pawl_init_word(&begun, UINT64_C(0));
	pawl_runtime_edges(rt, count_edge, &edges);
	for (unsigned k = 0; k < 3; k++)
		threads[k] = t_thread_start(work, &rounds);
	threads[3] = t_thread_start(wait_often, &waits);
	for (unsigned k = 0; k < 4; k++) {
		if (!pawl_runtime_update(rt, 0, 0, &update)) {
			sum.jobs += update.jobs;
			sum.stretches += update.stretches;
		}
		t_thread_join(threads[k]);
		t_step();
	}
	assert_true(pawl_runtime_idle(rt, PAWL_JOB_FOREGROUND));
	assert_int_equal(pawl_load_relaxed(&under_way), 0);
	assert_false(pawl_load_relaxed(&last_busy));
	if (!pawl_runtime_update(rt, 0, 0, &update)) {
		sum.jobs += update.jobs;
		sum.stretches += update.stretches;
	}
	assert_int_equal(sum.jobs, 3 * (uint64_t)rounds);
	assert_int_equal(pawl_load_relaxed(&begun), sum.jobs);
	/* Edges that cancel each other may not have been told; what was told came in pairs. */
	assert_int_equal(pawl_load_relaxed(&edges) % 2, 0);
	assert_true(pawl_load_relaxed(&edges) >= 2);
	assert_true(pawl_load_relaxed(&edges) <= 2 * sum.stretches);
	down();
}

static void finish_none(void *arg)
{
	(void)arg;
	pawl_job_finish(rt, PAWL_JOB_FOREGROUND);
}

static void edges_twice(void *arg)
{
	pawl_runtime_edges(rt, count_edge, arg);
	pawl_runtime_edges(rt, count_edge, arg);
}

static void case_contract(void **state)
{
	(void)state;
	up(1, true);
	assert_true(t_aborts(finish_none, NULL, "a job is finished once"));
	assert_true(t_aborts(edges_twice, NULL, "edges are told to one function"));
	down();
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_edges),	    cmocka_unit_test(case_background),
		cmocka_unit_test(case_edges_nest),  cmocka_unit_test(case_update),
		cmocka_unit_test(case_aggregation), cmocka_unit_test(case_timeout),
		cmocka_unit_test(case_moment),	    cmocka_unit_test(case_stress),
		cmocka_unit_test(case_contract),
	};

	return t_run("jobs", cases);
}
