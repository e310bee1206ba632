/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sb.c - store buffering: may both threads miss the other's store?
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
	pawl_store_relaxed(&x, 1u);
	r0 = pawl_load_relaxed(&y);
}

static void rlx_1(void)
{
	pawl_store_relaxed(&y, 1u);
	r1 = pawl_load_relaxed(&x);
}

static void ra_0(void)
{
	pawl_store_release(&x, 1u);
	r0 = pawl_load_acquire(&y);
}

static void ra_1(void)
{
	pawl_store_release(&y, 1u);
	r1 = pawl_load_acquire(&x);
}

static void sc_0(void)
{
	litmus_store_seq_cst(&x, 1u);
	r0 = litmus_load_seq_cst(&y);
}

static void sc_1(void)
{
	litmus_store_seq_cst(&y, 1u);
	r1 = litmus_load_seq_cst(&x);
}

static void f_sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_fence_dekker();
	r0 = pawl_load_relaxed(&y);
}

static void f_sc_1(void)
{
	pawl_store_relaxed(&y, 1u);
	pawl_fence_dekker();
	r1 = pawl_load_relaxed(&x);
}

static void f_ar_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_fence_acq_rel();
	r0 = pawl_load_relaxed(&y);
}

static void f_ar_1(void)
{
	pawl_store_relaxed(&y, 1u);
	litmus_fence_acq_rel();
	r1 = pawl_load_relaxed(&x);
}

static void f_ra_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_fence_acq_rel();
	r0 = pawl_load_relaxed(&y);
}

static void f_ra_1(void)
{
	pawl_store_relaxed(&y, 1u);
	litmus_fence_acq_rel();
	r1 = pawl_load_relaxed(&x);
}

static void one_fence_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_fence_dekker();
	r0 = pawl_load_relaxed(&y);
}

static void one_fence_1(void)
{
	pawl_store_relaxed(&y, 1u);
	r1 = pawl_load_relaxed(&x);
}

static void sc_st_0(void)
{
	litmus_store_seq_cst(&x, 1u);
	r0 = pawl_load_acquire(&y);
}

static void sc_st_1(void)
{
	litmus_store_seq_cst(&y, 1u);
	r1 = pawl_load_acquire(&x);
}

static void sc_ld_0(void)
{
	pawl_store_release(&x, 1u);
	r0 = litmus_load_seq_cst(&y);
}

static void sc_ld_1(void)
{
	pawl_store_release(&y, 1u);
	r1 = litmus_load_seq_cst(&x);
}

static void one_sc_0(void)
{
	litmus_store_seq_cst(&x, 1u);
	r0 = litmus_load_seq_cst(&y);
}

static void one_sc_1(void)
{
	pawl_store_release(&y, 1u);
	r1 = pawl_load_acquire(&x);
}

static void sc_and_fence_0(void)
{
	litmus_store_seq_cst(&x, 1u);
	r0 = litmus_load_seq_cst(&y);
}

static void sc_and_fence_1(void)
{
	pawl_store_relaxed(&y, 1u);
	pawl_fence_dekker();
	r1 = pawl_load_relaxed(&x);
}

static void f_mixed_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_fence_dekker();
	r0 = pawl_load_relaxed(&y);
}

static void f_mixed_1(void)
{
	pawl_store_relaxed(&y, 1u);
	litmus_fence_acq_rel();
	r1 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "sb-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-ra",
		.setup = setup,
		.threads = {ra_0, ra_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-f-sc",
		.setup = setup,
		.threads = {f_sc_0, f_sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-f-ar",
		.setup = setup,
		.threads = {f_ar_0, f_ar_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-f-ra",
		.setup = setup,
		.threads = {f_ra_0, f_ra_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-one-fence",
		.setup = setup,
		.threads = {one_fence_0, one_fence_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-sc-st",
		.setup = setup,
		.threads = {sc_st_0, sc_st_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-sc-ld",
		.setup = setup,
		.threads = {sc_ld_0, sc_ld_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-one-sc",
		.setup = setup,
		.threads = {one_sc_0, one_sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-sc-and-fence",
		.setup = setup,
		.threads = {sc_and_fence_0, sc_and_fence_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-f-mixed",
		.setup = setup,
		.threads = {f_mixed_0, f_mixed_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
