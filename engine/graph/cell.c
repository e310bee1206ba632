/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cell.c - a running task writes a cell.
 *
 * Whether the value differs is decided first, outside of all locks: the user's comparison may be slow. Only
 * the owner writes its cells, so what was compared is what is there.
 *
 * A changed value is stored after its readers were made dirty, and cannot be read in between: a reader that
 * is clean and runs only to bring back a cell of its own would take it for what was there before, and would not tell
 * its own readers.
 *
 * A task that is clean runs to bring back what was lost: what it writes is taken for unchanged.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>

#include "../runtime/worker.h"
#include "backing.h"
#include "cells.h"
#include "context.h"
#include "intake.h"
#include "local.h"
#include "pairs.h"
#include "registry.h"
#include "twice.h"

/* A write, and what of it is not the same as before. */
struct write {
	struct pawl_context *context;
	struct eng_op *op;
	uint32_t cell;
	const struct pawl_value_type *type;
	struct pawl_value *value;
	struct pawl_value *before; /* pinned; NULL: there is none now */
	struct pawl_digest digest;
	bool same;
	/* KEYED, with something before: hashes of keys that differ. */
	bool by_key;
	struct eng_pairs *keys;
};

static struct pawl_digest digest_of(const struct pawl_value *value)
{
	const struct pawl_value_type *type = pawl_value_type_of(value);

	if (type->digest)
		return type->digest(pawl_value_payload(value), pawl_value_bytes(value));
	return pawl_digest_bytes(pawl_value_payload(value), pawl_value_bytes(value));
}

static void key_changed(void *arg, uint64_t key_hash)
{
	struct write *write = arg;

	(void)eng_pairs_add(&write->keys, (struct eng_pair){1, key_hash});
}

/* A function of the type does not return: the body is unwound, and nothing is stored. */
static void compare_left(void *arg)
{
	struct write *write = arg;

	pawl_value_unpin(write->before);
	pawl_value_unpin(write->value);
	eng_pairs_free(&write->keys);
}

/* Without a lock. */
static void compare(struct write *write, bool had_digest, struct pawl_digest digest)
{
	struct pawl_value *before = write->before;

	if (before == write->value) {
		write->same = true;
		return;
	}
	switch (write->type->mode) {
	case PAWL_CELL_NEW:
		break;
	case PAWL_CELL_HASHED:
		write->digest = digest_of(write->value);
		write->same = had_digest && pawl_digest_equal(digest, write->digest);
		break;
	default:
		write->same = before && pawl_value_equal(before, write->value);
		break;
	}
	if (write->type->mode == PAWL_CELL_KEYED && before && !write->same) {
		write->by_key = true;
		write->type->changed_keys(pawl_value_payload(before), pawl_value_bytes(before),
					  pawl_value_payload(write->value),
					  pawl_value_bytes(write->value), key_changed, write);
	}
}

/* ---- readers ----------------------------------------------------------------------------- */

/* Has the reader come to this cell in its present run? */
enum reading { READING_NOT, READING_BEFORE, READING_NOW };

static enum reading reading_of(const struct eng_node *reader, uint64_t ref, bool keyed,
			       uint64_t key)
{
	union eng_slot *slot;

	if (!keyed) {
		if (eng_set64_has(reader, ENG_CELL_DEPENDENCIES, ref))
			return READING_NOW;
		return eng_set64_has(reader, ENG_OUTDATED_CELLS, ref) ? READING_BEFORE
								      : READING_NOT;
	}
	slot = eng_field(reader, ENG_KEYED_DEPENDENCIES);
	if (slot && eng_pairs_has(slot->pairs, (struct eng_pair){ref, key}))
		return READING_NOW;
	slot = eng_field(reader, ENG_OUTDATED_KEYED);
	return slot && eng_pairs_has(slot->pairs, (struct eng_pair){ref, key}) ? READING_BEFORE
									       : READING_NOT;
}

static void dirty_reader(struct write *write, struct eng_op *op, eng_id id, bool keyed,
			 uint64_t key)
{
	uint64_t ref = eng_ref(write->context->id, write->cell).pawl_bits;
	struct eng_node *reader = eng_lock_any(write->context->graph, id);
	enum reading reading;

	if (!reader)
		return;
	reading = reading_of(reader, ref, keyed, key);
	op->cause = (struct eng_cause){keyed ? ENG_CAUSE_KEY : ENG_CAUSE_CELL,
				       write->context->id, keyed ? key : write->cell, 0};
	if (reading != READING_NOT)
		eng_make_dirty(op, reader, reading == READING_NOW);
	eng_unlock(reader);
}

struct readers {
	struct write *write;
	struct eng_list whole;	/* of all of it */
	struct eng_pair *parts; /* reader, key */
	uint32_t parts_n;
};

/* Copies: who comes later has not read what was there before, since it cannot be read any more. */
static void readers_of(struct write *write, const struct eng_node *node,
		       struct readers *readers)
{
	struct eng_queue *queue = &write->op->queue;
	union eng_slot *slot = eng_field(node, ENG_KEYED_DEPENDENTS);
	uint32_t cursor = 0, n = 0;
	struct eng_pair pair;
	uint64_t key;

