/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-accept-ends.c - supervision as it was asked for: who is told of each end, refused starts, shutting down.
 * Each case shows the whole of a line of acceptance.txt.
 */
#include "accept.h"

/* ---- one event for each --------------------------------------------------------------------- */

#define MANY 4000

/* One for each task: the address of its byte is its name. */
static char names[MANY];
static struct pawl_atomic_u32 ends[MANY], refused[MANY];
static struct pawl_atomic_u32 ends_as[MANY];

static void count_events(const struct pawl_diagnostic *diagnostic)
{
	size_t index = (size_t)(diagnostic->name - names);

	if (!diagnostic->name)
		return;
	t_check(index < MANY);
	if (diagnostic->kind == PAWL_DIAGNOSTIC_ENDED) {
		pawl_add_relaxed(&ends[index], 1u);
		pawl_store_relaxed(&ends_as[index], (uint32_t)diagnostic->outcome);
	} else if (diagnostic->kind == PAWL_DIAGNOSTIC_REFUSED) {
		pawl_add_relaxed(&refused[index], 1u);
	}
}

static int fail_by_return(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	return -EDOM;
}

static int yield_some(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	for (unsigned i = 0; i < 3; i++) {
		if (pawl_yield())
			return -ECANCELED;
	}
	return 0;
}

/* Start one of any kind, and ask it to end, perhaps. Returns: was it let in? */
static bool start_any(unsigned index, struct pawl_group *open, struct pawl_group *closed,
		      pawl_task_t *ret_task)
{
	static pawl_body_fn *const bodies[] = {acc_quick, acc_sleep, fail_by_return, yield_some,
					       acc_deaf};
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	unsigned kind = (unsigned)t_random_below(7);
	pawl_producer_t producer;

	options.name = &names[index];
	if (kind == 5) {
		t_assert_errno(pawl_spawn(closed, &options, acc_quick, NULL, ret_task),
			       ESHUTDOWN);
		return false;
	}
	if (kind == 6) {
		assert_int_equal(pawl_completion_create(open, &options, ret_task, &producer),
				 0);
		if (t_random_below(3) == 0)
			assert_int_equal(pawl_complete(acc_rt, producer, NULL), 0);
		else if (t_random_below(2))
			assert_int_equal(pawl_fail(acc_rt, producer, -EIO, NULL), 0);
		assert_int_equal(pawl_producer_drop(acc_rt, producer), 0);
		return true;
	}
	assert_int_equal(pawl_spawn(open, &options, bodies[kind], NULL, ret_task), 0);
	if (kind == 4 || t_random_below(4) == 0)
		(void)pawl_task_force(acc_rt, *ret_task);
	else if (kind == 1 || t_random_below(4) == 0)
		(void)pawl_task_cancel(acc_rt, *ret_task);
	return true;
}

static void case_one_event_each(void **state)
{
	static bool let_in[MANY];
	static pawl_task_t tasks[MANY];
	unsigned n = t_scaled(MANY) < MANY ? t_scaled(MANY) : MANY, spawned = 0;
	struct pawl_shutdown_report report;
	struct pawl_group *open, *closed;

	(void)state;
	acc_up(2);
	acc_hook = count_events;
	open = acc_group(acc_root, "open");
	closed = acc_group(acc_root, "closed");
	pawl_group_close(closed);
	for (unsigned i = 0; i < n; i++) {
		pawl_store_relaxed(&ends[i], 0u);
		pawl_store_relaxed(&refused[i], 0u);
	}
	for (unsigned i = 0; i < n; i++) {
		let_in[i] = start_any(i, open, closed, &tasks[i]);
		spawned += let_in[i];
		t_step();
	}
	pawl_group_close(open);
	assert_int_equal(pawl_group_wait(open, PAWL_FOREVER), 0);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(pawl_load_relaxed(&ends[i]), let_in[i]);
		assert_int_equal(pawl_load_relaxed(&refused[i]), !let_in[i]);
		if (!let_in[i])
			continue;
		assert_int_equal(pawl_load_relaxed(&ends_as[i]), acc_outcome(tasks[i]));
		assert_int_equal(pawl_task_drop(acc_rt, tasks[i]), 0);
	}
	pawl_group_put(open);
	pawl_group_put(closed);
	acc_down(spawned, &report);
	assert_int_equal(report.refused, n - spawned);
}

