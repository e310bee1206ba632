/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-store-fault.c - stores that fail: at each call, with each error, out of memory; and that what fails does so as it
 * was told to.
 */
#include "stores.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/thread.h>

#define VALUES 6u

/* Ids 0 to VALUES - 1 hold the round's text; one of them goes and comes. */
static void text_of(unsigned round, uint32_t id, char *text, size_t bytes)
{
	snprintf(text, bytes, "round %u, id %u", round, id);
}

static int read_all(struct pawl_store *store, unsigned *ret_round)
{
	struct pawl_store_key keys[VALUES];
	struct pawl_slice values[VALUES], value;
	struct pawl_store_view *view;
	char text[40];
	uint32_t id;
	int error = pawl_store_view_begin(store, &view);

	if (error)
		return error;
	for (id = 0; id < VALUES; id++)
		keys[id] = pawl_store_id(id);
	error = pawl_store_multi_get(view, PAWL_STORE_DATA, keys, VALUES, values);
	if (!error)
		error = pawl_store_get(view, PAWL_STORE_INFRA, pawl_store_id(0), &value);
	if (!error) {
		*ret_round = value.ptr ? *(const unsigned char *)value.ptr : 0;
		for (id = 0; id < VALUES; id++) {
			text_of(*ret_round, id, text, sizeof(text));
			/* Whole generations only. */
			if (id == *ret_round % VALUES || !*ret_round)
				t_check(!values[id].ptr);
			else
				t_check(values[id].len == strlen(text) &&
					!memcmp(values[id].ptr, text, strlen(text)));
		}
	}
	pawl_store_view_end(view);
	return error;
}

static int write_round(struct pawl_store *store, unsigned round)
{
	unsigned char number = (unsigned char)round;
	struct pawl_store_batch *batch;
	char text[40];
	uint32_t id;
	int error = pawl_store_begin_write(store, &batch);

	if (error)
		return error;
	for (id = 0; !error && id < VALUES; id++) {
		text_of(round, id, text, sizeof(text));
		if (id == round % VALUES)
			error = pawl_store_remove(batch, PAWL_STORE_DATA, pawl_store_id(id));
		else
			error = pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(id),
					       t_text(text));
	}
	if (!error)
		error = pawl_store_put(batch, PAWL_STORE_INFRA, pawl_store_id(0),
				       (struct pawl_slice){&number, 1});
	if (error) {
		pawl_store_abort(batch);
		return error;
	}
	return pawl_store_commit(batch, NULL, NULL);
}

static int use_all(struct pawl_store *store, unsigned round)
{
	struct pawl_store_stat stat;
	struct pawl_store_why why;
	unsigned found;
	bool done;
	int error = write_round(store, round);

	if (!error)
		error = read_all(store, &found);
	if (!error) {
		t_check(found == round);
		error = pawl_store_stat_read(store, &stat);
	}
	if (!error)
		error = pawl_store_verify(store, &why);
	if (!error)
		error = pawl_store_compact(store, &why, &done);
	return error;
}

static void case_every_call(void **state)
{
	static const int errors[] = {-ENOSPC, -EIO, -EDQUOT, -ENOMEM};
	struct t_place place;
	struct pawl_store *store;
	unsigned e, n, found, round = 1;
	int error;

	if (!t_kind_there(*state)) {
		t_skip("no LMDB");
		return;
	}
	t_place_make(&place, *state);
	store = t_must_open(&place);
	assert_int_equal(use_all(store, round), 0);
	for (e = 0; e < 4; e++) {
		for (n = 1;; n++) {
			round = round % 200 + 1;
			eng_fault_at(store, ENG_FAULT_ANY, n, errors[e]);
			error = use_all(store, round);
			eng_fault_at(store, ENG_FAULT_ANY, 0, 0);
			if (!error)
				break;
			assert_int_equal(error, errors[e]);
			assert_int_equal(read_all(store, &found), 0);
			/* This round or the one before, as a whole; and the next one works. */
			assert_true(found == round || found == (round + 198) % 200 + 1);
			round = round % 200 + 1;
			assert_int_equal(use_all(store, round), 0);
			t_step();
		}
		assert_true(n > VALUES + 8);
	}
	pawl_store_close(store);
	t_place_drop(&place);
}

