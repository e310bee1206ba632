/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rmw-inc-3.c - no increment of three is lost
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x;
static uint32_t r0, r1, r2;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	r0 = r1 = r2 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u r2=%u x=%u", r0, r1, r2, pawl_load_relaxed(&x));
}

static void rlx_0(void)
{
	r0 = pawl_add_relaxed(&x, 1u);
}

static void rlx_1(void)
{
	r1 = pawl_add_relaxed(&x, 1u);
}

static void rlx_2(void)
{
	r2 = pawl_add_relaxed(&x, 1u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "rmw-inc-3-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1, rlx_2},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
