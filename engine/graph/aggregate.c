/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * aggregate.c - who sums up whom: edges between a task, what is next to it, and those above.
 *
 * Each task has an aggregation number. One of 16 and more aggregates: it knows the sums over
 * all that is below it with smaller numbers, its inner tasks. What is next to those and has a number
 * as large as its own are its followers, whose sums it does not know. For each aggregating A, and
 * each f that is next to an inner task of A, or is A's own child:
 *
 *	number(A) > number(f), or A is a root	A in uppers(f)		f is inner to A
 *	else					f in followers(A)	and those above A are told of f
 *
 * The edge has a count: how many inner tasks f is next to. Only when it appears or goes is anybody told, so
 * one told change costs as many steps as there are edges that really change.
 *
 * Every step holds one record (balance.c: a pair), so numbers may grow between two looks: a number
 * that was read is a lower bound from then on. That is enough to decide: f is inner for certain once
 * its number, exact under its lock, is below one that A had; f is a follower for certain once A's, exact
 * under its lock, is not above one that f had.
 *
 * Consequences travel in the queues of several operations, so that what is taken away may not have been added yet.
 * A removal that finds neither edge is tried again, behind everything in its queue.
 *
 * Source: the aggregation tree of turbo-tasks-backend, as to behaviour.
 */
#include "config.h"

#include <sched.h>

#include <pawl/atomic.h>
#include <pawl/park.h>

#include "graph.h"
#include "told.h"

#define RETRIES_MOST 60000u
#define RETRY_NS     1000000u

/* ---- sums --------------------------------------------------------------------------- */

struct eng_list eng_followers_of(struct eng_queue *queue, const struct eng_node *node)
{
	union eng_slot *slot;

	if (eng_aggregates(node)) {
		slot = eng_field(node, ENG_FOLLOWERS);
		return slot ? eng_list_of_map(queue, &slot->map) : (struct eng_list){0};
	}
	slot = eng_field(node, ENG_CHILDREN);
	return slot ? eng_list_of_set(queue, &slot->set) : (struct eng_list){0};
}

struct eng_list eng_uppers_of(struct eng_queue *queue, const struct eng_node *node)
{
	return eng_list_of_map(queue, &node->uppers);
}

static uint32_t bag_copy(struct eng_collectible *into, const struct eng_bag *bag, int sign,
			 bool sums)
{
	struct eng_bag_cursor cursor = {0, 0};
	struct eng_collectible entry;
	uint32_t n = 0;

	while (eng_bag_next(bag, &cursor, &entry)) {
		if (sums && entry.count <= 0)
			continue;
		entry.count = sums ? sign : sign * entry.count;
		into[n++] = entry;
	}
	return n;
}

struct eng_update eng_contribution(struct eng_queue *queue, const struct eng_node *node,
				   int sign)
{
	union eng_slot *own = eng_field(node, ENG_COLLECTIBLES);
	union eng_slot *sums = eng_field(node, ENG_AGGREGATED_COLLECTIBLES);
	int32_t dirty = eng_dirty(node), clean = eng_dirty(node) && eng_counts_as_clean(node);
	struct eng_update update = {0};
	uint32_t most;

	if (eng_aggregates(node)) {
		dirty += eng_dirty_count(node);
		clean += eng_clean_count(node);
	}
	update.container = eng_node_id(node);
	update.dirty = dirty > 0 ? sign : 0;
	update.clean = dirty > 0 && dirty <= clean ? sign : 0;
	most = (own ? eng_bag_count(own->bag) : 0) + (sums ? eng_bag_count(sums->bag) : 0);
	if (!most)
		return update;
	update.collectibles = eng_queue_alloc(queue, most * sizeof(*update.collectibles));
	if (own)
		update.n = bag_copy(update.collectibles, own->bag, sign, false);
	if (sums)
		update.n += bag_copy(update.collectibles + update.n, sums->bag, sign, true);
	return update;
}

struct eng_dirt eng_dirt_of(const struct eng_node *node)
{
	return (struct eng_dirt){eng_dirty_count(node), eng_clean_count(node), eng_dirty(node),
				 eng_dirty(node) && eng_counts_as_clean(node)};
}

static bool is_any(struct eng_dirt dirt)
{
	return dirt.self_dirty || dirt.dirty > 0;
}

static bool needs_work(struct eng_dirt dirt)
{
	return (dirt.self_dirty && !dirt.self_clean) ||
	       (dirt.dirty > 0 && dirt.dirty > dirt.clean);
}

