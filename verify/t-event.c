/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/event.c; of events that are freed: t-event-free.c.
 *
 * Conditions are relaxed words, so that only the event orders anything; a lost notification is a
 * deadlock. After each run the event must be as new: nobody listens, and one notification wakes
 * exactly one (a count of notified listeners that was not brought back would swallow it).
 *
 *  1w1n, 1w1n-more, -all    one waiter, one notifier, each call
 *  1w1n-twice               the waiter comes twice, on the same listener
 *  data                     what was done before notify is seen after wait (plain memory)
 *  early-exit               one look, no loop: who misses the change is seen by notify
 *  2w1n-all, -n, -more      two waiters; all, notify(2), twice notify_more(1)
 *  2w1n-one-twice           notify(1) twice: the second may count the first one's listener,
 *                           which then sees both changes and passes on
 *  pending-seen             the same seen by who was notified, who does not listen again
 *  1w2n, 2w2n               several notifiers, one condition each
 *  more-is-exact            notify_more(1) never wakes two
 *  cancel-one, -more        a dropped listener hands its notification on
 *  cancel-data              the hand-on carries what the notifier did before
 *  cancel-twice             two are dropped one after the other, the third gets it
 *  cancel-all               unlisten beside notify_all
 *  listen-unlisten          registering, dropping, asking beside all calls
 *  timeout-one              one winner, and its data is seen
 *  timeout-hand-on          the notification that came too late for one is for the next
 *  timeout-two              two timed waiters, one notification, at most one winner
 *  timeout-cancel           a timed waiter beside one that drops
 *  reuse                    the listener's memory is overwritten when wait returned
 *  any                      two events, two notifiers, both conditions
 *  any-hand-on              the one not waited for any more hands on
 *  any-timeout              a deadline leaves all registered and loses nothing
 *  report                   a long wait is reported, and the hook takes the waiter's token
 *  report-hook              the hook is set while a wait is reported (lib/report.c)
 *  describe, waiters        reading the list while waiters come and go
 *  listening                asking while a waiter comes and goes
 *  as-waiter                waiters that go through a table of the scenario's own
 *  wake-detach              a waiter detaches at once while its waker may still be waking
 */
#include "scenario.h"

#include <errno.h>
#include <stdio.h>

static struct pawl_event event[2];
static struct pawl_atomic_u32 flag[3], ready, wins, work;
static unsigned data;
static struct scn_waiter spinner[MC_THREADS_MAX];

static void setup(void)
{
	for (unsigned i = 0; i < 2; i++)
		pawl_event_init(&event[i]);
	for (unsigned i = 0; i < 3; i++)
		pawl_init_word(&flag[i], 0u);
	pawl_init_word(&ready, 0u);
	pawl_init_word(&wins, 0u);
	pawl_init_word(&work, 0u);
	data = 0;
	for (unsigned i = 0; i < MC_THREADS_MAX; i++)
		scn_waiter_init(&spinner[i], i);
}

static void finish(void)
{
	scn_attach();
	scn_event_as_new(&event[0]);
	scn_event_as_new(&event[1]);
	pawl_thread_detach();
}

/* The loop of the header's example. Returns whether the last thing was a wait. */
static bool wait_for(struct pawl_event *ev, struct pawl_atomic_u32 *condition)
{
	bool waited = false;

	while (!pawl_load_relaxed(condition)) {
		struct pawl_listener listener;

		pawl_event_listen(ev, &listener, "flag", 0);
		if (pawl_load_relaxed(condition)) {
			pawl_event_unlisten(&listener);
			return false;
		}
		pawl_event_wait(&listener);
		memset(&listener, 0xa5, sizeof(listener));
		waited = true;
	}
	return waited;
}

/* ---- one waiter, one notifier ------------------------------------------ */

static void waiter_0(void)
{
	wait_for(&event[0], &flag[0]);
}

static void waiter_1(void)
{
	wait_for(&event[0], &flag[1]);
}

static void notify_one(void)
{
	pawl_store_relaxed(&flag[0], 1u);
	pawl_event_notify(&event[0], 1);
}

