/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map-table.h - the control-byte table that map.c and rmap.c are made of: geometry, control
 * words, probe order. What lies in the slots is theirs.
 *
 * A table is 2^n groups. A group has one control word of 64 bits and seven slots. A look-up most often
 * ends in its first group.
 *
 *  byte 0-6 of the control word   0x80 | seven bits of the hash: slot 0-6 holds an entry
 *                                 0: it is empty
 *  byte 7                         overflow marks, one bit for each value of three of these
 *                                 hash bits: an entry of such a hash found this group full
 *
 * A hash begins at group hash & mask and goes on in steps of 1, 2, 3, ... (all groups, since
 * their number is a power of two), as long as the group has the overflow mark of the hash.
 * An entry goes to the first group with an empty slot and marks the full ones it passed. Marks
 * are never cleared in a table: they are what tombstones are elsewhere, but a removal leaves an
 * empty slot, and one mark slows an eighth of the hashes.
 *
 * A removal from a group that has the mark of its hash therefore does not give back the room that
 * it made ("drift"): the table is rebuilt, at the same size or twice the size, once all room
 * is used up. Marks thus stay rare however often keys come and go.
 *
 * Words are matched eight bytes at a time in a register: with SSE2 where there is SSE2, else
 * with integer arithmetic. Both are exact and both are always compiled, so that each can be
 * tested. The word is read by one load, atomic where it is shared: there are no byte accesses.
 *
 * Sources: control bytes: Abseil's Swiss tables (M. Kulukundis, 2017) and F14 (N. Bronson, X. Shi,
 * 2019); marks in place of tombstones and the drift rule: Boost.Unordered's flat maps
 * (J. M. López Muñoz, 2022); seven slots and a word, so that a group of pointers is a line: ours.
 *
 * Where control words and slots lie is the maps' own: map.c has them apart, rmap.c together.
 *
 * Rejected: robin hood and cuckoo: they move live entries, so a reader without a lock needs
 * versions and retries; tombstones: churn fills the table with them.
 */
#ifndef PAWL_MAP_TABLE_H
#define PAWL_MAP_TABLE_H

#include <unistd.h>

#if defined(__SSE2__) && defined(__x86_64__)
#define TABLE_SSE2 1
#include <emmintrin.h>
#endif

#include <pawl/hash.h>

#include "check.h"
#include "thread-internal.h"

#define TABLE_SLOTS 7u

/* At most so many shards; the number that Pawl chooses itself is no larger either. */
#define TABLE_SHARDS_MAX 1024u

/* --- Control words. --- */

/* The control byte of a hash. */
PAWL_ALWAYS_INLINE uint64_t table_tag(uint64_t hash)
{
	return 0x80u | pawl_hash_control(hash);
}

PAWL_ALWAYS_INLINE bool table_occupied(uint64_t control, unsigned slot)
{
	return (control >> (8 * slot)) & 0x80u;
}

PAWL_ALWAYS_INLINE uint64_t table_set(uint64_t control, unsigned slot, uint64_t tag)
{
	return (control & ~(UINT64_C(0xff) << (8 * slot))) | tag << (8 * slot);
}

PAWL_ALWAYS_INLINE uint64_t table_mark(uint64_t tag)
{
	return UINT64_C(1) << (56 + (tag & 7));
}

/* The first empty slot, or TABLE_SLOTS. */
PAWL_ALWAYS_INLINE unsigned table_first_empty(uint64_t control)
{
	uint64_t empty = ~control & UINT64_C(0x0080808080808080);

	return empty ? (unsigned)__builtin_ctzll(empty) >> 3 : TABLE_SLOTS;
}

PAWL_ALWAYS_INLINE unsigned table_entries(uint64_t control)
{
	return (unsigned)__builtin_popcountll(control & UINT64_C(0x0080808080808080));
}

/*
 * Slots whose byte is the tag, as bits; table_next_...() takes the lowest one out. The integer
 * one has them eight bits apart.
 */
PAWL_ALWAYS_INLINE uint64_t table_match_swar(uint64_t control, uint64_t tag)
{
	const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
	uint64_t differ = control ^ (tag * UINT64_C(0x0101010101010101));

	/* The sum carries into a byte's top bit if one of the others is set, never beyond. */
	return ~(((differ & low) + low) | differ) & UINT64_C(0x0080808080808080);
}

PAWL_ALWAYS_INLINE unsigned table_next_swar(uint64_t *matches)
{
	unsigned slot = (unsigned)__builtin_ctzll(*matches) >> 3;

	*matches &= *matches - 1;
	return slot;
}

#ifdef TABLE_SSE2
PAWL_ALWAYS_INLINE uint64_t table_match_sse2(uint64_t control, uint64_t tag)
{
	__m128i bytes = _mm_cvtsi64_si128((long long)control);
	__m128i equal = _mm_cmpeq_epi8(bytes, _mm_set1_epi8((char)tag));

	return (uint64_t)_mm_movemask_epi8(equal) & 0x7fu;
}

