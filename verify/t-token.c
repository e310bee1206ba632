/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/runtime/token.c with group.c, lifetime.c and task.c below it. The runtime of these
 * scenarios is a home and a table; who has waited for its end frees the table at once. What a body and who
 * fires write is plain data, read by those who are said to see it.
 *
 *  fire-end         the token fires while its task ends
 *  fire-spawn       a task is spawned with a token that fires: it does not run on
 *  fire-bind        a task that runs is bound to a token that fires
 *  fire-bind-end    the same, where the task ends just then
 *  fire-end-drop    who fires puts the last handle but one, beside the end of the task
 *  fire-fire        two fire at once: one does, and each task ends once
 *  bind-end         a task ends while it is bound
 *  drop-end         the last handle goes while the task ends: nobody is cancelled
 *  drop-drop        the last of two handles frees the token
 *  ends             two tasks of one token end at once
 *  fire-wait        who waits for the token sees what was done before it fired
 *  fired-look       who finds it fired does, too
 *  fire-destroy     the runtime goes while a token reaches into it
 *  fire-group       a group that drains is bound to a token that fires
 *  bind-drain       a group drains while it is bound
 *  bind-fire-group  a group is bound while the token fires
 *  root-destroy     the root itself is bound, and the runtime goes
 */
/* mc-sources: engine/runtime/token.c engine/runtime/group.c engine/runtime/lifetime.c engine/runtime/task.c */
#include "scenario.h"

#include <errno.h>

#include "../engine/runtime/token.h"

static struct eng_token_home *home;
static struct eng_forest forest;
static struct pawl_group *root, *child;
static struct eng_task *task[2];
static struct pawl_token *token;
static unsigned ended[3], fired[3];
static unsigned before;

/* What the runtime does at the end of a task. */
static void end(struct eng_task *which)
{
	struct pawl_group *group = pawl_load_relaxed(&which->group);
	enum eng_outcome outcome = eng_task_outcome(which);

	ended[mc_thread() % 3]++;
	eng_task_tell(which);
	eng_group_forget(which);
	eng_task_put(forest.tasks, which, 1);
	eng_group_leave(group, outcome);
}

static void end_for(struct eng_task *which, void *arg)
{
	(void)arg;
	end(which);
}

static void setup(void)
{
	struct eng_tasks *tasks;

	scn_attach();
	mc_assert(eng_tasks_create(4, &tasks) == 0);
	eng_forest_init(&forest, tasks);
	mc_assert(eng_group_make(&forest, NULL, "root", UINT64_MAX / 8, NULL, &root) == 0);
	home = scn_alloc(sizeof(*home));
	eng_token_home_init(home, tasks, end_for, NULL);
	mc_assert(eng_token_make(&token) == 0);
	child = NULL;
	memset(task, 0, sizeof(task));
	memset(ended, 0, sizeof(ended));
	memset(fired, 0, sizeof(fired));
	before = 0;
}

static unsigned sum(const unsigned *of)
{
	return of[0] + of[1] + of[2];
}

/* A task that lives in the root, with a handle; bound, if `bound`. */
static struct eng_task *make(bool bound)
{
	struct eng_binding *binding;
	struct eng_task *made;

	mc_assert(eng_task_make(forest.tasks, 1, 1, &made) == 0);
	mc_assert(eng_binding_make(token, home, &binding) == 0);
	mc_assert(eng_group_enter(root, made) == 0);
	if (bound)
		mc_assert(eng_bind_task(binding, made));
	else
		eng_binding_discard(binding);
	return made;
}

static void setup_ready(void)
{
	setup();
	task[0] = make(true);
	mc_assert(eng_task_publish(task[0], ENG_TASK_READY));
}

static void setup_running(void)
{
	setup_ready();
	mc_assert(eng_task_claim(task[0]));
}

static void setup_unbound(void)
{
	setup();
	task[0] = make(false);
	mc_assert(eng_task_publish(task[0], ENG_TASK_READY));
	mc_assert(eng_task_claim(task[0]));
}

