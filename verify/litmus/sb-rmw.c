/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sb-rmw.c - store buffering with a read-modify-write in place of the fence
 *
 * Generated from battery.py by rc11.py --write; the expected outcomes are in
 * expected.txt.
 */
#include "litmus.h"

static struct pawl_atomic_u32 v, x, y, z;
static uint32_t r0, r1, r2, r3;

static void setup(void)
{
	pawl_init_word(&v, 0u);
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	pawl_init_word(&z, 0u);
	r0 = r1 = r2 = r3 = LITMUS_UNSET;
}

static void finish(void)
{
	litmus_outcome("r0=%u r1=%u", r0, r1);
}

static void one_word_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r2 = pawl_add_acq_rel(&z, 1u);
	r0 = pawl_load_relaxed(&y);
}

static void one_word_1(void)
{
	pawl_store_relaxed(&y, 1u);
	r3 = pawl_add_acq_rel(&z, 1u);
	r1 = pawl_load_relaxed(&x);
}

static void one_word_rlx_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r2 = pawl_add_relaxed(&z, 1u);
	r0 = pawl_load_relaxed(&y);
}

static void one_word_rlx_1(void)
{
	pawl_store_relaxed(&y, 1u);
	r3 = pawl_add_relaxed(&z, 1u);
	r1 = pawl_load_relaxed(&x);
}

static void one_word_sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r2 = litmus_add_seq_cst(&z, 1u);
	r0 = pawl_load_relaxed(&y);
}

static void one_word_sc_1(void)
{
	pawl_store_relaxed(&y, 1u);
	r3 = litmus_add_seq_cst(&z, 1u);
	r1 = pawl_load_relaxed(&x);
}

static void two_words_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r2 = pawl_add_acq_rel(&z, 1u);
	r0 = pawl_load_relaxed(&y);
}

static void two_words_1(void)
{
	pawl_store_relaxed(&y, 1u);
	r3 = pawl_add_acq_rel(&v, 1u);
	r1 = pawl_load_relaxed(&x);
}

static void two_words_sc_0(void)
{
	pawl_store_relaxed(&x, 1u);
	r2 = litmus_add_seq_cst(&z, 1u);
	r0 = pawl_load_relaxed(&y);
}

static void two_words_sc_1(void)
{
	pawl_store_relaxed(&y, 1u);
	r3 = litmus_add_seq_cst(&v, 1u);
	r1 = pawl_load_relaxed(&x);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "sb-rmw-one-word",
		.setup = setup,
		.threads = {one_word_0, one_word_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-rmw-one-word-rlx",
		.setup = setup,
		.threads = {one_word_rlx_0, one_word_rlx_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-rmw-one-word-sc",
		.setup = setup,
		.threads = {one_word_sc_0, one_word_sc_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-rmw-two-words",
		.setup = setup,
		.threads = {two_words_0, two_words_1},
		.finish = finish,
		.bare = true,
	},
	{
		.name = "sb-rmw-two-words-sc",
		.setup = setup,
		.threads = {two_words_sc_0, two_words_sc_1},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
