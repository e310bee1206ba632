/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cas-weak-mp.c - a spurious failure still orders as its failure order says
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
	pawl_store_release(&y, 1u);
}

static void rlx_1(void)
{
	r1 = 1u;
	r0 = litmus_cas(weak, &y, &r1, 7u, acq_rel, relaxed);
	r2 = pawl_load_relaxed(&x);
}

static void acq_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void acq_1(void)
{
	r1 = 1u;
	r0 = pawl_cas_weak_acq_rel(&y, &r1, 7u);
	r2 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "cas-weak-mp-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "cas-weak-mp-acq",
		.setup = setup,
		.threads = {acq_0, acq_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
