/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * corr3.c - what a reader saw last is not older than the final value's order
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x;
static uint32_t r0, r1;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	r0 = r1 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u x=%u", r0, r1, pawl_load_relaxed(&x));
}

static void rlx_0(void)
{
	pawl_store_relaxed(&x, 1u);
}

static void rlx_1(void)
{
	pawl_store_relaxed(&x, 2u);
}

static void rlx_2(void)
{
	r0 = pawl_load_relaxed(&x);
	r1 = pawl_load_relaxed(&x);
}

static void ra_0(void)
{
	pawl_store_release(&x, 1u);
}

static void ra_1(void)
{
	pawl_store_release(&x, 2u);
}

static void ra_2(void)
{
	r0 = pawl_load_acquire(&x);
	r1 = pawl_load_acquire(&x);
}

static void sc_0(void)
{
	litmus_store_seq_cst(&x, 1u);
}

static void sc_1(void)
{
	litmus_store_seq_cst(&x, 2u);
}

static void sc_2(void)
{
	r0 = litmus_load_seq_cst(&x);
	r1 = litmus_load_seq_cst(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "corr3-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1, rlx_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "corr3-ra",
		.setup = setup,
		.threads = {ra_0, ra_1, ra_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "corr3-sc",
		.setup = setup,
		.threads = {sc_0, sc_1, sc_2},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
