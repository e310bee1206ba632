/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * group.c - the tree above lifetime.c. verify/t-group.c runs both and task.c under the model checker;
 * verify/spin/shutdown.pml is the model of the protocol.
 *
 * Invariants:
 *  I1 A group is linked to its parent while it has memory, and has a reference to it. So who has
 *     a reference may walk on from it, up and down, under the forest's lock.
 *  I2 A group that is made while its parent closes is refused: it is linked, and then looks at the
 *     parent's state, both under the lock; who closes the parent changes the state, and then
 *     takes the lock to walk down. One sees the other.
 *  I3 Who stops marks and closes group after group, then walks over the table: whoever was let in
 *     is there to be told (task.c, I4), and nobody else is let in.
 *
 * Ordering:
 *  O1 refs: as reference counts.
 *  O2 marks: or'ed before the close, which releases nothing; who reads them (walkers of the
 *     same stop, or of a later one) is the same thread or comes after it by the table's words: a
 *     walker that misses a mark belongs to a stop that is not over, whose own walk tells the task.
 *  O3 A walker looks at a record's group in a section: groups are freed after a grace period, and
 *     a record that has ended leads to none, though it stays as long as its handles.
 *
 * No code of users runs with the lock held.
 *
 * Rejected: a list of tasks in each group (a lock on a line that all workers write, for each
 * spawn and each end, to make stopping faster); looking up the tree for marks in each task's look.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>

#include "group.h"

void eng_forest_init(struct eng_forest *forest, struct eng_tasks *tasks)
{
	pawl_lock_init(&forest->lock, PAWL_LOCK_RANK_USER);
	forest->tasks = tasks;
	forest->numbers = 0;
	forest->groups = 0;
}

static struct pawl_group *group_of(struct eng_lifetime *life)
{
	return PAWL_CONTAINER_OF(life, struct pawl_group, life);
}

static void on_drained(struct eng_lifetime *life)
{
	struct pawl_group *group = group_of(life);
	struct eng_watcher *watcher;

	pawl_lock_lock(&group->forest->lock);
	watcher = group->watchers;
	group->told = true;
	pawl_lock_unlock(&group->forest->lock);
	while (watcher) {
		struct eng_watcher *next = watcher->next;

		/* From here on it may be gone. */
		watcher->ended(watcher, ENG_OUTCOME_NONE);
		watcher = next;
	}
	eng_group_put(group);
}

bool eng_group_watch(struct pawl_group *group, struct eng_watcher *watcher)
{
	bool told;

	pawl_lock_lock(&group->forest->lock);
	told = group->told;
	if (!told) {
		watcher->next = group->watchers;
		group->watchers = watcher;
	}
	pawl_lock_unlock(&group->forest->lock);
	return !told;
}

static void link_locked(struct pawl_group *group)
{
	struct pawl_group *parent = group->parent;

	group->number = ++group->forest->numbers;
	group->forest->groups++;
	if (!parent)
		return;
	group->prev = parent->last;
	*(parent->last ? &parent->last->next : &parent->first) = group;
	parent->last = group;
}

/* What it counted goes on in its parent. */
static void unlink_locked(struct pawl_group *group)
{
	struct pawl_group *parent = group->parent;

	group->forest->groups--;
	if (!parent)
		return;
	*(group->prev ? &group->prev->next : &parent->first) = group->next;
	*(group->next ? &group->next->prev : &parent->last) = group->prev;
	for (unsigned i = 0; i < ENG_OUTCOME_COUNT; i++)
		pawl_add_relaxed(&parent->ended[i], pawl_load_relaxed(&group->ended[i]));
	pawl_add_relaxed(&parent->refused, pawl_load_relaxed(&group->refused));
}

static void group_init(struct pawl_group *group, struct eng_forest *forest,
		       struct pawl_group *parent, uint64_t most)
{
	eng_lifetime_init(&group->life);
	group->life.on_drained = on_drained;
	pawl_init_word(&group->refs, 2u);
	pawl_init_word(&group->marks, 0u);
	for (unsigned i = 0; i < ENG_OUTCOME_COUNT; i++)
		pawl_init_word(&group->ended[i], 0u);
	pawl_init_word(&group->refused, 0u);
	group->most = most;
	group->forest = forest;
	group->parent = parent;
}

