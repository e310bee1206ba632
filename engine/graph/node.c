/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node.c - records: memory, fields, locks.
 *
 * Records live in two tables of slots, of persistent and of transient tasks; both hold struct
 * pawl_slot heads, so a pair may come from both. Locks of records have one rank; a pair is taken
 * in the order of addresses.
 */
#include "config.h"

#include "node.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/retire.h>

#include "backing.h"
#include "bag.h"
#include "cells.h"
#include "graph.h"
#include "pairs.h"
#include "pool.h"

#define TAIL_FIRST     2
#define MEMORY_WAIT_NS 1000000

/* ---- memory ------------------------------------------------------------------------ */

void eng_memory_wait(void)
{
	/* With a lock held perhaps, so the thread sleeps, not the fibre. */
	const struct timespec wait = {0, MEMORY_WAIT_NS};

	nanosleep(&wait, NULL);
}

void *eng_must_alloc(size_t bytes)
{
	void *ptr;

	while (!(ptr = pawl_mem_alloc(bytes, 0)))
		eng_memory_wait();
	return ptr;
}

void *eng_must_zalloc(size_t bytes)
{
	void *ptr = eng_must_alloc(bytes);

	memset(ptr, 0, bytes);
	return ptr;
}

/* ---- fields ------------------------------------------------------------------------- */

static size_t tail_bytes(unsigned capacity)
{
	return sizeof(struct eng_tail) + capacity * sizeof(union eng_slot);
}

static void tail_free(struct eng_tail *tail)
{
	if (tail->lent)
		return;
	if (tail->pool)
		eng_pool_free(tail->pool, tail, tail_bytes(tail->capacity));
	else
		pawl_mem_free(tail, tail_bytes(tail->capacity), 0);
}

static struct eng_tail *tail_sized(struct eng_tail *from, unsigned capacity)
{
	struct eng_pool *pool = from ? from->pool : NULL;
	size_t bytes = tail_bytes(capacity);
	struct eng_tail *tail;

	while (!(tail = pool ? eng_pool_alloc(pool, bytes) : pawl_mem_alloc(bytes, 0)))
		eng_memory_wait();
	tail->present = from ? from->present : 0;
	tail->count = from ? from->count : 0;
	tail->capacity = (uint8_t)capacity;
	tail->lent = false;
	tail->pool = pool;
	if (from) {
		memcpy(tail->slots, from->slots, from->count * sizeof(union eng_slot));
		tail_free(from);
	}
	return tail;
}

union eng_slot *eng_field_make(struct eng_node *node, enum eng_field field)
{
	struct eng_tail *tail = node->tail;
	union eng_slot *slot = eng_field(node, field);
	unsigned at;

	if (slot)
		return slot;
	if (!tail || tail->count == tail->capacity)
		tail = node->tail = tail_sized(tail, tail ? tail->capacity * 2u : TAIL_FIRST);
	at = eng_field_at(tail->present, field);
	slot = &tail->slots[at];
	memmove(slot + 1, slot, (tail->count - at) * sizeof(*slot));
	memset(slot, 0, sizeof(*slot));
	tail->present |= UINT32_C(1) << field;
	tail->count++;
	return slot;
}

void eng_field_drop(struct eng_node *node, enum eng_field field)
{
	struct eng_tail *tail = node->tail;
	union eng_slot *slot = eng_field(node, field);
	unsigned at;

	if (!slot)
		return;
	at = (unsigned)(slot - tail->slots);
	tail->count--;
	memmove(slot, slot + 1, (tail->count - at) * sizeof(*slot));
	tail->present &= ~(UINT32_C(1) << field);
}

void eng_tail_trim(struct eng_node *node)
{
	struct eng_tail *tail = node->tail;

	if (tail && tail->lent)
		return;
	/* One to spare is as much as an allocator rounds up to. */
	if (!tail || (tail->count && tail->count + 1 >= tail->capacity))
		return;
	if (!tail->count) {
		tail_free(tail);
		node->tail = NULL;
		return;
	}
	node->tail = tail_sized(tail, tail->count);
}

