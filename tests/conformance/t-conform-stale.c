/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-stale.c - runs that are for nothing: execution_abort, abort_collectibles.
 *
 * Other engines cut such a run short, where it waits for something. Here it goes to its end, and is made again;
 * so each of these opens the gate that the run waits at. What there is to be seen afterwards is the same. With the
 * option to abandon them: tests/engine/t-abandon.c.
 */
#include "conform.h"

#include <pawl/effect.h>

#include "../../engine/engine.h"
#include "../../engine/graph/bag.h"
#include "../../engine/graph/graph.h"

#define GENERATIONS 4

static const struct pawl_trait issue = {sizeof(issue), "issue", NULL, 0};
static const struct pawl_trait writes = {sizeof(writes), "writes", NULL, 0};

/* A run of generation i waits at gate i. Generations are counted, or those of the input. */
static struct cf_gate gates[GENERATIONS];
static struct pawl_atomic_u32 starts;
static struct cf_state input, selector;

static void begin(int64_t number)
{
	for (unsigned i = 0; i < GENERATIONS; i++)
		cf_gate_init(&gates[i]);
	pawl_store_relaxed(&starts, 0u);
	input = cf_state_make(number);
	selector = cf_state_make(0);
}

static void open_all(void)
{
	for (unsigned i = 0; i < GENERATIONS; i++)
		cf_gate_open(&gates[i]);
}

/* ---- execution_abort ------------------------------------------------------------------------- */

static int waits_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_state_get(context, input, &number);

	(void)args;
	pawl_add_relaxed(&starts, 1u);
	if (!error)
		error = cf_gate_pass(&gates[number]);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(waits, PAWL_FUNCTION_ROOT, sizeof(uint64_t));

/* It calls `waits` below a task of its own, if it is to; 10 more. */
static int middle_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_call(context, &waits, args, &number);

	return error ? error : cf_give(context, number + 10, ret_output);
}
CF_FUNCTION(middle, 0, sizeof(uint64_t));

static int selects_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number, selected;
	int error = cf_state_get(context, selector, &selected);

	number = -1;
	if (!error && !selected)
		error = cf_call(context, &middle, args, &number);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(selects, PAWL_FUNCTION_ROOT, sizeof(uint64_t));

struct asking {
	const struct pawl_function *function;
	uint64_t nonce;
	int64_t number;
};

static void asker(void *arg)
{
	struct asking *asking = arg;

	asking->number = cf_ask(asking->function, &asking->nonce);
}

static const struct pawl_function *const run_functions[] = {&waits, &middle, &selects};
static const struct cf_tables run_tables = {run_functions, 3, NULL, 0, NULL, 0, 0};

static void invalidated(unsigned run)
{
	struct asking asking = {&waits, run, 0};
	struct t_thread *thread;

	begin(0);
	thread = t_thread_start(asker, &asking);
	cf_gate_wait(&gates[0], 1);
	cf_state_set(input, 1);
	assert_int_equal(pawl_load_relaxed(&starts), 1);
	open_all();
	t_thread_join(thread);
	assert_int_equal(asking.number, 1);
	assert_int_equal(pawl_load_relaxed(&starts), 2);
}

/* Two starts: one that saw what was there before, one that saw the change; and none for nothing. */
static void case_invalidated(void **state)
{
	(void)state;
	cf_thrice(&run_tables, invalidated);
}

static void disconnected(unsigned run)
{
	struct asking asking = {&selects, run, 0};
	struct t_thread *thread;

	begin(1);
	thread = t_thread_start(asker, &asking);
	cf_gate_wait(&gates[1], 1);
	/* Nobody wants it any more, but for who waits for it already. */
	cf_state_set(selector, 1);
	open_all();
	t_thread_join(thread);
	assert_int_equal(asking.number, -1);
	cf_settle();
	/* Wanted again: it is there, since it went to its end. */
	cf_state_set(selector, 0);
	assert_int_equal(cf_ask(&selects, &asking.nonce), 11);
	assert_int_equal(pawl_load_relaxed(&starts), 1);
	/* And it is connected again. */
	cf_state_set(input, 2);
	assert_int_equal(cf_ask(&selects, &asking.nonce), 12);
	assert_int_equal(pawl_load_relaxed(&starts), 2);
}

static void case_disconnected(void **state)
{
	(void)state;
	cf_thrice(&run_tables, disconnected);
}

/* ---- abort_collectibles ------------------------------------------------------------------------ */

