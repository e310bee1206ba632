/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * f-sched.c - the whole engine under libFuzzer: bytes that are a program and a schedule (verify/sim/sim-bytes.c).
 *
 * The simulator has a run-time of its own in place of the sanitizers', wraps what libFuzzer calls as well, and makes a
 * process of each life. So it is another program, which this one starts and feeds: what that has reached, it counts in
 * memory that both have, and here it becomes what libFuzzer takes for coverage (its extra counters). An input that fails
 * ends this process, and libFuzzer keeps it; `sim --bytes FILE` tells more of it, `--shrink` makes a file for
 * verify/sim/found. The simulator's path is in FUZZ_SIM.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "f-sched.h"

/* Read by libFuzzer alone, which finds it by its section. */
extern uint8_t sched_counters[SCHED_COUNTERS];
__attribute__((section("__libfuzzer_extra_counters"), used))
uint8_t sched_counters[SCHED_COUNTERS];
static struct sched_shared *shared;
static int go, done;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "f-sched: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* Out of the way of the numbers that the other program expects. */
static int high(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 20);

	must(copy >= 0, "a descriptor");
	close(fd);
	return copy;
}

static void start(int memory, const int *begins, const int *ends)
{
	const char *path = getenv("FUZZ_SIM");
	pid_t pid = fork();

	must(path && pid >= 0, "no simulator");
	if (pid)
		return;
	must(dup2(memory, SCHED_FD) >= 0 && dup2(begins[0], SCHED_GO) >= 0 &&
		     dup2(ends[1], SCHED_DONE) >= 0,
	     "descriptors");
	execl(path, path, "--serve", (char *)NULL);
	must(0, path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int begins[2], ends[2], memory = memfd_create("sched", 0);

	(void)argc;
	(void)argv;
	must(memory >= 0 && !ftruncate(memory, sizeof(*shared)), "memory");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	must(shared != MAP_FAILED && !pipe(begins) && !pipe(ends), "pipes");
	memory = high(memory);
	for (int i = 0; i < 2; i++) {
		begins[i] = high(begins[i]);
		ends[i] = high(ends[i]);
	}
	start(memory, begins, ends);
	close(begins[0]);
	close(ends[1]);
	go = begins[1];
	done = ends[0];
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char byte = 0;
	ssize_t got;

	if (size > SCHED_MOST)
		return 0;
	memcpy(shared->bytes, data, size);
	shared->n = (uint32_t)size;
	must(write(go, &byte, 1) == 1, "the simulator has gone");
	/* libFuzzer has an alarm. */
	while ((got = read(done, &byte, 1)) < 0 && errno == EINTR)
		;
	must(got == 1, "the simulator has gone");
	memcpy(sched_counters, shared->counters, sizeof(sched_counters));
	if (shared->failed) {
		fprintf(stderr, "f-sched: failed: %s\n", shared->what);
		abort();
	}
	return 0;
}
