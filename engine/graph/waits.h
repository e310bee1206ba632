/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * waits.h - waits of threads, for who looks for what hangs (engine/hang.c). What bodies wait for the runtime knows.
 *
 * Where nobody looks (eng_observer.waits is NULL) a wait is not written down.
 */
#ifndef ENG_WAITS_H
#define ENG_WAITS_H

#include <pawl/atomic.h>
#include <pawl/event.h>
#include <pawl/lock.h>
#include <pawl/runtime.h>

#include "ref.h"

struct eng_graph;

/* One of them, on the stack of who waits. Under the lock while it is in the list. */
struct eng_thread_wait {
	struct eng_thread_wait *next, **at; /* in the list */
	bool listed;			    /* it is. By who waits alone */
	const char *note;		    /* a literal */
	eng_id by;			    /* the task whose body's thread it is; 0: none */
	unsigned slot;			    /* of the thread */
	uint64_t since_ns;		    /* in the runtime's time */
	pawl_task_t task;		    /* that it waits for; NONE: what the note says */
	bool told;
};

struct eng_waits {
	struct pawl_lock lock; /* the last of all */
	/* Under the lock. */
	struct eng_thread_wait *first;
	uint32_t n, visits;
	/* Who makes the edit that is being made: a task, or (upper half 1) the slot of a thread. Relaxed: for people. */
	struct pawl_atomic_u64 editor;
	/* Notified when there is something that may wait, and was nothing. */
	struct pawl_event *begun;
};

void eng_waits_init(struct eng_waits *waits, struct pawl_event *begun);

/* eng_thread_waits() - The calling thread is about to sleep; eng_thread_waited(): it did. */
void eng_thread_waits(struct eng_graph *graph, struct eng_thread_wait *wait, const char *note,
		      pawl_task_t task);
void eng_thread_waited(struct eng_graph *graph, struct eng_thread_wait *wait);

/* eng_waits_editor() - The caller makes an edit. */
void eng_waits_editor(struct eng_graph *graph);
/* eng_waits_visit() - A visit begins, or is over. */
void eng_waits_visit(struct eng_graph *graph, bool begins);

#endif