void eng_tail_lend(struct eng_node *node, struct eng_tail *tail, unsigned capacity,
		   struct eng_pool *pool)
{
	if (node->tail)
		return;
	tail->present = 0;
	tail->count = 0;
	tail->capacity = (uint8_t)capacity;
	tail->lent = true;
	tail->pool = pool;
	node->tail = tail;
}

void eng_tail_take_back(struct eng_node *node)
{
	struct eng_tail *tail = node->tail;

	if (!tail || !tail->lent)
		return;
	/* What is left of most that are active now goes soon, and a pool keeps what was given back. */
	if (tail->present == ENG_FIELD_BIT(ENG_ACTIVE))
		tail->pool = NULL;
	node->tail = tail->count ? tail_sized(tail, tail->count) : NULL;
}

/* ---- what is saved ---------------------------------------------------------------------- */

#define META	ENG_META
#define DATA	ENG_DATA
#define SESSION 0
static const struct {
	uint32_t category;
	bool filtered;
} saved[ENG_FIELD_COUNT] = {
#define X(name, kind, category, filtered, shrinks, immutable) \
	[ENG_##name] = {category, filtered},
	ENG_FIELDS_TAIL(X)
#undef X
};
#undef META
#undef DATA
#undef SESSION

/*
 * What a run has read before and not yet again is saved with what it has read: so a task that runs again
 * and reads the same has not changed. FIELD_COUNT: there is no such field.
 */
static enum eng_field outdated_of(enum eng_field field)
{
	switch (field) {
	case ENG_OUTPUT_DEPENDENCIES:
		return ENG_OUTDATED_OUTPUTS;
	case ENG_CELL_DEPENDENCIES:
		return ENG_OUTDATED_CELLS;
	case ENG_COLLECTIBLES_DEPENDENCIES:
		return ENG_OUTDATED_COLLECTIBLES_DEPENDENCIES;
	default:
		return ENG_FIELD_COUNT;
	}
}

static bool is_outdated(enum eng_field field)
{
	return field == ENG_OUTDATED_OUTPUTS || field == ENG_OUTDATED_CELLS ||
	       field == ENG_OUTDATED_KEYED || field == ENG_OUTDATED_COLLECTIBLES_DEPENDENCIES;
}

/* The field changes, as to an edge to `other`. */
static inline void modify(struct eng_node *node, enum eng_field field, eng_id other)
{
	if (PAWL_UNLIKELY(eng_is_kept(node)) && saved[field].category &&
	    !(saved[field].filtered && eng_is_transient(other)))
		eng_modify_kept(node, saved[field].category);
}

static PAWL_NOINLINE void modify_set(struct eng_node *node, enum eng_field field, uint32_t key)
{
	enum eng_field outdated = outdated_of(field);

	if (!eng_set_has(node, field, key) &&
	    (outdated == ENG_FIELD_COUNT || !eng_set_has(node, outdated, key)))
		modify(node, field, key);
}

static PAWL_NOINLINE void modify_set64(struct eng_node *node, enum eng_field field,
				       uint64_t key)
{
	enum eng_field outdated = outdated_of(field);

	if (!eng_set64_has(node, field, key) &&
	    (outdated == ENG_FIELD_COUNT || !eng_set64_has(node, outdated, key)))
		modify(node, field, (eng_id)key);
}

void eng_modify_pair(struct eng_node *node, enum eng_field field, struct eng_pair pair)
{
	union eng_slot *slot = eng_field(node, field), *outdated = NULL;

	if (field == ENG_KEYED_DEPENDENCIES)
		outdated = eng_field(node, ENG_OUTDATED_KEYED);
	if (!(slot && eng_pairs_has(slot->pairs, pair)) &&
	    !(outdated && eng_pairs_has(outdated->pairs, pair)))
		modify(node, field, (eng_id)pair.a);
}

/* ---- sets and maps -------------------------------------------------------------------- */

bool eng_set_add(struct eng_node *node, enum eng_field field, uint32_t key)
{
	union eng_slot *slot;
	bool added;

	if (PAWL_UNLIKELY(eng_is_kept(node)))
		modify_set(node, field, key);
	slot = eng_field_make(node, field);

	ENG_MUST(pawl_sset_add(&slot->set, key, &added));
	return added;
}

bool eng_set_remove(struct eng_node *node, enum eng_field field, uint32_t key)
{
	union eng_slot *slot = eng_field(node, field);

	if (!slot)
		return false;
	if (PAWL_UNLIKELY(eng_is_kept(node)) && pawl_sset_has(&slot->set, key))
		modify(node, field, key);
	if (!pawl_sset_remove(&slot->set, key))
		return false;
	if (!pawl_sset_count(&slot->set)) {
		pawl_sset_fini(&slot->set);
		eng_field_drop(node, field);
	}
	return true;
}

bool eng_set_has(const struct eng_node *node, enum eng_field field, uint32_t key)
{
	union eng_slot *slot = eng_field(node, field);

	return slot && pawl_sset_has(&slot->set, key);
}

uint32_t eng_set_count(const struct eng_node *node, enum eng_field field)
{
	union eng_slot *slot = eng_field(node, field);

	return slot ? pawl_sset_count(&slot->set) : 0;
}

bool eng_set64_add(struct eng_node *node, enum eng_field field, uint64_t key)
{
	union eng_slot *slot;
	bool added;

	if (PAWL_UNLIKELY(eng_is_kept(node)))
		modify_set64(node, field, key);
	slot = eng_field_make(node, field);

	ENG_MUST(pawl_sset64_add(&slot->set64, key, &added));
	return added;
}

bool eng_set64_remove(struct eng_node *node, enum eng_field field, uint64_t key)
{
	union eng_slot *slot = eng_field(node, field);

	if (!slot)
		return false;
	if (PAWL_UNLIKELY(eng_is_kept(node)) && pawl_sset64_has(&slot->set64, key))
		modify(node, field, (eng_id)key);
	if (!pawl_sset64_remove(&slot->set64, key))
		return false;
	if (!pawl_sset64_count(&slot->set64)) {
		pawl_sset64_fini(&slot->set64);
		eng_field_drop(node, field);
	}
	return true;
}

bool eng_set64_has(const struct eng_node *node, enum eng_field field, uint64_t key)
{
	union eng_slot *slot = eng_field(node, field);

	return slot && pawl_sset64_has(&slot->set64, key);
}

struct pawl_crossing eng_map_add(struct eng_node *node, enum eng_field field, uint32_t key,
				 int32_t delta)
{
	union eng_slot *slot;
	struct pawl_crossing crossing;

	modify(node, field, key);
	slot = eng_field_make(node, field);
	ENG_MUST(pawl_cmap_add(&slot->map, key, delta, &crossing));
	if (!pawl_cmap_count(&slot->map)) {
		pawl_cmap_fini(&slot->map);
		eng_field_drop(node, field);
	}
	return crossing;
}

int32_t eng_map_get(const struct eng_node *node, enum eng_field field, uint32_t key)
{
	union eng_slot *slot = eng_field(node, field);

	return slot ? pawl_cmap_get(&slot->map, key) : 0;
}

uint32_t eng_map_count(const struct eng_node *node, enum eng_field field)
{
	union eng_slot *slot = eng_field(node, field);

	return slot ? pawl_cmap_count(&slot->map) : 0;
}

/* ---- finding and locking ------------------------------------------------------------- */

static struct pawl_slots *table_of(const struct eng_graph *graph, eng_id id)
{
	return graph->tables[eng_is_transient(id)];
}

eng_id eng_node_id(const struct eng_node *node)
{
	return pawl_slot_id(&node->slot) | (eng_word(node) & ENG_TRANSIENT);
}

struct eng_node *eng_lock_resident(struct eng_graph *graph, eng_id id)
{
	struct pawl_slot *slot;

	if (pawl_slots_lock(table_of(graph, id), id & ~ENG_TRANSIENT, &slot))
		return NULL;
	return PAWL_CONTAINER_OF(slot, struct eng_node, slot);
}

struct eng_node *eng_lock_any(struct eng_graph *graph, eng_id id)
{
	struct eng_node *node;

	/* Ends: what came back is passed by once. */
	while (PAWL_UNLIKELY(!(node = eng_lock_resident(graph, id)))) {
		if (!eng_is_stored(graph, id) || !eng_restore(graph, id, false))
			return NULL;
	}
	return node;
}

struct eng_node *eng_lock(struct eng_graph *graph, eng_id id)
{
	struct eng_node *node;

	/* Ends, as above. */
	while (PAWL_UNLIKELY(!(node = eng_lock_resident(graph, id))))
		PAWL_REQUIRE(eng_restore(graph, id, true) &&
			     "an edge leads to a task that is there");
	return node;
}

void eng_unlock(struct eng_node *node)
{
	pawl_lock_unlock(&node->slot.lock);
}

static struct eng_node *find_rcu(struct eng_graph *graph, eng_id id)
{
	struct pawl_slot *slot = pawl_slots_get(table_of(graph, id), id & ~ENG_TRANSIENT);

	return slot ? PAWL_CONTAINER_OF(slot, struct eng_node, slot) : NULL;
}

uint32_t eng_base_seen(struct eng_graph *graph, eng_id id)
{
	struct eng_node *node;
	uint32_t base;

	pawl_rcu_begin();
	node = find_rcu(graph, id);
	base = node ? eng_base(node) : 0;
	pawl_rcu_end();
	return base;
}

void eng_prefetch(struct eng_graph *graph, eng_id id)
{
	struct eng_node *node;

	pawl_rcu_begin();
	node = find_rcu(graph, id);
	if (node)
		__builtin_prefetch(node, 1);
	pawl_rcu_end();
}

static bool lock_pair_resident(struct eng_graph *graph, eng_id a, eng_id b,
			       struct eng_node **ret_a, struct eng_node **ret_b)
{
	struct eng_node *node_a, *node_b;
	bool there = false;

	pawl_rcu_begin();
	node_a = find_rcu(graph, a);
	node_b = find_rcu(graph, b);
	if (PAWL_LIKELY(node_a && node_b)) {
		pawl_lock_lock_pair(&node_a->slot.lock, &node_b->slot.lock);
		there = !pawl_slot_dropped(&node_a->slot) && !pawl_slot_dropped(&node_b->slot);
		if (!there)
			eng_unlock_pair(node_a, node_b);
	}
	pawl_rcu_end();
	*ret_a = node_a;
	*ret_b = node_b;
	return there;
}

bool eng_lock_pair(struct eng_graph *graph, eng_id a, eng_id b, struct eng_node **ret_a,
		   struct eng_node **ret_b)
{
	PAWL_REQUIRE(a != b && "a pair is of two tasks");
	/* Ends: what came back is passed by once. */
	while (PAWL_UNLIKELY(!lock_pair_resident(graph, a, b, ret_a, ret_b))) {
		if (!graph->backing || !eng_restore(graph, a, true) ||
		    !eng_restore(graph, b, true))
			return false;
	}
	return true;
}

void eng_unlock_pair(struct eng_node *a, struct eng_node *b)
{
	pawl_lock_unlock_pair(&a->slot.lock, &b->slot.lock);
}

/* ---- whole records -------------------------------------------------------------------- */

static size_t node_bytes(size_t args_bytes)
{
	return sizeof(struct eng_node) + sizeof(struct eng_key) + args_bytes;
}

struct eng_node *eng_node_make(struct eng_graph *graph, size_t args_bytes)
{
	struct eng_node *node = eng_pool_alloc(graph->pool, node_bytes(args_bytes));

	if (!node)
		return NULL;
	memset(node, 0, sizeof(*node) + sizeof(struct eng_key));
	pawl_lock_init(&node->slot.lock, ENG_RANK_NODE);
	eng_node_key(node)->bytes = (uint32_t)args_bytes;
	return node;
}

static void field_free(struct eng_node *node, enum eng_field field)
{
	union eng_slot *slot = eng_field(node, field);

	if (!slot)
		return;
	switch (field) {
#define SET(name)                           \
	case ENG_##name:                    \
		pawl_sset_fini(&slot->set); \
		break;
#define SET64(name)                             \
	case ENG_##name:                        \
		pawl_sset64_fini(&slot->set64); \
		break;
#define MAP(name)                           \
	case ENG_##name:                    \
		pawl_cmap_fini(&slot->map); \
		break;
#define PAIRS(name)                           \
	case ENG_##name:                      \
		eng_pairs_free(&slot->pairs); \
		break;
#define BAG(name)                         \
	case ENG_##name:                  \
		eng_bag_free(&slot->bag); \
		break;
#define WORDS(name)      \
	case ENG_##name: \
		break;
#define POINTER(name)    \
	case ENG_##name: \
		break;
#define X(name, kind, category, filtered, shrinks, immutable) kind(name)
		ENG_FIELDS_TAIL(X)
#undef X
#undef SET
#undef SET64
#undef MAP
#undef PAIRS
#undef BAG
#undef WORDS
#undef POINTER
	case ENG_FIELD_COUNT:
		break;
	}
	eng_field_drop(node, field);
}

void eng_field_clear(struct eng_node *node, enum eng_field field)
{
	if (PAWL_UNLIKELY(eng_is_kept(node)) && eng_field(node, field))
		eng_modify_kept(node, is_outdated(field) ? ENG_DATA : saved[field].category);
	field_free(node, field);
}

/* What it holds, but for its key. */
static void node_fini(struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_CLOSURE);

	if (slot)
		eng_closure_free(slot->pointer);
	slot = eng_field(node, ENG_ACTIVE);
	if (slot && slot->active.clean)
		eng_clean_unpin(slot->active.clean);
	eng_history_free(node);
	eng_storm_free(node);
	eng_cells_free(node);
	if (node->bits & ENG_ERROR)
		eng_output_free(node->output);
	pawl_cmap_fini(&node->uppers);
	pawl_sset_fini(&node->output_dependents);
	pawl_sset64_fini(&node->cell_dependents);
	while (node->tail && node->tail->present)
		field_free(node, (enum eng_field)__builtin_ctz(node->tail->present));
	eng_tail_trim(node);
}

