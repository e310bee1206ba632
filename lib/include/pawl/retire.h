/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/retire.h - free later, when no reader can see it any more, in bounded memory.
 *
 * The object carries a node. Retiring it never fails, takes no memory and does
 * not block; after a grace period the reclaimer thread calls the node's
 * function, which frees the object. What liburcu's call_rcu lacks is the bound:
 * when too many bytes wait, pawl_retire() says so, and the caller waits at its
 * next point outside sections.
 *
 *	if (pawl_retire(&obj->node, sizeof(*obj), obj_free))
 *		pressed = true;
 *	pawl_rcu_end();
 *	if (pressed)
 *		pawl_retire_wait();
 *
 * Bound: with callers that do so, the bytes retired and not yet freed stay
 * below the limit, plus what sections retire while they are open, plus what retire
 * functions retire, provided one object is no larger than limit / (4 * threads).
 *
 *  call                  progress                      in a section
 *  pawl_retire           wait-free but for a lock-free yes
 *                        hand-over once a batch
 *  pawl_retire_flush     lock-free                     yes
 *  pawl_retire_wait      blocks on grace periods       no
 *  pawl_retire_barrier   blocks on grace periods       no
 */
#ifndef PAWL_RETIRE_H
#define PAWL_RETIRE_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

struct pawl_retire_node;

/*
 * Frees the object that holds `node`. Runs on the reclaimer thread (attached, outside
 * sections), one at a time. It may retire more; it may take locks that are never held
 * across pawl_retire_wait, _barrier, pawl_rcu_synchronize, pawl_thread_attach or _detach; it
 * may call none of these five itself.
 */
typedef void pawl_retire_fn(struct pawl_retire_node *node);

/* To be embedded in what is to be freed. Private; need not be initialised. */
struct pawl_retire_node {
	struct pawl_retire_node *pawl_next;
	pawl_retire_fn *pawl_fn;
	size_t pawl_bytes;
};

/*
 * pawl_retire() - Call fn(node) after a grace period.
 *
 * Requires: attached; no new reader can find the object (it is unlinked); the node is not
 *           retired already.
 * Returns:  true: so many bytes wait that the caller should pawl_retire_wait() when it is
 *           outside sections and holds no lock. A thread learns that others have retired
 *           so much when its own batch is full, and at each call from then on.
 * Ordering: everything before is visible to fn.
 * Context:  never blocks, allocates or calls back.
 * Owns:     takes the object.
 */
PAWL_API bool pawl_retire(struct pawl_retire_node *node, size_t bytes, pawl_retire_fn *fn);

/*
 * pawl_retire_flush() - Hand this thread's batch to the reclaimer now. A batch that is not
 * full goes by itself when the thread parks in Pawl or detaches; a thread that does neither
 * for long (a body that computes) may want to call this.
 *
 * Requires: attached.
 */
PAWL_API void pawl_retire_flush(void);

/*
 * pawl_retire_wait() - Wait until less than half the limit is pending, which is where
 * pawl_retire() begins to answer true.
 *
 * Requires: attached, outside sections, no lock held, not in a retire function.
 * Context:  parks the thread or fibre.
 */
PAWL_API void pawl_retire_wait(void);

/*
 * pawl_retire_barrier() - Wait until all that this thread retired, and all that others handed
 * over (see flush) before the call, is freed. What the functions of these objects retire in
 * their turn is not waited for.
 *
 * Requires: attached, outside sections, no lock held, not in a retire function.
 * Context:  parks the thread or fibre.
 */
PAWL_API void pawl_retire_barrier(void);

#define PAWL_RETIRE_LIMIT_DEFAULT ((size_t)64 << 20)
#define PAWL_RETIRE_LIMIT_MIN	  ((size_t)4096)

/*
 * pawl_retire_set_limit() - How many retired bytes may wait. May be changed at any time.
 *
 * Returns: 0.
 * Errors:  -EINVAL below PAWL_RETIRE_LIMIT_MIN.
 * Context: any thread; called by one that is not attached, threads that wait already find a
 *          higher limit only when something is freed.
 */
PAWL_API PAWL_MUST_CHECK int pawl_retire_set_limit(size_t bytes);

struct pawl_retire_stats {
	uint64_t limit_bytes;
	uint64_t pending_bytes;	   /* handed over, not yet freed */
	uint64_t pending_max_bytes; /* highest that pending_bytes has been */
	uint64_t retired;	   /* objects handed over, ever; a barrier is one of 0 bytes */
	uint64_t freed;		   /* objects freed, ever; the same */
	uint64_t grace_periods;	   /* waited for by the reclaimer, ever */
	/*
	 * How long the reclaimer has been at what it took last, in ns; 0: at nothing. Objects that
	 * came later are younger: if this grows, a section does not end or a function hangs.
	 */
	uint64_t oldest_ns;
	uint64_t reserved[4]; /* 0; later versions give them names */
};

/* pawl_retire_stats_read() - Any thread, attached or not; wait-free; fields are not one instant. */
PAWL_API void pawl_retire_stats_read(struct pawl_retire_stats *ret_stats);

PAWL_END_DECLS

#endif
