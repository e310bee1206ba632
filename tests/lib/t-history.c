/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-history.c - the linearizability check itself: histories whose answer is known, against a
 * register, a queue and a set, with operations that never returned; and random histories
 * that were made from a sequential run, so that the answer is yes by construction.
 */
#include "harness.h"
#include "mc.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>
#include <pawl/thread.h>

#define NEVER UINT64_MAX

/* A register. */

enum { READ, WRITE };

struct reg {
	uint64_t value;
};

static bool reg_step(void *state, const struct mc_op *op)
{
	struct reg *reg = state;

	if (op->op == READ)
		return op->ret == NEVER || op->result[0] == reg->value;
	reg->value = op->arg[0];
	return true;
}

static const struct mc_spec reg_spec = {
	.name = "register", .state_bytes = sizeof(struct reg), .step = reg_step};

/* A FIFO queue of small numbers; 0 as a result means that it was empty. */

enum { PUT, TAKE };
#define QUEUE_MAX 32

struct queue {
	uint64_t count;
	uint64_t item[QUEUE_MAX];
};

static bool queue_step(void *state, const struct mc_op *op)
{
	struct queue *queue = state;
	uint64_t first;

	if (op->op == PUT) {
		if (queue->count == QUEUE_MAX)
			return false;
		queue->item[queue->count++] = op->arg[0];
		return true;
	}
	if (!queue->count)
		return op->ret == NEVER || op->result[0] == 0;
	first = queue->item[0];
	if (op->ret != NEVER && op->result[0] != first)
		return false;
	queue->count--;
	memmove(queue->item, queue->item + 1, queue->count * sizeof(queue->item[0]));
	queue->item[queue->count] = 0;
	return true;
}

static const struct mc_spec queue_spec = {
	.name = "queue", .state_bytes = sizeof(struct queue), .step = queue_step};

/* A set of numbers below 64; results say whether the set changed or had it. */

enum { ADD, DELETE, HAS };

static bool set_step(void *state, const struct mc_op *op)
{
	uint64_t *set = state;
	uint64_t bit = UINT64_C(1) << op->arg[0];
	bool had = (*set & bit) != 0;
	bool result = op->op == ADD ? !had : had;

	if (op->ret != NEVER && op->result[0] != result)
		return false;
	if (op->op == ADD)
		*set |= bit;
	else if (op->op == DELETE)
		*set &= ~bit;
	return true;
}

static const struct mc_spec set_spec = {
	.name = "set", .state_bytes = sizeof(uint64_t), .step = set_step};

/* A specification without a state: any result below the argument. */
static bool below_step(void *state, const struct mc_op *op)
{
	(void)state;
	return op->ret == NEVER || op->result[0] < op->arg[0];
}

static const struct mc_spec below_spec = {.name = "below", .step = below_step};

#define OP(kind, argument, outcome, from, to)                                             \
	{                                                                                 \
		.op = (kind), .arg = {(argument)}, .result = {(outcome)}, .call = (from), \
		.ret = (to)                                                               \
	}
#define CHECK(spec, ops) mc_linearizable(&(spec), (ops), sizeof(ops) / sizeof(*(ops)))

static void case_empty(void **state)
{
	(void)state;
	assert_int_equal(mc_linearizable(&reg_spec, NULL, 0), 1);
	assert_int_equal(mc_linearizable(&below_spec, NULL, 0), 1);
}

