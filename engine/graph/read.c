/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * read.c - reading outputs and cells: look, depend, or wait and look again.
 *
 * Whoever reads is entered with the task, and the task with the reader, under the locks of both: a change in
 * between would find one half of the edge, and pass the reader by. Nothing that was seen before a wait
 * counts afterwards: the read starts over. A listener is registered under the lock under which the
 * condition was looked at.
 *
 * An immutable task is not entered anywhere, and of one that is still (connect.c) nothing can change: it is looked at
 * alone.
 *
 * A strong read waits until nothing below the task needs work, and takes what it finds then. The value of the
 * cell is read after that; so once it has the value it looks whether the task is still as clean as it was, and no edit
 * came in between. If not it begins anew: what it returns is one state.
 *
 * Ordering:
 *  O1 graph->edit has no order of its own. Whatever an edit does to records it does under their locks, after its number
 *     became odd and before it became even again. So who saw the lock of a record after the edit had it sees the odd
 *     number, or a later one, when it looks again; and who had the lock first cannot have seen the even one
 *     that comes after the edit, since that would be a value from its own future. The same of graph->hidden (told.c) and of
 *     graph->lost: who sees that it is over, and locks a record then, has the lock after whoever it was.
 *  O2 `waits_for` is stored before the reader is seen to wait, which the runtime's own words order: who finds a
 *     ring that goes through it reads that value, or a later one.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>

#include "cells.h"
#include "context.h"
#include "evict.h"
#include "local.h"
#include "pairs.h"
#include "registry.h"
#include "ring.h"
#include "told.h"
#include "twice.h"
#include "wait.h"

/* A ring that is found so often, and is gone each time, is one. */
#define RING_TRIES 1000

/* How a look at a task ended. */
enum look {
	LOOK_DONE, /* there it is */
	LOOK_WAIT, /* for `wait` */
	LOOK_LATER /* something was done about it: look again at once */
};

/* A look at a task: what for, and what came of it. */
struct looker {
	struct pawl_context *context;
	struct eng_op *op;
	eng_id id;
	uint32_t flags;
	uint32_t cell; /* 0: the output */
	bool onward;   /* of an output that is a cell of the task itself the value as well */
	uint64_t key_hash; /* with `keyed` */
	bool keyed;
	/* Results. */
	int error;
	uint64_t output;
	struct pawl_error *failure; /* pinned */
	struct pawl_value *value;   /* pinned */
	struct eng_leaf leaf;	    /* what the reader's distance is to be above of; `raise` */
	bool raise;
	struct eng_wait wait;
};

static bool tracks(const struct looker *looker, bool is_error)
{
	const struct pawl_context *context = looker->context;

	return context->graph->track_dependencies && context->run && !context->twice &&
	       context->id != looker->id &&
	       (is_error || !(looker->flags & PAWL_READ_UNTRACKED));
}

/* It has to run: until that is over. Locked. */
static enum look wait_for_new(struct looker *looker, struct eng_node *node, uint32_t priority,
			      bool cell)
{
	struct eng_run_state *run;

	eng_schedule(looker->op, node, priority);
	run = eng_run_of(node);
	if (!run) {
		/* The engine stops. */
		looker->error = -ECANCELED;
		return LOOK_DONE;
	}
	eng_wait_run(&looker->wait, run, cell);
	looker->wait.finished = !cell && node->output;
	return LOOK_WAIT;
}

/* ---- outputs ---------------------------------------------------------------------------- */

/* Nothing below it needs work. Returns: false: it was seen to, wait. Locked. */
static bool is_settled(struct looker *looker, struct eng_node *node)
{
	if ((!eng_needs_run(node) || node->bits & ENG_FINISHED) &&
	    !eng_has_dirty_containers(node)) {
		/* Another operation may be about to make it a root, and to take in what is below: then this read begins anew. */
		eng_told_rely(looker->op, node);
		return true;
	}
	if (looker->op->graph->track_active && !eng_active(node))
		eng_find_dirty(looker->op, node);
	eng_active_make(node)->active.flags |= ENG_ACTIVE_UNTIL_CLEAN;
	eng_wait_clean(&looker->wait, node);
	return false;
}

static enum look look_output(struct looker *looker, struct eng_node *node)
{
	struct eng_run_state *run = eng_run_of(node);

