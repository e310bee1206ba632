/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/mem.h - the one door to memory.
 *
 * All memory of Pawl comes from one process-wide table of three functions. A
 * host may put its own table in before the first allocation; after that the
 * table is frozen, so that every block is freed by whoever made it. Sizes and
 * alignments are handed back at free: an allocator never has to remember them.
 *
 * Without a table of the host, jemalloc's sized calls are used if the process
 * has them (linked or preloaded; the libraries link no allocator of their
 * own), else the C library's.
 *
 *  call                    progress            may block
 *  pawl_mem_set_allocator  lock-free           no
 *  pawl_mem_alloc          the allocator's     the allocator's
 *  pawl_mem_free           the allocator's     the allocator's
 *  pawl_mem_stats_read     wait-free           no
 *
 * Threads need not be attached for any call here.
 */
#ifndef PAWL_MEM_H
#define PAWL_MEM_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

/*
 * An allocator. Functions are called by any thread, several at a time, and may
 * not call Pawl. `align` is a power of two, at least alignof(max_align_t);
 * `size` is 1 or more. alloc returns NULL for "no memory".
 */
struct pawl_allocator {
	size_t size; /* sizeof(struct pawl_allocator) */
	void *(*alloc)(void *arg, size_t size, size_t align);
	void (*free)(void *arg, void *ptr, size_t size, size_t align);
	void *arg;
};

/*
 * pawl_mem_set_allocator() - Use this table for all memory from now on.
 *
 * Requires: `allocator` is not NULL. To be called once, early, by the program (not by a library).
 * Returns:  0.
 * Errors:   -EBUSY once anything was allocated or a table was set; -EINVAL for a NULL
 *           function or a `size` below the first version's; -E2BIG for a larger `size` than
 *           this library knows.
 * Context:  any thread.
 * Owns:     the table is copied; `arg` must live to the end of the process.
 */
PAWL_API PAWL_MUST_CHECK int pawl_mem_set_allocator(const struct pawl_allocator *allocator);

/*
 * pawl_mem_alloc() - Memory of `size` bytes at a multiple of `align`, not cleared.
 *
 * Requires: `align` is 0 (alignof(max_align_t)) or a power of two.
 * Returns:  the block, or NULL if there is no memory or `size` is 0 or above PTRDIFF_MAX.
 * Owns:     the caller; give it back with pawl_mem_free() and the same size and align.
 */
PAWL_API PAWL_MUST_CHECK void *pawl_mem_alloc(size_t size, size_t align);

/* pawl_mem_zalloc() - pawl_mem_alloc(), cleared. */
PAWL_API PAWL_MUST_CHECK void *pawl_mem_zalloc(size_t size, size_t align);

/*
 * pawl_mem_free() - Give a block back.
 *
 * Requires: `ptr` came from pawl_mem_alloc/zalloc with this size and align, or is NULL.
 *           In a build with debug checks the block is overwritten first.
 */
PAWL_API void pawl_mem_free(void *ptr, size_t size, size_t align);

/* Bytes and blocks that Pawl holds. Sums of per-thread counters: exact when nobody allocates. */
struct pawl_mem_stats {
	uint64_t bytes;
	uint64_t blocks;
	uint64_t allocations; /* ever */
	uint64_t failures;    /* allocations refused by the allocator, ever */
	uint64_t reserved[4]; /* 0; later versions give them names */
};

/*
 * pawl_mem_stats_read() - How much memory Pawl holds now.
 *
 * Progress: wait-free; reads some 64 lines.
 */
PAWL_API void pawl_mem_stats_read(struct pawl_mem_stats *ret_stats);

PAWL_END_DECLS

#endif
