/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests of lib/ring.c. What two threads may see: verify/t-ring.c.
 */
#include "../harness.h"

#include <errno.h>
#include <string.h>

#include <pawl/ring.h>

#define ITEM(n) ((void *)(uintptr_t)(n))

static void case_capacities(void **state)
{
	static const size_t bad[] = {0, 3, 6, 7, 100, SIZE_MAX};
	struct pawl_ring ring;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		t_assert_errno(pawl_ring_init(&ring, bad[i]), EINVAL);
	/* A power of two that no machine has. */
	t_assert_errno(pawl_ring_init(&ring, SIZE_MAX / 2 + 1), ENOMEM);
	for (size_t capacity = 1; capacity <= 64; capacity *= 2) {
		assert_int_equal(pawl_ring_init(&ring, capacity), 0);
		for (size_t i = 0; i < capacity; i++)
			assert_true(pawl_ring_push(&ring, ITEM(i)));
		assert_false(pawl_ring_push(&ring, ITEM(99)));
		assert_int_equal(pawl_ring_len(&ring), capacity);
		pawl_ring_fini(&ring);
		t_step();
	}
}

static void case_order_and_bounds(void **state)
{
	struct pawl_ring ring;
	uintptr_t in = 0, out = 0;
	void *item;

	(void)state;
	assert_int_equal(pawl_ring_init(&ring, 8), 0);
	assert_true(pawl_ring_is_empty(&ring));
	assert_false(pawl_ring_pop(&ring, &item));
	for (unsigned i = 0; i < t_scaled(20000); i++) {
		if (t_random_below(2)) {
			assert_int_equal(pawl_ring_push(&ring, ITEM(in)), in - out < 8);
			in += in - out < 8;
		} else {
			bool there = pawl_ring_pop(&ring, &item);

			assert_int_equal(there, in != out);
			if (there)
				assert_ptr_equal(item, ITEM(out++));
		}
		assert_int_equal(pawl_ring_len(&ring), in - out);
		assert_int_equal(pawl_ring_is_empty(&ring), in == out);
	}
	pawl_ring_fini(&ring);
}

/* Batches of all sizes at all places of the array, and the inline calls among them. */
static void case_batches(void **state)
{
	struct pawl_ring ring;
	uintptr_t in = 0, out = 0;
	void *items[12];

	(void)state;
	assert_int_equal(pawl_ring_init(&ring, 8), 0);
	for (unsigned i = 0; i < t_scaled(20000); i++) {
		size_t n = t_random_below(13), room = 8 - (in - out), there = in - out, got;

		switch (t_random_below(4)) {
		case 0:
			for (size_t k = 0; k < n; k++)
				items[k] = ITEM(in + k);
			got = pawl_ring_push_n(&ring, items, n);
			assert_int_equal(got, n < room ? n : room);
			in += got;
			break;
		case 1:
			memset(items, 0xa5, sizeof(items));
			got = pawl_ring_pop_n(&ring, n, items);
			assert_int_equal(got, n < there ? n : there);
			for (size_t k = 0; k < got; k++)
				assert_ptr_equal(items[k], ITEM(out++));
			/* No more than that is written. */
			if (got < 12)
				assert_int_equal((uintptr_t)items[got],
						 UINTPTR_MAX / 0xff * 0xa5);
			break;
		case 2:
			assert_int_equal(pawl_ring_push_inline(&ring, ITEM(in)), room > 0);
			in += room > 0;
			break;
		default:
			assert_int_equal(pawl_ring_pop_inline(&ring, items), there > 0);
			if (there)
				assert_ptr_equal(items[0], ITEM(out++));
		}
	}
	pawl_ring_fini(&ring);
}

/*
 * Indices count on where 32 bits end, and where a 64-bit one looks negative: full, empty, batches
 * over the end of the array. From one slot up.
 */
