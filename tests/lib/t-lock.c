/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests of lib/lock.c: exclusion, pairs, hand-over, waiters of other kinds, ranks.
 */
#include "waiting.h"

/* ---- one thread -------------------------------------------------------- */

static void case_zero_is_a_free_lock(void **state)
{
	struct pawl_lock zero = {{0}}, initialised = PAWL_LOCK_INIT, made;

	(void)state;
	pawl_lock_init(&made, PAWL_LOCK_RANK_NONE);
	assert_false(pawl_lock_is_locked(&zero));
	assert_false(pawl_lock_is_locked(&initialised));
	assert_false(pawl_lock_is_locked(&made));
	pawl_lock_lock(&zero);
	pawl_lock_lock(&initialised);
	pawl_lock_lock(&made);
	assert_true(pawl_lock_is_locked(&zero));
	pawl_lock_unlock(&zero);
	pawl_lock_unlock(&initialised);
	pawl_lock_unlock(&made);
	assert_false(pawl_lock_is_locked(&zero));
}

static void case_ranks_of_all_sizes(void **state)
{
	const unsigned ranks[] = {0, 1, 29999, PAWL_LOCK_RANK_EVENT, PAWL_LOCK_RANK_MAX};

	(void)state;
	for (unsigned i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++) {
		struct pawl_lock lock;

		pawl_lock_init(&lock, ranks[i]);
		assert_false(pawl_lock_is_locked(&lock));
		for (unsigned n = 0; n < 3; n++) {
			pawl_lock_lock(&lock);
			assert_true(pawl_lock_is_locked(&lock));
			pawl_lock_unlock(&lock);
			assert_true(pawl_lock_trylock(&lock));
			pawl_lock_unlock(&lock);
		}
		assert_false(pawl_lock_is_locked(&lock));
	}
}

struct try_result {
	struct pawl_lock *lock;
	bool taken;
};

static void try_it(void *arg)
{
	struct try_result *result = arg;

	result->taken = pawl_lock_trylock(result->lock);
	if (result->taken)
		pawl_lock_unlock(result->lock);
}

/* What another thread finds. */
static bool free_for_others(struct pawl_lock *lock)
{
	struct try_result result = {.lock = lock};

	t_thread_join(t_thread_start(try_it, &result));
	t_step();
	return result.taken;
}

static void case_trylock(void **state)
{
	struct pawl_lock lock = PAWL_LOCK_INIT;

	(void)state;
	assert_true(free_for_others(&lock));
	assert_true(pawl_lock_trylock(&lock));
	assert_true(pawl_lock_is_locked(&lock));
	assert_false(pawl_lock_trylock(&lock));
	assert_false(free_for_others(&lock));
	pawl_lock_unlock(&lock);
	assert_true(free_for_others(&lock));
	pawl_lock_lock(&lock);
	assert_false(free_for_others(&lock));
	pawl_lock_unlock(&lock);
	assert_false(pawl_lock_is_locked(&lock));
}

static void case_pairs(void **state)
{
	struct pawl_lock locks[2] = {PAWL_LOCK_INIT, PAWL_LOCK_INIT};

	(void)state;
	for (unsigned order = 0; order < 4; order++) {
		struct pawl_lock *a = &locks[order & 1], *b = &locks[!(order & 1)];

		pawl_lock_lock_pair(a, b);
		assert_false(free_for_others(a));
		assert_false(free_for_others(b));
		if (order & 2)
			pawl_lock_unlock_pair(b, a);
		else
			pawl_lock_unlock_pair(a, b);
		assert_true(free_for_others(a));
		assert_true(free_for_others(b));
	}
}

static void case_pair_given_back_one_by_one(void **state)
{
	struct pawl_lock locks[2] = {PAWL_LOCK_INIT, PAWL_LOCK_INIT};

	(void)state;
	for (unsigned first = 0; first < 2; first++) {
		pawl_lock_lock_pair(&locks[0], &locks[1]);
		pawl_lock_unlock(&locks[first]);
		assert_true(free_for_others(&locks[first]));
		assert_false(free_for_others(&locks[!first]));
		pawl_lock_unlock(&locks[!first]);
	}
	/* And what was taken one by one goes back as a pair. */
	pawl_lock_lock(&locks[0]);
	pawl_lock_lock(&locks[1]);
	pawl_lock_unlock_pair(&locks[0], &locks[1]);
	assert_false(pawl_lock_is_locked(&locks[0]));
	assert_false(pawl_lock_is_locked(&locks[1]));
}

