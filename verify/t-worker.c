/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of the runtime with its worker: a thread runs eng_worker_main(), as it is shipped, with bodies on
 * fibres, and another one makes calls. A body that has what it waited for ends the worker; if the worker
 * sleeps on beside it, that is a deadlock. Who starts from outside is not here: between the two steps of a
 * push into a lane a worker looks again and again, which is explored turn by turn. t-lanes.c and t-idle.c have
 * that, each with the other one's contract.
 *
 *  woken        a body sleeps, the thread notifies: through the mailbox, to a worker about to sleep
 *  cancelled    the same, asked to end
 *  forced       the same by force: unwound
 *  lent         the thread lends its lane to what it waits for, and sleeps: the worker finds it in two
 *               queues, and starts it once
 *  lent-not     the same by one that does not wait on: what it lent goes back
 *  lent-again   two that wait one after the other: it is lent anew where the first loan was taken back
 */
/* mc-sources: engine/runtime/blocking.c engine/runtime/body.c engine/runtime/edges.c */
/* mc-sources: engine/runtime/group-api.c engine/runtime/group.c engine/runtime/idle.c */
/* mc-sources: engine/runtime/join.c engine/runtime/lifetime.c engine/runtime/reactor.c */
/* mc-sources: engine/runtime/runtime.c engine/runtime/spawn.c engine/runtime/supervise.c */
/* mc-sources: engine/runtime/task.c engine/runtime/token.c engine/runtime/jobs.c engine/runtime/wheel.c engine/runtime/worker.c */
/* mc-sources: engine/runtime/thread.c engine/runtime/watch.c engine/runtime/trace.c */
/* mc-sources: engine/runtime/trace-ring.c engine/runtime/text.c */
/* mc-sources: engine/runtime/queues.c engine/runtime/host.c engine/runtime/watchdog.c */
#include "scenario.h"

#include <errno.h>

#include <pawl/group.h>
#include <pawl/join.h>

#include "../engine/runtime/worker.h"

static struct pawl_runtime *rt;
static pawl_task_t handle;
static struct pawl_event event;
static struct pawl_atomic_u32 begun, there;
static unsigned ran, unwound;

static void setup(void)
{
	struct pawl_lanes_options lanes = PAWL_LANES_OPTIONS_INIT;
	struct pawl_fiber_config config = PAWL_FIBER_CONFIG_INIT;
	struct eng_task *task;
	int error;

	scn_attach();
	/* Few bytes for the checker to copy. Natively stacks stay from run to run. */
	config.slab_stacks = 2;
	config.batch_stacks = 1;
	error = pawl_fiber_configure(&config);
	mc_assert(!error || error == -EBUSY);
	ran = unwound = 0;
	pawl_event_init(&event);
	pawl_init_word(&begun, 0u);
	pawl_init_word(&there, 0u);
	rt = pawl_mem_zalloc(sizeof(*rt), PAWL_LINE_BYTES);
	mc_assert(rt);
	rt->options.workers = 1;
	/* The smallest. */
	rt->options.stack_bytes = mc_exploring() ? 1 : 65536;
	mc_assert(eng_tasks_create(1, &rt->tasks) == 0);
	lanes.lanes = 1;
	for (unsigned i = 0; i < 3; i++)
		mc_assert(pawl_lanes_create(&lanes, &rt->lanes[i]) == 0);
	rt->workers = pawl_mem_zalloc(sizeof(*rt->workers), PAWL_LINE_BYTES);
	mc_assert(rt->workers);
	rt->worker_count = rt->worker_most = 1;
	pawl_init_word(&rt->there, 1u);
	mc_assert(eng_worker_init(&rt->workers[0], rt, 0) == 0);
	mc_assert(eng_blocking_init(&rt->blocking, 1) == 0);
	eng_reactor_init(&rt->reactor);
	eng_idle_init(&rt->idle, 1);
	pthread_mutex_init(&rt->start_mutex, NULL);
	pthread_cond_init(&rt->start_changed, NULL);
	pawl_event_init(&rt->shutdown_done);
	eng_forest_init(&rt->forest, rt->tasks);
	mc_assert(eng_group_make(&rt->forest, NULL, "runtime", ENG_GROUP_MOST, NULL,
				 &rt->root) == 0);
	/* The records of the table are there. */
	mc_assert(eng_task_make(rt->tasks, 1, 0, &task) == 0);
	eng_task_unmake(rt->tasks, task);
}

static void finish(void)
{
	mc_assert(ran + unwound == 1);
	mc_assert(pawl_task_drop(rt, handle) == 0);
	pawl_group_close(rt->root);
	/* It is not joined: it was not created. */
	rt->begun = 0;
	pawl_store_relaxed(&rt->shutdown, ENG_DOWN);
	mc_assert(pawl_runtime_destroy(rt) == 0);
	pawl_thread_detach();
}

