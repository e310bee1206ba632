/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dispose.c - transient tasks go: roots that are not wanted any more, and tasks that had their one run.
 *
 * What a task holds is taken back by the end of a run that does not use it. So a task goes by a last run, in place
 * of its function, that reads nothing, calls nothing, makes and emits nothing. Its argument is freed there.
 *
 * The record stays, and its number, for the next task of that kind: an operation that is under way may name it in a
 * list of those to be told of a change. What it is told then, it is told of an edge that is gone, whose
 * removal took as much away: sums are right again when the operation is over, whoever the record
 * serves then. So there are never more of these records than there were such tasks at once.
 *
 * Waiting in line for reuse a record is clean and inactive, and has no run.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/lock.h>

#include "context.h"

static void argument_free(struct eng_closure *closure)
{
	void (*free_arg)(void *arg) = closure->free_arg;

	closure->free_arg = NULL;
	if (free_arg)
		free_arg(closure->arg);
}

static struct eng_closure *closure_of(const struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_CLOSURE);

	return slot ? slot->pointer : NULL;
}

int eng_dispose(struct eng_graph *graph, eng_id id)
{
	struct eng_closure *closure;
	struct eng_node *node;
	union eng_slot *slot;
	struct eng_op op;

	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	node = eng_lock_any(graph, id);
	closure = node ? closure_of(node) : NULL;
	if (!closure || closure->disposed) {
		if (node)
			eng_unlock(node);
		eng_op_end(&op);
		return -ESTALE;
	}
	closure->disposed = true;
	slot = eng_field(node, ENG_ACTIVE);
	if (slot) {
		slot->active.flags &= ~ENG_ACTIVE_ROOT;
		eng_active_trim(node);
	}
	/* Now, or behind the run that there is: its end comes to eng_dispose_ended(). */
	eng_schedule(&op, node, ENG_PRIORITY_INITIAL);
	eng_unlock(node);
	eng_op_end(&op);
	return 0;
}

bool eng_dispose_begun(struct eng_closure *closure)
{
	if (!closure->disposed)
		return false;
	argument_free(closure);
	closure->emptied = true;
	return true;
}

void eng_dispose_ended(struct eng_graph *graph, eng_id id)
{
	struct eng_closure *closure;
	struct eng_node *node;
	struct eng_op op;

	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	node = eng_lock_any(graph, id);
	closure = node ? closure_of(node) : NULL;
	if (!closure || !closure->disposed || closure->spare || eng_run_of(node) ||
	    node->bits & ENG_CANCELED) {
		if (node)
			eng_unlock(node);
		eng_op_end(&op);
		return;
	}
	if (!closure->emptied || eng_needs_run(node)) {
		eng_schedule(&op, node, ENG_PRIORITY_INITIAL);
	} else {
		closure->spare = true;
		pawl_lock_lock(&graph->spare_lock);
		closure->spare_next = graph->spare;
		graph->spare = id;
		pawl_lock_unlock(&graph->spare_lock);
	}
	eng_unlock(node);
	eng_op_end(&op);
}

/* The first in line. Returns: locked; NULL: there is none. */
static struct eng_node *spare_take(struct eng_graph *graph)
{
	struct eng_node *node = NULL;
	eng_id id;

	/* Records before the line: the first one cannot change while it is tried. */
	for (;;) {
		pawl_lock_lock(&graph->spare_lock);
		id = graph->spare;
		pawl_lock_unlock(&graph->spare_lock);
		if (!id)
			return NULL;
		node = eng_lock(graph, id);
		pawl_lock_lock(&graph->spare_lock);
		if (graph->spare == id)
			break;
		pawl_lock_unlock(&graph->spare_lock);
		eng_unlock(node);
	}
	graph->spare = closure_of(node)->spare_next;
	pawl_lock_unlock(&graph->spare_lock);
	return node;
}

bool eng_dispose_reuse(struct eng_graph *graph, const struct eng_closure *closure,
		       uint32_t bits, eng_id *ret_id)
{
	struct eng_node *node;
	struct eng_op op;

	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	node = spare_take(graph);
	if (!node) {
		eng_op_end(&op);
		return false;
	}
	*ret_id = eng_node_id(node);
	*closure_of(node) = *closure;
	node->bits = (node->bits & (ENG_DISTANCE | ENG_OPTIMIZE | ENG_UNTOLD)) | bits;
	eng_history_forget(node);
	eng_storm_forget(node);
	/* Of the last run: nothing, and no error. */
	node->output = 0;
	/* Who has read a cell of the task before, by the same reference, hears of what is there now. */
	eng_set_dirty(&op, node, ENG_DIRTY);
	if (graph->track_active)
		eng_active_make(node)->active.flags |= ENG_ACTIVE_ROOT;
	eng_schedule(&op, node, ENG_PRIORITY_INITIAL);
	eng_unlock(node);
	eng_op_end(&op);
	return true;
}
