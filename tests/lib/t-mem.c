/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-mem.c - the one door to memory: sizes, alignments, statistics, failure, and who may choose
 * the allocator and when. The last takes a fresh process for each order of events: main()
 * runs one of them when it is given its name.
 */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/thread.h>

static struct pawl_mem_stats stats(void)
{
	struct pawl_mem_stats now;

	pawl_mem_stats_read(&now);
	return now;
}

static void case_sizes(void **state)
{
	(void)state;
	for (size_t size = 1; size <= 70000; size += 1 + size / 3) {
		unsigned char *block = pawl_mem_alloc(size, 0);

		assert_non_null(block);
		assert_int_equal((uintptr_t)block % _Alignof(max_align_t), 0);
		memset(block, 0x5a, size);
		pawl_mem_free(block, size, 0);
	}
}

static void case_alignments(void **state)
{
	(void)state;
	/* Smaller ones than malloc's are powers of two as well. */
	for (size_t align = 1; align <= 65536; align *= 2) {
		for (size_t size = 1; size <= 5000; size = size * 2 + 1) {
			unsigned char *block = pawl_mem_alloc(size, align);
			unsigned char *zeros = pawl_mem_zalloc(size, align);

			assert_non_null(block);
			assert_non_null(zeros);
			assert_int_equal((uintptr_t)block % align, 0);
			assert_int_equal((uintptr_t)zeros % align, 0);
			for (size_t i = 0; i < size; i++)
				assert_int_equal(zeros[i], 0);
			memset(block, 0x5a, size);
			memset(zeros, 0xa5, size);
			pawl_mem_free(zeros, size, align);
			pawl_mem_free(block, size, align);
		}
	}
}

/* A size that the compiler knows nothing of: it would warn of those that are tested here. */
static size_t opaque(size_t size)
{
	__asm__("" : "+r"(size));
	return size;
}

static void case_impossible_sizes(void **state)
{
	static const size_t impossible[] = {0, (size_t)PTRDIFF_MAX + 1, SIZE_MAX - 4096,
					    SIZE_MAX};
	struct pawl_mem_stats before = stats();
	struct pawl_mem_stats after;

	(void)state;
	for (unsigned i = 0; i < sizeof(impossible) / sizeof(*impossible); i++) {
		size_t size = opaque(impossible[i]);

		assert_null(pawl_mem_alloc(size, 0));
		assert_null(pawl_mem_zalloc(size, 0));
		assert_null(pawl_mem_alloc(size, 4096));
	}
	after = stats();
	assert_int_equal(after.blocks, before.blocks);
	assert_int_equal(after.bytes, before.bytes);
	assert_int_equal(after.allocations, before.allocations);
}

static void case_too_large(void **state)
{
	struct pawl_mem_stats before = stats();
	size_t size = opaque(PTRDIFF_MAX);

	(void)state;
	/* Allowed to ask for; no allocator has it. */
	assert_null(pawl_mem_alloc(size, 0));
	assert_null(pawl_mem_zalloc(size, 64));
	assert_null(pawl_mem_alloc(size, 65536));
	assert_int_equal(stats().failures, before.failures + 3);
	assert_int_equal(stats().blocks, before.blocks);
}

static void case_free_null(void **state)
{
	struct pawl_mem_stats before = stats();

	(void)state;
	pawl_mem_free(NULL, 0, 0);
	pawl_mem_free(NULL, 100, 64);
	assert_int_equal(stats().blocks, before.blocks);
	assert_int_equal(stats().bytes, before.bytes);
}

static void case_stats(void **state)
{
	struct pawl_mem_stats before = stats();
	void *one, *two;

	(void)state;
	one = pawl_mem_alloc(100, 0);
	two = pawl_mem_zalloc(3000, 256);
	assert_non_null(one);
	assert_non_null(two);
	assert_int_equal(stats().blocks, before.blocks + 2);
	assert_int_equal(stats().bytes, before.bytes + 3100);
	assert_int_equal(stats().allocations, before.allocations + 2);
	assert_int_equal(stats().failures, before.failures);
	pawl_mem_free(one, 100, 0);
	assert_int_equal(stats().blocks, before.blocks + 1);
	assert_int_equal(stats().bytes, before.bytes + 3000);
	pawl_mem_free(two, 3000, 256);
	assert_int_equal(stats().blocks, before.blocks);
	assert_int_equal(stats().bytes, before.bytes);
	assert_int_equal(stats().allocations, before.allocations + 2);
}

