/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests of lib/event.c. Most need one thread: it may have several listeners, and a
 * wait that is over at once says whether one was notified.
 */
#include "waiting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MANY 40

/* `count` listeners, numbered in the order in which they listen. */
static void listen_many(struct pawl_event *event, struct pawl_listener *listeners,
			unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		pawl_event_listen(event, &listeners[i], "many", i);
}

/* Comes back from a wait that is over at once: was it notified? It is registered no more. */
static bool comes_back(struct pawl_listener *listener)
{
	int ret = pawl_event_wait_until(listener, 0);

	assert_true(ret == 0 || ret == -ETIMEDOUT);
	memset(listener, 0xa5, sizeof(*listener));
	t_step();
	return ret == 0;
}

/* Who is still in line: the numbers must be those given, in this order. */
static void assert_line(struct pawl_event *event, const unsigned *numbers, unsigned count)
{
	struct pawl_event_waiter waiters[MANY];

	assert_int_equal(pawl_event_waiters(event, MANY, waiters), count);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(waiters[i].note_value, numbers[i]);
	assert_int_equal(pawl_event_listening(event), count > 0);
}
#define LINE(event, ...)                                      \
	assert_line((event), (const unsigned[]){__VA_ARGS__}, \
		    sizeof((const unsigned[]){__VA_ARGS__}) / sizeof(unsigned))
#define LINE_EMPTY(event) assert_line((event), NULL, 0)

/* Nobody listens and nobody is on his way back: one notification wakes one. */
static void assert_as_new(struct pawl_event *event)
{
	struct pawl_listener listeners[2];

	LINE_EMPTY(event);
	listen_many(event, listeners, 2);
	pawl_event_notify(event, 1);
	LINE(event, 1);
	assert_true(comes_back(&listeners[0]));
	assert_false(comes_back(&listeners[1]));
	LINE_EMPTY(event);
}

/* ---- counts and order -------------------------------------------------- */

static void case_zero_is_valid(void **state)
{
	struct pawl_event zero, initialised = PAWL_EVENT_INIT, made;

	(void)state;
	memset(&zero, 0, sizeof(zero));
	pawl_event_init(&made);
	assert_as_new(&zero);
	assert_as_new(&initialised);
	assert_as_new(&made);
}

static void case_nobody_listens(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener listener;

	(void)state;
	assert_false(pawl_event_listening(&event));
	pawl_event_notify(&event, 1);
	pawl_event_notify_more(&event, 1);
	pawl_event_notify_all(&event);
	pawl_event_listen(&event, &listener, NULL, 0);
	assert_true(pawl_event_listening(&event));
	assert_false(comes_back(&listener));
	assert_as_new(&event);
}

static void case_notify_wakes_in_order(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener l[5];

	(void)state;
	listen_many(&event, l, 5);
	LINE(&event, 0, 1, 2, 3, 4);
	pawl_event_notify(&event, 2);
	LINE(&event, 2, 3, 4);
	/* Two are on their way: enough. */
	pawl_event_notify(&event, 1);
	pawl_event_notify(&event, 2);
	LINE(&event, 2, 3, 4);
	pawl_event_notify(&event, 3);
	LINE(&event, 3, 4);
	/* One comes back: two are on their way. */
	assert_true(comes_back(&l[1]));
	pawl_event_notify(&event, 2);
	LINE(&event, 3, 4);
	pawl_event_notify(&event, 3);
	LINE(&event, 4);
	assert_true(comes_back(&l[0]));
	assert_true(comes_back(&l[2]));
	assert_true(comes_back(&l[3]));
	pawl_event_notify(&event, 1);
	LINE_EMPTY(&event);
	assert_true(comes_back(&l[4]));
	assert_as_new(&event);
}

