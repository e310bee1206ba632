/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wait.h - waiting for a task: until its run is over or has written a cell, or until it is clean.
 *
 * What is waited for is noted under the task's lock, and slept for after it was given back; then the reader
 * looks again.
 */
#ifndef ENG_WAIT_H
#define ENG_WAIT_H

#include "context.h"

struct eng_wait {
	struct eng_run_state *run; /* pinned; NULL: none */
	bool cell;		   /* a cell will do */
	bool finished;		   /* that it counts as over will do */
	uint32_t writes;	   /* of cells, when it was looked at */
	struct eng_clean *clean;   /* pinned; NULL: not waited for */
	eng_id id;		   /* of what is to be clean */
	char *ring;		   /* after -EDEADLK; NULL: none */
	uint32_t cursor; /* kept from wait to wait: where the next search below it begins */
};

/* All zero to begin with. Under the lock. */
void eng_wait_run(struct eng_wait *wait, struct eng_run_state *run, bool cell);
void eng_wait_clean(struct eng_wait *wait, struct eng_node *node);

/*
 * eng_wait() - Sleep; run it here if nobody has begun.
 *
 * Requires: no lock held, outside of operations.
 * Errors:   -ECANCELED; -EDEADLK: those who wait for each other are in a ring, the caller among them.
 */
PAWL_MUST_CHECK int eng_wait(struct eng_wait *wait, struct pawl_context *context);
/* eng_wait_failure() - What was waited for brought nothing back, for this reason; pinned. NULL: look again. */
struct pawl_error *eng_wait_failure(const struct eng_wait *wait);
void eng_wait_fini(struct eng_wait *wait);

/* eng_wait_ring() - The error of -EDEADLK. */
struct pawl_error *eng_wait_ring(struct eng_wait *wait);

/*
 * eng_edit_wait() - Until no edit is being applied, nor anything else made dirty that those above may not know of yet.
 * ret_moment: eng_moment() of then. Errors: -ECANCELED: the body is to end, and what it waits for may never come, since
 * an engine that stops does not sum up what was lost.
 */
PAWL_MUST_CHECK int eng_edit_wait(struct pawl_context *context, uint64_t *ret_moment);
/* eng_moment() - Grows with each of these. */
uint64_t eng_moment(const struct eng_graph *graph);

/* eng_edit_enter() - An edit begins: graph->edit is odd. Sleeps while there is another. Not in an operation. */
void eng_edit_enter(struct eng_graph *graph);
void eng_edit_leave(struct eng_graph *graph);

/*
 * eng_told_wait() - Until all operations that are under way are over, of those that had records which the caller has looked
 * at since. Not in an operation. Returns: 0; -ECANCELED.
 */
PAWL_MUST_CHECK int eng_told_wait(struct eng_graph *graph);

#endif
