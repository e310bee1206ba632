/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn.c - making a task, and asking it to end.
 *
 * References of a spawned task: one of its queue, one until it has ended, and one of the handle.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>

#include "worker.h"

static struct pawl_runtime *runtime_of(struct pawl_group *group)
{
	return PAWL_CONTAINER_OF(group->forest, struct pawl_runtime, forest);
}

static int options_check(const struct pawl_runtime *rt, const struct pawl_task_options *options,
			 const struct eng_run *run)
{
	if (options->size > sizeof(*options))
		return -E2BIG;
	if (options->size < sizeof(*options) || options->flags & ~PAWL_TASK_LOCAL)
		return -EINVAL;
	if ((unsigned)options->lane >= PAWL_LANE_COUNT && options->lane != PAWL_LANE_INHERIT)
		return -EINVAL;
	if (options->flags & PAWL_TASK_LOCAL && (!run || run->rt != rt))
		return -EINVAL;
	return 0;
}

static unsigned lane_for(const struct pawl_task_options *options, const struct eng_run *run)
{
	if (options->lane != PAWL_LANE_INHERIT)
		return options->lane;
	return run ? run->lane : PAWL_LANE_DEFAULT;
}

int eng_enter(struct pawl_runtime *rt, struct pawl_group *group, struct eng_task *task,
	      const struct pawl_task_options *options)
{
	struct eng_binding *binding = NULL;
	int error = 0;

	task->free_value = options->free_value;
	task->visit_value = options->visit_value;
	task->visit_arg = task->body ? options->visit_arg : NULL;
	task->visited = task->visit_arg || task->visit_value;
	if (options->token)
		error = eng_binding_make(options->token, &rt->tokens, &binding);
	if (error) {
		eng_task_unmake(rt->tasks, task);
		return error;
	}
	error = eng_group_enter(group, task);
	if (error) {
		if (binding)
			eng_binding_discard(binding);
		eng_task_unmake(rt->tasks, task);
		eng_diagnose_refusal(rt, group, options->name, error);
		return error;
	}
	/* Before it is published: where the token has fired it is told now, and final by the publishing. */
	if (binding)
		(void)eng_bind_task(binding, task);
	return 0;
}

int pawl_spawn(struct pawl_group *group, const struct pawl_task_options *options,
	       pawl_body_fn *body, void *arg, pawl_task_t *ret_task)
{
	static const struct pawl_task_options defaults = PAWL_TASK_OPTIONS_INIT;
	struct pawl_runtime *rt = runtime_of(group);
	struct eng_run *run = eng_run_here();
	struct eng_task *task;
	int error;

	if (!options)
		options = &defaults;
	error = options_check(rt, options, run);
	if (error)
		return error;
	error = eng_task_make(rt->tasks, 2, ret_task != NULL, &task);
	if (error)
		return error;
	task->body = body;
	task->arg = arg;
	task->free_arg = options->free_arg;
	pawl_store_relaxed(&task->name, (void *)(uintptr_t)options->name);
	task->lane = (uint8_t)lane_for(options, run);
	task->flags = (uint8_t)options->flags;
	task->home = task->flags & PAWL_TASK_LOCAL ? (uint16_t)eng_worker_here()->number : 0;
	task->parent = run ? run->task->id : 0;
	error = eng_enter(rt, group, task, options);
	if (error)
		return error;
	if (ret_task)
		ret_task->pawl_id = task->id;
	if (eng_task_publish(task, ENG_TASK_READY)) {
		eng_start(rt, task, task->lane, task->flags);
	} else {
		/* Cancelled meanwhile: there is no queue that has a reference. */
		eng_task_put(rt->tasks, task, 1);
		eng_task_ended(rt, task);
	}
	return 0;
}

pawl_task_t pawl_task_self(void)
{
	struct eng_run *run = eng_run_here();

	return run ? (pawl_task_t){run->task->id} : PAWL_TASK_NONE;
}

void eng_task_cancel(struct pawl_runtime *rt, struct eng_task *task)
{
	if (eng_task_stop(task, task->id, ENG_TASK_CANCEL) == ENG_STOPPED_FINAL)
		eng_task_ended(rt, task);
}

static int stop(struct pawl_runtime *rt, pawl_task_t handle, uint64_t flags)
{
	struct eng_task *task;
	int error = eng_task_handle(rt->tasks, handle.pawl_id, &task);

	if (error)
		return error;
	switch (eng_task_stop(task, handle.pawl_id, flags)) {
	case ENG_STOPPED_NOT:
		return -EALREADY;
	case ENG_STOPPED_FINAL:
		eng_task_ended(rt, task);
		return 0;
	case ENG_STOPPED_ASKED:
		break;
	}
	return 0;
}

int pawl_task_cancel(struct pawl_runtime *runtime, pawl_task_t task)
{
	return stop(runtime, task, ENG_TASK_CANCEL);
}

int pawl_task_force(struct pawl_runtime *runtime, pawl_task_t task)
{
	return stop(runtime, task, ENG_TASK_CANCEL | ENG_TASK_FORCE);
}

int pawl_task_get(struct pawl_runtime *runtime, pawl_task_t handle)
{
	struct eng_task *task;
	int error = eng_task_handle(runtime->tasks, handle.pawl_id, &task);

	if (!error)
		eng_task_keep(task);
	return error;
}

int pawl_task_drop(struct pawl_runtime *runtime, pawl_task_t handle)
{
	struct eng_task *task;
	int error = eng_task_handle(runtime->tasks, handle.pawl_id, &task);

	if (error)
		return error;
	return eng_task_drop(runtime->tasks, task) ? 0 : -ESTALE;
}
