/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * twice.h - is a function deterministic? Its body runs once more, and what it does is compared with what it did.
 *
 * The second time changes nothing: calls find the task that was called before, cells and collectibles are compared with
 * those of the first time and forgotten, reads read and depend on nothing. What is beside calls and reads the body
 * does again: it has to bear that, as it has to bear running again.
 *
 * Not compared: a run that is stale, or is about to be, since what it has read changes; one that read something without
 * depending on it, looked at its own cells, has state of its own, called something beside its body, detached something,
 * counted as finished before it was, or failed for the moment or by a ring.
 */
#ifndef ENG_TWICE_H
#define ENG_TWICE_H

#include "context.h"

struct eng_twice;

/* eng_twice_wanted() - Is the run that has just done its first time, with this error, one of those? */
bool eng_twice_wanted(const struct pawl_context *context, int error);

/*
 * eng_twice_begin() - The second time begins: its context. The first one's outcome: `error`, and `output` without one.
 * eng_twice_end() - It is over: tell what differs. Also of one that was left by pawl_exit(); `stopped`: it was forced to end.
 */
struct eng_twice_outcome {
	int error;
	pawl_ref_t output;
};
struct eng_twice *eng_twice_begin(const struct pawl_context *first,
				  struct eng_twice_outcome outcome,
				  struct pawl_context *second);
void eng_twice_end(struct eng_twice *twice, struct eng_twice_outcome outcome, bool stopped);
struct eng_twice_outcome eng_twice_first(const struct eng_twice *twice);
struct pawl_context *eng_twice_context(const struct eng_twice *twice);

/* ---- what the second time does; each requires context->twice ------------------------------ */

/* eng_twice_called() - It calls this task (0: one that is not there). Errors: -ECANCELED: it did not before. */
PAWL_MUST_CHECK int eng_twice_called(struct pawl_context *context, eng_id callee,
				     const struct pawl_function *function);
/* eng_twice_cell() - As pawl_cell(). Takes the value. */
PAWL_MUST_CHECK int eng_twice_cell(struct pawl_context *context, struct pawl_value *value,
				   pawl_ref_t *ret_cell);
void eng_twice_emit(struct pawl_context *context, uint32_t trait, pawl_ref_t ref,
		    int32_t count);
/* It has read an output, a cell, the collectibles of a trait: of a task that may change. */
void eng_twice_read_output(struct pawl_context *context, eng_id id);
void eng_twice_read_cell(struct pawl_context *context, uint64_t ref);
void eng_twice_peeked(struct pawl_context *context, uint32_t trait, eng_id id);
/* eng_twice_leave() - It does something that cannot be compared. */
void eng_twice_leave(struct pawl_context *context);

#endif
