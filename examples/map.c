/* SPDX-License-Identifier: BSD-2-Clause */
/* map.c - count words by their hash: keys and values of eight bytes, in the map itself. */
#include <stdio.h>
#include <string.h>

#include <pawl/hash.h>
#include <pawl/map.h>
#include <pawl/thread.h>

static uint64_t hash_of(const void *key)
{
	return pawl_hash_u64(*(const uint64_t *)key, 0);
}

/* Runs under the shard's lock: short, and calls nothing of Pawl. */
static int add_one(struct pawl_map_cell *cell, void *arg)
{
	(void)arg;
	*(uint64_t *)cell->value += 1; /* all zero if the key is new */
	cell->present = true;
	return 0;
}

int main(void)
{
	static const char *const words[] = {"pawl", "ratchet", "pawl", "tooth", "pawl"};
	struct pawl_map_options options = PAWL_MAP_OPTIONS(uint64_t, uint64_t, hash_of);
	struct pawl_map_stats stats;
	struct pawl_map *map;
	uint64_t key, count = 0;

	if (pawl_thread_attach("main") || pawl_map_create(&options, &map))
		return 1;
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		key = pawl_hash_bytes(words[i], strlen(words[i]), 0);
		if (pawl_map_upsert(map, hash_of(&key), &key, add_one, NULL))
			return 1;
	}
	key = pawl_hash_bytes("pawl", 4, 0);
	if (!pawl_map_get(map, hash_of(&key), &key, &count))
		return 1;
	pawl_map_stats_read(map, &stats);
	printf("%llu words, \"pawl\" %llu times\n", (unsigned long long)stats.entries,
	       (unsigned long long)count);
	pawl_map_destroy(map);
	pawl_thread_detach();
	return count == 3 && stats.entries == 3 ? 0 : 1;
}
