/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bag.h - collectibles with counts: a count for each (trait, reference) that is not 0.
 *
 * Not for threads: its owner's lock protects it. A bag that is not there (NULL) is empty. Adding waits
 * for memory (node.h).
 */
#ifndef ENG_BAG_H
#define ENG_BAG_H

#include <pawl/cmap.h>

/* Something that tasks emit: a reference to a value, seen as of that trait. */
struct eng_collectible {
	uint64_t ref;
	uint32_t trait;
	int32_t count; /* in lists of them: how many, or how many more */
};

struct eng_bag;

struct pawl_crossing eng_bag_add(struct eng_bag **bag, uint32_t trait, uint64_t ref,
				 int32_t delta);
int32_t eng_bag_get(const struct eng_bag *bag, uint32_t trait, uint64_t ref);
uint32_t eng_bag_count(const struct eng_bag *bag);

struct eng_bag_cursor {
	uint32_t trait_at, ref_at;
};
/* The cursor is zero to begin with. Requires: no change. Returns: false: the end. */
bool eng_bag_next(const struct eng_bag *bag, struct eng_bag_cursor *cursor,
		  struct eng_collectible *ret_entry);
void eng_bag_free(struct eng_bag **bag);
size_t eng_bag_bytes(const struct eng_bag *bag);

#endif
