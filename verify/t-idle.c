/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/runtime/idle.c, to the model verify/spin/idle.pml. Work is a count that all
 * take from, looked at relaxed, so that only the protocol orders anything; a worker ends when it
 * has run its share. A lost wake-up is a deadlock.
 *
 *  one              a worker, an item
 *  one-twice        a worker, two items, one after the other
 *  two-pushers      a worker, two pushers
 *  both             two workers, a batch of two items whose bodies wait for each other: an item beside a
 *                   sleeping worker would be a deadlock
 *  child            the second item is pushed by the body of the first, which waits for it
 *  to-worker        an item that one of two sleepers can take wakes that one
 *  economy          two workers, an item: at most one is woken
 *  timed            a worker whose first sleep may end by its deadline, an item
 *  all              who finds all asleep has seen what they did before
 *  one-asleep       the same of one
 *  woken-sees       who returns because it was woken has seen what was done before the push
 *  chosen-sees      the same where it does not sleep, since its own look finds something
 *  searcher         one searches, one sleeps: a push wakes nobody
 *  full             one that is full searches, or is about to sleep: what needs room gets to the other
 *  full-found       the same where it finds something of its own
 *  was-full         one that was full when it slept last has room
 *  full-economy     of two sleepers the one with room is woken
 *  retired          a surplus worker that does not count searches: what is for any gets to the other
 *  surplus          one that counts is woken where no other sleeps
 *  surplus-rest     one that does not is not
 *  guard            nobody sleeps or searches: the guard gets what is pushed
 *  guard-twice      the same with two items, and two pushers
 *  guard-left       a worker takes one of two items and does not come back: the guard gets the other
 *  guard-rely       the guard is done while somebody searches
 *  guard-first      the first of two pushers that find nobody starts the guard
 *  stepped          a worker that is stepped, a push: the step finds it, or the bell is rung
 *  stepped-again    it dozes and is stepped whenever the bell was rung; two pushes
 *  stepped-two      the same, two pushers
 *  stepped-sees     who is stepped because its bell was rung has seen what was done before
 *  slow-host        it dozes, and is never stepped: a worker beside it does all
 */
/* mc-sources: engine/runtime/idle.c */
#include "scenario.h"

#include "../engine/runtime/idle.h"

static struct eng_idle idle;
static struct pawl_atomic_u32 work, own_work, begun;

static void setup(void)
{
	eng_idle_init(&idle, 2);
	pawl_init_word(&work, 0u);
	pawl_init_word(&own_work, 0u);
	pawl_init_word(&begun, 0u);
}

static void finish(void)
{
	mc_assert(pawl_load_relaxed(&work) == 0);
	mc_assert(pawl_load_relaxed(&own_work) == 0);
	mc_assert(pawl_load_relaxed(&idle.asleep[0]) == 0);
	mc_assert(pawl_load_relaxed(&idle.searching) == 0);
}

static bool take_from(struct pawl_atomic_u32 *count)
{
	uint32_t seen = pawl_load_relaxed(count);

	while (seen) {
		if (pawl_cas_relaxed(count, &seen, seen - 1))
			return true;
	}
	return false;
}

static unsigned look(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&work) ? ENG_IDLE_MINE | ENG_IDLE_ANY : 0;
}

static unsigned look_own(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&own_work) ? ENG_IDLE_MINE : 0;
}

/* Until an item is found; it is run after this. The worker counts as searching. */
static void search(unsigned worker)
{
	while (!take_from(&work))
		eng_idle_sleep(&idle, worker, PAWL_FOREVER, look, NULL);
	eng_idle_found(&idle, look, NULL);
}

static void find(unsigned worker)
{
	eng_idle_search(&idle);
	search(worker);
}

/* The same with a deadline for the first sleep. */
static void find_timed(void)
{
	uint64_t deadline_ns = mc_deadline();

	eng_idle_join(&idle, 0);
	eng_idle_search(&idle);
	while (!take_from(&work)) {
		eng_idle_sleep(&idle, 0, deadline_ns, look, NULL);
		deadline_ns = PAWL_FOREVER;
	}
	eng_idle_found(&idle, look, NULL);
}

static void push(void)
{
	pawl_add_relaxed(&work, 1u);
	eng_idle_pushed(&idle);
}

