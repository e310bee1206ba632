/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * read-many.c - reading several references at once.
 *
 * Those that are not in memory come back together. Then each is looked at without waiting, and what has to run is scheduled, so that other workers may begin.
 * Then come those that nobody has begun: reading one runs it here. Those that others run come last: most are done
 * by then. The waits are made one after the other: each is by name, so that rings are found, and the
 * sum of the waits is the longest of them, since what is waited for does not wait for the reader.
 *
 * All are read, also after an error: what a task depends on is not a question of which failure was first.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>

#include "backing.h"
#include "cells.h"
#include "context.h"

/* Looks, and starts what has to run. Returns: somebody else runs it: not yet. */
static bool start_or_skip(struct pawl_context *context, pawl_ref_t ref, uint32_t flags)
{
	struct eng_node *node;
	struct eng_run_state *run;
	bool skip = false;
	struct eng_op op;

	/* What is local or nothing has no record. */
	if (!eng_ref_task(ref))
		return false;
	eng_op_begin(&op, context->graph, context->priority);
	node = eng_lock_any(context->graph, eng_ref_task(ref));
	if (node) {
		run = eng_run_of(node);
		if (run && eng_ref_cell(ref) &&
		    eng_cell_value(context->graph, node, eng_ref_cell(ref)))
			run = NULL;
		skip = run && pawl_load_relaxed(&run->running) && !eng_is_finished(run);
		if (!run && !eng_ref_cell(ref) && !node->output)
			eng_schedule(&op, node, context->priority);
		else if (flags & PAWL_READ_STRONG && !eng_ref_cell(ref) &&
			 (eng_needs_run(node) || eng_has_dirty_containers(node)))
			eng_find_dirty(&op, node);
		eng_unlock(node);
	}
	eng_op_end(&op);
	return skip;
}

/* The first error by number, kept while others are read. */
struct first {
	size_t at;
	int error;
	struct pawl_error *failure;
};

static void read_one(struct pawl_context *context, const pawl_ref_t *refs, size_t at,
		     uint32_t flags, struct pawl_value **values, struct first *first)
{
	const struct pawl_error *failure = NULL;
	int error;

	values[at] = NULL;
	error = pawl_read(context, refs[at], flags, &values[at], &failure);
	if (!error || (first->error && first->at < at))
		return;
	eng_error_unpin(first->failure);
	*first = (struct first){at, error, NULL};
	if (error == -PAWL_ETASK)
		first->failure = eng_error_pin((struct pawl_error *)(uintptr_t)failure);
}

static void restore(struct eng_graph *graph, const pawl_ref_t *refs, size_t n)
{
	struct eng_many many;

	if (!eng_has_stored(graph))
		return;
	eng_many_begin(&many, graph);
	for (size_t i = 0; i < n; i++)
		eng_many_add(&many, eng_ref_task(refs[i]));
	eng_many_end(&many);
}

int pawl_read_many(struct pawl_context *context, const pawl_ref_t *refs, size_t n,
		   uint32_t flags, struct pawl_value **ret_values,
		   const struct pawl_error **ret_error)
{
	struct first first = {0, 0, NULL};
	size_t others = 0;

	restore(context->graph, refs, n);
	for (size_t i = 0; i < n; i++)
		(void)start_or_skip(context, refs[i], flags);
	/* A place of a value that is still to come holds itself. */
	for (size_t i = 0; i < n; i++) {
		if (start_or_skip(context, refs[i], flags)) {
			ret_values[i] = (struct pawl_value *)(void *)&ret_values[i];
			others++;
		} else {
			read_one(context, refs, i, flags, ret_values, &first);
		}
	}
	for (size_t i = 0; i < n && others; i++) {
		if (ret_values[i] != (struct pawl_value *)(void *)&ret_values[i])
			continue;
		read_one(context, refs, i, flags, ret_values, &first);
		others--;
	}
	if (!first.error)
		return 0;
	for (size_t i = 0; i < n; i++) {
		pawl_value_unpin(ret_values[i]);
		ret_values[i] = NULL;
	}
	return first.failure ? eng_context_error(context, first.failure, ret_error)
			     : first.error;
}
