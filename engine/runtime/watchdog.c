/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watchdog.c - a body that blocks its thread holds up what it alone can run, and nothing else.
 *
 * A worker whose body is in a system call or an endless loop is not there for starts. Nobody tells: so a
 * thread looks, as the guard of idle.c. It is armed by who makes a start ready, or leaves one, where no worker
 * looks for work; it disarms itself when that is over. While it is armed it compares, once a
 * period, how often each worker began a body or went on with one. One that did not in a whole
 * period, in a body, is blocked: a surplus worker counts from then on in its place, started if there are too
 * few, and the sink is told of the task, once. The blocked one takes that back itself when it goes on; the
 * surplus worker then runs what its own bodies spawn and wake, and else sleeps.
 *
 * A runtime that has nothing to do, or a worker to spare, never wakes it. A busy one does a few times a second.
 *
 * The clock is the real one, whatever the runtime's is: a virtual one may stand still while a body blocks.
 *
 * The task is told of while it is held (task.c), since its name may go with its end.
 *
 * Ordering: a worker is counted before it is said to be blocked, released to who takes it back. Progress and
 * running: relaxed; a worker that is called blocked and is not costs a surplus one a moment.
 */
#include "config.h"

#include <pawl/atomic.h>
#include <pawl/park.h>
#include <pawl/thread.h>

#include "thread.h"
#include "worker.h"

static bool all_sleep(const struct pawl_runtime *rt)
{
	unsigned there = eng_workers(rt);

	for (unsigned i = 0; i < there; i++) {
		if (!eng_idle_is_asleep(&rt->idle, rt->workers[i].idle_number))
			return false;
	}
	return true;
}

/* What waits for room while bodies wait for something else is nobody's fault: who wakes looks again. */
static unsigned look(void *arg)
{
	unsigned found = eng_anything_look(arg);

	return found == ENG_IDLE_ROOMY && all_sleep(arg) ? 0 : found;
}

/* ---- a worker more ------------------------------------------------------------------ */

/* Begins, or says that it failed to. */
static int begin(struct pawl_runtime *rt, struct eng_worker *worker)
{
	unsigned begun = rt->begun;
	int error = eng_thread_create(&worker->thread, eng_worker_main, worker);

	if (error)
		return error;
	pthread_mutex_lock(&rt->start_mutex);
	while (rt->begun == begun && !rt->failed)
		pthread_cond_wait(&rt->start_changed, &rt->start_mutex);
	error = rt->failed ? -1 : 0;
	rt->failed = 0;
	pthread_mutex_unlock(&rt->start_mutex);
	if (error)
		pthread_join(worker->thread, NULL);
	return error;
}

/* As many surplus workers as count, if they can be had. */
static void grow(struct pawl_runtime *rt)
{
	unsigned there = eng_workers(rt);
	unsigned wanted = rt->worker_count + pawl_load_relaxed(&rt->idle.surplus);

	for (; there < wanted && there < rt->worker_most; there++) {
		struct eng_worker *worker = &rt->workers[there];

		if (eng_worker_init(worker, rt, there))
			return;
		if (begin(rt, worker)) {
			eng_worker_fini(worker);
			return;
		}
	}
}

/* ---- looking ---------------------------------------------------------------------------- */

static void tell(struct pawl_runtime *rt, struct eng_worker *worker, uint64_t id,
		 uint64_t for_ns)
{
	struct eng_task *task;

	if (!rt->options.sink || eng_task_find(rt->tasks, id, &task) ||
	    !eng_task_hold(task, id))
		return;
	if (pawl_load_relaxed(&worker->progress) == worker->watched)
		eng_diagnose_blocked(rt, task, for_ns);
	eng_task_release(task);
}

static void block(struct pawl_runtime *rt, struct eng_worker *worker, uint64_t id,
		  uint64_t for_ns)
{
	eng_tally(&rt->watchdog.found);
	pawl_add_relaxed(&rt->idle.surplus, 1u);
	pawl_store_release(&worker->blocked, 1u);
	/* It may have gone to sleep meanwhile: then it looks at that. */
	eng_idle_pushed_to(&rt->idle, worker->idle_number);
	grow(rt);
	/* One that was there already, and did not count. */
	eng_idle_pushed(&rt->idle);
	tell(rt, worker, id, for_ns);
}

