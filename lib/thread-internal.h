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
#include <pawl/fiber.h>
#include <pawl/lock.h>
#include <pawl/park.h>
#include <pawl/retire.h>
#include <pawl/thread.h>

#include "check.h"

/* Slot of the library's own threads: none of the array. */
#define PAWL__SLOT_INTERNAL PAWL_THREADS_MAX

/* So many locks may be held at once (debug builds check). */
#define PAWL__HELD_MAX 16

/* Idle stacks of fibres, linked by `next`: fiber-stack.c. */
struct pawl__magazine {
	struct pawl_fiber *first;
	uint32_t count;
};
struct pawl__stack_pool {
	struct pawl__magazine hot, cold;
};

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

	/* Debug builds: inside a function of the user's that may call nothing of Pawl (maps). */
	uint32_t callback_depth;

	/* Debug builds: the locks held, in the order they were taken. */
	uint32_t held_count;
	const struct pawl_lock *held[PAWL__HELD_MAX];

	/* Fibres: see fiber.c. */
	struct pawl_fiber *fiber; /* runs here; NULL: the thread on its own stack */
	const struct pawl_fiber_hooks *fiber_hooks;
	uint32_t fibers; /* bound to this thread and not finished */
	struct pawl__stack_pool stack_pools[PAWL_FIBER_CLASSES];

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
	PAWL_ASSERT(!self->callback_depth && "a map's callback calls nothing of Pawl");
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
 * pawl__fiber_thread_leave() - The thread detaches: its idle stacks go to the depot.
 * pawl__fiber_process_end() - The last one has: all stacks are unmapped.
 */
void pawl__fiber_thread_leave(struct pawl__thread *self);
void pawl__fiber_process_end(void);

/*
 * Objects that keep something for each thread slot. leave() takes back what they have for a
 * slot; it runs at the detach of its thread, on that thread, which is still attached; it may
 * take locks of the library and no memory. Adding and removing wait for a detach that is at it.
 */
struct pawl__leaver {
	struct pawl__leaver *next, *prev;
	void (*leave)(struct pawl__leaver *leaver, uint32_t slot);
};
void pawl__leaver_add(struct pawl__leaver *leaver);
void pawl__leaver_remove(struct pawl__leaver *leaver);

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
