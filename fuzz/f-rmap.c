/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * f-rmap.c - a map of pointers against an array: every call, hashes from good to constant, scans
 * between which the map changes, and allocations that fail. Entries are freed at once when the map
 * gives them back, so a look-up that still led to one would be noticed; readers beside writers
 * are verify/'s matter.
 */
#include "config.h"

#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/hash.h>
#include <pawl/rcu.h>
#include <pawl/retire.h>
#include <pawl/rmap.h>

#define KEYS 1024u

struct entry {
	unsigned index;
	unsigned serial;
};

static struct {
	struct pawl_rmap *map;
	unsigned hash_kind;
	unsigned span;
	unsigned serial;
	uint64_t count;
	struct entry *entry[KEYS];
} m;

static uint64_t hash_of_index(unsigned index)
{
	uint64_t good = pawl_hash_u64(index, 0);

	switch (m.hash_kind) {
	case 0:
		return good;
	case 1:
		return good & 3;
	case 2: /* one control byte */
		return good & ~(UINT64_C(0x7f) << PAWL_HASH_SLOT_BITS_MAX);
	case 3:
		return 0;
	case 4:
		return UINT64_MAX;
	case 5: /* one slot to begin at */
		return good << PAWL_HASH_SLOT_BITS_MAX;
	case 6: /* one shard */
		return good >> PAWL_HASH_SHARD_BITS_MAX;
	default:
		return index;
	}
}

static uint64_t hash_of(const void *entry)
{
	return hash_of_index(((const struct entry *)entry)->index);
}

static bool match(const void *entry, const void *key)
{
	return ((const struct entry *)entry)->index == *(const unsigned *)key;
}

/* Another comparison with another kind of key: by components. */
static bool match_by(const void *entry, const void *key)
{
	const unsigned *parts = key;

	return ((const struct entry *)entry)->index == parts[0] * 16 + parts[1];
}

static struct entry *fresh(unsigned index)
{
	struct entry *entry = malloc(sizeof(*entry));

	FUZZ_CHECK(entry);
	*entry = (struct entry){index, ++m.serial};
	return entry;
}

/* The model changes: what was there is freed, as no reader is there. */
static void set(unsigned index, struct entry *entry)
{
	m.count += entry != NULL;
	m.count -= m.entry[index] != NULL;
	if (m.entry[index] != entry)
		free(m.entry[index]);
	m.entry[index] = entry;
}

static bool no_memory(int rc)
{
	FUZZ_CHECK(rc != -ENOMEM || fuzz_alloc_failed());
	return rc == -ENOMEM;
}

static void check_get(unsigned index)
{
	unsigned parts[2] = {index / 16, index % 16};

	pawl_rcu_begin();
	FUZZ_CHECK(pawl_rmap_get(m.map, hash_of_index(index), &index) == m.entry[index]);
	FUZZ_CHECK(pawl_rmap_get_by(m.map, hash_of_index(index), match_by, parts) ==
		   m.entry[index]);
	pawl_rcu_end();
}

static void insert(unsigned index)
{
	struct entry *entry = fresh(index);
	int rc = pawl_rmap_insert(m.map, hash_of_index(index), &index, entry);

	FUZZ_CHECK(no_memory(rc) || rc == (m.entry[index] ? -EEXIST : 0));
	if (rc == 0)
		set(index, entry);
	else
		free(entry);
}

static void find_or_insert(unsigned index, bool by)
{
	unsigned parts[2] = {index / 16, index % 16};
	struct entry *entry = fresh(index);
	void *got = NULL;
	int rc;

	pawl_rcu_begin();
	rc = by ? pawl_rmap_entry_by(m.map, hash_of_index(index), match_by, parts, entry, &got)
		: pawl_rmap_entry(m.map, hash_of_index(index), &index, entry, &got);
	pawl_rcu_end();
	FUZZ_CHECK(no_memory(rc) || rc == !m.entry[index]);
	FUZZ_CHECK(rc != 0 || got == m.entry[index]);
	FUZZ_CHECK(rc != 1 || got == entry);
	if (rc == 1)
		set(index, entry);
	else
		free(entry);
}