	readers->whole = eng_list_make(queue, pawl_sset64_count(&node->cell_dependents));
	while (pawl_sset64_next(&node->cell_dependents, &cursor, &key)) {
		if (key >> 32 == write->cell)
			readers->whole.ids[n++] = (uint32_t)key;
	}
	readers->whole.n = n;
	if (!slot)
		return;
	readers->parts =
		eng_queue_alloc(queue, eng_pairs_count(slot->pairs) * sizeof(*readers->parts));
	cursor = 0;
	while (eng_pairs_next(slot->pairs, &cursor, &pair)) {
		if (pair.a >> 32 != write->cell ||
		    (write->by_key &&
		     !eng_pairs_has(write->keys, (struct eng_pair){1, pair.b})))
			continue;
		readers->parts[readers->parts_n++] =
			(struct eng_pair){(uint32_t)pair.a, pair.b};
	}
}

static void dirty_whole(struct eng_op *op, void *arg, uint32_t from, uint32_t to)
{
	struct readers *readers = arg;

	for (uint32_t i = from; i < to; i++) {
		eng_restore_ahead(op->graph, readers->whole.ids, i, from, to);
		dirty_reader(readers->write, op, readers->whole.ids[i], false, 0);
	}
}

static void dirty_parts(struct eng_op *op, void *arg, uint32_t from, uint32_t to)
{
	struct readers *readers = arg;
	struct eng_many many;

	eng_many_begin(&many, op->graph);
	for (uint32_t i = from; i < to; i++)
		eng_many_add(&many, (eng_id)readers->parts[i].a);
	eng_many_end(&many);
	for (uint32_t i = from; i < to; i++)
		dirty_reader(readers->write, op, (eng_id)readers->parts[i].a, true,
			     readers->parts[i].b);
}

/* ---- storing -------------------------------------------------------------------------------- */

/* Locked. Returns: what is not needed any more. */
static struct pawl_value *store(struct write *write, struct eng_node *node)
{
	struct eng_run_state *run = write->context->run;
	struct pawl_value *gone =
		eng_cell_put(write->context->graph, node, write->cell, write->value);

	if (write->type->mode == PAWL_CELL_HASHED)
		eng_cell_set_digest(write->context->graph, node, write->cell, write->digest);
	/* Relaxed: waiters look again under the lock. */
	pawl_store_relaxed(&run->writes, pawl_load_relaxed(&run->writes) + 1);
	return gone;
}

/* Locked. */
static void replaced(struct eng_run_state *run, const struct eng_replacing *replacing)
{
	struct eng_replacing **at = &run->replacing;

	while (*at != replacing)
		at = &(*at)->next;
	*at = replacing->next;
}

/* Returns: the run is over, and nothing is stored. */
static bool write_changed(struct write *write)
{
	struct pawl_context *context = write->context;
	struct eng_node *node = eng_run_lock(context->run);
	struct readers readers = {write, {NULL, NULL, 0}, NULL, 0};
	struct eng_replacing replacing;
	struct pawl_value *gone;

	if (eng_run_of(node) != context->run) {
		eng_unlock(node);
		return true;
	}
	if (eng_needs_run(node) && context->graph->track_dependencies)
		readers_of(write, node, &readers);
	if (readers.whole.n || readers.parts_n) {
		replacing.cell = write->cell;
		replacing.next = context->run->replacing;
		context->run->replacing = &replacing;
		eng_unlock(node);
		eng_restore_sort(context->graph, readers.whole.ids, readers.whole.n);
		eng_spread(write->op, readers.whole.n, dirty_whole, &readers);
		eng_spread(write->op, readers.parts_n, dirty_parts, &readers);
		node = eng_run_lock(context->run);
		replaced(context->run, &replacing);
	}
	gone = store(write, node);
	eng_unlock(node);
	pawl_event_notify_all(&context->run->changed);
	pawl_value_unpin(gone);
	return false;
}

/* The next cell of its type, in this run. */
static int count_cell(struct eng_run_state *run, uint32_t type, uint32_t *ret_cell)
{
	struct eng_counter *counter = NULL;

	for (uint32_t i = 0; i < run->counters_n && !counter; i++) {
		if (run->counters[i].type == type)
			counter = &run->counters[i];
	}
	if (!counter) {
		if (run->counters_n == run->counters_capacity) {
			uint32_t capacity = run->counters_capacity * 4;
			struct eng_counter *more = pawl_mem_alloc(capacity * sizeof(*more), 0);

			if (!more)
				return -ENOMEM;
			for (uint32_t i = 0; i < run->counters_n; i++)
				more[i] = run->counters[i];
			if (run->counters != &run->first)
				pawl_mem_free(run->counters,
					      run->counters_capacity * sizeof(*more), 0);
			run->counters = more;
			run->counters_capacity = capacity;
		}
		counter = &run->counters[run->counters_n++];
		*counter = (struct eng_counter){type, 0};
	}
	if (counter->count > ENG_CELL_INDEX_LAST)
		return -ENOSPC;
	*ret_cell = eng_cell(type, counter->count++);
	return 0;
}

