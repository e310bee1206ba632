/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-detached.c - work that a task detaches: it is not done before that is.
 */
#include "conform.h"

/* ---- test_spawns_detached ------------------------------------------------------------- */

static struct cf_gate notify;
static pawl_ref_t sent;

static int waits_and_sends(struct pawl_context *context, void *arg)
{
	int error = cf_gate_pass(&notify);

	(void)arg;
	return error ? error : cf_give(context, 42, &sent);
}

static int spawns_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	*ret_output = PAWL_REF_NONE;
	return pawl_detach(context, waits_and_sends, NULL, NULL);
}
CF_FUNCTION(spawns, PAWL_FUNCTION_ROOT, sizeof(uint64_t));

static struct pawl_atomic_u32 over;

static int reads_parent(struct pawl_context *context, void *arg)
{
	pawl_ref_t parent, cell;
	int64_t number;
	int error = pawl_call(context, &spawns, arg, &parent);

	if (!error)
		error = pawl_resolve(context, parent, PAWL_READ_STRONG, &cell, NULL);
	pawl_store_release(&over, 1u);
	/* Its output is nothing. */
	t_check(!error);
	t_check(!cf_get(context, sent, 0, &number));
	t_check(number == 42);
	return 0;
}

static void parent_reader(void *arg)
{
	t_check(!pawl_engine_run(cf_engine, reads_parent, arg));
}

static const struct pawl_function *const detached_functions[] = {&spawns};
static const struct cf_tables detached_tables = {detached_functions, 1, NULL, 0, NULL, 0, 0};

static void spawns_detached(unsigned run)
{
	uint64_t nonce = run;
	struct t_thread *thread;
	uint64_t now = pawl_runtime_now(pawl_engine_runtime(cf_engine));

	cf_gate_init(&notify);
	pawl_init_word(&over, 0u);
	thread = t_thread_start(parent_reader, &nonce);
	cf_gate_wait(&notify, 1);
	/* However long one waits: it cannot be over. */
	assert_int_equal(pawl_engine_wait_idle(cf_engine, now + 20000000u), -ETIMEDOUT);
	assert_int_equal(pawl_load_acquire(&over), 0);
	cf_gate_open(&notify);
	t_thread_join(thread);
	assert_int_equal(pawl_load_acquire(&over), 1);
}

static void case_spawns_detached(void **state)
{
	(void)state;
	cf_thrice(&detached_tables, spawns_detached);
}

/* ---- changing ------------------------------------------------------------------------- */

struct pair {
	struct cf_state inside, outside; /* read by what is detached, and by the body */
};

static struct pawl_atomic_u32 ran, ran_inside;
static pawl_ref_t inner; /* the cell of what is detached; always the same one */

static void yield_often(void)
{
	for (unsigned i = 0; i < 50; i++)
		(void)pawl_yield();
}

static int innermost(struct pawl_context *context, void *arg)
{
	const struct pair *pair = arg;
	int64_t number;
	int error;

	yield_often();
	cf_count(&ran_inside);
	error = cf_state_get(context, pair->inside, &number);
	return error ? error : cf_give(context, number, &inner);
}

static int outermost(struct pawl_context *context, void *arg)
{
	yield_often();
	return pawl_detach(context, innermost, arg, NULL);
}

static struct pair pair;

static int64_t other_number(const struct pawl_value *value)
{
	int64_t number;

	memcpy(&number, pawl_value_payload(value), sizeof(number));
	return number;
}

/* Its cells are of a type of their own: which comes first does not matter. */
static const struct pawl_value_type outer_type = PAWL_VALUE_TYPE("outer number");

static int changes_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int64_t number;
	int error;

	(void)args;
	cf_count(&ran);
	error = pawl_detach(context, outermost, &pair, NULL);
	if (!error)
		error = cf_state_get(context, pair.outside, &number);
	if (!error)
		error = pawl_value_of(&outer_type, &number, sizeof(number), &value);
	return error ? error : pawl_cell(context, value, ret_output);
}
CF_FUNCTION(changes, PAWL_FUNCTION_ROOT, sizeof(uint64_t));

static const struct pawl_function *const changing_functions[] = {&changes};
static const struct pawl_value_type *const changing_types[] = {&outer_type};
static const struct cf_tables changing_tables = {
	changing_functions, 1, changing_types, 1, NULL, 0, 0};

struct both {
	uint64_t nonce;
	int64_t outside, inside;
};

static int reads_both(struct pawl_context *context, void *arg)
{
	struct both *both = arg;
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, &changes, &both->nonce, &ref);

	if (!error)
		error = pawl_read(context, ref, PAWL_READ_STRONG, &value, NULL);
	if (error)
		return error;
	both->outside = other_number(value);
	pawl_value_unpin(value);
	return cf_get(context, inner, 0, &both->inside);
}

static void expect_both(struct both *both, int64_t outside, int64_t inside)
{
	cf_visit(reads_both, both);
	assert_int_equal(both->outside, outside);
	assert_int_equal(both->inside, inside);
	assert_true(cf_counted(&ran) >= 1);
	assert_true(cf_counted(&ran_inside) >= 1);
}

static void changing(unsigned run)
{
	struct both both = {run, 0, 0};

	pair.inside = cf_state_make(42);
	pair.outside = cf_state_make(0);
	expect_both(&both, 0, 42);
	cf_state_set(pair.inside, 43);
	expect_both(&both, 0, 43);
	cf_state_set(pair.outside, 44);
	expect_both(&both, 44, 43);
}

static void case_changing(void **state)
{
	(void)state;
	cf_thrice(&changing_tables, changing);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_spawns_detached),
		cmocka_unit_test(case_changing),
	};

	return cf_run("conform-detached", cases);
}
