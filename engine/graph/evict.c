/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * evict.c - records leave memory whole, by the algorithm SIEVE.
 *
 * A hand goes round over the ids. A record that was used since it came by has that taken from it, and stays; another
 * one leaves, if nothing of it would be lost by that. Who uses a record has its lock in any case, and sets a bit there if
 * it is not set; so there is no list, and a hit writes nothing that it would not write anyway. What is called and never
 * read is not marked: nobody wants its value.
 *
 * What leaves is what the store has. A record comes back when it is locked (restore.c), as all do that were saved
 * by a process before. So whoever holds nothing but a number needs to know nothing: edges, queues of operations,
 * those that are suspended included, links, references. Whoever holds more keeps it: a run has a pin of its task's record
 * from its beginning until the last one has let go of it.
 *
 * What a task is in this session stays here, in a map of residues: that it, or what it aggregates, is clean in it. While it
 * is out nothing of that changes, since who changes it has its record back before.
 *
 * Of what else is not saved only this may be lost: that a task was used; why it ran; the priority of what made it dirty, which is
 * an order; that an optimisation was put off; that it was a follower, which is taken for granted of what comes back.
 *
 * Keys. What leaves is taken out of the map of tasks first. Who looks for its key from then on finds in the filter
 * that it may have left, asks the store, and has its number. Who looked before that, and found nothing in the map since the
 * task had not been made yet, is about to make another one: it looks at the count of what has left under the lock of
 * the key's shard, and begins anew if that has changed. (For that the task must have been made, saved and evicted
 * meanwhile.)
 *
 * Invariants:
 *  I1 what leaves has no mark, its key is saved, and no snapshot that is under way has taken it: the view that it will
 *     be restored from has it as it is. That view is exchanged before a snapshot counts as over (snapshot.c).
 *  I2 a record that is not in its table is not in the map.
 *  I3 the filter's bit of a key is set, and the count of its shard raised, before it is taken out of the map.
 *
 * Values. Of a record that stays, or where there is no store, values leave that its function makes again from what it has
 * read: of a task that is clean, and depends on nothing else. The cell is there, and empty: who reads it has the task run,
 * which is as clean as before, so nobody hears of it (cell.c). As with a final read.
 *
 * Rejected: leaving one category and keeping the other (persist: a record is restored whole, for the same reason); a list
 * in the order of use (a hit writes to three records); two bits for each record (one more pass over all that is
 * seldom used, and no better on crawls: what is used twice there is used often).
 */
#include "config.h"

#include "evict.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/hash.h>
#include <pawl/map.h>
#include <pawl/mem.h>
#include <pawl/park.h>
#include <pawl/rcu.h>
#include <pawl/retire.h>
#include <pawl/rmap.h>

#include "backing.h"
#include "bag.h"
#include "cells.h"
#include "context.h"
#include "pairs.h"
#include "registry.h"

#define BATCH	     64u /* records in one operation */
#define VALUES_MOST  16u /* of one record, at one time */
#define FILTER_LEAST 4096u
#define FILTER_MOST  (UINT64_C(1) << 24)

/* ---- what stays of a task that leaves ---------------------------------------------------------- */

/*
 * It was clean in this session, or what it aggregates was, or it is in the list of those that may be needed no more (reclaim.h):
 * nobody saves that. How many need it is forgotten: it is collected by another process.
 */
#define RESIDUE_BITS (ENG_SESSION_CLEAN | ENG_CANDIDATE)
struct residue {
	uint32_t bits;
	int32_t clean_count;
	struct pawl_cmap clean_containers;
};

static uint64_t residue_hash(const void *key)
{
	return pawl_hash_u64(*(const eng_id *)key, 0);
}

static bool has_residue(const struct eng_node *node)
{
	return node->bits & RESIDUE_BITS ||
	       eng_field_any(node, ENG_FIELD_BIT(ENG_CLEAN_CONTAINERS));
}

/* Locked. Returns: false: no memory. */
static bool residue_keep(struct eng_evict *evict, struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_CLEAN_CONTAINERS);
	struct residue *residue = pawl_mem_zalloc(sizeof(*residue), 0);
	eng_id id = eng_node_id(node);

	if (!residue)
		return false;
	if (pawl_map_put(evict->residues, residue_hash(&id), &id, &residue) < 0) {
		pawl_mem_free(residue, sizeof(*residue), 0);
		return false;
	}
	residue->bits = node->bits & RESIDUE_BITS;
	residue->clean_count = eng_clean_count(node);
	if (slot) {
		residue->clean_containers = slot->map;
		eng_field_drop(node, ENG_CLEAN_CONTAINERS);
	}
	return true;
}

