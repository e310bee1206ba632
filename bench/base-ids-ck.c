/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-ids-ck.c - a shared counter beside Concurrency Kit's ring of free ids, many
 * producers and many consumers. The ring has an end, which a factory may not have.
 */
#include "bench.h"
#include "work-ids.h"

#include <ck_ring.h>

enum { RING_IDS = 1 << 14 };

struct ring {
	struct pawl_atomic_u64 next PAWL_ALIGNED(PAWL_LINE_BYTES);
	ck_ring_t ring PAWL_ALIGNED(PAWL_LINE_BYTES);
	ck_ring_buffer_t slots[RING_IDS];
};

static int ring_setup(struct b_run *run)
{
	struct ring *ring = b_alloc(sizeof(*ring));

	ck_ring_init(&ring->ring, RING_IDS);
	run->state = ring;
	return 0;
}

static inline uint64_t ring_get(void *state)
{
	struct ring *ring = state;
	void *id;

	if (ck_ring_dequeue_mpmc(&ring->ring, ring->slots, &id))
		return (uintptr_t)id;
	return pawl_add_relaxed(&ring->next, 1u) + 1;
}

static inline void ring_put(void *state, uint64_t id)
{
	struct ring *ring = state;

	if (!ck_ring_enqueue_mpmc(&ring->ring, ring->slots, (void *)(uintptr_t)id))
		b_die("the ring is full");
}

B_IDS_CASES(ring, "counter+ck-ring", sizeof(ck_ring_buffer_t), ring_setup, NULL, NULL,
	    b_teardown_free)
