/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-graphs.c - graphs that were hard: bug, bug2, aggregation_balance_race, scope_stress, performance,
 * nested_strong_stress, inline_read_execution.
 *
 * What is to be fast is counted in records that were locked, by the linker's help (--wrap).
 */
#include "conform.h"

#include "../../engine/graph/graph.h"

static struct pawl_atomic_u32 ran;
static struct pawl_atomic_u64 locked;

struct eng_node *__real_eng_lock(struct eng_graph *graph, eng_id id);
struct eng_node *__wrap_eng_lock(struct eng_graph *graph, eng_id id);
struct eng_node *__real_eng_lock_any(struct eng_graph *graph, eng_id id);
struct eng_node *__wrap_eng_lock_any(struct eng_graph *graph, eng_id id);
bool __real_eng_lock_pair(struct eng_graph *graph, eng_id a, eng_id b, struct eng_node **ret_a,
			  struct eng_node **ret_b);
bool __wrap_eng_lock_pair(struct eng_graph *graph, eng_id a, eng_id b, struct eng_node **ret_a,
			  struct eng_node **ret_b);

struct eng_node *__wrap_eng_lock(struct eng_graph *graph, eng_id id)
{
	pawl_add_relaxed(&locked, 1u);
	return __real_eng_lock(graph, id);
}

struct eng_node *__wrap_eng_lock_any(struct eng_graph *graph, eng_id id)
{
	pawl_add_relaxed(&locked, 1u);
	return __real_eng_lock_any(graph, id);
}

bool __wrap_eng_lock_pair(struct eng_graph *graph, eng_id a, eng_id b, struct eng_node **ret_a,
			  struct eng_node **ret_b)
{
	pawl_add_relaxed(&locked, 2u);
	return __real_eng_lock_pair(graph, a, b, ret_a, ret_b);
}

/*
 * What never changes is left out of all sums (graph/connect.c), so tasks of these graphs read a state; in some runs
 * they do not, to see that as well.
 */
static struct cf_state unsettled;
static struct pawl_atomic_u32 may_change;

static void change_make(bool may)
{
	unsettled = cf_state_make(0);
	pawl_store_release(&may_change, may);
}

static int change_get(struct pawl_context *context)
{
	int64_t number;

	return pawl_load_acquire(&may_change) ? cf_state_get(context, unsettled, &number) : 0;
}

/* ---- bug :: test_graph_bug ---------------------------------------------------------------- */

#define READ   1
#define STRONG 2

struct edge {
	unsigned to, how;
};
#define EDGES_MOST 4
static const struct {
	struct edge edges[EDGES_MOST];
	unsigned n;
} spec[17] = {
	{{{3, STRONG}, {1, READ}, {12, STRONG}}, 3},
	{{{2, READ | STRONG}}, 1},
	{{{4, 0}}, 1},
	{{{6, 0}}, 1},
	{{{5, 0}, {13, 0}}, 2},
	{{{11, STRONG}, {14, 0}, {7, 0}, {8, 0}}, 4},
	{{{9, 0}}, 1},
	{{{0, 0}}, 0},
	{{{12, 0}, {11, 0}}, 2},
	{{{10, 0}}, 1},
	{{{12, 0}}, 1},
	{{{0, 0}}, 0},
	{{{14, 0}}, 1},
	{{{0, 0}}, 0},
	{{{16, STRONG}, {15, STRONG}}, 2},
	{{{0, 0}}, 0},
	{{{0, 0}}, 0},
};

struct numbered {
	uint64_t n, run;
};
static const struct pawl_function spec_task;

static int spec_task_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	const struct numbered *task = args;
	int error = change_get(context);

	for (unsigned i = 0; i < spec[task->n].n && !error; i++) {
		struct edge edge = spec[task->n].edges[i];
		struct numbered to = {edge.to, task->run};
		int64_t number;
		pawl_ref_t ref;

		error = pawl_call(context, &spec_task, &to, &ref);
		if (!error && edge.how & READ)
			error = cf_get(context, ref, 0, &number);
		if (!error && edge.how & STRONG)
			error = cf_get(context, ref, PAWL_READ_STRONG, &number);
	}
	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(spec_task, PAWL_FUNCTION_OPERATION, sizeof(struct numbered));

