/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rwc.c - read to write causality: a reader and a storing reader disagree?
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
}

static void rlx_1(void)
{
	r0 = pawl_load_relaxed(&x);
	r1 = pawl_load_relaxed(&y);
}

static void rlx_2(void)
{
	pawl_store_relaxed(&y, 1u);
	r2 = pawl_load_relaxed(&x);
}

static void ra_0(void)
{
	pawl_store_release(&x, 1u);
}

static void ra_1(void)
{
	r0 = pawl_load_acquire(&x);
	r1 = pawl_load_acquire(&y);
}

static void ra_2(void)
{
	pawl_store_release(&y, 1u);
	r2 = pawl_load_acquire(&x);
}

static void sc_0(void)
{
	litmus_store_seq_cst(&x, 1u);
}

static void sc_1(void)
{
	r0 = litmus_load_seq_cst(&x);
	r1 = litmus_load_seq_cst(&y);
}

static void sc_2(void)
{
	litmus_store_seq_cst(&y, 1u);
	r2 = litmus_load_seq_cst(&x);
}

static void f_sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
}

static void f_sc_1(void)
{
	r0 = pawl_load_relaxed(&x);
	pawl_fence_dekker();
	r1 = pawl_load_relaxed(&y);
}

static void f_sc_2(void)
{
	pawl_store_relaxed(&y, 1u);
	pawl_fence_dekker();
	r2 = pawl_load_relaxed(&x);
}

static void f_ar_0(void)
{
	pawl_store_relaxed(&x, 1u);
}

static void f_ar_1(void)
{
	r0 = pawl_load_relaxed(&x);
	litmus_fence_acq_rel();
	r1 = pawl_load_relaxed(&y);
}

static void f_ar_2(void)
{
	pawl_store_relaxed(&y, 1u);
	litmus_fence_acq_rel();
	r2 = pawl_load_relaxed(&x);
}

static void f_ra_0(void)
{
	pawl_store_relaxed(&x, 1u);
}

static void f_ra_1(void)
{
	r0 = pawl_load_relaxed(&x);
	litmus_fence_acquire();
	r1 = pawl_load_relaxed(&y);
}

static void f_ra_2(void)
{
	pawl_store_relaxed(&y, 1u);
	litmus_fence_acq_rel();
	r2 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "rwc-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1, rlx_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rwc-ra",
		.setup = setup,
		.threads = {ra_0, ra_1, ra_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rwc-sc",
		.setup = setup,
		.threads = {sc_0, sc_1, sc_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rwc-f-sc",
		.setup = setup,
		.threads = {f_sc_0, f_sc_1, f_sc_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rwc-f-ar",
		.setup = setup,
		.threads = {f_ar_0, f_ar_1, f_ar_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "rwc-f-ra",
		.setup = setup,
		.threads = {f_ra_0, f_ra_1, f_ra_2},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
