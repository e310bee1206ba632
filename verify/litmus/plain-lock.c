/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plain-lock.c - a plain payload under a lock by compare-exchange
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 z;
static struct litmus_plain d;
static uint32_t r0, r1, r2, r3;

static void setup(void)
{
	pawl_init_word(&z, 0u);
	d.value = 0;
	r0 = r1 = r2 = r3 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r2=%u z=%u d=%u", r0, r2, pawl_load_relaxed(&z), d.value);
}

static void ra_0(void)
{
	r1 = 0u;
	r0 = pawl_cas_acquire(&z, &r1, 1u);
	if (r0 == 1u)
		d.value = 1u;
	if (r0 == 1u)
		pawl_store_release(&z, 0u);
}

static void ra_1(void)
{
	r3 = 0u;
	r2 = pawl_cas_acquire(&z, &r3, 1u);
	if (r2 == 1u)
		d.value = 2u;
	if (r2 == 1u)
		pawl_store_release(&z, 0u);
}

static void rlx_lock_0(void)
{
	r1 = 0u;
	r0 = pawl_cas_relaxed(&z, &r1, 1u);
	if (r0 == 1u)
		d.value = 1u;
	if (r0 == 1u)
		pawl_store_release(&z, 0u);
}

static void rlx_lock_1(void)
{
	r3 = 0u;
	r2 = pawl_cas_relaxed(&z, &r3, 1u);
	if (r2 == 1u)
		d.value = 2u;
	if (r2 == 1u)
		pawl_store_release(&z, 0u);
}

static void rlx_unlock_0(void)
{
	r1 = 0u;
	r0 = pawl_cas_acquire(&z, &r1, 1u);
	if (r0 == 1u)
		d.value = 1u;
	if (r0 == 1u)
		pawl_store_relaxed(&z, 0u);
}

static void rlx_unlock_1(void)
{
	r3 = 0u;
	r2 = pawl_cas_acquire(&z, &r3, 1u);
	if (r2 == 1u)
		d.value = 2u;
	if (r2 == 1u)
		pawl_store_relaxed(&z, 0u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "plain-lock-ra",
		.setup = setup,
		.threads = {ra_0, ra_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "plain-lock-rlx-lock",
		.setup = setup,
		.threads = {rlx_lock_0, rlx_lock_1},
		.finish = finish,
		.bare = true,
		.expect_failure = "race",
	},
	{
		.name = "plain-lock-rlx-unlock",
		.setup = setup,
		.threads = {rlx_unlock_0, rlx_unlock_1},
		.finish = finish,
		.bare = true,
		.expect_failure = "race",
	},
};
MC_MAIN(scenarios)
