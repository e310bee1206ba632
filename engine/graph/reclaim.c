/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reclaim.c - tasks that nobody needs go.
 *
 * Counts. A call that a run has not made before counts at the callee under the lock under which its activeness is
 * raised; when the run ends the count becomes that of the edge, and no record is locked for that. What is taken away is
 * taken away later, by a job: a count that is too high only delays.
 *
 * A pass takes candidates at moments of quiet, so no operation is under way, none is suspended, and no list of ids waits
 * anywhere. Then a task without parents has nobody who aggregates it: edges of the aggregation graph follow
 * from the calls that they go along. Of what goes on outside of operations two things matter, and both
 * are done under the record's lock: a call of what is still (connect.c), and a pin. They find ENG_GONE. Who has found
 * it in the map of tasks a moment before finds no task with that number, and looks again.
 *
 * It is taken out as its own last run would do it: edges to its children, which tells those whom it aggregates;
 * what it has read; and at the other side, those that have read it and stay are made dirty, since they would not hear
 * of anything any more: they run if somebody wants them, and find that it is gone. Those are never immutable, since
 * who reads what is not immutable is not. Then its record is dropped. A call makes another one, with another number:
 * numbers do not come back in this process, for values, arguments and states may have them (persist/reuse.c).
 *
 * With a store. What was made in this process has had all its parents in it, so their count is right, saved or not. Of what
 * comes from the store only what has changed since is counted, until somebody has counted what was there (persist/sweep.c);
 * of what has left memory and come back, nothing is known (eng_parents_forget()). One that went is noted, and taken out of
 * the store by the next snapshot, with whatever else changed by that: so what is saved is one moment, as ever. Until
 * then, and for good, what the store says of its number counts for nothing (eng_gone_has()).
 *
 * What a visit has called is held until it is over, and stays for some time after that (anchors).
 */
#include "config.h"

#include "reclaim.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>
#include <pawl/park.h>
#include <pawl/rcu.h>

#include "../runtime/worker.h"
#include "backing.h"
#include "cells.h"
#include "context.h"
#include "heal.h"
#include "pairs.h"
#include "run.h"
#include "told.h"
#include "wait.h"

#define MOMENT_NS   UINT64_C(1000000)
#define MOMENT_LOOK 16u /* so many between two looks at the time */
#ifdef PAWL_MC
#define TRIES_MOST 2u /* each is a path of its own */
#else
#define TRIES_MOST 50u /* moments in a row in which somebody was suspended */
#endif
#define AGES 8u /* looks at anchors in the time that they have */

/* ---- counts ------------------------------------------------------------------------------ */

static void put(struct eng_reclaim *reclaim, eng_id id)
{
	struct eng_list *list = &reclaim->candidates;

	if (list->n == reclaim->capacity) {
		uint32_t capacity = list->n ? list->n * 2 : 64;
		eng_id *more = eng_must_alloc(capacity * sizeof(*more));

		if (list->n)
			memcpy(more, list->ids, list->n * sizeof(*more));
		pawl_mem_free(list->ids, reclaim->capacity * sizeof(*more), 0);
		list->ids = more;
		reclaim->capacity = capacity;
	}
	list->ids[list->n++] = id;
}

static void start(struct eng_graph *graph);

void eng_parents_find_out(struct eng_graph *graph, struct eng_node *node)
{
	const struct eng_bases *bases = pawl_load_acquire(&graph->reclaim.bases);
	uint32_t base;
	int64_t parents;

	if (!bases || !eng_parents_differ(node))
		return;
	base = bases->parents[eng_node_id(node)] & ~ENG_BASE_THERE;
	parents = (int64_t)base + eng_parents(node) - ENG_PARENTS_SAME;
	/* Less than none: what is stored of its parents is not what it was when they were counted. It stays. */
	eng_parents_set(node, parents < 0 || parents >= ENG_PARENTS_COUNTS ? ENG_PARENTS_MOST
									   : (uint32_t)parents);
}

void eng_reclaim_look(struct eng_graph *graph, struct eng_node *node)
{
	struct eng_reclaim *reclaim = &graph->reclaim;

	eng_parents_find_out(graph, node);
	if (!graph->collects || eng_parents(node) || !eng_node_key(node)->function ||
	    node->bits & (ENG_CANDIDATE | ENG_GONE))
		return;
	node->bits |= ENG_CANDIDATE;
	pawl_lock_lock(&reclaim->lock);
	put(reclaim, eng_node_id(node));
	pawl_lock_unlock(&reclaim->lock);
	if (pawl_add_relaxed(&reclaim->fresh, 1u) + 1 == reclaim->many)
		start(graph);
}

