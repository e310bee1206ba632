/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.c - the driver of the benches: cases, groups, main(). The ideas are in bench.h, the
 * other files of the driver in driver.h, how to run and read in README.md.
 */
#include "driver.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pawl/version.h>

struct b_driver b_drv;

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
		if (b_drv.case_count == B_CASES_MAX)
			b_die("more than %d cases", B_CASES_MAX);
		b_drv.cases[b_drv.case_count++] = &cases[i];
	}
}

/* ---- which cases --------------------------------------------------------- */

/* The parameter that says how large the thing is; 0: none. */
static uint64_t case_keys(const struct b_case *cas)
{
	static const char name[] = "\"keys\":";
	const char *at = cas->params ? strstr(cas->params, name) : NULL;

	return at ? strtoull(at + sizeof(name) - 1, NULL, 10) : 0;
}

static bool same_params(const struct b_case *a, const struct b_case *c)
{
	return a->threads == c->threads &&
	       !strcmp(a->params ? a->params : "", c->params ? c->params : "");
}

/* Is it in there, a number at its end as a whole? */
static bool has_part(const char *name, const char *part, size_t len)
{
	bool number = len && isdigit((unsigned char)part[len - 1]);

	for (; *name; name++) {
		if (!strncmp(name, part, len) && !(number && isdigit((unsigned char)name[len])))
			return true;
	}
	return false;
}

/* WORD,WORD: one of them; PART+PART: all of these. */
bool b_wanted(const struct b_case *cas)
{
	const char *at = b_drv.filter;
	bool all = true;
	char name[256];
	size_t len;

	if (b_drv.keys_max && case_keys(cas) > b_drv.keys_max)
		return false;
	if (!at)
		return true;
	snprintf(name, sizeof(name), "%s/%s/%s", cas->bench, cas->contender,
		 cas->params ? cas->params : "");
	for (; *at; at += len + !!at[len]) {
		len = strcspn(at, ",+");
		all = all && len && has_part(name, at, len);
		if (at[len] == '+')
			continue;
		if (all)
			return true;
		all = true;
	}
	return false;
}

/* ---- groups -------------------------------------------------------------- */

struct group {
	const struct b_bench *bench;
	const struct b_case *like;
	unsigned threads;
};

/* Ours first, then as registered. */
static size_t group_collect(const struct group *group, struct cell *cells)
{
	size_t count = 0;

	for (int ours = 1; ours >= 0; ours--) {
		for (size_t i = 0; i < b_drv.case_count; i++) {
			const struct b_case *cas = b_drv.cases[i];
			bool is_ours = !strncmp(cas->contender, "pawl", 4);

			if (is_ours == (ours != 0) && !strcmp(cas->bench, group->bench->name) &&
			    same_params(cas, group->like) && b_wanted(cas))
				cells[count++].cas = cas;
		}
	}
	return count;
}

/* The repetitions of a group, until `until_ns` (0: all), but one of each at least. */
static void group_repeat(const struct group *group, struct cell *cells, size_t count,
			 uint64_t until_ns)
{
	const struct b_bench *bench = group->bench;
	uint64_t time_ns = (uint64_t)b_drv.time_ms * 1000000u;
	unsigned reps = b_drv.reps;

	if (bench->reps_max && bench->reps_max < reps)
		reps = bench->reps_max;
	if (cells[0].cas->count && case_keys(cells[0].cas) >= B_KEYS_LARGE &&
	    reps > B_REPS_LARGE)
		reps = B_REPS_LARGE;
	for (unsigned rep = 0; rep < reps; rep++) {
		for (size_t i = 0; i < count; i++) {
			struct cell *cell = &cells[(i + rep) % count];
			struct outcome out;

			if (cell->skipped)
				continue;
			if (b_repeat_once(cell, bench->mode, group->threads, time_ns,
					  cell->batch, true, &out)) {
				cell->skipped = true;
				continue;
			}
			cell->ns_op[cell->reps++] = out.ns_op;
			cell->ops += out.ops;
			if (cell->reps == 1 || out.share_min < cell->share_min)
				cell->share_min = out.share_min;
		}
		if (until_ns && b_now_ns() >= until_ns)
			return;
	}
}

