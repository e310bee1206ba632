/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rmw-two.c - an increment by one, an exchange by another, a reader
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
	r1 = pawl_xchg_relaxed(&x, 4u);
}

static void rlx_2(void)
{
	r2 = pawl_load_relaxed(&x);
}

static void sc_0(void)
{
	r0 = litmus_add_seq_cst(&x, 1u);
}

static void sc_1(void)
{
	r1 = litmus_xchg_seq_cst(&x, 4u);
}

static void sc_2(void)
{
	r2 = litmus_load_seq_cst(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "rmw-two-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1, rlx_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rmw-two-sc",
		.setup = setup,
		.threads = {sc_0, sc_1, sc_2},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
