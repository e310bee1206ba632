/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-program.c - what a seed does to an engine and its store, and what must come of it.
 *
 * The tasks are those of fuzz/graph-program.h, and what they have to give is told by the naive engine beside
 * it (fuzz/naive.c), as in fuzz/f-graph.c: after each strong read, and of all roots when all is at rest. Here
 * the engine has several workers, threads from outside edit, read and take snapshots at the same time,
 * bodies of the runtime are cancelled, and the engine is closed while it works.
 *
 * The store is the one in memory under one that fails on command. A crash: from one of its calls on, or from any
 * moment, the store does nothing; what it has then goes to the next process, in which the engine is opened
 * on it. Specs and states are the program's: it knows what they were, and the engine has to find out what that
 * means for what it has kept. In one of two worlds what is saved leaves memory now and then, beside all else.
 */
#include "config.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/parallel.h>
#include <pawl/store.h>
#include <pawl/thread.h>

#include "sim-op.h"

#include "../../engine/engine.h"
#include "../../engine/graph/evict.h"
#include "../../engine/graph/graph.h"
#include "../../engine/graph/modify.h"
#include "../../engine/graph/quiesce.h"
#include "../../engine/graph/run.h"
#include "../../engine/persist/faults.h"
#include "../../engine/persist/persist.h"
#include "../../engine/runtime/task.h"

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

static struct pawl_store *store;
static unsigned verifies;
/* Runs that are for nothing are cut short. */
static bool abandons;

static bool bare; /* it has no store, and what nobody needs goes */
/* Records leave memory, or values alone: where the program says. The budget itself is never near. */
static bool evicts;
#define NEVER_NEAR (UINT64_C(1) << 40)

static void set_options(struct pawl_engine_options *options)
{
	options->verify = PAWL_VERIFY_NEVER;
	options->collect = !sim_run->no_collect;
	options->collect_after_ns = 0;
	options->abandon = abandons;
	options->memory_bytes = evicts ? NEVER_NEAR : 0;
	if (bare)
		return;
	options->store = store;
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
						   "task back in memory"};

/* What lives are told of each other. */
static struct model {
	bool made;
	struct graph_head head;
	bool abandons, evicts;
	struct graph_spec specs[GRAPH_TASKS];
	int64_t states[GRAPH_STATES];
} * model;

static struct pawl_store_disk *disk;
static struct pawl_store *below;
static bool is_up;
static bool active[GRAPH_ROOTS];
static unsigned roots_n;

/* ---- bytes ---- */

struct bytes {
	const uint8_t *at;
	unsigned left;
};

static unsigned byte(struct bytes *bytes)
{
	if (!bytes->left)
		return 0;
	bytes->left--;
	return *bytes->at++;
}

static unsigned below_of(struct bytes *bytes, unsigned limit)
{
	return byte(bytes) % limit;
}

/* A task: mostly one of the first, which reach the others. */
static unsigned mostly_first(struct bytes *bytes)
{
	unsigned n = byte(bytes);

	return (n & 3 ? n >> 2 & 3 : n >> 2) % model->head.tasks;
}

static void spec_of_seed(unsigned seed, unsigned task, struct graph_spec *ret_spec)
{
	struct sim_random drawn = {seed * 1000 + task};
	unsigned n = sim_below(&drawn, 6);

	memset(ret_spec, 0, sizeof(*ret_spec));
	for (unsigned i = 0; seed && i < n; i++) {
		ret_spec->steps[i][0] = (uint8_t)(1 + sim_below(&drawn, GRAPH_STEP_COUNT - 1));
		ret_spec->steps[i][1] = (uint8_t)sim_draw(&drawn);
	}
}

static void spec_decode(struct bytes *bytes, struct graph_spec *ret_spec)
{
	unsigned n = below_of(bytes, 7);

	memset(ret_spec, 0, sizeof(*ret_spec));
	for (unsigned i = 0; i < n; i++) {
		ret_spec->steps[i][0] = (uint8_t)(1 + byte(bytes) % (GRAPH_STEP_COUNT - 1));
		ret_spec->steps[i][1] = (uint8_t)byte(bytes);
	}
}

static void change_decode(struct bytes *bytes, struct graph_change *ret_change)
{
	unsigned what = byte(bytes);

	memset(ret_change, 0, sizeof(*ret_change));
	ret_change->is_state = what & 1;
	ret_change->at = (what >> 1) % (what & 1 ? GRAPH_STATES : model->head.tasks);
	if (ret_change->is_state) {
		ret_change->number = byte(bytes) % 8;
		model->states[ret_change->at] = ret_change->number;
	} else {
		spec_decode(bytes, &ret_change->spec);
		if (!(model->head.kinds[ret_change->at] & GRAPH_CONSTANT))
			model->specs[ret_change->at] = ret_change->spec;
	}
}

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

static void store_load(void)
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

static void store_up(void)
{
	FUZZ_CHECK(pawl_store_open_mem(disk, NULL, NULL, &below) == 0);
	FUZZ_CHECK(eng_store_fault(below, sim_run->seed, &store) == 0);
}

