/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mp-plain-store.c - a plain payload behind a later store of the same thread
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 y;
static struct litmus_plain d;
static uint32_t r0, r1;

static void setup(void)
{
	pawl_init_word(&y, 0u);
	d.value = 0;
	r0 = r1 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u", r0, r1);
}

static void acq_0(void)
{
	d.value = 1u;
	pawl_store_release(&y, 1u);
	pawl_store_relaxed(&y, 2u);
}

static void acq_1(void)
{
	r0 = pawl_load_acquire(&y);
	if (r0 == 2u)
		r1 = d.value;
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "mp-plain-store-acq",
		.setup = setup,
		.threads = {acq_0, acq_1},
		.finish = finish,
		.bare = true,
		.expect_failure = "race",
	},
};
MC_MAIN(scenarios)
