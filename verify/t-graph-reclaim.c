/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/graph/reclaim.c: a pass that takes out what nobody needs, beside who needs it again. Whoever is first,
 * each gets what recomputing it all gives, or is told that it is gone; in the end all sums are right, and all counts.
 *
 *  collect-call     a visit calls it: it finds what is there, or what is about to go, or makes another one
 *  collect-switch   a root that has left it comes back to it
 *  collect-read     somebody has its number, and reads it
 *  collect-pin      or pins it
 *  collect-still    a run calls what is still, which takes no operation
 *  collect-collect  two passes
 *  collect-start    two find that a pass is due, in the background
 */
/* mc-sources: engine/pin.c */
#include "graph-standin.h"

#include "../engine/engine.h"

static struct pawl_engine engine;
static eng_id old; /* of what may go */

/* It is still: it will never be anything else. */
static int pure_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return give(context, 0, ret_output);
}
FUNCTION(pure);

static int over_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	uint64_t number = get(context, call(context, &input, one->n), 0);

	return give(context, number + get(context, call(context, &pure, 0), 0), ret_output);
}
FUNCTION(over);

/* As either, of less: what it leaves calls nothing. */
static int one_of_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t which = get(context, call(context, &input, 2), 0);

	(void)args;
	return give(context, 2 * get(context, call(context, &input, which), 0), ret_output);
}
FUNCTION(one_of);

static void collect(void)
{
	struct pawl_collect_stats stats;

	mc_assert(!eng_reclaim_all(graph, &stats));
}

static void setup_functions(void)
{
	collects = busy_counts = true;
	more_functions[0] = &pure;
	more_functions[1] = &over;
	more_functions_n = 2;
}

/* The root has left twice(0). */
static void setup_left(void)
{
	setup_functions();
	setup_root_of(&either);
	engine = (struct pawl_engine){.graph = graph};
	collect();
	old = task_of(&twice, 0);
	edit(2, 1);
	mc_assert(read_ref(eng_ref(root, 0), PAWL_READ_STRONG) == 0);
	run_own();
}

/* The root has left input(0). */
static void setup_left_input(void)
{
	collects = busy_counts = true;
	more_functions[0] = &one_of;
	more_functions_n = 1;
	setup_root_of(&one_of);
	engine = (struct pawl_engine){.graph = graph};
	collect();
	old = task_of(&input, 0);
	edit(2, 1);
	mc_assert(read_ref(eng_ref(root, 0), PAWL_READ_STRONG) == 0);
	run_own();
}

/* And pure(0) is what is left of over(0). */
static void setup_still(void)
{
	setup_functions();
	setup_empty();
	top = &input;
	mc_assert(ask(&over, 0, PAWL_READ_STRONG) == 0);
	run_own();
	old = task_of(&pure, 0);
}

static void setup_due(void)
{
	setup_left();
	graph->reclaim.some = 1;
}

static void start(void)
{
	eng_reclaim_poke(graph);
	run_own();
}

static void call_old(void)
{
	struct pawl_context context = {.graph = graph};

	(void)call(&context, &input, 0);
	eng_context_fini(&context);
}

/* It is about to come back: the run that calls it has begun. */
static struct given *comes_back;

static void setup_comes_back(void)
{
	setup_left_input();
	change(2, 0);
	(void)run_given(last());
	comes_back = last();
	mc_assert(claim(comes_back));
}

static void come_back(void)
{
	run_claimed(comes_back);
}

static void read_old(void)
{
	struct pawl_context context = {.graph = graph};
	struct pawl_value *value = NULL;
	int error = pawl_read(&context, eng_ref(old, 0), 0, &value, NULL);

	mc_assert(!error || error == -ESTALE);
	if (!error)
		mc_assert(number_of(value) == 0);
	eng_context_fini(&context);
	run_own();
}

static void pin_old(void)
{
	int error = pawl_engine_pin(&engine, eng_ref(old, 0));

	mc_assert(!error || error == -ESTALE);
	if (!error)
		mc_assert(!pawl_engine_unpin(&engine, eng_ref(old, 0)));
}

static void over_still(void)
{
	mc_assert(ask(&over, 1, 0) == 0);
	run_own();
}

static void finish_collects(void)
{
	settle();
	collect();
	finish_graph();
	collects = false;
	more_functions_n = 0;
}

static void finish_due(void)
{
	mc_assert(pawl_load_relaxed(&graph->reclaim.collected) > 0);
	mc_assert(!pawl_load_relaxed(&graph->reclaim.started));
	finish_collects();
}

/* With so many preemptions: a pass has many steps, at which nobody else can do anything. */
#define GOES_TO(END, PREEMPTIONS, ...)                                                        \
	{                                                                                     \
		__VA_ARGS__, .finish = END, .no_spurious = true, .no_membarrier = true,       \
			     .ideal_locks = true, .ideal_parks = true,                        \
			     .preemption_bound_plus_1 = (PREEMPTIONS) + 1,                    \
			     .native_divisor = 50                                             \
	}
#define GOES(...) GOES_TO(finish_collects, 1, __VA_ARGS__)
/* None: one goes on until it waits for the other, or is over. */
#define GOES_LONG(...) GOES_TO(finish_collects, 0, __VA_ARGS__)

static const struct mc_scenario scenarios[] = {
	GOES_LONG(.name = "collect-call", .setup = setup_left_input,
		  .threads = {collect, call_old}),
	GOES_LONG(.name = "collect-switch", .setup = setup_comes_back,
		  .threads = {collect, come_back}),
	GOES_LONG(.name = "collect-read", .setup = setup_left, .threads = {collect, read_old}),
	GOES(.name = "collect-pin", .setup = setup_left, .threads = {collect, pin_old}),
	GOES_LONG(.name = "collect-still", .setup = setup_still,
		  .threads = {collect, over_still}),
	GOES(.name = "collect-collect", .setup = setup_left, .threads = {collect, collect}),
	GOES_TO(finish_due, 1, .name = "collect-start", .setup = setup_due,
		.threads = {start, start}),
};
MC_MAIN(scenarios)
