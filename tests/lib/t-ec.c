/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests of lib/ec.c: keys and notifications, deadlines, sleepers that are woken one by
 * one, by number, all.
 */
#include "waiting.h"

#define SLEEPERS 4

static void case_zero_is_valid(void **state)
{
	struct pawl_ec made, zero = {{0}, {0}}, initialised = PAWL_EC_INIT;

	(void)state;
	pawl_ec_init(&made);
	pawl_ec_notify(&zero, 1);
	pawl_ec_notify_all(&initialised);
	pawl_ec_notify(&made, UINT32_MAX);
	assert_false(pawl_ec_wait_until(&zero, pawl_ec_prepare(&zero), 0));
	assert_false(pawl_ec_wait_until(&initialised, pawl_ec_prepare(&initialised), 0));
	assert_false(pawl_ec_wait_until(&made, pawl_ec_prepare(&made), 0));
}

static void case_notified_after_prepare(void **state)
{
	struct pawl_ec ec = PAWL_EC_INIT;
	pawl_ec_key_t key;

	(void)state;
	key = pawl_ec_prepare(&ec);
	pawl_ec_notify(&ec, 1);
	pawl_ec_wait(&ec, key);
	t_step();

	key = pawl_ec_prepare(&ec);
	pawl_ec_notify_all(&ec);
	pawl_ec_wait(&ec, key);
	t_step();

	key = pawl_ec_prepare(&ec);
	for (unsigned i = 0; i < 10; i++)
		pawl_ec_notify(&ec, 3);
	assert_true(pawl_ec_wait_until(&ec, key, 0));

	key = pawl_ec_prepare(&ec);
	pawl_ec_notify(&ec, 1);
	assert_true(pawl_ec_wait_until(&ec, key, 1));

	key = pawl_ec_prepare(&ec);
	pawl_ec_notify(&ec, 1);
	assert_true(pawl_ec_wait_until(&ec, key, PAWL_FOREVER));
}

static void case_notified_before_prepare(void **state)
{
	struct pawl_ec ec = PAWL_EC_INIT;
	pawl_ec_key_t key;

	(void)state;
	pawl_ec_notify(&ec, 1);
	pawl_ec_notify_all(&ec);
	key = pawl_ec_prepare(&ec);
	assert_false(pawl_ec_wait_until(&ec, key, 0));
	/* Nor does one that another prepare of the same thread took count for the next. */
	key = pawl_ec_prepare(&ec);
	pawl_ec_notify(&ec, 1);
	pawl_ec_wait(&ec, key);
	key = pawl_ec_prepare(&ec);
	assert_false(pawl_ec_wait_until(&ec, key, 0));
}

static void case_cancel(void **state)
{
	struct pawl_ec ec = PAWL_EC_INIT;
	pawl_ec_key_t key;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		(void)!pawl_ec_prepare(&ec);
		pawl_ec_cancel(&ec);
	}
	assert_int_equal(pawl_load_relaxed(&ec.pawl_waiters), 0);
	/* One that is prepared twice over is not confused by the cancel of the other. */
	key = pawl_ec_prepare(&ec);
	(void)!pawl_ec_prepare(&ec);
	pawl_ec_cancel(&ec);
	pawl_ec_notify(&ec, 1);
	assert_true(pawl_ec_wait_until(&ec, key, 0));
	assert_int_equal(pawl_load_relaxed(&ec.pawl_waiters), 0);
}

static void case_every_end_counts_out(void **state)
{
	struct pawl_ec ec = PAWL_EC_INIT;
	pawl_ec_key_t key;

	(void)state;
	key = pawl_ec_prepare(&ec);
	assert_false(pawl_ec_wait_until(&ec, key, 0));
	key = pawl_ec_prepare(&ec);
	assert_false(pawl_ec_wait_until(&ec, key, pawl_deadline_in(1000)));
	key = pawl_ec_prepare(&ec);
	pawl_ec_notify(&ec, 1);
	assert_true(pawl_ec_wait_until(&ec, key, 0));
	assert_int_equal(pawl_load_relaxed(&ec.pawl_waiters), 0);
}

static void case_epoch_wraps(void **state)
{
	struct pawl_ec ec = PAWL_EC_INIT;
	pawl_ec_key_t key;

	(void)state;
	pawl_store_relaxed(&ec.pawl_epoch, UINT32_MAX);
	key = pawl_ec_prepare(&ec);
	pawl_ec_notify(&ec, 1);
	assert_true(pawl_ec_wait_until(&ec, key, 0));
	key = pawl_ec_prepare(&ec);
	assert_false(pawl_ec_wait_until(&ec, key, 0));
}