static void case_more_is_on_top(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener l[6];

	(void)state;
	listen_many(&event, l, 6);
	pawl_event_notify_more(&event, 1);
	LINE(&event, 1, 2, 3, 4, 5);
	pawl_event_notify_more(&event, 2);
	LINE(&event, 3, 4, 5);
	/* What came by "more" counts as notified. */
	pawl_event_notify(&event, 3);
	LINE(&event, 3, 4, 5);
	pawl_event_notify(&event, 4);
	LINE(&event, 4, 5);
	pawl_event_notify_more(&event, 1);
	LINE(&event, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_true(comes_back(&l[i]));
	assert_false(comes_back(&l[5]));
	assert_as_new(&event);
}

static void case_all(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener l[4], late;

	(void)state;
	listen_many(&event, l, 4);
	pawl_event_notify(&event, 1);
	pawl_event_notify_all(&event);
	LINE_EMPTY(&event);
	/* One that comes later was not told, and need not wait for the others' return. */
	pawl_event_listen(&event, &late, "late", 9);
	LINE(&event, 9);
	assert_true(comes_back(&l[0]));
	pawl_event_notify(&event, 1);
	LINE_EMPTY(&event);
	for (unsigned i = 1; i < 4; i++)
		assert_true(comes_back(&l[i]));
	assert_true(comes_back(&late));
	assert_as_new(&event);
}

static void case_none_and_too_many(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener l[3];

	(void)state;
	listen_many(&event, l, 3);
	pawl_event_notify(&event, 0);
	pawl_event_notify_more(&event, 0);
	LINE(&event, 0, 1, 2);
	pawl_event_notify(&event, UINT32_MAX);
	LINE_EMPTY(&event);
	for (unsigned i = 0; i < 3; i++)
		assert_true(comes_back(&l[i]));
	assert_as_new(&event);

	listen_many(&event, l, 2);
	pawl_event_notify_more(&event, UINT32_MAX);
	LINE_EMPTY(&event);
	pawl_event_listen(&event, &l[2], "many", 2);
	pawl_event_notify_more(&event, UINT32_MAX);
	LINE_EMPTY(&event);
	for (unsigned i = 0; i < 3; i++)
		assert_true(comes_back(&l[i]));
	assert_as_new(&event);
}

/* Leaving the line at its head, in the middle, at its end. */
static void case_unlisten_keeps_the_order(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener l[5];

	(void)state;
	listen_many(&event, l, 5);
	assert_false(pawl_event_unlisten(&l[2]));
	LINE(&event, 0, 1, 3, 4);
	assert_false(pawl_event_unlisten(&l[0]));
	LINE(&event, 1, 3, 4);
	assert_false(pawl_event_unlisten(&l[4]));
	LINE(&event, 1, 3);
	pawl_event_listen(&event, &l[0], "many", 0);
	LINE(&event, 1, 3, 0);
	assert_false(pawl_event_unlisten(&l[3]));
	assert_false(pawl_event_unlisten(&l[0]));
	assert_false(pawl_event_unlisten(&l[1]));
	assert_as_new(&event);
}

/* ---- handing on -------------------------------------------------------- */

static void hand_on(void (*notify)(struct pawl_event *, uint32_t))
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener l[4];

	listen_many(&event, l, 4);
	notify(&event, 1);
	LINE(&event, 1, 2, 3);
	assert_true(pawl_event_unlisten(&l[0]));
	LINE(&event, 2, 3);
	assert_true(pawl_event_unlisten(&l[1]));
	LINE(&event, 3);
	/* It counts as one that was notified, as it did before. */
	pawl_event_notify(&event, 1);
	LINE(&event, 3);
	assert_true(comes_back(&l[2]));
	pawl_event_notify(&event, 1);
	LINE_EMPTY(&event);
	/* Nobody is left to have it: it is gone, and not for the next. */
	assert_true(pawl_event_unlisten(&l[3]));
	assert_as_new(&event);
}

static void case_hand_on(void **state)
{
	(void)state;
	hand_on(pawl_event_notify);
	hand_on(pawl_event_notify_more);
}

/* Two were notified at once: each of them hands its own on, whatever became of the other. */
static void hand_on_two(void (*notify)(struct pawl_event *, uint32_t), bool first)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener l[4];

	listen_many(&event, l, 4);
	notify(&event, 2);
	LINE(&event, 2, 3);
	assert_true(pawl_event_unlisten(&l[first]));
	LINE(&event, 3);
	assert_true(pawl_event_unlisten(&l[!first]));
	LINE_EMPTY(&event);
	assert_true(comes_back(&l[2]));
	assert_true(comes_back(&l[3]));
	assert_as_new(&event);
}

static void case_hand_on_two(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 2; first++) {
		hand_on_two(pawl_event_notify, first);
		hand_on_two(pawl_event_notify_more, first);
	}
}

static void case_all_is_not_handed_on(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener first, late;

	(void)state;
	pawl_event_listen(&event, &first, NULL, 0);
	pawl_event_notify_all(&event);
	pawl_event_listen(&event, &late, NULL, 1);
	/* Everybody who listened then was told; the late one is not meant. */
	assert_true(pawl_event_unlisten(&first));
	LINE(&event, 1);
	assert_false(pawl_event_unlisten(&late));
	assert_as_new(&event);
}

static void case_late_timeout_hands_on(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener l[2];

	(void)state;
	listen_many(&event, l, 2);
	t_assert_errno(pawl_event_wait_until(&l[0], 1), ETIMEDOUT);
	LINE(&event, 1);
	pawl_event_notify(&event, 1);
	assert_int_equal(pawl_event_wait_until(&l[1], 1), 0);
	assert_as_new(&event);
}

/* ---- waiting, one thread ----------------------------------------------- */

