/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/map.h - a concurrent map of small keys to small values, which lie in the map itself.
 *
 * Keys and values are byte ranges of sizes chosen when the map is made; keys are compared
 * bytewise, so they have no padding. Every call locks one shard of the map, one in a few dozen, and
 * copies in or out; no call returns with a lock held, and no pointer into the map leaves a
 * call. A look-up in a map larger than the caches waits for two lines, which are fetched at the
 * same time. Sizes 8 + 8 and 8 + 4 bytes have code of
 * their own.
 *
 * The hash is the caller's and must be good in all its bits (pawl/hash.h).
 *
 *	static uint64_t hash_of(const void *key)
 *		{ return pawl_hash_u64(*(const uint64_t *)key, 0); }
 *
 *	struct pawl_map_options options = PAWL_MAP_OPTIONS(uint64_t, uint32_t, hash_of);
 *	err = pawl_map_create(&options, &map);
 *	err = pawl_map_insert(map, hash_of(&key), &key, &value);
 *	found = pawl_map_get(map, hash_of(&key), &key, &value);
 *
 * Not for: objects with a life of their own, or hot keys that many threads read
 * (pawl/rmap.h: readers there take no lock).
 *
 *  call                            progress
 *  pawl_map_get, _find             a short critical section
 *  pawl_map_insert, _put, _entry,  a short critical section; an insertion at times builds the
 *  _entry_by, _upsert, _pair       shard's table anew
 *  pawl_map_replace, _remove,      a short critical section; no memory is taken
 *  _remove_by
 *  pawl_map_scan                   short critical sections, one for each 512 places
 *  pawl_map_drain, _shrink         a shard at a time
 *  pawl_map_count, _stats_read     a short critical section for each shard
 *
 * All calls but create and destroy need an attached thread. They are allowed in read sections
 * and under the caller's locks (rank below PAWL_LOCK_RANK_MAP). All are linearizable, but those
 * over the whole map, which take one shard after the other.
 *
 * Callbacks (hash, match, fill, update, pair) run under the shard's lock: they are short and call
 * nothing of Pawl but pawl/hash.h. Debug builds check.
 *
 * Source: the table is in lib/map-table.h, with its sources; shards by the top bits of the hash as
 * in DashMap (J. Wejdenstål).
 */
#ifndef PAWL_MAP_H
#define PAWL_MAP_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

struct pawl_map;

#define PAWL_MAP_KEY_BYTES_MAX	 4096u
#define PAWL_MAP_VALUE_BYTES_MAX 4096u

/* The hash of a key, always the same: asked when a table is built anew. */
typedef uint64_t pawl_map_hash_fn(const void *key);

struct pawl_map_options {
	size_t size;	      /* sizeof(struct pawl_map_options) */
	uint32_t key_bytes;   /* 1 to 4096 */
	uint32_t value_bytes; /* 0 (a set) to 4096 */
	pawl_map_hash_fn *hash;
	uint32_t shards;   /* at most 1024, rounded up to a power of two; 0: chosen */
	uint32_t workers;  /* how many threads will use it: four shards each; 0: processors */
	uint64_t capacity; /* room for so many entries is made at once, if spread evenly */
};
#define PAWL_MAP_OPTIONS(key_type, value_type, hash)                                        \
	{sizeof(struct pawl_map_options), sizeof(key_type), sizeof(value_type), (hash), 0, 0, 0}

/*
 * pawl_map_create() - Make an empty map. Keys and values are aligned in it as the largest power
 * of two that divides their size, up to 8.
 *
 * Returns: 0.
 * Errors:  -EINVAL: no hash function, a size out of range, more than 1024 shards, a `size` below
 *          the first version's; -E2BIG: a larger one than this library knows; -ENOMEM.
 * Context: any thread, attached or not.
 */
PAWL_API PAWL_MUST_CHECK int pawl_map_create(const struct pawl_map_options *options,
					     struct pawl_map **ret_map);

