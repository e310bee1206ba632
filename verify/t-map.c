/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/map.c. All of a shard is plain memory under its lock, so a missing lock is a
 * race; what is left to show is that calls are atomic as a whole. Hashes are all alike unless
 * said otherwise.
 *
 *  history-*        get, insert, put, entry, replace, remove, linearizable; with growth
 *  entry-entry      one of two gets its value in, both get that one
 *  upsert-upsert    two read-modify-writes, none is lost
 *  upsert-fails     a failing function leaves the key out, and its neighbours alone
 *  pair-order       two keys in two shards, from both sides: no deadlock, nothing is lost
 *  pair-same-shard  the same in one shard
 *  pair-get         nobody sees one half
 *  scan-insert, -grow, -remove, -drain  what stays is seen
 *  drain-drain, drain-insert            two threads take shards; what comes later stays
 *  shrink-get, count, components, components-remove
 */
#include "scenario.h"

#include <errno.h>

#define FILL 16
#define KEYS 40

static struct pawl_map *map;
static struct pawl_map_drain_state drain;
static struct pawl_atomic_u32 wins;
static unsigned seen[KEYS];

/* Keys 4 and 5 are in shard 1 of two. */
static uint64_t hash_of_key(uint64_t key)
{
	return UINT64_C(0x00005a0000000000) | (key == 4 || key == 5 ? UINT64_C(1) << 63 : 0);
}

static uint64_t hash_of(const void *key)
{
	return hash_of_key(*(const uint64_t *)key);
}

enum { GET, INSERT, PUT, ENTRY, REPLACE, REMOVE };

/* One call, recorded. A value is never 0. Returns the value that it tells, or 0. */
static uint64_t call(unsigned op, uint64_t key, uint64_t value)
{
	uint64_t hash = hash_of_key(key), out = 0, did = 0;
	int ret = 0;

	mc_call(op, key, value);
	switch (op) {
	case GET:
		did = pawl_map_get(map, hash, &key, &out);
		break;
	case INSERT:
		ret = pawl_map_insert(map, hash, &key, &value);
		did = !ret;
		break;
	case PUT:
		ret = pawl_map_put(map, hash, &key, &value);
		did = ret == 1;
		break;
	case ENTRY:
		ret = pawl_map_entry(map, hash, &key, &value, &out);
		did = ret == 1;
		break;
	case REPLACE:
		did = pawl_map_replace(map, hash, &key, &value, &out);
		break;
	default:
		did = pawl_map_remove(map, hash, &key, &out);
	}
	mc_return(did, out);
	mc_assert(ret >= 0 || ret == -EEXIST);
	return out;
}

static bool map_step(void *state, const struct mc_op *op)
{
	uint8_t *value = (uint8_t *)state + op->arg[0];
	uint8_t was = *value, out = was, did = was != 0;
	bool ended = op->ret != UINT64_MAX;

	if (op->op == INSERT || op->op == PUT || op->op == ENTRY) {
		did = !was;
		if (!was || op->op == PUT)
			*value = (uint8_t)op->arg[1];
		out = op->op == ENTRY ? *value : 0;
	} else if (op->op == REPLACE) {
		*value = was ? (uint8_t)op->arg[1] : 0;
	} else if (op->op == REMOVE) {
		*value = 0;
	}
	return !ended || (op->result[0] == did && op->result[1] == out);
}

static const struct mc_spec map_spec = {.name = "map", .state_bytes = 8, .step = map_step};

static void make(unsigned shards, unsigned capacity, unsigned fill)
{
	struct pawl_map_options options = PAWL_MAP_OPTIONS(uint64_t, uint64_t, hash_of);
	int err;

	options.shards = shards;
	options.capacity = capacity;
	err = pawl_map_create(&options, &map);
	mc_assert(err == 0);
	pawl_init_word(&wins, 0u);
	pawl_init_word(&drain.pawl_next, 0u);
	memset(seen, 0, sizeof(seen));
	scn_attach();
	for (uint64_t i = FILL; i < FILL + fill; i++) {
		err = pawl_map_insert(map, hash_of_key(i), &i, &i);
		mc_assert(err == 0);
	}
	pawl_thread_detach();
}

static void setup(void)
{
	make(1, 1, 0);
}

static void setup_full(void)
{
	make(1, 1, 7);
}

static void setup_three(void)
{
	make(1, 1, 3);
}

static void setup_thin(void)
{
	make(1, 26, 1);
}

static void setup_two(void)
{
	make(2, 14, 2);
}

