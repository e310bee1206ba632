/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/counter.h - a number that many threads add to and few read.
 *
 * Each attached thread adds to a cell of its own, by plain stores; nobody waits for anybody.
 * Reading has three prices: the last total that threads told of (one load or two), the sum of
 * the cells (a load for each), and the total with bounds between which the number lay.
 *
 * Not for: noticing that something reached zero or any other value (pawl/gate.h): no read is
 * that of one moment while others add.
 *
 *  call                     progress   cost
 *  pawl_counter_add         wait-free  no line of others, but once a batch
 *  pawl_counter_read_fast   wait-free  two loads
 *  pawl_counter_read_bound  wait-free  three loads
 *  pawl_counter_read_sum    wait-free  a load for each slot
 *
 * Memory: 128 bytes for each thread slot up to the highest that added, rounded up to a power of
 * two, at least 8; and 640 bytes.
 *
 * Sources: percpu_counter of Linux for the batch; D. Lea's LongAdder for the cells.
 */
#ifndef PAWL_COUNTER_H
#define PAWL_COUNTER_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

struct pawl_counter;

#define PAWL_COUNTER_BATCH_DEFAULT 64u

/*
 * pawl_counter_create() - Make a counter that stands at 0. A thread tells of what it added when
 * that is `batch` or more, up or down; 0: PAWL_COUNTER_BATCH_DEFAULT; 1: each time.
 *
 * Returns: 0.
 * Errors:  -ENOMEM; -EINVAL: batch is above INT32_MAX.
 * Context: any thread.
 */
PAWL_API PAWL_MUST_CHECK int pawl_counter_create(uint32_t batch,
						 struct pawl_counter **ret_counter);

/*
 * pawl_counter_destroy() - Free it. NULL is nothing.
 *
 * Requires: no call on it is running, none will come. Threads that added may stay attached.
 */
PAWL_API void pawl_counter_destroy(struct pawl_counter *counter);

/*
 * pawl_counter_add() - Add `by`, which may be negative. Beyond 64 bits it wraps.
 *
 * Ordering: none.
 * Context:  any thread; one that is not attached, or gets no memory for its cell, adds to a
 *           shared word. May allocate, once a thread slot; cannot fail. Allowed in sections.
 */
PAWL_API void pawl_counter_add(struct pawl_counter *counter, int64_t by);

/* pawl_counter_read_fast() - What was told of. Off by what read_bound() says, at most. */
PAWL_API int64_t pawl_counter_read_fast(const struct pawl_counter *counter);

/*
 * pawl_counter_read_sum() - The sum. Each addition that returned before the call (and is known
 * here: something ordered it) is in it, and none that begins after it; of those that run
 * meanwhile some are. Exact when nobody adds.
 */
PAWL_API int64_t pawl_counter_read_sum(const struct pawl_counter *counter);

struct pawl_counter_bound {
	int64_t value; /* as of read_fast() */
	int64_t min;
	int64_t max;
};

/*
 * pawl_counter_read_bound() - What was told of, and how far off that can be: all additions that
 * returned before the call, and are known here, make a number in [min, max], with some of
 * those that run meanwhile. What lies between grows by 2 * (batch - 1) for each thread that
 * adds; a detached one is told of in full.
 */
PAWL_API void pawl_counter_read_bound(const struct pawl_counter *counter,
				      struct pawl_counter_bound *ret_bound);

PAWL_END_DECLS

#endif
