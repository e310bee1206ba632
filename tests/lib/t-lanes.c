/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests of lib/lanes.c, in virtual time. What threads may see: verify/t-lanes.c.
 */
#include "../harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/ec.h>
#include <pawl/lanes.h>

struct item {
	struct pawl_lane_node node;
	unsigned lane, number;
	uint64_t stamp;
};

static struct item *item_of(struct pawl_lane_node *node)
{
	return PAWL_CONTAINER_OF(node, struct item, node);
}

static struct pawl_lanes *make(unsigned count, uint64_t age_step, uint64_t lane_max)
{
	struct pawl_lanes_options options = PAWL_LANES_OPTIONS_INIT;
	struct pawl_lanes *lanes;

	options.lanes = count;
	options.age_step = age_step;
	options.lane_max = lane_max;
	assert_int_equal(pawl_lanes_create(&options, &lanes), 0);
	return lanes;
}

static int push(struct pawl_lanes *lanes, unsigned lane, struct item *item, uint64_t stamp)
{
	item->lane = lane;
	item->stamp = stamp;
	return pawl_lanes_push(lanes, lane, &item->node, stamp);
}

/* NULL if they are empty. Checks what the node says of itself. */
static struct item *pop(struct pawl_lanes *lanes)
{
	struct pawl_lane_node *node;
	int n = pawl_lanes_pop(lanes, &node);

	t_step();
	assert_true(n == 0 || n == 1);
	assert_true(n == 1 || pawl_lanes_is_empty(lanes));
	if (!n)
		return NULL;
	assert_int_equal(pawl_lane_node_lane(node), item_of(node)->lane);
	assert_int_equal(pawl_lane_node_stamp(node), item_of(node)->stamp);
	return item_of(node);
}

static void case_options(void **state)
{
	struct pawl_lanes_options options = PAWL_LANES_OPTIONS_INIT;
	struct pawl_lanes *lanes = NULL;

	(void)state;
	options.size++;
	t_assert_errno(pawl_lanes_create(&options, &lanes), E2BIG);
	options.size = 8;
	t_assert_errno(pawl_lanes_create(&options, &lanes), EINVAL);
	options.size = sizeof(options);
	options.lanes = 0;
	t_assert_errno(pawl_lanes_create(&options, &lanes), EINVAL);
	options.lanes = 65;
	t_assert_errno(pawl_lanes_create(&options, &lanes), EINVAL);
	options.lanes = 1;
	options.reserved = 1;
	t_assert_errno(pawl_lanes_create(&options, &lanes), EINVAL);
	assert_null(lanes);
	pawl_lanes_destroy(NULL);
	assert_int_equal(pawl_lanes_create(NULL, &lanes), 0);
	assert_int_equal(pawl_lanes_count(lanes), 31);
	pawl_lanes_destroy(lanes);
}

/* Each lane that there is takes items, each value beyond is refused, and nothing is dropped. */
static void case_every_lane_value(void **state)
{
	static const unsigned counts[] = {1, 2, 31, 63, 64};
	struct item items[64], extra;

	(void)state;
	for (unsigned c = 0; c < 5; c++) {
		unsigned count = counts[c];
		struct pawl_lanes *lanes = make(count, PAWL_FOREVER, 0);
		struct pawl_lane_node *node = &extra.node;
		const unsigned bad[] = {count, count + 1, 64, 65, 0x80000000u, 0xffffffffu};

		for (unsigned k = count; k--;)
			assert_int_equal(push(lanes, k, &items[k], 0), 0);
		for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			if (bad[i] < count)
				continue;
			t_assert_errno(push(lanes, bad[i], &extra, 0), EINVAL);
			t_assert_errno(pawl_lanes_push_n(lanes, bad[i], &node, 1, 0), EINVAL);
		}
		assert_true(pawl_lanes_summary(lanes) ==
			    (count == 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1));
		for (unsigned k = 0; k < count; k++)
			assert_ptr_equal(pop(lanes), &items[k]);
		assert_null(pop(lanes));
		assert_true(pawl_lanes_summary(lanes) == 0);
		pawl_lanes_destroy(lanes);
	}
}

