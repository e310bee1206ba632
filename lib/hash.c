/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash.c - hashes and digests.
 *
 * Bytes go through XXH3 (xxHash library, inlined: no run-time dependency), numbers through
 * the finalizer of SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom
 * Number Generators", OOPSLA 2014; constants: D. Stafford's variant 13): two multiplications, a
 * bijection, every input bit reaches every output bit. The constants are part of stored
 * formats: they never change.
 */
#include "config.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include <pawl/atomic.h>
#include <pawl/hash.h>

/* 2^64 over the golden ratio, odd. */
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

PAWL_STATIC_ASSERT(PAWL_HASH_SHARD_BITS_MAX + PAWL_HASH_CONTROL_BITS + PAWL_HASH_SLOT_BITS_MAX == 64,
		   "shard, control byte and slot share no bit");

/* 0: not drawn yet. Any thread draws; the first to store wins. */
static struct pawl_atomic_u64 process_seed;

uint64_t pawl_hash_mix(uint64_t hash)
{
	hash = (hash ^ (hash >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	hash = (hash ^ (hash >> 27)) * UINT64_C(0x94d049bb133111eb);
	return hash ^ (hash >> 31);
}

uint64_t pawl_hash_bytes(const void *ptr, size_t len, uint64_t seed)
{
	return XXH3_64bits_withSeed(ptr, len, seed);
}

uint64_t pawl_hash_u64(uint64_t value, uint64_t seed)
{
	/*
	 * The sum keeps value 0 with seed 0 from hashing to 0, the product keeps value and seed
	 * from being exchangeable.
	 */
	return pawl_hash_mix((value ^ (seed * UINT64_C(0xd1342543de82ef95))) + GOLDEN);
}

uint64_t pawl_hash_combine(uint64_t hash, uint64_t component_hash)
{
	/*
	 * The product makes the order of components matter, the last sum keeps components that are 0
	 * from leaving a hash of 0 as it is.
	 */
	return pawl_hash_mix(hash * GOLDEN + component_hash + UINT64_C(0xd1342543de82ef95));
}

static uint64_t draw_seed(void)
{
	struct timespec now;
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed))
		return seed;
	/* Before the kernel has gathered randomness, or where the call is refused. */
	clock_gettime(CLOCK_REALTIME, &now);
	seed = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	return pawl_hash_mix(seed ^ ((uint64_t)getpid() << 40) ^ (uintptr_t)&process_seed);
}

uint64_t pawl_hash_process_seed(void)
{
	/* Relaxed: the number itself is all there is to see. */
	uint64_t seed = pawl_load_relaxed(&process_seed);

	if (PAWL_LIKELY(seed))
		return seed;
	uint64_t drawn = draw_seed() | 1;

	return pawl_cas_relaxed(&process_seed, &seed, drawn) ? drawn : seed;
}

struct pawl_digest pawl_digest_bytes(const void *ptr, size_t len)
{
	XXH128_hash_t hash = XXH3_128bits(ptr, len);
	struct pawl_digest digest = {hash.low64, hash.high64};

	return digest;
}

bool pawl_digest_equal(struct pawl_digest a, struct pawl_digest b)
{
	return a.low == b.low && a.high == b.high;
}
