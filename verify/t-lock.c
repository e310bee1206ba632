/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/lock.c. What a lock protects is plain memory: if exclusion or the order
 * between unlock and lock fails, that is a race or a lost count. Nothing has a deadline: a
 * lost wake-up or a hand-over to nobody is a deadlock.
 *
 *  mutex2, mutex2-twice, mutex3   exclusion
 *  spin                   looking twice before sleeping
 *  unlock-twice           one thread comes again while two are queued: waking, losing, going to
 *                         the front, hand-over
 *  newcomer               a woken waiter against one that comes twice
 *  trylock                exclusion and order by trylock beside lock
 *  trylock-only           both only try: one wins, nobody sleeps, the lock ends free
 *  pair-orders            (a, b) against (b, a)
 *  pair-single            (a, b) against a and b alone
 *  pair-same              (a, a) is a, taken once
 *  pair-overlap           (a, b), (b, c), (c, a)
 *  neighbours             two locks in adjacent words: one's sleepers are not the other's
 *  same-bucket            two locks whose sleepers queue in one list
 *  unlock-free            the last holder frees the lock
 *  unlock-free3           the same with a third who sleeps meanwhile
 *  protects-free          the object is freed under the lock or after unlinking it there
 *  is-locked              may be asked at any time
 *  as-waiter, as-both     lock_as() beside lock() and lock_as()
 *  behind-fiber           a thread asleep behind a fibre that does not run before it
 *  not-handed-to-fiber    the same fibre has lost once: still the lock is free for its thread
 *  handed-past-fiber      a thread that lost, behind a fibre that lost
 *  fiber-behind-fiber     two fibres, of which the first does not run before the second
 *  fiber-last             a fibre that once asleep does not run before two threads are through
 *  fiber-loses-last       the same from its second sleep on; the thread comes three times
 *  contract, -pairs, -nested   the same promises kept by the mutex that stands for the lock in
 *                         scenarios with .ideal_locks
 *  in-section             taken inside a read section while the other waits for none
 */
#include "scenario.h"

struct object {
	struct pawl_lock lock;
	unsigned users;
	unsigned value;
};

static struct pawl_lock locks[3];
static unsigned counter[3];
static struct pawl_atomic_u32 taken, queued;
static struct scn_waiter spinner[2];
static struct object *object;

static void setup(void)
{
	for (unsigned i = 0; i < 3; i++) {
		pawl_lock_init(&locks[i], PAWL_LOCK_RANK_NONE);
		counter[i] = 0;
	}
	pawl_init_word(&taken, 0u);
	pawl_init_word(&queued, 0u);
	scn_waiter_init(&spinner[0], 0);
	scn_waiter_init(&spinner[1], 1);
}

static void finish_free(void)
{
	for (unsigned i = 0; i < 3; i++)
		mc_assert(!pawl_lock_is_locked(&locks[i]));
}

static void finish_2(void)
{
	finish_free();
	mc_assert(counter[0] == 2);
}

static void finish_3(void)
{
	finish_free();
	mc_assert(counter[0] == 3);
}

static void finish_4(void)
{
	finish_free();
	mc_assert(counter[0] == 4);
}

static void count_once(void)
{
	pawl_lock_lock(&locks[0]);
	counter[0]++;
	pawl_lock_unlock(&locks[0]);
}

static void count_twice(void)
{
	count_once();
	count_once();
}

/* ---- unlock-twice ------------------------------------------------------ */

/* A spinner that says when it is in the queue: bit `number` of `queued`. */
static bool telling_park(struct pawl_waiter *base, uint64_t deadline_ns)
{
	pawl_or_release(&queued, 1u << base->number);
	return scn_waiter_park(base, deadline_ns);
}

static const struct pawl_waiter_ops telling_ops = {
	.park = telling_park,
	.unpark = scn_waiter_unpark,
	.kind = "telling spinner",
	.own_thread = true,
};

/* Lets the others queue up, then wakes the first and competes with it. */
static void let_queue_then_twice(void)
{
	pawl_lock_lock(&locks[0]);
	pawl_store_release(&queued, 1u << 2);
	scn_await(&queued, 7);
	counter[0]++;
	pawl_lock_unlock(&locks[0]);
	count_once();
}

static void queue_up(struct scn_waiter *mine, uint32_t after)
{
	mine->base.ops = &telling_ops;
	(void)pawl_waiter_set(&mine->base);
	scn_await(&queued, after);
	pawl_lock_lock_as(&locks[0], &mine->base);
	counter[0]++;
	pawl_lock_unlock(&locks[0]);
	(void)pawl_waiter_set(NULL);
}

