/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * token.c - a token's list of what is bound to it. verify/t-token.c runs this file under the model checker.
 *
 * A binding stands between a token and a task (or group). Two know it: the token's list, and the watcher on the
 * task; each may be done with it first. The list lets go when the token fires, the watcher when the task ends,
 * which takes the binding out of the list as well: so a token that never fires holds nothing of what has ended.
 *
 * Invariants:
 *  I1 `fired` is set under the token's lock, and nothing is linked afterwards: whoever binds is in the list
 *     that is fired, or sees that it has fired, and cancels by itself.
 *  I2 A binding has a reference to its task or group, and one to the token, as long as it has memory. It
 *     loses its memory when both have let go, which is counted under the token's lock.
 *  I3 A binding that is linked is one whose watcher was not told, or whose binder has not returned: its task has
 *     not left its group, so the runtime has not drained, or a call on it is running. Who takes it out to fire it becomes a guest of the runtime before the lock
 *     is given back; what tells the watcher takes that lock later, and the runtime drains after that.
 *     So the runtime that looks at its guests sees this one.
 *  I4 No code of users, and no end of a task, runs with a lock held: bindings are fired one by one.
 *
 * Ordering:
 *  O1 refs: as reference counts.
 *  O2 `fired` is stored with release for those who look without the lock.
 *  What else is shared is under the token's lock or the home's, which is taken inside it.
 *
 * Rejected: a section of read-copy-update around the cancelling instead of guests (ending a task runs code of
 * users, which may wait); one list for each worker (a token of a request has a few tasks, and would have
 * a list for each processor); tasks that look at their tokens (a task that sleeps looks at nothing, and
 * each look would cost all tasks).
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>

#include "token.h"

/* Locks of tokens, then those of homes; both inside whatever a program that spawns may hold. */
#define RANK_TOKEN (PAWL_LOCK_RANK_EVENT - 2)
#define RANK_HOME  (PAWL_LOCK_RANK_EVENT - 1)

struct pawl_token {
	struct pawl_lock lock;
	/* Set once, under the lock; read by all. */
	struct pawl_atomic_u32 fired;
	/* Handles and bindings. All threads. */
	struct pawl_atomic_u64 refs;
	/* Notified once, when it has fired. */
	struct pawl_event event;
	/* Newest first; under the lock. */
	struct eng_binding *first;
};

struct eng_binding {
	struct eng_watcher watcher;
	struct pawl_token *token;
	struct eng_token_home *home;
	struct eng_task *task; /* or NULL, and */
	struct pawl_group *group;
	/* Under the token's lock. */
	struct eng_binding *next, **link; /* link NULL: not in the list */
	unsigned holders;		  /* list and watcher that have not let go */
};

/* ---- homes ------------------------------------------------------------------------ */

void eng_token_home_init(struct eng_token_home *home, struct eng_tasks *tasks,
			 void (*ended)(struct eng_task *task, void *arg), void *arg)
{
	home->tasks = tasks;
	home->ended = ended;
	home->arg = arg;
	pawl_lock_init(&home->lock, RANK_HOME);
	home->guests = 0;
	pawl_event_init(&home->gone);
}

static void guest_comes(struct eng_token_home *home)
{
	pawl_lock_lock(&home->lock);
	home->guests++;
	pawl_lock_unlock(&home->lock);
}

static void guest_goes(struct eng_token_home *home)
{
	pawl_lock_lock(&home->lock);
	/* Under the lock: who has seen, with the lock, that nobody is there may free the home. */
	if (!--home->guests)
		pawl_event_notify_all(&home->gone);
	pawl_lock_unlock(&home->lock);
}

static bool empty(struct eng_token_home *home)
{
	bool none;

	pawl_lock_lock(&home->lock);
	none = !home->guests;
	pawl_lock_unlock(&home->lock);
	return none;
}

