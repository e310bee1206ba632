/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-sessions.c - what sessions before have left, and nobody needs, goes; what is needed stays, whether the session
 * has come to it or not.
 *
 * The clock of real time is the test's own. Snapshots are made when they are asked for, and at the end.
 */
#include "conform.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../engine/engine.h"
#include "../../engine/graph/backing.h"
#include "../../engine/graph/graph.h"
#include "../../engine/persist/persist.h"

#define WIDE	  64
#define SPAN	  10000 /* leaves of one top and of the next are others */
#define DAY_S	  86400
#define SESSIONS  24
#define OF_A_WIDE (WIDE + 1)
#define ROUNDS	  12
#define POINTS	  12 /* of those at which operations may suspend themselves */

/* ---- real time ------------------------------------------------------------------------- */

static time_t later_s;

int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	int error = __real_clock_gettime(clock, ts);

	if (!error && clock == CLOCK_REALTIME)
		ts->tv_sec += later_s;
	return error;
}

/* ---- functions ------------------------------------------------------------------------- */

static struct pawl_atomic_u32 leaf_runs;
static int64_t world_is;

/* Looked at anew in each session. */
static int world_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	(void)arg;
	pawl_mark_session_dependent(context);
	return cf_give(context, world_is, ret_output);
}
CF_FUNCTION(world, 0, 0);

/* The same, and always finds the same. */
static int ground_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	(void)arg;
	pawl_mark_session_dependent(context);
	return cf_give(context, 0, ret_output);
}
CF_FUNCTION(ground, 0, 0);

enum kind {
	STILL,	/* leaves that never change */
	MOVING, /* that may */
	BORROWED
};

struct leaf_args {
	uint64_t number, kind;
};

static int leaf_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct leaf_args *args = arg;
	int64_t number;
	int error = args->kind == STILL ? 0 : cf_call(context, &ground, NULL, &number);

	cf_count(&leaf_runs);
	return error ? error : cf_give(context, (int64_t)args->number, ret_output);
}
CF_FUNCTION(leaf, 0, sizeof(struct leaf_args));

/* Reads what it was given, and has not called. */
struct borrow_args {
	pawl_ref_t ref;
};
static const struct pawl_argument borrow_arguments[] = {CF_REF(struct borrow_args, ref)};

static int borrow_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct borrow_args *args = arg;
	int64_t number;
	int error = cf_get(context, args->ref, 0, &number);

	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION_OF(borrow, 0, struct borrow_args);

struct top_args {
	uint64_t number, width, kind;
};

static int leaf_of(struct pawl_context *context, const struct top_args *top, uint64_t i,
		   int64_t *ret_number)
{
	struct leaf_args of = {top->number * SPAN + i, top->kind};
	struct borrow_args borrowed;
	int error;

	if (top->kind != BORROWED)
		return cf_call(context, &leaf, &of, ret_number);
	error = pawl_call(context, &leaf, &of, &borrowed.ref);
	return error ? error : cf_call(context, &borrow, &borrowed, ret_number);
}

static int top_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct top_args *args = arg;
	int64_t sum = 0;

	for (uint64_t i = 0; i < args->width; i++) {
		int64_t number = 0;
		int error = leaf_of(context, args, i, &number);

		if (error)
			return error;
		sum += number;
	}
	return cf_give(context, sum, ret_output);
}
CF_FUNCTION(top, 0, sizeof(struct top_args));

/* top(what the world is) */
static int chooser_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	struct top_args args = *(const struct top_args *)arg;
	int64_t number;
	int error = cf_call(context, &world, NULL, &number);

	args.number = (uint64_t)number;
	if (!error)
		error = cf_call(context, &top, &args, &number);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(chooser, 0, sizeof(struct top_args));

static const struct pawl_function *const functions[] = {&world,	 &ground, &leaf,
							&borrow, &top,	  &chooser};
static const struct cf_tables tables = {functions, CF_N(functions), NULL, 0, NULL, 0, 0};
static const struct cf_tables one_worker = {functions, CF_N(functions), NULL, 0, NULL, 0, 1};

/* ---- sessions --------------------------------------------------------------------------- */

/* Returns: false: nothing is stored in this run of the case, and so nothing is to be asked. */
static bool begin(uint64_t after_ms)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)after_ms);
	assert_int_equal(setenv("PAWL_COLLECT_AFTER_MS", text, 1), 0);
	cf_open(&tables);
	(void)cf_counted(&leaf_runs);
	later_s = 0;
	world_is = 1;
	if (!cf_stored)
		cf_close();
	return cf_stored;
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

