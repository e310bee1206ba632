/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/cmap.h - counts by id, mostly few: how often each neighbour in a graph is linked, how many
 * reasons there are for something.
 *
 * A map takes keys to counts of 32 bits with a sign. A count of 0 is never stored: a key whose
 * count reaches 0 is gone. Each update reports the count before and after, so whether it crossed
 * zero is known from the same step that made the change. The handle is 16 bytes inside its owner's
 * record; one entry lies in the handle itself (with 32-bit keys two, if their counts have 16 bits),
 * more in a sorted array, many in a hash table. The empty map is the zeroed
 * handle and holds no memory.
 *
 *	struct pawl_cmap uppers = PAWL_CMAP_INIT;
 *	struct pawl_crossing crossing;
 *
 *	rc = pawl_cmap_add(&uppers, id, 1, &crossing);
 *	if (!rc && pawl_crossing_zero(crossing))
 *		... the key is new (or gone, after a negative one) ...
 *
 * struct pawl_cmap has keys of 32 bits, struct pawl_cmap64 of 64; every key value is allowed.
 *
 * Not for threads, nor for keys that an adversary chooses; handles move by assignment; walking
 * while changing: all as pawl/sset.h says it. Changing the count of a key that was there and is
 * still there afterwards does not disturb a walk.
 *
 *  call                   cost (n entries)                           takes memory
 *  init, count, bytes     constant                                   no
 *  get                    up to 32 entries: log n; else constant     no
 *  add                    the same, and moving up to 32 entries; at times n   at times
 *  next                   constant; a whole walk: n                  no
 *  add_n, merge           as many adds, with one growth              at times
 *  copy, reserve, trim    n                                          yes
 *  fini                   one free                                   no
 *
 * -ENOMEM and -EOVERFLOW leave the map with the entries that it had before. An add that takes a
 * count to 0 never fails, nor do get, next, trim, fini.
 */
#ifndef PAWL_CMAP_H
#define PAWL_CMAP_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

/* A map from 32-bit keys to counts. All zero is the empty map. Private: lib/small.h. */
struct pawl_cmap {
	uint64_t pawl_wide;
	uint32_t pawl_narrow;
	uint32_t pawl_form;
};
PAWL_STATIC_ASSERT(sizeof(struct pawl_cmap) == 16, "the handle's size is part of records");

/* A map from 64-bit keys to counts. */
struct pawl_cmap64 {
	uint64_t pawl_wide;
	uint32_t pawl_narrow;
	uint32_t pawl_form;
};
PAWL_STATIC_ASSERT(sizeof(struct pawl_cmap64) == 16, "the handle's size is part of records");

/* clang-format off */
#define PAWL_CMAP_INIT   {0, 0, 0}
#define PAWL_CMAP64_INIT {0, 0, 0}
/* clang-format on */

/* A map holds at most so many entries; growing beyond is -ENOMEM. */
#define PAWL_CMAP_MAX UINT32_C(0x60000000)

/* A key and its count, or what to add to it. */
struct pawl_cmap_entry {
	uint32_t key;
	int32_t count;
};
struct pawl_cmap64_entry {
	uint64_t key;
	int32_t count;
};

/* What an update did to a count; 0 is "no such entry". */
struct pawl_crossing {
	int32_t before;
	int32_t after;
};

/* Did the entry appear or disappear? */
static inline bool pawl_crossing_zero(struct pawl_crossing crossing)
{
	return (crossing.before == 0) != (crossing.after == 0);
}

/* Did the count become positive, or stop being so? */
static inline bool pawl_crossing_positive(struct pawl_crossing crossing)
{
	return (crossing.before > 0) != (crossing.after > 0);
}

/* pawl_cmap_init() - Make the empty map: the same as PAWL_CMAP_INIT, or as zeroing. */
PAWL_API void pawl_cmap_init(struct pawl_cmap *map);

/* pawl_cmap_fini() - Free what the map holds; it is empty then, and may be used again. */
PAWL_API void pawl_cmap_fini(struct pawl_cmap *map);

/* pawl_cmap_count() - How many entries it holds (keys whose count is not 0). */
PAWL_API uint32_t pawl_cmap_count(const struct pawl_cmap *map);

/* pawl_cmap_get() - The count of a key; 0 if there is none. */
PAWL_API int32_t pawl_cmap_get(const struct pawl_cmap *map, uint32_t key);

/*
 * pawl_cmap_add() - Add `delta` to the count of a key.
 *
 * Returns:  0, and in `ret_crossing` (may be NULL) the count before and after.
 * Errors:   -EOVERFLOW: the sum does not fit 32 bits; -ENOMEM. Nothing changed.
 */
