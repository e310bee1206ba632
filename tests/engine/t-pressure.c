/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-pressure.c - a budget of memory that is too small, for the moment or for good: who waits and who does not, what is told
 * of it and how often, what is given back; no memory for what makes room; and what has left is damaged.
 */
#include "stored.h"

#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/rcu.h>

#include "../../engine/engine.h"
#include "../../engine/graph/backing.h"
#include "../../engine/graph/context.h"
#include "../../engine/graph/evict.h"
#include "../../engine/graph/intake.h"
#include "../../engine/memory.h"
#include "../../engine/persist/faults.h"
#include "../../engine/persist/persist.h"

#define MEGABYTE  (UINT64_C(1) << 20)
#define SECOND_NS UINT64_C(1000000000)
#define CHAIN	  6u

static struct pawl_atomic_u32 ran;

/* ---- functions -------------------------------------------------------------------------------- */

/* 1: who encodes such a value next stays there, until it is neither that nor 2. */
static struct pawl_atomic_u32 gate;

static size_t held_encode(const void *payload, size_t bytes, void *into, size_t room)
{
	uint32_t shut = 1;

	if (pawl_cas_acq_rel(&gate, &shut, 2u)) {
		pawl_rcu_idle_enter();
		while (pawl_load_acquire(&gate) == 2)
			t_yield();
		pawl_rcu_idle_leave();
	}
	return st_encode(payload, bytes, into, room);
}

static const struct pawl_value_type held_type = {.size = sizeof(held_type),
						 .name = "held",
						 .version = 1,
						 .encode = held_encode,
						 .decode = st_decode};

static int large_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	return st_give_large(context, &st_number, *(const int64_t *)args, ret_output);
}
static const struct pawl_function large = {sizeof(large), "large",	    1,	  0,
					   large_body,	  sizeof(uint64_t), NULL, 0};

static int staying_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	return st_give_large(context, &st_staying, *(const int64_t *)args, ret_output);
}
static const struct pawl_function staying = {sizeof(staying), "staying",	1,    0,
					     staying_body,    sizeof(uint64_t), NULL, 0};

static int held_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	return fr_give_of(context, &held_type, *(const int64_t *)args, ret_output);
}
static const struct pawl_function held = {sizeof(held), "held",		  1,	0,
					  held_body,	sizeof(uint64_t), NULL, 0};

/* 0 looks at the state; each of the others adds one to the one before. */
static int chain_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output);
static const struct pawl_function chain = {sizeof(chain), "chain",	    1,	  0,
					   chain_body,	  sizeof(uint64_t), NULL, 0};
static int chain_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = *(const uint64_t *)args, below = n - 1;
	int64_t number;
	int error;

	pawl_add_relaxed(&ran, 1u);
	error = n ? fr_call(context, &chain, &below, 0, &number)
		  : fr_look(context, st_states[0], &number);
	return error ? error : fr_give_of(context, &st_number, number + 1, ret_output);
}

/* ---- engines ---------------------------------------------------------------------------------- */

/* How often it was said that it cannot be kept. */
static struct pawl_atomic_u32 told;

static void sink(void *arg, const struct pawl_notice *notice)
{
	struct eng_intake *intake;

	(void)arg;
	if (strcmp(notice->name, "engine.memory"))
		return;
	intake = fr_engine->graph->intake;
	t_check(notice->severity == PAWL_SEVERITY_WARNING);
	t_check(strstr(notice->message, "no more of it can leave"));
	t_check(!strncmp(notice->json, "{\"budget\":", 10));
	pawl_add_relaxed(&told, 1u);
	/* Just now somebody finds that there is too much: between the end of a round and the wait behind it. */
	intake->look(intake, 0);
}

static const struct pawl_trait mark = {sizeof(mark), "mark", NULL, 0};

