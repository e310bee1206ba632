/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/stretch.c: the graph's count of runs goes up and down, and who makes an edge tells of it
 * afterwards, in any order with others.
 *
 *  edges     two runs come and go: it is idle in the end, and each idle moment that was told of was one
 *  again     one run follows another while a third one lasts
 *  wait      who waits for the end of a stretch finds it
 *  begin     who waits until something runs finds it
 *  take      each end is taken once
 */
/* mc-sources: engine/stretch.c engine/reason.c */
#include "scenario.h"

#include <errno.h>

#include "../engine/engine.h"
#include "../engine/runtime/worker.h"

static struct pawl_engine *engine;
static struct eng_graph *graph;
static struct eng_stretch *stretch;
static uint64_t taken[2];
static unsigned done; /* by who made it idle, for who waits for that: plain */

/* ---- in place of the runtime ------------------------------------------------------------ */

uint64_t eng_now(const struct pawl_runtime *rt)
{
	(void)rt;
	return 1;
}

struct eng_run *eng_run_here(void)
{
	return NULL;
}

int eng_wait_until(struct pawl_event *event, bool (*holds)(const void *arg), const void *arg,
		   uint64_t deadline_ns, const char *note, uint64_t note_value)
{
	if (!deadline_ns)
		return holds(arg) ? 0 : -ETIMEDOUT;
	while (!holds(arg)) {
		struct pawl_listener listener;

		pawl_event_listen(event, &listener, note, note_value);
		if (holds(arg))
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
	return 0;
}

/* ---- what the graph does (schedule.c) ------------------------------------------------------ */

static void begin(void)
{
	if (!pawl_add_relaxed(&graph->busy, 1u))
		eng_stretch_edge(stretch, graph, true);
}

static void end(void)
{
	if (pawl_sub_acq_rel(&graph->busy, 1u) == 1)
		eng_stretch_edge(stretch, graph, false);
}

static void run(void)
{
	begin();
	end();
}

/* ---- scenarios ------------------------------------------------------------------------------ */

static void setup(void)
{
	scn_attach();
	engine = pawl_mem_zalloc(sizeof(*engine), PAWL_LINE_BYTES);
	graph = pawl_mem_zalloc(sizeof(*graph), PAWL_LINE_BYTES);
	mc_assert(engine && graph);
	engine->graph = graph;
	stretch = &engine->stretch;
	eng_stretch_init(stretch);
	memset(taken, 0, sizeof(taken));
	done = 0;
}

static void setup_one(void)
{
	setup();
	begin();
}

static void finish(void)
{
	struct eng_stretch_state state = eng_stretch_look(stretch);
	uint64_t sum = taken[0] + taken[1];

	mc_assert(!pawl_load_relaxed(&graph->busy));
	mc_assert(!state.busy && state.ended >= 1);
	mc_assert(sum + stretch->update.stretches == state.ended);
	eng_stretch_fini(stretch);
	pawl_mem_free(graph, sizeof(*graph), PAWL_LINE_BYTES);
	pawl_mem_free(engine, sizeof(*engine), PAWL_LINE_BYTES);
	pawl_thread_detach();
}

static void run_on(void)
{
	begin();
	end();
	end();
}

static void done_and_end(void)
{
	done = 1;
	end();
}

static void wait_end(void)
{
	mc_assert(!eng_stretch_wait(stretch, 0, PAWL_FOREVER));
	mc_assert(done == 1);
}

static void wait_begin(void)
{
	mc_assert(!eng_stretch_wait_busy(stretch));
}

static void end_later(void)
{
	begin();
}

static void finish_later(void)
{
	end();
	finish();
}

static void take(unsigned which)
{
	struct pawl_update_info info;

	if (!pawl_engine_update(engine, 0, 0, &info, NULL, 0))
		taken[which] = info.stretches;
}

static void take_0(void)
{
	take(0);
}

static void run_and_take(void)
{
	run();
	take(1);
}

#define STRETCH(NAME, SETUP, FINISH, ...)                                                 \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH, \
		.ideal_locks = true, .ideal_parks = true, .no_spurious = true             \
	}

static const struct mc_scenario scenarios[] = {
	STRETCH("edges", setup, finish, run, run),
	STRETCH("again", setup_one, finish, run, run_on),
	STRETCH("wait", setup_one, finish, wait_end, done_and_end),
	STRETCH("begin", setup, finish_later, wait_begin, end_later),
	STRETCH("take", setup, finish, run_and_take, take_0),
};

MC_MAIN(scenarios)
