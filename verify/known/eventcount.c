/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eventcount.c - sleep until a condition holds, with nobody told when nobody sleeps.
 *
 * D. P. Reed, R. K. Kanodia, "Synchronization with eventcounts and sequencers" (CACM
 * 1979); in the form with a count of waiters that D. Vyukov described in 2008, after
 * which Eigen's and folly's are made.
 *
 * Mistakes, both common in the field (event-listener PR 139, brpc PR 3539):
 *  - the condition is looked at before the waiter is registered and not again: a
 *    notifier in between finds nobody to wake, the sleeper finds nobody to wake it;
 *  - the waiter publishes itself and then reads the condition, the notifier publishes
 *    the condition and then reads the count: Dekker's shape, and acquire and release
 *    are not enough to keep both from missing each other.
 */
#include "known.h"

static struct pawl_atomic_u32 epoch, waiters, condition;

static void setup(void)
{
	pawl_init_word(&epoch, 0u);
	pawl_init_word(&waiters, 0u);
	pawl_init_word(&condition, 0u);
}

static void wait_for_condition(bool recheck, bool fence)
{
	uint32_t key;

	while (!pawl_load_acquire(&condition)) {
		pawl_add_acq_rel(&waiters, 1u);
		key = pawl_load_acquire(&epoch);
		if (fence)
			pawl_fence_dekker();
		if (!recheck || !pawl_load_acquire(&condition))
			known_futex_wait(&epoch, key);
		pawl_sub_release(&waiters, 1u);
	}
}

static void notify(bool fence)
{
	pawl_store_release(&condition, 1u);
	if (fence)
		pawl_fence_dekker();
	if (!pawl_load_acquire(&waiters))
		return;
	pawl_add_release(&epoch, 1u);
	known_futex_wake(&epoch, INT32_MAX);
}

static void waiter(void)
{
	wait_for_condition(true, true);
}
static void notifier(void)
{
	notify(true);
}
static void hasty_waiter(void)
{
	wait_for_condition(false, true);
}
static void unfenced_waiter(void)
{
	wait_for_condition(true, false);
}
static void unfenced_notifier(void)
{
	notify(false);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "eventcount-no-recheck",
		.setup = setup,
		.threads = {hasty_waiter, notifier},
		.bare = true,
		.expect_failure = "deadlock",
	},
	{
		.name = "eventcount-unfenced",
		.setup = setup,
		.threads = {unfenced_waiter, unfenced_notifier},
		.bare = true,
		.expect_failure = "deadlock",
	},
	{
		.name = "eventcount-waiter-unfenced",
		.setup = setup,
		.threads = {unfenced_waiter, notifier},
		.bare = true,
		.expect_failure = "deadlock",
	},
	{
		.name = "eventcount-notifier-unfenced",
		.setup = setup,
		.threads = {waiter, unfenced_notifier},
		.bare = true,
		.expect_failure = "deadlock",
	},
	{
		.name = "eventcount-repaired",
		.setup = setup,
		.threads = {waiter, notifier},
		.bare = true,
	},
	{
		.name = "eventcount-repaired-2-waiters",
		.setup = setup,
		.threads = {waiter, waiter, notifier},
		.bare = true,
	},
};
MC_MAIN(scenarios)