void eng_parents_less(struct eng_graph *graph, struct eng_node *node)
{
	uint32_t parents = eng_parents(node);

	if (parents == ENG_PARENTS_MOST)
		return;
	PAWL_REQUIRE(parents && "each parent was counted");
	/* The smallest of the differences. */
	if (PAWL_UNLIKELY(parents == ENG_PARENTS_COUNTS))
		parents = ENG_PARENTS_MOST + 1;
	eng_parents_set(node, parents - 1);
	if (parents == 1 || PAWL_UNLIKELY(eng_parents_differ(node)))
		eng_reclaim_look(graph, node);
}

/* Who needed it was there for a moment: it stays for some time, if that is the last one. Locked. */
static void anchor(struct eng_graph *graph, const struct eng_node *node, uint64_t now_ns)
{
	struct eng_reclaim *reclaim = &graph->reclaim;
	struct eng_entry *entry;
	bool is_new;

	if (!reclaim->after_ns || (eng_parents(node) != 1 && !eng_parents_differ(node)))
		return;
	pawl_lock_lock(&reclaim->lock);
	entry = eng_table_put(&reclaim->anchors, eng_node_id(node), &is_new);
	entry->a = (uint32_t)(now_ns >> 32);
	entry->b = (uint32_t)now_ns;
	pawl_lock_unlock(&reclaim->lock);
}

void eng_uncalled(struct eng_op *op, const struct eng_node *parent, struct eng_list tasks)
{
	struct eng_job *job;

	if (!op->graph->collects || !tasks.n)
		return;
	job = eng_queue_job(&op->queue, ENG_JOB_UNCALLED);
	job->once = parent->bits & ENG_ONCE;
	job->tasks = tasks;
	eng_queue_push(&op->queue, job);
}

void eng_job_uncalled(struct eng_op *op, struct eng_job *job)
{
	uint64_t now_ns = job->once ? eng_now(op->graph->rt) : 0;

	for (uint32_t i = 0; i < job->tasks.n; i++) {
		struct eng_node *node = eng_lock_any(op->graph, job->tasks.ids[i]);

		if (i + ENG_AHEAD < job->tasks.n)
			eng_prefetch(op->graph, job->tasks.ids[i + ENG_AHEAD]);
		if (!node)
			continue;
		if (job->once)
			anchor(op->graph, node, now_ns);
		eng_parents_less(op->graph, node);
		eng_unlock(node);
	}
}

/* ---- visits -------------------------------------------------------------------------------- */

int eng_visit_hold(struct pawl_context *context, eng_id id)
{
	struct eng_graph *graph = context->graph;
	struct eng_node *node;

	if (context->held && eng_called_has(context->held, id))
		return 0;
	node = eng_lock_any(graph, id);
	if (!node || node->bits & ENG_GONE) {
		if (node)
			eng_unlock(node);
		return -ESTALE;
	}
	/* First, for who verifies: the lock orders it. */
	pawl_add_relaxed(&graph->reclaim.held, UINT64_C(1));
	eng_parents_more(node);
	eng_unlock(node);
	if (!context->held)
		context->held = eng_must_zalloc(sizeof(*context->held));
	eng_called_add(context->held, id, false);
	return 0;
}

static uint64_t anchored_ns(const struct eng_entry *entry)
{
	return (uint64_t)entry->a << 32 | entry->b;
}

/* Stamps are of several threads. */
static bool is_over(const struct eng_reclaim *reclaim, const struct eng_entry *entry,
		    uint64_t now_ns)
{
	uint64_t since_ns = anchored_ns(entry);

	return now_ns > since_ns && now_ns - since_ns >= reclaim->after_ns;
}

static bool is_anchored(struct eng_reclaim *reclaim, eng_id id)
{
	bool is;

	pawl_lock_lock(&reclaim->lock);
	is = eng_table_get(&reclaim->anchors, id);
	pawl_lock_unlock(&reclaim->lock);
	return is;
}

void eng_visit_over(struct pawl_context *context)
{
	struct eng_graph *graph = context->graph;
	struct eng_called *held = context->held;
	uint64_t cursor = 0, now_ns;
	eng_id id;

	if (!held)
		return;
	context->held = NULL;
	now_ns = eng_now(graph->rt);
	while (eng_called_next(held, &cursor, &id)) {
		struct eng_node *node = eng_lock_any(graph, id);

		if (node) {
			anchor(graph, node, now_ns);
			eng_parents_less(graph, node);
			eng_unlock(node);
		}
		pawl_sub_relaxed(&graph->reclaim.held, UINT64_C(1));
	}
	eng_called_fini(held);
	pawl_mem_free(held, sizeof(*held), 0);
	eng_reclaim_poke(graph);
}

