/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relseq-rmw.c - a read-modify-write by anybody continues a release sequence
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

static void add_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void add_1(void)
{
	r0 = pawl_add_relaxed(&y, 2u);
}

static void add_2(void)
{
	r1 = pawl_load_acquire(&y);
	r2 = pawl_load_relaxed(&x);
}

static void xchg_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void xchg_1(void)
{
	r0 = pawl_xchg_relaxed(&y, 3u);
}

static void xchg_2(void)
{
	r1 = pawl_load_acquire(&y);
	r2 = pawl_load_relaxed(&x);
}

static void rlx_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&y, 1u);
}

static void rlx_1(void)
{
	r0 = pawl_add_relaxed(&y, 2u);
}

static void rlx_2(void)
{
	r1 = pawl_load_relaxed(&y);
	r2 = pawl_load_relaxed(&x);
}

static void acq_only_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&y, 1u);
}

static void acq_only_1(void)
{
	r0 = pawl_add_relaxed(&y, 2u);
}

static void acq_only_2(void)
{
	r1 = pawl_load_acquire(&y);
	r2 = pawl_load_relaxed(&x);
}

static void rmw_rel_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&y, 1u);
}

static void rmw_rel_1(void)
{
	r0 = pawl_add_release(&y, 2u);
}

static void rmw_rel_2(void)
{
	r1 = pawl_load_acquire(&y);
	r2 = pawl_load_relaxed(&x);
}

static void rmw_ar_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void rmw_ar_1(void)
{
	r0 = pawl_add_acq_rel(&y, 2u);
}

static void rmw_ar_2(void)
{
	r1 = pawl_load_acquire(&y);
	r2 = pawl_load_relaxed(&x);
}

static void f_ra_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_fence_release();
	pawl_store_relaxed(&y, 1u);
}

static void f_ra_1(void)
{
	r0 = pawl_add_relaxed(&y, 2u);
}

static void f_ra_2(void)
{
	r1 = pawl_load_relaxed(&y);
	litmus_fence_acquire();
	r2 = pawl_load_relaxed(&x);
}

static void f_sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_fence_dekker();
	pawl_store_relaxed(&y, 1u);
}

static void f_sc_1(void)
{
	r0 = pawl_xchg_relaxed(&y, 3u);
}

static void f_sc_2(void)
{
	r1 = pawl_load_relaxed(&y);
	pawl_fence_dekker();
	r2 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "relseq-rmw-add",
		.setup = setup,
		.threads = {add_0, add_1, add_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "relseq-rmw-xchg",
		.setup = setup,
		.threads = {xchg_0, xchg_1, xchg_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "relseq-rmw-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1, rlx_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "relseq-rmw-acq-only",
		.setup = setup,
		.threads = {acq_only_0, acq_only_1, acq_only_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "relseq-rmw-rmw-rel",
		.setup = setup,
		.threads = {rmw_rel_0, rmw_rel_1, rmw_rel_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "relseq-rmw-rmw-ar",
		.setup = setup,
		.threads = {rmw_ar_0, rmw_ar_1, rmw_ar_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "relseq-rmw-f-ra",
		.setup = setup,
		.threads = {f_ra_0, f_ra_1, f_ra_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "relseq-rmw-f-sc",
		.setup = setup,
		.threads = {f_sc_0, f_sc_1, f_sc_2},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