void eng_evict_rejoin(struct eng_graph *graph, eng_id id, struct eng_node *node)
{
	struct residue *residue;

	if (!pawl_map_remove(graph->evict->residues, residue_hash(&id), &id, &residue))
		return;
	if (node) {
		node->bits |= residue->bits;
		if (pawl_cmap_count(&residue->clean_containers))
			eng_field_make(node, ENG_CLEAN_CONTAINERS)->map =
				residue->clean_containers;
		if (residue->clean_count)
			eng_field_make(node, ENG_CONTAINER_COUNTS)->counts.b =
				residue->clean_count;
	} else {
		pawl_cmap_fini(&residue->clean_containers);
	}
	pawl_mem_free(residue, sizeof(*residue), 0);
}

static void residues_free(struct pawl_map *residues)
{
	struct pawl_map_cursor cursor = {0};
	struct residue *list[BATCH];
	eng_id ids[BATCH];
	size_t n;

	while ((n = pawl_map_scan(residues, &cursor, BATCH, ids, list)))
		while (n--) {
			pawl_cmap_fini(&list[n]->clean_containers);
			pawl_mem_free(list[n], sizeof(*list[n]), 0);
		}
	pawl_map_destroy(residues);
}

/* ---- the whole ---------------------------------------------------------------------------------- */

int eng_evict_create(uint64_t records, struct eng_evict **ret_evict)
{
	struct eng_evict *evict = pawl_mem_zalloc(sizeof(*evict), PAWL_LINE_BYTES);
	struct pawl_map_options residues =
		PAWL_MAP_OPTIONS(eng_id, struct residue *, residue_hash);
	uint64_t bits = FILTER_LEAST;

	if (!evict)
		return -ENOMEM;
	while (bits < records * 4 && bits < FILTER_MOST)
		bits *= 2;
	evict->filter_mask = bits - 1;
	evict->filter = pawl_mem_zalloc(bits / 8, PAWL_LINE_BYTES);
	if (!evict->filter) {
		pawl_mem_free(evict, sizeof(*evict), PAWL_LINE_BYTES);
		return -ENOMEM;
	}
	if (pawl_map_create(&residues, &evict->residues)) {
		pawl_mem_free(evict->filter, bits / 8, PAWL_LINE_BYTES);
		pawl_mem_free(evict, sizeof(*evict), PAWL_LINE_BYTES);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < ENG_EVICT_SHARDS; i++)
		pawl_lock_init(&evict->shards[i].lock, ENG_RANK_EVICT);
	*ret_evict = evict;
	return 0;
}

void eng_evict_destroy(struct eng_evict *evict)
{
	if (!evict)
		return;
	residues_free(evict->residues);
	pawl_mem_free(evict->filter, (evict->filter_mask + 1) / 8, PAWL_LINE_BYTES);
	pawl_mem_free(evict, sizeof(*evict), PAWL_LINE_BYTES);
}

/* ---- who stays -------------------------------------------------------------------------------- */

/* Bits that may be set in what leaves: those that are saved, or stay as a residue, and those that may be lost. */
#define LEAVES_WITH (ENG_EVICT_SAVED | RESIDUE_BITS | ENG_FOLLOWED | ENG_OPTIMIZE | ENG_USED)

static bool any_in_set(const struct pawl_sset *set)
{
	uint32_t cursor = 0, id;

	while (pawl_sset_next(set, &cursor, &id)) {
		if (eng_is_transient(id))
			return true;
	}
	return false;
}

static bool any_in_set64(const struct pawl_sset64 *set)
{
	uint32_t cursor = 0;
	uint64_t key;

	while (pawl_sset64_next(set, &cursor, &key)) {
		if (eng_is_transient((eng_id)key))
			return true;
	}
	return false;
}

static bool any_in_map(const struct pawl_cmap *map)
{
	struct pawl_cmap_entry entry;
	uint32_t cursor = 0;

	while (pawl_cmap_next(map, &cursor, &entry)) {
		if (eng_is_transient(entry.key))
			return true;
	}
	return false;
}

