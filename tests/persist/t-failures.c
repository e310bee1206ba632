/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-failures.c - each call of a store fails once, with each error that disks have, under an engine; or the store ends
 * there, before the call or after it. No value is wrong, nothing that was not saved is forgotten, and the next
 * snapshot saves all of it.
 *
 * What a life does is the same each time, but for the order of threads: an engine is opened on a store that
 * has something, while inputs have changed; reads all, saves, is edited, saves, is closed. The n-th call fails, for
 * n from 1 on until a life had less calls. A life takes the failures that it gets and goes on.
 */
#include "../engine/random-graph.h"

#include <stdio.h>

#include "stores.h"

#include "../../engine/engine.h"
#include "../../engine/persist/persist.h"

static struct pawl_store_disk *disk;
static struct pawl_store *store;

static void all_right(void)
{
	for (uint32_t n = tasks; n--;)
		compare_values(n);
}

static void store_up(void)
{
	struct pawl_store *below;

	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &below), 0);
	assert_int_equal(eng_store_fault(below, 1, &store), 0);
}

static void up_plain(void)
{
	store_up();
	up_again(1, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
}

static void down(void)
{
	assert_int_equal(pawl_engine_close(engine), 0);
	pawl_store_close(store);
}

/* Closed, and what was not saved is lost. */
static void crash(void)
{
	engine->persist->saves = false;
	down();
}

/* A disk with something on it; then the inputs change. */
static void disk_make(uint64_t seed)
{
	uint64_t state = seed;

	tasks = 9;
	for (uint32_t i = 0; i < TASKS_MOST; i++)
		world[i] = draw(&state) % 1000;
	memset(model, 0, sizeof(model));
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	up_plain();
	all_right();
	down();
	for (uint32_t i = 0; i < tasks; i += 2)
		world[i] = draw(&state) % 1000;
	memset(model, 0, sizeof(model));
}

/* What is to go wrong in a life. */
struct wrong {
	uint64_t n;
	int error; /* 0: the store ends */
	bool after;
};

/* Returns: it got what was meant for it. */
static bool is(int error, const struct wrong *wrong)
{
	return error == (wrong->error ? wrong->error : -EIO);
}

/* As many times as it takes; one failure is all there is, unless the store has ended. */
static unsigned saved(const struct wrong *wrong)
{
	unsigned failures = 0;
	int error;

	for (;;) {
		uint64_t n = 0;

		assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
		error = pawl_engine_snapshot(engine, &n);
		if (!error)
			return failures;
		assert_true(is(error, wrong));
		assert_int_equal(n, 0);
		failures++;
		if (!wrong->error)
			return failures;
		assert_int_equal(failures, 1);
	}
}

static void life(const struct wrong *wrong)
{
	uint64_t state = wrong->n;

	/* Opening may fail: then it is tried again. */
	for (unsigned failures = 0;; failures++) {
		int error = try_again(1, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);

		if (!error)
			break;
		assert_true(is(error, wrong));
		if (!wrong->error)
			return;
		assert_int_equal(failures, 0);
	}
	all_right();
	(void)saved(wrong);
	for (uint32_t i = 0; i < tasks; i += 3)
		edit(i, draw(&state) % 1000);
	memset(model, 0, sizeof(model));
	all_right();
	(void)saved(wrong);
	all_right();
	check_sums();
}

/* The next process has all of it: what was acknowledged is there, nothing of it runs again. */
static void next_life(bool all_saved)
{
	up_plain();
	pawl_store_relaxed(&bodies, 0u);
	all_right();
	if (all_saved && pawl_load_relaxed(&bodies))
		fail_msg("%u bodies ran, %u lost", pawl_load_relaxed(&bodies),
			 (unsigned)pawl_load_relaxed(&engine->persist->lost));
	check_sums();
	/* Where something was lost, all has to run again. */
	all_right();
	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	down();
}

/* Returns: there were so many calls. */
static bool live(uint64_t seed, const struct wrong *wrong)
{
	bool came;

	disk_make(seed);
	store_up();
	if (wrong->error)
		eng_fault_at(store, ENG_FAULT_ANY, wrong->n, wrong->error);
	else
		eng_fault_crash(store, ENG_FAULT_ANY, wrong->n, wrong->after, -1);
	engine = NULL;
	life(wrong);
	came = eng_fault_calls(store, ENG_FAULT_ANY) >= wrong->n;
	if (engine)
		crash();
	else
		pawl_store_close(store);
	next_life(wrong->error);
	pawl_store_disk_destroy(disk);
	t_step();
	return came;
}

static void all_calls(int error, bool after)
{
	uint64_t seed = t_random(), stride = t_scaled(100) < 100 ? 7 : 1;
	struct wrong wrong = {1 + (stride > 1 ? t_random_below(stride) : 0), error, after};

	/* The quick form looks at every third call, another third each time. */
	if (!t_long())
		stride *= 3;
	while (live(seed, &wrong))
		wrong.n += stride;
	printf("# %d: %u calls, each %u. failed\n", error, (unsigned)wrong.n - 1,
	       (unsigned)stride);
}

static void case_no_space(void **state)
{
	(void)state;
	all_calls(-ENOSPC, false);
}

static void case_input_output(void **state)
{
	(void)state;
	all_calls(-EIO, false);
}

static void case_no_share(void **state)
{
	(void)state;
	all_calls(-EDQUOT, false);
}

static void case_no_memory(void **state)
{
	(void)state;
	all_calls(-ENOMEM, false);
}

static void case_ends_before(void **state)
{
	(void)state;
	all_calls(0, false);
}

static void case_ends_after(void **state)
{
	(void)state;
	all_calls(0, true);
}

/* What a put writes is short, torn, or has another bit, unnoticed; in one life. The next one finds it. */
static bool live_damaged(uint64_t seed, uint64_t n, enum eng_damage how)
{
	static const struct wrong none = {0, -EIO, false};
	uint64_t puts;

	disk_make(seed);
	store_up();
	eng_fault_damage(store, n, how);
	life(&none);
	puts = eng_fault_calls(store, ENG_FAULT_PUT);
	crash();
	next_life(false);
	/* All that was damaged is mended by that: it was computed, and saved. */
	next_life(true);
	pawl_store_disk_destroy(disk);
	t_step();
	return puts >= n;
}

static void case_damaged(void **state)
{
	uint64_t seed = t_random(), stride = t_long() ? 1 : t_scaled(100) < 100 ? 14 : 2, n = 1;

	(void)state;
	for (unsigned how = 0; how < ENG_DAMAGE_COUNT; how++) {
		for (n = 1; live_damaged(seed, n, (enum eng_damage)how);)
			n += stride;
	}
	printf("# %u puts\n", (unsigned)n - 1);
}

/* ---- the same task twice ---------------------------------------------------------------------- */

/* How the number of a task is not found by its key. */
enum unfound { UNREADABLE, MISSING, ANOTHER, NONE, UNFOUND_COUNT };

static int copy_key(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	struct pawl_store_batch *batch = ((struct pawl_store_batch **)arg)[0];
	enum unfound how = *((enum unfound **)arg)[1];
	uint32_t id;

	memcpy(&id, value.ptr, sizeof(id));
	if (how == MISSING)
		return pawl_store_remove(batch, PAWL_STORE_TYPES, key);
	id = how == ANOTHER ? id ^ 1 : id + 1000;
	return pawl_store_put(batch, PAWL_STORE_TYPES, key,
			      (struct pawl_slice){&id, sizeof(id)});
}

static void spoil_types(enum unfound how)
{
	struct pawl_store_key first = {0, 0};
	struct pawl_store_batch *batch;
	struct pawl_store_view *view;
	void *arg[2];

	if (how == UNREADABLE)
		return;
	store_up();
	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	arg[0] = batch;
	arg[1] = &how;
	assert_int_equal(pawl_store_scan(view, PAWL_STORE_TYPES, first, copy_key, arg), 0);
	pawl_store_view_end(view);
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	pawl_store_close(store);
}

static int input_visit(struct pawl_context *context, void *arg)
{
	pawl_ref_t ref;
	int64_t *number = arg;
	int error = call(context, &input, 0, &ref);

	return error ? error : get(context, ref, PAWL_READ_STRONG, number);
}

static int64_t input_now(void)
{
	int64_t number;

	assert_int_equal(pawl_engine_run(engine, input_visit, &number), 0);
	return number;
}

/*
 * The input is asked for by its key, and then found along an edge of who has read it. There is one of it: who is told of
 * a change by the invalidator that was given out last is told of it everywhere.
 */
static void case_one_of_each(void **state)
{
	(void)state;
	tasks = 1;
	for (unsigned how = 0; how < UNFOUND_COUNT; how++) {
		for (uint32_t i = 0; i < TASKS_MOST; i++)
			world[i] = 7;
		memset(model, 0, sizeof(model));
		assert_int_equal(pawl_store_disk_create(&disk), 0);
		up_plain();
		all_right();
		down();
		spoil_types((enum unfound)how);
		up_plain();
		if (how == UNREADABLE)
			eng_fault_at(store, ENG_FAULT_GET, 1, -EIO);
		assert_int_equal(input_now(), 7);
		all_right();
		for (unsigned i = 0; i < 5; i++) {
			edit(0, 100 + i);
			memset(model, 0, sizeof(model));
			assert_int_equal(input_now(), 100 + i);
			all_right();
			check_sums();
			assert_int_equal(input_now(), 100 + i);
		}
		down();
		next_life(true);
		pawl_store_disk_destroy(disk);
	}
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_no_space),    cmocka_unit_test(case_input_output),
		cmocka_unit_test(case_no_share),    cmocka_unit_test(case_no_memory),
		cmocka_unit_test(case_ends_before), cmocka_unit_test(case_ends_after),
		cmocka_unit_test(case_damaged),	    cmocka_unit_test(case_one_of_each),
	};

	return t_run("failures", cases);
}