/* A lane at its bound refuses; its items stay what they are, and other lanes take theirs. */
static void case_full_lane_refuses(void **state)
{
	struct pawl_lanes *lanes = make(3, 10, 4);
	struct pawl_lane_node *nodes[5];
	struct item items[16];

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		nodes[i] = &items[8 + i].node;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(push(lanes, 1, &items[i], 0), 0);
	/* All or nothing. */
	t_assert_errno(pawl_lanes_push_n(lanes, 1, nodes, 2, 0), ENOSPC);
	t_assert_errno(pawl_lanes_push_n(lanes, 0, nodes, 5, 0), ENOSPC);
	assert_int_equal(push(lanes, 1, &items[3], 0), 0);
	t_assert_errno(push(lanes, 1, &items[4], 0), ENOSPC);
	/* No overflow into a more urgent lane, nor into a less urgent one. */
	assert_true(pawl_lanes_summary(lanes) == 2);
	assert_int_equal(push(lanes, 2, &items[5], 0), 0);
	assert_int_equal(push(lanes, 0, &items[6], 0), 0);
	assert_ptr_equal(pop(lanes), &items[6]);
	assert_ptr_equal(pop(lanes), &items[0]);
	/* The place is free at once. */
	assert_int_equal(push(lanes, 1, &items[10], 1000), 0);
	t_assert_errno(push(lanes, 1, &items[11], 1000), ENOSPC);
	for (unsigned i = 1; i < 4; i++)
		assert_ptr_equal(pop(lanes), &items[i]);
	assert_ptr_equal(pop(lanes), &items[5]);
	assert_ptr_equal(pop(lanes), &items[10]);
	assert_null(pop(lanes));
	pawl_lanes_destroy(lanes);
}

/* ---- order -------------------------------------------------------------- */

#define MODEL_LANES 7
#define MODEL_MAX   300

/* The rule of the header, by looking at everything. Each lane is first in, first out. */
struct model {
	struct item *queue[MODEL_LANES][MODEL_MAX];
	unsigned count[MODEL_LANES];
};

static void model_push(struct model *model, struct item *item)
{
	model->queue[item->lane][model->count[item->lane]++] = item;
}

static struct item *model_pop(struct model *model, uint64_t age_step)
{
	unsigned best = MODEL_LANES;
	uint64_t earliest = 0;
	struct item *item;

	for (unsigned k = 0; k < MODEL_LANES; k++) {
		uint64_t due;

		if (!model->count[k])
			continue;
		due = age_step == PAWL_FOREVER ? k : model->queue[k][0]->stamp + k * age_step;
		if (best == MODEL_LANES || due < earliest) {
			best = k;
			earliest = due;
		}
	}
	if (best == MODEL_LANES)
		return NULL;
	item = model->queue[best][0];
	model->count[best]--;
	memmove(&model->queue[best][0], &model->queue[best][1],
		model->count[best] * sizeof(model->queue[best][0]));
	return item;
}

