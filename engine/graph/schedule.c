/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * schedule.c - runs: made, given to the runtime, and in which order.
 *
 * Priorities: tasks that never ran come after those that were invalidated, and of these the ones
 * near the leaves come first; a run that brings back a cell of a clean task comes before all, since somebody
 * waits for it. Nothing that a run caused comes before it.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/thread.h>
#include <pawl/mem.h>

#include "error.h"
#include "graph.h"
#include "local.h"
#include "pool.h"
#include "run.h"

#include "../runtime/task.h"
#include "../runtime/worker.h"

void eng_run_pin(struct eng_run_state *run)
{
	pawl_add_relaxed(&run->owners, 1u);
}

void eng_run_unpin(struct eng_run_state *run)
{
	if (pawl_sub_acq_rel(&run->owners, 1u) != 1)
		return;
	if (run->task.pawl_id)
		(void)pawl_task_drop(run->graph->rt, run->task);
	eng_locals_free(run->locals);
	eng_called_fini(&run->called);
	if (run->graph->evicts)
		(void)pawl_slots_unpin(run->graph->tables[eng_is_transient(run->id)],
				       &run->node->slot);
	eng_error_unpin(pawl_load_relaxed(&run->failure));
	if (run->counters != &run->first)
		pawl_mem_free(run->counters, run->counters_capacity * sizeof(*run->counters),
			      0);
	eng_pool_free(run->graph->pool, run, sizeof(*run));
}

void eng_busy_more(struct eng_graph *graph)
{
	if (!pawl_add_relaxed(&graph->busy, 1u) && graph->observer)
		graph->observer->edge(graph->observer, true);
}

/* It is dirty, or it brings back what was there before: that is no change. Moves fields. */
PAWL_NOINLINE static bool is_in_storm(struct eng_graph *graph, struct eng_node *node)
{
	if (node->output && eng_needs_run(node))
		eng_storm_count(graph, node);
	return eng_storm_is_over(graph, node);
}

static struct eng_run_state *run_make(struct eng_graph *graph, struct eng_node *node)
{
	struct eng_run_state *run;

	while (!(run = eng_pool_alloc(graph->pool, sizeof(*run))))
		eng_memory_wait();
	memset(run, 0, offsetof(struct eng_run_state, tail));
	run->locals = NULL;
	pawl_init_word(&run->owners, 2u); /* the record's, and the runtime's task's */
	pawl_init_word(&run->over, 0u);
	pawl_init_word(&run->writes, 0u);
	pawl_init_word(&run->refused, 0u);
	pawl_init_word(&run->reading, 0u);
	pawl_init_word(&run->finished, 0u);
	pawl_init_word(&run->failure, NULL);
	pawl_event_init(&run->changed);
	run->graph = graph;
	run->node = node;
	run->id = eng_node_id(node);
	/* Jobs of it may be left over when it has ended, and look at its record. */
	if (graph->evicts)
		PAWL_REQUIRE(pawl_slot_try_pin(&node->slot) && "it is locked, and there");
	run->apart = node->bits & ENG_GOES_ON;
	run->counters = &run->first;
	run->counters_capacity = 1;
	pawl_init_word(&run->running, 0u);
	run->storm =
		PAWL_UNLIKELY(eng_storm_suspects(&graph->storms)) && is_in_storm(graph, node);
	run->untouched = !node->output && !node->tail && !run->graph->histories;
	eng_tail_lend(node, (struct eng_tail *)(void *)run->tail, ENG_RUN_FIELDS, graph->pool);
	eng_field_make(node, ENG_RUN)->pointer = run;
	eng_busy_more(graph);
	return run;
}

static uint32_t priority_invalidated(uint32_t distance)
{
	return distance >= ENG_PRIORITY_LEAF ? 1 : ENG_PRIORITY_LEAF - distance;
}

