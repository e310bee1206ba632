/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-abandon.c - pawl_engine_options.abandon: a run that is for nothing ends where it waits. What it read has changed; its
 * task is not wanted any more; either of these just when it ends; it does not care. Gates that are never opened
 * show that it ended there: without the option each of these would hang.
 */
#include "frame.h"

static struct pawl_state *input, *selector;

/* Runs of each function; ends of waits by -ECANCELED. */
enum { WAITS, MIDDLE, SELECTS, STUBBORN, KINDS };
static struct pawl_atomic_u32 starts[KINDS], cut_short;
/* A run of number i waits at gate i; who has come there is counted. */
#define GATES 3
static struct fr_gate gates[GATES];

static int gate_pass(struct fr_gate *gate)
{
	int error = fr_gate_pass(gate);

	if (error == -ECANCELED)
		pawl_add_relaxed(&cut_short, 1u);
	return error;
}

/* ---- functions --------------------------------------------------------------------------------- */

static int waits_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = 0;
	int error = fr_look(context, input, &number);

	(void)args;
	pawl_add_relaxed(&starts[WAITS], 1u);
	if (!error)
		error = gate_pass(&gates[number]);
	return error ? error : fr_give(context, number, ret_output);
}
static const struct pawl_function waits = {sizeof(waits), "waits", 1,	 PAWL_FUNCTION_ROOT,
					   waits_body,	  0,	   NULL, 0};
/* The same, without all that it reaches. */
static const struct pawl_function below = {sizeof(below), "below", 1,	 0,
					   waits_body,	  0,	   NULL, 0};

/* Each is begun by a worker, and not on the stack of who reads it: that one waits for it to begin. */
static int middle_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = 0;
	pawl_ref_t ref;
	int error = pawl_call(context, &below, NULL, &ref);

	(void)args;
	pawl_add_relaxed(&starts[MIDDLE], 1u);
	if (!error)
		error = fr_gate_await(&gates[0], 1);
	if (!error)
		error = fr_get(context, ref, 0, &number);
	return error ? error : fr_give(context, number + 10, ret_output);
}
static const struct pawl_function middle = {sizeof(middle), "middle", 1,    0,
					    middle_body,    0,	      NULL, 0};

static int selects_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = -1, selected = 0;
	int error = fr_look(context, selector, &selected);
	pawl_ref_t ref;

	(void)args;
	pawl_add_relaxed(&starts[SELECTS], 1u);
	if (!error && !selected) {
		error = pawl_call(context, &middle, NULL, &ref);
		if (!error)
			error = fr_gate_await(&gates[0], 1);
		if (!error)
			error = fr_get(context, ref, 0, &number);
	}
	return error ? error : fr_give(context, number, ret_output);
}
static const struct pawl_function selects = {
	sizeof(selects), "selects", 1, PAWL_FUNCTION_ROOT, selects_body, 0, NULL, 0};

/* Gives a number, whatever its wait says. */
static int stubborn_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = 0;
	int error = fr_look(context, input, &number);

	(void)args;
	pawl_add_relaxed(&starts[STUBBORN], 1u);
	if (!error && gate_pass(&gates[number]))
		number = 1000;
	return error ? error : fr_give(context, number, ret_output);
}
static const struct pawl_function stubborn = {
	sizeof(stubborn), "stubborn", 1, PAWL_FUNCTION_ROOT, stubborn_body, 0, NULL, 0};

/* ---- an engine ----------------------------------------------------------------------------------- */

static void up(uint32_t workers, int64_t number)
{
	static const struct pawl_function *const functions[] = {&waits, &below, &middle,
								&selects, &stubborn};
	static const struct pawl_value_type *const types[] = {&fr_number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	for (unsigned i = 0; i < GATES; i++)
		fr_gate_init(&gates[i]);
	for (unsigned i = 0; i < KINDS; i++)
		pawl_init_word(&starts[i], 0u);
	pawl_init_word(&cut_short, 0u);
	options.workers = workers;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	options.abandon = 1;
	fr_open(options);
	input = fr_state(fr_value(number));
	selector = fr_state(fr_value(0));
}

static unsigned count(unsigned which)
{
	return pawl_load_relaxed(&starts[which]);
}

/* ---- cases ------------------------------------------------------------------------------------------ */

/* It waits at a gate that nobody opens, and what it has read changes. */
static void changed(const struct pawl_function *function, uint32_t workers, uint32_t flags)
{
	struct fr_ask ask = {.function = function, .flags = flags};
	unsigned which = function == &waits ? WAITS : STUBBORN;
	struct t_thread *thread;

	up(workers, 0);
	fr_gate_open(&gates[1]);
	thread = t_thread_start(fr_try_thread, &ask);
	(void)fr_gate_await(&gates[0], 1);
	assert_int_equal(pawl_state_set(input, fr_value(1)), 0);
	t_thread_join(thread);
	assert_int_equal(ask.error, 0);
	assert_int_equal(ask.number, 1);
	fr_settle();
	assert_int_equal(count(which), 2);
	assert_int_equal(pawl_load_relaxed(&cut_short), 1);
	assert_int_equal(fr_ask(function, NULL), 1);
	assert_int_equal(count(which), 2);
	fr_down();
}

static void case_changed(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2)
		changed(&waits, workers, PAWL_READ_STRONG);
}