static void case_pair_of_one(void **state)
{
	struct pawl_lock lock;

	(void)state;
	pawl_lock_init(&lock, PAWL_LOCK_RANK_USER);
	for (unsigned i = 0; i < 3; i++) {
		pawl_lock_lock_pair(&lock, &lock);
		assert_false(free_for_others(&lock));
		pawl_lock_unlock_pair(&lock, &lock);
		assert_true(free_for_others(&lock));
	}
}

static void case_in_a_section(void **state)
{
	struct pawl_lock lock = PAWL_LOCK_INIT;

	(void)state;
	pawl_rcu_begin();
	pawl_lock_lock(&lock);
	assert_true(pawl_lock_is_locked(&lock));
	pawl_lock_unlock(&lock);
	pawl_rcu_end();
}

/* ---- many threads ------------------------------------------------------ */

#define THREADS 4
#define LOCKS	600 /* more than the table has places: some share one */

struct crowd {
	struct pawl_lock locks[LOCKS];
	uint64_t counters[LOCKS];
	unsigned count, rounds;
	struct pawl_atomic_u32 taken; /* by trylock */
};

static struct crowd *crowd_make(unsigned count, unsigned rounds)
{
	struct crowd *crowd = pawl_mem_zalloc(sizeof(*crowd), 0);

	assert_non_null(crowd);
	crowd->count = count;
	crowd->rounds = rounds;
	for (unsigned i = 0; i < LOCKS; i++)
		pawl_lock_init(&crowd->locks[i], PAWL_LOCK_RANK_USER);
	return crowd;
}

static void crowd_run(struct crowd *crowd, void (*body)(void *))
{
	struct t_thread *threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		threads[i] = t_thread_start(body, crowd);
	for (unsigned i = 0; i < THREADS; i++)
		t_thread_join(threads[i]);
}

static void crowd_drop(struct crowd *crowd, uint64_t expected)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < LOCKS; i++) {
		assert_false(pawl_lock_is_locked(&crowd->locks[i]));
		sum += crowd->counters[i];
	}
	pawl_mem_free(crowd, sizeof(*crowd), 0);
	assert_int_equal(sum, expected);
}

static void hold_a_little(void)
{
	switch (t_random_below(64)) {
	case 0:
		t_yield(); /* preempted while it holds the lock: others fall asleep */
		break;
	case 1:
		for (unsigned i = 0; i < 500; i++)
			pawl_pause();
		break;
	}
}

static void count_up(void *arg)
{
	struct crowd *crowd = arg;

	for (unsigned i = 0; i < crowd->rounds; i++) {
		unsigned n = (unsigned)t_random_below(crowd->count);

		pawl_lock_lock(&crowd->locks[n]);
		crowd->counters[n]++;
		hold_a_little();
		pawl_lock_unlock(&crowd->locks[n]);
		t_step();
	}
}

static void case_exclusion(void **state)
{
	struct crowd *crowd = crowd_make(1, t_scaled(20000));
	unsigned rounds = crowd->rounds;

	(void)state;
	crowd_run(crowd, count_up);
	crowd_drop(crowd, (uint64_t)THREADS * rounds);
}

static void case_many_locks(void **state)
{
	/* Few that are fought for, then many. */
	for (unsigned count = 2; count <= LOCKS; count *= 17) {
		struct crowd *crowd = crowd_make(count, t_scaled(10000));
		unsigned rounds = crowd->rounds;

		crowd_run(crowd, count_up);
		crowd_drop(crowd, (uint64_t)THREADS * rounds);
	}
	(void)state;
}

static void count_up_tried(void *arg)
{
	struct crowd *crowd = arg;

	for (unsigned i = 0; i < crowd->rounds; i++) {
		if (t_random_below(2)) {
			pawl_lock_lock(&crowd->locks[0]);
		} else if (!pawl_lock_trylock(&crowd->locks[0])) {
			t_step();
			continue;
		}
		pawl_add_relaxed(&crowd->taken, 1u);
		crowd->counters[0]++;
		hold_a_little();
		pawl_lock_unlock(&crowd->locks[0]);
	}
}

