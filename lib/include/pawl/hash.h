/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/hash.h - 64-bit hashes, and how Pawl's tables cut them up.
 *
 * All tables of Pawl take a 64-bit hash from the caller and use disjoint parts
 * of it: bits 48-63 choose the shard (the top ones of them), bits 41-47 are the
 * control byte, the low 41 the slot. A hash whose quality sits in a few bits is therefore
 * bad everywhere: use these functions, or pawl_hash_mix() over one's own.
 *
 * Byte ranges go through XXH3 (Y. Collet), numbers through SplitMix64's finalizer: the same input and seed give the same hash
 * on every machine of the same byte order, in every version of Pawl, so hashes may be stored. They
 * are not cryptographic; against an adversary who chooses keys, seed tables with
 * pawl_hash_process_seed().
 *
 * All calls are wait-free and need no attached thread.
 */
#ifndef PAWL_HASH_H
#define PAWL_HASH_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

/* pawl_hash_bytes() - Hash of a byte range. `ptr` may be NULL if len is 0. */
PAWL_API uint64_t pawl_hash_bytes(const void *ptr, size_t len, uint64_t seed);

/* pawl_hash_u64() - Hash of one number; a bijection for a fixed seed, so without collisions. */
PAWL_API uint64_t pawl_hash_u64(uint64_t value, uint64_t seed);

/*
 * pawl_hash_combine() - Hash of a sequence, a component at a time:
 * h = pawl_hash_combine(h, component_hash). Order matters. Start with the seed.
 */
PAWL_API uint64_t pawl_hash_combine(uint64_t hash, uint64_t component_hash);

/* pawl_hash_mix() - Spread the quality of a foreign hash over all 64 bits; a bijection. */
PAWL_API uint64_t pawl_hash_mix(uint64_t hash);

/*
 * pawl_hash_process_seed() - A random number, the same for the whole life of the process. Not for
 * hashes that are stored.
 */
PAWL_API uint64_t pawl_hash_process_seed(void);

/* A 128-bit digest for content: collisions are not to be expected by chance. */
struct pawl_digest {
	uint64_t low, high;
};

/* pawl_digest_bytes() - Digest of a byte range (XXH3-128, no seed). */
PAWL_API struct pawl_digest pawl_digest_bytes(const void *ptr, size_t len);

/* pawl_digest_equal() - Are they the same? */
PAWL_API bool pawl_digest_equal(struct pawl_digest a, struct pawl_digest b);

/*
 * The parts. Shards: 2^shard_bits, shard_bits <= 16. Slots: 2^slot_bits, slot_bits <= 41: the three
 * ranges never overlap.
 */
#define PAWL_HASH_SHARD_BITS_MAX  16
#define PAWL_HASH_CONTROL_BITS	  7
#define PAWL_HASH_SLOT_BITS_MAX	  41

static inline uint32_t pawl_hash_shard(uint64_t hash, unsigned shard_bits)
{
	return shard_bits ? (uint32_t)(hash >> (64 - shard_bits)) : 0;
}

static inline uint8_t pawl_hash_control(uint64_t hash)
{
	return (uint8_t)((hash >> PAWL_HASH_SLOT_BITS_MAX) & 0x7f);
}

static inline uint64_t pawl_hash_slot(uint64_t hash, unsigned slot_bits)
{
	return hash & ((UINT64_C(1) << slot_bits) - 1);
}

PAWL_END_DECLS

#endif
