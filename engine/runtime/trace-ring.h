/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace-ring.h - the last events of one thread, read by others while it writes.
 *
 *  call                       progress
 *  eng_ring_write             wait-free
 *  eng_ring_read, _written    wait-free
 */
#ifndef ENG_TRACE_RING_H
#define ENG_TRACE_RING_H

#include <pawl/base.h>

struct eng_ring {
	/* How many were ever written. The writer's. */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u64 written;
	/* Never change: a sequence and `words` words for each of mask + 1 slots. */
	struct pawl_atomic_u64 *slots;
	uint64_t mask;
	unsigned words;
};

/* eng_ring_bytes() - Of the slots' memory. `slots` is a power of two. */
static inline size_t eng_ring_bytes(uint64_t slots, unsigned words)
{
	return slots * (words + 1) * sizeof(struct pawl_atomic_u64);
}

/* eng_ring_init() - An empty one in memory that is all zero. Nobody else can see it yet. */
void eng_ring_init(struct eng_ring *ring, struct pawl_atomic_u64 *memory, uint64_t slots,
		   unsigned words);

/* eng_ring_write() - One more event; the oldest goes if there is no room. By one thread. */
void eng_ring_write(struct eng_ring *ring, const uint64_t *event);

/* eng_ring_written() - How many there ever were: the last slots of them are there. */
uint64_t eng_ring_written(const struct eng_ring *ring);

/*
 * eng_ring_read() - The event of that number, counted from 0. Any thread.
 *
 * Returns: false: it is gone.
 */
PAWL_MUST_CHECK bool eng_ring_read(const struct eng_ring *ring, uint64_t number,
				   uint64_t *ret_event);

#endif
