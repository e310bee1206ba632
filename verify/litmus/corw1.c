/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * corw1.c - a load does not see the thread's own later store
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
	r0 = pawl_load_relaxed(&x);
	pawl_store_relaxed(&x, 1u);
}

static void ra_0(void)
{
	r0 = pawl_load_acquire(&x);
	pawl_store_release(&x, 1u);
}

static void sc_0(void)
{
	r0 = litmus_load_seq_cst(&x);
	litmus_store_seq_cst(&x, 1u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "corw1-rlx",
		.setup = setup,
		.threads = {rlx_0},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "corw1-ra",
		.setup = setup,
		.threads = {ra_0},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "corw1-sc",
		.setup = setup,
		.threads = {sc_0},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
