/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * idle.c - the searching-worker protocol of Go's and tokio's schedulers, on a mask of sleepers.
 * verify/spin/idle.pml is its model, verify/t-idle.c runs this file under the model checker.
 *
 * A push that finds a searcher relies on it. Hence:
 *  I1 Whoever stops searching, because it found something (found) or because it did not (sleep),
 *     looks once more after it stopped to count: what a push relied on it for is found, or
 *     another is woken for it.
 *  I2 A bit of `asleep` is set by its worker and cleared once, by who wakes it or by itself. Who
 *     clears another's bit adds to `searching` on its behalf, then unparks it.
 *  I3 `searching` is never too high: it is added to only for workers that will look. It may be
 *     too low, below zero even, where a chosen worker stops searching before its waker has added.
 *     Too low only costs a wake-up.
 *  I4 Who searches may find things that are not for it: it is full, or a surplus worker that does
 *     not count. The look of I1 tells for whom they are, and one of those is woken. Who is full says so
 *     while it is awake, so nobody that is full is chosen for what needs room but by a waker
 *     that is late, which costs a wake-up; two of them do not wake each other for ever.
 *  I5 What waits while nobody searches and nobody sleeps that it is for has the guard armed: armed by the push,
 *     by the look of I1, or still. The guard disarms itself, and then looks once more, as a worker
 *     that goes to sleep does. A worker that is stepped and was told does for one that searches, here.
 *  I6 A worker that is stepped counts as searching in its steps only: its host comes when it likes, so
 *     nobody relies on it meanwhile. Being woken it is told, and will look at everything.
 *
 * Ordering:
 *  O1 Five places have the same fence: the item is visible, fence, look at searching, asleep, full and
 *     armed (pushed, pushed_to); asleep is set and searching lowered, fence, look at everything (sleep,
 *     doze); searching is lowered, fence, look at everything (found); armed is cleared, fence, look at
 *     everything (disarm). One fence of a pair comes first, so one sees the other.
 *  O2 asleep: set with release, after the waiter was written; cleared by wakers with acquire and
 *     release, by the worker with acquire: if it finds its bit cleared it has seen what was pushed.
 *     One that is stepped clears it in any case, and so acquires as well.
 *
 *  O3 armed: cleared with release after the guard's waiter was written, set by exchange with acquire: who
 *     arms it has that.
 *
 * Sleeping is pawl_park(): its token is sticky, and may come late, when the worker sleeps again;
 * the bit says whether it was meant. A waker may be late as well: after its worker has gone on and
 * sleeps again, it still reads waiters[], which is why that is written once.
 *
 * Rejected: pawl_ec in place of the mask (cannot wake a certain worker, whose parked fibres
 * nobody else may run); waking another from every search that ends well (Go): an item then wakes
 * a second worker for nothing.
 */
#include "config.h"

#include "idle.h"

#include <pawl/atomic.h>
#include <pawl/park.h>

void eng_idle_init(struct eng_idle *idle, unsigned workers)
{
	PAWL_REQUIRE(workers && workers <= ENG_IDLE_WORKERS_MAX);
	idle->words = (workers + 63) / 64;
	idle->stepped = ENG_IDLE_WORKERS_MAX;
	pawl_init_word(&idle->searching, 0u);
	pawl_init_word(&idle->surplus, 0u);
	pawl_init_word(&idle->armed, 0u);
	pawl_init_word(&idle->wakes, 0u);
	for (unsigned i = 0; i < ENG_IDLE_WORKERS_MAX / 64; i++) {
		pawl_init_word(&idle->asleep[i], 0u);
		pawl_init_word(&idle->full[i], 0u);
	}
	for (unsigned i = 0; i < ENG_IDLE_WORKERS_MAX; i++)
		idle->waiters[i] = NULL;
	idle->guard_start = NULL;
	pawl_init_word(&idle->guard, (void *)NULL);
}

unsigned eng_idle_surplus(const struct eng_idle *idle, unsigned i)
{
	return idle->words * 64 + i;
}

static uint64_t bit_of(unsigned worker)
{
	return UINT64_C(1) << (worker % 64);
}

/* Choose this sleeper, if it is one. */
static bool wake(struct eng_idle *idle, unsigned worker)
{
	uint64_t bit = bit_of(worker);
	uint64_t before = pawl_and_acq_rel(&idle->asleep[worker / 64], ~bit); /* O2 */

	if (!(before & bit))
		return false;
	/* Relaxed: O1 is about the fences. */
	if (worker != idle->stepped || !PAWL_MC_STEP("not-relied-on")) /* I6 */
		pawl_add_relaxed(&idle->searching, 1u);
	pawl_add_relaxed(&idle->wakes, 1u);
	pawl_unpark(idle->waiters[worker]);
	return true;
}

