/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/runtime/task.c. What a body or a settler writes is plain data: who reads the
 * outcome and then it, without being ordered after, is a race. Each task is ended once, by who
 * made it final.
 *
 *  claim-claim      two claim it: one runs it
 *  claim-stop       cancelled before it ran, or running and told
 *  told             a body that sleeps until it is told
 *  finish-stop      the body ends beside a request to end
 *  finish-give-up   the body ends beside who gives it up
 *  finish-hold      the body ends beside who holds it: not before that is over
 *  hold-give-up     the same with who gives it up
 *  publish-hold     held as soon as it runs, or not at all
 *  settle-settle    two settle it, one waits for the outcome
 *  await-end, two-await  the body ends beside who begins to wait for that
 *  settle-stop      settled beside cancelled
 *  watch-end        one who is told of the end, or refused
 *  settle-watch     the same of one that is settled
 *  publish-walk     found by a walker before it is published, or after
 *  other-task       the record serves another task by the time the walker stops it
 *  try-get          a reference by an id whose task may be over
 *  label            the name of an id whose task may be over, and its record another's
 *  put-put          the last of two references frees the value
 *  put-drop         the last handle beside the last reference: the value is freed once
 *  finish-drop      the same while the body ends
 *  two-handles      the last of two frees the value that both read
 *  drop-drop        one handle, dropped twice
 *  find             a handle that is over, or about to be
 *  make-make        two tasks that need new segments
 *  make-new         two that need the same one
 *  find-new         a made-up id of a record in it
 */
/* mc-sources: engine/runtime/task.c */
#include "scenario.h"

#include <errno.h>

#include "../engine/runtime/task.h"

static struct eng_tasks *tasks;
static struct eng_task *task;
/* Stand for groups: nobody looks into them. */
static char home, elsewhere;
static unsigned ended[2], ran, value, freed;
static uint64_t id;
static bool refused;

static void setup_table(void)
{
	scn_attach();
	mc_assert(eng_tasks_create(6, &tasks) == 0);
	memset(ended, 0, sizeof(ended));
	ran = value = freed = 0;
}

static struct eng_task *make(uint32_t refs, char *group)
{
	struct eng_task *made;

	mc_assert(eng_task_make(tasks, refs, 0, &made) == 0);
	pawl_store_release(&made->group, (void *)group);
	return made;
}

static void setup_starting(void)
{
	setup_table();
	task = make(1, &home);
	id = task->id;
}

static void setup_ready(void)
{
	setup_starting();
	mc_assert(eng_task_publish(task, ENG_TASK_READY));
}

static void setup_running(void)
{
	setup_ready();
	mc_assert(eng_task_claim(task));
}

static void setup_pending(void)
{
	setup_starting();
	mc_assert(eng_task_publish(task, ENG_TASK_PENDING));
}

static void finish_table(void)
{
	mc_assert(eng_tasks_live(tasks) == 0);
	eng_tasks_destroy(tasks);
	pawl_thread_detach();
}

static void finish(void)
{
	mc_assert(eng_task_outcome(task) != ENG_OUTCOME_NONE);
	mc_assert(ended[0] + ended[1] == 1);
	eng_task_put(tasks, task, 1);
	finish_table();
}

static void body(void)
{
	ran++;
	value = 1;
	ended[mc_thread()] += eng_task_finish(task, ENG_OUTCOME_COMPLETED);
}

static void claim_and_run(void)
{
	if (eng_task_claim(task))
		body();
}

static void run(void)
{
	body();
}

static void stop(void)
{
	/* Final by this: nobody ran it, and nobody will. */
	if (eng_task_stop(task, id, ENG_TASK_CANCEL) == ENG_STOPPED_FINAL) {
		mc_assert(eng_task_outcome(task) == ENG_OUTCOME_CANCELLED && ran == 0);
		ended[mc_thread()]++;
	}
}

static void finish_ran(void)
{
	mc_assert(ran == 1);
	finish();
}

static void finish_ran_or_not(void)
{
	mc_assert(ran == (eng_task_outcome(task) == ENG_OUTCOME_COMPLETED));
	finish();
}

