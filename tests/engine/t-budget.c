/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-budget.c - records leave memory and come back, and nobody can tell; a budget keeps what there is small. Why one stays: t-stays.c.
 */
#include "stored.h"

#include <sched.h>
#include <stdlib.h>

#include "../../engine/engine.h"
#include "../../engine/graph/context.h"
#include "../../engine/graph/evict.h"
#include "../../engine/memory.h"
#include "../../engine/persist/faults.h"

/* ---- functions -------------------------------------------------------------------------------- */

static int middle_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = fr_call(context, &st_input, args, 0, &number);

	st_ran(ST_MIDDLE);
	return error ? error : fr_give_of(context, &st_number, number + 1, ret_output);
}

static const struct pawl_function middle = {sizeof(middle), "middle",	      1,    0,
					    middle_body,    sizeof(uint64_t), NULL, 0};

/* Of the first so many. */
static int top_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = *(const uint64_t *)args;
	int64_t number, sum = 0;
	int error = 0;

	st_ran(ST_TOP);
	for (uint64_t i = 0; i < n && !error; i++) {
		error = fr_call(context, &middle, &i, 0, &number);
		sum += error ? 0 : number;
	}
	return error ? error : fr_give_of(context, &st_number, sum, ret_output);
}

static const struct pawl_function top = {sizeof(top),	   "top", 1, 0, top_body,
					 sizeof(uint64_t), NULL,  0};

/* With `n` odd without a codec. */
static int large_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = *(const uint64_t *)args;

	st_ran(ST_ODD);
	return st_give_large(context, n % 2 ? &st_handle : &st_number, (int64_t)n, ret_output);
}
static const struct pawl_function large = {sizeof(large), "large",	    1,	  0,
					   large_body,	  sizeof(uint64_t), NULL, 0};

/* While a snapshot is written: what it has taken stays, be it written or not; what it has not taken may leave. */
static eng_id beside_old, beside_new;
static uint64_t beside_left;
static unsigned beside_calls;

static size_t beside_encode(const void *payload, size_t bytes, void *into, size_t room)
{
	if (!beside_calls++) {
		beside_left += eng_evict_all(fr_engine->graph);
		t_check(st_is_out(beside_old));
		t_check(!st_is_out(beside_new));
	}
	return st_encode(payload, bytes, into, room);
}

static const struct pawl_value_type beside_type = {.size = sizeof(beside_type),
						   .name = "beside",
						   .version = 1,
						   .encode = beside_encode,
						   .decode = st_decode};

static int beside_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	return fr_give_of(context, &beside_type, *(const int64_t *)args, ret_output);
}

static const struct pawl_function beside = {sizeof(beside), "beside",	      1,    0,
					    beside_body,    sizeof(uint64_t), NULL, 0};

/* ---- engines ---------------------------------------------------------------------------------- */

static uint64_t budget_bytes = ST_NEVER_NEAR;

