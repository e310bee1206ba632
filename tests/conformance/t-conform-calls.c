/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-calls.c - calls, arguments, operations, references in values: basic, by_ref, call_types, operation_vc,
 * resolved_vc, generics, local_cell.
 */
#include "conform.h"

#include "../../engine/graph/ref.h"

static struct pawl_atomic_u32 ran;

struct run {
	uint64_t run;
};
struct one_ref {
	pawl_ref_t ref;
};
struct two_refs {
	pawl_ref_t a, b;
};

static int read_and_give(struct pawl_context *context, pawl_ref_t ref, int64_t more,
			 pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_get(context, ref, 0, &number);

	return error ? error : cf_give(context, number + more, ret_output);
}

/* A task that is there as long as a root is: the cell of a visit, as it were. */
static int root_cell(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	return cf_give(context, *(const int64_t *)args, ret_output);
}

/* ---- basic :: basic ------------------------------------------------------------------------- */

static int without_arg_body(struct pawl_context *context, const void *args,
			    pawl_ref_t *ret_output)
{
	(void)args;
	cf_count(&ran);
	return cf_give(context, 123, ret_output);
}
CF_FUNCTION(without_arg, PAWL_FUNCTION_OPERATION, 0);

static int with_arg_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one_ref *one = args;

	return read_and_give(context, one->ref, 0, ret_output);
}
static const struct pawl_argument with_arg_arguments[] = {CF_REF(struct one_ref, ref)};
CF_FUNCTION_OF(with_arg, 0, struct one_ref);

static int nested_read_body(struct pawl_context *context, const void *args,
			    pawl_ref_t *ret_output)
{
	pawl_ref_t ref;
	int error = pawl_call(context, &without_arg, NULL, &ref);

	(void)args;
	return error ? error : read_and_give(context, ref, 0, ret_output);
}
CF_FUNCTION(nested_read, PAWL_FUNCTION_OPERATION, 0);

static int nested_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return pawl_call(context, &without_arg, NULL, ret_output);
}
CF_FUNCTION(nested, PAWL_FUNCTION_OPERATION, 0);

static const struct pawl_function *const basic_functions[] = {&without_arg, &with_arg,
							      &nested_read, &nested};
static const struct cf_tables basic_tables = {basic_functions, 4, NULL, 0, NULL, 0, 0};

static int basic_visit(struct pawl_context *context, void *arg)
{
	const pawl_ref_t *root = arg;
	struct one_ref one;
	int64_t number;
	pawl_ref_t ref, inner;

	/* What is not kept calls what is kept, and with an argument that is not. */
	t_check(!pawl_resolve(context, *root, 0, &one.ref, NULL));
	t_check(!cf_call(context, &with_arg, &one, &number) && number == 42);
	t_check(!pawl_call(context, &without_arg, NULL, &one.ref));
	t_check(!cf_call(context, &with_arg, &one, &number) && number == 123);
	t_check(!cf_call(context, &without_arg, NULL, &number) && number == 123);
	t_check(!cf_call(context, &nested_read, NULL, &number) && number == 123);
	t_check(!pawl_call(context, &nested, NULL, &ref));
	t_check(!cf_get(context, ref, PAWL_READ_STRONG, &number) && number == 123);
	/* The inner reference is the output's. */
	t_check(!pawl_resolve(context, ref, 0, &ref, NULL));
	t_check(!pawl_resolve(context, one.ref, 0, &inner, NULL));
	t_check(pawl_ref_equal(ref, inner));
	return 0;
}

static void basic(unsigned run)
{
	static int64_t number = 42;
	pawl_ref_t root;

	(void)cf_counted(&ran);
	assert_int_equal(pawl_engine_spawn_root(cf_engine, root_cell, &number, NULL, &root), 0);
	cf_visit(basic_visit, &root);
	assert_int_equal(cf_counted(&ran), cf_is_kept(run) ? 0 : 1);
	assert_int_equal(pawl_engine_dispose_root(cf_engine, root), 0);
}

static void case_basic(void **state)
{
	(void)state;
	cf_thrice(&basic_tables, basic);
}

/* ---- by_ref :: test_by_ref --------------------------------------------------------------------- */

struct scaled {
	int64_t scale, base;
	struct pawl_slice numbers;
};

static int scaled_sum_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	const struct scaled *scaled = args;
	int64_t sum = 0, number;

	cf_count(&ran);
	for (size_t i = 0; i < scaled->numbers.len / sizeof(number); i++) {
		memcpy(&number, (const char *)scaled->numbers.ptr + i * sizeof(number),
		       sizeof(number));
		sum += number;
	}
	return cf_give(context, scaled->base + scaled->scale * sum, ret_output);
}
static const struct pawl_argument scaled_sum_arguments[] = {
	CF_DATA(struct scaled, scale),
	CF_DATA(struct scaled, base),
	{PAWL_ARGUMENT_BYTES, offsetof(struct scaled, numbers), 0}};
