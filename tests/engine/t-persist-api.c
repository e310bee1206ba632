/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-persist-api.c - what a program sees of a store: what comes back, what is computed again, when it is saved, and
 * what options say.
 */
#include "harness.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pawl.h>
#include <pawl/atomic.h>
#include <pawl/engine.h>
#include <pawl/state.h>
#include <pawl/store.h>
#include <pawl/trace.h>

#include "../persist/stores.h"

static struct pawl_store_disk *disk;
static struct pawl_store *store;
static struct pawl_engine *engine;

/* ---- types ---------------------------------------------------------------------------------- */

static const struct pawl_value_type number_type = {
	.size = sizeof(number_type), .name = "number", .version = 1, .flags = PAWL_VALUE_PLAIN};
/* Not saved. */
static const struct pawl_value_type handle_type = PAWL_VALUE_TYPE("handle");
/* By content alone. */
static const struct pawl_value_type hashed_type = {
	.size = sizeof(hashed_type), .name = "hashed", .version = 1, .mode = PAWL_CELL_HASHED};

static void visit_ref(const void *payload, size_t bytes,
		      void (*visit)(void *arg, pawl_ref_t ref), void *arg)
{
	pawl_ref_t ref;

	(void)bytes;
	memcpy(&ref, payload, sizeof(ref));
	visit(arg, ref);
}
static const struct pawl_value_type ref_type = {.size = sizeof(ref_type),
						.name = "ref",
						.version = 1,
						.flags = PAWL_VALUE_PLAIN,
						.visit_refs = visit_ref};

/* A text, saved backwards; "bad" cannot be read again. */
static size_t text_encode(const void *payload, size_t bytes, void *into, size_t room)
{
	const char *from = payload;
	char *to = into;

	for (size_t i = 0; i < bytes && bytes <= room; i++)
		to[i] = from[bytes - 1 - i];
	return bytes;
}

static int text_decode(const struct pawl_value_type *type, const void *from, size_t bytes,
		       struct pawl_value **ret_value)
{
	struct pawl_value *value;
	int error;

	if (bytes == 3 && !memcmp(from, "dab", 3))
		return -EINVAL;
	error = pawl_value_create(type, bytes, &value);
	if (error)
		return error;
	(void)text_encode(from, bytes, pawl_value_payload(value), bytes);
	*ret_value = value;
	return 0;
}
static const struct pawl_value_type text_type = {.size = sizeof(text_type),
						 .name = "text",
						 .version = 1,
						 .encode = text_encode,
						 .decode = text_decode};

/* ---- functions ------------------------------------------------------------------------------ */

enum kind { NUMBER, HANDLE, HASHED, TEXT, BAD, REF, FAIL, SUM, OUTSIDE, STATE, KINDS };
static struct pawl_atomic_u32 runs[KINDS];
static int64_t outside = 1;
static struct pawl_state *state_of;

struct args {
	uint64_t kind;
	uint64_t n;
};
static const struct pawl_function leaf, sum;
static const struct pawl_function *leaf_now = &leaf;

static int put(struct pawl_context *context, const struct pawl_value_type *type,
	       const void *bytes, size_t n, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_value_of(type, bytes, n, &value);

	return error ? error : pawl_cell(context, value, ret_output);
}

static int get(struct pawl_context *context, pawl_ref_t ref, uint32_t flags,
	       int64_t *ret_number)
{
	struct pawl_value *value;
	int error = pawl_read(context, ref, flags, &value, NULL);

	if (error)
		return error;
	*ret_number = 0;
	memcpy(ret_number, pawl_value_payload(value),
	       pawl_value_bytes(value) < 8 ? pawl_value_bytes(value) : 8);
	pawl_value_unpin(value);
	return 0;
}