/* Emits as many as the input says, and waits. A run of its own: generations are counted. */
static int emits_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	unsigned generation = pawl_add_relaxed(&starts, 1u);
	int64_t number;
	int error = cf_state_get(context, input, &number);

	(void)args;
	for (int64_t i = 0; i < number && !error; i++) {
		error = cf_give(context, i, ret_output);
		if (!error)
			error = pawl_emit(context, &issue, *ret_output);
	}
	if (!error)
		error = cf_gate_pass(&gates[generation % GENERATIONS]);
	return error ? error : cf_give(context, 100, ret_output);
}
CF_FUNCTION(emits, 0, sizeof(uint64_t));

static int emits_as_root_body(struct pawl_context *context, const void *args,
			      pawl_ref_t *ret_output)
{
	return emits_body(context, args, ret_output);
}
CF_FUNCTION(emits_as_root, PAWL_FUNCTION_ROOT, sizeof(uint64_t));

static void find(void *arg, pawl_ref_t ref, int32_t count)
{
	(void)ref;
	*(int64_t *)arg += count;
}

struct parent {
	uint64_t nonce;
	uint64_t of_root;
};

static const struct pawl_function *producer_of(const struct parent *parent)
{
	return parent->of_root ? &emits_as_root : &emits;
}

/* How many were emitted below, if it is to know; else 0. */
static int counts_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct parent *parent = args;
	int64_t selected, count = 0, number;
	pawl_ref_t ref;
	int error = cf_state_get(context, selector, &selected);

	if (!error && !selected) {
		error = pawl_call(context, producer_of(parent), &parent->nonce, &ref);
		if (!error)
			error = cf_get(context, ref, 0, &number);
		if (!error)
			error = pawl_peek(context, ref, &issue, find, &count);
	}
	return error ? error : cf_give(context, count, ret_output);
}
CF_FUNCTION(counts, PAWL_FUNCTION_ROOT, sizeof(struct parent));

static const struct pawl_function *const emit_functions[] = {&emits, &emits_as_root, &counts};
static const struct pawl_trait *const emit_traits[] = {&issue};
static const struct cf_tables emit_tables = {emit_functions, 3, NULL, 0, emit_traits, 1, 0};

struct parent_asking {
	struct parent parent;
	int64_t number;
};

static void parent_asker(void *arg)
{
	struct parent_asking *asking = arg;

	asking->number = cf_ask(&counts, &asking->parent);
}

static int peek_visit(struct pawl_context *context, void *arg)
{
	struct parent_asking *asking = arg;
	pawl_ref_t ref;
	int error =
		pawl_call(context, producer_of(&asking->parent), &asking->parent.nonce, &ref);

	asking->number = 0;
	return error ? error : pawl_peek(context, ref, &issue, find, &asking->number);
}

/* What a run has emitted that was for nothing is not reported. */
static void first_run(unsigned run, bool of_root)
{
	struct parent_asking asking = {{run, of_root}, -1};
	struct t_thread *thread;

	begin(1);
	thread = t_thread_start(parent_asker, &asking);
	cf_gate_wait(&gates[0], 1);
	cf_state_set(selector, 1);
	cf_state_set(input, 0);
	open_all();
	t_thread_join(thread);
	assert_int_equal(asking.number, 0);
	cf_visit(peek_visit, &asking);
	assert_int_equal(asking.number, 0);
	/* The parent has none either. */
	assert_int_equal(cf_ask(&counts, &asking.parent), 0);
	cf_state_set(selector, 0);
	assert_int_equal(cf_ask(&counts, &asking.parent), 0);
}

static void first_run_of_root(unsigned run)
{
	first_run(run, true);
}

static void case_first_run_emits(void **state)
{
	(void)state;
	cf_thrice(&emit_tables, first_run_of_root);
}

static void first_run_of_non_root(unsigned run)
{
	first_run(run, false);
}

static void case_non_root_emits(void **state)
{
	(void)state;
	cf_thrice(&emit_tables, first_run_of_non_root);
}

/* ---- aborted_recomputation_preserves_completed_collectible -------------------------------------- */

static struct pawl_atomic_u64 producer; /* its reference */

static int call_visit(struct pawl_context *context, void *arg)
{
	pawl_ref_t ref;
	int error = pawl_call(context, &emits_as_root, arg, &ref);

	pawl_store_relaxed(&producer, ref.pawl_bits);
	return error;
}

