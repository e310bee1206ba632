/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-sset.c - small id sets: each form and each way between forms against the oracle of
 * fuzz/model-small.h, what a walk promises, bytes, and every allocation failing.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>
#include <pawl/thread.h>

#define MODEL_CHECK(cond) t_check(cond)
#include "model-small.h"

/* Sizes around every change of form or class, up to tables of many classes. */
#define LARGEST 300u

static void set_init(struct any_set *set, struct model *model, bool wide)
{
	memset(set, 0, sizeof(*set));
	set->wide = wide;
	model_init(model, wide);
}

static void add(struct any_set *set, struct model *model, unsigned index)
{
	bool added = false;

	t_check(ANY_SET(set, add, model_key(set->wide, index), &added) == 0);
	t_check(added == !model->count[index]);
	model_set(model, index, 1);
}

static void removes(struct any_set *set, struct model *model, unsigned index)
{
	t_check(ANY_SET(set, remove, model_key(set->wide, index)) == !!model->count[index]);
	model_set(model, index, 0);
}

/* The oracle's keys are different ones. */
static void case_model(void **state)
{
	(void)state;
	for (unsigned index = 0; index < MODEL_KEYS; index++) {
		assert_int_equal(model_index(false, model_key(false, index)), index);
		assert_int_equal(model_index(true, model_key(true, index)), index);
		assert_true(model_key(false, index) <= UINT32_MAX);
	}
}

static void case_empty(void **state)
{
	const struct pawl_sset zero = PAWL_SSET_INIT;
	struct pawl_sset set, filled;
	uint64_t calls = t_alloc_calls();
	uint32_t cursor = 0, key = 77;

	(void)state;
	memset(&set, 0xff, sizeof(set));
	pawl_sset_init(&set);
	assert_memory_equal(&set, &zero, sizeof(set));
	assert_int_equal(pawl_sset_count(&set), 0);
	assert_int_equal(pawl_sset_bytes(&set), 0);
	assert_false(pawl_sset_has(&set, 0));
	assert_false(pawl_sset_remove(&set, 0));
	assert_false(pawl_sset_next(&set, &cursor, &key));
	assert_int_equal(key, 77);
	pawl_sset_trim(&set);
	assert_int_equal(pawl_sset_add_n(&set, NULL, 0, NULL), 0);
	assert_int_equal(pawl_sset_remove_n(&set, NULL, 0), 0);
	assert_int_equal(pawl_sset_copy(&set, &filled), 0);
	assert_memory_equal(&filled, &zero, sizeof(set));
	assert_int_equal(t_alloc_calls(), calls);
	/* Filled and emptied again it is the same 16 bytes. */
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(pawl_sset_add(&filled, i, NULL), 0);
	for (uint32_t i = 0; i < 1000; i++)
		assert_true(pawl_sset_remove(&filled, i));
	assert_memory_equal(&filled, &zero, sizeof(set));
	pawl_sset_fini(&filled);
	pawl_sset_fini(&filled);
	pawl_sset_fini(&set);
}

/* Up one at a time, and down again, in ascending, descending and mixed order. */
static void up_and_down(bool wide, unsigned step)
{
	struct any_set set;
	struct model model;

	set_init(&set, &model, wide);
	for (unsigned i = 0; i < LARGEST; i++) {
		add(&set, &model, (i * step + 3) % MODEL_KEYS);
		add(&set, &model, (i * step + 3) % MODEL_KEYS);
		model_check_set(&model, &set);
	}
	for (unsigned i = 0; i < LARGEST; i++) {
		removes(&set, &model, (i * step * 5 + 3) % MODEL_KEYS);
		model_check_set(&model, &set);
	}
	for (unsigned i = LARGEST; i--;) {
		removes(&set, &model, (i * step + 3) % MODEL_KEYS);
		model_check_set(&model, &set);
	}
	assert_int_equal(ANY_SET(&set, bytes), 0);
	t_step();
}

static void case_up_and_down(void **state)
{
	(void)state;
	for (unsigned wide = 0; wide < 2; wide++) {
		up_and_down(wide, 1);
		up_and_down(wide, MODEL_KEYS - 1);
		up_and_down(wide, 4 * 101 + 1);
	}
}

