/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * history.c - objects whose histories have, or do not have, an order that explains them.
 *
 * Wrong in each broken one:
 *  lost        what was pushed is gone: seen by the pop of finish(), which comes after all
 *  threads lost-setup  the same for what setup() pushed lifo        a stack that is called a
 *  queue order       a queue without a lock: two pushers take the same slot stale       two
 *  registers, relaxed: the newer value of one, then the old value of the other late-empty
 *  "empty" after a push that had returned, as the asker could know twice       an item is
 *  popped by two threads
 * And right: fifo and stack under a lock; the registers with release and acquire; "empty"
 * beside a push; an operation that never returns, with and without its effect.
 */
#include "../queue-spec.h"
#include "known.h"

static struct queue_spec queue;
static struct pawl_atomic_u32 held, x, y, slot[4], tail;

static void lock(void)
{
	while (pawl_xchg_acquire(&held, 1u))
		pawl_pause();
}

static void unlock(void)
{
	pawl_store_release(&held, 0u);
}

static void setup(void)
{
	queue = (struct queue_spec){0};
	pawl_init_word(&held, 0u);
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	pawl_init_word(&tail, 0u);
	for (unsigned i = 0; i < 4; i++)
		pawl_init_word(&slot[i], 0u);
}

/* ---- a queue under a lock, and what can be wrong with it ---------------- */

static void push(unsigned value)
{
	mc_call(QUEUE_PUSH, value, 0);
	lock();
	queue.items[queue.count++] = (uint8_t)value;
	unlock();
	mc_return(1, 0);
}

static void push_nowhere(unsigned value)
{
	mc_call(QUEUE_PUSH, value, 0);
	lock();
	unlock();
	mc_return(1, 0);
}

static unsigned remove_at(unsigned at)
{
	unsigned value = queue.items[at];

	queue.count--;
	for (unsigned i = at; i < queue.count; i++)
		queue.items[i] = queue.items[i + 1];
	return value;
}

static void pop(bool newest)
{
	unsigned value = 0;

	mc_call(QUEUE_POP, 1, 0);
	lock();
	if (queue.count)
		value = remove_at(newest ? queue.count - 1u : 0);
	unlock();
	mc_return(value, 0);
}

static void push_1(void)
{
	push(1);
}
static void push_2_3(void)
{
	push(2);
	push(3);
}
static void pop_2(void)
{
	pop(false);
	pop(false);
}
static void pop_newest_2(void)
{
	pop(true);
	pop(true);
}
static void lose_1(void)
{
	push_nowhere(1);
}
static void finish_pop(void)
{
	pop(false);
}
static void finish_pop_newest(void)
{
	pop(true);
	pop(true);
	pop(true);
}
static void setup_lose(void)
{
	setup();
	push_nowhere(1);
}
static void setup_1(void)
{
	setup();
	push(1);
}

/* ---- a queue without a lock -------------------------------------------- */

static void racy_push(unsigned value)
{
	uint32_t at;

	mc_call(QUEUE_PUSH, value, 0);
	at = pawl_load_acquire(&tail);
	pawl_store_release(&slot[at], value);
	pawl_store_release(&tail, at + 1);
	mc_return(1, 0);
}

static void racy_1(void)
{
	racy_push(1);
}
static void racy_2(void)
{
	racy_push(2);
}

static void racy_take(void)
{
	uint64_t digits = 0;

	mc_call(QUEUE_TAKE_ALL, 0, 0);
	for (uint32_t i = 0; i < pawl_load_acquire(&tail); i++)
		digits |= (uint64_t)pawl_load_acquire(&slot[i]) << (4 * i);
	mc_return(digits, 0);
}

/* Reads, then writes: two threads may get the same item. */
static void pop_without_claim(void)
{
	uint32_t value;

	mc_call(QUEUE_POP, 1, 0);
	value = pawl_load_acquire(&x);
	if (value)
		pawl_store_release(&x, 0u);
	mc_return(value, 0);
}

static void setup_item(void)
{
	setup();
	mc_call(QUEUE_PUSH, 5, 0);
	pawl_init_word(&x, 5u);
	mc_return(1, 0);
}

/* ---- empty --------------------------------------------------------------- */

static void push_and_tell(void)
{
	mc_call(QUEUE_PUSH, 1, 0);
	pawl_store_relaxed(&x, 1u);
	mc_return(1, 0);
	pawl_store_relaxed(&y, 1u);
}

static void ask(void)
{
	mc_call(QUEUE_IS_EMPTY, 0, 0);
	mc_return(!pawl_load_relaxed(&x), 0);
}

