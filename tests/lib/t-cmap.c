/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-cmap.c - small counter maps: crossings, limits of counts, each form and each way between forms
 * against the oracle of fuzz/model-small.h, all or nothing in bulk, every allocation failing.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>
#include <pawl/thread.h>

#define MODEL_CHECK(cond) t_check(cond)
#include "model-small.h"

#define LARGEST 200u

static void map_init(struct any_map *map, struct model *model, bool wide)
{
	memset(map, 0, sizeof(*map));
	map->wide = wide;
	model_init(model, wide);
}

/* Add in both; what the map says of it is what happened. */
static int add(struct any_map *map, struct model *model, unsigned index, int32_t delta)
{
	int64_t after = (int64_t)model->count[index] + delta;
	struct pawl_crossing crossing = {7777, 7777};
	int rc = ANY_MAP(map, add, model_key(map->wide, index), delta, &crossing);

	t_check((rc == -EOVERFLOW) == (after != (int32_t)after));
	if (rc) {
		t_check(crossing.before == 7777 && crossing.after == 7777);
		return rc;
	}
	t_check(crossing.before == model->count[index] && crossing.after == after);
	model_set(model, index, (int32_t)after);
	return 0;
}

static void case_empty(void **state)
{
	const struct pawl_cmap zero = PAWL_CMAP_INIT;
	struct pawl_cmap_entry entry = {1, 1};
	struct pawl_crossing crossing;
	struct pawl_cmap map, copy;
	uint32_t cursor = 0;

	(void)state;
	memset(&map, 0xff, sizeof(map));
	pawl_cmap_init(&map);
	assert_memory_equal(&map, &zero, sizeof(map));
	assert_int_equal(pawl_cmap_count(&map), 0);
	assert_int_equal(pawl_cmap_get(&map, 0), 0);
	assert_false(pawl_cmap_next(&map, &cursor, &entry));
	assert_int_equal(pawl_cmap_add(&map, 5, 0, &crossing), 0);
	assert_false(pawl_crossing_zero(crossing));
	assert_int_equal(pawl_cmap_add_n(&map, NULL, 0, NULL), 0);
	assert_int_equal(pawl_cmap_copy(&map, &copy), 0);
	pawl_cmap_trim(&map);
	assert_memory_equal(&map, &zero, sizeof(map));
	for (uint32_t i = 0; i < 500; i++)
		assert_int_equal(pawl_cmap_add(&map, i, -3, NULL), 0);
	for (uint32_t i = 0; i < 500; i++)
		assert_int_equal(pawl_cmap_add(&map, i, 3, NULL), 0);
	assert_memory_equal(&map, &zero, sizeof(map));
	pawl_cmap_fini(&map);
	pawl_cmap_fini(&map);
}

static void case_crossings(void **state)
{
	static const struct {
		int32_t from, delta;
		bool zero, positive;
	} rows[] = {
		{0, 1, true, true},
		{1, -1, true, true},
		{0, -1, true, false},
		{-1, 1, true, false},
		{1, 1, false, false},
		{2, -1, false, false},
		{-1, 2, false, true},
		{1, -2, false, true},
		{-1, -1, false, false},
		{-5, 3, false, false},
		{0, 0, false, false},
		{4, 0, false, false},
		{0, INT32_MIN, true, false},
		{0, INT32_MAX, true, true},
		{INT32_MAX, INT32_MIN, false, true},
	};

	(void)state;
	for (unsigned others = 0; others < 100; others = others * 2 + 1) {
		struct pawl_cmap map = PAWL_CMAP_INIT;

		for (uint32_t i = 1; i <= others; i++)
			assert_int_equal(pawl_cmap_add(&map, i, 1, NULL), 0);
		for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			struct pawl_crossing crossing;

			assert_int_equal(pawl_cmap_add(&map, 0, rows[i].from, NULL), 0);
			assert_int_equal(pawl_cmap_add(&map, 0, rows[i].delta, &crossing), 0);
			assert_int_equal(crossing.before, rows[i].from);
			assert_int_equal(crossing.after, rows[i].from + rows[i].delta);
			assert_int_equal(pawl_crossing_zero(crossing), rows[i].zero);
			assert_int_equal(pawl_crossing_positive(crossing), rows[i].positive);
			assert_int_equal(pawl_cmap_get(&map, 0), crossing.after);
			/* Back to nothing, in two steps: the negative of the least is no count. */
			assert_int_equal(pawl_cmap_add(&map, 0, -(crossing.after / 2), NULL),
					 0);
			assert_int_equal(pawl_cmap_add(&map, 0,
						       -(crossing.after - crossing.after / 2),
						       NULL),
					 0);
			assert_int_equal(pawl_cmap_count(&map), others);
		}
		pawl_cmap_fini(&map);
	}
}

