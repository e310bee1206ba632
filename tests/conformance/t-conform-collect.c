/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-collect.c - what tasks emit: collectibles, recompute_collectibles,
 * collectibles_outdated_dependency, transient_collectible.
 */
#include "conform.h"

#include <stdlib.h>

#define MOST 512

static const struct pawl_trait issue = {sizeof(issue), "issue", NULL, 0};

/* The numbers that a peek found, in order. */
struct found {
	struct pawl_context *context;
	pawl_ref_t refs[MOST];
	unsigned n;
	int64_t numbers[MOST];
};

static void find(void *arg, pawl_ref_t ref, int32_t count)
{
	struct found *found = arg;

	t_check(count > 0 && found->n < MOST);
	found->refs[found->n++] = ref;
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int look(struct pawl_context *context, pawl_ref_t task, struct found *found)
{
	int error;

	found->n = 0;
	error = pawl_peek(context, task, &issue, find, found);
	for (unsigned i = 0; i < found->n && !error; i++)
		error = cf_get(context, found->refs[i], 0, &found->numbers[i]);
	if (!error)
		qsort(found->numbers, found->n, sizeof(*found->numbers), by_number);
	return error;
}

/* All that the task has are taken away from who is above. */
static int take(struct pawl_context *context, pawl_ref_t task, struct found *found)
{
	int error = look(context, task, found);

	for (unsigned i = 0; i < found->n && !error; i++)
		error = pawl_unemit(context, &issue, found->refs[i]);
	return error;
}

static int emit_number(struct pawl_context *context, int64_t number)
{
	pawl_ref_t ref;
	int error = cf_give(context, number, &ref);

	return error ? error : pawl_emit(context, &issue, ref);
}

/* ---- collectibles ---------------------------------------------------------------------- */

struct key {
	uint64_t key, run;
};

static struct cf_gate gate;

static int emitter_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int error = cf_gate_pass(&gate);

	(void)args;
	if (!error)
		error = emit_number(context, 123);
	if (!error)
		error = emit_number(context, 42);
	return error ? error : cf_give(context, 0, ret_output);
}
/* `key` is 0: one emitter for all. */
CF_FUNCTION(emitter, 0, sizeof(struct key));

static int read_emitter(struct pawl_context *context, const struct key *key,
			pawl_ref_t *ret_output)
{
	struct key one = {0, key->run};
	int64_t number;
	int error = cf_call(context, &emitter, &one, &number);

	return error ? error : cf_give(context, number, ret_output);
}

static int transitive_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	return read_emitter(context, args, ret_output);
}
CF_FUNCTION(transitive, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT, sizeof(struct key));

static int indirect_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct found found;
	pawl_ref_t ref;
	int error = pawl_call(context, &transitive, args, &ref);

	if (!error)
		error = look(context, ref, &found);
	if (!error && found.n == 2)
		return cf_give(context, found.numbers[0] * 1000 + found.numbers[1], ret_output);
	return error ? error : pawl_context_fail(context, "%u collectibles", found.n);
}
CF_FUNCTION(indirect, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT, sizeof(struct key));

static int multi_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct key *key = args;
	struct key a = {'a', key->run}, b = {'b', key->run};
	int64_t number;
	int error = cf_call(context, &transitive, &a, &number);

	if (!error)
		error = cf_call(context, &transitive, &b, &number);
	return error ? error : read_emitter(context, key, ret_output);
}
CF_FUNCTION(multi, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT, sizeof(struct key));

/* Takes those of `transitive`: how many. */
static int inner_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct found found;
	pawl_ref_t ref;
	int error = pawl_call(context, &transitive, args, &ref);

	if (!error)
		error = take(context, ref, &found);
	return error ? error : cf_give(context, found.n, ret_output);
}
CF_FUNCTION(inner, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT, sizeof(struct key));

