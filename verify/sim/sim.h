/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.h - what the files of the simulator share.
 *
 *  ../mc-tsan.c   the __tsan_ hooks that the compiler put into the program, as for the model checker
 *  ../mc-fiber.c  the switch between threads, the same
 *  sim-hooks.c    what the hooks call: one memory, in the order of steps; liburcu; thread-locals
 *  sim-thread.c   threads, who runs next, the clock, what was done last
 *  sim-libc.c     pthread, futex, clocks, randomness, as the program sees them
 *  sim-memory.c   blocks at addresses that are the same in each run; freed ones are looked for
 *  sim-program.c, sim-program-*.c  what a seed does: a graph, a store, edits, reads, ends; and what must come of it
 *		   (sim-program.h)
 *  sim-draw.c     the operations that a seed stands for (sim-op.h)
 *  sim-main.c     seeds, processes, options, the table
 *  sim-shrink.c   making a failing program small; files of programs
 *  sim-bytes.c    programs and schedules from any bytes; serving a fuzzer (fuzz/f-sched.c)
 *
 * A *program* is a list of operations. A *life* is one process of it, forked from one that has done
 * nothing: it ends by a crash or when the program is over, and what the next one finds is the store.
 * A *step* is a place at which another thread may go on: each atomic access, lock, sleep, wake.
 */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_THREADS  64
#define SIM_STACK    (256u << 10)
#define SIM_OPS	     400
#define SIM_OP_BYTES 120
#define SIM_SWITCHES (1u << 17)
#define SIM_RECENT   (1u << 14)
#define SIM_STORE    (8u << 20)
#define SIM_TEXT     (1u << 16)
#define SIM_SCHEDULE 256

enum sim_mode { SIM_RANDOM, SIM_PCT, SIM_REPLAY, SIM_BYTES };

struct sim_random {
	uint64_t state;
};
uint64_t sim_draw(struct sim_random *random);
unsigned sim_below(struct sim_random *random, unsigned limit);

/* What was seen in a run. The names are in sim-program-world.c. */
enum sim_event {
	SIM_EV_STALE,
	SIM_EV_RACE,
	SIM_EV_INLINE,
	SIM_EV_SUSPENDED,
	SIM_EV_RING,
	SIM_EV_CANCEL,
	SIM_EV_EDIT_BESIDE,
	SIM_EV_SNAPSHOT,
	SIM_EV_SNAPSHOT_BESIDE,
	SIM_EV_SNAPSHOT_FAILED,
	SIM_EV_CRASH,
	SIM_EV_CRASH_SNAPSHOT,
	SIM_EV_RESTART,
	SIM_EV_RESTORED,
	SIM_EV_STOP,
	SIM_EV_NO_MEMORY,
	SIM_EV_DISPOSED,
	SIM_EV_ABANDONED,
	SIM_EV_MOMENT,
	SIM_EV_JOBS,
	SIM_EV_COLLECTED,
	SIM_EV_COMPARED,
	SIM_EV_EVICTED,
	SIM_EV_BACK,
	SIM_EV_STORM,
	SIM_EV_AGAIN,
	SIM_EV_COUNT
};
extern const char *const sim_event_names[SIM_EV_COUNT];

struct sim_op {
	uint8_t n;
	uint8_t bytes[SIM_OP_BYTES];
};

/* At that step it is that thread's turn. */
struct sim_switch {
	uint64_t step;
	uint32_t thread;
};

/* Of a run: what the processes of a program hand on to each other. In memory that they share. */
struct sim_run {
	/* What is to be done. */
	enum sim_mode mode;
	uint64_t seed;
	unsigned depth; /* PCT */
	unsigned ops_n;
	struct sim_op ops[SIM_OPS];
	unsigned replay_n; /* REPLAY */
	struct sim_switch replay[SIM_SWITCHES];
	unsigned schedule_n; /* BYTES: when, and to whom; over and over */
	uint8_t schedule[SIM_SCHEDULE][2];
	uint64_t
		steps_most; /* 0: as many as a seed has; of a fuzzer's, what takes longer is no failure */
	bool no_collect; /* tasks that nobody needs stay */

	/* Where it is. */
	unsigned at, life;
	unsigned replay_at, schedule_at;
	struct sim_random scheduling, choices;
	uint64_t steps, switches, hash, now_ns, limit;
	uint64_t events[SIM_EV_COUNT];
	unsigned recorded; /* switches that follow from no rule */
	bool recorded_all;
	struct sim_switch record[SIM_SWITCHES];
	/* What is in the store when a life ends. */
	size_t store_bytes;
	uint8_t store[SIM_STORE];
	/* The program's own; sim-program.h. */
	_Alignas(64) uint8_t model[1u << 16];

