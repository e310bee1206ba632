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
#include <pawl/mem.h>

#include "graph.h"
#include "local.h"
#include "pool.h"
#include "run.h"

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
	pawl_event_init(&run->changed);
	run->graph = graph;
	run->node = node;
	run->id = eng_node_id(node);
	run->apart = node->bits & ENG_GOES_ON;
	run->counters = &run->first;
	run->counters_capacity = 1;
	pawl_init_word(&run->running, 0u);
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
	while ((error = pawl_spawn(graph->group, &options, eng_run_body, run, &run->task)) ==
		       -ENOMEM ||
	       error == -EAGAIN)
		eng_memory_wait();
	if (!error)
		return;
	/* The engine stops. */
	PAWL_REQUIRE(error == -ESHUTDOWN);
	eng_run_cancel(op, node);
	eng_run_unpin(run);
	(void)busy_less(graph);
}

void eng_busy_less(struct eng_graph *graph)
{
	if (busy_less(graph) && graph->observer)
		graph->observer->settled(graph->observer);
}
