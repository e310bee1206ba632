/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests of lib/park.c: the token, deadlines, the waiter table.
 */
#include "waiting.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In the place of the C library's: by how many calls of it a thread has given its processor away. */
static _Thread_local unsigned yields;

int sched_yield(void)
{
	yields++;
	return (int)syscall(SYS_sched_yield);
}

/* ---- who one sleeps as ------------------------------------------------- */

static void case_self_is_the_thread(void **state)
{
	struct pawl_waiter *self = pawl_waiter_self();

	(void)state;
	assert_ptr_equal(self, pawl_waiter_thread());
	assert_string_equal(self->ops->kind, "thread");
	assert_int_equal(self->number, pawl_thread_slot());
	assert_ptr_equal(pawl_waiter_self(), self);
}

struct other_thread {
	struct pawl_waiter *seen;
	struct pawl_waiter *seen_thread;
	uint64_t number;
};

static void note_waiter(void *arg)
{
	struct other_thread *other = arg;

	other->seen = pawl_waiter_self();
	other->seen_thread = pawl_waiter_thread();
	other->number = other->seen->number;
	t_check(other->number == pawl_thread_slot());
}

static void case_each_thread_has_its_own(void **state)
{
	struct other_thread other = {0};

	(void)state;
	t_thread_join(t_thread_start(note_waiter, &other));
	assert_non_null(other.seen);
	assert_ptr_not_equal(other.seen, pawl_waiter_self());
	assert_ptr_equal(other.seen, other.seen_thread);
	assert_int_not_equal(other.number, pawl_thread_slot());
}

/* ---- the token --------------------------------------------------------- */

static void case_token_is_sticky(void **state)
{
	(void)state;
	drain_tokens();
	pawl_unpark(pawl_waiter_self());
	pawl_park();
	t_step();
	assert_false(pawl_park_until(0));
	pawl_unpark(pawl_waiter_thread());
	assert_true(pawl_park_until(PAWL_FOREVER));
	assert_false(pawl_park_until(0));
}

static void case_tokens_are_one(void **state)
{
	(void)state;
	drain_tokens();
	for (unsigned i = 0; i < 5; i++)
		pawl_unpark(pawl_waiter_self());
	assert_int_equal(drain_tokens(), 1);
}

static void case_deadline_over(void **state)
{
	(void)state;
	drain_tokens();
	assert_false(pawl_park_until(0));
	assert_false(pawl_park_until(1));
	assert_false(pawl_park_until(pawl_now_ns() - 1));
	assert_false(pawl_park_until(pawl_now_ns()));
	t_step();
}

static void case_token_before_a_deadline_that_is_over(void **state)
{
	const uint64_t deadlines[] = {0, 1, pawl_now_ns(), PAWL_FOREVER - 1, PAWL_FOREVER};

	(void)state;
	drain_tokens();
	for (unsigned i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++) {
		pawl_unpark(pawl_waiter_self());
		assert_true(pawl_park_until(deadlines[i]));
		assert_false(pawl_park_until(0));
		t_step();
	}
}

/*
 * Who is about to sleep sleeps. It once called sched_yield() first, and where other programs were ready it came
 * back a slice later, milliseconds, not asleep and not to be woken meanwhile.
 */
static void case_nothing_is_given_away_before_sleeping(void **state)
{
	(void)state;
	drain_tokens();
	yields = 0;
	for (unsigned i = 0; i < 3; i++)
		assert_false(pawl_park_until(pawl_deadline_in(1000)));
	assert_int_equal(yields, 0);
}

static void case_deadline_is_not_early(void **state)
{
	(void)state;
	drain_tokens();
	for (uint64_t ns = 1; ns <= 4000000; ns *= 3) {
		uint64_t deadline = pawl_deadline_in(ns);

		assert_false(pawl_park_until(deadline));
		assert_true(pawl_now_ns() >= deadline);
		t_step();
	}
}

/* ---- two threads ------------------------------------------------------- */

struct pair {
	struct pawl_atomic_ptr waiter;
	struct pawl_atomic_u32 turn;
	uint64_t deadline_ns;
	uint64_t data; /* goes with the token */
	unsigned rounds;
};

