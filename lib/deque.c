/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deque.c - owner/thief queue with batch stealing.
 *
 * A circular array and two indices that only grow: tail counts what the owner pushed, head what
 * was taken. Item i lies in slot i & mask. The owner alone moves the tail, by a store.
 * Everybody moves the head, by a compare-exchange, after reading the items: who succeeds has
 * them, who fails throws away what it read.
 *
 *  I1 head <= tail <= head + capacity of the array.
 *  I2 Slots of [head, tail) of the newest array hold those items. A slot is overwritten only
 *     when the head is beyond the item in it.
 *  I3 The head never has a value twice, so a compare-exchange from h succeeds for one taker
 *     only, and its items were not taken by anybody: no ABA, one winner for each item.
 *  I4 An array that was replaced is not written any more, and stays until the deque is
 *     destroyed: all older ones together are smaller than the newest. So a thief that still
 *     reads one finds there what it looks for, or fails.
 *
 * Ordering:
 *  O1 tail: released after the slots (and by it what the owner did for the items), acquired by
 *     thieves before they read the slots.
 *  O2 head: released by every taker. Acquired by thieves before they look at the tail: who sees
 *     that an item was taken sees the pushes that its taker saw, so "empty" is never said of a
 *     deque in which something was all along. Acquired by the owner before it overwrites the
 *     slots that were read: without it a machine that lets a store pass an earlier load would
 *     have the thief read the next item and still succeed. (RC11 has no such executions; the
 *     scenarios full-credit and room-credit need the order for the promise of push, that it
 *     comes after the taking that made room.)
 *  O3 array: released after the items were copied into it, acquired by thieves. A thief that
 *     has the tail of a push after the growth has the new array, by O1.
 *  Slots are relaxed: read beside writes by who then fails.
 *  The owner reads tail and array, which it writes, relaxed.
 *
 * There is no fence: the owner takes as thieves do. "Empty" for somebody who is going to sleep
 * is a look after the fence of its own announcement, beside the pusher's fence after the push.
 *
 * Progress: push is wait-free but for growing; taking is lock-free.
 *
 * Rejected (bench/b-queue.c, deque-pair, steal-pair, steal-cross):
 *  - Chase and Lev's deque, where the owner pops the newest: its pop needs a full fence, which
 *    costs what the compare-exchange costs here, and several items cannot be stolen at once,
 *    since the owner takes all but the last without telling;
 *  - head and tail in one word (both ends for the owner, exact): each push is then a
 *    read-modify-write, and thieves' exchanges hit the word that the owner pushes by;
 *  - two heads, "claimed" and "copied" (tokio): needed where items are moved by plain
 *    memory; ours are words, so a thief may read first and throw away.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/deque.h>
#include <pawl/mem.h>

struct array {
	uint64_t mask;
	struct array *older; /* replaced by this one; the owner's */
	struct pawl_atomic_ptr slots[];
};

struct pawl_deque {
	/* Written by all takers: items taken (O2). */
	struct pawl_atomic_u64 head PAWL_ALIGNED(PAWL_LINE_BYTES);

	/* Written by the owner: items pushed (O1), the array (O3). */
	struct pawl_atomic_u64 tail PAWL_ALIGNED(PAWL_LINE_BYTES);
	struct pawl_atomic_ptr array;

	/* The owner's alone: a head that was acquired (O2); the largest capacity. */
	uint64_t head_seen;
	uint64_t capacity_max;
};
PAWL_STATIC_ASSERT(offsetof(struct pawl_deque, tail) == PAWL_LINE_BYTES, "a line a writer");

static size_t array_bytes(uint64_t capacity)
{
	return sizeof(struct array) + (size_t)capacity * sizeof(struct pawl_atomic_ptr);
}

/* Cleared: a thief with an old head reads slots that nothing was copied to, and then fails. */
static struct array *array_new(uint64_t capacity)
{
	struct array *array;

	if (capacity > (PTRDIFF_MAX - sizeof(*array)) / sizeof(array->slots[0]))
		return NULL;
	array = pawl_mem_zalloc(array_bytes(capacity), PAWL_LINE_BYTES);
	if (array)
		array->mask = capacity - 1;
	return array;
}

static bool power_of_two(size_t n)
{
	return n && !(n & (n - 1));
}

