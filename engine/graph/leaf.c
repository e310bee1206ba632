/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * leaf.c - the order in which invalidated tasks run: those near the leaves first.
 *
 * A task's distance is larger than that of each task whose output it reads, so that what is read is
 * brought up to date before its readers, and a reader runs once. Only outputs count: cells may be
 * read in rings. (Outputs may, too, where they are the errors of a ring.) Slack keeps it cheap: up to `most` a distance creeps by one, beyond it jumps past
 * what it read, so a chain that grows at its lower end does not renumber all of itself each time.
 */
#include "config.h"

#include "graph.h"

#define BUFFER	     128u
#define DISTANCE_END (UINT32_C(1) << 31)
/* Steps for each task that is raised, on average, after the first ones. More: they are read in a ring. */
#define STEPS_FIRST 1024u
#define STEPS_EACH  16u

/* Readers to raise, nearest first: a binary heap of numbers of entries in the table. */
struct raise {
	struct eng_table table; /* key: task; a: distance, b: most of what it reads */
	uint64_t *heap;		/* distance << 32 | place in the table */
	uint32_t n, capacity;
	struct eng_queue *arena;
};

struct eng_leaf eng_leaf_of(const struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_LEAF_DISTANCE);

	return slot ? (struct eng_leaf){slot->words.a, slot->words.b} : (struct eng_leaf){0, 0};
}

static void heap_push(struct raise *raise, uint64_t key)
{
	uint32_t at = raise->n++;

	if (at == raise->capacity) {
		uint32_t capacity = at ? at * 2 : 16;
		uint64_t *heap = eng_queue_alloc(raise->arena, capacity * sizeof(*heap));

		for (uint32_t i = 0; i < at; i++)
			heap[i] = raise->heap[i];
		raise->heap = heap;
		raise->capacity = capacity;
	}
	for (; at && raise->heap[(at - 1) / 2] > key; at = (at - 1) / 2)
		raise->heap[at] = raise->heap[(at - 1) / 2];
	raise->heap[at] = key;
}

static uint64_t heap_pop(struct raise *raise)
{
	uint64_t top = raise->heap[0], key = raise->heap[--raise->n];
	uint32_t at = 0, child;

	while ((child = at * 2 + 1) < raise->n) {
		if (child + 1 < raise->n && raise->heap[child + 1] < raise->heap[child])
			child++;
		if (raise->heap[child] >= key)
			break;
		raise->heap[at] = raise->heap[child];
		at = child;
	}
	raise->heap[at] = key;
	return top;
}

static void want(struct raise *raise, eng_id id, struct eng_leaf of)
{
	bool is_new;
	struct eng_entry *entry = eng_table_put(&raise->table, id, &is_new);
	bool more = is_new || of.distance > entry->a;

	if (of.most > entry->b)
		entry->b = of.most;
	if (!more)
		return;
	entry->a = of.distance;
	heap_push(raise,
		  (uint64_t)of.distance << 32 | (uint32_t)(entry - raise->table.entries));
}

/* Of a reader, by what it reads. Returns: it was raised. */
static bool raised(struct eng_node *node, struct eng_leaf of, struct eng_leaf *ret_now)
{
	struct eng_leaf now = eng_leaf_of(node);
	union eng_slot *slot;

	if (now.distance > of.distance)
		return false;
	if (now.most <= of.distance) {
		uint32_t old = now.distance;
		uint64_t spent = (uint64_t)BUFFER * old;

		now.distance = of.most + 1;
		now.most = now.distance + BUFFER -
			   (uint32_t)((spent > UINT32_MAX ? UINT32_MAX : spent) / now.distance);
	} else {
		now.distance = of.distance + 1;
	}
	eng_modify(node, ENG_DATA);
	slot = eng_field_make(node, ENG_LEAF_DISTANCE);
	slot->words.a = now.distance;
	slot->words.b = now.most;
	*ret_now = now;
	return true;
}

void eng_leaf_raise(struct eng_op *op, eng_id reader, struct eng_leaf of)
{
	struct raise raise = {.arena = &op->queue};
	uint64_t steps = 0;

	want(&raise, reader, of);
	/* Errors of a ring are read in a ring: their order does not matter, so it is left as it is. */
	while (raise.n && steps++ < STEPS_FIRST + (uint64_t)STEPS_EACH * raise.table.n) {
		uint64_t top = heap_pop(&raise);
		struct eng_entry entry = raise.table.entries[(uint32_t)top];
		struct eng_node *node;
		struct eng_leaf now;
		uint32_t cursor = 0, next;

		/* A larger one came since, and is in the heap as well. */
		if (entry.a != top >> 32 || entry.b >= DISTANCE_END)
			continue;
		node = eng_lock_any(op->graph, (eng_id)entry.key);
		if (!node)
			continue;
		if (raised(node, (struct eng_leaf){entry.a, entry.b}, &now)) {
			while (pawl_sset_next(&node->output_dependents, &cursor, &next))
				want(&raise, next, now);
		}
		eng_unlock(node);
	}
	eng_table_fini(&raise.table);
}
