/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-closing.c - an engine is closed while tasks run: what they make of being refused is no result.
 */
#include "frame.h"

#include <errno.h>

#include <pawl/store.h>

#include "../../engine/engine.h"
#include "../../engine/graph/backing.h"

static struct pawl_store_disk *disk;
static struct pawl_store *store;
static const struct pawl_value_type number_type = {
	.size = sizeof(number_type), .name = "number", .version = 1, .flags = PAWL_VALUE_PLAIN};

/* ---- functions ------------------------------------------------------------------------------ */

/* 1: who calls or reads goes on until the engine stops. */
static struct pawl_atomic_u32 stays;
static struct fr_gate started;
static struct pawl_atomic_u32 runs;

struct one {
	uint64_t n;
};

static int give(struct pawl_context *context, uint64_t number, pawl_ref_t *ret_output)
{
	return fr_give_of(context, &number_type, (int64_t)number, ret_output);
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
	fr_gate_arrive(&started);
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
	fr_gate_arrive(&started);
	/* Ends: an engine that stops refuses calls. */
	while (!pawl_call(context, &leaf, args, &ref))
		(void)pawl_yield();
	return give(context, 2, ret_output);
}
static const struct pawl_function caller = {sizeof(caller), "caller",		1,    0,
					    caller_body,    sizeof(struct one), NULL, 0};

static int reader_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	pawl_ref_t ref;
	int error = pawl_call(context, &lasting, args, &ref);

	pawl_add_relaxed(&runs, 1u);
	if (!error)
		error = fr_get(context, ref, 0, &number);
	return give(context, error ? 2 : 1, ret_output);
}
static const struct pawl_function reader = {sizeof(reader), "reader",		1,    0,
					    reader_body,    sizeof(struct one), NULL, 0};

/* While the engine stops something turns out to be lost, and is not summed up anew any more; then it reads strongly. */
static struct pawl_atomic_u32 came_of_it;

static int loser_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	pawl_ref_t ref;
	int error = pawl_call(context, &leaf, args, &ref);

	pawl_add_relaxed(&runs, 1u);
	if (!error)
		error = fr_get(context, ref, PAWL_READ_STRONG, &number);
	if (error || !pawl_load_relaxed(&stays))
		return error ? error : give(context, 1, ret_output);
	fr_gate_arrive(&started);
	while (!pawl_yield())
		;
	/* As a record that is damaged. */
	eng_restore_twice(fr_engine->graph);
	error = fr_get(context, ref, PAWL_READ_STRONG, &number);
	pawl_store_relaxed(&came_of_it, (uint32_t)-error);
	return give(context, 2, ret_output);
}
static const struct pawl_function loser = {sizeof(loser),      "loser", 1, 0, loser_body,
					   sizeof(struct one), NULL,	0};

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
								&reader, &loser};
	static const struct pawl_value_type *const types[] = {&number_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	options.workers = 2;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	options.log = note;
	options.verify = verify;
	if (stored) {
		assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &store), 0);
		options.store = store;
		options.storage = PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN;
	}
	pawl_init_word(&runs, 0u);
	fr_gate_init(&started);
	said_n = 0;
	fr_open(options);
}

static void down(void)
{
	fr_close();
	if (store)
		pawl_store_close(store);
	store = NULL;
}

static int ask(const struct pawl_function *function)
{
	const struct one one = {7};

	return (int)fr_ask(function, &one);
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
	assert_int_equal(pawl_engine_spawn_root(fr_engine, begin_root, &begun, NULL, &root), 0);
	(void)fr_gate_await(&started, 1);
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

/* Nobody waits for that: the body ends, and the next process finds the same. */
static void case_lost_while_it_stops(void **unused)
{
	(void)unused;
	pawl_init_word(&came_of_it, 0u);
	refused(&loser);
	assert_int_equal(pawl_load_relaxed(&came_of_it), ECANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_call_refused),
		cmocka_unit_test(case_read_refused),
		cmocka_unit_test(case_lost_while_it_stops),
	};

	return t_run("closing", tests);
}
