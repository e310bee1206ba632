/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-observe.c - pawl/observe.h: what an engine tells of itself.
 */
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl.h>
#include <pawl/engine.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/observe.h>
#include <pawl/state.h>

#include "../../engine/engine.h"

static struct pawl_engine *engine;
static struct pawl_runtime *rt; /* with a clock of ours; NULL: the engine's own */

/* ---- numbers --------------------------------------------------------------------------- */

static const struct pawl_value_type number_type = PAWL_VALUE_TYPE("number");
static const struct pawl_value_type loud_type = {
	.size = sizeof(loud_type), .name = "loud", .version = 1, .mode = PAWL_CELL_NEW};

static struct pawl_value *value_of(const struct pawl_value_type *type, int64_t number)
{
	struct pawl_value *value;

	t_check(!pawl_value_of(type, &number, sizeof(number), &value));
	return value;
}

static int give(struct pawl_context *context, int64_t number, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_value_of(&number_type, &number, sizeof(number), &value);

	return error ? error : pawl_cell(context, value, ret_output);
}

static int64_t number_of(const struct pawl_value *value)
{
	int64_t number;

	memcpy(&number, pawl_value_payload(value), sizeof(number));
	return number;
}

static int get(struct pawl_context *context, pawl_ref_t ref, uint32_t flags,
	       int64_t *ret_number)
{
	struct pawl_value *value;
	int error = pawl_read(context, ref, flags, &value, NULL);

	if (error)
		return error;
	*ret_number = number_of(value);
	pawl_value_unpin(value);
	return 0;
}

/* ---- tasks ----------------------------------------------------------------------------- */

#define INPUTS 8

static struct pawl_state *inputs[INPUTS];
static struct pawl_invalidator invalidators[INPUTS];

struct one {
	uint64_t n;
};

static int input_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct pawl_value *value;
	int64_t number;
	int error = pawl_context_invalidator(context, &invalidators[one->n]);

	if (!error)
		error = pawl_state_get(context, inputs[one->n], &value);
	if (error)
		return error;
	number = number_of(value);
	pawl_value_unpin(value);
	return give(context, number, ret_output);
}
static const struct pawl_function input = {sizeof(input),      "input", 1, 0, input_body,
					   sizeof(struct one), NULL,	0};

/* The sum of all inputs. */
static int sum_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t sum = 0, number;
	int error = 0;

	(void)args;
	for (uint64_t i = 0; i < INPUTS && !error; i++) {
		struct one one = {i};
		pawl_ref_t ref;

		error = pawl_call(context, &input, &one, &ref);
		if (!error)
			error = get(context, ref, 0, &number);
		if (!error)
			sum += number;
	}
	return error ? error : give(context, sum, ret_output);
}
static const struct pawl_function sum = {sizeof(sum), "sum", 1, 0, sum_body, 0, NULL, 0};

/* Twice the sum; fails where that is negative. Its cell is one that others read to the last. */
static int twice_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	pawl_ref_t ref, zero;
	int64_t number;
	int error = pawl_call(context, &sum, NULL, &ref);

	(void)args;
	if (!error)
		error = get(context, ref, 0, &number);
	if (error)
		return error;
	if (number < 0)
		return pawl_context_fail(context, "it is negative");
	error = give(context, 0, &zero);
	return error ? error : give(context, 2 * number, ret_output);
}
static const struct pawl_function twice = {sizeof(twice), "twice", 1,	 0,
					   twice_body,	  0,	   NULL, 0};

/* Of a value with parts: 0 to 7 are the inputs. */
static void changed_keys(const void *before, size_t before_bytes, const void *after,
			 size_t after_bytes, void (*changed)(void *arg, uint64_t key_hash),
			 void *arg)
{
	const int64_t *a = before, *b = after;

	(void)before_bytes;
	(void)after_bytes;
	for (uint64_t i = 0; i < INPUTS; i++) {
		if (a[i] != b[i])
			changed(arg, i);
	}
}
static const struct pawl_value_type table_type = {.size = sizeof(table_type),
						  .name = "table",
						  .version = 1,
						  .mode = PAWL_CELL_KEYED,
						  .changed_keys = changed_keys};

static int table_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *table;
	int64_t numbers[INPUTS];
	int error = 0;

	(void)args;
	for (uint64_t i = 0; i < INPUTS && !error; i++) {
		struct one one = {i};
		pawl_ref_t ref;

		error = pawl_call(context, &input, &one, &ref);
		if (!error)
			error = get(context, ref, 0, &numbers[i]);
	}
	if (!error)
		error = pawl_value_of(&table_type, numbers, sizeof(numbers), &table);
	return error ? error : pawl_cell(context, table, ret_output);
}
static const struct pawl_function table = {sizeof(table), "table", 1,	 0,
					   table_body,	  0,	   NULL, 0};

static int part_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct pawl_value *value;
	pawl_ref_t ref;
	int64_t number;
	int error = pawl_call(context, &table, NULL, &ref);

	if (!error)
		error = pawl_read_key(context, ref, one->n, &value, NULL);
	if (error)
		return error;
	number = ((const int64_t *)pawl_value_payload(value))[one->n];
	pawl_value_unpin(value);
	return give(context, number, ret_output);
}
static const struct pawl_function part = {sizeof(part),	      "part", 1, 0, part_body,
					  sizeof(struct one), NULL,   0};

/* Gives as many cells as input 0 says, the last one as its output. */
static int cells_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct one one = {0};
	int64_t number = 0;
	pawl_ref_t ref;
	int error = pawl_call(context, &input, &one, &ref);

	(void)args;
	if (!error)
		error = get(context, ref, 0, &number);
	for (int64_t i = 0; i <= number && !error; i++)
		error = give(context, i, ret_output);
	return error;
}
static const struct pawl_function cells = {sizeof(cells), "cells", 1,	 0,
					   cells_body,	  0,	   NULL, 0};

/* Reads what that gives, whichever cell it is. */
static int last_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	pawl_ref_t ref;
	int error = pawl_call(context, &cells, NULL, &ref);

	(void)args;
	if (!error)
		error = get(context, ref, 0, &number);
	return error ? error : give(context, number, ret_output);
}
static const struct pawl_function last = {sizeof(last), "last", 1, 0, last_body, 0, NULL, 0};

/* Emits its input as long as that is positive. */
static const struct pawl_trait found = {sizeof(found), "found", NULL, 0};

static int emits_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct one one = {0};
	pawl_ref_t ref;
	int64_t number;
	int error = pawl_call(context, &input, &one, &ref);

	(void)args;
	if (!error)
		error = get(context, ref, 0, &number);
	if (!error && number > 0)
		error = pawl_emit(context, &found, ref);
	return error ? error : give(context, 0, ret_output);
}
static const struct pawl_function emits = {
	sizeof(emits), "emits", 1, PAWL_FUNCTION_OPERATION, emits_body, 0, NULL, 0};

static void count(void *arg, pawl_ref_t ref, int32_t n)
{
	(void)ref;
	*(int64_t *)arg += n;
}

static int collects_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t n = 0;
	pawl_ref_t ref;
	int error = pawl_call(context, &emits, NULL, &ref);

	(void)args;
	if (!error)
		error = pawl_peek(context, ref, &found, count, &n);
	return error ? error : give(context, n, ret_output);
}
static const struct pawl_function collects = {sizeof(collects), "collects", 1,	  0,
					      collects_body,	0,	    NULL, 0};

static const struct pawl_function *const functions[] = {&input, &sum,  &twice, &table,	 &part,
							&cells, &last, &emits, &collects};
static const struct pawl_trait *const traits[] = {&found};
static const struct pawl_value_type *const types[] = {&number_type, &loud_type, &table_type};

/* ---- engines --------------------------------------------------------------------------- */

static struct pawl_atomic_u64 clock_ns;
static uint64_t begins_ns = 1000;

static uint64_t now(void *arg)
{
	(void)arg;
	return pawl_load_acquire(&clock_ns);
}

static void up_with(struct pawl_engine_options options)
{
	options.runtime = rt;
	options.workers = 2;
	options.functions = functions;
	options.functions_n = sizeof(functions) / sizeof(*functions);
	options.types = types;
	options.types_n = sizeof(types) / sizeof(*types);
	options.traits = traits;
	options.traits_n = 1;
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
	for (unsigned i = 0; i < INPUTS; i++)
		assert_int_equal(
			pawl_state_create(engine, value_of(&number_type, i), &inputs[i]), 0);
}