static void replace(unsigned index)
{
	struct entry *entry = fresh(index);
	void *old = pawl_rmap_replace(m.map, hash_of_index(index), &index, entry);

	FUZZ_CHECK(old == m.entry[index]);
	if (old)
		set(index, entry);
	else
		free(entry);
}

static void take_out(unsigned index, unsigned how)
{
	unsigned parts[2] = {index / 16, index % 16};
	uint64_t hash = hash_of_index(index);
	struct entry other = {index, 0};
	void *was;

	switch (how) {
	case 0:
		was = pawl_rmap_remove(m.map, hash, &index);
		break;
	case 1:
		was = pawl_rmap_remove_by(m.map, hash, match_by, parts);
		break;
	default:
		/* Only the very entry counts, not one like it. */
		FUZZ_CHECK(!pawl_rmap_remove_entry(m.map, hash, &other));
		was = m.entry[index];
		FUZZ_CHECK(!was || pawl_rmap_remove_entry(m.map, hash, was));
		FUZZ_CHECK(!was || !pawl_rmap_remove_entry(m.map, hash, was));
		break;
	}
	FUZZ_CHECK(was == m.entry[index]);
	set(index, NULL);
}

/* What an update is to make of the entries: 0 as it is, 1 none, 2 another one. */
struct plan {
	unsigned index[2];
	unsigned to[2];
	struct entry *after[2];
	unsigned called;
};

static void *decide(void *entry, struct plan *plan, unsigned i)
{
	FUZZ_CHECK(entry == m.entry[plan->index[i]]);
	plan->called++;
	plan->after[i] = plan->to[i] == 0   ? entry
			 : plan->to[i] == 1 ? NULL
					    : fresh(plan->index[i]);
	return plan->after[i];
}

static void *update_one(void *entry, void *arg)
{
	return decide(entry, arg, 0);
}

static void update_two(void *entries[2], void *arg)
{
	entries[0] = decide(entries[0], arg, 0);
	entries[1] = decide(entries[1], arg, 1);
}

static void update(struct fuzz_bytes *bytes, bool pair)
{
	unsigned how = fuzz_u8(bytes);
	struct plan plan = {.called = 0};
	void *old = &plan;
	int rc;

	for (unsigned i = 0; i < 2; i++) {
		plan.index[i] = fuzz_below(bytes, m.span);
		plan.to[i] = (how >> 2 * i & 3) % 3;
	}
	if (pair && plan.index[0] == plan.index[1])
		return;
	if (pair)
		rc = pawl_rmap_pair(m.map, hash_of_index(plan.index[0]), &plan.index[0],
				    hash_of_index(plan.index[1]), &plan.index[1], update_two,
				    &plan);
	else
		rc = pawl_rmap_update(m.map, hash_of_index(plan.index[0]), &plan.index[0],
				      update_one, &plan, &old);
	if (no_memory(rc)) {
		FUZZ_CHECK(!plan.called);
		return;
	}
	FUZZ_CHECK(rc == 0 && plan.called == 1u + pair);
	FUZZ_CHECK(pair || old == (plan.to[0] ? m.entry[plan.index[0]] : NULL));
	for (unsigned i = 0; i < 1u + pair; i++)
		set(plan.index[i], plan.after[i]);
}

static void small_step(struct fuzz_bytes *bytes, unsigned op)
{
	unsigned index = fuzz_below(bytes, m.span);

	switch (op) {
	case 0:
	case 1:
		insert(index);
		break;
	case 2:
		find_or_insert(index, true);
		break;
	case 3:
		find_or_insert(index, false);
		break;
	case 4:
		replace(index);
		break;
	default:
		take_out(index, fuzz_u8(bytes) % 3);
		break;
	}
}