/*
 * pawl_map_destroy() - Free the map and what is in it.
 *
 * Requires: nobody uses the map. NULL is allowed.
 * Context:  any thread, attached or not.
 */
PAWL_API void pawl_map_destroy(struct pawl_map *map);

/*
 * pawl_map_get() - Look a key up. The value is copied to ret_value, which may be NULL.
 *
 * Returns: true if the key is there.
 */
PAWL_API bool pawl_map_get(struct pawl_map *map, uint64_t hash, const void *key,
			   void *ret_value);

/* Is this the key? */
typedef bool pawl_map_match_fn(const void *key, const void *arg);

/*
 * pawl_map_find() - Look a key up by its components: `match` is asked about keys of this hash.
 * Key and value are copied out; both may be NULL.
 */
PAWL_API bool pawl_map_find(struct pawl_map *map, uint64_t hash, pawl_map_match_fn *match,
			    const void *arg, void *ret_key, void *ret_value);

/*
 * pawl_map_insert() - Put a key in that is not there. `value` NULL: all zero.
 *
 * Returns: 0.
 * Errors:  -EEXIST: the key is there; -ENOMEM. Nothing is changed then.
 */
PAWL_API PAWL_MUST_CHECK int pawl_map_insert(struct pawl_map *map, uint64_t hash,
					     const void *key, const void *value);

/*
 * pawl_map_put() - Put a key in, or give it another value. `value` NULL: all zero.
 *
 * Returns: 1: put in; 0: it was there and has the new value.
 * Errors:  -ENOMEM: it was not there; nothing is changed.
 */
PAWL_API PAWL_MUST_CHECK int pawl_map_put(struct pawl_map *map, uint64_t hash, const void *key,
					  const void *value);

/*
 * pawl_map_entry() - The value of the key, which is put in with `value` if it is not there: of
 * several threads that come with the same key one puts it in, and all get its value.
 *
 * Returns: 1: put in; 0: it was there. Either way its value is copied to ret_value (may be NULL).
 * Errors:  -ENOMEM: it was not there; nothing is changed.
 */
PAWL_API PAWL_MUST_CHECK int pawl_map_entry(struct pawl_map *map, uint64_t hash,
					    const void *key, const void *value,
					    void *ret_value);

/* Writes key and value (all zero before) of a new entry. The key has the hash of the call. */
typedef void pawl_map_fill_fn(void *key, void *value, const void *arg);

/*
 * pawl_map_entry_by() - The same by components: nothing has to be put together for a key that is
 * there.
 */
PAWL_API PAWL_MUST_CHECK int pawl_map_entry_by(struct pawl_map *map, uint64_t hash,
					       pawl_map_match_fn *match, pawl_map_fill_fn *fill,
					       const void *arg, void *ret_value);

/*
 * pawl_map_replace() - Give a key another value. The one before is copied to ret_old, which may be
 * NULL.
 *
 * Returns: true; false: the key is not there, and nothing is changed.
 */
PAWL_API bool pawl_map_replace(struct pawl_map *map, uint64_t hash, const void *key,
			       const void *value, void *ret_old);

/*
 * pawl_map_remove() - Take a key out. Its value is copied to ret_value, which may be NULL.
 *
 * Returns: true if it was there.
 */
PAWL_API bool pawl_map_remove(struct pawl_map *map, uint64_t hash, const void *key,
			      void *ret_value);

/* pawl_map_remove_by() - The same by components. */
PAWL_API bool pawl_map_remove_by(struct pawl_map *map, uint64_t hash, pawl_map_match_fn *match,
				 const void *arg, void *ret_key, void *ret_value);

/*
 * A key's place, while the lock is held. `value` is the value itself, to be read and written
 * (all zero if the key was not there). `present`: is the key there; set to what shall be.
 */
struct pawl_map_cell {
	void *value;
	bool present;
};

/*
 * Returns 0, or -errno to be passed on: then a key that was not there stays out, and one that was
 * stays in, with its value as it is left.
 */
typedef int pawl_map_update_fn(struct pawl_map_cell *cell, void *arg);

