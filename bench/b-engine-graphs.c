/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-engine-graphs.c - the incremental engine: graphs, cold and after a change. One repetition is one graph in an
 * engine of its own, which is made before the clock runs and closed after it. A quick run builds them whole and counts
 * a part of the tasks: its figures mean nothing.
 */
#include "engine-ours.h"

#include <stdlib.h>

#include <pawl/state.h>

enum { LAYERS = 32, ATTACHED = 1000 };

struct two {
	uint64_t a, b;
};

/* What the engine that is measured has: one at a time. */
static struct pawl_state *state;

/* ---- fibonacci: chains that share nothing ------------------------------------------- */

static const struct pawl_function fib;

/* fib(a), of the chain b. */
static int fib_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct two *at = args;
	struct two one = {at->a - 1, at->b}, two = {at->a - 2, at->b};
	pawl_ref_t x, y;

	if (!at->a)
		return b_give(context, 1, ret_output);
	x = b_call(context, &fib, &one);
	if (at->a == 1)
		return b_give(context, b_read(context, x, 0), ret_output);
	y = b_call(context, &fib, &two);
	return b_give(context, b_read(context, x, 0) + b_read(context, y, 0), ret_output);
}
static const struct pawl_function fib = {sizeof(fib),	     "fib", 1, 0, fib_body,
					 sizeof(struct two), NULL,  0};

/* All chains up to one. */
static int fibs_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t size = ((const struct two *)args)->a, sum = 0;
	pawl_ref_t *refs = b_alloc(size * sizeof(*refs));

	for (uint64_t i = 0; i < size; i++)
		refs[i] = b_call(context, &fib, &(struct two){i, i});
	for (uint64_t i = 0; i < size; i++)
		sum += b_read(context, refs[i], 0);
	free(refs);
	return b_give(context, sum, ret_output);
}
static const struct pawl_function fibs = {sizeof(fibs),	      "fibs", 1, 0, fibs_body,
					  sizeof(struct two), NULL,   0};

/* ---- rectangle: each task has two callers --------------------------------------------- */

static const struct pawl_function rectangle;

static int rectangle_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	const struct two *at = args;
	uint64_t sum = 1;

	if (at->a)
		sum += b_read(context,
			      b_call(context, &rectangle, &(struct two){at->a - 1, at->b}), 0);
	if (at->b)
		sum += b_read(context,
			      b_call(context, &rectangle, &(struct two){at->a, at->b - 1}), 0);
	return b_give(context, sum, ret_output);
}
static const struct pawl_function rectangle = {sizeof(rectangle), "rectangle",	      1,    0,
					       rectangle_body,	  sizeof(struct two), NULL, 0};

/* ---- many children, and attaching them to others ----------------------------------------- */

static int children_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = ((const struct two *)args)->a;

	for (uint64_t i = 0; i < n; i++)
		b_use(b_call(context, &b_leaf, &i).pawl_bits);
	return b_give(context, n, ret_output);
}
static const struct pawl_function children = {sizeof(children), "children",	    1,	  0,
					      children_body,	sizeof(struct two), NULL, 0};

/* Another caller of them, the b-th. */
static int above_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct two *at = args;
	pawl_ref_t ref = b_call(context, &children, &(struct two){at->a, 0});

	return b_give(context, b_read(context, ref, 0) + at->b, ret_output);
}
static const struct pawl_function above = {sizeof(above),      "above", 1, 0, above_body,
					   sizeof(struct two), NULL,	0};

/* So many callers of them. */
static int aboves_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct two *at = args;
	uint64_t sum = 0;

	for (uint64_t i = 0; i < at->b; i++)
		sum += b_read(context, b_call(context, &above, &(struct two){at->a, i}), 0);
	return b_give(context, sum, ret_output);
}
static const struct pawl_function aboves = {sizeof(aboves), "aboves",		1,    0,
					    aboves_body,    sizeof(struct two), NULL, 0};

/* ---- what a change costs -------------------------------------------------------------------- */

