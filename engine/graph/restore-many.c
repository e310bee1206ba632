/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * restore-many.c - several tasks come back at once: those that an operation is about to touch, and that are not in memory.
 *
 * What one by one would be a search in the store for each category of each task is one walk over a part of it: ids that
 * are wanted are gathered, sorted, and read some at a time. It is all in vain, and nothing is wrong, if somebody else
 * restores one of them first: who locks a record restores what is not there (node.c).
 *
 *  I1 Who has claims here waits for nobody else's: what somebody else loads is left out. So no two wait for each other,
 *     in whatever order they claim.
 *  I2 Here nothing is lost: what cannot be read, and what another record has the key of, is left for who locks it, or
 *     for nobody. That somebody else has put a record of the same key just now is told when no claim is held.
 *
 * Rejected: restoring the neighbours of what is restored. Many are never touched, and a graph would come back whole
 * for an answer that needs a path of it.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/mem.h>
#include <pawl/rcu.h>

#include "backing.h"
#include "context.h"

static int compare(const void *x, const void *y)
{
	eng_id a = *(const eng_id *)x, b = *(const eng_id *)y;

	return a < b ? -1 : a > b;
}

static void sort(eng_id *ids, uint32_t n)
{
	/* Many are. */
	for (uint32_t i = 1; i < n; i++) {
		if (ids[i - 1] > ids[i]) {
			qsort(ids, n, sizeof(*ids), compare);
			return;
		}
	}
}

/* Those that are this caller's to restore, and what they were before. Returns: how many. */
static unsigned claim_some(struct eng_graph *graph, const eng_id *ids, uint32_t n,
			   eng_id *ret_ids, enum pawl_slot_state *ret_were)
{
	struct pawl_slots *table = graph->tables[0];
	unsigned claimed = 0;

	/* One that is there twice is somebody else's the second time. */
	for (uint32_t i = 0; i < n; i++) {
		if (pawl_slots_claim(table, ids[i], &ret_were[claimed]))
			continue;
		/* The store is not told yet that it went (reclaim.c). */
		if (ret_were[claimed] == PAWL_SLOT_EMPTY && eng_gone_has(graph, ids[i]))
			pawl_slots_abandon(table, ids[i], PAWL_SLOT_EMPTY);
		else
			ret_ids[claimed++] = ids[i];
	}
	return claimed;
}

PAWL_NOINLINE static void restore_some(struct eng_graph *graph, const eng_id *wanted,
				       uint32_t n)
{
	const struct eng_backing *backing = graph->backing;
	struct pawl_slots *table = graph->tables[0];
	struct eng_node *nodes[ENG_TOGETHER];
	enum pawl_slot_state were[ENG_TOGETHER];
	eng_id ids[ENG_TOGETHER];
	unsigned claimed = claim_some(graph, wanted, n, ids, were);
	bool twice = false;

	if (!claimed)
		return;
	backing->restore_many(backing->arg, ids, claimed, nodes);
	for (unsigned i = 0; i < claimed; i++) {
		if (nodes[i] && eng_cache_has(graph, nodes[i])) {
			eng_node_free(graph, nodes[i]);
			nodes[i] = NULL;
		}
		if (!nodes[i]) {
			pawl_slots_abandon(table, ids[i], were[i]);
			continue;
		}
		/* Before the next one is looked at: it may have the same key. */
		twice |= eng_restore_put(graph, ids[i], nodes[i], were[i]);
	}
	if (twice)
		eng_restore_twice(graph);
}

void eng_many_end(struct eng_many *many)
{
	sort(many->ids, many->n);
	/* One is restored by who locks it. */
	for (uint32_t at = 0; at < many->n && many->n > 1; at += ENG_TOGETHER)
		restore_some(many->graph, many->ids + at,
			     many->n - at < ENG_TOGETHER ? many->n - at : ENG_TOGETHER);
	if (many->ids != many->first)
		pawl_mem_free(many->ids, many->room * sizeof(eng_id), 0);
	eng_many_begin(many, many->graph);
}

/* Returns: false: no memory. */
static bool grow(struct eng_many *many)
{
	eng_id *more = pawl_mem_alloc(2 * many->room * sizeof(eng_id), 0);

	if (!more)
		return false;
	memcpy(more, many->ids, many->n * sizeof(eng_id));
	if (many->ids != many->first)
		pawl_mem_free(many->ids, many->room * sizeof(eng_id), 0);
	many->ids = more;
	many->room *= 2;
	return true;
}

void eng_many_add(struct eng_many *many, eng_id id)
{
	enum pawl_slot_state state;

	if (!eng_is_stored(many->graph, id))
		return;
	state = pawl_slots_state(many->graph->tables[0], id);
	if (state != PAWL_SLOT_EMPTY && state != PAWL_SLOT_EVICTED)
		return;
	if (many->n == many->room && !grow(many))
		eng_many_end(many);
	many->ids[many->n++] = id;
}

void eng_restore_list(struct eng_graph *graph, const eng_id *ids, uint32_t n)
{
	struct eng_many many;

	if (n < 2 || !eng_has_stored(graph))
		return;
	eng_many_begin(&many, graph);
	for (uint32_t i = 0; i < n; i++)
		eng_many_add(&many, ids[i]);
	eng_many_end(&many);
}

void eng_restore_sort(struct eng_graph *graph, eng_id *ids, uint32_t n)
{
	if (n > ENG_TOGETHER && eng_has_stored(graph))
		sort(ids, n);
}
