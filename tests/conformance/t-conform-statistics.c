/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-statistics.c - counts for each function: calls that found their task, and calls that made it.
 */
#include "conform.h"

#include <stdlib.h>

struct self {
	pawl_ref_t self;
	uint64_t nonce;
};
struct one {
	int64_t number;
	uint64_t nonce;
};
#define SELF_ARGUMENTS                                                 \
	{                                                              \
		CF_REF(struct self, self), CF_DATA(struct self, nonce) \
	}

static int double_it_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	return cf_give(context, ((const struct one *)args)->number * 2, ret_output);
}
CF_FUNCTION(double_it, 0, sizeof(struct one));

static int double_what_body(struct pawl_context *context, const void *args,
			    pawl_ref_t *ret_output)
{
	const struct self *self = args;
	int64_t number;
	int error = cf_get(context, self->self, 0, &number);

	return error ? error : cf_give(context, number * 2, ret_output);
}
static const struct pawl_argument double_what_arguments[] = SELF_ARGUMENTS;
CF_FUNCTION_OF(double_what, 0, struct self);

/* ---- counting -------------------------------------------------------------------------------- */

static void expect_counts(const struct pawl_function *function, uint64_t misses, uint64_t hits)
{
	struct pawl_function_stats stats;

	assert_int_equal(pawl_engine_function_stats(cf_engine, function, &stats), 0);
	assert_int_equal(stats.misses, misses);
	assert_int_equal(stats.hits, hits);
	assert_int_equal(stats.runs - stats.stale_runs, misses);
}

/* Each case has engines of its own: counts are those of one run. */
static void count_thrice(const struct cf_tables *tables, pawl_visit_fn *fn,
			 void (*expect)(void))
{
	for (uint64_t nonce = 0; nonce < 3; nonce++) {
		cf_open(tables);
		cf_visit(fn, &nonce);
		cf_settle();
		expect();
		cf_close();
	}
}

static void take(struct pawl_context *context, pawl_ref_t ref, int64_t expected)
{
	int64_t number;

	t_check(!cf_get(context, ref, 0, &number));
	t_check(number == expected);
}

static pawl_ref_t doubled(struct pawl_context *context, int64_t number, uint64_t nonce)
{
	struct one one = {number, nonce};
	pawl_ref_t ref;

	t_check(!pawl_call(context, &double_it, &one, &ref));
	return ref;
}

static pawl_ref_t doubled_what(struct pawl_context *context, pawl_ref_t what, uint64_t nonce)
{
	struct self self = {what, nonce};
	pawl_ref_t ref;

	t_check(!pawl_call(context, &double_what, &self, &ref));
	return ref;
}

static const struct pawl_function *const plain_functions[] = {&double_it, &double_what};
static const struct cf_tables plain_tables = {plain_functions, 2, NULL, 0, NULL, 0, 0};

/* ---- cases -------------------------------------------------------------------------------------- */

static int simple_visit(struct pawl_context *context, void *arg)
{
	uint64_t nonce = *(uint64_t *)arg;

	for (int64_t i = 0; i < 10; i++) {
		take(context, doubled(context, i, nonce), i * 2);
		take(context, doubled(context, i, nonce), i * 2);
	}
	for (int64_t i = 0; i < 5; i++)
		take(context, doubled(context, i, nonce), i * 2);
	return 0;
}

static void simple(void)
{
	expect_counts(&double_it, 10, 15);
}

static void case_simple(void **state)
{
	(void)state;
	count_thrice(&plain_tables, simple_visit, simple);
}

static int often_visit(struct pawl_context *context, void *arg)
{
	pawl_ref_t ref = doubled(context, 21, *(uint64_t *)arg);

	for (unsigned i = 0; i < 3; i++)
		take(context, ref, 42);
	return 0;
}

/* A read is no call. */
static void read_often(void)
{
	expect_counts(&double_it, 1, 0);
}

static void case_read_often(void **state)
{
	(void)state;
	count_thrice(&plain_tables, often_visit, read_often);
}

static int with_references_visit(struct pawl_context *context, void *arg)
{
	uint64_t nonce = *(uint64_t *)arg;

	for (int64_t i = 0; i < 10; i++) {
		pawl_ref_t what = doubled(context, i, nonce);

		take(context, doubled_what(context, what, nonce), i * 4);
		take(context, doubled_what(context, what, nonce), i * 4);
	}
	for (int64_t i = 0; i < 5; i++)
		take(context, doubled_what(context, doubled(context, i, nonce), nonce), i * 4);
	return 0;
}