	if (looker->flags & PAWL_READ_STRONG && !(node->bits & ENG_STILL)) {
		if (eng_number(node) != ENG_NUMBER_ROOT) {
			eng_queue_number(&looker->op->queue, looker->id, ENG_NUMBER_ROOT, 0);
			return LOOK_LATER;
		}
		if (!is_settled(looker, node))
			return LOOK_WAIT;
	}
	if (run && !eng_is_finished(run)) {
		eng_wait_run(&looker->wait, run, false);
		looker->wait.finished = node->output;
		return LOOK_WAIT;
	}
	if (!node->output && node->bits & ENG_CANCELED) {
		looker->error = -ECANCELED;
		return LOOK_DONE;
	}
	if (PAWL_UNLIKELY(node->bits & ENG_ERROR) && !run &&
	    eng_is_of_moment(node, looker->context->begun)) {
		eng_told_hides(looker->op->graph);
		eng_make_dirty(looker->op, node, false);
	}
	/* Also what is dirty and not scheduled yet: who made it so, or who has it active now, is about to. */
	if (!node->output || (eng_needs_run(node) && !run && !(node->bits & ENG_CANCELED))) {
		return wait_for_new(looker, node, looker->context->priority, false);
	}
	return LOOK_DONE;
}

static void take_output(struct looker *looker, struct eng_node *node)
{
	if (looker->error)
		return;
	looker->output = node->output;
	if (node->bits & ENG_ERROR)
		looker->failure = eng_error_pin((struct pawl_error *)(uintptr_t)looker->output);
}

/* Both are locked. */
static void depend_on_output(struct looker *looker, struct eng_node *node,
			     struct eng_node *reader)
{
	eng_id id = looker->context->id;
	bool added;

	if (!tracks(looker, node->bits & ENG_ERROR) || node->bits & ENG_IMMUTABLE)
		return;
	eng_modify_reader(node, id);
	ENG_MUST(pawl_sset_add(&node->output_dependents, id, &added));
	looker->leaf = eng_leaf_of(node);
	looker->raise = added && eng_leaf_of(reader).distance <= looker->leaf.distance;
	(void)eng_set_add(reader, ENG_OUTPUT_DEPENDENCIES, looker->id);
	(void)eng_set_remove(reader, ENG_OUTDATED_OUTPUTS, looker->id);
}

/* ---- cells --------------------------------------------------------------------------------- */

static bool is_being_replaced(const struct eng_run_state *run, uint32_t cell)
{
	for (const struct eng_replacing *at = run ? run->replacing : NULL; at; at = at->next) {
		if (at->cell == cell)
			return true;
	}
	return false;
}

static enum look look_cell(struct looker *looker, struct eng_node *node)
{
	struct eng_graph *graph = looker->op->graph;
	struct eng_run_state *run = eng_run_of(node);

	if (!is_being_replaced(run, looker->cell) && eng_cell_value(graph, node, looker->cell))
		return LOOK_DONE;
	if (run) {
		eng_wait_run(&looker->wait, run, true);
		return LOOK_WAIT;
	}
	if (node->bits & ENG_CANCELED) {
		looker->error = -ECANCELED;
		return LOOK_DONE;
	}
	if (!eng_cell_exists(graph, node, looker->cell)) {
		looker->error = -ENODATA;
		return LOOK_DONE;
	}
	/* A clean task lost the content: it brings it back, and nobody hears of that. */
	if (PAWL_UNLIKELY(graph->histories)) {
		looker->op->cause = (struct eng_cause){ENG_CAUSE_MISSING, looker->context->id,
						       looker->cell, 0};
		eng_history_missing(looker->op, node);
	}
	return wait_for_new(looker, node, ENG_PRIORITY_INITIAL, true);
}

static void take_cell(struct looker *looker, struct eng_node *node)
{
	struct eng_graph *graph = looker->context->graph;

	if (looker->error)
		return;
	looker->value = eng_cell_value(graph, node, looker->cell);
	/*
	 * Only a value that can be made again may leave. Of what looks outside it could be another one by then, before the
	 * task is told that something has changed: who has read the first one would never hear of it.
	 */
	if (looker->flags & PAWL_READ_FINAL && !eng_run_of(node) &&
	    !(node->bits &
	      (ENG_ONCE | ENG_ROOT | ENG_STATEFUL | ENG_INVALIDATOR | ENG_SESSION)))
		looker->value = eng_cell_put(graph, node, looker->cell, NULL);
	else
		pawl_value_pin(looker->value);
}

