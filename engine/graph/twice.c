/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * twice.c - the second time of a run, compared with the first.
 *
 * The second time comes right after the first, in the same run, before its end: so all that the first one did is there, in
 * the run and in the record, and nobody else has changed it. A change of what the first time has read makes the run stale,
 * as ever. So once all operations that were under way when the second time was over are over, a run that is not stale
 * has read the same both times, and what differs is the function's.
 *
 * What is told is the first difference, and how many there are.
 */
#include "config.h"

#include "twice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/hash.h>
#include <pawl/mem.h>

#include "bag.h"
#include "cells.h"
#include "checks.h"
#include "queue.h"
#include "registry.h"
#include "wait.h"

#define WORDS	    2048
#define VALUE_WORDS 200
#define NAME_WORDS  256

struct eng_twice {
	struct pawl_context *context; /* of the second time */
	const struct pawl_context *first;
	struct eng_twice_outcome outcome; /* of the first */
	bool left;			  /* cannot be compared */
	/* What it did. */
	struct eng_counter *counters;
	uint32_t counters_n;
	struct eng_table called, outputs, cells, peeks;
	struct eng_bag *emitted;
	/* What differs. */
	uint32_t differences;
	char words[WORDS];
};

/* ---- whether -------------------------------------------------------------------------------- */

static bool is_chosen(const struct eng_checks *checks, uint32_t function)
{
	return checks->all ||
	       (function && function < checks->functions_n && checks->functions[function]);
}

static bool is_of_moment(int error)
{
	return error == -ENOMEM || error == -EAGAIN || error == -ECANCELED ||
	       error == -ESHUTDOWN;
}

bool eng_twice_wanted(const struct pawl_context *context, int error)
{
	struct eng_graph *graph = context->graph;
	struct eng_run_state *run = context->run;
	struct eng_node *node;
	bool wanted;

	if (!eng_checks_has(graph, PAWL_CHECK_DETERMINISM) || is_of_moment(error))
		return false;
	if (run->locals || eng_is_finished(run) || run->storm ||
	    pawl_load_relaxed(&run->refused) || pawl_load_relaxed(&graph->stopping))
		return false;
	node = eng_run_lock(run);
	wanted = eng_run_of(node) == run && !run->stale && !run->in_ring && !run->was_linked &&
		 !(node->bits & (ENG_STATEFUL | ENG_ONCE)) &&
		 is_chosen(graph->checks, eng_node_key(node)->function);
	eng_unlock(node);
	return wanted;
}

/* ---- words ------------------------------------------------------------------------------------ */

static void differs(struct eng_twice *twice, const char *format, ...) PAWL_PRINTF(2, 3);
static void differs(struct eng_twice *twice, const char *format, ...)
{
	va_list args;

	if (twice->differences++)
		return;
	va_start(args, format);
	(void)vsnprintf(twice->words, sizeof(twice->words), format, args);
	va_end(args);
}

static struct pawl_digest digest_of(const struct pawl_value *value)
{
	const struct pawl_value_type *type = pawl_value_type_of(value);

	if (type->digest)
		return type->digest(pawl_value_payload(value), pawl_value_bytes(value));
	return pawl_digest_bytes(pawl_value_payload(value), pawl_value_bytes(value));
}

/* "digest 12ab..., value" */
static void say_value(const struct pawl_value *value, char words[VALUE_WORDS])
{
	const struct pawl_value_type *type = pawl_value_type_of(value);
	struct pawl_digest digest = digest_of(value);
	char text[VALUE_WORDS / 2] = "";

	if (type->to_string)
		(void)type->to_string(pawl_value_payload(value), pawl_value_bytes(value), text,
				      sizeof(text));
	text[sizeof(text) - 1] = 0;
	(void)snprintf(words, VALUE_WORDS,
		       "%zu bytes with digest %016" PRIx64 "%016" PRIx64 "%s%s",
		       pawl_value_bytes(value), digest.high, digest.low, *text ? ": " : "",
		       text);
}

