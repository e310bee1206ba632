/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * history.h - why a task last ran, and why it has to run again: kept only where the engine was asked to.
 *
 * A field of the tail, POINTER, made when a task first runs or becomes dirty, freed with the record. Without it
 * (eng_graph.histories) nothing is written, and no record is larger.
 */
#ifndef ENG_HISTORY_H
#define ENG_HISTORY_H

#include "ref.h"

struct eng_graph;
struct eng_node;
struct eng_op;

enum eng_cause_kind {
	ENG_CAUSE_NONE,		/* not known, or it never ran before */
	ENG_CAUSE_OUTPUT,	/* of `task` changed */
	ENG_CAUSE_CELL,		/* of `task` changed: `detail` */
	ENG_CAUSE_KEY,		/* of `task` changed: the part with the hash `detail` */
	ENG_CAUSE_COLLECTIBLES, /* of `task` changed: those of the trait `detail` */
	ENG_CAUSE_STATE, /* of the type `task` was set: for the reason `detail`, 0: none */
	ENG_CAUSE_INVALIDATED, /* the same of itself */
	ENG_CAUSE_MISSING,     /* `task` wanted the cell `detail`, whose value had left */
	ENG_CAUSE_RING,	       /* a ring that it closed was opened */
	ENG_CAUSE_KIND_COUNT
};

struct eng_cause {
	uint32_t kind; /* enum eng_cause_kind */
	eng_id task;
	uint64_t detail;
	/* STATE, INVALIDATED: whose run did it, where that is known; 0: somebody from outside. */
	eng_id by;
};

/* Under the record's lock. Times are the runtime's. */
struct eng_history {
	struct eng_cause ran; /* of the run that began last */
	struct eng_cause
		next; /* of the one to come; NONE: there is none to come, or it is not known */
	uint64_t next_ns; /* since when that is known */
	uint64_t begun_ns, ended_ns;
	uint64_t changed_ns; /* when the output last changed */
	uint32_t runs, stale_runs;
};

/*
 * eng_history_next() - It is about to be made dirty, because of op->cause; `stale`: as eng_make_dirty(). The first
 * cause counts, until it runs. Locked; moves fields.
 */
void eng_history_next(struct eng_op *op, struct eng_node *node, bool stale);
/* eng_history_missing() - It has to run because of op->cause, though it is clean. Locked; moves fields. */
void eng_history_missing(struct eng_op *op, struct eng_node *node);
/* eng_history_begun() - A run has. Locked; moves fields. */
void eng_history_begun(struct eng_graph *graph, struct eng_node *node);
/* eng_history_ended() - It has, for good; or it is made again. Locked. */
void eng_history_ended(struct eng_graph *graph, struct eng_node *node, bool changed,
		       bool stale);
/* eng_history_forget() - The record is another task's from now on. Locked. */
void eng_history_forget(struct eng_node *node);
void eng_history_free(struct eng_node *node);

#endif