static void up(void)
{
	up_with((struct pawl_engine_options)PAWL_ENGINE_OPTIONS_INIT);
}

/* With a clock that stands until it is moved. */
static void up_in_time(struct pawl_engine_options options)
{
	struct pawl_runtime_options runtime = PAWL_RUNTIME_OPTIONS_INIT;

	pawl_store_release(&clock_ns, begins_ns);
	runtime.workers = 2;
	runtime.now = now;
	assert_int_equal(pawl_runtime_create(&runtime, &rt), 0);
	up_with(options);
}

static void settle(void)
{
	char text[256] = "";

	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	if (pawl_engine_verify(engine, text, sizeof(text)))
		fail_msg("%s", text);
}

static void down(void)
{
	struct pawl_shutdown_report report;

	settle();
	for (unsigned i = 0; i < INPUTS; i++)
		pawl_state_unpin(inputs[i]);
	assert_int_equal(pawl_engine_close(engine), 0);
	if (!rt)
		return;
	assert_int_equal(pawl_runtime_shutdown(rt, 0, &report), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
	rt = NULL;
}

static int ask_visit(struct pawl_context *context, void *arg)
{
	pawl_ref_t ref;
	int error = pawl_call(context, &sum, NULL, &ref);

	return error ? error : get(context, ref, PAWL_READ_STRONG, arg);
}

static int64_t ask(void)
{
	int64_t number = -1;

	assert_int_equal(pawl_engine_run(engine, ask_visit, &number), 0);
	return number;
}

static void set(unsigned at, int64_t number)
{
	assert_int_equal(pawl_state_set(inputs[at], value_of(&number_type, number)), 0);
}

/* ---- updates --------------------------------------------------------------------------- */

static struct pawl_update_info info;
static char text[4096];

/* What there is, once all that ran was told of. */
static void update(void)
{
	settle();
	assert_int_equal(pawl_engine_update(engine, 0, PAWL_FOREVER, &info, text, sizeof(text)),
			 0);
}

static void case_update(void **unused)
{
	(void)unused;
	up();
	assert_int_equal(pawl_engine_update(engine, 0, 0, &info, text, sizeof(text)),
			 -ETIMEDOUT);
	assert_int_equal(ask(), 28);
	update();
	assert_int_equal(info.runs, INPUTS + 1);
	assert_true(info.stretches >= 1);
	assert_true(info.begun_ns > 0 && info.ended_ns >= info.begun_ns);
	assert_true(info.busy_ns <= info.ended_ns - info.begun_ns);
	assert_int_equal(info.reasons, 0);
	assert_string_equal(text, "");
	/* It is taken; what is read and clean is no update. */
	assert_int_equal(ask(), 28);
	assert_int_equal(pawl_engine_update(engine, 0, 0, &info, text, sizeof(text)),
			 -ETIMEDOUT);
	set(3, 13);
	assert_int_equal(ask(), 38);
	update();
	assert_int_equal(info.runs, 2);
	/* One more, and nobody else: what it gives is what was there. */
	pawl_invalidate(&invalidators[3], 1);
	assert_int_equal(ask(), 38);
	update();
	assert_int_equal(info.runs, 1);
	down();
}

/* ---- reasons --------------------------------------------------------------------------- */

static const struct pawl_reason_kind file_changed =
	PAWL_REASON_KIND("file changed", "files changed");
static const struct pawl_reason_kind option_set = PAWL_REASON_KIND("option set", "options set");
static const struct pawl_reason_kind clock_moved = PAWL_REASON_KIND("the clock moved", NULL);

static void because(unsigned at, const struct pawl_reason_kind *kind, const char *subject)
{
	const struct pawl_reason reason = {kind, subject};

	assert_int_equal(pawl_invalidate_because(&invalidators[at], 1, &reason), 0);
}

static void case_reasons(void **unused)
{
	struct pawl_reason_kind wrong = file_changed;
	struct pawl_reason reason = {&file_changed, "a.c"};
	char cut[8];

	(void)unused;
	up();
	(void)ask();
	update();
	because(0, &file_changed, "a.c");
	because(0, &file_changed, "a.c");
	(void)ask();
	update();
	assert_string_equal(text, "file changed: a.c");
	assert_int_equal(info.reasons, 1);
	assert_int_equal(info.runs, 1);
	/* They are gone with the update. */
	pawl_invalidate(&invalidators[0], 1);
	(void)ask();
	update();
	assert_string_equal(text, "");
	because(0, &file_changed, "a.c");
	because(1, &file_changed, "b.c");
	because(2, &file_changed, "c.c");
	because(3, &clock_moved, NULL);
	(void)ask();
	update();
	assert_string_equal(text, "3 files changed and the clock moved");
	assert_int_equal(info.reasons, 4);
	assert_int_equal(info.runs, 4);
	because(0, &file_changed, "a.c");
	because(0, &option_set, "-O2");
	because(0, &clock_moved, NULL);
	(void)ask();
	settle();
	assert_int_equal(pawl_engine_update(engine, 0, PAWL_FOREVER, &info, cut, sizeof(cut)),
			 0);
	assert_string_equal(cut, "file ch");
	because(0, &file_changed, "a.c");
	because(0, &option_set, "-O2");
	because(0, &clock_moved, NULL);
	assert_int_equal(pawl_engine_because(engine, &reason), 0);
	(void)ask();
	update();
	assert_string_equal(text, "file changed: a.c, option set: -O2, and the clock moved");
	/* Not of kinds that are none. */
	reason.kind = NULL;
	assert_int_equal(pawl_engine_because(engine, &reason), -EINVAL);
	assert_int_equal(pawl_engine_because(engine, NULL), -EINVAL);
	reason.kind = &wrong;
	wrong.one = "";
	assert_int_equal(pawl_invalidate_because(invalidators, 1, &reason), -EINVAL);
	wrong.one = "x";
	wrong.many = "";
	assert_int_equal(pawl_invalidate_because(invalidators, 1, &reason), -EINVAL);
	wrong.size--;
	assert_int_equal(pawl_invalidate_because(invalidators, 1, &reason), -EINVAL);
	wrong.size += 2;
	assert_int_equal(pawl_invalidate_because(invalidators, 1, &reason), -E2BIG);
	reason.kind = &file_changed;
	assert_int_equal(pawl_invalidate_because(NULL, 0, &reason), 0);
	assert_int_equal(pawl_engine_update(engine, 0, 0, &info, text, sizeof(text)),
			 -ETIMEDOUT);
	down();
}

static void case_reasons_of_edits(void **unused)
{
	const struct pawl_reason file = {&file_changed, "a.c"}, option = {&option_set, "-g"};
	struct pawl_state *loud;
	struct pawl_edit *edit;

	(void)unused;
	up();
	(void)ask();
	update();
	assert_int_equal(pawl_edit_begin(engine, &edit), 0);
	assert_int_equal(pawl_edit_set(edit, inputs[0], value_of(&number_type, 100)), 0);
	assert_int_equal(pawl_edit_because(edit, &file), 0);
	/* Equal to what is there: a reason of nothing. */
	assert_int_equal(pawl_edit_set(edit, inputs[1], value_of(&number_type, 1)), 0);
	assert_int_equal(pawl_edit_because(edit, &option), 0);
	assert_int_equal(pawl_edit_invalidate(edit, &invalidators[2]), 0);
	assert_int_equal(pawl_edit_because(edit, NULL), 0);
	assert_int_equal(pawl_edit_set(edit, inputs[3], value_of(&number_type, 103)), 0);
	pawl_edit_commit(edit);
	assert_int_equal(ask(), 28 + 200);
	update();
	assert_string_equal(text, "option set: -g");
	assert_int_equal(info.runs, 4);
	/* The same value again, of a type whose every write counts. */
	assert_int_equal(pawl_state_create(engine, value_of(&loud_type, 1), &loud), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct pawl_value *value;

		assert_int_equal(pawl_state_get(NULL, loud, &value), 0);
		assert_int_equal(pawl_edit_begin(engine, &edit), 0);
		assert_int_equal(pawl_edit_because(edit, &file), 0);
		assert_int_equal(pawl_edit_set(edit, loud, value), 0);
		if (i)
			pawl_edit_commit(edit);
		else
			pawl_edit_abort(edit);
	}
	pawl_state_unpin(loud);
	pawl_invalidate(&invalidators[0], 1);
	(void)ask();
	update();
	assert_string_equal(text, "file changed: a.c");
	down();
}

static void case_many_reasons(void **unused)
{
	static struct pawl_reason_kind kinds[40];
	char word[300];

	(void)unused;
	up();
	(void)ask();
	update();
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(word, sizeof(word), "%u.c", i);
		because(0, &file_changed, word);
	}
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = 0;
	because(0, &option_set, word);
	/* They differ behind what counts. */
	word[sizeof(word) - 2] = 'y';
	because(0, &option_set, word);
	(void)ask();
	update();
	assert_int_equal(info.reasons, 5001);
	word[255] = 0;
	assert_memory_equal(text, "5000 files changed and option set: xxx", 38);
	assert_int_equal(strlen(text), 18 + 5 + 12 + 255);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(word, sizeof(word), "%u", i);
		kinds[i] = clock_moved;
		because(0, i % 2 ? &clock_moved : &kinds[i], word);
	}
	(void)ask();
	update();
	assert_int_equal(info.reasons, 40);
	assert_non_null(strstr(text, "the clock moved: 0, the clock moved: 1, "));
	assert_non_null(strstr(text, "the clock moved: 31, and 8 more"));
	down();
}