/* Finding out what an argument leads to counts for nobody. */
static void with_references(void)
{
	expect_counts(&double_it, 10, 5);
	expect_counts(&double_what, 10, 15);
}

static void case_with_references(void **state)
{
	(void)state;
	count_thrice(&plain_tables, with_references_visit, with_references);
}

/* ---- methods --------------------------------------------------------------------------------------- */

static const struct pawl_argument method_arguments[] = SELF_ARGUMENTS;

static int wrapped_number(struct pawl_context *context, const struct self *self,
			  int64_t *ret_number)
{
	struct pawl_value *value;
	int error = pawl_read(context, self->self, 0, &value, NULL);

	if (error)
		return error;
	memcpy(ret_number, pawl_value_payload(value), sizeof(*ret_number));
	pawl_value_unpin(value);
	return 0;
}

static int double_method_body(struct pawl_context *context, const void *args,
			      pawl_ref_t *ret_output)
{
	int64_t number;
	int error = wrapped_number(context, args, &number);

	return error ? error : cf_give(context, number * 2, ret_output);
}
static const struct pawl_argument double_method_arguments[] = SELF_ARGUMENTS;
CF_FUNCTION_OF(double_method, 0, struct self);

static int quadruple_method_body(struct pawl_context *context, const void *args,
				 pawl_ref_t *ret_output)
{
	int64_t number;
	int error = wrapped_number(context, args, &number);

	return error ? error : cf_give(context, number * 4, ret_output);
}
static const struct pawl_argument quadruple_method_arguments[] = SELF_ARGUMENTS;
CF_FUNCTION_OF(quadruple_method, 0, struct self);

static const struct pawl_method doubling_methods[] = {
	{"double", sizeof(struct self), method_arguments, CF_N(method_arguments), NULL},
	{"quadruple", sizeof(struct self), method_arguments, CF_N(method_arguments), NULL}};
static const struct pawl_trait doubling = {sizeof(doubling), "doubling", doubling_methods, 2};
static const struct pawl_function *const wrapped_functions[] = {&double_method,
								&quadruple_method};
static const struct pawl_implementation wrapped_implementations[] = {
	{&doubling, wrapped_functions}};
static const struct pawl_value_type wrapped_type = {.size = sizeof(wrapped_type),
						    .name = "wrapped",
						    .version = 1,
						    .implementations = wrapped_implementations,
						    .implementations_n = 1};

static int wrap_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct pawl_value *value;
	int error = pawl_value_of(&wrapped_type, &one->number, sizeof(one->number), &value);

	return error ? error : pawl_cell(context, value, ret_output);
}
CF_FUNCTION(wrap, 0, sizeof(struct one));

static const struct pawl_function *const method_functions[] = {&wrap, &double_method,
							       &quadruple_method};
static const struct pawl_value_type *const method_types[] = {&wrapped_type};
static const struct pawl_trait *const method_traits[] = {&doubling};
static const struct cf_tables method_tables = {
	method_functions, 3, method_types, 1, method_traits, 1, 0};

static pawl_ref_t wrapped(struct pawl_context *context, int64_t number, uint64_t nonce)
{
	struct one one = {number, nonce};
	pawl_ref_t ref;

	t_check(!pawl_call(context, &wrap, &one, &ref));
	return ref;
}

/* Of a type that is known: the functions themselves. */
static void call_known(struct pawl_context *context, pawl_ref_t ref, int64_t number,
		       uint64_t nonce)
{
	struct self self = {ref, nonce};
	pawl_ref_t output;

	t_check(!pawl_call(context, &double_method, &self, &output));
	take(context, output, number * 2);
	t_check(!pawl_call(context, &quadruple_method, &self, &output));
	take(context, output, number * 4);
}

/* Of one that is not. */
static void call_dyn(struct pawl_context *context, pawl_ref_t ref, int64_t number,
		     uint64_t nonce)
{
	struct self self = {PAWL_REF_NONE, nonce};
	pawl_ref_t output;

	t_check(!pawl_call_method(context, &doubling, 0, ref, &self, &output));
	take(context, output, number * 2);
	t_check(!pawl_call_method(context, &doubling, 1, ref, &self, &output));
	take(context, output, number * 4);
}

