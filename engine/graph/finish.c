/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * finish.c - the end of a run.
 *
 * The end goes in steps, none of which holds the lock while another task is touched:
 *  1  what the run did not read, call or emit again is taken back (only then may another run begin,
 *     whose picture of "before" must be right); if the output differs its readers are made dirty, before
 *     it is stored: nobody can read it yet, since the task still runs; children that never ran are dirty,
 *     so that what is below does not count as clean before they did
 *  2  new children are connected
 *  3  output, dirt and run change in one critical section; who waits is woken
 *  4  cells that this run did not make are dropped
 * Where no other task is concerned, as with most leaves, 1 and 3 are one critical section.
 * If something that the run read changed meanwhile, it is stale: each of 1 to 3 looks, gives back the holds
 * that are still there, and schedules the task anew. The task stays dirty until step 3,
 * so an end that is cut short at any point loses nothing.
 */
#include "config.h"

#include <string.h>

#include <pawl/atomic.h>

#include "backing.h"
#include "cells.h"
#include "context.h"
#include "pairs.h"
#include "profile.h"
#include "ring.h"
#include "run.h"
#include "storm.h"
#include "told.h"
#include "wait.h"

/* ---- ends ----------------------------------------------------------------------------- */

/* The run is over, whatever came of it. Before the lock is given back the tail is not the run's any more. Locked. */
static void leave(struct eng_node *node, struct eng_run_state *run)
{
	eng_field_drop(node, ENG_RUN);
	/* Relaxed: who is told looks at the task again, under its lock. */
	pawl_store_relaxed(&run->over, 1u);
}

void eng_run_cancel(struct eng_op *op, struct eng_node *node)
{
	struct eng_run_state *run = eng_run_of(node);

	leave(node, run);
	node->bits |= ENG_CANCELED;
	/*
	 * Clean in this session, so that who waits for that comes to an end; dirty in the next one. What is still was to
	 * bring back a cell: its output stands, and nobody would be told that it is dirty.
	 */
	if (!(node->bits & ENG_STILL))
		eng_set_dirty(op, node, ENG_DIRTY | ENG_SESSION | ENG_SESSION_CLEAN);
	eng_tail_take_back(node);
	pawl_event_notify_all(&run->changed);
	eng_run_unpin(run);
}

/* The task is to run again. Locked; gives the lock back. */
static void run_again(struct eng_op *op, struct eng_node *node, struct eng_run_state *run,
		      struct eng_list holds)
{
	union eng_slot *slot;

	pawl_add_relaxed(&run->graph->stale_runs, 1u);
	eng_count(run->graph, eng_node_key(node)->function, ENG_COUNT_STALE);
	leave(node, run);
	/* It has no output yet, but it runs again. */
	if (PAWL_UNLIKELY(eng_storm_suspects(&run->graph->storms)) && !node->output)
		eng_storm_count(run->graph, node);
	eng_children_stale(op, node, run);
	eng_uncalled(op, node, holds);
	/* What was said of that run does not hold for the next one. */
	if (node->bits & ENG_FINISHED)
		eng_set_dirty(op, node,
			      node->bits & (ENG_DIRTY | ENG_SESSION | ENG_SESSION_CLEAN));
	eng_tail_take_back(node);
	if (PAWL_UNLIKELY(op->graph->histories))
		eng_history_ended(op->graph, node, false, true);
	if (op->graph->track_active)
		eng_queue_tasks(&op->queue, ENG_JOB_DEACTIVATE, holds);
	slot = eng_field(node, ENG_DIRTY_PRIORITY);
	/* Who waits for it looks again, and has it run if need be. */
	if (!run->unwanted || eng_active(node))
		eng_schedule(op, node, slot ? slot->words.a : ENG_PRIORITY_INITIAL);
	eng_unlock(node);
	pawl_event_notify_all(&run->changed);
	eng_run_unpin(run);
	eng_op_run(op);
}

static bool is_stale(const struct eng_node *node, const struct eng_run_state *run)
{
	return run->stale && !(node->bits & ENG_ONCE);
}

/*
 * Is it to be made again without the rest of its end? For who looks for a mistake in that there is no such short cut; but
 * what a run that was abandoned has made counts for nothing.
 */
static bool cuts_short(const struct eng_node *node, const struct eng_run_state *run)
{
	return is_stale(node, run) &&
	       (run->graph->abandon ||
		PAWL_LIKELY(!eng_checks_has(run->graph, PAWL_CHECK_STALE)));
}

