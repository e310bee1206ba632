/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * token.h - what a token holds of the runtimes that it reaches into (pawl/token.h).
 *
 * A runtime has one home for all tokens. Who fires is not known to the runtime: it is a guest of the home
 * while it is at one of its tasks, and the runtime is not freed before its guests have gone.
 */
#ifndef ENG_TOKEN_H
#define ENG_TOKEN_H

#include <pawl/base.h>
#include <pawl/event.h>
#include <pawl/lock.h>

#include "group.h"
#include "task.h"

struct eng_token_home {
	struct eng_tasks *tasks;
	/* What who made a task final does next. */
	void (*ended)(struct eng_task *task, void *arg);
	void *arg;
	struct pawl_lock lock;
	unsigned guests; /* under the lock */
	/* Notified under the lock, when the last guest goes. */
	struct pawl_event gone;
};

struct eng_binding;
struct pawl_token;

/* As pawl_token_create() and the like. */
PAWL_MUST_CHECK int eng_token_make(struct pawl_token **ret_token);
void eng_token_get(struct pawl_token *token);
void eng_token_put(struct pawl_token *token);
bool eng_token_fire(struct pawl_token *token);
bool eng_token_fired(const struct pawl_token *token);

void eng_token_home_init(struct eng_token_home *home, struct eng_tasks *tasks,
			 void (*ended)(struct eng_task *task, void *arg), void *arg);

/*
 * eng_token_home_wait() - Sleep until no guest is there; none comes any more.
 *
 * Requires: attached, outside sections, no lock held. Everything has drained, and was left by who drained it,
 *           unless that was a guest.
 */
void eng_token_home_wait(struct eng_token_home *home);

/*
 * eng_binding_make() - The memory of a binding: what follows cannot fail for want of it.
 *
 * Errors: -ENOMEM.
 */
PAWL_MUST_CHECK int eng_binding_make(struct pawl_token *token, struct eng_token_home *home,
				     struct eng_binding **ret_binding);

/* eng_token_event() - Notified once, when it has fired. */
struct pawl_event *eng_token_event(struct pawl_token *token);

/* eng_binding_discard() - One that was made and not used. */
void eng_binding_discard(struct eng_binding *binding);

/*
 * eng_bind_task() - Bind a task that lives in its group: STARTING, or the caller has a handle.
 *
 * Returns: false: it has ended.
 * Owns:    takes the binding.
 */
bool eng_bind_task(struct eng_binding *binding, struct eng_task *task);

/* eng_bind_group() - The same. Requires: a reference. Returns: false: it has drained. */
PAWL_MUST_CHECK bool eng_bind_group(struct eng_binding *binding, struct pawl_group *group);

#endif
