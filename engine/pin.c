/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pin.c - tasks that stay because somebody outside says so, counted in their records; and others that go.
 */
#include "config.h"

#include <errno.h>

#include <pawl/engine.h>

#include "engine.h"
#include "graph/context.h"

int pawl_engine_pin(struct pawl_engine *engine, pawl_ref_t ref)
{
	struct eng_node *node = NULL;

	if (eng_ref_task(ref))
		node = eng_lock_any(engine->graph, eng_ref_task(ref));
	if (!node || node->bits & ENG_GONE) {
		if (node)
			eng_unlock(node);
		return -ESTALE;
	}
	eng_field_make(node, ENG_PINS)->words.a++;
	eng_unlock(node);
	return 0;
}

int pawl_engine_unpin(struct pawl_engine *engine, pawl_ref_t ref)
{
	struct eng_node *node = NULL;
	union eng_slot *slot;

	if (eng_ref_task(ref))
		node = eng_lock_any(engine->graph, eng_ref_task(ref));
	if (!node)
		return -ESTALE;
	slot = eng_field(node, ENG_PINS);
	if (slot && !--slot->words.a) {
		eng_field_drop(node, ENG_PINS);
		eng_reclaim_look(engine->graph, node);
	}
	eng_unlock(node);
	eng_reclaim_poke(engine->graph);
	return slot ? 0 : -EINVAL;
}

int pawl_engine_collect(struct pawl_engine *engine, struct pawl_collect_stats *ret_stats)
{
	struct pawl_collect_stats stats = {0};
	int error = eng_reclaim_all(engine->graph, &stats);

	if (ret_stats)
		*ret_stats = stats;
	return error;
}