/* One more layer, which finds none. */
static int layer_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct found found;
	int64_t number;
	pawl_ref_t ref;
	int error = pawl_call(context, &inner, args, &ref);

	if (!error)
		error = cf_get(context, ref, PAWL_READ_STRONG, &number);
	if (!error)
		error = look(context, ref, &found);
	if (!error && found.n)
		return pawl_context_fail(context, "%u were left", found.n);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(layer, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT, sizeof(struct key));

/* Peeks at two inside, and has them still. */
static int scope_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct key *key = args;
	struct key below = {key->key + 10, key->run};
	struct found found;
	pawl_ref_t ref;
	int64_t number;
	int error = pawl_call(context, &transitive, &below, &ref);

	if (!error)
		error = cf_get(context, ref, PAWL_READ_STRONG, &number);
	if (!error)
		error = look(context, ref, &found);
	if (!error && found.n != 2)
		return pawl_context_fail(context, "%u in the child scope", found.n);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(scope, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT, sizeof(struct key));

/* Five operations above the same emitter, each read strongly, then what it has taken. */
static int parallel_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct key *key = args;
	struct found found;
	int64_t number;
	int error = 0;

	for (unsigned i = 0; i < 5 && !error; i++) {
		struct key of = {i < 2 ? 'a' + i : i - 1, key->run};
		pawl_ref_t ref;

		error = pawl_call(context, i < 2 ? &transitive : &scope, &of, &ref);
		if (!error)
			error = cf_get(context, ref, PAWL_READ_STRONG, &number);
		if (!error)
			error = take(context, ref, &found);
		if (!error && found.n != 2)
			return pawl_context_fail(context, "%u has %u", i, found.n);
	}
	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(parallel, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT, sizeof(struct key));

struct with_ref {
	pawl_ref_t ref;
	uint64_t run;
};

static int delayed_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct key *key = args;

	return cf_give(context, (int64_t)key->key, ret_output);
}
CF_FUNCTION(delayed, 0, sizeof(struct key));

/* Calls the emitter, and reads nothing. */
static int calls_emitter_body(struct pawl_context *context, const void *args,
			      pawl_ref_t *ret_output)
{
	const struct with_ref *with = args;
	struct key one = {0, with->run};

	return pawl_call(context, &emitter, &one, ret_output);
}
static const struct pawl_argument calls_emitter_arguments[] = {CF_REF(struct with_ref, ref),
							       CF_DATA(struct with_ref, run)};
CF_FUNCTION_OF(calls_emitter, 0, struct with_ref);

static int resolving_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	const struct key *key = args;
	struct with_ref with = {PAWL_REF_NONE, key->run};
	int error = pawl_call(context, &delayed, key, &with.ref);

	return error ? error : pawl_call(context, &calls_emitter, &with, ret_output);
}
CF_FUNCTION(resolving, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT, sizeof(struct key));

static const struct pawl_function *const collect_functions[] = {
	&emitter, &transitive, &indirect, &multi,	  &inner,    &layer,
	&scope,	  &parallel,   &delayed,  &calls_emitter, &resolving};
static const struct pawl_trait *const traits[] = {&issue};
static const struct cf_tables collect_tables = {
	collect_functions, CF_N(collect_functions), NULL, 0, traits, 1, 0};

/* Reads it strongly, then what it has. */
struct seen {
	const struct pawl_function *function;
	struct key key;
	int64_t number;
	struct found found;
};

static int see(struct pawl_context *context, void *arg)
{
	struct seen *seen = arg;
	pawl_ref_t ref;
	int error = pawl_call(context, seen->function, &seen->key, &ref);

	if (!error)
		error = cf_get(context, ref, PAWL_READ_STRONG, &seen->number);
	return error ? error : look(context, ref, &seen->found);
}

/* So many of the two numbers, and this result. */
static void expect(const struct pawl_function *function, unsigned run, unsigned n,
		   int64_t number)
{
	struct seen seen = {function, {0, run}, -1, {.n = 0}};

	cf_gate_init(&gate);
	cf_gate_open(&gate);
	cf_visit(see, &seen);
	assert_int_equal(seen.number, number);
	assert_int_equal(seen.found.n, n);
	if (n) {
		assert_int_equal(seen.found.numbers[0], 42);
		assert_int_equal(seen.found.numbers[1], 123);
	}
}

