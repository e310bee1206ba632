/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * random-graph.h - random graphs that change, and a model of them that recomputes everything.
 *
 * Task i reads input i, and that number says what it does: which tasks with smaller numbers it calls and which of
 * these it reads, whole or after a remainder, how many cells it makes, whether it fails, what it
 * emits. So each change of an input is another graph. The model computes the same by plain recursion.
 */
#ifndef RANDOM_GRAPH_H
#define RANDOM_GRAPH_H

#include <errno.h>
#include <string.h>

#include <pawl.h>
#include <pawl/atomic.h>
#include <pawl/engine.h>

#include "harness.h"

#define TASKS_MOST 160

static struct pawl_engine *engine;
static const struct pawl_value_type number_type = {
	.size = sizeof(number_type), .name = "number", .version = 1, .flags = PAWL_VALUE_PLAIN};
static struct pawl_atomic_u32 bodies; /* of nodes; inputs are not counted */
static const struct pawl_trait mark_trait = {sizeof(mark_trait), "mark", NULL, 0};

static uint32_t tasks;
static struct pawl_lock world_lock = PAWL_LOCK_INIT;
static uint64_t world[TASKS_MOST];
static struct pawl_invalidator told[TASKS_MOST];
static bool known[TASKS_MOST];

/* ---- what a task does, of its number and its input ---------------------------------------- */

enum { FAILS = -1 };

/* What comes next of a chain of random numbers. */
static uint64_t draw(uint64_t *state)
{
	*state = pawl_hash_u64(*state, 12345);
	return *state;
}

struct plan {
	uint32_t calls, callee[6];
	bool reads[6], second[6];
	uint32_t cells;
	bool fails, emits;
};

/*
 * Every fifth task is of a function of its own, whose code is another one where this is another number. It reads no
 * input: it is immutable, and one that is calls another one.
 */
static uint64_t other_code = 1;

static bool is_other(uint64_t n)
{
	return n % 5 == 1;
}

static struct plan plan_of(uint32_t n, uint64_t seed)
{
	struct plan plan = {0};
	uint64_t state = seed ^ ((uint64_t)n << 40);

	if (is_other(n))
		state = (other_code << 50) ^ ((uint64_t)n << 40);
	plan.calls = n ? (uint32_t)(draw(&state) % 7) : 0;
	for (uint32_t i = 0; i < plan.calls; i++) {
		/* Mostly near ones, for depth. */
		uint32_t most = draw(&state) % 3 && n > 8 ? 8 : n;

		plan.callee[i] = n - 1 - (uint32_t)(draw(&state) % most);
		plan.reads[i] = draw(&state) % 4;
		plan.second[i] = draw(&state) % 2;
	}
	plan.cells = 1 + (uint32_t)(draw(&state) % 3);
	plan.fails = draw(&state) % 16 == 0;
	plan.emits = draw(&state) % 3 == 0;
	if (is_other(n)) {
		plan.calls = n % 10 > 5;
		plan.callee[0] = n - 5;
		plan.reads[0] = true;
	}
	return plan;
}

/* Cell k of a task with that sum. Small, so that changes often end here. */
static int64_t cell_number(uint64_t sum, uint32_t k)
{
	return (int64_t)(sum % (5 + k));
}

/* ---- the model ------------------------------------------------------------------------------- */

struct result {
	bool known, fails;
	uint64_t sum;
	uint32_t cells;
};

static struct result model[TASKS_MOST];

/* Recursion, as deep as there are tasks. */
static const struct result *model_of(uint32_t n)
{
	struct result *result = &model[n];
	struct plan plan = plan_of(n, world[n]);

	if (result->known)
		return result;
	result->sum = n;
	result->cells = plan.cells;
	for (uint32_t i = 0; i < plan.calls && !result->fails; i++) {
		const struct result *below;

		if (!plan.reads[i])
			continue;
		below = model_of(plan.callee[i]);
		result->fails = below->fails;
		if (!result->fails)
			result->sum = result->sum * 31 +
				      (uint64_t)cell_number(below->sum, below->cells - 1);
	}
	result->fails |= plan.fails;
	result->known = true;
	return result;
}

