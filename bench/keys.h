/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keys.h - which key comes next: dense indices, the keys and hashes made of them, uniform and
 * Zipf draws. The same for every contender, cheap enough to be in the timed loop, and in C++ too.
 *
 * A draw is an index in [0, count). b_key() makes a 64-bit key of it that looks random, a
 * bijection; b_key_hash() a hash of the key, which contenders that want one are given.
 *
 * Zipf draws come from a ring that is filled before the clock starts (its power function costs
 * more than a look-up). They follow the continuous distribution with density x^-0.99 on
 * [1, count + 1): close to Zipf's, and no sum over all keys is needed. Ranks are scattered over
 * the indices, so that the hot ones are not neighbours in memory.
 */
#ifndef B_KEYS_H
#define B_KEYS_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define B_ZIPF_EXPONENT 0.99
#define B_ZIPF_DRAWS	(1u << 18)

/* SplitMix64's finalizer: a bijection. */
static inline uint64_t b_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* The index-th key. Never 0, which some tables reserve, for indices below 2^63. */
static inline uint64_t b_key(uint64_t index)
{
	return (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint64_t b_key_hash(uint64_t key)
{
	return b_mix(key);
}

/* xorshift64: state is not 0. */
static inline uint64_t b_key_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x;
}

/* Uniform in [0, count), count < 2^32. */
static inline uint64_t b_key_uniform(uint64_t *state, uint64_t count)
{
	return ((b_key_random(state) >> 32) * count) >> 32;
}

/* A rank's index: a bijection of [0, count), count < 2^32. */
static inline uint64_t b_key_scatter(uint64_t rank, uint64_t count)
{
	/* A prime above 2^31: coprime to every smaller count, and to larger ones but its multiples. */
	return rank * UINT64_C(2654435761) % count;
}

/* B_ZIPF_DRAWS indices, to be freed; NULL: no memory. The same ones for the same count. */
static inline uint32_t *b_zipf_make(uint64_t count)
{
	uint32_t *draws = (uint32_t *)malloc(B_ZIPF_DRAWS * sizeof(*draws));
	uint64_t state = UINT64_C(0x2545f4914f6cdd1d);
	double power = 1.0 - B_ZIPF_EXPONENT;
	double range = pow((double)count + 1.0, power) - 1.0;

	for (uint32_t i = 0; draws && i < B_ZIPF_DRAWS; i++) {
		double u = (double)(b_key_random(&state) >> 11) / 9007199254740992.0;
		uint64_t rank = (uint64_t)pow(u * range + 1.0, 1.0 / power) - 1;

		draws[i] = (uint32_t)b_key_scatter(rank < count ? rank : count - 1, count);
	}
	return draws;
}

#endif