static void case_trylock_beside_lock(void **state)
{
	struct crowd *crowd = crowd_make(1, t_scaled(20000));

	(void)state;
	crowd_run(crowd, count_up_tried);
	crowd_drop(crowd, pawl_load_relaxed(&crowd->taken));
}

static void count_up_pairs(void *arg)
{
	struct crowd *crowd = arg;

	for (unsigned i = 0; i < crowd->rounds; i++) {
		unsigned a = (unsigned)t_random_below(crowd->count);
		unsigned b = (unsigned)t_random_below(crowd->count);

		pawl_lock_lock_pair(&crowd->locks[a], &crowd->locks[b]);
		crowd->counters[a]++;
		crowd->counters[b]++;
		hold_a_little();
		pawl_lock_unlock_pair(&crowd->locks[a], &crowd->locks[b]);
		t_step();
	}
}

static void case_pairs_in_all_orders(void **state)
{
	for (unsigned count = 2; count <= 4; count++) {
		struct crowd *crowd = crowd_make(count, t_scaled(10000));
		unsigned rounds = crowd->rounds;

		crowd_run(crowd, count_up_pairs);
		crowd_drop(crowd, 2 * (uint64_t)THREADS * rounds);
	}
	(void)state;
}

/* A waiter is kept until nobody can be unparking it any more: till the end of all. */
struct as_crowd {
	struct crowd *crowd;
	struct t_barrier *end;
};

static void count_up_as(void *arg)
{
	struct as_crowd *as = arg;
	struct crowd *crowd = as->crowd;
	struct fake_waiter fake;

	fake_init(&fake, pawl_thread_slot());
	pawl_waiter_set(&fake.base);
	for (unsigned i = 0; i < crowd->rounds; i++) {
		if (t_random_below(2))
			pawl_lock_lock_as(&crowd->locks[0], &fake.base);
		else
			pawl_lock_lock(&crowd->locks[0]);
		crowd->counters[0]++;
		hold_a_little();
		pawl_lock_unlock(&crowd->locks[0]);
		t_step();
	}
	pawl_waiter_set(NULL);
	t_barrier_wait(as->end);
	fake_fini(&fake);
}

static void case_waiters_of_both_kinds(void **state)
{
	struct as_crowd as = {.crowd = crowd_make(1, t_scaled(5000)),
			      .end = t_barrier_make(THREADS)};
	struct t_thread *threads[THREADS];
	unsigned rounds = as.crowd->rounds;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		threads[i] = t_thread_start(count_up_as, &as);
	for (unsigned i = 0; i < THREADS; i++)
		t_thread_join(threads[i]);
	t_barrier_drop(as.end);
	crowd_drop(as.crowd, (uint64_t)THREADS * rounds);
}

/*
 * So many sleepers at once, on as many locks, that some share a place of the table, behind and
 * before each other: each holds a lock and sleeps for the next one's.
 */
#define CHAIN 48

struct link {
	struct pawl_lock *mine, *next;
	struct pawl_atomic_u32 *there, *turn;
	uint32_t when;
};

static void sleep_in_chain(void *arg)
{
	struct link *link = arg;

	pawl_lock_lock(link->mine);
	pawl_add_release(link->there, 1u);
	await(pawl_load_acquire(link->turn) >= link->when);
	pawl_lock_lock(link->next);
	pawl_lock_unlock(link->next);
	pawl_lock_unlock(link->mine);
	t_step();
}

