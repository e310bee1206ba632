/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-dashmap-slots.c - objects by id in a DashMap, through the static library that peers/
 * builds (module slots). Compiled in when configure was told to.
 */
#include "work-slots.h"

struct dm_slots;

struct dm_slots *dm_slots_new(bool fast, size_t capacity);
void dm_slots_drop(struct dm_slots *slots);
const uint64_t *dm_slots_insert(struct dm_slots *slots, uint32_t id, const uint64_t *object);
const uint64_t *dm_slots_remove(struct dm_slots *slots, uint32_t id);
uint64_t dm_slots_read(struct dm_slots *slots, const uint32_t *ids, size_t count);
void dm_slots_change(struct dm_slots *slots, const uint32_t *ids, size_t count);
uint64_t dm_slots_scan(struct dm_slots *slots);

static void *fast_make(uint64_t keys)
{
	return dm_slots_new(true, keys);
}

static void *std_make(uint64_t keys)
{
	return dm_slots_new(false, keys);
}

static void fast_drop(void *table, uint64_t keys)
{
	(void)keys;
	dm_slots_drop(table);
}

static void fast_put(void *table, uint32_t id, struct b_object *object)
{
	if (dm_slots_insert(table, id, &object->value))
		b_die("object %u is there already", id);
}

static inline uint64_t fast_read(void *table, const uint32_t *ids, size_t count)
{
	return dm_slots_read(table, ids, count);
}

/* The entry's guard is the lock. */
static inline void fast_change(void *table, const uint32_t *ids, size_t count)
{
	dm_slots_change(table, ids, count);
}

static inline void fast_renew(void *table, const uint32_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (dm_slots_insert(table, ids[i], dm_slots_remove(table, ids[i])))
			b_die("object %u is there already", ids[i]);
}

static inline uint64_t fast_scan(void *table, uint64_t keys)
{
	(void)keys;
	return dm_slots_scan(table);
}

B_SLOTS_TABLE(fast)
B_SLOTS_READ(fast, "dashmap-fx", NULL, NULL)
B_SLOTS_CHANGE(fast, "dashmap-fx", NULL, NULL)
B_SLOTS_RENEW(fast, "dashmap-fx", NULL, NULL)
B_SLOTS_SCAN(fast, "dashmap-fx", NULL, NULL)

#define std_drop fast_drop
#define std_put	 fast_put
#define std_read fast_read
B_SLOTS_TABLE(std)
B_SLOTS_READ(std, "dashmap", NULL, NULL)

static inline uint64_t each_read(void *table, const uint32_t *ids, size_t count)
{
	return dm_slots_read(table, ids, count);
}

#define each_make fast_make
#define each_put  fast_put
#define each_drop fast_drop
B_SLOTS_TABLE(each)
B_SLOTS_READ_AS(each, "slots-get-alone", "dashmap-fx", NULL, NULL)