/* Why a parent refuses. */
static int refusal(const struct pawl_group *group)
{
	return eng_lifetime_state(&group->life) == ENG_LIFETIME_OPEN ? -EAGAIN : -ESHUTDOWN;
}

int eng_group_make(struct eng_forest *forest, struct pawl_group *parent, const char *name,
		   uint64_t most, const struct eng_policy *policy,
		   struct pawl_group **ret_group)
{
	size_t length = strlen(name), bytes = sizeof(struct pawl_group) + length + 1;
	struct pawl_group *group = pawl_mem_zalloc(bytes, 0);
	bool open = true;

	if (!group)
		return -ENOMEM;
	memcpy(group->name, name, length + 1);
	group->bytes = bytes;
	group_init(group, forest, parent, most);
	if (policy)
		group->policy = *policy;
	if (parent) {
		if (!eng_lifetime_enter(&parent->life, 1, parent->most)) {
			pawl_add_relaxed(&parent->refused, 1u);
			pawl_mem_free(group, bytes, 0);
			return refusal(parent);
		}
		group->life.parent = &parent->life;
		eng_group_get(parent);
	}
	pawl_lock_lock(&forest->lock);
	link_locked(group);
	if (parent && PAWL_MC_STEP("look-at-parent"))
		open = eng_lifetime_state(&parent->life) == ENG_LIFETIME_OPEN; /* I2 */
	pawl_lock_unlock(&forest->lock);
	if (!open) {
		/* It drains, which gives back the one reference; the other is the caller's. */
		(void)eng_lifetime_close(&group->life);
		eng_group_put(group);
		return -ESHUTDOWN;
	}
	*ret_group = group;
	return 0;
}

void eng_group_get(struct pawl_group *group)
{
	pawl_add_relaxed(&group->refs, 1u); /* O1 */
}

static void group_free(struct pawl_retire_node *node)
{
	struct pawl_group *group = PAWL_CONTAINER_OF(node, struct pawl_group, retire);

	pawl_mem_free(group, group->bytes, 0);
}

void eng_group_put(struct pawl_group *group)
{
	/* Ends: goes up the tree. */
	while (group && pawl_sub_acq_rel(&group->refs, 1u) == 1) { /* O1 */
		struct pawl_group *parent = group->parent;

		pawl_lock_lock(&group->forest->lock);
		unlink_locked(group);
		pawl_lock_unlock(&group->forest->lock);
		(void)pawl_retire(&group->retire, group->bytes, group_free); /* O3 */
		group = parent;
	}
}

void eng_group_forget(struct eng_task *task)
{
	/* Relaxed: the group is retired by a later leave(), and no record leads to it then (O3). */
	if (PAWL_MC_STEP("forget-group"))
		pawl_store_relaxed(&task->group, (void *)NULL);
}

int eng_group_enter(struct pawl_group *group, struct eng_task *task)
{
	pawl_store_release(&task->group, (void *)group);
	if (PAWL_LIKELY(eng_lifetime_enter(&group->life, 1, group->most)))
		return 0;
	/* Walkers do not find a group by it that may go. */
	eng_group_forget(task);
	pawl_add_relaxed(&group->refused, 1u);
	return refusal(group);
}

int eng_group_enter_many(struct pawl_group *group, struct eng_task *first, size_t n)
{
	for (struct eng_task *task = first; task; task = task->next)
		pawl_store_release(&task->group, (void *)group);
	if (PAWL_LIKELY(eng_lifetime_enter(&group->life, n, group->most)))
		return 0;
	for (struct eng_task *task = first; task; task = task->next)
		eng_group_forget(task);
	pawl_add_relaxed(&group->refused, n);
	return refusal(group);
}

void eng_group_leave(struct pawl_group *group, enum eng_outcome outcome)
{
	pawl_add_relaxed(&group->ended[outcome], 1u);
	eng_lifetime_leave(&group->life, 1);
}

/* ---- walking the tree ------------------------------------------------------ */

/* A reference to one that is linked, unless it is on its way out. */
static bool get_linked(struct pawl_group *group)
{
	uint32_t seen = pawl_load_relaxed(&group->refs);

	while (seen) {
		if (pawl_cas_weak_relaxed(&group->refs, &seen, seen + 1)) /* O1 */
			return true;
	}
	return false;
}