static void case_many_sleepers_on_many_locks(void **state)
{
	static struct pawl_lock locks[LOCKS];

	(void)state;
	for (unsigned round = t_scaled(20); round; round--) {
		struct pawl_lock *chosen[LOCKS];
		struct pawl_atomic_u32 there = {0}, turn = {0};
		struct t_thread *threads[CHAIN];
		struct link links[CHAIN];

		/* Any of them: neighbours may be spread too well to share a place. */
		for (unsigned i = 0; i < LOCKS; i++) {
			unsigned n = (unsigned)t_random_below(i + 1);

			if (n != i)
				chosen[i] = chosen[n];
			chosen[n] = &locks[i];
		}
		pawl_lock_lock(chosen[CHAIN]);
		for (unsigned i = 0; i < CHAIN; i++) {
			/* They fall asleep in another order than they will be woken in. */
			links[i] = (struct link){chosen[i], chosen[i + 1], &there, &turn,
						 1 + i * 29 % CHAIN};
			threads[i] = t_thread_start(sleep_in_chain, &links[i]);
		}
		await_word(&there, CHAIN);
		for (uint32_t i = 1; i <= CHAIN; i++) {
			pawl_store_release(&turn, i);
			for (unsigned n = 0; n < 50; n++)
				t_yield();
		}
		pawl_lock_unlock(chosen[CHAIN]);
		for (unsigned i = 0; i < CHAIN; i++)
			t_thread_join(threads[i]);
		for (unsigned i = 0; i < LOCKS; i++)
			assert_false(pawl_lock_is_locked(&locks[i]));
	}
}

/* The last holder frees the lock while others' unlocks are just over. */
struct shared {
	struct pawl_lock lock;
	unsigned users;
};

struct freeing {
	struct pawl_atomic_ptr shared;
	struct t_barrier *barrier;
	unsigned rounds;
};

static void drop_shared(void *arg)
{
	struct freeing *freeing = arg;

	for (unsigned i = 0; i < freeing->rounds; i++) {
		struct shared *shared;
		bool last;

		t_barrier_wait(freeing->barrier);
		shared = pawl_load_acquire(&freeing->shared);
		pawl_lock_lock(&shared->lock);
		last = --shared->users == 0;
		hold_a_little();
		pawl_lock_unlock(&shared->lock);
		if (last)
			pawl_mem_free(shared, sizeof(*shared), 0);
		t_barrier_wait(freeing->barrier);
		t_step();
	}
}

static void case_next_holder_frees(void **state)
{
	struct freeing freeing = {.barrier = t_barrier_make(THREADS + 1),
				  .rounds = t_scaled(500)};
	struct t_thread *threads[THREADS];

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		threads[i] = t_thread_start(drop_shared, &freeing);
	for (unsigned i = 0; i < freeing.rounds; i++) {
		struct shared *shared = pawl_mem_zalloc(sizeof(*shared), 0);

		assert_non_null(shared);
		shared->users = THREADS;
		pawl_store_release(&freeing.shared, shared);
		t_barrier_wait(freeing.barrier);
		t_barrier_wait(freeing.barrier);
	}
	for (unsigned i = 0; i < THREADS; i++)
		t_thread_join(threads[i]);
	t_barrier_drop(freeing.barrier);
}

/* ---- who sleeps, and how long ------------------------------------------ */

struct victim {
	struct pawl_lock *lock;
	struct fake_waiter fake;
	bool plain;
	struct pawl_atomic_u32 started, got, end;
};

static void lock_as_victim(void *arg)
{
	struct victim *victim = arg;

	pawl_waiter_set(&victim->fake.base);
	pawl_store_release(&victim->started, 1u);
	if (victim->plain)
		pawl_lock_lock(victim->lock);
	else
		pawl_lock_lock_as(victim->lock, &victim->fake.base);
	pawl_store_release(&victim->got, 1u);
	pawl_lock_unlock(victim->lock);
	pawl_waiter_set(NULL);
	await_word(&victim->end, 1);
}

static struct t_thread *victim_start(struct victim *victim, struct pawl_lock *lock, bool plain)
{
	victim->lock = lock;
	victim->plain = plain;
	pawl_init_word(&victim->started, 0u);
	pawl_init_word(&victim->got, 0u);
	pawl_init_word(&victim->end, 0u);
	fake_init(&victim->fake, 1);
	return t_thread_start(lock_as_victim, victim);
}

static void victim_end(struct victim *victim, struct t_thread *thread)
{
	pawl_store_release(&victim->end, 1u);
	t_thread_join(thread);
	fake_fini(&victim->fake);
}

