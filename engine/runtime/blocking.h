/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blocking.h - threads for calls that block their thread.
 *
 * Threads are started when there is a job and none is idle, up to a number; beyond that jobs wait in the
 * order in which they came. Idle threads stay, and sleep.
 */
#ifndef ENG_BLOCKING_H
#define ENG_BLOCKING_H

#include <pthread.h>

#include <pawl/base.h>
#include <pawl/event.h>

struct eng_blocking_job {
	struct eng_blocking_job *next;
	int (*fn)(void *arg);
	void *arg;
	int result;
	bool begun; /* under the lock */
	/* Notified once, by who ran it, as its last touch: the job may go when that has come. */
	struct pawl_event done;
};

struct eng_blocking {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* there is a job, or the end */
	pthread_cond_t begun;	/* a new thread has begun, or failed to */
	struct eng_blocking_job *first, **end;
	unsigned most, threads, idle;
	bool starting; /* a thread begins: one at a time */
	bool stop;
	/* To be joined: `threads` of them. */
	pthread_t *ids;
};

/* eng_blocking_init() - No thread yet, at most `most`. Errors: -ENOMEM. */
PAWL_MUST_CHECK int eng_blocking_init(struct eng_blocking *pool, unsigned most);

/* eng_blocking_fini() - End all threads. Requires: no job is queued or runs. */
void eng_blocking_fini(struct eng_blocking *pool);

/*
 * eng_blocking_submit() - Have a job run. The caller listens to job->done already.
 *
 * Errors: -EAGAIN: there is no thread, and none can be started.
 */
PAWL_MUST_CHECK int eng_blocking_submit(struct eng_blocking *pool,
					struct eng_blocking_job *job);

/* eng_blocking_withdraw() - Returns: false: it has begun, and `done` will come. */
PAWL_MUST_CHECK bool eng_blocking_withdraw(struct eng_blocking *pool,
					   struct eng_blocking_job *job);

#endif
