/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sc-hb.c - an SC store, a release store after it: the order that hb gives psc
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x, y, z;
static uint32_t r0, r1, r2;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	pawl_init_word(&z, 0u);
	r0 = r1 = r2 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u r2=%u", r0, r1, r2);
}

static void ra_0(void)
{
	litmus_store_seq_cst(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void ra_1(void)
{
	r0 = pawl_load_acquire(&y);
	r1 = litmus_load_seq_cst(&z);
}

static void ra_2(void)
{
	litmus_store_seq_cst(&z, 1u);
	r2 = litmus_load_seq_cst(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "sc-hb-ra",
		.setup = setup,
		.threads = {ra_0, ra_1, ra_2},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
