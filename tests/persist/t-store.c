/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-store.c - the promises of pawl/store.h, over each kind of store.
 */
#include "stores.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/atomic.h>

/* ---- one after the other ------------------------------------------------------------------------ */

static struct t_place place;

/* Opens the case's kind; NULL: this build has not got it. */
static struct pawl_store *begin(void **state)
{
	const struct t_kind *kind = *state;

	if (!t_kind_there(kind)) {
		t_skip("no LMDB");
		return NULL;
	}
	return t_begin(&place, kind);
}

static uint64_t generation_of(struct pawl_store *store)
{
	struct pawl_store_view *view;
	uint64_t generation;

	t_check(!pawl_store_view_begin(store, &view));
	generation = pawl_store_view_generation(view);
	pawl_store_view_end(view);
	return generation;
}

static void case_put_get(void **state)
{
	static const struct pawl_store_key digest = {UINT64_C(0x8123456789abcdef), 5};
	struct pawl_store *store = begin(state);
	struct pawl_store_batch *batch;
	struct pawl_store_view *view;
	struct pawl_slice value;
	uint64_t generation;

	if (!store)
		return;
	assert_int_equal(generation_of(store), 0);
	assert_true(t_has_one(store, 7, NULL));

	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	assert_int_equal(
		pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(7), t_text("seven")), 0);
	assert_int_equal(
		pawl_store_put(batch, PAWL_STORE_META, pawl_store_id(7), t_text("meta")), 0);
	assert_int_equal(pawl_store_put(batch, PAWL_STORE_TYPES, digest, t_text("type")), 0);
	assert_int_equal(pawl_store_put(batch, PAWL_STORE_INFRA, pawl_store_id(0),
					(struct pawl_slice){NULL, 0}),
			 0);
	assert_int_equal(pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(UINT32_MAX),
					t_text("last")),
			 0);
	/* Not before the commit. */
	assert_true(t_has_one(store, 7, NULL));
	assert_int_equal(pawl_store_commit(batch, NULL, &generation), 0);
	assert_int_equal(generation, 1);

	/* What was there stays when the store is opened anew. */
	pawl_store_close(store);
	store = t_must_open(&place);
	assert_int_equal(generation_of(store), 1);
	assert_true(t_has_one(store, 7, "seven"));
	assert_true(t_has_one(store, UINT32_MAX, "last"));
	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	assert_int_equal(pawl_store_get(view, PAWL_STORE_META, pawl_store_id(7), &value), 0);
	assert_int_equal(value.len, 4);
	assert_memory_equal(value.ptr, "meta", 4);
	assert_int_equal(pawl_store_get(view, PAWL_STORE_TYPES, digest, &value), 0);
	assert_int_equal(value.len, 4);
	/* A value of no bytes is one. */
	assert_int_equal(pawl_store_get(view, PAWL_STORE_INFRA, pawl_store_id(0), &value), 0);
	assert_non_null(value.ptr);
	assert_int_equal(value.len, 0);
	assert_int_equal(pawl_store_get(view, PAWL_STORE_INFRA, pawl_store_id(1), &value), 0);
	assert_null(value.ptr);
	pawl_store_view_end(view);
	pawl_store_view_end(NULL);
	t_end(&place, store);
}

static void case_batch(void **state)
{
	struct pawl_store *store = begin(state);
	struct pawl_store_batch *batch, *second;

	if (!store)
		return;
	t_put_one(store, 1, "one");
	t_put_one(store, 2, "two");
	/* One at a time. */
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	t_assert_errno(pawl_store_begin_write(store, &second), EBUSY);
	/* The later counts. */
	assert_int_equal(pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(3), t_text("x")),
			 0);
	assert_int_equal(
		pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(3), t_text("three")), 0);
	assert_int_equal(
		pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(4), t_text("four")), 0);
	assert_int_equal(pawl_store_remove(batch, PAWL_STORE_DATA, pawl_store_id(4)), 0);
	assert_int_equal(pawl_store_remove(batch, PAWL_STORE_DATA, pawl_store_id(1)), 0);
	assert_int_equal(
		pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(1), t_text("again")), 0);
	assert_int_equal(pawl_store_remove(batch, PAWL_STORE_DATA, pawl_store_id(2)), 0);
	/* What was never there goes as well. */
	assert_int_equal(pawl_store_remove(batch, PAWL_STORE_DATA, pawl_store_id(99)), 0);
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	assert_true(t_has_one(store, 1, "again"));
	assert_true(t_has_one(store, 2, NULL));
	assert_true(t_has_one(store, 3, "three"));
	assert_true(t_has_one(store, 4, NULL));
	/* An empty one is a generation, one that was given up is none. */
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	assert_int_equal(generation_of(store), 4);
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	assert_int_equal(pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(3), t_text("no")),
			 0);
	pawl_store_abort(batch);
	pawl_store_abort(NULL);
	assert_int_equal(generation_of(store), 4);
	assert_true(t_has_one(store, 3, "three"));
	t_end(&place, store);
}

