/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-engine-work.c - graphs, measured and checked alike whoever makes them.
 *
 * One repetition is one graph in an engine of its own, which is closed after the clock has stopped.
 */
#include "work-engine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pawl/thread.h>

extern int mallctl(const char *name, void *old, size_t *old_len, void *fresh, size_t fresh_len)
	__attribute__((weak));

void b_engine_enter(struct b_worker *worker)
{
	(void)worker;
	if (pawl_thread_attach("bench"))
		b_die("a thread was not attached");
}

void b_engine_leave(struct b_worker *worker)
{
	(void)worker;
	pawl_thread_detach();
}

/* ---- time that passes ------------------------------------------------------------------ */

#if defined(__x86_64__)
static uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

static double ticks_a_ns(void)
{
	static double known;

	if (known <= 0) {
		uint64_t ns = b_now_ns(), begin = ticks();

		while (b_now_ns() - ns < 5000000)
			;
		known = (double)(ticks() - begin) / (double)(b_now_ns() - ns);
	}
	return known;
}
#else
static uint64_t ticks(void)
{
	return b_now_ns();
}

static double ticks_a_ns(void)
{
	return 1;
}
#endif

static double tick_rate;
static void __attribute__((constructor)) tick_rate_read(void)
{
	tick_rate = ticks_a_ns();
}

void b_spin_ns(uint64_t ns)
{
	uint64_t until = ticks() + (uint64_t)((double)ns * tick_rate);

	while (ticks() < until)
		;
}

/* ---- what has to come out ----------------------------------------------------------------- */

uint64_t b_kind_inputs(const struct b_kind *kind)
{
	uint64_t n = 1;

	for (uint64_t i = 0; kind->graph == B_TREE && i < kind->size; i++)
		n *= B_BRANCHES;
	return n;
}

static uint64_t fibonacci_of(uint64_t n)
{
	uint64_t x = 1, y = 1;

	for (uint64_t i = 1; i < n; i++) {
		uint64_t next = x + y;

		x = y;
		y = next;
	}
	return y;
}

/* Of its border, or of the corner alone. */
static uint64_t rectangle_of(uint64_t size, bool corner)
{
	uint64_t row[B_WIDTH_MAX] = {0}, sum = 0;

	for (uint64_t b = 0; b < size; b++) {
		for (uint64_t a = 0; a < size; a++) {
			row[a] += 1 + (a ? row[a - 1] : 0);
			if (b == size - 1 || a == size - 1)
				sum = row[a] + (corner ? 0 : sum);
		}
	}
	return sum;
}

static uint64_t layers_of(bool uneven, uint64_t input)
{
	uint64_t at[B_LAYERS][B_LAYERS], sum = 0;

	for (uint64_t b = 0; b < B_LAYERS; b++)
		at[0][b] = input + b;
	for (uint64_t a = 1; a < B_LAYERS; a++) {
		for (uint64_t b = 0; b < B_LAYERS; b++) {
			at[a][b] = 0;
			for (uint64_t i = 0; i < 3; i++) {
				uint64_t down[3] = {1, a < 2 ? a : 2, a - a / 2};

				at[a][b] += at[a - (uneven ? down[i] : 1)][(b + i) % B_LAYERS];
			}
		}
	}
	for (uint64_t b = 0; b < B_LAYERS; b++)
		sum += at[B_LAYERS - 1][b];
	return sum;
}

/* After so many changes. */
static uint64_t expected(const struct b_kind *kind, uint64_t changes)
{
	uint64_t size = kind->size, sum = 0;

	switch (kind->graph) {
	case B_FIBONACCI:
		for (uint64_t i = 0; i < size; i++)
			sum += fibonacci_of(i);
		return sum;
	case B_RECTANGLE:
	case B_CORNER:
		return rectangle_of(size, kind->graph == B_CORNER);
	case B_FAN:
		return b_sum(1, size);
	case B_READERS:
		return b_sum(0, size) + size * changes;
	case B_TREE:
		return kind->when == B_EQUAL ? 0 : b_sum(1, changes);
	case B_DIAMONDS:
	case B_UNEVEN:
		return layers_of(kind->graph == B_UNEVEN, changes);
	case B_CHAIN:
		return fibonacci_of(size);
	case B_ATTACH:
		return b_sum(0, B_ATTACHED) + B_ATTACHED * size;
	case B_ATTACH_FIRST:
		return size;
	default:
		return size;
	}
}

/* Bodies that have to run for that: from nothing, or for each change. */
static uint64_t expected_runs(const struct b_kind *kind, bool change)
{
	uint64_t size = kind->size, runs = 0;

	switch (kind->graph) {
	case B_FIBONACCI:
		return B_TASKS_FIBONACCI(size);
	case B_RECTANGLE:
	case B_CORNER:
		return size * size;
	case B_FAN:
		return B_TASKS_FAN(size);
	case B_READERS_APART:
		return size;
	case B_TREE:
		if (change)
			return kind->when == B_EQUAL ? 1 : size + 1;
		for (uint64_t i = 0, n = 1; i <= size; i++, n *= B_BRANCHES)
			runs += n;
		return runs;
	case B_DIAMONDS:
	case B_UNEVEN:
		return B_LAYERS * B_LAYERS + 1;
	case B_ATTACH:
		return B_ATTACHED + 1;
	case B_ATTACH_FIRST:
		return 2;
	default:
		return size + 1;
	}
}

