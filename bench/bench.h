/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.h - what every bench program stands on.
 *
 * A bench is a workload with a name; a case is one contender's way of doing it.
 * Programs declare their benches and call b_main(); cases register themselves
 * from whatever files are linked in, so a peer that is not installed is a file
 * that is not compiled, and nothing else changes.
 *
 *	static void work(struct b_worker *w, uint64_t n) { while (n--) ...; }
 *	static const struct b_case cases[] = {
 *		{.bench = "lock", .contender = "pawl", .work = work},
 *	};
 *	B_CASES(cases)
 *
 * One repetition of one contender: setup, start the threads, enter, pin, meet,
 * work against the clock, meet, leave, join, teardown. Only work is timed. The
 * contenders of a bench take turns, repetition by repetition, and each round
 * starts with another one, so that slow drift of the machine hits all alike.
 *
 * ns/op is what an operation costs the thread that makes it: time of the
 * threads over operations. B_ROUNDS benches (two sides that need each other)
 * count rounds instead: wall-clock time over rounds.
 */
#ifndef B_BENCH_H
#define B_BENCH_H

#include <pawl/atomic.h>
#include <pawl/base.h>

#include <stdio.h>

struct b_worker;
struct b_run;

/* How a bench is driven. */
enum b_mode {
	/* Threads repeat batches of operations until the time is over. */
	B_TIMED,
	/* Each thread does the same count, chosen so that it takes the time. */
	B_ROUNDS,
	B_MODE_COUNT
};

struct b_bench {
	const char *name;
	/* One line for the table and --list: what one operation is. */
	const char *text;
	enum b_mode mode;
	/* Thread counts it can run at; 0: no limit. Others asked for are left out. */
	unsigned threads_min;
	unsigned threads_max;
	/* B_ROUNDS: operations a thread, instead of calibration; 0: calibrate. */
	uint64_t count;
	/* At most this many repetitions; 0: no limit. */
	unsigned reps_max;
};

struct b_case {
	const char *bench;
	/* Who: "pawl" is what ratios refer to; "pawl-..." are further ones of ours. */
	const char *contender;
	/*
	 * Members of a JSON object without braces: "\"locks\":65536"; NULL: none. How large the
	 * thing is goes by the name of "keys", which --keys limits.
	 */
	const char *params;
	/* For setup and work, to share code among cases. */
	uint64_t arg;
	/* Bytes of the thing measured (one lock, one event); 0: does not apply. */
	size_t bytes;
	/* All threads on one CPU. */
	bool one_cpu;
	/* Always this many threads, whatever --threads says; 0: as --threads says. */
	unsigned threads;
	/* B_ROUNDS: in place of the bench's count; 0: that. `whole`: in quick runs too. */
	uint64_t count;
	bool whole;
	/* Its threads stay where the system puts them: they start others, which would inherit the place. */
	bool anywhere;

	/*
	 * What is too large to be made for each repetition: made before the first one, in
	 * run->prepared from then on, taken down after the last. Either may be NULL. -errno: the
	 * case is skipped.
	 */
	int (*prepare)(const struct b_case *cas, void **ret_prepared);
	void (*discard)(void *prepared);

	/* Main thread, before the threads start. -errno: the case is skipped. */
	int (*setup)(struct b_run *run);
	/* Each thread, before it is pinned: attach, register. */
	void (*enter)(struct b_worker *worker);
	/* `n` operations. */
	void (*work)(struct b_worker *worker, uint64_t n);
	/* Each thread, after the clock has stopped. */
	void (*leave)(struct b_worker *worker);
	void (*teardown)(struct b_run *run);
};

/* One repetition. */
struct b_run {
	const struct b_case *cas;
	unsigned threads;
	/* The contender's shared state, made by setup. */
	void *state;
	/* Made by prepare, the same for all repetitions. */
	void *prepared;
	/* Set by the driver: threads that only keep others busy look at it. */
	struct pawl_atomic_u32 stop;
	/* B_ROUNDS: operations a thread, known to setup. */
	uint64_t count;
};

struct b_worker {
	struct b_run *run;
	unsigned index;
	unsigned threads;
	/* The contender's state of this thread, made by enter. */
	void *local;
	/* Set by work: this thread's operations are load, not result. */
	bool uncounted;
	/* Set by work of B_ROUNDS, with one thread: what its operations took, where it waited between them. */
	uint64_t spent_ns;
	uint64_t random;
	struct b_latency *latency;
	char pad[PAWL_LINE_BYTES];
};

/*
 * b_register() - Add cases; called by B_CASES before main.
 */
void b_register(const struct b_case *cases, size_t count);

#define B_CASES(array)                                                    \
	static void __attribute__((constructor)) b_register_##array(void) \
	{                                                                 \
		b_register(array, sizeof(array) / sizeof((array)[0]));    \
	}

/* b_main() - The whole of main(). */
int b_main(int argc, char **argv, const struct b_bench *benches, size_t count);

/*
 * b_latency_add() - One operation of this worker took `ns`: gives the 50th and
 * 99th percentile and the largest of all repetitions.
 */
void b_latency_add(struct b_worker *worker, uint64_t ns);

/*
 * b_extra() - A further figure of this repetition ("peak_bytes", "bytes_entry"); the largest over all
 * repetitions is reported. At most 8 names a case. Main thread (teardown) only.
 */
void b_extra(struct b_run *run, const char *name, double value);

/* b_alloc() - Cleared memory on a line of its own, or the end of the program. */
void *b_alloc(size_t bytes);

/* b_die() - Say what is wrong and end the program: a bench that limps measures nothing. */
void b_die(const char *format, ...) PAWL_PRINTF(1, 2) __attribute__((noreturn, cold));

/* Bytes that the heap has given out, of all threads; what a table costs is a difference of two. */
uint64_t b_heap_bytes(void);

uint64_t b_now_ns(void);

/* CPU time of all threads of the process. */
uint64_t b_cpu_ns(void);

/* The compiler has to have `value` in a register here, and may not know what becomes of it. */
#define b_use(value) __asm__ __volatile__("" : : "r"(value) : "memory")

/*
 * b_outside() - A little of the thread's own work, some 0.3 ns a turn. One function for all: how
 * a loop of two instructions happens to be aligned can double its time.
 */
void b_outside(uint64_t turns);

PAWL_ALWAYS_INLINE uint64_t b_random(struct b_worker *worker)
{
	uint64_t x = worker->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	worker->random = x;
	return x;
}

#endif