static void case_views_stay(void **state)
{
	struct pawl_store *store = begin(state);
	struct pawl_store_view *views[8];
	struct pawl_slice values[8];
	struct pawl_store_stat stat;
	char text[32];
	unsigned i;

	if (!store)
		return;
	for (i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), "value %u", i);
		t_put_one(store, 1, text);
		assert_int_equal(pawl_store_view_begin(store, &views[i]), 0);
		assert_int_equal(pawl_store_get(views[i], PAWL_STORE_DATA, pawl_store_id(1),
						&values[i]),
				 0);
	}
	t_put_one(store, 1, "the last one, which is longer than those before it");
	assert_int_equal(pawl_store_stat_read(store, &stat), 0);
	assert_int_equal(stat.views, 8);
	assert_true(stat.readers >= 8);
	/* In an order that leaves old ones to the end. */
	for (i = 0; i < 8; i++) {
		unsigned at = i * 5 % 8;

		snprintf(text, sizeof(text), "value %u", at);
		assert_int_equal(pawl_store_view_generation(views[at]), at + 1);
		assert_int_equal(values[at].len, strlen(text));
		assert_memory_equal(values[at].ptr, text, strlen(text));
		pawl_store_view_end(views[at]);
	}
	t_end(&place, store);
}

static void case_bad_keys(void **state)
{
	static const struct pawl_store_key wide = {1, 0}, large = {0, UINT64_C(1) << 32};
	struct pawl_store *store = begin(state);
	struct pawl_store_batch *batch;
	struct pawl_store_view *view;
	struct pawl_slice value = {NULL, 0}, too_long = {"", (size_t)PAWL_STORE_VALUE_MAX + 1};

	if (!store)
		return;
	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	t_assert_errno(pawl_store_get(view, PAWL_STORE_META, wide, &value), EINVAL);
	t_assert_errno(pawl_store_get(view, PAWL_STORE_DATA, large, &value), EINVAL);
	t_assert_errno(pawl_store_get(view, PAWL_STORE_SPACE_COUNT, pawl_store_id(1), &value),
		       EINVAL);
	t_assert_errno(pawl_store_multi_get(view, PAWL_STORE_INFRA, &wide, 1, &value), EINVAL);
	t_assert_errno(pawl_store_scan(view, PAWL_STORE_INFRA, large, NULL, NULL), EINVAL);
	assert_int_equal(pawl_store_multi_get(view, PAWL_STORE_INFRA, NULL, 0, NULL), 0);
	pawl_store_view_end(view);
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	t_assert_errno(pawl_store_put(batch, PAWL_STORE_META, wide, t_text("")), EINVAL);
	t_assert_errno(pawl_store_remove(batch, PAWL_STORE_META, wide), EINVAL);
	t_assert_errno(pawl_store_put(batch, PAWL_STORE_META, pawl_store_id(1), too_long),
		       EFBIG);
	value.len = 1;
	t_assert_errno(pawl_store_put(batch, PAWL_STORE_META, pawl_store_id(1), value), EINVAL);
	/* The batch is as before. */
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	t_end(&place, store);
}

struct seen {
	struct pawl_store_key last;
	unsigned n, stop_at;
};

static int look(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	struct seen *seen = arg;

	t_check(!seen->n || eng_store_key_order(seen->last, key) < 0);
	t_check(value.len == sizeof(key) && !memcmp(value.ptr, &key, sizeof(key)));
	seen->last = key;
	return ++seen->n == seen->stop_at ? 77 : 0;
}

