/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-engine-graphs.c - the incremental engine: how ours makes the graphs of work-engine.h, and those from nothing. What
 * changes is in b-engine-edits.c.
 *
 * What is read strongly by the rectangle's visits are operations that aggregate all they reach from their first call
 * on; in "pawl-plain" they are tasks as any other, which become that when they are read.
 */
#include "engine-ours.h"

#include <stdlib.h>

#include <pawl/join.h>

/* ---- fibonacci: chains that share nothing ------------------------------------------- */

static const struct pawl_function fib;

/* fib(a), of the chain b. */
static int fib_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct b_two *at = args;
	struct b_two one = {at->a - 1, at->b}, two = {at->a - 2, at->b};
	pawl_ref_t x, y;

	if (!at->a)
		return b_give(context, 1, ret_output);
	x = b_call(context, &fib, &one);
	if (at->a == 1)
		return b_give(context, b_read(context, x, 0), ret_output);
	y = b_call(context, &fib, &two);
	return b_give(context, b_read(context, x, 0) + b_read(context, y, 0), ret_output);
}
static const struct pawl_function fib = B_FUNCTION(fib, 0);

/* All chains up to one. */
static int fibs_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t size = ((const struct b_two *)args)->a, sum = 0;
	pawl_ref_t *refs = b_alloc(size * sizeof(*refs));

	for (uint64_t i = 0; i < size; i++)
		refs[i] = b_call(context, &fib, &(struct b_two){i, i});
	for (uint64_t i = 0; i < size; i++)
		sum += b_read(context, refs[i], 0);
	free(refs);
	return b_give(context, sum, ret_output);
}
static const struct pawl_function fibs = B_FUNCTION(fibs, 0);

/* ---- rectangle: each task has two callers --------------------------------------------- */

static uint64_t rectangle_sum(struct pawl_context *context,
			      const struct pawl_function *function, const struct b_two *at)
{
	uint64_t sum = 1;

	if (at->a)
		sum += b_read(context,
			      b_call(context, function, &(struct b_two){at->a - 1, at->b}), 0);
	if (at->b)
		sum += b_read(context,
			      b_call(context, function, &(struct b_two){at->a, at->b - 1}), 0);
	return sum;
}

static const struct pawl_function rectangle, rectangle_root;

static int rectangle_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	return b_give(context, rectangle_sum(context, &rectangle, args), ret_output);
}
static const struct pawl_function rectangle = B_FUNCTION(rectangle, 0);

static int rectangle_root_body(struct pawl_context *context, const void *args,
			       pawl_ref_t *ret_output)
{
	return b_give(context, rectangle_sum(context, &rectangle_root, args), ret_output);
}
static const struct pawl_function rectangle_root =
	B_FUNCTION(rectangle_root, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT);

/* One node of the border, asked for by a visit of its own. */
struct border {
	struct pawl_engine *engine;
	const struct pawl_function *function;
	struct b_two at;
	uint64_t value;
	pawl_task_t task;
};

static int border_body(void *arg, void **ret_value)
{
	struct border *border = arg;

	(void)ret_value;
	border->value = b_engine_ask(border->engine, border->function, &border->at);
	return 0;
}

static uint64_t borders_ask(struct pawl_engine *engine, const struct pawl_function *function,
			    uint64_t size)
{
	struct pawl_runtime *rt = pawl_engine_runtime(engine);
	struct border *borders = b_alloc(2 * size * sizeof(*borders));
	uint64_t sum = 0, last = size - 1;

	for (uint64_t i = 0; i < size + last; i++) {
		borders[i].engine = engine;
		borders[i].function = function;
		borders[i].at =
			i < size ? (struct b_two){i, last} : (struct b_two){last, i - size};
		if (pawl_spawn(pawl_runtime_root(rt), NULL, border_body, &borders[i],
			       &borders[i].task))
			b_die("a spawn was refused");
	}
	for (uint64_t i = 0; i < size + last; i++) {
		if (pawl_task_wait(rt, borders[i].task, PAWL_FOREVER, NULL))
			b_die("a wait failed");
		pawl_task_drop(rt, borders[i].task);
		sum += borders[i].value;
	}
	free(borders);
	return sum;
}

