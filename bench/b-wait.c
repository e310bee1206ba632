/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-wait.c - locks, events, event counts, parking: ours. The peers are in
 * base-*.c, the workloads in work.h.
 */
#include "bench.h"
#include "work.h"

#include <pawl/ec.h>
#include <pawl/event.h>
#include <pawl/lock.h>
#include <pawl/park.h>
#include <pawl/rcu.h>
#include <pawl/thread.h>

static void enter(struct b_worker *w)
{
	(void)w;
	if (pawl_thread_attach("bench"))
		b_die("cannot attach");
}

static void leave(struct b_worker *w)
{
	(void)w;
	pawl_thread_detach();
}

/* ---- locks --------------------------------------------------------------- */

typedef struct pawl_lock ours_t;

static inline void ours_init(struct pawl_lock *lock)
{
	pawl_lock_init(lock, PAWL_LOCK_RANK_NONE);
}

static inline void ours_lock(struct pawl_lock *lock)
{
	pawl_lock_lock(lock);
}

static inline void ours_unlock(struct pawl_lock *lock)
{
	pawl_lock_unlock(lock);
}

B_LOCK_CASES(ours, "pawl", enter, leave)

/* ---- events and event counts as gates ------------------------------------ */

struct event_gate {
	struct pawl_event event;
	struct pawl_atomic_u32 value;
};

static inline void event_gate_init(struct event_gate *gate)
{
	pawl_event_init(&gate->event);
	pawl_init_word(&gate->value, 0u);
}

static inline void event_gate_post(struct event_gate *gate, uint32_t value, bool all)
{
	pawl_store_release(&gate->value, value);
	if (all)
		pawl_event_notify_all(&gate->event);
	else
		pawl_event_notify(&gate->event, 1);
}

static inline void event_gate_wait(struct event_gate *gate, uint32_t value)
{
	while (pawl_load_acquire(&gate->value) != value) {
		struct pawl_listener listener;

		pawl_event_listen(&gate->event, &listener, "bench", value);
		if (pawl_load_acquire(&gate->value) == value) {
			pawl_event_unlisten(&listener);
			break;
		}
		pawl_event_wait(&listener);
	}
}

B_GATE_CASES(event_gate, "pawl", sizeof(struct pawl_event), enter, leave)

struct ec_gate {
	struct pawl_ec ec;
	struct pawl_atomic_u32 value;
};

static inline void ec_gate_init(struct ec_gate *gate)
{
	pawl_ec_init(&gate->ec);
	pawl_init_word(&gate->value, 0u);
}

static inline void ec_gate_post(struct ec_gate *gate, uint32_t value, bool all)
{
	pawl_store_release(&gate->value, value);
	if (all)
		pawl_ec_notify_all(&gate->ec);
	else
		pawl_ec_notify(&gate->ec, 1);
}

static inline void ec_gate_wait(struct ec_gate *gate, uint32_t value)
{
	while (pawl_load_acquire(&gate->value) != value) {
		pawl_ec_key_t key = pawl_ec_prepare(&gate->ec);

		if (pawl_load_acquire(&gate->value) == value)
			pawl_ec_cancel(&gate->ec);
		else
			pawl_ec_wait(&gate->ec, key);
	}
}

B_GATE_CASES(ec_gate, "pawl-ec", sizeof(struct pawl_ec), enter, leave)

/* ---- park and unpark ----------------------------------------------------- */

struct park_gate {
	struct pawl_waiter *waiter;
	struct pawl_atomic_u32 value;
};

static inline void park_gate_init(struct park_gate *gate)
{
	pawl_init_word(&gate->value, 0u);
}

static inline void park_gate_post(struct park_gate *gate, uint32_t value, bool all)
{
	(void)all;
	pawl_store_release(&gate->value, value);
	pawl_unpark(gate->waiter);
}

static inline void park_gate_wait(struct park_gate *gate, uint32_t value)
{
	while (pawl_load_acquire(&gate->value) != value)
		pawl_park();
}

B_GATE_WORK(park_gate)