/* Those whose time is over are candidates, if they were not called otherwise. */
static void age(struct eng_graph *graph, uint64_t now_ns)
{
	struct eng_reclaim *reclaim = &graph->reclaim;
	struct eng_table before, after = {0};
	bool is_new;

	pawl_lock_lock(&reclaim->lock);
	if (now_ns < reclaim->aged_ns + reclaim->after_ns / AGES) {
		pawl_lock_unlock(&reclaim->lock);
		return;
	}
	reclaim->aged_ns = now_ns;
	before = reclaim->anchors;
	for (uint32_t i = 0; i < before.n; i++) {
		struct eng_entry *entry = &before.entries[i];

		if (!is_over(reclaim, entry, now_ns))
			*eng_table_put(&after, entry->key, &is_new) = *entry;
	}
	reclaim->anchors = after;
	pawl_lock_unlock(&reclaim->lock);
	for (uint32_t i = 0; i < before.n; i++) {
		struct eng_entry *entry = &before.entries[i];
		struct eng_node *node;

		if (!is_over(reclaim, entry, now_ns))
			continue;
		node = eng_lock_any(graph, (eng_id)entry->key);
		if (!node)
			continue;
		eng_reclaim_look(graph, node);
		eng_unlock(node);
	}
	eng_table_fini(&before);
}

/* ---- taking out ----------------------------------------------------------------------------- */

/* Values that went, to be dropped when the moment is over: their types' functions are the program's. */
struct remains {
	struct pawl_value **values;
	uint32_t n, capacity;
};

static void remains_add(struct remains *remains, struct pawl_value *value)
{
	if (remains->n == remains->capacity) {
		uint32_t capacity = remains->n ? remains->n * 2 : 64;
		struct pawl_value **more = eng_must_alloc(capacity * sizeof(*more));

		if (remains->n)
			memcpy(more, remains->values, remains->n * sizeof(*more));
		pawl_mem_free(remains->values, remains->capacity * sizeof(*more), 0);
		remains->values = more;
		remains->capacity = capacity;
	}
	remains->values[remains->n++] = pawl_value_pin(value);
}

/* Edges of reads of a task that goes: words are `what << 32 | other`, and pairs with a part. */
struct reads {
	struct eng_list outputs;
	uint64_t *cells, *traits;
	uint32_t cells_n, traits_n;
	struct eng_pair *pairs;
	uint32_t pairs_n;
};

static void add_outputs(struct eng_queue *queue, struct reads *reads,
			const struct pawl_sset *set)
{
	struct eng_list more =
		eng_list_make(queue, reads->outputs.n + (set ? pawl_sset_count(set) : 0));
	uint32_t cursor = 0, id, n = reads->outputs.n;

	for (uint32_t i = 0; i < n; i++)
		more.ids[i] = reads->outputs.ids[i];
	while (set && pawl_sset_next(set, &cursor, &id))
		more.ids[n++] = id;
	reads->outputs = more;
}

static void add_words(struct eng_queue *queue, uint64_t **words, uint32_t *n,
		      const struct pawl_sset64 *set)
{
	uint64_t *more = eng_queue_alloc(queue, (*n + (set ? pawl_sset64_count(set) : 0) + 1) *
							sizeof(*more));
	uint32_t cursor = 0;

	for (uint32_t i = 0; i < *n; i++)
		more[i] = (*words)[i];
	while (set && pawl_sset64_next(set, &cursor, &more[*n]))
		++*n;
	*words = more;
}

static void add_pairs(struct eng_queue *queue, struct reads *reads, struct eng_pairs *pairs)
{
	struct eng_pair *more =
		eng_queue_alloc(queue, (reads->pairs_n + (pairs ? eng_pairs_count(pairs) : 0) +
					1) * sizeof(*more));
	uint32_t cursor = 0;

	for (uint32_t i = 0; i < reads->pairs_n; i++)
		more[i] = reads->pairs[i];
	while (pairs && eng_pairs_next(pairs, &cursor, &more[reads->pairs_n]))
		reads->pairs_n++;
	reads->pairs = more;
}

static const struct pawl_sset *set_of(const struct eng_node *node, enum eng_field field)
{
	union eng_slot *slot = eng_field(node, field);

	return slot ? &slot->set : NULL;
}

static const struct pawl_sset64 *set64_of(const struct eng_node *node, enum eng_field field)
{
	union eng_slot *slot = eng_field(node, field);

	return slot ? &slot->set64 : NULL;
}

