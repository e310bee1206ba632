/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch.h - what depends on the processor, and the only file that knows Concurrency Kit.
 *
 * CK gives the pause instruction of each architecture. Its fences and atomics are not used:
 * they are inline assembly, which neither the sanitizers nor the model checker see.
 */
#ifndef PAWL_ARCH_H
#define PAWL_ARCH_H

#include <pawl/atomic.h>

#ifndef PAWL_MC
#include <ck_pr.h>
#endif

/*
 * How often a waiter looks before it sleeps: some 110 pauses in all, one or two microseconds on
 * current x86, about what a sleep and wake costs at least (bench/b-wait.c measures both).
 * With one processor looking is useless, and under the model checker it only repeats
 * states.
 */
#ifdef PAWL_MC
/* What the scenario says: 0, but for those that are about the looking. */
unsigned mc_spin_turns(void);
#define PAWL__SPIN_TURNS mc_spin_turns()
#else
#define PAWL__SPIN_TURNS 16u
#endif

/*
 * pawl__spin_turn() - Let some time pass before the next look: 1, 2, 4, 8, 8, ... pauses, so
 * that many lookers do not fight for the line. `turn` counts from 0.
 */
PAWL_ALWAYS_INLINE void pawl__spin_turn(unsigned turn)
{
#ifdef PAWL_MC
	(void)turn;
	pawl_pause();
#else
	unsigned pauses = 1u << (turn < 3 ? turn : 3);

	while (pauses--)
		ck_pr_stall();
#endif
}

#endif
