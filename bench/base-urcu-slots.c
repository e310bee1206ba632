/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-urcu-slots.c - objects by id in liburcu's lock-free hash table, with a fixed number of
 * buckets: its automatic resizing loses requests (tests/upstream).
 */
#include "work-slots.h"

#include <stdlib.h>

/* Sections inline, as its users get them who may. */
#define _LGPL_SOURCE
#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>

PAWL_STATIC_ASSERT(sizeof(struct cds_lfht_node) <= sizeof(((struct b_object *)0)->node),
		   "room");

static struct cds_lfht_node *node_of(struct b_object *object)
{
	return (struct cds_lfht_node *)(void *)object->node;
}

static struct b_object *object_of(struct cds_lfht_node *node)
{
	return PAWL_CONTAINER_OF(node, struct b_object, node);
}

/* Without a hash of the id neighbours share buckets; Fibonacci hashing, both halves. */
static unsigned long hash_of(uint32_t id)
{
	return (unsigned long)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static int same_id(struct cds_lfht_node *node, const void *key)
{
	return object_of(node)->id == *(const uint32_t *)key;
}

static void enter(struct b_worker *w)
{
	(void)w;
	urcu_memb_register_thread();
}

static void leave(struct b_worker *w)
{
	(void)w;
	urcu_memb_unregister_thread();
}

static void *lfht_make(uint64_t keys)
{
	unsigned long buckets = 1;
	struct cds_lfht *table;

	while (buckets < keys)
		buckets *= 2;
	table = cds_lfht_new_flavor(buckets, buckets, buckets, 0, &urcu_memb_flavor, NULL);
	if (!table)
		b_die("cds_lfht_new");
	return table;
}

static void lfht_put(void *table, uint32_t id, struct b_object *object)
{
	urcu_memb_read_lock();
	cds_lfht_node_init(node_of(object));
	cds_lfht_add(table, hash_of(id), node_of(object));
	urcu_memb_read_unlock();
}

static void lfht_drop(void *table, uint64_t keys)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	(void)keys;
	urcu_memb_read_lock();
	cds_lfht_for_each(table, &iter, node) cds_lfht_del(table, node);
	urcu_memb_read_unlock();
	if (cds_lfht_destroy(table, NULL))
		b_die("cds_lfht_destroy");
}

static inline struct cds_lfht_node *find(void *table, uint32_t id)
{
	struct cds_lfht_iter iter;

	cds_lfht_lookup(table, hash_of(id), same_id, &id, &iter);
	return cds_lfht_iter_get_node(&iter);
}

static inline uint64_t lfht_read(void *table, const uint32_t *ids, size_t count)
{
	uint64_t sum = 0;

	urcu_memb_read_lock();
	for (size_t i = 0; i < count; i++)
		sum += object_of(find(table, ids[i]))->value;
	urcu_memb_read_unlock();
	return sum;
}

static inline uint64_t lfht_each_read(void *table, const uint32_t *ids, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += lfht_read(table, &ids[i], 1);
	return sum;
}

static uint64_t lfht_scan(void *table, uint64_t keys)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;
	uint64_t sum = 0;

	(void)keys;
	urcu_memb_read_lock();
	cds_lfht_for_each(table, &iter, node) sum += object_of(node)->value;
	urcu_memb_read_unlock();
	return sum;
}

B_SLOTS_TABLE(lfht)
B_SLOTS_READ(lfht, "urcu-lfht", enter, leave)
B_SLOTS_SCAN(lfht, "urcu-lfht", enter, leave)

#define lfht_each_make lfht_make
#define lfht_each_put  lfht_put
#define lfht_each_drop lfht_drop
B_SLOTS_TABLE(lfht_each)
B_SLOTS_READ_AS(lfht_each, "slots-get-alone", "urcu-lfht", enter, leave)
