/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-internal.h - what the files of the model checker share.
 *
 * The pieces, from the program under test inwards:
 *
 *  mc-tsan.c     the __tsan_ hooks that the compiler put into the program
 *  mc-wrap.c     malloc, clock, syscalls;  mc-thread.c  pthread;  mc-rcu.c  liburcu;
 *  mc-park.c     the contract of lib/park.c;  mc-switch.c  fibres of the program, mmap
 *  mc-op.c       one visible operation: replays it from the graph or asks for a visit
 *  mc-graph.c    the execution graph: events, coherence, views, the SC condition
 *  mc-explore.c  which graphs to visit (exhaustive); mc-walk.c  bounded, random, PCT, replay
 *  mc-run.c      runs the fibres once along one graph; snapshot and restore of memory
 *  mc-heap.c     blocks;  mc-race.c  races on plain memory
 *  mc-report.c   counter-examples;  mc-mutate.c  sites, mutants, coverage
 *  mc-main.c     scenarios, options, verdicts
 *
 * Words used throughout: an *event* is one read, write, fence or choice of one model
 * thread; a *graph* has the events with program order (po), reads-from (rf) and
 * coherence order (co, "modification order") per location; porf is (po u rf)+ and is
 * acyclic by construction, so load buffering is not modelled.
 *
 * State of the checker that must survive the restore of the program's memory carries
 * MC_STATE (or lives in its own mapping); everything else in .data and .bss belongs to
 * the program under test and starts every execution with the same bytes.
 */
#ifndef MC_INTERNAL_H
#define MC_INTERNAL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mc.h"

#define MC_STATE __attribute__((section("mc_state")))

#define MC_T	       16   /* model threads: scenario, main, and the library's */
#define MC_EV_THREAD   2048 /* events of one thread */
#define MC_EV	       4096 /* events of one graph */
#define MC_LOC	       4096 /* locations over all executions */
#define MC_STACK_BYTES (256u << 10)
#define MC_HEAP_BYTES  (4u << 20) /* per thread */
#define MC_KEYS	       32

/* Event id: thread in the high 4 bits, index in the thread in the low 12. */
typedef uint16_t mc_eid;
#define EID(t, i) ((mc_eid)((unsigned)(t) << 12 | (unsigned)(i)))
#define EID_T(e)  ((unsigned)(e) >> 12)
#define EID_I(e)  ((unsigned)(e)&0xfffu)
#define EID_NONE  0xffffu
#define EID_INIT  0xfffeu /* the value before any event */

/* c[t] = how many of thread t's events are included. */
struct mc_clock {
	int16_t c[MC_T];
} __attribute__((aligned(32)));

static inline void mc_join(struct mc_clock *into, const struct mc_clock *from)
{
	for (int i = 0; i < MC_T; i++)
		into->c[i] = into->c[i] > from->c[i] ? into->c[i] : from->c[i];
}

enum mc_kind { EV_READ, EV_WRITE, EV_FENCE, EV_CHOICE, EV_BLOCK };

/* The values of C11's enumeration. */
enum { MO_RELAXED, MO_CONSUME, MO_ACQUIRE, MO_RELEASE, MO_ACQ_REL, MO_SEQ_CST };

static inline bool mo_acquires(unsigned order)
{
	return order == MO_ACQUIRE || order == MO_CONSUME || order >= MO_ACQ_REL;
}
static inline bool mo_releases(unsigned order)
{
	return order >= MO_RELEASE;
}

enum mc_flag {
	EVF_EXCL = 1,	/* part of a read-modify-write */
	EVF_PLAIN = 2,	/* a plain store to a location that is otherwise atomic */
	EVF_OBJECT = 4, /* location is a checker object (mutex, futex queue, ...) */
	EVF_CAS = 8,	/* compare-exchange: EXCL follows from the value read */
	EVF_TIMED = 16, /* a wait that has a deadline: never a deadlock */
	EVF_VIEW = 64,  /* write: passes on the view of event number arg of its thread */
	EVF_IDEM = 128, /* RMW: a mere read if it would write back what it read */
	EVF_PAUSE = 32, /* BLOCK: an await recognised at mc_pause() */
};

/* Which values a read may take; with any other it blocks its thread. */
enum mc_filter {
	FILTER_NONE,
	FILTER_EQ,	/* value == arg */
	FILTER_WOKEN,	/* bit 32+arg is set: this very store woke the waiter */
	FILTER_WAITING, /* bit arg is set */
	FILTER_BITS0,	/* no bit of arg is set */
};

