/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-collection.c - tasks that nobody needs go: who is counted, what goes, what stays, and that nobody sees it.
 *
 * What a visit has called goes with the visit here, so that what is left is what roots need.
 */
#include "conform.h"

#include <stdlib.h>

#include "../../engine/engine.h"
#include "../../engine/graph/graph.h"
#include "../../engine/persist/persist.h"

#define WIDE 400
#define SPAN 10000 /* leaves of one generation and of the next are others */

/* ---- functions ------------------------------------------------------------------------- */

static struct pawl_atomic_u32 leaf_runs;
static struct cf_state selector_state, constant_state;
static uint64_t leaves = WIDE; /* of what is switched */

struct leaf_args {
	uint64_t number, constant; /* constant: it never changes */
};

static int leaf_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct leaf_args *args = arg;
	int64_t zero = 0;
	int error = args->constant ? 0 : cf_state_get(context, constant_state, &zero);

	cf_count(&leaf_runs);
	return error ? error : cf_give(context, (int64_t)args->number + zero, ret_output);
}
CF_FUNCTION(leaf, 0, sizeof(struct leaf_args));

struct branch_args {
	uint64_t leaf;
};

/* Its leaf and one more. */
static int branch_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct branch_args *args = arg;
	struct leaf_args of = {args->leaf, 0};
	int64_t number;
	int error = cf_call(context, &leaf, &of, &number);

	return error ? error : cf_give(context, number + 1, ret_output);
}
CF_FUNCTION(branch, 0, sizeof(struct branch_args));

/* branch(10) or branch(20), as the state says. */
static int selector_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	struct branch_args args = {10};
	int64_t which, number;
	int error = cf_state_get(context, selector_state, &which);

	(void)arg;
	if (which % 2)
		args.leaf = 20;
	if (!error)
		error = cf_call(context, &branch, &args, &number);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(selector, 0, 0);

struct wide_args {
	uint64_t generation, width, constant;
};

static int wide_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct wide_args *args = arg;
	int64_t sum = 0;

	for (uint64_t i = 0; i < args->width; i++) {
		struct leaf_args of = {args->generation * SPAN + i, args->constant};
		int64_t number;
		int error = cf_call(context, &leaf, &of, &number);

		if (error)
			return error;
		sum += number;
	}
	return cf_give(context, sum, ret_output);
}
CF_FUNCTION(wide, 0, sizeof(struct wide_args));

/* Reads what it was given, and has not called. */
struct borrow_args {
	pawl_ref_t ref;
};
static const struct pawl_argument borrow_arguments[] = {CF_REF(struct borrow_args, ref)};

static int borrow_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct borrow_args *args = arg;
	int64_t number, zero;
	int error = cf_get(context, args->ref, 0, &number);

	if (!error)
		error = cf_state_get(context, constant_state, &zero);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION_OF(borrow, 0, struct borrow_args);

static int diamond_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct wide_args *args = arg;
	int64_t sum = 0;

	for (uint64_t i = 0; i < args->width; i++) {
		struct leaf_args of = {args->generation * SPAN + i, 0};
		struct borrow_args borrowed;
		int64_t number;
		int error = pawl_call(context, &leaf, &of, &borrowed.ref);

		if (!error)
			error = cf_call(context, &borrow, &borrowed, &number);
		if (error)
			return error;
		sum += number;
	}
	return cf_give(context, sum, ret_output);
}
CF_FUNCTION(diamond, 0, sizeof(struct wide_args));

/* As the state says: wide, diamond, or neither. */
enum { NEITHER, A_WIDE, A_DIAMOND, A_STILL };

static int switched_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	struct wide_args args = {0, leaves, 0};
	int64_t which, number = 0;
	int error = cf_state_get(context, selector_state, &which);

	(void)arg;
	args.generation = (uint64_t)which / 4;
	args.constant = which % 4 == A_STILL;
	if (!error && which % 4)
		error = cf_call(context, which % 4 == A_DIAMOND ? &diamond : &wide, &args,
				&number);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(switched, 0, 0);

static const struct pawl_function *const functions[] = {&leaf,	 &branch,  &selector, &wide,
							&borrow, &diamond, &switched};
static const struct cf_tables tables = {functions, CF_N(functions), NULL, 0, NULL, 0, 0};

/* The leaves of a generation. */
static int64_t sum_of(uint64_t generation)
{
	return (int64_t)(generation * SPAN * leaves + leaves * (leaves - 1) / 2);
}

