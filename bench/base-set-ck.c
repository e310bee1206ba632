/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-set-ck.c - Concurrency Kit's hash set of pointers, ck_hs, with keys in the place of
 * pointers. Its least capacity is what it is: it was not made for three keys. A removal leaves a
 * tomb; ck_hs_gc() takes them away now and then, as its documentation asks for.
 */
#include "bench.h"
#include "set.h"

#include <stdlib.h>

#include <ck_hs.h>

#include <pawl/hash.h>

struct ck_set {
	ck_hs_t hs;
	unsigned removed;
};

static void *ck_set_malloc(size_t bytes)
{
	return malloc(bytes);
}

static void ck_set_free(void *ptr, size_t bytes, bool defer)
{
	(void)bytes;
	(void)defer;
	free(ptr);
}

static struct ck_malloc ck_set_allocator = {.malloc = ck_set_malloc, .free = ck_set_free};

static unsigned long ck_set_hash(const void *key, unsigned long seed)
{
	return pawl_hash_u64((uintptr_t)key, seed);
}

/* NULL is no key. */
static inline void *ck_set_key(uint32_t key)
{
	return (void *)((uintptr_t)key + 1);
}

static void *ck_set_create(void)
{
	struct ck_set *set = b_alloc(sizeof(*set));

	if (!ck_hs_init(&set->hs, CK_HS_MODE_SPMC | CK_HS_MODE_DIRECT, ck_set_hash, NULL,
			&ck_set_allocator, 8, 0))
		b_die("no memory");
	return set;
}

static void ck_set_destroy(void *set)
{
	ck_hs_destroy(&((struct ck_set *)set)->hs);
	free(set);
}

static inline bool ck_set_has(void *set, uint32_t key)
{
	void *value = ck_set_key(key);

	return ck_hs_get(&((struct ck_set *)set)->hs, ck_set_hash(value, 0), value) != NULL;
}

static inline void ck_set_add(void *set, uint32_t key)
{
	void *value = ck_set_key(key);

	ck_hs_put(&((struct ck_set *)set)->hs, ck_set_hash(value, 0), value);
}

static inline void ck_set_remove(void *arg, uint32_t key)
{
	struct ck_set *set = arg;
	void *value = ck_set_key(key);

	ck_hs_remove(&set->hs, ck_set_hash(value, 0), value);
	if (++set->removed > ck_hs_count(&set->hs) + 8) {
		set->removed = 0;
		ck_hs_gc(&set->hs, 0, 0);
	}
}

static inline uint64_t ck_set_sum(void *set)
{
	ck_hs_iterator_t at = CK_HS_ITERATOR_INITIALIZER;
	uint64_t sum = 0;
	void *value;

	while (ck_hs_next(&((struct ck_set *)set)->hs, &at, &value))
		sum += (uintptr_t)value - 1;
	return sum;
}

static size_t ck_set_handle(void *set)
{
	(void)set;
	return sizeof(ck_hs_t);
}

B_SET_CASES(ck_set, "ck-hs")
