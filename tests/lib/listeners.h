/* SPDX-License-Identifier: BSD-2-Clause */
/* listeners.h - what the tests of events share: listeners in numbers, who is still in line, threads that wait. */
#ifndef T_LISTENERS_H
#define T_LISTENERS_H

#include "waiting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MANY 40

/* `count` listeners, numbered in the order in which they listen. */
static inline void listen_many(struct pawl_event *event, struct pawl_listener *listeners,
			       unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		pawl_event_listen(event, &listeners[i], "many", i);
}

/* Comes back from a wait that is over at once: was it notified? It is registered no more. */
static inline bool comes_back(struct pawl_listener *listener)
{
	int ret = pawl_event_wait_until(listener, 0);

	assert_true(ret == 0 || ret == -ETIMEDOUT);
	memset(listener, 0xa5, sizeof(*listener));
	t_step();
	return ret == 0;
}

/* Who is still in line: the numbers must be those given, in this order. */
static inline void assert_line(struct pawl_event *event, const unsigned *numbers,
			       unsigned count)
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
static inline void assert_as_new(struct pawl_event *event)
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

struct sleeper {
	struct pawl_event *event;
	uint64_t deadline_ns;
	uint64_t number;
	struct fake_waiter *fake;
	struct pawl_atomic_u32 listening, returned;
	int ret;
	struct t_thread *thread;
};

static inline void sleeper_body(void *arg)
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
static inline void sleeper_start(struct sleeper *sleeper, struct pawl_event *event,
				 uint64_t number, uint64_t deadline_ns,
				 struct fake_waiter *fake)
{
	*sleeper = (struct sleeper){
		.event = event, .deadline_ns = deadline_ns, .number = number, .fake = fake};
	sleeper->thread = t_thread_start(sleeper_body, sleeper);
	await_word(&sleeper->listening, 1);
}

static inline void await_asleep(struct pawl_event *event, size_t count)
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

#endif
