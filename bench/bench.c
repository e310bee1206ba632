/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.c - the driver of the benches: options, calibration, repetitions,
 * statistics, the table and the JSON lines. The ideas are in bench.h, how to run
 * and read in README.md.
 *
 * A cell is one case at one number of threads. All cells of a bench with the
 * same parameters and threads form a group; the repetitions of a group are
 * interleaved (round-robin, each round starting with another cell).
 *
 * Noise: a group is marked when other processes (or the hypervisor) took more
 * than 5 % of a CPU while it ran, a cell when p10 and p90 of its repetitions
 * are more than 10 % apart.
 */
#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <pawl/version.h>

/* The compiler's flags, unless the environment says them. */
#ifndef B_FLAGS
#define B_FLAGS "unknown"
#endif

enum {
	B_CASES_MAX = 512,
	B_THREADS_MAX = 1024,
	B_REPS_MAX = 1001,
	B_EXTRAS_MAX = 8,
	B_SUB_BITS = 4,
	B_BUCKETS = 64 << B_SUB_BITS
};

#define B_BATCH_NS	50000
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
	bool skipped;
	unsigned reps;
	uint64_t batch;
	uint64_t ops;
	/* The smallest part of its fair share that a thread got. */
	double share_min;
	double ns_op[B_REPS_MAX];
	struct b_latency latency;
	struct {
		const char *name;
		double value;
	} extra[B_EXTRAS_MAX];
};

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

static struct {
	const struct b_case *cases[B_CASES_MAX];
	size_t case_count;

	unsigned threads[B_THREADS_MAX];
	size_t thread_counts;
	const char *filter;
	unsigned reps;
	unsigned time_ms;
	bool pin;
	bool brief;
	FILE *json;
	FILE *table;

	cpu_set_t allowed;
	int cpus[CPU_SETSIZE];
	unsigned cpu_count;

	char cpu_model[128];
	char kernel[128];
	char git[64];
	char date[32];
	double foreign_worst;

	/* Whose extras b_extra() fills. */
	struct cell *current;
} b;

void b_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

void *b_alloc(size_t bytes)
{
	size_t size = (bytes + PAWL_LINE_BYTES - 1) / PAWL_LINE_BYTES * PAWL_LINE_BYTES;
	void *ptr = aligned_alloc(PAWL_LINE_BYTES, size ? size : PAWL_LINE_BYTES);

	if (!ptr)
		b_die("no memory for %zu bytes", bytes);
	return memset(ptr, 0, size);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t b_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t b_cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void b_outside(uint64_t turns)
{
	for (uint64_t i = 0; i < turns; i++)
		b_use(i);
}

void b_register(const struct b_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (b.case_count == B_CASES_MAX)
			b_die("more than %d cases", B_CASES_MAX);
		b.cases[b.case_count++] = &cases[i];
	}
}

/* ---- latencies and extras ------------------------------------------------ */

static unsigned bucket_of(uint64_t ns)
{
	unsigned log;

	if (ns < 1u << B_SUB_BITS)
		return (unsigned)ns;
	log = 63 - (unsigned)__builtin_clzll(ns);
	return ((log - B_SUB_BITS + 1) << B_SUB_BITS) +
	       (unsigned)((ns >> (log - B_SUB_BITS)) & ((1u << B_SUB_BITS) - 1));
}

static uint64_t bucket_floor(unsigned bucket)
{
	unsigned row = bucket >> B_SUB_BITS;
	uint64_t sub = bucket & ((1u << B_SUB_BITS) - 1);

	if (row == 0)
		return sub;
	return ((uint64_t)(1u << B_SUB_BITS) + sub) << (row - 1);
}

void b_latency_add(struct b_worker *worker, uint64_t ns)
{
	struct b_latency *lat = worker->latency;

	lat->bucket[bucket_of(ns)]++;
	lat->count++;
	if (lat->max < ns)
		lat->max = ns;
}