static void node_free(struct eng_pool *pool, struct eng_node *node)
{
	eng_pool_free(pool, node, node_bytes(eng_node_key(node)->bytes));
}

void eng_node_free(struct eng_graph *graph, struct eng_node *node)
{
	node_fini(node);
	node_free(graph->pool, node);
}

/* Where the retire node lies, and its pool: in fields that nobody looks at once the record was dropped. */
union retired {
	struct {
		struct pawl_retire_node node;
		struct eng_pool *pool;
	} retire;
	struct {
		struct pawl_cmap uppers;
		struct pawl_sset output_dependents;
		struct pawl_sset64 cell_dependents;
	} fields;
};
PAWL_STATIC_ASSERT(sizeof(union retired) == 3 * sizeof(struct pawl_cmap), "no field more");

static void retired_free(struct pawl_retire_node *retire)
{
	union retired *retired = (union retired *)(void *)retire;

	struct eng_pool *pool = retired->retire.pool;

	node_free(pool, PAWL_CONTAINER_OF(retired, struct eng_node, uppers));
	eng_pool_unpin(pool);
}

bool eng_node_retire(struct eng_graph *graph, struct eng_node *node)
{
	union retired *retired = (union retired *)(void *)&node->uppers;

	node_fini(node);
	/* Another thread may keep it for a while after the graph is gone. */
	eng_pool_pin(graph->pool);
	retired->retire.pool = graph->pool;
	return pawl_retire(&retired->retire.node, node_bytes(eng_node_key(node)->bytes),
			   retired_free);
}
