/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc.h - how a concurrency scenario is written.
 *
 * A scenario is a handful of threads that call the library a few times each,
 * and assertions. The same source file is built in two ways:
 *
 *  native   (mc-native.c) real threads run it again and again: a stress test,
 *           plain or under a sanitizer;
 *  checker  the model checker runs it through every interleaving and every
 *           value that the C11 memory model allows each load to return.
 *
 * Ten lines make a scenario:
 *
 *	static struct pawl_atomic_u32 flag;
 *	static void setup(void) { pawl_init_word(&flag, 0); }
 *	static void setter(void) { pawl_store_release(&flag, 1); }
 *	static void reader(void) { mc_assert(pawl_load_acquire(&flag) <= 1); }
 *	static void finish(void) { mc_assert(pawl_load_relaxed(&flag) == 1); }
 *	static const struct mc_scenario scenarios[] = {
 *		{.name = "flag", .setup = setup, .threads = {setter, reader}, .finish = finish},
 *	};
 *	MC_MAIN(scenarios)
 *
 * Rules that keep one source right in both:
 *  - all state is set up by setup() anew, in static storage or from pawl_mem;
 *    finish() frees it. setup() and finish() run alone, before the threads
 *    start and after they ended;
 *  - threads never look at the clock, sleep, or count on timing: deadlines are
 *    0 (already over), PAWL_FOREVER, or mc_deadline() (may be over or not at
 *    any look: the checker tries both);
 *  - a loop that waits for another thread has pawl_pause() in it;
 *  - what differs by chance is asked of mc_choose();
 *  - threads are attached to the library (pawl_thread_attach) before their
 *    body and detached after it, outside what is explored, unless .bare is set.
 */
#ifndef MC_H
#define MC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MC_THREADS_MAX 8

struct mc_spec;

struct mc_scenario {
	/* Unique in its file; [a-z0-9_-]. */
	const char *name;

	void (*setup)(void);  /* may be NULL */
	void (*threads[MC_THREADS_MAX])(void);
	void (*finish)(void); /* may be NULL */

	/* The threads attach and detach themselves, or never do. */
	bool bare;

	/*
	 * Sequential specification of what mc_call()/mc_return() record, or
	 * NULL. The history of every run must be linearizable against it.
	 */
	const struct mc_spec *spec;

	/*
	 * Checker only. 0: explore with unbounded preemptions. n: at most n-1
	 * preemptions; then the verdict is "bounded", never "complete".
	 */
	unsigned preemption_bound_plus_1;

	/*
	 * Checker only: leave out spurious failures of weak compare-exchanges. They multiply
	 * executions and show nothing where a failure leads back to the head of a loop in
	 * the same state, with nothing done but loads, and stores to what nobody else sees
	 * that the next turn repeats: the thread that comes there later, without the turn,
	 * does the same and is less ordered. The verdict's line says so.
	 */
	bool no_spurious;

	/*
	 * Checker only: pawl_lock is what its contract says, a mutex of the checker's own,
	 * instead of lib/lock.c. For what is built on locks: lock.c has scenarios of its own,
	 * and each of its retries and parks would multiply the executions here. Have one
	 * small scenario with the real lock beside. The verdict's line says so.
	 */
	bool ideal_locks;

	/*
	 * Checker only: a thread's park without deadline lasts until there is a token, and takes
	 * it, instead of the code of lib/park.c: see mc-park.c. For what sleeps on it, with
	 * one small scenario with the real thing beside. The verdict's line says so.
	 */
	bool ideal_parks;

	/*
	 * Checker only: each thread sees up to so many of its allocations fail (creating a thread
	 * is one, too), whichever they are. Setup and finish see none.
	 */
	unsigned oom;

	/* Checker only: the kernel refuses membarrier(2), in one way or another. */
	bool no_membarrier;
	/* Checker only: it grants registration, and refuses the fences after that. */
	bool membarrier_lost;

	/*
	 * Checker only: how often waiters look before they sleep (PAWL__SPIN_TURNS), with
	 * several processors. 0 is best but for the scenarios that check the looking itself.
	 */
	unsigned spin_turns;

	/*
	 * Checker only: words ("symbol", "symbol+offset", NULL ends) that the threads only
	 * add to, relaxed, with nobody looking at the result before finish(): statistics.
	 * They are kept out of what is explored, since no order among them can be seen. Any
	 * other access to them by a thread is a misuse.
	 */
	const char *const *tallies;

	/*
	 * Checker only: the scenario is broken on purpose and must be rejected
	 * with this kind of failure ("assertion", "race", "deadlock", ...).
	 */
	const char *expect_failure;

