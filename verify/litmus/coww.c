/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coww.c - two stores of one thread stay in order
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
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&x, 2u);
}

static void rlx_1(void)
{
	r0 = pawl_load_relaxed(&x);
}

static void ra_0(void)
{
	pawl_store_release(&x, 1u);
	pawl_store_release(&x, 2u);
}

static void ra_1(void)
{
	r0 = pawl_load_acquire(&x);
}

static void sc_0(void)
{
	litmus_store_seq_cst(&x, 1u);
	litmus_store_seq_cst(&x, 2u);
}

static void sc_1(void)
{
	r0 = litmus_load_seq_cst(&x);
}

static void f_sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_fence_dekker();
	pawl_store_relaxed(&x, 2u);
}

static void f_sc_1(void)
{
	r0 = pawl_load_relaxed(&x);
}

static void f_ar_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_fence_acq_rel();
	pawl_store_relaxed(&x, 2u);
}

static void f_ar_1(void)
{
	r0 = pawl_load_relaxed(&x);
}

static void f_ra_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_fence_acq_rel();
	pawl_store_relaxed(&x, 2u);
}

static void f_ra_1(void)
{
	r0 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "coww-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "coww-ra",
		.setup = setup,
		.threads = {ra_0, ra_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "coww-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "coww-f-sc",
		.setup = setup,
		.threads = {f_sc_0, f_sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "coww-f-ar",
		.setup = setup,
		.threads = {f_ar_0, f_ar_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "coww-f-ra",
		.setup = setup,
		.threads = {f_ra_0, f_ra_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