static void finish(void)
{
	struct pawl_map_drain_state last = PAWL_MAP_DRAIN_INIT;
	struct pawl_map_stats stats;
	uint64_t count;

	scn_attach();
	pawl_map_stats_read(map, &stats);
	count = pawl_map_drain(map, &last, NULL, NULL);
	mc_assert(count == stats.entries);
	mc_assert(pawl_map_count(map) == 0);
	pawl_thread_detach();
	pawl_map_destroy(map);
}

static void put_get(void)
{
	call(PUT, 1, mc_thread() + 1);
	call(GET, 1, 0);
}

static void insert_remove(void)
{
	call(INSERT, 1, mc_thread() + 1);
	call(REMOVE, 1, 0);
}

static void replace_get(void)
{
	call(REPLACE, 1, mc_thread() + 1);
	call(GET, 1, 0);
}

static void insert_own_get(void)
{
	uint64_t key = 1 + mc_thread();

	call(INSERT, key, key);
	call(GET, 3 - key, 0);
}

static void entry_get(void)
{
	uint64_t got = call(ENTRY, 1, mc_thread() + 1);

	mc_assert(got == 1 || got == 2);
	mc_assert(call(GET, 1, 0) == got);
}

/* ---- functions under the lock ------------------------------------------ */

static int add(struct pawl_map_cell *cell, void *arg)
{
	uint64_t *value = cell->value;

	mc_assert(cell->present == (*value != 0));
	*value += *(uint64_t *)arg;
	cell->present = true;
	return 0;
}

static void upsert_own(void)
{
	uint64_t key = 1, by = mc_thread() + 1;
	int err = pawl_map_upsert(map, hash_of_key(key), &key, add, &by);

	mc_assert(err == 0);
}

static void finish_sum(void)
{
	uint64_t key = 1, value = 0;

	scn_attach();
	mc_assert(pawl_map_get(map, hash_of_key(key), &key, &value) && value == 3);
	pawl_thread_detach();
	finish();
}

static int refuse(struct pawl_map_cell *cell, void *arg)
{
	(void)arg;
	*(uint64_t *)cell->value = 99;
	cell->present = true;
	return -EINTR;
}

static void upsert_refused(void)
{
	uint64_t key = 1;
	int err = pawl_map_upsert(map, hash_of_key(key), &key, refuse, NULL);

	mc_assert(err == -EINTR);
}

static void get_nothing(void)
{
	uint64_t key = 1;

	mc_assert(!pawl_map_get(map, hash_of_key(key), &key, NULL));
	key = FILL + 1;
	mc_assert(pawl_map_get(map, hash_of_key(key), &key, NULL));
}

/* Moves one from the first to the second. */
static int move_one(struct pawl_map_cell cells[2], void *arg)
{
	uint64_t *from = cells[0].value, *to = cells[1].value;

	(void)arg;
	*from -= 1;
	*to += 1;
	cells[0].present = *from != 0;
	cells[1].present = *to != 0;
	return 0;
}

static void pair(uint64_t a, uint64_t b)
{
	int err = pawl_map_pair(map, hash_of_key(a), &a, hash_of_key(b), &b, move_one, NULL);

	mc_assert(err == 0);
}

static void pair_1_4(void)
{
	pair(1, 4);
}

static void pair_4_1(void)
{
	pair(4, 1);
}

static void pair_1_2(void)
{
	pair(1, 2);
}

static void pair_2_1(void)
{
	pair(2, 1);
}

static int see_pair(struct pawl_map_cell cells[2], void *arg)
{
	(void)arg;
	mc_assert(*(uint64_t *)cells[0].value + *(uint64_t *)cells[1].value == 0);
	mc_assert(cells[0].present == cells[1].present);
	return 0;
}

static void look_1_4(void)
{
	uint64_t a = 1, b = 4;
	int err = pawl_map_pair(map, hash_of_key(a), &a, hash_of_key(b), &b, see_pair, NULL);

	mc_assert(err == 0);
}

static void finish_balanced(void)
{
	scn_attach();
	mc_assert(pawl_map_count(map) == 2);
	pawl_thread_detach();
	finish();
}

/* ---- the whole map ----------------------------------------------------- */

static void scan(size_t step)
{
	struct pawl_map_cursor cursor = {0};
	uint64_t keys[4], values[4];
	size_t count;

	while ((count = pawl_map_scan(map, &cursor, step, keys, values))) {
		for (size_t i = 0; i < count; i++) {
			mc_assert(keys[i] == values[i] && keys[i] < KEYS);
			seen[keys[i]]++;
		}
	}
}

static void scan_seven(void)
{
	scan(4);
	for (unsigned i = FILL; i < FILL + 7; i++)
		mc_assert(seen[i] >= 1 && seen[i] <= 2);
}

static void scan_three_once(void)
{
	scan(4);
	for (unsigned i = FILL; i < FILL + 3; i++)
		mc_assert(seen[i] == 1);
}

