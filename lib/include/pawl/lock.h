/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/lock.h - a mutual-exclusion lock of four bytes, to be put into every object.
 *
 * Free: one compare-exchange to take it, one to give it back. Contended: a short
 * spin, then the waiter sleeps in a process-wide table keyed by the lock's
 * address. A waiter that was woken and lost the race to a newcomer queues in
 * front of all others, and the next unlock hands the lock over to it.
 *
 * Fibres may wait for it beside threads, those of the same thread included. Nobody
 * who waits depends on when a woken fibre gets to run: a lock is not handed over to one, and an
 * unlock that wakes fibres wakes the next thread, too.
 *
 * A lock is held briefly and never across a wait: debug builds check that a
 * thread parks with none held, that locks are taken in rank order, and that no more
 * than 16 are held at once.
 *
 * Not for: protecting a read path (pawl/rcu.h); waiting for a condition
 * (pawl/event.h); recursive use.
 *
 *  call                            progress
 *  pawl_lock_lock, _lock_pair      blocks on holders; takes no memory
 *  pawl_lock_trylock               wait-free
 *  pawl_lock_unlock, _unlock_pair  wait-free if nobody waits, else one short
 *                                  critical section and one wake; and one for each
 *                                  fibre that waits before the first thread
 *
 * Ordering: what happened before an unlock is visible after the next lock.
 *
 * Source: WebKit's WTF::Lock and ParkingLot (F. Pizlo, 2015) for the word and the table.
 */
#ifndef PAWL_LOCK_H
#define PAWL_LOCK_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

struct pawl_waiter;

/* All zero is a free lock without a rank. Private. */
struct pawl_lock {
	struct pawl_atomic_u32 pawl_word;
};
#define PAWL_LOCK_INIT {{0}}
PAWL_STATIC_ASSERT(sizeof(struct pawl_lock) == 4, "a lock is one word");

/*
 * Ranks: the order in which locks may be taken. While a lock with a rank is held, only
 * locks of a higher rank may be taken (debug builds abort and name both); a pair has one
 * rank and is ordered by address. Rank 0 is not checked. This list is the lock-order
 * document: users have the numbers from USER up.
 */
enum pawl_lock_rank {
	PAWL_LOCK_RANK_NONE = 0,
	PAWL_LOCK_RANK_USER = 1, /* 1 … 29999: the user's, below everything of Pawl's */
	PAWL_LOCK_RANK_EVENT = 30000, /* inside pawl_event_*: may be called under users' locks */
	PAWL_LOCK_RANK_IDS = 30600,   /* inside pawl_ids_*, the same */
	PAWL_LOCK_RANK_MAP = 31000,   /* a shard of a map, the same; nothing is called under it */
	PAWL_LOCK_RANK_MAX = 65535
};

/*
 * pawl_lock_init() - Make a free lock. `rank` counts in debug builds only.
 *
 * Requires: rank is in [0, PAWL_LOCK_RANK_MAX]; nobody else can see the lock yet.
 */
PAWL_API void pawl_lock_init(struct pawl_lock *lock, unsigned rank);

/*
 * pawl_lock_lock() - Take the lock; sleeps as the thread if need be.
 *
 * Requires: attached; the caller does not hold it.
 * Context:  allowed in a read section (holders never wait for grace periods).
 */
PAWL_API void pawl_lock_lock(struct pawl_lock *lock);

/*
 * pawl_lock_lock_as() - The same, sleeping as `waiter`, usually pawl_waiter_self(): a fibre
 * gives its thread away meanwhile. A waiter without own_thread (pawl/park.h) that finds the lock
 * taken when it runs again sleeps again; it goes to the front, but newcomers may be faster each time.
 *
 * Requires: attached; `waiter` is one that the calling code may park as; no other lock
 *           held, outside sections.
 */
PAWL_API void pawl_lock_lock_as(struct pawl_lock *lock, struct pawl_waiter *waiter);

/* pawl_lock_trylock() - Take the lock if it is free. Returns: true if taken. Requires: attached. */
PAWL_API PAWL_MUST_CHECK bool pawl_lock_trylock(struct pawl_lock *lock);

/*
 * pawl_lock_unlock() - Give the lock back.
 *
 * Requires: the calling thread holds it.
 * Context:  never fails, takes no memory. The lock is not touched any more once another
 *           thread can have it, so the next holder may free it if nobody else wants it.
 */
PAWL_API void pawl_lock_unlock(struct pawl_lock *lock);

/*
 * pawl_lock_lock_pair() - Take two locks, in the order of their addresses, each by one plain
 * lock: nothing is tried and undone. The same lock twice is taken once.
 *
 * Requires: attached; neither is held by the caller; both have the same rank.
 */
PAWL_API void pawl_lock_lock_pair(struct pawl_lock *a, struct pawl_lock *b);
PAWL_API void pawl_lock_unlock_pair(struct pawl_lock *a, struct pawl_lock *b);

/*
 * pawl_lock_is_locked() - Is it held by anybody? For assertions: the answer may be old.
 */
PAWL_API bool pawl_lock_is_locked(const struct pawl_lock *lock);

PAWL_END_DECLS

#endif