/* ---- end ------------------------------------------------------------------------------- */

/* What step 1 found out under the lock. */
struct plan {
	struct eng_list lost, fresh; /* children */
	struct eng_list outputs;     /* outdated */
	uint64_t *cells, *traits;    /* outdated: references; trait << 32 | task */
	uint32_t cells_n, traits_n;
	struct eng_pair *pairs;
	uint32_t pairs_n;
	struct eng_collectible *collectibles;
	uint32_t collectibles_n;
	struct eng_list dependents;
	bool again; /* it was clean: a cell was missing */
	bool new_output;
	bool immutable;
	uint32_t number;	  /* what the children's numbers go by */
	struct eng_list victims;  /* who failed by a ring that this run has left */
	struct eng_list left_out; /* children that close a ring, as they did before */
	struct eng_list moved;	  /* children that were still, and are not any more */
	bool moment;		  /* it failed for the moment */
	bool linked;		  /* it failed by a ring of calls */
};

/* The end of a run. */
struct ending {
	struct eng_op op;
	struct eng_run_state *run;
	uint64_t output; /* as in the record, with `error` */
	bool error;
	struct plan plan;
};

static bool is_left_out(const struct plan *plan, eng_id id)
{
	for (uint32_t i = 0; i < plan->left_out.n; i++) {
		if (plan->left_out.ids[i] == id)
			return true;
	}
	return false;
}

static void plan_children(struct ending *ending, struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_CHILDREN);
	struct eng_called *now = &ending->run->called;
	struct eng_queue *queue = &ending->op.queue;
	struct plan *plan = &ending->plan;
	uint32_t cursor = 0, id, n = 0;
	uint64_t called = 0;

	if (now->n_not_still) {
		plan->fresh = eng_list_make(queue, now->n_not_still);
		while (eng_called_next(now, &called, &id)) {
			if ((!slot || !pawl_sset_has(&slot->set, id)) && !is_left_out(plan, id))
				plan->fresh.ids[n++] = id;
		}
		plan->fresh.n = n;
	}
	if (!slot)
		return;
	plan->lost = eng_list_make(queue, pawl_sset_count(&slot->set));
	n = cursor = 0;
	while (pawl_sset_next(&slot->set, &cursor, &id)) {
		if (!eng_called_has(now, id))
			plan->lost.ids[n++] = id;
	}
	plan->lost.n = n;
}

static uint64_t *words_of(struct eng_queue *queue, const struct eng_node *node,
			  enum eng_field field, uint32_t *ret_n)
{
	union eng_slot *slot = eng_field(node, field);
	uint64_t *words, word;
	uint32_t cursor = 0;

	*ret_n = 0;
	if (!slot)
		return NULL;
	words = eng_queue_alloc(queue, pawl_sset64_count(&slot->set64) * sizeof(*words));
	while (pawl_sset64_next(&slot->set64, &cursor, &word))
		words[(*ret_n)++] = word;
	return words;
}

#define OUTDATED                                                                   \
	(ENG_FIELD_BIT(ENG_OUTDATED_OUTPUTS) | ENG_FIELD_BIT(ENG_OUTDATED_CELLS) | \
	 ENG_FIELD_BIT(ENG_OUTDATED_KEYED) |                                       \
	 ENG_FIELD_BIT(ENG_OUTDATED_COLLECTIBLES_DEPENDENCIES) |                   \
	 ENG_FIELD_BIT(ENG_OUTDATED_COLLECTIBLES))

/* What was read and emitted before and not in this run: taken out of the record here. */
static void plan_outdated(struct ending *ending, struct eng_node *node)
{
	struct eng_queue *queue = &ending->op.queue;
	struct plan *plan = &ending->plan;
	struct eng_bag_cursor at = {0, 0};
	union eng_slot *slot;
	uint32_t cursor = 0;

	if (!eng_field_any(node, OUTDATED))
		return;
	slot = eng_field(node, ENG_OUTDATED_OUTPUTS);
	if (slot)
		plan->outputs = eng_list_of_set(queue, &slot->set);
	plan->cells = words_of(queue, node, ENG_OUTDATED_CELLS, &plan->cells_n);
	plan->traits =
		words_of(queue, node, ENG_OUTDATED_COLLECTIBLES_DEPENDENCIES, &plan->traits_n);
	slot = eng_field(node, ENG_OUTDATED_KEYED);
	if (slot) {
		plan->pairs = eng_queue_alloc(queue, eng_pairs_count(slot->pairs) *
							     sizeof(*plan->pairs));
		while (eng_pairs_next(slot->pairs, &cursor, &plan->pairs[plan->pairs_n]))
			plan->pairs_n++;
	}
	slot = eng_field(node, ENG_OUTDATED_COLLECTIBLES);
	if (slot) {
		plan->collectibles = eng_queue_alloc(
			queue, eng_bag_count(slot->bag) * sizeof(*plan->collectibles));
		while (eng_bag_next(slot->bag, &at, &plan->collectibles[plan->collectibles_n]))
			plan->collectibles_n++;
	}
}