uint32_t eng_priority_of(const struct eng_node *node, uint32_t parent)
{
	uint32_t own = priority_invalidated(eng_leaf_of(node).distance);

	if (!node->output)
		return parent;
	/* Never ahead of what caused it. */
	if (parent != ENG_PRIORITY_INITIAL && parent < ENG_PRIORITY_AGAIN && own > parent)
		return parent > 1 ? parent - 1 : 1;
	return own;
}

static bool busy_less(struct eng_graph *graph)
{
	if (pawl_sub_acq_rel(&graph->busy, 1u) != 1)
		return false;
	if (graph->observer)
		graph->observer->edge(graph->observer, false);
	pawl_event_notify_all(&graph->idle);
	return true;
}

void eng_schedule(struct eng_op *op, struct eng_node *node, uint32_t parent_priority)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct eng_graph *graph = op->graph;
	struct eng_run_state *run;
	int error;

	if (eng_run_of(node) || node->bits & ENG_CANCELED)
		return;
	run = run_make(graph, node);
	run->priority = eng_priority_of(node, parent_priority);
	options.name = eng_node_name(graph, node);
	options.free_arg = eng_run_forget;
	if (node->output)
		options.leaf_distance = eng_leaf_of(node).distance;
	/* -EAGAIN: as many tasks as there may be. Others end, and room is made. */
	/* Relaxed: for this thread alone. */
	pawl_store_relaxed(&run->spawner, pawl_thread_slot() + 1);
	while ((error = pawl_spawn(graph->group, &options, eng_run_body, run, &run->task)) ==
		       -ENOMEM ||
	       error == -EAGAIN)
		eng_memory_wait();
	pawl_store_relaxed(&run->spawner, 0u);
	if (!error && !run->stillborn)
		return;
	/* The engine stops; it was cancelled before it was there, by whoever stopped its group meanwhile. */
	PAWL_REQUIRE(!error || error == -ESHUTDOWN);
	eng_run_cancel(op, node);
	eng_run_unpin(run);
	(void)busy_less(graph);
}

/* ---- runs that are for nothing --------------------------------------------------------- */

/*
 * A run that has begun is a body of the runtime that runs: cancelling it leaves a mark there and wakes it, and
 * nothing else follows, so it may be done with the record locked. The end finds that the run is stale, as it
 * would have without that; whatever the body made of being cancelled does not count.
 */
void eng_abandon(struct eng_graph *graph, struct eng_run_state *run)
{
	struct eng_task *task;

	if (!graph->abandon || !pawl_load_relaxed(&run->running) ||
	    eng_task_handle(graph->rt->tasks, run->task.pawl_id, &task))
		return;
	(void)!eng_task_stop(task, run->task.pawl_id, ENG_TASK_CANCEL);
}

/*
 * What it is in the middle of would be found as it was: dirty, or without an output. A body that is over has nothing to
 * save any more; one that brings back a cell of a task that is up to date has somebody who waits for that. So this is
 * mostly a first run: a task that was dirty when it became active stays so until it is clean (ENG_ACTIVE_UNTIL_CLEAN),
 * since who is above it may have found it by its dirt.
 */
void eng_abandon_unwanted(struct eng_op *op, struct eng_node *node)
{
	struct eng_run_state *run = eng_run_of(node);

	if (!run || run->stale || run->planned || eng_is_finished(run) ||
	    node->bits & (ENG_ONCE | ENG_IMMUTABLE) || !eng_node_key(node)->function ||
	    !pawl_load_relaxed(&run->running))
		return;
	if (!node->output && !eng_needs_run(node))
		eng_make_dirty(op, node, false);
	if (!eng_needs_run(node))
		return;
	run->stale = run->unwanted = true;
	eng_abandon(op->graph, run);
}

void eng_busy_less(struct eng_graph *graph)
{
	if (!busy_less(graph))
		return;
	if (graph->observer)
		graph->observer->settled(graph->observer);
	eng_reclaim_poke(graph);
}