static struct pawl_engine_options options_of(uint64_t budget)
{
	static const struct pawl_trait *const traits[] = {&mark};
	static const struct pawl_function *const functions[] = {&large, &staying, &held,
								&chain};
	static const struct pawl_value_type *const types[] = {ST_TYPES, &held_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	FR_LIST(options, functions);
	FR_LIST(options, types);
	FR_LIST(options, traits);
	options.sink = sink;
	options.verify = PAWL_VERIFY_NEVER;
	options.memory_bytes = budget;
	pawl_store_relaxed(&gate, 0u);
	pawl_store_relaxed(&told, 0u);
	return options;
}

static void up(uint64_t budget, enum st_on on)
{
	st_up(options_of(budget), on);
}

/* ---- too much for the moment -------------------------------------------------------------------- */

static int ask_body(void *arg, void **ret_value)
{
	(void)ret_value;
	return fr_try(arg);
}

/* A task of the runtime asks: something may wait for it, so it waits for nobody. */
static void ask_within(uint64_t n)
{
	struct pawl_runtime *on = pawl_engine_runtime(fr_engine);
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct fr_ask one = {
		.function = &large, .args = &n, .flags = PAWL_READ_STRONG, .number = -1};
	pawl_task_t task;

	assert_int_equal(pawl_spawn(pawl_runtime_root(on), &options, ask_body, &one, &task), 0);
	assert_int_equal(pawl_task_wait(on, task, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_task_drop(on, task), 0);
	assert_int_equal(one.number, n);
}

/* While the body that makes room is at work who comes from outside waits for it; then all goes on. */
static void case_throttle(void **unused)
{
	struct pawl_engine_memory memory;
	uint64_t n = 0, waits;

	(void)unused;
	up(8 * MEGABYTE, ST_IN_MEMORY);
	/* What it saves first, it stays at. */
	pawl_store_release(&gate, 1u);
	assert_int_equal(st_ask(&held, 1), 1);
	while (pawl_load_acquire(&gate) != 2) {
		assert_int_equal(st_ask(&large, n), n);
		n++;
	}
	waits = st_memory().waits;
	do {
		assert_int_equal(st_ask(&large, n), n);
		n++;
		memory = st_memory();
	} while (memory.waits == waits);
	assert_int_equal(pawl_load_acquire(&gate), 2);
	assert_true(memory.waited_ns > 0);
	/* There is still too much, and only those from outside wait. */
	waits = memory.waits;
	for (unsigned i = 0; i < 20; i++)
		ask_within(n++);
	assert_int_equal(st_memory().waits, waits);
	assert_int_equal(st_ask(&large, n), n);
	assert_int_equal(st_memory().waits, waits + 1);
	pawl_store_release(&gate, 0u);
	/* What has left is what it was. */
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(st_ask(&large, i), i);
	assert_int_equal(st_ask(&held, 1), 1);
	assert_true(st_memory().snapshots > 0);
	st_down();
}

/* While a part is saved no more of the next is made than the store will have memory for. */
static void case_room_to_save(void **unused)
{
	const uint64_t budget = 8 * MEGABYTE;
	uint64_t n = 0;

	(void)unused;
	up(budget, ST_IN_MEMORY);
	pawl_store_release(&gate, 1u);
	assert_int_equal(st_ask(&held, 1), 1);
	while (!st_memory().waits) {
		assert_int_equal(st_ask(&large, n), n);
		n++;
	}
	assert_int_equal(pawl_load_acquire(&gate), 2);
	/* All of it, and three times what is not saved, which is all; but for what nobody has looked at. */
	assert_true(n * ST_LARGE <= budget / 4 + 8 * ST_LARGE);
	pawl_store_release(&gate, 0u);
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(st_ask(&large, i), i);
	st_down();
}

/* A round may find that there is nothing to do: that is not in vain, and nobody may take more than there is because of it. */
static void case_nothing_to_do(void **unused)
{
	(void)unused;
	up(ST_NEVER_NEAR, ST_IN_MEMORY);
	assert_int_equal(st_ask(&large, 1), 1);
	assert_true(eng_memory_relieve(fr_engine->memory));
	st_down();
}

/* ---- too much for good ---------------------------------------------------------------------------- */

/* The body sleeps until then. */
static void sleeps_until(uint64_t until_ns)
{
	while (pawl_runtime_quiet_until(fr_rt) != until_ns) {
		/* What leaves waits for a grace period, and so for this thread. */
		pawl_rcu_quiescent();
		t_yield();
	}
}

/* Nobody waits for a body that waits itself, however often somebody finds that there is too much. */
static void nobody_waits(uint64_t *n)
{
	uint64_t waits = st_memory().waits;

	for (unsigned i = 0; i < 20; i++, ++*n)
		assert_int_equal(st_ask(&staying, *n), *n);
	assert_int_equal(st_memory().waits, waits);
}

static void time_is(uint64_t at_ns)
{
	pawl_store_release(&fr_clock_ns, at_ns);
	pawl_runtime_clock_moved(fr_rt);
}

/* It is told of once, and again when it has lasted for more than twice as long; meanwhile it is left alone. */
static void case_not_kept(void **unused)
{
	static const struct {
		uint64_t at, until;
		unsigned told;
	} rounds[] = {{1, 3, 1},   {3, 7, 2},	 {7, 15, 2},	{15, 31, 3},
		      {31, 63, 3}, {63, 123, 4}, {123, 183, 4}, {183, 243, 5}};
	struct pawl_runtime_options runtime = PAWL_RUNTIME_OPTIONS_INIT;
	uint64_t n = 0, begun = SECOND_NS;

	(void)unused;
	runtime.workers = 2;
	runtime.now = fr_now;
	pawl_store_release(&fr_clock_ns, begun);
	fr_runtime_up(runtime);
	up(4 * MEGABYTE, ST_NOWHERE);
	while (n < 2 * 4 * MEGABYTE / ST_LARGE) {
		assert_int_equal(st_ask(&staying, n), n);
		n++;
	}
	sleeps_until(begun + SECOND_NS);
	assert_int_equal(pawl_load_relaxed(&told), 1);
	nobody_waits(&n);
	for (size_t i = 0; i < sizeof(rounds) / sizeof(*rounds); i++) {
		time_is(begun + rounds[i].at * SECOND_NS);
		sleeps_until(begun + rounds[i].until * SECOND_NS);
		assert_int_equal(pawl_load_relaxed(&told), rounds[i].told);
		nobody_waits(&n);
	}
	assert_int_equal(st_memory().over, pawl_load_relaxed(&told));
	assert_int_equal(st_memory().dropped, 0);
	st_down();
}

/* The store takes nothing: whoever asks gets an answer all the same; nothing is lost, and all is saved when it takes it again. */
static void case_store_fails(void **unused)
{
	const uint64_t most = 2 * 8 * MEGABYTE / ST_LARGE;
	struct pawl_engine_memory memory;

	(void)unused;
	up(8 * MEGABYTE, ST_FAULTY);
	eng_fault_rate(st_store, ENG_FAULT_COMMIT, 1000);
	for (uint64_t n = 0; n < most; n++)
		assert_int_equal(st_ask(&large, n), n);
	memory = st_memory();
	assert_int_equal(memory.snapshots, 0);
	assert_int_equal(memory.evicted, 0);
	eng_fault_rate(st_store, ENG_FAULT_COMMIT, 0);
	assert_int_equal(pawl_engine_snapshot(fr_engine, NULL), 0);
	/* What the process has may stay what it was, where its allocator keeps it. */
	(void)eng_memory_relieve(fr_engine->memory);
	assert_true(st_memory().evicted > 0);
	for (uint64_t n = 0; n < most; n++)
		assert_int_equal(st_ask(&large, n), n);
	st_down();
}

/* There is a store, and nothing may leave: whoever asks gets an answer all the same. */
static void case_nothing_leaves(void **unused)
{
	const uint64_t most = 2 * 8 * MEGABYTE / ST_LARGE;

	(void)unused;
	up(8 * MEGABYTE, ST_IN_MEMORY);
	for (uint64_t n = 0; n < most; n++)
		assert_int_equal(st_ask(&staying, n), n);
	assert_int_equal(st_memory().evicted, 0);
	for (uint64_t n = 0; n < most; n++)
		assert_int_equal(st_ask(&staying, n), n);
	st_down();
}

/* ---- stacks ------------------------------------------------------------------------------------------ */

/* Two workers keep some 125 of them: half is not near that. */
#define STACKS 320u
static struct pawl_atomic_u32 on_stacks, stacks_end;

static int stack_body(void *arg, void **ret_value)
{
	int error = 0;

	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&on_stacks, 1u);
	while (!pawl_load_acquire(&stacks_end) && !error)
		error = pawl_yield();
	return error;
}

static uint64_t stacks_given_back(void)
{
	struct pawl_fiber_stats stats;

	pawl_fiber_stats_read(&stats);
	return stats.given_back;
}

/* Stacks that nobody is on go back to the system, but for those that threads keep for their next bodies. */
static void case_stacks(void **unused)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	pawl_task_t tasks[STACKS];
	uint64_t before, n = 0;

