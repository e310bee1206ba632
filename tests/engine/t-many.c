/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-many.c - very many tasks at once: parked, on one event, in one chain, behind a cap of stacks.
 *
 * The full sizes are for check-long (T_TIER=long) in builds without sanitizers, whose stacks are four
 * times as large.
 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/runtime.h>

#define SMALL_STACK 16384

static struct pawl_runtime *rt;
static struct pawl_group *root;
static struct pawl_atomic_u32 ran, ended, open;
static struct pawl_event gate;
static struct pawl_atomic_u64 virtual_ns;

static unsigned many(unsigned full)
{
	if (T_ASAN || T_TSAN)
		return t_scaled(full / 200);
	return t_scaled(t_long() ? full : full / 10);
}

static uint64_t virtual_now(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&virtual_ns);
}

static void up(uint32_t workers, uint32_t stacks_max)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	options.workers = workers;
	options.stacks_max = stacks_max;
	options.stack_bytes = SMALL_STACK;
	options.now = virtual_now;
	/* A worker that a case holds is not replaced. */
	options.watchdog_ns = PAWL_FOREVER;
	pawl_store_relaxed(&virtual_ns, 1000u);
	pawl_store_relaxed(&ran, 0u);
	pawl_store_relaxed(&ended, 0u);
	pawl_store_relaxed(&open, 0u);
	pawl_event_init(&gate);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
	root = pawl_runtime_root(rt);
}

/* So many completed, and nothing else happened. */
static void down(uint64_t completed)
{
	struct pawl_shutdown_report report;

	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, &report), 0);
	assert_int_equal(report.outcomes[PAWL_OUTCOME_COMPLETED], completed);
	for (unsigned i = PAWL_OUTCOME_FAILED; i < PAWL_OUTCOME_COUNT; i++)
		assert_int_equal(report.outcomes[i], 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
	t_step();
}

/* From /proc/self/status, in MiB. */
static unsigned resident(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[128];
	unsigned kib = 0;

	while (file && fgets(line, sizeof(line), file) && sscanf(line, "VmRSS: %u", &kib) != 1)
		;
	if (file)
		fclose(file);
	return kib >> 10;
}

/* All that can run did; steps are counted, so that the watchdog sees it. */
static void settle(void)
{
	uint32_t before = 0, now;

	while (pawl_runtime_quiet_until(rt) == 0) {
		now = pawl_load_relaxed(&ran) + pawl_load_relaxed(&ended);
		if (now != before)
			t_step();
		before = now;
		t_yield();
	}
}

/* ---- parked ---------------------------------------------------------------------------------- */

static bool is_open(void)
{
	return pawl_load_acquire(&open);
}

static int wait_at_gate(void *arg, void **ret_value)
{
	struct pawl_listener listener;

	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	pawl_event_listen(&gate, &listener, "the gate", 0);
	if (is_open())
		pawl_event_unlisten(&listener);
	else if (pawl_wait(&listener, PAWL_FOREVER))
		return -ECANCELED;
	pawl_add_relaxed(&ended, 1u);
	return 0;
}

/* On a small stack: what wakes them may not nest. */
static int open_gate(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_store_release(&open, 1u);
	pawl_event_notify_all(&gate);
	return 0;
}

/* A million on one event, each on its stack. They take 12 GiB at most. */
static void case_million_parked(void **state)
{
	unsigned n = many(1000000), before, after;
	pawl_task_t opener;

	(void)state;
	before = resident();
	up(2, 0);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(pawl_spawn(root, NULL, wait_at_gate, NULL, NULL), 0);
		if (i % 1000 == 0)
			t_step();
	}
	settle();
	assert_int_equal(pawl_load_relaxed(&ran), n);
	assert_int_equal(pawl_load_relaxed(&ended), 0);
	assert_int_equal(pawl_group_tasks(root, 0, NULL), n);
	after = resident();
	printf("# %u bodies parked: %u MiB, %u bytes each\n", n, after - before,
	       (unsigned)(((uint64_t)(after - before) << 20) / n));
	if (!T_ASAN && !T_TSAN)
		assert_true(after - before <= 12u * 1024 * (n / 1000) / 1000 + 64);
	assert_int_equal(pawl_spawn(root, NULL, open_gate, NULL, &opener), 0);
	assert_int_equal(pawl_task_wait(rt, opener, PAWL_FOREVER, NULL), 0);
	settle();
	assert_int_equal(pawl_load_relaxed(&ended), n);
	assert_int_equal(pawl_task_drop(rt, opener), 0);
	down(n + 1);
}

