/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * join.c - waiting for a task: run it, or lend it one's lane and sleep.
 *
 * A waiter that finds a task that nobody has started claims it and runs it where it stands. The frames
 * below it on the stack wait for it anyway, one for the other, so a body that sleeps up
 * there holds up nobody who could go on.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/fiber.h>
#include <pawl/join.h>
#include <pawl/mem.h>

#include "join.h"

#define LEND_MOST 32

void eng_result_read(const struct eng_task *task, enum eng_outcome outcome,
		     struct pawl_result *ret_result)
{
	bool ran = outcome == ENG_OUTCOME_COMPLETED || outcome == ENG_OUTCOME_FAILED;

	ret_result->outcome = (enum pawl_outcome)outcome;
	ret_result->error = outcome == ENG_OUTCOME_CANCELLED ? -ECANCELED
			    : ran			     ? task->error
							     : 0;
	ret_result->value = outcome == ENG_OUTCOME_COMPLETED ? task->value : NULL;
	ret_result->message = outcome == ENG_OUTCOME_FAILED ? task->message : NULL;
}

int pawl_task_result(struct pawl_runtime *runtime, pawl_task_t handle,
		     struct pawl_result *ret_result)
{
	struct eng_task *task;
	enum eng_outcome outcome;
	int error = eng_task_handle(runtime->tasks, handle.pawl_id, &task);

	if (error)
		return error;
	outcome = eng_task_outcome(task);
	if (!outcome)
		return -EINPROGRESS;
	eng_result_read(task, outcome, ret_result);
	return 0;
}

/* ---- lending --------------------------------------------------------------------- */

/* One that has not started, into a more urgent lane; takes the caller's reference if it returns true. */
static bool lend_one(struct pawl_runtime *rt, struct eng_task *task, unsigned lane)
{
	uint32_t none = 0;

	if (task->flags & PAWL_TASK_LOCAL ||
	    (eng_level(lane, false) >= eng_level(task->lane, task->far) &&
	     !rt->options.stacks_max))
		return false;
	/* The waiter has counted itself; who takes the loan back looks at the count after it did (lent_take()). */
	pawl_fence_dekker();
	/* Acquire: the node may have been in the lane before, and who took it out has read it. */
	if (!pawl_cas_acquire(&task->lent_lane, &none, lane + 1))
		return false;
	eng_lend_push(rt, task, lane);
	return true;
}

/* One that runs: what it waits for from now on it lends this lane; what it waits for already is the caller's. */
static void urge(struct eng_task *task, unsigned lane)
{
	uint32_t seen = pawl_load_relaxed(&task->urged);

	/* Ends: it only becomes more urgent. */
	while (!seen || lane + 1 < seen) {
		if (pawl_cas_weak_relaxed(&task->urged, &seen, lane + 1))
			break;
	}
	/* It writes its edge, fence, looks here (eng_lending_lane()); we look at its edge next. */
	pawl_fence_dekker();
}

unsigned eng_lending_lane(const struct eng_run *run)
{
	uint32_t urged = pawl_load_relaxed(&run->task->urged);

	if (urged && urged - 1 < run->lane && pawl_load_relaxed(&run->task->waiters))
		return urged - 1;
	return run->lane;
}

void eng_lend(struct pawl_runtime *rt, struct eng_task *task, unsigned lane)
{
	eng_task_get(task);
	for (unsigned hops = 0; hops < LEND_MOST; hops++) {
		/* Relaxed: the record is ordered by the handle, or by the edge that led here. */
		enum eng_phase phase = eng_word_phase(pawl_load_relaxed(&task->word));
		uint64_t next;

		if (phase == ENG_TASK_READY && lend_one(rt, task, lane))
			return;
		if (phase == ENG_TASK_RUNNING)
			urge(task, lane);
		next = phase == ENG_TASK_RUNNING ? pawl_load_acquire(&task->waits_for) : 0;
		eng_task_put(rt->tasks, task, 1);
		if (!next || !eng_task_try_get(rt->tasks, next, &task))
			return;
	}
	eng_task_put(rt->tasks, task, 1);
}

/* ---- waiting ------------------------------------------------------------------------ */