/* ---- waiting for updates, in a time of its own ------------------------------------------- */

struct waiter {
	uint64_t quiet_ns, deadline_ns;
	struct pawl_update_info info;
	uint64_t at_ns;
	int error;
	char text[64];
};

static int wait_body(void *arg, void **ret_value)
{
	struct waiter *waiter = arg;

	(void)ret_value;
	waiter->error = pawl_engine_update(engine, waiter->quiet_ns, waiter->deadline_ns,
					   &waiter->info, waiter->text, sizeof(waiter->text));
	waiter->at_ns = now(NULL);
	return 0;
}

/* Time goes on to the next deadline, again and again, but not beyond that. */
static void pass(uint64_t until_ns)
{
	for (;;) {
		uint64_t next = pawl_runtime_quiet_until(rt);

		t_step();
		if (!next) {
			t_yield();
			continue;
		}
		if (next > until_ns)
			break;
		pawl_store_release(&clock_ns, next);
		pawl_runtime_clock_moved(rt);
	}
	pawl_store_release(&clock_ns, until_ns);
	pawl_runtime_clock_moved(rt);
	while (!pawl_runtime_quiet_until(rt))
		t_yield();
}

static pawl_task_t wait_in_body(struct waiter *waiter)
{
	pawl_task_t task;

	assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, wait_body, waiter, &task), 0);
	return task;
}

static void wait_over(pawl_task_t task)
{
	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_task_drop(rt, task), 0);
}

static void case_quiet(void **unused)
{
	struct waiter waiter = {.quiet_ns = 100, .deadline_ns = PAWL_FOREVER};
	struct pawl_result result;
	pawl_task_t task;

	(void)unused;
	up_in_time((struct pawl_engine_options)PAWL_ENGINE_OPTIONS_INIT);
	/* It waits for something, and then for a hundred without anything. */
	task = wait_in_body(&waiter);
	pass(1200);
	assert_int_equal(pawl_task_result(rt, task, &result), -EINPROGRESS);
	(void)ask();
	pass(1250);
	because(0, &file_changed, "a.c");
	(void)ask();
	pass(1300);
	because(1, &file_changed, "b.c");
	(void)ask();
	pass(1399);
	assert_int_equal(pawl_task_result(rt, task, &result), -EINPROGRESS);
	pass(1400);
	wait_over(task);
	assert_int_equal(waiter.error, 0);
	assert_int_equal(waiter.at_ns, 1400);
	assert_int_equal(waiter.info.begun_ns, 1200);
	assert_int_equal(waiter.info.ended_ns, 1300);
	assert_int_equal(waiter.info.runs, INPUTS + 3);
	assert_string_equal(waiter.text, "2 files changed");
	/* It has been quiet for long enough already. */
	pawl_invalidate(&invalidators[0], 1);
	(void)ask();
	settle();
	pass(2000);
	task = wait_in_body(&waiter);
	wait_over(task);
	assert_int_equal(waiter.at_ns, 2000);
	assert_int_equal(waiter.info.runs, 1);
	down();
}

/* Where time begins with 0, that is a time like any other. */
static void case_no_time(void **unused)
{
	struct waiter waiter = {.quiet_ns = 100, .deadline_ns = PAWL_FOREVER};
	pawl_task_t task;

	(void)unused;
	begins_ns = 0;
	up_in_time((struct pawl_engine_options)PAWL_ENGINE_OPTIONS_INIT);
	begins_ns = 1000;
	(void)ask();
	settle();
	task = wait_in_body(&waiter);
	pass(100);
	wait_over(task);
	assert_int_equal(waiter.error, 0);
	assert_int_equal(waiter.at_ns, 100);
	assert_int_equal(waiter.info.busy_ns, 0);
	down();
}

static void case_deadline(void **unused)
{
	struct waiter waiter = {.quiet_ns = 100, .deadline_ns = 1500};
	pawl_task_t task;

	(void)unused;
	up_in_time((struct pawl_engine_options)PAWL_ENGINE_OPTIONS_INIT);
	/* Nothing comes. */
	task = wait_in_body(&waiter);
	pass(1500);
	wait_over(task);
	assert_int_equal(waiter.error, -ETIMEDOUT);
	assert_int_equal(waiter.at_ns, 1500);
	/* It is not quiet until then: it takes what there is. */
	(void)ask();
	settle();
	waiter.deadline_ns = 1550;
	task = wait_in_body(&waiter);
	pass(1550);
	wait_over(task);
	assert_int_equal(waiter.error, 0);
	assert_int_equal(waiter.at_ns, 1550);
	assert_int_equal(waiter.info.runs, INPUTS + 1);
	/* Cancelled, it takes nothing. */
	pawl_invalidate(&invalidators[0], 1);
	(void)ask();
	settle();
	waiter.deadline_ns = PAWL_FOREVER;
	task = wait_in_body(&waiter);
	while (!pawl_runtime_quiet_until(rt))
		t_yield();
	assert_int_equal(pawl_task_cancel(rt, task), 0);
	wait_over(task);
	assert_int_equal(waiter.error, -ECANCELED);
	update();
	assert_int_equal(info.runs, 1);
	/* Outside of bodies nobody tells of the time. */
	assert_int_equal(pawl_engine_update(engine, 1, PAWL_FOREVER, &info, text, 1), -EINVAL);
	assert_int_equal(pawl_engine_update(engine, 0, 9999, &info, text, 1), -EINVAL);
	down();
}

/* ---- why a task ran ------------------------------------------------------------------------ */

struct look {
	const struct pawl_function *function;
	struct one one;
	pawl_ref_t ref;
	uint32_t flags;
	int64_t number;
	int error;
	char text[512];
	uint64_t since_ns;
};

static int look_visit(struct pawl_context *context, void *arg)
{
	struct look *look = arg;
	const struct pawl_error *failure = NULL;
	struct pawl_value *value;
	int error = 0;

	if (look->function)
		error = pawl_call(context, look->function, &look->one, &look->ref);
	t_check(!error);
	look->error = pawl_read(context, look->ref, look->flags, &value, &failure);
	if (failure) {
		(void)pawl_error_describe(failure, look->text, sizeof(look->text));
		look->since_ns = pawl_error_since(failure);
	}
	if (!look->error) {
		look->number = number_of(value);
		pawl_value_unpin(value);
	}
	return 0;
}

static int64_t look(struct look *look)
{
	assert_int_equal(pawl_engine_run(engine, look_visit, look), 0);
	settle();
	return look->number;
}

static const char *why(pawl_ref_t ref)
{
	assert_int_equal(pawl_engine_why(engine, ref, text, sizeof(text)), 0);
	return text;
}

static int dump_text(void *arg, const char *written, size_t bytes)
{
	(void)arg;
	strncat(text, written, bytes);
	return 0;
}

