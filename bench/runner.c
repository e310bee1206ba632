/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runner.c - one repetition of one cell, and how large a batch is.
 */
#include "driver.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define B_BATCH_NS 50000

/* What the threads of one repetition share with the driver. */
struct drive {
	struct b_run run;
	enum b_mode mode;
	uint64_t batch;
	uint64_t time_ns;
	struct pawl_atomic_u32 arrived;
};

struct lane {
	struct b_worker worker;
	struct drive *drive;
	pthread_t thread;
	uint64_t begin_ns;
	uint64_t end_ns;
	uint64_t ops;
	struct b_latency latency;
};

static void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
		b_die("cannot pin a thread to CPU %d", cpu);
}

static void pin_lane(const struct lane *lane)
{
	const struct b_run *run = &lane->drive->run;

	if (!b_drv.pin || run->cas->anywhere)
		return;
	if (run->cas->one_cpu)
		pin_to(b_drv.cpus[0]);
	else if (run->threads <= b_drv.cpu_count)
		pin_to(b_drv.cpus[lane->worker.index]);
}

static void meet(struct drive *drive)
{
	pawl_add_acq_rel(&drive->arrived, 1u);
	while (pawl_load_acquire(&drive->arrived) < drive->run.threads)
		sched_yield();
}

static void lane_timed(struct lane *lane)
{
	struct drive *drive = lane->drive;
	struct b_worker *worker = &lane->worker;
	const struct b_case *cas = drive->run.cas;
	uint64_t batch = drive->batch;

	lane->begin_ns = b_now_ns();
	do {
		cas->work(worker, batch);
		lane->ops += batch;
		if (worker->index == 0 && b_now_ns() - lane->begin_ns >= drive->time_ns)
			pawl_store_relaxed(&drive->run.stop, 1u);
	} while (!pawl_load_relaxed(&drive->run.stop));
	lane->end_ns = b_now_ns();
}

static void *lane_main(void *arg)
{
	struct lane *lane = arg;
	struct drive *drive = lane->drive;
	const struct b_case *cas = drive->run.cas;

	if (cas->enter)
		cas->enter(&lane->worker);
	pin_lane(lane);
	meet(drive);
	if (drive->mode == B_TIMED) {
		lane_timed(lane);
	} else {
		lane->begin_ns = b_now_ns();
		cas->work(&lane->worker, drive->batch);
		lane->ops = drive->batch;
		lane->end_ns = lane->worker.spent_ns ? lane->begin_ns + lane->worker.spent_ns
						     : b_now_ns();
	}
	if (cas->leave)
		cas->leave(&lane->worker);
	return NULL;
}

static struct outcome lanes_sum(const struct lane *lanes, const struct drive *drive)
{
	struct outcome out = {.share_min = 1};
	uint64_t first = UINT64_MAX;
	uint64_t last = 0;
	uint64_t time = 0;
	uint64_t fewest = UINT64_MAX;
	unsigned counted = 0;

	for (unsigned i = 0; i < drive->run.threads; i++) {
		const struct lane *lane = &lanes[i];

		if (lane->worker.uncounted)
			continue;
		counted++;
		out.ops += lane->ops;
		time += lane->end_ns - lane->begin_ns;
		first = first < lane->begin_ns ? first : lane->begin_ns;
		last = last > lane->end_ns ? last : lane->end_ns;
		fewest = fewest < lane->ops ? fewest : lane->ops;
	}
	if (drive->mode == B_TIMED)
		out.ns_op = (double)time / (double)out.ops;
	else
		out.ns_op = (double)(last - first) / (double)drive->batch;
	out.share_min = (double)fewest * counted / (double)out.ops;
	return out;
}

/* Returns 0 or what prepare or setup said. */
int b_repeat_once(struct cell *cell, enum b_mode mode, unsigned threads, uint64_t time_ns,
		  uint64_t batch, bool keep, struct outcome *ret_out)
{
	struct drive drive = {.run = {.cas = cell->cas,
				      .threads = threads,
				      .count = mode == B_ROUNDS ? batch : 0},
			      .mode = mode,
			      .batch = batch,
			      .time_ns = time_ns};
	struct lane *lanes;
	int err;

	b_drv.current = cell;
	if (cell->cas->prepare && !cell->is_prepared) {
		err = cell->cas->prepare(cell->cas, &cell->prepared);
		if (err)
			return err;
		cell->is_prepared = true;
	}
	drive.run.prepared = cell->prepared;
	err = cell->cas->setup ? cell->cas->setup(&drive.run) : 0;
	if (err)
		return err;
	lanes = b_alloc(threads * sizeof(*lanes));
	for (unsigned i = 0; i < threads; i++) {
		lanes[i].drive = &drive;
		lanes[i].worker.run = &drive.run;
		lanes[i].worker.index = i;
		lanes[i].worker.threads = threads;
		lanes[i].worker.random = 0x9e3779b97f4a7c15u * (i + 1);
		lanes[i].worker.latency = &lanes[i].latency;
		err = pthread_create(&lanes[i].thread, NULL, lane_main, &lanes[i]);
		if (err)
			b_die("cannot start a thread: %s", strerror(err));
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(lanes[i].thread, NULL);
	*ret_out = lanes_sum(lanes, &drive);
	for (unsigned i = 0; keep && i < threads; i++)
		b_latency_merge(&cell->latency, &lanes[i].latency);
	if (cell->cas->teardown)
		cell->cas->teardown(&drive.run);
	if (!keep)
		memset(cell->extra, 0, sizeof(cell->extra));
	free(lanes);
	return 0;
}

void b_discard(struct cell *cell)
{
	if (cell->is_prepared && cell->cas->discard)
		cell->cas->discard(cell->prepared);
	cell->is_prepared = false;
}

/* Find the batch; this is the warm-up too. */
void b_calibrate(struct cell *cell, const struct b_bench *bench, unsigned threads)
{
	uint64_t time_ns = (uint64_t)b_drv.time_ms * 1000000u;
	struct outcome out;
	uint64_t n = bench->mode == B_TIMED ? 64 : 16;
	uint64_t count;

	count = cell->cas->count ? cell->cas->count : bench->count;
	if (bench->mode == B_ROUNDS && count) {
		cell->batch = b_drv.brief && !cell->cas->whole ? count / 100 + 1 : count;
		return;
	}
	for (;;) {
		double ns;

		if (b_repeat_once(cell, bench->mode, threads, time_ns / 4, n, false, &out)) {
			cell->skipped = true;
			return;
		}
		ns = out.ns_op > 0.01 ? out.ns_op : 0.01;
		if (bench->mode == B_TIMED) {
			cell->batch = (uint64_t)(B_BATCH_NS / ns) + 1;
			return;
		}
		if (ns * (double)n >= (double)time_ns / 4) {
			cell->batch = (uint64_t)((double)time_ns / ns) + 1;
			return;
		}
		n *= 4;
	}
}
