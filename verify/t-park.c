/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/park.c.
 *
 *  token-before-park    the token is sticky, several are one, park consumes it
 *  unpark-park          what was done before unpark is seen after park (plain memory)
 *  flag-loop            the usual loop, relaxed flag: a lost wake-up is a deadlock
 *  spin                 the same as unpark-park, looking twice before sleeping
 *  two-unparkers        two tokens merge, both wakers' stores are seen: a merge that drops
 *                       the release of either is a deadlock
 *  two-rounds           one pair, the token reused
 *  ping-pong            both park and unpark each other, twice
 *  timeout-unpark       the token is consumed by the timed park or stays for the next
 *  timeout-two          a timed sleeper, two wakers, nothing lost
 *  late-unpark          a wake for the last round arrives in the next one
 *  set-waiter           park and unpark through a table of the scenario's own
 *
 * A thread drains its token before it tells others whom to wake: natively a thread's slot
 * was used by an earlier run.
 */
#include "scenario.h"

static struct pawl_atomic_ptr waiter_of[3];
static struct pawl_atomic_u32 flag[3];
static unsigned data[3];
static struct scn_waiter spinner;

static void setup(void)
{
	for (unsigned i = 0; i < 3; i++) {
		pawl_init_word(&waiter_of[i], NULL);
		pawl_init_word(&flag[i], 0u);
		data[i] = 0;
	}
	scn_waiter_init(&spinner, 1);
}

/* Tell the others: wake me. */
static void publish_self(void)
{
	while (pawl_park_until(0))
		;
	pawl_store_release(&waiter_of[mc_thread()], pawl_waiter_self());
}

static struct pawl_waiter *waiter(unsigned thread)
{
	return scn_await_ptr(&waiter_of[thread]);
}

/* ---- token-before-park: two threads, so that a token kept in the wrong place shows ---- */

static void token_thread(void)
{
	struct pawl_waiter *self = pawl_waiter_self();

	publish_self();
	pawl_unpark(self);
	pawl_park();
	pawl_unpark(self);
	pawl_unpark(self);
	mc_assert(pawl_park_until(0));
	mc_assert(!pawl_park_until(0));
}

/* ---- unpark-park ------------------------------------------------------- */

static void plain_sleeper(void)
{
	publish_self();
	pawl_park();
	mc_assert(data[0] == 7);
}

static void plain_waker(void)
{
	struct pawl_waiter *target = waiter(0);

	data[0] = 7;
	pawl_unpark(target);
}

/* ---- flag-loop, two-unparkers ------------------------------------------ */

static void flag_sleeper(void)
{
	publish_self();
	while (!pawl_load_relaxed(&flag[1]))
		pawl_park();
}

static void both_flags_sleeper(void)
{
	publish_self();
	while (!pawl_load_relaxed(&flag[1]) || !pawl_load_relaxed(&flag[2]))
		pawl_park();
}

static void flag_waker(void)
{
	struct pawl_waiter *target = waiter(0);

	pawl_store_relaxed(&flag[mc_thread()], 1u);
	pawl_unpark(target);
}

/* ---- two-rounds: the second token may come while the first is being consumed ---- */

static void two_rounds_sleeper(void)
{
	publish_self();
	while (pawl_load_relaxed(&flag[1]) < 1)
		pawl_park();
	while (pawl_load_relaxed(&flag[1]) < 2)
		pawl_park();
}

static void two_rounds_waker(void)
{
	struct pawl_waiter *target = waiter(0);

	pawl_store_relaxed(&flag[1], 1u);
	pawl_unpark(target);
	pawl_store_relaxed(&flag[1], 2u);
	pawl_unpark(target);
}

/* ---- ping-pong --------------------------------------------------------- */

static void ping_pong(void)
{
	unsigned me = mc_thread();
	struct pawl_waiter *peer;

	publish_self();
	peer = waiter(1 - me);
	for (unsigned round = 1; round <= 2; round++) {
		/* Plain data goes to and fro: whose turn it is is said by the token alone. */
		if (me == 0) {
			data[0]++;
			pawl_unpark(peer);
			pawl_park();
			mc_assert(data[0] == 2 * round);
		} else {
			pawl_park();
			mc_assert(data[0] == 2 * round - 1);
			data[0]++;
			pawl_unpark(peer);
		}
	}
}

/* ---- timeout-unpark ---------------------------------------------------- */

static void timed_sleeper(void)
{
	publish_self();
	if (!pawl_park_until(mc_deadline()))
		pawl_park();
	mc_assert(data[0] == 7);
	mc_assert(!pawl_park_until(0));
}

static void timed_both_flags_sleeper(void)
{
	publish_self();
	(void)pawl_park_until(mc_deadline());
	while (!pawl_load_relaxed(&flag[1]) || !pawl_load_relaxed(&flag[2]))
		pawl_park();
}

/* ---- late-unpark ------------------------------------------------------- */

/*
 * Thread 0 goes on when it sees the flag, before the unpark that belongs to it arrives; that
 * one is then a wake-up for nothing in the next wait, which must bear it.
 */
static void early_sleeper(void)
{
	publish_self();
	while (!pawl_load_relaxed(&flag[1]))
		scn_turn();
	while (!pawl_load_relaxed(&flag[2]))
		pawl_park();
}

/* ---- set-waiter -------------------------------------------------------- */

static void spinner_sleeper(void)
{
	struct pawl_waiter *before = pawl_waiter_set(&spinner.base);

	mc_assert(!before);
	mc_assert(pawl_waiter_self() == &spinner.base);
	mc_assert(pawl_waiter_thread() != &spinner.base);
	pawl_store_release(&waiter_of[0], &spinner.base);
	pawl_park();
	mc_assert(data[0] == 7);
	mc_assert(spinner.parks == 1);
	before = pawl_waiter_set(NULL);
	mc_assert(before == &spinner.base);
	mc_assert(pawl_waiter_self() == pawl_waiter_thread());
}

static const struct mc_scenario scenarios[] = {
	{.name = "token-before-park", .setup = setup, .threads = {token_thread, token_thread}},
	{.name = "unpark-park", .setup = setup, .threads = {plain_sleeper, plain_waker}},
	{.name = "flag-loop", .setup = setup, .threads = {flag_sleeper, flag_waker}},
	{.name = "spin", .setup = setup, .threads = {plain_sleeper, plain_waker}, .spin_turns = 2},
	{.name = "two-unparkers",
	 .setup = setup,
	 .threads = {both_flags_sleeper, flag_waker, flag_waker}},
	{.name = "two-rounds",
	 .setup = setup,
	 .threads = {two_rounds_sleeper, two_rounds_waker}},
	{.name = "ping-pong", .setup = setup, .threads = {ping_pong, ping_pong}},
	{.name = "timeout-unpark", .setup = setup, .threads = {timed_sleeper, plain_waker}},
	{.name = "timeout-two",
	 .setup = setup,
	 .threads = {timed_both_flags_sleeper, flag_waker, flag_waker}},
	{.name = "late-unpark",
	 .setup = setup,
	 .threads = {early_sleeper, flag_waker, flag_waker}},
	{.name = "set-waiter", .setup = setup, .threads = {spinner_sleeper, plain_waker}},
};
MC_MAIN(scenarios)
