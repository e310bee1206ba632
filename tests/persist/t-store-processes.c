/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-store-processes.c - one store on disk and several processes: a second writer, readers, some that are killed. They are
 * this program again, with the folder in T_STORE, a word that says what to do, and two pipes.
 */
#include "process.h"
#include "stores.h"

#include <stdio.h>

#ifdef PAWL_HAVE_LMDB

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pawl/thread.h>

static struct t_place place;

static struct t_process start(const char *word)
{
	setenv("T_STORE", place.folder, 1);
	return t_process_start(word);
}

static void await_word(void)
{
	char line[64];

	(void)t_hear(line, sizeof(line));
}

static int child_opens(void)
{
	struct pawl_store_why why;
	struct pawl_store *store;
	char line[64];
	int error = t_open(&place, NULL, &why, &store);

	snprintf(line, sizeof(line), "%d %lld", error, (long long)why.pid);
	t_say(line);
	if (!error)
		pawl_store_close(store);
	return 0;
}

/* Pins what there is, says what it sees, before and after it was told to look again. */
static int child_reads(void)
{
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	struct pawl_store_view *view;
	struct pawl_store *store;
	struct pawl_slice value;
	char line[64];
	unsigned i;

	options.read_only = 1;
	t_check(!t_open(&place, &options, NULL, &store));
	t_check(!pawl_store_view_begin(store, &view));
	for (i = 0; i < 2; i++) {
		t_check(!pawl_store_get(view, PAWL_STORE_DATA, pawl_store_id(1), &value));
		snprintf(line, sizeof(line), "%llu %.*s",
			 (unsigned long long)pawl_store_view_generation(view), (int)value.len,
			 (const char *)value.ptr);
		t_say(line);
		await_word();
	}
	pawl_store_view_end(view);
	t_check(!pawl_store_view_begin(store, &view));
	snprintf(line, sizeof(line), "%llu",
		 (unsigned long long)pawl_store_view_generation(view));
	t_say(line);
	pawl_store_view_end(view);
	pawl_store_close(store);
	return 0;
}

/* Commits until it is killed, and says each number that was acknowledged. */
static int child_writes(void)
{
	struct pawl_store *store = t_must_open(&place);
	unsigned round = t_round_of(store);
	char line[32];
	bool done;

	t_check(!pawl_thread_attach("writes"));
	for (;;) {
		t_check(!t_write_round(store, ++round));
		snprintf(line, sizeof(line), "%u", round);
		t_say(line);
		if (round % 5 == 0)
			t_check(!pawl_store_compact(store, NULL, &done));
	}
}

static void case_second_writer(void **state)
{
	struct pawl_store *store = t_begin(&place, &t_kinds[2]);
	struct pawl_store_why why;
	struct t_process process;
	char line[64];

	(void)state;
	process = start("opens");
	assert_true(t_process_line(&process, line, sizeof(line)));
	assert_int_equal(strtol(line, NULL, 10), -EBUSY);
	assert_int_equal(strtol(strchr(line, ' '), NULL, 10), getpid());
	t_process_end(&process, false);
	t_put_one(store, 1, "one");
	pawl_store_close(store);
	process = start("opens");
	assert_true(t_process_line(&process, line, sizeof(line)));
	assert_int_equal(strtol(line, NULL, 10), 0);
	t_process_end(&process, false);
	/* The other way round. */
	process = start("writes");
	assert_true(t_process_line(&process, line, sizeof(line)));
	t_assert_errno(t_open(&place, NULL, &why, &store), EBUSY);
	assert_int_equal(why.pid, process.pid);
	assert_non_null(strstr(why.text, "process"));
	t_process_end(&process, true);
	store = t_must_open(&place);
	t_end(&place, store);
}

static void case_reader_elsewhere(void **state)
{
	struct pawl_store *store = t_begin(&place, &t_kinds[2]);
	struct pawl_store_stat stat;
	struct t_process process;
	char line[64];
	bool done;
	unsigned i;

	(void)state;
	t_put_one(store, 1, "before");
	process = start("reads");
	assert_true(t_process_line(&process, line, sizeof(line)));
	assert_string_equal(line, "1 before");
	for (i = 0; i < 20; i++)
		assert_int_equal(t_write_round(store, i), 0);
	t_put_one(store, 1, "after");
	assert_int_equal(pawl_store_stat_read(store, &stat), 0);
	assert_int_equal(stat.readers, 1);
	assert_int_equal(stat.views, 0);
	t_assert_errno(pawl_store_compact(store, NULL, &done), EBUSY);
	t_process_tell(&process, "on");
	assert_true(t_process_line(&process, line, sizeof(line)));
	assert_string_equal(line, "1 before");
	t_process_tell(&process, "on");
	assert_true(t_process_line(&process, line, sizeof(line)));
	assert_string_equal(line, "22");
	t_process_end(&process, false);
	t_end(&place, store);
}