static int spec_root_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	return pawl_call(context, &spec_task, args, ret_output);
}
CF_FUNCTION(spec_root, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT, sizeof(struct numbered));

static const struct pawl_function *const spec_functions[] = {&spec_task, &spec_root};
static const struct cf_tables spec_tables = {spec_functions, 2, NULL, 0, NULL, 0, 0};

static void graph_bug(unsigned run)
{
	change_make(run != 1);
	for (unsigned i = 0; i < t_scaled(100); i++) {
		struct numbered first = {0, run * 1000 + i};

		assert_int_equal(cf_ask(&spec_root, &first), 0);
	}
}

static void case_graph_bug(void **state)
{
	(void)state;
	cf_thrice(&spec_tables, graph_bug);
}

/* ---- bug2 :: graph_bug ------------------------------------------------------------------------ */

/* 0 calls 1, at once or through a chain: `depth` of it is left. */
struct link {
	struct cf_state state;
	uint64_t task, depth;
};
#define CHAIN 254
static const struct pawl_function linked;

static int linked_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct link *link = args;
	struct link next = {link->state, 1, 0};
	int64_t iteration, number;
	int error =
		pawl_load_acquire(&may_change) ? cf_state_get(context, unsettled, &number) : 0;

	if (error)
		return error;
	if (link->task == 0 && !link->depth) {
		error = cf_state_get(context, link->state, &iteration);
		next.depth = !error && iteration ? CHAIN : 0;
		next.task = next.depth ? 0 : 1;
	} else if (link->depth) {
		next.depth = link->depth - 1;
		next.task = next.depth ? 0 : 1;
	} else {
		return cf_give(context, 7, ret_output);
	}
	if (!error)
		error = cf_call(context, &linked, &next, &number);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(linked, PAWL_FUNCTION_OPERATION, sizeof(struct link));

static const struct pawl_function *const link_functions[] = {&linked};
static const struct cf_tables link_tables = {link_functions, 1, NULL, 0, NULL, 0, 0};

static void chain_bug(unsigned run)
{
	struct link first = {cf_state_make(0), 0, 0};

	change_make(run != 1);
	assert_int_equal(cf_ask(&linked, &first), 7);
	pawl_store_relaxed(&locked, 0u);
	cf_state_set(first.state, 1);
	assert_int_equal(cf_ask(&linked, &first), 7);
	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	/* Not of the square of its length: with a store all of them are session-dependent, and aggregate. */
	assert_true(pawl_load_relaxed(&locked) > CHAIN);
	assert_true(pawl_load_relaxed(&locked) < CHAIN * 100);
}

static void case_chain_bug(void **state)
{
	(void)state;
	cf_thrice(&link_tables, chain_bug);
}

/* ---- performance :: many_calls_to_many_children --------------------------------------------------- */

#define CHILDREN 2000

static int leaf_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int error = change_get(context);

	(void)args;
	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(leaf, 0, sizeof(struct numbered));

static int many_children_body(struct pawl_context *context, const void *args,
			      pawl_ref_t *ret_output)
{
	const struct numbered *many = args;
	struct numbered child = {0, many->run};
	pawl_ref_t ref;
	int error = 0;

	for (; child.n < CHILDREN && !error; child.n++)
		error = pawl_call(context, &leaf, &child, &ref);
	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(many_children, 0, sizeof(struct numbered));

static int calls_many_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	const struct numbered *here = args;
	struct numbered many = {0, here->run};
	pawl_ref_t ref;
	int error = pawl_call(context, &many_children, &many, &ref);

	return error ? error : cf_give(context, (int64_t)here->n, ret_output);
}
CF_FUNCTION(calls_many, PAWL_FUNCTION_ROOT, sizeof(struct numbered));

static const struct pawl_function *const many_functions[] = {&leaf, &many_children,
							     &calls_many};
static const struct cf_tables many_tables = {many_functions, 3, NULL, 0, NULL, 0, 1};

