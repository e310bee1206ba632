/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * work.h - the workloads of b-wait and b-retire, written once and expanded for
 * each contender in the file that knows it, so that all do the same work and
 * each gets the inlining that its headers allow.
 *
 * B_LOCK_CASES(NAME, contender, ENTER, LEAVE)
 *	The file defines `NAME_t` and the inline functions NAME_init, NAME_lock,
 *	NAME_unlock (pointer to NAME_t).
 * B_GATE_CASES(NAME, contender, ENTER, LEAVE, ...)
 *	A gate holds a 32-bit value that one thread posts and others wait for:
 *	`struct NAME`, NAME_init, NAME_post(gate, value, all), NAME_wait(gate, value).
 * B_LOOP_CASE(NAME, bench, contender, ...)
 *	One statement over `state`, repeated; for what needs nothing else.
 * B_SECTION_CASES, B_RETIRE_CASES: see there.
 */
#ifndef B_WORK_H
#define B_WORK_H

#include "bench.h"

#include <stdlib.h>

/* ---- locks --------------------------------------------------------------- */

enum {
	B_INSIDE = 4,
	B_OUTSIDE = 200,
	B_LOCK_SAMPLE = 64,
	B_LOCKS_L2 = 1 << 14,
	B_LOCKS_L3 = 1 << 20
};

static inline void b_teardown_free(struct b_run *run)
{
	free(run->state);
}

