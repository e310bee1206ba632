/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph-program.h - tasks that do what their specs say, on whatever engine it is compiled for.
 *
 * Task i reads its spec, a list of steps, and does them: it calls other tasks, reads them in one way or
 * the other, and adds what it sees to a sum. Its cells hold small numbers made of that sum, so that
 * many changes end where they are read. Each change of a spec makes another graph.
 *
 * What a task gives depends on nothing but specs and states, not on its past: a value that is read
 * untracked is not used, collectibles are added up in any order, and where an order could show in the
 * cause of an error, the task fails with words of its own.
 *
 * Defines `static const struct graph_side side`; wants GRAPH_HAS_RING(context, ref),
 * GRAPH_IS_LOOSE(context). May have GRAPH_COLLECTS, where tasks go, GRAPH_OPTIONS(options), what else the engine is opened with, and GRAPH_STORE where
 * it may have one (graph-store.h): to one that remembers nothing a restart is one more change.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pawl/hash.h>
#include <pawl/lock.h>
#include <pawl/state.h>

#include "fuzz.h"
#include "graph.h"
#ifdef GRAPH_STORE
#include "graph-store.h"
#endif

/* ---- types and traits ---------------------------------------------------------------------- */

#define PARTS 4
#define TYPES 4

static void changed_parts(const void *before, size_t before_bytes, const void *after,
			  size_t after_bytes, void (*changed)(void *arg, uint64_t key_hash),
			  void *arg)
{
	const int64_t *a = before, *b = after;

	FUZZ_CHECK(before_bytes == PARTS * sizeof(*a) && after_bytes == before_bytes);
	for (uint64_t i = 0; i < PARTS; i++) {
		if (a[i] != b[i])
			changed(arg, i);
	}
}

#define TYPE(of_name, of_mode, of_flags)                                       \
	.size = sizeof(struct pawl_value_type), .name = of_name, .version = 1, \
	.mode = of_mode, .flags = of_flags, .implementations = NULL, .implementations_n = 0
/* Those that are not plain are not saved. */
static const struct pawl_value_type number_types[TYPES - 1] = {
	{TYPE("number", PAWL_CELL_COMPARE, PAWL_VALUE_PLAIN)},
	{TYPE("fresh", PAWL_CELL_NEW, 0)},
	{TYPE("hashed", PAWL_CELL_HASHED, 0)}};
static const struct pawl_value_type parts_type = {
	TYPE("parts", PAWL_CELL_KEYED, PAWL_VALUE_PLAIN), .changed_keys = changed_parts};
static const struct pawl_value_type spec_type = {
	TYPE("spec", PAWL_CELL_COMPARE, PAWL_VALUE_PLAIN)};
static const struct pawl_trait traits[2] = {{.size = sizeof(struct pawl_trait), .name = "mark"},
					    {.size = sizeof(struct pawl_trait),
					     .name = "note"}};

static struct pawl_value *number_make(unsigned type, int64_t number)
{
	struct pawl_value *value;

	FUZZ_CHECK(pawl_value_of(&number_types[type % (TYPES - 1)], &number, sizeof(number),
				 &value) == 0);
	return value;
}

static struct pawl_value *parts_make(uint64_t sum)
{
	struct pawl_value *value;
	int64_t parts[PARTS];

	for (unsigned i = 0; i < PARTS; i++)
		parts[i] = (int64_t)((sum >> i) % 2);
	FUZZ_CHECK(pawl_value_of(&parts_type, parts, sizeof(parts), &value) == 0);
	return value;
}

/* `key` PARTS: all of it. Gives the value back. */
static int64_t number_of(struct pawl_value *value, unsigned key)
{
	int64_t number = 77;

	if (value && pawl_value_type_of(value) == &parts_type) {
		const int64_t *parts = pawl_value_payload(value);

		number = 0;
		for (unsigned i = 0; i < PARTS; i++)
			number += key == PARTS ? parts[i] << i : key == i ? parts[i] : 0;
	} else if (value) {
		memcpy(&number, pawl_value_payload(value), sizeof(number));
	}
	pawl_value_unpin(value);
	return number;
}

/* ---- the world -------------------------------------------------------------------------------- */

struct root {
	unsigned task, how;
	pawl_ref_t ref;
	bool spawned, freed;
	struct graph_result result;
};