struct wanted {
	const struct pawl_function *function;
	struct top_args args;
	pawl_ref_t ref;
};

static int root_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct wanted *wanted = arg;
	int64_t number;
	int error = cf_call(context, wanted->function, &wanted->args, &number);

	return error ? error : cf_give(context, number, ret_output);
}

static int look_visit(struct pawl_context *context, void *arg)
{
	const struct wanted *wanted = arg;
	int64_t number;

	return cf_get(context, wanted->ref, PAWL_READ_STRONG, &number);
}

/* A root of this session wants it. Returns: how many leaves ran. */
static uint32_t want(struct wanted *wanted)
{
	(void)cf_counted(&leaf_runs);
	assert_int_equal(
		pawl_engine_spawn_root(cf_engine, root_body, wanted, NULL, &wanted->ref), 0);
	cf_visit(look_visit, wanted);
	return cf_counted(&leaf_runs);
}

static struct wanted first = {&top, {1, 1, MOVING}, {0}}, second = {&top, {2, 1, MOVING}, {0}};

/* ---- gc_cross_session ------------------------------------------------------------------------ */

static void case_asked_again(void **state)
{
	(void)state;
	if (!begin(0))
		return;
	assert_int_equal(want(&first), 1);
	assert_int_equal(want(&second), 1);
	cf_restart();
	assert_int_equal(want(&first), 0);
	assert_int_equal(collect(), 2);
	assert_int_equal(collect(), 0);
	cf_restart();
	assert_int_equal(want(&first), 0);
	assert_int_equal(collect(), 0);
	assert_int_equal(cf_rows(PAWL_STORE_META), 3);
	cf_restart();
	assert_int_equal(want(&first), 0);
	assert_int_equal(want(&second), 1);
	cf_close();
}

/* Of none of them anything is in memory. */
static void goes_whole(enum kind kind, uint64_t goes)
{
	struct wanted wide = {&top, {3, WIDE, kind}, {0}};

	if (!begin(0))
		return;
	assert_int_equal(want(&wide), WIDE);
	cf_restart();
	assert_int_equal(collect(), goes);
	assert_int_equal(pawl_engine_snapshot(cf_engine, NULL), 0);
	assert_int_equal(cf_rows(PAWL_STORE_META), 0);
	assert_int_equal(cf_rows(PAWL_STORE_DATA), 0);
	assert_int_equal(cf_rows(PAWL_STORE_TYPES), 0);
	/* As if it had never been there, before the store is told and after. */
	assert_int_equal(want(&wide), WIDE);
	cf_restart();
	assert_int_equal(want(&wide), 0);
	cf_close();
}

static void case_wide_root(void **state)
{
	(void)state;
	goes_whole(BORROWED, 2 * WIDE + 2);
	goes_whole(MOVING, WIDE + 2);
	goes_whole(STILL, WIDE + 1);
}

static pawl_ref_t borrowed_cell;

static int cell_visit(struct pawl_context *context, void *arg)
{
	pawl_ref_t ref;
	int error = pawl_call(context, &leaf, arg, &ref);

	return error ? error : pawl_resolve(context, ref, 0, &borrowed_cell, NULL);
}

static int borrower_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	struct borrow_args args = {borrowed_cell};
	int64_t number;
	int error = cf_call(context, &borrow, &args, &number);

	(void)arg;
	return error ? error : cf_give(context, number, ret_output);
}

static void borrow_again(struct cf_reading *told)
{
	assert_int_equal(
		pawl_engine_spawn_root(cf_engine, borrower_body, NULL, NULL, &told->ref), 0);
	cf_read(told);
}

/* Who calls it goes, and so does it; who has read it stays, and finds that; the next time that one goes as well. */
static void case_second_reader(void **state)
{
	struct cf_reading told = {.text = ""};
	struct leaf_args of = {1 * SPAN, MOVING};

	(void)state;
	if (!begin(0))
		return;
	assert_int_equal(want(&first), 1);
	cf_visit(cell_visit, &of);
	borrow_again(&told);
	assert_int_equal(told.error, 0);
	cf_restart();
	borrow_again(&told);
	assert_int_equal(told.error, 0);
	assert_int_equal(collect(), 3);
	cf_read(&told);
	assert_int_equal(told.error, -PAWL_ETASK);
	assert_non_null(strstr(told.text, "was collected"));
	cf_restart();
	assert_int_equal(collect(), 1);
	assert_int_equal(pawl_engine_snapshot(cf_engine, NULL), 0);
	assert_int_equal(cf_rows(PAWL_STORE_META), 0);
	cf_close();
}

