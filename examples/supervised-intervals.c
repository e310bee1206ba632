/* SPDX-License-Identifier: BSD-2-Clause */
/* supervised-intervals.c - two tasks that run again and again; one fails at times, and is restarted. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/group.h>
#include <pawl/thread.h>
#include <pawl/timer.h>

#define MS UINT64_C(1000000)

static struct pawl_atomic_u64
	clock_ns; /* a clock of our own, so that all prints the same each time */

static uint64_t now(void *arg)
{
	(void)arg;
	return pawl_load_acquire(&clock_ns);
}

static void say(const char *who, const char *what)
{
	printf("%4u ms: %s %s\n", (unsigned)(now(NULL) / MS), who, what);
}

static int call(void *name, uint64_t tick)
{
	static unsigned failures;

	if (!strcmp(name, "prober") && tick == 1 && failures++ < 2)
		pawl_exit(-EIO, "got no answer");
	say(name, "is called");
	return 0;
}

static void sink(void *arg, const struct pawl_diagnostic *diagnostic)
{
	(void)arg;
	if (diagnostic->kind == PAWL_DIAGNOSTIC_RESTARTED)
		say(diagnostic->name, diagnostic->message);
}

int main(void)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_group_options policy = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_interval_options often = PAWL_INTERVAL_OPTIONS_INIT;
	static char names[2][9] = {"reporter", "prober"};
	struct pawl_runtime *runtime;
	struct pawl_group *group;
	uint64_t next_ns;

	options.now = now;
	options.sink = sink;
	/* Three restarts in a minute, after 100, 200, 400 ms; a fourth failure ends the group. */
	policy.policy = PAWL_FAILURE_RESTART;
	policy.restarts = 3;
	policy.backoff_ns = 100 * MS;
	if (pawl_thread_attach("main") || pawl_runtime_create(&options, &runtime) ||
	    pawl_group_create(pawl_runtime_root(runtime), &policy, &group))
		return 1;
	often.period_ns = 1000 * MS;
	for (int i = 0; i < 2; i++) {
		often.first_ns = (200 + 500 * i) * MS;
		often.task.name = names[i];
		if (pawl_interval_spawn(group, &often, call, names[i], NULL))
			return 1;
	}
	/* When nothing can run before some deadline, it is that time. */
	while ((next_ns = pawl_runtime_quiet_until(runtime)) < 4000 * MS) {
		if (next_ns) {
			pawl_store_release(&clock_ns, next_ns);
			pawl_runtime_clock_moved(runtime);
		}
		pawl_yield();
	}
	pawl_group_put(
		group); /* it stays as long as something lives in it: until the shutdown */
	if (pawl_runtime_shutdown(runtime, PAWL_FOREVER, NULL) || pawl_runtime_destroy(runtime))
		return 1;
	pawl_thread_detach();
	return 0;
}
