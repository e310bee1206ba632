/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * corr2.c - two readers see two stores to one location in one order
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x;
static uint32_t r0, r1, r2, r3;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	r0 = r1 = r2 = r3 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u r2=%u r3=%u", r0, r1, r2, r3);
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

static void rlx_3(void)
{
	r2 = pawl_load_relaxed(&x);
	r3 = pawl_load_relaxed(&x);
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

static void ra_3(void)
{
	r2 = pawl_load_acquire(&x);
	r3 = pawl_load_acquire(&x);
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

static void sc_3(void)
{
	r2 = litmus_load_seq_cst(&x);
	r3 = litmus_load_seq_cst(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "corr2-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1, rlx_2, rlx_3},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "corr2-ra",
		.setup = setup,
		.threads = {ra_0, ra_1, ra_2, ra_3},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "corr2-sc",
		.setup = setup,
		.threads = {sc_0, sc_1, sc_2, sc_3},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
