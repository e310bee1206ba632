/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.c - calls that go round in a ring.
 *
 * Sums over what a task reaches mean nothing if it reaches itself. Such a ring shows where a task
 * becomes its own follower (aggregate.c); that edge is left out. The task whose new child closed the ring looks for
 * the way back, which is a walk over all it reaches, and fails with it.
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

void eng_ring_of_calls(struct eng_op *op)
{
	op->ring = true;
}
