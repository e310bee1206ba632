/* SPDX-License-Identifier: BSD-2-Clause */
#include "accept.h"

#include <time.h>

struct pawl_runtime *acc_rt;
struct pawl_group *acc_root;
struct pawl_atomic_u64 acc_virtual_ns;
struct pawl_atomic_u32 acc_ran, acc_freed, acc_go;
struct pawl_atomic_u32 acc_told[PAWL_OUTCOME_COUNT], acc_refusals, acc_restarts, acc_warnings;
void (*acc_hook)(const struct pawl_diagnostic *diagnostic);

static struct pawl_event never;

static void sink(void *arg, const struct pawl_diagnostic *diagnostic)
{
	t_check(arg == &acc_told);
	if (diagnostic->severity != PAWL_SEVERITY_INFO)
		pawl_add_relaxed(&acc_warnings, 1u);
	switch (diagnostic->kind) {
	case PAWL_DIAGNOSTIC_ENDED:
		pawl_add_relaxed(&acc_told[diagnostic->outcome], 1u);
		break;
	case PAWL_DIAGNOSTIC_REFUSED:
		pawl_add_relaxed(&acc_refusals, 1u);
		break;
	case PAWL_DIAGNOSTIC_RESTARTED:
		pawl_add_relaxed(&acc_restarts, 1u);
		break;
	default:
		break;
	}
	if (acc_hook)
		acc_hook(diagnostic);
}

static uint64_t virtual_now(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&acc_virtual_ns);
}

void acc_up_with(const struct pawl_runtime_options *options)
{
	struct pawl_runtime_options mine = *options;

	mine.now = virtual_now;
	mine.sink = sink;
	mine.sink_arg = &acc_told;
	/* A worker that a case holds is not replaced. */
	mine.watchdog_ns = PAWL_FOREVER;
	for (unsigned i = 0; i < PAWL_OUTCOME_COUNT; i++)
		pawl_store_relaxed(&acc_told[i], 0u);
	pawl_store_relaxed(&acc_ran, 0u);
	pawl_store_relaxed(&acc_freed, 0u);
	pawl_store_relaxed(&acc_go, 0u);
	pawl_store_relaxed(&acc_refusals, 0u);
	pawl_store_relaxed(&acc_restarts, 0u);
	pawl_store_relaxed(&acc_warnings, 0u);
	pawl_store_relaxed(&acc_virtual_ns, ACC_EPOCH);
	pawl_event_init(&never);
	assert_int_equal(pawl_runtime_create(&mine, &acc_rt), 0);
	acc_root = pawl_runtime_root(acc_rt);
}

void acc_up(uint32_t workers)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	options.workers = workers;
	acc_up_with(&options);
}

void acc_down(uint64_t spawned, struct pawl_shutdown_report *ret_report)
{
	struct pawl_shutdown_report report, again;
	uint64_t sum = 0;

	assert_int_equal(pawl_runtime_shutdown(acc_rt, PAWL_FOREVER, &report), 0);
	assert_int_equal(pawl_runtime_shutdown(acc_rt, 0, &again), 0);
	assert_memory_equal(&report, &again, sizeof(report));
	for (unsigned i = 0; i < PAWL_OUTCOME_COUNT; i++) {
		assert_int_equal(report.outcomes[i], pawl_load_relaxed(&acc_told[i]));
		sum += report.outcomes[i];
	}
	assert_int_equal(report.outcomes[PAWL_OUTCOME_NONE], 0);
	assert_int_equal(sum, spawned);
	assert_int_equal(pawl_runtime_destroy(acc_rt), 0);
	acc_hook = NULL;
	if (ret_report)
		*ret_report = report;
	t_step();
}

void acc_advance_to(uint64_t ns)
{
	pawl_store_relaxed(&acc_virtual_ns, ns);
	pawl_runtime_clock_moved(acc_rt);
}

uint64_t acc_quiet(void)
{
	uint64_t until_ns;

	t_wait_until((until_ns = pawl_runtime_quiet_until(acc_rt)) != 0);
	return until_ns;
}

/* ---- bodies -------------------------------------------------------------------------- */

int acc_quick(void *arg, void **ret_value)
{
	pawl_add_relaxed(&acc_ran, 1u);
	*ret_value = arg;
	return 0;
}

int acc_sleep(void *arg, void **ret_value)
{
	struct pawl_listener listener;

	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&acc_ran, 1u);
	pawl_event_listen(&never, &listener, "nothing", 0);
	return pawl_wait(&listener, PAWL_FOREVER);
}

int acc_deaf(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&acc_ran, 1u);
	while (!pawl_load_acquire(&acc_go))
		pawl_yield();
	return 0;
}

int acc_astray(void *arg, void **ret_value)
{
	const struct timespec moment = {0, 200000};

	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&acc_ran, 1u);
	while (!pawl_load_acquire(&acc_go))
		nanosleep(&moment, NULL);
	return 0;
}

int acc_fail(void *arg, void **ret_value)
{
	(void)ret_value;
	pawl_add_relaxed(&acc_ran, 1u);
	pawl_exit(-EIO, "%s", (const char *)arg);
}

int acc_tick(void *arg, uint64_t tick)
{
	(void)arg;
	(void)tick;
	pawl_add_relaxed(&acc_ran, 1u);
	return 1;
}

void acc_count_freed(void *arg)
{
	(void)arg;
	pawl_add_relaxed(&acc_freed, 1u);
}

/* ---- calls --------------------------------------------------------------------------- */

pawl_task_t acc_spawn(struct pawl_group *group, pawl_body_fn *body, void *arg)
{
	pawl_task_t task;

	assert_int_equal(pawl_spawn(group, NULL, body, arg, &task), 0);
	return task;
}

struct pawl_group *acc_group(struct pawl_group *parent, const char *name)
{
	struct pawl_group_options options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_group *group;

	options.name = name;
	assert_int_equal(pawl_group_create(parent, &options, &group), 0);
	return group;
}

enum pawl_outcome acc_outcome(pawl_task_t task)
{
	struct pawl_result result;

	assert_int_equal(pawl_task_wait(acc_rt, task, PAWL_FOREVER, &result), 0);
	return result.outcome;
}

bool acc_goes_on(pawl_task_t task)
{
	struct pawl_result result;

	return pawl_task_result(acc_rt, task, &result) == -EINPROGRESS;
}

void acc_drop_all(const pawl_task_t *tasks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pawl_task_drop(acc_rt, tasks[i]), 0);
}
