/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * work-ids.h - the workloads of b-ids, expanded in the file that knows the contender.
 *
 * B_IDS_CASES(NAME, contender, BYTES, SETUP, ENTER, LEAVE, TEARDOWN)
 *	The file defines the inline functions `uint64_t NAME_get(void *state)` and
 *	`void NAME_put(void *state, uint64_t id)`; `state` is what setup put into the run.
 * An operation is one get and one put. "window": a thread holds that many ids, and gives the
 * oldest one back for each that it gets. "batch": it gets that many, then gives them back, in
 * another order.
 */
#ifndef B_WORK_IDS_H
#define B_WORK_IDS_H

#include "work.h"

enum { B_IDS_WINDOW = 64, B_IDS_BATCH = 256 };

#define B_IDS_CASE(NAME, BENCH, CONTENDER, PARAMS, BYTES, SETUP, ENTER, WORK, LEAVE, TEARDOWN) \
	{                                                                                      \
		.bench = BENCH, .contender = CONTENDER, .params = PARAMS, .bytes = BYTES,      \
		.setup = SETUP, .enter = ENTER, .work = WORK, .leave = LEAVE,                  \
		.teardown = TEARDOWN                                                           \
	}

#define B_IDS_CASES(NAME, CONTENDER, BYTES, SETUP, ENTER, LEAVE, TEARDOWN)                     \
	static void NAME##_window(struct b_worker *w, uint64_t n)                              \
	{                                                                                      \
		void *state = w->run->state;                                                   \
		uint64_t held[B_IDS_WINDOW];                                                   \
                                                                                               \
		for (unsigned i = 0; i < B_IDS_WINDOW; i++)                                    \
			held[i] = NAME##_get(state);                                           \
		for (uint64_t i = 0; i < n; i++) {                                             \
			NAME##_put(state, held[i % B_IDS_WINDOW]);                             \
			held[i % B_IDS_WINDOW] = NAME##_get(state);                            \
		}                                                                              \
		for (unsigned i = 0; i < B_IDS_WINDOW; i++)                                    \
			NAME##_put(state, held[i]);                                            \
	}                                                                                      \
	static void NAME##_batch(struct b_worker *w, uint64_t n)                               \
	{                                                                                      \
		void *state = w->run->state;                                                   \
		uint64_t held[B_IDS_BATCH];                                                    \
                                                                                               \
		while (n) {                                                                    \
			unsigned count = n < B_IDS_BATCH ? (unsigned)n : B_IDS_BATCH;          \
                                                                                               \
			for (unsigned i = 0; i < count; i++)                                   \
				held[i] = NAME##_get(state);                                   \
			/* Every 7th, seven times: neither first in first out nor reversed. */ \
			for (unsigned k = 0; k < 7; k++)                                       \
				for (unsigned i = k; i < count; i += 7)                        \
					NAME##_put(state, held[i]);                            \
			n -= count;                                                            \
		}                                                                              \
	}                                                                                      \
	static const struct b_case NAME##_cases[] = {                                          \
		B_IDS_CASE(NAME, "ids-window", CONTENDER, "\"window\":64", BYTES, SETUP,       \
			   ENTER, NAME##_window, LEAVE, TEARDOWN),                             \
		B_IDS_CASE(NAME, "ids-batch", CONTENDER, "\"batch\":256", BYTES, SETUP, ENTER, \
			   NAME##_batch, LEAVE, TEARDOWN),                                     \
	};                                                                                     \
	B_CASES(NAME##_cases)

#endif