static bool is_more(const struct eng_update *update)
{
	return update->dirty > update->clean;
}

struct eng_update eng_combine(struct eng_node *node, struct eng_dirt before,
			      struct eng_dirt after)
{
	struct eng_update update = {0};

	update.container = eng_node_id(node);
	update.dirty = (int32_t)is_any(after) - (int32_t)is_any(before);
	update.clean = (int32_t)(is_any(after) && !needs_work(after)) -
		       (int32_t)(is_any(before) && !needs_work(before));
	if (needs_work(before) && !needs_work(after))
		eng_became_clean(node);
	return update;
}

void eng_tell_above(struct eng_op *op, struct eng_node *node, bool more,
		    const struct eng_update *update)
{
	if (is_more(update))
		eng_told_mark(op, node);
	else if (more)
		eng_told_rely(op, node);
	if (!eng_update_is_empty(update))
		eng_queue_data(&op->queue, eng_uppers_of(&op->queue, node), update);
}

/* The counts of one inner task changed. */
static struct eng_update apply_container(struct eng_op *op, struct eng_node *upper,
					 const struct eng_update *update)
{
	struct eng_update none = {0};
	struct eng_dirt before = eng_dirt_of(upper), after;
	int32_t was[2], is[2];
	union eng_slot *counts;

	if (op->graph->track_active && is_more(update) && eng_active(upper))
		eng_queue_find(&op->queue, update->container);
	was[0] = is[0] = eng_map_get(upper, ENG_DIRTY_CONTAINERS, update->container);
	was[1] = is[1] = eng_map_get(upper, ENG_CLEAN_CONTAINERS, update->container);
	if (update->dirty)
		is[0] = eng_map_add(upper, ENG_DIRTY_CONTAINERS, update->container,
				    update->dirty)
				.after;
	if (update->clean)
		is[1] = eng_map_add(upper, ENG_CLEAN_CONTAINERS, update->container,
				    update->clean)
				.after;
	after = before;
	after.dirty += (is[0] > 0) - (was[0] > 0);
	after.clean += (is[0] > 0 && is[0] <= is[1]) - (was[0] > 0 && was[0] <= was[1]);
	/*
	 * Taken away before it was added: whoever is to add it has yet to come. That something else below the upper needs
	 * work now does not count: it may be done with that before.
	 */
	if (is_more(update) && !(is[0] > 0 && is[0] > is[1]))
		eng_told_hides(op->graph);
	if (after.dirty == before.dirty && after.clean == before.clean)
		return none;
	counts = eng_field_make(upper, ENG_CONTAINER_COUNTS);
	counts->counts.a = after.dirty;
	counts->counts.b = after.clean;
	if (!after.dirty && !after.clean)
		eng_field_drop(upper, ENG_CONTAINER_COUNTS);
	return eng_combine(upper, before, after);
}

void eng_collectibles_changed(struct eng_op *op, struct eng_node *upper, uint32_t trait)
{
	union eng_slot *slot = eng_field(upper, ENG_COLLECTIBLES_DEPENDENTS);
	struct eng_list list;
	uint32_t cursor = 0, n = 0;
	struct eng_job *job;
	uint64_t key;

	if (!slot)
		return;
	list = eng_list_make(&op->queue, pawl_sset64_count(&slot->set64));
	while (pawl_sset64_next(&slot->set64, &cursor, &key)) {
		if (key >> 32 == trait)
			list.ids[n++] = (uint32_t)key;
	}
	list.n = n;
	if (!n)
		return;
	job = eng_queue_job(&op->queue, ENG_JOB_READERS);
	job->uppers = eng_list_one(&op->queue, eng_node_id(upper));
	job->tasks = list;
	job->trait = trait;
	eng_queue_push(&op->queue, job);
}

static void apply_collectibles(struct eng_op *op, struct eng_node *upper,
			       const struct eng_update *update, struct eng_update *ret_forward)
{
	ret_forward->collectibles =
		eng_queue_alloc(&op->queue, update->n * sizeof(*update->collectibles));
	for (uint32_t i = 0; i < update->n; i++) {
		struct eng_collectible entry = update->collectibles[i];
		union eng_slot *slot = eng_field_make(upper, ENG_AGGREGATED_COLLECTIBLES);
		struct pawl_crossing crossing;

		eng_modify(upper, ENG_META);
		crossing = eng_bag_add(&slot->bag, entry.trait, entry.ref, entry.count);
		if (!slot->bag)
			eng_field_drop(upper, ENG_AGGREGATED_COLLECTIBLES);
		if (!pawl_crossing_positive(crossing))
			continue;
		entry.count = crossing.after > 0 ? 1 : -1;
		ret_forward->collectibles[ret_forward->n++] = entry;
		eng_collectibles_changed(op, upper, entry.trait);
	}
}

