/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * edges.c - rings of waiting tasks. verify/t-edges.c runs this file under the model checker.
 *
 * A body that is about to sleep, for ever, for a task by name writes down which (an edge), counts
 * itself as a waiter there, and then, after a fence, if somebody waits for it in turn, walks
 * along the edges. Of the bodies of a ring the last one to write its edge sees all others, and has a
 * waiter. Edges change while one walks: it walks twice, and if each task has the same edge
 * with the same count of changes both times, all these edges were there at once. The
 * walk ends after RING_MOST edges: a longer ring is not found.
 *
 * Ordering:
 *  O1 `waits` is a sequence: odd while the edge changes. The odd one is stored before the edge, which
 *     releases it; who acquires the edge, and then reads the count, does not find one from before
 *     the edge. An edge that is just changing is none: of those that close a ring the last sees the
 *     others' at rest. An old edge below a new count is noticed in the second walk: edges that were
 *     not there at once are ordered by something, and the first walk has acquired the later one.
 *  O2 The edge and the waiter's count, fence, then the look at one's own waiters and the walk: of two
 *     bodies that close a ring at once one sees the other's edge and count. Who runs another's body on
 *     its own stack writes its edge alone: that body is the one to look, on the same thread, told
 *     that it is waited for.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/hash.h>

#include "edges.h"

#define RING_MOST  65536
#define RING_NAMES 16

void eng_edge_set(struct eng_task *task, uint64_t id)
{
	uint64_t waits = pawl_load_relaxed(&task->waits);

	pawl_store_relaxed(&task->waits, waits + 1);
	pawl_store_release(&task->waits_for, id); /* O1 */
	pawl_store_relaxed(&task->waits, waits + 2);
}

/* From `task` along the edges to `goal`. Returns a digest of what was seen; 0: it is not reached. */
static uint64_t walk(struct eng_tasks *tasks, struct eng_task *task,
		     const struct eng_task *goal)
{
	uint64_t digest = 1;

	for (unsigned i = 0; i < RING_MOST; i++) {
		uint64_t waits = pawl_load_relaxed(&task->waits);
		uint64_t next = pawl_load_acquire(&task->waits_for); /* O1 */

		if (waits % 2 || pawl_load_relaxed(&task->waits) != waits) /* O1 */
			return 0;
		digest = pawl_hash_u64(digest ^ next, waits);
		if (task == goal)
			return digest | 1;
		if (!next || eng_task_find(tasks, next, &task))
			return 0;
	}
	return 0;
}

bool eng_edge_makes_ring(struct eng_tasks *tasks, struct eng_task *task,
			 struct eng_task *target, bool awaited)
{
	uint64_t digest;

	eng_edge_set(task, target->id);
	pawl_fence_dekker(); /* O2 */
	if (task != target && !awaited && !pawl_load_relaxed(&task->waiters))
		return false;
	digest = walk(tasks, target, task);
	return digest && (!PAWL_MC_STEP("walk-again") || walk(tasks, target, task) == digest);
}

size_t eng_ring_describe(struct eng_tasks *tasks, struct eng_task *task, char *buf, size_t len)
{
	struct eng_task *at = task;
	uint64_t id = task->id;
	size_t length = 0;

	for (unsigned i = 0; i <= RING_NAMES; i++) {
		uint64_t next = pawl_load_relaxed(&at->waits_for);
		size_t room = length < len ? len - length : 0;
		char label[ENG_LABEL_BYTES];

		/* Any of them but the caller's may have ended since. */
		if (!eng_task_label(tasks, id, label) || !*label)
			strcpy(label, "task");
		length += (size_t)snprintf(room ? buf + length : NULL, room, "%s%s#%u",
					   i ? " -> " : "", i == RING_NAMES ? "..." : label,
					   (unsigned)(id & UINT32_MAX));
		id = next;
		if ((i && at == task) || !next || eng_task_find(tasks, next, &at))
			break;
	}
	return length;
}
