/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fence-eco.c - SC fences with a chain of reads between them
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x, y;
static uint32_t r0, r1, r2;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	r0 = r1 = r2 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u r2=%u", r0, r1, r2);
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
}

static void sc_2(void)
{
	r1 = pawl_load_relaxed(&y);
	pawl_fence_dekker();
	r2 = pawl_load_relaxed(&x);
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
}

static void ar_2(void)
{
	r1 = pawl_load_relaxed(&y);
	litmus_fence_acq_rel();
	r2 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "fence-eco-sc",
		.setup = setup,
		.threads = {sc_0, sc_1, sc_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "fence-eco-ar",
		.setup = setup,
		.threads = {ar_0, ar_1, ar_2},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
