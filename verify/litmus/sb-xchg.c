/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sb-xchg.c - store buffering with exchanges in place of the stores
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x, y;
static uint32_t r0, r1, r2, r3;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	r0 = r1 = r2 = r3 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u", r0, r1);
}

static void rlx_0(void)
{
	r2 = pawl_xchg_relaxed(&x, 1u);
	r0 = pawl_load_relaxed(&y);
}

static void rlx_1(void)
{
	r3 = pawl_xchg_relaxed(&y, 1u);
	r1 = pawl_load_relaxed(&x);
}

static void ar_0(void)
{
	r2 = pawl_xchg_acq_rel(&x, 1u);
	r0 = pawl_load_acquire(&y);
}

static void ar_1(void)
{
	r3 = pawl_xchg_acq_rel(&y, 1u);
	r1 = pawl_load_acquire(&x);
}

static void sc_0(void)
{
	r2 = litmus_xchg_seq_cst(&x, 1u);
	r0 = litmus_load_seq_cst(&y);
}

static void sc_1(void)
{
	r3 = litmus_xchg_seq_cst(&y, 1u);
	r1 = litmus_load_seq_cst(&x);
}

static void sc_rlx_0(void)
{
	r2 = litmus_xchg_seq_cst(&x, 1u);
	r0 = pawl_load_relaxed(&y);
}

static void sc_rlx_1(void)
{
	r3 = litmus_xchg_seq_cst(&y, 1u);
	r1 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "sb-xchg-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-xchg-ar",
		.setup = setup,
		.threads = {ar_0, ar_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-xchg-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-xchg-sc-rlx",
		.setup = setup,
		.threads = {sc_rlx_0, sc_rlx_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
