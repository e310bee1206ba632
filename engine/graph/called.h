/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * called.h - whom a run has called: a set of tasks, and which of them were seen to be still (connect.c).
 *
 * Most tasks call a few others: these stand in an array, so that asking for one and adding one is a look at a few
 * words. When there are more all of them move into a table. Not for threads: run.h says whose it is.
 */
#ifndef ENG_CALLED_H
#define ENG_CALLED_H

#include <pawl/sset.h>

#include "node.h"

#define ENG_CALLED_FEW 8u

/* Of 32 numbers that follow each other, which were called, and which of these are still. 0, 0: empty. */
struct eng_called_block {
	uint32_t number; /* the first one / 32 */
	uint32_t called, still;
};

struct eng_called {
	eng_id few[ENG_CALLED_FEW];
	uint32_t n;	      /* in the array */
	uint32_t still;	      /* bit i: few[i] is */
	uint32_t n_not_still; /* of all */
	/* Many: all are here, and the array is empty. NULL: few. */
	struct eng_called_block *blocks;
	uint32_t blocks_n, mask;
};

/* Of many. */
bool eng_called_in_block(const struct eng_called *called, eng_id id);

static inline uint32_t eng_called_place(const struct eng_called *called, eng_id id)
{
	uint32_t at = 0;

	while (at < called->n && called->few[at] != id)
		at++;
	return at;
}

static inline bool eng_called_has(const struct eng_called *called, eng_id id)
{
	if (PAWL_LIKELY(!called->blocks))
		return eng_called_place(called, id) < called->n;
	return eng_called_in_block(called, id);
}

/* Of many. */
bool eng_called_moves_in_block(const struct eng_called *called, eng_id id);

/* eng_called_moves() - It is there, and was not seen to be still. */
static inline bool eng_called_moves(const struct eng_called *called, eng_id id)
{
	uint32_t at;

	if (PAWL_UNLIKELY(called->blocks))
		return eng_called_moves_in_block(called, id);
	at = eng_called_place(called, id);
	return at < called->n && !(called->still >> at & 1);
}

/* eng_called_add() - Requires: it is not there. Waits for memory. */
void eng_called_add(struct eng_called *called, eng_id id, bool still);

/* eng_called_rest() - If it is there, it is still from now on. */
void eng_called_rest(struct eng_called *called, eng_id id);

/* The next one of those that are not still; *cursor is 0 to begin with. Returns: false: the end. */
bool eng_called_next(const struct eng_called *called, uint64_t *cursor, eng_id *ret_id);

static inline bool eng_called_any_still(const struct eng_called *called)
{
	return called->still || called->blocks;
}

/* eng_called_still() - Those that are still, as a set of the caller's. Waits for memory. */
struct pawl_sset eng_called_still(const struct eng_called *called);

/* eng_called_take_still() - The same. Ends this one. */
struct pawl_sset eng_called_take_still(struct eng_called *called);

/* All zero to begin with. */
void eng_called_fini(struct eng_called *called);

#endif
