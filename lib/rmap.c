/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rmap.c - a sharded map of pointers; readers under RCU, writers under a shard's lock.
 *
 * The top bits of the hash choose a shard: a lock for writers, and the published pointer to a
 * table (map-table.h) whose slots are pointers to entries. Control words and slots are
 * atomic; a group is one line.
 *
 * The slot decides: an entry is in the map from the store that puts it into its slot to the one that
 * takes it out, and these are the points at which the calls take effect. Control bytes only
 * lead to slots: a byte is set before its slot is filled, and cleared after it was emptied.
 *
 * Why readers need no version word and never retry: an entry never moves inside a table; growth
 * and clearing out build a new one. So a reader who passes all places where the key may be, and does
 * not find it, has looked at each of them at a time when it was not there; and a gap-free move,
 * which could fool it, does not exist: between a removal and an insertion elsewhere in the table
 * there is a time without the key, and it lies within the look-up. A table that is replaced is
 * complete and is not changed any more. A reader who is still in it read the pointer before the
 * new one was published, so the moment of publication lies within its look-up, and the old
 * table tells what was in the map then.
 *
 * Invariants:
 *  I1 an entry is in at most one slot of its shard's table: who inserts looks at the whole probe
 *     run first, under the lock.
 *  I2 on the way from the first group of an entry's hash to its slot all groups have the overflow
 *     mark of the hash, from before the entry is in the slot until the table ends.
 *  I3 an entry stays in its slot from its insertion to its removal or replacement.
 *  I4 a table is not changed once another one is published in its place.
 *  I5 a slot that holds an entry has its control byte, from before to after.
 *
 * Ordering:
 *  O1 the table pointer is stored with release and read with acquire: the table is seen as it
 *     was filled.
 *  O2 a control word is stored with release and read with acquire: who sees any change of a group
 *     sees all that was finished before it. With relaxed words each look-up alone would be
 *     right, by coherence; but a reader could learn of a later insertion by one look-up and
 *     miss an earlier one by the next (verify/t-rmap.c, get-purge).
 *  O3 a slot is stored with release and read with acquire: who finds an entry sees what was done to
 *     it before it was put in, and, with the next look-up, its control byte and the marks (I2, I5).
 *  Under the lock all is ordered by the lock; writers read relaxed.
 *
 * Slots are used again at once. Were the control byte set after the slot, a reader with an old
 * control word, in which the byte is that of the slot's last entry, would find the new one before it
 * is there for others (get-refill found that). With tombstones in place of reuse the order
 * would not matter, but churn would fill tables, and each miss would read further.
 *
 * Progress: look-ups and scans wait-free; writers block on the shard's lock, which is held for
 * one probe run, or for the building of a table.
 *
 * Retired tables: pawl_retire()'s answer is not passed on. A table is only replaced after
 * insertions or removals in proportion to its size, and whoever retires the entries is
 * told of the pressure.
 *
 * Measured (bench/b-map.c, Zen 4, one thread): with what follows the first candidate out of line, a
 * hit among 1,000 keys takes a tenth less time, a miss an eighth. Among 100,000 keys most of a hit
 * is the entry's own line: with entries of 16 bytes in place of 48 a hit takes two thirds of the time,
 * and half of that if no section is opened and closed around it: look-ups then overlap more.
 *
 * Rejected: a look at a bucket's version around each look-up (needless, see above; verify/t-rmap.c
 * checks it); a hash of 16 bits beside each pointer, or a whole one: rebuilding asks the
 * entry, whose line is fetched some entries ahead; moving on while others read
 * (incremental growth): a shard is small, and two tables make each look-up slower.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/lock.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/retire.h>
#include <pawl/rmap.h>

#include "map-table.h"

#define GROUP_BYTES 64
/* A rebuild asks for an entry's line so many groups before it looks at the entry. */
#define AHEAD 2

/* Both words are written under the shard's lock and read by anybody. */
struct group {
	struct pawl_atomic_u64 control;		  /* O2 */
	struct pawl_atomic_ptr slot[TABLE_SLOTS]; /* O3 */
};
PAWL_STATIC_ASSERT(sizeof(struct group) == GROUP_BYTES, "a group of pointers is one line");

