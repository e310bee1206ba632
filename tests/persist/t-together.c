/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-together.c - several at once on one store: who saves, who restores the same tasks, who edits what is being restored.
 */
#include "../engine/random-graph.h"

#include <stdio.h>

#include "stores.h"

#include "../../engine/engine.h"
#include "../../engine/persist/persist.h"

#define THREADS 4u

static struct pawl_store_disk *disk;
static struct pawl_store *store;
static struct t_barrier *barrier;
static unsigned rounds;

static void store_up(void)
{
	struct pawl_store *below;

	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &below), 0);
	assert_int_equal(eng_store_fault(below, t_random(), &store), 0);
	up_again(2, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
}

static void begin(void)
{
	tasks = 60;
	world_make();
	memset(model, 0, sizeof(model));
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	store_up();
}

static void down(void)
{
	assert_int_equal(pawl_engine_close(engine), 0);
	pawl_store_close(store);
}

static void all_right(void)
{
	for (uint32_t n = tasks; n--;)
		compare_values(n);
	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
}

/* ---- snapshots ------------------------------------------------------------------------------------ */

static struct pawl_atomic_u64 saved;

static void save_on(void *arg)
{
	(void)arg;
	t_barrier_wait(barrier);
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t n;

		t_check(!pawl_engine_snapshot(engine, &n));
		pawl_add_relaxed(&saved, n);
		t_step();
	}
}

/* Each takes its turn: nothing is saved by two, nothing is forgotten between them; nobody sleeps for ever. */
static void case_snapshots(void **state)
{
	struct t_thread *threads[THREADS];
	struct pawl_engine_store_stats stats;

	(void)state;
	rounds = t_scaled(200);
	begin();
	pawl_store_relaxed(&saved, 0u);
	pawl_store_relaxed(&enough, 0u);
	barrier = t_barrier_make(THREADS);
	for (unsigned i = 0; i < THREADS; i++)
		threads[i] = t_thread_start(save_on, NULL);
	for (unsigned i = 0; i < rounds; i++) {
		change(3);
		compare_values((uint32_t)t_random_below(tasks));
	}
	for (unsigned i = 0; i < THREADS; i++)
		t_thread_join(threads[i]);
	t_barrier_drop(barrier);
	assert_int_equal(pawl_engine_store_stats_read(engine, &stats), 0);
	assert_int_equal(stats.saved, pawl_load_relaxed(&saved));
	assert_int_equal(stats.failures, 0);
	all_right();
	down();
	pawl_store_relaxed(&bodies, 0u);
	store_up();
	all_right();
	assert_int_equal(pawl_load_relaxed(&bodies), 0);
	check_sums();
	down();
	pawl_store_disk_destroy(disk);
}

/* ---- restoring ------------------------------------------------------------------------------------ */

static bool by_errors;

static void ask_all(void *arg)
{
	uint64_t random = (uintptr_t)arg;

	t_barrier_wait(barrier);
	for (uint32_t i = 0; i < tasks; i++) {
		/* Mostly in the same order, so that they meet. */
		uint32_t n = draw(&random) % 4 ? i : (uint32_t)(draw(&random) % tasks);
		struct look look = {n, 0, 0};
		const struct result *result = &model[n];
		int error = pawl_engine_run(engine, look_visit, &look);

		t_check(error == (result->fails ? -PAWL_ETASK : 0));
		t_check(error || look.number == cell_number(result->sum, result->cells - 1));
		t_step();
	}
}

static void restore_round(void)
{
	struct t_thread *threads[THREADS];

	store_up();
	if (by_errors)
		eng_fault_rate(store, ENG_FAULT_GET, 20);
	/* Threads only read the model. */
	for (uint32_t n = 0; n < tasks; n++)
		(void)model_of(n);
	pawl_store_relaxed(&bodies, 0u);
	barrier = t_barrier_make(THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		threads[i] = t_thread_start(ask_all, (void *)(i + 1));
	for (unsigned i = 0; i < THREADS; i++)
		t_thread_join(threads[i]);
	t_barrier_drop(barrier);
	eng_fault_rate(store, ENG_FAULT_GET, 0);
	if (!by_errors) {
		assert_int_equal(pawl_load_relaxed(&bodies), 0);
		assert_true(pawl_load_relaxed(&engine->persist->restored) <= 2 * tasks);
	}
	check_sums();
	change(3);
	all_right();
	check_sums();
	down();
}

/* Each task once, and nobody waits for ever; edits are not lost to a record that comes late. */
static void case_restores(void **state)
{
	(void)state;
	by_errors = false;
	begin();
	all_right();
	down();
	for (unsigned i = t_scaled(20); i; i--)
		restore_round();
	pawl_store_disk_destroy(disk);
}

/* The same where reading fails now and then: who waited for a record gets another one, or an empty one; all ends right. */
static void case_restores_with_errors(void **state)
{
	(void)state;
	by_errors = true;
	begin();
	all_right();
	down();
	for (unsigned i = t_scaled(20); i; i--)
		restore_round();
	pawl_store_disk_destroy(disk);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_snapshots),
		cmocka_unit_test(case_restores),
		cmocka_unit_test(case_restores_with_errors),
	};

	return t_run("together", cases);
}
