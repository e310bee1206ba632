/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-observe.c - pawl/observe.h: what an engine tells by itself, and whether it looks if all is right. Of updates and
 * their reasons: t-update.c; of single tasks: t-why.c; notices as such: t-notice.c.
 */
#include "observe.h"

#include <stdlib.h>

#include <pawl/group.h>

#include "../../engine/engine.h"

/* ---- what the engine tells by itself --------------------------------------------------------- */

static void sink(void *arg, const struct pawl_notice *notice)
{
	char line[512];

	t_check(arg == fr_told && notice->severity >= PAWL_SEVERITY_WARNING);
	/* Nothing of its caller's is around it. */
	t_check(!eng_quiesce_is_inside(fr_engine->graph->quiesce));
	t_check(!pawl_task_self().pawl_id);
	snprintf(line, sizeof(line), "sink %s: %s %s", notice->name, notice->message,
		 notice->json ? notice->json : "-");
	fr_tell(line);
}

static void log_line(void *arg, enum pawl_severity severity, const char *line)
{
	char words[512];

	t_check(arg == fr_told);
	snprintf(words, sizeof(words), "log %d %s", (int)severity, line);
	fr_tell(words);
}

static struct pawl_engine_options told_options(void)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	fr_told_clear();
	options.sink = sink;
	options.sink_arg = fr_told;
	options.log = log_line;
	options.log_arg = fr_told;
	options.log_least = PAWL_SEVERITY_WARNING;
	options.verify = PAWL_VERIFY_NEVER;
	return options;
}

static void case_sinks(void **unused)
{
	(void)unused;
	obs_up_with(told_options());
	obs_post("n", PAWL_SEVERITY_INFO, 1);
	obs_post("n", PAWL_SEVERITY_WARNING, 2);
	obs_post("n", PAWL_SEVERITY_ERROR, 3);
	assert_string_equal(fr_told, "sink n: it is 2 {}\nlog 1 n: it is 2\n"
				     "sink n: it is 3 {}\nlog 2 n: it is 3\n");
	fr_down();
}

/* What the sink does, posting included, is its own. */
static struct pawl_atomic_u32 posts;

static void posting_sink(void *arg, const struct pawl_notice *notice)
{
	(void)arg;
	(void)notice;
	if (pawl_add_relaxed(&posts, 1u) < 3)
		t_check(!pawl_engine_notice(fr_engine, PAWL_SEVERITY_ERROR, "n", NULL,
					    "again"));
	if (fr_rt)
		pawl_runtime_clock_moved(fr_rt);
}

/* Not where an operation goes on: a value that is dropped by one. */
static struct pawl_atomic_u32 drop_error;

static void drop_posts(void *payload, size_t bytes)
{
	(void)payload;
	(void)bytes;
	pawl_store_release(&drop_error,
			   (uint32_t)-pawl_engine_notice(fr_engine, PAWL_SEVERITY_ERROR, "n",
							 NULL, "dropped"));
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
	fr_open(options);
	assert_int_equal(pawl_engine_notice(fr_engine, PAWL_SEVERITY_WARNING, "n", NULL, "x"),
			 0);
	assert_int_equal(pawl_load_acquire(&posts), 4);
	assert_int_equal(pawl_engine_spawn_root(fr_engine, posts_root, NULL, NULL, &root), 0);
	fr_settle();
	/* The end of its second run drops the value. */
	pawl_store_release(&drop_error, 0u);
	pawl_invalidate(&posts_invalidator, 1);
	fr_settle();
	assert_int_equal(pawl_load_acquire(&drop_error), EPERM);
	assert_int_equal(pawl_load_acquire(&posts), 6);
	fr_close();
}

static void case_told_of_updates(void **unused)
{
	struct pawl_engine_options options = told_options();
	const struct pawl_notice *notice;
	struct pawl_subscription *updates;
	unsigned runs = 0, n;

	(void)unused;
	obs_up_with(options);
	updates = obs_subscribe("engine.update", PAWL_SEVERITY_INFO, 0, 0);
	(void)obs_ask();
	/* Of one stretch, or of several. */
	while (runs < OBS_INPUTS + 1) {
		assert_int_equal(pawl_notices_take(updates, PAWL_FOREVER, &notice, NULL), 0);
		assert_int_equal(sscanf(notice->json, "{\"runs\":%u,\"ns\":", &n), 1);
		runs += n;
		pawl_notice_unpin(notice);
	}
	assert_int_equal(runs, OBS_INPUTS + 1);
	obs_because(0, &obs_file_changed, "a \"b\".c");
	(void)obs_ask();
	assert_int_equal(pawl_notices_take(updates, PAWL_FOREVER, &notice, NULL), 0);
	assert_memory_equal(notice->message, "1 run in ", 9);
	assert_non_null(strstr(notice->message, ": file changed: a \"b\".c"));
	assert_non_null(strstr(notice->json, "\"reasons\":\"file changed: a "
					     "\\u0022b\\u0022.c\"}"));
	pawl_notice_unpin(notice);
	pawl_notices_unsubscribe(updates);
	assert_int_equal(fr_told_n, 0);
	fr_down();
}

