/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mp-plain-rmw.c - a plain payload behind a release sequence
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 y;
static struct litmus_plain d;
static uint32_t r0, r1, r2;

static void setup(void)
{
	pawl_init_word(&y, 0u);
	d.value = 0;
	r0 = r1 = r2 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u r2=%u", r0, r1, r2);
}

static void add_0(void)
{
	d.value = 1u;
	pawl_store_release(&y, 1u);
}

static void add_1(void)
{
	r0 = pawl_add_relaxed(&y, 2u);
}

static void add_2(void)
{
	r1 = pawl_load_acquire(&y);
	if (r1 == 3u)
		r2 = d.value;
}

static void xchg_0(void)
{
	d.value = 1u;
	pawl_store_release(&y, 1u);
}

static void xchg_1(void)
{
	r0 = pawl_xchg_relaxed(&y, 3u);
}

static void xchg_2(void)
{
	r1 = pawl_load_acquire(&y);
	if (r1 == 3u)
		r2 = d.value;
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "mp-plain-rmw-add",
		.setup = setup,
		.threads = {add_0, add_1, add_2},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "mp-plain-rmw-xchg",
		.setup = setup,
		.threads = {xchg_0, xchg_1, xchg_2},
		.finish = finish,
		.bare = true,
		.expect_failure = "race",
	},
};
MC_MAIN(scenarios)