static int connect_visit(struct pawl_context *context, void *arg)
{
	return pawl_connect(context, *(pawl_ref_t *)arg);
}

static int connecting_body(struct pawl_context *context, const void *arg,
			   pawl_ref_t *ret_output)
{
	int error = pawl_connect(context, *(const pawl_ref_t *)arg);

	return error ? error : cf_give(context, 1, ret_output);
}

static void connect_in_vain(pawl_ref_t *ref)
{
	struct cf_reading told = {.text = ""};

	assert_int_equal(pawl_engine_run(cf_engine, connect_visit, ref), -ESTALE);
	assert_int_equal(
		pawl_engine_spawn_root(cf_engine, connecting_body, ref, NULL, &told.ref), 0);
	cf_read(&told);
	assert_int_equal(told.error, -PAWL_ETASK);
	assert_non_null(strstr(told.text, "was collected"));
}

static int name_visit(struct pawl_context *context, void *arg)
{
	struct wanted *wanted = arg;

	return pawl_call(context, wanted->function, &wanted->args, &wanted->ref);
}

/* That was kept without a pin, and has never been in memory in this session. */
static void case_connect_evicted(void **state)
{
	struct wanted kept = first;

	(void)state;
	if (!begin(0))
		return;
	assert_int_equal(want(&first), 1);
	cf_visit(name_visit, &kept);
	cf_restart();
	assert_int_equal(collect(), 3);
	connect_in_vain(&kept.ref);
	assert_int_equal(pawl_engine_snapshot(cf_engine, NULL), 0);
	connect_in_vain(&kept.ref);
	cf_restart();
	connect_in_vain(&kept.ref);
	cf_close();
}

/* ---- what is needed ---------------------------------------------------------------------------- */

/* A root reaches it, and nobody has come to it: it was not even restored. */
static void case_reached(void **state)
{
	struct wanted wide = {&top, {3, WIDE, MOVING}, {0}}, alike = wide;

	(void)state;
	if (!begin(0))
		return;
	assert_int_equal(want(&wide), WIDE);
	cf_restart();
	/* Nothing of it has to run; and before it is asked for nobody looks. */
	assert_int_equal(want(&wide), 0);
	assert_int_equal(collect(), 0);
	assert_int_equal(pawl_engine_dispose_root(cf_engine, wide.ref), 0);
	assert_int_equal(want(&alike), 0);
	assert_int_equal(collect(), 0);
	assert_int_equal(pawl_engine_dispose_root(cf_engine, alike.ref), 0);
	assert_int_equal(collect(), OF_A_WIDE + 1);
	cf_close();
}

/* What is restored and loses its last parent goes in that session: before it is counted, and after. */
static void loses(bool counted_first, enum kind kind)
{
	struct wanted choice = {&chooser, {0, WIDE, kind}, {0}};

	if (!begin(0))
		return;
	assert_int_equal(want(&choice), WIDE);
	cf_restart();
	if (counted_first) {
		assert_int_equal(want(&choice), 0);
		assert_int_equal(collect(), 0);
		cf_restart();
		assert_int_equal(want(&choice), 0);
		assert_int_equal(collect(), 0);
		cf_restart();
	}
	world_is = 2;
	assert_int_equal(want(&choice), WIDE);
	assert_int_equal(collect(), OF_A_WIDE);
	assert_int_equal(pawl_engine_snapshot(cf_engine, NULL), 0);
	/* The chooser, the world, and what it is now. */
	assert_int_equal(cf_rows(PAWL_STORE_META), OF_A_WIDE + 2 + (kind != STILL));
	cf_restart();
	assert_int_equal(want(&choice), 0);
	world_is = 1;
	cf_close();
}

static void case_loses_parent(void **state)
{
	(void)state;
	loses(false, STILL);
	loses(false, MOVING);
	loses(true, STILL);
	loses(true, MOVING);
}

/* ---- gc_id_reuse --------------------------------------------------------------------------------- */