/* The threads meet after this, so each side finds the other's waiter. */
static void park_enter(struct b_worker *w)
{
	struct park_gate_pair *pair = w->run->state;

	enter(w);
	pair->side[w->index].gate.waiter = pawl_waiter_self();
}

/*
 * A thread that leaves may not be unparked any more: each side's last act is a
 * wait or a post, and the posts to it were consumed, so only the blocks must stay;
 * they do (struct pawl_waiter).
 */
static const struct b_case park_cases[] = {
	B_GATE_PINGPONG_CASES(park_gate, "park-ping-pong", "pawl", 0, park_enter, leave),
};
B_CASES(park_cases)

/* ---- one thread ---------------------------------------------------------- */

B_LOOP_CASE(notify_event, "event-notify-none", "pawl", struct pawl_event,
	    sizeof(struct pawl_event), pawl_event_init(state), pawl_event_notify(state, 1),
	    enter, leave)

B_LOOP_CASE(notify_ec, "event-notify-none", "pawl-ec", struct pawl_ec, sizeof(struct pawl_ec),
	    pawl_ec_init(state), pawl_ec_notify(state, 1), enter, leave)

/* The floor: what the early exit is made of, without a call. */
B_LOOP_CASE(
	notify_floor, "event-notify-none", "fence+load", struct pawl_atomic_u64, 0,
	pawl_init_word(state, 0u),
	{
		pawl_fence_dekker();
		b_use(pawl_load_relaxed(state));
	},
	NULL, NULL)

B_LOOP_CASE(
	listen_event, "event-listen-unlisten", "pawl", struct pawl_event,
	sizeof(struct pawl_event), pawl_event_init(state),
	{
		struct pawl_listener listener;

		pawl_event_listen(state, &listener, "bench", 0);
		pawl_event_unlisten(&listener);
	},
	enter, leave)

B_LOOP_CASE(
	listen_ec, "event-listen-unlisten", "pawl-ec", struct pawl_ec, sizeof(struct pawl_ec),
	pawl_ec_init(state),
	{
		(void)!pawl_ec_prepare(state);
		pawl_ec_cancel(state);
	},
	enter, leave)

B_LOOP_CASE(
	self_event, "event-self", "pawl", struct pawl_event, sizeof(struct pawl_event),
	pawl_event_init(state),
	{
		struct pawl_listener listener;

		pawl_event_listen(state, &listener, "bench", 0);
		pawl_event_notify(state, 1);
		pawl_event_wait(&listener);
	},
	enter, leave)

B_LOOP_CASE(
	self_ec, "event-self", "pawl-ec", struct pawl_ec, sizeof(struct pawl_ec),
	pawl_ec_init(state),
	{
		pawl_ec_key_t key = pawl_ec_prepare(state);

		pawl_ec_notify(state, 1);
		pawl_ec_wait(state, key);
	},
	enter, leave)

B_LOOP_CASE(
	self_park, "park-self", "pawl", uint64_t, 0, (void)0,
	{
		pawl_unpark(pawl_waiter_self());
		pawl_park();
	},
	enter, leave)

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
		{.name = "lock-free",
		 .text = "lock + count + unlock, each thread its own lock"},
		{.name = "lock-contended",
		 .text = "lock + 4 counts + unlock, one lock; \"outside\" turns of own work between "
			 "(0.3 ns each); p99 of every 64th, 2 clock reads included"},
		{.name = "lock-many",
		 .text = "lock + count + unlock of a random one of many; bytes are lock and count"},
		{.name = "event-notify-none", .text = "notify, nobody listens"},
		{.name = "event-listen-unlisten", .text = "listen + drop the listener"},
		{.name = "event-self", .text = "listen + notify + wait, one thread"},
		{.name = "event-ping-pong",
		 .text = "round trip between two threads; p99 of every 8th",
		 .mode = B_ROUNDS},
		{.name = "event-wake-all",
		 .text = "notify all waiters, the last to come back answers",
		 .mode = B_ROUNDS},
		{.name = "park-self", .text = "unpark + park, one thread"},
		{.name = "park-ping-pong",
		 .text = "round trip between two threads; p99 of every 8th",
		 .mode = B_ROUNDS},
	};

	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