/* Records locked by calls from i to end. */
static uint64_t ask_many(unsigned run, unsigned i, unsigned end)
{
	pawl_store_relaxed(&locked, 0u);
	for (; i < end; i++) {
		struct numbered here = {i, run};

		assert_int_equal(cf_ask(&calls_many, &here), i);
	}
	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	return pawl_load_relaxed(&locked);
}

static void many_calls_to_many_children(unsigned run)
{
	uint64_t first, second, again = UINT64_MAX;

	change_make(run != 1);
	assert_true(ask_many(run, 0, 1) > CHILDREN);
	(void)ask_many(run, 1, 2);
	first = ask_many(run, 2, 100);
	second = ask_many(run, 100, 198);
	assert_true(first > 98);
	/* It does not grow with the number of parents, nor has it to do with that of children. */
	assert_true(2 * second < 3 * first);
	assert_true(first < (uint64_t)98 * CHILDREN / 10);
	assert_true(second < (uint64_t)98 * CHILDREN / 10);
	/* What goes on beside it, a look at what may be collected, say, is in the count as well; not each time. */
	for (unsigned i = 0; i < 5; i++) {
		uint64_t now = ask_many(run, 99, 100);

		again = now < again ? now : again;
	}
	assert_true(again < CHILDREN / 10);
}

static void case_many_calls_to_many_children(void **state)
{
	(void)state;
	cf_thrice(&many_tables, many_calls_to_many_children);
}

/* ---- readers at once -------------------------------------------------------------------------------- */

struct reader {
	const struct pawl_function *function;
	const void *args;
	int64_t expected; /* -1: anything */
};

static void reader_thread(void *arg)
{
	const struct reader *reader = arg;
	int64_t number = cf_ask(reader->function, reader->args);

	t_check(reader->expected == -1 || number == reader->expected);
}

/* ---- scope_stress :: rectangle_stress ------------------------------------------------------------------ */

#define SIDE 50

struct place {
	uint64_t a, b, run;
	struct cf_state link; /* grid only */
};
static const struct pawl_function rectangle;

static int rectangle_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	const struct place *at = args;
	struct place left = *at, below = *at;
	int64_t x = 0, y = 0;
	int error = change_get(context);

	if (at->a) {
		left.a--;
		error = cf_call(context, &rectangle, &left, &x);
	}
	if (at->b && !error) {
		below.b--;
		error = cf_call(context, &rectangle, &below, &y);
	}
	return error ? error : cf_give(context, x > y ? x + 1 : y + 1, ret_output);
}
CF_FUNCTION(rectangle, PAWL_FUNCTION_OPERATION, sizeof(struct place));

static const struct pawl_function *const rectangle_functions[] = {&rectangle};
static const struct cf_tables rectangle_tables = {rectangle_functions, 1, NULL, 0, NULL, 0, 0};

/* Both edges of a square, read at once, by threads of their own. */
static void read_edges(const struct pawl_function *function, struct place first, unsigned side,
		       bool counts)
{
	struct t_thread *threads[2 * SIDE];
	struct reader readers[2 * SIDE];
	struct place places[2 * SIDE];
	unsigned n = 0;

	for (unsigned i = 0; i < side; i++) {
		for (unsigned k = 0; k < (i + 1 < side ? 2u : 1u); k++, n++) {
			places[n] = first;
			places[n].a = k ? side - 1 : i;
			places[n].b = k ? i : side - 1;
			readers[n] = (struct reader){function, &places[n],
						     counts ? (int64_t)(side + i) : -1};
			threads[n] = t_thread_start(reader_thread, &readers[n]);
		}
	}
	while (n)
		t_thread_join(threads[--n]);
}

static void rectangle_stress(unsigned run)
{
	change_make(run != 1);
	read_edges(&rectangle, (struct place){0, 0, run, {0}}, t_scaled(SIDE), true);
}

static void case_rectangle_stress(void **state)
{
	(void)state;
	cf_thrice(&rectangle_tables, rectangle_stress);
}

/* ---- aggregation_balance_race :: balance_edge_race -------------------------------------------------------- */

#define GRID 20
static const struct pawl_function grid;