static void up(enum st_on on)
{
	static const struct pawl_function *const functions[] = {ST_FUNCTIONS, &middle, &top,
								&large, &beside};
	static const struct pawl_value_type *const types[] = {ST_TYPES, &beside_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	FR_LIST(options, functions);
	FR_LIST(options, types);
	options.memory_bytes = budget_bytes;
	st_up(options, on);
}

static uint64_t resident(void)
{
	struct pawl_engine_stats stats;

	pawl_engine_stats_read(fr_engine, &stats);
	return stats.tasks;
}

/* ---- coming back ------------------------------------------------------------------------------- */

static void case_back(void **state)
{
	eng_id ids[4];

	(void)state;
	up(ST_IN_MEMORY);
	assert_int_equal(st_ask(&st_pure, 3), 8);
	for (unsigned i = 0; i < 4; i++)
		ids[i] = st_id_of(&st_pure, i);
	assert_int_equal(eng_evict_all(fr_engine->graph), 0);
	st_save();
	assert_int_equal(eng_evict_all(fr_engine->graph), 4);
	assert_int_equal(resident(), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_true(st_is_out(ids[i]));
	(void)st_ran_now(ST_PURE);
	/* By its key, from outside; by its key, by another one; by a reference. */
	assert_int_equal(st_ask(&st_pure, 3), 8);
	assert_int_equal(st_ask(&st_pure, 5), 12);
	assert_int_equal(st_ran_now(ST_PURE), 2);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(st_id_of(&st_pure, i), ids[i]);
	assert_int_equal(st_ran_now(ST_PURE), 0);
	st_save();
	assert_int_equal(eng_evict_all(fr_engine->graph), 6);
	st_down();
}

/* A state forgets readers that are gone; those that are not in memory are not. */
static void case_readers(void **state)
{
	/* More than it looks through first, and twice so many. */
	const uint64_t n = 2100;

	(void)state;
	up(ST_IN_MEMORY);
	for (uint64_t i = 0; i < n / 2; i++)
		assert_int_equal(st_ask(&st_input, i * ST_STATES), 0);
	st_save();
	assert_true(eng_evict_all(fr_engine->graph) >= n / 2);
	for (uint64_t i = n / 2; i < n; i++)
		assert_int_equal(st_ask(&st_input, i * ST_STATES), 0);
	st_set(0, 7);
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(st_ask(&st_input, i * ST_STATES), 7);
	st_down();
}

/* A change finds readers that are not in memory, and what is above them. */
static void case_change(void **state)
{
	int64_t sum = 8;

	(void)state;
	up(ST_IN_MEMORY);
	assert_int_equal(st_ask(&top, 8), sum);
	for (unsigned round = 1; round < 20; round++) {
		unsigned at = round % 8;
		int64_t was = round >= 8 ? round - 8 : 0;

		st_save();
		assert_true(eng_evict_all(fr_engine->graph) > 0);
		assert_true(st_is_out(st_id_of(&middle, at)) || true);
		st_ran_clear();
		(void)eng_evict_all(fr_engine->graph);
		st_set(at, round);
		sum += round - was;
		assert_int_equal(st_ask(&top, 8), sum);
		assert_int_equal(st_ran_now(ST_INPUT), 1);
		assert_int_equal(st_ran_now(ST_MIDDLE), 1);
		assert_int_equal(st_ran_now(ST_TOP), 1);
	}
	st_down();
}

/* The hand: what was used since it came by stays once. */
static void case_recency(void **state)
{
	eng_id ids[8];

	(void)state;
	up(ST_IN_MEMORY);
	for (unsigned i = 0; i < 8; i++)
		ids[i] = st_id_of(&st_pure, i);
	st_save();
	assert_int_equal(eng_evict_some(fr_engine->graph, 100), 0);
	assert_int_equal(st_ask(&st_pure, 2), 6);
	assert_int_equal(st_ask(&st_pure, 5), 12);
	assert_int_equal(eng_evict_some(fr_engine->graph, 100), 6);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(st_is_out(ids[i]), i != 2 && i != 5);
	assert_int_equal(eng_evict_some(fr_engine->graph, 1), 1);
	/* In the order of ids, which threads have from different ranges. */
	assert_int_equal(st_is_out(ids[2]), ids[2] < ids[5]);
	assert_int_equal(st_is_out(ids[5]), ids[5] < ids[2]);
	assert_int_equal(eng_evict_some(fr_engine->graph, 1), 1);
	assert_int_equal(eng_evict_some(fr_engine->graph, 1), 0);
	/* What came back is passed by once. */
	assert_int_equal(st_ask(&st_pure, 7), 16);
	assert_int_equal(eng_evict_some(fr_engine->graph, 100), 0);
	assert_int_equal(eng_evict_some(fr_engine->graph, 100), 1);
	st_down();
}

/* ---- stores that fail ---------------------------------------------------------------------------- */

static void case_unsaved(void **state)
{
	static const enum eng_fault_call calls[] = {ENG_FAULT_BEGIN, ENG_FAULT_PUT,
						    ENG_FAULT_COMMIT};

	(void)state;
	up(ST_FAULTY);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(st_ask(&st_pure, i), (int64_t)i * 2 + 2);
		eng_fault_at(st_store, calls[i], 1, -EIO);
		assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
		assert_int_equal(pawl_engine_snapshot(fr_engine, NULL), -EIO);
		assert_int_equal(eng_evict_all(fr_engine->graph), 0);
	}
	st_save();
	assert_int_equal(eng_evict_all(fr_engine->graph), 3);
	/* It was saved, and the view that it would come back from is not there. */
	assert_int_equal(st_ask(&st_pure, 5), 12);
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	eng_fault_at(st_store, ENG_FAULT_VIEW, 1, -EIO);
	assert_int_equal(pawl_engine_snapshot(fr_engine, NULL), 0);
	assert_int_equal(eng_evict_all(fr_engine->graph), 0);
	assert_int_equal(st_ask(&st_pure, 6), 14);
	st_save();
	assert_int_equal(eng_evict_all(fr_engine->graph), 5);
	(void)st_ran_now(ST_PURE);
	assert_int_equal(st_ask(&st_pure, 6), 14);
	assert_int_equal(st_ran_now(ST_PURE), 0);
	st_down();
}

static void case_beside_snapshot(void **state)
{
	(void)state;
	up(ST_IN_MEMORY);
	beside_left = 0;
	beside_old = st_id_of(&st_pure, 0);
	st_save();
	beside_calls = 0;
	beside_new = st_id_of(&st_pure, 1);
	(void)st_id_of(&beside, 4);
	/* Whoever reads it now is in the snapshot; the first task has a reader more, or not: it was immutable. */
	st_save();
	assert_int_equal(beside_left, 1);
	assert_int_equal(eng_evict_all(fr_engine->graph), 2);
	assert_int_equal(st_ask(&beside, 4), 4);
	assert_int_equal(st_ask(&st_pure, 1), 4);
	st_down();
}

/* ---- without a store ------------------------------------------------------------------------------- */

static void case_no_store(void **state)
{
	int64_t sum = ST_STATES;

	(void)state;
	up(ST_NOWHERE);
	assert_int_equal(st_ask(&top, ST_STATES), sum);
	assert_int_equal(st_ask(&st_pure, 9), 20);
	assert_int_equal(st_ask(&st_odd, 1), 7);
	st_ran_clear();
	/* Whoever looks outside keeps what he saw; so does what says so. */
	assert_int_equal(eng_evict_all(fr_engine->graph), ST_STATES + 1 + 10);
	assert_int_equal(resident(), 2 * ST_STATES + 1 + 10 + 1);
	assert_int_equal(st_ask(&st_pure, 9), 20);
	assert_int_equal(st_ran_now(ST_PURE), 10);
	/* It reads what it has read; nobody above hears of that. */
	assert_int_equal(st_ask(&middle, 7), 1);
	assert_int_equal(st_ran_now(ST_MIDDLE), 1);
	assert_int_equal(st_ask(&top, ST_STATES), sum);
	assert_int_equal(st_ran_now(ST_TOP), 1);
	assert_int_equal(st_ran_now(ST_INPUT), 0);
	/* Readers of what is not there learn of a change. */
	(void)eng_evict_all(fr_engine->graph);
	st_ran_clear();
	st_set(7, 5);
	assert_int_equal(st_ask(&top, ST_STATES), sum + 5);
	assert_int_equal(st_ran_now(ST_INPUT), 1);
	assert_int_equal(st_ran_now(ST_TOP), 1);
	/* The others, whose values it reads, bring them back. */
	assert_int_equal(st_ran_now(ST_MIDDLE), ST_STATES);
	st_down();
}

/* ---- a budget ---------------------------------------------------------------------------------------- */

static void kept(bool stored)
{
	const uint64_t budget = 16u << 20, tasks = 4 * budget / ST_LARGE;
	struct pawl_engine_memory memory;

	budget_bytes = budget;
	up(stored ? ST_IN_MEMORY : ST_NOWHERE);
	for (uint64_t n = 0; n < tasks; n++) {
		assert_int_equal(st_ask(&large, n), (int64_t)n);
		/* As the engine does, at a time of its own. */
		if (n % 16 == 15) {
			t_step();
			(void)eng_memory_relieve(fr_engine->memory);
			/* A store in memory counts as well, and takes what leaves. */
			if (!stored)
				assert_true(st_memory().counted_bytes < 2 * budget);
		}
	}
	memory = st_memory();
	assert_int_equal(memory.budget_bytes, budget);
	assert_true(memory.dropped > 0);
	if (stored) {
		assert_true(memory.evicted > 0);
		assert_true(memory.snapshots > 0);
	}
	(void)st_ran_now(ST_ODD);
	for (uint64_t n = 0; n < tasks; n += 2) {
		t_step();
		assert_int_equal(st_ask(&large, n), (int64_t)n);
	}
	if (stored)
		assert_int_equal(st_ran_now(ST_ODD), 0);
	st_down();
	budget_bytes = ST_NEVER_NEAR;
}

static void case_kept(void **state)
{
	(void)state;
	kept(false);
}

static void case_kept_stored(void **state)
{
	(void)state;
	kept(true);
}

/* In bytes, or with a unit; what is no number, or too little, is as if it were not there. */
static void case_options(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} texts[] = {{"2097152", 2u << 20},
		     {"2048k", 2u << 20},
		     {"3m", 3u << 20},
		     {"2g", UINT64_C(2) << 30},
		     {"1000k", 0},
		     {"5", 0},
		     {"", 0},
		     {"-3m", 0},
		     {"3mm", 0},
		     {"m", 0},
		     {"3x", 0},
		     {"99999999999999999999g", 0},
		     {"18446744073709551615g", 0}};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	(void)state;
	options.memory_bytes = PAWL_MEMORY_BYTES_MIN - 1;
	assert_int_equal(pawl_engine_open(&options, &fr_engine), -EINVAL);
	options.memory_bytes = 0;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(setenv("PAWL_MEMORY_BYTES", texts[i].text, 1), 0);
		assert_int_equal(pawl_engine_open(&options, &fr_engine), 0);
		if (st_memory().budget_bytes != texts[i].bytes)
			fail_msg("%s", texts[i].text);
		assert_int_equal(pawl_engine_close(fr_engine), 0);
	}
	options.memory_bytes = PAWL_MEMORY_BYTES_MIN;
	assert_int_equal(setenv("PAWL_MEMORY_BYTES", "3m", 1), 0);
	assert_int_equal(pawl_engine_open(&options, &fr_engine), 0);
	assert_int_equal(st_memory().budget_bytes, PAWL_MEMORY_BYTES_MIN);
	assert_int_equal(pawl_engine_close(fr_engine), 0);
	assert_int_equal(unsetenv("PAWL_MEMORY_BYTES"), 0);
}

