/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-readers.c - a store that one process writes and others read: what a reader knows of the writer when it is opened,
 * that it stands on one generation, that what it computes is its own; processes that are killed on either side; a
 * second writer.
 *
 * Other processes are this program again (process.h), with the folder in T_STORE. They do what they are told, line by line. What a
 * task computes is the number of the process that computed it: so it shows from where a result is. Each task reads
 * the one before it, so what a writer has done is at any moment a beginning of all tasks.
 */
#include "harness.h"

#include "process.h"
#include "stores.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pawl/atomic.h>
#include <pawl/engine.h>
#include <pawl/store.h>
#include <pawl/thread.h>
#include <pawl/value.h>

#ifdef PAWL_HAVE_LMDB

#define TASKS 60u

static struct t_place place;
static struct pawl_store *store;
static struct pawl_engine *engine;

/* ---- tasks ----------------------------------------------------------------------------------------- */

static const struct pawl_value_type number_type = {
	.size = sizeof(number_type), .name = "number", .version = 1, .flags = PAWL_VALUE_PLAIN};
static const struct pawl_function item;

static int get(struct pawl_context *context, uint64_t n, uint32_t flags, uint64_t *ret_number)
{
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, &item, &n, &ref);

	if (!error)
		error = pawl_read(context, ref, flags, &value, NULL);
	if (error)
		return error;
	memcpy(ret_number, pawl_value_payload(value), sizeof(*ret_number));
	pawl_value_unpin(value);
	return 0;
}

static int item_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n, below, pid = (uint64_t)getpid();
	struct pawl_value *value;
	int error = 0;

	memcpy(&n, args, sizeof(n));
	if (n > 1)
		error = get(context, n - 1, 0, &below);
	if (!error)
		error = pawl_value_of(&number_type, &pid, sizeof(pid), &value);
	return error ? error : pawl_cell(context, value, ret_output);
}
static const struct pawl_function item = {sizeof(item), "item",		  1,	0,
					  item_body,	sizeof(uint64_t), NULL, 0};

struct ask {
	uint64_t n, answer;
};

static int ask_visit(struct pawl_context *context, void *arg)
{
	struct ask *ask = arg;

	return get(context, ask->n, PAWL_READ_STRONG, &ask->answer);
}

/* By whom task n was computed. */
static uint64_t who(uint64_t n)
{
	struct ask ask = {n, 0};

	t_check(!pawl_engine_run(engine, ask_visit, &ask));
	t_check(!pawl_engine_wait_idle(engine, PAWL_FOREVER));
	return ask.answer;
}

