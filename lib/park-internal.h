/* SPDX-License-Identifier: BSD-2-Clause */
/* park-internal.h - how the library's own files put a thread to sleep. */
#ifndef PAWL_PARK_INTERNAL_H
#define PAWL_PARK_INTERNAL_H

#include "thread-internal.h"

/* The waiter table of threads. */
extern const struct pawl_waiter_ops pawl__thread_waiter_ops;

/*
 * pawl__park_online() - Sleep as the calling thread without going idle and without handing over
 * retired objects: for a lock's waiter, who may be inside a read section and hold other locks.
 * What it waits for must not wait for a grace period.
 */
void pawl__park_online(struct pawl__thread *self);

/*
 * pawl__sleep_begin(), _end() - Around a system call that sleeps: hand over what was retired,
 * so that it does not wait for this thread, and tell RCU that nothing is read.
 *
 * Requires: outside sections.
 */
void pawl__sleep_begin(struct pawl__thread *self);
void pawl__sleep_end(struct pawl__thread *self);

/* pawl__now_coarse_ns() - pawl_now_ns(), or up to a tick of the system earlier, for a quarter of its price. */
uint64_t pawl__now_coarse_ns(void);

/* pawl__spin_turns() - How often to look before sleeping: 0 with one processor. */
unsigned pawl__spin_turns(void);

#endif
