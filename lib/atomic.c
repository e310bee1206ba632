/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * atomic.c - the word through which ThreadSanitizer learns of fences (pawl/atomic.h).
 *
 * Always there, whatever the library was built with: a user's ThreadSanitizer build may link a
 * library that was built without it.
 */
#include "config.h"

#include <pawl/base.h>

extern struct pawl_atomic_u32 pawl__tsan_fence_word;
PAWL_API struct pawl_atomic_u32 pawl__tsan_fence_word PAWL_ALIGNED(PAWL_LINE_BYTES);