static bool any_in_pairs(const struct eng_pairs *pairs)
{
	struct eng_pair pair;
	uint32_t cursor = 0;

	while (eng_pairs_next(pairs, &cursor, &pair)) {
		if (eng_is_transient((eng_id)pair.a))
			return true;
	}
	return false;
}

static bool any_in_bag(const struct eng_bag *bag)
{
	struct eng_bag_cursor cursor = {0, 0};
	struct eng_collectible entry;

	while (eng_bag_next(bag, &cursor, &entry)) {
		if (eng_is_transient((eng_id)entry.ref))
			return true;
	}
	return false;
}

/* What is not saved of a task, in a field of its tail. */
static enum eng_stay stays_session(enum eng_field field)
{
	switch (field) {
	case ENG_HISTORY:
	case ENG_DIRTY_PRIORITY:
	case ENG_CLEAN_CONTAINERS:
		return ENG_STAY_NOT;
	case ENG_RUN:
		return ENG_STAY_RUN;
	case ENG_ACTIVE:
		return ENG_STAY_ACTIVE;
	case ENG_PINS:
		return ENG_STAY_PINNED;
	default:
		return ENG_STAY_SESSION;
	}
}

#define SET(slot)		   (any_in_set(&(slot)->set))
#define SET64(slot)		   (any_in_set64(&(slot)->set64))
#define MAP(slot)		   (any_in_map(&(slot)->map))
#define PAIRS(slot)		   (any_in_pairs((slot)->pairs))
#define BAG(slot)		   (any_in_bag((slot)->bag))
#define WORDS(slot)		   (false)
#define POINTER(slot)		   (false)
#define META(slot, kind, field)	   (kind(slot) ? ENG_STAY_EDGE : ENG_STAY_NOT)
#define DATA(slot, kind, field)	   META(slot, kind, field)
#define SESSION(slot, kind, field) stays_session(field)

static enum eng_stay stays_field(const struct eng_node *node, enum eng_field field)
{
	const union eng_slot *slot = eng_field(node, field);

	switch (field) {
#define X(name, kind, category, filtered, shrinks, immutable) \
	case ENG_##name:                                      \
		return category(slot, kind, field);
		ENG_FIELDS_TAIL(X)
#undef X
	case ENG_FIELD_COUNT:
		break;
	}
	return ENG_STAY_SESSION;
}

#undef SET
#undef SET64
#undef MAP
#undef PAIRS
#undef BAG
#undef WORDS
#undef POINTER
#undef META
#undef DATA
#undef SESSION

static enum eng_stay stays_tail(const struct eng_node *node)
{
	uint32_t present = node->tail ? node->tail->present : 0;
	enum eng_stay stay = ENG_STAY_NOT;

	for (; present && !stay; present &= present - 1)
		stay = stays_field(node, (enum eng_field)__builtin_ctz(present));
	return stay;
}

static enum eng_stay stays_values(const struct eng_graph *graph, const struct eng_node *node)
{
	struct pawl_value *value;
	uint32_t cursor = 0, cell;

	while (eng_cells_next(graph, node, &cursor, &cell, &value)) {
		const struct pawl_value_type *type = pawl_value_type_of(value);

		if (!eng_type_is_saved(type) || type->flags & PAWL_VALUE_STAYS)
			return ENG_STAY_VALUE;
	}
	return ENG_STAY_NOT;
}

enum eng_stay eng_stays(const struct eng_graph *graph, const struct eng_node *node)
{
	enum eng_stay stay;

	if (!eng_is_kept(node) || eng_word(node) & ENG_TRANSIENT)
		return ENG_STAY_UNKEPT;
	if (!eng_node_key(node)->function)
		return ENG_STAY_LOST;
	if (node->bits & (ENG_NEW | ENG_META | ENG_DATA))
		return ENG_STAY_UNSAVED;
	stay = stays_tail(node);
	if (stay)
		return stay;
	/* Relaxed: pins are taken under the record's lock, or before it is published. */
	if (pawl_load_relaxed(&node->slot.pawl_pins))
		return ENG_STAY_RUN;
	if (node->bits & ~LEAVES_WITH)
		return ENG_STAY_SESSION;
	if (!(node->bits & ENG_ERROR) && eng_is_transient((eng_id)node->output))
		return ENG_STAY_EDGE;
	if (any_in_map(&node->uppers) || any_in_set(&node->output_dependents) ||
	    any_in_set64(&node->cell_dependents))
		return ENG_STAY_EDGE;
	stay = stays_values(graph, node);
	if (stay)
		return stay;
	/* Last: a lock. */
	return eng_marks_has_taken(graph->marks, eng_node_id(node)) ||
			       !graph->backing->is_current(graph->backing->arg)
		       ? ENG_STAY_UNSAVED
		       : ENG_STAY_NOT;
}