static int leaf_body(struct pawl_context *context, const void *in, pawl_ref_t *ret_output)
{
	const struct args *args = in;
	int64_t n = (int64_t)args->n;
	struct args other = {NUMBER, args->n + 1};
	pawl_ref_t ref;
	int error;

	pawl_add_relaxed(&runs[args->kind], 1u);
	switch (args->kind) {
	case HANDLE:
		return put(context, &handle_type, &n, sizeof(n), ret_output);
	case HASHED:
		return put(context, &hashed_type, &n, sizeof(n), ret_output);
	case TEXT:
		return put(context, &text_type, "forward", 7, ret_output);
	case BAD:
		return put(context, &text_type, "bad", 3, ret_output);
	case REF:
		error = pawl_call(context, leaf_now, &other, &ref);
		return error ? error : put(context, &ref_type, &ref, sizeof(ref), ret_output);
	case FAIL:
		return pawl_context_fail(context, "because of %d", (int)n);
	case OUTSIDE:
		pawl_mark_session_dependent(context);
		n = outside;
		break;
	case STATE: {
		struct pawl_value *value;

		error = pawl_state_get(context, state_of, &value);
		if (error)
			return error;
		return pawl_cell(context, value, ret_output);
	}
	default:
		break;
	}
	return put(context, &number_type, &n, sizeof(n), ret_output);
}
static const struct pawl_function leaf = {sizeof(leaf),	       "leaf", 1, 0, leaf_body,
					  sizeof(struct args), NULL,   0};

/* Adds up a leaf of each kind in a mask. */
static int sum_body(struct pawl_context *context, const void *in, pawl_ref_t *ret_output)
{
	const struct args *args = in;
	int64_t total = 0, number;

	pawl_add_relaxed(&runs[SUM], 1u);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		struct args one = {kind, args->n};
		pawl_ref_t ref;
		int error;

		if (!(args->kind >> kind & 1))
			continue;
		error = pawl_call(context, leaf_now, &one, &ref);
		if (!error)
			error = get(context, ref, 0, &number);
		if (error)
			return error;
		total += number;
	}
	return put(context, &number_type, &total, sizeof(total), ret_output);
}
static const struct pawl_function sum = {sizeof(sum),	      "sum", 1, 0, sum_body,
					 sizeof(struct args), NULL,  0};
static const struct pawl_function newer_leaf = {sizeof(leaf),	     "leaf", 2, 0, leaf_body,
						sizeof(struct args), NULL,   0};
static const struct pawl_function another = {sizeof(leaf), "another",		1,    0,
					     leaf_body,	   sizeof(struct args), NULL, 0};

static const struct pawl_function unnumbered = {sizeof(leaf), "unnumbered",	   0,	 0,
						leaf_body,    sizeof(struct args), NULL, 0};

/* ---- up and down ------------------------------------------------------------------------------ */

static const struct pawl_value_type *const types[] = {&number_type, &handle_type, &hashed_type,
						      &text_type, &ref_type};

static struct pawl_engine_options options_of(const struct pawl_function *const *functions,
					     size_t n)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	options.workers = 2;
	options.functions = functions;
	options.functions_n = n;
	options.types = types;
	options.types_n = sizeof(types) / sizeof(*types);
	options.storage = PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN;
	return options;
}

static void store_open(void)
{
	struct pawl_store *below;

	if (!disk)
		assert_int_equal(pawl_store_disk_create(&disk), 0);
	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &below), 0);
	assert_int_equal(eng_store_fault(below, 1, &store), 0);
}

static void up_with(struct pawl_engine_options options)
{
	store_open();
	options.store = store;
	memset(runs, 0, sizeof(runs));
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
}

static void up(void)
{
	static const struct pawl_function *const functions[] = {&leaf, &sum};

	up_with(options_of(functions, 2));
}

static void down(void)
{
	assert_int_equal(pawl_engine_close(engine), 0);
	pawl_store_close(store);
}

static void forget(void)
{
	pawl_store_disk_destroy(disk);
	disk = NULL;
}

static uint32_t ran(enum kind kind)
{
	return pawl_load_relaxed(&runs[kind]);
}

