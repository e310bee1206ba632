/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/lanes.c. With one lane the history is that of a queue, "empty" included;
 * with several, items are counted and orders asserted that hold whatever else runs. What a
 * pusher wrote is plain memory. After each run a lane that holds something has its bit (I2): a
 * lost one would only show as an urgent item that waits for idle time.
 *
 *  push-pop        one push beside two pops
 *  push-empty      one push beside "is it empty" and a pop
 *  2push-pop       two pushers: the second is done before the first has set the bit
 *  2push           two pushers alone
 *  push-2pop       one push beside two threads that pop
 *  2pop            two items, two threads that pop: -EAGAIN is no answer to "empty"
 *  bit-clear       a pop of the last item, which clears the bit, beside a push
 *  bit-clear-2     the same, and another pop
 *  bit-clear-3     the same, and another push
 *  moving          a pop moves items to the outbox beside "is it empty"
 *  moving-pop      the same beside another pop
 *  hand-over       batches beside pops that take parts of them
 *  limit           lane_max beside pops
 *  ageing          a due item of lane 1 is not overtaken by later pushes into lane 0
 *  ageing-2        stamps of an idle lane that comes to life beside a pop
 *  urgent          what was pushed before is popped in order, whatever is pushed meanwhile
 *  sleep           "empty" after a fence beside a push with a fence: never both miss
 *  sleep-2         the same with a second pusher into the same lane
 *  oldest-late     a stamp that falls within a lane, and a slow pusher of the former item
 *  oldest-close    a push with a later stamp beside the pop that empties the lane
 *  reuse           a popped node is pushed again at once, into another lane
 */
#include "queue-spec.h"
#include "scenario.h"

#include <errno.h>

struct item {
	struct pawl_lane_node node;
	unsigned value;
};

static struct pawl_lanes *lanes;
static struct item items[16];
static struct pawl_atomic_u32 popped[16], sleeping;
static unsigned pushed[MC_THREADS_MAX + 1];
static bool missed_push, missed_sleeper;

static void make(unsigned count, uint64_t age_step, uint64_t lane_max)
{
	struct pawl_lanes_options options = PAWL_LANES_OPTIONS_INIT;

	options.lanes = count;
	options.age_step = age_step;
	options.lane_max = lane_max;
	mc_assert(pawl_lanes_create(&options, &lanes) == 0);
	for (unsigned i = 0; i < 16; i++) {
		items[i].value = 0;
		pawl_init_word(&popped[i], 0u);
	}
	for (unsigned i = 0; i <= MC_THREADS_MAX; i++)
		pushed[i] = 0;
	pawl_init_word(&sleeping, 0u);
	missed_push = missed_sleeper = false;
}

static struct pawl_lane_node *node_of(unsigned value)
{
	items[value].value = value;
	return &items[value].node;
}

static unsigned value_of(struct pawl_lane_node *node)
{
	struct item *item = PAWL_CONTAINER_OF(node, struct item, node);

	mc_assert(item->value == (unsigned)(item - items));
	mc_assert(pawl_add_relaxed(&popped[item->value], 1u) == 0);
	return item->value;
}

static bool push_at(unsigned lane, unsigned value, uint64_t stamp)
{
	int err;

	mc_call(QUEUE_PUSH, value, 0);
	err = pawl_lanes_push(lanes, lane, node_of(value), stamp);
	mc_assert(err == 0 || err == -ENOSPC);
	mc_return(!err, 0);
	pushed[mc_thread()] += !err;
	return !err;
}

static void push(unsigned value)
{
	push_at(0, value, 0);
}

static void push_batch(uint64_t digits)
{
	struct pawl_lane_node *nodes[4];
	unsigned n = 0;

	mc_call(QUEUE_PUSH, digits, 0);
	for (; digits; digits >>= 4)
		nodes[n++] = node_of(digits & 15);
	mc_assert(pawl_lanes_push_n(lanes, 0, nodes, n, 0) == 0);
	mc_return(n, 0);
	pushed[mc_thread()] += n;
}

/* Returns what it got, 0 for nothing. An -EAGAIN is no operation. */
static unsigned pop(void)
{
	struct pawl_lane_node *node;
	unsigned value = 0;
	int n;

	mc_call(QUEUE_POP, 1, 0);
	n = pawl_lanes_pop(lanes, &node);
	mc_assert(n == 0 || n == 1 || n == -EAGAIN);
	if (n == 1)
		value = value_of(node);
	/* Busy is told from empty by a digit that nobody pushes. */
	mc_return(n == -EAGAIN ? 15 : value, 0);
	return value;
}

/* A batch may end early: it is a pop of what it got. */
static void pop_n(unsigned max)
{
	struct pawl_lane_node *nodes[4];
	uint64_t digits = 0;
	int n;

	mc_call(QUEUE_POP, max, 1);
	n = pawl_lanes_pop_n(lanes, max, nodes);
	for (int i = 0; i < n; i++)
		digits |= (uint64_t)value_of(nodes[i]) << (4 * i);
	mc_return(n == -EAGAIN ? 15 : digits, 0);
}