/* Keys whose bytes, read the wrong way round, would be in another order. */
static struct pawl_store_key scan_key(enum pawl_store_space space, unsigned i)
{
	if (space == PAWL_STORE_TYPES)
		return (struct pawl_store_key){pawl_hash_u64(i / 4, 1), pawl_hash_u64(i, 2)};
	return pawl_store_id((uint32_t)pawl_hash_u64(i, 3) | 1);
}

static void case_scan(void **state)
{
	static const enum pawl_store_space spaces[] = {PAWL_STORE_TYPES, PAWL_STORE_META};
	enum { N = 500 };
	struct pawl_store *store = begin(state);
	struct pawl_store_batch *batch;
	struct pawl_store_view *view;
	struct pawl_store_key keys[N + 1];
	struct pawl_slice values[N + 1];
	unsigned i, s;

	if (!store)
		return;
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	for (s = 0; s < 2; s++) {
		for (i = 0; i < N; i++) {
			keys[i] = scan_key(spaces[s], i);
			assert_int_equal(
				pawl_store_put(batch, spaces[s], keys[i],
					       (struct pawl_slice){&keys[i], sizeof(keys[i])}),
				0);
		}
	}
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	for (s = 0; s < 2; s++) {
		struct seen all = {{0, 0}, 0, 0}, some = {{0, 0}, 0, 10}, rest = {{0, 0}, 0, 0};

		assert_int_equal(pawl_store_scan(view, spaces[s], pawl_store_id(0), look, &all),
				 0);
		assert_int_equal(all.n, N);
		assert_int_equal(
			pawl_store_scan(view, spaces[s], pawl_store_id(0), look, &some), 77);
		assert_int_equal(some.n, 10);
		/* From a key that is there: it is the first. */
		assert_int_equal(pawl_store_scan(view, spaces[s], some.last, look, &rest), 0);
		assert_int_equal(rest.n, N - 9);
		for (i = 0; i < N; i++)
			keys[i] = scan_key(spaces[s], i);
		keys[N] = pawl_store_id(0);
		assert_int_equal(pawl_store_multi_get(view, spaces[s], keys, N + 1, values), 0);
		for (i = 0; i < N; i++)
			assert_memory_equal(values[i].ptr, &keys[i], sizeof(keys[i]));
		assert_null(values[N].ptr);
	}
	assert_int_equal(pawl_store_scan(view, PAWL_STORE_DATA, pawl_store_id(0), look, NULL),
			 0);
	pawl_store_view_end(view);
	t_end(&place, store);
}

static void case_sizes(void **state)
{
	static const size_t sizes[] = {
		0,	1,    7,    8,	  511,	512,  1000,  2000,   2037,	     2038,
		2039,	2048, 4080, 4081, 4096, 8175, 65536, 100000, (1 << 20) - 24, 1 << 20,
		3000001};
	enum { N = sizeof(sizes) / sizeof(sizes[0]) };
	struct pawl_store *store = begin(state);
	struct pawl_store_batch *batch;
	struct pawl_store_view *view;
	struct pawl_slice value;
	unsigned char *bytes = malloc(4 << 20);
	unsigned i, round;
	size_t at;

	if (!store) {
		free(bytes);
		return;
	}
	for (at = 0; at < 4 << 20; at++)
		bytes[at] = (unsigned char)pawl_hash_u64(at, 1);
	/* Twice, so that in the second round sizes change. */
	for (round = 0; round < 2; round++) {
		assert_int_equal(pawl_store_begin_write(store, &batch), 0);
		for (i = 0; i < N; i++)
			assert_int_equal(
				pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(i),
					       (struct pawl_slice){bytes + i,
								   sizes[(i + round) % N]}),
				0);
		assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
		assert_int_equal(pawl_store_view_begin(store, &view), 0);
		for (i = 0; i < N; i++) {
			assert_int_equal(pawl_store_get(view, PAWL_STORE_DATA, pawl_store_id(i),
							&value),
					 0);
			assert_non_null(value.ptr);
			assert_int_equal(value.len, sizes[(i + round) % N]);
			assert_true(!memcmp(value.ptr, bytes + i, value.len));
		}
		pawl_store_view_end(view);
	}
	free(bytes);
	t_end(&place, store);
}

/* ---- opening ------------------------------------------------------------------------------------ */

