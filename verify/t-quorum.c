/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/runtime/quorum.c. What a member's body writes is plain data that the maker reads
 * once the quorum is over.
 *
 *  race             two ends at once: one decides
 *  all-completed    nobody decides; the last one wakes the maker
 *  one-failed       the one that failed decides
 *  named            the maker waits for one member in particular
 *  named-later      the same, where the watch has begun before
 *  abandoned        the maker goes before the members
 *  ended-before     a member that has ended when the watch begins
 *  twice            one task that is two members
 */
/* mc-sources: engine/runtime/quorum.c engine/runtime/task.c */
#include "scenario.h"

#include "../engine/runtime/quorum.h"

static struct eng_tasks *tasks;
static struct eng_task *task[2];
static struct eng_quorum *quorum;
static unsigned value[2];

static void setup_rule(enum eng_quorum_rule rule, bool twice)
{
	uint64_t ids[2];

	scn_attach();
	mc_assert(eng_tasks_create(4, &tasks) == 0);
	for (unsigned i = 0; i < 2; i++) {
		mc_assert(eng_task_make(tasks, 1, 1, &task[i]) == 0);
		mc_assert(eng_task_publish(task[i], ENG_TASK_READY));
		mc_assert(eng_task_claim(task[i]));
		ids[i] = task[twice ? 0 : i]->id;
		value[i] = 0;
	}
	mc_assert(eng_quorum_make(tasks, rule, ids, 2, &quorum) == 0);
}

/* Others expect them already: who begins to, beside an end, is in ended-before, named, and t-task. */
static void setup_expected(enum eng_quorum_rule rule)
{
	setup_rule(rule, false);
	for (unsigned i = 0; i < 2; i++)
		mc_assert(eng_task_expect(task[i]));
}

static void setup_unexpected(void)
{
	setup_rule(ENG_QUORUM_ENDED, false);
}

static void setup_named(void)
{
	setup_rule(ENG_QUORUM_NOT_COMPLETED, false);
}

static void setup_race(void)
{
	setup_expected(ENG_QUORUM_ENDED);
}

static void setup_all(void)
{
	setup_expected(ENG_QUORUM_NOT_COMPLETED);
}

static void setup_any(void)
{
	setup_expected(ENG_QUORUM_COMPLETED);
}

static void setup_twice(void)
{
	setup_rule(ENG_QUORUM_ENDED, true);
}

static void setup_watched(void)
{
	setup_race();
	eng_quorum_watch(quorum);
}

static void finish(void)
{
	for (unsigned i = 0; i < 2; i++)
		mc_assert(eng_task_drop(tasks, task[i]));
	mc_assert(eng_tasks_live(tasks) == 0);
	eng_tasks_destroy(tasks);
	pawl_thread_detach();
}

static void end(unsigned i, enum eng_outcome outcome)
{
	value[i] = 1 + i;
	mc_assert(eng_task_finish(task[i], outcome));
	eng_task_tell(task[i]);
	eng_task_put(tasks, task[i], 1);
}

static void complete_0(void)
{
	end(0, ENG_OUTCOME_COMPLETED);
}

static void complete_1(void)
{
	end(1, ENG_OUTCOME_COMPLETED);
}

static void fail_1(void)
{
	end(1, ENG_OUTCOME_FAILED);
}

static void sleep_until(bool to_the_end, const struct eng_task *named)
{
	while (!eng_quorum_over(quorum, to_the_end) && !(named && eng_task_outcome(named))) {
		struct pawl_listener listener;

		pawl_event_listen(&quorum->changed, &listener, "quorum", 0);
		if (eng_quorum_over(quorum, to_the_end) || (named && eng_task_outcome(named)))
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
}

static void read_all(void)
{
	sleep_until(true, NULL);
	mc_assert(value[0] == 1 && value[1] == 2);
	eng_quorum_put(quorum);
}

static void join_race(void)
{
	uint64_t decided;

	eng_quorum_watch(quorum);
	sleep_until(false, NULL);
	decided = pawl_load_acquire(&quorum->decided);
	mc_assert(decided == 1 || decided == 2);
	mc_assert(value[decided - 1] == decided);
	read_all();
}

static void join_all(void)
{
	eng_quorum_watch(quorum);
	sleep_until(false, NULL);
	mc_assert(pawl_load_relaxed(&quorum->decided) == 0);
	read_all();
}

static void join_failed(void)
{
	eng_quorum_watch(quorum);
	sleep_until(false, NULL);
	mc_assert(pawl_load_relaxed(&quorum->decided) == 2);
	mc_assert(value[1] == 2);
	read_all();
}

static void join_any(void)
{
	eng_quorum_watch(quorum);
	sleep_until(false, NULL);
	mc_assert(pawl_load_relaxed(&quorum->decided) == 1);
	read_all();
}

static void join_named(void)
{
	pawl_store_relaxed(&quorum->named, 1u);
	eng_quorum_watch(quorum);
	sleep_until(false, task[0]);
	mc_assert(eng_task_outcome(task[0]) && value[0] == 1);
	eng_quorum_put(quorum);
}

static void setup_all_watched(void)
{
	setup_all();
	eng_quorum_watch(quorum);
}

static void name_0(void)
{
	pawl_store_relaxed(&quorum->named, 1u);
	sleep_until(false, task[0]);
	mc_assert(eng_task_outcome(task[0]) && value[0] == 1);
	eng_quorum_put(quorum);
}

static void abandon(void)
{
	eng_quorum_put(quorum);
}

static void complete_both(void)
{
	end(0, ENG_OUTCOME_COMPLETED);
	end(1, ENG_OUTCOME_COMPLETED);
}

static void join_twice(void)
{
	eng_quorum_watch(quorum);
	sleep_until(true, NULL);
	mc_assert(pawl_load_relaxed(&quorum->decided) != 0 && value[0] == 1);
	eng_quorum_put(quorum);
}

static void finish_twice(void)
{
	end(1, ENG_OUTCOME_COMPLETED);
	finish();
}

/* The other one never ends meanwhile: the maker is woken by its name alone. */
static void finish_named(void)
{
	end(1, ENG_OUTCOME_COMPLETED);
	finish();
}

#define QUORUM(NAME, SETUP, FINISH, ...)                                                  \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH, \
		.ideal_locks = true, .ideal_parks = true, .no_spurious = true             \
	}

static const struct mc_scenario scenarios[] = {
	QUORUM("race", setup_race, finish, join_race, complete_0, complete_1),
	QUORUM("all-completed", setup_all, finish, join_all, complete_0, complete_1),
	QUORUM("one-failed", setup_all, finish, join_failed, complete_0, fail_1),
	QUORUM("any", setup_any, finish, join_any, complete_0, fail_1),
	QUORUM("named", setup_named, finish_named, join_named, complete_0),
	QUORUM("named-later", setup_all_watched, finish_named, name_0, complete_0),
	QUORUM("abandoned", setup_watched, finish, abandon, complete_0, complete_1),
	QUORUM("ended-before", setup_unexpected, finish, join_race, complete_both),
	QUORUM("twice", setup_twice, finish_twice, join_twice, complete_0),
};

MC_MAIN(scenarios)
