/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ids-internal.h - a factory of ids, as ids.c, ids-recycle.c and ids-durable.c see it.
 *
 * Ids are counted from 0 in here ("index"): the public number is first + index.
 */
#ifndef PAWL_IDS_INTERNAL_H
#define PAWL_IDS_INTERNAL_H

#include <pawl/ids.h>
#include <pawl/lock.h>
#include <pawl/retire.h>

#include "table-internal.h"
#include "thread-internal.h"

/* --- What a thread has of a factory. --- */

/* A list of free indexes through their cells; the owner of the list has its links. */
struct pawl__ids_chain {
	uint32_t head; /* if count > 0 */
	uint32_t tail;
	uint32_t count;
};

struct pawl__ids_cache {
	/*
	 * 1: somebody is in here: its thread in a call, or one that stopped the factory. Taken
	 * by compare-exchange (acquire), given back by a store (release): O1. All
	 * else in here is plain and belongs to the holder.
	 */
	struct pawl_atomic_u32 held;
	uint32_t depot;		      /* RECYCLE: the stack that it uses first */
	struct pawl__ids_cache *next; /* of all caches. Set under the freezer, once */
	uint64_t freed;		      /* DURABLE: since the filling bucket was opened */
	union {
		struct {
			struct pawl__ids_chain loaded, spare;
		} recycle;
		/* MONOTONE: indexes [next, end). */
		struct {
			uint64_t next, end;
		} lease;
		/* DURABLE: the bits of `mask` in this group are the thread's. */
		struct {
			uint64_t group, mask;
		} durable;
	} u;
} PAWL_ALIGNED(PAWL_LINE_BYTES);
PAWL_STATIC_ASSERT(sizeof(struct pawl__ids_cache) == PAWL_LINE_BYTES, "a cache is one line");

/* Caches are found by thread slot; the reclaimer's slot is the last one. */
#define PAWL__IDS_PAGE_LOG2 6
#define PAWL__IDS_PAGES	    ((PAWL__SLOT_INTERNAL >> PAWL__IDS_PAGE_LOG2) + 1)

struct pawl__ids_page {
	/* Set once, under the freezer. Relaxed: its slot's owner set it, or holds the freezer. */
	struct pawl_atomic_ptr cache[1 << PAWL__IDS_PAGE_LOG2];
};

/* --- RECYCLE --- */

struct pawl__ids_cell {
	/* Less options.generation. Even: free. Odd: in use. R1 */
	struct pawl_atomic_u32 gen;
	/* Free: the next index of its list, plus 1; 0: the list ends. */
	struct pawl_atomic_u32 link;
};
#define PAWL__IDS_CELL ((struct pawl__item){sizeof(struct pawl__ids_cell), 6})

/*
 * The depot is several stacks, so that a thread gets back what it put there, whose cells are in
 * its processor's cache; it looks into the others when its own is empty.
 */
#define PAWL__IDS_DEPOTS 8u

struct pawl__ids_depot {
	/* The top's index + 1 in the lower half, 0 if empty; a tag above, for each change. O2 */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u64 top;
};

/* --- DURABLE --- */

/* 64 ids, a bit each. Changed by read-modify-writes: threads share words. */
struct pawl__ids_group {
	struct pawl_atomic_u64 busy; /* not to be allocated: all of the others, and magazines */
	struct pawl_atomic_u64 live; /* handed out */
	struct pawl_atomic_u64 parked[2];
};
#define PAWL__IDS_GROUP ((struct pawl__item){sizeof(struct pawl__ids_group), 3})

struct pawl_ids {
	/* --- Written once. --- */
	struct pawl__leaver leaver;
	enum pawl_ids_policy policy;
	uint32_t magazine;
	uint64_t first;
	uint64_t count; /* indexes there may be */
	uint32_t generation;
	bool stored;
	struct pawl__table table;
	/* Set once (release), under the freezer; read (acquire): the page is zeroed. O4 */
	struct pawl_atomic_ptr page[PAWL__IDS_PAGES];

	/*
	 * The cache of threads that could get no memory for one of their own. It heads the list
	 * of all caches, which the freezer's holder reads.
	 */
	struct pawl__ids_cache common;

	/* --- Written once a magazine. --- */
	/* All indexes below were given to some magazine, and their items are there. O3 */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u64 next;

	/* RECYCLE: a count. Relaxed. */
	struct pawl_atomic_u64 retired;
	/* DURABLE: a hint: below this group few bits are free. Relaxed. */
	struct pawl_atomic_u64 low;

	struct pawl__ids_depot depot[PAWL__IDS_DEPOTS]; /* RECYCLE */

	/* --- Under the freezer: see freeze(). --- */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_lock freezer;
	/* DURABLE: */
	uint32_t filling; /* parked[filling] takes what is freed; the other one waits */
	bool waiting;	  /* there is something in the other one */
	bool grace_over;  /* its grace period is over */
	bool wanted; /* not stored: an allocation failed; close the other one for few ids, too */
	bool dying;  /* destroyed: start no other grace period */
	uint64_t stamp;	  /* its cycle */
	uint64_t cycle;	  /* the present one */
	uint64_t durable; /* the last one that is durable */
	/* 1 for the owner, 1 for a grace period under way. The last one frees. O5 */
	struct pawl_atomic_u32 references;
	struct pawl_retire_node node;
};

