/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * set.h - the workloads of b-set, expanded for each contender in the file that knows it.
 *
 * B_SET_CASES(NAME, contender) needs
 *	void *NAME_create(void), NAME_destroy(set)
 *	bool NAME_has(set, key), NAME_add(set, key), NAME_remove(set, key)
 *	uint64_t NAME_sum(set)     the sum of all keys
 *	size_t NAME_handle(set)    bytes of what a record holds of a set: not from the allocator
 *
 * Sets of each size lie in an array, so many that all together have B_SET_TOTAL keys (at least
 * one set); each operation goes to another one. Keys are task ids: below a million, drawn anew in
 * each set. Bytes are a set's handle and what the allocator gave for it (mallinfo of jemalloc or
 * libc: the size classes, not what was asked for), over its keys; for the empty set, of the set.
 */
#ifndef B_SET_H
#define B_SET_H

#include "bench.h"

#include <stdlib.h>

#define B_SET_TOTAL (1u << 14)
#define B_SET_IDS   (1u << 20)

struct b_sets {
	uint32_t size;
	uint32_t count;
	double bytes_per_key;
	uint32_t *keys; /* count rows of size + 1: the last one is not in the set */
	void *sets[];
};

/* Bytes that the allocator has out. */
size_t b_set_allocated(void);

/* The keys of all sets; different ones in each set. */
struct b_sets *b_sets_make(uint32_t size);
void b_sets_free(struct b_sets *sets);