/* As a wait does. */
static void body_until_told(void)
{
	while (!(pawl_load_relaxed(&task->word) & ENG_TASK_CANCEL)) {
		struct pawl_listener listener;

		pawl_event_listen(&task->interrupt, &listener, "told", 0);
		if (pawl_load_relaxed(&task->word) & ENG_TASK_CANCEL)
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
	ended[mc_thread()] += eng_task_finish(task, ENG_OUTCOME_CANCELLED);
}

static void give_up(void)
{
	if (!eng_task_give_up(task, id))
		return;
	ended[mc_thread()]++;
	mc_assert(eng_task_outcome(task) == ENG_OUTCOME_STUCK);
}

/* Stands for its name, which goes when the body is over. */
static unsigned name;

static void run_and_free(void)
{
	ended[mc_thread()] += eng_task_finish(task, ENG_OUTCOME_COMPLETED);
	name = 0;
}

static void hold(void)
{
	if (!eng_task_hold(task, id))
		return;
	mc_assert(name == 1);
	eng_task_release(task);
}

static void setup_with_name(void)
{
	setup_running();
	name = 1;
}

static void setup_unnamed(void)
{
	setup_starting();
	name = 0;
}

static void publish_and_free(void)
{
	name = 1;
	mc_assert(eng_task_publish(task, ENG_TASK_READY));
	mc_assert(eng_task_claim(task));
	run_and_free();
}

/* The value is read only where the outcome says that there is one. */
static void finish_stuck_or_not(void)
{
	enum eng_outcome outcome = eng_task_outcome(task);

	mc_assert(outcome == ENG_OUTCOME_STUCK || outcome == ENG_OUTCOME_COMPLETED);
	finish();
}

/* ---- settling --------------------------------------------------------------- */

static void settle(void)
{
	if (!eng_task_settle(task, id))
		return;
	value += 1 + mc_thread();
	eng_task_settled(task, ENG_OUTCOME_COMPLETED);
	ended[mc_thread()]++;
	eng_task_tell(task);
}

static void await_value(void)
{
	if (!eng_task_expect(task)) {
		mc_assert(value == 1 || value == 2);
		return;
	}
	while (!eng_task_outcome(task)) {
		struct pawl_listener listener;

		pawl_event_listen(&task->done, &listener, "outcome", 0);
		if (eng_task_outcome(task))
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
	mc_assert(value == 1 || value == 2);
}

static void run_and_tell(void)
{
	body();
	eng_task_tell(task);
}

static unsigned told;

static void on_end(struct eng_watcher *watcher, enum eng_outcome outcome)
{
	(void)watcher;
	mc_assert(outcome == ENG_OUTCOME_COMPLETED && value == 1);
	told++;
}

/* Told, or refused because it is final: one of the two. */
static void watch(void)
{
	static struct eng_watcher watcher = {.ended = on_end};

	if (!eng_task_watch(task, &watcher)) {
		mc_assert(eng_task_outcome(task) == ENG_OUTCOME_COMPLETED && value == 1);
		refused = true;
	}
}

static void setup_watched(void)
{
	setup_running();
	told = 0;
	refused = false;
}

static void setup_settled_watched(void)
{
	setup_pending();
	told = 0;
	refused = false;
}

static void finish_watched(void)
{
	mc_assert(told + refused == 1);
	finish();
}

static void finish_settled(void)
{
	mc_assert((value != 0) == (eng_task_outcome(task) == ENG_OUTCOME_COMPLETED));
	finish();
}

/* ---- walking ---------------------------------------------------------------- */

static void publish_and_run(void)
{
	task->arg = &home;
	if (!eng_task_publish(task, ENG_TASK_READY)) {
		mc_assert(eng_task_outcome(task) == ENG_OUTCOME_CANCELLED);
		ended[mc_thread()]++;
		return;
	}
	claim_and_run();
}

static bool stop_at_home(struct eng_task *found, uint64_t word, uint64_t found_id, void *arg)
{
	(void)arg;
	if (pawl_load_acquire(&found->group) == &home &&
	    eng_task_stop(found, word, ENG_TASK_CANCEL) == ENG_STOPPED_FINAL) {
		/* The one who ends it reads the record. */
		mc_assert(found_id == id && (found->arg == &home || found->arg == NULL));
		ended[mc_thread()]++;
		eng_task_put(tasks, found, 1);
	}
	return true;
}

static void walk(void)
{
	eng_tasks_each(tasks, stop_at_home, NULL);
}

/* One reference more, that of the end: who ends it gives it back. */
static void setup_walk(void)
{
	setup_starting();
	eng_task_get(task);
}

static void finish_walk(void)
{
	/* That of who ended it, unless the walker did. */
	if (!ended[1])
		eng_task_put(tasks, task, 1);
	finish_ran_or_not();
}

/* Runs it, and its record serves another one, somewhere else. */
static void end_and_make(void)
{
	if (!eng_task_claim(task))
		return;
	ended[0] += eng_task_finish(task, ENG_OUTCOME_COMPLETED);
	eng_task_put(tasks, task, 1);
	task = make(1, &elsewhere);
	mc_assert(eng_task_publish(task, ENG_TASK_READY));
	value = 1;
}

static void try_get(void)
{
	struct eng_task *found;

	if (!eng_task_try_get(tasks, id, &found))
		return;
	/* It stays what it is. */
	mc_assert((pawl_load_relaxed(&found->word) ^ id) >> 32 == 0);
	eng_task_put(tasks, found, 1);
}

static void setup_named(void)
{
	setup_starting();
	eng_task_name(task, "old");
	mc_assert(eng_task_publish(task, ENG_TASK_READY));
}

static void end_and_name(void)
{
	end_and_make();
	if (value)
		eng_task_name(task, "new, and longer");
}

static void label(void)
{
	char text[ENG_LABEL_BYTES];

	if (eng_task_label(tasks, id, text))
		mc_assert(strcmp(text, "old") == 0);
}

static void finish_other(void)
{
	mc_assert(ended[0] + ended[1] == 1);
	if (value) {
		mc_assert(eng_task_claim(task));
		mc_assert(eng_task_finish(task, ENG_OUTCOME_COMPLETED));
		eng_task_put(tasks, task, 1);
	}
	finish_table();
}

/* ---- references --------------------------------------------------------------- */

static void free_value(void *ptr)
{
	mc_assert(ptr == &value && value == 3);
	/* Nobody reads it any more. */
	value = 4;
	freed++;
}

static void setup_two_refs(void)
{
	setup_running();
	eng_task_get(task);
	task->value = &value;
	task->free_value = free_value;
	mc_assert(eng_task_finish(task, ENG_OUTCOME_COMPLETED));
	value = 3;
}

static void put(void)
{
	mc_assert(value == 3);
	eng_task_put(tasks, task, 1);
}

/* A queue's reference: it does not look at the value, which goes with the last handle. */
static void put_blind(void)
{
	eng_task_put(tasks, task, 1);
}

static void finish_freed(void)
{
	mc_assert(freed == 1);
	finish_table();
}

/* A body with one handle and one reference. */
static void setup_handle(void)
{
	setup_table();
	mc_assert(eng_task_make(tasks, 1, 1, &task) == 0);
	id = task->id;
	task->free_value = free_value;
	mc_assert(eng_task_publish(task, ENG_TASK_READY));
	mc_assert(eng_task_claim(task));
	value = 3;
}

static void setup_handle_final(void)
{
	setup_handle();
	task->value = &value;
	mc_assert(eng_task_finish(task, ENG_OUTCOME_COMPLETED));
}

static void drop(void)
{
	struct eng_task *found;

	if (!eng_task_handle(tasks, id, &found))
		ended[mc_thread()] += eng_task_drop(tasks, found);
}

static void setup_two_handles(void)
{
	setup_handle_final();
	eng_task_keep(task);
	eng_task_put(tasks, task, 1);
}

static void read_and_drop(void)
{
	mc_assert(value == 3);
	mc_assert(eng_task_drop(tasks, task));
}

static void finish_and_put(void)
{
	task->value = &value;
	mc_assert(eng_task_finish(task, ENG_OUTCOME_COMPLETED));
	eng_task_put(tasks, task, 1);
}

static void finish_dropped(void)
{
	struct eng_task *found;

	mc_assert(ended[0] + ended[1] == 1);
	mc_assert(eng_task_handle(tasks, id, &found) == -ESTALE);
	finish_freed();
}

static void finish_dropped_put(void)
{
	mc_assert(freed == 1);
	eng_task_put(tasks, task, 1);
	finish_dropped();
}

static void run_and_put(void)
{
	body();
	eng_task_put(tasks, task, 1);
}

static void find(void)
{
	struct eng_task *found;
	int error = eng_task_find(tasks, id, &found);

	mc_assert(error == 0 || error == -ESTALE);
	mc_assert(error || found == task);
	mc_assert(eng_task_find(tasks, 0, &found) == -EINVAL);
	mc_assert(eng_task_find(tasks, 5, &found) == -EINVAL);
}

static void finish_found(void)
{
	struct eng_task *found;

	mc_assert(eng_task_find(tasks, id, &found) == -ESTALE);
	finish_table();
}

static void make_one(void)
{
	struct eng_task *mine = make(1, &home);

	mine->arg = mine;
	mc_assert(eng_task_publish(mine, ENG_TASK_READY));
	mc_assert(eng_task_claim(mine));
	mc_assert(mine->arg == mine);
	mc_assert(eng_task_finish(mine, ENG_OUTCOME_FAILED));
	eng_task_put(tasks, mine, 1);
}

/* In the next segment, whose record may be in the making. */
static void find_made_up(void)
{
	struct eng_task *found;
	int error = eng_task_find(tasks, 2, &found);

	mc_assert(error == -EINVAL || error == -ESTALE || error == 0);
}

static void finish_new(void)
{
	mc_assert(eng_task_finish(task, ENG_OUTCOME_COMPLETED));
	eng_task_put(tasks, task, 1);
	finish_table();
}

#define TASK(NAME, SETUP, FINISH, ...)                                                    \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH, \
		.ideal_locks = true, .no_spurious = true                                  \
	}

static const struct mc_scenario scenarios[] = {
	TASK("claim-claim", setup_ready, finish_ran, claim_and_run, claim_and_run),
	TASK("claim-stop", setup_ready, finish_ran_or_not, claim_and_run, stop),
	TASK("told", setup_running, finish, body_until_told, stop),
	TASK("finish-stop", setup_running, finish_ran, run, stop),
	TASK("finish-give-up", setup_running, finish_stuck_or_not, run, give_up),
	TASK("finish-hold", setup_with_name, finish, run_and_free, hold),
	TASK("hold-give-up", setup_with_name, finish_stuck_or_not, run_and_free, give_up, hold),
	TASK("publish-hold", setup_unnamed, finish, publish_and_free, hold),
	TASK("settle-settle", setup_pending, finish_settled, settle, settle, await_value),
	TASK("settle-stop", setup_pending, finish_settled, settle, stop),
	TASK("await-end", setup_running, finish_ran, run_and_tell, await_value),
	TASK("two-await", setup_running, finish_ran, run_and_tell, await_value, await_value),
	TASK("watch-end", setup_watched, finish_watched, run_and_tell, watch),
	TASK("settle-watch", setup_settled_watched, finish_watched, settle, watch),
	TASK("publish-walk", setup_walk, finish_walk, publish_and_run, walk),
	TASK("other-task", setup_ready, finish_other, end_and_make, walk),
	TASK("try-get", setup_ready, finish_other, end_and_make, try_get),
	TASK("label", setup_named, finish_other, end_and_name, label),
	TASK("put-put", setup_two_refs, finish_freed, put, put),
	TASK("put-drop", setup_handle_final, finish_dropped, drop, put_blind),
	TASK("finish-drop", setup_handle, finish_dropped, drop, finish_and_put),
	TASK("two-handles", setup_two_handles, finish_freed, read_and_drop, read_and_drop),
	TASK("drop-drop", setup_handle_final, finish_dropped_put, drop, drop),
	TASK("find", setup_running, finish_found, run_and_put, find),
	TASK("make-make", setup_table, finish_table, make_one, make_one),
	TASK("make-new", setup_running, finish_new, make_one, make_one),
	TASK("find-new", setup_running, finish_new, make_one, find_made_up),
};

MC_MAIN(scenarios)
