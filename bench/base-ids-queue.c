/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-ids-queue.c - a shared counter beside the concurrent-queue crate (unbounded), through the
 * static library of bench/peers/. The loops are the crate's side's, so that it is inlined there.
 */
#include "bench.h"
#include "work-ids.h"

struct cq_ids;

struct cq_ids *cq_ids_new(void);
void cq_ids_drop(struct cq_ids *ids);
void cq_ids_window(const struct cq_ids *ids, uint64_t n);
void cq_ids_batch(const struct cq_ids *ids, uint64_t n);

static int setup(struct b_run *run)
{
	run->state = cq_ids_new();
	return 0;
}

static void teardown(struct b_run *run)
{
	cq_ids_drop(run->state);
}

static void window(struct b_worker *w, uint64_t n)
{
	cq_ids_window(w->run->state, n);
}

static void batch(struct b_worker *w, uint64_t n)
{
	cq_ids_batch(w->run->state, n);
}

static const struct b_case cases[] = {
	B_IDS_CASE(cq, "ids-window", "counter+concurrent-queue", "\"window\":64", 16, setup,
		   NULL, window, NULL, teardown),
	B_IDS_CASE(cq, "ids-batch", "counter+concurrent-queue", "\"batch\":256", 16, setup,
		   NULL, batch, NULL, teardown),
};
B_CASES(cases)