static void scan_any(void)
{
	scan(2);
	for (unsigned i = 0; i < KEYS; i++)
		mc_assert(seen[i] <= 1);
}

static void insert_1(void)
{
	uint64_t key = 1;
	int err = pawl_map_insert(map, hash_of_key(key), &key, &key);

	mc_assert(err == 0);
}

static void remove_own_1(void)
{
	uint64_t key = FILL;

	mc_assert(pawl_map_remove(map, hash_of_key(key), &key, NULL));
}

static void gone(const void *key, void *value, void *arg)
{
	(void)arg;
	mc_assert(*(const uint64_t *)key == *(uint64_t *)value);
	pawl_add_relaxed(&wins, 1u);
}

static void drain_own(void)
{
	pawl_map_drain(map, &drain, gone, NULL);
}

static void finish_drained(void)
{
	mc_assert(pawl_load_relaxed(&wins) == 2);
	finish();
}

/* What was put in is in the map, or was drained. */
static void finish_drain_insert(void)
{
	scn_attach();
	mc_assert(pawl_load_relaxed(&wins) + pawl_map_count(map) == 3);
	pawl_thread_detach();
	finish();
}

static void shrink(void)
{
	int err = pawl_map_shrink(map);

	mc_assert(err == 0);
}

static void get_fill(void)
{
	uint64_t key = FILL, value;

	mc_assert(pawl_map_get(map, hash_of_key(key), &key, &value) && value == FILL);
}

static void count_all(void)
{
	uint64_t count = pawl_map_count(map);

	mc_assert(count == 3 || count == 4);
}

static bool match_twice(const void *key, const void *arg)
{
	return *(const uint64_t *)key * 2 == *(const uint64_t *)arg;
}

static void fill_half(void *key, void *value, const void *arg)
{
	*(uint64_t *)key = *(const uint64_t *)arg / 2;
	*(uint64_t *)value = *(const uint64_t *)arg / 2 + 100 * mc_thread();
}

static void by_components(void)
{
	uint64_t twice = 2, key, value, found;
	int ret = pawl_map_entry_by(map, hash_of_key(1), match_twice, fill_half, &twice, &value);

	mc_assert(ret == 0 || ret == 1);
	mc_assert(pawl_map_find(map, hash_of_key(1), match_twice, &twice, &key, &found));
	mc_assert(key == 1 && found == value);
}

static void remove_by_components(void)
{
	uint64_t twice, key, value;

	twice = 2 * (FILL + mc_thread());
	mc_assert(pawl_map_remove_by(map, hash_of_key(1), match_twice, &twice, &key, &value));
	mc_assert(key == FILL + mc_thread() && value == key);
}

#define SCENARIO(NAME, SETUP, FINISH, ...)                                             \
	{.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH, .no_spurious = true}
#define HISTORY(NAME, SETUP, ...)                                                      \
	{.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = finish,     \
	 .spec = &map_spec, .no_spurious = true}

static const struct mc_scenario scenarios[] = {
	HISTORY("history-put", setup, put_get, put_get),
	HISTORY("history-remove", setup, insert_remove, insert_remove),
	HISTORY("history-replace", setup, put_get, replace_get),
	HISTORY("history-mixed", setup, insert_remove, put_get),
	HISTORY("history-grow", setup_full, insert_own_get, insert_own_get),
	HISTORY("entry-entry", setup, entry_get, entry_get),
	SCENARIO("upsert-upsert", setup, finish_sum, upsert_own, upsert_own),
	SCENARIO("upsert-fails", setup_three, finish, upsert_refused, get_nothing),
	SCENARIO("pair-order", setup_two, finish_balanced, pair_1_4, pair_4_1),
	SCENARIO("pair-same-shard", setup_two, finish_balanced, pair_1_2, pair_2_1),
	SCENARIO("pair-get", setup_two, finish, pair_1_4, look_1_4),
	SCENARIO("scan-grow", setup_full, finish, scan_seven, insert_1),
	SCENARIO("scan-insert", setup_three, finish, scan_three_once, insert_1),
	SCENARIO("scan-remove", setup_three, finish, scan_any, remove_own_1),
	SCENARIO("scan-drain", setup_three, finish, scan_any, drain_own),
	SCENARIO("drain-drain", setup_two, finish_drained, drain_own, drain_own),
	SCENARIO("drain-insert", setup_two, finish_drain_insert, drain_own, insert_1),
	SCENARIO("shrink-get", setup_thin, finish, shrink, get_fill),
	SCENARIO("count", setup_three, finish, count_all, insert_1),
	SCENARIO("components", setup_three, finish, by_components, by_components),
	SCENARIO("components-remove", setup_three, finish, remove_by_components, by_components),
};
MC_MAIN(scenarios)
