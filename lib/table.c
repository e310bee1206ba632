/* SPDX-License-Identifier: BSD-2-Clause */
/* table.c - how a table grows, see table-internal.h. Of two who make a segment, one frees his. */
#include "config.h"

#include <errno.h>

#include <pawl/mem.h>

#include "table-internal.h"

static size_t segment_bytes(struct pawl__item item, unsigned segment)
{
	return (size_t)(item.bytes * pawl__table_segment_items(item, segment));
}

int pawl__table_grow(struct pawl__table *table, struct pawl__item item, uint64_t i)
{
	void *expected = NULL;
	unsigned segment;
	void *items;

	(void)pawl__table_segment_of(item, i, &segment);
	if (pawl_load_relaxed(&table->segment[segment]))
		return 0;
	items = pawl_mem_zalloc(segment_bytes(item, segment), PAWL_LINE_BYTES);
	if (!items)
		return -ENOMEM;
	if (!pawl_cas_release(&table->segment[segment], &expected, items)) /* O1 */
		pawl_mem_free(items, segment_bytes(item, segment), PAWL_LINE_BYTES);
	return 0;
}

void pawl__table_free(struct pawl__table *table, struct pawl__item item)
{
	for (unsigned s = 0; s < PAWL__TABLE_SEGMENTS; s++)
		pawl_mem_free(pawl_load_relaxed(&table->segment[s]), segment_bytes(item, s),
			      PAWL_LINE_BYTES);
}
