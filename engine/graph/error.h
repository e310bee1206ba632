/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * error.h - why tasks failed: values that are shared, each with what it came from.
 */
#ifndef ENG_ERROR_H
#define ENG_ERROR_H

#include <stdarg.h>

#include <pawl/base.h>

#include "ref.h"

struct pawl_error {
	struct pawl_atomic_u32 owners;
	eng_id task;	      /* that failed; 0: none did */
	const char *function; /* of that task; stays as long as the engine */
	struct pawl_error *cause;
	uint64_t
		moment; /* not 0: it is tried again; in the order of the graph's failures of the moment */
	/* When it became so: of errors of tasks, in the runtime's time; 0: not known. Before it is shared. */
	uint64_t since_ns;
	bool storm; /* it ran too often: it is tried again when something has changed from outside */
	bool ring; /* tasks that wait for each other: passed on as it is, so that it is the same for all */
	size_t bytes;
	char message[];
};

/* eng_error_make() - Takes one owner of `cause`. Waits for memory. `format` NULL: no words of its own. */
struct pawl_error *eng_error_make(eng_id task, const char *function, struct pawl_error *cause,
				  const char *format, va_list args) PAWL_PRINTF(4, 0);
struct pawl_error *eng_error_printf(eng_id task, const char *function, struct pawl_error *cause,
				    const char *format, ...) PAWL_PRINTF(4, 5);
struct pawl_error *eng_error_pin(struct pawl_error *error);
void eng_error_unpin(struct pawl_error *error);

/*
 * Of rings: the same text for the same ring, however it was found and whoever found it. Else the tasks of the ring
 * would find each other's errors changed for ever.
 */
#define ENG_RING_MESSAGE "tasks in a ring: %s"

/* Do they say the same, all the way down? */
bool eng_error_equal(const struct pawl_error *a, const struct pawl_error *b);

#endif
