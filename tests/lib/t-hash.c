/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-hash.c - hashes: equal to XXH3 as its library computes it, the values that must never
 * change, bijections, spread, and the disjoint parts that tables cut a hash into.
 */
#include "harness.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <pawl/atomic.h>
#include <pawl/hash.h>
#include <pawl/mem.h>
#include <pawl/thread.h>

static unsigned char bytes[70000];

static void fill(void)
{
	uint32_t x = 2654435761u;

	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (unsigned char)(x >> 24);
		x = x * 1664525u + 1013904223u;
	}
}

static void check_len(const unsigned char *at, size_t len)
{
	static const uint64_t seeds[] = {0, 1, UINT64_C(0x9e3779b97f4a7c15), UINT64_MAX};
	XXH128_hash_t wide = XXH3_128bits(at, len);
	struct pawl_digest digest = pawl_digest_bytes(at, len);

	for (unsigned i = 0; i < sizeof(seeds) / sizeof(*seeds); i++)
		assert_true(pawl_hash_bytes(at, len, seeds[i]) ==
			    XXH3_64bits_withSeed(at, len, seeds[i]));
	assert_true(digest.low == wide.low64);
	assert_true(digest.high == wide.high64);
}

static void case_is_xxh3(void **state)
{
	(void)state;
	fill();
	for (size_t len = 0; len <= 1100; len++)
		check_len(bytes, len);
	for (size_t len = 4095; len < sizeof(bytes) - 8; len += 4093)
		check_len(bytes, len);
	for (size_t skew = 1; skew < 8; skew++) {
		for (size_t len = 0; len < 300; len += 7)
			check_len(bytes + skew, len);
	}
}

static void case_empty(void **state)
{
	struct pawl_digest none, some;

	(void)state;
	assert_true(pawl_hash_bytes(NULL, 0, 7) == pawl_hash_bytes("x", 0, 7));
	none = pawl_digest_bytes(NULL, 0);
	some = pawl_digest_bytes("x", 0);
	assert_true(pawl_digest_equal(none, some));
}

