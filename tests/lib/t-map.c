/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests of lib/map.c and lib/map-table.h. An array-based model is the specification: after
 * random calls the map has what the model has, for each shape and with hashes that are all alike.
 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pawl.h>

#include "map-table.h"

static uint64_t good_hash(const void *key)
{
	uint64_t number;

	memcpy(&number, key, sizeof(number));
	return pawl_hash_u64(number, 0);
}

static uint64_t same_hash(const void *key)
{
	(void)key;
	return UINT64_C(0x0123456789abcdef);
}

/* Shard and control byte from the key, all in the same group. */
static uint64_t low_hash(const void *key)
{
	return good_hash(key) & ~UINT64_C(0xffffff);
}

static struct pawl_map *make(uint32_t key_bytes, uint32_t value_bytes, pawl_map_hash_fn *hash,
			     uint32_t shards)
{
	struct pawl_map_options options = PAWL_MAP_OPTIONS(uint64_t, uint64_t, hash);
	struct pawl_map *map;

	options.key_bytes = key_bytes;
	options.value_bytes = value_bytes;
	options.shards = shards;
	assert_int_equal(pawl_map_create(&options, &map), 0);
	return map;
}

/* ---- the template ------------------------------------------------------ */

static void case_control_words(void **state)
{
	(void)state;
	for (unsigned i = 0; i < t_scaled(100000); i++) {
		uint64_t control = t_random(), tag = 0x80 | (t_random() & 0x7f), want = 0;

		/* Often equal to the tag, or to it but for one bit; often empty. */
		for (unsigned slot = 0; slot < 8; slot++) {
			uint64_t byte = t_random_below(4);

			if (byte < 2)
				control =
					table_set(control, slot,
						  byte ? tag : tag ^ (1u << t_random_below(8)));
			else if (byte == 2)
				control = table_set(control, slot, 0);
		}
		for (unsigned slot = 0; slot < TABLE_SLOTS; slot++)
			want |= (uint64_t)((control >> (8 * slot) & 0xff) == tag) << slot;
		for (unsigned way = 0; way < 2; way++) {
			uint64_t got = 0, matches = table_match_swar(control, tag);
#ifdef TABLE_SSE2
			if (way)
				matches = table_match_sse2(control, tag);
			while (matches)
				got |= UINT64_C(1) << (way ? table_next_sse2(&matches)
							   : table_next_swar(&matches));
#else
			while (matches)
				got |= UINT64_C(1) << table_next_swar(&matches);
#endif
			assert_int_equal(got, want);
		}
		want = TABLE_SLOTS;
		for (unsigned slot = TABLE_SLOTS; slot-- > 0;)
			if (!table_occupied(control, slot))
				want = slot;
		assert_int_equal(table_first_empty(control), want);
	}
	t_step();
}

/* Every group is visited once, and then it ends. */
static void case_probe_order(void **state)
{
	(void)state;
	for (uint64_t groups = 1; groups <= 256; groups *= 2) {
		struct probe probe = probe_begin(t_random(), groups - 1);
		bool seen[256] = {false};
		uint64_t count = 0;

		do {
			assert_true(probe.group < groups);
			assert_false(seen[probe.group]);
			seen[probe.group] = true;
			count++;
		} while (probe_next(&probe, UINT64_MAX));
		assert_int_equal(count, groups);
		probe = probe_begin(0, groups - 1);
		assert_false(probe_next(&probe, ~table_mark(probe.tag)));
	}
}

static void case_geometry(void **state)
{
	(void)state;
	assert_int_equal(table_limit(0), 0);
	assert_int_equal(table_limit(1), 7);
	assert_int_equal(table_limit(2), 13);
	for (uint64_t entries = 0; entries < 5000; entries++) {
		uint64_t groups = table_groups_for(entries);

		assert_true(table_limit(groups) >= entries);
		assert_true(groups <= 1 || table_limit(groups / 2) < entries);
		assert_true(table_groups_shrunk(groups, entries) == groups || entries == 0);
		for (uint64_t more = 1; more <= 2; more++) {
			uint64_t next = table_groups_next(groups, entries, more);

			assert_true(table_limit(next) >= entries + more);
			assert_true(next >= groups && next <= 4 * (groups ? groups : 1));
			/* A rebuild is paid for. */
			assert_true(groups < 2 ||
				    table_limit(next) - entries >= table_limit(next) / 4);
		}
		assert_true(table_limit(table_groups_shrunk(64 * (groups + 1), entries)) >=
			    entries);
	}
	assert_int_equal(table_groups_shrunk(1, 0), 0);
}

