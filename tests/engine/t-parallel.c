/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-parallel.c - pawl/parallel.h: every job once, with and without workers to help, in bodies and outside of
 * them, and whatever jobs do.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/parallel.h>
#include <pawl/runtime.h>

#define JOBS 1000

static struct pawl_runtime *rt;
static struct pawl_group *root;
static struct pawl_atomic_u32 ran, go, inits;
static struct pawl_atomic_u32 seen[1 << 15];

static void up(uint32_t workers)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	options.workers = workers;
	pawl_store_relaxed(&ran, 0u);
	pawl_store_relaxed(&go, 0u);
	pawl_store_relaxed(&inits, 0u);
	for (unsigned i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		pawl_store_relaxed(&seen[i], 0u);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
	root = pawl_runtime_root(rt);
}

static void down(void)
{
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
}

/* Calls fn(arg), outside of bodies or in one, which is waited for. */
struct call {
	void (*fn)(void *arg);
	void *arg;
};

static int call_body(void *arg, void **ret_value)
{
	struct call *call = arg;

	(void)ret_value;
	call->fn(call->arg);
	return 0;
}

static void call_in(bool in_body, void (*fn)(void *arg), void *arg)
{
	struct call call = {fn, arg};
	struct pawl_result result;
	pawl_task_t task;

	if (!in_body) {
		fn(arg);
		return;
	}
	assert_int_equal(pawl_spawn(root, NULL, call_body, &call, &task), 0);
	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
	assert_int_equal(result.outcome, PAWL_OUTCOME_COMPLETED);
	assert_int_equal(pawl_task_drop(rt, task), 0);
}

/* ---- a known number ---------------------------------------------------------------------- */

static int mark(void *arg, size_t index)
{
	(void)arg;
	pawl_add_relaxed(&seen[index], 1u);
	return 0;
}

static void mark_all(void *arg)
{
	size_t n = *(size_t *)arg, failed = 0;

	t_check(pawl_parallel(root, n, mark, NULL, &failed) == 0);
	t_check(failed == n);
}

static void case_each_once(void **state)
{
	static const size_t counts[] = {0, 1, 2, JOBS};

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers++) {
		for (unsigned i = 0; i < 8; i++) {
			size_t n = counts[i / 2];

			up(workers);
			call_in(i % 2, mark_all, &n);
			for (size_t k = 0; k < JOBS; k++)
				assert_int_equal(pawl_load_relaxed(&seen[k]), k < n);
			down();
			t_step();
		}
	}
}

static int fail_some(void *arg, size_t index)
{
	(void)arg;
	pawl_add_relaxed(&seen[index], 1u);
	if (index == 501)
		return -EDOM;
	return index == 500 ? -ERANGE : 0;
}

/*
 * The caller, which is in no body, waits in its first job until a helper has left one: so there is one that
 * does, whoever comes first.
 */
static int exit_some(void *arg, size_t index)
{
	struct pawl_atomic_u32 *left = arg; /* index + 1 of the job that was left; 0: none */
	uint32_t none = 0;

	pawl_add_relaxed(&seen[index], 1u);
	if (!pawl_task_self().pawl_id)
		t_wait_until(pawl_load_relaxed(left));
	else if (pawl_cas_relaxed(left, &none, (uint32_t)index + 1))
		pawl_exit(-EILSEQ, "left");
	return 0;
}

static void fail_all(void *arg)
{
	size_t failed;

	(void)arg;
	t_check(pawl_parallel(root, JOBS, fail_some, NULL, &failed) == -ERANGE);
	t_check(failed == 500);
}

static void case_first_failure_by_index(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers++) {
		for (unsigned in_body = 0; in_body < 2; in_body++) {
			up(workers);
			call_in(in_body, fail_all, NULL);
			for (size_t k = 0; k < JOBS; k++)
				assert_int_equal(pawl_load_relaxed(&seen[k]), 1);
			down();
			t_step();
		}
	}
}

/* A job that leaves its helper's body has failed; the others run all the same. */
static void case_job_that_exits(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		struct pawl_atomic_u32 left;
		size_t failed;

		up(2);
		pawl_init_word(&left, 0u);
		assert_int_equal(pawl_parallel(root, 100, exit_some, &left, &failed), -EILSEQ);
		assert_int_equal(failed + 1, pawl_load_relaxed(&left));
		for (size_t k = 0; k < 100; k++)
			assert_int_equal(pawl_load_relaxed(&seen[k]), 1);
		down();
		t_step();
	}
}

