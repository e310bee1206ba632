/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/lanes.h - queue with up to 64 priority lanes, for schedulers: lane 0 is the most urgent.
 *
 * Any thread pushes, any thread pops. Nodes are embedded in what is queued: a push takes no
 * memory and cannot fail for the lack of it. Within a lane the order is that of the
 * pushes. Among lanes the more urgent comes first, except that waiting ages:
 *
 *	An item of lane k with stamp s has the due time s + k * age_step. Of the first items
 *	of all lanes, the one with the earliest due time is popped; of equals, that of the
 *	more urgent lane.
 *
 * So an item of lane k is overtaken by items of a lane j < k only if these have been pushed
 * at most (k - j) * age_step after it, and no lane starves. Stamps are the caller's:
 * nanoseconds usually, virtual time in tests. There is no clock in here, arrivals age nothing,
 * and an item that comes back keeps its age by being pushed with its old stamp. Stamps may fall
 * within a lane: an item is not looked at before it is the first. Due times end at UINT64_MAX:
 * what would be due later is due then. PAWL_FOREVER as age_step is strict priority.
 *
 * "Empty" can be slept on: see pawl_lanes_is_empty().
 *
 *  call                          progress
 *  pawl_lanes_create, _destroy   the allocator's
 *  pawl_lanes_push, _push_n      lock-free, allocates nothing
 *  pawl_lanes_pop, _pop_n        bounded: never waits for a push, and not long for another pop
 *  pawl_lanes_is_empty           wait-free: up to two loads a lane
 *  pawl_lanes_summary            wait-free: a load
 *
 * Threads need not be attached. Pushing is allowed in read sections and under locks.
 *
 * Inversion. Next to other threads a pop may take an item that is not the earliest if the
 * earliest is of a lane that another pop has its hands in just then (a few dozen instructions;
 * this one looks again for a microsecond or two before it goes to another lane), or if a push
 * into that lane is under way. With one thread popping and no push under way the order is
 * exact.
 *
 * Source: the summary word is that of run queues by lists and a bitmap (Linux's O(1)
 * scheduler); due times are the virtual deadlines of fair schedulers, with a lane for a weight.
 */
#ifndef PAWL_LANES_H
#define PAWL_LANES_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

#define PAWL_LANES_MAX 64u

struct pawl_lanes;

/* Embedded in what is queued; 24 bytes. The lanes' from push to pop. Private. */
struct pawl_lane_node {
	struct pawl_lane_node *pawl_next;
	union {
		struct pawl_lane_node *pawl_older; /* queued */
		uint64_t pawl_lane;		   /* popped */
	} pawl_u;
	uint64_t pawl_stamp;
};
PAWL_STATIC_ASSERT(sizeof(struct pawl_lane_node) == 24, "a node is three words");

struct pawl_lanes_options {
	size_t size;	   /* sizeof(struct pawl_lanes_options) */
	uint32_t lanes;	   /* 1 to PAWL_LANES_MAX */
	uint32_t reserved; /* 0 */
	/* In the unit of the stamps; PAWL_FOREVER: lanes do not age. */
	uint64_t age_step;
	/* Items a lane holds at most; 0: no limit. */
	uint64_t lane_max;
};
/* 31 lanes that age by 10 ms if stamps are nanoseconds, without a limit. */
#define PAWL_LANES_OPTIONS_INIT                                       \
	{                                                             \
		sizeof(struct pawl_lanes_options), 31, 0, 10000000, 0 \
	}

/*
 * pawl_lanes_create() - Make empty lanes. `options` NULL: PAWL_LANES_OPTIONS_INIT. 256 bytes a
 * lane.
 *
 * Errors:  -EINVAL: a number of lanes out of range; -E2BIG: options of a later version;
 *          -ENOMEM.
 */
PAWL_API PAWL_MUST_CHECK int pawl_lanes_create(const struct pawl_lanes_options *options,
					       struct pawl_lanes **ret_lanes);

/*
 * pawl_lanes_destroy() - Free them. NULL is nothing.
 *
 * Requires: nobody uses them, and they are empty: queued items are never dropped silently.
 */
PAWL_API void pawl_lanes_destroy(struct pawl_lanes *lanes);

/*
 * pawl_lanes_push() - Put one item at the end of a lane.
 *
 * Requires: `node` is in no queue.
 * Returns:  0.
 * Errors:   -EINVAL: there is no such lane; -ENOSPC: the lane has lane_max items. The node is
 *           the caller's as before: no item changes its lane, none is dropped.
 * Ordering: what the caller did before is visible to who pops the item.
 * Owns:     takes the node. By the time of the return it may have been popped and freed.
 */
PAWL_API PAWL_MUST_CHECK int pawl_lanes_push(struct pawl_lanes *lanes, unsigned lane,
					     struct pawl_lane_node *node, uint64_t stamp);

/*
 * pawl_lanes_push_n() - The same for n items with one stamp: in this order, with nothing of
 * others between them, all or none. n may be 0.
 */
PAWL_API PAWL_MUST_CHECK int pawl_lanes_push_n(struct pawl_lanes *lanes, unsigned lane,
					       struct pawl_lane_node *const *nodes, size_t n,
					       uint64_t stamp);

/*
 * pawl_lanes_pop() - Take the item that is due first.
 *
 * Returns:  1, and the node; 0 if the lanes are empty (exact, see pawl_lanes_is_empty()).
 * Errors:   -EAGAIN: there are items, and all are in lanes that other threads' pops have their
 *           hands in. Look elsewhere, or try again; do not sleep.
 * Ordering: sees what the pusher did before the push.
 */
PAWL_API PAWL_MUST_CHECK int pawl_lanes_pop(struct pawl_lanes *lanes,
					    struct pawl_lane_node **ret_node);

/*
 * pawl_lanes_pop_n() - Take up to `max` items, in the order in which single pops would.
 *
 * Requires: max is in [1, INT_MAX].
 * Returns:  how many; 0 and -EAGAIN as pawl_lanes_pop(). Fewer than `max` does not mean that
 *           the rest is empty.
 */
PAWL_API PAWL_MUST_CHECK int pawl_lanes_pop_n(struct pawl_lanes *lanes, size_t max,
					      struct pawl_lane_node **ret_nodes);

/*
 * pawl_lanes_is_empty() - Is nothing in them?
 *
 * Returns: true only if every item whose push had returned before the call began (in the order
 *          that the caller can know of: it happened before, or both made a full fence, as
 *          pawl_ec_prepare() and pawl_ec_notify() do) has been popped, or is being returned by
 *          a pop that is running. A push that overlaps the call may be missed: its pusher
 *          notifies after it. False may be old.
 */
PAWL_API bool pawl_lanes_is_empty(const struct pawl_lanes *lanes);

/*
 * pawl_lanes_summary() - Bit k: lane k has probably something in it. One load, for those who
 * look often; nothing to sleep on.
 */
PAWL_API uint64_t pawl_lanes_summary(const struct pawl_lanes *lanes);

/* pawl_lanes_count() - How many lanes there are. */
PAWL_API unsigned pawl_lanes_count(const struct pawl_lanes *lanes);

/* Of a popped node: the lane and the stamp that it was pushed with. */
static inline unsigned pawl_lane_node_lane(const struct pawl_lane_node *node)
{
	return (unsigned)node->pawl_u.pawl_lane;
}

static inline uint64_t pawl_lane_node_stamp(const struct pawl_lane_node *node)
{
	return node->pawl_stamp;
}

PAWL_END_DECLS

#endif
