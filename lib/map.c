/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map.c - a sharded map with keys and values in the table, under a lock for each shard.
 *
 * The top bits of the hash choose a shard: a lock, a table (map-table.h), its counts. The control
 * words of a table are together, one for seven slots, and few enough for a cache that is nearer than the
 * one for the slots; a key and its value are side by side where alignment allows it. Who has
 * the hash asks for the slots of its first group before it takes the lock.
 *
 * Everything in a shard is memory under its lock; there is no other order in this file but
 * that of the lock, and of the drain's counter, which only hands out numbers. Where the table
 * is, is also read without the lock, to prefetch, and then not followed.
 *
 * Invariants, under the lock:
 *  I1 a key is in the table at most once.
 *  I2 on the way from the first group of a key's hash to its slot all groups have the overflow
 *     mark of the hash.
 *  I3 live + left <= table_limit(groups): an insertion with left > 0 finds an empty slot.
 *
 * What depends on the sizes of key and value is in functions that are always inlined and get
 * a constant shape: for 8 + 8 and 8 + 4 bytes comparisons and copies are single
 * instructions, all other sizes share one instance with memcmp() and memcpy().
 *
 * update and pair functions work in the table: a key that is not there is put in first and taken out
 * again if it shall not stay. Room is made before, so nothing can fail afterwards.
 *
 * Progress: every call blocks on the lock of one shard (pair: two), held for one probe run, or
 * for the building of a table.
 *
 * The file is longer than others because each call has its three shapes here.
 *
 * Measured (the loops of bench/b-map.c, old and new in one process, 8 + 8 bytes, Zen 4, one thread): with control words in their groups,
 * all keys before all values, and no prefetch, a hit among 100,000 keys took 1.3 times as long, a
 * mix with changes 1.2 times. Without the prefetch both took longer still. Among
 * 1,000 keys, which need no prefetch, this order costs a hit 4 %; the lock in place, with waiting
 * and waking at the end of the look-up (so few registers are saved), and the groups behind
 * the first out of line give back 10 %, and 15 % of an insertion with a removal.
 *
 * Rejected: guards that keep the lock after the call (the deadlocks of DashMap's users);
 * reading the table's place before the lock and looking again under it, and integer matching in
 * place of SSE2 (each a tenth slower among 1,000 keys); incremental growth (a shard is small).
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/lock.h>
#include <pawl/map.h>
#include <pawl/mem.h>

#include "lock-internal.h"
#include "map-table.h"

#define LINE 64u
/* A scan gives the lock back after so many places. */
#define SCAN_SLOTS 512u
/* Smaller tables are in the first cache, and asking for them first only costs. */
#define PREFETCH_GROUPS 64u

/* How a group lies in memory. */
struct shape {
	uint32_t key_bytes;
	uint32_t value_bytes;
	uint32_t key_stride;
	uint32_t value_stride;
	uint32_t values_at;
	uint32_t group_bytes; /* seven slots, without the control word */
};

enum kind { KIND_8_8, KIND_8_4, KIND_ANY };

static const struct shape shape_8_8 = {8, 8, 16, 16, 8, 112};
static const struct shape shape_8_4 = {8, 4, 8, 4, 56, 88};

/* All under the lock. */
struct shard {
	struct pawl_lock lock;
	/* Also read without the lock, relaxed: where to prefetch from. */
	struct pawl_atomic_ptr groups;
	struct pawl_atomic_u64 mask;
	uint64_t live;
	uint64_t left; /* so many insertions before the table is built anew */
	uint64_t stamp;
	uint64_t rebuilds;
} PAWL_ALIGNED(PAWL_LINE_BYTES);
PAWL_STATIC_ASSERT(sizeof(struct shard) == PAWL_LINE_BYTES, "shards do not share lines");

/* Never changed. */
struct pawl_map {
	enum kind kind;
	unsigned shard_shift;
	uint32_t shard_count;
	struct shape shape;
	pawl_map_hash_fn *hash;
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct shard shards[];
};

/* How a key is found: by a function, or (NULL) by its bytes. */
struct wanted {
	pawl_map_match_fn *match;
	const void *key; /* or the function's argument */
};

/* A place in a table; slot TABLE_SLOTS: none. */
struct place {
	uint64_t *control;
	char *group;
	unsigned slot;
};

/* The table of a shard without entries: one control word, which is never written. */
static char no_table[LINE] PAWL_ALIGNED(LINE);
#define no_groups (no_table + LINE)

static uint32_t round_up(uint32_t bytes, uint32_t align)
{
	return (bytes + align - 1) / align * align;
}

/* What a size asks for at most: an object's alignment divides its size. */
static uint32_t align_of(uint32_t bytes)
{
	uint32_t align = bytes & -bytes;

	return !align ? 1 : align > 8 ? 8 : align;
}

static struct shape shape_for(uint32_t key_bytes, uint32_t value_bytes)
{
	uint32_t key_align = align_of(key_bytes), value_align = align_of(value_bytes);
	uint32_t align = key_align > value_align ? key_align : value_align;
	uint32_t value_at = round_up(key_bytes, value_align);
	struct shape shape = {.key_bytes = key_bytes, .value_bytes = value_bytes};

	if (round_up(value_at + value_bytes, align) == key_bytes + value_bytes) {
		shape.key_stride = shape.value_stride = key_bytes + value_bytes;
		shape.values_at = value_at;
		shape.group_bytes = TABLE_SLOTS * shape.key_stride;
	} else {
		shape.key_stride = key_bytes;
		shape.value_stride = value_bytes;
		shape.values_at = round_up(TABLE_SLOTS * key_bytes, value_align);
		shape.group_bytes = shape.values_at + TABLE_SLOTS * value_bytes;
	}
	shape.group_bytes = round_up(shape.group_bytes, align);
	return shape;
}

/* --- A table. --- */

/* Relaxed: under the lock, or only to prefetch. */
PAWL_ALWAYS_INLINE char *groups_of(const struct shard *shard)
{
	return pawl_load_relaxed(&shard->groups);
}

PAWL_ALWAYS_INLINE uint64_t mask_of(const struct shard *shard)
{
	return pawl_load_relaxed(&shard->mask);
}

static void table_set_locked(struct shard *shard, char *groups, uint64_t mask)
{
	pawl_store_relaxed(&shard->groups, (void *)groups);
	pawl_store_relaxed(&shard->mask, mask);
}

PAWL_ALWAYS_INLINE char *group_at(char *groups, const struct shape *shape, uint64_t group)
{
	return groups + group * shape->group_bytes;
}

PAWL_ALWAYS_INLINE uint64_t *control_at(char *groups, uint64_t group)
{
	return (uint64_t *)(void *)groups - 1 - group;
}

PAWL_ALWAYS_INLINE char *key_at(char *group, const struct shape *shape, unsigned slot)
{
	return group + slot * shape->key_stride;
}

PAWL_ALWAYS_INLINE char *value_at(char *group, const struct shape *shape, unsigned slot)
{
	return group + shape->values_at + slot * shape->value_stride;
}

/* Control words are before the slots, from the last to the first; slots begin a line. */
static size_t controls_bytes(uint64_t groups)
{
	return (groups * sizeof(uint64_t) + LINE - 1) / LINE * LINE;
}

static size_t table_bytes(const struct shape *shape, uint64_t groups)
{
	return groups ? controls_bytes(groups) + groups * shape->group_bytes : 0;
}

/* Only control words need to be zero. */
static char *groups_make(const struct shape *shape, uint64_t groups)
{
	char *ptr;

	if (groups > (PTRDIFF_MAX - LINE) / (shape->group_bytes + sizeof(uint64_t)))
		return NULL;
	ptr = pawl_mem_alloc(table_bytes(shape, groups), LINE);
	if (!ptr)
		return NULL;
	memset(ptr, 0, controls_bytes(groups));
	return ptr + controls_bytes(groups);
}

static void groups_free(const struct shape *shape, char *groups, uint64_t mask)
{
	if (groups != no_groups)
		pawl_mem_free(groups - controls_bytes(mask + 1), table_bytes(shape, mask + 1),
			      LINE);
}

static uint64_t shard_groups(const struct shard *shard)
{
	return groups_of(shard) == no_groups ? 0 : mask_of(shard) + 1;
}

PAWL_ALWAYS_INLINE bool is_wanted(const char *key, const struct shape *shape,
				  const struct wanted *wanted)
{
	if (wanted->match)
		return wanted->match(key, wanted->key);
	return !memcmp(key, wanted->key, shape->key_bytes);
}

PAWL_ALWAYS_INLINE struct place place_at(char *groups, const struct shape *shape, uint64_t group,
					 unsigned slot)
{
	return (struct place){control_at(groups, group), group_at(groups, shape, group), slot};
}

/* What the calls below return: group and slot in one, since they are not inlined. */
#define FAR(group, slot) ((group) << 3 | (slot))
#define FAR_GROUP(far)	 ((far) >> 3)
#define FAR_SLOT(far)	 ((unsigned)((far) & 7))
PAWL_STATIC_ASSERT(TABLE_SLOTS <= 7, "a slot, or none, has three bits");

/* Behind the first group of the run. Few look-ups come here: one code for all shapes. */
static PAWL_NOINLINE uint64_t find_far(const struct shard *shard, const struct shape *shape,
				       uint64_t hash, pawl_map_match_fn *match, const void *key)
{
	const struct wanted wanted = {match, key};
	struct probe probe = probe_begin(hash, mask_of(shard));
	char *groups = groups_of(shard);

	while (probe_next(&probe, *control_at(groups, probe.group))) {
		char *group = group_at(groups, shape, probe.group);
		uint64_t matches = table_match(*control_at(groups, probe.group), probe.tag);

		while (matches) {
			unsigned slot = table_next(&matches);

			if (is_wanted(key_at(group, shape, slot), shape, &wanted))
				return FAR(probe.group, slot);
		}
	}
	return FAR(UINT64_C(0), TABLE_SLOTS);
}

PAWL_ALWAYS_INLINE struct place find_locked(const struct shard *shard,
					    const struct shape *shape, uint64_t hash,
					    const struct wanted *wanted)
{
	char *groups = groups_of(shard);
	uint64_t tag = table_tag(hash);
	struct place place = place_at(groups, shape, hash & mask_of(shard), TABLE_SLOTS);
	uint64_t control = *place.control;
	uint64_t matches = table_match(control, tag), far;

	while (PAWL_LIKELY(matches)) {
		place.slot = table_next(&matches);
		if (PAWL_LIKELY(is_wanted(key_at(place.group, shape, place.slot), shape, wanted)))
			return place;
	}
	if (PAWL_LIKELY(!(control & table_mark(tag)))) {
		place.slot = TABLE_SLOTS;
		return place;
	}
	far = find_far(shard, shape, hash, wanted->match, wanted->key);
	return place_at(groups, shape, FAR_GROUP(far), FAR_SLOT(far));
}

/* As take_slot(), whose first group is full. */
static PAWL_NOINLINE uint64_t take_far(char *groups, uint64_t mask, uint64_t hash)
{
	struct probe probe = probe_begin(hash, mask);

	for (;;) {
		uint64_t *control = control_at(groups, probe.group);
		unsigned slot = table_first_empty(*control);

		if (slot < TABLE_SLOTS) {
			*control = table_set(*control, slot, probe.tag);
			return FAR(probe.group, slot);
		}
		*control |= table_mark(probe.tag); /* I2 */
		probe_step(&probe);
	}
}

/* The first empty slot of the run, which is there (I3), with the marks before it. */
PAWL_ALWAYS_INLINE struct place take_slot(char *groups, uint64_t mask, const struct shape *shape,
					  uint64_t hash)
{
	struct place place = place_at(groups, shape, hash & mask, TABLE_SLOTS);
	uint64_t far;

	place.slot = table_first_empty(*place.control);
	if (PAWL_LIKELY(place.slot < TABLE_SLOTS)) {
		*place.control = table_set(*place.control, place.slot, table_tag(hash));
		return place;
	}
	far = take_far(groups, mask, hash);
	return place_at(groups, shape, FAR_GROUP(far), FAR_SLOT(far));
}

PAWL_ALWAYS_INLINE void value_copy(void *to, const void *from, const struct shape *shape)
{
	if (to && shape->value_bytes)
		memcpy(to, from, shape->value_bytes);
}

PAWL_ALWAYS_INLINE void value_set(char *to, const void *from, const struct shape *shape)
{
	if (from)
		memcpy(to, from, shape->value_bytes);
	else
		memset(to, 0, shape->value_bytes);
}

PAWL_ALWAYS_INLINE void insert_locked(struct shard *shard, const struct shape *shape,
				      uint64_t hash, const void *key, const void *value)
{
	struct place place = take_slot(groups_of(shard), mask_of(shard), shape, hash);

	memcpy(key_at(place.group, shape, place.slot), key, shape->key_bytes);
	value_set(value_at(place.group, shape, place.slot), value, shape);
	shard->live++;
	shard->left--;
}

static inline void remove_locked(struct shard *shard, const struct place *place, uint64_t hash)
{
	uint64_t *control = place->control;

	*control = table_set(*control, place->slot, 0);
	shard->live--;
	/* Drift: the mark stays, and slows the others. */
	if (!(*control & table_mark(table_tag(hash))))
		shard->left++;
}

/* All entries into a new table of `groups` groups. */
PAWL_ALWAYS_INLINE int rebuild_shaped(struct pawl_map *map, struct shard *shard,
				      const struct shape *shape, uint64_t groups)
{
	char *old = groups_of(shard);
	uint64_t old_mask = mask_of(shard);
	char *fresh = groups ? groups_make(shape, groups) : no_groups;
	uint64_t mask = groups ? groups - 1 : 0;

	if (!fresh)
		return -ENOMEM;
	callback_enter();
	for (uint64_t g = 0; shard->live && g <= old_mask; g++) {
		char *group = group_at(old, shape, g);
		uint64_t control = *control_at(old, g);

		for (unsigned slot = 0; slot < TABLE_SLOTS; slot++) {
			const char *key = key_at(group, shape, slot);
			struct place to;

			if (!table_occupied(control, slot))
				continue;
			to = take_slot(fresh, mask, shape, map->hash(key));
			memcpy(key_at(to.group, shape, to.slot), key, shape->key_bytes);
			memcpy(value_at(to.group, shape, to.slot), value_at(group, shape, slot),
			       shape->value_bytes);
		}
	}
	callback_leave();
	table_set_locked(shard, fresh, mask);
	shard->left = table_limit(groups) - shard->live;
	shard->stamp++;
	shard->rebuilds++;
	groups_free(shape, old, old_mask);
	return 0;
}

static PAWL_NOINLINE int rebuild_locked(struct pawl_map *map, struct shard *shard,
					uint64_t groups)
{
	switch (map->kind) {
	case KIND_8_8:
		return rebuild_shaped(map, shard, &shape_8_8, groups);
	case KIND_8_4:
		return rebuild_shaped(map, shard, &shape_8_4, groups);
	default:
		return rebuild_shaped(map, shard, &map->shape, groups);
	}
}

/* Room for `more` insertions. */
static inline int room_locked(struct pawl_map *map, struct shard *shard, uint64_t more)
{
	if (PAWL_LIKELY(shard->left >= more))
		return 0;
	return rebuild_locked(map, shard,
			      table_groups_next(shard_groups(shard), shard->live, more));
}

/* --- Making and ending. --- */

static size_t map_bytes(uint32_t shards)
{
	return sizeof(struct pawl_map) + shards * sizeof(struct shard);
}

static int map_fill(struct pawl_map *map, uint64_t capacity)
{
	uint64_t groups = table_groups_for(capacity / map->shard_count);

	for (uint32_t i = 0; groups && i < map->shard_count; i++)
		if (rebuild_locked(map, &map->shards[i], groups))
			return -ENOMEM;
	for (uint32_t i = 0; i < map->shard_count; i++)
		map->shards[i].rebuilds = 0;
	return 0;
}

static int options_check(const struct pawl_map_options *options)
{
	if (options->size != sizeof(*options))
		return options->size < sizeof(*options) ? -EINVAL : -E2BIG;
	if (!options->hash || !options->key_bytes ||
	    options->key_bytes > PAWL_MAP_KEY_BYTES_MAX ||
	    options->value_bytes > PAWL_MAP_VALUE_BYTES_MAX)
		return -EINVAL;
	return 0;
}

int pawl_map_create(const struct pawl_map_options *options, struct pawl_map **ret_map)
{
	int err = options_check(options);
	struct pawl_map *map;
	uint32_t shards;

	if (err)
		return err;
	shards = table_shards(options->shards, options->workers);
	if (!shards)
		return -EINVAL;
	map = pawl_mem_zalloc(map_bytes(shards), PAWL_LINE_BYTES);
	if (!map)
		return -ENOMEM;
	map->shard_shift = table_shard_shift(shards);
	map->shard_count = shards;
	map->shape = shape_for(options->key_bytes, options->value_bytes);
	map->hash = options->hash;
	map->kind = KIND_ANY;
	if (!memcmp(&map->shape, &shape_8_8, sizeof(shape_8_8)))
		map->kind = KIND_8_8;
	else if (!memcmp(&map->shape, &shape_8_4, sizeof(shape_8_4)))
		map->kind = KIND_8_4;
	for (uint32_t i = 0; i < shards; i++) {
		pawl_lock_init(&map->shards[i].lock, PAWL_LOCK_RANK_MAP);
		pawl_init_word(&map->shards[i].groups, (void *)no_groups);
		pawl_init_word(&map->shards[i].mask, 0u);
	}
	if (map_fill(map, options->capacity)) {
		pawl_map_destroy(map);
		return -ENOMEM;
	}
	*ret_map = map;
	return 0;
}

void pawl_map_destroy(struct pawl_map *map)
{
	if (!map)
		return;
	for (uint32_t i = 0; i < map->shard_count; i++)
		groups_free(&map->shape, groups_of(&map->shards[i]), mask_of(&map->shards[i]));
	pawl_mem_free(map, map_bytes(map->shard_count), PAWL_LINE_BYTES);
}

/* --- One key. --- */

/*
 * NAME_8_8, NAME_8_4, NAME_any: the function NAME_shaped() with a constant shape; each is a function
 * of its own, so that none pays for the registers of the others.
 */
#define SHAPES(NAME, TYPE, ARGS, ...)                                         \
	static PAWL_NOINLINE TYPE NAME##_8_8 ARGS                             \
	{                                                                     \
		return NAME##_shaped(map, &shape_8_8, __VA_ARGS__);           \
	}                                                                     \
	static PAWL_NOINLINE TYPE NAME##_8_4 ARGS                             \
	{                                                                     \
		return NAME##_shaped(map, &shape_8_4, __VA_ARGS__);           \
	}                                                                     \
	static PAWL_NOINLINE TYPE NAME##_any ARGS                             \
	{                                                                     \
		return NAME##_shaped(map, &map->shape, __VA_ARGS__);          \
	}

/* Call the one for this map: a jump. */
#define SHAPED(NAME, map, ...)                                       \
	(PAWL_LIKELY((map)->kind == KIND_8_8) ? NAME##_8_8(map, __VA_ARGS__) \
	 : (map)->kind == KIND_8_4	      ? NAME##_8_4(map, __VA_ARGS__) \
					      : NAME##_any(map, __VA_ARGS__))

PAWL_ALWAYS_INLINE struct shard *shard_of(struct pawl_map *map, uint64_t hash)
{
	return &map->shards[table_shard(hash, map->shard_shift)];
}

/*
 * The shard, having asked for the slots of the hash's first group: fetching them goes on while the
 * lock is taken and the control word looked at. Of a table that is being replaced, wrong
 * places may be asked for, which does no harm.
 */
PAWL_ALWAYS_INLINE struct shard *shard_ahead(struct pawl_map *map, const struct shape *shape,
					     uint64_t hash)
{
	struct shard *shard = shard_of(map, hash);
	uint64_t mask = mask_of(shard);

	if (mask >= PREFETCH_GROUPS) {
		uintptr_t group = (uintptr_t)groups_of(shard) + (hash & mask) * shape->group_bytes;

		__builtin_prefetch((void *)group);
		__builtin_prefetch((void *)(group + shape->group_bytes - 1));
	}
	return shard;
}

PAWL_ALWAYS_INLINE struct shard *shard_lock(struct pawl_map *map, const struct shape *shape,
					    uint64_t hash)
{
	struct shard *shard = shard_ahead(map, shape, hash);

	pawl__lock_lock(&shard->lock);
	return shard;
}

/* With `match` the caller's function is called, and nothing of Pawl may be. */
PAWL_ALWAYS_INLINE struct place find_by_locked(const struct shard *shard,
					       const struct shape *shape, uint64_t hash,
					       pawl_map_match_fn *match, const void *arg)
{
	const struct wanted wanted = {match, arg};
	struct place place;

	callback_enter();
	place = find_locked(shard, shape, hash, &wanted);
	callback_leave();
	return place;
}

PAWL_ALWAYS_INLINE bool get_locked(const struct shard *shard, const struct shape *shape,
				   uint64_t hash, const void *key, void *ret_value)
{
	const struct wanted wanted = {NULL, key};
	struct place place = find_locked(shard, shape, hash, &wanted);

	if (place.slot == TABLE_SLOTS)
		return false;
	value_copy(ret_value, value_at(place.group, shape, place.slot), shape);
	return true;
}

static PAWL_NOINLINE bool get_wait(struct pawl_map *map, struct shard *shard, uint64_t hash,
				   const void *key, void *ret_value)
{
	bool found;

	pawl_lock_lock(&shard->lock);
	found = get_locked(shard, &map->shape, hash, key, ret_value);
	pawl_lock_unlock(&shard->lock);
	return found;
}

static PAWL_NOINLINE bool get_wake(struct shard *shard, bool found)
{
	pawl_lock_unlock(&shard->lock);
	return found;
}

/* Waiting and waking are calls at the end: so what is done without them saves few registers. */
PAWL_ALWAYS_INLINE bool get_shaped(struct pawl_map *map, const struct shape *shape,
				   uint64_t hash, const void *key, void *ret_value)
{
	struct shard *shard = shard_ahead(map, shape, hash);
	bool found;

	if (PAWL_UNLIKELY(!pawl__lock_taken_here(&shard->lock)))
		return get_wait(map, shard, hash, key, ret_value);
	found = get_locked(shard, shape, hash, key, ret_value);
	if (PAWL_UNLIKELY(!pawl__lock_freed_here(&shard->lock)))
		return get_wake(shard, found);
	return found;
}

SHAPES(get, bool, (struct pawl_map * map, uint64_t hash, const void *key, void *ret_value), hash,
       key, ret_value)

bool pawl_map_get(struct pawl_map *map, uint64_t hash, const void *key, void *ret_value)
{
	return SHAPED(get, map, hash, key, ret_value);
}

static void copy_out(const struct shape *shape, const struct place *place, void *ret_key,
		     void *ret_value)
{
	if (ret_key)
		memcpy(ret_key, key_at(place->group, shape, place->slot), shape->key_bytes);
	value_copy(ret_value, value_at(place->group, shape, place->slot), shape);
}

bool pawl_map_find(struct pawl_map *map, uint64_t hash, pawl_map_match_fn *match,
		   const void *arg, void *ret_key, void *ret_value)
{
	struct shard *shard = shard_of(map, hash);
	struct place place;

	PAWL_REQUIRE(match);
	pawl_lock_lock(&shard->lock);
	place = find_by_locked(shard, &map->shape, hash, match, arg);
	if (place.slot < TABLE_SLOTS)
		copy_out(&map->shape, &place, ret_key, ret_value);
	pawl_lock_unlock(&shard->lock);
	return place.slot < TABLE_SLOTS;
}

/* What an insertion does with a value that is there. */
enum there { THERE_KEEP, THERE_SET };

/* 1: put in; 0: there was one, whose value is copied out (THERE_KEEP) or set. */
PAWL_ALWAYS_INLINE int enter_shaped(struct pawl_map *map, const struct shape *shape,
				    uint64_t hash, const void *key, const void *value,
				    enum there there, void *ret_value)
{
	struct shard *shard;
	const struct wanted wanted = {NULL, key};
	struct place place;
	int ret = 0;

	PAWL_ASSERT(map->hash(key) == hash && "the key has the hash that it is put in with");
	shard = shard_lock(map, shape, hash);
	place = find_locked(shard, shape, hash, &wanted);
	if (place.slot == TABLE_SLOTS) {
		ret = room_locked(map, shard, 1);
		if (!ret) {
			insert_locked(shard, shape, hash, key, value);
			ret = 1;
		}
	} else if (there == THERE_SET) {
		value_set(value_at(place.group, shape, place.slot), value, shape);
	} else {
		value_copy(ret_value, value_at(place.group, shape, place.slot), shape);
	}
	pawl__lock_unlock(&shard->lock);
	return ret;
}

SHAPES(enter, int,
       (struct pawl_map * map, uint64_t hash, const void *key, const void *value, enum there there,
	void *ret_value),
       hash, key, value, there, ret_value)

int pawl_map_insert(struct pawl_map *map, uint64_t hash, const void *key, const void *value)
{
	int ret = SHAPED(enter, map, hash, key, value, THERE_KEEP, NULL);

	if (ret < 0)
		return ret;
	return ret ? 0 : -EEXIST;
}

int pawl_map_put(struct pawl_map *map, uint64_t hash, const void *key, const void *value)
{
	return SHAPED(enter, map, hash, key, value, THERE_SET, NULL);
}

int pawl_map_entry(struct pawl_map *map, uint64_t hash, const void *key, const void *value,
		   void *ret_value)
{
	int ret = SHAPED(enter, map, hash, key, value, THERE_KEEP, ret_value);

	if (ret == 1 && ret_value)
		value_set(ret_value, value, &map->shape);
	return ret;
}

/* Fill a slot of a new entry; the caller's functions check nothing here. */
static void fill_locked(struct pawl_map *map, struct shard *shard, uint64_t hash,
			pawl_map_fill_fn *fill, const void *arg, struct place *ret_place)
{
	struct place place = take_slot(groups_of(shard), mask_of(shard), &map->shape, hash);
	char *key = key_at(place.group, &map->shape, place.slot);
	char *value = value_at(place.group, &map->shape, place.slot);

	memset(key, 0, map->shape.key_bytes);
	memset(value, 0, map->shape.value_bytes);
	callback_enter();
	fill(key, value, arg);
	PAWL_ASSERT(map->hash(key) == hash && "the key has the hash that it is put in with");
	callback_leave();
	shard->live++;
	shard->left--;
	*ret_place = place;
}

int pawl_map_entry_by(struct pawl_map *map, uint64_t hash, pawl_map_match_fn *match,
		      pawl_map_fill_fn *fill, const void *arg, void *ret_value)
{
	struct shard *shard = shard_of(map, hash);
	struct place place;
	int ret = 0;

	PAWL_REQUIRE(match && fill);
	pawl_lock_lock(&shard->lock);
	place = find_by_locked(shard, &map->shape, hash, match, arg);
	if (place.slot == TABLE_SLOTS) {
		ret = room_locked(map, shard, 1);
		if (!ret) {
			fill_locked(map, shard, hash, fill, arg, &place);
			ret = 1;
		}
	}
	if (ret >= 0)
		copy_out(&map->shape, &place, NULL, ret_value);
	pawl_lock_unlock(&shard->lock);
	return ret;
}

PAWL_ALWAYS_INLINE bool replace_shaped(struct pawl_map *map, const struct shape *shape,
				       uint64_t hash, const void *key, const void *value,
				       void *ret_old)
{
	struct shard *shard;
	const struct wanted wanted = {NULL, key};
	struct place place;

	shard = shard_lock(map, shape, hash);
	place = find_locked(shard, shape, hash, &wanted);
	if (place.slot < TABLE_SLOTS) {
		char *to = value_at(place.group, shape, place.slot);

		value_copy(ret_old, to, shape);
		value_set(to, value, shape);
	}
	pawl__lock_unlock(&shard->lock);
	return place.slot < TABLE_SLOTS;
}

SHAPES(replace, bool,
       (struct pawl_map * map, uint64_t hash, const void *key, const void *value, void *ret_old),
       hash, key, value, ret_old)

bool pawl_map_replace(struct pawl_map *map, uint64_t hash, const void *key, const void *value,
		      void *ret_old)
{
	return SHAPED(replace, map, hash, key, value, ret_old);
}

PAWL_ALWAYS_INLINE bool remove_shaped(struct pawl_map *map, const struct shape *shape,
				      uint64_t hash, const void *key, void *ret_value)
{
	struct shard *shard;
	const struct wanted wanted = {NULL, key};
	struct place place;

	shard = shard_lock(map, shape, hash);
	place = find_locked(shard, shape, hash, &wanted);
	if (place.slot < TABLE_SLOTS) {
		value_copy(ret_value, value_at(place.group, shape, place.slot), shape);
		remove_locked(shard, &place, hash);
	}
	pawl__lock_unlock(&shard->lock);
	return place.slot < TABLE_SLOTS;
}

SHAPES(remove, bool, (struct pawl_map * map, uint64_t hash, const void *key, void *ret_value), hash,
       key, ret_value)

bool pawl_map_remove(struct pawl_map *map, uint64_t hash, const void *key, void *ret_value)
{
	return SHAPED(remove, map, hash, key, ret_value);
}

bool pawl_map_remove_by(struct pawl_map *map, uint64_t hash, pawl_map_match_fn *match,
			const void *arg, void *ret_key, void *ret_value)
{
	struct shard *shard = shard_of(map, hash);
	struct place place;

	PAWL_REQUIRE(match);
	pawl_lock_lock(&shard->lock);
	place = find_by_locked(shard, &map->shape, hash, match, arg);
	if (place.slot < TABLE_SLOTS) {
		copy_out(&map->shape, &place, ret_key, ret_value);
		remove_locked(shard, &place, hash);
	}
	pawl_lock_unlock(&shard->lock);
	return place.slot < TABLE_SLOTS;
}

/* --- Functions that decide under the lock. --- */

/* The cell of a key, which is put in if it is not there: there is room. */
static struct place cell_locked(struct pawl_map *map, struct shard *shard, uint64_t hash,
				const void *key, struct pawl_map_cell *ret_cell)
{
	const struct wanted wanted = {NULL, key};
	struct place place = find_locked(shard, &map->shape, hash, &wanted);

	ret_cell->present = place.slot < TABLE_SLOTS;
	if (place.slot == TABLE_SLOTS) {
		PAWL_ASSERT(map->hash(key) == hash && "the key has the hash that it is put in with");
		insert_locked(shard, &map->shape, hash, key, NULL);
		place = find_locked(shard, &map->shape, hash, &wanted);
	}
	ret_cell->value = value_at(place.group, &map->shape, place.slot);
	return place;
}

int pawl_map_upsert(struct pawl_map *map, uint64_t hash, const void *key,
		    pawl_map_update_fn *update, void *arg)
{
	struct shard *shard = shard_of(map, hash);
	struct pawl_map_cell cell;
	struct place place;
	bool was;
	int err;

	pawl_lock_lock(&shard->lock);
	err = room_locked(map, shard, 1);
	if (err) {
		const struct wanted wanted = {NULL, key};

		/* A key that is there needs no room. */
		if (find_locked(shard, &map->shape, hash, &wanted).slot == TABLE_SLOTS)
			goto out;
	}
	place = cell_locked(map, shard, hash, key, &cell);
	was = cell.present;
	callback_enter();
	err = update(&cell, arg);
	callback_leave();
	if (err ? !was : !cell.present)
		remove_locked(shard, &place, hash);
out:
	pawl_lock_unlock(&shard->lock);
	return err;
}

/* Both shards are locked. */
static int pair_locked(struct pawl_map *map, struct shard *const shards[2],
		       const uint64_t hashes[2], const void *const keys[2], pawl_map_pair_fn *pair,
		       void *arg)
{
	struct pawl_map_cell cells[2];
	struct place places[2];
	bool was[2];
	int err;

	/* Room for both first: no table is built anew between finding a place and using it. */
	for (unsigned i = 0; i < 2; i++)
		if (room_locked(map, shards[i], shards[0] == shards[1] ? 2 : 1))
			return -ENOMEM;
	for (unsigned i = 0; i < 2; i++) {
		places[i] = cell_locked(map, shards[i], hashes[i], keys[i], &cells[i]);
		was[i] = cells[i].present;
	}
	callback_enter();
	err = pair(cells, arg);
	callback_leave();
	for (unsigned i = 0; i < 2; i++)
		if (err ? !was[i] : !cells[i].present)
			remove_locked(shards[i], &places[i], hashes[i]);
	return err;
}

int pawl_map_pair(struct pawl_map *map, uint64_t hash_a, const void *key_a, uint64_t hash_b,
		  const void *key_b, pawl_map_pair_fn *pair, void *arg)
{
	struct shard *const shards[2] = {shard_of(map, hash_a), shard_of(map, hash_b)};
	int err;

	PAWL_REQUIRE(memcmp(key_a, key_b, map->shape.key_bytes) && "the keys are different");
	/* By address, which is the order of the shards' numbers. */
	pawl_lock_lock_pair(&shards[0]->lock, &shards[1]->lock);
	err = pair_locked(map, shards, (const uint64_t[2]){hash_a, hash_b},
			  (const void *const[2]){key_a, key_b}, pair, arg);
	pawl_lock_unlock_pair(&shards[0]->lock, &shards[1]->lock);
	return err;
}

/* --- The whole map. --- */

/*
 * From the cursor on, at most SCAN_SLOTS places of its shard, which is locked. Returns how many
 * were copied; the cursor is in the next shard if this one is done.
 */
static size_t scan_locked(struct pawl_map *map, struct shard *shard,
			  struct pawl_map_cursor *cursor, size_t max, char *ret_keys,
			  char *ret_values)
{
	uint64_t slots = shard_groups(shard) * TABLE_SLOTS;
	uint64_t end;
	size_t count = 0;

	if (cursor->pawl_stamp != shard->stamp)
		cursor->pawl_slot = 0;
	cursor->pawl_stamp = shard->stamp;
	end = slots - cursor->pawl_slot > SCAN_SLOTS ? cursor->pawl_slot + SCAN_SLOTS : slots;
	while (cursor->pawl_slot < end && count < max) {
		uint64_t group = cursor->pawl_slot / TABLE_SLOTS;
		struct place place = {
			control_at(groups_of(shard), group),
			group_at(groups_of(shard), &map->shape, group),
			(unsigned)(cursor->pawl_slot % TABLE_SLOTS),
		};

		cursor->pawl_slot++;
		if (!table_occupied(*place.control, place.slot))
			continue;
		copy_out(&map->shape, &place,
			 ret_keys ? ret_keys + count * map->shape.key_bytes : NULL,
			 ret_values ? ret_values + count * map->shape.value_bytes : NULL);
		count++;
	}
	if (cursor->pawl_slot == slots) {
		cursor->pawl_shard++;
		cursor->pawl_slot = 0;
	}
	return count;
}

size_t pawl_map_scan(struct pawl_map *map, struct pawl_map_cursor *cursor, size_t max,
		     void *ret_keys, void *ret_values)
{
	size_t count = 0;

	PAWL_REQUIRE(max);
	while (count < max && cursor->pawl_shard < map->shard_count) {
		struct shard *shard = &map->shards[cursor->pawl_shard];
		char *keys = ret_keys ? (char *)ret_keys + count * map->shape.key_bytes : NULL;
		char *values =
			ret_values ? (char *)ret_values + count * map->shape.value_bytes : NULL;

		pawl_lock_lock(&shard->lock);
		count += scan_locked(map, shard, cursor, max - count, keys, values);
		pawl_lock_unlock(&shard->lock);
	}
	return count;
}

/* Hand over what is in a table that was taken out of its shard. */
static void hand_over(struct pawl_map *map, char *groups, uint64_t mask,
		      pawl_map_drain_fn *gets, void *arg)
{
	for (uint64_t g = 0; g <= mask; g++) {
		char *group = group_at(groups, &map->shape, g);
		uint64_t control = *control_at(groups, g);

		for (unsigned slot = 0; slot < TABLE_SLOTS; slot++)
			if (table_occupied(control, slot))
				gets(key_at(group, &map->shape, slot),
				     value_at(group, &map->shape, slot), arg);
	}
}

uint64_t pawl_map_drain(struct pawl_map *map, struct pawl_map_drain_state *drain,
			pawl_map_drain_fn *gets, void *arg)
{
	uint64_t count = 0;
	uint32_t i;

	/* Relaxed: it only hands out numbers, the shard's lock orders the rest. */
	while ((i = pawl_add_relaxed(&drain->pawl_next, 1u)) < map->shard_count) {
		struct shard *shard = &map->shards[i];
		char *groups;
		uint64_t mask;

		pawl_lock_lock(&shard->lock);
		groups = groups_of(shard);
		mask = mask_of(shard);
		count += shard->live;
		table_set_locked(shard, no_groups, 0);
		shard->live = 0;
		shard->left = 0;
		shard->stamp++;
		pawl_lock_unlock(&shard->lock);
		if (gets && groups != no_groups)
			hand_over(map, groups, mask, gets, arg);
		groups_free(&map->shape, groups, mask);
	}
	return count;
}

int pawl_map_shrink(struct pawl_map *map)
{
	int err = 0;

	for (uint32_t i = 0; i < map->shard_count; i++) {
		struct shard *shard = &map->shards[i];
		uint64_t groups, shrunk;

		pawl_lock_lock(&shard->lock);
		groups = shard_groups(shard);
		shrunk = table_groups_shrunk(groups, shard->live);
		if (shrunk < groups || shard->left < table_limit(groups) - shard->live)
			err = rebuild_locked(map, shard, shrunk) ? -ENOMEM : err;
		pawl_lock_unlock(&shard->lock);
	}
	return err;
}

uint64_t pawl_map_count(struct pawl_map *map)
{
	struct pawl_map_stats stats;

	pawl_map_stats_read(map, &stats);
	return stats.entries;
}

void pawl_map_stats_read(struct pawl_map *map, struct pawl_map_stats *ret_stats)
{
	struct pawl_map_stats stats = {.shards = map->shard_count};

	stats.bytes = map_bytes(map->shard_count);
	for (uint32_t i = 0; i < map->shard_count; i++) {
		struct shard *shard = &map->shards[i];

		pawl_lock_lock(&shard->lock);
		stats.entries += shard->live;
		stats.rebuilds += shard->rebuilds;
		stats.slots += shard_groups(shard) * TABLE_SLOTS;
		stats.bytes += table_bytes(&map->shape, shard_groups(shard));
		pawl_lock_unlock(&shard->lock);
	}
	*ret_stats = stats;
}
