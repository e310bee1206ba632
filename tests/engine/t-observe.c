/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-observe.c - pawl/observe.h: what an engine tells of itself.
 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl.h>
#include <pawl/engine.h>
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

static const struct pawl_function *const functions[] = {&input, &sum};
static const struct pawl_value_type *const types[] = {&number_type, &loud_type};

/* ---- engines --------------------------------------------------------------------------- */

static struct pawl_atomic_u64 clock_ns;

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

	pawl_store_release(&clock_ns, UINT64_C(1000));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_update),
		cmocka_unit_test(case_reasons),
		cmocka_unit_test(case_reasons_of_edits),
		cmocka_unit_test(case_many_reasons),
		cmocka_unit_test(case_quiet),
		cmocka_unit_test(case_deadline),
		cmocka_unit_test(case_log),
		T_OOM(oom_reasons),
	};

	return t_run("observe", tests);
}