/* ---- fan: two levels -------------------------------------------------------------------- */

static int middle_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct b_two *at = args;

	return b_give(context, b_read(context, b_call(context, &b_leaf, &at->a), 0) + 1,
		      ret_output);
}
static const struct pawl_function middle = B_FUNCTION(middle, 0);

static int fan_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t size = ((const struct b_two *)args)->a, sum = 0;
	pawl_ref_t *refs = b_alloc(size * sizeof(*refs));

	for (uint64_t i = 0; i < size; i++)
		refs[i] = b_call(context, &middle, &(struct b_two){i, 0});
	for (uint64_t i = 0; i < size; i++)
		sum += b_read(context, refs[i], 0);
	free(refs);
	return b_give(context, sum, ret_output);
}
static const struct pawl_function fan = B_FUNCTION(fan, 0);

/* ---- many children, and attaching them to others ----------------------------------------- */

static int children_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = ((const struct b_two *)args)->a;

	for (uint64_t i = 0; i < n; i++)
		b_use(b_call(context, &b_leaf, &i).pawl_bits);
	return b_give(context, n, ret_output);
}
static const struct pawl_function children = B_FUNCTION(children, 0);

/* Another caller of them, the b-th. */
static int above_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct b_two *at = args;
	pawl_ref_t ref = b_call(context, &children, &(struct b_two){at->a, 0});

	return b_give(context, b_read(context, ref, 0) + at->b, ret_output);
}
static const struct pawl_function above = B_FUNCTION(above, 0);

/* So many callers of them. */
static int aboves_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct b_two *at = args;
	uint64_t sum = 0;

	for (uint64_t i = 0; i < at->b; i++)
		sum += b_read(context, b_call(context, &above, &(struct b_two){at->a, i}), 0);
	return b_give(context, sum, ret_output);
}
static const struct pawl_function aboves = B_FUNCTION(aboves, 0);

const struct pawl_function *const b_graph_functions[] = {
	&fib, &fibs, &rectangle, &rectangle_root, &middle, &fan, &children, &above, &aboves,
};
const size_t b_graph_functions_n = sizeof(b_graph_functions) / sizeof(b_graph_functions[0]);

/* ---- as work-engine.h wants it ---------------------------------------------------------------- */

static void *ours_make(const struct b_kind *kind)
{
	struct pawl_engine *engine = b_engine_open(kind->workers);

	if (kind->when == B_CHANGE || kind->when == B_EQUAL)
		b_inputs_make(engine, kind);
	return engine;
}

static uint64_t ours_ask(void *made, const struct b_kind *kind)
{
	switch (kind->graph) {
	case B_FIBONACCI:
		return b_engine_ask(made, &fibs, &(struct b_two){kind->size, 0});
	case B_CHAIN:
		return b_engine_ask(made, &fib, &(struct b_two){kind->size, 0});
	case B_RECTANGLE:
		return borders_ask(made, &rectangle, kind->size);
	case B_CORNER:
		return b_engine_ask(made, &rectangle,
				    &(struct b_two){kind->size - 1, kind->size - 1});
	case B_FAN:
		return b_engine_ask(made, &fan, &(struct b_two){kind->size, 0});
	case B_CHILDREN:
		return b_engine_ask(made, &children, &(struct b_two){kind->size, 0});
	case B_ATTACH:
		return b_engine_ask(made, &aboves, &(struct b_two){kind->size, B_ATTACHED});
	case B_ATTACH_FIRST:
		return b_engine_ask(made, &aboves, &(struct b_two){kind->size, 1});
	default:
		return b_inputs_ask(made, kind);
	}
}

static uint64_t roots_ask(void *made, const struct b_kind *kind)
{
	return borders_ask(made, &rectangle_root, kind->size);
}

