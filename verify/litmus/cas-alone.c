/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cas-alone.c - a strong compare-exchange alone succeeds, a weak one may fail
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

static void strong_0(void)
{
	r1 = 0u;
	r0 = pawl_cas_relaxed(&x, &r1, 1u);
}

static void weak_0(void)
{
	r1 = 0u;
	r0 = pawl_cas_weak_relaxed(&x, &r1, 1u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "cas-alone-strong",
		.setup = setup,
		.threads = {strong_0},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "cas-alone-weak",
		.setup = setup,
		.threads = {weak_0},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