/* The run has jobs: they and the body count together. */
PAWL_NOINLINE static int count_cell_locked(struct eng_run_state *run, uint32_t type,
					   uint32_t *ret_cell)
{
	struct eng_node *node = eng_run_lock(run);
	int error = -ECANCELED;

	/* A job may be left over from a run that is over: it was in a ring with it. */
	if (eng_run_of(node) == run)
		error = count_cell(run, type, ret_cell);
	eng_unlock(node);
	return error;
}

static int next_cell(struct eng_run_state *run, uint32_t type, uint32_t *ret_cell)
{
	if (PAWL_UNLIKELY(run->locals))
		return count_cell_locked(run, type, ret_cell);
	return count_cell(run, type, ret_cell);
}

/* Would anybody have to be told of a change? Locked. */
static bool has_readers(const struct eng_node *node)
{
	return pawl_sset64_count(&node->cell_dependents) ||
	       eng_field(node, ENG_KEYED_DEPENDENTS);
}

/*
 * What is there, for the comparison. Returns: true: nothing was there, nor is there anybody to tell: it is
 * stored.
 */
static bool look_before(struct write *write)
{
	struct pawl_context *context = write->context;
	struct eng_graph *graph = context->graph;
	struct eng_quiesce_slot *inside = NULL;
	struct eng_node *node;
	struct pawl_digest digest = {0, 0};
	bool had_digest, hashed;

	/* What is saved changes in operations alone. */
	if (PAWL_UNLIKELY(graph->marks != NULL))
		inside = eng_quiesce_enter(graph->quiesce, graph);
	node = eng_run_lock(context->run);
	had_digest = eng_cell_digest(node, write->cell, &digest);
	hashed = write->type->mode == PAWL_CELL_HASHED;
	write->before = eng_cell_value(graph, node, write->cell);
	if (write->before)
		pawl_value_pin(write->before);
	if (!write->before && !had_digest && !hashed && !has_readers(node) &&
	    eng_run_of(node) == context->run) {
		(void)store(write, node);
		eng_unlock(node);
		eng_quiesce_leave(graph->quiesce, inside);
		pawl_event_notify_all(&context->run->changed);
		return true;
	}
	eng_unlock(node);
	eng_quiesce_leave(graph->quiesce, inside);
	if (write->before || had_digest || hashed) {
		struct eng_run *here = eng_run_here();
		struct pawl_cleanup cleanup;

		eng_cleanup_push(here, &cleanup, compare_left, write);
		compare(write, had_digest, digest);
		eng_cleanup_pop(here, &cleanup, false);
	}
	return false;
}

/* Returns: the run is over, and nothing is stored. */
PAWL_NOINLINE static bool write_anew(struct write *write)
{
	struct pawl_context *context = write->context;
	struct eng_op op;
	bool over = false;

	write->op = &op;
	eng_op_begin(&op, context->graph, context->priority);
	if (write->same) {
		struct eng_node *node = eng_run_lock(context->run);
		struct pawl_value *gone = store(write, node);

		eng_unlock(node);
		pawl_event_notify_all(&context->run->changed);
		pawl_value_unpin(gone);
	} else {
		over = write_changed(write);
	}
	eng_op_end(&op);
	if (over)
		pawl_value_unpin(write->value);
	return over;
}

static void look_for_local(void *arg, pawl_ref_t ref)
{
	bool *has_local = arg;

	*has_local |= eng_ref_is_local(ref);
}

static int check(struct pawl_context *context, struct pawl_value *value, uint32_t *ret_type)
{
	const struct pawl_value_type *type = pawl_value_type_of(value);
	bool has_local = false;

	*ret_type = eng_type_number(context->graph->registry, type);
	/* What is local to a run does not get out of it. */
	if (type->visit_refs)
		type->visit_refs(pawl_value_payload(value), pawl_value_bytes(value),
				 look_for_local, &has_local);
	return context->run && *ret_type && !has_local ? 0 : -EINVAL;
}

int pawl_cell(struct pawl_context *context, struct pawl_value *value, pawl_ref_t *ret_cell)
{
	struct write write = {
		.context = context, .value = value, .type = pawl_value_type_of(value)};
	uint32_t type;
	bool over = false;
	int error = check(context, value, &type);

	if (PAWL_UNLIKELY(context->twice != NULL) && !error)
		return eng_twice_cell(context, value, ret_cell);
	if (!error)
		error = next_cell(context->run, type, &write.cell);
	if (error) {
		pawl_value_unpin(value);
		return error;
	}
	*ret_cell = eng_ref(context->id, write.cell);
	eng_intake(context->graph, pawl_value_bytes(value));
	if (look_before(&write))
		return 0;
	/* The old one stays, so that who has it has what is there. Content that was lost comes back. */
	if (write.same && write.before)
		pawl_value_unpin(value);
	else
		over = write_anew(&write);
	pawl_value_unpin(write.before);
	eng_pairs_free(&write.keys);
	return over ? -ECANCELED : 0;
}