static uint64_t state_read(struct pawl_context *context)
{
	struct pawl_value *value;
	uint64_t number;

	if (pawl_state_get(context, state, &value))
		b_die("a state was not read");
	memcpy(&number, pawl_value_payload(value), sizeof(number));
	pawl_value_unpin(value);
	return number;
}

static void state_change(uint64_t number)
{
	struct pawl_value *value;

	if (pawl_value_of(&b_number, &number, sizeof(number), &value) ||
	    pawl_state_set(state, value))
		b_die("a state was not set");
}

static int reader_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct two *at = args;

	return b_give(context, state_read(context) + at->a, ret_output);
}
static const struct pawl_function reader = {sizeof(reader), "reader",		1,    0,
					    reader_body,    sizeof(struct two), NULL, 0};

static int readers_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = ((const struct two *)args)->a;

	for (uint64_t i = 0; i < n; i++)
		b_use(b_call(context, &reader, &(struct two){i, 0}).pawl_bits);
	return b_give(context, n, ret_output);
}
static const struct pawl_function readers = {sizeof(readers), "readers",	  1,	0,
					     readers_body,    sizeof(struct two), NULL, 0};

/* Of layer a the b-th: reads three of the layer below. */
static const struct pawl_function diamond;

static int diamond_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct two *at = args;
	uint64_t sum = 0;

	if (!at->a)
		return b_give(context, state_read(context) + at->b, ret_output);
	for (uint64_t i = 0; i < 3; i++) {
		struct two below = {at->a - 1, (at->b + i) % LAYERS};

		sum += b_read(context, b_call(context, &diamond, &below), 0);
	}
	return b_give(context, sum, ret_output);
}
static const struct pawl_function diamond = {sizeof(diamond), "diamond",	  1,	0,
					     diamond_body,    sizeof(struct two), NULL, 0};

static int diamonds_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t sum = 0;

	(void)args;
	for (uint64_t i = 0; i < LAYERS; i++)
		sum += b_read(context, b_call(context, &diamond, &(struct two){LAYERS - 1, i}),
			      0);
	return b_give(context, sum, ret_output);
}
static const struct pawl_function diamonds = {sizeof(diamonds), "diamonds",	    1,	  0,
					      diamonds_body,	sizeof(struct two), NULL, 0};

const struct pawl_function *const b_graph_functions[] = {
	&fib,	 &fibs,	  &rectangle, &children, &above,
	&aboves, &reader, &readers,   &diamond,	 &diamonds,
};
const size_t b_graph_functions_n = sizeof(b_graph_functions) / sizeof(b_graph_functions[0]);

/* ---- cases ------------------------------------------------------------------------------------ */

struct graph {
	struct pawl_engine *engine;
	uint64_t heap, runs;
};

/* What a case measures: `before` is asked before the clock runs; then a change, if it says so. */
struct kind {
	const struct pawl_function *before, *top;
	struct two before_args, top_args;
	bool changes;
	uint64_t tasks; /* that a change makes run */
};

static int graph_setup(struct b_run *run)
{
	const struct kind *kind = (const struct kind *)(uintptr_t)run->cas->arg;
	struct graph *graph = b_alloc(sizeof(*graph));
	struct pawl_engine_stats stats;
	struct pawl_value *value;
	uint64_t zero = 0;

	if (pawl_thread_attach("bench"))
		b_die("a thread was not attached");
	graph->engine = b_engine_open();
	if (pawl_value_of(&b_number, &zero, sizeof(zero), &value) ||
	    pawl_state_create(graph->engine, value, &state))
		b_die("no state");
	if (kind->before)
		b_use(b_engine_ask(graph->engine, kind->before, &kind->before_args));
	pawl_engine_stats_read(graph->engine, &stats);
	graph->runs = stats.runs;
	graph->heap = b_heap_bytes();
	run->state = graph;
	return 0;
}

