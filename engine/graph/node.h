/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node.h - the record of a task in the graph.
 *
 * 96 bytes, then the key (function and arguments) of a cached task. What most tasks do not have lies
 * in the tail, an array of 16-byte fields in the order of field.h, with a bit for each that is
 * there.
 *
 * Everything in a record is under its lock, but for the key and the id, which never change. A thread
 * holds one record, or a pair that was taken together, and calls nothing of the user's meanwhile.
 * Adding a field moves the others: a pointer to one is good until the next eng_field_make().
 */
#ifndef ENG_NODE_H
#define ENG_NODE_H

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/event.h>
#include <pawl/slots.h>

#include "field.h"
#include "ref.h"

struct eng_graph;
struct eng_pool;

/* Of eng_node.bits. */
#define ENG_DISTANCE	  UINT32_C(0x0000007f) /* of the aggregation number */
#define ENG_UNTOLD	  UINT32_C(0x00000080) /* what it has for those above is on its way (told.h) */
#define ENG_DIRTY	  UINT32_C(0x00000100) /* must run; with SESSION: in each session */
#define ENG_SESSION	  UINT32_C(0x00000200)
#define ENG_SESSION_CLEAN UINT32_C(0x00000400) /* ran in this one; implies DIRTY and SESSION */
#define ENG_ERROR	  UINT32_C(0x00000800) /* output is a struct pawl_error * */
#define ENG_INVALIDATOR	  UINT32_C(0x00001000) /* the program may invalidate it */
#define ENG_IMMUTABLE	  UINT32_C(0x00002000) /* will never be invalidated */
#define ENG_STILL	  UINT32_C(0x00100000) /* nor anything that it reaches (connect.c) */
#define ENG_OPTIMIZE	  UINT32_C(0x00004000) /* an optimisation was put off */
#define ENG_NEW		  UINT32_C(0x00008000) /* its key is to be saved */
#define ENG_STATEFUL	  UINT32_C(0x00010000) /* has state of this process */
#define ENG_ONCE	  UINT32_C(0x00020000) /* transient, runs once */
#define ENG_ROOT	  UINT32_C(0x00040000) /* transient, stays active until disposed of */
#define ENG_CANCELED	  UINT32_C(0x00080000) /* the engine stops: will not run any more */
#define ENG_FOLLOWED	  UINT32_C(0x00200000) /* somebody had it as a follower; stays */
#define ENG_LINKED \
	UINT32_C(0x00400000) /* failed by a ring: or for the moment: it has links (heal.c) */
#define ENG_FINISHED \
	UINT32_C(0x00800000) /* its run goes on, and counts as done (pawl_mark_finished()) */
#define ENG_GOES_ON UINT32_C(0x01000000) /* a run of it was; stays */
#define ENG_USED    UINT32_C(0x80000000) /* since the hand came by last (evict.c) */
#define ENG_META    UINT32_C(0x06000000) /* modified, in which epoch: modify.h */
#define ENG_DATA    UINT32_C(0x18000000) /* the same of the other category */
#define ENG_CANDIDATE \
	UINT32_C(0x20000000)	      /* may be needed no more: it is in the list (reclaim.h) */
#define ENG_GONE UINT32_C(0x40000000) /* is about to be dropped: nobody holds it any more */

/* Of these bits what is saved. */
#define ENG_EVICT_SAVED                                                         \
	(ENG_DISTANCE | ENG_DIRTY | ENG_SESSION | ENG_ERROR | ENG_INVALIDATOR | \
	 ENG_IMMUTABLE | ENG_STILL)

/* Aggregation numbers: below LEAF a task aggregates nothing; ROOT aggregates all it reaches. */
#define ENG_NUMBER_LEAF	   16u
#define ENG_NUMBER_ROOT	   UINT32_MAX
#define ENG_NUMBER_SESSION (UINT32_MAX >> 2)

struct eng_tail {
	uint32_t present;
	uint8_t count, capacity;
	bool lent;	       /* part of the task's run (run.h) */
	struct eng_pool *pool; /* that it is of, or its successor will be; NULL: pawl_mem */
	union eng_slot slots[];
};