static void notify_more(void)
{
	pawl_store_relaxed(&flag[0], 1u);
	pawl_event_notify_more(&event[0], 1);
}

static void notify_all(void)
{
	pawl_store_relaxed(&flag[0], 1u);
	pawl_event_notify_all(&event[0]);
}

static void waiter_twice(void)
{
	wait_for(&event[0], &flag[0]);
	wait_for(&event[0], &flag[1]);
}

static void notify_twice(void)
{
	pawl_store_relaxed(&flag[0], 1u);
	pawl_event_notify(&event[0], 1);
	pawl_store_relaxed(&flag[1], 1u);
	pawl_event_notify(&event[0], 1);
}

static void data_waiter(void)
{
	struct pawl_listener listener;

	pawl_event_listen(&event[0], &listener, "data", 0);
	if (pawl_load_relaxed(&flag[0])) {
		pawl_event_unlisten(&listener);
		return;
	}
	pawl_event_wait(&listener);
	mc_assert(data == 7);
}

static void data_notifier(void)
{
	data = 7;
	notify_one();
}

/* If the second look misses the change, the notifier sees the listener. */
static void look_only(void)
{
	struct pawl_listener listener;

	pawl_event_listen(&event[0], &listener, NULL, 0);
	if (pawl_load_relaxed(&flag[0]))
		pawl_event_unlisten(&listener);
	else
		pawl_event_wait(&listener);
}

/* ---- two waiters ------------------------------------------------------- */

static void notify_two(void)
{
	pawl_store_relaxed(&flag[0], 1u);
	pawl_event_notify(&event[0], 2);
}

static void notify_more_twice(void)
{
	pawl_store_relaxed(&flag[0], 1u);
	pawl_event_notify_more(&event[0], 1);
	pawl_event_notify_more(&event[0], 1);
}

static bool take(void)
{
	uint32_t seen = pawl_load_relaxed(&work);

	while (seen)
		if (pawl_cas_relaxed(&work, &seen, seen - 1))
			return true;
	return false;
}

/* Takes one item. */
static void modest_taker(void)
{
	while (!take()) {
		struct pawl_listener listener;

		pawl_event_listen(&event[0], &listener, "work", 0);
		if (take()) {
			pawl_event_unlisten(&listener);
			break;
		}
		pawl_event_wait(&listener);
	}
}

/* If there is more, somebody else should know. */
static void taker(void)
{
	modest_taker();
	if (pawl_load_relaxed(&work))
		pawl_event_notify(&event[0], 1);
}

/*
 * Threads that sleep as a spinner of the scenario's: fewer steps than a futex has. Thread 0
 * may be registered by setup already, oldest of all: one thread less that comes for the lock.
 */
static struct pawl_listener early[2];

static void as_spinner(void (*body)(void))
{
	(void)pawl_waiter_set(&spinner[mc_thread()].base);
	body();
	(void)pawl_waiter_set(NULL);
}

static void setup_early(unsigned events)
{
	setup();
	scn_attach();
	(void)pawl_waiter_set(&spinner[0].base);
	for (unsigned i = 0; i < events; i++)
		pawl_event_listen(&event[i], &early[i], "flag", i);
	(void)pawl_waiter_set(NULL);
	pawl_thread_detach();
}

static void setup_early_one(void)
{
	setup_early(1);
}

static void setup_early_both(void)
{
	setup_early(2);
}

/* ---- pending-seen ------------------------------------------------------ */

static void setup_pending(void)
{
	setup();
	scn_attach();
	for (unsigned i = 0; i < 2; i++) {
		(void)pawl_waiter_set(&spinner[i].base);
		pawl_event_listen(&event[0], &early[i], "flag", i);
	}
	(void)pawl_waiter_set(NULL);
	pawl_thread_detach();
}

/*
 * The second notification may count this one, who has not come back, and wake nobody. Then the
 * second flag is seen here, by O3 alone, and the other waiter hears of it from here.
 */