/* One at a time. */
static struct {
	struct pawl_engine *engine;
	const struct graph_head *head;
	struct pawl_state *specs[GRAPH_TASKS];
	struct pawl_state *states[GRAPH_STATES];
	/* Under the lock. */
	struct pawl_lock lock;
	struct graph_spec inputs[GRAPH_TASKS];
	bool known[GRAPH_TASKS];
	struct pawl_invalidator told[GRAPH_TASKS];
	struct root roots[GRAPH_ROOTS];
#ifdef GRAPH_STORE
	struct graph_store store;
#endif
} world;

/* ---- small functions ---------------------------------------------------------------------------- */

static int give(struct pawl_context *context, int64_t number, pawl_ref_t *ret_output)
{
	return pawl_cell(context, number_make(0, number), ret_output);
}

struct one {
	uint64_t n;
};
struct two {
	uint64_t a, b;
};
struct chain {
	uint64_t from, to, left, rooted;
};
struct passed {
	pawl_ref_t ref;
};
struct passed_all {
	struct pawl_refs refs;
	struct pawl_slice name;
};

static int input_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct pawl_invalidator invalidator;
	struct pawl_value *value;

	/* With no lock held: it may be an operation. */
	FUZZ_CHECK(pawl_context_invalidator(context, &invalidator) == 0);
	pawl_lock_lock(&world.lock);
	world.told[one->n] = invalidator;
	world.known[one->n] = true;
	FUZZ_CHECK(pawl_value_of(&spec_type, &world.inputs[one->n], sizeof(struct graph_spec),
				 &value) == 0);
	pawl_lock_unlock(&world.lock);
	return pawl_cell(context, value, ret_output);
}

static int leaf_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct two *two = args;

	return give(context, (int64_t)(two->a * 7 + two->b), ret_output);
}

/* What a cell leads to, and one more. */
static int pass_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct passed *passed = args;
	struct pawl_value *value;
	int error = pawl_read(context, passed->ref, 0, &value, NULL);

	return error ? error : give(context, number_of(value, PARTS) + 1, ret_output);
}

static int pass_all_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct passed_all *all = args;
	int64_t sum = (int64_t)all->name.len;

	for (size_t i = 0; i < all->refs.n; i++) {
		struct pawl_value *value;
		int error = pawl_read(context, all->refs.refs[i], 0, &value, NULL);

		if (error)
			return error;
		sum = sum * 3 + number_of(value, PARTS);
	}
	return give(context, sum, ret_output);
}

static int hold_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct passed *passed = args;
	struct pawl_value *value;
	int error = pawl_connect(context, passed->ref);

	if (!error)
		error = pawl_read(context, passed->ref, PAWL_READ_STRONG, &value, NULL);
	return error ? error : give(context, number_of(value, PARTS) / 2, ret_output);
}

static int chain_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output);
static int node_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output);

static const struct pawl_argument passed_argument = {PAWL_ARGUMENT_REF, 0, 0};
static const struct pawl_argument all_arguments[] = {
	{PAWL_ARGUMENT_REFS, offsetof(struct passed_all, refs), 0},
	{PAWL_ARGUMENT_BYTES, offsetof(struct passed_all, name), 0}};

#define FUNCTION(name, flags, args)                                                       \
	{                                                                                 \
		sizeof(struct pawl_function), #name, 1, flags, name##_body, sizeof(args), \
			NULL, 0                                                           \
	}
static const struct pawl_function input = FUNCTION(input, 0, struct one);
static const struct pawl_function leaf = FUNCTION(leaf, 0, struct two);
static const struct pawl_function chain = FUNCTION(chain, 0, struct chain);
static const struct pawl_function node = FUNCTION(node, 0, struct one);
static const struct pawl_function root_chain = {
	sizeof(root_chain), "root_chain",	  1,	PAWL_FUNCTION_ROOT,
	chain_body,	    sizeof(struct chain), NULL, 0};
static const struct pawl_function root_node = {
	sizeof(root_node), "root_node",	       1,    PAWL_FUNCTION_ROOT,
	node_body,	   sizeof(struct one), NULL, 0};
static const struct pawl_function pass = {
	sizeof(pass), "pass", 1, 0, pass_body, sizeof(struct passed), &passed_argument, 1};
static const struct pawl_function pass_all = {
	sizeof(pass_all),	   "pass_all",	  1, 0, pass_all_body,
	sizeof(struct passed_all), all_arguments, 2};
static const struct pawl_function hold = {
	sizeof(hold),	       "hold",		 1, PAWL_FUNCTION_OPERATION, hold_body,
	sizeof(struct passed), &passed_argument, 1};