static void depend_on_cell(struct looker *looker, struct eng_node *node,
			   struct eng_node *reader)
{
	uint64_t there = (uint64_t)looker->cell << 32 | looker->context->id;
	uint64_t ref = eng_ref(looker->id, looker->cell).pawl_bits;
	union eng_slot *slot;

	if (!tracks(looker, looker->error || looker->failure) || node->bits & ENG_IMMUTABLE)
		return;
	if (!looker->keyed) {
		eng_modify_cell_reader(node, there);
		ENG_MUST(pawl_sset64_add(&node->cell_dependents, there, NULL));
		(void)eng_set64_add(reader, ENG_CELL_DEPENDENCIES, ref);
		(void)eng_set64_remove(reader, ENG_OUTDATED_CELLS, ref);
		return;
	}
	eng_modify_pair(node, ENG_KEYED_DEPENDENTS, (struct eng_pair){there, looker->key_hash});
	slot = eng_field_make(node, ENG_KEYED_DEPENDENTS);
	(void)eng_pairs_add(&slot->pairs, (struct eng_pair){there, looker->key_hash});
	eng_modify_pair(reader, ENG_KEYED_DEPENDENCIES,
			(struct eng_pair){ref, looker->key_hash});
	slot = eng_field(reader, ENG_OUTDATED_KEYED);
	if (slot && eng_pairs_remove(&slot->pairs, (struct eng_pair){ref, looker->key_hash}) &&
	    !slot->pairs)
		eng_field_drop(reader, ENG_OUTDATED_KEYED);
	slot = eng_field_make(reader, ENG_KEYED_DEPENDENCIES);
	(void)eng_pairs_add(&slot->pairs, (struct eng_pair){ref, looker->key_hash});
}

/* Most outputs are cells of their own task: then its value is there for the taking. Locked. */
static void look_onward(struct looker *looker, struct eng_node *node, struct eng_node *reader)
{
	pawl_ref_t ref = {looker->output};

	if (looker->error || looker->failure || eng_ref_task(ref) != looker->id ||
	    !eng_ref_cell(ref))
		return;
	looker->cell = eng_ref_cell(ref);
	if (!is_being_replaced(eng_run_of(node), looker->cell) &&
	    eng_cell_value(looker->context->graph, node, looker->cell)) {
		take_cell(looker, node);
		if (reader)
			depend_on_cell(looker, node, reader);
	}
	looker->cell = 0;
}

/* ---- looking ---------------------------------------------------------------------------------- */

/* The second time of a run depends on nothing. Locked. */
PAWL_NOINLINE static void note_twice(const struct looker *looker, const struct eng_node *node)
{
	struct pawl_context *context = looker->context;
	bool is_error = looker->error || looker->failure;
	uint64_t ref = eng_ref(looker->id, looker->cell).pawl_bits;

	if (looker->flags & PAWL_READ_UNTRACKED && !is_error)
		eng_twice_leave(context);
	if (node->bits & ENG_IMMUTABLE || context->id == looker->id || looker->keyed)
		return;
	if (looker->cell)
		eng_twice_read_cell(context, ref);
	else if (!looker->error)
		eng_twice_read_output(context, looker->id);
}

/* One look, with the locks it takes. */
static enum look look(struct looker *looker)
{
	struct eng_graph *graph = looker->op->graph;
	bool pair = tracks(looker, true);
	struct eng_node *node, *reader = NULL;
	enum look outcome = LOOK_DONE;

	if (pair ? !eng_lock_pair(graph, looker->id, looker->context->id, &node, &reader)
		 : !(node = eng_lock_any(graph, looker->id))) {
		looker->context->stale = looker->id;
		looker->error = -ESTALE;
		return LOOK_DONE;
	}
	eng_use(node);
	outcome = looker->cell ? look_cell(looker, node) : look_output(looker, node);
	/* It may be an error when the run is made again, and a dependency then: such a run is not immutable. */
	if (reader && looker->flags & PAWL_READ_UNTRACKED && !(node->bits & ENG_IMMUTABLE))
		looker->context->run->invalidator = true;
	if (PAWL_UNLIKELY(looker->context->twice != NULL) && outcome == LOOK_DONE)
		looker->flags &= ~PAWL_READ_FINAL;
	if (outcome == LOOK_DONE && looker->cell) {
		take_cell(looker, node);
		if (reader)
			depend_on_cell(looker, node, reader);
	} else if (outcome == LOOK_DONE) {
		take_output(looker, node);
		if (reader && !looker->error)
			depend_on_output(looker, node, reader);
		if (looker->onward && !looker->context->twice)
			look_onward(looker, node, reader);
	}
	if (PAWL_UNLIKELY(looker->context->twice != NULL) && outcome == LOOK_DONE)
		note_twice(looker, node);
	if (pair)
		eng_unlock_pair(node, reader);
	else
		eng_unlock(node);
	return outcome;
}

