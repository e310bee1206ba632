/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refcount-3.c - three releasers, a reader of the full count
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x, y, z;
static uint32_t r0, r1, r2, r3, r4;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	pawl_init_word(&z, 0u);
	r0 = r1 = r2 = r3 = r4 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r2=%u r3=%u r4=%u", r2, r3, r4);
}

static void rlx_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r0 = pawl_add_relaxed(&z, 1u);
}

static void rlx_1(void)
{
	pawl_store_relaxed(&y, 1u);
	r1 = pawl_add_relaxed(&z, 1u);
}

static void rlx_2(void)
{
	r2 = pawl_load_acquire(&z);
	if (r2 == 2u)
		r3 = pawl_load_relaxed(&x);
	if (r2 == 2u)
		r4 = pawl_load_relaxed(&y);
}

static void rel_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r0 = pawl_add_release(&z, 1u);
}

static void rel_1(void)
{
	pawl_store_relaxed(&y, 1u);
	r1 = pawl_add_release(&z, 1u);
}

static void rel_2(void)
{
	r2 = pawl_load_acquire(&z);
	if (r2 == 2u)
		r3 = pawl_load_relaxed(&x);
	if (r2 == 2u)
		r4 = pawl_load_relaxed(&y);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "refcount-3-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1, rlx_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "refcount-3-rel",
		.setup = setup,
		.threads = {rel_0, rel_1, rel_2},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