/* Key 0 is vacant in a table, so it takes a way of its own there. */
static void case_key_zero(void **state)
{
	struct pawl_sset set = PAWL_SSET_INIT;
	uint32_t cursor = 0, key, seen = 0;
	bool added;

	(void)state;
	for (uint32_t i = 1; i <= 200; i++)
		assert_int_equal(pawl_sset_add(&set, i, NULL), 0);
	assert_false(pawl_sset_has(&set, 0));
	assert_int_equal(pawl_sset_add(&set, 0, &added), 0);
	assert_true(added);
	assert_int_equal(pawl_sset_add(&set, 0, &added), 0);
	assert_false(added);
	assert_true(pawl_sset_has(&set, 0));
	assert_int_equal(pawl_sset_count(&set), 201);
	while (pawl_sset_next(&set, &cursor, &key))
		seen++;
	assert_int_equal(seen, 201);
	/* It goes along to another table and back to an array. */
	for (uint32_t i = 201; i <= 2000; i++)
		assert_int_equal(pawl_sset_add(&set, i, NULL), 0);
	assert_true(pawl_sset_has(&set, 0));
	for (uint32_t i = 1; i < 2000; i++)
		assert_true(pawl_sset_remove(&set, i));
	assert_true(pawl_sset_has(&set, 0));
	assert_true(pawl_sset_remove(&set, 0));
	assert_false(pawl_sset_remove(&set, 0));
	assert_int_equal(pawl_sset_count(&set), 1);
	pawl_sset_fini(&set);
}

/*
 * At the limit between two forms an entry that comes and goes does not make the form come and
 * go: counted by allocations.
 */
static void hysteresis(bool wide, unsigned size)
{
	struct any_set set;
	struct model model;
	uint64_t calls;

	set_init(&set, &model, wide);
	for (unsigned i = 0; i < size; i++)
		add(&set, &model, i);
	for (unsigned i = 0; i < 4; i++) {
		add(&set, &model, size + i);
		removes(&set, &model, size + i);
	}
	calls = t_alloc_calls();
	for (unsigned i = 0; i < 100; i++) {
		add(&set, &model, size);
		removes(&set, &model, size);
	}
	assert_int_equal(t_alloc_calls(), calls);
	model_check_set(&model, &set);
	ANY_SET(&set, fini);
}

static void case_hysteresis(void **state)
{
	(void)state;
	for (unsigned size = 2; size < LARGEST; size++) {
		hysteresis(false, size);
		hysteresis(true, size);
	}
}

/* Bytes: none up to three keys (one of 64 bits); never more than the forms allow. */
static void case_bytes(void **state)
{
	struct pawl_sset set = PAWL_SSET_INIT;
	struct pawl_sset64 set64 = PAWL_SSET64_INIT;
	uint64_t before = t_alloc_bytes();

	(void)state;
	for (uint32_t i = 1; i <= 5000; i++) {
		size_t bytes, bytes64;

		assert_int_equal(pawl_sset_add(&set, i, NULL), 0);
		assert_int_equal(pawl_sset64_add(&set64, i, NULL), 0);
		bytes = pawl_sset_bytes(&set);
		bytes64 = pawl_sset64_bytes(&set64);
		assert_int_equal(t_alloc_bytes() - before, bytes + bytes64);
		assert_true(i > 3 ? bytes >= 4 * i && bytes <= 9 * i : bytes == 0);
		assert_true(i > 1 ? bytes64 >= 8 * i && bytes64 <= 18 * i : bytes64 == 0);
	}
	/* As small as can be: a table has 13 of 16 slots taken, one class more at most. */
	pawl_sset_trim(&set);
	pawl_sset64_trim(&set64);
	assert_in_range(pawl_sset_bytes(&set), 5000 * 4 * 16 / 13, 5000 * 4 * 16 / 13 * 5 / 4);
	assert_in_range(pawl_sset64_bytes(&set64), 5000 * 8 * 16 / 13,
			5000 * 8 * 16 / 13 * 5 / 4);
	pawl_sset_fini(&set);
	pawl_sset64_fini(&set64);
}