static int grid_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct place *at = args;
	struct place left = *at, below = *at, target = *at;
	int64_t t, number;
	int error = 0;

	if (at->a) {
		left.a--;
		error = cf_call(context, &grid, &left, &number);
	}
	if (at->b && !error) {
		below.b--;
		error = cf_call(context, &grid, &below, &number);
	}
	if (!error)
		error = cf_state_get(context, at->link, &t);
	if (!error && t > 0 && ((int64_t)at->a > t + 1 || (int64_t)at->b > t + 1)) {
		target.a = target.b = (uint64_t)t;
		error = cf_call(context, &grid, &target, &number);
	}
	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(grid, PAWL_FUNCTION_OPERATION, sizeof(struct place));

static const struct pawl_function *const grid_functions[] = {&grid};
static const struct cf_tables grid_tables = {grid_functions, 1, NULL, 0, NULL, 0, 8};

static void edges_thread(void *arg)
{
	read_edges(&grid, *(const struct place *)arg, GRID, false);
}

static void balance_edge_race(unsigned run)
{
	struct place first = {0, 0, run, cf_state_make(0)};

	for (unsigned round = 0; round < t_scaled(100); round++) {
		struct t_thread *thread;

		cf_state_set(first.link, round % 17 + 1);
		thread = t_thread_start(edges_thread, &first);
		cf_state_set(first.link, 0);
		read_edges(&grid, first, GRID, false);
		t_thread_join(thread);
		assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	}
}

static void case_balance_edge_race(void **state)
{
	(void)state;
	cf_once(&grid_tables, balance_edge_race);
}

/* ---- nested_strong_stress ----------------------------------------------------------------------------------- */

static const struct pawl_trait issue = {sizeof(issue), "issue", NULL, 0};

struct shared {
	uint64_t which, depth;
};
static const struct pawl_function shared_dep;

static int shared_dep_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	const struct shared *shared = args;
	struct shared below = {shared->which, shared->depth - 1};
	int64_t number = 0;
	int error = change_get(context);

	if (!error && shared->depth)
		error = cf_call(context, &shared_dep, &below, &number);
	return error ? error : cf_give(context, number + 1, ret_output);
}
CF_FUNCTION(shared_dep, 0, sizeof(struct shared));

