/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/rcu.h - read sections and grace periods.
 *
 * A reader brackets its use of shared objects in a section; whoever unlinks an
 * object waits for a grace period (all sections open at its start have ended)
 * before he frees it, or hands it to pawl_retire(), which waits for him.
 *
 * Two flavours of liburcu stand behind these calls, chosen when Pawl is built;
 * programs are written so that both are right:
 *  memb  (default) a section is two plain stores; threads between sections need do
 *        nothing; the grace period pays with a membarrier system call;
 *  qsbr  a section costs nothing, but every attached thread counts as reading
 *        until it says otherwise: pawl_rcu_quiescent() now and then, and
 *        pawl_rcu_idle_enter/leave() around anything that blocks outside Pawl.
 *        Pawl's own waits do that by themselves.
 *
 * Not for: objects kept across a wait (pin them or keep an id): nothing may park
 * inside a section (checked in debug builds), but for a short lock (pawl/lock.h).
 *
 *  call                        progress             in a section
 *  pawl_rcu_begin, _end        wait-free            yes, nests
 *  pawl_rcu_quiescent          wait-free            no
 *  pawl_rcu_idle_enter, _leave wait-free            no
 *  pawl_rcu_synchronize        blocks on readers    no
 *
 * Ordering: what a thread did before unlinking is visible to its reader or the
 * reader does not see the object; all accesses of a section happen before
 * synchronize() that waits for it returns.
 *
 * Source: M. Desnoyers, P. McKenney, A. Stern, M. Dagenais, J. Walpole, "User-Level
 * Implementations of Read-Copy Update", IEEE TPDS 23(2), 2012.
 */
#ifndef PAWL_RCU_H
#define PAWL_RCU_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

/*
 * pawl_rcu_begin() - Enter a read section. Sections nest.
 *
 * Requires: attached; not idle; fewer than 2^15 sections open.
 * Context:  may not park or be left by another thread or fibre than entered it.
 */
PAWL_API void pawl_rcu_begin(void);

/* pawl_rcu_end() - Leave the innermost section. Requires: in a section. */
PAWL_API void pawl_rcu_end(void);

/*
 * pawl_rcu_quiescent() - Between sections: "I hold no pointer". Nothing with memb, and nothing
 * while idle.
 *
 * Requires: attached, not in a section.
 */
PAWL_API void pawl_rcu_quiescent(void);

/*
 * pawl_rcu_idle_enter() - From now to idle_leave() this thread opens no section. Put around
 * whatever blocks outside Pawl (join, poll, read from a pipe). Nothing with memb. Nests. What
 * the thread has retired is not handed over by this (pawl_retire_flush() does).
 *
 * Requires: attached, not in a section.
 */
PAWL_API void pawl_rcu_idle_enter(void);

/* pawl_rcu_idle_leave() - Undo one idle_enter(). Requires: idle. */
PAWL_API void pawl_rcu_idle_leave(void);

/*
 * pawl_rcu_synchronize() - Wait for a grace period.
 *
 * Requires: attached, not in a section, no lock of Pawl held. Not on a scheduler's worker:
 *           it blocks the thread (pawl_retire() does not).
 * Ordering: a full barrier before and after.
 * Context:  microseconds when nobody reads, else as long as the longest section.
 */
PAWL_API void pawl_rcu_synchronize(void);

/*
 * pawl_rcu_reading() - Is the calling thread in a section? With qsbr in a build without debug
 * checks nothing is counted, and the answer is false: for assertions only.
 *
 * Requires: attached.
 */
PAWL_API bool pawl_rcu_reading(void);

PAWL_END_DECLS

#endif