/* ---- sinks ----------------------------------------------------------------------------------- */

static struct pawl_group *hostile_group;
static struct pawl_atomic_u32 spawned_by_sink, blocked, inside_sinks;
static struct pawl_event let_go;

static bool is_let_go(void)
{
	return pawl_load_acquire(&acc_go);
}

/*
 * Blocks, spawns, is refused, cancels, makes groups, lists; and all that from inside its own calls, which nest on
 * one stack: at most so many.
 */
#define NESTED 12u

static void hostile_acts(uint32_t turn)
{
	struct pawl_group *group;

	/* In groups that may be closed: events of their own. */
	(void)!pawl_spawn(hostile_group, NULL, turn % 2 ? acc_quick : acc_sleep, NULL, NULL);
	if (pawl_group_create(hostile_group, NULL, &group))
		return;
	(void)!pawl_spawn(group, NULL, acc_fail, (void *)(uintptr_t) "sunk", NULL);
	pawl_group_cancel(group);
	pawl_group_put(group);
}

static void hostile(const struct pawl_diagnostic *diagnostic)
{
	uint32_t turn = pawl_add_relaxed(&spawned_by_sink, 1u);
	struct pawl_task_info infos[8];
	struct pawl_listener listener;
	size_t count;

	t_check(pawl_task_self().pawl_id == 0);
	count = pawl_group_tasks(acc_root, 8, infos);
	for (size_t i = 0; i < count && i < 8; i++)
		t_check(diagnostic->kind != PAWL_DIAGNOSTIC_ENDED ||
			infos[i].task.pawl_id != diagnostic->task.pawl_id);
	if (pawl_add_relaxed(&inside_sinks, 1u) < NESTED) {
		if (turn < 200)
			hostile_acts(turn);
		if (count)
			(void)pawl_task_cancel(acc_rt, infos[0].task);
	}
	pawl_sub_relaxed(&inside_sinks, 1u);
	(void)pawl_task_drop(acc_rt, PAWL_TASK_NONE);
	if (pawl_xchg_relaxed(&blocked, 1u))
		return;
	while (!is_let_go()) {
		pawl_event_listen(&let_go, &listener, "to be let go", 0);
		if (is_let_go())
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
}

static void case_hostile_sink(void **state)
{
	struct pawl_group_counts counts;

	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers++) {
		struct pawl_shutdown_report report;
		uint64_t sum = 0;

		acc_up(workers);
		pawl_store_relaxed(&spawned_by_sink, 0u);
		pawl_store_relaxed(&blocked, 0u);
		pawl_store_relaxed(&inside_sinks, 0u);
		pawl_event_init(&let_go);
		hostile_group = acc_group(acc_root, "hostile");
		acc_hook = hostile;
		/* The first end blocks in its sink; its worker goes on all the same. */
		assert_int_equal(pawl_spawn(hostile_group, NULL, acc_quick, NULL, NULL), 0);
		t_wait_until(pawl_load_relaxed(&blocked));
		for (unsigned i = 0; i < 50; i++)
			assert_int_equal(pawl_spawn(hostile_group, NULL,
						    i % 3 ? acc_quick : acc_sleep, NULL, NULL),
					 0);
		t_wait_until(pawl_load_relaxed(&spawned_by_sink) > 20);
		pawl_group_close(hostile_group);
		t_assert_errno(pawl_spawn(hostile_group, NULL, acc_quick, NULL, NULL),
			       ESHUTDOWN);
		t_assert_errno(pawl_group_wait(hostile_group, 0), ETIMEDOUT);
		pawl_store_release(&acc_go, 1u);
		pawl_event_notify_all(&let_go);
		pawl_group_cancel(hostile_group);
		assert_int_equal(pawl_group_wait(hostile_group, PAWL_FOREVER), 0);
		pawl_group_counts_read(hostile_group, &counts);
		assert_int_equal(counts.live, 0);
		assert_int_equal(pawl_group_tasks(hostile_group, 0, NULL), 0);
		pawl_group_put(hostile_group);
		assert_int_equal(pawl_runtime_shutdown(acc_rt, PAWL_FOREVER, &report), 0);
		for (unsigned i = 0; i < PAWL_OUTCOME_COUNT; i++)
			sum += report.outcomes[i];
		acc_down(sum, NULL);
	}
}

