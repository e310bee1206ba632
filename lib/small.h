/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * small.h - what the small sets and counter maps have in common: the handle's form word,
 * the sizes of blocks, the hash. small-template.h has the three forms, and the essay.
 */
#ifndef PAWL_SMALL_H
#define PAWL_SMALL_H

#include <stddef.h>
#include <stdint.h>

#include <pawl/base.h>
#include <pawl/cmap.h>
#include <pawl/sset.h>

/*
 * The form word of a handle. Zero is the empty inline form.
 *
 *	bits 0-1    kind
 *	bit 2       hash form of a set: key 0 is in it (in the table 0 means vacant)
 *	bits 8-15   inline: number of entries; else the size class of the block
 *	bits 16-23  hash form: seed of this table
 */
enum small_kind { SMALL_INLINE, SMALL_ARRAY, SMALL_HASH };
#define SMALL_ZERO_KEY 4u

static inline uint32_t small_form(enum small_kind kind, unsigned size, unsigned seed)
{
	return (uint32_t)kind | size << 8 | seed << 16;
}

static inline enum small_kind small_kind(uint32_t form)
{
	return (enum small_kind)(form & 3);
}

/* Number of entries (inline), or class of the block. */
static inline unsigned small_size(uint32_t form)
{
	return form >> 8 & 0xff;
}

static inline unsigned small_seed(uint32_t form)
{
	return form >> 16 & 0xff;
}

/*
 * Blocks have the sizes that allocators with four classes a doubling (jemalloc, mimalloc) hand
 * out anyway: 16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, ... The class is what
 * the handle remembers of the capacity.
 */
static inline uint64_t small_class_bytes(unsigned class)
{
	if (class < 4)
		return 16 * (uint64_t)(class + 1);
	return (uint64_t)((class & 3) + 5) << (class / 4 - 1) << 4;
}

/* The smallest class of at least `bytes`. */
static inline unsigned small_class_for(uint64_t bytes)
{
	uint64_t last = bytes ? (bytes - 1) / 16 : 0;
	unsigned shift;

	if (last < 4)
		return (unsigned)last;
	shift = 61 - (unsigned)__builtin_clzll(last);
	return (unsigned)(last >> shift) + 4 * shift;
}

/*
 * Longest sorted array. Longer ones cost moving at each insertion, hash tables a third more
 * bytes: bench/b-set.c shows both.
 */
#define SMALL_ARRAY_BYTES 256u

/* How many of `slots` may be taken: 13 of 16. */
static inline uint32_t small_hash_room(uint32_t slots)
{
	return slots - (slots >> 2) + (slots >> 4);
}

/*
 * Where a key belongs among `slots`: multiply, fold, multiply, and the high half scaled, so that
 * any number of slots will do. The order of slots is the order of hashes; two tables
 * with one hash, the second filled in the order of the first, would crowd in its first part, so
 * each table has a seed. It comes from what is in the set, never from an address: the same
 * calls give the same walk.
 */
static inline uint32_t small_home(uint64_t key, unsigned seed, uint32_t slots)
{
	uint64_t hash =
		(key + seed * UINT64_C(0xd1342543de82ef95)) * UINT64_C(0x9e3779b97f4a7c15);

	hash = (hash ^ hash >> 32) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)((hash >> 32) * slots >> 32);
}

static inline unsigned small_new_seed(uint64_t key, uint32_t count)
{
	return (unsigned)((key + count + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

/* Where a key is, or (not found) where it would go. */
struct small_place {
	uint32_t at;
	bool found;
};

/* Place of key 0 in the hash form of a set. */
#define SMALL_AT_ZERO UINT32_MAX

/* Does the object keep the invariants? For tests. */
bool pawl__sset_audit(const struct pawl_sset *set);
bool pawl__sset64_audit(const struct pawl_sset64 *set);
bool pawl__cmap_audit(const struct pawl_cmap *map);
bool pawl__cmap64_audit(const struct pawl_cmap64 *map);

#endif
