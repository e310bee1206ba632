/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * litmus.h - what the litmus battery needs beyond pawl/atomic.h.
 *
 * The tests call pawl/atomic.h wherever it offers the order, so that they also
 * test that header's expansion. The orders that Pawl does not use (sequentially
 * consistent accesses, one-sided fences) stand here; this is the one other file
 * that names memory orders, for that reason only.
 *
 * The .c files beside it are generated from the table in battery.py (rc11.py
 * --write); change the table.
 */
#ifndef LITMUS_H
#define LITMUS_H

#include <pawl/atomic.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../mc-litmus.h"
#include "../mc.h"

/* A register whose load was not reached. No test stores this value. */
#define LITMUS_UNSET 9u

/* A store that a test makes with plain C, to see whether the checker calls it a race. */
struct litmus_plain {
	uint32_t value;
};

#define litmus_load_seq_cst(word) \
	atomic_load_explicit(&(word)->pawl_private, memory_order_seq_cst)
#define litmus_store_seq_cst(word, v) \
	atomic_store_explicit(&(word)->pawl_private, (v), memory_order_seq_cst)
#define litmus_xchg_seq_cst(word, v) \
	atomic_exchange_explicit(&(word)->pawl_private, (v), memory_order_seq_cst)
#define litmus_add_seq_cst(word, v) \
	atomic_fetch_add_explicit(&(word)->pawl_private, (v), memory_order_seq_cst)

/* The order after a failure is named too: it may differ from what pawl/atomic.h picks. */
#define litmus_cas(strength, word, expected, v, success, failure)                             \
	atomic_compare_exchange_##strength##_explicit(&(word)->pawl_private, (expected), (v), \
						      memory_order_##success,                 \
						      memory_order_##failure)

#define litmus_fence_acquire() atomic_thread_fence(memory_order_acquire)
#define litmus_fence_release() atomic_thread_fence(memory_order_release)
#define litmus_fence_acq_rel() atomic_thread_fence(memory_order_acq_rel)

/* Hands over what this execution saw; called once, at the end of finish(). */
#define litmus_outcome(...)                         \
	do {                                        \
		if (mc_outcome)                     \
			mc_outcome(__VA_ARGS__);    \
		else                                \
			litmus__write(__VA_ARGS__); \
	} while (0)

/* Nothing is kept between calls: the checker restores static storage. */
static inline void litmus__write(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline void litmus__write(const char *fmt, ...)
{
	const char *fd = getenv("MC_OUTCOME_FD");
	char line[128];
	va_list args;
	size_t len;

	if (!fd)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	len = strlen(line);
	line[len++] = '\n';
	if (write(atoi(fd), line, len) != (ssize_t)len)
		abort();
}

#endif