/* Visits and the runs of roots without a name are no runs of tasks, and there are none of those here. */
static uint64_t ours_runs(void *made)
{
	struct pawl_engine_stats stats;

	if (!made)
		return 0;
	if (pawl_engine_wait_idle(made, PAWL_FOREVER))
		b_die("an engine is not idle");
	pawl_engine_stats_read(made, &stats);
	return stats.runs;
}

static void ours_drop(void *made)
{
	b_inputs_drop();
	b_engine_close(made);
}

static const struct b_maker ours = {
	ours_make, ours_ask, b_inputs_change, ours_runs, b_inputs_useless, ours_drop, true};
static const struct b_maker ours_roots = {
	ours_make, roots_ask, b_inputs_change, ours_runs, b_inputs_useless, ours_drop, true};

#define OURS(...)   B_GRAPH_CASE("pawl", ours, __VA_ARGS__, false, NULL)
#define ROOTS(...)  B_GRAPH_CASE("pawl", ours_roots, __VA_ARGS__, false, NULL)
#define PLAIN(...)  B_GRAPH_CASE("pawl-plain", ours, __VA_ARGS__, false, NULL)
#define MEMORY(...) B_GRAPH_CASE("pawl", ours, __VA_ARGS__, true, NULL)
#define AFTER(BENCH, GRAPH, COUNT, SIZE, KEYS)                                         \
	B_GRAPH_CASE("pawl", ours, BENCH, GRAPH, B_AFTER, SIZE, KEYS, COUNT, 1, false, \
		     &(const struct b_kind){B_CHILDREN, B_COLD, SIZE, 1, false, NULL})
#define ATTACH(SIZE, KEYS)                                \
	AFTER("attach", B_ATTACH, B_ATTACHED, SIZE, KEYS) \
	AFTER("attach-first", B_ATTACH_FIRST, 1, SIZE, KEYS)

/* clang-format off */
static struct b_case cases[] = {
	B_FIBONACCI_CASES(OURS, 1)
	B_FIBONACCI_CASES(OURS, 2)
	OURS("chain", B_CHAIN, B_COLD, 1000, 1001, 1001, 1)
	OURS("chain", B_CHAIN, B_COLD, 10000, 10001, 10001, 1)
	OURS("chain", B_CHAIN, B_COLD, 100000, 100001, 100001, 1)
	OURS("chain", B_CHAIN, B_COLD, 1000000, 1000001, 1000001, 1)
	B_RECTANGLE_CASES(PLAIN, 1)
	B_RECTANGLE_CASES(PLAIN, 2)
	OURS("rectangle-corner", B_CORNER, B_COLD, 30, 900, 900, 1)
	OURS("rectangle-corner", B_CORNER, B_COLD, 100, 10000, 10000, 1)
	OURS("rectangle-corner", B_CORNER, B_COLD, 300, 90000, 90000, 1)
	OURS("rectangle-corner", B_CORNER, B_COLD, 300, 90000, 90000, 2)
	OURS("rectangle-corner", B_CORNER, B_COLD, 1000, 1000000, 1000000, 1)
	B_RECTANGLE_CASES(ROOTS, 1)
	B_RECTANGLE_CASES(ROOTS, 2)
	B_FAN_CASES(OURS, 1)
	B_FAN_CASES(OURS, 2)
	OURS("children", B_CHILDREN, B_COLD, 1000, 1001, 1001, 1)
	OURS("children", B_CHILDREN, B_COLD, 99999, 100000, 100000, 1)
	OURS("children", B_CHILDREN, B_COLD, 1000000, 1000001, 1000001, 1)
	OURS("children", B_CHILDREN, B_COLD, 1000000, 1000001, 1000001, 2)
	ATTACH(20, 21)
	ATTACH(2000, 2001)
	ATTACH(200000, 200001)
	B_EDIT_CASES(OURS, 1)
	B_EDIT_CASES(OURS, 2)
	B_TREE_CASES(OURS, 1)
	B_MEMORY_CASES(MEMORY, 1)
};
/* clang-format on */
B_CASES(cases)