/* ---- what is asked ------------------------------------------------------------------------ */

static void up(void)
{
	cf_open(&tables);
	selector_state = cf_state_make(0);
	constant_state = cf_state_make(0);
	(void)cf_counted(&leaf_runs);
}

static uint64_t collect(void)
{
	struct pawl_collect_stats stats;

	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	assert_int_equal(pawl_engine_collect(cf_engine, &stats), 0);
	assert_int_equal(stats.left, 0);
	cf_settle();
	return stats.collected;
}

static uint64_t tasks_now(void)
{
	struct pawl_engine_stats stats;

	pawl_engine_stats_read(cf_engine, &stats);
	return stats.tasks;
}

/* A root that needs what it calls. */
static int root_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_call(context, arg, NULL, &number);

	return error ? error : cf_give(context, number, ret_output);
}

static pawl_ref_t root_of(const struct pawl_function *function)
{
	pawl_ref_t root;

	assert_int_equal(pawl_engine_spawn_root(cf_engine, root_body,
						(void *)(uintptr_t)function, NULL, &root),
			 0);
	return root;
}

struct look {
	pawl_ref_t ref;
	int error;
	int64_t number;
};

static int look_visit(struct pawl_context *context, void *arg)
{
	struct look *look = arg;

	look->error = cf_get(context, look->ref, PAWL_READ_STRONG, &look->number);
	return 0;
}

static int64_t number_at(pawl_ref_t ref)
{
	struct look look = {ref, 0, 0};

	cf_visit(look_visit, &look);
	assert_int_equal(look.error, 0);
	return look.number;
}

struct named {
	const struct pawl_function *function;
	const void *args;
	pawl_ref_t ref;
};

static int name_visit(struct pawl_context *context, void *arg)
{
	struct named *named = arg;

	return pawl_call(context, named->function, named->args, &named->ref);
}

static pawl_ref_t ref_of(const struct pawl_function *function, const void *args)
{
	struct named named = {function, args, {0}};

	cf_visit(name_visit, &named);
	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	return named.ref;
}

static uint32_t parents_of(pawl_ref_t ref)
{
	struct eng_node *node = eng_lock_any(cf_engine->graph, eng_ref_task(ref));
	uint32_t parents;

	assert_non_null(node);
	parents = eng_parents(node);
	eng_unlock(node);
	return parents;
}

static void select_now(int64_t which)
{
	cf_state_set(selector_state, which);
	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
}

/* ---- parent_count ----------------------------------------------------------------------- */

static const struct branch_args ten = {10}, twenty = {20};
static const struct leaf_args leaf_ten = {10, 0};

static void case_counts(void **state)
{
	pawl_ref_t root, a, b, leaf_a;

	(void)state;
	up();
	root = root_of(&selector);
	assert_int_equal(number_at(root), 11);
	a = ref_of(&branch, &ten);
	leaf_a = ref_of(&leaf, &leaf_ten);
	assert_int_equal(parents_of(a), 1);
	assert_int_equal(parents_of(leaf_a), 1);
	select_now(1);
	assert_int_equal(number_at(root), 21);
	b = ref_of(&branch, &twenty);
	assert_int_equal(parents_of(a), 0);
	assert_int_equal(parents_of(leaf_a), 1);
	assert_int_equal(parents_of(b), 1);
	select_now(0);
	assert_int_equal(number_at(root), 11);
	assert_int_equal(parents_of(a), 1);
	assert_int_equal(parents_of(b), 0);
	/* Run again and again: it is the same child. */
	for (int64_t i = 1; i <= 5; i++) {
		select_now(2 * i);
		assert_int_equal(number_at(root), 11);
		assert_int_equal(parents_of(a), 1);
	}
	cf_close();
}

/* ---- gc_collection ------------------------------------------------------------------------ */

static void case_subtree(void **state)
{
	pawl_ref_t root;

	(void)state;
	up();
	root = root_of(&selector);
	assert_int_equal(number_at(root), 11);
	assert_int_equal(collect(), 0);
	select_now(1);
	assert_int_equal(collect(), 2);
	assert_int_equal(collect(), 0);
	(void)cf_counted(&leaf_runs);
	select_now(2);
	assert_int_equal(number_at(root), 11);
	assert_int_equal(cf_counted(&leaf_runs), 1);
	/* What the state remembers of who has read it are numbers of tasks that are gone. */
	assert_int_equal(collect(), 2);
	cf_state_set(constant_state, 1);
	assert_int_equal(number_at(root), 12);
	cf_close();
}

