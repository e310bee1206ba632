/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/ec.c. Work is a count; looks at it are relaxed, so that only the event
 * count itself orders anything. Without a deadline a lost wake-up is a deadlock.
 *
 *  1w1n, 1w1n-twice     one sleeper, one waker, one item and two
 *  spin                 the sleeper looks twice before it sleeps
 *  2w1n-one, -n, -all   two sleepers; woken one by one, by one notify(2), by notify_all
 *  1w2n                 one sleeper who needs both wakers' items
 *  both                 each thread wakes the other and sleeps for it
 *  chain                a sleeper that is woken wakes the next
 *  cancel-notify        one that cancels does not swallow the wake-up of one that sleeps
 *  cancel-alone         notify beside prepare, cancel, prepare, cancel
 *  timeout-notify       true from a timed wait: a notification came, its plain data is seen
 *  timeout-leaves       one that leaves by its deadline takes no wake-up with it
 *  wait-data            after an untimed wait that was not for nothing, plain data is seen
 *  bare-notify          the waker is not attached
 *  free                 the last of two that wait frees the event count
 */
#include "scenario.h"

static struct pawl_ec ec;
static struct pawl_atomic_u32 work, left;
static unsigned data;

struct heap_ec {
	struct pawl_ec ec;
	struct pawl_atomic_u32 go;
};
static struct heap_ec *heap_ec;

static void setup(void)
{
	pawl_ec_init(&ec);
	pawl_init_word(&work, 0u);
	pawl_init_word(&left, 0u);
	data = 0;
}

/* No prepare was left without its end: a notification finds nobody and costs no system call. */
static void finish(void)
{
	mc_assert(pawl_load_relaxed(&ec.pawl_waiters) == 0);
	mc_assert(pawl_load_relaxed(&work) == 0);
}

static bool take(void)
{
	uint32_t seen = pawl_load_relaxed(&work);

	while (seen)
		if (pawl_cas_relaxed(&work, &seen, seen - 1))
			return true;
	return false;
}

static void sleeper(void)
{
	for (;;) {
		pawl_ec_key_t key = pawl_ec_prepare(&ec);

		if (take()) {
			pawl_ec_cancel(&ec);
			return;
		}
		pawl_ec_wait(&ec, key);
	}
}

static void sleeper_twice(void)
{
	sleeper();
	sleeper();
}

static void put_one(void)
{
	pawl_add_relaxed(&work, 1u);
	pawl_ec_notify(&ec, 1);
}

static void put_two_one_by_one(void)
{
	put_one();
	put_one();
}

/* ---- 2w1n-one: sleepers who take nothing away, so that only the event count is explored ---- */

static void looker(void)
{
	for (;;) {
		pawl_ec_key_t key = pawl_ec_prepare(&ec);

		if (pawl_load_relaxed(&left)) {
			pawl_ec_cancel(&ec);
			return;
		}
		pawl_ec_wait(&ec, key);
	}
}

static void let_go_one_by_one(void)
{
	pawl_store_relaxed(&left, 1u);
	pawl_ec_notify(&ec, 1);
	pawl_ec_notify(&ec, 1);
}

static void put_two_notify_n(void)
{
	pawl_add_relaxed(&work, 2u);
	pawl_ec_notify(&ec, 2);
}

static void put_two_notify_all(void)
{
	pawl_add_relaxed(&work, 2u);
	pawl_ec_notify_all(&ec);
}

/* ---- both -------------------------------------------------------------- */

static void put_then_take(void)
{
	put_one();
	sleeper();
}

/* ---- chain ------------------------------------------------------------- */

/* Two items, one wake-up: whoever takes one and sees more wakes the next. */
static void chain_sleeper(void)
{
	sleeper();
	if (pawl_load_relaxed(&work))
		pawl_ec_notify(&ec, 1);
}

static void chain_waker(void)
{
	pawl_add_relaxed(&work, 2u);
	pawl_ec_notify(&ec, 1);
}

/* ---- cancel ------------------------------------------------------------ */

static void canceller(void)
{
	(void)!pawl_ec_prepare(&ec);
	pawl_ec_cancel(&ec);
}

static void canceller_twice(void)
{
	canceller();
	canceller();
}

static void notify_twice(void)
{
	pawl_ec_notify(&ec, 1);
	pawl_ec_notify_all(&ec);
}

/* ---- timeouts ---------------------------------------------------------- */

static void timed_sleeper(void)
{
	pawl_ec_key_t key = pawl_ec_prepare(&ec);

	if (pawl_ec_wait_until(&ec, key, mc_deadline()))
		mc_assert(data == 7);
}

static void data_waker(void)
{
	data = 7;
	pawl_ec_notify(&ec, 1);
}