static void case_overflow(void **state)
{
	(void)state;
	for (unsigned wide = 0; wide < 2; wide++) {
		for (unsigned others = 0; others < 100; others = others * 2 + 1) {
			struct any_map map;
			struct model model;

			map_init(&map, &model, wide);
			for (unsigned i = 1; i <= others; i++)
				assert_int_equal(add(&map, &model, i, 1), 0);
			assert_int_equal(add(&map, &model, 0, INT32_MAX), 0);
			t_assert_errno(add(&map, &model, 0, 1), EOVERFLOW);
			t_assert_errno(add(&map, &model, 0, INT32_MAX), EOVERFLOW);
			model_check_map(&model, &map);
			assert_int_equal(add(&map, &model, 0, -INT32_MAX), 0);
			assert_int_equal(add(&map, &model, 0, INT32_MIN), 0);
			t_assert_errno(add(&map, &model, 0, -1), EOVERFLOW);
			t_assert_errno(add(&map, &model, 0, INT32_MIN), EOVERFLOW);
			model_check_map(&model, &map);
			ANY_MAP(&map, fini);
		}
	}
}

/* Two entries share the handle while both counts have 16 bits, and one has it alone. */
static void case_wide_counts(void **state)
{
	struct pawl_cmap map = PAWL_CMAP_INIT;

	(void)state;
	assert_int_equal(pawl_cmap_add(&map, 1, 100000, NULL), 0);
	assert_int_equal(pawl_cmap_bytes(&map), 0);
	assert_int_equal(pawl_cmap_add(&map, 1, -100000 + INT16_MAX, NULL), 0);
	assert_int_equal(pawl_cmap_add(&map, 2, INT16_MIN, NULL), 0);
	assert_int_equal(pawl_cmap_bytes(&map), 0);
	assert_int_equal(pawl_cmap_get(&map, 1), INT16_MAX);
	assert_int_equal(pawl_cmap_get(&map, 2), INT16_MIN);
	assert_int_equal(pawl_cmap_add(&map, 2, -1, NULL), 0);
	assert_true(pawl_cmap_bytes(&map) > 0);
	assert_int_equal(pawl_cmap_get(&map, 2), INT16_MIN - 1);
	pawl_cmap_trim(&map);
	assert_true(pawl_cmap_bytes(&map) > 0);
	assert_int_equal(pawl_cmap_add(&map, 2, 1, NULL), 0);
	pawl_cmap_trim(&map);
	assert_int_equal(pawl_cmap_bytes(&map), 0);
	assert_int_equal(pawl_cmap_get(&map, 1), INT16_MAX);
	assert_int_equal(pawl_cmap_get(&map, 2), INT16_MIN);
	/* A third that is new with a count of more: the first two go along. */
	assert_int_equal(pawl_cmap_add(&map, 1, -INT16_MAX, NULL), 0);
	assert_int_equal(pawl_cmap_add(&map, 3, INT32_MIN, NULL), 0);
	assert_int_equal(pawl_cmap_get(&map, 2), INT16_MIN);
	assert_int_equal(pawl_cmap_get(&map, 3), INT32_MIN);
	assert_int_equal(pawl_cmap_count(&map), 2);
	pawl_cmap_fini(&map);
}