static void case_causes(void **unused)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct look top = {.function = &twice, .flags = PAWL_READ_STRONG};
	struct look of_input = {.function = &input, .one = {3}};
	unsigned a, b;
	int length = -1;

	(void)unused;
	options.histories = 1;
	up_in_time(options);
	(void)look(&of_input);
	assert_int_equal(look(&top), 56);
	assert_string_equal(why(of_input.ref),
			    "input is clean; it ran 1 time, last 0 ns ago for 0 ns, since it "
			    "never had; what it gives last changed 0 ns ago");
	assert_non_null(strstr(why(top.ref), "twice is clean; it ran 1 time"));
	/* An edit without a reason, seen from the end that is read. */
	pass(1500);
	set(3, 103);
	assert_string_equal(
		why(of_input.ref),
		"input is dirty: nobody wants it; for 0 ns it has to run because a "
		"state of type number was set; it ran 1 time, last 500 ns ago for 0 "
		"ns, since it never had; what it gives last changed 500 ns ago");
	assert_int_equal(look(&top), 256);
	assert_int_equal(sscanf(why(top.ref),
				"twice is clean; it ran 2 times, last 0 ns ago for 0 ns, "
				"because cell 0 of type number of sum#%u changed, which ran "
				"because cell 0 of type number of input#%u changed, which ran "
				"because a state of type number was set; what it gives last "
				"changed 500 ns ago%n",
				&a, &b, &length),
			 2);
	assert_int_equal(length, strlen(text));
	text[0] = 0;
	assert_int_equal(pawl_engine_dump(engine, PAWL_DUMP_JSON, dump_text, NULL), 0);
	assert_non_null(strstr(text, "\"runs\":2,\"stale_runs\":0"));
	assert_int_equal(b, (uint32_t)of_input.ref.pawl_bits);
	/* With one; it gives what was there, so nothing else runs. */
	pass(2000);
	because(3, &file_changed, "a.c");
	pass(3234);
	assert_non_null(strstr(why(of_input.ref),
			       "for 1.2 us it has to run because it was invalidated (file "
			       "changed: a.c)"));
	assert_int_equal(look(&top), 256);
	assert_non_null(
		strstr(why(of_input.ref),
		       "it ran 3 times, last 0 ns ago for 0 ns, because it was "
		       "invalidated (file changed: a.c); what it gives last changed 2.2 "
		       "us ago"));
	assert_non_null(strstr(why(top.ref), "it ran 2 times, last 1.7 us ago"));
	down();
}

static void case_causes_of_values(void **unused)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct look one = {.function = &part, .one = {2}, .flags = PAWL_READ_STRONG};
	struct look other = {.function = &part, .one = {5}, .flags = PAWL_READ_STRONG};
	struct look several = {.function = &cells, .flags = PAWL_READ_FINAL};

	(void)unused;
	options.histories = 1;
	up_with(options);
	assert_int_equal(look(&one), 2);
	assert_int_equal(look(&other), 5);
	/* A part, and nobody else. */
	set(2, 22);
	assert_int_equal(look(&one), 22);
	assert_int_equal(look(&other), 5);
	assert_non_null(strstr(why(one.ref), "because the part with key 0000000000000002 of a "
					     "value of table#"));
	assert_non_null(strstr(why(other.ref), "it ran 1 time"));
	/* The output of another task is another cell. */
	assert_int_equal(look(&several), 0);
	/* The value that left comes back, because somebody wants it. */
	assert_int_equal(look(&several), 0);
	assert_non_null(strstr(why(several.ref), "it ran 2 times"));
	assert_non_null(strstr(why(several.ref),
			       "because a visit wanted cell 0 of type number, "
			       "whose value had left"));
	down();
}

static void case_causes_of_others(void **unused)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct look of_last = {.function = &last, .flags = PAWL_READ_STRONG};
	struct look all = {.function = &collects, .flags = PAWL_READ_STRONG};
	struct look session = {.function = &input, .flags = PAWL_READ_STRONG};

	(void)unused;
	options.histories = 1;
	up_with(options);
	assert_int_equal(look(&of_last), 0);
	assert_int_equal(look(&all), 0);
	/* Another cell is the output now, and there is something to collect. */
	set(0, 1);
	assert_int_equal(look(&of_last), 1);
	assert_non_null(strstr(why(of_last.ref), ", because the output of cells#"));
	assert_non_null(strstr(text, " changed, which ran because cell 0 of type number of "
				     "input#"));
	assert_int_equal(look(&all), 1);
	assert_non_null(
		strstr(why(all.ref), ", because what has the trait found below emits#"));
	assert_int_equal(look(&session), 1);
	assert_null(strstr(why(session.ref), "in each session"));
	down();
}

/* Of those that fail: since when, and which cell is not there. */
static void case_errors(void **unused)
{
	struct look top = {.function = &twice, .flags = PAWL_READ_STRONG};
	struct look several = {.function = &cells, .flags = PAWL_READ_STRONG};
	struct look cell;

	(void)unused;
	up_in_time((struct pawl_engine_options)PAWL_ENGINE_OPTIONS_INIT);
	(void)look(&top);
	assert_string_equal(why(top.ref), "twice is clean");
	set(0, -1000);
	pass(2000);
	(void)look(&top);
	assert_int_equal(top.error, -PAWL_ETASK);
	assert_int_equal(top.since_ns, 2000);
	pass(3000);
	/* It fails in the same way: since then. */
	set(0, -2000);
	(void)look(&top);
	assert_int_equal(top.since_ns, 2000);
	pass(4000);
	assert_string_equal(why(top.ref),
			    "twice is failed; it has failed for 2.0 us: twice: it is negative");
	set(0, 1);
	(void)look(&top);
	assert_int_equal(top.error, 0);
	/* A cell of a task that does not make it any more. */
	(void)look(&several);
	assert_int_equal(several.number, 1);
	cell = (struct look){.flags = 0};
	cell.ref = several.ref;
	(void)look(&cell);
	assert_int_equal(cell.error, 0);
	cell.ref.pawl_bits |= (UINT64_C(1) << 22 | 1) << 32;
	(void)look(&cell);
	assert_int_equal(cell.number, 1);
	set(0, 0);
	(void)look(&several);
	(void)look(&cell);
	assert_int_equal(cell.error, -PAWL_ETASK);
	assert_non_null(strstr(cell.text, "cell 1 of type number of cells#"));
	assert_non_null(strstr(cell.text, " is not made any more"));
	/* Of a type that there is not. */
	cell.ref.pawl_bits |= UINT64_C(0xffc00000) << 32;
	(void)look(&cell);
	assert_int_equal(cell.error, -PAWL_ETASK);
	assert_non_null(strstr(cell.text, "(no type)"));
	down();
}

/* A task that waits says for which. */
static struct pawl_event gate_event = PAWL_EVENT_INIT;
static struct pawl_atomic_u32 gate, at_gate;

static bool gate_wait(void)
{
	struct pawl_listener listener;

	pawl_store_release(&at_gate, 1u);
	while (!pawl_load_acquire(&gate)) {
		pawl_event_listen(&gate_event, &listener, "the gate", 0);
		if (pawl_load_acquire(&gate)) {
			pawl_event_unlisten(&listener);
			break;
		}
		if (pawl_wait(&listener, PAWL_FOREVER))
			return false;
	}
	return true;
}

static int gated_root(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return gate_wait() ? give(context, 1, ret_output) : -ECANCELED;
}

static int waits_root(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = get(context, *(const pawl_ref_t *)args, 0, &number);

	return error ? error : give(context, number, ret_output);
}

static void case_waits(void **unused)
{
	pawl_ref_t gated, waits;

	(void)unused;
	pawl_store_release(&gate, 0u);
	pawl_store_release(&at_gate, 0u);
	up();
	assert_int_equal(pawl_engine_spawn_root(engine, gated_root, NULL, NULL, &gated), 0);
	t_wait_until(pawl_load_acquire(&at_gate));
	assert_int_equal(pawl_engine_spawn_root(engine, waits_root, &gated, NULL, &waits), 0);
	t_wait_until(strstr(why(gated), "it waits for the gate"));
	assert_non_null(strstr(text, "root is running; "));
	/* By its name, once it has come to that. */
	t_wait_until(strstr(why(waits), ": root#t"));
	pawl_store_release(&gate, 1u);
	pawl_event_notify_all(&gate_event);
	settle();
	assert_null(strstr(why(waits), "it waits"));
	down();
}

/* ---- notices ------------------------------------------------------------------------------- */

static struct pawl_subscription *subscribe(const char *name, enum pawl_severity least,
					   uint32_t most, uint32_t before)
{
	struct pawl_subscription_options options = PAWL_SUBSCRIPTION_OPTIONS_INIT;
	struct pawl_subscription *subscription;

	options.names = &name;
	options.names_n = name != NULL;
	options.least = least;
	options.most = most;
	options.before = before;
	assert_int_equal(pawl_notices_subscribe(engine, &options, &subscription), 0);
	return subscription;
}

static void post(const char *name, enum pawl_severity severity, int number)
{
	assert_int_equal(pawl_engine_notice(engine, severity, name, "{}", "it is %d", number),
			 0);
}