static int call_task(struct pawl_context *context, uint64_t n, pawl_ref_t *ret_output)
{
	struct one one = {n};

	return pawl_call(context, world.head->kinds[n] & GRAPH_IS_ROOT ? &root_node : &node,
			 &one, ret_output);
}

static int chain_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct chain next = *(const struct chain *)args;
	struct pawl_value *value;
	pawl_ref_t ref;
	int error;

	if (next.left--)
		error = pawl_call(context, next.rooted ? &root_chain : &chain, &next, &ref);
	else
		error = call_task(context, next.to, &ref);
	if (!error)
		error = pawl_read(context, ref, 0, &value, NULL);
	return error ? error : give(context, number_of(value, PARTS), ret_output);
}

/* ---- tasks ---------------------------------------------------------------------------------------- */

#define TAKEN 8

/* A task at work. */
struct work {
	struct pawl_context *context;
	uint64_t n, sum;
	struct graph_spec spec;
	bool catches;
	bool muddled; /* the last error may be another one in another order */
	bool failed;  /* pawl_context_fail() was called to the purpose */
	bool nothing;
	uint32_t untracked; /* bit i: that task */
	pawl_ref_t output;
	/* Taken away in this run. */
	pawl_ref_t taken[TAKEN];
	unsigned taken_n;
};

static void add(struct work *work, int64_t number)
{
	work->sum = work->sum * 31 + (uint64_t)number;
}

static uint64_t text_number(const struct pawl_error *why)
{
	char text[GRAPH_TEXT];
	size_t length = why ? pawl_error_describe(why, text, sizeof(text)) : 0;

	return why ? pawl_hash_bytes(text, length < sizeof(text) ? length : sizeof(text) - 1, 1)
		   : 5;
}

/* After a call or a read. Returns: 0: go on. */
static int outcome(struct work *work, int error, struct pawl_value *value, unsigned key,
		   const struct pawl_error *why)
{
	if (!error) {
		add(work, number_of(value, key));
		return 0;
	}
	if (error != -PAWL_ETASK || !work->catches)
		return error;
	add(work, (int64_t)(text_number(why) % 1000));
	return 0;
}

static int read_ref(struct work *work, pawl_ref_t ref, uint32_t flags)
{
	const struct pawl_error *why = NULL;
	struct pawl_value *value = NULL;
	int error = pawl_read(work->context, ref, flags, &value, &why);

	return outcome(work, error, value, PARTS, why);
}

static int read_key(struct work *work, pawl_ref_t ref, unsigned key)
{
	const struct pawl_error *why = NULL;
	struct pawl_value *value = NULL;
	int error = pawl_read_key(work->context, ref, key, &value, &why);

	return outcome(work, error, value, key, why);
}

static int read_resolved(struct work *work, pawl_ref_t ref)
{
	const struct pawl_error *why = NULL;
	pawl_ref_t cell;
	int error = pawl_resolve(work->context, ref, 0, &cell, &why);

	return error ? outcome(work, error, NULL, 0, why) : read_ref(work, cell, 0);
}

/* Calls whose arguments may fail. */
static int pass_on(struct work *work, const struct pawl_function *function, const void *args)
{
	struct pawl_value *value = NULL;
	pawl_ref_t ref;
	int error = pawl_call(work->context, function, args, &ref);

	/* That an argument failed may be told by the call, or by who reads what it gave. */
	if (!error)
		error = pawl_read(work->context, ref, 0, &value, NULL);
	return outcome(work, error, value, PARTS, NULL);
}

static int pass_two(struct work *work, pawl_ref_t ref, uint64_t target)
{
	struct passed_all all = {{NULL, 2}, {"abcdefg", target % 8}};
	pawl_ref_t refs[2] = {ref, ref};
	int error = 0;

	all.refs.refs = refs;
	if (target + 1 < world.head->tasks)
		error = call_task(work->context, target + 1, &refs[1]);
	return error ? error : pass_on(work, &pass_all, &all);
}

static int chain_to(struct work *work, uint64_t target, unsigned x, bool rooted)
{
	struct chain args = {work->n, target, x % 4, rooted};
	pawl_ref_t ref;
	int error = pawl_call(work->context, rooted ? &root_chain : &chain, &args, &ref);

	return error ? error : read_ref(work, ref, 0);
}

