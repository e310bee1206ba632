/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-program-numbers.c - tasks go that nobody needs, and numbers come back: whether those are free.
 *
 * What still leads to such a number hardly ever shows in what is computed: who has an argument that leads to a task that went is
 * dirty, and who called it is about to call something else. So it is looked at here: no argument of a task leads to a
 * number that nobody has. One of a task that went in this process counts as one that somebody has.
 */
#include "config.h"

#include <errno.h>

#include <pawl/ids.h>

#include "sim-program.h"

#include "../../engine/graph/context.h"
#include "../../engine/graph/registry.h"
#include "../../engine/persist/persist.h"

/* So many are free, or wait for a grace period. */
static uint64_t free_now(void)
{
	struct pawl_ids_counts counts;

	if (pawl_ids_audit(sim_here.engine->graph->ids[0], &counts))
		sim_fail("numbers do not add up");
	return counts.parked + counts.depot;
}

static void leads(void *ids, pawl_ref_t ref)
{
	eng_id to = eng_ref_task(ref);

	if (to && !eng_is_transient(to) && pawl_ids_check(ids, to) == -ESTALE)
		sim_fail("an argument leads to a number that is free");
}

static void look(void)
{
	struct eng_graph *graph = sim_here.engine->graph;
	struct pawl_ids *ids = graph->ids[0];
	eng_id end = (eng_id)pawl_ids_next(ids);

	for (eng_id id = 1; id < end; id++) {
		struct eng_node *node =
			pawl_ids_check(ids, id) ? NULL : eng_lock_any(graph, id);
		const struct eng_key *key;

		if (!node)
			continue;
		key = eng_node_key(node);
		eng_key_each_ref(eng_function_known(graph->registry, key->function), key, leads,
				 ids);
		eng_unlock(node);
	}
}

/* Once in a life numbers come back by that. */
void sim_op_collect(void)
{
	uint64_t before = sim_here.bare ? 0 : free_now();

	graph_engine.collect();
	if (!sim_here.bare && free_now() > before)
		look();
}