	(void)unused;
	up(4 * MEGABYTE, ST_NOWHERE);
	pawl_store_relaxed(&on_stacks, 0u);
	pawl_store_relaxed(&stacks_end, 0u);
	for (unsigned i = 0; i < STACKS; i++)
		assert_int_equal(pawl_spawn(pawl_runtime_root(pawl_engine_runtime(fr_engine)),
					    &options, stack_body, NULL, &tasks[i]),
				 0);
	t_wait_until(pawl_load_relaxed(&on_stacks) == STACKS);
	before = stacks_given_back();
	pawl_store_release(&stacks_end, 1u);
	for (unsigned i = 0; i < STACKS; i++) {
		assert_int_equal(pawl_task_wait(pawl_engine_runtime(fr_engine), tasks[i],
						PAWL_FOREVER, NULL),
				 0);
		assert_int_equal(pawl_task_drop(pawl_engine_runtime(fr_engine), tasks[i]), 0);
		t_step();
	}
	while (st_memory().counted_bytes < 4 * MEGABYTE)
		assert_int_equal(st_ask(&staying, n), n), n++;
	(void)eng_memory_relieve(fr_engine->memory);
	assert_true(stacks_given_back() - before >= STACKS / 2);
	st_down();
}

/* ---- no memory -------------------------------------------------------------------------------------- */