static void case_pinned(void **state)
{
	pawl_ref_t a;

	(void)state;
	up();
	assert_int_equal(number_at(root_of(&selector)), 11);
	a = ref_of(&branch, &ten);
	assert_int_equal(pawl_engine_pin(cf_engine, a), 0);
	select_now(1);
	assert_int_equal(collect(), 0);
	assert_int_equal(collect(), 0);
	assert_int_equal(number_at(a), 11);
	assert_int_equal(pawl_engine_unpin(cf_engine, a), 0);
	assert_int_equal(collect(), 2);
	assert_int_equal(pawl_engine_pin(cf_engine, a), -ESTALE);
	assert_int_equal(pawl_engine_unpin(cf_engine, a), -ESTALE);
	cf_close();
}

/* What a visit has called is held as long as the visit, and no longer. */
static int hold_visit(struct pawl_context *context, void *arg)
{
	struct pawl_collect_stats stats;
	pawl_ref_t *ref = arg;
	int64_t number;
	int error = pawl_call(context, &leaf, &leaf_ten, ref);

	if (!error)
		error = pawl_call(context, &leaf, &leaf_ten, ref);
	if (!error)
		error = cf_get(context, *ref, 0, &number);
	t_check(parents_of(*ref) == 1);
	t_check(!pawl_engine_collect(cf_engine, &stats) && !stats.collected);
	return error ? error : cf_get(context, *ref, 0, &number);
}

static void case_visit(void **state)
{
	struct look look = {{0}, 0, 0};
	pawl_ref_t ref;

	(void)state;
	up();
	cf_visit(hold_visit, &ref);
	assert_int_equal(parents_of(ref), 0);
	assert_int_equal(collect(), 1);
	look.ref = ref;
	cf_visit(look_visit, &look);
	assert_int_equal(look.error, -ESTALE);
	cf_close();
	/* Or for some time after it. */
	unsetenv("PAWL_COLLECT_AFTER_MS");
	up();
	cf_visit(hold_visit, &ref);
	assert_int_equal(collect(), 0);
	assert_int_equal(number_at(ref), 10);
	cf_close();
	assert_int_equal(setenv("PAWL_COLLECT_AFTER_MS", "0", 1), 0);
}

static void case_disposed(void **state)
{
	pawl_ref_t root;

	(void)state;
	up();
	root = root_of(&selector);
	assert_int_equal(number_at(root), 11);
	assert_int_equal(collect(), 0);
	assert_int_equal(pawl_engine_dispose_root(cf_engine, root), 0);
	assert_int_equal(pawl_engine_dispose_root(cf_engine, root), -ESTALE);
	assert_int_equal(collect(), 3);
	assert_int_equal(tasks_now(), 0);
	cf_close();
}

static void case_off(void **state)
{
	(void)state;
	assert_int_equal(setenv("PAWL_COLLECT", "0", 1), 0);
	up();
	assert_int_equal(number_at(root_of(&selector)), 11);
	select_now(1);
	assert_int_equal(collect(), 0);
	assert_int_equal(tasks_now(), 5);
	cf_close();
	unsetenv("PAWL_COLLECT");
}

/* ---- gc_resurrection ------------------------------------------------------------------------ */

/* One pass takes all of a wide one; called again it is made again. */
static void goes_and_comes(int64_t what, uint64_t goes, uint64_t n)
{
	pawl_ref_t root;
	uint64_t before;

	up();
	root = root_of(&switched);
	assert_int_equal(number_at(root), 0);
	before = tasks_now();
	for (int64_t i = 0; i < 3; i++) {
		(void)cf_counted(&leaf_runs);
		select_now(what + 4 * (i % 2));
		assert_int_equal(number_at(root), sum_of((uint64_t)i % 2));
		assert_int_equal(cf_counted(&leaf_runs), n);
		assert_int_equal(tasks_now(), before + goes);
		select_now(NEITHER);
		/* The background may have been faster. */
		(void)collect();
		assert_int_equal(tasks_now(), before);
		assert_int_equal(collect(), 0);
	}
	/* One that goes beside another one that comes. */
	select_now(what);
	assert_int_equal(number_at(root), sum_of(0));
	select_now(what + 4);
	assert_int_equal(number_at(root), sum_of(1));
	(void)collect();
	assert_int_equal(tasks_now(), before + goes);
	cf_close();
}

static void case_wide(void **state)
{
	(void)state;
	goes_and_comes(A_WIDE, WIDE + 1, WIDE);
}

