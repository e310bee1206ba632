/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stretch.h - stretches in which tasks run or wait to run, what was done in them, and why.
 */
#ifndef ENG_STRETCH_H
#define ENG_STRETCH_H

#include <pawl/event.h>
#include <pawl/lock.h>

#include "graph/graph.h"
#include "reason.h"

struct eng_stretch {
	struct pawl_lock lock; /* behind those of records; takes memory under it */
	/* Under the lock. */
	uint32_t edges;		   /* to busy, less those to idle; 0: it is idle */
	uint64_t ended;		   /* so many stretches have */
	uint64_t since_ns;	   /* it is busy, or idle */
	uint64_t runs_before;	   /* the stretch */
	uint64_t last_ns;	   /* how long the last one was */
	uint64_t runs, stale_runs; /* of the graph, when the last update was taken */
	struct pawl_update_info update;
	struct eng_reasons reasons;
	struct eng_reason_log log;
	/* Notified when one has ended; and when one begins. */
	struct pawl_event event, begun;
};

void eng_stretch_init(struct eng_stretch *stretch);
void eng_stretch_fini(struct eng_stretch *stretch);

/* eng_stretch_edge() - Tasks run from now on, or none does. In any order with others': the last one counts. */
void eng_stretch_edge(struct eng_stretch *stretch, struct eng_graph *graph, bool busy);

/* eng_stretch_last() - What ended last, with the reasons so far; nothing is taken. Returns: false: it is busy again. */
bool eng_stretch_last(struct eng_stretch *stretch, const struct eng_graph *graph,
		      struct pawl_update_info *ret_info, char *buf, size_t len);

/* eng_stretch_because() - Returns: the number of the reason (eng_reason_log_get()). */
uint64_t eng_stretch_because(struct eng_stretch *stretch, const struct pawl_reason *reason);
/* eng_stretch_reason() - Its words, cut. Returns: false: they are forgotten. */
bool eng_stretch_reason(struct eng_stretch *stretch, uint64_t number, char *buf, size_t len);

struct eng_stretch_state {
	uint64_t ended; /* so many have */
	bool busy;
	uint64_t since_ns; /* it is busy, or idle */
};
struct eng_stretch_state eng_stretch_look(struct eng_stretch *stretch);
/* eng_stretch_wait() - Until another number of them have ended. As eng_wait_until(). */
PAWL_MUST_CHECK int eng_stretch_wait(struct eng_stretch *stretch, uint64_t ended,
				     uint64_t deadline_ns);
/* eng_stretch_wait_busy() - Until it is busy. Errors: -ECANCELED. */
PAWL_MUST_CHECK int eng_stretch_wait_busy(struct eng_stretch *stretch);

#endif
