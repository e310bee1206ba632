/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/runtime/trace-ring.c. All words of an event are its number: a reader that mixes two
 * events sees words that differ.
 *
 *  write-read       two events into one slot, read meanwhile
 *  written-read     what is counted is there, or gone; the slots are two
 *  two-readers      two read what is being overwritten
 */
/* mc-sources: engine/runtime/trace-ring.c */
#include "scenario.h"

#include "../engine/runtime/trace-ring.h"

#define WORDS 2

static struct eng_ring ring;
static struct pawl_atomic_u64 memory[2 * (WORDS + 1)];

static void setup_one_slot(void)
{
	eng_ring_init(&ring, memory, 1, WORDS);
}

static void setup_two_slots(void)
{
	eng_ring_init(&ring, memory, 2, WORDS);
}

static void write_one(void)
{
	uint64_t number = eng_ring_written(&ring);
	uint64_t event[WORDS] = {number + 10, number + 10};

	eng_ring_write(&ring, event);
}

static void write_two(void)
{
	write_one();
	write_one();
}

static void write_three(void)
{
	write_two();
	write_one();
}

static bool read_one(uint64_t number)
{
	uint64_t event[WORDS];

	if (!eng_ring_read(&ring, number, event))
		return false;
	mc_assert(event[0] == number + 10 && event[1] == number + 10);
	return true;
}

static void read_both(void)
{
	(void)read_one(0);
	(void)read_one(1);
}

static void read_first(void)
{
	(void)read_one(0);
}

/* The newest that is counted is gone only where the ring went round since. */
static void read_written(void)
{
	uint64_t written = eng_ring_written(&ring);

	if (written && !read_one(written - 1))
		mc_assert(eng_ring_written(&ring) > written || written < 2);
}

static void finish_two(void)
{
	mc_assert(!read_one(0));
	mc_assert(read_one(1));
}

static void finish_three(void)
{
	mc_assert(!read_one(0));
	mc_assert(read_one(1));
	mc_assert(read_one(2));
}

static const struct mc_scenario scenarios[] = {
	{.name = "write-read",
	 .setup = setup_one_slot,
	 .threads = {write_two, read_both},
	 .finish = finish_two},
	{.name = "written-read",
	 .setup = setup_two_slots,
	 .threads = {write_three, read_written},
	 .finish = finish_three},
	{.name = "two-readers",
	 .setup = setup_one_slot,
	 .threads = {write_two, read_first, read_first},
	 .finish = finish_two},
};

MC_MAIN(scenarios)