/* The next one that is there has that message; NULL: there is none. */
static void next_is(struct pawl_subscription *subscription, const char *message, uint64_t lost)
{
	const struct pawl_notice *notice;
	uint64_t n = 77;

	if (!message) {
		assert_int_equal(pawl_notices_take(subscription, 0, &notice, NULL), -ETIMEDOUT);
		return;
	}
	assert_int_equal(pawl_notices_take(subscription, 0, &notice, &n), 0);
	assert_string_equal(notice->message, message);
	assert_int_equal(n, lost);
	pawl_notice_unpin(notice);
}

static void case_notices(void **unused)
{
	struct pawl_subscription *all, *some, *loud, *late;
	const struct pawl_notice *notice, *other;

	(void)unused;
	up();
	all = subscribe(NULL, PAWL_SEVERITY_INFO, 0, 0);
	some = subscribe("a.", PAWL_SEVERITY_INFO, 0, 0);
	loud = subscribe("a.b", PAWL_SEVERITY_ERROR, 0, 0);
	post("a.b", PAWL_SEVERITY_INFO, 1);
	post("a.bc", PAWL_SEVERITY_ERROR, 2);
	post("b.a", PAWL_SEVERITY_WARNING, 3);
	post("a.b", PAWL_SEVERITY_ERROR, 4);
	late = subscribe("a.b", PAWL_SEVERITY_INFO, 0, 1);
	post("a.b", PAWL_SEVERITY_ERROR, 5);
	assert_int_equal(pawl_notices_take(all, PAWL_FOREVER, &notice, NULL), 0);
	assert_int_equal(notice->number, 1);
	assert_int_equal(notice->severity, PAWL_SEVERITY_INFO);
	assert_string_equal(notice->name, "a.b");
	assert_string_equal(notice->json, "{}");
	assert_true(notice->at_ns > 0);
	/* One for all. */
	assert_int_equal(pawl_notices_take(some, 0, &other, NULL), 0);
	assert_ptr_equal(notice, other);
	pawl_notice_unpin(other);
	next_is(all, "it is 2", 0);
	next_is(all, "it is 3", 0);
	next_is(some, "it is 2", 0);
	next_is(some, "it is 4", 0);
	next_is(loud, "it is 4", 0);
	next_is(loud, "it is 5", 0);
	next_is(loud, NULL, 0);
	next_is(late, "it is 1", 0);
	next_is(late, "it is 4", 0);
	next_is(late, "it is 5", 0);
	next_is(late, NULL, 0);
	pawl_notices_unsubscribe(loud);
	pawl_notices_unsubscribe(some);
	pawl_notices_unsubscribe(NULL);
	assert_int_equal(pawl_engine_notice(engine, PAWL_SEVERITY_INFO, "x", NULL, "%s", ""),
			 0);
	/* Closed, they give what they have. */
	down();
	next_is(all, "it is 4", 0);
	next_is(all, "it is 5", 0);
	assert_int_equal(pawl_notices_take(late, PAWL_FOREVER, &other, NULL), -ESHUTDOWN);
	pawl_notices_unsubscribe(late);
	next_is(all, "", 0);
	assert_int_equal(pawl_notices_take(all, 0, &other, NULL), -ESHUTDOWN);
	pawl_notices_unsubscribe(all);
	/* It stays for who has it. */
	assert_string_equal(notice->message, "it is 1");
	pawl_notice_unpin(notice);
	pawl_notice_unpin(NULL);
}

static void case_slow_subscriber(void **unused)
{
	struct pawl_subscription *three, *one, *late;

	(void)unused;
	up();
	three = subscribe("n", PAWL_SEVERITY_INFO, 3, 0);
	one = subscribe("n", PAWL_SEVERITY_INFO, 1, 0);
	for (int i = 1; i <= 5; i++)
		post("n", PAWL_SEVERITY_INFO, i);
	/* Others are not counted. */
	post("m", PAWL_SEVERITY_INFO, 0);
	next_is(three, "it is 3", 2);
	post("n", PAWL_SEVERITY_INFO, 6);
	post("n", PAWL_SEVERITY_INFO, 7);
	next_is(three, "it is 5", 1);
	next_is(three, "it is 6", 0);
	next_is(three, "it is 7", 0);
	next_is(three, NULL, 0);
	next_is(one, "it is 7", 6);
	for (int i = 1; i <= 300; i++)
		post("n", PAWL_SEVERITY_INFO, i);
	next_is(one, "it is 300", 299);
	next_is(one, NULL, 0);
	/* What is kept for those to come. */
	late = subscribe("n", PAWL_SEVERITY_INFO, 1000, 1);
	next_is(late, "it is 45", 0);
	for (int i = 46; i <= 300; i++) {
		char words[16];

		snprintf(words, sizeof(words), "it is %d", i);
		next_is(late, words, 0);
	}
	next_is(late, NULL, 0);
	pawl_notices_unsubscribe(late);
	pawl_notices_unsubscribe(one);
	pawl_notices_unsubscribe(three);
	down();
}

static void case_notices_wrong(void **unused)
{
	struct pawl_subscription_options options = PAWL_SUBSCRIPTION_OPTIONS_INIT;
	struct pawl_subscription *subscription;
	const char *names[] = {"a", ""};

	(void)unused;
	up();
	assert_int_equal(pawl_engine_notice(engine, PAWL_SEVERITY_INFO, "engine.x", NULL, "."),
			 -EINVAL);
	assert_int_equal(pawl_engine_notice(engine, PAWL_SEVERITY_INFO, "", NULL, "."),
			 -EINVAL);
	assert_int_equal(pawl_engine_notice(engine, PAWL_SEVERITY_INFO, NULL, NULL, "."),
			 -EINVAL);
	assert_int_equal(pawl_engine_notice(engine, (enum pawl_severity)3, "engines", NULL,
					    "."),
			 -EINVAL);
	options.names = names;
	options.names_n = 2;
	assert_int_equal(pawl_notices_subscribe(engine, &options, &subscription), -EINVAL);
	options.names_n = 1;
	options.most = 65537;
	assert_int_equal(pawl_notices_subscribe(engine, &options, &subscription), -EINVAL);
	options.most = 1;
	options.before = 2;
	assert_int_equal(pawl_notices_subscribe(engine, &options, &subscription), -EINVAL);
	options.before = 0;
	options.least = (enum pawl_severity)3;
	assert_int_equal(pawl_notices_subscribe(engine, &options, &subscription), -EINVAL);
	options.least = PAWL_SEVERITY_ERROR;
	options.size++;
	assert_int_equal(pawl_notices_subscribe(engine, &options, &subscription), -E2BIG);
	options.size -= 2;
	assert_int_equal(pawl_notices_subscribe(engine, &options, &subscription), -EINVAL);
	down();
}

static bool fd_readable(int fd)
{
	struct pollfd poll_fd = {fd, POLLIN, 0};

	return poll(&poll_fd, 1, 0) == 1;
}

static void case_notices_fd(void **unused)
{
	struct pawl_subscription *all, *late;
	int fd, again;

	(void)unused;
	up();
	all = subscribe("n", PAWL_SEVERITY_INFO, 2, 0);
	assert_int_equal(pawl_notices_fd(all, &fd), 0);
	assert_int_equal(pawl_notices_fd(all, &again), 0);
	assert_int_equal(fd, again);
	assert_false(fd_readable(fd));
	for (int i = 1; i <= 3; i++) {
		post("n", PAWL_SEVERITY_INFO, i);
		assert_true(fd_readable(fd));
	}
	next_is(all, "it is 2", 1);
	assert_true(fd_readable(fd));
	next_is(all, "it is 3", 0);
	assert_false(fd_readable(fd));
	next_is(all, NULL, 0);
	post("n", PAWL_SEVERITY_INFO, 4);
	late = subscribe("n", PAWL_SEVERITY_INFO, 0, 1);
	assert_int_equal(pawl_notices_fd(late, &again), 0);
	assert_true(fd_readable(again));
	next_is(all, "it is 4", 0);
	assert_false(fd_readable(fd));
	down();
	assert_true(fd_readable(fd));
	assert_true(fd_readable(again));
	for (int i = 1; i <= 4; i++) {
		char words[16];

		snprintf(words, sizeof(words), "it is %d", i);
		next_is(late, words, 0);
		assert_true(fd_readable(again));
	}
	pawl_notices_unsubscribe(late);
	pawl_notices_unsubscribe(all);
}

/* In bodies, and in a thread of its own, beside each other. */
struct taker {
	struct pawl_subscription *subscription;
	uint64_t taken, lost, last;
};

