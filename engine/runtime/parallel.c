/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parallel.c - scoped helpers: a scope (scope.h), tasks that enter it, and where jobs come from.
 *
 * Invariants:
 *  I1 Each index is handed out once, by a fetch-and-add.
 *  I2 (grow) `left` counts items that are queued or run. It is added to before an item is queued, so it
 *     is 0 only when nothing can come any more.
 *
 * The caller waits for those inside as pawl_event_wait() does, not as a body: cancelled or forced, it stays
 * until all are out. A job that unwinds (pawl_exit, or forced) leaves through a cleanup.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/lock.h>
#include <pawl/mem.h>
#include <pawl/parallel.h>

#include "scope.h"
#include "worker.h"

/* A scope that helpers work in. */
struct crew {
	struct eng_scope scope;
	void (*work)(struct crew *crew, bool caller);
};

static struct crew *crew_of(struct eng_scope *scope)
{
	return PAWL_CONTAINER_OF(scope, struct crew, scope);
}

static void helper_leaves(void *arg)
{
	eng_scope_leave(arg);
}

static int helper(void *arg, void **ret_value)
{
	struct crew *crew = arg;
	struct pawl_cleanup cleanup;

	(void)ret_value;
	if (!eng_scope_enter(&crew->scope))
		return 0;
	pawl_cleanup_push(&cleanup, helper_leaves, &crew->scope);
	crew->work(crew, false);
	pawl_cleanup_pop(&cleanup, true);
	return 0;
}

static void helper_put(void *arg)
{
	struct crew *crew = arg;

	eng_scope_put(&crew->scope);
}

/* As many helpers as there are other workers, if there is so much to do. None is fine. */
static void ask_for_help(struct crew *crew, struct pawl_group *group, size_t jobs)
{
	struct pawl_runtime *rt = eng_runtime_of(group);
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct eng_worker *here = eng_worker_here();
	size_t helpers = rt->worker_count - (here && here->rt == rt);

	if (eng_lifetime_state(&group->life) != ENG_LIFETIME_OPEN)
		return;
	options.name = "helper";
	options.free_arg = helper_put;
	for (size_t i = 1; i < jobs && i <= helpers; i++) {
		eng_scope_get(&crew->scope);
		if (pawl_spawn(group, &options, helper, crew, NULL)) {
			eng_scope_put(&crew->scope);
			break;
		}
	}
	/* The last one is this body's newest spawn, for which nobody else would be woken. */
	if (here && jobs > 1)
		eng_idle_pushed(&rt->idle);
}

/* The caller is unwound: its frame goes, when nobody is in it any more. */
static void caller_left(void *arg)
{
	struct eng_scope *scope = arg;

	eng_scope_shut(scope);
	eng_scope_put(scope);
}

/* The caller's part: help is asked for, it works itself, and waits for those that came. */
static void crew_run(struct crew *crew, struct pawl_group *group, size_t jobs)
{
	struct eng_run *run = eng_run_here();
	struct pawl_cleanup cleanup;

	ask_for_help(crew, group, jobs);
	if (run)
		pawl_cleanup_push(&cleanup, caller_left, &crew->scope);
	crew->work(crew, true);
	if (run)
		pawl_cleanup_pop(&cleanup, false);
	eng_scope_shut(&crew->scope);
}

/* ---- a number of jobs that is known ---------------------------------------------------- */

struct bounded {
	struct crew crew;
	size_t n;
	struct pawl_atomic_u64 next;
	/* The lowest index that failed, n: none. Its error is written under the lock. */
	struct pawl_lock lock;
	size_t failed;
	int error;
	int (*fn)(void *arg, size_t index);
	void *arg;
};

/* A job that did not return: it was left by pawl_exit(). */
struct job {
	struct pawl_cleanup cleanup;
	struct bounded *bounded;
	size_t index;
};

static void job_failed(struct bounded *bounded, size_t index, int error)
{
	pawl_lock_lock(&bounded->lock);
	if (index < bounded->failed) {
		bounded->failed = index;
		bounded->error = error;
	}
	pawl_lock_unlock(&bounded->lock);
}

static void job_left(void *arg)
{
	struct job *job = arg;
	struct eng_run *run = eng_run_here();

	job_failed(job->bounded, job->index, run && run->error ? run->error : -ECANCELED);
}

static void bounded_free(struct eng_scope *scope)
{
	struct bounded *bounded = PAWL_CONTAINER_OF(crew_of(scope), struct bounded, crew);

	pawl_mem_free(bounded, sizeof(*bounded), 0);
}

