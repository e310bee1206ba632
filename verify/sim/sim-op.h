/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-op.h - the operations of a simulated program. An operation is a byte that says which, and bytes that say how; numbers
 * behind the end are 0. Any bytes are an operation. What stands in files counts on the order: new ones go behind the others.
 */
#ifndef SIM_OP_H
#define SIM_OP_H

#include "sim.h"

enum op {
	OP_WORLD,
	OP_CHANGE,
	OP_TOGETHER,
	OP_ROOT,
	OP_DISPOSE,
	OP_SETTLE,
	OP_RUSH,
	OP_TOUCH,
	OP_PEEK,
	OP_READ,
	OP_SNAPSHOT,
	OP_SNAPSHOT_FAILS,
	OP_TASKS,
	OP_CANCEL,
	OP_REOPEN,
	OP_STOP,
	OP_CRASH,
	OP_CRASH_SNAPSHOT,
	OP_NO_MEMORY,
	OP_HURRY,
	OP_MOMENTS,
	OP_JOBS,
	OP_LEAVE,
	OP_BARE,
	OP_COLLECT,
	OP_CRASH_OUTPUT,
	OP_EVICT,
	OP_ASK,
	OP_SWING,
	OP_CLOSE,
	OP_CRASH_BESIDE,
	OP_DAMAGE,
	OP_STORM,
	OP_COUNT
};

static inline enum op sim_op_kind(const struct sim_op *op)
{
	return op->n ? (enum op)(op->bytes[0] % OP_COUNT) : OP_SETTLE;
}

#endif
