/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * evict.h - records of tasks that are in the store leave memory, and come back when they are wanted (restore.c); of others
 * values leave, and are computed again.
 *
 *  call                   progress
 *  eng_use                a load; a store the first time after the hand came by. Under the record's lock
 *  eng_evict_some         blocks on records' locks and on moments of quiet
 *  eng_evict_pause        blocks on the turn of eng_evict_some() that is under way
 *  eng_evict_may_have     wait-free
 */
#ifndef ENG_EVICT_H
#define ENG_EVICT_H

#include "graph.h"

/* Why a record stays. */
enum eng_stay {
	ENG_STAY_NOT,	  /* it may leave */
	ENG_STAY_UNKEPT,  /* it is never saved: transient, or nothing is */
	ENG_STAY_UNSAVED, /* it has changed since it was saved, or its key was not saved */
	ENG_STAY_RUN,	  /* it is scheduled, or runs, or what is left of a run has it */
	ENG_STAY_ACTIVE,  /* somebody wants it to be up to date, or waits until it is */
	ENG_STAY_PINNED,  /* pawl_engine_pin() */
	ENG_STAY_SESSION, /* it has what is of this session, and not saved: a bit, or a field */
	ENG_STAY_EDGE,	  /* one end of an edge is a transient task */
	ENG_STAY_VALUE,	  /* a value has no codec, or is not to be dropped */
	ENG_STAY_LOST,	  /* it stands in for one that was lost */
	ENG_STAY_USED,	  /* since the hand came by last */
	ENG_STAY_COUNT
};

/* Of a shard of the keys: how often something left. */
struct eng_evict_shard {
	struct pawl_lock lock;
	/* Odd never. Written under the lock; who makes a task reads it before it looks for its key. */
	struct pawl_atomic_u32 gone;
};
#define ENG_EVICT_SHARDS 64u

struct eng_evict {
	/* 1: it is somebody's turn, in an operation; who comes to it meanwhile goes away. */
	struct pawl_atomic_u32 turn;
	/* By whose turn it is: the id that is looked at next. */
	uint32_t hand;
	/* Who wants that nothing leaves. */
	struct pawl_atomic_u32 pauses;
	/* Hashes of keys of what has left: bits are only ever set. */
	uint64_t filter_mask;
	struct pawl_atomic_u64 *filter;
	struct eng_evict_shard shards[ENG_EVICT_SHARDS];
	/* What is of this session of a task that has left: by its id a struct residue *. */
	struct pawl_map *residues;
	/* Statistics. Relaxed. */
	struct pawl_atomic_u64 evicted, back, dropped, stayed[ENG_STAY_COUNT];
};

/* eng_evict_create() - For so many records that may be out. Errors: -ENOMEM. */
PAWL_MUST_CHECK int eng_evict_create(uint64_t records, struct eng_evict **ret_evict);
/* eng_evict_destroy() - NULL is nothing. */
void eng_evict_destroy(struct eng_evict *evict);

/*
 * eng_evict_rejoin() - What stayed here of a task goes back into its record, which is in no table yet. `node` NULL: it was
 * lost.
 */
void eng_evict_rejoin(struct eng_graph *graph, eng_id id, struct eng_node *node);

/* eng_use() - It was used: the hand passes it by once. Locked. WITHOUT_MARKS: a build that shows what that costs. */
static inline void eng_use(struct eng_node *node)
{
#ifdef ENG_WITHOUT_MARKS
	(void)node;
#else
	if (PAWL_UNLIKELY(!(node->bits & ENG_USED)))
		node->bits |= ENG_USED;
#endif
}

/* eng_stays() - Why this record does not leave, whether it was used or not. Locked, in an operation. */
enum eng_stay eng_stays(const struct eng_graph *graph, const struct eng_node *node);

/*
 * eng_evict_some() - Look at `looks` records from the hand on, and have those leave that may and were not used since
 * the hand came by last; of those that stay values that can be made again.
 *
 * Requires: attached, outside sections and operations, no lock held.
 * Returns:  how many records and values have left.
 */
uint64_t eng_evict_some(struct eng_graph *graph, uint32_t looks);
/* eng_evict_all() - All that may, used or not. For tests, and where memory is short. Returns: how many. */
uint64_t eng_evict_all(struct eng_graph *graph);

/* eng_evict_pause() - From its return on nothing leaves, until eng_evict_resume(). As the thread. Counts. */
void eng_evict_pause(struct eng_graph *graph);
void eng_evict_resume(struct eng_graph *graph);

/* eng_evict_may_have() - Has something with a key of this hash left, perhaps? */
static inline bool eng_evict_may_have(const struct eng_evict *evict, uint64_t hash)
{
	uint64_t bit = (hash ^ hash >> 29) & evict->filter_mask;

	/* Relaxed: who has missed one looks at `gone` again, under the lock. */
	return pawl_load_relaxed(&evict->filter[bit >> 6]) >> (bit & 63) & 1;
}

static inline struct eng_evict_shard *eng_evict_shard(struct eng_evict *evict, uint64_t hash)
{
	return &evict->shards[(hash >> 7) % ENG_EVICT_SHARDS];
}

#endif
