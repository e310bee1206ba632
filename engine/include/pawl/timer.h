/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/timer.h - tasks that run again and again.
 *
 * An interval is a task whose body is called at first_ns, first_ns + period_ns, and so on, in the
 * runtime's time. The schedule does not drift: what a call costs delays nothing but what it
 * runs into, and then `missed` says what becomes of the ticks that are over.
 *
 *	period 10, calls take 3, one takes 25 (from 20 to 45)
 *	SKIP   0 10 20 50 60       ticks that are over are left out
 *	BURST  0 10 20 45 48 51 60 they are made up for, one after the other
 *	DELAY  0 10 20 55 65       the schedule begins anew, a period after the call's end
 *
 * Sleeping is pawl_sleep_until() (pawl/runtime.h). Progress and errors: as pawl_spawn().
 */
#ifndef PAWL_TIMER_H
#define PAWL_TIMER_H

#include <pawl/runtime.h>

PAWL_BEGIN_DECLS

enum pawl_missed { PAWL_MISSED_SKIP, PAWL_MISSED_BURST, PAWL_MISSED_DELAY, PAWL_MISSED_COUNT };

/*
 * One tick, in a body: it may wait. `tick` is the number of its place in the schedule, from 0; with SKIP
 * those left out are counted.
 *
 * Returns: 0: go on; 1: the interval has completed; an error: it has failed (-ECANCELED after
 *          being cancelled: it is cancelled).
 */
typedef int pawl_tick_fn(void *arg, uint64_t tick);

struct pawl_interval_options {
	size_t size;	    /* sizeof(struct pawl_interval_options) */
	uint64_t period_ns; /* not 0 */
	uint64_t first_ns;  /* when; 0: now */
	enum pawl_missed missed;
	struct pawl_task_options task; /* free_value and visit_value do not count */
};
#define PAWL_INTERVAL_OPTIONS_INIT                                            \
	{                                                                     \
		sizeof(struct pawl_interval_options), 0, 0, PAWL_MISSED_SKIP, \
			PAWL_TASK_OPTIONS_INIT                                \
	}

/*
 * pawl_interval_spawn() - Start one.
 *
 * Errors: as pawl_spawn(); -EINVAL: the period is 0.
 */
PAWL_API PAWL_MUST_CHECK int pawl_interval_spawn(struct pawl_group *group,
						 const struct pawl_interval_options *options,
						 pawl_tick_fn *fn, void *arg,
						 pawl_task_t *ret_task);

PAWL_END_DECLS

#endif
