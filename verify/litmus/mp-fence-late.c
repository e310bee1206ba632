/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mp-fence-late.c - message passing with the fences on the wrong side of the flag
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

static void ar_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&y, 1u);
	litmus_fence_acq_rel();
}

static void ar_1(void)
{
	litmus_fence_acq_rel();
	r0 = pawl_load_relaxed(&y);
	r1 = pawl_load_relaxed(&x);
}

static void sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&y, 1u);
	pawl_fence_dekker();
}

static void sc_1(void)
{
	pawl_fence_dekker();
	r0 = pawl_load_relaxed(&y);
	r1 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "mp-fence-late-ar",
		.setup = setup,
		.threads = {ar_0, ar_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-fence-late-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