static void name_of(struct eng_twice *twice, eng_id id, char words[NAME_WORDS])
{
	eng_say_origin(twice->context->graph, id, words, NAME_WORDS);
}

/* ---- the second time ------------------------------------------------------------------------------ */

struct eng_twice *eng_twice_begin(const struct pawl_context *first,
				  struct eng_twice_outcome outcome, struct pawl_context *second)
{
	struct eng_twice *twice = eng_must_zalloc(sizeof(*twice));

	*second = (struct pawl_context){.graph = first->graph,
					.run = first->run,
					.id = first->id,
					.priority = first->priority,
					.begun = first->begun,
					/* It waits for its arguments itself. */
					.in_job = true,
					.twice = twice};
	twice->context = second;
	twice->first = first;
	twice->outcome = outcome;
	return twice;
}

struct eng_twice_outcome eng_twice_first(const struct eng_twice *twice)
{
	return twice->outcome;
}

struct pawl_context *eng_twice_context(const struct eng_twice *twice)
{
	return twice->context;
}

void eng_twice_leave(struct pawl_context *context)
{
	context->twice->left = true;
}

int eng_twice_called(struct pawl_context *context, eng_id callee,
		     const struct pawl_function *function)
{
	struct eng_twice *twice = context->twice;
	bool is_new;

	if (callee && eng_called_has(&context->run->called, callee)) {
		(void)eng_table_put(&twice->called, callee, &is_new);
		return 0;
	}
	differs(twice, "it calls %s with arguments with which it did not the first time",
		function ? function->name : "an operation");
	return -ECANCELED;
}

void eng_twice_emit(struct pawl_context *context, uint32_t trait, pawl_ref_t ref, int32_t count)
{
	(void)eng_bag_add(&context->twice->emitted, trait, ref.pawl_bits, count);
}

void eng_twice_read_output(struct pawl_context *context, eng_id id)
{
	bool is_new;

	(void)eng_table_put(&context->twice->outputs, id, &is_new);
}

void eng_twice_read_cell(struct pawl_context *context, uint64_t ref)
{
	bool is_new;

	(void)eng_table_put(&context->twice->cells, ref, &is_new);
}

void eng_twice_peeked(struct pawl_context *context, uint32_t trait, eng_id id)
{
	bool is_new;

	(void)eng_table_put(&context->twice->peeks, (uint64_t)trait << 32 | id, &is_new);
}

/* ---- cells ----------------------------------------------------------------------------------------- */

static uint32_t count_of(const struct eng_counter *counters, uint32_t n, uint32_t type)
{
	for (uint32_t i = 0; i < n; i++) {
		if (counters[i].type == type)
			return counters[i].count;
	}
	return 0;
}

/* Which of its type it is. */
static uint32_t next_index(struct eng_twice *twice, uint32_t type)
{
	struct eng_counter *more;

	for (uint32_t i = 0; i < twice->counters_n; i++) {
		if (twice->counters[i].type == type)
			return twice->counters[i].count++;
	}
	more = eng_must_alloc((twice->counters_n + 1) * sizeof(*more));
	if (twice->counters_n)
		memcpy(more, twice->counters, twice->counters_n * sizeof(*more));
	pawl_mem_free(twice->counters, twice->counters_n * sizeof(*more), 0);
	more[twice->counters_n++] = (struct eng_counter){type, 1};
	twice->counters = more;
	return 0;
}

/* Are these saved as the same bytes? */
static bool same_bytes(const struct pawl_value *a, const struct pawl_value *b)
{
	const struct pawl_value_type *type = pawl_value_type_of(a);
	const struct pawl_value *values[2] = {a, b};
	size_t bytes[2];
	char *into[2];
	bool same;

	for (unsigned i = 0; i < 2; i++) {
		const void *payload = pawl_value_payload(values[i]);
		size_t payload_bytes = pawl_value_bytes(values[i]);

		bytes[i] = type->encode(payload, payload_bytes, NULL, 0);
		into[i] = eng_must_alloc(bytes[i] + 1);
		(void)type->encode(payload, payload_bytes, into[i], bytes[i]);
	}
	same = bytes[0] == bytes[1] && !memcmp(into[0], into[1], bytes[0]);
	for (unsigned i = 0; i < 2; i++)
		pawl_mem_free(into[i], bytes[i] + 1, 0);
	return same;
}

