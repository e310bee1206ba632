/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/rmap.h - a concurrent map of pointers whose readers take no lock.
 *
 * The map leads from a 64-bit hash and a comparison to an entry, a pointer to an object of the
 * caller's that has its key in it. Readers look up inside a read section (pawl/rcu.h): they
 * never wait and write nothing that others see. Writers lock one shard of the map, one
 * in a few dozen, for the length of a call; no call returns with a lock held.
 *
 * The hash is the caller's and must be good in all its bits (pawl/hash.h). A key can be anything
 * that a comparison understands, so an entry is found by its components, without making a key
 * of them first.
 *
 *	struct file { uint64_t hash; struct pawl_retire_node node; char name[32]; ... };
 *	static bool same(const void *entry, const void *key)
 *		{ return !strcmp(((const struct file *)entry)->name, key); }
 *	static uint64_t hash_of(const void *entry) { return ((const struct file *)entry)->hash; }
 *
 *	struct pawl_rmap_options options = PAWL_RMAP_OPTIONS(same, hash_of);
 *	err = pawl_rmap_create(&options, &files);
 *	...
 *	pawl_rcu_begin();
 *	file_rcu = pawl_rmap_get(files, hash, "a.c");
 *	...
 *	pawl_rcu_end();
 *
 * Not for: small keys and values that fit in the map itself (pawl/map.h has them in one cache
 * line); dense numbers.
 *
 *  call                        progress                               section
 *  pawl_rmap_get               wait-free                              required
 *  pawl_rmap_scan              wait-free                              required
 *  pawl_rmap_entry             finds it: wait-free; else as insert    required
 *  pawl_rmap_insert, _replace, a short critical section; an insertion allowed
 *  _remove, _remove_entry,     at times builds the shard's table
 *  _update, _pair              anew
 *  pawl_rmap_drain, _shrink    a shard at a time                      allowed
 *  pawl_rmap_count             wait-free                              allowed
 *  pawl_rmap_stats_read        a short critical section for each shard  allowed
 *
 * Ownership: entries are the caller's. What a call takes out of the map is found by no later
 * look-up, but readers may still look at it: the caller retires it (pawl/retire.h). The
 * map's own arrays are retired by the map.
 *
 * Ordering: for each key the calls are linearizable, look-ups included; what happened before an
 * entry was put in is visible to whoever finds it. A look-up that finds nothing orders nothing.
 * Two readers who look up two keys may see insertions by two writers in different orders, as with any
 * acquire and release.
 *
 * Callbacks (comparison, hash, update, pair) are short, do not fail, and call nothing of Pawl but
 * pawl/hash.h: they run under a shard's lock. Debug builds check.
 *
 * Source: the table is in lib/map-table.h, with its sources; writers by lock and readers by
 * read-copy-update as in the kernel's rhashtable (H. Xu, T. Graf, 2014).
 */
#ifndef PAWL_RMAP_H
#define PAWL_RMAP_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

struct pawl_rmap;

/* Is this entry the one with this key? `key` is whatever the caller gave to the call. */
typedef bool pawl_rmap_match_fn(const void *entry, const void *key);

/* The hash of an entry's key, always the same: asked when a table is built anew. */
typedef uint64_t pawl_rmap_hash_fn(const void *entry);

struct pawl_rmap_options {
	size_t size;		   /* sizeof(struct pawl_rmap_options) */
	pawl_rmap_match_fn *match; /* for calls that bring none of their own */
	pawl_rmap_hash_fn *hash;
	uint32_t shards;   /* at most 1024, rounded up to a power of two; 0: chosen */
	uint32_t workers;  /* how many threads will use it: four shards each; 0: processors */
	uint64_t capacity; /* room for so many entries is made at once, if spread evenly */
};
#define PAWL_RMAP_OPTIONS(match, hash) \
	{sizeof(struct pawl_rmap_options), (match), (hash), 0, 0, 0}

/*
 * pawl_rmap_create() - Make an empty map.
 *
 * Returns: 0.
 * Errors:  -EINVAL: no hash or match function, more than 1024 shards, a `size` below the first
 *          version's; -E2BIG: a larger one than this library knows; -ENOMEM.
 * Context: any thread, attached or not.
 */
PAWL_API PAWL_MUST_CHECK int pawl_rmap_create(const struct pawl_rmap_options *options,
					      struct pawl_rmap **ret_map);

