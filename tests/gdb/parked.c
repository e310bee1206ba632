/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parked.c - a program with bodies that wait, for tests/gdb/run.sh to look at.
 */
#include <pawl.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/runtime.h>

static struct pawl_runtime *rt;
static struct pawl_event cellar;

/* Frames to be seen: what comes after a call keeps it from being a jump. */
static inline int seen(int error)
{
	__asm__ __volatile__("" : "+r"(error));
	return error;
}

static PAWL_NOINLINE int waits_in_the_cellar(unsigned steps)
{
	struct pawl_listener listener;

	if (steps)
		return seen(waits_in_the_cellar(steps - 1));
	pawl_event_listen(&cellar, &listener, "the cellar door", 42);
	return seen(pawl_wait(&listener, PAWL_FOREVER));
}

static int goes_down(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	return seen(waits_in_the_cellar(3));
}

static int sends_another(void *arg, void **ret_value)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	pawl_task_t task;
	int error;

	(void)arg;
	(void)ret_value;
	options.name = "another";
	error = pawl_spawn(pawl_runtime_root(rt), &options, goes_down, NULL, &task);
	if (!error)
		error = pawl_task_wait(rt, task, PAWL_FOREVER, NULL);
	return seen(error);
}

/* Where the debugger stops. */
PAWL_NOINLINE void all_are_parked(void);
PAWL_NOINLINE void all_are_parked(void)
{
	__asm__ __volatile__("" ::: "memory");
}

static bool parked(void)
{
	struct pawl_task_info infos[4];
	unsigned waiting = 0, asleep = 0;
	size_t n = pawl_group_tasks(pawl_runtime_root(rt), 4, infos);

	for (size_t i = 0; i < n && i < 4; i++) {
		waiting += infos[i].state == PAWL_TASK_WAITING;
		asleep += infos[i].waited_ns != 0;
	}
	/* One worker: the sender runs the other one, or has parked before. */
	return n == 3 && waiting == 3 && asleep >= 2;
}

static int spawn(const char *name, pawl_body_fn *body)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	options.name = name;
	return pawl_spawn(pawl_runtime_root(rt), &options, body, NULL, NULL);
}

int main(void)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_fiber_config config = PAWL_FIBER_CONFIG_INIT;

	options.workers = 1;
	/* With these guards gdb can read a slab of stacks, to write it into a core file. */
	config.guard = PAWL_FIBER_GUARD_MPROTECT;
	pawl_event_init(&cellar);
	if (pawl_thread_attach("main") || pawl_fiber_configure(&config) ||
	    pawl_runtime_create(&options, &rt))
		return 1;
	if (spawn("alone", goes_down) || spawn("sender", sends_another))
		return 1;
	while (!parked())
		pawl_yield();
	all_are_parked();
	pawl_event_notify_all(&cellar);
	if (pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL) || pawl_runtime_destroy(rt))
		return 1;
	pawl_thread_detach();
	return 0;
}
