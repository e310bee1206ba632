/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-budget.c - records leave memory and come back: what stays, and that nobody can tell.
 */
#include "harness.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <pawl.h>
#include <pawl/engine.h>
#include <pawl/state.h>
#include <pawl/store.h>

#include "../../engine/engine.h"
#include "../../engine/graph/bag.h"
#include "../../engine/graph/context.h"
#include "../../engine/graph/evict.h"
#include "../../engine/graph/pairs.h"
#include "../../engine/memory.h"
#include "../../engine/persist/faults.h"
#include "../../engine/persist/persist.h"

/* Never near: what leaves is what a case has leave. */
#define NEVER_NEAR (UINT64_C(1) << 40)
#define MOST	   64u

static struct pawl_store_disk *disk;
static struct pawl_store *store;
static struct pawl_engine *engine;
static uint64_t budget_bytes = NEVER_NEAR;
static struct pawl_state *states[MOST];

enum kind { INPUT, MIDDLE, TOP, PURE, ODD, KINDS };
static struct pawl_atomic_u32 ran[KINDS];

/* ---- functions -------------------------------------------------------------------------------- */

static const struct pawl_value_type number_type = {
	.size = sizeof(number_type), .name = "number", .version = 1, .flags = PAWL_VALUE_PLAIN};
static const struct pawl_value_type handle_type = PAWL_VALUE_TYPE("handle");
static const struct pawl_value_type staying_type = {.size = sizeof(staying_type),
						    .name = "staying",
						    .version = 1,
						    .flags = PAWL_VALUE_PLAIN |
							     PAWL_VALUE_STAYS};

static int give(struct pawl_context *context, const struct pawl_value_type *type,
		int64_t number, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_value_of(type, &number, sizeof(number), &value);

	return error ? error : pawl_cell(context, value, ret_output);
}

static int get(struct pawl_context *context, const struct pawl_function *function, uint64_t n,
	       uint32_t flags, int64_t *ret_number)
{
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, function, &n, &ref);

	if (!error)
		error = pawl_read(context, ref, flags, &value, NULL);
	if (error)
		return error;
	*ret_number = *(const int64_t *)pawl_value_payload(value);
	pawl_value_unpin(value);
	return 0;
}

static void count(enum kind kind)
{
	pawl_add_relaxed(&ran[kind], 1u);
}

static unsigned counted(enum kind kind)
{
	return pawl_xchg_acq_rel(&ran[kind], 0u);
}

static int input_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_state_get(context, states[*(const uint64_t *)args % MOST], &value);
	int64_t number;

	count(INPUT);
	if (error)
		return error;
	number = *(const int64_t *)pawl_value_payload(value);
	pawl_value_unpin(value);
	return give(context, &number_type, number, ret_output);
}

static const struct pawl_function input = {sizeof(input), "input",	    1,	  0,
					   input_body,	  sizeof(uint64_t), NULL, 0};

static int middle_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = get(context, &input, *(const uint64_t *)args, 0, &number);

	count(MIDDLE);
	return error ? error : give(context, &number_type, number + 1, ret_output);
}

static const struct pawl_function middle = {sizeof(middle), "middle",	      1,    0,
					    middle_body,    sizeof(uint64_t), NULL, 0};

/* Of the first so many. */
static int top_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = *(const uint64_t *)args;
	int64_t number, sum = 0;
	int error = 0;

	count(TOP);
	for (uint64_t i = 0; i < n && !error; i++) {
		error = get(context, &middle, i, 0, &number);
		sum += error ? 0 : number;
	}
	return error ? error : give(context, &number_type, sum, ret_output);
}

static const struct pawl_function top = {sizeof(top),	   "top", 1, 0, top_body,
					 sizeof(uint64_t), NULL,  0};

/* 0: nothing below it. Each of the others reads the one before. */
static int pure_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output);
static const struct pawl_function pure = {sizeof(pure), "pure",		  1,	0,
					  pure_body,	sizeof(uint64_t), NULL, 0};
static int pure_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = *(const uint64_t *)args;
	int64_t number = 0;
	int error = n ? get(context, &pure, n - 1, 0, &number) : 0;

	count(PURE);
	return error ? error : give(context, &number_type, number + 2, ret_output);
}

/* 0: a value without a codec; 1: one that says that it stays. */
static int odd_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	count(ODD);
	return give(context, *(const uint64_t *)args ? &staying_type : &handle_type, 7,
		    ret_output);
}
static const struct pawl_function odd = {sizeof(odd),	   "odd", 1, 0, odd_body,
					 sizeof(uint64_t), NULL,  0};

