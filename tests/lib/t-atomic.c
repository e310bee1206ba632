/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-atomic.c - shared words: what each call does and returns, for each width and order; and
 * that the orders order, as far as the machine lets one see.
 */
#include "harness.h"

#include <string.h>

#include <pawl/atomic.h>
#include <pawl/thread.h>

static void case_layout(void **state)
{
	struct odd {
		char c;
		struct pawl_atomic_u32 a;
		char d;
		struct pawl_atomic_u64 b;
		char e;
		struct pawl_atomic_ptr p;
	};

	(void)state;
	assert_int_equal(sizeof(struct pawl_atomic_u32), 4);
	assert_int_equal(sizeof(struct pawl_atomic_u64), 8);
	assert_int_equal(sizeof(struct pawl_atomic_ptr), sizeof(void *));
	assert_int_equal(offsetof(struct odd, a) % 4, 0);
	assert_int_equal(offsetof(struct odd, b) % 8, 0);
	assert_int_equal(offsetof(struct odd, p) % sizeof(void *), 0);
}

/* Every order of one read-modify-write: `old` comes back, `now` stays. */
#define CHECK_RMW(call, word, start, value, now)                                \
	do {                                                                    \
		pawl_store_relaxed((word), (start));                            \
		assert_true(pawl_##call##_relaxed((word), (value)) == (start)); \
		assert_true(pawl_load_relaxed(word) == (now));                  \
		pawl_store_release((word), (start));                            \
		assert_true(pawl_##call##_acquire((word), (value)) == (start)); \
		assert_true(pawl_load_acquire(word) == (now));                  \
		pawl_store_relaxed((word), (start));                            \
		assert_true(pawl_##call##_release((word), (value)) == (start)); \
		assert_true(pawl_load_relaxed(word) == (now));                  \
		pawl_store_relaxed((word), (start));                            \
		assert_true(pawl_##call##_acq_rel((word), (value)) == (start)); \
		assert_true(pawl_load_relaxed(word) == (now));                  \
	} while (0)

/* One strong compare-exchange that fits and one that does not. */
#define CHECK_CAS(order, type, word, start, other, now)                          \
	do {                                                                     \
		type expected = (start);                                         \
                                                                                 \
		pawl_store_relaxed((word), (start));                             \
		assert_true(pawl_cas_##order((word), &expected, (now)));         \
		assert_true(expected == (start));                                \
		assert_true(pawl_load_relaxed(word) == (now));                   \
		expected = (other);                                              \
		assert_false(pawl_cas_##order((word), &expected, (start)));      \
		assert_true(expected == (now));                                  \
		assert_true(pawl_load_relaxed(word) == (now));                   \
		/* A weak one may fail for nothing, but says what is there. */   \
		expected = (other);                                              \
		assert_false(pawl_cas_weak_##order((word), &expected, (start))); \
		assert_true(expected == (now));                                  \
		while (!pawl_cas_weak_##order((word), &expected, (start)))       \
			assert_true(expected == (now));                          \
		assert_true(pawl_load_relaxed(word) == (start));                 \
	} while (0)

static void case_u32(void **state)
{
	struct pawl_atomic_u32 word;

	(void)state;
	pawl_init_word(&word, 7);
	assert_int_equal(pawl_load_relaxed(&word), 7);
	CHECK_RMW(xchg, &word, 7u, 9u, 9u);
	CHECK_RMW(add, &word, UINT32_MAX, 2u, 1u);
	CHECK_RMW(sub, &word, 1u, 2u, UINT32_MAX);
	CHECK_RMW(or, &word, 0xf0f0u, 0x0f01u, 0xfff1u);
	CHECK_RMW(and, &word, 0xf0f0u, 0xff00u, 0xf000u);
	CHECK_CAS(relaxed, uint32_t, &word, 1u, 5u, UINT32_MAX);
	CHECK_CAS(acquire, uint32_t, &word, 1u, 5u, UINT32_MAX);
	CHECK_CAS(release, uint32_t, &word, 1u, 5u, UINT32_MAX);
	CHECK_CAS(acq_rel, uint32_t, &word, 1u, 5u, UINT32_MAX);
}

static void case_u64(void **state)
{
	struct pawl_atomic_u64 word;
	const uint64_t big = UINT64_C(0x8000000000000001);

	(void)state;
	pawl_init_word(&word, big);
	assert_true(pawl_load_acquire(&word) == big);
	CHECK_RMW(xchg, &word, big, UINT64_C(0x123456789abcdef0), UINT64_C(0x123456789abcdef0));
	CHECK_RMW(add, &word, UINT64_C(0xffffffff), UINT64_C(1), UINT64_C(0x100000000));
	CHECK_RMW(add, &word, UINT64_MAX, UINT64_C(2), UINT64_C(1));
	CHECK_RMW(sub, &word, UINT64_C(0x100000000), UINT64_C(1), UINT64_C(0xffffffff));
	CHECK_RMW(or, &word, big, UINT64_C(2), big + 2);
	CHECK_RMW(and, &word, big, UINT64_C(0xffffffff00000000), UINT64_C(0x8000000000000000));
	CHECK_CAS(relaxed, uint64_t, &word, big, UINT64_C(1), UINT64_MAX);
	CHECK_CAS(acquire, uint64_t, &word, big, UINT64_C(1), UINT64_MAX);
	CHECK_CAS(release, uint64_t, &word, big, UINT64_C(1), UINT64_MAX);
	CHECK_CAS(acq_rel, uint64_t, &word, big, UINT64_C(1), UINT64_MAX);
}

static void case_ptr(void **state)
{
	struct pawl_atomic_ptr word;
	int things[3];
	void *first = &things[0], *second = &things[1], *third = &things[2];

	(void)state;
	pawl_init_word(&word, NULL);
	assert_null(pawl_load_relaxed(&word));
	CHECK_RMW(xchg, &word, first, second, second);
	CHECK_RMW(xchg, &word, first, NULL, NULL);
	CHECK_CAS(relaxed, void *, &word, first, third, second);
	CHECK_CAS(acquire, void *, &word, first, third, second);
	CHECK_CAS(release, void *, &word, first, third, second);
	CHECK_CAS(acq_rel, void *, &word, first, third, second);
}

/* Arguments are evaluated once. */
static void case_single_evaluation(void **state)
{
	struct pawl_atomic_u32 words[2];
	struct pawl_atomic_u32 *at = words;
	uint32_t value = 5;

	(void)state;
	pawl_init_word(&words[0], 1);
	pawl_init_word(&words[1], 2);
	assert_int_equal(pawl_add_relaxed(at++, value++), 1);
	assert_ptr_equal(at, &words[1]);
	assert_int_equal(value, 6);
	assert_int_equal(pawl_load_relaxed(&words[0]), 6);
	pawl_store_release(at--, value++);
	assert_ptr_equal(at, &words[0]);
	assert_int_equal(value, 7);
	assert_int_equal(pawl_load_relaxed(&words[1]), 6);
}

static void case_small_things(void **state)
{
	(void)state;
	assert_true(PAWL_MC_STEP("anything"));
	pawl_pause();
	pawl_fence_dekker();
	assert_int_equal(PAWL_LINE_BYTES % 64, 0);
}

/* No increment is lost, in any order, strong or weak. */

#define ADDERS 4
static struct pawl_atomic_u64 sum;
static unsigned add_rounds;

static void add_many(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < add_rounds; i++) {
		uint64_t seen = pawl_load_relaxed(&sum);

		pawl_add_relaxed(&sum, 1);
		pawl_add_acq_rel(&sum, 2);
		pawl_sub_release(&sum, 1);
		seen = pawl_load_relaxed(&sum);
		while (!pawl_cas_weak_relaxed(&sum, &seen, seen + 1))
			;
		while (!pawl_cas_acq_rel(&sum, &seen, seen + 1))
			;
		if (i % 1024 == 0)
			t_step();
	}
}

static void case_no_lost_update(void **state)
{
	struct t_thread *threads[ADDERS];

	(void)state;
	add_rounds = t_scaled(50000);
	pawl_init_word(&sum, 0);
	for (unsigned i = 0; i < ADDERS; i++)
		threads[i] = t_thread_start_bare(add_many, NULL);
	for (unsigned i = 0; i < ADDERS; i++)
		t_thread_join(threads[i]);
	assert_true(pawl_load_relaxed(&sum) == (uint64_t)ADDERS * add_rounds * 4);
}

/* Release and acquire hand over plain memory, through a lock word and through a flag. */

static struct pawl_atomic_u32 lock_word;
static uint64_t guarded[2];

static void lock_and_count(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < add_rounds; i++) {
		while (pawl_xchg_acquire(&lock_word, 1))
			t_yield();
		t_check(guarded[0] == guarded[1]);
		guarded[0]++;
		guarded[1]++;
		pawl_store_release(&lock_word, 0);
		if (i % 1024 == 0)
			t_step();
	}
}

static void case_lock_word(void **state)
{
	struct t_thread *threads[ADDERS];

	(void)state;
	add_rounds = t_scaled(20000);
	guarded[0] = guarded[1] = 0;
	pawl_init_word(&lock_word, 0);
	for (unsigned i = 0; i < ADDERS; i++)
		threads[i] = t_thread_start_bare(lock_and_count, NULL);
	for (unsigned i = 0; i < ADDERS; i++)
		t_thread_join(threads[i]);
	assert_true(guarded[0] == (uint64_t)ADDERS * add_rounds);
}

/*
 * Store buffering: each of two threads stores its word, passes the fence, loads the other's.
 * Both loading 0 is what the fence forbids; without it x86 shows it within some thousand
 * rounds.
 */

static struct {
	struct pawl_atomic_u32 mine PAWL_ALIGNED(PAWL_LINE_BYTES);
	struct pawl_atomic_u32 round PAWL_ALIGNED(PAWL_LINE_BYTES);
	uint32_t saw;
} side[2];
static unsigned dekker_rounds;

static void dekker_side(void *arg)
{
	unsigned me = *(unsigned *)arg;

	for (uint32_t round = 1; round <= dekker_rounds; round++) {
		unsigned turns = 0;

		pawl_store_release(&side[me].round, round);
		while (pawl_load_acquire(&side[!me].round) < round) {
			pawl_pause();
			if (++turns % 256 == 0)
				t_yield();
		}
		pawl_store_relaxed(&side[me].mine, round);
		pawl_fence_dekker();
		side[me].saw = pawl_load_relaxed(&side[!me].mine);

		/* Meet again, then one of the two compares. */
		pawl_add_acq_rel(&lock_word, 1);
		while (pawl_load_acquire(&lock_word) < 2 * round) {
			pawl_pause();
			if (++turns % 256 == 0)
				t_yield();
		}
		if (me == 0)
			t_check(side[0].saw == round || side[1].saw == round);
		if (round % 256 == 0)
			t_step();
		/* `saw` is written again only after the comparison. */
		pawl_add_acq_rel(&sum, 1);
		while (pawl_load_acquire(&sum) < 2 * (uint64_t)round) {
			pawl_pause();
			if (++turns % 256 == 0)
				t_yield();
		}
	}
}

static void case_dekker(void **state)
{
	unsigned numbers[2] = {0, 1};
	struct t_thread *threads[2];

	(void)state;
	dekker_rounds = t_scaled(20000);
	pawl_init_word(&lock_word, 0);
	pawl_init_word(&sum, 0);
	for (unsigned i = 0; i < 2; i++) {
		pawl_init_word(&side[i].mine, 0);
		pawl_init_word(&side[i].round, 0);
	}
	for (unsigned i = 0; i < 2; i++)
		threads[i] = t_thread_start_bare(dekker_side, &numbers[i]);
	for (unsigned i = 0; i < 2; i++)
		t_thread_join(threads[i]);
}

static int oom_atomic(void)
{
	struct pawl_atomic_u32 word;
	int rc;

	pawl_init_word(&word, 1);
	rc = pawl_thread_attach("atomic");
	if (rc)
		return rc;
	t_check(pawl_add_acq_rel(&word, 1) == 1);
	pawl_thread_detach();
	return 0;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_layout),
		cmocka_unit_test(case_u32),
		cmocka_unit_test(case_u64),
		cmocka_unit_test(case_ptr),
		cmocka_unit_test(case_single_evaluation),
		cmocka_unit_test(case_small_things),
		cmocka_unit_test(case_no_lost_update),
		cmocka_unit_test(case_lock_word),
		cmocka_unit_test(case_dekker),
		T_OOM(oom_atomic),
	};

	return t_run("atomic", cases);
}
