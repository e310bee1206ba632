/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests of lib/event.c with threads: who waits, who leaves, whose memory goes, and where it may be called.
 */
#include "listeners.h"

#include <errno.h>

/* ---- threads that wait ------------------------------------------------- */

static void case_threads_wake_in_order(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct sleeper s[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		sleeper_start(&s[i], &event, i, PAWL_FOREVER, NULL);
	await_asleep(&event, 4);
	for (unsigned i = 0; i < 4; i++) {
		pawl_event_notify(&event, 1);
		await_word(&s[i].returned, 1);
		for (unsigned n = i + 1; n < 4; n++)
			assert_int_equal(pawl_load_acquire(&s[n].returned), 0);
		t_thread_join(s[i].thread);
		assert_int_equal(s[i].ret, 0);
	}
	assert_as_new(&event);
}

static void case_threads_all(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct sleeper s[4];

	(void)state;
	for (unsigned round = t_scaled(50); round; round--) {
		for (unsigned i = 0; i < 4; i++)
			sleeper_start(&s[i], &event, i, PAWL_FOREVER, NULL);
		pawl_event_notify_all(&event);
		for (unsigned i = 0; i < 4; i++) {
			t_thread_join(s[i].thread);
			assert_int_equal(s[i].ret, 0);
		}
		assert_as_new(&event);
	}
}

static void case_far_deadlines(void **state)
{
	const uint64_t deadlines[] = {pawl_deadline_in(UINT64_C(3600) * 1000000000u), INT64_MAX,
				      (uint64_t)INT64_MAX + 1, PAWL_FOREVER - 1};

	(void)state;
	for (unsigned i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++) {
		struct pawl_event event = PAWL_EVENT_INIT;
		struct sleeper sleeper;

		sleeper_start(&sleeper, &event, 0, deadlines[i], NULL);
		await_asleep(&event, 1);
		pawl_event_notify(&event, 1);
		t_thread_join(sleeper.thread);
		assert_int_equal(sleeper.ret, 0);
	}
}

/* ---- many rounds ------------------------------------------------------- */

/*
 * Three waiters with deadlines that are over soon, one that is last in line and comes to look
 * afterwards, one notification: exactly one of the four has it.
 */
static void case_exactly_one_winner(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	unsigned timeouts = 0, rounds = t_scaled(1000);

	(void)state;
	for (unsigned round = 0; round < rounds; round++) {
		struct pawl_listener last;
		struct sleeper s[3];
		unsigned winners;

		for (unsigned i = 0; i < 3; i++)
			sleeper_start(&s[i], &event, i,
				      pawl_deadline_in(20000 + t_random_below(100000)), NULL);
		pawl_event_listen(&event, &last, "last", 3);
		for (uint64_t spin = t_random_below(3000); spin; spin--)
			pawl_pause();
		if (round & 1)
			pawl_event_notify(&event, 1);
		else
			pawl_event_notify_more(&event, 1);
		for (unsigned i = 0; i < 3; i++)
			t_thread_join(s[i].thread);
		winners = comes_back(&last);
		for (unsigned i = 0; i < 3; i++) {
			assert_true(s[i].ret == 0 || s[i].ret == -ETIMEDOUT);
			winners += s[i].ret == 0;
			timeouts += s[i].ret != 0;
		}
		assert_int_equal(winners, 1);
		t_step();
	}
	assert_as_new(&event);
	print_message("# %u of %u timed out\n", timeouts, 3 * rounds);
}

/* The same on threads that stay, so that the two race more closely. */
struct race {
	struct pawl_event event;
	struct t_barrier *barrier;
	unsigned rounds;
	unsigned drops; /* the racer drops instead of timing out */
	struct pawl_atomic_u32 wins;
};

static void race_wait(void *arg)
{
	struct race *race = arg;

	for (unsigned round = 0; round < race->rounds; round++) {
		struct pawl_listener listener;

		pawl_event_listen(&race->event, &listener, "racing", round);
		t_barrier_wait(race->barrier);
		if (race->drops) {
			for (uint64_t spin = t_random_below(200); spin; spin--)
				pawl_pause();
			/* What it had goes to the one behind it. */
			pawl_event_unlisten(&listener);
		} else if (!pawl_event_wait_until(&listener,
						  pawl_deadline_in(t_random_below(20000)))) {
			pawl_add_release(&race->wins, 1u);
		}
		memset(&listener, 0xa5, sizeof(listener));
		t_barrier_wait(race->barrier);
		t_step();
	}
}

static void race_run(unsigned drops)
{
	struct race race = {.event = PAWL_EVENT_INIT, .rounds = t_scaled(3000), .drops = drops};
	struct t_thread *threads[2];
	unsigned last_wins = 0;

	race.barrier = t_barrier_make(3);
	for (unsigned i = 0; i < 2; i++)
		threads[i] = t_thread_start(race_wait, &race);
	for (unsigned round = 0; round < race.rounds; round++) {
		unsigned before = pawl_load_acquire(&race.wins);
		struct pawl_listener last;

		t_barrier_wait(race.barrier);
		pawl_event_listen(&race.event, &last, "last", round);
		for (uint64_t spin = t_random_below(200); spin; spin--)
			pawl_pause();
		if (round & 1)
			pawl_event_notify(&race.event, 1);
		else
			pawl_event_notify_more(&race.event, 1);
		t_barrier_wait(race.barrier);
		if (comes_back(&last))
			last_wins++;
		else
			assert_int_equal(pawl_load_acquire(&race.wins), before + 1);
	}
	for (unsigned i = 0; i < 2; i++)
		t_thread_join(threads[i]);
	t_barrier_drop(race.barrier);
	assert_int_equal(pawl_load_acquire(&race.wins) + last_wins, race.rounds);
	assert_as_new(&race.event);
}

static void case_timeouts_race(void **state)
{
	(void)state;
	race_run(false);
}

/*
 * A listener that drops out never keeps the notification: here it goes to the last one, who
 * is behind both or, when he comes after the notification, next in line.
 */
static void case_drops_race(void **state)
{
	(void)state;
	race_run(true);
}

/* Three waiters, a new condition each round, all calls: nobody is forgotten. */
struct flags {
	struct pawl_event event;
	struct pawl_atomic_u32 given, rounds_left;
	unsigned rounds;
};

static void wait_for_turns(void *arg)
{
	struct flags *flags = arg;

	for (unsigned round = 1; round <= flags->rounds; round++) {
		while (pawl_load_relaxed(&flags->given) < round) {
			struct pawl_listener listener;

			pawl_event_listen(&flags->event, &listener, "turn", round);
			if (pawl_load_relaxed(&flags->given) >= round)
				pawl_event_unlisten(&listener);
			else
				pawl_event_wait(&listener);
			memset(&listener, 0xa5, sizeof(listener));
		}
		t_step();
		pawl_add_release(&flags->rounds_left, 1u);
	}
}

static void case_turns(void **state)
{
	struct flags flags = {.event = PAWL_EVENT_INIT, .rounds = t_scaled(3000)};
	struct t_thread *threads[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		threads[i] = t_thread_start(wait_for_turns, &flags);
	for (unsigned round = 1; round <= flags.rounds; round++) {
		pawl_add_relaxed(&flags.given, 1u);
		switch (round % 3) {
		case 0:
			pawl_event_notify(&flags.event, 3);
			break;
		case 1:
			pawl_event_notify_more(&flags.event, 3);
			break;
		case 2:
			pawl_event_notify_all(&flags.event);
			break;
		}
		await(pawl_load_acquire(&flags.rounds_left) >= 3 * (round - round % 4));
	}
	for (unsigned i = 0; i < 3; i++)
		t_thread_join(threads[i]);
	assert_as_new(&flags.event);
}

/* ---- lifetimes --------------------------------------------------------- */

/* The event is on the waiter's stack and is gone when the wait returned. */
struct stack_race {
	struct pawl_atomic_ptr event;
	unsigned rounds, how;
};

static void wait_on_own_event(void *arg)
{
	struct stack_race *race = arg;

	for (unsigned round = 0; round < race->rounds; round++) {
		struct {
			struct pawl_event event;
			struct pawl_listener listener;
		} frame = {.event = PAWL_EVENT_INIT};

		pawl_event_listen(&frame.event, &frame.listener, "own", round);
		pawl_store_release(&race->event, &frame.event);
		if (round & 1)
			pawl_event_wait(&frame.listener);
		else
			t_check(!pawl_event_wait_until(&frame.listener, PAWL_FOREVER - 1));
		memset(&frame, 0xa5, sizeof(frame));
		t_step();
	}
}

static void case_event_on_the_waiters_stack(void **state)
{
	struct stack_race race = {.rounds = t_scaled(10000)};
	struct t_thread *thread = t_thread_start(wait_on_own_event, &race);

	(void)state;
	for (unsigned round = 0; round < race.rounds; round++) {
		struct pawl_event *event;

		await((event = pawl_load_acquire(&race.event)));
		pawl_store_relaxed(&race.event, NULL);
		switch (round % 3) {
		case 0:
			pawl_event_notify(event, 1);
			break;
		case 1:
			pawl_event_notify_more(event, 1);
			break;
		case 2:
			pawl_event_notify_all(event);
			break;
		}
	}
	t_thread_join(thread);
}

/* The notifier frees the event as soon as notify_all returned. */
static void case_event_freed_by_the_notifier(void **state)
{
	(void)state;
	for (unsigned round = t_scaled(300); round; round--) {
		struct pawl_event *event = pawl_mem_zalloc(sizeof(*event), 0);
		struct sleeper s[3];

		assert_non_null(event);
		pawl_event_init(event);
		for (unsigned i = 0; i < 3; i++)
			sleeper_start(&s[i], event, i, PAWL_FOREVER, NULL);
		if (round & 1)
			await_asleep(event, 3);
		pawl_event_notify_all(event);
		memset(event, 0xa5, sizeof(*event));
		pawl_mem_free(event, sizeof(*event), 0);
		for (unsigned i = 0; i < 3; i++) {
			t_thread_join(s[i].thread);
			assert_int_equal(s[i].ret, 0);
		}
	}
}

/* Told by notify_all, a waiter looks at the event no more, even if it has yet to begin. */
static void case_all_then_gone(void **state)
{
	struct pawl_event *event = pawl_mem_zalloc(sizeof(*event), 0);
	struct pawl_listener l[2];

	(void)state;
	assert_non_null(event);
	pawl_event_init(event);
	listen_many(event, l, 2);
	pawl_event_notify_all(event);
	memset(event, 0xa5, sizeof(*event));
	pawl_mem_free(event, sizeof(*event), 0);
	pawl_event_wait(&l[0]);
	pawl_event_wait(&l[1]);
}

/* ---- other waiters ----------------------------------------------------- */

static void case_wait_goes_through_the_table(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	uint64_t deadline = pawl_deadline_in(UINT64_C(3600) * 1000000000u);
	struct fake_waiter fakes[2];
	struct sleeper s[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		fake_init(&fakes[i], 70 + i);
		fakes[i].spurious = 3 * i;
		sleeper_start(&s[i], &event, i, i ? deadline : PAWL_FOREVER, &fakes[i]);
		await(fake_asleep(&fakes[i]) == 1);
	}
	/* Parks for nothing were borne; the deadline is handed through. */
	assert_int_equal(fake_parks(&fakes[0]), 1);
	assert_int_equal(fake_parks(&fakes[1]), 4);
	assert_true(fakes[0].deadlines[0] == PAWL_FOREVER);
	assert_true(fakes[1].deadlines[3] == deadline);
	assert_int_equal(fake_unparks(&fakes[0]), 0);

	/* A token for something else ends no wait. */
	pawl_unpark(&fakes[0].base);
	await(fake_parks(&fakes[0]) == 2 && fake_asleep(&fakes[0]) == 1);

	pawl_event_notify(&event, 2);
	for (unsigned i = 0; i < 2; i++) {
		t_thread_join(s[i].thread);
		assert_int_equal(s[i].ret, 0);
		assert_int_equal(fake_unparks(&fakes[i]), 1 + !i);
		fake_fini(&fakes[i]);
	}
	assert_as_new(&event);
}

static void case_timeout_through_the_table(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct fake_waiter fake;
	struct sleeper sleeper;

	(void)state;
	fake_init(&fake, 7);
	sleeper_start(&sleeper, &event, 0, pawl_deadline_in(1000000), &fake);
	t_thread_join(sleeper.thread);
	assert_int_equal(sleeper.ret, -ETIMEDOUT);
	assert_int_equal(fake_unparks(&fake), 0);
	fake_fini(&fake);
	assert_as_new(&event);
}

/* The waiter is the one of listen(), whoever the notifier sleeps as. */
static void case_notified_by_a_thread_that_sleeps_as_another(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct fake_waiter mine, its;
	struct sleeper sleeper;

	(void)state;
	fake_init(&mine, 1);
	fake_init(&its, 2);
	sleeper_start(&sleeper, &event, 0, PAWL_FOREVER, &its);
	await(fake_asleep(&its) == 1);
	pawl_waiter_set(&mine.base);
	pawl_event_notify(&event, 1);
	pawl_waiter_set(NULL);
	t_thread_join(sleeper.thread);
	assert_int_equal(fake_unparks(&its), 1);
	assert_int_equal(fake_unparks(&mine) + fake_parks(&mine), 0);
	fake_fini(&mine);
	fake_fini(&its);
}

/* ---- where it may be called -------------------------------------------- */

static void case_notify_under_a_lock_and_in_a_section(void **state)
{
	struct pawl_event event;
	struct pawl_listener l[3];
	struct pawl_lock lock;

	(void)state;
	pawl_event_init(&event);
	pawl_lock_init(&lock, PAWL_LOCK_RANK_EVENT - 1);
	pawl_rcu_begin();
	pawl_lock_lock(&lock);
	listen_many(&event, l, 3);
	pawl_event_notify(&event, 1);
	assert_int_equal(pawl_event_waiters(&event, 0, NULL), 2);
	pawl_event_notify_more(&event, 1);
	pawl_event_notify_all(&event);
	assert_int_equal(pawl_event_describe(&event, NULL, 0), 0);
	pawl_lock_unlock(&lock);
	pawl_rcu_end();
	for (unsigned i = 0; i < 3; i++)
		assert_true(comes_back(&l[i]));
	assert_as_new(&event);
}

/*
 * A waiter whose unpark does not return until the test says so: it stops a notifier between
 * two of the listeners that it wakes. The second one has been chosen and not been told.
 */
struct slow_waiter {
	struct pawl_waiter base;
	struct pawl_atomic_u32 entered, go_on;
};

static bool slow_park(struct pawl_waiter *base, uint64_t deadline_ns)
{
	(void)base;
	(void)deadline_ns;
	return true;
}

static void slow_unpark(struct pawl_waiter *base)
{
	struct slow_waiter *slow = PAWL_CONTAINER_OF(base, struct slow_waiter, base);

	pawl_store_release(&slow->entered, 1u);
	await_word(&slow->go_on, 1);
}

static const struct pawl_waiter_ops slow_ops = {
	.park = slow_park,
	.unpark = slow_unpark,
	.kind = "slow",
};

struct stopped {
	struct pawl_event event;
	struct slow_waiter slow;
	struct pawl_listener first, chosen, next;
	struct t_thread *notifier;
};

static void notify_two(void *arg)
{
	struct stopped *stopped = arg;

	pawl_event_notify(&stopped->event, 2);
}

/* Afterwards `chosen` is neither in line nor told, and the notifier stands still. */
static void stop_notifier(struct stopped *stopped)
{
	*stopped = (struct stopped){
		.event = PAWL_EVENT_INIT,
		.slow = {.base = {.ops = &slow_ops, .number = 1}},
	};
	pawl_waiter_set(&stopped->slow.base);
	pawl_event_listen(&stopped->event, &stopped->first, "slow", 0);
	pawl_waiter_set(NULL);
	pawl_event_listen(&stopped->event, &stopped->chosen, "chosen", 1);
	pawl_event_listen(&stopped->event, &stopped->next, "next", 2);
	stopped->notifier = t_thread_start(notify_two, stopped);
	await_word(&stopped->slow.entered, 1);
	LINE(&stopped->event, 2);
}

static void let_notifier_go(struct stopped *stopped)
{
	pawl_store_release(&stopped->slow.go_on, 1u);
	t_thread_join(stopped->notifier);
}

/* Others who come to the event meanwhile are not held up: no lock is held while waking. */
static void case_waking_holds_nobody_up(void **state)
{
	struct pawl_listener another;
	struct stopped stopped;

	(void)state;
	stop_notifier(&stopped);
	pawl_event_listen(&stopped.event, &another, "another", 3);
	LINE(&stopped.event, 2, 3);
	/* Two are on their way. */
	pawl_event_notify(&stopped.event, 2);
	LINE(&stopped.event, 2, 3);
	pawl_event_notify(&stopped.event, 3);
	LINE(&stopped.event, 3);
	assert_true(comes_back(&stopped.next));
	assert_false(pawl_event_unlisten(&another));
	assert_true(comes_back(&stopped.first));
	let_notifier_go(&stopped);
	assert_true(comes_back(&stopped.chosen));
	assert_as_new(&stopped.event);
	drain_tokens();
}

static void go_on_later(void *arg)
{
	struct stopped *stopped = arg;

	for (unsigned n = 0; n < 1000; n++)
		t_yield();
	pawl_store_release(&stopped->slow.go_on, 1u);
}

/*
 * A listener that was chosen and not yet told: whoever drops it, or whose deadline is over,
 * waits for the notifier's word, so that the memory is his own afterwards.
 */
static void chosen_leaves(bool drops)
{
	struct stopped stopped;
	struct t_thread *thread;

	stop_notifier(&stopped);
	thread = t_thread_start(go_on_later, &stopped);
	if (drops)
		assert_true(pawl_event_unlisten(&stopped.chosen));
	else
		assert_int_equal(pawl_event_wait_until(&stopped.chosen, 1), 0);
	assert_true(word_is(&stopped.slow.go_on, 1));
	memset(&stopped.chosen, 0xa5, sizeof(stopped.chosen));
	t_thread_join(thread);
	let_notifier_go(&stopped);
	assert_true(comes_back(&stopped.first));
	/* What was dropped went to the next; what was accepted did not. */
	assert_int_equal(comes_back(&stopped.next), drops);
	assert_as_new(&stopped.event);
	drain_tokens();
}

static void case_unlisten_meets_its_notifier(void **state)
{
	(void)state;
	chosen_leaves(true);
}

static void case_timeout_meets_its_notifier(void **state)
{
	(void)state;
	chosen_leaves(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_threads_wake_in_order),
		cmocka_unit_test(case_threads_all),
		cmocka_unit_test(case_far_deadlines),
		cmocka_unit_test(case_exactly_one_winner),
		cmocka_unit_test(case_timeouts_race),
		cmocka_unit_test(case_drops_race),
		cmocka_unit_test(case_turns),
		cmocka_unit_test(case_event_on_the_waiters_stack),
		cmocka_unit_test(case_event_freed_by_the_notifier),
		cmocka_unit_test(case_all_then_gone),
		cmocka_unit_test(case_wait_goes_through_the_table),
		cmocka_unit_test(case_timeout_through_the_table),
		cmocka_unit_test(case_notified_by_a_thread_that_sleeps_as_another),
		cmocka_unit_test(case_notify_under_a_lock_and_in_a_section),
		cmocka_unit_test(case_waking_holds_nobody_up),
		cmocka_unit_test(case_unlisten_meets_its_notifier),
		cmocka_unit_test(case_timeout_meets_its_notifier),
	};

	return t_run("event-threads", tests);
}
