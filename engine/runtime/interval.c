/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interval.c - a body that sleeps to the next tick of its schedule and calls.
 */
#include "config.h"

#include <errno.h>

#include <pawl/mem.h>
#include <pawl/timer.h>

#include "worker.h"

struct interval {
	struct pawl_runtime *rt;
	uint64_t period_ns;
	uint64_t due_ns; /* of `tick` */
	uint64_t tick;
	enum pawl_missed missed;
	pawl_tick_fn *fn;
	void *arg;
	void (*free_arg)(void *arg);
	void (*visit_arg)(void *arg, void *visitor_arg);
};

/* From one tick to the next; false: there is none before the end of time. */
static bool move_on(struct interval *interval)
{
	uint64_t now_ns = eng_now(interval->rt), periods = 1;

	if (interval->missed == PAWL_MISSED_DELAY &&
	    now_ns > interval->due_ns + interval->period_ns)
		interval->due_ns = now_ns;
	if (interval->missed == PAWL_MISSED_SKIP && now_ns > interval->due_ns) {
		uint64_t over = (now_ns - interval->due_ns) / interval->period_ns;
		bool exactly = (now_ns - interval->due_ns) % interval->period_ns == 0;

		/* The first one that is not over; one that is due this very moment is not. */
		periods = over + !exactly;
		periods += !periods;
	}
	interval->tick += periods;
	if (periods > (PAWL_FOREVER - 1 - interval->due_ns) / interval->period_ns)
		return false;
	interval->due_ns += periods * interval->period_ns;
	return true;
}

static int interval_body(void *arg, void **ret_value)
{
	struct interval *interval = arg;
	int error;

	(void)ret_value;
	do {
		error = pawl_sleep_until(interval->due_ns);
		if (!error)
			error = interval->fn(interval->arg, interval->tick);
	} while (!error && move_on(interval));
	return error == 1 ? 0 : error;
}

static void interval_free(void *arg)
{
	struct interval *interval = arg;

	if (interval->free_arg)
		interval->free_arg(interval->arg);
	pawl_mem_free(interval, sizeof(*interval), 0);
}

static void interval_visit(void *arg, void *visitor_arg)
{
	struct interval *interval = arg;

	interval->visit_arg(interval->arg, visitor_arg);
}

int pawl_interval_spawn(struct pawl_group *group, const struct pawl_interval_options *options,
			pawl_tick_fn *fn, void *arg, pawl_task_t *ret_task)
{
	struct pawl_runtime *rt = eng_runtime_of(group);
	struct pawl_task_options task;
	struct interval *interval;
	int error;

	if (options->size > sizeof(*options))
		return -E2BIG;
	if (options->size < sizeof(*options) || !options->period_ns ||
	    (unsigned)options->missed >= PAWL_MISSED_COUNT)
		return -EINVAL;
	interval = pawl_mem_zalloc(sizeof(*interval), 0);
	if (!interval)
		return -ENOMEM;
	interval->rt = rt;
	interval->period_ns = options->period_ns;
	interval->due_ns = options->first_ns ? options->first_ns : eng_now(rt);
	interval->missed = options->missed;
	interval->fn = fn;
	interval->arg = arg;
	interval->free_arg = options->task.free_arg;
	task = options->task;
	task.free_arg = interval_free;
	task.free_value = NULL;
	task.visit_value = NULL;
	interval->visit_arg = options->task.visit_arg;
	task.visit_arg = options->task.visit_arg ? interval_visit : NULL;
	error = pawl_spawn(group, &task, interval_body, interval, ret_task);
	if (error)
		pawl_mem_free(interval, sizeof(*interval), 0);
	return error;
}
