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

static size_t put_name(struct eng_op *op, char *text, size_t length, eng_id id)
{
	struct eng_node *node = eng_lock_any(op->graph, id);
	int n;

	n = snprintf(text + length, TEXT_BYTES - length, "%s%s#%u", length ? " <- " : "",
		     node ? eng_node_name(op->graph, node) : "task",
		     (unsigned)(id & ~ENG_TRANSIENT));
	if (node)
		eng_unlock(node);
	return n > 0 && (size_t)n < TEXT_BYTES - length ? length + (size_t)n : length;
}

struct pawl_error *eng_ring_find(struct eng_op *op, eng_id from, eng_id to)
{
	struct pawl_error *error = NULL;
	struct eng_table seen = {0};
	char text[TEXT_BYTES];
	size_t length = 0;
	eng_id id = to;

	if (walk(op, &seen, from, to)) {
		for (unsigned i = 0; i < NAMES_MOST && id; i++) {
			length = put_name(op, text, length, id);
			id = id == from ? 0 : eng_table_get(&seen, id)->a;
		}
		(void)put_name(op, text, length, to);
		error = eng_error_printf(to, NULL, NULL, "calls go round in a ring: %s", text);
	}
	eng_table_fini(&seen);
	return error;
}

void eng_ring_of_calls(struct eng_op *op)
{
	op->ring = true;
}
