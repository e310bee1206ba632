/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-map-ck.c - Concurrency Kit's tables: one writer at a time (a CK spin lock), readers in
 * ck_epoch sections.
 *
 * ck_ht 0.7.1 may hold a key twice once a tombstone was used again, so it is only read and filled
 * here. ck_hs is a set of pointers to nodes that come from malloc, and are freed when the map ends
 * (no reclamation is timed: that flatters it). Arrays that were outgrown are kept till then, too.
 */
#include "bench.h"
#include "maps.h"

#include <stdlib.h>

#include <ck_epoch.h>
#include <ck_hs.h>
#include <ck_ht.h>
#include <ck_malloc.h>
#include <ck_spinlock.h>

/* ---- memory: what is freed while readers may see it is kept until the drop ----- */

struct kept {
	struct kept *next;
};
static struct kept *kept;

static void *ck_get_memory(size_t bytes)
{
	struct kept *block = malloc(sizeof(*block) + 64 + bytes);

	return block ? (char *)block + 64 : NULL;
}

static void ck_free_memory(void *ptr, size_t bytes, bool defer)
{
	struct kept *block = (void *)((char *)ptr - 64);

	(void)bytes;
	if (!defer) {
		free(block);
		return;
	}
	block->next = kept;
	kept = block;
}

static void ck_drop_kept(void)
{
	while (kept) {
		struct kept *block = kept;

		kept = block->next;
		free(block);
	}
}

static struct ck_malloc memory = {.malloc = ck_get_memory, .free = ck_free_memory};

static ck_epoch_t epoch = {.epoch = 1};
static __thread ck_epoch_record_t *record;

static void ck_enter(void)
{
	ck_epoch_record_t *mine = ck_epoch_recycle(&epoch, NULL);

	if (!mine) {
		mine = b_alloc(sizeof(*mine));
		ck_epoch_register(&epoch, mine, NULL);
	}
	record = mine;
}

static void ck_leave(void)
{
	ck_epoch_unregister(record);
}

/* ---- ck_ht --------------------------------------------------------------- */

struct ht {
	ck_ht_t table;
	ck_spinlock_fas_t lock PAWL_ALIGNED(PAWL_LINE_BYTES);
};

static void ht_hash(struct ck_ht_hash *hash, const void *key, size_t len, uint64_t seed)
{
	(void)len;
	(void)seed;
	hash->value = b_key_hash((uintptr_t) * (const uintptr_t *)key);
}

static void *ht_make(uint64_t capacity)
{
	struct ht *ht = b_alloc(sizeof(*ht));

	(void)capacity;
	ck_spinlock_fas_init(&ht->lock);
	if (!ck_ht_init(&ht->table, CK_HT_MODE_DIRECT, ht_hash, &memory, 8, 1))
		b_die("ck_ht_init");
	return ht;
}

static void ht_drop(void *map)
{
	struct ht *ht = map;

	ck_ht_destroy(&ht->table);
	ck_drop_kept();
	free(ht);
}

static inline bool ht_get(void *map, uint64_t key, uint64_t hash, uint64_t *ret_value)
{
	struct ht *ht = map;
	ck_ht_hash_t h = {.value = hash};
	ck_ht_entry_t entry;
	bool found;

	ck_ht_entry_key_set_direct(&entry, key);
	ck_epoch_begin(record, NULL);
	found = ck_ht_get_spmc(&ht->table, h, &entry);
	ck_epoch_end(record, NULL);
	if (found)
		*ret_value = ck_ht_entry_value_direct(&entry);
	return found;
}

static inline bool ht_put(void *map, uint64_t key, uint64_t hash, uint64_t value)
{
	struct ht *ht = map;
	ck_ht_hash_t h = {.value = hash};
	ck_ht_entry_t entry;
	bool put;

	ck_ht_entry_set_direct(&entry, h, key, value);
	ck_spinlock_fas_lock(&ht->lock);
	put = ck_ht_put_spmc(&ht->table, h, &entry);
	ck_spinlock_fas_unlock(&ht->lock);
	return put;
}

B_MAP_LOOKUPS(ht)
static const struct b_map_peer ht_peer = {
	.contender = "ck_ht",
	.make = ht_make,
	.drop = ht_drop,
	.enter = ck_enter,
	.leave = ck_leave,
	.hit = ht_hit,
	.miss = ht_miss,
	.insert = ht_insert,
};
B_MAP_ADD(ht)

/* ---- ck_hs --------------------------------------------------------------- */

struct hs_node {
	uint64_t key;
	uint64_t value;
	struct hs_node *next; /* removed */
};

struct hs {
	ck_hs_t set;
	ck_spinlock_fas_t lock PAWL_ALIGNED(PAWL_LINE_BYTES);
	struct hs_node *removed;
};

static unsigned long hs_hash(const void *node, unsigned long seed)
{
	(void)seed;
	return b_key_hash(((const struct hs_node *)node)->key);
}

static bool hs_same(const void *a, const void *c)
{
	return ((const struct hs_node *)a)->key == ((const struct hs_node *)c)->key;
}

static void *hs_make(uint64_t capacity)
{
	struct hs *hs = b_alloc(sizeof(*hs));

	(void)capacity;
	ck_spinlock_fas_init(&hs->lock);
	if (!ck_hs_init(&hs->set, CK_HS_MODE_SPMC | CK_HS_MODE_OBJECT, hs_hash, hs_same,
			&memory, 16, 1))
		b_die("ck_hs_init");
	return hs;
}

static void hs_drop(void *map)
{
	struct hs *hs = map;
	ck_hs_iterator_t it = CK_HS_ITERATOR_INITIALIZER;
	void *node;

	while (ck_hs_next(&hs->set, &it, &node))
		free(node);
	while (hs->removed) {
		struct hs_node *removed = hs->removed;

		hs->removed = removed->next;
		free(removed);
	}
	ck_hs_destroy(&hs->set);
	ck_drop_kept();
	free(hs);
}

static inline bool hs_get(void *map, uint64_t key, uint64_t hash, uint64_t *ret_value)
{
	struct hs *hs = map;
	struct hs_node probe = {.key = key};
	const struct hs_node *node;

	ck_epoch_begin(record, NULL);
	node = ck_hs_get(&hs->set, hash, &probe);
	if (node)
		*ret_value = node->value;
	ck_epoch_end(record, NULL);
	return node;
}

static inline bool hs_put(void *map, uint64_t key, uint64_t hash, uint64_t value)
{
	struct hs *hs = map;
	struct hs_node *node = malloc(sizeof(*node));
	bool put;

	node->key = key;
	node->value = value;
	ck_spinlock_fas_lock(&hs->lock);
	put = ck_hs_put(&hs->set, hash, node);
	ck_spinlock_fas_unlock(&hs->lock);
	if (!put)
		free(node);
	return put;
}

static inline bool hs_del(void *map, uint64_t key, uint64_t hash)
{
	struct hs *hs = map;
	struct hs_node probe = {.key = key};
	struct hs_node *node;

	ck_spinlock_fas_lock(&hs->lock);
	node = ck_hs_remove(&hs->set, hash, &probe);
	if (node) {
		node->next = hs->removed;
		hs->removed = node;
	}
	ck_spinlock_fas_unlock(&hs->lock);
	return node;
}

B_MAP_PEER(hs, "ck_hs", hs_make, hs_drop, ck_enter, ck_leave)