/* ---- all at once -------------------------------------------------------------------------------- */

static struct pawl_atomic_u32 enough, rounds;

static void evict_on(void *arg)
{
	(void)arg;
	while (!pawl_load_relaxed(&enough)) {
		if (t_random_below(4))
			(void)eng_evict_some(fr_engine->graph,
					     1 + (uint32_t)t_random_below(30));
		else
			(void)eng_evict_all(fr_engine->graph);
		pawl_add_relaxed(&rounds, 1u);
	}
}

static void snap_on(void *arg)
{
	(void)arg;
	while (!pawl_load_relaxed(&enough))
		t_check(!pawl_engine_snapshot(fr_engine, NULL));
}

static int read_visit(struct pawl_context *context, void *arg)
{
	int64_t number;

	return fr_call(context, *(const uint64_t *)arg % 3 ? &middle : &st_pure, arg, 0,
		       &number);
}

static void read_on(void *arg)
{
	(void)arg;
	while (!pawl_load_relaxed(&enough)) {
		uint64_t n = t_random_below(ST_STATES);

		t_check(!pawl_engine_run(fr_engine, read_visit, &n));
	}
}

static void case_together(void **state)
{
	void (*const fns[])(void *) = {evict_on, evict_on, snap_on, read_on};
	struct t_thread *threads[4];
	unsigned edits = t_scaled(300);
	int64_t now[ST_STATES] = {0}, sum = ST_STATES;

	(void)state;
	up(ST_IN_MEMORY);
	pawl_store_relaxed(&enough, 0u);
	pawl_store_relaxed(&rounds, 0u);
	for (unsigned i = 0; i < 4; i++)
		threads[i] = t_thread_start(fns[i], NULL);
	for (unsigned i = 0; i < edits || pawl_load_relaxed(&rounds) < 10; i++) {
		unsigned at = (unsigned)t_random_below(ST_STATES);
		int64_t number = (int64_t)t_random_below(1000);

		st_set(at, number);
		sum += number - now[at];
		now[at] = number;
		assert_int_equal(st_ask(&top, ST_STATES), sum);
		assert_int_equal(st_ask(&st_pure, at), (int64_t)at * 2 + 2);
	}
	pawl_store_relaxed(&enough, 1u);
	for (unsigned i = 0; i < 4; i++)
		t_thread_join(threads[i]);
	/* Nothing that was there was made again. */
	assert_true(st_ran_now(ST_PURE) <= ST_STATES);
	st_down();
}

