/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.h - an engine looks whether its sums are right, by itself (enum pawl_verify).
 */
#ifndef ENG_CHECK_H
#define ENG_CHECK_H

#include <pawl/engine.h>

/* eng_check_start() - After each idle while from now on, of `idle_ns`. Ends with the engine's group. Errors: of pawl_spawn(). */
PAWL_MUST_CHECK int eng_check_start(struct pawl_engine *engine, uint64_t idle_ns);

/* eng_check() - Now, if nothing runs; what is wrong is told as a notice. */
void eng_check(struct pawl_engine *engine);

#endif
