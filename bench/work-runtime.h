/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * work-runtime.h - what b-runtime and its peers have in common: how much work there is, and the clock's side
 * of what is measured from outside.
 *
 * A case's `arg` is the number of workers, plus B_BATCH times the tasks of a batch. A runtime is
 * made once for each case (prepare), so that all repetitions find its pools warm. Its workers
 * are pinned nowhere, whosever they are; the thread that drives is, and sleeps while they work
 * unless the bench is about calls from outside.
 */
#ifndef B_WORK_RUNTIME_H
#define B_WORK_RUNTIME_H

#include "bench.h"

#include <semaphore.h>

enum {
	B_BATCH = 1000,
	B_FIB = 16, /* spawns 1,596 tasks */
	B_CROWD = 100000,
	B_TIMERS = 1000000,
	B_JOB = 64,	      /* turns of b_outside() */
	B_WAKE_PAUSE = 30000, /* ns, after which a worker with nothing to do sleeps */
	B_RUNTIME_WORKERS = 16
};

static inline unsigned b_workers(const struct b_case *cas)
{
	return (unsigned)(cas->arg % B_BATCH);
}

/* Tasks of a batch; 0: all of them at once. */
static inline uint64_t b_batch(const struct b_case *cas, uint64_t n)
{
	uint64_t batch = cas->arg / B_BATCH;

	return batch && batch < n ? batch : n;
}

/* Far away, and spread over an hour: of the i-th timer. */
static inline uint64_t b_far_ns(uint64_t random)
{
	return UINT64_C(60000000000) + random % UINT64_C(3600000000000);
}

/* ---- a crowd that waits, and is let go at once ---------------------------------- */

struct b_crowd {
	struct pawl_atomic_u64 waiting
		PAWL_ALIGNED(PAWL_LINE_BYTES);			   /* have come to their wait */
	struct pawl_atomic_u64 left PAWL_ALIGNED(PAWL_LINE_BYTES); /* have not gone yet */
	sem_t complete PAWL_ALIGNED(PAWL_LINE_BYTES); /* all wait, or all have gone */
	uint64_t size;
	struct {
		struct pawl_atomic_u64 ran PAWL_ALIGNED(PAWL_LINE_BYTES);
	} on[B_RUNTIME_WORKERS];
};

static inline void b_crowd_init(struct b_crowd *crowd, uint64_t size)
{
	crowd->size = size;
	sem_init(&crowd->complete, 0, 0);
	pawl_init_word(&crowd->waiting, 0u);
	pawl_init_word(&crowd->left, size);
	for (unsigned i = 0; i < B_RUNTIME_WORKERS; i++)
		pawl_init_word(&crowd->on[i].ran, 0u);
}

/* Each of them, before it waits. The last one tells. */
static inline void b_crowd_come(struct b_crowd *crowd)
{
	if (pawl_add_acq_rel(&crowd->waiting, 1u) + 1 == crowd->size)
		sem_post(&crowd->complete);
}

/* Each of them, when it goes on. */
static inline void b_crowd_go(struct b_crowd *crowd, unsigned worker)
{
	pawl_add_relaxed(&crowd->on[worker % B_RUNTIME_WORKERS].ran, 1u);
	if (pawl_sub_acq_rel(&crowd->left, 1u) == 1)
		sem_post(&crowd->complete);
}

static inline void b_crowd_wait(struct b_crowd *crowd)
{
	while (sem_wait(&crowd->complete))
		;
}

/* In teardown: the largest part of the crowd that one worker ran, over a fair part; 1 is fair. */
static inline void b_crowd_report(struct b_run *run, struct b_crowd *crowd)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < B_RUNTIME_WORKERS; i++) {
		uint64_t ran = pawl_load_relaxed(&crowd->on[i].ran);

		most = most > ran ? most : ran;
	}
	b_extra(run, "imbalance", (double)(most * b_workers(run->cas)) / (double)crowd->size);
	sem_destroy(&crowd->complete);
}

/* ---- waking a task from outside -------------------------------------------------- */

struct b_wake {
	struct pawl_atomic_u64 woken_ns PAWL_ALIGNED(PAWL_LINE_BYTES);
};

/* Who was woken, first of all. */
static inline void b_wake_up(struct b_wake *wake)
{
	pawl_store_release(&wake->woken_ns, b_now_ns());
}

/*
 * The driving thread: POST wakes somebody who calls b_wake_up(). Between two of them everybody has the time to
 * fall asleep; that is no part of what an operation takes.
 */
#define B_WAKE_LOOP(w, n, wake, POST)                                            \
	do {                                                                     \
		uint64_t spent_ = 0;                                             \
		uint64_t begin_, woken_;                                         \
                                                                                 \
		for (uint64_t i_ = 0; i_ < (n); i_++) {                          \
			begin_ = b_now_ns();                                     \
			while (b_now_ns() - begin_ < B_WAKE_PAUSE)               \
				;                                                \
			pawl_store_relaxed(&(wake)->woken_ns, 0u);               \
			begin_ = b_now_ns();                                     \
			POST;                                                    \
			while (!(woken_ = pawl_load_acquire(&(wake)->woken_ns))) \
				;                                                \
			b_latency_add(w, woken_ - begin_);                       \
			spent_ += woken_ - begin_;                               \
		}                                                                \
		(w)->spent_ns = spent_;                                          \
	} while (0)

/* ---- the list ---------------------------------------------------------------------- */

/* One case of a bench of tasks, with so many workers. */
#define B_TASKS(BENCH, CONTENDER, WORKERS, BATCH, PREPARE, DISCARD, WORK, ...)             \
	{                                                                                  \
		.bench = BENCH, .contender = CONTENDER, .params = "\"workers\":" #WORKERS, \
		.arg = (WORKERS) + (uint64_t)B_BATCH * (BATCH), .threads = 1,              \
		.prepare = PREPARE, .discard = DISCARD, .work = WORK, __VA_ARGS__          \
	}

#endif
