/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * balance.c - aggregation numbers: how they grow, and what becomes of edges when they do.
 *
 * Numbers only grow. A task that grows beyond some of its followers takes them in, one that grows beyond those
 * who aggregated it leaves them; each such edge is turned from one kind into the other under
 * the locks of both its ends, with its count. Equal numbers are no tie: the lower end is a follower. That follower
 * edges never form a ring does not need the numbers: each goes along calls.
 *
 * A number is a base and a distance. Tasks that call many others get a distance, so that they
 * aggregate them early. The sum is what counts; it is never stored, so that it cannot
 * disagree with its parts.
 *
 * Optimising raises a task that is inner to many and has many followers, where each change would
 * cost the product of the two. It is a heuristic: nothing depends on it but time. An operation does so many of
 * them, and puts off the others: each such task says so, and the next operation that makes it dirty, tells it of
 * dirt or changes an edge of it takes it up.
 */
#include "config.h"

#include <stdlib.h>

#include <pawl/atomic.h>

#include "graph.h"
#include "told.h"

#define OPTIMIZE_PRODUCT 31u

static uint32_t saturated(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/* Children become followers, each once: those above knew them as such already. */
static void start_aggregating(struct eng_op *op, struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_CHILDREN);
	struct eng_list children;

	if (!slot)
		return;
	children = eng_list_of_set(&op->queue, &slot->set);
	for (uint32_t i = 0; i < children.n; i++)
		(void)eng_map_add(node, ENG_FOLLOWERS, children.ids[i], 1);
}

static void rebalance(struct eng_op *op, struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_FOLLOWERS);
	eng_id id = eng_node_id(node);
	struct pawl_cmap_entry entry;
	uint32_t cursor = 0;

	while (slot && pawl_cmap_next(&slot->map, &cursor, &entry))
		eng_queue_balance(&op->queue, id, entry.key);
	cursor = 0;
	while (pawl_cmap_next(&node->uppers, &cursor, &entry))
		eng_queue_balance(&op->queue, entry.key, id);
}

void eng_number_at_least(struct eng_op *op, eng_id id, uint32_t base)
{
	/* Most are: a base that is large enough makes the raise a step for nothing. */
	if (eng_base_seen(op->graph, id) < base)
		eng_queue_number(&op->queue, id, base, 0);
}

void eng_number_raise(struct eng_op *op, eng_id id, uint32_t base, uint32_t distance)
{
	struct eng_node *node = eng_lock(op->graph, id);
	uint32_t before = eng_number(node), after;

	if (base < eng_base(node))
		base = eng_base(node);
	if (distance < (node->bits & ENG_DISTANCE))
		distance = node->bits & ENG_DISTANCE;
	if (base < ENG_NUMBER_LEAF && saturated(base, distance) >= ENG_NUMBER_LEAF)
		base = ENG_NUMBER_LEAF;
	if (base != eng_base(node) || distance != (node->bits & ENG_DISTANCE))
		eng_modify(node, ENG_META);
	/* Relaxed: who reads it without the lock is content with less. */
	pawl_store_relaxed(&node->base, base);
	node->bits = (node->bits & ~ENG_DISTANCE) | distance;
	after = eng_number(node);
	if (after == before) {
		eng_unlock(node);
		return;
	}
	if (before < ENG_NUMBER_LEAF && after >= ENG_NUMBER_LEAF)
		start_aggregating(op, node);
	if (after >= ENG_NUMBER_LEAF) {
		/* Who reads it strongly now, as a root, finds sums of what has been taken in so far: read.c waits for that. */
		if (after == ENG_NUMBER_ROOT && eng_field(node, ENG_FOLLOWERS))
			eng_told_mark_way(op, node);
		rebalance(op, node);
	} else {
		union eng_slot *slot = eng_field(node, ENG_CHILDREN);
		uint32_t cursor = 0, child;

		while (slot && pawl_sset_next(&slot->set, &cursor, &child))
			eng_number_at_least(op, child, after + 1);
	}
	eng_unlock(node);
}

