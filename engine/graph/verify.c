/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verify.c - everything that is kept as a sum, or at both ends of an edge, computed again and compared.
 *
 * For a graph in which nothing runs and no operation is under way. Each rule is one pass over all records into
 * tables of what should be, and one that compares with what is.
 *  edges        uppers and followers are as aggregate.c's rule says, with the right counts
 *  numbers      who aggregates has the larger number, but for roots
 *  dirt         containers and their counts are the sums over inner tasks
 *  collectibles the same
 *  activeness   referrers are those active tasks that have it as a follower
 *  reads        both ends of each dependency know of it; nothing outdated is left
 *  calls        no task reaches itself by them
 *  stillness    who is called without an edge is still, and has nothing to sum up
 *  parents      each counts those that call it, and visits that are not over (reclaim.h); who has none and is held by
 *		 nothing is a candidate
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <pawl/atomic.h>
#include <pawl/rcu.h>

#include "backing.h"
#include "evict.h"
#include "graph.h"
#include "heal.h"
#include "pairs.h"
#include "run.h"

struct audit {
	struct eng_graph *graph;
	struct eng_queue arena;
	/* All tasks: looked for once, which is most of the work where they are few. */
	eng_id *ids;
	uint32_t ids_n, ids_capacity;
	struct eng_table edges;	  /* upper << 32 | task; a: expected, b: there */
	struct eng_table dirt;	  /* upper << 32 | inner; a: dirty, b: clean */
	struct eng_table active;  /* task; a: expected */
	struct eng_table still;	  /* task; a: it is */
	struct eng_table bags;	  /* upper; a: its place in `sums` */
	struct eng_table all;	  /* tasks */
	struct eng_table parents; /* task; a: expected */
	struct eng_bag **sums;
	char *buf;
	size_t len;
	bool broken;
};

static void broken(struct audit *audit, const char *format, ...) PAWL_PRINTF(2, 3);
static void broken(struct audit *audit, const char *format, ...)
{
	va_list args;

	if (audit->broken)
		return;
	audit->broken = true;
	va_start(args, format);
	if (audit->len)
		(void)vsnprintf(audit->buf, audit->len, format, args);
	va_end(args);
}

typedef void audit_fn(struct audit *audit, struct eng_node *node, eng_id id);

static void note_id(struct audit *audit, eng_id id)
{
	if (audit->ids_n == audit->ids_capacity) {
		uint32_t capacity = audit->ids_n ? audit->ids_n * 2 : 64;
		eng_id *ids = eng_queue_alloc(&audit->arena, capacity * sizeof(*ids));

		for (uint32_t i = 0; i < audit->ids_n; i++)
			ids[i] = audit->ids[i];
		audit->ids = ids;
		audit->ids_capacity = capacity;
	}
	audit->ids[audit->ids_n++] = id;
}

static void find_all(struct audit *audit)
{
	for (unsigned i = 0; i < 2; i++) {
		for (uint32_t id = 0;; id++) {
			struct pawl_slot *slot;

			pawl_rcu_begin();
			slot = pawl_slots_next(audit->graph->tables[i], &id, PAWL_SLOTS_ID_MAX);
			pawl_rcu_end();
			if (!slot)
				break;
			note_id(audit, id | (i ? ENG_TRANSIENT : 0));
		}
	}
}

static void each(struct audit *audit, audit_fn *fn)
{
	for (uint32_t i = 0; i < audit->ids_n; i++) {
		struct eng_node *node = eng_lock_any(audit->graph, audit->ids[i]);

		if (!node)
			continue;
		fn(audit, node, eng_node_id(node));
		eng_unlock(node);
	}
}

static struct eng_entry *entry(struct eng_table *table, eng_id above, eng_id below)
{
	bool is_new;

	return eng_table_put(table, (uint64_t)above << 32 | below, &is_new);
}

/* ---- what should be ---------------------------------------------------------------------- */

static void expect_edges(struct audit *audit, struct eng_node *node, eng_id id)
{
	struct eng_list next = eng_followers_of(&audit->arena, node);
	struct eng_list uppers = eng_uppers_of(&audit->arena, node);
	union eng_slot *slot = eng_field(node, ENG_CHILDREN);
	uint32_t cursor = 0, child;

	for (uint32_t u = 0; u < uppers.n; u++) {
		for (uint32_t f = 0; f < next.n; f++) {
			if (uppers.ids[u] != next.ids[f])
				entry(&audit->edges, uppers.ids[u], next.ids[f])->a++;
		}
	}
	while (eng_aggregates(node) && slot && pawl_sset_next(&slot->set, &cursor, &child)) {
		if (child != id)
			entry(&audit->edges, id, child)->a++;
	}
}