static int leaves(struct work *work, unsigned x)
{
	int error = 0;

	for (uint64_t i = 0; i < x % 8 && !error; i++) {
		struct two args = {work->n, i};
		pawl_ref_t ref;

		error = pawl_call(work->context, &leaf, &args, &ref);
		if (!error)
			error = read_ref(work, ref, i == 3 ? PAWL_READ_FINAL : 0);
	}
	return error;
}

/* ---- collectibles ------------------------------------------------------------------------------------ */

#define COLLECTED (GRAPH_TASKS * GRAPH_STEPS)

struct collected {
	pawl_ref_t refs[COLLECTED];
	int32_t counts[COLLECTED];
	unsigned n;
};

static void collect(void *arg, pawl_ref_t ref, int32_t count)
{
	struct collected *all = arg;

	FUZZ_CHECK(all->n < COLLECTED);
	if (count <= 0)
		return;
	all->refs[all->n] = ref;
	all->counts[all->n++] = count;
}

/* A sum that does not depend on the order. Returns: one of the reads failed. */
static bool collected_sum(struct pawl_context *context, const struct collected *all,
			  uint32_t flags, uint64_t *ret_sum, int *ret_error)
{
	bool failed = false;

	*ret_sum = all->n;
	*ret_error = 0;
	for (unsigned i = 0; i < all->n; i++) {
		const struct pawl_error *why = NULL;
		struct pawl_value *value;
		int error = pawl_read(context, all->refs[i], flags, &value, &why);
		uint64_t number;

		if (error && error != -PAWL_ETASK)
			*ret_error = error;
		failed |= error == -PAWL_ETASK;
		if (error)
			number = text_number(why);
		else
			number = (uint64_t)number_of(value, PARTS) * 2654435761u + 99;
		*ret_sum += number * (uint64_t)all->counts[i];
	}
	return failed;
}

static int take(struct work *work, const struct collected *all, unsigned trait)
{
	int error = 0;

	for (unsigned i = 0; i < all->n && !error; i++) {
		bool before = work->taken_n == TAKEN;

		for (unsigned j = 0; j < work->taken_n; j++)
			before |= pawl_ref_equal(work->taken[j], all->refs[i]);
		if (before)
			continue;
		work->taken[work->taken_n++] = all->refs[i];
		error = pawl_unemit(work->context, &traits[trait], all->refs[i]);
	}
	return error;
}

static int peek(struct work *work, pawl_ref_t ref, unsigned trait, bool takes)
{
	struct collected all = {.n = 0};
	uint64_t sum;
	int error = pawl_peek(work->context, ref, &traits[trait], collect, &all), failed;

	if (error)
		return error;
	/* Of the task itself: its error is in no value. */
	work->muddled |= collected_sum(work->context, &all, work->n % 2 ? PAWL_READ_FINAL : 0,
				       &sum, &failed);
	if (failed)
		return failed;
	add(work, (int64_t)(sum % 1000003));
	/* Which of many were taken would be a matter of order. */
	if (takes && all.n <= TAKEN - work->taken_n &&
	    world.head->kinds[work->n] & GRAPH_IS_ROOT)
		error = take(work, &all, trait);
	return error;
}

static int emit_cell(struct work *work, unsigned x)
{
	pawl_ref_t ref;
	int error =
		pawl_cell(work->context, number_make(x / 2, (int64_t)(work->sum % 5)), &ref);

	return error ? error : pawl_emit(work->context, &traits[x % 2], ref);
}

/* ---- steps ------------------------------------------------------------------------------------------- */

static int read_state(struct work *work, unsigned x)
{
	struct pawl_value *value;
	int error = pawl_state_get(work->context, world.states[x % GRAPH_STATES], &value);

	if (!error)
		add(work, number_of(value, PARTS));
	return error;
}

static int make_cell(struct work *work, unsigned x)
{
	struct pawl_value *value = x % TYPES == TYPES - 1
					   ? parts_make(work->sum)
					   : number_make(x, (int64_t)(work->sum % (2 + x % 7)));

	return pawl_cell(work->context, value, &work->output);
}

static int fail_as_planned(struct work *work, unsigned x)
{
	work->failed = true;
	return work->muddled ? -PAWL_ETASK
			     : pawl_context_fail(work->context, "planned %u", x % 4);
}

