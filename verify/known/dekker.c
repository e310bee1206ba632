/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dekker.c - mutual exclusion by "say that I want, then look whether you want".
 *
 * The entry of Dekker's algorithm (in E. W. Dijkstra, "Cooperating sequential
 * processes", EWD 123), where whoever sees the other's wish backs off; and G. L.
 * Peterson, "Myths about the mutual exclusion problem" (IPL 1981), which waits instead,
 * in A. Williams' form for C++ ("Peterson's lock with C++0x atomics", 2008).
 *
 * Mistakes: without a store-load fence on both sides each may miss the other's wish,
 * however strong the accesses are short of seq_cst; leaving with a relaxed store lets
 * the next one in before what was done inside is visible. Peterson's lock is not
 * repaired by that fence: the one whose turn comes first in the order of `turn` may pass
 * although the other never saw its wish, unless giving the turn away is an exchange, which
 * hands the wish on.
 */
#include "known.h"

static struct pawl_atomic_u32 wants[2], turn;
static uint32_t inside;

static void setup(void)
{
	pawl_init_word(&wants[0], 0u);
	pawl_init_word(&wants[1], 0u);
	pawl_init_word(&turn, 0u);
	inside = 0;
}

/* The section itself: a plain counter, so two at once are a data race. */
static void critical(void)
{
	mc_assert(++inside == 1);
	mc_assert(--inside == 0);
}

static void try_enter(unsigned me, bool fence, bool release)
{
	pawl_store_release(&wants[me], 1u);
	if (fence)
		pawl_fence_dekker();
	if (!pawl_load_acquire(&wants[1 - me]))
		critical();
	if (release)
		pawl_store_release(&wants[me], 0u);
	else
		pawl_store_relaxed(&wants[me], 0u);
}

static void unfenced_0(void)
{
	try_enter(0, false, true);
}
static void unfenced_1(void)
{
	try_enter(1, false, true);
}
static void fenced_0(void)
{
	try_enter(0, true, true);
}
static void fenced_1(void)
{
	try_enter(1, true, true);
}
static void relaxed_0(void)
{
	try_enter(0, true, false);
}
static void relaxed_1(void)
{
	try_enter(1, true, false);
}

static void peterson(unsigned me, bool fence, bool exchange)
{
	pawl_store_relaxed(&wants[me], 1u);
	if (exchange)
		pawl_xchg_acq_rel(&turn, 1 - me);
	else
		pawl_store_release(&turn, 1 - me);
	if (fence)
		pawl_fence_dekker();
	while (pawl_load_acquire(&wants[1 - me]) && pawl_load_acquire(&turn) == 1 - me)
		pawl_pause();
	critical();
	pawl_store_release(&wants[me], 0u);
}

static void peterson_unfenced_0(void)
{
	peterson(0, false, false);
}
static void peterson_unfenced_1(void)
{
	peterson(1, false, false);
}
static void peterson_fenced_0(void)
{
	peterson(0, true, false);
}
static void peterson_fenced_1(void)
{
	peterson(1, true, false);
}
static void peterson_exchange_0(void)
{
	peterson(0, false, true);
}
static void peterson_exchange_1(void)
{
	peterson(1, false, true);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "dekker-unfenced",
		.setup = setup,
		.threads = {unfenced_0, unfenced_1},
		.bare = true,
		.expect_failure = "race",
	},
	{
		.name = "dekker-one-fence",
		.setup = setup,
		.threads = {unfenced_0, fenced_1},
		.bare = true,
		.expect_failure = "race",
	},
	{
		.name = "dekker-relaxed-exit",
		.setup = setup,
		.threads = {relaxed_0, relaxed_1},
		.bare = true,
		.expect_failure = "race",
	},
	{
		.name = "dekker-repaired",
		.setup = setup,
		.threads = {fenced_0, fenced_1},
		.bare = true,
	},
	{
		.name = "peterson-unfenced",
		.setup = setup,
		.threads = {peterson_unfenced_0, peterson_unfenced_1},
		.bare = true,
		.expect_failure = "race",
	},
	{
		.name = "peterson-store-of-turn",
		.setup = setup,
		.threads = {peterson_fenced_0, peterson_fenced_1},
		.bare = true,
		.expect_failure = "race",
	},
	{
		.name = "peterson-repaired",
		.setup = setup,
		.threads = {peterson_exchange_0, peterson_exchange_1},
		.bare = true,
	},
};
MC_MAIN(scenarios)
