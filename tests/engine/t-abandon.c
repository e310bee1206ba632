/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-abandon.c - pawl_engine_options.abandon: a run that is for nothing ends where it waits. What it read has changed; its
 * task is not wanted any more; either of these just when it ends; it does not care. Gates that are never opened
 * show that it ended there: without the option each of these would hang.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>
#include <pawl/atomic.h>
#include <pawl/engine.h>
#include <pawl/state.h>

static struct pawl_engine *engine;
static struct pawl_state *input, *selector;
static const struct pawl_value_type number_type = PAWL_VALUE_TYPE("number");

/* Runs of each function; ends of waits by -ECANCELED. */
enum { WAITS, MIDDLE, SELECTS, STUBBORN, KINDS };
static struct pawl_atomic_u32 starts[KINDS], cut_short;
/* A run of number i waits at gate i; who has come there is counted. */
#define GATES 3
static struct gate {
	struct pawl_atomic_u32 arrived, open;
	struct pawl_event changed;
} gates[GATES];

static void gate_open(struct gate *gate)
{
	pawl_store_release(&gate->open, 1u);
	pawl_event_notify_all(&gate->changed);
}

static bool is_there(const struct pawl_atomic_u32 *word, uint32_t least)
{
	return pawl_load_acquire(word) >= least;
}

/* Until the word is at least that. In a task: an errno when it is told to end. */
static int gate_wait(struct gate *gate, const struct pawl_atomic_u32 *word, uint32_t least)
{
	while (!is_there(word, least)) {
		struct pawl_listener listener;
		int error;

		pawl_event_listen(&gate->changed, &listener, "a gate", 0);
		if (is_there(word, least)) {
			pawl_event_unlisten(&listener);
			break;
		}
		error = pawl_wait(&listener, PAWL_FOREVER);
		if (error)
			return error;
	}
	return 0;
}

static int gate_pass(struct gate *gate)
{
	int error;

	pawl_add_relaxed(&gate->arrived, 1u);
	pawl_event_notify_all(&gate->changed);
	error = gate_wait(gate, &gate->open, 1);
	if (error == -ECANCELED)
		pawl_add_relaxed(&cut_short, 1u);
	return error;
}

static struct pawl_value *value_of(int64_t number)
{
	struct pawl_value *value;

	t_check(!pawl_value_of(&number_type, &number, sizeof(number), &value));
	return value;
}

static int64_t number_of(struct pawl_value *value)
{
	int64_t number;

	memcpy(&number, pawl_value_payload(value), sizeof(number));
	pawl_value_unpin(value);
	return number;
}

static int give(struct pawl_context *context, int64_t number, pawl_ref_t *ret_output)
{
	return pawl_cell(context, value_of(number), ret_output);
}

static int look(struct pawl_context *context, struct pawl_state *state, int64_t *ret_number)
{
	struct pawl_value *value;
	int error = pawl_state_get(context, state, &value);

	if (!error)
		*ret_number = number_of(value);
	return error;
}

static int get(struct pawl_context *context, pawl_ref_t ref, uint32_t flags,
	       int64_t *ret_number)
{
	struct pawl_value *value;
	int error = pawl_read(context, ref, flags, &value, NULL);

	if (!error)
		*ret_number = number_of(value);
	return error;
}

/* ---- functions --------------------------------------------------------------------------------- */

static int waits_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = 0;
	int error = look(context, input, &number);

	(void)args;
	pawl_add_relaxed(&starts[WAITS], 1u);
	if (!error)
		error = gate_pass(&gates[number]);
	return error ? error : give(context, number, ret_output);
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
		error = gate_wait(&gates[0], &gates[0].arrived, 1);
	if (!error)
		error = get(context, ref, 0, &number);
	return error ? error : give(context, number + 10, ret_output);
}
static const struct pawl_function middle = {sizeof(middle), "middle", 1,    0,
					    middle_body,    0,	      NULL, 0};