/* The clamp at both ends. One stored version of a well-known engine had it the wrong way. */
static void case_shard_count(void **state)
{
	(void)state;
	assert_int_equal(table_shards(0, 1), 4);
	assert_int_equal(table_shards(0, 2), 8);
	assert_int_equal(table_shards(0, 3), 16);
	assert_int_equal(table_shards(0, 255), 1024);
	assert_int_equal(table_shards(0, 256), 1024);
	assert_int_equal(table_shards(0, 257), 1024);
	assert_int_equal(table_shards(0, UINT32_MAX), 1024);
	assert_int_equal(table_shards(1, 64), 1);
	assert_int_equal(table_shards(2, 64), 2);
	assert_int_equal(table_shards(3, 64), 4);
	assert_int_equal(table_shards(1023, 1), 1024);
	assert_int_equal(table_shards(1024, 1), 1024);
	assert_int_equal(table_shards(1025, 1), 0);
	assert_int_equal(table_shards(UINT32_MAX, 0), 0);
	assert_true(table_shards(0, 0) >= 1 && table_shards(0, 0) <= 1024);
	for (uint32_t shards = 1; shards <= 1024; shards *= 2) {
		unsigned shift = table_shard_shift(shards);

		assert_int_equal(table_shard(UINT64_MAX, shift), shards - 1);
		assert_int_equal(table_shard(0, shift), 0);
		/* Shard, control byte and slot look at different bits. */
		assert_int_equal(table_shard(UINT64_C(0x0000ffffffffffff), shift), 0);
	}
	assert_int_equal(table_tag(~(UINT64_C(0x7f) << 41)), 0x80);
	assert_int_equal(table_tag(UINT64_C(0x7f) << 41), 0xff);
}

static void case_small_preallocation(void **state)
{
	const struct {
		uint32_t shards;
		uint64_t capacity, slots;
	} tries[] = {
		{1024, 0, 0},	 {1024, 1, 0}, {1024, 1023, 0}, {1024, 1024, 7168},
		{1, 1, 7},	 {1, 8, 14},   {4, 3, 0},	{1024, 14 * 1024, 28672},
		{2, 2 * 13, 28},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct pawl_map_options options =
			PAWL_MAP_OPTIONS(uint64_t, uint64_t, good_hash);
		struct pawl_map_stats stats;
		struct pawl_map *map;

		options.shards = tries[i].shards;
		options.capacity = tries[i].capacity;
		assert_int_equal(pawl_map_create(&options, &map), 0);
		pawl_map_stats_read(map, &stats);
		assert_int_equal(stats.shards, tries[i].shards);
		assert_int_equal(stats.slots, tries[i].slots);

		assert_int_equal(stats.rebuilds, 0);
		pawl_map_destroy(map);
	}
}

/* ---- options ----------------------------------------------------------- */

static void case_options(void **state)
{
	struct pawl_map_options options = PAWL_MAP_OPTIONS(uint64_t, uint64_t, good_hash);
	struct pawl_map_options bad;
	struct pawl_map *map = NULL;

	(void)state;
#define BAD(field, value, err)                                         \
	do {                                                           \
		bad = options;                                         \
		bad.field = (value);                                   \
		assert_int_equal(pawl_map_create(&bad, &map), -(err)); \
		assert_null(map);                                      \
	} while (0)
	BAD(size, sizeof(options) - 1, EINVAL);
	BAD(size, 0, EINVAL);
	BAD(size, sizeof(options) + 8, E2BIG);
	BAD(key_bytes, 0, EINVAL);
	BAD(key_bytes, PAWL_MAP_KEY_BYTES_MAX + 1, EINVAL);
	BAD(value_bytes, PAWL_MAP_VALUE_BYTES_MAX + 1, EINVAL);
	BAD(hash, NULL, EINVAL);
	BAD(shards, 1025, EINVAL);
	BAD(capacity, UINT64_MAX >> 8, ENOMEM);
	pawl_map_destroy(NULL);
}