/* Hashes may be stored, so these numbers hold for ever. */
static void case_stored_values(void **state)
{
	struct pawl_digest digest = pawl_digest_bytes("", 0);

	(void)state;
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		return t_skip("the numbers are those of little-endian machines");
	assert_true(pawl_hash_bytes("", 0, 0) == UINT64_C(0x2d06800538d394c2));
	assert_true(digest.low == UINT64_C(0x6001c324468d497f));
	assert_true(digest.high == UINT64_C(0x99aa06d3014798d8));
	assert_true(pawl_hash_bytes("pawl", 4, 0) == UINT64_C(0x7c3ac062468ccda5));
	assert_true(pawl_hash_bytes("pawl", 4, 42) == UINT64_C(0xb37505b3aa3e1cdb));
	assert_true(pawl_hash_u64(0, 0) == UINT64_C(0xe220a8397b1dcdaf));
	assert_true(pawl_hash_u64(1, 0) == UINT64_C(0x910a2dec89025cc1));
	assert_true(pawl_hash_u64(1, 42) == UINT64_C(0x1be8ff9831f1bd1c));
	assert_true(pawl_hash_mix(1) == UINT64_C(0x5692161d100b05e5));
	assert_true(pawl_hash_mix(UINT64_MAX) == UINT64_C(0xb4d055fcf2cbbd7b));
	assert_true(pawl_hash_combine(1, 2) == UINT64_C(0x860f92d16a5a7f91));
	assert_true(pawl_hash_combine(0, 0) != 0);
	assert_true(pawl_hash_u64(1, 2) != pawl_hash_u64(2, 1));
	assert_true(pawl_hash_combine(2, 1) == UINT64_C(0x3a43b3e46f948f7d));
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* No two of `count` inputs collide: consecutive ones, spread ones, single bits. */
static void check_bijection(uint64_t (*hash)(uint64_t))
{
	size_t count = 3 * (size_t)t_scaled(100000) + 64;
	uint64_t *values = malloc(count * sizeof(*values));
	size_t at = 0;

	assert_non_null(values);
	/* The three ranges have no number in common. */
	for (uint64_t i = 0; at < (count - 64) / 3; i++)
		values[at++] = hash(UINT64_C(0x1000000000000001) + i);
	for (uint64_t i = 1; at < 2 * ((count - 64) / 3); i++)
		values[at++] = hash(UINT64_C(0x2000000000000000) + (i << 20));
	for (uint64_t i = 1; at < count - 64; i++)
		values[at++] = hash(UINT64_C(0x4000000000000000) + i * 1000003 * 64 + 3);
	for (unsigned i = 0; i < 64; i++)
		values[at++] = hash(UINT64_C(1) << i);
	qsort(values, count, sizeof(*values), by_value);
	for (size_t i = 1; i < count; i++)
		assert_true(values[i] != values[i - 1]);
	free(values);
}

/* Flipping one input bit flips about half of the output bits, and each of them at times. */
static void check_avalanche(uint64_t (*hash)(uint64_t))
{
	unsigned rounds = 2000;
	unsigned flips[64][64] = {{0}};

	for (unsigned round = 0; round < rounds; round++) {
		uint64_t value = round < 500 ? round : t_random();
		uint64_t before = hash(value);

		for (unsigned in = 0; in < 64; in++) {
			uint64_t changed = before ^ hash(value ^ UINT64_C(1) << in);

			for (unsigned out = 0; out < 64; out++)
				flips[in][out] += changed >> out & 1;
		}
	}
	for (unsigned in = 0; in < 64; in++) {
		for (unsigned out = 0; out < 64; out++)
			assert_in_range(flips[in][out], rounds * 35 / 100, rounds * 65 / 100);
	}
}

static uint64_t hash_u64_plain(uint64_t value)
{
	return pawl_hash_u64(value, 0);
}

static uint64_t hash_u64_seeded(uint64_t value)
{
	return pawl_hash_u64(value, UINT64_C(0x0123456789abcdef));
}

static uint64_t hash_seed(uint64_t seed)
{
	return pawl_hash_u64(12345, seed);
}

static uint64_t combine_left(uint64_t hash)
{
	return pawl_hash_combine(hash, 12345);
}

static uint64_t combine_right(uint64_t component)
{
	return pawl_hash_combine(12345, component);
}

static void case_bijections(void **state)
{
	(void)state;
	check_bijection(hash_u64_plain);
	check_bijection(hash_u64_seeded);
	check_bijection(pawl_hash_mix);
}

static void case_avalanche(void **state)
{
	(void)state;
	check_avalanche(hash_u64_plain);
	check_avalanche(hash_u64_seeded);
	check_avalanche(hash_seed);
	check_avalanche(pawl_hash_mix);
	check_avalanche(combine_left);
	check_avalanche(combine_right);
}

static uint64_t hash_sequence(uint64_t seed, const uint64_t *components, size_t count)
{
	for (size_t i = 0; i < count; i++)
		seed = pawl_hash_combine(seed, components[i]);
	return seed;
}

static void case_combine(void **state)
{
	unsigned rounds = t_scaled(20000);

	(void)state;
	for (unsigned round = 0; round < rounds; round++) {
		uint64_t c[3] = {pawl_hash_u64(round, 0), pawl_hash_u64(round + 1, 0),
				 pawl_hash_u64(round, 1)};
		uint64_t swapped[3] = {c[1], c[0], c[2]};
		uint64_t seed = round % 4;
		uint64_t whole = hash_sequence(seed, c, 3);

		/* The order matters, each component does, the length does, the seed does. */
		assert_true(whole != hash_sequence(seed, swapped, 3));
		assert_true(whole != hash_sequence(seed, c, 2));
		assert_true(whole != hash_sequence(seed, c + 1, 2));
		assert_true(whole != hash_sequence(seed + 1, c, 3));
		assert_true(whole == hash_sequence(seed, c, 3));
	}
}

static void case_parts_are_disjoint(void **state)
{
	(void)state;
	assert_int_equal(PAWL_HASH_SHARD_BITS_MAX + PAWL_HASH_CONTROL_BITS +
				 PAWL_HASH_SLOT_BITS_MAX,
			 64);
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t hash = UINT64_C(1) << bit;
		unsigned parts = (pawl_hash_shard(hash, PAWL_HASH_SHARD_BITS_MAX) != 0) +
				 (pawl_hash_control(hash) != 0) +
				 (pawl_hash_slot(hash, PAWL_HASH_SLOT_BITS_MAX) != 0);

		assert_int_equal(parts, 1);
	}
}

