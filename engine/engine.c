/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.c - engines: the public calls that are not a task's own, thin.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/engine.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/mem.h>
#include <pawl/park.h>

#include "check.h"
#include "engine.h"
#include "graph/context.h"
#include "graph/profile.h"
#include "graph/registry.h"
#include "graph/twice.h"
#include "hang.h"
#include "memory.h"
#include "persist/persist.h"
#include "runtime/worker.h"
#include "slow.h"

#define CLOSE_GRACE_NS 10000000000u

static void engine_free(struct pawl_engine *engine)
{
	eng_notices_close(engine->notices);
	eng_stretch_fini(&engine->stretch);
	eng_memory_close(engine->memory);
	eng_persist_close(engine->persist);
	if (engine->group)
		pawl_group_put(engine->group);
	if (engine->own_runtime) {
		(void)pawl_runtime_shutdown(engine->rt, CLOSE_GRACE_NS, NULL);
		(void)pawl_runtime_destroy(engine->rt);
	}
	pawl_mem_free(engine, sizeof(*engine), 0);
}

static int runtime_make(struct pawl_engine *engine, const struct pawl_engine_options *options)
{
	struct pawl_runtime_options runtime = PAWL_RUNTIME_OPTIONS_INIT;
	int error;

	engine->rt = options->runtime;
	if (engine->rt)
		return 0;
	runtime.workers = options->workers;
	error = pawl_runtime_create(&runtime, &engine->rt);
	engine->own_runtime = !error;
	return error;
}

/* The graph, and the store behind it. */
static int kept_make(struct pawl_engine *engine, const struct pawl_engine_options *options)
{
	int error = 0;

	if (options->store)
		error = eng_persist_open(options, &engine->persist);
	if (!error)
		error = eng_graph_create_kept(engine->rt, engine->group, options,
					      engine->persist ? &engine->persist->kept : NULL,
					      &engine->graph);
	if (!error && engine->persist)
		engine->persist->graph = engine->graph;
	if (!error)
		error = eng_memory_open(engine, options->memory_bytes, &engine->memory);
	return error;
}

static int parts_make(struct pawl_engine *engine, const struct pawl_engine_options *options)
{
	struct pawl_group_options group = PAWL_GROUP_OPTIONS_INIT;
	int error = runtime_make(engine, options);

	group.name = "engine";
	if (!error)
		error = eng_notices_create(engine->rt, options, &engine->notices);
	if (!error)
		error = pawl_group_create(pawl_runtime_root(engine->rt), &group,
					  &engine->group);
	if (!error)
		error = kept_make(engine, options);
	if (error)
		return error;
	eng_observe(engine, options);
	engine->verify = options->verify;
	if (options->hang_ns)
		error = eng_hangs_start(engine, options->hang_ns);
	if (error)
		return error;
	/* A host closes its engine without stepping what sleeps on its worker. */
	if (engine->rt->options.host)
		return 0;
	if (options->slow_ns)
		error = eng_slow_start(engine);
	if (!error && options->verify == PAWL_VERIFY_IDLE)
		error = eng_check_start(engine, options->verify_idle_ns);
	return error;
}

int pawl_engine_open(const struct pawl_engine_options *options, struct pawl_engine **ret_engine)
{
	struct pawl_engine_options read;
	struct pawl_engine *engine;
	int error = eng_options_read(options, &read);

	if (error)
		return error;
	engine = pawl_mem_zalloc(sizeof(*engine), 0);
	if (!engine)
		return -ENOMEM;
	eng_stretch_init(&engine->stretch);
	error = parts_make(engine, &read);
	if (error) {
		/* What was begun ends by itself. */
		if (engine->group) {
			pawl_group_cancel(engine->group);
			(void)eng_lifetime_wait(&engine->group->life, PAWL_FOREVER, "open", 0);
		}
		eng_hangs_stop(engine);
		eng_hangs_free(engine);
		eng_graph_destroy(engine->graph);
		engine_free(engine);
		return error;
	}
	if (engine->persist)
		engine->persist->notices = engine->notices;
	if (engine->persist)
		error = eng_persist_start(engine->persist, engine->rt, engine->group);
	if (!error && engine->memory)
		error = eng_memory_start(engine->memory);
	if (error) {
		(void)pawl_engine_close(engine);
		return error;
	}
	*ret_engine = engine;
	return 0;
}

/* Returns: false: something lives there still. */
static bool has_ended(struct pawl_engine *engine)
{
	/* In real time, where nobody else tells a thread of a time of the program's own. */
	if (engine->rt->options.now && !eng_run_here())
		return eng_lifetime_wait(&engine->group->life, pawl_deadline_in(CLOSE_GRACE_NS),
					 "close", 0);
	return !pawl_group_wait(engine->group, pawl_runtime_now(engine->rt) + CLOSE_GRACE_NS);
}

