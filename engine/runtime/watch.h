/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch.h - what is measured and written down of what workers do, while somebody wants it.
 *
 * Off, it costs a load and a branch where a body begins, ends, waits and goes on. The calls are made by
 * the worker that the stack is of, and by no other thread.
 *
 *  call                         progress
 *  eng_watch_*                  wait-free
 */
#ifndef ENG_WATCH_H
#define ENG_WATCH_H

#include <pawl/lock.h>
#include <pawl/base.h>
#include <pawl/retire.h>

#include "task.h"
#include "trace-ring.h"

struct eng_run;
struct eng_stack;
struct eng_worker;
struct pawl_runtime;

/* Of eng_watch.on; above them an epoch: it changes when they do. */
#define ENG_WATCH_TIMES 1u
#define ENG_WATCH_TRACE 2u
#define ENG_WATCH_ANY	3u
#define ENG_WATCH_EPOCH 4u

struct eng_watch {
	struct pawl_atomic_u32 on;
	/* struct eng_times of each worker; made once, stays to the runtime's end. */
	struct pawl_atomic_ptr times;
	/* struct eng_trace; the last one that was started. Read in sections. */
	struct pawl_atomic_ptr trace;
};

enum eng_event_kind {
	ENG_EVENT_BEGIN, /* a body begins; length_ns: when it was spawned, 0: not known */
	ENG_EVENT_SLICE, /* it ran for length_ns, and ends or waits */
	ENG_EVENT_END,
	ENG_EVENT_STOLE, /* a start was taken from another worker */
	ENG_EVENT_SLEPT,
	/* An engine has saved what has changed; note: why, value: tasks, parent: so long until all was quiet */
	ENG_EVENT_SNAPSHOT,
};

#define ENG_EVENT_NAME_BYTES 40
#define ENG_EVENT_NOTE_BYTES 32

/* One slot of a ring. */
struct eng_event {
	uint8_t kind;
	uint8_t lane;
	uint8_t outcome;  /* END */
	uint8_t waits;	  /* SLICE: it ended because the body waits, or yields */
	uint16_t spawner; /* as in the task */
	uint16_t depth;	  /* SLICE: bodies below it on the stack */
	uint64_t at_ns, length_ns;
	uint64_t task, parent;
	uint64_t value;
	char name[ENG_EVENT_NAME_BYTES];
	char note[ENG_EVENT_NOTE_BYTES];
};
#define ENG_EVENT_WORDS (sizeof(struct eng_event) / 8)
PAWL_STATIC_ASSERT(sizeof(struct eng_event) == 15 * 8, "with its sequence a line");

struct eng_trace {
	/* The runtime's until it is replaced, and of those who export it. */
	struct pawl_atomic_u32 refs;
	struct pawl_retire_node retire;
	size_t bytes;
	uint64_t begin_ns;
	uint64_t slots;
	unsigned rings;	       /* of each worker, and one more for what is no worker's */
	struct pawl_lock lock; /* whoever writes into the last one */
	struct eng_ring ring[];
};

/* eng_trace_get() - The last that was started, with a reference; NULL: none. Requires: attached. */
struct eng_trace *eng_trace_get(struct pawl_runtime *rt);
void eng_trace_put(struct eng_trace *trace);

/* eng_stamp() - The runtime's time to a few milliseconds, at a quarter of the price. */
uint64_t eng_stamp(const struct pawl_runtime *rt);

/*
 * eng_watch_spawned() - By whom (NULL: no body), and if that is wanted exactly, when. Before it is
 * published.
 */
void eng_watch_spawned(struct pawl_runtime *rt, struct eng_task *task,
		       const struct eng_worker *worker);

/* eng_watch_queued() - It is not run at once: it gets a stamp, unless it has one. Requires: a reference. */
void eng_watch_queued(const struct pawl_runtime *rt, struct eng_task *task);

/* eng_watch_parked() - A stack has: since when its innermost body waits. */
void eng_watch_parked(const struct eng_worker *worker, struct eng_stack *stack);

/* eng_watch_begin(), _end() - The innermost body of a stack begins, is over. */
void eng_watch_begin(struct eng_stack *stack, struct eng_run *run);
void eng_watch_end(struct eng_stack *stack, struct eng_run *run, enum eng_outcome outcome);

/* eng_watch_left(), _back() - A stack with a body stops running, goes on. */
void eng_watch_left(struct eng_worker *worker, struct eng_stack *stack);
void eng_watch_back(struct eng_worker *worker, struct eng_stack *stack);

/* eng_watch_snapshot() - Began at begun_ns, of pawl_now_ns(), and is over. Any attached thread, no lock held. */
void eng_watch_snapshot(struct pawl_runtime *rt, uint64_t begun_ns, uint64_t quiet_ns,
			const char *reason, uint64_t tasks);

void eng_watch_stole(struct eng_worker *worker, const struct eng_task *task);
void eng_watch_falls_asleep(struct eng_worker *worker);
void eng_watch_woke(struct eng_worker *worker);

/* eng_watch_set() - Switch a bit. Returns: false: it was so. */
bool eng_watch_set(struct pawl_runtime *rt, uint32_t bit, bool on);

/* eng_watch_fini() - Free all. Requires: attached; no worker is left. */
void eng_watch_fini(struct pawl_runtime *rt);

#endif