static void case_register(void **state)
{
	const struct mc_op sequential[] = {OP(READ, 0, 0, 1, 2), OP(WRITE, 5, 0, 3, 4),
					   OP(READ, 0, 5, 5, 6)};
	const struct mc_op stale[] = {OP(WRITE, 5, 0, 1, 2), OP(READ, 0, 0, 3, 4)};
	const struct mc_op overlapping_old[] = {OP(WRITE, 5, 0, 1, 4), OP(READ, 0, 0, 2, 3)};
	const struct mc_op overlapping_new[] = {OP(WRITE, 5, 0, 1, 4), OP(READ, 0, 5, 2, 3)};
	/* Two reads one after the other within one write may not see new, then old. */
	const struct mc_op new_then_old[] = {OP(WRITE, 5, 0, 1, 6), OP(READ, 0, 5, 2, 3),
					     OP(READ, 0, 0, 4, 5)};
	const struct mc_op old_then_new[] = {OP(WRITE, 5, 0, 1, 6), OP(READ, 0, 0, 2, 3),
					     OP(READ, 0, 5, 4, 5)};
	const struct mc_op out_of_thin_air[] = {OP(WRITE, 5, 0, 1, 4), OP(READ, 0, 7, 2, 3)};

	(void)state;
	assert_int_equal(CHECK(reg_spec, sequential), 1);
	assert_int_equal(CHECK(reg_spec, stale), 0);
	assert_int_equal(CHECK(reg_spec, overlapping_old), 1);
	assert_int_equal(CHECK(reg_spec, overlapping_new), 1);
	assert_int_equal(CHECK(reg_spec, new_then_old), 0);
	assert_int_equal(CHECK(reg_spec, old_then_new), 1);
	assert_int_equal(CHECK(reg_spec, out_of_thin_air), 0);
}

static void case_order_of_the_array(void **state)
{
	/* The same history, told backwards. */
	const struct mc_op good[] = {OP(READ, 0, 5, 5, 6), OP(WRITE, 5, 0, 3, 4),
				     OP(READ, 0, 0, 1, 2)};
	const struct mc_op bad[] = {OP(READ, 0, 0, 5, 6), OP(WRITE, 5, 0, 3, 4),
				    OP(READ, 0, 0, 1, 2)};

	(void)state;
	assert_int_equal(CHECK(reg_spec, good), 1);
	assert_int_equal(CHECK(reg_spec, bad), 0);
}

static void case_register_pending(void **state)
{
	/* A write that never returned: seen, or not, but not seen and then unseen. */
	const struct mc_op seen[] = {OP(WRITE, 5, 0, 1, NEVER), OP(READ, 0, 5, 2, 3)};
	const struct mc_op unseen[] = {OP(WRITE, 5, 0, 1, NEVER), OP(READ, 0, 0, 2, 3)};
	const struct mc_op late[] = {OP(WRITE, 5, 0, 1, NEVER), OP(READ, 0, 0, 2, 3),
				     OP(READ, 0, 5, 4, 5)};
	const struct mc_op lost[] = {OP(WRITE, 5, 0, 1, NEVER), OP(READ, 0, 5, 2, 3),
				     OP(READ, 0, 0, 4, 5)};
	/* It cannot have happened before it was called. */
	const struct mc_op early[] = {OP(READ, 0, 5, 1, 2), OP(WRITE, 5, 0, 3, NEVER)};
	/* A pending read explains nothing, whatever stands in its result. */
	const struct mc_op reading[] = {OP(READ, 0, 99, 1, NEVER), OP(READ, 0, 0, 2, 3)};
	const struct mc_op all_pending[] = {OP(WRITE, 5, 0, 1, NEVER),
					    OP(READ, 0, 9, 2, NEVER)};

	(void)state;
	assert_int_equal(CHECK(reg_spec, seen), 1);
	assert_int_equal(CHECK(reg_spec, unseen), 1);
	assert_int_equal(CHECK(reg_spec, late), 1);
	assert_int_equal(CHECK(reg_spec, lost), 0);
	assert_int_equal(CHECK(reg_spec, early), 0);
	assert_int_equal(CHECK(reg_spec, reading), 1);
	assert_int_equal(CHECK(reg_spec, all_pending), 1);
}