static bool is_empty(void)
{
	bool empty;

	mc_call(QUEUE_IS_EMPTY, 0, 0);
	empty = pawl_lanes_is_empty(lanes);
	mc_return(empty, 0);
	return empty;
}

static void finish(void)
{
	struct pawl_lane_node *node;
	unsigned in = 0, out = 0;
	int n;

	/* Nobody pops: what is there is in the inbox or in the outbox, and has its bit. */
	for (unsigned i = 0; i <= MC_THREADS_MAX; i++)
		in += pushed[i];
	for (unsigned i = 0; i < 16; i++)
		out += pawl_load_relaxed(&popped[i]);
	mc_assert(pawl_lanes_is_empty(lanes) == (in == out));
	mc_assert(in == out || pawl_lanes_summary(lanes));
	while ((n = pawl_lanes_pop(lanes, &node)) == 1) {
		value_of(node);
		out++;
	}
	mc_assert(n == 0);
	mc_assert(in == out);
	mc_assert(!(missed_push && missed_sleeper));
	pawl_lanes_destroy(lanes);
}

static void setup(void)
{
	make(1, PAWL_FOREVER, 0);
}

/* Whoever pops this one clears the bit. */
static void setup_last(void)
{
	setup();
	push(14);
	mc_assert(pawl_lanes_summary(lanes) == 1);
}

static void setup_2_in(void)
{
	setup();
	push(1);
	push(2);
}

/* One in the outbox, one in the inbox. */
static void setup_both(void)
{
	setup();
	push(13);
	push(1);
	mc_assert(pop() == 13);
	push(2);
}

static void setup_limit(void)
{
	make(1, PAWL_FOREVER, 1);
	push(1);
}

static void push_1(void)
{
	push(1);
}

static void push_2(void)
{
	push(2);
}

static void push_3(void)
{
	push(3);
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

static void pop_1(void)
{
	pop();
}

static void pop_2(void)
{
	pop();
	pop();
}

static void empty_pop(void)
{
	is_empty();
	pop();
}

static void empty_1(void)
{
	is_empty();
}

static void batches(void)
{
	push_batch(0x321);
	push(4);
}

static void pop_parts(void)
{
	pop_n(2);
	pop_n(3);
}

static void pop_part(void)
{
	pop_n(2);
}

static void push_2_3(void)
{
	push(2);
	push(3);
}

static void push_look(unsigned value)
{
	push(value);
	pawl_fence_dekker();
	if (!pawl_load_relaxed(&sleeping))
		missed_sleeper = true;
}

static void push_then_look(void)
{
	push_look(1);
}

static void sleep_then_look(void)
{
	pawl_store_relaxed(&sleeping, 1u);
	pawl_fence_dekker();
	missed_push = is_empty();
}

/* --- Several lanes: no history. --- */

/* Due: the item of lane 1 at 10, those of lane 0 with their stamps. */
static void setup_ageing(void)
{
	make(2, 10, 0);
	push_at(1, 1, 0);
	push_at(0, 2, 5);
}

static void push_later(void)
{
	push_at(0, 3, 9);
	push_at(0, 4, 11);
}

static void pop_due(void)
{
	unsigned before_1 = 0, value;

	mc_assert(pop() == 2);
	while ((value = pop()) && value != 1) {
		mc_assert(value == 3);
		before_1++;
	}
	mc_assert(value == 1 && before_1 <= 1);
}

/* Both lanes have been used, and their hints are old. */
static void setup_idle(void)
{
	make(2, 10, 0);
	push_at(1, 13, 1);
	push_at(0, 14, 2);
	mc_assert(pop() == 14);
	mc_assert(pop() == 13);
}

static void push_urgent_last(void)
{
	push_at(1, 1, 20);
	push_at(0, 2, 31);
}

static void pop_twice(void)
{
	unsigned first = pop(), next = pop();

	/* The push of 2 came after that of 1, and it is due later. */
	mc_assert(first != 2);
	mc_assert(!first || next != first);
}

static void setup_urgent(void)
{
	make(2, PAWL_FOREVER, 0);
	push_at(1, 3, 0);
	push_at(0, 1, 0);
	push_at(0, 2, 0);
}

static void push_both(void)
{
	push_at(1, 4, 0);
	push_at(0, 5, 0);
}

static void pop_urgent(void)
{
	unsigned third;

	mc_assert(pop() == 1);
	mc_assert(pop() == 2);
	third = pop();
	mc_assert(third == 3 || third == 5);
}

static void push_100(void)
{
	push_at(1, 1, 100);
}

/* An item that comes back with the stamp it had. */
static void pop_push_5(void)
{
	pop();
	push_at(1, 2, 5);
}

static void setup_aged(void)
{
	make(2, 10, 0);
}

static void setup_aged_last(void)
{
	setup_aged();
	push_at(1, 4, 5);
}

static void push_20(void)
{
	push_at(1, 2, 20);
}

/* No push is under way and one thread pops: 3, which is due at 50, does not pass 2. */
static void finish_aged(void)
{
	unsigned first;

	push_at(0, 3, 50);
	first = pop();
	/* Unless 1, which is due at 110, is before 2. */
	mc_assert(first == 2 || (first == 3 && pop() == 1));
	finish();
}

/* The lane that was asked for comes back with the node. */
static void push_again(void)
{
	struct pawl_lane_node *node;
	int n = pawl_lanes_pop(lanes, &node);

	if (n != 1)
		return;
	unsigned value = value_of(node), lane = pawl_lane_node_lane(node);

	mc_assert(value == 1 ? lane == 1 : lane == 0);
	pawl_store_relaxed(&popped[value], 0u);
	mc_assert(pawl_lanes_push(lanes, !lane, node, pawl_lane_node_stamp(node)) == 0);
}

static void setup_reuse(void)
{
	make(2, 10, 0);
	push_at(1, 1, 0);
}

static void push_into_0(void)
{
	push_at(0, 2, 3);
}

static bool step(void *state, const struct mc_op *op)
{
	if (op->op == QUEUE_POP && op->result[0] == 15)
		return true;
	return queue_spec_step(state, op, 0);
}

static bool step_limit(void *state, const struct mc_op *op)
{
	/* A place is free a moment after its item was popped: refused is always possible. */
	if (op->op == QUEUE_PUSH && !op->result[0])
		return true;
	if (op->op == QUEUE_POP && op->result[0] == 15)
		return true;
	return queue_spec_step(state, op, 1);
}

static const struct mc_spec spec = {"queue", sizeof(struct queue_spec), step, queue_spec_print};
static const struct mc_spec spec_limit = {"queue of one", sizeof(struct queue_spec), step_limit,
					  queue_spec_print};

#define LANES(NAME, SETUP, SPEC, ...) LANES_WITH(NAME, SETUP, SPEC, false, __VA_ARGS__)
#define LANES_WITH(NAME, SETUP, SPEC, NO_SPURIOUS, ...)                                   \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = finish, \
		.spec = SPEC, .bare = true, .no_spurious = NO_SPURIOUS                    \
	}