/* Random pushes and pops, single and batched; stamps grow, and at times go back. */
static void against_model(uint64_t age_step, bool back)
{
	struct pawl_lanes *lanes = make(MODEL_LANES, age_step, 0);
	struct model *model = calloc(1, sizeof(*model));
	struct item *items = calloc(MODEL_MAX, sizeof(*items));
	struct item *free_items[MODEL_MAX];
	unsigned spare = MODEL_MAX;
	uint64_t now = 1000;

	for (unsigned i = 0; i < MODEL_MAX; i++)
		free_items[i] = &items[i];
	for (unsigned round = 0; round < t_scaled(20000); round++) {
		struct pawl_lane_node *nodes[9];
		unsigned n = 1 + (unsigned)t_random_below(8), lane, got;
		uint64_t stamp;

		now += t_random_below(8);
		stamp = back && !t_random_below(8) ? now - t_random_below(100) : now;
		lane = (unsigned)t_random_below(MODEL_LANES);
		if (t_random_below(2) && spare >= n) {
			for (unsigned i = 0; i < n; i++) {
				struct item *item = free_items[--spare];

				item->lane = lane;
				item->stamp = stamp;
				nodes[i] = &item->node;
				model_push(model, item);
			}
			if (n == 1)
				assert_int_equal(pawl_lanes_push(lanes, lane, nodes[0], stamp),
						 0);
			else
				assert_int_equal(
					pawl_lanes_push_n(lanes, lane, nodes, n, stamp), 0);
			continue;
		}
		got = (unsigned)pawl_lanes_pop_n(lanes, n, nodes);
		assert_true(got == n || spare + got == MODEL_MAX);
		for (unsigned i = 0; i < got; i++) {
			assert_ptr_equal(item_of(nodes[i]), model_pop(model, age_step));
			assert_int_equal(pawl_lane_node_lane(nodes[i]),
					 item_of(nodes[i])->lane);
			free_items[spare++] = item_of(nodes[i]);
		}
		assert_int_equal(pawl_lanes_is_empty(lanes), spare == MODEL_MAX);
		t_step();
	}
	while (pop(lanes))
		spare++;
	assert_int_equal(spare, MODEL_MAX);
	pawl_lanes_destroy(lanes);
	free(model);
	free(items);
}

static void case_strict_order(void **state)
{
	(void)state;
	against_model(PAWL_FOREVER, false);
}

static void case_aged_order(void **state)
{
	(void)state;
	against_model(20, false);
	against_model(1, false);
}

/* Items that come back with their old stamp keep their age. */
static void case_age_survives(void **state)
{
	struct pawl_lanes *lanes = make(4, 100, 0);
	struct item waited, fresh[3];

	(void)state;
	against_model(20, true);
	/* Pushed again with the stamp that it had: due before what came in between. */
	assert_int_equal(push(lanes, 2, &waited, 0), 0);
	assert_ptr_equal(pop(lanes), &waited);
	assert_int_equal(push(lanes, 1, &fresh[0], 160), 0);
	assert_int_equal(push(lanes, 2, &waited, waited.stamp), 0);
	assert_ptr_equal(pop(lanes), &waited);
	assert_ptr_equal(pop(lanes), &fresh[0]);
	pawl_lanes_destroy(lanes);
}

/*
 * At each tick an item comes into lane 0 and one is popped, so lane 0 is never empty. Each
 * lower lane has an item from time 0 on: that of lane k is popped at its due time, or later by
 * no more than the backlog of lane 0, and in between lane 0 stays in order.
 */
static void case_saturated_lane_starves_nobody(void **state)
{
	enum { LANES = 31, STEP = 50, TICKS = LANES * STEP + 2 * LANES };
	struct pawl_lanes *lanes = make(LANES, STEP, 0);
	struct item *busy = calloc(TICKS + 1, sizeof(*busy));
	struct item low[LANES];
	unsigned next = 1, busy_next = 0;

	(void)state;
	for (unsigned k = 1; k < LANES; k++)
		assert_int_equal(push(lanes, k, &low[k], 0), 0);
	assert_int_equal(push(lanes, 0, &busy[0], 0), 0);
	for (unsigned now = 1; now <= TICKS; now++) {
		struct item *item;

		assert_int_equal(push(lanes, 0, &busy[now], now), 0);
		item = pop(lanes);
		if (!item->lane) {
			assert_ptr_equal(item, &busy[busy_next]);
			busy_next++;
			continue;
		}
		assert_ptr_equal(item, &low[next]);
		/* next - 1 of the lower ones and busy[0] have made the backlog. */
		assert_in_range(now, next * STEP, next * STEP + next + 1);
		next++;
	}
	assert_int_equal(next, LANES);
	while (pop(lanes))
		busy_next++;
	assert_int_equal(busy_next, TICKS + 1);
	pawl_lanes_destroy(lanes);
	free(busy);
}