void eng_token_home_wait(struct eng_token_home *home)
{
	/* Ends: no guest comes any more (I3). */
	while (!empty(home)) {
		struct pawl_listener listener;

		pawl_event_listen(&home->gone, &listener, "tokens that fire", 0);
		if (empty(home))
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
}

/* ---- tokens ----------------------------------------------------------------------- */

int eng_token_make(struct pawl_token **ret_token)
{
	struct pawl_token *token = pawl_mem_zalloc(sizeof(*token), 0);

	if (!token)
		return -ENOMEM;
	pawl_lock_init(&token->lock, RANK_TOKEN);
	pawl_init_word(&token->fired, 0u);
	pawl_init_word(&token->refs, UINT64_C(1));
	pawl_event_init(&token->event);
	*ret_token = token;
	return 0;
}

void eng_token_get(struct pawl_token *token)
{
	if (token)
		pawl_add_relaxed(&token->refs, 1u); /* O1 */
}

void eng_token_put(struct pawl_token *token)
{
	/* With the last reference nothing is bound: a binding has one (I2). */
	if (token && pawl_sub_acq_rel(&token->refs, 1u) == 1) /* O1 */
		pawl_mem_free(token, sizeof(*token), 0);
}

bool eng_token_fired(const struct pawl_token *token)
{
	return pawl_load_acquire(&token->fired); /* O2 */
}

struct pawl_event *eng_token_event(struct pawl_token *token)
{
	return &token->event;
}

/* ---- bindings --------------------------------------------------------------------- */

int eng_binding_make(struct pawl_token *token, struct eng_token_home *home,
		     struct eng_binding **ret_binding)
{
	struct eng_binding *binding = pawl_mem_zalloc(sizeof(*binding), 0);

	if (!binding)
		return -ENOMEM;
	eng_token_get(token);
	binding->token = token;
	binding->home = home;
	binding->holders = 2;
	*ret_binding = binding;
	return 0;
}

void eng_binding_discard(struct eng_binding *binding)
{
	if (binding->task)
		eng_task_put(binding->home->tasks, binding->task, 1);
	if (binding->group)
		eng_group_put(binding->group);
	eng_token_put(binding->token);
	pawl_mem_free(binding, sizeof(*binding), 0);
}

/* Returns: false: it has fired (I1). */
static bool link_in(struct eng_binding *binding)
{
	struct pawl_token *token = binding->token;
	bool fired;

	pawl_lock_lock(&token->lock);
	fired = pawl_load_relaxed(&token->fired);
	if (!fired) {
		binding->next = token->first;
		binding->link = &token->first;
		if (binding->next)
			binding->next->link = &binding->next;
		token->first = binding;
	}
	pawl_lock_unlock(&token->lock);
	return !fired;
}

static void unlink_locked(struct eng_binding *binding)
{
	*binding->link = binding->next;
	if (binding->next)
		binding->next->link = binding->link;
	binding->link = NULL;
}

/* The list has let go when it was fired. */
static void fired_one(struct eng_binding *binding)
{
	bool last;

	pawl_lock_lock(&binding->token->lock);
	last = !--binding->holders;
	pawl_lock_unlock(&binding->token->lock);
	if (last)
		eng_binding_discard(binding);
}

/* The watcher lets go, and the list with it, if nobody took the binding out to fire it. */
static void watched_one(struct eng_binding *binding)
{
	bool last;

	pawl_lock_lock(&binding->token->lock);
	if (binding->link) {
		unlink_locked(binding);
		binding->holders--;
	}
	last = !--binding->holders;
	pawl_lock_unlock(&binding->token->lock);
	if (last)
		eng_binding_discard(binding);
}

static void bound_ended(struct eng_watcher *watcher, enum eng_outcome outcome)
{
	(void)outcome;
	watched_one(PAWL_CONTAINER_OF(watcher, struct eng_binding, watcher));
}

/* Returns: false: it has ended, or is about to. */
static bool cancel(struct eng_binding *binding)
{
	struct eng_token_home *home = binding->home;
	struct eng_task *task = binding->task;
	enum eng_stopped stopped;

	if (!task) {
		eng_group_stop(binding->group, ENG_TASK_CANCEL, home->ended, home->arg);
		return true;
	}
	stopped = eng_task_stop(task, task->id, ENG_TASK_CANCEL);
	if (stopped == ENG_STOPPED_FINAL)
		home->ended(task, home->arg);
	return stopped != ENG_STOPPED_NOT;
}

bool eng_bind_task(struct eng_binding *binding, struct eng_task *task)
{
	bool lives;

	eng_task_get(task);
	binding->task = task;
	binding->watcher.ended = bound_ended;
	if (!link_in(binding)) {
		lives = cancel(binding);
		eng_binding_discard(binding);
		return lives;
	}
	/* It may be fired from here on, and end by that. */
	lives = eng_task_watch(task, &binding->watcher);
	if (!lives)
		watched_one(binding);
	return lives;
}

bool eng_bind_group(struct eng_binding *binding, struct pawl_group *group)
{
	bool lives = true;

	eng_group_get(group);
	binding->group = group;
	binding->watcher.ended = bound_ended;
	if (!link_in(binding)) {
		lives = eng_lifetime_state(&group->life) != ENG_LIFETIME_DRAINED;
		(void)cancel(binding);
		eng_binding_discard(binding);
		return lives;
	}
	lives = eng_group_watch(group, &binding->watcher);
	if (!lives)
		watched_one(binding);
	return lives;
}

/* The next one that is fired; a guest's from now on (I3). NULL: there is none, and none comes. */
static struct eng_binding *take(struct pawl_token *token)
{
	struct eng_binding *binding;

	pawl_lock_lock(&token->lock);
	binding = token->first;
	if (binding) {
		unlink_locked(binding);
		guest_comes(binding->home);
	}
	pawl_lock_unlock(&token->lock);
	return binding;
}

bool eng_token_fire(struct pawl_token *token)
{
	struct eng_binding *binding;
	bool first;

	pawl_lock_lock(&token->lock);
	first = !pawl_load_relaxed(&token->fired);
	pawl_store_release(&token->fired, 1u); /* I1, O2 */
	pawl_lock_unlock(&token->lock);
	if (!first)
		return false;
	pawl_event_notify_all(&token->event);
	while ((binding = take(token))) {
		struct eng_token_home *home = binding->home;

		(void)cancel(binding);
		fired_one(binding);
		guest_goes(home);
	}
	return true;
}
