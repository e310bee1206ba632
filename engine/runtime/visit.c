/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * visit.c - pawl/visit.h: a walk over the table. What makes it safe is the lock of a record's slots (task.c, I5).
 */
#include "config.h"

#include <pawl/atomic.h>
#include <pawl/visit.h>

#include "worker.h"

struct visit {
	struct eng_tasks *tasks;
	void *visitor_arg;
	size_t told;
};

static bool visit_one(struct eng_task *task, uint64_t word, uint64_t id, void *arg)
{
	struct visit *visit = arg;

	(void)task;
	visit->told += eng_task_visit(visit->tasks, word, id, visit->visitor_arg);
	return true;
}

size_t pawl_runtime_visit(struct pawl_runtime *runtime, void *visitor_arg)
{
	struct visit visit = {runtime->tasks, visitor_arg, 0};

	eng_tasks_each(runtime->tasks, visit_one, &visit);
	return visit.told;
}

void pawl_value_set(void *value)
{
	struct eng_run *run = eng_run_here();

	PAWL_REQUIRE(run && "a value is set by a body");
	eng_task_value_set(run->task, value);
}