/* Many make what has left, or is about to, at once: one task each, and it runs once. */
struct made {
	uint64_t n;
	pawl_ref_t ref;
};

static int make_visit(struct pawl_context *context, void *arg)
{
	struct made *one = arg;

	return pawl_call(context, &st_pure, &one->n, &one->ref);
}

static pawl_ref_t made[ST_STATES];

static void make_on(void *arg)
{
	(void)arg;
	while (!pawl_load_relaxed(&enough)) {
		struct made one = {t_random_below(ST_STATES), PAWL_REF_NONE};

		t_check(!pawl_engine_run(fr_engine, make_visit, &one));
		t_check(eng_ref_task(one.ref) == eng_ref_task(made[one.n]));
	}
}

static void case_same_number(void **state)
{
	void (*const fns[])(void *) = {evict_on, snap_on, make_on, make_on};
	struct t_thread *threads[4];

	(void)state;
	up(ST_IN_MEMORY);
	for (unsigned i = 0; i < ST_STATES; i++)
		made[i] = eng_ref(st_id_of(&st_pure, i), 0);
	st_save();
	pawl_store_relaxed(&enough, 0u);
	pawl_store_relaxed(&rounds, 0u);
	for (unsigned i = 0; i < 4; i++)
		threads[i] = t_thread_start(fns[i], NULL);
	while (pawl_load_relaxed(&rounds) < t_scaled(2000))
		sched_yield();
	pawl_store_relaxed(&enough, 1u);
	for (unsigned i = 0; i < 4; i++)
		t_thread_join(threads[i]);
	assert_int_equal(st_ran_now(ST_PURE), ST_STATES);
	st_down();
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_back),	 cmocka_unit_test(case_readers),
		cmocka_unit_test(case_change),	 cmocka_unit_test(case_recency),
		cmocka_unit_test(case_unsaved),	 cmocka_unit_test(case_beside_snapshot),
		cmocka_unit_test(case_together), cmocka_unit_test(case_same_number),
		cmocka_unit_test(case_no_store), cmocka_unit_test(case_options),
		cmocka_unit_test(case_kept),	 cmocka_unit_test(case_kept_stored),
	};

	return t_run("budget", cases);
}
