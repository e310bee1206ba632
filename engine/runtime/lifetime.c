/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lifetime.c - state and count in one word. verify/spin/shutdown.pml is its model,
 * verify/t-lifetime.c runs this file under the model checker.
 *
 *  I1 A node that is not drained and not the root is a unit of its parent. So a drained node has
 *     nothing alive anywhere below.
 *  I2 Units only come to an open node; once it is closing they only go.
 *  I3 One transition makes the count 0 in a closing node, and the same one makes it drained: it is
 *     reported upwards and notified once.
 *
 * Ordering:
 *  O1 leave() releases and drains by the same operation; the last one acquires what the others
 *     released (a release sequence of read-modify-writes), and passes it on upwards and to who
 *     reads `drained` with acquire.
 *  O2 enter() releases, and close() acquires, whoever closed: who closes sees what those did
 *     before who were let in (the release sequence of O1).
 *  Sleeping is pawl_event's: listen, look, wait.
 *
 * Rejected: a fetch-add that is taken back when the node turns out closed: for a moment it counts
 * what does not live, and drained would not be final.
 */
#include "config.h"

#include "lifetime.h"

#include <pawl/atomic.h>

#define STATE_MASK UINT64_C(3)
#define UNIT	   UINT64_C(4)

static enum eng_lifetime_state state_of(uint64_t word)
{
	return (enum eng_lifetime_state)(word & STATE_MASK);
}

void eng_lifetime_init(struct eng_lifetime *node)
{
	pawl_init_word(&node->word, (uint64_t)ENG_LIFETIME_OPEN);
	node->parent = NULL;
	pawl_event_init(&node->drained);
	node->on_drained = NULL;
}

bool eng_lifetime_init_child(struct eng_lifetime *node, struct eng_lifetime *parent)
{
	if (!eng_lifetime_enter(parent, 1, UINT64_MAX / UNIT))
		return false;
	eng_lifetime_init(node);
	node->parent = parent;
	return true;
}

bool eng_lifetime_enter(struct eng_lifetime *node, uint64_t units, uint64_t most)
{
	uint64_t seen = pawl_load_relaxed(&node->word);

	/* Lock-free: a turn is lost only to another's change. */
	while (state_of(seen) == ENG_LIFETIME_OPEN && units <= most &&
	       seen / UNIT <= most - units) {
		if (pawl_cas_weak_release(&node->word, &seen, seen + units * UNIT)) /* O2 */
			return true;
	}
	return false;
}

/* Returns true if this drained the node (I3). */
static bool leave_one(struct eng_lifetime *node, uint64_t units)
{
	uint64_t seen = pawl_load_relaxed(&node->word);
	uint64_t left;

	do {
		PAWL_REQUIRE(seen / UNIT >= units && "no more units leave than entered");
		left = seen - units * UNIT;
		if (left == ENG_LIFETIME_CLOSING)
			left = ENG_LIFETIME_DRAINED;
	} while (!pawl_cas_weak_acq_rel(&node->word, &seen, left)); /* O1 */
	return left == ENG_LIFETIME_DRAINED;
}

void eng_lifetime_leave(struct eng_lifetime *node, uint64_t units)
{
	/* Ends at the root, or at a node where something else lives. */
	while (leave_one(node, units)) {
		struct eng_lifetime *parent = node->parent;

		pawl_event_notify_all(&node->drained);
		if (node->on_drained)
			node->on_drained(node);
		if (!parent)
			break;
		node = parent;
		units = 1;
	}
}

bool eng_lifetime_close(struct eng_lifetime *node)
{
	uint64_t seen = pawl_load_relaxed(&node->word);

	/* A unit of its own keeps the node from draining under the caller. */
	do {
		if (state_of(seen) != ENG_LIFETIME_OPEN) {
			(void)pawl_load_acquire(&node->word); /* O2 */
			return false;
		}
	} while (
		!pawl_cas_weak_relaxed(&node->word, &seen, seen + UNIT + ENG_LIFETIME_CLOSING));
	/* O2: acquires. */
	eng_lifetime_leave(node, 1);
	return true;
}

enum eng_lifetime_state eng_lifetime_state(const struct eng_lifetime *node)
{
	return state_of(pawl_load_acquire(&node->word)); /* O1 */
}

uint64_t eng_lifetime_units(const struct eng_lifetime *node)
{
	return pawl_load_relaxed(&node->word) / UNIT;
}

bool eng_lifetime_wait(struct eng_lifetime *node, uint64_t deadline_ns, const char *note,
		       uint64_t note_value)
{
	/* Ends: the event is notified once, after the state. */
	while (eng_lifetime_state(node) != ENG_LIFETIME_DRAINED) {
		struct pawl_listener listener;

		pawl_event_listen(&node->drained, &listener, note, note_value);
		if (eng_lifetime_state(node) == ENG_LIFETIME_DRAINED) {
			pawl_event_unlisten(&listener);
			break;
		}
		if (pawl_event_wait_until(&listener, deadline_ns))
			return eng_lifetime_state(node) == ENG_LIFETIME_DRAINED;
	}
	return true;
}