static struct eng_pairs *pairs_of(const struct eng_node *node, enum eng_field field)
{
	union eng_slot *slot = eng_field(node, field);

	return slot ? slot->pairs : NULL;
}

/* What it has read. Locked. */
static struct reads reads_by(struct eng_queue *queue, const struct eng_node *node)
{
	struct reads reads = {0};

	add_outputs(queue, &reads, set_of(node, ENG_OUTPUT_DEPENDENCIES));
	add_outputs(queue, &reads, set_of(node, ENG_OUTDATED_OUTPUTS));
	add_words(queue, &reads.cells, &reads.cells_n, set64_of(node, ENG_CELL_DEPENDENCIES));
	add_words(queue, &reads.cells, &reads.cells_n, set64_of(node, ENG_OUTDATED_CELLS));
	add_words(queue, &reads.traits, &reads.traits_n,
		  set64_of(node, ENG_COLLECTIBLES_DEPENDENCIES));
	add_words(queue, &reads.traits, &reads.traits_n,
		  set64_of(node, ENG_OUTDATED_COLLECTIBLES_DEPENDENCIES));
	add_pairs(queue, &reads, pairs_of(node, ENG_KEYED_DEPENDENCIES));
	add_pairs(queue, &reads, pairs_of(node, ENG_OUTDATED_KEYED));
	return reads;
}

/* Who has read it. Locked. */
static struct reads reads_of(struct eng_queue *queue, const struct eng_node *node)
{
	struct reads reads = {0};

	add_outputs(queue, &reads, &node->output_dependents);
	add_words(queue, &reads.cells, &reads.cells_n, &node->cell_dependents);
	add_words(queue, &reads.traits, &reads.traits_n,
		  set64_of(node, ENG_COLLECTIBLES_DEPENDENTS));
	add_pairs(queue, &reads, pairs_of(node, ENG_KEYED_DEPENDENTS));
	return reads;
}

static void pairs_remove(struct eng_node *node, enum eng_field field, struct eng_pair pair,
			 bool *found)
{
	union eng_slot *slot = eng_field(node, field);

	if (!slot || !eng_pairs_remove(&slot->pairs, pair))
		return;
	*found = true;
	if (!slot->pairs)
		eng_field_drop(node, field);
}

static uint64_t word_to(uint64_t word, eng_id id)
{
	return (word & ~(uint64_t)UINT32_MAX) | id;
}

/* The other ends of what it has read know of it no more. */
static void forget_reads_by(struct eng_graph *graph, eng_id id, const struct reads *reads)
{
	struct eng_node *node;
	bool found;

	for (uint32_t i = 0; i < reads->outputs.n; i++) {
		node = eng_lock_any(graph, reads->outputs.ids[i]);
		if (!node)
			continue;
		eng_modify_edge(node, ENG_DATA, id);
		pawl_sset_remove(&node->output_dependents, id);
		eng_unlock(node);
	}
	for (uint32_t i = 0; i < reads->cells_n; i++) {
		node = eng_lock_any(graph, (eng_id)reads->cells[i]);
		if (!node)
			continue;
		eng_modify_edge(node, ENG_DATA, id);
		pawl_sset64_remove(&node->cell_dependents, word_to(reads->cells[i], id));
		eng_unlock(node);
	}
	for (uint32_t i = 0; i < reads->traits_n; i++) {
		node = eng_lock_any(graph, (eng_id)reads->traits[i]);
		if (!node)
			continue;
		(void)eng_set64_remove(node, ENG_COLLECTIBLES_DEPENDENTS,
				       word_to(reads->traits[i], id));
		eng_unlock(node);
	}
	for (uint32_t i = 0; i < reads->pairs_n; i++) {
		struct eng_pair pair = reads->pairs[i];

		node = eng_lock_any(graph, (eng_id)pair.a);
		if (!node)
			continue;
		eng_modify_edge(node, ENG_DATA, id);
		pair.a = word_to(pair.a, id);
		pairs_remove(node, ENG_KEYED_DEPENDENTS, pair, &found);
		eng_unlock(node);
	}
}

/* One that has read it stays, and is to see that it is gone, if it is looked at at all. Gives the lock back. */
static void reader_forgets(struct eng_op *op, struct eng_node *reader, bool now, bool before)
{
	if ((now || before) && !(reader->bits & (ENG_IMMUTABLE | ENG_CANCELED)))
		eng_make_dirty(op, reader, now);
	eng_unlock(reader);
}