static void case_notified_before_the_wait(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener listener;
	const uint64_t deadlines[] = {0, 1, PAWL_FOREVER - 1, PAWL_FOREVER};

	(void)state;
	pawl_event_listen(&event, &listener, NULL, 0);
	pawl_event_notify(&event, 1);
	pawl_event_wait(&listener);
	t_step();
	for (unsigned i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++) {
		pawl_event_listen(&event, &listener, NULL, 0);
		if (i & 1)
			pawl_event_notify_all(&event);
		else
			pawl_event_notify_more(&event, 1);
		assert_int_equal(pawl_event_wait_until(&listener, deadlines[i]), 0);
		t_step();
	}
	assert_as_new(&event);
}

static void case_deadlines(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener listener;

	(void)state;
	for (uint64_t ns = 1; ns <= 3000000; ns *= 7) {
		uint64_t deadline = pawl_deadline_in(ns);

		pawl_event_listen(&event, &listener, NULL, 0);
		t_assert_errno(pawl_event_wait_until(&listener, deadline), ETIMEDOUT);
		assert_true(pawl_now_ns() >= deadline);
		LINE_EMPTY(&event);
		memset(&listener, 0xa5, sizeof(listener));
		t_step();
	}
	assert_as_new(&event);
}

/* A park token that was there before is not taken for a notification. */
static void case_token_is_no_notification(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener listener;

	(void)state;
	pawl_event_listen(&event, &listener, NULL, 0);
	pawl_unpark(pawl_waiter_self());
	t_assert_errno(pawl_event_wait_until(&listener, pawl_deadline_in(1000000)), ETIMEDOUT);
	drain_tokens();
}

static void case_wait_any(void **state)
{
	struct pawl_event events[3] = {PAWL_EVENT_INIT, PAWL_EVENT_INIT, PAWL_EVENT_INIT};
	struct pawl_listener l[3];
	struct pawl_listener *const all[] = {&l[0], &l[1], &l[2]};
	size_t index;

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		for (unsigned i = 0; i < 3; i++)
			pawl_event_listen(&events[i], &l[i], NULL, i);
		index = 99;
		t_assert_errno(pawl_event_wait_any(all, 3, 0, &index), ETIMEDOUT);
		t_assert_errno(pawl_event_wait_any(all, 3, 1, &index), ETIMEDOUT);
		t_assert_errno(pawl_event_wait_any(all, 3, pawl_deadline_in(1000), &index),
			       ETIMEDOUT);
		assert_int_equal(index, 99);
		/* All stay registered. */
		for (unsigned i = 0; i < 3; i++)
			LINE(&events[i], i);
		pawl_event_notify(&events[n], 1);
		assert_int_equal(pawl_event_wait_any(all, 3, n == 1 ? PAWL_FOREVER : 0, &index),
				 0);
		assert_int_equal(index, n);
		memset(&l[n], 0xa5, sizeof(l[n]));
		for (unsigned i = 0; i < 3; i++)
			if (i != n)
				assert_false(pawl_event_unlisten(&l[i]));
		for (unsigned i = 0; i < 3; i++)
			assert_as_new(&events[i]);
	}
}

static void case_wait_any_of_one(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener listener;
	struct pawl_listener *const all[] = {&listener};
	size_t index = 99;

	(void)state;
	pawl_event_listen(&event, &listener, NULL, 0);
	t_assert_errno(pawl_event_wait_any(all, 1, 0, &index), ETIMEDOUT);
	pawl_event_notify_all(&event);
	assert_int_equal(pawl_event_wait_any(all, 1, PAWL_FOREVER, &index), 0);
	assert_int_equal(index, 0);
	assert_as_new(&event);
}

/* Several are notified: one is told, the others still have theirs and hand it on. */
static void case_wait_any_of_several_notified(void **state)
{
	struct pawl_event events[2] = {PAWL_EVENT_INIT, PAWL_EVENT_INIT};
	struct pawl_listener l[2], next[2];
	struct pawl_listener *const both[] = {&l[0], &l[1]};
	size_t index = 99;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		pawl_event_listen(&events[i], &l[i], NULL, 0);
		pawl_event_listen(&events[i], &next[i], NULL, 1);
		pawl_event_notify(&events[i], 1);
	}
	assert_int_equal(pawl_event_wait_any(both, 2, PAWL_FOREVER, &index), 0);
	assert_in_range(index, 0, 1);
	LINE(&events[0], 1);
	LINE(&events[1], 1);
	assert_true(pawl_event_unlisten(&l[!index]));
	assert_true(comes_back(&next[!index]));
	assert_false(comes_back(&next[index]));
	assert_as_new(&events[0]);
	assert_as_new(&events[1]);
}

