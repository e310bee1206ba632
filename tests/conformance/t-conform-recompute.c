/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-recompute.c - what runs again after a change, and what does not: recompute, immutable,
 * emptied_cells, random_change, dirty_in_progress.
 */
#include "conform.h"

static struct pawl_atomic_u32 ran, ran_inner;

/* ---- recompute :: recompute -------------------------------------------------------------- */

static int read_state_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	const struct cf_state *state = args;
	int64_t number;
	int error = cf_state_get(context, *state, &number);

	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(read_state, 0, sizeof(struct cf_state));

struct two_states {
	struct cf_state first, second;
};

/* The first, and the second if the first is below 5, else 42: a * 1000 + b. */
static int dynamic_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct two_states *two = args;
	int64_t first, second = 42;
	int error = cf_state_get(context, two->first, &first);

	cf_count(&ran);
	if (!error && first < 5)
		error = cf_call(context, &read_state, &two->second, &second);
	return error ? error : cf_give(context, first * 1000 + second, ret_output);
}
CF_FUNCTION(dynamic, 0, sizeof(struct two_states));

static const struct pawl_function *const recompute_functions[] = {&read_state, &dynamic};
static const struct cf_tables recompute_tables = {recompute_functions, 2, NULL, 0, NULL, 0, 0};

static void recompute(unsigned run)
{
	struct two_states two = {cf_state_make(1), cf_state_make(10)};

	(void)run;
	(void)cf_counted(&ran);
	assert_int_equal(cf_ask(&dynamic, &two), 1010);
	assert_int_equal(cf_counted(&ran), 1);
	cf_state_set(two.first, 2);
	assert_int_equal(cf_ask(&dynamic, &two), 2010);
	assert_int_equal(cf_counted(&ran), 1);
	cf_state_set(two.second, 20);
	assert_int_equal(cf_ask(&dynamic, &two), 2020);
	assert_int_equal(cf_counted(&ran), 1);
	cf_state_set(two.first, 5);
	assert_int_equal(cf_ask(&dynamic, &two), 5042);
	assert_int_equal(cf_counted(&ran), 1);
	cf_state_set(two.second, 30);
	assert_int_equal(cf_ask(&dynamic, &two), 5042);
	assert_int_equal(cf_counted(&ran), 0);
}

static void case_recompute(void **state)
{
	(void)state;
	cf_thrice(&recompute_tables, recompute);
}

/* ---- recompute :: immutable_analysis ------------------------------------------------------- */

/* A value that is a reference. */
static void holder_refs(const void *payload, size_t bytes,
			void (*visit)(void *arg, pawl_ref_t ref), void *arg)
{
	pawl_ref_t ref;

	(void)bytes;
	memcpy(&ref, payload, sizeof(ref));
	visit(arg, ref);
}
static const struct pawl_value_type holder_type = {.size = sizeof(holder_type),
						   .name = "holder",
						   .version = 1,
						   .flags = PAWL_VALUE_PLAIN,
						   .visit_refs = holder_refs};

static int get_ref(struct pawl_context *context, pawl_ref_t holder, pawl_ref_t *ret_ref)
{
	struct pawl_value *value;
	int error = pawl_read(context, holder, 0, &value, NULL);

	if (error)
		return error;
	memcpy(ret_ref, pawl_value_payload(value), sizeof(*ret_ref));
	pawl_value_unpin(value);
	return 0;
}

/* A cell with the address of a state. */
static int input_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct cf_state *state = args;

	return cf_give(context, (int64_t)state->state, ret_output);
}
CF_FUNCTION(input, 0, sizeof(struct cf_state));

static int get_input(struct pawl_context *context, pawl_ref_t ref, int64_t *ret_number)
{
	int64_t address;
	int error = cf_get(context, ref, 0, &address);

	return error ? error
		     : cf_state_get(context, (struct cf_state){(uint64_t)address}, ret_number);
}

