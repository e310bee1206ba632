/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/jobs.h - is there anything to do? Busy and idle, as the program counts it.
 *
 * A program says where a job begins and where it is finished, whatever a job is to it: a request and all
 * that follows from it, a task that was scheduled. A runtime is *busy* from the beginning of a job
 * while none is under way to the finish of the last one, and *idle* in between: the time to save, to
 * collect, to tidy up. Background jobs (saving itself, say) are counted apart and make nobody busy.
 *
 * Tasks are not counted by themselves: one that waits for a connection is no reason to be busy.
 *
 * Edges are told in three ways: to a function (pawl_runtime_edges()); to who waits (pawl_runtime_idle_wait());
 * as a report of what was done (pawl_runtime_update()).
 *
 *  call                      progress
 *  pawl_job_begin, _finish   lock-free, one operation on one word; the first and the last take a short
 *                            critical section, and run the function
 *  pawl_runtime_idle         wait-free
 *  pawl_runtime_idle_wait,   block
 *  _update
 *
 * Costs are those of one counter that all who begin and finish jobs write to.
 */
#ifndef PAWL_JOBS_H
#define PAWL_JOBS_H

#include <pawl/runtime.h>

PAWL_BEGIN_DECLS

enum pawl_job { PAWL_JOB_FOREGROUND, PAWL_JOB_BACKGROUND, PAWL_JOB_COUNT };

/*
 * pawl_job_begin() - A job is under way from now on.
 *
 * Requires: attached, outside sections, no lock held; fewer than 2^32 - 1 are.
 */
PAWL_API void pawl_job_begin(struct pawl_runtime *runtime, enum pawl_job kind);

/*
 * pawl_job_finish() - One is no more. By any thread.
 *
 * Requires: as begin; it was begun, and nobody has finished it.
 * Ordering: everything before is visible to who finds that none is left, or is told so.
 */
PAWL_API void pawl_job_finish(struct pawl_runtime *runtime, enum pawl_job kind);

/* pawl_runtime_idle() - Is no job of this kind under way? Old at once. Any thread. */
PAWL_API bool pawl_runtime_idle(const struct pawl_runtime *runtime, enum pawl_job kind);

/*
 * pawl_runtime_idle_wait() - Sleep until there is a moment at which no job of this kind is under way. A moment
 * that was, after the call had begun, is enough: none is missed, though jobs may be under way again.
 *
 * Requires: the waiter has no such job of its own to finish.
 * Returns:  0.
 * Errors:   -ETIMEDOUT, -ECANCELED: as pawl_wait(); -EINVAL: a deadline outside of bodies, by a clock of
 *           the program's own.
 */
PAWL_API PAWL_MUST_CHECK int pawl_runtime_idle_wait(struct pawl_runtime *runtime,
						    enum pawl_job kind, uint64_t deadline_ns);

/*
 * Told that a runtime has become busy, or idle. Calls come one after the other, never two at once, busy
 * first, then by turns; by whose job made the edge, in pawl_job_begin() or _finish(), with no lock held. Edges that
 * come while it runs are told afterwards, by the same thread, those that cancel each other not at all:
 * after the last edge, the last call says what is.
 */
typedef void pawl_edge_fn(void *arg, bool busy);

/*
 * pawl_runtime_edges() - Have the edges of foreground jobs told. Once.
 *
 * Requires: no job has begun yet.
 */
PAWL_API void pawl_runtime_edges(struct pawl_runtime *runtime, pawl_edge_fn *fn, void *arg);

/* What was done while the runtime was busy, in whole: stretches that have ended. */
struct pawl_update {
	uint64_t busy_ns;   /* in the runtime's time */
	uint64_t jobs;	    /* finished */
	uint64_t stretches; /* times it became idle */
	uint64_t begun_ns;  /* the first one of them */
	uint64_t ended_ns;  /* the last one of them */
};

/*
 * pawl_runtime_update() - Take what was done since the last call; wait for the end of a stretch where there is
 * nothing. Then wait on until aggregation_ns have gone by without another one ending (0: do not).
 *
 * If the runtime is idle and there is nothing, the call first waits until it is busy, for as long as that
 * takes; timeout_ns counts from then on (PAWL_FOREVER: no limit).
 *
 * Requires: attached, outside sections, no lock held; one caller at a time.
 * Returns:  0.
 * Errors:   -ETIMEDOUT; -ECANCELED: as pawl_wait(), and nothing is lost; -EINVAL: times other than 0 and
 *           PAWL_FOREVER outside of bodies, with a clock of the program's own.
 */
PAWL_API PAWL_MUST_CHECK int pawl_runtime_update(struct pawl_runtime *runtime,
						 uint64_t aggregation_ns, uint64_t timeout_ns,
						 struct pawl_update *ret_update);

PAWL_END_DECLS

#endif