static void take_all(void *arg)
{
	struct taker *taker = arg;
	const struct pawl_notice *notice;
	uint64_t lost;

	while (!pawl_notices_take(taker->subscription, PAWL_FOREVER, &notice, &lost)) {
		t_check(notice->number > taker->last);
		taker->last = notice->number;
		taker->taken++;
		taker->lost += lost;
		pawl_notice_unpin(notice);
		t_step();
	}
}

static int noisy_visit(struct pawl_context *context, void *arg)
{
	const unsigned *n = arg;

	for (unsigned i = 0; i < *n; i++) {
		t_check(!pawl_context_notice(context, PAWL_SEVERITY_INFO, "visit", NULL,
					     "number %u", i));
		if (i % 16 == 0)
			(void)pawl_yield();
	}
	return 0;
}

static void noisy_thread(void *arg)
{
	t_check(!pawl_engine_run(engine, noisy_visit, arg));
}

static void case_notices_at_once(void **unused)
{
	struct taker takers[2] = {{NULL, 0, 0, 0}, {NULL, 0, 0, 0}};
	struct t_thread *threads[2], *noisy[3];
	unsigned n = t_scaled(2000);

	(void)unused;
	up();
	takers[0].subscription = subscribe("visit", PAWL_SEVERITY_INFO, 65536, 0);
	takers[1].subscription = subscribe(NULL, PAWL_SEVERITY_INFO, 4, 0);
	for (unsigned i = 0; i < 2; i++)
		threads[i] = t_thread_start(take_all, &takers[i]);
	for (unsigned i = 0; i < 3; i++)
		noisy[i] = t_thread_start(noisy_thread, &n);
	for (unsigned i = 0; i < 3; i++)
		t_thread_join(noisy[i]);
	/* It tells them that nothing comes any more. */
	down();
	for (unsigned i = 0; i < 2; i++)
		t_thread_join(threads[i]);
	assert_int_equal(takers[0].taken, 3 * n);
	assert_int_equal(takers[0].lost, 0);
	assert_int_equal(takers[1].taken + takers[1].lost, 3 * n);
	pawl_notices_unsubscribe(takers[0].subscription);
	pawl_notices_unsubscribe(takers[1].subscription);
}

struct take {
	struct pawl_subscription *subscription;
	uint64_t deadline_ns;
	int error;
};

static int take_body(void *arg, void **ret_value)
{
	struct take *take = arg;
	const struct pawl_notice *notice = NULL;

	(void)ret_value;
	take->error = pawl_notices_take(take->subscription, take->deadline_ns, &notice, NULL);
	pawl_notice_unpin(notice);
	return 0;
}

static void case_notices_in_time(void **unused)
{
	struct take take = {.deadline_ns = 1500};
	const struct pawl_notice *notice;
	struct pawl_result result;
	pawl_task_t task;

	(void)unused;
	up_in_time((struct pawl_engine_options)PAWL_ENGINE_OPTIONS_INIT);
	take.subscription = subscribe("n", PAWL_SEVERITY_INFO, 0, 0);
	assert_int_equal(pawl_notices_take(take.subscription, 1, &notice, NULL), -EINVAL);
	assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, take_body, &take, &task), 0);
	pass(1499);
	assert_int_equal(pawl_task_result(rt, task, &result), -EINPROGRESS);
	pass(1500);
	wait_over(task);
	assert_int_equal(take.error, -ETIMEDOUT);
	take.deadline_ns = PAWL_FOREVER;
	assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, take_body, &take, &task), 0);
	pass(1600);
	post("n", PAWL_SEVERITY_INFO, 1);
	wait_over(task);
	assert_int_equal(take.error, 0);
	assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, take_body, &take, &task), 0);
	pass(1700);
	assert_int_equal(pawl_task_cancel(rt, task), 0);
	wait_over(task);
	assert_int_equal(take.error, -ECANCELED);
	pawl_notices_unsubscribe(take.subscription);
	down();
}

/* ---- what the engine tells by itself --------------------------------------------------------- */

static struct pawl_lock said_lock = PAWL_LOCK_INIT;
static char said[8192];
static unsigned said_n;

static void said_add(const char *line)
{
	pawl_lock_lock(&said_lock);
	t_check(strlen(said) + strlen(line) + 2 < sizeof(said));
	strcat(said, line);
	strcat(said, "\n");
	said_n++;
	pawl_lock_unlock(&said_lock);
}

static void sink(void *arg, const struct pawl_notice *notice)
{
	char line[512];

	t_check(arg == &said && notice->severity >= PAWL_SEVERITY_WARNING);
	/* Nothing of its caller's is around it. */
	t_check(!eng_quiesce_is_inside(engine->graph->quiesce));
	t_check(!pawl_task_self().pawl_id);
	snprintf(line, sizeof(line), "sink %s: %s %s", notice->name, notice->message,
		 notice->json ? notice->json : "-");
	said_add(line);
}

static void log_line(void *arg, enum pawl_severity severity, const char *line)
{
	char words[512];

	t_check(arg == &said);
	snprintf(words, sizeof(words), "log %d %s", (int)severity, line);
	said_add(words);
}

static struct pawl_engine_options told_options(void)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	said[0] = 0;
	said_n = 0;
	options.sink = sink;
	options.sink_arg = &said;
	options.log = log_line;
	options.log_arg = &said;
	options.log_least = PAWL_SEVERITY_WARNING;
	options.verify = PAWL_VERIFY_NEVER;
	return options;
}

/* It has been said, or will be. */
static void is_said(const char *words)
{
	bool there;

	do {
		t_yield();
		pawl_lock_lock(&said_lock);
		there = strstr(said, words);
		pawl_lock_unlock(&said_lock);
	} while (!there);
}

static void case_sinks(void **unused)
{
	(void)unused;
	up_with(told_options());
	post("n", PAWL_SEVERITY_INFO, 1);
	post("n", PAWL_SEVERITY_WARNING, 2);
	post("n", PAWL_SEVERITY_ERROR, 3);
	assert_string_equal(said, "sink n: it is 2 {}\nlog 1 n: it is 2\n"
				  "sink n: it is 3 {}\nlog 2 n: it is 3\n");
	down();
}

/* What the sink does, posting included, is its own. */
static struct pawl_atomic_u32 posts;

static void posting_sink(void *arg, const struct pawl_notice *notice)
{
	(void)arg;
	(void)notice;
	if (pawl_add_relaxed(&posts, 1u) < 3)
		t_check(!pawl_engine_notice(engine, PAWL_SEVERITY_ERROR, "n", NULL, "again"));
	if (rt)
		pawl_runtime_clock_moved(rt);
}

/* Not where an operation goes on: a value that is dropped by one. */
static struct pawl_atomic_u32 drop_error;

static void drop_posts(void *payload, size_t bytes)
{
	(void)payload;
	(void)bytes;
	pawl_store_release(&drop_error,
			   (uint32_t)-pawl_engine_notice(engine, PAWL_SEVERITY_ERROR, "n", NULL,
							 "dropped"));
}
static const struct pawl_value_type posts_type = {
	.size = sizeof(posts_type), .name = "posts", .version = 1, .drop = drop_posts};

static struct pawl_invalidator posts_invalidator;

/* A cell in its first run, and none after that. */
static int posts_root(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	static const int64_t one = 1;
	struct pawl_value *value;
	pawl_ref_t cell;
	int error = pawl_context_invalidator(context, &posts_invalidator);

	(void)args;
	(void)ret_output;
	if (error || pawl_add_relaxed(&posts, 1u) != 4)
		return error;
	error = pawl_value_of(&posts_type, &one, sizeof(one), &value);
	return error ? error : pawl_cell(context, value, &cell);
}

static void case_sink_posts(void **unused)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	const struct pawl_value_type *const type = &posts_type;
	pawl_ref_t root;

	(void)unused;
	pawl_store_release(&posts, 0u);
	options.sink = posting_sink;
	options.types = &type;
	options.types_n = 1;
	options.workers = 1;
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
	assert_int_equal(pawl_engine_notice(engine, PAWL_SEVERITY_WARNING, "n", NULL, "x"), 0);
	assert_int_equal(pawl_load_acquire(&posts), 4);
	assert_int_equal(pawl_engine_spawn_root(engine, posts_root, NULL, NULL, &root), 0);
	settle();
	/* The end of its second run drops the value. */
	pawl_store_release(&drop_error, 0u);
	pawl_invalidate(&posts_invalidator, 1);
	settle();
	assert_int_equal(pawl_load_acquire(&drop_error), EPERM);
	assert_int_equal(pawl_load_acquire(&posts), 6);
	assert_int_equal(pawl_engine_close(engine), 0);
}

