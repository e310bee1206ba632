/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-store.c - what is kept from one process to the next: eviction, state, backend_state, mutable_cells,
 * derivable_cell, inline_read_execution.
 *
 * Where others take what was saved out of memory, here the engine is closed and another one opened. States belong to the
 * program: the next process makes them again, with what it knows by then.
 */
#include "conform.h"

#include "../../engine/engine.h"
#include "../../engine/persist/persist.h"

static struct pawl_atomic_u32 ran_leaf, ran;

static uint64_t snapshot(void)
{
	uint64_t tasks;

	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	assert_int_equal(pawl_engine_snapshot(cf_engine, &tasks), 0);
	return tasks;
}

static void begin(const struct cf_tables *tables)
{
	cf_stored = true;
	cf_open(tables);
	(void)cf_counted(&ran_leaf), (void)cf_counted(&ran);
}

/* What was not saved is gone. */
static void crash(void)
{
	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	cf_engine->persist->saves = false;
	cf_restart();
}

/* ---- the functions of most cases ------------------------------------------------------------ */

/* Level 0 is what the state is; then one more, times three, ten more. */
struct step {
	struct cf_state state;
	uint64_t level;
};
static const struct pawl_function step;

static int step_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct step *at = args;
	struct step below = {at->state, at->level - 1};
	int64_t number;
	int error = at->level ? cf_call(context, &step, &below, &number)
			      : cf_state_get(context, at->state, &number);

	cf_count(at->level ? &ran : &ran_leaf);
	if (error)
		return error;
	number = at->level == 1 ? number + 1 : at->level == 2 ? number * 3 : number;
	return cf_give(context, at->level == 3 ? number + 10 : number, ret_output);
}
CF_FUNCTION(step, 0, sizeof(struct step));

static int twice_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct step leaf = {*(const struct cf_state *)args, 0};
	int64_t number;
	int error = cf_call(context, &step, &leaf, &number);

	cf_count(&ran);
	return error ? error : cf_give(context, number * 2, ret_output);
}
CF_FUNCTION(twice, 0, sizeof(struct cf_state));

static const struct pawl_function *const functions[] = {&step, &twice};
static const struct cf_tables tables = {functions, 2, NULL, 0, NULL, 0, 0};

static void expect_runs(unsigned leaf, unsigned above)
{
	assert_int_equal(cf_counted(&ran_leaf), leaf);
	assert_int_equal(cf_counted(&ran), above);
}

/* ---- eviction_recompute, restore reuses persisted reader ---------------------------------------- */

static void case_restored_reader(void **state)
{
	struct cf_state number;

	(void)state;
	begin(&tables);
	number = cf_state_make(1);
	assert_int_equal(cf_ask(&twice, &number), 2);
	expect_runs(1, 1);
	assert_int_equal(snapshot(), 2);
	cf_state_set(number, 4);
	assert_int_equal(cf_ask(&twice, &number), 8);
	expect_runs(1, 1);
	/* Who has read the state looks at it again; who is above does not run. */
	cf_restart();
	number = cf_state_make(4);
	assert_int_equal(cf_ask(&twice, &number), 8);
	expect_runs(1, 0);
	assert_int_equal(snapshot(), 0);
	cf_state_set(number, 9);
	assert_int_equal(cf_ask(&twice, &number), 18);
	expect_runs(1, 1);
	/* Something has changed while there was no engine. */
	cf_restart();
	number = cf_state_make(5);
	assert_int_equal(cf_ask(&twice, &number), 10);
	expect_runs(1, 1);
	cf_close();
}

/* ---- reader registered after a snapshot ---------------------------------------------------------- */

static void case_reader_after_snapshot(void **state)
{
	struct cf_state number;

	(void)state;
	begin(&tables);
	number = cf_state_make(1);
	assert_int_equal(snapshot(), 0);
	assert_int_equal(cf_ask(&twice, &number), 2);
	assert_int_equal(snapshot(), 2);
	cf_state_set(number, 2);
	assert_int_equal(cf_ask(&twice, &number), 4);
	crash();
	/* One that nobody has read in this process. */
	number = cf_state_make(1);
	(void)snapshot();
	cf_restart();
	number = cf_state_make(2);
	assert_int_equal(cf_ask(&twice, &number), 4);
	/* A reader that comes when the other one has long been saved. */
	assert_int_equal(cf_ask(&step, &(struct step){number, 1}), 3);
	crash();
	number = cf_state_make(6);
	assert_int_equal(cf_ask(&step, &(struct step){number, 1}), 7);
	assert_int_equal(cf_ask(&twice, &number), 12);
	cf_close();
}

