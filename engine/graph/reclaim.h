/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reclaim.h - tasks that nobody needs go: how many need each, and who may have lost the last one.
 *
 * A task's count of parents is in its slot's generation, above the number of its marks (modify.h): one for each task
 * that has it in CHILDREN or STILL_CHILDREN, one for each run that has called it and whose task has not, one for each
 * visit that has called it. A count that is as large as it can be stays so, and the task with it.
 *
 * Of what comes from a store it is not known how many that were when it was opened (the base); what has changed since is
 * counted, and when somebody has counted the bases (persist/sweep.c) the one is added to the other.
 *
 * Who has lost the last of them is noted as a candidate. A pass takes candidates at moments of quiet, looks again, and
 * takes out those that nothing else holds: no activeness, no run, no pin, no visit that was there lately. So
 * it costs what goes, and nothing on the way of calls but the count.
 */
#ifndef ENG_RECLAIM_H
#define ENG_RECLAIM_H

#include <pawl/atomic.h>
#include <pawl/hash.h>
#include <pawl/lock.h>

#include "node.h"
#include "queue.h"

struct eng_op;
struct pawl_collect_stats;
struct pawl_context;

/*
 * So many candidates have the background begin, and so many when nothing runs. Fewer stay: who undoes an edit
 * finds what there was.
 */
#define ENG_RECLAIM_MANY 1024u
#define ENG_RECLAIM_SOME 256u

/*
 * How many parents each task had in the store when it was opened, by number: all below the limit, those that are there
 * with ENG_BASE_THERE.
 */
#define ENG_BASE_THERE UINT32_C(0x80000000)
struct eng_bases {
	uint32_t limit;
	uint32_t parents[];
};

/* One that went, and may be in a store. */
struct eng_gone {
	eng_id id;
	struct pawl_digest digest; /* of its key */
};
struct eng_gone_list {
	struct eng_gone *list;
	uint32_t n, capacity;
};

struct eng_reclaim {
	/* Under the lock, which comes after records. */
	struct pawl_lock lock;
	struct eng_list candidates;
	uint32_t capacity;
	/* Since the last capture; and those before, while they are taken out of the store. */
	struct eng_gone_list gone, leaving;
	/* All that went in this process, where there is a store; NULL: none. */
	struct eng_bitmap *went;
	/* struct eng_bases: NULL: nobody has counted. Stored once, with release. */
	struct pawl_atomic_ptr bases;
	/* Tasks that visits called; a, b: when the last one was over. And when these were looked at. */
	struct eng_table anchors;
	uint64_t aged_ns;
	/* Candidates since a pass has begun; 1: a pass is on its way. Relaxed: hints. */
	struct pawl_atomic_u32 fresh, started;
	/* Counts of visits that are not over. */
	struct pawl_atomic_u64 held;
	uint64_t after_ns;
	uint32_t many, some; /* ENG_RECLAIM_... Tests have smaller ones */
	/* Statistics. Relaxed. */
	struct pawl_atomic_u64 collected, moments;
	/* Tasks that were made with a number that one of a session before had (persist/reuse.c). Relaxed. */
	struct pawl_atomic_u64 again;
};

void eng_reclaim_init(struct eng_reclaim *reclaim, uint64_t after_ns);
void eng_reclaim_fini(struct eng_reclaim *reclaim);

/* ---- counts: all under the record's lock --------------------------------------------- */

/* Smaller ones are counts; from here on they are differences to a base that is not known, and this is none. */
#define ENG_PARENTS_COUNTS UINT32_C(0x200000)
#define ENG_PARENTS_SAME   UINT32_C(0x300000)

/* As it stands there. */
static inline uint32_t eng_parents(const struct eng_node *node)
{
	return eng_word(node) >> ENG_PARENTS_SHIFT & ENG_PARENTS_MOST;
}

static inline void eng_parents_set(struct eng_node *node, uint32_t parents)
{
	eng_word_set(node, (eng_word(node) & ~(ENG_PARENTS_MOST << ENG_PARENTS_SHIFT)) |
				   parents << ENG_PARENTS_SHIFT);
}