/* In debug builds a lock that is held meanwhile breaks its rank, or the wait's contract; in all others it is
   the same lock, and the call does not come back. */
static struct pawl_atomic_u32 kinds[PAWL_DIAGNOSTIC_COUNT], stuck_seen;
static struct pawl_lock lowest;

static void hold_nothing(const struct pawl_diagnostic *diagnostic)
{
	struct pawl_group_counts counts;
	char path[32];

	pawl_add_relaxed(&kinds[diagnostic->kind], 1u);
	if (diagnostic->kind == PAWL_DIAGNOSTIC_ENDED &&
	    diagnostic->outcome == PAWL_OUTCOME_STUCK)
		pawl_add_relaxed(&stuck_seen, 1u);
	pawl_lock_lock(&lowest);
	pawl_lock_unlock(&lowest);
	pawl_group_path(diagnostic->group, path, sizeof(path));
	pawl_group_counts_read(diagnostic->group, &counts);
	(void)pawl_group_tasks(diagnostic->group, 0, NULL);
	pawl_yield();
	(void)!pawl_sleep_until(1);
}

static void case_sink_holds_no_lock(void **state)
{
	struct pawl_group_options options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_shutdown_report report;
	struct pawl_group *group;
	pawl_task_t task;

	(void)state;
	for (unsigned i = 0; i < PAWL_DIAGNOSTIC_COUNT; i++)
		pawl_store_relaxed(&kinds[i], 0u);
	pawl_store_relaxed(&stuck_seen, 0u);
	pawl_lock_init(&lowest, PAWL_LOCK_RANK_USER);
	acc_up(2);
	acc_hook = hold_nothing;
	options.policy = PAWL_FAILURE_RESTART;
	options.restarts = 1;
	options.backoff_ns = 0;
	assert_int_equal(pawl_group_create(acc_root, &options, &group), 0);
	/* Restarted, failed, and its siblings cancelled. */
	pawl_task_drop(acc_rt, acc_spawn(group, acc_sleep, NULL));
	task = acc_spawn(group, acc_fail, (void *)(uintptr_t) "again");
	assert_int_equal(acc_outcome(task), PAWL_OUTCOME_FAILED);
	assert_int_equal(pawl_task_drop(acc_rt, task), 0);
	t_wait_until(pawl_group_cancelled(group));
	t_assert_errno(pawl_spawn(group, NULL, acc_quick, NULL, NULL), ESHUTDOWN);
	assert_int_equal(pawl_group_wait(group, PAWL_FOREVER), 0);
	pawl_group_put(group);
	/* Forced, and given up. */
	pawl_store_relaxed(&acc_ran, 0u);
	pawl_task_drop(acc_rt, acc_spawn(acc_root, acc_astray, NULL));
	t_wait_until(pawl_load_relaxed(&acc_ran) == 1);
	task = acc_spawn(acc_root, acc_deaf, NULL);
	t_wait_until(pawl_load_relaxed(&acc_ran) == 2);
	assert_int_equal(pawl_task_force(acc_rt, task), 0);
	assert_int_equal(acc_outcome(task), PAWL_OUTCOME_ABORTED);
	assert_int_equal(pawl_task_drop(acc_rt, task), 0);
	/* Until its sink is done as well. */
	t_wait_until(pawl_load_relaxed(&acc_told[PAWL_OUTCOME_ABORTED]) == 1);
	t_assert_errno(pawl_runtime_shutdown(acc_rt, 1000000, &report), EBUSY);
	assert_int_equal(report.outcomes[PAWL_OUTCOME_STUCK], 1);
	assert_int_equal(pawl_load_relaxed(&stuck_seen), 1);
	assert_true(pawl_load_relaxed(&kinds[PAWL_DIAGNOSTIC_ENDED]) > 0);
	assert_true(pawl_load_relaxed(&kinds[PAWL_DIAGNOSTIC_RESTARTED]) > 0);
	assert_true(pawl_load_relaxed(&kinds[PAWL_DIAGNOSTIC_REFUSED]) > 0);
	pawl_store_release(&acc_go, 1u);
	t_wait_until(pawl_runtime_destroy(acc_rt) == 0);
	acc_hook = NULL;
}

