/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fence-mo.c - SC fences order stores to one location
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
	litmus_outcome("r0=%u x=%u", r0, pawl_load_relaxed(&x));
}

static void sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_fence_dekker();
	r0 = pawl_load_relaxed(&y);
}

static void sc_1(void)
{
	pawl_store_relaxed(&y, 1u);
	pawl_fence_dekker();
	pawl_store_relaxed(&x, 2u);
}

static void ar_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_fence_acq_rel();
	r0 = pawl_load_relaxed(&y);
}

static void ar_1(void)
{
	pawl_store_relaxed(&y, 1u);
	litmus_fence_acq_rel();
	pawl_store_relaxed(&x, 2u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "fence-mo-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "fence-mo-ar",
		.setup = setup,
		.threads = {ar_0, ar_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
