/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * maps.h - the workloads of b-map, in C and C++: every contender runs the same loops over the
 * same keys and hashes, with its own calls inlined as far as its headers allow (the loops of the
 * Rust crates are the same, written in Rust). One call of a loop is one batch.
 *
 * Whatever a contender needs around an operation (a read section, a guard, a lock of its one
 * writer) is inside the loop. Keys and values are 64 bits; maps of pointers have a node for
 * each, whose allocation is part of an insertion.
 *
 *	static inline bool NAME_get(void *map, uint64_t key, uint64_t hash, uint64_t *ret_value);
 *	static inline bool NAME_put(void *map, uint64_t key, uint64_t hash, uint64_t value);
 *	static inline bool NAME_del(void *map, uint64_t key, uint64_t hash);
 *	B_MAP_PEER(NAME, "contender", make, drop, enter, leave)
 *
 * put: false if the key is there.
 */
#ifndef B_MAPS_H
#define B_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What one batch does; also known to the Rust side. */
struct b_map_job {
	uint64_t keys;	       /* in the map; draws are below */
	const uint32_t *draws; /* B_ZIPF_DRAWS of them, a ring; NULL: uniform */
	uint64_t state;	       /* of the random numbers, the worker's */
	uint64_t at;	       /* place in the ring; insert, remove: the first index */
	uint64_t n;	       /* operations */
};

struct b_map_peer {
	const char *contender;
	/* `capacity`: what a table that cannot grow has to take. */
	void *(*make)(uint64_t capacity);
	void (*drop)(void *map);
	/* Each thread, before and after; may be NULL. */
	void (*enter)(void);
	void (*leave)(void);
	/* Return how many operations found or did something. */
	uint64_t (*hit)(void *map, struct b_map_job *job);
	uint64_t (*miss)(void *map, struct b_map_job *job);
	uint64_t (*insert)(void *map, struct b_map_job *job);
	uint64_t (*remove)(void *map, struct b_map_job *job); /* NULL: cannot */
	uint64_t (*mixed)(void *map, struct b_map_job *job);  /* NULL: cannot */
};

/* To be called by constructors. */
void b_map_peer_add(const struct b_map_peer *peer);

static inline uint64_t b_map_draw(struct b_map_job *job)
{
	if (job->draws)
		return job->draws[job->at++ % B_ZIPF_DRAWS];
	return b_key_uniform(&job->state, job->keys);
}

/* In hundredths: 5 insert, 5 remove, 90 look up, over twice as many keys as there are at first. */
#define B_MAP_INSERT_PART 5
#define B_MAP_REMOVE_PART 10

#define B_MAP_LOOKUPS(NAME)                                                           \
	static uint64_t NAME##_hit(void *map, struct b_map_job *job)                  \
	{                                                                             \
		uint64_t sum = 0;                                                     \
		for (uint64_t i = 0; i < job->n; i++) {                               \
			uint64_t key = b_key(b_map_draw(job)), value = 0;             \
			if (NAME##_get(map, key, b_key_hash(key), &value))            \
				sum += value == key;                                  \
		}                                                                     \
		return sum;                                                           \
	}                                                                             \
	static uint64_t NAME##_miss(void *map, struct b_map_job *job)                 \
	{                                                                             \
		uint64_t sum = 0;                                                     \
		for (uint64_t i = 0; i < job->n; i++) {                               \
			uint64_t key = b_key(b_map_draw(job) + job->keys), value = 0; \
			sum += !NAME##_get(map, key, b_key_hash(key), &value);        \
		}                                                                     \
		return sum;                                                           \
	}                                                                             \
	static uint64_t NAME##_insert(void *map, struct b_map_job *job)               \
	{                                                                             \
		uint64_t sum = 0;                                                     \
		for (uint64_t i = 0; i < job->n; i++) {                               \
			uint64_t key = b_key(job->at + i);                            \
			sum += NAME##_put(map, key, b_key_hash(key), key);            \
		}                                                                     \
		return sum;                                                           \
	}

#define B_MAP_CHANGES(NAME)                                                \
	static uint64_t NAME##_remove(void *map, struct b_map_job *job)    \
	{                                                                  \
		uint64_t sum = 0;                                          \
		for (uint64_t i = 0; i < job->n; i++) {                    \
			uint64_t key = b_key(job->at + i);                 \
			sum += NAME##_del(map, key, b_key_hash(key));      \
		}                                                          \
		return sum;                                                \
	}                                                                  \
	static uint64_t NAME##_mixed(void *map, struct b_map_job *job)     \
	{                                                                  \
		uint64_t sum = 0;                                          \
		for (uint64_t i = 0; i < job->n; i++) {                    \
			uint64_t what = b_key_uniform(&job->state, 100);   \
			uint64_t key = b_key(b_map_draw(job)), value = 0;  \
			uint64_t hash = b_key_hash(key);                   \
			if (what < B_MAP_INSERT_PART)                      \
				sum += NAME##_put(map, key, hash, key);    \
			else if (what < B_MAP_REMOVE_PART)                 \
				sum += NAME##_del(map, key, hash);         \
			else                                               \
				sum += NAME##_get(map, key, hash, &value); \
		}                                                          \
		return sum;                                                \
	}

#define B_MAP_ADD(NAME)                                           \
	static void __attribute__((constructor)) NAME##_add(void) \
	{                                                         \
		b_map_peer_add(&NAME##_peer);                     \
	}

#define B_MAP_PEER(NAME, CONTENDER, MAKE, DROP, ENTER, LEAVE)                         \
	B_MAP_LOOKUPS(NAME)                                                           \
	B_MAP_CHANGES(NAME)                                                           \
	static const struct b_map_peer NAME##_peer = {                                \
		CONTENDER,  MAKE,	 DROP,		ENTER,	       LEAVE,         \
		NAME##_hit, NAME##_miss, NAME##_insert, NAME##_remove, NAME##_mixed}; \
	B_MAP_ADD(NAME)

#ifdef __cplusplus
}
#endif

#endif