/* What the task itself does. */
static int own_step(struct work *work, enum graph_step step, unsigned x)
{
	struct pawl_invalidator invalidator;

	switch (step) {
	case GRAPH_LEAVES:
		return leaves(work, x);
	case GRAPH_STATE:
		return read_state(work, x);
	case GRAPH_CELL:
		return make_cell(work, x);
	case GRAPH_EMIT:
		return emit_cell(work, x);
	case GRAPH_FAIL_ODD:
		if (!(work->sum & 1))
			return 0;
		return fail_as_planned(work, x);
	case GRAPH_FAIL:
		return fail_as_planned(work, x);
	case GRAPH_CATCH:
		work->catches = !world.head->rings;
		return 0;
	case GRAPH_NOTHING:
		work->nothing = true;
		return 0;
	case GRAPH_YIELD:
		return pawl_yield();
	case GRAPH_SESSION:
		pawl_mark_session_dependent(work->context);
		return 0;
	case GRAPH_INVALIDATOR:
		return pawl_context_invalidator(work->context, &invalidator);
	default:
		return 0;
	}
}

/* What it does with another. */
static int step_to(struct work *work, enum graph_step step, unsigned x, uint64_t target)
{
	struct passed passed;
	pawl_ref_t ref;
	int error;

	if (step == GRAPH_CHAIN || step == GRAPH_ROOT_CHAIN)
		return chain_to(work, target, x, step == GRAPH_ROOT_CHAIN);
	if (step == GRAPH_UNTRACKED) {
		work->untracked |= UINT32_C(1) << target;
		return 0;
	}
	error = call_task(work->context, target, &ref);
	if (error)
		return error;
	if (world.head->rings && (step == GRAPH_PEEK || step == GRAPH_TAKE))
		step = GRAPH_STRONG;
	passed.ref = ref;
	switch (step) {
	case GRAPH_READ:
		return read_ref(work, ref, 0);
	case GRAPH_STRONG:
		return read_ref(work, ref, PAWL_READ_STRONG);
	case GRAPH_FINAL:
		return read_ref(work, ref, PAWL_READ_FINAL);
	case GRAPH_KEY:
		return read_key(work, ref, x % PARTS);
	case GRAPH_RESOLVE:
		return read_resolved(work, ref);
	case GRAPH_EMIT_OUT:
		return pawl_emit(work->context, &traits[x % 2], ref);
	case GRAPH_PEEK:
	case GRAPH_TAKE:
		return peek(work, ref, x % 2, step == GRAPH_TAKE);
	case GRAPH_PASS:
		return pass_on(work, &pass, &passed);
	case GRAPH_PASS_TWO:
		return pass_two(work, ref, target);
	case GRAPH_HOLD:
		return pass_on(work, &hold, &passed);
	case GRAPH_SAME:
		work->output = ref;
		return 0;
	default:
		return 0;
	}
}

static bool has_target(enum graph_step step)
{
	switch (step) {
	case GRAPH_CALL:
	case GRAPH_READ:
	case GRAPH_STRONG:
	case GRAPH_CHAIN:
	case GRAPH_ROOT_CHAIN:
	case GRAPH_KEY:
	case GRAPH_FINAL:
	case GRAPH_UNTRACKED:
	case GRAPH_RESOLVE:
	case GRAPH_EMIT_OUT:
	case GRAPH_PEEK:
	case GRAPH_TAKE:
	case GRAPH_PASS:
	case GRAPH_PASS_TWO:
	case GRAPH_HOLD:
	case GRAPH_SAME:
		return true;
	default:
		return false;
	}
}

static int do_step(struct work *work, const uint8_t *bytes)
{
	enum graph_step step = bytes[0] % GRAPH_STEP_COUNT;
	unsigned x = bytes[1], tasks = world.head->tasks;
	uint64_t after = work->n + 1;

	if (!has_target(step))
		return own_step(work, step, x);
	if (world.head->rings)
		return step_to(work, step, x, x % tasks);
	return after < tasks ? step_to(work, step, x, after + x % (tasks - after)) : 0;
}

/* Whatever they give. But that there was no memory for a call is to be told: what is collected goes along calls. */
static int read_untracked(struct work *work)
{
	for (unsigned i = 0; i < world.head->tasks; i++) {
		struct pawl_value *value;
		pawl_ref_t ref;
		int error;

		if (!(work->untracked >> i & 1))
			continue;
		error = call_task(work->context, i, &ref);
		if (error == -ENOMEM || error == -EAGAIN)
			return error;
		if (!error && !pawl_read(work->context, ref, PAWL_READ_UNTRACKED, &value, NULL))
			pawl_value_unpin(value);
	}
	return 0;
}

