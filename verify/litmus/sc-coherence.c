/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sc-coherence.c - SC fences: a store before one is seen by a load after a later one
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

static void both_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_fence_dekker();
	pawl_store_relaxed(&y, 1u);
}

static void both_1(void)
{
	r0 = pawl_load_relaxed(&y);
	pawl_fence_dekker();
	r1 = pawl_load_relaxed(&x);
}

static void writer_0(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_fence_dekker();
	pawl_store_relaxed(&y, 1u);
}

static void writer_1(void)
{
	r0 = pawl_load_relaxed(&y);
	litmus_fence_release();
	r1 = pawl_load_relaxed(&x);
}

static void reader_0(void)
{
	pawl_store_relaxed(&x, 1u);
	litmus_fence_acquire();
	pawl_store_relaxed(&y, 1u);
}

static void reader_1(void)
{
	r0 = pawl_load_relaxed(&y);
	pawl_fence_dekker();
	r1 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "sc-coherence-both",
		.setup = setup,
		.threads = {both_0, both_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sc-coherence-writer",
		.setup = setup,
		.threads = {writer_0, writer_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sc-coherence-reader",
		.setup = setup,
		.threads = {reader_0, reader_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