/* The cell of it in a value. */
static int holder_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, &input, args, &ref);

	if (!error)
		error = pawl_resolve(context, ref, 0, &ref, NULL);
	if (!error)
		error = pawl_value_of(&holder_type, &ref, sizeof(ref), &value);
	return error ? error : pawl_cell(context, value, ret_output);
}
CF_FUNCTION(holder, 0, sizeof(struct cf_state));

struct one_ref {
	pawl_ref_t ref;
};
struct two_refs {
	pawl_ref_t a, b;
};

static int second_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one_ref *one = args;
	int64_t number;
	int error = get_input(context, one->ref, &number);

	return error ? error : cf_give(context, number, ret_output);
}
static const struct pawl_argument second_arguments[] = {CF_REF(struct one_ref, ref)};
CF_FUNCTION_OF(second, 0, struct one_ref);

static int compute_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct two_refs *refs = args;
	struct one_ref inner = {refs->b};
	int64_t first, number = 42;
	int error = get_input(context, refs->a, &first);

	cf_count(&ran);
	if (!error && first < 5)
		error = cf_call(context, &second, &inner, &number);
	return error ? error : cf_give(context, first * 1000 + number, ret_output);
}
static const struct pawl_argument compute_arguments[] = {CF_REF(struct two_refs, a),
							 CF_REF(struct two_refs, b)};
CF_FUNCTION_OF(compute, 0, struct two_refs);

/* Forwards: reads nothing but its own argument. */
static int method_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one_ref *self = args;
	pawl_ref_t ref;
	int error = get_ref(context, self->ref, &ref);

	return error ? error
		     : pawl_call(context, &compute, &(struct two_refs){ref, ref}, ret_output);
}
static const struct pawl_argument method_arguments[] = {CF_REF(struct one_ref, ref)};
CF_FUNCTION_OF(method, 0, struct one_ref);

static int forward_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct one_ref self;
	int error = pawl_call(context, &holder, args, &self.ref);

	return error ? error : pawl_call(context, &method, &self, ret_output);
}
CF_FUNCTION(forward, 0, sizeof(struct cf_state));

static const struct pawl_function *const analysis_functions[] = {&input,   &holder, &second,
								 &compute, &method, &forward};
static const struct pawl_value_type *const analysis_types[] = {&holder_type};
static const struct cf_tables analysis_tables = {
	analysis_functions, 6, analysis_types, 1, NULL, 0, 0};

static void immutable_analysis(unsigned run)
{
	struct cf_state state = cf_state_make(1);

	(void)run;
	(void)cf_counted(&ran);
	assert_int_equal(cf_ask(&forward, &state), 1001);
	assert_int_equal(cf_counted(&ran), 1);
	cf_state_set(state, 30);
	assert_int_equal(cf_ask(&forward, &state), 30042);
	assert_int_equal(cf_counted(&ran), 1);
}

static void case_immutable_analysis(void **state)
{
	(void)state;
	cf_thrice(&analysis_tables, immutable_analysis);
}

/* ---- recompute :: recompute_dependency ------------------------------------------------------- */

static struct pawl_atomic_u32 serial;

/* The state, and something new above it. */
static int noisy_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct cf_state *state = args;
	int64_t number;
	int error = cf_state_get(context, *state, &number);

	cf_count(&ran_inner);
	return error ? error
		     : cf_give(context,
			       number | (int64_t)(pawl_add_relaxed(&serial, 1u) + 1) << 16,
			       ret_output);
}
CF_FUNCTION(noisy, 0, sizeof(struct cf_state));

static int outer_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_call(context, &noisy, args, &number);

	cf_count(&ran);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(outer, 0, sizeof(struct cf_state));

static const struct pawl_function *const dependency_functions[] = {&noisy, &outer};
static const struct cf_tables dependency_tables = {
	dependency_functions, 2, NULL, 0, NULL, 0, 0};

