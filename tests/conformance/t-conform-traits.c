/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-traits.c - methods: all_in_one, call_types, filter_unused_args, local_cell's casts, resolved_vc's,
 * trait_ref_cell.
 */
#include "conform.h"

static struct pawl_atomic_u32 ran;

struct self {
	pawl_ref_t self;
	uint64_t run;
};
#define SELF_ARGUMENTS                                               \
	{                                                            \
		CF_REF(struct self, self), CF_DATA(struct self, run) \
	}

/* ---- a trait with one method of each kind ------------------------------------------------------ */

enum { OWN, DEFAULTED, CHECKED, ADD, ITSELF, METHODS };

static const struct pawl_value_type thing_type, other_type, plain_type;
static const struct pawl_trait countable;

static int number_in(struct pawl_context *context, pawl_ref_t ref, int64_t *ret_number)
{
	struct pawl_value *value;
	int error = pawl_read(context, ref, 0, &value, NULL);

	if (error)
		return error;
	memcpy(ret_number, pawl_value_payload(value), sizeof(*ret_number));
	pawl_value_unpin(value);
	return 0;
}

static int own_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct self *self = args;
	int64_t number;
	int error = number_in(context, self->self, &number);

	cf_count(&ran);
	return error ? error : cf_give(context, number, ret_output);
}
static const struct pawl_argument own_arguments[] = SELF_ARGUMENTS;
CF_FUNCTION_OF(own, 0, struct self);

static int own_of_other_body(struct pawl_context *context, const void *args,
			     pawl_ref_t *ret_output)
{
	const struct self *self = args;
	int64_t number;
	int error = number_in(context, self->self, &number);

	return error ? error : cf_give(context, number * 100, ret_output);
}
static const struct pawl_argument own_of_other_arguments[] = SELF_ARGUMENTS;
CF_FUNCTION_OF(own_of_other, 0, struct self);

static int defaulted_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	(void)args;
	return cf_give(context, 42, ret_output);
}
static const struct pawl_argument defaulted_arguments[] = SELF_ARGUMENTS;
CF_FUNCTION_OF(defaulted, 0, struct self);

/* The trait's own: asks another of its methods, and fails unless that gives 42. */
static int checked_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct self *self = args;
	int64_t number;
	pawl_ref_t ref;
	int error = pawl_call_method(context, &countable, OWN, self->self, self, &ref);

	if (!error)
		error = cf_get(context, ref, 0, &number);
	if (!error && number != 42)
		return pawl_context_fail(context, "not 42 but %d", (int)number);
	*ret_output = self->self;
	return error;
}
static const struct pawl_argument checked_arguments[] = SELF_ARGUMENTS;
CF_FUNCTION_OF(checked, 0, struct self);

struct two {
	pawl_ref_t self, other;
};

/* Adds only what is of its own type. */
static int add_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct two *two = args;
	struct pawl_value *value;
	const struct pawl_value_type *type;
	int64_t a, b;
	int error = pawl_read(context, two->other, 0, &value, NULL);

	if (error)
		return error;
	type = pawl_value_type_of(value);
	pawl_value_unpin(value);
	if (type != &thing_type)
		return pawl_context_fail(context, "a %s is no thing", type->name);
	error = number_in(context, two->self, &a);
	if (!error)
		error = number_in(context, two->other, &b);
	a += error ? 0 : b;
	if (!error)
		error = pawl_value_of(&thing_type, &a, sizeof(a), &value);
	return error ? error : pawl_cell(context, value, ret_output);
}
static const struct pawl_argument add_arguments[] = {CF_REF(struct two, self),
						     CF_REF(struct two, other)};
CF_FUNCTION_OF(add, 0, struct two);

static int itself_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)context;
	*ret_output = ((const struct self *)args)->self;
	return 0;
}
static const struct pawl_argument itself_arguments[] = SELF_ARGUMENTS;
CF_FUNCTION_OF(itself, 0, struct self);

#define METHOD(name, type, function, otherwise)                                       \
	{                                                                             \
		name, sizeof(type), function##_arguments, CF_N(function##_arguments), \
			otherwise                                                     \
	}
