/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph.h - the graph as a whole, and operations on it.
 *
 * Rooms of it, from below: value, node (records), queue (what an operation has left to do),
 * aggregate, balance, active, dirty (what one job does), connect, cells, leaf, collect (edges of one kind
 * each), run (a task's execution), read.
 *
 * Lock order: one record or a pair of them; then whatever lib takes. No code of the user's runs
 * under a record's lock, and nothing waits there but for memory.
 */
#ifndef ENG_GRAPH_H
#define ENG_GRAPH_H

#include <pawl/engine.h>
#include <pawl/gate.h>
#include <pawl/rmap.h>
#include <pawl/runtime.h>
#include <pawl/value.h>

#include "checks.h"
#include "history.h"
#include "node.h"
#include "queue.h"
#include "quiesce.h"
#include "reclaim.h"
#include "storm.h"
#include "waits.h"

/* Locks: of the graph's, records come last; then those of what it tells, and what lib takes. */
#define ENG_RANK_STATE	 19000
#define ENG_RANK_NODE	 20000
#define ENG_RANK_STRETCH 20001
#define ENG_RANK_NOTICES 20002
#define ENG_RANK_EVICT	 20003

struct pawl_error;
struct pawl_ids;
struct eng_called;
struct eng_evict;
struct eng_intake;
struct eng_pool;
struct eng_profile;
struct eng_registry;

/*
 * Who is told of what happens in a graph. The engine's, not the graph's: it goes with it.
 */
struct eng_observer {
	/* The first run is scheduled, or the last one is gone; perhaps with a record locked. */
	void (*edge)(struct eng_observer *observer, bool busy);
	/* The last one is gone. As all below with no lock held, outside of operations. */
	void (*settled)(struct eng_observer *observer);
	/* A run took so long, or (`other`, not 0) its wait for that task, and no less than slow_ns. */
	void (*slow)(struct eng_observer *observer, eng_id id, eng_id other, uint64_t ns);
	/* It is in a storm, after so many re-runs: say why the last one was. */
	void (*storm)(struct eng_observer *observer, eng_id id, uint32_t runs,
		      const struct eng_cause *cause, char *buf, size_t len);
	/* The second time of a run is not as the first: the first of so many differences. As all above. */
	void (*differs)(struct eng_observer *observer, eng_id id, const char *what, uint32_t n);
	void (*found)(struct eng_observer *observer, const struct eng_finding *finding);
	struct eng_waits *waits; /* NULL: nobody looks at them. Set before the first task */
	uint64_t slow_ns;	 /* 0: nobody is told. Set before the first task */
};

/* Who failed by a ring, and whom that called; who failed for the moment (heal.c). */
struct eng_link {
	eng_id caller, callee; /* callee 0: for the moment */
	bool fresh;	       /* the caller's present run added it */
};
struct eng_links {
	struct pawl_lock lock;
	struct eng_link *list;
	uint32_t count, capacity;
	struct pawl_atomic_u32 n; /* the count. Written under the lock, read by all */
};

struct eng_graph {
	struct pawl_runtime *rt;
	struct pawl_group *group; /* runs live here */
	/* Records, and the numbers of them; 0: of persistent tasks, 1: of transient ones. */
	struct pawl_slots *tables[2];
	struct pawl_ids *ids[2];
	/* Records of cached tasks by function and arguments. */
	struct pawl_rmap *cache;
	struct eng_registry *registry;
	struct eng_pool *pool; /* records and runs */
	/* Who changes records is inside. */
	struct eng_quiesce *quiesce;
	struct eng_profile *profile;   /* NULL: nothing is counted */
	struct eng_observer *observer; /* NULL: nobody; set before the first task */
	struct eng_marks *marks;       /* NULL: nothing is saved */
	/* NULL: all there is, is in memory. */
	const struct eng_backing *backing;
	struct eng_evict *evict;   /* NULL: what is in memory stays there */
	bool evicts;		   /* records leave; else values alone */
	struct eng_intake *intake; /* NULL: nobody counts; set before the first task */
	struct eng_checks *checks; /* NULL: none. Never changes */
	bool track_dependencies;
	bool track_active;
	bool histories; /* each task has one */
	bool collects;	/* tasks that nobody needs go: parents are counted */
	bool abandon;	/* runs that are for nothing are cancelled */
	/* A change that more tasks than that are to be told of is told in parts (spread.c). Tests have smaller ones. */
	uint32_t spread_more_than, spread_part;

	/* Nothing is started any more: runs are cancelled. All threads. */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u32 stopping;
	/* Runs that are scheduled or run, and operations from outside. */
	struct pawl_atomic_u64 busy;
	struct pawl_event idle;
	/* Odd: an edit is being applied; one at a time. */
	struct pawl_atomic_u64 edit;
	/*
	 * How often something was made to need work that nobody above may have been told of before all operations were over, and up
	 * to which of these they are. told.c
	 */
	struct pawl_atomic_u64 hidden, settled;
	/* 1: something that was stored is lost, and all is about to be made dirty (restore.c). */
	struct pawl_atomic_u32 lost;
	/* How often that was begun. Relaxed: records that it has come to say so under their locks. */
	struct pawl_atomic_u32 recoveries;
	struct pawl_event edited;
	/* Records of transient tasks that are in line for reuse (dispose.c); 0: none. */
	struct pawl_lock spare_lock;
	eng_id spare;
	struct eng_links links;
	struct eng_reclaim reclaim;
	struct eng_storms storms;
	/* How often something failed for the moment. Relaxed: a later one is larger, and found by another way. */
	struct pawl_atomic_u64 moments;
	/* Numbers of runs that have local references. */
	struct pawl_atomic_u64 executions;
	/* Statistics. Relaxed. */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u64 runs, stale_runs, retries, spreads;
};

/* Priorities: a larger one runs first. */
#define ENG_PRIORITY_INITIAL 0u
#define ENG_PRIORITY_LEAF    (UINT32_MAX - 1) /* invalidated, distance 0 */
#define ENG_PRIORITY_AGAIN   UINT32_MAX	      /* a cell of a clean task is missing */

struct eng_kept;

/* eng_graph_create_kept() - `kept`: see backing.h. Errors: -ENOMEM; those of eng_registry_create(). */
PAWL_MUST_CHECK int eng_graph_create_kept(struct pawl_runtime *rt, struct pawl_group *group,
					  const struct pawl_engine_options *options,
					  const struct eng_kept *kept,
					  struct eng_graph **ret_graph);
/* eng_graph_create() - With nothing but what is in memory. */
PAWL_MUST_CHECK static inline int eng_graph_create(struct pawl_runtime *rt,
						   struct pawl_group *group,
						   const struct pawl_engine_options *options,
						   struct eng_graph **ret_graph)
{
	return eng_graph_create_kept(rt, group, options, NULL, ret_graph);
}
/* eng_graph_destroy() - Requires: no run is left. NULL is nothing. */
void eng_graph_destroy(struct eng_graph *graph);

/* ---- operations ------------------------------------------------------------------- */

/* A task that may be below itself, and an edge of that ring (ring.c). */
struct eng_ring_edge {
	struct eng_ring_edge *next;
	eng_id upper, task;
	uint32_t number; /* of both, when the edge was seen */
};

/*
 * All that changes records happens in one. It may suspend itself where its queue is run (eng_op_point). It never
 * waits for a task; values that it drops may begin others, which are part of it then.
 */
struct eng_op {
	struct eng_graph *graph;
	struct eng_quiesce_slot *slot; /* NULL: part of another one of this thread */
	uint32_t priority;	       /* of the run that does it */
	/* Edges that may close a ring of calls, and those that do. In the arena. */
	struct eng_ring_edge *suspects, *rings;
	struct eng_cause cause; /* of what it makes dirty from now on */
	struct eng_queue queue;
};

/* eng_op_begin() - Sleeps while somebody has a moment of quiet. Requires: no lock held, outside sections. */
static inline void eng_op_begin(struct eng_op *op, struct eng_graph *graph, uint32_t priority)
{
	op->graph = graph;
	op->priority = priority;
	op->suspects = op->rings = NULL;
	op->cause.kind = ENG_CAUSE_NONE;
	eng_queue_init(&op->queue);
	op->slot = eng_quiesce_enter(graph->quiesce, op);
}

/*
 * eng_op_point() - Here it may suspend itself: what is left of it is in its queue and its rings, and is saved with what
 * it has done so far (persist/ops.c). What its caller has yet to do is then that of a run that is not over: its
 * task is saved as one that has to run. While a loss is repaired all consequences have to be done first.
 */
static inline void eng_op_point(struct eng_op *op)
{
	/* Relaxed: restore.c looks again who has suspended itself. */
	if (PAWL_LIKELY(!pawl_load_relaxed(&op->graph->lost)))
		eng_quiesce_point(op->graph->quiesce, op->slot);
}

/* eng_op_is_called() - Should it come to its next point soon? */
static inline bool eng_op_is_called(const struct eng_op *op)
{
	return op->slot && !pawl_load_relaxed(&op->graph->lost) &&
	       eng_quiesce_is_shut(op->graph->quiesce);
}

/* eng_op_run() - Do all that is in the queue. Requires: no lock held. */
void eng_op_work(struct eng_op *op);
static inline void eng_op_run(struct eng_op *op)
{
	if (!eng_queue_is_empty(&op->queue))
		eng_op_work(op);
}

/* eng_ring_break() - Take one call out of each ring that was found; who made it runs again, and fails. */
void eng_ring_break(struct eng_op *op);

/* eng_told_clear() - All is told that it had to tell (told.c). */
void eng_told_clear(struct eng_op *op);

/* eng_op_end() - The same, and the operation is over. */
static inline void eng_op_end(struct eng_op *op)
{
	eng_op_run(op);
	if (PAWL_UNLIKELY(op->rings != NULL))
		eng_ring_break(op);
	if (PAWL_UNLIKELY(eng_queue_has_told(&op->queue)))
		eng_told_clear(op);
	eng_quiesce_leave(op->graph->quiesce, op->slot);
	eng_queue_fini(&op->queue);
	if (PAWL_UNLIKELY(op->graph->checks != NULL))
		eng_checks_tell(op->graph);
}

/* eng_is_inner() - Does a task with the one number aggregate, of those next to it, one with the other? */
static inline bool eng_is_inner(uint32_t upper, uint32_t task)
{
	return upper == ENG_NUMBER_ROOT || task < upper;
}

/* ---- spread.c ------------------------------------------------------------------------ */

#define ENG_SPREAD_MORE_THAN 10000u
#define ENG_SPREAD_PART	     1024u

typedef void eng_spread_fn(struct eng_op *op, void *arg, uint32_t from, uint32_t to);
/*
 * eng_spread() - Have fn called for all of [0, n), perhaps in parts, by several threads at once, each with an operation
 * that is part of this one. fn makes tasks dirty: it takes records' locks, and nothing else.
 *
 * Requires: no lock held.
 */
void eng_spread(struct eng_op *op, uint32_t n, eng_spread_fn *fn, void *arg);

/* ---- aggregate.c --------------------------------------------------------------------- */

/* The tasks next to this one: its children, or, of one that aggregates, its followers. */
struct eng_list eng_followers_of(struct eng_queue *queue, const struct eng_node *node);
struct eng_list eng_uppers_of(struct eng_queue *queue, const struct eng_node *node);

/* eng_contribution() - What `node` is in the sums of who aggregates it; `sign` -1: when it leaves. */
struct eng_update eng_contribution(struct eng_queue *queue, const struct eng_node *node,
				   int sign);

/* eng_apply() - `upper`, locked, is told an update; its own uppers are to be told what follows from it. */
void eng_apply(struct eng_op *op, struct eng_node *upper, const struct eng_update *update);
/*
 * eng_tell_above() - Those above `node`, locked, are to be told so. `more`: something in it, or below it, needs work that
 * did not before.
 */
void eng_tell_above(struct eng_op *op, struct eng_node *node, bool more,
		    const struct eng_update *update);

/*
 * eng_combine() - How the need for work of a task changed, whose own dirt and containers' counts changed
 * so. Tells who waits until it is clean.
 */
struct eng_dirt {
	int32_t dirty, clean; /* containers */
	bool self_dirty, self_clean;
};
struct eng_dirt eng_dirt_of(const struct eng_node *node);
struct eng_update eng_combine(struct eng_node *node, struct eng_dirt before,
			      struct eng_dirt after);

/* Readers of the collectibles of a trait here are to be told. Locked. */
void eng_collectibles_changed(struct eng_op *op, struct eng_node *upper, uint32_t trait);

void eng_job_gained(struct eng_op *op, struct eng_job *job);
void eng_job_lost(struct eng_op *op, struct eng_job *job);
void eng_job_data(struct eng_op *op, struct eng_job *job);

/* A count of edges changed from one to the other: is the task to be looked at by the optimiser? Locked. */
void eng_optimize_check(struct eng_op *op, struct eng_node *node, uint32_t before,
			uint32_t after);

/* ---- balance.c ------------------------------------------------------------------------ */

void eng_number_raise(struct eng_op *op, eng_id id, uint32_t base, uint32_t distance);
/* eng_number_at_least() - In the queue, if it is not so already. */
void eng_number_at_least(struct eng_op *op, eng_id id, uint32_t base);
void eng_balance(struct eng_op *op, eng_id upper, eng_id task);
void eng_optimize(struct eng_op *op, eng_id id);
/* eng_optimize_again() - If an operation before has put it off, this one does it. Locked. */
#define ENG_OPTIMIZED_MOST 1000u
static inline void eng_optimize_again(struct eng_op *op, const struct eng_node *node)
{
	if (PAWL_UNLIKELY(node->bits & ENG_OPTIMIZE) &&
	    op->queue.optimized < ENG_OPTIMIZED_MOST)
		eng_queue_optimize(&op->queue, eng_node_id(node));
}
/* eng_make_root() - Have it aggregate all that it reaches. */
void eng_make_root(struct eng_op *op, eng_id id);

/* ---- active.c --------------------------------------------------------------------------- */

/* eng_activate() - It has one more active referrer. Returns: false: it is still, and counts none. */
bool eng_activate(struct eng_op *op, eng_id id);
/* eng_activate_called() - The same, by a call that counts. Returns: 1, 0; -ESTALE: there is no such task. */
PAWL_MUST_CHECK int eng_activate_called(struct eng_op *op, eng_id id);
/* eng_referrers_forget() - It is still: they do not count. Locked. */
void eng_referrers_forget(struct eng_node *node);
void eng_job_activate(struct eng_op *op, struct eng_job *job);
void eng_job_deactivate(struct eng_op *op, struct eng_job *job);
/* eng_find_dirty() - Schedule it if it has to run, and look for what has to below it. Locked. */
void eng_find_dirty(struct eng_op *op, struct eng_node *node);
/* eng_became_clean() - Those who waited for it are told. Locked. */
void eng_became_clean(struct eng_node *node);
/* eng_active_make() - Locked. */
union eng_slot *eng_active_make(struct eng_node *node);
void eng_active_trim(struct eng_node *node);
struct eng_clean *eng_clean_listen(struct eng_node *node);
void eng_clean_unpin(struct eng_clean *clean);

/* ---- dirty.c ------------------------------------------------------------------------------ */

/*
 * eng_make_dirty() - It has to run again, locked; `stale`: and what it is doing now is for nothing.
 */
void eng_make_dirty(struct eng_op *op, struct eng_node *node, bool stale);
/* eng_set_dirty() - To these bits (ENG_DIRTY, ENG_SESSION, ENG_SESSION_CLEAN). Tells uppers. Locked. */
void eng_set_dirty(struct eng_op *op, struct eng_node *node, uint32_t bits);
/* eng_set_finished() - The run that it is in counts as over. Tells uppers. Locked. */
void eng_set_finished(struct eng_op *op, struct eng_node *node);
void eng_job_readers(struct eng_op *op, struct eng_job *job);
void eng_invalidate(struct eng_op *op, eng_id *ids, uint32_t n);

/* ---- connect.c ---------------------------------------------------------------------------- */

struct eng_run_state;

/*
 * eng_connect_known() - A running task calls `child`. Returns: 0: it has called it before; 1: it is to be connected;
 * -ECANCELED: the run is over.
 */
PAWL_MUST_CHECK int eng_connect_known(struct eng_run_state *parent, eng_id child);
/*
 * eng_connect() - It calls it for the first time, or (`parent` is NULL) it is called from outside. Returns: 0;
 * -ESTALE: there is no such task; -ECANCELED.
 */
PAWL_MUST_CHECK int eng_connect(struct eng_op *op, struct eng_run_state *parent, eng_id child);
/*
 * eng_connect_children() - Those that a run has called for the first time are its task's from now on. Locked. Returns: the
 * run gives back its holds, once all that follows is done: before, the edges' own counts may still be on their way, and
 * all that is below would be told that it is not wanted, and then that it is.
 */
PAWL_MUST_CHECK bool eng_connect_children(struct eng_op *op, struct eng_node *parent,
					  struct eng_list children);
/* eng_connect_still() - The same of a child that is still; else 1: it is to be connected. No lock held. */
PAWL_MUST_CHECK int eng_connect_still(struct eng_graph *graph, struct eng_run_state *parent,
				      eng_id child);
/* eng_child_is_still() - The running parent sees that of one that it may have called. No lock held. */
void eng_child_is_still(struct eng_run_state *run, eng_id child);
/*
 * eng_children_moved() - Whom the run has called as still, and is not any more: something was lost meanwhile. How many call
 * those is not known from then on, so they are not told. Inside, no lock held.
 */
struct eng_list eng_children_moved(struct eng_op *op, struct eng_run_state *run);
/* eng_children_keep_still() - Those of the run are the task's, but for those that moved. Locked. */
void eng_children_keep_still(struct eng_op *op, struct eng_node *parent,
			     struct eng_run_state *run, struct eng_list moved);
/* eng_children_stale() - The run is for nothing: what it alone has called and is still counts it no more. Locked. */
void eng_children_stale(struct eng_op *op, struct eng_node *parent, struct eng_run_state *run);
/*
 * eng_children_take() - It calls these no more. Returns: one of them was there. Locked. `counts`: they count it no more;
 * else the count is the caller's.
 */
bool eng_children_take(struct eng_op *op, struct eng_node *parent, struct eng_list children,
		       bool counts);
/* eng_children_lost() - The same, no lock held. */
void eng_children_lost(struct eng_op *op, eng_id parent, struct eng_list children);
/*
 * eng_number_children() - Numbers for children that a run has called. Locked.
 *
 * Returns: the parent's number that they go by; ROOT: they do not.
 */
uint32_t eng_number_children(struct eng_op *op, struct eng_node *parent,
			     const struct eng_called *children);

/* ---- leaf.c --------------------------------------------------------------------------------- */

struct eng_leaf {
	uint32_t distance, most; /* most: the end of its slack */
};
struct eng_leaf eng_leaf_of(const struct eng_node *node);
/* eng_leaf_raise() - It reads the output of a task with that distance, and so on. No lock held. */
void eng_leaf_raise(struct eng_op *op, eng_id reader, struct eng_leaf of);

/* ---- schedule.c ------------------------------------------------------------------------------ */

/*
 * eng_schedule() - If it neither waits nor runs it waits from now on, in the runtime. Locked.
 */
void eng_schedule(struct eng_op *op, struct eng_node *node, uint32_t parent_priority);
/* eng_busy_more() - A run comes. eng_busy_less() - One is gone. */
void eng_busy_more(struct eng_graph *graph);
/* eng_busy_less() - A run is gone. Requires: no lock held, outside of operations. */
void eng_busy_less(struct eng_graph *graph);
uint32_t eng_priority_of(const struct eng_node *node, uint32_t parent_priority);
static inline struct eng_run_state *eng_run_of(const struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_RUN);

	return slot ? (struct eng_run_state *)slot->pointer : NULL;
}
/*
 * eng_abandon() - What this run does is for nothing: where the engine was told to, it ends at its next wait. Locked; it
 * is stale.
 */