static void say_cell(struct eng_twice *twice, uint32_t cell, const char *what,
		     const struct pawl_value *before, const struct pawl_value *now)
{
	char words[2][VALUE_WORDS];

	say_value(before, words[0]);
	say_value(now, words[1]);
	differs(twice, "cell %" PRIu32 " of type %s %s: %s; then %s", eng_cell_index(cell),
		pawl_value_type_of(now)->name, what, words[0], words[1]);
}

static void compare_values(struct eng_twice *twice, uint32_t cell, struct pawl_value *before,
			   bool has_digest, struct pawl_digest digest, struct pawl_value *now)
{
	const struct pawl_value_type *type = pawl_value_type_of(now);
	bool is_hashed = type->mode == PAWL_CELL_HASHED;

	/* Values of which each is another one. */
	if (type->mode == PAWL_CELL_NEW && !type->equal && !type->digest)
		return;
	if (!before) {
		if (has_digest && is_hashed && !pawl_digest_equal(digest, digest_of(now)))
			differs(twice, "cell %" PRIu32 " of type %s has another digest",
				eng_cell_index(cell), type->name);
		return;
	}
	if (type->digest && !pawl_digest_equal(digest_of(before), digest_of(before)))
		say_cell(twice, cell, "has a digest that is not the same each time", before,
			 now);
	else if (is_hashed || !type->equal
			 ? !pawl_digest_equal(digest_of(before), digest_of(now))
			 : !pawl_value_equal(before, now))
		say_cell(twice, cell, "differs", before, now);
	else if (type->digest && !pawl_digest_equal(digest_of(before), digest_of(now)))
		say_cell(twice, cell, "is equal, and has another digest", before, now);
	else if (type->encode && !same_bytes(before, now))
		say_cell(twice, cell, "is equal, and would be saved as other bytes", before,
			 now);
}

int eng_twice_cell(struct pawl_context *context, struct pawl_value *value, pawl_ref_t *ret_cell)
{
	struct eng_twice *twice = context->twice;
	struct eng_graph *graph = context->graph;
	uint32_t type = eng_type_number(graph->registry, pawl_value_type_of(value)), index,
		 cell;
	struct pawl_digest digest = {0, 0};
	struct pawl_value *before;
	struct eng_node *node;
	bool has_digest;

	if (!type) {
		pawl_value_unpin(value);
		return -EINVAL;
	}
	index = next_index(twice, type);
	cell = eng_cell(type, index);
	*ret_cell = eng_ref(context->id, cell);
	if (index < count_of(context->run->counters, context->run->counters_n, type)) {
		node = eng_run_lock(context->run);
		before = eng_cell_value(graph, node, cell);
		if (before)
			pawl_value_pin(before);
		has_digest = eng_cell_digest(node, cell, &digest);
		eng_unlock(node);
		compare_values(twice, cell, before, has_digest, digest, value);
		pawl_value_unpin(before);
	}
	pawl_value_unpin(value);
	return 0;
}

/* ---- the end ------------------------------------------------------------------------------------------- */

static void compare_cells(struct eng_twice *twice)
{
	const struct eng_run_state *run = twice->context->run;

	for (uint32_t i = 0; i < run->counters_n; i++) {
		uint32_t now =
			count_of(twice->counters, twice->counters_n, run->counters[i].type);

		if (now != run->counters[i].count)
			differs(twice, "it made %" PRIu32 " cells of type %s, then %" PRIu32,
				run->counters[i].count,
				eng_type_name(run->graph->registry, run->counters[i].type),
				now);
	}
	for (uint32_t i = 0; i < twice->counters_n; i++) {
		if (!count_of(run->counters, run->counters_n, twice->counters[i].type))
			differs(twice, "it made no cells of type %s, then %" PRIu32,
				eng_type_name(run->graph->registry, twice->counters[i].type),
				twice->counters[i].count);
	}
}

