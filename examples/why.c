/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * why - an engine that says what it did, and why: a price is a quantity times a rate, and the rate changes.
 *
 * Whoever changes something gives a reason. The update tells how many tasks ran because of it; a task whose history is kept
 * tells what it ran for, back to where that began; and what tasks have to say goes to who subscribes.
 */
#include <stdio.h>
#include <string.h>

#include <pawl.h>
#include <pawl-engine.h>

static const struct pawl_value_type number = PAWL_VALUE_TYPE("number");
static const struct pawl_reason_kind rate_set = PAWL_REASON_KIND("rate set", "rates set");
static struct pawl_state *rate;

static struct pawl_value *value_of(long n)
{
	struct pawl_value *value;

	return pawl_value_of(&number, &n, sizeof(n), &value) ? NULL : value;
}

static int rounded(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_state_get(context, rate, &value);
	long n;

	(void)args;
	if (error)
		return error;
	n = *(const long *)pawl_value_payload(value) / 10 * 10;
	pawl_value_unpin(value);
	error = pawl_context_notice(context, PAWL_SEVERITY_INFO, "price.rate", NULL,
				    "the rate is about %ld", n);
	return error ? error : pawl_cell(context, value_of(n), ret_output);
}
static const struct pawl_function rate_of = {sizeof(rate_of), "rate", 1,    0,
					     rounded,	      0,      NULL, 0};

static int price(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, &rate_of, NULL, &ref);
	long n;

	if (!error)
		error = pawl_read(context, ref, 0, &value, NULL);
	if (error)
		return error;
	n = *(const long *)args * *(const long *)pawl_value_payload(value);
	pawl_value_unpin(value);
	return pawl_cell(context, value_of(n), ret_output);
}
static const struct pawl_function price_of = {sizeof(price_of), "price", 1, 0, price,
					      sizeof(long),	NULL,	 0};

static int show(struct pawl_context *context, void *arg)
{
	struct pawl_value *value;
	long three = 3;
	int error = pawl_call(context, &price_of, &three, arg);

	if (!error)
		error = pawl_read(context, *(pawl_ref_t *)arg, PAWL_READ_STRONG, &value, NULL);
	if (error)
		return error;
	printf("price %ld\n", *(const long *)pawl_value_payload(value));
	pawl_value_unpin(value);
	return 0;
}

/* What became of one more rate. */
static int set(struct pawl_engine *engine, long n, const char *who)
{
	const struct pawl_reason reason = {&rate_set, who};
	struct pawl_update_info update;
	char words[512];
	struct pawl_edit *edit;
	pawl_ref_t ref;
	int error = pawl_edit_begin(engine, &edit);

	if (!error)
		error = pawl_edit_because(edit, &reason);
	if (!error)
		error = pawl_edit_set(edit, rate, value_of(n));
	if (error)
		return error;
	pawl_edit_commit(edit);
	error = pawl_engine_run(engine, show, &ref);
	if (!error)
		error = pawl_engine_update(engine, 0, PAWL_FOREVER, &update, words,
					   sizeof(words));
	if (error)
		return error;
	printf("  %d ran: %s\n", (int)update.runs, words);
	error = pawl_engine_why(engine, ref, words, sizeof(words));
	if (!error)
		printf("  %s\n", words);
	return error;
}

int main(void)
{
	static const struct pawl_function *const functions[] = {&rate_of, &price_of};
	static const struct pawl_value_type *const types[] = {&number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_subscription *notices;
	const struct pawl_notice *notice;
	struct pawl_engine *engine;

	options.functions = functions;
	options.functions_n = 2;
	options.types = types;
	options.types_n = 1;
	options.histories = 1;
	if (pawl_thread_attach("main") || pawl_engine_open(&options, &engine) ||
	    pawl_state_create(engine, value_of(1), &rate) ||
	    pawl_notices_subscribe(engine, NULL, &notices))
		return 1;
	/* As it rounds, the second change goes no further than the rate. */
	if (set(engine, 20, "the bank") || set(engine, 25, "the bank") ||
	    set(engine, 31, "the market"))
		return 1;
	pawl_state_unpin(rate);
	if (pawl_engine_close(engine))
		return 1;
	while (!pawl_notices_take(notices, PAWL_FOREVER, &notice, NULL)) {
		if (!strcmp(notice->name, "price.rate"))
			printf("%s\n", notice->message);
		pawl_notice_unpin(notice);
	}
	pawl_notices_unsubscribe(notices);
	pawl_thread_detach();
	return 0;
}