static void recompute_dependency(unsigned run)
{
	struct cf_state state = cf_state_make(1);
	int64_t before, after;

	(void)run;
	(void)cf_counted(&ran), (void)cf_counted(&ran_inner);
	before = cf_ask(&outer, &state);
	assert_int_equal(before & 0xffff, 1);
	cf_state_set(state, 2);
	after = cf_ask(&outer, &state);
	assert_int_equal(after & 0xffff, 2);
	assert_int_not_equal(before >> 16, after >> 16);
	assert_int_equal(cf_counted(&ran), 2);
	assert_int_equal(cf_counted(&ran_inner), 2);
	cf_state_set(state, 3);
	assert_int_equal(cf_ask(&outer, &state) & 0xffff, 3);
	assert_int_equal(cf_counted(&ran), 1);
}

static void case_recompute_dependency(void **state)
{
	(void)state;
	cf_thrice(&dependency_tables, recompute_dependency);
}

/* ---- immutable :: hidden_mutate ----------------------------------------------------------------- */

/* A cell with what the state is. */
static int cell_of_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	return read_state_body(context, args, ret_output);
}
CF_FUNCTION(cell_of, 0, sizeof(struct cf_state));

static int read_input_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	const struct one_ref *one = args;
	int64_t number;
	int error = cf_get(context, one->ref, 0, &number);

	return error ? error : cf_give(context, number, ret_output);
}
static const struct pawl_argument read_input_arguments[] = {CF_REF(struct one_ref, ref)};
CF_FUNCTION_OF(read_input, 0, struct one_ref);

static int constant_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	cf_count(&ran);
	return cf_give(context, 42, ret_output);
}
static const struct pawl_argument constant_arguments[] = {CF_REF(struct one_ref, ref)};
CF_FUNCTION_OF(constant, 0, struct one_ref);

struct through {
	struct cf_state state;
	uint64_t constant; /* which of the two */
};

static int through_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct through *through = args;
	struct one_ref one;
	int error = pawl_call(context, &cell_of, &through->state, &one.ref);

	if (!error)
		error = pawl_resolve(context, one.ref, 0, &one.ref, NULL);
	return error ? error
		     : pawl_call(context, through->constant ? &constant : &read_input, &one,
				 ret_output);
}
CF_FUNCTION(through, 0, sizeof(struct through));

static const struct pawl_function *const immutable_functions[] = {&cell_of, &read_input,
								  &constant, &through};
static const struct cf_tables immutable_tables = {immutable_functions, 4, NULL, 0, NULL, 0, 0};

static void hidden_mutate(unsigned run)
{
	static const int64_t steps[] = {1, 10, 5};
	struct through reads = {cf_state_make(1), 0};
	struct through ignores = {reads.state, 1};

	(void)cf_counted(&ran);
	for (unsigned i = 0; i < CF_N(steps); i++) {
		cf_state_set(reads.state, steps[i]);
		assert_int_equal(cf_ask(&through, &reads), steps[i]);
		assert_int_equal(cf_ask(&through, &ignores), 42);
	}
	assert_int_equal(cf_counted(&ran), cf_is_restored(run) ? 0 : 1);
}

static void case_hidden_mutate(void **state)
{
	(void)state;
	cf_thrice(&immutable_tables, hidden_mutate);
}

/* ---- emptied_cells ---------------------------------------------------------------------------- */

/* Session dependent in the other table. */
static bool mark;

static int of_cell_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	if (mark)
		pawl_mark_session_dependent(context);
	return read_input_body(context, args, ret_output);
}
static const struct pawl_argument of_cell_arguments[] = {CF_REF(struct one_ref, ref)};
CF_FUNCTION_OF(of_cell, 0, struct one_ref);

/* Cells 0 to the state, each given to of_cell; the output of the last. */
static int many_cells_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_call(context, &read_state, args, &number);

	for (int64_t i = 0; i <= number && !error; i++) {
		struct one_ref one;

		error = cf_give(context, i, &one.ref);
		if (!error)
			error = pawl_call(context, &of_cell, &one, ret_output);
	}
	return error;
}
CF_FUNCTION(many_cells, 0, sizeof(struct cf_state));

