/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-program-world.c - an engine and its store, from life to life: made, closed, crashed.
 *
 * The tasks are those of fuzz/graph-program.h, compiled here for the engine. The store is the one in memory under one that
 * fails on command. A crash: from one of its calls on, or from any moment, the store does nothing; what it has then goes
 * to the next process, in which the engine is opened on it. Specs and states are the program's: it knows what they were,
 * and the engine has to find out what that means for what it has kept.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/join.h>

#include "sim-program.h"

#include "../../engine/graph/evict.h"
#include "../../engine/graph/modify.h"
#include "../../engine/graph/quiesce.h"
#include "../../engine/graph/run.h"
#include "../../engine/persist/persist.h"
#include "../../engine/runtime/task.h"

struct sim_here sim_here;
struct sim_model *sim_model;

/* What tasks make of values and tell of themselves finds memory; all else in them may not. */
static int spared_value_of(const struct pawl_value_type *type, const void *payload,
			   size_t bytes, struct pawl_value **ret_value)
{
	struct sim_thread *self = sim_self();
	int error;

	self->no_oom++;
	error = (pawl_value_of)(type, payload, bytes, ret_value);
	self->no_oom--;
	return error;
}
#define pawl_value_of spared_value_of

static int spared_invalidator(struct pawl_context *context,
			      struct pawl_invalidator *ret_invalidator)
{
	struct sim_thread *self = sim_self();
	int error;

	self->no_oom++;
	error = (pawl_context_invalidator)(context, ret_invalidator);
	self->no_oom--;
	return error;
}
#define pawl_context_invalidator spared_invalidator

/*
 * An engine may have work as soon as it is open, before the program has made the states that bodies look at. They wait
 * for that before they look at anything.
 */
static bool ready;

static void wait_until_ready(void)
{
	/* Who makes them ready goes first, whatever its priority. */
	while (!ready && !pawl_yield())
		sim_yield(__builtin_return_address(0));
}
#define pawl_lock_lock(lock) (wait_until_ready(), (pawl_lock_lock)(lock))
#define pawl_state_get(context, state, ret) \
	(wait_until_ready(), (pawl_state_get)(context, state, ret))

/* Runs that are for nothing are cut short. */
static bool abandons;

/* The budget itself is never near. */
#define NEVER_NEAR (UINT64_C(1) << 40)

static void set_options(struct pawl_engine_options *options)
{
	options->verify = PAWL_VERIFY_NEVER;
	options->collect = !sim_run->no_collect;
	options->collect_after_ns = 0;
	options->abandon = abandons;
	options->storm_runs = SIM_STORM_RUNS;
	options->memory_bytes = sim_here.evicts ? NEVER_NEAR : 0;
	if (sim_here.bare)
		return;
	options->store = sim_here.store;
	options->storage = PAWL_STORAGE_READ_WRITE;
	options->snapshot_first_ns = options->snapshot_idle_ns = PAWL_FOREVER;
	options->snapshot_interval_ns = PAWL_FOREVER;
}

#define GRAPH_OPTIONS(options) set_options(options)
#define GRAPH_COLLECTS
#define GRAPH_HAS_RING(context, ref) false
#define GRAPH_IS_LOOSE(context)	     false
#include "../../fuzz/graph-program.h"

const struct graph_side graph_engine = GRAPH_SIDE;

void fuzz_failed(const char *what, const char *file, int line)
{
	(void)line;
	sim_fail("%s in %s", what, strrchr(file, '/') ? strrchr(file, '/') + 1 : file);
}

const char *const sim_event_names[SIM_EV_COUNT] = {"stale run",
						   "claim race",
						   "run by its reader",
						   "suspended operation",
						   "ring",
						   "cancellation",
						   "edit beside reads",
						   "snapshot",
						   "snapshot beside edits",
						   "failed snapshot",
						   "crash",
						   "crash in a snapshot",
						   "restart",
						   "task restored",
						   "stop midway",
						   "allocation failed",
						   "root disposed of",
						   "run cut short",
						   "moment of quiet",
						   "jobs that add jobs",
						   "task collected",
						   "value compared",
						   "task or value evicted",
						   "task back in memory",
						   "storm",
						   "a number given out again"};

/* Under the one that fails. */
static struct pawl_store *below;