static void case_reserve(void **state)
{
	(void)state;
	for (unsigned wide = 0; wide < 2; wide++) {
		for (unsigned size = 1; size < 2 * LARGEST; size += 1 + size / 7) {
			struct any_set set;
			struct model model;
			uint64_t calls;

			set_init(&set, &model, wide);
			t_check(ANY_SET(&set, reserve, size) == 0);
			calls = t_alloc_calls();
			t_check(ANY_SET(&set, reserve, size) == 0);
			for (unsigned i = 0; i < size; i++)
				add(&set, &model, i);
			assert_int_equal(t_alloc_calls(), calls);
			model_check_set(&model, &set);
			t_check(ANY_SET(&set, reserve, 1) == 0);
			ANY_SET(&set, trim);
			model_check_set(&model, &set);
			ANY_SET(&set, fini);
			/* Trimming what is reserved and empty leaves nothing. */
			t_check(ANY_SET(&set, reserve, size) == 0);
			ANY_SET(&set, trim);
			assert_int_equal(ANY_SET(&set, bytes), 0);
		}
	}
}

/*
 * Room that was reserved stays until a key is removed, whatever add_n() reserves for keys that
 * turn out to repeat.
 */
static void reserved_then_repeats(bool wide, unsigned had, unsigned repeats, unsigned index)
{
	enum { ROOM = 100 };
	struct any_set set;
	struct model model;
	uint64_t keys[2 * LARGEST], calls;
	uint32_t narrow[2 * LARGEST];
	size_t added;

	set_init(&set, &model, wide);
	t_check(ANY_SET(&set, reserve, ROOM) == 0);
	for (unsigned i = 0; i < had; i++)
		add(&set, &model, i + 1);
	for (unsigned i = 0; i < repeats; i++) {
		keys[i] = model_key(wide, index);
		narrow[i] = (uint32_t)keys[i];
	}
	t_check((wide ? pawl_sset64_add_n(&set.wide_set, keys, repeats, &added)
		      : pawl_sset_add_n(&set.narrow_set, narrow, repeats, &added)) == 0);
	assert_int_equal(added, 1);
	model_set(&model, index, 1);
	model_check_set(&model, &set);
	calls = t_alloc_calls();
	for (unsigned i = 1; model.length < ROOM; i++)
		add(&set, &model, i);
	assert_int_equal(t_alloc_calls(), calls);
	model_check_set(&model, &set);
	ANY_SET(&set, fini);
}

static void case_reserved_then_repeats(void **state)
{
	unsigned zero[2];

	(void)state;
	zero[0] = model_index(false, 0);
	zero[1] = model_index(true, 0);
	for (unsigned wide = 0; wide < 2; wide++) {
		for (unsigned had = 0; had < 99; had += 14) {
			/* There is room; and more room than was reserved is asked for. */
			reserved_then_repeats(wide, had, 2, LARGEST);
			reserved_then_repeats(wide, had, 2 * LARGEST, LARGEST);
			reserved_then_repeats(wide, had, 2, zero[wide]);
		}
	}
}

/*
 * Keys that collide in the table they are put in, in its last slots, so that they run over its
 * end: found, removed and walked as others.
 */
static void collide(bool wide, unsigned count)
{
	struct any_set set;
	struct model model;
	uint64_t keys[LARGEST], key = 1, bytes;
	uint32_t cursor = 0, form, slots, seen = 0;
	unsigned found = 0;

	set_init(&set, &model, wide);
	t_check(ANY_SET(&set, reserve, count) == 0);
	form = wide ? set.wide_set.pawl_form : set.narrow_set.pawl_form;
	bytes = ANY_SET(&set, bytes);
	slots = (uint32_t)(bytes / (wide ? 8 : 4));
	assert_int_equal(small_kind(form), SMALL_HASH);
	for (; found < count; key++) {
		if (small_home(key, small_seed(form), slots) >= slots - 2)
			keys[found++] = key;
	}
	for (unsigned i = 0; i < count; i++)
		t_check(ANY_SET(&set, add, keys[i], NULL) == 0);
	assert_int_equal(ANY_SET(&set, bytes), bytes);
	while (wide ? pawl_sset64_next(&set.wide_set, &cursor, &key)
		    : pawl_sset_next(&set.narrow_set, &cursor, &(uint32_t){0}))
		seen++;
	assert_int_equal(seen, count);
	/* From the middle outwards; what is left is found. */
	for (unsigned i = 0; i < count; i++) {
		unsigned at = (count / 2 + i * 7) % count;

		t_check(ANY_SET(&set, remove, keys[at]));
		t_check(!ANY_SET(&set, remove, keys[at]));
		keys[at] = 0;
		for (unsigned k = 0; k < count; k++)
			t_check(!keys[k] || ANY_SET(&set, has, keys[k]));
		t_check(wide ? pawl__sset64_audit(&set.wide_set)
			     : pawl__sset_audit(&set.narrow_set));
	}
	assert_int_equal(ANY_SET(&set, bytes), 0);
	ANY_SET(&set, fini);
}