static void case_deadlines(void **state)
{
	struct pawl_ec ec = PAWL_EC_INIT;

	(void)state;
	assert_false(pawl_ec_wait_until(&ec, pawl_ec_prepare(&ec), 1));
	assert_false(pawl_ec_wait_until(&ec, pawl_ec_prepare(&ec), pawl_now_ns()));
	for (uint64_t ns = 1; ns <= 3000000; ns *= 7) {
		uint64_t deadline = pawl_deadline_in(ns);

		assert_false(pawl_ec_wait_until(&ec, pawl_ec_prepare(&ec), deadline));
		assert_true(pawl_now_ns() >= deadline);
		t_step();
	}
}

static void case_two_counts_at_once(void **state)
{
	struct pawl_ec a = PAWL_EC_INIT, b = PAWL_EC_INIT;
	pawl_ec_key_t key_a = pawl_ec_prepare(&a), key_b = pawl_ec_prepare(&b);

	(void)state;
	pawl_ec_notify(&b, 1);
	assert_true(pawl_ec_wait_until(&b, key_b, 0));
	assert_false(pawl_ec_wait_until(&a, key_a, 0));
}

/* ---- sleepers ---------------------------------------------------------- */

struct place {
	struct pawl_ec ec;
	struct pawl_atomic_u32 work, taken, prepared;
	uint64_t deadline_ns;
	uint64_t data;
};

static bool take(struct place *place)
{
	uint32_t seen = pawl_load_relaxed(&place->work);

	while (seen)
		if (pawl_cas_relaxed(&place->work, &seen, seen - 1))
			return true;
	return false;
}

static void take_one(void *arg)
{
	struct place *place = arg;

	for (;;) {
		pawl_ec_key_t key = pawl_ec_prepare(&place->ec);

		if (take(place)) {
			pawl_ec_cancel(&place->ec);
			break;
		}
		pawl_add_release(&place->prepared, 1u);
		if (place->deadline_ns)
			(void)pawl_ec_wait_until(&place->ec, key, place->deadline_ns);
		else
			pawl_ec_wait(&place->ec, key);
	}
	pawl_add_release(&place->taken, 1u);
	t_step();
}

static void start_sleepers(struct place *place, struct t_thread **threads)
{
	for (unsigned i = 0; i < SLEEPERS; i++)
		threads[i] = t_thread_start(take_one, place);
	await(pawl_load_acquire(&place->prepared) >= SLEEPERS);
}

static void join_sleepers(struct place *place, struct t_thread **threads)
{
	for (unsigned i = 0; i < SLEEPERS; i++)
		t_thread_join(threads[i]);
	assert_int_equal(pawl_load_relaxed(&place->work), 0);
	assert_int_equal(pawl_load_relaxed(&place->ec.pawl_waiters), 0);
}

static void case_wake_one_by_one(void **state)
{
	struct t_thread *threads[SLEEPERS];
	struct place place = {.ec = PAWL_EC_INIT};

	(void)state;
	start_sleepers(&place, threads);
	for (unsigned i = 0; i < SLEEPERS; i++) {
		pawl_add_relaxed(&place.work, 1u);
		pawl_ec_notify(&place.ec, 1);
		await_word(&place.taken, i + 1);
	}
	join_sleepers(&place, threads);
}

static void case_wake_one_by_one_in_a_rush(void **state)
{
	(void)state;
	for (unsigned round = t_scaled(100); round; round--) {
		struct t_thread *threads[SLEEPERS];
		struct place place = {.ec = PAWL_EC_INIT};

		start_sleepers(&place, threads);
		for (unsigned i = 0; i < SLEEPERS; i++) {
			pawl_add_relaxed(&place.work, 1u);
			pawl_ec_notify(&place.ec, 1);
		}
		join_sleepers(&place, threads);
	}
}

static void case_wake_by_number(void **state)
{
	const unsigned numbers[] = {SLEEPERS, SLEEPERS + 1, INT32_MAX, UINT32_MAX};

	(void)state;
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct t_thread *threads[SLEEPERS];
		struct place place = {.ec = PAWL_EC_INIT};

		start_sleepers(&place, threads);
		pawl_add_relaxed(&place.work, SLEEPERS);
		pawl_ec_notify(&place.ec, numbers[i]);
		join_sleepers(&place, threads);
	}
}

static void case_wake_all(void **state)
{
	struct t_thread *threads[SLEEPERS];
	struct place place = {.ec = PAWL_EC_INIT};

	(void)state;
	start_sleepers(&place, threads);
	pawl_add_relaxed(&place.work, SLEEPERS);
	pawl_ec_notify_all(&place.ec);
	join_sleepers(&place, threads);
}