static void mark_reached(uint32_t n, bool *reached)
{
	struct plan plan = plan_of(n, world[n]);
	bool failed = false;

	if (reached[n])
		return;
	reached[n] = true;
	for (uint32_t i = 0; i < plan.calls && !failed; i++) {
		mark_reached(plan.callee[i], reached);
		failed = plan.reads[i] && model_of(plan.callee[i])->fails;
	}
}

/* Does it come to the place where it emits? */
static bool model_emits(uint32_t n)
{
	struct plan plan = plan_of(n, world[n]);

	for (uint32_t i = 0; i < plan.calls; i++) {
		if (plan.reads[i] && model_of(plan.callee[i])->fails)
			return false;
	}
	return plan.emits;
}

/* ---- the same as tasks ------------------------------------------------------------------------- */

struct one {
	uint64_t n;
};

static int give(struct pawl_context *context, int64_t number, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_value_of(&number_type, &number, sizeof(number), &value);

	return error ? error : pawl_cell(context, value, ret_output);
}

static int input_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct pawl_invalidator invalidator;
	int64_t number;

	/* First, and with no lock held: it is an operation. */
	t_check(!pawl_context_invalidator(context, &invalidator));
	pawl_lock_lock(&world_lock);
	told[one->n] = invalidator;
	known[one->n] = true;
	number = (int64_t)world[one->n];
	pawl_lock_unlock(&world_lock);
	return give(context, number, ret_output);
}
static const struct pawl_function input = {sizeof(input),      "input", 1, 0, input_body,
					   sizeof(struct one), NULL,	0};
static const struct pawl_function graph_node;
static struct pawl_function other_node;

static const struct pawl_function *node_of(uint64_t n)
{
	return is_other(n) ? &other_node : &graph_node;
}

static int call(struct pawl_context *context, const struct pawl_function *function, uint64_t n,
		pawl_ref_t *ret_output)
{
	struct one one = {n};

	return pawl_call(context, function, &one, ret_output);
}

static int get(struct pawl_context *context, pawl_ref_t ref, uint32_t flags,
	       int64_t *ret_number)
{
	struct pawl_value *value;
	int error = pawl_read(context, ref, flags, &value, NULL);

	if (error)
		return error;
	memcpy(ret_number, pawl_value_payload(value), sizeof(*ret_number));
	pawl_value_unpin(value);
	return 0;
}

static int node_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	uint64_t sum = one->n;
	struct plan plan;
	pawl_ref_t ref;
	int64_t number = 0;
	int error = is_other(one->n) ? 0 : call(context, &input, one->n, &ref);

	t_step();
	pawl_add_relaxed(&bodies, 1u);
	if (!error && !is_other(one->n))
		error = get(context, ref, 0, &number);
	if (error)
		return error;
	plan = plan_of((uint32_t)one->n, (uint64_t)number);
	for (uint32_t i = 0; i < plan.calls; i++) {
		error = call(context, node_of(plan.callee[i]), plan.callee[i], &ref);
		if (!error && plan.second[i] && plan.reads[i])
			error = pawl_yield();
		if (!error && plan.reads[i]) {
			error = get(context, ref, 0, &number);
			sum = sum * 31 + (uint64_t)number;
		}
		if (error)
			return error;
	}
	for (uint32_t i = 0; i < plan.cells; i++) {
		error = give(context, cell_number(sum, i), ret_output);
		if (error)
			return error;
	}
	if (plan.emits) {
		error = give(context, (int64_t)one->n, &ref);
		if (!error)
			error = pawl_emit(context, &mark_trait, ref);
		if (error)
			return error;
	}
	return plan.fails ? pawl_context_fail(context, "so it was planned") : 0;
}
static const struct pawl_function graph_node = {sizeof(graph_node), "node", 1, 0, node_body,
						sizeof(struct one), NULL,   0};
static struct pawl_function other_node = {sizeof(other_node), "other", 1, 0, node_body,
					  sizeof(struct one), NULL,    0};

/* ---- comparing ------------------------------------------------------------------------------------ */

struct look {
	uint32_t n;
	int64_t number;
	uint32_t marks;
};

static int look_visit(struct pawl_context *context, void *arg)
{
	struct look *look = arg;
	pawl_ref_t ref;
	int error = call(context, node_of(look->n), look->n, &ref);

	return error ? error : get(context, ref, PAWL_READ_STRONG, &look->number);
}