/* ---- eviction_deep_chain, eviction_dependency_chain ------------------------------------------------ */

static void case_chains(void **state)
{
	static const int64_t numbers[] = {10, 20, 0}, above[] = {43, 73, 13};
	struct step top = {{0}, 3};

	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		begin(&tables);
		top.state = cf_state_make(numbers[0]);
		for (unsigned i = 0; i < 3; i++) {
			cf_state_set(top.state, numbers[i]);
			assert_int_equal(cf_ask(&step, &top), above[i]);
			assert_int_equal(cf_ask(&twice, &top.state), numbers[i] * 2);
			expect_runs(1, 4);
			if (how)
				(void)snapshot();
			if (how == 2) {
				crash();
				top.state = cf_state_make(numbers[i]);
				/* Bottom up, and top down. */
				for (top.level = i % 2 ? 3 : 0; top.level != 2;
				     top.level = top.level ? 2 : 3)
					(void)cf_ask(&step, &top);
				top.level = 3;
				expect_runs(1, 0);
			}
		}
		cf_close();
	}
}

/* ---- eviction_transient_reader_invalidated --------------------------------------------------------- */

static struct cf_state seen_state;
static struct pawl_atomic_u64 seen;

static int sees_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct step top = {seen_state, 3};
	int64_t number;
	int error = cf_call(context, &step, &top, &number);

	(void)args, (void)ret_output;
	if (!error)
		pawl_store_relaxed(&seen, (uint64_t)number);
	return error;
}

static void expect_seen(uint64_t number)
{
	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	assert_int_equal(pawl_load_relaxed(&seen), number);
}

static void case_transient_reader(void **state)
{
	pawl_ref_t root;

	(void)state;
	begin(&tables);
	for (unsigned i = 0; i < 3; i++) {
		seen_state = cf_state_make(29);
		assert_int_equal(
			pawl_engine_spawn_root(cf_engine, sees_body, NULL, NULL, &root), 0);
		expect_seen(100);
		(void)snapshot();
		cf_state_set(seen_state, 0);
		expect_seen(13);
		(void)snapshot();
		cf_state_set(seen_state, 10);
		expect_seen(43);
		if (i == 1)
			crash();
		else
			cf_restart();
	}
	cf_close();
}

/* ---- eviction_stress_concurrent -------------------------------------------------------------------- */

struct offset {
	struct cf_state state;
	uint64_t i;
};

static int add_offset_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	const struct offset *offset = args;
	struct step leaf = {offset->state, 0};
	int64_t number;
	int error = cf_call(context, &step, &leaf, &number);

	return error ? error : cf_give(context, number + (int64_t)offset->i, ret_output);
}
CF_FUNCTION(add_offset, 0, sizeof(struct offset));

static int multiply_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct offset *offset = args;
	int64_t number;
	int error = cf_call(context, &add_offset, offset, &number);

	return error ? error : cf_give(context, number * ((int64_t)offset->i + 2), ret_output);
}
CF_FUNCTION(multiply, 0, sizeof(struct offset));

#define FAN 20

static int fan_out_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct offset offset = {*(const struct cf_state *)args, 0};
	int64_t sum = 0, number = 0;
	int error = 0;

	for (; offset.i < FAN && !error; offset.i++) {
		error = cf_call(context, &multiply, &offset, &number);
		sum += number;
	}
	return error ? error : cf_give(context, sum, ret_output);
}
CF_FUNCTION(fan_out, 0, sizeof(struct cf_state));

static const struct pawl_function *const fan_functions[] = {&step, &add_offset, &multiply,
							    &fan_out};
static const struct cf_tables fan_tables = {fan_functions, 4, NULL, 0, NULL, 0, 0};

static struct pawl_atomic_u32 enough;

static void snap_on(void *arg)
{
	(void)arg;
	do
		t_check(!pawl_engine_snapshot(cf_engine, NULL));
	while (!pawl_load_relaxed(&enough));
}

static int64_t fan_of(int64_t number)
{
	int64_t sum = 0;

	for (int64_t i = 0; i < FAN; i++)
		sum += (number + i) * (i + 2);
	return sum;
}

static void case_stress(void **state)
{
	unsigned rounds = t_scaled(50);
	struct cf_state number;

	(void)state;
	begin(&fan_tables);
	for (unsigned again = 0; again < 3; again++) {
		struct t_thread *thread;

		number = cf_state_make(again);
		pawl_store_relaxed(&enough, 0u);
		thread = t_thread_start(snap_on, NULL);
		for (unsigned i = 0; i < rounds; i++) {
			cf_state_set(number, i * 3);
			assert_int_equal(cf_ask(&fan_out, &number), fan_of(i * 3));
		}
		pawl_store_relaxed(&enough, 1u);
		t_thread_join(thread);
		if (again)
			cf_restart();
		else
			crash();
	}
	cf_close();
}

