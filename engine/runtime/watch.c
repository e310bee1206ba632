/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch.c - measuring and writing down what workers do.
 *
 * The time of a body is that between its begin and its end, less the time that its stack did not run
 * in between. A stack adds up how long it did not run, so bodies that lie above each other on
 * it, each waiting for the next, all subtract the right part. What was switched on or off
 * between a body's begin and its end is not counted: the word `on` differs by its epoch.
 *
 * Ages in listings have a price, too: to look at the clock costs as much as a tenth of a task that is
 * spawned and run by who waits for it. So the newest spawn of a body gets its stamp when it is pushed on
 * by the next one, or when its body first waits: what is run at once has none.
 *
 * A trace has for each body the stretches in which it ran ("slices"), written when they end: so what the
 * ring still has is whole, whatever it has lost. A body that ran before tracing began gets its
 * slice from there on.
 *
 * Ordering:
 *  O1 `times` and `trace` are stored with release when they are complete, and acquired by workers.
 *  O2 `trace` is read in a section and freed by who drops the last reference; the runtime's goes after a
 *     grace period. Relaxed `on`: a worker that is told late writes late.
 *
 * Counters are written by their worker alone, relaxed, as statistics are.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/park.h>
#include <pawl/rcu.h>
#include <pawl/trace.h>

#include "worker.h"

struct histogram {
	struct pawl_atomic_u64 counts[PAWL_HISTOGRAM_BUCKETS];
	struct pawl_atomic_u64 sum_ns;
};

struct eng_times {
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct histogram waits[PAWL_LANE_COUNT];
	struct histogram runs[PAWL_LANE_COUNT];
};

uint64_t eng_stamp(const struct pawl_runtime *rt)
{
	struct timespec now;

	if (rt->options.now)
		return rt->options.now(rt->options.clock_arg);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* What passed; clocks of programs may do as they like. */
static uint64_t between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? to_ns - from_ns : 0;
}

void eng_watch_spawned(struct pawl_runtime *rt, struct eng_task *task,
		       const struct eng_worker *worker)
{
	task->spawner = worker && worker->rt == rt ? (uint16_t)(worker->number + 1) : 0;
	if (PAWL_LIKELY(!eng_watching(rt) && !rt->options.now))
		return;
	task->spawned_exactly = true;
	pawl_store_relaxed(&task->spawned_ns, eng_now(rt));
}

static void stamp(struct eng_task *task, uint64_t now)
{
	if (!pawl_load_relaxed(&task->spawned_ns))
		pawl_store_relaxed(&task->spawned_ns, now);
}

void eng_watch_queued(const struct pawl_runtime *rt, struct eng_task *task)
{
	if (!pawl_load_relaxed(&task->spawned_ns))
		stamp(task, eng_stamp(rt));
}

void eng_watch_parked(const struct eng_worker *worker, struct eng_stack *stack)
{
	uint64_t now;

	if (!stack->run)
		return;
	now = eng_stamp(worker->rt);
	pawl_store_relaxed(&stack->run->task->waits_since_ns, now);
	for (struct eng_run *run = stack->run; run; run = run->outer)
		stamp(run->task, now);
}

/* ---- times -------------------------------------------------------------------- */

static struct eng_times *times_of(const struct eng_worker *worker)
{
	struct eng_times *times = pawl_load_acquire(&worker->rt->watch.times); /* O1 */

	return times && worker->number < worker->rt->worker_most ? &times[worker->number]
								 : NULL;
}

static void add(struct pawl_atomic_u64 *word, uint64_t n)
{
	pawl_store_relaxed(word, pawl_load_relaxed(word) + n);
}

static void count(struct histogram *histogram, uint64_t ns)
{
	unsigned bucket = ns ? 64 - (unsigned)__builtin_clzll(ns) : 0;

	if (bucket >= PAWL_HISTOGRAM_BUCKETS)
		bucket = PAWL_HISTOGRAM_BUCKETS - 1;
	add(&histogram->counts[bucket], 1);
	add(&histogram->sum_ns, ns);
}

int pawl_runtime_histograms_set(struct pawl_runtime *runtime, bool on)
{
	size_t bytes = runtime->worker_most * sizeof(struct eng_times);
	void *times, *seen = NULL;

	if (on && !pawl_load_acquire(&runtime->watch.times)) {
		times = pawl_mem_zalloc(bytes, PAWL_LINE_BYTES);
		if (!times)
			return -ENOMEM;
		if (!pawl_cas_acq_rel(&runtime->watch.times, &seen, times)) /* O1 */
			pawl_mem_free(times, bytes, PAWL_LINE_BYTES);
	}
	(void)eng_watch_set(runtime, ENG_WATCH_TIMES, on);
	return 0;
}