static int selects_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = -1, selected = 0;
	int error = look(context, selector, &selected);
	pawl_ref_t ref;

	(void)args;
	pawl_add_relaxed(&starts[SELECTS], 1u);
	if (!error && !selected) {
		error = pawl_call(context, &middle, NULL, &ref);
		if (!error)
			error = gate_wait(&gates[0], &gates[0].arrived, 1);
		if (!error)
			error = get(context, ref, 0, &number);
	}
	return error ? error : give(context, number, ret_output);
}
static const struct pawl_function selects = {
	sizeof(selects), "selects", 1, PAWL_FUNCTION_ROOT, selects_body, 0, NULL, 0};

/* Gives a number, whatever its wait says. */
static int stubborn_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = 0;
	int error = look(context, input, &number);

	(void)args;
	pawl_add_relaxed(&starts[STUBBORN], 1u);
	if (!error && gate_pass(&gates[number]))
		number = 1000;
	return error ? error : give(context, number, ret_output);
}
static const struct pawl_function stubborn = {
	sizeof(stubborn), "stubborn", 1, PAWL_FUNCTION_ROOT, stubborn_body, 0, NULL, 0};

/* ---- an engine ----------------------------------------------------------------------------------- */

static void up(uint32_t workers, int64_t number)
{
	static const struct pawl_function *const functions[] = {&waits, &below, &middle,
								&selects, &stubborn};
	static const struct pawl_value_type *const types[] = {&number_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	for (unsigned i = 0; i < GATES; i++) {
		pawl_init_word(&gates[i].arrived, 0u);
		pawl_init_word(&gates[i].open, 0u);
		pawl_event_init(&gates[i].changed);
	}
	for (unsigned i = 0; i < KINDS; i++)
		pawl_init_word(&starts[i], 0u);
	pawl_init_word(&cut_short, 0u);
	options.workers = workers;
	options.functions = functions;
	options.functions_n = sizeof(functions) / sizeof(*functions);
	options.types = types;
	options.types_n = 1;
	options.abandon = 1;
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
	assert_int_equal(pawl_state_create(engine, value_of(number), &input), 0);
	assert_int_equal(pawl_state_create(engine, value_of(0), &selector), 0);
}

static void settle(void)
{
	char text[256];

	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	if (pawl_engine_verify(engine, text, sizeof(text)))
		fail_msg("%s", text);
	t_step();
}

static void down(void)
{
	settle();
	assert_int_equal(pawl_engine_close(engine), 0);
	pawl_state_unpin(input);
	pawl_state_unpin(selector);
}

struct ask {
	const struct pawl_function *function;
	uint32_t flags;
	int64_t number;
	int error;
};

static int ask_visit(struct pawl_context *context, void *arg)
{
	struct ask *ask = arg;
	pawl_ref_t ref;
	int error = pawl_call(context, ask->function, NULL, &ref);

	return error ? error : get(context, ref, ask->flags, &ask->number);
}

static void ask_thread(void *arg)
{
	struct ask *ask = arg;

	ask->error = pawl_engine_run(engine, ask_visit, ask);
}

static int64_t ask_now(const struct pawl_function *function)
{
	struct ask ask = {function, PAWL_READ_STRONG, 0, 0};

	ask_thread(&ask);
	assert_int_equal(ask.error, 0);
	return ask.number;
}

static unsigned count(unsigned which)
{
	return pawl_load_relaxed(&starts[which]);
}

/* ---- cases ------------------------------------------------------------------------------------------ */

/* It waits at a gate that nobody opens, and what it has read changes. */
static void changed(const struct pawl_function *function, uint32_t workers, uint32_t flags)
{
	struct ask ask = {function, flags, 0, 0};
	unsigned which = function == &waits ? WAITS : STUBBORN;
	struct t_thread *thread;

	up(workers, 0);
	gate_open(&gates[1]);
	thread = t_thread_start(ask_thread, &ask);
	(void)gate_wait(&gates[0], &gates[0].arrived, 1);
	assert_int_equal(pawl_state_set(input, value_of(1)), 0);
	t_thread_join(thread);
	assert_int_equal(ask.error, 0);
	assert_int_equal(ask.number, 1);
	settle();
	assert_int_equal(count(which), 2);
	assert_int_equal(pawl_load_relaxed(&cut_short), 1);
	assert_int_equal(ask_now(function), 1);
	assert_int_equal(count(which), 2);
	down();
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
	struct ask ask = {&selects, PAWL_READ_STRONG, 0, 0};
	struct t_thread *thread;

	up(workers, 0);
	thread = t_thread_start(ask_thread, &ask);
	(void)gate_wait(&gates[0], &gates[0].arrived, 1);
	assert_int_equal(pawl_state_set(selector, value_of(1)), 0);
	t_thread_join(thread);
	assert_int_equal(ask.error, 0);
	assert_int_equal(ask.number, -1);
	/* Nobody opens their gate. */
	settle();
	assert_int_equal(pawl_load_relaxed(&cut_short), 1);
	assert_int_equal(count(WAITS), 1);
	assert_int_equal(count(SELECTS), 2);
	gate_open(&gates[0]);
	assert_int_equal(pawl_state_set(selector, value_of(0)), 0);
	assert_int_equal(ask_now(&selects), 10);
	assert_int_equal(count(WAITS), 2);
	/* And it is connected. */
	gate_open(&gates[2]);
	assert_int_equal(pawl_state_set(input, value_of(2)), 0);
	assert_int_equal(ask_now(&selects), 12);
	assert_int_equal(count(WAITS), 3);
	down();
}

static void case_not_wanted(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2)
		not_wanted(workers);
}