static void latency_merge(struct b_latency *to, const struct b_latency *from)
{
	for (unsigned i = 0; i < B_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
	to->count += from->count;
	if (to->max < from->max)
		to->max = from->max;
}

static uint64_t latency_at(const struct b_latency *lat, double part)
{
	uint64_t want = (uint64_t)((double)lat->count * part);
	uint64_t seen = 0;

	for (unsigned i = 0; i < B_BUCKETS; i++) {
		seen += lat->bucket[i];
		if (seen > want)
			return bucket_floor(i);
	}
	return lat->max;
}

void b_extra(struct b_run *run, const char *name, double value)
{
	struct cell *cell = b.current;

	(void)run;
	for (unsigned i = 0; i < B_EXTRAS_MAX; i++) {
		if (!cell->extra[i].name) {
			cell->extra[i].name = name;
			cell->extra[i].value = value;
			return;
		}
		if (!strcmp(cell->extra[i].name, name)) {
			if (cell->extra[i].value < value)
				cell->extra[i].value = value;
			return;
		}
	}
	b_die("more than %d extra figures", B_EXTRAS_MAX);
}

/* ---- one repetition ------------------------------------------------------ */

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

	if (!b.pin)
		return;
	if (run->cas->one_cpu)
		pin_to(b.cpus[0]);
	else if (run->threads <= b.cpu_count)
		pin_to(b.cpus[lane->worker.index]);
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
		lane->end_ns = b_now_ns();
	}
	if (cas->leave)
		cas->leave(&lane->worker);
	return NULL;
}

struct outcome {
	double ns_op;
	uint64_t ops;
	double share_min;
};

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

/* Returns 0 or what setup said. */
static int repeat_once(struct cell *cell, enum b_mode mode, unsigned threads, uint64_t time_ns,
		       uint64_t batch, bool keep, struct outcome *ret_out)
{
	struct drive drive = {.run = {.cas = cell->cas, .threads = threads},
			      .mode = mode,
			      .batch = batch,
			      .time_ns = time_ns};
	struct lane *lanes;
	int err;

	b.current = cell;
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
		latency_merge(&cell->latency, &lanes[i].latency);
	if (cell->cas->teardown)
		cell->cas->teardown(&drive.run);
	if (!keep)
		memset(cell->extra, 0, sizeof(cell->extra));
	free(lanes);
	return 0;
}

