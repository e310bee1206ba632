/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 2-2w.c - two stores each, in opposite order: may the first ones win twice?
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x, y;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
}

static void finish(void)
{
	litmus_outcome("x=%u y=%u", pawl_load_relaxed(&x), pawl_load_relaxed(&y));
}

static void rlx_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&y, 2u);
}

static void rlx_1(void)
{
	pawl_store_relaxed(&y, 1u);
	pawl_store_relaxed(&x, 2u);
}

static void ra_0(void)
{
	pawl_store_release(&x, 1u);
	pawl_store_release(&y, 2u);
}

static void ra_1(void)
{
	pawl_store_release(&y, 1u);
	pawl_store_release(&x, 2u);
}

static void sc_0(void)
{
	litmus_store_seq_cst(&x, 1u);
	litmus_store_seq_cst(&y, 2u);
}

static void sc_1(void)
{
	litmus_store_seq_cst(&y, 1u);
	litmus_store_seq_cst(&x, 2u);
}

static void f_sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_fence_dekker();
	pawl_store_relaxed(&y, 2u);
}

static void f_sc_1(void)
{
	pawl_store_relaxed(&y, 1u);
	pawl_fence_dekker();
	pawl_store_relaxed(&x, 2u);
}

static void f_ar_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_fence_acq_rel();
	pawl_store_relaxed(&y, 2u);
}

static void f_ar_1(void)
{
	pawl_store_relaxed(&y, 1u);
	litmus_fence_acq_rel();
	pawl_store_relaxed(&x, 2u);
}

static void f_ra_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_fence_release();
	pawl_store_relaxed(&y, 2u);
}

static void f_ra_1(void)
{
	pawl_store_relaxed(&y, 1u);
	litmus_fence_release();
	pawl_store_relaxed(&x, 2u);
}

static void one_sc_0(void)
{
	pawl_store_release(&x, 1u);
	pawl_store_release(&y, 2u);
}

static void one_sc_1(void)
{
	pawl_store_release(&y, 1u);
	pawl_store_release(&x, 2u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "2-2w-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "2-2w-ra",
		.setup = setup,
		.threads = {ra_0, ra_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "2-2w-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "2-2w-f-sc",
		.setup = setup,
		.threads = {f_sc_0, f_sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "2-2w-f-ar",
		.setup = setup,
		.threads = {f_ar_0, f_ar_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "2-2w-f-ra",
		.setup = setup,
		.threads = {f_ra_0, f_ra_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "2-2w-one-sc",
		.setup = setup,
		.threads = {one_sc_0, one_sc_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