/* ---- the store, from life to life ---- */

struct saving {
	enum pawl_store_space space;
	size_t at;
};

struct saved {
	struct pawl_store_key key;
	uint32_t space, bytes;
};

static int save_one(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	struct saving *saving = arg;
	struct saved saved = {key, saving->space, (uint32_t)value.len};

	if (saving->at + sizeof(saved) + value.len > SIM_STORE)
		sim_fail("the store is too large to hand on");
	memcpy(sim_run->store + saving->at, &saved, sizeof(saved));
	memcpy(sim_run->store + saving->at + sizeof(saved), value.ptr, value.len);
	saving->at += sizeof(saved) + value.len;
	return 0;
}

static void store_save(void)
{
	static const struct pawl_store_key first = {0, 0};
	struct saving saving = {PAWL_STORE_INFRA, 0};
	struct pawl_store_view *view;

	FUZZ_CHECK(pawl_store_view_begin(below, &view) == 0);
	for (unsigned space = 0; space < PAWL_STORE_SPACE_COUNT; space++) {
		saving.space = (enum pawl_store_space)space;
		FUZZ_CHECK(pawl_store_scan(view, saving.space, first, save_one, &saving) == 0);
	}
	pawl_store_view_end(view);
	sim_run->store_bytes = saving.at;
}

static void put_all(void)
{
	struct pawl_store_batch *batch;
	size_t at = 0;

	if (!sim_run->store_bytes)
		return;
	FUZZ_CHECK(pawl_store_begin_write(below, &batch) == 0);
	while (at < sim_run->store_bytes) {
		struct saved saved;

		memcpy(&saved, sim_run->store + at, sizeof(saved));
		at += sizeof(saved);
		FUZZ_CHECK(pawl_store_put(batch, (enum pawl_store_space)saved.space, saved.key,
					  (struct pawl_slice){(const char *)sim_run->store + at,
							      saved.bytes}) == 0);
		at += saved.bytes;
	}
	FUZZ_CHECK(pawl_store_commit(batch, NULL, NULL) == 0);
}

void sim_store_load(void)
{
	FUZZ_CHECK(pawl_store_open_mem(sim_here.disk, NULL, NULL, &below) == 0);
	put_all();
	pawl_store_close(below);
}

static void store_up(void)
{
	FUZZ_CHECK(pawl_store_open_mem(sim_here.disk, NULL, NULL, &below) == 0);
	FUZZ_CHECK(eng_store_fault(below, sim_run->seed, &sim_here.store) == 0);
}

/* ---- up and down ---- */

struct sim_watched sim_watched;
static eng_help_fn *help_below;

static void help_watched(void *arg, struct eng_node *node, uint32_t pending)
{
	sim_watched.n += eng_node_id(node) == sim_watched.task && pending & ENG_META;
	help_below(arg, node, pending);
}

void sim_up(void)
{
	store_up();
	memcpy(sim_model->head.specs, sim_model->specs, sizeof(sim_model->specs));
	memset(sim_here.active, 0, sizeof(sim_here.active));
	sim_here.roots_n = 0;
	ready = false;
	sim_here.bare = sim_model->head.collects;
	abandons = sim_model->abandons;
	sim_here.evicts = sim_model->evicts;
	graph_engine.open(&sim_model->head);
	sim_here.engine = world.engine;
	if (!sim_here.bare) {
		help_below = sim_here.engine->graph->marks->help;
		sim_here.engine->graph->marks->help = help_watched;
	}
	sim_here.engine->graph->reclaim.many = 6;
	sim_here.engine->graph->reclaim.some = 2;
	ready = true;
	graph_naive.open(&sim_model->head);
	sim_here.is_up = true;
	for (unsigned i = 0; i < GRAPH_STATES; i++) {
		struct graph_change change = {.is_state = true, .at = i};

		change.number = sim_model->states[i];
		graph_engine.change(&change, 1, false);
		graph_naive.change(&change, 1, false);
	}
}

