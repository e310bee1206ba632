/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state.c - states and edits.
 *
 * A state has a value and the set of tasks that have read it since it last changed. A change takes the set and
 * makes its tasks dirty: who reads later reads the new value. A task registers before it takes the value, under
 * the same lock, so none is missed.
 *
 * Values are compared outside of the lock: against the one that was there at that time, and if that is no
 * longer there, again.
 *
 * An edit makes graph->edit odd, does all it has to do, and makes it even again (graph/read.c says
 * what strong reads do with that). So there is one at a time. It is no lock, since an operation in it may
 * suspend itself; and it is begun before the operation, since one that is inside must not wait for one that is suspended.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/park.h>
#include <pawl/sset.h>
#include <pawl/state.h>

#include "engine.h"
#include "graph/context.h"
#include "graph/registry.h"

struct pawl_state {
	struct pawl_atomic_u32 owners;
	struct pawl_lock lock;
	struct eng_graph *graph;
	/* Under the lock. */
	struct pawl_value *value;
	struct pawl_sset readers;
};

static bool is_known(const struct eng_graph *graph, const struct pawl_value *value)
{
	return eng_type_number(graph->registry, pawl_value_type_of(value));
}

int pawl_state_create(struct pawl_engine *engine, struct pawl_value *value,
		      struct pawl_state **ret_state)
{
	struct eng_graph *graph = engine->graph;
	struct pawl_state *state;

	if (!is_known(graph, value))
		return -EINVAL;
	state = pawl_mem_zalloc(sizeof(*state), 0);
	if (!state)
		return -ENOMEM;
	pawl_init_word(&state->owners, 1u);
	pawl_lock_init(&state->lock, ENG_RANK_STATE);
	state->graph = graph;
	state->value = value;
	*ret_state = state;
	return 0;
}

struct pawl_state *pawl_state_pin(struct pawl_state *state)
{
	pawl_add_relaxed(&state->owners, 1u);
	return state;
}

void pawl_state_unpin(struct pawl_state *state)
{
	if (!state || pawl_sub_acq_rel(&state->owners, 1u) != 1)
		return;
	pawl_value_unpin(state->value);
	pawl_sset_fini(&state->readers);
	pawl_mem_free(state, sizeof(*state), 0);
}

int pawl_state_get(struct pawl_context *context, struct pawl_state *state,
		   struct pawl_value **ret_value)
{
	struct pawl_invalidator invalidator;
	int error = 0;

	/* First: the run is one that may be invalidated at any time. */
	if (context && context->run)
		error = pawl_context_invalidator(context, &invalidator);
	if (error)
		return error;
	pawl_lock_lock(&state->lock);
	if (context && context->run)
		error = pawl_sset_add(&state->readers, context->id, NULL);
	if (!error)
		*ret_value = pawl_value_pin(state->value);
	pawl_lock_unlock(&state->lock);
	return error;
}

/* ---- edits ------------------------------------------------------------------------------- */

struct change {
	struct pawl_state *state; /* NULL: a task */
	struct pawl_value *value;
	eng_id task;
};

struct pawl_edit {
	struct eng_graph *graph;
	struct change *changes;
	size_t n, capacity;
};

int pawl_edit_begin(struct pawl_engine *engine, struct pawl_edit **ret_edit)
{
	struct pawl_edit *edit = pawl_mem_zalloc(sizeof(*edit), 0);

	if (!edit)
		return -ENOMEM;
	edit->graph = engine->graph;
	*ret_edit = edit;
	return 0;
}

static int change_add(struct pawl_edit *edit, struct change change)
{
	if (edit->n == edit->capacity) {
		size_t capacity = edit->capacity ? edit->capacity * 2 : 8;
		struct change *more = pawl_mem_alloc(capacity * sizeof(*more), 0);

		if (!more)
			return -ENOMEM;
		for (size_t i = 0; i < edit->n; i++)
			more[i] = edit->changes[i];
		pawl_mem_free(edit->changes, edit->capacity * sizeof(*more), 0);
		edit->changes = more;
		edit->capacity = capacity;
	}
	edit->changes[edit->n++] = change;
	return 0;
}

int pawl_edit_set(struct pawl_edit *edit, struct pawl_state *state, struct pawl_value *value)
{
	int error;

	if (state->graph != edit->graph || !is_known(edit->graph, value))
		return -EINVAL;
	error = change_add(edit, (struct change){pawl_state_pin(state), value, 0});
	if (error)
		pawl_state_unpin(state);
	return error;
}

int pawl_edit_invalidate(struct pawl_edit *edit, const struct pawl_invalidator *invalidator)
{
	if (invalidator->pawl_graph != edit->graph)
		return -EINVAL;
	return change_add(edit, (struct change){NULL, NULL, invalidator->pawl_task});
}