/* ---- leaving ------------------------------------------------------------------------------------ */

/* Its key is found in the store from now on. Locked. */
static void forget_key(struct eng_graph *graph, struct eng_node *node)
{
	struct eng_evict *evict = graph->evict;
	uint64_t hash = eng_cache_hash(node), bit = (hash ^ hash >> 29) & evict->filter_mask;
	struct eng_evict_shard *shard = eng_evict_shard(evict, hash);
	bool was_there = false;

	pawl_lock_lock(&shard->lock);
	/* Relaxed, both: the lock orders them for who makes a task; release: for who looks without it. */
	(void)pawl_or_relaxed(&evict->filter[bit >> 6], UINT64_C(1) << (bit & 63));
	pawl_store_release(&shard->gone, pawl_load_relaxed(&shard->gone) + 1);
	/* One that came back with another one's key was not there: that was a loss. */
	if (PAWL_MC_STEP("leave-map"))
		was_there = pawl_rmap_remove_entry(graph->cache, hash, node);
	pawl_lock_unlock(&shard->lock);
	(void)was_there;
}

/* Would its next run, if it is made only for its values, be what the last one was? Locked. */
static bool runs_alike(const struct eng_node *node)
{
	const uint32_t bits = ENG_DIRTY | ENG_SESSION | ENG_SESSION_CLEAN | ENG_ERROR |
			      ENG_INVALIDATOR | ENG_STATEFUL | ENG_ONCE | ENG_ROOT |
			      ENG_CANCELED | ENG_LINKED | ENG_FINISHED | ENG_GOES_ON;
	const uint32_t fields = ENG_FIELD_BIT(ENG_RUN) | ENG_FIELD_BIT(ENG_ACTIVE) |
				ENG_FIELD_BIT(ENG_PINS) | ENG_FIELD_BIT(ENG_RING_VICTIMS) |
				ENG_FIELD_BIT(ENG_CLOSURE);

	return node->output && eng_node_key(node)->function && !(node->bits & bits) &&
	       !eng_field_any(node, fields);
}

/* Values that can be made again. Locked. Returns: how many, no more than VALUES_MOST; the caller's. */
static unsigned take_values(const struct eng_graph *graph, struct eng_node *node,
			    struct pawl_value **ret_gone)
{
	uint32_t cursor = 0, cell, cells[VALUES_MOST];
	struct pawl_value *value;
	unsigned n = 0;

	if (!runs_alike(node))
		return 0;
	while (n < VALUES_MOST && eng_cells_next(graph, node, &cursor, &cell, &value)) {
		const struct pawl_value_type *type = pawl_value_type_of(value);

		/* What is saved leaves with its record. */
		if (type->flags & (PAWL_VALUE_STAYS | PAWL_VALUE_EXPENSIVE) ||
		    (eng_is_kept(node) && eng_type_is_saved(type)) ||
		    !eng_cell_exists(graph, node, cell))
			continue;
		cells[n++] = cell;
	}
	for (unsigned i = 0; i < n; i++)
		ret_gone[i] = eng_cell_put(graph, node, cells[i], NULL);
	return n;
}

/* Of a record that is there. Returns: how much of it has left. */
static unsigned leave(struct eng_graph *graph, eng_id id, bool used_as_well, bool *pressed)
{
	struct eng_node *node = eng_lock_resident(graph, id);
	enum eng_stay stay = ENG_STAY_USED;
	struct pawl_value *gone[VALUES_MOST];
	bool more = false;
	unsigned n = 0;

	if (!node)
		return 0;
	if (used_as_well || !(node->bits & ENG_USED))
		stay = graph->evicts ? eng_stays(graph, node) : ENG_STAY_UNKEPT;
	node->bits &= ~ENG_USED;
	if (!stay && has_residue(node) && !residue_keep(graph->evict, node))
		stay = ENG_STAY_SESSION;
	pawl_add_relaxed(&graph->evict->stayed[stay], 1u);
	if (stay) {
		if (stay != ENG_STAY_USED)
			n = take_values(graph, node, gone);
		eng_unlock(node);
		pawl_add_relaxed(&graph->evict->dropped, n);
		for (unsigned i = 0; i < n; i++)
			pawl_value_unpin(gone[i]);
		return n;
	}
	forget_key(graph, node);
	PAWL_REQUIRE(!pawl_slots_evict(graph->tables[0], &node->slot, &more) &&
		     "nobody pins what is not scheduled");
	*pressed |= more;
	pawl_add_relaxed(&graph->evict->evicted, 1u);
	return 1;
}