struct table {
	uint64_t mask; /* groups - 1. This and the stamp never change. */
	uint64_t stamp;
	struct pawl_retire_node node;
} PAWL_ALIGNED(GROUP_BYTES); /* the groups come behind it */
PAWL_STATIC_ASSERT(sizeof(struct table) == GROUP_BYTES, "groups are aligned as their table");

/* What writers have of a shard; the table pointer is where readers look, in another line. */
struct shard {
	struct pawl_lock lock;
	/* Under the lock; read relaxed by pawl_rmap_count(). */
	struct pawl_atomic_u64 live;
	uint64_t left; /* so many insertions before the table is built anew */
	uint64_t rebuilds;
} PAWL_ALIGNED(PAWL_LINE_BYTES);
PAWL_STATIC_ASSERT(sizeof(struct shard) == PAWL_LINE_BYTES, "shards do not share lines");

struct pawl_rmap {
	/* Never changed. */
	struct shard *shards;
	unsigned shard_shift;
	uint32_t shard_count;
	pawl_rmap_match_fn *match;
	pawl_rmap_hash_fn *hash;
	/* O1: written under the shard's lock. Close together: they rarely change. */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_ptr tables[];
};

/* The table of a shard without entries: for readers only, since there is no room left in it. */
static union {
	struct table table;
	char bytes[sizeof(struct table) + sizeof(struct group)];
} empty;

static struct table *empty_table(void)
{
	return &empty.table;
}

PAWL_ALWAYS_INLINE struct group *group_at(const struct table *table, uint64_t group)
{
	return (struct group *)(uintptr_t)(table + 1) + group;
}

static size_t table_bytes(uint64_t groups)
{
	return sizeof(struct table) + groups * sizeof(struct group);
}

static struct table *table_make(uint64_t groups, uint64_t stamp)
{
	struct table *table;

	if (groups > (PTRDIFF_MAX - sizeof(*table)) / sizeof(struct group))
		return NULL;
	table = pawl_mem_zalloc(table_bytes(groups), GROUP_BYTES);
	if (table) {
		table->mask = groups - 1;
		table->stamp = stamp;
	}
	return table;
}

static void table_free(struct table *table)
{
	if (table != empty_table())
		pawl_mem_free(table, table_bytes(table->mask + 1), GROUP_BYTES);
}

static void table_retired(struct pawl_retire_node *node)
{
	table_free(PAWL_CONTAINER_OF(node, struct table, node));
}

static void table_retire(struct table *table)
{
	if (table != empty_table())
		(void)pawl_retire(&table->node, table_bytes(table->mask + 1), table_retired);
}

/* --- Making and ending. --- */

static int map_fill(struct pawl_rmap *map, uint64_t capacity)
{
	uint64_t groups = table_groups_for(capacity / map->shard_count);

	for (uint32_t i = 0; i < map->shard_count; i++) {
		struct table *table = empty_table();

		pawl_lock_init(&map->shards[i].lock, PAWL_LOCK_RANK_MAP);
		pawl_init_word(&map->shards[i].live, 0u);
		map->shards[i].left = 0;
		map->shards[i].rebuilds = 0;
		if (groups) {
			table = table_make(groups, 1);
			if (!table)
				return -ENOMEM;
			map->shards[i].left = table_limit(groups);
		}
		pawl_init_word(&map->tables[i], (void *)table);
	}
	return 0;
}

static size_t map_bytes(uint32_t shards)
{
	return sizeof(struct pawl_rmap) + shards * sizeof(struct pawl_atomic_ptr);
}

