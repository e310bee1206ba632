/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * f-map.c - a map of inline keys and values against an array: every call, several sizes of keys and
 * values, hashes from good to constant, scans between which the map changes, and allocations
 * that fail. One thread: what several do to each other is verify/'s matter.
 */
#include "config.h"

#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include <pawl/hash.h>
#include <pawl/map.h>

#define KEYS	  1024u
#define BYTES_MAX 32u

static const struct {
	uint32_t key, value;
} sizes[] = {{8, 8}, {8, 4}, {8, 0}, {4, 4}, {2, 1}, {12, 20}, {16, 24}, {3, 5}};

/* The run. The map's callbacks have no argument of ours, so it is one for all. */
static struct {
	struct pawl_map *map;
	uint32_t key_bytes, value_bytes;
	unsigned hash_kind;
	unsigned span;
	uint64_t count;
	bool present[KEYS];
	uint64_t value[KEYS];
} m;

static void key_of(unsigned index, uint8_t *key)
{
	for (unsigned i = 0; i < m.key_bytes; i++)
		key[i] = (uint8_t)(i < 2 ? index >> 8 * i : index * (i + 1));
}

static unsigned index_of(const void *key)
{
	const uint8_t *bytes = key;
	uint8_t again[BYTES_MAX];
	unsigned index = bytes[0] | (unsigned)bytes[1] << 8;

	FUZZ_CHECK(index < KEYS);
	key_of(index, again);
	FUZZ_CHECK(memcmp(key, again, m.key_bytes) == 0);
	return index;
}

static void value_of(uint64_t number, uint8_t *value)
{
	for (unsigned i = 0; i < m.value_bytes; i++)
		value[i] = (uint8_t)(number >> 8 * (i % 8));
}

static void check_value(const uint8_t *value, uint64_t number)
{
	uint8_t expected[BYTES_MAX];

	value_of(number, expected);
	FUZZ_CHECK(memcmp(value, expected, m.value_bytes) == 0);
}

/* Good ones, and those that have all of a table's decisions made alike. */
static uint64_t hash_of_index(unsigned index)
{
	uint64_t good = pawl_hash_u64(index, 0);

	switch (m.hash_kind) {
	case 0:
		return good;
	case 1:
		return good & 3;
	case 2: /* one control byte */
		return good & ~(UINT64_C(0x7f) << PAWL_HASH_SLOT_BITS_MAX);
	case 3:
		return 0;
	case 4:
		return UINT64_MAX;
	case 5: /* one slot to begin at */
		return good << PAWL_HASH_SLOT_BITS_MAX;
	case 6: /* one shard */
		return good >> PAWL_HASH_SHARD_BITS_MAX;
	default:
		return index;
	}
}

static uint64_t hash_of(const void *key)
{
	return hash_of_index(index_of(key));
}

static bool match(const void *key, const void *arg)
{
	return index_of(key) == *(const unsigned *)arg;
}

static void fill(void *key, void *value, const void *arg)
{
	uint8_t zero[BYTES_MAX] = {0};
	unsigned index = *(const unsigned *)arg;

	FUZZ_CHECK(memcmp(key, zero, m.key_bytes) == 0);
	FUZZ_CHECK(memcmp(value, zero, m.value_bytes) == 0);
	key_of(index, key);
	value_of(index * UINT64_C(3), value);
}

static void set(unsigned index, bool present, uint64_t value)
{
	m.count += present;
	m.count -= m.present[index];
	m.present[index] = present;
	m.value[index] = present ? value : 0;
}

static bool no_memory(int rc)
{
	FUZZ_CHECK(rc != -ENOMEM || fuzz_alloc_failed());
	return rc == -ENOMEM;
}

static void check_get(unsigned index)
{
	uint8_t key[BYTES_MAX], value[BYTES_MAX], found[BYTES_MAX];

	key_of(index, key);
	FUZZ_CHECK(pawl_map_get(m.map, hash_of_index(index), key, value) == m.present[index]);
	if (m.present[index])
		check_value(value, m.value[index]);
	FUZZ_CHECK(pawl_map_find(m.map, hash_of_index(index), match, &index, found, value) ==
		   m.present[index]);
	if (m.present[index]) {
		FUZZ_CHECK(memcmp(found, key, m.key_bytes) == 0);
		check_value(value, m.value[index]);
	}
}