static uint32_t bits_of(uint32_t word)
{
	uint32_t n = 0;

	for (; word; word &= word - 1)
		n++;
	return n;
}

static uint32_t called_count(const struct eng_called *called)
{
	uint32_t n = called->n;

	for (uint32_t i = 0; called->blocks && i <= called->mask; i++)
		n += bits_of(called->blocks[i].called);
	return n;
}

static void compare_calls(struct eng_twice *twice)
{
	const struct eng_called *called = &twice->context->run->called;
	uint32_t n = called_count(called);
	uint64_t cursor = 0;
	char name[NAME_WORDS];
	eng_id id;

	if (n == twice->called.n)
		return;
	while (eng_called_next(called, &cursor, &id)) {
		if (eng_table_get(&twice->called, id))
			continue;
		name_of(twice, id, name);
		differs(twice, "it called %s, and then did not", name);
		return;
	}
	differs(twice, "it called %" PRIu32 " tasks, then %" PRIu32 " of them", n,
		twice->called.n);
}

/* What the record has of this run, copied: names take other locks. */
struct reads {
	struct eng_table outputs, cells, peeks;
	struct eng_bag *emitted;
};

static void copy_set64(const struct eng_node *node, enum eng_field field,
		       struct eng_table *into)
{
	union eng_slot *slot = eng_field(node, field);
	uint32_t cursor = 0;
	uint64_t key;
	bool is_new;

	while (slot && pawl_sset64_next(&slot->set64, &cursor, &key))
		(void)eng_table_put(into, key, &is_new);
}

static void copy_bag(struct eng_bag **bag, const struct eng_node *node, enum eng_field field,
		     int32_t sign)
{
	union eng_slot *slot = eng_field(node, field);
	struct eng_bag_cursor cursor = {0, 0};
	struct eng_collectible entry;

	while (slot && eng_bag_next(slot->bag, &cursor, &entry))
		(void)eng_bag_add(bag, entry.trait, entry.ref, sign * entry.count);
}

static void reads_copy(const struct eng_node *node, struct reads *reads)
{
	union eng_slot *slot = eng_field(node, ENG_OUTPUT_DEPENDENCIES);
	uint32_t cursor = 0, id;
	bool is_new;

	while (slot && pawl_sset_next(&slot->set, &cursor, &id))
		(void)eng_table_put(&reads->outputs, id, &is_new);
	copy_set64(node, ENG_CELL_DEPENDENCIES, &reads->cells);
	copy_set64(node, ENG_COLLECTIBLES_DEPENDENCIES, &reads->peeks);
	/* What is not emitted again is there as well, until the end. */
	copy_bag(&reads->emitted, node, ENG_COLLECTIBLES, 1);
	copy_bag(&reads->emitted, node, ENG_OUTDATED_COLLECTIBLES, -1);
}

static void reads_fini(struct reads *reads)
{
	eng_table_fini(&reads->outputs);
	eng_table_fini(&reads->cells);
	eng_table_fini(&reads->peeks);
	eng_bag_free(&reads->emitted);
}

/* One that changes no more since: its readers were forgotten, or are. */
static bool is_immutable(struct eng_graph *graph, eng_id id)
{
	struct eng_node *node = eng_lock_any(graph, id);
	bool is = !node || node->bits & ENG_IMMUTABLE;

	if (node)
		eng_unlock(node);
	return is;
}

static void compare_tables(struct eng_twice *twice, const struct eng_table *before,
			   const struct eng_table *now, const char *what)
{
	struct eng_graph *graph = twice->context->graph;
	char name[NAME_WORDS];

	for (uint32_t i = 0; i < now->n; i++) {
		eng_id id = (eng_id)now->entries[i].key;

		if (eng_table_get(before, now->entries[i].key) || is_immutable(graph, id))
			continue;
		name_of(twice, id, name);
		differs(twice, "it read %s of %s, which it did not the first time", what, name);
	}
	for (uint32_t i = 0; i < before->n; i++) {
		eng_id id = (eng_id)before->entries[i].key;

		if (eng_table_get(now, before->entries[i].key) || is_immutable(graph, id))
			continue;
		name_of(twice, id, name);
		differs(twice, "it read %s of %s, and then did not", what, name);
	}
}

