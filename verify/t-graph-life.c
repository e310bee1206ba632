/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/graph: tasks that go, runs that are cancelled.
 *
 *  dispose-change   a root goes beside a change of what it reads
 *  dispose-read     and beside a strong read of the same
 *  dispose-create   its record is for the next one, or is not yet
 *  dispose-twice    one of two is told that it goes already
 *  dispose-pin      it is pinned meanwhile
 *  dispose-run      it has begun its first run
 *  create-create    two want the record of one that is gone
 *  stop-fresh       the engine stops: a run that nobody has begun is cancelled beside who waits for its first output
 *  stop-read        or for the next one
 *  stop-start       or beside who starts it
 *  stop-outer       or beside a task that needs it, which gives up
 *  stop-change      or beside a change
 *  stop-spawn       or in the midst of its being spawned
 */
/* mc-sources: engine/pin.c */
#include "graph-standin.h"

#include "../engine/engine.h"
#include "../engine/graph/pool.h"

static eng_id gone;
static struct pawl_engine engine;
static unsigned frees;

static void argument_free(void *arg)
{
	(void)arg;
	frees++;
}

static void root_create(eng_id *ret_id)
{
	mc_assert(!eng_create_transient(graph, root_body, &frees, argument_free, ENG_ROOT,
					ret_id));
}

static void setup_root(void)
{
	setup_of(&twice);
	engine = (struct pawl_engine){.graph = graph};
	frees = 0;
	root_create(&gone);
	run_own();
}

static void dispose(void)
{
	mc_assert(!eng_dispose(graph, gone));
	run_own();
}

static void dispose_only(void)
{
	(void)eng_dispose(graph, gone);
}

static void change_0(void)
{
	change(0, 1);
}

static void read_strong(void)
{
	mc_assert(ask(top, 0, PAWL_READ_STRONG) == 0);
}

static void pin(void)
{
	pawl_ref_t ref = eng_ref(gone, 0);

	mc_assert(!pawl_engine_pin(&engine, ref));
	mc_assert(!pawl_engine_unpin(&engine, ref));
}

/* It has been scheduled, for the first time. */
static void setup_begun(void)
{
	setup_of(&twice);
	engine = (struct pawl_engine){.graph = graph};
	frees = 0;
	root_create(&gone);
	mc_assert(claim(last()));
}

static void work(void)
{
	run_claimed(last());
}

/* It is gone, and its record is in line. */
static void setup_gone(void)
{
	setup_root();
	dispose();
	mc_assert(frees == 1);
}

static void finish_freed(unsigned n)
{
	settle();
	mc_assert(frees == n);
	finish_graph();
}

static eng_id created[2];

static void create(void)
{
	root_create(&created[mc_thread() % 2]);
}

static void finish_created(void)
{
	mc_assert(created[0] != created[1]);
	finish_freed(1);
}

static void finish_gone(void)
{
	finish_freed(1);
}

#define GOES(...)                                                                             \
	{                                                                                     \
		__VA_ARGS__, .finish = finish_gone, .no_spurious = true,                      \
			     .no_membarrier = true, .ideal_locks = true, .ideal_parks = true, \
			     .native_divisor = 50                                             \
	}

/* ---- the engine stops ----------------------------------------------------------------- */

static void setup_stop_fresh(void)
{
	setup_empty();
	top = &input;
	inputs[0] = task_of(&input, 0);
	looks = false;
}

static void setup_stop(void)
{
	setup_of(&twice);
	change(0, 1);
	schedule(inputs[0]);
	looks = false;
}

static void setup_stop_spawn(void)
{
	setup_of(&twice);
	looks = false;
	spawns_stopped = true;
}

/* And twice(0) needs it. */
static void setup_stop_outer(void)
{
	setup_stop();
	schedule(task_of(&twice, 0));
}

static void stop(void)
{
	pawl_store_release(&graph->stopping, 1u);
	cancel_given(last());
}

static void stop_first(void)
{
	pawl_store_release(&graph->stopping, 1u);
	cancel_given(last() - 1);
}