static void case_collisions(void **state)
{
	(void)state;
	/* No multiples of 7. */
	for (unsigned count = 71; count < 200; count += 42) {
		collide(false, count);
		collide(true, count);
		t_step();
	}
}

static void case_limit(void **state)
{
	struct pawl_sset set = PAWL_SSET_INIT;
	struct pawl_sset64 set64 = PAWL_SSET64_INIT;

	(void)state;
	assert_int_equal(pawl_sset_add(&set, 1, NULL), 0);
	t_assert_errno(pawl_sset_reserve(&set, PAWL_SSET_MAX + 1), ENOMEM);
	t_assert_errno(pawl_sset_reserve(&set, UINT32_MAX), ENOMEM);
	t_assert_errno(pawl_sset64_reserve(&set64, UINT32_MAX), ENOMEM);
	assert_int_equal(pawl_sset_count(&set), 1);
	assert_true(pawl_sset_has(&set, 1));
	assert_int_equal(pawl_sset_bytes(&set), 0);
	pawl_sset_fini(&set);
}

/* Classes and their capacities at the largest sizes, which no test can fill. */
static void case_classes(void **state)
{
	(void)state;
	for (uint64_t bytes = 0; bytes < 5000; bytes++) {
		unsigned class = small_class_for(bytes);

		assert_true(small_class_bytes(class) >= bytes);
		assert_true(class == 0 || small_class_bytes(class - 1) < bytes);
	}
	for (unsigned class = 0; class < 140; class ++) {
		uint64_t bytes = small_class_bytes(class);

		assert_int_equal(small_class_for(bytes), class);
		assert_int_equal(small_class_for(bytes + 1), class + 1);
	}
	/* Two classes above a full table of the largest size slots still have 32-bit numbers. */
	assert_true(
		small_class_bytes(small_class_for(UINT64_C(4) * PAWL_SSET_MAX * 16 / 13) + 2) /
			4 <
		UINT32_MAX);
	for (uint32_t slots = 8; slots < 100000; slots++) {
		assert_true(small_hash_room(slots) < slots);
		assert_true(small_home(slots, slots & 0xff, slots) < slots);
	}
}

static void case_add_n(void **state)
{
	(void)state;
	for (unsigned round = 0; round < t_scaled(400); round++) {
		bool wide = round % 2;
		unsigned had = (unsigned)t_random_below(round % 3 ? 8 : LARGEST);
		unsigned more = (unsigned)t_random_below(round % 5 ? 8 : LARGEST);
		uint64_t keys[LARGEST];
		uint32_t narrow[LARGEST];
		struct any_set set;
		struct model model;
		size_t added = 0, expected = 0;

		set_init(&set, &model, wide);
		for (unsigned i = 0; i < had; i++)
			add(&set, &model, (unsigned)t_random_below(LARGEST));
		for (unsigned i = 0; i < more; i++) {
			unsigned index = (unsigned)t_random_below(LARGEST);

			keys[i] = model_key(wide, index);
			narrow[i] = (uint32_t)keys[i];
			expected += !model.count[index];
			model_set(&model, index, 1);
		}
		t_check((wide ? pawl_sset64_add_n(&set.wide_set, keys, more, &added)
			      : pawl_sset_add_n(&set.narrow_set, narrow, more, &added)) == 0);
		assert_int_equal(added, expected);
		model_check_set(&model, &set);
		for (expected = 0, added = 0; added < more; added++) {
			unsigned index = model_index(wide, keys[added]);

			expected += !!model.count[index];
			model_set(&model, index, 0);
		}
		assert_int_equal(wide ? pawl_sset64_remove_n(&set.wide_set, keys, more)
				      : pawl_sset_remove_n(&set.narrow_set, narrow, more),
				 expected);
		model_check_set(&model, &set);
		ANY_SET(&set, fini);
	}
}

static void fill(struct any_set *set, struct model *model, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		add(set, model, (unsigned)t_random_below(LARGEST * 2));
}

static int merge(struct any_set *set, const struct any_set *from, size_t *ret_added)
{
	return set->wide ? pawl_sset64_merge(&set->wide_set, &from->wide_set, ret_added)
			 : pawl_sset_merge(&set->narrow_set, &from->narrow_set, ret_added);
}

