/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * body.c - running a body to its end, and what it calls while it runs.
 *
 * A body is told to end by flags of its task's word, looked at in each call that may wait. A wait
 * listens to two events, the one that it waits for and the task's own `interrupt`: listen, look at
 * the flags, sleep (task.c, O3). To the second it listens from its first wait on, until it is told
 * or ends: most bodies that wait do so more than once. Forced, the first such call jumps back to where the
 * body was called, past its frames, after the cleanups it registered; a body that was started by
 * another one's wait for it lies above that one on the same stack, and jumps to its own base.
 *
 * The jump is longjmp: bodies may be C++, where frames with destructors that are jumped over are
 * undefined, which is why a body is only forced where a shutdown or its owner asks for it.
 */
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/fiber.h>
#include <pawl/group.h>
#include <pawl/mem.h>

#include "worker.h"

#define MESSAGE_BYTES 256

static uint64_t flags_of(const struct eng_task *task)
{
	return pawl_load_relaxed(&task->word) & (ENG_TASK_CANCEL | ENG_TASK_FORCE);
}

static enum eng_outcome outcome_of(const struct eng_run *run)
{
	if (run->forced)
		return ENG_OUTCOME_ABORTED;
	if (!run->error)
		return ENG_OUTCOME_COMPLETED;
	if (run->error == -ECANCELED && flags_of(run->task))
		return ENG_OUTCOME_CANCELLED;
	return ENG_OUTCOME_FAILED;
}

/* How often a body was restarted, since when. */
struct restart {
	uint32_t count;
	uint64_t since_ns, backoff_ns;
};

/* Another run of a body that failed is due. Returns: false: it is not, or the wait was cut short. */
static bool restarts(struct eng_run *run, struct restart *restart)
{
	const struct pawl_group *group = pawl_load_relaxed(&run->task->group);
	const struct eng_policy *policy = &group->policy;
	uint64_t now;

	if (outcome_of(run) != ENG_OUTCOME_FAILED || policy->kind != PAWL_FAILURE_RESTART ||
	    eng_lifetime_state(&group->life) != ENG_LIFETIME_OPEN)
		return false;
	now = eng_now(run->rt);
	if (!restart->count || now - restart->since_ns > policy->window_ns) {
		restart->since_ns = now;
		restart->count = 0;
		restart->backoff_ns = policy->backoff_ns;
	}
	if (restart->count++ >= policy->restarts)
		return false;
	eng_diagnose(run->rt, run->task, PAWL_DIAGNOSTIC_RESTARTED, ENG_OUTCOME_FAILED,
		     run->error);
	run->error = pawl_sleep_until(restart->backoff_ns < PAWL_FOREVER - now
					      ? now + restart->backoff_ns
					      : PAWL_FOREVER);
	if (restart->backoff_ns > policy->backoff_most_ns / 2)
		restart->backoff_ns = policy->backoff_most_ns;
	else
		restart->backoff_ns *= 2;
	return !run->error;
}

/* What the body wrote is the task's, where visitors look. */
static void keep_value(struct eng_run *run)
{
	if (run->value)
		eng_task_value_set(run->task, run->value);
	run->value = NULL;
}

/*
 * Body, and body again, until there is an end. What is jumped to is here: after pawl_exit() the loop goes
 * on, after a force it ends, also out of the sleep between two runs.
 */
static void call_body(struct eng_run *run, struct restart *restart)
{
	struct eng_task *task = run->task;

	if (!_setjmp(run->base))
		run->error = task->body(task->arg, &run->value);
	run->unwinds = false;
	keep_value(run);
	while (!run->forced && restarts(run, restart)) {
		eng_task_forget(task);
		run->error = 0;
		run->error = task->body(task->arg, &run->value);
		keep_value(run);
	}
}

/* Code of the user's: whatever it calls does not end the body that happens to be below it on the stack. */
static void free_arg(struct eng_task *task)
{
	struct eng_run *run;

	eng_task_arg_gone(task);
	if (!task->free_arg)
		return;
	run = eng_run_hide();
	task->free_arg(task->arg);
	eng_run_show(run);
}

/* By who of the two comes second: the body is over, and who told its end is done with its name. */
static void leave(struct pawl_runtime *rt, struct eng_task *task, struct pawl_group *group)
{
	free_arg(task);
	eng_group_forget(task);
	eng_task_put(rt->tasks, task, 1);
	eng_lifetime_leave(&group->life, 1);
}