/* Run it here, if that can be. */
bool eng_run_inline(struct pawl_runtime *rt, struct eng_run *run, struct eng_task *task)
{
	struct eng_worker *worker = eng_worker_here();
	unsigned lane = eng_lending_lane(run);
	uint32_t refs;

	if (worker->rt != rt)
		return false;
	if (task->flags & PAWL_TASK_LOCAL && task->home != worker->number)
		return false;
	if (pawl_fiber_stack_left() < rt->options.stack_bytes / 2) {
		/* On another stack then, and next: else each level of a deep graph begins another branch. */
		worker->wanted = task->id;
		worker->wanted_lane = lane < task->lane ? lane : task->lane;
		return false;
	}
	if (!eng_claim_inline(worker, task, &refs))
		return false;
	eng_run_task(worker->stack, task, lane < task->lane ? lane : task->lane, refs);
	return true;
}

static bool has_ended(const void *task)
{
	return eng_task_outcome(task);
}

static int sleep_for(struct eng_task *task, uint64_t deadline_ns)
{
	if (!eng_task_expect(task))
		return 0;
	return eng_wait_until(&task->done, has_ended, task, deadline_ns, "task",
			      task->id & UINT32_MAX);
}

void eng_ring_message(struct pawl_runtime *rt, struct eng_task *task)
{
	char text[512];
	size_t length = eng_ring_describe(rt->tasks, task, text, sizeof(text));

	if (task->message)
		return;
	if (length >= sizeof(text))
		length = sizeof(text) - 1;
	task->message = pawl_mem_alloc(length + 1, 0);
	if (task->message) {
		memcpy(task->message, text, length + 1);
		task->message_bytes = length + 1;
	}
}

/* A wait by name, and what undoes it. */
struct named_wait {
	struct pawl_cleanup cleanup;
	struct eng_task *self, *task;
	bool forever;
};

static void named_wait_over(void *arg)
{
	struct named_wait *wait = arg;

	if (wait->forever)
		eng_edge_set(wait->self, 0);
	pawl_sub_relaxed(&wait->task->waiters, 1u);
}

bool eng_run_by_name(struct pawl_runtime *rt, struct eng_run *run, struct eng_task *task)
{
	bool ran;

	if (eng_word_phase(pawl_load_relaxed(&task->word)) != ENG_TASK_READY)
		return false;
	eng_edge_set(run->task, task->id);
	ran = eng_run_inline(rt, run, task);
	eng_edge_set(run->task, 0);
	return ran;
}

/* In a body. */
static int wait_by_name(struct pawl_runtime *rt, struct eng_run *run, struct eng_task *task,
			uint64_t deadline_ns)
{
	/* Rings are looked for among the tasks of one runtime. */
	struct named_wait wait = {.self = run->task,
				  .task = task,
				  .forever = deadline_ns == PAWL_FOREVER && run->rt == rt};
	int error = 0;

	if (eng_checkpoint(run))
		return -ECANCELED;
	if (wait.forever && eng_run_by_name(rt, run, task))
		return 0;
	pawl_add_relaxed(&task->waiters, 1u);
	/* Undone as well if the body is forced out of its sleep. */
	pawl_cleanup_push(&wait.cleanup, named_wait_over, &wait);
	if (wait.forever &&
	    eng_edge_makes_ring(rt->tasks, run->task, task, run->outer != NULL)) {
		eng_ring_message(rt, run->task);
		error = -EDEADLK;
	} else {
		eng_lend(rt, task, eng_lending_lane(run));
		error = sleep_for(task, deadline_ns);
	}
	pawl_cleanup_pop(&wait.cleanup, true);
	return error;
}

static int wait_outside(struct pawl_runtime *rt, struct eng_task *task, uint64_t deadline_ns)
{
	int error;

	if (rt->options.now && deadline_ns != PAWL_FOREVER && deadline_ns)
		return -EINVAL;
	pawl_add_relaxed(&task->waiters, 1u);
	eng_lend(rt, task, task->lane);
	error = sleep_for(task, deadline_ns);
	pawl_sub_relaxed(&task->waiters, 1u);
	return error;
}

int pawl_task_wait(struct pawl_runtime *runtime, pawl_task_t handle, uint64_t deadline_ns,
		   struct pawl_result *ret_result)
{
	struct eng_run *run;
	struct eng_task *task;
	int error = eng_task_handle(runtime->tasks, handle.pawl_id, &task);

	if (error)
		return error;
	run = eng_run_here();
	if (!eng_task_outcome(task)) {
		error = run ? wait_by_name(runtime, run, task, deadline_ns)
			    : wait_outside(runtime, task, deadline_ns);
		if (error)
			return error;
	} else if (run) {
		/* Being cancelled it gets the result all the same; being forced it ends. */
		(void)eng_checkpoint(run);
	}
	if (ret_result)
		eng_result_read(task, eng_task_outcome(task), ret_result);
	return 0;
}