CF_FUNCTION_OF(scaled_sum, PAWL_FUNCTION_OPERATION, struct scaled);

static const struct pawl_function *const by_ref_functions[] = {&scaled_sum};
static const struct cf_tables by_ref_tables = {by_ref_functions, 1, NULL, 0, NULL, 0, 0};

static int64_t ask_sum(int64_t scale, int64_t base, const int64_t *numbers, size_t n)
{
	struct scaled scaled = {scale, base, {numbers, n * sizeof(*numbers)}};

	return cf_ask(&scaled_sum, &scaled);
}

static void by_ref(unsigned run)
{
	static const int64_t five[] = {1, 2, 3, 4, 5}, tens[] = {10, 20, 30};
	int64_t again[5];

	(void)cf_counted(&ran);
	memcpy(again, five, sizeof(five));
	assert_int_equal(ask_sum(1, 0, five, 5), 15);
	/* The same bytes elsewhere are the same argument. */
	assert_int_equal(ask_sum(1, 0, again, 5), 15);
	assert_int_equal(cf_counted(&ran), cf_is_kept(run) ? 0 : 1);
	assert_int_equal(ask_sum(1, 0, tens, 3), 60);
	assert_int_equal(ask_sum(2, 0, five, 3), 12);
	assert_int_equal(ask_sum(1, 100, five, 3), 106);
	assert_int_equal(ask_sum(1, 0, five, 0), 0);
	assert_int_equal(cf_counted(&ran), cf_is_kept(run) ? 0 : 4);
}

static void case_by_ref(void **state)
{
	(void)state;
	cf_thrice(&by_ref_tables, by_ref);
}

/* ---- call_types :: test_functions ------------------------------------------------------------------ */

struct nonce_number {
	int64_t number;
	uint64_t run;
};
struct nonce_ref {
	pawl_ref_t ref;
	uint64_t run;
};

static int fn_none_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	cf_count(&ran);
	return cf_give(context, 42, ret_output);
}
CF_FUNCTION(fn_none, 0, sizeof(struct run));

static int fn_number_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	const struct nonce_number *arg = args;

	cf_count(&ran);
	return cf_give(context, arg->number, ret_output);
}
CF_FUNCTION(fn_number, 0, sizeof(struct nonce_number));

static int fn_ref_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct nonce_ref *arg = args;

	cf_count(&ran);
	/* Arguments of a function are cells when it runs. */
	t_check(eng_ref_cell(arg->ref));
	return read_and_give(context, arg->ref, 0, ret_output);
}
static const struct pawl_argument fn_ref_arguments[] = {CF_REF(struct nonce_ref, ref),
							CF_DATA(struct nonce_ref, run)};
CF_FUNCTION_OF(fn_ref, 0, struct nonce_ref);

/* The same, with the reference of an output that is not known when it is called. */
static int fn_waiting_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	const struct run *run = args;
	struct nonce_number number = {44, run->run};
	struct nonce_ref of = {PAWL_REF_NONE, run->run};
	int error = pawl_call(context, &fn_number, &number, &of.ref);

	return error ? error : pawl_call(context, &fn_ref, &of, ret_output);
}
CF_FUNCTION(fn_waiting, 0, sizeof(struct run));

static const struct pawl_function *const call_functions[] = {&fn_none, &fn_number, &fn_ref,
							     &fn_waiting};
static const struct cf_tables call_tables = {call_functions, 4, NULL, 0, NULL, 0, 0};

static void functions(unsigned run)
{
	struct nonce_number number = {43, run};

	(void)cf_counted(&ran);
	assert_int_equal(cf_ask(&fn_none, &(struct run){run}), 42);
	assert_int_equal(cf_ask(&fn_number, &number), 43);
	assert_int_equal(cf_ask(&fn_waiting, &(struct run){run}), 44);
	assert_int_equal(cf_counted(&ran), 4);
}

static void case_functions(void **state)
{
	(void)state;
	cf_thrice(&call_tables, functions);
}

/* ---- operation_vc :: test_use_operations ------------------------------------------------------------ */

static int twenty_one_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	(void)args;
	return cf_give(context, 21, ret_output);
}
CF_FUNCTION(twenty_one, PAWL_FUNCTION_OPERATION, 0);

