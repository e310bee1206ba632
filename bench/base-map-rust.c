/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-map-rust.c - DashMap and papaya, through the static library of Rust peers. The loops are in
 * the crate (maps.rs), so that the maps are measured with the inlining that their users get.
 */
#include "maps.h"

#define CRATE(NAME, CONTENDER)                                    \
	void *NAME##_make(uint64_t capacity);                     \
	void NAME##_drop(void *map);                              \
	uint64_t NAME##_hit(void *map, struct b_map_job *job);    \
	uint64_t NAME##_miss(void *map, struct b_map_job *job);   \
	uint64_t NAME##_insert(void *map, struct b_map_job *job); \
	uint64_t NAME##_remove(void *map, struct b_map_job *job); \
	uint64_t NAME##_mixed(void *map, struct b_map_job *job);  \
	static const struct b_map_peer NAME##_peer = {            \
		.contender = CONTENDER,                           \
		.make = NAME##_make,                              \
		.drop = NAME##_drop,                              \
		.hit = NAME##_hit,                                \
		.miss = NAME##_miss,                              \
		.insert = NAME##_insert,                          \
		.remove = NAME##_remove,                          \
		.mixed = NAME##_mixed,                            \
	};                                                        \
	B_MAP_ADD(NAME)

CRATE(dashmap, "dashmap")
CRATE(papaya, "papaya")