static void case_options(void **state)
{
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	struct pawl_store *store = begin(state), *other;
	struct pawl_store_batch *batch;
	struct pawl_store_why why;
	bool done;

	if (!store)
		return;
	/* One writer. */
	t_assert_errno(t_open(&place, NULL, &why, &other), EBUSY);
	assert_true(strlen(why.text) > 0);
	t_put_one(store, 1, "one");
	pawl_store_close(store);

	options.size++;
	t_assert_errno(t_open(&place, &options, &why, &other), E2BIG);
	options.size = 4;
	t_assert_errno(t_open(&place, &options, NULL, &other), EINVAL);
	options.size = sizeof(options);
	options.read_only = 2;
	t_assert_errno(t_open(&place, &options, &why, &other), EINVAL);
	options.read_only = 0;
	options.format = 3;
	t_assert_errno(t_open(&place, &options, &why, &other), ESTALE);
	assert_non_null(strstr(why.text, "format"));
	options.format = 0;

	options.read_only = 1;
	assert_int_equal(t_open(&place, &options, &why, &store), 0);
	assert_true(t_has_one(store, 1, "one"));
	t_assert_errno(pawl_store_begin_write(store, &batch), EROFS);
	t_assert_errno(pawl_store_compact(store, &why, &done), EROFS);
	pawl_store_close(store);
	store = t_must_open(&place);
	t_end(&place, store);

	t_place_make(&place, *state);
	t_assert_errno(t_open(&place, &options, &why, &store), ENOENT);
	assert_true(strlen(why.text) > 0);
	t_place_drop(&place);
	pawl_store_close(NULL);
}

static void case_views_max(void **state)
{
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	struct pawl_store *store;
	struct pawl_store_view *views[4], *more;
	unsigned i;

	if (!t_kind_there(*state)) {
		t_skip("no LMDB");
		return;
	}
	t_place_make(&place, *state);
	options.views_max = 4;
	assert_int_equal(t_open(&place, &options, NULL, &store), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(pawl_store_view_begin(store, &views[i]), 0);
	t_assert_errno(pawl_store_view_begin(store, &more), EAGAIN);
	pawl_store_view_end(views[3]);
	assert_int_equal(pawl_store_view_begin(store, &views[3]), 0);
	for (i = 0; i < 4; i++)
		pawl_store_view_end(views[i]);
	t_end(&place, store);
}

/* ---- threads ------------------------------------------------------------------------------------ */

#define WRITERS 4u

struct writer {
	struct pawl_store_batch *batch;
	unsigned me, n;
};

static void put_many(void *arg)
{
	const struct writer *w = arg;
	char text[64];
	unsigned i;

	for (i = 0; i < w->n; i++) {
		uint32_t id = i * WRITERS + w->me;

		snprintf(text, sizeof(text), "%u of %u%.*s", i, w->me, (int)(i % 40),
			 "........................................");
		t_check(!pawl_store_put(w->batch, PAWL_STORE_DATA, pawl_store_id(id),
					t_text(text)));
		t_check(!pawl_store_put(w->batch, PAWL_STORE_TYPES,
					(struct pawl_store_key){pawl_hash_u64(id, 1),
								pawl_hash_u64(id, 2)},
					(struct pawl_slice){&id, sizeof(id)}));
		t_step();
	}
}

static void case_threads_put(void **state)
{
	struct pawl_store *store = begin(state);
	struct pawl_store_batch *batch;
	struct pawl_store_view *view;
	struct writer writers[WRITERS];
	struct t_thread *threads[WRITERS];
	struct pawl_slice value;
	unsigned i, n = t_scaled(5000);
	uint32_t id;

	if (!store)
		return;
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	for (i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){batch, i, n};
		threads[i] = t_thread_start(put_many, &writers[i]);
	}
	for (i = 0; i < WRITERS; i++)
		t_thread_join(threads[i]);
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	for (id = 0; id < n * WRITERS; id++) {
		assert_int_equal(
			pawl_store_get(view, PAWL_STORE_DATA, pawl_store_id(id), &value), 0);
		assert_non_null(value.ptr);
		assert_int_equal(strtoul(value.ptr, NULL, 10), id / WRITERS);
		assert_int_equal(pawl_store_get(view, PAWL_STORE_TYPES,
						(struct pawl_store_key){pawl_hash_u64(id, 1),
									pawl_hash_u64(id, 2)},
						&value),
				 0);
		assert_int_equal(value.len, sizeof(id));
		assert_memory_equal(value.ptr, &id, sizeof(id));
	}
	pawl_store_view_end(view);
	t_end(&place, store);
}

