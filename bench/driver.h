/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver.h - what the files of the driver share; benches see bench.h alone.
 *
 *  options.c  the command line
 *  bench.c    which cells there are, in which order they run
 *  runner.c   one repetition of one cell, and how long a batch is
 *  stats.c    latencies, medians, scatter
 *  machine.c  what the machine is, and what else it does meanwhile
 *  output.c   the table and the JSON lines
 *
 * A cell is one case at one number of threads. All cells of a bench with the same parameters and
 * threads form a group; the repetitions of a group are interleaved (round-robin, each round starting
 * with another cell).
 */
#ifndef B_DRIVER_H
#define B_DRIVER_H

#include "bench.h"

#include <sched.h>

enum {
	B_CASES_MAX = 512,
	B_THREADS_MAX = 1024,
	B_REPS_MAX = 1001,
	B_EXTRAS_MAX = 8,
	/* What counts its operations by itself and has so many keys is not repeated more often than that. */
	B_KEYS_LARGE = 200000,
	B_REPS_LARGE = 5,
	B_SUB_BITS = 4,
	B_BUCKETS = 64 << B_SUB_BITS
};

/*
 * A group is noisy when others took more than this part of a CPU while it ran, a cell when p10 and
 * p90 of its repetitions are further apart than this.
 */
#define B_FOREIGN_LIMIT 0.05
#define B_SPREAD_LIMIT	0.10

/* Log-linear: 16 buckets for each power of two, so within 6 %. */
struct b_latency {
	uint64_t bucket[B_BUCKETS];
	uint64_t max;
	uint64_t count;
};

struct cell {
	const struct b_case *cas;
	void *prepared;
	bool is_prepared;
	bool skipped;
	unsigned reps;
	uint64_t batch;
	uint64_t ops;
	/* The smallest part of its fair share that a thread got. */
	double share_min;
	/* In the order in which they were measured. */
	double ns_op[B_REPS_MAX];
	struct b_latency latency;
	struct {
		const char *name;
		double value;
	} extra[B_EXTRAS_MAX];
};

struct outcome {
	double ns_op;
	uint64_t ops;
	double share_min;
};

struct figures {
	double median;
	double min;
	double p10;
	double p90;
	double mad;
	double spread;
};

/* The driver's own state. Main thread only, but for `pin` and `cpus`, which lanes read. */
struct b_driver {
	const struct b_case *cases[B_CASES_MAX];
	size_t case_count;

	/* Options. */
	unsigned threads[B_THREADS_MAX];
	size_t thread_counts;
	const char *filter;
	unsigned reps;
	unsigned time_ms;
	uint64_t keys_max;
	uint64_t deadline_ns; /* 0: none */
	bool pin;
	bool brief;
	FILE *json;
	FILE *table;

	/* The machine. */
	cpu_set_t allowed;
	int cpus[CPU_SETSIZE];
	unsigned cpu_count;
	char cpu_model[128];
	char kernel[128];
	char allocator[64];
	char git[64];
	char date[32];
	double foreign_worst;

	/* Whose extras b_extra() fills. */
	struct cell *current;
};
extern struct b_driver b_drv;

/* options.c: true if only a list is wanted. */
bool b_options(int argc, char **argv);

/* bench.c */
bool b_wanted(const struct b_case *cas);

/* runner.c */
int b_repeat_once(struct cell *cell, enum b_mode mode, unsigned threads, uint64_t time_ns,
		  uint64_t batch, bool keep, struct outcome *ret_out);
void b_calibrate(struct cell *cell, const struct b_bench *bench, unsigned threads);
void b_discard(struct cell *cell);

/* stats.c */
void b_latency_merge(struct b_latency *to, const struct b_latency *from);
uint64_t b_latency_at(const struct b_latency *lat, double part);
struct figures b_figure(const struct cell *cell);

/* machine.c */
struct b_load {
	uint64_t wall_ns;
	double busy_s;
	double own_s;
};
struct b_load b_load_read(void);
/* CPUs' worth of work that was not ours since `since`. */
double b_load_foreign(const struct b_load *since);
void b_machine_read(void);

/* output.c */
void b_group_print(const struct b_bench *bench, const struct cell *cells, size_t count,
		   unsigned threads, double foreign);

#endif