static int stateful_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	count(ODD);
	pawl_mark_stateful(context);
	return give(context, &number_type, *(const int64_t *)args, ret_output);
}
static const struct pawl_function stateful = {sizeof(stateful), "stateful",	  1,	0,
					      stateful_body,	sizeof(uint64_t), NULL, 0};

/* Values of 64 KiB; with `n` odd also one without a codec. */
#define LARGE 65536u
static int large_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = *(const uint64_t *)args;
	struct pawl_value *value;
	int error = pawl_value_create(n % 2 ? &handle_type : &number_type, LARGE, &value);

	count(ODD);
	if (error)
		return error;
	*(int64_t *)pawl_value_payload(value) = (int64_t)n;
	return pawl_cell(context, value, ret_output);
}
static const struct pawl_function large = {sizeof(large), "large",	    1,	  0,
					   large_body,	  sizeof(uint64_t), NULL, 0};

/* ---- engines ---------------------------------------------------------------------------------- */

static void state_set(unsigned n, int64_t number)
{
	struct pawl_value *value;

	assert_int_equal(pawl_value_of(&number_type, &number, sizeof(number), &value), 0);
	assert_int_equal(pawl_state_set(states[n], value), 0);
}

static void up_on(struct pawl_store *on)
{
	static const struct pawl_function *const functions[] = {&input, &middle,   &top,  &pure,
								&odd,	&stateful, &large};
	static const struct pawl_value_type *const types[] = {&number_type, &handle_type,
							      &staying_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	int64_t zero = 0;

	options.workers = 2;
	options.functions = functions;
	options.functions_n = sizeof(functions) / sizeof(*functions);
	options.types = types;
	options.types_n = sizeof(types) / sizeof(*types);
	options.storage = on ? PAWL_STORAGE_READ_WRITE : PAWL_STORAGE_NONE;
	options.store = on;
	options.snapshot_first_ns = options.snapshot_interval_ns = options.snapshot_idle_ns =
		PAWL_FOREVER;
	options.memory_bytes = budget_bytes;
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
	for (unsigned i = 0; i < MOST; i++) {
		struct pawl_value *value;

		assert_int_equal(pawl_value_of(&number_type, &zero, sizeof(zero), &value), 0);
		assert_int_equal(pawl_state_create(engine, value, &states[i]), 0);
	}
	for (unsigned i = 0; i < KINDS; i++)
		(void)counted((enum kind)i);
}

static void up(bool faulty)
{
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &store), 0);
	if (faulty)
		assert_int_equal(eng_store_fault(store, t_random(), &store), 0);
	up_on(store);
}

static void down(void)
{
	char text[256];

	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	if (pawl_engine_verify(engine, text, sizeof(text)))
		fail_msg("%s", text);
	assert_int_equal(pawl_engine_close(engine), 0);
	for (unsigned i = 0; i < MOST; i++)
		pawl_state_unpin(states[i]);
	pawl_store_close(store);
	pawl_store_disk_destroy(disk);
}

struct ask {
	const struct pawl_function *function;
	uint64_t n;
	int64_t number;
	pawl_ref_t ref;
};

static int ask_visit(struct pawl_context *context, void *arg)
{
	struct ask *one = arg;
	int error = get(context, one->function, one->n, PAWL_READ_STRONG, &one->number);

	return error ? error : pawl_call(context, one->function, &one->n, &one->ref);
}

static int64_t ask(const struct pawl_function *function, uint64_t n)
{
	struct ask one = {function, n, 0, PAWL_REF_NONE};

	assert_int_equal(pawl_engine_run(engine, ask_visit, &one), 0);
	return one.number;
}

static eng_id id_of(const struct pawl_function *function, uint64_t n)
{
	struct ask one = {function, n, 0, PAWL_REF_NONE};

	assert_int_equal(pawl_engine_run(engine, ask_visit, &one), 0);
	return eng_ref_task(one.ref);
}

static void snapshot(void)
{
	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	assert_int_equal(pawl_engine_snapshot(engine, NULL), 0);
}

static bool is_out(eng_id id)
{
	return pawl_slots_state(engine->graph->tables[0], id) == PAWL_SLOT_EVICTED;
}

static uint64_t resident(void)
{
	struct pawl_engine_stats stats;

	pawl_engine_stats_read(engine, &stats);
	return stats.tasks;
}

/* ---- why it stays ------------------------------------------------------------------------------ */

static enum eng_stay stays(eng_id id)
{
	struct eng_quiesce_slot *inside =
		eng_quiesce_enter(engine->graph->quiesce, engine->graph);
	struct eng_node *node = eng_lock(engine->graph, id);
	enum eng_stay stay = eng_stays(engine->graph, node);

	eng_unlock(node);
	eng_quiesce_leave(engine->graph->quiesce, inside);
	return stay;
}

