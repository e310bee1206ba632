/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conform.c - the harness of the conformance cases.
 */
#include "conform.h"

#include <stdio.h>
#include <pthread.h>
#include <stdlib.h>

#include "../../engine/engine.h"
#include "../../engine/graph/backing.h"
#include "../../engine/graph/evict.h"

#define STATES_MOST 256
#define TYPES_MOST  16
#define OFTEN_NS    UINT64_C(2000000)
/* Never near: what leaves is what the harness has leave. */
#define MEMORY_BYTES (UINT64_C(1) << 40)

struct pawl_engine *cf_engine;
bool cf_stored, cf_snapshots_often = true, cf_evicts = true;
const char cf_in_memory_only = 1;

static struct pawl_state *states[STATES_MOST];
static size_t states_n;

static struct pawl_store_disk *disk;
static struct pawl_store *store;
static const struct cf_tables *present;

const struct pawl_value_type cf_number = {
	.size = sizeof(cf_number), .name = "number", .version = 1, .flags = PAWL_VALUE_PLAIN};

/* ---- engines ------------------------------------------------------------------------ */

static void disk_make(void)
{
	if (cf_stored)
		assert_int_equal(pawl_store_disk_create(&disk), 0);
}

static void disk_drop(void)
{
	pawl_store_disk_destroy(disk);
	disk = NULL;
}

/* ---- whatever may leave memory does, all the while ------------------------------------ */

static pthread_t evictor;
static struct pawl_atomic_u32 evictor_ends;

static void *evict_often(void *arg)
{
	const struct timespec pause = {0, OFTEN_NS / 2};

	(void)arg;
	assert_int_equal(pawl_thread_attach("evictor"), 0);
	while (!pawl_load_acquire(&evictor_ends)) {
		(void)eng_evict_all(cf_engine->graph);
		pawl_rcu_idle_enter();
		nanosleep(&pause, NULL);
		pawl_rcu_idle_leave();
	}
	pawl_thread_detach();
	return NULL;
}

static void evictor_start(void)
{
	if (!cf_stored || !cf_snapshots_often || !cf_evicts)
		return;
	pawl_store_release(&evictor_ends, 0u);
	assert_int_equal(pthread_create(&evictor, NULL, evict_often, NULL), 0);
}

static void evictor_stop(void)
{
	if (!cf_stored || !cf_snapshots_often || !cf_evicts)
		return;
	pawl_store_release(&evictor_ends, 1u);
	assert_int_equal(pthread_join(evictor, NULL), 0);
}

static void engine_open(const struct cf_tables *tables)
{
	const struct pawl_value_type *types[TYPES_MOST] = {&cf_number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	assert_true(tables->types_n < TYPES_MOST);
	for (size_t i = 0; i < tables->types_n; i++)
		types[i + 1] = tables->types[i];
	options.workers = tables->workers ? tables->workers : 2;
	options.functions = tables->functions;
	options.functions_n = tables->functions_n;
	options.types = types;
	options.types_n = tables->types_n + 1;
	options.traits = tables->traits;
	options.traits_n = tables->traits_n;
	if (cf_stored) {
		assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &store), 0);
		options.storage = PAWL_STORAGE_READ_WRITE;
		options.store = store;
		options.snapshot_first_ns = options.snapshot_interval_ns =
			options.snapshot_idle_ns = cf_snapshots_often ? OFTEN_NS : PAWL_FOREVER;
	}
	present = tables;
	if (cf_stored)
		options.memory_bytes = MEMORY_BYTES;
	assert_int_equal(pawl_engine_open(&options, &cf_engine), 0);
	evictor_start();
}

static void engine_close(void)
{
	evictor_stop();
	assert_int_equal(pawl_engine_close(cf_engine), 0);
	while (states_n)
		pawl_state_unpin(states[--states_n]);
	pawl_store_close(store);
	store = NULL;
}

/* What is in the store, without anybody who asks for it. */
static void look_into_store(const struct cf_tables *tables)
{
	struct pawl_engine_store_stats stats;
	struct pawl_engine_stats runs;

	if (!cf_stored)
		return;
	engine_open(tables);
	eng_restore_all(cf_engine->graph);
	cf_settle();
	assert_int_equal(pawl_engine_store_stats_read(cf_engine, &stats), 0);
	assert_int_equal(stats.lost, 0);
	pawl_engine_stats_read(cf_engine, &runs);
	assert_int_equal(runs.runs, 0);
	engine_close();
}