static void bounded_work(struct crew *crew, bool caller)
{
	struct bounded *bounded = PAWL_CONTAINER_OF(crew, struct bounded, crew);
	struct job job = {.bounded = bounded};
	bool in_body = eng_run_here();

	(void)caller;
	while ((job.index = pawl_add_relaxed(&bounded->next, 1u)) < bounded->n) { /* I1 */
		int error;

		if (in_body)
			pawl_cleanup_push(&job.cleanup, job_left, &job);
		error = bounded->fn(bounded->arg, job.index);
		if (in_body)
			pawl_cleanup_pop(&job.cleanup, false);
		if (error)
			job_failed(bounded, job.index, error);
	}
}

int pawl_parallel(struct pawl_group *group, size_t n, int (*fn)(void *arg, size_t index),
		  void *arg, size_t *ret_failed)
{
	struct bounded *bounded = pawl_mem_zalloc(sizeof(*bounded), 0);
	int error;

	if (!bounded)
		return -ENOMEM;
	eng_scope_init(&bounded->crew.scope, bounded_free);
	bounded->crew.work = bounded_work;
	pawl_init_word(&bounded->next, 0u);
	pawl_lock_init(&bounded->lock, PAWL_LOCK_RANK_USER);
	bounded->n = n;
	bounded->failed = n;
	bounded->fn = fn;
	bounded->arg = arg;
	crew_run(&bounded->crew, group, n);
	error = bounded->error;
	if (ret_failed)
		*ret_failed = bounded->failed;
	eng_scope_put(&bounded->crew.scope);
	return error;
}

/* ---- jobs that find more jobs ---------------------------------------------------------- */

struct item {
	struct item *next;
	void *item;
};

/* What one helper summed up. */
struct sum {
	struct sum *next;
	PAWL_ALIGNED(16) char bytes[];
};

struct pawl_parallel_jobs {
	struct crew crew;
	const struct pawl_growth *how; /* in the caller's frame */
	size_t sum_bytes;
	void *sum;		   /* the caller's own */
	struct pawl_event changed; /* something was queued, or it is over */

	struct pawl_lock lock;
	struct item *first, **end;
	struct sum *sums; /* of helpers that are done */
	size_t left;	  /* I2 */
	bool over;
	int error;
};

static void over_locked(struct pawl_parallel_jobs *jobs, int error)
{
	if (error && error != PAWL_PARALLEL_BREAK && !jobs->error)
		jobs->error = error;
	jobs->over = true;
}

int pawl_parallel_add(struct pawl_parallel_jobs *jobs, void *item)
{
	struct item *added = pawl_mem_alloc(sizeof(*added), 0);
	bool over;

	if (!added)
		return -ENOMEM;
	added->item = item;
	added->next = NULL;
	pawl_lock_lock(&jobs->lock);
	over = jobs->over;
	if (!over) {
		jobs->left++;
		*jobs->end = added;
		jobs->end = &added->next;
	}
	pawl_lock_unlock(&jobs->lock);
	if (over)
		pawl_mem_free(added, sizeof(*added), 0);
	else
		pawl_event_notify_more(&jobs->changed, 1);
	return 0;
}

/* Take an item. Returns: false: there is none now; *ret_over: and there will be none. */
static bool take(struct pawl_parallel_jobs *jobs, void **ret_item, bool *ret_over)
{
	struct item *item = NULL;

	pawl_lock_lock(&jobs->lock);
	if (!jobs->over)
		item = jobs->first;
	if (item) {
		jobs->first = item->next;
		if (!jobs->first)
			jobs->end = &jobs->first;
		*ret_item = item->item;
	}
	*ret_over = jobs->over || !jobs->left;
	pawl_lock_unlock(&jobs->lock);
	if (item)
		pawl_mem_free(item, sizeof(*item), 0);
	return item;
}

static void job_done(struct pawl_parallel_jobs *jobs, int error)
{
	bool over;

	pawl_lock_lock(&jobs->lock);
	jobs->left--;
	if (error)
		over_locked(jobs, error);
	over = jobs->over || !jobs->left;
	pawl_lock_unlock(&jobs->lock);
	if (over)
		pawl_event_notify_all(&jobs->changed);
}

static void grow_job_left(void *arg)
{
	struct eng_run *run = eng_run_here();

	job_done(arg, run && run->error ? run->error : -ECANCELED);
}

/* One who works; the caller has a sum from the start. */
struct drainer {
	struct pawl_cleanup cleanup;
	struct pawl_parallel_jobs *jobs;
	bool caller;
	struct sum *sum;
};

/* Where its jobs sum up; NULL with *ret_error: no memory. Made for the first job. */
static void *drainer_sum(struct drainer *drainer, int *ret_error)
{
	struct pawl_parallel_jobs *jobs = drainer->jobs;

	if (!jobs->sum_bytes)
		return NULL;
	if (drainer->caller)
		return jobs->sum;
	if (!drainer->sum) {
		drainer->sum = pawl_mem_alloc(sizeof(*drainer->sum) + jobs->sum_bytes, 16);
		if (!drainer->sum) {
			*ret_error = -ENOMEM;
			return NULL;
		}
		jobs->how->init(jobs->how->arg, drainer->sum->bytes);
	}
	return drainer->sum->bytes;
}

