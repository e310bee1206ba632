/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.c - .ninja_log.
 *
 * "# ninja log v5", then a line for each output: "begun, ended, mtime, output, hash" with tabs between. Later lines are newer.
 * The hash is MurmurHash64A (Austin Appleby) to version 6, rapidhash (Nicolas De Carli, after wyhash of Wang Yi) of version 7.
 */
#include "ninja/log.h"

#include <stdlib.h>
#include <string.h>

unsigned ninja_log_version(const char *bytes, size_t n)
{
	static const char head[] = "# ninja log v";
	size_t at = sizeof(head) - 1;
	unsigned version = 0;

	if (n < at || memcmp(bytes, head, at) != 0)
		return 0;
	for (; at < n && bytes[at] >= '0' && bytes[at] <= '9' && version < 100000; at++)
		version = 10 * version + (unsigned)(bytes[at] - '0');
	return at < n && bytes[at] == '\n' ? version : 0;
}

/* Whole seconds of today are smaller than this; nanoseconds are, for a fortnight of 1970. */
#define NS_LEAST 1000000000000000

bool ninja_log_next(char *bytes, size_t *at, struct ninja_log_line *ret_line)
{
	char *end, *line;

	for (line = bytes + *at; (end = strchr(line, '\n')); line = bytes + *at) {
		char *fields[5], *rest = line, *behind;
		unsigned n = 0;

		*end = 0;
		*at = (size_t)(end + 1 - bytes);
		while (n < 5 && rest) {
			fields[n++] = rest;
			rest = strchr(rest, '\t');
			if (rest)
				*rest++ = 0;
		}
		if (n < 5 || rest || !*fields[3] || !*fields[4])
			continue;
		ret_line->output = fields[3];
		ret_line->mtime_ns = strtoll(fields[2], NULL, 10);
		ret_line->command = strtoull(fields[4], &behind, 16);
		if (!*behind && ret_line->mtime_ns >= NS_LEAST)
			return true;
	}
	return false;
}

/* ---- hashes ---------------------------------------------------------------------------------- */

static uint64_t u64_at(const char *at)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value |= (uint64_t)(unsigned char)at[i] << 8 * i;
	return value;
}

static uint64_t u32_at(const char *at)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 4; i++)
		value |= (uint64_t)(unsigned char)at[i] << 8 * i;
	return value;
}

static uint64_t murmur(const char *at, size_t n)
{
	const uint64_t m = UINT64_C(0xc6a4a7935bd1e995);
	uint64_t h = UINT64_C(0xDECAFBADDECAFBAD) ^ (n * m), k;

	for (; n >= 8; at += 8, n -= 8) {
		k = u64_at(at) * m;
		k ^= k >> 47;
		h = (h ^ k * m) * m;
	}
	if (n) {
		k = 0;
		for (size_t i = 0; i < n; i++)
			k |= (uint64_t)(unsigned char)at[i] << 8 * i;
		h = (h ^ k) * m;
	}
	h = (h ^ h >> 47) * m;
	return h ^ h >> 47;
}

#define RAPID_0 UINT64_C(0x2d358dccaa6c78a5)
#define RAPID_1 UINT64_C(0x8bb84b93962eacc9)
#define RAPID_2 UINT64_C(0x4b33a62ed433d4a3)

/* The product of two words, in halves. */
static void product(uint64_t a, uint64_t b, uint64_t *ret_low, uint64_t *ret_high)
{
	uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
	uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + (uint32_t)middle;

	*ret_low = a * b;
	*ret_high = a1 * b1 + (middle >> 32) + (other >> 32);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t low, high;

	product(a, b, &low, &high);
	return low ^ high;
}

/* What is left when there are no 48 bytes more: the last 16 count in any case. */
static uint64_t rapid_tail(const char *at, size_t left, uint64_t seed)
{
	if (left > 16)
		seed = mix(u64_at(at) ^ RAPID_2, u64_at(at + 8) ^ seed ^ RAPID_1);
	if (left > 32)
		seed = mix(u64_at(at + 16) ^ RAPID_2, u64_at(at + 24) ^ seed);
	return seed;
}

static uint64_t rapid_long(const char *at, size_t *left, uint64_t seed)
{
	uint64_t second = seed, third = seed;

	for (; *left >= 48; at += 48, *left -= 48) {
		seed = mix(u64_at(at) ^ RAPID_0, u64_at(at + 8) ^ seed);
		second = mix(u64_at(at + 16) ^ RAPID_1, u64_at(at + 24) ^ second);
		third = mix(u64_at(at + 32) ^ RAPID_2, u64_at(at + 40) ^ third);
	}
	return seed ^ second ^ third;
}

static uint64_t rapid(const char *at, size_t n)
{
	uint64_t seed = UINT64_C(0xbdd89aa982704029), a = 0, b = 0;
	size_t left = n;

	seed ^= mix(seed ^ RAPID_0, RAPID_1) ^ n;
	if (n > 16) {
		if (n > 48)
			seed = rapid_long(at, &left, seed);
		seed = rapid_tail(at + (n - left), left, seed);
		a = u64_at(at + n - 16);
		b = u64_at(at + n - 8);
	} else if (n >= 4) {
		size_t second = n >= 8 ? 4 : 0;

		a = u32_at(at) << 32 | u32_at(at + n - 4);
		b = u32_at(at + second) << 32 | u32_at(at + n - 4 - second);
	} else if (n) {
		a = (uint64_t)(unsigned char)at[0] << 56 |
		    (uint64_t)(unsigned char)at[n / 2] << 32 | (unsigned char)at[n - 1];
	}
	product(a ^ RAPID_1, b ^ seed, &a, &b);
	return mix(a ^ RAPID_0 ^ n, b ^ RAPID_1);
}

uint64_t ninja_log_hash(unsigned version, const char *command, size_t n)
{
	return version < 7 ? murmur(command, n) : rapid(command, n);
}