static void case_lock_as_goes_through_the_table(void **state)
{
	struct pawl_lock lock = PAWL_LOCK_INIT;
	struct t_thread *thread;
	struct victim victim;

	(void)state;
	pawl_lock_lock(&lock);
	thread = victim_start(&victim, &lock, false);
	await(fake_asleep(&victim.fake) == 1);
	assert_int_equal(fake_unparks(&victim.fake), 0);
	assert_true(victim.fake.deadlines[0] == PAWL_FOREVER);
	pawl_lock_unlock(&lock);
	await_word(&victim.got, 1);
	assert_int_equal(fake_parks(&victim.fake), 1);
	/* By the unlocker; and by itself, in case that the token was meant for another park. */
	assert_in_range(fake_unparks(&victim.fake), 1, 2);
	victim_end(&victim, thread);
	assert_false(pawl_lock_is_locked(&lock));
}

/* Parks that return for nothing are borne. */
static void case_lock_as_bears_spurious_parks(void **state)
{
	struct pawl_lock lock = PAWL_LOCK_INIT;
	struct t_thread *thread;
	struct victim victim;

	(void)state;
	pawl_lock_lock(&lock);
	thread = victim_start(&victim, &lock, false);
	await(fake_asleep(&victim.fake) == 1);
	for (unsigned i = 2; i < 5; i++) {
		pawl_unpark(&victim.fake.base);
		await(fake_parks(&victim.fake) == i && fake_asleep(&victim.fake) == 1);
		assert_int_equal(pawl_load_acquire(&victim.got), 0);
	}
	pawl_lock_unlock(&lock);
	await_word(&victim.got, 1);
	victim_end(&victim, thread);
}

/* lock() sleeps as the thread, whatever runs on it. */
static void case_lock_sleeps_as_the_thread(void **state)
{
	struct pawl_lock lock = PAWL_LOCK_INIT;
	struct t_thread *thread;
	struct victim victim;

	(void)state;
	pawl_lock_lock(&lock);
	thread = victim_start(&victim, &lock, true);
	await_word(&victim.started, 1);
	for (unsigned i = 0; i < 1000; i++)
		t_yield();
	pawl_lock_unlock(&lock);
	await_word(&victim.got, 1);
	assert_int_equal(fake_parks(&victim.fake), 0);
	assert_int_equal(fake_unparks(&victim.fake), 0);
	victim_end(&victim, thread);
}

/* A free lock is taken without a look at the waiter. */
static void case_lock_as_of_a_free_lock(void **state)
{
	struct pawl_lock lock = PAWL_LOCK_INIT;
	struct fake_waiter fake;

	(void)state;
	fake_init(&fake, 1);
	pawl_waiter_set(&fake.base);
	pawl_lock_lock_as(&lock, pawl_waiter_self());
	assert_false(free_for_others(&lock));
	pawl_lock_unlock(&lock);
	pawl_waiter_set(NULL);
	assert_int_equal(fake_parks(&fake), 0);
	fake_fini(&fake);
}

/*
 * The bound on overtaking, with no clock in it: the victim's waiter stays asleep as long as
 * the test likes, and the test is the newcomer that takes the lock in between. It gets that
 * once; then the victim has lost its race and the next unlock is a hand-over.
 */
static void case_overtaken_once(void **state)
{
	struct pawl_lock lock = PAWL_LOCK_INIT;
	struct t_thread *thread;
	struct victim victim;
	unsigned overtaken = 0;

	(void)state;
	pawl_lock_lock(&lock);
	thread = victim_start(&victim, &lock, false);
	await(fake_asleep(&victim.fake) == 1);
	for (unsigned parks = 1;; parks++) {
		fake_gate(&victim.fake, true);
		pawl_lock_unlock(&lock);
		if (!pawl_lock_trylock(&lock))
			break;
		overtaken++;
		fake_gate(&victim.fake, false);
		await(fake_parks(&victim.fake) == parks + 1 && fake_asleep(&victim.fake) == 1);
		assert_in_range(overtaken, 1, 1);
	}
	/* Handed over: held although nobody has come to run yet. */
	assert_true(pawl_lock_is_locked(&lock));
	assert_int_equal(pawl_load_acquire(&victim.got), 0);
	fake_gate(&victim.fake, false);
	await_word(&victim.got, 1);
	victim_end(&victim, thread);
	assert_false(pawl_lock_is_locked(&lock));
}