static void open_engine(uint32_t storage, uint64_t wait_ns)
{
	static const struct pawl_function *const functions[] = {&item};
	static const struct pawl_value_type *const types[] = {&number_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	options.workers = 1;
	options.functions = functions;
	options.functions_n = 1;
	options.types = types;
	options.types_n = 1;
	options.storage = storage;
	options.store = store;
	/* It saves because it is told to, or asked to. */
	options.snapshot_first_ns = options.snapshot_interval_ns = PAWL_FOREVER;
	options.snapshot_idle_ns = PAWL_FOREVER;
	options.sync_wait_ns = wait_ns;
	t_check(!pawl_engine_open(&options, &engine));
}

static void open_store(bool reads)
{
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;

	options.read_only = reads;
	t_check(!t_open(&place, &options, NULL, &store));
}

static void close_both(void)
{
	t_check(!pawl_engine_close(engine));
	pawl_store_close(store);
}

/* ---- the other processes ----------------------------------------------------------------------------- */

static void say_number(uint64_t number)
{
	char line[64];

	snprintf(line, sizeof(line), "%llu", (unsigned long long)number);
	t_say(line);
}

/* "which of enum pawl_sync, the writer's pid, generation" */
static void say_sync(void)
{
	struct pawl_engine_sync sync;
	char line[96];

	t_check(!pawl_engine_sync_read(engine, &sync));
	snprintf(line, sizeof(line), "%d %lld %llu", (int)sync.sync, (long long)sync.writer_pid,
		 (unsigned long long)sync.generation);
	t_say(line);
}

static void say_stat(void)
{
	struct pawl_store_stat stat;
	char line[96];

	t_check(!pawl_store_stat_read(store, &stat));
	snprintf(line, sizeof(line), "%u %llu", stat.readers,
		 (unsigned long long)stat.generation);
	t_say(line);
}

/* get N, save, stat, asked, reason: an answer each; until nothing more comes. */
static void obey(void)
{
	struct pawl_engine_store_stats stats;
	char line[64];
	bool asked;

	while (t_hear(line, sizeof(line))) {
		if (!strncmp(line, "get ", 4)) {
			say_number(who(strtoull(line + 4, NULL, 10)));
		} else if (!strcmp(line, "save")) {
			t_check(!pawl_engine_snapshot(engine, NULL));
			t_say("saved");
		} else if (!strcmp(line, "stat")) {
			say_stat();
		} else if (!strcmp(line, "asked")) {
			t_check(!pawl_store_tell(store, true, &asked));
			say_number(asked);
		} else {
			t_check(!pawl_engine_store_stats_read(engine, &stats));
			say_number(stats.last_reason);
		}
	}
}

/* "writes": saves when it is told to; "serves": when a reader asks. */
static int child_writes(uint32_t storage)
{
	open_store(false);
	open_engine(storage, 0);
	t_say("open");
	obey();
	close_both();
	return 0;
}

/* "looks": waits for nothing; "waits": until it knows. */
static int child_reads(uint64_t wait_ns)
{
	open_store(true);
	t_say("open");
	open_engine(PAWL_STORAGE_READ_ONLY, wait_ns);
	say_sync();
	obey();
	close_both();
	return 0;
}

/* One task after the other, each saved, until it is told to end. */
static int child_goes_on(void)
{
	struct pawl_engine_sync sync;
	char line[64];

	open_store(false);
	open_engine(PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, 0);
	t_check(!pawl_engine_sync_read(engine, &sync) && sync.sync == PAWL_SYNC_ALONE);
	t_say("open");
	for (uint64_t n = 1; n <= TASKS; n++) {
		t_check(who(n) == (uint64_t)getpid());
		if (n % 3 == 0)
			t_check(!pawl_engine_snapshot(engine, NULL));
		/* A step for each line: so it is not over before others have begun. */
		t_check(t_hear(line, sizeof(line)));
	}
	close_both();
	return 0;
}

/* Opens an engine again and again: what it sees is each time a beginning of what the writer does, and never less. */
static int child_follows(void)
{
	uint64_t last = 0, generation = 0;
	char line[64];

	open_store(true);
	t_say("open");
	while (last < TASKS) {
		struct pawl_engine_sync sync;
		uint64_t mine = (uint64_t)getpid(), there = 0;

		open_engine(PAWL_STORAGE_READ_ONLY, PAWL_SYNC_NO_WAIT);
		t_check(!pawl_engine_sync_read(engine, &sync));
		t_check(sync.generation >= generation);
		generation = sync.generation;
		for (uint64_t n = TASKS; n; n--) {
			bool is_mine = who(n) == mine;

			t_check(!(is_mine && there));
			if (!is_mine && !there)
				there = n;
		}
		t_check(there >= last);
		last = there;
		for (uint64_t n = 1; n <= TASKS; n++)
			t_check((who(n) == mine) == (n > there));
		t_check(!pawl_engine_close(engine));
		t_say("more");
		t_check(t_hear(line, sizeof(line)));
	}
	t_say("all");
	pawl_store_close(store);
	return 0;
}

/* ---- what they are told ------------------------------------------------------------------------------ */

static struct t_process start(const char *word)
{
	struct t_process process;
	char line[64];

	setenv("T_STORE", place.folder, 1);
	process = t_process_start(word);
	assert_true(t_process_line(&process, line, sizeof(line)));
	assert_string_equal(line, "open");
	return process;
}

static uint64_t number_from(struct t_process *process, const char *words)
{
	char line[64];

	t_process_ask(process, words, line, sizeof(line));
	return strtoull(line, NULL, 10);
}

static uint64_t who_of(struct t_process *process, unsigned n)
{
	char line[64];

	snprintf(line, sizeof(line), "get %u", n);
	return number_from(process, line);
}

static void save(struct t_process *writer)
{
	(void)number_from(writer, "save");
}

/* What a reader says of itself when it is open. Returns: its generation. */
static uint64_t assert_sync(struct t_process *reader, enum pawl_sync sync, pid_t writer)
{
	char line[96], *at;

	assert_true(t_process_line(reader, line, sizeof(line)));
	assert_int_equal(strtol(line, &at, 10), sync);
	assert_int_equal(strtol(at, &at, 10), writer);
	return strtoull(at, NULL, 10);
}

static void case_alone(void **state)
{
	struct t_process writer, reader;
	pid_t pid;

	(void)state;
	t_place_make(&place, &t_kinds[2]);
	writer = start("writes");
	pid = writer.pid;
	assert_int_equal(who_of(&writer, 10), pid);
	t_process_end(&writer, false);
	reader = start("waits");
	assert_int_equal(assert_sync(&reader, PAWL_SYNC_ALONE, 0), 1);
	assert_int_equal(who_of(&reader, 10), pid);
	/* What it computes is its own. */
	assert_int_equal(who_of(&reader, 11), reader.pid);
	t_process_end(&reader, false);
	writer = start("writes");
	assert_int_equal(who_of(&writer, 10), pid);
	assert_int_equal(who_of(&writer, 11), writer.pid);
	t_process_end(&writer, false);
	t_place_drop(&place);
}

/* A writer that saves nothing by itself: whoever does not wait does not know; and stands where it stood. */
static void case_pinned(void **state)
{
	struct t_process writer, first, second;
	uint64_t generation;

	(void)state;
	t_place_make(&place, &t_kinds[2]);
	writer = start("writes");
	(void)who_of(&writer, 10);
	save(&writer);
	first = start("looks");
	generation = assert_sync(&first, PAWL_SYNC_SYNCED, writer.pid);
	t_process_end(&first, false);
	(void)who_of(&writer, 20);
	first = start("looks");
	assert_int_equal(assert_sync(&first, PAWL_SYNC_UNKNOWN, writer.pid), generation);
	assert_int_equal(who_of(&first, 15), first.pid);
	save(&writer);
	assert_int_equal(who_of(&first, 15), first.pid);
	assert_int_equal(who_of(&first, 16), first.pid);
	assert_int_equal(who_of(&first, 10), writer.pid);
	second = start("looks");
	assert_int_equal(assert_sync(&second, PAWL_SYNC_SYNCED, writer.pid), generation + 1);
	assert_int_equal(who_of(&second, 20), writer.pid);
	assert_int_equal(who_of(&second, 21), second.pid);
	/* Neither has written. */
	assert_int_equal(who_of(&writer, 21), writer.pid);
	t_process_end(&first, false);
	t_process_end(&second, false);
	t_process_end(&writer, false);
	t_place_drop(&place);
}

/* It would never save by itself: it does so because it is asked. */
static void case_asked(void **state)
{
	struct t_process writer, reader;

	(void)state;
	t_place_make(&place, &t_kinds[2]);
	writer = start("serves");
	for (unsigned n = 10; n < 30; n += 10) {
		(void)who_of(&writer, n);
		reader = start("waits");
		(void)assert_sync(&reader, PAWL_SYNC_SYNCED, writer.pid);
		assert_int_equal(who_of(&reader, n), writer.pid);
		assert_int_equal(who_of(&reader, n + 1), reader.pid);
		assert_int_equal(number_from(&writer, "reason"), PAWL_SNAPSHOT_READER);
		t_process_end(&reader, false);
	}
	t_process_end(&writer, false);
	t_place_drop(&place);
}

static void case_writer_killed(void **state)
{
	struct t_process writer, early, late, next;
	pid_t pid;

	(void)state;
	t_place_make(&place, &t_kinds[2]);
	writer = start("writes");
	pid = writer.pid;
	(void)who_of(&writer, 10);
	save(&writer);
	early = start("looks");
	(void)assert_sync(&early, PAWL_SYNC_SYNCED, pid);
	(void)who_of(&writer, 20);
	/* It waits for what is lost then. */
	late = start("waits");
	while (!number_from(&writer, "asked"))
		;
	t_process_end(&writer, true);
	(void)assert_sync(&late, PAWL_SYNC_ALONE, 0);
	assert_int_equal(who_of(&late, 10), pid);
	assert_int_equal(who_of(&late, 11), late.pid);
	next = start("writes");
	assert_int_equal(who_of(&next, 11), next.pid);
	save(&next);
	assert_int_equal(who_of(&early, 10), pid);
	assert_int_equal(who_of(&early, 11), early.pid);
	assert_int_equal(who_of(&late, 12), late.pid);
	t_process_end(&early, false);
	t_process_end(&late, false);
	t_process_end(&next, false);
	t_place_drop(&place);
}

static void case_reader_killed(void **state)
{
	struct t_process writer, reader;
	char line[96];

	(void)state;
	t_place_make(&place, &t_kinds[2]);
	writer = start("writes");
	(void)who_of(&writer, 10);
	save(&writer);
	reader = start("looks");
	(void)assert_sync(&reader, PAWL_SYNC_SYNCED, writer.pid);
	/* The writer's own view, and the reader's. */
	t_process_ask(&writer, "stat", line, sizeof(line));
	assert_string_equal(line, "2 1");
	t_process_end(&reader, true);
	(void)who_of(&writer, 11);
	save(&writer);
	t_process_ask(&writer, "stat", line, sizeof(line));
	assert_int_equal(strtoul(line, NULL, 10) <= 2, 1);
	(void)who_of(&writer, 12);
	/* One that asks, and is killed, asks no more. */
	reader = start("waits");
	while (!number_from(&writer, "asked"))
		;
	t_process_end(&reader, true);
	assert_int_equal(number_from(&writer, "asked"), 0);
	t_process_end(&writer, false);
	t_place_drop(&place);
}

static void case_second_writer(void **state)
{
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	struct pawl_store_writer writer;
	struct pawl_store_why why;
	struct t_process process;
	char pid[24];

	(void)state;
	t_place_make(&place, &t_kinds[2]);
	process = start("writes");
	t_assert_errno(t_open(&place, NULL, &why, &store), EBUSY);
	assert_int_equal(why.pid, process.pid);
	snprintf(pid, sizeof(pid), "process %ld (", (long)process.pid);
	assert_non_null(strstr(why.text, pid));
	assert_non_null(strstr(why.text, "readers)"));
	/* Who reads sees it, too. */
	options.read_only = 1;
	assert_int_equal(t_open(&place, &options, NULL, &store), 0);
	assert_int_equal(pawl_store_ask(store, false, &writer), 0);
	assert_true(writer.there && !writer.behind && writer.pid == process.pid);
	assert_non_null(strstr(writer.name, "readers"));
	t_assert_errno(pawl_store_tell(store, true, NULL), EROFS);
	(void)who_of(&process, 1);
	assert_int_equal(pawl_store_ask(store, true, &writer), 0);
	assert_true(writer.there && writer.behind);
	assert_int_equal(number_from(&process, "asked"), 1);
	assert_int_equal(pawl_store_ask(store, false, &writer), 0);
	assert_int_equal(number_from(&process, "asked"), 0);
	t_process_end(&process, false);
	assert_int_equal(pawl_store_ask(store, false, &writer), 0);
	assert_true(!writer.there && !writer.behind && !writer.pid);
	pawl_store_close(store);
	/* Who writes is not another one to itself. */
	store = t_must_open(&place);
	assert_int_equal(pawl_store_tell(store, true, NULL), 0);
	assert_int_equal(pawl_store_ask(store, true, &writer), 0);
	assert_false(writer.there);
	pawl_store_close(store);
	t_place_drop(&place);
}

/* Readers are opened and read, beside snapshots. */
static void case_beside(void **state)
{
	struct t_process writer, readers[2];
	char line[64];
	unsigned steps = 0, reading = 2;

	(void)state;
	t_place_make(&place, &t_kinds[2]);
	writer = start("goes-on");
	for (unsigned i = 0; i < 2; i++)
		readers[i] = start("follows");
	while (reading) {
		/* The writer goes on while the readers do. */
		for (unsigned i = 0; i < 4 && steps < TASKS; i++, steps++)
			t_process_tell(&writer, "on");
		reading = 0;
		for (unsigned i = 0; i < 2; i++) {
			if (readers[i].pid < 0)
				continue;
			assert_true(t_process_line(&readers[i], line, sizeof(line)));
			if (!strcmp(line, "all")) {
				t_process_end(&readers[i], false);
				readers[i].pid = -1;
				continue;
			}
			t_process_tell(&readers[i], "on");
			reading++;
		}
	}
	t_process_end(&writer, false);
	t_place_drop(&place);
}

static int child(const char *word)
{
	place.kind = &t_kinds[2];
	snprintf(place.folder, sizeof(place.folder), "%s", getenv("T_STORE"));
	t_check(!pawl_thread_attach(word));
	if (!strcmp(word, "writes"))
		return child_writes(PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN);
	if (!strcmp(word, "serves"))
		return child_writes(PAWL_STORAGE_READ_WRITE);
	if (!strcmp(word, "looks"))
		return child_reads(PAWL_SYNC_NO_WAIT);
	if (!strcmp(word, "waits"))
		return child_reads(PAWL_FOREVER);
	return strcmp(word, "follows") ? child_goes_on() : child_follows();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_alone),	      cmocka_unit_test(case_pinned),
		cmocka_unit_test(case_asked),	      cmocka_unit_test(case_writer_killed),
		cmocka_unit_test(case_reader_killed), cmocka_unit_test(case_second_writer),
		cmocka_unit_test(case_beside),
	};

	if (argc > 1)
		return child(argv[1]);
	return t_run("readers", cases);
}

#else

int main(void)
{
	return t_run_without_lmdb("readers");
}

#endif
