/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cas-lock.c - a lock by compare-exchange guards a relaxed payload
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x, z;
static uint32_t r0, r1, r2, r3, r4;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	pawl_init_word(&z, 0u);
	r0 = r1 = r2 = r3 = r4 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r2=%u r4=%u z=%u", r0, r2, r4, pawl_load_relaxed(&z));
}

static void ra_0(void)
{
	r1 = 0u;
	r0 = pawl_cas_acquire(&z, &r1, 1u);
	if (r0 == 1u)
		pawl_store_relaxed(&x, 1u);
	if (r0 == 1u)
		pawl_store_release(&z, 0u);
}

static void ra_1(void)
{
	r3 = 0u;
	r2 = pawl_cas_acquire(&z, &r3, 1u);
	if (r2 == 1u)
		r4 = pawl_load_relaxed(&x);
	if (r2 == 1u)
		pawl_store_release(&z, 0u);
}

static void rlx_0(void)
{
	r1 = 0u;
	r0 = pawl_cas_relaxed(&z, &r1, 1u);
	if (r0 == 1u)
		pawl_store_relaxed(&x, 1u);
	if (r0 == 1u)
		pawl_store_relaxed(&z, 0u);
}

static void rlx_1(void)
{
	r3 = 0u;
	r2 = pawl_cas_relaxed(&z, &r3, 1u);
	if (r2 == 1u)
		r4 = pawl_load_relaxed(&x);
	if (r2 == 1u)
		pawl_store_relaxed(&z, 0u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "cas-lock-ra",
		.setup = setup,
		.threads = {ra_0, ra_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "cas-lock-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