static void sleep_once(void *arg)
{
	struct pair *pair = arg;

	drain_tokens();
	pawl_store_release(&pair->waiter, pawl_waiter_self());
	t_check(pawl_park_until(pair->deadline_ns));
	t_check(pair->data == 7);
	t_check(!pawl_park_until(0));
}

/* Deadlines that are far away are not over, however large the number. */
static void case_far_deadlines(void **state)
{
	const uint64_t deadlines[] = {
		pawl_deadline_in(UINT64_C(3600) * 1000000000u),
		INT64_MAX - 1,
		INT64_MAX,
		(uint64_t)INT64_MAX + 1,
		PAWL_FOREVER - 1,
		PAWL_FOREVER,
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++) {
		struct pair pair = {.deadline_ns = deadlines[i]};
		struct t_thread *thread = t_thread_start(sleep_once, &pair);
		struct pawl_waiter *waiter;

		await((waiter = pawl_load_acquire(&pair.waiter)));
		/* With and without a chance for it to fall asleep first. */
		for (unsigned n = 0; n < i * 100; n++)
			t_yield();
		pair.data = 7;
		pawl_unpark(waiter);
		t_thread_join(thread);
		t_step();
	}
}

static void sleep_rounds(void *arg)
{
	struct pair *pair = arg;

	drain_tokens();
	pawl_store_release(&pair->waiter, pawl_waiter_self());
	for (unsigned round = 1; round <= pair->rounds; round++) {
		pawl_store_release(&pair->turn, round);
		pawl_park();
		t_check(pair->data == round);
		t_step();
	}
	t_check(!pawl_park_until(0));
}

static void case_data_comes_with_the_token(void **state)
{
	struct pair pair = {.rounds = t_scaled(3000)};
	struct t_thread *thread = t_thread_start(sleep_rounds, &pair);

	(void)state;
	for (unsigned round = 1; round <= pair.rounds; round++) {
		await_word(&pair.turn, round);
		pair.data = round;
		pawl_unpark(pawl_load_acquire(&pair.waiter));
	}
	t_thread_join(thread);
}

/* A timeout and a token: the token is consumed by that park, or waits for the next. */
static void sleep_timed_rounds(void *arg)
{
	struct pair *pair = arg;
	unsigned timeouts = 0;

	/* Without slack the sleeper wakes at its deadline, which is when the token comes. */
	prctl(PR_SET_TIMERSLACK, 1);
	drain_tokens();
	pawl_store_release(&pair->waiter, pawl_waiter_self());
	for (unsigned round = 1; round <= pair->rounds; round++) {
		pair->deadline_ns = pawl_deadline_in(20000 + t_random_below(20000));
		pawl_store_release(&pair->turn, round);
		if (!pawl_park_until(pair->deadline_ns)) {
			timeouts++;
			pawl_park();
		}
		t_check(pair->data == round);
		t_check(!pawl_park_until(0));
		t_step();
	}
	pair->data = timeouts;
}

static void case_timeout_against_unpark(void **state)
{
	struct pair pair = {.rounds = t_scaled(10000)};
	struct t_thread *thread = t_thread_start(sleep_timed_rounds, &pair);

	(void)state;
	for (unsigned round = 1; round <= pair.rounds; round++) {
		uint64_t when_ns;

		await_word(&pair.turn, round);
		when_ns = pair.deadline_ns + t_random_below(6000) - 1000;
		while (pawl_now_ns() < when_ns)
			pawl_pause();
		pair.data = round;
		pawl_unpark(pawl_load_acquire(&pair.waiter));
	}
	t_thread_join(thread);
	print_message("# %llu of %u rounds timed out first\n", (unsigned long long)pair.data,
		      pair.rounds);
}

/* Several wakers, relaxed flags: every one's is seen although tokens merge. */
#define WAKERS 3
struct many {
	struct pawl_atomic_ptr waiter;
	struct pawl_atomic_u32 round;
	struct pawl_atomic_u32 flags[WAKERS];
	struct pawl_atomic_u32 next;
	unsigned rounds;
};

