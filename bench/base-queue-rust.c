/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-queue-rust.c - the concurrent-queue crate (unbounded, blocks of 31), through the static
 * library that bench/peers/ builds: one queue, and 31 of them with a word of bits in front. The word
 * is as simple as can be, and not something to sleep on.
 */
#include "bench.h"
#include "queue.h"

struct cq_queue;
struct cq_queue *cq_new(void);
void cq_drop(struct cq_queue *queue);
void cq_put(const struct cq_queue *queue, const void *items, size_t n);
size_t cq_get(const struct cq_queue *queue, void *items, size_t max);

struct crate_queue {
	struct cq_queue *queue;
};

static inline int crate_queue_init(struct crate_queue *queue)
{
	queue->queue = cq_new();
	return 0;
}

static inline void crate_queue_fini(struct crate_queue *queue)
{
	cq_drop(queue->queue);
}

static inline size_t crate_queue_put(struct crate_queue *queue, struct b_item *const *items,
				     size_t n, unsigned lane)
{
	(void)lane;
	cq_put(queue->queue, items, n);
	return n;
}

static inline size_t crate_queue_get(struct crate_queue *queue, struct b_item **items,
				     size_t max)
{
	return cq_get(queue->queue, items, max);
}

B_QUEUE_CASES(crate_queue, "mpmc", "concurrent-queue", 0)

struct crate_lanes {
	struct pawl_atomic_u64 bits PAWL_ALIGNED(PAWL_LINE_BYTES);
	struct cq_queue *queue[B_QUEUE_LANES] PAWL_ALIGNED(PAWL_LINE_BYTES);
};

static inline int crate_lanes_init(struct crate_lanes *lanes)
{
	pawl_init_word(&lanes->bits, 0u);
	for (unsigned i = 0; i < B_QUEUE_LANES; i++)
		lanes->queue[i] = cq_new();
	return 0;
}

static inline void crate_lanes_fini(struct crate_lanes *lanes)
{
	for (unsigned i = 0; i < B_QUEUE_LANES; i++)
		cq_drop(lanes->queue[i]);
}

static inline size_t crate_lanes_put(struct crate_lanes *lanes, struct b_item *const *items,
				     size_t n, unsigned lane)
{
	cq_put(lanes->queue[lane], items, n);
	pawl_or_release(&lanes->bits, UINT64_C(1) << lane);
	return n;
}

static inline size_t crate_lanes_get(struct crate_lanes *lanes, struct b_item **items,
				     size_t max)
{
	uint64_t bits = pawl_load_acquire(&lanes->bits);
	size_t k = 0;

	while (k < max && bits) {
		unsigned lane = (unsigned)__builtin_ctzll(bits);

		k += cq_get(lanes->queue[lane], items + k, max - k);
		if (k == max)
			break;
		/* Clear, look again, set: what a push put in between is not lost. */
		pawl_and_acquire(&lanes->bits, ~(UINT64_C(1) << lane));
		k += cq_get(lanes->queue[lane], items + k, max - k);
		if (k == max)
			pawl_or_release(&lanes->bits, UINT64_C(1) << lane);
		bits &= bits - 1;
	}
	return k;
}

B_QUEUE_CASES(crate_lanes, "lanes", "concurrent-queue+bits", 0)

struct full_crate_lanes {
	struct crate_lanes own;
};

static inline int full_crate_lanes_init(struct full_crate_lanes *lanes)
{
	return crate_lanes_init(&lanes->own);
}

static inline void full_crate_lanes_fini(struct full_crate_lanes *lanes)
{
	crate_lanes_fini(&lanes->own);
}

static inline size_t full_crate_lanes_put(struct full_crate_lanes *lanes,
					  struct b_item *const *items, size_t n, unsigned lane)
{
	return crate_lanes_put(&lanes->own, items, n, lane);
}

static inline size_t full_crate_lanes_get(struct full_crate_lanes *lanes, struct b_item **items,
					  size_t max)
{
	return crate_lanes_get(&lanes->own, items, max);
}

B_QUEUE_CASES(full_crate_lanes, "lanes-1000", "concurrent-queue+bits", 1000)