static uint64_t generation(void)
{
	struct pawl_store_stat stat;

	assert_int_equal(pawl_store_stat_read(store, &stat), 0);
	return stat.generation;
}

struct ask {
	const struct pawl_function *function;
	struct args args;
	int64_t number;
	char text[128];
};

static int ask_visit(struct pawl_context *context, void *arg)
{
	const struct pawl_error *why = NULL;
	struct ask *ask = arg;
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, ask->function, &ask->args, &ref);

	if (!error)
		error = pawl_read(context, ref, PAWL_READ_STRONG, &value, &why);
	if (why)
		(void)pawl_error_describe(why, ask->text, sizeof(ask->text));
	if (error)
		return error;
	ask->number = 0;
	memcpy(&ask->number, pawl_value_payload(value),
	       pawl_value_bytes(value) < 8 ? pawl_value_bytes(value) : 8);
	if (pawl_value_type_of(value) == &ref_type) {
		memcpy(&ref, pawl_value_payload(value), sizeof(ref));
		error = get(context, ref, 0, &ask->number);
	}
	pawl_value_unpin(value);
	return error;
}

static int64_t ask(const struct pawl_function *function, uint64_t kind, uint64_t n)
{
	struct ask ask = {function, {kind, n}, 0, ""};

	assert_int_equal(pawl_engine_run(engine, ask_visit, &ask), 0);
	return ask.number;
}

/* ---- cases -------------------------------------------------------------------------------------- */

/* What has a codec comes back; what has none is computed again, and nobody else is. */
static void case_values(void **state)
{
	int64_t text = 0;

	(void)state;
	memcpy(&text, "forward", 7);
	for (unsigned i = 0; i < 2; i++) {
		up();
		assert_int_equal(ask(&leaf, NUMBER, 7), 7);
		assert_int_equal(ask(&leaf, HANDLE, 8), 8);
		assert_int_equal(ask(&leaf, HASHED, 9), 9);
		assert_int_equal(ask(&leaf, TEXT, 0), text);
		assert_int_equal(ask(&leaf, BAD, 0), 'b' | 'a' << 8 | 'd' << 16);
		assert_int_equal(ask(&leaf, REF, 41), 42);
		assert_int_equal(ask(&sum, 1 << NUMBER | 1 << HANDLE | 1 << HASHED, 5), 15);
		assert_int_equal(ran(NUMBER), i ? 0 : 3);
		assert_int_equal(ran(HANDLE), i ? 1 : 2);
		assert_int_equal(ran(HASHED), i ? 1 : 2);
		assert_int_equal(ran(TEXT), i ? 0 : 1);
		assert_int_equal(ran(BAD), 1);
		assert_int_equal(ran(REF), i ? 0 : 1);
		assert_int_equal(ran(SUM), i ? 0 : 1);
		down();
	}
	forget();
}

static void case_errors(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct ask one = {&sum, {1 << FAIL, 3}, 0, ""};

		up();
		assert_int_equal(pawl_engine_run(engine, ask_visit, &one), -PAWL_ETASK);
		assert_string_equal(one.text, "sum: leaf: because of 3");
		assert_int_equal(ran(FAIL), i ? 0 : 1);
		assert_int_equal(ran(SUM), i ? 0 : 1);
		down();
	}
	forget();
}

/* What depends on the outside is looked at again; who has read it runs if it differs. */
static void case_sessions(void **state)
{
	(void)state;
	outside = 1;
	for (unsigned i = 0; i < 4; i++) {
		if (i == 2)
			outside = 20;
		up();
		assert_int_equal(ask(&sum, 1 << OUTSIDE | 1 << NUMBER, 5), outside + 5);
		assert_int_equal(ran(OUTSIDE), 1);
		assert_int_equal(ran(NUMBER), i ? 0 : 1);
		assert_int_equal(ran(SUM), i == 0 || i == 2);
		down();
	}
	forget();
}

