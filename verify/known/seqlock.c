/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seqlock.c - readers that look twice at a counter instead of taking a lock.
 *
 * H.-J. Boehm, "Can seqlocks get along with programming language memory models?"
 * (MSPC 2012), figure 6 for the reader's fence.
 *
 * Mistakes: the second look at the counter is ordered after the data by nothing (an
 * acquire load orders only what follows it), or the data before the first increment by
 * nothing (a release store orders only what precedes it). One fence each repairs it.
 */
#include "known.h"

static struct pawl_atomic_u32 sequence, low, high;

static void setup(void)
{
	pawl_init_word(&sequence, 0u);
	pawl_init_word(&low, 0u);
	pawl_init_word(&high, 0u);
}

static void write_pair(uint32_t value, bool fence)
{
	uint32_t was = pawl_load_relaxed(&sequence);

	if (fence) {
		pawl_store_relaxed(&sequence, was + 1);
		known_fence_release();
	} else {
		pawl_store_release(&sequence, was + 1);
	}
	pawl_store_relaxed(&low, value);
	pawl_store_relaxed(&high, value);
	pawl_store_release(&sequence, was + 2);
}

/* One try. */
static void read_pair(bool fence)
{
	uint32_t before = pawl_load_acquire(&sequence);
	uint32_t a = pawl_load_relaxed(&low);
	uint32_t b = pawl_load_relaxed(&high);
	uint32_t after;

	if (fence) {
		known_fence_acquire();
		after = pawl_load_relaxed(&sequence);
	} else {
		after = pawl_load_acquire(&sequence);
	}
	if (before == after && !(before & 1))
		mc_assert(a == b);
}

static void writer(void)
{
	write_pair(1, true);
	write_pair(2, true);
}
static void unfenced_writer(void)
{
	write_pair(1, false);
	write_pair(2, false);
}
static void reader(void)
{
	read_pair(true);
}
static void unfenced_reader(void)
{
	read_pair(false);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "seqlock-unfenced",
		.setup = setup,
		.threads = {unfenced_writer, unfenced_reader},
		.bare = true,
		.expect_failure = "assertion",
	},
	{
		.name = "seqlock-reader-unfenced",
		.setup = setup,
		.threads = {writer, unfenced_reader},
		.bare = true,
		.expect_failure = "assertion",
	},
	{
		.name = "seqlock-writer-unfenced",
		.setup = setup,
		.threads = {unfenced_writer, reader},
		.bare = true,
		.expect_failure = "assertion",
	},
	{
		.name = "seqlock-repaired",
		.setup = setup,
		.threads = {writer, reader},
		.bare = true,
	},
	{
		.name = "seqlock-repaired-2-readers",
		.setup = setup,
		.threads = {writer, reader, reader},
		.bare = true,
	},
};
MC_MAIN(scenarios)
