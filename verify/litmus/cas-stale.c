/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cas-stale.c - a compare-exchange that fails may have read an old value
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
	pawl_store_relaxed(&y, 1u);
}

static void rlx_1(void)
{
	r0 = pawl_load_relaxed(&y);
	r2 = 5u;
	r1 = pawl_cas_relaxed(&x, &r2, 7u);
}

static void ra_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void ra_1(void)
{
	r0 = pawl_load_acquire(&y);
	r2 = 5u;
	r1 = pawl_cas_relaxed(&x, &r2, 7u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "cas-stale-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "cas-stale-ra",
		.setup = setup,
		.threads = {ra_0, ra_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
