/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program with a loop of libuv's: bodies run on the loop's own thread, between its callbacks. There is no
 * other worker; the loop sleeps until the runtime has something to do.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/host.h>
#include <pawl/timer.h>

static struct pawl_runtime *rt;
static uv_poll_t watch;

static void check(int error, const char *what)
{
	if (error < 0) {
		fprintf(stderr, "%s: %d\n", what, error);
		exit(1);
	}
}

/* The loop sleeps in an idle stretch, which a step leaves. */
static void on_readable(uv_poll_t *handle, int status, int events)
{
	(void)handle, (void)events;
	check(status, "poll");
	pawl_rcu_idle_leave();
	check(pawl_host_step(rt, 64), "step");
	pawl_rcu_idle_enter();
}

/* On the loop's thread, so it may call libuv. Fails twice, and is run again each time. */
static int tick(void *arg, uint64_t number)
{
	int *calls = arg;

	printf("tick %" PRIu64 "\n", number);
	if (++*calls == 2 || *calls == 3)
		return -1;
	if (number < 3)
		return 0;
	uv_close((uv_handle_t *)&watch, NULL);
	return 1;
}

int main(void)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_group_options supervised = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_interval_options interval = PAWL_INTERVAL_OPTIONS_INIT;
	struct pawl_group *group;
	int calls = 0;

	check(pawl_thread_attach("loop"), "attach");
	options.workers = options.host = 1;
	check(pawl_runtime_create(&options, &rt), "create");
	supervised.policy = PAWL_FAILURE_RESTART;
	supervised.backoff_ns = 1000000;
	check(pawl_group_create(pawl_runtime_root(rt), &supervised, &group), "group");
	interval.period_ns = 5000000;
	interval.missed = PAWL_MISSED_BURST;
	check(pawl_interval_spawn(group, &interval, tick, &calls, NULL), "interval");

	check(uv_poll_init(uv_default_loop(), &watch, pawl_host_fd(rt)), "poll");
	check(uv_poll_start(&watch, UV_READABLE, on_readable), "poll");
	pawl_rcu_idle_enter();
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	pawl_rcu_idle_leave();

	pawl_group_put(group);
	check(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), "shutdown");
	check(pawl_runtime_destroy(rt), "destroy");
	pawl_thread_detach();
	return uv_loop_close(uv_default_loop()) || calls != 6;
}
