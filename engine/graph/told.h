/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * told.h - do all above know of it yet? What an operation changes below is told upwards by its queue, bit by bit.
 */
#ifndef ENG_TOLD_H
#define ENG_TOLD_H

#include <pawl/atomic.h>

#include "graph.h"

/* eng_told_mark_way() - Those above lose their way to the task, and this operation is to give them another one. Locked. */
void eng_told_mark_way(struct eng_op *op, struct eng_node *node);
/* eng_told_mark() - Those above the task are to be told by this operation that it needs work. Locked. */
static inline void eng_told_mark(struct eng_op *op, struct eng_node *node)
{
	/* Else there is nobody to be told. */
	if (pawl_cmap_count(&node->uppers) || node->bits & ENG_UNTOLD)
		eng_told_mark_way(op, node);
}

void eng_told_rely_on(struct eng_op *op, const struct eng_node *node);
/* eng_told_rely() - Something needs work below it or in it, and those above are told nothing: it did so before. Locked. */
static inline void eng_told_rely(struct eng_op *op, const struct eng_node *node)
{
	if (PAWL_UNLIKELY(node->bits & ENG_UNTOLD))
		eng_told_rely_on(op, node);
}

/*
 * eng_told_hides() - Something needs work, and nobody above may know of it before all operations that are under way are
 * over, the caller's among them: strong reads wait for that (eng_told_settle()). In an operation, or a moment of quiet; before
 * the records that show it are unlocked.
 */
static inline void eng_told_hides(struct eng_graph *graph)
{
	pawl_add_release(&graph->hidden, 1u); /* told.c, O1 */
}

/* eng_told_is_settled() - Does nothing of the kind go on? */
static inline bool eng_told_is_settled(const struct eng_graph *graph)
{
	/* Relaxed, both: told.c, O2. */
	return pawl_load_relaxed(&graph->settled) == pawl_load_relaxed(&graph->hidden);
}

/*
 * eng_told_settle() - Until what was hidden when it was called is told. Not in an operation. Returns: 0; -ECANCELED.
 */
PAWL_MUST_CHECK int eng_told_settle(struct eng_graph *graph);

#endif
