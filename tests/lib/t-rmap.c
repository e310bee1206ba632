/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests of lib/rmap.c. An array is the specification: after random calls the map has what it
 * has. Removed entries are poisoned when they are retired, so that a stale one is noticed.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>

#include "check.h"

struct entry {
	struct pawl_retire_node node;
	uint64_t key;
	uint64_t hash;
	uint64_t value;
	uint32_t mark;
};

#define ALIVE 0x600du

static bool match(const void *entry, const void *key)
{
	const struct entry *e = entry;

	t_check(e->mark == ALIVE);
	return e->key == *(const uint64_t *)key;
}

static bool match_value(const void *entry, const void *value)
{
	return ((const struct entry *)entry)->value == *(const uint64_t *)value;
}

static uint64_t hash_of(const void *entry)
{
	return ((const struct entry *)entry)->hash;
}

static bool hostile;

static uint64_t hash(uint64_t key)
{
	return hostile ? UINT64_C(0x0123456789abcdef) : pawl_hash_u64(key, 0);
}

static struct entry *entry_make(uint64_t key, uint64_t value)
{
	struct entry *e = pawl_mem_alloc(sizeof(*e), 0);

	t_check(e);
	e->key = key;
	e->hash = hash(key);
	e->value = value;
	e->mark = ALIVE;
	return e;
}

static void entry_free(struct entry *e)
{
	t_check(e->mark == ALIVE);
	e->mark = 0xdead;
	pawl_mem_free(e, sizeof(*e), 0);
}

static void entry_retired(struct pawl_retire_node *node)
{
	entry_free(PAWL_CONTAINER_OF(node, struct entry, node));
}

static void entry_retire(struct entry *e)
{
	if (pawl_retire(&e->node, sizeof(*e), entry_retired))
		pawl_retire_wait();
}

static void entry_drained(void *entry, void *arg)
{
	(void)arg;
	entry_retire(entry);
}

static struct pawl_rmap *make(uint32_t shards, uint64_t capacity)
{
	struct pawl_rmap_options options = PAWL_RMAP_OPTIONS(match, hash_of);
	struct pawl_rmap *map;

	options.shards = shards;
	options.capacity = capacity;
	assert_int_equal(pawl_rmap_create(&options, &map), 0);
	return map;
}

static void end(struct pawl_rmap *map)
{
	struct pawl_rmap_drain_state drain = PAWL_RMAP_DRAIN_INIT;

	pawl_rmap_drain(map, &drain, entry_drained, NULL);
	assert_int_equal(pawl_rmap_count(map), 0);
	pawl_rmap_destroy(map);
	/* So that bytes can be counted. */
	pawl_retire_barrier();
}

static void put(struct pawl_rmap *map, uint64_t key)
{
	assert_int_equal(pawl_rmap_insert(map, hash(key), &key, entry_make(key, key)), 0);
}

static bool has(const struct pawl_rmap *map, uint64_t key)
{
	bool found;

	pawl_rcu_begin();
	found = pawl_rmap_get(map, hash(key), &key);
	pawl_rcu_end();
	return found;
}

/* ---- options ----------------------------------------------------------- */

static void case_options(void **state)
{
	struct pawl_rmap_options options = PAWL_RMAP_OPTIONS(match, hash_of);
	struct pawl_rmap_options bad;
	struct pawl_rmap *map = NULL;

	(void)state;
#define BAD(field, value, err)                                          \
	do {                                                            \
		bad = options;                                          \
		bad.field = (value);                                    \
		assert_int_equal(pawl_rmap_create(&bad, &map), -(err)); \
		assert_null(map);                                       \
	} while (0)
	BAD(size, sizeof(options) - 1, EINVAL);
	BAD(size, sizeof(options) + 8, E2BIG);
	BAD(match, NULL, EINVAL);
	BAD(hash, NULL, EINVAL);
	BAD(shards, 1025, EINVAL);
	BAD(capacity, UINT64_MAX >> 8, ENOMEM);
	pawl_rmap_destroy(NULL);
}