/* Locked: it is about to change; NULL: it is gone itself. */
static struct eng_node *reader_of(struct eng_op *op, eng_id reader, eng_id id)
{
	struct eng_node *node = eng_lock_any(op->graph, reader);

	if (node)
		eng_modify_edge(node, ENG_DATA, id);
	return node;
}

static void forget_reads_of(struct eng_op *op, eng_id id, const struct reads *reads)
{
	struct eng_node *reader;

	for (uint32_t i = 0; i < reads->outputs.n; i++) {
		reader = reader_of(op, reads->outputs.ids[i], id);
		if (reader)
			reader_forgets(op, reader,
				       eng_set_remove(reader, ENG_OUTPUT_DEPENDENCIES, id),
				       eng_set_remove(reader, ENG_OUTDATED_OUTPUTS, id));
	}
	for (uint32_t i = 0; i < reads->cells_n; i++) {
		uint64_t word = word_to(reads->cells[i], id);

		reader = reader_of(op, (eng_id)reads->cells[i], id);
		if (reader)
			reader_forgets(op, reader,
				       eng_set64_remove(reader, ENG_CELL_DEPENDENCIES, word),
				       eng_set64_remove(reader, ENG_OUTDATED_CELLS, word));
	}
	for (uint32_t i = 0; i < reads->traits_n; i++) {
		uint64_t word = word_to(reads->traits[i], id);

		reader = reader_of(op, (eng_id)reads->traits[i], id);
		if (reader)
			reader_forgets(
				op, reader,
				eng_set64_remove(reader, ENG_COLLECTIBLES_DEPENDENCIES, word),
				eng_set64_remove(reader, ENG_OUTDATED_COLLECTIBLES_DEPENDENCIES,
						 word));
	}
	for (uint32_t i = 0; i < reads->pairs_n; i++) {
		struct eng_pair pair = reads->pairs[i];
		bool now = false, before = false;

		reader = reader_of(op, (eng_id)pair.a, id);
		if (!reader)
			continue;
		pair.a = word_to(pair.a, id);
		pairs_remove(reader, ENG_KEYED_DEPENDENCIES, pair, &now);
		pairs_remove(reader, ENG_OUTDATED_KEYED, pair, &before);
		reader_forgets(op, reader, now, before);
	}
}

/* ---- with a store -------------------------------------------------------------------------- */

static void gone_add(struct eng_gone_list *list, struct eng_gone gone)
{
	if (list->n == list->capacity) {
		uint32_t capacity = list->n ? list->n * 2 : 64;
		struct eng_gone *more = eng_must_alloc(capacity * sizeof(*more));

		if (list->n)
			memcpy(more, list->list, list->n * sizeof(*more));
		pawl_mem_free(list->list, list->capacity * sizeof(*more), 0);
		list->list = more;
		list->capacity = capacity;
	}
	list->list[list->n++] = gone;
}

/* It may be in the store, or in what a snapshot is about to put there. Locked. */
static void note_gone(struct eng_graph *graph, const struct eng_node *node)
{
	const struct eng_key *key = eng_node_key(node);
	struct eng_reclaim *reclaim = &graph->reclaim;
	struct eng_gone gone = {eng_node_id(node),
				eng_key_digest(key->function, key->args, key->bytes)};

	pawl_lock_lock(&reclaim->lock);
	gone_add(&reclaim->gone, gone);
	if (!reclaim->went)
		reclaim->went = eng_bitmap_make();
	eng_bitmap_put(reclaim->went, gone.id);
	pawl_lock_unlock(&reclaim->lock);
}

static void gone_fini(struct eng_gone_list *list)
{
	pawl_mem_free(list->list, list->capacity * sizeof(*list->list), 0);
	*list = (struct eng_gone_list){NULL, 0, 0};
}

const struct eng_gone_list *eng_gone_take(struct eng_graph *graph)
{
	struct eng_reclaim *reclaim = &graph->reclaim;

	pawl_lock_lock(&reclaim->lock);
	reclaim->leaving = reclaim->gone;
	reclaim->gone = (struct eng_gone_list){NULL, 0, 0};
	pawl_lock_unlock(&reclaim->lock);
	return &reclaim->leaving;
}

void eng_gone_done(struct eng_graph *graph, bool saved)
{
	struct eng_reclaim *reclaim = &graph->reclaim;

	pawl_lock_lock(&reclaim->lock);
	for (uint32_t i = 0; !saved && i < reclaim->leaving.n; i++)
		gone_add(&reclaim->gone, reclaim->leaving.list[i]);
	gone_fini(&reclaim->leaving);
	pawl_lock_unlock(&reclaim->lock);
}

