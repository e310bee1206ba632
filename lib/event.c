/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event.c - listeners on an event.
 *
 * An event is a lock, a circular list of the listeners that wait (oldest first), and the number of
 * those that were notified and have not come back ("pending"). A listener's state:
 *
 *  LISTED    in the list                         set by its owner, under the lock
 *  DETACHED  a notifier has taken it out and      set by the notifier, under the lock
 *            will store NOTIFIED
 *  NOTIFIED  the notifier is done with it         the notifier's last touch, release
 *  IDLE      not registered                       its owner
 *
 * A notifier takes listeners out under the lock, into a chain of its own, releases the lock, and only
 * then stores NOTIFIED in one after the other and wakes. So nobody is woken with the lock
 * held, and whoever was woken may throw listener and event away: the notifier has touched both for
 * the last time. What it still needs, the next link and the waiter, it reads before the store.
 *
 * Timeout against notify: whoever gets the lock first. A listener that is LISTED under the lock
 * leaves by itself (timeout); one that is not has been notified and only waits for the store.
 *
 * Ordering:
 *  O1 listen() links, then fences, then the caller looks at the condition; a notifier makes the
 *     condition true, fences, then looks whether anybody is linked. One fence comes first, so one of
 *     them sees the other. This is the only early exit; all others are made under the lock.
 *  O2 state NOTIFIED is stored with release, read with acquire: what the notifier did before is
 *     visible to who was notified.
 *  O3 pending: a notifier that finds enough listeners on their way back notifies nobody, so they
 *     must see its condition when they look again. It reads the number by a releasing
 *     read-modify-write, they lower it by an acquiring one before they look: either the
 *     lowering comes second and acquires, or the notifier sees the lowered number.
 *     Plain loads would need a fence on both sides here. Under the lock relaxed is enough.
 *  List links, `how` and the chain are plain: under the lock, then the notifier's until O2.
 *
 * notify_all does not count: those that it woke have no successor to hand on to (everybody was
 * told), and do not touch the event again when they come back from pawl_event_wait().
 *
 * A wait that outlasts pawl_event_set_report_after() is cut in two: a timed one up to the
 * limit, the report, then one without; no thread watches.
 *
 * Progress: listen, unlisten, notify block on the event's lock, held for a few dozen instructions
 * (notify: per listener). No call takes memory.
 *
 * Rejected: a second early exit "somebody is already notified" before the lock (the lost wake-ups
 * of event-listener before 5.3.1); storing NOTIFIED under the lock (the woken
 * could not free the event).
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/event.h>
#include <pawl/park.h>

#include "check.h"
#include "park-internal.h"
#include "report-internal.h"
#include "thread-internal.h"

PAWL_STATIC_ASSERT(sizeof(struct pawl_event) == 16,
		   "an event is cheap enough for every object");
PAWL_STATIC_ASSERT(sizeof(struct pawl_listener) == 64, "a listener is one cache line");

enum state { IDLE, LISTED, DETACHED, NOTIFIED };

/* In which way a listener was notified. */
enum how { BY_NOTIFY, BY_ALL };

/* PAWL_FOREVER - ns, so that zero (never) needs no initialiser. Relaxed: a setting. */
static struct pawl_atomic_u64 report_never_minus;

void pawl_event_init(struct pawl_event *event)
{
	pawl_lock_init(&event->pawl_lock, PAWL_LOCK_RANK_EVENT);
	pawl_init_word(&event->pawl_pending, 0u);
	pawl_init_word(&event->pawl_head, (void *)NULL);
}

/* --- The list, under the lock. --- */

static struct pawl_listener *head_locked(struct pawl_event *event)
{
	return pawl_load_relaxed(&event->pawl_head);
}

static void append_locked(struct pawl_event *event, struct pawl_listener *listener)
{
	struct pawl_listener *head = head_locked(event);

	if (head) {
		listener->pawl_next = head;
		listener->pawl_prev = head->pawl_prev;
		head->pawl_prev->pawl_next = listener;
		head->pawl_prev = listener;
	} else {
		listener->pawl_next = listener;
		listener->pawl_prev = listener;
		/* Relaxed: a notifier that looks outside the lock only asks for NULL (O1). */
		pawl_store_relaxed(&event->pawl_head, (void *)listener);
	}
}

