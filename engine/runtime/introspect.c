/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * introspect.c - listings of tasks and groups.
 *
 * A record is pinned while it is copied (task.h): its name belongs to the program, which may take it
 * away with the task. One that is just starting cannot be pinned, since its fields are being
 * written: of it only the group is looked at, in a section.
 *
 * Rejected: names as pointers, valid while the task lives (nobody who reads them can know); a reference
 * instead of a pin (it keeps the record, but the name goes with the end of the task).
 */
#include "config.h"

#include <string.h>

#include <pawl/atomic.h>
#include <pawl/group.h>
#include <pawl/rcu.h>

#include "introspect.h"
#include "worker.h"

/* At least 1: stamps are late, and clocks of programs may stand. */
static uint64_t since(uint64_t now, uint64_t from_ns)
{
	return now > from_ns ? now - from_ns : 1;
}

static enum pawl_task_state state_of(enum eng_phase phase)
{
	switch (phase) {
	case ENG_TASK_STARTING:
		return PAWL_TASK_STARTING;
	case ENG_TASK_READY:
		return PAWL_TASK_QUEUED;
	case ENG_TASK_PENDING:
		return PAWL_TASK_EXTERNAL;
	case ENG_TASK_SETTLING:
		return PAWL_TASK_ENDING;
	default:
		return PAWL_TASK_RUNNING;
	}
}

static void copy_waits(const struct eng_task *task, uint64_t now, struct pawl_task_info *info)
{
	uint64_t since_ns = pawl_load_relaxed(&task->waits_since_ns);

	info->waits_for.pawl_id = pawl_load_relaxed(&task->waits_for);
	if (!since_ns && !info->waits_for.pawl_id)
		return;
	info->state = PAWL_TASK_WAITING;
	info->waits_note = pawl_load_relaxed(&task->waits_note);
	info->waits_value = pawl_load_relaxed(&task->waits_value);
	if (since_ns)
		info->waited_ns = since(now, since_ns);
}

static void copy_pinned(const struct eng_task *task, uint64_t now, struct pawl_task_info *info)
{
	const struct pawl_group *group = pawl_load_acquire(&task->group);
	const char *name = pawl_load_relaxed(&task->name);
	uint64_t spawned_ns = pawl_load_relaxed(&task->spawned_ns);

	if (name)
		memcpy(info->name, name, strnlen(name, sizeof(info->name) - 1));
	info->lane = (enum pawl_lane)task->lane;
	info->parent.pawl_id = task->parent;
	info->group = group->number;
	if (spawned_ns)
		info->age_ns = since(now, spawned_ns);
	if (info->state == PAWL_TASK_RUNNING)
		copy_waits(task, now, info);
}

static bool is_starting_below(const struct eng_task *task, uint64_t word,
			      const struct pawl_group *top)
{
	bool below;

	pawl_rcu_begin();
	below = eng_group_is_below(pawl_load_acquire(&task->group), top);
	pawl_rcu_end();
	/* It may have become another one while its group was looked at. */
	return below && !((pawl_load_acquire(&task->word) ^ word) >> 32);
}

bool eng_task_info(struct pawl_runtime *rt, const struct pawl_group *group,
		   struct eng_task *task, uint64_t word, uint64_t id,
		   struct pawl_task_info *ret_info)
{
	uint64_t now = eng_now(rt);
	bool below;

	memset(ret_info, 0, sizeof(*ret_info));
	ret_info->task.pawl_id = id;
	if (eng_word_phase(word) == ENG_TASK_STARTING) {
		if (!is_starting_below(task, word, group))
			return false;
	} else {
		if (!eng_task_pin(task, word))
			return false;
		below = eng_group_is_below(pawl_load_acquire(&task->group), group);
		word = pawl_load_relaxed(&task->word);
		ret_info->state = state_of(eng_word_phase(word));
		if (below)
			copy_pinned(task, now, ret_info);
		eng_task_unpin(task);
		if (!below)
			return false;
	}
	ret_info->stuck = eng_word_phase(word) == ENG_TASK_FINAL;
	ret_info->cancelled = word & ENG_TASK_CANCEL;
	ret_info->forced = word & ENG_TASK_FORCE;
	return true;
}

struct listing {
	struct pawl_group *group;
	struct pawl_task_info *infos;
	size_t max, count;
};

static bool list_one(struct eng_task *task, uint64_t word, uint64_t id, void *arg)
{
	struct listing *listing = arg;
	struct pawl_task_info beyond;
	struct pawl_task_info *info =
		listing->count < listing->max ? &listing->infos[listing->count] : &beyond;

	if (eng_task_info(eng_runtime_of(listing->group), listing->group, task, word, id, info))
		listing->count++;
	return true;
}

size_t pawl_group_tasks(struct pawl_group *group, size_t max, struct pawl_task_info *ret_infos)
{
	struct listing listing = {group, ret_infos, max, 0};

	eng_tasks_each(group->forest->tasks, list_one, &listing);
	return listing.count;
}

static unsigned depth_below(const struct pawl_group *group, const struct pawl_group *top)
{
	unsigned depth = 0;

	for (; group != top; group = group->parent)
		depth++;
	return depth;
}

static enum pawl_group_state group_state(const struct pawl_group *group)
{
	switch (eng_lifetime_state(&group->life)) {
	case ENG_LIFETIME_OPEN:
		return PAWL_GROUP_OPEN;
	case ENG_LIFETIME_CLOSING:
		return PAWL_GROUP_CLOSED;
	default:
		return PAWL_GROUP_DRAINED;
	}
}

void pawl_group_each(struct pawl_group *group, pawl_group_fn *fn, void *arg)
{
	struct pawl_group *at = group;

	eng_group_get(group);
	while (at) {
		struct pawl_group_info info;
		uint32_t marks = pawl_load_relaxed(&at->marks);

		memset(&info, 0, sizeof(info));
		info.group = at;
		info.name = at->name;
		info.number = at->number;
		info.parent = at->parent ? at->parent->number : 0;
		info.depth = depth_below(at, group);
		info.state = group_state(at);
		info.cancelled = marks & ENG_TASK_CANCEL;
		info.forced = marks & ENG_TASK_FORCE;
		info.policy = (enum pawl_failure_policy)at->policy.kind;
		info.live = eng_lifetime_units(&at->life);
		info.most = at->most == ENG_GROUP_MOST ? 0 : at->most;
		pawl_group_counts_read(at, &info.counts);
		if (!fn(arg, &info))
			break;
		at = eng_group_next(at, group);
	}
	if (at)
		eng_group_put(at);
}