static void pass_on_body(void)
{
	pawl_event_wait(&early[0]);
	if (pawl_load_relaxed(&flag[1]))
		pawl_event_notify(&event[0], 1);
}

static void pass_on(void)
{
	as_spinner(pass_on_body);
}

static void wait_second_body(void)
{
	pawl_event_wait(&early[1]);
}

static void wait_second(void)
{
	as_spinner(wait_second_body);
}

/* ------------------------------------------------------------------------ */

static void early_taker_body(void)
{
	pawl_event_wait(&early[0]);
	taker();
}

static void early_taker(void)
{
	as_spinner(early_taker_body);
}

static void spinning_taker(void)
{
	as_spinner(modest_taker);
}

static void early_waiter_body(void)
{
	pawl_event_wait(&early[0]);
	waiter_0();
}

static void early_waiter(void)
{
	as_spinner(early_waiter_body);
}

static void spinning_waiter_1(void)
{
	as_spinner(waiter_1);
}

static void put_two(void)
{
	for (unsigned i = 0; i < 2; i++) {
		pawl_add_relaxed(&work, 1u);
		pawl_event_notify(&event[0], 1);
	}
}

/* ---- several notifiers ------------------------------------------------- */

static void both_waiter(void)
{
	wait_for(&event[0], &flag[1]);
	wait_for(&event[0], &flag[2]);
}

/* Threads 1 and 2. */
static void notify_own(void)
{
	pawl_store_relaxed(&flag[mc_thread()], 1u);
	pawl_event_notify(&event[0], 1);
}

static void notify_own_all(void)
{
	pawl_store_relaxed(&flag[mc_thread() & 1], 1u);
	pawl_event_notify_all(&event[0]);
}

/* ---- more-is-exact, timeout-two ---------------------------------------- */

/* Registers, says so, waits with a deadline, counts the wins. */
static void counted_timed_waiter(void)
{
	struct pawl_listener listener;
	int ret;

	pawl_event_listen(&event[0], &listener, NULL, 0);
	pawl_add_relaxed(&ready, 1u);
	ret = pawl_event_wait_until(&listener, mc_deadline());
	memset(&listener, 0xa5, sizeof(listener));
	mc_assert(ret == 0 || ret == -ETIMEDOUT);
	if (ret == 0)
		pawl_add_relaxed(&wins, 1u);
}

static void more_when_ready(void)
{
	scn_await(&ready, 2);
	pawl_event_notify_more(&event[0], 1);
}

static void one_whenever(void)
{
	pawl_event_notify(&event[0], 1);
}

static void finish_one_win(void)
{
	mc_assert(pawl_load_relaxed(&wins) <= 1);
	finish();
}

/* ---- dropping ---------------------------------------------------------- */

static void dropper(void)
{
	struct pawl_listener listener;

	pawl_event_listen(&event[0], &listener, "dropped", 0);
	pawl_event_unlisten(&listener);
	memset(&listener, 0xa5, sizeof(listener));
}

static void drop_two(void)
{
	struct pawl_listener first, second;

	pawl_event_listen(&event[0], &first, "dropped", 1);
	pawl_event_listen(&event[0], &second, "dropped", 2);
	pawl_event_unlisten(&first);
	memset(&first, 0xa5, sizeof(first));
	pawl_event_unlisten(&second);
	memset(&second, 0xa5, sizeof(second));
}

static void drop_twice(void)
{
	dropper();
	dropper();
}

static void any_notify_twice(void)
{
	for (unsigned i = 0; i < 2; i++) {
		switch (mc_choose(3)) {
		case 0:
			pawl_event_notify(&event[0], 1);
			break;
		case 1:
			pawl_event_notify_more(&event[0], 1);
			break;
		default:
			pawl_event_notify_all(&event[0]);
		}
	}
}

/* ---- deadlines --------------------------------------------------------- */

static void timed_data_waiter(void)
{
	struct pawl_listener listener;
	int ret;

	pawl_event_listen(&event[0], &listener, "data", 0);
	ret = pawl_event_wait_until(&listener, mc_deadline());
	memset(&listener, 0xa5, sizeof(listener));
	mc_assert(ret == 0 || ret == -ETIMEDOUT);
	if (ret == 0)
		mc_assert(data == 7);
}