/* However many arrive at one time, they promote nothing; time alone does. */
static void case_age_is_waiting_time(void **state)
{
	enum { BURST = 1000 };
	struct pawl_lanes *lanes = make(2, 100, 0);
	struct item *burst = calloc(BURST, sizeof(*burst));
	struct item low;

	(void)state;
	assert_int_equal(push(lanes, 1, &low, 0), 0);
	for (unsigned i = 0; i < BURST; i++)
		assert_int_equal(push(lanes, 0, &burst[i], 99), 0);
	for (unsigned i = 0; i < BURST; i++)
		assert_ptr_equal(pop(lanes), &burst[i]);
	/* At the same due time the more urgent lane is first, later it is not. */
	assert_int_equal(push(lanes, 0, &burst[0], 100), 0);
	assert_int_equal(push(lanes, 0, &burst[1], 101), 0);
	assert_ptr_equal(pop(lanes), &burst[0]);
	assert_ptr_equal(pop(lanes), &low);
	assert_ptr_equal(pop(lanes), &burst[1]);
	assert_null(pop(lanes));
	pawl_lanes_destroy(lanes);
	free(burst);
}

/* Stamps and steps at the end of time: nothing overflows into urgency. */
static void case_end_of_time(void **state)
{
	struct pawl_lanes *lanes = make(3, UINT64_MAX - 1, 0);
	struct item items[3];

	(void)state;
	assert_int_equal(push(lanes, 2, &items[2], UINT64_MAX), 0);
	assert_int_equal(push(lanes, 1, &items[1], 7), 0);
	assert_int_equal(push(lanes, 0, &items[0], UINT64_MAX), 0);
	assert_ptr_equal(pop(lanes), &items[0]);
	assert_ptr_equal(pop(lanes), &items[1]);
	assert_ptr_equal(pop(lanes), &items[2]);
	assert_null(pop(lanes));
	pawl_lanes_destroy(lanes);
}

/* ---- contracts ----------------------------------------------------------- */

static void destroy_with_item(void *arg)
{
	struct pawl_lanes *lanes = make(2, 1, 0);
	static struct item item;

	(void)arg;
	assert_int_equal(push(lanes, 1, &item, 0), 0);
	pawl_lanes_destroy(lanes);
}

static void pop_none(void *arg)
{
	struct pawl_lanes *lanes = make(2, 1, 0);
	struct pawl_lane_node *node;

	(void)arg;
	(void)!pawl_lanes_pop_n(lanes, 0, &node);
}

static void case_contracts(void **state)
{
	(void)state;
	assert_true(t_aborts(destroy_with_item, NULL, "empty when they are destroyed"));
	assert_true(t_aborts(pop_none, NULL, "max >= 1"));
}

/* No call but create takes memory: a scheduler can push where it may not fail. */
static void case_no_memory_taken(void **state)
{
	struct pawl_lanes *lanes = make(31, 10, 0);
	struct item items[64];
	uint64_t before = t_alloc_calls();

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(push(lanes, i % 31, &items[i], i), 0);
	while (pop(lanes))
		;
	assert_int_equal(t_alloc_calls(), before);
	pawl_lanes_destroy(lanes);
}

/* ---- a scheduler of two pushers and two sleepers --------------------------- */

enum { PUSHERS = 2, POPPERS = 2, SHARED_LANES = 5 };

static struct pawl_lanes *shared;
static struct pawl_ec ec;
static struct item *made[PUSHERS];
static struct pawl_atomic_u32 *seen[PUSHERS];
static struct pawl_atomic_u64 left;
static unsigned rounds;

