/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * supervise.c - what follows from the end of a task: policies, and what is told about it.
 *
 * Both run where the task ended, after its outcome is there for everybody and before it leaves its
 * group, with no lock held: a sink may look at the tables, spawn, cancel. While a sink runs, the
 * thread counts as being in no body: what it calls does not end the body that happens to be
 * below it on the stack.
 */
#include "config.h"

#include <pawl/atomic.h>
#include <pawl/group.h>

#include "worker.h"

static void end_for(struct eng_task *task, void *arg)
{
	eng_task_ended(arg, task);
}

void eng_group_end(struct pawl_group *group, uint64_t flags)
{
	eng_group_stop(group, flags, end_for, eng_runtime_of(group));
}

void eng_group_failed(struct pawl_group *group)
{
	/* Ends: goes up the tree. A group that is being left has a unit, so it stays; so do those above. */
	for (; group; group = group->parent) {
		unsigned policy = group->policy.kind;

		if (policy == PAWL_FAILURE_IGNORE)
			return;
		eng_group_end(group, ENG_TASK_CANCEL);
		if (policy == PAWL_FAILURE_CANCEL_SIBLINGS)
			return;
	}
}

static void tell(struct pawl_runtime *rt, const struct pawl_diagnostic *diagnostic)
{
	struct eng_run *run = eng_run_hide();

	rt->options.sink(rt->options.sink_arg, diagnostic);
	eng_run_show(run);
}

static enum pawl_severity severity_of(enum eng_outcome outcome)
{
	switch (outcome) {
	case ENG_OUTCOME_FAILED:
		return PAWL_SEVERITY_ERROR;
	case ENG_OUTCOME_ABORTED:
	case ENG_OUTCOME_STUCK:
		return PAWL_SEVERITY_WARNING;
	default:
		return PAWL_SEVERITY_INFO;
	}
}

void eng_diagnose(struct pawl_runtime *rt, struct eng_task *task,
		  enum pawl_diagnostic_kind kind, enum eng_outcome outcome, int error)
{
	struct pawl_diagnostic diagnostic = {0};

	if (!rt->options.sink)
		return;
	diagnostic.severity = kind == PAWL_DIAGNOSTIC_RESTARTED ? PAWL_SEVERITY_WARNING
								: severity_of(outcome);
	diagnostic.kind = kind;
	diagnostic.component = "runtime";
	diagnostic.group = pawl_load_relaxed(&task->group);
	diagnostic.task.pawl_id = task->id;
	diagnostic.parent.pawl_id = task->parent;
	diagnostic.name = pawl_load_relaxed(&task->name);
	diagnostic.outcome = (enum pawl_outcome)outcome;
	if (outcome == ENG_OUTCOME_FAILED) {
		diagnostic.error = error;
		diagnostic.message = task->message;
	}
	tell(rt, &diagnostic);
}

void eng_diagnose_blocked(struct pawl_runtime *rt, struct eng_task *task, uint64_t for_ns)
{
	struct pawl_diagnostic diagnostic = {0};

	if (!rt->options.sink)
		return;
	diagnostic.severity = PAWL_SEVERITY_WARNING;
	diagnostic.kind = PAWL_DIAGNOSTIC_BLOCKED;
	diagnostic.component = "runtime";
	diagnostic.group = pawl_load_relaxed(&task->group);
	diagnostic.task.pawl_id = task->id;
	diagnostic.parent.pawl_id = task->parent;
	diagnostic.name = pawl_load_relaxed(&task->name);
	diagnostic.duration_ns = for_ns;
	tell(rt, &diagnostic);
}

void eng_diagnose_refusal(struct pawl_runtime *rt, struct pawl_group *group, const char *name,
			  int error)
{
	struct pawl_diagnostic diagnostic = {0};
	struct eng_run *run = eng_run_here();

	if (!rt->options.sink)
		return;
	diagnostic.severity = PAWL_SEVERITY_WARNING;
	diagnostic.kind = PAWL_DIAGNOSTIC_REFUSED;
	diagnostic.component = "runtime";
	diagnostic.group = group;
	diagnostic.parent.pawl_id = run ? run->task->id : 0;
	diagnostic.name = name;
	diagnostic.error = error;
	tell(rt, &diagnostic);
}