static bool output_differs(const struct ending *ending, const struct eng_node *node)
{
	bool was_error = node->bits & ENG_ERROR;

	if (!node->output || was_error != ending->error)
		return true;
	if (!was_error)
		return node->output != ending->output;
	return !eng_error_equal((const struct pawl_error *)(uintptr_t)node->output,
				(const struct pawl_error *)(uintptr_t)ending->output);
}

#define DEPENDS                                                                          \
	(ENG_FIELD_BIT(ENG_OUTPUT_DEPENDENCIES) | ENG_FIELD_BIT(ENG_CELL_DEPENDENCIES) | \
	 ENG_FIELD_BIT(ENG_KEYED_DEPENDENCIES) | ENG_FIELD_BIT(ENG_COLLECTIBLES_DEPENDENCIES))

/* Once it was immutable nobody is entered as its reader: it is to stay as it is, whenever it brings back a cell. */
PAWL_NOINLINE static void check_immutable(const struct ending *ending,
					  const struct eng_node *node)
{
	const struct eng_run_state *run = ending->run;
	const struct eng_cause none = {ENG_CAUSE_NONE, 0, 0, 0};

	if (!(node->bits & ENG_IMMUTABLE) ||
	    !eng_checks_has(run->graph, PAWL_CHECK_IMMUTABLE) || run->in_ring ||
	    ending->plan.linked)
		return;
	if (eng_field_any(node, DEPENDS) || run->invalidator || run->session_dependent)
		eng_checks_add(run->graph, ENG_FOUND_READS, run->id, &none);
	if (ending->plan.new_output)
		eng_checks_add(run->graph, ENG_FOUND_OUTPUT, run->id, &none);
}

static void plan_make(struct ending *ending, struct eng_node *node)
{
	struct eng_run_state *run = ending->run;
	struct plan *plan = &ending->plan;

	plan->again = !eng_needs_run(node);
	if (run->invalidator && !(node->bits & ENG_INVALIDATOR)) {
		eng_modify(node, ENG_META);
		node->bits |= ENG_INVALIDATOR;
	}
	plan->immutable = ending->op.graph->track_dependencies && !run->session_dependent &&
			  !run->in_ring && !plan->linked &&
			  !(node->bits & (ENG_INVALIDATOR | ENG_ONCE | ENG_ROOT)) &&
			  !eng_field_any(node, DEPENDS) && !run->stale;
	plan->number = eng_number_children(&ending->op, node, &run->called);
	plan_children(ending, node);
	run->planned = true;
	plan_outdated(ending, node);
	plan->victims = eng_heal_victims(&ending->op, node, run);
	plan->new_output = output_differs(ending, node);
	/*
	 * It ran to bring back a cell, and found a ring that the run before did not find; those who have read it run again, and may
	 * find another end of that ring: nothing from outside is needed for that to go on for ever. So it counts towards a storm.
	 */
	if (PAWL_UNLIKELY(run->in_ring) && plan->again && plan->new_output)
		eng_storm_change(run->graph, true);
	if (PAWL_UNLIKELY(ending->op.graph->checks != NULL))
		check_immutable(ending, node);
	if (plan->new_output && ending->op.graph->track_dependencies &&
	    pawl_sset_count(&node->output_dependents))
		plan->dependents = eng_list_of_set(&ending->op.queue, &node->output_dependents);
}

