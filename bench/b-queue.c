/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-queue.c - ring, mailbox, deque, lanes: ours, what they were chosen over, and a mutex with
 * an array heap. Other peers are in base-queue-*.c, the workloads in queue.h.
 */
#include "bench.h"
#include "queue.h"

#include <pthread.h>

#include <pawl/deque.h>
#include <pawl/lanes.h>
#include <pawl/mbox.h>
#include <pawl/ring.h>

/* ---- rings ----------------------------------------------------------------- */

struct ours_ring {
	struct pawl_ring ring;
};

static inline int ours_ring_init(struct ours_ring *queue)
{
	return pawl_ring_init(&queue->ring, B_QUEUE_WINDOW);
}

static inline void ours_ring_fini(struct ours_ring *queue)
{
	pawl_ring_fini(&queue->ring);
}

static inline size_t ours_ring_put(struct ours_ring *queue, struct b_item *const *items,
				   size_t n, unsigned lane)
{
	(void)lane;
	if (n == 1)
		return pawl_ring_push(&queue->ring, items[0]);
	return pawl_ring_push_n(&queue->ring, (void *const *)items, n);
}

static inline size_t ours_ring_get(struct ours_ring *queue, struct b_item **items, size_t max)
{
	if (max == 1)
		return pawl_ring_pop(&queue->ring, (void **)items);
	return pawl_ring_pop_n(&queue->ring, max, (void **)items);
}

B_QUEUE_CASES(ours_ring, "ring", "pawl", 0)

struct inline_ring {
	struct pawl_ring ring;
};

static inline int inline_ring_init(struct inline_ring *queue)
{
	return pawl_ring_init(&queue->ring, B_QUEUE_WINDOW);
}

static inline void inline_ring_fini(struct inline_ring *queue)
{
	pawl_ring_fini(&queue->ring);
}

static inline size_t inline_ring_put(struct inline_ring *queue, struct b_item *const *items,
				     size_t n, unsigned lane)
{
	size_t k = 0;

	(void)lane;
	while (k < n && pawl_ring_push_inline(&queue->ring, items[k]))
		k++;
	return k;
}

static inline size_t inline_ring_get(struct inline_ring *queue, struct b_item **items,
				     size_t max)
{
	size_t k = 0;

	while (k < max && pawl_ring_pop_inline(&queue->ring, (void **)&items[k]))
		k++;
	return k;
}

B_QUEUE_CASES(inline_ring, "ring", "pawl-inline", 0)

/* ---- mailboxes ------------------------------------------------------------- */

struct ours_mbox {
	struct pawl_mbox mbox;
	/* What was taken and not handed out yet: the getter's. */
	struct pawl_mbox_node *taken PAWL_ALIGNED(PAWL_LINE_BYTES);
};

static inline int ours_mbox_init(struct ours_mbox *queue)
{
	pawl_mbox_init(&queue->mbox);
	queue->taken = NULL;
	return 0;
}

static inline void ours_mbox_fini(struct ours_mbox *queue)
{
	(void)queue;
}

static inline size_t ours_mbox_put(struct ours_mbox *queue, struct b_item *const *items,
				   size_t n, unsigned lane)
{
	(void)lane;
	for (size_t i = 0; i < n; i++)
		pawl_mbox_push(&queue->mbox, (struct pawl_mbox_node *)items[i]);
	return n;
}

static inline size_t ours_mbox_get(struct ours_mbox *queue, struct b_item **items, size_t max)
{
	size_t k = 0;

	if (!queue->taken)
		queue->taken = pawl_mbox_take_all(&queue->mbox);
	while (k < max && queue->taken) {
		items[k++] = (struct b_item *)(void *)queue->taken;
		queue->taken = pawl_mbox_next(queue->taken);
	}
	return k;
}

B_QUEUE_CASES(ours_mbox, "mbox", "pawl", 0)

/* ---- deques ---------------------------------------------------------------- */

struct ours_deque {
	struct pawl_deque *deque;
	/* The thief's own, for batches. */
	struct pawl_deque *thief;
	bool stealing;
};

static inline int ours_deque_init(struct ours_deque *queue)
{
	struct pawl_deque_options options = PAWL_DEQUE_OPTIONS_INIT;

	options.capacity = options.capacity_max = B_QUEUE_WINDOW;
	return pawl_deque_create(&options, &queue->deque)
		       ?: pawl_deque_create(NULL, &queue->thief);
}

static inline void ours_deque_fini(struct ours_deque *queue)
{
	pawl_deque_destroy(queue->deque);
	pawl_deque_destroy(queue->thief);
}