/* Has no use for the notification; if it gets it, it says it again. */
static void timed_bystander(void)
{
	struct pawl_listener listener;

	pawl_event_listen(&event[0], &listener, "bystander", 0);
	if (pawl_event_wait_until(&listener, mc_deadline()) == 0)
		pawl_event_notify(&event[0], 1);
	memset(&listener, 0xa5, sizeof(listener));
}

/* ---- reuse ------------------------------------------------------------- */

static void reusing_waiter(void)
{
	struct pawl_listener listener;

	for (unsigned i = 0; i < 2; i++) {
		pawl_event_listen(&event[0], &listener, "reuse", i);
		if (pawl_load_relaxed(&flag[i]))
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
		memset(&listener, 0xa5, sizeof(listener));
	}
}

/* ---- wait_any ---------------------------------------------------------- */

static void any_waiter(void)
{
	while (!pawl_load_relaxed(&flag[1]) || !pawl_load_relaxed(&flag[2])) {
		struct pawl_listener listener[2];
		struct pawl_listener *const both[] = {&listener[0], &listener[1]};
		size_t index = 7;
		int ret;

		pawl_event_listen(&event[0], &listener[0], "first", 0);
		pawl_event_listen(&event[1], &listener[1], "second", 0);
		if (pawl_load_relaxed(&flag[1]) && pawl_load_relaxed(&flag[2])) {
			pawl_event_unlisten(&listener[0]);
			pawl_event_unlisten(&listener[1]);
			return;
		}
		ret = pawl_event_wait_any(both, 2, PAWL_FOREVER, &index);
		mc_assert(ret == 0 && index < 2);
		memset(&listener[index], 0xa5, sizeof(listener[0]));
		pawl_event_unlisten(&listener[1 - index]);
	}
}

/* Threads 1 and 2, an event each. */
static void notify_own_event(void)
{
	pawl_store_relaxed(&flag[mc_thread()], 1u);
	pawl_event_notify(&event[mc_thread() - 1], 1);
}

/* The bystander is there before both. */
static void notify_both_events(void)
{
	pawl_event_notify(&event[0], 1);
	pawl_store_relaxed(&flag[1], 1u);
	pawl_event_notify_more(&event[1], 1);
}

/* Waits for either; needs neither; drops the other. */
static void any_bystander_body(void)
{
	struct pawl_listener *const both[] = {&early[0], &early[1]};
	size_t index = 7;
	int ret;

	ret = pawl_event_wait_any(both, 2, PAWL_FOREVER, &index);
	mc_assert(ret == 0 && index < 2);
	memset(&early[index], 0xa5, sizeof(early[0]));
	pawl_event_unlisten(&early[1 - index]);
	/* What it consumed it passes on by hand. */
	if (index == 1)
		pawl_event_notify(&event[1], 1);
}

static void any_bystander(void)
{
	as_spinner(any_bystander_body);
}

static void waiter_event_1_body(void)
{
	wait_for(&event[1], &flag[1]);
}

static void waiter_event_1(void)
{
	as_spinner(waiter_event_1_body);
}

static void any_timed_waiter(void)
{
	struct pawl_listener listener[2];
	struct pawl_listener *const both[] = {&listener[0], &listener[1]};
	size_t index = 7;
	int ret;

	pawl_event_listen(&event[0], &listener[0], "first", 0);
	pawl_event_listen(&event[1], &listener[1], "second", 0);
	ret = pawl_event_wait_any(both, 2, mc_deadline(), &index);
	if (ret == -ETIMEDOUT) {
		mc_assert(index == 7);
		if (pawl_load_relaxed(&flag[0])) {
			pawl_event_unlisten(&listener[0]);
			pawl_event_unlisten(&listener[1]);
			return;
		}
		/* All are still registered: the notification is not lost. */
		ret = pawl_event_wait_any(both, 2, PAWL_FOREVER, &index);
	}
	mc_assert(ret == 0 && index == 0);
	mc_assert(!pawl_event_unlisten(&listener[1]));
}

