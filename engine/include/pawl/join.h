/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/join.h - results of tasks: wait for one, for several, complete one from outside.
 *
 * A result is final: the first outcome stays, and everybody who asks gets the same one, as often
 * as they ask, until the last handle is dropped.
 *
 * Waiting for a task that nobody has started runs it, on the waiter's stack, if it is a body that
 * waits and has stack enough. So most results need no switch and no other worker.
 * A waiter lends its lane to what it waits for.
 *
 *  call                          progress
 *  pawl_task_result              wait-free
 *  pawl_task_wait, pawl_join_*   block
 *  pawl_completion_create        as pawl_spawn()
 *  pawl_complete, pawl_fail      lock-free
 */
#ifndef PAWL_JOIN_H
#define PAWL_JOIN_H

#include <pawl/runtime.h>

PAWL_BEGIN_DECLS

struct pawl_result {
	enum pawl_outcome outcome;
	/* What the body returned; -EPIPE: the producer went away. 0 unless FAILED or CANCELLED. */
	int error;
	void *value;	     /* of a completed one; belongs to the task */
	const char *message; /* of a failed one; NULL: none. Belongs to the task */
};

/*
 * pawl_task_result() - The result, if there is one.
 *
 * Requires: the caller keeps the handle as long as it looks at value and message.
 * Returns:  0.
 * Errors:   -EINPROGRESS: it has not ended; -ESTALE: the handle was dropped; -EINVAL: it never
 *           was one.
 */
PAWL_API PAWL_MUST_CHECK int pawl_task_result(struct pawl_runtime *runtime, pawl_task_t task,
					      struct pawl_result *ret_result);

/*
 * pawl_task_wait() - Sleep until the task has ended.
 *
 * Returns:  0, however it ended.
 * Errors:   -ETIMEDOUT, -ECANCELED: as pawl_wait(); -EDEADLK: a ring of tasks wait for each other,
 *           the caller among them (pawl_task_ring()); -ESTALE, -EINVAL as above.
 */
PAWL_API PAWL_MUST_CHECK int pawl_task_wait(struct pawl_runtime *runtime, pawl_task_t task,
					    uint64_t deadline_ns, struct pawl_result *ret_result);

PAWL_END_DECLS

#endif
