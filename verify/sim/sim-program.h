/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-program.h - what the files of the program share: where it is, its operations, what it is compared with.
 *
 *  sim-program.c	   lives, one operation after the other; the graphs, and what is told to them
 *  sim-program-world.c    an engine and its store: open, closed, crashed
 *  sim-program-compare.c  what must come of it
 *  sim-program-outside.c  operations of several threads
 *  sim-program-bodies.c   of bodies of the runtime
 *  sim-program-numbers.c  tasks that go, and their numbers
 *  sim-program-store.c    of stores that fail, memory that is used up, engines that end
 */
#ifndef SIM_PROGRAM_H
#define SIM_PROGRAM_H

#include <pthread.h>

#include "sim-op.h"

#include "../../engine/engine.h"
#include "../../engine/graph/graph.h"
#include "../../engine/graph/quiesce.h"
#include "../../engine/persist/faults.h"
#include "../../fuzz/fuzz.h"
#include "../../fuzz/graph.h"

/* ---- where it is ---- */

/* What lives are told of each other. */
struct sim_model {
	bool made;
	struct graph_head head;
	bool abandons, evicts;
	struct graph_spec specs[GRAPH_TASKS];
	int64_t states[GRAPH_STATES];
};
extern struct sim_model *sim_model;

/* Of this life. */
struct sim_here {
	struct pawl_engine *engine;
	struct pawl_store *store;
	struct pawl_store_disk *disk;
	bool is_up;
	bool bare;   /* it has no store, and what nobody needs goes */
	bool evicts; /* records leave memory, or values alone: where the program says */
	bool active[GRAPH_ROOTS];
	unsigned roots_n;
};
extern struct sim_here sim_here;

/* That task is about to change, and a snapshot takes it as it was: how often. */
struct sim_watched {
	uint32_t task;
	unsigned n;
};
extern struct sim_watched sim_watched;

/* ---- bytes of an operation ---- */

struct sim_bytes {
	const uint8_t *at;
	unsigned left;
};

/* 0 behind the end. */
static inline unsigned sim_byte(struct sim_bytes *bytes)
{
	if (!bytes->left)
		return 0;
	bytes->left--;
	return *bytes->at++;
}

static inline unsigned sim_byte_below(struct sim_bytes *bytes, unsigned limit)
{
	return sim_byte(bytes) % limit;
}

/* A task: mostly one of the first, which reach the others. */
unsigned sim_task_decode(struct sim_bytes *bytes);
void sim_spec_decode(struct sim_bytes *bytes, struct graph_spec *ret_spec);
/* The model has it from now on. */
void sim_change_decode(struct sim_bytes *bytes, struct graph_change *ret_change);

/* ---- sim-program-world.c ---- */

void sim_up(void);
void sim_down(void);
/* The process ends here, whatever its other threads are at. */
void sim_crash(void) __attribute__((noreturn));
void sim_store_load(void);
/* What may leave memory does, or what was not used; some of it, or all. */
void sim_evict(unsigned how);
/* The number of the task's record. */
uint32_t sim_task_number(unsigned task);
/* A value of a type that is compared. */
struct pawl_value *sim_number(int64_t number);
/* More re-runs than that are a storm. */
#define SIM_STORM_RUNS 8
/* A strong read in a visit of the caller's. Returns: its error. */
int sim_visit(unsigned task, struct graph_result *ret_result);

/* ---- sim-program-compare.c ---- */

void sim_compare(unsigned task, enum graph_look how, unsigned trait);
/* At rest: all roots, all sums. */
void sim_settle(void);

/*
 * Looks beside changes, which one thread makes, one after the other. What is seen has to be what there was at one moment between its begin
 * and its end.
 */
void sim_beside_begin(void);
#define SIM_TOGETHER 4
void sim_beside_change(const struct graph_change *changes, unsigned n, bool together);
void sim_beside_look(unsigned task, enum graph_look how, unsigned trait);
/* When all of them are over. */
void sim_beside_end(void);

/* ---- operations ---- */

enum sim_outside { SIM_EDITS, SIM_READS, SIM_SNAPSHOTS, SIM_MOMENTS };
#define SIM_CHANGES 6 /* of a thread */

struct sim_outside_thread {
	enum sim_outside what;
	pthread_t thread;
	struct graph_change changes[SIM_CHANGES];
	unsigned n, how;
	uint8_t tasks[8];
};

/* In the middle of what others do. */
void sim_nap(unsigned ns);
void sim_outside_go(struct sim_outside_thread *thread);
void sim_outside_begin(struct sim_outside_thread *threads, unsigned n, struct sim_bytes *bytes);
void sim_outside_join(struct sim_outside_thread *threads, unsigned n);
/* Of a change beside looks: to that spec, so many steps of it letting others go on. */
void sim_respec(unsigned task, struct graph_spec *spec, unsigned yields);

void sim_op_change(struct sim_bytes *bytes, bool together);
void sim_op_root(struct sim_bytes *bytes);
void sim_op_touch(struct sim_bytes *bytes);
void sim_dispose(unsigned root);

void sim_op_rush(struct sim_bytes *bytes);
void sim_op_hurry(struct sim_bytes *bytes);
void sim_op_leave(struct sim_bytes *bytes);
void sim_op_moments(struct sim_bytes *bytes);
void sim_op_ask(struct sim_bytes *bytes);
void sim_op_swing(struct sim_bytes *bytes);

void sim_op_jobs(struct sim_bytes *bytes);
void sim_op_tasks(struct sim_bytes *bytes);
void sim_op_cancel(struct sim_bytes *bytes);
void sim_op_storm(struct sim_bytes *bytes);

void sim_op_collect(void);

void sim_op_snapshot_fails(struct sim_bytes *bytes);
void sim_op_crash(struct sim_bytes *bytes);
void sim_op_crash_snapshot(struct sim_bytes *bytes);
void sim_op_crash_output(struct sim_bytes *bytes);
void sim_op_crash_beside(struct sim_bytes *bytes);
void sim_op_damage(struct sim_bytes *bytes);
void sim_op_stop(struct sim_bytes *bytes);
void sim_op_close(struct sim_bytes *bytes);
void sim_op_no_memory(struct sim_bytes *bytes);

#endif
