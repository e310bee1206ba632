/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sc-mixed.c - SC stores, one SC load, one that is not
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x, y;
static uint32_t r0, r1;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	r0 = r1 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u", r0, r1);
}

static void sc_sc_0(void)
{
	litmus_store_seq_cst(&x, 1u);
	r0 = litmus_load_seq_cst(&y);
}

static void sc_sc_1(void)
{
	litmus_store_seq_cst(&y, 1u);
	r1 = litmus_load_seq_cst(&x);
}

static void sc_acq_0(void)
{
	litmus_store_seq_cst(&x, 1u);
	r0 = litmus_load_seq_cst(&y);
}

static void sc_acq_1(void)
{
	litmus_store_seq_cst(&y, 1u);
	r1 = pawl_load_acquire(&x);
}

static void acq_acq_0(void)
{
	litmus_store_seq_cst(&x, 1u);
	r0 = pawl_load_acquire(&y);
}

static void acq_acq_1(void)
{
	litmus_store_seq_cst(&y, 1u);
	r1 = pawl_load_acquire(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "sc-mixed-sc-sc",
		.setup = setup,
		.threads = {sc_sc_0, sc_sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sc-mixed-sc-acq",
		.setup = setup,
		.threads = {sc_acq_0, sc_acq_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sc-mixed-acq-acq",
		.setup = setup,
		.threads = {acq_acq_0, acq_acq_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
