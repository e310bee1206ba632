/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/trace.h - what a runtime does: a report for when it hangs, times by lane, traces.
 *
 *	pawl_runtime_report(rt, to_stderr, NULL);	who waits for what, now
 *
 *	pawl_runtime_histograms_set(rt, true);		how long things take, from now on
 *	pawl_runtime_histograms_read(rt, &times);
 *
 *	pawl_trace_start(rt, NULL);			what happens, from now on,
 *	...
 *	pawl_trace_export(rt, to_file, file);		for chrome://tracing and ui.perfetto.dev
 *
 * A trace has, beside what workers do, a line for the snapshots of engines on that runtime: why, how long until all was
 * quiet and until it was on the disk, how many tasks.
 *
 * Histograms and traces are off at first, and then cost a branch. They can be switched at any
 * time, while workers run. Times are the runtime's (pawl_runtime_now()).
 *
 *  call                              progress
 *  pawl_runtime_report               as pawl_group_tasks(), and what fn does
 *  pawl_runtime_histograms_set       lock-free; allocates the first time
 *  pawl_runtime_histograms_read      wait-free
 *  pawl_trace_start                  lock-free, allocates
 *  pawl_trace_stop, _stats_read      lock-free
 *  pawl_trace_export                 allocates; wait-free but for what fn does
 *
 * All need an attached thread, outside sections, no lock held.
 */
#ifndef PAWL_TRACE_H
#define PAWL_TRACE_H

#include <pawl/runtime.h>

PAWL_BEGIN_DECLS

/*
 * Takes text, `length` bytes of it, not ended by a zero. Called on the caller's thread, with nothing
 * held. Returns: 0; else nothing more comes, and the call returns this.
 */
typedef int pawl_text_fn(void *arg, const char *text, size_t length);

/* ---- the report ------------------------------------------------------------- */

/*
 * pawl_runtime_report() - Groups, tasks, what each waits for and how long, and what workers run:
 * lines for people, one in each call of fn. Their form may change.
 *
 * For a thread of the program, say one that waits for a signal. It takes no memory, and a lock only
 * for moments: it ends while all workers hang in bodies. Not for handlers of signals, and not for a
 * debugger that stopped all threads, of which one may hold that lock: there see pawl-gdb.py.
 *
 * Returns: 0, or what fn returned.
 */
PAWL_API int pawl_runtime_report(struct pawl_runtime *runtime, pawl_text_fn *fn, void *arg);

/* ---- times ------------------------------------------------------------------ */

#define PAWL_HISTOGRAM_BUCKETS 48

/* Bucket 0: 0 ns; bucket b: from 2^(b-1) to below 2^b ns; the last one: all above, too. */
struct pawl_histogram {
	uint64_t counts[PAWL_HISTOGRAM_BUCKETS];
	uint64_t sum_ns;
};

/* By the lane that a task was spawned into. */
struct pawl_runtime_histograms {
	/* From spawning to the first step of the body, also where it was run by who waits for it. */
	struct pawl_histogram waits[PAWL_LANE_COUNT];
	/*
	 * From the first step to the last, less where it did not run since it waited or yielded. What it
	 * ran itself since it waited for it counts.
	 */
	struct pawl_histogram runs[PAWL_LANE_COUNT];
	uint64_t reserved[8]; /* 0 */
};

/*
 * pawl_runtime_histograms_set() - Count from now on, or stop. What was counted stays and is added to.
 * Not counted: waits of tasks spawned before, runs during which it was switched, or tracing was.
 *
 * Errors: -ENOMEM.
 */
PAWL_API int pawl_runtime_histograms_set(struct pawl_runtime *runtime, bool on);

/* pawl_runtime_histograms_read() - All workers together. Counts are old when they arrive. */
PAWL_API void pawl_runtime_histograms_read(struct pawl_runtime *runtime,
					   struct pawl_runtime_histograms *ret_histograms);

/* ---- traces ------------------------------------------------------------------- */

struct pawl_trace_options {
	size_t size; /* sizeof(struct pawl_trace_options) */
	/*
	 * Each worker keeps its last so many events (128 bytes each), a power of two up to 2^24; 0:
	 * 16384. With one more the oldest is lost, and counted.
	 */
	uint32_t events;
	uint32_t flags; /* 0 */
};
#define PAWL_TRACE_OPTIONS_INIT                         \
	{                                               \
		sizeof(struct pawl_trace_options), 0, 0 \
	}

/*
 * pawl_trace_start() - Write down what workers do from now on. What an earlier trace has written goes.
 * `options` NULL: the defaults.
 *
 * Errors: -EALREADY: it is on; -ENOMEM; -EINVAL: events or flags; -E2BIG: options of a later version.
 */
PAWL_API PAWL_MUST_CHECK int pawl_trace_start(struct pawl_runtime *runtime,
					      const struct pawl_trace_options *options);

/*
 * pawl_trace_stop() - No more, but for what a worker is just writing. What was written stays.
 *
 * Errors: -EALREADY: it is off.
 */
PAWL_API int pawl_trace_stop(struct pawl_runtime *runtime);

/*
 * pawl_trace_export() - What was written, as JSON in the trace event format, in pieces; also while
 * workers go on writing. A track for each worker has the stretches in which bodies ran, those that
 * another one ran for its wait above it; an arrow leads to a body from the one that
 * spawned it; each task has a track from its spawning to its end. Ids of tasks, and of the
 * tasks that spawned them, are those of handles. Names are cut to 39 bytes, notes to 31;
 * what is not UTF-8 in them is replaced. "lost" says how many events are not there.
 *
 * Returns: 0, or what fn returned.
 * Errors:  -ENOENT: there is no trace; -ENOMEM.
 */
PAWL_API int pawl_trace_export(struct pawl_runtime *runtime, pawl_text_fn *fn, void *arg);

/* Of the last trace; all 0 without one. */
struct pawl_trace_stats {
	uint64_t on; /* 1: it is being written */
	uint64_t written;
	uint64_t lost;	      /* of these */
	uint64_t reserved[5]; /* 0 */
};

PAWL_API void pawl_trace_stats_read(struct pawl_runtime *runtime,
				    struct pawl_trace_stats *ret_stats);

PAWL_END_DECLS

#endif