static void case_failure(void **state)
{
	struct pawl_mem_stats before = stats();

	(void)state;
	t_alloc_fail_at(1);
	assert_null(pawl_mem_alloc(100, 0));
	assert_true(t_alloc_failed());
	t_alloc_fail_at(1);
	assert_null(pawl_mem_zalloc(100, 0));
	assert_int_equal(stats().failures, before.failures + 2);
	assert_int_equal(stats().allocations, before.allocations);
	assert_int_equal(stats().blocks, before.blocks);
	assert_int_equal(stats().bytes, before.bytes);
}

static void alloc_odd_align(void *arg)
{
	pawl_mem_free(pawl_mem_alloc(16, *(size_t *)arg), 16, 16);
}

static void case_bad_align_aborts(void **state)
{
	size_t aligns[] = {3, 24, 48, SIZE_MAX};

	(void)state;
	for (unsigned i = 0; i < sizeof(aligns) / sizeof(*aligns); i++)
		assert_true(t_aborts(alloc_odd_align, &aligns[i], "align"));
}

/* The harness's own checks, or the tests above prove less than they seem to. */

static void free_with_wrong_size(void *arg)
{
	void *block = pawl_mem_alloc(100, 0);

	(void)arg;
	pawl_mem_free(block, 99, 0);
}

static void free_with_wrong_align(void *arg)
{
	void *block = pawl_mem_alloc(100, 0);

	(void)arg;
	pawl_mem_free(block, 100, 256);
}

static void free_twice(void *arg)
{
	void *block = pawl_mem_alloc(100, 0);

	(void)arg;
	pawl_mem_free(block, 100, 0);
	pawl_mem_free(block, 100, 0);
}

static void write_behind(void *arg)
{
	unsigned char *block = pawl_mem_alloc(100, 0);

	(void)arg;
	block[opaque(100)] = 1;
	pawl_mem_free(block, 100, 0);
}

static void case_harness_notices(void **state)
{
	(void)state;
	assert_true(t_aborts(free_with_wrong_size, NULL, "another size"));
	assert_true(t_aborts(free_with_wrong_align, NULL, "another size or alignment"));
#if !T_ASAN && !T_TSAN
	/* A sanitizer ends these in its own way and not by SIGABRT. */
	assert_true(t_aborts(free_twice, NULL, "freed twice"));
	assert_true(t_aborts(write_behind, NULL, "behind its end"));
#else
	(void)free_twice;
	(void)write_behind;
#endif
}

/* Blocks made by one thread and freed by another, attached ones and not: the sums are exact. */

#define SWAPPERS 4
#define SHELVES	 32
static struct pawl_atomic_ptr shelf[SHELVES];
static unsigned swap_rounds;

struct parcel {
	size_t size, align;
	uint64_t check;
};

static void drop_parcel(struct parcel *parcel)
{
	if (!parcel)
		return;
	t_check(parcel->check == (parcel->size ^ parcel->align));
	pawl_mem_free(parcel, parcel->size, parcel->align);
}

static void swap_parcels(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < swap_rounds; i++) {
		size_t size = sizeof(struct parcel) + t_random_below(500);
		size_t align = (size_t)16 << t_random_below(4);
		struct parcel *parcel = pawl_mem_alloc(size, align);

		t_check(parcel);
		*parcel = (struct parcel){size, align, size ^ align};
		drop_parcel(pawl_xchg_acq_rel(&shelf[t_random_below(SHELVES)], (void *)parcel));
		if (i % 256 == 0)
			t_step();
	}
}

static void case_threads(void **state)
{
	struct pawl_mem_stats before = stats();
	struct t_thread *threads[SWAPPERS];

	(void)state;
	swap_rounds = t_scaled(20000);
	for (unsigned i = 0; i < SWAPPERS; i++)
		threads[i] = i % 2 ? t_thread_start(swap_parcels, NULL)
				   : t_thread_start_bare(swap_parcels, NULL);
	for (unsigned i = 0; i < SWAPPERS; i++)
		t_thread_join(threads[i]);
	for (unsigned i = 0; i < SHELVES; i++)
		drop_parcel(pawl_xchg_acq_rel(&shelf[i], (void *)NULL));
	assert_true(stats().allocations >=
		    before.allocations + (uint64_t)SWAPPERS * swap_rounds);
	/* What attaching took may rest in a pool until all have detached. */
	pawl_thread_detach();
	assert_int_equal(stats().blocks, 0);
	assert_int_equal(stats().bytes, 0);
	assert_int_equal(stats().blocks, t_alloc_blocks());
}

static void case_set_is_over(void **state)
{
	struct pawl_allocator table = {.size = sizeof(table)};

	(void)state;
	table.alloc = (void *(*)(void *, size_t, size_t))(uintptr_t)1;
	table.free = (void (*)(void *, void *, size_t, size_t))(uintptr_t)1;
	assert_int_equal(pawl_mem_set_allocator(&table), -EBUSY);
}

