/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 2w-ring.c - 2+2W in a ring of three
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x, y, z;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	pawl_init_word(&z, 0u);
}

static void finish(void)
{
	litmus_outcome("x=%u y=%u z=%u", pawl_load_relaxed(&x), pawl_load_relaxed(&y),
		       pawl_load_relaxed(&z));
}

static void rlx_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&y, 2u);
}

static void rlx_1(void)
{
	pawl_store_relaxed(&y, 1u);
	pawl_store_relaxed(&z, 2u);
}

static void rlx_2(void)
{
	pawl_store_relaxed(&z, 1u);
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
	pawl_store_release(&z, 2u);
}

static void ra_2(void)
{
	pawl_store_release(&z, 1u);
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
	litmus_store_seq_cst(&z, 2u);
}

static void sc_2(void)
{
	litmus_store_seq_cst(&z, 1u);
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
	pawl_store_relaxed(&z, 2u);
}

static void f_sc_2(void)
{
	pawl_store_relaxed(&z, 1u);
	pawl_fence_dekker();
	pawl_store_relaxed(&x, 2u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "2w-ring-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1, rlx_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "2w-ring-ra",
		.setup = setup,
		.threads = {ra_0, ra_1, ra_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "2w-ring-sc",
		.setup = setup,
		.threads = {sc_0, sc_1, sc_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "2w-ring-f-sc",
		.setup = setup,
		.threads = {f_sc_0, f_sc_1, f_sc_2},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
