/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph.c - the graph as a whole: made, stopped, freed; contexts of its tasks.
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/group.h>
#include <pawl/ids.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/retire.h>

#include "../runtime/worker.h"
#include "backing.h"
#include "context.h"
#include "evict.h"
#include "pool.h"
#include "profile.h"
#include "registry.h"

const char *eng_node_name(const struct eng_graph *graph, const struct eng_node *node)
{
	const struct eng_key *key = eng_node_key(node);

	if (key->function)
		return eng_function(graph->registry, key->function)->name;
	if (!eng_is_transient(eng_node_id(node)))
		return "lost";
	return node->bits & ENG_ONCE ? "once" : "root";
}

/* ---- contexts ---------------------------------------------------------------------------- */

void eng_context_fini(struct pawl_context *context)
{
	if (PAWL_UNLIKELY(context->held != NULL))
		eng_visit_over(context);
	eng_error_unpin(context->failure);
	eng_error_unpin(context->last);
	context->failure = context->last = NULL;
}

int eng_context_error(struct pawl_context *context, struct pawl_error *error,
		      const struct pawl_error **ret_error)
{
	eng_error_unpin(context->last);
	context->last = error;
	if (ret_error)
		*ret_error = error;
	return -PAWL_ETASK;
}

/* NULL: what is lost has no function, and in the next process an error of it could name none. */
static const char *own_name(const struct pawl_context *context)
{
	struct eng_node *node;
	const char *name;

	if (!context->run)
		return NULL;
	node = eng_lock(context->graph, context->id);
	name = eng_node_key(node)->function || eng_is_transient(context->id)
		       ? eng_node_name(context->graph, node)
		       : NULL;
	eng_unlock(node);
	return name;
}

int pawl_context_fail(struct pawl_context *context, const char *format, ...)
{
	struct pawl_error *cause = context->last;
	va_list args;

	/* What it fails with already, where nothing was read since: more words about that. */
	if (cause)
		eng_error_unpin(context->failure);
	else
		cause = context->failure;
	context->last = NULL;
	va_start(args, format);
	context->failure = eng_error_make(context->id, own_name(context), cause, format, args);
	context->failure->since_ns = eng_now(context->graph->rt);
	va_end(args);
	return -PAWL_ETASK;
}

/* Did it fail for want of something that may be there the next time? Or because of what did. */
static struct pawl_error *failure_of_moment(struct eng_graph *graph, struct pawl_error *failure,
					    int error)
{
	if (error == -ENOMEM || error == -EAGAIN || (failure->cause && failure->cause->moment))
		failure->moment = pawl_add_relaxed(&graph->moments, UINT64_C(1)) + 1;
	return failure;
}

struct pawl_error *eng_failure(struct pawl_context *context, int error)
{
	struct pawl_error *failure = context->failure, *cause;

	if (error == -PAWL_ETASK && failure) {
		context->failure = NULL;
		return failure_of_moment(context->graph, failure, error);
	}
	cause = error == -PAWL_ETASK ? context->last : NULL;
	if (cause)
		context->last = NULL;
	/* One error for all tasks of a ring: else each would find that another's has changed. */
	if (cause && cause->ring)
		return cause;
	if (cause)
		failure = eng_error_printf(context->id, own_name(context), cause, "%s", "");
	else if (error == -ESTALE && context->stale)
		failure = eng_error_printf(context->id, own_name(context), NULL,
					   "error %d: task %s%u was collected", -error,
					   eng_is_transient(context->stale) ? "t" : "",
					   context->stale & ~ENG_TRANSIENT);
	else
		failure = eng_error_printf(context->id, own_name(context), NULL, "error %d",
					   -error);
	failure->since_ns = eng_now(context->graph->rt);
	return failure_of_moment(context->graph, failure, error);
}

void eng_output_free(uint64_t error)
{
	eng_error_unpin((struct pawl_error *)(uintptr_t)error);
}