static void case_diamond(void **state)
{
	(void)state;
	goes_and_comes(A_DIAMOND, 2 * WIDE + 1, WIDE);
}

static void case_still(void **state)
{
	(void)state;
	goes_and_comes(A_STILL, WIDE + 1, WIDE);
}

/* ---- what is left of them --------------------------------------------------------------------- */

static pawl_ref_t borrowed_cell;

static int borrower_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	struct borrow_args args = {borrowed_cell};
	int64_t number;
	int error = cf_call(context, &borrow, &args, &number);

	(void)arg;
	return error ? error : cf_give(context, number, ret_output);
}

static int cell_visit(struct pawl_context *context, void *arg)
{
	pawl_ref_t ref;
	int error = pawl_call(context, &branch, arg, &ref);

	return error ? error : pawl_resolve(context, ref, 0, &borrowed_cell, NULL);
}

/* Who has a cell of it, and has not called it, runs again and finds that it is gone. */
static void case_reader(void **state)
{
	struct cf_reading told = {.text = ""};
	struct look look = {{0}, 0, 0};

	(void)state;
	up();
	assert_int_equal(number_at(root_of(&selector)), 11);
	cf_visit(cell_visit, (void *)(uintptr_t)&ten);
	assert_int_equal(
		pawl_engine_spawn_root(cf_engine, borrower_body, NULL, NULL, &told.ref), 0);
	assert_int_equal(number_at(told.ref), 11);
	assert_int_equal(collect(), 0);
	select_now(1);
	assert_int_equal(collect(), 2);
	cf_read(&told);
	assert_int_equal(told.error, -PAWL_ETASK);
	assert_non_null(strstr(told.text, "was collected"));
	look.ref = borrowed_cell;
	cf_visit(look_visit, &look);
	assert_int_equal(look.error, -ESTALE);
	cf_close();
}

static int connect_visit(struct pawl_context *context, void *arg)
{
	pawl_ref_t *ref = arg;

	return pawl_connect(context, *ref);
}

static int connecting_body(struct pawl_context *context, const void *arg,
			   pawl_ref_t *ret_output)
{
	const pawl_ref_t *ref = arg;
	int error = pawl_connect(context, *ref);

	return error ? error : cf_give(context, 1, ret_output);
}

/* An operation that was kept without a pin. */
static void case_connect(void **state)
{
	struct cf_reading told = {.text = ""};
	pawl_ref_t ref;
	uint64_t tasks;

	(void)state;
	up();
	ref = ref_of(&branch, &ten);
	assert_int_equal(collect(), 2);
	tasks = tasks_now();
	assert_int_equal(pawl_engine_run(cf_engine, connect_visit, &ref), -ESTALE);
	assert_int_equal(
		pawl_engine_spawn_root(cf_engine, connecting_body, &ref, NULL, &told.ref), 0);
	cf_read(&told);
	assert_int_equal(told.error, -PAWL_ETASK);
	assert_non_null(strstr(told.text, "was collected"));
	assert_int_equal(tasks_now(), tasks);
	cf_close();
}

/* ---- many ------------------------------------------------------------------------------------ */

#define GENERATIONS 20

/* Generations come and go: what is there is one of them, and what the background has not begun with. */
static void case_generations(void **state)
{
	uint64_t before, most = 0;
	pawl_ref_t root;

	(void)state;
	up();
	root = root_of(&switched);
	assert_int_equal(number_at(root), 0);
	before = tasks_now();
	for (int64_t i = 0; i < GENERATIONS; i++) {
		select_now(4 * i + A_DIAMOND);
		assert_int_equal(number_at(root), sum_of((uint64_t)i));
		(void)collect();
		if (tasks_now() > most)
			most = tasks_now();
	}
	assert_int_equal(most, before + 2 * WIDE + 1);
	cf_close();
}

/* R2: 20 generations of 2,000; what is left of one that went is less than 16 bytes a task, for its number. */
static void case_flat(void **state)
{
	uint64_t before, bytes = 0;
	pawl_ref_t root;

	(void)state;
	leaves = 2000;
	up();
	root = root_of(&switched);
	assert_int_equal(number_at(root), 0);
	before = tasks_now();
	for (int64_t i = 0; i < GENERATIONS; i++) {
		select_now(4 * i + A_WIDE);
		assert_int_equal(number_at(root), sum_of((uint64_t)i));
		(void)collect();
		assert_int_equal(tasks_now(), before + leaves + 1);
		pawl_retire_barrier();
		if (i == 4)
			bytes = t_alloc_bytes();
	}
	assert_true(t_alloc_bytes() < bytes + (GENERATIONS - 5) * leaves * 16);
	cf_close();
	leaves = WIDE;
}