static void group_run(const struct group *group, uint64_t until_ns)
{
	struct cell *cells = b_alloc(b_drv.case_count * sizeof(*cells));
	size_t count = group_collect(group, cells);
	struct b_load load;
	double foreign;

	for (size_t i = 0; i < count; i++)
		b_calibrate(&cells[i], group->bench, group->threads);
	load = b_load_read();
	group_repeat(group, cells, count, until_ns);
	foreign = b_load_foreign(&load);
	if (b_drv.foreign_worst < foreign)
		b_drv.foreign_worst = foreign;
	b_group_print(group->bench, cells, count, group->threads, foreign);
	for (size_t i = 0; i < count; i++)
		b_discard(&cells[i]);
	free(cells);
}

/* Is this the first case of its group? Cases with a number of threads of their own make one. */
static bool leads(size_t index, const char *bench)
{
	const struct b_case *cas = b_drv.cases[index];

	if (strcmp(cas->bench, bench) || !b_wanted(cas))
		return false;
	for (size_t i = 0; i < index; i++)
		if (!strcmp(b_drv.cases[i]->bench, bench) && b_wanted(b_drv.cases[i]) &&
		    same_params(b_drv.cases[i], cas))
			return false;
	return true;
}

/* Every group there is, in the order in which they run. Returns how many. */
static size_t plan(const struct b_bench *benches, size_t count, struct group *ret_groups)
{
	size_t made = 0;

	for (size_t k = 0; k < count; k++) {
		for (size_t t = 0; t < b_drv.thread_counts; t++) {
			const struct b_bench *bench = &benches[k];
			unsigned threads = b_drv.threads[t];
			bool fits = threads >= bench->threads_min &&
				    (!bench->threads_max || threads <= bench->threads_max);

			for (size_t i = 0; i < b_drv.case_count; i++) {
				unsigned own = b_drv.cases[i]->threads;

				if (!(own ? t == 0 : fits) || !leads(i, bench->name))
					continue;
				ret_groups[made++] = (struct group){bench, b_drv.cases[i],
								    own ? own : threads};
			}
		}
	}
	return made;
}

static void run_all(const struct b_bench *benches, size_t count)
{
	size_t most = b_drv.case_count * (b_drv.thread_counts + 1);
	struct group *groups = b_alloc(most * sizeof(*groups));
	size_t made = plan(benches, count, groups);

	for (size_t i = 0; i < made; i++) {
		uint64_t now = b_now_ns(), until = 0;

		if (b_drv.deadline_ns) {
			if (now >= b_drv.deadline_ns) {
				fprintf(b_drv.table,
					"\n%zu groups are left out: the time is over\n",
					made - i);
				break;
			}
			until = now + (b_drv.deadline_ns - now) / (made - i);
		}
		group_run(&groups[i], until);
	}
	free(groups);
}

static void list(const struct b_bench *benches, size_t count)
{
	for (size_t k = 0; k < count; k++) {
		printf("%s: %s\n", benches[k].name, benches[k].text);
		for (size_t i = 0; i < b_drv.case_count; i++)
			if (!strcmp(b_drv.cases[i]->bench, benches[k].name) &&
			    b_wanted(b_drv.cases[i]))
				printf("  %-26s %s\n", b_drv.cases[i]->contender,
				       b_drv.cases[i]->params ? b_drv.cases[i]->params : "");
	}
}

int b_main(int argc, char **argv, const struct b_bench *benches, size_t count)
{
	double load[1] = {0};

	b_drv.json = stdout;
	b_drv.table = stderr;
	b_drv.reps = 11;
	b_drv.time_ms = 50;
	b_drv.pin = true;
	b_machine_read();
	b_drv.threads[b_drv.thread_counts++] = 1;
	if (b_drv.cpu_count > 1)
		b_drv.threads[b_drv.thread_counts++] = b_drv.cpu_count;
	if (b_options(argc, argv)) {
		list(benches, count);
		return 0;
	}
	fprintf(b_drv.table, "%s, %u CPUs, %s, git %s\n%s, %s\n", b_drv.cpu_model,
		b_drv.cpu_count, b_drv.kernel, b_drv.git, pawl_build_string(), b_drv.allocator);
	if (getloadavg(load, 1) == 1 && load[0] > 0.3)
		fprintf(b_drv.table,
			"NOISY: the load average is %.2f; wait for a quiet machine\n", load[0]);
	run_all(benches, count);
	if (b_drv.foreign_worst > B_FOREIGN_LIMIT)
		fprintf(b_drv.table,
			"\nNOISY: at worst others used %.0f %% of a CPU; do not quote these\n",
			b_drv.foreign_worst * 100);
	if (b_drv.json != stdout && fclose(b_drv.json))
		b_die("writing the results: %s", strerror(errno));
	return 0;
}