/*
 * pawl_rmap_destroy() - Free the map. Its entries are not touched: drain it first.
 *
 * Requires: nobody uses the map, and no section is open that did. NULL is allowed.
 * Context:  any thread, attached or not.
 */
PAWL_API void pawl_rmap_destroy(struct pawl_rmap *map);

/*
 * pawl_rmap_get() - The entry with this key, or NULL.
 *
 * Requires: in a section.
 * Progress: wait-free; no shared memory is written. The number of steps is bounded by the
 *           entries whose hashes are alike.
 * Owns:     borrowed until the section ends.
 */
PAWL_API void *pawl_rmap_get(const struct pawl_rmap *map, uint64_t hash, const void *key);

/* pawl_rmap_get_by() - The same, with a comparison of its own: look-up by components. */
PAWL_API void *pawl_rmap_get_by(const struct pawl_rmap *map, uint64_t hash,
				pawl_rmap_match_fn *match, const void *key);

/*
 * pawl_rmap_entry() - Find the entry with this key, or put `fresh` in: of several threads that
 * come with the same key, one gets its own entry in and all get that one.
 *
 * Requires: in a section; `fresh` has the key and this hash.
 * Returns:  1: `fresh` is in the map now; 0: there was one. Either way it is in ret_entry.
 * Errors:   -ENOMEM: there was none, and no memory for a larger table; nothing is changed.
 * Owns:     takes `fresh` if it returns 1; ret_entry is borrowed until the section ends.
 */
PAWL_API PAWL_MUST_CHECK int pawl_rmap_entry(struct pawl_rmap *map, uint64_t hash,
					     const void *key, void *fresh, void **ret_entry);

/* pawl_rmap_entry_by() - The same, with a comparison of its own. */
PAWL_API PAWL_MUST_CHECK int pawl_rmap_entry_by(struct pawl_rmap *map, uint64_t hash,
						pawl_rmap_match_fn *match, const void *key,
						void *fresh, void **ret_entry);

/*
 * pawl_rmap_insert() - Put an entry in whose key is not there.
 *
 * Requires: attached; `entry` is not NULL and has the key and this hash.
 * Returns:  0.
 * Errors:   -EEXIST: the key is there; -ENOMEM. Nothing is changed then.
 */
PAWL_API PAWL_MUST_CHECK int pawl_rmap_insert(struct pawl_rmap *map, uint64_t hash,
					      const void *key, void *entry);

/*
 * pawl_rmap_replace() - Put `entry` in the place of the one with the same key. Readers find the
 * one or the other, never none.
 *
 * Requires: attached; `entry` is not NULL and has the key and this hash.
 * Returns:  the entry that was there, the caller's now, or NULL: there was none, and nothing
 *           is changed.
 */
PAWL_API PAWL_MUST_CHECK void *pawl_rmap_replace(struct pawl_rmap *map, uint64_t hash,
						 const void *key, void *entry);

/*
 * pawl_rmap_remove() - Take the entry with this key out.
 *
 * Requires: attached.
 * Returns:  the entry, the caller's now, or NULL. Takes no memory and cannot fail.
 */
PAWL_API PAWL_MUST_CHECK void *pawl_rmap_remove(struct pawl_rmap *map, uint64_t hash,
						const void *key);

/* pawl_rmap_remove_by() - The same, with a comparison of its own. */
PAWL_API PAWL_MUST_CHECK void *pawl_rmap_remove_by(struct pawl_rmap *map, uint64_t hash,
						   pawl_rmap_match_fn *match, const void *key);

/*
 * pawl_rmap_remove_entry() - Take out this very entry, if it is still in the map. No comparison is
 * called, and the entry is not looked into.
 *
 * Requires: attached.
 * Returns:  true if it was there; the caller owns it now.
 */
PAWL_API PAWL_MUST_CHECK bool pawl_rmap_remove_entry(struct pawl_rmap *map, uint64_t hash,
						     const void *entry);

/*
 * What is to be in the place of `entry` (NULL: the key is not there). The same: no change. NULL:
 * out of the map. Another one: it has the same key and hash.
 */
typedef void *pawl_rmap_update_fn(void *entry, void *arg);

/*
 * pawl_rmap_update() - Decide under the shard's lock.
 *
 * Requires: attached.
 * Returns:  0, and in ret_old the entry that was taken out or replaced, the caller's now, or NULL.
 * Errors:   -ENOMEM: no room for an insertion; the function was not called.
 */