/* ---- reading the list -------------------------------------------------- */

static void describer(void)
{
	char text[160];
	size_t len = pawl_event_describe(&event[0], text, sizeof(text));

	mc_assert(strlen(text) < sizeof(text));
	mc_assert(len >= strlen(text));
	if (len > 0)
		mc_assert(strstr(text, "flag"));
	notify_one();
}

static void lister(void)
{
	struct pawl_event_waiter list[2];
	size_t count = pawl_event_waiters(&event[0], 2, list);

	mc_assert(count <= 2);
	for (size_t i = 0; i < count; i++)
		mc_assert(!strcmp(list[i].note, "flag") && list[i].note_value == 0);
	notify_two();
}

static void asker(void)
{
	struct pawl_event *ev = &event[0];

	(void)pawl_event_listening(ev);
	notify_one();
	(void)pawl_event_listening(ev);
}

/* ---- report ------------------------------------------------------------ */

/* As a hook may that sleeps: its park takes a token that was left for the wait. */
static void thieving_call(const struct pawl_report_hook *hook, const struct pawl_report *report)
{
	(void)hook;
	mc_assert(report->kind == PAWL_REPORT_WAIT_LONG && report->subject == &event[0]);
	mc_assert(!strcmp(report->text, "waiting for flag 0"));
	(void)pawl_park_until(0);
}

static const struct pawl_report_hook thieving_hook = {.call = thieving_call};

static void setup_report(void)
{
	setup();
	pawl_report_set_hook(&thieving_hook);
	pawl_event_set_report_after(1);
}

static struct pawl_report_hook late_hook;

static void setup_late_hook(void)
{
	setup();
	pawl_report_set_hook(NULL);
	late_hook.call = NULL;
	pawl_event_set_report_after(1);
}

/* The hook is filled in here, in plain memory, and may be called at once. */
static void set_hook_then_notify(void)
{
	late_hook.call = thieving_call;
	pawl_report_set_hook(&late_hook);
	notify_one();
}

static void finish_report(void)
{
	pawl_event_set_report_after(PAWL_FOREVER);
	pawl_report_set_hook(NULL);
	finish();
}

/* ---- as-waiter --------------------------------------------------------- */

static void spinner_waiter(void)
{
	as_spinner(waiter_0);
}

/* ---- wake-detach ------------------------------------------------------- */

static void bare_waiter(void)
{
	scn_attach();
	waiter_0();
	pawl_thread_detach();
}

static void bare_notifier(void)
{
	scn_attach();
	notify_one();
	pawl_thread_detach();
}

#define WAITERS_AND(notifier)                \
	{                                    \
		waiter_0, waiter_0, notifier \
	}

static const char *const tallies[] = {"registry_busy", NULL};

