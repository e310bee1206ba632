/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/deque.c. The history of each is that of a queue from whose head everybody
 * takes; after each run every item must have been taken once. What the owner wrote for an
 * item is plain memory.
 *
 *  last            the owner pops the last item beside a thief
 *  last-2thieves   two thieves beside it
 *  push-steal      pushes beside steals, through two slots that are used again
 *  push-pop-steal  the owner pushes and pops beside a thief
 *  batch           push_n and pop_n beside a thief
 *  full            a full deque refuses, unless a thief was faster
 *  grow            the array is replaced beside a steal
 *  grow-twice      twice, beside two steals
 *  grow-batch      push_n that grows beside steal_half
 *  full-credit     a push that a thief made room for comes after the theft
 *  room-credit     so does a steal_half that somebody made room for in its own deque
 *  asks            "is it empty" beside the owner
 *  half            steal_half beside pops, pushes, a thief
 *  half-half       two thieves take halves
 *  half-room       steal_half into a deque that is full but for what its thief takes
 *  chain           a third thread steals from the thief
 *  sleep           "empty" after a fence beside a push with a fence: never both miss
 */
#include "queue-spec.h"
#include "scenario.h"

#include <errno.h>

static struct pawl_deque *deque, *second, *third;
static unsigned values[16];
static struct pawl_atomic_u32 taken[16], sleeping;
static unsigned pushed;
static bool missed_push, missed_sleeper;

static struct pawl_deque *make(size_t capacity, size_t capacity_max)
{
	struct pawl_deque_options options = PAWL_DEQUE_OPTIONS_INIT;
	struct pawl_deque *made;

	options.capacity = capacity;
	options.capacity_max = capacity_max;
	mc_assert(pawl_deque_create(&options, &made) == 0);
	return made;
}

static void *item_of(unsigned value)
{
	values[value] = value;
	return &values[value];
}

/* Counts it: each item is taken once. */
static uint64_t value_of(void *item)
{
	unsigned *word = item;

	if (!item)
		return 0;
	mc_assert(*word == (unsigned)(word - values));
	mc_assert(pawl_add_relaxed(&taken[*word], 1u) == 0);
	return *word;
}

/* By the owner. */
static void push(unsigned value)
{
	int err;

	mc_call(QUEUE_PUSH, value, 0);
	err = pawl_deque_push_owner(deque, item_of(value));
	mc_assert(err == 0 || err == -ENOSPC);
	mc_return(!err, 0);
	pushed += !err;
}

static void push_n(uint64_t digits)
{
	void *items[4];
	unsigned n = 0;
	int err;

	mc_call(QUEUE_PUSH, digits, 0);
	for (; digits; digits >>= 4)
		items[n++] = item_of(digits & 15);
	err = pawl_deque_push_n_owner(deque, items, n);
	mc_assert(err == 0);
	mc_return(n, 0);
	pushed += n;
}

static void pop(void)
{
	mc_call(QUEUE_POP, 1, 0);
	mc_return(value_of(pawl_deque_pop_owner(deque)), 0);
}

static void pop_n(unsigned max)
{
	uint64_t digits = 0;
	void *items[4];
	size_t n;

	mc_call(QUEUE_POP, max, 0);
	n = pawl_deque_pop_n_owner(deque, max, items);
	for (size_t i = 0; i < n; i++)
		digits |= value_of(items[i]) << (4 * i);
	mc_return(digits, 0);
}

static uint64_t steal(void)
{
	uint64_t value;

	mc_call(QUEUE_POP, 1, 0);
	value = value_of(pawl_deque_steal(deque));
	mc_return(value, 0);
	return value;
}

/* Moves to `into` and empties that, which is the thief's own matter. */
static void steal_half(struct pawl_deque *into)
{
	uint64_t digits = 0;
	unsigned at = 0;
	size_t n;
	void *item;

	mc_call(QUEUE_STEAL_HALF, 0, 0);
	n = pawl_deque_steal_half(deque, into);
	while ((item = pawl_deque_pop_owner(into)))
		digits |= value_of(item) << (4 * at++);
	mc_assert(at == n);
	mc_return(digits, 0);
}

