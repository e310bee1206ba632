/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/runtime/join.c over the files below it, as shipped (standin.h). What a body writes is
 * plain data that who has waited for it reads. Afterwards nobody is left counted as a waiter.
 *
 *  sleep-end        a thread waits for a body that ends
 *  timed-end        the same with a deadline that may be over
 *  wait-drop        one that gives up at once, and drops the last handle
 *  inline           a body waits for one that a thread is about to run: run here, or waited for
 *  ring-inline      a body runs another one by its wait, which waits for the first: it is told, and both
 *                   end (rings over two threads: t-edges.c)
 *  lend-chain       a thread waits for a body that waits for one that has not started: that one is lent
 *  lend-again       a loan is taken back beside a new waiter, who is seen, or lends anew
 *  lend-urged       a body begins to wait beside a thread that lends to it: one of the two lends on
 *  wait-cancel      a body is cancelled out of its wait
 *  wait-force       forced out of it: what the wait wrote down is taken back
 */
/* mc-sources: engine/runtime/blocking.c engine/runtime/body.c engine/runtime/edges.c */
/* mc-sources: engine/runtime/group-api.c engine/runtime/group.c engine/runtime/idle.c */
/* mc-sources: engine/runtime/join.c engine/runtime/lifetime.c engine/runtime/reactor.c */
/* mc-sources: engine/runtime/runtime.c engine/runtime/spawn.c engine/runtime/supervise.c */
/* mc-sources: engine/runtime/task.c engine/runtime/token.c engine/runtime/jobs.c */
/* mc-sources: engine/runtime/thread.c engine/runtime/watch.c engine/runtime/trace.c */
/* mc-sources: engine/runtime/trace-ring.c engine/runtime/text.c */
#include "standin.h"

#include "../engine/runtime/edges.h"
#include "../engine/runtime/join.h"

static pawl_task_t tasks[2];
static unsigned values[2];
static int answers[2];
static bool unwound, kept;
static unsigned lender;

static int body_value(void *arg, void **ret_value)
{
	*(unsigned *)arg = 7;
	*ret_value = arg;
	return 0;
}

static void wait_value(uint64_t deadline_ns)
{
	struct pawl_result result;
	int error = pawl_task_wait(rt, tasks[0], deadline_ns, &result);

	mc_assert(!error || (error == -ETIMEDOUT && deadline_ns != PAWL_FOREVER));
	if (!error)
		mc_assert(result.outcome == PAWL_OUTCOME_COMPLETED &&
			  *(unsigned *)result.value == 7);
}

static void unwind(void *arg)
{
	(void)arg;
	unwound = true;
}

/* Waits for the other one. */
static int body_waits(void *arg, void **ret_value)
{
	unsigned me = (unsigned)((unsigned *)arg - values);
	struct pawl_cleanup cleanup;

	(void)ret_value;
	pawl_cleanup_push(&cleanup, unwind, NULL);
	answers[me] = pawl_task_wait(rt, tasks[!me], PAWL_FOREVER, NULL);
	pawl_cleanup_pop(&cleanup, false);
	if (!answers[me] && values[!me])
		mc_assert(values[!me] == 7);
	return answers[me];
}

static void setup(void)
{
	standin_setup(2);
	for (unsigned i = 0; i < 2; i++) {
		tasks[i] = PAWL_TASK_NONE;
		values[i] = 0;
		answers[i] = -EINPROGRESS;
	}
	unwound = kept = false;
}

static void spawn(unsigned which, pawl_body_fn *body)
{
	mc_assert(pawl_spawn(rt->root, NULL, body, &values[which], &tasks[which]) == 0);
}

static void finish(void)
{
	struct eng_task *task;

	standin_run_given();
	for (unsigned i = 0; i < 2; i++) {
		if (eng_task_handle(rt->tasks, tasks[i].pawl_id, &task))
			continue;
		mc_assert(eng_task_outcome(task) != ENG_OUTCOME_NONE);
		mc_assert(pawl_load_relaxed(&task->waiters) == 0);
		mc_assert(pawl_load_relaxed(&task->waits_for) == 0);
		mc_assert(pawl_task_drop(rt, tasks[i]) == 0);
	}
	pawl_group_close(rt->root);
	standin_finish();
}

/* ---- threads that wait -------------------------------------------------------------- */

static void setup_value(void)
{
	setup();
	spawn(0, body_value);
}

static void wait_long(void)
{
	wait_value(PAWL_FOREVER);
}

static void wait_timed(void)
{
	wait_value(mc_deadline());
}

static void wait_not_and_drop(void)
{
	wait_value(0);
	mc_assert(pawl_task_drop(rt, tasks[0]) == 0);
}

/* ---- bodies that wait --------------------------------------------------------------- */

static void setup_inline(void)
{
	setup();
	spawn(1, body_waits);
	standin_claim_given();
	standin_give(1);
	spawn(0, body_value);
	standin_give(0);
}

static void finish_inline(void)
{
	mc_assert(answers[1] == 0);
	finish();
}

static void setup_ring_inline(void)
{
	setup();
	spawn(0, body_waits);
	standin_claim_given();
	standin_give(0);
	spawn(1, body_waits);
}

static void finish_ring(void)
{
	mc_assert(answers[0] == 0 && answers[1] == -EDEADLK);
	finish();
}

/* The one that it waits for runs when all is over. */
static void setup_told(void)
{
	setup();
	spawn(1, body_waits);
	standin_claim_given();
	standin_give(0);
	spawn(0, body_value);
	standin_claim_given();
}

