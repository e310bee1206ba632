/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.c - bounded queue from one producer to one consumer.
 *
 * A power of two of slots and two indices that only grow: tail counts what was pushed, head
 * what was popped. Item i lies in slot i & mask.
 *
 *  I1 head <= tail <= head + capacity.
 *  I2 Slots of [head, tail) belong to the consumer, the others to the producer; they are
 *     plain memory, each touched by its owner alone.
 *  I3 head_seen <= head, tail_seen <= tail: an old copy only makes a side look again.
 *
 * Ordering:
 *  O1 tail: released after the slots are written, acquired before they are read.
 *  O2 head: released after the slots are read, acquired before they are written again.
 * An index's own writer reads it relaxed; so does who only asks for the length.
 *
 * Progress: wait-free, no loop but the copy of a batch. A batch is one look and one store.
 *
 * Rejected: a slot left empty so that indices can wrap at the capacity (ck_ring); reading the
 * other side's index for each item (ck_ring): between two processors the line then moves for
 * each item (bench/b-queue.c, ring-cross); a flag in each slot instead of indices
 * (FastForward): no batch with one store, NULL is taken.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/ring.h>

int pawl_ring_init(struct pawl_ring *ring, size_t capacity)
{
	void **slots;

	if (!capacity || (capacity & (capacity - 1)))
		return -EINVAL;
	if (capacity > PTRDIFF_MAX / sizeof(*slots))
		return -ENOMEM;
	slots = pawl_mem_alloc(capacity * sizeof(*slots), PAWL_LINE_BYTES);
	if (!slots)
		return -ENOMEM;
	ring->pawl_slots = slots;
	ring->pawl_mask = capacity - 1;
	ring->pawl_head_seen = 0;
	ring->pawl_tail_seen = 0;
	pawl_init_word(&ring->pawl_tail, 0u);
	pawl_init_word(&ring->pawl_head, 0u);
	return 0;
}

void pawl_ring_fini(struct pawl_ring *ring)
{
	pawl_mem_free(ring->pawl_slots, (ring->pawl_mask + 1) * sizeof(*ring->pawl_slots),
		      PAWL_LINE_BYTES);
	ring->pawl_slots = NULL;
}

bool pawl_ring_push(struct pawl_ring *ring, void *item)
{
	return pawl_ring_push_inline(ring, item);
}

bool pawl_ring_pop(struct pawl_ring *ring, void **ret_item)
{
	return pawl_ring_pop_inline(ring, ret_item);
}

size_t pawl_ring_push_n(struct pawl_ring *ring, void *const *items, size_t n)
{
	/* Relaxed: the caller is who writes it. */
	uint64_t tail = pawl_load_relaxed(&ring->pawl_tail);
	uint64_t room = ring->pawl_mask + 1 - (tail - ring->pawl_head_seen);
	size_t at, first;

	if (room < n) {
		ring->pawl_head_seen = pawl_load_acquire(&ring->pawl_head); /* O2 */
		room = ring->pawl_mask + 1 - (tail - ring->pawl_head_seen);
		if (room < n)
			n = (size_t)room;
	}
	if (!n)
		return 0;
	at = (size_t)(tail & ring->pawl_mask);
	first = (size_t)ring->pawl_mask + 1 - at;
	if (first > n)
		first = n;
	memcpy(ring->pawl_slots + at, items, first * sizeof(*items));
	if (n > first)
		memcpy(ring->pawl_slots, items + first, (n - first) * sizeof(*items));
	pawl_store_release(&ring->pawl_tail, tail + n); /* O1 */
	return n;
}

size_t pawl_ring_pop_n(struct pawl_ring *ring, size_t max, void **ret_items)
{
	/* Relaxed: the caller is who writes it. */
	uint64_t head = pawl_load_relaxed(&ring->pawl_head);
	uint64_t there = ring->pawl_tail_seen - head;
	size_t at, first;

	if (there < max) {
		ring->pawl_tail_seen = pawl_load_acquire(&ring->pawl_tail); /* O1 */
		there = ring->pawl_tail_seen - head;
		if (there < max)
			max = (size_t)there;
	}
	if (!max)
		return 0;
	at = (size_t)(head & ring->pawl_mask);
	first = (size_t)ring->pawl_mask + 1 - at;
	if (first > max)
		first = max;
	memcpy(ret_items, ring->pawl_slots + at, first * sizeof(*ret_items));
	if (max > first)
		memcpy(ret_items + first, ring->pawl_slots, (max - first) * sizeof(*ret_items));
	pawl_store_release(&ring->pawl_head, head + max); /* O2 */
	return max;
}

bool pawl_ring_is_empty(const struct pawl_ring *ring)
{
	/* Relaxed: nothing is read on the strength of it; a fence before makes it exact. */
	return pawl_load_relaxed(&ring->pawl_head) == pawl_load_relaxed(&ring->pawl_tail);
}

size_t pawl_ring_len(const struct pawl_ring *ring)
{
	/* Relaxed: a number. The two may be of different times, hence the bounds. */
	uint64_t head = pawl_load_relaxed(&ring->pawl_head);
	uint64_t tail = pawl_load_relaxed(&ring->pawl_tail);

	if (tail <= head)
		return 0;
	return tail - head > ring->pawl_mask ? (size_t)ring->pawl_mask + 1
					     : (size_t)(tail - head);
}