static void case_queue(void **state)
{
	const struct mc_op fifo[] = {OP(PUT, 1, 0, 1, 2), OP(PUT, 2, 0, 3, 4),
				     OP(TAKE, 0, 1, 5, 6), OP(TAKE, 0, 2, 7, 8),
				     OP(TAKE, 0, 0, 9, 10)};
	const struct mc_op lifo[] = {OP(PUT, 1, 0, 1, 2), OP(PUT, 2, 0, 3, 4),
				     OP(TAKE, 0, 2, 5, 6), OP(TAKE, 0, 1, 7, 8)};
	/* Overlapping puts may be in either order. */
	const struct mc_op either[] = {OP(PUT, 1, 0, 1, 4), OP(PUT, 2, 0, 2, 3),
				       OP(TAKE, 0, 2, 5, 6), OP(TAKE, 0, 1, 7, 8)};
	const struct mc_op twice[] = {OP(PUT, 1, 0, 1, 2), OP(TAKE, 0, 1, 3, 6),
				      OP(TAKE, 0, 1, 4, 5)};
	const struct mc_op empty_though_not[] = {OP(PUT, 1, 0, 1, 2), OP(TAKE, 0, 0, 3, 4)};
	/*
	 * From Herlihy and Wing: two enqueues overlap, and one dequeue overlaps both. Then the
	 * same with the second value taken by somebody who comes before the first was put.
	 */
	const struct mc_op spread[] = {OP(PUT, 1, 0, 1, 10), OP(PUT, 2, 0, 2, 3),
				       OP(TAKE, 0, 2, 4, 5), OP(TAKE, 0, 1, 6, 11)};
	const struct mc_op too_early[] = {OP(TAKE, 0, 2, 1, 2), OP(PUT, 1, 0, 3, 10),
					  OP(PUT, 2, 0, 4, 5), OP(TAKE, 0, 1, 6, 11)};

	(void)state;
	assert_int_equal(CHECK(queue_spec, fifo), 1);
	assert_int_equal(CHECK(queue_spec, lifo), 0);
	assert_int_equal(CHECK(queue_spec, either), 1);
	assert_int_equal(CHECK(queue_spec, twice), 0);
	assert_int_equal(CHECK(queue_spec, empty_though_not), 0);
	assert_int_equal(CHECK(queue_spec, spread), 1);
	assert_int_equal(CHECK(queue_spec, too_early), 0);
}

static void case_queue_pending(void **state)
{
	/* A pending take may have taken 1, so that 2 is first; or nothing. */
	const struct mc_op took[] = {OP(PUT, 1, 0, 1, 2), OP(PUT, 2, 0, 3, 4),
				     OP(TAKE, 0, 0, 5, NEVER), OP(TAKE, 0, 2, 6, 7)};
	const struct mc_op took_none[] = {OP(PUT, 1, 0, 1, 2), OP(PUT, 2, 0, 3, 4),
					  OP(TAKE, 0, 0, 5, NEVER), OP(TAKE, 0, 1, 6, 7),
					  OP(TAKE, 0, 2, 8, 9)};
	const struct mc_op took_two[] = {OP(PUT, 1, 0, 1, 2), OP(PUT, 2, 0, 3, 4),
					 OP(PUT, 3, 0, 5, 6), OP(TAKE, 0, 0, 7, NEVER),
					 OP(TAKE, 0, 3, 8, 9)};

	(void)state;
	assert_int_equal(CHECK(queue_spec, took), 1);
	assert_int_equal(CHECK(queue_spec, took_none), 1);
	assert_int_equal(CHECK(queue_spec, took_two), 0);
}

static void case_set(void **state)
{
	const struct mc_op once[] = {OP(ADD, 3, 1, 1, 4), OP(ADD, 3, 0, 2, 3),
				     OP(HAS, 3, 1, 5, 6)};
	const struct mc_op both_added[] = {OP(ADD, 3, 1, 1, 4), OP(ADD, 3, 1, 2, 3)};
	const struct mc_op removed_between[] = {OP(ADD, 3, 1, 1, 10), OP(ADD, 3, 1, 2, 9),
						OP(DELETE, 3, 1, 3, 8)};
	const struct mc_op removed_after[] = {OP(ADD, 3, 1, 1, 3), OP(ADD, 3, 1, 2, 4),
					      OP(DELETE, 3, 1, 5, 6)};
	const struct mc_op never_there[] = {OP(HAS, 3, 1, 1, 2)};

	(void)state;
	assert_int_equal(CHECK(set_spec, once), 1);
	assert_int_equal(CHECK(set_spec, both_added), 0);
	assert_int_equal(CHECK(set_spec, removed_between), 1);
	assert_int_equal(CHECK(set_spec, removed_after), 0);
	assert_int_equal(CHECK(set_spec, never_there), 0);
}

