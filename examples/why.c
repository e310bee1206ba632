/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * why - an engine that says what it did, and why: three pieces at a rate that changes.
 *
 * Whoever changes something gives a reason. The update tells how many tasks ran because of it; a task whose history is
 * kept tells what it ran for, back to where that began.
 */
#include <stdio.h>
#include <pawl.h>
#include <pawl-engine.h>

static const struct pawl_value_type number = PAWL_VALUE_TYPE("number");
static const struct pawl_reason_kind rate_set = PAWL_REASON_KIND("rate set", "rates set");
static struct pawl_state *rate;

static int price(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_state_get(context, rate, &value);
	long n = error ? 0 : 3 * *(const long *)pawl_value_payload(value);

	(void)args;
	if (error)
		return error;
	pawl_value_unpin(value);
	error = pawl_value_of(&number, &n, sizeof(n), &value);
	return error ? error : pawl_cell(context, value, ret_output);
}
static const struct pawl_function price_of = {
	sizeof(price_of), "price", 1, 0, price, 0, NULL, 0};

static int show(struct pawl_context *context, void *ref)
{
	struct pawl_value *value;
	int error = pawl_call(context, &price_of, NULL, ref);

	if (!error)
		error = pawl_read(context, *(pawl_ref_t *)ref, PAWL_READ_STRONG, &value, NULL);
	if (error)
		return error;
	printf("price %ld\n", *(const long *)pawl_value_payload(value));
	pawl_value_unpin(value);
	return 0;
}

int main(void)
{
	static const struct pawl_function *const functions[] = {&price_of};
	static const struct pawl_value_type *const types[] = {&number};
	const struct pawl_reason reason = {&rate_set, "the bank"};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_update_info update;
	struct pawl_engine *engine;
	struct pawl_value *value;
	struct pawl_edit *edit;
	char words[512], why[512];
	pawl_ref_t ref;

	options.functions = functions;
	options.functions_n = 1;
	options.types = types;
	options.types_n = 1;
	options.histories = 1;
	if (pawl_thread_attach("main") || pawl_engine_open(&options, &engine) ||
	    pawl_value_of(&number, &(long){20}, sizeof(long), &value) ||
	    pawl_state_create(engine, value, &rate) || pawl_engine_run(engine, show, &ref) ||
	    pawl_engine_update(engine, 0, PAWL_FOREVER, &update, words, sizeof(words)) ||
	    pawl_value_of(&number, &(long){25}, sizeof(long), &value) ||
	    pawl_edit_begin(engine, &edit) || pawl_edit_because(edit, &reason) ||
	    pawl_edit_set(edit, rate, value))
		return 1;
	pawl_edit_commit(edit);
	if (pawl_engine_run(engine, show, &ref) ||
	    pawl_engine_update(engine, 0, PAWL_FOREVER, &update, words, sizeof(words)) ||
	    pawl_engine_why(engine, ref, why, sizeof(why)))
		return 1;
	printf("%d ran: %s\n%s\n", (int)update.runs, words, why);
	pawl_state_unpin(rate);
	return pawl_engine_close(engine) ? 1 : 0;
}
