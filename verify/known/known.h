/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * known.h - what the broken algorithms and their repaired versions share.
 *
 * Each file holds one algorithm that was published, shipped or is written again and
 * again with a mistake in it, reduced to its protocol and restated here. The scenarios
 * with expect_failure must be rejected in that way, the repaired ones beside them must
 * pass completely: a checker that accepts the first is blind, one that rejects the
 * second is of no use.
 */
#ifndef KNOWN_H
#define KNOWN_H

#include <pawl/atomic.h>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../mc.h"

/* One-sided fences, which the library does without; two textbook algorithms need them. */
#define known_fence_acquire() atomic_thread_fence(memory_order_acquire)
#define known_fence_release() atomic_thread_fence(memory_order_release)

/* Sleeps while the word holds `expected`; may also return for no reason. */
static inline void known_futex_wait(struct pawl_atomic_u32 *word, uint32_t expected)
{
	syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, NULL, NULL,
		FUTEX_BITSET_MATCH_ANY);
}

static inline void known_futex_wake(struct pawl_atomic_u32 *word, uint32_t count)
{
	syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, NULL, NULL, 0);
}

#endif