/*
 * pawl__ids_hold(), _let_go() - The calling thread's cache, or the common one; its plain fields
 * are the caller's meanwhile. pawl__ids_hold_slow(): `cache` is taken, or NULL: there is none.
 */
struct pawl__ids_cache *pawl__ids_hold_slow(struct pawl_ids *ids, uint32_t slot,
					    struct pawl__ids_cache *cache);

static inline struct pawl__ids_cache *pawl__ids_cache_find(const struct pawl_ids *ids,
							   uint32_t slot)
{
	const struct pawl__ids_page *page;

	page = pawl_load_acquire(&ids->page[slot >> PAWL__IDS_PAGE_LOG2]); /* ids.c: O4 */
	if (!page)
		return NULL;
	/* Relaxed: set by this thread, or by the one that had the slot before it. */
	return pawl_load_relaxed(&page->cache[slot & ((1u << PAWL__IDS_PAGE_LOG2) - 1)]);
}

static inline struct pawl__ids_cache *pawl__ids_hold(struct pawl_ids *ids)
{
	uint32_t slot = pawl__self_required()->slot;
	struct pawl__ids_cache *cache = pawl__ids_cache_find(ids, slot);
	uint32_t expected = 0;

	if (PAWL_LIKELY(cache) &&
	    PAWL_LIKELY(pawl_cas_acquire(&cache->held, &expected, 1u))) /* ids.c: O1 */
		return cache;
	return pawl__ids_hold_slow(ids, slot, cache);
}

static inline void pawl__ids_let_go(struct pawl__ids_cache *cache)
{
	pawl_store_release(&cache->held, 0u); /* ids.c: O1 */
}

/*
 * pawl__ids_alloc_held() - pawl_ids_alloc() for a thread that holds its cache, whatever that
 * takes; lets go of it. pawl__ids_bad_free() - Say so.
 */
int pawl__ids_alloc_held(struct pawl_ids *ids, struct pawl__ids_cache *cache,
			 pawl_id_t *ret_id);
int pawl__ids_bad_free(struct pawl_ids *ids, pawl_id_t id);

/*
 * pawl__ids_freeze(), _thaw() - Stop all calls on the factory: nobody else holds a cache
 * until thaw. The calling thread holds none.
 */
void pawl__ids_freeze(struct pawl_ids *ids);
void pawl__ids_thaw(struct pawl_ids *ids);

/* pawl__ids_each_cache() - Call fn for each cache, the common one first, until true. */
typedef bool pawl__ids_cache_fn(struct pawl_ids *ids, struct pawl__ids_cache *cache, void *arg);
bool pawl__ids_each_cache(struct pawl_ids *ids, pawl__ids_cache_fn *fn, void *arg);

/*
 * pawl__ids_cache_make() - Make the cache of a slot, if there is none. Only its owner does, or
 * (for scenarios) somebody who is alone. NULL: no memory.
 */
struct pawl__ids_cache *pawl__ids_cache_make(struct pawl_ids *ids, uint32_t slot);

/* pawl__ids_unref() - Drop a reference; the last one frees. */
void pawl__ids_unref(struct pawl_ids *ids);

/*
 * What a policy does; the caller holds `cache`.
 *  take    an index to hand out. -ENOSPC: nothing here and nothing shared; -EAGAIN: the table
 *          has to reach item ret_grow first.
 *  steal   all caches are held: fill `cache`, which is empty, from the others, or let take find
 *          something. False: there is nothing. ret_flush: pawl_retire_flush() after thaw.
 *  leave   give all that is in the cache to where others find it.
 *  audit   all caches are held.
 */
int pawl__ids_recycle_take(struct pawl_ids *ids, struct pawl__ids_cache *cache,
			   pawl_id_t *ret_id, uint64_t *ret_grow);
/* pawl_ids_alloc() and _free() for this policy. */
int pawl__ids_recycle_alloc(struct pawl_ids *ids, pawl_id_t *ret_id);
int pawl__ids_recycle_free(struct pawl_ids *ids, pawl_id_t id);
int pawl__ids_recycle_check(const struct pawl_ids *ids, pawl_id_t id);
bool pawl__ids_recycle_steal(struct pawl_ids *ids, struct pawl__ids_cache *cache);
void pawl__ids_recycle_leave(struct pawl_ids *ids, struct pawl__ids_cache *cache);
int pawl__ids_recycle_audit(struct pawl_ids *ids, uint64_t *seen,
			    struct pawl_ids_counts *audit);

int pawl__ids_durable_init(struct pawl_ids *ids, uint64_t next);
int pawl__ids_durable_take(struct pawl_ids *ids, struct pawl__ids_cache *cache,
			   pawl_id_t *ret_id, uint64_t *ret_grow);
bool pawl__ids_durable_free(struct pawl_ids *ids, struct pawl__ids_cache *cache, pawl_id_t id,
			    bool *ret_turn);
int pawl__ids_durable_check(const struct pawl_ids *ids, pawl_id_t id);
bool pawl__ids_durable_steal(struct pawl_ids *ids, struct pawl__ids_cache *cache,
			     bool *ret_flush);
void pawl__ids_durable_leave(struct pawl_ids *ids, struct pawl__ids_cache *cache);
int pawl__ids_durable_audit(struct pawl_ids *ids, struct pawl_ids_counts *audit);
/* Move the buckets on, if it is time. The calling thread holds no cache. */
void pawl__ids_durable_turn(struct pawl_ids *ids);

#endif
