/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.h - an engine's budget of memory (pawl_engine_options.memory_bytes).
 */
#ifndef ENG_MEMORY_H
#define ENG_MEMORY_H

#include <pawl/engine.h>

struct eng_memory;

/* eng_memory_open() - Of an engine with a graph; 0 bytes: ret_memory is NULL. Errors: -ENOMEM. */
PAWL_MUST_CHECK int eng_memory_open(struct pawl_engine *engine, uint64_t bytes,
				    struct eng_memory **ret_memory);
/* eng_memory_start() - Before the first task. Ends with the engine's group. Errors: of pawl_spawn(). */
PAWL_MUST_CHECK int eng_memory_start(struct eng_memory *memory);
/* eng_memory_close() - Requires: the engine's group has ended. NULL is nothing. */
void eng_memory_close(struct eng_memory *memory);

/*
 * eng_memory_turn() - Something from outside is about to begin: where there is too much already it waits for some time.
 * Never on a worker. NULL: at once.
 */
void eng_memory_turn(struct eng_memory *memory);

/*
 * eng_memory_relieve() - Bring it down to the mark now. For tests. Requires: as pawl_engine_snapshot(). Returns: whether it
 * was of use, or there is little enough.
 */
bool eng_memory_relieve(struct eng_memory *memory);

#endif