static void wake_rounds(void *arg)
{
	struct many *many = arg;
	unsigned me = pawl_add_relaxed(&many->next, 1u);

	for (unsigned round = 1; round <= many->rounds; round++) {
		await_word(&many->round, round);
		pawl_store_relaxed(&many->flags[me], round);
		pawl_unpark(pawl_load_acquire(&many->waiter));
	}
}

static void case_tokens_merge_and_none_is_lost(void **state)
{
	struct many many = {.rounds = t_scaled(2000)};
	struct t_thread *threads[WAKERS];

	(void)state;
	pawl_store_release(&many.waiter, pawl_waiter_self());
	for (unsigned i = 0; i < WAKERS; i++)
		threads[i] = t_thread_start(wake_rounds, &many);
	for (unsigned round = 1; round <= many.rounds; round++) {
		pawl_store_release(&many.round, round);
		for (unsigned i = 0; i < WAKERS; i++)
			while (pawl_load_relaxed(&many.flags[i]) != round)
				pawl_park();
		t_step();
	}
	for (unsigned i = 0; i < WAKERS; i++)
		t_thread_join(threads[i]);
	drain_tokens();
}

/* What the library does for itself in between takes nobody's token. */
struct contended {
	struct pawl_lock lock;
	struct pawl_atomic_u32 held, quit;
};

static void hold_and_release(void *arg)
{
	struct contended *contended = arg;

	for (uint32_t round = 1; !pawl_load_acquire(&contended->quit); round++) {
		pawl_lock_lock(&contended->lock);
		pawl_store_release(&contended->held, round);
		/* Long enough for the other one to fall asleep. */
		for (unsigned n = 0; n < 1000; n++)
			t_yield();
		pawl_lock_unlock(&contended->lock);
		for (unsigned n = 0; n < 10; n++)
			t_yield();
	}
}

static void case_a_contended_lock_takes_no_token(void **state)
{
	struct contended contended = {.lock = PAWL_LOCK_INIT};
	struct t_thread *thread = t_thread_start(hold_and_release, &contended);
	unsigned lost = 0;

	(void)state;
	for (unsigned round = t_scaled(50); round; round--) {
		uint32_t held = pawl_load_acquire(&contended.held);

		await(pawl_load_acquire(&contended.held) != held);
		pawl_unpark(pawl_waiter_self());
		pawl_lock_lock(&contended.lock);
		pawl_lock_unlock(&contended.lock);
		lost += drain_tokens() == 0;
		t_step();
	}
	pawl_store_release(&contended.quit, 1u);
	t_thread_join(thread);
	assert_int_equal(lost, 0);
}

/* ---- the waiter table -------------------------------------------------- */

static void case_set_waiter(void **state)
{
	struct pawl_waiter *thread = pawl_waiter_thread();
	struct fake_waiter fake, second;

	(void)state;
	fake_init(&fake, 77);
	fake_init(&second, 78);
	assert_null(pawl_waiter_set(NULL));
	assert_null(pawl_waiter_set(&fake.base));
	assert_ptr_equal(pawl_waiter_self(), &fake.base);
	assert_ptr_equal(pawl_waiter_thread(), thread);
	assert_ptr_equal(pawl_waiter_set(&second.base), &fake.base);
	assert_ptr_equal(pawl_waiter_self(), &second.base);
	assert_ptr_equal(pawl_waiter_set(NULL), &second.base);
	assert_ptr_equal(pawl_waiter_self(), thread);
	/* The thread's own waiter may be named, too. */
	assert_null(pawl_waiter_set(thread));
	assert_ptr_equal(pawl_waiter_self(), thread);
	pawl_waiter_set(NULL);
	fake_fini(&fake);
	fake_fini(&second);
}

static void case_set_is_for_one_thread(void **state)
{
	struct other_thread other = {0};
	struct fake_waiter fake;

	(void)state;
	fake_init(&fake, 1);
	pawl_waiter_set(&fake.base);
	t_thread_join(t_thread_start(note_waiter, &other));
	pawl_waiter_set(NULL);
	assert_ptr_not_equal(other.seen, &fake.base);
	fake_fini(&fake);
}

