/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-supervision.c - pawl/group.h: groups in a tree, cancelling, forcing, failing, shutting down, and
 * what is told about it.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/runtime.h>

static struct pawl_runtime *rt;
static struct pawl_group *root;
static struct pawl_atomic_u32 ran, freed, told[PAWL_OUTCOME_COUNT], refusals, restarts;
static struct pawl_atomic_u32 go;
static struct pawl_event never;
static struct pawl_atomic_u64 virtual_ns;
/* What the sink does beside counting. */
static void (*hostile)(const struct pawl_diagnostic *diagnostic);

static void sink(void *arg, const struct pawl_diagnostic *diagnostic)
{
	t_check(arg == &told);
	t_check(!strcmp(diagnostic->component, "runtime"));
	switch (diagnostic->kind) {
	case PAWL_DIAGNOSTIC_ENDED:
		pawl_add_relaxed(&told[diagnostic->outcome], 1u);
		break;
	case PAWL_DIAGNOSTIC_REFUSED:
		pawl_add_relaxed(&refusals, 1u);
		break;
	default:
		pawl_add_relaxed(&restarts, 1u);
		break;
	}
	if (hostile)
		hostile(diagnostic);
}

static uint64_t virtual_now(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&virtual_ns);
}

static void advance_to(uint64_t ns)
{
	pawl_store_relaxed(&virtual_ns, ns);
	pawl_runtime_clock_moved(rt);
}

static void up(uint32_t workers)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	options.workers = workers;
	options.now = virtual_now;
	options.sink = sink;
	options.sink_arg = &told;
	for (unsigned i = 0; i < PAWL_OUTCOME_COUNT; i++)
		pawl_store_relaxed(&told[i], 0u);
	pawl_store_relaxed(&ran, 0u);
	pawl_store_relaxed(&freed, 0u);
	pawl_store_relaxed(&refusals, 0u);
	pawl_store_relaxed(&restarts, 0u);
	pawl_store_relaxed(&go, 0u);
	pawl_store_relaxed(&virtual_ns, 1000u);
	pawl_event_init(&never);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
	root = pawl_runtime_root(rt);
}

/* Everything ended once, and was told once. */
static void down(uint64_t spawned)
{
	struct pawl_shutdown_report report, again;
	uint64_t sum = 0;

	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, &report), 0);
	assert_int_equal(pawl_runtime_shutdown(rt, 0, &again), 0);
	assert_memory_equal(&report, &again, sizeof(report));
	for (unsigned i = 0; i < PAWL_OUTCOME_COUNT; i++) {
		assert_int_equal(report.outcomes[i], pawl_load_relaxed(&told[i]));
		sum += report.outcomes[i];
	}
	assert_int_equal(sum, spawned);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
	hostile = NULL;
}

/* ---- bodies -------------------------------------------------------------------------- */

static int sleep_for_ever(void *arg, void **ret_value)
{
	struct pawl_listener listener;

	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	pawl_event_listen(&never, &listener, "nothing", 0);
	return pawl_wait(&listener, PAWL_FOREVER);
}

static int quick(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	return 0;
}

/* Does not listen to requests before it is let go. */
static int deaf(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	while (!pawl_load_acquire(&go))
		pawl_yield();
	return 0;
}

/* Neither listens nor calls in. */
static int gone_astray(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	while (!pawl_load_acquire(&go))
		pawl_pause();
	return 0;
}

static void count_freed(void *arg)
{
	(void)arg;
	pawl_add_relaxed(&freed, 1u);
}

static pawl_task_t spawn(struct pawl_group *group, pawl_body_fn *body, void *arg)
{
	pawl_task_t task;

	assert_int_equal(pawl_spawn(group, NULL, body, arg, &task), 0);
	return task;
}

static struct pawl_group *group_in(struct pawl_group *parent, const char *name)
{
	struct pawl_group_options options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_group *group;

	options.name = name;
	assert_int_equal(pawl_group_create(parent, &options, &group), 0);
	return group;
}

static enum pawl_outcome outcome_of(pawl_task_t task)
{
	struct pawl_result result;

	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
	return result.outcome;
}

/* ---- handles --------------------------------------------------------------------------- */