/* Find the batch; this is the warm-up too. */
static void calibrate(struct cell *cell, const struct b_bench *bench, unsigned threads)
{
	uint64_t time_ns = (uint64_t)b.time_ms * 1000000u;
	struct outcome out;
	uint64_t n = bench->mode == B_TIMED ? 64 : 16;

	if (bench->mode == B_ROUNDS && bench->count) {
		cell->batch = b.brief ? bench->count / 100 + 1 : bench->count;
		return;
	}
	for (;;) {
		double ns;

		if (repeat_once(cell, bench->mode, threads, time_ns / 4, n, false, &out)) {
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

/* ---- how loaded the machine is ------------------------------------------- */

struct load {
	uint64_t wall_ns;
	double busy_s;
	double own_s;
};

static struct load load_read(void)
{
	struct load load = {.wall_ns = b_now_ns()};
	unsigned long long t[8] = {0};
	struct rusage usage;
	FILE *stat = fopen("/proc/stat", "r");

	if (stat) {
		if (fscanf(stat, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1],
			   &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) == 8)
			load.busy_s = (double)(t[0] + t[1] + t[2] + t[5] + t[6] + t[7]) /
				      (double)sysconf(_SC_CLK_TCK);
		fclose(stat);
	}
	getrusage(RUSAGE_SELF, &usage);
	load.own_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
	return load;
}

/* CPUs' worth of work that was not ours since `since`. */
static double load_foreign(const struct load *since)
{
	struct load now = load_read();
	double wall_s = (double)(now.wall_ns - since->wall_ns) * 1e-9;
	double foreign = (now.busy_s - since->busy_s) - (now.own_s - since->own_s);

	/* /proc/stat counts in hundredths of a second: less than three is nothing. */
	if (foreign < 0.03 || wall_s <= 0)
		return 0;
	return foreign / wall_s;
}

/* ---- figures out --------------------------------------------------------- */

static int by_value(const void *a, const void *c)
{
	double x = *(const double *)a;
	double y = *(const double *)c;

	return (x > y) - (x < y);
}

struct figures {
	double median;
	double min;
	double p10;
	double p90;
	double mad;
	double spread;
};

/* Sorts the repetitions. */
static struct figures figure(struct cell *cell)
{
	unsigned n = cell->reps;
	double away[B_REPS_MAX];
	struct figures f;

	qsort(cell->ns_op, n, sizeof(cell->ns_op[0]), by_value);
	f.median = (cell->ns_op[(n - 1) / 2] + cell->ns_op[n / 2]) / 2;
	f.min = cell->ns_op[0];
	f.p10 = cell->ns_op[(n - 1) / 10];
	f.p90 = cell->ns_op[(n - 1) - (n - 1) / 10];
	for (unsigned i = 0; i < n; i++)
		away[i] = cell->ns_op[i] > f.median ? cell->ns_op[i] - f.median
						    : f.median - cell->ns_op[i];
	qsort(away, n, sizeof(away[0]), by_value);
	f.mad = (away[(n - 1) / 2] + away[n / 2]) / 2;
	f.spread = f.median > 0 ? (f.p90 - f.p10) / f.median : 0;
	return f;
}

static void json_string(FILE *out, const char *name, const char *text)
{
	fprintf(out, ",\"%s\":\"", name);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if ((unsigned char)*text >= ' ')
			fputc(*text, out);
	}
	fputc('"', out);
}

static void json_line(const struct b_bench *bench, const struct cell *cell, unsigned threads,
		      const struct figures *f, double foreign)
{
	FILE *out = b.json;

	fprintf(out, "{\"bench\":\"%s\",\"contender\":\"%s\",\"params\":{%s},\"threads\":%u",
		bench->name, cell->cas->contender, cell->cas->params ? cell->cas->params : "",
		threads);
	fprintf(out, ",\"ns_op_median\":%.4g,\"ns_op_min\":%.4g,\"ns_op_p10\":%.4g", f->median,
		f->min, f->p10);
	fprintf(out, ",\"ns_op_p90\":%.4g,\"ns_op_mad\":%.4g,\"spread\":%.3f", f->p90, f->mad,
		f->spread);
	if (cell->latency.count)
		fprintf(out, ",\"op_ns_p50\":%llu,\"op_ns_p99\":%llu,\"op_ns_max\":%llu",
			(unsigned long long)latency_at(&cell->latency, 0.50),
			(unsigned long long)latency_at(&cell->latency, 0.99),
			(unsigned long long)cell->latency.max);
	fprintf(out, ",\"reps\":%u,\"ops\":%llu,\"share_min\":%.3f", cell->reps,
		(unsigned long long)cell->ops, cell->share_min);
	if (cell->cas->bytes)
		fprintf(out, ",\"bytes\":%zu", cell->cas->bytes);
	for (unsigned i = 0; i < B_EXTRAS_MAX && cell->extra[i].name; i++)
		fprintf(out, ",\"%s\":%.6g", cell->extra[i].name, cell->extra[i].value);
	fprintf(out, ",\"noisy\":%s,\"foreign_cpu\":%.3f,\"min_time_ms\":%u,\"pinned\":%s",
		foreign > B_FOREIGN_LIMIT || f->spread > B_SPREAD_LIMIT ? "true" : "false",
		foreign, b.time_ms,
		b.pin && (cell->cas->one_cpu || threads <= b.cpu_count) ? "true" : "false");
	json_string(out, "cpu", b.cpu_model);
	fprintf(out, ",\"cores\":%u", b.cpu_count);
	json_string(out, "kernel", b.kernel);
	json_string(out, "git", b.git);
#ifdef __clang__
	json_string(out, "compiler", "clang " __clang_version__);
#else
	json_string(out, "compiler", "gcc " __VERSION__);
#endif
	json_string(out, "flags", getenv("B_FLAGS") ? getenv("B_FLAGS") : B_FLAGS);
	json_string(out, "library", pawl_build_string());
	json_string(out, "date", b.date);
	fputs("}\n", out);
	fflush(out);
}

static void table_row(const struct cell *cell, const struct figures *f, double ours)
{
	char ratio[32] = "-";
	char bytes[32] = "-";

	if (ours > 0)
		snprintf(ratio, sizeof(ratio), "%.2f", f->median / ours);
	if (cell->cas->bytes)
		snprintf(bytes, sizeof(bytes), "%zu", cell->cas->bytes);
	fprintf(b.table, "  %-26s %10.2f %10.2f %10.2f %10.2f %7s %6s", cell->cas->contender,
		f->median, f->min, f->p10, f->p90, ratio, bytes);
	if (cell->share_min < 0.9)
		fprintf(b.table, "  share %.2f", cell->share_min);
	if (cell->latency.count)
		fprintf(b.table, "  p99 %llu max %llu",
			(unsigned long long)latency_at(&cell->latency, 0.99),
			(unsigned long long)cell->latency.max);
	for (unsigned i = 0; i < B_EXTRAS_MAX && cell->extra[i].name; i++)
		fprintf(b.table, "  %s %.4g", cell->extra[i].name, cell->extra[i].value);
	if (f->spread > B_SPREAD_LIMIT)
		fprintf(b.table, "  spread %.0f %%", f->spread * 100);
	fputc('\n', b.table);
}

static void group_print(const struct b_bench *bench, struct cell *cells, size_t count,
			unsigned threads, double foreign)
{
	const char *params = cells[0].cas->params;
	double ours = 0;

	fprintf(b.table, "\n%s%s%s, %u thread%s: %s\n", bench->name, params ? " " : "",
		params ? params : "", threads, threads == 1 ? "" : "s", bench->text);
	fprintf(b.table, "  %-26s %10s %10s %10s %10s %7s %6s\n", "ns/op", "median", "min",
		"p10", "p90", "x ours", "bytes");
	for (size_t i = 0; i < count; i++) {
		struct figures f;

		if (cells[i].skipped || !cells[i].reps) {
			fprintf(b.table, "  %-26s skipped\n", cells[i].cas->contender);
			continue;
		}
		f = figure(&cells[i]);
		if (ours <= 0 && !strcmp(cells[i].cas->contender, "pawl"))
			ours = f.median;
		table_row(&cells[i], &f, ours);
		json_line(bench, &cells[i], threads, &f, foreign);
	}
	if (foreign > B_FOREIGN_LIMIT)
		fprintf(b.table, "  NOISY: others used %.0f %% of a CPU meanwhile\n",
			foreign * 100);
	fflush(b.table);
}

/* ---- groups -------------------------------------------------------------- */

static void group_run(const struct b_bench *bench, struct cell *cells, size_t count,
		      unsigned threads)
{
	uint64_t time_ns = (uint64_t)b.time_ms * 1000000u;
	unsigned reps = bench->reps_max && bench->reps_max < b.reps ? bench->reps_max : b.reps;
	struct load load;
	double foreign;

	for (size_t i = 0; i < count; i++)
		calibrate(&cells[i], bench, threads);
	load = load_read();
	for (unsigned rep = 0; rep < reps; rep++) {
		for (size_t i = 0; i < count; i++) {
			struct cell *cell = &cells[(i + rep) % count];
			struct outcome out;

			if (cell->skipped)
				continue;
			if (repeat_once(cell, bench->mode, threads, time_ns, cell->batch, true,
					&out)) {
				cell->skipped = true;
				continue;
			}
			cell->ns_op[cell->reps++] = out.ns_op;
			cell->ops += out.ops;
			if (cell->reps == 1 || out.share_min < cell->share_min)
				cell->share_min = out.share_min;
		}
	}
	foreign = load_foreign(&load);
	if (b.foreign_worst < foreign)
		b.foreign_worst = foreign;
	group_print(bench, cells, count, threads, foreign);
}

static bool same_params(const struct b_case *a, const struct b_case *c)
{
	return a->threads == c->threads &&
	       !strcmp(a->params ? a->params : "", c->params ? c->params : "");
}

static bool wanted(const struct b_case *cas)
{
	const char *at = b.filter;
	char name[256];
	size_t len;

	if (!at)
		return true;
	snprintf(name, sizeof(name), "%s/%s/%s", cas->bench, cas->contender,
		 cas->params ? cas->params : "");
	for (; *at; at += len + (at[len] == ',')) {
		char word[128];

		len = strcspn(at, ",");
		snprintf(word, sizeof(word), "%.*s", (int)len, at);
		if (*word && strstr(name, word))
			return true;
	}
	return false;
}

/* Ours first, then as registered. */
static size_t group_collect(const struct b_bench *bench, const struct b_case *like, bool *done,
			    struct cell *cells)
{
	size_t count = 0;

	for (int ours = 1; ours >= 0; ours--) {
		for (size_t i = 0; i < b.case_count; i++) {
			const struct b_case *cas = b.cases[i];
			bool is_ours = !strncmp(cas->contender, "pawl", 4);

			if (done[i] || is_ours != (ours != 0) ||
			    strcmp(cas->bench, bench->name) || !same_params(cas, like) ||
			    !wanted(cas))
				continue;
			done[i] = true;
			cells[count++].cas = cas;
		}
	}
	return count;
}

/* `first`: cases with a number of threads of their own run now. */
static void bench_run(const struct b_bench *bench, unsigned threads, bool first)
{
	bool done[B_CASES_MAX] = {false};
	bool fits = (!bench->threads_min || threads >= bench->threads_min) &&
		    (!bench->threads_max || threads <= bench->threads_max);

	for (size_t i = 0; i < b.case_count; i++) {
		unsigned own = b.cases[i]->threads;
		struct cell *cells;
		size_t count;

		if (done[i] || strcmp(b.cases[i]->bench, bench->name) || !(own ? first : fits))
			continue;
		cells = b_alloc(b.case_count * sizeof(*cells));
		count = group_collect(bench, b.cases[i], done, cells);
		if (count)
			group_run(bench, cells, count, own ? own : threads);
		free(cells);
	}
}

/* ---- the machine --------------------------------------------------------- */

static void first_line_of(const char *command, char *buf, size_t len)
{
	FILE *pipe = popen(command, "r");

	if (!pipe)
		return;
	if (fgets(buf, (int)len, pipe))
		buf[strcspn(buf, "\n")] = '\0';
	pclose(pipe);
}

static void machine_read(void)
{
	struct utsname uts;
	const char *git = getenv("B_GIT");
	time_t now = time(NULL);
	struct tm tm;

	if (sched_getaffinity(0, sizeof(b.allowed), &b.allowed))
		b_die("sched_getaffinity: %s", strerror(errno));
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &b.allowed))
			b.cpus[b.cpu_count++] = cpu;
	snprintf(b.cpu_model, sizeof(b.cpu_model), "unknown");
	first_line_of("sed -n 's/^model name[^:]*: //p' /proc/cpuinfo", b.cpu_model,
		      sizeof(b.cpu_model));
	snprintf(b.kernel, sizeof(b.kernel), "unknown");
	if (!uname(&uts))
		snprintf(b.kernel, sizeof(b.kernel), "%.40s %.60s", uts.sysname, uts.release);
	snprintf(b.git, sizeof(b.git), "%s", git ? git : "unknown");
	if (!git)
		first_line_of("git describe --always --dirty --abbrev=12 2>/dev/null", b.git,
			      sizeof(b.git));
	gmtime_r(&now, &tm);
	strftime(b.date, sizeof(b.date), "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* ---- options ------------------------------------------------------------- */

static const char usage_text[] =
	"  --threads LIST     1,2 or 1..4 (default: 1 and the CPUs there are)\n"
	"  --filter WORDS     only benches whose BENCH/CONTENDER/PARAMS has one of the words (a,b)\n"
	"  --reps N           repetitions of each contender (default 11)\n"
	"  --min-time-ms N    length of one repetition (default 50)\n"
	"  --json FILE        result lines to FILE, the table to stdout (default: lines to stdout,\n"
	"                     the table to stderr)\n"
	"  --short            3 repetitions of 2 ms, small counts: shows that it runs, measures nothing\n"
	"  --no-pin           leave the threads where the system puts them\n"
	"  --list             say what there is\n";

static void usage(FILE *out, const char *program)
{
	fprintf(out, "usage: %s [options]\n%s", program, usage_text);
}

static unsigned number(const char *text, unsigned min, unsigned max, const char **ret_end)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || value < min || value > max)
		b_die("\"%s\" is not a number from %u to %u", text, min, max);
	*ret_end = end;
	return (unsigned)value;
}