static void expect_dirt(struct audit *audit, struct eng_node *node, eng_id id)
{
	struct eng_update update = eng_contribution(&audit->arena, node, 1);
	struct eng_list uppers = eng_uppers_of(&audit->arena, node);

	for (uint32_t u = 0; u < uppers.n; u++) {
		struct eng_entry *place;
		bool is_new;

		if (update.dirty) {
			place = entry(&audit->dirt, uppers.ids[u], id);
			place->a += (uint32_t)update.dirty;
			place->b += (uint32_t)update.clean;
		}
		if (!update.n)
			continue;
		place = eng_table_put(&audit->bags, uppers.ids[u], &is_new);
		if (is_new) {
			struct eng_bag **sums =
				eng_queue_alloc(&audit->arena, audit->bags.n * sizeof(*sums));

			for (uint32_t i = 0; i + 1 < audit->bags.n; i++)
				sums[i] = audit->sums[i];
			place->a = audit->bags.n - 1;
			sums[place->a] = NULL;
			audit->sums = sums;
		}
		for (uint32_t i = 0; i < update.n; i++)
			(void)eng_bag_add(&audit->sums[place->a], update.collectibles[i].trait,
					  update.collectibles[i].ref,
					  update.collectibles[i].count);
	}
}

static void expect_active(struct audit *audit, struct eng_node *node, eng_id id)
{
	struct eng_list next;
	bool is_new;

	(void)id;
	if (eng_referrers(node) <= 0)
		return;
	next = eng_followers_of(&audit->arena, node);
	for (uint32_t i = 0; i < next.n; i++)
		eng_table_put(&audit->active, next.ids[i], &is_new)->a++;
}

/* A link keeps whom it leads to active. */
static void expect_links(struct audit *audit)
{
	eng_id caller, callee;
	uint32_t cursor = 0;
	bool is_new;

	while (eng_link_next(audit->graph, &cursor, &caller, &callee)) {
		if (callee)
			eng_table_put(&audit->active, callee, &is_new)->a++;
	}
}

/* ---- what is -------------------------------------------------------------------------------- */

static void note_edges(struct audit *audit, struct eng_node *node, eng_id id)
{
	union eng_slot *slot = eng_field(node, ENG_FOLLOWERS);
	struct pawl_cmap_entry each_entry;
	struct eng_entry *place;
	uint32_t cursor = 0;

	while (slot && pawl_cmap_next(&slot->map, &cursor, &each_entry)) {
		entry(&audit->edges, id, each_entry.key)->b += (uint32_t)each_entry.count;
		if (!eng_aggregates(node))
			broken(audit, "task %x is a leaf and has followers", id);
	}
	cursor = 0;
	while (pawl_cmap_next(&node->uppers, &cursor, &each_entry)) {
		place = entry(&audit->edges, each_entry.key, id);
		if (place->b)
			broken(audit, "task %x is inner to %x and its follower", id,
			       each_entry.key);
		place->b += (uint32_t)each_entry.count;
	}
}

static void compare_edges(struct audit *audit)
{
	for (uint32_t i = 0; i < audit->edges.n; i++) {
		struct eng_entry at = audit->edges.entries[i];

		if (at.a != at.b)
			broken(audit, "edge from %x to %x has count %u, not %u",
			       (unsigned)(at.key >> 32), (unsigned)at.key, at.b, at.a);
	}
}

static void compare_numbers(struct audit *audit)
{
	for (uint32_t i = 0; i < audit->edges.n; i++) {
		eng_id above = (eng_id)(audit->edges.entries[i].key >> 32);
		eng_id below = (eng_id)audit->edges.entries[i].key;
		struct eng_node *upper, *task;
		uint32_t high, low;

		if (!eng_lock_pair(audit->graph, above, below, &upper, &task)) {
			broken(audit, "edge from %x to %x leads nowhere", above, below);
			continue;
		}
		high = eng_number(upper);
		low = eng_number(task);
		if (pawl_cmap_get(&task->uppers, above) && high != ENG_NUMBER_ROOT &&
		    high <= low)
			broken(audit, "task %x (%u) is inner to %x (%u)", below, low, above,
			       high);
		if (eng_map_get(upper, ENG_FOLLOWERS, below) &&
		    (high < ENG_NUMBER_LEAF || high > low || high == ENG_NUMBER_ROOT))
			broken(audit, "task %x (%u) follows %x (%u)", below, low, above, high);
		eng_unlock_pair(upper, task);
	}
}

