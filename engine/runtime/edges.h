/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * edges.h - which task waits for which, by name, and whether they wait in a ring.
 *
 * Progress: wait-free; a look for a ring takes as many steps as there are edges in a row, twice.
 */
#ifndef ENG_EDGES_H
#define ENG_EDGES_H

#include "task.h"

/* eng_edge_set() - The calling body's task waits for that one from now on; 0: for none. */
void eng_edge_set(struct eng_task *task, uint64_t id);

/*
 * eng_edge_makes_ring() - Set it, and see whether there is a ring now that `task` is in. Of the tasks of a
 * ring at least the last to set its edge finds it. What is found was there at one time.
 *
 * `awaited`: somebody waits for `task` without counting among its waiters, on this very thread, and has
 * set its edge.
 *
 * Requires: the caller counts among target->waiters.
 */
PAWL_MUST_CHECK bool eng_edge_makes_ring(struct eng_tasks *tasks, struct eng_task *task,
					 struct eng_task *target, bool awaited);

/*
 * eng_ring_describe() - "a#1 -> b#2 -> a#1": the tasks from this one on, along the edges.
 *
 * Returns: as snprintf().
 */
size_t eng_ring_describe(struct eng_tasks *tasks, struct eng_task *task, char *buf, size_t len);

#endif
