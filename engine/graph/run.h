/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.h - one execution of a task: from being scheduled to its end.
 *
 * A task has at most one run, in its field RUN, under its lock. It is a task of the runtime, so who
 * needs the result runs it, lends it priority, or waits for it by name. A stale run makes a new
 * one before it ends.
 */
#ifndef ENG_RUN_H
#define ENG_RUN_H

#include <setjmp.h>

#include <pawl/atomic.h>
#include <pawl/event.h>
#include <pawl/runtime.h>

#include "called.h"
#include "graph.h"

/* How many cells of a type a run has made. */
struct eng_counter {
	uint32_t type, count;
};

/* A cell that is being replaced, on its writer's stack. A body has one at most, so has each of its jobs. */
struct eng_replacing {
	struct eng_replacing *next;
	uint32_t cell;
};

struct eng_locals;

/* RUN, ACTIVE, what it called, and one more. */
#define ENG_RUN_FIELDS 4

struct eng_run_state {
	/* The record's, the runtime's task, and waiters. All threads. */
	struct pawl_atomic_u32 owners;
	/* 1: over: look at the task. All threads. */
	struct pawl_atomic_u32 over;
	/* How often a cell was written. Under the record's lock, read by waiters. */
	struct pawl_atomic_u32 writes;
	/* 1: its output counts though the body goes on. Stored under the record's lock, read by waiters. */
	struct pawl_atomic_u32 finished;
	/* 1: a call or a read gave nothing, since the engine stops. By the body and its jobs; relaxed: read after both. */
	struct pawl_atomic_u32 refused;
	/* Notified when over or finished, and when a cell was written. */
	struct pawl_event changed;
	struct eng_graph *graph;
	/* Its record: stays in its table while the run is in it. For the body alone. */
	struct eng_node *node;
	eng_id id;
	uint32_t priority;
	pawl_task_t task; /* of the runtime: a handle */
	/* What its body reads when it waits. Relaxed: who looks has seen that it waits. */
	struct pawl_atomic_u32 reading;
	/*
	 * It is being spawned, with the record's lock, by the thread with this number less one. `stillborn`: its group was
	 * stopped meanwhile, and it was cancelled in there (schedule.c). Relaxed: for that thread alone.
	 */
	struct pawl_atomic_u32 spawner;

	/*
	 * struct pawl_error: it brought nothing back (finish.c): for those that wait for it, nobody else hears of it. Its
	 * owner; stored, with release, before it is over.
	 */
	struct pawl_atomic_ptr failure;

	/* It runs too often, and fails (storm.c). Never changes. */
	bool storm;
	bool apart; /* it may go on for ever: not on a reader's stack. Never changes */
	/* When it began: its task failed by a ring of calls; its calls may be known, and have edges. As `called`. */
	bool was_linked, had_children;

	/*
	 * 1: it runs, else it is scheduled. By who begins it, under the record's lock, where it is not `untouched`.
	 * Relaxed: what depends on it is decided under the lock.
	 */
	struct pawl_atomic_u32 running;
	/*
	 * Its task had nothing of a run before when this one was made: it begins without a look at the record. Counts
	 * as running from then on: nothing can make it stale before it has read something. Never changes.
	 */
	bool untouched;

	/* Under the record's lock. */
	bool stale;
	bool stillborn;
	bool unwanted; /* stale since nobody wanted its task: so none follows if that is so still */
	bool session_dependent;
	bool in_ring;	  /* it found itself in one: it is tried again */
	bool invalidator; /* somebody may invalidate it at any time */
	bool planned;	  /* its body is over, and which calls are new is decided */
	struct eng_replacing *replacing; /* cells whose values are not to be read */
	/*
	 * Whom it has called. By the body alone as long as it has no jobs (`locals`); then under the lock, as the rest
	 * here.
	 */
	struct eng_called called;

	/* By its body alone; with jobs (local.c) under the record's lock. */
	struct eng_counter *counters; /* most make cells of one type: `first` */
	uint32_t counters_n, counters_capacity;
	struct eng_counter first;
	/* The record's tail while it has no other, as long as the run is in it. */
	PAWL_ALIGNED(8)
	char tail[sizeof(struct eng_tail) + ENG_RUN_FIELDS * sizeof(union eng_slot)];
	/* Its jobs. By its body alone until there is one. */
	struct eng_locals *locals;
};

/* eng_run_lock() - The record of a task whose body runs, locked by the body. */
static inline struct eng_node *eng_run_lock(const struct eng_run_state *run)
{
	pawl_lock_lock(&run->node->slot.lock);
	return run->node;
}

/* Its output counts though the body goes on. */
static inline bool eng_is_finished(const struct eng_run_state *run)
{
	return pawl_load_acquire(&run->finished);
}

void eng_run_pin(struct eng_run_state *run);
void eng_run_unpin(struct eng_run_state *run);

/* eng_run_body() - What the runtime calls. */
int eng_run_body(void *run, void **ret_value);
/* eng_run_forget() - And what it calls when that is over, or will never be. */
void eng_run_forget(void *run);

#endif