static unsigned whole_number(const char *text, unsigned min, unsigned max)
{
	const char *end;
	unsigned value = number(text, min, max, &end);

	if (*end)
		b_die("\"%s\" is not a number", text);
	return value;
}

static void threads_parse(const char *text)
{
	b.thread_counts = 0;
	for (;;) {
		unsigned first = number(text, 1, B_THREADS_MAX, &text);
		unsigned last = first;

		if (!strncmp(text, "..", 2))
			last = number(text + 2, 1, B_THREADS_MAX, &text);
		for (; first <= last && b.thread_counts < B_THREADS_MAX; first++)
			b.threads[b.thread_counts++] = first;
		if (!*text)
			return;
		if (*text++ != ',')
			b_die("--threads takes 1,2 or 1..4");
	}
}

static void list(const struct b_bench *benches, size_t count)
{
	for (size_t k = 0; k < count; k++) {
		printf("%s: %s\n", benches[k].name, benches[k].text);
		for (size_t i = 0; i < b.case_count; i++)
			if (!strcmp(b.cases[i]->bench, benches[k].name) && wanted(b.cases[i]))
				printf("  %-26s %s\n", b.cases[i]->contender,
				       b.cases[i]->params ? b.cases[i]->params : "");
	}
}

static void json_open(const char *path)
{
	b.json = strcmp(path, "-") ? fopen(path, "w") : stdout;
	if (!b.json)
		b_die("%s: %s", path, strerror(errno));
	b.table = b.json == stdout ? stderr : stdout;
}

