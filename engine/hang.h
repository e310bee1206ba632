/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hang.h - waits that take too long, each told of once with all that it waits for in turn
 * (pawl_engine_options.hang_ns).
 */
#ifndef ENG_HANG_H
#define ENG_HANG_H

#include "graph/waits.h"

struct eng_hangs;
struct pawl_engine;

/*
 * eng_hangs_start() - Requires: observed already, and nothing runs. Errors: -ENOMEM; -EAGAIN: no thread; those of
 * pawl_spawn().
 */
PAWL_MUST_CHECK int eng_hangs_start(struct pawl_engine *engine, uint64_t hang_ns);
/* eng_hangs_stop() - Nothing is told of any more. NULL in the engine is nothing. */
void eng_hangs_stop(struct pawl_engine *engine);
/* eng_hangs_free() - Requires: stopped, and no body of the engine is left. */
void eng_hangs_free(struct pawl_engine *engine);

#endif