static void count_events(void)
{
	struct pawl_engine_store_stats kept;
	struct eng_quiesce_stats quiet;
	struct pawl_runtime_stats runtime;
	struct pawl_engine_stats stats;

	pawl_runtime_stats_read(pawl_engine_runtime(sim_here.engine), &runtime);
	sim_run->events[SIM_EV_INLINE] += runtime.inlined;
	pawl_engine_stats_read(sim_here.engine, &stats);
	sim_run->events[SIM_EV_STALE] += stats.stale_runs;
	sim_run->events[SIM_EV_COLLECTED] +=
		pawl_load_relaxed(&sim_here.engine->graph->reclaim.collected);
	sim_run->events[SIM_EV_AGAIN] +=
		pawl_load_relaxed(&sim_here.engine->graph->reclaim.again);
	if (sim_here.evicts) {
		const struct eng_evict *evict = sim_here.engine->graph->evict;

		sim_run->events[SIM_EV_EVICTED] +=
			pawl_load_relaxed(&evict->evicted) + pawl_load_relaxed(&evict->dropped);
		sim_run->events[SIM_EV_BACK] += pawl_load_relaxed(&evict->back);
	}
	eng_quiesce_stats_read(sim_here.engine->graph->quiesce, &quiet);
	sim_run->events[SIM_EV_SUSPENDED] += quiet.suspended;
	if (!pawl_engine_store_stats_read(sim_here.engine, &kept)) {
		sim_run->events[SIM_EV_RESTORED] += kept.restored;
		sim_run->events[SIM_EV_SNAPSHOT] += kept.snapshots;
	}
}

/* As graph-program.h's, but bodies may be at work: states go when they have ended. */
static void end_engine(void)
{
	FUZZ_CHECK(pawl_engine_close(sim_here.engine) == 0);
	for (unsigned i = 0; i < GRAPH_STATES; i++)
		pawl_state_unpin(world.states[i]);
	for (unsigned i = 0; i < sim_model->head.tasks; i++)
		pawl_state_unpin(world.specs[i]);
	for (unsigned i = 0; i < GRAPH_ROOTS; i++)
		FUZZ_CHECK(world.roots[i].freed == world.roots[i].spawned);
}

void sim_down(void)
{
	if (!sim_here.is_up)
		return;
	sim_here.is_up = false;
	count_events();
	end_engine();
	graph_naive.close();
	pawl_store_close(sim_here.store);
}

/* The process ends here, whatever its other threads are at. */
void sim_crash(void)
{
	eng_fault_crash(sim_here.store, ENG_FAULT_ANY, 1, false, -1);
	count_events();
	store_save();
	sim_event(SIM_EV_CRASH);
	sim_note("crash");
	sim_run->at++;
	sim_end_life(SIM_NEXT_LIFE);
}

/* That somebody else was faster: seen where it is called from another file. */
bool __real_eng_task_claim(struct eng_task *task);
bool __wrap_eng_task_claim(struct eng_task *task);
bool __wrap_eng_task_claim(struct eng_task *task)
{
	bool claimed = __real_eng_task_claim(task);

	if (!claimed)
		sim_event(SIM_EV_RACE);
	return claimed;
}

/* Runs that were cut short: of those that others can see. */
void __real_eng_abandon(struct eng_graph *graph, struct eng_run_state *run);
void __wrap_eng_abandon(struct eng_graph *graph, struct eng_run_state *run);
void __wrap_eng_abandon(struct eng_graph *graph, struct eng_run_state *run)
{
	if (pawl_load_relaxed(&run->running))
		sim_event(SIM_EV_ABANDONED);
	__real_eng_abandon(graph, run);
}

static int number_visit(struct pawl_context *context, void *arg)
{
	pawl_ref_t ref;
	int error = call_task(context, *(unsigned *)arg, &ref);

	*(unsigned *)arg = error ? 0 : eng_ref_task(ref);
	return error;
}

uint32_t sim_task_number(unsigned task)
{
	(void)pawl_engine_run(sim_here.engine, number_visit, &task);
	return task;
}

void sim_evict(unsigned how)
{
	if (!sim_here.evicts)
		return;
	if (how & 1)
		(void)eng_evict_all(sim_here.engine->graph);
	else
		(void)eng_evict_some(sim_here.engine->graph, how);
}

int sim_visit(unsigned task, struct graph_result *ret_result)
{
	struct look look = {task, 0, LOOK_READ, ret_result};

	return pawl_engine_run(sim_here.engine, look_visit, &look);
}

struct pawl_value *sim_number(int64_t number)
{
	return number_make(0, number);
}