static int copy(const struct any_set *set, struct any_set *ret_copy)
{
	return set->wide ? pawl_sset64_copy(&set->wide_set, &ret_copy->wide_set)
			 : pawl_sset_copy(&set->narrow_set, &ret_copy->narrow_set);
}

static void case_merge_and_copy(void **state)
{
	(void)state;
	for (unsigned round = 0; round < t_scaled(400); round++) {
		struct any_set a, b, c;
		struct model in_a, in_b;
		size_t added = 99;
		uint32_t before;

		set_init(&a, &in_a, round % 2);
		set_init(&b, &in_b, round % 2);
		c = a;
		fill(&a, &in_a, (unsigned)t_random_below(round % 3 ? 6 : LARGEST));
		fill(&b, &in_b, (unsigned)t_random_below(round % 5 ? 6 : LARGEST));
		t_check(copy(&b, &c) == 0);
		model_check_set(&in_b, &c);
		before = in_a.length;
		for (unsigned i = 0; i < MODEL_KEYS; i++)
			model_set(&in_a, i, in_a.count[i] | in_b.count[i]);
		t_check(merge(&a, &b, &added) == 0);
		assert_int_equal(added, in_a.length - before);
		model_check_set(&in_a, &a);
		model_check_set(&in_b, &b);
		t_check(merge(&a, &a, &added) == 0);
		assert_int_equal(added, 0);
		ANY_SET(&a, fini);
		ANY_SET(&b, fini);
		model_check_set(&in_b, &c);
		ANY_SET(&c, fini);
	}
}

/*
 * Adding one set's keys to another in the order of its walk: with one hash for all tables the
 * second one would crowd, and this would take hours instead of a moment.
 */
static void case_walk_into(void **state)
{
	unsigned count = t_scaled(300000);
	struct pawl_sset a = PAWL_SSET_INIT, b = PAWL_SSET_INIT;
	uint32_t cursor = 0, key;

	(void)state;
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(pawl_sset_add(&a, i * 7, NULL), 0);
		assert_int_equal(pawl_sset_add(&b, i * 7 + 3, NULL), 0);
	}
	t_step();
	while (pawl_sset_next(&a, &cursor, &key))
		assert_int_equal(pawl_sset_add(&b, key, NULL), 0);
	assert_int_equal(pawl_sset_count(&b), 2 * count);
	assert_true(pawl__sset_audit(&b));
	pawl_sset_fini(&a);
	pawl_sset_fini(&b);
}

/* The same calls make the same walk. */
static void case_walk_repeats(void **state)
{
	struct pawl_sset a = PAWL_SSET_INIT, b = PAWL_SSET_INIT;
	uint32_t in_a = 0, in_b = 0, key, other;

	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		assert_int_equal(pawl_sset_add(&a, i * 31 % 3000, NULL), 0);
		assert_int_equal(pawl_sset_add(&b, i * 31 % 3000, NULL), 0);
	}
	while (pawl_sset_next(&a, &in_a, &key)) {
		assert_true(pawl_sset_next(&b, &in_b, &other));
		assert_int_equal(key, other);
	}
	assert_false(pawl_sset_next(&b, &in_b, &other));
	pawl_sset_fini(&a);
	pawl_sset_fini(&b);
}

/* Changed while walked: in bounds, and nothing that is not in it. */
static void case_walk_changed(void **state)
{
	(void)state;
	for (unsigned round = 0; round < t_scaled(2000); round++) {
		struct any_set set;
		struct model model;
		uint32_t cursor = 0;

		set_init(&set, &model, false);
		fill(&set, &model, (unsigned)t_random_below(LARGEST));
		for (unsigned turn = 0; turn < 2 * LARGEST; turn++) {
			uint32_t key;

			if (!pawl_sset_next(&set.narrow_set, &cursor, &key))
				break;
			t_check(model.count[model_index(false, key)]);
			if (t_random_below(2))
				add(&set, &model, (unsigned)t_random_below(LARGEST));
			for (unsigned n = (unsigned)t_random_below(4); n--;)
				removes(&set, &model, (unsigned)t_random_below(LARGEST));
		}
		ANY_SET(&set, fini);
	}
}

