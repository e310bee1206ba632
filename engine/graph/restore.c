/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * restore.c - tasks come back from what stands behind the graph.
 *
 * The slot of a task is claimed, so one thread restores it and others wait. The record is complete before it is
 * published. The map of tasks gets it after that: who looks for its key in between does not find it there, asks the
 * store, and has it by its number.
 *
 * A task that is lost, since its record is damaged, gets an empty record in its place: so edges lead somewhere.
 * It has no function, and can only fail. Nobody knows who has read it, or is immutable because it was, so everything
 * that there is is made dirty: what is computed again finds or makes another task in its place. What was summed up
 * along its edges is gone, too, and is summed up anew at a moment of quiet; until then a removal that does
 * not find its edge is no mistake (aggregate.c). All of that is an edit: strong reads wait for it from the moment at which
 * the loss was found. The empty record is saved, so that is done once.
 *
 * The number of a task may be damaged, and so not be found by its key: where something is there that leads to no task with that
 * key, that is a loss. Nobody can see it in what is not there. Then another task is made with that key, and of the two
 * the one that comes later, along an edge, is lost: there is never more than one to be told of a change.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/hash.h>
#include <pawl/park.h>
#include <pawl/rcu.h>

#include "backing.h"
#include "context.h"
#include "heal.h"
#include "run.h"
#include "wait.h"

struct pawl_digest eng_key_digest(uint32_t function, const void *args, size_t bytes)
{
	struct pawl_digest digest = pawl_digest_bytes(args, bytes);

	/* Numbers of functions are those of the store. */
	digest.high = pawl_hash_u64(digest.high, function);
	return digest;
}

/* As the thread: nobody else may use its slot of the operations meanwhile. */
static void wait_loaded(struct pawl_slots *table, eng_id id)
{
	struct pawl_waiter *before = pawl_waiter_set(NULL);

	while (pawl_slots_wait(table, id, PAWL_FOREVER))
		;
	(void)pawl_waiter_set(before);
}

/* Returns: it is this caller's to restore; false: it is there. */
static bool claim(struct pawl_slots *table, eng_id id)
{
	enum pawl_slot_state was;
	int error;

	/* Ends: who restores it waits for memory alone. */
	while ((error = pawl_slots_claim(table, id, &was)) && error != -EEXIST) {
		if (error == -EBUSY)
			wait_loaded(table, id);
		else
			eng_memory_wait();
	}
	return !error;
}

/* ---- losses ---------------------------------------------------------------------------------- */

int eng_lost_body(struct pawl_context *context)
{
	/* Who looks for it finds another one, later. */
	context->run->invalidator = true;
	return pawl_context_fail(context, "the task was lost: its record is damaged");
}

typedef void each_fn(struct eng_op *op, struct eng_node *node);

/* All records that are there, one after the other, with all that follows. */
static void each(struct eng_op *op, each_fn *fn)
{
	for (unsigned i = 0; i < 2; i++) {
		for (uint32_t id = 0;; id++) {
			struct eng_node *node;
			struct pawl_slot *slot;

			pawl_rcu_begin();
			slot = pawl_slots_next(op->graph->tables[i], &id, PAWL_SLOTS_ID_MAX);
			pawl_rcu_end();
			if (!slot)
				break;
			node = eng_lock_resident(op->graph, id | (i ? ENG_TRANSIENT : 0));
			if (!node)
				continue;
			fn(op, node);
			eng_unlock(node);
			eng_op_run(op);
		}
	}
}

/* Sums, and edges that are there for them alone; who waits looks again. */
static void forget_sums(struct eng_op *op, struct eng_node *node)
{
	static const enum eng_field fields[] = {
		ENG_STILL_CHILDREN,   ENG_FOLLOWERS,	    ENG_DIRTY_CONTAINERS,
		ENG_CLEAN_CONTAINERS, ENG_CONTAINER_COUNTS, ENG_AGGREGATED_COLLECTIBLES};
	union eng_slot *slot;

	(void)op;
	eng_modify(node, ENG_META);
	for (unsigned i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		eng_field_clear(node, fields[i]);
	pawl_cmap_fini(&node->uppers);
	eng_became_clean(node);
	slot = eng_field(node, ENG_ACTIVE);
	if (slot) {
		slot->active.referrers = 0;
		eng_active_trim(node);
	}
}

/* It has to run again, whatever it is. */
static void forget(struct eng_op *op, struct eng_node *node)
{
	struct eng_run_state *run = eng_run_of(node);

	forget_sums(op, node);
	if (eng_is_transient(eng_node_id(node)))
		return;
	eng_modify(node, ENG_DATA);
	node->bits &=
		~(ENG_IMMUTABLE | ENG_STILL | ENG_SESSION | ENG_SESSION_CLEAN | ENG_DIRTY);
	/* What its key leads to may be what is damaged. In the midst of a snapshot that may be forgotten: until the next loss. */
	if (eng_node_key(node)->function)
		node->bits |= ENG_NEW;
	/* What never ran is found where it is called; what is lost cannot run. */
	if (node->output && eng_node_key(node)->function)
		node->bits |= ENG_DIRTY;
	if (run && (run->untouched || pawl_load_relaxed(&run->running)))
		run->stale = true;
}

/* Who aggregates learns of what it calls, and of all that is below. */
static void sum_up(struct eng_op *op, struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_CHILDREN);

	if (slot && eng_aggregates(node))
		eng_queue_gained(&op->queue, eng_list_one(&op->queue, eng_node_id(node)),
				 eng_list_of_set(&op->queue, &slot->set));
}

