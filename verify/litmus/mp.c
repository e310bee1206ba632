/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mp.c - message passing: a reader of the flag may miss the payload?
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
	pawl_store_relaxed(&y, 1u);
}

static void rlx_1(void)
{
	r0 = pawl_load_relaxed(&y);
	r1 = pawl_load_relaxed(&x);
}

static void ra_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void ra_1(void)
{
	r0 = pawl_load_acquire(&y);
	r1 = pawl_load_relaxed(&x);
}

static void sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_store_seq_cst(&y, 1u);
}

static void sc_1(void)
{
	r0 = litmus_load_seq_cst(&y);
	r1 = pawl_load_relaxed(&x);
}

static void f_sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_fence_dekker();
	pawl_store_relaxed(&y, 1u);
}

static void f_sc_1(void)
{
	r0 = pawl_load_relaxed(&y);
	pawl_fence_dekker();
	r1 = pawl_load_relaxed(&x);
}

static void f_ar_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_fence_acq_rel();
	pawl_store_relaxed(&y, 1u);
}

static void f_ar_1(void)
{
	r0 = pawl_load_relaxed(&y);
	litmus_fence_acq_rel();
	r1 = pawl_load_relaxed(&x);
}

static void f_ra_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_fence_release();
	pawl_store_relaxed(&y, 1u);
}

static void f_ra_1(void)
{
	r0 = pawl_load_relaxed(&y);
	litmus_fence_acquire();
	r1 = pawl_load_relaxed(&x);
}

static void sc_all_0(void)
{
	litmus_store_seq_cst(&x, 1u);
	litmus_store_seq_cst(&y, 1u);
}

static void sc_all_1(void)
{
	r0 = litmus_load_seq_cst(&y);
	r1 = litmus_load_seq_cst(&x);
}

static void rel_rlx_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void rel_rlx_1(void)
{
	r0 = pawl_load_relaxed(&y);
	r1 = pawl_load_relaxed(&x);
}

static void rlx_acq_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&y, 1u);
}

static void rlx_acq_1(void)
{
	r0 = pawl_load_acquire(&y);
	r1 = pawl_load_relaxed(&x);
}

static void rel_facq_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void rel_facq_1(void)
{
	r0 = pawl_load_relaxed(&y);
	litmus_fence_acquire();
	r1 = pawl_load_relaxed(&x);
}

static void frel_acq_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_fence_release();
	pawl_store_relaxed(&y, 1u);
}

static void frel_acq_1(void)
{
	r0 = pawl_load_acquire(&y);
	r1 = pawl_load_relaxed(&x);
}

static void frel_only_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_fence_release();
	pawl_store_relaxed(&y, 1u);
}

static void frel_only_1(void)
{
	r0 = pawl_load_relaxed(&y);
	r1 = pawl_load_relaxed(&x);
}

static void facq_only_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&y, 1u);
}

static void facq_only_1(void)
{
	r0 = pawl_load_relaxed(&y);
	litmus_fence_acquire();
	r1 = pawl_load_relaxed(&x);
}

static void facq_frel_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_fence_acquire();
	pawl_store_relaxed(&y, 1u);
}

static void facq_frel_1(void)
{
	r0 = pawl_load_relaxed(&y);
	litmus_fence_release();
	r1 = pawl_load_relaxed(&x);
}

static void fsc_only_w_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_fence_dekker();
	pawl_store_relaxed(&y, 1u);
}

static void fsc_only_w_1(void)
{
	r0 = pawl_load_relaxed(&y);
	r1 = pawl_load_relaxed(&x);
}

static void fsc_only_r_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&y, 1u);
}

static void fsc_only_r_1(void)
{
	r0 = pawl_load_relaxed(&y);
	pawl_fence_dekker();
	r1 = pawl_load_relaxed(&x);
}

static void payload_ra_0(void)
{
	pawl_store_release(&x, 1u);
	pawl_store_relaxed(&y, 1u);
}

static void payload_ra_1(void)
{
	r0 = pawl_load_relaxed(&y);
	r1 = pawl_load_acquire(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "mp-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-ra",
		.setup = setup,
		.threads = {ra_0, ra_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-f-sc",
		.setup = setup,
		.threads = {f_sc_0, f_sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-f-ar",
		.setup = setup,
		.threads = {f_ar_0, f_ar_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-f-ra",
		.setup = setup,
		.threads = {f_ra_0, f_ra_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-sc-all",
		.setup = setup,
		.threads = {sc_all_0, sc_all_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-rel-rlx",
		.setup = setup,
		.threads = {rel_rlx_0, rel_rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-rlx-acq",
		.setup = setup,
		.threads = {rlx_acq_0, rlx_acq_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-rel-facq",
		.setup = setup,
		.threads = {rel_facq_0, rel_facq_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-frel-acq",
		.setup = setup,
		.threads = {frel_acq_0, frel_acq_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-frel-only",
		.setup = setup,
		.threads = {frel_only_0, frel_only_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-facq-only",
		.setup = setup,
		.threads = {facq_only_0, facq_only_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-facq-frel",
		.setup = setup,
		.threads = {facq_frel_0, facq_frel_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-fsc-only-w",
		.setup = setup,
		.threads = {fsc_only_w_0, fsc_only_w_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-fsc-only-r",
		.setup = setup,
		.threads = {fsc_only_r_0, fsc_only_r_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-payload-ra",
		.setup = setup,
		.threads = {payload_ra_0, payload_ra_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
