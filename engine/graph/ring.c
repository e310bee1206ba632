/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.c - calls that go round in a ring.
 *
 * Sums over what a task reaches mean nothing if it reaches itself. Such a ring shows where a task
 * becomes its own follower (aggregate.c); that edge is left out. Who finds it at the end of another operation than a run's
 * takes out one call of the ring, and its caller runs again. The task whose new child closed the ring looks for
 * the way back, which is a walk over all it reaches, and fails with it.
 *
 * Not found: two roots that reach each other count each other's dirt without either following itself. A strong
 * reader of them may sleep for ever (fuzz/corpus/graph/rings-two-roots-that-wait-for-each-other, with GRAPH_RINGS=1).
 */
#include "config.h"

#include <stdio.h>

#include "context.h"

#define NAMES_MOST 16
#define NAME_BYTES 23 /* as the runtime keeps of a task's name */
#define TEXT_BYTES 1024

/* Where the walk came from: key is a task, a the one that calls it. */
static bool walk(struct eng_op *op, struct eng_table *seen, eng_id from, eng_id to)
{
	bool is_new;

	(void)eng_table_put(seen, from, &is_new);
	for (uint32_t at = 0; at < seen->n; at++) {
		eng_id id = (eng_id)seen->entries[at].key;
		struct eng_node *node;
		union eng_slot *slot;
		uint32_t cursor = 0, child;

		if (id == to)
			return true;
		node = eng_lock_any(op->graph, id);
		slot = node ? eng_field(node, ENG_CHILDREN) : NULL;
		while (slot && pawl_sset_next(&slot->set, &cursor, &child)) {
			struct eng_entry *entry = eng_table_put(seen, child, &is_new);

			if (is_new)
				entry->a = id;
		}
		if (node)
			eng_unlock(node);
	}
	return false;
}

static size_t put_name(struct eng_op *op, char *text, size_t length, eng_id id, bool more)
{
	struct eng_node *node = eng_lock_any(op->graph, id);
	int n;

	n = snprintf(text + length, TEXT_BYTES - length, "%s%.*s#%u", length ? " -> " : "",
		     NAME_BYTES,
		     more   ? "..."
		     : node ? eng_node_name(op->graph, node)
			    : "task",
		     id);
	if (node)
		eng_unlock(node);
	return n > 0 && (size_t)n < TEXT_BYTES - length ? length + (size_t)n : length;
}

/* The way back from `to`, which is the ring: callers before callees, from the smallest number on. */
static struct pawl_error *ring_error(struct eng_op *op, const struct eng_table *seen,
				     eng_id from, eng_id to)
{
	struct eng_list ring = eng_list_make(&op->queue, seen->n);
	char text[TEXT_BYTES] = "";
	struct pawl_error *error;
	uint32_t n = 0, first;
	size_t length = 0;

	/* Backwards, into the list from its end. */
	for (eng_id id = to; n < ring.n; id = eng_table_get(seen, id)->a) {
		ring.ids[ring.n - ++n] = id;
		if (id == from)
			break;
	}
	first = ring.n - n;
	for (uint32_t i = ring.n - n; i < ring.n; i++) {
		if (ring.ids[i] < ring.ids[first])
			first = i;
	}
	for (uint32_t i = 0; i <= n && i <= NAMES_MOST; i++) {
		length = put_name(op, text, length, ring.ids[first], i == NAMES_MOST);
		if (++first == ring.n)
			first = ring.n - n;
	}
	error = eng_error_printf(0, NULL, NULL, ENG_RING_MESSAGE, text);
	error->ring = true;
	return error;
}

struct pawl_error *eng_ring_find(struct eng_op *op, eng_id from, eng_id to)
{
	struct pawl_error *error = NULL;
	struct eng_table seen = {0};

	if (walk(op, &seen, from, to))
		error = ring_error(op, &seen, from, to);
	eng_table_fini(&seen);
	return error;
}

void eng_ring_of_calls(struct eng_op *op, eng_id id)
{
	op->ring = id;
}

/* The last call on the way from the task back to itself; 0: there is no such way any more. */
static eng_id last_caller(struct eng_op *op, eng_id id)
{
	struct eng_node *node = eng_lock_any(op->graph, id);
	union eng_slot *slot = node ? eng_field(node, ENG_CHILDREN) : NULL;
	struct eng_list children = {0};
	eng_id caller = 0;

	if (slot)
		children = eng_list_of_set(&op->queue, &slot->set);
	if (node)
		eng_unlock(node);
	for (uint32_t i = 0; i < children.n && !caller; i++) {
		struct eng_table seen = {0};

		if (walk(op, &seen, children.ids[i], id))
			caller = eng_table_get(&seen, id)->a;
		eng_table_fini(&seen);
	}
	return caller;
}

void eng_ring_break(struct eng_op *op)
{
	/* Ends: each turn takes a call away. */
	while (op->ring) {
		eng_id id = op->ring, caller = last_caller(op, id);
		struct eng_node *node;

		op->ring = 0;
		if (!caller)
			continue;
		eng_children_lost(op, caller, eng_list_one(&op->queue, id));
		node = eng_lock(op->graph, caller);
		op->cause = (struct eng_cause){ENG_CAUSE_RING, id, 0};
		if (!(node->bits & (ENG_IMMUTABLE | ENG_CANCELED)))
			eng_make_dirty(op, node, true);
		eng_unlock(node);
		eng_op_run(op);
	}
}
