/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refcount.c - who brings a count to its end sees what every releaser did
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x, y, z;
static uint32_t r0, r1, r2, r3;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	pawl_init_word(&z, 0u);
	r0 = r1 = r2 = r3 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u r2=%u r3=%u", r0, r1, r2, r3);
}

static void rlx_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r0 = pawl_add_relaxed(&z, 1u);
	if (r0 == 1u)
		r2 = pawl_load_relaxed(&y);
}

static void rlx_1(void)
{
	pawl_store_relaxed(&y, 1u);
	r1 = pawl_add_relaxed(&z, 1u);
	if (r1 == 1u)
		r3 = pawl_load_relaxed(&x);
}

static void rel_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r0 = pawl_add_release(&z, 1u);
	if (r0 == 1u)
		r2 = pawl_load_relaxed(&y);
}

static void rel_1(void)
{
	pawl_store_relaxed(&y, 1u);
	r1 = pawl_add_release(&z, 1u);
	if (r1 == 1u)
		r3 = pawl_load_relaxed(&x);
}

static void acq_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r0 = pawl_add_acquire(&z, 1u);
	if (r0 == 1u)
		r2 = pawl_load_relaxed(&y);
}

static void acq_1(void)
{
	pawl_store_relaxed(&y, 1u);
	r1 = pawl_add_acquire(&z, 1u);
	if (r1 == 1u)
		r3 = pawl_load_relaxed(&x);
}

static void ar_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r0 = pawl_add_acq_rel(&z, 1u);
	if (r0 == 1u)
		r2 = pawl_load_relaxed(&y);
}

static void ar_1(void)
{
	pawl_store_relaxed(&y, 1u);
	r1 = pawl_add_acq_rel(&z, 1u);
	if (r1 == 1u)
		r3 = pawl_load_relaxed(&x);
}

static void sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r0 = litmus_add_seq_cst(&z, 1u);
	if (r0 == 1u)
		r2 = pawl_load_relaxed(&y);
}

static void sc_1(void)
{
	pawl_store_relaxed(&y, 1u);
	r1 = litmus_add_seq_cst(&z, 1u);
	if (r1 == 1u)
		r3 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "refcount-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "refcount-rel",
		.setup = setup,
		.threads = {rel_0, rel_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "refcount-acq",
		.setup = setup,
		.threads = {acq_0, acq_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "refcount-ar",
		.setup = setup,
		.threads = {ar_0, ar_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "refcount-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