/* Takes an item if it was woken or finds one at its deadline; else leaves. */
static void impatient_sleeper(void)
{
	pawl_ec_key_t key = pawl_ec_prepare(&ec);

	if (take()) {
		pawl_ec_cancel(&ec);
	} else {
		(void)pawl_ec_wait_until(&ec, key, mc_deadline());
		if (!take())
			return;
	}
	pawl_add_relaxed(&left, 1u);
}

static void finish_impatient(void)
{
	mc_assert(pawl_load_relaxed(&ec.pawl_waiters) == 0);
	mc_assert(pawl_load_relaxed(&work) + pawl_load_relaxed(&left) == 1);
}

/* ---- wait-data --------------------------------------------------------- */

static void data_sleeper(void)
{
	for (;;) {
		pawl_ec_key_t key = pawl_ec_prepare(&ec);

		if (take()) {
			pawl_ec_cancel(&ec);
			return;
		}
		pawl_ec_wait(&ec, key);
		/* There is one notification, and this wait came back by it. */
		mc_assert(data == 7);
	}
}

static void data_putter(void)
{
	data = 7;
	put_one();
}

/* ---- bare-notify ------------------------------------------------------- */

static void attached_sleeper(void)
{
	scn_attach();
	sleeper();
	pawl_thread_detach();
}

/* ---- free -------------------------------------------------------------- */

/*
 * Contract of every primitive: it may go when no call on it is running. The sleepers count
 * themselves out; the waker's call is over when it says so.
 */
static void setup_free(void)
{
	setup();
	heap_ec = scn_alloc(sizeof(*heap_ec));
	pawl_ec_init(&heap_ec->ec);
	pawl_init_word(&heap_ec->go, 0u);
}

static void heap_ec_leave(void)
{
	if (pawl_add_acq_rel(&left, 1u) == 2)
		pawl_mem_free(heap_ec, sizeof(*heap_ec), 0);
}

static void heap_sleeper(void)
{
	while (!pawl_load_relaxed(&heap_ec->go)) {
		pawl_ec_key_t key = pawl_ec_prepare(&heap_ec->ec);

		if (pawl_load_relaxed(&heap_ec->go)) {
			pawl_ec_cancel(&heap_ec->ec);
			break;
		}
		pawl_ec_wait(&heap_ec->ec, key);
	}
	heap_ec_leave();
}

static void heap_waker(void)
{
	pawl_store_relaxed(&heap_ec->go, 1u);
	pawl_ec_notify_all(&heap_ec->ec);
	heap_ec_leave();
}

static const struct mc_scenario scenarios[] = {
	{.name = "1w1n", .setup = setup, .threads = {sleeper, put_one}, .finish = finish},
	{.name = "spin",
	 .setup = setup,
	 .threads = {sleeper, put_one},
	 .finish = finish,
	 .spin_turns = 2},
	{.name = "1w1n-twice",
	 .setup = setup,
	 .threads = {sleeper_twice, put_two_one_by_one},
	 .finish = finish},
	{.name = "2w1n-one",
	 .setup = setup,
	 .threads = {looker, looker, let_go_one_by_one},
	 .finish = finish},
	{.name = "2w1n-n",
	 .setup = setup,
	 .threads = {sleeper, sleeper, put_two_notify_n},
	 .finish = finish},
	{.name = "2w1n-all",
	 .setup = setup,
	 .threads = {sleeper, sleeper, put_two_notify_all},
	 .finish = finish},
	{.name = "1w2n",
	 .setup = setup,
	 .threads = {sleeper_twice, put_one, put_one},
	 .finish = finish},
	{.name = "both",
	 .setup = setup,
	 .threads = {put_then_take, put_then_take},
	 .finish = finish},
	{.name = "chain",
	 .setup = setup,
	 .threads = {chain_sleeper, chain_sleeper, chain_waker},
	 .finish = finish},
	{.name = "cancel-notify",
	 .setup = setup,
	 .threads = {canceller, sleeper, put_one},
	 .finish = finish},
	{.name = "cancel-alone",
	 .setup = setup,
	 .threads = {canceller_twice, notify_twice},
	 .finish = finish},
	{.name = "timeout-notify",
	 .setup = setup,
	 .threads = {timed_sleeper, data_waker},
	 .finish = finish},
	{.name = "timeout-leaves",
	 .setup = setup,
	 .threads = {impatient_sleeper, sleeper, put_two_one_by_one},
	 .finish = finish_impatient},
	{.name = "wait-data",
	 .setup = setup,
	 .threads = {data_sleeper, data_putter},
	 .finish = finish},
	{.name = "bare-notify",
	 .setup = setup,
	 .threads = {attached_sleeper, put_one},
	 .finish = finish,
	 .bare = true,
	 .native_divisor = 4},
	{.name = "free",
	 .setup = setup_free,
	 .threads = {heap_sleeper, heap_sleeper, heap_waker}},
};
MC_MAIN(scenarios)
