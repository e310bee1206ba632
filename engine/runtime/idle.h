/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * idle.h - how workers go to sleep and are woken, and nothing is left lying.
 *
 *	worker                                    who makes an item ready
 *	eng_idle_search(idle);                    make the item visible;
 *	while (!(item = take something))          eng_idle_pushed(idle);
 *		eng_idle_sleep(idle, ...);
 *	eng_idle_found(idle, ...);
 *	run item, and all that is found without searching
 *
 * One worker may be stepped: it has no thread of its own, but a host that comes to it now and then, whenever
 * it was told to. Its step begins with eng_idle_rise(), and ends with eng_idle_doze().
 *
 * Every push leaves a worker that searches, or wakes one that sleeps; it wakes at most one, and
 * none while one searches. A worker that was woken counts as searching from the moment it is
 * chosen, so that a burst of pushes wakes one worker, which wakes the next if there is more to do.
 *
 * Not every worker may run everything. One that is full does not run what needs room; a surplus
 * worker runs its own things alone while it is not counted. A search that such a worker ends leaves
 * what is not for it: it passes the wake on to one that it is for.
 *
 * If nobody searches and nobody is to be woken, what was pushed waits until a worker has run what it
 * runs, which may be never: then the guard is armed, a thread that looks after them from time to time.
 *
 *  call                             progress
 *  eng_idle_pushed, ...             wait-free; a fence and two loads if nobody is to be woken; the first
 *				     to arm the guard starts it
 *  eng_idle_join, _search, _found   wait-free but for the caller's look
 *  eng_idle_rise, _doze             the same
 *  eng_idle_sleep                   blocks
 */
#ifndef ENG_IDLE_H
#define ENG_IDLE_H

#include <pawl/base.h>

struct pawl_waiter;

#define ENG_IDLE_WORKERS_MAX 512

/* What a look finds: for this worker; for any; for any with room. */
#define ENG_IDLE_MINE  1u
#define ENG_IDLE_ANY   2u
#define ENG_IDLE_ROOMY 4u

/*
 * What is there, and for whom? Loads only, of whatever order; called after a full fence. Covers
 * everything that _pushed(), _pushed_roomy() and, to this worker, _pushed_to() are called for. It need not
 * say ROOMY beside ANY.
 */
typedef unsigned eng_idle_look(void *arg);

struct eng_idle {
	/* Workers that search, and those chosen to. Signed; too low for moments (idle.c, I3). */
	struct pawl_atomic_u32 searching;
	/* Bit of a worker set: it sleeps or is about to. Set by it, cleared by who wakes it. */
	PAWL_ALIGNED(64) struct pawl_atomic_u64 asleep[ENG_IDLE_WORKERS_MAX / 64];
	/* It is full. By it alone, while its other bit is clear. */
	PAWL_ALIGNED(64) struct pawl_atomic_u64 full[ENG_IDLE_WORKERS_MAX / 64];
	/* Each written once, by its worker, before it first sets its bit. */
	struct pawl_waiter *waiters[ENG_IDLE_WORKERS_MAX];
	/* Of the workers; the surplus ones begin behind them. */
	unsigned words;
	/* The worker that is stepped; ENG_IDLE_WORKERS_MAX: none. Written before anybody else is here. */
	unsigned stepped;
	/* How many of the surplus workers count. By the guard, and whom it found blocked. */
	struct pawl_atomic_u32 surplus;
	/* 1: the guard is awake, or about to be. All threads. */
	struct pawl_atomic_u32 armed;
	/* Starts it, when it is armed for the first time; NULL: there is none. */
	void (*guard_start)(struct eng_idle *idle);
	/* Its waiter, written by the guard before it first disarms itself. */
	struct pawl_atomic_ptr guard;
	/* How often somebody was woken. Relaxed: statistics. */
	PAWL_ALIGNED(64) struct pawl_atomic_u64 wakes;
};