static void queue_first(void)
{
	queue_up(&spinner[0], 1u << 2);
}

static void hold_until_queued(void)
{
	pawl_lock_lock(&locks[0]);
	pawl_store_release(&queued, 1u << 2);
	scn_await(&queued, 5);
	counter[0]++;
	pawl_lock_unlock(&locks[0]);
}

static void queue_second(void)
{
	queue_up(&spinner[1], 1u << 2 | 1u);
}

/* ---- same-bucket ------------------------------------------------------- */

/* Two locks whose sleepers share a bucket of lock.c, which hashes the address as here. */
static struct pawl_lock many[1024];
static struct pawl_lock *bucket_lock[2];

static unsigned bucket_number(const struct pawl_lock *lock)
{
	uint64_t key = (uintptr_t)lock / sizeof(*lock);

	return (unsigned)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 56);
}

static void setup_bucket(void)
{
	unsigned twin = 1;

	setup();
	while (twin + 1 < 1024 && bucket_number(&many[twin]) != bucket_number(&many[0]))
		twin++;
	bucket_lock[0] = &many[0];
	bucket_lock[1] = &many[twin];
	pawl_lock_init(bucket_lock[0], PAWL_LOCK_RANK_NONE);
	pawl_lock_init(bucket_lock[1], PAWL_LOCK_RANK_NONE);
}

/* Both queue; the one who came second is woken first. */
static void hold_both(void)
{
	pawl_lock_lock(bucket_lock[0]);
	pawl_lock_lock(bucket_lock[1]);
	pawl_store_release(&queued, 1u << 2);
	scn_await(&queued, 7);
	pawl_lock_unlock(bucket_lock[1]);
	pawl_lock_unlock(bucket_lock[0]);
}

static void queue_in_bucket(unsigned number)
{
	struct scn_waiter *mine = &spinner[number];

	mine->base.ops = &telling_ops;
	(void)pawl_waiter_set(&mine->base);
	scn_await(&queued, number ? 5 : 4);
	pawl_lock_lock_as(bucket_lock[number], &mine->base);
	counter[number]++;
	pawl_lock_unlock(bucket_lock[number]);
	(void)pawl_waiter_set(NULL);
}

static void queue_in_bucket_0(void)
{
	queue_in_bucket(0);
}

static void queue_in_bucket_1(void)
{
	queue_in_bucket(1);
}

static void finish_bucket(void)
{
	mc_assert(!pawl_lock_is_locked(bucket_lock[0]) && !pawl_lock_is_locked(bucket_lock[1]));
	mc_assert(counter[0] == 1 && counter[1] == 1);
}

/* ---- trylock ----------------------------------------------------------- */

static void try_then_lock(void)
{
	if (pawl_lock_trylock(&locks[0])) {
		counter[0]++;
		pawl_lock_unlock(&locks[0]);
	} else {
		count_once();
	}
}

static void try_only(void)
{
	if (pawl_lock_trylock(&locks[0])) {
		counter[0]++;
		pawl_add_relaxed(&taken, 1u);
		pawl_lock_unlock(&locks[0]);
	}
}

static void finish_try_only(void)
{
	finish_free();
	mc_assert(counter[0] >= 1 && counter[0] == pawl_load_relaxed(&taken));
}

/* ---- pairs ------------------------------------------------------------- */

static void pair(unsigned a, unsigned b)
{
	pawl_lock_lock_pair(&locks[a], &locks[b]);
	mc_assert(pawl_lock_is_locked(&locks[a]) && pawl_lock_is_locked(&locks[b]));
	counter[a]++;
	if (a != b)
		counter[b]++;
	pawl_lock_unlock_pair(&locks[a], &locks[b]);
}

static void pair_01(void)
{
	pair(0, 1);
}

static void pair_10(void)
{
	pair(1, 0);
}

static void pair_00(void)
{
	pair(0, 0);
}

static void pair_12(void)
{
	pair(1, 2);
}

static void pair_20(void)
{
	pair(2, 0);
}

static void single_1(void)
{
	pawl_lock_lock(&locks[1]);
	counter[1]++;
	pawl_lock_unlock(&locks[1]);
}

static void finish_pairs(void)
{
	finish_free();
	mc_assert(counter[0] == 2 && counter[1] == 2);
}

