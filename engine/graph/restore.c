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
#include <pawl/ids.h>
#include <pawl/park.h>
#include <pawl/rcu.h>

#include "backing.h"
#include "context.h"
#include "evict.h"
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

void eng_restore_wait(struct eng_graph *graph, eng_id id)
{
	wait_loaded(graph->tables[0], id);
}

/* Returns: it is this caller's to restore; false: it is there. */
static bool claim(struct pawl_slots *table, eng_id id, enum pawl_slot_state *ret_was)
{
	int error;

	/* Ends: who restores it waits for memory alone. */
	while ((error = pawl_slots_claim(table, id, ret_was)) && error != -EEXIST) {
		if (error == -EBUSY)
			wait_loaded(table, id);
		else
			eng_memory_wait();
	}
	return !error;
}

/* ---- losses ---------------------------------------------------------------------------------- */

bool eng_is_lost(const struct eng_node *node, eng_id id)
{
	/* A transient one without a key is a root. */
	return !eng_is_transient(id) && !eng_node_key(node)->function;
}

int eng_lost_fail(struct pawl_context *context)
{
	return pawl_context_fail(context, "the task was lost: its record is damaged");
}

int eng_lost_body(struct pawl_context *context)
{
	/* Who looks for it finds another one, later. */
	context->run->invalidator = true;
	return eng_lost_fail(context);
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
	bool has_to_run = node->output || eng_needs_run(node);

	forget_sums(op, node);
	eng_parents_forget(node);
	if (eng_is_transient(eng_node_id(node)))
		return;
	eng_modify(node, ENG_DATA);
	node->bits &=
		~(ENG_IMMUTABLE | ENG_STILL | ENG_SESSION | ENG_SESSION_CLEAN | ENG_DIRTY);
	/* What its key leads to may be what is damaged. */
	if (eng_node_key(node)->function)
		node->bits |= ENG_NEW;
	/*
	 * What never ran is dirty if it is somebody's child (finish.c), which it stays; else it is found where it is
	 * called. What is lost cannot run.
	 */
	if (has_to_run && eng_node_key(node)->function)
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

/* Where nobody is asked whether it is wanted. What is lost cannot run. */
static void run_dirty(struct eng_op *op, struct eng_node *node)
{
	if (eng_needs_run(node) &&
	    (eng_is_transient(eng_node_id(node)) || eng_node_key(node)->function))
		eng_queue_find(&op->queue, eng_node_id(node));
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
	pawl_add_relaxed(&graph->recoveries, 1u);
	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	each(&op, forget);
	each(&op, sum_up);
	each(&op, hold);
	hold_linked(&op);
	if (!graph->track_active)
		each(&op, run_dirty);
	eng_op_end(&op);
	/* Relaxed: all of this stands in records (read.c, O1). */
	pawl_store_relaxed(&graph->lost, 0u);
}

static int recover(void *arg, void **ret_value)
{
	struct eng_graph *graph = arg;

	(void)ret_value;
	/* All that there is stays there until that is done: it is looked at at one moment. */
	eng_evict_pause(graph);
	eng_restore_all(graph);
	eng_edit_enter(graph);
	/* Ends: who is suspended goes on, and suspends itself no more. */
	while (pawl_load_relaxed(&graph->lost)) {
		if (eng_quiesce_run(graph->quiesce, rebuild, graph) ||
		    pawl_load_relaxed(&graph->lost))
			eng_memory_wait();
	}
	eng_edit_leave(graph);
	eng_evict_resume(graph);
	if (graph->backing->recovered)
		graph->backing->recovered(graph->backing->arg);
	return 0;
}

static void recover_over(void *arg)
{
	eng_busy_less(arg);
}

/* Strong reads wait from now on. Returns: it is the first one: recover_begin() is this caller's to call. */
static bool note_lost(struct eng_graph *graph)
{
	uint32_t none = 0;

	return pawl_cas_acq_rel(&graph->lost, &none, 1u);
}

/* All is made dirty, beside whoever has found it, since that may be an operation. No claim held: tasks may have to end. */
static void recover_begin(struct eng_graph *graph)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	int error;

	options.name = "recover";
	options.free_arg = recover_over;
	eng_busy_more(graph);
	/* -EAGAIN: as many tasks as there may be. */
	while ((error = pawl_spawn(graph->group, &options, recover, graph, NULL)) == -ENOMEM ||
	       error == -EAGAIN)
		eng_memory_wait();
	/* The engine stops: who reads strongly is told to end (eng_edit_wait()), and the next one finds the same. */
	if (error)
		eng_busy_less(graph);
}

void eng_restore_twice(struct eng_graph *graph)
{
	if (note_lost(graph))
		recover_begin(graph);
}

void eng_restore_failed(struct eng_graph *graph, eng_id id)
{
	graph->backing->lost(graph->backing->arg, id);
	eng_restore_twice(graph);
}