#define B_LOCK_CASES(NAME, CONTENDER, ENTER, LEAVE)                                  \
	/* Alone on its lines. */                                                    \
	struct NAME##_apart {                                                        \
		NAME##_t lock;                                                       \
		uint64_t value[B_INSIDE];                                            \
	} PAWL_ALIGNED(PAWL_LINE_BYTES);                                             \
	/* As locks lie in objects: with a count of four bytes, in an array. */      \
	struct NAME##_packed {                                                       \
		NAME##_t lock;                                                       \
		uint32_t value;                                                      \
	};                                                                           \
	static int NAME##_setup_own(struct b_run *run)                               \
	{                                                                            \
		struct NAME##_apart *objs = b_alloc(run->threads * sizeof(*objs));   \
                                                                                     \
		for (unsigned i = 0; i < run->threads; i++)                          \
			NAME##_init(&objs[i].lock);                                  \
		run->state = objs;                                                   \
		return 0;                                                            \
	}                                                                            \
	static void NAME##_own(struct b_worker *w, uint64_t n)                       \
	{                                                                            \
		struct NAME##_apart *objs = w->run->state;                           \
		struct NAME##_apart *obj = &objs[w->index];                          \
                                                                                     \
		while (n--) {                                                        \
			NAME##_lock(&obj->lock);                                     \
			obj->value[0]++;                                             \
			NAME##_unlock(&obj->lock);                                   \
		}                                                                    \
	}                                                                            \
	static inline void NAME##_inside(struct NAME##_apart *obj)                   \
	{                                                                            \
		NAME##_lock(&obj->lock);                                             \
		for (unsigned k = 0; k < B_INSIDE; k++)                              \
			obj->value[k]++;                                             \
		NAME##_unlock(&obj->lock);                                           \
	}                                                                            \
	static void NAME##_shared(struct b_worker *w, uint64_t n)                    \
	{                                                                            \
		struct NAME##_apart *obj = w->run->state;                            \
		uint64_t outside = w->run->cas->arg;                                 \
                                                                                     \
		while (n--) {                                                        \
			if (n % B_LOCK_SAMPLE == 0) {                                \
				uint64_t begin = b_now_ns();                         \
                                                                                     \
				NAME##_inside(obj);                                  \
				b_latency_add(w, b_now_ns() - begin);                \
			} else {                                                     \
				NAME##_inside(obj);                                  \
			}                                                            \
			b_outside(outside);                                          \
		}                                                                    \
	}                                                                            \
	static int NAME##_setup_many(struct b_run *run)                              \
	{                                                                            \
		struct NAME##_packed *objs = b_alloc(run->cas->arg * sizeof(*objs)); \
                                                                                     \
		for (uint64_t i = 0; i < run->cas->arg; i++)                         \
			NAME##_init(&objs[i].lock);                                  \
		run->state = objs;                                                   \
		return 0;                                                            \
	}                                                                            \
	static void NAME##_many(struct b_worker *w, uint64_t n)                      \
	{                                                                            \
		struct NAME##_packed *objs = w->run->state;                          \
		uint64_t mask = w->run->cas->arg - 1;                                \
                                                                                     \
		while (n--) {                                                        \
			struct NAME##_packed *obj = &objs[b_random(w) & mask];       \
                                                                                     \
			NAME##_lock(&obj->lock);                                     \
			obj->value++;                                                \
			NAME##_unlock(&obj->lock);                                   \
		}                                                                    \
	}                                                                            \
	static const struct b_case NAME##_cases[] = {                                \
		{.bench = "lock-free",                                               \
		 .contender = CONTENDER,                                             \
		 .bytes = sizeof(NAME##_t),                                          \
		 .setup = NAME##_setup_own,                                          \
		 .enter = ENTER,                                                     \
		 .work = NAME##_own,                                                 \
		 .leave = LEAVE,                                                     \
		 .teardown = b_teardown_free},                                       \
		{.bench = "lock-contended",                                          \
		 .contender = CONTENDER,                                             \
		 .bytes = sizeof(NAME##_t),                                          \
		 .params = "\"outside\":0",                                          \
		 .setup = NAME##_setup_own,                                          \
		 .enter = ENTER,                                                     \
		 .work = NAME##_shared,                                              \
		 .leave = LEAVE,                                                     \
		 .teardown = b_teardown_free},                                       \
		{.bench = "lock-contended",                                          \
		 .contender = CONTENDER,                                             \
		 .bytes = sizeof(NAME##_t),                                          \
		 .params = "\"outside\":200",                                        \
		 .arg = B_OUTSIDE,                                                   \
		 .setup = NAME##_setup_own,                                          \
		 .enter = ENTER,                                                     \
		 .work = NAME##_shared,                                              \
		 .leave = LEAVE,                                                     \
		 .teardown = b_teardown_free},                                       \
		{.bench = "lock-many",                                               \
		 .contender = CONTENDER,                                             \
		 .params = "\"locks\":16384",                                        \
		 .arg = B_LOCKS_L2,                                                  \
		 .bytes = sizeof(struct NAME##_packed),                              \
		 .setup = NAME##_setup_many,                                         \
		 .enter = ENTER,                                                     \
		 .work = NAME##_many,                                                \
		 .leave = LEAVE,                                                     \
		 .teardown = b_teardown_free},                                       \
		{.bench = "lock-many",                                               \
		 .contender = CONTENDER,                                             \
		 .params = "\"locks\":1048576",                                      \
		 .arg = B_LOCKS_L3,                                                  \
		 .bytes = sizeof(struct NAME##_packed),                              \
		 .setup = NAME##_setup_many,                                         \
		 .enter = ENTER,                                                     \
		 .work = NAME##_many,                                                \
		 .leave = LEAVE,                                                     \
		 .teardown = b_teardown_free},                                       \
	};                                                                           \
	B_CASES(NAME##_cases)

/* ---- gates: ping-pong, wake all ------------------------------------------ */

enum { B_GATE_SAMPLE = 8 };

#define B_GATE_WORK(NAME)                                                             \
	struct NAME##_pair {                                                          \
		struct NAME##_slot {                                                  \
			struct NAME gate PAWL_ALIGNED(PAWL_LINE_BYTES);               \
		} side[2];                                                            \
		struct pawl_atomic_u64 acks PAWL_ALIGNED(PAWL_LINE_BYTES);            \
	};                                                                            \
	static int NAME##_setup(struct b_run *run)                                    \
	{                                                                             \
		struct NAME##_pair *pair = b_alloc(sizeof(*pair));                    \
                                                                                      \
		NAME##_init(&pair->side[0].gate);                                     \
		NAME##_init(&pair->side[1].gate);                                     \
		run->state = pair;                                                    \
		return 0;                                                             \
	}                                                                             \
	static inline void NAME##_ping(struct NAME##_pair *pair, uint64_t i)          \
	{                                                                             \
		NAME##_post(&pair->side[1].gate, (uint32_t)i, false);                 \
		NAME##_wait(&pair->side[0].gate, (uint32_t)i);                        \
	}                                                                             \
	static void NAME##_pingpong(struct b_worker *w, uint64_t n)                   \
	{                                                                             \
		struct NAME##_pair *pair = w->run->state;                             \
                                                                                      \
		for (uint64_t i = 1; i <= n; i++) {                                   \
			if (w->index) {                                               \
				NAME##_wait(&pair->side[1].gate, (uint32_t)i);        \
				NAME##_post(&pair->side[0].gate, (uint32_t)i, false); \
			} else if (i % B_GATE_SAMPLE) {                               \
				NAME##_ping(pair, i);                                 \
			} else {                                                      \
				uint64_t begin = b_now_ns();                          \
                                                                                      \
				NAME##_ping(pair, i);                                 \
				b_latency_add(w, b_now_ns() - begin);                 \
			}                                                             \
		}                                                                     \
	}

#define B_GATE_WAKE_ALL(NAME)                                                         \
	static void NAME##_wake_all(struct b_worker *w, uint64_t n)                   \
	{                                                                             \
		struct NAME##_pair *pair = w->run->state;                             \
		uint64_t waiters = w->threads - 1;                                    \
                                                                                      \
		for (uint64_t i = 1; i <= n; i++) {                                   \
			if (w->index == 0) {                                          \
				NAME##_post(&pair->side[1].gate, (uint32_t)i, true);  \
				NAME##_wait(&pair->side[0].gate, (uint32_t)i);        \
				continue;                                             \
			}                                                             \
			NAME##_wait(&pair->side[1].gate, (uint32_t)i);                \
			/* The last one to come back tells the poster. */             \
			if (pawl_add_acq_rel(&pair->acks, 1u) + 1 == waiters * i)     \
				NAME##_post(&pair->side[0].gate, (uint32_t)i, false); \
		}                                                                     \
	}

#define B_GATE_PINGPONG_CASES(NAME, BENCH, CONTENDER, BYTES, ENTER, LEAVE)            \
	{.bench = BENCH,                                                              \
	 .contender = CONTENDER,                                                      \
	 .params = "\"cpus\":2",                                                      \
	 .bytes = BYTES,                                                              \
	 .threads = 2,                                                                \
	 .setup = NAME##_setup,                                                       \
	 .enter = ENTER,                                                              \
	 .work = NAME##_pingpong,                                                     \
	 .leave = LEAVE,                                                              \
	 .teardown = b_teardown_free},                                                \
	{                                                                             \
		.bench = BENCH, .contender = CONTENDER, .params = "\"cpus\":1",       \
		.bytes = BYTES, .one_cpu = true, .threads = 2, .setup = NAME##_setup, \
		.enter = ENTER, .work = NAME##_pingpong, .leave = LEAVE,              \
		.teardown = b_teardown_free                                           \
	}

#define B_GATE_WAKE_ALL_CASES(NAME, CONTENDER, BYTES, ENTER, LEAVE)                            \
	{.bench = "event-wake-all",                                                            \
	 .contender = CONTENDER,                                                               \
	 .params = "\"waiters\":4",                                                            \
	 .bytes = BYTES,                                                                       \
	 .threads = 5,                                                                         \
	 .setup = NAME##_setup,                                                                \
	 .enter = ENTER,                                                                       \
	 .work = NAME##_wake_all,                                                              \
	 .leave = LEAVE,                                                                       \
	 .teardown = b_teardown_free},                                                         \
	{                                                                                      \
		.bench = "event-wake-all", .contender = CONTENDER, .params = "\"waiters\":16", \
		.bytes = BYTES, .threads = 17, .setup = NAME##_setup, .enter = ENTER,          \
		.work = NAME##_wake_all, .leave = LEAVE, .teardown = b_teardown_free           \
	}

#define B_GATE_CASES(NAME, CONTENDER, BYTES, ENTER, LEAVE)                              \
	B_GATE_WORK(NAME)                                                               \
	B_GATE_WAKE_ALL(NAME)                                                           \
	static const struct b_case NAME##_gate_cases[] = {                              \
		B_GATE_PINGPONG_CASES(NAME, "event-ping-pong", CONTENDER, BYTES, ENTER, \
				      LEAVE),                                           \
		B_GATE_WAKE_ALL_CASES(NAME, CONTENDER, BYTES, ENTER, LEAVE),            \
	};                                                                              \
	B_CASES(NAME##_gate_cases)

/* ---- one statement, repeated --------------------------------------------- */

/* What several threads would share is not shared here: each has a `TYPE state` of its own. */
#define B_LOOP_CASE(NAME, BENCH, CONTENDER, TYPE, BYTES, INIT, STATEMENT, ENTER, LEAVE) \
	struct NAME##_own {                                                             \
		TYPE state;                                                             \
	} PAWL_ALIGNED(PAWL_LINE_BYTES);                                                \
	static int NAME##_setup(struct b_run *run)                                      \
	{                                                                               \
		struct NAME##_own *own = b_alloc(run->threads * sizeof(*own));          \
                                                                                        \
		for (unsigned i = 0; i < run->threads; i++) {                           \
			TYPE *state = &own[i].state;                                    \
                                                                                        \
			(void)state;                                                    \
			INIT;                                                           \
		}                                                                       \
		run->state = own;                                                       \
		return 0;                                                               \
	}                                                                               \
	static void NAME##_loop(struct b_worker *w, uint64_t n)                         \
	{                                                                               \
		struct NAME##_own *own = w->run->state;                                 \
		TYPE *state = &own[w->index].state;                                     \
                                                                                        \
		(void)state;                                                            \
		while (n--) {                                                           \
			STATEMENT;                                                      \
			b_use(state);                                                   \
		}                                                                       \
	}                                                                               \
	static const struct b_case NAME##_case[] = {                                    \
		{.bench = BENCH,                                                        \
		 .contender = CONTENDER,                                                \
		 .bytes = BYTES,                                                        \
		 .setup = NAME##_setup,                                                 \
		 .enter = ENTER,                                                        \
		 .work = NAME##_loop,                                                   \
		 .leave = LEAVE,                                                        \
		 .teardown = b_teardown_free},                                          \
	};                                                                              \
	B_CASES(NAME##_case)

/* ---- read sections and grace periods ------------------------------------- */

/*
 * SETUP, ENTER, LEAVE, TEARDOWN as in struct b_case; BEGIN, END, SYNCHRONIZE are
 * statements that may use `w`.
 */
#define B_SECTION_CASE(NAME, CONTENDER, SETUP, ENTER, BEGIN, END, LEAVE, TEARDOWN) \
	static void NAME##_section(struct b_worker *w, uint64_t n)                 \
	{                                                                          \
		(void)w;                                                           \
		while (n--) {                                                      \
			BEGIN;                                                     \
			b_use(n);                                                  \
			END;                                                       \
		}                                                                  \
	}                                                                          \
	static const struct b_case NAME##_section_case[] = {                       \
		{.bench = "rcu-section",                                           \
		 .contender = CONTENDER,                                           \
		 .setup = SETUP,                                                   \
		 .enter = ENTER,                                                   \
		 .work = NAME##_section,                                           \
		 .leave = LEAVE,                                                   \
		 .teardown = TEARDOWN},                                            \
	};                                                                         \
	B_CASES(NAME##_section_case)

enum { B_QUIET_EVERY = 64 };

/*
 * Thread 0 waits for grace periods, the others read without pause, but for QUIESCENT every
 * B_QUIET_EVERY sections, which some flavours want. Needs B_SECTION_CASE.
 */
#define B_SYNCHRONIZE_CASE(NAME, CONTENDER, SETUP, ENTER, SYNCHRONIZE, QUIESCENT, LEAVE, \
			   TEARDOWN)                                                     \
	static void NAME##_synchronize(struct b_worker *w, uint64_t n)                   \
	{                                                                                \
		w->uncounted = w->index > 0;                                             \
		for (; w->index && n >= B_QUIET_EVERY; n -= B_QUIET_EVERY) {             \
			NAME##_section(w, B_QUIET_EVERY);                                \
			QUIESCENT;                                                       \
		}                                                                        \
		if (w->index) {                                                          \
			NAME##_section(w, n);                                            \
			QUIESCENT;                                                       \
			return;                                                          \
		}                                                                        \
		while (n--)                                                              \
			SYNCHRONIZE;                                                     \
	}                                                                                \
	static const struct b_case NAME##_synchronize_case[] = {                         \
		{.bench = "rcu-synchronize",                                             \
		 .contender = CONTENDER,                                                 \
		 .setup = SETUP,                                                         \
		 .enter = ENTER,                                                         \
		 .work = NAME##_synchronize,                                             \
		 .leave = LEAVE,                                                         \
		 .teardown = TEARDOWN},                                                  \
	};                                                                               \
	B_CASES(NAME##_synchronize_case)

/* ---- retire -------------------------------------------------------------- */

enum { B_OBJECT_BYTES = 64, B_PEAK_EVERY = 256 };

/* One thread's counts. */
struct b_retire_lane {
	/* Written by the thread itself, every B_PEAK_EVERY objects. */
	struct pawl_atomic_u64 retired PAWL_ALIGNED(PAWL_LINE_BYTES);
	/* Of the objects of this thread; by whoever frees. */
	struct pawl_atomic_u64 freed PAWL_ALIGNED(PAWL_LINE_BYTES);
};

struct b_retire {
	unsigned threads;
	uint64_t peak;
	uint64_t retire_ns;
	uint64_t cpu_ns;
	uint64_t count;
	/* The contender's own. */
	void *peer;
	struct b_retire_lane lane[];
};

static inline struct b_retire *b_retire_make(struct b_run *run)
{
	struct b_retire *retire =
		b_alloc(sizeof(*retire) + run->threads * sizeof(retire->lane[0]));

	retire->threads = run->threads;
	run->state = retire;
	return retire;
}

static inline void b_retire_peak(struct b_retire *retire)
{
	uint64_t pending = 0;

	for (unsigned i = 0; i < retire->threads; i++) {
		uint64_t freed = pawl_load_relaxed(&retire->lane[i].freed);
		uint64_t retired = pawl_load_relaxed(&retire->lane[i].retired);

		pending += retired > freed ? retired - freed : 0;
	}
	if (retire->peak < pending)
		retire->peak = pending;
}

/* Thread 0, at the end of its work: `begin` and `cpu` are stamps of its start. */
static inline void b_retire_report(struct b_run *run)
{
	struct b_retire *retire = run->state;
	uint64_t left = 0;

	for (unsigned i = 0; i < retire->threads; i++)
		left += retire->count - pawl_load_relaxed(&retire->lane[i].freed);
	if (left)
		b_die("%s: %llu objects are not freed", run->cas->contender,
		      (unsigned long long)left);
	b_extra(run, "peak_bytes", (double)(retire->peak * B_OBJECT_BYTES));
	b_extra(run, "retire_ns_op", (double)retire->retire_ns / (double)retire->count);
	b_extra(run, "cpu_ns_op",
		(double)retire->cpu_ns / (double)(retire->count * retire->threads));
}

/*
 * `struct NAME_object` is B_OBJECT_BYTES long and has a field `lane` (struct b_retire_lane
 * pointer). RETIRE(w, obj) is a statement that retires and waits if it is told to; QUIESCENT
 * one that comes every B_PEAK_EVERY objects;
 * BARRIER one that returns when all that this thread retired is freed.
 */
#define B_RETIRE_CASES(NAME, CONTENDER, ARG, SETUP, ENTER, RETIRE, QUIESCENT, BARRIER, LEAVE, \
		       TEARDOWN)                                                              \
	PAWL_STATIC_ASSERT(sizeof(struct NAME##_object) == B_OBJECT_BYTES, "same objects");   \
	static void NAME##_retire(struct b_worker *w, uint64_t n)                             \
	{                                                                                     \
		struct b_retire *retire = w->run->state;                                      \
		struct b_retire_lane *lane = &retire->lane[w->index];                         \
		uint64_t begin = b_now_ns();                                                  \
		uint64_t cpu = b_cpu_ns();                                                    \
                                                                                              \
		for (uint64_t i = 1; i <= n; i++) {                                           \
			struct NAME##_object *obj = malloc(sizeof(*obj));                     \
                                                                                              \
			if (!obj)                                                             \
				b_die("no memory");                                           \
			obj->lane = lane;                                                     \
			RETIRE(w, obj);                                                       \
			if (i % B_PEAK_EVERY == 0) {                                          \
				pawl_store_relaxed(&lane->retired, i);                        \
				QUIESCENT;                                                    \
				if (w->index == 0)                                            \
					b_retire_peak(retire);                                \
			}                                                                     \
		}                                                                             \
		if (w->index == 0)                                                            \
			retire->retire_ns = b_now_ns() - begin;                               \
		BARRIER(w);                                                                   \
		if (w->index == 0) {                                                          \
			retire->cpu_ns = b_cpu_ns() - cpu;                                    \
			retire->count = n;                                                    \
		}                                                                             \
	}                                                                                     \
	static const struct b_case NAME##_retire_cases[] = {                                  \
		{.bench = "retire",                                                           \
		 .contender = CONTENDER,                                                      \
		 .bytes = B_OBJECT_BYTES,                                                     \
		 .arg = ARG,                                                                  \
		 .setup = SETUP,                                                              \
		 .enter = ENTER,                                                              \
		 .work = NAME##_retire,                                                       \
		 .leave = LEAVE,                                                              \
		 .teardown = TEARDOWN},                                                       \
		{.bench = "retire-storm",                                                     \
		 .contender = CONTENDER,                                                      \
		 .bytes = B_OBJECT_BYTES,                                                     \
		 .arg = ARG,                                                                  \
		 .setup = SETUP,                                                              \
		 .enter = ENTER,                                                              \
		 .work = NAME##_retire,                                                       \
		 .leave = LEAVE,                                                              \
		 .teardown = TEARDOWN},                                                       \
	};                                                                                    \
	B_CASES(NAME##_retire_cases)

/* What every free function does first. */
#define B_RETIRE_FREED(obj) ((void)pawl_add_relaxed(&(obj)->lane->freed, 1u))

#endif