static int read_spec(struct work *work)
{
	struct one one = {work->n};
	struct pawl_value *value = NULL;
	pawl_ref_t ref;
	int error = 0;

	if (world.head->kinds[work->n] & GRAPH_CONSTANT) {
		work->spec = world.head->specs[work->n];
		return 0;
	}
	if (world.head->kinds[work->n] & GRAPH_FROM_INPUT) {
		error = pawl_call(work->context, &input, &one, &ref);
		if (!error)
			error = pawl_read(work->context, ref, 0, &value, NULL);
	} else {
		error = pawl_state_get(work->context, world.specs[work->n], &value);
	}
	if (error)
		return error;
	FUZZ_CHECK(pawl_value_type_of(value) == &spec_type);
	memcpy(&work->spec, pawl_value_payload(value), sizeof(work->spec));
	pawl_value_unpin(value);
	return 0;
}

static int node_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct work work = {.context = context, .n = one->n, .sum = one->n};
	int error = read_spec(&work);

	for (unsigned i = 0; i < GRAPH_STEPS && !error && work.spec.steps[i][0]; i++)
		error = do_step(&work, work.spec.steps[i]);
	/* An error from below when the order may show: another one, without a cause. */
	if (error == -PAWL_ETASK && work.muddled)
		return -EIO;
	if (!error || work.failed) {
		int told = read_untracked(&work);

		error = told ? told : error;
	}
	if (error || work.nothing)
		return error;
	*ret_output = work.output;
	return work.output.pawl_bits ? 0 : give(context, (int64_t)(work.sum % 11), ret_output);
}

/* ---- from outside -------------------------------------------------------------------------------------- */

struct look {
	unsigned task, trait;
	enum graph_look how;
	struct graph_result *result;
};

static int look_on(struct pawl_context *context, const struct look *look)
{
	const struct pawl_error *why = NULL;
	struct graph_result *result = look->result;
	struct collected all = {.n = 0};
	struct pawl_value *value;
	uint64_t sum = 0;
	pawl_ref_t ref;
	int error = call_task(context, look->task, &ref), failed = 0;

	memset(result, 0, sizeof(*result));
	if (!error && look->how == LOOK_PEEK) {
		error = pawl_peek(context, ref, &traits[look->trait], collect, &all);
		if (!error)
			(void)collected_sum(context, &all, 0, &sum, &failed);
		result->number = (int64_t)sum;
		result->count = all.n;
		error = error ? error : failed;
	} else if (!error) {
		error = pawl_read(context, ref, look->how == LOOK_READ ? PAWL_READ_STRONG : 0,
				  &value, &why);
		if (!error)
			result->number = number_of(value, PARTS);
		if (error == -PAWL_ETASK)
			(void)pawl_error_describe(why, result->text, sizeof(result->text));
	}
	result->error = error;
	result->loose = world.head->rings && GRAPH_IS_LOOSE(context);
	result->ring = world.head->rings && GRAPH_HAS_RING(context, ref);
	return error;
}

static int look_visit(struct pawl_context *context, void *arg)
{
	return look_on(context, arg);
}

static void side_look(unsigned task, enum graph_look how, unsigned trait,
		      struct graph_result *ret_result)
{
	struct look look = {task, trait, how, ret_result};

	(void)pawl_engine_run(world.engine, look_visit, &look);
}

static int root_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct root *root = (struct root *)(uintptr_t)args;
	struct graph_result result;
	struct look look = {root->task, root->how & 1,
			    root->how & 4   ? LOOK_PEEK
			    : root->how & 2 ? LOOK_EVENTUAL
					    : LOOK_READ,
			    &result};
	struct passed passed;
	int error;

	(void)look_on(context, &look);
	result.seen = true;
	/* Something of its own, that is as transient as it is. */
	if (root->how & 8) {
		struct pawl_value *value = NULL;
		pawl_ref_t ref;

		error = give(context, result.number, &passed.ref);
		if (!error)
			error = pawl_call(context, &pass, &passed, &ref);
		if (!error)
			error = pawl_read(context, ref, 0, &value, NULL);
		if (error)
			return error;
		result.count += 1000 + (uint32_t)number_of(value, PARTS);
	}
	pawl_lock_lock(&world.lock);
	root->result = result;
	pawl_lock_unlock(&world.lock);
	return root->how & 16 ? give(context, result.number, ret_output) : 0;
}

static void root_free(void *arg)
{
	struct root *root = arg;

	root->freed = true;
}

