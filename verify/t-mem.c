/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/mem.c: the choice of the allocator at the first allocation, and what is counted
 * in the line that the threads without a slot share.
 *
 *  first          two first allocations at once: both find the whole table
 *  choose         choosing an allocator beside a first allocation: one of them comes first,
 *                 and each block is freed by the one it came from
 *  choose-choose  of two that choose one is refused
 *  count          what threads without a slot allocate and free is counted once each
 *  oom, oom-attached   a failure is counted and nothing else
 *  stats          reading at any time: never more freed than allocated
 */
#include "scenario.h"

#include <errno.h>
#include <stdlib.h>

static unsigned chosen_allocs, chosen_frees;
static int results[2];
static unsigned failed_here[2];
static struct pawl_mem_stats before;

/* Serves one block of its own, so that a free by the wrong table shows. */
static char arena[2][64];

static void *chosen_alloc(void *arg, size_t size, size_t align)
{
	unsigned i = *(unsigned *)arg;

	(void)align;
	mc_assert(size == 16 && i < 2);
	chosen_allocs++;
	return arena[i];
}

static void chosen_free(void *arg, void *ptr, size_t size, size_t align)
{
	unsigned i = *(unsigned *)arg;

	(void)align;
	mc_assert(size == 16 && i < 2 && ptr == arena[i]);
	chosen_frees++;
}

static unsigned numbers[2] = {0, 1};

static int choose(unsigned i)
{
	const struct pawl_allocator chosen = {sizeof(chosen), chosen_alloc, chosen_free,
					      &numbers[i]};

	return pawl_mem_set_allocator(&chosen);
}

static void setup(void)
{
	chosen_allocs = chosen_frees = 0;
	results[0] = results[1] = 1;
	failed_here[0] = failed_here[1] = 0;
	pawl_mem_stats_read(&before);
}

static void finish(void)
{
	struct pawl_mem_stats after;

	mc_assert(chosen_allocs == chosen_frees);
	pawl_mem_stats_read(&after);
	mc_assert(after.blocks == before.blocks && after.bytes == before.bytes);
}

static void alloc_free(void)
{
	char *ptr = pawl_mem_alloc(16, 0);

	mc_assert(ptr);
	ptr[0] = 1;
	pawl_mem_free(ptr, 16, 0);
}

static void choose_0(void)
{
	results[0] = choose(0);
	mc_assert(results[0] == 0 || results[0] == -EBUSY);
}

static void choose_1(void)
{
	results[1] = choose(1);
	mc_assert(results[1] == 0 || results[1] == -EBUSY);
}

/* The state is the process's: natively the first run decides for all others. */
static void finish_choose(void)
{
	finish();
	if (mc_exploring())
		mc_assert((results[0] == 0) == (chosen_allocs > 0) || chosen_allocs == 0);
}

static void finish_choose_choose(void)
{
	finish();
	if (mc_exploring())
		mc_assert((results[0] == 0) + (results[1] == 0) == 1);
}

static void finish_count(void)
{
	struct pawl_mem_stats after;

	finish();
	pawl_mem_stats_read(&after);
	mc_assert(after.allocations == before.allocations + 2);
}

static void read_stats(void)
{
	struct pawl_mem_stats stats;

	pawl_mem_stats_read(&stats);
	mc_assert(stats.blocks <= before.blocks + 1 && stats.bytes <= before.bytes + 16);
}

#define BARE .bare = true, .setup = setup

static void alloc_or_not(void)
{
	char *ptr = pawl_mem_alloc(16, 0);

	if (!ptr)
		failed_here[mc_thread()] = 1;
	pawl_mem_free(ptr, 16, 0);
}

/* Attaching and detaching count as well. */
static void finish_oom_attached(void)
{
	struct pawl_mem_stats after;

	pawl_mem_stats_read(&after);
	mc_assert(after.failures == before.failures + failed_here[0] + failed_here[1]);
}

static void finish_oom(void)
{
	struct pawl_mem_stats after;

	finish();
	pawl_mem_stats_read(&after);
	mc_assert(after.failures == before.failures + failed_here[0] + failed_here[1]);
	mc_assert(after.allocations + after.failures ==
		  before.allocations + before.failures + 2);
}

static const struct mc_scenario scenarios[] = {
	{.name = "first", BARE, .threads = {alloc_free, alloc_free}, .finish = finish},
	{.name = "choose", BARE, .threads = {alloc_free, choose_0}, .finish = finish_choose},
	{.name = "choose-choose", BARE, .threads = {choose_0, choose_1},
	 .finish = finish_choose_choose},
	{.name = "count", BARE, .threads = {alloc_free, alloc_free}, .finish = finish_count},
	{.name = "oom", BARE, .threads = {alloc_or_not, alloc_or_not}, .finish = finish_oom,
	 .oom = 1},
	{.name = "oom-attached", .setup = setup, .threads = {alloc_or_not, alloc_or_not},
	 .finish = finish_oom_attached, .oom = 1},
	{.name = "stats", BARE, .threads = {alloc_free, read_stats}, .finish = finish},
};
MC_MAIN(scenarios)
