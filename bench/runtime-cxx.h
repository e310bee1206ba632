/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runtime-cxx.h - what base-runtime-tbb.c calls in base-runtime-cxx.cc, which does not see bench.h.
 */
#ifndef B_RUNTIME_CXX_H
#define B_RUNTIME_CXX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
/* As bench.h has it. */
void b_outside(uint64_t turns);
#endif

void *b_tbb_make(unsigned threads);
void b_tbb_drop(void *arena);
void b_tbb_join(void *arena, uint64_t n);
void b_tbb_batches(void *arena, uint64_t n, uint64_t batch);
void b_tbb_fib(void *arena, uint64_t n, uint64_t of);
void b_tbb_jobs(void *arena, uint64_t n, uint64_t turns);

#ifdef __cplusplus
}
#endif

#endif