int pawl_engine_snapshot(struct pawl_engine *engine, uint64_t *ret_tasks)
{
	uint64_t tasks = 0;
	int error = -EROFS;

	if (engine->persist) {
		pawl_store_relaxed(&engine->persist->reason, (uint32_t)PAWL_SNAPSHOT_ASKED);
		error = eng_persist_snapshot(engine->persist, &tasks);
	}
	if (ret_tasks)
		*ret_tasks = tasks;
	return error;
}

int pawl_engine_store_stats_read(struct pawl_engine *engine,
				 struct pawl_engine_store_stats *ret_stats)
{
	if (!engine->persist)
		return -ENOTSUP;
	eng_persist_stats(engine->persist, ret_stats);
	return 0;
}

int pawl_engine_sync_read(struct pawl_engine *engine, struct pawl_engine_sync *ret_sync)
{
	if (!engine->persist)
		return -ENOTSUP;
	*ret_sync = engine->persist->sync;
	return 0;
}

/* What cannot be saved now is computed again. */
static void save_last(struct eng_persist *persist)
{
	uint64_t tasks;
	int error;

	if (!persist || !persist->saves || !persist->at_stop)
		return;
	pawl_store_relaxed(&persist->reason, (uint32_t)PAWL_SNAPSHOT_STOP);
	error = eng_persist_snapshot(persist, &tasks);
	if (error)
		eng_tell_unsaved(persist, error);
}

int pawl_engine_close(struct pawl_engine *engine)
{
	if (!engine)
		return 0;
	/* What is stopped half-way leaves edges that its next run takes away. */
	if (engine->verify == PAWL_VERIFY_CLOSE || engine->verify == PAWL_VERIFY_IDLE)
		eng_check(engine);
	eng_sweep_last(engine->persist);
	/* Relaxed: who does not see it is stopped with the group. */
	pawl_store_relaxed(&engine->graph->stopping, 1u);
	pawl_group_cancel(engine->group);
	if (!has_ended(engine)) {
		pawl_group_force(engine->group);
		if (!has_ended(engine)) {
			eng_notice(engine->notices, PAWL_SEVERITY_ERROR, "engine.stuck", NULL,
				   "a task does not end, so the engine is not closed");
			return -EBUSY;
		}
	}
	eng_hangs_stop(engine);
	save_last(engine->persist);
	eng_hangs_free(engine);
	eng_graph_destroy(engine->graph);
	engine_free(engine);
	return 0;
}

struct pawl_runtime *pawl_engine_runtime(struct pawl_engine *engine)
{
	return engine->rt;
}

/* ---- visits ----------------------------------------------------------------------------- */

struct visit {
	struct eng_graph *graph;
	pawl_visit_fn *fn;
	void *arg;
	int result;
	struct pawl_context context;
};

/* It did not return: it was forced to end, or has called pawl_exit(). */
static void visit_unwound(void *arg)
{
	struct visit *visit = arg;

	if (!eng_exit_forced())
		visit->result = eng_exit_take(&visit->context);
	eng_context_fini(&visit->context);
}

static int visit_body(void *arg, void **ret_value)
{
	struct visit *visit = arg;
	struct pawl_cleanup cleanup;

	(void)ret_value;
	visit->context = (struct pawl_context){.graph = visit->graph};
	pawl_cleanup_push(&cleanup, visit_unwound, visit);
	visit->result = visit->fn(&visit->context, visit->arg);
	pawl_cleanup_pop(&cleanup, false);
	eng_context_fini(&visit->context);
	return 0;
}

int pawl_engine_run(struct pawl_engine *engine, pawl_visit_fn *fn, void *arg)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct visit visit = {
		.graph = engine->graph, .fn = fn, .arg = arg, .result = -ECANCELED};
	struct eng_thread_wait wait = {.listed = false};
	bool in_body = eng_run_here();
	pawl_task_t task;
	int error;

	options.name = "visit";
	eng_memory_turn(engine->memory);
	eng_waits_visit(engine->graph, true);
	error = pawl_spawn(engine->group, &options, visit_body, &visit, &task);
	if (error) {
		eng_waits_visit(engine->graph, false);
		return error;
	}
	if (!in_body)
		eng_thread_waits(engine->graph, &wait, "its visit", task);
	/* The visit lies on this stack: it is waited for, come what may. */
	while (pawl_task_wait(engine->rt, task, PAWL_FOREVER, NULL)) {
		(void)pawl_task_cancel(engine->rt, task);
		/* pawl_yield() lets nobody run in a body that is to end, and the visit may be this worker's to run. */
		if (in_body)
			eng_stack_yield();
		else
			(void)pawl_yield();
	}
	eng_thread_waited(engine->graph, &wait);
	eng_waits_visit(engine->graph, false);
	(void)pawl_task_drop(engine->rt, task);
	return visit.result;
}

