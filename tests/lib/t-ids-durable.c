/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests of lib/ids-durable.c: when an id that was freed comes back, with a store and without; where a factory goes
 * on after a restart.
 */
#include "ids.h"

static void case_lowest_first(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_DURABLE);
	struct pawl_ids *ids;
	uint64_t cycle;

	(void)state;
	options.magazine = 1;
	options.stored = 1;
	ids = make(&options);
	for (unsigned i = 1; i <= 200; i++)
		assert_int_equal(get(ids), i);
	put(ids, 150);
	put(ids, 7);
	put(ids, 70);
	cycle = pawl_ids_cycle_end(ids);
	assert_int_equal(pawl_ids_durable_up_to(ids, cycle), 0);
	pawl_retire_barrier();
	assert_int_equal(get(ids), 7);
	assert_int_equal(get(ids), 70);
	assert_int_equal(get(ids), 150);
	assert_int_equal(get(ids), 201);
	pawl_ids_destroy(ids);
}

/* Neither time alone lets an id come back; the range has one, so it cannot hide. */
static void case_durable_rule(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_DURABLE);
	struct pawl_ids *ids;

	(void)state;
	options.last = 1;
	options.stored = 1;
	ids = make(&options);
	assert_int_equal(get(ids), 1);
	assert_full(ids);
	put(ids, 1);

	/* A grace period, but the cycle has not ended. */
	pawl_retire_barrier();
	assert_full(ids);
	t_assert_errno(pawl_ids_durable_up_to(ids, 1), EINVAL);
	assert_int_equal(pawl_ids_cycle_end(ids), 1);
	/* The cycle has ended, and a grace period, but it is not durable. */
	pawl_retire_barrier();
	assert_full(ids);
	assert_int_equal(audit(ids).parked, 1);
	t_assert_errno(pawl_ids_durable_up_to(ids, 2), EINVAL);
	assert_int_equal(pawl_ids_durable_up_to(ids, 0), 0);
	assert_full(ids);
	/* The write of cycle 1 failed; that of cycle 2 has it. */
	assert_int_equal(pawl_ids_cycle_end(ids), 2);
	assert_int_equal(pawl_ids_durable_up_to(ids, 2), 0);
	assert_int_equal(get(ids), 1);
	assert_full(ids);

	/* Durable at once, but a section is open since before the free. */
	pawl_rcu_begin();
	put(ids, 1);
	assert_int_equal(pawl_ids_cycle_end(ids), 3);
	assert_int_equal(pawl_ids_durable_up_to(ids, 3), 0);
	assert_full(ids);
	assert_int_equal(audit(ids).parked, 1);
	pawl_rcu_end();
	pawl_retire_barrier();
	assert_int_equal(get(ids), 1);
	/* An older cycle is nothing. */
	assert_int_equal(pawl_ids_durable_up_to(ids, 1), 0);
	pawl_ids_destroy(ids);
}

/* What is freed while a bucket waits goes with a later cycle, never with the one before. */
static void case_two_buckets(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_DURABLE);
	struct pawl_ids *ids;

	(void)state;
	options.last = 3;
	options.stored = 1;
	ids = make(&options);
	for (unsigned i = 1; i <= 3; i++)
		assert_int_equal(get(ids), i);
	put(ids, 2);
	assert_int_equal(pawl_ids_cycle_end(ids), 1);
	put(ids, 1);
	assert_int_equal(pawl_ids_cycle_end(ids), 2);
	put(ids, 3);
	pawl_retire_barrier();
	assert_int_equal(audit(ids).parked, 3);
	assert_int_equal(pawl_ids_durable_up_to(ids, 1), 0);
	assert_int_equal(get(ids), 2);
	assert_full(ids);
	/* 1 was freed in cycle 2, and its bucket is closed with 3's at the end of cycle 3. */
	assert_int_equal(pawl_ids_durable_up_to(ids, 2), 0);
	assert_full(ids);
	assert_int_equal(pawl_ids_cycle_end(ids), 3);
	pawl_retire_barrier();
	assert_full(ids);
	assert_int_equal(pawl_ids_durable_up_to(ids, 3), 0);
	assert_int_equal(get(ids), 1);
	assert_int_equal(get(ids), 3);
	assert_full(ids);
	pawl_ids_destroy(ids);
}