int pawl_rmap_create(const struct pawl_rmap_options *options, struct pawl_rmap **ret_map)
{
	struct pawl_rmap *map;
	uint32_t shards;

	if (options->size != sizeof(*options))
		return options->size < sizeof(*options) ? -EINVAL : -E2BIG;
	shards = table_shards(options->shards, options->workers);
	if (!options->match || !options->hash || !shards)
		return -EINVAL;
	map = pawl_mem_alloc(map_bytes(shards), PAWL_LINE_BYTES);
	if (!map)
		return -ENOMEM;
	map->shards = pawl_mem_alloc(shards * sizeof(struct shard), PAWL_LINE_BYTES);
	map->shard_shift = table_shard_shift(shards);
	map->shard_count = shards;
	map->match = options->match;
	map->hash = options->hash;
	for (uint32_t i = 0; i < shards; i++)
		pawl_init_word(&map->tables[i], (void *)empty_table());
	if (!map->shards || map_fill(map, options->capacity)) {
		pawl_rmap_destroy(map);
		return -ENOMEM;
	}
	*ret_map = map;
	return 0;
}

void pawl_rmap_destroy(struct pawl_rmap *map)
{
	if (!map)
		return;
	/* Acquire is not needed: the caller knows that nobody is left. */
	for (uint32_t i = 0; i < map->shard_count; i++)
		table_free(pawl_load_relaxed(&map->tables[i]));
	pawl_mem_free(map->shards, map->shard_count * sizeof(struct shard), PAWL_LINE_BYTES);
	pawl_mem_free(map, map_bytes(map->shard_count), PAWL_LINE_BYTES);
}

/* --- Readers. --- */

/* Go on behind the first candidate of the first group, whose control word is given. */
static PAWL_NOINLINE void *get_rest(const struct table *table, uint64_t hash, uint64_t control,
				    pawl_rmap_match_fn *match, const void *key)
{
	struct probe probe = probe_begin(hash, table->mask);
	const struct group *group = group_at(table, probe.group);
	uint64_t matches = table_match(control, probe.tag);

	if (matches)
		(void)table_next(&matches);
	for (;;) {
		while (matches) {
			unsigned slot = table_next(&matches);
			void *entry = pawl_load_acquire(&group->slot[slot]); /* O3 */

			if (entry && match(entry, key))
				return entry;
		}
		if (!probe_next(&probe, control))
			return NULL;
		group = group_at(table, probe.group);
		control = pawl_load_acquire(&group->control); /* O2 */
		matches = table_match(control, probe.tag);
	}
}

/*
 * The first candidate of the first group is nearly always the one, and a group without one the
 * end. The rest is out of line, so that little is kept across the call of `match`.
 */
void *pawl_rmap_get_by(const struct pawl_rmap *map, uint64_t hash, pawl_rmap_match_fn *match,
		       const void *key)
{
	const struct table *table =
		pawl_load_acquire(&map->tables[table_shard(hash, map->shard_shift)]); /* O1 */
	const struct group *group = group_at(table, hash & table->mask);
	uint64_t control = pawl_load_acquire(&group->control); /* O2 */
	uint64_t matches = table_match(control, table_tag(hash));

	if (PAWL_LIKELY(matches)) {
		void *entry = pawl_load_acquire(&group->slot[table_next(&matches)]); /* O3 */

		/* NULL: about to be put in, or just taken out. */
		if (PAWL_LIKELY(entry && match(entry, key)))
			return entry;
	} else if (PAWL_LIKELY(!(control & table_mark(table_tag(hash))))) {
		return NULL;
	}
	return get_rest(table, hash, control, match, key);
}

void *pawl_rmap_get(const struct pawl_rmap *map, uint64_t hash, const void *key)
{
	return pawl_rmap_get_by(map, hash, map->match, key);
}

/* The rest of one shard, from the cursor on. Returns how many; the shard is done if fewer. */
static size_t scan_shard(const struct table *table, struct pawl_rmap_cursor *cursor, size_t max,
			 void **ret_entries)
{
	uint64_t slots = (table->mask + 1) * TABLE_SLOTS;
	size_t count = 0;

	if (cursor->pawl_stamp != table->stamp) {
		cursor->pawl_stamp = table->stamp;
		cursor->pawl_slot = 0;
	}
	while (cursor->pawl_slot < slots && count < max) {
		const struct group *group = group_at(table, cursor->pawl_slot / TABLE_SLOTS);
		unsigned slot = (unsigned)(cursor->pawl_slot % TABLE_SLOTS);
		/* The slot decides; control words are for look-ups. */
		void *entry = pawl_load_acquire(&group->slot[slot]); /* O3 */

		if (entry)
			ret_entries[count++] = entry;
		cursor->pawl_slot++;
	}
	return count;
}