/* In memory, and saved; from here on runs count. */
static void all_there(void)
{
	eng_restore_all(fr_engine->graph);
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	assert_int_equal(pawl_engine_snapshot(fr_engine, NULL), 0);
	pawl_store_relaxed(&ran, 0u);
}

/* What is of this session finds no memory to stay in: then its record stays. */
static void case_no_memory_to_leave(void **unused)
{
	uint64_t evicted, most = 0;
	bool failed = true;

	(void)unused;
	up(ST_NEVER_NEAR, ST_IN_MEMORY);
	assert_int_equal(st_ask(&chain, CHAIN), CHAIN + 1);
	for (uint64_t n = 1; failed; n++) {
		all_there();
		t_alloc_fail_at(n);
		evicted = eng_evict_all(fr_engine->graph);
		failed = t_alloc_failed();
		t_alloc_fail_at(0);
		most = evicted > most ? evicted : most;
		assert_int_equal(st_ask(&chain, CHAIN), CHAIN + 1);
		assert_int_equal(pawl_load_relaxed(&ran), 0);
	}
	/* Each place at which it may fail was one, and without a failure all leave. */
	assert_int_equal(most, CHAIN + 1);
	pawl_store_relaxed(&ran, 0u);
	assert_int_equal(pawl_state_set(st_states[0], fr_value_of(&st_number, 10)), 0);
	assert_int_equal(st_ask(&chain, CHAIN), CHAIN + 11);
	assert_int_equal(pawl_load_relaxed(&ran), CHAIN + 1);
	st_down();
}

/* Who comes back waits for memory; who asks is told that there is none, and nothing is lost by it. */
static void case_no_memory_to_come_back(void **unused)
{
	unsigned failures = 0;
	bool failed = true;

	(void)unused;
	up(ST_NEVER_NEAR, ST_IN_MEMORY);
	assert_int_equal(st_ask(&chain, CHAIN), CHAIN + 1);
	for (uint64_t n = 1; failed; n++) {
		const uint64_t last = CHAIN;
		struct fr_ask one = {
			.function = &chain, .args = &last, .flags = PAWL_READ_STRONG};
		int error;

		all_there();
		assert_int_equal(eng_evict_all(fr_engine->graph), CHAIN + 1);
		t_alloc_fail_at(n);
		error = fr_try(&one);
		failed = t_alloc_failed();
		t_alloc_fail_at(0);
		failures += failed;
		assert_true(!error || (failed && error == -ENOMEM));
		if (!error)
			assert_int_equal(one.number, CHAIN + 1);
		assert_int_equal(st_ask(&chain, CHAIN), CHAIN + 1);
		assert_int_equal(pawl_load_relaxed(&ran), 0);
	}
	assert_true(failures > CHAIN);
	/* A change, whose way up leads through what is not there. */
	failed = true;
	for (int64_t n = 1; failed; n++) {
		struct pawl_value *number = fr_value_of(&st_number, n);
		int error;

		all_there();
		assert_int_equal(eng_evict_all(fr_engine->graph), CHAIN + 1);
		t_alloc_fail_at((uint64_t)n);
		error = pawl_state_set(st_states[0], number);
		failed = t_alloc_failed();
		t_alloc_fail_at(0);
		if (error) {
			assert_true(failed && error == -ENOMEM);
			assert_int_equal(
				pawl_state_set(st_states[0], fr_value_of(&st_number, n)), 0);
		}
		assert_int_equal(st_ask(&chain, CHAIN), CHAIN + 1 + n);
	}
	st_down();
}

/* ---- a loss ------------------------------------------------------------------------------------------ */