static int oom_blocks(void)
{
	void *blocks[8] = {NULL};
	int rc = 0;

	for (unsigned i = 0; i < 8 && !rc; i++) {
		blocks[i] = i % 2 ? pawl_mem_alloc(64 + i, 64) : pawl_mem_zalloc(64 + i, 64);
		if (!blocks[i])
			rc = -ENOMEM;
	}
	for (unsigned i = 0; i < 8; i++)
		pawl_mem_free(blocks[i], 64 + i, 64);
	return rc;
}

/* --- In processes of their own: the order of choosing an allocator and using it. --- */

static struct pawl_atomic_u64 plain_allocs, plain_frees;
static int plain_arg;

static void *plain_alloc(void *arg, size_t size, size_t align)
{
	void *block;

	t_check(arg == &plain_arg);
	t_check(size > 0 && align >= _Alignof(max_align_t));
	pawl_add_relaxed(&plain_allocs, 1);
	return posix_memalign(&block, align, size) ? NULL : block;
}

static void plain_free(void *arg, void *block, size_t size, size_t align)
{
	t_check(arg == &plain_arg);
	t_check(block && size > 0 && align >= _Alignof(max_align_t));
	pawl_add_relaxed(&plain_frees, 1);
	free(block);
}

static struct pawl_allocator plain_table(void)
{
	return (struct pawl_allocator){sizeof(struct pawl_allocator), plain_alloc, plain_free,
				       &plain_arg};
}

static void use_once(void)
{
	void *block = pawl_mem_alloc(40, 0);

	t_check(block);
	pawl_mem_free(block, 40, 0);
}

static int order_twice(void)
{
	struct pawl_allocator table = plain_table();

	t_check(pawl_mem_set_allocator(&table) == 0);
	t_check(pawl_mem_set_allocator(&table) == -EBUSY);
	use_once();
	t_check(pawl_mem_set_allocator(&table) == -EBUSY);
	t_check(pawl_load_relaxed(&plain_allocs) == 1 && pawl_load_relaxed(&plain_frees) == 1);
	return 0;
}

static int order_late(void)
{
	struct pawl_allocator table = plain_table();

	use_once();
	t_check(pawl_mem_set_allocator(&table) == -EBUSY);
	use_once();
	t_check(pawl_load_relaxed(&plain_allocs) == 0);
	return 0;
}

static int order_attached(void)
{
	struct pawl_allocator table = plain_table();

	t_check(pawl_thread_attach(NULL) == 0);
	t_check(pawl_mem_set_allocator(&table) == -EBUSY);
	pawl_thread_detach();
	t_check(pawl_mem_set_allocator(&table) == -EBUSY);
	return 0;
}

/* A refused table leaves the choice open. */
static int order_refused(void)
{
	struct pawl_allocator table = plain_table();
	static const size_t small[] = {0, 1, sizeof(table) - 1};
	static const size_t large[] = {sizeof(table) + 1, sizeof(table) + 8, SIZE_MAX};

	table.alloc = NULL;
	t_check(pawl_mem_set_allocator(&table) == -EINVAL);
	table = plain_table();
	table.free = NULL;
	t_check(pawl_mem_set_allocator(&table) == -EINVAL);
	table = plain_table();
	for (unsigned i = 0; i < 3; i++) {
		table.size = small[i];
		t_check(pawl_mem_set_allocator(&table) == -EINVAL);
		table.size = large[i];
		t_check(pawl_mem_set_allocator(&table) == -E2BIG);
	}
	table = plain_table();
	t_check(pawl_mem_set_allocator(&table) == 0);
	use_once();
	t_check(pawl_load_relaxed(&plain_allocs) == 1);
	return 0;
}

/* Reading statistics is not an allocation. */
static int order_stats_first(void)
{
	struct pawl_allocator table = plain_table();

	t_check(stats().blocks == 0 && stats().allocations == 0);
	pawl_mem_free(NULL, 1, 0);
	t_check(pawl_mem_set_allocator(&table) == 0);
	return 0;
}

static int order_copied(void)
{
	struct pawl_allocator table = plain_table();

	t_check(pawl_mem_set_allocator(&table) == 0);
	memset(&table, 0, sizeof(table));
	use_once();
	t_check(pawl_load_relaxed(&plain_allocs) == 1 && pawl_load_relaxed(&plain_frees) == 1);
	return 0;
}

