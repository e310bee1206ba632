/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * treiber-aba.c - a linked stack whose nodes come back.
 *
 * R. K. Treiber, "Systems programming: coping with parallelism" (IBM RJ 5118, 1986).
 *
 * Mistake: pop reads the head and its successor, then swings the head from one to the
 * other. If meanwhile the head was popped, the next node too, and the first pushed
 * again, the head looks unchanged and its remembered successor, which somebody owns,
 * becomes the head. A generation beside the head, advanced by every pop, tells the two
 * heads apart (the tag of System/370 Principles of Operation, appendix A).
 */
#include "known.h"

#define NODES 3

/* Node n is index n + 1; 0 is the end. Low half: index of the head, high: generation. */
static struct pawl_atomic_u64 head;
static struct pawl_atomic_u32 next[NODES + 1];
static struct pawl_atomic_u32 owned[NODES + 1];

#define GENERATION (UINT64_C(1) << 32)

static void take(uint32_t node)
{
	mc_assert(!pawl_xchg_relaxed(&owned[node], 1u));
}

static void setup(void)
{
	/* 1 on 2 on 3. */
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
	while (!pawl_cas_release(&head, &seen, (seen & ~UINT64_C(0xffffffff)) | node));
}

static uint32_t pop(uint64_t advance)
{
	uint64_t seen = pawl_load_acquire(&head);
	uint64_t wanted;

	do {
		if (!(uint32_t)seen)
			return 0;
		wanted = (seen & ~UINT64_C(0xffffffff)) + advance;
		wanted |= pawl_load_relaxed(&next[(uint32_t)seen]);
	} while (!pawl_cas_acq_rel(&head, &seen, wanted));
	take((uint32_t)seen);
	return (uint32_t)seen;
}

static void pop_one(void)
{
	pop(0);
}
static void pop_two_push_first(void)
{
	uint32_t first = pop(0);

	pop(0);
	if (first)
		push(first);
}
static void tagged_pop_one(void)
{
	pop(GENERATION);
}
static void tagged_pop_two_push_first(void)
{
	uint32_t first = pop(GENERATION);

	pop(GENERATION);
	if (first)
		push(first);
}

/* What is left on the stack belongs to nobody, and nothing is lost. */
static void finish(void)
{
	uint32_t count = 0;

	while (pop(0))
		count++;
	mc_assert(count <= NODES);
	for (uint32_t n = 1; n <= NODES; n++)
		mc_assert(pawl_load_relaxed(&owned[n]));
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "treiber-aba",
		.setup = setup,
		.threads = {pop_one, pop_two_push_first},
		.finish = finish,
		.bare = true,
		.expect_failure = "assertion",
	},
	{
		.name = "treiber-generation",
		.setup = setup,
		.threads = {tagged_pop_one, tagged_pop_two_push_first},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