/* The look at y orders the question after the push, and orders nothing in memory. */
static void hear_and_ask(void)
{
	if (pawl_load_relaxed(&y))
		ask();
}

/* ---- registers ----------------------------------------------------------- */

enum { WRITE_X, WRITE_Y, READ_X, READ_Y };

static bool step_registers(void *state, const struct mc_op *op)
{
	uint8_t *value = state;

	if (op->op <= WRITE_Y)
		value[op->op] = (uint8_t)op->arg[0];
	else
		return value[op->op - READ_X] == op->result[0];
	return true;
}

static void write_both(void)
{
	mc_call(WRITE_X, 1, 0);
	pawl_store_relaxed(&x, 1u);
	mc_return(0, 0);
	mc_call(WRITE_Y, 1, 0);
	pawl_store_relaxed(&y, 1u);
	mc_return(0, 0);
}

static void write_both_release(void)
{
	mc_call(WRITE_X, 1, 0);
	pawl_store_release(&x, 1u);
	mc_return(0, 0);
	mc_call(WRITE_Y, 1, 0);
	pawl_store_release(&y, 1u);
	mc_return(0, 0);
}

static void read_both(void)
{
	mc_call(READ_Y, 0, 0);
	mc_return(pawl_load_relaxed(&y), 0);
	mc_call(READ_X, 0, 0);
	mc_return(pawl_load_relaxed(&x), 0);
}

static void read_both_acquire(void)
{
	mc_call(READ_Y, 0, 0);
	mc_return(pawl_load_acquire(&y), 0);
	mc_call(READ_X, 0, 0);
	mc_return(pawl_load_acquire(&x), 0);
}

/* ---- an operation that does not return ---------------------------------- */

static void write_and_stay(void)
{
	mc_call(WRITE_X, 1, 0);
	pawl_store_release(&x, 1u);
}

static void never_write(void)
{
	mc_call(WRITE_X, 1, 0);
}

/* ---- */

static bool step_queue(void *state, const struct mc_op *op)
{
	return queue_spec_step(state, op, 0);
}

static bool step_stack(void *state, const struct mc_op *op)
{
	struct queue_spec *stack = state;

	if (op->op == QUEUE_PUSH) {
		stack->items[stack->count++] = (uint8_t)op->arg[0];
		return true;
	}
	if (!op->result[0])
		return !stack->count;
	if (!stack->count || stack->items[stack->count - 1] != op->result[0])
		return false;
	stack->items[--stack->count] = 0;
	return true;
}

static const struct mc_spec fifo = {"queue", sizeof(struct queue_spec), step_queue,
				    queue_spec_print};
static const struct mc_spec lifo = {"stack", sizeof(struct queue_spec), step_stack,
				    queue_spec_print};
static const struct mc_spec registers = {"registers", 2, step_registers, NULL};

#define HISTORY(NAME, SETUP, SPEC, FINISH, WRONG, ...)                                    \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH, \
		.spec = SPEC, .bare = true, .expect_failure = WRONG                       \
	}

static const struct mc_scenario scenarios[] = {
	HISTORY("history-fifo", setup, &fifo, finish_pop, NULL, push_1, push_2_3, pop_2),
	HISTORY("history-stack", setup, &lifo, finish_pop_newest, NULL, push_1, push_2_3,
		pop_newest_2),
	HISTORY("history-lost", setup, &fifo, finish_pop, "history", lose_1),
	HISTORY("history-lost-setup", setup_lose, &fifo, NULL, "history", pop_2),
	HISTORY("history-setup", setup_1, &fifo, NULL, NULL, pop_2),
	HISTORY("history-lifo", setup, &fifo, NULL, "history", push_2_3, pop_newest_2),
	HISTORY("history-order", setup, &fifo, racy_take, "history", racy_1, racy_2),
	HISTORY("history-twice", setup_item, &fifo, NULL, "history", pop_without_claim,
		pop_without_claim),
	HISTORY("history-late-empty", setup, &fifo, NULL, "history", push_and_tell,
		hear_and_ask),
	HISTORY("history-beside-empty", setup, &fifo, NULL, NULL, push_and_tell, ask),
	HISTORY("history-stale", setup, &registers, NULL, "history", write_both, read_both),
	HISTORY("history-fresh", setup, &registers, NULL, NULL, write_both_release,
		read_both_acquire),
	HISTORY("history-pending", setup, &registers, NULL, NULL, write_and_stay,
		read_both_acquire),
	HISTORY("history-pending-not", setup, &registers, NULL, NULL, never_write,
		read_both_acquire),
};
MC_MAIN(scenarios)
