/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/gate.h - outstanding work, and the moment at which there is none left.
 *
 * Work enters the gate and leaves it. Whoever wants all of it to be over closes the gate:
 * from then on nothing enters, and when the last one has left the gate is *drained*, which
 * wakes those who wait for it. Then it can be opened again. Stop-and-wait, draining
 * a group, the operations of a snapshot's quiet moment.
 *
 *	worker                                   who stops
 *	if (pawl_gate_try_enter(gate, &ticket))  pawl_gate_close(gate);
 *		return;  (closed)                pawl_gate_wait(gate);
 *	work();                                  nobody is inside
 *	pawl_gate_leave(gate, ticket);           pawl_gate_open(gate);
 *
 * While the gate is open nobody asks whether it is empty, so entering and leaving touch only
 * a cell of the thread that entered: no line that others write.
 *
 * Not for: counting (pawl/counter.h); protecting memory from readers (pawl/rcu.h, which
 * costs less inside and cannot be refused).
 *
 *  call                     progress
 *  pawl_gate_try_enter      lock-free (a compare-exchange on a line that is usually its own)
 *  pawl_gate_enter          blocks while the gate is closed
 *  pawl_gate_leave          wait-free unless it drains the gate; then it takes two short locks
 *  pawl_gate_close, _open   a short critical section, longer with more thread slots
 *  pawl_gate_wait, _until   block
 *
 * Memory: 128 bytes for each thread slot up to the highest that entered, rounded up to a power
 * of two, at least 8; and 512 bytes.
 *
 * Source: the idea of a tree whose root hears only of the first and the last is that of SNZI
 * (F. Ellen, Y. Lev, V. Luchangco, M. Moir, PODC 2007); that it needs to be heard of only when
 * closed makes the tree flat.
 */
#ifndef PAWL_GATE_H
#define PAWL_GATE_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

struct pawl_gate;

/* Where one entered: needed to leave. May be handed to another thread, which then leaves. */
typedef uint32_t pawl_gate_ticket_t;

/*
 * pawl_gate_create() - Make an open gate with nothing inside.
 *
 * Returns: 0.
 * Errors:  -ENOMEM.
 * Context: any thread.
 */
PAWL_API PAWL_MUST_CHECK int pawl_gate_create(struct pawl_gate **ret_gate);

/*
 * pawl_gate_destroy() - Free it. NULL is nothing.
 *
 * Requires: nothing is inside, no call on it is running and none will come. A pawl_gate_leave()
 *           that drained the gate counts as over when pawl_gate_wait() has returned.
 */
PAWL_API void pawl_gate_destroy(struct pawl_gate *gate);

/*
 * pawl_gate_try_enter() - Enter, unless the gate is closed.
 *
 * Requires: attached. Fewer than 2^30 are inside by one thread.
 * Returns:  0, and the ticket.
 * Errors:   -ESHUTDOWN: closed.
 * Ordering: what happened before pawl_gate_open() is visible inside.
 * Context:  may allocate, once a thread slot; does not fail for want of memory. Allowed in
 *           sections.
 */
PAWL_API PAWL_MUST_CHECK int pawl_gate_try_enter(struct pawl_gate *gate,
						 pawl_gate_ticket_t *ret_ticket);

/*
 * pawl_gate_enter() - Enter; while the gate is closed, wait until it is open again.
 *
 * Requires: attached, outside sections, no lock held.
 * Returns:  the ticket.
 */
PAWL_API PAWL_MUST_CHECK pawl_gate_ticket_t pawl_gate_enter(struct pawl_gate *gate);

/*
 * pawl_gate_leave() - Give back one unit of outstanding work.
 *
 * Requires: attached; `ticket` is from an entry that nobody has left with. (A ticket that is
 *           used twice is noticed when its cell is empty, and aborts.)
 * Returns:  true if this call drained the gate: it was closed, and this was the last one.
 * Ordering: everything before leave() is visible to whoever pawl_gate_wait() lets go.
 * Context:  never blocks on user code; takes no memory. Under locks of the program only if they
 *           may be held while an event is notified (pawl/lock.h).
 */
PAWL_API bool pawl_gate_leave(struct pawl_gate *gate, pawl_gate_ticket_t ticket);

/*
 * pawl_gate_close() - Let nobody in any more. Those inside are not disturbed.
 *
 * Requires: attached.
 * Returns:  0.
 * Errors:   -EALREADY: it is closed.
 */
PAWL_API int pawl_gate_close(struct pawl_gate *gate);

/*
 * pawl_gate_wait() - Wait until the closed gate is drained.
 *
 * Requires: attached, outside sections, no lock held; the gate is closed, and is not opened
 *           before this returns.
 * Ordering: see leave().
 */
PAWL_API void pawl_gate_wait(struct pawl_gate *gate);

/*
 * pawl_gate_wait_until() - The same, up to the deadline.
 *
 * Returns: 0 drained.
 * Errors:  -ETIMEDOUT.
 */
PAWL_API PAWL_MUST_CHECK int pawl_gate_wait_until(struct pawl_gate *gate, uint64_t deadline_ns);

/*
 * pawl_gate_open() - Open a drained gate again and wake those who want to enter.
 *
 * Requires: attached.
 * Returns:  0.
 * Errors:   -EALREADY: it is open; -EBUSY: it is closed and not drained.
 */
PAWL_API PAWL_MUST_CHECK int pawl_gate_open(struct pawl_gate *gate);

/*
 * pawl_gate_drained() - Is it closed, with nothing inside? Old at once if somebody opens it.
 *
 * Ordering: if true, that of pawl_gate_wait(), but not its licence to destroy the gate.
 * Context:  any thread.
 */
PAWL_API bool pawl_gate_drained(const struct pawl_gate *gate);

PAWL_END_DECLS

#endif
