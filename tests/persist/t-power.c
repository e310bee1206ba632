/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-power.c - cutting the power: what a commit acknowledged is there, as a whole, whenever it happens.
 *
 * A process writes batches, recorded; the power is cut at any record of that (power.h). The store is opened there,
 * compared with what it should hold, and used.
 *
 * That a test of this kind can fail is shown by taking syncs away: those of LMDB, and, from the log, those of each kind.
 * Each has to be noticed.
 */
#include "stores.h"

#ifdef PAWL_HAVE_LMDB

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pawl/thread.h>

#include "power.h"
#include "record-disk.h"

/* ---- what is written ----------------------------------------------------------------------------- */

#define BATCHES 60u
#define KEYS	300u
#define CHANGES 40u

struct content {
	uint32_t seeds[KEYS]; /* 0: none */
};

/* What batch number `batch` (from 1) makes of key `*ret_key`. */
static uint32_t change(unsigned batch, unsigned i, uint32_t *ret_key)
{
	uint64_t random = pawl_hash_u64(i, batch);

	*ret_key = (uint32_t)(random % KEYS);
	return random >> 32 & 3 ? (uint32_t)(random >> 34) | 1 : 0;
}

static void content_after(unsigned batches, struct content *to)
{
	unsigned batch, i;
	uint32_t key;

	memset(to, 0, sizeof(*to));
	for (batch = 1; batch <= batches; batch++) {
		for (i = 0; i < CHANGES; i++) {
			uint32_t seed = change(batch, i, &key);

			to->seeds[key] = seed;
		}
	}
}

static struct pawl_slice value_of(uint32_t seed, unsigned char *bytes)
{
	size_t n = seed % 16 == 1 ? 2000 + seed % 5000 : seed % 300, i;

	for (i = 0; i < n; i++)
		bytes[i] = (unsigned char)(seed + i);
	return (struct pawl_slice){bytes, n};
}

static int write_batch(struct pawl_store *store, unsigned number)
{
	static unsigned char bytes[8000];
	struct pawl_store_batch *batch;
	unsigned i;
	uint32_t key;

	t_check(!pawl_store_begin_write(store, &batch));
	for (i = 0; i < CHANGES; i++) {
		uint32_t seed = change(number, i, &key);

		if (seed)
			t_check(!pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(key),
						value_of(seed, bytes)));
		else
			t_check(!pawl_store_remove(batch, PAWL_STORE_DATA, pawl_store_id(key)));
	}
	t_check(!pawl_store_put(batch, PAWL_STORE_INFRA, pawl_store_id(0),
				(struct pawl_slice){&number, sizeof(number)}));
	return pawl_store_commit(batch, NULL, NULL);
}

/* The recorded process. Marks: twice the number when a batch begins, and one more when it is acknowledged. */
static int child_writes(unsigned flags)
{
	const char *folder = getenv("T_STORE");
	struct pawl_store *store;
	unsigned number;
	bool done;

	t_check(!pawl_thread_attach("writes"));
	t_check(!eng_store_lmdb(folder, NULL, flags, NULL, &store));
	for (number = 1; number <= BATCHES; number++) {
		t_check(t_disk_mark(2 * number));
		/* One that failed is tried again, as programs do. */
		if (write_batch(store, number))
			t_check(getenv("T_RECORD_FAIL") && !write_batch(store, number));
		t_check(t_disk_mark(2 * number + 1));
		if (number % 20 == 13) {
			pawl_store_close(store);
			t_check(!eng_store_lmdb(folder, NULL, flags, NULL, &store));
		}
		if (number % 20 == 17)
			t_check(!pawl_store_compact(store, NULL, &done));
	}
	pawl_store_close(store);
	pawl_thread_detach();
	return 0;
}

/* ---- what is found ------------------------------------------------------------------------------- */

static bool same(struct pawl_store *store, const struct content *content, unsigned *ret_number)
{
	static unsigned char bytes[8000];
	struct pawl_store_view *view;
	struct pawl_slice value, wanted;
	bool right = true;
	uint32_t key;

	t_check(!pawl_store_view_begin(store, &view));
	for (key = 0; right && content && key < KEYS; key++) {
		right = !pawl_store_get(view, PAWL_STORE_DATA, pawl_store_id(key), &value);
		wanted = value_of(content->seeds[key], bytes);
		if (!content->seeds[key])
			right = right && !value.ptr;
		else
			right = right && value.ptr && value.len == wanted.len &&
				!memcmp(value.ptr, wanted.ptr, wanted.len);
	}
	*ret_number = 0;
	if (right)
		right = !pawl_store_get(view, PAWL_STORE_INFRA, pawl_store_id(0), &value);
	if (right && value.ptr && value.len == sizeof(*ret_number))
		memcpy(ret_number, value.ptr, sizeof(*ret_number));
	pawl_store_view_end(view);
	return right;
}

/* Who attaches starts a thread, which ThreadSanitizer does not allow in a forked child. */
static int go_on(const struct t_found *found, unsigned number)
{
	struct content content;
	struct pawl_store *store;
	bool right;

	content_after(number, &content);
	if (pawl_thread_attach("go on") || eng_store_lmdb(found->folder, NULL, 0, NULL, &store))
		return T_POWER_WRONG;
	right = !write_batch(store, number) && same(store, &content, &number);
	pawl_store_close(store);
	pawl_thread_detach();
	return right ? T_POWER_GOOD : T_POWER_WRONG;
}

static int look(void *arg)
{
	const struct t_found *found = arg;
	struct content content;
	struct pawl_store *store;
	unsigned number;
	int error;

	error = eng_store_lmdb(found->folder, NULL, 0, NULL, &store);
	if (error)
		return T_POWER_WRONG;
	if (pawl_store_verify(store, NULL) || !same(store, NULL, &number))
		return T_POWER_WRONG;
	if (number < found->acknowledged)
		return T_POWER_LOST;
	content_after(number, &content);
	if (number > found->begun || !same(store, &content, &number))
		return T_POWER_WRONG;
	pawl_store_close(store);
	return T_TSAN ? T_POWER_GOOD : go_on(found, number + 1);
}

/* The folder cannot be synced before the first commit: that one fails, and it is synced before the next. */
static void case_folder_fails(void **state)
{
	struct t_power_log log;

	(void)state;
	setenv("T_RECORD_FAIL", "1", 1);
	t_power_record(&log, "writes");
	unsetenv("T_RECORD_FAIL");
	pawl_thread_detach();
	assert_int_equal(t_power_cut(&log, 0, t_scaled(300), true, look), 0);
	t_power_drop(&log);
}

static void case_full_protocol(void **state)
{
	t_power_case_full(state);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest cases[] = {cmocka_unit_test(case_folder_fails),
					   cmocka_unit_test(case_full_protocol), T_POWER_CASES};
	struct t_power_subject subject = {
		.word = "writes", .word_without_syncs = "writes-nosync", .look = look};

	if (argc > 1)
		return child_writes(strcmp(argv[1], "writes") ? ENG_LMDB_NOSYNC : 0);
	subject.cuts = subject.cuts_without = t_scaled(300);
	t_power_of(&subject);
	return t_run("power", cases);
}

#else

int main(void)
{
	return t_run_without_lmdb("power");
}

#endif