/* What the record has, whatever runs. */
static int32_t emitted_now(void)
{
	pawl_ref_t ref = {pawl_load_relaxed(&producer)};
	struct eng_node *node = eng_lock(cf_engine->graph, eng_ref_task(ref));
	union eng_slot *slot = eng_field(node, ENG_COLLECTIBLES);
	struct eng_bag_cursor cursor = {0, 0};
	struct eng_collectible entry;
	int32_t sum = 0;

	while (slot && eng_bag_next(slot->bag, &cursor, &entry))
		sum += entry.count;
	eng_unlock(node);
	return sum;
}

static void completed_stays(unsigned run)
{
	struct asking asking = {&emits_as_root, run, 0};
	struct t_thread *thread;

	begin(1);
	cf_gate_open(&gates[0]);
	cf_visit(call_visit, &asking.nonce);
	asker(&asking);
	assert_int_equal(emitted_now(), 1);
	/* The next one emits it again, and turns out to be for nothing. */
	cf_state_set(input, 0);
	cf_state_set(input, 1);
	thread = t_thread_start(asker, &asking);
	cf_gate_wait(&gates[1], 1);
	assert_int_equal(emitted_now(), 1);
	cf_state_set(input, 0);
	assert_int_equal(emitted_now(), 1);
	/* The third emits nothing: it counts while that runs. */
	cf_gate_open(&gates[1]);
	cf_gate_wait(&gates[2], 1);
	assert_int_equal(emitted_now(), 1);
	open_all();
	t_thread_join(thread);
	assert_int_equal(emitted_now(), 0);
	assert_int_equal(pawl_load_relaxed(&starts), 3);
}

static void case_completed_stays(void **state)
{
	(void)state;
	cf_thrice(&emit_tables, completed_stays);
}

/* ---- root_effect: an effect of a run that is for nothing is not applied ---------------------------- */

static struct pawl_effect_target *target;
static struct pawl_atomic_u32 applied_zero, applied_one;

static int apply(void *arg, struct pawl_slice key, const struct pawl_value *value)
{
	(void)arg, (void)key;
	cf_count(cf_number_of(value) ? &applied_one : &applied_zero);
	return 0;
}

static int wants_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_state_get(context, input, &number);

	(void)args;
	if (!error)
		error = pawl_effect_emit(context, &writes, (struct pawl_slice){"key", 3},
					 cf_value(number));
	if (!error)
		error = cf_gate_pass(&gates[number]);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(wants, PAWL_FUNCTION_ROOT, sizeof(uint64_t));

static const struct pawl_function *const effect_functions[] = {&wants};
static const struct pawl_value_type *const effect_types[] = {&pawl_effect_type};
static const struct pawl_trait *const effect_traits[] = {&writes};
static const struct cf_tables effect_tables = {
	effect_functions, 1, effect_types, 1, effect_traits, 1, 0};

static int apply_visit(struct pawl_context *context, void *arg)
{
	struct pawl_value *effects;
	pawl_ref_t ref;
	int error = pawl_call(context, &wants, arg, &ref);

	if (!error)
		error = pawl_effects_take(context, ref, target, &effects, NULL);
	if (error)
		return error;
	error = pawl_effects_apply(target, effects, NULL);
	pawl_value_unpin(effects);
	return error;
}

static void applier(void *arg)
{
	t_check(!pawl_engine_run(cf_engine, apply_visit, arg));
}

static void effect(unsigned run)
{
	struct pawl_effect_target_options options = PAWL_EFFECT_TARGET_OPTIONS_INIT;
	uint64_t nonce = run;
	struct t_thread *thread;

	options.trait = &writes;
	options.apply = apply;
	assert_int_equal(pawl_effect_target_create(cf_engine, &options, &target), 0);
	begin(0);
	(void)cf_counted(&applied_zero);
	(void)cf_counted(&applied_one);
	thread = t_thread_start(applier, &nonce);
	cf_gate_wait(&gates[0], 1);
	cf_state_set(input, 1);
	open_all();
	t_thread_join(thread);
	assert_int_equal(cf_counted(&applied_zero), 0);
	assert_int_equal(cf_counted(&applied_one), 1);
	pawl_effect_target_destroy(target);
}

static void case_effect(void **state)
{
	(void)state;
	cf_thrice(&effect_tables, effect);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_invalidated),	cmocka_unit_test(case_disconnected),
		cmocka_unit_test(case_first_run_emits), cmocka_unit_test(case_non_root_emits),
		cmocka_unit_test(case_completed_stays), cmocka_unit_test(case_effect),
	};

	return cf_run("conform-stale", cases);
}