/* What a visible operation asks for. */
struct mc_ask {
	uint8_t kind, order, forder, size, flags, filter;
	uint8_t rmw; /* enum mc_rmw of the write that follows an EXCL read */
	uint16_t loc;
	uint16_t pair;	 /* write of an RMW: index of its read in the thread */
	uint64_t value;	 /* write: value; choice: number of alternatives */
	uint64_t arg;	 /* CAS: expected; filter argument */
	uint64_t operand; /* read of an RMW: operand of the write */
	const void *pc;
	const char *what; /* choice, object: name for the report */
};

enum mc_rmw { RMW_NONE, RMW_XCHG, RMW_ADD, RMW_SUB, RMW_AND, RMW_OR, RMW_XOR, RMW_NAND,
	      RMW_LATER /* the write comes later in program order, if at all */ };

struct mc_ev {
	uint8_t kind, tid, order, size, flags, filter, rmw;
	uint8_t sorder, forder; /* CAS: orders of success and failure */
	uint16_t idx, loc, pair;
	mc_eid rf;		  /* read */
	mc_eid co_prev, co_next;  /* write; prev is EID_INIT for the first */
	uint16_t co_pos;	  /* write: 1, 2, ...; the initial value is 0 */
	uint16_t loc_next;	  /* chain of the location's events (index in graph), or NONE */
	uint32_t stamp;		  /* order of addition */
	uint64_t value, arg, operand;
	const void *pc;
	const char *what;
	/* Derived, recomputed whenever the event is executed. */
	struct mc_clock hb;   /* happens-before prefix, itself included */
	struct mc_clock porf; /* (po u rf)* prefix, itself included */
	struct mc_clock msg;  /* write: what an acquiring reader joins */
};

struct mc_loc_use {
	mc_eid co_first, co_last; /* EID_INIT if no write */
	uint16_t chain;
};

struct mc_graph {
	uint32_t stamp;
	uint16_t nev, nloc;
	uint16_t nsc; /* sequentially consistent events */
	uint16_t n[MC_T];
	uint16_t at[MC_T][MC_EV_THREAD];
	struct mc_loc_use loc[MC_LOC];
	struct mc_ev ev[MC_EV];
};

static inline struct mc_ev *mc_ev(struct mc_graph *g, mc_eid e)
{
	return &g->ev[g->at[EID_T(e)][EID_I(e)]];
}
static inline mc_eid mc_id(const struct mc_ev *e)
{
	return EID(e->tid, e->idx);
}
/* Is a in the prefix described by clock? */
static inline bool mc_in(const struct mc_clock *clock, const struct mc_ev *a)
{
	return a->idx < clock->c[a->tid];
}

/* A location: same in all executions. */
struct mc_loc {
	uint64_t addr;
	uint8_t size;
	bool object;
	uint16_t hash_next;
	const char *what;
};

enum mc_thread_state {
	TH_NONE,
	TH_READY,   /* may run (resume it) */
	TH_NEED,    /* replaying: wants event `need` executed first */
	TH_PENDING, /* at an operation that is not in the graph yet */
	TH_BLOCKED, /* the graph says so, or (quiet) nothing to do */
	TH_PROBE, TH_PROBED, /* asks for a probe; the probe ended */
	TH_PARKED,  /* between attach and body, or body and detach */
	TH_ENDED,
};

enum mc_mode {
	MODE_OFF,   /* outside any execution: hooks do nothing */
	MODE_QUIET, /* setup, attach, detach, finish: one at a time, no events */
	MODE_RUN,
	MODE_PROBE, /* one turn of a waiting loop, to be undone */
};

