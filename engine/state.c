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
#include <stdio.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/observe.h>
#include <pawl/park.h>
#include <pawl/sset.h>
#include <pawl/state.h>

#include "engine.h"
#include "graph/context.h"
#include "graph/registry.h"
#include "graph/wait.h"
#include "runtime/worker.h"

/* So many readers, and then twice as many as were left, are looked through for tasks that are gone. */
#ifdef PAWL_MC
#define PRUNE_FIRST 4u /* its programs are small */
#else
#define PRUNE_FIRST 1024u
#endif

/* Invalidators that are handed on together. */
#define AT_ONCE_MOST (1u << 20)

struct pawl_state {
	struct pawl_atomic_u32 owners;
	struct pawl_lock lock;
	struct eng_graph *graph;
	/* Under the lock. */
	struct pawl_value *value;
	struct pawl_sset readers;
	uint32_t prune_at; /* so many of these are looked through */
};

/* The number of its type; 0: it is none of the engine's. */
static uint32_t type_of(const struct eng_graph *graph, const struct pawl_value *value)
{
	return eng_type_number(graph->registry, pawl_value_type_of(value));
}

int pawl_state_create(struct pawl_engine *engine, struct pawl_value *value,
		      struct pawl_state **ret_state)
{
	struct eng_graph *graph = engine->graph;
	struct pawl_state *state;

	if (!type_of(graph, value))
		return -EINVAL;
	state = pawl_mem_zalloc(sizeof(*state), 0);
	if (!state)
		return -ENOMEM;
	pawl_init_word(&state->owners, 1u);
	pawl_lock_init(&state->lock, ENG_RANK_STATE);
	state->graph = graph;
	state->value = value;
	state->prune_at = PRUNE_FIRST;
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

/* Who is gone is told of nothing. Locked. */
static void prune(struct pawl_state *state)
{
	struct pawl_sset there = {0};
	uint32_t cursor = 0, id;
	int error = 0;

	while (!error && pawl_sset_next(&state->readers, &cursor, &id)) {
		struct pawl_slots *table = state->graph->tables[eng_is_transient(id)];

		/* Who has left memory, or is on its way back, is there. */
		if (pawl_slots_state(table, id & ~ENG_TRANSIENT) != PAWL_SLOT_EMPTY)
			error = pawl_sset_add(&there, id, NULL);
	}
	if (error) {
		pawl_sset_fini(&there);
		return;
	}
	pawl_sset_fini(&state->readers);
	state->readers = there;
	state->prune_at = 2 * pawl_sset_count(&there);
	if (state->prune_at < PRUNE_FIRST)
		state->prune_at = PRUNE_FIRST;
}

static int reader_add(struct pawl_state *state, eng_id id)
{
	bool added = false;
	int error = pawl_sset_add(&state->readers, id, &added);
	uint32_t n = pawl_sset_count(&state->readers);

	if (PAWL_UNLIKELY(added && n >= state->prune_at && state->graph->collects))
		prune(state);
	return error;
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
		error = reader_add(state, context->id);
	if (!error)
		*ret_value = pawl_value_pin(state->value);
	pawl_lock_unlock(&state->lock);
	return error;
}

/* ---- edits ------------------------------------------------------------------------------- */

/* A copy, of which all that was added to an edit after it knows. */
struct because {
	struct because *next;
	struct pawl_reason reason;
	char subject[ENG_REASON_SUBJECT];
};

struct change {
	struct pawl_state *state; /* NULL: a task */
	struct pawl_value *value;
	eng_id task;
	const struct pawl_reason *reason; /* NULL: none */
};

struct pawl_edit {
	struct eng_graph *graph;
	struct change *changes;
	size_t n, capacity;
	struct because *becauses; /* the last one first */
	const struct pawl_reason *reason;
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