/* ---- one worker -------------------------------------------------------- */

static void worker0_one(void)
{
	eng_idle_join(&idle, 0);
	find(0);
}

static void worker0_two(void)
{
	eng_idle_join(&idle, 0);
	find(0);
	find(0);
}

static void push_two(void)
{
	push();
	push();
}

static void push_batch(void)
{
	pawl_add_relaxed(&work, 2u);
	eng_idle_pushed(&idle);
}

/* ---- two workers ------------------------------------------------------- */

static void meet(void)
{
	pawl_add_relaxed(&begun, 1u);
	while (pawl_load_relaxed(&begun) != 2)
		scn_turn();
}

/* Both search from the start. */
static void setup_both(void)
{
	setup();
	pawl_init_word(&idle.searching, 2u);
}

static void worker0_meets(void)
{
	eng_idle_join(&idle, 0);
	search(0);
	meet();
}

static void worker1_meets(void)
{
	eng_idle_join(&idle, 1);
	search(1);
	meet();
}

static void setup_child(void)
{
	setup();
	pawl_init_word(&work, 1u);
}

/* The first to run pushes the other's item. */
static void run_child(void)
{
	if (pawl_add_relaxed(&begun, 1u) == 0)
		push();
	while (pawl_load_relaxed(&begun) != 2)
		scn_turn();
}

static void worker0_child(void)
{
	eng_idle_join(&idle, 0);
	find(0);
	run_child();
}

static void worker1_child(void)
{
	eng_idle_join(&idle, 1);
	find(1);
	run_child();
}

/* ---- to-worker --------------------------------------------------------- */

static void worker0_own(void)
{
	eng_idle_join(&idle, 0);
	eng_idle_search(&idle);
	while (!take_from(&own_work))
		eng_idle_sleep(&idle, 0, PAWL_FOREVER, look_own, NULL);
	eng_idle_found(&idle, look_own, NULL);
	push();
}

static void push_own(void)
{
	pawl_add_relaxed(&own_work, 1u);
	eng_idle_pushed_to(&idle, 0);
}

static void worker1_one(void)
{
	eng_idle_join(&idle, 1);
	find(1);
}

/* ---- what was pushed is seen ------------------------------------------ */

static unsigned message;

static unsigned look_blind(void *arg)
{
	(void)arg;
	return 0;
}

static unsigned look_full(void *arg)
{
	(void)arg;
	return ENG_IDLE_MINE;
}

/* Writes, then sleeps until it is pushed to. */
static void worker0_after_message(void)
{
	message = 1;
	eng_idle_join(&idle, 0);
	eng_idle_search(&idle);
	eng_idle_sleep(&idle, 0, PAWL_FOREVER, look_blind, NULL);
}

static void ask(void)
{
	while (!eng_idle_all(&idle, 1))
		scn_turn();
	mc_assert(message == 1);
	eng_idle_pushed_to(&idle, 0);
}

static void ask_of_one(void)
{
	while (!eng_idle_is_asleep(&idle, 0))
		scn_turn();
	mc_assert(message == 1);
	eng_idle_pushed_to(&idle, 0);
}

static void worker0_is_woken(void)
{
	eng_idle_join(&idle, 0);
	eng_idle_search(&idle);
	eng_idle_sleep(&idle, 0, PAWL_FOREVER, look_blind, NULL);
	mc_assert(message == 1);
}

/* Looks do not find what is pushed, so the push comes after the bit. */
static void push_to_sleeper(void)
{
	while (!pawl_load_relaxed(&idle.asleep[0]))
		scn_turn();
	message = 1;
	eng_idle_pushed_to(&idle, 0);
}

static void worker0_is_chosen(void)
{
	eng_idle_join(&idle, 0);
	eng_idle_search(&idle);
	eng_idle_sleep(&idle, 0, PAWL_FOREVER, look_full, NULL);
	if (pawl_load_relaxed(&idle.wakes))
		mc_assert(message == 1);
}

static void push_message(void)
{
	message = 1;
	eng_idle_pushed_to(&idle, 0);
}

static void setup_message(void)
{
	setup();
	message = 0;
}

static void finish_message(void)
{
	mc_assert(pawl_load_relaxed(&idle.asleep[0]) == 0);
	mc_assert(pawl_load_relaxed(&idle.searching) == 1);
}

