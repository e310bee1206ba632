/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backing.h - what the graph asks of what stands behind it: tasks that are not in memory.
 *
 * The graph knows no store. It has this table, or NULL: then all there is, is in memory. A task is restored
 * when its record is to be locked, before any lock is taken, by one thread; others that want it wait for that
 * one, as threads. Nobody waits here for a task, an operation, or a lock of the graph's.
 */
#ifndef ENG_BACKING_H
#define ENG_BACKING_H

#include <pawl/hash.h>

#include "graph.h"
#include "modify.h"

struct eng_numbering;

struct eng_backing {
	void *arg;
	/* Tasks with smaller numbers may be there since before. */
	uint32_t limit;
	/* Functions of some of them may be gone: their records come without a key. */
	bool changed;
	/*
	 * The record of a task, in no table. Errors: -ENOENT, -EUCLEAN: it is not there, or damaged: it is lost;
	 * -ENOMEM: to be asked again.
	 */
	int (*restore)(void *arg, eng_id id, struct eng_node **ret_node);
	/* Several, ascending, at most ENG_TOGETHER. NULL for each that is not there, or that cannot be had in this way. */
	void (*restore_many)(void *arg, const eng_id *ids, unsigned n,
			     struct eng_node **ret_nodes);
	/*
	 * The task with that digest of function and arguments; 0: none. Errors: -EUCLEAN: which one cannot be read, or
	 * is damaged.
	 */
	int (*look_up)(void *arg, struct pawl_digest digest, eng_id *ret_id);
	/* Something leads to a task that is lost. */
	void (*lost)(void *arg, eng_id id);
	/* Is all that was saved so far restored as it was saved last? NULL: what is in memory stays there. */
	bool (*is_current)(void *arg);
	/*
	 * Have the parents of all that was saved before counted (eng_bases_set()), if that was not done and is possible. As
	 * the thread; no lock held, outside of operations. May be NULL.
	 */
	void (*count)(void *arg);
	/* All is dirty because of that. No lock held, outside of operations. One at a time. May be NULL. */
	void (*recovered)(void *arg);
};

/* What a graph is made with where something is kept. */
struct eng_kept {
	const struct eng_numbering *numbering;
	const struct eng_backing *backing;
	/* The first number that was never given to a task. */
	uint32_t next;
	/* NULL: nothing is saved. */
	struct eng_marks *marks;
};

/*
 * eng_restore() - That task is in its table, or is none. `must`: an edge leads to it, so it is lost if it is not
 * there. In no section, no lock held.
 *
 * Returns: it was in its table at one moment; it may have left again.
 */
bool eng_restore(struct eng_graph *graph, eng_id id, bool must);
/*
 * eng_restore_put() - A record that was read is in its table, which the caller has claimed, and in the map.
 *
 * Returns: there is another one with its key: eng_restore_twice().
 */
PAWL_MUST_CHECK bool eng_restore_put(struct eng_graph *graph, eng_id id, struct eng_node *node,
				     enum pawl_slot_state was);
/* Of two records of one key both are there: one of them is lost. No claim held. */
void eng_restore_twice(struct eng_graph *graph);
/* eng_restore_failed() - What was stored of that task (0: of one that is not known) is damaged. Any context but a lock. */
void eng_restore_failed(struct eng_graph *graph, eng_id id);
/* eng_restore_wait() - While somebody looks whether there is such a task, and there is none. As the thread. */
void eng_restore_wait(struct eng_graph *graph, eng_id id);
/* eng_restore_all() - The same of each. */
void eng_restore_all(struct eng_graph *graph);
/*
 * Tasks that are about to be touched: those that are not in memory are restored together (restore-many.c).
 *
 *	struct eng_many many;
 *
 *	eng_many_begin(&many, graph);
 *	eng_many_add(&many, id), for each; any number, the same again, transient ones and such as are not there
 *	eng_many_end(&many);
 *
 * Nothing is promised: who locks one looks again. In no section, no lock held; eng_many_add() may restore some.
 */
#define ENG_TOGETHER 64u
struct eng_many {
	struct eng_graph *graph;
	eng_id *ids;
	uint32_t n, room;
	eng_id first[ENG_TOGETHER];
};
static inline void eng_many_begin(struct eng_many *many, struct eng_graph *graph)
{
	many->graph = graph;
	many->ids = many->first;
	many->n = 0;
	many->room = ENG_TOGETHER;
}
void eng_many_add(struct eng_many *many, eng_id id);
void eng_many_end(struct eng_many *many);
/* eng_restore_list() - All of a list, if there is anything to restore. */
void eng_restore_list(struct eng_graph *graph, const eng_id *ids, uint32_t n);
/* eng_restore_sort() - A long list, in the order of the store, if some of it may be there alone. */
void eng_restore_sort(struct eng_graph *graph, eng_id *ids, uint32_t n);
/*
 * eng_restore_ahead() - ids[at] is next, of [from, to): some of them at a time. What comes back long before it is
 * touched has left the cache by then.
 */
static inline void eng_restore_ahead(struct eng_graph *graph, const eng_id *ids, uint32_t at,
				     uint32_t from, uint32_t to)
{
	if (PAWL_UNLIKELY(!((at - from) % ENG_TOGETHER)))
		eng_restore_list(graph, ids + at,
				 to - at < ENG_TOGETHER ? to - at : ENG_TOGETHER);
}
/*
 * eng_restore_wake() - Where what is dirty runs, wanted or not: all tasks come back, beside the caller, and those that
 * have to run do. Errors: of pawl_spawn().
 */
PAWL_MUST_CHECK int eng_restore_wake(struct eng_graph *graph);
/*
 * eng_is_lost() - Does this record stand in for one that is lost, or of a function that is gone? Locked.
 * eng_lost_fail() - What who looks at it fails with. Returns: -PAWL_ETASK.
 * eng_lost_body() - Of a task that is lost.
 */
struct pawl_context;
bool eng_is_lost(const struct eng_node *node, eng_id id);
int eng_lost_fail(struct pawl_context *context);
PAWL_MUST_CHECK int eng_lost_body(struct pawl_context *context);
/* eng_is_stored() - May it be there, if it is not in its table? */
static inline bool eng_is_stored(const struct eng_graph *graph, eng_id id)
{
	if (!graph->backing || !id || eng_is_transient(id))
		return false;
	if (id < graph->backing->limit)
		return true;
	if (!graph->evicts)
		return false;
	/* LIVE as well: who has missed it just now looks again. */
	return pawl_slots_state(graph->tables[0], id) != PAWL_SLOT_EMPTY;
}

/* Is there anything that may not be in memory? */
static inline bool eng_has_stored(const struct eng_graph *graph)
{
	return graph->backing && (graph->backing->limit || graph->evicts);
}

/* By what a task is found in the store. */
struct pawl_digest eng_key_digest(uint32_t function, const void *args, size_t bytes);

#endif
