/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ck-ht-duplicate.c - ck_ht_put_spmc stores a key that is there already.
 *
 * The search for the key gives the first tombstone it met as the place for the
 * new entry, and put then does not look whether the search went on to find the
 * key itself. Keys 1 and 2 collide; 1 is removed; 2 is put a second time and
 * lands in the tombstone of 1.
 */
#include <ck_ht.h>

#include "upstream.h"

static void *ht_malloc(size_t size)
{
	return malloc(size);
}

static void ht_free(void *ptr, size_t size, bool defer)
{
	(void)size;
	(void)defer;
	free(ptr);
}

static struct ck_malloc allocator = {.malloc = ht_malloc, .free = ht_free};

/* All keys collide. */
static void hash(ck_ht_hash_t *ret, const void *key, size_t len, uint64_t seed)
{
	(void)key;
	(void)len;
	(void)seed;
	ret->value = 42;
}

static bool put(ck_ht_t *table, uintptr_t key)
{
	ck_ht_hash_t h;
	ck_ht_entry_t entry;

	ck_ht_hash_direct(&h, table, key);
	ck_ht_entry_set_direct(&entry, h, key, key * 10);
	return ck_ht_put_spmc(table, h, &entry);
}

int main(void)
{
	ck_ht_iterator_t iterator = CK_HT_ITERATOR_INITIALIZER;
	ck_ht_entry_t removed;
	ck_ht_entry_t *entry;
	ck_ht_hash_t h;
	ck_ht_t table;
	unsigned twos = 0;
	bool again;

	if (!ck_ht_init(&table, CK_HT_MODE_DIRECT, hash, &allocator, 16, 1))
		upstream_cannot_tell("ck-ht-duplicate", "no table");
	if (!put(&table, 1) || !put(&table, 2) || put(&table, 2))
		upstream_cannot_tell("ck-ht-duplicate", "the first puts do not behave");
	ck_ht_hash_direct(&h, &table, 1);
	ck_ht_entry_key_set_direct(&removed, 1);
	if (!ck_ht_remove_spmc(&table, h, &removed))
		upstream_cannot_tell("ck-ht-duplicate", "the key is not removed");
	again = put(&table, 2);
	while (ck_ht_next(&table, &iterator, &entry))
		twos += ck_ht_entry_key_direct(entry) == 2;
	upstream_say(
		"ck-ht-duplicate", twos != 1 || again,
		"the second put of a key returns %s, the key is there %u times, count %llu",
		again ? "true" : "false", twos, (unsigned long long)ck_ht_count(&table));
	ck_ht_destroy(&table);
	return 0;
}