/* States are of the process: who read one runs again in the next. */
static void case_states(void **state)
{
	(void)state;
	for (int64_t i = 0; i < 3; i++) {
		struct pawl_value *value;
		int64_t number = i / 2;

		up();
		assert_int_equal(pawl_value_of(&number_type, &number, sizeof(number), &value),
				 0);
		assert_int_equal(pawl_state_create(engine, value, &state_of), 0);
		assert_int_equal(ask(&sum, 1 << STATE, 0), number);
		assert_int_equal(ran(STATE), 1);
		assert_int_equal(ran(SUM), i != 1);
		pawl_state_unpin(state_of);
		down();
	}
	forget();
}

/* Functions by name, version and arguments: more or fewer of them, or another one, change what was of these alone. */
static void case_functions(void **state)
{
	static const struct pawl_function *const order[] = {&sum, &another, &leaf};
	static const struct pawl_function *const newer[] = {&newer_leaf, &sum};
	static const struct pawl_function *const fewer[] = {&newer_leaf};

	(void)state;
	up();
	assert_int_equal(ask(&sum, 1 << NUMBER, 6), 6);
	down();
	up_with(options_of(order, 3));
	assert_int_equal(ask(&sum, 1 << NUMBER, 6), 6);
	assert_int_equal(ask(&another, NUMBER, 6), 6);
	assert_int_equal(ran(SUM), 0);
	down();
	up_with(options_of(order, 3));
	assert_int_equal(ask(&another, NUMBER, 6), 6);
	assert_int_equal(ran(NUMBER), 0);
	down();
	leaf_now = &newer_leaf;
	up_with(options_of(newer, 2));
	assert_int_equal(ask(&sum, 1 << NUMBER, 6), 6);
	assert_int_equal(ran(SUM), 1);
	assert_int_equal(ran(NUMBER), 1);
	down();
	up_with(options_of(newer, 2));
	assert_int_equal(ask(&sum, 1 << NUMBER, 6), 6);
	assert_int_equal(ran(SUM), 0);
	down();
	up_with(options_of(fewer, 1));
	assert_int_equal(ask(&newer_leaf, NUMBER, 6), 6);
	assert_int_equal(ran(NUMBER), 0);
	down();
	up_with(options_of(newer, 2));
	assert_int_equal(ask(&sum, 1 << NUMBER, 6), 6);
	assert_int_equal(ran(SUM), 1);
	assert_int_equal(ran(NUMBER), 0);
	down();
	leaf_now = &leaf;
	forget();
}

/* Version 0: this build is what it was. */
static void case_build(void **state)
{
	static const struct pawl_function *const functions[] = {&unnumbered};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		up_with(options_of(functions, 1));
		assert_int_equal(ask(&unnumbered, NUMBER, 6), 6);
		assert_int_equal(ran(NUMBER), !i);
		down();
	}
	forget();
}

struct search {
	char text[65536];
	size_t n;
};

static int keep_text(void *arg, const char *text, size_t length)
{
	struct search *search = arg;

	t_check(search->n + length < sizeof(search->text));
	memcpy(search->text + search->n, text, length);
	search->n += length;
	return 0;
}

static void assert_in_trace(const char *what)
{
	static struct search search;

	search.n = 0;
	assert_int_equal(pawl_trace_export(pawl_engine_runtime(engine), keep_text, &search), 0);
	search.text[search.n] = 0;
	assert_non_null(strstr(search.text, what));
}