static void finish_overlap(void)
{
	finish_free();
	mc_assert(counter[0] == 2 && counter[1] == 2 && counter[2] == 2);
}

/* ---- neighbours -------------------------------------------------------- */

static void both_one_by_one(void)
{
	count_once();
	single_1();
}

static void finish_neighbours(void)
{
	finish_free();
	mc_assert(counter[0] == 2 && counter[1] == 2);
}

/* ---- unlock-free ------------------------------------------------------- */

static void setup_object(unsigned users)
{
	setup();
	object = scn_alloc(sizeof(*object));
	pawl_lock_init(&object->lock, PAWL_LOCK_RANK_USER);
	object->users = users;
}

static void setup_object_2(void)
{
	setup_object(2);
}

static void setup_object_3(void)
{
	setup_object(3);
}

static void drop_object(void)
{
	bool last;

	pawl_lock_lock(&object->lock);
	last = --object->users == 0;
	pawl_lock_unlock(&object->lock);
	if (last)
		pawl_mem_free(object, sizeof(*object), 0);
}

/* ---- protects-free ----------------------------------------------------- */

static void setup_protects(void)
{
	setup_object(0);
	object->value = 7;
}

static void use_object(void)
{
	pawl_lock_lock(&locks[0]);
	if (object)
		mc_assert(object->value == 7);
	pawl_lock_unlock(&locks[0]);
}

static void use_object_twice(void)
{
	use_object();
	use_object();
}

static void unlink_object(void)
{
	struct object *mine;

	pawl_lock_lock(&locks[0]);
	mine = object;
	object = NULL;
	pawl_lock_unlock(&locks[0]);
	mine->value = 0;
	pawl_mem_free(mine, sizeof(*mine), 0);
}

/* ---- is-locked --------------------------------------------------------- */

static void ask(void)
{
	(void)pawl_lock_is_locked(&locks[0]);
	pawl_lock_lock(&locks[0]);
	mc_assert(pawl_lock_is_locked(&locks[0]));
	pawl_lock_unlock(&locks[0]);
	(void)pawl_lock_is_locked(&locks[0]);
}

/* ---- lock_as ----------------------------------------------------------- */

static void count_once_as(void)
{
	struct pawl_waiter *mine = &spinner[mc_thread() & 1].base;

	(void)pawl_waiter_set(mine);
	pawl_lock_lock_as(&locks[0], mine);
	counter[0]++;
	pawl_lock_unlock(&locks[0]);
	(void)pawl_waiter_set(NULL);
}

static void count_twice_as(void)
{
	count_once_as();
	count_once_as();
}

/* ---- fibres ------------------------------------------------------------ */

/*
 * Waiters that go on when the scenario lets them, park by park: the first is a fibre, the other
 * one a thread or a fibre.
 */
static struct gated {
	struct scn_waiter spinner;
	struct pawl_atomic_u32 asleep[2], open[2];
} gated[2];

static bool gated_park(struct pawl_waiter *base, uint64_t deadline_ns)
{
	struct gated *mine = PAWL_CONTAINER_OF(base, struct gated, spinner.base);
	unsigned nth = mine->spinner.parks;

	mc_assert(nth < 2);
	pawl_store_release(&mine->asleep[nth], 1u);
	scn_await(&mine->open[nth], 1);
	return scn_waiter_park(base, deadline_ns);
}

static const struct pawl_waiter_ops gated_fiber_ops = {
	.park = gated_park,
	.unpark = scn_waiter_unpark,
	.kind = "gated fibre",
};

static const struct pawl_waiter_ops gated_thread_ops = {
	.park = gated_park,
	.unpark = scn_waiter_unpark,
	.kind = "gated thread",
	.own_thread = true,
};

static void setup_gated_with(const struct pawl_waiter_ops *second)
{
	setup();
	for (unsigned i = 0; i < 2; i++) {
		scn_waiter_init(&gated[i].spinner, i);
		gated[i].spinner.base.ops = i ? second : &gated_fiber_ops;
		for (unsigned nth = 0; nth < 2; nth++) {
			pawl_init_word(&gated[i].asleep[nth], 0u);
			pawl_init_word(&gated[i].open[nth], 0u);
		}
	}
}

static void setup_gated(void)
{
	setup_gated_with(&gated_thread_ops);
}

static void setup_gated_fibers(void)
{
	setup_gated_with(&gated_fiber_ops);
}

static void open_gate(unsigned number, unsigned nth)
{
	pawl_store_release(&gated[number].open[nth], 1u);
}