static const struct mc_scenario scenarios[] = {
	{.name = "1w1n", .setup = setup, .threads = {waiter_0, notify_one}, .finish = finish},
	{.name = "1w1n-more",
	 .setup = setup,
	 .threads = {waiter_0, notify_more},
	 .finish = finish,
	 .no_spurious = true,
	 .quick = true},
	{.name = "1w1n-all",
	 .setup = setup,
	 .threads = {waiter_0, notify_all},
	 .finish = finish,
	 .no_spurious = true,
	 .quick = true},
	{.name = "1w1n-twice",
	 .setup = setup,
	 .threads = {waiter_twice, notify_twice},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .quick = true},
	{.name = "data",
	 .setup = setup,
	 .threads = {data_waiter, data_notifier},
	 .finish = finish,
	 .no_spurious = true,
	 .quick = true},
	{.name = "early-exit",
	 .setup = setup,
	 .threads = {look_only, notify_one},
	 .finish = finish,
	 .no_spurious = true,
	 .quick = true},
	{.name = "2w1n-all",
	 .setup = setup,
	 .threads = WAITERS_AND(notify_all),
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .quick = true},
	{.name = "2w1n-n",
	 .setup = setup,
	 .threads = WAITERS_AND(notify_two),
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true},
	{.name = "2w1n-more",
	 .setup = setup,
	 .threads = WAITERS_AND(notify_more_twice),
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true},
	{.name = "2w1n-one-twice",
	 .setup = setup_early_one,
	 .threads = {early_taker, spinning_taker, put_two},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true},
	{.name = "pending-seen",
	 .setup = setup_pending,
	 .threads = {pass_on, wait_second, notify_twice},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .quick = true},
	{.name = "1w2n",
	 .setup = setup,
	 .threads = {both_waiter, notify_own, notify_own},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true},
	{.name = "2w2n",
	 .setup = setup_early_one,
	 .threads = {early_waiter, spinning_waiter_1, notify_own_all, notify_own_all},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true},
	{.name = "more-is-exact",
	 .setup = setup,
	 .threads = {counted_timed_waiter, counted_timed_waiter, more_when_ready},
	 .finish = finish_one_win,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .quick = true},
	{.name = "cancel-one",
	 .setup = setup,
	 .threads = {dropper, waiter_0, notify_one},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .quick = true},
	{.name = "cancel-more",
	 .setup = setup,
	 .threads = {dropper, waiter_0, notify_more},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .quick = true},
	{.name = "cancel-data",
	 .setup = setup,
	 .threads = {dropper, data_waiter, data_notifier},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .quick = true},
	{.name = "cancel-twice",
	 .setup = setup,
	 .threads = {drop_two, waiter_0, notify_one},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true},
	{.name = "cancel-all",
	 .setup = setup,
	 .threads = {dropper, waiter_0, notify_all},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .quick = true},
	{.name = "listen-unlisten",
	 .setup = setup,
	 .threads = {drop_twice, any_notify_twice},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .quick = true},
	{.name = "timeout-one",
	 .setup = setup,
	 .threads = {timed_data_waiter, data_notifier},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "timeout-hand-on",
	 .setup = setup,
	 .threads = {timed_bystander, waiter_0, notify_one},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true},
	{.name = "timeout-two",
	 .setup = setup,
	 .threads = {counted_timed_waiter, counted_timed_waiter, one_whenever},
	 .finish = finish_one_win,
	 .no_spurious = true,
	 .ideal_locks = true},
	{.name = "timeout-cancel",
	 .setup = setup,
	 .threads = {timed_data_waiter, dropper, data_notifier},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true},
	{.name = "reuse",
	 .setup = setup,
	 .threads = {reusing_waiter, notify_twice},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .quick = true},
	{.name = "any",
	 .setup = setup,
	 .threads = {any_waiter, notify_own_event, notify_own_event},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true},
	{.name = "any-hand-on",
	 .setup = setup_early_both,
	 .threads = {any_bystander, waiter_event_1, notify_both_events},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true},
	{.name = "any-timeout",
	 .setup = setup,
	 .threads = {any_timed_waiter, notify_one},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "report",
	 .setup = setup_report,
	 .threads = {waiter_0, notify_one},
	 .finish = finish_report,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .quick = true},
	{.name = "report-hook",
	 .setup = setup_late_hook,
	 .threads = {waiter_0, set_hook_then_notify},
	 .finish = finish_report,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .quick = true},
	{.name = "describe",
	 .setup = setup,
	 .threads = {waiter_0, describer},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .quick = true},
	{.name = "waiters",
	 .setup = setup,
	 .threads = WAITERS_AND(lister),
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true},
	{.name = "listening",
	 .setup = setup,
	 .threads = {waiter_0, asker},
	 .finish = finish,
	 .no_spurious = true,
	 .quick = true},
	{.name = "as-waiter",
	 .setup = setup,
	 .threads = {spinner_waiter, waiter_0, notify_two},
	 .finish = finish,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .quick = true},
	{.name = "wake-detach",
	 .setup = setup,
	 .threads = {bare_waiter, bare_notifier},
	 .finish = finish,
	 .bare = true,
	 .native_divisor = 4,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .tallies = tallies,
	 .quick = true},
};
MC_MAIN(scenarios)
