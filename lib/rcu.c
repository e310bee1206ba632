/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rcu.c - read sections and grace periods, over liburcu.
 *
 * The only file that knows which flavour stands behind. Prefixed names are used throughout:
 * the generic ones are macros that change with the include order.
 *
 * memb: a section is two plain stores; the grace period runs a fence on every thread with
 * membarrier(2). Where that is refused (old kernel, seccomp) liburcu falls back to a fence
 * in every section; we say so once. qsbr: a section is nothing; an attached thread counts as
 * reading unless it is idle, so parking (park.c, ec.c) and waiting for a grace period go
 * idle by themselves.
 *
 * Section depth is counted in debug builds, for the checks of pawl/rcu.h; it costs a look at the
 * thread block in each call, which is more than the section itself.
 *
 * ThreadSanitizer does not see into liburcu 0.13: its atomics are inline assembly in a library that
 * was built without it. What RCU promises is told by hand: the end of a section releases, the end
 * of a grace period acquires, through one word for all sections. That is a little more than RCU
 * promises (a section that began after the grace period and ended before it is ordered, too),
 * so a missed unlinking is for the model checker and the age test to find.
 *
 * Rejected: urcu-bp (registration on first use is no gain where threads attach anyway),
 * urcu-mb (two full fences a section), call_rcu (no bound on memory; see retire.c).
 */
#include "config.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pawl/atomic.h>

/*
 * liburcu's sections are functions of fewer than ten lines in its headers, meant by their authors
 * for callers under any licence (LGPL 2.1, section 5); without this each section is two calls
 * into its library (bench/b-retire.c). Nothing longer of its headers is used here. Not for
 * ThreadSanitizer, which would see half of what the library does.
 */
#ifndef PAWL__TSAN
#define _LGPL_SOURCE
#endif
#ifdef PAWL_URCU_QSBR
#include <urcu/urcu-qsbr.h>
#define FLAVOUR(name) urcu_qsbr_##name
#else
#include <urcu/urcu-memb.h>
#define FLAVOUR(name) urcu_memb_##name
#endif

#include <pawl/rcu.h>

#include "rcu-internal.h"
#include "report-internal.h"

#ifdef PAWL_URCU_QSBR
#define QSBR 1
#else
#define QSBR 0
#endif

/* Sections and idle stretches nest to here; liburcu's own counter goes further. */
#define DEPTH_MAX (1u << 15)

#if defined(PAWL__TSAN) && !defined(PAWL_MC)
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
static char tsan_sections;
#define TELL_SECTION_ENDED()	  __tsan_release(&tsan_sections)
#define TELL_GRACE_PERIOD_ENDED() __tsan_acquire(&tsan_sections)
#else
#define TELL_SECTION_ENDED()	  ((void)0)
#define TELL_GRACE_PERIOD_ENDED() ((void)0)
#endif

void pawl__rcu_start(void)
{
#if !QSBR
	static struct pawl_atomic_u32 told;
	long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	if (commands >= 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		return;
	if (!pawl_xchg_relaxed(&told, 1u))
		pawl__report(PAWL_REPORT_NO_MEMBARRIER,
			     "membarrier is refused: read sections pay full fences",
			     commands < 0 ? (uint64_t)errno : ENOSYS, NULL);
#endif
}

void pawl__rcu_register(void)
{
	FLAVOUR(register_thread)();
}

void pawl__rcu_unregister(void)
{
	TELL_SECTION_ENDED();
	FLAVOUR(unregister_thread)();
}

void pawl_rcu_begin(void)
{
#if PAWL_DEBUG_BUILD
	struct pawl__thread *self = pawl__self_required();

	PAWL_REQUIRE(!self->idle_depth && "an idle thread opens no section");
	PAWL_REQUIRE(self->section_depth < DEPTH_MAX);
	self->section_depth++;
#endif
	FLAVOUR(read_lock)();
}

void pawl_rcu_end(void)
{
#if PAWL_DEBUG_BUILD
	struct pawl__thread *self = pawl__self_required();

	PAWL_REQUIRE(self->section_depth && "a section is open");
	self->section_depth--;
#endif
	TELL_SECTION_ENDED();
	FLAVOUR(read_unlock)();
}

bool pawl_rcu_reading(void)
{
	struct pawl__thread *self = pawl__self_required();

	if (PAWL_DEBUG_BUILD)
		return self->section_depth > 0;
	return !QSBR && FLAVOUR(read_ongoing)();
}

void pawl_rcu_quiescent(void)
{
#if QSBR || PAWL_DEBUG_BUILD
	const struct pawl__thread *self = pawl__self_required();

	PAWL_ASSERT(!self->section_depth && "no section is open");
#if QSBR
	/* Announcing a quiescent state would bring an idle thread back online. */
	if (self->idle_depth)
		return;
	TELL_SECTION_ENDED();
	FLAVOUR(quiescent_state)();
#endif
#endif
}

void pawl_rcu_idle_enter(void)
{
#if QSBR || PAWL_DEBUG_BUILD
	struct pawl__thread *self = pawl__self_required();

	PAWL_ASSERT(!self->section_depth);
	PAWL_REQUIRE(self->idle_depth < DEPTH_MAX);
	if (self->idle_depth++)
		return;
#if QSBR
	TELL_SECTION_ENDED();
	FLAVOUR(thread_offline)();
#endif
#endif
}

void pawl_rcu_idle_leave(void)
{
#if QSBR || PAWL_DEBUG_BUILD
	struct pawl__thread *self = pawl__self_required();

	PAWL_REQUIRE(self->idle_depth && "idle_enter came before");
	if (--self->idle_depth)
		return;
#if QSBR
	FLAVOUR(thread_online)();
#endif
#endif
}

void pawl_rcu_synchronize(void)
{
	const struct pawl__thread *self = pawl__self_required();

	pawl__may_park(self);
	FLAVOUR(synchronize_rcu)();
	TELL_GRACE_PERIOD_ENDED();
}