size_t pawl_rmap_scan(const struct pawl_rmap *map, struct pawl_rmap_cursor *cursor, size_t max,
		      void **ret_entries)
{
	size_t count = 0;

	PAWL_REQUIRE(max);
	while (cursor->pawl_shard < map->shard_count) {
		const struct table *table =
			pawl_load_acquire(&map->tables[cursor->pawl_shard]); /* O1 */

		count += scan_shard(table, cursor, max - count, ret_entries + count);
		if (count == max)
			break;
		cursor->pawl_shard++;
		cursor->pawl_slot = 0;
		cursor->pawl_stamp = 0;
	}
	return count;
}

/* --- Writers, under the shard's lock. --- */

/* A place in a table, or none. */
struct place {
	struct group *group;
	unsigned slot;
	void *entry;
};

static struct shard *shard_lock(struct pawl_rmap *map, uint64_t hash)
{
	struct shard *shard = &map->shards[table_shard(hash, map->shard_shift)];

	pawl_lock_lock(&shard->lock);
	return shard;
}

static inline struct table *table_locked(const struct pawl_rmap *map, const struct shard *shard)
{
	return pawl_load_relaxed(&map->tables[shard - map->shards]);
}

static bool same_pointer(const void *entry, const void *key)
{
	return entry == key;
}

/* Comparisons are the user's: `place.entry` is NULL if there is none. */
static struct place find_locked(const struct table *table, uint64_t hash,
				pawl_rmap_match_fn *match, const void *key)
{
	struct probe probe = probe_begin(hash, table->mask);
	uint64_t control;

	callback_enter();
	do {
		struct group *group = group_at(table, probe.group);
		uint64_t matches;

		control = pawl_load_relaxed(&group->control);
		matches = table_match(control, probe.tag);
		while (matches) {
			unsigned slot = table_next(&matches);
			void *entry = pawl_load_relaxed(&group->slot[slot]);

			if (match(entry, key)) {
				callback_leave();
				return (struct place){group, slot, entry};
			}
		}
	} while (probe_next(&probe, control));
	callback_leave();
	return (struct place){NULL, 0, NULL};
}

/* Into the first empty slot of the run, which is there: the table has room. */
static void put_locked(struct table *table, uint64_t hash, void *entry)
{
	struct probe probe = probe_begin(hash, table->mask);

	for (;;) {
		struct group *group = group_at(table, probe.group);
		uint64_t control = pawl_load_relaxed(&group->control);
		unsigned slot = table_first_empty(control);

		if (slot < TABLE_SLOTS) {
			control = table_set(control, slot, probe.tag);
			pawl_store_release(&group->control, control); /* O2, I5 */
			pawl_store_release(&group->slot[slot], entry); /* O3 */
			return;
		}
		control |= table_mark(probe.tag); /* I2 */
		pawl_store_release(&group->control, control); /* O2 */
		probe_step(&probe);
	}
}

static void shard_count(struct shard *shard, uint64_t by)
{
	/* Relaxed: only to be counted. */
	pawl_store_relaxed(&shard->live, pawl_load_relaxed(&shard->live) + by);
}

static void insert_locked(struct pawl_rmap *map, struct shard *shard, uint64_t hash, void *entry)
{
	PAWL_ASSERT(map->hash(entry) == hash && "the entry has the hash that it is put in with");
	put_locked(table_locked(map, shard), hash, entry);
	shard_count(shard, 1);
	shard->left--;
}

static void remove_locked(struct shard *shard, const struct place *place, uint64_t hash)
{
	uint64_t control = pawl_load_relaxed(&place->group->control);

	pawl_store_release(&place->group->slot[place->slot], (void *)NULL); /* O3 */
	control = table_set(control, place->slot, 0);
	pawl_store_release(&place->group->control, control); /* O2, I5 */
	shard_count(shard, UINT64_MAX);
	/* Drift: the mark stays, and slows the others. */
	if (!(control & table_mark(table_tag(hash))))
		shard->left++;
}

