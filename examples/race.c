/* SPDX-License-Identifier: BSD-2-Clause */
/* race.c - ask three servers, take the first answer; those that lost are cancelled and waited for. */
#include <errno.h>
#include <stdio.h>

#include <pawl/atomic.h>
#include <pawl/join.h>
#include <pawl/thread.h>

static struct pawl_atomic_u64 clock_ns; /* a clock of our own: nobody really waits */

static uint64_t now(void *arg)
{
	(void)arg;
	return pawl_load_acquire(&clock_ns);
}

static struct server {
	const char *name;
	uint64_t answers_ns;
	int error;
} servers[3] = {{"red", 10, -ECONNREFUSED}, {"green", 20, 0}, {"blue", 30, 0}};

static void disconnect(void *server)
{
	printf("%u ns: %s hangs up\n", (unsigned)now(NULL), ((struct server *)server)->name);
}

static int ask(void *arg, void **ret_value)
{
	struct server *server = arg;
	struct pawl_cleanup cleanup;
	int error;

	pawl_cleanup_push(&cleanup, disconnect,
			  server);		      /* called even if it is forced to end */
	error = pawl_sleep_until(server->answers_ns); /* stands for pawl_fd_wait() */
	pawl_cleanup_pop(&cleanup, true);
	*ret_value = server;
	return error ? error : server->error; /* -ECANCELED: it lost */
}

static int race(void *runtime, void **ret_value)
{
	pawl_task_t tasks[3];
	size_t winner = 3;
	int error = 0;

	for (int i = 0; i < 3 && !error; i++)
		error = pawl_spawn(pawl_runtime_root(runtime), NULL, ask, &servers[i],
				   &tasks[i]);
	/* RACE would take the first end, which is the refusal. At the return all three are over. */
	if (!error)
		error = pawl_join(runtime, PAWL_JOIN_ANY, tasks, 3, PAWL_FOREVER, NULL,
				  &winner);
	for (int i = 0; i < 3 && !error; i++)
		pawl_task_drop(runtime, tasks[i]);
	*ret_value = winner < 3 ? &servers[winner] : NULL;
	return error;
}

int main(void)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_runtime *runtime;
	struct pawl_result result;
	pawl_task_t task;

	options.now = now;
	if (pawl_thread_attach("main") || pawl_runtime_create(&options, &runtime) ||
	    pawl_spawn(pawl_runtime_root(runtime), NULL, race, runtime, &task))
		return 1;
	/* When nothing can run before some deadline, it is that time. */
	while (pawl_task_result(runtime, task, &result) == -EINPROGRESS) {
		uint64_t next_ns = pawl_runtime_quiet_until(runtime);

		if (next_ns && next_ns != PAWL_FOREVER) {
			pawl_store_release(&clock_ns, next_ns);
			pawl_runtime_clock_moved(runtime);
		}
		pawl_yield();
	}
	if (result.value)
		printf("%s won\n", ((struct server *)result.value)->name);
	if (pawl_runtime_shutdown(runtime, PAWL_FOREVER, NULL) || pawl_runtime_destroy(runtime))
		return 1;
	pawl_thread_detach();
	return 0;
}