struct eng_key {
	uint32_t bytes;	   /* of args */
	uint32_t function; /* its number */
	char args[];	   /* aligned to 8 */
};

struct eng_node {
	struct pawl_slot slot; /* the lock, pins, the id without ENG_TRANSIENT */
	/* Of the aggregation number. Written under the lock, grows; read by all. */
	struct pawl_atomic_u32 base;
	uint32_t bits;
	uint64_t output; /* bits of a reference, or an error; 0: none */
	struct pawl_cmap uppers;
	struct pawl_sset output_dependents;
	struct pawl_sset64 cell_dependents;
	struct pawl_value *cell;
	struct eng_tail *tail; /* NULL: no fields */
};
PAWL_STATIC_ASSERT(sizeof(struct eng_node) == 96, "a leaf's record");

/*
 * The slot's generation: ENG_TRANSIENT, whether it was called in this process and how many need the task (reclaim.h), and the
 * number of its marks (modify.h). Written under the lock; the first never changes and is read by all.
 */
#define ENG_MARKS	  UINT32_C(0xff)
#define ENG_PARENTS_SHIFT 8
#define ENG_PARENTS_MOST  UINT32_C(0x3fffff)
#define ENG_CALLED	  UINT32_C(0x40000000)

static inline struct pawl_atomic_u32 *eng_word_at(const struct eng_node *node)
{
	return (struct pawl_atomic_u32 *)(uintptr_t)&node->slot.generation;
}

/* Relaxed: under the lock, or for what never changes. */
static inline uint32_t eng_word(const struct eng_node *node)
{
	return pawl_load_relaxed(eng_word_at(node));
}

static inline void eng_word_set(struct eng_node *node, uint32_t word)
{
	pawl_store_relaxed(eng_word_at(node), word);
}

/* What is behind the record: of tasks with a function and its arguments; else all zero. */
static inline struct eng_key *eng_node_key(const struct eng_node *node)
{
	return (struct eng_key *)(void *)((char *)(uintptr_t)node + sizeof(*node));
}

/* What makes a task active. All in ENG_ACTIVE's flags. */
#define ENG_ACTIVE_ROOT	       1u /* ROOT or ONCE */
#define ENG_ACTIVE_UNTIL_CLEAN 2u

/* Who waits until a task is clean: one for all waiters. */
struct eng_clean {
	struct pawl_atomic_u32 owners;
	struct pawl_atomic_u32 over; /* 1: it was clean */
	struct pawl_event event;
};

/* ---- fields ------------------------------------------------------------------- */

#define ENG_FIELD_BIT(field) (UINT32_C(1) << (field))

static inline unsigned eng_field_at(uint32_t present, enum eng_field field)
{
	uint32_t below = present & (ENG_FIELD_BIT(field) - 1);

	/* Bits are counted by hand: where the instruction may not be used the compiler calls a function. */
	below -= below >> 1 & UINT32_C(0x55555555);
	below = (below & UINT32_C(0x33333333)) + (below >> 2 & UINT32_C(0x33333333));
	below = (below + (below >> 4)) & UINT32_C(0x0f0f0f0f);
	return below * UINT32_C(0x01010101) >> 24;
}

/* eng_field_any() - Is one of these there? `fields` has a bit for each. */
static inline bool eng_field_any(const struct eng_node *node, uint32_t fields)
{
	return node->tail && node->tail->present & fields;
}

/* eng_field() - The field, or NULL: it is not there, and counts as empty. */
static inline union eng_slot *eng_field(const struct eng_node *node, enum eng_field field)
{
	struct eng_tail *tail = node->tail;

	if (!eng_field_any(node, ENG_FIELD_BIT(field)))
		return NULL;
	return &tail->slots[eng_field_at(tail->present, field)];
}

/* eng_field_make() - The field, empty if it was not there. Moves others. Waits for memory. */
union eng_slot *eng_field_make(struct eng_node *node, enum eng_field field);

/* eng_field_drop() - Take the field out; what it held was freed or moved before. */
void eng_field_drop(struct eng_node *node, enum eng_field field);

/* eng_tail_trim() - Give back what the tail does not need. */
void eng_tail_trim(struct eng_node *node);

