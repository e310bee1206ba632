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

/* eng_ring_message() - What eng_ring_describe() says as the message of the calling body's task. */
void eng_ring_message(struct pawl_runtime *rt, struct eng_task *task);

#endif
