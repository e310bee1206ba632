/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/ec.h - event count: how a scheduler's thread sleeps when it found no work.
 *
 *	sleeper                              waker
 *	key = pawl_ec_prepare(&ec);          make work visible;
 *	if (look again finds work)           pawl_ec_notify(&ec, 1);
 *		pawl_ec_cancel(&ec);
 *	else
 *		pawl_ec_wait(&ec, key);
 *
 * A notification after prepare() is never lost: either the second look sees
 * the work, or the wait returns. Waking when nobody sleeps costs one fence
 * and one load.
 *
 * Lifetime: the event count must outlive every call on it: a sleeper still counts itself
 * out after it was woken, and a notifier may still be about to wake.
 *
 * Not for: waiting fibres, naming waiters, waking a certain one (pawl/event.h).
 * An event count sleeps as the thread, whatever runs on it.
 *
 *  call                          progress
 *  pawl_ec_prepare, _cancel      wait-free
 *  pawl_ec_wait, _wait_until     blocks
 *  pawl_ec_notify, _notify_all   wait-free; one futex wake if somebody may sleep
 *
 * Source: the design goes back to D. Vyukov's event count; the split into an
 * epoch and a count of waiters is that of folly's EventCount.
 */
#ifndef PAWL_EC_H
#define PAWL_EC_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

/* 8 bytes; all zero is a valid one. Private. */
struct pawl_ec {
	struct pawl_atomic_u32 pawl_epoch;
	struct pawl_atomic_u32 pawl_waiters;
};
#define PAWL_EC_INIT {{0}, {0}}
PAWL_STATIC_ASSERT(sizeof(struct pawl_ec) == 8, "two words, one futex");

typedef uint32_t pawl_ec_key_t;

/* pawl_ec_init() - Make an event count. Nobody else can see it yet. */
PAWL_API void pawl_ec_init(struct pawl_ec *ec);

/*
 * pawl_ec_prepare() - Announce that the caller is about to sleep.
 *
 * Requires: attached; each prepare is followed by one cancel, wait or wait_until.
 * Returns:  the key for wait.
 * Ordering: a full fence between the announcement and whatever the caller looks at next.
 */
PAWL_API PAWL_MUST_CHECK pawl_ec_key_t pawl_ec_prepare(struct pawl_ec *ec);

/* pawl_ec_cancel() - Not going to sleep after all. */
PAWL_API void pawl_ec_cancel(struct pawl_ec *ec);

/*
 * pawl_ec_wait() - Sleep until a notification that came after the prepare() that gave `key`.
 * May return for nothing: look again.
 *
 * Requires: attached, outside sections, no lock held.
 * Ordering: acquires what the notifier released.
 * Context:  blocks the thread; exactly 2^32 notifications between prepare and here would
 *           be missed.
 */
PAWL_API void pawl_ec_wait(struct pawl_ec *ec, pawl_ec_key_t key);

/*
 * pawl_ec_wait_until() - The same with a deadline.
 *
 * Returns: false if the deadline was over before a notification came.
 */
PAWL_API bool pawl_ec_wait_until(struct pawl_ec *ec, pawl_ec_key_t key, uint64_t deadline_ns);

/*
 * pawl_ec_notify() - Wake up to `n` sleepers; those that prepared and do not sleep yet return
 * at once and are not counted.
 *
 * Ordering: what the caller did before is visible to a sleeper it wakes, and to the
 *           second look of one it finds not asleep.
 * Context:  any thread, attached or not; with locks held if need be.
 */
PAWL_API void pawl_ec_notify(struct pawl_ec *ec, unsigned n);
PAWL_API void pawl_ec_notify_all(struct pawl_ec *ec);

PAWL_END_DECLS

#endif
