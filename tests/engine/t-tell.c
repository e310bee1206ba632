/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-tell.c - what a program is told of its store: the notices engine.snapshot and engine.store, each once where that is
 * promised.
 */
#include "frame.h"

#include <pawl/observe.h>
#include <pawl/store.h>

#include "persist/bytes.h"
#include "persist/faults.h"

static struct pawl_store_disk *disk;
static struct pawl_store *store;
static struct pawl_subscription *told;

static const struct pawl_value_type number_type = {
	.size = sizeof(number_type), .name = "number", .version = 1, .flags = PAWL_VALUE_PLAIN};

struct one {
	uint64_t n;
};

static int number_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;

	return fr_give_of(context, &number_type, (int64_t)one->n, ret_output);
}
static struct pawl_function number = {sizeof(number), "number",		  1,	0,
				      number_body,    sizeof(struct one), NULL, 0};

static void up(void)
{
	static const struct pawl_function *const functions[] = {&number};
	static const struct pawl_value_type *const types[] = {&number_type};
	static const char *const names[] = {"engine.snapshot", "engine.store"};
	struct pawl_subscription_options of = PAWL_SUBSCRIPTION_OPTIONS_INIT;
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &store), 0);
	assert_int_equal(eng_store_fault(store, 1, &store), 0);
	options.workers = 1;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	options.storage = PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN;
	options.store = store;
	fr_open(options);
	of.names = names;
	of.names_n = 2;
	of.before = 1;
	assert_int_equal(pawl_notices_subscribe(fr_engine, &of, &told), 0);
}

/* The next one, if `text` is in what it says; NULL: there is none. */
static void expect(const char *name, enum pawl_severity severity, const char *text)
{
	const struct pawl_notice *notice = NULL;
	int error = pawl_notices_take(told, 0, &notice, NULL);

	if (!name) {
		if (!error)
			fail_msg("%s", notice->message);
		return;
	}
	assert_int_equal(error, 0);
	assert_string_equal(notice->name, name);
	if (!strstr(notice->message, text))
		fail_msg("%s", notice->message);
	assert_int_equal(notice->severity, severity);
	if (!strcmp(name, "engine.snapshot")) {
		assert_non_null(notice->json);
		assert_non_null(strstr(notice->json, "{\"reason\":\""));
		assert_non_null(strstr(notice->json, "\"tasks\":"));
		assert_non_null(strstr(notice->json, "\"bytes\":"));
	}
	pawl_notice_unpin(notice);
}

static void expect_nothing(void)
{
	expect(NULL, PAWL_SEVERITY_INFO, NULL);
}

static void down(void)
{
	fr_close();
	pawl_store_close(store);
}

static void ask(uint64_t n)
{
	struct one one = {n};

	(void)fr_ask(&number, &one);
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
}

static int snapshot_fails(void)
{
	int error;

	eng_fault_at(store, ENG_FAULT_COMMIT, 1, -ENOSPC);
	error = pawl_engine_snapshot(fr_engine, NULL);
	eng_fault_at(store, ENG_FAULT_COMMIT, 0, 0);
	return error;
}

#define INFO	PAWL_SEVERITY_INFO
#define WARNING PAWL_SEVERITY_WARNING

static void case_snapshots(void **state)
{
	(void)state;
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	up();
	/* An empty store is no news. */
	expect_nothing();
	ask(1);
	ask(2);
	assert_int_equal(pawl_engine_snapshot(fr_engine, NULL), 0);
	expect("engine.snapshot", INFO, "2 tasks were saved in ");
	/* What is not made is not told of. */
	assert_int_equal(pawl_engine_snapshot(fr_engine, NULL), 0);
	expect_nothing();
	ask(3);
	fr_close();
	expect("engine.snapshot", INFO, "(stop)");
	expect_nothing();
	pawl_notices_unsubscribe(told);
	pawl_store_close(store);
	up();
	expect_nothing();
	pawl_notices_unsubscribe(told);
	down();
	pawl_store_disk_destroy(disk);
}