static void await_asleep(unsigned number, unsigned nth)
{
	scn_await(&gated[number].asleep[nth], 1);
}

static void count_gated(unsigned number)
{
	struct pawl_waiter *mine = &gated[number].spinner.base;

	(void)pawl_waiter_set(mine);
	pawl_lock_lock_as(&locks[0], mine);
	counter[0]++;
	pawl_lock_unlock(&locks[0]);
	(void)pawl_waiter_set(NULL);
}

static void lock_and_tell(void)
{
	pawl_lock_lock(&locks[0]);
	counter[0]++;
	pawl_store_release(&queued, 1u);
}

static void fiber_first(void)
{
	scn_await(&queued, 1);
	count_gated(0);
}

/* The fibre goes on when this one is through. */
static void other_second(void)
{
	await_asleep(0, 0);
	open_gate(1, 0);
	count_gated(1);
	open_gate(0, 0);
}

static void hold_for_both(void)
{
	lock_and_tell();
	await_asleep(0, 0);
	await_asleep(1, 0);
	pawl_lock_unlock(&locks[0]);
}

static void let_fiber_lose(void)
{
	lock_and_tell();
	await_asleep(0, 0);
	pawl_lock_unlock(&locks[0]);
	pawl_lock_lock(&locks[0]);
	open_gate(0, 0);
	await_asleep(0, 1);
	pawl_lock_unlock(&locks[0]);
	count_twice();
	open_gate(0, 1);
}

static void let_both_lose(void)
{
	hold_for_both();
	pawl_lock_lock(&locks[0]);
	counter[0]++;
	open_gate(1, 0);
	await_asleep(1, 1);
	open_gate(0, 0);
	await_asleep(0, 1);
	pawl_lock_unlock(&locks[0]);
	mc_assert(pawl_lock_is_locked(&locks[0]));
	open_gate(1, 1);
}

static void thread_loses(void)
{
	await_asleep(0, 0);
	count_gated(1);
	open_gate(0, 1);
}

/* A fibre that does not run again before the threads are through. */
static void count_and_open(unsigned number, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		count_once();
	open_gate(number, 1);
}

static bool last_park(struct pawl_waiter *base, uint64_t deadline_ns)
{
	unsigned nth = (unsigned)base->number + PAWL_CONTAINER_OF(base, struct scn_waiter, base)->parks;

	for (unsigned i = 0; nth && i < 2; i++)
		scn_await(&gated[i].open[1], 1);
	return scn_waiter_park(base, deadline_ns);
}

static const struct pawl_waiter_ops last_ops = {
	.park = last_park,
	.unpark = scn_waiter_unpark,
	.kind = "last fibre",
};

static void setup_last(void)
{
	setup_gated();
	gated[0].spinner.base.ops = &last_ops;
	gated[0].spinner.base.number = 1;
}

static void setup_loses_last(void)
{
	setup_last();
	gated[0].spinner.base.number = 0;
	open_gate(1, 1);
}

static void fiber_last(void)
{
	count_gated(0);
}

static void thread_before_0(void)
{
	count_and_open(0, 1);
}

static void thread_before_1(void)
{
	count_and_open(1, 1);
}

static void thread_thrice_before(void)
{
	count_and_open(0, 3);
}

/* ---- in-section -------------------------------------------------------- */

static void count_in_section(void)
{
	pawl_rcu_begin();
	count_once();
	pawl_rcu_end();
}

/* ---- contract: the mutex that stands for the lock in other scenario files ---- */

static void try_then_once(void)
{
	try_only();
	count_once();
}

static void finish_contract(void)
{
	finish_free();
	mc_assert(counter[0] == 2 + pawl_load_relaxed(&taken));
}

static void nested_01(void)
{
	pawl_lock_lock(&locks[0]);
	pawl_lock_lock(&locks[1]);
	pawl_lock_unlock(&locks[1]);
	pawl_lock_unlock(&locks[0]);
}