/* `a` is an operation, `b` a cell. */
static int multiply_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct two_refs *refs = args;
	int64_t a, b;
	int error = pawl_connect(context, refs->a);

	/* It came as what it is. */
	t_check(!eng_ref_cell(refs->a));
	if (!error)
		error = cf_get(context, refs->a, 0, &a);
	if (!error)
		error = cf_get(context, refs->b, 0, &b);
	return error ? error : cf_give(context, a * b, ret_output);
}
static const struct pawl_argument multiply_arguments[] = {CF_REF(struct two_refs, a),
							  CF_REF(struct two_refs, b)};
CF_FUNCTION_OF(multiply, PAWL_FUNCTION_OPERATION, struct two_refs);

static int use_operations_body(struct pawl_context *context, const void *args,
			       pawl_ref_t *ret_output)
{
	struct two_refs refs;
	pawl_ref_t product;
	int error = pawl_call(context, &twenty_one, NULL, &refs.a);

	(void)args;
	if (!error)
		error = cf_give(context, 2, &refs.b);
	if (!error)
		error = pawl_call(context, &multiply, &refs, &product);
	if (!error)
		error = pawl_connect(context, product);
	return error ? error : read_and_give(context, product, 0, ret_output);
}
CF_FUNCTION(use_operations, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT, 0);

static const struct pawl_function *const operation_functions[] = {&twenty_one, &multiply,
								  &use_operations};
static const struct cf_tables operation_tables = {operation_functions, 3, NULL, 0, NULL, 0, 0};

static void operations(unsigned run)
{
	(void)run;
	assert_int_equal(cf_ask(&use_operations, NULL), 42);
}

static void case_use_operations(void **state)
{
	(void)state;
	cf_thrice(&operation_tables, operations);
}

/* ---- resolved_vc, generics: references in values and in lists ------------------------------------------ */

static void list_refs(const void *payload, size_t bytes,
		      void (*visit)(void *arg, pawl_ref_t ref), void *arg)
{
	const pawl_ref_t *refs = payload;

	for (size_t i = 0; i < bytes / sizeof(*refs); i++)
		visit(arg, refs[i]);
}
/* Any number of references: an option has one or none. */
static const struct pawl_value_type list_type = {.size = sizeof(list_type),
						 .name = "list",
						 .version = 1,
						 .flags = PAWL_VALUE_PLAIN,
						 .visit_refs = list_refs};

static int give_list(struct pawl_context *context, const pawl_ref_t *refs, size_t n,
		     pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_value_of(&list_type, refs, n * sizeof(*refs), &value);

	return error ? error : pawl_cell(context, value, ret_output);
}

struct refs {
	struct pawl_refs refs;
};

/* A list of what it was given. */
static int list_of_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct refs *refs = args;

	for (size_t i = 0; i < refs->refs.n; i++)
		t_check(eng_ref_cell(refs->refs.refs[i]));
	return give_list(context, refs->refs.refs, refs->refs.n, ret_output);
}
static const struct pawl_argument list_of_arguments[] = {
	{PAWL_ARGUMENT_REFS, offsetof(struct refs, refs), 0}};
CF_FUNCTION_OF(list_of, 0, struct refs);

/* How many are in it, and in those of its lists that are lists, times 10. */
static int length_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one_ref *one = args;
	struct pawl_value *value;
	size_t n;
	int error = pawl_read(context, one->ref, 0, &value, NULL);

	if (error)
		return error;
	t_check(pawl_value_type_of(value) == &list_type);
	n = pawl_value_bytes(value) / sizeof(pawl_ref_t);
	pawl_value_unpin(value);
	return cf_give(context, (int64_t)n, ret_output);
}
static const struct pawl_argument length_arguments[] = {CF_REF(struct one_ref, ref)};
CF_FUNCTION_OF(length, 0, struct one_ref);

/* The sum of the numbers in it. */
static int sum_list_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one_ref *one = args;
	const pawl_ref_t *refs;
	struct pawl_value *value;
	int64_t sum = 0, number = 0;
	int error = pawl_read(context, one->ref, 0, &value, NULL);

	if (error)
		return error;
	refs = pawl_value_payload(value);
	for (size_t i = 0; i < pawl_value_bytes(value) / sizeof(*refs) && !error; i++) {
		error = cf_get(context, refs[i], 0, &number);
		sum += number;
	}
	pawl_value_unpin(value);
	return error ? error : cf_give(context, sum, ret_output);
}
static const struct pawl_argument sum_list_arguments[] = {CF_REF(struct one_ref, ref)};
CF_FUNCTION_OF(sum_list, 0, struct one_ref);

