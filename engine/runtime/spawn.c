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

static inline int options_check(const struct pawl_runtime *rt,
				const struct pawl_task_options *options,
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

static inline unsigned lane_for(const struct pawl_task_options *options,
				const struct eng_run *run)
{
	if (options->lane != PAWL_LANE_INHERIT)
		return options->lane;
	return run ? run->lane : PAWL_LANE_DEFAULT;
}

static void value_fill(struct eng_task *task, const struct pawl_task_options *options)
{
	task->free_value = options->free_value;
	task->visit_value = options->visit_value;
	task->visit_arg = task->body ? options->visit_arg : NULL;
	task->visited = task->visit_arg || task->visit_value;
}

int eng_enter(struct pawl_runtime *rt, struct pawl_group *group, struct eng_task *task,
	      const struct pawl_task_options *options)
{
	struct eng_binding *binding = NULL;
	int error = 0;

	value_fill(task, options);
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

/* Of a record that has just been made. */
static inline void task_fill(struct pawl_runtime *rt, struct eng_task *task,
			     const struct pawl_task_options *options, const struct eng_run *run,
			     pawl_body_fn *body, void *arg)
{
	/* Compared below as they are here: bytes that were just stored are slow to load as one word. */
	unsigned lane = lane_for(options, run);
	bool far = options->leaf_distance > PAWL_LEAF_NEAR;

	task->body = body;
	task->arg = arg;
	task->free_arg = options->free_arg;
	eng_task_name(task, options->name);
	task->lane = (uint8_t)lane;
	task->far = far;
	task->flags = (uint8_t)options->flags;
	task->home = options->flags & PAWL_TASK_LOCAL ? (uint16_t)eng_worker_here()->number : 0;
	task->parent = run ? run->task->id : 0;
	eng_watch_spawned(rt, task, run ? run->worker : NULL);
	/* Others are stamped if they are not run at once. */
	if (!run || lane != run->lane || options->flags || far)
		eng_watch_queued(rt, task);
}

/* Returns: it is to be started. Else it was cancelled meanwhile: there is no queue that has a reference. */
static bool task_publish(struct pawl_runtime *rt, struct eng_task *task)
{
	if (PAWL_LIKELY(eng_task_publish(task, ENG_TASK_READY)))
		return true;
	eng_task_put(rt->tasks, task, 1);
	eng_task_ended(rt, task);
	return false;
}

int pawl_spawn(struct pawl_group *group, const struct pawl_task_options *options,
	       pawl_body_fn *body, void *arg, pawl_task_t *ret_task)
{
	static const struct pawl_task_options defaults = PAWL_TASK_OPTIONS_INIT;
	struct pawl_runtime *rt = eng_runtime_of(group);
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
	task_fill(rt, task, options, run, body, arg);
	error = eng_enter(rt, group, task, options);
	if (error)
		return error;
	if (ret_task)
		ret_task->pawl_id = task->id;
	if (task_publish(rt, task))
		eng_start(rt, task);
	return 0;
}

/* ---- many at once ------------------------------------------------------------------- */

/* A chain of tasks by their `next`. What each has of the token waits in its `value` until it is let in. */
static void chain_unmake(struct pawl_runtime *rt, struct eng_task *task)
{
	struct eng_task *next;

	for (; task; task = next) {
		next = task->next;
		if (task->value)
			eng_binding_discard(task->value);
		eng_task_unmake(rt->tasks, task);
	}
}

static int chain_make(struct pawl_runtime *rt, const struct pawl_task_options *options,
		      size_t n, const struct pawl_start *starts, bool handles,
		      struct eng_task **ret_first)
{
	struct eng_run *run = eng_run_here();
	struct eng_task **end = ret_first;

	*end = NULL;
	for (size_t i = 0; i < n; i++) {
		struct eng_binding *binding = NULL;
		int error = eng_task_make(rt->tasks, 2, handles, end);

		if (error) {
			*end = NULL;
		} else {
			task_fill(rt, *end, options, run, starts[i].body, starts[i].arg);
			value_fill(*end, options);
			if (options->token)
				error = eng_binding_make(options->token, &rt->tokens, &binding);
			(*end)->value = binding;
			end = &(*end)->next;
		}
		if (error) {
			chain_unmake(rt, *ret_first);
			return error;
		}
	}
	return 0;
}

/* Before it is published, as eng_enter() does. */
static void bind_one(struct eng_task *task)
{
	struct eng_binding *binding = task->value;

	task->value = NULL;
	if (binding)
		(void)eng_bind_task(binding, task);
}

int pawl_spawn_many(struct pawl_group *group, const struct pawl_task_options *options, size_t n,
		    const struct pawl_start *starts, pawl_task_t *ret_tasks)
{
	static const struct pawl_task_options defaults = PAWL_TASK_OPTIONS_INIT;
	struct pawl_runtime *rt = eng_runtime_of(group);
	struct eng_task *first, *task, *next, *start = NULL, **end = &start;
	size_t i = 0;
	int error;

	if (!options)
		options = &defaults;
	error = options_check(rt, options, eng_run_here());
	if (error || !n)
		return error;
	/* No use in trying. */
	if (n > rt->options.tasks_max)
		return -EAGAIN;
	error = chain_make(rt, options, n, starts, ret_tasks != NULL, &first);
	if (error)
		return error;
	error = eng_group_enter_many(group, first, n);
	if (error) {
		chain_unmake(rt, first);
		eng_diagnose_refusal(rt, group, options->name, error);
		return error;
	}
	for (task = first; task && ret_tasks; task = task->next)
		ret_tasks[i++].pawl_id = task->id;
	/* Those that are to be started keep their order. Nobody else has them, or reads `next`. */
	for (task = first; task; task = next) {
		next = task->next;
		task->next = NULL;
		bind_one(task);
		if (task_publish(rt, task)) {
			*end = task;
			end = &task->next;
		}
	}
	eng_start_many(rt, start);
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