/* Nothing is saved, and the store stays as it was then: where it may not be written; where there is none. */
static void saves_nothing(struct pawl_engine_options options, uint64_t generation_then)
{
	struct pawl_engine_store_stats stats;
	uint64_t tasks;

	/* Not at all. */
	options.storage = PAWL_STORAGE_READ_ONLY;
	up_with(options);
	assert_int_equal(ask(&leaf, NUMBER, 2), 2);
	assert_int_equal(ran(NUMBER), 0);
	assert_int_equal(ask(&leaf, NUMBER, 3), 3);
	assert_int_equal(pawl_engine_snapshot(engine, &tasks), -EROFS);
	assert_int_equal(pawl_engine_store_stats_read(engine, &stats), 0);
	assert_int_equal(stats.restored, 1);
	assert_int_equal(stats.snapshots, 0);
	down();
	store_open();
	assert_int_equal(generation(), generation_then);
	pawl_store_close(store);
	/* Without a store. */
	options.storage = PAWL_STORAGE_NONE;
	options.store = NULL;
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
	assert_int_equal(ask(&leaf, NUMBER, 3), 3);
	assert_int_equal(pawl_engine_snapshot(engine, NULL), -EROFS);
	assert_int_equal(pawl_engine_store_stats_read(engine, &stats), -ENOTSUP);
	assert_int_equal(pawl_engine_close(engine), 0);
	forget();
}

static void case_modes(void **state)
{
	static const struct pawl_function *const functions[] = {&leaf, &sum};
	struct pawl_engine_options options = options_of(functions, 2);
	uint64_t before, tasks;

	(void)state;
	/* When it is asked for, and when it is closed. */
	up();
	before = generation();
	assert_int_equal(ask(&leaf, NUMBER, 1), 1);
	assert_int_equal(generation(), before);
	assert_int_equal(pawl_trace_start(pawl_engine_runtime(engine), NULL), 0);
	assert_int_equal(pawl_engine_snapshot(engine, &tasks), 0);
	assert_int_equal(tasks, 1);
	assert_in_trace("\"name\":\"snapshots\"");
	assert_in_trace("\"name\":\"snapshot\"");
	assert_in_trace("{\"reason\":\"asked\",\"snapshot_ms\":");
	assert_in_trace(",\"tasks\":1}");
	assert_int_equal(generation(), before + 1);
	assert_int_equal(pawl_engine_snapshot(engine, &tasks), 0);
	assert_int_equal(tasks, 0);
	assert_int_equal(generation(), before + 1);
	assert_int_equal(ask(&leaf, NUMBER, 2), 2);
	down();
	store_open();
	assert_int_equal(generation(), before + 2);
	pawl_store_close(store);
	/* Only when it is asked for. */
	for (unsigned i = 0; i < 2; i++) {
		options.snapshot_at_stop = i;
		assert_int_equal(setenv("PAWL_SNAPSHOT_AT_STOP", "0", 1), 0);
		up_with(options);
		assert_int_equal(unsetenv("PAWL_SNAPSHOT_AT_STOP"), 0);
		assert_int_equal(ask(&leaf, NUMBER, 4), 4);
		down();
	}
	store_open();
	assert_int_equal(generation(), before + 2);
	pawl_store_close(store);
	saves_nothing(options, before + 2);
}

static void assert_sync(struct pawl_engine *of, enum pawl_sync sync, uint64_t is_at)
{
	struct pawl_engine_sync got;

	assert_int_equal(pawl_engine_sync_read(of, &got), 0);
	assert_int_equal(got.sync, sync);
	assert_int_equal(got.writer_pid, sync == PAWL_SYNC_ALONE ? 0 : getpid());
	assert_int_equal(got.generation, is_at);
}