void eng_apply(struct eng_op *op, struct eng_node *upper, const struct eng_update *update)
{
	struct eng_update forward = {0};

	eng_optimize_again(op, upper);
	if (update->dirty || update->clean)
		forward = apply_container(op, upper, update);
	if (update->n)
		apply_collectibles(op, upper, update, &forward);
	eng_tell_above(op, upper, is_more(update), &forward);
}

void eng_job_data(struct eng_op *op, struct eng_job *job)
{
	for (uint32_t i = 0; i < job->uppers.n; i++) {
		struct eng_node *upper = eng_lock(op->graph, job->uppers.ids[i]);

		eng_apply(op, upper, &job->update);
		eng_unlock(upper);
	}
}

/* ---- edges ------------------------------------------------------------------------------ */

void eng_optimize_check(struct eng_op *op, struct eng_node *node, uint32_t before,
			uint32_t after)
{
	uint32_t more = before > after ? before : after;

	/* Every now and then: where the count has, or had, one bit. */
	if (before != after && more > 1 && (more & (more - 1)) == 0)
		eng_queue_optimize(&op->queue, eng_node_id(node));
	else
		eng_optimize_again(op, node);
}

/* Returns: the edge appeared or went. */
static bool add_follower(struct eng_op *op, struct eng_node *upper, eng_id task, int32_t count)
{
	uint32_t before = eng_map_count(upper, ENG_FOLLOWERS), after;
	bool zero = pawl_crossing_zero(eng_map_add(upper, ENG_FOLLOWERS, task, count));

	after = eng_map_count(upper, ENG_FOLLOWERS);
	eng_optimize_check(op, upper, before, after);
	return zero;
}

static bool add_upper(struct eng_op *op, struct eng_node *task, eng_id upper, int32_t count)
{
	uint32_t before = pawl_cmap_count(&task->uppers);
	struct pawl_crossing crossing;

	eng_modify_edge(task, ENG_META, upper);
	ENG_MUST(pawl_cmap_add(&task->uppers, upper, count, &crossing));
	eng_optimize_check(op, task, before, pawl_cmap_count(&task->uppers));
	return pawl_crossing_zero(crossing);
}

/* A list that gathers ids, with how often each came. */
static void gather(struct eng_table *table, const struct eng_list *list)
{
	for (uint32_t i = 0; i < list->n; i++) {
		bool is_new;

		eng_table_put(table, list->ids[i], &is_new)->a += 1;
	}
}

static struct eng_list gathered(struct eng_queue *queue, struct eng_table *table)
{
	struct eng_list list = eng_list_make(queue, table->n);

	if (table->n)
		list.counts = eng_queue_alloc(queue, table->n * sizeof(uint32_t));
	for (uint32_t i = 0; i < table->n; i++) {
		list.ids[i] = (uint32_t)table->entries[i].key;
		list.counts[i] = table->entries[i].a;
	}
	eng_table_fini(table);
	return list;
}

/* ---- one upper, many tasks ----------------------------------------------------------------- */

/* Tasks that are undecided, in the arena: id, count, a lower bound of its number. */
struct undecided {
	eng_id id;
	uint32_t count, number;
};

struct fan {
	struct undecided *list;
	uint32_t n;
	struct eng_list found; /* those that became inner now */
	bool was_active;
};

/* Under the lock of the upper: those that are followers for certain. Returns: its number. */
static uint32_t take_followers(struct eng_op *op, eng_id upper_id, struct fan *fan)
{
	struct eng_node *upper = eng_lock(op->graph, upper_id);
	uint32_t number = eng_number(upper), kept = 0;
	struct eng_list fresh = eng_list_make(&op->queue, fan->n);

	fresh.n = 0;
	for (uint32_t i = 0; i < fan->n; i++) {
		struct undecided one = fan->list[i];

		if (eng_is_inner(number, one.number)) {
			fan->list[kept++] = one;
			continue;
		}
		if (!add_follower(op, upper, one.id, (int32_t)one.count))
			continue;
		fresh.ids[fresh.n++] = one.id;
		if (one.number == number && upper->bits & ENG_FOLLOWED)
			eng_ring_suspect(op, upper_id, one.id, number);
	}
	fan->n = kept;
	fan->was_active = op->graph->track_active && eng_active(upper);
	if (fresh.n) {
		if (op->graph->track_active && eng_referrers(upper) > 0)
			eng_queue_tasks(&op->queue, ENG_JOB_ACTIVATE, fresh);
		eng_queue_gained(&op->queue, eng_uppers_of(&op->queue, upper), fresh);
	}
	eng_unlock(upper);
	return number;
}