static void prefetch_entries(const struct table *table, uint64_t group)
{
	for (unsigned slot = 0; group <= table->mask && slot < TABLE_SLOTS; slot++)
		__builtin_prefetch(pawl_load_relaxed(&group_at(table, group)->slot[slot]));
}

/* Out of line: a place in the code for each caller would be one to check for each. */
static PAWL_NOINLINE void publish_locked(struct pawl_rmap *map, const struct shard *shard,
					 struct table *table)
{
	pawl_store_release(&map->tables[shard - map->shards], (void *)table); /* O1 */
}

/* All entries into a new table of `groups` groups, which takes the old one's place. */
static int rebuild_locked(struct pawl_rmap *map, struct shard *shard, uint64_t groups)
{
	struct table *old = table_locked(map, shard);
	uint64_t live = pawl_load_relaxed(&shard->live);
	struct table *table = empty_table();

	if (groups) {
		table = table_make(groups, shard->rebuilds + 2);
		if (!table)
			return -ENOMEM;
	}
	callback_enter();
	for (uint64_t g = 0; live && g <= old->mask; g++) {
		const struct group *group = group_at(old, g);
		uint64_t control = pawl_load_relaxed(&group->control);

		prefetch_entries(old, g + AHEAD);
		for (unsigned slot = 0; slot < TABLE_SLOTS; slot++) {
			void *entry;

			if (!table_occupied(control, slot))
				continue;
			entry = pawl_load_relaxed(&group->slot[slot]);
			put_locked(table, map->hash(entry), entry);
		}
	}
	callback_leave();
	publish_locked(map, shard, table);
	shard->left = table_limit(groups) - live;
	shard->rebuilds++;
	table_retire(old);
	return 0;
}

static PAWL_NOINLINE int grow_locked(struct pawl_rmap *map, struct shard *shard, uint64_t more)
{
	const struct table *table = table_locked(map, shard);
	uint64_t groups = table == empty_table() ? 0 : table->mask + 1;
	uint64_t live = pawl_load_relaxed(&shard->live);

	return rebuild_locked(map, shard, table_groups_next(groups, live, more));
}

/* Room for `more` insertions. */
static inline int room_locked(struct pawl_rmap *map, struct shard *shard, uint64_t more)
{
	return PAWL_LIKELY(shard->left >= more) ? 0 : grow_locked(map, shard, more);
}

/* --- Calls of writers. --- */

/* Find, or put in, under the lock. As pawl_rmap_entry(). */
static int find_or_put(struct pawl_rmap *map, uint64_t hash, pawl_rmap_match_fn *match,
		       const void *key, void *fresh, void **ret_entry)
{
	struct shard *shard = shard_lock(map, hash);
	struct place place = find_locked(table_locked(map, shard), hash, match, key);
	int ret = 0;

	if (!place.entry) {
		ret = room_locked(map, shard, 1);
		if (!ret) {
			insert_locked(map, shard, hash, fresh);
			place.entry = fresh;
			ret = 1;
		}
	}
	pawl_lock_unlock(&shard->lock);
	if (ret >= 0)
		*ret_entry = place.entry;
	return ret;
}

int pawl_rmap_entry_by(struct pawl_rmap *map, uint64_t hash, pawl_rmap_match_fn *match,
		       const void *key, void *fresh, void **ret_entry)
{
	void *entry_rcu = pawl_rmap_get_by(map, hash, match, key);

	PAWL_REQUIRE(fresh);
	if (entry_rcu) {
		*ret_entry = entry_rcu;
		return 0;
	}
	return find_or_put(map, hash, match, key, fresh, ret_entry);
}

int pawl_rmap_entry(struct pawl_rmap *map, uint64_t hash, const void *key, void *fresh,
		    void **ret_entry)
{
	return pawl_rmap_entry_by(map, hash, map->match, key, fresh, ret_entry);
}