/* ---- restoring -------------------------------------------------------------------------------- */

/* Returns: NULL: there is no such task. ret_lost: an empty one, of the first that is lost. */
static struct eng_node *record_of(struct eng_graph *graph, eng_id id, bool must, bool *ret_lost)
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
	/* Before anybody can see it. */
	backing->lost(backing->arg, id);
	*ret_lost = note_lost(graph);
	return node;
}

bool eng_restore_put(struct eng_graph *graph, eng_id id, struct eng_node *node,
		     enum pawl_slot_state was)
{
	struct pawl_slots *table = graph->tables[0];
	bool twice;

	if (was == PAWL_SLOT_EVICTED) {
		eng_evict_rejoin(graph, id, eng_node_key(node)->function ? node : NULL);
		pawl_add_relaxed(&graph->evict->back, 1u);
	}
	if (graph->marks)
		eng_word_set(node, graph->marks->number);
	/* Relaxed: after a loss all that there is was brought back, and what has left since comes back EVICTED. */
	if (was == PAWL_SLOT_EVICTED || !graph->marks ||
	    pawl_load_relaxed(&graph->recoveries) || pawl_load_relaxed(&graph->lost))
		eng_parents_forget(node);
	else
		eng_parents_set(node, ENG_PARENTS_SAME);
	/* The hand passes it by once, and who waited for it finds it. */
	node->bits |= graph->evict ? ENG_USED : 0;
	/*
	 * It is not collected meanwhile: for that it is called, or looked for by who knows it. Pinned until it is in the map: else
	 * it could leave before, and be in the map after that.
	 */
	pawl_slots_publish(table, id, &node->slot, 1);
	twice = eng_node_key(node)->function && !eng_cache_put(graph, node);
	(void)pawl_slots_unpin(table, &node->slot);
	return twice;
}

bool eng_restore(struct eng_graph *graph, eng_id id, bool must)
{
	struct pawl_slots *table = graph->tables[0];
	enum pawl_slot_state was;
	struct eng_node *node;
	bool is_lost = false;

	if (!eng_is_stored(graph, id))
		return pawl_slots_state(graph->tables[eng_is_transient(id)],
					id & ~ENG_TRANSIENT) == PAWL_SLOT_LIVE;
	if (!claim(table, id, &was))
		return true;
	/* It was loading, and was none; or the store is not told yet that it went (reclaim.c). */
	if (was == PAWL_SLOT_EMPTY &&
	    (id >= graph->backing->limit || eng_gone_has(graph, id))) {
		pawl_slots_abandon(table, id, PAWL_SLOT_EMPTY);
		return false;
	}
	/* What has left is there: it is lost if it is not. */
	node = record_of(graph, id, must || was == PAWL_SLOT_EVICTED, &is_lost);
	if (!node) {
		pawl_slots_abandon(table, id, PAWL_SLOT_EMPTY);
		return false;
	}
	if (eng_restore_put(graph, id, node, was))
		eng_restore_twice(graph);
	if (is_lost)
		recover_begin(graph);
	return true;
}

void eng_restore_all(struct eng_graph *graph)
{
	eng_id end = graph->evicts ? (eng_id)pawl_ids_next(graph->ids[0]) : 0;
	struct eng_many many;

	if (graph->backing && graph->backing->limit > end)
		end = graph->backing->limit;

	for (eng_id from = 1, id = 1; from < end; from = id) {
		eng_many_begin(&many, graph);
		for (; id - from < ENG_TOGETHER; id++)
			eng_many_add(&many, id);
		eng_many_end(&many);
		/* What is left: loaded by others, damaged, or not there at all. */
		for (; from < id; from++)
			(void)eng_restore(graph, from, false);
	}
}

/* ---- all that is dirty ----------------------------------------------------------------------- */

static int wake(void *arg, void **ret_value)
{
	struct eng_graph *graph = arg;

	(void)ret_value;
	eng_restore_all(graph);
	/* One by one: nobody who wants a moment of quiet waits for all. Relaxed: those that stop do not run. */
	for (eng_id id = 1; id < graph->backing->limit && !pawl_load_relaxed(&graph->stopping);
	     id++) {
		struct eng_node *node;
		struct eng_op op;

		eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
		node = eng_lock_resident(graph, id);
		if (node) {
			run_dirty(&op, node);
			eng_unlock(node);
		}
		eng_op_end(&op);
	}
	return 0;
}

int eng_restore_wake(struct eng_graph *graph)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	int error;

	if (graph->track_active || !eng_has_stored(graph))
		return 0;
	options.name = "what is dirty";
	options.free_arg = recover_over;
	eng_busy_more(graph);
	error = pawl_spawn(graph->group, &options, wake, graph, NULL);
	if (error)
		eng_busy_less(graph);
	return error;
}