/* ---- against the model ------------------------------------------------- */

#define KEYS	  96
#define BYTES_MAX 40

struct model {
	struct pawl_map *map;
	pawl_map_hash_fn *hash;
	uint32_t key_bytes, value_bytes;
	bool there[KEYS];
	char value[KEYS][BYTES_MAX];
};

static void model_key(const struct model *m, unsigned i, char *key)
{
	memset(key, 0x5a, BYTES_MAX);
	memcpy(key, &(uint64_t){i * UINT64_C(0x10001)}, sizeof(uint64_t));
	if (m->key_bytes > 8)
		key[m->key_bytes - 1] = (char)i;
}

static void random_value(char *value)
{
	for (unsigned i = 0; i < BYTES_MAX; i++)
		value[i] = (char)t_random();
}

struct change {
	struct model *m;
	unsigned keys[2];
	bool present[2];
	int err;
	char value[2][BYTES_MAX];
};

static void change_cell(struct change *c, struct pawl_map_cell *cell, unsigned i)
{
	struct model *m = c->m;

	t_check(cell->present == m->there[c->keys[i]]);
	for (unsigned b = 0; !cell->present && b < m->value_bytes; b++)
		t_check(((char *)cell->value)[b] == 0);
	if (cell->present)
		t_check(!memcmp(cell->value, m->value[c->keys[i]], m->value_bytes));
	memcpy(cell->value, c->value[i], m->value_bytes);
	cell->present = c->present[i];
}

static int change_one(struct pawl_map_cell *cell, void *arg)
{
	struct change *c = arg;

	change_cell(c, cell, 0);
	return c->err;
}

static int change_two(struct pawl_map_cell cells[2], void *arg)
{
	struct change *c = arg;

	change_cell(c, &cells[0], 0);
	change_cell(c, &cells[1], 1);
	return c->err;
}

static void model_change(struct change *c, unsigned i)
{
	struct model *m = c->m;
	unsigned k = c->keys[i];

	if (m->there[k] || (!c->err && c->present[i]))
		memcpy(m->value[k], c->value[i], m->value_bytes);
	if (!c->err)
		m->there[k] = c->present[i];
}

static void step_decide(struct model *m, unsigned a, bool pair)
{
	struct change c = {.m = m,
			   .keys = {a, (a + 1 + (unsigned)t_random_below(KEYS - 1)) % KEYS}};
	char key[2][BYTES_MAX];
	int ret;

	c.err = t_random_below(4) ? 0 : -EINTR;
	for (unsigned i = 0; i < 2; i++) {
		c.present[i] = t_random_below(2);
		random_value(c.value[i]);
		model_key(m, c.keys[i], key[i]);
	}
	if (pair)
		ret = pawl_map_pair(m->map, m->hash(key[0]), key[0], m->hash(key[1]), key[1],
				    change_two, &c);
	else
		ret = pawl_map_upsert(m->map, m->hash(key[0]), key[0], change_one, &c);
	assert_int_equal(ret, c.err);
	model_change(&c, 0);
	if (pair)
		model_change(&c, 1);
}

static bool match_model(const void *key, const void *arg)
{
	return !memcmp(key, arg, sizeof(uint64_t));
}

static void fill_model(void *key, void *value, const void *arg)
{
	const struct change *c = arg;

	memcpy(key, c->value[0], c->m->key_bytes);
	memcpy(value, c->value[1], c->m->value_bytes);
}

static bool match_change(const void *key, const void *arg)
{
	return match_model(key, ((const struct change *)arg)->value[0]);
}

