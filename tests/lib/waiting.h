/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * waiting.h - for the tests of what waits: loops that wait for another thread, and a waiter of
 * the test's own behind the table of pawl/park.h.
 */
#ifndef TESTS_LIB_WAITING_H
#define TESTS_LIB_WAITING_H

#include "harness.h"

#include <pawl.h>

#include <pthread.h>
#include <time.h>

/* Wait until `cond`; that is a step. The watchdog has the loops that never end. */
#define await(cond)                 \
	do {                        \
		t_wait_until(cond); \
		t_step();           \
	} while (0)

static inline bool word_is(struct pawl_atomic_u32 *word, uint32_t value)
{
	return pawl_load_acquire(word) == value;
}

#define await_word(word, value) await(word_is((word), (value)))

/* Number of tokens that the calling thread finds: they are taken away. */
static inline unsigned drain_tokens(void)
{
	unsigned tokens = 0;

	while (pawl_park_until(0))
		tokens++;
	return tokens;
}

/*
 * A waiter that sleeps on a condition variable and counts what is asked of it. `gate` keeps a
 * parked one asleep although its token is there, so that a test decides when it goes
 * on. `spurious` parks return at once with nothing.
 */
struct fake_waiter {
	struct pawl_waiter base;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	/* Under the mutex. */
	bool token;
	bool gate;
	unsigned spurious;
	unsigned parks, unparks, asleep;
	uint64_t deadlines[4]; /* of the first parks */
};

static inline struct fake_waiter *fake_of(struct pawl_waiter *base)
{
	return PAWL_CONTAINER_OF(base, struct fake_waiter, base);
}

static inline bool fake_park_locked(struct fake_waiter *fake, uint64_t deadline_ns)
{
	struct timespec deadline = {
		.tv_sec = (time_t)(deadline_ns / 1000000000u),
		.tv_nsec = (long)(deadline_ns % 1000000000u),
	};
	bool over = false;

	while ((!fake->token || fake->gate) && !over) {
		if (deadline_ns == PAWL_FOREVER)
			pthread_cond_wait(&fake->cond, &fake->mutex);
		else
			over = pthread_cond_timedwait(&fake->cond, &fake->mutex, &deadline) !=
			       0;
	}
	if (!fake->token)
		return false;
	fake->token = false;
	return true;
}

static inline bool fake_park(struct pawl_waiter *base, uint64_t deadline_ns)
{
	struct fake_waiter *fake = fake_of(base);
	bool ret = true;

	pthread_mutex_lock(&fake->mutex);
	if (fake->parks < 4)
		fake->deadlines[fake->parks] = deadline_ns;
	fake->parks++;
	if (fake->spurious) {
		fake->spurious--;
	} else {
		fake->asleep++;
		pawl_rcu_idle_enter();
		ret = fake_park_locked(fake, deadline_ns);
		pawl_rcu_idle_leave();
		fake->asleep--;
	}
	pthread_mutex_unlock(&fake->mutex);
	t_step();
	return ret;
}

static inline void fake_unpark(struct pawl_waiter *base)
{
	struct fake_waiter *fake = fake_of(base);

	pthread_mutex_lock(&fake->mutex);
	fake->unparks++;
	fake->token = true;
	pthread_cond_broadcast(&fake->cond);
	pthread_mutex_unlock(&fake->mutex);
}

static const struct pawl_waiter_ops fake_ops = {
	.park = fake_park,
	.unpark = fake_unpark,
	.kind = "fake",
	.own_thread = true,
};

static inline void fake_init(struct fake_waiter *fake, uint64_t number)
{
	pthread_condattr_t attr;

	*fake = (struct fake_waiter){.base = {.ops = &fake_ops, .number = number}};
	pthread_mutex_init(&fake->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&fake->cond, &attr);
	pthread_condattr_destroy(&attr);
}

static inline void fake_fini(struct fake_waiter *fake)
{
	pthread_cond_destroy(&fake->cond);
	pthread_mutex_destroy(&fake->mutex);
}

/* A count of the waiter, read under its mutex. */
static inline unsigned fake_count(struct fake_waiter *fake, const unsigned *count)
{
	unsigned value;

	pthread_mutex_lock(&fake->mutex);
	value = *count;
	pthread_mutex_unlock(&fake->mutex);
	return value;
}

#define fake_parks(fake)   fake_count((fake), &(fake)->parks)
#define fake_unparks(fake) fake_count((fake), &(fake)->unparks)
#define fake_asleep(fake)  fake_count((fake), &(fake)->asleep)

/* Close: from now on it does not wake. Open: it wakes if its token is there. */
static inline void fake_gate(struct fake_waiter *fake, bool closed)
{
	pthread_mutex_lock(&fake->mutex);
	fake->gate = closed;
	pthread_cond_broadcast(&fake->cond);
	pthread_mutex_unlock(&fake->mutex);
}

#endif
