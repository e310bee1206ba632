/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-engine-random.c - random graphs that change, compared with one that recomputes everything.
 */
#include "random-graph.h"

/* One change after the other, each compared. */
static void case_in_turn(void **state)
{
	(void)state;
	for (unsigned round = t_scaled(20); round; round--) {
		tasks = 10 + (uint32_t)t_random_below(TASKS_MOST - 10);
		up(1 + (uint32_t)t_random_below(3));
		memset(model, 0, sizeof(model));
		for (unsigned i = 0; i < 12; i++) {
			compare(tasks - 1);
			compare((uint32_t)t_random_below(tasks));
			check_sums();
			change(6);
		}
		assert_int_equal(pawl_engine_close(engine), 0);
	}
}

static void case_at_once(void **state)
{
	(void)state;
	for (unsigned round = t_scaled(10); round; round--) {
		struct t_thread *threads[2];

		tasks = 10 + (uint32_t)t_random_below(TASKS_MOST - 10);
		up(2);
		pawl_store_relaxed(&enough, 0u);
		for (uintptr_t i = 0; i < 2; i++)
			threads[i] = t_thread_start(read_on, (void *)i);
		for (unsigned i = 0; i < 100; i++)
			change(4);
		pawl_store_relaxed(&enough, 1u);
		for (unsigned i = 0; i < 2; i++)
			t_thread_join(threads[i]);
		for (unsigned i = 0; i < 5; i++)
			compare((uint32_t)t_random_below(tasks));
		check_sums();
		assert_int_equal(pawl_engine_close(engine), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_in_turn),
		cmocka_unit_test(case_at_once),
	};

	return t_run("engine-random", tests);
}