static void put_in(unsigned index, unsigned how, uint64_t number)
{
	uint64_t hash = hash_of_index(index);
	uint8_t key[BYTES_MAX], value[BYTES_MAX], got[BYTES_MAX];
	bool was = m.present[index], zero = number % 8 == 0;
	int rc;

	key_of(index, key);
	value_of(number, value);
	if (zero)
		number = 0;
	switch (how) {
	case 0:
		rc = pawl_map_insert(m.map, hash, key, zero ? NULL : value);
		if (no_memory(rc))
			return;
		FUZZ_CHECK(rc == (was ? -EEXIST : 0));
		break;
	case 1:
		rc = pawl_map_put(m.map, hash, key, zero ? NULL : value);
		if (no_memory(rc))
			return;
		FUZZ_CHECK(rc == !was);
		was = false;
		break;
	case 2:
		rc = pawl_map_entry(m.map, hash, key, zero ? NULL : value, got);
		if (no_memory(rc))
			return;
		FUZZ_CHECK(rc == !was);
		check_value(got, was ? m.value[index] : number);
		break;
	default:
		number = index * UINT64_C(3);
		rc = pawl_map_entry_by(m.map, hash, match, fill, &index, got);
		if (no_memory(rc))
			return;
		FUZZ_CHECK(rc == !was);
		check_value(got, was ? m.value[index] : number);
		break;
	}
	if (!was)
		set(index, true, number);
}

static void take_out(unsigned index, bool by)
{
	uint64_t hash = hash_of_index(index);
	uint8_t key[BYTES_MAX], value[BYTES_MAX], found[BYTES_MAX];
	bool was;

	key_of(index, key);
	was = by ? pawl_map_remove_by(m.map, hash, match, &index, found, value)
		 : pawl_map_remove(m.map, hash, key, value);
	FUZZ_CHECK(was == m.present[index]);
	if (was)
		check_value(value, m.value[index]);
	FUZZ_CHECK(!was || !by || memcmp(found, key, m.key_bytes) == 0);
	set(index, false, 0);
}

static void replace(unsigned index, uint64_t number)
{
	uint8_t key[BYTES_MAX], value[BYTES_MAX], old[BYTES_MAX];
	bool was;

	key_of(index, key);
	value_of(number, value);
	was = pawl_map_replace(m.map, hash_of_index(index), key, value, old);
	FUZZ_CHECK(was == m.present[index]);
	if (was) {
		check_value(old, m.value[index]);
		set(index, true, number);
	}
}

/* What an update is to do with each cell, and what it has seen. */
struct plan {
	unsigned index[2];
	bool present[2];
	uint64_t number[2];
	int result;
	unsigned called;
};

static void decide(struct pawl_map_cell *cell, struct plan *plan, unsigned i)
{
	unsigned index = plan->index[i];

	FUZZ_CHECK(cell->present == m.present[index]);
	check_value(cell->value, m.value[index]);
	value_of(plan->number[i], cell->value);
	cell->present = plan->present[i];
	plan->called++;
}

static int update(struct pawl_map_cell *cell, void *arg)
{
	decide(cell, arg, 0);
	return ((struct plan *)arg)->result;
}

static int update_pair(struct pawl_map_cell cells[2], void *arg)
{
	decide(&cells[0], arg, 0);
	decide(&cells[1], arg, 1);
	return ((struct plan *)arg)->result;
}

static void upsert(struct fuzz_bytes *bytes, bool pair)
{
	unsigned how = fuzz_u8(bytes);
	struct plan plan = {.result = how & 4 ? -EPERM : 0};
	uint8_t key[2][BYTES_MAX];
	int rc;

	for (unsigned i = 0; i < 2; i++) {
		plan.index[i] = fuzz_below(bytes, m.span);
		plan.present[i] = how >> i & 1;
		plan.number[i] = how * UINT64_C(0x0101010101010101) + i;
		key_of(plan.index[i], key[i]);
	}
	if (pair && plan.index[0] == plan.index[1])
		return;
	rc = pair ? pawl_map_pair(m.map, hash_of_index(plan.index[0]), key[0],
				  hash_of_index(plan.index[1]), key[1], update_pair, &plan)
		  : pawl_map_upsert(m.map, hash_of_index(plan.index[0]), key[0], update, &plan);
	if (no_memory(rc)) {
		FUZZ_CHECK(!plan.called);
		return;
	}
	FUZZ_CHECK(rc == plan.result);
	FUZZ_CHECK(plan.called == 1u + pair);
	for (unsigned i = 0; i < 1u + pair; i++) {
		/* Refused: what was in stays in, changed; what was not stays out. */
		if (!plan.result)
			set(plan.index[i], plan.present[i], plan.number[i]);
		else if (m.present[plan.index[i]])
			set(plan.index[i], true, plan.number[i]);
	}
}

static void small_step(struct fuzz_bytes *bytes, unsigned op)
{
	unsigned index = fuzz_below(bytes, m.span);

	switch (op) {
	case 0:
	case 1:
	case 2:
	case 3:
		put_in(index, op, fuzz_u8(bytes) * UINT64_C(0x9e3779b97f4a7c15) >> 3);
		break;
	case 4:
	case 5:
		take_out(index, op == 4);
		break;
	default:
		replace(index, fuzz_u8(bytes) * UINT64_C(0xc2b2ae3d27d4eb4f));
		break;
	}
}

/*
 * A scan with changes between its calls: what was there all along comes, and comes once if no
 * table was built anew.
 */