/* With that edge in that field, which is taken out again. It was not there. */
static enum eng_stay stays_with(eng_id id, enum eng_field field, const char *kind, eng_id other)
{
	struct eng_node *node = eng_lock(engine->graph, id);
	struct eng_quiesce_slot *inside;
	struct pawl_crossing crossing;
	union eng_slot *slot;
	enum eng_stay stay;

	assert_null(eng_field(node, field));
	slot = eng_field_make(node, field);
	if (!strcmp(kind, "SET"))
		assert_int_equal(pawl_sset_add(&slot->set, other, NULL), 0);
	else if (!strcmp(kind, "SET64"))
		assert_int_equal(pawl_sset64_add(&slot->set64, UINT64_C(5) << 32 | other, NULL),
				 0);
	else if (!strcmp(kind, "MAP"))
		assert_int_equal(pawl_cmap_add(&slot->map, other, 1, &crossing), 0);
	else if (!strcmp(kind, "PAIRS"))
		(void)eng_pairs_add(&slot->pairs,
				    (struct eng_pair){UINT64_C(5) << 32 | other, 9});
	else if (!strcmp(kind, "BAG"))
		(void)eng_bag_add(&slot->bag, 1, UINT64_C(5) << 32 | other, 1);
	eng_unlock(node);
	inside = eng_quiesce_enter(engine->graph->quiesce, engine->graph);
	node = eng_lock(engine->graph, id);
	stay = eng_stays(engine->graph, node);
	slot = eng_field(node, field);
	if (!strcmp(kind, "SET"))
		pawl_sset_fini(&slot->set);
	else if (!strcmp(kind, "SET64"))
		pawl_sset64_fini(&slot->set64);
	else if (!strcmp(kind, "MAP"))
		pawl_cmap_fini(&slot->map);
	else if (!strcmp(kind, "PAIRS"))
		eng_pairs_free(&slot->pairs);
	else if (!strcmp(kind, "BAG"))
		eng_bag_free(&slot->bag);
	eng_field_drop(node, field);
	eng_unlock(node);
	eng_quiesce_leave(engine->graph->quiesce, inside);
	return stay;
}

/* Of each field: what keeps a record that has it. Edges: to a transient task; to one that is saved nothing does. */
static enum eng_stay expected(enum eng_field field, const char *category, const char *kind,
			      bool transient)
{
	if (strcmp(category, "SESSION"))
		return transient && strcmp(kind, "WORDS") && strcmp(kind, "POINTER")
			       ? ENG_STAY_EDGE
			       : ENG_STAY_NOT;
	switch (field) {
	case ENG_RUN:
		return ENG_STAY_RUN;
	case ENG_ACTIVE:
		return ENG_STAY_ACTIVE;
	case ENG_PINS:
		return ENG_STAY_PINNED;
	case ENG_DIRTY_PRIORITY:
	case ENG_CLEAN_CONTAINERS:
	case ENG_HISTORY:
		return ENG_STAY_NOT;
	default:
		return ENG_STAY_SESSION;
	}
}

static void case_fields(void **state)
{
	static const struct {
		enum eng_field field;
		const char *kind, *category;
	} fields[] = {
#define X(name, kind, category, filtered, shrinks, immutable) {ENG_##name, #kind, #category},
		ENG_FIELDS_TAIL(X)
#undef X
	};
	eng_id id, other;

	(void)state;
	up(false);
	id = id_of(&pure, 0);
	other = id_of(&odd, 0);
	snapshot();
	assert_int_equal(stays(id), ENG_STAY_NOT);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		for (unsigned transient = 0; transient < 2; transient++) {
			enum eng_stay stay =
				stays_with(id, fields[i].field, fields[i].kind,
					   other | (transient ? ENG_TRANSIENT : 0));

			if (stay != expected(fields[i].field, fields[i].category,
					     fields[i].kind, transient))
				fail_msg("field %u: %u", fields[i].field, stay);
		}
	}
	assert_int_equal(stays(id), ENG_STAY_NOT);
	down();
}

static enum eng_stay stays_with_bit(eng_id id, uint32_t bit)
{
	struct eng_node *node = eng_lock(engine->graph, id);
	uint32_t before = node->bits;
	enum eng_stay stay;

	/* The output would have to be one. */
	if (bit != ENG_ERROR)
		node->bits |= bit;
	eng_unlock(node);
	stay = stays(id);
	node = eng_lock(engine->graph, id);
	node->bits = before;
	eng_unlock(node);
	return stay;
}

