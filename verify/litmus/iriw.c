/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iriw.c - may two readers see two independent stores in opposite order?
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 x, y;
static uint32_t r0, r1, r2, r3;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	r0 = r1 = r2 = r3 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u r2=%u r3=%u", r0, r1, r2, r3);
}

static void rlx_0(void)
{
	pawl_store_relaxed(&x, 1u);
}

static void rlx_1(void)
{
	pawl_store_relaxed(&y, 1u);
}

static void rlx_2(void)
{
	r0 = pawl_load_relaxed(&x);
	r1 = pawl_load_relaxed(&y);
}

static void rlx_3(void)
{
	r2 = pawl_load_relaxed(&y);
	r3 = pawl_load_relaxed(&x);
}

static void ra_0(void)
{
	pawl_store_release(&x, 1u);
}

static void ra_1(void)
{
	pawl_store_release(&y, 1u);
}

static void ra_2(void)
{
	r0 = pawl_load_acquire(&x);
	r1 = pawl_load_acquire(&y);
}

static void ra_3(void)
{
	r2 = pawl_load_acquire(&y);
	r3 = pawl_load_acquire(&x);
}

static void sc_0(void)
{
	litmus_store_seq_cst(&x, 1u);
}

static void sc_1(void)
{
	litmus_store_seq_cst(&y, 1u);
}

static void sc_2(void)
{
	r0 = litmus_load_seq_cst(&x);
	r1 = litmus_load_seq_cst(&y);
}

static void sc_3(void)
{
	r2 = litmus_load_seq_cst(&y);
	r3 = litmus_load_seq_cst(&x);
}

static void f_sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
}

static void f_sc_1(void)
{
	pawl_store_relaxed(&y, 1u);
}

static void f_sc_2(void)
{
	r0 = pawl_load_relaxed(&x);
	pawl_fence_dekker();
	r1 = pawl_load_relaxed(&y);
}

static void f_sc_3(void)
{
	r2 = pawl_load_relaxed(&y);
	pawl_fence_dekker();
	r3 = pawl_load_relaxed(&x);
}

static void f_ar_0(void)
{
	pawl_store_relaxed(&x, 1u);
}

static void f_ar_1(void)
{
	pawl_store_relaxed(&y, 1u);
}

static void f_ar_2(void)
{
	r0 = pawl_load_relaxed(&x);
	litmus_fence_acq_rel();
	r1 = pawl_load_relaxed(&y);
}

static void f_ar_3(void)
{
	r2 = pawl_load_relaxed(&y);
	litmus_fence_acq_rel();
	r3 = pawl_load_relaxed(&x);
}

static void f_ra_0(void)
{
	pawl_store_relaxed(&x, 1u);
}

static void f_ra_1(void)
{
	pawl_store_relaxed(&y, 1u);
}

static void f_ra_2(void)
{
	r0 = pawl_load_relaxed(&x);
	litmus_fence_acquire();
	r1 = pawl_load_relaxed(&y);
}

static void f_ra_3(void)
{
	r2 = pawl_load_relaxed(&y);
	litmus_fence_acquire();
	r3 = pawl_load_relaxed(&x);
}

static void acq_sc_0(void)
{
	litmus_store_seq_cst(&x, 1u);
}

static void acq_sc_1(void)
{
	litmus_store_seq_cst(&y, 1u);
}

static void acq_sc_2(void)
{
	r0 = pawl_load_acquire(&x);
	r1 = litmus_load_seq_cst(&y);
}

static void acq_sc_3(void)
{
	r2 = pawl_load_acquire(&y);
	r3 = litmus_load_seq_cst(&x);
}

static void sc_ld_0(void)
{
	pawl_store_release(&x, 1u);
}

static void sc_ld_1(void)
{
	pawl_store_release(&y, 1u);
}

static void sc_ld_2(void)
{
	r0 = litmus_load_seq_cst(&x);
	r1 = litmus_load_seq_cst(&y);
}

static void sc_ld_3(void)
{
	r2 = litmus_load_seq_cst(&y);
	r3 = litmus_load_seq_cst(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "iriw-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1, rlx_2, rlx_3},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "iriw-ra",
		.setup = setup,
		.threads = {ra_0, ra_1, ra_2, ra_3},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "iriw-sc",
		.setup = setup,
		.threads = {sc_0, sc_1, sc_2, sc_3},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "iriw-f-sc",
		.setup = setup,
		.threads = {f_sc_0, f_sc_1, f_sc_2, f_sc_3},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "iriw-f-ar",
		.setup = setup,
		.threads = {f_ar_0, f_ar_1, f_ar_2, f_ar_3},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "iriw-f-ra",
		.setup = setup,
		.threads = {f_ra_0, f_ra_1, f_ra_2, f_ra_3},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "iriw-acq-sc",
		.setup = setup,
		.threads = {acq_sc_0, acq_sc_1, acq_sc_2, acq_sc_3},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "iriw-sc-ld",
		.setup = setup,
		.threads = {sc_ld_0, sc_ld_1, sc_ld_2, sc_ld_3},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
