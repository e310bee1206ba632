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

#include "thread.h"
#include "worker.h"

int eng_blocking_init(struct eng_blocking *pool, unsigned most)
{
	pool->ids = pawl_mem_zalloc(most * sizeof(*pool->ids), 0);
	if (!pool->ids)
		return -ENOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->changed, NULL);
	pthread_cond_init(&pool->begun, NULL);
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
	pthread_cond_destroy(&pool->begun);
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

/* In an idle stretch: neither the call nor the wait for the next one holds up grace periods. */
static void run(struct eng_blocking_job *job)
{
	job->result = job->fn(job->arg);
	pawl_rcu_idle_leave();
	pawl_event_notify_all(&job->done);
	pawl_rcu_idle_enter();
}

static void work_locked(struct eng_blocking *pool)
{
	while (!pool->stop) {
		struct eng_blocking_job *job = take_locked(pool);

		if (!job) {
			pool->idle++;
			pthread_cond_wait(&pool->changed, &pool->lock);
			pool->idle--;
			continue;
		}
		pthread_mutex_unlock(&pool->lock);
		run(job);
		pthread_mutex_lock(&pool->lock);
	}
}

/* Begins attached: its maker waits for that, so that a thread that cannot attach is an error. */
struct beginner {
	struct eng_blocking *pool;
	int error;
	bool begun;
};

static void *thread_main(void *arg)
{
	struct beginner *beginner = arg;
	struct eng_blocking *pool = beginner->pool;
	int error = pawl_thread_attach("pawl-blocking");

	pthread_mutex_lock(&pool->lock);
	beginner->error = error;
	beginner->begun = true;
	pthread_cond_broadcast(&pool->begun);
	if (!error) {
		pawl_rcu_idle_enter();
		work_locked(pool);
		pawl_rcu_idle_leave();
	}
	pthread_mutex_unlock(&pool->lock);
	if (!error)
		pawl_thread_detach();
	return NULL;
}

/* One thread more. A worker waits here for the moment that a thread needs to begin. */
static int start_locked(struct eng_blocking *pool)
{
	struct beginner beginner = {.pool = pool};

	if (eng_thread_create(&pool->ids[pool->threads], thread_main, &beginner))
		return -EAGAIN;
	pool->starting = true;
	while (!beginner.begun)
		pthread_cond_wait(&pool->begun, &pool->lock);
	pool->starting = false;
	pthread_cond_broadcast(&pool->begun);
	if (beginner.error) {
		pthread_join(pool->ids[pool->threads], NULL);
		return -EAGAIN;
	}
	pool->threads++;
	return 0;
}

int eng_blocking_submit(struct eng_blocking *pool, struct eng_blocking_job *job)
{
	unsigned queued = 1;
	int error = 0;

	pthread_mutex_lock(&pool->lock);
	while (pool->starting)
		pthread_cond_wait(&pool->begun, &pool->lock);
	for (const struct eng_blocking_job *other = pool->first; other; other = other->next)
		queued++;
	if (queued > pool->idle && pool->threads < pool->most)
		error = start_locked(pool);
	/* Without a new one, one that is busy will come to it. */
	if (!error || pool->threads) {
		error = 0;
		job->next = NULL;
		job->begun = false;
		*pool->end = job;
		pool->end = &job->next;
		pthread_cond_signal(&pool->changed);
	}
	pthread_mutex_unlock(&pool->lock);
	return error;
}

bool eng_blocking_withdraw(struct eng_blocking *pool, struct eng_blocking_job *job)
{
	struct eng_blocking_job **at;
	bool queued;

	pthread_mutex_lock(&pool->lock);
	queued = !job->begun;
	for (at = &pool->first; queued && *at != job;)
		at = &(*at)->next;
	if (queued) {
		*at = job->next;
		if (!job->next)
			pool->end = at;
	}
	pthread_mutex_unlock(&pool->lock);
	return queued;
}

int pawl_blocking(struct pawl_runtime *runtime, int (*fn)(void *arg), void *arg)
{
	struct eng_run *run = eng_run_here();
	struct eng_blocking_job job = {.fn = fn, .arg = arg};
	struct pawl_listener listener;
	int error;

	if (!run)
		return fn(arg);
	if (eng_checkpoint(run))
		return -ECANCELED;
	pawl_event_init(&job.done);
	pawl_event_listen(&job.done, &listener, "a call that blocks", 0);
	error = eng_blocking_submit(&runtime->blocking, &job);
	if (error) {
		pawl_event_unlisten(&listener);
		return error;
	}
	/* Woken by a request to end it may take the job back, if that has not begun. */
	while (eng_wait_once(run, &listener, PAWL_FOREVER) == -EINTR) {
		if (eng_told(run) && eng_blocking_withdraw(&runtime->blocking, &job)) {
			pawl_event_unlisten(&listener);
			(void)eng_checkpoint(run);
			return -ECANCELED;
		}
		if (eng_told(run)) {
			pawl_event_wait(&listener);
			break;
		}
	}
	return job.result;
}
