/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/runtime/completion.c: of what ends a completion, complete, fail, cancel and the drop of its
 * producer, the first wins, whatever two are made at once, and the other one says that it came late. Value
 * and message are plain data: who reads them without being ordered after their writer is a race.
 *
 *  complete-complete, ..., drop-drop    all pairs; each scenario has both orders
 *  complete-wait, fail-wait, drop-wait  somebody waits by name, and reads the result
 *  cancel-wait                          the same, and it is the group that is cancelled
 *  create-stop                          made while its group is cancelled
 *  reused-complete, reused-drop         a call that comes too late by so much that the record serves
 *                                       another completion by then: it does nothing to that one
 *  producer-group                       who waits for the group is woken by its end
 */
/* mc-sources: engine/runtime/blocking.c engine/runtime/body.c engine/runtime/completion.c */
/* mc-sources: engine/runtime/edges.c engine/runtime/group-api.c engine/runtime/group.c */
/* mc-sources: engine/runtime/idle.c engine/runtime/join.c engine/runtime/lifetime.c */
/* mc-sources: engine/runtime/reactor.c engine/runtime/runtime.c engine/runtime/spawn.c */
/* mc-sources: engine/runtime/supervise.c engine/runtime/task.c engine/runtime/token.c engine/runtime/jobs.c */
/* mc-sources: engine/runtime/thread.c engine/runtime/watch.c engine/runtime/trace.c */
/* mc-sources: engine/runtime/trace-ring.c engine/runtime/text.c */
#include "standin.h"

enum { COMPLETE, FAIL, CANCEL, DROP, CALLS };

static pawl_task_t task, next_task;
static pawl_producer_t producer, next_producer;
/* What each thread called, and what it was told. */
static unsigned call[3];
static int answer[3];
static unsigned values[3], freed;
static int made;

static void free_value(void *value)
{
	(*(unsigned *)value)++;
	freed++;
}

static int make(pawl_task_t *ret_task, pawl_producer_t *ret_producer)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	options.free_value = free_value;
	return pawl_completion_create(rt->root, &options, ret_task, ret_producer);
}

static void setup_none(void)
{
	standin_setup(1);
	memset(values, 0, sizeof(values));
	for (unsigned i = 0; i < 3; i++) {
		call[i] = CALLS;
		answer[i] = -EINPROGRESS;
	}
	freed = 0;
	next_task = PAWL_TASK_NONE;
}

static void setup(void)
{
	setup_none();
	made = make(&task, &producer);
	mc_assert(made == 0);
}

static void complete(void)
{
	unsigned me = mc_thread();

	call[me] = COMPLETE;
	values[me] = 5;
	answer[me] = pawl_complete(rt, producer, &values[me]);
}

static void fail(void)
{
	call[mc_thread()] = FAIL;
	answer[mc_thread()] = pawl_fail(rt, producer, -EIO, "it broke");
}

static void cancel(void)
{
	call[mc_thread()] = CANCEL;
	answer[mc_thread()] = pawl_task_cancel(rt, task);
}

static void drop(void)
{
	call[mc_thread()] = DROP;
	answer[mc_thread()] = pawl_producer_drop(rt, producer);
}

/* Who won by what it answered: of a drop that tells nothing, since it is one anyway. */
static void check_result(const struct pawl_result *result)
{
	static const enum pawl_outcome outcomes[CALLS] = {
		PAWL_OUTCOME_COMPLETED,
		PAWL_OUTCOME_FAILED,
		PAWL_OUTCOME_CANCELLED,
		PAWL_OUTCOME_FAILED,
	};
	unsigned winners = 0;

	for (unsigned i = 0; i < 2; i++) {
		if (answer[i] || call[i] == DROP)
			continue;
		winners++;
		mc_assert(result->outcome == outcomes[call[i]]);
		mc_assert(result->value == (call[i] == COMPLETE ? &values[i] : NULL));
		mc_assert(result->error == (call[i] == FAIL	? -EIO
					    : call[i] == CANCEL ? -ECANCELED
								: 0));
	}
	mc_assert(winners <= 1);
	if (!winners) {
		mc_assert(call[0] == DROP || call[1] == DROP);
		mc_assert(result->outcome == PAWL_OUTCOME_FAILED && result->error == -EPIPE);
	}
}

static void finish(void)
{
	struct pawl_group_counts counts;
	struct pawl_result result;
	unsigned drops = 0;

	for (unsigned i = 0; i < 2; i++) {
		drops += call[i] == DROP && !answer[i];
		mc_assert(call[i] == CALLS || !answer[i] || answer[i] == -EALREADY ||
			  (answer[i] == -ESTALE && (call[0] == DROP || call[1] == DROP)));
	}
	mc_assert(drops == (call[0] == DROP || call[1] == DROP));
	mc_assert(pawl_task_result(rt, task, &result) == 0);
	check_result(&result);
	if (!drops)
		mc_assert(pawl_producer_drop(rt, producer) == 0);
	mc_assert(pawl_producer_drop(rt, producer) == -ESTALE);
	mc_assert(freed == 0);
	mc_assert(pawl_task_drop(rt, task) == 0);
	/* That of the winner, once. */
	mc_assert(freed == (result.value != NULL));
	pawl_group_close(rt->root);
	pawl_group_counts_read(rt->root, &counts);
	mc_assert(counts.outcomes[result.outcome] == 1 && counts.live == 0);
	standin_finish();
}