static int trait_methods_visit(struct pawl_context *context, void *arg)
{
	uint64_t nonce = *(uint64_t *)arg;

	for (int64_t i = 0; i < 10; i++) {
		pawl_ref_t ref = wrapped(context, i, nonce);

		call_known(context, ref, i, nonce);
		call_known(context, ref, i, nonce);
	}
	for (int64_t i = 0; i < 5; i++)
		call_known(context, wrapped(context, i, nonce), i, nonce);
	return 0;
}

static void trait_methods(void)
{
	expect_counts(&wrap, 10, 5);
	expect_counts(&double_method, 10, 15);
	expect_counts(&quadruple_method, 10, 15);
}

static void case_trait_methods(void **state)
{
	(void)state;
	count_thrice(&method_tables, trait_methods_visit, trait_methods);
}

/* Two of them again by who knows the type: it is the same task. */
static int dyn_trait_methods_visit(struct pawl_context *context, void *arg)
{
	uint64_t nonce = *(uint64_t *)arg;

	for (int64_t i = 0; i < 10; i++) {
		pawl_ref_t ref = wrapped(context, i, nonce);

		call_dyn(context, ref, i, nonce);
		call_dyn(context, ref, i, nonce);
	}
	for (int64_t i = 0; i < 5; i++)
		call_dyn(context, wrapped(context, i, nonce), i, nonce);
	for (int64_t i = 0; i < 2; i++)
		call_known(context, wrapped(context, i, nonce), i, nonce);
	return 0;
}

static void dyn_trait_methods(void)
{
	expect_counts(&wrap, 10, 7);
	expect_counts(&double_method, 10, 17);
	expect_counts(&quadruple_method, 10, 17);
}

static void case_dyn_trait_methods(void **state)
{
	(void)state;
	count_thrice(&method_tables, dyn_trait_methods_visit, dyn_trait_methods);
}

/* ---- no_execution: five calls of which the last one alone is asked for -------------------------------- */

/* One function for each, so that each has a count. */
#define LINK(name)                                                             \
	static int name##_body(struct pawl_context *context, const void *args, \
			       pawl_ref_t *ret_output)                         \
	{                                                                      \
		return double_what_body(context, args, ret_output);            \
	}                                                                      \
	static const struct pawl_argument name##_arguments[] = SELF_ARGUMENTS; \
	CF_FUNCTION_OF(name, 0, struct self)
LINK(second);
LINK(third);
LINK(fourth);
LINK(fifth);

static const struct pawl_function *const links[] = {&second, &third, &fourth, &fifth};

/* In a task: there it does not wait for what its arguments lead to. */
static int chain_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct self self = {PAWL_REF_NONE, *(const uint64_t *)args};

	*ret_output = doubled(context, 1, self.nonce);
	for (unsigned i = 0; i < CF_N(links); i++) {
		int error;

		self.self = *ret_output;
		error = pawl_call(context, links[i], &self, ret_output);
		if (error)
			return error;
	}
	return 0;
}
CF_FUNCTION(chain, PAWL_FUNCTION_ROOT, sizeof(uint64_t));

static const struct pawl_function *const chain_functions[] = {&double_it, &second, &third,
							      &fourth,	  &fifth,  &chain};
static const struct cf_tables chain_tables = {chain_functions, 6, NULL, 0, NULL, 0, 0};

static int chain_visit(struct pawl_context *context, void *arg)
{
	pawl_ref_t ref;

	t_check(!pawl_call(context, &chain, arg, &ref));
	take(context, ref, 32);
	return 0;
}

static void no_execution(void)
{
	expect_counts(&chain, 1, 0);
	expect_counts(&double_it, 1, 0);
	for (unsigned i = 0; i < CF_N(links); i++)
		expect_counts(links[i], 1, 0);
}

static void case_no_execution(void **state)
{
	(void)state;
	count_thrice(&chain_tables, chain_visit, no_execution);
}

int main(void)
{
	cf_evicts = false;
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_simple),
		cmocka_unit_test(case_read_often),
		cmocka_unit_test(case_with_references),
		cmocka_unit_test(case_trait_methods),
		cmocka_unit_test(case_dyn_trait_methods),
		cmocka_unit_test(case_no_execution),
	};

	if (setenv("PAWL_FUNCTION_STATS", "1", 1))
		return 99;
	return cf_run("conform-statistics", cases);
}
