/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * futex.h - sleep on a word, wake who sleeps on it. For park.c and ec.c alone.
 *
 * Waking touches no memory of the word's: it is harmless on a word that was freed or
 * reused meanwhile, but for a spurious wake-up there, which every caller bears.
 */
#ifndef PAWL_FUTEX_H
#define PAWL_FUTEX_H

#include <pawl/atomic.h>

/*
 * pawl__futex_wait() - Sleep while the word holds `expected`, until woken or the deadline.
 *
 * Returns: false if the deadline is over. True otherwise, for whatever reason (woken,
 *          another value, a signal): look again.
 */
bool pawl__futex_wait(struct pawl_atomic_u32 *word, uint32_t expected, uint64_t deadline_ns);

/* pawl__futex_wake() - Wake up to `count` sleepers. */
void pawl__futex_wake(struct pawl_atomic_u32 *word, uint32_t count);

#endif
