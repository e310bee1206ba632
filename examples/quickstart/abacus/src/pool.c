/* SPDX-License-Identifier: BSD-2-Clause */
#include "pool.h"

#include <stdlib.h>

#define BLOCK_SIZE 4096

struct pool_block {
	struct pool_block *next;
	_Alignas(max_align_t) char bytes[BLOCK_SIZE];
};

void *pool_take(struct pool *pool, size_t size)
{
	void *taken;

	size = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (size > BLOCK_SIZE)
		return NULL;
	if (!pool->blocks || pool->used + size > BLOCK_SIZE) {
		struct pool_block *block = malloc(sizeof(*block));

		if (!block)
			return NULL;
		block->next = pool->blocks;
		pool->blocks = block;
		pool->used = 0;
	}
	taken = pool->blocks->bytes + pool->used;
	pool->used += size;
	return taken;
}

void pool_empty(struct pool *pool)
{
	while (pool->blocks) {
		struct pool_block *block = pool->blocks;

		pool->blocks = block->next;
		free(block);
	}
	pool->used = 0;
}
