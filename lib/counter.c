/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * counter.c - a sum in cells.
 *
 * A cell holds all that was ever added by the threads of its slot, and how much of that was
 * told of. The owner stores to it with nobody else writing: a load and a store, no
 * read-modify-write. When the difference reaches the batch, the owner adds it to `told`, which
 * all share.
 *
 *	sum   = all cells + foreign
 *	fast  = told + foreign
 *
 * Cells never go back to zero, so a sum never counts an addition twice or loses it
 * while it is being told of: that is why the cells are totals and not differences.
 *
 * Invariants:
 *  I1 cell.total - cell.told is the cell's part of sum - fast; |it| < batch when its owner is
 *     in no call and 0 when its slot has no thread.
 *  I2 `owners` counts the cells whose slot has a thread that added. It is raised before the
 *     first addition and lowered after the last is told of.
 *
 * Ordering: all is relaxed. A counter orders nothing; that an addition which happened before a
 * read is seen by it follows from coherence, word by word. For the bound: `owners` is read
 * before `told`, so that of a thread that leaves either the cell is counted or its last words
 * are heard. That needs order O1: lowered with release, read with acquire. The cells are found
 * by the table's own order.
 *
 * A slot passes from thread to thread under the registry's mutex, which orders the plain field
 * `told` of a cell.
 *
 * Rejected: cells that are emptied into the total (percpu_counter): a sum beside that counts
 * twice or not at all; folding a cell into a shared one at detach: the next thread of the slot
 * goes on with it as it is, and only telling is needed; a cell for each processor: needs
 * read-modify-writes or restartable sequences.
 */
#include "config.h"

#include <errno.h>

#include <pawl/counter.h>
#include <pawl/mem.h>

#include "table-internal.h"
#include "thread-internal.h"

struct cell {
	/* Written by the owner, read by sums. Relaxed. */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u64 total;
	/* The owner's alone. */
	uint64_t told;
	bool owned; /* its thread added, and has not left: I2 */
};
PAWL_STATIC_ASSERT(sizeof(struct cell) == PAWL_LINE_BYTES, "a cell is one line");
#define CELL ((struct pawl__item){sizeof(struct cell), 3})

struct pawl_counter {
	/* --- Written once. --- */
	struct pawl__leaver leaver;
	uint64_t batch;
	struct pawl__table cells; /* by slot; none for the reclaimer, whose slot is far off */

	/* --- Written once a batch. --- */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u64 told;
	struct pawl_atomic_u64 owners;

	/* --- Written by threads without a cell. --- */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u64 foreign;
};

static void tell(struct pawl_counter *counter, struct cell *cell, uint64_t total)
{
	pawl_add_relaxed(&counter->told, total - cell->told);
	cell->told = total;
}

/* The cell of a slot is told of when its thread leaves (I1). */
static void counter_leave(struct pawl__leaver *leaver, uint32_t slot)
{
	struct pawl_counter *counter = PAWL_CONTAINER_OF(leaver, struct pawl_counter, leaver);
	struct cell *cell = NULL;

	if (slot != PAWL__SLOT_INTERNAL)
		cell = pawl__table_find(&counter->cells, CELL, slot);
	if (!cell || !cell->owned)
		return;
	if (PAWL_MC_STEP("counter-tell"))
		tell(counter, cell, pawl_load_relaxed(&cell->total));
	cell->owned = false;
	pawl_sub_release(&counter->owners, 1u); /* O1 */
}

int pawl_counter_create(uint32_t batch, struct pawl_counter **ret_counter)
{
	struct pawl_counter *counter;

	if (batch > INT32_MAX)
		return -EINVAL;
	counter = pawl_mem_zalloc(sizeof(*counter), PAWL_LINE_BYTES);
	if (!counter)
		return -ENOMEM;
	counter->batch = batch ? batch : PAWL_COUNTER_BATCH_DEFAULT;
	counter->leaver.leave = counter_leave;
	pawl__leaver_add(&counter->leaver);
	*ret_counter = counter;
	return 0;
}

void pawl_counter_destroy(struct pawl_counter *counter)
{
	if (!counter)
		return;
	pawl__leaver_remove(&counter->leaver);
	pawl__table_free(&counter->cells, CELL);
	pawl_mem_free(counter, sizeof(*counter), PAWL_LINE_BYTES);
}

/* The calling thread's cell, made if need be; NULL: it has none. */
static PAWL_NOINLINE struct cell *cell_make(struct pawl_counter *counter,
					    const struct pawl__thread *self)
{
	struct cell *cell;

	if (!self || self->slot == PAWL__SLOT_INTERNAL ||
	    pawl__table_grow(&counter->cells, CELL, self->slot))
		return NULL;
	cell = pawl__table_find(&counter->cells, CELL, self->slot);
	if (!cell->owned) {
		cell->owned = true;
		pawl_add_relaxed(&counter->owners, 1u); /* I2 */
	}
	return cell;
}

static inline struct cell *cell_own(struct pawl_counter *counter)
{
	const struct pawl__thread *self = pawl__self();
	struct cell *cell = NULL;

	if (PAWL_LIKELY(self && self->slot != PAWL__SLOT_INTERNAL))
		cell = pawl__table_find(&counter->cells, CELL, self->slot);
	if (PAWL_UNLIKELY(!cell || !cell->owned))
		return cell_make(counter, self);
	return cell;
}

void pawl_counter_add(struct pawl_counter *counter, int64_t by)
{
	struct cell *cell = cell_own(counter);
	uint64_t total, off;

	if (PAWL_UNLIKELY(!cell)) {
		pawl_add_relaxed(&counter->foreign, (uint64_t)by);
		return;
	}
	total = pawl_load_relaxed(&cell->total) + (uint64_t)by;
	pawl_store_relaxed(&cell->total, total);
	/* Outside (-batch, batch): one comparison. */
	off = total - cell->told + (counter->batch - 1);
	if (PAWL_UNLIKELY(off > 2 * (counter->batch - 1)))
		tell(counter, cell, total);
}

int64_t pawl_counter_read_fast(const struct pawl_counter *counter)
{
	return (int64_t)(pawl_load_relaxed(&counter->told) +
			 pawl_load_relaxed(&counter->foreign));
}

int64_t pawl_counter_read_sum(const struct pawl_counter *counter)
{
	uint64_t sum = pawl_load_relaxed(&counter->foreign);

	for (unsigned s = 0; s < PAWL__TABLE_SEGMENTS; s++) {
		const struct cell *cells = pawl_load_acquire(&counter->cells.segment[s]);
		uint64_t count = cells ? pawl__table_segment_items(CELL, s) : 0;

		for (uint64_t i = 0; i < count; i++)
			sum += pawl_load_relaxed(&cells[i].total);
	}
	return (int64_t)sum;
}

void pawl_counter_read_bound(const struct pawl_counter *counter,
			     struct pawl_counter_bound *ret_bound)
{
	uint64_t owners = pawl_load_acquire(&counter->owners); /* O1 */
	uint64_t slack = owners * (counter->batch - 1);
	uint64_t value = (uint64_t)pawl_counter_read_fast(counter);

	ret_bound->value = (int64_t)value;
	ret_bound->min = (int64_t)(value - slack);
	ret_bound->max = (int64_t)(value + slack);
}
