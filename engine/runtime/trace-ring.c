/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace-ring.c - the last events of one thread. verify/t-trace-ring.c runs this file under the
 * model checker.
 *
 * Each slot has a sequence: 2n + 1 while event n is written, 2n + 2 when it is there. Who reads
 * looks at it before and after. H.-J. Boehm, "Can seqlocks get along with programming language
 * memory models?" (2012), has the orders: without fences, by orders on the words.
 *
 * Ordering:
 *  O1 Words are stored with release and loaded with acquire: who reads a word of a later event sees
 *     that event's odd sequence in the second look.
 *  O2 The even sequence is stored with release and loaded with acquire first: who sees it sees
 *     all words of that event, or later ones.
 *  O3 `written` is stored with release, after that: who counts an event finds it there, or gone.
 *
 * Rejected: stopping when full (of a program that hangs one wants the last events, not the first); a
 * lock (the writer runs bodies).
 */
#include "config.h"

#include <pawl/atomic.h>

#include "trace-ring.h"

void eng_ring_init(struct eng_ring *ring, struct pawl_atomic_u64 *memory, uint64_t slots,
		   unsigned words)
{
	pawl_init_word(&ring->written, (uint64_t)0);
	ring->slots = memory;
	ring->mask = slots - 1;
	ring->words = words;
	for (uint64_t i = 0; i < slots * (words + 1); i++)
		pawl_init_word(&memory[i], (uint64_t)0);
}

static struct pawl_atomic_u64 *slot_of(const struct eng_ring *ring, uint64_t number)
{
	return &ring->slots[(number & ring->mask) * (ring->words + 1)];
}

void eng_ring_write(struct eng_ring *ring, const uint64_t *event)
{
	uint64_t number = pawl_load_relaxed(&ring->written);
	struct pawl_atomic_u64 *slot = slot_of(ring, number);

	pawl_store_relaxed(&slot[0], 2 * number + 1);
	for (unsigned i = 0; i < ring->words; i++)
		pawl_store_release(&slot[i + 1], event[i]); /* O1 */
	pawl_store_release(&slot[0], 2 * number + 2);	    /* O2 */
	pawl_store_release(&ring->written, number + 1);	    /* O3 */
}

uint64_t eng_ring_written(const struct eng_ring *ring)
{
	return pawl_load_acquire(&ring->written); /* O3 */
}

bool eng_ring_read(const struct eng_ring *ring, uint64_t number, uint64_t *ret_event)
{
	const struct pawl_atomic_u64 *slot = slot_of(ring, number);

	if (pawl_load_acquire(&slot[0]) != 2 * number + 2) /* O2 */
		return false;
	for (unsigned i = 0; i < ring->words; i++)
		ret_event[i] = pawl_load_acquire(&slot[i + 1]); /* O1 */
	return pawl_load_relaxed(&slot[0]) == 2 * number + 2;	/* O1 */
}
