/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lifetime.h - what lives in a node of a tree: registering, closing, draining.
 *
 * A node is open, closing or drained, and counts the units that live in it: tasks, and nodes below
 * that are not drained. State and count are one word, so whoever registers is either refused or
 * covered by who waits; there is nothing between. Drained is final: nothing lives in the node or
 * below it, and nothing ever will.
 *
 *  call                        progress
 *  eng_lifetime_init           wait-free
 *  eng_lifetime_init_child     lock-free
 *  eng_lifetime_enter, _close  lock-free
 *  eng_lifetime_leave          lock-free, once for each level that it drains; then it notifies
 *  eng_lifetime_state, _units  wait-free
 *  eng_lifetime_wait           blocks
 *
 * Lifetime: a node's memory stays until all calls on it have returned; leave() may touch all nodes
 * above as well. Whoever may be the last to leave holds a reference of its own.
 */
#ifndef ENG_LIFETIME_H
#define ENG_LIFETIME_H

#include <pawl/base.h>
#include <pawl/event.h>

enum eng_lifetime_state {
	ENG_LIFETIME_OPEN,
	ENG_LIFETIME_CLOSING,
	ENG_LIFETIME_DRAINED,
};

struct eng_lifetime {
	/* Units times four, and the state. All threads, by compare-exchange. */
	struct pawl_atomic_u64 word;
	/* Never changes; NULL: the root. */
	struct eng_lifetime *parent;
	/* Notified once, when the node has drained. */
	struct pawl_event drained;
	/*
	 * Called once, after that, by who drained the node, before the one above is left; may free
	 * the node. NULL: nothing. Set before anybody else can see the node.
	 */
	void (*on_drained)(struct eng_lifetime *node);
};

/* eng_lifetime_init() - A root, open and empty. Nobody else can see it yet. */
void eng_lifetime_init(struct eng_lifetime *node);

/*
 * eng_lifetime_init_child() - An open, empty node that counts as a unit of its parent until it
 * has drained.
 *
 * Returns: false if the parent is not open any more; then nothing has happened.
 */
PAWL_MUST_CHECK bool eng_lifetime_init_child(struct eng_lifetime *node,
					     struct eng_lifetime *parent);

/*
 * eng_lifetime_enter() - Register `units` at once.
 *
 * Returns:  false if the node is not open, or would have more than `most` units.
 * Ordering: releases to who finds the node closing.
 */
PAWL_MUST_CHECK bool eng_lifetime_enter(struct eng_lifetime *node, uint64_t units,
					uint64_t most);

/*
 * eng_lifetime_leave() - Give back units. The last to leave a closing node drains it, and leaves
 * the node above for it.
 *
 * Requires: attached; the units were entered and not given back.
 * Ordering: releases to who finds the node drained.
 */
void eng_lifetime_leave(struct eng_lifetime *node, uint64_t units);

/*
 * eng_lifetime_close() - Refuse what comes from now on. The nodes below are closed by the caller,
 * who knows them. An empty node drains at once.
 *
 * Requires: attached.
 * Returns:  true if this call closed it, false if it was not open.
 * Ordering: acquires what those did who entered before.
 */
bool eng_lifetime_close(struct eng_lifetime *node);

/* eng_lifetime_state() - Acquires what those released who left, if it is drained. */
enum eng_lifetime_state eng_lifetime_state(const struct eng_lifetime *node);

/* eng_lifetime_units() - How many live in it. May be old at once. */
uint64_t eng_lifetime_units(const struct eng_lifetime *node);

/*
 * eng_lifetime_wait() - Sleep until the node has drained or the deadline is over.
 *
 * Requires: attached, outside sections, no lock held. `note` and `note_value` as for listeners.
 * Returns:  false if the deadline was over first.
 */
bool eng_lifetime_wait(struct eng_lifetime *node, uint64_t deadline_ns, const char *note,
		       uint64_t note_value);

#endif
