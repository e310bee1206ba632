/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests of lib/deque.c. What threads may see: verify/t-deque.c.
 */
#include "../harness.h"

#include <errno.h>
#include <stdlib.h>

#include <pawl/atomic.h>
#include <pawl/deque.h>

#define ITEM(n) ((void *)(uintptr_t)(n))

static struct pawl_deque *make(size_t capacity, size_t capacity_max)
{
	struct pawl_deque_options options = PAWL_DEQUE_OPTIONS_INIT;
	struct pawl_deque *deque;

	options.capacity = capacity;
	options.capacity_max = capacity_max;
	assert_int_equal(pawl_deque_create(&options, &deque), 0);
	return deque;
}

static void case_options(void **state)
{
	struct pawl_deque_options options = PAWL_DEQUE_OPTIONS_INIT;
	struct pawl_deque *deque = NULL;

	(void)state;
	options.size++;
	t_assert_errno(pawl_deque_create(&options, &deque), E2BIG);
	options.size = 8;
	t_assert_errno(pawl_deque_create(&options, &deque), EINVAL);
	options.size = sizeof(options);
	options.capacity = 0;
	t_assert_errno(pawl_deque_create(&options, &deque), EINVAL);
	options.capacity = 3;
	t_assert_errno(pawl_deque_create(&options, &deque), EINVAL);
	options.capacity = 512;
	t_assert_errno(pawl_deque_create(&options, &deque), EINVAL);
	options.capacity = 2;
	options.capacity_max = 6;
	t_assert_errno(pawl_deque_create(&options, &deque), EINVAL);
	options.capacity = options.capacity_max = SIZE_MAX / 2 + 1;
	t_assert_errno(pawl_deque_create(&options, &deque), ENOMEM);
	assert_null(deque);
	pawl_deque_destroy(NULL);
	/* The usual one holds 256 and does not grow. */
	assert_int_equal(pawl_deque_create(NULL, &deque), 0);
	for (unsigned i = 1; i <= 256; i++)
		assert_int_equal(pawl_deque_push_owner(deque, ITEM(i)), 0);
	t_assert_errno(pawl_deque_push_owner(deque, ITEM(1)), ENOSPC);
	assert_int_equal(pawl_deque_len(deque), 256);
	pawl_deque_destroy(deque);
}

static void case_first_in_first_out(void **state)
{
	struct pawl_deque *deque = make(8, 8);
	uintptr_t in = 1, out = 1;
	void *items[10];

	(void)state;
	for (unsigned i = 0; i < t_scaled(20000); i++) {
		size_t n = t_random_below(10), there = in - out;
		void *item;
		int err;

		switch (t_random_below(5)) {
		case 0:
			err = pawl_deque_push_owner(deque, ITEM(in));
			assert_int_equal(err, there < 8 ? 0 : -ENOSPC);
			in += !err;
			break;
		case 1:
			for (size_t k = 0; k < n; k++)
				items[k] = ITEM(in + k);
			err = pawl_deque_push_n_owner(deque, items, n);
			assert_int_equal(err, there + n <= 8 ? 0 : -ENOSPC);
			in += err ? 0 : n;
			break;
		case 2:
			item = pawl_deque_pop_owner(deque);
			assert_ptr_equal(item, there ? ITEM(out) : NULL);
			out += !!there;
			break;
		case 3:
			item = pawl_deque_steal(deque);
			assert_ptr_equal(item, there ? ITEM(out) : NULL);
			out += !!there;
			break;
		default:
			assert_int_equal(pawl_deque_pop_n_owner(deque, n, items),
					 n < there ? n : there);
			for (size_t k = 0; k < n && k < there; k++)
				assert_ptr_equal(items[k], ITEM(out++));
		}
		assert_int_equal(pawl_deque_len(deque), in - out);
		assert_int_equal(pawl_deque_is_empty(deque), in == out);
	}
	pawl_deque_destroy(deque);
}

static void case_null_is_refused(void **state)
{
	struct pawl_deque *deque = make(4, 4);
	void *items[] = {ITEM(1), NULL};

	(void)state;
	t_assert_errno(pawl_deque_push_owner(deque, NULL), EINVAL);
	t_assert_errno(pawl_deque_push_n_owner(deque, items, 2), EINVAL);
	assert_true(pawl_deque_is_empty(deque));
	assert_int_equal(pawl_deque_push_n_owner(deque, items, 0), 0);
	pawl_deque_destroy(deque);
}