	/*
	 * Native only: the library keeps memory in pools as long as threads are attached, which
	 * they are from run to run: leaks are looked for at the end alone.
	 */
	bool keeps_memory;

	/*
	 * Checker only: run by make verify-quick. In a file where no scenario has it all are, as
	 * far as the file's four seconds go.
	 */
	bool quick;

	/* Native only: divide the number of runs by this (slow scenarios). */
	unsigned native_divisor;
};

/* Fails the run, with the condition, file and line. */
#define mc_assert(cond) ((cond) ? (void)0 : mc_fail(#cond, __FILE__, __LINE__))
void mc_fail(const char *what, const char *file, int line) __attribute__((noreturn, cold));

/* A number in [0, n): the checker tries all, native draws from the seed. n >= 1. */
unsigned mc_choose(unsigned n);

/*
 * A deadline for a timed wait that may or may not be over whenever it is looked
 * at. The checker tries both; native gives one in the past, now, or soon.
 */
uint64_t mc_deadline(void);

/* Number of this scenario thread, 0-based; MC_THREADS_MAX in setup and finish. */
unsigned mc_thread(void);

/*
 * From here on the process is the child of a fork() by this thread, as far as handlers of
 * pthread_atfork() tell. In finish() only. No effect in native mode.
 */
void mc_fork(void);

/*
 * In setup() only. A count of owners or of what is under way, in which the scenario has a share from setup() to
 * finish(): it never comes to the value that somebody acts upon. Like a tally (see .tallies), but with any order:
 * in the checker it orders nothing, and its additions give 0. No effect in native mode. At most 8 with the tallies.
 */
void mc_held_count(const void *word);

/* A line for the counter-example. No effect in native mode. */
void mc_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * True under the checker. For sizes only ("2 rounds instead of 200"), never to
 * choose another code path.
 */
bool mc_exploring(void);

/*
 * Histories. A thread brackets each operation on the object under test:
 *	mc_call(OP_PUT, key, value); r = put(key, value); mc_return(r, 0);
 * Operations of one thread do not overlap. At most MC_HISTORY_MAX operations a run.
 */
#define MC_HISTORY_MAX 64
void mc_call(unsigned op, uint64_t arg0, uint64_t arg1);
void mc_return(uint64_t result0, uint64_t result1);

struct mc_op {
	unsigned op, thread;
	uint64_t arg[2], result[2];
	/* Logical times of call and return; ret is UINT64_MAX if it never returned. */
	uint64_t call, ret;
};

/*
 * A sequential specification: a state of `state_bytes` bytes (all zero at first,
 * compared bytewise, so keep padding zero) and a step function that says whether
 * `op` may return what it did in `state`, and makes its change there.
 */
struct mc_spec {
	const char *name;
	size_t state_bytes;
	bool (*step)(void *state, const struct mc_op *op);
	/* One line for a report; may be NULL. */
	void (*print)(const struct mc_op *op, char *buf, size_t len);
};

/*
 * mc_linearizable() - Is the history explained by some order of its operations that
 * keeps their real-time order? Wing and Gong's search with Lowe's memo of
 * (operations done, state). An operation that never returned may be left out or
 * take effect with any result that the specification would allow: such an operation
 * is handed to step() with ret == UINT64_MAX, and step() ignores its result.
 *
 * Returns 1 yes, 0 no, -ENOMEM, -E2BIG beyond MC_HISTORY_MAX operations.
 */
int mc_linearizable(const struct mc_spec *spec, const struct mc_op *ops, size_t count);

/*
 * mc_linearizable_by_key() - The same for objects that are many in one, as a map is one register a
 * key: a history is linearizable if and only if that of each key is (M. Herlihy, J. Wing, TOPLAS
 * 1990). `spec` is of one key, `key` tells whose an operation is, every operation is of one key.
 * Much faster, and only the operations of one key are limited to MC_HISTORY_MAX.
 *
 * Returns 1 yes, 0 no (and in ret_key, unless NULL, the key), -ENOMEM, -E2BIG.
 */
int mc_linearizable_by_key(const struct mc_spec *spec, const struct mc_op *ops, size_t count,
			   uint64_t (*key)(const struct mc_op *op), uint64_t *ret_key);

/*
 * The driver. Options of the native one: --list, --scenario NAME, --runs N,
 * --seconds S, --seed N, --tap. Those of the checker: see verify/README.md.
 */
int mc_main(int argc, char **argv, const struct mc_scenario *scenarios, size_t count);
#define MC_MAIN(array)                                                            \
	int main(int argc, char **argv)                                           \
	{                                                                         \
		return mc_main(argc, argv, array, sizeof(array) / sizeof(*(array))); \
	}

#endif
