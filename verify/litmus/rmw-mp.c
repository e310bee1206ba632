/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rmw-mp.c - message passing by exchange on both sides
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

static void rlx_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r2 = pawl_xchg_relaxed(&y, 1u);
}

static void rlx_1(void)
{
	r0 = pawl_xchg_relaxed(&y, 2u);
	r1 = pawl_load_relaxed(&x);
}

static void ra_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r2 = pawl_xchg_release(&y, 1u);
}

static void ra_1(void)
{
	r0 = pawl_xchg_acquire(&y, 2u);
	r1 = pawl_load_relaxed(&x);
}

static void rel_rel_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r2 = pawl_xchg_release(&y, 1u);
}

static void rel_rel_1(void)
{
	r0 = pawl_xchg_release(&y, 2u);
	r1 = pawl_load_relaxed(&x);
}

static void acq_acq_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r2 = pawl_xchg_acquire(&y, 1u);
}

static void acq_acq_1(void)
{
	r0 = pawl_xchg_acquire(&y, 2u);
	r1 = pawl_load_relaxed(&x);
}

static void ar_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r2 = pawl_xchg_acq_rel(&y, 1u);
}

static void ar_1(void)
{
	r0 = pawl_xchg_acq_rel(&y, 2u);
	r1 = pawl_load_relaxed(&x);
}

static void sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r2 = litmus_xchg_seq_cst(&y, 1u);
}

static void sc_1(void)
{
	r0 = litmus_xchg_seq_cst(&y, 2u);
	r1 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "rmw-mp-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rmw-mp-ra",
		.setup = setup,
		.threads = {ra_0, ra_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rmw-mp-rel-rel",
		.setup = setup,
		.threads = {rel_rel_0, rel_rel_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rmw-mp-acq-acq",
		.setup = setup,
		.threads = {acq_acq_0, acq_acq_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rmw-mp-ar",
		.setup = setup,
		.threads = {ar_0, ar_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rmw-mp-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
