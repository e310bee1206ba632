/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fibres at locks, beside threads: who is woken, who gets the lock, and whose thread runs meanwhile.
 */
#include "sched.h"
#include "waiting.h"

struct counter {
	struct pawl_lock lock;
	unsigned count; /* under the lock */
	unsigned rounds;
	struct pawl_atomic_u32 slept;
};

static void count_as(struct counter *counter, bool as_fiber)
{
	for (unsigned i = 0; i < counter->rounds; i++) {
		if (as_fiber)
			pawl_lock_lock_as(&counter->lock, pawl_waiter_self());
		else
			pawl_lock_lock(&counter->lock);
		counter->count++;
		if (i % 64 == 0)
			t_yield();
		pawl_lock_unlock(&counter->lock);
		t_step();
		if (as_fiber && i % 16 == 0)
			pawl_fiber_suspend();
	}
}

static void count_on_fiber(void *arg)
{
	count_as(arg, true);
}

/* A plain lock on a fibre blocks the thread, and is a lock all the same. */
static void count_on_fiber_plainly(void *arg)
{
	count_as(arg, false);
}

static void count_on_thread(void *arg)
{
	count_as(arg, false);
}

static void case_locks(void **state)
{
	struct counter counter = {.lock = PAWL_LOCK_INIT, .rounds = t_scaled(4000)};
	struct t_thread *threads[2];
	struct sched sched;

	(void)state;
	sched_init(&sched);
	for (unsigned i = 0; i < 2; i++)
		threads[i] = t_thread_start(count_on_thread, &counter);
	for (unsigned i = 0; i < 6; i++)
		spawn(&sched, i < 4 ? count_on_fiber : count_on_fiber_plainly, &counter);
	sched_run(&sched);
	for (unsigned i = 0; i < 2; i++)
		t_thread_join(threads[i]);
	assert_int_equal(counter.count, 8 * counter.rounds);
	sched_fini(&sched);
}

/*
 * A thread that blocks for a lock does not depend on a fibre of its own that wants it as well: the
 * fibre cannot run before the thread goes on. (A fibre that was woken for a free lock, and the thread
 * asleep behind it in the queue; or a fibre that was handed the lock, and the thread
 * wants it.)
 */
struct shared {
	struct pawl_lock lock;
	struct pawl_retire_node node;
	struct pawl_atomic_u32 step, told;
	unsigned count; /* under the lock */
};

static struct shared shared;

static void shared_init(void)
{
	pawl_lock_init(&shared.lock, 0);
	pawl_init_word(&shared.step, 0u);
	pawl_init_word(&shared.told, 0u);
	shared.count = 0;
}

static void hold_until_told(void *arg)
{
	(void)arg;
	pawl_lock_lock(&shared.lock);
	pawl_store_release(&shared.step, 1u);
	pawl_rcu_idle_enter();
	await_word(&shared.told, 1);
	pawl_rcu_idle_leave();
	pawl_lock_unlock(&shared.lock);
}

static void count_shared(void *arg)
{
	(void)arg;
	pawl_lock_lock_as(&shared.lock, pawl_waiter_self());
	shared.count++;
	pawl_lock_unlock(&shared.lock);
}

static void tell_holder(struct pawl_retire_node *node)
{
	(void)node;
	pawl_store_release(&shared.told, 1u);
}

/* Its batch goes to the reclaimer when a thread goes to sleep: then it is in the lock's queue. */
static void case_thread_behind_its_fiber(void **state)
{
	struct t_thread *thread;
	struct pawl_fiber *fiber;
	struct sched sched;

	(void)state;
	shared_init();
	sched_init(&sched);
	thread = t_thread_start(hold_until_told, NULL);
	await_word(&shared.step, 1);
	fiber = spawn(&sched, count_shared, NULL);
	assert_int_equal(pawl_fiber_state(fiber), PAWL_FIBER_PARKED);
	(void)pawl_retire(&shared.node, 1, tell_holder);
	pawl_lock_lock_as(&shared.lock, pawl_waiter_thread());
	assert_int_equal(shared.count, 0);
	pawl_lock_unlock(&shared.lock);
	sched_run(&sched);
	assert_int_equal(shared.count, 1);
	t_thread_join(thread);
	pawl_retire_barrier();
	sched_fini(&sched);
}

