/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-bytes.c - programs and schedules from any bytes; serving a fuzzer.
 *
 * The first byte says how many decisions of the schedule follow, two bytes each; then come operations, each as long
 * as its kind is (the end of the last one is cut off: zeros). The first one makes a world, whatever it says. Nothing is
 * drawn: the numbers that are left (which of several waiters wakes, a compare-exchange that fails for nothing) come
 * from one seed. So a fuzzer that changes a byte changes one thing, and what it cuts off is not missed.
 *
 * fuzz/f-sched.c, the fuzzer's process, starts this program with a page of memory that both have, and asks for
 * one input after the other. Each life is a process of its own, so what a build with coverage counts goes to that memory,
 * too. Counted are blocks of the program's code, pairs of places between which another thread went on, and events.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "sim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../fuzz/f-sched.h"

static struct sched_shared *shared;

/* ---- what was reached ---- */

static uint8_t *counter_of(unsigned from, unsigned most, uint64_t number)
{
	return &shared->counters[from + (number * 0x9e3779b97f4a7c15u >> 40) % most];
}

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	uint8_t *counter;

	if (!shared || !sim_on)
		return;
	counter = counter_of(SCHED_BLOCKS, SCHED_SWITCHES - SCHED_BLOCKS,
			     (uint64_t)(uintptr_t)__builtin_return_address(0));
	if (*counter < 255)
		++*counter;
}

/* There are very many pairs: few numbers for them, and not how often, else each input is one that shows something new. */
void sim_switched(const void *from, const void *to)
{
	if (shared)
		*counter_of(SCHED_SWITCHES, SCHED_EVENTS - SCHED_SWITCHES,
			    (uint64_t)(uintptr_t)from * 31 + (uint64_t)(uintptr_t)to) = 1;
}

static void count_events(const struct sim_run *run)
{
	for (unsigned i = 0; i < SIM_EV_COUNT; i++)
		shared->counters[SCHED_EVENTS + i] =
			(uint8_t)(run->events[i] < 255 ? run->events[i] : 255);
}

/* ---- bytes ---- */

void sim_decode(struct sim_run *run, const uint8_t *bytes, size_t n)
{
	size_t at = 0;

	run->seed = 1;
	run->depth = 0;
	run->mode = SIM_BYTES;
	run->replay_n = run->ops_n = run->schedule_n = 0;
	if (n)
		run->schedule_n = bytes[at++];
	if (run->schedule_n > (n - at) / 2)
		run->schedule_n = (unsigned)((n - at) / 2);
	memcpy(run->schedule, bytes + at, 2 * run->schedule_n);
	for (at += 2 * run->schedule_n; at < n && run->ops_n < SIM_OPS;) {
		struct sim_op *op = &run->ops[run->ops_n];
		size_t length = sim_program_bytes(run->ops_n ? bytes[at] : 0);

		length = length < n - at ? length : n - at;
		memcpy(op->bytes, bytes + at, length);
		op->n = (uint8_t)length;
		if (!run->ops_n++)
			op->bytes[0] = 0;
		at += length;
	}
}

bool sim_read_bytes(struct sim_run *run, const char *path)
{
	static uint8_t bytes[1u << 16];
	FILE *file = fopen(path, "rb");
	size_t n;

	if (!file) {
		perror(path);
		return false;
	}
	n = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	sim_decode(run, bytes, n);
	run->steps_most = SCHED_STEPS;
	return true;
}

bool sim_write_bytes(struct sim_run *run, const char *path)
{
	struct sim_random drawn = {run->seed};
	FILE *file = fopen(path, "wb");
	uint8_t schedule[1 + 2 * 16] = {16};

	if (!file)
		return false;
	for (unsigned i = 1; i < sizeof(schedule); i++)
		schedule[i] = (uint8_t)sim_draw(&drawn);
	fwrite(schedule, 1, sizeof(schedule), file);
	for (unsigned i = 0; i < run->ops_n && i < 12; i++)
		fwrite(run->ops[i].bytes, 1, sim_program_bytes(run->ops[i].bytes[0]), file);
	return fclose(file) == 0;
}

/* ---- serving ---- */

int sim_serve(void)
{
	struct sim_run *run = sim_run_new();
	char go;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, SCHED_FD, 0);
	if (shared == MAP_FAILED) {
		perror("sim");
		return 2;
	}
	while (read(SCHED_GO, &go, 1) == 1) {
		memset(shared->counters, 0, sizeof(shared->counters));
		sim_decode(run, shared->bytes, shared->n);
		run->steps_most = SCHED_STEPS;
		shared->failed = !sim_run_once(run);
		count_events(run);
		snprintf(shared->what, sizeof(shared->what), "%s", run->what);
		if (write(SCHED_DONE, &go, 1) != 1)
			return 2;
	}
	return 0;
}
