/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watchdog.h - the thread that looks after workers whose body blocks them, while starts wait.
 */
#ifndef ENG_WATCHDOG_H
#define ENG_WATCHDOG_H

#include <pthread.h>

#include <pawl/base.h>

#define ENG_WATCHDOG_NS 100000000

struct eng_watchdog {
	uint64_t period_ns;
	/* 1: there is a thread, to be joined. By who armed it first. */
	struct pawl_atomic_u32 runs;
	struct pawl_atomic_u32 stop;
	pthread_t thread;
	/* Counts: the thread's own. */
	struct pawl_atomic_u64 looks, found;
};

/* eng_watchdog_init() - Have the runtime watched, from when it is needed. Requires: idle.h is set up. */
void eng_watchdog_init(struct pawl_runtime *rt);

/* eng_watchdog_fini() - End it. Requires: attached; nobody spawns, and the first workers have ended. */
void eng_watchdog_fini(struct pawl_runtime *rt);

#endif
