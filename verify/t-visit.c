/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of what visitors look at in engine/runtime/task.c (visit.c is a walk over it). Arguments and values are
 * blocks of memory that a visit function reads and the free functions free: one that is told and freed
 * at once is a use of what is freed.
 *
 *  drop             the last handle goes while the value is told
 *  set              a body's value is set, and replaced, while it is told
 *  end              a task ends, and its argument is freed, while it is told
 *  reused           the record serves another task, that is being made
 *  unmade           the same, which is given up before it is published
 *  two-visits       a visit is the last to have a reference
 *  kept             what is kept all the time is told once
 */
/* mc-sources: engine/runtime/task.c */
#include "scenario.h"

#include "../engine/runtime/task.h"

static struct eng_tasks *tasks;
static struct eng_task *task, *other;
static unsigned freed[3], told[3];

static void *block(void)
{
	unsigned *made = scn_alloc(sizeof(*made));

	*made = 5;
	return made;
}

static void block_free(void *value)
{
	freed[mc_thread() % 3]++;
	*(unsigned *)value = 0;
	pawl_mem_free(value, sizeof(unsigned), 0);
}

static void block_visit(void *value, void *arg)
{
	(void)arg;
	mc_assert(*(unsigned *)value == 5);
	told[mc_thread() % 3]++;
}

static unsigned sum(const unsigned *of)
{
	return of[0] + of[1] + of[2];
}

static struct eng_task *make(uint32_t handles)
{
	struct eng_task *made;

	mc_assert(eng_task_make(tasks, 1, handles, &made) == 0);
	made->arg = block();
	made->free_arg = block_free;
	made->free_value = block_free;
	made->visit_arg = block_visit;
	made->visit_value = block_visit;
	made->visited = true;
	return made;
}

static void setup(void)
{
	scn_attach();
	/* One record: the next task has it again. */
	mc_assert(eng_tasks_create(1, &tasks) == 0);
	memset(freed, 0, sizeof(freed));
	memset(told, 0, sizeof(told));
	other = NULL;
	task = make(1);
	mc_assert(eng_task_publish(task, ENG_TASK_READY));
}

static void setup_running(void)
{
	setup();
	mc_assert(eng_task_claim(task));
}

static void end(struct eng_task *which)
{
	mc_assert(eng_task_finish(which, ENG_OUTCOME_COMPLETED));
	eng_task_arg_gone(which);
	which->free_arg(which->arg);
	eng_task_put(tasks, which, 1);
}

static void setup_ended(void)
{
	setup_running();
	eng_task_value_set(task, block());
	end(task);
}

static void setup_no_handle(void)
{
	setup_ended();
}

static void setup_kept(void)
{
	setup_running();
	eng_task_value_set(task, block());
}

static bool visit_one(struct eng_task *which, uint64_t word, uint64_t id, void *arg)
{
	(void)which;
	(void)eng_task_visit(tasks, word, id, arg);
	return true;
}

static void visit(void)
{
	eng_tasks_each(tasks, visit_one, NULL);
}

static void drop(void)
{
	mc_assert(eng_task_drop(tasks, task));
}

static void run(void)
{
	mc_assert(eng_task_claim(task));
	eng_task_value_set(task, block());
	end(task);
}

static void set_twice(void)
{
	eng_task_value_set(task, block());
	eng_task_value_set(task, block());
}

static void finish_unset(void)
{
	mc_assert(sum(freed) == 1);
	end(task);
	drop();
	mc_assert(sum(freed) == 3);
	eng_tasks_destroy(tasks);
	pawl_thread_detach();
}

static void finish(void)
{
	mc_assert(eng_tasks_live(tasks) == 0);
	mc_assert(sum(freed) == (other ? 4u : 2u));
	eng_tasks_destroy(tasks);
	pawl_thread_detach();
}

static void finish_drop(void)
{
	drop();
	finish();
}

/* Not before the visit has given its reference back there is a record for the next one. */
static void drop_and_make(void)
{
	struct eng_task *made;

	drop();
	if (eng_task_make(tasks, 1, 1, &made) == 0)
		eng_task_unmake(tasks, made);
	/* This one has the references that it was made with, and no other. */
	if (eng_task_make(tasks, 1, 0, &made))
		return;
	mc_assert(eng_task_publish(made, ENG_TASK_READY));
	mc_assert(eng_task_claim(made));
	mc_assert(eng_task_finish(made, ENG_OUTCOME_COMPLETED));
	eng_task_put(tasks, made, 1);
}

static void drop_make_publish(void)
{
	struct eng_task *made;

	drop();
	if (eng_task_make(tasks, 1, 0, &made))
		return;
	made->arg = block();
	made->free_arg = block_free;
	made->free_value = block_free;
	made->visit_arg = block_visit;
	made->visit_value = block_visit;
	made->visited = true;
	mc_assert(eng_task_publish(made, ENG_TASK_READY));
	mc_assert(eng_task_claim(made));
	other = made;
	eng_task_value_set(made, block());
	end(made);
}

static void finish_kept(void)
{
	mc_assert(sum(told) == 2);
	end(task);
	finish_drop();
}

static void look_elsewhere(void)
{
	eng_task_get(task);
	eng_task_put(tasks, task, 1);
}

#define VISIT(NAME, SETUP, FINISH, ...)                                                   \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH, \
		.ideal_locks = true, .ideal_parks = true, .no_spurious = true             \
	}

static const struct mc_scenario scenarios[] = {
	VISIT("drop", setup_ended, finish, visit, drop),
	VISIT("set", setup_running, finish_unset, visit, set_twice),
	VISIT("end", setup, finish_drop, visit, run),
	VISIT("reused", setup_no_handle, finish, visit, drop_make_publish),
	VISIT("unmade", setup_no_handle, finish, visit, drop_and_make),
	VISIT("two-visits", setup_ended, finish, visit, visit, drop),
	VISIT("kept", setup_kept, finish_kept, visit, look_elsewhere),
};

MC_MAIN(scenarios)
