/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/event.h - wait until somebody says that a condition may hold now.
 *
 *	waiter                                    notifier
 *	while (!condition) {                      make the condition true;
 *		struct pawl_listener l;           pawl_event_notify(&event, 1);
 *		pawl_event_listen(&event, &l, note, 0);
 *		if (condition) {
 *			pawl_event_unlisten(&l);
 *			break;
 *		}
 *		pawl_event_wait(&l);
 *	}
 *
 * A notification that comes after listen() is never lost: either the second
 * look sees the condition, or the wait returns. One that comes when nobody
 * listens is nothing. A listener that was notified and is dropped instead of
 * waited for passes its notification on. Waiters are threads or fibres
 * (pawl/park.h). Every listener carries a note, so that a hang can be asked who
 * waits for what, and for how long.
 *
 * Notify: how many are woken, in the order in which they listened:
 *  pawl_event_notify(n)       so many that n listeners in all have been notified and
 *                             not yet come back (usual: "there is work for n");
 *  pawl_event_notify_more(n)  n more than have been so far ("n more items");
 *  pawl_event_notify_all()    all that listen now.
 *
 *  call                               progress
 *  pawl_event_listen                  a short critical section
 *  pawl_event_unlisten                a short critical section; at times a short wait
 *  pawl_event_wait, _wait_until, _any blocks
 *  pawl_event_notify, _more, _all     nobody listens: wait-free, a fence and a load;
 *                                     else a short critical section, then wakes
 *                                     with nothing held
 *  pawl_event_describe, _waiters      a short critical section
 *
 * No call takes memory. All but init, listening and set_report_after need an
 * attached thread. Notifying is allowed under the caller's own locks (rank below
 * PAWL_LOCK_RANK_EVENT) and in read sections.
 *
 * Lifetimes:
 *  - listener: the caller's, on its stack. Its memory may be reused the moment wait
 *    or unlisten returned, wait_until returned anything, wait_any returned its index;
 *  - event: may be destroyed when no call on it is running and nobody listens. Two
 *    cases are promised beyond that: a waiter that was woken may destroy it as soon
 *    as its wait returned, if it was the only listener and no other notifier comes;
 *    and when notify_all() has returned, the notifier may destroy it if no new listener
 *    comes and all that listened are in pawl_event_wait(): one that times out or is
 *    being dropped just then still has to look at the event. Where that can happen,
 *    count the listeners (a reference each) and let the last one destroy it.
 *
 * Source: the contract is that of the event-listener crate (S. Glavina), the
 * waiting protocol that of Linux wait queues.
 */
#ifndef PAWL_EVENT_H
#define PAWL_EVENT_H

#include <pawl/base.h>
#include <pawl/lock.h>

PAWL_BEGIN_DECLS

struct pawl_waiter;
struct pawl_listener;

/* 16 bytes; all zero is a valid one. Private. */
struct pawl_event {
	struct pawl_lock pawl_lock;
	struct pawl_atomic_u32 pawl_pending;
	struct pawl_atomic_ptr pawl_head;
};
#define PAWL_EVENT_INIT              \
	{                            \
		PAWL_LOCK_INIT, {0}, \
		{                    \
			NULL         \
		}                    \
	}

/* One registration: one cache line, on the waiter's stack. Private. */
struct pawl_listener {
	struct pawl_listener *pawl_next;
	struct pawl_listener *pawl_prev;
	struct pawl_event *pawl_event;
	struct pawl_waiter *pawl_waiter;
	const char *pawl_note;
	uint64_t pawl_note_value;
	struct pawl_atomic_u64 pawl_since_ns;
	struct pawl_atomic_u32 pawl_state;
	uint32_t pawl_how;
};

/*
 * pawl_listener_note() - The note that it was given, and in ret_value its value. Inline: schedulers
 * ask before each sleep, and it is two loads.
 *
 * Requires: it is registered, or was.
 */
static inline const char *pawl_listener_note(const struct pawl_listener *listener,
					     uint64_t *ret_value)
{
	*ret_value = listener->pawl_note_value;
	return listener->pawl_note;
}

/* pawl_event_init() - Make an event. Nobody else can see it yet. */
PAWL_API void pawl_event_init(struct pawl_event *event);