static void case_handles_end_nobody(void **state)
{
	struct pawl_group *group;
	pawl_task_t task;

	(void)state;
	up(2);
	group = group_in(root, "a");
	task = spawn(group, sleep_for_ever, NULL);
	for (unsigned i = 0; i < 100; i++)
		pawl_group_get(group);
	for (unsigned i = 0; i < 100; i++)
		pawl_group_put(group);
	assert_false(pawl_group_cancelled(group));
	pawl_group_put(group);
	t_wait_until(pawl_load_relaxed(&ran) == 1);
	t_assert_errno(pawl_task_result(rt, task, &(struct pawl_result){0}), EINPROGRESS);
	pawl_task_drop(rt, task);
	assert_int_equal(pawl_load_relaxed(&told[PAWL_OUTCOME_CANCELLED]), 0);
	down(1);
}

/* A chain of groups whose handles go in every order. */
static void case_dropped_groups_live_on(void **state)
{
	static const unsigned orders[][5] = {
		{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}, {1, 3, 0, 2, 4}};

	(void)state;
	for (unsigned o = 0; o < 4; o++) {
		struct pawl_group *chain[5];
		pawl_task_t task;

		up(1);
		for (unsigned i = 0; i < 5; i++)
			chain[i] = group_in(i ? chain[i - 1] : root, "x");
		task = spawn(chain[4], sleep_for_ever, NULL);
		for (unsigned i = 0; i < 5; i++)
			pawl_group_put(chain[orders[o][i]]);
		t_wait_until(pawl_load_relaxed(&ran) == 1);
		t_assert_errno(pawl_task_result(rt, task, &(struct pawl_result){0}),
			       EINPROGRESS);
		pawl_task_drop(rt, task);
		down(1);
		t_step();
	}
}

static void case_cancel_of_nothing_stays(void **state)
{
	struct pawl_group *group, *before, *after;
	pawl_task_t task;

	(void)state;
	up(1);
	group = group_in(root, "a");
	before = group_in(group, "before");
	pawl_group_cancel(group);
	assert_true(pawl_group_cancelled(group));
	assert_true(pawl_group_cancelled(before));
	assert_int_equal(pawl_group_create(group, NULL, &after), -ESHUTDOWN);
	assert_int_equal(pawl_spawn(group, NULL, quick, NULL, &task), -ESHUTDOWN);
	assert_int_equal(pawl_spawn(before, NULL, quick, NULL, &task), -ESHUTDOWN);
	assert_int_equal(pawl_load_relaxed(&refusals), 2);
	assert_int_equal(pawl_group_wait(group, PAWL_FOREVER), 0);
	assert_false(pawl_group_cancelled(root));
	pawl_group_put(group);
	pawl_group_put(before);
	down(0);
	assert_int_equal(pawl_load_relaxed(&ran), 0);
}

static void case_cancelled_before_its_first_step(void **state)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	unsigned n = t_scaled(1000);
	pawl_task_t blocker, task;

	(void)state;
	up(1);
	options.free_arg = count_freed;
	blocker = spawn(root, gone_astray, NULL);
	t_wait_until(pawl_load_relaxed(&ran) == 1);
	for (unsigned i = 0; i < n; i++) {
		struct pawl_group *group = group_in(root, "a");

		assert_int_equal(pawl_spawn(group, &options, quick, NULL, &task), 0);
		if (i % 2)
			pawl_group_cancel(group);
		else
			assert_int_equal(pawl_task_cancel(rt, task), 0);
		pawl_group_put(group);
		assert_int_equal(pawl_task_drop(rt, task), 0);
		t_step();
	}
	pawl_store_release(&go, 1u);
	assert_int_equal(outcome_of(blocker), PAWL_OUTCOME_COMPLETED);
	assert_int_equal(pawl_task_drop(rt, blocker), 0);
	down(n + 1);
	assert_int_equal(pawl_load_relaxed(&freed), n);
}

static void case_waits_for_who_does_not_listen(void **state)
{
	struct pawl_task_info info;
	struct pawl_group *group;

	(void)state;
	up(2);
	group = group_in(root, "a");
	pawl_task_drop(rt, spawn(group, deaf, NULL));
	t_wait_until(pawl_load_relaxed(&ran) == 1);
	pawl_group_cancel(group);
	assert_int_equal(pawl_group_wait(group, 0), -ETIMEDOUT);
	assert_int_equal(pawl_group_tasks(group, 1, &info), 1);
	assert_int_equal(info.state, PAWL_TASK_RUNNING);
	assert_true(info.cancelled);
	pawl_store_release(&go, 1u);
	assert_int_equal(pawl_group_wait(group, PAWL_FOREVER), 0);
	assert_int_equal(pawl_group_tasks(group, 1, &info), 0);
	pawl_group_put(group);
	/* It completed after all. */
	assert_int_equal(pawl_load_relaxed(&told[PAWL_OUTCOME_COMPLETED]), 1);
	down(1);
}

