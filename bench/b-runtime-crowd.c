/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-runtime-crowd.c - tasks of ours: many that wait, timers, wake-ups from outside, small jobs, results handed
 * over.
 */
#include "runtime-ours.h"

#include <pawl/event.h>
#include <pawl/parallel.h>
#include <pawl/park.h>

#include "runtime/wheel.h"

/* ---- a crowd ---------------------------------------------------------------------- */

struct crowd {
	struct b_crowd all;
	struct ours *ours;
	struct pawl_event go;
	uint32_t flags;
};

static int crowd_body(void *arg, void **ret_value)
{
	struct crowd *crowd = arg;
	struct pawl_listener listener;

	(void)ret_value;
	pawl_event_listen(&crowd->go, &listener, "go", 0);
	b_crowd_come(&crowd->all);
	if (pawl_wait(&listener, PAWL_FOREVER))
		b_die("a wait failed");
	b_crowd_go(&crowd->all, crowd->ours->numbers[pawl_thread_slot()]);
	return 0;
}

static int crowd_spawn(void *arg, void **ret_value)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct crowd *crowd = arg;

	(void)ret_value;
	options.flags = crowd->flags;
	for (uint64_t i = 0; i < crowd->all.size; i++) {
		if (pawl_spawn(crowd->ours->root, &options, crowd_body, crowd, NULL))
			b_die("a spawn was refused");
	}
	return 0;
}

static int crowd_make(struct b_run *run, uint32_t flags)
{
	struct crowd *crowd = b_alloc(sizeof(*crowd));

	ours_attach();
	b_crowd_init(&crowd->all, run->count);
	crowd->ours = run->prepared;
	crowd->flags = flags;
	pawl_event_init(&crowd->go);
	ours_join(crowd->ours, ours_spawn(crowd->ours, crowd_spawn, crowd));
	b_crowd_wait(&crowd->all);
	run->state = crowd;
	pawl_thread_detach();
	return 0;
}

static int crowd_local(struct b_run *run)
{
	return crowd_make(run, PAWL_TASK_LOCAL);
}

static int crowd_anywhere(struct b_run *run)
{
	return crowd_make(run, 0);
}

static void crowd_release(struct b_worker *w, uint64_t n)
{
	struct crowd *crowd = w->run->state;

	(void)n;
	pawl_event_notify_all(&crowd->go);
	b_crowd_wait(&crowd->all);
}

/* The last bodies may be on their way out, but none of them looks at the crowd any more. */
static void crowd_over(struct b_run *run)
{
	struct crowd *crowd = run->state;

	b_crowd_report(run, &crowd->all);
	free(crowd);
}

/* ---- timers ------------------------------------------------------------------------- */

struct timers {
	struct eng_wheel wheel;
	struct eng_timer *timers;
	uint64_t count;
};

static int timers_prepare(const struct b_case *cas, void **ret_prepared)
{
	struct timers *at = b_alloc(sizeof(*at));
	struct b_worker draw = {.random = 0x9e3779b97f4a7c15u};

	(void)cas;
	at->count = B_TIMERS;
	at->timers = b_alloc(at->count * sizeof(*at->timers));
	eng_wheel_init(&at->wheel, 0);
	for (uint64_t i = 0; i < at->count; i++)
		eng_wheel_insert(&at->wheel, &at->timers[i], b_far_ns(b_random(&draw)));
	*ret_prepared = at;
	return 0;
}

static void timers_discard(void *prepared)
{
	struct timers *at = prepared;

	free(at->timers);
	free(at);
}

static void timers_work(struct b_worker *w, uint64_t n)
{
	struct timers *at = w->run->prepared;

	while (n--) {
		struct eng_timer *timer = &at->timers[b_random(w) % at->count];

		eng_wheel_cancel(&at->wheel, timer);
		eng_wheel_insert(&at->wheel, timer, b_far_ns(b_random(w)));
	}
}

static int sleep_body(void *arg, void **ret_value)
{
	struct b_crowd *crowd = arg;

	(void)ret_value;
	b_crowd_come(crowd);
	return pawl_sleep_until(pawl_deadline_in(b_far_ns(0)));
}

static void sleepers(struct b_worker *w, uint64_t n)
{
	struct ours *ours = w->run->prepared;
	pawl_task_t *tasks = b_alloc(n * sizeof(*tasks));
	struct b_crowd crowd;

	b_crowd_init(&crowd, n);
	for (uint64_t i = 0; i < n; i++)
		tasks[i] = ours_spawn(ours, sleep_body, &crowd);
	b_crowd_wait(&crowd);
	for (uint64_t i = 0; i < n; i++)
		pawl_task_cancel(ours->rt, tasks[i]);
	for (uint64_t i = 0; i < n; i++)
		ours_join(ours, tasks[i]);
	sem_destroy(&crowd.complete);
	free(tasks);
}

/* ---- from outside ---------------------------------------------------------------------- */

struct target {
	struct b_wake wake;
	struct pawl_atomic_u64 posted;
	struct pawl_event event;
};