/* With several asleep each is overtaken a bounded number of times. */
#define VICTIMS 3

/* It has had the lock, or sleeps and nobody has woken it. */
static bool settled(struct victim *victim)
{
	struct fake_waiter *fake = &victim->fake;
	bool sleeps;

	pthread_mutex_lock(&fake->mutex);
	sleeps = fake->asleep == 1 && !fake->token;
	pthread_mutex_unlock(&fake->mutex);
	return sleeps || word_is(&victim->got, 1);
}

static unsigned victims_through(struct victim *victims)
{
	unsigned through = 0;

	for (unsigned i = 0; i < VICTIMS; i++) {
		await(settled(&victims[i]));
		through += word_is(&victims[i].got, 1);
	}
	return through;
}

static void victims_gate(struct victim *victims, bool closed)
{
	for (unsigned i = 0; i < VICTIMS; i++)
		fake_gate(&victims[i].fake, closed);
}

static void case_several_are_overtaken_a_few_times(void **state)
{
	struct pawl_lock lock = PAWL_LOCK_INIT;
	struct t_thread *threads[VICTIMS];
	struct victim victims[VICTIMS];

	(void)state;
	pawl_lock_lock(&lock);
	for (unsigned i = 0; i < VICTIMS; i++) {
		threads[i] = victim_start(&victims[i], &lock, false);
		await(settled(&victims[i]));
	}
	while (victims_through(victims) < VICTIMS) {
		bool mine;

		victims_gate(victims, true);
		pawl_lock_unlock(&lock);
		mine = pawl_lock_trylock(&lock);
		victims_gate(victims, false);
		/* Handed over: it goes through some hands, then it is ours again. */
		if (!mine)
			pawl_lock_lock(&lock);
	}
	pawl_lock_unlock(&lock);
	/*
	 * Once when it came, once when it was woken and lost; the next time it is handed the lock.
	 * (How often the test got the lock says nothing: a victim's wake-up may be on its way.)
	 */
	for (unsigned i = 0; i < VICTIMS; i++)
		assert_in_range(fake_parks(&victims[i].fake), 1, 2);
	/* One may still be unparking another: they go when all have ended. */
	for (unsigned i = 0; i < VICTIMS; i++) {
		pawl_store_release(&victims[i].end, 1u);
		t_thread_join(threads[i]);
	}
	for (unsigned i = 0; i < VICTIMS; i++)
		fake_fini(&victims[i].fake);
	assert_false(pawl_lock_is_locked(&lock));
}

/* A thread that never stops coming does not starve one that sleeps: counted in turns. */
struct starving {
	struct pawl_lock lock;
	struct pawl_atomic_u32 got;
	unsigned rounds;
};

static void come_now_and_then(void *arg)
{
	struct starving *starving = arg;

	for (unsigned i = 0; i < starving->rounds; i++) {
		pawl_lock_lock(&starving->lock);
		pawl_lock_unlock(&starving->lock);
		pawl_add_release(&starving->got, 1u);
		t_step();
	}
}

static void case_hog_starves_nobody(void **state)
{
	struct starving starving = {.lock = PAWL_LOCK_INIT, .rounds = t_scaled(200)};
	struct t_thread *thread = t_thread_start(come_now_and_then, &starving);

	(void)state;
	/* No t_step() here: if the other thread starves, the watchdog says so. */
	while (pawl_load_acquire(&starving.got) < starving.rounds) {
		pawl_lock_lock(&starving.lock);
		for (unsigned i = 0; i < 200; i++)
			pawl_pause();
		pawl_lock_unlock(&starving.lock);
	}
	t_thread_join(thread);
}

/* ---- contracts --------------------------------------------------------- */

static void rank_too_high(void *arg)
{
	struct pawl_lock lock;

	(void)arg;
	pawl_lock_init(&lock, PAWL_LOCK_RANK_MAX + 1);
}

static void case_rank_too_high(void **state)
{
	(void)state;
	assert_true(t_aborts(rank_too_high, NULL, "rank"));
}

#ifdef PAWL_DEBUG
struct ranks {
	unsigned first, second;
};