/* ---- processes that end ------------------------------------------------------------------------- */

/* As if it had ended: what is below is as it was left. */
static void case_crash(void **state)
{
	struct t_place place;
	struct pawl_store *store;
	unsigned after, found;

	if (!t_kind_there(*state)) {
		t_skip("no LMDB");
		return;
	}
	for (after = 0; after < 2; after++) {
		t_place_make(&place, *state);
		store = t_must_open(&place);
		assert_int_equal(write_round(store, 1), 0);
		eng_fault_crash(store, ENG_FAULT_COMMIT, 1, after, -1);
		assert_false(eng_fault_crashed(store));
		t_assert_errno(write_round(store, 2), EIO);
		assert_true(eng_fault_crashed(store));
		t_assert_errno(write_round(store, 3), EIO);
		t_assert_errno(read_all(store, &found), EIO);
		pawl_store_close(store);
		store = t_must_open(&place);
		assert_int_equal(read_all(store, &found), 0);
		assert_int_equal(found, after ? 2 : 1);
		assert_int_equal(write_round(store, 4), 0);
		pawl_store_close(store);
		t_place_drop(&place);
	}
}

/* In a process of its own: it ends in the middle of a call. */
static int crashing(bool after)
{
	struct t_place place = {.kind = &t_kinds[3]};
	struct pawl_store *store;

	t_check(!pawl_thread_attach("crashing"));
	snprintf(place.folder, sizeof(place.folder), "%s", getenv("T_STORE"));
	store = t_must_open(&place);
	t_check(!write_round(store, 1));
	eng_fault_crash(store, ENG_FAULT_COMMIT, 1, after, 42);
	(void)write_round(store, 2);
	return 1;
}

static void case_crash_for_real(void **state)
{
	struct t_place place;
	struct pawl_store *store;
	unsigned found, after;

	(void)state;
	if (!t_kind_there(&t_kinds[3])) {
		t_skip("no LMDB");
		return;
	}
	for (after = 0; after < 2; after++) {
		t_place_make(&place, &t_kinds[3]);
		setenv("T_STORE", place.folder, 1);
		assert_int_equal(t_rerun(after ? "crash-after" : "crash-before", NULL, 0), 42);
		/* Its lock has gone with it. */
		store = t_must_open(&place);
		assert_int_equal(read_all(store, &found), 0);
		assert_int_equal(found, 1 + after);
		assert_int_equal(write_round(store, 3), 0);
		pawl_store_close(store);
		t_place_drop(&place);
	}
}

/* ---- what it was told --------------------------------------------------------------------------- */

static unsigned differ(const unsigned char *a, const unsigned char *b, size_t n)
{
	unsigned bits = 0;
	size_t i;

	for (i = 0; i < n; i++)
		bits += (unsigned)__builtin_popcount(a[i] ^ b[i]);
	return bits;
}

static void damage_one(struct pawl_store *store, enum eng_damage how, size_t bytes)
{
	static unsigned char value[5000];
	struct pawl_store_batch *batch;
	struct pawl_store_view *view;
	struct pawl_slice got;
	size_t i;

	memset(value, 0xa5, sizeof(value));
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	eng_fault_damage(store, 2, how);
	for (i = 0; i < 3; i++)
		assert_int_equal(pawl_store_put(batch, PAWL_STORE_META,
						pawl_store_id((uint32_t)i),
						(struct pawl_slice){value, bytes}),
				 0);
	eng_fault_damage(store, 0, how);
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	for (i = 0; i < 3; i += 2) {
		assert_int_equal(pawl_store_get(view, PAWL_STORE_META,
						pawl_store_id((uint32_t)i), &got),
				 0);
		assert_int_equal(got.len, bytes);
		assert_memory_equal(got.ptr, value, bytes);
	}
	assert_int_equal(pawl_store_get(view, PAWL_STORE_META, pawl_store_id(1), &got), 0);
	if (how == ENG_DAMAGE_SHORT) {
		assert_true(got.len < bytes);
	} else {
		assert_int_equal(got.len, bytes);
		if (how == ENG_DAMAGE_BIT)
			assert_int_equal(differ(got.ptr, value, bytes), 1);
		else
			assert_true(differ(got.ptr, value, bytes) > 0);
	}
	pawl_store_view_end(view);
}

