/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mp-plain.c - message passing with a plain payload
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

static void rlx_0(void)
{
	d.value = 1u;
	pawl_store_relaxed(&y, 1u);
}

static void rlx_1(void)
{
	r0 = pawl_load_relaxed(&y);
	if (r0 == 1u)
		r1 = d.value;
}

static void ra_0(void)
{
	d.value = 1u;
	pawl_store_release(&y, 1u);
}

static void ra_1(void)
{
	r0 = pawl_load_acquire(&y);
	if (r0 == 1u)
		r1 = d.value;
}

static void sc_0(void)
{
	d.value = 1u;
	litmus_store_seq_cst(&y, 1u);
}

static void sc_1(void)
{
	r0 = litmus_load_seq_cst(&y);
	if (r0 == 1u)
		r1 = d.value;
}

static void f_sc_0(void)
{
	d.value = 1u;
	pawl_fence_dekker();
	pawl_store_relaxed(&y, 1u);
}

static void f_sc_1(void)
{
	r0 = pawl_load_relaxed(&y);
	pawl_fence_dekker();
	if (r0 == 1u)
		r1 = d.value;
}

static void f_ar_0(void)
{
	d.value = 1u;
	litmus_fence_acq_rel();
	pawl_store_relaxed(&y, 1u);
}

static void f_ar_1(void)
{
	r0 = pawl_load_relaxed(&y);
	litmus_fence_acq_rel();
	if (r0 == 1u)
		r1 = d.value;
}

static void f_ra_0(void)
{
	d.value = 1u;
	litmus_fence_release();
	pawl_store_relaxed(&y, 1u);
}

static void f_ra_1(void)
{
	r0 = pawl_load_relaxed(&y);
	litmus_fence_acquire();
	if (r0 == 1u)
		r1 = d.value;
}

static void rel_rlx_0(void)
{
	d.value = 1u;
	pawl_store_release(&y, 1u);
}

static void rel_rlx_1(void)
{
	r0 = pawl_load_relaxed(&y);
	if (r0 == 1u)
		r1 = d.value;
}

static void rlx_acq_0(void)
{
	d.value = 1u;
	pawl_store_relaxed(&y, 1u);
}

static void rlx_acq_1(void)
{
	r0 = pawl_load_acquire(&y);
	if (r0 == 1u)
		r1 = d.value;
}

static void frel_only_0(void)
{
	d.value = 1u;
	litmus_fence_release();
	pawl_store_relaxed(&y, 1u);
}

static void frel_only_1(void)
{
	r0 = pawl_load_relaxed(&y);
	if (r0 == 1u)
		r1 = d.value;
}

static void facq_only_0(void)
{
	d.value = 1u;
	pawl_store_relaxed(&y, 1u);
}

static void facq_only_1(void)
{
	r0 = pawl_load_relaxed(&y);
	litmus_fence_acquire();
	if (r0 == 1u)
		r1 = d.value;
}

static void rel_facq_0(void)
{
	d.value = 1u;
	pawl_store_release(&y, 1u);
}

static void rel_facq_1(void)
{
	r0 = pawl_load_relaxed(&y);
	litmus_fence_acquire();
	if (r0 == 1u)
		r1 = d.value;
}

static void frel_acq_0(void)
{
	d.value = 1u;
	litmus_fence_release();
	pawl_store_relaxed(&y, 1u);
}

static void frel_acq_1(void)
{
	r0 = pawl_load_acquire(&y);
	if (r0 == 1u)
		r1 = d.value;
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "mp-plain-rlx",
		.setup = setup,
		.threads = {rlx_0, rlx_1},
		.finish = finish,
		.bare = true,
		.expect_failure = "race",
	},
	{
		.name = "mp-plain-ra",
		.setup = setup,
		.threads = {ra_0, ra_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-plain-sc",
		.setup = setup,
		.threads = {sc_0, sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-plain-f-sc",
		.setup = setup,
		.threads = {f_sc_0, f_sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-plain-f-ar",
		.setup = setup,
		.threads = {f_ar_0, f_ar_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-plain-f-ra",
		.setup = setup,
		.threads = {f_ra_0, f_ra_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-plain-rel-rlx",
		.setup = setup,
		.threads = {rel_rlx_0, rel_rlx_1},
		.finish = finish,
		.bare = true,
		.expect_failure = "race",
	},
	{
		.name = "mp-plain-rlx-acq",
		.setup = setup,
		.threads = {rlx_acq_0, rlx_acq_1},
		.finish = finish,
		.bare = true,
		.expect_failure = "race",
	},
	{
		.name = "mp-plain-frel-only",
		.setup = setup,
		.threads = {frel_only_0, frel_only_1},
		.finish = finish,
		.bare = true,
		.expect_failure = "race",
	},
	{
		.name = "mp-plain-facq-only",
		.setup = setup,
		.threads = {facq_only_0, facq_only_1},
		.finish = finish,
		.bare = true,
		.expect_failure = "race",
	},
	{
		.name = "mp-plain-rel-facq",
		.setup = setup,
		.threads = {rel_facq_0, rel_facq_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-plain-frel-acq",
		.setup = setup,
		.threads = {frel_acq_0, frel_acq_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