/*
 * eng_idle_init() - For workers 0 to workers - 1; at most ENG_IDLE_WORKERS_MAX. There is no guard, until
 * guard_start is set.
 */
void eng_idle_init(struct eng_idle *idle, unsigned workers);

/* eng_idle_surplus() - The number of the surplus worker i; less than ENG_IDLE_WORKERS_MAX. */
unsigned eng_idle_surplus(const struct eng_idle *idle, unsigned i);

/* eng_idle_join() - The calling thread is `worker`: before its first sleep, once. Requires: attached. */
void eng_idle_join(struct eng_idle *idle, unsigned worker);

/*
 * eng_idle_join_stepped() - `worker` is stepped: it is woken by unparking `bell`. Once, before any other thread
 * makes a call here.
 */
void eng_idle_join_stepped(struct eng_idle *idle, unsigned worker, struct pawl_waiter *bell);

/*
 * eng_idle_pushed() - Something is visible that any worker can take; one call does for a batch.
 *
 * Requires: attached.
 */
void eng_idle_pushed(struct eng_idle *idle);

/* eng_idle_pushed_roomy() - The same, of what only one with room can take. */
void eng_idle_pushed_roomy(struct eng_idle *idle);

/* eng_idle_set_full() - The calling worker is full, or is not. Before it sleeps. */
void eng_idle_set_full(struct eng_idle *idle, unsigned worker, bool full);

/* eng_idle_pushed_to() - Something is visible that only `worker` can take. Requires: attached. */
void eng_idle_pushed_to(struct eng_idle *idle, unsigned worker);

/* eng_idle_all() - Do all of the first `workers` sleep, or are about to? Old at once. */
bool eng_idle_all(const struct eng_idle *idle, unsigned workers);

/* eng_idle_is_asleep() - The same of one. */
bool eng_idle_is_asleep(const struct eng_idle *idle, unsigned worker);

/* eng_idle_search() - The calling worker begins to search. */
void eng_idle_search(struct eng_idle *idle);

/*
 * eng_idle_found() - It found something and ends its search; it may run only then. What else is there is
 * left to others; what is MINE alone to itself.
 */
void eng_idle_found(struct eng_idle *idle, eng_idle_look *look, void *arg);

/*
 * eng_idle_sleep() - It found nothing: sleep until a push or the deadline, unless a last look finds
 * something. Afterwards it searches again. May return for nothing.
 *
 * Requires: attached; the calling worker searches; outside sections, no lock held.
 * Ordering: what was done before the push that woke it has been seen.
 */
void eng_idle_sleep(struct eng_idle *idle, unsigned worker, uint64_t deadline_ns,
		    eng_idle_look *look, void *arg);

/*
 * eng_idle_doze() - The worker that is stepped found nothing: from here on a push unparks its bell. By its
 * host's thread, while it searches.
 *
 * Returns: true: it does not search any more, and dozes; false: a last look found something, and it searches on.
 *          The bell may be unparked all the same.
 */
PAWL_MUST_CHECK bool eng_idle_doze(struct eng_idle *idle, unsigned worker, eng_idle_look *look,
				   void *arg);

/*
 * eng_idle_rise() - It is stepped, whether it dozed or not; it does not search yet.
 *
 * Ordering: what was done before the push that unparked the bell has been seen.
 */
void eng_idle_rise(struct eng_idle *idle, unsigned worker);

/*
 * eng_idle_disarm() - The calling thread is the guard, and armed: stop being, unless something waits that
 * nobody looks for. `look` is one that may run nothing.
 *
 * Returns: false: it is still armed, or again.
 */
PAWL_MUST_CHECK bool eng_idle_disarm(struct eng_idle *idle, eng_idle_look *look, void *arg);

/* eng_idle_guard_sleep() - Disarmed: sleep until armed. May return for nothing. Requires: as sleep. */
void eng_idle_guard_sleep(struct eng_idle *idle);

#endif
