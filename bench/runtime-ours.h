/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runtime-ours.h - a runtime of ours for a case, and calls that do not fail.
 */
#ifndef B_RUNTIME_OURS_H
#define B_RUNTIME_OURS_H

#include "work-runtime.h"

#include <stdlib.h>

#include <pawl/join.h>
#include <pawl/runtime.h>
#include <pawl/thread.h>

struct ours {
	struct pawl_runtime *rt;
	struct pawl_group *root;
	unsigned numbers[PAWL_THREADS_MAX]; /* of workers, by their slot */
};

static inline void ours_attach(void)
{
	if (pawl_thread_attach("bench"))
		b_die("cannot attach");
}

static inline void ours_enter(struct b_worker *w)
{
	(void)w;
	ours_attach();
}

static inline void ours_leave(struct b_worker *w)
{
	(void)w;
	pawl_thread_detach();
}

static inline void worker_starts(void *arg, unsigned worker)
{
	struct ours *ours = arg;

	ours->numbers[pawl_thread_slot()] = worker;
}

static inline int ours_prepare(const struct b_case *cas, void **ret_prepared)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct ours *ours = b_alloc(sizeof(*ours));

	ours_attach();
	options.workers = b_workers(cas);
	options.thread_start = worker_starts;
	options.thread_arg = ours;
	if (pawl_runtime_create(&options, &ours->rt))
		b_die("cannot make a runtime");
	ours->root = pawl_runtime_root(ours->rt);
	pawl_thread_detach();
	*ret_prepared = ours;
	return 0;
}

static inline void ours_discard(void *prepared)
{
	struct ours *ours = prepared;
	struct pawl_shutdown_report report;

	ours_attach();
	if (pawl_runtime_shutdown(ours->rt, UINT64_C(60000000000), &report) ||
	    pawl_runtime_destroy(ours->rt))
		b_die("a runtime stays");
	pawl_thread_detach();
	free(ours);
}

/* What the first body of a bench gets. */
struct call {
	struct b_worker *w;
	struct ours *ours;
	uint64_t n;
};

static inline pawl_task_t ours_spawn(struct ours *ours, pawl_body_fn *body, void *arg)
{
	pawl_task_t task;

	if (PAWL_UNLIKELY(pawl_spawn(ours->root, NULL, body, arg, &task)))
		b_die("a spawn was refused");
	return task;
}

static inline void ours_join(struct ours *ours, pawl_task_t task)
{
	if (PAWL_UNLIKELY(pawl_task_wait(ours->rt, task, PAWL_FOREVER, NULL)))
		b_die("a wait failed");
	pawl_task_drop(ours->rt, task);
}

/* The work happens in a body, and the driving thread sleeps. */
static inline void ours_inside(struct b_worker *w, uint64_t n, pawl_body_fn *body)
{
	struct call call = {.w = w, .ours = w->run->prepared, .n = n};

	ours_join(call.ours, ours_spawn(call.ours, body, &call));
}

#define INSIDE(NAME)                                              \
	static int NAME##_first(void *arg, void **ret_value)      \
	{                                                         \
		const struct call *call = arg;                    \
                                                                  \
		(void)ret_value;                                  \
		NAME(call->w, call->ours, call->n);               \
		return 0;                                         \
	}                                                         \
	static void NAME##_inside(struct b_worker *w, uint64_t n) \
	{                                                         \
		ours_inside(w, n, NAME##_first);                  \
	}

#define OUTSIDE(NAME)                                              \
	static void NAME##_outside(struct b_worker *w, uint64_t n) \
	{                                                          \
		NAME(w, w->run->prepared, n);                      \
	}

#define OURS(BENCH, CONTENDER, WORKERS, BATCH, WORK, ...)                           \
	B_TASKS(BENCH, CONTENDER, WORKERS, BATCH, ours_prepare, ours_discard, WORK, \
		.enter = ours_enter, .leave = ours_leave, __VA_ARGS__)
/* On one worker and on two. */
#define BOTH(BENCH, CONTENDER, BATCH, WORK) \
	OURS(BENCH, CONTENDER, 1, BATCH, WORK), OURS(BENCH, CONTENDER, 2, BATCH, WORK)

#endif
