/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rmw-inc.c - no increment is lost
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

static void rlx_0(void)
{
	r0 = pawl_add_relaxed(&x, 1u);
}

static void rlx_1(void)
{
	r1 = pawl_add_relaxed(&x, 1u);
}

static void acq_0(void)
{
	r0 = pawl_add_acquire(&x, 1u);
}

static void acq_1(void)
{
	r1 = pawl_add_acquire(&x, 1u);
}

static void rel_0(void)
{
	r0 = pawl_add_release(&x, 1u);
}

static void rel_1(void)
{
	r1 = pawl_add_release(&x, 1u);
}

static void acq_rel_0(void)
{
	r0 = pawl_add_acq_rel(&x, 1u);
}

static void acq_rel_1(void)
{
	r1 = pawl_add_acq_rel(&x, 1u);
}

static void sc_0(void)
{
	r0 = litmus_add_seq_cst(&x, 1u);
}

static void sc_1(void)
{
	r1 = litmus_add_seq_cst(&x, 1u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "rmw-inc-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rmw-inc-acq",
		.setup = setup,
		.threads = {acq_0, acq_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rmw-inc-rel",
		.setup = setup,
		.threads = {rel_0, rel_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rmw-inc-acq-rel",
		.setup = setup,
		.threads = {acq_rel_0, acq_rel_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rmw-inc-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
