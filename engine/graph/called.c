/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * called.c - whom a run has called.
 *
 * Many are a hash table of blocks. Tasks that one task calls were mostly made one after the other, and have numbers
 * in a row: 32 of them are one block, and those next to each other in time share its line, where a set of
 * numbers has a line of its own for each. What is called far apart costs three words instead of one.
 */
#include "config.h"

#include "called.h"

#include <string.h>

#include <pawl/hash.h>
#include <pawl/mem.h>

#define BLOCKS_FIRST 8u
#define BLOCK_LOG    5u
#define BLOCK	     (1u << BLOCK_LOG)

static uint32_t bit_of(eng_id id)
{
	return UINT32_C(1) << (id & (BLOCK - 1));
}

/* The block of that number, or the empty one where it would stand. */
static struct eng_called_block *block_of(const struct eng_called *called, uint32_t number)
{
	uint32_t at = (uint32_t)pawl_hash_u64(number, 0) & called->mask;

	while (called->blocks[at].called && called->blocks[at].number != number)
		at = (at + 1) & called->mask;
	return &called->blocks[at];
}

bool eng_called_in_block(const struct eng_called *called, eng_id id)
{
	return block_of(called, id >> BLOCK_LOG)->called & bit_of(id);
}

bool eng_called_moves_in_block(const struct eng_called *called, eng_id id)
{
	const struct eng_called_block *block = block_of(called, id >> BLOCK_LOG);

	return block->called & ~block->still & bit_of(id);
}

static void grow(struct eng_called *called)
{
	struct eng_called_block *old = called->blocks;
	uint32_t capacity = old ? called->mask + 1 : 0;

	called->mask = capacity ? capacity * 2 - 1 : BLOCKS_FIRST - 1;
	called->blocks = eng_must_zalloc((called->mask + 1) * sizeof(*old));
	for (uint32_t i = 0; i < capacity; i++) {
		if (old[i].called)
			*block_of(called, old[i].number) = old[i];
	}
	pawl_mem_free(old, capacity * sizeof(*old), 0);
}

static void put(struct eng_called *called, eng_id id, bool still)
{
	struct eng_called_block *block;

	if (called->blocks_n * 4 >= (called->mask + 1) * 3)
		grow(called);
	block = block_of(called, id >> BLOCK_LOG);
	called->blocks_n += !block->called;
	block->number = id >> BLOCK_LOG;
	block->called |= bit_of(id);
	block->still |= still ? bit_of(id) : 0;
}

static bool is_still(const struct eng_called *called, uint32_t at)
{
	return called->still >> at & 1;
}

/* There are many: out of the array, for good. */
static void move(struct eng_called *called)
{
	grow(called);
	for (uint32_t i = 0; i < called->n; i++)
		put(called, called->few[i], is_still(called, i));
	called->n = called->still = 0;
}

void eng_called_add(struct eng_called *called, eng_id id, bool still)
{
	called->n_not_still += !still;
	if (called->n == ENG_CALLED_FEW)
		move(called);
	if (called->blocks) {
		put(called, id, still);
		return;
	}
	called->still |= (uint32_t)still << called->n;
	called->few[called->n++] = id;
}

void eng_called_rest(struct eng_called *called, eng_id id)
{
	if (!eng_called_moves(called, id))
		return;
	called->n_not_still--;
	if (called->blocks)
		block_of(called, id >> BLOCK_LOG)->still |= bit_of(id);
	else
		called->still |= UINT32_C(1) << eng_called_place(called, id);
}

bool eng_called_next(const struct eng_called *called, uint64_t *cursor, eng_id *ret_id)
{
	for (; *cursor < called->n; ++*cursor) {
		if (!is_still(called, (uint32_t)*cursor)) {
			*ret_id = called->few[(*cursor)++];
			return true;
		}
	}
	while (called->blocks && *cursor >> BLOCK_LOG <= called->mask) {
		const struct eng_called_block *block = &called->blocks[*cursor >> BLOCK_LOG];
		uint32_t left = (block->called & ~block->still) >> (*cursor & (BLOCK - 1));

		if (!left) {
			*cursor = (*cursor | (BLOCK - 1)) + 1;
			continue;
		}
		*cursor += (uint32_t)__builtin_ctz(left);
		*ret_id = block->number << BLOCK_LOG | (uint32_t)(*cursor & (BLOCK - 1));
		++*cursor;
		return true;
	}
	return false;
}

struct pawl_sset eng_called_still(const struct eng_called *called)
{
	struct pawl_sset set = PAWL_SSET_INIT;

	for (uint32_t i = 0; i < called->n; i++) {
		if (is_still(called, i))
			ENG_MUST(pawl_sset_add(&set, called->few[i], NULL));
	}
	for (uint32_t i = 0; called->blocks && i <= called->mask; i++) {
		const struct eng_called_block *block = &called->blocks[i];

		for (uint32_t left = block->still; left; left &= left - 1)
			ENG_MUST(pawl_sset_add(&set,
					       block->number << BLOCK_LOG |
						       (uint32_t)__builtin_ctz(left),
					       NULL));
	}
	return set;
}

struct pawl_sset eng_called_take_still(struct eng_called *called)
{
	struct pawl_sset set = eng_called_still(called);

	eng_called_fini(called);
	return set;
}

void eng_called_fini(struct eng_called *called)
{
	if (called->blocks)
		pawl_mem_free(called->blocks, (called->mask + 1) * sizeof(*called->blocks), 0);
	memset(called, 0, sizeof(*called));
}