/* ---- up and down ---- */

/* That task is about to change, and a snapshot takes it as it was: how often. */
static struct {
	eng_help_fn *help;
	eng_id task;
	unsigned n;
} watched;

static void help_watched(void *arg, struct eng_node *node, uint32_t pending)
{
	watched.n += eng_node_id(node) == watched.task && pending & ENG_META;
	watched.help(arg, node, pending);
}

static void up(void)
{
	store_up();
	memcpy(model->head.specs, model->specs, sizeof(model->specs));
	memset(active, 0, sizeof(active));
	roots_n = 0;
	ready = false;
	bare = model->head.collects;
	abandons = model->abandons;
	evicts = model->evicts;
	graph_engine.open(&model->head);
	if (!bare) {
		watched.help = world.engine->graph->marks->help;
		world.engine->graph->marks->help = help_watched;
	}
	world.engine->graph->reclaim.many = 6;
	world.engine->graph->reclaim.some = 2;
	ready = true;
	graph_naive.open(&model->head);
	is_up = true;
	for (unsigned i = 0; i < GRAPH_STATES; i++) {
		struct graph_change change = {.is_state = true, .at = i};

		change.number = model->states[i];
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

	pawl_runtime_stats_read(pawl_engine_runtime(world.engine), &runtime);
	sim_run->events[SIM_EV_INLINE] += runtime.inlined;
	pawl_engine_stats_read(world.engine, &stats);
	sim_run->events[SIM_EV_STALE] += stats.stale_runs;
	sim_run->events[SIM_EV_COLLECTED] +=
		pawl_load_relaxed(&world.engine->graph->reclaim.collected);
	if (evicts) {
		const struct eng_evict *evict = world.engine->graph->evict;

		sim_run->events[SIM_EV_EVICTED] +=
			pawl_load_relaxed(&evict->evicted) + pawl_load_relaxed(&evict->dropped);
		sim_run->events[SIM_EV_BACK] += pawl_load_relaxed(&evict->back);
	}
	eng_quiesce_stats_read(world.engine->graph->quiesce, &quiet);
	sim_run->events[SIM_EV_SUSPENDED] += quiet.suspended;
	if (!pawl_engine_store_stats_read(world.engine, &kept)) {
		sim_run->events[SIM_EV_RESTORED] += kept.restored;
		sim_run->events[SIM_EV_SNAPSHOT] += kept.snapshots;
	}
}

/* As graph-program.h's, but bodies may be at work: states go when they have ended. */
static void end_engine(void)
{
	FUZZ_CHECK(pawl_engine_close(world.engine) == 0);
	for (unsigned i = 0; i < GRAPH_STATES; i++)
		pawl_state_unpin(world.states[i]);
	for (unsigned i = 0; i < model->head.tasks; i++)
		pawl_state_unpin(world.specs[i]);
	for (unsigned i = 0; i < GRAPH_ROOTS; i++)
		FUZZ_CHECK(world.roots[i].freed == world.roots[i].spawned);
}

static void down(void)
{
	if (!is_up)
		return;
	is_up = false;
	count_events();
	end_engine();
	graph_naive.close();
	pawl_store_close(store);
}

/* The process ends here, whatever its other threads are at. */
static void crash(void)
{
	eng_fault_crash(store, ENG_FAULT_ANY, 1, false, -1);
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

/* ---- comparing ---- */

static bool names_ring(const struct graph_result *result)
{
	return !*result->text || strstr(result->text, "in a ring") ||
	       strstr(result->text, "calls itself") || strstr(result->text, "error 5");
}

static bool same(const struct graph_result *is, const struct graph_result *wanted)
{
	/* What is below a call that was taken out of a ring is not collected. */
	if (wanted->ring && (is->count || wanted->count))
		return true;
	if (wanted->ring && is->error)
		return wanted->error || names_ring(is);
	if (wanted->ring && wanted->loose && wanted->error)
		return true;
	return is->error == wanted->error && is->number == wanted->number &&
	       is->count == wanted->count && is->seen == wanted->seen &&
	       !strcmp(is->text, wanted->text);
}

static void compare_results(const struct graph_result *is, const struct graph_result *wanted,
			    const char *of, unsigned n)
{
	sim_event(SIM_EV_COMPARED);
	if (wanted->ring)
		sim_event(SIM_EV_RING);
	if (same(is, wanted))
		return;
	sim_note("engine: error %d, number %ld, count %u%s: %.60s", is->error, (long)is->number,
		 is->count, is->seen ? ", seen" : "", is->text);
	sim_note("naive:  error %d, number %ld, count %u%s: %.60s", wanted->error,
		 (long)wanted->number, wanted->count, wanted->seen ? ", seen" : "",
		 wanted->text);
	sim_note("of %s %u", of, n);
	sim_fail("%s is not what the naive engine gives: %s", of,
		 is->error != wanted->error	? "its error"
		 : is->number != wanted->number ? "its number"
		 : is->count != wanted->count	? "what is collected from it"
		 : is->seen != wanted->seen	? "it has not run"
						: "its words");
}

static void compare(unsigned task, enum graph_look how, unsigned trait)
{
	static struct graph_result is, wanted;

	graph_naive.look(task, how, trait, &wanted);
	graph_engine.look(task, how, trait, &is);
	compare_results(&is, &wanted, how == LOOK_PEEK ? "a peek" : "a read", task);
}

/* As graph-program.h's, but what was lost with the store may be found out just then. */
static void settle(void)
{
	static struct graph_result is, wanted;
	char text[256];
	int error;

	do {
		FUZZ_CHECK(pawl_engine_wait_idle(world.engine, PAWL_FOREVER) == 0);
		error = pawl_engine_verify(world.engine, text, sizeof(text));
	} while (error == -EBUSY && ++verifies < 100);
	if (error) {
		sim_note("verify: %s", text);
		sim_fail("sums are wrong");
	}
	graph_naive.settle();
	for (unsigned i = 0; i < roots_n; i++) {
		if (!active[i])
			continue;
		graph_engine.root_result(i, &is);
		graph_naive.root_result(i, &wanted);
		compare_results(&is, &wanted, "a root", i);
	}
}

/* ---- operations: graphs ---- */

static void op_world(struct bytes *bytes)
{
	unsigned how = byte(bytes);

	down();
	pawl_store_disk_destroy(disk);
	FUZZ_CHECK(pawl_store_disk_create(&disk) == 0);
	memset(model, 0, sizeof(*model));
	model->head.workers = 1 + how % 4;
	model->head.rings = how >> 2 & 1;
	model->head.no_active = (how >> 3 & 7) == 7;
	model->abandons = how >> 6 == 3;
	model->evicts = how >> 6 == 2;
	model->head.tasks = 2 + below_of(bytes, GRAPH_TASKS - 1);
	for (unsigned i = 0; i < GRAPH_TASKS; i++) {
		model->head.kinds[i] = byte(bytes) & 7;
		spec_of_seed(byte(bytes), i, &model->specs[i]);
	}
	model->made = true;
	up();
}

#define CHANGES 6

static void op_change(struct bytes *bytes, bool together)
{
	struct graph_change changes[CHANGES];
	unsigned n = together ? below_of(bytes, CHANGES + 1) : 1;

	for (unsigned i = 0; i < n; i++)
		change_decode(bytes, &changes[i]);
	graph_engine.change(changes, n, together);
	graph_naive.change(changes, n, together);
}

static void op_root(struct bytes *bytes)
{
	unsigned task = below_of(bytes, model->head.tasks), how = byte(bytes);

	if (roots_n == GRAPH_ROOTS)
		return;
	active[roots_n] = true;
	graph_engine.root(roots_n, task, how);
	graph_naive.root(roots_n++, task, how);
}

static void dispose(unsigned at)
{
	if (at >= roots_n || !active[at])
		return;
	active[at] = false;
	sim_event(SIM_EV_DISPOSED);
	graph_engine.dispose(at);
	graph_naive.dispose(at);
}

static void op_touch(struct bytes *bytes)
{
	static struct graph_result result;

	graph_engine.look(below_of(bytes, model->head.tasks), LOOK_EVENTUAL, 0, &result);
}

/* ---- operations: threads from outside ---- */

enum outside { EDITS, READS, SNAPSHOTS, MOMENTS };
#define OUTSIDE_MOST 4 /* of a rush */

struct outside_thread {
	enum outside what;
	pthread_t thread;
	struct graph_change changes[CHANGES];
	unsigned n, how;
	uint8_t tasks[8];
	bool failed;
};

/* In the middle of what others do. */
static void nap(unsigned ns)
{
	(void)sim_sleep(&model, sim_now() + ns, "naps", __builtin_return_address(0));
}

/* What may leave does, or what was not used; some of it, or all. */
static void evict(unsigned how)
{
	if (!evicts)
		return;
	if (how & 1)
		(void)eng_evict_all(world.engine->graph);
	else
		(void)eng_evict_some(world.engine->graph, how);
}

/* At a moment of quiet nobody is inside, as long as it lasts. */
static void moment(void *arg)
{
	struct eng_quiesce *quiesce = arg;

	FUZZ_CHECK(!eng_quiesce_inside(quiesce));
	nap(100);
	FUZZ_CHECK(!eng_quiesce_inside(quiesce));
	sim_event(SIM_EV_MOMENT);
}

static void *outside_main(void *arg)
{
	struct outside_thread *self = arg;
	struct graph_result *result = malloc(sizeof(*result));

	sim_self()->no_oom++;
	FUZZ_CHECK(pawl_thread_attach("outside") == 0);
	for (unsigned i = 0; i < self->n; i++) {
		switch (self->what) {
		case EDITS:
			graph_engine.change(self->changes + i, 1, self->how & 1);
			break;
		case READS:
			result->error = 0;
			evict(self->how >> 4 & 3 ? 0 : self->how);
			graph_engine.look(self->tasks[i] % model->head.tasks,
					  self->how >> i & 1 ? LOOK_PEEK : LOOK_READ, i & 1,
					  result);
			FUZZ_CHECK(!result->error || result->error == -PAWL_ETASK ||
				   eng_fault_crashed(store));
			break;
		case SNAPSHOTS:
			nap((self->how + i * 41u) % 256u * 61u);
			if (bare)
				graph_engine.collect();
			else
				self->failed |= pawl_engine_snapshot(world.engine, NULL) != 0;
			evict(self->how + i);
			break;
		case MOMENTS:
			nap((self->how + i * 29u) % 64u * 31u);
			FUZZ_CHECK(eng_quiesce_run(world.engine->graph->quiesce, moment,
						   world.engine->graph->quiesce) == 0);
			break;
		}
	}
	pawl_thread_detach();
	free(result);
	return NULL;
}

static void outside_begin(struct outside_thread *threads, unsigned n, struct bytes *bytes)
{
	for (unsigned i = 0; i < n; i++) {
		struct outside_thread *t = &threads[i];

		/* One edits: of two nobody would know who was last. */
		t->what = !i ? EDITS : i == 1 ? READS : i == 2 ? SNAPSHOTS : READS;
		t->how = byte(bytes);
		t->n = 1 + below_of(bytes, t->what == EDITS ? CHANGES : 4);
		t->failed = false;
		for (unsigned j = 0; t->what == EDITS && j < t->n; j++)
			change_decode(bytes, &t->changes[j]);
		for (unsigned j = 0; t->what == READS && j < t->n; j++)
			t->tasks[j] = (uint8_t)mostly_first(bytes);
		FUZZ_CHECK(pthread_create(&t->thread, NULL, outside_main, t) == 0);
	}
}

static void outside_end(struct outside_thread *threads, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		FUZZ_CHECK(pthread_join(threads[i].thread, NULL) == 0);
	graph_naive.change(threads[0].changes, threads[0].n, false);
}

static void op_rush(struct bytes *bytes)
{
	static struct graph_result result;
	static struct outside_thread threads[OUTSIDE_MOST];
	unsigned how = byte(bytes), n = 1 + how % OUTSIDE_MOST, looks = how >> 2 & 3;

	/* Without a moment of quiet by luck: who is inside suspends himself. */
	eng_quiesce_looks(world.engine->graph->quiesce, how >> 4 & 3 ? 0 : 10);
	sim_event(SIM_EV_EDIT_BESIDE);
	if (n > 2)
		sim_event(SIM_EV_SNAPSHOT_BESIDE);
	outside_begin(threads, n, bytes);
	while (looks--) {
		graph_engine.look(mostly_first(bytes), LOOK_READ, 0, &result);
		FUZZ_CHECK(!result.error || result.error == -PAWL_ETASK);
	}
	outside_end(threads, n);
	eng_quiesce_looks(world.engine->graph->quiesce, 10);
}

/*
 * A task that goes on slowly is read while what it has read changes, and snapshots are taken of that: runs
 * that are for nothing, operations that suspend themselves.
 */
static void op_hurry(struct bytes *bytes)
{
	static struct outside_thread threads[3];
	static const enum outside what[3] = {READS, SNAPSHOTS, READS};
	unsigned task = below_of(bytes, model->head.tasks), at = below_of(bytes, GRAPH_STATES);
	struct graph_change change = {.at = task};
	unsigned n = 4 + below_of(bytes, 8);

	if (!(model->head.kinds[task] & GRAPH_CONSTANT)) {
		spec_decode(bytes, &change.spec);
		change.spec.steps[0][0] = GRAPH_STATE;
		change.spec.steps[0][1] = (uint8_t)at;
		change.spec.steps[1][0] = change.spec.steps[2][0] = GRAPH_YIELD;
		model->specs[task] = change.spec;
		graph_engine.change(&change, 1, false);
		graph_naive.change(&change, 1, false);
	}
	eng_quiesce_looks(world.engine->graph->quiesce, 0);
	for (unsigned i = 0; i < 3; i++) {
		threads[i] =
			(struct outside_thread){.what = what[i], .n = 6, .how = byte(bytes)};
		memset(threads[i].tasks, (int)task, sizeof(threads[i].tasks));
		FUZZ_CHECK(pthread_create(&threads[i].thread, NULL, outside_main,
					  &threads[i]) == 0);
	}
	while (n--) {
		change = (struct graph_change){.is_state = true, .at = at};
		change.number = model->states[at] = byte(bytes) % 8;
		graph_engine.change(&change, 1, n & 1);
		graph_naive.change(&change, 1, false);
		nap(byte(bytes) * 97u);
	}
	for (unsigned i = 0; i < 3; i++)
		FUZZ_CHECK(pthread_join(threads[i].thread, NULL) == 0);
	eng_quiesce_looks(world.engine->graph->quiesce, 10);
}

/* To that spec, so many steps of it letting others go on. */
static void respec(unsigned task, struct graph_spec *spec, unsigned yields)
{
	struct graph_change change = {.at = task};
	unsigned at = 0;

	while (at < GRAPH_STEPS && spec->steps[at][0])
		at++;
	while (yields-- && at < GRAPH_STEPS)
		spec->steps[at++][0] = GRAPH_YIELD;
	change.spec = model->specs[task] = *spec;
	graph_engine.change(&change, 1, false);
	graph_naive.change(&change, 1, false);
}

/*
 * A task calls a slow one, which somebody else begins, and is told not to while both run: nobody wants it any more. And
 * the other way round.
 */
static void op_leave(struct bytes *bytes)
{
	static struct outside_thread reader;
	unsigned task = below_of(bytes, model->head.tasks), callee = task + 1;
	unsigned n = 4 + below_of(bytes, 8);

	if (callee >= model->head.tasks || model->head.kinds[task] & GRAPH_CONSTANT ||
	    model->head.kinds[callee] & GRAPH_CONSTANT)
		return;
	reader = (struct outside_thread){.what = READS, .n = 8, .how = byte(bytes)};
	memset(reader.tasks, (int)task, sizeof(reader.tasks));
	FUZZ_CHECK(pthread_create(&reader.thread, NULL, outside_main, &reader) == 0);
	while (n--) {
		struct graph_spec slow = {{{0}}}, caller = {{{0}}};

		slow.steps[0][0] = GRAPH_STATE;
		if (n & 1) {
			respec(callee, &slow, 5 + n % 3);
			caller.steps[0][0] = GRAPH_CALL;
			caller.steps[0][1] = (uint8_t)(model->head.rings ? callee : 0);
		}
		respec(task, &caller, 4);
		nap(byte(bytes) * 127u);
	}
	FUZZ_CHECK(pthread_join(reader.thread, NULL) == 0);
}

/* One moment of quiet after the other, beside edits and reads: who sleeps at the door finds it shut again. */
static void op_moments(struct bytes *bytes)
{
	static struct outside_thread threads[5];
	static const enum outside what[5] = {EDITS, MOMENTS, MOMENTS, READS, SNAPSHOTS};
	unsigned n = 3 + below_of(bytes, 3);

	eng_quiesce_looks(world.engine->graph->quiesce, byte(bytes) & 1 ? 0 : 10);
	sim_event(SIM_EV_EDIT_BESIDE);
	for (unsigned i = 0; i < n; i++) {
		struct outside_thread *t = &threads[i];

		t->what = what[i];
		t->how = byte(bytes);
		t->n = what[i] == MOMENTS ? 8 : 1 + below_of(bytes, CHANGES);
		t->failed = false;
		for (unsigned j = 0; t->what == EDITS && j < t->n; j++)
			change_decode(bytes, &t->changes[j]);
		for (unsigned j = 0; t->what == READS && j < t->n; j++)
			t->tasks[j] = (uint8_t)mostly_first(bytes);
		FUZZ_CHECK(pthread_create(&t->thread, NULL, outside_main, t) == 0);
	}
	outside_end(threads, n);
	eng_quiesce_looks(world.engine->graph->quiesce, 10);
}

/* ---- operations: bodies of the runtime ---- */

/* Jobs that add jobs, up to so many, done by their caller and by helpers; one of them may break it off. */
struct jobs {
	struct pawl_group *group;
	unsigned most, breaks;
	struct pawl_atomic_u32 added, ran;
};

static int job_run(void *arg, struct pawl_parallel_jobs *parallel, void *item, void *sum)
{
	struct jobs *jobs = arg;
	unsigned n = (unsigned)(uintptr_t)item;

	pawl_add_relaxed(&jobs->ran, 1u);
	++*(unsigned *)sum;
	for (unsigned i = 0; i < n % 3; i++) {
		unsigned next = pawl_add_relaxed(&jobs->added, 1u);

		if (next < jobs->most)
			FUZZ_CHECK(pawl_parallel_add(parallel, (void *)(uintptr_t)(next + 1)) ==
				   0);
	}
	if (n & 4)
		(void)pawl_yield();
	return jobs->breaks && n == jobs->breaks ? PAWL_PARALLEL_BREAK : 0;
}

static void job_begin(void *arg, void *sum)
{
	(void)arg;
	*(unsigned *)sum = 0;
}

static void job_merge(void *arg, void *into, const void *sum)
{
	(void)arg;
	*(unsigned *)into += *(const unsigned *)sum;
}

static int jobs_body(void *arg, void **ret_value)
{
	struct jobs *jobs = arg;
	const struct pawl_growth how = {sizeof(how),	  job_run,   jobs,
					sizeof(unsigned), job_begin, job_merge};
	void *items[4] = {(void *)1, (void *)2, (void *)5, (void *)7};
	unsigned sum = 0;

	(void)ret_value;
	FUZZ_CHECK(pawl_parallel_grow(jobs->group, &how, items, 4, &sum) == 0);
	FUZZ_CHECK(sum == pawl_load_relaxed(&jobs->ran));
	sim_event(SIM_EV_JOBS);
	return 0;
}

static void op_jobs(struct bytes *bytes)
{
	struct pawl_runtime *rt = pawl_engine_runtime(world.engine);
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_group_options group_options = PAWL_GROUP_OPTIONS_INIT;
	static struct jobs jobs[3];
	pawl_task_t tasks[3];
	unsigned n = 1 + below_of(bytes, 3);
	struct pawl_group *group;

	FUZZ_CHECK(pawl_group_create(pawl_runtime_root(rt), &group_options, &group) == 0);
	for (unsigned i = 0; i < n; i++) {
		jobs[i].group = group;
		jobs[i].most = below_of(bytes, 24);
		jobs[i].breaks = below_of(bytes, 16);
		pawl_init_word(&jobs[i].added, 0u);
		pawl_init_word(&jobs[i].ran, 0u);
		FUZZ_CHECK(pawl_spawn(group, &options, jobs_body, &jobs[i], &tasks[i]) == 0);
	}
	for (unsigned i = 0; i < n; i++) {
		FUZZ_CHECK(pawl_task_wait(rt, tasks[i], PAWL_FOREVER, NULL) == 0);
		FUZZ_CHECK(pawl_task_drop(rt, tasks[i]) == 0);
	}
	pawl_group_close(group);
	FUZZ_CHECK(pawl_group_wait(group, PAWL_FOREVER) == 0);
	pawl_group_put(group);
}

struct plain {
	uint8_t what;
	struct pawl_runtime *rt;
};

static int plain_body(void *arg, void **ret_value)
{
	struct plain *plain = arg;
	int error = 0;

	(void)ret_value;
	for (unsigned i = 0; i < (plain->what & 3u) && !error; i++)
		error = pawl_yield();
	if (!error && plain->what & 4)
		error = pawl_sleep_until(pawl_runtime_now(plain->rt) + 1000u * plain->what);
	if (!error && (plain->what & 24) == 24)
		pawl_exit(-EIO, "as planned");
	return error;
}

#define PLAIN_MOST 6

static void op_tasks(struct bytes *bytes)
{
	struct pawl_runtime *rt = pawl_engine_runtime(world.engine);
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_group_options group_options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_group_counts counts;
	struct plain plain[PLAIN_MOST];
	pawl_task_t tasks[PLAIN_MOST];
	struct pawl_group *group;
	unsigned n = 1 + below_of(bytes, PLAIN_MOST), cancels = byte(bytes);
	uint64_t ended = 0;

	FUZZ_CHECK(pawl_group_create(pawl_runtime_root(rt), &group_options, &group) == 0);
	for (unsigned i = 0; i < n; i++) {
		plain[i] = (struct plain){(uint8_t)byte(bytes), rt};
		options.lane = (enum pawl_lane)(plain[i].what >> 4);
		FUZZ_CHECK(pawl_spawn(group, &options, plain_body, &plain[i], &tasks[i]) == 0);
	}
	for (unsigned i = 0; i < n; i++)
		if (cancels >> i & 1) {
			(void)(i & 1 ? pawl_task_force(rt, tasks[i])
				     : pawl_task_cancel(rt, tasks[i]));
			sim_event(SIM_EV_CANCEL);
		}
	for (unsigned i = 0; i < n; i++) {
		struct pawl_result result;
		int error = pawl_task_wait(rt, tasks[i], PAWL_FOREVER, &result);

		FUZZ_CHECK(error != -ETIMEDOUT && error != -ESTALE && error != -EINVAL);
		FUZZ_CHECK(pawl_task_drop(rt, tasks[i]) == 0);
	}
	pawl_group_close(group);
	FUZZ_CHECK(pawl_group_wait(group, PAWL_FOREVER) == 0);
	pawl_group_counts_read(group, &counts);
	for (unsigned i = 0; i < PAWL_OUTCOME_COUNT; i++)
		ended += counts.outcomes[i];
	FUZZ_CHECK(ended == n && counts.refused == 0);
	pawl_group_put(group);
}

/* Visits that are given up. */
struct visit {
	unsigned task;
	struct graph_result result;
};

static int visit_body(void *arg, void **ret_value)
{
	struct visit *visit = arg;
	struct look look = {visit->task, 0, LOOK_READ, &visit->result};

	(void)ret_value;
	return pawl_engine_run(world.engine, look_visit, &look);
}

static void op_cancel(struct bytes *bytes)
{
	struct pawl_runtime *rt = pawl_engine_runtime(world.engine);
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	static struct visit visits[4];
	pawl_task_t tasks[4];
	unsigned n = 1 + below_of(bytes, 4), turns = below_of(bytes, 16);

	op_change(bytes, false);
	for (unsigned i = 0; i < n; i++) {
		visits[i].task = below_of(bytes, model->head.tasks);
		FUZZ_CHECK(pawl_spawn(pawl_runtime_root(rt), &options, visit_body, &visits[i],
				      &tasks[i]) == 0);
	}
	while (turns--)
		pawl_yield();
	for (unsigned i = 0; i < n; i++) {
		struct pawl_result result;
		int error;

		if (byte(bytes) & 1) {
			(void)pawl_task_cancel(rt, tasks[i]);
			sim_event(SIM_EV_CANCEL);
		}
		error = pawl_task_wait(rt, tasks[i], PAWL_FOREVER, &result);
		FUZZ_CHECK(error != -ETIMEDOUT && error != -ESTALE && error != -EINVAL);
		FUZZ_CHECK(pawl_task_drop(rt, tasks[i]) == 0);
	}
}

/* ---- operations: the store ---- */

static void op_snapshot_fails(struct bytes *bytes)
{
	static const int errors[] = {-ENOSPC, -EIO, -ENOMEM, -EDQUOT};
	unsigned n = 1 + below_of(bytes, 24);

	eng_fault_at(store, n & 1 ? ENG_FAULT_COMMIT : ENG_FAULT_ANY, n & 1 ? 1 : n,
		     errors[below_of(bytes, 4)]);
	op_change(bytes, false);
	compare(mostly_first(bytes), LOOK_READ, 0);
	if (pawl_engine_snapshot(world.engine, NULL))
		sim_event(SIM_EV_SNAPSHOT_FAILED);
	eng_fault_at(store, ENG_FAULT_ANY, 0, 0);
	eng_fault_at(store, ENG_FAULT_COMMIT, 0, 0);
}

static void op_crash(struct bytes *bytes)
{
	static struct outside_thread threads[OUTSIDE_MOST];
	unsigned how = byte(bytes), naps = byte(bytes);

	outside_begin(threads, 1 + how % OUTSIDE_MOST, bytes);
	/* Anywhere in what they do. */
	nap(naps * 211u);
	crash();
}

static void op_crash_snapshot(struct bytes *bytes)
{
	unsigned how = byte(bytes), n = 1 + below_of(bytes, 8);

	op_change(bytes, false);
	compare(mostly_first(bytes), LOOK_READ, 0);
	if (how & 1)
		eng_fault_crash(store, ENG_FAULT_COMMIT, 1, how >> 1 & 1, -1);
	else
		eng_fault_crash(store, ENG_FAULT_PUT, n, how >> 1 & 1, -1);
	(void)pawl_engine_snapshot(world.engine, NULL);
	if (eng_fault_crashed(store))
		sim_event(SIM_EV_CRASH_SNAPSHOT);
	crash();
}

static int number_visit(struct pawl_context *context, void *arg)
{
	pawl_ref_t ref;
	int error = call_task(context, *(unsigned *)arg, &ref);

	watched.task = error ? 0 : eng_ref_task(ref);
	return error;
}

/* The first pair from there on down that a specification can be given to. Returns: none. */
static bool find_pair(unsigned *task)
{
	while (*task &&
	       (*task + 1 >= model->head.tasks ||
		(model->head.kinds[*task] | model->head.kinds[*task + 1]) & GRAPH_CONSTANT))
		--*task;
	return (model->head.kinds[*task] | model->head.kinds[*task + 1]) & GRAPH_CONSTANT;
}

/*
 * A task gives another cell than before, just when a snapshot has it as it was; and that is the last thing that is saved. Who
 * has read it is saved as it was, or knows.
 */
static void op_crash_output(struct bytes *bytes)
{
	static struct outside_thread threads[2];
	static const enum outside what[2] = {READS, SNAPSHOTS};
	unsigned task = below_of(bytes, model->head.tasks), callee, how = byte(bytes);
	struct graph_spec caller = {{{GRAPH_READ}}};

	if (bare || find_pair(&task))
		return;
	callee = task + 1;
	caller.steps[0][1] = (uint8_t)(model->head.rings ? callee : 0);
	respec(task, &caller, 0);
	(void)pawl_engine_run(world.engine, number_visit, &callee);
	watched.n = 0;
	for (unsigned round = 0; round < 8 && !watched.n; round++) {
		/* The same two cells; the last one is its output. */
		struct graph_spec other = {{{GRAPH_STATE}, {GRAPH_CELL}, {GRAPH_CELL}}};

		other.steps[1 + ((how + round) & 1)][1] = 1;
		compare(task, LOOK_READ, 0);
		respec(callee, &other, 3);
		for (unsigned i = 0; i < 2; i++) {
			threads[i] = (struct outside_thread){.what = what[i], .n = 1};
			threads[i].how = byte(bytes) & ~1u;
			threads[i].tasks[0] = (uint8_t)task;
			FUZZ_CHECK(pthread_create(&threads[i].thread, NULL, outside_main,
						  &threads[i]) == 0);
		}
		for (unsigned i = 0; i < 2; i++)
			FUZZ_CHECK(pthread_join(threads[i].thread, NULL) == 0);
	}
	crash();
}

static void op_stop(struct bytes *bytes)
{
	unsigned n = 1 + below_of(bytes, 4);

	/* All that is wanted has to run again, and then there is no time for it. */
	for (unsigned i = 0; i < n; i++)
		op_touch(bytes);
	op_change(bytes, true);
	op_root(bytes);
	for (unsigned i = below_of(bytes, 8); i; i--)
		op_touch(bytes);
	sim_event(SIM_EV_STOP);
	down();
	up();
}

/* Some allocations of the workers fail; then there is memory again. */
static void op_no_memory(struct bytes *bytes)
{
	static struct graph_result result;
	unsigned n = 2 + below_of(bytes, 6);
	uint64_t before = sim_allocations_failed();

	/* What they have seen then is a matter of luck. */
	for (unsigned i = 0; i < roots_n; i++)
		dispose(i);
	settle();
	for (unsigned i = 0; i < n; i++) {
		op_change(bytes, i & 1);
		sim_fail_allocation(1 + byte(bytes) % 24);
		graph_engine.look(below_of(bytes, model->head.tasks),
				  i & 2 ? LOOK_PEEK : LOOK_READ, 0, &result);
	}
	sim_fail_allocation(0);
	/* Who is still at work may fail with that, and a read that has begun before takes it (graph/heal.c). */
	FUZZ_CHECK(pawl_engine_wait_idle(world.engine, PAWL_FOREVER) == 0);
	sim_run->events[SIM_EV_NO_MEMORY] += sim_allocations_failed() - before;
}

/* ---- all ---- */

static void compare_all(void)
{
	compare(0, LOOK_READ, 0);
	settle();
	for (unsigned i = 0; i < model->head.tasks; i++)
		compare(i, LOOK_READ, 0);
	compare(0, LOOK_PEEK, 0);
	settle();
}

static void one_operation(enum op op, struct bytes *bytes)
{
	switch (op) {
	case OP_WORLD:
		op_world(bytes);
		break;
	case OP_CHANGE:
	case OP_TOGETHER:
		op_change(bytes, op == OP_TOGETHER);
		break;
	case OP_ROOT:
		op_root(bytes);
		break;
	case OP_DISPOSE:
		dispose(below_of(bytes, GRAPH_ROOTS) % (roots_n ? roots_n : 1));
		break;
	case OP_SETTLE:
		settle();
		break;
	case OP_RUSH:
		op_rush(bytes);
		break;
	case OP_TOUCH:
		op_touch(bytes);
		break;
	case OP_PEEK:
	case OP_READ: {
		unsigned task = below_of(bytes, model->head.tasks);

		compare(task, op == OP_PEEK ? LOOK_PEEK : LOOK_READ, byte(bytes) & 1);
		break;
	}
	case OP_SNAPSHOT:
		(void)pawl_engine_snapshot(world.engine, NULL);
		break;
	case OP_SNAPSHOT_FAILS:
		op_snapshot_fails(bytes);
		break;
	case OP_TASKS:
		op_tasks(bytes);
		break;
	case OP_CANCEL:
		op_cancel(bytes);
		break;
	case OP_REOPEN:
		down();
		up();
		sim_event(SIM_EV_RESTART);
		break;
	case OP_STOP:
		op_stop(bytes);
		break;
	case OP_CRASH:
		op_crash(bytes);
		break;
	case OP_CRASH_SNAPSHOT:
		op_crash_snapshot(bytes);
		break;
	case OP_NO_MEMORY:
		op_no_memory(bytes);
		break;
	case OP_HURRY:
		op_hurry(bytes);
		break;
	case OP_MOMENTS:
		op_moments(bytes);
		break;
	case OP_JOBS:
		op_jobs(bytes);
		break;
	case OP_LEAVE:
		op_leave(bytes);
		break;
	case OP_BARE:
		down();
		model->head.collects = true;
		model->head.no_active = false;
		up();
		break;
	case OP_COLLECT:
		if (is_up)
			graph_engine.collect();
		break;
	case OP_CRASH_OUTPUT:
		op_crash_output(bytes);
		break;
	case OP_EVICT:
		/* What it is now leaves, and is wanted. */
		(void)pawl_engine_snapshot(world.engine, NULL);
		evict(byte(bytes));
		compare(mostly_first(bytes), LOOK_READ, 0);
		break;
	case OP_COUNT:
		break;
	}
	if (is_up && bare && byte(bytes) & 1)
		graph_engine.collect();
	if (is_up && byte(bytes) & 1)
		evict(byte(bytes));
}

void sim_program_life(void)
{
	model = (struct model *)(void *)sim_run->model;
	_Static_assert(sizeof(struct model) <= sizeof(sim_run->model), "it fits");
	sim_self()->no_oom++;
	FUZZ_CHECK(pawl_thread_attach("program") == 0);
	FUZZ_CHECK(pawl_store_disk_create(&disk) == 0);
	if (model->made) {
		FUZZ_CHECK(pawl_store_open_mem(disk, NULL, NULL, &below) == 0);
		store_load();
		pawl_store_close(below);
		up();
		sim_event(SIM_EV_RESTART);
	}
	for (; sim_run->at < sim_run->ops_n; sim_run->at++) {
		const struct sim_op *op = &sim_run->ops[sim_run->at];
		struct bytes bytes = {op->bytes + 1, op->n ? op->n - 1u : 0};
		enum op kind = sim_op_kind(op);
		char text[90];

		sim_program_tell(op, text, sizeof(text));
		sim_note("%s", text);
		sim_progress();
		if (kind == OP_WORLD || is_up)
			one_operation(kind, &bytes);
	}
	if (is_up)
		compare_all();
	sim_progress();
	down();
	pawl_store_disk_destroy(disk);
	pawl_thread_detach();
}
