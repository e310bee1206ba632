/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mbox.c - many producers, take-all mailbox.
 *
 * One word, the newest node, each node linked to the one pushed before it. A push replaces the
 * word by compare-exchange; taking exchanges it for NULL and turns the list round.
 *
 *  I1 Who finds the word NULL made the mailbox non-empty; nobody else did since the last
 *     taking.
 *  I2 A node in the list is complete: it was linked before the word was replaced.
 *
 * Ordering:
 *  O1 the word: replaced with release, taken with acquire. A taker reads the value of the last
 *     push, which by its compare-exchange continues the release sequences of all pushes
 *     before it; so one acquire orders it after all senders.
 *  O2 NULL: written by a taking with release, acquired by the push that finds it. So the first
 *     sender's wake-up comes after the taking, and after whatever the owner did with the
 *     wake-up before: else a wake-up that is a plain store could be overwritten by the owner's
 *     resetting of it, which came earlier (t-mbox.c, wake-store).
 *  Links are plain: the sender's until O1, then the taker's.
 *
 * No fence: "first push wakes" and "taking found nothing, so sleep" are both read-modify-writes
 * of one word. Either the taking comes second and has the node, or the push comes second and
 * finds NULL.
 *
 * Progress: push is lock-free: its exchange fails only when another push or a taking came in
 * between. take_all exchanges once.
 *
 * Rejected: pushing by an unconditional exchange and linking afterwards (wfcqueue, Vyukov's
 * intrusive queue). It is wait-free, but whoever takes finds a hole behind a sender that was
 * interrupted between the two and has to wait for it; with more threads than processors
 * that is a time slice, and under a scheduler's mailbox it stops a worker. Turning the
 * list round at the push side (a queue with two ends): a second shared word.
 */
#include "config.h"

#include <pawl/atomic.h>
#include <pawl/mbox.h>

PAWL_STATIC_ASSERT(sizeof(struct pawl_mbox) == sizeof(void *), "a mailbox is a word");

void pawl_mbox_init(struct pawl_mbox *mbox)
{
	pawl_init_word(&mbox->pawl_newest, (void *)NULL);
}

bool pawl_mbox_push(struct pawl_mbox *mbox, struct pawl_mbox_node *node)
{
	/* Relaxed: the value is compared, never followed here. */
	void *seen = pawl_load_relaxed(&mbox->pawl_newest);

	/* Ends: each failure is another thread's success (or spurious). */
	do {
		node->pawl_next = seen;
	} while (!pawl_cas_weak_acq_rel(&mbox->pawl_newest, &seen, (void *)node)); /* O1, O2 */
	return !seen;
}

/* Turn a list round; returns its new first node. */
static struct pawl_mbox_node *reversed(struct pawl_mbox_node *list)
{
	struct pawl_mbox_node *done = NULL;

	while (list) {
		struct pawl_mbox_node *next = list->pawl_next;

		list->pawl_next = done;
		done = list;
		list = next;
	}
	return done;
}

bool pawl_mbox_push_list(struct pawl_mbox *mbox, struct pawl_mbox_node *first,
			 struct pawl_mbox_node *last)
{
	void *seen = pawl_load_relaxed(&mbox->pawl_newest); /* as in push */

	PAWL_REQUIRE(!last->pawl_next && "the last node of a list ends it");
	(void)reversed(first);
	do {
		first->pawl_next = seen;
	} while (!pawl_cas_weak_acq_rel(&mbox->pawl_newest, &seen, (void *)last)); /* O1, O2 */
	return !seen;
}

struct pawl_mbox_node *pawl_mbox_take_all(struct pawl_mbox *mbox)
{
	return reversed(pawl_xchg_acq_rel(&mbox->pawl_newest, (void *)NULL)); /* O1, O2 */
}

bool pawl_mbox_is_empty(const struct pawl_mbox *mbox)
{
	/* Relaxed: nothing is followed; a fence before makes it exact. */
	return !pawl_load_relaxed(&mbox->pawl_newest);
}
