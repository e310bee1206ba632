/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ck-batch-pop.c - a stack with generations, one of whose operations forgets them.
 *
 * The protocol of Concurrency Kit's ck_stack (0.7.1), restated: pop swings head and
 * generation together, so that it notices a head that came back. Batch pop takes the
 * whole stack.
 *
 * Mistake: batch pop leaves the generation alone. Pop reads head and successor; a batch
 * pop takes both and pushes the first again; head and generation are what pop saw, and
 * the successor that it installs belongs to the batch.
 * Repair: batch pop advances the generation too.
 */
#include "known.h"

#define NODES 2

/* Low half: index of the head, 0 for none; high half: generation. */
static struct pawl_atomic_u64 head;
static struct pawl_atomic_u32 next[NODES + 1];
static struct pawl_atomic_u32 owned[NODES + 1];

#define GENERATION	  (UINT64_C(1) << 32)
#define GENERATIONS(word) ((word) & ~UINT64_C(0xffffffff))

static void setup(void)
{
	for (uint32_t n = 1; n <= NODES; n++) {
		pawl_init_word(&next[n], n < NODES ? n + 1 : 0u);
		pawl_init_word(&owned[n], 0u);
	}
	pawl_init_word(&head, UINT64_C(1));
}

static void push(uint32_t node)
{
	uint64_t seen = pawl_load_relaxed(&head);

	pawl_store_relaxed(&owned[node], 0u);
	do
		pawl_store_relaxed(&next[node], (uint32_t)seen);
	while (!pawl_cas_release(&head, &seen, GENERATIONS(seen) | node));
}

static uint32_t pop(void)
{
	uint64_t seen = pawl_load_acquire(&head);
	uint64_t wanted;

	do {
		if (!(uint32_t)seen)
			return 0;
		wanted = GENERATIONS(seen) + GENERATION;
		wanted |= pawl_load_relaxed(&next[(uint32_t)seen]);
	} while (!pawl_cas_acq_rel(&head, &seen, wanted));
	mc_assert(!pawl_xchg_relaxed(&owned[(uint32_t)seen], 1u));
	return (uint32_t)seen;
}

static uint32_t batch_pop(uint64_t advance)
{
	uint64_t seen = pawl_load_acquire(&head);

	do {
		if (!(uint32_t)seen)
			return 0;
	} while (!pawl_cas_acq_rel(&head, &seen, GENERATIONS(seen) + advance));
	for (uint32_t n = (uint32_t)seen; n; n = pawl_load_relaxed(&next[n]))
		mc_assert(!pawl_xchg_relaxed(&owned[n], 1u));
	return (uint32_t)seen;
}

static void popper(void)
{
	pop();
}
static void batcher(void)
{
	uint32_t first = batch_pop(0);

	if (first)
		push(first);
}
static void repaired_batcher(void)
{
	uint32_t first = batch_pop(GENERATION);

	if (first)
		push(first);
}

static void finish(void)
{
	while (pop())
		;
	for (uint32_t n = 1; n <= NODES; n++)
		mc_assert(pawl_load_relaxed(&owned[n]));
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "ck-batch-pop-aba",
		.setup = setup,
		.threads = {popper, batcher},
		.finish = finish,
		.bare = true,
		.expect_failure = "assertion",
	},
	{
		.name = "ck-batch-pop-repaired",
		.setup = setup,
		.threads = {popper, repaired_batcher},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