/*
 * pawl_map_upsert() - Decide about a key under the lock: put in, change, take out.
 *
 * Returns: 0.
 * Errors:  what the function returned; -ENOMEM: there is no room for a new key, and the function
 *          was not called.
 */
PAWL_API PAWL_MUST_CHECK int pawl_map_upsert(struct pawl_map *map, uint64_t hash,
					     const void *key, pawl_map_update_fn *update,
					     void *arg);

/* The same for two keys. */
typedef int pawl_map_pair_fn(struct pawl_map_cell cells[2], void *arg);

/*
 * pawl_map_pair() - Decide about two keys under the locks of both shards, which are taken in the
 * order of their numbers: nothing is tried and undone, and nobody sees one change alone.
 *
 * Requires: the keys are different.
 * Returns, Errors: as upsert.
 */
PAWL_API PAWL_MUST_CHECK int pawl_map_pair(struct pawl_map *map, uint64_t hash_a,
					   const void *key_a, uint64_t hash_b, const void *key_b,
					   pawl_map_pair_fn *pair, void *arg);

/* Where a scan is: all zero is the beginning. Private; may be copied and kept. */
struct pawl_map_cursor {
	uint64_t pawl_shard;
	uint64_t pawl_slot;
	uint64_t pawl_stamp;
};

/*
 * pawl_map_scan() - Copy the next entries, up to `max`, while others read and write.
 *
 * A key that is in the map from the first call to the last is returned at least once, and only
 * once unless its shard's table was built anew meanwhile (the shard is then begun again). Keys
 * that come or go meanwhile may be returned or not.
 *
 * Requires: max >= 1. ret_keys and ret_values have room for `max` keys and values, or are NULL.
 * Returns:  how many were copied; 0: the scan is over.
 */
PAWL_API size_t pawl_map_scan(struct pawl_map *map, struct pawl_map_cursor *cursor, size_t max,
			      void *ret_keys, void *ret_values);

/* Which shards a drain has not come to. Shared by the threads that help; private. */
struct pawl_map_drain_state {
	struct pawl_atomic_u32 pawl_next;
};
#define PAWL_MAP_DRAIN_INIT {{0}}

/* Gets an entry that was taken out; key and value are gone when it returns. */
typedef void pawl_map_drain_fn(const void *key, void *value, void *arg);

/*
 * pawl_map_drain() - Take everything out. Several threads may call it with the same `drain`: each
 * takes shards that no other has taken. The map goes on: a shard is empty once it was taken, and
 * what is put in later stays.
 *
 * Requires: `drain` is as PAWL_MAP_DRAIN_INIT for the first caller.
 * Returns:  how many entries this call took out. Takes no memory and cannot fail.
 * Context:  calls `gets` (may be NULL) with nothing held; it may call anything.
 */
PAWL_API uint64_t pawl_map_drain(struct pawl_map *map, struct pawl_map_drain_state *drain,
				 pawl_map_drain_fn *gets, void *arg);

/*
 * pawl_map_shrink() - Maintenance: give memory back where a shard is less than an eighth full, and
 * clear out the traces of removals.
 *
 * Returns: 0.
 * Errors:  -ENOMEM: some shards are as before.
 */
PAWL_API PAWL_MUST_CHECK int pawl_map_shrink(struct pawl_map *map);

/* pawl_map_count() - How many entries there are: each shard at its time. */
PAWL_API uint64_t pawl_map_count(struct pawl_map *map);

struct pawl_map_stats {
	uint64_t entries;
	uint64_t slots;	   /* places in the tables */
	uint64_t bytes;	   /* all of the map's memory */
	uint64_t shards;
	uint64_t rebuilds; /* tables built anew since the map was made */
	uint64_t reserved[3]; /* 0; later versions give them names */
};

/* pawl_map_stats_read() - Figures; bytes / entries is what an entry costs. */
PAWL_API void pawl_map_stats_read(struct pawl_map *map, struct pawl_map_stats *ret_stats);

PAWL_END_DECLS

#endif
