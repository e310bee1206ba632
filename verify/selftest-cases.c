/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * selftest-cases.c - scenarios with every verdict there is, for verify/selftest.
 *
 * The preempt-N ones fail from N preemptions on: a thread has to lose the processor so often in
 * the middle of what it does.
 */
#include "mc.h"

#include <pawl/atomic.h>

static struct pawl_atomic_u32 x, y, z;

static void setup(void)
{
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	pawl_init_word(&z, 0u);
}

static void add_twice(void)
{
	pawl_add_relaxed(&x, 1u);
	pawl_add_relaxed(&x, 1u);
}

static void finish_four(void)
{
	mc_assert(pawl_load_relaxed(&x) == 4);
}

static void finish_three(void)
{
	mc_assert(pawl_load_relaxed(&x) == 3);
}

/* A lost update: the other's addition between load and store. */
static void add_torn(void)
{
	pawl_store_relaxed(&x, pawl_load_relaxed(&x) + 1);
}

static void finish_two(void)
{
	mc_assert(pawl_load_relaxed(&x) == 2);
}

static void answer(void)
{
	uint32_t seen;

	do {
		seen = pawl_load_acquire(&x);
		pawl_pause();
	} while (!seen);
	pawl_store_release(&y, 1u);
}

/* Needs the other one to answer in the middle of it, with no wait for it. */
static void ask(void)
{
	pawl_store_release(&x, 1u);
	mc_assert(!pawl_load_acquire(&y));
}

/* Updates of one word: nobody sees the first but in between. */
static void answer_in_steps(void)
{
	if (!pawl_load_acquire(&x))
		return;
	pawl_xchg_acq_rel(&y, 1u);
	pawl_xchg_acq_rel(&y, 2u);
}

static void ask_in_between(void)
{
	pawl_store_release(&x, 1u);
	mc_assert(pawl_add_acq_rel(&y, 0u) != 1);
}

/* Answers twice, each time only if it was asked by then. */
static void answer_if_asked(void)
{
	if (pawl_load_acquire(&x))
		pawl_store_release(&y, 1u);
	if (pawl_load_acquire(&z))
		pawl_store_release(&y, 2u);
}

static void ask_twice(void)
{
	pawl_store_release(&x, 1u);
	if (pawl_load_acquire(&y) != 1)
		return;
	pawl_store_release(&z, 1u);
	mc_assert(pawl_load_acquire(&y) != 2);
}

/* Steps that the failure has nothing to do with. */
static void bystander(void)
{
	for (unsigned i = 0; i < 4; i++)
		pawl_add_relaxed(&z, 1u);
}

#define PLAIN .setup = setup, .bare = true

static const struct mc_scenario scenarios[] = {
	{.name = "passes", PLAIN, .threads = {add_twice, add_twice}, .finish = finish_four},
	{.name = "fails", PLAIN, .threads = {add_twice, add_twice}, .finish = finish_three},
	{.name = "accepted", PLAIN, .threads = {add_twice, add_twice}, .finish = finish_four,
	 .expect_failure = "assertion"},
	{.name = "rejected", PLAIN, .threads = {add_torn, add_torn}, .finish = finish_two,
	 .expect_failure = "assertion"},
	{.name = "rejected-otherwise", PLAIN, .threads = {add_torn, add_torn},
	 .finish = finish_two, .expect_failure = "race"},
	{.name = "bounded", PLAIN, .threads = {add_twice, add_twice}, .finish = finish_four,
	 .preemption_bound_plus_1 = 2},
	{.name = "preempt-1", PLAIN, .threads = {ask, answer}},
	{.name = "preempt-2", PLAIN, .threads = {ask_in_between, answer_in_steps}},
	{.name = "preempt-3", PLAIN, .threads = {ask_twice, answer_if_asked}},
	{.name = "bystander", PLAIN, .threads = {bystander, ask, answer, bystander}},
};
MC_MAIN(scenarios)
