/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * group.h - the supervision tree: who lives where, and who is asked to end with whom.
 *
 * Groups form a forest; a task lives in one group, a group in its parent. Closing refuses what comes
 * later, in the group and below; stopping closes, marks, and tells every task that lives there.
 * Marks stay. A group drains when it is closed and nothing lives in it or below.
 *
 * A group's memory stays while there are handles, while it has not drained, and while a group
 * below has memory. Dropping handles ends nobody.
 *
 *  call                                    progress
 *  eng_group_make, _put (the last one)     a short critical section, the allocator's
 *  eng_group_enter, _leave                 lock-free (lifetime.h)
 *  eng_group_close, _stop                  grow with the groups below; stop, with the table
 */
#ifndef ENG_GROUP_H
#define ENG_GROUP_H

#include <pawl/base.h>
#include <pawl/lock.h>
#include <pawl/retire.h>

#include "lifetime.h"
#include "task.h"

/* No limit. */
#define ENG_GROUP_MOST (UINT64_MAX / 8)

struct eng_forest {
	/* Links of all groups; their order among siblings is that of their making. */
	struct pawl_lock lock;
	struct eng_tasks *tasks;
	uint64_t numbers; /* under lock */
	uint64_t groups;  /* that have memory, under lock */
};

/* What a task that fails here does (pawl/group.h); the tree only keeps it. */
struct eng_policy {
	unsigned kind;
	uint32_t restarts;
	uint64_t window_ns, backoff_ns, backoff_most_ns;
};

struct pawl_group {
	struct eng_lifetime life;
	/* Handles, groups below, and one until it has drained. All threads. */
	struct pawl_atomic_u32 refs;
	/* ENG_TASK_CANCEL and ENG_TASK_FORCE, as for its tasks. Never taken back. */
	struct pawl_atomic_u32 marks;
	/* How tasks ended here, and in the groups below that are gone. Relaxed. */
	struct pawl_atomic_u64 ended[ENG_OUTCOME_COUNT];
	struct pawl_atomic_u64 refused;
	uint64_t most; /* units at one time */
	struct eng_policy policy;

	struct eng_forest *forest;
	struct pawl_group *parent;
	struct pawl_group *first, *last, *next, *prev; /* under forest->lock */
	/* Told when it has drained, newest first; and whether they were. Under forest->lock. */
	struct eng_watcher *watchers;
	bool told;
	uint64_t number;
	struct pawl_retire_node retire;
	size_t bytes;
	char name[];
};

struct eng_group_counts {
	uint64_t ended[ENG_OUTCOME_COUNT];
	uint64_t refused;
	uint64_t live; /* tasks */
};

void eng_forest_init(struct eng_forest *forest, struct eng_tasks *tasks);

/*
 * eng_group_make() - An open group under `parent`, or (NULL) a root. At most `most` tasks and groups
 * live in it at one time. `policy` is copied; NULL: all 0. The caller gets a reference.
 *
 * Requires: attached.
 * Errors:   -ENOMEM; -ESHUTDOWN: the parent is closed; -EAGAIN: it is full.
 */
PAWL_MUST_CHECK int eng_group_make(struct eng_forest *forest, struct pawl_group *parent,
				   const char *name, uint64_t most,
				   const struct eng_policy *policy,
				   struct pawl_group **ret_group);

void eng_group_get(struct pawl_group *group);

/* eng_group_put() - Requires: attached, no lock held, outside sections. */
void eng_group_put(struct pawl_group *group);

/*
 * eng_group_enter() - A task, which says so in task->group, wants to live here. It is
 * STARTING.
 *
 * Errors: -ESHUTDOWN: closed; -EAGAIN: full. The refusal is counted.
 */
PAWL_MUST_CHECK int eng_group_enter(struct pawl_group *group, struct eng_task *task);

/* eng_group_enter_many() - The same for a chain of n tasks, by their `next`: all of them, or none. */
PAWL_MUST_CHECK int eng_group_enter_many(struct pawl_group *group, struct eng_task *first,
					 size_t n);

/* eng_group_forget() - Walkers find the task in no group any more. By who ended it, before it leaves. */
void eng_group_forget(struct eng_task *task);

/*
 * eng_group_leave() - A task has ended, with that outcome. The group may be gone afterwards.
 *
 * Requires: attached, no lock held, outside sections.
 */
void eng_group_leave(struct pawl_group *group, enum eng_outcome outcome);

/* eng_group_close() - Refuse what comes, here and below. Requires: a reference; as put. */
void eng_group_close(struct pawl_group *group);

/*
 * eng_group_stop() - Close, mark, and stop all that live here and below (eng_task_stop()). `ended` is
 * called for each task that is final by that: the caller ends it.
 *
 * Requires: a reference; as put.
 */
void eng_group_stop(struct pawl_group *group, uint64_t flags,
		    void (*ended)(struct eng_task *task, void *arg), void *arg);

/*
 * eng_group_next() - The one after `at` among `top` and those below, parents first; NULL: none.
 * Takes the reference to `at`, gives one to the next. Requires: as put.
 */
struct pawl_group *eng_group_next(struct pawl_group *at, struct pawl_group *top);

/*
 * eng_group_watch() - Have `watcher` told (NONE) when the group has drained, before it leaves its parent.
 *
 * Requires: a reference.
 * Returns:  false: it has drained, and nobody is told.
 */
PAWL_MUST_CHECK bool eng_group_watch(struct pawl_group *group, struct eng_watcher *watcher);

/* eng_group_is_below() - Is it `top`, or below? In a section, if nothing else keeps the groups. */
bool eng_group_is_below(const struct pawl_group *group, const struct pawl_group *top);

/* eng_group_count() - Sum over the tree. Requires: as put. */
void eng_group_count(struct pawl_group *group, struct eng_group_counts *ret_counts);

/*
 * eng_group_path() - Names from the root down, with dots, and "#number" of the last one. Returns the
 * whole length, as snprintf does. Requires: as put.
 */
size_t eng_group_path(struct pawl_group *group, char *buf, size_t len);

#endif