/* The sleepers of a word that may be chosen; 0 beyond the last word of them. */
static uint64_t choice(const struct eng_idle *idle, unsigned word, bool roomy)
{
	uint64_t asleep = pawl_load_relaxed(&idle->asleep[word]);

	if (word >= idle->words) {
		unsigned first = (word - idle->words) * 64;
		uint32_t count = pawl_load_relaxed(&idle->surplus);

		if (count <= first)
			return 0;
		if (count - first < 64)
			asleep &= bit_of(count - first) - 1;
	}
	/* Relaxed, as asleep: O1 is about the fences. */
	return roomy ? asleep & ~pawl_load_relaxed(&idle->full[word]) : asleep;
}

static unsigned words_to_look_at(const struct eng_idle *idle)
{
	return idle->words + (pawl_load_relaxed(&idle->surplus) + 63) / 64;
}

/* Wake one, if one sleeps that may be chosen: after the caller's fence. */
static bool wake_any(struct eng_idle *idle, bool roomy)
{
	unsigned words = words_to_look_at(idle);

	for (unsigned word = 0; word < words; word++) {
		uint64_t asleep = choice(idle, word, roomy);

		/* Ends: every turn drops a bit. */
		for (; asleep; asleep &= asleep - 1) {
			if (wake(idle, word * 64 + (unsigned)__builtin_ctzll(asleep)))
				return true;
		}
	}
	return false;
}

static bool somebody_sleeps(const struct eng_idle *idle)
{
	unsigned words = words_to_look_at(idle);

	for (unsigned word = 0; word < words; word++) {
		if (pawl_load_relaxed(&idle->asleep[word]))
			return true;
	}
	return false;
}

/* There is nothing to do about it: it is armed, or there is none. */
static bool is_armed(const struct eng_idle *idle)
{
	return !idle->guard_start || pawl_load_relaxed(&idle->armed);
}

static void arm(struct eng_idle *idle)
{
	struct pawl_waiter *guard;

	if (is_armed(idle) || pawl_xchg_acquire(&idle->armed, 1u)) /* O3 */
		return;
	guard = pawl_load_relaxed(&idle->guard);
	if (guard)
		pawl_unpark(guard);
	else
		idle->guard_start(idle);
}

/* Somebody has it that `found` was not for. Returns: false: there is nobody. */
static bool pass_on(struct eng_idle *idle, unsigned found)
{
	if (!(found & (ENG_IDLE_ANY | ENG_IDLE_ROOMY)))
		return true;
	return PAWL_MC_STEP("pass-on") && wake_any(idle, !(found & ENG_IDLE_ANY));
}

static void pushed(struct eng_idle *idle, bool roomy)
{
	pawl_fence_dekker(); /* O1 */
	if ((int32_t)pawl_load_relaxed(&idle->searching) > 0 && PAWL_MC_STEP("rely"))
		return;
	if (!wake_any(idle, roomy) && PAWL_MC_STEP("pushed-arm"))
		arm(idle);
}

void eng_idle_pushed(struct eng_idle *idle)
{
	pushed(idle, false);
}

void eng_idle_pushed_roomy(struct eng_idle *idle)
{
	pushed(idle, true);
}

void eng_idle_set_full(struct eng_idle *idle, unsigned worker, bool full)
{
	struct pawl_atomic_u64 *word = &idle->full[worker / 64];

	if (((pawl_load_relaxed(word) & bit_of(worker)) != 0) == full)
		return;
	if (full)
		pawl_or_relaxed(word, bit_of(worker));
	else
		pawl_and_relaxed(word, ~bit_of(worker));
}

void eng_idle_pushed_to(struct eng_idle *idle, unsigned worker)
{
	pawl_fence_dekker(); /* O1 */
	if (pawl_load_relaxed(&idle->asleep[worker / 64]) & bit_of(worker))
		(void)wake(idle, worker);
}

bool eng_idle_all(const struct eng_idle *idle, unsigned workers)
{
	for (unsigned worker = 0; worker < workers; worker += 64) {
		uint64_t all = workers - worker >= 64 ? ~UINT64_C(0)
						      : (UINT64_C(1) << (workers - worker)) - 1;

		/* Acquire: what a sleeper wrote before its bit (O2). */
		if ((pawl_load_acquire(&idle->asleep[worker / 64]) & all) != all)
			return false;
	}
	return true;
}

