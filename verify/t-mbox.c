/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/mbox.c. The history of each is that of a queue of which everything is taken
 * at once, the answer "was empty" included. What a sender wrote is plain memory.
 *
 *  push-take       two pushes beside two takings
 *  2push           two senders, nobody takes meanwhile: one of them found it empty
 *  2push-take      two senders, one taking
 *  2take           two pushes beside two takers
 *  list            a list and a single push beside a taking: nothing comes in between
 *  reuse           the taker sends what it took again, at once
 *  wake            the header's protocol: only a first push unparks, the owner never sleeps
 *                  on a node
 *  wake-store      the same with a wake-up that is a plain store, which the owner resets
 *  wake-list       the same with lists
 *  sleep           "empty" after a fence beside a push with a fence: never both miss
 */
#include "queue-spec.h"
#include "scenario.h"

struct letter {
	struct pawl_mbox_node node;
	unsigned value;
};

static struct pawl_mbox mbox;
static struct letter letters[16];
static struct pawl_atomic_ptr owner;
static struct scn_waiter waiter;
static struct pawl_atomic_u32 sleeping;
static bool missed_push, missed_sleeper;

static void setup(void)
{
	pawl_mbox_init(&mbox);
	for (unsigned i = 0; i < 16; i++)
		letters[i].value = 0;
	pawl_init_word(&owner, NULL);
	scn_waiter_init(&waiter, 1);
	pawl_init_word(&sleeping, 0u);
	missed_push = missed_sleeper = false;
}

static bool push(unsigned value)
{
	bool first;

	letters[value].value = value;
	mc_call(QUEUE_PUSH, value, 1);
	first = pawl_mbox_push(&mbox, &letters[value].node);
	mc_return(1, first);
	return first;
}

static bool push_list(unsigned a, unsigned b)
{
	bool first;

	letters[a].value = a;
	letters[b].value = b;
	pawl_mbox_link(&letters[a].node, &letters[b].node);
	pawl_mbox_link(&letters[b].node, NULL);
	mc_call(QUEUE_PUSH, a | b << 4, 1);
	first = pawl_mbox_push_list(&mbox, &letters[a].node, &letters[b].node);
	mc_return(2, first);
	return first;
}

/* Returns the digits; what was taken is poisoned, as if it were freed. */
static uint64_t take(void)
{
	struct pawl_mbox_node *node;
	uint64_t digits = 0;
	unsigned n = 0;

	mc_call(QUEUE_TAKE_ALL, 0, 0);
	node = pawl_mbox_take_all(&mbox);
	while (node) {
		struct letter *letter = PAWL_CONTAINER_OF(node, struct letter, node);

		mc_assert(letter->value == (unsigned)(letter - letters));
		digits |= (uint64_t)letter->value << (4 * n++);
		node = pawl_mbox_next(node);
		pawl_mbox_link(&letter->node, (void *)(uintptr_t)0xa5a5);
		letter->value = 0;
	}
	mc_return(digits, 0);
	return digits;
}

static void finish(void)
{
	mc_assert(!(missed_push && missed_sleeper));
	take();
	mc_assert(pawl_mbox_is_empty(&mbox));
}

static void push_1(void)
{
	push(1);
}

static void push_2(void)
{
	push(2);
}

static void push_1_2(void)
{
	push(1);
	push(2);
}

static void push_3_4(void)
{
	push(3);
	push(4);
}

static void take_1(void)
{
	take();
}

static void take_2(void)
{
	take();
	take();
}

static void push_as_list(void)
{
	(void)push_list(1, 2);
}

static void take_and_send_again(void)
{
	if (take() & 15)
		push(3);
	take();
}

static void wakes(unsigned value)
{
	if (push(value))
		pawl_unpark(&waiter.base);
}

static void wakes_1(void)
{
	wakes(1);
}

static void wakes_2(void)
{
	wakes(2);
}

/* Sleeps only on what take() finds nothing in: a missing wake-up is a deadlock. */
static void owner_of_two(void)
{
	unsigned n = 0;

	while (n < 2) {
		uint64_t digits = take();

		if (!digits)
			(void)waiter.base.ops->park(&waiter.base, PAWL_FOREVER);
		n += queue_digits(digits);
	}
}

/* A wake-up that is a store: setting it again must not come before the owner's resetting. */
static struct pawl_atomic_u32 bell;

static void setup_bell(void)
{
	setup();
	pawl_init_word(&bell, 0u);
}

static void rings_1(void)
{
	if (push(1))
		pawl_store_release(&bell, 1u);
}

static void rings_2(void)
{
	if (push(2))
		pawl_store_release(&bell, 1u);
}

static void rings_list(void)
{
	if (push_list(3, 4))
		pawl_store_release(&bell, 1u);
}

static void owner_hears(unsigned count)
{
	while (count) {
		unsigned n = queue_digits(take());

		count -= n;
		if (!n) {
			scn_await(&bell, 1u);
			pawl_store_relaxed(&bell, 0u);
		}
	}
}

static void owner_hears_2(void)
{
	owner_hears(2);
}

static void owner_hears_3(void)
{
	owner_hears(3);
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
	missed_push = pawl_mbox_is_empty(&mbox);
}

static bool step(void *state, const struct mc_op *op)
{
	return queue_spec_step(state, op, 0);
}

static const struct mc_spec spec = {"take-all queue", sizeof(struct queue_spec), step,
				    queue_spec_print};

#define MBOX(NAME, ...) MBOX_FROM(NAME, setup, __VA_ARGS__)
#define MBOX_FROM(NAME, SETUP, ...)                                                       \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = finish, \
		.spec = &spec, .bare = true                                               \
	}

static const struct mc_scenario scenarios[] = {
	MBOX("push-take", push_1_2, take_2),
	MBOX("2push", push_1_2, push_3_4),
	MBOX("2push-take", push_1, push_2, take_1),
	MBOX("2push-2", push_1_2, push_3_4, take_1),
	MBOX("2take", push_1_2, take_1, take_1),
	MBOX("list", push_as_list, push_3_4, take_1),
	MBOX("reuse", push_1_2, take_and_send_again),
	MBOX("wake", wakes_1, wakes_2, owner_of_two),
	MBOX_FROM("wake-store", setup_bell, rings_1, rings_2, owner_hears_2),
	MBOX_FROM("wake-list", setup_bell, rings_1, rings_list, owner_hears_3),
	MBOX("sleep", push_then_look, sleep_then_look),
};
MC_MAIN(scenarios)