static void compare_dirt(struct audit *audit, struct eng_node *node, eng_id id)
{
	union eng_slot *dirty = eng_field(node, ENG_DIRTY_CONTAINERS);
	union eng_slot *clean = eng_field(node, ENG_CLEAN_CONTAINERS);
	struct pawl_cmap_entry at;
	uint32_t cursor = 0;
	int32_t dirty_count = 0, clean_count = 0;

	while (dirty && pawl_cmap_next(&dirty->map, &cursor, &at)) {
		struct eng_entry *want =
			eng_table_get(&audit->dirt, (uint64_t)id << 32 | at.key);

		if (!want || (int32_t)want->a != at.count)
			broken(audit, "task %x counts %d for dirt of %x, not %d", id, at.count,
			       at.key, want ? (int)want->a : 0);
		else
			want->a = 0;
		dirty_count += at.count > 0;
		clean_count += at.count > 0 &&
			       at.count <= eng_map_get(node, ENG_CLEAN_CONTAINERS, at.key);
	}
	cursor = 0;
	while (clean && pawl_cmap_next(&clean->map, &cursor, &at)) {
		struct eng_entry *want =
			eng_table_get(&audit->dirt, (uint64_t)id << 32 | at.key);

		if (!want || (int32_t)want->b != at.count)
			broken(audit, "task %x counts %d for clean %x", id, at.count, at.key);
		else
			want->b = 0;
	}
	if (eng_dirty_count(node) != dirty_count || eng_clean_count(node) != clean_count)
		broken(audit, "task %x sums up %d dirty, %d clean containers, not %d, %d", id,
		       eng_dirty_count(node), eng_clean_count(node), dirty_count, clean_count);
}

/* What is called without an edge has nothing to sum up. */
static void compare_still(struct audit *audit, struct eng_node *node, eng_id id)
{
	union eng_slot *slot = eng_field(node, ENG_STILL_CHILDREN);
	struct eng_update update;
	uint32_t cursor = 0, child;
	bool is_new;

	while (slot && pawl_sset_next(&slot->set, &cursor, &child))
		(void)eng_table_put(&audit->still, child, &is_new);
	if (!(node->bits & ENG_STILL))
		return;
	update = eng_contribution(&audit->arena, node, 1);
	if (!eng_update_is_empty(&update))
		broken(audit, "task %x is still, and has something to sum up", id);
	eng_table_put(&audit->still, id, &is_new)->a = 1;
}

static void compare_still_calls(struct audit *audit)
{
	for (uint32_t i = 0; i < audit->still.n; i++) {
		if (!audit->still.entries[i].a)
			broken(audit, "task %x is called as one that is still, and is not",
			       (unsigned)audit->still.entries[i].key);
	}
}

static void compare_rest_of_dirt(struct audit *audit)
{
	for (uint32_t i = 0; i < audit->dirt.n; i++) {
		struct eng_entry at = audit->dirt.entries[i];

		if (at.a || at.b)
			broken(audit, "task %x does not know dirt of %x",
			       (unsigned)(at.key >> 32), (unsigned)at.key);
	}
}

static void compare_collectibles(struct audit *audit, struct eng_node *node, eng_id id)
{
	union eng_slot *slot = eng_field(node, ENG_AGGREGATED_COLLECTIBLES);
	struct eng_entry *place = eng_table_get(&audit->bags, id);
	struct eng_bag *have = slot ? slot->bag : NULL;
	struct eng_bag *want = place ? audit->sums[place->a] : NULL;
	struct eng_bag_cursor cursor = {0, 0};
	struct eng_collectible at;

	if (eng_bag_count(have) != eng_bag_count(want))
		broken(audit, "task %x sums up %u collectibles, not %u", id,
		       eng_bag_count(have), eng_bag_count(want));
	while (eng_bag_next(want, &cursor, &at)) {
		if (eng_bag_get(have, at.trait, at.ref) != at.count)
			broken(audit, "task %x counts %d of a collectible, not %d", id,
			       eng_bag_get(have, at.trait, at.ref), at.count);
	}
}

