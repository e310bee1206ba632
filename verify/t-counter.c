/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/counter.c. After each run the sum is exact, and what was told of is within
 * the bound.
 *
 *  add2, add3       threads add, the batch is 1, 2 and 3; the table grows for all of them
 *  batch            telling beside telling
 *  sum              a sum beside additions that only go up never goes down
 *  bound            what was added before is inside the bounds beside one that adds
 *  leave            a thread leaves and another one has its slot: the count of owners and what
 *                   was told agree
 *  leave-none       one that never added leaves while the table is made
 *  sum-grow         a sum while the table is made
 *  foreign          threads that are not attached
 *  detach           the same by a real detach
 */
#include "scenario.h"

#include "table-internal.h"
#include "thread-internal.h"

static struct pawl_counter *counter;
static struct pawl_atomic_u32 added;
static uint32_t batch;

static void setup_of(uint32_t of)
{
	batch = of;
	mc_assert(pawl_counter_create(batch, &counter) == 0);
	pawl_init_word(&added, 0u);
}

static void setup_1(void)
{
	setup_of(1);
}

static void setup_2(void)
{
	setup_of(2);
}

static void setup_3(void)
{
	setup_of(3);
}

/* The table is there. */
static void setup_made(void)
{
	setup_of(2);
	scn_attach();
	pawl_counter_add(counter, 0);
	pawl_thread_detach();
}

static void finish(void)
{
	int64_t sum = pawl_counter_read_sum(counter);
	struct pawl_counter_bound bound;

	mc_assert(sum == (int64_t)pawl_load_relaxed(&added));
	pawl_counter_read_bound(counter, &bound);
	mc_assert(bound.min <= sum && sum <= bound.max);
	mc_assert(bound.value == pawl_counter_read_fast(counter));
	/* Who has left is told of in full. */
	if (!pawl_thread_count())
		mc_assert(bound.min == sum && bound.max == sum);
	pawl_counter_destroy(counter);
}

static void add(unsigned by)
{
	pawl_counter_add(counter, (int64_t)by);
	pawl_add_relaxed(&added, by);
}

static void add_one(void)
{
	add(1);
}

static void add_two(void)
{
	add(1);
	add(2);
}

static void summer(void)
{
	int64_t first = pawl_counter_read_sum(counter), second;

	mc_assert(first >= 0 && first <= 3);
	second = pawl_counter_read_sum(counter);
	mc_assert(second >= first && second <= 3);
}

static void add_and_say(void)
{
	pawl_counter_add(counter, 1);
	pawl_add_release(&added, 1u);
}

static void bounder(void)
{
	int64_t said = (int64_t)pawl_load_acquire(&added);
	struct pawl_counter_bound bound;

	pawl_counter_read_bound(counter, &bound);
	mc_assert(bound.max >= said);
	mc_assert(bound.min <= 2);
}

/* What a detach does for the counter, without the rest of it. */
static void add_leave(void)
{
	struct pawl__leaver *leaver = (void *)counter;

	add_and_say();
	leaver->leave(leaver, pawl_thread_slot());
}

static void leave_only(void)
{
	struct pawl__leaver *leaver = (void *)counter;

	leaver->leave(leaver, pawl_thread_slot());
}

static void add_bare(void)
{
	add_and_say();
}

static void attach_add(void)
{
	scn_attach();
	add_and_say();
	pawl_thread_detach();
}

static const struct mc_scenario scenarios[] = {
	{.name = "add2", .setup = setup_1, .threads = {add_two, add_two}, .finish = finish},
	{.name = "add3",
	 .setup = setup_3,
	 .threads = {add_one, add_two, add_one},
	 .finish = finish},
	{.name = "batch", .setup = setup_2, .threads = {add_two, add_two}, .finish = finish},
	{.name = "sum", .setup = setup_made, .threads = {add_two, summer}, .finish = finish},
	{.name = "bound",
	 .setup = setup_made,
	 .threads = {add_and_say, add_and_say, bounder},
	 .finish = finish},
	{.name = "leave",
	 .setup = setup_made,
	 .threads = {add_leave, bounder},
	 .finish = finish},
	{.name = "leave-none",
	 .setup = setup_2,
	 .threads = {leave_only, add_one},
	 .finish = finish},
	{.name = "sum-grow", .setup = setup_2, .threads = {add_one, summer}, .finish = finish},
	{.name = "foreign",
	 .setup = setup_2,
	 .threads = {add_bare, add_bare},
	 .finish = finish,
	 .bare = true},
	{.name = "detach",
	 .setup = setup_2,
	 .threads = {attach_add, add_bare},
	 .finish = finish,
	 .bare = true},
};
MC_MAIN(scenarios)