int pawl_rmap_insert(struct pawl_rmap *map, uint64_t hash, const void *key, void *entry)
{
	void *there;
	int ret;

	PAWL_REQUIRE(entry);
	ret = find_or_put(map, hash, map->match, key, entry, &there);
	if (ret < 0)
		return ret;
	return ret ? 0 : -EEXIST;
}

void *pawl_rmap_replace(struct pawl_rmap *map, uint64_t hash, const void *key, void *entry)
{
	struct shard *shard;
	struct place place;

	PAWL_REQUIRE(entry);
	shard = shard_lock(map, hash);
	place = find_locked(table_locked(map, shard), hash, map->match, key);
	if (place.entry)
		pawl_store_release(&place.group->slot[place.slot], entry); /* O3 */
	pawl_lock_unlock(&shard->lock);
	return place.entry;
}

void *pawl_rmap_remove_by(struct pawl_rmap *map, uint64_t hash, pawl_rmap_match_fn *match,
			  const void *key)
{
	struct shard *shard = shard_lock(map, hash);
	struct place place = find_locked(table_locked(map, shard), hash, match, key);

	if (place.entry)
		remove_locked(shard, &place, hash);
	pawl_lock_unlock(&shard->lock);
	return place.entry;
}

void *pawl_rmap_remove(struct pawl_rmap *map, uint64_t hash, const void *key)
{
	return pawl_rmap_remove_by(map, hash, map->match, key);
}

bool pawl_rmap_remove_entry(struct pawl_rmap *map, uint64_t hash, const void *entry)
{
	return pawl_rmap_remove_by(map, hash, same_pointer, entry) != NULL;
}

/* What an update function said is done; room was made before. */
static PAWL_NOINLINE void apply_locked(struct pawl_rmap *map, struct shard *shard, uint64_t hash,
			 const struct place *place, void *entry)
{
	if (entry == place->entry)
		return;
	if (!entry)
		remove_locked(shard, place, hash);
	else if (place->entry)
		pawl_store_release(&place->group->slot[place->slot], entry); /* O3 */
	else
		insert_locked(map, shard, hash, entry);
}

int pawl_rmap_update(struct pawl_rmap *map, uint64_t hash, const void *key,
		     pawl_rmap_update_fn *update, void *arg, void **ret_old)
{
	struct shard *shard = shard_lock(map, hash);
	struct place place = find_locked(table_locked(map, shard), hash, map->match, key);
	int err = place.entry ? 0 : room_locked(map, shard, 1);
	void *entry = NULL;

	if (!err) {
		callback_enter();
		entry = update(place.entry, arg);
		callback_leave();
		apply_locked(map, shard, hash, &place, entry);
	}
	pawl_lock_unlock(&shard->lock);
	if (!err)
		*ret_old = entry != place.entry ? place.entry : NULL;
	return err;
}

/* Both shards are locked. */
static int pair_locked(struct pawl_rmap *map, struct shard *const shards[2],
		       const uint64_t hashes[2], const void *const keys[2],
		       pawl_rmap_pair_fn *pair, void *arg)
{
	struct place places[2];
	void *entries[2];

	/* Room for both first: a table is not built anew between finding a place and using it. */
	for (unsigned i = 0; i < 2; i++)
		if (room_locked(map, shards[i], shards[0] == shards[1] ? 2 : 1))
			return -ENOMEM;
	for (unsigned i = 0; i < 2; i++) {
		places[i] = find_locked(table_locked(map, shards[i]), hashes[i], map->match,
					keys[i]);
		entries[i] = places[i].entry;
	}
	PAWL_REQUIRE((!entries[0] || entries[0] != entries[1]) && "the keys are different");
	callback_enter();
	pair(entries, arg);
	callback_leave();
	apply_locked(map, shards[0], hashes[0], &places[0], entries[0]);
	/* Two that were absent can only be told apart when one of them is there. */
	PAWL_REQUIRE((places[0].entry || places[1].entry || !entries[0] ||
		      !find_locked(table_locked(map, shards[1]), hashes[1], map->match, keys[1]).entry) &&
		     "the keys are different");
	apply_locked(map, shards[1], hashes[1], &places[1], entries[1]);
	return 0;
}

