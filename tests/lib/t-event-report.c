/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests of lib/event.c: who waits is listed, described, and reported when it takes long.
 */
#include "listeners.h"

#include <errno.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return t_run("event-report", tests);
}