/* As in f-map: what was there all along comes, once if no table was built anew. */
static void scan(struct fuzz_bytes *bytes)
{
	static unsigned times[KEYS];
	static bool stayed[KEYS];
	struct pawl_rmap_cursor cursor = {0, 0, 0};
	struct pawl_rmap_stats before, after;
	unsigned max = 1 + fuzz_u8(bytes) % 8;
	bool change = fuzz_u8(bytes) & 1;
	void *entries[8];
	size_t n;

	memset(times, 0, sizeof(times));
	for (unsigned i = 0; i < KEYS; i++)
		stayed[i] = m.entry[i] != NULL;
	pawl_rmap_stats_read(m.map, &before);
	for (;;) {
		pawl_rcu_begin();
		n = pawl_rmap_scan(m.map, &cursor, max, entries);
		pawl_rcu_end();
		if (!n)
			break;
		FUZZ_CHECK(n <= max);
		for (size_t i = 0; i < n; i++) {
			unsigned index = ((struct entry *)entries[i])->index;

			FUZZ_CHECK(index < KEYS && m.entry[index] == entries[i]);
			times[index]++;
		}
		if (change && fuzz_more(bytes)) {
			small_step(bytes, fuzz_u8(bytes) % 7);
			for (unsigned i = 0; i < m.span; i++)
				stayed[i] &= m.entry[i] != NULL;
		}
	}
	pawl_rmap_stats_read(m.map, &after);
	for (unsigned i = 0; i < m.span; i++) {
		FUZZ_CHECK(!stayed[i] || times[i]);
		FUZZ_CHECK(!stayed[i] || times[i] == 1 || after.rebuilds != before.rebuilds);
	}
}

static void drained(void *entry, void *arg)
{
	unsigned index = ((struct entry *)entry)->index;

	(void)arg;
	FUZZ_CHECK(m.entry[index] == entry);
	set(index, NULL);
}

static void drain(void)
{
	struct pawl_rmap_drain_state state = PAWL_RMAP_DRAIN_INIT;
	uint64_t had = m.count;

	FUZZ_CHECK(pawl_rmap_drain(m.map, &state, drained, NULL) == had);
	FUZZ_CHECK(m.count == 0);
}

static void look(void)
{
	struct pawl_rmap_stats stats;

	FUZZ_CHECK(pawl_rmap_count(m.map) == m.count);
	pawl_rmap_stats_read(m.map, &stats);
	FUZZ_CHECK(stats.entries == m.count && stats.slots >= m.count);
	for (unsigned i = 0; i < m.span; i++)
		check_get(i);
}

static void many(struct fuzz_bytes *bytes, bool in)
{
	unsigned index = fuzz_below(bytes, m.span), stride = fuzz_u8(bytes);

	for (unsigned n = fuzz_u8(bytes); n--; index = (index + stride) % m.span) {
		if (in)
			insert(index);
		else
			take_out(index, 0);
	}
}

static void step(struct fuzz_bytes *bytes, unsigned op)
{
	switch (op) {
	case 7:
		update(bytes, false);
		break;
	case 8:
		update(bytes, true);
		break;
	case 9:
		scan(bytes);
		break;
	case 10:
		if (fuzz_u8(bytes) % 4 == 0)
			drain();
		break;
	case 11:
		(void)!no_memory(pawl_rmap_shrink(m.map));
		break;
	case 12:
	case 13:
		many(bytes, true);
		break;
	case 14:
		many(bytes, false);
		break;
	case 15:
		look();
		break;
	default:
		small_step(bytes, op);
		break;
	}
}

static void run(struct fuzz_bytes *bytes)
{
	unsigned shape = fuzz_u8(bytes), more = fuzz_u8(bytes);
	struct pawl_rmap_options options = PAWL_RMAP_OPTIONS(match, hash_of);
	int rc;

	memset(&m, 0, sizeof(m));
	options.shards = 1u << (more & 3);
	options.capacity = more & 4 ? 200 : 0;
	m.hash_kind = shape & 7;
	m.span = shape & 8 ? KEYS : 24;
	fuzz_alloc_fail(more & 8 ? 1 + (more >> 4) : 0);
	rc = pawl_rmap_create(&options, &m.map);
	if (no_memory(rc))
		return;
	FUZZ_CHECK(rc == 0);
	while (fuzz_more(bytes)) {
		unsigned op = fuzz_u8(bytes);

		fuzz_alloc_fail((op & 0xc0) == 0xc0 ? 1 + (op >> 5 & 1) : 0);
		step(bytes, op & 15);
		fuzz_alloc_fail(0);
	}
	look();
	drain();
	pawl_rmap_destroy(m.map);
}

const struct fuzz_target fuzz_target = {
	.name = "rmap", .run = run, .attach = true, .retires = true};
