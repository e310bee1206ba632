/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stored.c - an engine with a budget of memory, and a store in memory.
 */
#include "stored.h"

#include "../../engine/engine.h"
#include "../../engine/graph/context.h"
#include "../../engine/persist/faults.h"

struct pawl_store *st_store;
struct pawl_state *st_states[ST_STATES];

static struct pawl_store_disk *disk;

/* ---- on the main thread ------------------------------------------------------------------------ */

void st_again(struct pawl_engine_options options)
{
	options.workers = 2;
	options.storage = st_store ? PAWL_STORAGE_READ_WRITE : PAWL_STORAGE_NONE;
	options.store = st_store;
	options.snapshot_first_ns = options.snapshot_interval_ns = options.snapshot_idle_ns =
		PAWL_FOREVER;
	fr_open(options);
	for (unsigned i = 0; i < ST_STATES; i++)
		st_states[i] = fr_state(fr_value_of(&st_number, 0));
	st_ran_clear();
}

void st_up(struct pawl_engine_options options, enum st_on on)
{
	disk = NULL;
	st_store = NULL;
	if (on != ST_NOWHERE) {
		assert_int_equal(pawl_store_disk_create(&disk), 0);
		assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &st_store), 0);
	}
	if (on == ST_FAULTY)
		assert_int_equal(eng_store_fault(st_store, t_random(), &st_store), 0);
	st_again(options);
}

void st_down(void)
{
	fr_down();
	if (!st_store)
		return;
	pawl_store_close(st_store);
	pawl_store_disk_destroy(disk);
}

void st_set(unsigned n, int64_t number)
{
	assert_int_equal(pawl_state_set(st_states[n], fr_value_of(&st_number, number)), 0);
}

void st_save(void)
{
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	assert_int_equal(pawl_engine_snapshot(fr_engine, NULL), 0);
}

int64_t st_ask(const struct pawl_function *function, uint64_t n)
{
	return fr_ask(function, &n);
}

struct who {
	const struct pawl_function *function;
	uint64_t n;
	pawl_ref_t ref;
};

static int who_visit(struct pawl_context *context, void *arg)
{
	struct who *who = arg;
	int64_t number;
	int error = pawl_call(context, who->function, &who->n, &who->ref);

	return error ? error : fr_get(context, who->ref, PAWL_READ_STRONG, &number);
}

eng_id st_id_of(const struct pawl_function *function, uint64_t n)
{
	struct who who = {function, n, PAWL_REF_NONE};

	assert_int_equal(pawl_engine_run(fr_engine, who_visit, &who), 0);
	return eng_ref_task(who.ref);
}

/* ---- anywhere ----------------------------------------------------------------------------------- */

bool st_is_out(eng_id id)
{
	return pawl_slots_state(fr_engine->graph->tables[0], id) == PAWL_SLOT_EVICTED;
}

struct pawl_engine_memory st_memory(void)
{
	struct pawl_engine_memory memory;

	pawl_engine_memory_read(fr_engine, &memory);
	return memory;
}

/* ---- tasks -------------------------------------------------------------------------------------- */

const struct pawl_value_type st_number = {
	.size = sizeof(st_number), .name = "number", .version = 1, .flags = PAWL_VALUE_PLAIN};
const struct pawl_value_type st_staying = {.size = sizeof(st_staying),
					   .name = "staying",
					   .version = 1,
					   .flags = PAWL_VALUE_PLAIN | PAWL_VALUE_STAYS};
const struct pawl_value_type st_handle = PAWL_VALUE_TYPE("handle");

size_t st_encode(const void *payload, size_t bytes, void *into, size_t room)
{
	if (bytes <= room)
		memcpy(into, payload, bytes);
	return bytes;
}

int st_decode(const struct pawl_value_type *type, const void *from, size_t bytes,
	      struct pawl_value **ret_value)
{
	return pawl_value_of(type, from, bytes, ret_value);
}

static struct pawl_atomic_u32 ran[ST_KINDS];

void st_ran(enum st_kind kind)
{
	pawl_add_relaxed(&ran[kind], 1u);
}

unsigned st_ran_now(enum st_kind kind)
{
	return pawl_xchg_acq_rel(&ran[kind], 0u);
}

void st_ran_clear(void)
{
	for (unsigned i = 0; i < ST_KINDS; i++)
		(void)st_ran_now((enum st_kind)i);
}

int st_give_large(struct pawl_context *context, const struct pawl_value_type *type,
		  int64_t number, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_value_create(type, ST_LARGE, &value);

	if (error)
		return error;
	memcpy(pawl_value_payload(value), &number, sizeof(number));
	return pawl_cell(context, value, ret_output);
}

static int input_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = fr_look(context, st_states[*(const uint64_t *)args % ST_STATES], &number);

	st_ran(ST_INPUT);
	return error ? error : fr_give_of(context, &st_number, number, ret_output);
}
const struct pawl_function st_input = {sizeof(st_input), "input",	   1,	 0,
				       input_body,	 sizeof(uint64_t), NULL, 0};

static int pure_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = *(const uint64_t *)args, below = n - 1;
	int64_t number = 0;
	int error = n ? fr_call(context, &st_pure, &below, 0, &number) : 0;

	st_ran(ST_PURE);
	return error ? error : fr_give_of(context, &st_number, number + 2, ret_output);
}
const struct pawl_function st_pure = {sizeof(st_pure), "pure",		 1,    0,
				      pure_body,       sizeof(uint64_t), NULL, 0};

static int odd_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	st_ran(ST_ODD);
	return fr_give_of(context, *(const uint64_t *)args ? &st_staying : &st_handle, 7,
			  ret_output);
}
const struct pawl_function st_odd = {sizeof(st_odd),   "odd", 1, 0, odd_body,
				     sizeof(uint64_t), NULL,  0};
