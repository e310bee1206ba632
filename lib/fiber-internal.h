/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fiber-internal.h - the record of a fibre, and the calls between fiber.c (life of a fibre),
 * fiber-stack.c (stacks), the switch (fiber-x86_64.S or fiber-switch.c) and thread.c.
 */
#ifndef PAWL_FIBER_INTERNAL_H
#define PAWL_FIBER_INTERNAL_H

#include <pawl/atomic.h>
#include <pawl/fiber.h>
#include <pawl/park.h>

#include "thread-internal.h"

/*
 * A record belongs to one stack and lives as long as it: until the last detach. So it is
 * type-stable, as struct pawl_waiter asks.
 */
struct pawl_fiber {
	/* --- Touched by wakers. --- */
	PAWL_ALIGNED(PAWL_LINE_BYTES)
	struct pawl_waiter waiter; /* const */
	/* Token: see fiber.c. By wakers, and by the fibre's thread. */
	struct pawl_atomic_u32 token;
	/*
	 * Written at the first resume; read by a waker that found PARKED, whose O1 orders it
	 * after.
	 */
	const struct pawl_fiber_hooks *hooks;
	/* The scheduler's. */
	struct pawl_atomic_ptr link;

	/* --- From here on whose the fibre is: creator, then its thread, then destroyer. --- */
	PAWL_ALIGNED(PAWL_LINE_BYTES)
	void *sp;		      /* suspended: where it goes on */
	void *resumer_sp;	      /* running: where its resumer goes on */
	struct pawl_fiber *resumer;   /* running: NULL: the thread on its own stack */
	struct pawl_waiter *resumer_waiter; /* running: what the resumer sleeps as */
	struct pawl__thread *thread; /* bound to; NULL: never resumed */
	/* enum pawl_fiber_state; written as said above, read by anybody, relaxed: a hint. */
	struct pawl_atomic_u32 state;
	bool doomed;  /* to finish instead of going on */
	bool guarded; /* const; false: there is a canary */
	bool touched; /* the stack may have pages */
	bool measured;
	pawl_fiber_fn *fn;
	void *arg;
	uint64_t deadline_ns;
	char *stack_low;    /* const */
	size_t stack_bytes; /* const */

	/* What sanitizers are told: fiber-announce.h. */
	void *asan_fake;
	const void *asan_resumer_low;
	size_t asan_resumer_bytes;
	void *tsan_fiber;
	void *tsan_resumer;

	/* Idle: under whoever owns the magazine. */
	struct pawl_fiber *next;
	struct pawl_fiber *magazine_next; /* first of a magazine: the next magazine */
	uint32_t magazine_count;	  /* first of a magazine */
	uint32_t stack_class;		  /* const */
	uint32_t valgrind_id;		  /* const */

	char name[PAWL_FIBER_NAME_BYTES];
};

PAWL_STATIC_ASSERT(offsetof(struct pawl_fiber, sp) == PAWL_LINE_BYTES,
		   "wakers have a line of their own");
PAWL_STATIC_ASSERT(sizeof(struct pawl_fiber) == 3 * PAWL_LINE_BYTES, "a record is three lines");

/* --- fiber-stack.c --- */

/*
 * pawl__stack_get() - A stack of the class, with its record: from the thread's pool, the depot, or
 * newly mapped. Its state is UNUSED.
 *
 * Requires: as pawl_fiber_create().
 */
int pawl__stack_get(struct pawl__thread *self, uint32_t stack_class,
		    struct pawl_fiber **ret_fiber);

/* pawl__stack_put() - Back to the calling thread's pool. Takes no memory, cannot fail. */
void pawl__stack_put(struct pawl__thread *self, struct pawl_fiber *fiber);

/* pawl__stack_give_back() - The pages of an unused stack go back to the system. Returns: did any? */
bool pawl__stack_give_back(struct pawl_fiber *fiber);

/* The stack's class, or PAWL_FIBER_CLASSES if none is so large. */
uint32_t pawl__stack_class_of(size_t bytes);

/* pawl__stack_canary_ok() - Of a stack without a guard. */
bool pawl__stack_canary_ok(const struct pawl_fiber *fiber);

/* --- fiber.c --- */

extern const struct pawl_waiter_ops pawl__fiber_waiter_ops;

/* First and last function on a fibre's stack. */
void pawl__fiber_main(void);

/* --- the switch --- */

/* pawl__fiber_prepare() - Make a stack on which a switch calls pawl__fiber_main(). Returns its sp. */
void *pawl__fiber_prepare(char *low, size_t bytes);

/*
 * pawl__fiber_switch() - Save where we are to *save_sp, go on at to_sp. Returns the value of
 * whoever switches back here.
 */
uintptr_t pawl__fiber_switch(void **save_sp, void *to_sp, uintptr_t value);

/* pawl__fiber_leave() - Go on at to_sp, never to return. */
void pawl__fiber_leave(void *to_sp, uintptr_t value);

/* pawl__fiber_shadow_stack() - Does the calling thread run with a shadow stack? */
bool pawl__fiber_shadow_stack(void);

#endif
