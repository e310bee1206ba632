/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relseq-same.c - a later plain store of the same thread does not (since C++20)
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

static void acq_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
	pawl_store_relaxed(&y, 2u);
}

static void acq_1(void)
{
	r0 = pawl_load_acquire(&y);
	r1 = pawl_load_relaxed(&x);
}

static void facq_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
	pawl_store_relaxed(&y, 2u);
}

static void facq_1(void)
{
	r0 = pawl_load_relaxed(&y);
	litmus_fence_acquire();
	r1 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "relseq-same-acq",
		.setup = setup,
		.threads = {acq_0, acq_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "relseq-same-facq",
		.setup = setup,
		.threads = {facq_0, facq_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
