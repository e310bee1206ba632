/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of lib/counter.c. */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>

static struct pawl_counter *make(uint32_t batch)
{
	struct pawl_counter *counter = NULL;

	assert_int_equal(pawl_counter_create(batch, &counter), 0);
	return counter;
}

static void case_options(void **state)
{
	struct pawl_counter *counter = NULL;

	(void)state;
	t_assert_errno(pawl_counter_create((uint32_t)INT32_MAX + 1, &counter), EINVAL);
	assert_null(counter);
	pawl_counter_destroy(NULL);
	counter = make(INT32_MAX);
	pawl_counter_destroy(counter);
}

/* One thread: the sum is exact, fast lags by less than the batch, up and down. */
static void case_batch(void **state)
{
	static const uint32_t batches[] = {1, 2, 7, 64};

	(void)state;
	for (unsigned b = 0; b < sizeof(batches) / sizeof(batches[0]); b++) {
		struct pawl_counter *counter = make(batches[b]);
		int64_t expected = 0, slack = batches[b] - 1;

		for (unsigned i = 0; i < 1000; i++) {
			int64_t by = (int64_t)t_random_below(41) - 20;
			struct pawl_counter_bound bound;
			int64_t off;

			pawl_counter_add(counter, by);
			expected += by;
			assert_int_equal(pawl_counter_read_sum(counter), expected);
			off = pawl_counter_read_fast(counter) - expected;
			assert_true(off >= -slack && off <= slack);
			pawl_counter_read_bound(counter, &bound);
			assert_int_equal(bound.max - bound.min, 2 * slack);
			assert_true(bound.min <= expected && expected <= bound.max);
			assert_int_equal(bound.value, pawl_counter_read_fast(counter));
			t_step();
		}
		pawl_counter_destroy(counter);
	}
}

static void case_default_batch(void **state)
{
	struct pawl_counter *counter = make(0);

	(void)state;
	pawl_counter_add(counter, PAWL_COUNTER_BATCH_DEFAULT - 1);
	assert_int_equal(pawl_counter_read_fast(counter), 0);
	pawl_counter_add(counter, 1);
	assert_int_equal(pawl_counter_read_fast(counter), PAWL_COUNTER_BATCH_DEFAULT);
	pawl_counter_add(counter, -(int64_t)PAWL_COUNTER_BATCH_DEFAULT + 1);
	assert_int_equal(pawl_counter_read_fast(counter), PAWL_COUNTER_BATCH_DEFAULT);
	pawl_counter_add(counter, -1);
	assert_int_equal(pawl_counter_read_fast(counter), 0);
	pawl_counter_destroy(counter);
}

static void case_wraps(void **state)
{
	struct pawl_counter *counter = make(1);

	(void)state;
	pawl_counter_add(counter, INT64_MAX);
	pawl_counter_add(counter, 1);
	assert_true(pawl_counter_read_sum(counter) == INT64_MIN);
	assert_true(pawl_counter_read_fast(counter) == INT64_MIN);
	pawl_counter_destroy(counter);
}

static void add_ten(void *arg)
{
	pawl_counter_add(arg, 10);
}

/* A detached thread is told of in full, and counts in no bound; its slot keeps the cell. */
static void case_detach(void **state)
{
	struct pawl_counter *counter = make(100);
	struct pawl_counter_bound bound;

	(void)state;
	for (int64_t i = 1; i <= 3; i++) {
		t_thread_join(t_thread_start(add_ten, counter));
		pawl_counter_read_bound(counter, &bound);
		assert_int_equal(bound.min, 10 * i);
		assert_int_equal(bound.max, 10 * i);
		assert_int_equal(pawl_counter_read_sum(counter), 10 * i);
	}
	/* And those that were never attached. */
	t_thread_join(t_thread_start_bare(add_ten, counter));
	assert_int_equal(pawl_counter_read_fast(counter), 40);
	assert_int_equal(pawl_counter_read_sum(counter), 40);
	pawl_counter_destroy(counter);
}