static void step_look(struct model *m, unsigned i)
{
	char key[BYTES_MAX], out[BYTES_MAX], out_key[BYTES_MAX];

	model_key(m, i, key);
	assert_int_equal(pawl_map_get(m->map, m->hash(key), key, out), m->there[i]);
	if (m->there[i])
		assert_memory_equal(out, m->value[i], m->value_bytes);
	assert_int_equal(pawl_map_get(m->map, m->hash(key), key, NULL), m->there[i]);
	assert_int_equal(pawl_map_find(m->map, m->hash(key), match_model, key, out_key, out),
			 m->there[i]);
	if (m->there[i]) {
		assert_memory_equal(out, m->value[i], m->value_bytes);
		assert_memory_equal(out_key, key, m->key_bytes);
	}
}

static void step_enter(struct model *m, unsigned i, unsigned how)
{
	bool there = m->there[i];
	char key[BYTES_MAX], value[BYTES_MAX], out[BYTES_MAX];
	int ret;

	model_key(m, i, key);
	random_value(value);
	if (how == 0) {
		ret = pawl_map_insert(m->map, m->hash(key), key, value);
		assert_int_equal(ret, there ? -EEXIST : 0);
	} else if (how == 1) {
		assert_int_equal(pawl_map_put(m->map, m->hash(key), key, value), !there);
		memcpy(m->value[i], value, m->value_bytes);
	} else if (how == 2) {
		assert_int_equal(pawl_map_entry(m->map, m->hash(key), key, value, out), !there);
		assert_memory_equal(out, there ? m->value[i] : value, m->value_bytes);
	} else {
		struct change c = {.m = m};

		memcpy(c.value[0], key, sizeof(key));
		memcpy(c.value[1], value, sizeof(value));
		assert_int_equal(pawl_map_entry_by(m->map, m->hash(key), match_change,
						   fill_model, &c, out),
				 !there);
		assert_memory_equal(out, there ? m->value[i] : value, m->value_bytes);
	}
	if (!there)
		memcpy(m->value[i], value, m->value_bytes);
	m->there[i] = true;
}

static void step_leave(struct model *m, unsigned i, unsigned how)
{
	char key[BYTES_MAX], value[BYTES_MAX], out[BYTES_MAX], out_key[BYTES_MAX];
	bool found;

	model_key(m, i, key);
	random_value(value);
	if (how == 0)
		found = pawl_map_remove(m->map, m->hash(key), key, out);
	else if (how == 1)
		found = pawl_map_remove_by(m->map, m->hash(key), match_model, key, out_key,
					   out);
	else
		found = pawl_map_replace(m->map, m->hash(key), key, value, out);
	assert_int_equal(found, m->there[i]);
	if (found)
		assert_memory_equal(out, m->value[i], m->value_bytes);
	if (found && how == 1)
		assert_memory_equal(out_key, key, m->key_bytes);
	if (how == 2)
		memcpy(m->value[i], value, m->value_bytes);
	else
		m->there[i] = false;
}

/* Everything that is there is found by a scan, once, and nothing else. */
static void check_scan(const struct model *m)
{
	struct pawl_map_cursor cursor = {0};
	char keys[5 * BYTES_MAX], values[5 * BYTES_MAX];
	bool seen[KEYS] = {false};
	size_t count, all = 0, want = 0;

	while ((count = pawl_map_scan(m->map, &cursor, 5, keys, values))) {
		assert_true(count <= 5);
		for (size_t n = 0; n < count; n++) {
			uint64_t number;

			memcpy(&number, keys + n * m->key_bytes, sizeof(number));
			number /= 0x10001;
			assert_true(number < KEYS && m->there[number] && !seen[number]);
			seen[number] = true;
			assert_memory_equal(values + n * m->value_bytes, m->value[number],
					    m->value_bytes);
		}
		all += count;
	}
	for (unsigned i = 0; i < KEYS; i++)
		want += m->there[i];
	assert_int_equal(all, want);
	assert_int_equal(pawl_map_count(m->map), want);
	assert_int_equal(pawl_map_scan(m->map, &cursor, 5, keys, values), 0);
}