static pawl_ref_t slow_ref;

static int slow_root(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	fr_gate_arrive(&obs_gate);
	if (pawl_sleep_until(2000))
		return -ECANCELED;
	return fr_give(context, 1, ret_output);
}

static void case_slow(void **unused)
{
	struct pawl_engine_options options = told_options();
	pawl_ref_t waits;

	(void)unused;
	fr_gate_init(&obs_gate);
	options.slow_ns = 1000;
	options.log = NULL;
	obs_up_in_time(options);
	assert_int_equal(pawl_engine_spawn_root(fr_engine, slow_root, NULL, NULL, &slow_ref),
			 0);
	(void)fr_gate_await(&obs_gate, 1);
	assert_int_equal(
		pawl_engine_spawn_root(fr_engine, obs_waits_root, &slow_ref, NULL, &waits), 0);
	fr_pass(1999);
	assert_int_equal(fr_told_n, 0);
	fr_pass(2000);
	fr_settle();
	fr_told_wait("sink engine.slow: root#t", "");
	fr_told_wait(" waited 1.0 us for root#t", "");
	fr_told_wait(" ran 1.0 us {\"task\":\"root#t", "");
	fr_told_wait(",\"ns\":1000}", "");
	fr_told_wait(",\"ns\":1000,\"over\":true}", "");
	fr_down();
	/* The one, the wait of the other, and that itself; both waits perhaps as they ended. */
	assert_in_range(fr_told_n, 3, 5);
}

/* What never ends is told of, too, less and less often. */
static void case_hangs(void **unused)
{
	struct pawl_engine_options options = told_options();
	pawl_ref_t gated, waits;

	(void)unused;
	fr_gate_init(&obs_gate);
	options.slow_ns = 1000;
	options.log = NULL;
	obs_up_in_time(options);
	/* An engine that is idle wakes nobody. */
	fr_pass(10000);
	assert_int_equal(pawl_runtime_quiet_until(fr_rt), PAWL_FOREVER);
	assert_int_equal(pawl_engine_spawn_root(fr_engine, obs_gated_root, NULL, NULL, &gated),
			 0);
	(void)fr_gate_await(&obs_gate, 1);
	assert_int_equal(
		pawl_engine_spawn_root(fr_engine, obs_waits_root, &gated, NULL, &waits), 0);
	fr_pass(10999);
	assert_int_equal(fr_told_n, 0);
	fr_pass(11000);
	assert_int_equal(fr_told_n, 2);
	fr_told_wait(" has been waiting 1.0 us for the gate {", "");
	fr_told_wait(" has been waiting 1.0 us for root#t", "");
	fr_told_wait(",\"over\":false}", "");
	fr_pass(18500);
	/* After 2, 4 and 8. */
	assert_int_equal(fr_told_n, 8);
	fr_told_wait(" has been waiting 8.0 us for the gate {", "");
	fr_gate_open(&obs_gate);
	fr_settle();
	fr_told_wait(" waited 8.5 us for root#t", "");
	fr_pass(30000);
	assert_int_equal(pawl_runtime_quiet_until(fr_rt), PAWL_FOREVER);
	fr_down();
	assert_int_equal(fr_told_n, 8 + 3);
}

/* ---- looking whether it is right ---------------------------------------------------------------- */