static void setup_two(void)
{
	setup_running();
	task[1] = make(true);
	mc_assert(eng_task_publish(task[1], ENG_TASK_READY));
	mc_assert(eng_task_claim(task[1]));
}

static void runtime_free(void)
{
	mc_assert(eng_tasks_live(forest.tasks) == 0);
	eng_tasks_destroy(forest.tasks);
	pawl_mem_free(home, sizeof(*home), 0);
	home = NULL;
}

static void drop(unsigned i)
{
	mc_assert(eng_task_drop(forest.tasks, task[i]));
	task[i] = NULL;
}

/* The tasks have ended, the token is nobody's but ours. */
static void finish(void)
{
	for (unsigned i = 0; i < 2; i++) {
		if (task[i])
			drop(i);
	}
	eng_token_put(token);
	if (child)
		eng_group_put(child);
	if (home) {
		eng_group_close(root);
		mc_assert(eng_lifetime_state(&root->life) == ENG_LIFETIME_DRAINED);
		eng_group_put(root);
		eng_token_home_wait(home);
		runtime_free();
	}
	pawl_thread_detach();
}

static void fire_too(void)
{
	fired[mc_thread() % 3] += eng_token_fire(token);
}

static void fire(void)
{
	before = 7;
	fire_too();
}

/* ---- tasks ----------------------------------------------------------------------- */

static void finish_running(unsigned i)
{
	mc_assert(eng_task_finish(task[i], ENG_OUTCOME_COMPLETED));
	end(task[i]);
}

static void end_0(void)
{
	finish_running(0);
}

static void end_1(void)
{
	finish_running(1);
}

static void finish_fired(void)
{
	mc_assert(sum(fired) == 1 && sum(ended) == 1);
	finish();
}

static void spawn_bound(void)
{
	task[0] = make(true);
	if (!eng_task_publish(task[0], ENG_TASK_READY))
		end(task[0]);
}

/* Whoever came first: it is final, and never ran. */
static void finish_spawned(void)
{
	mc_assert(eng_task_outcome(task[0]) == ENG_OUTCOME_CANCELLED);
	finish_fired();
}

static void bind_running(void)
{
	struct eng_binding *binding;

	mc_assert(eng_binding_make(token, home, &binding) == 0);
	mc_assert(eng_bind_task(binding, task[0]));
}

static void finish_told(void)
{
	mc_assert(pawl_load_relaxed(&task[0]->word) & ENG_TASK_CANCEL);
	end_0();
	finish_fired();
}

static void finish_two_ready(void)
{
	mc_assert(sum(fired) == 1 && sum(ended) == 1);
	mc_assert(pawl_load_relaxed(&task[1]->word) & ENG_TASK_CANCEL);
	end_1();
	finish();
}

static void setup_fire_fire(void)
{
	setup_ready();
	task[1] = make(true);
	mc_assert(eng_task_publish(task[1], ENG_TASK_READY));
	mc_assert(eng_task_claim(task[1]));
}

static void bind_ending(void)
{
	struct eng_binding *binding;

	mc_assert(eng_binding_make(token, home, &binding) == 0);
	(void)eng_bind_task(binding, task[0]);
}

static void finish_unfired(void)
{
	mc_assert(sum(fired) == 0 && sum(ended) >= 1);
	for (unsigned i = 0; i < 2; i++)
		mc_assert(!task[i] || eng_task_outcome(task[i]) == ENG_OUTCOME_COMPLETED);
	finish();
}

static void finish_bind_end(void)
{
	mc_assert(sum(fired) == 1 && sum(ended) == 1);
	mc_assert(eng_task_outcome(task[0]) == ENG_OUTCOME_COMPLETED);
	finish();
}

static void setup_running_two_handles(void)
{
	setup_running();
	eng_token_get(token);
}

static void put_one(void)
{
	eng_token_put(token);
}

static void fire_and_put(void)
{
	fire();
	eng_token_put(token);
}

static void finish_dropped(void)
{
	token = NULL;
	finish_bind_end();
}

static void put_last(void)
{
	eng_token_put(token);
	token = NULL;
}

static void setup_two_handles(void)
{
	setup();
	eng_token_get(token);
}