/* ---- roots -------------------------------------------------------------------------------- */

int pawl_engine_spawn_root(struct pawl_engine *engine, pawl_function_fn *fn, void *arg,
			   void (*free_arg)(void *arg), pawl_ref_t *ret_root)
{
	eng_id id;
	int error;

	if (pawl_load_relaxed(&engine->graph->stopping))
		return -ESHUTDOWN;
	eng_memory_turn(engine->memory);
	error = eng_create_transient(engine->graph, fn, arg, free_arg, ENG_ROOT, &id);
	if (error)
		return error;
	*ret_root = eng_ref(id, 0);
	if (engine->persist)
		eng_tell_unnamed(engine->persist);
	return 0;
}

int pawl_engine_spawn_once(struct pawl_engine *engine, pawl_function_fn *fn, void *arg,
			   void (*free_arg)(void *arg), pawl_ref_t *ret_once)
{
	eng_id id;
	int error;

	if (pawl_load_relaxed(&engine->graph->stopping))
		return -ESHUTDOWN;
	eng_memory_turn(engine->memory);
	error = eng_create_transient(engine->graph, fn, arg, free_arg, ENG_ONCE, &id);
	if (error)
		return error;
	*ret_once = eng_ref(id, 0);
	if (engine->persist)
		eng_tell_unnamed(engine->persist);
	return 0;
}

int pawl_engine_dispose_root(struct pawl_engine *engine, pawl_ref_t root)
{
	if (!eng_is_transient(eng_ref_task(root)) || eng_ref_cell(root))
		return -ESTALE;
	return eng_dispose(engine->graph, eng_ref_task(root));
}

static bool is_idle(const void *arg)
{
	const struct eng_graph *graph = arg;

	return !pawl_load_acquire(&graph->busy);
}

int pawl_engine_wait_idle(struct pawl_engine *engine, uint64_t deadline_ns)
{
	struct eng_thread_wait wait = {.listed = false};
	int error = 0;

	if (!eng_run_here())
		eng_thread_waits(engine->graph, &wait, "engine idle", PAWL_TASK_NONE);
	while (!error && !is_idle(engine->graph)) {
		struct pawl_listener listener;

		pawl_event_listen(&engine->graph->idle, &listener, "engine idle", 0);
		if (is_idle(engine->graph)) {
			pawl_event_unlisten(&listener);
			break;
		}
		error = pawl_wait(&listener, deadline_ns);
	}
	eng_thread_waited(engine->graph, &wait);
	return error;
}

/* ---- invalidation --------------------------------------------------------------------------- */

int pawl_context_invalidator(struct pawl_context *context,
			     struct pawl_invalidator *ret_invalidator)
{
	struct eng_node *node;

	if (!context->run)
		return -EINVAL;
	node = eng_lock(context->graph, context->id);
	if (eng_run_of(node) == context->run && !context->twice)
		context->run->invalidator = true;
	eng_unlock(node);
	/* In another process nobody has the invalidator: who knows what has changed. */
	if (context->graph->backing && !eng_is_transient(context->id))
		pawl_mark_session_dependent(context);
	ret_invalidator->pawl_graph = context->graph;
	ret_invalidator->pawl_task = context->id;
	return 0;
}

void pawl_engine_stats_read(struct pawl_engine *engine, struct pawl_engine_stats *ret_stats)
{
	struct eng_quiesce_stats quiet;

	eng_quiesce_stats_read(engine->graph->quiesce, &quiet);
	memset(ret_stats, 0, sizeof(*ret_stats));
	ret_stats->tasks = pawl_rmap_count(engine->graph->cache);
	ret_stats->runs = pawl_load_relaxed(&engine->graph->runs);
	ret_stats->stale_runs = pawl_load_relaxed(&engine->graph->stale_runs);
	ret_stats->longest_quiet_ns = quiet.longest_ns;
}

int pawl_engine_function_stats(struct pawl_engine *engine, const struct pawl_function *function,
			       struct pawl_function_stats *ret_stats)
{
	struct eng_graph *graph = engine->graph;
	uint32_t number = eng_function_number(graph->registry, function);
	uint64_t counts[ENG_COUNT_COUNT];

	if (!number)
		return -EINVAL;
	if (!graph->profile)
		return -ENOTSUP;
	eng_profile_read(graph->profile, number, counts);
	memset(ret_stats, 0, sizeof(*ret_stats));
	ret_stats->hits = counts[ENG_COUNT_HITS];
	ret_stats->misses = counts[ENG_COUNT_MISSES];
	ret_stats->runs = counts[ENG_COUNT_RUNS];
	ret_stats->stale_runs = counts[ENG_COUNT_STALE];
	ret_stats->ns = counts[ENG_COUNT_NS];
	return 0;
}
