/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/runtime/group.c with lifetime.c and task.c below it, to the model
 * verify/spin/shutdown.pml. A body writes plain data that who waits for the group reads: a body that
 * is not covered is a race.
 *
 *  spawn-close      refused, or covered by the wait
 *  spawn-stop       refused, cancelled before it ran, or told; the wait covers it
 *  body-stop        a body that sleeps until it is told, by force
 *  two-stop         two stop one group: a task ends once
 *  child-stop       a group is made, and spawned into, while its parent is stopped
 *  child-put        the last handle of a group goes while a walk is at it
 *  ended-walk       a task that has ended outlives its group, while a walk is at it
 *  child-open       a group that is made while its parent is stopped is not left open
 *  beside           a group and a task are made beside the one that is stopped
 *  reused           the same, where the task's record served another one just before
 *  close-stop       who was let in is told, though somebody else closed the group
 *  two-puts         the last of two handles frees the group
 *  spawn-sleep      a body that sleeps for ever is told, if it was let in
 *  two-children     two groups are made under one parent
 *  drain-put        the end of a group's last task beside the drop of its handle
 *  count            counts beside a group that goes: nothing is counted twice or lost
 *  full             two that want the one place
 *  many-stop        two tasks at once, refused or each of them told
 *  many-full        two at once beside one that has one of two places for a while
 *  many-reused      reused, of a task that enters as one of many
 */
/* mc-sources: engine/runtime/group.c engine/runtime/lifetime.c engine/runtime/task.c */
#include "scenario.h"

#include <errno.h>

#include "../engine/runtime/group.h"

static struct eng_forest forest;
static struct pawl_group *root, *child;
static struct eng_task *task;
static unsigned ended[3], bodies[3];
static unsigned spawned[3];
static bool many;

static void setup_most(uint64_t most)
{
	struct eng_tasks *tasks;

	scn_attach();
	mc_assert(eng_tasks_create(6, &tasks) == 0);
	eng_forest_init(&forest, tasks);
	mc_assert(eng_group_make(&forest, NULL, "root", most, NULL, &root) == 0);
	child = NULL;
	task = NULL;
	many = false;
	memset(ended, 0, sizeof(ended));
	memset(bodies, 0, sizeof(bodies));
	memset(spawned, 0, sizeof(spawned));
}

static void setup(void)
{
	setup_most(UINT64_MAX / 8);
}

/* What the runtime does at the end of a task. */
static void end(struct eng_task *which)
{
	struct pawl_group *group = pawl_load_relaxed(&which->group);
	enum eng_outcome outcome = eng_task_outcome(which);

	ended[mc_thread() % 3]++;
	pawl_event_notify_all(&which->done);
	eng_group_forget(which);
	eng_task_put(forest.tasks, which, 1);
	eng_group_leave(group, outcome);
}

static void end_for(struct eng_task *which, void *arg)
{
	(void)arg;
	end(which);
}

static struct eng_task *spawn(struct pawl_group *group)
{
	struct eng_task *made;

	mc_assert(eng_task_make(forest.tasks, 1, 0, &made) == 0);
	if (many ? eng_group_enter_many(group, made, 1) : eng_group_enter(group, made)) {
		eng_task_unmake(forest.tasks, made);
		return NULL;
	}
	spawned[mc_thread() % 3]++;
	eng_task_get(made);
	if (!eng_task_publish(made, ENG_TASK_READY)) {
		end(made);
		eng_task_put(forest.tasks, made, 1);
		return NULL;
	}
	return made;
}

static void run(struct eng_task *which)
{
	if (!eng_task_claim(which))
		return;
	bodies[mc_thread() % 3]++;
	mc_assert(eng_task_finish(which, ENG_OUTCOME_COMPLETED));
	end(which);
}

static void spawn_into(struct pawl_group *group)
{
	struct eng_task *mine = spawn(group);

	if (!mine)
		return;
	run(mine);
	eng_task_put(forest.tasks, mine, 1);
}

static void spawn_and_run(void)
{
	spawn_into(root);
}

static void wait_root(void)
{
	mc_assert(eng_lifetime_wait(&root->life, PAWL_FOREVER, "root", 0));
	/* Ordered after all bodies. */
	mc_assert(bodies[0] + bodies[1] + bodies[2] <= 2);
}

static void close_and_wait(void)
{
	eng_group_close(root);
	wait_root();
}

static void stop_and_wait(void)
{
	eng_group_stop(root, ENG_TASK_CANCEL, end_for, NULL);
	wait_root();
}

static void stop_root(void)
{
	eng_group_stop(root, ENG_TASK_CANCEL, end_for, NULL);
}

