/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 2-2w-xchg.c - 2+2W with exchanges: would need load buffering
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
	litmus_outcome("r0=%u r1=%u r2=%u r3=%u x=%u y=%u", r0, r1, r2, r3,
		       pawl_load_relaxed(&x), pawl_load_relaxed(&y));
}

static void rlx_0(void)
{
	r0 = pawl_xchg_relaxed(&x, 1u);
	r1 = pawl_xchg_relaxed(&y, 2u);
}

static void rlx_1(void)
{
	r2 = pawl_xchg_relaxed(&y, 1u);
	r3 = pawl_xchg_relaxed(&x, 2u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "2-2w-xchg-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