/* Two listeners of one event are two places in its line. */
static void case_wait_any_twice_on_one_event(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener l[2];
	struct pawl_listener *const both[] = {&l[0], &l[1]};
	size_t index = 99;

	(void)state;
	listen_many(&event, l, 2);
	pawl_event_notify_more(&event, 2);
	assert_int_equal(pawl_event_wait_any(both, 2, 0, &index), 0);
	assert_in_range(index, 0, 1);
	assert_true(comes_back(&l[!index]));
	assert_as_new(&event);
}

/* ---- threads that wait ------------------------------------------------- */

struct sleeper {
	struct pawl_event *event;
	uint64_t deadline_ns;
	uint64_t number;
	struct fake_waiter *fake;
	struct pawl_atomic_u32 listening, returned;
	int ret;
	struct t_thread *thread;
};

static void sleeper_body(void *arg)
{
	struct sleeper *sleeper = arg;
	struct pawl_listener listener;

	if (sleeper->fake)
		pawl_waiter_set(&sleeper->fake->base);
	pawl_event_listen(sleeper->event, &listener, "reading cell", sleeper->number);
	pawl_store_release(&sleeper->listening, 1u);
	if (sleeper->deadline_ns == PAWL_FOREVER)
		pawl_event_wait(&listener);
	else
		sleeper->ret = pawl_event_wait_until(&listener, sleeper->deadline_ns);
	memset(&listener, 0xa5, sizeof(listener));
	if (sleeper->fake)
		pawl_waiter_set(NULL);
	pawl_store_release(&sleeper->returned, 1u);
	t_step();
}

/* Started in order; each is in line before the next. */
static void sleeper_start(struct sleeper *sleeper, struct pawl_event *event, uint64_t number,
			  uint64_t deadline_ns, struct fake_waiter *fake)
{
	*sleeper = (struct sleeper){
		.event = event, .deadline_ns = deadline_ns, .number = number, .fake = fake};
	sleeper->thread = t_thread_start(sleeper_body, sleeper);
	await_word(&sleeper->listening, 1);
}

static void await_asleep(struct pawl_event *event, size_t count)
{
	struct pawl_event_waiter waiters[MANY];
	size_t asleep;

	do {
		size_t listed = pawl_event_waiters(event, MANY, waiters);

		asleep = 0;
		for (size_t i = 0; i < listed && i < MANY; i++)
			asleep += waiters[i].waited_ns > 0;
		if (asleep < count)
			t_yield();
	} while (asleep < count);
	t_step();
}

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

/* ---- asking ------------------------------------------------------------ */

static void case_waiters(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_event_waiter waiters[4];
	struct pawl_listener l[3];
	struct fake_waiter fake;

	(void)state;
	memset(waiters, 0x5a, sizeof(waiters));
	assert_int_equal(pawl_event_waiters(&event, 0, NULL), 0);
	assert_int_equal(pawl_event_waiters(&event, 4, waiters), 0);
	fake_init(&fake, 4711);
	pawl_event_listen(&event, &l[0], "reading cell", 17);
	pawl_event_listen(&event, &l[1], NULL, UINT64_MAX);
	pawl_waiter_set(&fake.base);
	pawl_event_listen(&event, &l[2], "", 0);
	pawl_waiter_set(NULL);

	assert_int_equal(pawl_event_waiters(&event, 0, NULL), 3);
	assert_int_equal(pawl_event_waiters(&event, 2, waiters), 3);
	/* Not more than was asked for. */
	assert_int_equal(waiters[2].note_value, UINT64_C(0x5a5a5a5a5a5a5a5a));
	assert_int_equal(pawl_event_waiters(&event, 4, waiters), 3);
	assert_int_equal(waiters[3].note_value, UINT64_C(0x5a5a5a5a5a5a5a5a));

	assert_string_equal(waiters[0].note, "reading cell");
	assert_int_equal(waiters[0].note_value, 17);
	assert_string_equal(waiters[0].kind, "thread");
	assert_int_equal(waiters[0].number, pawl_thread_slot());
	assert_null(waiters[1].note);
	assert_true(waiters[1].note_value == UINT64_MAX);
	assert_string_equal(waiters[2].note, "");
	assert_string_equal(waiters[2].kind, "fake");
	assert_int_equal(waiters[2].number, 4711);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(waiters[i].waited_ns, 0);

	/* The notified are not in line any more. */
	pawl_event_notify(&event, 1);
	assert_int_equal(pawl_event_waiters(&event, 1, waiters), 2);
	assert_null(waiters[0].note);
	for (unsigned i = 0; i < 3; i++)
		pawl_event_unlisten(&l[i]);
	assert_int_equal(pawl_event_waiters(&event, 4, waiters), 0);
	fake_fini(&fake);
	drain_tokens();
}