/* ---- not for everybody ------------------------------------------------ */

static struct pawl_atomic_u32 roomy_work;

static void setup_roomy(void)
{
	setup();
	pawl_init_word(&roomy_work, 0u);
}

static void finish_roomy(void)
{
	mc_assert(pawl_load_relaxed(&roomy_work) == 0);
	finish();
}

/* Of one that is full. */
static unsigned look_roomless(void *arg)
{
	return look_own(arg) | (pawl_load_relaxed(&roomy_work) ? ENG_IDLE_ROOMY : 0);
}

static unsigned look_roomy(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&roomy_work) ? ENG_IDLE_MINE | ENG_IDLE_ROOMY : 0;
}

static void push_roomy(void)
{
	pawl_add_relaxed(&roomy_work, 1u);
	eng_idle_pushed_roomy(&idle);
}

/* Until it gets something of its own. */
static void worker0_full(void)
{
	eng_idle_join(&idle, 0);
	eng_idle_search(&idle);
	while (!take_from(&own_work)) {
		eng_idle_set_full(&idle, 0, true);
		eng_idle_sleep(&idle, 0, PAWL_FOREVER, look_roomless, NULL);
	}
	eng_idle_found(&idle, look_roomless, NULL);
}

static void find_roomy(unsigned worker)
{
	eng_idle_search(&idle);
	while (!take_from(&roomy_work)) {
		eng_idle_set_full(&idle, worker, false);
		eng_idle_sleep(&idle, worker, PAWL_FOREVER, look_roomy, NULL);
	}
	eng_idle_found(&idle, look_roomy, NULL);
}

static void worker1_roomy(void)
{
	eng_idle_join(&idle, 1);
	find_roomy(1);
}

static void setup_full_found(void)
{
	setup_roomy();
	pawl_init_word(&own_work, 1u);
}

static void setup_was_full(void)
{
	setup_roomy();
	pawl_init_word(&idle.full[0], UINT64_C(2));
}

/* A surplus worker that looks only at its own. */
static unsigned look_retired(void *arg)
{
	return look_own(arg) | (pawl_load_relaxed(&work) ? ENG_IDLE_ANY : 0);
}

#define SURPLUS 64

static void surplus_retired(void)
{
	mc_assert(eng_idle_surplus(&idle, 0) == SURPLUS);
	eng_idle_join(&idle, SURPLUS);
	eng_idle_search(&idle);
	while (!take_from(&own_work))
		eng_idle_sleep(&idle, SURPLUS, PAWL_FOREVER, look_retired, NULL);
	eng_idle_found(&idle, look_retired, NULL);
}

static void worker0_and_push(void)
{
	eng_idle_join(&idle, 0);
	find(0);
	pawl_add_relaxed(&own_work, 1u);
	eng_idle_pushed_to(&idle, SURPLUS);
}

static void finish_surplus(void)
{
	finish();
	mc_assert(pawl_load_relaxed(&idle.asleep[1]) == 0);
}

static void setup_surplus(void)
{
	setup();
	pawl_init_word(&idle.surplus, 1u);
}

static void surplus_one(void)
{
	eng_idle_join(&idle, SURPLUS);
	find(SURPLUS);
}

/* ---- the guard --------------------------------------------------------- */

static struct pawl_atomic_u32 guards;

static void guard_starts(struct eng_idle *which)
{
	mc_assert(which == &idle);
	pawl_add_relaxed(&guards, 1u);
}

static void guard_is_there(struct eng_idle *which)
{
	(void)which;
	mc_assert(!"who arms it finds the guard that has disarmed itself");
}

/* It has been started and is armed. */
static void setup_guard(void)
{
	setup();
	idle.guard_start = guard_is_there;
	pawl_init_word(&idle.armed, 1u);
}

static unsigned look_any(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&work) ? ENG_IDLE_ANY : 0;
}

/* Takes so many items, as those would that it starts or wakes. */
static void guard_takes(unsigned items)
{
	pawl_store_relaxed(&idle.guard, (void *)pawl_waiter_thread());
	while (items) {
		if (eng_idle_disarm(&idle, look_any, NULL)) {
			while (!pawl_load_relaxed(&idle.armed))
				eng_idle_guard_sleep(&idle);
		}
		if (take_from(&work))
			items--;
	}
}

