/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/parallel.h - do many things at once and wait for all of them, with the caller's frame in hand.
 *
 *	int squeeze(void *arg, size_t i) { return squeeze_one(((struct lot *)arg)->items[i]); }
 *	error = pawl_parallel(group, n, squeeze, &lot, &failed);
 *
 * The caller works along, and can always finish alone: helpers are tasks of the group that take what is
 * left, if workers have nothing else to do. They are never waited for before they began. So it
 * works with one worker, from any thread, with all workers busy, and in a closed group.
 *
 * All jobs that began have ended when the call returns, whatever happened, also if the caller is cancelled or
 * forced: jobs may use its frame. Jobs may wait, spawn, and call this.
 *
 * Progress: blocks while jobs run. Handing out a job is wait-free (pawl_parallel) or a short
 * critical section (pawl_parallel_grow).
 */
#ifndef PAWL_PARALLEL_H
#define PAWL_PARALLEL_H

#include <pawl/runtime.h>

PAWL_BEGIN_DECLS

/*
 * pawl_parallel() - Call fn(arg, i) once for each i in [0, n). A job that fails (or is left by
 * pawl_exit()) keeps no other from running; the error of the lowest index is what is returned.
 *
 * Requires: attached, outside sections, no lock held.
 * Returns:  0, or the error of the first job, by index, that failed; ret_failed (may be NULL): its
 *           index, n without one.
 * Errors:   -ENOMEM: nothing was run, and ret_failed is not written.
 */
PAWL_API PAWL_MUST_CHECK int pawl_parallel(struct pawl_group *group, size_t n,
					   int (*fn)(void *arg, size_t index), void *arg,
					   size_t *ret_failed);

struct pawl_parallel_jobs;

/* What a job of pawl_parallel_grow() returns beside errors. */
#define PAWL_PARALLEL_BREAK 1

struct pawl_growth {
	size_t size; /* sizeof(struct pawl_growth) */
	/*
	 * One job. `sum` is that of this helper. It may add jobs (pawl_parallel_add). Returns: 0;
	 * PAWL_PARALLEL_BREAK: enough, nothing more is begun; an error: the same, and it is
	 * what the call returns (the first one that came).
	 */
	int (*run)(void *arg, struct pawl_parallel_jobs *jobs, void *item, void *sum);
	void *arg;
	/*
	 * Each helper that runs a job has a sum of so many bytes, begun by `init`, and added to the caller's
	 * by `merge`, one after the other, in no order. sum_bytes 0: there are none.
	 */
	size_t sum_bytes;
	void (*init)(void *arg, void *sum);
	void (*merge)(void *arg, void *into, const void *sum);
};

/*
 * pawl_parallel_grow() - The items, and what their jobs add, until there is none left. ret_sum is
 * begun by `init` and gets all sums, also after a break and of an error.
 *
 * Requires: as pawl_parallel().
 * Returns:  0.
 * Errors:   those of jobs; -ENOMEM: a job could not be queued, or a sum not be made: as a job's error;
 *           -EINVAL: a function is missing; -E2BIG: `how` is of a later version.
 */
PAWL_API PAWL_MUST_CHECK int pawl_parallel_grow(struct pawl_group *group,
						const struct pawl_growth *how,
						void *const *items, size_t n, void *ret_sum);

/*
 * pawl_parallel_add() - One more job. In `run`, from the job's thread.
 *
 * Returns: 0, also where it is dropped since the end was decided.
 * Errors:  -ENOMEM.
 */
PAWL_API PAWL_MUST_CHECK int pawl_parallel_add(struct pawl_parallel_jobs *jobs, void *item);

PAWL_END_DECLS

#endif