static void transitive_emitting(unsigned run)
{
	expect(&transitive, run, 2, 0);
}

static void transitive_emitting_indirect(unsigned run)
{
	expect(&indirect, run, 2, 42123);
}

static void multi_emitting(unsigned run)
{
	expect(&multi, run, 2, 0);
}

static void taking_collectibles(unsigned run)
{
	expect(&inner, run, 0, 2);
}

static void taking_extra_layer(unsigned run)
{
	expect(&layer, run, 0, 2);
}

static void taking_parallel(unsigned run)
{
	expect(&parallel, run, 0, 0);
}

static void taking_with_resolve(unsigned run)
{
	expect(&resolving, run, 2, 0);
}

#define CASE(name)                                \
	static void case_##name(void **state)     \
	{                                         \
		(void)state;                      \
		cf_thrice(&collect_tables, name); \
	}
CASE(transitive_emitting)
CASE(transitive_emitting_indirect)
CASE(multi_emitting)
CASE(taking_collectibles)
CASE(taking_extra_layer)
CASE(taking_parallel)
CASE(taking_with_resolve)

/* The emitter is held up: the strong read waits for it, though nobody reads what it gives. */
static void held_visit(void *arg)
{
	cf_visit(see, arg);
}

static void case_strong_read_waits_for_calls(void **state)
{
	struct seen seen = {&resolving, {0, 0}, -1, {.n = 0}};
	struct t_thread *thread;

	(void)state;
	cf_gate_init(&gate);
	cf_open(&collect_tables);
	thread = t_thread_start(held_visit, &seen);
	cf_gate_wait(&gate, 1);
	cf_gate_open(&gate);
	t_thread_join(thread);
	assert_int_equal(seen.found.n, 2);
	cf_close();
}

/* ---- recompute_collectibles :: recompute ------------------------------------------------------- */

struct depths {
	struct cf_state state, depth;
};
struct level {
	struct cf_state state;
	uint64_t n;
};
static const struct pawl_function deep;

static int deep_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct level *level = args;
	struct level next = {level->state, level->n - 1};
	int64_t number;
	int error;

	if (level->n) {
		error = cf_call(context, &deep, &next, &number);
		return error ? error : cf_give(context, number, ret_output);
	}
	error = cf_state_get(context, level->state, &number);
	if (!error)
		error = emit_number(context, number);
	return error ? error : cf_give(context, 42, ret_output);
}
CF_FUNCTION(deep, 0, sizeof(struct level));

static int entry_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct depths *depths = args;
	struct level level = {depths->state, 0};
	int64_t n, number;
	int error = cf_state_get(context, depths->depth, &n);

	level.n = (uint64_t)n;
	if (!error)
		error = cf_call(context, &deep, &level, &number);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(entry, PAWL_FUNCTION_OPERATION, sizeof(struct depths));

/* The number, times 1000, and the one collectible. */
static int gathered_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct found found;
	int64_t number;
	pawl_ref_t ref;
	int error = pawl_call(context, &entry, args, &ref);

	if (!error)
		error = cf_get(context, ref, PAWL_READ_STRONG, &number);
	if (!error)
		error = look(context, ref, &found);
	if (!error && found.n != 1)
		return pawl_context_fail(context, "%u collectibles", found.n);
	return error ? error : cf_give(context, number * 1000 + found.numbers[0], ret_output);
}
CF_FUNCTION(gathered, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT, sizeof(struct depths));

static const struct pawl_function *const deep_functions[] = {&deep, &entry, &gathered};
static const struct cf_tables deep_tables = {deep_functions, 3, NULL, 0, traits, 1, 0};

