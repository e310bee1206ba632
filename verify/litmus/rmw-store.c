/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rmw-store.c - a store does not come between the halves of an increment
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x;
static uint32_t r0;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	r0 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u x=%u", r0, pawl_load_relaxed(&x));
}

static void rlx_0(void)
{
	r0 = pawl_add_relaxed(&x, 1u);
}

static void rlx_1(void)
{
	pawl_store_relaxed(&x, 5u);
}

static void sc_0(void)
{
	r0 = litmus_add_seq_cst(&x, 1u);
}

static void sc_1(void)
{
	litmus_store_seq_cst(&x, 5u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "rmw-store-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rmw-store-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