static void reset(size_t capacity, size_t capacity_max)
{
	deque = make(capacity, capacity_max);
	second = make(4, 4);
	third = make(4, 4);
	for (unsigned i = 0; i < 16; i++) {
		pawl_init_word(&taken[i], 0u);
		values[i] = 0;
	}
	pawl_init_word(&sleeping, 0u);
	pushed = 0;
	missed_push = missed_sleeper = false;
}

static void setup_2(void)
{
	reset(2, 2);
}

static void setup_1_in(void)
{
	reset(2, 2);
	push(1);
}

static void setup_2_in(void)
{
	reset(2, 2);
	push(1);
	push(2);
}

static void setup_4_in(void)
{
	reset(4, 4);
	push_n(0x4321);
}

static void setup_grow(void)
{
	reset(1, 4);
	push(1);
}

/* Full, and begun in the middle of the array. */
static void setup_grow_odd(void)
{
	reset(2, 4);
	push(1);
	pop();
	push_n(0x32);
}

static void finish(void)
{
	unsigned out = 0;

	while (pawl_deque_len(deque))
		pop();
	mc_assert(pawl_deque_is_empty(deque));
	for (unsigned i = 0; i < 16; i++)
		out += pawl_load_relaxed(&taken[i]);
	mc_assert(out == pushed);
	mc_assert(!(missed_push && missed_sleeper));
	pawl_deque_destroy(deque);
	pawl_deque_destroy(second);
	pawl_deque_destroy(third);
}

static void pop_1(void)
{
	pop();
}

static void pop_2(void)
{
	pop();
	pop();
}

static void pop_n_2(void)
{
	pop_n(2);
	pop_n(1);
}

static void steal_1(void)
{
	steal();
}

static void steal_2(void)
{
	steal();
	steal();
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

static void push_pop(void)
{
	push(5);
	pop();
}

static void batch_in_out(void)
{
	push_n(5);
	pop_n(1);
}

static void push_4_5(void)
{
	push(4);
	push(5);
}

static void push_5(void)
{
	push(5);
}

static void push_batch(void)
{
	push_n(0x54);
}

static void half_second(void)
{
	steal_half(second);
}

static void half_third(void)
{
	steal_half(third);
}

/* --- Two deques: histories of one queue do not fit, the count of each item does. --- */

static void setup_room(void)
{
	void *items[] = {item_of(6), item_of(7), item_of(8)};

	reset(4, 4);
	push_n(0x4321);
	for (unsigned i = 0; i < 3; i++)
		items[i] = item_of(6 + i);
	mc_assert(pawl_deque_push_n_owner(second, items, 3) == 0);
	pushed += 3;
}

static void move_half(void)
{
	mc_assert(pawl_deque_steal_half(deque, second) <= 2);
}

static void steal_second(void)
{
	(void)value_of(pawl_deque_steal(second));
	(void)value_of(pawl_deque_steal(second));
}

static void finish_two(void)
{
	void *item;
	uint64_t last = 0;

	while ((item = pawl_deque_pop_owner(second))) {
		uint64_t value = value_of(item);

		/* What was in comes first, what was moved keeps its order. */
		mc_assert(!last || value == last + 1 || (last >= 8 && value == 1));
		last = value;
	}
	finish();
}

/* --- Room as a credit. --- */

static unsigned note;

static void setup_credit(void)
{
	reset(1, 1);
	push(1);
	note = 0;
}

static void note_steal(void)
{
	note = 7;
	steal();
}

static void push_reads_note(void)
{
	unsigned before = pushed;

	push(2);
	mc_assert(pushed == before || note == 7);
}

static void push_n_reads_note(void)
{
	void *items[] = {item_of(2)};
	int err = pawl_deque_push_n_owner(deque, items, 1);

	mc_assert(err ? err == -ENOSPC : note == 7);
	pushed += !err;
}

/* `second` is full. */
static void setup_room_credit(void)
{
	setup_room();
	mc_assert(pawl_deque_push_owner(second, item_of(9)) == 0);
	pushed++;
	note = 0;
}

static void note_steal_second(void)
{
	note = 7;
	(void)value_of(pawl_deque_steal(second));
}

static void half_reads_note(void)
{
	mc_assert(!pawl_deque_steal_half(deque, second) || note == 7);
}

static void setup_2_of_4(void)
{
	reset(4, 4);
	push(1);
	push(2);
}

static void asks(void)
{
	bool empty;

	mc_call(QUEUE_IS_EMPTY, 0, 0);
	empty = pawl_deque_is_empty(deque);
	mc_return(empty, 0);
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
	missed_push = pawl_deque_is_empty(deque);
	if (missed_push)
		missed_push = !steal();
}

static bool step_2(void *state, const struct mc_op *op)
{
	return queue_spec_step(state, op, 2);
}

static bool step_any(void *state, const struct mc_op *op)
{
	return queue_spec_step(state, op, 0);
}

static const struct mc_spec spec_2 = {"queue of two", sizeof(struct queue_spec), step_2,
				      queue_spec_print};
static const struct mc_spec spec_any = {"queue", sizeof(struct queue_spec), step_any,
					queue_spec_print};

#define DEQUE(NAME, SETUP, SPEC, FINISH, ...)                                             \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH, \
		.spec = SPEC, .bare = true                                                \
	}