/*
 * The state gets the value, unless it has an equal one. Returns: what is to be unpinned. ret_readers: who has to
 * run again.
 */
static struct pawl_value *apply(struct pawl_state *state, struct pawl_value *value,
				struct pawl_sset *ret_readers)
{
	struct pawl_value *seen = NULL, *before;
	bool same = false;

	pawl_sset_init(ret_readers);
	/* Ends: another turn means that somebody else has set it, and an edit is alone. */
	for (;;) {
		pawl_lock_lock(&state->lock);
		before = state->value;
		if (before == seen && !same) {
			state->value = value;
			*ret_readers = state->readers;
			pawl_sset_init(&state->readers);
			pawl_lock_unlock(&state->lock);
			pawl_value_unpin(seen);
			return before;
		}
		if (before == seen) {
			pawl_lock_unlock(&state->lock);
			pawl_value_unpin(seen);
			return value;
		}
		pawl_value_pin(before);
		pawl_lock_unlock(&state->lock);
		pawl_value_unpin(seen);
		seen = before;
		same = pawl_value_type_of(seen)->mode != PAWL_CELL_NEW &&
		       pawl_value_equal(seen, value);
	}
}

static void readers_dirty(struct eng_op *op, struct pawl_sset *readers)
{
	uint32_t cursor = 0, id;

	while (pawl_sset_next(readers, &cursor, &id))
		eng_invalidate(op, &id, 1);
	pawl_sset_fini(readers);
}

/* Makes graph->edit odd. Sleeps as the thread: who has it never switches. */
static void edit_enter(struct eng_graph *graph)
{
	uint64_t edit = pawl_load_relaxed(&graph->edit) & ~(uint64_t)1;
	struct pawl_waiter *before;

	/* Relaxed: the locks of what an edit touches order it (read.c, O1). */
	if (pawl_cas_relaxed(&graph->edit, &edit, edit + 1))
		return;
	before = pawl_waiter_set(NULL);
	do {
		struct pawl_listener listener;

		pawl_event_listen(&graph->edited, &listener, "another edit", 0);
		edit = pawl_load_relaxed(&graph->edit);
		if (edit & 1)
			pawl_event_wait(&listener);
		else
			pawl_event_unlisten(&listener);
		edit &= ~(uint64_t)1;
	} while (!pawl_cas_relaxed(&graph->edit, &edit, edit + 1));
	(void)pawl_waiter_set(before);
}

static void edit_leave(struct eng_graph *graph)
{
	/* Relaxed: as above. */
	pawl_add_relaxed(&graph->edit, 1u);
	pawl_event_notify_all(&graph->edited);
}

/* All that belongs together. */
static void changes_make(struct eng_graph *graph, struct change *changes, size_t n)
{
	struct eng_op op;

	edit_enter(graph);
	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	for (size_t i = 0; i < n; i++) {
		struct pawl_sset readers;

		if (!changes[i].state) {
			eng_invalidate(&op, &changes[i].task, 1);
			continue;
		}
		changes[i].value = apply(changes[i].state, changes[i].value, &readers);
		readers_dirty(&op, &readers);
	}
	eng_op_end(&op);
	edit_leave(graph);
	/* The old values, outside of everything. */
	for (size_t i = 0; i < n; i++)
		pawl_value_unpin(changes[i].value);
}

static void edit_free(struct pawl_edit *edit)
{
	for (size_t i = 0; i < edit->n; i++)
		pawl_state_unpin(edit->changes[i].state);
	pawl_mem_free(edit->changes, edit->capacity * sizeof(*edit->changes), 0);
	pawl_mem_free(edit, sizeof(*edit), 0);
}

void pawl_edit_commit(struct pawl_edit *edit)
{
	changes_make(edit->graph, edit->changes, edit->n);
	edit_free(edit);
}

void pawl_edit_abort(struct pawl_edit *edit)
{
	if (!edit)
		return;
	for (size_t i = 0; i < edit->n; i++)
		pawl_value_unpin(edit->changes[i].value);
	edit_free(edit);
}

int pawl_state_set(struct pawl_state *state, struct pawl_value *value)
{
	struct change change = {state, value, 0};

	if (!is_known(state->graph, value))
		return -EINVAL;
	changes_make(state->graph, &change, 1);
	return 0;
}

void pawl_invalidate(const struct pawl_invalidator *invalidators, size_t n)
{
	struct eng_graph *graph;
	struct eng_op op;

	if (!n)
		return;
	graph = invalidators[0].pawl_graph;
	edit_enter(graph);
	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	for (size_t i = 0; i < n; i++) {
		eng_id id = invalidators[i].pawl_task;

		eng_invalidate(&op, &id, 1);
	}
	eng_op_end(&op);
	edit_leave(graph);
}