static inline size_t ours_deque_put(struct ours_deque *queue, struct b_item *const *items,
				    size_t n, unsigned lane)
{
	(void)lane;
	if (n == 1)
		return !pawl_deque_push_owner(queue->deque, items[0]);
	return pawl_deque_push_n_owner(queue->deque, (void *const *)items, n) ? 0 : n;
}

static inline size_t ours_deque_get(struct ours_deque *queue, struct b_item **items, size_t max)
{
	if (max == 1) {
		items[0] = pawl_deque_pop_owner(queue->deque);
		return items[0] != NULL;
	}
	return pawl_deque_pop_n_owner(queue->deque, max, (void **)items);
}

B_QUEUE_CASES(ours_deque, "deque", "pawl", 0)

/* The other thread is a thief: one by one, or by halves through a deque of its own. */
struct steal_deque {
	struct ours_deque own;
};

static inline int steal_deque_init(struct steal_deque *queue)
{
	return ours_deque_init(&queue->own);
}

static inline void steal_deque_fini(struct steal_deque *queue)
{
	ours_deque_fini(&queue->own);
}

static inline size_t steal_deque_put(struct steal_deque *queue, struct b_item *const *items,
				     size_t n, unsigned lane)
{
	return ours_deque_put(&queue->own, items, n, lane);
}

static inline size_t steal_deque_get(struct steal_deque *queue, struct b_item **items,
				     size_t max)
{
	size_t n;

	if (max == 1) {
		items[0] = pawl_deque_steal(queue->own.deque);
		return items[0] != NULL;
	}
	n = pawl_deque_pop_n_owner(queue->own.thief, max, (void **)items);
	if (n || !pawl_deque_steal_half(queue->own.deque, queue->own.thief))
		return n;
	return pawl_deque_pop_n_owner(queue->own.thief, max, (void **)items);
}

B_QUEUE_CASES(steal_deque, "steal", "pawl", 0)

/*
 * What the deque was chosen over: Chase and Lev's (SPAA 2005), with the orders of Lê, Pop,
 * Cohen and Zappa Nardelli (PPoPP 2013), fixed size. Written for this comparison.
 */
struct chase_lev {
	struct pawl_atomic_u64 top PAWL_ALIGNED(PAWL_LINE_BYTES);
	struct pawl_atomic_u64 bottom PAWL_ALIGNED(PAWL_LINE_BYTES);
	struct pawl_atomic_ptr slots[B_QUEUE_WINDOW] PAWL_ALIGNED(PAWL_LINE_BYTES);
};

static inline int chase_lev_init(struct chase_lev *queue)
{
	/* From 1, so that bottom - 1 of an empty one is not below 0. */
	pawl_init_word(&queue->top, 1u);
	pawl_init_word(&queue->bottom, 1u);
	return 0;
}

static inline void chase_lev_fini(struct chase_lev *queue)
{
	(void)queue;
}

static struct pawl_atomic_ptr *chase_lev_slot(struct chase_lev *queue, uint64_t i)
{
	return &queue->slots[i % (B_QUEUE_WINDOW)];
}

/* Calls, as ours are. */
static PAWL_NOINLINE bool chase_lev_push(struct chase_lev *queue, void *item)
{
	uint64_t bottom = pawl_load_relaxed(&queue->bottom);
	uint64_t top = pawl_load_acquire(&queue->top);

	if (bottom - top >= B_QUEUE_WINDOW)
		return false;
	pawl_store_relaxed(chase_lev_slot(queue, bottom), item);
	pawl_store_release(&queue->bottom, bottom + 1);
	return true;
}

static PAWL_NOINLINE void *chase_lev_pop(struct chase_lev *queue)
{
	uint64_t bottom = pawl_load_relaxed(&queue->bottom) - 1;
	uint64_t top;
	void *item = NULL;

	pawl_store_relaxed(&queue->bottom, bottom);
	pawl_fence_dekker();
	top = pawl_load_relaxed(&queue->top);
	if (top <= bottom) {
		item = pawl_load_relaxed(chase_lev_slot(queue, bottom));
		if (top != bottom)
			return item;
		if (!pawl_cas_acq_rel(&queue->top, &top, top + 1))
			item = NULL;
	}
	pawl_store_relaxed(&queue->bottom, bottom + 1);
	return item;
}

static PAWL_NOINLINE void *chase_lev_take(struct chase_lev *queue)
{
	uint64_t top = pawl_load_acquire(&queue->top);
	void *item;

	pawl_fence_dekker();
	if (top >= pawl_load_acquire(&queue->bottom))
		return NULL;
	item = pawl_load_relaxed(chase_lev_slot(queue, top));
	return pawl_cas_acq_rel(&queue->top, &top, top + 1) ? item : NULL;
}