/* Of failures in a row the first, and what is lost at the end. */
static void case_failures(void **state)
{
	(void)state;
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	up();
	ask(1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(snapshot_fails(), -ENOSPC);
	expect("engine.store", WARNING, "could not be saved: No space left on device");
	expect_nothing();
	assert_int_equal(pawl_engine_snapshot(fr_engine, NULL), 0);
	expect("engine.snapshot", INFO, "1 tasks");
	ask(2);
	assert_int_equal(snapshot_fails(), -ENOSPC);
	expect("engine.store", WARNING, "it is tried again");
	ask(3);
	eng_fault_at(store, ENG_FAULT_COMMIT, 1, -EIO);
	fr_close();
	expect("engine.store", WARNING, "2 tasks are not saved");
	expect_nothing();
	pawl_notices_unsubscribe(told);
	pawl_store_close(store);
	pawl_store_disk_destroy(disk);
}

static void case_opened(void **state)
{
	struct pawl_store_batch *batch;

	(void)state;
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	up();
	ask(1);
	pawl_notices_unsubscribe(told);
	down();
	/* A function has other code. */
	number.version = 2;
	up();
	expect("engine.store", INFO, "functions with another version");
	ask(1);
	pawl_notices_unsubscribe(told);
	down();
	number.version = 1;
	/* The head is damaged: nothing counts. */
	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &store), 0);
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	assert_int_equal(pawl_store_put(batch, PAWL_STORE_INFRA, pawl_store_id(0),
					(struct pawl_slice){"no head", 7}),
			 0);
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	pawl_store_close(store);
	up();
	expect("engine.store", WARNING, "nothing of what is stored counts: ");
	expect_nothing();
	pawl_notices_unsubscribe(told);
	down();
	pawl_store_disk_destroy(disk);
}

static int remove_it(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	(void)value;
	assert_int_equal(pawl_store_remove(arg, PAWL_STORE_DATA, key), 0);
	return 0;
}

/* The same bytes, of a version that comes later. */
static int make_unknown(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	uint64_t seed = eng_frame_seed(PAWL_STORE_DATA, key);
	unsigned char *bytes = pawl_mem_alloc(value.len, 0);
	struct eng_writer writer = eng_writer_on(bytes, 8);

	memcpy(bytes, value.ptr, value.len);
	bytes[8]++;
	eng_write_fixed64(&writer, pawl_hash_bytes(bytes + 8, value.len - 8, seed));
	assert_int_equal(pawl_store_put(arg, PAWL_STORE_DATA, key,
					(struct pawl_slice){bytes, value.len}),
			 0);
	pawl_mem_free(bytes, value.len, 0);
	return 0;
}

/* Whatever is met after the first: it is told of once. */
static void told_once(pawl_store_fn *damage, const char *words)
{
	struct pawl_store_batch *batch;
	struct pawl_store_view *view;

	assert_int_equal(pawl_store_disk_create(&disk), 0);
	up();
	for (uint64_t i = 0; i < 5; i++)
		ask(i);
	pawl_notices_unsubscribe(told);
	down();
	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &store), 0);
	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	assert_int_equal(
		pawl_store_scan(view, PAWL_STORE_DATA, pawl_store_id(0), damage, batch), 0);
	pawl_store_view_end(view);
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	pawl_store_close(store);
	up();
	expect_nothing();
	for (uint64_t i = 0; i < 5; i++)
		ask(i);
	expect("engine.store", WARNING, words);
	expect_nothing();
	pawl_notices_unsubscribe(told);
	down();
	pawl_store_disk_destroy(disk);
}

/* Records that are not there, or damaged. */
static void case_lost(void **state)
{
	(void)state;
	told_once(
		remove_it,
		"damaged or missing, of 0 of another version: all that is stored is computed again");
}

/* Of a form that a later version of the engine writes. */
static void case_unknown(void **state)
{
	(void)state;
	told_once(make_unknown, "records of 0 tasks are damaged or missing, of ");
}

static int root_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)context, (void)args, (void)ret_output;
	return 0;
}

/* What has no name is not kept: each engine says so, once. */
static void case_unnamed(void **state)
{
	pawl_ref_t root;

	(void)state;
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	for (unsigned i = 0; i < 2; i++) {
		up();
		expect_nothing();
		for (unsigned at = 0; at < 3; at++)
			assert_int_equal((at == 1 ? pawl_engine_spawn_once
						  : pawl_engine_spawn_root)(
						 fr_engine, root_body, NULL, NULL, &root),
					 0);
		expect("engine.store", INFO, "roots have no name");
		assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
		expect_nothing();
		pawl_notices_unsubscribe(told);
		down();
	}
	pawl_store_disk_destroy(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_snapshots), cmocka_unit_test(case_failures),
		cmocka_unit_test(case_opened),	  cmocka_unit_test(case_lost),
		cmocka_unit_test(case_unknown),	  cmocka_unit_test(case_unnamed),
	};

	return t_run("tell", tests);
}