static void graph_work(struct b_worker *w, uint64_t n)
{
	const struct kind *kind = (const struct kind *)(uintptr_t)w->run->cas->arg;
	struct graph *graph = w->run->state;

	(void)n;
	if (kind->changes)
		state_change(1);
	b_use(b_engine_ask(graph->engine, kind->top, &kind->top_args));
}

static void graph_teardown(struct b_run *run)
{
	const struct kind *kind = (const struct kind *)(uintptr_t)run->cas->arg;
	struct graph *graph = run->state;
	struct pawl_engine_stats stats;

	if (pawl_engine_wait_idle(graph->engine, PAWL_FOREVER))
		b_die("an engine is not idle");
	pawl_engine_stats_read(graph->engine, &stats);
	if (kind->changes)
		b_extra(run, "extra_runs",
			(double)(stats.runs - graph->runs) - (double)kind->tasks);
	else
		b_extra(run, "bytes_task",
			(double)(b_heap_bytes() - graph->heap) /
				(double)(stats.runs - graph->runs));
	pawl_state_unpin(state);
	b_engine_close(graph->engine);
	free(graph);
	pawl_thread_detach();
}

#define KIND(NAME, ...) static const struct kind NAME = {__VA_ARGS__};
#define FIB(SIZE)	KIND(fib_##SIZE, .top = &fibs, .top_args = {SIZE, 0})
#define CHAIN(SIZE)	KIND(chain_##SIZE, .top = &fib, .top_args = {SIZE, 0})
#define RECTANGLE(SIZE) \
	KIND(rectangle_##SIZE, .top = &rectangle, .top_args = {SIZE - 1, SIZE - 1})
#define ATTACH(SIZE)                                                                       \
	KIND(attach_##SIZE, .before = &children, .before_args = {SIZE, 0}, .top = &aboves, \
	     .top_args = {SIZE, ATTACHED})
FIB(100)
FIB(200)
FIB(500)
FIB(1000)
FIB(1414)
CHAIN(10000)
CHAIN(100000)
RECTANGLE(5)
RECTANGLE(30)
RECTANGLE(100)
RECTANGLE(300)
KIND(children_100000, .top = &children, .top_args = {100000, 0})
ATTACH(20)
ATTACH(2000)
ATTACH(200000)
KIND(invalidate_20000, .before = &readers, .before_args = {20000, 0}, .top = &readers,
     .top_args = {20000, 0}, .changes = true, .tasks = 20000)
KIND(diamonds_all, .before = &diamonds, .top = &diamonds, .changes = true,
     .tasks = LAYERS * LAYERS + 1)

#define CASE(BENCH, KIND, KEYS)                                                             \
	{                                                                                   \
		.bench = (BENCH), .contender = "pawl", .params = "\"keys\":" KEYS,          \
		.arg = (uintptr_t) & (KIND), .setup = graph_setup, .enter = b_engine_enter, \
		.work = graph_work, .leave = b_engine_leave, .teardown = graph_teardown     \
	}
static struct b_case cases[] = {
	CASE("fibonacci-100", fib_100, "5051"),
	CASE("fibonacci-200", fib_200, "20101"),
	CASE("fibonacci-500", fib_500, "125251"),
	CASE("fibonacci-1000", fib_1000, "500501"),
	CASE("fibonacci-1414", fib_1414, "1000406"),
	CASE("chain-10000", chain_10000, "10001"),
	CASE("chain-100000", chain_100000, "100001"),
	CASE("rectangle-5", rectangle_5, "25"),
	CASE("rectangle-30", rectangle_30, "900"),
	CASE("rectangle-100", rectangle_100, "10000"),
	CASE("rectangle-300", rectangle_300, "90000"),
	CASE("children", children_100000, "100000"),
	CASE("attach", attach_20, "20"),
	CASE("attach", attach_2000, "2000"),
	CASE("attach", attach_200000, "200000"),
	CASE("invalidate", invalidate_20000, "20000"),
	CASE("diamonds", diamonds_all, "1024"),
};
B_CASES(cases)