/* ---- starts that are refused --------------------------------------------------------------------- */

static void nothing_was_begun(struct pawl_group *group, uint64_t live)
{
	struct pawl_group_counts counts;

	pawl_group_counts_read(group, &counts);
	assert_int_equal(counts.live, live);
	assert_int_equal(pawl_group_tasks(group, 0, NULL), live);
	assert_int_equal(pawl_load_relaxed(&acc_freed), 0);
}

static void case_start_refused(void **state)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_task_options task = PAWL_TASK_OPTIONS_INIT;
	pawl_producer_t producer;
	pawl_task_t tasks[4], more = {7};

	(void)state;
	options.workers = 1;
	options.tasks_max = 4;
	task.free_arg = acc_count_freed;
	acc_up_with(&options);
	for (unsigned i = 0; i < 4; i++)
		tasks[i] = acc_spawn(acc_root, acc_sleep, NULL);
	t_wait_until(pawl_load_relaxed(&acc_ran) == 4);
	t_assert_errno(pawl_spawn(acc_root, &task, acc_quick, NULL, &more), EAGAIN);
	t_assert_errno(pawl_completion_create(acc_root, NULL, &more, &producer), EAGAIN);
	assert_int_equal(more.pawl_id, 7);
	nothing_was_begun(acc_root, 4);
	/* A place that is given back serves again: of the task and of its handle. */
	assert_int_equal(pawl_task_cancel(acc_rt, tasks[0]), 0);
	assert_int_equal(acc_outcome(tasks[0]), PAWL_OUTCOME_CANCELLED);
	assert_int_equal(pawl_task_drop(acc_rt, tasks[0]), 0);
	t_wait_until(pawl_spawn(acc_root, NULL, acc_sleep, NULL, &tasks[0]) == 0);
	assert_int_equal(pawl_runtime_shutdown(acc_rt, PAWL_FOREVER, NULL), 0);
	acc_drop_all(tasks, 4);
	t_assert_errno(pawl_spawn(acc_root, &task, acc_quick, NULL, &more), ESHUTDOWN);
	t_assert_errno(pawl_completion_create(acc_root, NULL, &more, &producer), ESHUTDOWN);
	assert_int_equal(more.pawl_id, 7);
	nothing_was_begun(acc_root, 0);
	acc_down(5, NULL);
}

static int quiet_quick(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	return 0;
}

/* Without memory, wherever it is asked for: an error, and nothing is there. Or it works. */
static int oom_start(void)
{
	struct pawl_interval_options interval = PAWL_INTERVAL_OPTIONS_INIT;
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_group_counts counts;
	struct pawl_runtime *rt;
	pawl_producer_t producer;
	pawl_task_t task;
	unsigned begun = 0;
	int error, first = 0;

	error = pawl_thread_attach("main");
	if (error)
		return error;
	options.workers = 1;
	error = pawl_runtime_create(&options, &rt);
	if (error) {
		pawl_thread_detach();
		return error;
	}
	interval.period_ns = 1;
	for (unsigned i = 0; i < 3; i++) {
		struct pawl_group *root = pawl_runtime_root(rt);

		error = i == 0	 ? pawl_spawn(root, NULL, quiet_quick, NULL, NULL)
			: i == 1 ? pawl_completion_create(root, NULL, &task, &producer)
				 : pawl_interval_spawn(root, &interval, acc_tick, NULL, NULL);
		begun += !error;
		if (error)
			first = error;
		else if (i == 1)
			t_check(!pawl_producer_drop(rt, producer));
	}
	t_check(!pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL));
	pawl_group_counts_read(pawl_runtime_root(rt), &counts);
	t_check(counts.live == 0 && counts.refused == 0);
	t_check(counts.outcomes[PAWL_OUTCOME_COMPLETED] + counts.outcomes[PAWL_OUTCOME_FAILED] +
			counts.outcomes[PAWL_OUTCOME_CANCELLED] ==
		begun);
	t_check(!pawl_runtime_destroy(rt));
	pawl_retire_barrier();
	pawl_thread_detach();
	return first;
}

