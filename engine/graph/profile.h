/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * profile.h - counts for each function: off unless asked for, a pointer that is NULL then.
 *
 * Each thread counts in a row of its own, by plain stores; reading adds the rows up, and is that of no one
 * moment.
 */
#ifndef ENG_PROFILE_H
#define ENG_PROFILE_H

#include "graph.h"

enum eng_count {
	ENG_COUNT_HITS,
	ENG_COUNT_MISSES,
	ENG_COUNT_RUNS,
	ENG_COUNT_STALE,
	ENG_COUNT_NS,
	ENG_COUNT_COUNT
};

struct eng_profile;

/* Errors: -ENOMEM. */
PAWL_MUST_CHECK int eng_profile_create(size_t functions, struct eng_profile **ret_profile);
/* NULL is nothing. */
void eng_profile_destroy(struct eng_profile *profile);

/* eng_profile_add() - Function 0 is no function: nothing. Without memory for the row it is not counted. */
void eng_profile_add(struct eng_profile *profile, uint32_t function, enum eng_count which,
		     uint64_t by);
void eng_profile_read(const struct eng_profile *profile, uint32_t function,
		      uint64_t ret_counts[ENG_COUNT_COUNT]);

static inline void eng_count(struct eng_graph *graph, uint32_t function, enum eng_count which)
{
	if (PAWL_UNLIKELY(graph->profile != NULL))
		eng_profile_add(graph->profile, function, which, 1);
}

#endif
