/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-set.c - small id sets and counter maps: look-ups, building, churn and walks at the sizes where
 * their form changes. The peers are in base-set-ck.c (ck_hs) and base-set-cxx.c
 * (std::unordered_set, sorted std::vector); the workloads in set.h.
 */
#include "bench.h"
#include "set.h"

#include <malloc.h>
#include <stdlib.h>

#include <pawl/cmap.h>
#include <pawl/mem.h>
#include <pawl/sset.h>

/* jemalloc's, if the program has it. */
extern int mallctl(const char *name, void *old, size_t *old_len, void *new, size_t new_len)
	__attribute__((weak));

size_t b_set_allocated(void)
{
	uint64_t allocated, freed;
	size_t len = sizeof(allocated);

	if (mallctl && !mallctl("thread.allocated", &allocated, &len, NULL, 0) &&
	    !mallctl("thread.deallocated", &freed, &len, NULL, 0))
		return (size_t)(allocated - freed);
	return mallinfo2().uordblks;
}

/* The i-th of all ids below B_SET_IDS, in an order without a pattern: a bijection. */
static uint32_t some_id(uint32_t i)
{
	const uint32_t mask = B_SET_IDS - 1;

	i = (i * UINT32_C(0x9e3779b1) + 12345) & mask;
	i = ((i ^ i >> 9) * UINT32_C(0x85ebca6b)) & mask;
	i = ((i ^ i >> 11) * UINT32_C(0xc2b2ae35)) & mask;
	return i ^ i >> 10;
}

struct b_sets *b_sets_make(uint32_t size)
{
	uint32_t count = size && size < B_SET_TOTAL ? B_SET_TOTAL / size : 1;
	struct b_sets *all = b_alloc(sizeof(*all) + count * sizeof(all->sets[0]));

	if (!size)
		count = 1;
	all->size = size;
	all->count = count;
	all->keys = b_alloc((size_t)count * (size + 1) * sizeof(*all->keys));
	for (uint32_t i = 0; i < count * (size + 1); i++)
		all->keys[i] = some_id(i);
	return all;
}

void b_sets_free(struct b_sets *all)
{
	free(all->keys);
	free(all);
}

/* ---- sets ------------------------------------------------------------------ */

#define SET_OPS(NAME, KIND, KEY)                                  \
	static void *NAME##_create(void)                          \
	{                                                         \
		return b_alloc(sizeof(struct KIND));              \
	}                                                         \
	static void NAME##_destroy(void *set)                     \
	{                                                         \
		KIND##_fini(set);                                 \
		free(set);                                        \
	}                                                         \
	static inline bool NAME##_has(void *set, uint32_t key)    \
	{                                                         \
		return KIND##_has(set, (KEY)key);                 \
	}                                                         \
	static inline void NAME##_add(void *set, uint32_t key)    \
	{                                                         \
		if (KIND##_add(set, (KEY)key, NULL))              \
			b_die("no memory");                       \
	}                                                         \
	static inline void NAME##_remove(void *set, uint32_t key) \
	{                                                         \
		KIND##_remove(set, (KEY)key);                     \
	}                                                         \
	static inline uint64_t NAME##_sum(void *set)              \
	{                                                         \
		uint64_t sum = 0;                                 \
		uint32_t cursor = 0;                              \
		KEY key;                                          \
                                                                  \
		while (KIND##_next(set, &cursor, &key))           \
			sum += key;                               \
		return sum;                                       \
	}                                                         \
	static size_t NAME##_handle(void *set)                    \
	{                                                         \
		(void)set;                                        \
		return sizeof(struct KIND);                       \
	}

SET_OPS(ours, pawl_sset, uint32_t)
B_SET_CASES(ours, "pawl")
SET_OPS(wide, pawl_sset64, uint64_t)
B_SET_CASES(wide, "pawl-u64")

/* ---- counter maps, as sets with a count --------------------------------------- */

#define MAP_OPS(NAME, KIND, KEY)                                  \
	static void *NAME##_create(void)                          \
	{                                                         \
		return b_alloc(sizeof(struct KIND));              \
	}                                                         \
	static void NAME##_destroy(void *map)                     \
	{                                                         \
		KIND##_fini(map);                                 \
		free(map);                                        \
	}                                                         \
	static inline bool NAME##_has(void *map, uint32_t key)    \
	{                                                         \
		return KIND##_get(map, (KEY)key) != 0;            \
	}                                                         \
	static inline void NAME##_add(void *map, uint32_t key)    \
	{                                                         \
		if (KIND##_add(map, (KEY)key, 1, NULL))           \
			b_die("no memory");                       \
	}                                                         \
	static inline void NAME##_remove(void *map, uint32_t key) \
	{                                                         \
		(void)!KIND##_add(map, (KEY)key, -1, NULL);       \
	}                                                         \
	static inline uint64_t NAME##_sum(void *map)              \
	{                                                         \
		uint64_t sum = 0;                                 \
		uint32_t cursor = 0;                              \
		struct KIND##_entry entry;                        \
                                                                  \
		while (KIND##_next(map, &cursor, &entry))         \
			sum += entry.key;                         \
		return sum;                                       \
	}                                                         \
	static size_t NAME##_handle(void *map)                    \
	{                                                         \
		(void)map;                                        \
		return sizeof(struct KIND);                       \
	}

MAP_OPS(counts, pawl_cmap, uint32_t)
B_SET_CASES(counts, "pawl-cmap")
MAP_OPS(counts64, pawl_cmap64, uint64_t)
B_SET_CASES(counts64, "pawl-cmap-u64")

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
		{.name = "set-hit", .text = "look up a key that is there, in one of many sets"},
		{.name = "set-miss", .text = "look up a key that is not there"},
		{.name = "set-churn",
		 .text = "take one key out and put another in, for each two"},
		{.name = "set-build",
		 .text = "put a key in, from empty; the end of it included"},
		{.name = "set-walk", .text = "one walk over all its keys"},
	};

	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