static int emptied_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_call(context, &many_cells, args, &number);

	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(emptied, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT, sizeof(struct cf_state));

static const struct pawl_function *const emptied_functions[] = {&read_state, &of_cell,
								&many_cells, &emptied};
static const struct cf_tables emptied_tables = {emptied_functions, 4, NULL, 0, NULL, 0, 0};

static void emptied_cells(unsigned run)
{
	static const int64_t steps[] = {0, 10, 5, 20, 15, 1};
	struct cf_state state = cf_state_make(0);

	(void)run;
	for (unsigned i = 0; i < CF_N(steps); i++) {
		cf_state_set(state, steps[i]);
		assert_int_equal(cf_ask(&emptied, &state), steps[i]);
	}
}

static void case_emptied_cells(void **state)
{
	(void)state;
	mark = false;
	cf_thrice(&emptied_tables, emptied_cells);
}

static void case_emptied_cells_session_dependent(void **state)
{
	(void)state;
	mark = true;
	cf_thrice(&emptied_tables, emptied_cells);
	mark = false;
}

/* ---- random_change ------------------------------------------------------------------------------ */

struct nested {
	struct cf_state state;
	int64_t nesting;
};
static const struct pawl_function nested;

/* The task itself one deeper, until it is as deep as the state says. */
static int nested_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct nested *here = args;
	struct nested next = {here->state, here->nesting + 1};
	int64_t number;
	int error = cf_state_get(context, here->state, &number);

	if (error)
		return error;
	if (here->nesting < number)
		return pawl_call(context, &nested, &next, ret_output);
	if (here->nesting > number)
		return pawl_context_fail(context, "too deep");
	return cf_give(context, number, ret_output);
}
CF_FUNCTION(nested, 0, sizeof(struct nested));

static int from_below_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	const struct cf_state *state = args;
	struct nested first = {*state, 0};
	int error = cf_state_get(context, *state, &first.nesting);

	first.nesting = -first.nesting;
	return error ? error : pawl_call(context, &nested, &first, ret_output);
}
CF_FUNCTION(from_below, 0, sizeof(struct cf_state));

static const struct pawl_function *const change_functions[] = {&nested, &from_below};
static const struct cf_tables change_tables = {change_functions, 2, NULL, 0, NULL, 0, 0};

/* Keeps both active. */
static int changing_root(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct cf_state *state = args;
	struct nested first = {*state, 0};
	pawl_ref_t ref;
	int error = pawl_call(context, &nested, &first, &ref);

	if (!error)
		error = pawl_call(context, &from_below, state, &ref);
	return error ? error : cf_give(context, 0, ret_output);
}

static void random_change(unsigned run)
{
	struct cf_state state = cf_state_make(0);
	struct nested first = {state, 0};
	pawl_ref_t root;

	(void)run;
	assert_int_equal(pawl_engine_spawn_root(cf_engine, changing_root, &state, NULL, &root),
			 0);
	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	for (unsigned i = 0; i < t_scaled(40); i++) {
		int64_t number = (int64_t)t_random_below(100);

		/* Where edges are on the move, a read that is not strong may find what was there before. */
		assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
		cf_state_set(state, number);
		assert_int_equal(cf_ask_eventual(&nested, &first), number);
		assert_int_equal(cf_ask_eventual(&from_below, &state), number);
	}
	assert_int_equal(pawl_engine_dispose_root(cf_engine, root), 0);
	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
}

static void case_random_change(void **state)
{
	(void)state;
	cf_thrice(&change_tables, random_change);
}

/* ---- dirty_in_progress ------------------------------------------------------------------------- */

static const struct pawl_trait issue = {sizeof(issue), "issue", NULL, 0};
static struct cf_gate gate;