static const struct pawl_method countable_methods[METHODS] = {
	METHOD("own", struct self, own, NULL),
	METHOD("defaulted", struct self, defaulted, &defaulted),
	METHOD("checked", struct self, checked, &checked), METHOD("add", struct two, add, &add),
	METHOD("itself", struct self, itself, &itself)};
static const struct pawl_trait countable = {sizeof(countable), "countable", countable_methods,
					    METHODS};
static const struct pawl_trait rare = {sizeof(rare), "rare", NULL, 0};

static const struct pawl_function *const thing_methods[METHODS] = {&own};
static const struct pawl_function *const other_methods[METHODS] = {&own_of_other};
static const struct pawl_implementation thing_has[] = {{&countable, thing_methods},
						       {&rare, NULL}};
static const struct pawl_implementation other_has[] = {{&countable, other_methods}};
static const struct pawl_value_type thing_type = {.size = sizeof(thing_type),
						  .name = "thing",
						  .version = 1,
						  .implementations = thing_has,
						  .implementations_n = 2};
static const struct pawl_value_type other_type = {.size = sizeof(other_type),
						  .name = "other",
						  .version = 1,
						  .implementations = other_has,
						  .implementations_n = 1};
static const struct pawl_value_type plain_type = PAWL_VALUE_TYPE("plain");

/* ---- makers --------------------------------------------------------------------------------------- */

enum { THING, OTHER, PLAIN };

struct made {
	uint64_t kind;
	int64_t number;
	uint64_t run;
};

static int make_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	static const struct pawl_value_type *const types[] = {&thing_type, &other_type,
							      &plain_type};
	const struct made *made = args;
	struct pawl_value *value;
	int error =
		pawl_value_of(types[made->kind], &made->number, sizeof(made->number), &value);

	return error ? error : pawl_cell(context, value, ret_output);
}
CF_FUNCTION(make, 0, sizeof(struct made));

/* Wraps it: its output is another's. */
static int wrapped_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	return pawl_call(context, &make, args, ret_output);
}
CF_FUNCTION(wrapped, 0, sizeof(struct made));

/* A chain that ends in a value: follows it to the end. */
struct link {
	pawl_ref_t next; /* none: the end */
	int64_t number;
};
static void link_refs(const void *payload, size_t bytes,
		      void (*visit)(void *arg, pawl_ref_t ref), void *arg)
{
	const struct link *link = payload;

	(void)bytes;
	if (link->next.pawl_bits)
		visit(arg, link->next);
}
static const struct pawl_value_type link_type = {
	.size = sizeof(link_type), .name = "link", .version = 1, .visit_refs = link_refs};

static int chain_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct made *made = args;
	struct link link = {PAWL_REF_NONE, made->number};
	struct pawl_value *value;
	int error = 0;

	for (uint64_t i = 0; i < made->kind && !error; i++) {
		error = pawl_value_of(&link_type, &link, sizeof(link), &value);
		if (!error)
			error = pawl_cell(context, value, &link.next);
	}
	*ret_output = link.next;
	return error;
}
CF_FUNCTION(chain, 0, sizeof(struct made));

static const struct pawl_function last;

static int last_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct self self = *(const struct self *)args;
	struct pawl_value *value;
	struct link link;
	int error = pawl_read(context, self.self, 0, &value, NULL);

	if (error)
		return error;
	memcpy(&link, pawl_value_payload(value), sizeof(link));
	pawl_value_unpin(value);
	self.self = link.next;
	return link.next.pawl_bits ? pawl_call(context, &last, &self, ret_output)
				   : cf_give(context, link.number, ret_output);
}
static const struct pawl_argument last_arguments[] = SELF_ARGUMENTS;
CF_FUNCTION_OF(last, 0, struct self);

/* ---- filter_unused_args :: filtered_trait_method_args ------------------------------------------------ */

struct with_number {
	pawl_ref_t self;
	int64_t number;
};

static int uses_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct with_number *with = args;

	return cf_give(context, with->number, ret_output);
}
static const struct pawl_argument uses_arguments[] = {CF_REF(struct with_number, self),
						      CF_DATA(struct with_number, number)};
CF_FUNCTION_OF(uses, 0, struct with_number);

