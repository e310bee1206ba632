/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/rmap.c. They check the argument that look-ups need neither versions nor retries:
 * histories of look-ups and changes are linearizable, for each way in which an array is changed or
 * replaced under a reader. All keys have the same hash unless said otherwise, so they are in one
 * probe run; seven fill a group, an eighth makes a table of one group grow or goes on to
 * the next group. An entry that a reader finds is alive (its mark; the checker's heap).
 *
 *  get-insert, -remove, -replace      one change beside two look-ups
 *  get-remove-insert, -insert-remove  two changes of one key
 *  get-3, get-grow-3, get-refill-3    a third thread
 *  get-two                            two keys of a run, both changed
 *  get-overflow                       the key goes to a second group, with marks before it
 *  get-mark                           the first group fills up, then the next key marks it
 *  get-refill                         the key moves from the second group to the first, by removal
 *                                     and insertion
 *  get-grow, -data, -large            the insertion builds a larger table
 *  get-purge                          the insertion builds one of the same size
 *  get-shrink, shrink-drift, -empty, get-drain the table is replaced by a smaller one, by none
 *  grow-remove                        a reader in the old table, a removal in the new one
 *  slot-reuse                         removed, retired, another key in its slot
 *  scan-insert, -remove, -grow, -drain  a scan in small steps beside a writer
 *  insert-insert, entry-entry, entry-remove, remove-remove, replace-remove, update-update
 *                                     the same key from two writers
 *  remove-entry                       that very entry, beside a replacement
 *  entry-grow                         two keys put in when there is room for one
 *  data, replace-data, update-data    what was done to the entry before is seen (plain memory)
 *  pairs, pairs-insert                two keys in two shards, from both sides
 *  drain-drain                        two threads take shards
 *  count                              counting and figures beside a writer
 *  components                         look-up and entry by another comparison
 */
#include "scenario.h"

#include <errno.h>

#define ALIVE 0x600dU
#define DEAD  0xdeadU

#define POOL  48
#define FILL  16 /* the first of those that only take room */
#define HASH  UINT64_C(0x00005a0000000000)

struct entry {
	struct pawl_retire_node node;
	unsigned key;
	unsigned mark;
	unsigned data;
};

static struct pawl_rmap *map;
static struct entry pool[POOL];
static struct pawl_atomic_u32 wins, told;
static struct pawl_rmap_drain_state drain;
static unsigned seen[POOL];

/* Shard 1 of two for keys 4 and 5, else all alike. */
static uint64_t hash_of_key(unsigned key)
{
	return key == 4 || key == 5 ? HASH | UINT64_C(1) << 63 : HASH;
}

static bool match(const void *entry, const void *key)
{
	const struct entry *e = entry;

	mc_assert(e->mark == ALIVE);
	return e->key == *(const unsigned *)key;
}

static uint64_t hash_of(const void *entry)
{
	return hash_of_key(((const struct entry *)entry)->key);
}

/* ---- calls, recorded --------------------------------------------------- */

enum { GET, INSERT, REMOVE, REPLACE, ENTRY };

/* Entry i of the pool has value i + 1; 0: none. */
static unsigned value_of(const void *entry)
{
	return entry ? (unsigned)((const struct entry *)entry - pool) + 1 : 0;
}

static unsigned get(unsigned key)
{
	unsigned value;

	mc_call(GET, key, 0);
	pawl_rcu_begin();
	value = value_of(pawl_rmap_get(map, hash_of_key(key), &key));
	pawl_rcu_end();
	mc_return(value, 0);
	return value;
}

static void *prepare(unsigned i, unsigned key)
{
	pool[i].key = key;
	pool[i].mark = ALIVE;
	pool[i].data = i + 7;
	return &pool[i];
}

/* Entry `i` of the pool under `key`. */
static int insert(unsigned key, unsigned i)
{
	int ret;

	prepare(i, key);
	mc_call(INSERT, key, i + 1);
	ret = pawl_rmap_insert(map, hash_of_key(key), &key, &pool[i]);
	mc_return(ret == 0, 0);
	mc_assert(ret == 0 || ret == -EEXIST);
	return ret;
}

static unsigned remove_key(unsigned key)
{
	unsigned value;

	mc_call(REMOVE, key, 0);
	value = value_of(pawl_rmap_remove(map, hash_of_key(key), &key));
	mc_return(value, 0);
	return value;
}

static unsigned replace(unsigned key, unsigned i)
{
	unsigned value;

	prepare(i, key);
	mc_call(REPLACE, key, i + 1);
	value = value_of(pawl_rmap_replace(map, hash_of_key(key), &key, &pool[i]));
	mc_return(value, 0);
	return value;
}

static unsigned find_or_insert(unsigned key, unsigned i)
{
	void *entry;
	int ret;

	prepare(i, key);
	mc_call(ENTRY, key, i + 1);
	pawl_rcu_begin();
	ret = pawl_rmap_entry(map, hash_of_key(key), &key, &pool[i], &entry);
	mc_assert(ret == 0 || ret == 1);
	mc_assert((ret == 1) == (entry == &pool[i]));
	pawl_rcu_end();
	mc_return(value_of(entry), 0);
	return value_of(entry);
}

/* What a map is: a value for each key. */
static bool map_step(void *state, const struct mc_op *op)
{
	uint8_t *value = (uint8_t *)state + op->arg[0];
	uint8_t was = *value;
	bool ended = op->ret != UINT64_MAX;

	switch (op->op) {
	case GET:
		return !ended || op->result[0] == was;
	case INSERT:
		if (!was)
			*value = (uint8_t)op->arg[1];
		return !ended || op->result[0] == !was;
	case REMOVE:
		*value = 0;
		return !ended || op->result[0] == was;
	case REPLACE:
		if (was)
			*value = (uint8_t)op->arg[1];
		return !ended || op->result[0] == was;
	default:
		if (!was)
			*value = (uint8_t)op->arg[1];
		return !ended || op->result[0] == *value;
	}
}

static const struct mc_spec map_spec = {.name = "map", .state_bytes = 8, .step = map_step};

/* ---- setting up -------------------------------------------------------- */

static void make(unsigned shards, unsigned capacity, unsigned fill)
{
	struct pawl_rmap_options options = PAWL_RMAP_OPTIONS(match, hash_of);
	int err;

	options.shards = shards;
	options.capacity = capacity;
	err = pawl_rmap_create(&options, &map);
	mc_assert(err == 0);
	pawl_init_word(&wins, 0u);
	pawl_init_word(&told, 0u);
	pawl_init_word(&drain.pawl_next, 0u);
	memset(seen, 0, sizeof(seen));
	memset(pool, 0, sizeof(pool));
	scn_attach();
	for (unsigned i = FILL; i < FILL + fill; i++) {
		err = pawl_rmap_insert(map, HASH, &i, prepare(i, i));
		mc_assert(err == 0);
	}
	pawl_thread_detach();
}

/* One group, with room. */
static void setup(void)
{
	make(1, 1, 0);
}

/* One group that is full: an insertion grows. */
static void setup_full(void)
{
	make(1, 1, 7);
}

/* Four groups that are full. */
static void setup_large(void)
{
	make(1, 25, 25);
}

/* Two groups; with one more the first is full. */
static void setup_six(void)
{
	make(1, 13, 6);
}

/* Two groups, the first of which is full. */
static void setup_overflow(void)
{
	make(1, 13, 7);
}

/* Key 1 is in the second group, the first is full. */
static void setup_second(void)
{
	unsigned key = 1;
	int err;

	make(1, 13, 7);
	scn_attach();
	err = pawl_rmap_insert(map, HASH, &key, prepare(0, key));
	mc_assert(err == 0);
	pawl_thread_detach();
}

/* Two groups, two entries, and no room left: an insertion clears out. */
static void setup_drift(void)
{
	int err;

	make(1, 13, 8);
	scn_attach();
	for (unsigned turn = 0; turn < 5; turn++) {
		unsigned key = FILL + 2;

		mc_assert(pawl_rmap_remove(map, HASH, &key) == &pool[key]);
		err = pawl_rmap_insert(map, HASH, &key, &pool[key]);
		mc_assert(err == 0);
	}
	for (unsigned key = FILL + 2; key < FILL + 8; key++)
		if (key != FILL + 7)
			mc_assert(pawl_rmap_remove(map, HASH, &key) == &pool[key]);
	/* The eighth is in the second group, where a removal gives back room: so it stays. */
	pawl_thread_detach();
}


static void entry_gone(void *entry, void *arg)
{
	struct entry *e = entry;

	(void)arg;
	mc_assert(e->mark == ALIVE);
	pawl_add_relaxed(&wins, 1u);
}

/* What is left is found by keys, and is as many as there are. */
static void finish(void)
{
	struct pawl_rmap_drain_state last = PAWL_RMAP_DRAIN_INIT;
	struct pawl_rmap_stats stats;
	uint64_t count;

	scn_attach();
	pawl_rmap_stats_read(map, &stats);
	count = pawl_rmap_count(map);
	mc_assert(stats.entries == count);
	pawl_rcu_begin();
	for (unsigned i = 0; i < POOL; i++) {
		unsigned key = pool[i].key;

		if (pawl_rmap_get(map, hash_of_key(key), &key) == &pool[i])
			count--;
	}
	pawl_rcu_end();
	mc_assert(count == 0);
	count = pawl_rmap_drain(map, &last, entry_gone, NULL);
	mc_assert(count == stats.entries);
	pawl_thread_detach();
	pawl_rmap_destroy(map);
}

/* ---- look-ups beside changes ------------------------------------------- */

static void get_1_twice(void)
{
	get(1);
	get(1);
}

static void get_1_2(void)
{
	get(1);
	get(2);
}

static void get_fill(void)
{
	unsigned key = FILL + 6;

	pawl_rcu_begin();
	mc_assert(pawl_rmap_get(map, HASH, &key) == &pool[key]);
	pawl_rcu_end();
	get(1);
}

/* In one section: what is found first is still there to be looked at. */
static void get_1_section(void)
{
	unsigned key = 1;
	const struct entry *first_rcu, *second_rcu;

	pawl_rcu_begin();
	first_rcu = pawl_rmap_get(map, HASH, &key);
	second_rcu = pawl_rmap_get(map, HASH, &key);
	if (first_rcu)
		mc_assert(first_rcu->mark == ALIVE);
	if (second_rcu)
		mc_assert(second_rcu->mark == ALIVE && second_rcu->data == 7);
	pawl_rcu_end();
}

static void insert_1(void)
{
	insert(1, 0);
}

static void insert_1_as_own(void)
{
	insert(1, mc_thread());
}


static void replace_1(void)
{
	replace(1, 8);
}

static void remove_insert_1(void)
{
	remove_key(1);
	insert(1, 8);
}

static void insert_remove_1(void)
{
	insert(1, 0);
	remove_key(1);
}

static void insert_1_2(void)
{
	insert(1, 0);
	insert(2, 1);
}

/* The second one goes on to the next group, and marks the first. */
static void insert_2_1(void)
{
	insert(2, 1);
	insert(1, 0);
}

/* Makes room in the first group, then the key comes back there. */
static void refill(void)
{
	unsigned key = FILL + 3;

	mc_assert(remove_key(1) == 1);
	mc_assert(pawl_rmap_remove(map, HASH, &key) == &pool[key]);
	insert(1, 8);
}

static void setup_with_1(void)
{
	unsigned key = 1;
	int err;

	make(1, 1, 0);
	scn_attach();
	err = pawl_rmap_insert(map, HASH, &key, prepare(0, key));
	mc_assert(err == 0);
	pawl_thread_detach();
}

/* The history begins with what setup put in. */
static void known_1(void)
{
	mc_call(INSERT, 1, 1);
	mc_return(1, 0);
	pawl_store_release(&told, 1u);
}

static void get_1_when_told(void)
{
	scn_await(&told, 1);
	get(1);
	get(1);
}

static void known_remove_1(void)
{
	known_1();
	remove_key(1);
}

static void known_replace_1(void)
{
	known_1();
	replace_1();
}

static void known_remove_insert_1(void)
{
	known_1();
	remove_insert_1();
}

static void known_refill(void)
{
	known_1();
	refill();
}

static void shrink(void)
{
	int err = pawl_rmap_shrink(map);

	mc_assert(err == 0);
}

static void known_shrink_remove(void)
{
	known_1();
	shrink();
	remove_key(1);
}

static void setup_thin(void)
{
	unsigned key = 1;
	int err;

	make(1, 13, 0);
	scn_attach();
	err = pawl_rmap_insert(map, HASH, &key, prepare(0, key));
	mc_assert(err == 0);
	pawl_thread_detach();
}

/* Shard 1 becomes empty, and is then passed by. */
static void shrink_twice(void)
{
	shrink();
	shrink();
}

static void setup_half_empty(void)
{
	make(2, 14, 2);
}

static void entry_drained(void *entry, void *arg)
{
	*(unsigned *)arg = value_of(entry);
}

static void known_drain(void)
{
	unsigned value = 0;

	known_1();
	mc_call(REMOVE, 1, 0);
	pawl_rmap_drain(map, &drain, entry_drained, &value);
	mc_return(value, 0);
	insert(1, 8);
}

static void grow_remove(void)
{
	insert(1, 0);
	remove_key(1);
	insert(2, 1);
}

static void finish_grown(void)
{
	struct pawl_rmap_stats stats;

	scn_attach();
	pawl_rmap_stats_read(map, &stats);
	mc_assert(stats.slots == 14);
	pawl_thread_detach();
	finish();
}

/* A table of the same size took the old one's place. */
static void finish_purged(void)
{
	struct pawl_rmap_stats stats;

	scn_attach();
	pawl_rmap_stats_read(map, &stats);
	mc_assert(stats.rebuilds == 1);
	pawl_thread_detach();
	finish_grown();
}

static void remove_1(void)
{
	remove_key(1);
}

/* ---- a slot's next occupant -------------------------------------------- */

static struct entry *heap_entry;

static void setup_reuse(void)
{
	unsigned key = 1;
	int err;

	make(1, 1, 0);
	heap_entry = scn_alloc(sizeof(*heap_entry));
	heap_entry->key = 1;
	heap_entry->mark = ALIVE;
	heap_entry->data = 7;
	scn_attach();
	err = pawl_rmap_insert(map, HASH, &key, heap_entry);
	mc_assert(err == 0);
	pawl_thread_detach();
}

static void heap_free(struct pawl_retire_node *node)
{
	struct entry *e = PAWL_CONTAINER_OF(node, struct entry, node);

	e->mark = DEAD;
	pawl_mem_free(e, sizeof(*e), 0);
}

static void reuse_slot(void)
{
	unsigned key = 1;
	struct entry *e = pawl_rmap_remove(map, HASH, &key);
	int err;

	mc_assert(e == heap_entry);
	(void)pawl_retire(&e->node, sizeof(*e), heap_free);
	pawl_store_release(&told, 1u);
	key = 2;
	err = pawl_rmap_insert(map, HASH, &key, prepare(1, 2));
	mc_assert(err == 0);
	pawl_retire_flush();
}

/* What was removed before is not found any more, not even in the slot's old value. */
static void get_after_removal(void)
{
	bool removed = pawl_load_acquire(&told);
	unsigned key = 1;

	pawl_rcu_begin();
	if (removed)
		mc_assert(!pawl_rmap_get(map, HASH, &key));
	else
		get_1_section();
	pawl_rcu_end();
}

/* ---- scans ------------------------------------------------------------- */

static void scan(size_t step)
{
	struct pawl_rmap_cursor cursor = {0};
	void *entries[4];
	size_t count;

	for (;;) {
		pawl_rcu_begin();
		count = pawl_rmap_scan(map, &cursor, step, entries);
		for (size_t i = 0; i < count; i++) {
			const struct entry *e_rcu = entries[i];

			mc_assert(e_rcu->mark == ALIVE);
			seen[value_of(e_rcu) - 1]++;
		}
		pawl_rcu_end();
		if (!count)
			return;
	}
}

static void scan_by_4(void)
{
	scan(4);
	for (unsigned i = FILL; i < FILL + 7; i++)
		mc_assert(seen[i] >= 1 && seen[i] <= 2);
}

static void setup_three(void)
{
	make(1, 1, 3);
}

static void scan_three_once(void)
{
	scan(2);
	for (unsigned i = FILL; i < FILL + 3; i++)
		mc_assert(seen[i] == 1);
	mc_assert(seen[0] <= 1);
}

static void scan_some(void)
{
	scan(2);
	for (unsigned i = 0; i < POOL; i++)
		mc_assert(seen[i] <= 1);
}

static void plain_insert_1(void)
{
	unsigned key = 1;
	int err = pawl_rmap_insert(map, HASH, &key, prepare(0, 1));

	mc_assert(err == 0);
}

static void plain_insert_remove_1(void)
{
	unsigned key = 1;

	plain_insert_1();
	mc_assert(pawl_rmap_remove(map, HASH, &key) == &pool[0]);
}

static void plain_drain(void)
{
	uint64_t count = pawl_rmap_drain(map, &drain, entry_gone, NULL);

	mc_assert(count == 3);
}

/* ---- two writers ------------------------------------------------------- */

static void insert_own(void)
{
	if (insert(1, mc_thread()) == 0)
		pawl_add_relaxed(&wins, 1u);
}

static void finish_one_win(void)
{
	mc_assert(pawl_load_relaxed(&wins) == 1);
	finish();
}

static void entry_own(void)
{
	unsigned got = find_or_insert(1, mc_thread());

	mc_assert(get(1) == got);
}

static void entry_own_once(void)
{
	find_or_insert(1, mc_thread());
}

static void insert_then_remove_own(void)
{
	find_or_insert(1, mc_thread());
	remove_key(1);
}

static void remove_counted(void)
{
	unsigned key = 1;

	if (pawl_rmap_remove(map, HASH, &key))
		pawl_add_relaxed(&wins, 1u);
}

static void replace_counted(void)
{
	unsigned key = 1;

	if (pawl_rmap_replace(map, HASH, &key, prepare(8, 1)))
		pawl_add_relaxed(&told, 1u);
}

static void remove_that_entry(void)
{
	if (pawl_rmap_remove_entry(map, HASH, &pool[0]))
		pawl_add_relaxed(&wins, 1u);
}

/* Replaced or removed, not both: the entry has one new owner. */
static void finish_one_owner(void)
{
	mc_assert(pawl_load_relaxed(&wins) + pawl_load_relaxed(&told) == 1);
	finish();
}

static void finish_removed(void)
{
	mc_assert(pawl_load_relaxed(&wins) == 1);
	mc_assert(pawl_rmap_count(map) == 0);
	finish();
}

/* Each takes out what it finds and puts in its own, with what the other had counted. */
static void *count_up(void *entry, void *arg)
{
	struct entry *fresh = arg;

	fresh->data = (entry ? ((struct entry *)entry)->data : 0) + 1;
	return fresh;
}

static void update_own(void)
{
	unsigned key = 1;
	void *old;
	int err = pawl_rmap_update(map, HASH, &key, count_up, prepare(mc_thread(), 1), &old);

	mc_assert(err == 0);
}

static void finish_updated(void)
{
	unsigned key = 1;
	struct entry *e;

	scn_attach();
	pawl_rcu_begin();
	e = pawl_rmap_get(map, HASH, &key);
	mc_assert(e && e->data == 2);
	pawl_rcu_end();
	pawl_thread_detach();
	finish();
}

static void insert_own_key(void)
{
	int ret = insert(1 + mc_thread(), mc_thread());

	mc_assert(ret == 0);
	mc_assert(get(1 + mc_thread()) == mc_thread() + 1);
}

/* ---- data -------------------------------------------------------------- */

static void get_data(void)
{
	unsigned key = 1;
	const struct entry *e_rcu;

	pawl_rcu_begin();
	e_rcu = pawl_rmap_get(map, HASH, &key);
	if (e_rcu)
		mc_assert(e_rcu->data == value_of(e_rcu) + 6);
	pawl_rcu_end();
}

static void plain_replace_1(void)
{
	unsigned key = 1;

	mc_assert(pawl_rmap_replace(map, HASH, &key, prepare(8, 1)) == &pool[0]);
}

static void *give(void *entry, void *arg)
{
	(void)entry;
	return arg;
}

static void plain_update_1(void)
{
	unsigned key = 1;
	void *old;
	int err = pawl_rmap_update(map, HASH, &key, give, prepare(8, 1), &old);

	mc_assert(err == 0 && old == &pool[0]);
	err = pawl_rmap_update(map, HASH, &key, give, NULL, &old);
	mc_assert(err == 0 && old == &pool[8]);
	err = pawl_rmap_update(map, HASH, &key, give, NULL, &old);
	mc_assert(err == 0 && !old);
}

/* ---- pairs, drains, counts, components --------------------------------- */

static void swap(void *entries[2], void *arg)
{
	unsigned turn = *(unsigned *)arg;

	/* Exactly one of the two keys is there, whoever looks. */
	mc_assert(!entries[0] != !entries[1]);
	if (entries[0]) {
		entries[0] = NULL;
		entries[1] = prepare(8 + turn, 4);
	} else {
		entries[0] = prepare(8 + turn, 1);
		entries[1] = NULL;
	}
}

static void swap_back(void *entries[2], void *arg)
{
	void *other[2] = {entries[1], entries[0]};

	swap(other, arg);
	entries[0] = other[1];
	entries[1] = other[0];
}

static void pair_1_4(void)
{
	unsigned a = 1, b = 4, turn = 0;
	int err = pawl_rmap_pair(map, hash_of_key(a), &a, hash_of_key(b), &b, swap, &turn);

	mc_assert(err == 0);
}

static void pair_4_1(void)
{
	unsigned a = 4, b = 1, turn = 1;
	int err = pawl_rmap_pair(map, hash_of_key(a), &a, hash_of_key(b), &b, swap_back, &turn);

	mc_assert(err == 0);
}

/* Both or none. */
static void toggle_two(void *entries[2], void *arg)
{
	unsigned i = *(unsigned *)arg;

	mc_assert(!entries[0] == !entries[1]);
	entries[0] = entries[0] ? NULL : prepare(i, 1);
	entries[1] = entries[1] ? NULL : prepare(i + 1, 4);
}

static void pair_toggle(void)
{
	unsigned a = 1, b = 4, i = 2 * mc_thread();
	int err = pawl_rmap_pair(map, hash_of_key(a), &a, hash_of_key(b), &b, toggle_two, &i);

	mc_assert(err == 0);
}

static void setup_pairs_empty(void)
{
	make(2, 14, 0);
}

static void setup_pairs(void)
{
	unsigned key = 1;
	int err;

	make(2, 14, 0);
	scn_attach();
	err = pawl_rmap_insert(map, HASH, &key, prepare(0, 1));
	mc_assert(err == 0);
	pawl_thread_detach();
}

static void get_either(void)
{
	unsigned a = 1, b = 4;

	pawl_rcu_begin();
	(void)pawl_rmap_get(map, hash_of_key(a), &a);
	(void)pawl_rmap_get(map, hash_of_key(b), &b);
	pawl_rcu_end();
}

static void setup_drain(void)
{
	unsigned key = 4;
	int err;

	make(2, 0, 2);
	scn_attach();
	err = pawl_rmap_insert(map, hash_of_key(key), &key, prepare(0, key));
	mc_assert(err == 0);
	pawl_thread_detach();
}

static void drain_own(void)
{
	uint64_t count = pawl_rmap_drain(map, &drain, entry_gone, NULL);

	mc_assert(count <= 3);
}

static void finish_drained(void)
{
	mc_assert(pawl_load_relaxed(&wins) == 3);
	mc_assert(pawl_rmap_count(map) == 0);
	finish();
}

static void count_all(void)
{
	struct pawl_rmap_stats stats;
	uint64_t count = pawl_rmap_count(map);

	mc_assert(count == 3 || count == 4);
	pawl_rmap_stats_read(map, &stats);
	mc_assert(stats.entries == 3 || stats.entries == 4);
	mc_assert(stats.slots == 7 && stats.shards == 1);
}

static bool match_data(const void *entry, const void *data)
{
	return ((const struct entry *)entry)->data == *(const unsigned *)data;
}

static void by_components(void)
{
	unsigned data = FILL + 1 + 7, other = 7;
	void *entry;
	int ret;

	pawl_rcu_begin();
	mc_assert(pawl_rmap_get_by(map, HASH, match_data, &data) == &pool[FILL + 1]);
	ret = pawl_rmap_entry_by(map, HASH, match_data, &other, prepare(0, 1), &entry);
	mc_assert(ret == 1 && entry == &pool[0]);
	ret = pawl_rmap_entry_by(map, HASH, match_data, &other, prepare(1, 1), &entry);
	mc_assert(ret == 0 && entry == &pool[0]);
	pawl_rcu_end();
	mc_assert(pawl_rmap_remove_by(map, HASH, match_data, &other) == &pool[0]);
}

#define SCENARIO(NAME, SETUP, FINISH, ...)                                             \
	{.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH, .no_spurious = true}
#define HISTORY(NAME, SETUP, FINISH, ...)                                              \
	{.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH,     \
	 .spec = &map_spec, .no_spurious = true}

static const struct mc_scenario scenarios[] = {
	HISTORY("get-insert", setup, finish, get_1_twice, insert_1),
	HISTORY("get-remove", setup_with_1, finish, get_1_when_told, known_remove_1),
	HISTORY("get-replace", setup_with_1, finish, get_1_when_told, known_replace_1),
	HISTORY("get-insert-remove", setup, finish, get_1_twice, insert_remove_1),
	HISTORY("get-remove-insert", setup_with_1, finish, get_1_when_told, known_remove_insert_1),
	HISTORY("get-3", setup, finish, get_1_2, insert_1_2, remove_1),
	HISTORY("get-grow-3", setup_full, finish, get_1_2, insert_1_2, remove_1),
	HISTORY("get-refill-3", setup_second, finish, get_1_when_told, known_refill, get_1_when_told),
	HISTORY("get-two", setup, finish, get_1_2, insert_1_2),
	HISTORY("get-overflow", setup_overflow, finish, get_1_twice, insert_remove_1),
	HISTORY("get-mark", setup_six, finish, get_1_2, insert_2_1),
	HISTORY("get-refill", setup_second, finish, get_1_when_told, known_refill),
	HISTORY("get-grow", setup_full, finish_grown, get_fill, insert_1),
	SCENARIO("get-grow-large", setup_large, finish, get_data, plain_insert_1),
	SCENARIO("get-grow-data", setup_full, finish_grown, get_data, plain_insert_1),
	HISTORY("get-purge", setup_drift, finish_purged, get_1_twice, insert_1_2),
	HISTORY("get-shrink", setup_thin, finish, get_1_when_told, known_shrink_remove),
	SCENARIO("shrink-drift", setup_drift, finish_purged, get_data, shrink),
	SCENARIO("shrink-empty", setup_half_empty, finish, get_either, shrink_twice),
	HISTORY("get-drain", setup_with_1, finish, get_1_when_told, known_drain),
	HISTORY("grow-remove", setup_full, finish, get_1_2, grow_remove),
	SCENARIO("slot-reuse", setup_reuse, finish, get_after_removal, reuse_slot),
	SCENARIO("scan-insert", setup_three, finish, scan_three_once, plain_insert_1),
	SCENARIO("scan-remove", setup_three, finish, scan_three_once, plain_insert_remove_1),
	SCENARIO("scan-grow", setup_full, finish, scan_by_4, plain_insert_1),
	SCENARIO("scan-drain", setup_three, finish, scan_some, plain_drain),
	HISTORY("insert-insert", setup, finish_one_win, insert_own, insert_own),
	HISTORY("insert-get-insert", setup, finish, insert_1_as_own, get_1_twice, insert_1_as_own),
	HISTORY("entry-entry", setup, finish, entry_own, entry_own),
	HISTORY("entry-remove", setup, finish, entry_own_once, insert_then_remove_own),
	SCENARIO("remove-remove", setup_with_1, finish_removed, remove_counted, remove_counted),
	SCENARIO("replace-remove", setup_with_1, finish, replace_counted, remove_counted),
	SCENARIO("remove-entry", setup_with_1, finish_one_owner, remove_that_entry, replace_counted),
	SCENARIO("update-update", setup, finish_updated, update_own, update_own),
	HISTORY("entry-grow", setup_full, finish, insert_own_key, insert_own_key),
	SCENARIO("data", setup, finish, get_data, plain_insert_1),
	SCENARIO("replace-data", setup_with_1, finish, get_data, plain_replace_1),
	SCENARIO("update-data", setup_with_1, finish, get_data, plain_update_1),
	SCENARIO("pairs", setup_pairs, finish, pair_1_4, pair_4_1, get_either),
	SCENARIO("pairs-insert", setup_pairs_empty, finish, pair_toggle, pair_toggle),
	SCENARIO("drain-drain", setup_drain, finish_drained, drain_own, drain_own),
	SCENARIO("count", setup_three, finish, count_all, plain_insert_1),
	SCENARIO("components", setup_three, finish, by_components, get_data),
};
MC_MAIN(scenarios)