static void open_thread(void *arg)
{
	gate_open(arg);
}

/* The change comes beside its end: one run for what was there before, one for what is there now. */
static void case_beside_its_end(void **state)
{
	(void)state;
	for (unsigned round = 0; round < t_scaled(64); round++) {
		struct ask ask = {&waits, PAWL_READ_STRONG, 0, 0};
		struct t_thread *asks, *opens;

		up(1 + round % 2, 0);
		gate_open(&gates[1]);
		asks = t_thread_start(ask_thread, &ask);
		(void)gate_wait(&gates[0], &gates[0].arrived, 1);
		opens = t_thread_start(open_thread, &gates[0]);
		assert_int_equal(pawl_state_set(input, value_of(1)), 0);
		t_thread_join(opens);
		t_thread_join(asks);
		assert_int_equal(ask.error, 0);
		assert_int_equal(ask_now(&waits), 1);
		assert_int_equal(count(WAITS), 2);
		down();
	}
}

/* Somebody reads it, again and again, while it is abandoned again and again: nobody is given what was cancelled. */
#define TURNS 100

static void asks_below(void *arg)
{
	for (unsigned i = 0; i < t_scaled(TURNS); i++) {
		struct ask ask = {&middle, i & 1 ? PAWL_READ_STRONG : 0, 0, 0};

		(void)arg;
		ask_thread(&ask);
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
		gate_open(&gates[0]);
		for (unsigned i = 0; i < 2; i++)
			threads[i] = t_thread_start(asks_below, NULL);
		for (unsigned i = 0; i < t_scaled(TURNS); i++) {
			struct ask ask = {&selects, PAWL_READ_STRONG, 0, 0};

			assert_int_equal(pawl_state_set(selector, value_of(i & 1)), 0);
			/* All of it has to run again. */
			assert_int_equal(pawl_state_set(input, value_of(2)), 0);
			assert_int_equal(pawl_state_set(input, value_of(0)), 0);
			gate_open(&gates[2]);
			ask_thread(&ask);
			assert_int_equal(ask.error, 0);
			assert_int_equal(ask.number, i & 1 ? -1 : 10);
		}
		for (unsigned i = 0; i < 2; i++)
			t_thread_join(threads[i]);
		down();
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
