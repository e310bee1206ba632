/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * marks.c - what a running task says about itself.
 */
#include "config.h"

#include <errno.h>

#include "cells.h"
#include "context.h"
#include "twice.h"

/* Who waits for its output looks again, and those above count it as clean. */
void pawl_mark_finished(struct pawl_context *context)
{
	struct eng_run_state *run = context->run;
	struct eng_node *node;
	struct eng_op op;

	if (context->twice)
		eng_twice_leave(context);
	if (!run || eng_is_finished(run) || context->twice)
		return;
	eng_op_begin(&op, context->graph, context->priority);
	node = eng_run_lock(run);
	if (eng_run_of(node) == run) {
		/* Release: who is told looks again, under the lock. */
		pawl_store_release(&run->finished, 1u);
		eng_set_finished(&op, node);
	}
	eng_unlock(node);
	eng_op_end(&op);
	pawl_event_notify_all(&run->changed);
}

void pawl_mark_stateful(struct pawl_context *context)
{
	struct eng_node *node;

	if (!context->run || context->twice)
		return;
	node = eng_lock(context->graph, context->id);
	node->bits |= ENG_STATEFUL;
	eng_unlock(node);
}

int pawl_own_cell(struct pawl_context *context, pawl_ref_t cell, struct pawl_value **ret_value)
{
	struct pawl_value *value;
	struct eng_node *node;

	if (!context->run || !eng_ref_cell(cell) || eng_ref_task(cell) != context->id)
		return -EINVAL;
	if (context->twice)
		eng_twice_leave(context);
	node = eng_lock(context->graph, context->id);
	value = eng_cell_value(context->graph, node, eng_ref_cell(cell));
	if (value)
		*ret_value = pawl_value_pin(value);
	eng_unlock(node);
	return value ? 0 : -ENODATA;
}