static void case_bits(void **state)
{
	const uint32_t leave = ENG_DISTANCE | ENG_DIRTY | ENG_SESSION | ENG_ERROR |
			       ENG_SESSION_CLEAN | ENG_CANDIDATE | ENG_INVALIDATOR |
			       ENG_IMMUTABLE | ENG_STILL | ENG_OPTIMIZE | ENG_FOLLOWED |
			       ENG_USED;
	eng_id id;

	(void)state;
	up(false);
	id = id_of(&pure, 0);
	snapshot();
	for (unsigned i = 0; i < 32; i++) {
		uint32_t bit = UINT32_C(1) << i;
		enum eng_stay stay = stays_with_bit(id, bit);

		if (bit & leave				    ? stay != ENG_STAY_NOT
		    : bit & (ENG_NEW | ENG_META | ENG_DATA) ? stay != ENG_STAY_UNSAVED
							    : stay != ENG_STAY_SESSION)
			fail_msg("bit %u: %u", i, stay);
	}
	down();
}

/* Edges and references that stand in the record itself. */
static void case_record(void **state)
{
	struct pawl_crossing crossing;
	struct eng_node *node;
	uint64_t output;
	eng_id id;

	(void)state;
	up(false);
	id = id_of(&pure, 0);
	assert_int_equal(stays(id), ENG_STAY_UNSAVED);
	snapshot();
	node = eng_lock(engine->graph, id);
	assert_int_equal(pawl_cmap_add(&node->uppers, ENG_TRANSIENT | 1, 1, &crossing), 0);
	eng_unlock(node);
	assert_int_equal(stays(id), ENG_STAY_EDGE);
	node = eng_lock(engine->graph, id);
	assert_int_equal(pawl_cmap_add(&node->uppers, ENG_TRANSIENT | 1, -1, &crossing), 0);
	assert_int_equal(pawl_sset_add(&node->output_dependents, ENG_TRANSIENT | 1, NULL), 0);
	eng_unlock(node);
	assert_int_equal(stays(id), ENG_STAY_EDGE);
	node = eng_lock(engine->graph, id);
	assert_true(pawl_sset_remove(&node->output_dependents, ENG_TRANSIENT | 1));
	assert_int_equal(pawl_sset64_add(&node->cell_dependents,
					 UINT64_C(5) << 32 | ENG_TRANSIENT | 1, NULL),
			 0);
	eng_unlock(node);
	assert_int_equal(stays(id), ENG_STAY_EDGE);
	node = eng_lock(engine->graph, id);
	assert_true(pawl_sset64_remove(&node->cell_dependents,
				       UINT64_C(5) << 32 | ENG_TRANSIENT | 1));
	output = node->output;
	node->output = ENG_TRANSIENT | 1;
	eng_unlock(node);
	assert_int_equal(stays(id), ENG_STAY_EDGE);
	node = eng_lock(engine->graph, id);
	node->output = output;
	eng_unlock(node);
	assert_int_equal(stays(id), ENG_STAY_NOT);
	/* A pin of the record: something holds its address. */
	assert_true(pawl_slot_try_pin(&node->slot));
	assert_int_equal(stays(id), ENG_STAY_RUN);
	assert_int_equal(eng_evict_all(engine->graph), 0);
	(void)pawl_slots_unpin(engine->graph->tables[0], &node->slot);
	assert_int_equal(eng_evict_all(engine->graph), 1);
	down();
}

static void case_values(void **state)
{
	eng_id codec, staying, bound, seen;

	(void)state;
	up(false);
	codec = id_of(&odd, 0);
	staying = id_of(&odd, 1);
	bound = id_of(&stateful, 3);
	seen = id_of(&input, 0);
	snapshot();
	assert_int_equal(stays(codec), ENG_STAY_VALUE);
	assert_int_equal(stays(staying), ENG_STAY_VALUE);
	assert_int_equal(stays(bound), ENG_STAY_SESSION);
	/* That it was clean in this session waits for it. */
	assert_int_equal(stays(seen), ENG_STAY_NOT);
	/* The one without a codec is made again, where it is wanted. */
	assert_int_equal(eng_evict_all(engine->graph), 2);
	assert_false(is_out(codec));
	assert_true(is_out(seen));
	(void)counted(ODD);
	assert_int_equal(ask(&odd, 1), 7);
	assert_int_equal(ask(&stateful, 3), 3);
	assert_int_equal(counted(ODD), 0);
	assert_int_equal(ask(&odd, 0), 7);
	assert_int_equal(counted(ODD), 1);
	assert_int_equal(id_of(&input, 0), seen);
	assert_int_equal(counted(INPUT), 1);
	/* With its value gone, nothing keeps it. */
	assert_int_equal(eng_evict_all(engine->graph), 2);
	assert_int_equal(eng_evict_all(engine->graph), 1);
	assert_true(is_out(codec));
	assert_int_equal(ask(&odd, 0), 7);
	assert_int_equal(counted(ODD), 1);
	down();
}