static int strong_leaf_body(struct pawl_context *context, const void *args,
			    pawl_ref_t *ret_output)
{
	const struct numbered *here = args;
	struct shared shared = {here->n % 16, 3};
	int64_t number;
	pawl_ref_t ref;
	int error = cf_give(context, (int64_t)here->n, &ref);

	if (!error)
		error = pawl_emit(context, &issue, ref);
	if (!error)
		error = cf_call(context, &shared_dep, &shared, &number);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(strong_leaf, 0, sizeof(struct numbered));

struct strong_node {
	uint64_t level, id, run;
};
static const struct pawl_function strong_node;

static int strong_child_body(struct pawl_context *context, const void *args,
			     pawl_ref_t *ret_output)
{
	int64_t number;
	pawl_ref_t ref;
	int error = pawl_call(context, &strong_node, args, &ref);

	if (!error)
		error = cf_get(context, ref, PAWL_READ_STRONG, &number);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(strong_child, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT,
	    sizeof(struct strong_node));

static int strong_node_body(struct pawl_context *context, const void *args,
			    pawl_ref_t *ret_output)
{
	const struct strong_node *node = args;
	pawl_ref_t refs[12];
	unsigned n = node->level ? 4 : 12;
	int64_t sum = 0, number;
	int error = 0;

	for (unsigned i = 0; i < n && !error; i++) {
		struct strong_node child = {node->level - 1, node->id * 4 + i, node->run};
		struct numbered below = {node->id * 12 + i, node->run};

		error = node->level ? pawl_call(context, &strong_child, &child, &refs[i])
				    : pawl_call(context, &strong_leaf, &below, &refs[i]);
	}
	for (unsigned i = 0; i < n && !error; i++) {
		error = cf_get(context, refs[i], 0, &number);
		sum += number;
	}
	return error ? error : cf_give(context, sum, ret_output);
}
CF_FUNCTION(strong_node, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT,
	    sizeof(struct strong_node));

static const struct pawl_function *const strong_functions[] = {&shared_dep, &strong_leaf,
							       &strong_child, &strong_node};
static const struct pawl_trait *const strong_traits[] = {&issue};
static const struct cf_tables strong_tables = {strong_functions, 4, NULL, 0,
					       strong_traits,	 1, 4};

static void nested_strong(unsigned run)
{
	struct strong_node top = {4, 0, run};

	change_make(run != 1);
	/* 256 nodes of level 0, with 12 leaves each, of 4 each. */
	assert_int_equal(cf_ask(&strong_node, &top), 256 * 12 * 4);
}

static void case_nested_strong_stress(void **state)
{
	(void)state;
	cf_thrice(&strong_tables, nested_strong);
}

/* ---- inline_read_execution ------------------------------------------------------------------------------------- */

static const struct pawl_function chain_link;

static int chain_link_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	const struct numbered *here = args;
	struct numbered next = {here->n - 1, here->run};
	int64_t number = -1;
	int error = change_get(context);

	if (!error && here->n)
		error = cf_call(context, &chain_link, &next, &number);

	return error ? error : cf_give(context, number + 1, ret_output);
}
CF_FUNCTION(chain_link, 0, sizeof(struct numbered));

static int counted_leaf_body(struct pawl_context *context, const void *args,
			     pawl_ref_t *ret_output)
{
	(void)args;
	cf_count(&ran);
	return cf_give(context, 5, ret_output);
}
CF_FUNCTION(counted_leaf, 0, sizeof(struct numbered));

static int leaf_reader_body(struct pawl_context *context, const void *args,
			    pawl_ref_t *ret_output)
{
	const struct numbered *here = args;
	struct numbered one = {0, here->run};
	int64_t number;
	int error = cf_call(context, &counted_leaf, &one, &number);

	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(leaf_reader, 0, sizeof(struct numbered));

/* Sets what it has read, as long as that is below 3. */
static int self_invalidating_body(struct pawl_context *context, const void *args,
				  pawl_ref_t *ret_output)
{
	const struct cf_state *state = args;
	int64_t number;
	int error = cf_state_get(context, *state, &number);

	if (!error && number < 3)
		cf_state_set(*state, number + 1);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(self_invalidating, PAWL_FUNCTION_OPERATION, sizeof(struct cf_state));

static const struct pawl_function *const inline_functions[] = {
	&chain_link, &counted_leaf, &leaf_reader, &self_invalidating};
static const struct cf_tables inline_tables = {inline_functions, 4, NULL, 0, NULL, 0, 4};

static void inline_chain(unsigned run)
{
	change_make(run != 1);
	assert_int_equal(cf_ask(&chain_link, &(struct numbered){500, run}), 500);
}

static void case_inline_chain(void **state)
{
	(void)state;
	cf_thrice(&inline_tables, inline_chain);
}

static void inline_readers(unsigned run)
{
	struct t_thread *threads[8];
	struct numbered places[8];
	struct reader readers[8];

	(void)cf_counted(&ran);
	for (unsigned i = 0; i < 8; i++) {
		places[i] = (struct numbered){i, run};
		readers[i] = (struct reader){&leaf_reader, &places[i], 5};
		threads[i] = t_thread_start(reader_thread, &readers[i]);
	}
	for (unsigned i = 0; i < 8; i++)
		t_thread_join(threads[i]);
	assert_int_equal(cf_counted(&ran), 1);
}

static void case_inline_readers(void **state)
{
	(void)state;
	cf_thrice(&inline_tables, inline_readers);
}

static void inline_self(unsigned run)
{
	struct cf_state state = cf_state_make(0);

	(void)run;
	assert_true(cf_ask(&self_invalidating, &state) >= 3);
}

static void case_inline_self_invalidating(void **state)
{
	(void)state;
	cf_thrice(&inline_tables, inline_self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_graph_bug),
		cmocka_unit_test(case_chain_bug),
		cmocka_unit_test(case_many_calls_to_many_children),
		cmocka_unit_test(case_rectangle_stress),
		cmocka_unit_test(case_balance_edge_race),
		cmocka_unit_test(case_nested_strong_stress),
		cmocka_unit_test(case_inline_chain),
		cmocka_unit_test(case_inline_readers),
		cmocka_unit_test(case_inline_self_invalidating),
	};

	return cf_run("conform-graphs", tests);
}
