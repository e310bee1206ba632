/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * z6-u.c - SC accesses do not order what a release sequence passes on
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

static void paper_0(void)
{
	litmus_store_seq_cst(&x, 1u);
	pawl_store_release(&y, 1u);
}

static void paper_1(void)
{
	r0 = litmus_add_seq_cst(&y, 1u);
	r1 = pawl_load_relaxed(&y);
}

static void paper_2(void)
{
	litmus_store_seq_cst(&y, 3u);
	r2 = litmus_load_seq_cst(&x);
}

static void rlx_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_store_relaxed(&y, 1u);
}

static void rlx_1(void)
{
	r0 = pawl_add_relaxed(&y, 1u);
	r1 = pawl_load_relaxed(&y);
}

static void rlx_2(void)
{
	pawl_store_relaxed(&y, 3u);
	r2 = pawl_load_relaxed(&x);
}

static void sc_0(void)
{
	litmus_store_seq_cst(&x, 1u);
	litmus_store_seq_cst(&y, 1u);
}

static void sc_1(void)
{
	r0 = litmus_add_seq_cst(&y, 1u);
	r1 = pawl_load_relaxed(&y);
}

static void sc_2(void)
{
	litmus_store_seq_cst(&y, 3u);
	r2 = litmus_load_seq_cst(&x);
}

static void f_sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_fence_dekker();
	pawl_store_relaxed(&y, 1u);
}

static void f_sc_1(void)
{
	r0 = pawl_add_relaxed(&y, 1u);
	pawl_fence_dekker();
	r1 = pawl_load_relaxed(&y);
}

static void f_sc_2(void)
{
	pawl_store_relaxed(&y, 3u);
	pawl_fence_dekker();
	r2 = pawl_load_relaxed(&x);
}

static void f_ar_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_fence_acq_rel();
	pawl_store_relaxed(&y, 1u);
}

static void f_ar_1(void)
{
	r0 = pawl_add_relaxed(&y, 1u);
	litmus_fence_acq_rel();
	r1 = pawl_load_relaxed(&y);
}

static void f_ar_2(void)
{
	pawl_store_relaxed(&y, 3u);
	litmus_fence_acq_rel();
	r2 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "z6-u-paper",
		.setup = setup,
		.threads = {paper_0, paper_1, paper_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "z6-u-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1, rlx_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "z6-u-sc",
		.setup = setup,
		.threads = {sc_0, sc_1, sc_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "z6-u-f-sc",
		.setup = setup,
		.threads = {f_sc_0, f_sc_1, f_sc_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "z6-u-f-ar",
		.setup = setup,
		.threads = {f_ar_0, f_ar_1, f_ar_2},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
