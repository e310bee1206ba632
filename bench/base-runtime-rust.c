/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-runtime-rust.c - tokio, through the static library that peers/ builds (module tasks).
 *
 * "tokio" is the multi-thread runtime with as many workers, "tokio-current" the current-thread one, on the
 * thread that drives: it has no other threads to look after, so it is shown where there is one
 * worker and the work comes from tasks. Features: rt-multi-thread, sync, time. The same is done by
 * both: every task is waited for by its handle, and a wait can be cancelled (a future by dropping it).
 * Not the same: tokio's tasks are state machines without stacks, and move between workers when
 * they are woken; ours have a stack and stay.
 */
#include "work-runtime.h"

#include <stdlib.h>

struct tk_runtime;
struct tk_notify;
struct tk_timers;
struct tk_target;

struct tk_runtime *tk_new(uint32_t workers);
void tk_drop(struct tk_runtime *runtime);
void tk_join(struct tk_runtime *runtime, uint64_t n);
void tk_join_batches(struct tk_runtime *runtime, uint64_t n, uint64_t batch);
void tk_join_outside(struct tk_runtime *runtime, uint64_t n);
void tk_join_outside_batches(struct tk_runtime *runtime, uint64_t n, uint64_t batch);
void tk_fib(struct tk_runtime *runtime, uint64_t n, uint64_t of);
void tk_turns(struct tk_runtime *runtime, uint64_t n);
void tk_turns_apart(struct tk_runtime *runtime, uint64_t n);
void tk_yield(struct tk_runtime *runtime, uint64_t n);
struct tk_notify *tk_crowd_make(struct tk_runtime *runtime, uint64_t n, void (*come)(void *arg),
				void (*go)(void *arg, uint32_t worker), void *arg);
void tk_crowd_release(struct tk_notify *notify);
void tk_crowd_drop(struct tk_notify *notify);
struct tk_timers *tk_timers_new(uint64_t n);
void tk_timers_drop(struct tk_timers *timers);
void tk_timers_work(struct tk_timers *timers, uint64_t n, bool reset);
void tk_sleepers(struct tk_runtime *runtime, uint64_t n, void (*come)(void *arg),
		 void (*complete)(void *arg), void *arg);
struct tk_target *tk_target_new(struct tk_runtime *runtime, void (*woken)(void *arg),
				void *arg);
void tk_target_post(struct tk_target *target);
void tk_target_drop(struct tk_target *target);
void tk_start(struct tk_runtime *runtime, void (*body)(void *arg), void *arg);
void tk_oneshots(struct tk_runtime *runtime, uint64_t n, uint64_t batch);

static int prepare(const struct b_case *cas, void **ret_prepared)
{
	*ret_prepared = tk_new(b_workers(cas));
	return 0;
}

static int prepare_current(const struct b_case *cas, void **ret_prepared)
{
	(void)cas;
	*ret_prepared = tk_new(0);
	return 0;
}

static void discard(void *prepared)
{
	tk_drop(prepared);
}

#define PLAIN(NAME)                                             \
	static void NAME##_work(struct b_worker *w, uint64_t n) \
	{                                                       \
		NAME(w->run->prepared, n);                      \
	}
#define BATCHED(NAME)                                               \
	static void NAME##_work(struct b_worker *w, uint64_t n)     \
	{                                                           \
		NAME(w->run->prepared, n, b_batch(w->run->cas, n)); \
	}

PLAIN(tk_join)
BATCHED(tk_join_batches)
PLAIN(tk_join_outside)
BATCHED(tk_join_outside_batches)
PLAIN(tk_turns)
PLAIN(tk_turns_apart)
PLAIN(tk_yield)
BATCHED(tk_oneshots)

static void tk_fib_work(struct b_worker *w, uint64_t n)
{
	tk_fib(w->run->prepared, n, B_FIB);
}

/* ---- a crowd ---------------------------------------------------------------------- */

struct crowd {
	struct b_crowd all;
	struct tk_notify *notify;
};

static void come(void *arg)
{
	b_crowd_come(arg);
}

static void go(void *arg, uint32_t worker)
{
	b_crowd_go(arg, worker);
}

static void complete(void *arg)
{
	b_crowd_wait(arg);
}

static int crowd_make(struct b_run *run)
{
	struct crowd *crowd = b_alloc(sizeof(*crowd));

	b_crowd_init(&crowd->all, run->count);
	crowd->notify = tk_crowd_make(run->prepared, run->count, come, go, &crowd->all);
	b_crowd_wait(&crowd->all);
	run->state = crowd;
	return 0;
}