/* What it makes of being told to end does not count. */
static void case_does_not_care(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++)
		changed(&stubborn, workers, PAWL_READ_STRONG);
}

/* Nobody wants it any more: it ends there; wanted again it begins anew, and gives what it would have given. */
static void not_wanted(uint32_t workers)
{
	struct fr_ask ask = {.function = &selects, .flags = PAWL_READ_STRONG};
	struct t_thread *thread;

	up(workers, 0);
	thread = t_thread_start(fr_try_thread, &ask);
	(void)fr_gate_await(&gates[0], 1);
	assert_int_equal(pawl_state_set(selector, fr_value(1)), 0);
	t_thread_join(thread);
	assert_int_equal(ask.error, 0);
	assert_int_equal(ask.number, -1);
	/* Nobody opens their gate. */
	fr_settle();
	assert_int_equal(pawl_load_relaxed(&cut_short), 1);
	assert_int_equal(count(WAITS), 1);
	assert_int_equal(count(SELECTS), 2);
	fr_gate_open(&gates[0]);
	assert_int_equal(pawl_state_set(selector, fr_value(0)), 0);
	assert_int_equal(fr_ask(&selects, NULL), 10);
	assert_int_equal(count(WAITS), 2);
	/* And it is connected. */
	fr_gate_open(&gates[2]);
	assert_int_equal(pawl_state_set(input, fr_value(2)), 0);
	assert_int_equal(fr_ask(&selects, NULL), 12);
	assert_int_equal(count(WAITS), 3);
	fr_down();
}

static void case_not_wanted(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2)
		not_wanted(workers);
}

static void open_thread(void *arg)
{
	fr_gate_open(arg);
}

/* The change comes beside its end: one run for what was there before, one for what is there now. */
static void case_beside_its_end(void **state)
{
	(void)state;
	for (unsigned round = 0; round < t_scaled(64); round++) {
		struct fr_ask ask = {.function = &waits, .flags = PAWL_READ_STRONG};
		struct t_thread *asks, *opens;

		up(1 + round % 2, 0);
		fr_gate_open(&gates[1]);
		asks = t_thread_start(fr_try_thread, &ask);
		(void)fr_gate_await(&gates[0], 1);
		opens = t_thread_start(open_thread, &gates[0]);
		assert_int_equal(pawl_state_set(input, fr_value(1)), 0);
		t_thread_join(opens);
		t_thread_join(asks);
		assert_int_equal(ask.error, 0);
		assert_int_equal(fr_ask(&waits, NULL), 1);
		assert_int_equal(count(WAITS), 2);
		fr_down();
	}
}

/* Somebody reads it, again and again, while it is abandoned again and again: nobody is given what was cancelled. */
#define TURNS 100

static void asks_below(void *arg)
{
	for (unsigned i = 0; i < t_scaled(TURNS); i++) {
		struct fr_ask ask = {.function = &middle,
				     .flags = i & 1 ? PAWL_READ_STRONG : 0};

		(void)arg;
		fr_try_thread(&ask);
		t_check(!ask.error && (ask.number == 10 || ask.number == 12));
		t_step();
	}
}

static void case_wanted_again(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers++) {
		struct t_thread *threads[2];

		up(workers, 0);
		fr_gate_open(&gates[0]);
		for (unsigned i = 0; i < 2; i++)
			threads[i] = t_thread_start(asks_below, NULL);
		for (unsigned i = 0; i < t_scaled(TURNS); i++) {
			struct fr_ask ask = {.function = &selects, .flags = PAWL_READ_STRONG};

			assert_int_equal(pawl_state_set(selector, fr_value(i & 1)), 0);
			/* All of it has to run again. */
			assert_int_equal(pawl_state_set(input, fr_value(2)), 0);
			assert_int_equal(pawl_state_set(input, fr_value(0)), 0);
			fr_gate_open(&gates[2]);
			fr_try_thread(&ask);
			assert_int_equal(ask.error, 0);
			assert_int_equal(ask.number, i & 1 ? -1 : 10);
		}
		for (unsigned i = 0; i < 2; i++)
			t_thread_join(threads[i]);
		fr_down();
	}
}

/* The environment may say it. */
static void case_environment(void **state)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_engine *other;

	(void)state;
	options.abandon = 2;
	assert_int_equal(pawl_engine_open(&options, &other), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_changed),	     cmocka_unit_test(case_does_not_care),
		cmocka_unit_test(case_not_wanted),   cmocka_unit_test(case_beside_its_end),
		cmocka_unit_test(case_wanted_again), cmocka_unit_test(case_environment),
	};

	return t_run("abandon", tests);
}