static int ignores_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return cf_give(context, 0, ret_output);
}
static const struct pawl_argument ignores_arguments[] = {CF_REF(struct with_number, self)};
CF_FUNCTION_OF(ignores, 0, struct with_number);

static const struct pawl_method filtered_methods[] = {
	METHOD("call", struct with_number, uses, NULL)};
static const struct pawl_trait filtered = {sizeof(filtered), "filtered", filtered_methods, 1};
static const struct pawl_function *const a_methods[] = {&uses}, *const b_methods[] = {&ignores};
static const struct pawl_implementation a_has[] = {{&filtered, a_methods}},
					b_has[] = {{&filtered, b_methods}};
static const struct pawl_value_type a_type = {.size = sizeof(a_type),
					      .name = "a",
					      .version = 1,
					      .implementations = a_has,
					      .implementations_n = 1};
static const struct pawl_value_type b_type = {.size = sizeof(b_type),
					      .name = "b",
					      .version = 1,
					      .implementations = b_has,
					      .implementations_n = 1};

static int make_ab_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const uint64_t *which = args;
	struct pawl_value *value;
	int error = pawl_value_of(*which ? &b_type : &a_type, which, sizeof(*which), &value);

	return error ? error : pawl_cell(context, value, ret_output);
}
CF_FUNCTION(make_ab, 0, sizeof(uint64_t));

/* ---- the engine ------------------------------------------------------------------------------------------ */

static const struct pawl_function *const functions[] = {
	&own,	  &own_of_other, &defaulted, &checked, &add,	 &itself, &make,
	&wrapped, &chain,	 &last,	     &uses,    &ignores, &make_ab};
static const struct pawl_value_type *const types[] = {&thing_type, &other_type, &plain_type,
						      &link_type,  &a_type,	&b_type};
static const struct pawl_trait *const traits[] = {&countable, &rare, &filtered};
static const struct cf_tables tables = {functions, CF_N(functions), types, CF_N(types),
					traits,	   CF_N(traits),    0};

static pawl_ref_t made(struct pawl_context *context, const struct pawl_function *maker,
		       uint64_t kind, int64_t number, uint64_t run)
{
	struct made of = {kind, number, run};
	pawl_ref_t ref;

	t_check(!pawl_call(context, maker, &of, &ref));
	return ref;
}

static pawl_ref_t method(struct pawl_context *context, size_t which, pawl_ref_t self)
{
	struct self args = {self, 0};
	pawl_ref_t ref;

	t_check(!pawl_call_method(context, &countable, which, self, &args, &ref));
	return ref;
}

static int64_t number_of(struct pawl_context *context, pawl_ref_t ref)
{
	int64_t number;

	t_check(!number_in(context, ref, &number));
	return number;
}

/* ---- call_types :: test_methods, test_trait_methods -------------------------------------------------------- */

static int methods_visit(struct pawl_context *context, void *arg)
{
	uint64_t run = *(unsigned *)arg;
	pawl_ref_t concrete = made(context, &make, THING, 43, run);
	pawl_ref_t unresolved = made(context, &wrapped, THING, 43, run + 100);
	pawl_ref_t other = made(context, &wrapped, OTHER, 43, run);
	struct self self = {concrete, run};
	pawl_ref_t ref;

	/* The function as it is, of the concrete value. */
	t_check(!pawl_call(context, &own, &self, &ref) && number_of(context, ref) == 43);
	t_check(!pawl_call(context, &defaulted, &self, &ref) && number_of(context, ref) == 42);
	/* By the trait. */
	t_check(number_of(context, method(context, OWN, concrete)) == 43);
	t_check(number_of(context, method(context, DEFAULTED, concrete)) == 42);
	t_check(number_of(context, method(context, OWN, unresolved)) == 43);
	t_check(number_of(context, method(context, DEFAULTED, unresolved)) == 42);
	t_check(number_of(context, method(context, OWN, other)) == 4300);
	return 0;
}

static void trait_methods(unsigned run)
{
	(void)cf_counted(&ran);
	cf_visit(methods_visit, &run);
	/* Two values: by the trait it is the same task as without. */
	assert_true(cf_counted(&ran) <= 3);
}

static void case_trait_methods(void **state)
{
	(void)state;
	cf_thrice(&tables, trait_methods);
}

