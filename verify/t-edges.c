/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/runtime/edges.c. Bodies do here what they do before they sleep: count themselves at
 * who they wait for, set the edge, look for a ring. Nobody sleeps.
 *
 *  ring-2, ring-3   of those who close a ring at once one finds it
 *  ring-inline      the same, where one runs on the stack of the one that waits for it
 *  itself           a ring of one
 *  no-ring          edges that were never there at one time are no ring
 *  no-ring-again    the same, where the first edge comes back
 *  gone             the one that was waited for has ended, and its record serves another
 */
/* mc-sources: engine/runtime/edges.c engine/runtime/task.c */
#include "scenario.h"

#include "../engine/runtime/edges.h"

static struct eng_tasks *tasks;
static struct eng_task *task[3];
static bool found[3];

static void setup(void)
{
	scn_attach();
	mc_assert(eng_tasks_create(6, &tasks) == 0);
	memset(found, 0, sizeof(found));
	for (unsigned i = 0; i < 3; i++) {
		mc_assert(eng_task_make(tasks, 1, 0, &task[i]) == 0);
		mc_assert(eng_task_publish(task[i], ENG_TASK_READY));
		mc_assert(eng_task_claim(task[i]));
	}
}

static void finish(void)
{
	for (unsigned i = 0; i < 3; i++) {
		eng_edge_set(task[i], 0);
		mc_assert(eng_task_finish(task[i], ENG_OUTCOME_COMPLETED));
		eng_task_put(tasks, task[i], 1);
	}
	eng_tasks_destroy(tasks);
	pawl_thread_detach();
}

static void wait_for(unsigned who, unsigned whom)
{
	pawl_add_relaxed(&task[whom]->waiters, 1u);
	found[who] = eng_edge_makes_ring(tasks, task[who], task[whom], false);
}

static void wait_0_1(void)
{
	wait_for(0, 1);
}

static void wait_1_0(void)
{
	wait_for(1, 0);
}

static void wait_1_2(void)
{
	wait_for(1, 2);
}

static void wait_2_0(void)
{
	wait_for(2, 0);
}

/* 0 runs 1 on its stack, and has nobody to tell of it but 1, which waits for 2. */
static void inline_0_1_2(void)
{
	eng_edge_set(task[0], task[1]->id);
	pawl_add_relaxed(&task[2]->waiters, 1u);
	found[1] = eng_edge_makes_ring(tasks, task[1], task[2], true);
}

static void wait_0_0(void)
{
	wait_for(0, 0);
}

static void finish_found(void)
{
	char text[64];

	mc_assert(found[0] || found[1] || found[2]);
	mc_assert(eng_ring_describe(tasks, task[0], text, sizeof(text)) == strlen(text));
	mc_assert(strstr(text, "task#1 -> "));
	finish();
}

/* 1 waits for 2, and does not any more when 2 begins to wait for 0. */
static void setup_passed(void)
{
	setup();
	pawl_add_relaxed(&task[2]->waiters, 1u);
	eng_edge_set(task[1], task[2]->id);
	pawl_add_relaxed(&task[0]->waiters, 1u);
}

static void pass_on(void)
{
	eng_edge_set(task[1], 0);
	eng_edge_set(task[2], task[0]->id);
}

static void pass_on_and_back(void)
{
	eng_edge_set(task[1], 0);
	eng_edge_set(task[2], task[0]->id);
	eng_edge_set(task[2], 0);
	eng_edge_set(task[1], task[2]->id);
}

static void finish_none(void)
{
	mc_assert(!found[0]);
	finish();
}

static void end_1(void)
{
	mc_assert(eng_task_finish(task[1], ENG_OUTCOME_COMPLETED));
	eng_task_put(tasks, task[1], 1);
	mc_assert(eng_task_make(tasks, 1, 0, &task[1]) == 0);
	mc_assert(eng_task_publish(task[1], ENG_TASK_READY));
	mc_assert(eng_task_claim(task[1]));
	eng_edge_set(task[1], task[0]->id);
}

/* 2 waits for 0, which waits for 1 that has ended: the one in its record waits for 0, too. */
static void setup_gone(void)
{
	setup();
	pawl_add_relaxed(&task[1]->waiters, 1u);
	eng_edge_set(task[0], task[1]->id);
	pawl_add_relaxed(&task[2]->waiters, 1u);
}

static void finish_gone(void)
{
	mc_assert(!found[2]);
	finish();
}

#define EDGES(NAME, SETUP, FINISH, ...)                                                   \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH, \
		.ideal_locks = true, .no_spurious = true                                  \
	}

static const struct mc_scenario scenarios[] = {
	EDGES("ring-2", setup, finish_found, wait_0_1, wait_1_0),
	EDGES("ring-3", setup, finish_found, wait_0_1, wait_1_2, wait_2_0),
	EDGES("ring-inline", setup, finish_found, inline_0_1_2, wait_2_0),
	EDGES("itself", setup, finish_found, wait_0_0),
	EDGES("no-ring", setup_passed, finish_none, wait_0_1, pass_on),
	EDGES("no-ring-again", setup_passed, finish_none, wait_0_1, pass_on_and_back),
	EDGES("gone", setup_gone, finish_gone, wait_2_0, end_1),
};

MC_MAIN(scenarios)
