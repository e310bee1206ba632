/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relseq-cas.c - a compare-exchange continues a release sequence if it succeeds
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
	litmus_outcome("r0=%u r2=%u r3=%u", r0, r2, r3);
}

static void strong_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void strong_1(void)
{
	r1 = 1u;
	r0 = pawl_cas_relaxed(&y, &r1, 2u);
}

static void strong_2(void)
{
	r2 = pawl_load_acquire(&y);
	r3 = pawl_load_relaxed(&x);
}

static void weak_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void weak_1(void)
{
	r1 = 1u;
	r0 = pawl_cas_weak_relaxed(&y, &r1, 2u);
}

static void weak_2(void)
{
	r2 = pawl_load_acquire(&y);
	r3 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "relseq-cas-strong",
		.setup = setup,
		.threads = {strong_0, strong_1, strong_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "relseq-cas-weak",
		.setup = setup,
		.threads = {weak_0, weak_1, weak_2},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