/* The next records that are there, from the hand on. Returns: how many; fewer than wanted: the hand is at the end. */
static unsigned next_ids(struct eng_graph *graph, unsigned wanted, eng_id *ids)
{
	struct eng_evict *evict = graph->evict;
	unsigned n = 0;

	pawl_rcu_begin();
	while (n < wanted && pawl_slots_next(graph->tables[0], &evict->hand, PAWL_SLOTS_ID_MAX))
		ids[n++] = evict->hand++;
	pawl_rcu_end();
	return n;
}

/* Returns: false: it is another one's, or somebody wants that nothing leaves. In an operation. */
static bool turn_take(struct eng_evict *evict)
{
	uint32_t free = 0;

	/* Acquire, and release below: the fence would do for both, but ThreadSanitizer does not see it. */
	if (!pawl_cas_acquire(&evict->turn, &free, 1u))
		return false;
	/* Either this sees the pause, or who has begun it sees the turn. */
	pawl_fence_dekker();
	/* Relaxed: by the fences. */
	if (PAWL_LIKELY(!pawl_load_relaxed(&evict->pauses)))
		return true;
	pawl_store_release(&evict->turn, 0u);
	return false;
}

/* One operation. Returns: how many were looked at. */
static unsigned batch(struct eng_graph *graph, unsigned wanted, bool used_as_well,
		      uint64_t *evicted)
{
	struct eng_evict *evict = graph->evict;
	struct eng_quiesce_slot *inside;
	bool pressed = false;
	eng_id ids[BATCH];
	unsigned n = 0;

	/* In this order: at a moment of quiet it is nobody's turn. */
	inside = eng_quiesce_enter(graph->quiesce, graph);
	if (!turn_take(evict)) {
		eng_quiesce_leave(graph->quiesce, inside);
		return 0;
	}
	n = next_ids(graph, wanted, ids);
	for (unsigned i = 0; i < n; i++)
		*evicted += leave(graph, ids[i], used_as_well, &pressed);
	if (n < wanted)
		evict->hand = 0;
	pawl_store_release(&evict->turn, 0u);
	eng_quiesce_leave(graph->quiesce, inside);
	if (pressed)
		pawl_retire_wait();
	return n;
}

static uint64_t evict_some(struct eng_graph *graph, uint32_t looks, bool used_as_well)
{
	struct pawl_waiter *before;
	uint64_t evicted = 0;

	if (!graph->evict)
		return 0;
	PAWL_REQUIRE(!eng_quiesce_is_inside(graph->quiesce));
	/* It sleeps as the thread. */
	before = pawl_waiter_set(NULL);
	while (looks) {
		unsigned wanted = looks < BATCH ? looks : BATCH;

		if (batch(graph, wanted, used_as_well, &evicted) < wanted)
			break;
		looks -= wanted;
	}
	(void)pawl_waiter_set(before);
	return evicted;
}

uint64_t eng_evict_some(struct eng_graph *graph, uint32_t looks)
{
	return evict_some(graph, looks, false);
}

uint64_t eng_evict_all(struct eng_graph *graph)
{
	if (!graph->evict)
		return 0;
	if (turn_take(graph->evict)) {
		graph->evict->hand = 0;
		pawl_store_release(&graph->evict->turn, 0u);
	}
	return evict_some(graph, UINT32_MAX, true);
}

void eng_evict_pause(struct eng_graph *graph)
{
	struct eng_evict *evict = graph->evict;

	if (!evict)
		return;
	pawl_add_relaxed(&evict->pauses, 1u);
	/* The other order of turn_take(). Ends: a turn is of some records. */
	pawl_fence_dekker();
	while (pawl_load_acquire(&evict->turn)) {
		pawl_pause();
		eng_memory_wait();
	}
}

void eng_evict_resume(struct eng_graph *graph)
{
	if (graph->evict)
		pawl_sub_relaxed(&graph->evict->pauses, 1u);
}
