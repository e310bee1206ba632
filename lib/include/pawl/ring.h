/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/ring.h - bounded queue of pointers from one thread to one other.
 *
 * The fastest way across: each side reads the other's index only when the copy that it
 * keeps says "full" or "empty", so a line moves between the processors once a lap at best and
 * not once an item. All slots are usable. It is not for several producers or several
 * consumers (pawl/mbox.h, pawl/lanes.h), and it wakes nobody: who sleeps for an item pairs
 * it with an event count (pawl/ec.h), whose fence makes pawl_ring_is_empty() exact.
 *
 *  call                           by        progress
 *  pawl_ring_init, _fini          anybody   the allocator's
 *  pawl_ring_push, _push_n        producer  wait-free
 *  pawl_ring_pop, _pop_n          consumer  wait-free
 *  pawl_ring_is_empty, _len       anybody   wait-free
 *
 * Producer and consumer may be any two threads, attached or not, and may change as long as
 * the program orders the old one before the new one.
 *
 * push_inline and pop_inline are the same for C code that counts nanoseconds: two calls cost about
 * as much as what they do (bench/b-queue.c, ring-pair).
 *
 * Source: L. Lamport, "Specifying Concurrent Program Modules" (1983); the kept copies of
 * the indices are those of J. Giacomoni and others, "FastForward" (2008) and of MCRingBuffer.
 */
#ifndef PAWL_RING_H
#define PAWL_RING_H

#ifndef __cplusplus
#include <pawl/atomic.h>
#endif
#include <pawl/base.h>

PAWL_BEGIN_DECLS

/*
 * In storage of the caller's. Private; here so that the inline calls know it. Indices count
 * from 0 for ever and never wrap (584 years at an item a nanosecond).
 */
struct pawl_ring {
	/* Constant between init and fini. */
	void **pawl_slots PAWL_ALIGNED(PAWL_LINE_BYTES);
	uint64_t pawl_mask;

	/* Written by the producer: items pushed (pairs: O1 in ring.c), and its copy of head. */
	struct pawl_atomic_u64 pawl_tail PAWL_ALIGNED(PAWL_LINE_BYTES);
	uint64_t pawl_head_seen;

	/* Written by the consumer: items popped (O2), and its copy of tail. */
	struct pawl_atomic_u64 pawl_head PAWL_ALIGNED(PAWL_LINE_BYTES);
	uint64_t pawl_tail_seen;
};
PAWL_STATIC_ASSERT(offsetof(struct pawl_ring, pawl_tail) == PAWL_LINE_BYTES, "a line a writer");
PAWL_STATIC_ASSERT(offsetof(struct pawl_ring, pawl_head) == 2 * PAWL_LINE_BYTES,
		   "a line a writer");

/*
 * pawl_ring_init() - Make a ring for `capacity` items.
 *
 * Errors:  -EINVAL: capacity is not a power of two; -ENOMEM.
 * Owns:    the ring's slots, until pawl_ring_fini().
 */
PAWL_API PAWL_MUST_CHECK int pawl_ring_init(struct pawl_ring *ring, size_t capacity);

/*
 * pawl_ring_fini() - Give the slots back. Items that are still in it are the caller's affair.
 *
 * Requires: nobody uses the ring.
 */
PAWL_API void pawl_ring_fini(struct pawl_ring *ring);

/*
 * pawl_ring_push() - Put one item at the end.
 *
 * Requires: the caller is the producer. Any pointer may be pushed, NULL too.
 * Returns:  false if the ring is full: no pop that happened before the call is missed.
 * Ordering: what the producer did before is visible to who pops the item.
 */
PAWL_API PAWL_MUST_CHECK bool pawl_ring_push(struct pawl_ring *ring, void *item);

/*
 * pawl_ring_push_n() - The same for up to n items, in order. They appear together.
 *
 * Returns: how many were pushed: all, or as many of the first ones as there was room for when
 *          it looked; 0 only if the ring is full.
 */
PAWL_API PAWL_MUST_CHECK size_t pawl_ring_push_n(struct pawl_ring *ring, void *const *items,
						 size_t n);

/*
 * pawl_ring_pop() - Take the oldest item.
 *
 * Requires: the caller is the consumer.
 * Returns:  false if the ring is empty; no push that happened before the call is missed.
 * Ordering: sees what the producer did before it pushed. A push that takes the slot again is
 *           ordered after this pop.
 */
PAWL_API PAWL_MUST_CHECK bool pawl_ring_pop(struct pawl_ring *ring, void **ret_item);

/* pawl_ring_pop_n() - Take up to `max` of the oldest. Returns how many. */
PAWL_API PAWL_MUST_CHECK size_t pawl_ring_pop_n(struct pawl_ring *ring, size_t max,
						void **ret_items);

/*
 * pawl_ring_is_empty() - Is nothing in it?
 *
 * Returns: for the consumer, and after a full fence (pawl_ec_prepare()), the exact answer: a
 *          push that came before the fence is not missed. For others it may be old.
 */
PAWL_API bool pawl_ring_is_empty(const struct pawl_ring *ring);

/* pawl_ring_len() - About how many are in it; between 0 and the capacity. */
PAWL_API size_t pawl_ring_len(const struct pawl_ring *ring);

#ifndef __cplusplus
/* pawl_ring_push_inline() - pawl_ring_push(), compiled in. */
PAWL_ALWAYS_INLINE PAWL_MUST_CHECK bool pawl_ring_push_inline(struct pawl_ring *ring,
							      void *item)
{
	/* Relaxed: the caller is who writes it. */
	uint64_t tail = pawl_load_relaxed(&ring->pawl_tail);

	if (PAWL_UNLIKELY(tail - ring->pawl_head_seen > ring->pawl_mask)) {
		ring->pawl_head_seen = pawl_load_acquire(&ring->pawl_head); /* O2 */
		if (tail - ring->pawl_head_seen > ring->pawl_mask)
			return false;
	}
	ring->pawl_slots[tail & ring->pawl_mask] = item;
	pawl_store_release(&ring->pawl_tail, tail + 1); /* O1 */
	return true;
}

/* pawl_ring_pop_inline() - pawl_ring_pop(), compiled in. */
PAWL_ALWAYS_INLINE PAWL_MUST_CHECK bool pawl_ring_pop_inline(struct pawl_ring *ring,
							     void **ret_item)
{
	/* Relaxed: the caller is who writes it. */
	uint64_t head = pawl_load_relaxed(&ring->pawl_head);

	if (PAWL_UNLIKELY(head == ring->pawl_tail_seen)) {
		ring->pawl_tail_seen = pawl_load_acquire(&ring->pawl_tail); /* O1 */
		if (head == ring->pawl_tail_seen)
			return false;
	}
	*ret_item = ring->pawl_slots[head & ring->pawl_mask];
	pawl_store_release(&ring->pawl_head, head + 1); /* O2 */
	return true;
}
#endif

PAWL_END_DECLS

#endif