/*
 * eng_tail_lend() - Memory for the first fields of a task that has no tail, with room for that many: most tasks
 * have none but while they run. eng_tail_take_back() - It is needed no more: the fields move.
 */
void eng_tail_lend(struct eng_node *node, struct eng_tail *tail, unsigned capacity,
		   struct eng_pool *pool);
void eng_tail_take_back(struct eng_node *node);

/* ---- what is saved --------------------------------------------------------------- */

/* eng_is_kept() - Is it saved at all? */
static inline bool eng_is_kept(const struct eng_node *node)
{
	return eng_word(node) & ENG_MARKS;
}

/*
 * eng_modify() - Fields of these categories (ENG_META, ENG_DATA) are about to change. Locked, inside an operation. What
 * is never saved is no such change; the calls for sets and maps below say it themselves.
 */
void eng_modify_kept(struct eng_node *node, uint32_t categories);
static inline void eng_modify(struct eng_node *node, uint32_t categories)
{
	if (PAWL_UNLIKELY(eng_is_kept(node)))
		eng_modify_kept(node, categories);
}

/* eng_modify_edge() - The same of an edge to `other`: to a transient task it is not saved. */
static inline void eng_modify_edge(struct eng_node *node, uint32_t categories, eng_id other)
{
	if (PAWL_UNLIKELY(eng_is_kept(node)) && !eng_is_transient(other))
		eng_modify_kept(node, categories);
}

/* Readers are added, which may be there already. */
static inline void eng_modify_reader(struct eng_node *node, eng_id reader)
{
	if (PAWL_UNLIKELY(eng_is_kept(node)) && !eng_is_transient(reader) &&
	    !pawl_sset_has(&node->output_dependents, reader))
		eng_modify_kept(node, ENG_DATA);
}

static inline void eng_modify_cell_reader(struct eng_node *node, uint64_t cell_and_reader)
{
	if (PAWL_UNLIKELY(eng_is_kept(node)) && !eng_is_transient((eng_id)cell_and_reader) &&
	    !pawl_sset64_has(&node->cell_dependents, cell_and_reader))
		eng_modify_kept(node, ENG_DATA);
}

struct eng_pair;
/* Dependencies on parts: `field` KEYED_DEPENDENTS or KEYED_DEPENDENCIES; a pair is to be added. */
void eng_modify_pair(struct eng_node *node, enum eng_field field, struct eng_pair pair);

/* ---- sets and maps in fields: empty ones are not there ------------------------- */

/* Returns: it was not there before. */
bool eng_set_add(struct eng_node *node, enum eng_field field, uint32_t key);
bool eng_set_remove(struct eng_node *node, enum eng_field field, uint32_t key);
bool eng_set_has(const struct eng_node *node, enum eng_field field, uint32_t key);
bool eng_set64_add(struct eng_node *node, enum eng_field field, uint64_t key);
bool eng_set64_remove(struct eng_node *node, enum eng_field field, uint64_t key);
bool eng_set64_has(const struct eng_node *node, enum eng_field field, uint64_t key);
uint32_t eng_set_count(const struct eng_node *node, enum eng_field field);

struct pawl_crossing eng_map_add(struct eng_node *node, enum eng_field field, uint32_t key,
				 int32_t delta);
int32_t eng_map_get(const struct eng_node *node, enum eng_field field, uint32_t key);
uint32_t eng_map_count(const struct eng_node *node, enum eng_field field);

/* ---- memory --------------------------------------------------------------------- */

/*
 * Inside an operation nothing can be taken back, so memory is waited for: ENG_MUST(call) calls again
 * until the result is not -ENOMEM. Calls at the edge of the engine take what they can before they
 * begin, and return -ENOMEM themselves.
 */
#define ENG_MUST(call)                                     \
	do {                                               \
		int must_;                                 \
		while ((must_ = (call)) == -ENOMEM)        \
			eng_memory_wait();                 \
		PAWL_REQUIRE(!must_ && "fits in 32 bits"); \
	} while (0)
void eng_memory_wait(void);
void *eng_must_alloc(size_t bytes);
void *eng_must_zalloc(size_t bytes);