static void crowd_release(struct b_worker *w, uint64_t n)
{
	struct crowd *crowd = w->run->state;

	(void)n;
	tk_crowd_release(crowd->notify);
	b_crowd_wait(&crowd->all);
}

static void crowd_over(struct b_run *run)
{
	struct crowd *crowd = run->state;

	b_crowd_report(run, &crowd->all);
	tk_crowd_drop(crowd->notify);
	free(crowd);
}

static void sleepers(struct b_worker *w, uint64_t n)
{
	struct b_crowd crowd;

	b_crowd_init(&crowd, n);
	tk_sleepers(w->run->prepared, n, come, complete, &crowd);
	sem_destroy(&crowd.complete);
}

/* ---- timers ----------------------------------------------------------------------- */

static int timers_prepare(const struct b_case *cas, void **ret_prepared)
{
	(void)cas;
	*ret_prepared = tk_timers_new(B_TIMERS);
	return 0;
}

static void timers_discard(void *prepared)
{
	tk_timers_drop(prepared);
}

static void timers_work(struct b_worker *w, uint64_t n)
{
	tk_timers_work(w->run->prepared, n, w->run->cas->arg);
}

/* ---- from outside ------------------------------------------------------------------ */

static void woken(void *arg)
{
	b_wake_up(arg);
}

static void wake(struct b_worker *w, uint64_t n)
{
	struct b_wake *at = b_alloc(sizeof(*at));
	struct tk_target *target = tk_target_new(w->run->prepared, woken, at);

	B_WAKE_LOOP(w, n, at, tk_target_post(target));
	tk_target_drop(target);
	free(at);
}

static void start(struct b_worker *w, uint64_t n)
{
	struct b_wake *at = b_alloc(sizeof(*at));

	B_WAKE_LOOP(w, n, at, tk_start(w->run->prepared, woken, at));
	free(at);
}

#define TOKIO(BENCH, WORKERS, BATCH, WORK, ...) \
	B_TASKS(BENCH, "tokio", WORKERS, BATCH, prepare, discard, WORK, __VA_ARGS__)
#define BOTH(BENCH, BATCH, WORK) \
	TOKIO(BENCH, 1, BATCH, WORK, .enter = NULL), TOKIO(BENCH, 2, BATCH, WORK, .enter = NULL)
#define CURRENT(BENCH, BATCH, WORK) \
	B_TASKS(BENCH, "tokio-current", 1, BATCH, prepare_current, discard, WORK, .enter = NULL)

/* clang-format off */
static const struct b_case cases[] = {
	BOTH("task-join", 0, tk_join_work),
	CURRENT("task-join", 0, tk_join_work),
	BOTH("task-join-1000", 1000, tk_join_batches_work),
	CURRENT("task-join-1000", 1000, tk_join_batches_work),
	BOTH("task-join-outside", 0, tk_join_outside_work),
	BOTH("task-join-outside-1000", 1000, tk_join_outside_batches_work),
	BOTH("task-fan", 0, tk_join_batches_work),
	CURRENT("task-fan", 0, tk_join_batches_work),
	BOTH("task-fib", 0, tk_fib_work),
	CURRENT("task-fib", 0, tk_fib_work),
	BOTH("task-ping-pong", 0, tk_turns_work),
	CURRENT("task-ping-pong", 0, tk_turns_work),
	TOKIO("task-ping-pong-apart", 2, 0, tk_turns_apart_work, .enter = NULL),
	BOTH("task-yield", 0, tk_yield_work),
	CURRENT("task-yield", 0, tk_yield_work),
	TOKIO("task-release", 1, 0, crowd_release, .setup = crowd_make, .teardown = crowd_over),
	TOKIO("task-release", 2, 0, crowd_release, .setup = crowd_make, .teardown = crowd_over),
	{.bench = "timer-insert", .contender = "tokio", .threads = 1,
	 .prepare = timers_prepare, .discard = timers_discard, .work = timers_work},
	{.bench = "timer-insert", .contender = "tokio-reset", .arg = 1, .threads = 1,
	 .prepare = timers_prepare, .discard = timers_discard, .work = timers_work},
	BOTH("task-sleep", 0, sleepers),
	BOTH("task-wake", 0, wake),
	BOTH("task-start", 0, start),
	BOTH("task-completion", 1000, tk_oneshots_work),
	CURRENT("task-completion", 1000, tk_oneshots_work),
};
/* clang-format on */
B_CASES(cases)
