/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/deque.h - a worker's queue that others may steal from.
 *
 * One thread, the owner, pushes at the tail; everybody takes from the head, the owner included,
 * in the order of the pushes. An item is taken once. A thief takes one, or half of what there
 * is into a deque of its own, with a single compare-exchange. The owner's order is first in,
 * first out on purpose: who wants the newest first keeps one item aside (a "next" slot), as
 * schedulers do, and pays nothing for it here. It is not for several pushers (pawl/mbox.h,
 * pawl/lanes.h).
 *
 *  call                              by        progress
 *  pawl_deque_create, _destroy       anybody   the allocator's
 *  pawl_deque_push_owner, _push_n_   the owner wait-free; one that grows allocates
 *  pawl_deque_pop_owner, _pop_n_     the owner lock-free
 *  pawl_deque_steal, _steal_half     others    lock-free
 *  pawl_deque_is_empty, _len         anybody   wait-free
 *
 * The owner may change, if the program orders the old one before the new one. Threads need not
 * be attached. A retry of a taking means that another one succeeded.
 *
 * Source: D. Chase and Y. Lev (2005) for the growing array, which is never freed while thieves
 * may look at it; taking several at once from a shared head is that of the Go and tokio run
 * queues.
 */
#ifndef PAWL_DEQUE_H
#define PAWL_DEQUE_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

struct pawl_deque;

/* Powers of two; capacity <= capacity_max. Equal: it never grows, and no push allocates. */
struct pawl_deque_options {
	size_t size; /* sizeof(struct pawl_deque_options) */
	size_t capacity;
	size_t capacity_max;
};
#define PAWL_DEQUE_OPTIONS_INIT                             \
	{                                                   \
		sizeof(struct pawl_deque_options), 256, 256 \
	}

/*
 * pawl_deque_create() - Make an empty deque. `options` NULL: PAWL_DEQUE_OPTIONS_INIT.
 *
 * Errors:  -EINVAL: a capacity is not a power of two, or the largest is smaller; -E2BIG:
 *          options of a later version; -ENOMEM.
 */
PAWL_API PAWL_MUST_CHECK int pawl_deque_create(const struct pawl_deque_options *options,
					       struct pawl_deque **ret_deque);

/*
 * pawl_deque_destroy() - Free it. NULL is nothing. Items still in it are the caller's affair.
 *
 * Requires: nobody uses it.
 */
PAWL_API void pawl_deque_destroy(struct pawl_deque *deque);

/*
 * pawl_deque_push_owner() - Put one item at the tail.
 *
 * Requires: the caller is the owner.
 * Returns:  0.
 * Errors:   -ENOSPC: full, and at its largest; -ENOMEM: full, and no memory to grow; -EINVAL:
 *           `item` is NULL. The deque is as before. Full is exact as far as the owner can
 *           know: no taking that happened before the call is missed.
 * Ordering: what the owner did before is visible to who takes the item. Where a taking had to
 *           make room first, the push comes after it and sees what the taker did before.
 */
PAWL_API PAWL_MUST_CHECK int pawl_deque_push_owner(struct pawl_deque *deque, void *item);

/*
 * pawl_deque_push_n_owner() - The same for n items, none of them NULL. They appear together, or
 * none does. Errors as above.
 */
PAWL_API PAWL_MUST_CHECK int pawl_deque_push_n_owner(struct pawl_deque *deque,
						     void *const *items, size_t n);

/*
 * pawl_deque_pop_owner() - Take the oldest item.
 *
 * Requires: the caller is the owner.
 * Returns:  the item; NULL if the deque is empty, which is exact.
 */
PAWL_API PAWL_MUST_CHECK void *pawl_deque_pop_owner(struct pawl_deque *deque);

/* pawl_deque_pop_n_owner() - Take up to `max` of the oldest. Returns how many. */
PAWL_API PAWL_MUST_CHECK size_t pawl_deque_pop_n_owner(struct pawl_deque *deque, size_t max,
						       void **ret_items);

/*
 * pawl_deque_steal() - Take the oldest item of somebody else's deque.
 *
 * Returns:  the item, or NULL if there is none; no push that happened before the call (and
 *           none before a full fence of both) is missed.
 * Ordering: sees what the owner did before it pushed the item.
 */
PAWL_API PAWL_MUST_CHECK void *pawl_deque_steal(struct pawl_deque *victim);

/*
 * pawl_deque_steal_half() - Move the older half of a deque (rounded up), but no more than there
 * is room for, to the tail of another one. `into` does not grow.
 *
 * Requires: the caller owns `into`; it is not `victim`.
 * Returns:  how many were moved. 0: none there, or no room. For a moment of the call they are
 *           in neither deque: who looks at both may find both empty, and the thief, who is
 *           awake and has them, tells others if it wants help.
 * Ordering: as pawl_deque_steal(), for who takes them out of `into` as well; as
 *           pawl_deque_push_owner() for takings that made room in `into`.
 */
PAWL_API PAWL_MUST_CHECK size_t pawl_deque_steal_half(struct pawl_deque *victim,
						      struct pawl_deque *into);

/*
 * pawl_deque_is_empty() - Is nothing in it? Exact for the owner, and after a full fence: a push
 * that came before the fence is not missed.
 */
PAWL_API bool pawl_deque_is_empty(const struct pawl_deque *deque);

/* pawl_deque_len() - About how many are in it. */
PAWL_API size_t pawl_deque_len(const struct pawl_deque *deque);

PAWL_END_DECLS

#endif