/* The ring goes through this read: it depends on what it waited for, which will be an error, too. */
static void ring_found(struct looker *looker)
{
	struct eng_graph *graph = looker->context->graph;
	struct eng_quiesce_slot *inside;
	struct eng_node *node, *reader;

	looker->failure = eng_wait_ring(&looker->wait);
	looker->context->ring = true;
	if (looker->context->twice)
		eng_twice_leave(looker->context);
	if (!tracks(looker, true))
		return;
	/* What it waits for may be immutable: then it is another one's calls that make the ring. */
	inside = eng_quiesce_enter(graph->quiesce, graph);
	if (eng_lock_pair(graph, looker->id, looker->context->id, &node, &reader)) {
		looker->context->run->in_ring = true;
		if (looker->cell)
			depend_on_cell(looker, node, reader);
		else
			depend_on_output(looker, node, reader);
		eng_unlock_pair(node, reader);
	}
	eng_quiesce_leave(graph->quiesce, inside);
}

/* One look as an operation. Of its own, so that the stack has no room for one while the reader waits. */
PAWL_NOINLINE static enum look look_once(struct looker *looker)
{
	struct eng_op op;
	enum look outcome;

	eng_op_begin(&op, looker->context->graph, looker->context->priority);
	looker->op = &op;
	outcome = look(looker);
	if (looker->raise)
		eng_leaf_raise(&op, looker->context->id, looker->leaf);
	eng_op_end(&op);
	looker->op = NULL;
	return outcome;
}

/*
 * What there is to see with the one lock: of what is still the output, and the value of its cell; that it is about to run
 * for the first time. Nothing of any record changes, so it is no operation. Returns: LOOK_LATER: a whole look
 * is wanted.
 */
static enum look glance(struct looker *looker)
{
	struct pawl_context *context = looker->context;
	struct eng_node *node = eng_lock_any(context->graph, looker->id);
	enum look outcome = LOOK_LATER;

	if (!node)
		return LOOK_LATER;
	if (!node->output && eng_run_of(node) && !(looker->flags & PAWL_READ_STRONG)) {
		eng_wait_run(&looker->wait, eng_run_of(node), false);
		outcome = LOOK_WAIT;
	} else if ((node->bits & (ENG_STILL | ENG_ERROR)) == ENG_STILL && !eng_run_of(node)) {
		take_output(looker, node);
		if (looker->onward)
			look_onward(looker, node, NULL);
		outcome = LOOK_DONE;
	}
	eng_use(node);
	eng_unlock(node);
	if (outcome == LOOK_DONE && context->run)
		eng_child_is_still(context->run, looker->id);
	return outcome;
}

/* Is it likely that a glance is enough? In first runs most of what is read is new, or still. */
static bool may_glance(const struct looker *looker)
{
	const struct pawl_context *context = looker->context;

	return !looker->cell && !(looker->flags & PAWL_READ_FINAL) && context->run &&
	       !context->run->had_children && !context->twice;
}

/* It is about to wait: for whom, for who finds a ring. */
static void say_reading(const struct looker *looker)
{
	struct pawl_context *context = looker->context;

	/* Release: of a job, which is looked at while it goes on. */
	if (PAWL_UNLIKELY(context->waits_for != NULL))
		pawl_store_release(context->waits_for, looker->id);
	else if (context->run)
		pawl_store_relaxed(&context->run->reading, looker->id);
}

/* Returns: -EDEADLK; 0: there is no ring any more. */
static int ring_check(struct looker *looker, unsigned tries)
{
	struct pawl_context *context = looker->context;

	if (!context->run || tries > RING_TRIES ||
	    eng_ring_of_waits(context, looker->id, looker->wait.run->task))
		return -EDEADLK;
	return pawl_yield();
}

