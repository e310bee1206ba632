/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table-internal.h - a table that grows and never moves: segments, each as long as all before
 * it.
 *
 * Items are zero at first. O1: a segment is published with release and found with acquire.
 */
#ifndef PAWL_TABLE_INTERNAL_H
#define PAWL_TABLE_INTERNAL_H

#include <pawl/atomic.h>

#define PAWL__TABLE_SEGMENTS 28

struct pawl__table {
	/* Set once (release) by who grows the table; read by anybody (acquire): zeroed items. */
	struct pawl_atomic_ptr segment[PAWL__TABLE_SEGMENTS];
};

/* Items of a kind: their size, and how many the first segment has. Constants for who looks. */
struct pawl__item {
	uint32_t bytes;
	uint32_t base_log2;
};

static inline uint64_t pawl__table_segment_of(struct pawl__item item, uint64_t i,
					      unsigned *ret_segment)
{
	unsigned log2;

	if (!(i >> item.base_log2)) {
		*ret_segment = 0;
		return i;
	}
	log2 = 63u - (unsigned)__builtin_clzll(i);
	*ret_segment = log2 - item.base_log2 + 1;
	return i - (UINT64_C(1) << log2);
}

/* The item, or NULL if the table does not reach so far (or not yet, for this thread). */
static inline void *pawl__table_find(const struct pawl__table *table, struct pawl__item item,
				     uint64_t i)
{
	unsigned segment;
	uint64_t at = pawl__table_segment_of(item, i, &segment);
	char *items = pawl_load_acquire(&table->segment[segment]); /* O1 */

	return items ? items + at * item.bytes : NULL;
}

/*
 * The same for an item that is known to be there. Relaxed: whoever told of it found it, and
 * what told of it is ordered after that.
 */
static inline void *pawl__table_at(const struct pawl__table *table, struct pawl__item item,
				   uint64_t i)
{
	unsigned segment;
	uint64_t at = pawl__table_segment_of(item, i, &segment);
	char *items = pawl_load_relaxed(&table->segment[segment]);

	return items + at * item.bytes;
}

/* How many items a segment has: for those who go through all of them. */
static inline uint64_t pawl__table_segment_items(struct pawl__item item, unsigned segment)
{
	return UINT64_C(1) << (item.base_log2 + (segment ? segment - 1 : 0));
}

/* Let the table reach item i. -ENOMEM. */
int pawl__table_grow(struct pawl__table *table, struct pawl__item item, uint64_t i);
void pawl__table_free(struct pawl__table *table, struct pawl__item item);

#endif