/* Without a store a grace period is enough; it begins when much was freed, or at the end. */
static void case_not_stored(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_DURABLE);
	struct pawl_ids *ids;

	(void)state;
	options.last = 64;
	ids = make(&options);
	for (unsigned i = 1; i <= 64; i++)
		assert_int_equal(get(ids), i);
	assert_full(ids);
	pawl_rcu_begin();
	for (unsigned i = 1; i <= 32; i++)
		put(ids, i);
	assert_full(ids);
	pawl_rcu_end();
	pawl_retire_barrier();
	for (unsigned i = 1; i <= 32; i++)
		assert_int_equal(get(ids), i);
	put(ids, 64);
	assert_full(ids); /* starts a grace period */
	pawl_retire_barrier();
	assert_int_equal(get(ids), 64);
	pawl_ids_destroy(ids);

	/* Much was freed: 16 magazines. */
	options.last = 1000;
	options.magazine = 4;
	ids = make(&options);
	for (unsigned i = 1; i <= 70; i++)
		(void)get(ids);
	for (unsigned i = 1; i <= 63; i++)
		put(ids, i);
	pawl_retire_barrier();
	assert_int_equal(audit(ids).parked, 63);
	put(ids, 64);
	pawl_retire_barrier();
	assert_int_equal(audit(ids).parked, 0);
	pawl_ids_destroy(ids);
}

/*
 * What was freed while a bucket waited comes back after two grace periods, however few it is:
 * an allocation has asked for it.
 */
static void case_two_barriers(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_DURABLE);
	struct pawl_ids *ids;

	(void)state;
	options.last = 3;
	ids = make(&options);
	for (unsigned i = 1; i <= 3; i++)
		assert_int_equal(get(ids), i);
	pawl_rcu_begin();
	put(ids, 2);
	assert_full(ids); /* starts a grace period for 2 */
	put(ids, 1);
	assert_full(ids);
	pawl_rcu_end();
	pawl_retire_barrier();
	pawl_retire_barrier();
	assert_int_equal(audit(ids).parked, 0);
	assert_int_equal(get(ids), 1);
	assert_int_equal(get(ids), 2);
	assert_full(ids);
	/* Asked for once, not for ever: few freed ids do not start a grace period by themselves. */
	put(ids, 3);
	pawl_retire_barrier();
	pawl_retire_barrier();
	assert_int_equal(audit(ids).parked, 1);
	pawl_ids_destroy(ids);
}

static void case_destroy_in_grace_period(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_DURABLE);
	struct pawl_ids *ids;

	(void)state;
	options.last = 1;
	ids = make(&options);
	put(ids, get(ids));
	assert_full(ids); /* starts one */
	pawl_ids_destroy(ids);
	pawl_retire_barrier();
	ids = make(&options);
	pawl_rcu_begin();
	put(ids, get(ids));
	assert_full(ids);
	pawl_ids_destroy(ids);
	pawl_rcu_end();
}

/* A restart: all below next count as live, and come back when they are freed. */
static void case_resume(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_DURABLE);
	struct pawl_ids *ids = make(&options);
	uint64_t next;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		(void)get(ids);
	next = pawl_ids_next(ids);
	assert_in_range(next, 101, 129);
	pawl_ids_destroy(ids);

	options.next = next;
	ids = make(&options);
	assert_int_equal(pawl_ids_next(ids), next);
	assert_int_equal(audit(ids).live, next - 1);
	assert_int_equal(get(ids), next);
	assert_int_equal(pawl_ids_check(ids, 5), 0);
	put(ids, 5);
	t_assert_errno(pawl_ids_free(ids, 5), EINVAL);
	pawl_ids_destroy(ids);

	/* At the very end nothing is left but what is freed. */
	options.last = next - 1;
	ids = make(&options);
	assert_full(ids);
	put(ids, 9);
	assert_full(ids);
	pawl_retire_barrier();
	assert_int_equal(get(ids), 9);
	pawl_ids_destroy(ids);

	options = options_of(PAWL_IDS_MONOTONE);
	options.next = UINT64_C(1) << 40;
	ids = make(&options);
	assert_int_equal(get(ids), options.next);
	assert_int_equal(pawl_ids_next(ids), options.next + 32);
	pawl_ids_destroy(ids);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_lowest_first),
		cmocka_unit_test(case_durable_rule),
		cmocka_unit_test(case_two_buckets),
		cmocka_unit_test(case_not_stored),
		cmocka_unit_test(case_two_barriers),
		cmocka_unit_test(case_destroy_in_grace_period),
		cmocka_unit_test(case_resume),
	};

	return t_run("ids-durable", cases);
}