static void compare_active(struct audit *audit, struct eng_node *node, eng_id id)
{
	struct eng_entry *want = eng_table_get(&audit->active, id);
	union eng_slot *slot = eng_field(node, ENG_ACTIVE);
	/* Of what is still nobody counts any. */
	int32_t expected = want && !(node->bits & ENG_STILL) ? (int32_t)want->a : 0;

	if (eng_run_of(node)) {
		broken(audit, "task %x runs, or waits to run", id);
		return;
	}
	if (audit->graph->track_active && eng_referrers(node) != expected)
		broken(audit, "task %x has %d active referrers, not %d", id,
		       eng_referrers(node), expected);
	if (!slot)
		return;
	if (!slot->active.referrers && !slot->active.flags && !slot->active.clean)
		broken(audit, "task %x is active without a reason", id);
	if (slot->active.flags & ENG_ACTIVE_UNTIL_CLEAN && !eng_needs_run(node) &&
	    !eng_has_dirty_containers(node))
		broken(audit, "task %x is active until it is clean, and is clean", id);
	if (eng_needs_run(node) && !(node->bits & ENG_CANCELED))
		broken(audit, "task %x is active and dirty, and does not run", id);
}

/* ---- reads ------------------------------------------------------------------------------------ */

struct half {
	eng_id from, to;
	uint64_t word; /* what the other end should have */
	uint64_t key;  /* KEY_...: and this */
	/* Of this task by the other one, or by this one of the other. */
	enum {
		OUTPUT_OF,
		OUTPUT_BY,
		CELL_OF,
		CELL_BY,
		KEY_OF,
		KEY_BY,
		COLLECTED_OF,
		COLLECTED_BY
	} kind;
};

struct halves {
	struct half *list;
	uint32_t n;
};

static void add_half(struct halves *halves, eng_id id, uint64_t word, uint64_t key, int kind)
{
	halves->list[halves->n++] =
		(struct half){id, (eng_id)word, (word & ~(uint64_t)UINT32_MAX) | id, key, kind};
}

static void gather_words(struct halves *halves, eng_id id, const struct pawl_sset64 *words,
			 int kind)
{
	uint32_t cursor = 0;
	uint64_t word;

	while (words && pawl_sset64_next(words, &cursor, &word))
		add_half(halves, id, word, 0, kind);
}

static void gather_pairs(struct halves *halves, eng_id id, const union eng_slot *pairs,
			 int kind)
{
	uint32_t cursor = 0;
	struct eng_pair pair;

	while (pairs && eng_pairs_next(pairs->pairs, &cursor, &pair))
		add_half(halves, id, pair.a, pair.b, kind);
}

static uint32_t words_n(const union eng_slot *slot)
{
	return slot ? pawl_sset64_count(&slot->set64) : 0;
}

static uint32_t pairs_n(const union eng_slot *slot)
{
	return slot ? eng_pairs_count(slot->pairs) : 0;
}

/* All edges of one record, to be looked for at their other ends afterwards. */
static void gather_halves(struct audit *audit, struct eng_node *node, struct halves *halves)
{
	union eng_slot *outputs = eng_field(node, ENG_OUTPUT_DEPENDENCIES);
	union eng_slot *cells = eng_field(node, ENG_CELL_DEPENDENCIES);
	union eng_slot *keys = eng_field(node, ENG_KEYED_DEPENDENCIES);
	union eng_slot *keys_of = eng_field(node, ENG_KEYED_DEPENDENTS);
	union eng_slot *collected = eng_field(node, ENG_COLLECTIBLES_DEPENDENCIES);
	union eng_slot *collected_of = eng_field(node, ENG_COLLECTIBLES_DEPENDENTS);
	eng_id id = eng_node_id(node);
	uint32_t most = pawl_sset_count(&node->output_dependents) +
			pawl_sset64_count(&node->cell_dependents) +
			(outputs ? pawl_sset_count(&outputs->set) : 0) + words_n(cells) +
			words_n(collected) + words_n(collected_of) + pairs_n(keys) +
			pairs_n(keys_of);
	uint32_t cursor = 0, other;

	/*
	 * Where something was lost all is dirty, and what was immutable is not any more: it knows of nobody who has read it. They
	 * are to run anyway.
	 */
	if (audit->graph->backing && eng_needs_run(node))
		outputs = cells = keys = collected = NULL;
	halves->n = 0;
	halves->list = eng_queue_alloc(&audit->arena, (most + 1) * sizeof(*halves->list));
	while (pawl_sset_next(&node->output_dependents, &cursor, &other))
		add_half(halves, id, other, 0, OUTPUT_OF);
	cursor = 0;
	while (outputs && pawl_sset_next(&outputs->set, &cursor, &other))
		add_half(halves, id, other, 0, OUTPUT_BY);
	gather_words(halves, id, &node->cell_dependents, CELL_OF);
	gather_words(halves, id, cells ? &cells->set64 : NULL, CELL_BY);
	gather_words(halves, id, collected_of ? &collected_of->set64 : NULL, COLLECTED_OF);
	gather_words(halves, id, collected ? &collected->set64 : NULL, COLLECTED_BY);
	gather_pairs(halves, id, keys_of, KEY_OF);
	gather_pairs(halves, id, keys, KEY_BY);
}

