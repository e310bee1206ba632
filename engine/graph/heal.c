/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heal.c - tasks that failed by a ring, or for the moment: when they are tried again.
 *
 * Who has failed so may have read nothing that changes when the ring is gone: its callee's value can be what it was
 * before, and it is the calls that differ. So each member is told who failed because it calls, or reads, the next one
 * (RING_VICTIMS); at the end of a run that does not, those run again. A member is told under the lock under which
 * it has the call, or while it waits: else the ring is gone, and is looked for anew.
 *
 * The call that was taken out was also how the caller would have heard of what changes below it, and how that would be
 * wanted. In its place stands a link from the caller to whom it called:
 *  - the callee is active as long as it stands, and aggregates all that it reaches, so that all of the ring but the
 *    caller itself is brought up to date whenever something changes;
 *  - a visit's strong read of something that reaches the caller waits until all below the callee is done, too. Then
 *    each member has ended its last run, and the caller has to run again, or will stay as it is.
 *    Runs do not do that, for they may be below the callee themselves; they run again when the caller changes.
 * A link goes at the end of the caller's next run. It counts in no sum: a ring of links and calls is none.
 *
 * Who failed for the moment, for want of memory or with -EAGAIN, or because another one did, is tried again by who
 * reads it next: by a run or a visit's read that began after it had failed, so once for each of these, and nobody spins.
 * A visit's strong read has all tried again that it reaches; for that they stand among the links, with no callee. An error
 * that is the same as before tells nobody, but it is the new one that is kept.
 *
 * Who has a link is session-dependent: in the next session there is none.
 */
#include "config.h"

#include "heal.h"

#include <pawl/atomic.h>
#include <pawl/mem.h>

#include "ring.h"
#include "told.h"
#include "wait.h"

/* ---- members --------------------------------------------------------------------------------- */

void eng_heal_add(struct eng_node *member, eng_id target, eng_id victim)
{
	(void)eng_set64_add(member, ENG_RING_VICTIMS, (uint64_t)target << 32 | victim);
}

bool eng_heal_caller(struct eng_op *op, eng_id member, eng_id target, eng_id victim)
{
	struct eng_node *node = eng_lock_any(op->graph, member);
	bool calls = node && eng_set_has(node, ENG_CHILDREN, target);

	/* One that never runs again calls it for ever. */
	if (calls && !(node->bits & ENG_IMMUTABLE))
		eng_heal_add(node, target, victim);
	if (node)
		eng_unlock(node);
	return calls;
}

bool eng_heal_way(struct eng_op *op, const struct eng_list *list, eng_id victim)
{
	for (uint32_t i = 0; i + 1 < list->n; i++) {
		if (!eng_heal_caller(op, list->ids[i], list->ids[i + 1], victim))
			return false;
	}
	return true;
}

struct eng_list eng_heal_victims(struct eng_op *op, struct eng_node *node,
				 const struct eng_run_state *run)
{
	union eng_slot *slot = eng_field(node, ENG_RING_VICTIMS);
	struct eng_list list = {0};
	uint32_t cursor = 0;
	uint64_t *gone, key;

	if (!slot)
		return list;
	list = eng_list_make(&op->queue, pawl_sset64_count(&slot->set64));
	gone = eng_queue_alloc(&op->queue, list.n * sizeof(*gone));
	list.n = 0;
	while (pawl_sset64_next(&slot->set64, &cursor, &key)) {
		eng_id target = (eng_id)(key >> 32);

		if (target && run &&
		    (eng_called_has(&run->called, target) ||
		     eng_set_has(node, ENG_OUTPUT_DEPENDENCIES, target)))
			continue;
		gone[list.n] = key;
		list.ids[list.n++] = (eng_id)key;
	}
	for (uint32_t i = 0; i < list.n; i++)
		(void)eng_set64_remove(node, ENG_RING_VICTIMS, gone[i]);
	return list;
}

void eng_heal_retry(struct eng_op *op, const struct eng_list *victims)
{
	struct eng_cause before = op->cause;

	for (uint32_t i = 0; i < victims->n; i++) {
		struct eng_node *node = eng_lock_any(op->graph, victims->ids[i]);
		const struct pawl_error *error;

		if (!node)
			continue;
		error = node->bits & ENG_ERROR ? (void *)(uintptr_t)node->output : NULL;
		/* Or it is about to fail. */
		if (!(node->bits & (ENG_IMMUTABLE | ENG_CANCELED)) &&
		    (eng_run_of(node) || (error && error->ring))) {
			op->cause = (struct eng_cause){ENG_CAUSE_RING, victims->ids[i], 0, 0};
			eng_make_dirty(op, node, true);
		}
		eng_unlock(node);
	}
	op->cause = before;
}

/* ---- links ------------------------------------------------------------------------------------ */

void eng_link_add(struct eng_op *op, struct eng_run_state *run, eng_id callee)
{
	struct eng_graph *graph = op->graph;
	struct eng_links *links = &graph->links;
	struct eng_node *node = eng_run_lock(run);

	node->bits |= ENG_LINKED;
	eng_unlock(node);
	if (graph->track_active && callee)
		(void)eng_activate(op, callee);
	if (callee)
		eng_queue_number(&op->queue, callee, ENG_NUMBER_ROOT, 0);
	pawl_lock_lock(&links->lock);
	if (links->count == links->capacity) {
		uint32_t capacity = links->capacity ? links->capacity * 2 : 8;
		struct eng_link *more = eng_must_alloc(capacity * sizeof(*more));

		for (uint32_t i = 0; i < links->count; i++)
			more[i] = links->list[i];
		pawl_mem_free(links->list, links->capacity * sizeof(*more), 0);
		links->list = more;
		links->capacity = capacity;
	}
	links->list[links->count] = (struct eng_link){run->id, callee, true};
	/* Relaxed: who has to see it has seen what its caller gave, under that one's lock. */
	pawl_store_relaxed(&links->n, ++links->count);
	pawl_lock_unlock(&links->lock);
}

