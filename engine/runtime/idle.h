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
 *  call                             progress
 *  eng_idle_pushed, _pushed_to      wait-free; a fence and two loads if nobody is to be woken
 *  eng_idle_join, _search, _found   wait-free but for the caller's look
 *  eng_idle_rise, _doze             the same
 *  eng_idle_sleep                   blocks
 */
#ifndef ENG_IDLE_H
#define ENG_IDLE_H

#include <pawl/base.h>

struct pawl_waiter;

#define ENG_IDLE_WORKERS_MAX 512

/*
 * Is there anything that this worker could run? Loads only, of whatever order; called after a
 * full fence. Covers everything that _pushed() and, to this worker, _pushed_to() are called for.
 */
typedef bool eng_idle_look(void *arg);

struct eng_idle {
	/* Workers that search, and those chosen to. Signed; too low for moments (idle.c, I3). */
	struct pawl_atomic_u32 searching;
	/* Bit of a worker set: it sleeps or is about to. Set by it, cleared by who wakes it. */
	PAWL_ALIGNED(64) struct pawl_atomic_u64 asleep[ENG_IDLE_WORKERS_MAX / 64];
	/* Each written once, by its worker, before it first sets its bit. */
	struct pawl_waiter *waiters[ENG_IDLE_WORKERS_MAX];
	unsigned words;
	/* The worker that is stepped; ENG_IDLE_WORKERS_MAX: none. Written before anybody else is here. */
	unsigned stepped;
	/* How often somebody was woken. Relaxed: statistics. */
	struct pawl_atomic_u64 wakes;
};

/* eng_idle_init() - For workers 0 to workers - 1; at most ENG_IDLE_WORKERS_MAX. */
void eng_idle_init(struct eng_idle *idle, unsigned workers);

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

/* eng_idle_pushed_to() - Something is visible that only `worker` can take. Requires: attached. */
void eng_idle_pushed_to(struct eng_idle *idle, unsigned worker);

/* eng_idle_all() - Do all of the first `workers` sleep, or are about to? Old at once. */
bool eng_idle_all(const struct eng_idle *idle, unsigned workers);

/* eng_idle_search() - The calling worker begins to search. */
void eng_idle_search(struct eng_idle *idle);

/* eng_idle_found() - It found something and ends its search; it may run only then. */
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

#endif
