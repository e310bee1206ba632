/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-update.c - pawl/observe.h: what an update was, its reasons, waiting for one.
 */
#include "observe.h"

#include "../../engine/engine.h"

/* ---- updates --------------------------------------------------------------------------- */

static struct pawl_update_info info;
static char text[4096];

/* What there is, once all that ran was told of. */
static void update(void)
{
	fr_settle();
	assert_int_equal(
		pawl_engine_update(fr_engine, 0, PAWL_FOREVER, &info, text, sizeof(text)), 0);
}

static void case_update(void **unused)
{
	(void)unused;
	obs_up();
	assert_int_equal(pawl_engine_update(fr_engine, 0, 0, &info, text, sizeof(text)),
			 -ETIMEDOUT);
	assert_int_equal(obs_ask(), 28);
	update();
	assert_int_equal(info.runs, OBS_INPUTS + 1);
	assert_true(info.stretches >= 1);
	assert_true(info.begun_ns > 0 && info.ended_ns >= info.begun_ns);
	assert_true(info.busy_ns <= info.ended_ns - info.begun_ns);
	assert_int_equal(info.reasons, 0);
	assert_string_equal(text, "");
	/* It is taken; what is read and clean is no update. */
	assert_int_equal(obs_ask(), 28);
	assert_int_equal(pawl_engine_update(fr_engine, 0, 0, &info, text, sizeof(text)),
			 -ETIMEDOUT);
	obs_set(3, 13);
	assert_int_equal(obs_ask(), 38);
	update();
	assert_int_equal(info.runs, 2);
	/* One more, and nobody else: what it gives is what was there. */
	pawl_invalidate(&obs_invalidators[3], 1);
	assert_int_equal(obs_ask(), 38);
	update();
	assert_int_equal(info.runs, 1);
	fr_down();
}

/* ---- reasons --------------------------------------------------------------------------- */

static const struct pawl_reason_kind option_set = PAWL_REASON_KIND("option set", "options set");
static const struct pawl_reason_kind clock_moved = PAWL_REASON_KIND("the clock moved", NULL);

/* Not of kinds that are none. */
static void wrong_kinds(void)
{
	struct pawl_reason_kind wrong = obs_file_changed;
	struct pawl_reason reason = {NULL, "a.c"};

	assert_int_equal(pawl_engine_because(fr_engine, &reason), -EINVAL);
	assert_int_equal(pawl_engine_because(fr_engine, NULL), -EINVAL);
	reason.kind = &wrong;
	wrong.one = "";
	assert_int_equal(pawl_invalidate_because(obs_invalidators, 1, &reason), -EINVAL);
	wrong.one = "x";
	wrong.many = "";
	assert_int_equal(pawl_invalidate_because(obs_invalidators, 1, &reason), -EINVAL);
	wrong.size--;
	assert_int_equal(pawl_invalidate_because(obs_invalidators, 1, &reason), -EINVAL);
	wrong.size += 2;
	assert_int_equal(pawl_invalidate_because(obs_invalidators, 1, &reason), -E2BIG);
	reason.kind = &obs_file_changed;
	assert_int_equal(pawl_invalidate_because(NULL, 0, &reason), 0);
}

static void case_reasons(void **unused)
{
	const struct pawl_reason reason = {&obs_file_changed, "a.c"};
	char cut[8];

	(void)unused;
	obs_up();
	(void)obs_ask();
	update();
	obs_because(0, &obs_file_changed, "a.c");
	obs_because(0, &obs_file_changed, "a.c");
	(void)obs_ask();
	update();
	assert_string_equal(text, "file changed: a.c");
	assert_int_equal(info.reasons, 1);
	assert_int_equal(info.runs, 1);
	/* They are gone with the update. */
	pawl_invalidate(&obs_invalidators[0], 1);
	(void)obs_ask();
	update();
	assert_string_equal(text, "");
	obs_because(0, &obs_file_changed, "a.c");
	obs_because(1, &obs_file_changed, "b.c");
	obs_because(2, &obs_file_changed, "c.c");
	obs_because(3, &clock_moved, NULL);
	(void)obs_ask();
	update();
	assert_string_equal(text, "3 files changed and the clock moved");
	assert_int_equal(info.reasons, 4);
	assert_int_equal(info.runs, 4);
	obs_because(0, &obs_file_changed, "a.c");
	obs_because(0, &option_set, "-O2");
	obs_because(0, &clock_moved, NULL);
	(void)obs_ask();
	fr_settle();
	assert_int_equal(
		pawl_engine_update(fr_engine, 0, PAWL_FOREVER, &info, cut, sizeof(cut)), 0);
	assert_string_equal(cut, "file ch");
	obs_because(0, &obs_file_changed, "a.c");
	obs_because(0, &option_set, "-O2");
	obs_because(0, &clock_moved, NULL);
	assert_int_equal(pawl_engine_because(fr_engine, &reason), 0);
	(void)obs_ask();
	update();
	assert_string_equal(text, "file changed: a.c, option set: -O2, and the clock moved");
	wrong_kinds();
	assert_int_equal(pawl_engine_update(fr_engine, 0, 0, &info, text, sizeof(text)),
			 -ETIMEDOUT);
	fr_down();
}