static void mark(void *arg, pawl_ref_t ref, int32_t count)
{
	struct look *look = arg;

	(void)ref;
	look->marks += count > 0;
}

static int mark_visit(struct pawl_context *context, void *arg)
{
	struct look *look = arg;
	pawl_ref_t ref;
	int error = call(context, node_of(look->n), look->n, &ref);

	look->marks = 0;
	return error ? error : pawl_peek(context, ref, &mark_trait, mark, look);
}

static inline void compare_values(uint32_t n)
{
	struct look look = {n, 0, 0};
	const struct result *result = model_of(n);
	int error = pawl_engine_run(engine, look_visit, &look);

	assert_int_equal(error, result->fails ? -PAWL_ETASK : 0);
	if (!error)
		assert_int_equal(look.number, cell_number(result->sum, result->cells - 1));
}

static inline void compare(uint32_t n)
{
	struct look look = {n, 0, 0};
	bool reached[TASKS_MOST] = {false};
	uint32_t marks = 0;

	compare_values(n);
	assert_int_equal(pawl_engine_run(engine, mark_visit, &look), 0);
	mark_reached(n, reached);
	for (uint32_t i = 0; i < tasks; i++)
		marks += reached[i] && model_emits(i);
	assert_int_equal(look.marks, marks);
}

static inline void check_sums(void)
{
	char text[256];

	int error;

	/* -EBUSY: with a store it may have found that something is lost. */
	do {
		assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
		error = pawl_engine_verify(engine, text, sizeof(text));
	} while (error == -EBUSY);
	if (error)
		fail_msg("%s", text);
}

static void edit(uint32_t n, uint64_t number)
{
	struct pawl_invalidator invalidator;
	bool tell;

	pawl_lock_lock(&world_lock);
	world[n] = number;
	tell = known[n];
	invalidator = told[n];
	pawl_lock_unlock(&world_lock);
	if (tell)
		pawl_invalidate(&invalidator, 1);
}

/* With what the world was. `store` NULL: there is none. */
static inline int try_again(uint32_t workers, uint32_t storage, struct pawl_store *store)
{
	static const struct pawl_function *const functions[] = {&input, &graph_node,
								&other_node};
	static const struct pawl_value_type *const types[] = {&number_type};
	static const struct pawl_trait *const traits[] = {&mark_trait};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	memset(known, 0, sizeof(known));
	options.workers = workers;
	/* It makes no difference to anything else. */
	options.histories = (uint32_t)t_random_below(2);
	options.functions = functions;
	options.functions_n = 3;
	options.types = types;
	options.types_n = 1;
	options.traits = traits;
	options.traits_n = 1;
	options.storage = storage;
	options.store = store;
	/* Snapshots are taken where the test says, however long it takes. */
	options.snapshot_first_ns = options.snapshot_idle_ns = PAWL_FOREVER;
	return pawl_engine_open(&options, &engine);
}

static inline void up_again(uint32_t workers, uint32_t storage, struct pawl_store *store)
{
	assert_int_equal(try_again(workers, storage, store), 0);
}

static inline void world_make(void)
{
	for (uint32_t i = 0; i < TASKS_MOST; i++)
		world[i] = t_random_below(1000);
}

static inline void up(uint32_t workers)
{
	world_make();
	up_again(workers, PAWL_STORAGE_NONE, NULL);
}

/* While no engine is open. */
static inline void change_unseen(unsigned most)
{
	while (most--)
		world[t_random_below(tasks)] = t_random_below(1000);
	memset(model, 0, sizeof(model));
}

static inline void change(unsigned most)
{
	unsigned n = (unsigned)t_random_below(most) + 1;

	while (n--)
		edit((uint32_t)t_random_below(tasks), t_random_below(1000));
	memset(model, 0, sizeof(model));
}

/* Readers that see whatever there is while it changes. */
static struct pawl_atomic_u32 enough;

static inline void read_on(void *arg)
{
	uint64_t state = (uintptr_t)arg + 1;

	while (!pawl_load_relaxed(&enough)) {
		struct look look = {(uint32_t)(draw(&state) % tasks), 0, 0};
		int error = pawl_engine_run(engine, draw(&state) % 2 ? look_visit : mark_visit,
					    &look);

		t_check(!error || error == -PAWL_ETASK);
	}
}

#endif