static inline size_t chase_lev_put(struct chase_lev *queue, struct b_item *const *items,
				   size_t n, unsigned lane)
{
	size_t k = 0;

	(void)lane;
	while (k < n && chase_lev_push(queue, items[k]))
		k++;
	return k;
}

static inline size_t chase_lev_get(struct chase_lev *queue, struct b_item **items, size_t max)
{
	size_t k = 0;

	while (k < max && (items[k] = chase_lev_pop(queue)))
		k++;
	return k;
}

B_QUEUE_CASES(chase_lev, "deque", "chase-lev", 0)

struct chase_lev_thief {
	struct chase_lev own;
};

static inline int chase_lev_thief_init(struct chase_lev_thief *queue)
{
	return chase_lev_init(&queue->own);
}

static inline void chase_lev_thief_fini(struct chase_lev_thief *queue)
{
	(void)queue;
}

static inline size_t chase_lev_thief_put(struct chase_lev_thief *queue,
					 struct b_item *const *items, size_t n, unsigned lane)
{
	return chase_lev_put(&queue->own, items, n, lane);
}

static inline size_t chase_lev_thief_get(struct chase_lev_thief *queue, struct b_item **items,
					 size_t max)
{
	size_t k = 0;

	while (k < max && (items[k] = chase_lev_take(&queue->own)))
		k++;
	return k;
}

B_QUEUE_CASES(chase_lev_thief, "steal", "chase-lev", 0)

/* ---- lanes ----------------------------------------------------------------- */

struct ours_lanes {
	struct pawl_lanes *lanes;
	uint64_t now;
};

static inline int ours_lanes_init(struct ours_lanes *queue)
{
	queue->now = 1;
	return pawl_lanes_create(NULL, &queue->lanes);
}

static inline void ours_lanes_fini(struct ours_lanes *queue)
{
	pawl_lanes_destroy(queue->lanes);
}

/* The clock is the caller's: here a count of pushes, at some 100 ns each. */
static inline size_t ours_lanes_put(struct ours_lanes *queue, struct b_item *const *items,
				    size_t n, unsigned lane)
{
	queue->now += 100;
	if (n == 1)
		return !pawl_lanes_push(queue->lanes, lane, (struct pawl_lane_node *)items[0],
					queue->now);
	return pawl_lanes_push_n(queue->lanes, lane, (struct pawl_lane_node *const *)items, n,
				 queue->now)
		       ? 0
		       : n;
}

static inline size_t ours_lanes_get(struct ours_lanes *queue, struct b_item **items, size_t max)
{
	int n = pawl_lanes_pop_n(queue->lanes, max, (struct pawl_lane_node **)items);

	return n > 0 ? (size_t)n : 0;
}

B_QUEUE_CASES(ours_lanes, "lanes", "pawl", 0)

/* The same without ageing, and with a thousand items that stand in it. */
#define LANES_OF(NAME, AGE_STEP, COUNT)                                                        \
	struct NAME {                                                                          \
		struct ours_lanes own;                                                         \
	};                                                                                     \
	static inline int NAME##_init(struct NAME *queue)                                      \
	{                                                                                      \
		struct pawl_lanes_options options = PAWL_LANES_OPTIONS_INIT;                   \
                                                                                               \
		options.lanes = COUNT;                                                         \
		options.age_step = AGE_STEP;                                                   \
		queue->own.now = 1;                                                            \
		return pawl_lanes_create(&options, &queue->own.lanes);                         \
	}                                                                                      \
	static inline void NAME##_fini(struct NAME *queue)                                     \
	{                                                                                      \
		ours_lanes_fini(&queue->own);                                                  \
	}                                                                                      \
	static inline size_t NAME##_put(struct NAME *queue, struct b_item *const *items,       \
					size_t n, unsigned lane)                               \
	{                                                                                      \
		return ours_lanes_put(&queue->own, items, n, lane % (COUNT));                  \
	}                                                                                      \
	static inline size_t NAME##_get(struct NAME *queue, struct b_item **items, size_t max) \
	{                                                                                      \
		return ours_lanes_get(&queue->own, items, max);                                \
	}

LANES_OF(strict_lanes, PAWL_FOREVER, B_QUEUE_LANES)
LANES_OF(full_lanes, 10000000, B_QUEUE_LANES)
LANES_OF(full_strict_lanes, PAWL_FOREVER, B_QUEUE_LANES)
LANES_OF(one_lane, PAWL_FOREVER, 1)
B_QUEUE_CASES(strict_lanes, "lanes", "pawl-strict", 0)
B_QUEUE_CASES(full_lanes, "lanes-1000", "pawl", 1000)
B_QUEUE_CASES(full_strict_lanes, "lanes-1000", "pawl-strict", 1000)
B_QUEUE_CASES(one_lane, "mpmc", "pawl", 0)