/* The edges of reads, the other end first: what changes there is no business of this task any more. */
static void drop_reads(struct ending *ending)
{
	struct eng_graph *graph = ending->op.graph;
	struct plan *plan = &ending->plan;
	eng_id id = ending->run->id;
	struct eng_node *node;

	for (uint32_t i = 0; i < plan->outputs.n; i++) {
		node = eng_lock_any(graph, plan->outputs.ids[i]);
		if (node) {
			eng_modify_edge(node, ENG_DATA, id);
			pawl_sset_remove(&node->output_dependents, id);
			eng_unlock(node);
		}
	}
	for (uint32_t i = 0; i < plan->cells_n; i++) {
		node = eng_lock_any(graph, (eng_id)plan->cells[i]);
		if (node) {
			eng_modify_edge(node, ENG_DATA, id);
			pawl_sset64_remove(&node->cell_dependents,
					   (plan->cells[i] & ~(uint64_t)UINT32_MAX) | id);
			eng_unlock(node);
		}
	}
	for (uint32_t i = 0; i < plan->traits_n; i++) {
		node = eng_lock_any(graph, (eng_id)plan->traits[i]);
		if (node) {
			(void)eng_set64_remove(node, ENG_COLLECTIBLES_DEPENDENTS,
					       (plan->traits[i] & ~(uint64_t)UINT32_MAX) | id);
			eng_unlock(node);
		}
	}
}

static void drop_keyed_reads(struct ending *ending)
{
	struct plan *plan = &ending->plan;

	for (uint32_t i = 0; i < plan->pairs_n; i++) {
		struct eng_pair pair = plan->pairs[i];
		struct eng_node *node = eng_lock_any(ending->op.graph, (eng_id)pair.a);
		union eng_slot *slot;

		if (!node)
			continue;
		eng_modify_edge(node, ENG_DATA, ending->run->id);
		slot = eng_field(node, ENG_KEYED_DEPENDENTS);
		pair.a = (pair.a & ~(uint64_t)UINT32_MAX) | ending->run->id;
		if (slot && eng_pairs_remove(&slot->pairs, pair) && !slot->pairs)
			eng_field_drop(node, ENG_KEYED_DEPENDENTS);
		eng_unlock(node);
	}
}

static void drop_outdated(struct ending *ending)
{
	struct plan *plan = &ending->plan;
	struct eng_node *node;

	if (!plan->outputs.n && !plan->cells_n && !plan->traits_n && !plan->pairs_n &&
	    !plan->collectibles_n)
		return;
	drop_reads(ending);
	drop_keyed_reads(ending);
	node = eng_run_lock(ending->run);
	eng_field_clear(node, ENG_OUTDATED_OUTPUTS);
	eng_field_clear(node, ENG_OUTDATED_CELLS);
	eng_field_clear(node, ENG_OUTDATED_KEYED);
	eng_field_clear(node, ENG_OUTDATED_COLLECTIBLES_DEPENDENCIES);
	eng_field_clear(node, ENG_OUTDATED_COLLECTIBLES);
	for (uint32_t i = 0; i < plan->collectibles_n; i++)
		eng_collectible_add(&ending->op, node, plan->collectibles[i].trait,
				    plan->collectibles[i].ref, -plan->collectibles[i].count);
	eng_unlock(node);
}

/* Its output will differ: who has read it in this run of theirs is stale, who has not come to it is dirty. */
static void dirty_some(struct eng_op *op, void *arg, uint32_t from, uint32_t to)
{
	struct ending *ending = arg;
	eng_id id = ending->run->id;

	for (uint32_t i = from; i < to; i++) {
		struct eng_node *reader;

		eng_restore_ahead(op->graph, ending->plan.dependents.ids, i, from, to);
		reader = eng_lock_any(op->graph, ending->plan.dependents.ids[i]);

		if (!reader)
			continue;
		if (eng_set_has(reader, ENG_OUTDATED_OUTPUTS, id))
			eng_make_dirty(op, reader, false);
		else if (eng_set_has(reader, ENG_OUTPUT_DEPENDENCIES, id))
			eng_make_dirty(op, reader, true);
		eng_unlock(reader);
	}
}

static void dirty_dependents(struct ending *ending)
{
	ending->op.cause = (struct eng_cause){ENG_CAUSE_OUTPUT, ending->run->id, 0, 0};
	eng_restore_sort(ending->op.graph, ending->plan.dependents.ids,
			 ending->plan.dependents.n);
	eng_spread(&ending->op, ending->plan.dependents.n, dirty_some, ending);
	ending->op.cause.kind = ENG_CAUSE_NONE;
	for (uint32_t i = 0; i < ending->plan.fresh.n; i++) {
		struct eng_node *child = eng_lock(ending->op.graph, ending->plan.fresh.ids[i]);

		if (i + ENG_AHEAD < ending->plan.fresh.n)
			eng_prefetch(ending->op.graph, ending->plan.fresh.ids[i + ENG_AHEAD]);

		if (!child->output && !(child->bits & (ENG_IMMUTABLE | ENG_CANCELED)))
			eng_make_dirty(&ending->op, child, false);
		eng_unlock(child);
	}
}

