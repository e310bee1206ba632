/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * collect.c - collectibles: what tasks emit, and sums of it.
 *
 * What a run emits counts at once; what the run before emitted counts until this one has ended without it.
 */
#include "config.h"

#include <errno.h>

#include "backing.h"
#include "bag.h"
#include "context.h"
#include "heal.h"
#include "local.h"
#include "registry.h"
#include "twice.h"
#include "wait.h"

void eng_collectible_add(struct eng_op *op, struct eng_node *node, uint32_t trait, uint64_t ref,
			 int32_t count)
{
	union eng_slot *slot;
	struct eng_update update = {0};

	if (!count)
		return;
	eng_modify(node, ENG_META);
	slot = eng_field_make(node, ENG_COLLECTIBLES);
	(void)eng_bag_add(&slot->bag, trait, ref, count);
	if (!slot->bag)
		eng_field_drop(node, ENG_COLLECTIBLES);
	/* Its own readers get the raw counts: any change is one. */
	eng_collectibles_changed(op, node, trait);
	update.collectibles = eng_queue_alloc(&op->queue, sizeof(*update.collectibles));
	update.collectibles[0] = (struct eng_collectible){ref, trait, count};
	update.n = 1;
	eng_queue_data(&op->queue, eng_uppers_of(&op->queue, node), &update);
}

/* Those of the run before that are there again stay as they are. Returns: how many are new. */
static int32_t confirm(struct eng_node *node, uint32_t trait, uint64_t ref, int32_t count)
{
	union eng_slot *slot = eng_field(node, ENG_OUTDATED_COLLECTIBLES);
	int32_t before = slot ? eng_bag_get(slot->bag, trait, ref) : 0, again;

	if (!before || (before > 0) != (count > 0))
		return count;
	again = (count > 0) == (before > count) ? count : before;
	(void)eng_bag_add(&slot->bag, trait, ref, -again);
	if (!slot->bag)
		eng_field_drop(node, ENG_OUTDATED_COLLECTIBLES);
	return count - again;
}

static int emit(struct pawl_context *context, const struct pawl_trait *trait, pawl_ref_t ref,
		int32_t count)
{
	uint32_t number = eng_trait_number(context->graph->registry, trait);
	struct eng_node *node;
	struct eng_op op;
	int error = 0;

	if (!context->run || !number || !ref.pawl_bits)
		return -EINVAL;
	if (eng_ref_is_local(ref)) {
		error = eng_local_link(context, ref, 0, &ref, NULL);
		if (error)
			return error;
	}
	if (eng_is_transient(eng_ref_task(ref)) && !eng_is_transient(context->id))
		return eng_context_error(
			context,
			eng_error_printf(
				0, NULL, NULL,
				"collectible is transient: transient collectibles cannot "
				"be emitted from persistent tasks"),
			NULL);
	if (PAWL_UNLIKELY(context->twice != NULL)) {
		eng_twice_emit(context, number, ref, count);
		return 0;
	}
	eng_op_begin(&op, context->graph, context->priority);
	node = eng_lock(context->graph, context->id);
	if (eng_run_of(node) != context->run)
		error = -ECANCELED;
	else if (count < 0 && eng_number(node) != ENG_NUMBER_ROOT)
		error = -EPERM;
	else
		eng_collectible_add(&op, node, number, ref.pawl_bits,
				    confirm(node, number, ref.pawl_bits, count));
	eng_unlock(node);
	eng_op_end(&op);
	return error;
}

int pawl_emit(struct pawl_context *context, const struct pawl_trait *trait, pawl_ref_t ref)
{
	return emit(context, trait, ref, 1);
}

