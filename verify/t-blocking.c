/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/runtime/blocking.c over the files below it, as shipped (standin.h): the thread of the pool
 * is one that the checker knows. What a call does is plain data that the body reads when it is back, and
 * the job lies on the body's stack: a thread that touches it too late is a race.
 *
 *  call             a body hands a call over and sleeps; the pool ends beside
 *  call-cancel      it is cancelled: withdrawn, or waited for
 *  two-calls        two bodies, one thread
 */
/* mc-sources: engine/runtime/blocking.c engine/runtime/body.c engine/runtime/edges.c */
/* mc-sources: engine/runtime/group-api.c engine/runtime/group.c engine/runtime/idle.c */
/* mc-sources: engine/runtime/join.c engine/runtime/lifetime.c engine/runtime/reactor.c */
/* mc-sources: engine/runtime/runtime.c engine/runtime/spawn.c engine/runtime/supervise.c */
/* mc-sources: engine/runtime/task.c engine/runtime/token.c engine/runtime/jobs.c */
/* mc-sources: engine/runtime/thread.c engine/runtime/watch.c engine/runtime/trace.c */
/* mc-sources: engine/runtime/trace-ring.c engine/runtime/text.c */
#include "standin.h"

static pawl_task_t tasks[2];
static unsigned called[2];
static int answers[2];

static int call(void *arg)
{
	(*(unsigned *)arg)++;
	return 3;
}

static int body(void *arg, void **ret_value)
{
	unsigned me = (unsigned)((unsigned *)arg - called);
	struct {
		unsigned count;
	} frame = {0};

	(void)ret_value;
	answers[me] = pawl_blocking(rt, call, &frame.count);
	mc_assert(answers[me] == 3 ? frame.count == 1
				   : answers[me] == -ECANCELED && frame.count == 0);
	called[me] = frame.count;
	return answers[me] < 0 ? answers[me] : 0;
}

static void setup_bodies(unsigned count)
{
	standin_setup(2);
	mc_assert(eng_blocking_init(&rt->blocking, 1) == 0);
	memset(called, 0, sizeof(called));
	memset(answers, 0, sizeof(answers));
	memset(tasks, 0, sizeof(tasks));
	for (unsigned i = 0; i < count; i++) {
		mc_assert(pawl_spawn(rt->root, NULL, body, &called[i], &tasks[i]) == 0);
		standin_claim_given();
		standin_give(i);
	}
}

static void setup(void)
{
	setup_bodies(1);
}

static void setup_two(void)
{
	setup_bodies(2);
}

static void cancel(void)
{
	int error = pawl_task_cancel(rt, tasks[0]);

	mc_assert(error == 0 || error == -EALREADY);
}

static void finish(void)
{
	for (unsigned i = 0; i < 2; i++) {
		if (tasks[i].pawl_id)
			mc_assert(pawl_task_drop(rt, tasks[i]) == 0);
	}
	eng_blocking_fini(&rt->blocking);
	pawl_group_close(rt->root);
	standin_finish();
}

static void finish_called(void)
{
	mc_assert(answers[0] == 3 && called[0] == 1);
	mc_assert(!tasks[1].pawl_id || (answers[1] == 3 && called[1] == 1));
	finish();
}

#define BLOCKING(NAME, QUICK, SETUP, FINISH, ...)                                              \
	{                                                                                      \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH,      \
		.ideal_locks = true, .ideal_parks = true, .no_spurious = true, .quick = QUICK, \
		.keeps_memory = true, .native_divisor = 8                                      \
	}

static const struct mc_scenario scenarios[] = {
	BLOCKING("call", true, setup, finish_called, standin_run_own),
	BLOCKING("call-cancel", true, setup, finish, standin_run_own, cancel),
	BLOCKING("two-calls", false, setup_two, finish_called, standin_run_own,
		 standin_run_own),
};

MC_MAIN(scenarios)