/* By the public calls: pins, and a root that reads. */
static int root_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = get(context, &pure, 3, 0, &number);

	(void)args;
	*ret_output = PAWL_REF_NONE;
	return error ? error : give(context, &number_type, number, ret_output);
}

static void case_pinned(void **state)
{
	eng_id id;

	(void)state;
	up(false);
	id = id_of(&pure, 0);
	assert_int_equal(pawl_engine_pin(engine, eng_ref(id, 0)), 0);
	snapshot();
	assert_int_equal(stays(id), ENG_STAY_PINNED);
	assert_int_equal(eng_evict_all(engine->graph), 0);
	assert_int_equal(pawl_engine_unpin(engine, eng_ref(id, 0)), 0);
	assert_int_equal(eng_evict_all(engine->graph), 1);
	/* It has no pin any more, in memory or not. */
	assert_int_equal(pawl_engine_unpin(engine, eng_ref(id, 0)), -EINVAL);
	down();
}

static void case_root(void **state)
{
	pawl_ref_t root;

	(void)state;
	up(false);
	assert_int_equal(pawl_engine_spawn_root(engine, root_body, NULL, NULL, &root), 0);
	snapshot();
	/* Whom it reads is immutable: no edge leads back. */
	(void)eng_evict_all(engine->graph);
	assert_int_equal(ask(&pure, 3), 8);
	assert_int_equal(counted(PURE), 4);
	assert_int_equal(pawl_engine_dispose_root(engine, root), 0);
	down();
}

/* ---- coming back ------------------------------------------------------------------------------- */

static void case_back(void **state)
{
	eng_id ids[4];

	(void)state;
	up(false);
	assert_int_equal(ask(&pure, 3), 8);
	for (unsigned i = 0; i < 4; i++)
		ids[i] = id_of(&pure, i);
	assert_int_equal(eng_evict_all(engine->graph), 0);
	snapshot();
	assert_int_equal(eng_evict_all(engine->graph), 4);
	assert_int_equal(resident(), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_true(is_out(ids[i]));
	(void)counted(PURE);
	/* By its key, from outside; by its key, by another one; by a reference. */
	assert_int_equal(ask(&pure, 3), 8);
	assert_int_equal(ask(&pure, 5), 12);
	assert_int_equal(counted(PURE), 2);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(id_of(&pure, i), ids[i]);
	assert_int_equal(counted(PURE), 0);
	snapshot();
	assert_int_equal(eng_evict_all(engine->graph), 6);
	down();
}

/* A state forgets readers that are gone; those that are not in memory are not. */
static void case_readers(void **state)
{
	/* More than it looks through first, and twice so many. */
	const uint64_t n = 2100;

	(void)state;
	up(false);
	for (uint64_t i = 0; i < n / 2; i++)
		assert_int_equal(ask(&input, i * MOST), 0);
	snapshot();
	assert_true(eng_evict_all(engine->graph) >= n / 2);
	for (uint64_t i = n / 2; i < n; i++)
		assert_int_equal(ask(&input, i * MOST), 0);
	state_set(0, 7);
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(ask(&input, i * MOST), 7);
	down();
}

/* A change finds readers that are not in memory, and what is above them. */
static void case_change(void **state)
{
	int64_t sum = 8;

	(void)state;
	up(false);
	assert_int_equal(ask(&top, 8), sum);
	for (unsigned round = 1; round < 20; round++) {
		unsigned at = round % 8;
		int64_t was = round >= 8 ? round - 8 : 0;

		snapshot();
		assert_true(eng_evict_all(engine->graph) > 0);
		assert_true(is_out(id_of(&middle, at)) || true);
		for (unsigned i = 0; i < KINDS; i++)
			(void)counted((enum kind)i);
		(void)eng_evict_all(engine->graph);
		state_set(at, round);
		sum += round - was;
		assert_int_equal(ask(&top, 8), sum);
		assert_int_equal(counted(INPUT), 1);
		assert_int_equal(counted(MIDDLE), 1);
		assert_int_equal(counted(TOP), 1);
	}
	down();
}

/* The hand: what was used since it came by stays once. */
static void case_recency(void **state)
{
	eng_id ids[8];

	(void)state;
	up(false);
	for (unsigned i = 0; i < 8; i++)
		ids[i] = id_of(&pure, i);
	snapshot();
	assert_int_equal(eng_evict_some(engine->graph, 100), 0);
	assert_int_equal(ask(&pure, 2), 6);
	assert_int_equal(ask(&pure, 5), 12);
	assert_int_equal(eng_evict_some(engine->graph, 100), 6);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(is_out(ids[i]), i != 2 && i != 5);
	assert_int_equal(eng_evict_some(engine->graph, 1), 1);
	/* In the order of ids, which threads have from different ranges. */
	assert_int_equal(is_out(ids[2]), ids[2] < ids[5]);
	assert_int_equal(is_out(ids[5]), ids[5] < ids[2]);
	assert_int_equal(eng_evict_some(engine->graph, 1), 1);
	assert_int_equal(eng_evict_some(engine->graph, 1), 0);
	/* What came back is passed by once. */
	assert_int_equal(ask(&pure, 7), 16);
	assert_int_equal(eng_evict_some(engine->graph, 100), 0);
	assert_int_equal(eng_evict_some(engine->graph, 100), 1);
	down();
}

/* ---- stores that fail ---------------------------------------------------------------------------- */

static void case_unsaved(void **state)
{
	static const enum eng_fault_call calls[] = {ENG_FAULT_BEGIN, ENG_FAULT_PUT,
						    ENG_FAULT_COMMIT};

	(void)state;
	up(true);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(ask(&pure, i), (int64_t)i * 2 + 2);
		eng_fault_at(store, calls[i], 1, -EIO);
		assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
		assert_int_equal(pawl_engine_snapshot(engine, NULL), -EIO);
		assert_int_equal(eng_evict_all(engine->graph), 0);
	}
	snapshot();
	assert_int_equal(eng_evict_all(engine->graph), 3);
	/* It was saved, and the view that it would come back from is not there. */
	assert_int_equal(ask(&pure, 5), 12);
	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	eng_fault_at(store, ENG_FAULT_VIEW, 1, -EIO);
	assert_int_equal(pawl_engine_snapshot(engine, NULL), 0);
	assert_int_equal(eng_evict_all(engine->graph), 0);
	assert_int_equal(ask(&pure, 6), 14);
	snapshot();
	assert_int_equal(eng_evict_all(engine->graph), 5);
	(void)counted(PURE);
	assert_int_equal(ask(&pure, 6), 14);
	assert_int_equal(counted(PURE), 0);
	down();
}

