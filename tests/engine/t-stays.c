/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-stays.c - why a record stays in memory: what it is, what it refers to, what of it is not saved.
 */
#include "stored.h"

#include "../../engine/engine.h"
#include "../../engine/graph/bag.h"
#include "../../engine/graph/context.h"
#include "../../engine/graph/evict.h"
#include "../../engine/graph/pairs.h"

static int stateful_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	st_ran(ST_ODD);
	pawl_mark_stateful(context);
	return fr_give_of(context, &st_number, *(const int64_t *)args, ret_output);
}
static const struct pawl_function stateful = {sizeof(stateful), "stateful",	  1,	0,
					      stateful_body,	sizeof(uint64_t), NULL, 0};

/* ---- the engine -------------------------------------------------------------------------------- */

static void up(void)
{
	static const struct pawl_function *const functions[] = {ST_FUNCTIONS, &stateful};
	static const struct pawl_value_type *const types[] = {ST_TYPES};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	FR_LIST(options, functions);
	FR_LIST(options, types);
	options.memory_bytes = ST_NEVER_NEAR;
	st_up(options, ST_IN_MEMORY);
}

/* ---- why it stays ------------------------------------------------------------------------------ */

static enum eng_stay stays(eng_id id)
{
	struct eng_quiesce_slot *inside =
		eng_quiesce_enter(fr_engine->graph->quiesce, fr_engine->graph);
	struct eng_node *node = eng_lock(fr_engine->graph, id);
	enum eng_stay stay = eng_stays(fr_engine->graph, node);

	eng_unlock(node);
	eng_quiesce_leave(fr_engine->graph->quiesce, inside);
	return stay;
}

/* With that edge in that field, which is taken out again. It was not there. */
static enum eng_stay stays_with(eng_id id, enum eng_field field, const char *kind, eng_id other)
{
	struct eng_node *node = eng_lock(fr_engine->graph, id);
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
	inside = eng_quiesce_enter(fr_engine->graph->quiesce, fr_engine->graph);
	node = eng_lock(fr_engine->graph, id);
	stay = eng_stays(fr_engine->graph, node);
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
	eng_quiesce_leave(fr_engine->graph->quiesce, inside);
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
	up();
	id = st_id_of(&st_pure, 0);
	other = st_id_of(&st_odd, 0);
	st_save();
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
	st_down();
}

static enum eng_stay stays_with_bit(eng_id id, uint32_t bit)
{
	struct eng_node *node = eng_lock(fr_engine->graph, id);
	uint32_t before = node->bits;
	enum eng_stay stay;

	/* The output would have to be one. */
	if (bit != ENG_ERROR)
		node->bits |= bit;
	eng_unlock(node);
	stay = stays(id);
	node = eng_lock(fr_engine->graph, id);
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
	up();
	id = st_id_of(&st_pure, 0);
	st_save();
	for (unsigned i = 0; i < 32; i++) {
		uint32_t bit = UINT32_C(1) << i;
		enum eng_stay stay = stays_with_bit(id, bit);

		if (bit & leave				    ? stay != ENG_STAY_NOT
		    : bit & (ENG_NEW | ENG_META | ENG_DATA) ? stay != ENG_STAY_UNSAVED
							    : stay != ENG_STAY_SESSION)
			fail_msg("bit %u: %u", i, stay);
	}
	st_down();
}

/* Edges and references that stand in the record itself. */
static void case_record(void **state)
{
	struct pawl_crossing crossing;
	struct eng_node *node;
	uint64_t output;
	eng_id id;

	(void)state;
	up();
	id = st_id_of(&st_pure, 0);
	assert_int_equal(stays(id), ENG_STAY_UNSAVED);
	st_save();
	node = eng_lock(fr_engine->graph, id);
	assert_int_equal(pawl_cmap_add(&node->uppers, ENG_TRANSIENT | 1, 1, &crossing), 0);
	eng_unlock(node);
	assert_int_equal(stays(id), ENG_STAY_EDGE);
	node = eng_lock(fr_engine->graph, id);
	assert_int_equal(pawl_cmap_add(&node->uppers, ENG_TRANSIENT | 1, -1, &crossing), 0);
	assert_int_equal(pawl_sset_add(&node->output_dependents, ENG_TRANSIENT | 1, NULL), 0);
	eng_unlock(node);
	assert_int_equal(stays(id), ENG_STAY_EDGE);
	node = eng_lock(fr_engine->graph, id);
	assert_true(pawl_sset_remove(&node->output_dependents, ENG_TRANSIENT | 1));
	assert_int_equal(pawl_sset64_add(&node->cell_dependents,
					 UINT64_C(5) << 32 | ENG_TRANSIENT | 1, NULL),
			 0);
	eng_unlock(node);
	assert_int_equal(stays(id), ENG_STAY_EDGE);
	node = eng_lock(fr_engine->graph, id);
	assert_true(pawl_sset64_remove(&node->cell_dependents,
				       UINT64_C(5) << 32 | ENG_TRANSIENT | 1));
	output = node->output;
	node->output = ENG_TRANSIENT | 1;
	eng_unlock(node);
	assert_int_equal(stays(id), ENG_STAY_EDGE);
	node = eng_lock(fr_engine->graph, id);
	node->output = output;
	eng_unlock(node);
	assert_int_equal(stays(id), ENG_STAY_NOT);
	/* A pin of the record: something holds its address. */
	assert_true(pawl_slot_try_pin(&node->slot));
	assert_int_equal(stays(id), ENG_STAY_RUN);
	assert_int_equal(eng_evict_all(fr_engine->graph), 0);
	(void)pawl_slots_unpin(fr_engine->graph->tables[0], &node->slot);
	assert_int_equal(eng_evict_all(fr_engine->graph), 1);
	st_down();
}