/* ---- a reader, a writer, and snapshots --------------------------------------------------------------- */

#define STEPS 80

static void write_all(void *arg)
{
	for (unsigned i = 1; i <= STEPS; i++) {
		cf_state_set(*(const struct cf_state *)arg, i);
		t_step();
	}
}

static void snap_some(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 12; i++)
		t_check(!pawl_engine_snapshot(cf_engine, NULL));
}

static void case_reader_writer_snapshots(void **state)
{
	struct t_thread *threads[2];
	struct cf_state number;
	int64_t last = 0;

	(void)state;
	begin(&tables);
	number = cf_state_make(0);
	threads[0] = t_thread_start(write_all, &number);
	threads[1] = t_thread_start(snap_some, NULL);
	for (unsigned i = 0; i < STEPS; i++) {
		int64_t now = cf_ask(&twice, &number);

		assert_true(now >= last && now <= 2 * STEPS && now % 2 == 0);
		last = now;
	}
	for (unsigned i = 0; i < 2; i++)
		t_thread_join(threads[i]);
	assert_int_equal(cf_ask(&twice, &number), 2 * STEPS);
	(void)snapshot();
	crash();
	(void)cf_counted(&ran), (void)cf_counted(&ran_leaf);
	number = cf_state_make(STEPS);
	assert_int_equal(cf_ask(&twice, &number), 2 * STEPS);
	expect_runs(1, 0);
	cf_close();
}

/* ---- an update that is held open while a snapshot is made ---------------------------------------------- */

static struct cf_gate gate;

static int to_five(void *arg, const struct pawl_value *before, struct pawl_value **ret_after)
{
	(void)arg, (void)before;
	t_check(!cf_gate_pass(&gate));
	*ret_after = cf_value(5);
	return 0;
}

static void update(void *arg)
{
	t_check(!pawl_state_update(cf_state_of(*(const struct cf_state *)arg), to_five, NULL));
}

static void case_update_beside_snapshot(void **state)
{
	(void)state;
	/* The program that begins anew knows of the update, or does not. */
	for (int64_t known = 0; known < 2; known++) {
		struct t_thread *thread;
		struct cf_state number;

		begin(&tables);
		number = cf_state_make(3);
		assert_int_equal(cf_ask(&twice, &number), 6);
		cf_gate_init(&gate);
		thread = t_thread_start(update, &number);
		cf_gate_wait(&gate, 1);
		/* An update holds nothing: no snapshot waits for it. */
		assert_int_equal(snapshot(), 2);
		assert_int_equal(cf_ask(&twice, &number), 6);
		cf_gate_open(&gate);
		t_thread_join(thread);
		assert_int_equal(cf_ask(&twice, &number), 10);
		crash();
		(void)cf_counted(&ran), (void)cf_counted(&ran_leaf);
		number = cf_state_make(known ? 5 : 3);
		assert_int_equal(cf_ask(&twice, &number), known ? 10 : 6);
		expect_runs(1, known ? 1 : 0);
		cf_close();
	}
}

/* ---- named owners: the same task again ---------------------------------------------------------------- */

static int ref_visit(struct pawl_context *context, void *arg)
{
	pawl_ref_t *refs = arg;

	for (uint64_t i = 0; i < 4; i++) {
		struct step at = {{1}, i};

		t_check(!pawl_call(context, &step, &at, &refs[i]));
		t_check(!pawl_resolve(context, refs[i], PAWL_READ_STRONG, &refs[4 + i], NULL));
	}
	return 0;
}

static void case_identity(void **state)
{
	pawl_ref_t before[8], after[8];

	(void)state;
	begin(&tables);
	assert_int_equal(cf_state_make(7).state, 1);
	cf_visit(ref_visit, before);
	for (unsigned i = 0; i < 3; i++) {
		cf_restart();
		assert_int_equal(cf_state_make(7 + i).state, 1);
		cf_visit(ref_visit, after);
		assert_memory_equal(before, after, sizeof(before));
	}
	for (unsigned i = 0; i < 8; i++) {
		for (unsigned j = 0; j < i; j++)
			assert_false(pawl_ref_equal(before[i], before[j]));
	}
	cf_close();
}

/* ---- derivable_cell: values that are saved, and those that are not -------------------------------------- */

static size_t text_encode(const void *payload, size_t bytes, void *into, size_t room)
{
	if (bytes <= room) {
		for (size_t i = 0; i < bytes; i++)
			((char *)into)[i] = (char)(((const char *)payload)[i] + 1);
	}
	return bytes;
}