static const struct mc_scenario scenarios[] = {
	DEQUE("last", setup_1_in, &spec_2, finish, pop_1, steal_1),
	DEQUE("last-2thieves", setup_1_in, &spec_2, finish, pop_1, steal_1, steal_1),
	DEQUE("last-2", setup_2_in, &spec_2, finish, pop_2, steal_2),
	DEQUE("last-n", setup_2_in, &spec_2, finish, pop_n_2, steal_2),
	DEQUE("push-steal", setup_2, &spec_2, finish, push_3, steal_2),
	DEQUE("push-2thieves", setup_2, &spec_2, finish, push_2, steal_1, steal_1),
	DEQUE("push-pop-steal", setup_1_in, &spec_2, finish, push_pop, steal_2),
	DEQUE("batch", setup_1_in, &spec_2, finish, batch_in_out, steal_2),
	DEQUE("full", setup_2_in, &spec_2, finish, push_4_5, steal_1),
	DEQUE("grow", setup_grow, &spec_any, finish, push_5, steal_2),
	DEQUE("grow-twice", setup_grow, &spec_any, finish, push_4_5, steal_2),
	DEQUE("grow-odd", setup_grow_odd, &spec_any, finish, push_batch, steal_1, steal_1),
	DEQUE("grow-half", setup_grow_odd, &spec_any, finish, push_batch, half_second),
	DEQUE("half", setup_4_in, &spec_any, finish, pop_2, half_second),
	DEQUE("half-half", setup_4_in, &spec_any, finish, half_second, half_third),
	DEQUE("half-push", setup_2, &spec_2, finish, push_2, half_second),
	DEQUE("half-push-pop", setup_1_in, &spec_2, finish, push_pop, half_second),
	DEQUE("half-push-steal", setup_2_of_4, &spec_any, finish, push_5, half_second, steal_1),
	DEQUE("asks", setup_1_in, &spec_2, finish, push_pop, asks),
	DEQUE("full-credit", setup_credit, NULL, finish, push_reads_note, note_steal),
	DEQUE("full-credit-n", setup_credit, NULL, finish, push_n_reads_note, note_steal),
	DEQUE("room-credit", setup_room_credit, NULL, finish_two, half_reads_note,
	      note_steal_second),
	DEQUE("half-room", setup_room, NULL, finish_two, move_half, steal_second),
	DEQUE("chain", setup_2_in, NULL, finish_two, pop_1, move_half, steal_second),
	DEQUE("sleep", setup_2, &spec_2, finish, push_then_look, sleep_then_look),
};
MC_MAIN(scenarios)
