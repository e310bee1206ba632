/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stats.c - latencies of single operations, figures of repetitions.
 */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

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

void b_latency_merge(struct b_latency *to, const struct b_latency *from)
{
	for (unsigned i = 0; i < B_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
	to->count += from->count;
	if (to->max < from->max)
		to->max = from->max;
}

uint64_t b_latency_at(const struct b_latency *lat, double part)
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
	struct cell *cell = b_drv.current;

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

static int by_value(const void *a, const void *c)
{
	double x = *(const double *)a;
	double y = *(const double *)c;

	return (x > y) - (x < y);
}

struct figures b_figure(const struct cell *cell)
{
	unsigned n = cell->reps;
	double sorted[B_REPS_MAX];
	double away[B_REPS_MAX];
	struct figures f;

	memcpy(sorted, cell->ns_op, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), by_value);
	f.median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
	f.min = sorted[0];
	f.p10 = sorted[(n - 1) / 10];
	f.p90 = sorted[(n - 1) - (n - 1) / 10];
	for (unsigned i = 0; i < n; i++)
		away[i] = sorted[i] > f.median ? sorted[i] - f.median : f.median - sorted[i];
	qsort(away, n, sizeof(away[0]), by_value);
	f.mad = (away[(n - 1) / 2] + away[n / 2]) / 2;
	f.spread = f.median > 0 ? (f.p90 - f.p10) / f.median : 0;
	return f;
}
