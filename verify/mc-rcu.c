/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-rcu.c - liburcu's contract, for both flavours, and membarrier.
 *
 * A reader thread is an object that is 1 inside an outermost section and 0 outside. A grace
 * period goes over the readers and, for each, takes one atomic step that waits for 0. So
 * for each pair of a grace period and a section, the explorer tries both orders that the
 * contract allows:
 *  - the section ended first: its end happens before the end of synchronize;
 *  - the section began later: the *beginning* of synchronize happens before it (and only
 *    that: the step passes on the view that synchronize began with, EVF_VIEW).
 * synchronize is a sequentially consistent fence at its beginning and end. The fence on
 * other threads that the memb flavour happens to give is not modelled, since qsbr does not
 * give it: code that passes here does not lean on it. A call of membarrier does give it.
 *
 * Under qsbr an online thread is in a section from one quiescent state to the next.
 *
 * Found: end without begin, a section or grace period of an unregistered thread, a grace
 * period or unregister inside a section (a deadlock in reality), and, through mc-heap.c
 * and mc-race.c, whatever is freed before its grace period.
 *
 * membarrier. Each thread U gets an object P_U. Once a scenario is seen to use membarrier,
 * exploration begins anew with every access of U as the inside of an atomic step on P_U,
 * and a membarrier as a step on each P_U: so it falls between two accesses of U, both
 * hb-ordered with it: those before happen before its end, its beginning happens before
 * those after, and U does a sequentially consistent fence there.
 */
#include "mc-internal.h"

#include "shim/urcu/urcu-memb.h"
#include "shim/urcu/urcu-qsbr.h"

#define PC __builtin_return_address(0)

MC_STATE bool mc_barriers;
MC_STATE uint32_t mc_rcu_readers;
MC_STATE bool mc_rcu_qsbr;

static uint16_t reader(unsigned t)
{
	return mc_object(OBJ_KEY(OBJ_RCU, t), "RCU reader");
}

static void no_probe(void)
{
	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
}

static void enter(const void *pc)
{
	mc_object_begin(reader(mc_r->cur), FILTER_NONE, 0, 0, pc);
	mc_object_end(reader(mc_r->cur), 1, pc);
}

static void leave(const void *pc)
{
	mc_object_store(reader(mc_r->cur), 0, pc);
}

static void grace_period(bool self_online, const void *pc)
{
	unsigned me = mc_r->cur, begin = mc_self()->done;

	if (self_online)
		leave(pc);
	if (mc_mode == MODE_RUN) {
		begin = mc_self()->done;
		mc_fence(MO_SEQ_CST, pc);
	}
	for (unsigned t = 0; t < MC_T; t++) {
		if (t == me || !(mc_rcu_readers >> t & 1))
			continue;
		mc_object_begin(reader(t), FILTER_EQ, 0, 0, pc);
		mc_object_end_view(reader(t), 0, begin, pc);
	}
	mc_fence(MO_SEQ_CST, pc);
	if (self_online)
		enter(pc);
}

/* --- memb --- */

/*
 * Which threads a grace period looks at must be the same in each execution: all that ever
 * register. Exploration begins anew when one more is found.
 */
static void registered(void)
{
	uint32_t bit = 1u << mc_r->cur;

	mc_self()->rcu_registered = true;
	if (mc_rcu_readers & bit)
		return;
	mc_rcu_readers |= bit;
	if (mc_mode == MODE_RUN)
		mc_end_run(END_AGAIN);
}

void urcu_memb_register_thread(void)
{
	registered();
}

void urcu_memb_unregister_thread(void)
{
	if (mc_self()->rcu_depth)
		mc_fail_now(FAIL_RCU, PC, "a thread unregisters inside a read section");
	if (!mc_self()->rcu_registered)
		mc_fail_now(FAIL_RCU, PC, "a thread unregisters that was not registered");
	mc_self()->rcu_registered = false;
}

void urcu_memb_read_lock(void)
{
	no_probe();
	if (!mc_self()->rcu_registered)
		mc_fail_now(FAIL_RCU, PC, "read_lock by an unregistered thread");
	if (!mc_self()->rcu_depth++)
		enter(PC);
}

void urcu_memb_read_unlock(void)
{
	no_probe();
	if (!mc_self()->rcu_depth)
		mc_fail_now(FAIL_RCU, PC, "read_unlock outside a section");
	if (!--mc_self()->rcu_depth)
		leave(PC);
}