#define READERS 3u
#define KEYS	40u

struct readers {
	struct pawl_store *store;
	struct pawl_atomic_u32 over;
	struct t_barrier *ready;
};

/* All keys of a generation have its number. */
static void check_view(struct pawl_store_view *view)
{
	struct pawl_slice value;
	uint64_t number;
	uint32_t id;

	for (id = 0; id < KEYS; id++) {
		t_check(!pawl_store_get(view, PAWL_STORE_META, pawl_store_id(id), &value));
		t_check(value.len >= sizeof(number));
		memcpy(&number, value.ptr, sizeof(number));
		t_check(number == pawl_store_view_generation(view));
	}
}

static void read_many(void *arg)
{
	struct readers *r = arg;
	struct pawl_store_view *view;
	bool over;

	t_barrier_wait(r->ready);
	do {
		over = pawl_load_acquire(&r->over);
		t_check(!pawl_store_view_begin(r->store, &view));
		check_view(view);
		t_yield();
		check_view(view);
		pawl_store_view_end(view);
		t_step();
	} while (!over);
}

static void write_generation(struct pawl_store *store, uint64_t number)
{
	struct pawl_store_batch *batch;
	char bytes[300] = {0};
	uint64_t generation;
	uint32_t id;

	memcpy(bytes, &number, sizeof(number));
	t_check(!pawl_store_begin_write(store, &batch));
	for (id = 0; id < KEYS; id++)
		t_check(!pawl_store_put(batch, PAWL_STORE_META, pawl_store_id(id),
					(struct pawl_slice){bytes,
							    8 + (number * 7 + id) % 290}));
	t_check(!pawl_store_commit(batch, NULL, &generation));
	t_check(generation == number);
}

static void case_readers_beside_writer(void **state)
{
	struct pawl_store *store = begin(state);
	struct readers readers = {.store = store};
	struct t_thread *threads[READERS];
	unsigned i, n = t_scaled(200);

	if (!store)
		return;
	readers.ready = t_barrier_make(READERS + 1);
	write_generation(store, 1);
	for (i = 0; i < READERS; i++)
		threads[i] = t_thread_start(read_many, &readers);
	t_barrier_wait(readers.ready);
	for (i = 2; i < n + 2; i++)
		write_generation(store, i);
	pawl_store_release(&readers.over, 1);
	for (i = 0; i < READERS; i++)
		t_thread_join(threads[i]);
	t_barrier_drop(readers.ready);
	t_end(&place, store);
}

/* Files are exchanged between views. */
static void case_readers_beside_compaction(void **state)
{
	struct pawl_store *store = begin(state);
	struct readers readers = {.store = store};
	struct t_thread *threads[READERS];
	unsigned i, n = t_scaled(60);
	int error;

	if (!store)
		return;
	readers.ready = t_barrier_make(READERS + 1);
	write_generation(store, 1);
	for (i = 0; i < READERS; i++)
		threads[i] = t_thread_start(read_many, &readers);
	t_barrier_wait(readers.ready);
	for (i = 2; i < n + 2; i++) {
		write_generation(store, i);
		error = pawl_store_compact(store, NULL, NULL);
		assert_true(!error || error == -EBUSY);
	}
	pawl_store_release(&readers.over, 1);
	for (i = 0; i < READERS; i++)
		t_thread_join(threads[i]);
	t_barrier_drop(readers.ready);
	t_end(&place, store);
}

/* One view, several threads. */
static void read_shared(void *arg)
{
	unsigned i;

	for (i = 0; i < 200; i++) {
		check_view(arg);
		t_step();
	}
}

static void case_shared_view(void **state)
{
	struct pawl_store *store = begin(state);
	struct pawl_store_view *view;
	struct t_thread *threads[READERS];
	unsigned i;

	if (!store)
		return;
	write_generation(store, 1);
	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	for (i = 0; i < READERS; i++)
		threads[i] = t_thread_start(read_shared, view);
	write_generation(store, 2);
	for (i = 0; i < READERS; i++)
		t_thread_join(threads[i]);
	pawl_store_view_end(view);
	t_end(&place, store);
}

/* ---- against a model ---------------------------------------------------------------------------- */

#define MODEL_KEYS 300u

