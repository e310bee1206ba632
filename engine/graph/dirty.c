/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dirty.c - a task that has to run again.
 *
 * Dirty is: must run; or, session-dependent: must run once in each session. Those above are told of the
 * change of "needs work", and an active task is scheduled at once.
 *
 * A running task that becomes dirty is stale if what changed was read by it in this run: the run is then
 * made again. If the run has not come to it yet it goes on, and its end clears the dirt.
 */
#include "config.h"

#include <pawl/atomic.h>

#include "backing.h"
#include "graph.h"
#include "run.h"
#include "told.h"

static void dirty_bits(struct eng_op *op, struct eng_node *node, uint32_t bits)
{
	struct eng_dirt before, after;
	struct eng_update update;

	/* Clean, and it was: the end of most runs. */
	if (!bits &&
	    !(node->bits & (ENG_DIRTY | ENG_SESSION | ENG_SESSION_CLEAN | ENG_FINISHED)) &&
	    !eng_field(node, ENG_DIRTY_PRIORITY))
		return;
	before = eng_dirt_of(node);
	if ((node->bits ^ bits) & (ENG_DIRTY | ENG_SESSION))
		eng_modify(node, ENG_META);
	node->bits =
		(node->bits & ~(ENG_DIRTY | ENG_SESSION | ENG_SESSION_CLEAN | ENG_FINISHED)) |
		bits;
	if (!(bits & ENG_DIRTY))
		eng_field_drop(node, ENG_DIRTY_PRIORITY);
	after = eng_dirt_of(node);
	if (after.self_dirty == before.self_dirty && after.self_clean == before.self_clean)
		return;
	update = eng_combine(node, before, after);
	eng_tell_above(op, node, after.self_dirty && !after.self_clean, &update);
}

void eng_set_dirty(struct eng_op *op, struct eng_node *node, uint32_t bits)
{
	dirty_bits(op, node, bits);
}

void eng_set_finished(struct eng_op *op, struct eng_node *node)
{
	struct eng_dirt before = eng_dirt_of(node);
	struct eng_update update;

	node->bits |= ENG_FINISHED | ENG_GOES_ON;
	update = eng_combine(node, before, eng_dirt_of(node));
	eng_tell_above(op, node, false, &update);
}

static void keep_priority(struct eng_node *node, uint32_t priority)
{
	if (priority)
		eng_field_make(node, ENG_DIRTY_PRIORITY)->words.a = priority;
	else
		eng_field_drop(node, ENG_DIRTY_PRIORITY);
}

/* For who looks for a mistake. Returns: false: it is immutable, which is told, and it stays clean. */
PAWL_NOINLINE static bool check_dirty(struct eng_op *op, const struct eng_node *node,
				      bool stale)
{
	struct eng_graph *graph = op->graph;
	struct eng_run_state *run = eng_run_of(node);
	bool is_dirty = (node->bits & (ENG_DIRTY | ENG_SESSION)) == ENG_DIRTY;
	bool is_stale = stale && run && pawl_load_relaxed(&run->running) && !run->stale;

	if (node->bits & ENG_IMMUTABLE && eng_checks_has(graph, PAWL_CHECK_IMMUTABLE)) {
		eng_checks_add(graph, ENG_FOUND_IMMUTABLE, eng_node_id(node), &op->cause);
		return false;
	}
	if (eng_checks_has(graph, PAWL_CHECK_DIRTY) && !(node->bits & ENG_ONCE) &&
	    (!is_dirty || is_stale))
		eng_checks_add(graph, is_stale ? ENG_FOUND_STALE : ENG_FOUND_DIRTY,
			       eng_node_id(node), &op->cause);
	return true;
}

void eng_make_dirty(struct eng_op *op, struct eng_node *node, bool stale)
{
	struct eng_run_state *run = eng_run_of(node);
	union eng_slot *slot;
	uint32_t priority =
		op->priority == ENG_PRIORITY_AGAIN ? ENG_PRIORITY_INITIAL : op->priority;

	if (PAWL_UNLIKELY(op->graph->checks != NULL) && !check_dirty(op, node, stale))
		return;
	PAWL_REQUIRE(!(node->bits & ENG_IMMUTABLE) && "what is immutable stays clean");
	eng_optimize_again(op, node);
	/* One that runs once has had its run, or will have it: what changes then changes nothing. */
	if (node->bits & ENG_ONCE)
		return;
	if (PAWL_UNLIKELY(op->graph->histories))
		eng_history_next(op, node, stale);
	if (PAWL_UNLIKELY(eng_storm_suspects(&op->graph->storms)))
		eng_storm_cause(op, node);
	if (stale && run && (run->untouched || pawl_load_relaxed(&run->running))) {
		run->stale = true;
		/* Another one is to follow, whoever wants it. */
		run->unwanted = false;
		if (PAWL_UNLIKELY(op->graph->abandon))
			eng_abandon(op->graph, run);
	}
	slot = eng_field(node, ENG_DIRTY_PRIORITY);
	if ((node->bits & (ENG_DIRTY | ENG_SESSION)) == ENG_DIRTY) {
		eng_told_rely(op, node);
		/* What runs later is kept: it comes after all that caused it. */
		if (slot && slot->words.a > priority)
			keep_priority(node, priority);
		return;
	}
	dirty_bits(op, node, ENG_DIRTY);
	keep_priority(node, priority);
	/*
	 * Not before those above are told: what it makes dirty when it runs would be told by that run alone, and who
	 * changes something else below the same task, and is done, would find it told of nothing.
	 */
	if (!run && (!op->graph->track_active || eng_active(node)))
		eng_queue_find(&op->queue, eng_node_id(node));
}

/* Who has looked in its present run is stale; who has not come to it yet will see it anyway. */
static void readers_dirty(struct eng_op *op, void *arg, uint32_t from, uint32_t to)
{
	struct eng_job *job = arg;
	uint64_t edge = (uint64_t)job->trait << 32 | job->uppers.ids[0];

	for (uint32_t i = from; i < to; i++) {
		struct eng_node *node;

		eng_restore_ahead(op->graph, job->tasks.ids, i, from, to);
		node = eng_lock_any(op->graph, job->tasks.ids[i]);

		if (!node)
			continue;
		if (eng_set64_has(node, ENG_COLLECTIBLES_DEPENDENCIES, edge))
			eng_make_dirty(op, node, true);
		else if (eng_set64_has(node, ENG_OUTDATED_COLLECTIBLES_DEPENDENCIES, edge))
			eng_make_dirty(op, node, false);
		eng_unlock(node);
	}
}

void eng_job_readers(struct eng_op *op, struct eng_job *job)
{
	op->cause =
		(struct eng_cause){ENG_CAUSE_COLLECTIBLES, job->uppers.ids[0], job->trait, 0};
	eng_spread(op, job->tasks.n, readers_dirty, job);
}

static void invalidate(struct eng_op *op, void *arg, uint32_t from, uint32_t to)
{
	const eng_id *ids = arg;

	for (uint32_t i = from; i < to; i++) {
		struct eng_node *node;

		eng_restore_ahead(op->graph, ids, i, from, to);
		node = eng_lock_any(op->graph, ids[i]);

		if (!node)
			continue;
		if (!(node->bits & ENG_IMMUTABLE) ||
		    eng_checks_has(op->graph, PAWL_CHECK_IMMUTABLE))
			eng_make_dirty(op, node, true);
		eng_unlock(node);
	}
}

void eng_invalidate(struct eng_op *op, eng_id *ids, uint32_t n)
{
	eng_restore_sort(op->graph, ids, n);
	eng_spread(op, n, invalidate, ids);
}
