/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connect.c - who calls whom.
 *
 * A call is noted at once in the run's own set, and makes the child active for the time of the run (a hold);
 * the task's children change when the run completes. So a run that turns out to be stale has only
 * its holds to give back, and a child is never without a reason to be active in between.
 *
 * Invariant: a child that is in the run's set and not among the task's children has one hold, and counts the run as
 * a parent (reclaim.h).
 *
 * A task is still if it is immutable, has not failed, emits nothing, and all that it calls is still. There
 * never is anything to sum up, to schedule or to tell of it, nor of anything below: it is left out of the aggregation
 * graph by whoever calls it and knows that, because it was still already or by reading it. Most of a cold build of
 * pure functions is. It counts no referrers: activating it is nothing, and what counts there were is
 * forgotten when it becomes still. Edges that it has from before stay, and are taken away as all others. It is
 * still for good: run again, to bring back a cell, it calls the same as before.
 *
 * But for a loss: then nothing is still any more, and tasks have no children that are (restore.c). What a body has called
 * before that stays in its set, which it looks at without a lock; at its end those that are not still are left out.
 */
#include "config.h"

#include <errno.h>

#include "graph.h"
#include "run.h"

/* Is it called for the first time in this run, and ever? */
enum call { KNOWN, FRESH, OVER };

/*
 * Does the body have its sets of calls to itself, and had none before? Then it needs no lock for them. It writes them as
 * part of an operation all the same: at a moment of quiet they are looked at (restore.c).
 */
static bool is_alone(const struct eng_run_state *run)
{
	return PAWL_LIKELY(!run->locals && !run->had_children);
}

/* With the parent's lock, or alone. */
static enum call note_known(struct eng_run_state *run, const struct eng_node *parent,
			    eng_id child)
{
	if (eng_called_has(&run->called, child))
		return KNOWN;
	if (!parent)
		return FRESH;
	if (eng_set_has(parent, ENG_CHILDREN, child)) {
		eng_called_add(&run->called, child, false);
		return KNOWN;
	}
	if (eng_set_has(parent, ENG_STILL_CHILDREN, child)) {
		eng_called_add(&run->called, child, true);
		return KNOWN;
	}
	return FRESH;
}

/* It has been called from now on; with a hold if it was not still. */
static enum call note_fresh(struct eng_run_state *run, const struct eng_node *parent,
			    eng_id child, bool still)
{
	/* Another job of the run may have been faster, when the child was still or not yet. */
	if (parent && eng_called_has(&run->called, child))
		return KNOWN;
	eng_called_add(&run->called, child, still);
	return FRESH;
}

enum note { IS_IT_KNOWN, ADD_MOVING, ADD_STILL };

static enum call note_call(struct eng_run_state *run, eng_id child, enum note note)
{
	struct eng_node *parent = NULL;
	enum call call = OVER;
	bool over;

	if (is_alone(run)) {
		/* Relaxed: the engine stops, and it is told of that sooner or later. */
		over = pawl_load_relaxed(&run->over);
	} else {
		parent = eng_run_lock(run);
		over = eng_run_of(parent) != run;
	}
	if (!over)
		call = note == IS_IT_KNOWN ? note_known(run, parent, child)
					   : note_fresh(run, parent, child, note == ADD_STILL);
	if (parent)
		eng_unlock(parent);
	return call;
}

int eng_connect_known(struct eng_run_state *parent, eng_id child)
{
	enum call call = note_call(parent, child, IS_IT_KNOWN);

	return call == FRESH ? 1 : call == OVER ? -ECANCELED : 0;
}

/* The call was counted, and is none, or another job has made it. */
static void uncount(struct eng_graph *graph, eng_id child)
{
	struct eng_node *node = graph->collects ? eng_lock_any(graph, child) : NULL;

	if (!node)
		return;
	eng_parents_less(graph, node);
	eng_unlock(node);
}

/* It was counted. */
static int note_still(struct eng_run_state *run, eng_id child)
{
	enum call call = note_call(run, child, ADD_STILL);

	if (PAWL_UNLIKELY(call != FRESH))
		uncount(run->graph, child);
	return call == OVER ? -ECANCELED : 0;
}

/* Inside. */
static int connect_still(struct eng_graph *graph, struct eng_run_state *parent, eng_id child)
{
	struct eng_node *node = eng_lock_any(graph, child);
	bool still;

	if (!node || node->bits & ENG_GONE) {
		if (node)
			eng_unlock(node);
		return -ESTALE;
	}
	still = node->bits & ENG_STILL;
	if (still && graph->collects)
		eng_parents_more(node);
	eng_unlock(node);
	return still ? note_still(parent, child) : 1;
}