/* Of two engines on one disk. Between processes: t-readers. */
static void case_sync(void **state)
{
	static const struct pawl_function *const functions[] = {&leaf, &sum};
	struct pawl_engine_options options = options_of(functions, 2);
	struct pawl_store_options reads = PAWL_STORE_OPTIONS_INIT;
	struct pawl_engine *reader;
	struct pawl_store *beside;
	uint64_t before;

	(void)state;
	up();
	before = generation();
	assert_sync(engine, PAWL_SYNC_ALONE, before);
	reads.read_only = 1;
	assert_int_equal(pawl_store_open_mem(disk, &reads, NULL, &beside), 0);
	options.store = beside;
	options.storage = PAWL_STORAGE_READ_ONLY;
	/* It has nothing. */
	assert_int_equal(pawl_engine_open(&options, &reader), 0);
	assert_sync(reader, PAWL_SYNC_SYNCED, before);
	assert_int_equal(pawl_engine_close(reader), 0);
	assert_int_equal(ask(&leaf, NUMBER, 1), 1);
	/* The same by an option, and from the environment. */
	for (unsigned i = 0; i < 3; i++) {
		options.sync_wait_ns = i ? 0 : PAWL_SYNC_NO_WAIT;
		assert_int_equal(setenv("PAWL_SYNC_WAIT_MS", i == 2 ? "1" : "0", 1), 0);
		assert_int_equal(pawl_engine_open(&options, &reader), 0);
		assert_sync(reader, PAWL_SYNC_UNKNOWN, before);
		assert_int_equal(pawl_engine_close(reader), 0);
	}
	assert_int_equal(unsetenv("PAWL_SYNC_WAIT_MS"), 0);
	assert_int_equal(pawl_engine_snapshot(engine, NULL), 0);
	assert_int_equal(pawl_engine_open(&options, &reader), 0);
	assert_sync(reader, PAWL_SYNC_SYNCED, before + 1);
	down();
	assert_int_equal(pawl_engine_close(reader), 0);
	assert_int_equal(pawl_engine_open(&options, &reader), 0);
	assert_sync(reader, PAWL_SYNC_ALONE, before + 1);
	assert_int_equal(pawl_engine_close(reader), 0);
	pawl_store_close(beside);
	options.storage = PAWL_STORAGE_NONE;
	options.store = NULL;
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
	assert_int_equal(pawl_engine_sync_read(engine, &(struct pawl_engine_sync){0}),
			 -ENOTSUP);
	assert_int_equal(pawl_engine_close(engine), 0);
	forget();
}

static void case_options(void **state)
{
	static const struct pawl_function *const functions[] = {&leaf, &sum};
	struct pawl_engine_options options = options_of(functions, 2);

	(void)state;
	assert_int_equal(pawl_engine_open(&options, &engine), -EINVAL);
	store_open();
	options.store = store;
	options.storage = PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN + 1;
	assert_int_equal(pawl_engine_open(&options, &engine), -EINVAL);
	options.storage = PAWL_STORAGE_NONE;
	assert_int_equal(pawl_engine_open(&options, &engine), -EINVAL);
	options.storage = PAWL_STORAGE_READ_ONLY;
	options.snapshot_at_stop = 2;
	assert_int_equal(pawl_engine_open(&options, &engine), -EINVAL);
	options.snapshot_at_stop = 1;
	eng_fault_at(store, ENG_FAULT_VIEW, 1, -EIO);
	assert_int_equal(pawl_engine_open(&options, &engine), -EIO);
	eng_fault_at(store, ENG_FAULT_GET, 1, -EIO);
	assert_int_equal(pawl_engine_open(&options, &engine), -EIO);
	pawl_store_close(store);
	forget();
}

static void until_saved(uint64_t snapshots, enum pawl_snapshot_reason reason)
{
	struct pawl_engine_store_stats stats;

	do {
		t_step();
		sched_yield();
		assert_int_equal(pawl_engine_store_stats_read(engine, &stats), 0);
	} while (stats.snapshots < snapshots);
	assert_int_equal(stats.last_reason, reason);
}