static void case_age_grows(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_event_waiter waiter;
	uint64_t before_ns = pawl_now_ns(), age_ns;
	struct sleeper sleeper;

	(void)state;
	sleeper_start(&sleeper, &event, 0, PAWL_FOREVER, NULL);
	await_asleep(&event, 1);
	assert_int_equal(pawl_event_waiters(&event, 1, &waiter), 1);
	age_ns = waiter.waited_ns;
	/* Up to a tick older, which is 10 ms at most. */
	assert_true(age_ns <= pawl_now_ns() - before_ns + 10000000);
	await(pawl_event_waiters(&event, 1, &waiter) == 1 &&
	      waiter.waited_ns > age_ns + 2000000);
	pawl_event_notify(&event, 1);
	t_thread_join(sleeper.thread);
	/* The next wait starts anew. */
	sleeper_start(&sleeper, &event, 0, PAWL_FOREVER, NULL);
	before_ns = pawl_now_ns();
	await_asleep(&event, 1);
	pawl_event_notify(&event, 1);
	t_thread_join(sleeper.thread);
}

static unsigned occurrences(const char *text, const char *part)
{
	unsigned count = 0;

	for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
		count++;
	return count;
}

static void case_describe(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener l[3];
	struct fake_waiter fake;
	char text[512], part[64];
	size_t len;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(pawl_event_describe(&event, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(pawl_event_describe(&event, NULL, 0), 0);

	fake_init(&fake, 4711);
	pawl_event_listen(&event, &l[0], "reading cell", 17);
	pawl_event_listen(&event, &l[1], NULL, 0);
	pawl_waiter_set(&fake.base);
	pawl_event_listen(&event, &l[2], "writing cell", UINT64_MAX);
	pawl_waiter_set(NULL);
	len = pawl_event_describe(&event, text, sizeof(text));
	assert_int_equal(len, strlen(text));
	assert_int_equal(pawl_event_describe(&event, NULL, 0), len);
	assert_int_equal(occurrences(text, "\n"), 3);
	assert_int_equal(text[len - 1], '\n');
	snprintf(part, sizeof(part), "thread %u ", pawl_thread_slot());
	assert_int_equal(occurrences(text, part), 2);
	assert_ptr_equal(strstr(text, part), text);
	assert_non_null(strstr(text, ": reading cell 17\n"));
	assert_non_null(strstr(text, "fake 4711 "));
	assert_non_null(strstr(text, ": writing cell 18446744073709551615\n"));
	/* Nobody has gone to sleep: no seconds yet. */
	assert_null(strstr(text, " s: "));
	for (unsigned i = 0; i < 3; i++)
		pawl_event_unlisten(&l[i]);
	fake_fini(&fake);
}

static void case_describe_is_cut_to_fit(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener l[3];
	char whole[256], text[256];
	size_t len;

	(void)state;
	listen_many(&event, l, 3);
	len = pawl_event_describe(&event, whole, sizeof(whole));
	assert_in_range(len, 1, sizeof(whole) - 1);
	for (size_t room = 0; room <= len + 2; room++) {
		size_t written = room <= len ? room - 1 : len;

		memset(text, 'x', sizeof(text));
		assert_int_equal(pawl_event_describe(&event, text, room), len);
		if (room) {
			assert_memory_equal(text, whole, written);
			assert_int_equal(text[written], '\0');
		}
		for (size_t i = room; i < sizeof(text); i++)
			assert_int_equal(text[i], 'x');
		t_step();
	}
	for (unsigned i = 0; i < 3; i++)
		pawl_event_unlisten(&l[i]);
}

static void case_describe_stops_at_32(void **state)
{
	static struct pawl_listener l[MANY];
	struct pawl_event event = PAWL_EVENT_INIT;
	char text[8192];

	(void)state;
	for (unsigned count = 31; count <= MANY; count++) {
		unsigned shown = count < 32 ? count : 32;
		size_t len;

		listen_many(&event, l, count);
		len = pawl_event_describe(&event, text, sizeof(text));
		assert_int_equal(len, strlen(text));
		assert_int_equal(occurrences(text, ": many "), shown);
		assert_non_null(strstr(text, ": many 0\n"));
		assert_int_equal(pawl_event_waiters(&event, 0, NULL), count);
		if (count > 32) {
			char part[32];

			snprintf(part, sizeof(part), " %u more", count - 32);
			assert_non_null(strstr(text, part));
		} else {
			assert_null(strstr(text, " more"));
		}
		for (unsigned i = 0; i < count; i++)
			pawl_event_unlisten(&l[i]);
	}
}

static void case_describe_a_sleeper(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct sleeper sleeper;
	char text[256];
	unsigned seconds, thousandths, slot;
	unsigned long long number;

	(void)state;
	sleeper_start(&sleeper, &event, 17, PAWL_FOREVER, NULL);
	await_asleep(&event, 1);
	pawl_event_describe(&event, text, sizeof(text));
	assert_int_equal(sscanf(text, "thread %u waits %u.%3u s: reading cell %llu\n", &slot,
				&seconds, &thousandths, &number),
			 4);
	assert_int_equal(number, 17);
	assert_int_not_equal(slot, pawl_thread_slot());
	pawl_event_notify(&event, 1);
	t_thread_join(sleeper.thread);
}

/* ---- long waits are reported ------------------------------------------- */

struct hook {
	struct pawl_report_hook base;
	struct pawl_atomic_u32 calls, others;
	pthread_t thread;
	uint64_t value;
	const void *subject;
	char text[256];
};

static void hook_call(const struct pawl_report_hook *base, const struct pawl_report *report)
{
	struct hook *hook = (struct hook *)(uintptr_t)base;

	if (report->kind != PAWL_REPORT_WAIT_LONG) {
		pawl_add_relaxed(&hook->others, 1u);
		return;
	}
	hook->thread = pthread_self();
	hook->value = report->value;
	hook->subject = report->subject;
	snprintf(hook->text, sizeof(hook->text), "%s", report->text);
	/* No lock of Pawl is held, no section is open: this is allowed here. */
	if (report->subject)
		pawl_event_describe((struct pawl_event *)(uintptr_t)report->subject, NULL, 0);
	pawl_add_release(&hook->calls, 1u);
}

static struct hook hook = {.base = {.call = hook_call}};

static void hook_begin(uint64_t after_ns)
{
	pawl_store_relaxed(&hook.calls, 0u);
	hook.text[0] = '\0';
	pawl_report_set_hook(&hook.base);
	pawl_event_set_report_after(after_ns);
}

static void hook_end(void)
{
	pawl_event_set_report_after(PAWL_FOREVER);
	pawl_report_set_hook(NULL);
}

struct reporting {
	struct pawl_event event;
	pthread_t thread;
	uint64_t deadline_ns;
	struct fake_waiter *fake;
	int ret;
};

static void wait_and_report(void *arg)
{
	struct reporting *reporting = arg;
	struct pawl_listener listener;

	reporting->thread = pthread_self();
	if (reporting->fake)
		pawl_waiter_set(&reporting->fake->base);
	pawl_event_listen(&reporting->event, &listener, "reading cell", 17);
	reporting->ret = pawl_event_wait_until(&listener, reporting->deadline_ns);
	pawl_waiter_set(NULL);
	t_step();
}

static void case_long_wait_is_reported_once(void **state)
{
	struct reporting reporting = {.event = PAWL_EVENT_INIT, .deadline_ns = PAWL_FOREVER};
	uint64_t before = pawl_report_count(PAWL_REPORT_WAIT_LONG);
	struct pawl_event_waiter waiter;
	struct t_thread *thread;

	(void)state;
	hook_begin(1);
	thread = t_thread_start(wait_and_report, &reporting);
	await_word(&hook.calls, 1);
	/* It goes on waiting, many times as long as until the report, and says nothing more. */
	await(pawl_event_waiters(&reporting.event, 1, &waiter) == 1 &&
	      waiter.waited_ns > 10 * hook.value + 5000000);
	pawl_event_notify(&reporting.event, 1);
	t_thread_join(thread);
	hook_end();
	assert_int_equal(reporting.ret, 0);
	assert_int_equal(pawl_load_acquire(&hook.calls), 1);
	assert_int_equal(pawl_report_count(PAWL_REPORT_WAIT_LONG), before + 1);
	assert_true(pthread_equal(hook.thread, reporting.thread));
	assert_ptr_equal(hook.subject, &reporting.event);
	assert_true(hook.value >= 1);
	assert_non_null(strstr(hook.text, "reading cell"));
	assert_non_null(strstr(hook.text, "17"));
	assert_null(strchr(hook.text, '\n'));
	assert_as_new(&reporting.event);
}

/* Each long wait anew; and without a hook it is counted all the same. */
/* Notifies the listener whose wait it reports, and takes the token that this left. */
static void notify_and_take_token(const struct pawl_report_hook *base,
				  const struct pawl_report *report)
{
	(void)base;
	if (report->kind != PAWL_REPORT_WAIT_LONG)
		return;
	pawl_event_notify((struct pawl_event *)(uintptr_t)report->subject, 1);
	(void)pawl_park_until(0);
}

/* The wait looks again after the hook; else it would sleep for ever here. */
static void case_hook_may_take_the_token(void **state)
{
	static const struct pawl_report_hook taker = {.call = notify_and_take_token};
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener listener;

	(void)state;
	pawl_report_set_hook(&taker);
	pawl_event_set_report_after(1);
	pawl_event_listen(&event, &listener, "a hook", 0);
	pawl_event_wait(&listener);
	hook_end();
	assert_as_new(&event);
}

static void case_each_long_wait_is_reported(void **state)
{
	uint64_t before = pawl_report_count(PAWL_REPORT_WAIT_LONG);

	(void)state;
	hook_begin(1);
	for (unsigned i = 1; i <= 3; i++) {
		struct pawl_event event = PAWL_EVENT_INIT;
		struct pawl_listener listener;

		if (i == 3)
			pawl_report_set_hook(NULL);
		pawl_event_listen(&event, &listener, NULL, i);
		t_assert_errno(pawl_event_wait_until(&listener, pawl_deadline_in(3000000)),
			       ETIMEDOUT);
		assert_int_equal(pawl_report_count(PAWL_REPORT_WAIT_LONG), before + i);
		t_step();
	}
	assert_int_equal(pawl_load_acquire(&hook.calls), 2);
	hook_end();
}

static void case_short_wait_is_not_reported(void **state)
{
	uint64_t before = pawl_report_count(PAWL_REPORT_WAIT_LONG);
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener listener;

	(void)state;
	/* Notified already, or the deadline comes first. */
	hook_begin(1);
	pawl_event_listen(&event, &listener, NULL, 0);
	pawl_event_notify(&event, 1);
	pawl_event_wait(&listener);
	pawl_event_listen(&event, &listener, NULL, 0);
	t_assert_errno(pawl_event_wait_until(&listener, 0), ETIMEDOUT);
	pawl_event_set_report_after(UINT64_C(3600) * 1000000000u);
	pawl_event_listen(&event, &listener, NULL, 0);
	t_assert_errno(pawl_event_wait_until(&listener, pawl_deadline_in(1000000)), ETIMEDOUT);
	/* So far away that the sum is no time any more. */
	pawl_event_set_report_after(PAWL_FOREVER - 1);
	pawl_event_listen(&event, &listener, NULL, 0);
	t_assert_errno(pawl_event_wait_until(&listener, pawl_deadline_in(1000000)), ETIMEDOUT);
	hook_end();
	assert_int_equal(pawl_report_count(PAWL_REPORT_WAIT_LONG), before);
	assert_int_equal(pawl_load_acquire(&hook.calls), 0);
}

static void case_forever_is_never_reported(void **state)
{
	struct reporting reporting = {.event = PAWL_EVENT_INIT, .deadline_ns = PAWL_FOREVER};
	uint64_t before = pawl_report_count(PAWL_REPORT_WAIT_LONG);
	struct pawl_event_waiter waiter;
	struct t_thread *thread;

	(void)state;
	hook_begin(PAWL_FOREVER);
	thread = t_thread_start(wait_and_report, &reporting);
	await(pawl_event_waiters(&reporting.event, 1, &waiter) == 1 &&
	      waiter.waited_ns > 5000000);
	pawl_event_notify(&reporting.event, 1);
	t_thread_join(thread);
	hook_end();
	assert_int_equal(pawl_report_count(PAWL_REPORT_WAIT_LONG), before);
}

/* One timed sleep to the limit, then one without: nobody watches, nothing polls. */
static void case_report_costs_one_timed_park(void **state)
{
	struct reporting reporting = {.event = PAWL_EVENT_INIT, .deadline_ns = PAWL_FOREVER};
	struct fake_waiter fake;
	struct t_thread *thread;
	uint64_t start_ns;

	(void)state;
	fake_init(&fake, 1);
	reporting.fake = &fake;
	start_ns = pawl_now_ns();
	hook_begin(2000000);
	thread = t_thread_start(wait_and_report, &reporting);
	await(fake_parks(&fake) == 2 && fake_asleep(&fake) == 1);
	assert_true(fake.deadlines[0] != PAWL_FOREVER);
	assert_true(fake.deadlines[0] >= start_ns + 2000000);
	assert_true(fake.deadlines[1] == PAWL_FOREVER);
	assert_int_equal(pawl_load_acquire(&hook.calls), 1);
	assert_true(hook.value >= 2000000);
	pawl_event_notify(&reporting.event, 1);
	t_thread_join(thread);
	hook_end();
	assert_int_equal(fake_parks(&fake), 2);
	fake_fini(&fake);
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

/* ---- contracts --------------------------------------------------------- */

static void wait_any_of_none(void *arg)
{
	size_t index;

	(void)arg;
	(void)!pawl_event_wait_any(NULL, 0, 0, &index);
}

static void unlisten_twice(void *arg)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener listener;

	(void)arg;
	pawl_event_listen(&event, &listener, NULL, 0);
	pawl_event_unlisten(&listener);
	pawl_event_unlisten(&listener);
}

static void wait_after_wait(void *arg)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener listener;

	(void)arg;
	pawl_event_listen(&event, &listener, NULL, 0);
	pawl_event_notify(&event, 1);
	pawl_event_wait(&listener);
	(void)!pawl_event_wait_until(&listener, 0);
}

static void case_misuse_aborts(void **state)
{
	(void)state;
	assert_true(t_aborts(wait_any_of_none, NULL, "count"));
	assert_true(t_aborts(unlisten_twice, NULL, "registered"));
	assert_true(t_aborts(wait_after_wait, NULL, "registered"));
}

#ifdef PAWL_DEBUG
static void wait_in_section(void *arg)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener listener;

	(void)arg;
	pawl_event_listen(&event, &listener, NULL, 0);
	pawl_rcu_begin();
	(void)!pawl_event_wait_until(&listener, 1);
}