/* Returns: false: the run is over in another way. Else the record, locked. */
static struct eng_node *lock_running(struct ending *ending, struct eng_list holds)
{
	struct eng_run_state *run = ending->run;
	struct eng_node *node = eng_run_lock(run);

	if (eng_run_of(node) != run) {
		eng_unlock(node);
		return NULL;
	}
	if (cuts_short(node, run)) {
		run_again(&ending->op, node, run, holds);
		return NULL;
	}
	return node;
}

/* Nothing is to be done about any other task: then step 1 and step 3 are one. Locked. */
static bool plan_is_empty(const struct ending *ending)
{
	const struct plan *plan = &ending->plan;

	return !plan->fresh.n && !plan->lost.n && !plan->outputs.n && !plan->cells_n &&
	       !plan->traits_n && !plan->pairs_n && !plan->collectibles_n &&
	       !plan->dependents.n && !plan->victims.n && eng_queue_is_empty(&ending->op.queue);
}

/*
 * This task does not stand in for them: above them it is known by way of a call that was taken out, and when they have
 * made that again it is by way of what they are not known to be yet.
 */
static void retry(struct ending *ending, const struct eng_list *victims)
{
	if (!victims->n)
		return;
	eng_told_hides(ending->op.graph);
	eng_heal_retry(&ending->op, victims);
	eng_op_run(&ending->op);
}

/* Returns: false: the run is over in another way. ret_node: not NULL: that is all but for step 3, locked. */
static bool step_clean_up(struct ending *ending, struct eng_node **ret_node)
{
	struct eng_run_state *run = ending->run;
	struct eng_node *node = eng_run_lock(run);

	*ret_node = NULL;
	if (eng_run_of(node) != run) {
		eng_unlock(node);
		return false;
	}
	if (cuts_short(node, run)) {
		plan_children(ending, node);
		run_again(&ending->op, node, run, ending->plan.fresh);
		return false;
	}
	plan_make(ending, node);
	if (plan_is_empty(ending)) {
		*ret_node = node;
		return true;
	}
	eng_unlock(node);
	drop_outdated(ending);
	eng_children_lost(&ending->op, run->id, ending->plan.lost);
	eng_op_run(&ending->op);
	/* Before this task is clean: who waits for that takes what they have failed with. */
	retry(ending, &ending->plan.victims);
	if (ending->plan.dependents.n || ending->plan.fresh.n) {
		dirty_dependents(ending);
		eng_op_run(&ending->op);
	}
	return true;
}

static void fail(struct ending *ending, struct pawl_error *error)
{
	if (ending->error)
		eng_output_free(ending->output);
	ending->error = true;
	ending->output = (uintptr_t)error;
	ending->plan.immutable = false;
	ending->plan.linked = true;
}

/* The output is this error after all, and its readers are told if they were not. */
static void fail_late(struct ending *ending, struct pawl_error *error)
{
	struct plan *plan = &ending->plan;
	struct eng_node *node;
	bool tell;

	fail(ending, error);
	node = eng_run_lock(ending->run);
	tell = !plan->new_output && output_differs(ending, node);
	if (tell)
		plan->dependents = eng_list_of_set(&ending->op.queue, &node->output_dependents);
	eng_unlock(node);
	if (!tell)
		return;
	plan->new_output = true;
	dirty_dependents(ending);
	eng_op_run(&ending->op);
}

/*
 * It failed by a ring the last time. As long as that is there, nobody is to hear of the output that the body gave: who
 * reads it may be what the ring goes through, and would have this task run again, for ever.
 */