static void case_parts_ranges(void **state)
{
	(void)state;
	for (unsigned shift = 0; shift <= 64; shift++) {
		uint64_t hash = shift == 64 ? 0 : UINT64_MAX >> shift;

		assert_int_equal(pawl_hash_shard(hash, 0), 0);
		assert_int_equal(pawl_hash_slot(hash, 0), 0);
		assert_in_range(pawl_hash_control(hash), 0, 127);
	}
	for (unsigned bits = 1; bits <= PAWL_HASH_SHARD_BITS_MAX; bits++) {
		assert_int_equal(pawl_hash_shard(UINT64_MAX, bits), (1u << bits) - 1);
		/* The top bits: fewer shards are a prefix of more. */
		assert_int_equal(pawl_hash_shard(UINT64_C(0x8000000000000000), bits),
				 1u << (bits - 1));
	}
	for (unsigned bits = 1; bits <= PAWL_HASH_SLOT_BITS_MAX; bits++) {
		assert_true(pawl_hash_slot(UINT64_MAX, bits) == (UINT64_C(1) << bits) - 1);
		assert_true(pawl_hash_slot(UINT64_C(1) << bits, bits) == 0);
	}
	assert_int_equal(pawl_hash_control(UINT64_MAX), 127);
}

static void case_digest_equal(void **state)
{
	struct pawl_digest a = {1, 2}, b = {1, 3}, c = {0, 2}, swapped = {2, 1};

	(void)state;
	assert_true(pawl_digest_equal(a, a));
	assert_false(pawl_digest_equal(a, b));
	assert_false(pawl_digest_equal(a, c));
	assert_false(pawl_digest_equal(a, swapped));
}

/* The process seed: one number for all threads, another one in another process. */

#define SEEDERS 4
static struct t_barrier *seed_gate;
static uint64_t seeds_seen[SEEDERS];

static void read_seed(void *arg)
{
	t_barrier_wait(seed_gate);
	*(uint64_t *)arg = pawl_hash_process_seed();
}

static int print_seed(void)
{
	struct t_thread *threads[SEEDERS];

	seed_gate = t_barrier_make(SEEDERS);
	for (unsigned i = 0; i < SEEDERS; i++)
		threads[i] = t_thread_start_bare(read_seed, &seeds_seen[i]);
	for (unsigned i = 0; i < SEEDERS; i++)
		t_thread_join(threads[i]);
	t_barrier_drop(seed_gate);
	for (unsigned i = 0; i < SEEDERS; i++)
		t_check(seeds_seen[i] == pawl_hash_process_seed());
	printf("%" PRIx64 "\n", pawl_hash_process_seed());
	return 0;
}

static void case_process_seed(void **state)
{
	char seeds[16][32];
	unsigned count = t_scaled(16) < 16 ? t_scaled(16) : 16;

	(void)state;
	for (unsigned i = 0; i < count; i++) {
		t_step();
		assert_int_equal(t_rerun("seed", seeds[i], sizeof(seeds[i])), 0);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(seeds[i], seeds[j]);
	}
	assert_true(pawl_hash_process_seed() == pawl_hash_process_seed());
}

/* Hashing takes no memory: with every allocation refused it goes on. */
static int oom_hash(void)
{
	uint64_t calls = t_alloc_calls();
	void *block;

	t_check(pawl_hash_bytes("pawl", 4, 0) == XXH3_64bits_withSeed("pawl", 4, 0));
	(void)pawl_digest_bytes(bytes, sizeof(bytes));
	(void)pawl_hash_combine(pawl_hash_mix(1), pawl_hash_process_seed());
	t_check(t_alloc_calls() == calls);
	block = pawl_mem_alloc(8, 0);
	if (!block)
		return -ENOMEM;
	pawl_mem_free(block, 8, 0);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_is_xxh3),
		cmocka_unit_test(case_empty),
		cmocka_unit_test(case_stored_values),
		cmocka_unit_test(case_bijections),
		cmocka_unit_test(case_avalanche),
		cmocka_unit_test(case_combine),
		cmocka_unit_test(case_parts_are_disjoint),
		cmocka_unit_test(case_parts_ranges),
		cmocka_unit_test(case_digest_equal),
		cmocka_unit_test(case_process_seed),
		T_OOM(oom_hash),
	};

	if (argc == 2 && strcmp(argv[1], "seed") == 0)
		return print_seed();
	return t_run("hash", cases);
}