/* What a run has called holds it (connect.c), unless it is a child already. */
static void hold(struct eng_op *op, struct eng_node *node)
{
	struct eng_run_state *run = eng_run_of(node);
	struct eng_list held;
	uint64_t cursor = 0;
	uint32_t n = 0, id;

	if (!run || !op->graph->track_active)
		return;
	held = eng_list_make(&op->queue, run->called.n_not_still);
	while (n < held.n && eng_called_next(&run->called, &cursor, &id)) {
		if (!eng_set_has(node, ENG_CHILDREN, id))
			held.ids[n++] = id;
	}
	held.n = n;
	eng_queue_tasks(&op->queue, ENG_JOB_ACTIVATE, held);
}

/* And a link of a ring whom it leads to (heal.c). */
static void hold_linked(struct eng_op *op)
{
	uint32_t cursor = 0;
	eng_id caller, callee;

	if (!op->graph->track_active)
		return;
	while (eng_link_next(op->graph, &cursor, &caller, &callee)) {
		if (callee)
			eng_queue_tasks(&op->queue, ENG_JOB_ACTIVATE,
					eng_list_one(&op->queue, callee));
	}
	eng_op_run(op);
}

static void note_suspended(void *arg, void *op)
{
	bool *any = arg;

	(void)op;
	*any = true;
}

/* At a moment of quiet, when no consequences of anything are under way: else it is made again. */
static void rebuild(void *arg)
{
	struct eng_graph *graph = arg;
	bool suspended = false;
	struct eng_op op;

	eng_quiesce_each_suspended(graph->quiesce, note_suspended, &suspended);
	if (suspended)
		return;
	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	each(&op, forget);
	each(&op, sum_up);
	each(&op, hold);
	hold_linked(&op);
	eng_op_end(&op);
	/* Release: who sees it sees all of this. */
	pawl_store_release(&graph->lost, 0u);
}

static int recover(void *arg, void **ret_value)
{
	struct eng_graph *graph = arg;

	(void)ret_value;
	eng_restore_all(graph);
	eng_edit_enter(graph);
	/* Ends: who is suspended goes on, and suspends itself no more. */
	while (pawl_load_relaxed(&graph->lost)) {
		if (eng_quiesce_run(graph->quiesce, rebuild, graph) ||
		    pawl_load_relaxed(&graph->lost))
			eng_memory_wait();
	}
	eng_edit_leave(graph);
	if (graph->backing->recovered)
		graph->backing->recovered(graph->backing->arg);
	return 0;
}

static void recover_over(void *arg)
{
	eng_busy_less(arg);
}

/* The first one: all is made dirty, beside whoever has found it, since that may be an operation. */
static void lost(struct eng_graph *graph)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	uint32_t none = 0;
	int error;

	if (!pawl_cas_acq_rel(&graph->lost, &none, 1u))
		return;
	options.name = "recover";
	options.free_arg = recover_over;
	eng_busy_more(graph);
	/* -EAGAIN: as many tasks as there may be. */
	while ((error = pawl_spawn(graph->group, &options, recover, graph, NULL)) == -ENOMEM ||
	       error == -EAGAIN)
		eng_memory_wait();
	/* The engine stops: nobody reads any more, and the next one finds the same. */
	if (error)
		eng_busy_less(graph);
}

void eng_restore_failed(struct eng_graph *graph, eng_id id)
{
	graph->backing->lost(graph->backing->arg, id);
	lost(graph);
}

/* ---- restoring -------------------------------------------------------------------------------- */

/* Returns: NULL: there is no such task. */
static struct eng_node *record_of(struct eng_graph *graph, eng_id id, bool must)
{
	const struct eng_backing *backing = graph->backing;
	struct eng_node *node = NULL;
	int error;

	while ((error = backing->restore(backing->arg, id, &node)) == -ENOMEM)
		eng_memory_wait();
	if (!error && !eng_cache_has(graph, node))
		return node;
	if (error == -ENOENT && !must)
		return NULL;
	if (!error)
		eng_node_free(graph, node);
	while (!(node = eng_node_make(graph, 0)))
		eng_memory_wait();
	eng_restore_failed(graph, id);
	return node;
}

void eng_restore(struct eng_graph *graph, eng_id id, bool must)
{
	struct pawl_slots *table = graph->tables[0];
	struct eng_node *node;

	if (!eng_is_stored(graph->backing, id) || !claim(table, id))
		return;
	node = record_of(graph, id, must);
	if (!node) {
		pawl_slots_abandon(table, id, PAWL_SLOT_EMPTY);
		return;
	}
	if (graph->marks)
		node->slot.generation = graph->marks->number;
	/* Whoever has it may drop it, but nobody does: what is stored is not collected yet. */
	pawl_slots_publish(table, id, &node->slot, 0);
	if (eng_node_key(node)->function && !eng_cache_put(graph, node))
		lost(graph);
}

void eng_restore_all(struct eng_graph *graph)
{
	for (eng_id id = 1; eng_is_stored(graph->backing, id); id++)
		eng_restore(graph, id, false);
}