static void look_and_put(void)
{
	mc_assert(!eng_token_fired(token));
	eng_token_put(token);
}

static void finish_no_token(void)
{
	token = NULL;
	finish();
}

static void wait_for_it(void)
{
	while (!eng_token_fired(token)) {
		struct pawl_listener listener;

		pawl_event_listen(eng_token_event(token), &listener, "token", 0);
		if (eng_token_fired(token))
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
	mc_assert(before == 7);
}

static void look_at_it(void)
{
	if (eng_token_fired(token))
		mc_assert(before == 7);
}

/* The body ends, its runtime is shut down and freed. */
static void destroy(void)
{
	mc_assert(eng_lifetime_wait(&root->life, PAWL_FOREVER, "root", 0));
	eng_token_home_wait(home);
	eng_group_put(root);
	runtime_free();
}

static void end_and_destroy(void)
{
	end_0();
	drop(0);
	eng_group_close(root);
	destroy();
}

/* ---- groups ---------------------------------------------------------------------- */

static void setup_child(void)
{
	setup();
	mc_assert(eng_group_make(&forest, root, "child", UINT64_MAX / 8, NULL, &child) == 0);
}

static bool bind_child(struct pawl_group *group)
{
	struct eng_binding *binding;

	mc_assert(eng_binding_make(token, home, &binding) == 0);
	return eng_bind_group(binding, group);
}

static void setup_bound_child(void)
{
	setup_child();
	mc_assert(bind_child(child));
}

static void close_child(void)
{
	eng_group_close(child);
}

static void bind_draining(void)
{
	(void)bind_child(child);
}

static void bind_open(void)
{
	bind_draining();
}

static void finish_group(void)
{
	mc_assert(sum(fired) == 1);
	mc_assert(eng_lifetime_state(&child->life) == ENG_LIFETIME_DRAINED);
	mc_assert(pawl_load_relaxed(&child->marks) & ENG_TASK_CANCEL);
	finish();
}

static void finish_drained(void)
{
	mc_assert(eng_lifetime_state(&child->life) == ENG_LIFETIME_DRAINED);
	finish();
}

static void setup_root(void)
{
	setup();
	mc_assert(bind_child(root));
}

static void close_and_destroy(void)
{
	eng_group_close(root);
	destroy();
}

#define TOKEN(NAME, SETUP, FINISH, ...)                                                   \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH, \
		.ideal_locks = true, .ideal_parks = true, .no_spurious = true,            \
		.keeps_memory = true                                                      \
	}

static const struct mc_scenario scenarios[] = {
	TOKEN("fire-end", setup_running, finish_fired, fire, end_0),
	TOKEN("fire-spawn", setup, finish_spawned, fire, spawn_bound),
	TOKEN("fire-bind", setup_unbound, finish_told, fire, bind_running),
	TOKEN("fire-bind-end", setup_unbound, finish_bind_end, fire, bind_ending, end_0),
	TOKEN("fire-end-drop", setup_running_two_handles, finish_dropped, fire_and_put, end_0,
	      put_one),
	TOKEN("fire-fire", setup_fire_fire, finish_two_ready, fire_too, fire_too),
	TOKEN("bind-end", setup_unbound, finish_unfired, bind_ending, end_0),
	TOKEN("drop-end", setup_running, finish_unfired, put_last, end_0),
	TOKEN("drop-drop", setup_two_handles, finish_no_token, look_and_put, look_and_put),
	TOKEN("ends", setup_two, finish_unfired, end_0, end_1),
	TOKEN("fire-wait", setup, finish, fire, wait_for_it),
	TOKEN("fired-look", setup, finish, fire, look_at_it),
	TOKEN("fire-destroy", setup_running, finish, fire, end_and_destroy),
	TOKEN("fire-group", setup_bound_child, finish_drained, fire, close_child),
	TOKEN("bind-drain", setup_child, finish_drained, bind_draining, close_child),
	TOKEN("bind-fire-group", setup_child, finish_group, fire, bind_open),
	TOKEN("root-destroy", setup_root, finish, fire, close_and_destroy),
};

MC_MAIN(scenarios)