static pawl_task_t awaited;
static pawl_producer_t producer;

static int await_it(void *arg, void **ret_value)
{
	struct pawl_result result;

	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	if (pawl_task_wait(rt, awaited, PAWL_FOREVER, &result) || result.value != arg)
		return -EIO;
	pawl_add_relaxed(&ended, 1u);
	return 0;
}

static int complete_it(void *arg, void **ret_value)
{
	(void)ret_value;
	return pawl_complete(rt, producer, arg);
}

/* The same for those that wait for one task. */
static void case_awaited_by_many(void **state)
{
	unsigned n = many(100000);
	pawl_task_t completer;

	(void)state;
	up(2, 0);
	assert_int_equal(pawl_completion_create(root, NULL, &awaited, &producer), 0);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(pawl_spawn(root, NULL, await_it, &n, NULL), 0);
		if (i % 1000 == 0)
			t_step();
	}
	settle();
	assert_int_equal(pawl_load_relaxed(&ran), n);
	assert_int_equal(pawl_load_relaxed(&ended), 0);
	assert_int_equal(pawl_spawn(root, NULL, complete_it, &n, &completer), 0);
	assert_int_equal(pawl_task_wait(rt, completer, PAWL_FOREVER, NULL), 0);
	settle();
	assert_int_equal(pawl_load_relaxed(&ended), n);
	assert_int_equal(pawl_producer_drop(rt, producer), 0);
	assert_int_equal(pawl_task_drop(rt, awaited), 0);
	assert_int_equal(pawl_task_drop(rt, completer), 0);
	down(n + 2);
}

/* ---- chains ------------------------------------------------------------------------------------ */

static pawl_task_t *chain;

static int link_to_next(void *arg, void **ret_value)
{
	size_t at = (size_t)(uintptr_t)arg;
	struct pawl_result result;

	pawl_add_relaxed(&ran, 1u);
	if (pawl_task_wait(rt, chain[at + 1], PAWL_FOREVER, &result))
		return -EIO;
	*ret_value = (void *)((uintptr_t)result.value + 1);
	pawl_add_relaxed(&ended, 1u);
	return 0;
}

/* Holds a worker until the chain is there. */
static int hold(void *arg, void **ret_value)
{
	const struct timespec moment = {0, 200000};

	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	while (!is_open())
		nanosleep(&moment, NULL);
	return 0;
}

static void run_chain(unsigned n, const unsigned *order)
{
	struct pawl_runtime_stats stats;
	struct pawl_result result;

	chain = calloc(n + 1, sizeof(*chain));
	assert_non_null(chain);
	up(2, 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pawl_spawn(root, NULL, hold, NULL, NULL), 0);
		t_wait_until(pawl_load_relaxed(&ran) == i + 1);
	}
	assert_int_equal(pawl_completion_create(root, NULL, &chain[n], &producer), 0);
	for (unsigned i = 0; i < n; i++) {
		uintptr_t at = order ? order[i] : i;

		assert_int_equal(pawl_spawn(root, NULL, link_to_next, (void *)at, &chain[at]),
				 0);
		if (i % 1000 == 0)
			t_step();
	}
	pawl_store_release(&open, 1u);
	settle();
	assert_int_equal(pawl_load_relaxed(&ran), n + 2);
	assert_int_equal(pawl_load_relaxed(&ended), 0);
	pawl_runtime_stats_read(rt, &stats);
	printf("# a chain of %u: %llu stacks, %llu run by their waiters, %u MiB\n", n,
	       (unsigned long long)stats.stacks, (unsigned long long)stats.inlined, resident());
	assert_int_equal(pawl_complete(rt, producer, (void *)1), 0);
	settle();
	assert_int_equal(pawl_task_wait(rt, chain[0], PAWL_FOREVER, &result), 0);
	assert_int_equal(result.outcome, PAWL_OUTCOME_COMPLETED);
	assert_int_equal((uintptr_t)result.value, (uintptr_t)n + 1);
	assert_int_equal(pawl_load_relaxed(&ended), n);
	assert_int_equal(pawl_producer_drop(rt, producer), 0);
	for (unsigned i = 0; i <= n; i++)
		assert_int_equal(pawl_task_drop(rt, chain[i]), 0);
	down(n + 3);
	free(chain);
}

