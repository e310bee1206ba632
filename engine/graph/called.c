/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * called.c - whom a run has called.
 */
#include "config.h"

#include "called.h"

#include <string.h>

static bool is_still(const struct eng_called *called, uint32_t at)
{
	return called->still >> at & 1;
}

/* There are many: out of the array, for good. */
static void move(struct eng_called *called)
{
	for (uint32_t i = 0; i < called->n; i++)
		ENG_MUST(pawl_sset_add(is_still(called, i) ? &called->resting : &called->moving,
				       called->few[i], NULL));
	called->n = called->still = 0;
	called->many = true;
}

void eng_called_add(struct eng_called *called, eng_id id, bool still)
{
	called->n_not_still += !still;
	if (called->n == ENG_CALLED_FEW)
		move(called);
	if (called->many) {
		ENG_MUST(pawl_sset_add(still ? &called->resting : &called->moving, id, NULL));
		return;
	}
	called->still |= (uint32_t)still << called->n;
	called->few[called->n++] = id;
}

void eng_called_rest(struct eng_called *called, eng_id id)
{
	uint32_t at = eng_called_place(called, id);

	if (at < called->n) {
		called->n_not_still -= !is_still(called, at);
		called->still |= 1u << at;
	} else if (called->many && pawl_sset_remove(&called->moving, id)) {
		called->n_not_still--;
		ENG_MUST(pawl_sset_add(&called->resting, id, NULL));
	}
}

bool eng_called_next(const struct eng_called *called, uint32_t *cursor, eng_id *ret_id)
{
	while (*cursor < called->n && is_still(called, *cursor))
		++*cursor;
	if (*cursor < called->n) {
		*ret_id = called->few[(*cursor)++];
		return true;
	}
	return called->many && pawl_sset_next(&called->moving, cursor, ret_id);
}

struct pawl_sset eng_called_take_still(struct eng_called *called)
{
	struct pawl_sset set = called->resting;

	pawl_sset_init(&called->resting);
	for (uint32_t i = 0; i < called->n; i++) {
		if (is_still(called, i))
			ENG_MUST(pawl_sset_add(&set, called->few[i], NULL));
	}
	called->n = called->still = called->n_not_still = 0;
	return set;
}

void eng_called_fini(struct eng_called *called)
{
	pawl_sset_fini(&called->moving);
	pawl_sset_fini(&called->resting);
}