PAWL_ALWAYS_INLINE unsigned table_next_sse2(uint64_t *matches)
{
	unsigned slot = (unsigned)__builtin_ctzll(*matches);

	*matches &= *matches - 1;
	return slot;
}
#endif

#if defined(TABLE_SSE2) && !defined(PAWL_TABLE_SWAR)
#define table_match table_match_sse2
#define table_next  table_next_sse2
#else
#define table_match table_match_swar
#define table_next  table_next_swar
#endif

/* --- Probe order. --- */

struct probe {
	uint64_t group;
	uint64_t step;
	uint64_t mask;
	uint64_t tag;
};

PAWL_ALWAYS_INLINE struct probe probe_begin(uint64_t hash, uint64_t mask)
{
	struct probe probe = {
		.group = hash & mask,
		.mask = mask,
		.tag = table_tag(hash),
	};

	return probe;
}

/*
 * Having seen this group's control word: is there more, and where? Ends after all groups: hashes
 * that are all alike may have marked every one.
 */
PAWL_ALWAYS_INLINE bool probe_next(struct probe *probe, uint64_t control)
{
	if (PAWL_LIKELY(!(control & table_mark(probe->tag))) || probe->step == probe->mask)
		return false;
	probe->step++;
	probe->group = (probe->group + probe->step) & probe->mask;
	return true;
}

/* On to the next group in any case: for an entry that found this one full. */
PAWL_ALWAYS_INLINE void probe_step(struct probe *probe)
{
	PAWL_ASSERT(probe->step < probe->mask && "a table below its limit has an empty slot");
	probe->step++;
	probe->group = (probe->group + probe->step) & probe->mask;
}

/* --- Geometry. --- */

/* So many entries a table of so many groups takes: 7/8 of its slots; one group takes all. */
static inline uint64_t table_limit(uint64_t groups)
{
	uint64_t slots = groups * TABLE_SLOTS;

	return groups <= 1 ? slots : slots - slots / 8;
}

/* Groups for so many entries; 0 for none. */
static inline uint64_t table_groups_for(uint64_t entries)
{
	uint64_t groups = entries ? 1 : 0;

	while (table_limit(groups) < entries)
		groups *= 2;
	return groups;
}

/*
 * Groups of the table that replaces one of `groups` groups with `live` entries, to take `more`:
 * the same number if that leaves 3/8 of the room, so that what a rebuild costs has
 * been paid by as many insertions.
 */
static inline uint64_t table_groups_next(uint64_t groups, uint64_t live, uint64_t more)
{
	uint64_t next = groups ? groups : 1;

	if (groups && live + more > table_limit(groups) * 5 / 8)
		next *= 2;
	while (table_limit(next) < live + more)
		next *= 2;
	return next;
}

/* Groups that maintenance would give a table: small enough for what is left, with room to spare. */
static inline uint64_t table_groups_shrunk(uint64_t groups, uint64_t live)
{
	if (live > table_limit(groups) / 8)
		return groups;
	return table_groups_for(live + live / 2);
}

/*
 * The number of shards, a power of two: what the caller asks for, else four for each worker (each
 * processor), from 1 to TABLE_SHARDS_MAX. 0 if the caller asks for more than that.
 */
static inline uint32_t table_shards(uint32_t asked, uint32_t workers)
{
	uint64_t want = asked;
	uint32_t shards = 1;

	if (asked > TABLE_SHARDS_MAX)
		return 0;
	if (!asked) {
		long online = workers ? (long)workers : sysconf(_SC_NPROCESSORS_ONLN);

		want = online > 0 ? (uint64_t)online * 4 : 1;
		if (want > TABLE_SHARDS_MAX)
			want = TABLE_SHARDS_MAX;
	}
	while (shards < want)
		shards *= 2;
	return shards;
}

/*
 * The shard of a hash. `shift` is PAWL_HASH_SHARD_BITS_MAX less the shard bits: two shifts, so
 * that one shard needs no branch (no shift is by 64).
 */
PAWL_ALWAYS_INLINE uint64_t table_shard(uint64_t hash, unsigned shift)
{
	return (hash >> (64 - PAWL_HASH_SHARD_BITS_MAX)) >> shift;
}

static inline unsigned table_shard_shift(uint32_t shards)
{
	return PAWL_HASH_SHARD_BITS_MAX - (unsigned)__builtin_ctz(shards);
}

/* --- Functions of the user's that run under a shard's lock. --- */

/* Debug builds: no call of Pawl is allowed until callback_leave(). */
PAWL_ALWAYS_INLINE void callback_enter(void)
{
	if (PAWL_DEBUG_BUILD)
		pawl__self()->callback_depth++;
}

PAWL_ALWAYS_INLINE void callback_leave(void)
{
	if (PAWL_DEBUG_BUILD)
		pawl__self()->callback_depth--;
}

#endif