int pawl_deque_create(const struct pawl_deque_options *options, struct pawl_deque **ret_deque)
{
	static const struct pawl_deque_options usual = PAWL_DEQUE_OPTIONS_INIT;
	struct pawl_deque *deque;
	struct array *array;

	if (!options)
		options = &usual;
	if (options->size > sizeof(*options))
		return -E2BIG;
	if (options->size < sizeof(*options) || !power_of_two(options->capacity) ||
	    !power_of_two(options->capacity_max) || options->capacity > options->capacity_max)
		return -EINVAL;
	deque = pawl_mem_alloc(sizeof(*deque), PAWL_LINE_BYTES);
	if (!deque)
		return -ENOMEM;
	array = array_new(options->capacity);
	if (!array) {
		pawl_mem_free(deque, sizeof(*deque), PAWL_LINE_BYTES);
		return -ENOMEM;
	}
	pawl_init_word(&deque->head, 0u);
	pawl_init_word(&deque->tail, 0u);
	pawl_init_word(&deque->array, (void *)array);
	deque->head_seen = 0;
	deque->capacity_max = options->capacity_max;
	*ret_deque = deque;
	return 0;
}

void pawl_deque_destroy(struct pawl_deque *deque)
{
	struct array *array;

	if (!deque)
		return;
	array = pawl_load_relaxed(&deque->array); /* nobody else is here */
	while (array) {
		struct array *older = array->older;

		pawl_mem_free(array, array_bytes(array->mask + 1), PAWL_LINE_BYTES);
		array = older;
	}
	pawl_mem_free(deque, sizeof(*deque), PAWL_LINE_BYTES);
}

/* --- Pushing. --- */

/* An array for `tail - head_seen + n` items; the old one stays (I4). */
static PAWL_NOINLINE int grow(struct pawl_deque *deque, uint64_t tail, size_t n)
{
	struct array *old = pawl_load_relaxed(&deque->array); /* the owner's own */
	struct array *array;
	uint64_t capacity = old->mask + 1;
	uint64_t used = tail - deque->head_seen;

	if (n > deque->capacity_max || used > deque->capacity_max - n)
		return -ENOSPC;
	while (capacity < used + n)
		capacity *= 2;
	array = array_new(capacity);
	if (!array)
		return -ENOMEM;
	array->older = old;
	for (uint64_t i = deque->head_seen; i < tail; i++) {
		/* Relaxed: written by us, and by O3 visible to who finds the array. */
		void *item = pawl_load_relaxed(&old->slots[i & old->mask]);

		pawl_store_relaxed(&array->slots[i & array->mask], item);
	}
	pawl_store_release(&deque->array, (void *)array); /* O3 */
	return 0;
}

/* Is there room for n more? With what the owner knows of the head, else with a new look. */
static inline bool has_room(struct pawl_deque *deque, uint64_t tail, size_t n)
{
	const struct array *array = pawl_load_relaxed(&deque->array); /* the owner's own */

	if (PAWL_LIKELY(n <= array->mask + 1 - (tail - deque->head_seen)))
		return true;
	deque->head_seen = pawl_load_acquire(&deque->head); /* O2 */
	return n <= array->mask + 1 - (tail - deque->head_seen);
}

/* With n = 1 compiled in, for the one that is called most. */
PAWL_ALWAYS_INLINE int push_items(struct pawl_deque *deque, void *const *items, size_t n)
{
	/* Relaxed: the caller is who writes tail and array. */
	uint64_t tail = pawl_load_relaxed(&deque->tail);
	struct array *array;

	for (size_t i = 0; i < n; i++) {
		if (!items[i])
			return -EINVAL;
	}
	if (!n)
		return 0;
	if (PAWL_UNLIKELY(!has_room(deque, tail, n))) {
		int err = grow(deque, tail, n);

		if (err)
			return err;
	}
	array = pawl_load_relaxed(&deque->array);
	for (size_t i = 0; i < n; i++)
		pawl_store_relaxed(&array->slots[(tail + i) & array->mask], items[i]);
	pawl_store_release(&deque->tail, tail + n); /* O1 */
	return 0;
}

int pawl_deque_push_owner(struct pawl_deque *deque, void *item)
{
	return push_items(deque, &item, 1);
}