/* ---- one repetition ----------------------------------------------------------------------- */

struct graph {
	void *made;
	uint64_t runs, changes, result, heap, resident;
};

static uint64_t resident_bytes(void)
{
	unsigned long long all, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file) {
		if (fscanf(file, "%llu %llu", &all, &resident) != 2)
			resident = 0;
		fclose(file);
	}
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Memory that is not given out goes back to the system. */
static void heap_purge(void)
{
	if (mallctl)
		(void)mallctl("arena.4096.purge", NULL, NULL, NULL, 0);
}

/* What an engine takes with nothing in it: no task's share. */
static uint64_t empty_bytes(const struct b_graph_case *at)
{
	static struct {
		const struct b_maker *maker;
		unsigned workers;
		uint64_t bytes;
	} known[16];
	uint64_t before;
	size_t i = 0;
	void *made;

	while (i < 16 && known[i].maker &&
	       (known[i].maker != at->maker || known[i].workers != at->kind->workers))
		i++;
	if (i < 16 && known[i].maker)
		return known[i].bytes;
	before = b_heap_bytes();
	made = at->maker->make(at->kind);
	before = b_heap_bytes() - before;
	at->maker->drop(made);
	if (i < 16) {
		known[i].maker = at->maker;
		known[i].workers = at->kind->workers;
		known[i].bytes = before;
	}
	return before;
}

int b_graph_setup(struct b_run *run)
{
	const struct b_graph_case *at = (const struct b_graph_case *)(uintptr_t)run->cas->arg;
	struct graph *graph = b_alloc(sizeof(*graph));

	b_engine_enter(NULL);
	run->state = graph;
	if (at->kind->when == B_COLD) {
		graph->heap = empty_bytes(at);
		if (at->kind->memory)
			heap_purge();
		graph->resident = resident_bytes();
		graph->heap += b_heap_bytes();
		graph->runs = at->maker->runs(NULL);
		return 0;
	}
	graph->made = at->maker->make(at->kind);
	graph->result = at->maker->ask(graph->made, at->kind->before ?: at->kind);
	if (at->kind->when != B_AFTER && graph->result != expected(at->kind, 0))
		b_die("%s: %s gives %llu before the change", run->cas->bench,
		      run->cas->contender, (unsigned long long)graph->result);
	graph->runs = at->maker->runs(graph->made);
	graph->heap = b_heap_bytes();
	return 0;
}

void b_graph_work(struct b_worker *w, uint64_t n)
{
	const struct b_graph_case *at =
		(const struct b_graph_case *)(uintptr_t)w->run->cas->arg;
	const struct b_kind *kind = at->kind;
	struct graph *graph = w->run->state;
	uint64_t inputs = b_kind_inputs(kind);

	if (kind->when == B_COLD)
		graph->made = at->maker->make(kind);
	if (kind->when == B_COLD || kind->when == B_AFTER) {
		graph->result = at->maker->ask(graph->made, kind);
		return;
	}
	/* Of a tree n leaves, one after the other; of the others all of it once. */
	graph->changes = kind->graph == B_TREE ? n : 1;
	for (uint64_t i = 0; i < graph->changes; i++) {
		uint64_t value = kind->graph != B_TREE	 ? 1
				 : kind->when == B_EQUAL ? 1
							 : 2 * (i + 1);

		at->maker->change(graph->made, i * 7919 % inputs, value);
		graph->result = at->maker->ask(graph->made, kind);
	}
}

static void runs_check(struct b_run *run, const struct b_graph_case *at, struct graph *graph)
{
	uint64_t runs = at->maker->runs(graph->made) - graph->runs;
	uint64_t wanted = graph->changes ? graph->changes * expected_runs(at->kind, true)
					 : expected_runs(at->kind, false);

	if (graph->changes && at->maker->inexact) {
		b_extra(run, "extra_runs", (double)runs - (double)wanted);
		if (at->maker->useless)
			b_extra(run, "useless_runs", (double)at->maker->useless(graph->made));
		return;
	}
	if (runs != wanted)
		b_die("%s: %s ran %llu bodies in place of %llu", run->cas->bench,
		      run->cas->contender, (unsigned long long)runs,
		      (unsigned long long)wanted);
}

void b_graph_teardown(struct b_run *run)
{
	const struct b_graph_case *at = (const struct b_graph_case *)(uintptr_t)run->cas->arg;
	struct graph *graph = run->state;
	double tasks = (double)expected_runs(at->kind, false);
	uint64_t wanted = expected(at->kind, graph->changes);

	if (graph->result != wanted)
		b_die("%s: %s gives %llu in place of %llu", run->cas->bench,
		      run->cas->contender, (unsigned long long)graph->result,
		      (unsigned long long)wanted);
	runs_check(run, at, graph);
	if (!graph->changes)
		b_extra(run, "bytes_task",
			((double)b_heap_bytes() - (double)graph->heap) / tasks);
	if (at->kind->memory)
		b_extra(run, "rss_task",
			((double)resident_bytes() - (double)graph->resident) / tasks);
	at->maker->drop(graph->made);
	if (at->kind->memory) {
		heap_purge();
		b_extra(run, "rss_left_mb",
			((double)resident_bytes() - (double)graph->resident) / 1e6);
	}
	free(graph);
	b_engine_leave(NULL);
}