/* Looking takes no memory, whatever the form. */
static void case_reads_take_nothing(void **state)
{
	(void)state;
	for (unsigned size = 0; size < LARGEST; size += 1 + size / 3) {
		struct any_set set;
		struct model model;
		uint64_t calls;

		set_init(&set, &model, size % 2);
		for (unsigned i = 0; i < size; i++)
			add(&set, &model, i);
		calls = t_alloc_calls();
		model_check_set(&model, &set);
		assert_int_equal(t_alloc_calls(), calls);
		ANY_SET(&set, fini);
	}
}

static void case_random(void **state)
{
	(void)state;
	for (unsigned round = 0; round < t_scaled(60); round++) {
		unsigned span = 1 + (unsigned)t_random_below(round % 2 ? 40 : MODEL_KEYS);
		struct any_set set;
		struct model model;

		set_init(&set, &model, round % 4 < 2);
		for (unsigned turn = 0; turn < 3000; turn++) {
			unsigned index = (unsigned)t_random_below(span);

			/* Drift up, then down. */
			if (t_random_below(8) < (turn / 750 % 2 ? 2u : 6u))
				add(&set, &model, index);
			else
				removes(&set, &model, index);
			if (turn % 64 == 0)
				model_check_set(&model, &set);
		}
		model_check_set(&model, &set);
		ANY_SET(&set, fini);
		t_step();
	}
}

/* Every way up and down, with each allocation failing: the set is what it was. */
static int oom_width(bool wide)
{
	struct any_set set;
	struct model model;
	int rc = 0;

	set_init(&set, &model, wide);
	for (unsigned i = 0; i < LARGEST && !rc; i++) {
		bool added = true;

		rc = ANY_SET(&set, add, model_key(wide, i), &added);
		if (!rc)
			model_set(&model, i, 1);
		model_check_set(&model, &set);
	}
	/* Going down never fails. */
	for (unsigned i = 0; i < LARGEST; i++) {
		removes(&set, &model, i);
		model_check_set(&model, &set);
	}
	t_check(ANY_SET(&set, bytes) == 0);
	return rc;
}

static int oom_narrow(void)
{
	return oom_width(false);
}

static int oom_wide(void)
{
	return oom_width(true);
}

static int oom_bulk(void)
{
	static const uint32_t keys[] = {5, 3, 9, 1, 1, 9, 12, 30, 31, 32, 33, 34, 35, 36, 37};
	struct pawl_sset a = PAWL_SSET_INIT, b = PAWL_SSET_INIT, c = PAWL_SSET_INIT;
	struct pawl_sset before;
	size_t added = 77;
	int rc;

	before = a;
	rc = pawl_sset_add_n(&a, keys, 15, &added);
	if (rc) {
		t_check(memcmp(&a, &before, sizeof(a)) == 0 && added == 77);
		return rc;
	}
	t_check(added == 13);
	rc = pawl_sset_copy(&a, &c);
	t_check(!rc || pawl_sset_count(&c) == 0);
	if (!rc) {
		rc = pawl_sset_reserve(&b, 100);
		t_check(!rc || pawl_sset_bytes(&b) == 0);
	}
	if (!rc) {
		before = b;
		pawl_sset_trim(&b);
		rc = pawl_sset_merge(&b, &a, &added);
		t_check(rc ? pawl_sset_count(&b) == 0 : pawl_sset_count(&b) == 13);
	}
	t_check(pawl__sset_audit(&a) && pawl__sset_audit(&b) && pawl__sset_audit(&c));
	pawl_sset_fini(&a);
	pawl_sset_fini(&b);
	pawl_sset_fini(&c);
	return rc;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_model),
		cmocka_unit_test(case_empty),
		cmocka_unit_test(case_up_and_down),
		cmocka_unit_test(case_key_zero),
		cmocka_unit_test(case_hysteresis),
		cmocka_unit_test(case_bytes),
		cmocka_unit_test(case_reserve),
		cmocka_unit_test(case_reserved_then_repeats),
		cmocka_unit_test(case_collisions),
		cmocka_unit_test(case_limit),
		cmocka_unit_test(case_classes),
		cmocka_unit_test(case_add_n),
		cmocka_unit_test(case_merge_and_copy),
		cmocka_unit_test(case_walk_into),
		cmocka_unit_test(case_walk_repeats),
		cmocka_unit_test(case_walk_changed),
		cmocka_unit_test(case_reads_take_nothing),
		cmocka_unit_test(case_random),
		T_OOM(oom_narrow),
		T_OOM(oom_wide),
		T_OOM(oom_bulk),
	};

	return t_run("sset", cases);
}
