/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/ring.c. The history of each is that of a bounded queue. Rings are so small
 * that slots are used again; they are plain memory, so a wrong order is a race on a slot.
 *
 *  pair          push, push beside pop, pop, two slots: neither bound is met
 *  one-slot      three pushes beside three pops through one slot: full, empty, slots used again
 *  batch         push_n beside pop_n, two slots: batches that are cut at both bounds
 *  batch-wrap    the same, begun in the middle of the array
 *  mixed         push_n beside pop, push beside pop_n
 *  empty, len    a third thread asks
 *  sleep         "empty" after a fence beside a push with a fence: never both miss
 *  handed-on     another thread becomes the consumer
 */
#include "queue-spec.h"
#include "scenario.h"

static struct pawl_ring ring;
static unsigned capacity;
static unsigned values[16];
static struct pawl_atomic_u32 turn, sleeping;
static bool missed_push, missed_sleeper;

static void make(unsigned slots, unsigned before)
{
	void *item;

	capacity = slots;
	mc_assert(pawl_ring_init(&ring, slots) == 0);
	/* The indices begin here. */
	while (before--)
		mc_assert(pawl_ring_push(&ring, NULL) && pawl_ring_pop(&ring, &item));
	for (unsigned i = 0; i < 16; i++)
		values[i] = 0;
	pawl_init_word(&turn, 0u);
	pawl_init_word(&sleeping, 0u);
	missed_push = missed_sleeper = false;
}

static void setup_1(void)
{
	make(1, 0);
}

static void setup_2(void)
{
	make(2, 0);
}

static void setup_2_odd(void)
{
	make(2, 1);
}

/* An item is the address of a word that its pusher wrote before. */
static void *item_of(unsigned value)
{
	values[value] = value;
	return &values[value];
}

static unsigned value_of(void *item)
{
	unsigned *word = item;

	mc_assert(*word == (unsigned)(word - values));
	return *word;
}

static void push(unsigned value)
{
	bool in;

	mc_call(QUEUE_PUSH, value, 0);
	in = pawl_ring_push(&ring, item_of(value));
	mc_return(in, 0);
}

static void push_n(uint64_t digits)
{
	void *items[4];
	unsigned n = 0;
	size_t in;

	mc_call(QUEUE_PUSH, digits, 0);
	for (; digits; digits >>= 4)
		items[n++] = item_of(digits & 15);
	in = pawl_ring_push_n(&ring, items, n);
	mc_assert(in <= n);
	mc_return(in, 0);
}

static void pop(void)
{
	void *item;

	mc_call(QUEUE_POP, 1, 0);
	mc_return(pawl_ring_pop(&ring, &item) ? value_of(item) : 0, 0);
}

static void pop_n(unsigned max)
{
	uint64_t digits = 0;
	void *items[4];
	size_t n;

	/* A batch is a look at the tail and one pop: what came after the look stays. */
	mc_call(QUEUE_POP, max, 1);
	n = pawl_ring_pop_n(&ring, max, items);
	mc_assert(n <= max);
	for (size_t i = 0; i < n; i++)
		digits |= (uint64_t)value_of(items[i]) << (4 * i);
	mc_return(digits, 0);
}

static void finish(void)
{
	mc_assert(!(missed_push && missed_sleeper));
	mc_assert(pawl_ring_len(&ring) <= capacity);
	while (!pawl_ring_is_empty(&ring))
		pop();
	pawl_ring_fini(&ring);
}

static void push_2(void)
{
	push(1);
	push(2);
}

static void push_3(void)
{
	push(1);
	push(2);
	push(3);
}

static void push_n_2(void)
{
	push_n(0x21);
	push_n(0x43);
}

static void push_n_3(void)
{
	push_n(0x321);
	push_n(0x54);
}

static void pop_2(void)
{
	pop();
	pop();
}

static void pop_3(void)
{
	pop();
	pop();
	pop();
}

static void pop_n_2(void)
{
	pop_n(2);
	pop_n(2);
}

static void pop_n_3(void)
{
	pop_n(1);
	pop_n(3);
}

static void asks(void)
{
	mc_assert(pawl_ring_len(&ring) <= capacity);
	(void)pawl_ring_is_empty(&ring);
}

static void push_then_look(void)
{
	push(1);
	pawl_fence_dekker();
	missed_sleeper = !pawl_load_relaxed(&sleeping);
}

static void sleep_then_look(void)
{
	pawl_store_relaxed(&sleeping, 1u);
	pawl_fence_dekker();
	missed_push = pawl_ring_is_empty(&ring);
	if (!missed_push)
		pop();
}

static void first_consumer(void)
{
	pop();
	pawl_store_release(&turn, 1u);
}

static void second_consumer(void)
{
	scn_await(&turn, 1u);
	pop();
	pop();
}

static bool step(void *state, const struct mc_op *op)
{
	return queue_spec_step(state, op, capacity);
}

static const struct mc_spec spec = {"bounded queue", sizeof(struct queue_spec), step,
				    queue_spec_print};

#define RING(NAME, SETUP, ...)                                                            \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = finish, \
		.spec = &spec, .bare = true                                               \
	}

static const struct mc_scenario scenarios[] = {
	RING("pair", setup_2, push_2, pop_2),
	RING("one-slot", setup_1, push_3, pop_3),
	RING("batch", setup_2, push_n_2, pop_n_2),
	RING("batch-wrap", setup_2_odd, push_n_3, pop_n_3),
	RING("mixed-in", setup_2_odd, push_n_3, pop_3),
	RING("mixed-out", setup_1, push_3, pop_n_2),
	RING("asks", setup_1, push_2, pop_2, asks),
	RING("sleep", setup_1, push_then_look, sleep_then_look),
	RING("handed-on", setup_1, push_3, first_consumer, second_consumer),
};
MC_MAIN(scenarios)
