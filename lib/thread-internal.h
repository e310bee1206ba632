/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread-internal.h - what the library keeps for each attached thread.
 *
 * Blocks are type-stable: a detached thread's block goes to a pool and comes back as another
 * thread's, so that a late unpark (see struct pawl_waiter) meets a waiter. The pool is
 * freed by the last detach of the process, when nobody can be inside the library.
 */
#ifndef PAWL_THREAD_INTERNAL_H
#define PAWL_THREAD_INTERNAL_H

#include <pawl/atomic.h>
#include <pawl/lock.h>
#include <pawl/park.h>
#include <pawl/retire.h>
#include <pawl/thread.h>

#include "check.h"

/* Slot of the library's own threads: none of the array. */
#define PAWL__SLOT_INTERNAL PAWL_THREADS_MAX

/* So many locks may be held at once (debug builds check). */
#define PAWL__HELD_MAX 16

struct pawl__thread {
	/* --- Touched by wakers. --- */
	struct pawl_waiter waiter; /* const while attached */
	/*
	 * The park token: see park.c. Set by wakers (release), consumed by the
	 * owner (acquire).
	 */
	struct pawl_atomic_u32 park_state;

	/* --- From here on the owner's alone, on lines of their own. --- */
	PAWL_ALIGNED(PAWL_LINE_BYTES)
	struct pawl_waiter *current; /* what runs here sleeps as this */
	uint32_t slot;
	uint32_t attached; /* depth of nested attaches */

	/* Counted in debug builds, and in qsbr builds as far as they need it. */
	uint32_t section_depth;
	uint32_t idle_depth;

	/* Retired objects not yet handed over: a list, newest first. */
	struct pawl_retire_node *batch_head;
	struct pawl_retire_node *batch_tail;
	size_t batch_bytes;
	uint32_t batch_count;
	bool pressed; /* the last hand-over found too much pending */

	/* Debug builds: the locks held, in the order they were taken. */
	uint32_t held_count;
	const struct pawl_lock *held[PAWL__HELD_MAX];

	char name[PAWL_THREAD_NAME_BYTES];
	struct pawl__thread *pool_next; /* under the registry's mutex */
};

/*
 * pawl__self() - The calling thread's block, or NULL if it is not attached.
 *
 * Out of line on purpose: the compiler must not keep the address of the thread-local across a
 * call that may switch fibres, and the model checker's threads have one each.
 */
struct pawl__thread *pawl__self(void);

/* pawl__self_required() - The same, for calls that require an attached thread. */
static inline struct pawl__thread *pawl__self_required(void)
{
	struct pawl__thread *self = pawl__self();

	PAWL_REQUIRE(self && "the calling thread is attached");
	return self;
}

/*
 * pawl__thread_enter_internal() - Make the calling thread one of the library's own: with a block
 * but no slot, not counted. `block` is from pawl__thread_block_new().
 */
struct pawl__thread *pawl__thread_block_new(void);
void pawl__thread_enter_internal(struct pawl__thread *block);
void pawl__thread_leave_internal(void);
void pawl__thread_block_free(struct pawl__thread *block);

/*
 * pawl__may_park() - Debug builds: is it right to park here?
 */
static inline void pawl__may_park(const struct pawl__thread *self)
{
	(void)self;
	PAWL_ASSERT(!self->section_depth && "nothing parks inside a read section");
	PAWL_ASSERT(!self->held_count && "nothing parks with a lock held");
}

#endif
