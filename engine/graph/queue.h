/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.h - what is left to do of an operation on the graph: its jobs, and the order of doing them.
 *
 * A change of an edge is told to those who aggregate it, theirs are told by them, and so on; each
 * step holds one record, or a pair. What comes next is written down in the queue of the
 * operation, and done by it before it ends.
 *
 *	classes, in this order: a job that was added goes before all of a later class
 *	 jobs         first in, first out; what is left of a job that was split goes first
 *	 numbers      aggregation numbers to raise, the last one first
 *	 balance      edges whose ends may have changed places
 *	 optimize     one at a time
 *	 find         tasks below which something dirty may have to run
 *
 * Memory comes from an arena that lives as long as the operation. Most operations are small: beginning
 * and ending one writes a few words, and takes no memory.
 */
#ifndef ENG_QUEUE_H
#define ENG_QUEUE_H

#include "bag.h"
#include "node.h"

/* Ids, and how often each; counts NULL: once. In the arena, and never changed: lists share them. */
struct eng_list {
	uint32_t *ids;
	uint32_t *counts;
	uint32_t n;
};

/* What changed in a task that others aggregate. */
struct eng_update {
	eng_id container; /* 0: no change of dirt */
	int32_t dirty;	  /* it is or contains something dirty: +1, or no longer: -1 */
	int32_t clean;	  /* and all of that is clean in this session */
	struct eng_collectible *collectibles;
	uint32_t n;
};

static inline bool eng_update_is_empty(const struct eng_update *update)
{
	return !update->dirty && !update->clean && !update->n;
}

enum eng_job_kind {
	ENG_JOB_GAINED,	    /* inner tasks of `uppers` have new followers `tasks` */
	ENG_JOB_LOST,	    /* ... have lost them */
	ENG_JOB_DATA,	    /* `uppers` are told `update` */
	ENG_JOB_READERS,    /* `tasks` read collectibles of `uppers` that changed */
	ENG_JOB_ACTIVATE,   /* `tasks` have one more active referrer */
	ENG_JOB_DEACTIVATE, /* ... one less */
	ENG_JOB_UNCALLED,   /* ... one parent less (reclaim.h) */
};

struct eng_job {
	struct eng_job *next;
	enum eng_job_kind kind;
	union {
		uint32_t retry; /* LOST: how often it did not find all it was to remove */
		uint32_t trait; /* READERS */
		bool once;	/* UNCALLED: by one that runs once */
	};
	/* Whom it is about was looked for in the store: those behind the first so many, from the next on. */
	bool begun;
	uint32_t unseen;
	struct eng_list uppers, tasks;
	struct eng_update update;
};

/* A set of words in the order in which they came, each with two words more. */
struct eng_entry {
	uint64_t key;
	uint32_t a, b;
};
struct eng_table {
	struct eng_entry *entries;
	uint32_t n, capacity;
	uint32_t *places; /* NULL: few; else numbers of entries plus 1 */
	uint32_t mask;
	bool lent; /* the entries are an arena's */
};

/* What is to be done, each once: taken a batch at a time, what comes meanwhile is in the next one. */
struct eng_pending {
	struct eng_table next, now;
	uint32_t at; /* entries of `now` before it were taken */
};

/* Classes of what is to be done, in their order. */
enum eng_class {
	ENG_CLASS_NUMBERS,
	ENG_CLASS_BALANCE,
	ENG_CLASS_OPTIMIZE,
	ENG_CLASS_FIND,
	ENG_CLASS_COUNT
};

#define ENG_ARENA_FIRST 2048

struct eng_chunk;

struct eng_queue {
	struct eng_job *first, **last;
	/* The arena. */
	char *at, *end;
	struct eng_chunk *chunks;
	uint32_t optimized; /* how often */
	/* Most operations need no table: one is initialised when its bit is set. */
	uint32_t
		used; /* bit c: pending[c]; and numbers_done with the first; the bit after the last: told */
	uint32_t waiting; /* bit c: there may be something in it */
	struct eng_pending pending[ENG_CLASS_COUNT];
	struct eng_table numbers_done;
	struct eng_table told; /* what it has marked (told.c) */
	PAWL_ALIGNED(16) char inline_chunk[ENG_ARENA_FIRST];
};