static void pusher(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < rounds;) {
		struct pawl_lane_node *nodes[4];
		unsigned n = 1 + i % 4;

		if (n > rounds - i)
			n = rounds - i;
		for (unsigned k = 0; k < n; k++) {
			made[self][i + k].number = i + k;
			made[self][i + k].lane = (i / 4) % SHARED_LANES;
			nodes[k] = &made[self][i + k].node;
		}
		t_check(!pawl_lanes_push_n(shared, (i / 4) % SHARED_LANES, nodes, n, i));
		pawl_ec_notify(&ec, 1);
		i += n;
		t_step();
	}
}

/* Sleeps on "empty": a push that is missed is a hang. */
static void popper(void *arg)
{
	(void)arg;
	while (pawl_load_acquire(&left)) {
		struct pawl_lane_node *nodes[3];
		int n = pawl_lanes_pop_n(shared, 3, nodes);

		t_step();
		for (int i = 0; i < n; i++) {
			struct item *item = item_of(nodes[i]);
			unsigned from = item >= made[1] && item < made[1] + rounds;

			t_check(!pawl_add_relaxed(&seen[from][item->number], 1u));
			t_check(pawl_lane_node_lane(nodes[i]) == item->lane);
		}
		if (n > 0 && pawl_sub_acq_rel(&left, (uint64_t)n) == (uint64_t)n)
			pawl_ec_notify_all(&ec);
		if (n == 0) {
			pawl_ec_key_t key = pawl_ec_prepare(&ec);

			if (pawl_lanes_is_empty(shared) && pawl_load_acquire(&left))
				pawl_ec_wait(&ec, key);
			else
				pawl_ec_cancel(&ec);
		}
	}
}

static void case_sleepers_miss_nothing(void **state)
{
	struct t_thread *threads[PUSHERS + POPPERS];

	(void)state;
	rounds = t_scaled(40000);
	shared = make(SHARED_LANES, 100, 0);
	pawl_ec_init(&ec);
	pawl_init_word(&left, (uint64_t)rounds * PUSHERS);
	for (unsigned i = 0; i < PUSHERS; i++) {
		made[i] = calloc(rounds, sizeof(*made[i]));
		seen[i] = calloc(rounds, sizeof(*seen[i]));
	}
	for (uintptr_t i = 0; i < POPPERS; i++)
		threads[i] = t_thread_start(popper, NULL);
	for (uintptr_t i = 0; i < PUSHERS; i++)
		threads[POPPERS + i] = t_thread_start(pusher, (void *)i);
	for (unsigned i = 0; i < PUSHERS + POPPERS; i++)
		t_thread_join(threads[i]);
	for (unsigned i = 0; i < PUSHERS; i++) {
		for (unsigned k = 0; k < rounds; k++)
			assert_int_equal(pawl_load_relaxed(&seen[i][k]), 1);
		free(made[i]);
		free(seen[i]);
	}
	assert_true(pawl_lanes_is_empty(shared));
	pawl_lanes_destroy(shared);
}

static int oom_create(void)
{
	struct pawl_lanes *lanes;
	int err = pawl_lanes_create(NULL, &lanes);

	if (!err)
		pawl_lanes_destroy(lanes);
	return err;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_options),
		cmocka_unit_test(case_every_lane_value),
		cmocka_unit_test(case_full_lane_refuses),
		cmocka_unit_test(case_strict_order),
		cmocka_unit_test(case_aged_order),
		cmocka_unit_test(case_age_survives),
		cmocka_unit_test(case_saturated_lane_starves_nobody),
		cmocka_unit_test(case_age_is_waiting_time),
		cmocka_unit_test(case_end_of_time),
		cmocka_unit_test(case_contracts),
		cmocka_unit_test(case_no_memory_taken),
		cmocka_unit_test(case_sleepers_miss_nothing),
		T_OOM(oom_create),
	};

	return t_run("lanes", cases);
}