/* A mutex and a binary heap of (lane, number), as schedulers have it that came to it late. */
struct heap {
	pthread_mutex_t mutex;
	uint64_t number;
	size_t count;
	struct heap_entry {
		uint64_t key;
		struct b_item *item;
	} entries[2 * B_QUEUE_WINDOW];
};

static inline int heap_init(struct heap *heap)
{
	heap->number = 0;
	heap->count = 0;
	return -pthread_mutex_init(&heap->mutex, NULL);
}

static inline void heap_fini(struct heap *heap)
{
	pthread_mutex_destroy(&heap->mutex);
}

static inline void heap_push_locked(struct heap *heap, struct b_item *item, unsigned lane)
{
	struct heap_entry entry = {(uint64_t)lane << 58 | heap->number++, item};
	size_t at = heap->count++;

	for (size_t up; at; at = up) {
		up = (at - 1) / 2;
		if (heap->entries[up].key <= entry.key)
			break;
		heap->entries[at] = heap->entries[up];
	}
	heap->entries[at] = entry;
}

static inline struct b_item *heap_pop_locked(struct heap *heap)
{
	struct b_item *item = heap->entries[0].item;
	struct heap_entry last = heap->entries[--heap->count];
	size_t at = 0;

	for (size_t down = 1; down < heap->count; down = 2 * at + 1) {
		if (down + 1 < heap->count &&
		    heap->entries[down + 1].key < heap->entries[down].key)
			down++;
		if (last.key <= heap->entries[down].key)
			break;
		heap->entries[at] = heap->entries[down];
		at = down;
	}
	heap->entries[at] = last;
	return item;
}

static PAWL_NOINLINE size_t heap_put(struct heap *heap, struct b_item *const *items, size_t n,
				     unsigned lane)
{
	pthread_mutex_lock(&heap->mutex);
	for (size_t i = 0; i < n; i++)
		heap_push_locked(heap, items[i], lane);
	pthread_mutex_unlock(&heap->mutex);
	return n;
}

static PAWL_NOINLINE size_t heap_get(struct heap *heap, struct b_item **items, size_t max)
{
	size_t k = 0;

	pthread_mutex_lock(&heap->mutex);
	while (k < max && heap->count)
		items[k++] = heap_pop_locked(heap);
	pthread_mutex_unlock(&heap->mutex);
	return k;
}

B_QUEUE_CASES(heap, "lanes", "mutex-heap", 0)

struct full_heap {
	struct heap own;
};

static inline int full_heap_init(struct full_heap *queue)
{
	return heap_init(&queue->own);
}

static inline void full_heap_fini(struct full_heap *queue)
{
	heap_fini(&queue->own);
}

static inline size_t full_heap_put(struct full_heap *queue, struct b_item *const *items,
				   size_t n, unsigned lane)
{
	return heap_put(&queue->own, items, n, lane);
}

static inline size_t full_heap_get(struct full_heap *queue, struct b_item **items, size_t max)
{
	return heap_get(&queue->own, items, max);
}

B_QUEUE_CASES(full_heap, "lanes-1000", "mutex-heap", 1000)

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
		{.name = "ring-pair", .text = "push + pop of an item, one thread"},
		{.name = "ring-cross",
		 .text = "an item from one thread to another",
		 .mode = B_ROUNDS},
		{.name = "mbox-pair", .text = "push + take of an item, one thread"},
		{.name = "mbox-cross",
		 .text = "an item from one thread to another",
		 .mode = B_ROUNDS},
		{.name = "deque-pair", .text = "push + pop of an item by its owner"},
		{.name = "steal-pair", .text = "push + steal of an item, one thread"},
		{.name = "steal-cross",
		 .text = "an item from its owner to a thief",
		 .mode = B_ROUNDS},
		{.name = "mpmc-pair", .text = "push + pop of an item, one lane, one thread"},
		{.name = "mpmc-cross",
		 .text = "an item from one thread to another, one lane",
		 .mode = B_ROUNDS},
		{.name = "lanes-pair", .text = "push + pop of an item, 31 lanes, one thread"},
		{.name = "lanes-cross",
		 .text = "an item from one thread to another, 31 lanes",
		 .mode = B_ROUNDS},
		{.name = "lanes-1000-pair",
		 .text = "push + pop of an item, 31 lanes that hold 1000 items, one thread"},
	};

	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
