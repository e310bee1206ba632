/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests of lib/event.c. Most need one thread: it may have several listeners, and a
 * wait that is over at once says whether one was notified.
 */
#include "listeners.h"

#include <errno.h>

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
	const struct CMUnitTest tests[] = {
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
		cmocka_unit_test(case_misuse_aborts),
		cmocka_unit_test(case_debug_checks),
		T_OOM(oom_event),
	};

	return t_run("event", tests);
}
