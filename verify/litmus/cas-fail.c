/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cas-fail.c - the order after a failure
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
	r1 = 5u;
	r0 = litmus_cas(strong, &y, &r1, 7u, acq_rel, relaxed);
	r2 = pawl_load_relaxed(&x);
}

static void acq_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void acq_1(void)
{
	r1 = 5u;
	r0 = pawl_cas_acq_rel(&y, &r1, 7u);
	r2 = pawl_load_relaxed(&x);
}

static void rel_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void rel_1(void)
{
	r1 = 5u;
	r0 = pawl_cas_release(&y, &r1, 7u);
	r2 = pawl_load_relaxed(&x);
}

static void sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void sc_1(void)
{
	r1 = 5u;
	r0 = litmus_cas(strong, &y, &r1, 7u, seq_cst, seq_cst);
	r2 = pawl_load_relaxed(&x);
}

static void weak_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void weak_1(void)
{
	r1 = 5u;
	r0 = pawl_cas_weak_acq_rel(&y, &r1, 7u);
	r2 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "cas-fail-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "cas-fail-acq",
		.setup = setup,
		.threads = {acq_0, acq_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "cas-fail-rel",
		.setup = setup,
		.threads = {rel_0, rel_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "cas-fail-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "cas-fail-weak",
		.setup = setup,
		.threads = {weak_0, weak_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
