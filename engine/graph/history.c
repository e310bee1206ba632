/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * history.c - causes, noted where tasks become dirty and where they run.
 *
 * Whoever makes tasks dirty says why in its operation first; what it says stays there for all that this change
 * reaches. A task that is dirty already keeps its first cause. One that runs is dirty as well, until its end: what comes
 * then is a cause only where the run is stale by it, and is made again.
 */
#include "config.h"

#include "history.h"

#include <string.h>

#include <pawl/mem.h>

#include "../runtime/worker.h"
#include "graph.h"
#include "run.h"

static struct eng_history *history_of(struct eng_node *node)
{
	union eng_slot *slot = eng_field_make(node, ENG_HISTORY);

	if (!slot->pointer)
		slot->pointer = eng_must_zalloc(sizeof(struct eng_history));
	return slot->pointer;
}

static void note(struct eng_op *op, struct eng_node *node)
{
	struct eng_history *history;

	if (op->cause.kind == ENG_CAUSE_NONE)
		return;
	history = history_of(node);
	if (history->next.kind != ENG_CAUSE_NONE)
		return;
	history->next = op->cause;
	history->next_ns = eng_now(op->graph->rt);
}

void eng_history_next(struct eng_op *op, struct eng_node *node, bool stale)
{
	struct eng_run_state *run = eng_run_of(node);
	bool is_dirty = (node->bits & (ENG_DIRTY | ENG_SESSION)) == ENG_DIRTY;

	if (!is_dirty || (stale && run && pawl_load_relaxed(&run->running)))
		note(op, node);
}

void eng_history_missing(struct eng_op *op, struct eng_node *node)
{
	note(op, node);
}

void eng_history_begun(struct eng_graph *graph, struct eng_node *node)
{
	struct eng_history *history = history_of(node);

	history->ran = history->next;
	history->next.kind = ENG_CAUSE_NONE;
	history->begun_ns = eng_now(graph->rt);
	history->ended_ns = 0;
	history->runs++;
}

void eng_history_ended(struct eng_graph *graph, struct eng_node *node, bool changed, bool stale)
{
	struct eng_history *history = history_of(node);

	history->ended_ns = eng_now(graph->rt);
	if (changed)
		history->changed_ns = history->ended_ns;
	if (stale)
		history->stale_runs++;
	else
		history->next.kind = ENG_CAUSE_NONE;
}

void eng_history_forget(struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_HISTORY);

	if (slot)
		memset(slot->pointer, 0, sizeof(struct eng_history));
}

void eng_history_free(struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_HISTORY);

	if (slot)
		pawl_mem_free(slot->pointer, sizeof(struct eng_history), 0);
}