/* Until there is an answer, or an error. */
static void look_until(struct looker *looker)
{
	bool glances = may_glance(looker);
	enum look outcome;
	unsigned tries = 0;

	for (;;) {
		int error = 0;

		outcome = glances ? glance(looker) : LOOK_LATER;
		if (outcome == LOOK_LATER)
			outcome = look_once(looker);
		if (outcome == LOOK_DONE)
			return;
		if (outcome == LOOK_WAIT && looker->flags & ENG_READ_NOW) {
			error = -EAGAIN;
		} else if (outcome == LOOK_WAIT) {
			say_reading(looker);
			error = eng_wait(&looker->wait, looker->context);
		}
		if (error == -EDEADLK)
			error = ring_check(looker, ++tries);
		if (error == -EDEADLK)
			ring_found(looker);
		else if (error)
			looker->error = error;
		else if (PAWL_UNLIKELY(looker->wait.run != NULL) && looker->cell)
			looker->failure = eng_wait_failure(&looker->wait);
		eng_wait_fini(&looker->wait);
		if (error || looker->failure)
			return;
	}
}

static void look_on(struct looker *looker)
{
	look_until(looker);
	if (PAWL_UNLIKELY(looker->error == -ECANCELED))
		(void)eng_refused(looker->context, looker->error);
}

/*
 * A visit reads strongly: what hangs on a ring that it reaches is to be up to date, too. Runs may be in
 * the ring themselves. Returns: 0; -ECANCELED.
 */
PAWL_NOINLINE static int settle_links(struct pawl_context *context, eng_id id)
{
	eng_id callee;

	/* Ends: each turn waits for one that has something to do. */
	while ((callee = eng_link_unsettled(context->graph, id))) {
		struct looker looker = {
			.context = context, .id = callee, .flags = PAWL_READ_STRONG};

		look_on(&looker);
		eng_error_unpin(looker.failure);
		if (looker.error == -ECANCELED)
			return looker.error;
	}
	return 0;
}

/* ---- references ---------------------------------------------------------------------------------- */

/*
 * As eng_resolve(). With ret_value, which is NULL before, perhaps the value of the cell as well: one look for
 * both.
 */
static int resolve(struct pawl_context *context, pawl_ref_t ref, uint32_t flags,
		   pawl_ref_t *ret_cell, struct pawl_value **ret_value,
		   const struct pawl_error **ret_error)
{
	pawl_ref_t met = PAWL_REF_NONE;
	uint32_t hops = 0, turns = 0;

	if (PAWL_UNLIKELY(eng_ref_is_local(ref))) {
		int error = eng_local_link(context, ref, flags, &ref, ret_error);

		if (error)
			return error;
	}
	/* Ends: each output was made after the one it leads to. Where they lead round, one is met again. */
	while (!eng_ref_cell(ref)) {
		struct looker looker = {.context = context,
					.id = eng_ref_task(ref),
					.flags = flags,
					.onward = ret_value};

		look_on(&looker);
		if (looker.failure)
			return eng_context_error(context, looker.failure, ret_error);
		if (looker.error)
			return looker.error;
		ref.pawl_bits = looker.output;
		if (ret_value)
			*ret_value = looker.value;
		if (PAWL_UNLIKELY(ref.pawl_bits == met.pawl_bits))
			return eng_context_error(context, eng_outputs_ring(), ret_error);
		if (++hops == 1u << turns) {
			met = ref;
			turns++;
			hops = 0;
		}
		/* All that it leads to is part of what was waited for. */
		flags &= ~PAWL_READ_STRONG;
	}
	*ret_cell = ref;
	return 0;
}

int eng_resolve(struct pawl_context *context, pawl_ref_t ref, uint32_t flags,
		pawl_ref_t *ret_cell, const struct pawl_error **ret_error)
{
	return resolve(context, ref, flags, ret_cell, NULL, ret_error);
}

/* The cell that a reference names is gone; the same text as long as that is so. */
PAWL_NOINLINE static struct pawl_error *cell_gone(struct eng_graph *graph, eng_id id,
						  uint32_t cell)
{
	struct eng_node *node = eng_lock_any(graph, id);
	const char *name = node ? eng_node_name(graph, node) : "a task";

	if (node)
		eng_unlock(node);
	return eng_error_printf(0, NULL, NULL,
				"cell %u of type %s of %s#%s%u is not made any more",
				eng_cell_index(cell),
				eng_type_name(graph->registry, eng_cell_type(cell)), name,
				eng_is_transient(id) ? "t" : "", id & ~ENG_TRANSIENT);
}