static void case_no_state(void **state)
{
	const struct mc_op good[] = {OP(0, 5, 4, 1, 2), OP(0, 5, 0, 1, 2),
				     OP(0, 0, 9, 3, NEVER)};
	const struct mc_op bad[] = {OP(0, 5, 4, 1, 2), OP(0, 5, 5, 3, 4)};

	(void)state;
	assert_int_equal(CHECK(below_spec, good), 1);
	assert_int_equal(CHECK(below_spec, bad), 0);
}

static void case_bounds(void **state)
{
	static struct mc_op ops[MC_HISTORY_MAX + 1];

	(void)state;
	for (unsigned i = 0; i <= MC_HISTORY_MAX; i++)
		ops[i] = (struct mc_op){
			.op = WRITE, .arg = {i}, .call = 2 * i + 1, .ret = 2 * i + 2};
	assert_int_equal(mc_linearizable(&reg_spec, ops, MC_HISTORY_MAX), 1);
	assert_int_equal(mc_linearizable(&reg_spec, ops, MC_HISTORY_MAX + 1), -E2BIG);
	/* The last one of a full history counts. */
	ops[MC_HISTORY_MAX - 1] = (struct mc_op){.op = READ,
						 .result = {1},
						 .call = 2 * MC_HISTORY_MAX,
						 .ret = 2 * MC_HISTORY_MAX + 1};
	assert_int_equal(mc_linearizable(&reg_spec, ops, MC_HISTORY_MAX), 0);
	ops[MC_HISTORY_MAX - 1].result[0] = MC_HISTORY_MAX - 2;
	assert_int_equal(mc_linearizable(&reg_spec, ops, MC_HISTORY_MAX), 1);
}

static void case_memo_prunes(void **state)
{
	/*
	 * 17 operations that all overlap and cannot be explained: 17! orders without the memo,
	 * 2^16 sets with it. All write the same, so each set has one state; the last reads
	 * another.
	 */
	struct mc_op ops[17];

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		ops[i] = (struct mc_op){.op = WRITE, .arg = {7}, .call = i, .ret = 100 + i};
	ops[16] = (struct mc_op){.op = READ, .result = {8}, .call = 50, .ret = 150};
	assert_int_equal(mc_linearizable(&reg_spec, ops, 17), 0);
	ops[16].result[0] = 7;
	assert_int_equal(mc_linearizable(&reg_spec, ops, 17), 1);
}

/*
 * Random histories that are right by construction: each operation happens at a moment of its
 * own; call and return are drawn around it, those of one thread without overlap.
 */
static size_t draw_queue_history(struct mc_op *ops, unsigned threads, unsigned each)
{
	uint64_t at[8] = {0};
	unsigned left[8];
	unsigned total = threads * each;
	struct queue queue = {0};
	uint64_t moment = 10;

	for (unsigned i = 0; i < threads; i++)
		left[i] = each;
	for (unsigned n = 0; n < total;) {
		unsigned thread = (unsigned)t_random_below(threads);
		struct mc_op *op = &ops[n];
		uint64_t earliest;

		if (!left[thread])
			continue;
		left[thread]--;
		n++;
		moment += 10;
		if (moment <= at[thread])
			moment = at[thread] + 1;
		earliest = moment > at[thread] + 40 ? moment - 40 : at[thread] + 1;
		*op = (struct mc_op){
			.thread = thread,
			.call = earliest + t_random_below(moment - earliest + 1),
			.ret = moment + 1 + t_random_below(60),
		};
		at[thread] = op->ret;
		op->op = t_random_below(2) ? PUT : TAKE;
		if (op->op == PUT && queue.count < QUEUE_MAX) {
			op->arg[0] = 1 + t_random_below(3);
			queue.item[queue.count++] = op->arg[0];
		} else {
			op->op = TAKE;
			op->result[0] = queue.count ? queue.item[0] : 0;
			if (queue.count) {
				queue.count--;
				memmove(queue.item, queue.item + 1,
					queue.count * sizeof(queue.item[0]));
			}
		}
	}
	return total;
}