/* Read, and kept again. */
static int round_trip_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	const struct one_ref *one = args;
	struct pawl_value *value;
	int error = pawl_read(context, one->ref, 0, &value, NULL);

	return error ? error : pawl_cell(context, value, ret_output);
}
static const struct pawl_argument round_trip_arguments[] = {CF_REF(struct one_ref, ref)};
CF_FUNCTION_OF(round_trip, 0, struct one_ref);

static const struct pawl_function *const list_functions[] = {&fn_number, &list_of, &length,
							     &sum_list, &round_trip};
static const struct pawl_value_type *const list_types[] = {&list_type};
static const struct cf_tables list_tables = {list_functions, 5, list_types, 1, NULL, 0, 0};

static int64_t of(struct pawl_context *context, const struct pawl_function *function,
		  pawl_ref_t list)
{
	struct one_ref one = {list};
	int64_t number;

	t_check(!cf_call(context, function, &one, &number));
	return number;
}

static int containers_visit(struct pawl_context *context, void *arg)
{
	struct nonce_number a = {42, *(unsigned *)arg}, b = {5, *(unsigned *)arg};
	pawl_ref_t refs[2], list, empty, inside, cells[2], again;
	struct one_ref one;

	t_check(!pawl_call(context, &fn_number, &a, &refs[0]));
	t_check(!pawl_call(context, &fn_number, &b, &refs[1]));
	t_check(!pawl_call(context, &list_of, &(struct refs){{refs, 2}}, &list));
	t_check(of(context, &length, list) == 2);
	t_check(of(context, &sum_list, list) == 47);
	t_check(!pawl_call(context, &list_of, &(struct refs){{NULL, 0}}, &empty));
	t_check(of(context, &length, empty) == 0);
	t_check(!pawl_call(context, &list_of, &(struct refs){{&empty, 1}}, &inside));
	t_check(of(context, &length, inside) == 1);
	one.ref = list;
	t_check(!pawl_call(context, &round_trip, &one, &again));
	t_check(of(context, &sum_list, again) == 47);
	/* Resolved, they are equal where they lead to the same; and are another argument than the outputs. */
	t_check(!pawl_resolve(context, refs[0], 0, &cells[0], NULL));
	t_check(!pawl_resolve(context, cells[0], 0, &cells[1], NULL));
	t_check(pawl_ref_equal(cells[0], cells[1]) && !pawl_ref_equal(cells[0], refs[0]));
	/* To the function it is the same: what they lead to. */
	t_check(!pawl_resolve(context, refs[1], 0, &cells[1], NULL));
	t_check(!pawl_call(context, &list_of, &(struct refs){{cells, 2}}, &again));
	t_check(pawl_ref_equal(list, again));
	return 0;
}

static void containers(unsigned run)
{
	cf_visit(containers_visit, &run);
}

static void case_containers(void **state)
{
	(void)state;
	cf_thrice(&list_tables, containers);
}

/* ---- local_cell: what is local is found out when it is used elsewhere -------------------------------------- */

static pawl_ref_t escaped;

static int lets_out_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct nonce_number number = {44, *(const uint64_t *)args};
	struct nonce_ref with = {PAWL_REF_NONE, number.run};
	int error = pawl_call(context, &fn_number, &number, &with.ref);

	if (!error)
		error = pawl_call(context, &fn_ref, &with, &escaped);
	/* In its own run it is good. */
	return error ? error : read_and_give(context, escaped, 0, ret_output);
}
CF_FUNCTION(lets_out, 0, sizeof(struct run));

static const struct pawl_function *const escape_functions[] = {&fn_number, &fn_ref, &lets_out};
static const struct cf_tables escape_tables = {escape_functions, 3, NULL, 0, NULL, 0, 0};

static int use_escaped(struct pawl_context *context, void *arg)
{
	struct pawl_value *value;
	int error = pawl_read(context, escaped, 0, &value, NULL);

	(void)arg;
	/* With arguments that were known already it is an output like others. */
	if (!eng_ref_task(escaped)) {
		t_check(error);
		return 0;
	}
	t_check(!error);
	pawl_value_unpin(value);
	return 0;
}

static void local_escape(unsigned run)
{
	assert_int_equal(cf_ask(&lets_out, &(struct run){run}), 44);
	cf_visit(use_escaped, NULL);
}

static void case_local_escape(void **state)
{
	(void)state;
	cf_thrice(&escape_tables, local_escape);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_basic),	   cmocka_unit_test(case_by_ref),
		cmocka_unit_test(case_functions),  cmocka_unit_test(case_use_operations),
		cmocka_unit_test(case_containers), cmocka_unit_test(case_local_escape),
	};

	return cf_run("conform-calls", tests);
}
