/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * restore.c - tasks come back from what stands behind the graph.
 *
 * The slot of a task is claimed, so one thread restores it and others wait. The record is complete before it is
 * published. The map of tasks gets it after that: who looks for its key in between does not find it there, asks the
 * store, and has it by its number.
 *
 * A task that is lost, since its record is damaged, gets an empty record in its place: so edges lead somewhere.
 * It has no function, and can only fail. Nobody knows who has read it, so everything is made dirty
 * (eng_lost_recover()): what is computed again finds or makes another task in its place.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/hash.h>
#include <pawl/park.h>

#include "backing.h"
#include "context.h"

struct pawl_digest eng_key_digest(uint32_t function, const void *args, size_t bytes)
{
	struct pawl_digest digest = pawl_digest_bytes(args, bytes);

	/* Numbers of functions are those of the store. */
	digest.high = pawl_hash_u64(digest.high, function);
	return digest;
}

/* As the thread: nobody else may use its slot of the operations meanwhile. */
static void wait_loaded(struct pawl_slots *table, eng_id id)
{
	struct pawl_waiter *before = pawl_waiter_set(NULL);

	while (pawl_slots_wait(table, id, PAWL_FOREVER))
		;
	(void)pawl_waiter_set(before);
}

/* Returns: it is this caller's to restore; false: it is there. */
static bool claim(struct pawl_slots *table, eng_id id)
{
	enum pawl_slot_state was;
	int error;

	/* Ends: who restores it waits for memory alone. */
	while ((error = pawl_slots_claim(table, id, &was)) && error != -EEXIST) {
		if (error == -EBUSY)
			wait_loaded(table, id);
		else
			eng_memory_wait();
	}
	return !error;
}

/* Returns: NULL: there is no such task. */
static struct eng_node *record_of(struct eng_graph *graph, eng_id id, bool must)
{
	const struct eng_backing *backing = graph->backing;
	struct eng_node *node = NULL;
	int error;

	while ((error = backing->restore(backing->arg, id, &node)) == -ENOMEM)
		eng_memory_wait();
	if (!error)
		return node;
	if (error == -ENOENT && !must)
		return NULL;
	while (!(node = eng_node_make(0)))
		eng_memory_wait();
	backing->lost(backing->arg, id);
	return node;
}

void eng_restore(struct eng_graph *graph, eng_id id, bool must)
{
	struct pawl_slots *table = graph->tables[0];
	struct eng_node *node;

	if (!eng_is_stored(graph->backing, id) || !claim(table, id))
		return;
	node = record_of(graph, id, must);
	if (!node) {
		pawl_slots_abandon(table, id, PAWL_SLOT_EMPTY);
		return;
	}
	if (graph->marks)
		node->slot.generation = graph->marks->number;
	/* Whoever has it may drop it, but nobody does: what is stored is not collected yet. */
	pawl_slots_publish(table, id, &node->slot, 0);
	if (eng_node_key(node)->function)
		eng_cache_put(graph, node);
}

void eng_restore_all(struct eng_graph *graph)
{
	for (eng_id id = 1; eng_is_stored(graph->backing, id); id++)
		eng_restore(graph, id, false);
}