static void finish(void)
{
	struct eng_group_counts counts;
	unsigned ends = ended[0] + ended[1] + ended[2];

	mc_assert(eng_lifetime_state(&root->life) == ENG_LIFETIME_DRAINED);
	mc_assert(ends == spawned[0] + spawned[1] + spawned[2]);
	eng_group_count(root, &counts);
	mc_assert(counts.live == 0);
	mc_assert(counts.ended[ENG_OUTCOME_COMPLETED] + counts.ended[ENG_OUTCOME_CANCELLED] ==
		  ends);
	mc_assert(counts.ended[ENG_OUTCOME_COMPLETED] == bodies[0] + bodies[1] + bodies[2]);
	eng_group_put(root);
	mc_assert(forest.groups == 0);
	mc_assert(eng_tasks_live(forest.tasks) == 0);
	eng_tasks_destroy(forest.tasks);
	pawl_thread_detach();
}

static void setup_task(void)
{
	setup();
	task = spawn(root);
}

static void setup_body(void)
{
	setup_task();
	mc_assert(eng_task_claim(task));
}

/* A body that sleeps until it is told, and tells by which flag. */
static void sleep_until_told(void)
{
	while (!(pawl_load_relaxed(&task->word) & ENG_TASK_FORCE)) {
		struct pawl_listener listener;

		pawl_event_listen(&task->interrupt, &listener, "told", 0);
		if (pawl_load_relaxed(&task->word) & ENG_TASK_FORCE)
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
	mc_assert(eng_task_finish(task, ENG_OUTCOME_CANCELLED));
	end(task);
}

static void force_and_wait(void)
{
	eng_group_stop(root, ENG_TASK_CANCEL | ENG_TASK_FORCE, end_for, NULL);
	wait_root();
}

static void finish_task(void)
{
	eng_task_put(forest.tasks, task, 1);
	finish();
}

static void spawn_and_sleep(void)
{
	struct eng_task *mine = spawn(root);

	if (!mine)
		return;
	/* As sleep_until_told(), where it was let in and has begun. */
	if (eng_task_claim(mine)) {
		while (!(pawl_load_relaxed(&mine->word) & ENG_TASK_CANCEL)) {
			struct pawl_listener listener;

			pawl_event_listen(&mine->interrupt, &listener, "told", 0);
			if (pawl_load_relaxed(&mine->word) & ENG_TASK_CANCEL)
				pawl_event_unlisten(&listener);
			else
				pawl_event_wait(&listener);
		}
		mc_assert(eng_task_finish(mine, ENG_OUTCOME_CANCELLED));
		end(mine);
	}
	eng_task_put(forest.tasks, mine, 1);
}

/* ---- groups ------------------------------------------------------------------- */

static void make_and_spawn(void)
{
	struct pawl_group *mine;

	if (eng_group_make(&forest, root, "child", UINT64_MAX / 8, NULL, &mine))
		return;
	spawn_into(mine);
	eng_group_close(mine);
	eng_group_put(mine);
}

static void make_and_drop(void)
{
	struct pawl_group *mine;

	mc_assert(eng_group_make(&forest, root, "child", UINT64_MAX / 8, NULL, &mine) == 0);
	eng_group_close(mine);
	eng_group_put(mine);
}

static void setup_child(void)
{
	setup();
	mc_assert(eng_group_make(&forest, root, "child", UINT64_MAX / 8, NULL, &child) == 0);
}

static void setup_child_task(void)
{
	setup_child();
	task = spawn(child);
}

static void drop_child(void)
{
	eng_group_close(child);
	eng_group_put(child);
}

static void run_and_drop(void)
{
	run(task);
	drop_child();
	pawl_retire_flush();
}

static void make_child(void)
{
	struct pawl_group *mine;

	if (!eng_group_make(&forest, root, "child", UINT64_MAX / 8, NULL, &mine))
		child = mine;
}

static void finish_child(void)
{
	if (child) {
		mc_assert(eng_lifetime_state(&child->life) == ENG_LIFETIME_DRAINED);
		eng_group_put(child);
	}
	finish();
}

static void stop_child(void)
{
	eng_group_stop(child, ENG_TASK_CANCEL, end_for, NULL);
}

static void finish_beside(void)
{
	mc_assert(pawl_load_relaxed(&child->marks) == ENG_TASK_CANCEL);
	mc_assert(pawl_load_relaxed(&root->marks) == 0);
	eng_group_put(child);
	eng_group_close(root);
	finish();
}

static void setup_reused(void)
{
	setup_child();
	task = spawn(root);
}

/* The record serves a task of another group, made just now. */
static void end_make_and_spawn(void)
{
	run(task);
	eng_task_put(forest.tasks, task, 1);
	make_and_spawn();
}

static void close_root(void)
{
	eng_group_close(root);
}

static void setup_two_puts(void)
{
	setup_child();
	eng_group_close(child);
	eng_group_get(child);
}

static void read_and_put(void)
{
	mc_assert(child->name[0] == 'c');
	eng_group_put(child);
	pawl_retire_flush();
}

static void drop_handle(void)
{
	eng_group_put(child);
}

static void run_task(void)
{
	run(task);
	eng_group_close(root);
}

static void look(void)
{
	struct eng_group_counts counts;

	eng_group_count(root, &counts);
	mc_assert(counts.ended[ENG_OUTCOME_COMPLETED] == 1);
}

static void setup_ended(void)
{
	setup_child_task();
	run(task);
	eng_task_put(forest.tasks, task, 1);
}

static void finish_close(void)
{
	eng_group_close(root);
	finish();
}

static void setup_full(void)
{
	setup_most(1);
}

static void spawn_if_room(void)
{
	spawn_into(root);
}

/* Two at once. */
static void spawn_two_and_run(void)
{
	struct eng_task *made[2];

	for (unsigned i = 0; i < 2; i++)
		mc_assert(eng_task_make(forest.tasks, 2, 0, &made[i]) == 0);
	made[0]->next = made[1];
	made[1]->next = NULL;
	if (eng_group_enter_many(root, made[0], 2)) {
		for (unsigned i = 0; i < 2; i++)
			eng_task_unmake(forest.tasks, made[i]);
		return;
	}
	spawned[mc_thread() % 3] += 2;
	for (unsigned i = 0; i < 2; i++) {
		if (eng_task_publish(made[i], ENG_TASK_READY))
			run(made[i]);
		else
			end(made[i]);
		eng_task_put(forest.tasks, made[i], 1);
	}
}

static void setup_two_places(void)
{
	setup_most(2);
}

static void be_there(void)
{
	if (eng_lifetime_enter(&root->life, 1, 2))
		eng_lifetime_leave(&root->life, 1);
}

static void finish_many_full(void)
{
	struct eng_group_counts counts;

	eng_group_count(root, &counts);
	mc_assert(counts.refused + counts.ended[ENG_OUTCOME_COMPLETED] == 2);
	mc_assert(counts.refused == 0 || counts.refused == 2);
	finish_close();
}

static void setup_many_reused(void)
{
	setup_reused();
	many = true;
}

static void finish_full(void)
{
	struct eng_group_counts counts;

	eng_group_count(root, &counts);
	mc_assert(counts.refused + counts.ended[ENG_OUTCOME_COMPLETED] == 2);
	mc_assert(counts.refused <= 1);
	finish_close();
}

#define GROUP(NAME, SETUP, FINISH, ...)                                                   \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH, \
		.ideal_locks = true, .ideal_parks = true, .no_spurious = true,            \
		.keeps_memory = true                                                      \
	}