static void model_run(uint32_t key_bytes, uint32_t value_bytes, pawl_map_hash_fn *hash,
		      uint32_t shards)
{
	struct model m = {.hash = hash, .key_bytes = key_bytes, .value_bytes = value_bytes};

	m.map = make(key_bytes, value_bytes, hash, shards);
	for (unsigned round = 0; round < t_scaled(20000); round++) {
		unsigned i = (unsigned)t_random_below(KEYS);
		unsigned what = (unsigned)t_random_below(24);

		/* By turns it fills and empties: tables grow, are cleared out, shrink. */
		if (what < 8)
			step_look(&m, i);
		else if (what < 10)
			step_decide(&m, i, what & 1);
		else if (what < 22)
			(round / 500 % 3 ? step_enter : step_leave)(&m, i, what % 4 % 3);
		else if (what == 22)
			step_enter(&m, i, 3);
		else if (round % 64 == 0)
			assert_int_equal(pawl_map_shrink(m.map), 0);
		if (round % 256 == 0)
			check_scan(&m);
	}
	check_scan(&m);
	for (unsigned i = 0; i < KEYS; i++)
		step_look(&m, i);
	pawl_map_destroy(m.map);
	t_step();
}

static void case_model_8_8(void **state)
{
	(void)state;
	model_run(8, 8, good_hash, 1);
	model_run(8, 8, good_hash, 8);
	model_run(8, 8, same_hash, 4);
	model_run(8, 8, low_hash, 2);
}

static void case_model_8_4(void **state)
{
	(void)state;
	model_run(8, 4, good_hash, 2);
	model_run(8, 4, same_hash, 2);
}

static void case_model_other_shapes(void **state)
{
	(void)state;
	model_run(8, 0, good_hash, 1);
	model_run(16, 40, good_hash, 4);
	model_run(24, 1, low_hash, 1);
	model_run(11, 3, same_hash, 1);
}

/* ---- scans beside changes ---------------------------------------------- */

static void put_number(struct pawl_map *map, uint64_t number)
{
	assert_int_equal(pawl_map_insert(map, good_hash(&number), &number, &number), 0);
}

static bool take_number(struct pawl_map *map, uint64_t number)
{
	return pawl_map_remove(map, good_hash(&number), &number, NULL);
}

/*
 * Keys below 500 stay from start to end; others come and go between two calls. All of the first
 * kind are seen; only once as long as no table is built anew.
 */
static void case_scan_beside_writers(void **state)
{
	struct pawl_map *map = make(8, 8, good_hash, 4);
	struct pawl_map_stats before, after;
	unsigned seen[500] = {0};
	struct pawl_map_cursor cursor = {0};
	uint64_t keys[16], next = 1000;
	bool twice = false;
	size_t count;

	(void)state;
	for (uint64_t i = 0; i < 500; i++)
		put_number(map, i);
	pawl_map_stats_read(map, &before);
	while ((count = pawl_map_scan(map, &cursor, 16, keys, NULL))) {
		for (size_t i = 0; i < count; i++)
			if (keys[i] < 500)
				twice |= seen[keys[i]]++ > 0;
		for (unsigned i = 0; i < 40; i++) {
			put_number(map, next++);
			if (i % 2 && next > 1010)
				(void)take_number(map, next - 10);
		}
		/* Ends: the writer does not go on for ever. */
		if (next > 4000)
			break;
	}
	while ((count = pawl_map_scan(map, &cursor, 16, keys, NULL)))
		for (size_t i = 0; i < count; i++)
			if (keys[i] < 500)
				twice |= seen[keys[i]]++ > 0;
	pawl_map_stats_read(map, &after);
	assert_true(after.rebuilds > before.rebuilds);
	assert_true(twice); /* or the restart was never needed, and this shows nothing */
	for (unsigned i = 0; i < 500; i++)
		assert_true(seen[i] >= 1);
	pawl_map_destroy(map);
}

