/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * park.c - the sticky token of a thread.
 *
 * One word a thread:
 *  EMPTY  -> TOKEN   unpark; the next park takes it and does not sleep
 *  EMPTY  -> PARKED  park, about to sleep on the word
 *  PARKED -> TOKEN   unpark; it then wakes the sleeper
 *  TOKEN  -> EMPTY   park
 *  PARKED -> EMPTY   park, its deadline over
 * Only the owner makes the word EMPTY or PARKED, only wakers make it TOKEN, so the owner knows
 * what it can find. The scheme is that of Rust's futex parker and of Java's LockSupport before it.
 *
 * A park looks a few times with growing pauses before it sleeps: waking a sleeper costs
 * microseconds, and most waits for another core are shorter.
 *
 * Rejected: sched_yield() before it sleeps, for a waker on this processor. Where a stranger is ready
 * to run the system gives it a slice: the thread that was about to sleep is not woken, for it
 * does not sleep, and comes back milliseconds later (bench/b-runtime, task-wake: 1.4 ms in place of
 * 0.01 ms with two processes on two processors).
 *
 * Ordering:
 *  O1 unpark() exchanges with release; take_token() and the end of a timed-out park acquire.
 *     Tokens left while one is there already are exchanges, too, and continue the release
 *     sequence of the first: the park that takes it acquires from all of them.
 *  No fence is needed between the token and the sleeper's state: both are one word.
 *
 * Progress: unpark is wait-free. Taking no memory, it can be used where failing is impossible.
 *
 * Lifetime: unpark touches the block after its owner may have gone on; blocks are type-stable
 * (thread-internal.h).
 */
#include "config.h"

#include <time.h>
#include <unistd.h>

#include <pawl/rcu.h>

#include "arch.h"
#include "futex.h"
#include "park-internal.h"
#include "retire-internal.h"

enum { EMPTY, TOKEN, PARKED };

/* Processors + 1, or 0: not asked yet. Every thread that asks gets the same answer. */
static struct pawl_atomic_u32 processors_plus_1;

unsigned pawl__spin_turns(void)
{
	uint32_t known = pawl_load_relaxed(&processors_plus_1);

	if (PAWL__SPIN_TURNS && PAWL_UNLIKELY(!known)) {
		long online = sysconf(_SC_NPROCESSORS_ONLN);

		known = (online > 0 ? (uint32_t)online : 1) + 1;
		pawl_store_relaxed(&processors_plus_1, known);
	}
	return known > 2 ? PAWL__SPIN_TURNS : 0;
}

uint64_t pawl_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t pawl__now_coarse_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t pawl_deadline_in(uint64_t ns)
{
	uint64_t now = pawl_now_ns();

	return ns < PAWL_FOREVER - now ? now + ns : PAWL_FOREVER;
}

void pawl__sleep_begin(struct pawl__thread *self)
{
	pawl__retire_hand_over(self);
	pawl_rcu_idle_enter();
}

void pawl__sleep_end(struct pawl__thread *self)
{
	(void)self;
	pawl_rcu_idle_leave();
}

static bool take_token(struct pawl__thread *self)
{
	uint32_t seen = TOKEN;

	return pawl_cas_acquire(&self->park_state, &seen, EMPTY); /* O1 */
}

/* The token without sleeping, if it is there or comes soon. */
static bool take_token_soon(struct pawl__thread *self)
{
	unsigned turns = pawl__spin_turns();

	for (unsigned turn = 0; turn < turns; turn++) {
		/* Relaxed: only a hint, take_token() acquires. */
		if (pawl_load_relaxed(&self->park_state) == TOKEN)
			break;
		pawl__spin_turn(turn);
	}
	return take_token(self);
}

/* Sleep on the word. Returns false if the deadline is over and no token was there. */
static bool sleep_for_token(struct pawl__thread *self, uint64_t deadline_ns)
{
	uint32_t seen = EMPTY;

	/* Relaxed: publishes nothing, and what it finds instead is taken with acquire. */
	if (!pawl_cas_relaxed(&self->park_state, &seen, PARKED))
		return take_token(self);
	while (pawl__futex_wait(&self->park_state, PARKED, deadline_ns)) {
		if (take_token(self))
			return true;
	}
	/* The deadline won unless a token came in between: O1. */
	return pawl_xchg_acquire(&self->park_state, EMPTY) == TOKEN;
}

static bool thread_park(struct pawl_waiter *waiter, uint64_t deadline_ns)
{
	struct pawl__thread *self = PAWL_CONTAINER_OF(waiter, struct pawl__thread, waiter);
	bool token;

	if (!deadline_ns)
		return take_token(self);
	if (take_token_soon(self))
		return true;
	pawl__sleep_begin(self);
	token = sleep_for_token(self, deadline_ns);
	pawl__sleep_end(self);
	return token;
}

void pawl__park_online(struct pawl__thread *self)
{
	/* A lock's waiter has looked long enough before it came here. */
	if (!take_token(self))
		(void)sleep_for_token(self, PAWL_FOREVER);
}

static void thread_unpark(struct pawl_waiter *waiter)
{
	struct pawl__thread *thread = PAWL_CONTAINER_OF(waiter, struct pawl__thread, waiter);

	if (pawl_xchg_release(&thread->park_state, TOKEN) == PARKED) /* O1 */
		pawl__futex_wake(&thread->park_state, 1);
}

const struct pawl_waiter_ops pawl__thread_waiter_ops = {
	.park = thread_park,
	.unpark = thread_unpark,
	.kind = "thread",
	.own_thread = true,
};

struct pawl_waiter *pawl_waiter_self(void)
{
	return pawl__self_required()->current;
}

struct pawl_waiter *pawl_waiter_thread(void)
{
	return &pawl__self_required()->waiter;
}

struct pawl_waiter *pawl_waiter_set(struct pawl_waiter *waiter)
{
	struct pawl__thread *self = pawl__self_required();
	struct pawl_waiter *before = self->current;

	pawl__may_park(self);
	self->current = waiter ? waiter : &self->waiter;
	return before == &self->waiter ? NULL : before;
}

void pawl_park(void)
{
	(void)pawl_park_until(PAWL_FOREVER);
}

bool pawl_park_until(uint64_t deadline_ns)
{
	struct pawl__thread *self = pawl__self_required();
	struct pawl_waiter *waiter = self->current;

	pawl__may_park(self);
	return waiter->ops->park(waiter, deadline_ns);
}

void pawl_unpark(struct pawl_waiter *waiter)
{
	waiter->ops->unpark(waiter);
}