static int order_default(void)
{
	for (size_t align = 1; align <= 65536; align *= 2) {
		for (size_t size = 1; size <= 70000; size = size * 3 + 1) {
			unsigned char *block = pawl_mem_zalloc(size, align);

			t_check(block && (uintptr_t)block % align == 0);
			for (size_t i = 0; i < size; i++)
				t_check(block[i] == 0);
			memset(block, 1, size);
			pawl_mem_free(block, size, align);
		}
	}
	t_check(stats().blocks == 0 && stats().bytes == 0 && stats().failures == 0);
	return 0;
}

/* Several threads choose at once: one of them does. */

#define CHOOSERS 4
static struct pawl_atomic_u32 chosen, busy;
static struct t_barrier *choose_gate;

static void choose(void *arg)
{
	struct pawl_allocator table = plain_table();
	int rc;

	(void)arg;
	t_barrier_wait(choose_gate);
	rc = pawl_mem_set_allocator(&table);
	t_check(rc == 0 || rc == -EBUSY);
	pawl_add_relaxed(rc ? &busy : &chosen, 1);
	use_once();
}

static int order_choose_race(void)
{
	struct t_thread *threads[CHOOSERS];

	choose_gate = t_barrier_make(CHOOSERS);
	for (unsigned i = 0; i < CHOOSERS; i++)
		threads[i] = t_thread_start_bare(choose, NULL);
	for (unsigned i = 0; i < CHOOSERS; i++)
		t_thread_join(threads[i]);
	t_barrier_drop(choose_gate);
	t_check(pawl_load_relaxed(&chosen) == 1 && pawl_load_relaxed(&busy) == CHOOSERS - 1);
	t_check(pawl_load_relaxed(&plain_allocs) == CHOOSERS);
	t_check(pawl_load_relaxed(&plain_frees) == CHOOSERS);
	return 0;
}

/* One chooses while others allocate: either all blocks are his, or he was too late. */

static void choose_or_use(void *arg)
{
	t_barrier_wait(choose_gate);
	if (arg) {
		struct pawl_allocator table = plain_table();
		int rc = pawl_mem_set_allocator(&table);

		t_check(rc == 0 || rc == -EBUSY);
		pawl_add_relaxed(rc ? &busy : &chosen, 1);
	} else {
		use_once();
	}
}

static int order_use_race(void)
{
	struct t_thread *threads[CHOOSERS];
	uint64_t expected;

	choose_gate = t_barrier_make(CHOOSERS);
	for (unsigned i = 0; i < CHOOSERS; i++)
		threads[i] = t_thread_start_bare(choose_or_use, i ? NULL : &plain_arg);
	for (unsigned i = 0; i < CHOOSERS; i++)
		t_thread_join(threads[i]);
	t_barrier_drop(choose_gate);
	expected = pawl_load_relaxed(&chosen) ? CHOOSERS - 1 : 0;
	t_check(pawl_load_relaxed(&plain_allocs) == expected);
	t_check(pawl_load_relaxed(&plain_frees) == expected);
	return 0;
}

static const struct order {
	const char *name;
	int (*run)(void);
	unsigned times;
} orders[] = {
	{"twice", order_twice, 1},
	{"late", order_late, 1},
	{"attached", order_attached, 1},
	{"refused", order_refused, 1},
	{"stats-first", order_stats_first, 1},
	{"copied", order_copied, 1},
	{"default", order_default, 1},
	{"choose-race", order_choose_race, 20},
	{"use-race", order_use_race, 20},
};

static void case_orders(void **state)
{
	unsigned bad = 0;

	(void)state;
	for (unsigned i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		unsigned times = orders[i].times > 1 ? t_scaled(orders[i].times) : 1;

		for (unsigned n = 0; n < times; n++) {
			t_step();
			if (t_rerun(orders[i].name, NULL, 0) != 0) {
				print_message("# order %s failed\n", orders[i].name);
				bad++;
				break;
			}
		}
	}
	assert_int_equal(bad, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_sizes),
		cmocka_unit_test(case_alignments),
		cmocka_unit_test(case_impossible_sizes),
		cmocka_unit_test(case_too_large),
		cmocka_unit_test(case_free_null),
		cmocka_unit_test(case_stats),
		cmocka_unit_test(case_failure),
		cmocka_unit_test(case_bad_align_aborts),
		cmocka_unit_test(case_harness_notices),
		cmocka_unit_test(case_threads),
		cmocka_unit_test(case_set_is_over),
		cmocka_unit_test(case_orders),
		T_OOM(oom_blocks),
	};

	for (unsigned i = 0; argc == 2 && i < sizeof(orders) / sizeof(*orders); i++) {
		if (strcmp(argv[1], orders[i].name) == 0)
			return orders[i].run();
	}
	return t_run("mem", cases);
}