static void sum(struct pawl_histogram *into, const struct histogram *from)
{
	for (unsigned i = 0; i < PAWL_HISTOGRAM_BUCKETS; i++)
		into->counts[i] += pawl_load_relaxed(&from->counts[i]);
	into->sum_ns += pawl_load_relaxed(&from->sum_ns);
}

void pawl_runtime_histograms_read(struct pawl_runtime *runtime,
				  struct pawl_runtime_histograms *ret_histograms)
{
	const struct eng_times *times = pawl_load_acquire(&runtime->watch.times); /* O1 */

	memset(ret_histograms, 0, sizeof(*ret_histograms));
	for (unsigned i = 0; times && i < eng_workers(runtime); i++) {
		for (unsigned lane = 0; lane < PAWL_LANE_COUNT; lane++) {
			sum(&ret_histograms->waits[lane], &times[i].waits[lane]);
			sum(&ret_histograms->runs[lane], &times[i].runs[lane]);
		}
	}
}

/* ---- events ------------------------------------------------------------------- */

/* Cut between characters, if it is UTF-8. */
static void text_copy(char *into, size_t bytes, const char *text)
{
	size_t length = text ? strnlen(text, bytes) : 0;

	if (length == bytes) {
		length--;
		for (unsigned i = 0; i < 3 && ((unsigned char)text[length] & 0xc0) == 0x80; i++)
			length--;
	}
	if (length)
		memcpy(into, text, length);
	memset(into + length, 0, bytes - length);
}

static void write_down(struct eng_worker *worker, const struct eng_event *event)
{
	uint64_t words[ENG_EVENT_WORDS];
	struct eng_trace *trace;

	memcpy(words, event, sizeof(words));
	pawl_rcu_begin(); /* O2 */
	trace = pawl_load_acquire(&worker->rt->watch.trace);
	if (trace && worker->number + 1 < trace->rings)
		eng_ring_write(&trace->ring[worker->number], words);
	pawl_rcu_end();
}

/* Not of a worker's. */
static void write_down_beside(struct pawl_runtime *rt, const struct eng_event *event)
{
	uint64_t words[ENG_EVENT_WORDS];
	struct eng_trace *trace = eng_trace_get(rt);

	if (!trace)
		return;
	memcpy(words, event, sizeof(words));
	pawl_lock_lock(&trace->lock);
	eng_ring_write(&trace->ring[trace->rings - 1], words);
	pawl_lock_unlock(&trace->lock);
	eng_trace_put(trace);
}

static void event_of(struct eng_event *event, enum eng_event_kind kind, uint64_t at_ns,
		     const struct eng_task *task)
{
	memset(event, 0, sizeof(*event));
	event->kind = (uint8_t)kind;
	event->at_ns = at_ns;
	if (!task)
		return;
	event->lane = task->lane;
	event->spawner = task->spawner;
	event->task = task->id;
	event->parent = task->parent;
	text_copy(event->name, sizeof(event->name), pawl_load_relaxed(&task->name));
}

/* The stretch of a body that ends now. `waits`: it goes on later. */
static void slice(struct eng_worker *worker, const struct eng_run *run, uint64_t now,
		  bool waits)
{
	struct eng_event event;

	event_of(&event, ENG_EVENT_SLICE, run->slice_ns, run->task);
	event.length_ns = between(run->slice_ns, now);
	event.waits = waits;
	for (const struct eng_run *at = run->outer; at; at = at->outer)
		event.depth++;
	if (waits) {
		text_copy(event.note, sizeof(event.note),
			  pawl_load_relaxed(&run->task->waits_note));
		event.value = pawl_load_relaxed(&run->task->waits_value);
	}
	write_down(worker, &event);
}

void eng_watch_begin(struct eng_stack *stack, struct eng_run *run)
{
	struct eng_times *times = times_of(stack->worker);
	struct eng_task *task = run->task;
	struct eng_event event;

	run->begin_ns = eng_now(run->rt);
	run->slice_ns = run->begin_ns;
	run->away_before_ns = stack->away_ns;
	if (run->watch & ENG_WATCH_TIMES && times && task->spawned_exactly)
		count(&times->waits[task->lane],
		      between(pawl_load_relaxed(&task->spawned_ns), run->begin_ns));
	if (run->watch & ENG_WATCH_TRACE) {
		event_of(&event, ENG_EVENT_BEGIN, run->begin_ns, task);
		if (task->spawned_exactly)
			event.length_ns = pawl_load_relaxed(&task->spawned_ns);
		write_down(stack->worker, &event);
	}
}