static inline void eng_queue_init(struct eng_queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
	queue->at = queue->inline_chunk;
	queue->end = queue->inline_chunk + sizeof(queue->inline_chunk);
	queue->chunks = NULL;
	queue->optimized = 0;
	queue->used = queue->waiting = 0;
}

/* What it took from outside of itself. */
void eng_queue_give_back(struct eng_queue *queue);
static inline void eng_queue_fini(struct eng_queue *queue)
{
	if (queue->chunks || queue->used)
		eng_queue_give_back(queue);
}

static inline bool eng_queue_is_empty(const struct eng_queue *queue)
{
	return !queue->first && !queue->waiting;
}

/* eng_queue_alloc() - From the arena, aligned to 8. Waits for memory. */
void *eng_queue_alloc(struct eng_queue *queue, size_t bytes);
struct eng_list eng_list_make(struct eng_queue *queue, uint32_t n);
struct eng_list eng_list_one(struct eng_queue *queue, uint32_t id);
struct eng_list eng_list_of_set(struct eng_queue *queue, const struct pawl_sset *set);
struct eng_list eng_list_of_map(struct eng_queue *queue, const struct pawl_cmap *map);

static inline uint32_t eng_list_count(const struct eng_list *list, uint32_t at)
{
	return list->counts ? list->counts[at] : 1;
}

/* Adding jobs. Lists belong to the queue from then on; empty ones are nothing. */
void eng_queue_gained(struct eng_queue *queue, struct eng_list uppers, struct eng_list tasks);
void eng_queue_lost(struct eng_queue *queue, struct eng_list uppers, struct eng_list tasks,
		    uint32_t retry);
void eng_queue_data(struct eng_queue *queue, struct eng_list uppers,
		    const struct eng_update *update);
void eng_queue_tasks(struct eng_queue *queue, enum eng_job_kind kind, struct eng_list tasks);
void eng_queue_push(struct eng_queue *queue, struct eng_job *job);
void eng_queue_push_front(struct eng_queue *queue, struct eng_job *job);
struct eng_job *eng_queue_job(struct eng_queue *queue, enum eng_job_kind kind);

/* eng_queue_number() - Raise the number of a task to at least this base, and this distance. */
void eng_queue_number(struct eng_queue *queue, eng_id id, uint32_t base, uint32_t distance);
void eng_queue_balance(struct eng_queue *queue, eng_id upper, eng_id task);
void eng_queue_optimize(struct eng_queue *queue, eng_id id);
void eng_queue_find(struct eng_queue *queue, eng_id id);

/* eng_queue_told() - The table of what is marked, made if there is none. eng_queue_has_told() - Is there one? */
struct eng_table *eng_queue_told(struct eng_queue *queue);
static inline bool eng_queue_has_told(const struct eng_queue *queue)
{
	return queue->used >> ENG_CLASS_COUNT & 1;
}

/* ---- tables -------------------------------------------------------------------------- */

/* Returns: the entry of that key, made if there was none (`ret_new`). Good until the next call. */
struct eng_entry *eng_table_put(struct eng_table *table, uint64_t key, bool *ret_new);
struct eng_entry *eng_table_get(const struct eng_table *table, uint64_t key);
void eng_table_clear(struct eng_table *table);
void eng_table_fini(struct eng_table *table);

/* The next one, of a batch that came together the last one first for NUMBERS. Returns: false: none. */
bool eng_pending_take(struct eng_queue *queue, enum eng_class class_,
		      struct eng_entry *ret_entry);
/* eng_pending_at() - The key of the one that comes so many after the next one, if nothing is added; 0: none yet. */
uint64_t eng_pending_at(const struct eng_queue *queue, enum eng_class class_, uint32_t after);

#endif
