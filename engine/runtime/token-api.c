/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * token-api.c - pawl/token.h on token.c: what a token does not know, since it knows no runtime.
 */
#include "config.h"

#include <errno.h>

#include <pawl/token.h>

#include "worker.h"

int pawl_token_create(struct pawl_token **ret_token)
{
	return eng_token_make(ret_token);
}

void pawl_token_get(struct pawl_token *token)
{
	eng_token_get(token);
}

void pawl_token_put(struct pawl_token *token)
{
	eng_token_put(token);
}

bool pawl_token_fire(struct pawl_token *token)
{
	return eng_token_fire(token);
}

bool pawl_token_fired(const struct pawl_token *token)
{
	return eng_token_fired(token);
}

static bool has_fired(const void *token)
{
	return eng_token_fired(token);
}

int pawl_token_wait(struct pawl_token *token, uint64_t deadline_ns)
{
	return eng_wait_until(eng_token_event(token), has_fired, token, deadline_ns, "token",
			      0);
}

int pawl_token_bind(struct pawl_token *token, struct pawl_runtime *runtime, pawl_task_t handle)
{
	struct eng_binding *binding;
	struct eng_task *task;
	int error = eng_task_handle(runtime->tasks, handle.pawl_id, &task);

	if (!error)
		error = eng_binding_make(token, &runtime->tokens, &binding);
	if (error)
		return error;
	return eng_bind_task(binding, task) ? 0 : -EALREADY;
}

int pawl_token_bind_group(struct pawl_token *token, struct pawl_group *group)
{
	struct pawl_runtime *rt = eng_runtime_of(group);
	struct eng_binding *binding;
	int error = eng_binding_make(token, &rt->tokens, &binding);

	if (error)
		return error;
	return eng_bind_group(binding, group) ? 0 : -EALREADY;
}