static void case_random_good(void **state)
{
	struct mc_op ops[MC_HISTORY_MAX];
	unsigned rounds = t_scaled(2000);

	(void)state;
	for (unsigned round = 0; round < rounds; round++) {
		size_t count = draw_queue_history(ops, 2 + round % 3, 4 + round % 4);

		for (size_t i = 0; i < count; i++)
			assert_true(ops[i].call < ops[i].ret);
		assert_int_equal(mc_linearizable(&queue_spec, ops, count), 1);
		/* What nobody put cannot be taken. */
		for (size_t i = 0; i < count; i++) {
			if (ops[i].op == TAKE) {
				ops[i].result[0] = 9;
				assert_int_equal(mc_linearizable(&queue_spec, ops, count), 0);
				break;
			}
		}
		t_step();
	}
}

/*
 * A map of small keys to values, whole and by key: PUT2 returns the value before, GET2 the value;
 * 0 is "not there". The whole is the specification that nobody doubts; split by key it must give
 * the same answer.
 */

enum { PUT2, GET2 };
#define MAP_KEYS 4

static bool map_step(void *state, const struct mc_op *op)
{
	uint64_t *value = (uint64_t *)state + op->arg[0];

	if (op->ret != NEVER && op->result[0] != *value)
		return false;
	if (op->op == PUT2)
		*value = op->arg[1];
	return true;
}

static bool one_key_step(void *state, const struct mc_op *op)
{
	struct mc_op of_key_0 = *op;

	of_key_0.arg[0] = 0;
	return map_step(state, &of_key_0);
}

static const struct mc_spec map_spec = {
	.name = "map", .state_bytes = MAP_KEYS * sizeof(uint64_t), .step = map_step};
static const struct mc_spec one_key_spec = {
	.name = "map of one key", .state_bytes = sizeof(uint64_t), .step = one_key_step};

static uint64_t key_of(const struct mc_op *op)
{
	return op->arg[0];
}

#define MAP_OP(kind, key, value, outcome, from, to)                                           \
	{                                                                                     \
		.op = (kind), .arg = {(key), (value)}, .result = {(outcome)}, .call = (from), \
		.ret = (to)                                                                   \
	}

static void case_by_key(void **state)
{
	/* Each key alone is right; the keys overlap in ways that one register could not bear. */
	const struct mc_op good[] = {
		MAP_OP(PUT2, 1, 5, 0, 1, 9),	 MAP_OP(PUT2, 2, 6, 0, 2, 3),
		MAP_OP(GET2, 1, 0, 5, 4, 5),	 MAP_OP(GET2, 2, 0, 6, 4, 5),
		MAP_OP(PUT2, 2, 7, 6, 6, NEVER), MAP_OP(GET2, 1, 0, 5, 7, 8)};
	/* Key 2 is seen new, then old. */
	const struct mc_op bad[] = {MAP_OP(PUT2, 1, 5, 0, 1, 9), MAP_OP(PUT2, 2, 6, 0, 1, 8),
				    MAP_OP(GET2, 2, 0, 6, 2, 3), MAP_OP(GET2, 1, 0, 5, 2, 3),
				    MAP_OP(GET2, 2, 0, 0, 4, 5), MAP_OP(GET2, 1, 0, 5, 4, 5)};
	uint64_t key = 77;

	(void)state;
	assert_int_equal(mc_linearizable_by_key(&one_key_spec, NULL, 0, key_of, &key), 1);
	assert_int_equal(CHECK(map_spec, good), 1);
	assert_int_equal(mc_linearizable_by_key(&one_key_spec, good, 6, key_of, &key), 1);
	assert_int_equal(key, 77);
	assert_int_equal(CHECK(map_spec, bad), 0);
	assert_int_equal(mc_linearizable_by_key(&one_key_spec, bad, 6, key_of, &key), 0);
	assert_int_equal(key, 2);
	assert_int_equal(mc_linearizable_by_key(&one_key_spec, bad, 6, key_of, NULL), 0);
}

/*
 * Random histories of three threads over a few keys, made from a sequential run, some of them with
 * a result changed afterwards: whole and split they are judged alike.
 */