bool eng_gone_has(struct eng_graph *graph, eng_id id)
{
	struct eng_reclaim *reclaim = &graph->reclaim;
	bool has;

	pawl_lock_lock(&reclaim->lock);
	has = reclaim->went && eng_bitmap_has(reclaim->went, id);
	pawl_lock_unlock(&reclaim->lock);
	return has;
}

/* ---- what sessions before have left ----------------------------------------------------------- */

static void bases_free(struct eng_bases *bases)
{
	if (bases)
		pawl_mem_free(bases, sizeof(*bases) + bases->limit * sizeof(*bases->parents),
			      0);
}

/* Those whose base was not known, and that have lost their last parent since. */
static void look_at_all(struct eng_graph *graph, uint32_t limit)
{
	for (uint32_t id = 0;; id++) {
		struct pawl_slot *slot;
		struct eng_node *node;

		pawl_rcu_begin();
		slot = pawl_slots_next(graph->tables[0], &id, limit);
		pawl_rcu_end();
		if (!slot)
			return;
		node = eng_lock_resident(graph, id);
		if (!node)
			continue;
		/* What nobody has called has its time (persist/sweep.c), unless that was different before. */
		if (eng_parents_differ(node) &&
		    (eng_word(node) & ENG_CALLED || eng_parents(node) < ENG_PARENTS_SAME))
			eng_reclaim_look(graph, node);
		eng_unlock(node);
	}
}

void eng_bases_set(struct eng_graph *graph, struct eng_bases *bases)
{
	struct eng_reclaim *reclaim = &graph->reclaim;

	PAWL_REQUIRE(!pawl_load_relaxed(&reclaim->bases) && "they are counted once");
	/* Release: the counts. */
	pawl_store_release(&reclaim->bases, (void *)bases);
	look_at_all(graph, bases->limit);
}

bool eng_reclaim_is_asked(struct eng_graph *graph, eng_id id)
{
	struct eng_node *node = eng_lock_resident(graph, id);
	bool asked;

	if (!node)
		return pawl_slots_state(graph->tables[0], id) == PAWL_SLOT_EVICTED;
	asked = eng_word(node) & ENG_CALLED || eng_field(node, ENG_PINS);
	eng_unlock(node);
	return asked;
}

void eng_reclaim_stale(struct eng_graph *graph, eng_id id)
{
	struct eng_node *node;

	if (eng_reclaim_is_asked(graph, id))
		return;
	node = eng_lock_any(graph, id);
	if (!node)
		return;
	eng_reclaim_look(graph, node);
	eng_unlock(node);
}

/* ---- going ----------------------------------------------------------------------------------- */

/* Nobody finds it, its children have lost a parent. Locked. */
static void cut(struct eng_op *op, struct eng_node *node, struct remains *remains)
{
	union eng_slot *children = eng_field(node, ENG_CHILDREN);
	union eng_slot *still = eng_field(node, ENG_STILL_CHILDREN);
	struct pawl_value *value;
	uint32_t cursor = 0, cell;

	/* What a snapshot under way is to have of it is what it was. */
	eng_modify(node, ENG_META | ENG_DATA);
	if (eng_is_kept(node))
		note_gone(op->graph, node);
	node->bits |= ENG_GONE;
	PAWL_REQUIRE(pawl_rmap_remove_entry(op->graph->cache, eng_cache_hash(node), node));
	if (still)
		eng_uncalled(op, node, eng_list_of_set(&op->queue, &still->set));
	if (children)
		(void)eng_children_take(op, node, eng_list_of_set(&op->queue, &children->set),
					true);
	while (eng_cells_next(op->graph, node, &cursor, &cell, &value))
		remains_add(remains, value);
}

/* Locked; gives the lock back, and the record. */
static void take_out(struct eng_op *op, struct eng_node *node, struct remains *remains)
{
	struct eng_graph *graph = op->graph;
	eng_id id = eng_node_id(node);
	bool linked = node->bits & ENG_LINKED;
	struct reads by = reads_by(&op->queue, node), of = reads_of(&op->queue, node);

	cut(op, node, remains);
	eng_unlock(node);
	eng_op_run(op);
	forget_reads_by(graph, id, &by);
	op->cause = (struct eng_cause){ENG_CAUSE_OUTPUT, id, 0, 0};
	forget_reads_of(op, id, &of);
	op->cause.kind = ENG_CAUSE_NONE;
	if (PAWL_UNLIKELY(linked))
		eng_link_drop(op, id, true);
	eng_op_run(op);
	node = eng_lock(graph, id);
	/* Relaxed: found out by this thread, if it was just now. Then all is about to be summed up anew. */
	PAWL_REQUIRE((pawl_load_relaxed(&graph->lost) ||
		      (!eng_field(node, ENG_FOLLOWERS) && !pawl_cmap_count(&node->uppers))) &&
		     "nothing is left of what it summed up");
	(void)pawl_slots_drop(graph->tables[eng_is_transient(id)], &node->slot);
	pawl_add_relaxed(&graph->reclaim.collected, UINT64_C(1));
}