void pawl_mark_session_dependent(struct pawl_context *context)
{
	struct eng_node *node;
	struct eng_op op;

	if (!context->run || !context->graph->track_dependencies || context->twice)
		return;
	eng_op_begin(&op, context->graph, context->priority);
	node = eng_lock(context->graph, context->id);
	if (eng_run_of(node) == context->run)
		context->run->session_dependent = true;
	eng_unlock(node);
	/* A high number keeps the chains above it short. */
	eng_queue_number(&op.queue, context->id, ENG_NUMBER_SESSION, 0);
	eng_op_end(&op);
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static bool node_retire(struct pawl_slot *slot, void *arg)
{
	struct eng_node *node = PAWL_CONTAINER_OF(slot, struct eng_node, slot);

	return eng_node_retire(arg, node);
}

static int tables_make(struct eng_graph *graph, const struct eng_kept *kept)
{
	struct pawl_slots_options slots = PAWL_SLOTS_OPTIONS_INIT;
	struct pawl_ids_options ids = PAWL_IDS_OPTIONS_INIT;
	struct pawl_rmap_options map = PAWL_RMAP_OPTIONS(eng_cache_match, eng_cache_hash);
	int error = 0;

	slots.retire = node_retire;
	slots.arg = graph;
	ids.policy = PAWL_IDS_DURABLE;
	for (unsigned i = 0; i < 2 && !error; i++) {
		ids.next = kept && !i ? kept->next : 0;
		ids.stored = kept && kept->marks && !i;
		error = pawl_slots_create(&slots, &graph->tables[i]);
		if (!error)
			error = pawl_ids_create(&ids, &graph->ids[i]);
	}
	return error ? error : pawl_rmap_create(&map, &graph->cache);
}

static void tables_free(struct eng_graph *graph)
{
	for (unsigned i = 0; i < 2; i++) {
		uint32_t id = 0;

		for (; graph->tables[i]; id++) {
			struct pawl_slot *slot;

			pawl_rcu_begin();
			slot = pawl_slots_next(graph->tables[i], &id, PAWL_SLOTS_ID_MAX);
			pawl_rcu_end();
			if (!slot)
				break;
			pawl_lock_lock(&slot->lock);
			(void)pawl_slots_drop(graph->tables[i], slot);
		}
		if (graph->tables[i])
			pawl_slots_destroy(graph->tables[i]);
		if (graph->ids[i])
			pawl_ids_destroy(graph->ids[i]);
	}
	if (graph->cache)
		pawl_rmap_destroy(graph->cache);
}

/* Where somebody comes to no point for long others wait at the door for so long, at most. */
#define SHUT_NS 500000u

/* Of a task that has left, about: for the size of the filter of keys. */
#define RECORD_BYTES 256u

static int quiesce_make(struct eng_graph *graph)
{
	struct eng_quiesce_options options = ENG_QUIESCE_OPTIONS_INIT;

	if (graph->marks)
		options.shut_ns = SHUT_NS;
	/* For tests of what is done where the kernel refuses it. */
	options.fenced = getenv("PAWL_NO_MEMBARRIER");
	return eng_quiesce_create(&options, &graph->quiesce);
}

int eng_graph_create_kept(struct pawl_runtime *rt, struct pawl_group *group,
			  const struct pawl_engine_options *options,
			  const struct eng_kept *kept, struct eng_graph **ret_graph)
{
	struct eng_graph *graph = pawl_mem_zalloc(sizeof(*graph), PAWL_LINE_BYTES);
	int error = 0;

	if (!graph)
		return -ENOMEM;
	graph->rt = rt;
	graph->spread_more_than = ENG_SPREAD_MORE_THAN;
	graph->spread_part = ENG_SPREAD_PART;
	graph->group = group;
	graph->track_dependencies = options->track_dependencies;
	graph->track_active = options->track_active && options->track_dependencies;
	graph->histories = options->histories;
	graph->abandon = options->abandon;
	pawl_event_init(&graph->idle);
	pawl_event_init(&graph->edited);
	pawl_init_word(&graph->hidden, 0u);
	pawl_init_word(&graph->settled, 0u);
	pawl_lock_init(&graph->spare_lock, PAWL_LOCK_RANK_NONE);
	pawl_lock_init(&graph->links.lock, PAWL_LOCK_RANK_NONE);
	pawl_init_word(&graph->links.n, 0u);
	pawl_init_word(&graph->moments, UINT64_C(0));
	graph->collects = options->collect && graph->track_active;
	eng_reclaim_init(&graph->reclaim, options->collect_after_ns);
	eng_storms_init(&graph->storms, options->storm_runs);
	if (kept) {
		graph->backing = kept->backing;
		graph->marks = kept->marks;
	}
	if (options->memory_bytes)
		error = eng_evict_create(options->memory_bytes / RECORD_BYTES, &graph->evict);
	graph->evicts = graph->evict && graph->marks;
	if (!error)
		error = eng_registry_create(options, kept ? kept->numbering : NULL,
					    &graph->registry);
	if (!error && options->function_stats)
		error = eng_profile_create(kept ? kept->numbering->largest[ENG_FUNCTIONS]
						: options->functions_n,
					   &graph->profile);
	if (!error)
		error = eng_checks_create(options, graph->registry, &graph->checks);
	if (!error)
		error = eng_pool_create(&graph->pool);
	if (!error && graph->evict)
		eng_pool_set_apart(graph->pool);
	if (!error)
		error = tables_make(graph, kept);
	if (!error)
		error = quiesce_make(graph);
	if (error) {
		eng_graph_destroy(graph);
		return error;
	}
	*ret_graph = graph;
	return 0;
}

void eng_graph_destroy(struct eng_graph *graph)
{
	if (!graph)
		return;
	tables_free(graph);
	pawl_retire_barrier();
	eng_links_free(&graph->links);
	eng_evict_destroy(graph->evict);
	eng_reclaim_fini(&graph->reclaim);
	eng_storms_fini(&graph->storms);
	eng_checks_free(graph->checks);
	eng_pool_unpin(graph->pool);
	eng_profile_destroy(graph->profile);
	eng_registry_destroy(graph->registry);
	eng_quiesce_destroy(graph->quiesce);
	pawl_mem_free(graph, sizeof(*graph), PAWL_LINE_BYTES);
}