static void remove_locked(struct pawl_event *event, struct pawl_listener *listener)
{
	struct pawl_listener *next = listener->pawl_next;

	if (next == listener)
		next = NULL;
	listener->pawl_prev->pawl_next = listener->pawl_next;
	listener->pawl_next->pawl_prev = listener->pawl_prev;
	if (head_locked(event) == listener)
		pawl_store_relaxed(&event->pawl_head, (void *)next);
}

/* Take up to `most` listeners out, into a chain. Returns it; how many in ret_taken. */
static struct pawl_listener *detach_locked(struct pawl_event *event, uint32_t most,
					   enum how how, uint32_t *ret_taken)
{
	struct pawl_listener *chain = NULL;
	struct pawl_listener **end = &chain;
	struct pawl_listener *listener;
	uint32_t taken = 0;

	while (taken < most && (listener = head_locked(event))) {
		remove_locked(event, listener);
		listener->pawl_how = how;
		/* Relaxed: its owner looks under the lock, or waits for NOTIFIED. */
		pawl_store_relaxed(&listener->pawl_state, DETACHED);
		*end = listener;
		end = &listener->pawl_next;
		taken++;
	}
	*end = NULL;
	*ret_taken = taken;
	return chain;
}

/* --- Notifying. --- */

/* Tell the detached ones. The lock is not held; each listener is gone after its store (O2). */
static void wake(struct pawl_listener *chain)
{
	while (chain) {
		struct pawl_listener *next = chain->pawl_next;
		struct pawl_waiter *waiter = chain->pawl_waiter;

		pawl_store_release(&chain->pawl_state, NOTIFIED); /* O2 */
		pawl_unpark(waiter);
		chain = next;
	}
}

static bool nobody_listens(struct pawl_event *event)
{
	pawl_fence_dekker(); /* O1 */
	return !pawl_load_relaxed(&event->pawl_head);
}

/*
 * How many are on their way back. It is raised under the lock only, so 0 is exact and nobody
 * can be lowering it; any other number is to be read so that those who lower it acquire (O3).
 */
static uint32_t pending_locked(struct pawl_event *event)
{
	uint32_t pending = pawl_load_relaxed(&event->pawl_pending);

	return pending ? pawl_add_release(&event->pawl_pending, 0u) : 0;
}

static void raise_pending_locked(struct pawl_event *event, uint32_t pending, uint32_t by)
{
	/* Relaxed: those who lower it are ordered by O2. */
	if (pending)
		pawl_add_relaxed(&event->pawl_pending, by);
	else
		pawl_store_relaxed(&event->pawl_pending, by);
}

void pawl_event_notify(struct pawl_event *event, uint32_t n)
{
	struct pawl_listener *chain = NULL;
	uint32_t pending, taken;

	if (!n || nobody_listens(event))
		return;
	pawl_lock_lock(&event->pawl_lock);
	pending = pending_locked(event);
	if (pending < n) {
		chain = detach_locked(event, n - pending, BY_NOTIFY, &taken);
		raise_pending_locked(event, pending, taken);
	}
	pawl_lock_unlock(&event->pawl_lock);
	wake(chain);
}

void pawl_event_notify_more(struct pawl_event *event, uint32_t n)
{
	struct pawl_listener *chain;
	uint32_t taken;

	if (!n || nobody_listens(event))
		return;
	pawl_lock_lock(&event->pawl_lock);
	chain = detach_locked(event, n, BY_NOTIFY, &taken);
	raise_pending_locked(event, pawl_load_relaxed(&event->pawl_pending), taken);
	pawl_lock_unlock(&event->pawl_lock);
	wake(chain);
}

void pawl_event_notify_all(struct pawl_event *event)
{
	struct pawl_listener *chain;
	uint32_t taken;

	if (nobody_listens(event))
		return;
	pawl_lock_lock(&event->pawl_lock);
	chain = detach_locked(event, UINT32_MAX, BY_ALL, &taken);
	pawl_lock_unlock(&event->pawl_lock);
	wake(chain);
}

bool pawl_event_listening(const struct pawl_event *event)
{
	return pawl_load_relaxed(&event->pawl_head) != NULL;
}

/* --- Listening. --- */

void pawl_event_listen(struct pawl_event *event, struct pawl_listener *listener,
		       const char *note, uint64_t note_value)
{
	listener->pawl_event = event;
	listener->pawl_waiter = pawl_waiter_self();
	listener->pawl_note = note;
	listener->pawl_note_value = note_value;
	listener->pawl_how = BY_NOTIFY;
	pawl_init_word(&listener->pawl_since_ns, 0u);
	pawl_init_word(&listener->pawl_state, LISTED);

	pawl_lock_lock(&event->pawl_lock);
	append_locked(event, listener);
	pawl_lock_unlock(&event->pawl_lock);
	pawl_fence_dekker(); /* O1 */
}

