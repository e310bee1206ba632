/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lb.c - load buffering: forbidden by design in RC11, with any order
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

static void rlx_0(void)
{
	r0 = pawl_load_relaxed(&x);
	pawl_store_relaxed(&y, 1u);
}

static void rlx_1(void)
{
	r1 = pawl_load_relaxed(&y);
	pawl_store_relaxed(&x, 1u);
}

static void ra_0(void)
{
	r0 = pawl_load_acquire(&x);
	pawl_store_release(&y, 1u);
}

static void ra_1(void)
{
	r1 = pawl_load_acquire(&y);
	pawl_store_release(&x, 1u);
}

static void sc_0(void)
{
	r0 = litmus_load_seq_cst(&x);
	litmus_store_seq_cst(&y, 1u);
}

static void sc_1(void)
{
	r1 = litmus_load_seq_cst(&y);
	litmus_store_seq_cst(&x, 1u);
}

static void f_sc_0(void)
{
	r0 = pawl_load_relaxed(&x);
	pawl_fence_dekker();
	pawl_store_relaxed(&y, 1u);
}

static void f_sc_1(void)
{
	r1 = pawl_load_relaxed(&y);
	pawl_fence_dekker();
	pawl_store_relaxed(&x, 1u);
}

static void f_ar_0(void)
{
	r0 = pawl_load_relaxed(&x);
	litmus_fence_acq_rel();
	pawl_store_relaxed(&y, 1u);
}

static void f_ar_1(void)
{
	r1 = pawl_load_relaxed(&y);
	litmus_fence_acq_rel();
	pawl_store_relaxed(&x, 1u);
}

static void f_ra_0(void)
{
	r0 = pawl_load_relaxed(&x);
	litmus_fence_acq_rel();
	pawl_store_relaxed(&y, 1u);
}

static void f_ra_1(void)
{
	r1 = pawl_load_relaxed(&y);
	litmus_fence_acq_rel();
	pawl_store_relaxed(&x, 1u);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "lb-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "lb-ra",
		.setup = setup,
		.threads = {ra_0, ra_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "lb-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "lb-f-sc",
		.setup = setup,
		.threads = {f_sc_0, f_sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "lb-f-ar",
		.setup = setup,
		.threads = {f_ar_0, f_ar_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "lb-f-ra",
		.setup = setup,
		.threads = {f_ra_0, f_ra_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
