/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock-internal.h - taking a free lock and freeing one that nobody queues for, in place.
 *
 * lock.c is made of them, and map.c, whose critical sections are so short that calls show. Order and
 * invariants are lock.c's.
 */
#ifndef PAWL_LOCK_INTERNAL_H
#define PAWL_LOCK_INTERNAL_H

#include <pawl/atomic.h>
#include <pawl/lock.h>

#include "check.h"

#define PAWL__LOCK_HELD 1u

/* The word as it is when the lock is free and nobody queues, and as it shall be. */
PAWL_ALWAYS_INLINE bool pawl__lock_take_free(struct pawl_lock *lock, uint32_t from, uint32_t to)
{
	return pawl_cas_acquire(&lock->pawl_word, &from, to); /* O1 */
}

/* The word as it is when the lock is held and nobody queues, and as it shall be. */
PAWL_ALWAYS_INLINE bool pawl__lock_set_free(struct pawl_lock *lock, uint32_t from, uint32_t to)
{
	return pawl_cas_release(&lock->pawl_word, &from, to); /* O1, I4 */
}

/*
 * Not in debug builds, which look at more than the word, nor under the model checker: scenarios
 * take locks by their contract, and that is done at the calls.
 */
#if PAWL_DEBUG_BUILD || defined(PAWL_MC)
#define PAWL__LOCK_IN_PLACE false
#else
#define PAWL__LOCK_IN_PLACE true
#endif

/* Did it here what pawl_lock_lock() does? If not, it is still to be called. */
PAWL_ALWAYS_INLINE bool pawl__lock_taken_here(struct pawl_lock *lock)
{
	return PAWL__LOCK_IN_PLACE && PAWL_LIKELY(pawl__lock_take_free(lock, 0, PAWL__LOCK_HELD));
}

/* The same for pawl_lock_unlock(). */
PAWL_ALWAYS_INLINE bool pawl__lock_freed_here(struct pawl_lock *lock)
{
	return PAWL__LOCK_IN_PLACE && PAWL_LIKELY(pawl__lock_set_free(lock, PAWL__LOCK_HELD, 0));
}

PAWL_ALWAYS_INLINE void pawl__lock_lock(struct pawl_lock *lock)
{
	if (!pawl__lock_taken_here(lock))
		pawl_lock_lock(lock);
}

PAWL_ALWAYS_INLINE void pawl__lock_unlock(struct pawl_lock *lock)
{
	if (!pawl__lock_freed_here(lock))
		pawl_lock_unlock(lock);
}

#endif