/* Every write of it counts. */
static const struct pawl_value_type loud_type = {
	.size = sizeof(loud_type), .name = "loud", .version = 1, .mode = PAWL_CELL_NEW};

static void case_reasons_of_edits(void **unused)
{
	static const struct pawl_value_type *const types[] = {&fr_number, &loud_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	const struct pawl_reason file = {&obs_file_changed, "a.c"},
				 option = {&option_set, "-g"};
	struct pawl_state *loud;
	struct pawl_edit *edit;

	(void)unused;
	FR_LIST(options, types);
	obs_up_with(options);
	(void)obs_ask();
	update();
	assert_int_equal(pawl_edit_begin(fr_engine, &edit), 0);
	assert_int_equal(pawl_edit_set(edit, obs_inputs[0], fr_value(100)), 0);
	assert_int_equal(pawl_edit_because(edit, &file), 0);
	/* Equal to what is there: a reason of nothing. */
	assert_int_equal(pawl_edit_set(edit, obs_inputs[1], fr_value(1)), 0);
	assert_int_equal(pawl_edit_because(edit, &option), 0);
	assert_int_equal(pawl_edit_invalidate(edit, &obs_invalidators[2]), 0);
	assert_int_equal(pawl_edit_because(edit, NULL), 0);
	assert_int_equal(pawl_edit_set(edit, obs_inputs[3], fr_value(103)), 0);
	pawl_edit_commit(edit);
	assert_int_equal(obs_ask(), 28 + 200);
	update();
	assert_string_equal(text, "option set: -g");
	assert_int_equal(info.runs, 4);
	/* The same value again, of a type whose every write counts. */
	assert_int_equal(pawl_state_create(fr_engine, fr_value_of(&loud_type, 1), &loud), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct pawl_value *value;

		assert_int_equal(pawl_state_get(NULL, loud, &value), 0);
		assert_int_equal(pawl_edit_begin(fr_engine, &edit), 0);
		assert_int_equal(pawl_edit_because(edit, &file), 0);
		assert_int_equal(pawl_edit_set(edit, loud, value), 0);
		if (i)
			pawl_edit_commit(edit);
		else
			pawl_edit_abort(edit);
	}
	pawl_state_unpin(loud);
	pawl_invalidate(&obs_invalidators[0], 1);
	(void)obs_ask();
	update();
	assert_string_equal(text, "file changed: a.c");
	fr_down();
}

static void case_many_reasons(void **unused)
{
	static struct pawl_reason_kind kinds[40];
	char word[300];

	(void)unused;
	obs_up();
	(void)obs_ask();
	update();
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(word, sizeof(word), "%u.c", i);
		obs_because(0, &obs_file_changed, word);
	}
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = 0;
	obs_because(0, &option_set, word);
	/* They differ behind what counts. */
	word[sizeof(word) - 2] = 'y';
	obs_because(0, &option_set, word);
	(void)obs_ask();
	update();
	assert_int_equal(info.reasons, 5001);
	word[255] = 0;
	assert_memory_equal(text, "5000 files changed and option set: xxx", 38);
	assert_int_equal(strlen(text), 18 + 5 + 12 + 255);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(word, sizeof(word), "%u", i);
		kinds[i] = clock_moved;
		obs_because(0, i % 2 ? &clock_moved : &kinds[i], word);
	}
	(void)obs_ask();
	update();
	assert_int_equal(info.reasons, 40);
	assert_non_null(strstr(text, "the clock moved: 0, the clock moved: 1, "));
	assert_non_null(strstr(text, "the clock moved: 31, and 8 more"));
	fr_down();
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
	waiter->error = pawl_engine_update(fr_engine, waiter->quiet_ns, waiter->deadline_ns,
					   &waiter->info, waiter->text, sizeof(waiter->text));
	waiter->at_ns = fr_now(NULL);
	return 0;
}

static pawl_task_t wait_in_body(struct waiter *waiter)
{
	pawl_task_t task;

	assert_int_equal(pawl_spawn(pawl_runtime_root(fr_rt), NULL, wait_body, waiter, &task),
			 0);
	return task;
}