static uint64_t next_id(void)
{
	return pawl_ids_next(cf_engine->graph->ids[0]);
}

/* So many were made with a number that one of a session before had. */
static uint64_t again(void)
{
	return pawl_load_relaxed(&cf_engine->graph->reclaim.again);
}

/* It is wanted already. */
static eng_id id_of(const struct wanted *wanted)
{
	struct wanted named = *wanted;

	cf_visit(name_visit, &named);
	return eng_ref_task(named.ref);
}

/* After the grace period of those that are freed. */
static bool is_free(eng_id id)
{
	struct pawl_ids_counts counts;

	pawl_retire_barrier();
	assert_int_equal(pawl_ids_audit(cf_engine->graph->ids[0], &counts), 0);
	assert_int_equal(counts.parked, 0);
	return pawl_ids_check(cf_engine->graph->ids[0], id) == -ESTALE;
}

/* It goes in the next process, and its number is free in the one behind: the number. */
static eng_id is_freed(const struct wanted *wide)
{
	eng_id id = id_of(wide);

	cf_restart();
	assert_int_equal(want(&first), 0);
	assert_int_equal(collect(), OF_A_WIDE);
	cf_restart();
	assert_int_equal(want(&first), 0);
	assert_int_equal(collect(), 0);
	assert_true(is_free(id));
	return id;
}

static void case_ids_come_back(void **state)
{
	struct wanted wide = {&top, {3, WIDE, MOVING}, {0}},
		      other = {&top, {4, WIDE, STILL}, {0}};
	eng_id id;

	(void)state;
	if (!begin(0))
		return;
	assert_int_equal(want(&first), 1);
	assert_int_equal(want(&wide), WIDE);
	id = is_freed(&wide);
	assert_int_equal(again(), 0);
	assert_int_equal(want(&other), WIDE);
	/* Each thread takes some at once, so others may be new. */
	assert_true(again() > 0);
	/* They are tasks as all others: saved, restored, collected, and free again. */
	cf_restart();
	assert_int_equal(want(&other), 0);
	assert_int_equal(collect(), 3);
	id = id_of(&other);
	cf_restart();
	assert_int_equal(collect(), OF_A_WIDE);
	assert_false(is_free(id));
	cf_restart();
	assert_int_equal(collect(), 0);
	assert_true(is_free(id));
	assert_int_equal(want(&wide), WIDE);
	assert_true(again() > 0);
	cf_close();
}

/* Of sessions that each make as many as went, the numbers do not grow. */
static void case_ids_stay_few(void **state)
{
	uint64_t next;

	(void)state;
	if (!begin(0))
		return;
	assert_int_equal(want(&first), 1);
	next = next_id();
	for (uint64_t n = 0; n < ROUNDS; n++) {
		struct wanted wide = {&top, {3 + n, WIDE, MOVING}, {0}};

		assert_int_equal(want(&wide), WIDE);
		cf_restart();
		assert_int_equal(want(&first), 0);
		assert_int_equal(collect(), OF_A_WIDE);
		cf_restart();
		assert_int_equal(want(&first), 0);
		assert_int_equal(collect(), 0);
		/* They are free behind a grace period. */
		pawl_retire_barrier();
	}
	/* What went, what takes its place, and what threads have taken and not used. */
	assert_true(next_id() - next < ROUNDS * OF_A_WIDE / 2);
	cf_close();
}

/* Not in the session in which they went; not in the next one before it has looked; not while something leads there. */
static void case_ids_wait(void **state)
{
	struct wanted wide = {&top, {3, WIDE, STILL}, {0}},
		      other = {&top, {4, WIDE, STILL}, {0}};
	struct leaf_args of = {1 * SPAN, MOVING};
	struct cf_reading told = {.text = ""};
	eng_id id;

	(void)state;
	if (!begin(0))
		return;
	assert_int_equal(want(&first), 1);
	cf_visit(cell_visit, &of);
	borrow_again(&told);
	assert_int_equal(want(&wide), WIDE);
	id = id_of(&wide);
	cf_restart();
	borrow_again(&told);
	assert_int_equal(collect(), OF_A_WIDE + 3);
	assert_int_equal(pawl_engine_snapshot(cf_engine, NULL), 0);
	assert_false(is_free(id));
	assert_int_equal(want(&other), WIDE);
	/* It may have one that no task ever had. */
	assert_false(eng_gone_has(cf_engine->graph, id_of(&other)));
	cf_restart();
	assert_false(is_free(id));
	/* The argument of who has read a leaf that is gone holds it. */
	assert_int_equal(want(&other), 0);
	borrow_again(&told);
	assert_int_equal(told.error, -PAWL_ETASK);
	assert_non_null(strstr(told.text, "was collected"));
	assert_int_equal(collect(), 0);
	assert_true(is_free(id));
	assert_false(is_free(eng_ref_task(borrowed_cell)));
	cf_close();
}