struct mc_thread {
	uint16_t creations; /* threads that it created in this execution */
	void *sp;
	char *stack;
	char *pause_frame; /* the caller's registers at the last mc_pause() */
	uint8_t state, depth_pad;
	bool scenario, body_done, detached, over, deadline_used, blocked_timed;
	uint8_t number; /* scenario: thread number */
	mc_eid need;
	uint16_t done;	/* events executed */
	struct mc_clock hb, acq, rel, porf;
	void *tls;
	void *keys[MC_KEYS];
	int saved_errno;
	void *(*start)(void *);
	void *arg, *result;
	uint32_t batons_given, batons_taken; /* mc-switch.c */
	uintptr_t baton_value;
	char name[16];
	uint64_t heap_next;
	uint16_t blocks;
	uint16_t rcu_depth;
	bool rcu_registered, rcu_offline;
	uint64_t time_ns;
	/* mc_call/mc_return */
	int16_t open_op;
	bool probed, pure; /* answer to TH_PROBE */
	uint16_t tail;	   /* reads of the recognised turn */
	uint32_t pauses;
	bool woken;	   /* walk: leave the pause */
	uint16_t latest;   /* walk: so many reads look at the latest values only */
	uint16_t wait_loc; /* walk: blocked until this is written */
	uint8_t open_step; /* walk: inside an atomic step */
};

struct mc_block {
	uint64_t addr;
	uint32_t size;
	uint8_t state; /* 0 none, 1 live, 2 freed */
	uint8_t freed_by;
	bool quiet; /* allocated before the threads ran */
	const void *alloc_pc, *free_pc;
};

#define MC_BLOCKS 4096 /* per thread */

/* Everything that an execution changes besides the program's memory; snapshotted. */
struct mc_run {
	uint16_t nthreads;
	uint16_t cur;
	bool mode_quiet_pad;
	uint64_t object_value[MC_LOC];
	struct mc_thread th[MC_T];
	void (*key_dtor[MC_KEYS])(void *);
	bool key_used[MC_KEYS];
	void (*fork_child)(void);
	struct mc_record {
		struct mc_op h;
		struct mc_clock call, ret;
		bool returned;
	} hist[MC_HISTORY_MAX];
	unsigned nhist;
	uint64_t next_object;
	uint64_t live_blocks;
};

enum mc_fail_kind {
	FAIL_NONE, FAIL_ASSERTION, FAIL_RACE, FAIL_DEADLOCK, FAIL_LIVELOCK, FAIL_UAF,
	FAIL_DOUBLE_FREE, FAIL_INVALID_FREE, FAIL_LEAK, FAIL_OUT_OF_BOUNDS, FAIL_RCU,
	FAIL_UNINITIALISED, FAIL_HISTORY, FAIL_CONTRACT, FAIL_MISUSE, FAIL_CRASH, FAIL_COUNT
};
extern const char *const mc_fail_name[FAIL_COUNT];

struct mc_failure {
	enum mc_fail_kind kind;
	unsigned thread;
	const void *pc;
	char text[512];
};

struct mc_stats {
	uint64_t executions; /* complete: every thread ended */
	uint64_t blocked;    /* redundant: a waiting thread looked at an old value */
	uint64_t pruned;     /* runs cut because they repeat another or cannot be finished */
	uint64_t distinct;   /* different complete graphs, with --distinct */
	uint64_t replays;
	uint32_t deepest;
	bool limited;	     /* a bound cut something off */
	const char *limit;   /* which one */
	double seconds;
};

enum mc_strategy { EXHAUSTIVE, BOUNDED, RANDOM, PCT, REPLAY };

struct mc_options {
	enum mc_strategy mode;
	int bound; /* -1: none */
	unsigned pct_depth;
	uint64_t seed, runs, max_executions;
	double seconds;
	const char *scenario, *replay;
	bool list, list_quick, json, list_sites, require_complete, coverage, trace_all, keep_going, quiet;
	bool distinct, rs_c20;   /* release sequences as in C++20, not C11 (G4) */
	bool minimise; /* counter-examples */
	bool spurious; /* weak compare-exchange may fail for no reason */
	unsigned max_steps;
	const char *mutate, *coverage_out, *sites_out;
	const char *argv0;
};

/* --- the globals (mc-main.c, mc-run.c) --- */
extern struct mc_options mc_opt;
extern struct mc_graph *mc_g; /* the current graph */
extern struct mc_run *mc_r;   /* the current run */
extern enum mc_mode mc_mode;
extern struct mc_loc mc_locs[MC_LOC];
extern uint16_t mc_nlocs;
extern struct mc_stats mc_stats;
extern struct mc_failure mc_failure;
extern const struct mc_scenario *mc_scenario;
extern bool mc_replaying; /* bringing the threads to where the graph ends */