/* The one after `at` in the tree of `top`, parents first; below `at` only if `down`. */
static struct pawl_group *after_locked(struct pawl_group *at, const struct pawl_group *top,
				       bool down)
{
	if (down && at->first)
		return at->first;
	while (at != top && !at->next)
		at = at->parent;
	return at == top ? NULL : at->next;
}

/* From one group of the tree to the next one: takes the reference of `at`, gives one of the next. */
static struct pawl_group *walk_on(struct pawl_group *at, struct pawl_group *top)
{
	struct pawl_group *next;

	pawl_lock_lock(&top->forest->lock);
	next = after_locked(at, top, true);
	/* One that goes has none below. */
	while (next && !get_linked(next))
		next = after_locked(next, top, false);
	pawl_lock_unlock(&top->forest->lock);
	eng_group_put(at);
	return next;
}

struct pawl_group *eng_group_next(struct pawl_group *at, struct pawl_group *top)
{
	return walk_on(at, top);
}

void eng_group_close(struct pawl_group *group)
{
	eng_group_get(group);
	for (struct pawl_group *at = group; at; at = walk_on(at, group))
		(void)eng_lifetime_close(&at->life);
}

bool eng_group_is_below(const struct pawl_group *group, const struct pawl_group *top)
{
	while (group && group != top)
		group = group->parent;
	return group;
}

struct stop {
	struct pawl_group *top;
	uint64_t flags;
	void (*ended)(struct eng_task *task, void *arg);
	void *arg;
};

static bool stop_one(struct eng_task *task, uint64_t word, uint64_t id, void *arg)
{
	struct stop *stop = arg;
	bool below;

	(void)id;
	pawl_rcu_begin(); /* O3 */
	below = eng_group_is_below(pawl_load_acquire(&task->group), stop->top);
	pawl_rcu_end();
	if (below && eng_task_stop(task, word, stop->flags) == ENG_STOPPED_FINAL)
		stop->ended(task, stop->arg);
	return true;
}

void eng_group_stop(struct pawl_group *group, uint64_t flags,
		    void (*ended)(struct eng_task *task, void *arg), void *arg)
{
	struct stop stop = {group, flags, ended, arg};

	eng_group_get(group);
	for (struct pawl_group *at = group; at; at = walk_on(at, group)) {
		pawl_or_relaxed(&at->marks, (uint32_t)flags); /* O2 */
		(void)eng_lifetime_close(&at->life);
	}
	eng_tasks_each(group->forest->tasks, stop_one, &stop);
}

/* ---- asking ------------------------------------------------------------------ */

void eng_group_count(struct pawl_group *group, struct eng_group_counts *ret_counts)
{
	struct pawl_group *at = group;
	uint64_t units = 0, groups = 0;

	memset(ret_counts, 0, sizeof(*ret_counts));
	pawl_lock_lock(&group->forest->lock);
	for (; at; at = after_locked(at, group, true)) {
		for (unsigned i = 0; i < ENG_OUTCOME_COUNT; i++)
			ret_counts->ended[i] += pawl_load_relaxed(&at->ended[i]);
		ret_counts->refused += pawl_load_relaxed(&at->refused);
		units += eng_lifetime_units(&at->life);
		groups += at != group && eng_lifetime_state(&at->life) != ENG_LIFETIME_DRAINED;
	}
	pawl_lock_unlock(&group->forest->lock);
	/* Counts move while they are read. */
	ret_counts->live = units > groups ? units - groups : 0;
}

size_t eng_group_path(struct pawl_group *group, char *buf, size_t len)
{
	size_t whole = 0, at;

	for (const struct pawl_group *g = group; g; g = g->parent)
		whole += strlen(g->name) + (g->parent != NULL);
	at = whole;
	for (const struct pawl_group *g = group; g; g = g->parent) {
		size_t length = strlen(g->name);

		at -= length;
		for (size_t i = 0; i < length && at + i + 1 < len; i++)
			buf[at + i] = g->name[i];
		if (g->parent && --at + 1 < len)
			buf[at] = '.';
	}
	if (len > whole)
		return whole + (size_t)snprintf(buf + whole, len - whole, "#%llu",
						(unsigned long long)group->number);
	if (len)
		buf[len - 1] = '\0';
	return whole + (size_t)snprintf(NULL, 0, "#%llu", (unsigned long long)group->number);
}
