/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/join.h - results of tasks: wait for one, for several, complete one from outside.
 *
 * A result is final: the first outcome stays, and everybody who asks gets the same one, as often
 * as they ask, until the last handle is dropped.
 *
 * Waiting for a task that nobody has started runs it, on the waiter's stack, if it is a body that
 * waits and has stack enough. So most results need no switch and no other worker. A waiter that does so
 * is not told that it is cancelled or forced before that task has ended: it is another task, to be told itself.
 * A waiter lends its lane to what it waits for.
 *
 *  call                          progress
 *  pawl_task_result              wait-free
 *  pawl_task_wait, pawl_join_*   block
 *  pawl_completion_create        as pawl_spawn()
 *  pawl_complete, _fail, _producer_drop  lock-free, and what ending a task does
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
 * Returns:  0, however it ended; if it has ended already, also in a body that is cancelled.
 * Errors:   -ETIMEDOUT, -ECANCELED: as pawl_wait(); -EDEADLK: a ring of tasks wait for each other,
 *           the caller among them; -ESTALE, -EINVAL as above.
 */
PAWL_API PAWL_MUST_CHECK int pawl_task_wait(struct pawl_runtime *runtime, pawl_task_t task,
					    uint64_t deadline_ns,
					    struct pawl_result *ret_result);

/* ---- several ---------------------------------------------------------------------- */

enum pawl_join {
	PAWL_JOIN_ALL,	   /* until all have completed, or one has not */
	PAWL_JOIN_RACE,	   /* until one has ended, in whatever way */
	PAWL_JOIN_ANY,	   /* until one has completed, or all have ended */
	PAWL_JOIN_SETTLED, /* until all have ended */
	PAWL_JOIN_COUNT
};

/*
 * pawl_join() - Wait for several tasks at once. When it is decided before all have ended, the others
 * are cancelled, and their ends are waited for as well: at a return of 0 all are final, and
 * ret_results[i] is that of tasks[i].
 *
 *	                decided by                         ret_index          of no tasks
 *	ALL             the first that has not completed   that one           0
 *	RACE            the first end                      that one           -EINVAL
 *	ANY             the first that has completed       that one           -EINVAL
 *	SETTLED         nothing                            n                  0
 *
 * Where nothing decided (ALL: all have completed; ANY: none has) ret_index is n. "First" is the one
 * that was told first, of several ends at once. A task may be named twice: it is one task.
 *
 * SETTLED runs tasks that nobody has started, one after the other, on the caller's stack, as
 * pawl_task_wait() does; the others do not, since one end may decide. ALL and SETTLED find rings.
 *
 * Requires: as pawl_task_wait(). ret_results: room for n, or NULL; ret_index may be NULL.
 * Returns:  0.
 * Errors:   -EINVAL: no such kind; -ENOMEM; -EDEADLK, -ESTALE, as above; -ETIMEDOUT, -ECANCELED:
 *           nobody was cancelled by it, unless it was decided.
 */
PAWL_API PAWL_MUST_CHECK int pawl_join(struct pawl_runtime *runtime, enum pawl_join kind,
				       const pawl_task_t *tasks, size_t n, uint64_t deadline_ns,
				       struct pawl_result *ret_results, size_t *ret_index);

/* ---- completed from outside ---------------------------------------------------------- */

/* Who will complete it: one for each completion, to be dropped once. */
typedef struct {
	uint64_t pawl_id;
} pawl_producer_t;

/*
 * pawl_completion_create() - A task without a body, which lives in the group until somebody completes,
 * fails or cancels it. Of `options` name, token, free_value and
 * visit_value count.
 *
 * Errors: as pawl_spawn().
 */
PAWL_API PAWL_MUST_CHECK int pawl_completion_create(struct pawl_group *group,
						    const struct pawl_task_options *options,
						    pawl_task_t *ret_task,
						    pawl_producer_t *ret_producer);

/*
 * pawl_complete() - It has completed, with this value, which is the task's from a return of 0 on.
 *
 * Requires: attached, outside sections, no lock held.
 * Errors:   -EALREADY: it is final, cancelled perhaps: nobody wants the value; -ESTALE, -EINVAL: the
 *           producer was dropped, or never was one.
 */
PAWL_API PAWL_MUST_CHECK int pawl_complete(struct pawl_runtime *runtime,
					   pawl_producer_t producer, void *value);

/* pawl_fail() - It has failed. `message` is copied; NULL: none. error is not 0. */
PAWL_API PAWL_MUST_CHECK int pawl_fail(struct pawl_runtime *runtime, pawl_producer_t producer,
				       int error, const char *message);

/* pawl_producer_drop() - Where it is not final it fails, with -EPIPE. Errors: -ESTALE, -EINVAL. */
PAWL_API int pawl_producer_drop(struct pawl_runtime *runtime, pawl_producer_t producer);

PAWL_END_DECLS

#endif
