/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-engine-rust.c - peers of the incremental engine, through the static library that peers/ builds.
 *
 * "salsa" (module queries): queries that remember, with dependencies, on the thread that drives. "salsa-held" has the
 * keys of its calls interned beforehand. Not the same: a change makes nothing run or dirty; who asks again has all
 * below checked, from the top, and with that what changed is run; there are no tasks that run though
 * nobody asks, no strong reads, no workers. Queries recurse on the thread's stack: no long chains.
 *
 * "tokio-memo" and "tokio-once" (module memo): a concurrent map from key to result, and tokio to run what is not there:
 * as a task at once, or in place by who reads first. Not the same: no dependencies, so nothing can be computed again.
 * "tokio" is tasks alone, without a map.
 *
 * All run the same bodies the same number of times, which is checked, from the same heap.
 */
#include "work-engine.h"

#include <stdlib.h>
#include <string.h>

struct sl_db;
struct mm_program;

struct sl_db *sl_new(uint64_t inputs);
void sl_drop(struct sl_db *db);
uint64_t sl_runs(void);
uint64_t sl_ask(struct sl_db *db, uint32_t graph, uint64_t size);
void sl_change(struct sl_db *db, uint64_t input, uint64_t value);
void sl_hold(struct sl_db *db, uint64_t keys);
uint64_t sl_hits(struct sl_db *db, uint64_t keys, uint64_t n);
uint64_t sl_hits_held(struct sl_db *db, uint64_t keys, uint64_t n);
uint64_t sl_creates(struct sl_db *db, uint64_t first, uint64_t n);
uint64_t sl_busy(struct sl_db *db, void (*busy)(uint64_t ns), uint64_t ns, uint64_t first,
		 uint64_t n);

struct mm_program *mm_new(uint32_t workers, bool once);
void mm_drop(struct mm_program *program);
uint64_t mm_runs(void);
uint64_t mm_ask(struct mm_program *program, uint32_t graph, uint64_t size);
void mm_calls(struct mm_program *program, uint64_t keys, uint64_t n);
uint64_t mm_hits(struct mm_program *program, uint64_t keys, uint64_t n);
uint64_t mm_creates(struct mm_program *program, uint64_t first, uint64_t n, bool all);
void mm_busy_set(struct mm_program *program, void (*busy)(uint64_t ns), uint64_t ns);
uint64_t mm_busy(struct mm_program *program, uint64_t first, uint64_t n, bool all);
void mm_spawns(struct mm_program *program, void (*busy)(uint64_t ns), uint64_t ns, uint64_t n,
	       bool all);

/* ---- graphs ------------------------------------------------------------------------- */

static void *salsa_make(const struct b_kind *kind)
{
	return sl_new(kind->when == B_COLD ? 0 : b_kind_inputs(kind));
}

static uint64_t salsa_ask(void *made, const struct b_kind *kind)
{
	return sl_ask(made, kind->graph, kind->size);
}

static void salsa_change(void *made, uint64_t input, uint64_t value)
{
	sl_change(made, input, value);
}

static uint64_t salsa_runs(void *made)
{
	(void)made;
	return sl_runs();
}

static void salsa_drop(void *made)
{
	sl_drop(made);
}

static void *memo_make(const struct b_kind *kind)
{
	return mm_new(kind->workers, false);
}

static void *once_make(const struct b_kind *kind)
{
	return mm_new(kind->workers, true);
}

static uint64_t memo_ask(void *made, const struct b_kind *kind)
{
	return mm_ask(made, kind->graph, kind->size);
}

/* A result is there a moment before its task has ended; its body has run. */
static uint64_t memo_runs(void *made)
{
	(void)made;
	return mm_runs();
}

static void memo_drop(void *made)
{
	mm_drop(made);
}

static const struct b_maker salsa = {salsa_make, salsa_ask,  salsa_change, salsa_runs,
				     NULL,	 salsa_drop, false};
static const struct b_maker memo = {memo_make, memo_ask,  NULL, memo_runs,
				    NULL,      memo_drop, false};
static const struct b_maker once = {once_make, memo_ask,  NULL, memo_runs,
				    NULL,      memo_drop, false};

/* ---- calls ---------------------------------------------------------------------------- */

struct calls {
	struct sl_db *db;
	struct mm_program *program;
	uint64_t keys, ns, runs, sum, made, heap;
	bool sums; /* what was read is checked */
};

static uint64_t param(const struct b_run *run, const char *name)
{
	const char *at = run->cas->params ? strstr(run->cas->params, name) : NULL;

	return at ? strtoull(strchr(at, ':') + 1, NULL, 10) : 0;
}

static struct calls *calls_new(struct b_run *run)
{
	struct calls *calls = b_alloc(sizeof(*calls));