static void guard_one(void)
{
	guard_takes(1);
}

static void guard_two(void)
{
	guard_takes(2);
}

static void finish_guard(void)
{
	mc_assert(pawl_load_relaxed(&work) == 0);
	mc_assert(pawl_load_relaxed(&idle.wakes) == 0);
}

static void setup_left(void)
{
	setup_guard();
	pawl_init_word(&idle.searching, 1u);
}

static void worker0_leaves(void)
{
	scn_await(&begun, 1);
	mc_assert(take_from(&work));
	eng_idle_found(&idle, look, NULL);
}

static void push_two_and_say(void)
{
	push();
	push();
	pawl_store_release(&begun, 1u);
}

static unsigned look_always_any(void *arg)
{
	(void)arg;
	return ENG_IDLE_ANY;
}

/* Somebody searches: it is done, whatever waits. */
static void guard_relies(void)
{
	pawl_store_relaxed(&idle.guard, (void *)pawl_waiter_thread());
	mc_assert(eng_idle_disarm(&idle, look_always_any, NULL));
	pawl_store_release(&begun, 1u);
}

static void worker0_until_disarmed(void)
{
	scn_await(&begun, 1);
	eng_idle_found(&idle, look_blind, NULL);
}

static void finish_rely(void)
{
	mc_assert(pawl_load_relaxed(&idle.armed) == 0);
}

static void setup_first(void)
{
	setup();
	idle.guard_start = guard_starts;
	pawl_init_word(&guards, 0u);
}

static void finish_first(void)
{
	mc_assert(pawl_load_relaxed(&guards) == 1);
	mc_assert(pawl_load_relaxed(&idle.armed) == 1);
}

/* ---- economy ----------------------------------------------------------- */

/* Worker 1 sleeps, and is a waiter that nobody runs. */
static struct scn_waiter sleeper;

static void setup_sleeper(void)
{
	setup();
	scn_waiter_init(&sleeper, 1);
	idle.waiters[1] = &sleeper.base;
	pawl_init_word(&idle.asleep[0], UINT64_C(2));
}

static void finish_economy(void)
{
	uint64_t wakes = pawl_load_relaxed(&idle.wakes);
	bool woken = pawl_load_relaxed(&idle.asleep[0]) == 0;

	/* Who was woken counts as searching: nobody runs it. */
	mc_assert(wakes <= 1 && pawl_load_relaxed(&idle.searching) == woken);
	mc_assert(pawl_load_relaxed(&work) == 0);
	mc_assert(!woken || pawl_load_relaxed(&sleeper.token) == 1);
}

static void setup_full(void)
{
	setup_sleeper();
	pawl_init_word(&roomy_work, 0u);
}

static void push_roomy_and_own(void)
{
	push_roomy();
	push_own();
}

/* Worker 1, that nobody runs, was chosen. */
static void finish_full(void)
{
	mc_assert(pawl_load_relaxed(&idle.asleep[0]) == 0);
	mc_assert(pawl_load_relaxed(&idle.searching) == 1);
	mc_assert(pawl_load_relaxed(&sleeper.token) == 1);
}

/* Worker 0 sleeps as well, and is full. */
static struct scn_waiter full_sleeper;

static void setup_full_sleeper(void)
{
	setup_sleeper();
	pawl_init_word(&roomy_work, 0u);
	scn_waiter_init(&full_sleeper, 0);
	idle.waiters[0] = &full_sleeper.base;
	pawl_init_word(&idle.asleep[0], UINT64_C(3));
	pawl_init_word(&idle.full[0], UINT64_C(1));
}

static void finish_full_sleeper(void)
{
	mc_assert(pawl_load_relaxed(&idle.asleep[0]) == 1);
	mc_assert(pawl_load_relaxed(&sleeper.token) == 1);
	mc_assert(pawl_load_relaxed(&idle.wakes) == 1);
}

/* Only a surplus worker sleeps. */
static void setup_surplus_sleeper(void)
{
	setup();
	scn_waiter_init(&sleeper, 1);
	idle.waiters[SURPLUS] = &sleeper.base;
	pawl_init_word(&idle.asleep[1], UINT64_C(1));
}

