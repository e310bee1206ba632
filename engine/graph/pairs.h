/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pairs.h - sets of pairs of 64-bit words: dependencies on parts of values.
 *
 * Not for threads: its owner's lock protects it. A set that is not there (NULL) is empty. Adding waits
 * for memory (node.h).
 */
#ifndef ENG_PAIRS_H
#define ENG_PAIRS_H

#include <pawl/base.h>

struct eng_pair {
	uint64_t a, b;
};

struct eng_pairs;

/* Returns: it was not there. */
bool eng_pairs_add(struct eng_pairs **set, struct eng_pair pair);
/* Returns: it was there. The last one frees the set. */
bool eng_pairs_remove(struct eng_pairs **set, struct eng_pair pair);
bool eng_pairs_has(const struct eng_pairs *set, struct eng_pair pair);
uint32_t eng_pairs_count(const struct eng_pairs *set);

/* *cursor is 0 to begin with. Requires: no change during the walk. Returns: false: the end. */
bool eng_pairs_next(const struct eng_pairs *set, uint32_t *cursor, struct eng_pair *ret_pair);
void eng_pairs_free(struct eng_pairs **set);
size_t eng_pairs_bytes(const struct eng_pairs *set);

#endif
