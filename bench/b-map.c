/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-map.c - maps: ours, and the list of benches. The peers are in base-ck.c's and base-urcu.c's
 * neighbours base-map-*.c, in base-cxx.cc and in the Rust crate; the loops in maps.h.
 *
 * Read: threads draw keys from a map that is filled before. Insert: threads fill maps from
 * empty, so growing is part of it (but for lfht, whose table is made large enough at once).
 * Remove: threads empty them. With 1,000 keys a round takes 128 maps, since one is too quick.
 * bytes_entry is what the program's allocations grew by, nodes included, over the entries.
 */
#include "bench.h"
#include "maps.h"

#include <string.h>
#include <stdlib.h>

#include <pawl/hash.h>
#include <pawl/map.h>
#include <pawl/rcu.h>
#include <pawl/retire.h>
#include <pawl/rmap.h>
#include <pawl/thread.h>

/* jemalloc's, if it is linked. */
extern int mallctl(const char *name, void *old, size_t *old_len, void *fresh, size_t fresh_len)
	__attribute__((weak));

/* ---- ours ---------------------------------------------------------------- */

static void ours_enter(void)
{
	if (pawl_thread_attach("bench"))
		b_die("cannot attach");
}

static void ours_leave(void)
{
	pawl_thread_detach();
}

static uint64_t key_hash_of(const void *key)
{
	return b_key_hash(*(const uint64_t *)key);
}

static void *ours_make(uint64_t capacity)
{
	struct pawl_map_options options = PAWL_MAP_OPTIONS(uint64_t, uint64_t, key_hash_of);
	struct pawl_map *map;

	(void)capacity;
	if (pawl_map_create(&options, &map))
		b_die("no map");
	return map;
}

static void ours_drop(void *map)
{
	pawl_map_destroy(map);
}

static inline bool ours_get(void *map, uint64_t key, uint64_t hash, uint64_t *ret_value)
{
	return pawl_map_get(map, hash, &key, ret_value);
}

static inline bool ours_put(void *map, uint64_t key, uint64_t hash, uint64_t value)
{
	return !pawl_map_insert(map, hash, &key, &value);
}

static inline bool ours_del(void *map, uint64_t key, uint64_t hash)
{
	return pawl_map_remove(map, hash, &key, NULL);
}

B_MAP_PEER(ours, "pawl", ours_make, ours_drop, ours_enter, ours_leave)

struct object {
	uint64_t key;
	uint64_t value;
	struct pawl_retire_node node;
};

static bool object_match(const void *entry, const void *key)
{
	return ((const struct object *)entry)->key == *(const uint64_t *)key;
}

static uint64_t object_hash(const void *entry)
{
	return b_key_hash(((const struct object *)entry)->key);
}

static void object_free(struct pawl_retire_node *node)
{
	free(PAWL_CONTAINER_OF(node, struct object, node));
}

static void *rmap_make(uint64_t capacity)
{
	struct pawl_rmap_options options = PAWL_RMAP_OPTIONS(object_match, object_hash);
	struct pawl_rmap *map;

	(void)capacity;
	if (pawl_rmap_create(&options, &map))
		b_die("no map");
	return map;
}

static void object_drained(void *entry, void *arg)
{
	(void)arg;
	free(entry);
}

static void rmap_drop(void *map)
{
	struct pawl_rmap_drain_state drain = PAWL_RMAP_DRAIN_INIT;

	ours_enter();
	pawl_rmap_drain(map, &drain, object_drained, NULL);
	ours_leave();
	pawl_rmap_destroy(map);
}

static inline bool rmap_get(void *map, uint64_t key, uint64_t hash, uint64_t *ret_value)
{
	const struct object *object;

	pawl_rcu_begin();
	object = pawl_rmap_get(map, hash, &key);
	if (object)
		*ret_value = object->value;
	pawl_rcu_end();
	return object;
}

static inline bool rmap_put(void *map, uint64_t key, uint64_t hash, uint64_t value)
{
	struct object *object = malloc(sizeof(*object));

	object->key = key;
	object->value = value;
	if (!pawl_rmap_insert(map, hash, &key, object))
		return true;
	free(object);
	return false;
}

static inline bool rmap_del(void *map, uint64_t key, uint64_t hash)
{
	struct object *object = pawl_rmap_remove(map, hash, &key);

	if (object && pawl_retire(&object->node, sizeof(*object), object_free))
		pawl_retire_wait();
	return object;
}

B_MAP_PEER(rmap, "pawl-rmap", rmap_make, rmap_drop, ours_enter, ours_leave)

/* ---- the benches --------------------------------------------------------- */

#define K 1000u
/* Operations of one thread in a round of insert and remove. */
#define ROUND_SMALL (100 * K)
#define ROUND_LARGE (10 * K * K)

enum { HIT, MISS, INSERT, REMOVE, MIXED };

