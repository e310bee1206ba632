/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * active.c - which tasks are wanted, so that they run when they become dirty.
 *
 * A task is active while something says so: it is a root; an active task has it as a follower; a
 * running task called it; somebody waits until it is clean, or dirt below it is being dealt with
 * (UNTIL_CLEAN). That is kept in one field, which is there only while it is active.
 *
 * Inner tasks of an active task have no count of their own: what is dirty among them is found along the
 * dirty containers. UNTIL_CLEAN marks where that walk has been: dirt that comes later
 * finds an active task above it and starts a walk of its own (aggregate.c).
 *
 * A decrease may come before its increase. The count is -1 then, and the task active for that while.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>

#include "graph.h"

union eng_slot *eng_active_make(struct eng_node *node)
{
	return eng_field_make(node, ENG_ACTIVE);
}

void eng_active_trim(struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_ACTIVE);

	if (!slot || slot->active.referrers || slot->active.flags || slot->active.clean)
		return;
	eng_field_drop(node, ENG_ACTIVE);
	/* A leaf that is done has nothing else there. */
	if (!node->tail->count)
		eng_tail_trim(node);
}

/* ---- waiting until clean ---------------------------------------------------------------- */

struct eng_clean *eng_clean_listen(struct eng_node *node)
{
	union eng_slot *slot = eng_active_make(node);
	struct eng_clean *clean = slot->active.clean;

	if (!clean) {
		clean = eng_must_zalloc(sizeof(*clean));
		pawl_init_word(&clean->owners, 1u);
		pawl_init_word(&clean->over, 0u);
		pawl_event_init(&clean->event);
		slot->active.clean = clean;
	}
	/* Relaxed: the lock orders it. */
	pawl_add_relaxed(&clean->owners, 1u);
	return clean;
}

void eng_clean_unpin(struct eng_clean *clean)
{
	if (pawl_sub_acq_rel(&clean->owners, 1u) == 1)
		pawl_mem_free(clean, sizeof(*clean), 0);
}

void eng_became_clean(struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_ACTIVE);
	struct eng_clean *clean;

	if (!slot)
		return;
	clean = slot->active.clean;
	slot->active.clean = NULL;
	slot->active.flags &= ~ENG_ACTIVE_UNTIL_CLEAN;
	eng_active_trim(node);
	if (!clean)
		return;
	/* Relaxed: who is told looks again, under the lock. */
	pawl_store_relaxed(&clean->over, 1u);
	pawl_event_notify_all(&clean->event);
	eng_clean_unpin(clean);
}

/* ---- finding what is dirty ----------------------------------------------------------------- */

/* Those that need work in this session. */
static void find_below(struct eng_op *op, struct eng_node *node)
{
	union eng_slot *dirty = eng_field(node, ENG_DIRTY_CONTAINERS);
	struct pawl_cmap_entry entry;
	uint32_t cursor = 0;

	while (dirty && pawl_cmap_next(&dirty->map, &cursor, &entry)) {
		if (entry.count > 0 &&
		    entry.count > eng_map_get(node, ENG_CLEAN_CONTAINERS, entry.key))
			eng_queue_find(&op->queue, entry.key);
	}
}

void eng_find_dirty(struct eng_op *op, struct eng_node *node)
{
	bool needs_run = eng_needs_run(node);
	union eng_slot *slot = eng_field(node, ENG_ACTIVE);

	if (!slot || !(slot->active.flags & ENG_ACTIVE_UNTIL_CLEAN)) {
		bool below = eng_has_dirty_containers(node);

		if (below)
			find_below(op, node);
		if (below || needs_run)
			eng_active_make(node)->active.flags |= ENG_ACTIVE_UNTIL_CLEAN;
	}
	if (needs_run || !node->output) {
		slot = eng_field(node, ENG_DIRTY_PRIORITY);
		eng_schedule(op, node,
			     needs_run && slot ? slot->words.a
			     : needs_run       ? ENG_PRIORITY_INITIAL
					       : op->priority);
	}
}

/* ---- counts of active referrers --------------------------------------------------------------- */

static bool is_empty(const union eng_slot *slot)
{
	return !slot->active.referrers && !slot->active.flags && !slot->active.clean;
}

/* Gives the lock back. Returns: false: it is still. */
static bool activate_locked(struct eng_op *op, struct eng_node *node)
{
	union eng_slot *slot;
	bool is_new;

	if (node->bits & ENG_STILL) {
		eng_unlock(node);
		return false;
	}
	/* One that is new: its run first, which has memory for its fields (run.h). */
	if (!node->tail && !node->output && !eng_needs_run(node))
		eng_schedule(op, node, op->priority);
	slot = eng_active_make(node);
	is_new = is_empty(slot);
	if (++slot->active.referrers == 1) {
		struct eng_list followers = eng_followers_of(&op->queue, node);

		if (is_new)
			eng_find_dirty(op, node);
		eng_queue_tasks(&op->queue, ENG_JOB_ACTIVATE, followers);
	} else {
		eng_active_trim(node);
	}
	eng_unlock(node);
	return true;
}

bool eng_activate(struct eng_op *op, eng_id id)
{
	return activate_locked(op, eng_lock(op->graph, id));
}

int eng_activate_called(struct eng_op *op, eng_id id)
{
	struct eng_node *node = eng_lock_any(op->graph, id);

	if (!node)
		return -ESTALE;
	if (op->graph->collects)
		eng_parents_more(node);
	return activate_locked(op, node);
}

static void deactivate(struct eng_op *op, eng_id id)
{
	struct eng_node *node = eng_lock(op->graph, id);
	union eng_slot *slot;
	bool is_new;
	int32_t left;

	if (node->bits & ENG_STILL) {
		eng_unlock(node);
		return;
	}
	slot = eng_active_make(node);
	is_new = is_empty(slot);
	left = --slot->active.referrers;
	eng_active_trim(node);
	if (is_new)
		eng_find_dirty(op, node);
	else if (!left)
		eng_queue_tasks(&op->queue, ENG_JOB_DEACTIVATE,
				eng_followers_of(&op->queue, node));
	if (PAWL_UNLIKELY(op->graph->abandon) && !eng_active(node))
		eng_abandon_unwanted(op, node);
	eng_unlock(node);
}

void eng_referrers_forget(struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_ACTIVE);

	if (!slot)
		return;
	slot->active.referrers = 0;
	eng_active_trim(node);
}

/* One task a step: what follows from it comes behind what waits already. */
static void each(struct eng_op *op, struct eng_job *job, void (*fn)(struct eng_op *, eng_id))
{
	eng_id id = job->tasks.ids[--job->tasks.n];

	if (job->tasks.n)
		eng_queue_push_front(&op->queue, job);
	if (job->tasks.n >= ENG_AHEAD)
		eng_prefetch(op->graph, job->tasks.ids[job->tasks.n - ENG_AHEAD]);
	fn(op, id);
}

static void activate(struct eng_op *op, eng_id id)
{
	(void)eng_activate(op, id);
}

void eng_job_activate(struct eng_op *op, struct eng_job *job)
{
	each(op, job, activate);
}

void eng_job_deactivate(struct eng_op *op, struct eng_job *job)
{
	each(op, job, deactivate);
}