static void case_told_of_updates(void **unused)
{
	struct pawl_engine_options options = told_options();
	const struct pawl_notice *notice;
	struct pawl_subscription *updates;
	unsigned runs = 0, n;

	(void)unused;
	up_with(options);
	updates = subscribe("engine.update", PAWL_SEVERITY_INFO, 0, 0);
	(void)ask();
	/* Of one stretch, or of several. */
	while (runs < INPUTS + 1) {
		assert_int_equal(pawl_notices_take(updates, PAWL_FOREVER, &notice, NULL), 0);
		assert_int_equal(sscanf(notice->json, "{\"runs\":%u,\"ns\":", &n), 1);
		runs += n;
		pawl_notice_unpin(notice);
	}
	assert_int_equal(runs, INPUTS + 1);
	because(0, &file_changed, "a \"b\".c");
	(void)ask();
	assert_int_equal(pawl_notices_take(updates, PAWL_FOREVER, &notice, NULL), 0);
	assert_memory_equal(notice->message, "1 run in ", 9);
	assert_non_null(strstr(notice->message, ": file changed: a \"b\".c"));
	assert_non_null(strstr(notice->json, "\"reasons\":\"file changed: a "
					     "\\u0022b\\u0022.c\"}"));
	pawl_notice_unpin(notice);
	pawl_notices_unsubscribe(updates);
	assert_int_equal(said_n, 0);
	down();
}

static pawl_ref_t slow_ref;

static int slow_root(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	pawl_store_release(&at_gate, 1u);
	if (pawl_sleep_until(2000))
		return -ECANCELED;
	return give(context, 1, ret_output);
}

static int waits_slow(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	return waits_root(context, args, ret_output);
}

static void case_slow(void **unused)
{
	struct pawl_engine_options options = told_options();
	pawl_ref_t waits;

	(void)unused;
	pawl_store_release(&at_gate, 0u);
	options.slow_ns = 1000;
	options.log = NULL;
	up_in_time(options);
	assert_int_equal(pawl_engine_spawn_root(engine, slow_root, NULL, NULL, &slow_ref), 0);
	t_wait_until(pawl_load_acquire(&at_gate));
	assert_int_equal(pawl_engine_spawn_root(engine, waits_slow, &slow_ref, NULL, &waits),
			 0);
	pass(1999);
	assert_int_equal(said_n, 0);
	pass(2000);
	settle();
	is_said("sink engine.slow: root#t");
	is_said(" waited 1.0 us for root#t");
	is_said(" ran 1.0 us {\"task\":\"root#t");
	is_said(",\"ns\":1000}");
	is_said(",\"ns\":1000,\"over\":true}");
	down();
	/* The one, the wait of the other, and that itself; both waits perhaps as they ended. */
	assert_in_range(said_n, 3, 5);
}

/* What never ends is told of, too, less and less often. */
static void case_hangs(void **unused)
{
	struct pawl_engine_options options = told_options();
	pawl_ref_t gated, waits;

	(void)unused;
	pawl_store_release(&gate, 0u);
	pawl_store_release(&at_gate, 0u);
	options.slow_ns = 1000;
	options.log = NULL;
	up_in_time(options);
	/* An engine that is idle wakes nobody. */
	pass(10000);
	assert_int_equal(pawl_runtime_quiet_until(rt), PAWL_FOREVER);
	assert_int_equal(pawl_engine_spawn_root(engine, gated_root, NULL, NULL, &gated), 0);
	t_wait_until(pawl_load_acquire(&at_gate));
	assert_int_equal(pawl_engine_spawn_root(engine, waits_root, &gated, NULL, &waits), 0);
	pass(10999);
	assert_int_equal(said_n, 0);
	pass(11000);
	assert_int_equal(said_n, 2);
	is_said(" has been waiting 1.0 us for the gate {");
	is_said(" has been waiting 1.0 us for root#t");
	is_said(",\"over\":false}");
	pass(18500);
	/* After 2, 4 and 8. */
	assert_int_equal(said_n, 8);
	is_said(" has been waiting 8.0 us for the gate {");
	pawl_store_release(&gate, 1u);
	pawl_event_notify_all(&gate_event);
	settle();
	is_said(" waited 8.5 us for root#t");
	pass(30000);
	assert_int_equal(pawl_runtime_quiet_until(rt), PAWL_FOREVER);
	down();
	assert_int_equal(said_n, 8 + 3);
}

/* ---- looking whether it is right ---------------------------------------------------------------- */

/* A sum that is wrong, or right again. */
static void spoil(int32_t by)
{
	eng_id id = 0;
	struct eng_node *node;

	for (uint32_t i = 1; !id && i < 1000; i++) {
		node = eng_lock_any(engine->graph, i);
		if (!node)
			continue;
		id = i;
		eng_field_make(node, ENG_CONTAINER_COUNTS)->counts.a += by;
		if (!eng_field(node, ENG_CONTAINER_COUNTS)->counts.a)
			eng_field_drop(node, ENG_CONTAINER_COUNTS);
		eng_unlock(node);
	}
	assert_int_not_equal(id, 0);
}