/* With no rebuild, keys that stay are seen exactly once, whatever comes and goes. */
static void case_scan_once(void **state)
{
	struct pawl_map_options options = PAWL_MAP_OPTIONS(uint64_t, uint64_t, good_hash);
	struct pawl_map_cursor cursor = {0}, copy;
	struct pawl_map_stats stats;
	unsigned seen[300] = {0};
	uint64_t keys[7], values[7];
	struct pawl_map *map;
	size_t count;

	(void)state;
	options.shards = 4;
	options.capacity = 4000;
	assert_int_equal(pawl_map_create(&options, &map), 0);
	for (uint64_t i = 0; i < 300; i++)
		put_number(map, i);
	for (uint64_t turn = 0; (count = pawl_map_scan(map, &cursor, 7, keys, values));
	     turn++) {
		for (size_t i = 0; i < count; i++) {
			assert_int_equal(keys[i], values[i]);
			if (keys[i] < 300)
				seen[keys[i]]++;
		}
		put_number(map, 1000 + turn);
		if (turn > 3)
			assert_true(take_number(map, 1000 + turn - 3));
		copy = cursor;
		cursor = copy;
	}
	pawl_map_stats_read(map, &stats);
	assert_int_equal(stats.rebuilds, 0);
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(seen[i], 1);
	pawl_map_destroy(map);
}

/* Churn does not fill the table with marks: misses stay cheap because tables are cleared out. */
static void case_churn_stays_small(void **state)
{
	struct pawl_map *map = make(8, 8, good_hash, 1);
	struct pawl_map_stats stats;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		put_number(map, i);
	for (uint64_t i = 0; i < t_scaled(200000); i++) {
		assert_true(take_number(map, i));
		put_number(map, i + 1000);
	}
	pawl_map_stats_read(map, &stats);
	assert_int_equal(stats.entries, 1000);
	assert_true(stats.slots <= 4 * 1000);
	pawl_map_destroy(map);
}

static void case_shrink(void **state)
{
	struct pawl_map *map = make(8, 8, good_hash, 4);
	struct pawl_map_stats full, thin;

	(void)state;
	for (uint64_t i = 0; i < 4000; i++)
		put_number(map, i);
	assert_int_equal(pawl_map_shrink(map), 0);
	pawl_map_stats_read(map, &full);
	assert_int_equal(full.entries, 4000);
	for (uint64_t i = 100; i < 4000; i++)
		assert_true(take_number(map, i));
	pawl_map_stats_read(map, &thin);
	assert_int_equal(thin.bytes, full.bytes);
	assert_int_equal(pawl_map_shrink(map), 0);
	pawl_map_stats_read(map, &thin);
	assert_true(thin.slots * 4 < full.slots);
	for (uint64_t i = 0; i < 4000; i++)
		assert_int_equal(pawl_map_get(map, good_hash(&i), &i, NULL), i < 100);
	for (uint64_t i = 0; i < 100; i++)
		assert_true(take_number(map, i));
	assert_int_equal(pawl_map_shrink(map), 0);
	pawl_map_stats_read(map, &thin);
	assert_int_equal(thin.slots, 0);
	put_number(map, 7);
	assert_int_equal(pawl_map_count(map), 1);
	pawl_map_destroy(map);
}

/* An entry costs what the header says: 8 + 8 bytes, below 37 in a table that has just grown. */
static void case_bytes(void **state)
{
	struct pawl_map *map = make(8, 8, good_hash, 1);
	struct pawl_map_stats stats;
	uint64_t other = t_alloc_bytes();

	(void)state;
	pawl_map_stats_read(map, &stats);
	other -= stats.bytes;
	for (uint64_t i = 0; i < 20000; i++)
		put_number(map, i);
	pawl_map_stats_read(map, &stats);
	assert_int_equal(stats.bytes, t_alloc_bytes() - other);
	assert_true(stats.bytes / stats.entries <= 42);
	pawl_map_destroy(map);
}

/* ---- drain ------------------------------------------------------------- */

static struct pawl_atomic_u32 drained[2000];

static void count_drained(const void *key, void *value, void *arg)
{
	uint64_t number = *(const uint64_t *)key;

	(void)arg;
	t_check(*(uint64_t *)value == number);
	pawl_add_relaxed(&drained[number], 1u);
	/* Nothing is held: the map may be used. */
	t_check(pawl_thread_attached());
}

