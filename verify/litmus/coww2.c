/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coww2.c - two stores each to one location
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x;

static void setup(void)
{
	pawl_init_word(&x, 0u);
}

static void finish(void)
{
	litmus_outcome("x=%u", pawl_load_relaxed(&x));
}

static void rlx_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&x, 2u);
}

static void rlx_1(void)
{
	pawl_store_relaxed(&x, 3u);
	pawl_store_relaxed(&x, 4u);
}

static void ra_0(void)
{
	pawl_store_release(&x, 1u);
	pawl_store_release(&x, 2u);
}

static void ra_1(void)
{
	pawl_store_release(&x, 3u);
	pawl_store_release(&x, 4u);
}

static void sc_0(void)
{
	litmus_store_seq_cst(&x, 1u);
	litmus_store_seq_cst(&x, 2u);
}

static void sc_1(void)
{
	litmus_store_seq_cst(&x, 3u);
	litmus_store_seq_cst(&x, 4u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "coww2-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "coww2-ra",
		.setup = setup,
		.threads = {ra_0, ra_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "coww2-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