static void case_large_indices(void **state)
{
	static const uint64_t starts[] = {UINT32_MAX - 5, INT64_MAX - 5};

	(void)state;
	for (unsigned way = 0; way < 2; way++) {
		for (size_t capacity = 1; capacity <= 8; capacity *= 2) {
			struct pawl_ring ring;
			uintptr_t in = 0, out = 0;
			void *items[8];

			assert_int_equal(pawl_ring_init(&ring, capacity), 0);
			pawl_init_word(&ring.pawl_tail, starts[way]);
			pawl_init_word(&ring.pawl_head, starts[way]);
			ring.pawl_tail_seen = ring.pawl_head_seen = starts[way];
			for (unsigned round = 1; round < 40; round++) {
				size_t n = 1 + round % capacity;

				for (size_t k = 0; k < n; k++)
					items[k] = ITEM(in + k);
				assert_int_equal(pawl_ring_push_n(&ring, items, n), n);
				for (in += n; in - out < capacity; in++)
					assert_true(pawl_ring_push(&ring, ITEM(in)));
				assert_false(pawl_ring_push(&ring, ITEM(in)));
				assert_int_equal(pawl_ring_push_n(&ring, items, n), 0);
				assert_int_equal(pawl_ring_len(&ring), capacity);
				assert_int_equal(pawl_ring_pop_n(&ring, n, items), n);
				for (size_t k = 0; k < n; k++)
					assert_ptr_equal(items[k], ITEM(out++));
				while (out != in) {
					assert_true(pawl_ring_pop(&ring, items));
					assert_ptr_equal(items[0], ITEM(out++));
				}
				assert_false(pawl_ring_pop(&ring, items));
				assert_int_equal(pawl_ring_pop_n(&ring, 8, items), 0);
				assert_true(pawl_ring_is_empty(&ring));
			}
			pawl_ring_fini(&ring);
		}
	}
}

static void case_null_is_an_item(void **state)
{
	struct pawl_ring ring;
	void *item = ITEM(1);

	(void)state;
	assert_int_equal(pawl_ring_init(&ring, 1), 0);
	assert_true(pawl_ring_push(&ring, NULL));
	assert_true(pawl_ring_pop(&ring, &item));
	assert_null(item);
	assert_false(pawl_ring_pop(&ring, &item));
	pawl_ring_fini(&ring);
}

/* ---- two threads ------------------------------------------------------- */

static struct pawl_ring shared;
static unsigned rounds;

static void produce(void *arg)
{
	uintptr_t next = 0;

	(void)arg;
	while (next < rounds) {
		void *items[7];
		size_t n = 1 + next % 7, in;

		if (n > rounds - next)
			n = rounds - next;
		for (size_t k = 0; k < n; k++)
			items[k] = ITEM(next + k);
		in = n == 1 ? pawl_ring_push(&shared, items[0])
			    : pawl_ring_push_n(&shared, items, n);
		if (!in)
			t_yield();
		next += in;
		t_step();
	}
}

/*
 * Whoever finds the ring full or empty gives the processor away. On a busy machine it comes back
 * some time later, so the ring is large enough for few such turns.
 */
static void case_two_threads(void **state)
{
	struct t_thread *thread;
	uintptr_t next = 0;

	(void)state;
	rounds = t_scaled(100000);
	assert_int_equal(pawl_ring_init(&shared, 256), 0);
	thread = t_thread_start_bare(produce, NULL);
	while (next < rounds) {
		void *items[5];
		size_t n = pawl_ring_pop_n(&shared, 1 + next % 5, items);

		if (!n)
			t_yield();
		for (size_t k = 0; k < n; k++)
			t_check(items[k] == ITEM(next++));
	}
	t_thread_join(thread);
	assert_true(pawl_ring_is_empty(&shared));
	pawl_ring_fini(&shared);
}

static int oom_init(void)
{
	struct pawl_ring ring;
	int err = pawl_ring_init(&ring, 16);

	if (!err)
		pawl_ring_fini(&ring);
	return err;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_capacities),
		cmocka_unit_test(case_order_and_bounds),
		cmocka_unit_test(case_batches),
		cmocka_unit_test(case_null_is_an_item),
		cmocka_unit_test(case_two_threads),
		cmocka_unit_test(case_large_indices),
		T_OOM(oom_init),
	};

	return t_run("ring", cases);
}
