/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-closing.c - an engine is closed while tasks run: what they make of being refused is no result.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>
#include <pawl/atomic.h>
#include <pawl/engine.h>
#include <pawl/store.h>

#include "../../engine/engine.h"

static struct pawl_store_disk *disk;
static struct pawl_store *store;
static struct pawl_engine *engine;
static const struct pawl_value_type number_type = {
	.size = sizeof(number_type), .name = "number", .version = 1, .flags = PAWL_VALUE_PLAIN};

/* ---- functions ------------------------------------------------------------------------------ */

/* 1: who calls or reads goes on until the engine stops. */
static struct pawl_atomic_u32 stays;
static struct pawl_event started;
static struct pawl_atomic_u32 started_n, runs;

struct one {
	uint64_t n;
};

static int give(struct pawl_context *context, uint64_t number, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_value_of(&number_type, &number, sizeof(number), &value);

	return error ? error : pawl_cell(context, value, ret_output);
}

static void note_started(void)
{
	pawl_add_relaxed(&started_n, 1u);
	pawl_event_notify_all(&started);
}

static int leaf_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;

	return give(context, one->n, ret_output);
}
static const struct pawl_function leaf = {sizeof(leaf),	      "leaf", 1, 0, leaf_body,
					  sizeof(struct one), NULL,   0};

/* It ends when it is asked to. */
static int long_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	if (!pawl_load_relaxed(&stays))
		return leaf_body(context, args, ret_output);
	note_started();
	while (!pawl_yield())
		;
	return -ECANCELED;
}
static const struct pawl_function lasting = {sizeof(lasting), "lasting",	  1,	0,
					     long_body,	      sizeof(struct one), NULL, 0};

/* Does without what it is refused. */
static int caller_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	pawl_ref_t ref;

	pawl_add_relaxed(&runs, 1u);
	if (!pawl_load_relaxed(&stays))
		return give(context, 1, ret_output);
	note_started();
	/* Ends: an engine that stops refuses calls. */
	while (!pawl_call(context, &leaf, args, &ref))
		(void)pawl_yield();
	return give(context, 2, ret_output);
}
static const struct pawl_function caller = {sizeof(caller), "caller",		1,    0,
					    caller_body,    sizeof(struct one), NULL, 0};

static int reader_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, &lasting, args, &ref);

	pawl_add_relaxed(&runs, 1u);
	if (!error)
		error = pawl_read(context, ref, 0, &value, NULL);
	if (!error)
		pawl_value_unpin(value);
	return give(context, error ? 2 : 1, ret_output);
}
static const struct pawl_function reader = {sizeof(reader), "reader",		1,    0,
					    reader_body,    sizeof(struct one), NULL, 0};

/* ---- up and down ------------------------------------------------------------------------------ */

static unsigned said_n;

static void note(void *arg, enum pawl_severity severity, const char *line)
{
	(void)arg;
	(void)severity;
	said_n += strstr(line, "a sum is wrong") != NULL;
}

static void up(bool stored, enum pawl_verify verify)
{
	static const struct pawl_function *const functions[] = {&leaf, &lasting, &caller,
								&reader};
	static const struct pawl_value_type *const types[] = {&number_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	options.workers = 2;
	options.functions = functions;
	options.functions_n = 4;
	options.types = types;
	options.types_n = 1;
	options.log = note;
	options.verify = verify;
	if (stored) {
		assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &store), 0);
		options.store = store;
		options.storage = PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN;
	}
	pawl_init_word(&runs, 0u);
	pawl_init_word(&started_n, 0u);
	pawl_event_init(&started);
	said_n = 0;
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
}

static void down(void)
{
	assert_int_equal(pawl_engine_close(engine), 0);
	if (store)
		pawl_store_close(store);
	store = NULL;
}

static void wait_started(void)
{
	while (!pawl_load_relaxed(&started_n)) {
		struct pawl_listener listener;

		pawl_event_listen(&started, &listener, "started", 0);
		if (pawl_load_relaxed(&started_n))
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
}

static int ask_visit(struct pawl_context *context, void *arg)
{
	const struct pawl_function *const *function = arg;
	struct pawl_value *value;
	struct one one = {7};
	pawl_ref_t ref;
	uint64_t number;
	int error = pawl_call(context, *function, &one, &ref);

	if (!error)
		error = pawl_read(context, ref, PAWL_READ_STRONG, &value, NULL);
	if (error)
		return error;
	memcpy(&number, pawl_value_payload(value), sizeof(number));
	pawl_value_unpin(value);
	return (int)number;
}

static int ask(const struct pawl_function *function)
{
	return pawl_engine_run(engine, ask_visit, &function);
}

/* ---- cases -------------------------------------------------------------------------------------- */

static const struct pawl_function *begun;

static int begin_root(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct pawl_function *const *function = arg;
	struct one one = {7};

	return pawl_call(context, *function, &one, ret_output);
}

/* What it gave when the engine stopped is not saved. */
static void refused(const struct pawl_function *function)
{
	pawl_ref_t root;

	begun = function;
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	pawl_init_word(&stays, 1u);
	up(true, PAWL_VERIFY_DEFAULT);
	assert_int_equal(pawl_engine_spawn_root(engine, begin_root, &begun, NULL, &root), 0);
	wait_started();
	down();
	assert_int_equal(pawl_load_relaxed(&runs), 1);
	pawl_init_word(&stays, 0u);
	up(true, PAWL_VERIFY_DEFAULT);
	assert_int_equal(ask(function), 1);
	assert_int_equal(pawl_load_relaxed(&runs), 1);
	down();
	assert_int_equal(said_n, 0);
	pawl_store_disk_destroy(disk);
}

static void case_call_refused(void **unused)
{
	(void)unused;
	refused(&caller);
}

static void case_read_refused(void **unused)
{
	(void)unused;
	refused(&reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_call_refused),
		cmocka_unit_test(case_read_refused),
	};

	return t_run("closing", tests);
}
