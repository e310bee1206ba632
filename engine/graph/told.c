/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * told.c - what one operation counts on, and another one has yet to tell.
 *
 * That a task needs work is told upwards only where it changes something. So an operation is done with what
 * it has to tell where it finds a task that needs work already. Those above know of that one, unless who has found it so, and
 * is to tell them, has not come to it: or, unless their way to it has been taken away, and they have not been given the new one yet.
 * Then nobody above knows of what is below, and who has just made an edit, is done, and reads strongly
 * would read what was before.
 *
 * So each task that an operation has made need work, as those above it see it, has a mark until the operation is over, and with that all
 * that was told because of it. Who counts on one that is marked by somebody else says so: a number grows. Who reads
 * strongly waits until all operations are over that were under way when it looked at that number, unless somebody did so
 * before, and begins anew if it has grown meanwhile (read.c).
 *
 * Why that is enough. Let something need work because of an edit that is over, and those above not know. From there upwards there
 * is a task at which somebody was done since it needed work already, which another one is yet to tell. While it has that yet to do the task is
 * marked, so the number has grown before the former was over. Who waited for those that were under way after that has waited for
 * the latter too; and if that one in its turn was done at a task that is marked, the number has grown once more before its
 * end. The tasks are higher each time, so this ends.
 *
 * A task that is made a root while it has others below itself has a mark as well: somebody else may read it strongly as soon as it
 * is one, and finds nothing in its sums of what is still to be taken in. Who does so relies on it (read.c).
 *
 * A mark is the operation's that has set it first: who finds one that needs work anew, marked by another, cannot be sure
 * that it stays, and counts as one who relies on it.
 *
 * Invariants:
 *  I1 a marked task is in the table of an operation that is under way, or was, and is about to clear it.
 *  I2 settled is not above hidden.
 *
 * Ordering:
 *  O1 hidden grows with release: who sees that (acquire) sees those that were relied on inside (quiesce.h), since the record's
 *     lock has come from them.
 *  O2 settled has no order of its own. What is told stands in records, written under their locks before it is stored: who
 *     had such a lock first cannot have seen it before, since that would be a value from its own future.
 *
 * Rejected: that the operation which relies waits for the others before it counts as over (each of them may be part of another
 * one, or of a moment, and cannot; and edits pay for what only strong reads need); a mark for what has been told to
 * those next above alone (they have yet to tell theirs); an operation's number in each record, in place of a mark (16 bytes for
 * each task that is dirty).
 */
#include "config.h"

#include "told.h"

#include "wait.h"

void eng_told_mark_way(struct eng_op *op, struct eng_node *node)
{
	bool is_new;

	if (node->bits & ENG_UNTOLD) {
		eng_told_rely_on(op, node);
		return;
	}
	(void)eng_table_put(eng_queue_told(&op->queue), eng_node_id(node), &is_new);
	node->bits |= ENG_UNTOLD;
}

PAWL_NOINLINE void eng_told_rely_on(struct eng_op *op, const struct eng_node *node)
{
	if (!eng_queue_has_told(&op->queue) ||
	    !eng_table_get(&op->queue.told, eng_node_id(node)))
		eng_told_hides(op->graph);
}

void eng_told_clear(struct eng_op *op)
{
	struct eng_table *told = &op->queue.told;

	for (uint32_t i = 0; i < told->n; i++) {
		/* What is marked does not leave memory; what was collected is not there. */
		struct eng_node *node =
			eng_lock_resident(op->graph, (eng_id)told->entries[i].key);

		if (!node)
			continue;
		node->bits &= ~ENG_UNTOLD;
		eng_unlock(node);
	}
	told->n = 0;
}

int eng_told_settle(struct eng_graph *graph)
{
	uint64_t hidden = pawl_load_acquire(&graph->hidden); /* O1 */
	uint64_t settled = pawl_load_relaxed(&graph->settled);
	int error;

	if (settled >= hidden)
		return 0;
	error = eng_told_wait(graph);
	if (error)
		return error;
	/* Lock-free: a failed exchange means that somebody else has settled something. O2, I2 */
	while (settled < hidden && !pawl_cas_weak_relaxed(&graph->settled, &settled, hidden))
		;
	return 0;
}