	if (state->graph != edit->graph || !type_of(edit->graph, value))
		return -EINVAL;
	error = change_add(edit,
			   (struct change){pawl_state_pin(state), value, 0, edit->reason});
	if (error)
		pawl_state_unpin(state);
	return error;
}

int pawl_edit_invalidate(struct pawl_edit *edit, const struct pawl_invalidator *invalidator)
{
	if (invalidator->pawl_graph != edit->graph)
		return -EINVAL;
	return change_add(edit,
			  (struct change){NULL, NULL, invalidator->pawl_task, edit->reason});
}

int pawl_edit_because(struct pawl_edit *edit, const struct pawl_reason *reason)
{
	struct because *because;
	int error;

	if (!reason) {
		edit->reason = NULL;
		return 0;
	}
	error = eng_reason_check(reason);
	if (error)
		return error;
	because = pawl_mem_zalloc(sizeof(*because), 0);
	if (!because)
		return -ENOMEM;
	(void)snprintf(because->subject, sizeof(because->subject), "%s",
		       reason->subject ? reason->subject : "");
	because->reason = (struct pawl_reason){reason->kind, because->subject};
	because->next = edit->becauses;
	edit->becauses = because;
	edit->reason = &because->reason;
	return 0;
}

/*
 * The state gets the value, unless it has an equal one. Returns: it did. *value: what is to be unpinned.
 * ret_readers: who has to run again.
 */
static bool apply(struct pawl_state *state, struct pawl_value **value,
		  struct pawl_sset *ret_readers)
{
	struct pawl_value *seen = NULL, *before;
	struct eng_run *run;
	bool same = false;