static void case_tree_counts(void **state)
{
	struct pawl_group *chain[5];
	struct pawl_group_counts counts;
	struct pawl_task_info infos[32];

	(void)state;
	up(2);
	chain[0] = root;
	for (unsigned i = 1; i < 5; i++)
		chain[i] = group_in(chain[i - 1], "level");
	for (unsigned i = 0; i < 5; i++)
		for (unsigned k = 0; k <= i; k++)
			pawl_task_drop(rt, spawn(chain[i], sleep_for_ever, NULL));
	for (unsigned i = 0; i < 5; i++) {
		unsigned below = 0;

		for (unsigned k = i; k < 5; k++)
			below += k + 1;
		pawl_group_counts_read(chain[i], &counts);
		assert_int_equal(counts.live, below);
		assert_int_equal(pawl_group_tasks(chain[i], 32, infos), below);
	}
	pawl_group_cancel(chain[1]);
	assert_int_equal(pawl_group_wait(chain[1], PAWL_FOREVER), 0);
	/* A group has drained a moment before it leaves the one above. */
	t_wait_until((pawl_group_counts_read(root, &counts), counts.live == 1));
	assert_int_equal(counts.outcomes[PAWL_OUTCOME_CANCELLED], 14);
	for (unsigned i = 1; i < 5; i++)
		pawl_group_put(chain[i]);
	pawl_retire_barrier();
	pawl_group_counts_read(root, &counts);
	assert_int_equal(counts.outcomes[PAWL_OUTCOME_CANCELLED], 14);
	down(15);
}

static void case_names(void **state)
{
	struct pawl_group_options options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_group *a, *b, *c;
	char one[64], two[64];
	size_t length;

	(void)state;
	up(1);
	a = group_in(root, "build");
	b = group_in(a, "compile");
	c = group_in(a, "compile");
	length = pawl_group_path(b, one, sizeof(one));
	assert_int_equal(length, strlen(one));
	pawl_group_path(c, two, sizeof(two));
	assert_int_equal(strncmp(one, "runtime.build.compile#", 22), 0);
	assert_string_not_equal(one, two);
	for (size_t len = 0; len < 30; len++) {
		char cut[64];

		memset(cut, 'x', sizeof(cut));
		assert_int_equal(pawl_group_path(b, cut, len), length);
		if (len) {
			assert_int_equal(strncmp(cut, one, len - 1), 0);
			assert_true(strlen(cut) < len);
		}
		assert_int_equal(cut[len], 'x');
	}
	options.name = "a.b";
	assert_int_equal(pawl_group_create(root, &options, &c), -EINVAL);
	options.name = "";
	assert_int_equal(pawl_group_create(root, &options, &c), -EINVAL);
	pawl_group_put(a);
	pawl_group_put(b);
	pawl_group_put(c);
	down(0);
}

static void case_limit(void **state)
{
	struct pawl_group_options options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_group *group;
	pawl_task_t tasks[3], more;

	(void)state;
	up(1);
	options.most = 3;
	assert_int_equal(pawl_group_create(root, &options, &group), 0);
	for (unsigned i = 0; i < 3; i++)
		tasks[i] = spawn(group, sleep_for_ever, NULL);
	assert_int_equal(pawl_spawn(group, NULL, quick, NULL, &more), -EAGAIN);
	assert_int_equal(pawl_task_cancel(rt, tasks[1]), 0);
	t_wait_until(!pawl_spawn(group, NULL, quick, NULL, &more));
	pawl_group_put(group);
	down(4);
}

/* ---- force ------------------------------------------------------------------------------- */

static void cleanup(void *arg)
{
	pawl_add_relaxed((struct pawl_atomic_u32 *)arg, 1u);
}

static struct pawl_atomic_u32 cleaned;

