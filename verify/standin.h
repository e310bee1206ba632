/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * standin.h - a scheduler for scenarios of the engine's runtime: what worker.c says to the files around
 * it, without its queues and its sleep.
 *
 * Each thread of a scenario has a seat: what it starts waits there, in a list that nobody else looks at, and
 * is run when the thread says so, on the thread's own stack. So spawn.c, body.c, join.c, completion.c,
 * supervise.c, group.c, lifetime.c and task.c run as they are shipped, and an execution is theirs alone. A
 * scenario includes this once; what is its own stays there.
 *
 * The runtime is put together here, by hand, and taken apart: it has no worker.
 */
#ifndef VERIFY_STANDIN_H
#define VERIFY_STANDIN_H

#include "scenario.h"

#include <errno.h>

#include <pawl/group.h>
#include <pawl/join.h>

#include "../engine/runtime/host.h"
#include "../engine/runtime/worker.h"

#define STANDIN_LENT_MAX 4

struct standin_seat {
	struct eng_worker worker;
	struct eng_stack stack;
	struct eng_task *first, **end;
	bool claimed; /* the first one */
	struct eng_task *lent[STANDIN_LENT_MAX];
	unsigned lents;
};

static struct pawl_runtime *rt;
static struct standin_seat standin_seats[MC_THREADS_MAX + 1];

static struct standin_seat *standin_seat(void)
{
	return &standin_seats[mc_thread()];
}

/* ---- what worker.c and queues.c have ------------------------------------------------------------ */

struct eng_worker *eng_worker_here(void)
{
	return &standin_seat()->worker;
}

struct eng_run *eng_run_here(void)
{
	return standin_seat()->stack.run;
}

struct eng_run *eng_run_hide(void)
{
	struct eng_run *run = standin_seat()->stack.run;

	standin_seat()->stack.run = NULL;
	return run;
}

void eng_run_show(struct eng_run *run)
{
	standin_seat()->stack.run = run;
}

uint64_t eng_now(const struct pawl_runtime *runtime)
{
	(void)runtime;
	return pawl_now_ns();
}

void eng_start_many(struct pawl_runtime *runtime, struct eng_task *first)
{
	struct standin_seat *seat = standin_seat();

	(void)runtime;
	*seat->end = first;
	while (*seat->end)
		seat->end = &(*seat->end)->next;
}

void eng_start(struct pawl_runtime *runtime, struct eng_task *task)
{
	task->next = NULL;
	eng_start_many(runtime, task);
}

void eng_lend_push(struct pawl_runtime *runtime, struct eng_task *task, unsigned lane)
{
	struct standin_seat *seat = standin_seat();

	(void)runtime;
	(void)lane;
	mc_assert(seat->lents < STANDIN_LENT_MAX);
	/* As a push does. */
	memset(&task->lent, 0, sizeof(task->lent));
	seat->lent[seat->lents++] = task;
}

bool eng_claim_inline(struct eng_worker *worker, struct eng_task *task, uint32_t *ret_refs)
{
	*ret_refs = 0;
	(void)worker;
	return eng_task_claim(task);
}

void eng_stack_yield(void)
{
}

int eng_worker_init(struct eng_worker *worker, struct pawl_runtime *runtime, unsigned number)
{
	(void)worker;
	(void)runtime;
	(void)number;
	return 0;
}

void eng_worker_fini(struct eng_worker *worker)
{
	(void)worker;
}

bool eng_worker_could_run(const struct eng_worker *worker)
{
	(void)worker;
	return false;
}

void *eng_worker_main(void *arg)
{
	return arg;
}

void eng_worker_goes_on(struct eng_worker *worker)
{
	(void)worker;
}

/* ---- what watchdog.c and host.c have: none of both ---------------------------------- */

void eng_watchdog_init(struct pawl_runtime *runtime)
{
	(void)runtime;
}

void eng_watchdog_fini(struct pawl_runtime *runtime)
{
	(void)runtime;
}