void eng_make_root(struct eng_op *op, eng_id id)
{
	eng_queue_number(&op->queue, id, ENG_NUMBER_ROOT, 0);
	eng_op_run(op);
}

/* ---- edges --------------------------------------------------------------------------- */

/* The follower becomes inner, with the count of its edge. Both are locked. */
static void take_in(struct eng_op *op, struct eng_node *upper, struct eng_node *task)
{
	eng_id upper_id = eng_node_id(upper), id = eng_node_id(task);
	int32_t count = eng_map_get(upper, ENG_FOLLOWERS, id);
	uint32_t followers = eng_map_count(upper, ENG_FOLLOWERS);
	uint32_t uppers = pawl_cmap_count(&task->uppers);
	struct eng_list above = eng_uppers_of(&op->queue, upper);
	struct pawl_crossing crossing;

	if (!count)
		return;
	(void)eng_map_add(upper, ENG_FOLLOWERS, id, -count);
	eng_optimize_check(op, upper, followers, eng_map_count(upper, ENG_FOLLOWERS));
	eng_modify_edge(task, ENG_META, upper_id);
	ENG_MUST(pawl_cmap_add(&task->uppers, upper_id, count, &crossing));
	if (pawl_crossing_zero(crossing)) {
		struct eng_update update = eng_contribution(&op->queue, task, 1);

		eng_optimize_check(op, task, uppers, pawl_cmap_count(&task->uppers));
		eng_apply(op, upper, &update);
		eng_queue_gained(&op->queue, eng_list_one(&op->queue, upper_id),
				 eng_followers_of(&op->queue, task));
		if (op->graph->track_active && eng_active(upper))
			eng_queue_find(&op->queue, id);
	}
	eng_queue_lost(&op->queue, above, eng_list_one(&op->queue, id), 0);
	if (op->graph->track_active && eng_referrers(upper) > 0)
		eng_queue_tasks(&op->queue, ENG_JOB_DEACTIVATE, eng_list_one(&op->queue, id));
}

/* The inner task becomes a follower. Both are locked. */
static void put_out(struct eng_op *op, struct eng_node *upper, struct eng_node *task)
{
	eng_id upper_id = eng_node_id(upper), id = eng_node_id(task);
	int32_t count = pawl_cmap_get(&task->uppers, upper_id);
	uint32_t followers = eng_map_count(upper, ENG_FOLLOWERS);
	struct eng_list above;
	struct eng_update update;

	if (!count)
		return;
	eng_modify_edge(task, ENG_META, upper_id);
	ENG_MUST(pawl_cmap_add(&task->uppers, upper_id, -count, NULL));
	above = eng_uppers_of(&op->queue, upper);
	if (pawl_crossing_zero(eng_map_add(upper, ENG_FOLLOWERS, id, count))) {
		eng_optimize_check(op, upper, followers, eng_map_count(upper, ENG_FOLLOWERS));
		if (op->graph->track_active && eng_referrers(upper) > 0)
			eng_queue_tasks(&op->queue, ENG_JOB_ACTIVATE,
					eng_list_one(&op->queue, id));
		/* What is told by the task meanwhile does not come there. */
		eng_told_mark_way(op, task);
		eng_queue_gained(&op->queue, above, eng_list_one(&op->queue, id));
	}
	update = eng_contribution(&op->queue, task, -1);
	eng_apply(op, upper, &update);
	eng_queue_lost(&op->queue, eng_list_one(&op->queue, upper_id),
		       eng_followers_of(&op->queue, task), 0);
}