/* Returns true if only a list is wanted. */
static bool options(int argc, char **argv)
{
	static const struct option known[] = {
		{"threads", required_argument, NULL, 't'},
		{"filter", required_argument, NULL, 'f'},
		{"reps", required_argument, NULL, 'r'},
		{"min-time-ms", required_argument, NULL, 'm'},
		{"json", required_argument, NULL, 'j'},
		{"short", no_argument, NULL, 's'},
		{"no-pin", no_argument, NULL, 'p'},
		{"list", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	bool only_list = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (c) {
		case 't':
			threads_parse(optarg);
			break;
		case 'f':
			b.filter = optarg;
			break;
		case 'r':
			b.reps = whole_number(optarg, 1, B_REPS_MAX);
			break;
		case 'm':
			b.time_ms = whole_number(optarg, 1, 60000);
			break;
		case 'j':
			json_open(optarg);
			break;
		case 's':
			b.brief = true;
			b.reps = 3;
			b.time_ms = 2;
			break;
		case 'p':
			b.pin = false;
			break;
		case 'l':
			only_list = true;
			break;
		case 'h':
			usage(stdout, argv[0]);
			exit(0);
		default:
			usage(stderr, argv[0]);
			exit(2);
		}
	}
	if (optind != argc) {
		usage(stderr, argv[0]);
		exit(2);
	}
	return only_list;
}

int b_main(int argc, char **argv, const struct b_bench *benches, size_t count)
{
	double load[1] = {0};

	b.json = stdout;
	b.table = stderr;
	b.reps = 11;
	b.time_ms = 50;
	b.pin = true;
	machine_read();
	b.threads[b.thread_counts++] = 1;
	if (b.cpu_count > 1)
		b.threads[b.thread_counts++] = b.cpu_count;
	if (options(argc, argv)) {
		list(benches, count);
		return 0;
	}
	fprintf(b.table, "%s, %u CPUs, %s, git %s\n%s\n", b.cpu_model, b.cpu_count, b.kernel,
		b.git, pawl_build_string());
	if (getloadavg(load, 1) == 1 && load[0] > 0.3)
		fprintf(b.table, "NOISY: the load average is %.2f; wait for a quiet machine\n",
			load[0]);
	for (size_t k = 0; k < count; k++)
		for (size_t t = 0; t < b.thread_counts; t++)
			bench_run(&benches[k], b.threads[t], t == 0);
	if (b.foreign_worst > B_FOREIGN_LIMIT)
		fprintf(b.table,
			"\nNOISY: at worst others used %.0f %% of a CPU; do not quote these\n",
			b.foreign_worst * 100);
	if (b.json != stdout && fclose(b.json))
		b_die("writing the results: %s", strerror(errno));
	return 0;
}