/* A root in a root. One that calls nobody closes no ring. */
static void suspect_root(struct eng_op *op, eng_id upper, uint32_t number,
			 const struct eng_node *task, eng_id id)
{
	if (number == ENG_NUMBER_ROOT && eng_number(task) == ENG_NUMBER_ROOT &&
	    eng_field(task, ENG_CHILDREN))
		eng_ring_suspect(op, upper, id, number);
}

/* Under each task's own lock: those that are inner for certain. */
static void take_inner(struct eng_op *op, eng_id upper_id, uint32_t number, struct fan *fan,
		       struct eng_update *updates, struct eng_table *next)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < fan->n; i++) {
		struct undecided one = fan->list[i];
		struct eng_node *task = eng_lock(op->graph, one.id);

		if (i + ENG_AHEAD < fan->n)
			eng_prefetch(op->graph, fan->list[i + ENG_AHEAD].id);

		if (!eng_is_inner(number, eng_number(task))) {
			one.number = eng_number(task);
			task->bits |= ENG_FOLLOWED;
			fan->list[kept++] = one;
		} else if (add_upper(op, task, upper_id, (int32_t)one.count)) {
			struct eng_list followers = eng_followers_of(&op->queue, task);

			updates[fan->found.n] = eng_contribution(&op->queue, task, 1);
			fan->found.ids[fan->found.n++] = one.id;
			gather(next, &followers);
			suspect_root(op, upper_id, number, task, one.id);
		}
		eng_unlock(task);
	}
	fan->n = kept;
}

/* The upper is told what its new inner tasks are. Returns: it is active. */
static bool tell_upper(struct eng_op *op, eng_id upper_id, const struct eng_update *updates,
		       uint32_t n)
{
	struct eng_node *upper = eng_lock(op->graph, upper_id);
	bool active = op->graph->track_active && eng_active(upper);

	for (uint32_t i = 0; i < n; i++) {
		if (!eng_update_is_empty(&updates[i]))
			eng_apply(op, upper, &updates[i]);
	}
	eng_unlock(upper);
	return active;
}

static void gained_by_one(struct eng_op *op, eng_id upper, uint32_t count,
			  const struct eng_list *tasks)
{
	struct fan fan = {0};

	fan.list = eng_queue_alloc(&op->queue, tasks->n * sizeof(*fan.list));
	for (uint32_t i = 0; i < tasks->n; i++) {
		if (tasks->ids[i] == upper)
			eng_ring_of_calls(op, upper);
		else
			fan.list[fan.n++] = (struct undecided){
				tasks->ids[i], eng_list_count(tasks, i) * count, 0};
	}
	/* Ends: numbers grow, and each turn without a decision has seen one that did. */
	while (fan.n) {
		struct eng_table next = {0};
		struct eng_update *updates;
		uint32_t number = take_followers(op, upper, &fan);
		bool active;

		if (!fan.n)
			break;
		fan.found = eng_list_make(&op->queue, fan.n);
		fan.found.n = 0;
		updates = eng_queue_alloc(&op->queue, fan.n * sizeof(*updates));
		take_inner(op, upper, number, &fan, updates, &next);
		if (!fan.found.n)
			continue;
		active = tell_upper(op, upper, updates, fan.found.n) || fan.was_active;
		eng_queue_gained(&op->queue, eng_list_one(&op->queue, upper),
				 gathered(&op->queue, &next));
		for (uint32_t i = 0; active && i < fan.found.n; i++)
			eng_queue_find(&op->queue, fan.found.ids[i]);
	}
}

/* ---- many uppers, one task ------------------------------------------------------------------ */

/* Under the lock of each upper: is the task its follower for certain? Else it stays, with its number. */
static void ask_uppers(struct eng_op *op, eng_id task, uint32_t task_number,
		       struct undecided *list, uint32_t *n)
{
	struct eng_table above = {0};
	uint32_t kept = 0, active = 0;

