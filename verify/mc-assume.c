/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-assume.c - contracts in place of code, for the scenarios that ask for it (.assume).
 *
 * What sleeps stands on a tower: event on lock and park, both on the futex. Each has scenarios of
 * its own with all below it as it is; in those of what stands on top, every state of the
 * tower would multiply with every state of the caller. So a scenario may take the lower floors by
 * their contract, which is the step that a proof by hand takes, too:
 *
 *  MC_ASSUME_WAKES  a futex wait lasts until its word changes; a wake does nothing. It gives no
 *                   order either: the kernel's bucket lock is not there.
 *  MC_ASSUME_PARKS  a park without deadline lasts until there is a token, and takes it, acquiring
 *                   from the unpark that left it and those before. Unparking is the code. A park
 *                   that has a batch to hand over, and all parks with qsbr, are the code.
 *  MC_ASSUME_LOCKS  pawl_lock is a mutex: who locks acquires from the last unlock. It leaves no
 *                   token for nothing, which the code does after it slept; no trylock.
 */
#include <pawl/lock.h>
#include <pawl/park.h>

#include "mc-internal.h"
#include "thread-internal.h"

#define PC __builtin_return_address(0)

/* As in lib/park.c. */
enum { EMPTY, TOKEN };

static bool assumes(unsigned what)
{
	return mc_mode != MODE_OFF && mc_scenario->assume & what;
}

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

	if (!assumes(MC_ASSUME_PARKS) || deadline_ns != PAWL_FOREVER || mc_rcu_qsbr ||
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
};

/* --- locks --- */

void __real_pawl_lock_lock(struct pawl_lock *lock) __attribute__((weak));
void __real_pawl_lock_unlock(struct pawl_lock *lock) __attribute__((weak));
bool __real_pawl_lock_trylock(struct pawl_lock *lock) __attribute__((weak));
void __wrap_pawl_lock_lock(struct pawl_lock *lock);
void __wrap_pawl_lock_unlock(struct pawl_lock *lock);
bool __wrap_pawl_lock_trylock(struct pawl_lock *lock);

void __wrap_pawl_lock_lock(struct pawl_lock *lock)
{
	if (assumes(MC_ASSUME_LOCKS))
		mc_mutex_lock(lock, PC);
	else
		__real_pawl_lock_lock(lock);
}

void __wrap_pawl_lock_unlock(struct pawl_lock *lock)
{
	if (assumes(MC_ASSUME_LOCKS))
		mc_mutex_unlock(lock, PC);
	else
		__real_pawl_lock_unlock(lock);
}

bool __wrap_pawl_lock_trylock(struct pawl_lock *lock)
{
	if (assumes(MC_ASSUME_LOCKS))
		mc_fail_now(FAIL_MISUSE, PC, "trylock with MC_ASSUME_LOCKS");
	return __real_pawl_lock_trylock(lock);
}