static void recompute_collectibles(unsigned run)
{
	struct depths depths = {cf_state_make(1), cf_state_make(t_scaled(1000))};

	(void)run;
	assert_int_equal(cf_ask(&gathered, &depths), 42001);
	for (unsigned i = 2; i < 100; i++) {
		cf_state_set(depths.state, i);
		assert_int_equal(cf_ask(&gathered, &depths), 42000 + i);
	}
	for (unsigned i = 0; i < 100; i++) {
		cf_state_set(depths.depth, i);
		assert_int_equal(cf_ask(&gathered, &depths), 42099);
	}
}

static void case_recompute_collectibles(void **state)
{
	(void)state;
	cf_thrice(&deep_tables, recompute_collectibles);
}

/* ---- collectibles_outdated_dependency ---------------------------------------------------------- */

struct indexed {
	uint64_t index;
};
struct collector {
	struct cf_state state;
	uint64_t takes;
};

#define LOG_MOST 64
/* Of each run of the collector: the count it saw, and what it found. */
static struct pawl_lock log_lock = PAWL_LOCK_INIT;
static int64_t log_seen[LOG_MOST], log_found[LOG_MOST];
static unsigned log_n;

static int one_of_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct indexed *indexed = args;
	int error = emit_number(context, (int64_t)indexed->index);

	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(one_of, 0, sizeof(struct indexed));

static int source_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct cf_state *state = args;
	int64_t count, number;
	int error = cf_state_get(context, *state, &count);

	if (!error)
		error = cf_gate_pass(&gate);
	for (int64_t i = 0; i < count && !error; i++)
		error = cf_call(context, &one_of, &(struct indexed){(uint64_t)i}, &number);
	return error ? error : cf_give(context, count, ret_output);
}
CF_FUNCTION(source, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT, sizeof(struct cf_state));

static int collector_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	const struct collector *collector = args;
	struct found found;
	int64_t count, number;
	pawl_ref_t ref;
	int error = cf_state_get(context, collector->state, &count);

	if (!error)
		error = pawl_call(context, &source, &collector->state, &ref);
	if (!error)
		error = cf_get(context, ref, PAWL_READ_STRONG, &number);
	if (!error)
		error = collector->takes ? take(context, ref, &found)
					 : look(context, ref, &found);
	if (error)
		return error;
	pawl_lock_lock(&log_lock);
	t_check(log_n < LOG_MOST);
	log_seen[log_n] = count;
	log_found[log_n++] = found.n;
	pawl_lock_unlock(&log_lock);
	return cf_give(context, found.n, ret_output);
}
CF_FUNCTION(collector, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT, sizeof(struct collector));

static const struct pawl_function *const outdated_functions[] = {&one_of, &source, &collector};
static const struct cf_tables outdated_tables = {outdated_functions, 3, NULL, 0, traits, 1, 0};

static int keeps_collector(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_call(context, &collector, args, &number);

	return error ? error : cf_give(context, number, ret_output);
}

static void outdated(uint64_t takes)
{
	struct collector of = {cf_state_make(5), takes};
	pawl_ref_t root;

	cf_gate_init(&gate);
	cf_gate_open(&gate);
	log_n = 0;
	assert_int_equal(pawl_engine_spawn_root(cf_engine, keeps_collector, &of, NULL, &root),
			 0);
	cf_settle();
	assert_int_equal(log_n, 1);
	assert_int_equal(log_found[0], 5);
	cf_state_set(of.state, 200);
	cf_settle();
	assert_int_equal(cf_ask(&collector, &of), 200);
	assert_true(log_n > 1);
	assert_int_equal(log_found[log_n - 1], 200);
	assert_int_equal(log_seen[log_n - 1], 200);
	/* Earlier ones saw what was there before, or not all of it. */
	for (unsigned i = 0; i + 1 < log_n; i++)
		assert_true(log_found[i] < 200);
	assert_int_equal(pawl_engine_dispose_root(cf_engine, root), 0);
	cf_settle();
}

