/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/gate.c. Inside means to write a plain word of one's own; who waited for the
 * gate to drain reads and writes them all: somebody still inside, or not ordered before, is a
 * race.
 *
 *  close            entering beside closing
 *  close2           two that enter
 *  last-leave       one is inside already; its leave beside close
 *  wait             the last leave beside a wait
 *  two-inside       two in one cell: the last one passes on what the first one did
 *  hand-on          who entered hands its ticket to another thread
 *  destroy          the waiter frees the gate at once
 *  one-drains       of the leaves of a closed gate one says that it drained it
 *  reopen           entering waits for the gate to open; what happened before is seen
 *  open-refused     opening beside the last leave
 *  timeout          the wait has a deadline
 *  drained          asking, without waiting
 *  close-look       the same, beside closing
 *  two-closers      one closes, one hears that it is closed
 *  make, make-close the first entries of two threads; one, beside closing
 */
#include "scenario.h"

#include <errno.h>

static struct pawl_gate *gate;
static unsigned inside[4];
static struct pawl_atomic_u32 flag, drains, passed;
static pawl_gate_ticket_t ticket[2];

static void leave_with(pawl_gate_ticket_t with)
{
	if (pawl_gate_leave(gate, with))
		pawl_add_relaxed(&drains, 1u);
}

static void setup_new(void)
{
	mc_assert(pawl_gate_create(&gate) == 0);
	memset(inside, 0, sizeof(inside));
	pawl_init_word(&flag, 0u);
	pawl_init_word(&drains, 0u);
	pawl_init_word(&passed, 0u);
}

/* The cells are there. The main thread stays attached until finish. */
static void setup(void)
{
	setup_new();
	scn_attach();
	mc_assert(pawl_gate_try_enter(gate, &ticket[0]) == 0);
	mc_assert(!pawl_gate_leave(gate, ticket[0]));
}

static void setup_one_inside(void)
{
	setup();
	mc_assert(pawl_gate_try_enter(gate, &ticket[0]) == 0);
}

static void setup_two_inside(void)
{
	setup_one_inside();
	mc_assert(pawl_gate_try_enter(gate, &ticket[1]) == 0);
}

static void finish_new(void)
{
	pawl_gate_destroy(gate);
	gate = NULL;
}

static void finish(void)
{
	finish_new();
	pawl_thread_detach();
}

static void visitor(void)
{
	pawl_gate_ticket_t mine;

	if (pawl_gate_try_enter(gate, &mine) == 0) {
		inside[mc_thread()]++;
		leave_with(mine);
	}
}

static void all_are_mine(void)
{
	for (unsigned i = 0; i < 4; i++)
		inside[i]++;
}

/* Without waiting: what is between closing and draining is not mixed with waking. */
static void close_and_look(void)
{
	mc_assert(pawl_gate_close(gate) == 0);
	if (pawl_gate_drained(gate))
		all_are_mine();
	mc_assert(pawl_gate_try_enter(gate, &ticket[1]) == -ESHUTDOWN);
}

static void wait_only(void)
{
	pawl_gate_wait(gate);
	all_are_mine();
}

static void wait_destroy(void)
{
	pawl_gate_wait(gate);
	pawl_gate_destroy(gate);
}

static void leave_first(void)
{
	inside[0]++;
	leave_with(ticket[0]);
}

static void leave_second(void)
{
	inside[1]++;
	leave_with(ticket[1]);
}

static void finish_drained_once(void)
{
	mc_assert(pawl_load_relaxed(&drains) <= 1);
	finish();
}

static void close_only(void)
{
	(void)pawl_gate_close(gate);
}

static void setup_closed_two_inside(void)
{
	setup_two_inside();
	mc_assert(pawl_gate_close(gate) == 0);
}

static void finish_one_drained(void)
{
	mc_assert(pawl_load_relaxed(&drains) == 1);
	mc_assert(pawl_gate_drained(gate));
	all_are_mine();
	mc_assert(pawl_gate_open(gate) == 0);
	mc_assert(pawl_gate_open(gate) == -EALREADY);
	mc_assert(pawl_gate_try_enter(gate, &ticket[0]) == 0);
	mc_assert(!pawl_gate_leave(gate, ticket[0]));
	finish();
}

static void enter_hand_on(void)
{
	if (pawl_gate_try_enter(gate, &ticket[0]) == 0) {
		inside[0]++;
		pawl_store_release(&flag, 1u);
	} else {
		pawl_store_release(&flag, 2u);
	}
}

static void leave_handed(void)
{
	uint32_t how;

	while (!(how = pawl_load_acquire(&flag)))
		scn_turn();
	if (how == 1)
		leave_with(ticket[0]);
}