static void note(struct eng_worker *worker, uint64_t progress, uint64_t now)
{
	worker->watched = progress;
	worker->watched_ns = now;
}

static void note_all(struct pawl_runtime *rt)
{
	unsigned there = eng_workers(rt);
	uint64_t now = pawl_now_ns();

	for (unsigned i = 0; i < there; i++)
		note(&rt->workers[i], pawl_load_relaxed(&rt->workers[i].progress), now);
}

static void look_at_all(struct pawl_runtime *rt)
{
	unsigned there = eng_workers(rt);
	uint64_t now = pawl_now_ns();

	grow(rt);
	for (unsigned i = 0; i < there; i++) {
		struct eng_worker *worker = &rt->workers[i];
		uint64_t progress = pawl_load_relaxed(&worker->progress);
		uint64_t id = pawl_load_relaxed(&worker->running);

		if (progress != worker->watched || !id)
			note(worker, progress, now);
		else if (now - worker->watched_ns >= rt->watchdog.period_ns &&
			 !pawl_load_relaxed(&worker->blocked))
			block(rt, worker, id, now - worker->watched_ns);
	}
}

/* ---- the thread -------------------------------------------------------------------------- */

static bool stops(const struct pawl_runtime *rt)
{
	return pawl_load_relaxed(&rt->watchdog.stop);
}

/* Armed: until it is disarmed. */
static void watch(struct pawl_runtime *rt)
{
	note_all(rt);
	do {
		uint64_t deadline_ns = pawl_deadline_in(rt->watchdog.period_ns);

		/* Woken by the end, or for nothing. */
		while (!stops(rt) && pawl_park_until(deadline_ns))
			;
		if (stops(rt))
			return;
		eng_tally(&rt->watchdog.looks);
		if (eng_idle_disarm(&rt->idle, look, rt))
			return;
		look_at_all(rt);
	} while (!stops(rt));
}

static void *thread_main(void *arg)
{
	struct pawl_runtime *rt = arg;

	/* Without a slot for it there is no watchdog, and it stays armed: nobody tries again. */
	if (pawl_thread_attach("pawl-watchdog"))
		return NULL;
	pawl_store_relaxed(&rt->idle.guard, (void *)pawl_waiter_thread());
	/* Who ends it either finds that, or is found. */
	pawl_fence_dekker();
	watch(rt);
	while (!stops(rt)) {
		if (pawl_load_relaxed(&rt->idle.armed))
			watch(rt);
		else
			eng_idle_guard_sleep(&rt->idle);
	}
	pawl_thread_detach();
	return NULL;
}

/* Of idle.c: by who armed it, while it has no thread. */
static void start(struct eng_idle *idle)
{
	struct pawl_runtime *rt = PAWL_CONTAINER_OF(idle, struct pawl_runtime, idle);

	if (eng_thread_create(&rt->watchdog.thread, thread_main, rt))
		pawl_store_release(&idle->armed, 0u);
	else
		pawl_store_relaxed(&rt->watchdog.runs, 1u);
}

void eng_watchdog_init(struct pawl_runtime *rt)
{
	rt->watchdog.period_ns = rt->options.watchdog_ns;
	if (rt->watchdog.period_ns != PAWL_FOREVER)
		rt->idle.guard_start = start;
}

void eng_watchdog_fini(struct pawl_runtime *rt)
{
	struct pawl_waiter *guard;

	pawl_store_relaxed(&rt->watchdog.stop, 1u);
	pawl_fence_dekker();
	guard = pawl_load_relaxed(&rt->idle.guard);
	if (guard)
		pawl_unpark(guard);
	if (pawl_load_relaxed(&rt->watchdog.runs))
		pthread_join(rt->watchdog.thread, NULL);
	pawl_store_relaxed(&rt->watchdog.runs, 0u);
}