static bool notified(const struct pawl_listener *listener)
{
	return pawl_load_acquire(&listener->pawl_state) == NOTIFIED; /* O2 */
}

/* The listener was notified and its owner comes back. */
static void come_back(struct pawl_listener *listener)
{
	if (listener->pawl_how != BY_ALL)
		pawl_sub_acquire(&listener->pawl_event->pawl_pending, 1u); /* O3 */
	pawl_store_relaxed(&listener->pawl_state, IDLE);
}

static void require_may_wait(const struct pawl_listener *listener)
{
	PAWL_REQUIRE(pawl_load_relaxed(&listener->pawl_state) != IDLE &&
		     "the listener is registered");
	if (PAWL_DEBUG_BUILD)
		pawl__may_park(pawl__self_required());
}

/*
 * Leave the list, if a notifier has not come first. Returns false if one has; then the
 * listener is NOTIFIED.
 */
static bool leave(struct pawl_listener *listener)
{
	struct pawl_event *event = listener->pawl_event;
	bool listed;

	if (notified(listener))
		return false;
	pawl_lock_lock(&event->pawl_lock);
	listed = pawl_load_relaxed(&listener->pawl_state) == LISTED;
	if (listed)
		remove_locked(event, listener);
	pawl_lock_unlock(&event->pawl_lock);
	if (listed) {
		pawl_store_relaxed(&listener->pawl_state, IDLE);
		return true;
	}
	/* DETACHED: the notifier is between its lock and its store, and will unpark. */
	while (!notified(listener))
		pawl_park();
	return false;
}

/* Pass a notification on that its receiver does not want. */
static void hand_on(struct pawl_event *event)
{
	struct pawl_listener *chain;
	uint32_t taken;

	pawl_lock_lock(&event->pawl_lock);
	chain = detach_locked(event, 1, BY_NOTIFY, &taken);
	if (!taken)
		pawl_sub_relaxed(&event->pawl_pending, 1u); /* O3: the lock orders this one. */
	pawl_lock_unlock(&event->pawl_lock);
	wake(chain);
}

bool pawl_event_unlisten(struct pawl_listener *listener)
{
	require_may_wait(listener);
	if (leave(listener))
		return false;
	if (listener->pawl_how != BY_ALL && PAWL_MC_STEP("hand-on"))
		hand_on(listener->pawl_event);
	pawl_store_relaxed(&listener->pawl_state, IDLE);
	return true;
}

/* --- Waiting. --- */