/* ---- all_in_one :: test_all_in_one ----------------------------------------------------------------------------- */

static int all_in_one_visit(struct pawl_context *context, void *arg)
{
	uint64_t run = *(unsigned *)arg;
	pawl_ref_t ten = made(context, &make, THING, 10, run);
	pawl_ref_t more = made(context, &wrapped, THING, 32, run);
	pawl_ref_t other = made(context, &make, OTHER, 32, run);
	struct self self = {made(context, &chain, 5, 4242, run), run};
	struct two two = {PAWL_REF_NONE, more};
	struct pawl_value *value;
	pawl_ref_t sum, ref;

	t_check(!pawl_call(context, &last, &self, &ref) && number_of(context, ref) == 4242);
	t_check(!pawl_call_method(context, &countable, ADD, ten, &two, &sum));
	t_check(number_of(context, sum) == 42);
	t_check(number_of(context, method(context, CHECKED, sum)) == 42);
	t_check(number_of(context, method(context, ITSELF, sum)) == 42);
	/* Another type: the method fails, the program goes on. */
	two.other = other;
	t_check(!pawl_call_method(context, &countable, ADD, ten, &two, &ref));
	t_check(pawl_read(context, ref, 0, &value, NULL) == -PAWL_ETASK);
	ref = method(context, CHECKED, ten);
	t_check(pawl_read(context, ref, 0, &value, NULL) == -PAWL_ETASK);
	return 0;
}

static void all_in_one(unsigned run)
{
	cf_visit(all_in_one_visit, &run);
}

static void case_all_in_one(void **state)
{
	(void)state;
	cf_thrice(&tables, all_in_one);
}

/* ---- filter_unused_args ------------------------------------------------------------------------------------------- */

static int filter_visit(struct pawl_context *context, void *arg)
{
	pawl_ref_t refs[2][2][2];

	(void)arg;
	for (uint64_t which = 0; which < 2; which++) {
		pawl_ref_t self;

		t_check(!pawl_call(context, &make_ab, &which, &self));
		for (unsigned i = 0; i < 4; i++) {
			struct with_number args = {self, i & 1};

			t_check(!pawl_call_method(context, &filtered, 0, self, &args,
						  &refs[which][i & 1][i >> 1]));
		}
	}
	t_check(pawl_ref_equal(refs[0][0][0], refs[0][0][1]));
	t_check(!pawl_ref_equal(refs[0][0][0], refs[0][1][0]));
	t_check(pawl_ref_equal(refs[1][0][0], refs[1][1][0]));
	return 0;
}

static void filter_unused(unsigned run)
{
	(void)run;
	cf_visit(filter_visit, NULL);
}

static void case_filter_unused_args(void **state)
{
	(void)state;
	cf_thrice(&tables, filter_unused);
}

/* ---- casts: resolved_vc, local_cell --------------------------------------------------------------------------------- */

static int casts_visit(struct pawl_context *context, void *arg)
{
	uint64_t run = *(unsigned *)arg;
	pawl_ref_t refs[3];
	struct self self = {PAWL_REF_NONE, run};
	pawl_ref_t ref;
	int error;

	for (unsigned kind = 0; kind < 3; kind++) {
		refs[kind] = made(context, &wrapped, kind, 1, run);
		/* An output may lead anywhere. */
		t_check(!pawl_ref_has_trait(context, refs[kind], &countable));
		t_check(!pawl_resolve(context, refs[kind], 0, &refs[kind], NULL));
		t_check(pawl_ref_has_trait(context, refs[kind], &countable) == (kind < 2));
		t_check(pawl_ref_has_trait(context, refs[kind], &rare) == (kind < 1));
	}
	error = pawl_call_method(context, &countable, OWN, refs[PLAIN], &self, &ref);
	t_check(error == -PAWL_ETASK);
	return 0;
}

static void casts(unsigned run)
{
	cf_visit(casts_visit, &run);
}

static void case_casts(void **state)
{
	(void)state;
	cf_thrice(&tables, casts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_trait_methods),
		cmocka_unit_test(case_all_in_one),
		cmocka_unit_test(case_filter_unused_args),
		cmocka_unit_test(case_casts),
	};

	return cf_run("conform-traits", tests);
}