/*
 * pawl_event_listen() - Register `listener`: from now on no notification is missed.
 *
 * Requires: `listener` is not registered. `note` is text that stays for ever (a literal),
 *           or NULL; with `note_value` (an id, a count) it stands in reports.
 * Ordering: a full fence between the registration and what the caller looks at next.
 * Owns:     borrows `listener` until wait, wait_until or unlisten returned.
 */
PAWL_API void pawl_event_listen(struct pawl_event *event, struct pawl_listener *listener,
				const char *note, uint64_t note_value);

/*
 * pawl_event_unlisten() - Drop a listener. If it was notified meanwhile, the notification goes
 * on to the next one in line.
 *
 * Requires: `listener` was registered by the calling thread or fibre; outside sections, no lock
 *           held: it may have to park for a moment, until a notifier that was faster is done
 *           with the listener.
 * Returns:  true if it had been notified.
 */
PAWL_API bool pawl_event_unlisten(struct pawl_listener *listener);

/*
 * pawl_event_wait() - Sleep until notified.
 *
 * Requires: `listener` is registered by the calling thread or fibre; outside sections; no
 *           lock held.
 * Ordering: acquires what the notifier released.
 */
PAWL_API void pawl_event_wait(struct pawl_listener *listener);

/*
 * pawl_event_wait_until() - Sleep until notified or the deadline is over. Exactly one of the
 * two wins; either way the listener is no longer registered.
 *
 * Returns: 0 notified.
 * Errors:  -ETIMEDOUT: the deadline came first; a notification then goes to somebody else.
 */
PAWL_API PAWL_MUST_CHECK int pawl_event_wait_until(struct pawl_listener *listener,
						   uint64_t deadline_ns);

/*
 * pawl_event_wait_any() - Sleep until one of several listeners (of several events) is notified.
 * The others stay registered: unlisten them.
 *
 * Requires: count >= 1; each registered by the calling thread or fibre.
 * Returns:  0, and in ret_index which one; it is no longer registered.
 * Errors:   -ETIMEDOUT: all of them stay registered.
 */
PAWL_API PAWL_MUST_CHECK int pawl_event_wait_any(struct pawl_listener *const *listeners,
						 size_t count, uint64_t deadline_ns,
						 size_t *ret_index);

/* pawl_event_notify() - Make it n notified listeners in all that have not come back yet. */
PAWL_API void pawl_event_notify(struct pawl_event *event, uint32_t n);

/* pawl_event_notify_more() - Notify n listeners more. */
PAWL_API void pawl_event_notify_more(struct pawl_event *event, uint32_t n);

/* pawl_event_notify_all() - Notify all that listen now. */
PAWL_API void pawl_event_notify_all(struct pawl_event *event);

/* pawl_event_listening() - Does anybody listen who is not notified yet? May be old at once. */
PAWL_API bool pawl_event_listening(const struct pawl_event *event);

/* What one listener waits for. */
struct pawl_event_waiter {
	const char *note; /* as given to listen; NULL: none */
	uint64_t note_value;
	const char *kind; /* of waiter: "thread", "fibre" */
	uint64_t number;  /* slot of the thread, id of the fibre */
	uint64_t
		waited_ns; /* since it went to sleep, up to a tick of the system more; 0: has not yet */
	uint64_t reserved[2]; /* 0; later versions give them names */
};

/*
 * pawl_event_waiters() - Who listens and has not been notified, oldest first.
 *
 * Returns: how many there are; of these the first `max` are written to ret_waiters, which may
 *          be NULL if max is 0.
 */
PAWL_API size_t pawl_event_waiters(struct pawl_event *event, size_t max,
				   struct pawl_event_waiter *ret_waiters);

/*
 * pawl_event_describe() - The same as text, a line each ("thread 3 waits 12.041 s: reading cell
 * 17"), cut after 32 waiters.
 *
 * Returns: the length of the whole text without its terminating zero, as snprintf does; at most
 *          len - 1 bytes of it are written. `buf` may be NULL if len is 0.
 */
PAWL_API size_t pawl_event_describe(struct pawl_event *event, char *buf, size_t len);

/*
 * pawl_event_set_report_after() - Waits longer than this are reported once each, by the waiter
 * itself (PAWL_REPORT_WAIT_LONG). PAWL_FOREVER (the start value): never. Counts for waits that
 * begin later. Any thread, attached or not.
 */
PAWL_API void pawl_event_set_report_after(uint64_t ns);

PAWL_END_DECLS

#endif