static void finish_surplus_sleeper(void)
{
	mc_assert(pawl_load_relaxed(&idle.asleep[1]) == 1);
	mc_assert(pawl_load_relaxed(&idle.wakes) == 0);
}

static void setup_searcher(void)
{
	setup_sleeper();
	eng_idle_search(&idle);
}

/* Worker 0 searches until the push is over, so the push can rely on it. */
static void worker0_searches(void)
{
	scn_await(&begun, 1);
	mc_assert(take_from(&work));
	eng_idle_found(&idle, look, NULL);
}

static void push_beside_searcher(void)
{
	push();
	pawl_store_release(&begun, 1u);
}

static void finish_searcher(void)
{
	mc_assert(pawl_load_relaxed(&idle.wakes) == 0);
	mc_assert(pawl_load_relaxed(&idle.searching) == 0);
}

/* ---- stepped ----------------------------------------------------------- */

/* A descriptor: it is readable, and orders nothing. */
static struct scn_waiter bell;
static unsigned stepped_ran;

static void bell_unpark(struct pawl_waiter *base)
{
	(void)base;
	(void)pawl_or_relaxed(&bell.token, 1u);
}

static const struct pawl_waiter_ops bell_ops = {.unpark = bell_unpark, .kind = "bell"};

static void setup_bell(unsigned worker)
{
	setup_message();
	stepped_ran = 0;
	scn_waiter_init(&bell, worker);
	bell.base.ops = &bell_ops;
	eng_idle_join_stepped(&idle, worker, &bell.base);
}

static void setup_stepped(void)
{
	setup_bell(0);
}

static void setup_dozes(void)
{
	setup_bell(0);
	pawl_init_word(&idle.asleep[0], UINT64_C(1));
}

/* The bell is read as host.c does: before it dozes. */
static void step(void)
{
	eng_idle_rise(&idle, 0);
	eng_idle_search(&idle);
	do {
		while (take_from(&work)) {
			stepped_ran++;
			eng_idle_found(&idle, look, NULL);
			eng_idle_search(&idle);
		}
		pawl_store_relaxed(&bell.token, 0u);
	} while (!eng_idle_doze(&idle, 0, look, NULL));
}

static void await_bell(void)
{
	while (!pawl_load_relaxed(&bell.token))
		scn_turn();
}

static void host_steps_for_two(void)
{
	while (stepped_ran < 2) {
		await_bell();
		step();
	}
}

static void host_sees(void)
{
	await_bell();
	eng_idle_rise(&idle, 0);
	mc_assert(message == 1);
}

static void finish_stepped(void)
{
	bool rung = pawl_load_relaxed(&bell.token);

	mc_assert(pawl_load_relaxed(&work) == 0 || rung);
	mc_assert(pawl_load_relaxed(&idle.asleep[0]) == 1 || rung);
	mc_assert(pawl_load_relaxed(&idle.searching) == 0);
}

static void finish_all_stepped(void)
{
	finish_stepped();
	mc_assert(pawl_load_relaxed(&work) == 0);
}

static void finish_seen(void)
{
	mc_assert(pawl_load_relaxed(&idle.searching) == 0);
}

static void setup_slow_host(void)
{
	setup_bell(1);
	pawl_init_word(&idle.asleep[0], UINT64_C(2));
}

static void finish_slow_host(void)
{
	mc_assert(pawl_load_relaxed(&work) == 0);
	mc_assert(pawl_load_relaxed(&idle.searching) == 0);
}

/* Where nobody looks at it: eng_idle.wakes. */
static const char *const wakes[] = {"idle+4352", NULL};
PAWL_STATIC_ASSERT(offsetof(struct eng_idle, wakes) == 4352, "as in wakes[]");

