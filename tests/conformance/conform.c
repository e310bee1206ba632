/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conform.c - the harness of the conformance cases.
 */
#include "conform.h"

#include <stdio.h>

#define STATES_MOST 256
#define TYPES_MOST  16

struct pawl_engine *cf_engine;

static struct pawl_state *states[STATES_MOST];
static size_t states_n;

const struct pawl_value_type cf_number = PAWL_VALUE_TYPE("number");

/* ---- engines ------------------------------------------------------------------------ */

void cf_open(const struct cf_tables *tables)
{
	const struct pawl_value_type *types[TYPES_MOST] = {&cf_number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	assert_true(tables->types_n < TYPES_MOST);
	for (size_t i = 0; i < tables->types_n; i++)
		types[i + 1] = tables->types[i];
	options.workers = tables->workers ? tables->workers : 2;
	options.functions = tables->functions;
	options.functions_n = tables->functions_n;
	options.types = types;
	options.types_n = tables->types_n + 1;
	options.traits = tables->traits;
	options.traits_n = tables->traits_n;
	assert_int_equal(pawl_engine_open(&options, &cf_engine), 0);
}

void cf_settle(void)
{
	char text[256];

	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	if (pawl_engine_verify(cf_engine, text, sizeof(text)))
		fail_msg("%s", text);
	t_step();
}

static void free_engine(void)
{
	assert_int_equal(pawl_engine_close(cf_engine), 0);
	while (states_n)
		pawl_state_unpin(states[--states_n]);
}

void cf_close(void)
{
	cf_settle();
	free_engine();
}

void cf_thrice(const struct cf_tables *tables, void (*body)(unsigned run))
{
	cf_open(tables);
	body(0);
	cf_settle();
	body(1);
	cf_close();
	cf_open(tables);
	body(2);
	cf_close();
}

void cf_once(const struct cf_tables *tables, void (*body)(unsigned run))
{
	cf_open(tables);
	body(0);
	cf_close();
}

/* ---- numbers -------------------------------------------------------------------------- */

struct pawl_value *cf_value(int64_t number)
{
	struct pawl_value *value;

	t_check(!pawl_value_of(&cf_number, &number, sizeof(number), &value));
	return value;
}

int64_t cf_number_of(const struct pawl_value *value)
{
	int64_t number;

	t_check(pawl_value_type_of(value) == &cf_number);
	memcpy(&number, pawl_value_payload(value), sizeof(number));
	return number;
}

int cf_give(struct pawl_context *context, int64_t number, pawl_ref_t *ret_output)
{
	return pawl_cell(context, cf_value(number), ret_output);
}

int cf_get(struct pawl_context *context, pawl_ref_t ref, uint32_t flags, int64_t *ret_number)
{
	struct pawl_value *value;
	int error = pawl_read(context, ref, flags, &value, NULL);

	if (error)
		return error;
	*ret_number = cf_number_of(value);
	pawl_value_unpin(value);
	return 0;
}

int cf_call(struct pawl_context *context, const struct pawl_function *function,
	    const void *args, int64_t *ret_number)
{
	pawl_ref_t ref;
	int error = pawl_call(context, function, args, &ref);

	return error ? error : cf_get(context, ref, 0, ret_number);
}

/* ---- asking from outside ---------------------------------------------------------------- */

struct ask {
	const struct pawl_function *function;
	const void *args;
	uint32_t flags;
	int64_t number;
	char *text;
	size_t len;
};

static int ask_visit(struct pawl_context *context, void *arg)
{
	struct ask *ask = arg;
	const struct pawl_error *failure = NULL;
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, ask->function, ask->args, &ref);

	if (!error)
		error = pawl_read(context, ref, ask->flags, &value, &failure);
	if (!error) {
		ask->number = cf_number_of(value);
		pawl_value_unpin(value);
	}
	if (failure)
		(void)pawl_error_describe(failure, ask->text, ask->len);
	return error;
}

static int64_t ask_well(const struct pawl_function *function, const void *args, uint32_t flags)
{
	char text[512] = "";
	struct ask ask = {function, args, flags, -1, text, sizeof(text)};
	int error = pawl_engine_run(cf_engine, ask_visit, &ask);

	if (error)
		fail_msg("%s: %d %s", function->name, error, text);
	t_step();
	return ask.number;
}

int64_t cf_ask(const struct pawl_function *function, const void *args)
{
	return ask_well(function, args, PAWL_READ_STRONG);
}

int64_t cf_ask_eventual(const struct pawl_function *function, const void *args)
{
	return ask_well(function, args, 0);
}

int cf_ask_error(const struct pawl_function *function, const void *args, char *text, size_t len)
{
	struct ask ask = {function, args, PAWL_READ_STRONG, -1, text, len};

	*text = 0;
	return pawl_engine_run(cf_engine, ask_visit, &ask);
}

void cf_visit(pawl_visit_fn *fn, void *arg)
{
	assert_int_equal(pawl_engine_run(cf_engine, fn, arg), 0);
	t_step();
}

/* ---- states -------------------------------------------------------------------------------- */

struct cf_state cf_state_make(int64_t number)
{
	struct pawl_state *state;

	t_check(states_n < STATES_MOST);
	t_check(!pawl_state_create(cf_engine, cf_value(number), &state));
	states[states_n++] = state;
	return (struct cf_state){(uintptr_t)state};
}

void cf_state_set(struct cf_state state, int64_t number)
{
	t_check(!pawl_state_set((struct pawl_state *)(uintptr_t)state.state, cf_value(number)));
}

int cf_state_get(struct pawl_context *context, struct cf_state state, int64_t *ret_number)
{
	struct pawl_value *value;
	int error =
		pawl_state_get(context, (struct pawl_state *)(uintptr_t)state.state, &value);

	if (error)
		return error;
	*ret_number = cf_number_of(value);
	pawl_value_unpin(value);
	return 0;
}

/* ---- gates ------------------------------------------------------------------------------------ */

void cf_gate_init(struct cf_gate *gate)
{
	pawl_init_word(&gate->arrived, 0u);
	pawl_init_word(&gate->open, 0u);
	pawl_event_init(&gate->changed);
}

int cf_gate_pass(struct cf_gate *gate)
{
	int error = 0;

	pawl_add_release(&gate->arrived, 1u);
	pawl_event_notify_all(&gate->changed);
	while (!error && !pawl_load_acquire(&gate->open)) {
		struct pawl_listener listener;

		pawl_event_listen(&gate->changed, &listener, "gate", 0);
		if (pawl_load_acquire(&gate->open)) {
			pawl_event_unlisten(&listener);
			break;
		}
		error = pawl_wait(&listener, PAWL_FOREVER);
	}
	return error == -ECANCELED ? error : 0;
}

void cf_gate_wait(struct cf_gate *gate, unsigned arrived)
{
	while (pawl_load_acquire(&gate->arrived) < arrived) {
		struct pawl_listener listener;

		pawl_event_listen(&gate->changed, &listener, "gate", 0);
		if (pawl_load_acquire(&gate->arrived) >= arrived) {
			pawl_event_unlisten(&listener);
			break;
		}
		t_check(!pawl_wait(&listener, PAWL_FOREVER));
	}
}

void cf_gate_open(struct cf_gate *gate)
{
	pawl_store_release(&gate->open, 1u);
	pawl_event_notify_all(&gate->changed);
}
