/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * completion.c - tasks that somebody outside completes.
 *
 * A completion is a record without a body: PENDING, until it is settled or cancelled, by whoever is first
 * (task.c, I1). The producer's reference keeps the record; its drop settles what is not
 * settled, so who waits never waits for nobody.
 *
 * A call beside the drop has no reference, and may find the record serving another task: settling compares the
 * generation, and so does the drop, in `produced`. Who settles keeps the record: one that has not
 * ended has a reference.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/ids.h>
#include <pawl/join.h>
#include <pawl/mem.h>

#include "worker.h"

int pawl_completion_create(struct pawl_group *group, const struct pawl_task_options *options,
			   pawl_task_t *ret_task, pawl_producer_t *ret_producer)
{
	static const struct pawl_task_options defaults = PAWL_TASK_OPTIONS_INIT;
	struct pawl_runtime *rt = eng_runtime_of(group);
	struct eng_task *task;
	int error;

	if (!options)
		options = &defaults;
	if (options->size > sizeof(*options))
		return -E2BIG;
	if (options->size < sizeof(*options) || options->flags)
		return -EINVAL;
	error = eng_task_make(rt->tasks, 2, 1, &task);
	if (error)
		return error;
	eng_task_name(task, options->name);
	eng_watch_spawned(rt, task, NULL);
	eng_watch_queued(rt, task);
	pawl_store_relaxed(&task->produced, pawl_id_generation(task->id));
	error = eng_enter(rt, group, task, options);
	if (error)
		return error;
	ret_task->pawl_id = task->id;
	ret_producer->pawl_id = task->id;
	if (!eng_task_publish(task, ENG_TASK_PENDING))
		eng_task_ended(rt, task);
	return 0;
}

static int find(struct pawl_runtime *rt, pawl_producer_t producer, struct eng_task **ret_task)
{
	int error = eng_task_find(rt->tasks, producer.pawl_id, ret_task);

	if (error)
		return error;
	return pawl_load_relaxed(&(*ret_task)->produced) == pawl_id_generation(producer.pawl_id)
		       ? 0
		       : -ESTALE;
}

static int settle(struct pawl_runtime *rt, struct eng_task *task, uint64_t id,
		  enum eng_outcome outcome, void *value, int error, const char *message)
{
	if (!eng_task_settle(task, id))
		return -EALREADY;
	if (value)
		eng_task_value_set(task, value);
	task->error = error;
	if (message) {
		task->message_bytes = strlen(message) + 1;
		task->message = pawl_mem_alloc(task->message_bytes, 0);
		if (task->message)
			memcpy(task->message, message, task->message_bytes);
	}
	eng_task_settled(task, outcome);
	eng_task_ended(rt, task);
	return 0;
}

int pawl_complete(struct pawl_runtime *runtime, pawl_producer_t producer, void *value)
{
	struct eng_task *task;
	int error = find(runtime, producer, &task);

	return error ? error
		     : settle(runtime, task, producer.pawl_id, ENG_OUTCOME_COMPLETED, value, 0,
			      NULL);
}

int pawl_fail(struct pawl_runtime *runtime, pawl_producer_t producer, int error,
	      const char *message)
{
	struct eng_task *task;
	int not_found = find(runtime, producer, &task);

	if (not_found)
		return not_found;
	return settle(runtime, task, producer.pawl_id, ENG_OUTCOME_FAILED, NULL, error,
		      message);
}

int pawl_producer_drop(struct pawl_runtime *runtime, pawl_producer_t producer)
{
	struct eng_task *task;
	uint32_t generation = pawl_id_generation(producer.pawl_id);
	int error = find(runtime, producer, &task);

	if (error)
		return error;
	if (!pawl_cas_relaxed(&task->produced, &generation, 0u))
		return -ESTALE;
	(void)settle(runtime, task, producer.pawl_id, ENG_OUTCOME_FAILED, NULL, -EPIPE,
		     "its producer went away");
	eng_task_put(runtime->tasks, task, 1);
	return 0;
}