int eng_host_create(struct pawl_runtime *runtime)
{
	(void)runtime;
	return -ENOTSUP;
}

void eng_host_begin(struct eng_host *host)
{
	(void)host;
}

bool eng_host_is_here(const struct eng_host *host)
{
	return host == NULL;
}

void eng_host_end(struct eng_host *host)
{
	(void)host;
}

void eng_host_destroy(struct eng_host *host)
{
	(void)host;
}

/* ---- running what waits -------------------------------------------------------------- */

/* Whatever waits at that seat, here. */
static inline void standin_run(struct standin_seat *from)
{
	struct standin_seat *seat = standin_seat();
	struct eng_task *task;

	while ((task = from->first)) {
		from->first = task->next;
		if (!from->first)
			from->end = &from->first;
		if (!from->claimed && !eng_task_claim(task)) {
			eng_task_put(rt->tasks, task, 1);
			continue;
		}
		from->claimed = false;
		eng_run_task(&seat->stack, task, task->lane, 1);
	}
}

/* What the calling thread started. */
static inline void standin_run_own(void)
{
	standin_run(standin_seat());
}

/* What setup() started: one thread of a scenario does it. */
static inline void standin_run_given(void)
{
	standin_run(&standin_seats[MC_THREADS_MAX]);
}

/* In setup(): it is as good as running. */
static inline void standin_claim_given(void)
{
	struct standin_seat *seat = &standin_seats[MC_THREADS_MAX];

	mc_assert(eng_task_claim(seat->first));
	seat->claimed = true;
}

/* In setup(): what it started so far waits at that thread's seat. */
static inline void standin_give(unsigned thread)
{
	struct standin_seat *from = &standin_seats[MC_THREADS_MAX],
			    *to = &standin_seats[thread];

	*to->end = from->first;
	to->end = from->end;
	to->claimed = from->claimed;
	from->first = NULL;
	from->end = &from->first;
	from->claimed = false;
}

/* ---- a runtime without workers --------------------------------------------------------- */

static inline void standin_setup(uint32_t tasks_max)
{
	struct eng_task *task;

	scn_attach();
	rt = pawl_mem_zalloc(sizeof(*rt), PAWL_LINE_BYTES);
	mc_assert(rt);
	mc_assert(eng_tasks_create(tasks_max, &rt->tasks) == 0);
	pawl_event_init(&rt->shutdown_done);
	eng_forest_init(&rt->forest, rt->tasks);
	mc_assert(eng_group_make(&rt->forest, NULL, "runtime", ENG_GROUP_MOST, NULL,
				 &rt->root) == 0);
	/* The records of the table are there. */
	mc_assert(eng_task_make(rt->tasks, 1, 0, &task) == 0);
	eng_task_unmake(rt->tasks, task);
	memset(standin_seats, 0, sizeof(standin_seats));
	for (unsigned i = 0; i <= MC_THREADS_MAX; i++) {
		standin_seats[i].worker.rt = rt;
		standin_seats[i].worker.stack = &standin_seats[i].stack;
		standin_seats[i].stack.worker = &standin_seats[i].worker;
		standin_seats[i].end = &standin_seats[i].first;
	}
}

/* Everything has ended, and the root has drained: what is left in queues are references. */
static inline void standin_finish(void)
{
	for (unsigned i = 0; i <= MC_THREADS_MAX; i++) {
		standin_run(&standin_seats[i]);
		for (unsigned k = 0; k < standin_seats[i].lents; k++)
			eng_task_put(rt->tasks, standin_seats[i].lent[k], 1);
	}
	mc_assert(eng_lifetime_state(&rt->root->life) == ENG_LIFETIME_DRAINED);
	eng_group_put(rt->root);
	mc_assert(rt->forest.groups == 0);
	mc_assert(eng_tasks_live(rt->tasks) == 0);
	eng_tasks_destroy(rt->tasks);
	pawl_mem_free(rt, sizeof(*rt), PAWL_LINE_BYTES);
	pawl_thread_detach();
}

#endif