int eng_connect_still(struct eng_graph *graph, struct eng_run_state *parent, eng_id child)
{
	struct eng_quiesce_slot *inside = eng_quiesce_enter(graph->quiesce, graph);
	int error = connect_still(graph, parent, child);

	eng_quiesce_leave(graph->quiesce, inside);
	return error;
}

/* Inside. Where there is an edge it stays: taking it away costs more than it does. */
static void rest(struct eng_run_state *run, eng_id child)
{
	struct eng_node *parent = is_alone(run) ? NULL : eng_run_lock(run);

	if (!parent || !eng_set_has(parent, ENG_CHILDREN, child))
		eng_called_rest(&run->called, child);
	if (parent)
		eng_unlock(parent);
}

void eng_child_is_still(struct eng_run_state *run, eng_id child)
{
	struct eng_quiesce *quiesce = run->graph->quiesce;
	struct eng_quiesce_slot *inside;

	/* The most frequent case: it was known to be still when it was called. Nothing is written. */
	if (is_alone(run) && !eng_called_moves(&run->called, child))
		return;
	inside = eng_quiesce_enter(quiesce, run->graph);
	rest(run, child);
	eng_quiesce_leave(quiesce, inside);
}

/* Were others still, when the run before was over? */
static bool still_differs(const struct eng_node *parent, const struct pawl_sset *still)
{
	uint32_t cursor = 0, child;

	if (eng_set_count(parent, ENG_STILL_CHILDREN) != pawl_sset_count(still))
		return true;
	while (pawl_sset_next(still, &cursor, &child)) {
		if (!eng_set_has(parent, ENG_STILL_CHILDREN, child))
			return true;
	}
	return false;
}

/* Those of the one that are not in the other count the task no more. */
static void uncall_still(struct eng_op *op, const struct eng_node *parent,
			 const struct pawl_sset *still, const struct pawl_sset *other)
{
	struct eng_list gone;
	uint32_t cursor = 0, child;

	if (!op->graph->collects)
		return;
	gone = eng_list_make(&op->queue, pawl_sset_count(still));
	gone.n = 0;
	while (pawl_sset_next(still, &cursor, &child)) {
		if (!other || !pawl_sset_has(other, child))
			gone.ids[gone.n++] = child;
	}
	eng_uncalled(op, parent, gone);
}

void eng_children_stale(struct eng_op *op, struct eng_node *parent, struct eng_run_state *run)
{
	union eng_slot *slot = eng_field(parent, ENG_STILL_CHILDREN);
	struct pawl_sset still;

	if (!op->graph->collects || !eng_called_any_still(&run->called))
		return;
	still = eng_called_take_still(&run->called);
	uncall_still(op, parent, &still, slot ? &slot->set : NULL);
	pawl_sset_fini(&still);
}

static bool is_still(struct eng_graph *graph, eng_id id)
{
	struct eng_node *node = eng_lock_any(graph, id);
	bool still = node && node->bits & ENG_STILL;

	if (node)
		eng_unlock(node);
	return still;
}

struct eng_list eng_children_moved(struct eng_op *op, struct eng_run_state *run)
{
	struct eng_node *parent = eng_run_lock(run);
	struct pawl_sset still = {0};
	struct eng_list list;
	uint32_t n = 0;

	if (eng_run_of(parent) == run && eng_called_any_still(&run->called))
		still = eng_called_still(&run->called);
	eng_unlock(parent);
	list = eng_list_of_set(&op->queue, &still);
	pawl_sset_fini(&still);
	for (uint32_t i = 0; i < list.n; i++) {
		if (!is_still(op->graph, list.ids[i]))
			list.ids[n++] = list.ids[i];
	}
	list.n = n;
	return list;
}

void eng_children_keep_still(struct eng_op *op, struct eng_node *parent,
			     struct eng_run_state *run, struct eng_list moved)
{
	struct pawl_sset still = {0};
	union eng_slot *slot = eng_field(parent, ENG_STILL_CHILDREN);

	if (eng_called_any_still(&run->called))
		still = eng_called_take_still(&run->called);
	for (uint32_t i = 0; i < moved.n; i++)
		(void)pawl_sset_remove(&still, moved.ids[i]);
	if (PAWL_UNLIKELY(eng_is_kept(parent)) && still_differs(parent, &still))
		eng_modify(parent, ENG_META);
	if (slot) {
		uncall_still(op, parent, &slot->set, &still);
		pawl_sset_fini(&slot->set);
		eng_field_drop(parent, ENG_STILL_CHILDREN);
	}
	if (pawl_sset_count(&still))
		eng_field_make(parent, ENG_STILL_CHILDREN)->set = still;
}