	for (uint32_t i = 0; i < *n; i++) {
		struct undecided one = list[i];
		struct eng_node *upper = eng_lock(op->graph, one.id);

		one.number = eng_number(upper);
		if (eng_is_inner(one.number, task_number)) {
			list[kept++] = one;
		} else if (add_follower(op, upper, task, (int32_t)one.count)) {
			struct eng_list uppers = eng_uppers_of(&op->queue, upper);

			if (one.number == task_number && upper->bits & ENG_FOLLOWED)
				eng_ring_suspect(op, one.id, task, task_number);
			gather(&above, &uppers);
			active += op->graph->track_active && eng_referrers(upper) > 0;
		}
		eng_unlock(upper);
	}
	*n = kept;
	while (active--)
		eng_queue_tasks(&op->queue, ENG_JOB_ACTIVATE, eng_list_one(&op->queue, task));
	eng_queue_gained(&op->queue, gathered(&op->queue, &above),
			 eng_list_one(&op->queue, task));
}

/* Under the lock of the task: which uppers is it inner to for certain? Returns: its number. */
static uint32_t join_uppers(struct eng_op *op, eng_id task_id, struct undecided *list,
			    uint32_t *n)
{
	struct eng_list found = eng_list_make(&op->queue, *n);
	struct eng_node *task = eng_lock(op->graph, task_id);
	uint32_t number = eng_number(task), kept = 0;
	struct eng_update update = {0};
	struct eng_list followers = {0};
	bool active = false;

	found.n = 0;
	for (uint32_t i = 0; i < *n; i++) {
		if (!eng_is_inner(list[i].number, number)) {
			list[kept++] = list[i];
		} else if (add_upper(op, task, list[i].id, (int32_t)list[i].count)) {
			found.ids[found.n++] = list[i].id;
			suspect_root(op, list[i].id, list[i].number, task, task_id);
		}
	}
	if (kept)
		task->bits |= ENG_FOLLOWED;
	*n = kept;
	if (found.n) {
		update = eng_contribution(&op->queue, task, 1);
		followers = eng_followers_of(&op->queue, task);
	}
	eng_unlock(task);
	for (uint32_t i = 0; i < found.n; i++)
		active |= tell_upper(op, found.ids[i], &update, 1);
	eng_queue_gained(&op->queue, found, followers);
	if (active)
		eng_queue_find(&op->queue, task_id);
	return number;
}

static void gained_by_many(struct eng_op *op, const struct eng_list *uppers, eng_id task,
			   uint32_t count)
{
	struct undecided *list = eng_queue_alloc(&op->queue, uppers->n * sizeof(*list));
	uint32_t n = 0, number = 0;

	for (uint32_t i = 0; i < uppers->n; i++) {
		if (uppers->ids[i] == task)
			eng_ring_of_calls(op, task);
		else
			list[n++] = (struct undecided){uppers->ids[i],
						       eng_list_count(uppers, i) * count, 0};
	}
	while (n) {
		ask_uppers(op, task, number, list, &n);
		if (n)
			number = join_uppers(op, task, list, &n);
	}
}

void eng_job_gained(struct eng_op *op, struct eng_job *job)
{
	struct eng_list *uppers = &job->uppers, *tasks = &job->tasks;

	if (uppers->n > tasks->n) {
		uint32_t at = --tasks->n;

		if (at)
			eng_queue_push_front(&op->queue, job);
		gained_by_many(op, uppers, tasks->ids[at], eng_list_count(tasks, at));
		return;
	}
	uppers->n--;
	if (uppers->n)
		eng_queue_push_front(&op->queue, job);
	gained_by_one(op, uppers->ids[uppers->n], eng_list_count(uppers, uppers->n), tasks);
}

/* ---- losing --------------------------------------------------------------------------------- */

/* What is left to remove, one of each: lists of ids with how often, in the arena. */
struct loss {
	struct undecided *list; /* number: not used */
	uint32_t n;
};

/* Under the lock of the task: those it is inner to. */
static void leave_uppers(struct eng_op *op, eng_id task_id, struct loss *loss)
{
	struct eng_list gone = eng_list_make(&op->queue, loss->n);
	struct eng_node *task = eng_lock(op->graph, task_id);
	struct eng_update update = {0};
	struct eng_list followers = {0};
	uint32_t kept = 0;

	gone.n = 0;
	for (uint32_t i = 0; i < loss->n; i++) {
		struct undecided *one = &loss->list[i];
		int32_t have = pawl_cmap_get(&task->uppers, one->id);
		uint32_t take = have > 0 && (uint32_t)have < one->count ? (uint32_t)have
				: have > 0				? one->count
									: 0;

		if (take && add_upper(op, task, one->id, -(int32_t)take))
			gone.ids[gone.n++] = one->id;
		one->count -= take;
		if (one->count)
			loss->list[kept++] = *one;
	}
	loss->n = kept;
	if (gone.n) {
		update = eng_contribution(&op->queue, task, -1);
		followers = eng_followers_of(&op->queue, task);
	}
	eng_unlock(task);
	for (uint32_t i = 0; i < gone.n; i++)
		(void)tell_upper(op, gone.ids[i], &update, 1);
	eng_queue_lost(&op->queue, gone, followers, 0);
}