	pawl_sset_init(ret_readers);
	/* Ends: another turn means that somebody else has set it, and an edit is alone. */
	for (;;) {
		pawl_lock_lock(&state->lock);
		before = state->value;
		if (before == seen && !same) {
			state->value = *value;
			*ret_readers = state->readers;
			pawl_sset_init(&state->readers);
			pawl_lock_unlock(&state->lock);
			pawl_value_unpin(seen);
			*value = before;
			return true;
		}
		if (before == seen) {
			pawl_lock_unlock(&state->lock);
			pawl_value_unpin(seen);
			return false;
		}
		pawl_value_pin(before);
		pawl_lock_unlock(&state->lock);
		pawl_value_unpin(seen);
		seen = before;
		/* In no body: nothing in here is left by pawl_exit(). */
		run = eng_run_hide();
		same = pawl_value_type_of(seen)->mode != PAWL_CELL_NEW &&
		       pawl_value_equal(seen, *value);
		eng_run_show(run);
	}
}

static void readers_dirty(struct eng_op *op, struct pawl_sset *readers)
{
	struct eng_list all = eng_list_of_set(&op->queue, readers);

	eng_invalidate(op, all.ids, all.n);
	pawl_sset_fini(readers);
}

/* Who changes something (graph/storm.h). */
struct who {
	bool inside;
	eng_id by;
};

/* One of them. It is told of what is to happen because of it, if that is anything. */
static void change_make(struct eng_op *op, struct change *change, const struct who *who)
{
	struct pawl_engine *engine = eng_engine_of(op->graph);
	uint32_t type = change->state && (op->graph->histories || who->inside)
				? type_of(op->graph, change->value)
				: 0;
	struct pawl_sset readers;
	uint64_t number = 0;

	if (change->state && !apply(change->state, &change->value, &readers))
		return;
	eng_storm_change(op->graph, who->inside);
	if (change->reason)
		number = eng_stretch_because(&engine->stretch, change->reason);
	if (change->state) {
		op->cause = (struct eng_cause){ENG_CAUSE_STATE, type, number, who->by};
		readers_dirty(op, &readers);
		return;
	}
	op->cause = (struct eng_cause){ENG_CAUSE_INVALIDATED, change->task, number, who->by};
	eng_invalidate(op, &change->task, 1);
}

/* All that belongs together: a list, or tasks alone, for one reason. */
struct changes {
	struct change *list;
	size_t n;
	const struct pawl_invalidator *invalidators;
	size_t invalidators_n;
	const struct pawl_reason *reason;
	/* Not NULL: if this is the value of the first one's state. */
	const struct pawl_value *expected;
};

static bool is_expected(const struct changes *changes)
{
	struct pawl_state *state = changes->list ? changes->list[0].state : NULL;
	bool is = true;

	if (changes->expected) {
		pawl_lock_lock(&state->lock);
		is = state->value == changes->expected;
		pawl_lock_unlock(&state->lock);
	}
	return is;
}

static void invalidate_many(struct eng_op *op, const struct changes *changes,
			    const struct who *who)
{
	const struct pawl_invalidator *from = changes->invalidators;
	uint64_t number = 0;

	if (!changes->invalidators_n)
		return;
	eng_storm_change(op->graph, who->inside);
	if (changes->reason)
		number = eng_stretch_because(&eng_engine_of(op->graph)->stretch,
					     changes->reason);
	op->cause = (struct eng_cause){ENG_CAUSE_INVALIDATED, 0, number, who->by};
	for (size_t left = changes->invalidators_n; left;) {
		struct eng_list ids = eng_list_make(
			&op->queue, left < AT_ONCE_MOST ? (uint32_t)left : AT_ONCE_MOST);

		for (uint32_t i = 0; i < ids.n; i++)
			ids.ids[i] = from[i].pawl_task;
		eng_invalidate(op, ids.ids, ids.n);
		from += ids.n;
		left -= ids.n;
	}
}

/* Returns: false: it is not as expected, and nothing was done. */
static bool changes_make(struct eng_graph *graph, const struct changes *changes)
{
	struct who who;
	struct eng_op op;

	who.inside = eng_change_by(graph, &who.by);
	eng_edit_enter(graph);
	/* Nobody else replaces it while this edit is being applied. */
	if (!is_expected(changes)) {
		eng_edit_leave(graph);
		return false;
	}
	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	for (size_t i = 0; i < changes->n; i++)
		change_make(&op, &changes->list[i], &who);
	invalidate_many(&op, changes, &who);
	if (!who.inside)
		eng_storm_clear(&op);
	eng_op_end(&op);
	eng_edit_leave(graph);
	if (PAWL_UNLIKELY(graph->checks != NULL))
		eng_checks_tell(graph);
	/* The old values, outside of everything. */
	for (size_t i = 0; i < changes->n; i++)
		pawl_value_unpin(changes->list[i].value);
	return true;
}

static void edit_free(struct pawl_edit *edit)
{
	while (edit->becauses) {
		struct because *because = edit->becauses;

		edit->becauses = because->next;
		pawl_mem_free(because, sizeof(*because), 0);
	}
	for (size_t i = 0; i < edit->n; i++)
		pawl_state_unpin(edit->changes[i].state);
	pawl_mem_free(edit->changes, edit->capacity * sizeof(*edit->changes), 0);
	pawl_mem_free(edit, sizeof(*edit), 0);
}

void pawl_edit_commit(struct pawl_edit *edit)
{
	const struct changes changes = {.list = edit->changes, .n = edit->n};

	(void)changes_make(edit->graph, &changes);
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
	struct change change = {state, value, 0, NULL};
	const struct changes changes = {.list = &change, .n = 1};

	if (!type_of(state->graph, value))
		return -EINVAL;
	(void)changes_make(state->graph, &changes);
	return 0;
}

int pawl_state_update(struct pawl_state *state, pawl_state_update_fn *fn, void *arg)
{
	/* Ends: another turn means that somebody else has replaced it. */
	for (;;) {
		struct change change = {.state = state};
		struct changes changes = {.list = &change, .n = 1};
		struct pawl_value *before;
		bool done;
		int error;

		pawl_lock_lock(&state->lock);
		before = pawl_value_pin(state->value);
		pawl_lock_unlock(&state->lock);
		error = fn(arg, before, &change.value);
		if (!error && !type_of(state->graph, change.value)) {
			pawl_value_unpin(change.value);
			error = -EINVAL;
		}
		changes.expected = before;
		done = error || changes_make(state->graph, &changes);
		pawl_value_unpin(before);
		if (done)
			return error;
		pawl_value_unpin(change.value);
	}
}

static void invalidate(const struct pawl_invalidator *invalidators, size_t n,
		       const struct pawl_reason *reason)
{
	const struct changes changes = {
		.invalidators = invalidators, .invalidators_n = n, .reason = reason};

	if (n)
		(void)changes_make(invalidators[0].pawl_graph, &changes);
}

void pawl_invalidate(const struct pawl_invalidator *invalidators, size_t n)
{
	invalidate(invalidators, n, NULL);
}

int pawl_invalidate_because(const struct pawl_invalidator *invalidators, size_t n,
			    const struct pawl_reason *reason)
{
	int error = eng_reason_check(reason);

	if (!error)
		invalidate(invalidators, n, reason);
	return error;
}