static void read_stopped(void)
{
	struct pawl_context context = {.graph = graph};
	struct pawl_value *value = NULL;
	int error = pawl_read(&context, eng_ref(inputs[0], 0), 0, &value, NULL);

	/* What was there before is there still; but nothing is made any more. */
	mc_assert(!error || error == -ECANCELED);
	if (!error)
		mc_assert(number_of(value) <= 1);
	eng_context_fini(&context);
}

static void read_fresh(void)
{
	struct pawl_context context = {.graph = graph};
	struct pawl_value *value = NULL;
	int error = pawl_read(&context, eng_ref(inputs[0], 0), PAWL_READ_STRONG, &value, NULL);

	mc_assert(!error || error == -ECANCELED);
	if (!error)
		mc_assert(number_of(value) == 0);
	eng_context_fini(&context);
}

static void start(void)
{
	(void)run_given(last());
}

/* Who gives up because the engine stops has not failed: that would be its output in the next session, too. */
static bool has_failed(const struct pawl_function *function)
{
	struct eng_node *node;
	bool failed;

	pawl_store_relaxed(&graph->stopping, 0u);
	spawns_stopped = false;
	node = eng_lock(graph, task_of(function, 0));
	failed = node->bits & ENG_ERROR;
	eng_unlock(node);
	return failed;
}

static void finish_stopped(void)
{
	for (unsigned i = 0; i <= MC_THREADS_MAX; i++) {
		for (unsigned k = 0; k < seats[i].n; k++)
			cancel_given(&seats[i].given[k]);
	}
	mc_assert(top != &twice || !has_failed(&twice));
	finish_graph();
}

#define STOPS(...)                                                                            \
	{                                                                                     \
		__VA_ARGS__, .finish = finish_stopped, .no_spurious = true,                   \
			     .no_membarrier = true, .ideal_locks = true, .ideal_parks = true, \
			     .native_divisor = 50                                             \
	}

/* ---- memory ------------------------------------------------------------------------------ */

static struct eng_pool *pool;

static void setup_pool(void)
{
	scn_attach();
	mc_assert(!eng_pool_create(&pool));
	eng_pool_pin(pool);
}

static void unpin_pool(void)
{
	eng_pool_unpin(pool);
}

static void finish_pool(void)
{
	pawl_thread_detach();
}

static const struct mc_scenario scenarios[] = {
	{.name = "pool",
	 .setup = setup_pool,
	 .threads = {unpin_pool, unpin_pool},
	 .finish = finish_pool,
	 .no_spurious = true,
	 .no_membarrier = true,
	 .native_divisor = 50},
	GOES(.name = "dispose-change", .setup = setup_root, .threads = {dispose, change_0}),
	GOES(.name = "dispose-read", .setup = setup_root, .threads = {dispose, read_strong}),
	GOES(.name = "dispose-create", .setup = setup_root, .threads = {dispose, create}),
	GOES(.name = "dispose-twice", .setup = setup_root,
	     .threads = {dispose_only, dispose_only}),
	GOES(.name = "dispose-pin", .setup = setup_root, .threads = {dispose, pin}),
	GOES(.name = "dispose-run", .setup = setup_begun, .threads = {dispose, work}),
	{.name = "create-create",
	 .setup = setup_gone,
	 .threads = {create, create},
	 .finish = finish_created,
	 .no_spurious = true,
	 .no_membarrier = true,
	 .ideal_locks = true,
	 .ideal_parks = true,
	 .native_divisor = 50},
	STOPS(.name = "stop-fresh", .setup = setup_stop_fresh, .threads = {stop, read_fresh}),
	STOPS(.name = "stop-read", .setup = setup_stop, .threads = {stop, read_stopped}),
	STOPS(.name = "stop-start", .setup = setup_stop, .threads = {stop, start}),
	STOPS(.name = "stop-outer", .setup = setup_stop_outer, .threads = {stop_first, start}),
	STOPS(.name = "stop-change", .setup = setup_stop, .threads = {stop, change_0}),
	STOPS(.name = "stop-spawn", .setup = setup_stop_spawn,
	      .threads = {change_0, read_stopped}),
};
MC_MAIN(scenarios)
