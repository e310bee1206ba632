/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.h - memory of records and runs, in pieces of a few sizes.
 *
 * Taken and given back on any attached thread. Threads keep pieces to spare; what is larger than
 * ENG_POOL_MOST comes from pawl_mem. All of it goes with the pool. The pool goes with its last owner: its maker, and
 * each piece that is given back by a retire function, which may come late.
 *
 *  call                 progress
 *  eng_pool_alloc       wait-free; where a chunk is used up a lock, or the allocator's
 *  eng_pool_free        wait-free; every so often a lock
 */
#ifndef ENG_POOL_H
#define ENG_POOL_H

#include <pawl/base.h>

#define ENG_POOL_MOST 512u

struct eng_pool;

/* eng_pool_create() - Errors: -ENOMEM. */
PAWL_MUST_CHECK int eng_pool_create(struct eng_pool **ret_pool);
/* eng_pool_set_apart() - Each piece is pawl_mem's, and goes back there: where a budget is kept. Before the first one. */
void eng_pool_set_apart(struct eng_pool *pool);
void eng_pool_pin(struct eng_pool *pool);
/* eng_pool_unpin() - One owner less; the maker is one. NULL is nothing. Ordering: after all that owners did. */
void eng_pool_unpin(struct eng_pool *pool);

/* eng_pool_alloc() - Aligned to 16, not cleared. NULL: no memory. */
void *eng_pool_alloc(struct eng_pool *pool, size_t bytes);
/* eng_pool_free() - With the size that it was asked for with. NULL is nothing. */
void eng_pool_free(struct eng_pool *pool, void *ptr, size_t bytes);

#endif
