/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ck-ring-valid.c - ck_ring_valid calls a good ring bad once the index of the producer has
 * wrapped: it compares the two indexes instead of their difference.
 */
#include <limits.h>

#include <ck_ring.h>

#include "upstream.h"

enum { SLOTS = 8, LIVE = 3 };

/* A ring whose indexes began at `first`, with LIVE items in it. */
static bool valid_from(unsigned int first)
{
	ck_ring_buffer_t slots[SLOTS];
	ck_ring_t ring;

	ck_ring_init(&ring, SLOTS);
	ring.c_head = ring.p_tail = ring.p_head = first;
	for (unsigned i = 0; i < LIVE; i++)
		if (!ck_ring_enqueue_mpmc(&ring, slots, &ring))
			upstream_cannot_tell("ck-ring-valid", "the ring takes no items");
	if (ck_ring_size(&ring) != LIVE)
		upstream_cannot_tell("ck-ring-valid", "the ring lost count");
	return ck_ring_valid(&ring);
}

int main(void)
{
	bool early = valid_from(0);
	bool wrapped = valid_from(UINT_MAX - 1);

	if (!early)
		upstream_cannot_tell("ck-ring-valid", "a fresh ring is called invalid");
	upstream_say("ck-ring-valid", !wrapped,
		     "a ring with %d of %d items in it is called %s"
		     " after the index has wrapped",
		     LIVE, SLOTS, wrapped ? "valid" : "invalid");
	return 0;
}