/* Ignores being cancelled; only force ends it. */
static int stubborn(void *arg, void **ret_value)
{
	struct pawl_cleanup outer, inner;

	(void)arg;
	(void)ret_value;
	pawl_cleanup_push(&outer, cleanup, &cleaned);
	pawl_cleanup_push(&inner, cleanup, &cleaned);
	pawl_add_relaxed(&ran, 1u);
	for (;;) {
		struct pawl_listener listener;

		pawl_event_listen(&never, &listener, "nothing", 0);
		if (pawl_wait(&listener, PAWL_FOREVER) == -ECANCELED)
			pawl_yield();
	}
	return 0;
}

static void case_force(void **state)
{
	struct pawl_result result;
	pawl_task_t task;

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		up(workers);
		pawl_store_relaxed(&cleaned, 0u);
		task = spawn(root, stubborn, NULL);
		t_wait_until(pawl_load_relaxed(&ran) == 1);
		assert_int_equal(pawl_task_cancel(rt, task), 0);
		t_assert_errno(pawl_task_result(rt, task, &result), EINPROGRESS);
		assert_int_equal(pawl_task_force(rt, task), 0);
		assert_int_equal(outcome_of(task), PAWL_OUTCOME_ABORTED);
		assert_int_equal(pawl_load_relaxed(&cleaned), 2);
		pawl_task_drop(rt, task);
		down(1);
		t_step();
	}
}

/* Forced while it waits for another one, by name: that one lives on. */
static struct pawl_atomic_u32 swept;

/* Calls that look for a force: it is not left by that. */
static void clean(void *arg)
{
	(void)arg;
	(void)pawl_cancelled();
	pawl_add_relaxed(&swept, 1u);
}

static int with_cleanups(void *arg, void **ret_value)
{
	struct pawl_cleanup cleanups[3];

	for (unsigned i = 0; i < 3; i++)
		pawl_cleanup_push(&cleanups[i], clean, NULL);
	if (arg) {
		pawl_add_relaxed(&ran, 1u);
		/* Forced by the time it leaves of its own accord. */
		t_wait_until(pawl_load_relaxed(&go) == 1);
		pawl_exit(-EIO, NULL);
	}
	return sleep_for_ever(arg, ret_value);
}

static void case_cleanups_are_not_left(void **state)
{
	(void)state;
	for (uintptr_t exits = 0; exits < 2; exits++) {
		pawl_task_t task;

		up(1);
		pawl_store_relaxed(&swept, 0u);
		task = spawn(root, with_cleanups, (void *)exits);
		t_wait_until(pawl_load_relaxed(&ran) == 1);
		assert_int_equal(pawl_task_force(rt, task), 0);
		pawl_store_relaxed(&go, 1u);
		assert_int_equal(outcome_of(task),
				 exits ? PAWL_OUTCOME_FAILED : PAWL_OUTCOME_ABORTED);
		assert_int_equal(pawl_load_relaxed(&swept), 3);
		pawl_task_drop(rt, task);
		down(1);
		t_step();
	}
}

static int wait_for(void *arg, void **ret_value)
{
	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	return pawl_task_wait(rt, *(pawl_task_t *)arg, PAWL_FOREVER, NULL);
}

static void case_force_in_a_join(void **state)
{
	pawl_task_t other, waiter;

	(void)state;
	up(2);
	other = spawn(root, sleep_for_ever, NULL);
	t_wait_until(pawl_load_relaxed(&ran) == 1);
	waiter = spawn(root, wait_for, &other);
	t_wait_until(pawl_load_relaxed(&ran) == 2);
	assert_int_equal(pawl_task_force(rt, waiter), 0);
	assert_int_equal(outcome_of(waiter), PAWL_OUTCOME_ABORTED);
	t_assert_errno(pawl_task_result(rt, other, &(struct pawl_result){0}), EINPROGRESS);
	pawl_task_drop(rt, other);
	pawl_task_drop(rt, waiter);
	down(2);
}

static int leave(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_exit(-EILSEQ, "byte %d", 17);
}

static void case_exit(void **state)
{
	struct pawl_result result;
	pawl_task_t task;

	(void)state;
	up(1);
	task = spawn(root, leave, NULL);
	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
	assert_int_equal(result.outcome, PAWL_OUTCOME_FAILED);
	assert_int_equal(result.error, -EILSEQ);
	assert_string_equal(result.message, "byte 17");
	assert_int_equal(outcome_of(spawn(root, quick, NULL)), PAWL_OUTCOME_COMPLETED);
	down(2);
}