/* By time and by idleness, each without the other. */
static void case_background(void **state)
{
	static const struct pawl_function *const functions[] = {&leaf, &sum};
	struct pawl_engine_options options = options_of(functions, 2);

	(void)state;
	options.storage = PAWL_STORAGE_READ_WRITE;
	options.snapshot_first_ns = 1;
	options.snapshot_interval_ns = 1;
	options.snapshot_idle_ns = PAWL_FOREVER;
	up_with(options);
	assert_int_equal(ask(&leaf, NUMBER, 1), 1);
	until_saved(1, PAWL_SNAPSHOT_TIME);
	/* One that fails is made again. */
	eng_fault_at(store, ENG_FAULT_COMMIT, 1, -ENOSPC);
	assert_int_equal(ask(&leaf, NUMBER, 2), 2);
	until_saved(2, PAWL_SNAPSHOT_TIME);
	down();
	options.snapshot_first_ns = options.snapshot_interval_ns = PAWL_FOREVER;
	options.snapshot_idle_ns = 1;
	up_with(options);
	assert_int_equal(ask(&leaf, NUMBER, 3), 3);
	until_saved(1, PAWL_SNAPSHOT_IDLE);
	assert_int_equal(ask(&leaf, NUMBER, 4), 4);
	until_saved(2, PAWL_SNAPSHOT_IDLE);
	down();
	/* The same from the environment. */
	options.snapshot_idle_ns = 0;
	assert_int_equal(setenv("PAWL_SNAPSHOT_IDLE_MS", "1", 1), 0);
	up_with(options);
	assert_int_equal(unsetenv("PAWL_SNAPSHOT_IDLE_MS"), 0);
	assert_int_equal(ask(&leaf, NUMBER, 5), 5);
	until_saved(1, PAWL_SNAPSHOT_IDLE);
	down();
	forget();
}

/* The same on a disk. */
static void case_disk(void **state)
{
	static const struct pawl_function *const functions[] = {&leaf, &sum};
	struct pawl_engine_options options = options_of(functions, 2);
	char path[256];
	int error = 0;

	(void)state;
	t_folder_make(path, sizeof(path));
	for (unsigned i = 0; i < 3 && !error; i++) {
		error = pawl_store_open_lmdb(path, NULL, NULL, &store);
		if (error)
			break;
		options.store = store;
		memset(runs, 0, sizeof(runs));
		assert_int_equal(pawl_engine_open(&options, &engine), 0);
		assert_int_equal(ask(&sum, 1 << NUMBER | 1 << TEXT | 1 << HANDLE, 5),
				 ask(&leaf, TEXT, 5) + 10);
		assert_int_equal(ran(SUM), !i);
		assert_int_equal(ran(HANDLE), !i);
		down();
	}
	t_folder_drop(path);
	assert_true(!error || error == -ENOSYS);
}

/* Opening, asking, saving and opening again, with each allocation failing. */
static int oom_attached(struct pawl_engine_options options)
{
	struct ask one = {&sum, {1 << NUMBER | 1 << TEXT, 1}, 0, ""};
	int error = pawl_store_open_mem(disk, NULL, NULL, &store);

	if (error)
		return error;
	options.store = store;
	error = pawl_engine_open(&options, &engine);
	if (!error) {
		error = pawl_engine_run(engine, ask_visit, &one);
		if (error == -PAWL_ETASK)
			error = -ENOMEM;
		if (!error)
			error = pawl_engine_snapshot(engine, NULL);
		t_check(!pawl_engine_close(engine));
	}
	pawl_store_close(store);
	return error;
}

static int oom_all(void)
{
	static const struct pawl_function *const functions[] = {&leaf, &sum};
	struct pawl_engine_options options = options_of(functions, 2);
	int error = pawl_thread_attach("t-persist-api");

	if (error)
		return error;
	options.workers = 1;
	error = pawl_store_disk_create(&disk);
	for (unsigned i = 0; i < 2 && !error; i++)
		error = oom_attached(options);
	if (disk)
		pawl_store_disk_destroy(disk);
	disk = NULL;
	pawl_thread_detach();
	return error;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_values),	  cmocka_unit_test(case_errors),
		cmocka_unit_test(case_sessions),  cmocka_unit_test(case_states),
		cmocka_unit_test(case_functions), cmocka_unit_test(case_build),
		cmocka_unit_test(case_modes),	  cmocka_unit_test(case_sync),
		cmocka_unit_test(case_options),	  cmocka_unit_test(case_background),
		cmocka_unit_test(case_disk),	  T_OOM(oom_all),
	};

	return t_run("persist-api", tests);
}