bool eng_idle_is_asleep(const struct eng_idle *idle, unsigned worker)
{
	return pawl_load_acquire(&idle->asleep[worker / 64]) & bit_of(worker); /* O2 */
}

void eng_idle_join(struct eng_idle *idle, unsigned worker)
{
	idle->waiters[worker] = pawl_waiter_thread();
}

void eng_idle_join_stepped(struct eng_idle *idle, unsigned worker, struct pawl_waiter *bell)
{
	idle->waiters[worker] = bell;
	idle->stepped = worker;
}

void eng_idle_search(struct eng_idle *idle)
{
	pawl_add_relaxed(&idle->searching, 1u);
}

void eng_idle_found(struct eng_idle *idle, eng_idle_look *look, void *arg)
{
	uint32_t before = pawl_sub_relaxed(&idle->searching, 1u);

	/* The others that search will look as well. */
	if ((int32_t)before > 1)
		return;
	pawl_fence_dekker(); /* O1 */
	if (PAWL_MC_STEP("found-look") && (somebody_sleeps(idle) || !is_armed(idle)) &&
	    !pass_on(idle, look(arg)))
		arm(idle);
}

/* Awake of its own accord. If a waker was faster it has counted the worker, or will. */
static void take_bit_back(struct eng_idle *idle, struct pawl_atomic_u64 *word, uint64_t bit)
{
	if (pawl_and_acquire(word, ~bit) & bit) /* O2 */
		pawl_add_relaxed(&idle->searching, 1u);
}

/* From searching to asleep. Returns what a last look finds. */
static unsigned lie_down(struct eng_idle *idle, struct pawl_atomic_u64 *word, uint64_t bit,
			 eng_idle_look *look, void *arg)
{
	pawl_or_release(word, bit); /* O2 */
	pawl_sub_relaxed(&idle->searching, 1u);
	pawl_fence_dekker(); /* O1 */
	return PAWL_MC_STEP("sleep-look") ? look(arg) : 0;
}

void eng_idle_sleep(struct eng_idle *idle, unsigned worker, uint64_t deadline_ns,
		    eng_idle_look *look, void *arg)
{
	struct pawl_atomic_u64 *word = &idle->asleep[worker / 64];
	uint64_t bit = bit_of(worker);
	unsigned found;

	found = lie_down(idle, word, bit, look, arg);
	if (found & ENG_IDLE_MINE) {
		take_bit_back(idle, word, bit);
		return;
	}
	/* I4. Nobody else searches for it, or will look as well. */
	if (!pass_on(idle, found))
		arm(idle);
	while (pawl_load_acquire(word) & bit) { /* O2 */
		if (!pawl_park_until(deadline_ns)) {
			take_bit_back(idle, word, bit);
			return;
		}
	}
}

bool eng_idle_doze(struct eng_idle *idle, unsigned worker, eng_idle_look *look, void *arg)
{
	unsigned found = lie_down(idle, &idle->asleep[worker / 64], bit_of(worker), look, arg);

	if (!(found & ENG_IDLE_MINE)) {
		/* I4 */
		if (!pass_on(idle, found))
			arm(idle);
		return true;
	}
	eng_idle_rise(idle, worker);
	eng_idle_search(idle); /* I6 */
	return false;
}

void eng_idle_rise(struct eng_idle *idle, unsigned worker)
{
	(void)pawl_and_acquire(&idle->asleep[worker / 64], ~bit_of(worker)); /* O2 */
}

bool eng_idle_disarm(struct eng_idle *idle, eng_idle_look *look, void *arg)
{
	unsigned found;

	pawl_store_release(&idle->armed, 0u); /* O3 */
	pawl_fence_dekker();		      /* O1 */
	if ((int32_t)pawl_load_relaxed(&idle->searching) > 0 && PAWL_MC_STEP("disarm-rely"))
		return true;
	found = PAWL_MC_STEP("disarm-look") ? look(arg) : 0;
	/* Armed anew by itself, or by who unparks it. */
	if (!pass_on(idle, found)) {
		pawl_store_relaxed(&idle->armed, 1u);
		return false;
	}
	return true;
}

void eng_idle_guard_sleep(struct eng_idle *idle)
{
	if (!pawl_load_relaxed(&idle->armed))
		pawl_park();
}