static int target_body(void *arg, void **ret_value)
{
	struct target *target = arg;
	uint64_t seen = 0;
	uint64_t posted;

	(void)ret_value;
	for (;;) {
		struct pawl_listener listener;

		pawl_event_listen(&target->event, &listener, "post", 0);
		posted = pawl_load_acquire(&target->posted);
		if (posted == seen) {
			if (pawl_wait(&listener, PAWL_FOREVER))
				b_die("a wait failed");
			posted = pawl_load_acquire(&target->posted);
		} else {
			pawl_event_unlisten(&listener);
		}
		if (posted == UINT64_MAX)
			return 0;
		if (posted != seen)
			b_wake_up(&target->wake);
		seen = posted;
	}
}

static void target_post(struct target *target, uint64_t posted)
{
	pawl_store_release(&target->posted, posted);
	pawl_event_notify(&target->event, 1);
}

static void wake(struct b_worker *w, uint64_t n)
{
	struct ours *ours = w->run->prepared;
	struct target *target = b_alloc(sizeof(*target));
	uint64_t posted = 0;
	pawl_task_t task;

	pawl_event_init(&target->event);
	task = ours_spawn(ours, target_body, target);
	B_WAKE_LOOP(w, n, &target->wake, target_post(target, ++posted));
	target_post(target, UINT64_MAX);
	ours_join(ours, task);
	free(target);
}

static int start_body(void *arg, void **ret_value)
{
	(void)ret_value;
	b_wake_up(arg);
	return 0;
}

static void start(struct b_worker *w, uint64_t n)
{
	struct ours *ours = w->run->prepared;
	struct b_wake *target = b_alloc(sizeof(*target));

	B_WAKE_LOOP(w, n, target,
		    if (pawl_spawn(ours->root, NULL, start_body, target, NULL))
			    b_die("a spawn was refused"));
	free(target);
}

/* ---- many small jobs ------------------------------------------------------------------- */

static int small_job(void *arg, size_t index)
{
	(void)arg;
	b_use(index);
	b_outside(B_JOB);
	return 0;
}

static void jobs(struct b_worker *w, struct ours *ours, uint64_t n)
{
	(void)w;
	if (pawl_parallel(ours->root, n, small_job, NULL, NULL))
		b_die("a job failed");
}
INSIDE(jobs)

static void jobs_alone(struct b_worker *w, uint64_t n)
{
	(void)w;
	for (uint64_t i = 0; i < n; i++)
		small_job(NULL, i);
}

/* ---- completions ------------------------------------------------------------------------ */

struct promises {
	struct ours *ours;
	uint64_t n;
	pawl_task_t *tasks;
	pawl_producer_t *producers;
};

static int produce_body(void *arg, void **ret_value)
{
	struct promises *at = arg;

	(void)ret_value;
	for (uint64_t i = 0; i < at->n; i++) {
		if (pawl_complete(at->ours->rt, at->producers[i], at))
			b_die("a completion was refused");
		pawl_producer_drop(at->ours->rt, at->producers[i]);
	}
	return 0;
}

/* A batch of them, completed in order by another task, and waited for in order. */
static void completions(struct b_worker *w, struct ours *ours, uint64_t n)
{
	uint64_t batch = b_batch(w->run->cas, n);
	struct promises at = {.ours = ours};

	at.tasks = b_alloc(batch * sizeof(*at.tasks));
	at.producers = b_alloc(batch * sizeof(*at.producers));
	for (; n; n -= at.n) {
		pawl_task_t producer;

		at.n = n < batch ? n : batch;
		for (uint64_t i = 0; i < at.n; i++) {
			if (pawl_completion_create(ours->root, NULL, &at.tasks[i],
						   &at.producers[i]))
				b_die("a completion was refused");
		}
		producer = ours_spawn(ours, produce_body, &at);
		for (uint64_t i = 0; i < at.n; i++)
			ours_join(ours, at.tasks[i]);
		ours_join(ours, producer);
	}
	free(at.tasks);
	free(at.producers);
}
INSIDE(completions)

/* ------------------------------------------------------------------------------------------ */

/* clang-format off */
static const struct b_case cases[] = {
	OURS("task-release", "pawl", 1, 0, crowd_release, .setup = crowd_anywhere,
	     .teardown = crowd_over),
	OURS("task-release", "pawl", 2, 0, crowd_release, .setup = crowd_anywhere,
	     .teardown = crowd_over),
	OURS("task-release", "pawl-local", 2, 0, crowd_release, .setup = crowd_local,
	     .teardown = crowd_over),
	{.bench = "timer-insert", .contender = "pawl", .threads = 1,
	 .prepare = timers_prepare, .discard = timers_discard, .work = timers_work},
	BOTH("task-sleep", "pawl", 0, sleepers),
	BOTH("task-wake", "pawl", 0, wake),
	BOTH("task-start", "pawl", 0, start),
	OURS("task-parallel", "(one loop)", 1, 0, jobs_alone),
	BOTH("task-parallel", "pawl", 0, jobs_inside),
	BOTH("task-completion", "pawl", 1000, completions_inside),
};
/* clang-format on */
B_CASES(cases)