void eng_abandon(struct eng_graph *graph, struct eng_run_state *run);
/* eng_abandon_unwanted() - The same of the run of a task that has just become inactive, if there is one. Locked. */
void eng_abandon_unwanted(struct eng_op *op, struct eng_node *node);
/* eng_run_cancel() - It will not run: the engine stops. Tells all who wait. Locked. */
void eng_run_cancel(struct eng_op *op, struct eng_node *node);
/* eng_node_name() - Of its function, or what it is without one. Stays as long as the engine. */
const char *eng_node_name(const struct eng_graph *graph, const struct eng_node *node);

/* ---- ring.c ---------------------------------------------------------------------------------- */

/* eng_ring_of_calls() - This task is below itself: calls go round in a ring. */
void eng_ring_of_calls(struct eng_op *op, eng_id id);
/*
 * eng_ring_suspect() - `task` is next to `upper` since now, and their numbers are equal, or were: does that close a
 * ring? It is looked at once no lock is held.
 */
void eng_ring_suspect(struct eng_op *op, eng_id upper, eng_id task, uint32_t number);
void eng_ring_look(struct eng_op *op);
void eng_links_free(struct eng_links *links);

/* ---- collect.c -------------------------------------------------------------------------------- */

/* It emits this many more. Locked. */
void eng_collectible_add(struct eng_op *op, struct eng_node *node, uint32_t trait, uint64_t ref,
			 int32_t count);

/* ---- verify.c ---------------------------------------------------------------------------------- */

/* eng_verify() - As pawl_engine_verify(). */
PAWL_MUST_CHECK int eng_verify(struct eng_graph *graph, char *buf, size_t len);

/* ---- others ------------------------------------------------------------------------------------ */

void eng_field_clear(struct eng_node *node, enum eng_field field);
void eng_closure_free(void *closure);
void eng_output_free(uint64_t error);

#endif
