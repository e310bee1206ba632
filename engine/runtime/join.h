/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * join.h - what waiting for one task and waiting for several have in common.
 */
#ifndef ENG_JOIN_H
#define ENG_JOIN_H

#include <pawl/join.h>

#include "edges.h"
#include "worker.h"

/* eng_result_read() - Of a final task. */
void eng_result_read(const struct eng_task *task, enum eng_outcome outcome,
		     struct pawl_result *ret_result);

/* eng_lend() - Have it started in a lane as urgent as this one, or what it waits for. */
void eng_lend(struct pawl_runtime *rt, struct eng_task *task, unsigned lane);

/* eng_lending_lane() - What the body lends: its own lane, or that of who waits for it. */
unsigned eng_lending_lane(const struct eng_run *run);

/* eng_run_inline() - Run it here, if nobody has started it and there is stack enough. */
PAWL_MUST_CHECK bool eng_run_inline(struct pawl_runtime *rt, struct eng_run *run,
				    struct eng_task *task);

/*
 * eng_run_by_name() - The same with the edge of who waits. One that nobody has started is no part of a ring, and once
 * it runs it is the one that looks, since somebody waits for it: so the edge is all that others have to see.
 */
PAWL_MUST_CHECK bool eng_run_by_name(struct pawl_runtime *rt, struct eng_run *run,
				     struct eng_task *task);

/* eng_ring_message() - What eng_ring_describe() says as the message of the calling body's task. */
void eng_ring_message(struct pawl_runtime *rt, struct eng_task *task);

/*
 * eng_wait_events() - Sleep until `holds` says so, whose truth is announced by one of the events, at most 2.
 *
 * Errors: -ECANCELED.
 */
PAWL_MUST_CHECK int eng_wait_events(struct pawl_event *const *events, size_t n,
				    bool (*holds)(const void *arg), const void *arg,
				    const char *note);

#define ENG_RING_BYTES 512

/*
 * eng_task_wait_events() - The same, because of this task: it is run here if nobody has begun, and gets the
 * waiter's lane.
 *
 * Requires: the caller keeps a handle or a reference.
 * Returns:  0: it holds, or the task was run.
 * Errors:   -ECANCELED; -EDEADLK: tasks wait for each other in a ring: ret_ring is its
 *           description, of ENG_RING_BYTES, or NULL: no memory. The caller's to free.
 */
PAWL_MUST_CHECK int eng_task_wait_events(struct pawl_runtime *rt, struct eng_task *task,
					 struct pawl_event *const *events, size_t n,
					 bool (*holds)(const void *arg), const void *arg,
					 char **ret_ring);

/*
 * eng_ring_each() - After -EDEADLK: each task of the ring from `first`, by its handle, to the one that waits for the
 * caller, by its tag; those who wait go on waiting.
 *
 * Returns: false: there is no ring any more.
 */
PAWL_MUST_CHECK bool eng_ring_each(struct pawl_runtime *rt, uint64_t first,
				   void (*fn)(void *arg, uint64_t tag), void *arg);

#endif