static const struct mc_scenario scenarios[] = {
	{.name = "mutex2",
	 .setup = setup,
	 .threads = {count_once, count_once},
	 .finish = finish_2},
	{.name = "spin",
	 .setup = setup,
	 .threads = {count_once, count_once},
	 .finish = finish_2,
	 .no_spurious = true,
	 .spin_turns = 2},
	{.name = "mutex2-twice",
	 .setup = setup,
	 .threads = {count_twice, count_twice},
	 .finish = finish_4,
	 .no_spurious = true},
	{.name = "mutex3",
	 .setup = setup,
	 .threads = {count_once, count_once, count_once},
	 .finish = finish_3,
	 .no_spurious = true},
	{.name = "unlock-twice",
	 .setup = setup,
	 .threads = {let_queue_then_twice, queue_first, queue_second},
	 .finish = finish_4,
	 .no_spurious = true},
	{.name = "newcomer",
	 .setup = setup,
	 .threads = {hold_until_queued, queue_first, count_twice},
	 .finish = finish_4,
	 .no_spurious = true},
	{.name = "trylock",
	 .setup = setup,
	 .threads = {try_then_lock, count_once},
	 .finish = finish_2},
	{.name = "trylock-only",
	 .setup = setup,
	 .threads = {try_only, try_only},
	 .finish = finish_try_only},
	{.name = "pair-orders",
	 .setup = setup,
	 .threads = {pair_01, pair_10},
	 .finish = finish_pairs},
	{.name = "pair-single",
	 .setup = setup,
	 .threads = {pair_10, count_once, single_1},
	 .finish = finish_pairs},
	{.name = "pair-same",
	 .setup = setup,
	 .threads = {pair_00, count_once},
	 .finish = finish_2},
	{.name = "pair-overlap",
	 .setup = setup,
	 .threads = {pair_01, pair_12, pair_20},
	 .finish = finish_overlap,
	 .no_spurious = true},
	{.name = "neighbours",
	 .setup = setup,
	 .threads = {both_one_by_one, count_once, single_1},
	 .finish = finish_neighbours},
	{.name = "same-bucket",
	 .setup = setup_bucket,
	 .threads = {hold_both, queue_in_bucket_0, queue_in_bucket_1},
	 .finish = finish_bucket,
	 .no_spurious = true},
	{.name = "unlock-free", .setup = setup_object_2, .threads = {drop_object, drop_object}},
	{.name = "unlock-free3",
	 .setup = setup_object_3,
	 .threads = {drop_object, drop_object, drop_object},
	 .no_spurious = true},
	{.name = "protects-free",
	 .setup = setup_protects,
	 .threads = {use_object_twice, unlink_object},
	 .finish = finish_free},
	{.name = "is-locked", .setup = setup, .threads = {ask, ask}, .finish = finish_free},
	{.name = "as-waiter",
	 .setup = setup,
	 .threads = {count_once_as, count_twice},
	 .finish = finish_3},
	{.name = "as-both",
	 .setup = setup,
	 .threads = {count_twice_as, count_once_as},
	 .finish = finish_3},
	{.name = "behind-fiber",
	 .setup = setup_gated,
	 .threads = {hold_for_both, fiber_first, other_second},
	 .finish = finish_3,
	 .no_spurious = true},
	{.name = "not-handed-to-fiber",
	 .setup = setup_gated,
	 .threads = {let_fiber_lose, fiber_first},
	 .finish = finish_4,
	 .no_spurious = true},
	{.name = "handed-past-fiber",
	 .setup = setup_gated,
	 .threads = {let_both_lose, fiber_first, thread_loses},
	 .finish = finish_4,
	 .no_spurious = true},
	{.name = "fiber-behind-fiber",
	 .setup = setup_gated_fibers,
	 .threads = {hold_for_both, fiber_first, other_second},
	 .finish = finish_3,
	 .no_spurious = true},
	{.name = "fiber-last",
	 .setup = setup_last,
	 .threads = {thread_before_0, thread_before_1, fiber_last},
	 .finish = finish_3,
	 .no_spurious = true},
	{.name = "fiber-loses-last",
	 .setup = setup_loses_last,
	 .threads = {thread_thrice_before, fiber_last},
	 .finish = finish_4,
	 .no_spurious = true},
	{.name = "contract",
	 .setup = setup,
	 .threads = {try_then_once, try_then_once},
	 .finish = finish_contract,
	 .ideal_locks = true},
	{.name = "contract-pairs",
	 .setup = setup,
	 .threads = {pair_01, pair_10, ask},
	 .finish = finish_pairs,
	 .ideal_locks = true},
	{.name = "contract-nested",
	 .setup = setup,
	 .threads = {nested_01, pair_10},
	 .finish = finish_free,
	 .ideal_locks = true},
	{.name = "in-section",
	 .setup = setup,
	 .threads = {count_in_section, count_in_section},
	 .finish = finish_2},
};
MC_MAIN(scenarios)