static void case_park_goes_through_the_table(void **state)
{
	struct fake_waiter fake;
	uint64_t deadline;

	(void)state;
	fake_init(&fake, 5);
	drain_tokens();
	pawl_waiter_set(&fake.base);

	pawl_unpark(&fake.base);
	assert_int_equal(fake_unparks(&fake), 1);
	pawl_park();
	assert_int_equal(fake_parks(&fake), 1);
	assert_true(fake.deadlines[0] == PAWL_FOREVER);

	deadline = pawl_deadline_in(1000);
	assert_false(pawl_park_until(deadline));
	assert_int_equal(fake_parks(&fake), 2);
	assert_true(fake.deadlines[1] == deadline);

	/* A wake-up for nothing is handed through. */
	fake.spurious = 1;
	assert_true(pawl_park_until(0));
	assert_true(fake.deadlines[2] == 0);

	pawl_unpark(&fake.base);
	assert_true(pawl_park_until(0));
	pawl_waiter_set(NULL);
	assert_int_equal(fake_unparks(&fake), 2);
	/* The thread's own token was in nobody's hands. */
	assert_false(pawl_park_until(0));
	fake_fini(&fake);
}

static void unpark_it(void *arg)
{
	pawl_unpark(arg);
}

static void case_thread_token_while_sleeping_as_another(void **state)
{
	struct fake_waiter fake;

	(void)state;
	fake_init(&fake, 5);
	drain_tokens();
	pawl_waiter_set(&fake.base);
	t_thread_join(t_thread_start(unpark_it, pawl_waiter_thread()));
	assert_false(pawl_park_until(0));
	pawl_waiter_set(NULL);
	assert_true(pawl_park_until(0));
	fake_fini(&fake);
}

static void case_fake_is_woken_by_a_thread(void **state)
{
	struct fake_waiter fake;
	struct t_thread *thread;

	(void)state;
	fake_init(&fake, 5);
	pawl_waiter_set(&fake.base);
	thread = t_thread_start(unpark_it, &fake.base);
	pawl_park();
	pawl_waiter_set(NULL);
	t_thread_join(thread);
	fake_fini(&fake);
}

/* A thread that comes later starts as itself and without a token, whose block it may have. */
static void set_and_leave(void *arg)
{
	pawl_waiter_set(arg);
	pawl_unpark(pawl_waiter_thread());
	pawl_waiter_set(NULL);
}

static void case_next_thread_starts_as_itself(void **state)
{
	struct other_thread other = {0};
	struct fake_waiter fake;

	(void)state;
	fake_init(&fake, 5);
	for (unsigned i = 0; i < 8; i++) {
		t_thread_join(t_thread_start(set_and_leave, &fake.base));
		t_thread_join(t_thread_start(note_waiter, &other));
		assert_ptr_not_equal(other.seen, &fake.base);
		assert_ptr_equal(other.seen, other.seen_thread);
	}
	fake_fini(&fake);
}

/* ---- the clock --------------------------------------------------------- */

static void case_clock(void **state)
{
	uint64_t before = pawl_now_ns();
	struct timespec now;
	uint64_t ns;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	assert_true(before <= ns);
	assert_true(ns <= pawl_now_ns());
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t next = pawl_now_ns();

		assert_true(next >= before);
		before = next;
	}
}

static void case_deadline_in(void **state)
{
	uint64_t now = pawl_now_ns();

	(void)state;
	assert_true(pawl_deadline_in(0) >= now);
	assert_true(pawl_deadline_in(1000) >= now + 1000);
	assert_true(pawl_deadline_in(1000) <= pawl_now_ns() + 1000);
	assert_true(pawl_deadline_in(PAWL_FOREVER) == PAWL_FOREVER);
	assert_true(pawl_deadline_in(PAWL_FOREVER - 1) == PAWL_FOREVER);
	/* now only grows: this is too far whenever it is asked. */
	assert_true(pawl_deadline_in(PAWL_FOREVER - now) == PAWL_FOREVER);
	assert_true(pawl_deadline_in(PAWL_FOREVER / 2) < PAWL_FOREVER);
	assert_true(pawl_deadline_in(PAWL_FOREVER / 2) >= PAWL_FOREVER / 2 + now);
}