static void case_shards_and_capacity(void **state)
{
	const struct {
		uint32_t shards, want;
		uint64_t capacity, slots;
	} tries[] = {
		{1, 1, 0, 0},	    {1, 1, 1, 7},	   {1, 1, 8, 14},
		{3, 4, 3, 0},	    {1024, 1024, 1023, 0}, {1024, 1024, 1024, 7168},
		{1000, 1024, 0, 0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		uint64_t bytes = t_alloc_bytes();
		struct pawl_rmap *map = make(tries[i].shards, tries[i].capacity);
		struct pawl_rmap_stats stats;

		pawl_rmap_stats_read(map, &stats);
		assert_int_equal(stats.shards, tries[i].want);
		assert_int_equal(stats.slots, tries[i].slots);
		assert_int_equal(stats.bytes, t_alloc_bytes() - bytes);
		put(map, 1);
		assert_true(has(map, 1));
		end(map);
	}
}

/* ---- against the model ------------------------------------------------- */

#define KEYS 96

struct model {
	struct pawl_rmap *map;
	struct entry *entry[KEYS];
};

static void *give(void *entry, void *arg)
{
	void **want = arg;

	t_check(entry == want[0]);
	return want[1];
}

static void give_two(void *entries[2], void *arg)
{
	void **want = arg;

	t_check(entries[0] == want[0] && entries[1] == want[1]);
	entries[0] = want[2];
	entries[1] = want[3];
}

static void left(struct model *m, uint64_t key, struct entry *now)
{
	if (m->entry[key] && m->entry[key] != now)
		entry_retire(m->entry[key]);
	m->entry[key] = now;
}

/* The same entry, another one, or none. */
static struct entry *any_entry(const struct model *m, uint64_t key)
{
	switch (t_random_below(3)) {
	case 0:
		return m->entry[key];
	case 1:
		return NULL;
	default:
		return entry_make(key, t_random());
	}
}

static void step_decide(struct model *m, uint64_t a)
{
	uint64_t b = (a + 1 + t_random_below(KEYS - 1)) % KEYS;
	struct entry *now[2] = {any_entry(m, a), any_entry(m, b)};
	void *old = m;

	if (t_random_below(2)) {
		assert_int_equal(
			pawl_rmap_pair(m->map, hash(a), &a, hash(b), &b, give_two,
				       (void *[4]){m->entry[a], m->entry[b], now[0], now[1]}),
			0);
	} else {
		if (now[1] && now[1] != m->entry[b])
			entry_free(now[1]);
		now[1] = m->entry[b];
		assert_int_equal(pawl_rmap_update(m->map, hash(a), &a, give,
						  (void *[2]){m->entry[a], now[0]}, &old),
				 0);
		assert_ptr_equal(old, now[0] == m->entry[a] ? NULL : m->entry[a]);
	}
	left(m, a, now[0]);
	left(m, b, now[1]);
}

static void step_look(struct model *m, uint64_t key)
{
	uint64_t value = m->entry[key] ? m->entry[key]->value : 0;

	pawl_rcu_begin();
	assert_ptr_equal(pawl_rmap_get(m->map, hash(key), &key), m->entry[key]);
	if (m->entry[key])
		assert_ptr_equal(pawl_rmap_get_by(m->map, hash(key), match_value, &value),
				 m->entry[key]);
	pawl_rcu_end();
}

static void step_enter(struct model *m, uint64_t key, unsigned how)
{
	struct entry *fresh = entry_make(key, t_random());
	bool there = m->entry[key];
	void *got;
	int ret;

	if (how == 0) {
		ret = pawl_rmap_insert(m->map, hash(key), &key, fresh);
		assert_int_equal(ret, there ? -EEXIST : 0);
	} else {
		pawl_rcu_begin();
		ret = how == 1
			      ? pawl_rmap_entry(m->map, hash(key), &key, fresh, &got)
			      : pawl_rmap_entry_by(m->map, hash(key), match, &key, fresh, &got);
		pawl_rcu_end();
		assert_int_equal(ret, !there);
		assert_ptr_equal(got, there ? m->entry[key] : fresh);
	}
	if (there)
		entry_free(fresh);
	else
		m->entry[key] = fresh;
}

static void step_leave(struct model *m, uint64_t key, unsigned how)
{
	uint64_t value = m->entry[key] ? m->entry[key]->value : 0;
	struct entry *fresh;

	switch (how) {
	case 0:
		assert_ptr_equal(pawl_rmap_remove(m->map, hash(key), &key), m->entry[key]);
		break;
	case 1:
		assert_ptr_equal(pawl_rmap_remove_by(m->map, hash(key), match_value, &value),
				 m->entry[key]);
		break;
	case 2:
		if (!m->entry[key])
			return;
		assert_true(pawl_rmap_remove_entry(m->map, hash(key), m->entry[key]));
		assert_false(pawl_rmap_remove_entry(m->map, hash(key), m->entry[key]));
		break;
	default:
		fresh = entry_make(key, t_random());
		assert_ptr_equal(pawl_rmap_replace(m->map, hash(key), &key, fresh),
				 m->entry[key]);
		if (!m->entry[key])
			entry_free(fresh);
		else
			left(m, key, fresh);
		return;
	}
	left(m, key, NULL);
}

static void check_scan(const struct model *m)
{
	struct pawl_rmap_cursor cursor = {0};
	unsigned seen[KEYS] = {0}, count = 0;
	void *entries[5];
	size_t got;

	do {
		pawl_rcu_begin();
		got = pawl_rmap_scan(m->map, &cursor, 5, entries);
		for (size_t i = 0; i < got; i++) {
			const struct entry *e = entries[i];

			assert_ptr_equal(e, m->entry[e->key]);
			assert_int_equal(seen[e->key]++, 0);
			count++;
		}
		pawl_rcu_end();
	} while (got);
	assert_int_equal(pawl_rmap_count(m->map), count);
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(seen[i], m->entry[i] != NULL);
}

static void model_run(uint32_t shards)
{
	struct model m = {.map = make(shards, 0)};

	for (unsigned round = 0; round < t_scaled(20000); round++) {
		uint64_t key = t_random_below(KEYS);
		unsigned what = (unsigned)t_random_below(24);

		/* By turns it fills and empties: tables grow, are cleared out, shrink. */
		if (what < 8)
			step_look(&m, key);
		else if (what < 10)
			step_decide(&m, key);
		else if (what < 22)
			(round / 500 % 3 ? step_enter : step_leave)(&m, key, what % 4);
		else if (round % 64 == 0)
			assert_int_equal(pawl_rmap_shrink(m.map), 0);
		if (round % 256 == 0)
			check_scan(&m);
	}
	check_scan(&m);
	end(m.map);
	t_step();
}

static void case_model(void **state)
{
	(void)state;
	hostile = false;
	model_run(1);
	model_run(8);
}

static void case_model_hostile(void **state)
{
	(void)state;
	hostile = true;
	model_run(1);
	model_run(8);
	hostile = false;
}

/* ---- the tables -------------------------------------------------------- */

static void case_churn_and_shrink(void **state)
{
	struct pawl_rmap *map = make(1, 0);
	struct pawl_rmap_stats full, stats;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		put(map, i);
	for (uint64_t i = 0; i < t_scaled(50000); i++) {
		struct entry *e = pawl_rmap_remove(map, hash(i), &i);

		assert_non_null(e);
		entry_retire(e);
		put(map, i + 1000);
	}
	pawl_rmap_stats_read(map, &full);
	assert_int_equal(full.entries, 1000);
	assert_true(full.slots <= 4000);
	/* 64 bytes for seven places. */
	assert_true(full.bytes <= full.slots * 64 / 7 + 1024);
	for (uint64_t i = t_scaled(50000) + 50; i < t_scaled(50000) + 1000; i++) {
		struct entry *e = pawl_rmap_remove(map, hash(i), &i);

		assert_non_null(e);
		entry_retire(e);
	}
	assert_int_equal(pawl_rmap_shrink(map), 0);
	pawl_rmap_stats_read(map, &stats);
	assert_int_equal(stats.entries, 50);
	assert_true(stats.slots * 4 < full.slots);
	end(map);
}

/* Keys that stay are seen, though tables are built anew between two calls. */
static void case_scan_beside_writers(void **state)
{
	struct pawl_rmap *map = make(4, 0);
	struct pawl_rmap_cursor cursor = {0};
	unsigned seen[300] = {0};
	uint64_t next = 1000;
	bool twice = false;
	void *entries[16];
	size_t count;

	(void)state;
	for (uint64_t i = 0; i < 300; i++)
		put(map, i);
	do {
		pawl_rcu_begin();
		count = pawl_rmap_scan(map, &cursor, 16, entries);
		for (size_t i = 0; i < count; i++) {
			const struct entry *e = entries[i];

			if (e->key < 300)
				twice |= seen[e->key]++ > 0;
		}
		pawl_rcu_end();
		for (unsigned i = 0; i < 40 && next < 4000; i++)
			put(map, next++);
	} while (count);
	assert_true(twice);
	for (unsigned i = 0; i < 300; i++)
		assert_true(seen[i] >= 1);
	end(map);
}

/* ---- readers beside writers -------------------------------------------- */

#define STAY 64
#define COME 512

struct shared {
	struct pawl_rmap *map;
	struct pawl_atomic_u32 stop;
	uint64_t first, last; /* this writer's keys */
};

/* Keys below STAY are always found; others are right if they are found. */
static void read_all_the_time(void *arg)
{
	struct shared *s = arg;

	do {
		for (uint64_t key = 0; key < COME; key++) {
			const struct entry *e_rcu;

			pawl_rcu_begin();
			e_rcu = pawl_rmap_get(s->map, hash(key), &key);
			t_check(e_rcu || key >= STAY);
			if (e_rcu)
				t_check(e_rcu->mark == ALIVE && e_rcu->key == key);
			pawl_rcu_end();
		}
		pawl_rcu_quiescent();
		t_step();
	} while (!pawl_load_acquire(&s->stop));
}

static void write_all_the_time(void *arg)
{
	struct shared *s = arg;

	for (unsigned round = 0; round < t_scaled(200); round++) {
		for (uint64_t key = s->first; key < s->last; key++)
			t_check(!pawl_rmap_insert(s->map, hash(key), &key,
						  entry_make(key, round)));
		for (uint64_t key = 0; key < STAY; key += 7) {
			struct entry *old = pawl_rmap_replace(s->map, hash(key), &key,
							      entry_make(key, round));

			t_check(old);
			entry_retire(old);
		}
		for (uint64_t key = s->first; key < s->last; key++) {
			struct entry *old = pawl_rmap_remove(s->map, hash(key), &key);

			t_check(old && old->value == round);
			entry_retire(old);
		}
		t_check(!pawl_rmap_shrink(s->map));
		pawl_rcu_quiescent();
		t_step();
	}
}

static void beside(uint32_t shards)
{
	struct shared s[2];
	struct t_thread *threads[3];

	s[0].map = s[1].map = make(shards, 0);
	for (unsigned i = 0; i < 2; i++) {
		pawl_init_word(&s[i].stop, 0u);
		s[i].first = STAY + i * (COME - STAY) / 2;
		s[i].last = s[i].first + (COME - STAY) / 2;
	}
	for (uint64_t i = 0; i < STAY; i++)
		put(s[0].map, i);
	threads[0] = t_thread_start(read_all_the_time, &s[0]);
	for (unsigned i = 0; i < 2; i++)
		threads[1 + i] = t_thread_start(write_all_the_time, &s[i]);
	t_thread_join(threads[1]);
	t_thread_join(threads[2]);
	pawl_store_release(&s[0].stop, 1u);
	t_thread_join(threads[0]);
	assert_int_equal(pawl_rmap_count(s[0].map), STAY);
	end(s[0].map);
}

static void case_readers_beside_writers(void **state)
{
	(void)state;
	beside(1);
	beside(16);
}

/* A reader is not held up by a writer who holds the shard, for ever if need be. */
static struct pawl_atomic_u32 inside;

static void *hold_shard(void *entry, void *arg)
{
	(void)arg;
	pawl_store_release(&inside, 1u);
	while (pawl_load_acquire(&inside) == 1)
		t_yield();
	return entry;
}

static void hold(void *arg)
{
	uint64_t key = 1;
	void *old;

	t_check(!pawl_rmap_update(arg, hash(key), &key, hold_shard, NULL, &old));
}

static void case_look_up_under_a_held_lock(void **state)
{
	struct pawl_rmap *map = make(1, 0);
	struct pawl_rmap_cursor cursor = {0};
	struct t_thread *thread;
	void *entries[4], *got;
	uint64_t key = 2;

	(void)state;
	put(map, 1);
	put(map, 2);
	pawl_init_word(&inside, 0u);
	thread = t_thread_start(hold, map);
	pawl_rcu_idle_enter();
	t_wait_until(pawl_load_acquire(&inside) == 1);
	pawl_rcu_idle_leave();
	assert_true(has(map, 1));
	assert_false(has(map, 3));
	pawl_rcu_begin();
	assert_int_equal(pawl_rmap_scan(map, &cursor, 4, entries), 2);
	assert_int_equal(pawl_rmap_entry(map, hash(key), &key, map, &got), 0);
	pawl_rcu_end();
	assert_int_equal(pawl_rmap_count(map), 2);
	pawl_store_release(&inside, 2u);
	t_thread_join(thread);
	end(map);
}

struct drainer {
	struct pawl_rmap *map;
	struct pawl_rmap_drain_state *drain;
	uint64_t count;
};

static void drain_some(void *arg)
{
	struct drainer *d = arg;

	d->count = pawl_rmap_drain(d->map, d->drain, entry_drained, NULL);
}

static void case_drain(void **state)
{
	struct pawl_rmap *map = make(64, 0);
	struct pawl_rmap_drain_state drain = PAWL_RMAP_DRAIN_INIT;
	struct drainer d[3];
	struct t_thread *threads[3];
	uint64_t count = 0;

	(void)state;
	for (uint64_t i = 0; i < 2000; i++)
		put(map, i);
	for (unsigned i = 0; i < 3; i++) {
		d[i] = (struct drainer){map, &drain, 0};
		threads[i] = t_thread_start(drain_some, &d[i]);
	}
	for (unsigned i = 0; i < 3; i++) {
		t_thread_join(threads[i]);
		count += d[i].count;
	}
	assert_int_equal(count, 2000);
	assert_int_equal(pawl_rmap_drain(map, &drain, entry_drained, NULL), 0);
	put(map, 1);
	assert_true(has(map, 1));
	end(map);
}

/* ---- errors and contracts ---------------------------------------------- */

static void *never(void *entry, void *arg)
{
	(void)arg;
	t_check(!"called without room");
	return entry;
}

static void never_two(void *entries[2], void *arg)
{
	never(entries, arg);
}

static void case_no_memory_changes_nothing(void **state)
{
	struct pawl_rmap *map = make(1, 0);
	struct entry *fresh = entry_make(100, 0);
	uint64_t key = 100, other = 101;
	void *got = NULL;

	(void)state;
	for (uint64_t i = 0; i < 7; i++)
		put(map, i);
	pawl_rcu_begin();
#define FAILS(call)                                        \
	do {                                               \
		t_alloc_fail_at(1);                        \
		assert_int_equal((call), -ENOMEM);         \
		t_alloc_fail_at(0);                        \
		assert_int_equal(pawl_rmap_count(map), 7); \
		assert_false(has(map, key));               \
		assert_null(got);                          \
	} while (0)
	FAILS(pawl_rmap_insert(map, hash(key), &key, fresh));
	FAILS(pawl_rmap_entry(map, hash(key), &key, fresh, &got));
	FAILS(pawl_rmap_update(map, hash(key), &key, never, NULL, &got));
	FAILS(pawl_rmap_pair(map, hash(key), &key, hash(other), &other, never_two, NULL));
	pawl_rcu_end();
	entry_free(fresh);
	for (uint64_t i = 0; i < 7; i++)
		assert_true(has(map, i));
	end(map);
}

static int oom_rmap(void)
{
	struct pawl_rmap_options options = PAWL_RMAP_OPTIONS(match, hash_of);
	static struct entry entries[40];
	struct pawl_rmap *map;
	uint64_t in = 0;
	int err = pawl_thread_attach("oom");

	if (err)
		return err;
	options.shards = 2;
	options.capacity = 4;
	err = pawl_rmap_create(&options, &map);
	if (err)
		goto out;
	for (; in < 40 && !err; in++) {
		entries[in] = (struct entry){.key = in, .hash = hash(in), .mark = ALIVE};
		err = pawl_rmap_insert(map, hash(in), &in, &entries[in]);
	}
	in -= err != 0;
	t_check(pawl_rmap_count(map) == in);
	for (uint64_t i = 0; i < 40; i++)
		t_check(has(map, i) == (i < in));
	for (uint64_t i = 2; i < in; i++)
		t_check(pawl_rmap_remove(map, hash(i), &i) == &entries[i]);
	if (!err)
		err = pawl_rmap_shrink(map);
	t_check(pawl_rmap_count(map) == (in < 2 ? in : 2));
	pawl_rmap_destroy(map);
out:
	pawl_thread_detach();
	return err;
}

static void break_pair(void *arg)
{
	struct pawl_rmap *map = make(2, 0);
	uint64_t key = 1;

	(void)arg;
	put(map, 1);
	(void)!pawl_rmap_pair(map, hash(key), &key, hash(key), &key, give_two,
			      (void *[4]){NULL, NULL, NULL, NULL});
}

static void *two_entries[4];

/* Both absent and the same: the second would be put in beside the first. */
static void break_pair_absent(void *arg)
{
	struct pawl_rmap *map = make(2, 0);
	uint64_t key = 1;

	(void)arg;
	two_entries[2] = entry_make(1, 1);
	two_entries[3] = entry_make(1, 2);
	(void)!pawl_rmap_pair(map, hash(key), &key, hash(key), &key, give_two, two_entries);
}

static void break_null(void *arg)
{
	uint64_t key = 1;

	(void)arg;
	(void)!pawl_rmap_insert(make(1, 0), hash(key), &key, NULL);
}

static void break_scan(void *arg)
{
	struct pawl_rmap_cursor cursor = {0};

	(void)arg;
	pawl_rmap_scan(make(1, 0), &cursor, 0, NULL);
}

static void *calls_pawl(void *entry, void *arg)
{
	(void)arg;
	pawl_retire_flush();
	return entry;
}

static void break_callback(void *arg)
{
	uint64_t key = 1;
	void *old;

	(void)arg;
	(void)!pawl_rmap_update(make(1, 0), hash(key), &key, calls_pawl, NULL, &old);
}

static void break_hash(void *arg)
{
	uint64_t key = 1;

	(void)arg;
	(void)!pawl_rmap_insert(make(1, 0), 5, &key, entry_make(1, 1));
}

static void case_contracts(void **state)
{
	(void)state;
	assert_true(t_aborts(break_pair, NULL, "the keys are different"));
	assert_true(t_aborts(break_pair_absent, NULL, "the keys are different"));
	assert_true(t_aborts(break_null, NULL, "entry"));
	assert_true(t_aborts(break_scan, NULL, "max"));
	if (PAWL_DEBUG_BUILD) {
		assert_true(t_aborts(break_callback, NULL, "calls nothing of Pawl"));
		assert_true(t_aborts(break_hash, NULL, "the hash that it is put in with"));
	}
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_options),
		cmocka_unit_test(case_shards_and_capacity),
		cmocka_unit_test(case_model),
		cmocka_unit_test(case_model_hostile),
		cmocka_unit_test(case_churn_and_shrink),
		cmocka_unit_test(case_scan_beside_writers),
		cmocka_unit_test(case_readers_beside_writers),
		cmocka_unit_test(case_look_up_under_a_held_lock),
		cmocka_unit_test(case_drain),
		cmocka_unit_test(case_no_memory_changes_nothing),
		cmocka_unit_test(case_contracts),
		T_OOM(oom_rmap),
	};

	return t_run("rmap", cases);
}