static void leave_out(struct ending *ending)
{
	struct eng_op *op = &ending->op;
	struct eng_node *node = eng_run_lock(ending->run);
	struct eng_list fresh = {0};

	if (eng_run_of(node) == ending->run) {
		plan_children(ending, node);
		fresh = ending->plan.fresh;
	}
	eng_unlock(node);
	ending->plan.left_out = eng_list_make(&op->queue, fresh.n);
	ending->plan.left_out.n = 0;
	for (uint32_t i = 0; i < fresh.n; i++) {
		struct pawl_error *error = eng_ring_closed(op, ending->run->id, fresh.ids[i]);

		if (!error)
			continue;
		eng_link_add(op, ending->run, fresh.ids[i]);
		if (op->graph->track_active)
			eng_queue_tasks(&op->queue, ENG_JOB_DEACTIVATE,
					eng_list_one(&op->queue, fresh.ids[i]));
		ending->plan.left_out.ids[ending->plan.left_out.n++] = fresh.ids[i];
		fail(ending, error);
	}
	if (ending->plan.left_out.n) {
		node = eng_run_lock(ending->run);
		eng_uncalled(op, node, ending->plan.left_out);
		eng_unlock(node);
	}
	eng_op_run(op);
}

/*
 * Calls go round in a ring, and perhaps it was this task that closed it: then the child that leads back is taken
 * away again, and the task has failed.
 */
static void break_ring(struct ending *ending)
{
	struct eng_list fresh = ending->plan.fresh;

	for (uint32_t i = 0; i < fresh.n; i++) {
		struct pawl_error *error =
			eng_ring_closed(&ending->op, ending->run->id, fresh.ids[i]);

		if (!error)
			continue;
		eng_link_add(&ending->op, ending->run, fresh.ids[i]);
		eng_children_lost(&ending->op, ending->run->id,
				  eng_list_one(&ending->op.queue, fresh.ids[i]));
		eng_op_run(&ending->op);
		fail_late(ending, error);
	}
}

static bool step_connect(struct ending *ending)
{
	struct eng_node *node;
	bool gives_back;

	if (!ending->plan.fresh.n)
		return true;
	node = lock_running(ending, ending->plan.fresh);
	if (!node)
		return false;
	/* Raised meanwhile, perhaps by way of its children. Callees of what aggregates nothing have larger numbers. */
	if (PAWL_UNLIKELY(eng_number(node) > ending->plan.number))
		(void)eng_number_children(&ending->op, node, &ending->run->called);
	gives_back = eng_connect_children(&ending->op, node, ending->plan.fresh);
	eng_unlock(node);
	eng_op_run(&ending->op);
	if (gives_back) {
		eng_queue_tasks(&ending->op.queue, ENG_JOB_DEACTIVATE, ending->plan.fresh);
		eng_op_run(&ending->op);
	}
	if (PAWL_UNLIKELY(ending->op.rings != NULL))
		break_ring(ending);
	return true;
}

/*
 * Who was told of since step 1 is in step 3 too late: with this task clean, nobody would know that there is something to
 * do as long as those above them are not told. Takes the locked record, returns it; NULL: the run is over in another way.
 */
static struct eng_node *retry_late(struct ending *ending, struct eng_node *node)
{
	struct eng_list victims;

	/* Ends: who is told of finds the call, or the read, that this run has not made, and it goes. */
	while (node && (victims = eng_heal_victims(&ending->op, node, ending->run)).n) {
		eng_unlock(node);
		retry(ending, &victims);
		node = lock_running(ending, (struct eng_list){0});
	}
	return node;
}

/* Values that went, to be dropped outside of the lock. */
struct remains {
	struct pawl_value **values;
	uint32_t n;
	uint64_t error;
};

/* How many cells of each type there were, or are, whichever is more. Of a run that failed. Locked. */
static const struct eng_counter *more_counters(struct ending *ending,
					       const struct eng_node *node, uint32_t *ret_n)
{
	const struct eng_run_state *run = ending->run;
	uint32_t cursor = 0, n = run->counters_n;
	struct eng_counter before, *more;

	while (eng_cells_counter(run->graph, node, &cursor, &before))
		n++;
	more = eng_queue_alloc(&ending->op.queue, (n + 1) * sizeof(*more));
	for (n = 0; n < run->counters_n; n++)
		more[n] = run->counters[n];
	for (cursor = 0; eng_cells_counter(run->graph, node, &cursor, &before);) {
		uint32_t at = 0;

		while (at < run->counters_n && more[at].type != before.type)
			at++;
		if (at == run->counters_n)
			more[n++] = before;
		else if (more[at].count < before.count)
			more[at].count = before.count;
	}
	*ret_n = n;
	return more;
}

/*
 * Cells that were not made, and fields that are not needed. A run that failed may not have come to all of them: those of
 * the run before stay, for who has them by reference. Locked.
 */