static void scan(struct fuzz_bytes *bytes)
{
	static unsigned times[KEYS];
	static bool stayed[KEYS];
	struct pawl_map_cursor cursor = {0, 0, 0};
	struct pawl_map_stats before, after;
	uint8_t keys[8 * BYTES_MAX], values[8 * BYTES_MAX];
	unsigned max = 1 + fuzz_u8(bytes) % 8;
	bool change = fuzz_u8(bytes) & 1;
	size_t n;

	memset(times, 0, sizeof(times));
	memcpy(stayed, m.present, sizeof(stayed));
	pawl_map_stats_read(m.map, &before);
	while ((n = pawl_map_scan(m.map, &cursor, max, keys, values)) != 0) {
		FUZZ_CHECK(n <= max);
		for (size_t i = 0; i < n; i++) {
			unsigned index = index_of(keys + i * m.key_bytes);

			FUZZ_CHECK(m.present[index]);
			check_value(values + i * m.value_bytes, m.value[index]);
			times[index]++;
		}
		if (change && fuzz_more(bytes)) {
			small_step(bytes, fuzz_u8(bytes) % 7);
			for (unsigned i = 0; i < m.span; i++)
				stayed[i] &= m.present[i];
		}
	}
	pawl_map_stats_read(m.map, &after);
	for (unsigned i = 0; i < m.span; i++) {
		FUZZ_CHECK(!stayed[i] || times[i]);
		FUZZ_CHECK(!stayed[i] || times[i] == 1 || after.rebuilds != before.rebuilds);
	}
	FUZZ_CHECK(pawl_map_scan(m.map, &cursor, max, keys, values) == 0);
}

static void drained(const void *key, void *value, void *arg)
{
	unsigned index = index_of(key);

	(void)arg;
	FUZZ_CHECK(m.present[index]);
	check_value(value, m.value[index]);
	set(index, false, 0);
}

static void drain(void)
{
	struct pawl_map_drain_state state = PAWL_MAP_DRAIN_INIT;
	uint64_t had = m.count;

	FUZZ_CHECK(pawl_map_drain(m.map, &state, drained, NULL) == had);
	FUZZ_CHECK(m.count == 0);
	FUZZ_CHECK(pawl_map_drain(m.map, &state, drained, NULL) == 0);
}

static void look(void)
{
	struct pawl_map_stats stats;

	FUZZ_CHECK(pawl_map_count(m.map) == m.count);
	pawl_map_stats_read(m.map, &stats);
	FUZZ_CHECK(stats.entries == m.count && stats.slots >= m.count);
	for (unsigned i = 0; i < m.span; i++)
		check_get(i);
}

/* Many at once, in or out: fuzzers are slow to repeat themselves. */
static void many(struct fuzz_bytes *bytes, bool in)
{
	unsigned index = fuzz_below(bytes, m.span), stride = fuzz_u8(bytes);

	for (unsigned n = fuzz_u8(bytes); n--; index = (index + stride) % m.span) {
		if (in)
			put_in(index, 1, index);
		else
			take_out(index, false);
	}
}

static void step(struct fuzz_bytes *bytes, unsigned op)
{
	switch (op) {
	case 7:
		upsert(bytes, false);
		break;
	case 8:
		upsert(bytes, true);
		break;
	case 9:
		scan(bytes);
		break;
	case 10:
		if (fuzz_u8(bytes) % 4 == 0)
			drain();
		break;
	case 11:
		(void)!no_memory(pawl_map_shrink(m.map));
		break;
	case 12:
	case 13:
		many(bytes, true);
		break;
	case 14:
		many(bytes, false);
		break;
	case 15:
		look();
		break;
	default:
		small_step(bytes, op);
		break;
	}
}

static void run(struct fuzz_bytes *bytes)
{
	unsigned shape = fuzz_u8(bytes), more = fuzz_u8(bytes);
	struct pawl_map_options options = {.size = sizeof(options), .hash = hash_of};
	int rc;

	memset(&m, 0, sizeof(m));
	options.key_bytes = m.key_bytes = sizes[shape % 8].key;
	options.value_bytes = m.value_bytes = sizes[shape % 8].value;
	options.shards = 1u << (more & 3);
	options.capacity = more & 4 ? 200 : 0;
	m.hash_kind = shape >> 3 & 7;
	m.span = shape & 0x40 ? KEYS : 24;
	fuzz_alloc_fail(more & 8 ? 1 + (more >> 4) : 0);
	rc = pawl_map_create(&options, &m.map);
	if (no_memory(rc))
		return;
	FUZZ_CHECK(rc == 0);
	while (fuzz_more(bytes)) {
		unsigned op = fuzz_u8(bytes);

		fuzz_alloc_fail((op & 0xc0) == 0xc0 ? 1 + (op >> 5 & 1) : 0);
		step(bytes, op & 15);
		fuzz_alloc_fail(0);
	}
	look();
	pawl_map_destroy(m.map);
}

const struct fuzz_target fuzz_target = {.name = "map", .run = run, .attach = true};
