/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process-runner.c - run commands, N at a time: process-runner [-j N] [-t SECONDS] [COMMAND ...]
 * Without COMMAND they are the lines of the input. Status: 0: all ended with 0; 1: not; 2: usage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pawl/atomic.h>
#include <pawl/group.h>
#include <pawl/io.h>
#include <pawl/park.h>
#include <pawl/thread.h>

static struct pawl_runtime *runtime;
static struct pawl_atomic_u64 next, failures;
static uint64_t limit_ns = PAWL_FOREVER;
static char **commands;
static size_t count;

/* What it wrote, in one piece. stdout's lock is held across no wait of Pawl. */
static void show(const char *command, int output, int error, int code)
{
	char text[4096];
	ssize_t n;

	flockfile(stdout);
	printf("== %s: %s %d\n", command, error == -ETIMEDOUT ? "deadline" : "status", code);
	lseek(output, 0, SEEK_SET);
	while ((n = read(output, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)n, stdout);
	funlockfile(stdout);
}

/* Each runner has one command at a time, so there are as many runners as commands run at once. */
static int runner(void *null, void **ret_value)
{
	struct pawl_process_options options = PAWL_PROCESS_OPTIONS_INIT;
	size_t i;

	(void)ret_value;
	while ((i = pawl_add_relaxed(&next, 1u)) < count) {
		const char *argv[] = {"/bin/sh", "-c", commands[i], NULL};
		struct pawl_process_status status = {127, 0, false};
		int error;

		options.argv = argv;
		options.fds[0] = *(int *)null;
		options.fds[1] = options.fds[2] = memfd_create("output", MFD_CLOEXEC);
		/* The body waits, its worker does not. After the deadline: SIGTERM, then SIGKILL. */
		error = pawl_process_run(runtime, &options, pawl_deadline_in(limit_ns),
					 &status);
		if (error || status.exit_code)
			pawl_add_relaxed(&failures, 1u);
		show(commands[i], options.fds[1], error,
		     status.signal ? 128 + status.signal : status.exit_code);
		close(options.fds[1]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	long runners = sysconf(_SC_NPROCESSORS_ONLN);
	int option, error = 0, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct pawl_group *group;
	char *line = NULL;
	size_t room = 0;

	while ((option = getopt(argc, argv, "j:t:")) != -1) {
		if (option == '?')
			return 2;
		if (option == 'j')
			runners = atol(optarg);
		else
			limit_ns = (uint64_t)(atof(optarg) * 1e9);
	}
	count = (size_t)(argc - optind);
	commands = count ? argv + optind : NULL;
	while (optind == argc && getline(&line, &room, stdin) > 0) {
		line[strcspn(line, "\n")] = 0;
		commands = realloc(commands, (count + 1) * sizeof(*commands));
		if (!commands)
			return 2;
		commands[count++] = line;
		line = NULL;
	}
	free(line);
	if (pawl_thread_attach("main") || pawl_runtime_create(NULL, &runtime))
		return 2;
	group = pawl_runtime_root(runtime);
	for (long i = 0; i < runners && !error; i++)
		error = pawl_spawn(group, NULL, runner, &null, NULL);
	pawl_group_close(group);
	if (error || pawl_group_wait(group, PAWL_FOREVER) ||
	    pawl_runtime_shutdown(runtime, PAWL_FOREVER, NULL) || pawl_runtime_destroy(runtime))
		return 2;
	pawl_thread_detach();
	return runners < 1 ? 2 : pawl_load_relaxed(&failures) ? 1 : 0;
}