static void unlisten_in_section(void *arg)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_listener listener;

	(void)arg;
	pawl_event_listen(&event, &listener, NULL, 0);
	pawl_rcu_begin();
	pawl_event_unlisten(&listener);
}

static void unlisten_with_lock(void *arg)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_lock lock = PAWL_LOCK_INIT;
	struct pawl_listener listener;

	(void)arg;
	pawl_event_listen(&event, &listener, NULL, 0);
	pawl_lock_lock(&lock);
	pawl_event_unlisten(&listener);
}

static void wait_with_lock(void *arg)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_lock lock = PAWL_LOCK_INIT;
	struct pawl_listener listener;

	(void)arg;
	pawl_event_listen(&event, &listener, NULL, 0);
	pawl_lock_lock(&lock);
	(void)!pawl_event_wait_until(&listener, 1);
}
#endif

static void case_debug_checks(void **state)
{
	(void)state;
#ifdef PAWL_DEBUG
	assert_true(t_aborts(wait_in_section, NULL, "section"));
	assert_true(t_aborts(wait_with_lock, NULL, "lock"));
	assert_true(t_aborts(unlisten_in_section, NULL, "section"));
	assert_true(t_aborts(unlisten_with_lock, NULL, "lock"));
#else
	skip();
#endif
}