static void tidy(struct ending *ending, struct eng_node *node, bool failed,
		 struct remains *remains)
{
	struct eng_run_state *run = ending->run;
	const struct eng_counter *counters = run->counters;
	uint32_t n = run->counters_n;

	if (failed && !ending->plan.again)
		counters = more_counters(ending, node, &n);
	remains->values = eng_queue_alloc(&ending->op.queue,
					  eng_cells_held(node) * sizeof(*remains->values));
	remains->n = eng_cells_count(ending->op.graph, node, counters, n, remains->values);
	if (node->bits & ENG_IMMUTABLE) {
		if (pawl_sset_count(&node->output_dependents) ||
		    pawl_sset64_count(&node->cell_dependents))
			eng_modify(node, ENG_DATA);
		pawl_sset_fini(&node->output_dependents);
		pawl_sset64_fini(&node->cell_dependents);
		eng_field_clear(node, ENG_KEYED_DEPENDENTS);
	}
	eng_tail_take_back(node);
	eng_tail_trim(node);
}

#define SUMMED_UP                                                                           \
	(ENG_FIELD_BIT(ENG_CHILDREN) | ENG_FIELD_BIT(ENG_FOLLOWERS) |                       \
	 ENG_FIELD_BIT(ENG_COLLECTIBLES) | ENG_FIELD_BIT(ENG_AGGREGATED_COLLECTIBLES) |     \
	 ENG_FIELD_BIT(ENG_COLLECTIBLES_DEPENDENTS) | ENG_FIELD_BIT(ENG_CONTAINER_COUNTS) | \
	 ENG_FIELD_BIT(ENG_DIRTY_CONTAINERS) | ENG_FIELD_BIT(ENG_CLEAN_CONTAINERS))

/* It ran to bring back a cell, and failed by a ring, or for the moment: it is to be tried again. Locked. */
static void not_for_ever(const struct ending *ending, struct eng_node *node)
{
	if (!(node->bits & ENG_IMMUTABLE) || node->bits & ENG_STILL ||
	    !(ending->run->in_ring || ending->plan.linked))
		return;
	eng_modify(node, ENG_META);
	node->bits &= ~ENG_IMMUTABLE;
}

/* What is summed up: nothing, and that for good? What it calls was connected, or is still. Locked. */
static bool is_still(const struct ending *ending, const struct eng_node *node)
{
	return ending->plan.immutable && !(node->bits & (ENG_ERROR | ENG_DIRTY)) &&
	       !ending->plan.moved.n && !eng_field_any(node, SUMMED_UP);
}

/* It is stale, and was ended all the same: it runs again. Locked. */
PAWL_NOINLINE static void schedule_again(struct ending *ending, struct eng_node *node)
{
	struct eng_graph *graph = ending->op.graph;
	union eng_slot *slot = eng_field(node, ENG_DIRTY_PRIORITY);

	pawl_add_relaxed(&graph->stale_runs, 1u);
	eng_count(graph, eng_node_key(node)->function, ENG_COUNT_STALE);
	eng_schedule(&ending->op, node, slot ? slot->words.a : ENG_PRIORITY_INITIAL);
}

/* Gives the lock back. */
static void step_finish(struct ending *ending, struct eng_node *node)
{
	struct eng_run_state *run = ending->run;
	bool linked = node->bits & ENG_LINKED, failed = ending->error;
	struct remains remains = {0};
	bool moment = ending->plan.moment && ending->error;
	bool again = PAWL_UNLIKELY(is_stale(node, run));
	uint32_t dirty = 0;

	if (ending->plan.new_output || moment ||
	    (ending->plan.immutable && !(node->bits & ENG_IMMUTABLE)))
		eng_modify(node, ENG_META);
	/* Of two errors that say the same the new one is kept: it was not tried again since. */
	if (ending->plan.new_output || moment) {
		if (node->bits & ENG_ERROR)
			remains.error = node->output;
		node->output = ending->output;
		node->bits = (node->bits & ~ENG_ERROR) | (ending->error ? ENG_ERROR : 0);
		ending->error = false;
	}
	if (ending->plan.immutable)
		node->bits |= ENG_IMMUTABLE;
	not_for_ever(ending, node);
	leave(node, run);
	if (!ending->plan.linked)
		node->bits &= ~ENG_LINKED;
	if (PAWL_UNLIKELY(run->graph->histories))
		eng_history_ended(run->graph, node, ending->plan.new_output, again);
	if ((run->session_dependent || run->in_ring || ending->plan.linked) &&
	    !(node->bits & ENG_STILL))
		dirty = ENG_DIRTY | ENG_SESSION | ENG_SESSION_CLEAN;
	eng_set_dirty(&ending->op, node, again ? ENG_DIRTY : dirty);
	eng_children_keep_still(&ending->op, node, run, ending->plan.moved);
	if (is_still(ending, node)) {
		if (!(node->bits & ENG_STILL))
			eng_modify(node, ENG_META);
		node->bits |= ENG_STILL;
		eng_referrers_forget(node);
	}
	tidy(ending, node, failed, &remains);
	if (again)
		schedule_again(ending, node);
	if (PAWL_UNLIKELY(linked))
		eng_link_drop(&ending->op, run->id, !ending->plan.linked);
	eng_unlock(node);
	pawl_event_notify_all(&run->changed);
	eng_run_unpin(run);
	for (uint32_t i = 0; i < remains.n; i++)
		pawl_value_unpin(remains.values[i]);
	if (remains.error)
		eng_output_free(remains.error);
}