/* While a snapshot is written: what it has taken stays, be it written or not; what it has not taken may leave. */
static eng_id beside_old, beside_new;
static uint64_t beside_left;
static unsigned beside_calls;

static size_t beside_encode(const void *payload, size_t bytes, void *into, size_t room)
{
	if (bytes <= room)
		memcpy(into, payload, bytes);
	if (!beside_calls++) {
		beside_left += eng_evict_all(engine->graph);
		t_check(is_out(beside_old));
		t_check(!is_out(beside_new));
	}
	return bytes;
}

static int beside_decode(const struct pawl_value_type *type, const void *from, size_t bytes,
			 struct pawl_value **ret_value)
{
	return pawl_value_of(type, from, bytes, ret_value);
}

static const struct pawl_value_type beside_type = {.size = sizeof(beside_type),
						   .name = "beside",
						   .version = 1,
						   .encode = beside_encode,
						   .decode = beside_decode};

static int beside_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	return give(context, &beside_type, *(const int64_t *)args, ret_output);
}

static const struct pawl_function beside = {sizeof(beside), "beside",	      1,    0,
					    beside_body,    sizeof(uint64_t), NULL, 0};

static void case_beside_snapshot(void **state)
{
	static const struct pawl_function *const functions[] = {&pure, &beside};
	static const struct pawl_value_type *const types[] = {&number_type, &beside_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	char text[256];

	(void)state;
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &store), 0);
	options.functions = functions;
	options.functions_n = 2;
	options.types = types;
	options.types_n = 2;
	options.storage = PAWL_STORAGE_READ_WRITE;
	options.store = store;
	options.snapshot_first_ns = options.snapshot_interval_ns = options.snapshot_idle_ns =
		PAWL_FOREVER;
	options.memory_bytes = NEVER_NEAR;
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
	beside_left = 0;
	beside_old = id_of(&pure, 0);
	snapshot();
	beside_calls = 0;
	beside_new = id_of(&pure, 1);
	(void)id_of(&beside, 4);
	/* Whoever reads it now is in the snapshot; the first task has a reader more, or not: it was immutable. */
	snapshot();
	assert_int_equal(beside_left, 1);
	assert_int_equal(eng_evict_all(engine->graph), 2);
	assert_int_equal(ask(&beside, 4), 4);
	assert_int_equal(ask(&pure, 1), 4);
	assert_int_equal(pawl_engine_verify(engine, text, sizeof(text)), 0);
	assert_int_equal(pawl_engine_close(engine), 0);
	pawl_store_close(store);
	pawl_store_disk_destroy(disk);
}

/* ---- without a store ------------------------------------------------------------------------------- */