static int oom_event(void)
{
	struct pawl_event events[2] = {PAWL_EVENT_INIT, PAWL_EVENT_INIT};
	struct pawl_listener l[2];
	struct pawl_listener *const both[] = {&l[0], &l[1]};
	size_t index = 99;
	int err = pawl_thread_attach("oom");

	if (err) {
		t_check(!pawl_thread_attached());
		return err;
	}
	for (unsigned i = 0; i < 2; i++)
		pawl_event_listen(&events[i], &l[i], "oom", i);
	pawl_event_notify(&events[1], 1);
	t_check(!pawl_event_wait_any(both, 2, PAWL_FOREVER, &index) && index == 1);
	t_check(pawl_event_describe(&events[0], NULL, 0) > 0);
	t_check(pawl_event_wait_until(&l[0], pawl_deadline_in(1000)) == -ETIMEDOUT);
	pawl_thread_detach();
	return 0;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_zero_is_valid),
		cmocka_unit_test(case_nobody_listens),
		cmocka_unit_test(case_notify_wakes_in_order),
		cmocka_unit_test(case_more_is_on_top),
		cmocka_unit_test(case_all),
		cmocka_unit_test(case_none_and_too_many),
		cmocka_unit_test(case_unlisten_keeps_the_order),
		cmocka_unit_test(case_hand_on),
		cmocka_unit_test(case_hand_on_two),
		cmocka_unit_test(case_all_is_not_handed_on),
		cmocka_unit_test(case_late_timeout_hands_on),
		cmocka_unit_test(case_notified_before_the_wait),
		cmocka_unit_test(case_deadlines),
		cmocka_unit_test(case_token_is_no_notification),
		cmocka_unit_test(case_wait_any),
		cmocka_unit_test(case_wait_any_of_one),
		cmocka_unit_test(case_wait_any_of_several_notified),
		cmocka_unit_test(case_wait_any_twice_on_one_event),
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
		cmocka_unit_test(case_waiters),
		cmocka_unit_test(case_age_grows),
		cmocka_unit_test(case_describe),
		cmocka_unit_test(case_describe_is_cut_to_fit),
		cmocka_unit_test(case_describe_stops_at_32),
		cmocka_unit_test(case_describe_a_sleeper),
		cmocka_unit_test(case_long_wait_is_reported_once),
		cmocka_unit_test(case_each_long_wait_is_reported),
		cmocka_unit_test(case_hook_may_take_the_token),
		cmocka_unit_test(case_short_wait_is_not_reported),
		cmocka_unit_test(case_forever_is_never_reported),
		cmocka_unit_test(case_report_costs_one_timed_park),
		cmocka_unit_test(case_notify_under_a_lock_and_in_a_section),
		cmocka_unit_test(case_waking_holds_nobody_up),
		cmocka_unit_test(case_unlisten_meets_its_notifier),
		cmocka_unit_test(case_timeout_meets_its_notifier),
		cmocka_unit_test(case_misuse_aborts),
		cmocka_unit_test(case_debug_checks),
		T_OOM(oom_event),
	};

	return t_run("event", cases);
}
