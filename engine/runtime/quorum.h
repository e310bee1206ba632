/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quorum.h - the ends of several tasks, counted, and what decides before the last one.
 *
 * A quorum has a watcher (task.h) on each member. It belongs to its maker and to the watchers that have
 * not been told: whoever is last frees it. So a maker that gives up leaves at once, and members tell a
 * block that nobody looks at any more.
 *
 *	eng_quorum_make(...);
 *	eng_quorum_watch(quorum);
 *	while (!eng_quorum_over(quorum, ...))
 *		listen to quorum->changed, look, sleep;
 *	eng_quorum_put(quorum);
 */
#ifndef ENG_QUORUM_H
#define ENG_QUORUM_H

#include <pawl/base.h>
#include <pawl/event.h>

#include "task.h"

/* What decides. */
enum eng_quorum_rule {
	ENG_QUORUM_NOT_COMPLETED, /* the first member that has not completed */
	ENG_QUORUM_ENDED,	  /* the first end */
	ENG_QUORUM_COMPLETED,	  /* the first member that has completed */
	ENG_QUORUM_NOTHING,
};

struct eng_quorum_member {
	struct eng_watcher watcher;
	struct eng_quorum *quorum;
	struct eng_task *task;
};

struct eng_quorum {
	enum eng_quorum_rule rule;
	size_t count;
	/* Members that have not told. */
	struct pawl_atomic_u64 left;
	/* Index + 1 of the member that decided; 0: none. */
	struct pawl_atomic_u64 decided;
	/* Index + 1 of the member whose end the maker waits for in particular; 0: none. By the maker. */
	struct pawl_atomic_u64 named;
	struct pawl_atomic_u64 refs;
	/* Notified when it is decided, when all have told, and when the named one has. */
	struct pawl_event changed;
	struct eng_quorum_member members[];
};

/*
 * eng_quorum_make() - Of the tasks with these handles, in this order; one may come twice.
 *
 * Requires: the caller keeps the handles until eng_quorum_put().
 * Errors:   -ENOMEM; as eng_task_handle().
 */
PAWL_MUST_CHECK int eng_quorum_make(struct eng_tasks *tasks, enum eng_quorum_rule rule,
				    const uint64_t *ids, size_t count,
				    struct eng_quorum **ret_quorum);

/* eng_quorum_watch() - Begin. Once. */
void eng_quorum_watch(struct eng_quorum *quorum);

/*
 * eng_quorum_over() - Is it decided or (`to_the_end`: only) have all members told? Acquires what those
 * did who told.
 */
bool eng_quorum_over(const struct eng_quorum *quorum, bool to_the_end);

/* eng_quorum_put() - The maker is done with it. */
void eng_quorum_put(struct eng_quorum *quorum);

#endif
