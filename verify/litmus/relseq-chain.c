/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relseq-chain.c - two read-modify-writes in a row continue it
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x, y;
static uint32_t r0, r1, r2, r3;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	r0 = r1 = r2 = r3 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u r2=%u r3=%u", r0, r1, r2, r3);
}

static void rlx_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void rlx_1(void)
{
	r0 = pawl_add_relaxed(&y, 1u);
}

static void rlx_2(void)
{
	r1 = pawl_add_relaxed(&y, 1u);
}

static void rlx_3(void)
{
	r2 = pawl_load_acquire(&y);
	r3 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "relseq-chain-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1, rlx_2, rlx_3},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
