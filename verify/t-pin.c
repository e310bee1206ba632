/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of pinning, engine/runtime/task.c: the name is plain data that its owner takes away as
 * soon as the task is final; who reads it pinned is not in a race with that.
 *
 *  pin-finish       the body ends while its name is read
 *  pin-stop         cancelled before it ran, while its name is read
 *  pin-settle       settled while its name is read
 *  pin-publish      read by a walker that met it before, or after, it was published
 *  pin-await        who waits for the end takes the name away
 *  pin-stuck        given up while its name is read, and the body comes back
 *  pin-pin          two read it while it ends
 */
/* mc-sources: engine/runtime/task.c */
#include "scenario.h"

#include "../engine/runtime/task.h"

static struct eng_tasks *tasks;
static struct eng_task *task;
static uint64_t id;
static char home;
static unsigned name, gone;

static void setup_starting(void)
{
	scn_attach();
	mc_assert(eng_tasks_create(6, &tasks) == 0);
	mc_assert(eng_task_make(tasks, 1, 0, &task) == 0);
	pawl_store_release(&task->group, (void *)&home);
	id = task->id;
	name = 7;
	gone = 0;
}

static void setup_ready(void)
{
	setup_starting();
	mc_assert(eng_task_publish(task, ENG_TASK_READY));
}

static void setup_pending(void)
{
	setup_starting();
	mc_assert(eng_task_publish(task, ENG_TASK_PENDING));
}

static void setup_running(void)
{
	setup_ready();
	mc_assert(eng_task_claim(task));
}

static void finish(void)
{
	mc_assert(gone == 1);
	mc_assert(!eng_task_pin(task, id));
	eng_task_put(tasks, task, 1);
	mc_assert(eng_tasks_live(tasks) == 0);
	eng_tasks_destroy(tasks);
	pawl_thread_detach();
}

static void take_name(void)
{
	name = 0;
	gone++;
}

static void run(void)
{
	if (eng_task_finish(task, ENG_OUTCOME_COMPLETED)) {
		take_name();
		return;
	}
	eng_task_came_home(task);
	take_name();
}

static void stop(void)
{
	mc_assert(eng_task_stop(task, id, ENG_TASK_CANCEL) == ENG_STOPPED_FINAL);
	take_name();
}

static void settle(void)
{
	mc_assert(eng_task_settle(task, id));
	eng_task_settled(task, ENG_OUTCOME_COMPLETED);
	take_name();
}

static void publish_and_run(void)
{
	task->lane = 5;
	mc_assert(eng_task_publish(task, ENG_TASK_READY));
	mc_assert(eng_task_claim(task));
	run();
}

static void just_finish(void)
{
	mc_assert(eng_task_finish(task, ENG_OUTCOME_COMPLETED));
}

static void await_and_take(void)
{
	while (!eng_task_outcome(task))
		scn_turn();
	take_name();
}

static void give_up(void)
{
	(void)!eng_task_give_up(task, id);
}

static void read_name(void)
{
	if (!eng_task_pin(task, id))
		return;
	mc_assert(name == 7);
	eng_task_unpin(task);
}

static void read_lane(void)
{
	if (!eng_task_pin(task, id))
		return;
	mc_assert(task->lane == 5 && name == 7);
	eng_task_unpin(task);
}

#define PIN(NAME, SETUP, ...)                                                             \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = finish, \
		.ideal_locks = true, .no_spurious = true                                  \
	}

static const struct mc_scenario scenarios[] = {
	PIN("pin-finish", setup_running, run, read_name),
	PIN("pin-stop", setup_ready, stop, read_name),
	PIN("pin-settle", setup_pending, settle, read_name),
	PIN("pin-publish", setup_starting, publish_and_run, read_lane),
	PIN("pin-await", setup_running, just_finish, await_and_take, read_name),
	PIN("pin-stuck", setup_running, run, give_up, read_name),
	PIN("pin-pin", setup_running, run, read_name, read_name),
};

MC_MAIN(scenarios)
