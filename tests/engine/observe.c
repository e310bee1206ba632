/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * observe.c - what tests of pawl/observe.h share.
 */
#include "observe.h"

struct pawl_state *obs_inputs[OBS_INPUTS];
struct pawl_invalidator obs_invalidators[OBS_INPUTS];
const struct pawl_reason_kind obs_file_changed =
	PAWL_REASON_KIND("file changed", "files changed");
struct fr_gate obs_gate;

/* ---- tasks ----------------------------------------------------------------------------- */

static int input_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	int64_t number;
	int error = pawl_context_invalidator(context, &obs_invalidators[one->n]);

	if (!error)
		error = fr_look(context, obs_inputs[one->n], &number);
	return error ? error : fr_give(context, number, ret_output);
}
const struct pawl_function obs_input = {sizeof(obs_input),  "input", 1, 0, input_body,
					sizeof(struct one), NULL,    0};

static int sum_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t sum = 0, number;
	int error = 0;

	(void)args;
	for (uint64_t i = 0; i < OBS_INPUTS && !error; i++) {
		struct one one = {i};
		pawl_ref_t ref;

		error = pawl_call(context, &obs_input, &one, &ref);
		if (!error)
			error = fr_get(context, ref, 0, &number);
		if (!error)
			sum += number;
	}
	return error ? error : fr_give(context, sum, ret_output);
}
const struct pawl_function obs_sum = {sizeof(obs_sum), "sum", 1, 0, sum_body, 0, NULL, 0};

int obs_gated_root(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return fr_gate_pass(&obs_gate) ? -ECANCELED : fr_give(context, 1, ret_output);
}

int obs_waits_root(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = fr_get(context, *(const pawl_ref_t *)args, 0, &number);

	return error ? error : fr_give(context, number, ret_output);
}

/* ---- engines --------------------------------------------------------------------------- */

void obs_up_with(struct pawl_engine_options options)
{
	static const struct pawl_function *const functions[] = {&obs_input, &obs_sum};
	static const struct pawl_value_type *const types[] = {&fr_number};

	options.workers = 2;
	if (!options.functions)
		FR_LIST(options, functions);
	if (!options.types)
		FR_LIST(options, types);
	fr_open(options);
	for (unsigned i = 0; i < OBS_INPUTS; i++)
		obs_inputs[i] = fr_state(fr_value(i));
}

void obs_up(void)
{
	obs_up_with((struct pawl_engine_options)PAWL_ENGINE_OPTIONS_INIT);
}

void obs_up_at(struct pawl_engine_options options, uint64_t begins_ns)
{
	struct pawl_runtime_options runtime = PAWL_RUNTIME_OPTIONS_INIT;

	pawl_store_release(&fr_clock_ns, begins_ns);
	runtime.workers = 2;
	runtime.now = fr_now;
	fr_runtime_up(runtime);
	obs_up_with(options);
}

void obs_up_in_time(struct pawl_engine_options options)
{
	obs_up_at(options, 1000);
}

/* ---- what is done to them -------------------------------------------------------------- */

int64_t obs_ask(void)
{
	return fr_ask(&obs_sum, NULL);
}

void obs_set(unsigned at, int64_t number)
{
	assert_int_equal(pawl_state_set(obs_inputs[at], fr_value(number)), 0);
}

void obs_because(unsigned at, const struct pawl_reason_kind *kind, const char *subject)
{
	const struct pawl_reason reason = {kind, subject};

	assert_int_equal(pawl_invalidate_because(&obs_invalidators[at], 1, &reason), 0);
}

struct pawl_subscription *obs_subscribe(const char *name, enum pawl_severity least,
					uint32_t most, uint32_t before)
{
	struct pawl_subscription_options options = PAWL_SUBSCRIPTION_OPTIONS_INIT;
	struct pawl_subscription *subscription;

	options.names = &name;
	options.names_n = name != NULL;
	options.least = least;
	options.most = most;
	options.before = before;
	assert_int_equal(pawl_notices_subscribe(fr_engine, &options, &subscription), 0);
	return subscription;
}

void obs_post(const char *name, enum pawl_severity severity, int number)
{
	assert_int_equal(
		pawl_engine_notice(fr_engine, severity, name, "{}", "it is %d", number), 0);
}

void obs_wait_over(pawl_task_t task)
{
	assert_int_equal(pawl_task_wait(fr_rt, task, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_task_drop(fr_rt, task), 0);
}