struct model {
	/* Of each key the seed that its bytes follow from, 0: none. */
	uint32_t seeds[PAWL_STORE_SPACE_COUNT][MODEL_KEYS];
};

static struct pawl_store_key model_key(unsigned space, unsigned i)
{
	if (space == PAWL_STORE_TYPES)
		return (struct pawl_store_key){pawl_hash_u64(i, 7), pawl_hash_u64(i, 8)};
	/* With ends that appending meets, and gaps. */
	return pawl_store_id(i * 3 + (i > 200 ? UINT32_C(1) << 31 : 0));
}

static size_t model_bytes(uint32_t seed, unsigned char *bytes)
{
	size_t n = seed % 16 ? seed % 400 : seed % 6000, i;

	for (i = 0; i < n; i++)
		bytes[i] = (unsigned char)(seed * 31 + i * 7);
	return n;
}

static void model_compare(const struct model *model, struct pawl_store *store)
{
	static unsigned char bytes[6000];
	struct pawl_store_view *view;
	struct pawl_slice value;
	struct pawl_store_stat stat;
	unsigned space, i;

	assert_int_equal(pawl_store_stat_read(store, &stat), 0);
	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	for (space = 0; space < PAWL_STORE_SPACE_COUNT; space++) {
		uint64_t entries = 0;

		for (i = 0; i < MODEL_KEYS; i++) {
			uint32_t seed = model->seeds[space][i];

			assert_int_equal(pawl_store_get(view, (enum pawl_store_space)space,
							model_key(space, i), &value),
					 0);
			assert_int_equal(!value.ptr, !seed);
			if (!seed)
				continue;
			entries++;
			assert_int_equal(value.len, model_bytes(seed, bytes));
			assert_true(!memcmp(value.ptr, bytes, value.len));
		}
		assert_int_equal(stat.entries[space], entries);
	}
	pawl_store_view_end(view);
}

static void model_batch(struct model *model, struct pawl_store *store)
{
	static unsigned char bytes[6000];
	struct model next = *model;
	struct pawl_store_batch *batch;
	unsigned n = (unsigned)t_random_below(80), i;

	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	for (i = 0; i < n; i++) {
		unsigned space = (unsigned)t_random_below(PAWL_STORE_SPACE_COUNT);
		unsigned at = (unsigned)t_random_below(MODEL_KEYS);
		uint32_t seed = t_random_below(3) ? (uint32_t)t_random() | 1 : 0;
		struct pawl_slice value = {bytes, seed ? model_bytes(seed, bytes) : 0};

		/* Now and then what is there already. */
		if (!t_random_below(10) && next.seeds[space][at]) {
			seed = next.seeds[space][at];
			value.len = model_bytes(seed, bytes);
		}
		next.seeds[space][at] = seed;
		if (seed)
			assert_int_equal(pawl_store_put(batch, (enum pawl_store_space)space,
							model_key(space, at), value),
					 0);
		else
			assert_int_equal(pawl_store_remove(batch, (enum pawl_store_space)space,
							   model_key(space, at)),
					 0);
	}
	if (!t_random_below(8)) {
		pawl_store_abort(batch);
		return;
	}
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	*model = next;
}

static void case_random(void **state)
{
	static struct model model;
	struct pawl_store *store = begin(state);
	struct pawl_store_why why;
	unsigned i, n = t_scaled(300);
	bool done;

	if (!store)
		return;
	memset(&model, 0, sizeof(model));
	for (i = 0; i < n; i++) {
		model_batch(&model, store);
		if (i % 8 == 0)
			model_compare(&model, store);
		if (i % 32 == 9) {
			pawl_store_close(store);
			store = t_must_open(&place);
			model_compare(&model, store);
		}
		if (i % 32 == 15) {
			assert_int_equal(pawl_store_verify(store, &why), 0);
			assert_int_equal(pawl_store_compact(store, &why, &done), 0);
		}
		t_step();
	}
	model_compare(&model, store);
	t_end(&place, store);
}