struct drainer {
	struct pawl_map *map;
	struct pawl_map_drain_state *drain;
	uint64_t count;
};

static void drain_some(void *arg)
{
	struct drainer *d = arg;

	d->count = pawl_map_drain(d->map, d->drain, count_drained, NULL);
}

static void case_drain(void **state)
{
	struct pawl_map *map = make(8, 8, good_hash, 64);
	struct pawl_map_drain_state drain = PAWL_MAP_DRAIN_INIT, again = PAWL_MAP_DRAIN_INIT;
	struct drainer d[3];
	struct t_thread *threads[3];
	uint64_t count = 0;

	(void)state;
	for (uint64_t i = 0; i < 2000; i++) {
		put_number(map, i);
		pawl_init_word(&drained[i], 0u);
	}
	for (unsigned i = 0; i < 3; i++) {
		d[i] = (struct drainer){map, &drain, 0};
		threads[i] = t_thread_start(drain_some, &d[i]);
	}
	for (unsigned i = 0; i < 3; i++) {
		t_thread_join(threads[i]);
		count += d[i].count;
	}
	assert_int_equal(count, 2000);
	assert_int_equal(pawl_map_count(map), 0);
	for (unsigned i = 0; i < 2000; i++)
		assert_int_equal(pawl_load_relaxed(&drained[i]), 1);
	put_number(map, 1);
	assert_int_equal(pawl_map_drain(map, &drain, NULL, NULL), 0);
	assert_int_equal(pawl_map_drain(map, &again, NULL, NULL), 1);
	pawl_map_destroy(map);
}

/* ---- errors and contracts ---------------------------------------------- */

static int never_called(struct pawl_map_cell *cell, void *arg)
{
	(void)cell;
	(void)arg;
	t_check(!"called without room");
	return 0;
}

static int add_one(struct pawl_map_cell *cell, void *arg)
{
	(void)arg;
	cell->present = true;
	return 0;
}

static int never_called_pair(struct pawl_map_cell cells[2], void *arg)
{
	return never_called(cells, arg);
}

/* Each call that takes memory, in a map whose only shard is full: nothing changes. */
static void case_no_memory_changes_nothing(void **state)
{
	struct pawl_map *map = make(8, 8, good_hash, 1);
	uint64_t a = 100, b = 101, out = 0;
	struct change c = {.value = {{0}}};
	struct model m = {.key_bytes = 8, .value_bytes = 8};

	(void)state;
	for (uint64_t i = 0; i < 7; i++)
		put_number(map, i);
	c.m = &m;
	memcpy(c.value[0], &a, sizeof(a));
#define FAILS(call)                                                       \
	do {                                                              \
		t_alloc_fail_at(1);                                       \
		assert_int_equal((call), -ENOMEM);                        \
		assert_true(t_alloc_failed());                            \
		t_alloc_fail_at(0);                                       \
		assert_int_equal(pawl_map_count(map), 7);                 \
		assert_false(pawl_map_get(map, good_hash(&a), &a, NULL)); \
	} while (0)
	FAILS(pawl_map_insert(map, good_hash(&a), &a, &a));
	FAILS(pawl_map_put(map, good_hash(&a), &a, &a));
	FAILS(pawl_map_entry(map, good_hash(&a), &a, &a, &out));
	FAILS(pawl_map_entry_by(map, good_hash(&a), match_change, fill_model, &c, &out));
	FAILS(pawl_map_upsert(map, good_hash(&a), &a, never_called, NULL));
	FAILS(pawl_map_pair(map, good_hash(&a), &a, good_hash(&b), &b, never_called_pair,
			    NULL));
	assert_int_equal(out, 0);
	/* A key that is there needs no memory. */
	a = 3;
	t_alloc_fail_at(1);
	assert_int_equal(pawl_map_put(map, good_hash(&a), &a, &b), 0);
	assert_int_equal(pawl_map_upsert(map, good_hash(&a), &a, add_one, NULL), 0);
	t_alloc_fail_at(0);
	for (uint64_t i = 0; i < 7; i++)
		assert_true(pawl_map_get(map, good_hash(&i), &i, NULL));
	pawl_map_destroy(map);
}

