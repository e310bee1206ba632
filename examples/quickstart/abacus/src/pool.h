/* SPDX-License-Identifier: BSD-2-Clause */
/* pool.h - memory that is given back all at once. */
#ifndef ABACUS_POOL_H
#define ABACUS_POOL_H

#include "common.h"

struct pool {
	struct pool_block *blocks;
	size_t used;
};

/* NULL when there is no memory. */
void *pool_take(struct pool *pool, size_t size);
void pool_empty(struct pool *pool);

#endif