/* ---- clocks that fail ---------------------------------------------------------------------------- */

static uint64_t stopped(void *arg)
{
	(void)arg;
	return 1;
}

static uint64_t backwards(void *arg)
{
	return UINT64_MAX / 2 - pawl_add_relaxed((struct pawl_atomic_u64 *)arg, 1000u);
}

static uint64_t at_the_end(void *arg)
{
	(void)arg;
	return PAWL_FOREVER;
}

/* Ends a while after it was asked to. */
static int takes_its_time(void *arg, void **ret_value)
{
	(void)ret_value;
	pawl_add_relaxed(&acc_ran, 1u);
	if (acc_sleep(NULL, NULL) != -ECANCELED)
		return -EINVAL;
	for (unsigned i = 0; i < 1000; i++)
		(void)pawl_yield();
	return arg ? -EINVAL : 0;
}

/*
 * A clock that stands, falls, or is at its end: shutting down gives its grace by the system's clock, and who asks for
 * a deadline that could not come is told so.
 */
static void case_broken_clock(void **state)
{
	static uint64_t (*const clocks[])(void *arg) = {stopped, backwards, at_the_end};
	static struct pawl_atomic_u64 calls;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
		struct pawl_shutdown_report report;
		struct pawl_runtime *rt;
		int error = 0;
		pawl_task_t task;

		options.workers = 1;
		options.now = clocks[i / 2];
		options.clock_arg = &calls;
		pawl_store_relaxed(&acc_ran, 0u);
		pawl_store_relaxed(&acc_go, 0u);
		assert_int_equal(pawl_runtime_create(&options, &rt), 0);
		assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL,
					    i % 2 ? acc_deaf : takes_its_time, NULL, &task),
				 0);
		t_wait_until(pawl_load_relaxed(&acc_ran) > 0);
		t_assert_errno(pawl_task_wait(rt, task, 5, NULL), EINVAL);
		t_assert_errno(pawl_task_wait(rt, task, 0, NULL), ETIMEDOUT);
		/* All the grace it needs; or one that is over, though the clock stands, and then it is forced. */
		error = pawl_runtime_shutdown(rt, i % 2 ? 2000000 : PAWL_FOREVER / 2, &report);
		assert_int_equal(report.outcomes[PAWL_OUTCOME_COMPLETED], !(i % 2));
		assert_int_equal(report.outcomes[PAWL_OUTCOME_ABORTED] +
					 report.outcomes[PAWL_OUTCOME_STUCK],
				 i % 2);
		assert_int_equal(error, report.outcomes[PAWL_OUTCOME_STUCK] ? -EBUSY : 0);
		pawl_store_release(&acc_go, 1u);
		assert_int_equal(pawl_task_drop(rt, task), 0);
		t_wait_until(pawl_runtime_destroy(rt) == 0);
		t_step();
	}
}

/* ---- shutting down ------------------------------------------------------------------------------- */

static void table_is_up_to_date(const struct pawl_diagnostic *diagnostic)
{
	struct pawl_result result;

	count_events(diagnostic);
	t_check(diagnostic->kind == PAWL_DIAGNOSTIC_ENDED);
	/* Its handle is there: nobody has dropped it. */
	t_check(!pawl_task_result(acc_rt, diagnostic->task, &result));
	t_check(result.outcome == diagnostic->outcome);
}

/* A thousand that run, wait, or have not begun: nothing to warn of, one event for each. */
static void case_ordinary_end(void **state)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_shutdown_report report;
	pawl_task_t tasks[1000];

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		acc_up(workers);
		acc_hook = table_is_up_to_date;
		for (unsigned i = 0; i < 1000; i++) {
			pawl_store_relaxed(&ends[i], 0u);
			options.name = &names[i];
			assert_int_equal(pawl_spawn(acc_root, &options,
						    i % 3 ? acc_sleep : yield_some, NULL,
						    &tasks[i]),
					 0);
		}
		acc_down(1000, &report);
		assert_int_equal(pawl_load_relaxed(&acc_warnings), 0);
		assert_int_equal(report.outcomes[PAWL_OUTCOME_COMPLETED] +
					 report.outcomes[PAWL_OUTCOME_CANCELLED],
				 1000);
		for (unsigned i = 0; i < 1000; i++)
			assert_int_equal(pawl_load_relaxed(&ends[i]), 1);
	}
}