void cf_open(const struct cf_tables *tables)
{
	disk_make();
	engine_open(tables);
}

void cf_restart(void)
{
	const struct cf_tables *tables = present;

	assert_true(cf_stored);
	cf_settle();
	engine_close();
	engine_open(tables);
}

static int count_row(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	(void)key, (void)value;
	++*(uint64_t *)arg;
	return 0;
}

uint64_t cf_rows(enum pawl_store_space space)
{
	struct pawl_store_key first = {0, 0};
	struct pawl_store_view *view;
	uint64_t rows = 0;

	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	assert_int_equal(pawl_store_scan(view, space, first, count_row, &rows), 0);
	pawl_store_view_end(view);
	return rows;
}

void cf_settle(void)
{
	char text[256];

	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	if (pawl_engine_verify(cf_engine, text, sizeof(text)))
		fail_msg("%s", text);
	t_step();
}

void cf_close(void)
{
	const struct cf_tables *tables = present;

	cf_settle();
	engine_close();
	look_into_store(tables);
	disk_drop();
}

void cf_abandon(void)
{
	engine_close();
	disk_drop();
}

void cf_thrice(const struct cf_tables *tables, void (*body)(unsigned run))
{
	cf_open(tables);
	body(0);
	cf_settle();
	body(1);
	cf_settle();
	engine_close();
	engine_open(tables);
	body(2);
	cf_close();
}

void cf_once(const struct cf_tables *tables, void (*body)(unsigned run))
{
	cf_open(tables);
	body(0);
	cf_close();
}

/* ---- cases, in memory and with a store ------------------------------------------------ */

static void in_memory(void **state)
{
	const struct CMUnitTest *test = *state;

	cf_stored = false;
	test->test_func(state);
}

static void stored(void **state)
{
	const struct CMUnitTest *test = *state;

	cf_stored = true;
	test->test_func(state);
}

int cf_run_group(const char *name, const struct CMUnitTest *cases, size_t count)
{
	struct CMUnitTest *both = calloc(count * 2, sizeof(*both));
	char(*names)[128] = calloc(count, sizeof(*names));
	size_t n = count;
	int failed;

	if (!both || !names)
		abort();
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "%s_stored", cases[i].name);
		both[i].name = cases[i].name;
		both[i].test_func = in_memory;
		both[i].initial_state = (void *)(uintptr_t)&cases[i];
		if (cases[i].initial_state == &cf_in_memory_only)
			continue;
		both[n] = both[i];
		both[n].name = names[i];
		both[n++].test_func = stored;
	}
	failed = t_run_group(name, both, n);
	free(names);
	free(both);
	return failed;
}

/* ---- numbers -------------------------------------------------------------------------- */

struct pawl_value *cf_value(int64_t number)
{
	struct pawl_value *value;

	t_check(!pawl_value_of(&cf_number, &number, sizeof(number), &value));
	return value;
}

int64_t cf_number_of(const struct pawl_value *value)
{
	int64_t number;

	t_check(pawl_value_type_of(value) == &cf_number);
	memcpy(&number, pawl_value_payload(value), sizeof(number));
	return number;
}

int cf_give(struct pawl_context *context, int64_t number, pawl_ref_t *ret_output)
{
	return pawl_cell(context, cf_value(number), ret_output);
}

int cf_get(struct pawl_context *context, pawl_ref_t ref, uint32_t flags, int64_t *ret_number)
{
	struct pawl_value *value;
	int error = pawl_read(context, ref, flags, &value, NULL);

	if (error)
		return error;
	*ret_number = cf_number_of(value);
	pawl_value_unpin(value);
	return 0;
}

int cf_call(struct pawl_context *context, const struct pawl_function *function,
	    const void *args, int64_t *ret_number)
{
	pawl_ref_t ref;
	int error = pawl_call(context, function, args, &ref);

	return error ? error : cf_get(context, ref, 0, ret_number);
}

/* ---- asking from outside ---------------------------------------------------------------- */

struct ask {
	const struct pawl_function *function;
	const void *args;
	uint32_t flags;
	int64_t number;
	char *text;
	size_t len;
};

static int ask_visit(struct pawl_context *context, void *arg)
{
	struct ask *ask = arg;
	const struct pawl_error *failure = NULL;
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, ask->function, ask->args, &ref);

	if (!error)
		error = pawl_read(context, ref, ask->flags, &value, &failure);
	if (!error) {
		ask->number = cf_number_of(value);
		pawl_value_unpin(value);
	}
	if (failure)
		(void)pawl_error_describe(failure, ask->text, ask->len);
	return error;
}