static bool any_notified(struct pawl_listener *const *listeners, size_t count,
			 size_t *ret_index)
{
	for (size_t i = 0; i < count; i++) {
		if (notified(listeners[i])) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

static void report_long_wait(const struct pawl_listener *listener, uint64_t waited_ns)
{
	char text[160];

	snprintf(text, sizeof(text), "waiting for %s %" PRIu64,
		 listener->pawl_note ? listener->pawl_note : "an event without a note",
		 listener->pawl_note_value);
	pawl__report(PAWL_REPORT_WAIT_LONG, text, waited_ns, listener->pawl_event);
}

/*
 * Sleep until one of them is notified (which one in ret_index, true) or the deadline is
 * over (false).
 */
static bool sleep_any(struct pawl_listener *const *listeners, size_t count,
		      uint64_t deadline_ns, size_t *ret_index)
{
	uint64_t never_minus = pawl_load_relaxed(&report_never_minus);
	uint64_t report_ns = PAWL_FOREVER;
	uint64_t start_ns;

	if (any_notified(listeners, count, ret_index))
		return true;
	if (!deadline_ns)
		return false;
	/* Of a wait that nobody times a tick more or less does not matter: reading the clock is a fifth of it. */
	start_ns = never_minus ? pawl_now_ns() : pawl__now_coarse_ns();
	for (size_t i = 0; i < count; i++)
		pawl_store_relaxed(&listeners[i]->pawl_since_ns, start_ns);
	if (never_minus && PAWL_FOREVER - never_minus < PAWL_FOREVER - start_ns)
		report_ns = start_ns + (PAWL_FOREVER - never_minus);

	/* Each look comes immediately before a park: the hook may sleep, too, and take the token. */
	while (!any_notified(listeners, count, ret_index)) {
		uint64_t until_ns = deadline_ns < report_ns ? deadline_ns : report_ns;

		if (pawl_park_until(until_ns) || any_notified(listeners, count, ret_index))
			continue;
		if (until_ns == deadline_ns)
			return false;
		report_ns = PAWL_FOREVER;
		for (size_t i = 0; i < count; i++)
			report_long_wait(listeners[i], pawl_now_ns() - start_ns);
	}
	return true;
}

int pawl_event_wait_any(struct pawl_listener *const *listeners, size_t count,
			uint64_t deadline_ns, size_t *ret_index)
{
	PAWL_REQUIRE(count);
	for (size_t i = 0; i < count; i++)
		require_may_wait(listeners[i]);
	if (!sleep_any(listeners, count, deadline_ns, ret_index))
		return -ETIMEDOUT;
	come_back(listeners[*ret_index]);
	return 0;
}

int pawl_event_wait_until(struct pawl_listener *listener, uint64_t deadline_ns)
{
	size_t index;

	require_may_wait(listener);
	if (!sleep_any(&listener, 1, deadline_ns, &index) && leave(listener))
		return -ETIMEDOUT;
	come_back(listener);
	return 0;
}

void pawl_event_wait(struct pawl_listener *listener)
{
	int error = pawl_event_wait_until(listener, PAWL_FOREVER);

	PAWL_REQUIRE(!error);
}

void pawl_event_set_report_after(uint64_t ns)
{
	pawl_store_relaxed(&report_never_minus, PAWL_FOREVER - ns);
}

/* --- Asking. --- */

size_t pawl_event_waiters(struct pawl_event *event, size_t max,
			  struct pawl_event_waiter *ret_waiters)
{
	uint64_t now_ns = pawl_now_ns();
	struct pawl_listener *head, *listener;
	size_t count = 0;

	pawl_lock_lock(&event->pawl_lock);
	head = listener = head_locked(event);
	while (listener) {
		if (count < max) {
			struct pawl_event_waiter *out = &ret_waiters[count];
			uint64_t since_ns = pawl_load_relaxed(&listener->pawl_since_ns);

			out->note = listener->pawl_note;
			out->note_value = listener->pawl_note_value;
			out->kind = listener->pawl_waiter->ops->kind;
			out->number = listener->pawl_waiter->number;
			out->waited_ns = 0;
			memset(out->reserved, 0, sizeof(out->reserved));
			if (since_ns)
				out->waited_ns = now_ns > since_ns ? now_ns - since_ns : 1;
		}
		count++;
		listener = listener->pawl_next;
		if (listener == head)
			break;
	}
	pawl_lock_unlock(&event->pawl_lock);
	return count;
}

#define DESCRIBE_MAX 32

/* A text that is cut to fit, and its whole length. */
struct text {
	char *buf;
	size_t len, used;
};

static PAWL_PRINTF(2, 3) void text_add(struct text *text, const char *format, ...)
{
	size_t room = text->used < text->len ? text->len - text->used : 0;
	va_list args;
	int added;

	va_start(args, format);
	added = vsnprintf(room ? text->buf + text->used : NULL, room, format, args);
	va_end(args);
	if (added > 0)
		text->used += (size_t)added;
}

size_t pawl_event_describe(struct pawl_event *event, char *buf, size_t len)
{
	struct pawl_event_waiter waiters[DESCRIBE_MAX];
	struct text text = {buf, len, 0};
	size_t count = pawl_event_waiters(event, DESCRIBE_MAX, waiters);

	if (len)
		buf[0] = '\0';
	for (size_t i = 0; i < count && i < DESCRIBE_MAX; i++) {
		const struct pawl_event_waiter *waiter = &waiters[i];

		text_add(&text, "%s %" PRIu64, waiter->kind, waiter->number);
		if (waiter->waited_ns)
			text_add(&text, " waits %" PRIu64 ".%03" PRIu64 " s",
				 waiter->waited_ns / 1000000000u,
				 waiter->waited_ns / 1000000u % 1000u);
		else
			text_add(&text, " is about to wait");
		text_add(&text, ": %s %" PRIu64 "\n", waiter->note ? waiter->note : "no note",
			 waiter->note_value);
	}
	if (count > DESCRIBE_MAX)
		text_add(&text, "and %zu more\n", count - DESCRIBE_MAX);
	return text.used;
}