static void task_ended(struct pawl_runtime *rt, struct eng_task *task, uint32_t refs)
{
	struct pawl_group *group = pawl_load_relaxed(&task->group);
	enum eng_outcome outcome = eng_task_outcome(task);

	/* Who is told finds what follows from it done. */
	if (outcome == ENG_OUTCOME_FAILED)
		eng_group_failed(group);
	eng_task_tell(task);
	eng_diagnose(rt, task, PAWL_DIAGNOSTIC_ENDED, outcome, task->error);
	/* The name may lie in the argument. */
	free_arg(task);
	eng_group_forget(task);
	eng_task_put(rt->tasks, task, refs);
	/* Last: what it used is free when the group has drained. */
	eng_group_leave(group, outcome);
}

void eng_task_ended(struct pawl_runtime *rt, struct eng_task *task)
{
	task_ended(rt, task, 1);
}

void eng_task_given_up(struct pawl_runtime *rt, struct eng_task *task)
{
	struct pawl_group *group = pawl_load_relaxed(&task->group);

	/* It lives in its group on, and has its references: its body may use anything. */
	pawl_add_relaxed(&group->ended[ENG_OUTCOME_STUCK], 1u);
	eng_task_tell(task);
	eng_diagnose(rt, task, PAWL_DIAGNOSTIC_ENDED, ENG_OUTCOME_STUCK, 0);
	if (pawl_xchg_acq_rel(&task->parting, 1u))
		leave(rt, task, group);
}

/* Its end was told when it was given up, or is being told; what is left is to leave. */
void eng_task_came_back(struct pawl_runtime *rt, struct eng_task *task)
{
	eng_task_came_home(task);
	if (pawl_xchg_acq_rel(&task->parting, 1u))
		leave(rt, task, pawl_load_relaxed(&task->group));
}

void eng_run_task(struct eng_stack *stack, struct eng_task *task, unsigned lane, uint32_t refs)
{
	struct restart restart = {0, 0, 0};
	struct eng_run run;

	run.task = task;
	run.rt = stack->worker->rt;
	run.outer = stack->run;
	run.cleanups = NULL;
	run.lane = lane;
	run.listens = false;
	run.error = 0;
	run.forced = false;
	run.unwinds = false;
	run.value = NULL;
	eng_worker_runs(stack->worker, task->id);
	stack->run = &run;
	task->run = &run;
	run.worker = stack->worker;
	run.watch = eng_watched(run.rt);
	run.slice_ns = 0;
	if (PAWL_UNLIKELY(run.watch & ENG_WATCH_ANY))
		eng_watch_begin(stack, &run);
	/* One that was told before its first step does not take it. */
	if (flags_of(task))
		run.error = -ECANCELED;
	else
		call_body(&run, &restart);
	if (run.listens)
		pawl_event_unlisten(&run.told);
	if (eng_watching(run.rt))
		eng_watch_end(stack, &run, outcome_of(&run));
	stack->run = run.outer;
	pawl_store_relaxed(&stack->worker->running, run.outer ? run.outer->task->id : 0);
	task->error = run.error;
	task->run = NULL;
	if (eng_task_finish(task, outcome_of(&run))) {
		task_ended(run.rt, task, 1 + refs);
	} else {
		eng_task_came_back(run.rt, task);
		if (refs)
			eng_task_put(run.rt->tasks, task, refs);
	}
}

/* ---- ends ------------------------------------------------------------------------ */

static void unwind(struct eng_run *run)
{
	run->unwinds = true;
	while (run->cleanups)
		pawl_cleanup_pop(run->cleanups, true);
	_longjmp(run->base, 1);
}

bool eng_checkpoint(struct eng_run *run)
{
	uint64_t flags = flags_of(run->task);

	if (PAWL_UNLIKELY(flags & ENG_TASK_FORCE) && !run->unwinds) {
		run->forced = true;
		run->error = -ECANCELED;
		unwind(run);
	}
	return flags;
}

bool pawl_cancelled(void)
{
	struct eng_run *run = eng_run_here();

	return run && eng_checkpoint(run);
}