struct params {
	unsigned what;
	uint64_t keys;
	bool zipf;
	const char *bench;
	const char *text;
};

static const struct params all_params[] = {
	{HIT, K, false, "map-hit", "\"keys\":1000,\"draw\":\"uniform\""},
	{HIT, K, true, "map-hit", "\"keys\":1000,\"draw\":\"zipf\""},
	{HIT, 100 * K, false, "map-hit", "\"keys\":100000,\"draw\":\"uniform\""},
	{HIT, 100 * K, true, "map-hit", "\"keys\":100000,\"draw\":\"zipf\""},
	{HIT, 10 * K *K, false, "map-hit-10m", "\"keys\":10000000,\"draw\":\"uniform\""},
	{HIT, 10 * K *K, true, "map-hit-10m", "\"keys\":10000000,\"draw\":\"zipf\""},
	{MISS, K, false, "map-miss", "\"keys\":1000,\"draw\":\"uniform\""},
	{MISS, 100 * K, false, "map-miss", "\"keys\":100000,\"draw\":\"uniform\""},
	{MISS, 10 * K *K, false, "map-miss-10m", "\"keys\":10000000,\"draw\":\"uniform\""},
	{INSERT, K, false, "map-insert", "\"keys\":1000"},
	{INSERT, 100 * K, false, "map-insert", "\"keys\":100000"},
	{INSERT, 10 * K *K, false, "map-insert-10m", "\"keys\":10000000"},
	{REMOVE, K, false, "map-remove", "\"keys\":1000"},
	{REMOVE, 100 * K, false, "map-remove", "\"keys\":100000"},
	{REMOVE, 10 * K *K, false, "map-remove-10m", "\"keys\":10000000"},
	{MIXED, K, false, "map-mixed", "\"keys\":1000,\"draw\":\"uniform\""},
	{MIXED, K, true, "map-mixed", "\"keys\":1000,\"draw\":\"zipf\""},
	{MIXED, 100 * K, false, "map-mixed", "\"keys\":100000,\"draw\":\"uniform\""},
	{MIXED, 100 * K, true, "map-mixed", "\"keys\":100000,\"draw\":\"zipf\""},
	{MIXED, 10 * K *K, false, "map-mixed-10m", "\"keys\":10000000,\"draw\":\"uniform\""},
};
#define PARAMS (sizeof(all_params) / sizeof(all_params[0]))

enum { PEERS_MAX = 16 };
static const struct b_map_peer *peers[PEERS_MAX];
static size_t peer_count;

void b_map_peer_add(const struct b_map_peer *peer)
{
	if (peer_count == PEERS_MAX)
		b_die("more than %d maps", PEERS_MAX);
	peers[peer_count++] = peer;
}

/* One case at work. */
struct maps {
	const struct b_map_peer *peer;
	const struct params *params;
	uint64_t count;
	uint32_t *draws;
	double bytes_entry;
	void *map[];
};

static uint64_t allocated(void)
{
	uint64_t epoch = 1;
	size_t bytes = 0, len = sizeof(epoch);

	if (!mallctl)
		return 0;
	mallctl("epoch", &epoch, &len, &epoch, sizeof(epoch));
	len = sizeof(bytes);
	mallctl("stats.allocated", &bytes, &len, NULL, 0);
	return bytes;
}

static void fill(struct maps *maps, uint64_t keys)
{
	const struct b_map_peer *peer = maps->peer;
	uint64_t before = allocated();

	if (peer->enter)
		peer->enter();
	for (uint64_t i = 0; i < maps->count; i++) {
		struct b_map_job job = {.keys = keys, .n = keys};

		if (peer->insert(maps->map[i], &job) != keys)
			b_die("%s: not all keys are in", peer->contender);
	}
	/* Signed: caches of the thread and the allocator may give back more than a small map takes. */
	maps->bytes_entry =
		(double)(int64_t)(allocated() - before) / (double)(keys * maps->count);
	if (peer->leave)
		peer->leave();
}

static const struct b_map_peer *case_peer(const struct b_case *cas)
{
	return peers[cas->arg / PARAMS];
}

static const struct params *case_params(const struct b_case *cas)
{
	return &all_params[cas->arg % PARAMS];
}

static int maps_setup(struct b_run *run)
{
	const struct params *params = case_params(run->cas);
	const struct b_map_peer *peer = case_peer(run->cas);
	bool rounds = params->what == INSERT || params->what == REMOVE;
	uint64_t keys = params->keys;
	uint64_t count = 1;
	struct maps *maps;

	/* Rounds: as many keys for each thread as it has operations, in maps of `keys`. */
	if (rounds && keys == K)
		count = run->threads * (ROUND_SMALL / K);
	else if (rounds)
		keys *= run->threads;
	maps = b_alloc(sizeof(*maps) + count * sizeof(void *));
	maps->peer = peer;
	maps->params = params;
	maps->count = count;
	if (params->zipf)
		maps->draws = b_zipf_make(params->what == MIXED ? 2 * keys : keys);
	for (uint64_t i = 0; i < count; i++)
		maps->map[i] = peer->make(params->what == MIXED ? 2 * keys : keys);
	if (params->what != INSERT)
		fill(maps, keys);
	run->state = maps;
	return 0;
}