static bool bag_has_all(const struct eng_bag *a, const struct eng_bag *b)
{
	struct eng_bag_cursor cursor = {0, 0};
	struct eng_collectible entry;

	while (b && eng_bag_next(b, &cursor, &entry)) {
		if ((a ? eng_bag_get(a, entry.trait, entry.ref) : 0) != entry.count)
			return false;
	}
	return true;
}

static void compare_outcomes(struct eng_twice *twice, struct eng_twice_outcome now)
{
	const struct eng_twice_outcome before = twice->outcome;
	const struct pawl_context *first = twice->first, *second = twice->context;
	const struct pawl_error *a = first->failure ? first->failure : first->last;
	const struct pawl_error *b = second->failure ? second->failure : second->last;

	if (before.error != now.error)
		differs(twice, "it returned %d, then %d", before.error, now.error);
	else if (before.error == -PAWL_ETASK && !eng_error_equal(a, b))
		differs(twice, "it failed with \"%s\", then with \"%s\"", a ? a->message : "",
			b ? b->message : "");
	else if (!before.error && before.output.pawl_bits != now.output.pawl_bits)
		differs(twice, "its output leads to %016" PRIx64 ", then to %016" PRIx64,
			before.output.pawl_bits, now.output.pawl_bits);
}

/* Once nothing is under way that has changed what was read. Returns: false: the run does not count. */
static bool settle(struct eng_twice *twice, struct reads *reads)
{
	struct eng_run_state *run = twice->context->run;
	struct eng_node *node;
	bool counts;

	if (eng_told_wait(twice->context->graph))
		return false;
	node = eng_run_lock(run);
	counts = eng_run_of(node) == run && !run->stale && !run->in_ring &&
		 !(node->bits & ENG_STATEFUL);
	if (counts)
		reads_copy(node, reads);
	eng_unlock(node);
	return counts && !pawl_load_relaxed(&run->refused) &&
	       !pawl_load_relaxed(&twice->context->graph->stopping);
}

static void twice_free(struct eng_twice *twice)
{
	eng_table_fini(&twice->called);
	eng_table_fini(&twice->outputs);
	eng_table_fini(&twice->cells);
	eng_table_fini(&twice->peeks);
	eng_bag_free(&twice->emitted);
	pawl_mem_free(twice->counters, twice->counters_n * sizeof(*twice->counters), 0);
	pawl_mem_free(twice, sizeof(*twice), 0);
}

void eng_twice_end(struct eng_twice *twice, struct eng_twice_outcome outcome, bool stopped)
{
	struct eng_graph *graph = twice->context->graph;
	struct reads reads;

	memset(&reads, 0, sizeof(reads));
	if (stopped || twice->left || twice->context->run->locals ||
	    (is_of_moment(outcome.error) && !twice->differences) || !settle(twice, &reads))
		goto out;
	/* What it would have done after a difference is not known. */
	if (!twice->differences) {
		compare_cells(twice);
		compare_calls(twice);
		if (graph->track_dependencies) {
			compare_tables(twice, &reads.outputs, &twice->outputs, "the output");
			compare_tables(twice, &reads.cells, &twice->cells, "a cell");
			compare_tables(twice, &reads.peeks, &twice->peeks, "collectibles");
		}
		if (!bag_has_all(reads.emitted, twice->emitted) ||
		    !bag_has_all(twice->emitted, reads.emitted))
			differs(twice, "it emitted something else");
		compare_outcomes(twice, outcome);
	}
	if (twice->differences && graph->observer)
		graph->observer->differs(graph->observer, twice->context->id, twice->words,
					 twice->differences);
out:
	reads_fini(&reads);
	twice_free(twice);
}