static void case_grows(void **state)
{
	struct pawl_deque *deque = make(1, 64);
	uintptr_t out = 1;
	void *items[64];

	(void)state;
	/* From the middle of each array. */
	for (uintptr_t i = 1; i <= 40; i++) {
		assert_int_equal(pawl_deque_push_owner(deque, ITEM(i)), 0);
		if (i % 5 == 0)
			assert_ptr_equal(pawl_deque_steal(deque), ITEM(out++));
	}
	assert_int_equal(pawl_deque_len(deque), 32);
	for (uintptr_t i = 0; i < 64; i++)
		items[i] = ITEM(41 + i);
	t_assert_errno(pawl_deque_push_n_owner(deque, items, 33), ENOSPC);
	assert_int_equal(pawl_deque_push_n_owner(deque, items, 32), 0);
	t_assert_errno(pawl_deque_push_owner(deque, items[0]), ENOSPC);
	for (; out <= 72; out++)
		assert_ptr_equal(pawl_deque_pop_owner(deque), ITEM(out));
	assert_null(pawl_deque_pop_owner(deque));
	/* More than the largest, at once. */
	t_assert_errno(pawl_deque_push_n_owner(deque, (void *const[65]){ITEM(1)}, 65), EINVAL);
	pawl_deque_destroy(deque);
}

/* A deque and what it holds: the items from `out` to `in`. */
struct grower {
	struct pawl_deque *deque;
	uintptr_t in, out;
	size_t capacity; /* of its array */
};

/* Growth fails now and then; then nothing has changed. */
static void grower_push(struct grower *g, size_t n, size_t capacity_max)
{
	size_t there = g->in - g->out;
	bool fits = there + n <= g->capacity, refuse = !t_random_below(3);
	void *items[24];
	int err;

	for (size_t k = 0; k < n; k++)
		items[k] = ITEM(g->in + k);
	if (refuse)
		t_alloc_fail_at(1);
	err = n == 1 ? pawl_deque_push_owner(g->deque, items[0])
		     : pawl_deque_push_n_owner(g->deque, items, n);
	if (refuse)
		t_alloc_fail_at(0);
	if (fits) {
		assert_int_equal(err, 0);
	} else if (there + n > capacity_max) {
		assert_int_equal(err, -ENOSPC);
	} else {
		assert_int_equal(err, refuse ? -ENOMEM : 0);
	}
	if (err)
		return;
	while (g->capacity < there + n)
		g->capacity *= 2;
	g->in += n;
}

static void grower_took(struct grower *g, const void *item)
{
	assert_ptr_equal(item, g->in == g->out ? NULL : ITEM(g->out));
	g->out += g->in != g->out;
}

/*
 * Growing from one slot to 64 at every place of the array, by single pushes and batches, with
 * memory that fails; between takings of every kind.
 */
static void case_grows_anywhere(void **state)
{
	enum { MAX = 64 };

	(void)state;
	for (unsigned round = 0; round < t_scaled(300); round++) {
		struct grower g = {.deque = make(1, MAX), .in = 1, .out = 1, .capacity = 1};
		struct pawl_deque *thief = make(8, MAX);
		void *items[MAX];
		size_t n;

		for (unsigned turn = 0; turn < 200; turn++) {
			switch (t_random_below(8)) {
			case 0:
				grower_took(&g, pawl_deque_pop_owner(g.deque));
				break;
			case 1:
				grower_took(&g, pawl_deque_steal(g.deque));
				break;
			case 2:
				n = pawl_deque_pop_n_owner(g.deque, t_random_below(6), items);
				for (size_t k = 0; k < n; k++)
					grower_took(&g, items[k]);
				break;
			case 3:
				n = (g.in - g.out + 1) / 2;
				n = n < 8 ? n : 8; /* it does not grow */
				assert_int_equal(pawl_deque_steal_half(g.deque, thief), n);
				while (n--)
					grower_took(&g, pawl_deque_pop_owner(thief));
				assert_null(pawl_deque_pop_owner(thief));
				break;
			default:
				grower_push(&g, t_random_below(24), MAX);
			}
			assert_int_equal(pawl_deque_len(g.deque), g.in - g.out);
		}
		pawl_deque_destroy(g.deque);
		pawl_deque_destroy(thief);
		t_step();
	}
}

