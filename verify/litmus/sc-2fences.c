/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sc-2fences.c - two fences in one thread
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x, y, z;
static uint32_t r0, r1;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	pawl_init_word(&z, 0u);
	r0 = r1 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u", r0, r1);
}

static void sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_fence_dekker();
	pawl_store_relaxed(&y, 1u);
	pawl_fence_dekker();
	r0 = pawl_load_relaxed(&z);
}

static void sc_1(void)
{
	pawl_store_relaxed(&z, 1u);
	pawl_fence_dekker();
	r1 = pawl_load_relaxed(&x);
}

static void none_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_fence_dekker();
	pawl_store_relaxed(&y, 1u);
	r0 = pawl_load_relaxed(&z);
}

static void none_1(void)
{
	pawl_store_relaxed(&z, 1u);
	pawl_fence_dekker();
	r1 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "sc-2fences-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sc-2fences-none",
		.setup = setup,
		.threads = {none_0, none_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
