/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checks.h - what somebody who looks for a mistake has asked for (pawl_engine_options.checks), and what was found.
 *
 * Where nothing was asked for eng_graph.checks is NULL, and all it costs is to look at that. What is found under records'
 * locks is kept until the operation is over, and told then.
 */
#ifndef ENG_CHECKS_H
#define ENG_CHECKS_H

#include <pawl/atomic.h>
#include <pawl/engine.h>
#include <pawl/lock.h>

#include "history.h"

struct eng_graph;
struct eng_node;
struct eng_op;
struct eng_registry;

enum eng_finding_kind {
	ENG_FOUND_DIRTY, /* it has to run, because of the cause */
	ENG_FOUND_STALE, /* the same, and what it does now is for nothing */
	ENG_FOUND_IMMUTABLE, /* it is not to change, and was to be made dirty because of the cause */
	ENG_FOUND_READS,  /* it is not to change, and its run has read what may */
	ENG_FOUND_OUTPUT, /* it is not to change, and its run has given something else */
	ENG_FOUND_COUNT
};

struct eng_finding {
	struct eng_finding *next;
	enum eng_finding_kind kind;
	eng_id task;
	struct eng_cause cause;
};

struct eng_checks {
	uint32_t flags; /* PAWL_CHECK_... */
	struct pawl_lock lock;
	/* Under the lock, the last one first. */
	struct eng_finding *found;
	struct pawl_atomic_u32 any; /* 1: there are some. Written under the lock, read by all */
	/* With DETERMINISM: all, or by number of the function. Never change. */
	bool all;
	uint32_t functions_n;
	bool functions[];
};

/* eng_checks_create() - NULL if none is wanted. Errors: -ENOMEM. */
PAWL_MUST_CHECK int eng_checks_create(const struct pawl_engine_options *options,
				      const struct eng_registry *registry,
				      struct eng_checks **ret_checks);
void eng_checks_free(struct eng_checks *checks);

/* eng_checks_has() - Is that wanted? */
bool eng_checks_has(const struct eng_graph *graph, uint32_t check);
/* eng_checks_add() - Somebody is to be told. Waits for memory; with the record's lock or without. */
void eng_checks_add(struct eng_graph *graph, enum eng_finding_kind kind, eng_id task,
		    const struct eng_cause *cause);
/* eng_checks_tell() - Tell what was found. While an edit is made nothing is told. Requires: no lock held, outside of
   operations. */
void eng_checks_tell(struct eng_graph *graph);

#endif