static void case_no_store(void **state)
{
	int64_t sum = MOST;

	(void)state;
	disk = NULL;
	store = NULL;
	up_on(NULL);
	assert_int_equal(ask(&top, MOST), sum);
	assert_int_equal(ask(&pure, 9), 20);
	assert_int_equal(ask(&odd, 1), 7);
	for (unsigned i = 0; i < KINDS; i++)
		(void)counted((enum kind)i);
	/* Whoever looks outside keeps what he saw; so does what says so. */
	assert_int_equal(eng_evict_all(engine->graph), MOST + 1 + 10);
	assert_int_equal(resident(), 2 * MOST + 1 + 10 + 1);
	assert_int_equal(ask(&pure, 9), 20);
	assert_int_equal(counted(PURE), 10);
	/* It reads what it has read; nobody above hears of that. */
	assert_int_equal(ask(&middle, 7), 1);
	assert_int_equal(counted(MIDDLE), 1);
	assert_int_equal(ask(&top, MOST), sum);
	assert_int_equal(counted(TOP), 1);
	assert_int_equal(counted(INPUT), 0);
	/* Readers of what is not there learn of a change. */
	(void)eng_evict_all(engine->graph);
	for (unsigned i = 0; i < KINDS; i++)
		(void)counted((enum kind)i);
	state_set(7, 5);
	assert_int_equal(ask(&top, MOST), sum + 5);
	assert_int_equal(counted(INPUT), 1);
	assert_int_equal(counted(TOP), 1);
	/* The others, whose values it reads, bring them back. */
	assert_int_equal(counted(MIDDLE), MOST);
	down();
}

/* ---- a budget ---------------------------------------------------------------------------------------- */

static struct pawl_engine_memory memory_now(void)
{
	struct pawl_engine_memory memory;

	pawl_engine_memory_read(engine, &memory);
	return memory;
}

static void kept(bool stored)
{
	const uint64_t budget = 16u << 20, tasks = 4 * budget / LARGE;
	struct pawl_engine_memory memory;

	budget_bytes = budget;
	if (stored)
		up(false);
	else
		up_on(NULL);
	for (uint64_t n = 0; n < tasks; n++) {
		assert_int_equal(ask(&large, n), (int64_t)n);
		/* As the engine does, at a time of its own. */
		if (n % 16 == 15) {
			t_step();
			(void)eng_memory_relieve(engine->memory);
			/* A store in memory counts as well, and takes what leaves. */
			if (!stored)
				assert_true(memory_now().counted_bytes < 2 * budget);
		}
	}
	memory = memory_now();
	assert_int_equal(memory.budget_bytes, budget);
	assert_true(memory.dropped > 0);
	if (stored) {
		assert_true(memory.evicted > 0);
		assert_true(memory.snapshots > 0);
	}
	(void)counted(ODD);
	for (uint64_t n = 0; n < tasks; n += 2) {
		t_step();
		assert_int_equal(ask(&large, n), (int64_t)n);
	}
	if (stored)
		assert_int_equal(counted(ODD), 0);
	down();
	budget_bytes = NEVER_NEAR;
}

static void case_kept(void **state)
{
	(void)state;
	kept(false);
}

static void case_kept_stored(void **state)
{
	(void)state;
	kept(true);
}

/* In bytes, or with a unit; what is no number, or too little, is as if it were not there. */
static void case_options(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} texts[] = {{"2097152", 2u << 20},
		     {"2048k", 2u << 20},
		     {"3m", 3u << 20},
		     {"2g", UINT64_C(2) << 30},
		     {"1000k", 0},
		     {"5", 0},
		     {"", 0},
		     {"-3m", 0},
		     {"3mm", 0},
		     {"m", 0},
		     {"3x", 0},
		     {"99999999999999999999g", 0},
		     {"18446744073709551615g", 0}};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	(void)state;
	options.memory_bytes = PAWL_MEMORY_BYTES_MIN - 1;
	assert_int_equal(pawl_engine_open(&options, &engine), -EINVAL);
	options.memory_bytes = 0;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(setenv("PAWL_MEMORY_BYTES", texts[i].text, 1), 0);
		assert_int_equal(pawl_engine_open(&options, &engine), 0);
		if (memory_now().budget_bytes != texts[i].bytes)
			fail_msg("%s", texts[i].text);
		assert_int_equal(pawl_engine_close(engine), 0);
	}
	options.memory_bytes = PAWL_MEMORY_BYTES_MIN;
	assert_int_equal(setenv("PAWL_MEMORY_BYTES", "3m", 1), 0);
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
	assert_int_equal(memory_now().budget_bytes, PAWL_MEMORY_BYTES_MIN);
	assert_int_equal(pawl_engine_close(engine), 0);
	assert_int_equal(unsetenv("PAWL_MEMORY_BYTES"), 0);
}