/* ---- passes ---------------------------------------------------------------------------------- */

enum verdict {
	STAYS, /* until it is a candidate again */
	LATER, /* it is to be looked at again */
	GOES
};

/* What comes from the store is in its table a moment before it is in the map. */
static bool is_in_map(struct eng_graph *graph, const struct eng_node *node)
{
	const struct eng_backing *backing = graph->backing;

	return !backing || eng_node_id(node) >= backing->limit || eng_cache_is(graph, node);
}

static enum verdict judge(struct eng_graph *graph, const struct eng_node *node)
{
	if (eng_parents(node) || eng_field(node, ENG_PINS) ||
	    is_anchored(&graph->reclaim, eng_node_id(node)))
		return STAYS;
	if (eng_field(node, ENG_RUN) || eng_active(node) || pawl_cmap_count(&node->uppers) ||
	    node->bits & ENG_CANCELED || !is_in_map(graph, node))
		return LATER;
	return GOES;
}

struct pass {
	struct eng_graph *graph;
	struct remains remains;
	struct eng_list later;
	uint32_t later_capacity;
	uint64_t collected;
	bool suspended; /* somebody was, or something is lost; nothing was done */
	bool over;	/* no candidate is left */
};

static eng_id take(struct eng_reclaim *reclaim)
{
	eng_id id = 0;

	pawl_lock_lock(&reclaim->lock);
	if (reclaim->candidates.n)
		id = reclaim->candidates.ids[--reclaim->candidates.n];
	pawl_lock_unlock(&reclaim->lock);
	return id;
}

static void put_off(struct pass *pass, eng_id id)
{
	struct eng_list *later = &pass->later;

	if (later->n == pass->later_capacity) {
		uint32_t capacity = later->n ? later->n * 2 : 64;
		eng_id *more = eng_must_alloc(capacity * sizeof(*more));

		if (later->n)
			memcpy(more, later->ids, later->n * sizeof(*more));
		pawl_mem_free(later->ids, pass->later_capacity * sizeof(*more), 0);
		later->ids = more;
		pass->later_capacity = capacity;
	}
	later->ids[later->n++] = id;
}

static void look_at(struct pass *pass, eng_id id)
{
	struct eng_graph *graph = pass->graph;
	struct eng_node *node;
	enum verdict verdict;
	struct eng_op op;

	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	node = eng_lock_any(graph, id);
	verdict = node ? judge(graph, node) : STAYS;
	if (node && verdict != LATER)
		node->bits &= ~ENG_CANDIDATE;
	if (verdict == LATER)
		put_off(pass, id);
	if (verdict == GOES) {
		take_out(&op, node, &pass->remains);
		pass->collected++;
	} else if (node) {
		eng_unlock(node);
	}
	eng_op_end(&op);
}

static void note_suspended(void *arg, void *op)
{
	(void)op;
	*(bool *)arg = true;
}

/* Nobody is inside. What is made dirty is told to all above before anybody is again. */
static void moment(void *arg)
{
	struct pass *pass = arg;
	struct eng_graph *graph = pass->graph;
	uint64_t until_ns = pawl_now_ns() + MOMENT_NS;
	uint32_t n = 0;
	eng_id id = 1;

	pass->suspended = false;
	eng_quiesce_each_suspended(graph->quiesce, note_suspended, &pass->suspended);
	/* What is lost took sums along: they come first. */
	pass->suspended |= pawl_load_relaxed(&graph->lost);
	if (pass->suspended)
		return;
	eng_told_hides(graph);
	while (!pawl_load_relaxed(&graph->lost) && (id = take(&graph->reclaim))) {
		look_at(pass, id);
		if (++n % MOMENT_LOOK == 0 && pawl_now_ns() >= until_ns)
			break;
	}
	pass->over = !id;
	pawl_add_relaxed(&graph->reclaim.moments, UINT64_C(1));
}

static int moment_run(struct pass *pass)
{
	int error;

	age(pass->graph, eng_now(pass->graph->rt));
	error = eng_quiesce_run(pass->graph->quiesce, moment, pass);
	/* The values' own functions may do what they like. */
	for (uint32_t i = 0; i < pass->remains.n; i++)
		pawl_value_unpin(pass->remains.values[i]);
	pass->remains.n = 0;
	return error;
}