	calls->keys = param(run, "\"keys\"");
	calls->ns = param(run, "\"us\"") * 1000;
	run->state = calls;
	return calls;
}

static int salsa_setup(struct b_run *run)
{
	struct calls *calls = calls_new(run);

	calls->db = sl_new(0);
	calls->runs = sl_runs();
	calls->heap = b_heap_bytes();
	return 0;
}

/* With all that will be hit. */
static int salsa_setup_held(struct b_run *run)
{
	struct calls *calls = calls_new(run);

	calls->db = sl_new(0);
	sl_hold(calls->db, calls->keys);
	calls->runs = sl_runs();
	return 0;
}

static void memo_setup_as(struct b_run *run, bool is_once)
{
	struct calls *calls = calls_new(run);

	calls->program = mm_new((uint32_t)param(run, "\"workers\""), is_once);
	mm_busy_set(calls->program, b_spin_ns, calls->ns);
	if (!strncmp(run->cas->bench, "hit", 3) || !strncmp(run->cas->bench, "call", 4))
		b_use(mm_creates(calls->program, 0, calls->keys, false));
	calls->runs = mm_runs();
	calls->heap = b_heap_bytes();
}

static int memo_setup(struct b_run *run)
{
	memo_setup_as(run, false);
	return 0;
}

static int once_setup(struct b_run *run)
{
	memo_setup_as(run, true);
	return 0;
}

static void calls_teardown(struct b_run *run)
{
	struct calls *calls = run->state;
	uint64_t runs = (calls->db ? sl_runs() : mm_runs()) - calls->runs;
	uint64_t wanted = calls->made || !calls->keys ? b_sum(0, run->count)
						      : b_sum_turns(calls->keys, run->count);

	if (runs != calls->made || (calls->sums && calls->sum != wanted))
		b_die("%s: %s: wrong sum, or %llu bodies in place of %llu", run->cas->bench,
		      run->cas->contender, (unsigned long long)runs,
		      (unsigned long long)calls->made);
	if (calls->made)
		b_extra(run, "bytes_task",
			((double)b_heap_bytes() - (double)calls->heap) / (double)calls->made);
	if (calls->db)
		sl_drop(calls->db);
	else
		mm_drop(calls->program);
	free(calls);
}

static void read_of(struct calls *calls, uint64_t sum, uint64_t made)
{
	calls->sum = sum;
	calls->made = made;
	calls->sums = true;
}

#define WORK(NAME, CALL, MADE)                                  \
	static void NAME##_work(struct b_worker *w, uint64_t n) \
	{                                                       \
		struct calls *calls = w->run->state;            \
                                                                \
		read_of(calls, CALL, MADE);                     \
	}
WORK(salsa_hits, sl_hits(calls->db, calls->keys, n), 0)
WORK(salsa_held, sl_hits_held(calls->db, calls->keys, n), 0)
WORK(salsa_creates, sl_creates(calls->db, 0, n), n)
WORK(salsa_busy, sl_busy(calls->db, b_spin_ns, calls->ns, 0, n), n)
WORK(memo_hits, mm_hits(calls->program, calls->keys, n), 0)
WORK(memo_creates, mm_creates(calls->program, 0, n, false), n)
WORK(memo_first, mm_creates(calls->program, 0, n, true), n)
WORK(memo_busy, mm_busy(calls->program, 0, n, false), n)
WORK(memo_busy_first, mm_busy(calls->program, 0, n, true), n)

static void memo_calls_work(struct b_worker *w, uint64_t n)
{
	struct calls *calls = w->run->state;

	mm_calls(calls->program, calls->keys, n);
}

static void spawns_work(struct b_worker *w, uint64_t n)
{
	struct calls *calls = w->run->state;

	mm_spawns(calls->program, b_spin_ns, calls->ns, n, false);
}

static void spawns_first_work(struct b_worker *w, uint64_t n)
{
	struct calls *calls = w->run->state;

	mm_spawns(calls->program, b_spin_ns, calls->ns, n, true);
}

static void salsa_open_work(struct b_worker *w, uint64_t n)
{
	(void)w;
	while (n--)
		sl_drop(sl_new(0));
}

static void memo_open_work(struct b_worker *w, uint64_t n)
{
	while (n--)
		mm_drop(mm_new((uint32_t)param(w->run, "\"workers\""), false));
}

/* ---- the list -------------------------------------------------------------------------- */

#define CALLS(CONTENDER, BENCH, PARAMS, COUNT, SETUP, WORK) \
	{.bench = BENCH,                                    \
	 .contender = CONTENDER,                            \
	 .params = PARAMS,                                  \
	 .count = COUNT,                                    \
	 .anywhere = true,                                  \
	 .threads = 1,                                      \
	 .setup = SETUP,                                    \
	 .work = WORK,                                      \
	 .teardown = calls_teardown},