static void ask_the_clock(void *arg)
{
	*(uint64_t *)arg = pawl_deadline_in(5) - pawl_now_ns();
}

static void case_clock_needs_no_attachment(void **state)
{
	uint64_t ns = 0;

	(void)state;
	t_thread_join(t_thread_start_bare(ask_the_clock, &ns));
	assert_true(ns <= 5 || ns > PAWL_FOREVER / 2);
}

/* ---- contracts --------------------------------------------------------- */

static void park_unattached(void *arg)
{
	(void)arg;
	pawl_park();
}

static void self_unattached(void *arg)
{
	(void)arg;
	(void)pawl_waiter_self();
}

static void case_unattached_aborts(void **state)
{
	(void)state;
	pawl_thread_detach();
	assert_true(t_aborts(park_unattached, NULL, "attached"));
	assert_true(t_aborts(self_unattached, NULL, "attached"));
}

#ifdef PAWL_DEBUG
static void park_in_section(void *arg)
{
	(void)arg;
	pawl_rcu_begin();
	(void)pawl_park_until(0);
}

static void park_with_lock(void *arg)
{
	struct pawl_lock lock = PAWL_LOCK_INIT;

	(void)arg;
	pawl_lock_lock(&lock);
	(void)pawl_park_until(0);
}

static void set_with_lock(void *arg)
{
	struct pawl_lock lock = PAWL_LOCK_INIT;

	(void)arg;
	pawl_lock_lock(&lock);
	pawl_waiter_set(NULL);
}

static void set_in_section(void *arg)
{
	(void)arg;
	pawl_rcu_begin();
	pawl_waiter_set(NULL);
}
#endif

static void case_debug_checks(void **state)
{
	(void)state;
#ifdef PAWL_DEBUG
	assert_true(t_aborts(park_in_section, NULL, "section"));
	assert_true(t_aborts(park_with_lock, NULL, "lock"));
	assert_true(t_aborts(set_with_lock, NULL, "lock"));
	assert_true(t_aborts(set_in_section, NULL, "section"));
#else
	skip();
#endif
}

static int oom_park(void)
{
	int err = pawl_thread_attach("oom");

	if (err) {
		t_check(!pawl_thread_attached());
		return err;
	}
	pawl_unpark(pawl_waiter_self());
	pawl_park();
	t_check(!pawl_park_until(0));
	pawl_thread_detach();
	return 0;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_self_is_the_thread),
		cmocka_unit_test(case_each_thread_has_its_own),
		cmocka_unit_test(case_token_is_sticky),
		cmocka_unit_test(case_tokens_are_one),
		cmocka_unit_test(case_deadline_over),
		cmocka_unit_test(case_token_before_a_deadline_that_is_over),
		cmocka_unit_test(case_nothing_is_given_away_before_sleeping),
		cmocka_unit_test(case_deadline_is_not_early),
		cmocka_unit_test(case_far_deadlines),
		cmocka_unit_test(case_data_comes_with_the_token),
		cmocka_unit_test(case_timeout_against_unpark),
		cmocka_unit_test(case_tokens_merge_and_none_is_lost),
		cmocka_unit_test(case_a_contended_lock_takes_no_token),
		cmocka_unit_test(case_set_waiter),
		cmocka_unit_test(case_set_is_for_one_thread),
		cmocka_unit_test(case_park_goes_through_the_table),
		cmocka_unit_test(case_thread_token_while_sleeping_as_another),
		cmocka_unit_test(case_fake_is_woken_by_a_thread),
		cmocka_unit_test(case_next_thread_starts_as_itself),
		cmocka_unit_test(case_clock),
		cmocka_unit_test(case_deadline_in),
		cmocka_unit_test(case_clock_needs_no_attachment),
		cmocka_unit_test(case_unattached_aborts),
		cmocka_unit_test(case_debug_checks),
		T_OOM(oom_park),
	};

	return t_run("park", cases);
}