int urcu_memb_read_ongoing(void)
{
	return mc_self()->rcu_depth;
}

void urcu_memb_quiescent_state(void) {}
void urcu_memb_thread_offline(void) {}
void urcu_memb_thread_online(void) {}

void urcu_memb_synchronize_rcu(void)
{
	no_probe();
	if (mc_self()->rcu_depth)
		mc_fail_now(FAIL_RCU, PC, "synchronize inside a read section waits for itself");
	grace_period(false, PC);
}

/* --- qsbr --- */

void urcu_qsbr_register_thread(void)
{
	mc_rcu_qsbr = true;
	registered();
	mc_self()->rcu_offline = false;
	enter(PC);
}

void urcu_qsbr_unregister_thread(void)
{
	if (mc_self()->rcu_depth)
		mc_fail_now(FAIL_RCU, PC, "a thread unregisters inside a read section");
	if (!mc_self()->rcu_registered)
		mc_fail_now(FAIL_RCU, PC, "a thread unregisters that was not registered");
	if (!mc_self()->rcu_offline)
		leave(PC);
	mc_self()->rcu_registered = false;
}

void urcu_qsbr_read_lock(void)
{
	if (!mc_self()->rcu_registered || mc_self()->rcu_offline)
		mc_fail_now(FAIL_RCU, PC, "read_lock by an unregistered or offline thread");
	mc_self()->rcu_depth++;
}

void urcu_qsbr_read_unlock(void)
{
	if (!mc_self()->rcu_depth)
		mc_fail_now(FAIL_RCU, PC, "read_unlock outside a section");
	mc_self()->rcu_depth--;
}

int urcu_qsbr_read_ongoing(void)
{
	return mc_self()->rcu_registered && !mc_self()->rcu_offline;
}

void urcu_qsbr_quiescent_state(void)
{
	no_probe();
	if (mc_self()->rcu_depth)
		mc_fail_now(FAIL_RCU, PC, "quiescent state inside a read section");
	if (!mc_self()->rcu_registered || mc_self()->rcu_offline)
		return;
	leave(PC);
	enter(PC);
}

void urcu_qsbr_thread_offline(void)
{
	no_probe();
	if (mc_self()->rcu_depth)
		mc_fail_now(FAIL_RCU, PC, "offline inside a read section");
	if (mc_self()->rcu_offline)
		return;
	mc_self()->rcu_offline = true;
	leave(PC);
}

void urcu_qsbr_thread_online(void)
{
	no_probe();
	if (!mc_self()->rcu_offline)
		return;
	mc_self()->rcu_offline = false;
	enter(PC);
}

void urcu_qsbr_synchronize_rcu(void)
{
	no_probe();
	if (mc_self()->rcu_depth)
		mc_fail_now(FAIL_RCU, PC, "synchronize inside a read section waits for itself");
	grace_period(mc_self()->rcu_registered && !mc_self()->rcu_offline, PC);
}

/* --- membarrier --- */

static uint16_t progress(unsigned t)
{
	return mc_object(OBJ_KEY(OBJ_BARRIER, t), "membarrier point");
}

void mc_membarrier(bool own, const void *pc)
{
	if (mc_mode != MODE_RUN)
		return;
	if (!mc_barriers) {
		mc_barriers = true;
		mc_end_run(END_AGAIN);
	}
	unsigned begin = mc_self()->done;

	if (own)
		mc_fence(MO_SEQ_CST, pc);
	for (unsigned t = 0; t < mc_r->nthreads; t++) {
		if (t == mc_r->cur || mc_r->th[t].state == TH_ENDED ||
		    (!mc_r->th[t].scenario && t == mc_main_tid))
			continue;
		mc_object_begin(progress(t), FILTER_NONE, 0, 0, pc);
		mc_object_end_view(progress(t), 2, begin, pc);
	}
	if (own)
		mc_fence(MO_SEQ_CST, pc);
}

/* Around each access of a thread, where membarriers are in play. */
void mc_barrier_begin(const void *pc)
{
	static const uint64_t passed = 2;

	if (mc_object_begin(progress(mc_r->cur), FILTER_NONE, 0, 0, pc) == passed)
		mc_fence(MO_SEQ_CST, pc);
}

void mc_barrier_end(const void *pc)
{
	mc_object_end(progress(mc_r->cur), 1, pc);
}