static int text_decode(const struct pawl_value_type *type, const void *from, size_t bytes,
		       struct pawl_value **ret_value)
{
	int error = pawl_value_create(type, bytes, ret_value);

	for (size_t i = 0; i < bytes && !error; i++)
		((char *)pawl_value_payload(*ret_value))[i] =
			(char)(((const char *)from)[i] - 1);
	return error;
}
static const struct pawl_value_type plain_type = {
	.size = sizeof(plain_type), .name = "plain", .version = 1, .flags = PAWL_VALUE_PLAIN};
static const struct pawl_value_type text_type = {.size = sizeof(text_type),
						 .name = "text",
						 .version = 1,
						 .encode = text_encode,
						 .decode = text_decode};
/* Something of this process. */
static const struct pawl_value_type live_type = {
	.size = sizeof(live_type), .name = "live", .version = 1};
static const struct pawl_value_type *const kinds[] = {&plain_type, &text_type, &live_type};
static const char words[] = "kept, and read back as it was";

static int make_kind_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_value_of(kinds[*(const uint64_t *)args], words, sizeof(words), &value);

	cf_count(&ran_leaf);
	return error ? error : pawl_cell(context, value, ret_output);
}
CF_FUNCTION(make_kind, 0, sizeof(uint64_t));

struct look {
	uint64_t kind, nonce;
};

static int look_kind_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	const struct look *look = args;
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, &make_kind, &look->kind, &ref);

	if (!error)
		error = pawl_read(context, ref, 0, &value, NULL);
	cf_count(&ran);
	if (error)
		return error;
	t_check(pawl_value_type_of(value) == kinds[look->kind]);
	t_check(!strcmp(pawl_value_payload(value), words));
	pawl_value_unpin(value);
	return cf_give(context, (int64_t)look->kind, ret_output);
}
CF_FUNCTION(look_kind, 0, sizeof(struct look));

static const struct pawl_function *const kind_functions[] = {&make_kind, &look_kind};
static const struct cf_tables kind_tables = {kind_functions, 2, kinds, 3, NULL, 0, 0};

static void case_kinds_of_values(void **state)
{
	struct look look = {0, 0};

	(void)state;
	begin(&kind_tables);
	for (look.kind = 0; look.kind < 3; look.kind++)
		assert_int_equal(cf_ask(&look_kind, &look), look.kind);
	expect_runs(3, 3);
	for (unsigned i = 1; i < 3; i++) {
		cf_restart();
		/* Who has read it has no need of it. */
		for (look.kind = 0; look.kind < 3; look.kind++)
			assert_int_equal(cf_ask(&look_kind, &look), look.kind);
		expect_runs(0, 0);
		/* Others have: what was not saved is made again, and who had read it hears of nothing. */
		for (look.kind = 0; look.kind < 3; look.kind++) {
			look.nonce = i;
			assert_int_equal(cf_ask(&look_kind, &look), look.kind);
			expect_runs(look.kind == 2, 1);
			look.nonce = 0;
			assert_int_equal(cf_ask(&look_kind, &look), look.kind);
			expect_runs(0, 0);
		}
	}
	cf_close();
}

/* ---- eviction_session_stateful_survives, eviction_persistable_never_preserves_live_cell ------------------ */

static int64_t live_thing;

static int live_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t *thing = &live_thing;
	struct pawl_value *value;
	int error = pawl_value_of(&live_type, &thing, sizeof(thing), &value);

	(void)args;
	cf_count(&ran_leaf);
	pawl_mark_stateful(context);
	return error ? error : pawl_cell(context, value, ret_output);
}
CF_FUNCTION(live, 0, 0);

static int uses_live_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int64_t number, *thing;
	pawl_ref_t ref;
	int error = cf_state_get(context, *(const struct cf_state *)args, &number);

	if (!error)
		error = pawl_call(context, &live, NULL, &ref);
	if (!error)
		error = pawl_read(context, ref, 0, &value, NULL);
	cf_count(&ran);
	if (error)
		return error;
	memcpy(&thing, pawl_value_payload(value), sizeof(thing));
	pawl_value_unpin(value);
	t_check(thing == &live_thing);
	return cf_give(context, number + *thing, ret_output);
}
CF_FUNCTION(uses_live, 0, sizeof(struct cf_state));

static const struct pawl_function *const live_functions[] = {&live, &uses_live};
static const struct pawl_value_type *const live_types[] = {&live_type};
static const struct cf_tables live_tables = {live_functions, 2, live_types, 1, NULL, 0, 0};

