/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/mbox.h - mailbox: many threads put nodes in, the owner takes all of them at once.
 *
 *	sender                                    owner
 *	if (pawl_mbox_push(&mbox, &m->node))      while (!(list = pawl_mbox_take_all(&mbox)))
 *		pawl_unpark(owner);                       pawl_park();
 *
 * Nodes are embedded in what is sent: pushing takes no memory and cannot fail. It tells
 * exactly whether the mailbox was empty, so only the first sender after each taking has to
 * wake the owner, as above. The owner never waits for a sender that was interrupted in the
 * middle of a push. It is not for consumers that want one item each (pawl/lanes.h), nor
 * bounded (pawl/ring.h, for one producer).
 *
 *  call                          progress
 *  pawl_mbox_push, _push_list    lock-free: a retry means that somebody else's push went in
 *  pawl_mbox_take_all            wait-free, and a walk over what was taken
 *  pawl_mbox_is_empty            wait-free
 *
 * Any thread may make any call, attached or not, several may take. Pushing is allowed in
 * read sections and under locks.
 *
 * Source: the push is R. K. Treiber's (1986); with taking everything as the only removal
 * there is no ABA.
 */
#ifndef PAWL_MBOX_H
#define PAWL_MBOX_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

/* Embedded in what is sent. The mailbox's from push to take_all. Private. */
struct pawl_mbox_node {
	struct pawl_mbox_node *pawl_next;
};

/* 8 bytes; all zero is an empty one. Give it a line of its own where it is hot. Private. */
struct pawl_mbox {
	struct pawl_atomic_ptr pawl_newest;
};
#define PAWL_MBOX_INIT       \
	{                    \
		{            \
			NULL \
		}            \
	}

/* pawl_mbox_init() - Make an empty mailbox. Nobody else can see it yet. */
PAWL_API void pawl_mbox_init(struct pawl_mbox *mbox);

/*
 * pawl_mbox_push() - Send one node.
 *
 * Requires: `node` is in no list.
 * Returns:  true if the mailbox was empty: nobody pushed since it was made or taken from last.
 * Ordering: what the caller did before is visible to who takes the node. If true, the call
 *           comes after the last taking and what its thread did before it, so a wake-up that
 *           follows is not taken for an earlier one.
 * Owns:     takes the node. By the time of the return it may have been taken and freed.
 */
PAWL_API bool pawl_mbox_push(struct pawl_mbox *mbox, struct pawl_mbox_node *node);

/*
 * pawl_mbox_push_list() - Send a list at once, as take_all returns one or pawl_mbox_link()
 * makes it: `first` to `last`, in this order, with nothing of others in between.
 *
 * Requires: `last` ends the list; its nodes are in no other.
 * Returns:  as pawl_mbox_push().
 * Ordering: as pawl_mbox_push().
 * Owns:     takes the nodes.
 */
PAWL_API bool pawl_mbox_push_list(struct pawl_mbox *mbox, struct pawl_mbox_node *first,
				  struct pawl_mbox_node *last);

/*
 * pawl_mbox_take_all() - Take all nodes.
 *
 * Returns:  the first of a list in the order in which they were pushed (walk it with
 *           pawl_mbox_next()), or NULL if the mailbox is empty; no push that happened before
 *           the call is missed.
 * Ordering: sees what the senders of these nodes did before they pushed.
 */
PAWL_API PAWL_MUST_CHECK struct pawl_mbox_node *pawl_mbox_take_all(struct pawl_mbox *mbox);

/* pawl_mbox_is_empty() - Is nothing in it? Exact after a full fence, else it may be old. */
PAWL_API bool pawl_mbox_is_empty(const struct pawl_mbox *mbox);

/* pawl_mbox_next() - The next node of a list that was taken, NULL at its end. */
static inline struct pawl_mbox_node *pawl_mbox_next(const struct pawl_mbox_node *node)
{
	return node->pawl_next;
}

/* pawl_mbox_link() - Make `next` (or NULL) the one behind `node` in a list of the caller's. */
static inline void pawl_mbox_link(struct pawl_mbox_node *node, struct pawl_mbox_node *next)
{
	node->pawl_next = next;
}

PAWL_END_DECLS

#endif