static void worker(void)
{
	eng_worker_main(&rt->workers[0]);
}

/* ---- bodies ---------------------------------------------------------------------- */

/* When the body is over, and waits for nothing any more. */
static void end_worker(void *arg)
{
	(void)arg;
	pawl_store_relaxed(&rt->stop, 1u);
}

static int body_ends(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	ran++;
	return 0;
}

static int body_waits(void *arg, void **ret_value)
{
	while (!pawl_load_relaxed(&there)) {
		struct pawl_listener listener;

		pawl_event_listen(&event, &listener, "there", 0);
		if (pawl_load_relaxed(&there))
			pawl_event_unlisten(&listener);
		else
			mc_assert(pawl_wait(&listener, PAWL_FOREVER) == 0);
	}
	return body_ends(arg, ret_value);
}

static void unwind(void *arg)
{
	(void)arg;
	unwound++;
}

/* For ever, unless asked to end. */
static int body_sleeps(void *arg, void **ret_value)
{
	struct pawl_listener listener;
	struct pawl_cleanup cleanup;
	int error;

	pawl_cleanup_push(&cleanup, unwind, NULL);
	pawl_store_release(&begun, 1u);
	pawl_event_listen(&event, &listener, "never", 0);
	error = pawl_wait(&listener, PAWL_FOREVER);
	pawl_cleanup_pop(&cleanup, false);
	(void)body_ends(arg, ret_value);
	return error;
}

/* It waits in a lane: the worker has not begun. */
static void spawn(pawl_body_fn *body)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	options.lane = PAWL_LANE_SYNC;
	options.free_arg = end_worker;
	mc_assert(pawl_spawn(rt->root, &options, body, NULL, &handle) == 0);
}

/* ---- sleeping ---------------------------------------------------------------------- */

static void setup_waits(void)
{
	setup();
	spawn(body_waits);
}

static void notify(void)
{
	pawl_store_relaxed(&there, 1u);
	pawl_event_notify_all(&event);
}

static void setup_sleeps(void)
{
	setup();
	spawn(body_sleeps);
}

static void cancel(void)
{
	scn_await(&begun, 1);
	mc_assert(pawl_task_cancel(rt, handle) == 0);
}

static void force(void)
{
	scn_await(&begun, 1);
	mc_assert(pawl_task_force(rt, handle) == 0);
}

static void finish_outcome(enum pawl_outcome outcome)
{
	struct pawl_result result;

	mc_assert(pawl_task_result(rt, handle, &result) == 0);
	mc_assert(result.outcome == outcome);
	finish();
}

static void finish_cancelled(void)
{
	mc_assert(ran == 1);
	finish_outcome(PAWL_OUTCOME_CANCELLED);
}

static void finish_forced(void)
{
	mc_assert(unwound == 1);
	finish_outcome(PAWL_OUTCOME_ABORTED);
}

/* ---- lending ------------------------------------------------------------------------ */

/* With few stacks what a thread waits for is lent even where it is in that lane. */
static void setup_lent(void)
{
	setup();
	rt->options.stacks_max = 1;
	spawn(body_ends);
}

static void wait_task(void)
{
	mc_assert(pawl_task_wait(rt, handle, PAWL_FOREVER, NULL) == 0);
	mc_assert(ran == 1);
}

static void wait_not(void)
{
	int error = pawl_task_wait(rt, handle, 0, NULL);

	mc_assert(error == -ETIMEDOUT || (error == 0 && ran == 1));
}

static void wait_not_and_wait(void)
{
	wait_not();
	wait_task();
}

#define WORKER(NAME, QUICK, SETUP, FINISH, THREAD)                                             \
	{                                                                                      \
		.name = NAME, .setup = SETUP, .threads = {worker, THREAD}, .finish = FINISH,   \
		.ideal_locks = true, .ideal_parks = true, .no_spurious = true, .quick = QUICK, \
		.keeps_memory = true, .native_divisor = 4                                      \
	}

static const struct mc_scenario scenarios[] = {
	WORKER("woken", true, setup_waits, finish, notify),
	WORKER("cancelled", true, setup_sleeps, finish_cancelled, cancel),
	WORKER("forced", true, setup_sleeps, finish_forced, force),
	WORKER("lent", true, setup_lent, finish, wait_task),
	WORKER("lent-not", true, setup_lent, finish, wait_not),
	WORKER("lent-again", false, setup_lent, finish, wait_not_and_wait),
};

MC_MAIN(scenarios)