static void side_root(unsigned at, unsigned task, unsigned how)
{
	struct root *root = &world.roots[at];

	root->task = task;
	root->how = how;
	root->spawned = true;
	FUZZ_CHECK(pawl_engine_spawn_root(world.engine, root_body, root, root_free,
					  &root->ref) == 0);
}

static void side_dispose(unsigned at)
{
	FUZZ_CHECK(pawl_engine_dispose_root(world.engine, world.roots[at].ref) == 0);
}

static void side_root_result(unsigned at, struct graph_result *ret_result)
{
	pawl_lock_lock(&world.lock);
	*ret_result = world.roots[at].result;
	pawl_lock_unlock(&world.lock);
}

static void side_settle(void)
{
	char text[256];

	int error;

	/* -EBUSY: with a store it may have found that something is lost. */
	do {
		FUZZ_CHECK(pawl_engine_wait_idle(world.engine, PAWL_FOREVER) == 0);
		error = pawl_engine_verify(world.engine, text, sizeof(text));
	} while (error == -EBUSY);
	if (error) {
		fprintf(stderr, "verify: %s\n", text);
		FUZZ_CHECK(!"sums are right");
	}
#ifdef GRAPH_STORE
	if (world.head->stored)
		store_audit(&world.store, world.engine);
#endif
}

static struct pawl_value *spec_make(const struct graph_spec *spec)
{
	struct pawl_value *value;

	FUZZ_CHECK(pawl_value_of(&spec_type, spec, sizeof(*spec), &value) == 0);
	return value;
}

/* The value goes to the state, alone or in an edit. */
static void set(struct pawl_edit *edit, struct pawl_state *state, struct pawl_value *value)
{
	if (edit)
		FUZZ_CHECK(pawl_edit_set(edit, state, value) == 0);
	else
		FUZZ_CHECK(pawl_state_set(state, value) == 0);
}

static void change_one(struct pawl_edit *edit, const struct graph_change *change)
{
	struct pawl_invalidator invalidator;
	bool known;

	if (change->is_state) {
		set(edit, world.states[change->at], number_make(change->at, change->number));
		return;
	}
	if (world.head->kinds[change->at] & GRAPH_CONSTANT)
		return;
	if (!(world.head->kinds[change->at] & GRAPH_FROM_INPUT)) {
		set(edit, world.specs[change->at], spec_make(&change->spec));
		return;
	}
	pawl_lock_lock(&world.lock);
	world.inputs[change->at] = change->spec;
	known = world.known[change->at];
	invalidator = world.told[change->at];
	pawl_lock_unlock(&world.lock);
	if (known && edit)
		FUZZ_CHECK(pawl_edit_invalidate(edit, &invalidator) == 0);
	else if (known)
		pawl_invalidate(&invalidator, 1);
}

static void side_change(const struct graph_change *changes, unsigned n, bool together)
{
	struct pawl_edit *edit = NULL;

	if (together)
		FUZZ_CHECK(pawl_edit_begin(world.engine, &edit) == 0);
	for (unsigned i = 0; i < n; i++)
		change_one(edit, &changes[i]);
	if (edit)
		pawl_edit_commit(edit);
}

/* Values of NULL: as they are at first. Takes them. */
static void states_make(struct pawl_value **specs, struct pawl_value **states)
{
	for (unsigned i = 0; i < world.head->tasks; i++)
		FUZZ_CHECK(
			pawl_state_create(world.engine,
					  specs ? specs[i] : spec_make(&world.head->specs[i]),
					  &world.specs[i]) == 0);
	for (unsigned i = 0; i < GRAPH_STATES; i++)
		FUZZ_CHECK(pawl_state_create(world.engine,
					     states ? states[i] : number_make(i, 0),
					     &world.states[i]) == 0);
}

static void world_open(void)
{
	static const struct pawl_function *const functions[] = {
		&input, &leaf, &chain, &node, &root_chain, &root_node, &pass, &pass_all, &hold};
	static const struct pawl_value_type *const types[] = {
		&number_types[0], &number_types[1], &number_types[2], &parts_type, &spec_type};
	static const struct pawl_trait *const all_traits[] = {&traits[0], &traits[1]};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	options.workers = world.head->workers;
	options.functions = functions;
	options.functions_n = sizeof(functions) / sizeof(functions[0]);
	options.types = types;
	options.types_n = sizeof(types) / sizeof(types[0]);
	options.traits = all_traits;
	options.traits_n = 2;
	options.track_active = !world.head->no_active;
	if (world.head->collects)
		options.collect_after_ns = 0;
#ifdef GRAPH_OPTIONS
	GRAPH_OPTIONS(&options);
#endif
#ifdef GRAPH_STORE
	if (world.head->stored)
		store_open(&world.store, &options);
#endif
	FUZZ_CHECK(pawl_engine_open(&options, &world.engine) == 0);
#ifdef GRAPH_STORE
	if (world.head->stored && world.head->door)
		store_door(world.engine);
#endif
}