static struct pawl_atomic_u32 fails;

/* The disk fails for once. */
static int not_read(void *arg, eng_id id, struct eng_node **ret_node)
{
	uint32_t once = 1;

	return pawl_cas_relaxed(&fails, &once, 0u) ? -EUCLEAN
						   : eng_persist_restore(arg, id, ret_node);
}

/* Somebody asks for a number that is free, when the store cannot say that nobody has it. */
static void case_ids_not_read(void **state)
{
	struct wanted wide = {&top, {3, WIDE, MOVING}, {0}},
		      other = {&top, {4, WIDE, STILL}, {0}};
	struct eng_node *node;
	eng_id id;

	(void)state;
	if (!begin(0))
		return;
	assert_int_equal(want(&first), 1);
	assert_int_equal(want(&wide), WIDE);
	id = is_freed(&wide);
	/* Nobody else reads there at this moment. */
	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	pawl_store_relaxed(&fails, 1u);
	cf_engine->persist->backing.restore = not_read;
	node = eng_lock_any(cf_engine->graph, id);
	assert_non_null(node);
	eng_unlock(node);
	assert_int_equal(pawl_load_relaxed(&fails), 0);
	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	/* What stands in for it keeps the number; all others are given out. */
	assert_true(want(&other) >= WIDE);
	node = eng_lock_any(cf_engine->graph, id);
	assert_non_null(node);
	assert_int_equal(eng_node_key(node)->function, 0);
	eng_unlock(node);
	cf_restart();
	(void)want(&other);
	cf_close();
}

/* ---- time --------------------------------------------------------------------------------------- */

/* One session more, in which the one is asked for; and something is saved. */
static void one_day(uint64_t day)
{
	struct wanted other = {&leaf, {100 + day, STILL, 0}, {0}};

	cf_restart();
	later_s += DAY_S;
	assert_int_equal(want(&first), 0);
	(void)collect();
	cf_visit(name_visit, &other);
}

/* Three days, from the first walk on in whose session nobody has asked for it. */
static void case_has_time(void **state)
{
	(void)state;
	if (!begin(UINT64_C(3) * DAY_S * 1000))
		return;
	assert_int_equal(want(&first), 1);
	assert_int_equal(want(&second), 1);
	later_s = 100 * DAY_S;
	for (uint64_t day = 0; day < 3; day++)
		one_day(day);
	/* Asked for: all its time again. */
	cf_restart();
	assert_int_equal(want(&second), 0);
	for (uint64_t day = 3; day < 6; day++)
		one_day(day);
	cf_restart();
	assert_int_equal(want(&second), 0);
	for (uint64_t day = 6; day < 9; day++)
		one_day(day);
	/* A clock that was set back gives more of it. */
	later_s -= 50 * DAY_S;
	one_day(9);
	later_s += 51 * DAY_S;
	cf_restart();
	assert_int_equal(want(&second), 0);
	for (uint64_t day = 10; day < 14; day++)
		one_day(day);
	cf_restart();
	assert_int_equal(want(&second), 1);
	later_s = 0;
	cf_close();
}

/* ---- each point at which an operation may suspend itself ------------------------------------------------ */

/* The one at which it does: all are counted. 0: at none. */
static struct pawl_atomic_u32 points, stop_at;
static struct pawl_event reached;

void __real_eng_quiesce_point(struct eng_quiesce *quiesce, struct eng_quiesce_slot *slot);
void __wrap_eng_quiesce_point(struct eng_quiesce *quiesce, struct eng_quiesce_slot *slot);
void __wrap_eng_quiesce_point(struct eng_quiesce *quiesce, struct eng_quiesce_slot *slot)
{
	uint32_t at = pawl_load_relaxed(&stop_at);

	if (slot && pawl_add_relaxed(&points, 1u) + 1 == at) {
		pawl_store_release(&stop_at, 0u);
		pawl_event_notify_all(&reached);
		while (!eng_quiesce_is_shut(quiesce))
			sched_yield();
	}
	__real_eng_quiesce_point(quiesce, slot);
}