/*
 * What is still ran to bring back a value, and failed for the moment. Its output stands, as do the cells that it has:
 * nobody would be told of anything else. Who waits takes the error, and who reads next has it run again. Returns: false:
 * it is not so.
 */
PAWL_NOINLINE static bool give_up(struct ending *ending)
{
	struct eng_run_state *run = ending->run;
	struct eng_node *node = eng_run_lock(run);

	if (eng_run_of(node) != run || !(node->bits & ENG_STILL)) {
		eng_unlock(node);
		return false;
	}
	plan_children(ending, node);
	pawl_store_release(&run->failure, (struct pawl_error *)(uintptr_t)ending->output);
	ending->error = false;
	leave(node, run);
	eng_children_stale(&ending->op, node, run);
	eng_uncalled(&ending->op, node, ending->plan.fresh);
	if (PAWL_UNLIKELY(run->graph->histories))
		eng_history_ended(run->graph, node, false, false);
	eng_tail_take_back(node);
	if (ending->op.graph->track_active)
		eng_queue_tasks(&ending->op.queue, ENG_JOB_DEACTIVATE, ending->plan.fresh);
	eng_unlock(node);
	pawl_event_notify_all(&run->changed);
	eng_run_unpin(run);
	return true;
}

/* Returns: false: that was all. */
static bool fails_for_moment(struct ending *ending)
{
	if (give_up(ending))
		return false;
	ending->plan.linked = ending->plan.moment = true;
	eng_link_add(&ending->op, ending->run, 0);
	return true;
}

void eng_run_finish(struct pawl_context *context, int error, pawl_ref_t output)
{
	struct eng_node *node;
	struct ending ending;
	bool goes_on = true;

	memset(&ending.plan, 0, sizeof(ending.plan));
	ending.run = context->run;
	ending.error = error;
	ending.output = error ? (uintptr_t)eng_failure(context, error) : output.pawl_bits;
	/* 0 would be a task that never ran. */
	if (!ending.output)
		ending.output = ENG_NOTHING;
	eng_op_begin(&ending.op, context->graph, context->priority);
	/* Nothing that is for ever. */
	if (PAWL_UNLIKELY(error) && ((struct pawl_error *)(uintptr_t)ending.output)->storm)
		ending.plan.linked = true;
	if (PAWL_UNLIKELY(error) && ((struct pawl_error *)(uintptr_t)ending.output)->moment)
		goes_on = fails_for_moment(&ending);
	/* Relaxed: statistics. */
	pawl_add_relaxed(&context->graph->runs, 1u);
	if (goes_on && PAWL_UNLIKELY(ending.run->was_linked))
		leave_out(&ending);
	/* Relaxed: it stood before this operation began if it was while the body ran (restore.c). */
	if (goes_on && PAWL_UNLIKELY(pawl_load_relaxed(&context->graph->recoveries)))
		ending.plan.moved = eng_children_moved(&ending.op, ending.run);
	if (goes_on && step_clean_up(&ending, &node)) {
		if (!node && step_connect(&ending))
			node = lock_running(&ending, (struct eng_list){0});
		node = retry_late(&ending, node);
		if (node)
			step_finish(&ending, node);
	}
	/* An error that did not become the output. */
	if (ending.error)
		eng_output_free(ending.output);
	eng_op_end(&ending.op);
}