/* A sum that is wrong, or right again. */
static void spoil(int32_t by)
{
	eng_id id = 0;
	struct eng_node *node;

	for (uint32_t i = 1; !id && i < 1000; i++) {
		node = eng_lock_any(fr_engine->graph, i);
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
	obs_up_in_time(options);
	/* Nothing has run: there is nothing to look at. */
	fr_pass(1500);
	(void)obs_ask();
	fr_settle();
	fr_pass(1599);
	spoil(1);
	assert_int_equal(fr_told_n, 0);
	fr_pass(1600);
	assert_int_equal(fr_told_n, 1);
	assert_memory_equal(fr_told, "sink engine.verify: a sum is wrong: task ", 41);
	/* Once for each idle while. */
	fr_pass(3000);
	assert_int_equal(fr_told_n, 1);
	spoil(-1);
	pawl_invalidate(&obs_invalidators[0], 1);
	(void)obs_ask();
	fr_settle();
	fr_pass(3050);
	pawl_invalidate(&obs_invalidators[0], 1);
	(void)obs_ask();
	fr_settle();
	spoil(1);
	fr_pass(3149);
	assert_int_equal(fr_told_n, 1);
	fr_pass(3150);
	assert_int_equal(fr_told_n, 2);
	/* And before it is closed. */
	fr_close();
	assert_int_equal(fr_told_n, 3);
}

static void close_spoilt(enum pawl_verify verify, unsigned times)
{
	struct pawl_engine_options options = told_options();

	options.log = NULL;
	options.verify = verify;
	obs_up_with(options);
	(void)obs_ask();
	fr_settle();
	spoil(1);
	fr_close();
	assert_int_equal(fr_told_n, times);
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
	obs_up_with(options);
	(void)obs_ask();
	fr_settle();
	t_wait_until(!pawl_group_tasks(fr_engine->group, 2, infos));
	fr_down();
	options.verify = PAWL_VERIFY_IDLE;
	obs_up_with(options);
	(void)obs_ask();
	fr_settle();
	t_wait_until(pawl_group_tasks(fr_engine->group, 2, infos) == 1);
	assert_string_equal(infos[0].name, "engine.verify");
	fr_down();
}

/* A task that does not end holds up the engine's; that takes twice the time that is given to it. */
static int deaf_root(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	fr_gate_arrive(&obs_gate);
	while (!pawl_load_acquire(&obs_gate.open))
		t_yield();
	return fr_give(context, 1, ret_output);
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
	fr_gate_init(&obs_gate);
	options.log = NULL;
	obs_up_with(options);
	assert_int_equal(pawl_engine_spawn_root(fr_engine, deaf_root, NULL, NULL, &root), 0);
	(void)fr_gate_await(&obs_gate, 1);
	assert_int_equal(pawl_engine_close(fr_engine), -EBUSY);
	assert_int_equal(fr_told_n, 1);
	fr_told_wait("sink engine.stuck: a task does not end", "");
	fr_gate_open(&obs_gate);
	fr_close();
}

/* Whether an engine that is opened with these keeps histories, and logs. */
static void options_are(struct pawl_engine_options options, bool histories, unsigned lines,
			uint64_t slow_ns)
{
	fr_told_clear();
	obs_up_with(options);
	assert_int_equal(fr_engine->graph->histories, histories);
	assert_int_equal(fr_engine->observer.slow_ns, slow_ns);
	obs_post("n", PAWL_SEVERITY_INFO, 1);
	obs_post("n", PAWL_SEVERITY_WARNING, 1);
	obs_post("n", PAWL_SEVERITY_ERROR, 1);
	assert_int_equal(fr_told_n, lines);
	fr_down();
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
	assert_int_equal(pawl_engine_open(&options, &fr_engine), -EINVAL);
	options.histories = 0;
	options.log_least = (enum pawl_severity)3;
	assert_int_equal(pawl_engine_open(&options, &fr_engine), -EINVAL);
	options.log_least = PAWL_SEVERITY_INFO;
	options.verify = PAWL_VERIFY_COUNT;
	assert_int_equal(pawl_engine_open(&options, &fr_engine), -EINVAL);
}

/* ---- without memory ---------------------------------------------------------------------- */

static int oom_edit(void)
{
	const struct pawl_reason reason = {&obs_file_changed, "a.c"};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_subscription_options names = PAWL_SUBSCRIPTION_OPTIONS_INIT;
	static const char *const two[] = {"a", "b"};
	struct pawl_subscription *subscription = NULL;
	struct pawl_edit *edit = NULL;
	int error = pawl_thread_attach("oom");

	if (error)
		return error;
	options.workers = 1;
	error = pawl_engine_open(&options, &fr_engine);
	if (error)
		goto out;
	names.names = two;
	names.names_n = 2;
	names.before = 1;
	error = pawl_engine_notice(fr_engine, PAWL_SEVERITY_INFO, "a", "1", "x");
	if (!error)
		error = pawl_notices_subscribe(fr_engine, &names, &subscription);
	if (!error)
		error = pawl_engine_notice(fr_engine, PAWL_SEVERITY_INFO, "b", NULL, "y");
	if (!error)
		error = pawl_edit_begin(fr_engine, &edit);
	if (!error)
		error = pawl_edit_because(edit, &reason);
	pawl_edit_abort(edit);
	if (!error)
		error = pawl_engine_because(fr_engine, &reason);
	/* Without memory it is counted, and not said. */
	if (!error && t_alloc_failed())
		error = -ENOMEM;
	pawl_notices_unsubscribe(subscription);
	t_check(!pawl_engine_close(fr_engine));
out:
	pawl_thread_detach();
	return error;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		T_OOM(oom_edit),
	};

	return t_run("observe", tests);
}