static bool has_pair(const struct eng_node *node, enum eng_field field, const struct half *half)
{
	union eng_slot *slot = eng_field(node, field);

	return slot && eng_pairs_has(slot->pairs, (struct eng_pair){half->word, half->key});
}

static void compare_half(struct audit *audit, struct half half)
{
	struct eng_node *node = eng_lock_any(audit->graph, half.to);
	bool there = false;

	if (!node) {
		broken(audit, "a read between %x and %x leads nowhere", half.from, half.to);
		return;
	}
	switch (half.kind) {
	case OUTPUT_OF:
		there = eng_set_has(node, ENG_OUTPUT_DEPENDENCIES, half.from);
		break;
	case OUTPUT_BY:
		there = pawl_sset_has(&node->output_dependents, half.from) ||
			node->bits & ENG_IMMUTABLE;
		break;
	case CELL_OF:
		there = eng_set64_has(node, ENG_CELL_DEPENDENCIES, half.word);
		break;
	case CELL_BY:
		there = pawl_sset64_has(&node->cell_dependents, half.word) ||
			node->bits & ENG_IMMUTABLE;
		break;
	case KEY_OF:
		there = has_pair(node, ENG_KEYED_DEPENDENCIES, &half);
		break;
	case KEY_BY:
		there = has_pair(node, ENG_KEYED_DEPENDENTS, &half) ||
			node->bits & ENG_IMMUTABLE;
		break;
	case COLLECTED_OF:
		there = eng_set64_has(node, ENG_COLLECTIBLES_DEPENDENCIES, half.word);
		break;
	case COLLECTED_BY:
		there = eng_set64_has(node, ENG_COLLECTIBLES_DEPENDENTS, half.word) ||
			node->bits & ENG_STILL;
		break;
	}
	/* One that was lost knows of nothing (restore.c). */
	there |= !eng_is_transient(half.to) && !eng_node_key(node)->function;
	eng_unlock(node);
	if (!there)
		broken(audit, "%x knows of a read that %x does not know of (%d)", half.from,
		       half.to, (int)half.kind);
}

static void compare_reads(struct audit *audit)
{
	for (uint32_t i = 0; i < audit->ids_n; i++) {
		struct eng_node *node = eng_lock_any(audit->graph, audit->ids[i]);
		struct halves halves;

		if (!node)
			continue;
		gather_halves(audit, node, &halves);
		if (eng_field(node, ENG_OUTDATED_OUTPUTS) ||
		    eng_field(node, ENG_OUTDATED_CELLS) ||
		    eng_field(node, ENG_OUTDATED_KEYED) ||
		    eng_field(node, ENG_OUTDATED_COLLECTIBLES_DEPENDENCIES) ||
		    eng_field(node, ENG_OUTDATED_COLLECTIBLES))
			broken(audit, "task %x has outdated reads left", eng_node_id(node));
		eng_unlock(node);
		for (uint32_t at = 0; at < halves.n; at++)
			compare_half(audit, halves.list[at]);
	}
}

/* ---- calls ------------------------------------------------------------------------------------ */

/* A walk in depth: tasks that it is in (the way to where it is), and has been in. */
struct depth {
	struct eng_table tasks; /* a: 1: on the way, 2: done; b: its next child */
	struct eng_list way;
};

/* The next child of a task that is on the way; 0: none. */
static eng_id step_down(struct audit *audit, struct eng_entry *at)
{
	struct eng_node *node = eng_lock_any(audit->graph, (eng_id)at->key);
	union eng_slot *slot = node ? eng_field(node, ENG_CHILDREN) : NULL;
	eng_id child = 0;

	if (slot && !pawl_sset_next(&slot->set, &at->b, &child))
		child = 0;
	if (node)
		eng_unlock(node);
	return child;
}