static void case_live_values(void **state)
{
	struct cf_state number;

	(void)state;
	begin(&live_tables);
	live_thing = 40;
	number = cf_state_make(1);
	assert_int_equal(cf_ask(&uses_live, &number), 41);
	expect_runs(1, 1);
	for (int64_t i = 2; i < 5; i++) {
		assert_true(snapshot() > 0);
		cf_state_set(number, i);
		assert_int_equal(cf_ask(&uses_live, &number), 40 + i);
		expect_runs(0, 1);
	}
	/* In the next process it is made again. */
	cf_restart();
	number = cf_state_make(6);
	assert_int_equal(cf_ask(&uses_live, &number), 46);
	expect_runs(1, 1);
	cf_close();
}

/* ---- inline_read_execution: restored, session dependent leaves --------------------------------------------- */

#define LEAVES 21

static int session_leaf_body(struct pawl_context *context, const void *args,
			     pawl_ref_t *ret_output)
{
	cf_count(&ran_leaf);
	return cf_give(context, *(const int64_t *)args, ret_output);
}
CF_FUNCTION(session_leaf, PAWL_FUNCTION_SESSION_DEPENDENT, sizeof(int64_t));

static int leaf_sum_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t sum = 0, number = 0;
	int error = 0;

	(void)args;
	for (int64_t i = 0; i < LEAVES && !error; i++) {
		error = cf_call(context, &session_leaf, &i, &number);
		sum += number;
	}
	cf_count(&ran);
	return error ? error : cf_give(context, sum, ret_output);
}
CF_FUNCTION(leaf_sum, 0, 0);

static const struct pawl_function *const leaf_functions[] = {&session_leaf, &leaf_sum};
static const struct cf_tables leaf_tables = {leaf_functions, 2, NULL, 0, NULL, 0, 0};

static void case_session_leaves(void **state)
{
	(void)state;
	begin(&leaf_tables);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(cf_ask(&leaf_sum, NULL), LEAVES * (LEAVES - 1) / 2);
		expect_runs(LEAVES, !i);
		assert_int_equal(cf_ask(&leaf_sum, NULL), LEAVES * (LEAVES - 1) / 2);
		expect_runs(0, 0);
		cf_restart();
	}
	cf_close();
}

/* ---- what is restored ------------------------------------------------------------------------------------------ */

#define ABOVE 100

static int above_leaf_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	const int64_t *own = args, same = 5;
	int64_t number;
	int error = cf_call(context, &session_leaf, &same, &number);

	return error ? error : cf_give(context, number + *own, ret_output);
}
CF_FUNCTION(above_leaf, 0, sizeof(int64_t));

static int above_sum_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	int64_t sum = 0, number = 0;
	int error = 0;

	(void)args;
	for (int64_t i = 0; i < ABOVE && !error; i++) {
		error = cf_call(context, &above_leaf, &i, &number);
		sum += number;
	}
	cf_count(&ran);
	return error ? error : cf_give(context, sum, ret_output);
}
CF_FUNCTION(above_sum, 0, 0);

static const struct pawl_function *const above_functions[] = {&session_leaf, &above_leaf,
							      &above_sum};
static const struct cf_tables above_tables = {above_functions, 3, NULL, 0, NULL, 0, 0};

/* One leaf below many: an answer that has not changed needs those on the way to it, and no others. */
static void case_what_is_restored(void **state)
{
	struct pawl_engine_store_stats stats;

	(void)state;
	begin(&above_tables);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(cf_ask(&above_sum, NULL), ABOVE * 5 + ABOVE * (ABOVE - 1) / 2);
		expect_runs(1, !i);
		assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
		assert_int_equal(pawl_engine_store_stats_read(cf_engine, &stats), 0);
		print_message("# %u tasks, %u were restored\n", ABOVE + 2,
			      (unsigned)stats.restored);
		assert_true(stats.restored < ABOVE / 2);
		cf_restart();
	}
	cf_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_restored_reader),
		cmocka_unit_test(case_reader_after_snapshot),
		cmocka_unit_test(case_chains),
		cmocka_unit_test(case_transient_reader),
		cmocka_unit_test(case_stress),
		cmocka_unit_test(case_reader_writer_snapshots),
		cmocka_unit_test(case_update_beside_snapshot),
		cmocka_unit_test(case_identity),
		cmocka_unit_test(case_kinds_of_values),
		cmocka_unit_test(case_live_values),
		cmocka_unit_test(case_session_leaves),
		cmocka_unit_test(case_what_is_restored),
	};

	cf_snapshots_often = false;
	return t_run("conform-store", tests);
}