void pawl_exit(int error, const char *format, ...)
{
	struct eng_run *run = eng_run_here();
	char text[MESSAGE_BYTES];
	va_list args;
	int length = 0;

	PAWL_REQUIRE(run && "pawl_exit() is for bodies");
	if (format) {
		va_start(args, format);
		length = vsnprintf(text, sizeof(text), format, args);
		va_end(args);
	}
	if (length > 0 && !run->task->message) {
		size_t bytes = strlen(text) + 1;

		/* Without memory the task fails without its message. */
		run->task->message = pawl_mem_alloc(bytes, 0);
		if (run->task->message) {
			memcpy(run->task->message, text, bytes);
			run->task->message_bytes = bytes;
		}
	}
	run->error = error;
	unwind(run);
	__builtin_unreachable();
}

void pawl_cleanup_push(struct pawl_cleanup *cleanup, void (*fn)(void *arg), void *arg)
{
	struct eng_run *run = eng_run_here();

	PAWL_REQUIRE(run && "cleanups are for bodies");
	eng_cleanup_push(run, cleanup, fn, arg);
}

void pawl_cleanup_pop(struct pawl_cleanup *cleanup, bool run_it)
{
	struct eng_run *run = eng_run_here();

	PAWL_REQUIRE(run && "cleanups are for bodies");
	eng_cleanup_pop(run, cleanup, run_it);
}

/* ---- waits ------------------------------------------------------------------------- */

bool eng_told(const struct eng_run *run)
{
	return flags_of(run->task);
}

int eng_wait_once(struct eng_run *run, struct pawl_listener *wanted, uint64_t deadline_ns)
{
	/* What it waits for comes first: of both at once that one is told. */
	struct pawl_listener *both[2] = {wanted ? wanted : &run->told, &run->told};
	struct eng_task *task = run->task;
	size_t which = 0;
	uint64_t value;
	int error;

	if (!run->listens)
		pawl_event_listen(&task->interrupt, &run->told, "its deadline", 0);
	run->listens = true;
	if (eng_told(run))
		deadline_ns = 0;
	pawl_store_relaxed(&task->waits_note,
			   (void *)(uintptr_t)pawl_listener_note(both[0], &value));
	pawl_store_relaxed(&task->waits_value, value);
	error = pawl_event_wait_any(both, wanted ? 2 : 1, deadline_ns, &which);
	pawl_store_relaxed(&task->waits_note, (void *)NULL);
	if (!error && both[which] == wanted)
		return 0;
	if (!error)
		run->listens = false;
	return !error || eng_told(run) ? -EINTR : error;
}

int pawl_wait(struct pawl_listener *listener, uint64_t deadline_ns)
{
	struct eng_run *run = eng_run_here();
	int error;

	if (!run)
		return pawl_event_wait_until(listener, deadline_ns);
	/* -EINTR: a late notification of the task before in this record. Ends: it comes once. */
	do
		error = eng_wait_once(run, listener, deadline_ns);
	while (error == -EINTR && !eng_told(run));
	if (error)
		pawl_event_unlisten(listener);
	/* A notification that was taken is told: it does not come again. */
	return eng_checkpoint(run) && error ? -ECANCELED : error;
}

int eng_wait_until(struct pawl_event *event, bool (*holds)(const void *arg), const void *arg,
		   uint64_t deadline_ns, const char *note, uint64_t note_value)
{
	struct eng_run *run = eng_run_here();

	while (!holds(arg)) {
		struct pawl_listener listener;
		int error;

		pawl_event_listen(event, &listener, note, note_value);
		if (holds(arg)) {
			pawl_event_unlisten(&listener);
			break;
		}
		error = pawl_wait(&listener, deadline_ns);
		if (error)
			return error;
	}
	/* One that has nothing to wait for, again and again, is told of a force here. */
	if (run)
		(void)eng_checkpoint(run);
	return 0;
}

int pawl_sleep_until(uint64_t deadline_ns)
{
	struct eng_run *run = eng_run_here();

	if (!run) {
		struct pawl_event never = PAWL_EVENT_INIT;
		struct pawl_listener listener;

		pawl_event_listen(&never, &listener, "its deadline", 0);
		(void)!pawl_event_wait_until(&listener, deadline_ns);
		return 0;
	}
	while (eng_wait_once(run, NULL, deadline_ns) == -EINTR && !eng_told(run))
		;
	return eng_checkpoint(run) ? -ECANCELED : 0;
}

int pawl_yield(void)
{
	struct eng_run *run = eng_run_here();

	if (!run) {
		sched_yield();
		return 0;
	}
	if (!eng_checkpoint(run))
		eng_stack_yield();
	return eng_checkpoint(run) ? -ECANCELED : 0;
}
