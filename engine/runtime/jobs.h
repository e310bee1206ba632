/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jobs.h - a count of jobs, and the moments at which it leaves 0 and comes back to it (pawl/jobs.h).
 */
#ifndef ENG_JOBS_H
#define ENG_JOBS_H

#include <pawl/base.h>
#include <pawl/event.h>
#include <pawl/lock.h>

/* Stretches from busy to idle that have ended (struct pawl_update). */
struct eng_jobs_update {
	uint64_t busy_ns, jobs, stretches, begun_ns, ended_ns;
};

struct eng_jobs {
	/* Lower half: under way; upper half: begun ever. All threads. */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u64 word;

	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_lock lock;
	/* Under the lock: edges so far of either kind, and what is not taken yet. */
	uint64_t busies, idles;
	uint32_t begun_before; /* upper half of the word at the last edge to idle */
	uint64_t busy_since_ns;
	struct eng_jobs_update update;
	/* Is somebody at `edge`, and what was it told last? */
	bool telling, told_busy;
	/* Notified at each edge of their kind, under the lock. */
	struct pawl_event busy, idle;
	/* Never change after the first job has begun. */
	void (*edge)(void *arg, bool busy);
	void *edge_arg;
	uint64_t (*now)(void *clock_arg);
	void *clock_arg;
};

/* eng_jobs_init() - Idle. `now` is called with no lock held; NULL: stamps are 0. */
void eng_jobs_init(struct eng_jobs *jobs, uint64_t (*now)(void *clock_arg), void *clock_arg);

/* As pawl_job_begin(), pawl_job_finish(). */
void eng_jobs_begin(struct eng_jobs *jobs);
void eng_jobs_finish(struct eng_jobs *jobs);

/* eng_jobs_idle() - Acquires what finished jobs did. */
bool eng_jobs_idle(const struct eng_jobs *jobs);

/* eng_jobs_idles() - How often it has become idle. */
uint64_t eng_jobs_idles(struct eng_jobs *jobs);

/* eng_jobs_idle_since() - Is it idle, or has it been since there were so many idles? Acquires as above. */
bool eng_jobs_idle_since(struct eng_jobs *jobs, uint64_t idles);

/* eng_jobs_take() - The update. Returns: false: there is none. */
PAWL_MUST_CHECK bool eng_jobs_take(struct eng_jobs *jobs, struct eng_jobs_update *ret_update);

/* eng_jobs_has_update() - Is there one? */
bool eng_jobs_has_update(struct eng_jobs *jobs);

#endif