/* ---- all at once -------------------------------------------------------------------------------- */

static struct pawl_atomic_u32 enough, rounds;

static void evict_on(void *arg)
{
	(void)arg;
	while (!pawl_load_relaxed(&enough)) {
		if (t_random_below(4))
			(void)eng_evict_some(engine->graph, 1 + (uint32_t)t_random_below(30));
		else
			(void)eng_evict_all(engine->graph);
		pawl_add_relaxed(&rounds, 1u);
	}
}

static void snap_on(void *arg)
{
	(void)arg;
	while (!pawl_load_relaxed(&enough))
		t_check(!pawl_engine_snapshot(engine, NULL));
}

static int read_visit(struct pawl_context *context, void *arg)
{
	const uint64_t *n = arg;
	int64_t number;

	return get(context, *n % 3 ? &middle : &pure, *n, 0, &number);
}

static void read_on(void *arg)
{
	(void)arg;
	while (!pawl_load_relaxed(&enough)) {
		uint64_t n = t_random_below(MOST);

		t_check(!pawl_engine_run(engine, read_visit, &n));
	}
}

static void case_together(void **state)
{
	void (*const fns[])(void *) = {evict_on, evict_on, snap_on, read_on};
	struct t_thread *threads[4];
	unsigned edits = t_scaled(300);
	int64_t now[MOST] = {0}, sum = MOST;

	(void)state;
	up(false);
	pawl_store_relaxed(&enough, 0u);
	pawl_store_relaxed(&rounds, 0u);
	for (unsigned i = 0; i < 4; i++)
		threads[i] = t_thread_start(fns[i], NULL);
	for (unsigned i = 0; i < edits || pawl_load_relaxed(&rounds) < 10; i++) {
		unsigned at = (unsigned)t_random_below(MOST);
		int64_t number = (int64_t)t_random_below(1000);

		state_set(at, number);
		sum += number - now[at];
		now[at] = number;
		assert_int_equal(ask(&top, MOST), sum);
		assert_int_equal(ask(&pure, at), (int64_t)at * 2 + 2);
	}
	pawl_store_relaxed(&enough, 1u);
	for (unsigned i = 0; i < 4; i++)
		t_thread_join(threads[i]);
	/* Nothing that was there was made again. */
	assert_true(counted(PURE) <= MOST);
	down();
}

/* Many make what has left, or is about to, at once: one task each, and it runs once. */
static int make_visit(struct pawl_context *context, void *arg)
{
	struct ask *one = arg;

	return pawl_call(context, one->function, &one->n, &one->ref);
}

static pawl_ref_t made[MOST];

static void make_on(void *arg)
{
	(void)arg;
	while (!pawl_load_relaxed(&enough)) {
		struct ask one = {&pure, t_random_below(MOST), 0, PAWL_REF_NONE};

		t_check(!pawl_engine_run(engine, make_visit, &one));
		t_check(eng_ref_task(one.ref) == eng_ref_task(made[one.n]));
	}
}

static void case_same_number(void **state)
{
	void (*const fns[])(void *) = {evict_on, snap_on, make_on, make_on};
	struct t_thread *threads[4];

	(void)state;
	up(false);
	for (unsigned i = 0; i < MOST; i++)
		made[i] = eng_ref(id_of(&pure, i), 0);
	snapshot();
	pawl_store_relaxed(&enough, 0u);
	pawl_store_relaxed(&rounds, 0u);
	for (unsigned i = 0; i < 4; i++)
		threads[i] = t_thread_start(fns[i], NULL);
	while (pawl_load_relaxed(&rounds) < t_scaled(2000))
		sched_yield();
	pawl_store_relaxed(&enough, 1u);
	for (unsigned i = 0; i < 4; i++)
		t_thread_join(threads[i]);
	assert_int_equal(counted(PURE), MOST);
	down();
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_fields),	 cmocka_unit_test(case_bits),
		cmocka_unit_test(case_record),	 cmocka_unit_test(case_values),
		cmocka_unit_test(case_pinned),	 cmocka_unit_test(case_root),
		cmocka_unit_test(case_back),	 cmocka_unit_test(case_readers),
		cmocka_unit_test(case_change),	 cmocka_unit_test(case_recency),
		cmocka_unit_test(case_unsaved),	 cmocka_unit_test(case_beside_snapshot),
		cmocka_unit_test(case_together), cmocka_unit_test(case_same_number),
		cmocka_unit_test(case_no_store), cmocka_unit_test(case_options),
		cmocka_unit_test(case_kept),	 cmocka_unit_test(case_kept_stored),
	};

	return t_run("budget", cases);
}