static void case_compact(void **state)
{
	struct pawl_store *store = begin(state);
	struct pawl_store_view *view;
	struct pawl_store_batch *batch;
	struct pawl_store_stat before, after;
	struct pawl_store_why why;
	uint64_t generation;
	bool done;
	uint32_t id;

	if (!store)
		return;
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	for (id = 0; id < 5000; id++)
		assert_int_equal(
			pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(id),
				       t_text("a hundred bytes, or so: .................."
					      "......................................")),
			0);
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	for (id = 0; id < 5000; id++)
		if (id % 100)
			assert_int_equal(pawl_store_remove(batch, PAWL_STORE_DATA,
							   pawl_store_id(id)),
					 0);
	/* Not while somebody looks or writes. */
	t_assert_errno(pawl_store_compact(store, &why, &done), EBUSY);
	assert_int_equal(pawl_store_commit(batch, NULL, &generation), 0);
	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	t_assert_errno(pawl_store_compact(store, &why, &done), EBUSY);
	assert_true(strlen(why.text) > 0);
	pawl_store_view_end(view);
	assert_int_equal(pawl_store_stat_read(store, &before), 0);
	assert_int_equal(pawl_store_compact(store, &why, &done), 0);
	assert_int_equal(pawl_store_stat_read(store, &after), 0);
	if (((const struct t_kind *)*state)->on_disk) {
		assert_true(done);
		assert_true(after.file_bytes < before.file_bytes / 4);
	}
	assert_int_equal(after.generation, generation);
	assert_int_equal(after.entries[PAWL_STORE_DATA], 50);
	/* It ends. */
	assert_int_equal(pawl_store_compact(store, NULL, &done), 0);
	assert_false(done);
	t_put_one(store, 1, "and goes on");
	pawl_store_close(store);
	store = t_must_open(&place);
	assert_true(t_has_one(store, 1, "and goes on"));
	assert_true(t_has_one(store, 2, NULL));
	t_end(&place, store);
}

/* ---- broken contracts --------------------------------------------------------------------------- */

static int in_child(void *arg)
{
	struct pawl_store *store = arg;
	struct pawl_store_view *view;
	struct pawl_store_batch *batch;
	struct pawl_store_stat stat;
	bool done;

	if (pawl_store_view_begin(store, &view) != -ECHILD ||
	    pawl_store_begin_write(store, &batch) != -ECHILD ||
	    pawl_store_stat_read(store, &stat) != -ECHILD ||
	    pawl_store_verify(store, NULL) != -ECHILD ||
	    pawl_store_compact(store, NULL, &done) != -ECHILD)
		return 1;
	return 0;
}

static int in_child_commit(void *arg)
{
	return pawl_store_commit(arg, NULL, NULL) == -ECHILD ? 0 : 1;
}

static int in_child_close(void *arg)
{
	pawl_store_close(arg);
	return 0;
}

static void case_fork(void **state)
{
	struct pawl_store *store = begin(state);
	struct pawl_store_batch *batch;

	if (!store)
		return;
	t_put_one(store, 1, "one");
	assert_int_equal(t_forked(in_child, store), 0);
	if (!((const struct t_kind *)*state)->faulty) {
		assert_int_equal(pawl_store_begin_write(store, &batch), 0);
		assert_int_equal(t_forked(in_child_commit, batch), 0);
		pawl_store_abort(batch);
		/* It closes what is its own, and takes nothing from the parent. */
		assert_int_equal(t_forked(in_child_close, store), 0);
	}
	t_put_one(store, 1, "two");
	assert_true(t_has_one(store, 1, "two"));
	t_end(&place, store);
}

/* clang-format off */
#define CASE(f, k, name) {#f "_" name, f, NULL, NULL, (void *)(uintptr_t)&t_kinds[k]}
#define OVER_ALL(f) CASE(f, 0, "mem"), CASE(f, 1, "fault_mem"), CASE(f, 2, "lmdb"), CASE(f, 3, "fault_lmdb")
/* clang-format on */

int main(void)
{
	const struct CMUnitTest cases[] = {
		OVER_ALL(case_put_get),
		OVER_ALL(case_batch),
		OVER_ALL(case_views_stay),
		OVER_ALL(case_bad_keys),
		OVER_ALL(case_scan),
		OVER_ALL(case_sizes),
		OVER_ALL(case_options),
		OVER_ALL(case_views_max),
		OVER_ALL(case_threads_put),
		OVER_ALL(case_readers_beside_writer),
		OVER_ALL(case_readers_beside_compaction),
		OVER_ALL(case_shared_view),
		OVER_ALL(case_random),
		OVER_ALL(case_compact),
		OVER_ALL(case_fork),
	};

	return t_run("store", cases);
}