/* Without a parent, or without activeness, what never ran is scheduled here. */
static int schedule_child(struct eng_op *op, eng_id child)
{
	struct eng_node *node = eng_lock_any(op->graph, child);

	if (!node)
		return -ESTALE;
	if (!node->output)
		eng_schedule(op, node, op->priority);
	eng_unlock(node);
	return 0;
}

static bool is_settled_root(struct eng_op *op, eng_id child)
{
	struct eng_node *node = eng_lock_any(op->graph, child);
	bool settled;

	if (!node)
		return false;
	settled =
		node->output && (node->bits & ENG_STILL || eng_number(node) == ENG_NUMBER_ROOT);
	eng_unlock(node);
	return settled;
}

int eng_connect(struct eng_op *op, struct eng_run_state *parent, eng_id child)
{
	enum call call;
	int error = 0;

	if (!parent && is_settled_root(op, child))
		return 0;
	if (parent && op->graph->track_active) {
		error = eng_activate_called(op, child);
		if (!error)
			return note_still(parent, child);
		if (error > 0)
			error = 0;
	} else {
		error = schedule_child(op, child);
	}
	if (error)
		return error;
	if (!parent || (eng_is_transient(parent->id) && !eng_is_transient(child)))
		eng_queue_number(&op->queue, child, ENG_NUMBER_ROOT, 0);
	eng_op_run(op);
	if (!parent)
		return 0;
	/* Another local task of the same run was faster, or the run was cancelled: one hold too many. */
	call = note_call(parent, child, ADD_MOVING);
	if (call != FRESH && op->graph->track_active) {
		eng_queue_tasks(&op->queue, ENG_JOB_DEACTIVATE,
				eng_list_one(&op->queue, child));
		uncount(op->graph, child);
		eng_op_run(op);
	}
	return call == OVER ? -ECANCELED : 0;
}

uint32_t eng_number_children(struct eng_op *op, struct eng_node *parent,
			     const struct eng_called *children)
{
	uint32_t n = children->n_not_still, target, future, child;
	uint32_t distance = parent->bits & ENG_DISTANCE;
	uint64_t cursor = 0;

	if (!n || eng_base(parent) == ENG_NUMBER_ROOT)
		return ENG_NUMBER_ROOT;
	target = 2 * (31 - (uint32_t)__builtin_clz(n));
	if (target > distance)
		eng_queue_number(&op->queue, eng_node_id(parent), 0, target);
	future = eng_base(parent) + (target > distance ? target : distance);
	if (future < eng_base(parent) || future >= ENG_NUMBER_LEAF)
		return ENG_NUMBER_ROOT;
	/* A gap, for levels that come in between later. */
	while (eng_called_next(children, &cursor, &child))
		eng_number_at_least(op, child, future + 3);
	return future;
}

bool eng_connect_children(struct eng_op *op, struct eng_node *parent, struct eng_list children)
{
	bool aggregates = eng_aggregates(parent);
	eng_id id = eng_node_id(parent);

	eng_optimize_again(op, parent);
	for (uint32_t i = 0; i < children.n; i++)
		(void)eng_set_add(parent, ENG_CHILDREN, children.ids[i]);
	if (aggregates) {
		eng_queue_gained(&op->queue, eng_list_one(&op->queue, id), children);
	} else {
		eng_queue_gained(&op->queue, eng_uppers_of(&op->queue, parent), children);
		/* The hold becomes the count that an active leaf gives its children. */
		if (eng_referrers(parent) > 0)
			return false;
	}
	return op->graph->track_active;
}

/* What is not among them any more was taken out by another operation, which has told those above. */
bool eng_children_take(struct eng_op *op, struct eng_node *parent, struct eng_list children,
		       bool counts)
{
	struct eng_list gone = eng_list_make(&op->queue, children.n), uppers;

	gone.n = 0;
	for (uint32_t i = 0; i < children.n; i++) {
		if (eng_set_remove(parent, ENG_CHILDREN, children.ids[i]))
			gone.ids[gone.n++] = children.ids[i];
	}
	if (!gone.n)
		return false;
	if (eng_aggregates(parent)) {
		uppers = eng_list_one(&op->queue, eng_node_id(parent));
	} else {
		uppers = eng_uppers_of(&op->queue, parent);
		if (op->graph->track_active && eng_referrers(parent) > 0)
			eng_queue_tasks(&op->queue, ENG_JOB_DEACTIVATE, gone);
	}
	eng_queue_lost(&op->queue, uppers, gone, 0);
	if (counts)
		eng_uncalled(op, parent, gone);
	return true;
}

void eng_children_lost(struct eng_op *op, eng_id parent_id, struct eng_list children)
{
	struct eng_node *parent;

	if (!children.n)
		return;
	parent = eng_lock(op->graph, parent_id);
	(void)eng_children_take(op, parent, children, true);
	eng_unlock(parent);
}