/* All workers are busy with bodies that do not end before the scope does. */
static int busy(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	while (!pawl_load_acquire(&go))
		pawl_pause();
	return 0;
}

static void case_needs_no_worker(void **state)
{
	size_t n = 64;

	(void)state;
	up(2);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pawl_spawn(root, NULL, busy, NULL, NULL), 0);
	t_wait_until(pawl_load_relaxed(&ran) == 2);
	mark_all(&n);
	pawl_store_release(&go, 1u);
	down();
}

static void case_closed_group(void **state)
{
	struct pawl_group *group;
	size_t failed;

	(void)state;
	up(2);
	assert_int_equal(pawl_group_create(root, NULL, &group), 0);
	pawl_group_close(group);
	assert_int_equal(pawl_parallel(group, 10, mark, NULL, &failed), 0);
	assert_int_equal(failed, 10);
	pawl_group_put(group);
	down();
}

/* Jobs wait, and the caller is cancelled and forced meanwhile: all of them end before its frame goes. */
static struct pawl_event let_go;

static int wait_in_job(void *arg, size_t index)
{
	struct pawl_atomic_u32 *frame = arg;

	(void)index;
	pawl_add_relaxed(&ran, 1u);
	while (!pawl_load_acquire(&go)) {
		struct pawl_listener listener;

		pawl_event_listen(&let_go, &listener, "to be let go", 0);
		if (pawl_load_acquire(&go))
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
	t_check(pawl_load_relaxed(frame) == 0xf00d);
	return 0;
}

static int forced_caller(void *arg, void **ret_value)
{
	struct pawl_atomic_u32 frame;

	(void)arg;
	(void)ret_value;
	pawl_init_word(&frame, 0xf00du);
	t_check(!pawl_parallel(root, 3, wait_in_job, &frame, NULL));
	pawl_store_relaxed(&frame, 0u);
	pawl_cancelled();
	t_check(!"forced by now");
	return 0;
}

static void case_forced_caller(void **state)
{
	struct pawl_result result;
	pawl_task_t task;

	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers++) {
		up(workers);
		pawl_event_init(&let_go);
		assert_int_equal(pawl_spawn(root, NULL, forced_caller, NULL, &task), 0);
		t_wait_until(pawl_load_relaxed(&ran) >= 1);
		assert_int_equal(pawl_task_force(rt, task), 0);
		t_assert_errno(pawl_task_result(rt, task, &result), EINPROGRESS);
		pawl_store_release(&go, 1u);
		pawl_event_notify_all(&let_go);
		assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
		assert_int_equal(result.outcome, PAWL_OUTCOME_ABORTED);
		pawl_task_drop(rt, task);
		down();
		t_step();
	}
}

/* ---- jobs that find more ------------------------------------------------------------------- */

struct grown {
	unsigned kind;
	unsigned limit;
	size_t n;
	int error;
	int wanted;
	unsigned sum;
};

enum { COUNT, CASCADE, CASCADE_BREAK, BREAK_AND_ADD, FAIL_AT_0, ADD_ONE };

static int grow_run(void *arg, struct pawl_parallel_jobs *jobs, void *item, void *sum)
{
	struct grown *grown = arg;
	uintptr_t id = (uintptr_t)item;
	uint32_t before = pawl_add_relaxed(&ran, 1u);

	++*(unsigned *)sum;
	if (id < sizeof(seen) / sizeof(seen[0]))
		pawl_add_relaxed(&seen[id], 1u);
	if (grown->kind == CASCADE_BREAK && before + 1 >= grown->limit)
		return PAWL_PARALLEL_BREAK;
	switch (grown->kind) {
	case CASCADE_BREAK:
	case CASCADE:
		for (unsigned i = 0; i < 2 && 2 * id + i < grown->limit * (uintptr_t)64; i++)
			t_check(!pawl_parallel_add(jobs, (void *)(2 * id + i)));
		return 0;
	case BREAK_AND_ADD:
		for (unsigned i = 0; i < 1000; i++)
			t_check(!pawl_parallel_add(jobs, (void *)(uintptr_t)(1000 + i)));
		return PAWL_PARALLEL_BREAK;
	case FAIL_AT_0:
		return id ? PAWL_PARALLEL_BREAK : -EOWNERDEAD;
	case ADD_ONE:
		if (id < 3)
			t_check(!pawl_parallel_add(jobs, (void *)(id + 100)));
		return 0;
	default:
		return 0;
	}
}

