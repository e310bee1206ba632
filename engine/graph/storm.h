/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storm.h - tasks that run again and again because of what runs themselves change.
 *
 * Reading and calling alone come to an end. What does not is a task that changes what it depends on: it sets a state,
 * or invalidates somebody, or has an effect applied that does; or one of a ring that is found only by who brings back a
 * cell (finish.c). Such a change is from inside; edits, invalidations and states that are set by anybody else are from outside. A task that has run again after more than storm_runs
 * changes from inside, since the last one from outside, is in a storm: its next run fails.
 */
#ifndef ENG_STORM_H
#define ENG_STORM_H

#include <pawl/atomic.h>
#include <pawl/lock.h>

#include "history.h"

struct eng_graph;
struct eng_node;
struct eng_op;
struct pawl_context;

/* Somebody calls a function of an effect's target: what that changes is from inside. On its stack. */
struct eng_effect_call {
	struct eng_effect_call *next;
	const void *body; /* struct eng_run; NULL: a thread's own, of that slot */
	unsigned slot;
};

struct eng_storms {
	/* Re-runs from which on it is one; UINT32_MAX: nobody counts. Never changes. */
	uint32_t most;
	/* Above that many changes from inside tasks are looked at. Never changes. */
	uint32_t look_above;
	/*
	 * In the upper half how many changes from outside there were, in the lower one how many from inside since. Relaxed:
	 * written before what is changed makes a task dirty, read under that one's lock.
	 */
	struct pawl_atomic_u64 changes;
	/* How many calls there are. Relaxed: who looks for its own has written it. */
	struct pawl_atomic_u32 calls_n;
	struct pawl_lock lock;
	/* Under the lock. */
	struct eng_effect_call *calls;
	eng_id *failed; /* tasks, to be tried again after a change from outside */
	uint32_t failed_n, failed_capacity;
};

/* A field of the tail, POINTER: of a task that may be in one. Under its lock. */
struct eng_storm {
	uint64_t changes; /* when it was last counted */
	uint32_t count;	  /* re-runs since the change from outside that is in `changes` */
	bool over;	  /* more than that: it stays as it is until the next one */
	struct eng_cause next, last; /* of the run to come, of the one that was counted last */
};

/* `most` 0: never. */
void eng_storms_init(struct eng_storms *storms, uint32_t most);
void eng_storms_fini(struct eng_storms *storms);

/* Is anybody to be looked at? */
static inline bool eng_storm_suspects(const struct eng_storms *storms)
{
	return (uint32_t)pawl_load_relaxed(&storms->changes) > storms->look_above;
}

/*
 * eng_change_by() - Is what the caller changes from inside? ret_by: by which task; 0: by an effect.
 *
 * Requires: no record locked.
 */
bool eng_change_by(struct eng_graph *graph, eng_id *ret_by);
/* eng_storm_change() - Something changes. Requires: before anybody is made dirty by that. */
void eng_storm_change(struct eng_graph *graph, bool inside);
/* eng_storm_clear() - The same from outside was done: who failed by a storm runs again. No lock held. */
void eng_storm_clear(struct eng_op *op);

/* The functions of an effect's target are called, until eng_effect_left(). The engine's or the program's thread. */
void eng_effect_enter(struct eng_graph *graph, struct eng_effect_call *call);
void eng_effect_left(struct eng_graph *graph, struct eng_effect_call *call);

/* All below are for suspects. Locked; the first two move fields. */
/* eng_storm_cause() - It is made dirty because of op->cause. */
void eng_storm_cause(struct eng_op *op, struct eng_node *node);
/* eng_storm_count() - It is to run again. */
void eng_storm_count(struct eng_graph *graph, struct eng_node *node);
bool eng_storm_is_over(const struct eng_graph *graph, const struct eng_node *node);
void eng_storm_forget(struct eng_node *node);
void eng_storm_free(struct eng_node *node);

/* eng_storm_fail() - Of a run that is in one: its error. Returns: 0: it is over by now, run the body. */
int eng_storm_fail(struct pawl_context *context);

#endif