static void collect_there(void *arg)
{
	struct pawl_collect_stats stats;

	(void)arg;
	while (pawl_load_acquire(&stop_at)) {
		struct pawl_listener listener;

		pawl_event_listen(&reached, &listener, "point", 0);
		if (!pawl_load_acquire(&stop_at))
			pawl_event_unlisten(&listener);
		else
			t_check(!pawl_wait(&listener, PAWL_FOREVER));
	}
	t_check(!pawl_engine_collect(cf_engine, &stats));
}

/* Two that are wide, one after the other; with a store what the session before has left goes meanwhile. */
static void two_generations(void)
{
	struct wanted wide = {&top, {1, 8, MOVING}, {0}}, other = {&top, {2, 8, BORROWED}, {0}};

	assert_int_equal(want(&wide), 8);
	assert_int_equal(pawl_engine_dispose_root(cf_engine, wide.ref), 0);
	assert_int_equal(want(&other), 8);
	assert_int_equal(pawl_engine_dispose_root(cf_engine, other.ref), 0);
	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
}

/* Returns: how many points there were. */
static uint32_t collect_at(uint32_t at)
{
	struct wanted more = {&top, {3, 12, MOVING}, {0}};
	struct t_thread *thread;
	uint32_t n;

	cf_open(&one_worker);
	world_is = 1;
	eng_quiesce_looks(cf_engine->graph->quiesce, 0);
	pawl_store_relaxed(&points, 0u);
	pawl_store_relaxed(&stop_at, at);
	thread = at ? t_thread_start(collect_there, NULL) : NULL;
	two_generations();
	n = pawl_load_relaxed(&points);
	/* One that was not come to this time. */
	pawl_store_release(&stop_at, 0u);
	pawl_event_notify_all(&reached);
	if (thread)
		t_thread_join(thread);
	assert_int_equal(want(&more), 12);
	cf_close();
	return n;
}

static void case_suspend_points(void **state)
{
	uint32_t n, stride;

	(void)state;
	assert_int_equal(setenv("PAWL_COLLECT_AFTER_MS", "0", 1), 0);
	pawl_event_init(&reached);
	n = collect_at(0);
	assert_true(n);
	/* All of them where there is time; some others in each run. */
	stride = t_long() ? 1 : 1 + n / POINTS;
	for (uint32_t at = 1 + (uint32_t)t_random_below(stride); at <= n; at += stride)
		(void)collect_at(at);
}

/* ---- many -------------------------------------------------------------------------------------------- */

/*
 * Each session wants something else, and does not collect: the store has what it needs, and what was made since the
 * last walk: a thousand, and what makes it a thousand.
 */
static void case_flat_sessions(void **state)
{
	struct wanted each = {&top, {0, 4 * (uint64_t)WIDE, MOVING}, {0}};
	struct wanted always = {&top, {9999, WIDE, STILL}, {0}};
	const uint64_t of_one = 4 * WIDE + 1;

	(void)state;
	if (!begin(0))
		return;
	for (uint64_t i = 0; i < SESSIONS; i++) {
		each.args.number = 10 + i;
		assert_int_equal(want(&each), 4 * WIDE);
		assert_int_equal(want(&always), i ? 0 : WIDE);
		cf_restart();
		assert_true(cf_rows(PAWL_STORE_META) <= 1024 + 2 * of_one + OF_A_WIDE + 1);
		assert_int_equal(cf_rows(PAWL_STORE_META), cf_rows(PAWL_STORE_TYPES));
	}
	assert_int_equal(want(&always), 0);
	cf_close();
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_asked_again),    cmocka_unit_test(case_wide_root),
		cmocka_unit_test(case_second_reader),  cmocka_unit_test(case_connect_evicted),
		cmocka_unit_test(case_reached),	       cmocka_unit_test(case_loses_parent),
		cmocka_unit_test(case_has_time),       cmocka_unit_test(case_flat_sessions),
		cmocka_unit_test(case_ids_come_back),  cmocka_unit_test(case_ids_wait),
		cmocka_unit_test(case_ids_not_read),   cmocka_unit_test(case_ids_stay_few),
		cmocka_unit_test(case_suspend_points),
	};

	cf_snapshots_often = false;
	return cf_run("conform-sessions", cases);
}