static void case_verify_idle(void **unused)
{
	struct pawl_engine_options options = told_options();

	(void)unused;
	options.log = NULL;
	options.verify = PAWL_VERIFY_IDLE;
	options.verify_idle_ns = 100;
	up_in_time(options);
	/* Nothing has run: there is nothing to look at. */
	pass(1500);
	(void)ask();
	settle();
	pass(1599);
	spoil(1);
	assert_int_equal(said_n, 0);
	pass(1600);
	assert_int_equal(said_n, 1);
	assert_memory_equal(said, "sink engine.verify: a sum is wrong: task ", 41);
	/* Once for each idle while. */
	pass(3000);
	assert_int_equal(said_n, 1);
	spoil(-1);
	pawl_invalidate(&invalidators[0], 1);
	(void)ask();
	settle();
	pass(3050);
	pawl_invalidate(&invalidators[0], 1);
	(void)ask();
	settle();
	spoil(1);
	pass(3149);
	assert_int_equal(said_n, 1);
	pass(3150);
	assert_int_equal(said_n, 2);
	/* And before it is closed. */
	for (unsigned i = 0; i < INPUTS; i++)
		pawl_state_unpin(inputs[i]);
	assert_int_equal(pawl_engine_close(engine), 0);
	assert_int_equal(said_n, 3);
	assert_int_equal(pawl_runtime_shutdown(rt, 0, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
	rt = NULL;
}

static void close_spoilt(enum pawl_verify verify, unsigned times)
{
	struct pawl_engine_options options = told_options();

	options.log = NULL;
	options.verify = verify;
	up_with(options);
	(void)ask();
	settle();
	spoil(1);
	for (unsigned i = 0; i < INPUTS; i++)
		pawl_state_unpin(inputs[i]);
	assert_int_equal(pawl_engine_close(engine), 0);
	assert_int_equal(said_n, times);
}

static void case_verify_close(void **unused)
{
	(void)unused;
	close_spoilt(PAWL_VERIFY_CLOSE, 1);
	close_spoilt(PAWL_VERIFY_NEVER, 0);
	assert_int_equal(setenv("PAWL_VERIFY", "close", 1), 0);
	close_spoilt(PAWL_VERIFY_DEFAULT, 1);
	close_spoilt(PAWL_VERIFY_NEVER, 0);
	assert_int_equal(setenv("PAWL_VERIFY", "never", 1), 0);
	close_spoilt(PAWL_VERIFY_DEFAULT, 0);
	assert_int_equal(unsetenv("PAWL_VERIFY"), 0);
}

/* Nobody looks by himself unless he is to: nothing lives in an engine that is idle. */
static void case_verify_sleeps(void **unused)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_task_info infos[2];

	(void)unused;
	options.verify = PAWL_VERIFY_NEVER;
	up_with(options);
	(void)ask();
	settle();
	t_wait_until(!pawl_group_tasks(engine->group, 2, infos));
	down();
	options.verify = PAWL_VERIFY_IDLE;
	up_with(options);
	(void)ask();
	settle();
	t_wait_until(pawl_group_tasks(engine->group, 2, infos) == 1);
	assert_string_equal(infos[0].name, "engine.verify");
	down();
}

/* A task that does not end holds up the engine's; that takes twice the time that is given to it. */
static int deaf_root(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	pawl_store_release(&at_gate, 1u);
	while (!pawl_load_acquire(&gate))
		t_yield();
	return give(context, 1, ret_output);
}

static void case_stuck(void **unused)
{
	struct pawl_engine_options options = told_options();
	pawl_ref_t root;

	(void)unused;
	if (!t_long()) {
		t_skip("T_TIER=long: it takes 20 s");
		return;
	}
	pawl_store_release(&gate, 0u);
	pawl_store_release(&at_gate, 0u);
	options.log = NULL;
	up_with(options);
	assert_int_equal(pawl_engine_spawn_root(engine, deaf_root, NULL, NULL, &root), 0);
	t_wait_until(pawl_load_acquire(&at_gate));
	assert_int_equal(pawl_engine_close(engine), -EBUSY);
	assert_int_equal(said_n, 1);
	is_said("sink engine.stuck: a task does not end");
	pawl_store_release(&gate, 1u);
	for (unsigned i = 0; i < INPUTS; i++)
		pawl_state_unpin(inputs[i]);
	assert_int_equal(pawl_engine_close(engine), 0);
}

/* Whether an engine that is opened with these keeps histories, and logs. */
static void options_are(struct pawl_engine_options options, bool histories, unsigned lines,
			uint64_t slow_ns)
{
	said[0] = 0;
	said_n = 0;
	up_with(options);
	assert_int_equal(engine->graph->histories, histories);
	assert_int_equal(engine->observer.slow_ns, slow_ns);
	post("n", PAWL_SEVERITY_INFO, 1);
	post("n", PAWL_SEVERITY_WARNING, 1);
	post("n", PAWL_SEVERITY_ERROR, 1);
	assert_int_equal(said_n, lines);
	down();
}

static void case_options(void **unused)
{
	static const char *const names[] = {"PAWL_HISTORIES", "PAWL_LOG", "PAWL_SLOW_MS",
					    "PAWL_VERIFY", "PAWL_VERIFY_IDLE_MS"};
	static const char *const garbage[] = {"", "x", "-1", "86400001", " 1", "idle!"};
	struct pawl_engine_options options = told_options();

	(void)unused;
	options.sink = NULL;
	options.log_least = PAWL_SEVERITY_INFO;
	options_are(options, false, 3, 0);
	for (size_t i = 0; i < sizeof(garbage) / sizeof(*garbage); i++) {
		for (size_t at = 0; at < sizeof(names) / sizeof(*names); at++)
			assert_int_equal(setenv(names[at], garbage[i], 1), 0);
		options_are(options, false, 3, 0);
	}
	assert_int_equal(setenv("PAWL_LOG", "error", 1), 0);
	assert_int_equal(setenv("PAWL_HISTORIES", "1", 1), 0);
	assert_int_equal(setenv("PAWL_SLOW_MS", "100000", 1), 0);
	options_are(options, true, 1, UINT64_C(100000000000));
	assert_int_equal(setenv("PAWL_LOG", "warning", 1), 0);
	options.slow_ns = UINT64_C(1) << 60;
	options_are(options, true, 2, UINT64_C(1) << 60);
	options.log_least = PAWL_SEVERITY_ERROR;
	options_are(options, true, 1, UINT64_C(1) << 60);
	for (size_t at = 0; at < sizeof(names) / sizeof(*names); at++)
		assert_int_equal(unsetenv(names[at]), 0);
	options.histories = 2;
	assert_int_equal(pawl_engine_open(&options, &engine), -EINVAL);
	options.histories = 0;
	options.log_least = (enum pawl_severity)3;
	assert_int_equal(pawl_engine_open(&options, &engine), -EINVAL);
	options.log_least = PAWL_SEVERITY_INFO;
	options.verify = PAWL_VERIFY_COUNT;
	assert_int_equal(pawl_engine_open(&options, &engine), -EINVAL);
}

/* ---- without memory ---------------------------------------------------------------------- */

static int oom_reasons(void)
{
	const struct pawl_reason reason = {&file_changed, "a.c"};
	struct eng_reasons reasons = {0};
	struct eng_reason_log log = {0};
	struct pawl_reason other = {&clock_moved, NULL};
	char words[64];
	bool failed;

	eng_reasons_add(&reasons, &reason);
	eng_reasons_add(&reasons, &other);
	t_check(reasons.all == 2);
	t_check(eng_reason_log_add(&log, &reason) == 1);
	t_check(eng_reason_log_add(&log, &other) == 2);
	failed = t_alloc_failed();
	(void)eng_reasons_say(&reasons, words, sizeof(words));
	t_check(strstr(words, "the clock moved") || strstr(words, "reason"));
	t_check(failed || !strcmp(words, "file changed: a.c and the clock moved"));
	t_check(!eng_reason_log_get(&log, 0) && !eng_reason_log_get(&log, 3));
	t_check(failed || !strcmp(eng_reason_log_get(&log, 2), "the clock moved"));
	eng_reasons_fini(&reasons);
	eng_reason_log_fini(&log);
	return failed ? -ENOMEM : 0;
}

static void case_log(void **unused)
{
	struct eng_reason_log log = {0};
	char word[16];

	(void)unused;
	for (unsigned i = 1; i <= ENG_REASON_LOG + 10; i++) {
		const struct pawl_reason reason = {&file_changed, word};

		snprintf(word, sizeof(word), "%u", i);
		assert_int_equal(eng_reason_log_add(&log, &reason), i);
	}
	assert_null(eng_reason_log_get(&log, 10));
	assert_string_equal(eng_reason_log_get(&log, 11), "file changed: 11");
	assert_string_equal(eng_reason_log_get(&log, ENG_REASON_LOG + 10), "file changed: 522");
	eng_reason_log_fini(&log);
}

static int oom_edit(void)
{
	const struct pawl_reason reason = {&file_changed, "a.c"};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_subscription_options names = PAWL_SUBSCRIPTION_OPTIONS_INIT;
	static const char *const two[] = {"a", "b"};
	struct pawl_subscription *subscription = NULL;
	struct pawl_edit *edit = NULL;
	int error = pawl_thread_attach("oom");

	if (error)
		return error;
	options.workers = 1;
	error = pawl_engine_open(&options, &engine);
	if (error)
		goto out;
	names.names = two;
	names.names_n = 2;
	names.before = 1;
	error = pawl_engine_notice(engine, PAWL_SEVERITY_INFO, "a", "1", "x");
	if (!error)
		error = pawl_notices_subscribe(engine, &names, &subscription);
	if (!error)
		error = pawl_engine_notice(engine, PAWL_SEVERITY_INFO, "b", NULL, "y");
	if (!error)
		error = pawl_edit_begin(engine, &edit);
	if (!error)
		error = pawl_edit_because(edit, &reason);
	pawl_edit_abort(edit);
	if (!error)
		error = pawl_engine_because(engine, &reason);
	/* Without memory it is counted, and not said. */
	if (!error && t_alloc_failed())
		error = -ENOMEM;
	pawl_notices_unsubscribe(subscription);
	t_check(!pawl_engine_close(engine));
out:
	pawl_thread_detach();
	return error;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_update),
		cmocka_unit_test(case_reasons),
		cmocka_unit_test(case_reasons_of_edits),
		cmocka_unit_test(case_many_reasons),
		cmocka_unit_test(case_quiet),
		cmocka_unit_test(case_no_time),
		cmocka_unit_test(case_deadline),
		cmocka_unit_test(case_log),
		cmocka_unit_test(case_causes),
		cmocka_unit_test(case_causes_of_values),
		cmocka_unit_test(case_causes_of_others),
		cmocka_unit_test(case_errors),
		cmocka_unit_test(case_waits),
		cmocka_unit_test(case_notices),
		cmocka_unit_test(case_slow_subscriber),
		cmocka_unit_test(case_notices_wrong),
		cmocka_unit_test(case_notices_fd),
		cmocka_unit_test(case_notices_at_once),
		cmocka_unit_test(case_notices_in_time),
		cmocka_unit_test(case_sinks),
		cmocka_unit_test(case_sink_posts),
		cmocka_unit_test(case_told_of_updates),
		cmocka_unit_test(case_slow),
		cmocka_unit_test(case_hangs),
		cmocka_unit_test(case_verify_idle),
		cmocka_unit_test(case_verify_close),
		cmocka_unit_test(case_verify_sleeps),
		cmocka_unit_test(case_stuck),
		cmocka_unit_test(case_options),
		T_OOM(oom_reasons),
		T_OOM(oom_edit),
	};

	return t_run("observe", tests);
}