/* Shutting down gives up who does not come back, and says so. */
static void case_stuck(void **state)
{
	struct pawl_shutdown_report report;
	struct pawl_result result;
	pawl_task_t task, queued;

	(void)state;
	up(1);
	task = spawn(root, gone_astray, NULL);
	t_wait_until(pawl_load_relaxed(&ran) == 1);
	queued = spawn(root, quick, NULL);
	assert_int_equal(pawl_runtime_shutdown(rt, 1000000, &report), -EBUSY);
	assert_int_equal(report.outcomes[PAWL_OUTCOME_STUCK], 1);
	assert_int_equal(report.outcomes[PAWL_OUTCOME_CANCELLED], 1);
	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
	assert_int_equal(result.outcome, PAWL_OUTCOME_STUCK);
	assert_int_equal(outcome_of(queued), PAWL_OUTCOME_CANCELLED);
	assert_int_equal(pawl_runtime_destroy(rt), -EBUSY);
	/* It comes back after all. */
	pawl_store_release(&go, 1u);
	t_wait_until(pawl_runtime_destroy(rt) == 0);
	assert_int_equal(pawl_load_relaxed(&told[PAWL_OUTCOME_STUCK]), 1);
	assert_int_equal(pawl_load_relaxed(&told[PAWL_OUTCOME_COMPLETED]), 0);
}

/* Its name lies in its argument. */
static char named[8];

static int astray_and_back(void *arg, void **ret_value)
{
	(void)gone_astray(arg, ret_value);
	pawl_add_relaxed(&ran, 1u);
	return 0;
}

static void wipe(void *arg)
{
	t_check(arg == named);
	pawl_add_relaxed(&freed, 1u);
}

/* The body comes back while it is told that it does not. */
static void lets_it_come_back(const struct pawl_diagnostic *diagnostic)
{
	if (diagnostic->outcome != PAWL_OUTCOME_STUCK)
		return;
	pawl_store_release(&go, 1u);
	t_wait_until(pawl_load_relaxed(&ran) == 2);
	/* Room for a mistake. */
	for (unsigned i = 0; i < 1000; i++)
		t_yield();
	t_check(pawl_load_relaxed(&freed) == 0);
	t_check(!strcmp(diagnostic->name, "named"));
}

static void case_back_while_it_is_told(void **state)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_shutdown_report report;

	(void)state;
	up(1);
	hostile = lets_it_come_back;
	strcpy(named, "named");
	options.name = named;
	options.free_arg = wipe;
	assert_int_equal(pawl_spawn(root, &options, astray_and_back, named, NULL), 0);
	t_wait_until(pawl_load_relaxed(&ran) == 1);
	(void)pawl_runtime_shutdown(rt, 1000, &report);
	t_wait_until(pawl_runtime_destroy(rt) == 0);
	assert_int_equal(pawl_load_relaxed(&told[PAWL_OUTCOME_STUCK]), 1);
	assert_int_equal(pawl_load_relaxed(&freed), 1);
	hostile = NULL;
}

/* ---- failing ---------------------------------------------------------------------------- */

static int fail_with(void *arg, void **ret_value)
{
	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	pawl_exit(-EIO, "%s", (const char *)arg);
}

static void case_policies(void **state)
{
	struct pawl_group_options options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_group *outer, *inner;
	struct pawl_result result;
	pawl_task_t uncle, sibling, failing;

	(void)state;
	for (unsigned policy = PAWL_FAILURE_IGNORE; policy <= PAWL_FAILURE_ESCALATE; policy++) {
		up(2);
		options.policy = PAWL_FAILURE_CANCEL_SIBLINGS;
		assert_int_equal(pawl_group_create(root, &options, &outer), 0);
		options.policy = (enum pawl_failure_policy)policy;
		assert_int_equal(pawl_group_create(outer, &options, &inner), 0);
		uncle = spawn(outer, sleep_for_ever, NULL);
		sibling = spawn(inner, sleep_for_ever, NULL);
		t_wait_until(pawl_load_relaxed(&ran) == 2);
		failing = spawn(inner, fail_with, (void *)(uintptr_t) "boom");
		assert_int_equal(pawl_task_wait(rt, failing, PAWL_FOREVER, &result), 0);
		assert_string_equal(result.message, "boom");
		if (policy == PAWL_FAILURE_IGNORE)
			t_assert_errno(pawl_task_result(rt, sibling, &result), EINPROGRESS);
		else
			assert_int_equal(outcome_of(sibling), PAWL_OUTCOME_CANCELLED);
		if (policy == PAWL_FAILURE_ESCALATE)
			assert_int_equal(outcome_of(uncle), PAWL_OUTCOME_CANCELLED);
		else
			t_assert_errno(pawl_task_result(rt, uncle, &result), EINPROGRESS);
		pawl_group_put(outer);
		pawl_group_put(inner);
		down(3);
		t_step();
	}
}

