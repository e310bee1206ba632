/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-counter.c - counters and gates: ours, and what people write by hand: one shared atomic
 * word; a word for each processor, added to by a read-modify-write (LongAdder's way); a mutex;
 * a reader-writer lock as a gate.
 */
#include "bench.h"
#include "work.h"

#include <pawl/counter.h>
#include <pawl/gate.h>
#include <pawl/thread.h>

#include <pthread.h>
#include <sched.h>

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

/* One statement over what all threads share. */
#define SHARED_CASE(NAME, BENCH, CONTENDER, TYPE, BYTES, SETUP, STATEMENT, ENTER, LEAVE, \
		    TEARDOWN)                                                            \
	static void NAME##_work(struct b_worker *w, uint64_t n)                          \
	{                                                                                \
		TYPE *state = w->run->state;                                             \
                                                                                         \
		while (n--) {                                                            \
			STATEMENT;                                                       \
			b_use(state);                                                    \
		}                                                                        \
	}                                                                                \
	static const struct b_case NAME##_case[] = {{.bench = BENCH,                     \
						     .contender = CONTENDER,             \
						     .bytes = BYTES,                     \
						     .setup = SETUP,                     \
						     .enter = ENTER,                     \
						     .work = NAME##_work,                \
						     .leave = LEAVE,                     \
						     .teardown = TEARDOWN}};             \
	B_CASES(NAME##_case)

static int setup_counter(struct b_run *run)
{
	struct pawl_counter *counter;

	if (pawl_counter_create(0, &counter))
		b_die("no counter");
	run->state = counter;
	return 0;
}

static void drop_counter(struct b_run *run)
{
	pawl_counter_destroy(run->state);
}

static int setup_words(struct b_run *run)
{
	run->state = b_alloc(CPU_SETSIZE * PAWL_LINE_BYTES);
	return 0;
}

struct line {
	struct pawl_atomic_u64 word PAWL_ALIGNED(PAWL_LINE_BYTES);
};

SHARED_CASE(ours, "counter-add", "pawl", struct pawl_counter, PAWL_LINE_BYTES, setup_counter,
	    pawl_counter_add(state, 1), enter, leave, drop_counter)
SHARED_CASE(word, "counter-add", "shared word", struct line, 8, setup_words,
	    pawl_add_relaxed(&state->word, 1u), NULL, NULL, b_teardown_free)
SHARED_CASE(percpu, "counter-add", "word a CPU", struct line, PAWL_LINE_BYTES, setup_words,
	    pawl_add_relaxed(&state[sched_getcpu()].word, 1u), NULL, NULL, b_teardown_free)

SHARED_CASE(ours_sum, "counter-read", "pawl", struct pawl_counter, 0, setup_counter,
	    b_use(pawl_counter_read_sum(state)), enter, leave, drop_counter)
SHARED_CASE(ours_fast, "counter-read", "pawl-fast", struct pawl_counter, 0, setup_counter,
	    b_use(pawl_counter_read_fast(state)), enter, leave, drop_counter)

/* ---- gates ------------------------------------------------------------------ */

static int setup_gate(struct b_run *run)
{
	struct pawl_gate *gate;

	if (pawl_gate_create(&gate))
		b_die("no gate");
	run->state = gate;
	return 0;
}

static void drop_gate(struct b_run *run)
{
	pawl_gate_destroy(run->state);
}

SHARED_CASE(
	gate, "gate-pass", "pawl", struct pawl_gate, PAWL_LINE_BYTES, setup_gate,
	{
		pawl_gate_ticket_t ticket;

		if (pawl_gate_try_enter(state, &ticket))
			b_die("closed");
		pawl_gate_leave(state, ticket);
	},
	enter, leave, drop_gate)
SHARED_CASE(
	count, "gate-pass", "shared word", struct line, 8, setup_words,
	{
		pawl_add_acquire(&state->word, 1u);
		pawl_sub_release(&state->word, 1u);
	},
	NULL, NULL, b_teardown_free)

static int setup_rwlock(struct b_run *run)
{
	run->state = b_alloc(sizeof(pthread_rwlock_t));
	pthread_rwlock_init(run->state, NULL);
	return 0;
}

SHARED_CASE(
	rwlock, "gate-pass", "pthread-rwlock", pthread_rwlock_t, sizeof(pthread_rwlock_t),
	setup_rwlock,
	{
		pthread_rwlock_rdlock(state);
		pthread_rwlock_unlock(state);
	},
	NULL, NULL, b_teardown_free)

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
		{.name = "counter-add", .text = "add 1; bytes a thread or CPU"},
		{.name = "counter-read",
		 .text = "read the sum of 8 cells; pawl-fast: what was told"},
		{.name = "gate-pass", .text = "enter + leave an open gate; bytes a thread"},
	};

	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
