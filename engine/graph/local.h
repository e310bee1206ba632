/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * local.h - calls whose arguments are not known yet: made beside the body, in a job of its run.
 *
 * The caller gets a local reference: the low half 0, as no task has that number; above it 16 bits of the
 * number of the execution and 16 bits of which of its jobs, from 1. It leads to the output of the task
 * that the job calls in the end, never to another local one.
 */
#ifndef ENG_LOCAL_H
#define ENG_LOCAL_H

#include "context.h"

/* More are called in place: the caller waits. And none is ENG_NOTHING. */
#define ENG_LOCALS_MOST 0xfffeu

static inline bool eng_ref_is_local(pawl_ref_t ref)
{
	return !(uint32_t)ref.pawl_bits && ref.pawl_bits && ref.pawl_bits != ENG_NOTHING;
}

/* A method of a trait, called on what is not known yet; trait NULL: a function. */
struct eng_callee {
	const struct pawl_function *function;
	const struct pawl_trait *trait;
	size_t method;
};

/*
 * eng_local_call() - Make this call in a job of the running task. Copies the arguments.
 *
 * Requires: in a task, not in a job of it.
 * Errors:   -ENOMEM; -ESHUTDOWN; -ENOSPC: so many jobs: wait for the arguments.
 */
PAWL_MUST_CHECK int eng_local_call(struct pawl_context *context,
				   const struct eng_callee *callee, const void *args,
				   pawl_ref_t *ret_ref);

/*
 * eng_local_link() - What a local reference leads to: the output of a task. Waits for the job, runs it here if
 * nobody has begun; with ENG_READ_NOW it gives -EAGAIN instead.
 *
 * Errors: -PAWL_ETASK: an argument has failed, or it is not of this run; -ECANCELED; -EAGAIN.
 */
PAWL_MUST_CHECK int eng_local_link(struct pawl_context *context, pawl_ref_t ref, uint32_t flags,
				   pawl_ref_t *ret_ref, const struct pawl_error **ret_error);

/*
 * eng_locals_join() - The body is over, with this error: all its calls are made, and what it has detached has ended. Errors:
 * -PAWL_ETASK: a ring goes through one of them; -ECANCELED; that of the first detached one that failed.
 */
PAWL_MUST_CHECK int eng_locals_join(struct pawl_context *context, int error);

/* eng_local_run() - Of a job: what its task of the runtime has as its argument. */
struct eng_run_state *eng_local_run(const void *job);

/* eng_locals_free() - With the run. NULL is nothing. */
void eng_locals_free(struct eng_locals *locals);

#endif
