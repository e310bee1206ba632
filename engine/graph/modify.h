/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modify.h - which tasks have changed since they were last saved.
 *
 * Who changes a field that is saved says so first: eng_modify(). The record notes in which epoch that was, for
 * each of its two categories, and its id is set in the bitmap of that epoch. A snapshot takes the bitmap and begins
 * the next epoch in one step, at a moment of quiet; after that it encodes the records that the bitmap
 * names, while they change. Who is about to change one of them that was not encoded yet encodes
 * it first: what is saved is the graph as it was at that moment.
 *
 *	a category's mark	it is
 *	0			as it was saved
 *	of this epoch		changed since
 *	of the captured one	to be encoded by the snapshot that is under way
 *
 * A record finds the marks of its engine by a number that it has in its slot's generation: 0 for transient
 * tasks, and where nothing is kept; for these eng_modify() is one test.
 */
#ifndef ENG_MODIFY_H
#define ENG_MODIFY_H

#include <pawl/atomic.h>
#include <pawl/event.h>

#include "node.h"

struct eng_bitmap;

/* eng_bitmap_next() - The first id that is not below *id, which is set to it. Returns: false: none. */
bool eng_bitmap_next(const struct eng_bitmap *bitmap, uint32_t *id);
bool eng_bitmap_is_empty(const struct eng_bitmap *bitmap);
/* One of somebody's own, which sees to the order of its calls. */
struct eng_bitmap *eng_bitmap_make(void);
void eng_bitmap_put(struct eng_bitmap *bitmap, uint32_t id);
static inline bool eng_bitmap_has(const struct eng_bitmap *bitmap, uint32_t id)
{
	uint32_t at = id;

	return eng_bitmap_next(bitmap, &at) && at == id;
}
/* NULL is nothing. */
void eng_bitmap_free(struct eng_bitmap *bitmap);

/* The pending categories of a record are about to change. Under its lock; takes them as they are. */
typedef void eng_help_fn(void *arg, struct eng_node *node, uint32_t pending);

struct eng_marks {
	uint32_t number; /* in the records */
	/* Both categories' marks of this epoch. Written at a moment of quiet. Relaxed. */
	struct pawl_atomic_u32 stamps;
	/* Of the epoch that was captured; 0: no snapshot is under way. The same, and at its end. */
	struct pawl_atomic_u32 captured;
	/* struct eng_bitmap: of this epoch. */
	struct pawl_atomic_ptr modified;
	/* The other one: who makes a snapshot has it. Its end is under `ending`. */
	struct eng_bitmap *taken;
	struct pawl_lock ending;
	/* Notified when something is modified and nothing was. */
	struct pawl_event first;
	eng_help_fn *help;
	/* The same, by whoever modified it, with its lock held. NULL: nobody wants to know. */
	void (*begun)(void *arg);
	void *arg;
};

/* eng_marks_create() - Errors: -ENOMEM; -EAGAIN: there are as many as there may be, in one process. */
PAWL_MUST_CHECK int eng_marks_create(eng_help_fn *help, void *arg,
				     struct eng_marks **ret_marks);
/* NULL is nothing. */
void eng_marks_destroy(struct eng_marks *marks);

/*
 * eng_marks_capture() - Begin the next epoch. At a moment of quiet.
 *
 * Requires: the last snapshot has ended.
 * Returns:  those that were modified; NULL: none, and all is as it was.
 */
struct eng_bitmap *eng_marks_capture(struct eng_marks *marks);
/*
 * eng_marks_pending() - Which categories of a record, locked, are to be encoded now. They count as saved from here on.
 */
uint32_t eng_marks_pending(const struct eng_marks *marks, struct eng_node *node);
/* eng_marks_has_taken() - Is that one of a snapshot that is under way? In an operation; not at a moment of quiet. */
bool eng_marks_has_taken(struct eng_marks *marks, eng_id id);
/* eng_marks_end() - All of the captured were encoded. */
void eng_marks_end(struct eng_marks *marks);
/*
 * eng_marks_fail() - Nothing of it was saved: all of the captured count as modified. Takes no memory. `lock` gives
 * a record, locked, or NULL: it is not there any more.
 */
void eng_marks_fail(struct eng_marks *marks, struct eng_graph *graph);
/* eng_marks_new() - A record that is not in its table yet, and will have this id. */
void eng_marks_new(struct eng_marks *marks, struct eng_node *node, eng_id id);

#endif