static void hold_twice(void *arg)
{
	(void)arg;
	for (unsigned i = 1; i <= 2; i++) {
		pawl_lock_lock(&shared.lock);
		pawl_store_release(&shared.step, i);
		await_word(&shared.told, i);
		pawl_lock_unlock(&shared.lock);
	}
	pawl_store_release(&shared.step, 3u);
}

static void case_lock_is_not_handed_to_a_fiber(void **state)
{
	struct t_thread *thread;
	struct pawl_fiber *fiber;
	struct sched sched;

	(void)state;
	shared_init();
	sched_init(&sched);
	thread = t_thread_start(hold_twice, NULL);
	await_word(&shared.step, 1);
	fiber = spawn(&sched, count_shared, NULL);
	/* Woken, and it does not run before the other thread has the lock again. */
	pawl_store_release(&shared.told, 1u);
	await_word(&shared.step, 2);
	await_word(&sched.readies, 1);
	assert_true(sched_turn(&sched));
	assert_int_equal(pawl_fiber_state(fiber), PAWL_FIBER_PARKED);
	pawl_store_release(&shared.told, 2u);
	await_word(&shared.step, 3);
	assert_false(pawl_lock_is_locked(&shared.lock));
	pawl_lock_lock(&shared.lock);
	assert_int_equal(shared.count, 0);
	pawl_lock_unlock(&shared.lock);
	sched_run(&sched);
	assert_int_equal(shared.count, 1);
	t_thread_join(thread);
	sched_fini(&sched);
}

/* While a fibre sleeps for a lock, others of its thread run. */
struct held {
	struct pawl_lock lock;
	struct pawl_atomic_u32 taken, other_ran;
};

static void hold_until_other_ran(void *arg)
{
	struct held *held = arg;

	pawl_lock_lock(&held->lock);
	pawl_store_release(&held->taken, 1u);
	t_wait_until(pawl_load_acquire(&held->other_ran));
	pawl_lock_unlock(&held->lock);
}

static void lock_it(void *arg)
{
	struct held *held = arg;

	pawl_lock_lock_as(&held->lock, pawl_waiter_self());
	pawl_lock_unlock(&held->lock);
}

static void run_meanwhile(void *arg)
{
	pawl_store_release(&((struct held *)arg)->other_ran, 1u);
}

static void case_lock_as_gives_the_thread_away(void **state)
{
	struct held held = {.lock = PAWL_LOCK_INIT};
	struct t_thread *thread = t_thread_start(hold_until_other_ran, &held);
	struct pawl_fiber *fiber;
	struct sched sched;

	(void)state;
	sched_init(&sched);
	await_word(&held.taken, 1);
	fiber = spawn(&sched, lock_it, &held);
	assert_int_equal(pawl_fiber_state(fiber), PAWL_FIBER_PARKED);
	spawn(&sched, run_meanwhile, &held);
	sched_run(&sched);
	t_thread_join(thread);
	sched_fini(&sched);
}

/* A lock taken on the way leaves the fibre's own token where it is. */
static void lock_keeps_token(void *arg)
{
	pawl_unpark(pawl_waiter_self());
	lock_it(arg);
	t_check(pawl_park_until(0));
}

static void case_lock_keeps_the_token(void **state)
{
	struct held held = {.lock = PAWL_LOCK_INIT};
	struct t_thread *thread = t_thread_start(hold_until_other_ran, &held);
	struct sched sched;

	(void)state;
	sched_init(&sched);
	await_word(&held.taken, 1);
	spawn(&sched, lock_keeps_token, &held);
	spawn(&sched, run_meanwhile, &held);
	sched_run(&sched);
	t_thread_join(thread);
	sched_fini(&sched);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_locks),
		cmocka_unit_test(case_thread_behind_its_fiber),
		cmocka_unit_test(case_lock_is_not_handed_to_a_fiber),
		cmocka_unit_test(case_lock_as_gives_the_thread_away),
		cmocka_unit_test(case_lock_keeps_the_token),
	};

	return t_run("fiber-lock", cases);
}