/* Deadlines that never come do not end a wait, and it can be woken. */
static void case_far_deadlines(void **state)
{
	const uint64_t deadlines[] = {
		pawl_deadline_in(UINT64_C(3600) * 1000000000u),
		INT64_MAX,
		(uint64_t)INT64_MAX + 1,
		PAWL_FOREVER - 1,
		PAWL_FOREVER,
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++) {
		struct t_thread *threads[SLEEPERS];
		struct place place = {.ec = PAWL_EC_INIT, .deadline_ns = deadlines[i]};

		start_sleepers(&place, threads);
		assert_int_equal(pawl_load_acquire(&place.taken), 0);
		pawl_add_relaxed(&place.work, SLEEPERS);
		pawl_ec_notify_all(&place.ec);
		join_sleepers(&place, threads);
	}
}

static void notify_bare(void *arg)
{
	struct place *place = arg;

	t_check(!pawl_thread_attached());
	pawl_add_relaxed(&place->work, 1u);
	pawl_ec_notify(&place->ec, 1);
	pawl_add_relaxed(&place->work, SLEEPERS - 1);
	pawl_ec_notify_all(&place->ec);
}

static void case_notifier_need_not_be_attached(void **state)
{
	struct t_thread *threads[SLEEPERS];
	struct place place = {.ec = PAWL_EC_INIT};

	(void)state;
	start_sleepers(&place, threads);
	t_thread_join(t_thread_start_bare(notify_bare, &place));
	join_sleepers(&place, threads);
}

static void case_notify_under_a_lock_and_in_a_section(void **state)
{
	struct pawl_lock lock = PAWL_LOCK_INIT;
	struct t_thread *threads[SLEEPERS];
	struct place place = {.ec = PAWL_EC_INIT};

	(void)state;
	start_sleepers(&place, threads);
	pawl_add_relaxed(&place.work, SLEEPERS);
	pawl_rcu_begin();
	pawl_lock_lock(&lock);
	pawl_ec_notify_all(&place.ec);
	pawl_lock_unlock(&lock);
	pawl_rcu_end();
	join_sleepers(&place, threads);
}

/* An event count sleeps as the thread, whatever runs on it, and takes no park token. */
static void case_sleeps_as_the_thread(void **state)
{
	struct pawl_ec ec = PAWL_EC_INIT;
	struct fake_waiter fake;

	(void)state;
	fake_init(&fake, 1);
	drain_tokens();
	pawl_unpark(pawl_waiter_self());
	pawl_waiter_set(&fake.base);
	assert_false(pawl_ec_wait_until(&ec, pawl_ec_prepare(&ec), pawl_deadline_in(1000000)));
	pawl_waiter_set(NULL);
	assert_int_equal(fake_parks(&fake), 0);
	assert_int_equal(drain_tokens(), 1);
	fake_fini(&fake);
}

/* ---- order, timeouts: many rounds -------------------------------------- */

struct rounds {
	struct pawl_ec ec;
	struct pawl_atomic_u32 turn;
	unsigned rounds;
	uint64_t data;
	unsigned timeouts;
};

static void wait_rounds(void *arg)
{
	struct rounds *rounds = arg;

	for (unsigned round = 1; round <= rounds->rounds; round++) {
		pawl_ec_key_t key = pawl_ec_prepare(&rounds->ec);

		pawl_store_release(&rounds->turn, round);
		/* One notification comes in each round, after the prepare. */
		if (round % 2)
			pawl_ec_wait(&rounds->ec, key);
		else if (!pawl_ec_wait_until(&rounds->ec, key,
					     pawl_deadline_in(t_random_below(60000)))) {
			rounds->timeouts++;
			await(word_is(&rounds->turn, UINT32_MAX - round));
		}
		t_check(rounds->data == round);
		t_step();
		pawl_store_release(&rounds->turn, 0u);
	}
}

static void case_data_comes_with_the_notification(void **state)
{
	struct rounds rounds = {.ec = PAWL_EC_INIT, .rounds = t_scaled(3000)};
	struct t_thread *thread = t_thread_start(wait_rounds, &rounds);

	(void)state;
	for (unsigned round = 1; round <= rounds.rounds; round++) {
		uint32_t expected = round;

		await_word(&rounds.turn, round);
		for (uint64_t spin = t_random_below(2000); spin; spin--)
			pawl_pause();
		rounds.data = round;
		pawl_ec_notify(&rounds.ec, 1);
		/* For the one that timed out. */
		(void)pawl_cas_release(&rounds.turn, &expected, UINT32_MAX - round);
	}
	t_thread_join(thread);
	print_message("# %u of %u timed waits timed out\n", rounds.timeouts, rounds.rounds / 2);
}

