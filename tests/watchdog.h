/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watchdog.h - the one clock of the tests: it ends a program that hangs, and says where.
 *
 * A thread looks at a progress counter once a second. When it has not moved in 60 looks, the
 * stacks of all threads go to stderr and the program aborts. Looks are counted, not time, so a
 * machine that was suspended or a process that was stopped does not look like a hang.
 */
#ifndef T_WATCHDOG_H
#define T_WATCHDOG_H

#include <stdint.h>

/*
 * Start it. `progress` gives a number that moves while things go well; `describe` (may be NULL)
 * prints to stderr what was being done. Both are called by the watchdog's thread.
 * With T_TIER=long in the environment no thread is started.
 */
void t_watchdog_start(uint64_t (*progress)(void), void (*describe)(void));
void t_watchdog_stop(void);

/* Print the stacks of all threads to stderr. Takes no memory and no lock. */
void t_dump_stacks(void);

#endif