#define LANES_AGED(NAME, SETUP, ...)                                                  \
	{                                                                             \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .bare = true, \
		.finish = finish_aged                                                 \
	}

static const struct mc_scenario scenarios[] = {
	LANES("push-pop", setup, &spec, push_1, pop_2),
	LANES("push-empty", setup, &spec, push_1, empty_pop),
	LANES("2push", setup, &spec, push_1_2, push_3_4),
	LANES("2push-pop", setup, &spec, push_1, push_2, pop_1),
	LANES("push-2pop", setup, &spec, push_1, pop_1, pop_1),
	LANES("2pop", setup_2_in, &spec, pop_2, pop_2),
	LANES("bit-clear", setup_last, &spec, push_1, pop_1),
	LANES("bit-clear-2", setup_last, &spec, push_1, pop_1, pop_1),
	LANES("bit-clear-3", setup_last, &spec, push_1, push_2, pop_1),
	LANES("moving", setup_2_in, &spec, pop_1, empty_1),
	LANES("moving-pop", setup_both, &spec, pop_2, empty_pop),
	LANES("moving-push", setup_both, &spec, pop_2, push_3, empty_1),
	LANES("hand-over", setup, &spec, batches, pop_parts),
	/* Spurious failures lead back to the head of a loop that has linked a node of its own. */
	LANES_WITH("hand-over-2", setup, &spec, true, batches, pop_part, pop_part),
	LANES("limit", setup_limit, &spec_limit, push_2_3, pop_2),
	LANES("limit-2", setup_limit, &spec_limit, push_2, push_3, pop_1),
	LANES("ageing", setup_ageing, NULL, push_later, pop_due),
	LANES("ageing-2", setup_idle, NULL, push_urgent_last, pop_twice),
	LANES("urgent", setup_urgent, NULL, push_both, pop_urgent),
	LANES("sleep", setup, &spec, push_then_look, sleep_then_look),
	LANES("sleep-2", setup, &spec, push_then_look, push_2, sleep_then_look),
	LANES_AGED("oldest-late", setup_aged, push_100, pop_push_5),
	LANES_AGED("oldest-close", setup_aged_last, push_20, pop_1),
	LANES("reuse", setup_reuse, NULL, push_again, push_into_0),
	LANES("reuse-pop", setup_reuse, NULL, push_again, pop_1),
};
MC_MAIN(scenarios)
