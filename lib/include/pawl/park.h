/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/park.h - put a thread or a fibre to sleep until somebody wakes it.
 *
 * A waiter is whatever can sleep: every attached thread has one, and a
 * scheduler can make more (fibres) by filling in the table. Each has one sticky
 * token: unpark() before park() is not lost, several unparks before a park are
 * one. Waking is cheap and may come late, so park() may return with nothing
 * new: callers look again at what they wait for. And they look immediately before they
 * park: waiting for an event uses the same token and may take it (a contended lock leaves one).
 *
 * Not for: waiting for a condition; pawl/event.h does that and says who waits.
 *
 *  call                   progress
 *  pawl_park, _until      blocks
 *  pawl_unpark            wait-free, at most one futex wake
 *  pawl_waiter_self       wait-free
 */
#ifndef PAWL_PARK_H
#define PAWL_PARK_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

struct pawl_waiter;

/*
 * How one kind of waiter sleeps. park and unpark get the waiter itself.
 */
struct pawl_waiter_ops {
	/*
	 * Consume the token, or sleep until it comes or `deadline_ns` is over
	 * (PAWL_FOREVER: never). Runs on the waiter's own thread. Acquires what
	 * the unpark released. Returns false only if the deadline is over and
	 * there was no token; may return true with no token.
	 */
	bool (*park)(struct pawl_waiter *waiter, uint64_t deadline_ns);

	/* Leave the token (release); wake the waiter if it sleeps. Any attached thread. */
	void (*unpark)(struct pawl_waiter *waiter);

	/* For dumps: kind ("thread", "fibre") and a number among its kind. */
	const char *kind;

	/*
	 * park blocks a thread, so the waiter goes on as soon as it is woken. False, also
	 * if left out: it goes on when its scheduler gets to it, and nobody may depend on
	 * that; a lock is not handed over to such a waiter (pawl/lock.h).
	 */
	bool own_thread;
};

/*
 * To be embedded in the thing that sleeps. `ops` never changes.
 *
 * Lifetime: an unpark may arrive after its waiter has gone on, because the waker stores
 * "you are notified" first and wakes second. The storage of a waiter must therefore stay a
 * valid waiter until every call that could have seen it has returned: keep waiters in a
 * pool and reuse them as waiters (a late unpark is then a spurious wake-up, which all
 * callers bear), and give the pool back when its users are gone.
 */
struct pawl_waiter {
	const struct pawl_waiter_ops *ops;
	/* For dumps, set by the owner: slot of a thread, id of a fibre. */
	uint64_t number;
};

/*
 * pawl_waiter_self() - What the calling code sleeps as: the fibre that pawl_waiter_set()
 * named last on this thread, else the thread.
 *
 * Requires: attached.
 */
PAWL_API struct pawl_waiter *pawl_waiter_self(void);

/* pawl_waiter_thread() - The calling thread's own waiter, whatever runs on it. Requires: attached. */
PAWL_API struct pawl_waiter *pawl_waiter_thread(void);

/*
 * pawl_waiter_set() - For schedulers: from now on the code on this thread sleeps as `waiter`;
 * NULL: as the thread.
 *
 * Requires: attached, no lock held, outside sections.
 * Returns:  what was set before (NULL: the thread).
 */
PAWL_API struct pawl_waiter *pawl_waiter_set(struct pawl_waiter *waiter);

/*
 * pawl_park() - Sleep as pawl_waiter_self() until unparked. May return for nothing.
 *
 * Requires: attached, outside sections, no lock held.
 * Ordering: acquires what the unpark it consumed released.
 */
PAWL_API void pawl_park(void);

/*
 * pawl_park_until() - The same with a deadline.
 *
 * Returns: false if the deadline was over and no token was there.
 */
PAWL_API bool pawl_park_until(uint64_t deadline_ns);

/*
 * pawl_unpark() - Leave the token, wake the waiter if it sleeps.
 *
 * Requires: attached; the waiter's storage is valid (see struct pawl_waiter).
 * Ordering: releases to the park that consumes the token.
 * Context:  may be called with locks held; better not.
 */
PAWL_API void pawl_unpark(struct pawl_waiter *waiter);

/* pawl_now_ns() - CLOCK_MONOTONIC. Any thread. */
PAWL_API uint64_t pawl_now_ns(void);

/* pawl_deadline_in() - pawl_now_ns() + ns, PAWL_FOREVER if that is too far. Any thread. */
PAWL_API uint64_t pawl_deadline_in(uint64_t ns);

PAWL_END_DECLS

#endif
