/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/event.c: the event is freed as soon as it may be, by who was woken, or by who notified.
 *
 *  notify-free, more-free, all-free, stack-free   the woken waiter frees the event at once
 *  timed-free, any-free     the same when it waited with a deadline, or for two
 *  all-free-notifier        the notifier frees it after notify_all; two listeners
 */
#include "scenario.h"

/* Beside the one that is freed. */
static struct pawl_event other;
static struct pawl_atomic_u32 told, ready;
static struct pawl_atomic_ptr shared;

static void setup(void)
{
	pawl_event_init(&other);
	pawl_init_word(&told, 0u);
	pawl_init_word(&ready, 0u);
	pawl_init_word(&shared, NULL);
}

static void finish(void)
{
	scn_attach();
	scn_event_as_new(&other);
	pawl_thread_detach();
}

static struct pawl_event *make_event(void)
{
	struct pawl_event *ev = scn_alloc(sizeof(*ev));

	pawl_event_init(ev);
	return ev;
}

static void drop_event(struct pawl_event *ev)
{
	memset(ev, 0xa5, sizeof(*ev));
	pawl_mem_free(ev, sizeof(*ev), 0);
}

static void freeing_waiter(void)
{
	struct pawl_event *ev = make_event();
	struct pawl_listener listener;

	pawl_event_listen(ev, &listener, "free", 0);
	pawl_store_release(&shared, ev);
	pawl_event_wait(&listener);
	memset(&listener, 0xa5, sizeof(listener));
	drop_event(ev);
}

static void freeing_stack_waiter(void)
{
	struct pawl_listener listener;
	struct pawl_event ev = PAWL_EVENT_INIT;

	pawl_event_listen(&ev, &listener, "free", 0);
	pawl_store_release(&shared, &ev);
	pawl_event_wait(&listener);
	memset(&ev, 0xa5, sizeof(ev));
	memset(&listener, 0xa5, sizeof(listener));
}

static void freeing_timed_waiter(void)
{
	struct pawl_event *ev = make_event();
	struct pawl_listener listener;

	pawl_event_listen(ev, &listener, "free", 0);
	pawl_store_release(&shared, ev);
	if (pawl_event_wait_until(&listener, mc_deadline()) != 0)
		scn_await(&told, 1); /* The notifier may still come. */
	memset(&listener, 0xa5, sizeof(listener));
	drop_event(ev);
}

static void freeing_any_waiter(void)
{
	struct pawl_event *ev = make_event();
	struct pawl_listener first, second;
	struct pawl_listener *const both[] = {&first, &second};
	size_t index = 7;
	int ret;

	pawl_event_listen(&other, &first, "other", 0);
	pawl_event_listen(ev, &second, "free", 0);
	pawl_store_release(&shared, ev);
	ret = pawl_event_wait_any(both, 2, PAWL_FOREVER, &index);
	mc_assert(ret == 0 && index == 1);
	memset(&second, 0xa5, sizeof(second));
	drop_event(ev);
	mc_assert(!pawl_event_unlisten(&first));
}

static void notify_shared(void)
{
	pawl_event_notify(scn_await_ptr(&shared), 1);
	pawl_store_release(&told, 1u);
}

static void notify_shared_more(void)
{
	pawl_event_notify_more(scn_await_ptr(&shared), 1);
}

static void notify_shared_all(void)
{
	pawl_event_notify_all(scn_await_ptr(&shared));
}

static void setup_shared(void)
{
	setup();
	pawl_init_word(&shared, make_event());
}

static void plain_shared_waiter(void)
{
	struct pawl_event *ev = pawl_load_relaxed(&shared);
	struct pawl_listener listener;

	pawl_event_listen(ev, &listener, "freed by the notifier", 0);
	pawl_add_release(&ready, 1u);
	pawl_event_wait(&listener);
	memset(&listener, 0xa5, sizeof(listener));
}

static void freeing_notifier(void)
{
	struct pawl_event *ev = pawl_load_relaxed(&shared);

	scn_await(&ready, 2);
	pawl_event_notify_all(ev);
	drop_event(ev);
}

static const struct mc_scenario scenarios[] = {
	{.name = "notify-free",
	 .setup = setup,
	 .threads = {freeing_waiter, notify_shared},
	 .finish = finish,
	 .quick = true},
	{.name = "more-free",
	 .setup = setup,
	 .threads = {freeing_waiter, notify_shared_more},
	 .finish = finish,
	 .quick = true},
	{.name = "all-free",
	 .setup = setup,
	 .threads = {freeing_waiter, notify_shared_all},
	 .finish = finish,
	 .quick = true},
	{.name = "stack-free",
	 .setup = setup,
	 .threads = {freeing_stack_waiter, notify_shared},
	 .finish = finish,
	 .quick = true},
	{.name = "timed-free",
	 .setup = setup,
	 .threads = {freeing_timed_waiter, notify_shared},
	 .finish = finish,
	 .quick = true},
	{.name = "any-free",
	 .setup = setup,
	 .threads = {freeing_any_waiter, notify_shared},
	 .finish = finish,
	 .quick = true},
	{.name = "all-free-notifier",
	 .setup = setup_shared,
	 .threads = {plain_shared_waiter, plain_shared_waiter, freeing_notifier},
	 .finish = finish,
	 .no_spurious = true},
};
MC_MAIN(scenarios)