PAWL_API PAWL_MUST_CHECK int pawl_rmap_update(struct pawl_rmap *map, uint64_t hash,
					      const void *key, pawl_rmap_update_fn *update,
					      void *arg, void **ret_old);

/* The same for two: changes entries[0] and entries[1] as an update function returns. */
typedef void pawl_rmap_pair_fn(void *entries[2], void *arg);

/*
 * pawl_rmap_pair() - Decide about two keys under the locks of both shards, which are taken in the
 * order of their numbers. No other writer comes in between; readers may see one change
 * before the other.
 *
 * Requires: attached; the keys are different.
 * Returns:  0. What the function took out of `entries` it has seen, and keeps track of itself.
 * Errors:   -ENOMEM: no room for insertions; the function was not called.
 */
PAWL_API PAWL_MUST_CHECK int pawl_rmap_pair(struct pawl_rmap *map, uint64_t hash_a,
					    const void *key_a, uint64_t hash_b,
					    const void *key_b, pawl_rmap_pair_fn *pair, void *arg);

/* Where a scan is: all zero is the beginning. Private; may be copied and kept. */
struct pawl_rmap_cursor {
	uint64_t pawl_shard;
	uint64_t pawl_slot;
	uint64_t pawl_stamp;
};

/*
 * pawl_rmap_scan() - The next entries, up to `max`, while others read and write.
 *
 * An entry that is in the map from the first call to the last is returned at least once, and
 * only once unless its shard's table was built anew between two calls (the shard is then begun
 * again). Entries that come or go meanwhile may be returned or not. Replacing an entry does not
 * move it: the old or the new one is returned.
 *
 * Requires: in a section, which may be another one for each call; max >= 1.
 * Returns:  how many are in ret_entries; 0: the scan is over.
 * Progress: wait-free.
 * Owns:     the entries are borrowed until the section ends.
 */
PAWL_API size_t pawl_rmap_scan(const struct pawl_rmap *map, struct pawl_rmap_cursor *cursor,
			       size_t max, void **ret_entries);

/* Which shards a drain has not come to. Shared by the threads that help; private. */
struct pawl_rmap_drain_state {
	struct pawl_atomic_u32 pawl_next;
};
#define PAWL_RMAP_DRAIN_INIT {{0}}

/* Gets an entry that was taken out: retires it, as readers may still look at it. */
typedef void pawl_rmap_drain_fn(void *entry, void *arg);

/*
 * pawl_rmap_drain() - Take everything out. Several threads may call it with the same `drain`: each
 * takes shards that no other has taken. The map goes on: a shard is empty once it was taken, and
 * what is put in later stays.
 *
 * Requires: attached. `drain` is as PAWL_RMAP_DRAIN_INIT for the first caller.
 * Returns:  how many entries this call took out. Takes no memory and cannot fail.
 * Context:  calls `gets` with nothing held; it may call anything.
 */
PAWL_API uint64_t pawl_rmap_drain(struct pawl_rmap *map, struct pawl_rmap_drain_state *drain,
				  pawl_rmap_drain_fn *gets, void *arg);

/*
 * pawl_rmap_shrink() - Maintenance: give memory back where a shard is less than an eighth full, and
 * clear out the traces of removals.
 *
 * Requires: attached.
 * Returns:  0.
 * Errors:   -ENOMEM: some shards are as before.
 */
PAWL_API PAWL_MUST_CHECK int pawl_rmap_shrink(struct pawl_rmap *map);

/* pawl_rmap_count() - How many entries there are. Exact when nobody writes. Any thread. */
PAWL_API uint64_t pawl_rmap_count(const struct pawl_rmap *map);

struct pawl_rmap_stats {
	uint64_t entries;
	uint64_t slots;	   /* places in the tables */
	uint64_t bytes;	   /* all of the map's memory, without the entries and what is retired */
	uint64_t shards;
	uint64_t rebuilds; /* tables built anew since the map was made */
	uint64_t reserved[3]; /* 0; later versions give them names */
};

/*
 * pawl_rmap_stats_read() - Figures; bytes / entries is what an entry costs.
 *
 * Requires: attached.
 */
PAWL_API void pawl_rmap_stats_read(struct pawl_rmap *map, struct pawl_rmap_stats *ret_stats);

PAWL_END_DECLS

#endif