int pawl_deque_push_n_owner(struct pawl_deque *deque, void *const *items, size_t n)
{
	return push_items(deque, items, n);
}

/* --- Taking. --- */

PAWL_ALWAYS_INLINE size_t pop_items(struct pawl_deque *deque, size_t max, void **ret_items)
{
	/* Relaxed: the caller is who writes tail and array, and wrote the slots. */
	uint64_t tail = pawl_load_relaxed(&deque->tail);
	struct array *array = pawl_load_relaxed(&deque->array);
	uint64_t head = pawl_load_relaxed(&deque->head);
	uint64_t n;

	/* Ends: a failure is a thief's success; the tail stands still. */
	do {
		n = tail - head;
		if (n > max)
			n = max;
		if (!n)
			return 0;
		for (uint64_t i = 0; i < n; i++)
			ret_items[i] =
				pawl_load_relaxed(&array->slots[(head + i) & array->mask]);
	} while (!pawl_cas_weak_release(&deque->head, &head, head + n)); /* O2 */
	return (size_t)n;
}

void *pawl_deque_pop_owner(struct pawl_deque *deque)
{
	void *item;

	return pop_items(deque, 1, &item) ? item : NULL;
}

size_t pawl_deque_pop_n_owner(struct pawl_deque *deque, size_t max, void **ret_items)
{
	return pop_items(deque, max, ret_items);
}

/*
 * A thief's look: how many items from `head` on there are, and the array that has them. The
 * tail is not older than the head (O2). The head may be old: then the number is too large, and
 * the exchange is going to fail.
 */
static uint64_t look(struct pawl_deque *victim, uint64_t head, struct array **ret_array)
{
	uint64_t tail = pawl_load_acquire(&victim->tail); /* O1 */

	*ret_array = pawl_load_acquire(&victim->array); /* O3 */
	return tail - head;
}

/* Was [head, head + n) for us? Else *head is the new one. */
static bool claim(struct pawl_deque *victim, uint64_t *head, uint64_t n)
{
	return pawl_cas_weak_acq_rel(&victim->head, head, *head + n); /* O2 */
}

void *pawl_deque_steal(struct pawl_deque *victim)
{
	uint64_t head = pawl_load_acquire(&victim->head); /* O2 */
	struct array *array;
	void *item;

	/* Ends: each failure is somebody else's success. */
	do {
		if (!look(victim, head, &array))
			return NULL;
		item = pawl_load_relaxed(&array->slots[head & array->mask]);
	} while (!claim(victim, &head, 1));
	return item;
}

size_t pawl_deque_steal_half(struct pawl_deque *victim, struct pawl_deque *into)
{
	/* Relaxed: the caller is who writes tail and array of `into`. */
	uint64_t tail = pawl_load_relaxed(&into->tail);
	struct array *mine = pawl_load_relaxed(&into->array);
	uint64_t head = pawl_load_acquire(&victim->head); /* O2 */
	struct array *array;
	uint64_t n, room;

	PAWL_REQUIRE(victim != into);
	(void)has_room(into, tail, mine->mask + 1); /* for a new look at its head */
	room = mine->mask + 1 - (tail - into->head_seen);
	/* Ends: each failure is somebody else's success. */
	do {
		n = (look(victim, head, &array) + 1) / 2;
		if (n > room)
			n = room;
		if (!n)
			return 0;
		/* Beyond our tail: nobody sees them before it moves. */
		for (uint64_t i = 0; i < n; i++) {
			void *item = pawl_load_relaxed(&array->slots[(head + i) & array->mask]);

			pawl_store_relaxed(&mine->slots[(tail + i) & mine->mask], item);
		}
	} while (!claim(victim, &head, n));
	pawl_store_release(&into->tail, tail + n); /* O1 */
	return (size_t)n;
}

/* --- Asking. --- */

bool pawl_deque_is_empty(const struct pawl_deque *deque)
{
	return !pawl_deque_len(deque);
}

size_t pawl_deque_len(const struct pawl_deque *deque)
{
	uint64_t head =
		pawl_load_acquire(&deque->head); /* O2: a tail of the same time or later */
	uint64_t tail = pawl_load_relaxed(&deque->tail); /* relaxed: nothing is read by it */

	return (size_t)(tail - head);
}