static void outdated_peek(unsigned run)
{
	(void)run;
	outdated(0);
}

static void outdated_take(unsigned run)
{
	(void)run;
	outdated(1);
}

static void case_outdated_dependency(void **state)
{
	(void)state;
	for (unsigned i = 0; i < t_scaled(20); i++) {
		cf_once(&outdated_tables, outdated_peek);
		cf_once(&outdated_tables, outdated_take);
	}
}

/* The source is held up until the collector, which runs as well, waits for it: one run of it. */
static void outdated_gated(unsigned run)
{
	struct collector of = {cf_state_make(5), 0};
	pawl_ref_t root;

	(void)run;
	cf_gate_init(&gate);
	cf_gate_open(&gate);
	assert_int_equal(pawl_engine_spawn_root(cf_engine, keeps_collector, &of, NULL, &root),
			 0);
	cf_settle();
	log_n = 0;
	cf_gate_init(&gate);
	cf_state_set(of.state, 200);
	cf_gate_wait(&gate, 1);
	cf_gate_open(&gate);
	cf_settle();
	assert_int_equal(log_n, 1);
	assert_int_equal(log_found[0], 200);
	assert_int_equal(pawl_engine_dispose_root(cf_engine, root), 0);
	cf_settle();
}

static void case_outdated_gated(void **state)
{
	(void)state;
	for (unsigned i = 0; i < t_scaled(20); i++)
		cf_once(&outdated_tables, outdated_gated);
}

/* ---- transient_collectible :: test ------------------------------------------------------------------ */

struct passed {
	pawl_ref_t ref;
};

static int passes_on_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	struct found found;
	int error;

	(void)args;
	(void)found;
	error = pawl_emit(context, &issue, *(const pawl_ref_t *)args);
	return error ? error : cf_give(context, 0, ret_output);
}
/* The reference is data: nobody sees that it is transient. */
CF_FUNCTION(passes_on, PAWL_FUNCTION_OPERATION, sizeof(struct passed));

static int makes_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return cf_give(context, 1, ret_output);
}

static const struct pawl_function *const transient_functions[] = {&passes_on};
static const struct cf_tables transient_tables = {
	transient_functions, 1, NULL, 0, traits, 1, 0};

struct resolved {
	pawl_ref_t root, cell;
};

static int resolve_root(struct pawl_context *context, void *arg)
{
	struct resolved *resolved = arg;

	return pawl_resolve(context, resolved->root, 0, &resolved->cell, NULL);
}

static void transient_collectible(unsigned run)
{
	struct resolved resolved;
	char text[256];

	(void)run;
	assert_int_equal(
		pawl_engine_spawn_root(cf_engine, makes_body, NULL, NULL, &resolved.root), 0);
	cf_visit(resolve_root, &resolved);
	assert_int_equal(cf_ask_error(&passes_on, &resolved.cell, text, sizeof(text)),
			 -PAWL_ETASK);
	assert_non_null(strstr(text, "ransient collectibles cannot be emitted from "
				     "persistent tasks"));
	assert_int_equal(pawl_engine_dispose_root(cf_engine, resolved.root), 0);
}

static void case_transient_collectible(void **state)
{
	(void)state;
	cf_once(&transient_tables, transient_collectible);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_transitive_emitting),
		cmocka_unit_test(case_transitive_emitting_indirect),
		cmocka_unit_test(case_multi_emitting),
		cmocka_unit_test(case_taking_collectibles),
		cmocka_unit_test(case_taking_extra_layer),
		cmocka_unit_test(case_taking_parallel),
		cmocka_unit_test(case_taking_with_resolve),
		cmocka_unit_test(case_strong_read_waits_for_calls),
		cmocka_unit_test(case_recompute_collectibles),
		cmocka_unit_test(case_outdated_dependency),
		cmocka_unit_test(case_outdated_gated),
		cmocka_unit_test(case_transient_collectible),
	};

	return cf_run("conform-collect", tests);
}