int pawl_unemit(struct pawl_context *context, const struct pawl_trait *trait, pawl_ref_t ref)
{
	return emit(context, trait, ref, -1);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* What is there, and that the reader depends on it. Locked. */
static struct eng_bag *gather(struct eng_node *node, uint32_t trait)
{
	union eng_slot *sums = eng_field(node, ENG_AGGREGATED_COLLECTIBLES);
	union eng_slot *own = eng_field(node, ENG_COLLECTIBLES);
	struct eng_bag_cursor cursor = {0, 0}, own_cursor = {0, 0};
	struct eng_collectible entry;
	struct eng_bag *all = NULL;

	while (sums && eng_bag_next(sums->bag, &cursor, &entry)) {
		if (entry.trait == trait && entry.count > 0)
			(void)eng_bag_add(&all, trait, entry.ref, 1);
	}
	while (own && eng_bag_next(own->bag, &own_cursor, &entry)) {
		if (entry.trait == trait)
			(void)eng_bag_add(&all, trait, entry.ref, entry.count);
	}
	return all;
}

/* Both halves at once, so that no change in between finds one half. Errors: -ESTALE; -PAWL_ETASK: it is lost. */
static int look(struct pawl_context *context, eng_id id, uint32_t trait,
		struct eng_bag **ret_all)
{
	struct eng_graph *graph = context->graph;
	bool tracked = context->run && graph->track_dependencies && context->id != id &&
		       !context->twice;
	struct eng_node *node, *reader = NULL;
	bool lost;

	if (tracked ? !eng_lock_pair(graph, id, context->id, &node, &reader)
		    : !(node = eng_lock_any(graph, id)))
		return -ESTALE;
	lost = eng_is_lost(node, id);
	*ret_all = gather(node, trait);
	if (tracked) {
		uint64_t there = (uint64_t)trait << 32 | context->id;
		uint64_t here = (uint64_t)trait << 32 | id;

		(void)eng_set64_add(node, ENG_COLLECTIBLES_DEPENDENTS, there);
		(void)eng_set64_add(reader, ENG_COLLECTIBLES_DEPENDENCIES, here);
		(void)eng_set64_remove(reader, ENG_OUTDATED_COLLECTIBLES_DEPENDENCIES, here);
		eng_unlock_pair(node, reader);
	} else {
		eng_unlock(node);
		if (PAWL_UNLIKELY(context->twice != NULL) && context->id != id)
			eng_twice_peeked(context, trait, id);
	}
	/* What it emitted is not known. */
	return lost ? -PAWL_ETASK : 0;
}

/*
 * What an operation moves in the aggregation graph is counted nowhere for a moment, and nobody is told: what is there is what
 * is there when none is under way. So it is looked while there is none, by luck, and seen so before and after.
 * Returns: false: there was one.
 */
static bool look_alone(struct pawl_context *context, eng_id id, uint32_t trait,
		       struct eng_bag **ret_all, int *ret_error)
{
	struct eng_quiesce *quiesce = context->graph->quiesce;
	struct eng_quiesce_slot *inside = eng_quiesce_enter(quiesce, context->graph);
	uint64_t before, after;
	bool alone = eng_quiesce_is_alone(quiesce, inside, &before);

	if (alone)
		*ret_error = look(context, id, trait, ret_all);
	alone = alone && eng_quiesce_is_alone(quiesce, inside, &after) && before == after;
	eng_quiesce_leave(quiesce, inside);
	if (!alone)
		eng_bag_free(ret_all);
	return alone;
}

struct moment {
	struct pawl_context *context;
	eng_id id;
	uint32_t trait;
	struct eng_bag *all;
	int error;
	bool suspended, done;
};

static void note_suspended(void *arg, void *op)
{
	struct moment *moment = arg;

	(void)op;
	moment->suspended = true;
}

/* Nobody leaves memory now, and what has left does not come back here: that may have to wait for others. */
static void look_now(void *arg)
{
	struct moment *moment = arg;
	struct eng_graph *graph = moment->context->graph;
	struct eng_node *node;

	eng_quiesce_each_suspended(graph->quiesce, note_suspended, moment);
	node = moment->suspended ? NULL : eng_lock_resident(graph, moment->id);
	if (!node)
		return;
	eng_unlock(node);
	moment->error = look(moment->context, moment->id, moment->trait, &moment->all);
	moment->done = true;
}

/* So often by luck; with many workers, all at work, it does not come. */
#define TRIES 16

/* No operation is half seen. */
static int look_whole(struct pawl_context *context, eng_id id, uint32_t trait,
		      struct eng_bag **ret_all)
{
	struct eng_graph *graph = context->graph;
	int error;

	/* Ends: each waits for those that it has met; in the end it has a moment, unless a longer one is suspended. */
	for (unsigned tries = 1;; tries++) {
		struct moment moment = {context, id, trait, NULL, 0, false, false};

		if (look_alone(context, id, trait, ret_all, &error))
			return error;
		error = eng_told_wait(graph);
		if (error)
			return eng_refused(context, error);
		if (tries % TRIES)
			continue;
		if (!eng_quiesce_run(graph->quiesce, look_now, &moment) && moment.done) {
			*ret_all = moment.all;
			return moment.error;
		}
	}
}

int pawl_peek(struct pawl_context *context, pawl_ref_t task, const struct pawl_trait *trait,
	      pawl_collect_fn *fn, void *arg)
{
	uint32_t number = eng_trait_number(context->graph->registry, trait);
	struct eng_bag_cursor cursor = {0, 0};
	struct eng_collectible entry;
	struct eng_bag *all = NULL;
	pawl_ref_t cell;
	uint64_t edit;
	int error;

	if (eng_ref_is_local(task)) {
		error = eng_local_link(context, task, 0, &task, NULL);
		if (error)
			return error;
	}
	if (!number || !task.pawl_bits || eng_ref_cell(task))
		return -EINVAL;
	if (!context->run)
		eng_moments_retry(context, eng_ref_task(task));
	/* Ends: as a strong read does. */
	for (;;) {
		error = eng_moment_begin(context, task, &edit);
		if (error)
			return error;
		context->ring = false;
		error = eng_resolve(context, task, PAWL_READ_STRONG, &cell, NULL);
		/* A task that failed has collectibles, too. */
		if (error && error != -PAWL_ETASK)
			return error;
		error = look_whole(context, eng_ref_task(task), number, &all);
		if (error || context->ring || eng_is_same_moment(context, task, edit))
			break;
		eng_bag_free(&all);
	}
	/* More may have been taken away than there were: then there is none. */
	while (!error && eng_bag_next(all, &cursor, &entry)) {
		if (entry.count > 0)
			fn(arg, (pawl_ref_t){entry.ref}, entry.count);
	}
	eng_bag_free(&all);
	return error == -PAWL_ETASK ? eng_lost_fail(context) : error;
}