PAWL_API PAWL_MUST_CHECK int pawl_cmap_add(struct pawl_cmap *map, uint32_t key, int32_t delta,
					   struct pawl_crossing *ret_crossing);

/*
 * pawl_cmap_add_n() - Add the counts of `n` entries, one after the other, or none of them.
 *
 * Requires: `entries` is not NULL unless n is 0; keys may repeat, counts may be 0.
 * Returns:  0, and in `ret_crossings` (NULL, or room for n) what each did.
 * Errors:   -EOVERFLOW: one of the sums on the way does not fit; -ENOMEM. Nothing changed;
 *           what is in `ret_crossings` means nothing then.
 */
PAWL_API PAWL_MUST_CHECK int pawl_cmap_add_n(struct pawl_cmap *map,
					     const struct pawl_cmap_entry *entries, size_t n,
					     struct pawl_crossing *ret_crossings);

/*
 * pawl_cmap_merge() - Add all counts of `from`, times `sign`, or none of them.
 *
 * Requires: the two are not the same map; `sign` is 1 or -1.
 * Returns:  0, and in `ret_crossings` (NULL, or room for pawl_cmap_count(from)) what each did, in
 *           the order in which pawl_cmap_next() walks `from`.
 * Errors:   -EOVERFLOW, -ENOMEM as for add_n.
 */
PAWL_API PAWL_MUST_CHECK int pawl_cmap_merge(struct pawl_cmap *map,
					     const struct pawl_cmap *from, int sign,
					     struct pawl_crossing *ret_crossings);

/*
 * pawl_cmap_copy() - Make a map with the same entries, as small as it can be.
 *
 * Requires: `ret_copy` is not a map that holds memory: it is overwritten.
 * Errors:   -ENOMEM: `ret_copy` was not written.
 */
PAWL_API PAWL_MUST_CHECK int pawl_cmap_copy(const struct pawl_cmap *map,
					    struct pawl_cmap *ret_copy);

/*
 * pawl_cmap_next() - The next entry of a walk.
 *
 * Requires: `*cursor` is 0 to begin with, then what the call before left there.
 * Returns:  true and the entry; false at the end.
 */
PAWL_API bool pawl_cmap_next(const struct pawl_cmap *map, uint32_t *cursor,
			     struct pawl_cmap_entry *ret_entry);

/*
 * pawl_cmap_reserve() - Make room for `count` entries in all: adding takes no memory until there
 * are that many, or one is removed.
 *
 * Errors:   -ENOMEM: nothing changed.
 */
PAWL_API PAWL_MUST_CHECK int pawl_cmap_reserve(struct pawl_cmap *map, uint32_t count);

/* pawl_cmap_trim() - Make it as small as it can be. Out of memory it stays as it is. */
PAWL_API void pawl_cmap_trim(struct pawl_cmap *map);

/* pawl_cmap_bytes() - What it holds besides the handle. */
PAWL_API size_t pawl_cmap_bytes(const struct pawl_cmap *map);

/* The same for 64-bit keys. */
PAWL_API void pawl_cmap64_init(struct pawl_cmap64 *map);
PAWL_API void pawl_cmap64_fini(struct pawl_cmap64 *map);
PAWL_API uint32_t pawl_cmap64_count(const struct pawl_cmap64 *map);
PAWL_API int32_t pawl_cmap64_get(const struct pawl_cmap64 *map, uint64_t key);
PAWL_API PAWL_MUST_CHECK int pawl_cmap64_add(struct pawl_cmap64 *map, uint64_t key,
					     int32_t delta, struct pawl_crossing *ret_crossing);
PAWL_API PAWL_MUST_CHECK int pawl_cmap64_add_n(struct pawl_cmap64 *map,
					       const struct pawl_cmap64_entry *entries,
					       size_t n, struct pawl_crossing *ret_crossings);
PAWL_API PAWL_MUST_CHECK int pawl_cmap64_merge(struct pawl_cmap64 *map,
					       const struct pawl_cmap64 *from, int sign,
					       struct pawl_crossing *ret_crossings);
PAWL_API PAWL_MUST_CHECK int pawl_cmap64_copy(const struct pawl_cmap64 *map,
					      struct pawl_cmap64 *ret_copy);
PAWL_API bool pawl_cmap64_next(const struct pawl_cmap64 *map, uint32_t *cursor,
			       struct pawl_cmap64_entry *ret_entry);
PAWL_API PAWL_MUST_CHECK int pawl_cmap64_reserve(struct pawl_cmap64 *map, uint32_t count);
PAWL_API void pawl_cmap64_trim(struct pawl_cmap64 *map);
PAWL_API size_t pawl_cmap64_bytes(const struct pawl_cmap64 *map);

PAWL_END_DECLS

#endif
