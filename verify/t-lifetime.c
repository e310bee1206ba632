/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/runtime/lifetime.c, to the model verify/spin/shutdown.pml. A body is plain data
 * written between enter and leave, and read by who finds the node drained: a body that is not
 * covered is a race.
 *
 *  enter-close      refused, or covered by the wait
 *  leave-close      the last to leave against the close
 *  two-leave        two leave a closing node: it drains once
 *  close-close      two close: one did
 *  child-close      a child is made while the parent closes: refused, or the parent waits for it
 *  up               the last leave below drains the node above, with what was done below
 *  up-two           two leave a node below, the last one the node above: who finds that one drained
 *                   has what both did
 *  wait-timeout     a wait that may be over, against the last leave
 */
/* mc-sources: engine/runtime/lifetime.c */
#include "scenario.h"

#include "../engine/runtime/lifetime.h"

static struct eng_lifetime root, child;
static unsigned bodies[2], closes[3];
static bool ran[2], made;

static void setup(void)
{
	eng_lifetime_init(&root);
	memset(bodies, 0, sizeof(bodies));
	memset(closes, 0, sizeof(closes));
	memset(ran, 0, sizeof(ran));
	made = false;
}

static void setup_one(void)
{
	setup();
	ran[0] = eng_lifetime_enter(&root, 1, UINT64_MAX);
}

static void setup_two(void)
{
	setup_one();
	ran[1] = eng_lifetime_enter(&root, 1, UINT64_MAX);
}

static void finish_drained(void)
{
	mc_assert(eng_lifetime_state(&root) == ENG_LIFETIME_DRAINED);
	mc_assert(eng_lifetime_units(&root) == 0);
	mc_assert(!eng_lifetime_enter(&root, 1, UINT64_MAX));
}

static void close_and_wait(void)
{
	closes[mc_thread()] += eng_lifetime_close(&root);
	mc_assert(eng_lifetime_wait(&root, PAWL_FOREVER, "the end", 0));
	for (unsigned i = 0; i < 2; i++)
		mc_assert(bodies[i] == ran[i]);
}

static void body(unsigned which)
{
	bodies[which]++;
	eng_lifetime_leave(&root, 1);
}

static void enter_and_run(void)
{
	/* Only written before the leave that covers it: else who waits reads beside us. */
	if (eng_lifetime_enter(&root, 1, UINT64_MAX)) {
		ran[0] = true;
		body(0);
	}
}

static void run0(void)
{
	body(0);
}

static void run1(void)
{
	body(1);
}

static void close_root(void)
{
	closes[mc_thread()] += eng_lifetime_close(&root);
}

static void finish_one_close(void)
{
	mc_assert(closes[0] + closes[1] == 1);
	finish_drained();
}

/* ---- trees ------------------------------------------------------------- */

static void make_child(void)
{
	if (!eng_lifetime_init_child(&child, &root))
		return;
	made = true;
	mc_assert(eng_lifetime_enter(&child, 1, UINT64_MAX));
	bodies[0]++;
	ran[0] = true;
	mc_assert(eng_lifetime_close(&child));
	eng_lifetime_leave(&child, 1);
}

static void finish_child(void)
{
	mc_assert(!made || eng_lifetime_state(&child) == ENG_LIFETIME_DRAINED);
	finish_drained();
}

static void setup_up(void)
{
	setup();
	mc_assert(eng_lifetime_init_child(&child, &root));
	ran[0] = eng_lifetime_enter(&child, 1, UINT64_MAX);
	ran[1] = eng_lifetime_enter(&root, 1, UINT64_MAX);
	mc_assert(eng_lifetime_close(&child));
	mc_assert(eng_lifetime_close(&root));
	mc_assert(eng_lifetime_state(&child) == ENG_LIFETIME_CLOSING);
}

static void run_in_child(void)
{
	bodies[0]++;
	eng_lifetime_leave(&child, 1);
}

static void wait_for_root(void)
{
	mc_assert(eng_lifetime_wait(&root, PAWL_FOREVER, "the end", 0));
	mc_assert(bodies[0] == 1 && bodies[1] == 1);
}

static void setup_up_two(void)
{
	setup();
	mc_assert(eng_lifetime_init_child(&child, &root));
	mc_assert(eng_lifetime_enter(&child, 2, UINT64_MAX));
	mc_assert(eng_lifetime_close(&child));
	mc_assert(eng_lifetime_close(&root));
}

static void run1_in_child(void)
{
	bodies[1]++;
	eng_lifetime_leave(&child, 1);
}

static void look_at_root(void)
{
	if (eng_lifetime_state(&root) == ENG_LIFETIME_DRAINED)
		mc_assert(bodies[0] == 1 && bodies[1] == 1);
}

/* ---- timeout ----------------------------------------------------------- */

static void setup_closing(void)
{
	setup_one();
	mc_assert(eng_lifetime_close(&root));
}

static void wait_a_while(void)
{
	if (eng_lifetime_wait(&root, mc_deadline(), "the end", 0))
		mc_assert(bodies[0] == 1);
}

static const struct mc_scenario scenarios[] = {
	{.name = "enter-close",
	 .setup = setup,
	 .threads = {enter_and_run, close_and_wait},
	 .finish = finish_drained,
	 .ideal_locks = true,
	 .no_spurious = true},
	{.name = "leave-close",
	 .setup = setup_one,
	 .threads = {run0, close_and_wait},
	 .finish = finish_drained,
	 .ideal_locks = true,
	 .no_spurious = true},
	{.name = "two-leave",
	 .setup = setup_two,
	 .threads = {run0, run1, close_and_wait},
	 .finish = finish_drained,
	 .ideal_locks = true,
	 .no_spurious = true},
	{.name = "close-close",
	 .setup = setup,
	 .threads = {close_root, close_root},
	 .finish = finish_one_close,
	 .ideal_locks = true},
	{.name = "child-close",
	 .setup = setup,
	 .threads = {make_child, close_and_wait},
	 .finish = finish_child,
	 .ideal_locks = true,
	 .no_spurious = true},
	{.name = "up",
	 .setup = setup_up,
	 .threads = {run_in_child, run1, wait_for_root},
	 .finish = finish_drained,
	 .ideal_locks = true,
	 .no_spurious = true},
	{.name = "up-two",
	 .setup = setup_up_two,
	 .threads = {run_in_child, run1_in_child, look_at_root},
	 .finish = finish_drained,
	 .ideal_locks = true,
	 .no_spurious = true},
	{.name = "wait-timeout",
	 .setup = setup_closing,
	 .threads = {run0, wait_a_while},
	 .finish = finish_drained,
	 .ideal_locks = true,
	 .no_spurious = true},
};

MC_MAIN(scenarios)