static void cancel(void)
{
	int error = pawl_task_cancel(rt, tasks[1]);

	mc_assert(error == 0);
}

static void force(void)
{
	int error = pawl_task_force(rt, tasks[1]);

	mc_assert(error == 0);
}

static void finish_cancelled(void)
{
	struct pawl_result result;

	/* -EINPROGRESS: told before its first step. */
	mc_assert(answers[1] == -ECANCELED || answers[1] == -EINPROGRESS);
	mc_assert(pawl_task_result(rt, tasks[1], &result) == 0);
	mc_assert(result.outcome == PAWL_OUTCOME_CANCELLED);
	finish();
}

static void finish_forced(void)
{
	struct pawl_result result;

	mc_assert(answers[1] == -EINPROGRESS);
	mc_assert(pawl_task_result(rt, tasks[1], &result) == 0);
	mc_assert(result.outcome == (unwound ? PAWL_OUTCOME_ABORTED : PAWL_OUTCOME_CANCELLED));
	finish();
}

/* It waits for one that it has just spawned. */
static int body_spawns(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	mc_assert(pawl_spawn(rt->root, NULL, body_value, &values[0], &tasks[0]) == 0);
	return pawl_task_wait(rt, tasks[0], PAWL_FOREVER, NULL);
}

static void setup_chain(void)
{
	setup();
	/* Everything is lent, whatever its lane. */
	rt->options.stacks_max = 1;
	spawn(1, body_spawns);
	standin_claim_given();
}

static void wait_not_1(void)
{
	int error = pawl_task_wait(rt, tasks[1], 0, NULL);

	mc_assert(error == 0 || error == -ETIMEDOUT);
}

/* It is lent already, and whoever did that waits no more. */
static void setup_lent(void)
{
	struct eng_task *task;

	setup_value();
	mc_assert(eng_task_handle(rt->tasks, tasks[0].pawl_id, &task) == 0);
	rt->options.stacks_max = 1;
	eng_lend(rt, task, 0);
	mc_assert(standin_seats[MC_THREADS_MAX].lents == 1);
}

/* What a worker does that finds it in its lane. */
static void take_back(void)
{
	struct eng_task *task = standin_seats[MC_THREADS_MAX].lent[0];

	values[1] = pawl_lane_node_lane(&task->lent);
	pawl_store_release(&task->lent_lane, 0u);
	pawl_fence_dekker();
	kept = pawl_load_relaxed(&task->waiters);
}

static void lend(void)
{
	struct eng_task *task;

	mc_assert(eng_task_handle(rt->tasks, tasks[0].pawl_id, &task) == 0);
	pawl_add_relaxed(&task->waiters, 1u);
	eng_lend(rt, task, 0);
	lender = mc_thread();
}

static void finish_lent(void)
{
	struct eng_task *task;

	mc_assert(kept || standin_seats[lender].lents == 1);
	mc_assert(eng_task_handle(rt->tasks, tasks[0].pawl_id, &task) == 0);
	pawl_sub_relaxed(&task->waiters, 1u);
	finish();
}

/* One that runs, and another one that is ready. */
static void setup_urged(void)
{
	setup();
	spawn(1, body_value);
	standin_claim_given();
	standin_give(0);
	spawn(0, body_value);
}

static struct eng_task *record(unsigned which)
{
	struct eng_task *task;

	mc_assert(eng_task_handle(rt->tasks, tasks[which].pawl_id, &task) == 0);
	return task;
}

/* What its wait for the other one begins with. */
static void begins_to_wait(void)
{
	struct eng_run run = {.task = record(1), .lane = PAWL_LANE_DEFAULT};

	mc_assert(!eng_edge_makes_ring(rt->tasks, run.task, record(0), false));
	eng_lend(rt, record(0), eng_lending_lane(&run));
}

static void lend_to_who_runs(void)
{
	pawl_add_relaxed(&record(1)->waiters, 1u);
	eng_lend(rt, record(1), 0);
}

static void finish_urged(void)
{
	mc_assert(pawl_load_relaxed(&record(0)->lent_lane) == 1);
	eng_edge_set(record(1), 0);
	pawl_sub_relaxed(&record(1)->waiters, 1u);
	standin_run(&standin_seats[0]);
	finish();
}

#define JOIN(NAME, SETUP, FINISH, ...)                                                    \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH, \
		.ideal_locks = true, .ideal_parks = true, .no_spurious = true,            \
		.keeps_memory = true                                                      \
	}

static const struct mc_scenario scenarios[] = {
	JOIN("sleep-end", setup_value, finish, standin_run_given, wait_long),
	JOIN("timed-end", setup_value, finish, standin_run_given, wait_timed),
	JOIN("wait-drop", setup_value, finish, standin_run_given, wait_not_and_drop),
	JOIN("inline", setup_inline, finish_inline, standin_run_own, standin_run_own),
	JOIN("ring-inline", setup_ring_inline, finish_ring, standin_run_own),
	JOIN("lend-chain", setup_chain, finish, standin_run_given, wait_not_1),
	JOIN("lend-again", setup_lent, finish_lent, take_back, lend),
	JOIN("lend-urged", setup_urged, finish_urged, begins_to_wait, lend_to_who_runs),
	JOIN("wait-cancel", setup_told, finish_cancelled, standin_run_own, cancel),
	JOIN("wait-force", setup_told, finish_forced, standin_run_own, force),
};

MC_MAIN(scenarios)