static void case_damage(void **state)
{
	static const size_t sizes[] = {1, 10, 512, 513, 1024, 5000};
	struct t_place place;
	struct pawl_store *store;
	unsigned i, how;

	(void)state;
	t_place_make(&place, &t_kinds[1]);
	store = t_must_open(&place);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (how = 0; how < ENG_DAMAGE_COUNT; how++)
			damage_one(store, (enum eng_damage)how, sizes[i]);
	pawl_store_close(store);
	t_place_drop(&place);
}

/* The errors of 400 calls, as numbers. */
static unsigned rate_run(uint64_t seed, int *errors)
{
	struct pawl_store_disk *disk;
	struct pawl_store *store, *below;
	unsigned i, failed = 0;

	t_check(!pawl_store_disk_create(&disk));
	t_check(!pawl_store_open_mem(disk, NULL, NULL, &below));
	t_check(!eng_store_fault(below, seed, &store));
	eng_fault_rate(store, ENG_FAULT_VIEW, 300);
	for (i = 0; i < 400; i++) {
		struct pawl_store_view *view;

		errors[i] = pawl_store_view_begin(store, &view);
		if (!errors[i])
			pawl_store_view_end(view);
		failed += errors[i] != 0;
	}
	t_check(eng_fault_calls(store, ENG_FAULT_VIEW) == 400);
	t_check(eng_fault_calls(store, ENG_FAULT_ANY) == 400);
	t_check(eng_fault_calls(store, ENG_FAULT_GET) == 0);
	pawl_store_close(store);
	pawl_store_disk_destroy(disk);
	return failed;
}

static void case_rate(void **state)
{
	static int first[400], second[400], third[400];
	unsigned failed;

	(void)state;
	failed = rate_run(5, first);
	/* Half and double of what is to be expected. */
	assert_true(failed > 60 && failed < 240);
	assert_int_equal(rate_run(5, second), failed);
	assert_memory_equal(first, second, sizeof(first));
	(void)rate_run(6, third);
	assert_memory_not_equal(first, third, sizeof(first));
}

/* ---- no memory ---------------------------------------------------------------------------------- */

static int oom_kind(const struct t_kind *kind)
{
	struct t_place place = {.kind = kind};
	struct pawl_store *store = NULL;
	unsigned found;
	int error = pawl_thread_attach("oom");

	if (error)
		return error;
	if (kind->on_disk)
		t_folder_make(place.folder, sizeof(place.folder));
	else
		error = pawl_store_disk_create(&place.disk);
	if (!error)
		error = t_open(&place, NULL, NULL, &store);
	if (!error) {
		error = use_all(store, 1);
		if (!error)
			error = use_all(store, 2);
		if (error) {
			t_check(!read_all(store, &found));
			t_check(found <= 2);
			t_check(!use_all(store, 3));
		}
		pawl_store_close(store);
	}
	if (kind->on_disk)
		t_folder_drop(place.folder);
	pawl_store_disk_destroy(place.disk);
	pawl_thread_detach();
	return error;
}

static int oom_mem(void)
{
	return oom_kind(&t_kinds[0]);
}

static int oom_fault_mem(void)
{
	return oom_kind(&t_kinds[1]);
}

#ifdef PAWL_HAVE_LMDB
static int oom_lmdb(void)
{
	return oom_kind(&t_kinds[2]);
}
#endif

#define CASE(f, k, name)                                                   \
	{                                                                  \
#f "_" name, f, NULL, NULL, (void *)(uintptr_t)&t_kinds[k] \
	}

int main(int argc, char **argv)
{
	const struct CMUnitTest cases[] = {
		CASE(case_every_call, 1, "mem"),
		CASE(case_every_call, 3, "lmdb"),
		CASE(case_crash, 1, "mem"),
		CASE(case_crash, 3, "lmdb"),
		cmocka_unit_test(case_crash_for_real),
		cmocka_unit_test(case_damage),
		cmocka_unit_test(case_rate),
		T_OOM(oom_mem),
		T_OOM(oom_fault_mem),
#ifdef PAWL_HAVE_LMDB
		T_OOM(oom_lmdb),
#endif
	};

	if (argc > 1)
		return crashing(!strcmp(argv[1], "crash-after"));
	return t_run("store-fault", cases);
}