/* Its sum goes to the caller, who merges when all are out. */
static void drainer_done(void *arg)
{
	struct drainer *drainer = arg;
	struct pawl_parallel_jobs *jobs = drainer->jobs;

	if (!drainer->sum)
		return;
	pawl_lock_lock(&jobs->lock);
	drainer->sum->next = jobs->sums;
	jobs->sums = drainer->sum;
	pawl_lock_unlock(&jobs->lock);
}

static void run_job(struct drainer *drainer, void *item, bool in_body)
{
	struct pawl_parallel_jobs *jobs = drainer->jobs;
	struct pawl_cleanup cleanup;
	int error = 0;
	void *sum = drainer_sum(drainer, &error);

	if (!error) {
		if (in_body)
			pawl_cleanup_push(&cleanup, grow_job_left, jobs);
		error = jobs->how->run(jobs->how->arg, jobs, item, sum);
		if (in_body)
			pawl_cleanup_pop(&cleanup, false);
	}
	job_done(jobs, error);
}

/* Until nothing can come any more. Who finds nothing sleeps, and costs its worker nothing. */
static void drain(struct drainer *drainer)
{
	struct pawl_parallel_jobs *jobs = drainer->jobs;
	bool in_body = eng_run_here(), over = false;
	void *item;

	while (!over) {
		struct pawl_listener listener;

		if (take(jobs, &item, &over)) {
			run_job(drainer, item, in_body);
			over = false;
			continue;
		}
		if (over)
			break;
		pawl_event_listen(&jobs->changed, &listener, "jobs of others", 0);
		if (take(jobs, &item, &over)) {
			pawl_event_unlisten(&listener);
			run_job(drainer, item, in_body);
			over = false;
		} else if (over) {
			pawl_event_unlisten(&listener);
		} else {
			pawl_event_wait(&listener);
		}
	}
}

static void grow_work(struct crew *crew, bool caller)
{
	struct pawl_parallel_jobs *jobs =
		PAWL_CONTAINER_OF(crew, struct pawl_parallel_jobs, crew);
	struct drainer drainer = {.jobs = jobs, .caller = caller};
	bool in_body = eng_run_here();

	if (in_body)
		pawl_cleanup_push(&drainer.cleanup, drainer_done, &drainer);
	drain(&drainer);
	if (in_body)
		pawl_cleanup_pop(&drainer.cleanup, true);
	else
		drainer_done(&drainer);
}

static void grow_free(struct eng_scope *scope)
{
	struct pawl_parallel_jobs *jobs =
		PAWL_CONTAINER_OF(crew_of(scope), struct pawl_parallel_jobs, crew);
	struct item *item;
	struct sum *sum;

	while ((item = jobs->first)) {
		jobs->first = item->next;
		pawl_mem_free(item, sizeof(*item), 0);
	}
	while ((sum = jobs->sums)) {
		jobs->sums = sum->next;
		pawl_mem_free(sum, sizeof(*sum) + jobs->sum_bytes, 16);
	}
	pawl_mem_free(jobs, sizeof(*jobs), 0);
}

static int grow_check(const struct pawl_growth *how)
{
	if (how->size > sizeof(*how))
		return -E2BIG;
	return how->size < sizeof(*how) || !how->run ||
			       (how->sum_bytes && (!how->init || !how->merge))
		       ? -EINVAL
		       : 0;
}

int pawl_parallel_grow(struct pawl_group *group, const struct pawl_growth *how,
		       void *const *items, size_t n, void *ret_sum)
{
	struct pawl_parallel_jobs *jobs;
	int error = grow_check(how);

	if (error)
		return error;
	if (how->sum_bytes)
		how->init(how->arg, ret_sum);
	jobs = pawl_mem_zalloc(sizeof(*jobs), 0);
	if (!jobs)
		return -ENOMEM;
	eng_scope_init(&jobs->crew.scope, grow_free);
	jobs->crew.work = grow_work;
	pawl_lock_init(&jobs->lock, PAWL_LOCK_RANK_USER);
	pawl_event_init(&jobs->changed);
	jobs->end = &jobs->first;
	jobs->how = how;
	jobs->sum_bytes = how->sum_bytes;
	jobs->sum = ret_sum;
	for (size_t i = 0; i < n && !error; i++)
		error = pawl_parallel_add(jobs, items[i]);
	if (error)
		over_locked(jobs, error);
	/* How many there will be nobody knows: all that may help are asked. */
	crew_run(&jobs->crew, group, n ? SIZE_MAX : 0);
	for (const struct sum *sum = jobs->sums; sum; sum = sum->next)
		how->merge(how->arg, ret_sum, sum->bytes);
	error = jobs->error;
	eng_scope_put(&jobs->crew.scope);
	return error;
}