/* clang-format off */
#define B_SET_CASES(NAME, CONTENDER)                                                       \
	static int NAME##_setup(struct b_run *run)                                         \
	{                                                                                  \
		struct b_sets *all = b_sets_make((uint32_t)run->cas->arg);                 \
		size_t before, handles = 0;                                                \
                                                                                           \
		before = b_set_allocated();                                                \
		for (uint32_t i = 0; i < all->count; i++) {                                \
			size_t created = b_set_allocated();                                \
                                                                                           \
			all->sets[i] = NAME##_create();                                    \
			/* The handle is part of a record, not a block of its own. */      \
			created = b_set_allocated() - created;                             \
			handles += created > NAME##_handle(all->sets[i])                   \
					   ? created - NAME##_handle(all->sets[i]) : 0;    \
			for (uint32_t k = 0; k < all->size; k++)                           \
				NAME##_add(all->sets[i], all->keys[i * (all->size + 1) + k]); \
		}                                                                          \
		all->bytes_per_key = (double)(b_set_allocated() - before - handles) /      \
			(double)((uint64_t)all->count * (all->size ? all->size : 1));      \
		run->state = all;                                                          \
		return 0;                                                                  \
	}                                                                                  \
	static void NAME##_teardown(struct b_run *run)                                     \
	{                                                                                  \
		struct b_sets *all = (struct b_sets *)run->state;                          \
                                                                                           \
		b_extra(run, "bytes_per_key", all->bytes_per_key);                         \
		for (uint32_t i = 0; i < all->count; i++)                                  \
			NAME##_destroy(all->sets[i]);                                      \
		b_sets_free(all);                                                          \
	}                                                                                  \
	static void NAME##_look(struct b_worker *w, uint64_t n, bool hit)                  \
	{                                                                                  \
		struct b_sets *all = (struct b_sets *)w->run->state;                       \
                                                                                           \
		while (n--) {                                                              \
			uint64_t random = b_random(w);                                     \
			uint32_t i = (uint32_t)((random >> 32) * all->count >> 32);        \
			uint32_t k = hit ? (uint32_t)((random & 0xffffffff) * all->size >> 32) \
					 : all->size;                                      \
                                                                                           \
			b_use(NAME##_has(all->sets[i], all->keys[i * (all->size + 1) + k])); \
		}                                                                          \
	}                                                                                  \
	static void NAME##_hit(struct b_worker *w, uint64_t n)                             \
	{                                                                                  \
		NAME##_look(w, n, true);                                                   \
	}                                                                                  \
	static void NAME##_miss(struct b_worker *w, uint64_t n)                            \
	{                                                                                  \
		NAME##_look(w, n, false);                                                  \
	}                                                                                  \
	static void NAME##_churn(struct b_worker *w, uint64_t n)                           \
	{                                                                                  \
		struct b_sets *all = (struct b_sets *)w->run->state;                       \
                                                                                           \
		/* The key that is outside comes in for another one. */                    \
		for (; n >= 2; n -= 2) {                                                   \
			uint64_t random = b_random(w);                                     \
			uint32_t i = (uint32_t)((random >> 32) * all->count >> 32);        \
			uint32_t *row = &all->keys[i * (all->size + 1)];                   \
			uint32_t k = (uint32_t)((random & 0xffffffff) * all->size >> 32);  \
			uint32_t out = row[k];                                             \
                                                                                           \
			NAME##_remove(all->sets[i], out);                                  \
			NAME##_add(all->sets[i], row[all->size]);                          \
			row[k] = row[all->size];                                           \
			row[all->size] = out;                                              \
		}                                                                          \
	}                                                                                  \
	static void NAME##_build(struct b_worker *w, uint64_t n)                           \
	{                                                                                  \
		struct b_sets *all = (struct b_sets *)w->run->state;                       \
                                                                                           \
		while (n--) {                                                              \
			uint32_t i = (uint32_t)((b_random(w) >> 32) * all->count >> 32);   \
			void *set = NAME##_create();                                       \
                                                                                           \
			for (uint32_t k = 0; k < all->size; k++)                           \
				NAME##_add(set, all->keys[i * (all->size + 1) + k]);       \
			NAME##_destroy(set);                                               \
		}                                                                          \
	}                                                                                  \
	static void NAME##_walk(struct b_worker *w, uint64_t n)                            \
	{                                                                                  \
		struct b_sets *all = (struct b_sets *)w->run->state;                       \
                                                                                           \
		while (n--) {                                                              \
			uint32_t i = (uint32_t)((b_random(w) >> 32) * all->count >> 32);   \
                                                                                           \
			b_use(NAME##_sum(all->sets[i]));                                   \
		}                                                                          \
	}                                                                                  \
	static const struct b_case NAME##_cases[] = {                                      \
		B_SET_CASE(NAME, CONTENDER, 0, "set-miss", miss),                          \
		B_SET_SIZE(NAME, CONTENDER, 1), B_SET_SIZE(NAME, CONTENDER, 2),            \
		B_SET_SIZE(NAME, CONTENDER, 3), B_SET_SIZE(NAME, CONTENDER, 8),            \
		B_SET_SIZE(NAME, CONTENDER, 16), B_SET_SIZE(NAME, CONTENDER, 17),          \
		B_SET_SIZE(NAME, CONTENDER, 32), B_SET_SIZE(NAME, CONTENDER, 64),          \
		B_SET_SIZE(NAME, CONTENDER, 100), B_SET_SIZE(NAME, CONTENDER, 1000),       \
		B_SET_SIZE(NAME, CONTENDER, 100000),                                       \
	};                                                                                 \
	B_CASES(NAME##_cases)

#define B_SET_SIZE(NAME, CONTENDER, SIZE)                                                  \
	B_SET_CASE(NAME, CONTENDER, SIZE, "set-hit", hit),                                 \
	B_SET_CASE(NAME, CONTENDER, SIZE, "set-miss", miss),                               \
	B_SET_CASE(NAME, CONTENDER, SIZE, "set-churn", churn),                             \
	B_SET_CASE(NAME, CONTENDER, SIZE, "set-build", build),                             \
	B_SET_CASE(NAME, CONTENDER, SIZE, "set-walk", walk)

#define B_SET_CASE(NAME, CONTENDER, SIZE, BENCH, WORK)                                     \
	{                                                                                  \
		.bench = BENCH, .contender = CONTENDER, .params = "\"keys\":" #SIZE,       \
		.arg = SIZE, .threads = 1, .setup = NAME##_setup,                          \
		.work = NAME##_##WORK, .teardown = NAME##_teardown                         \
	}
/* clang-format on */

#endif
