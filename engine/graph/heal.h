/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heal.h - tasks that failed by a ring, and when they are tried again.
 */
#ifndef ENG_HEAL_H
#define ENG_HEAL_H

#include "context.h"
#include "error.h"
#include "run.h"

/* eng_heal_add() - `victim` runs again when `member` neither calls nor reads `target` (0: when it has run). Locked. */
void eng_heal_add(struct eng_node *member, eng_id target, eng_id victim);
/* eng_heal_caller() - The same, if `member` calls it. Returns: it does. No lock held. */
PAWL_MUST_CHECK bool eng_heal_caller(struct eng_op *op, eng_id member, eng_id target,
				     eng_id victim);
/* eng_heal_way() - The same of all calls on a way. */
PAWL_MUST_CHECK bool eng_heal_way(struct eng_op *op, const struct eng_list *list,
				  eng_id victim);

/* eng_heal_victims() - Who failed by something that this run did not do (NULL: never does). Takes them out. Locked. */
struct eng_list eng_heal_victims(struct eng_op *op, struct eng_node *node,
				 const struct eng_run_state *run);
/* eng_heal_retry() - They run again. No lock held. */
void eng_heal_retry(struct eng_op *op, const struct eng_list *victims);

/* eng_link_add() - This run fails, since it called this task; or (0) for the moment. No lock held. */
void eng_link_add(struct eng_op *op, struct eng_run_state *run, eng_id callee);
/*
 * eng_link_drop() - A run of it ends: those of runs before go, or all. Its record is locked: the next run, which adds
 * its own, comes after that.
 */
void eng_link_drop(struct eng_op *op, eng_id caller, bool all);
/* eng_link_next() - All of them; *cursor 0 to begin with. Others may be changed meanwhile. */
bool eng_link_next(struct eng_graph *graph, uint32_t *cursor, eng_id *ret_caller,
		   eng_id *ret_callee);
/*
 * eng_link_unsettled() - A task below which there is work to do, on which something hangs that this root reaches.
 * No lock held.
 */
eng_id eng_link_unsettled(struct eng_graph *graph, eng_id id);

/* eng_is_of_moment() - It failed for the moment, before that. Locked. */
bool eng_is_of_moment(const struct eng_node *node, uint64_t begun);
/*
 * eng_moments_retry() - A visit's read begins: what failed before is tried again when it is met; with the task of a
 * strong read (else 0), all below it. No lock held.
 */
void eng_moments_retry(struct pawl_context *context, eng_id id);

#endif