static void take_in_order(void *arg)
{
	const struct ranks *ranks = arg;
	struct pawl_lock first, second;

	pawl_lock_init(&first, ranks->first);
	pawl_lock_init(&second, ranks->second);
	pawl_lock_lock(&first);
	pawl_lock_lock(&second);
}

static void take_twice(void *arg)
{
	struct pawl_lock lock;

	pawl_lock_init(&lock, *(unsigned *)arg);
	pawl_lock_lock(&lock);
	pawl_lock_lock(&lock);
}

static void unlock_free(void *arg)
{
	struct pawl_lock lock = PAWL_LOCK_INIT;

	(void)arg;
	pawl_lock_unlock(&lock);
}

static void pair_after_higher(void *arg)
{
	struct pawl_lock high, a, b;

	(void)arg;
	pawl_lock_init(&high, 9);
	pawl_lock_init(&a, 5);
	pawl_lock_init(&b, 5);
	pawl_lock_lock(&high);
	pawl_lock_lock_pair(&a, &b);
}

static void lower_after_pair(void *arg)
{
	struct pawl_lock low, a, b;

	(void)arg;
	pawl_lock_init(&low, 4);
	pawl_lock_init(&a, 5);
	pawl_lock_init(&b, 5);
	pawl_lock_lock_pair(&a, &b);
	pawl_lock_lock(&low);
}

static void lower_after_middle_is_gone(void *arg)
{
	struct pawl_lock locks[4];

	(void)arg;
	for (unsigned i = 0; i < 4; i++)
		pawl_lock_init(&locks[i], 10 * (i + 1));
	pawl_lock_lock(&locks[0]);
	pawl_lock_lock(&locks[1]);
	pawl_lock_lock(&locks[2]);
	pawl_lock_unlock(&locks[1]);
	/* 10 and 30 are held. */
	pawl_lock_lock(&locks[1]);
}

static void lock_as_with_lock(void *arg)
{
	struct pawl_lock held = PAWL_LOCK_INIT, lock = PAWL_LOCK_INIT;

	(void)arg;
	pawl_lock_lock(&held);
	pawl_lock_lock_as(&lock, pawl_waiter_self());
}

static void lock_as_in_section(void *arg)
{
	struct pawl_lock lock = PAWL_LOCK_INIT;

	(void)arg;
	pawl_rcu_begin();
	pawl_lock_lock_as(&lock, pawl_waiter_self());
}

static void notify_above_the_event(void *arg)
{
	struct pawl_listener listener;
	struct pawl_event event;
	struct pawl_lock lock;

	(void)arg;
	pawl_event_init(&event);
	pawl_event_listen(&event, &listener, NULL, 0);
	pawl_lock_init(&lock, PAWL_LOCK_RANK_EVENT + 1);
	pawl_lock_lock(&lock);
	pawl_event_notify(&event, 1);
}

static void detach_with_lock(void *arg)
{
	struct pawl_lock lock = PAWL_LOCK_INIT;

	(void)arg;
	pawl_lock_lock(&lock);
	pawl_thread_detach();
}
#endif

static void case_rank_order(void **state)
{
	(void)state;
#ifdef PAWL_DEBUG
	struct ranks wrong[] = {{2, 1}, {1, 1}, {65535, 65534}, {PAWL_LOCK_RANK_EVENT, 29999}};
	unsigned ranks[] = {0, 1, PAWL_LOCK_RANK_MAX};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_true(t_aborts(take_in_order, &wrong[i], "rank"));
	/* The message names both. */
	assert_true(t_aborts(take_in_order, &wrong[2], "65535"));
	assert_true(t_aborts(take_in_order, &wrong[2], "65534"));
	for (unsigned i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++)
		assert_true(t_aborts(take_twice, &ranks[i], "holds"));
	assert_true(t_aborts(pair_after_higher, NULL, "rank"));
	assert_true(t_aborts(lower_after_pair, NULL, "rank"));
	assert_true(t_aborts(lower_after_middle_is_gone, NULL, "rank"));
	assert_true(t_aborts(notify_above_the_event, NULL, "rank"));
#else
	skip();
#endif
}