static int64_t ask_well(const struct pawl_function *function, const void *args, uint32_t flags)
{
	char text[512] = "";
	struct ask ask = {function, args, flags, -1, text, sizeof(text)};
	int error = pawl_engine_run(cf_engine, ask_visit, &ask);

	if (error)
		fail_msg("%s: %d %s", function->name, error, text);
	t_step();
	return ask.number;
}

int64_t cf_ask(const struct pawl_function *function, const void *args)
{
	return ask_well(function, args, PAWL_READ_STRONG);
}

int64_t cf_ask_eventual(const struct pawl_function *function, const void *args)
{
	return ask_well(function, args, 0);
}

int cf_ask_error(const struct pawl_function *function, const void *args, char *text, size_t len)
{
	struct ask ask = {function, args, PAWL_READ_STRONG, -1, text, len};

	*text = 0;
	return pawl_engine_run(cf_engine, ask_visit, &ask);
}

void cf_visit(pawl_visit_fn *fn, void *arg)
{
	assert_int_equal(pawl_engine_run(cf_engine, fn, arg), 0);
	t_step();
}

static int read_visit(struct pawl_context *context, void *arg)
{
	struct cf_reading *reading = arg;
	const struct pawl_error *failure = NULL;
	struct pawl_value *value;

	reading->error = pawl_read(context, reading->ref, PAWL_READ_STRONG, &value, &failure);
	if (failure)
		(void)pawl_error_describe(failure, reading->text, sizeof(reading->text));
	if (!reading->error) {
		reading->number = cf_number_of(value);
		pawl_value_unpin(value);
	}
	return 0;
}

void cf_read(struct cf_reading *reading)
{
	cf_visit(read_visit, reading);
}

/* ---- states -------------------------------------------------------------------------------- */

struct cf_state cf_state_make(int64_t number)
{
	struct pawl_state *state;

	t_check(states_n < STATES_MOST);
	t_check(!pawl_state_create(cf_engine, cf_value(number), &state));
	states[states_n++] = state;
	return (struct cf_state){states_n};
}

struct pawl_state *cf_state_of(struct cf_state state)
{
	t_check(state.state && state.state <= STATES_MOST);
	return states[state.state - 1];
}

void cf_state_set(struct cf_state state, int64_t number)
{
	t_check(!pawl_state_set(cf_state_of(state), cf_value(number)));
}

int cf_state_get(struct pawl_context *context, struct cf_state state, int64_t *ret_number)
{
	struct pawl_value *value;
	int error = pawl_state_get(context, cf_state_of(state), &value);

	if (error)
		return error;
	*ret_number = cf_number_of(value);
	pawl_value_unpin(value);
	return 0;
}

/* ---- gates ------------------------------------------------------------------------------------ */

void cf_gate_init(struct cf_gate *gate)
{
	pawl_init_word(&gate->arrived, 0u);
	pawl_init_word(&gate->open, 0u);
	pawl_event_init(&gate->changed);
}

int cf_gate_pass(struct cf_gate *gate)
{
	int error = 0;

	pawl_add_release(&gate->arrived, 1u);
	pawl_event_notify_all(&gate->changed);
	while (!error && !pawl_load_acquire(&gate->open)) {
		struct pawl_listener listener;

		pawl_event_listen(&gate->changed, &listener, "gate", 0);
		if (pawl_load_acquire(&gate->open)) {
			pawl_event_unlisten(&listener);
			break;
		}
		error = pawl_wait(&listener, PAWL_FOREVER);
	}
	return error == -ECANCELED ? error : 0;
}

void cf_gate_wait(struct cf_gate *gate, unsigned arrived)
{
	while (pawl_load_acquire(&gate->arrived) < arrived) {
		struct pawl_listener listener;

		pawl_event_listen(&gate->changed, &listener, "gate", 0);
		if (pawl_load_acquire(&gate->arrived) >= arrived) {
			pawl_event_unlisten(&listener);
			break;
		}
		t_check(!pawl_wait(&listener, PAWL_FOREVER));
	}
}

void cf_gate_open(struct cf_gate *gate)
{
	pawl_store_release(&gate->open, 1u);
	pawl_event_notify_all(&gate->changed);
}