static void draw_map_history(struct mc_op *ops, unsigned count, unsigned keys, bool lie)
{
	uint64_t value[MAP_KEYS] = {0}, at[3] = {0}, moment = 10;

	for (unsigned i = 0; i < count; i++) {
		unsigned thread = (unsigned)t_random_below(3);
		struct mc_op *op = &ops[i];

		moment += 10;
		if (moment <= at[thread])
			moment = at[thread] + 1;
		*op = (struct mc_op){.thread = thread,
				     .op = t_random_below(2) ? PUT2 : GET2,
				     .arg = {t_random_below(keys), 1 + t_random_below(3)}};
		op->result[0] = value[op->arg[0]];
		op->call = at[thread] + 1 + t_random_below(moment - at[thread]);
		op->ret = t_random_below(30) ? moment + 1 + t_random_below(25) : NEVER;
		at[thread] = op->ret == NEVER ? moment + 1 : op->ret;
		if (op->op == PUT2)
			value[op->arg[0]] = op->arg[1];
	}
	if (lie)
		ops[t_random_below(count)].result[0] = t_random_below(4);
}

static void case_by_key_is_the_whole(void **state)
{
	unsigned rounds = t_scaled(3000), wrong = 0;

	(void)state;
	for (unsigned round = 0; round < rounds; round++) {
		struct mc_op ops[16];
		int whole;

		draw_map_history(ops, 16, 1 + round % MAP_KEYS, round % 2);
		whole = CHECK(map_spec, ops);
		assert_int_equal(mc_linearizable_by_key(&one_key_spec, ops, 16, key_of, NULL),
				 whole);
		assert_true(round % 2 || whole == 1);
		wrong += whole == 0;
		t_step();
	}
	/* Else the lies above were never noticed, and nothing was compared. */
	assert_true(rounds < 100 || wrong > 0);
}

/* More operations than one search bears, as long as each key has few. */
static void case_by_key_long(void **state)
{
	static struct mc_op ops[8 * MC_HISTORY_MAX + 1];
	unsigned count = 8 * MC_HISTORY_MAX;
	uint64_t key = 0;

	(void)state;
	for (unsigned i = 0; i < count; i++) {
		uint64_t before = i < 8 ? 0 : i - 8 + 1;

		ops[i] = (struct mc_op)MAP_OP(PUT2, i % 8, i + 1, before, 2 * i + 1, 2 * i + 2);
	}
	assert_int_equal(mc_linearizable_by_key(&one_key_spec, ops, count, key_of, &key), 1);
	ops[count - 3].result[0]++;
	assert_int_equal(mc_linearizable_by_key(&one_key_spec, ops, count, key_of, &key), 0);
	assert_int_equal(key, 5);
	ops[count - 3].result[0]--;
	ops[count] = ops[3];
	assert_int_equal(mc_linearizable_by_key(&one_key_spec, ops, count + 1, key_of, &key),
			 -E2BIG);
}

/* The check takes nothing from the library, and does not mind what its allocator does. */
static int oom_history(void)
{
	const struct mc_op ops[] = {OP(WRITE, 5, 0, 1, 4), OP(READ, 0, 5, 2, 3)};
	void *block;
	int rc = 0;

	block = pawl_mem_alloc(8, 0);
	if (!block)
		rc = -ENOMEM;
	t_check(CHECK(reg_spec, ops) == 1);
	pawl_mem_free(block, 8, 0);
	return rc;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_empty),
		cmocka_unit_test(case_register),
		cmocka_unit_test(case_order_of_the_array),
		cmocka_unit_test(case_register_pending),
		cmocka_unit_test(case_queue),
		cmocka_unit_test(case_queue_pending),
		cmocka_unit_test(case_set),
		cmocka_unit_test(case_no_state),
		cmocka_unit_test(case_bounds),
		cmocka_unit_test(case_memo_prunes),
		cmocka_unit_test(case_random_good),
		cmocka_unit_test(case_by_key),
		cmocka_unit_test(case_by_key_is_the_whole),
		cmocka_unit_test(case_by_key_long),
		T_OOM(oom_history),
	};

	return t_run("history", cases);
}