/* Producers and consumers: every item wakes one, nobody is left asleep. */
struct pipe {
	struct place place;
	unsigned each;
};

static void consume(void *arg)
{
	struct pipe *pipe = arg;

	for (unsigned i = 0; i < pipe->each; i++)
		take_one(&pipe->place);
}

static void produce(void *arg)
{
	struct pipe *pipe = arg;

	for (unsigned i = 0; i < pipe->each; i++) {
		pawl_add_relaxed(&pipe->place.work, 1u);
		pawl_ec_notify(&pipe->place.ec, 1);
		if (t_random_below(8) == 0)
			t_yield();
	}
}

static void case_producers_and_consumers(void **state)
{
	struct pipe pipe = {.place = {.ec = PAWL_EC_INIT}, .each = t_scaled(5000)};
	struct t_thread *threads[6];

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		threads[i] = t_thread_start(i < 3 ? consume : produce, &pipe);
	for (unsigned i = 0; i < 6; i++)
		t_thread_join(threads[i]);
	assert_int_equal(pawl_load_relaxed(&pipe.place.work), 0);
	assert_int_equal(pawl_load_relaxed(&pipe.place.taken), 3 * pipe.each);
	assert_int_equal(pawl_load_relaxed(&pipe.place.ec.pawl_waiters), 0);
}

/* ---- contracts --------------------------------------------------------- */

static void wait_unattached(void *arg)
{
	static struct pawl_ec ec;
	pawl_ec_key_t key = pawl_ec_prepare(&ec);

	(void)arg;
	(void)pawl_ec_wait_until(&ec, key, 0);
}

static void case_unattached_aborts(void **state)
{
	(void)state;
	pawl_thread_detach();
	assert_true(t_aborts(wait_unattached, NULL, "attached"));
}

#ifdef PAWL_DEBUG
static void wait_in_section(void *arg)
{
	static struct pawl_ec ec;
	pawl_ec_key_t key = pawl_ec_prepare(&ec);

	(void)arg;
	pawl_rcu_begin();
	(void)pawl_ec_wait_until(&ec, key, 0);
}

static void wait_with_lock(void *arg)
{
	static struct pawl_ec ec;
	struct pawl_lock lock = PAWL_LOCK_INIT;
	pawl_ec_key_t key = pawl_ec_prepare(&ec);

	(void)arg;
	pawl_lock_lock(&lock);
	(void)pawl_ec_wait_until(&ec, key, 0);
}
#endif

static void case_debug_checks(void **state)
{
	(void)state;
#ifdef PAWL_DEBUG
	assert_true(t_aborts(wait_in_section, NULL, "section"));
	assert_true(t_aborts(wait_with_lock, NULL, "lock"));
#else
	skip();
#endif
}

static int oom_ec(void)
{
	struct pawl_ec ec = PAWL_EC_INIT;
	pawl_ec_key_t key;
	int err = pawl_thread_attach("oom");

	if (err) {
		t_check(!pawl_thread_attached());
		return err;
	}
	key = pawl_ec_prepare(&ec);
	pawl_ec_notify(&ec, 1);
	pawl_ec_wait(&ec, key);
	t_check(!pawl_ec_wait_until(&ec, pawl_ec_prepare(&ec), pawl_deadline_in(1000)));
	pawl_thread_detach();
	return 0;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_zero_is_valid),
		cmocka_unit_test(case_notified_after_prepare),
		cmocka_unit_test(case_notified_before_prepare),
		cmocka_unit_test(case_cancel),
		cmocka_unit_test(case_every_end_counts_out),
		cmocka_unit_test(case_epoch_wraps),
		cmocka_unit_test(case_deadlines),
		cmocka_unit_test(case_two_counts_at_once),
		cmocka_unit_test(case_wake_one_by_one),
		cmocka_unit_test(case_wake_one_by_one_in_a_rush),
		cmocka_unit_test(case_wake_by_number),
		cmocka_unit_test(case_wake_all),
		cmocka_unit_test(case_far_deadlines),
		cmocka_unit_test(case_notifier_need_not_be_attached),
		cmocka_unit_test(case_notify_under_a_lock_and_in_a_section),
		cmocka_unit_test(case_sleeps_as_the_thread),
		cmocka_unit_test(case_data_comes_with_the_notification),
		cmocka_unit_test(case_producers_and_consumers),
		cmocka_unit_test(case_unattached_aborts),
		cmocka_unit_test(case_debug_checks),
		T_OOM(oom_ec),
	};

	return t_run("ec", cases);
}