#define OPEN(CONTENDER, PARAMS, WORK) \
	{.bench = "engine-open",      \
	 .contender = CONTENDER,      \
	 .params = PARAMS,            \
	 .anywhere = true,            \
	 .threads = 1,                \
	 .work = WORK},
#define HITS(PARAMS, COUNT) \
	CALLS("tokio-memo", "call-hit", PARAMS, COUNT, memo_setup, memo_calls_work)
#define HITS_READ(PARAMS, COUNT)                                                          \
	CALLS("salsa", "hit-read", PARAMS, COUNT, salsa_setup_held, salsa_hits_work)      \
	CALLS("salsa-held", "hit-read", PARAMS, COUNT, salsa_setup_held, salsa_held_work) \
	CALLS("tokio-memo", "hit-read", PARAMS, COUNT, memo_setup, memo_hits_work)
#define CREATES(PARAMS, COUNT)                                                           \
	CALLS("salsa", "create-read", PARAMS, COUNT, salsa_setup, salsa_creates_work)    \
	CALLS("tokio-memo", "create-read", PARAMS, COUNT, memo_setup, memo_creates_work) \
	CALLS("tokio-once", "create-read", PARAMS, COUNT, once_setup, memo_creates_work)
#define FIRST(PARAMS, COUNT)                                                               \
	CALLS("tokio-memo", "create-all-read", PARAMS, COUNT, memo_setup, memo_first_work) \
	CALLS("tokio-once", "create-all-read", PARAMS, COUNT, once_setup, memo_first_work)
#define OVERHEAD(PARAMS, COUNT)                                                    \
	CALLS("salsa", "overhead", PARAMS, COUNT, salsa_setup, salsa_busy_work)    \
	CALLS("tokio", "overhead", PARAMS, COUNT, memo_setup, spawns_work)         \
	CALLS("tokio-memo", "overhead", PARAMS, COUNT, memo_setup, memo_busy_work) \
	CALLS("tokio-once", "overhead", PARAMS, COUNT, once_setup, memo_busy_work)
#define PARALLEL(PARAMS, COUNT)                                                           \
	CALLS("tokio", "overhead-parallel", PARAMS, COUNT, memo_setup, spawns_first_work) \
	CALLS("tokio-memo", "overhead-parallel", PARAMS, COUNT, memo_setup,               \
	      memo_busy_first_work)

#define SALSA(...)	  B_GRAPH_CASE("salsa", salsa, __VA_ARGS__, false, NULL)
#define MEMO(...)	  B_GRAPH_CASE("tokio-memo", memo, __VA_ARGS__, false, NULL)
#define ONCE(...)	  B_GRAPH_CASE("tokio-once", once, __VA_ARGS__, false, NULL)
#define SALSA_MEMORY(...) B_GRAPH_CASE("salsa", salsa, __VA_ARGS__, true, NULL)
#define MEMO_MEMORY(...)  B_GRAPH_CASE("tokio-memo", memo, __VA_ARGS__, true, NULL)

/* clang-format off */
static const struct b_case cases[] = {
	B_HIT_CASES(HITS)
	B_HIT_CASES(HITS_READ)
	B_CREATE_CASES(CREATES)
	B_CREATE_FIRST_CASES(FIRST)
	B_OVERHEAD_CASES(OVERHEAD)
	B_PARALLEL_CASES(PARALLEL)
	OPEN("salsa", "\"workers\":1", salsa_open_work)
	OPEN("tokio-memo", "\"workers\":1", memo_open_work)
	OPEN("tokio-memo", "\"workers\":2", memo_open_work)
	B_FIBONACCI_CASES(SALSA, 1)
	B_FIBONACCI_CASES(MEMO, 1)
	B_FIBONACCI_CASES(MEMO, 2)
	B_FIBONACCI_CASES(ONCE, 1)
	B_FIBONACCI_CASES(ONCE, 2)
	B_RECTANGLE_CASES(SALSA, 1)
	B_RECTANGLE_CASES(MEMO, 1)
	B_RECTANGLE_CASES(MEMO, 2)
	B_RECTANGLE_CASES(ONCE, 1)
	B_RECTANGLE_CASES(ONCE, 2)
	B_FAN_CASES(SALSA, 1)
	B_FAN_CASES(MEMO, 1)
	B_FAN_CASES(MEMO, 2)
	B_FAN_CASES(ONCE, 1)
	B_FAN_CASES(ONCE, 2)
	B_EDIT_CASES(SALSA, 1)
	B_TREE_CASES(SALSA, 1)
	B_MEMORY_CASES(SALSA_MEMORY, 1)
	B_MEMORY_CASES(MEMO_MEMORY, 1)
};
/* clang-format on */
B_CASES(cases)