static void walk_calls(struct audit *audit, struct depth *depth, eng_id from)
{
	struct eng_entry *at;
	uint32_t n = 0;
	bool is_new;

	at = eng_table_put(&depth->tasks, from, &is_new);
	if (!is_new)
		return;
	at->a = 1;
	depth->way.ids[n++] = from;
	while (n) {
		eng_id id = depth->way.ids[n - 1], child;

		at = eng_table_get(&depth->tasks, id);
		child = step_down(audit, at);
		if (!child) {
			at->a = 2;
			n--;
			continue;
		}
		at = eng_table_put(&depth->tasks, child, &is_new);
		if (at->a == 1)
			broken(audit, "task %x calls %x, and is below it", id, child);
		if (!is_new)
			continue;
		at->a = 1;
		depth->way.ids[n++] = child;
	}
}

static void count_one(struct audit *audit, struct eng_node *node, eng_id id)
{
	bool is_new;

	(void)node;
	(void)eng_table_put(&audit->all, id, &is_new);
}

static void compare_calls(struct audit *audit)
{
	struct depth depth = {0};

	each(audit, count_one);
	depth.way = eng_list_make(&audit->arena, audit->all.n + 1);
	for (uint32_t i = 0; i < audit->all.n; i++)
		walk_calls(audit, &depth, (eng_id)audit->all.entries[i].key);
	eng_table_fini(&depth.tasks);
}

/* ---- parents ---------------------------------------------------------------------------------- */

static void expect_parents(struct audit *audit, struct eng_node *node, eng_id id)
{
	static const enum eng_field fields[] = {ENG_CHILDREN, ENG_STILL_CHILDREN};

	(void)id;
	for (unsigned i = 0; i < 2; i++) {
		union eng_slot *slot = eng_field(node, fields[i]);
		uint32_t cursor = 0, child;
		bool is_new;

		while (slot && pawl_sset_next(&slot->set, &cursor, &child))
			eng_table_put(&audit->parents, child, &is_new)->a++;
	}
}

static void compare_parents(struct audit *audit, struct eng_node *node, eng_id id)
{
	struct eng_entry *entry = eng_table_get(&audit->parents, id);
	uint32_t expected = entry ? entry->a : 0, parents;

	eng_parents_find_out(audit->graph, node);
	parents = eng_parents(node);
	/* It has as many as it can have, or nobody knows how many. */
	if (parents >= ENG_PARENTS_COUNTS)
		return;
	/* Relaxed: a visit that goes on has begun before, as far as it matters. */
	if (parents < expected ||
	    (parents > expected && !pawl_load_relaxed(&audit->graph->reclaim.held)))
		broken(audit, "task %x counts %u parents, not %u", id, parents, expected);
}

int eng_verify(struct eng_graph *graph, char *buf, size_t len)
{
	struct audit audit = {.graph = graph, .buf = buf, .len = len};

	if (len)
		*buf = 0;
	/* Sums are over all that there is: it stays there meanwhile. */
	eng_evict_pause(graph);
	eng_restore_all(graph);
	/* Relaxed: a hint; records are looked at under their locks. */
	if (pawl_load_relaxed(&graph->busy)) {
		eng_evict_resume(graph);
		return -EBUSY;
	}
	eng_queue_init(&audit.arena);
	find_all(&audit);
	each(&audit, expect_edges);
	each(&audit, expect_dirt);
	each(&audit, expect_active);
	expect_links(&audit);
	each(&audit, note_edges);
	compare_edges(&audit);
	compare_numbers(&audit);
	each(&audit, compare_dirt);
	compare_rest_of_dirt(&audit);
	each(&audit, compare_collectibles);
	each(&audit, compare_active);
	compare_reads(&audit);
	compare_calls(&audit);
	each(&audit, compare_still);
	compare_still_calls(&audit);
	if (graph->collects) {
		each(&audit, expect_parents);
		each(&audit, compare_parents);
	}
	for (uint32_t i = 0; i < audit.bags.n; i++)
		eng_bag_free(&audit.sums[i]);
	eng_table_fini(&audit.edges);
	eng_table_fini(&audit.dirt);
	eng_table_fini(&audit.active);
	eng_table_fini(&audit.still);
	eng_table_fini(&audit.bags);
	eng_table_fini(&audit.all);
	eng_table_fini(&audit.parents);
	eng_queue_fini(&audit.arena);
	eng_evict_resume(graph);
	/* An edge led to a task that is lost: all is to be summed up anew. Relaxed: it was found by this thread. */
	if (pawl_load_relaxed(&graph->lost))
		return -EBUSY;
	return audit.broken ? -EUCLEAN : 0;
}