	/* How it ended. */
	bool failed, too_long;
	char what[512]; /* in a line, without numbers that change */
	size_t text_len;
	char text[SIM_TEXT];
};
extern struct sim_run *sim_run;

/* How a life ends, for the parent. */
enum { SIM_OVER = 0, SIM_NEXT_LIFE = 17, SIM_FAILED = 18 };

/* ---- sim-thread.c ---- */

enum sim_state { SIM_NONE, SIM_READY, SIM_ASLEEP, SIM_ENDED };

struct sim_thread {
	void *sp;
	enum sim_state state;
	const void *waits_for;
	const char *why;
	uint64_t until_ns; /* asleep: UINT64_MAX: for ever */
	bool timed_out, joined;
	unsigned priority; /* PCT */
	int error_number;
	void *(*start)(void *arg);
	void *arg, *result;
	char name[16];
	void *tls;
	void *keys[32];
	const void *pc; /* of its last step */
	unsigned rcu_depth;
	uint64_t rcu_section;
	bool rcu_known;
	unsigned no_oom;
};
extern struct sim_thread sim_threads[SIM_THREADS];
extern unsigned sim_threads_n, sim_me;
/* Where a fault was, if there was one. */
extern uintptr_t sim_fault_pc, sim_fault_frame;
/* The scheduler is at work, and steps count. */
extern bool sim_on;

static inline struct sim_thread *sim_self(void)
{
	return &sim_threads[sim_me];
}

/* Runs fn on the first thread, never returns. */
void sim_begin(void (*fn)(void)) __attribute__((noreturn));
unsigned sim_thread_new(void *(*start)(void *), void *arg);
void sim_thread_end(void *result) __attribute__((noreturn));

/* A step. `kind` is one letter for who reads the end of a run. */
void sim_step(char kind, uint64_t where, const void *pc);
/* One that only waits for others: they go first. */
void sim_yield(const void *pc);
/* Until it is woken, or until then. Returns: false: it is that late. */
bool sim_sleep(const void *what, uint64_t until_ns, const char *why, const void *pc);
unsigned sim_wake(const void *what, unsigned most);
uint64_t sim_now(void);
/* The program goes on: what takes longer than that is a hang. */
void sim_progress(void);
void sim_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void sim_event(enum sim_event event);
void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void sim_end_life(int how) __attribute__((noreturn));

/* ---- sim-memory.c ---- */
void sim_memory_init(void);
void sim_check_access(uint64_t addr, unsigned long bytes, bool write, const void *pc);
/* The n-th allocation from now fails, of those that may; 0: none. */
void sim_fail_allocation(unsigned n);
uint64_t sim_allocations_failed(void);

/* ---- sim-program.c ---- */
void sim_program_life(void);

/* ---- sim-draw.c ---- */
/* Fills in run->ops from run->seed. */
void sim_program_make(struct sim_run *run);
/* So many bytes make an operation of that kind, its own included. */
unsigned sim_program_bytes(uint8_t kind);
/* An operation in words. */
void sim_program_tell(const struct sim_op *op, char *buf, size_t len);

/* ---- sim-main.c, sim-shrink.c ---- */
/* All lives of run->ops. Returns: it went well. */
bool sim_run_once(struct sim_run *run);
void sim_shrink(struct sim_run *run, const char *path, double seconds);
/* From now on by the schedule of the last run. Returns: false: it is too long. */
bool sim_as_written(struct sim_run *run);
bool sim_write(const struct sim_run *run, const char *path);
bool sim_read(struct sim_run *run, const char *path);
double sim_seconds(void);
struct sim_run *sim_run_new(void);

/* ---- sim-bytes.c ---- */

/* Any bytes are a program and its schedule. */
void sim_decode(struct sim_run *run, const uint8_t *bytes, size_t n);
bool sim_read_bytes(struct sim_run *run, const char *path);
/* The head of a seed's program as such bytes. Returns: false: it could not be written. */
bool sim_write_bytes(struct sim_run *run, const char *path);
/* One input after the other, as fuzz/f-sched.c says, until it goes. Returns: an exit status. */
int sim_serve(void);
/* That thread goes on after this one has come there: counted where somebody wants to know. */
void sim_switched(const void *from, const void *to);

#endif