static void up_and_down(bool wide, unsigned step)
{
	struct any_map map;
	struct model model;

	map_init(&map, &model, wide);
	for (unsigned i = 0; i < LARGEST; i++) {
		t_check(add(&map, &model, (i * step + 3) % MODEL_KEYS, 2) == 0);
		t_check(add(&map, &model, (i * step + 3) % MODEL_KEYS, -1) == 0);
		model_check_map(&model, &map);
	}
	for (unsigned i = 0; i < LARGEST; i++) {
		t_check(add(&map, &model, (i * step + 3) % MODEL_KEYS, -1) == 0);
		model_check_map(&model, &map);
	}
	assert_int_equal(ANY_MAP(&map, bytes), 0);
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

static void case_bytes(void **state)
{
	struct pawl_cmap map = PAWL_CMAP_INIT;
	struct pawl_cmap64 map64 = PAWL_CMAP64_INIT;
	uint64_t before = t_alloc_bytes();

	(void)state;
	for (uint32_t i = 1; i <= 3000; i++) {
		size_t bytes, bytes64;

		assert_int_equal(pawl_cmap_add(&map, i, 1, NULL), 0);
		assert_int_equal(pawl_cmap64_add(&map64, i, 1, NULL), 0);
		bytes = pawl_cmap_bytes(&map);
		bytes64 = pawl_cmap64_bytes(&map64);
		assert_int_equal(t_alloc_bytes() - before, bytes + bytes64);
		assert_true(i > 2 ? bytes >= 8 * i && bytes <= 18 * i : bytes == 0);
		assert_true(i > 1 ? bytes64 >= 12 * i && bytes64 <= 27 * i : bytes64 == 0);
	}
	pawl_cmap_fini(&map);
	pawl_cmap64_fini(&map64);
}

static void case_reserve(void **state)
{
	(void)state;
	for (unsigned wide = 0; wide < 2; wide++) {
		for (unsigned size = 1; size < LARGEST; size += 1 + size / 7) {
			struct any_map map;
			struct model model;
			uint64_t calls;

			map_init(&map, &model, wide);
			t_check(ANY_MAP(&map, reserve, size) == 0);
			calls = t_alloc_calls();
			for (unsigned i = 0; i < size; i++)
				t_check(add(&map, &model, i, 1 << 20) == 0);
			assert_int_equal(t_alloc_calls(), calls);
			model_check_map(&model, &map);
			ANY_MAP(&map, trim);
			model_check_map(&model, &map);
			ANY_MAP(&map, fini);
		}
	}
}

static void case_limit(void **state)
{
	struct pawl_cmap map = PAWL_CMAP_INIT;

	(void)state;
	t_assert_errno(pawl_cmap_reserve(&map, PAWL_CMAP_MAX + 1), ENOMEM);
	t_assert_errno(pawl_cmap_reserve(&map, UINT32_MAX), ENOMEM);
	assert_int_equal(pawl_cmap_bytes(&map), 0);
}

/* Deltas as edges make them, and at times as large as can be. */
static int32_t draw_delta(void)
{
	switch (t_random_below(8)) {
	case 0:
		return (int32_t)(t_random_below(1 << 17) - (1 << 16));
	case 1:
		return t_random_below(2) ? INT32_MAX : INT32_MIN;
	default:
		return (int32_t)t_random_below(5) - 2;
	}
}

static int add_n(struct any_map *map, const struct pawl_cmap64_entry *entries, size_t n,
		 struct pawl_crossing *ret_crossings)
{
	struct pawl_cmap_entry narrow[LARGEST];

	for (size_t i = 0; i < n; i++)
		narrow[i] =
			(struct pawl_cmap_entry){(uint32_t)entries[i].key, entries[i].count};
	return map->wide ? pawl_cmap64_add_n(&map->wide_map, entries, n, ret_crossings)
			 : pawl_cmap_add_n(&map->narrow_map, narrow, n, ret_crossings);
}

static void case_add_n(void **state)
{
	unsigned refused = 0;

	(void)state;
	for (unsigned round = 0; round < t_scaled(2000); round++) {
		struct pawl_cmap64_entry entries[LARGEST];
		struct pawl_crossing said[LARGEST], made[LARGEST];
		unsigned span = round % 2 ? 4 : LARGEST;
		size_t n = (size_t)t_random_below(round % 4 ? 6 : LARGEST);
		struct model model, next;
		struct any_map map;
		int expected = 0;

		map_init(&map, &model, round % 8 < 4);
		for (unsigned i = (unsigned)t_random_below(span); i--;)
			(void)!add(&map, &model, (unsigned)t_random_below(span), draw_delta());
		next = model;
		for (size_t i = 0; i < n; i++) {
			unsigned index = (unsigned)t_random_below(span);
			int32_t delta = draw_delta();
			int64_t after = (int64_t)next.count[index] + delta;

			entries[i] =
				(struct pawl_cmap64_entry){model_key(map.wide, index), delta};
			if (after != (int32_t)after)
				expected = -EOVERFLOW;
			made[i] = (struct pawl_crossing){next.count[index], (int32_t)after};
			model_set(&next, index, (int32_t)after);
		}
		assert_int_equal(add_n(&map, entries, n, said), expected);
		if (expected)
			refused++;
		else
			assert_memory_equal(said, made, n * sizeof(*said));
		model_check_map(expected ? &model : &next, &map);
		ANY_MAP(&map, fini);
	}
	assert_true(refused > 0);
}

/*
 * add_n() reserves for keys that repeat, and for what a later entry refuses: such room is given
 * back, and what the caller reserved stays until an entry vanishes.
 */
static void reserved_then_bulk(bool wide, unsigned had, unsigned n, bool refused)
{
	enum { ROOM = 100, INDEX = 150 };
	struct pawl_cmap64_entry entries[LARGEST];
	struct any_map map;
	struct model model;
	uint64_t calls;

	map_init(&map, &model, wide);
	t_check(ANY_MAP(&map, reserve, ROOM) == 0);
	for (unsigned i = 0; i < had; i++)
		t_check(add(&map, &model, i, 5) == 0);
	for (unsigned i = 0; i < n; i++)
		entries[i] = (struct pawl_cmap64_entry){model_key(wide, INDEX), 1};
	if (refused) {
		/* One vanishes on the way. */
		entries[0] = (struct pawl_cmap64_entry){model_key(wide, 0), had ? -5 : 0};
		entries[n - 1].count = INT32_MAX;
	} else {
		model_set(&model, INDEX, (int32_t)n);
	}
	assert_int_equal(add_n(&map, entries, n, NULL), refused ? -EOVERFLOW : 0);
	model_check_map(&model, &map);
	calls = t_alloc_calls();
	for (unsigned i = 0; model.length < ROOM; i++)
		t_check(add(&map, &model, i, 1 << 20) == 0);
	assert_int_equal(t_alloc_calls(), calls);
	model_check_map(&model, &map);
	ANY_MAP(&map, fini);
}

static void case_reserved_then_bulk(void **state)
{
	struct pawl_cmap_entry same[LARGEST];
	struct pawl_cmap map = PAWL_CMAP_INIT;

	(void)state;
	for (unsigned had = 0; had < 99; had += 14) {
		for (unsigned way = 0; way < 8; way++)
			reserved_then_bulk(way & 1, had, way & 2 ? LARGEST : 4, way & 4);
	}
	/* One key many times is one entry, and lies in the handle. */
	for (unsigned i = 0; i < LARGEST; i++)
		same[i] = (struct pawl_cmap_entry){7, 1000};
	assert_int_equal(pawl_cmap_add_n(&map, same, LARGEST, NULL), 0);
	assert_int_equal(pawl_cmap_get(&map, 7), 1000 * LARGEST);
	assert_int_equal(pawl_cmap_bytes(&map), 0);
	same[LARGEST - 1].count = INT32_MAX;
	t_assert_errno(pawl_cmap_add_n(&map, same, LARGEST, NULL), EOVERFLOW);
	assert_int_equal(pawl_cmap_bytes(&map), 0);
	pawl_cmap_fini(&map);
}

static int merge(struct any_map *map, const struct any_map *from, int sign,
		 struct pawl_crossing *ret_crossings)
{
	return map->wide
		       ? pawl_cmap64_merge(&map->wide_map, &from->wide_map, sign, ret_crossings)
		       : pawl_cmap_merge(&map->narrow_map, &from->narrow_map, sign,
					 ret_crossings);
}

/* What the crossings of a merge must be, in the order of the walk of `from`; false: refused. */
static bool model_merge(struct model *model, const struct any_map *from, int sign,
			struct pawl_crossing *made)
{
	struct pawl_cmap64_entry entry;
	struct pawl_cmap_entry narrow;
	uint32_t cursor = 0;
	bool fits = true;

	for (;; made++) {
		unsigned index;
		int64_t after;

		if (from->wide) {
			if (!pawl_cmap64_next(&from->wide_map, &cursor, &entry))
				return fits;
		} else {
			if (!pawl_cmap_next(&from->narrow_map, &cursor, &narrow))
				return fits;
			entry = (struct pawl_cmap64_entry){narrow.key, narrow.count};
		}
		index = model_index(from->wide, entry.key);
		after = model->count[index] + sign * (int64_t)entry.count;
		fits = fits && after == (int32_t)after;
		*made = (struct pawl_crossing){model->count[index], (int32_t)after};
		model_set(model, index, (int32_t)after);
	}
}

static void case_merge_and_copy(void **state)
{
	unsigned refused = 0;

	(void)state;
	for (unsigned round = 0; round < t_scaled(2000); round++) {
		struct pawl_crossing said[LARGEST], made[LARGEST];
		unsigned span = round % 2 ? 4 : LARGEST;
		int sign = round % 3 ? 1 : -1;
		struct model in_a, in_b, sum;
		struct any_map a, b, c;
		bool fits;

		map_init(&a, &in_a, round % 8 < 4);
		map_init(&b, &in_b, round % 8 < 4);
		c = a;
		for (unsigned i = (unsigned)t_random_below(span); i--;)
			(void)!add(&a, &in_a, (unsigned)t_random_below(span), draw_delta());
		for (unsigned i = (unsigned)t_random_below(span); i--;)
			(void)!add(&b, &in_b, (unsigned)t_random_below(span), draw_delta());
		sum = in_a;
		fits = model_merge(&sum, &b, sign, made);
		assert_int_equal(merge(&a, &b, sign, said), fits ? 0 : -EOVERFLOW);
		if (fits)
			assert_memory_equal(said, made, in_b.length * sizeof(*said));
		refused += !fits;
		model_check_map(fits ? &sum : &in_a, &a);
		model_check_map(&in_b, &b);
		t_check((b.wide ? pawl_cmap64_copy(&b.wide_map, &c.wide_map)
				: pawl_cmap_copy(&b.narrow_map, &c.narrow_map)) == 0);
		ANY_MAP(&b, fini);
		model_check_map(&in_b, &c);
		ANY_MAP(&a, fini);
		ANY_MAP(&c, fini);
	}
	assert_true(refused > 0);
}

static void merge_itself(void *arg)
{
	struct pawl_cmap map = PAWL_CMAP_INIT;

	(void)arg;
	(void)!pawl_cmap_merge(&map, &map, 1, NULL);
}

static void merge_twice(void *arg)
{
	struct pawl_cmap map = PAWL_CMAP_INIT, from = PAWL_CMAP_INIT;

	(void)arg;
	(void)!pawl_cmap_merge(&map, &from, 2, NULL);
}

static void case_contracts(void **state)
{
	(void)state;
	assert_true(t_aborts(merge_itself, NULL, "map != from"));
	assert_true(t_aborts(merge_twice, NULL, "sign"));
}

/* Counts may change under a walk if no entry comes or goes. */
static void case_walk_and_count(void **state)
{
	(void)state;
	for (unsigned size = 1; size < LARGEST; size += 1 + size / 3) {
		struct pawl_cmap map = PAWL_CMAP_INIT;
		struct pawl_cmap_entry entry;
		uint32_t cursor = 0, seen = 0;

		for (uint32_t i = 0; i < size; i++)
			assert_int_equal(pawl_cmap_add(&map, i, 1, NULL), 0);
		while (pawl_cmap_next(&map, &cursor, &entry)) {
			seen++;
			assert_int_equal(entry.count, 1);
			assert_int_equal(pawl_cmap_add(&map, entry.key, 1, NULL), 0);
		}
		assert_int_equal(seen, size);
		pawl_cmap_fini(&map);
	}
}

static void case_random(void **state)
{
	(void)state;
	for (unsigned round = 0; round < t_scaled(60); round++) {
		unsigned span = 1 + (unsigned)t_random_below(round % 2 ? 40 : MODEL_KEYS);
		struct any_map map;
		struct model model;

		map_init(&map, &model, round % 4 < 2);
		for (unsigned turn = 0; turn < 3000; turn++) {
			unsigned index = (unsigned)t_random_below(span);
			int32_t delta = draw_delta();

			/* Drift up, then down. */
			if (turn / 750 % 2 && t_random_below(2))
				delta = model.count[index] == INT32_MIN ? 1
									: -model.count[index];
			(void)!add(&map, &model, index, delta);
			if (turn % 64 == 0)
				model_check_map(&model, &map);
		}
		model_check_map(&model, &map);
		ANY_MAP(&map, fini);
		t_step();
	}
}

static int oom_width(bool wide)
{
	struct any_map map;
	struct model model;
	int rc = 0;

	map_init(&map, &model, wide);
	for (unsigned i = 0; i < LARGEST && !rc; i++) {
		rc = add(&map, &model, i, 1);
		model_check_map(&model, &map);
	}
	/* Going down never fails. */
	for (unsigned i = 0; i < LARGEST; i++) {
		t_check(add(&map, &model, i, -model.count[i]) == 0);
		model_check_map(&model, &map);
	}
	t_check(ANY_MAP(&map, bytes) == 0);
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

/* A count that leaves the handle is an allocation too, alone and in bulk. */
static int oom_wide_count(void)
{
	static const struct pawl_cmap_entry steps[] = {{2, -1}, {3, 1}, {3, 70000}, {2, 5}};
	struct pawl_cmap map = PAWL_CMAP_INIT, before;
	int rc;

	t_check(pawl_cmap_add(&map, 1, 1, NULL) == 0);
	t_check(pawl_cmap_add(&map, 2, 1, NULL) == 0);
	before = map;
	rc = pawl_cmap_add_n(&map, steps, 4, NULL);
	if (!rc) {
		t_check(pawl_cmap_count(&map) == 3 && pawl_cmap_get(&map, 3) == 70001);
		t_check(pawl_cmap_get(&map, 1) == 1 && pawl_cmap_get(&map, 2) == 5);
		t_check(pawl_cmap_add(&map, 3, -70001, NULL) == 0);
		pawl_cmap_trim(&map);
		rc = pawl_cmap_add(&map, 2, 70000, NULL);
		t_check(pawl_cmap_get(&map, 2) == (rc ? 5 : 70005));
		t_check(pawl_cmap_get(&map, 1) == 1);
	} else {
		t_check(memcmp(&map, &before, sizeof(map)) == 0);
	}
	t_check(pawl__cmap_audit(&map));
	pawl_cmap_fini(&map);
	return rc;
}

static int oom_merge(void)
{
	struct pawl_cmap a = PAWL_CMAP_INIT, b = PAWL_CMAP_INIT, c = PAWL_CMAP_INIT;
	int rc = 0;

	t_check(pawl_cmap_add(&a, 1000, 70000, NULL) == 0);
	for (uint32_t i = 0; i < 40 && !rc; i++)
		rc = pawl_cmap_add(&b, i, 1, NULL);
	if (!rc) {
		rc = pawl_cmap_merge(&a, &b, -1, NULL);
		t_check(pawl_cmap_count(&a) == (rc ? 1u : 41u));
		t_check(pawl_cmap_get(&a, 1000) == 70000);
	}
	if (!rc) {
		rc = pawl_cmap_copy(&a, &c);
		t_check(pawl_cmap_count(&c) == (rc ? 0u : 41u));
	}
	t_check(pawl__cmap_audit(&a) && pawl__cmap_audit(&b) && pawl__cmap_audit(&c));
	pawl_cmap_fini(&a);
	pawl_cmap_fini(&b);
	pawl_cmap_fini(&c);
	return rc;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_empty),
		cmocka_unit_test(case_crossings),
		cmocka_unit_test(case_overflow),
		cmocka_unit_test(case_wide_counts),
		cmocka_unit_test(case_up_and_down),
		cmocka_unit_test(case_bytes),
		cmocka_unit_test(case_reserve),
		cmocka_unit_test(case_limit),
		cmocka_unit_test(case_add_n),
		cmocka_unit_test(case_reserved_then_bulk),
		cmocka_unit_test(case_merge_and_copy),
		cmocka_unit_test(case_contracts),
		cmocka_unit_test(case_walk_and_count),
		cmocka_unit_test(case_random),
		T_OOM(oom_narrow),
		T_OOM(oom_wide),
		T_OOM(oom_wide_count),
		T_OOM(oom_merge),
	};

	return t_run("cmap", cases);
}
