/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-park.c - lib/park.c by its contract, in scenarios with .ideal_parks.
 *
 * A park without deadline lasts until there is a token, and takes it, acquiring from the unpark
 * that left it and from those that found it there. That is one step; the code's looks, marks
 * and futex calls make five, each of which would multiply with all that the wakers do (t-park.c
 * has them all). Unparking is the code, which then never finds a sleeper to wake. A park that
 * has a batch to hand over when it sleeps, one with a deadline, and all parks with qsbr, which go
 * idle, are the code, too.
 */
#include <pawl/park.h>

#include "mc-internal.h"
#include "thread-internal.h"

#define PC __builtin_return_address(0)

/* As in lib/park.c. */
enum { EMPTY, TOKEN };

extern const struct pawl_waiter_ops __real_pawl__thread_waiter_ops __attribute__((weak));

/* A read that waits, then the write of the same step; orders are those of a CAS that acquires. */
static void take_token(uint64_t addr, const void *pc)
{
	struct mc_ask op = {.kind = EV_READ, .order = MO_ACQUIRE, .size = 4, .pc = pc,
			    .loc = mc_loc_get(addr, 4, false, NULL), .filter = FILTER_EQ,
			    .arg = TOKEN, .rmw = RMW_LATER};

	mc_heap_check(addr, 4, true, pc);
	for (;;) {
		const struct mc_ev *r = mc_mode == MODE_RUN ? mc_do(&op) : NULL;

		if (r) {
			op = (struct mc_ask){.kind = EV_WRITE, .order = MO_ACQUIRE, .size = 4,
					     .pc = pc, .loc = op.loc, .flags = EVF_EXCL,
					     .pair = r->idx, .value = EMPTY};
			mc_do(&op);
			return;
		}
		if (mc_mode != MODE_RUN && mc_peek(addr, 4) == TOKEN) {
			mc_poke(addr, 4, EMPTY);
			mc_quiet_steps++;
			return;
		}
		mc_yield(TH_BLOCKED);
	}
}

static bool thread_park(struct pawl_waiter *waiter, uint64_t deadline_ns)
{
	struct pawl__thread *self = PAWL_CONTAINER_OF(waiter, struct pawl__thread, waiter);

	if (!mc_scenario->ideal_parks || deadline_ns != PAWL_FOREVER || mc_rcu_qsbr ||
	    self->batch_head)
		return __real_pawl__thread_waiter_ops.park(waiter, deadline_ns);
	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
	take_token((uintptr_t)&self->park_state, PC);
	return true;
}

static void thread_unpark(struct pawl_waiter *waiter)
{
	__real_pawl__thread_waiter_ops.unpark(waiter);
}

const struct pawl_waiter_ops __wrap_pawl__thread_waiter_ops = {
	.park = thread_park,
	.unpark = thread_unpark,
	.kind = "thread",
	.own_thread = true,
};