/* ---- waiting ------------------------------------------------------------------------- */

static void wait_task(void)
{
	struct pawl_result result;

	mc_assert(pawl_task_wait(rt, task, PAWL_FOREVER, &result) == 0);
	if (result.outcome == PAWL_OUTCOME_COMPLETED)
		mc_assert(*(unsigned *)result.value == 5);
	if (result.message)
		mc_assert(result.message[0] == 'i');
}

static void cancel_group(void)
{
	call[mc_thread()] = CANCEL;
	pawl_group_cancel(rt->root);
	answer[mc_thread()] = 0;
}

static void close_and_wait(void)
{
	pawl_group_close(rt->root);
	mc_assert(pawl_group_wait(rt->root, PAWL_FOREVER) == 0);
	mc_assert(pawl_task_result(rt, task, &(struct pawl_result){0}) == 0);
}

/* ---- beside a stop ------------------------------------------------------------------- */

static void create(void)
{
	made = make(&task, &producer);
	mc_assert(made == 0 || made == -ESHUTDOWN);
	if (!made)
		drop();
}

static void finish_created(void)
{
	if (made) {
		standin_finish();
		return;
	}
	/* Cancelled by the group, or it was faster and has none left to cancel. */
	call[1] = CALLS;
	mc_assert(pawl_task_drop(rt, task) == 0);
	standin_finish();
}

/* ---- too late -------------------------------------------------------------------------- */

/* Its end, and another one in its record. */
static void end_and_make(void)
{
	mc_assert(pawl_producer_drop(rt, producer) == 0);
	mc_assert(pawl_task_drop(rt, task) == 0);
	if (make(&next_task, &next_producer))
		next_task = PAWL_TASK_NONE;
}

static void finish_reused(void)
{
	struct pawl_result result;

	/* The other thread may have had the record, where it was in time. */
	if (next_task.pawl_id) {
		mc_assert(pawl_task_result(rt, next_task, &result) == -EINPROGRESS);
		mc_assert(pawl_complete(rt, next_producer, NULL) == 0);
		mc_assert(pawl_producer_drop(rt, next_producer) == 0);
		mc_assert(pawl_task_drop(rt, next_task) == 0);
	}
	mc_assert(freed == !answer[1]);
	pawl_group_close(rt->root);
	standin_finish();
}

static void finish_reused_drop(void)
{
	answer[1] = -ESTALE;
	finish_reused();
}

static void drop_late(void)
{
	/* It is dropped twice: one of the two is told so. */
	(void)pawl_producer_drop(rt, producer);
}

static void end_and_make_late(void)
{
	(void)pawl_producer_drop(rt, producer);
	mc_assert(pawl_task_drop(rt, task) == 0);
	if (make(&next_task, &next_producer))
		next_task = PAWL_TASK_NONE;
}

#define COMPLETION(NAME, SETUP, FINISH, ...)                                              \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH, \
		.ideal_locks = true, .ideal_parks = true, .no_spurious = true,            \
		.keeps_memory = true                                                      \
	}

static const struct mc_scenario scenarios[] = {
	COMPLETION("complete-complete", setup, finish, complete, complete),
	COMPLETION("complete-fail", setup, finish, complete, fail),
	COMPLETION("complete-cancel", setup, finish, complete, cancel),
	COMPLETION("complete-drop", setup, finish, complete, drop),
	COMPLETION("fail-fail", setup, finish, fail, fail),
	COMPLETION("fail-cancel", setup, finish, fail, cancel),
	COMPLETION("fail-drop", setup, finish, fail, drop),
	COMPLETION("cancel-cancel", setup, finish, cancel, cancel),
	COMPLETION("cancel-drop", setup, finish, cancel, drop),
	COMPLETION("drop-drop", setup, finish, drop, drop),
	COMPLETION("complete-wait", setup, finish, complete, wait_task),
	COMPLETION("fail-wait", setup, finish, fail, wait_task),
	COMPLETION("drop-wait", setup, finish, drop, wait_task),
	COMPLETION("cancel-wait", setup, finish, cancel_group, wait_task),
	COMPLETION("create-stop", setup_none, finish_created, create, cancel_group),
	COMPLETION("reused-complete", setup, finish_reused, end_and_make, complete),
	COMPLETION("reused-drop", setup, finish_reused_drop, end_and_make_late, drop_late),
	COMPLETION("producer-group", setup, finish, complete, close_and_wait),
};

MC_MAIN(scenarios)