static void maps_teardown(struct b_run *run)
{
	struct maps *maps = run->state;

	if (maps->bytes_entry > 0)
		b_extra(run, "bytes_entry", maps->bytes_entry);
	for (uint64_t i = 0; i < maps->count; i++)
		maps->peer->drop(maps->map[i]);
	free(maps->draws);
	free(maps);
}

static void maps_enter(struct b_worker *w)
{
	const struct b_map_peer *peer = case_peer(w->run->cas);

	if (peer->enter)
		peer->enter();
}

static void maps_leave(struct b_worker *w)
{
	const struct b_map_peer *peer = case_peer(w->run->cas);

	if (peer->leave)
		peer->leave();
}

static void maps_read(struct b_worker *w, uint64_t n)
{
	struct maps *maps = w->run->state;
	const struct params *params = maps->params;
	struct b_map_job job = {
		.keys = params->what == MIXED ? 2 * params->keys : params->keys,
		.draws = maps->draws,
		.state = w->random,
		.at = w->random % B_ZIPF_DRAWS,
		.n = n,
	};
	uint64_t sum;

	if (params->what == MIXED)
		sum = maps->peer->mixed(maps->map[0], &job);
	else if (params->what == MISS)
		sum = maps->peer->miss(maps->map[0], &job);
	else
		sum = maps->peer->hit(maps->map[0], &job);
	if (params->what != MIXED && sum != n)
		b_die("%s: wrong answers", maps->peer->contender);
	b_random(w);
	w->random ^= job.state;
	w->random += !w->random;
}

/* This thread's part of the keys; with many maps, all keys of its part of the maps. */
static void maps_change(struct b_worker *w, uint64_t n)
{
	struct maps *maps = w->run->state;
	const struct b_map_peer *peer = maps->peer;
	bool many = maps->count > 1;
	uint64_t batch = many ? K : n;
	uint64_t done = 0;

	for (uint64_t at = 0; at < n; at += batch) {
		struct b_map_job job = {
			.n = batch < n - at ? batch : n - at,
			.at = many ? 0 : w->index * n,
		};
		void *map = maps->map[many ? w->index * (ROUND_SMALL / K) + at / K : 0];

		done += maps->params->what == INSERT ? peer->insert(map, &job)
						     : peer->remove(map, &job);
	}
	if (done != n)
		b_die("%s: not all keys were there", peer->contender);
}

static const struct b_bench benches[] = {
	{.name = "map-hit", .text = "look up a key that is there"},
	{.name = "map-hit-10m", .text = "look up a key that is there", .reps_max = 5},
	{.name = "map-miss", .text = "look up a key that is not there"},
	{.name = "map-miss-10m", .text = "look up a key that is not there", .reps_max = 5},
	{.name = "map-insert",
	 .text = "put a key in, growth included",
	 .mode = B_ROUNDS,
	 .count = ROUND_SMALL},
	{.name = "map-insert-10m",
	 .text = "put a key in, growth included",
	 .mode = B_ROUNDS,
	 .count = ROUND_LARGE,
	 .reps_max = 5},
	{.name = "map-remove",
	 .text = "take a key out",
	 .mode = B_ROUNDS,
	 .count = ROUND_SMALL},
	{.name = "map-remove-10m",
	 .text = "take a key out",
	 .mode = B_ROUNDS,
	 .count = ROUND_LARGE,
	 .reps_max = 5},
	{.name = "map-mixed", .text = "90 look-ups, 5 insertions, 5 removals in 100"},
	{.name = "map-mixed-10m",
	 .text = "90 look-ups, 5 insertions, 5 removals in 100",
	 .reps_max = 5},
};

int main(int argc, char **argv)
{
	static struct b_case cases[PEERS_MAX * PARAMS];
	size_t count = 0;

	for (size_t p = 0; p < peer_count; p++) {
		for (size_t i = 0; i < PARAMS; i++) {
			const struct params *params = &all_params[i];
			bool rounds = params->what == INSERT || params->what == REMOVE;

			if ((params->what == REMOVE && !peers[p]->remove) ||
			    (params->what == MIXED && !peers[p]->mixed))
				continue;
			cases[count++] = (struct b_case){
				.bench = params->bench,
				.contender = peers[p]->contender,
				.params = params->text,
				.arg = p * PARAMS + i,
				.setup = maps_setup,
				.enter = maps_enter,
				.work = rounds ? maps_change : maps_read,
				.leave = maps_leave,
				.teardown = maps_teardown,
			};
		}
	}
	b_register(cases, count);
	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