static void case_debug_checks(void **state)
{
	(void)state;
#ifdef PAWL_DEBUG
	assert_true(t_aborts(unlock_free, NULL, "unlock"));
	assert_true(t_aborts(lock_as_with_lock, NULL, "lock"));
	assert_true(t_aborts(lock_as_in_section, NULL, "section"));
	assert_true(t_aborts(detach_with_lock, NULL, "detach"));
#else
	skip();
#endif
}

/* What the ranks allow is allowed in every build. */
static void case_right_orders(void **state)
{
	struct pawl_lock none, low, high, pair_a, pair_b, second_none = PAWL_LOCK_INIT;
	struct pawl_event event;

	(void)state;
	pawl_event_init(&event);
	pawl_lock_init(&none, PAWL_LOCK_RANK_NONE);
	pawl_lock_init(&low, 1);
	pawl_lock_init(&pair_a, 5);
	pawl_lock_init(&pair_b, 5);
	pawl_lock_init(&high, 29999);
	pawl_lock_lock(&low);
	pawl_lock_lock(&none);
	pawl_lock_lock_pair(&pair_b, &pair_a);
	pawl_lock_lock(&second_none);
	pawl_lock_lock(&high);
	pawl_event_notify(&event, 1);
	pawl_event_notify_all(&event);
	/* Given back in another order; the order counts for what is still held. */
	pawl_lock_unlock(&low);
	pawl_lock_unlock_pair(&pair_a, &pair_b);
	pawl_lock_unlock(&high);
	pawl_lock_lock(&low);
	pawl_lock_lock(&high);
	pawl_lock_unlock(&none);
	pawl_lock_unlock(&high);
	pawl_lock_unlock(&second_none);
	pawl_lock_unlock(&low);
	/* What only tries cannot deadlock, so it may come in any order. */
	pawl_lock_lock(&high);
	assert_true(pawl_lock_trylock(&low));
	pawl_lock_unlock(&low);
	pawl_lock_unlock(&high);
}

static int oom_lock(void)
{
	struct pawl_lock a = PAWL_LOCK_INIT, b = PAWL_LOCK_INIT;
	int err = pawl_thread_attach("oom");

	if (err) {
		t_check(!pawl_thread_attached());
		return err;
	}
	pawl_lock_lock(&a);
	pawl_lock_unlock(&a);
	t_check(pawl_lock_trylock(&b));
	pawl_lock_unlock(&b);
	pawl_lock_lock_pair(&b, &a);
	pawl_lock_unlock_pair(&a, &b);
	pawl_lock_lock_as(&a, pawl_waiter_self());
	pawl_lock_unlock(&a);
	pawl_thread_detach();
	return 0;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_zero_is_a_free_lock),
		cmocka_unit_test(case_ranks_of_all_sizes),
		cmocka_unit_test(case_trylock),
		cmocka_unit_test(case_pairs),
		cmocka_unit_test(case_pair_given_back_one_by_one),
		cmocka_unit_test(case_pair_of_one),
		cmocka_unit_test(case_in_a_section),
		cmocka_unit_test(case_exclusion),
		cmocka_unit_test(case_many_locks),
		cmocka_unit_test(case_trylock_beside_lock),
		cmocka_unit_test(case_pairs_in_all_orders),
		cmocka_unit_test(case_waiters_of_both_kinds),
		cmocka_unit_test(case_many_sleepers_on_many_locks),
		cmocka_unit_test(case_next_holder_frees),
		cmocka_unit_test(case_lock_as_goes_through_the_table),
		cmocka_unit_test(case_lock_as_bears_spurious_parks),
		cmocka_unit_test(case_lock_sleeps_as_the_thread),
		cmocka_unit_test(case_lock_as_of_a_free_lock),
		cmocka_unit_test(case_overtaken_once),
		cmocka_unit_test(case_several_are_overtaken_a_few_times),
		cmocka_unit_test(case_hog_starves_nobody),
		cmocka_unit_test(case_rank_too_high),
		cmocka_unit_test(case_rank_order),
		cmocka_unit_test(case_debug_checks),
		cmocka_unit_test(case_right_orders),
		T_OOM(oom_lock),
	};

	return t_run("lock", cases);
}