void eng_link_drop(struct eng_op *op, eng_id caller, bool all)
{
	struct eng_graph *graph = op->graph;
	struct eng_links *links = &graph->links;
	struct eng_list gone;
	uint32_t kept = 0;

	pawl_lock_lock(&links->lock);
	gone = eng_list_make(&op->queue, links->count);
	gone.n = 0;
	for (uint32_t i = 0; i < links->count; i++) {
		struct eng_link link = links->list[i];

		if (link.caller == caller && (all || !link.fresh)) {
			if (link.callee)
				gone.ids[gone.n++] = link.callee;
			continue;
		}
		link.fresh &= link.caller != caller;
		links->list[kept++] = link;
	}
	links->count = kept;
	pawl_store_relaxed(&links->n, kept);
	pawl_lock_unlock(&links->lock);
	if (graph->track_active)
		eng_queue_tasks(&op->queue, ENG_JOB_DEACTIVATE, gone);
}

void eng_links_free(struct eng_links *links)
{
	pawl_mem_free(links->list, links->capacity * sizeof(*links->list), 0);
}

static bool link_at(struct eng_graph *graph, uint32_t at, struct eng_link *ret_link)
{
	struct eng_links *links = &graph->links;
	bool there;

	pawl_lock_lock(&links->lock);
	there = at < links->count;
	if (there)
		*ret_link = links->list[at];
	pawl_lock_unlock(&links->lock);
	return there;
}

bool eng_link_next(struct eng_graph *graph, uint32_t *cursor, eng_id *ret_caller,
		   eng_id *ret_callee)
{
	struct eng_link link;

	if (PAWL_LIKELY(!pawl_load_relaxed(&graph->links.n)) || !link_at(graph, *cursor, &link))
		return false;
	++*cursor;
	*ret_caller = link.caller;
	*ret_callee = link.callee;
	return true;
}

static bool is_settled(struct eng_graph *graph, eng_id id)
{
	struct eng_node *node = eng_lock_any(graph, id);
	bool settled = !node || (eng_number(node) == ENG_NUMBER_ROOT &&
				 (!eng_needs_run(node) || node->bits & ENG_FINISHED) &&
				 !eng_has_dirty_containers(node));

	if (node)
		eng_unlock(node);
	return settled;
}

static bool any_unsettled(struct eng_graph *graph)
{
	struct eng_link link;

	for (uint32_t i = 0; link_at(graph, i, &link); i++) {
		if (link.callee && !is_settled(graph, link.callee))
			return true;
	}
	return false;
}

/*
 * What is reached grows by the other end of each link that is met: there may be links below that. Returns: 0: nothing
 * more; else the first such end that needs work.
 */
static eng_id reach_more(struct eng_graph *graph, struct eng_table *reached)
{
	struct eng_link link;
	bool is_new = true;
	uint32_t n;

	do {
		n = reached->n;
		for (uint32_t i = 0; link_at(graph, i, &link); i++) {
			if (!link.callee || eng_table_get(reached, link.callee) ||
			    !eng_is_below(graph, reached, link.caller))
				continue;
			(void)eng_table_put(reached, link.callee, &is_new);
			if (!is_settled(graph, link.callee))
				return link.callee;
		}
	} while (reached->n > n);
	return 0;
}

eng_id eng_link_unsettled(struct eng_graph *graph, eng_id id)
{
	struct eng_table reached = {0};
	eng_id found;
	bool is_new;

	/* Relaxed: a link stands before its caller's error is seen. */
	if (PAWL_LIKELY(!pawl_load_relaxed(&graph->links.n)) || !any_unsettled(graph))
		return 0;
	(void)eng_table_put(&reached, id, &is_new);
	found = reach_more(graph, &reached);
	eng_table_fini(&reached);
	return found;
}

bool eng_is_of_moment(const struct eng_node *node, uint64_t begun)
{
	const struct pawl_error *error = (const struct pawl_error *)(uintptr_t)node->output;

	return node->bits & ENG_ERROR && error->moment && error->moment <= begun &&
	       !(node->bits & (ENG_IMMUTABLE | ENG_CANCELED | ENG_ONCE));
}

static void retry(struct eng_op *op, eng_id id, uint64_t begun)
{
	struct eng_node *node = eng_lock_any(op->graph, id);

	if (!node)
		return;
	if (eng_is_of_moment(node, begun)) {
		/* Nothing stands in for it. */
		eng_told_hides(op->graph);
		eng_make_dirty(op, node, false);
	}
	eng_unlock(node);
}

void eng_moments_retry(struct pawl_context *context, eng_id id)
{
	struct eng_graph *graph = context->graph;
	struct eng_link link;
	struct eng_op op;

	context->begun = pawl_load_relaxed(&graph->moments);
	if (!id || PAWL_LIKELY(!pawl_load_relaxed(&graph->links.n)))
		return;
	eng_op_begin(&op, graph, context->priority);
	for (uint32_t i = 0; link_at(graph, i, &link); i++) {
		if (!link.callee && (link.caller == id || eng_is_above(graph, id, link.caller)))
			retry(&op, link.caller, context->begun);
	}
	eng_op_end(&op);
}