static void finish_destroyed(void)
{
	gate = NULL;
	pawl_thread_detach();
}

static void setup_closed(void)
{
	setup();
	mc_assert(pawl_gate_close(gate) == 0);
	pawl_gate_wait(gate);
}

static void reopen(void)
{
	inside[0] = 7;
	mc_assert(pawl_gate_open(gate) == 0);
}

static void enter_when_open(void)
{
	pawl_gate_ticket_t mine = pawl_gate_enter(gate);

	mc_assert(inside[0] == 7);
	leave_with(mine);
}

static void open_maybe(void)
{
	int error = pawl_gate_open(gate);

	mc_assert(!error || error == -EBUSY);
	if (!error)
		all_are_mine();
}

static void setup_closed_one_inside(void)
{
	setup_one_inside();
	mc_assert(pawl_gate_close(gate) == 0);
}

static void wait_until(void)
{
	int error = pawl_gate_wait_until(gate, mc_deadline());

	mc_assert(!error || error == -ETIMEDOUT);
	if (!error)
		all_are_mine();
}

static void look(void)
{
	if (pawl_gate_drained(gate))
		all_are_mine();
}

static void closer(void)
{
	int error = pawl_gate_close(gate);

	mc_assert(!error || error == -EALREADY);
	if (!error)
		pawl_add_relaxed(&passed, 1u);
	pawl_gate_wait(gate);
}

static void finish_one_closed(void)
{
	mc_assert(pawl_load_relaxed(&passed) == 1);
	finish();
}

static const struct mc_scenario scenarios[] = {
	{.name = "close",
	 .setup = setup,
	 .threads = {visitor, close_and_look},
	 .finish = finish_drained_once,
	 .no_spurious = true,
	 .quick = true},
	{.name = "close2",
	 .setup = setup,
	 .threads = {visitor, visitor, close_only},
	 .finish = finish_drained_once,
	 .no_spurious = true,
	 .quick = true},
	{.name = "last-leave",
	 .setup = setup_one_inside,
	 .threads = {leave_first, close_and_look},
	 .finish = finish_drained_once,
	 .no_spurious = true,
	 .quick = true},
	{.name = "wait",
	 .setup = setup_closed_one_inside,
	 .threads = {leave_first, wait_only},
	 .finish = finish_drained_once,
	 .no_spurious = true},
	{.name = "two-inside",
	 .setup = setup_two_inside,
	 .threads = {leave_first, leave_second, close_and_look},
	 .finish = finish_drained_once,
	 .no_spurious = true,
	 .quick = true},
	{.name = "hand-on",
	 .setup = setup,
	 .threads = {enter_hand_on, leave_handed, close_only},
	 .finish = finish_drained_once,
	 .no_spurious = true,
	 .quick = true},
	{.name = "destroy",
	 .setup = setup_closed_one_inside,
	 .threads = {leave_first, wait_destroy},
	 .finish = finish_destroyed,
	 .no_spurious = true},
	{.name = "one-drains",
	 .setup = setup_closed_two_inside,
	 .threads = {leave_first, leave_second},
	 .finish = finish_one_drained,
	 .quick = true},
	{.name = "reopen",
	 .setup = setup_closed,
	 .threads = {reopen, enter_when_open},
	 .finish = finish,
	 .no_spurious = true,
	 .quick = true},
	{.name = "open-refused",
	 .setup = setup_closed_one_inside,
	 .threads = {leave_first, open_maybe},
	 .finish = finish,
	 .quick = true},
	{.name = "timeout",
	 .setup = setup_closed_one_inside,
	 .threads = {leave_first, wait_until},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "drained",
	 .setup = setup_closed_one_inside,
	 .threads = {leave_first, look},
	 .finish = finish,
	 .quick = true},
	{.name = "close-look",
	 .setup = setup_one_inside,
	 .threads = {leave_first, close_only, look},
	 .finish = finish,
	 .no_spurious = true,
	 .quick = true},
	{.name = "two-closers",
	 .setup = setup,
	 .threads = {closer, closer},
	 .finish = finish_one_closed,
	 .no_spurious = true,
	 .quick = true},
	{.name = "make",
	 .setup = setup_new,
	 .threads = {visitor, visitor},
	 .finish = finish_new,
	 .no_spurious = true,
	 .quick = true},
	{.name = "make-close",
	 .setup = setup_new,
	 .threads = {visitor, close_only},
	 .finish = finish_new,
	 .no_spurious = true,
	 .quick = true},
};
MC_MAIN(scenarios)
