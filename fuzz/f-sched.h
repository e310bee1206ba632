/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * f-sched.h - what the fuzzer's process (f-sched.c) and the simulator's (verify/sim/sim-bytes.c) have in common.
 */
#ifndef FUZZ_SCHED_H
#define FUZZ_SCHED_H

#include <stdint.h>

/* Descriptors that the simulator is started with: the memory; a byte to begin; a byte when it is done. */
#define SCHED_FD   3
#define SCHED_GO   4
#define SCHED_DONE 5

/* What takes longer is no failure: a schedule may starve whoever all wait for. */
#define SCHED_STEPS 3000000u
#define SCHED_MOST  4096u

/* Counters: blocks of code, places between which a switch was made, events. */
#define SCHED_BLOCKS   0u
#define SCHED_SWITCHES 32768u
#define SCHED_EVENTS   34816u
#define SCHED_COUNTERS 34880u

struct sched_shared {
	uint32_t n;
	uint32_t failed;
	uint8_t bytes[SCHED_MOST];
	char what[512];
	uint8_t counters[SCHED_COUNTERS];
};

#endif