static struct pawl_atomic_u32 enough;

static void collect_on(void *arg)
{
	uint64_t *collected = arg;

	/* At least once, so that there is something to count. */
	do {
		struct pawl_collect_stats stats;

		t_check(!pawl_engine_collect(cf_engine, &stats));
		*collected += stats.collected;
	} while (!pawl_load_acquire(&enough));
}

/* Beside edits and reads; what one pass leaves the next one takes. */
static void case_beside(void **state)
{
	struct pawl_collect_stats stats;
	struct t_thread *thread;
	uint64_t collected = 0, before;
	pawl_ref_t root;

	(void)state;
	up();
	root = root_of(&switched);
	assert_int_equal(number_at(root), 0);
	before = tasks_now();
	pawl_store_relaxed(&enough, 0u);
	thread = t_thread_start(collect_on, &collected);
	for (int64_t i = 0; i < (int64_t)t_scaled(60); i++) {
		int64_t which = i % 3 == 2 ? NEITHER : 4 * (i % 5) + 1 + i % 3;

		cf_state_set(selector_state, which);
		assert_int_equal(number_at(root), which % 4 ? sum_of((uint64_t)which / 4) : 0);
		if (i % 4 == 0)
			cf_state_set(constant_state, 0);
	}
	pawl_store_release(&enough, 1u);
	t_thread_join(thread);
	select_now(NEITHER);
	assert_int_equal(number_at(root), 0);
	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	assert_int_equal(pawl_engine_collect(cf_engine, &stats), 0);
	cf_settle();
	assert_int_equal(tasks_now(), before);
	cf_close();
}

/* ---- with a store -------------------------------------------------------------------------------- */

/* What is in the store is what is there. */
static void check_rows(void)
{
	static const enum pawl_store_space spaces[] = {PAWL_STORE_META, PAWL_STORE_DATA,
						       PAWL_STORE_TYPES};

	assert_int_equal(pawl_engine_snapshot(cf_engine, NULL), 0);
	for (unsigned i = 0; i < CF_N(spaces); i++)
		assert_int_equal(cf_rows(spaces[i]), tasks_now());
}

static pawl_ref_t selector_again(int64_t which, int64_t number)
{
	pawl_ref_t root;

	selector_state = cf_state_make(which);
	constant_state = cf_state_make(0);
	root = root_of(&selector);
	assert_int_equal(number_at(root), number);
	return root;
}

/* Who goes is taken out of it, and what takes its place is found there in the next process. */
static void case_out_of_store(void **state)
{
	pawl_ref_t root;

	(void)state;
	up();
	if (!cf_stored) {
		cf_close();
		return;
	}
	root = root_of(&selector);
	assert_int_equal(number_at(root), 11);
	check_rows();
	select_now(1);
	assert_int_equal(collect(), 2);
	check_rows();
	/* One with a key of one that went, before the store knows that it went. */
	select_now(2);
	assert_int_equal(collect(), 2);
	select_now(3);
	assert_int_equal(number_at(root), 21);
	check_rows();
	assert_int_equal(collect(), 2);
	check_rows();
	(void)cf_counted(&leaf_runs);
	cf_restart();
	(void)selector_again(3, 21);
	select_now(4);
	assert_int_equal(collect(), 2);
	assert_int_equal(pawl_engine_snapshot(cf_engine, NULL), 0);
	eng_restore_all(cf_engine->graph);
	check_rows();
	cf_close();
}

int main(void)
{
	/* What has left is not collected before the next process; here they are counted. */
	cf_evicts = false;
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_counts),	     cmocka_unit_test(case_subtree),
		cmocka_unit_test(case_pinned),	     cmocka_unit_test(case_visit),
		cmocka_unit_test(case_disposed),     cmocka_unit_test(case_off),
		cmocka_unit_test(case_wide),	     cmocka_unit_test(case_diamond),
		cmocka_unit_test(case_still),	     cmocka_unit_test(case_reader),
		cmocka_unit_test(case_connect),	     cmocka_unit_test(case_generations),
		cf_in_memory_test(case_flat),	     cmocka_unit_test(case_beside),
		cmocka_unit_test(case_out_of_store),
	};

	(void)setenv("PAWL_COLLECT_AFTER_MS", "0", 1);
	return cf_run("conform-collection", cases);
}
