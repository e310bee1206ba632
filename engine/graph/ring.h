/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.h - tasks in a ring: who fails, and who is told when the ring is gone.
 */
#ifndef ENG_RING_H
#define ENG_RING_H

#include "context.h"
#include "heal.h"

/*
 * eng_ring_closed() - A run that is about to end has this new child: is there a way back? No lock held. Those on
 * the way know of the task from now on.
 *
 * Returns: the error, which names the tasks, the caller's; NULL: there is no way.
 */
struct pawl_error *eng_ring_closed(struct eng_op *op, eng_id caller, eng_id child);

/*
 * eng_ring_of_waits() - The run waited for all below `target` (0: not known), by this task of the runtime, and that
 * makes a ring. No lock held, outside of operations. Its members know of the task from now on.
 *
 * Returns: false: the ring is gone.
 */
PAWL_MUST_CHECK bool eng_ring_of_waits(struct pawl_context *context, eng_id target,
				       pawl_task_t first);

/* eng_outputs_ring() - The error of an output that leads to itself. */
struct pawl_error *eng_outputs_ring(void);
/* eng_is_above() - Does the root `upper` aggregate the other one? No lock held. */
bool eng_is_above(struct eng_graph *graph, eng_id upper, eng_id id);
/* eng_is_below() - Is one of these it, or above it? */
bool eng_is_below(struct eng_graph *graph, const struct eng_table *uppers, eng_id id);

#endif
