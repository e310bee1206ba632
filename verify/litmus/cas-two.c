/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cas-two.c - of two compare-exchanges from one value at most one succeeds
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x;
static uint32_t r0, r1, r2, r3;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	r0 = r1 = r2 = r3 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u r2=%u r3=%u x=%u", r0, r1, r2, r3, pawl_load_relaxed(&x));
}

static void rlx_0(void)
{
	r1 = 0u;
	r0 = pawl_cas_relaxed(&x, &r1, 1u);
}

static void rlx_1(void)
{
	r3 = 0u;
	r2 = pawl_cas_relaxed(&x, &r3, 2u);
}

static void ar_0(void)
{
	r1 = 0u;
	r0 = pawl_cas_acq_rel(&x, &r1, 1u);
}

static void ar_1(void)
{
	r3 = 0u;
	r2 = pawl_cas_acq_rel(&x, &r3, 2u);
}

static void sc_0(void)
{
	r1 = 0u;
	r0 = litmus_cas(strong, &x, &r1, 1u, seq_cst, seq_cst);
}

static void sc_1(void)
{
	r3 = 0u;
	r2 = litmus_cas(strong, &x, &r3, 2u, seq_cst, seq_cst);
}

static void weak_rlx_0(void)
{
	r1 = 0u;
	r0 = pawl_cas_weak_relaxed(&x, &r1, 1u);
}

static void weak_rlx_1(void)
{
	r3 = 0u;
	r2 = pawl_cas_weak_relaxed(&x, &r3, 2u);
}

static void weak_ar_0(void)
{
	r1 = 0u;
	r0 = pawl_cas_weak_acq_rel(&x, &r1, 1u);
}

static void weak_ar_1(void)
{
	r3 = 0u;
	r2 = pawl_cas_weak_acq_rel(&x, &r3, 2u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "cas-two-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "cas-two-ar",
		.setup = setup,
		.threads = {ar_0, ar_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "cas-two-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "cas-two-weak-rlx",
		.setup = setup,
		.threads = {weak_rlx_0, weak_rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "cas-two-weak-ar",
		.setup = setup,
		.threads = {weak_ar_0, weak_ar_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