static int read_cell(struct pawl_context *context, pawl_ref_t ref, uint32_t flags, bool keyed,
		     uint64_t key_hash, struct pawl_value **ret_value,
		     const struct pawl_error **ret_error)
{
	struct looker looker = {.context = context,
				.id = eng_ref_task(ref),
				.cell = eng_ref_cell(ref),
				.flags = flags,
				.keyed = keyed,
				.key_hash = key_hash};

	*ret_value = NULL;
	if (ref.pawl_bits == ENG_NOTHING)
		return 0;
	look_on(&looker);
	if (looker.failure)
		return eng_context_error(context, looker.failure, ret_error);
	if (looker.error == -ENODATA)
		return eng_context_error(
			context, cell_gone(context->graph, looker.id, looker.cell), ret_error);
	*ret_value = looker.value;
	return looker.error;
}

int eng_moment_begin(struct pawl_context *context, pawl_ref_t ref, uint64_t *ret_edit)
{
	int error = eng_edit_wait(context, ret_edit);

	if (error || context->run || eng_ref_cell(ref))
		return error;
	return settle_links(context, eng_ref_task(ref));
}

bool eng_is_same_moment(struct pawl_context *context, pawl_ref_t ref, uint64_t edit)
{
	struct eng_graph *graph = context->graph;
	struct eng_run_state *run;
	struct eng_node *node;
	bool same;

	/* O1. Relaxed: what was restored stands in records, as what an edit does. */
	if (eng_moment(graph) != edit || pawl_load_relaxed(&graph->lost))
		return false;
	if (eng_ref_cell(ref))
		return true;
	/* First: what hangs on it is dirty before the other end of its link is clean. */
	if (!context->run && eng_link_unsettled(graph, eng_ref_task(ref)))
		return false;
	node = eng_lock_any(graph, eng_ref_task(ref));
	if (!node)
		return false;
	run = eng_run_of(node);
	same = (!run || eng_is_finished(run)) &&
	       (!eng_needs_run(node) || node->bits & ENG_FINISHED) &&
	       !eng_has_dirty_containers(node);
	eng_unlock(node);
	return same;
}

static int read_ref(struct pawl_context *context, pawl_ref_t ref, uint32_t flags, bool keyed,
		    uint64_t key_hash, struct pawl_value **ret_value,
		    const struct pawl_error **ret_error)
{
	bool strong = flags & PAWL_READ_STRONG;
	eng_id stale = 0;

	if (!ref.pawl_bits)
		return -ESTALE;
	if (PAWL_UNLIKELY(eng_ref_is_local(ref))) {
		int error = eng_local_link(context, ref, flags, &ref, ret_error);

		if (error)
			return error;
	}
	if (!context->run)
		eng_moments_retry(context,
				  strong && !eng_ref_cell(ref) ? eng_ref_task(ref) : 0);
	for (;;) {
		uint64_t edit = 0;
		pawl_ref_t cell;
		int error = strong ? eng_moment_begin(context, ref, &edit) : 0;

		if (error)
			return error;
		context->ring = false;
		*ret_value = NULL;
		error = resolve(context, ref, flags, &cell, keyed ? NULL : ret_value,
				ret_error);
		if (!error && !*ret_value)
			error = read_cell(context, cell, flags & ~PAWL_READ_STRONG, keyed,
					  key_hash, ret_value, ret_error);
		/* What it led to is gone, so it leads elsewhere by now. */
		if (PAWL_UNLIKELY(error == -ESTALE) && context->stale != eng_ref_task(ref) &&
		    context->stale != stale) {
			stale = context->stale;
			continue;
		}
		/* What waits for its reader does not become clean before the reader has failed. */
		if (!strong || error == -ECANCELED || error == -ESTALE || context->ring ||
		    eng_is_same_moment(context, ref, edit))
			return error;
		if (!error)
			pawl_value_unpin(*ret_value);
	}
}

int pawl_read(struct pawl_context *context, pawl_ref_t ref, uint32_t flags,
	      struct pawl_value **ret_value, const struct pawl_error **ret_error)
{
	return read_ref(context, ref, flags, false, 0, ret_value, ret_error);
}

int pawl_read_key(struct pawl_context *context, pawl_ref_t ref, uint64_t key_hash,
		  struct pawl_value **ret_value, const struct pawl_error **ret_error)
{
	return read_ref(context, ref, 0, true, key_hash, ret_value, ret_error);
}

int pawl_resolve(struct pawl_context *context, pawl_ref_t ref, uint32_t flags,
		 pawl_ref_t *ret_cell, const struct pawl_error **ret_error)
{
	if (!ref.pawl_bits)
		return -ESTALE;
	if (!context->run)
		eng_moments_retry(context, 0);
	return eng_resolve(context, ref, flags, ret_cell, ret_error);
}