/* The reclaimer's slot is far above the others: it adds to the shared word. */
struct retired {
	struct pawl_retire_node node;
	struct pawl_counter *counter;
};

static void add_when_freed(struct pawl_retire_node *node)
{
	pawl_counter_add(PAWL_CONTAINER_OF(node, struct retired, node)->counter, 5);
}

static void case_reclaimer(void **state)
{
	struct retired retired = {.counter = make(100)};

	(void)state;
	(void)pawl_retire(&retired.node, 0, add_when_freed);
	pawl_retire_barrier();
	assert_int_equal(pawl_counter_read_fast(retired.counter), 5);
	assert_int_equal(pawl_counter_read_sum(retired.counter), 5);
	pawl_counter_destroy(retired.counter);
}

/* No memory for a cell: adding does not fail, and the next one may have it. */
static void case_no_memory(void **state)
{
	struct pawl_counter *counter = make(100);

	(void)state;
	t_alloc_fail_at(1);
	pawl_counter_add(counter, 3);
	assert_true(t_alloc_failed());
	t_alloc_fail_at(0);
	assert_int_equal(pawl_counter_read_fast(counter), 3);
	pawl_counter_add(counter, 4);
	assert_int_equal(pawl_counter_read_fast(counter), 3);
	assert_int_equal(pawl_counter_read_sum(counter), 7);
	pawl_counter_destroy(counter);
}

static int oom_create(void)
{
	struct pawl_counter *counter;
	int error = pawl_counter_create(1, &counter);

	if (!error)
		pawl_counter_destroy(counter);
	return error;
}

enum { CROWD = 12 };

static struct pawl_counter *crowd_counter;
static struct pawl_atomic_u64 completed, stop;

static void crowd_member(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < t_scaled(50000); i++) {
		pawl_counter_add(crowd_counter, 1);
		if (i % 64 == 63)
			pawl_add_release(&completed, 64u);
		t_step();
	}
}

/* What was completed before is in every answer; nothing comes from nowhere. */
static void crowd_reader(void *arg)
{
	int64_t most = (int64_t)CROWD * t_scaled(50000), last = 0;

	(void)arg;
	do {
		int64_t before = (int64_t)pawl_load_acquire(&completed);
		struct pawl_counter_bound bound;
		int64_t sum;

		pawl_counter_read_bound(crowd_counter, &bound);
		t_check(bound.max >= before);
		t_check(bound.value <= most);
		sum = pawl_counter_read_sum(crowd_counter);
		t_check(sum >= before && sum >= last && sum <= most);
		last = sum;
		t_step();
		t_yield();
	} while (!pawl_load_relaxed(&stop));
}

static void case_crowd(void **state)
{
	struct t_thread *threads[CROWD], *reader;

	(void)state;
	crowd_counter = make(0);
	pawl_init_word(&completed, 0u);
	pawl_init_word(&stop, 0u);
	reader = t_thread_start_bare(crowd_reader, NULL);
	for (unsigned i = 0; i < CROWD; i++)
		threads[i] = t_thread_start(crowd_member, NULL);
	for (unsigned i = 0; i < CROWD; i++)
		t_thread_join(threads[i]);
	pawl_store_relaxed(&stop, 1u);
	t_thread_join(reader);
	assert_int_equal(pawl_counter_read_sum(crowd_counter), CROWD * t_scaled(50000));
	assert_int_equal(pawl_counter_read_fast(crowd_counter), CROWD * t_scaled(50000));
	pawl_counter_destroy(crowd_counter);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_options),	      cmocka_unit_test(case_batch),
		cmocka_unit_test(case_default_batch), cmocka_unit_test(case_wraps),
		cmocka_unit_test(case_detach),	      cmocka_unit_test(case_reclaimer),
		cmocka_unit_test(case_no_memory),     T_OOM(oom_create),
		cmocka_unit_test(case_crowd),
	};

	return t_run("counter", cases);
}