static void side_open(const struct graph_head *head)
{
	memset(&world, 0, sizeof(world));
	pawl_lock_init(&world.lock, PAWL_LOCK_RANK_NONE);
	world.head = head;
	world_open();
	for (unsigned i = 0; i < head->tasks; i++)
		world.inputs[i] = head->specs[i];
	states_make(NULL, NULL);
}

/* `at_rest`: nobody looks at a state any more, so some of them go before. */
static void world_close(bool at_rest)
{
	for (unsigned i = 0; i < GRAPH_STATES && at_rest; i += 2)
		pawl_state_unpin(world.states[i]);
	FUZZ_CHECK(pawl_engine_close(world.engine) == 0);
	for (unsigned i = at_rest; i < GRAPH_STATES; i += 1 + at_rest)
		pawl_state_unpin(world.states[i]);
	for (unsigned i = 0; i < world.head->tasks; i++)
		pawl_state_unpin(world.specs[i]);
	for (unsigned i = 0; i < GRAPH_ROOTS; i++)
		FUZZ_CHECK(world.roots[i].freed == world.roots[i].spawned);
}

static void side_close(void)
{
	world_close(true);
#ifdef GRAPH_STORE
	if (world.head->stored) {
		store_close(&world.store);
		store_drop(&world.store);
	}
#endif
}

#ifdef GRAPH_STORE
static void side_snapshot(void)
{
	store_snapshot(&world.store, world.engine);
}

static void side_fail(unsigned how)
{
	store_fail(&world.store, how);
}

static struct pawl_value *value_of(struct pawl_state *state)
{
	struct pawl_value *value;

	FUZZ_CHECK(pawl_state_get(NULL, state, &value) == 0);
	return value;
}

/* What changes while nobody looks. */
static void change_unseen(struct pawl_value **specs, struct pawl_value **states,
			  const struct graph_change *change)
{
	struct pawl_value **at = change->is_state ? &states[change->at] : &specs[change->at];

	if (!change->is_state && world.head->kinds[change->at] & GRAPH_CONSTANT)
		return;
	if (!change->is_state && world.head->kinds[change->at] & GRAPH_FROM_INPUT) {
		world.inputs[change->at] = change->spec;
		return;
	}
	pawl_value_unpin(*at);
	*at = change->is_state ? number_make(change->at, change->number)
			       : spec_make(&change->spec);
}

static void side_restart(unsigned how, const struct graph_change *changes, unsigned n)
{
	struct pawl_value *specs[GRAPH_TASKS], *states[GRAPH_STATES];

	for (unsigned i = 0; i < world.head->tasks; i++)
		specs[i] = value_of(world.specs[i]);
	for (unsigned i = 0; i < GRAPH_STATES; i++)
		states[i] = value_of(world.states[i]);
	if (how & GRAPH_CRASH)
		store_forget(world.engine);
	world_close(false);
	store_close(&world.store);
	memset(world.known, 0, sizeof(world.known));
	for (unsigned i = 0; i < n; i++)
		change_unseen(specs, states, &changes[i]);
	world_open();
	states_make(specs, states);
	if (how & GRAPH_RESTORE_ALL)
		store_restore_all(world.engine);
}
#else
static void side_snapshot(void)
{
}

static void side_fail(unsigned how)
{
	(void)how;
}

static void side_restart(unsigned how, const struct graph_change *changes, unsigned n)
{
	(void)how;
	side_change(changes, n, false);
}
#endif

static void side_collect(void)
{
#ifdef GRAPH_COLLECTS
	FUZZ_CHECK(pawl_engine_collect(world.engine, NULL) == 0);
#endif
}

#define GRAPH_SIDE                                                                             \
	{                                                                                      \
		side_open, side_close, side_change, side_look, side_root, side_dispose,        \
			side_settle, side_root_result, side_snapshot, side_fail, side_restart, \
			side_collect                                                           \
	}