static void case_restart(void **state)
{
	struct pawl_group_options options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_group *group;
	pawl_task_t task;

	(void)state;
	up(1);
	options.policy = PAWL_FAILURE_RESTART;
	options.restarts = 4;
	options.backoff_ns = 10;
	options.backoff_most_ns = 40;
	options.window_ns = 1000000;
	assert_int_equal(pawl_group_create(root, &options, &group), 0);
	task = spawn(group, fail_with, (void *)(uintptr_t) "again");
	/* After 10, 20, 40, 40: five runs, and then it has failed. */
	for (uint32_t run = 1; run <= 5; run++) {
		static const uint64_t due[] = {0, 10, 30, 70, 110};

		if (run > 1) {
			advance_to(1000 + due[run - 1] - 1);
			assert_int_equal(pawl_load_relaxed(&ran), run - 1);
			advance_to(1000 + due[run - 1]);
		}
		t_wait_until(pawl_load_relaxed(&ran) == run);
		/* Until it sleeps with its deadline, so that the clock may move. */
		if (run < 5)
			t_wait_until(pawl_load_relaxed(&restarts) == run);
	}
	assert_int_equal(outcome_of(task), PAWL_OUTCOME_FAILED);
	/* Who does not sleep for the outcome may see it before what follows from it. */
	t_wait_until(pawl_group_cancelled(group));
	pawl_group_put(group);
	down(1);
}

/* ---- scopes ------------------------------------------------------------------------------- */

/* The counts once everybody has left: a task is final a moment before it leaves. */
static void settled_counts(struct pawl_group_counts *ret_counts)
{
	t_wait_until((pawl_group_counts_read(root, ret_counts), ret_counts->live == 0));
	/* Those that left while they were counted. */
	pawl_group_counts_read(root, ret_counts);
}

static int scope_ok(struct pawl_group *group, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 20; i++)
		t_check(!pawl_spawn(group, NULL, quick, NULL, NULL));
	return 0;
}

static int scope_fails(struct pawl_group *group, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 20; i++)
		t_check(!pawl_spawn(group, NULL, sleep_for_ever, NULL, NULL));
	return -EDOM;
}

static int scoped_body(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	t_check(pawl_scope(root, NULL, scope_ok, NULL) == 0);
	t_check(pawl_load_relaxed(&ran) == 20);
	t_check(pawl_scope(root, NULL, scope_fails, NULL) == -EDOM);
	return 0;
}

static void case_scope(void **state)
{
	struct pawl_group_counts counts;

	(void)state;
	for (unsigned in_body = 0; in_body < 2; in_body++) {
		up(1);
		if (in_body)
			assert_int_equal(outcome_of(spawn(root, scoped_body, NULL)),
					 PAWL_OUTCOME_COMPLETED);
		else
			scoped_body(NULL, NULL);
		settled_counts(&counts);
		assert_int_equal(counts.outcomes[PAWL_OUTCOME_CANCELLED], 20);
		down(40 + in_body);
	}
}

/* The body that made the scope is forced in it: what lives there ends first. */
static int scope_waits(struct pawl_group *group, void *arg)
{
	for (unsigned i = 0; i < 5; i++)
		t_check(!pawl_spawn(group, NULL, sleep_for_ever, arg, NULL));
	pawl_add_relaxed(&go, 1u);
	return sleep_for_ever(NULL, NULL);
}

static int scope_for_ever(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	return pawl_scope(root, NULL, scope_waits, NULL);
}

