/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 2-2w-half.c - 2+2W, one of the late stores an exchange
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x, y;
static uint32_t r0;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	r0 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u x=%u y=%u", r0, pawl_load_relaxed(&x), pawl_load_relaxed(&y));
}

static void rlx_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r0 = pawl_xchg_relaxed(&y, 2u);
}

static void rlx_1(void)
{
	pawl_store_relaxed(&y, 1u);
	pawl_store_relaxed(&x, 2u);
}

static void sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r0 = litmus_xchg_seq_cst(&y, 2u);
}

static void sc_1(void)
{
	pawl_store_relaxed(&y, 1u);
	pawl_store_relaxed(&x, 2u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "2-2w-half-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "2-2w-half-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