/* Under the lock of one upper: does the task follow it? Returns: how many of `count` are left. */
static uint32_t lose_follower(struct eng_op *op, eng_id upper_id, eng_id task, uint32_t count)
{
	struct eng_node *upper = eng_lock(op->graph, upper_id);
	int32_t have = eng_map_get(upper, ENG_FOLLOWERS, task);
	uint32_t take = have <= 0 ? 0 : (uint32_t)have < count ? (uint32_t)have : count;

	if (take && add_follower(op, upper, task, -(int32_t)take)) {
		if (op->graph->track_active && eng_referrers(upper) > 0)
			eng_queue_tasks(&op->queue, ENG_JOB_DEACTIVATE,
					eng_list_one(&op->queue, task));
		eng_queue_lost(&op->queue, eng_uppers_of(&op->queue, upper),
			       eng_list_one(&op->queue, task), 0);
	}
	eng_unlock(upper);
	return count - take;
}

/* One attempt. Returns: all was found. */
static bool lose_some(struct eng_op *op, eng_id task, struct loss *loss)
{
	uint32_t kept = 0;

	leave_uppers(op, task, loss);
	for (uint32_t i = 0; i < loss->n; i++) {
		struct undecided *one = &loss->list[i];

		one->count = lose_follower(op, one->id, task, one->count);
		if (one->count)
			loss->list[kept++] = *one;
	}
	loss->n = kept;
	return !kept;
}

/* Between two attempts others may add what is to be removed, if they get to run. */
static bool lose(struct eng_op *op, eng_id task, struct loss *loss, uint32_t retry)
{
	uint64_t until_ns = 0;

	while (!lose_some(op, task, loss)) {
		uint64_t now_ns;

		/* What was lost took its edges along. */
		if (PAWL_UNLIKELY(pawl_load_relaxed(&op->graph->lost)))
			return true;
		if (!retry--)
			return false;
		pawl_add_relaxed(&op->graph->retries, 1u);
		/* Who is to add it may be suspended: the rest goes to the queue, which is what is saved of it. */
		if (eng_op_is_called(op))
			return false;
		sched_yield();
		now_ns = pawl_now_ns();
		if (!until_ns)
			until_ns = now_ns + RETRY_NS;
		else if (now_ns > until_ns)
			return false;
	}
	return true;
}

static void lose_again_later(struct eng_op *op, eng_id task, const struct loss *loss,
			     uint32_t retry)
{
	struct eng_list uppers = eng_list_make(&op->queue, loss->n);

	PAWL_REQUIRE(retry <= RETRIES_MOST && "what is removed was added by somebody");
	uppers.counts = eng_queue_alloc(&op->queue, loss->n * sizeof(uint32_t));
	for (uint32_t i = 0; i < loss->n; i++) {
		uppers.ids[i] = loss->list[i].id;
		uppers.counts[i] = loss->list[i].count;
	}
	eng_queue_lost(&op->queue, uppers, eng_list_one(&op->queue, task), retry);
}

void eng_job_lost(struct eng_op *op, struct eng_job *job)
{
	struct eng_list *uppers = &job->uppers, *tasks = &job->tasks;
	uint32_t at = --tasks->n;
	uint32_t retry = job->retry;
	eng_id task = tasks->ids[at];
	uint32_t count = eng_list_count(tasks, at);
	struct loss loss = {NULL, 0};

	loss.list = eng_queue_alloc(&op->queue, uppers->n * sizeof(*loss.list));
	for (uint32_t i = 0; i < uppers->n; i++) {
		/* A ring of calls has no edge to itself. */
		if (uppers->ids[i] != task)
			loss.list[loss.n++] = (struct undecided){
				uppers->ids[i], eng_list_count(uppers, i) * count, 0};
	}
	if (at)
		eng_queue_push_front(&op->queue, job);
	if (!lose(op, task, &loss, retry))
		lose_again_later(op, task, &loss, retry + 1);
}
