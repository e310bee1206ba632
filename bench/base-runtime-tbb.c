/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-runtime-tbb.c - oneTBB's task_group and parallel_for, from base-runtime-cxx.cc.
 *
 * The thread that drives is one of the arena's, as in every program of TBB: with one worker nothing
 * leaves it. A batch is waited for as one group, not by a handle for each task, and a task
 * waits for tasks of its own alone: there are rows of spawn and join, and of small jobs.
 */
#include "work-runtime.h"

#include "runtime-cxx.h"

static int prepare(const struct b_case *cas, void **ret_prepared)
{
	*ret_prepared = b_tbb_make(b_workers(cas));
	return 0;
}

static void join(struct b_worker *w, uint64_t n)
{
	b_tbb_join(w->run->prepared, n);
}

static void batches(struct b_worker *w, uint64_t n)
{
	b_tbb_batches(w->run->prepared, n, b_batch(w->run->cas, n));
}

static void fib(struct b_worker *w, uint64_t n)
{
	b_tbb_fib(w->run->prepared, n, B_FIB);
}

static void jobs(struct b_worker *w, uint64_t n)
{
	b_tbb_jobs(w->run->prepared, n, B_JOB);
}

#define BOTH(BENCH, BATCH, WORK)                                                   \
	B_TASKS(BENCH, "tbb", 1, BATCH, prepare, b_tbb_drop, WORK, .enter = NULL), \
		B_TASKS(BENCH, "tbb", 2, BATCH, prepare, b_tbb_drop, WORK, .enter = NULL)

/* clang-format off */
static const struct b_case cases[] = {
	BOTH("task-join", 0, join),
	BOTH("task-join-1000", 1000, batches),
	BOTH("task-fan", 0, batches),
	BOTH("task-fib", 0, fib),
	BOTH("task-parallel", 0, jobs),
};
/* clang-format on */
B_CASES(cases)