static void grow_init(void *arg, void *sum)
{
	(void)arg;
	pawl_add_relaxed(&inits, 1u);
	*(unsigned *)sum = 0;
}

static void grow_merge(void *arg, void *into, const void *sum)
{
	(void)arg;
	*(unsigned *)into += *(const unsigned *)sum;
}

static void grow(void *arg)
{
	static void *items[JOBS];
	struct grown *grown = arg;
	struct pawl_growth how = {.size = sizeof(how),
				  .run = grow_run,
				  .arg = grown,
				  .sum_bytes = sizeof(unsigned),
				  .init = grow_init,
				  .merge = grow_merge};

	for (uintptr_t i = 0; i < grown->n; i++)
		items[i] =
			(void *)(grown->kind == CASCADE || grown->kind == CASCADE_BREAK ? i + 1
											: i);
	grown->error = pawl_parallel_grow(root, &how, items, grown->n, &grown->sum);
}

static void grow_case(struct grown plan, unsigned least, unsigned most)
{
	for (uint32_t workers = 1; workers <= 3; workers++) {
		for (unsigned in_body = 0; in_body < 2; in_body++) {
			struct grown grown = plan;

			up(workers);
			call_in(in_body, grow, &grown);
			assert_int_equal(grown.error, plan.wanted);
			/* Every job that ran is in the sum, whoever ran it. */
			assert_int_equal(grown.sum, pawl_load_relaxed(&ran));
			assert_in_range(grown.sum, least, most);
			assert_in_range(pawl_load_relaxed(&inits), 1, workers + 1);
			down();
			t_step();
		}
	}
}

static void case_grow(void **state)
{
	(void)state;
	grow_case((struct grown){.kind = COUNT, .n = JOBS}, JOBS, JOBS);
	grow_case((struct grown){.kind = COUNT, .n = 0}, 0, 0);
	/* A binary tree from 1 to 64 * 256 - 1. */
	grow_case((struct grown){.kind = CASCADE, .n = 1, .limit = 256}, 16383, 16383);
	grow_case((struct grown){.kind = CASCADE_BREAK, .n = 1, .limit = 100}, 100, 103);
	grow_case((struct grown){.kind = ADD_ONE, .n = 8}, 11, 11);
}

static void case_grow_break(void **state)
{
	(void)state;
	/* What is added after the end was decided is dropped. */
	grow_case((struct grown){.kind = BREAK_AND_ADD, .n = 64}, 1, 64);
	up(1);
	{
		struct grown grown = {.kind = BREAK_AND_ADD, .n = JOBS};

		call_in(true, grow, &grown);
		assert_int_equal(pawl_load_relaxed(&ran), 1);
	}
	down();
}

static void case_grow_fails(void **state)
{
	(void)state;
	up(1);
	{
		struct grown grown = {.kind = FAIL_AT_0, .n = 10};

		call_in(true, grow, &grown);
		assert_int_equal(grown.error, -EOWNERDEAD);
		assert_int_equal(grown.sum, 1);
	}
	down();
}

static void case_refused(void **state)
{
	struct pawl_growth how = {.size = sizeof(how)};

	(void)state;
	up(1);
	assert_int_equal(pawl_parallel_grow(root, &how, NULL, 0, NULL), -EINVAL);
	how.run = grow_run;
	how.sum_bytes = 4;
	assert_int_equal(pawl_parallel_grow(root, &how, NULL, 0, NULL), -EINVAL);
	how.size++;
	assert_int_equal(pawl_parallel_grow(root, &how, NULL, 0, NULL), -E2BIG);
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_each_once),
		cmocka_unit_test(case_first_failure_by_index),
		cmocka_unit_test(case_job_that_exits),
		cmocka_unit_test(case_needs_no_worker),
		cmocka_unit_test(case_closed_group),
		cmocka_unit_test(case_forced_caller),
		cmocka_unit_test(case_grow),
		cmocka_unit_test(case_grow_break),
		cmocka_unit_test(case_grow_fails),
		cmocka_unit_test(case_refused),
	};

	return t_run("parallel", tests);
}