static int oom_map(void)
{
	struct pawl_map_options options = PAWL_MAP_OPTIONS(uint64_t, uint64_t, good_hash);
	struct pawl_map *map;
	uint64_t in = 0;
	int err = pawl_thread_attach("oom");

	if (err)
		return err;
	options.shards = 2;
	options.capacity = 4;
	err = pawl_map_create(&options, &map);
	if (err)
		goto out;
	for (; in < 40 && !err; in++)
		err = pawl_map_insert(map, good_hash(&in), &in, &in);
	in -= err != 0;
	t_check(pawl_map_count(map) == in);
	for (uint64_t i = 0; i < 40; i++)
		t_check(pawl_map_get(map, good_hash(&i), &i, NULL) == (i < in));
	for (uint64_t i = 2; i < in; i++)
		t_check(pawl_map_remove(map, good_hash(&i), &i, NULL));
	if (!err)
		err = pawl_map_shrink(map);
	t_check(pawl_map_count(map) == (in < 2 ? in : 2));
	pawl_map_destroy(map);
out:
	pawl_thread_detach();
	return err;
}

static void break_pair(void *arg)
{
	uint64_t key = 1;

	(void)arg;
	(void)!pawl_map_pair(make(8, 8, good_hash, 2), good_hash(&key), &key, good_hash(&key),
			     &key, never_called_pair, NULL);
}

static void break_scan(void *arg)
{
	struct pawl_map_cursor cursor = {0};

	(void)arg;
	pawl_map_scan(make(8, 8, good_hash, 2), &cursor, 0, NULL, NULL);
}

static int calls_pawl(struct pawl_map_cell *cell, void *arg)
{
	uint64_t key = 2;

	(void)cell;
	return pawl_map_get(arg, good_hash(&key), &key, NULL);
}

static int takes_memory(struct pawl_map_cell *cell, void *arg)
{
	(void)arg;
	cell->present = pawl_mem_alloc(8, 0) != NULL;
	return 0;
}

static void break_callback(void *arg)
{
	struct pawl_map *map = make(8, 8, good_hash, 64);
	pawl_map_update_fn *update = *(pawl_map_update_fn **)arg;
	uint64_t key = 1;

	(void)!pawl_map_upsert(map, good_hash(&key), &key, update, map);
}

static void break_hash(void *arg)
{
	uint64_t key = 1;

	(void)arg;
	(void)!pawl_map_insert(make(8, 8, good_hash, 1), 5, &key, NULL);
}

static void case_contracts(void **state)
{
	(void)state;
	assert_true(t_aborts(break_pair, NULL, "the keys are different"));
	assert_true(t_aborts(break_scan, NULL, "max"));
	if (PAWL_DEBUG_BUILD) {
		pawl_map_update_fn *update = calls_pawl;

		assert_true(t_aborts(break_callback, &update, "calls nothing of Pawl"));
		update = takes_memory;
		assert_true(t_aborts(break_callback, &update, "calls nothing of Pawl"));
		assert_true(t_aborts(break_hash, NULL, "the hash that it is put in with"));
	}
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_control_words),
		cmocka_unit_test(case_probe_order),
		cmocka_unit_test(case_geometry),
		cmocka_unit_test(case_shard_count),
		cmocka_unit_test(case_small_preallocation),
		cmocka_unit_test(case_options),
		cmocka_unit_test(case_model_8_8),
		cmocka_unit_test(case_model_8_4),
		cmocka_unit_test(case_model_other_shapes),
		cmocka_unit_test(case_scan_beside_writers),
		cmocka_unit_test(case_scan_once),
		cmocka_unit_test(case_churn_stays_small),
		cmocka_unit_test(case_shrink),
		cmocka_unit_test(case_bytes),
		cmocka_unit_test(case_drain),
		cmocka_unit_test(case_no_memory_changes_nothing),
		cmocka_unit_test(case_contracts),
		T_OOM(oom_map),
	};

	return t_run("map", cases);
}
