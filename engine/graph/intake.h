/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * intake.h - how much memory tasks have taken since somebody looked: counted where they take it, by thread, so that whoever
 * keeps a budget is told when that is worth a look. Where there is no budget it is one test.
 */
#ifndef ENG_INTAKE_H
#define ENG_INTAKE_H

#include <pawl/atomic.h>
#include <pawl/thread.h>

#include "graph.h"

#define ENG_INTAKE_LINES 64u
/* What a run takes, about: a record, and edges. */
#define ENG_INTAKE_RUN 320u
/* What the system maps of a store's file around each of the two values of a record that is read. */
#define ENG_INTAKE_PAGES (2u << 16)

struct eng_intake {
	/* Told when a line has come to `step`, with what is in it. No lock held; perhaps in an operation. Set before the first task. */
	void (*look)(struct eng_intake *intake, uint64_t bytes);
	uint64_t step;
	/* Told when so many bytes of a store's file may have been mapped since. No lock held; perhaps in an operation. */
	void (*look_at_pages)(struct eng_intake *intake);
	uint64_t pages_step;
	/* Relaxed: a sum of hints. */
	struct pawl_atomic_u64 pages;
	/* Bytes. By number of the thread, several of which may have one line. Relaxed: a sum of hints. */
	struct {
		PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u64 bytes;
	} lines[ENG_INTAKE_LINES];
};

static inline void eng_intake_note(struct eng_intake *intake, uint64_t bytes)
{
	struct pawl_atomic_u64 *line =
		&intake->lines[pawl_thread_slot() % ENG_INTAKE_LINES].bytes;

	bytes += pawl_add_relaxed(line, bytes);
	if (bytes < intake->step)
		return;
	pawl_store_relaxed(line, UINT64_C(0));
	intake->look(intake, bytes);
}

/* eng_intake() - So many bytes more. No lock held. */
static inline void eng_intake(struct eng_graph *graph, uint64_t bytes)
{
	if (PAWL_UNLIKELY(graph->intake != NULL))
		eng_intake_note(graph->intake, bytes);
}

/* eng_intake_read() - So many records were read from a store. No lock held. */
static inline void eng_intake_read(struct eng_graph *graph, uint64_t records)
{
	struct eng_intake *intake = graph->intake;
	uint64_t pages = records * ENG_INTAKE_PAGES;

	if (PAWL_LIKELY(!intake) ||
	    pawl_add_relaxed(&intake->pages, pages) + pages < intake->pages_step)
		return;
	pawl_store_relaxed(&intake->pages, UINT64_C(0));
	intake->look_at_pages(intake);
}

#endif