static inline void eng_parents_more(struct eng_node *node)
{
	uint32_t parents = eng_parents(node);

	/* Those that are as large as they can be, of either kind. */
	if (PAWL_UNLIKELY(parents == ENG_PARENTS_COUNTS - 1 || parents == ENG_PARENTS_MOST))
		parents = ENG_PARENTS_MOST - 1;
	eng_parents_set(node, parents + 1);
	eng_word_set(node, eng_word(node) | ENG_CALLED);
}

/* Is it a difference to what is not known? */
static inline bool eng_parents_differ(const struct eng_node *node)
{
	uint32_t parents = eng_parents(node);

	return parents >= ENG_PARENTS_COUNTS && parents < ENG_PARENTS_MOST;
}

/* eng_parents_find_out() - It is a count from now on, if the bases are known. */
void eng_parents_find_out(struct eng_graph *graph, struct eng_node *node);

/* eng_parents_less() - If that was the last one it is a candidate. */
void eng_parents_less(struct eng_graph *graph, struct eng_node *node);

/* eng_uncalled() - The same of each, in the queue; of one that runs once as of a visit. `parent`: locked. */
void eng_uncalled(struct eng_op *op, const struct eng_node *parent, struct eng_list tasks);
void eng_job_uncalled(struct eng_op *op, struct eng_job *job);

/* eng_reclaim_look() - Something that is no parent holds it no more. */
void eng_reclaim_look(struct eng_graph *graph, struct eng_node *node);

/*
 * eng_parents_forget() - It stays, as long as this process: what has left memory and come back is not known how often it was
 * called meanwhile; and where something of a store is lost, of none.
 */
static inline void eng_parents_forget(struct eng_node *node)
{
	eng_word_set(node, eng_word(node) | ENG_PARENTS_MOST << ENG_PARENTS_SHIFT | ENG_CALLED);
}

/* ---- visits ---------------------------------------------------------------------------- */

/* eng_visit_hold() - A visit calls it. Returns: 0; -ESTALE: there is no such task. */
PAWL_MUST_CHECK int eng_visit_hold(struct pawl_context *context, eng_id id);
/* eng_visit_over() - No lock held, outside of operations. */
void eng_visit_over(struct pawl_context *context);

/* ---- passes: no lock held, outside of operations ---------------------------------------- */

/* eng_reclaim_poke() - If there is enough to do have it done. */
void eng_reclaim_poke(struct eng_graph *graph);
/*
 * eng_reclaim_all() - Have all go that can; `now`: who waits for its time as well. Errors: -EDEADLK; -ENOMEM.
 */
PAWL_MUST_CHECK int eng_reclaim_all(struct eng_graph *graph, struct pawl_collect_stats *stats);

/* ---- with a store ---------------------------------------------------------------------- */

/* eng_gone_take() - Those that went since the last time. At a moment of quiet. They stay until: */
const struct eng_gone_list *eng_gone_take(struct eng_graph *graph);
/* eng_gone_done() - They are not in the store any more; or (`saved` false) are still, and are taken the next time again. */
void eng_gone_done(struct eng_graph *graph, bool saved);
/* eng_gone_has() - Did it go, in this process? Whatever the store says it is not there. */
bool eng_gone_has(struct eng_graph *graph, eng_id id);

/*
 * eng_bases_set() - All parents were counted: who has none now is a candidate, of those that are in memory. Owns: the
 * bases, from pawl_mem. Once. No lock held, outside of operations.
 */
void eng_bases_set(struct eng_graph *graph, struct eng_bases *bases);
/* eng_reclaim_stale() - Nobody has asked for it for long: if nobody does now it is a candidate. The same. */
void eng_reclaim_stale(struct eng_graph *graph, eng_id id);
/* eng_reclaim_is_asked() - Was it called in this process, for all that is known? The same. */
bool eng_reclaim_is_asked(struct eng_graph *graph, eng_id id);

#endif
