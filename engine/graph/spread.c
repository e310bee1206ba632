/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spread.c - one change that very many tasks are to be told of, told by several workers at once.
 *
 * What has to be done for each of them takes locks and writes jobs into a queue, and does not depend on what was done
 * for the others. So the list is cut into parts, and who has nothing else to do takes some: helpers of
 * pawl_parallel(). Each part is done, with all that follows from it, by an operation of its own, which is
 * part of the caller's: it has no slot.
 *
 * The caller is inside, and who is inside waits for no task:
 *  I1 A helper that has not begun is never waited for: it finds the scope shut. So nothing hangs on a worker's
 *     becoming free.
 *  I2 A helper that has begun does not switch: it takes locks and memory, as an operation does, and no part waits for
 *     another; but that what follows may be spread again, and is waited for in the same way. So the caller, who
 *     sleeps for those that are inside as the thread, sleeps for threads that run.
 *  I3 Helpers do not enter (quiesce.h): the caller has, before the first part begins, and it comes to no point until the
 *     last one is done. So nobody who shut the door waits for a helper, no helper waits at the door, and a moment
 *     never finds one half done.
 *  I4 What follows from making tasks dirty changes no edge, but for optimising, which parts put off (balance.c). So no
 *     part tries to remove one again and again until another operation, which may be the caller's own rest,
 *     has added it.
 * If there is no memory for that, or nobody to help, the caller does all of it, in its own queue.
 *
 * Rejected: helpers that enter for themselves (they would wait at a door that was shut to wait for the caller);
 * leaving while they work (what is left would not be the operation's any more: a moment could come between two
 * tasks of one edit); handing their queues to the caller (what follows costs as much as the marks).
 */
#include "config.h"

#include <pawl/atomic.h>
#include <pawl/parallel.h>
#include <pawl/park.h>

#include "../runtime/worker.h"
#include "graph.h"

struct spread {
	struct eng_op *op;
	uint32_t n;
	eng_spread_fn *fn;
	void *arg;
	/* A ring that was found. Relaxed: read when all parts are done. */
	struct pawl_atomic_u32 ring;
};

static int do_part(void *arg, size_t index)
{
	struct spread *spread = arg;
	uint32_t part = spread->op->graph->spread_part;
	uint32_t from = (uint32_t)index * part, to = spread->n;
	struct eng_op op;

	if (to - from > part)
		to = from + part;
	op.graph = spread->op->graph;
	op.priority = spread->op->priority;
	op.suspects = op.rings = NULL;
	op.cause = spread->op->cause;
	op.slot = NULL; /* I3 */
	eng_queue_init(&op.queue);
	op.queue.optimized = ENG_OPTIMIZED_MOST; /* I4 */
	spread->fn(&op, spread->arg, from, to);
	eng_op_run(&op);
	if (PAWL_UNLIKELY(eng_queue_has_told(&op.queue)))
		eng_told_clear(&op);
	if (op.rings)
		pawl_store_relaxed(&spread->ring, op.rings->upper);
	eng_queue_fini(&op.queue);
	return 0;
}

static bool has_help(const struct eng_graph *graph)
{
	struct eng_worker *here = eng_worker_here();

	return graph->rt->worker_count > (here && here->rt == graph->rt ? 1u : 0u);
}

void eng_spread(struct eng_op *op, uint32_t n, eng_spread_fn *fn, void *arg)
{
	struct spread spread = {op, n, fn, arg, {0}};
	struct eng_graph *graph = op->graph;
	struct pawl_waiter *before;
	int error;

	if (n <= graph->spread_more_than || !has_help(graph)) {
		fn(op, arg, 0, n);
		return;
	}
	pawl_init_word(&spread.ring, 0u);
	before = pawl_waiter_set(NULL); /* I2 */
	error = pawl_parallel(graph->group, (n - 1) / graph->spread_part + 1, do_part, &spread,
			      NULL);
	(void)pawl_waiter_set(before);
	if (error) {
		fn(op, arg, 0, n);
		return;
	}
	pawl_add_relaxed(&graph->spreads, 1u);
	if (pawl_load_relaxed(&spread.ring))
		eng_ring_of_calls(op, pawl_load_relaxed(&spread.ring));
}