static char reported[PAWL_OUTCOME_COUNT][16];

static void keep_name(const struct pawl_diagnostic *diagnostic)
{
	if (diagnostic->kind == PAWL_DIAGNOSTIC_ENDED)
		strcpy(reported[diagnostic->outcome], diagnostic->name);
}

/* One of each kind: the report has it, and the event names it. It succeeds only without the stuck one. */
static void case_report(void **state)
{
	static const struct {
		const char *name;
		pawl_body_fn *body;
		enum pawl_outcome outcome;
	} kinds_of_ends[] = {
		{"completes", acc_quick, PAWL_OUTCOME_COMPLETED},
		{"fails", fail_by_return, PAWL_OUTCOME_FAILED},
		{"sleeps", acc_sleep, PAWL_OUTCOME_CANCELLED},
		{"deaf", acc_deaf, PAWL_OUTCOME_ABORTED},
		{"astray", acc_astray, PAWL_OUTCOME_STUCK},
	};
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_shutdown_report report, again;
	pawl_task_t tasks[5];

	(void)state;
	for (unsigned n = 4; n <= 5; n++) {
		acc_up(2);
		acc_hook = keep_name;
		memset(reported, 0, sizeof(reported));
		for (unsigned i = 0; i < n; i++) {
			options.name = kinds_of_ends[i].name;
			assert_int_equal(pawl_spawn(acc_root, &options, kinds_of_ends[i].body,
						    NULL, &tasks[i]),
					 0);
			/* fails does not count itself. */
			t_wait_until(pawl_load_relaxed(&acc_ran) == i + (i < 1));
			if (kinds_of_ends[i].outcome == PAWL_OUTCOME_CANCELLED && n == 5)
				assert_int_equal(pawl_task_cancel(acc_rt, tasks[i]), 0);
			if (kinds_of_ends[i].outcome == PAWL_OUTCOME_ABORTED)
				assert_int_equal(pawl_task_force(acc_rt, tasks[i]), 0);
			if (i < 2 || (n == 5 && i < 4))
				acc_outcome(tasks[i]);
		}
		/* Where one is stuck the time of its grace is none of the others'. */
		assert_int_equal(pawl_runtime_shutdown(acc_rt, n == 5 ? 1000000 : PAWL_FOREVER,
						       &report),
				 n == 5 ? -EBUSY : 0);
		assert_int_equal(pawl_runtime_shutdown(acc_rt, 0, &again), n == 5 ? -EBUSY : 0);
		assert_memory_equal(&report, &again, sizeof(report));
		for (unsigned i = 0; i < n; i++) {
			enum pawl_outcome outcome = kinds_of_ends[i].outcome;

			assert_int_equal(report.outcomes[outcome], 1);
			assert_string_equal(reported[outcome], kinds_of_ends[i].name);
			assert_int_equal(acc_outcome(tasks[i]), outcome);
			assert_int_equal(pawl_task_drop(acc_rt, tasks[i]), 0);
		}
		assert_int_equal(report.outcomes[PAWL_OUTCOME_STUCK], n == 5);
		pawl_store_release(&acc_go, 1u);
		t_wait_until(pawl_runtime_destroy(acc_rt) == 0);
		acc_hook = NULL;
		t_step();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_one_event_each),
		cmocka_unit_test(case_hostile_sink),
		cmocka_unit_test(case_sink_holds_no_lock),
		cmocka_unit_test(case_start_refused),
		T_OOM(oom_start),
		cmocka_unit_test(case_broken_clock),
		cmocka_unit_test(case_ordinary_end),
		cmocka_unit_test(case_report),
	};

	return t_run("accept-ends", tests);
}
