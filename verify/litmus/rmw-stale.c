/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rmw-stale.c - an exchange reads what is just before it in the order, not the newest
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
	litmus_outcome("r0=%u r1=%u x=%u", r0, r1, pawl_load_relaxed(&x));
}

static void rlx_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&y, 1u);
}

static void rlx_1(void)
{
	r0 = pawl_load_relaxed(&y);
	r1 = pawl_xchg_relaxed(&x, 2u);
}

static void ar_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&y, 1u);
}

static void ar_1(void)
{
	r0 = pawl_load_relaxed(&y);
	r1 = pawl_xchg_acq_rel(&x, 2u);
}

static void sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&y, 1u);
}

static void sc_1(void)
{
	r0 = pawl_load_relaxed(&y);
	r1 = litmus_xchg_seq_cst(&x, 2u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "rmw-stale-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rmw-stale-ar",
		.setup = setup,
		.threads = {ar_0, ar_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rmw-stale-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
