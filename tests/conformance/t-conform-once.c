/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-once.c - tasks that run once: that panic; and what they read changes, while they run and afterwards.
 */
#include "conform.h"

static const struct pawl_trait issue = {sizeof(issue), "issue", NULL, 0};

/* ---- once_process_panic :: start_once_process ------------------------------------------------ */

static struct cf_gate gate;
static struct pawl_atomic_u32 ended, freed;

static void count_freed(void *arg)
{
	(void)arg;
	cf_count(&freed);
}

static int goes_well_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	int error;

	(void)arg;
	error = cf_gate_pass(&gate);
	cf_count(&ended);
	return error ? error : cf_give(context, 5, ret_output);
}

static int goes_wrong_body(struct pawl_context *context, const void *arg,
			   pawl_ref_t *ret_output)
{
	int error;

	(void)arg, (void)ret_output;
	error = cf_gate_pass(&gate);
	cf_count(&ended);
	if (error)
		return error;
	pawl_panic(context, "it went wrong");
}

static struct cf_reading read_now(pawl_ref_t ref)
{
	struct cf_reading reading = {.ref = ref};

	cf_read(&reading);
	return reading;
}

static const struct cf_tables no_tables = {NULL, 0, NULL, 0, NULL, 0, 0};

/* It is counted as over as one that returns is: the engine gets idle, and stops. */
static void panics(unsigned run)
{
	pawl_ref_t well, wrong;
	struct cf_reading reading;

	(void)run;
	cf_gate_init(&gate);
	(void)cf_counted(&ended);
	(void)cf_counted(&freed);
	assert_int_equal(
		pawl_engine_spawn_once(cf_engine, goes_well_body, NULL, count_freed, &well), 0);
	assert_int_equal(pawl_engine_spawn_once(cf_engine, goes_wrong_body, NULL, count_freed,
						&wrong),
			 0);
	cf_gate_wait(&gate, 2);
	cf_gate_open(&gate);
	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	assert_int_equal(cf_counted(&ended), 2);
	reading = read_now(well);
	assert_int_equal(reading.error, 0);
	assert_int_equal(reading.number, 5);
	reading = read_now(wrong);
	assert_int_equal(reading.error, -PAWL_ETASK);
	assert_non_null(strstr(reading.text, "once: it went wrong (at t-conform-once.c:"));
	assert_int_equal(cf_counted(&ended), 0);
	if (run == 1)
		return;
	assert_int_equal(pawl_engine_dispose_root(cf_engine, well), 0);
	assert_int_equal(pawl_engine_dispose_root(cf_engine, wrong), 0);
	assert_int_equal(pawl_engine_wait_idle(cf_engine, PAWL_FOREVER), 0);
	assert_int_equal(cf_counted(&freed), 2);
}

static void case_once_that_panics(void **state)
{
	(void)state;
	cf_thrice(&no_tables, panics);
	/* One of them waits when the engine stops: it is told to end. */
	cf_open(&no_tables);
	for (unsigned i = 0; i < 2; i++) {
		pawl_ref_t ref;

		cf_gate_init(&gate);
		assert_int_equal(pawl_engine_spawn_once(cf_engine,
							i ? goes_wrong_body : goes_well_body,
							NULL, NULL, &ref),
				 0);
		cf_gate_wait(&gate, 1);
		if (!i)
			cf_gate_open(&gate);
		t_step();
	}
	cf_abandon();
}

/* ---- once tasks and changes --------------------------------------------------------------------- */

/* What a once task may have read: a state, an output, a cell, a key, what was emitted. */
static struct cf_state input;
static struct pawl_atomic_u32 ran;

static int doubles_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_state_get(context, input, &number);

	(void)args;
	if (!error)
		error = cf_give(context, number * 2, ret_output);
	/* As many as it says; the first one is its output, or the last one. */
	for (int64_t i = 0; i < number && !error; i++) {
		pawl_ref_t ref;

		error = cf_give(context, i, &ref);
		if (!error)
			error = pawl_emit(context, &issue, ref);
		if (number % 2)
			*ret_output = ref;
	}
	return error;
}
CF_FUNCTION(doubles, PAWL_FUNCTION_ROOT, sizeof(uint64_t));

static const struct pawl_function *const change_functions[] = {&doubles};
static const struct pawl_trait *const change_traits[] = {&issue};
static const struct cf_tables change_tables = {change_functions, 1, NULL, 0,
					       change_traits,	 1, 0};

static void find(void *arg, pawl_ref_t ref, int32_t count)
{
	(void)ref;
	*(int64_t *)arg += count;
}

/* Reads, waits at the gate, and reads again: how much it was at first. */
static int reads_once_body(struct pawl_context *context, const void *arg,
			   pawl_ref_t *ret_output)
{
	uint64_t nonce = (uintptr_t)arg;
	int64_t first[2] = {0, 0}, second, issues = 0;
	pawl_ref_t ref;
	int error = cf_state_get(context, input, &first[0]);

	cf_count(&ran);
	if (!error)
		error = pawl_call(context, &doubles, &nonce, &ref);
	if (!error)
		error = cf_get(context, ref, 0, &first[1]);
	if (!error)
		error = pawl_peek(context, ref, &issue, find, &issues);
	if (!error)
		error = cf_gate_pass(&gate);
	if (!error)
		error = cf_get(context, ref, 0, &second);
	return error ? error : cf_give(context, first[0] * 100 + issues, ret_output);
}

static void change(unsigned run)
{
	uint64_t nonce = run;
	pawl_ref_t once;
	struct cf_reading reading;

	input = cf_state_make(4);
	cf_gate_init(&gate);
	(void)cf_counted(&ran);
	assert_int_equal(pawl_engine_spawn_once(cf_engine, reads_once_body,
						(void *)(uintptr_t)nonce, NULL, &once),
			 0);
	cf_gate_wait(&gate, 1);
	/* While it runs: what it has read changes, all of it. */
	cf_state_set(input, 7);
	(void)cf_ask(&doubles, &nonce);
	cf_gate_open(&gate);
	reading = read_now(once);
	assert_int_equal(reading.error, 0);
	assert_int_equal(reading.number, 404);
	/* Afterwards. It does not get dirty, so who reads it strongly does not wait for ever. */
	for (int64_t number = 8; number < 12; number++) {
		cf_state_set(input, number);
		(void)cf_ask(&doubles, &nonce);
		reading = read_now(once);
		assert_int_equal(reading.number, 404);
		cf_settle();
	}
	assert_int_equal(cf_counted(&ran), 1);
	assert_int_equal(pawl_engine_dispose_root(cf_engine, once), 0);
	cf_settle();
}

static void case_once_and_changes(void **state)
{
	(void)state;
	cf_thrice(&change_tables, change);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_once_that_panics),
		cmocka_unit_test(case_once_and_changes),
	};

	return cf_run("conform-once", cases);
}