static const struct mc_scenario scenarios[] = {
	GROUP("spawn-close", setup, finish, spawn_and_run, close_and_wait),
	GROUP("spawn-stop", setup, finish, spawn_and_run, stop_and_wait),
	GROUP("body-stop", setup_body, finish_task, sleep_until_told, force_and_wait),
	GROUP("two-stop", setup_task, finish_task, stop_root, stop_and_wait),
	GROUP("child-stop", setup, finish, make_and_spawn, stop_root),
	GROUP("child-put", setup_child, finish, drop_child, stop_root),
	GROUP("ended-walk", setup_child_task, finish_task, run_and_drop, stop_root),
	GROUP("child-open", setup, finish_child, make_child, stop_root),
	GROUP("beside", setup_child, finish_beside, make_and_spawn, stop_child),
	GROUP("reused", setup_reused, finish_beside, end_make_and_spawn, stop_child),
	GROUP("close-stop", setup, finish, spawn_and_sleep, close_root, stop_root),
	GROUP("two-puts", setup_two_puts, finish_close, read_and_put, read_and_put),
	GROUP("spawn-sleep", setup, finish, spawn_and_sleep, stop_root),
	GROUP("two-children", setup, finish_close, make_and_drop, make_and_drop),
	GROUP("drain-put", setup_child_task, finish_task, run_task, drop_handle),
	GROUP("count", setup_ended, finish_close, drop_child, look),
	GROUP("full", setup_full, finish_full, spawn_if_room, spawn_if_room),
	GROUP("many-stop", setup, finish, spawn_two_and_run, stop_root),
	GROUP("many-full", setup_two_places, finish_many_full, spawn_two_and_run, be_there),
	GROUP("many-reused", setup_many_reused, finish_beside, end_make_and_spawn, stop_child),
};

MC_MAIN(scenarios)
