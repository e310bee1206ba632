/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario.h - what several scenario files need: waiting for a word, a waiter
 * table of the test's own, memory that is poisoned when its time is over.
 */
#ifndef VERIFY_SCENARIO_H
#define VERIFY_SCENARIO_H

#include "mc.h"

#include <pawl.h>

#include <sched.h>
#include <string.h>

/* One turn of a loop that waits for another thread. Kind to a machine with few cores. */
static inline void scn_turn(void)
{
	pawl_pause();
#if !defined(PAWL_MC)
	sched_yield();
#endif
}

/* Wait until the word is `value`, acquire. Outside sections: the thread counts as idle. */
static inline void scn_await(struct pawl_atomic_u32 *word, uint32_t value)
{
	while (pawl_load_acquire(word) != value)
		scn_turn();
}

/* Wait until the pointer is set, acquire. */
static inline void *scn_await_ptr(struct pawl_atomic_ptr *word)
{
	void *ptr;

	while (!(ptr = pawl_load_acquire(word)))
		scn_turn();
	return ptr;
}

static inline void scn_attach(void)
{
	int err = pawl_thread_attach("scenario");

	mc_assert(err == 0);
}

/* Memory that fails the run if it is not there: scenarios do not inject failure. */
static inline void *scn_alloc(size_t size)
{
	void *ptr = pawl_mem_zalloc(size, 0);

	mc_assert(ptr);
	return ptr;
}

/*
 * A waiter that is neither a thread nor a fibre of Pawl: it spins on its token. It shows
 * that event and lock go through the table, and in which order they touch the waiter.
 */
struct scn_waiter {
	struct pawl_waiter base;
	struct pawl_atomic_u32 token;
	/* Written by the waiting thread alone. */
	unsigned parks;
};

static inline bool scn_waiter_park(struct pawl_waiter *base, uint64_t deadline_ns)
{
	struct scn_waiter *waiter = PAWL_CONTAINER_OF(base, struct scn_waiter, base);

	waiter->parks++;
	while (!pawl_xchg_acquire(&waiter->token, 0u)) {
		if (deadline_ns != PAWL_FOREVER && pawl_now_ns() >= deadline_ns)
			return false;
		scn_turn();
	}
	return true;
}

static inline void scn_waiter_unpark(struct pawl_waiter *base)
{
	struct scn_waiter *waiter = PAWL_CONTAINER_OF(base, struct scn_waiter, base);

	/*
	 * Not an exchange: clang makes a store of one whose result nobody wants, and that ends the
	 * release sequence of a token that is there already.
	 */
	pawl_or_release(&waiter->token, 1u);
}

static const struct pawl_waiter_ops scn_waiter_ops = {
	.park = scn_waiter_park,
	.unpark = scn_waiter_unpark,
	.kind = "spinner",
	.own_thread = true,
};

static inline void scn_waiter_init(struct scn_waiter *waiter, uint64_t number)
{
	waiter->base.ops = &scn_waiter_ops;
	waiter->base.number = number;
	waiter->parks = 0;
	pawl_init_word(&waiter->token, 0u);
}

/* The event is as new: it forgets who was notified when they have come back. */
static inline void scn_event_as_new(struct pawl_event *ev)
{
	struct pawl_listener first, second;

	mc_assert(!pawl_event_listening(ev));
	mc_assert(pawl_event_waiters(ev, 0, NULL) == 0);
	pawl_event_listen(ev, &first, NULL, 0);
	pawl_event_listen(ev, &second, NULL, 0);
	pawl_event_notify(ev, 1);
	mc_assert(pawl_event_waiters(ev, 0, NULL) == 1);
	mc_assert(pawl_event_unlisten(&first));
	mc_assert(pawl_event_waiters(ev, 0, NULL) == 0);
	mc_assert(pawl_event_unlisten(&second));
	mc_assert(!pawl_event_listening(ev));
}

#endif
