/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blocking.c - a mutex, a list, and threads: what runs here blocks for milliseconds, so nothing cleverer
 * pays.
 *
 * A body's call is a job on the body's stack. The body listens before it submits, and comes back only by
 * the notification, or by withdrawing the job: so nobody touches the job when its frame goes.
 */
#include "config.h"

#include <errno.h>

#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/thread.h>

#include "blocking.h"
#include "worker.h"

int eng_blocking_init(struct eng_blocking *pool, unsigned most)
{
	pool->ids = pawl_mem_zalloc(most * sizeof(*pool->ids), 0);
	if (!pool->ids)
		return -ENOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->changed, NULL);
	pool->end = &pool->first;
	pool->most = most;
	return 0;
}

void eng_blocking_fini(struct eng_blocking *pool)
{
	if (!pool->ids)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->threads; i++)
		pthread_join(pool->ids[i], NULL);
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->lock);
	pawl_mem_free(pool->ids, pool->most * sizeof(*pool->ids), 0);
	pool->ids = NULL;
}

static struct eng_blocking_job *take_locked(struct eng_blocking *pool)
{
	struct eng_blocking_job *job = pool->first;

	if (!job)
		return NULL;
	pool->first = job->next;
	if (!pool->first)
		pool->end = &pool->first;
	job->begun = true;
	return job;
}

static void run(struct eng_blocking_job *job)
{
	job->result = job->fn(job->arg);
	pawl_event_notify_all(&job->done);
}

static void *thread_main(void *arg)
{
	struct eng_blocking *pool = arg;
	bool attached = !pawl_thread_attach("pawl-blocking");

	pthread_mutex_lock(&pool->lock);
	/* One that cannot attach is as good as none: who submitted it looks again. */
	while (attached && !pool->stop) {
		struct eng_blocking_job *job = take_locked(pool);

		if (!job) {
			pool->idle++;
			pthread_cond_wait(&pool->changed, &pool->lock);
			pool->idle--;
			continue;
		}
		pthread_mutex_unlock(&pool->lock);
		/* Neither the call nor the wait for the next one holds grace periods up. */
		pawl_rcu_idle_leave();
		run(job);
		pawl_rcu_idle_enter();
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	if (attached)
		pawl_thread_detach();
	return NULL;
}