static int slow_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct cf_state *state = args;
	int64_t number;
	pawl_ref_t ref;
	int error = cf_state_get(context, *state, &number);

	if (!error)
		error = cf_gate_pass(&gate);
	if (error || number <= 10)
		return error ? error : cf_give(context, number, ret_output);
	error = cf_give(context, number, &ref);
	if (!error)
		error = pawl_emit(context, &issue, ref);
	return error ? error : cf_give(context, 42, ret_output);
}
CF_FUNCTION(slow, PAWL_FUNCTION_OPERATION, sizeof(struct cf_state));

struct found {
	pawl_ref_t ref;
	unsigned n;
};

static void find(void *arg, pawl_ref_t ref, int32_t count)
{
	struct found *found = arg;

	t_check(count > 0);
	found->ref = ref;
	found->n++;
}

/* The number, times 1000, and the collectible. */
static int with_issue_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	struct found found = {PAWL_REF_NONE, 0};
	int64_t number, emitted = 0;
	pawl_ref_t ref;
	int error = pawl_call(context, &slow, args, &ref);

	if (!error)
		error = cf_get(context, ref, 0, &number);
	if (!error)
		error = pawl_peek(context, ref, &issue, find, &found);
	if (!error && found.n > 1)
		return pawl_context_fail(context, "%u collectibles", found.n);
	if (!error && found.n)
		error = cf_get(context, found.ref, 0, &emitted);
	return error ? error : cf_give(context, number * 1000 + emitted, ret_output);
}
CF_FUNCTION(with_issue, PAWL_FUNCTION_OPERATION, sizeof(struct cf_state));

static const struct pawl_function *const progress_functions[] = {&slow, &with_issue};
static const struct pawl_trait *const progress_traits[] = {&issue};
static const struct cf_tables progress_tables = {progress_functions, 2, NULL, 0,
						 progress_traits,    1, 0};

static int keeps_with_issue(struct pawl_context *context, const void *args,
			    pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_call(context, &with_issue, args, &number);

	/* A state in between may be an error. */
	return error && error != -PAWL_ETASK ? error : cf_give(context, 0, ret_output);
}

static void change_in_progress(const int64_t *steps, int64_t expected)
{
	struct cf_state state = cf_state_make(steps[0]);
	pawl_ref_t root;

	cf_gate_init(&gate);
	cf_gate_open(&gate);
	assert_int_equal(
		pawl_engine_spawn_root(cf_engine, keeps_with_issue, &state, NULL, &root), 0);
	cf_settle();
	cf_gate_init(&gate);
	cf_state_set(state, steps[1]);
	/* It has read the second one. */
	cf_gate_wait(&gate, 1);
	cf_state_set(state, steps[2]);
	cf_gate_open(&gate);
	assert_int_equal(cf_ask(&with_issue, &state), expected);
	assert_int_equal(pawl_engine_dispose_root(cf_engine, root), 0);
	cf_settle();
}

static void dirty_in_progress(unsigned run)
{
	static const struct {
		int64_t steps[3], expected;
	} cases[] = {
		{{1, 3, 2}, 2000},   {{11, 13, 12}, 42012}, {{1, 13, 11}, 42011},
		{{1, 3, 11}, 42011}, {{11, 3, 2}, 2000},    {{11, 13, 2}, 2000},
	};

	(void)run;
	for (unsigned i = 0; i < CF_N(cases); i++)
		change_in_progress(cases[i].steps, cases[i].expected);
}

static void case_dirty_in_progress(void **state)
{
	(void)state;
	cf_thrice(&progress_tables, dirty_in_progress);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_recompute),
		cmocka_unit_test(case_immutable_analysis),
		cmocka_unit_test(case_recompute_dependency),
		cmocka_unit_test(case_hidden_mutate),
		cmocka_unit_test(case_emptied_cells),
		cmocka_unit_test(case_emptied_cells_session_dependent),
		cmocka_unit_test(case_random_change),
		cmocka_unit_test(case_dirty_in_progress),
	};

	return cf_run("conform-recompute", tests);
}
