/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * group-api.c - pawl/group.h on group.c: what the tree does not know, since it knows no runtime.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/group.h>

#include "worker.h"

int pawl_group_create(struct pawl_group *parent, const struct pawl_group_options *options,
		      struct pawl_group **ret_group)
{
	static const struct pawl_group_options defaults = PAWL_GROUP_OPTIONS_INIT;
	struct eng_policy policy;
	const char *name;

	if (!options)
		options = &defaults;
	if (options->size > sizeof(*options))
		return -E2BIG;
	name = options->name ? options->name : "group";
	if (options->size < sizeof(*options) || !*name || strchr(name, '.') ||
	    options->most > ENG_GROUP_MOST ||
	    (unsigned)options->policy >= PAWL_FAILURE_POLICY_COUNT)
		return -EINVAL;
	policy.kind = options->policy;
	policy.restarts = options->restarts;
	policy.window_ns = options->window_ns;
	policy.backoff_ns = options->backoff_ns;
	policy.backoff_most_ns = options->backoff_most_ns;
	return eng_group_make(parent->forest, parent, name,
			      options->most ? options->most : ENG_GROUP_MOST, &policy,
			      ret_group);
}

void pawl_group_get(struct pawl_group *group)
{
	eng_group_get(group);
}

void pawl_group_put(struct pawl_group *group)
{
	eng_group_put(group);
}

void pawl_group_close(struct pawl_group *group)
{
	eng_group_close(group);
}

void pawl_group_cancel(struct pawl_group *group)
{
	eng_group_end(group, ENG_TASK_CANCEL);
}

void pawl_group_force(struct pawl_group *group)
{
	eng_group_end(group, ENG_TASK_CANCEL | ENG_TASK_FORCE);
}

bool pawl_group_cancelled(const struct pawl_group *group)
{
	for (; group; group = group->parent) {
		if (pawl_load_relaxed(&group->marks) & ENG_TASK_CANCEL)
			return true;
	}
	return false;
}

/* Does a body that runs here, the innermost or one below it on the stack, live in it? */
static bool lives_here(const struct pawl_group *group)
{
	for (const struct eng_run *run = eng_run_here(); run; run = run->outer) {
		if (eng_group_is_below(pawl_load_relaxed(&run->task->group), group))
			return true;
	}
	return false;
}

static bool has_drained(const void *group)
{
	const struct pawl_group *at = group;

	return eng_lifetime_state(&at->life) == ENG_LIFETIME_DRAINED;
}

int pawl_group_wait(struct pawl_group *group, uint64_t deadline_ns)
{
	if (lives_here(group))
		return -EDEADLK;
	if (eng_lifetime_state(&group->life) == ENG_LIFETIME_OPEN)
		return -EBUSY;
	if (!eng_run_here() && eng_runtime_of(group)->options.now && deadline_ns &&
	    deadline_ns != PAWL_FOREVER)
		return -EINVAL;
	return eng_wait_until(&group->life.drained, has_drained, group, deadline_ns, "group",
			      group->number);
}

/* It ends whatever lives there, and waits: what lives there may use the caller's frame. */
static void scope_end(void *arg)
{
	struct pawl_group *group = arg;

	pawl_group_cancel(group);
	(void)eng_lifetime_wait(&group->life, PAWL_FOREVER, "scope", group->number);
	pawl_group_put(group);
}

int pawl_scope(struct pawl_group *parent, const struct pawl_group_options *options,
	       int (*fn)(struct pawl_group *group, void *arg), void *arg)
{
	struct eng_run *run = eng_run_here();
	struct pawl_cleanup cleanup;
	struct pawl_group *group;
	int error = pawl_group_create(parent, options, &group);

	if (error)
		return error;
	if (run)
		pawl_cleanup_push(&cleanup, scope_end, group);
	error = fn(group, arg);
	pawl_group_close(group);
	if (!error && !pawl_group_wait(group, PAWL_FOREVER)) {
		if (run)
			pawl_cleanup_pop(&cleanup, false);
		pawl_group_put(group);
		return 0;
	}
	/* It failed, or the caller was cancelled. */
	if (run)
		pawl_cleanup_pop(&cleanup, true);
	else
		scope_end(group);
	return error;
}

void pawl_group_counts_read(struct pawl_group *group, struct pawl_group_counts *ret_counts)
{
	struct eng_group_counts counts;

	eng_group_count(group, &counts);
	memset(ret_counts, 0, sizeof(*ret_counts));
	for (unsigned i = 0; i < ENG_OUTCOME_COUNT; i++)
		ret_counts->outcomes[i] = counts.ended[i];
	ret_counts->refused = counts.refused;
	ret_counts->live = counts.live;
}

size_t pawl_group_path(struct pawl_group *group, char *buf, size_t len)
{
	return eng_group_path(group, buf, len);
}