/* The writer comes back with more address space, and uses it: who reads takes as much. */
static void case_reader_follows(void **state)
{
	static char big[3 << 20];
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	struct pawl_store *store;
	struct pawl_store_batch *batch;
	struct t_process process;
	char line[64];
	unsigned i;

	(void)state;
	t_place_make(&place, &t_kinds[2]);
	options.reserve_bytes = 1 << 20;
	assert_int_equal(t_open(&place, &options, NULL, &store), 0);
	t_put_one(store, 1, "before");
	process = start("reads");
	assert_true(t_process_line(&process, line, sizeof(line)));
	assert_string_equal(line, "1 before");
	pawl_store_close(store);
	store = t_must_open(&place);
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	assert_int_equal(pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(2),
					(struct pawl_slice){big, sizeof(big)}),
			 0);
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	for (i = 0; i < 2; i++) {
		t_process_tell(&process, "on");
		assert_true(t_process_line(&process, line, sizeof(line)));
	}
	assert_string_equal(line, "2");
	t_process_end(&process, false);
	t_end(&place, store);
}

/* What a dead reader held is used again. */
static void case_dead_reader(void **state)
{
	struct pawl_store *store = t_begin(&place, &t_kinds[2]);
	struct pawl_store_stat before, after;
	struct t_process process;
	char line[64];
	unsigned i;

	(void)state;
	t_put_one(store, 1, "before");
	process = start("reads");
	assert_true(t_process_line(&process, line, sizeof(line)));
	t_process_end(&process, true);
	assert_int_equal(t_write_round(store, 1), 0);
	assert_int_equal(pawl_store_stat_read(store, &before), 0);
	assert_int_equal(before.readers, 0);
	for (i = 0; i < 40; i++)
		assert_int_equal(t_write_round(store, 1 + i % 3), 0);
	assert_int_equal(pawl_store_stat_read(store, &after), 0);
	assert_true(after.file_bytes < 8 * before.file_bytes);
	t_end(&place, store);
}

static void case_killed(void **state)
{
	unsigned i, n = t_scaled(20);

	(void)state;
	t_end(&place, t_begin(&place, &t_kinds[2]));
	t_place_make(&place, &t_kinds[2]);
	for (i = 0; i < n; i++) {
		struct t_process process = start("writes");
		unsigned acknowledged = 0, lines = (unsigned)t_random_below(12) + 1;
		struct pawl_store *store;
		char line[64];

		while (lines--) {
			assert_true(t_process_line(&process, line, sizeof(line)));
			acknowledged = (unsigned)strtoul(line, NULL, 10);
		}
		kill(process.pid, SIGKILL);
		while (t_process_line(&process, line, sizeof(line)))
			acknowledged = (unsigned)strtoul(line, NULL, 10);
		t_process_end(&process, true);
		store = t_must_open(&place);
		/* The one after may be there as well. */
		assert_true(t_round_of(store) == acknowledged ||
			    t_round_of(store) == acknowledged + 1);
		assert_int_equal(pawl_store_verify(store, NULL), 0);
		pawl_store_close(store);
		t_step();
	}
	t_place_drop(&place);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_second_writer),  cmocka_unit_test(case_reader_elsewhere),
		cmocka_unit_test(case_reader_follows), cmocka_unit_test(case_dead_reader),
		cmocka_unit_test(case_killed),
	};

	if (argc > 1) {
		place.kind = &t_kinds[2];
		snprintf(place.folder, sizeof(place.folder), "%s", getenv("T_STORE"));
		return !strcmp(argv[1], "opens")   ? child_opens()
		       : !strcmp(argv[1], "reads") ? child_reads()
						   : child_writes();
	}
	return t_run("store-processes", cases);
}

#else

int main(void)
{
	return t_run_without_lmdb("store-processes");
}

#endif