/* ---- what a node is -------------------------------------------------------------- */

/* Relaxed: exact under the lock, else a lower bound, since it only grows. */
static inline uint32_t eng_base(const struct eng_node *node)
{
	return pawl_load_relaxed(&node->base);
}

static inline uint32_t eng_number(const struct eng_node *node)
{
	uint32_t distance = node->bits & ENG_DISTANCE, base = eng_base(node);

	return base > UINT32_MAX - distance ? UINT32_MAX : base + distance;
}

static inline bool eng_aggregates(const struct eng_node *node)
{
	return eng_number(node) >= ENG_NUMBER_LEAF;
}

static inline bool eng_dirty(const struct eng_node *node)
{
	return node->bits & ENG_DIRTY;
}

static inline bool eng_session_clean(const struct eng_node *node)
{
	return node->bits & ENG_SESSION_CLEAN;
}

/* Of what is dirty: nobody has to wait for it in this session. */
static inline bool eng_counts_as_clean(const struct eng_node *node)
{
	return node->bits & (ENG_SESSION_CLEAN | ENG_FINISHED);
}

/* It has to run in this session. */
static inline bool eng_needs_run(const struct eng_node *node)
{
	return (node->bits & (ENG_DIRTY | ENG_SESSION_CLEAN)) == ENG_DIRTY;
}

static inline int32_t eng_dirty_count(const struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_CONTAINER_COUNTS);

	return slot ? slot->counts.a : 0;
}

static inline int32_t eng_clean_count(const struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_CONTAINER_COUNTS);

	return slot ? slot->counts.b : 0;
}

/* Something that it aggregates has to run in this session. */
static inline bool eng_has_dirty_containers(const struct eng_node *node)
{
	int32_t dirty = eng_dirty_count(node);

	return dirty > 0 && dirty > eng_clean_count(node);
}

static inline bool eng_active(const struct eng_node *node)
{
	return eng_field(node, ENG_ACTIVE);
}

static inline int32_t eng_referrers(const struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_ACTIVE);

	return slot ? slot->active.referrers : 0;
}

/* ---- finding and locking ---------------------------------------------------------- */

/* eng_node_id() - Requires: the caller holds it. */
eng_id eng_node_id(const struct eng_node *node);

/*
 * eng_lock() - The record of a task that is there, locked: an edge leads to it, or its caller has it
 * otherwise.
 */
struct eng_node *eng_lock(struct eng_graph *graph, eng_id id);

/* eng_base_seen() - A lower bound of a task's base, without its lock. 0: there is no such task. */
uint32_t eng_base_seen(struct eng_graph *graph, eng_id id);
/* eng_prefetch() - It is locked soon. */
void eng_prefetch(struct eng_graph *graph, eng_id id);
#define ENG_AHEAD 8u /* how far ahead */

/* eng_lock_any() - NULL: there is no such task. */
struct eng_node *eng_lock_any(struct eng_graph *graph, eng_id id);
/* eng_lock_resident() - The same; what is in the store alone is left there. */
struct eng_node *eng_lock_resident(struct eng_graph *graph, eng_id id);
void eng_unlock(struct eng_node *node);

/* eng_lock_pair() - Both, of different tasks. Returns: false: one of them is not there. */
PAWL_MUST_CHECK bool eng_lock_pair(struct eng_graph *graph, eng_id a, eng_id b,
				   struct eng_node **ret_a, struct eng_node **ret_b);
void eng_unlock_pair(struct eng_node *a, struct eng_node *b);

/* eng_node_make() - An empty record, not yet in a table. `args_bytes` behind its key. */
struct eng_node *eng_node_make(struct eng_graph *graph, size_t args_bytes);

/*
 * eng_node_retire() - The same, once nobody looks at it any more. It was dropped, and the map has it not.
 *
 * Returns: as pawl_retire().
 */
bool eng_node_retire(struct eng_graph *graph, struct eng_node *node);

/* eng_node_free() - All it holds, and its memory. Nobody can see it any more. */
void eng_node_free(struct eng_graph *graph, struct eng_node *node);

#endif