static void case_forced_in_a_scope(void **state)
{
	struct pawl_group_counts counts;
	pawl_task_t task;

	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers++) {
		for (unsigned force = 0; force < 2; force++) {
			up(workers);
			task = spawn(root, scope_for_ever, NULL);
			t_wait_until(pawl_load_relaxed(&go) == 1);
			assert_int_equal(force ? pawl_task_force(rt, task)
					       : pawl_task_cancel(rt, task),
					 0);
			assert_int_equal(outcome_of(task),
					 force ? PAWL_OUTCOME_ABORTED : PAWL_OUTCOME_CANCELLED);
			settled_counts(&counts);
			assert_int_equal(counts.outcomes[PAWL_OUTCOME_CANCELLED] +
						 counts.outcomes[PAWL_OUTCOME_ABORTED],
					 6);
			pawl_task_drop(rt, task);
			down(6);
			t_step();
		}
	}
}

/* ---- sinks --------------------------------------------------------------------------------- */

static void reenter(const struct pawl_diagnostic *diagnostic)
{
	struct pawl_task_info infos[4];
	struct pawl_group_counts counts;
	char path[64];

	/* The table is as the event says. */
	if (diagnostic->kind == PAWL_DIAGNOSTIC_ENDED) {
		size_t n = pawl_group_tasks(diagnostic->group, 4, infos);

		for (size_t i = 0; i < n && i < 4; i++)
			t_check(infos[i].task.pawl_id != diagnostic->task.pawl_id);
	}
	pawl_group_path(diagnostic->group, path, sizeof(path));
	pawl_group_counts_read(diagnostic->group, &counts);
	t_check(pawl_task_self().pawl_id == 0);
	pawl_yield();
}

static void case_hostile_sink(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers++) {
		up(workers);
		hostile = reenter;
		for (unsigned i = 0; i < 100; i++)
			pawl_task_drop(rt, spawn(root, i % 3 ? quick : sleep_for_ever, NULL));
		down(100);
		t_step();
	}
}

static void shut(void *arg)
{
	struct pawl_shutdown_report *report = arg;

	t_check(!pawl_runtime_shutdown(rt, PAWL_FOREVER, report));
}

static void case_two_shutdowns(void **state)
{
	struct pawl_shutdown_report reports[3];
	struct t_thread *threads[3];

	(void)state;
	up(2);
	for (unsigned i = 0; i < 50; i++)
		pawl_task_drop(rt, spawn(root, i % 2 ? quick : sleep_for_ever, NULL));
	for (unsigned i = 0; i < 3; i++)
		threads[i] = t_thread_start(shut, &reports[i]);
	for (unsigned i = 0; i < 3; i++)
		t_thread_join(threads[i]);
	assert_memory_equal(&reports[0], &reports[1], sizeof(reports[0]));
	assert_memory_equal(&reports[0], &reports[2], sizeof(reports[0]));
	down(50);
}

/* Many, and an end: one event each, nothing is warned of. */
static void case_ordinary_end(void **state)
{
	(void)state;
	up(2);
	for (unsigned i = 0; i < 1000; i++)
		pawl_task_drop(rt, spawn(root, i % 2 ? quick : sleep_for_ever, NULL));
	down(1000);
	assert_int_equal(pawl_load_relaxed(&told[PAWL_OUTCOME_ABORTED]), 0);
	assert_int_equal(pawl_load_relaxed(&told[PAWL_OUTCOME_FAILED]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_handles_end_nobody),
		cmocka_unit_test(case_dropped_groups_live_on),
		cmocka_unit_test(case_cancel_of_nothing_stays),
		cmocka_unit_test(case_cancelled_before_its_first_step),
		cmocka_unit_test(case_waits_for_who_does_not_listen),
		cmocka_unit_test(case_tree_counts),
		cmocka_unit_test(case_names),
		cmocka_unit_test(case_limit),
		cmocka_unit_test(case_force),
		cmocka_unit_test(case_force_in_a_join),
		cmocka_unit_test(case_exit),
		cmocka_unit_test(case_stuck),
		cmocka_unit_test(case_cleanups_are_not_left),
		cmocka_unit_test(case_back_while_it_is_told),
		cmocka_unit_test(case_policies),
		cmocka_unit_test(case_restart),
		cmocka_unit_test(case_scope),
		cmocka_unit_test(case_forced_in_a_scope),
		cmocka_unit_test(case_hostile_sink),
		cmocka_unit_test(case_two_shutdowns),
		cmocka_unit_test(case_ordinary_end),
	};

	return t_run("supervision", tests);
}