static void case_values(void **state)
{
	eng_id codec, staying, bound, seen;

	(void)state;
	up();
	codec = st_id_of(&st_odd, 0);
	staying = st_id_of(&st_odd, 1);
	bound = st_id_of(&stateful, 3);
	seen = st_id_of(&st_input, 0);
	st_save();
	assert_int_equal(stays(codec), ENG_STAY_VALUE);
	assert_int_equal(stays(staying), ENG_STAY_VALUE);
	assert_int_equal(stays(bound), ENG_STAY_SESSION);
	/* That it was clean in this session waits for it. */
	assert_int_equal(stays(seen), ENG_STAY_NOT);
	/* The one without a codec is made again, where it is wanted. */
	assert_int_equal(eng_evict_all(fr_engine->graph), 2);
	assert_false(st_is_out(codec));
	assert_true(st_is_out(seen));
	(void)st_ran_now(ST_ODD);
	assert_int_equal(st_ask(&st_odd, 1), 7);
	assert_int_equal(st_ask(&stateful, 3), 3);
	assert_int_equal(st_ran_now(ST_ODD), 0);
	assert_int_equal(st_ask(&st_odd, 0), 7);
	assert_int_equal(st_ran_now(ST_ODD), 1);
	assert_int_equal(st_id_of(&st_input, 0), seen);
	assert_int_equal(st_ran_now(ST_INPUT), 1);
	/* With its value gone, nothing keeps it. */
	assert_int_equal(eng_evict_all(fr_engine->graph), 2);
	assert_int_equal(eng_evict_all(fr_engine->graph), 1);
	assert_true(st_is_out(codec));
	assert_int_equal(st_ask(&st_odd, 0), 7);
	assert_int_equal(st_ran_now(ST_ODD), 1);
	st_down();
}

/* By the public calls: pins, and a root that reads. */
static int root_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t three = 3;
	int64_t number;
	int error = fr_call(context, &st_pure, &three, 0, &number);

	(void)args;
	*ret_output = PAWL_REF_NONE;
	return error ? error : fr_give_of(context, &st_number, number, ret_output);
}

static void case_pinned(void **state)
{
	eng_id id;

	(void)state;
	up();
	id = st_id_of(&st_pure, 0);
	assert_int_equal(pawl_engine_pin(fr_engine, eng_ref(id, 0)), 0);
	st_save();
	assert_int_equal(stays(id), ENG_STAY_PINNED);
	assert_int_equal(eng_evict_all(fr_engine->graph), 0);
	assert_int_equal(pawl_engine_unpin(fr_engine, eng_ref(id, 0)), 0);
	assert_int_equal(eng_evict_all(fr_engine->graph), 1);
	/* It has no pin any more, in memory or not. */
	assert_int_equal(pawl_engine_unpin(fr_engine, eng_ref(id, 0)), -EINVAL);
	st_down();
}

static void case_root(void **state)
{
	pawl_ref_t root;

	(void)state;
	up();
	assert_int_equal(pawl_engine_spawn_root(fr_engine, root_body, NULL, NULL, &root), 0);
	st_save();
	/* Whom it reads is immutable: no edge leads back. */
	(void)eng_evict_all(fr_engine->graph);
	assert_int_equal(st_ask(&st_pure, 3), 8);
	assert_int_equal(st_ran_now(ST_PURE), 4);
	assert_int_equal(pawl_engine_dispose_root(fr_engine, root), 0);
	st_down();
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_fields), cmocka_unit_test(case_bits),
		cmocka_unit_test(case_record), cmocka_unit_test(case_values),
		cmocka_unit_test(case_pinned), cmocka_unit_test(case_root),
	};

	return t_run("stays", cases);
}