/* Their numbers may be equal since now: does the edge close a ring? Both are locked. */
static void suspect(struct eng_op *op, struct eng_node *upper, struct eng_node *task)
{
	eng_id upper_id = eng_node_id(upper), id = eng_node_id(task);
	uint32_t number = eng_number(upper);
	bool follows = eng_map_get(upper, ENG_FOLLOWERS, id);

	if (follows)
		task->bits |= ENG_FOLLOWED;
	if (number != eng_number(task))
		return;
	if (follows ? upper->bits & ENG_FOLLOWED && eng_field(task, ENG_FOLLOWERS)
		    : pawl_cmap_get(&task->uppers, upper_id) &&
			      pawl_cmap_count(&upper->uppers) && eng_field(task, ENG_CHILDREN))
		eng_ring_suspect(op, upper_id, id, number);
}

void eng_balance(struct eng_op *op, eng_id upper_id, eng_id id)
{
	struct eng_node *upper, *task;

	PAWL_REQUIRE(eng_lock_pair(op->graph, upper_id, id, &upper, &task) &&
		     "an edge leads to a task that is there");
	if (eng_is_inner(eng_number(upper), eng_number(task)))
		take_in(op, upper, task);
	else
		put_out(op, upper, task);
	suspect(op, upper, task);
	eng_unlock_pair(upper, task);
}

/* ---- optimising ----------------------------------------------------------------------- */

struct neighbour {
	uint32_t number;
	bool follower;
};

static int compare(const void *a, const void *b)
{
	const struct neighbour *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return (int)x->follower - (int)y->follower;
}

static uint32_t gather_numbers(struct eng_op *op, struct eng_list list, bool follower,
			       struct neighbour *into)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < list.n; i++) {
		struct eng_node *node;

		if (eng_is_transient(list.ids[i]))
			continue;
		node = eng_lock(op->graph, list.ids[i]);
		into[n].number = eng_number(node);
		into[n].follower = follower;
		n += into[n].number != ENG_NUMBER_ROOT;
		eng_unlock(node);
	}
	return n;
}

/* The number at which the product of what is above and what is below is small. */
static uint32_t better_number(const struct neighbour *list, uint32_t n, uint64_t uppers,
			      uint64_t followers)
{
	uint32_t candidate = list[0].number;

	for (uint32_t i = 0; i < n; i++) {
		if (list[i].number == candidate) {
			candidate = saturated(candidate, 1);
		} else if (list[i].number > candidate) {
			uint64_t product = followers * (uppers ? uppers - 1 : 0) * 2;

			if (!followers || product <= candidate)
				break;
			if (product < list[i].number) {
				candidate = (uint32_t)product;
				break;
			}
			candidate = saturated(list[i].number, 1);
		}
		if (list[i].follower)
			followers--;
		else
			uppers--;
	}
	return candidate;
}

void eng_optimize(struct eng_op *op, eng_id id)
{
	struct eng_node *node = eng_lock(op->graph, id);
	uint32_t number = eng_number(node), distance = node->bits & ENG_DISTANCE, n, better;
	struct eng_list followers = {0}, uppers = {0};
	struct neighbour *list;

	node->bits &= ~ENG_OPTIMIZE;
	if (op->queue.optimized++ >= ENG_OPTIMIZED_MOST) {
		node->bits |= ENG_OPTIMIZE;
	} else if (number != ENG_NUMBER_ROOT) {
		followers = eng_followers_of(&op->queue, node);
		uppers = eng_uppers_of(&op->queue, node);
	}
	eng_unlock(node);
	if (!followers.n || uppers.n <= 1 ||
	    (uint64_t)(uppers.n - 1) * followers.n <=
		    (number > OPTIMIZE_PRODUCT ? number : OPTIMIZE_PRODUCT))
		return;
	list = eng_queue_alloc(&op->queue, (uppers.n + followers.n) * sizeof(*list));
	n = gather_numbers(op, uppers, false, list);
	n += gather_numbers(op, followers, true, list + n);
	if (!n)
		return;
	qsort(list, n, sizeof(*list), compare);
	better = better_number(list, n, uppers.n, followers.n);
	if (better <= number)
		return;
	eng_queue_number(&op->queue, id, better > distance ? better - distance : 0, 0);
	eng_queue_optimize(&op->queue, id);
}