/* They are looked at in the next pass. */
static void put_back(struct pass *pass)
{
	struct eng_reclaim *reclaim = &pass->graph->reclaim;

	pawl_lock_lock(&reclaim->lock);
	for (uint32_t i = 0; i < pass->later.n; i++)
		put(reclaim, pass->later.ids[i]);
	pawl_lock_unlock(&reclaim->lock);
	pawl_mem_free(pass->later.ids, pass->later_capacity * sizeof(eng_id), 0);
	pawl_mem_free(pass->remains.values,
		      pass->remains.capacity * sizeof(*pass->remains.values), 0);
}

static int pass_run(struct pass *pass)
{
	struct eng_graph *graph = pass->graph;
	uint32_t tries = 0;
	int error = 0;

	pawl_store_relaxed(&graph->reclaim.fresh, 0u);
	/* Ends: each turn takes candidates, or is one of a few. */
	while (!error && !pass->over && tries < TRIES_MOST &&
	       !pawl_load_relaxed(&graph->stopping)) {
		error = moment_run(pass);
		tries = pass->suspended ? tries + 1 : 0;
		/* Others first. On no worker, or cancelled: on we go. */
		if (!error && !pass->over)
			(void)pawl_yield();
	}
	put_back(pass);
	return error;
}

int eng_reclaim_all(struct eng_graph *graph, struct pawl_collect_stats *stats)
{
	struct pass pass = {.graph = graph};
	int error;

	if (eng_quiesce_is_inside(graph->quiesce))
		return -EDEADLK;
	if (graph->collects && graph->backing && graph->backing->count)
		graph->backing->count(graph->backing->arg);
	error = graph->collects ? pass_run(&pass) : 0;
	stats->collected = pass.collected;
	stats->left = pass.later.n;
	return error;
}

/* ---- in the background ------------------------------------------------------------------------- */

static int background(void *arg, void **ret_value)
{
	struct pass pass = {.graph = arg};

	(void)ret_value;
	return pass_run(&pass);
}

static void background_over(void *arg)
{
	struct eng_graph *graph = arg;

	/* Relaxed: what passes share is under the lock, and one beside another does no harm. */
	pawl_store_relaxed(&graph->reclaim.started, 0u);
}

/* In its lane it waits while there is anything else, but not for ever: waiting ages. Perhaps with a record locked. */
static void start(struct eng_graph *graph)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	uint32_t none = 0;

	if (pawl_load_relaxed(&graph->stopping) ||
	    !pawl_cas_relaxed(&graph->reclaim.started, &none, 1u))
		return;
	options.name = "collect";
	options.lane = PAWL_LANE_IDLE;
	options.free_arg = background_over;
	/* Else another time. */
	if (pawl_spawn(graph->group, &options, background, graph, NULL))
		background_over(graph);
}

void eng_reclaim_poke(struct eng_graph *graph)
{
	uint32_t fresh = pawl_load_relaxed(&graph->reclaim.fresh);

	if (PAWL_LIKELY(!fresh) || !graph->collects)
		return;
	if (fresh >=
	    (pawl_load_relaxed(&graph->busy) ? graph->reclaim.many : graph->reclaim.some))
		start(graph);
}

/* ---- the whole ----------------------------------------------------------------------------------- */

void eng_reclaim_init(struct eng_reclaim *reclaim, uint64_t after_ns)
{
	reclaim->after_ns = after_ns;
	reclaim->many = ENG_RECLAIM_MANY;
	reclaim->some = ENG_RECLAIM_SOME;
	pawl_lock_init(&reclaim->lock, PAWL_LOCK_RANK_NONE);
	pawl_init_word(&reclaim->fresh, 0u);
	pawl_init_word(&reclaim->started, 0u);
	pawl_init_word(&reclaim->held, UINT64_C(0));
	pawl_init_word(&reclaim->collected, UINT64_C(0));
	pawl_init_word(&reclaim->moments, UINT64_C(0));
	pawl_init_word(&reclaim->again, UINT64_C(0));
	pawl_init_word(&reclaim->bases, NULL);
}

void eng_reclaim_fini(struct eng_reclaim *reclaim)
{
	pawl_mem_free(reclaim->candidates.ids, reclaim->capacity * sizeof(eng_id), 0);
	eng_table_fini(&reclaim->anchors);
	gone_fini(&reclaim->gone);
	gone_fini(&reclaim->leaving);
	eng_bitmap_free(reclaim->went);
	bases_free(pawl_load_relaxed(&reclaim->bases));
}