static const struct mc_scenario scenarios[] = {
	{.name = "one",
	 .setup = setup,
	 .threads = {worker0_one, push},
	 .finish = finish,
	 .tallies = wakes},
	{.name = "one-twice",
	 .setup = setup,
	 .threads = {worker0_two, push_two},
	 .finish = finish,
	 .tallies = wakes},
	{.name = "two-pushers",
	 .setup = setup,
	 .threads = {worker0_two, push, push},
	 .finish = finish,
	 .tallies = wakes},
	{.name = "both",
	 .setup = setup_both,
	 .threads = {worker0_meets, worker1_meets, push_batch},
	 .finish = finish,
	 .tallies = wakes,
	 .ideal_parks = true},
	{.name = "child",
	 .setup = setup_child,
	 .threads = {worker0_child, worker1_child},
	 .finish = finish,
	 .tallies = wakes},
	{.name = "to-worker",
	 .setup = setup,
	 .threads = {worker0_own, worker1_one, push_own},
	 .finish = finish,
	 .tallies = wakes},
	{.name = "timed",
	 .setup = setup,
	 .threads = {find_timed, push},
	 .finish = finish,
	 .tallies = wakes},
	{.name = "all",
	 .setup = setup_message,
	 .threads = {worker0_after_message, ask},
	 .finish = finish_message},
	{.name = "one-asleep",
	 .setup = setup_message,
	 .threads = {worker0_after_message, ask_of_one},
	 .finish = finish_message},
	{.name = "woken-sees",
	 .setup = setup_message,
	 .threads = {worker0_is_woken, push_to_sleeper},
	 .finish = finish_message},
	{.name = "chosen-sees",
	 .setup = setup_message,
	 .threads = {worker0_is_chosen, push_message},
	 .finish = finish_message},
	{.name = "economy",
	 .setup = setup_sleeper,
	 .threads = {worker0_one, push},
	 .finish = finish_economy},
	{.name = "full",
	 .setup = setup_full,
	 .threads = {worker0_full, push_roomy_and_own},
	 .finish = finish_full},
	{.name = "full-found",
	 .setup = setup_full_found,
	 .threads = {worker0_full, worker1_roomy, push_roomy},
	 .finish = finish_roomy,
	 .tallies = wakes},
	{.name = "was-full",
	 .setup = setup_was_full,
	 .threads = {worker1_roomy, push_roomy},
	 .finish = finish_roomy,
	 .tallies = wakes},
	{.name = "full-economy",
	 .setup = setup_full_sleeper,
	 .threads = {push_roomy},
	 .finish = finish_full_sleeper},
	{.name = "retired",
	 .setup = setup,
	 .threads = {surplus_retired, worker0_and_push, push},
	 .finish = finish_surplus,
	 .tallies = wakes},
	{.name = "surplus",
	 .setup = setup_surplus,
	 .threads = {surplus_one, push},
	 .finish = finish_surplus,
	 .tallies = wakes},
	{.name = "surplus-rest",
	 .setup = setup_surplus_sleeper,
	 .threads = {push},
	 .finish = finish_surplus_sleeper},
	{.name = "guard",
	 .setup = setup_guard,
	 .threads = {guard_one, push},
	 .finish = finish_guard},
	{.name = "guard-twice",
	 .setup = setup_guard,
	 .threads = {guard_two, push, push},
	 .finish = finish_guard},
	{.name = "guard-left",
	 .setup = setup_left,
	 .threads = {worker0_leaves, guard_one, push_two_and_say},
	 .finish = finish_guard},
	{.name = "guard-rely",
	 .setup = setup_left,
	 .threads = {worker0_until_disarmed, guard_relies},
	 .finish = finish_rely},
	{.name = "guard-first",
	 .setup = setup_first,
	 .threads = {push, push},
	 .finish = finish_first},
	{.name = "searcher",
	 .setup = setup_searcher,
	 .threads = {worker0_searches, push_beside_searcher},
	 .finish = finish_searcher},
	{.name = "stepped",
	 .setup = setup_stepped,
	 .threads = {step, push},
	 .finish = finish_stepped,
	 .tallies = wakes},
	{.name = "stepped-again",
	 .setup = setup_dozes,
	 .threads = {host_steps_for_two, push_two},
	 .finish = finish_all_stepped,
	 .tallies = wakes},
	{.name = "stepped-two",
	 .setup = setup_dozes,
	 .threads = {host_steps_for_two, push, push},
	 .finish = finish_all_stepped,
	 .tallies = wakes},
	{.name = "stepped-sees",
	 .setup = setup_dozes,
	 .threads = {host_sees, push_message},
	 .finish = finish_seen,
	 .tallies = wakes},
	{.name = "slow-host",
	 .setup = setup_slow_host,
	 .threads = {worker0_two, push_two},
	 .finish = finish_slow_host,
	 .tallies = wakes},
};

MC_MAIN(scenarios)