static void case_half(void **state)
{
	(void)state;
	for (unsigned there = 0; there <= 9; there++) {
		for (unsigned has = 0; has <= 4; has++) {
			struct pawl_deque *victim = make(16, 16), *thief = make(4, 4);
			unsigned half = (there + 1) / 2, room = 4 - has;
			unsigned moved = half < room ? half : room;

			for (unsigned i = 1; i <= there; i++)
				assert_int_equal(pawl_deque_push_owner(victim, ITEM(i)), 0);
			for (unsigned i = 1; i <= has; i++)
				assert_int_equal(pawl_deque_push_owner(thief, ITEM(100 + i)),
						 0);
			assert_int_equal(pawl_deque_steal_half(victim, thief), moved);
			for (unsigned i = 1; i <= has; i++)
				assert_ptr_equal(pawl_deque_pop_owner(thief), ITEM(100 + i));
			for (unsigned i = 1; i <= moved; i++)
				assert_ptr_equal(pawl_deque_pop_owner(thief), ITEM(i));
			assert_null(pawl_deque_pop_owner(thief));
			for (unsigned i = moved + 1; i <= there; i++)
				assert_ptr_equal(pawl_deque_pop_owner(victim), ITEM(i));
			assert_null(pawl_deque_pop_owner(victim));
			pawl_deque_destroy(victim);
			pawl_deque_destroy(thief);
		}
	}
}

static void steal_from_self(void *arg)
{
	struct pawl_deque *deque = make(4, 4);

	(void)arg;
	(void)!pawl_deque_steal_half(deque, deque);
}

static void case_not_from_itself(void **state)
{
	(void)state;
	assert_true(t_aborts(steal_from_self, NULL, "victim != into"));
}

/* ---- an owner and two thieves ------------------------------------------ */

static struct pawl_deque *shared;
static struct pawl_atomic_u32 *counts, stop;
static unsigned rounds;

static void count(void *item)
{
	t_check(pawl_add_relaxed(&counts[(uintptr_t)item], 1u) == 0);
	t_step();
}

static void thief(void *arg)
{
	struct pawl_deque *own = arg;
	void *item;

	while (!pawl_load_acquire(&stop)) {
		bool found = false;

		if (own) {
			found = pawl_deque_steal_half(shared, own) > 0;
			while ((item = pawl_deque_pop_owner(own)))
				count(item);
		} else if ((item = pawl_deque_steal(shared))) {
			found = true;
			count(item);
		}
		if (!found)
			t_yield();
	}
}

/* Growing from one slot; each item comes out once. */
static void case_each_item_once(void **state)
{
	struct pawl_deque *own = make(64, 64);
	struct t_thread *threads[2];
	void *item;

	(void)state;
	rounds = t_scaled(100000);
	counts = calloc(rounds + 1, sizeof(*counts));
	assert_non_null(counts);
	pawl_init_word(&stop, 0u);
	shared = make(1, 1024);
	threads[0] = t_thread_start_bare(thief, NULL);
	threads[1] = t_thread_start_bare(thief, own);
	for (uintptr_t i = 1; i <= rounds;) {
		int err = pawl_deque_push_owner(shared, ITEM(i));

		t_check(!err || err == -ENOSPC);
		i += !err;
		if ((err || i % 3 == 0) && (item = pawl_deque_pop_owner(shared)))
			count(item);
	}
	while ((item = pawl_deque_pop_owner(shared)))
		count(item);
	pawl_store_release(&stop, 1u);
	t_thread_join(threads[0]);
	t_thread_join(threads[1]);
	for (unsigned i = 1; i <= rounds; i++)
		assert_int_equal(pawl_load_relaxed(&counts[i]), 1);
	pawl_deque_destroy(shared);
	pawl_deque_destroy(own);
	free(counts);
}

/* A push that cannot grow leaves all as it was. */
static int oom_grow(void)
{
	struct pawl_deque_options options = PAWL_DEQUE_OPTIONS_INIT;
	struct pawl_deque *deque;
	unsigned in = 0;
	int err, first = 0;

	options.capacity = 1;
	options.capacity_max = 8;
	err = pawl_deque_create(&options, &deque);
	if (err)
		return err;
	for (unsigned i = 1; i <= 8; i++) {
		err = pawl_deque_push_owner(deque, ITEM(in + 1));
		assert_true(!err || err == -ENOMEM);
		in += !err;
		first = first ? first : err;
		assert_int_equal(pawl_deque_len(deque), in);
	}
	for (unsigned i = 1; i <= in; i++)
		assert_ptr_equal(pawl_deque_pop_owner(deque), ITEM(i));
	pawl_deque_destroy(deque);
	return first;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_options),
		cmocka_unit_test(case_first_in_first_out),
		cmocka_unit_test(case_null_is_refused),
		cmocka_unit_test(case_grows),
		cmocka_unit_test(case_grows_anywhere),
		cmocka_unit_test(case_half),
		cmocka_unit_test(case_not_from_itself),
		cmocka_unit_test(case_each_item_once),
		T_OOM(oom_grow),
	};

	return t_run("deque", cases);
}