int pawl_rmap_pair(struct pawl_rmap *map, uint64_t hash_a, const void *key_a, uint64_t hash_b,
		   const void *key_b, pawl_rmap_pair_fn *pair, void *arg)
{
	struct shard *const shards[2] = {
		&map->shards[table_shard(hash_a, map->shard_shift)],
		&map->shards[table_shard(hash_b, map->shard_shift)],
	};
	int err;

	/* By address, which is the order of the shards' numbers. */
	pawl_lock_lock_pair(&shards[0]->lock, &shards[1]->lock);
	err = pair_locked(map, shards, (const uint64_t[2]){hash_a, hash_b},
			  (const void *const[2]){key_a, key_b}, pair, arg);
	pawl_lock_unlock_pair(&shards[0]->lock, &shards[1]->lock);
	return err;
}

/* --- The whole map. --- */

/* Hand over what is in a table that nobody changes any more (I4). */
static uint64_t table_hand_over(const struct table *table, pawl_rmap_drain_fn *gets, void *arg)
{
	uint64_t count = 0;

	for (uint64_t g = 0; g <= table->mask; g++) {
		const struct group *group = group_at(table, g);

		for (unsigned slot = 0; slot < TABLE_SLOTS; slot++) {
			if (!table_occupied(pawl_load_relaxed(&group->control), slot))
				continue;
			gets(pawl_load_relaxed(&group->slot[slot]), arg);
			count++;
		}
	}
	return count;
}

uint64_t pawl_rmap_drain(struct pawl_rmap *map, struct pawl_rmap_drain_state *drain,
			 pawl_rmap_drain_fn *gets, void *arg)
{
	uint64_t count = 0;
	uint32_t i;

	/* Relaxed: it only hands out numbers, the shard's lock orders the rest. */
	while ((i = pawl_add_relaxed(&drain->pawl_next, 1u)) < map->shard_count) {
		struct shard *shard = &map->shards[i];
		struct table *table;

		pawl_lock_lock(&shard->lock);
		table = table_locked(map, shard);
		publish_locked(map, shard, empty_table());
		pawl_store_relaxed(&shard->live, 0u);
		shard->left = 0;
		shard->rebuilds++;
		pawl_lock_unlock(&shard->lock);
		count += table_hand_over(table, gets, arg);
		table_retire(table);
	}
	return count;
}

int pawl_rmap_shrink(struct pawl_rmap *map)
{
	int err = 0;

	for (uint32_t i = 0; i < map->shard_count; i++) {
		struct shard *shard = &map->shards[i];
		const struct table *table;
		uint64_t live, groups, shrunk;

		pawl_lock_lock(&shard->lock);
		table = table_locked(map, shard);
		groups = table == empty_table() ? 0 : table->mask + 1;
		live = pawl_load_relaxed(&shard->live);
		shrunk = table_groups_shrunk(groups, live);
		if (shrunk < groups || shard->left < table_limit(groups) - live)
			err = rebuild_locked(map, shard, shrunk) ? -ENOMEM : err;
		pawl_lock_unlock(&shard->lock);
	}
	return err;
}

uint64_t pawl_rmap_count(const struct pawl_rmap *map)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < map->shard_count; i++)
		count += pawl_load_relaxed(&map->shards[i].live);
	return count;
}

void pawl_rmap_stats_read(struct pawl_rmap *map, struct pawl_rmap_stats *ret_stats)
{
	struct pawl_rmap_stats stats = {.shards = map->shard_count};

	stats.bytes = map_bytes(map->shard_count) + map->shard_count * sizeof(struct shard);
	for (uint32_t i = 0; i < map->shard_count; i++) {
		struct shard *shard = &map->shards[i];
		const struct table *table;

		pawl_lock_lock(&shard->lock);
		table = table_locked(map, shard);
		stats.entries += pawl_load_relaxed(&shard->live);
		stats.rebuilds += shard->rebuilds;
		if (table != empty_table()) {
			stats.slots += (table->mask + 1) * TABLE_SLOTS;
			stats.bytes += table_bytes(table->mask + 1);
		}
		pawl_lock_unlock(&shard->lock);
	}
	*ret_stats = stats;
}