/* --- mc-graph.c --- */
void mc_graph_reset(struct mc_graph *g);
void mc_graph_copy(struct mc_graph *to, const struct mc_graph *from);
uint16_t mc_loc_get(uint64_t addr, unsigned size, bool object, const char *what);
struct mc_ev *mc_graph_append(struct mc_graph *g, unsigned tid, const struct mc_ask *op);
void mc_graph_pop(struct mc_graph *g, struct mc_ev *e);
void mc_graph_place(struct mc_graph *g, struct mc_ev *w, mc_eid after);
void mc_graph_restrict(struct mc_graph *g, const bool *drop);
unsigned mc_co_pos(struct mc_graph *g, mc_eid write);
unsigned mc_floor(struct mc_graph *g, unsigned loc, const struct mc_clock *hb);
void mc_views(struct mc_graph *g, struct mc_ev *e, struct mc_thread *t);
void mc_write_views(struct mc_graph *g, struct mc_ev *w, const struct mc_thread *t);
void mc_read_views(struct mc_graph *g, struct mc_ev *r);
uint64_t mc_write_value(struct mc_graph *g, unsigned loc, mc_eid write);
void mc_settle_read(struct mc_graph *g, struct mc_ev *r);
bool mc_filter_ok(const struct mc_ev *r, uint64_t value);
bool mc_sc_ok(struct mc_graph *g);
bool mc_sc_ok_with(struct mc_graph *g, const struct mc_ev *r, const struct mc_ev *w);
uint64_t mc_loc_init(unsigned loc);
void mc_loc_set_init(unsigned loc, uint64_t value);
uint64_t mc_rmw_value(unsigned rmw, uint64_t old, uint64_t operand, unsigned size);

/* --- mc-op.c: called on fibres --- */
struct mc_ev *mc_do(const struct mc_ask *op);
uint64_t mc_load(uint64_t addr, unsigned size, unsigned order, const void *pc);
void mc_store(uint64_t addr, unsigned size, uint64_t value, unsigned order, const void *pc);
uint64_t mc_rmw(uint64_t addr, unsigned size, unsigned rmw, uint64_t operand, unsigned order,
		const void *pc);
bool mc_cas(uint64_t addr, unsigned size, uint64_t *expected, uint64_t desired, unsigned order,
	    unsigned forder, bool weak, const void *pc);
void mc_fence(unsigned order, const void *pc);
unsigned mc_choice(unsigned n, const char *what, const void *pc);
uint64_t mc_peek(uint64_t addr, unsigned size);
void mc_poke(uint64_t addr, unsigned size, uint64_t value);
void mc_store_plain(unsigned loc, uint64_t value, const void *pc);
bool mc_loc_is_touched(unsigned loc);
bool mc_loc_is_as_stored(unsigned loc);
void mc_in_memory(unsigned loc, uint64_t value);
/* Objects: 64-bit words outside the program's memory. */
uint16_t mc_object(uint64_t key, const char *what);
uint64_t mc_object_begin(uint16_t obj, unsigned filter, uint64_t arg, unsigned flags,
			 const void *pc);
uint64_t mc_object_read(uint16_t obj, unsigned filter, uint64_t arg, unsigned flags,
			const void *pc);
uint64_t mc_object_look(uint16_t obj, const void *pc);
void mc_object_end(uint16_t obj, uint64_t value, const void *pc);
void mc_object_end_view(uint16_t obj, uint64_t value, unsigned view, const void *pc);
void mc_object_store(uint16_t obj, uint64_t value, const void *pc);
/* Keys of objects: a kind and an address or number. */
enum { OBJ_FUTEX = 1, OBJ_MUTEX, OBJ_COND, OBJ_RCU, OBJ_THREAD, OBJ_BARRIER, OBJ_RCU_ALL,
       OBJ_SWITCH };
#define OBJ_KEY(kind, x) ((uint64_t)(kind) << 56 | (uint64_t)(x))

/* --- mc-explore.c, mc-walk.c --- */
enum mc_end { END_NONE, END_COMPLETE, END_BLOCKED, END_DROPPED, END_RESTART, END_AGAIN, END_FAILED };
enum mc_visit { VISIT_GO, VISIT_YIELD, VISIT_BLOCK, VISIT_DROP, VISIT_RESTART };
enum mc_visit mc_visit(unsigned tid, const struct mc_ask *op);
extern enum mc_visit (*mc_visit_block)(unsigned tid, unsigned tail);
void mc_explore(void);
bool mc_tally(enum mc_end end); /* false: stop */
void mc_walk(void);
void mc_minimise(void);
extern enum mc_visit (*mc_visit_op)(unsigned tid, const struct mc_ask *op);

