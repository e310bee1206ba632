/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-runtime-pthread.c - tasks by hand: "pthread" is a thread for each task, "pthread-pool" a queue under
 * a mutex with as many threads and two condition variables, "pthread-cond" two threads that wake
 * each other, or one that is woken.
 *
 * With one worker the two threads of a pair share a processor. A thread for each task has no number of
 * workers: it stands beside those with two.
 */
#include "work-runtime.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

static void *thread_body(void *arg)
{
	b_use(arg);
	return NULL;
}

static void threads(struct b_worker *w, uint64_t n)
{
	while (n--) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, thread_body, w) || pthread_join(thread, NULL))
			b_die("cannot make a thread");
	}
}

/* ---- a pool --------------------------------------------------------------------- */

struct job {
	struct job *next;
	void (*fn)(void *arg);
	void *arg;
	bool done;
};

struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t more, done;
	struct job *head, **tail;
	unsigned waiting; /* for jobs' ends */
	bool stop;
	unsigned count;
	pthread_t threads[B_RUNTIME_WORKERS];
};

static void *pool_main(void *arg)
{
	struct pool *pool = arg;

	pthread_mutex_lock(&pool->mutex);
	for (;;) {
		struct job *job = pool->head;

		if (job) {
			pool->head = job->next;
			if (!pool->head)
				pool->tail = &pool->head;
			pthread_mutex_unlock(&pool->mutex);
			job->fn(job->arg);
			pthread_mutex_lock(&pool->mutex);
			job->done = true;
			if (pool->waiting)
				pthread_cond_signal(&pool->done);
		} else if (pool->stop) {
			break;
		} else {
			pthread_cond_wait(&pool->more, &pool->mutex);
		}
	}
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

static int pool_prepare(const struct b_case *cas, void **ret_prepared)
{
	struct pool *pool = b_alloc(sizeof(*pool));

	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->more, NULL);
	pthread_cond_init(&pool->done, NULL);
	pool->tail = &pool->head;
	for (; pool->count < b_workers(cas); pool->count++) {
		if (pthread_create(&pool->threads[pool->count], NULL, pool_main, pool))
			b_die("cannot make a thread");
	}
	*ret_prepared = pool;
	return 0;
}

static void pool_discard(void *prepared)
{
	struct pool *pool = prepared;

	pthread_mutex_lock(&pool->mutex);
	pool->stop = true;
	pthread_cond_broadcast(&pool->more);
	pthread_mutex_unlock(&pool->mutex);
	while (pool->count)
		pthread_join(pool->threads[--pool->count], NULL);
	free(pool);
}

static struct job *pool_spawn(struct pool *pool, void (*fn)(void *arg), void *arg)
{
	struct job *job = malloc(sizeof(*job));

	if (!job)
		b_die("no memory");
	*job = (struct job){.fn = fn, .arg = arg};
	pthread_mutex_lock(&pool->mutex);
	*pool->tail = job;
	pool->tail = &job->next;
	pthread_cond_signal(&pool->more);
	pthread_mutex_unlock(&pool->mutex);
	return job;
}

static void pool_join(struct pool *pool, struct job *job)
{
	pthread_mutex_lock(&pool->mutex);
	pool->waiting++;
	while (!job->done)
		pthread_cond_wait(&pool->done, &pool->mutex);
	pool->waiting--;
	pthread_mutex_unlock(&pool->mutex);
	free(job);
}

static void nothing(void *arg)
{
	b_use(arg);
}

static void pool_work(struct b_worker *w, uint64_t n)
{
	struct pool *pool = w->run->prepared;

	while (n--)
		pool_join(pool, pool_spawn(pool, nothing, w));
}

static void pool_batches(struct b_worker *w, uint64_t n)
{
	struct pool *pool = w->run->prepared;
	uint64_t batch = b_batch(w->run->cas, n);
	struct job **jobs = b_alloc(batch * sizeof(struct job *));

	for (uint64_t many; n; n -= many) {
		many = n < batch ? n : batch;
		for (uint64_t i = 0; i < many; i++)
			jobs[i] = pool_spawn(pool, nothing, w);
		for (uint64_t i = 0; i < many; i++)
			pool_join(pool, jobs[i]);
	}
	free(jobs);
}

static void woken(void *arg)
{
	b_wake_up(arg);
}

static void pool_start(struct b_worker *w, uint64_t n)
{
	struct pool *pool = w->run->prepared;
	struct b_wake *at = b_alloc(sizeof(*at));
	struct job *before = NULL;

	B_WAKE_LOOP(w, n, at, {
		struct job *job = pool_spawn(pool, woken, at);

		/* It has ended long ago. */
		if (before)
			pool_join(pool, before);
		before = job;
	});
	if (before)
		pool_join(pool, before);
	free(at);
}

/* ---- two that wake each other ------------------------------------------------------ */

