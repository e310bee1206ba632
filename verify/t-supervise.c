/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/runtime/supervise.c over the files below it, as shipped (standin.h): what a failure does to
 * others, while they do something. A body that sleeps for ever and is not told is a deadlock.
 *
 *  siblings         a failure cancels the group: its other body is told
 *  siblings-spawn   the same beside a spawn: refused, or told
 *  escalate         it goes up into the group above, where a body sleeps
 *  two-fail         two fail at once
 *  fail-shutdown    beside a shutdown
 *  restart-cancel   a body that is run again, beside its cancelling
 */
/* mc-sources: engine/runtime/blocking.c engine/runtime/body.c engine/runtime/edges.c */
/* mc-sources: engine/runtime/group-api.c engine/runtime/group.c engine/runtime/idle.c */
/* mc-sources: engine/runtime/join.c engine/runtime/lifetime.c engine/runtime/reactor.c */
/* mc-sources: engine/runtime/runtime.c engine/runtime/spawn.c engine/runtime/supervise.c */
/* mc-sources: engine/runtime/task.c engine/runtime/token.c engine/runtime/jobs.c */
/* mc-sources: engine/runtime/thread.c engine/runtime/watch.c engine/runtime/trace.c */
/* mc-sources: engine/runtime/trace-ring.c engine/runtime/text.c */
#include "standin.h"

static struct pawl_group *top, *group;
static struct pawl_event never;
static pawl_task_t tasks[2];
static unsigned runs[2], told[2];
static int spawned;

static void sink(void *arg, const struct pawl_diagnostic *diagnostic)
{
	(void)arg;
	if (diagnostic->kind == PAWL_DIAGNOSTIC_ENDED)
		told[diagnostic->name[0] - '0']++;
}

static int body_fails(void *arg, void **ret_value)
{
	(void)ret_value;
	(*(unsigned *)arg)++;
	return -EIO;
}

static int body_sleeps(void *arg, void **ret_value)
{
	struct pawl_listener listener;

	(void)ret_value;
	(*(unsigned *)arg)++;
	pawl_event_listen(&never, &listener, "never", 0);
	return pawl_wait(&listener, PAWL_FOREVER);
}

static int spawn_into(struct pawl_group *where, unsigned which, pawl_body_fn *body)
{
	static const char *const names[2] = {"0", "1"};
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	options.name = names[which];
	return pawl_spawn(where, &options, body, &runs[which], &tasks[which]);
}

static struct pawl_group *make_group(struct pawl_group *parent, enum pawl_failure_policy policy)
{
	struct pawl_group_options options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_group *made;

	options.name = "g";
	options.policy = policy;
	options.restarts = 1;
	options.backoff_ns = 0;
	mc_assert(pawl_group_create(parent, &options, &made) == 0);
	return made;
}

static void setup_policies(enum pawl_failure_policy above, enum pawl_failure_policy policy)
{
	standin_setup(2);
	rt->options.sink = sink;
	pawl_event_init(&never);
	memset(runs, 0, sizeof(runs));
	memset(told, 0, sizeof(told));
	memset(tasks, 0, sizeof(tasks));
	spawned = 0;
	top = make_group(rt->root, above);
	group = make_group(top, policy);
	mc_assert(spawn_into(group, 0, body_fails) == 0);
	standin_claim_given();
	standin_give(0);
}

static void setup_policy(enum pawl_failure_policy policy)
{
	setup_policies(PAWL_FAILURE_IGNORE, policy);
}

static void setup_siblings(void)
{
	setup_policy(PAWL_FAILURE_CANCEL_SIBLINGS);
	mc_assert(spawn_into(group, 1, body_sleeps) == 0);
	standin_claim_given();
	standin_give(1);
}

static void setup_spawn(void)
{
	setup_policy(PAWL_FAILURE_CANCEL_SIBLINGS);
}

static void setup_escalate(void)
{
	setup_policies(PAWL_FAILURE_CANCEL_SIBLINGS, PAWL_FAILURE_ESCALATE);
	mc_assert(spawn_into(top, 1, body_sleeps) == 0);
	standin_claim_given();
	standin_give(1);
}

static void setup_two(void)
{
	setup_policy(PAWL_FAILURE_CANCEL_SIBLINGS);
	mc_assert(spawn_into(group, 1, body_fails) == 0);
	standin_claim_given();
	standin_give(1);
}

static void setup_restart(void)
{
	setup_policy(PAWL_FAILURE_RESTART);
}

static void spawn_sleeping(void)
{
	spawned = spawn_into(group, 1, body_sleeps);
	mc_assert(spawned == 0 || spawned == -ESHUTDOWN);
	standin_run_own();
}

static void shut_down(void)
{
	mc_assert(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL) == 0);
	mc_assert(eng_lifetime_state(&group->life) == ENG_LIFETIME_DRAINED);
}

static void cancel(void)
{
	pawl_group_cancel(group);
}

static void finish(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct pawl_result result;

		mc_assert(told[i] == (tasks[i].pawl_id != 0));
		if (!tasks[i].pawl_id)
			continue;
		mc_assert(pawl_task_result(rt, tasks[i], &result) == 0);
		mc_assert(result.outcome == PAWL_OUTCOME_CANCELLED ||
			  (result.outcome == PAWL_OUTCOME_FAILED && runs[i]));
		mc_assert(pawl_task_drop(rt, tasks[i]) == 0);
	}
	mc_assert(runs[0] <= 2 && runs[1] <= 1);
	pawl_group_close(rt->root);
	mc_assert(eng_lifetime_state(&group->life) == ENG_LIFETIME_DRAINED);
	pawl_group_put(group);
	pawl_group_put(top);
	standin_finish();
}

/* It failed, and everybody has been told so. */
static void finish_failed(void)
{
	mc_assert(runs[0] == 1);
	mc_assert(pawl_group_cancelled(group));
	finish();
}

#define SUPERVISE(NAME, QUICK, SETUP, FINISH, ...)                                             \
	{                                                                                      \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH,      \
		.ideal_locks = true, .ideal_parks = true, .no_spurious = true, .quick = QUICK, \
		.keeps_memory = true                                                           \
	}

static const struct mc_scenario scenarios[] = {
	SUPERVISE("siblings", true, setup_siblings, finish_failed, standin_run_own,
		  standin_run_own),
	SUPERVISE("siblings-spawn", true, setup_spawn, finish_failed, standin_run_own,
		  spawn_sleeping),
	SUPERVISE("escalate", true, setup_escalate, finish_failed, standin_run_own,
		  standin_run_own),
	SUPERVISE("two-fail", false, setup_two, finish, standin_run_own, standin_run_own),
	SUPERVISE("fail-shutdown", false, setup_spawn, finish, standin_run_own, shut_down),
	SUPERVISE("restart-cancel", true, setup_restart, finish, standin_run_own, cancel),
};

MC_MAIN(scenarios)