static void case_quiet(void **unused)
{
	struct waiter waiter = {.quiet_ns = 100, .deadline_ns = PAWL_FOREVER};
	struct pawl_result result;
	pawl_task_t task;

	(void)unused;
	obs_up_in_time((struct pawl_engine_options)PAWL_ENGINE_OPTIONS_INIT);
	/* It waits for something, and then for a hundred without anything. */
	task = wait_in_body(&waiter);
	fr_pass(1200);
	assert_int_equal(pawl_task_result(fr_rt, task, &result), -EINPROGRESS);
	(void)obs_ask();
	fr_pass(1250);
	obs_because(0, &obs_file_changed, "a.c");
	(void)obs_ask();
	fr_pass(1300);
	obs_because(1, &obs_file_changed, "b.c");
	(void)obs_ask();
	fr_pass(1399);
	assert_int_equal(pawl_task_result(fr_rt, task, &result), -EINPROGRESS);
	fr_pass(1400);
	obs_wait_over(task);
	assert_int_equal(waiter.error, 0);
	assert_int_equal(waiter.at_ns, 1400);
	assert_int_equal(waiter.info.begun_ns, 1200);
	assert_int_equal(waiter.info.ended_ns, 1300);
	assert_int_equal(waiter.info.runs, OBS_INPUTS + 3);
	assert_string_equal(waiter.text, "2 files changed");
	/* It has been quiet for long enough already. */
	pawl_invalidate(&obs_invalidators[0], 1);
	(void)obs_ask();
	fr_settle();
	fr_pass(2000);
	task = wait_in_body(&waiter);
	obs_wait_over(task);
	assert_int_equal(waiter.at_ns, 2000);
	assert_int_equal(waiter.info.runs, 1);
	fr_down();
}

/* Where time begins with 0, that is a time like any other. */
static void case_no_time(void **unused)
{
	struct waiter waiter = {.quiet_ns = 100, .deadline_ns = PAWL_FOREVER};
	pawl_task_t task;

	(void)unused;
	obs_up_at((struct pawl_engine_options)PAWL_ENGINE_OPTIONS_INIT, 0);
	(void)obs_ask();
	fr_settle();
	task = wait_in_body(&waiter);
	fr_pass(100);
	obs_wait_over(task);
	assert_int_equal(waiter.error, 0);
	assert_int_equal(waiter.at_ns, 100);
	assert_int_equal(waiter.info.busy_ns, 0);
	fr_down();
}

static void case_deadline(void **unused)
{
	struct waiter waiter = {.quiet_ns = 100, .deadline_ns = 1500};
	pawl_task_t task;

	(void)unused;
	obs_up_in_time((struct pawl_engine_options)PAWL_ENGINE_OPTIONS_INIT);
	/* Nothing comes. */
	task = wait_in_body(&waiter);
	fr_pass(1500);
	obs_wait_over(task);
	assert_int_equal(waiter.error, -ETIMEDOUT);
	assert_int_equal(waiter.at_ns, 1500);
	/* It is not quiet until then: it takes what there is. */
	(void)obs_ask();
	fr_settle();
	waiter.deadline_ns = 1550;
	task = wait_in_body(&waiter);
	fr_pass(1550);
	obs_wait_over(task);
	assert_int_equal(waiter.error, 0);
	assert_int_equal(waiter.at_ns, 1550);
	assert_int_equal(waiter.info.runs, OBS_INPUTS + 1);
	/* Cancelled, it takes nothing. */
	pawl_invalidate(&obs_invalidators[0], 1);
	(void)obs_ask();
	fr_settle();
	waiter.deadline_ns = PAWL_FOREVER;
	task = wait_in_body(&waiter);
	while (!pawl_runtime_quiet_until(fr_rt))
		t_yield();
	assert_int_equal(pawl_task_cancel(fr_rt, task), 0);
	obs_wait_over(task);
	assert_int_equal(waiter.error, -ECANCELED);
	update();
	assert_int_equal(info.runs, 1);
	/* Outside of bodies nobody tells of the time. */
	assert_int_equal(pawl_engine_update(fr_engine, 1, PAWL_FOREVER, &info, text, 1),
			 -EINVAL);
	assert_int_equal(pawl_engine_update(fr_engine, 0, 9999, &info, text, 1), -EINVAL);
	fr_down();
}

/* ---- without memory ---------------------------------------------------------------------- */

static int oom_reasons(void)
{
	const struct pawl_reason reason = {&obs_file_changed, "a.c"};
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
		const struct pawl_reason reason = {&obs_file_changed, word};

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
		cmocka_unit_test(case_no_time),
		cmocka_unit_test(case_deadline),
		cmocka_unit_test(case_log),
		T_OOM(oom_reasons),
	};

	return t_run("update", tests);
}