/* --- mc-run.c --- */
void mc_run_init(void);
bool mc_run_prepare(void); /* setup and attach, then snapshot; false if that failed */
enum mc_end mc_run_graph(void);
extern int (*mc_pick)(void); /* next pending thread, or -1 */
void mc_yield(unsigned state);
void mc_dirty(uint64_t addr, unsigned long size);
uint64_t mc_queue_mask(unsigned loc);
void mc_end_run(enum mc_end how) __attribute__((noreturn));
uint64_t mc_probe_load(unsigned loc);
extern uint32_t mc_run_number;
extern uint64_t mc_quiet_steps;
void mc_own_stack(uint64_t *ret_lo, uint64_t *ret_hi);
#define MC_ARENA_BASE  0x10000000000u
#define MC_STACKS_BASE (MC_ARENA_BASE + (uint64_t)MC_T * MC_HEAP_BYTES)
#define MC_ARENA_BYTES ((uint64_t)MC_T * (MC_HEAP_BYTES + MC_STACK_BYTES))
void mc_fail_now(enum mc_fail_kind kind, const void *pc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), noreturn));
int mc_thread_new(void *(*start)(void *), void *arg);
void mc_thread_body(void);
void mc_catch_signals(void);
extern unsigned mc_main_tid;
static inline struct mc_thread *mc_self(void)
{
	return &mc_r->th[mc_r->cur];
}
void mc_pause(void);
void mc_pause_at(void *frame, const void *pc);
void mc_probe_abort(void) __attribute__((noreturn));
extern uint32_t mc_order_len;
extern mc_eid mc_order[MC_EV * 2];

/* --- mc-fiber.c --- */
void mc_switch(void **save_sp, void *to_sp);
void *mc_fiber_init(char *stack, size_t bytes, void (*fn)(void));

/* --- mc-heap.c, mc-race.c --- */
void mc_heap_init(void);
void *mc_heap_alloc(size_t size, size_t align, const void *pc);
void mc_heap_free(void *ptr, const void *pc);
size_t mc_heap_size(const void *ptr);
void mc_heap_check(uint64_t addr, unsigned long size, bool write, const void *pc);
bool mc_heap_leaks(void);
void mc_heap_written(uint64_t addr, unsigned long size);
void mc_heap_copied(uint64_t to, uint64_t from, unsigned long size);
bool mc_out_of_memory(const void *pc); /* mc-wrap.c */
const struct mc_block *mc_heap_find(uint64_t addr);
void mc_heap_snapshot(void);
void mc_heap_restore(void);
void mc_race_init(void);
void mc_race_new_run(void);
void mc_plain_flush(void);
bool mc_plain_pending(void);
void mc_plain(uint64_t addr, unsigned long size, bool write, const void *pc);
void mc_race_atomic(uint64_t addr, unsigned size, bool write, bool plain, const void *pc);
void mc_race_free(uint64_t addr, unsigned long size, const void *pc);

/* --- mc-history.c is the shared one; this search takes a partial order --- */
bool mc_history_check(void);

/* --- mc-rcu.c --- */
extern bool mc_rcu_qsbr; /* the library was built for it */
extern uint32_t mc_rcu_readers; /* threads that register in some execution */
extern bool mc_barriers; /* the scenario uses membarrier */
void mc_membarrier(bool own, const void *pc);
void mc_barrier_begin(const void *pc);
void mc_barrier_end(const void *pc);

/* --- mc-report.c --- */
void mc_note_add(unsigned tid, const char *text);
void mc_notes_reset(void);
void mc_report_failure(void);
uint64_t mc_symbol(const char *name);
void mc_tallies_init(void); /* mc-op.c: those of the scenario */
void mc_replay_string(char *buf, size_t len);
void mc_sites_write(void *file);
extern char mc_last_replay[];

/* --- mc-mutate.c --- */
void mc_mutate_init(void);
unsigned mc_site_order(const void *pc, unsigned order, char kind);
bool mc_site_dropped_fence(const void *pc);
void mc_site_plain(const void *pc);
void mc_sites_print(void);
void mc_coverage_write(void);

/* --- memory that the wraps do not see --- */
void *mc_map(size_t bytes);
void *__real_malloc(size_t size);
void __real_free(void *ptr);

#endif