/* From its head: who waits runs what it waits for, as far as its stack goes. */
static void case_chain_from_its_head(void **state)
{
	(void)state;
	run_chain(many(1000000), NULL);
}

/* From its end: each finds the next one waiting already, and needs a stack. */
static void case_chain_from_its_end(void **state)
{
	unsigned n = many(1000000), *order = calloc(n, sizeof(*order));

	(void)state;
	assert_non_null(order);
	for (unsigned i = 0; i < n; i++)
		order[i] = n - 1 - i;
	run_chain(n, order);
	free(order);
}

/* In any order; each look for a ring walks along what is there. */
static void case_chain_in_any_order(void **state)
{
	unsigned n = t_scaled(T_ASAN || T_TSAN ? 1000 : 5000),
		 *order = calloc(n, sizeof(*order));

	(void)state;
	assert_non_null(order);
	for (unsigned i = 0; i < n; i++)
		order[i] = i;
	for (unsigned i = n; i > 1; i--) {
		unsigned with = (unsigned)t_random_below(i), kept = order[with];

		order[with] = order[i - 1];
		order[i - 1] = kept;
	}
	run_chain(n, order);
	free(order);
}

/* ---- a cap of stacks ------------------------------------------------------------------------------ */

/* A deadline that does not come: it lends, and does not run the other one on its own stack. */
static int wait_for_next(void *arg, void **ret_value)
{
	size_t at = (size_t)(uintptr_t)arg;
	int error = pawl_task_wait(rt, chain[at + 1], 5000, NULL);

	(void)ret_value;
	pawl_add_relaxed(&ended, 1u);
	return error;
}

/*
 * A stack or two for each worker, and a chain where each waits for one that has not begun: what is waited for
 * starts, cap or none.
 */
static void case_cap_blocks_nobody(void **state)
{
	unsigned n = many(20000);

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		for (uint32_t cap = 1; cap <= 3; cap++) {
			chain = calloc(n + 1, sizeof(*chain));
			assert_non_null(chain);
			up(workers, cap);
			for (unsigned i = 0; i < workers; i++) {
				assert_int_equal(pawl_spawn(root, NULL, hold, NULL, NULL), 0);
				t_wait_until(pawl_load_relaxed(&ran) == i + 1);
			}
			for (uintptr_t at = 0; at < n; at++)
				assert_int_equal(pawl_spawn(root, NULL, wait_for_next,
							    (void *)at, &chain[at]),
						 0);
			assert_int_equal(pawl_spawn(root, NULL, open_gate, NULL, &chain[n]), 0);
			pawl_store_release(&open, 1u);
			for (unsigned at = 0; at <= n; at++) {
				assert_int_equal(
					pawl_task_wait(rt, chain[at], PAWL_FOREVER, NULL), 0);
				assert_int_equal(pawl_task_drop(rt, chain[at]), 0);
				t_step();
			}
			assert_int_equal(pawl_load_relaxed(&ended), n);
			down(n + 1 + workers);
			free(chain);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_million_parked),
		cmocka_unit_test(case_awaited_by_many),
		cmocka_unit_test(case_chain_from_its_head),
		cmocka_unit_test(case_chain_from_its_end),
		cmocka_unit_test(case_chain_in_any_order),
		cmocka_unit_test(case_cap_blocks_nobody),
	};

	return t_run("many", tests);
}
