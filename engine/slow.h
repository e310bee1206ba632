/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slow.h - notices of runs and waits that take long (pawl_engine_options.slow_ns).
 */
#ifndef ENG_SLOW_H
#define ENG_SLOW_H

#include "graph/graph.h"

/* A wait, or a run, is over, and took so long. */
void eng_slow_waited(struct pawl_engine *engine, eng_id id, eng_id other, uint64_t ns);
void eng_slow_ran(struct pawl_engine *engine, eng_id id, uint64_t ns);

/* eng_slow_start() - Waits are looked at while they last. Ends with the engine's group. Errors: of pawl_spawn(). */
PAWL_MUST_CHECK int eng_slow_start(struct pawl_engine *engine);

#endif