struct pair {
	pthread_mutex_t mutex;
	pthread_cond_t cond[2];
	bool posted[2];
	bool over;
	uint64_t n;
	struct b_wake wake;
};

static void pair_init(struct pair *pair, uint64_t n)
{
	*pair = (struct pair){.n = n};
	pthread_mutex_init(&pair->mutex, NULL);
	for (unsigned i = 0; i < 2; i++)
		pthread_cond_init(&pair->cond[i], NULL);
}

static void post(struct pair *pair, unsigned side)
{
	pthread_mutex_lock(&pair->mutex);
	pair->posted[side] = true;
	pthread_cond_signal(&pair->cond[side]);
	pthread_mutex_unlock(&pair->mutex);
}

static void take(struct pair *pair, unsigned side)
{
	pthread_mutex_lock(&pair->mutex);
	while (!pair->posted[side])
		pthread_cond_wait(&pair->cond[side], &pair->mutex);
	pair->posted[side] = false;
	pthread_mutex_unlock(&pair->mutex);
}

static void *turns_body(void *arg)
{
	struct pair *pair = arg;

	for (uint64_t i = pair->n; i; i--) {
		take(pair, 1);
		post(pair, 0);
	}
	return NULL;
}

/* Where the threads may run: on the caller's processor alone, or on all. */
static void start_other(struct b_worker *w, pthread_t *thread, void *(*fn)(void *arg),
			void *arg)
{
	pthread_attr_t attr;
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < CPU_SETSIZE; i++)
		CPU_SET(i, &set);
	if (b_workers(w->run->cas) == 1)
		pthread_getaffinity_np(pthread_self(), sizeof(set), &set);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	if (pthread_create(thread, &attr, fn, arg))
		b_die("cannot make a thread");
	pthread_attr_destroy(&attr);
}

static void turns(struct b_worker *w, uint64_t n)
{
	struct pair pair;
	pthread_t other;

	pair_init(&pair, n);
	start_other(w, &other, turns_body, &pair);
	while (n--) {
		post(&pair, 1);
		take(&pair, 0);
	}
	pthread_join(other, NULL);
}

static void *yield_body(void *arg)
{
	for (uint64_t n = *(uint64_t *)arg; n; n--)
		sched_yield();
	return NULL;
}

static void yields(struct b_worker *w, uint64_t n)
{
	uint64_t half = (n + 1) / 2;
	pthread_t other;

	start_other(w, &other, yield_body, &half);
	yield_body(&half);
	pthread_join(other, NULL);
}

static void *target_body(void *arg)
{
	struct pair *pair = arg;

	for (;;) {
		take(pair, 1);
		if (pair->over)
			return NULL;
		b_wake_up(&pair->wake);
	}
}

/* Anywhere, whatever the number of workers: it is waited for without sleeping. */
static void wake(struct b_worker *w, uint64_t n)
{
	struct pair *pair = b_alloc(sizeof(*pair));
	struct b_case anywhere = {.arg = 2};
	struct b_run run = {.cas = &anywhere};
	struct b_worker as = {.run = &run};
	pthread_t thread;

	pair_init(pair, n);
	start_other(&as, &thread, target_body, pair);
	B_WAKE_LOOP(w, n, &pair->wake, post(pair, 1));
	pthread_mutex_lock(&pair->mutex);
	pair->over = true;
	pthread_mutex_unlock(&pair->mutex);
	post(pair, 1);
	pthread_join(thread, NULL);
	free(pair);
}

#define THREADS(BENCH, CONTENDER, WORKERS, WORK) \
	B_TASKS(BENCH, CONTENDER, WORKERS, 0, NULL, NULL, WORK, .enter = NULL)
#define POOL(BENCH, BATCH, WORK)                                                           \
	B_TASKS(BENCH, "pthread-pool", 1, BATCH, pool_prepare, pool_discard, WORK,         \
		.enter = NULL),                                                            \
		B_TASKS(BENCH, "pthread-pool", 2, BATCH, pool_prepare, pool_discard, WORK, \
			.enter = NULL)

/* clang-format off */
static const struct b_case cases[] = {
	THREADS("task-join", "pthread", 2, threads),
	THREADS("task-join-outside", "pthread", 2, threads),
	POOL("task-join-outside", 0, pool_work),
	POOL("task-join-outside-1000", 1000, pool_batches),
	POOL("task-fan", 0, pool_batches),
	POOL("task-start", 0, pool_start),
	THREADS("task-ping-pong", "pthread-cond", 1, turns),
	THREADS("task-ping-pong", "pthread-cond", 2, turns),
	THREADS("task-ping-pong-apart", "pthread-cond", 2, turns),
	THREADS("task-yield", "pthread", 1, yields),
	THREADS("task-yield", "pthread", 2, yields),
	THREADS("task-wake", "pthread-cond", 1, wake),
	THREADS("task-wake", "pthread-cond", 2, wake),
};
/* clang-format on */
B_CASES(cases)
