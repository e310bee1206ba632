/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lb-data.c - load buffering with data dependencies: values out of thin air
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x, y;
static uint32_t r0, r1;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	r0 = r1 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u", r0, r1);
}

static void rlx_0(void)
{
	r0 = pawl_load_relaxed(&x);
	pawl_store_relaxed(&y, r0 + 1u);
}

static void rlx_1(void)
{
	r1 = pawl_load_relaxed(&y);
	pawl_store_relaxed(&x, r1);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "lb-data-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