void eng_watch_end(struct eng_stack *stack, struct eng_run *run, enum eng_outcome outcome)
{
	struct eng_times *times = times_of(stack->worker);
	uint32_t on = eng_watched(run->rt);
	uint64_t now = eng_now(run->rt);
	struct eng_event event;
	uint64_t away_ns;

	if (on & ENG_WATCH_TRACE) {
		slice(stack->worker, run, now, false);
		event_of(&event, ENG_EVENT_END, now, run->task);
		event.outcome = (uint8_t)outcome;
		write_down(stack->worker, &event);
	}
	if (run->watch == on && on & ENG_WATCH_TIMES && times) {
		away_ns = stack->away_ns - run->away_before_ns;
		count(&times->runs[run->task->lane], between(run->begin_ns + away_ns, now));
	}
}

void eng_watch_snapshot(struct pawl_runtime *rt, uint64_t begun_ns, uint64_t quiet_ns,
			const char *reason, uint64_t tasks)
{
	uint64_t length_ns = pawl_now_ns() - begun_ns, now_ns = eng_now(rt);
	struct eng_event event;

	if (!(eng_watched(rt) & ENG_WATCH_TRACE))
		return;
	event_of(&event, ENG_EVENT_SNAPSHOT, now_ns > length_ns ? now_ns - length_ns : 0, NULL);
	event.length_ns = length_ns;
	event.parent = quiet_ns;
	event.value = tasks;
	text_copy(event.note, sizeof(event.note), reason);
	write_down_beside(rt, &event);
}

void eng_watch_left(struct eng_worker *worker, struct eng_stack *stack)
{
	stack->left_ns = eng_now(worker->rt);
	if (!(eng_watched(worker->rt) & ENG_WATCH_TRACE))
		return;
	for (const struct eng_run *run = stack->run; run; run = run->outer)
		slice(worker, run, stack->left_ns, true);
}

void eng_watch_back(struct eng_worker *worker, struct eng_stack *stack)
{
	uint64_t now = eng_now(worker->rt);

	if (stack->left_ns)
		stack->away_ns += between(stack->left_ns, now);
	stack->left_ns = 0;
	for (struct eng_run *run = stack->run; run; run = run->outer)
		run->slice_ns = now;
}

void eng_watch_stole(struct eng_worker *worker, const struct eng_task *task)
{
	struct eng_event event;

	if (!(eng_watched(worker->rt) & ENG_WATCH_TRACE))
		return;
	event_of(&event, ENG_EVENT_STOLE, eng_now(worker->rt), task);
	write_down(worker, &event);
}

void eng_watch_falls_asleep(struct eng_worker *worker)
{
	worker->slept_ns = eng_watching(worker->rt) ? eng_now(worker->rt) : 0;
}

void eng_watch_woke(struct eng_worker *worker)
{
	struct eng_event event;

	if (!worker->slept_ns || !(eng_watched(worker->rt) & ENG_WATCH_TRACE))
		return;
	event_of(&event, ENG_EVENT_SLEPT, worker->slept_ns, NULL);
	event.length_ns = between(worker->slept_ns, eng_now(worker->rt));
	write_down(worker, &event);
	worker->slept_ns = 0;
}

/* ---- switching ------------------------------------------------------------------ */

bool eng_watch_set(struct pawl_runtime *rt, uint32_t bit, bool on)
{
	uint32_t seen = pawl_load_relaxed(&rt->watch.on);
	uint32_t next;

	do {
		if (!(seen & bit) == !on)
			return false;
		next = (seen ^ bit) + ENG_WATCH_EPOCH;
	} while (!pawl_cas_weak_relaxed(&rt->watch.on, &seen, next));
	return true;
}

void eng_watch_fini(struct pawl_runtime *rt)
{
	struct eng_trace *trace = pawl_load_relaxed(&rt->watch.trace);
	void *times = pawl_load_relaxed(&rt->watch.times);

	if (trace)
		eng_trace_put(trace);
	if (times)
		pawl_mem_free(times, rt->worker_most * sizeof(struct eng_times),
			      PAWL_LINE_BYTES);
}
