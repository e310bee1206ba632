/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-queue-ck.c - Concurrency Kit: ck_ring for one and for many on each side, ck_fifo for
 * many (a baseline only: the packaged version says "empty" too early, tests/upstream/).
 */
#include "bench.h"
#include "queue.h"

#include <ck_fifo.h>
#include <ck_ring.h>

#define CK_RING_OF(NAME, ENQUEUE, DEQUEUE)                                                     \
	struct NAME {                                                                          \
		ck_ring_t ring;                                                                \
		ck_ring_buffer_t buffer[2 * B_QUEUE_WINDOW];                                   \
	};                                                                                     \
	static inline int NAME##_init(struct NAME *queue)                                      \
	{                                                                                      \
		ck_ring_init(&queue->ring, 2 * B_QUEUE_WINDOW);                                \
		return 0;                                                                      \
	}                                                                                      \
	static inline void NAME##_fini(struct NAME *queue)                                     \
	{                                                                                      \
		(void)queue;                                                                   \
	}                                                                                      \
	static inline size_t NAME##_put(struct NAME *queue, struct b_item *const *items,       \
					size_t n, unsigned lane)                               \
	{                                                                                      \
		size_t k = 0;                                                                  \
                                                                                               \
		(void)lane;                                                                    \
		while (k < n && ENQUEUE(&queue->ring, queue->buffer, items[k]))                \
			k++;                                                                   \
		return k;                                                                      \
	}                                                                                      \
	static inline size_t NAME##_get(struct NAME *queue, struct b_item **items, size_t max) \
	{                                                                                      \
		size_t k = 0;                                                                  \
                                                                                               \
		while (k < max && DEQUEUE(&queue->ring, queue->buffer, &items[k]))             \
			k++;                                                                   \
		return k;                                                                      \
	}

CK_RING_OF(ck_spsc, ck_ring_enqueue_spsc, ck_ring_dequeue_spsc)
CK_RING_OF(ck_spmc, ck_ring_enqueue_spmc, ck_ring_dequeue_spmc)
CK_RING_OF(ck_spmc_thief, ck_ring_enqueue_spmc, ck_ring_dequeue_spmc)
CK_RING_OF(ck_mpmc, ck_ring_enqueue_mpmc, ck_ring_dequeue_mpmc)
B_QUEUE_CASES(ck_spsc, "ring", "ck_ring-spsc", 0)
B_QUEUE_CASES(ck_spmc, "deque", "ck_ring-spmc", 0)
B_QUEUE_CASES(ck_spmc_thief, "steal", "ck_ring-spmc", 0)
B_QUEUE_CASES(ck_mpmc, "mpmc", "ck_ring-mpmc", 0)

/* Entries go round by themselves: the one that comes back is not the one that went in. */
struct ck_many {
	ck_fifo_mpmc_t fifo;
	ck_fifo_mpmc_entry_t *spare; /* the putter's */
	ck_fifo_mpmc_entry_t entries[2 * B_QUEUE_WINDOW] PAWL_ALIGNED(PAWL_LINE_BYTES);
	size_t used;
};

static inline int ck_many_init(struct ck_many *queue)
{
	queue->used = 1;
	ck_fifo_mpmc_init(&queue->fifo, &queue->entries[0]);
	return 0;
}

static inline void ck_many_fini(struct ck_many *queue)
{
	(void)queue;
}

static inline size_t ck_many_put(struct ck_many *queue, struct b_item *const *items, size_t n,
				 unsigned lane)
{
	(void)lane;
	for (size_t i = 0; i < n; i++) {
		/* More entries than a window, so that one that is used again has come back. */
		ck_fifo_mpmc_entry_t *entry =
			&queue->entries[queue->used++ % (2 * B_QUEUE_WINDOW)];

		ck_fifo_mpmc_enqueue(&queue->fifo, entry, items[i]);
	}
	return n;
}

static inline size_t ck_many_get(struct ck_many *queue, struct b_item **items, size_t max)
{
	ck_fifo_mpmc_entry_t *garbage;
	size_t k = 0;

	while (k < max && ck_fifo_mpmc_dequeue(&queue->fifo, &items[k], &garbage))
		k++;
	return k;
}

B_QUEUE_CASES(ck_many, "mpmc", "ck_fifo-mpmc", 0)
