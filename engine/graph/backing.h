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

#include "modify.h"

struct eng_numbering;

struct eng_backing {
	void *arg;
	/* Tasks with smaller numbers may be there. */
	uint32_t limit;
	/* Functions of some of them may be gone: their records come without a key. */
	bool changed;
	/*
	 * The record of a task, in no table. Errors: -ENOENT, -EUCLEAN: it is not there, or damaged: it is lost;
	 * -ENOMEM: to be asked again.
	 */
	int (*restore)(void *arg, eng_id id, struct eng_node **ret_node);
	/*
	 * The task with that digest of function and arguments; 0: none. Errors: -EUCLEAN: which one cannot be read, or
	 * is damaged.
	 */
	int (*look_up)(void *arg, struct pawl_digest digest, eng_id *ret_id);
	/* Something leads to a task that is lost. */
	void (*lost)(void *arg, eng_id id);
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
 */
void eng_restore(struct eng_graph *graph, eng_id id, bool must);
/* eng_restore_failed() - What was stored of that task (0: of one that is not known) is damaged. Any context but a lock. */
void eng_restore_failed(struct eng_graph *graph, eng_id id);
/* eng_restore_all() - The same of each. */
void eng_restore_all(struct eng_graph *graph);
/* eng_lost_body() - Of a task that is lost. */
struct pawl_context;
PAWL_MUST_CHECK int eng_lost_body(struct pawl_context *context);
/* eng_is_stored() - May it be there, if it is not in its table? */
static inline bool eng_is_stored(const struct eng_backing *backing, eng_id id)
{
	return backing && id < backing->limit && id;
}

static inline bool eng_has_stored(const struct eng_backing *backing)
{
	return backing && backing->limit;
}

/* By what a task is found in the store. */
struct pawl_digest eng_key_digest(uint32_t function, const void *args, size_t bytes);

#endif
