/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * harness.h - what every test program of Pawl stands on, over cmocka.
 *
 *	static void case_insert_duplicate(void **state) { ...; t_step(); ... }
 *	static int oom_insert(void) { ... return 0 or -ENOMEM; }
 *	int main(void)
 *	{
 *		const struct CMUnitTest cases[] = {
 *			cmocka_unit_test(case_insert_duplicate),
 *			T_OOM(oom_insert),
 *		};
 *		return t_run("map", cases);
 *	}
 *
 * t_run() prints TAP, installs a checking allocator before anything is allocated
 * (every block's size and alignment are verified at free, freed blocks are
 * poisoned), starts the watchdog. Each case runs on the main thread, attached
 * once; after it the main thread detaches, and then no thread may be attached
 * and no block may be left: Pawl promises to hold nothing any more. A case may
 * detach the main thread itself and may leave it detached.
 *
 * Assertions of cmocka jump: they are for the main thread. Other threads, and
 * functions that run on them, use t_check().
 *
 * The watchdog is the only clock in the tests: when no t_step() was counted for
 * 60 seconds it prints the stacks of all threads and aborts. T_TIER=long turns
 * it off.
 *
 * Environment: T_SCALE (percent, 1 to 10000, default 100) scales t_scaled();
 * T_SEED seeds t_random(); T_TIER=long; T_CASE and T_NOT_CASE are patterns ("case_limit*") of
 * the cases to run and to leave out.
 */
#ifndef T_HARNESS_H
#define T_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* 1 in the builds of that sanitizer, for what it cannot bear (sizes, counts of threads). */
#if defined(__SANITIZE_ADDRESS__)
#define T_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define T_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define T_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define T_TSAN 1
#endif
#endif
#ifndef T_ASAN
#define T_ASAN 0
#endif
#ifndef T_TSAN
#define T_TSAN 0
#endif

/* Something was done: the test does not hang. Any thread; cheap. */
void t_step(void);
uint64_t t_steps(void);

/* `count` scaled by T_SCALE, at least 1. */
unsigned t_scaled(unsigned count);

/* T_TIER=long: take the time it takes. */
bool t_long(void);

/* Says what failed and where, prints the stacks, aborts. Any thread. */
#define t_check(cond) ((cond) ? (void)0 : t_check_failed(#cond, __FILE__, __LINE__))
void t_check_failed(const char *what, const char *file, int line)
	__attribute__((noreturn, cold));

/*
 * Seeded random numbers: the seed is printed, T_SEED repeats it. Per-thread streams; those of
 * threads made by t_thread_start() depend on nothing but the seed and the order of the starts.
 */
uint64_t t_random(void);
uint64_t t_random_below(uint64_t limit);

/*
 * Allocation failure. The body is run again and again, with the 1st, 2nd, ... allocation of
 * Pawl failing, until one run has no failure. It attaches what it needs itself: during the
 * loop the main thread is detached. It returns -ENOMEM (or -EAGAIN) if an allocation failed and
 * it passed the error on, else 0, and checks by itself that objects were left unchanged. After
 * every run nothing may be left over. The number of failures is printed and must not be 0.
 */
void t_oom_loop(const char *name, int (*body)(void));
/* clang-format off */
#define T_OOM(body) \
	{#body, t_oom_case, NULL, NULL, (void *)&(const struct t_oom){#body, body}}
/* clang-format on */
struct t_oom {
	const char *name;
	int (*body)(void);
};
void t_oom_case(void **state);

/* The n-th allocation of Pawl from now on fails (once); 0: none. */
void t_alloc_fail_at(uint64_t n);
/* Did it? */
bool t_alloc_failed(void);
/* Blocks and bytes that are out now, and allocations asked for so far, failed ones included. */
uint64_t t_alloc_blocks(void);
uint64_t t_alloc_bytes(void);
uint64_t t_alloc_calls(void);
/* Print the blocks that are out (not in ThreadSanitizer builds: only their number). */
void t_alloc_print(void);

/*
 * Threads that attach (t_thread_start) or do not (t_thread_start_bare), run `fn(arg)`, detach,
 * end.
 * t_thread_join waits idle (right for both RCU flavours).
 */
struct t_thread;
struct t_thread *t_thread_start(void (*fn)(void *arg), void *arg);
struct t_thread *t_thread_start_bare(void (*fn)(void *arg), void *arg);
void t_thread_join(struct t_thread *thread);

/* Threads of this process now, those of the harness and of sanitizers included. */
unsigned t_tasks(void);
/* Wait until they are no more than `count`: a joined thread may be listed a moment longer. */
void t_tasks_wait(unsigned count);

/* Loop until the condition holds, or the watchdog ends it. Idling is the caller's matter. */
#define t_wait_until(cond)     \
	do {                   \
		if (cond)      \
			break; \
		t_yield();     \
	} while (1)
void t_yield(void);

/*
 * A gate where `count` threads meet; each t_barrier_wait() returns when all are there. Waits
 * idle: not in a read section.
 */
struct t_barrier;
struct t_barrier *t_barrier_make(unsigned count);
void t_barrier_wait(struct t_barrier *barrier);
void t_barrier_drop(struct t_barrier *barrier);

/*
 * Run `fn` in a forked child and say how it ended: true if it died by SIGABRT and its stderr
 * has `text` in it. For contracts. (Sanitizer builds too.)
 */
bool t_aborts(void (*fn)(void *arg), void *arg, const char *text);

/*
 * Run `fn` in a forked child, where nothing of Pawl may be attached. Returns what `fn` did
 * (0 to 255), or -1 if the child ended in another way.
 */
int t_forked(int (*fn)(void *arg), void *arg);

/*
 * Run this program again with `word` as its only argument: main() hands it to what is to be
 * done in a process of its own, before t_run(), and returns its result. Returns the exit
 * status, -1 if it died. Up to len - 1 bytes of its stdout are written to `out` (may be NULL).
 */
int t_rerun(const char *word, char *out, size_t len);

/* cmocka prints values of both sides; these are for what it lacks. */
#define t_assert_errno(expr, err) assert_int_equal((expr), -(err))

/*
 * Leave a case out, and say why: `return t_skip("...")`. Not cmocka's skip(), whose
 * "not ok # SKIP" (1.1.5) counts as a failure with those who read TAP.
 */
void t_skip(const char *why);

/* The whole of main(). */
#define t_run(name, cases) t_run_group((name), (cases), sizeof(cases) / sizeof((cases)[0]))
int t_run_group(const char *name, const struct CMUnitTest *cases, size_t count);

#endif