static void damage(eng_id id)
{
	struct pawl_slice garbage = {"garbage", 7};
	struct pawl_store_batch *batch;

	assert_int_equal(pawl_store_begin_write(st_store, &batch), 0);
	assert_int_equal(pawl_store_put(batch, PAWL_STORE_META, pawl_store_id(id), garbage), 0);
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
}

/* A chain has left memory, and one in the middle is damaged: its number. */
static eng_id up_with_a_loss(void)
{
	eng_id id;

	up(ST_NEVER_NEAR, ST_IN_MEMORY);
	assert_int_equal(st_ask(&chain, CHAIN), CHAIN + 1);
	id = st_id_of(&chain, CHAIN / 2);
	all_there();
	damage(id);
	/* From here on that is what is read. */
	assert_int_equal(st_ask(&held, 1), 1);
	all_there();
	assert_true(eng_evict_all(fr_engine->graph) > CHAIN);
	return id;
}

/* Somebody finds that it is lost, and changes what stands in for it. */
static void find_lost(eng_id id)
{
	struct eng_quiesce_slot *inside =
		eng_quiesce_enter(fr_engine->graph->quiesce, fr_engine->graph);
	struct eng_node *node = eng_lock(fr_engine->graph, id);

	assert_int_equal(eng_node_key(node)->function, 0);
	eng_modify(node, ENG_META);
	eng_unlock(node);
	eng_quiesce_leave(fr_engine->graph->quiesce, inside);
}

/*
 * What has left is damaged. Before the loss is repaired a snapshot is made, and then the process ends: the next one finds the
 * loss again.
 */
static void case_loss_and_crash(void **unused)
{
	eng_id id;

	(void)unused;
	id = up_with_a_loss();
	/* Somebody else's turn: until it is over the repair waits. */
	pawl_store_relaxed(&fr_engine->graph->evict->turn, 1u);
	find_lost(id);
	assert_int_equal(pawl_engine_snapshot(fr_engine, NULL), 0);
	assert_int_equal(pawl_load_relaxed(&fr_engine->graph->recoveries), 0);
	fr_engine->persist->saves = false;
	pawl_store_release(&fr_engine->graph->evict->turn, 0u);
	fr_close();
	st_again(options_of(ST_NEVER_NEAR));
	/* What was saved beside it does not count: nothing is known of who was to hear of the loss. */
	assert_non_null(fr_engine->persist->cold);
	eng_restore_all(fr_engine->graph);
	fr_settle();
	assert_int_equal(st_ask(&chain, CHAIN), CHAIN + 1);
	/* Once: what is saved from here on counts again. */
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	assert_int_equal(pawl_engine_snapshot(fr_engine, NULL), 0);
	fr_close();
	st_again(options_of(ST_NEVER_NEAR));
	assert_null(fr_engine->persist->cold);
	assert_int_equal(st_ask(&chain, CHAIN), CHAIN + 1);
	st_down();
}

static void found_none(void *arg, pawl_ref_t ref, int32_t count)
{
	(void)arg;
	(void)ref;
	(void)count;
	t_check(false);
}

static int peek_visit(struct pawl_context *context, void *arg)
{
	const eng_id *id = arg;

	t_check(pawl_peek(context, eng_ref(*id, 0), &mark, found_none, NULL) == -PAWL_ETASK);
	return 0;
}

/* Who peeks at what is lost hears of it: that nothing was emitted is not known. Called again it is made again. */
static void case_peek_at_a_loss(void **unused)
{
	eng_id id;

	(void)unused;
	id = up_with_a_loss();
	assert_int_equal(pawl_engine_run(fr_engine, peek_visit, &id), 0);
	fr_settle();
	assert_int_equal(pawl_load_relaxed(&fr_engine->graph->recoveries), 1);
	assert_int_equal(pawl_engine_run(fr_engine, peek_visit, &id), 0);
	assert_int_equal(st_ask(&chain, CHAIN), CHAIN + 1);
	assert_true(st_id_of(&chain, CHAIN / 2) != id);
	st_down();
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_throttle),
		cmocka_unit_test(case_room_to_save),
		cmocka_unit_test(case_nothing_to_do),
		cmocka_unit_test(case_not_kept),
		cmocka_unit_test(case_store_fails),
		cmocka_unit_test(case_nothing_leaves),
		cmocka_unit_test(case_stacks),
		cmocka_unit_test(case_no_memory_to_leave),
		cmocka_unit_test(case_no_memory_to_come_back),
		cmocka_unit_test(case_loss_and_crash),
		cmocka_unit_test(case_peek_at_a_loss),
	};

	return t_run("pressure", cases);
}
