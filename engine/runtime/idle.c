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
 *  I4 A worker that is stepped counts as searching in its steps only: its host comes when it likes, so
 *     nobody relies on it meanwhile. Being woken it is told, and will look at everything.
 *
 * Ordering:
 *  O1 Four places have the same fence: the item is visible, fence, look at searching and asleep
 *     (pushed); asleep is set and searching lowered, fence, look at everything (sleep, doze); searching is
 *     lowered, fence, look at everything (found). One fence of a pair comes first, so one sees the
 *     other.
 *  O2 asleep: set with release, after the waiter was written; cleared by wakers with acquire and
 *     release, by the worker with acquire: if it finds its bit cleared it has seen what was pushed.
 *     One that is stepped clears it in any case, and so acquires as well.
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
	pawl_init_word(&idle->wakes, 0u);
	for (unsigned i = 0; i < ENG_IDLE_WORKERS_MAX / 64; i++)
		pawl_init_word(&idle->asleep[i], 0u);
	for (unsigned i = 0; i < ENG_IDLE_WORKERS_MAX; i++)
		idle->waiters[i] = NULL;
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
	if (worker != idle->stepped || !PAWL_MC_STEP("not-relied-on")) /* I4 */
		pawl_add_relaxed(&idle->searching, 1u);
	pawl_add_relaxed(&idle->wakes, 1u);
	pawl_unpark(idle->waiters[worker]);
	return true;
}

/* Wake one, if one sleeps: after the caller's fence. */
static void wake_any(struct eng_idle *idle)
{
	for (unsigned word = 0; word < idle->words; word++) {
		uint64_t asleep = pawl_load_relaxed(&idle->asleep[word]);

		/* Ends: every turn drops a bit. */
		for (; asleep; asleep &= asleep - 1) {
			if (wake(idle, word * 64 + (unsigned)__builtin_ctzll(asleep)))
				return;
		}
	}
}

static bool somebody_sleeps(struct eng_idle *idle)
{
	for (unsigned word = 0; word < idle->words; word++) {
		if (pawl_load_relaxed(&idle->asleep[word]))
			return true;
	}
	return false;
}

void eng_idle_pushed(struct eng_idle *idle)
{
	pawl_fence_dekker(); /* O1 */
	if ((int32_t)pawl_load_relaxed(&idle->searching) > 0 && PAWL_MC_STEP("rely"))
		return;
	wake_any(idle);
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
	if (PAWL_MC_STEP("found-look") && somebody_sleeps(idle) && look(arg))
		wake_any(idle);
}

/* Awake of its own accord. If a waker was faster it has counted the worker, or will. */
static void take_bit_back(struct eng_idle *idle, struct pawl_atomic_u64 *word, uint64_t bit)
{
	if (pawl_and_acquire(word, ~bit) & bit) /* O2 */
		pawl_add_relaxed(&idle->searching, 1u);
}

/* From searching to asleep. Returns: a last look finds something. */
static bool lie_down(struct eng_idle *idle, struct pawl_atomic_u64 *word, uint64_t bit,
		     eng_idle_look *look, void *arg)
{
	pawl_or_release(word, bit); /* O2 */
	pawl_sub_relaxed(&idle->searching, 1u);
	pawl_fence_dekker(); /* O1 */
	return PAWL_MC_STEP("sleep-look") && look(arg);
}

void eng_idle_sleep(struct eng_idle *idle, unsigned worker, uint64_t deadline_ns,
		    eng_idle_look *look, void *arg)
{
	struct pawl_atomic_u64 *word = &idle->asleep[worker / 64];
	uint64_t bit = bit_of(worker);

	if (lie_down(idle, word, bit, look, arg)) {
		take_bit_back(idle, word, bit);
		return;
	}
	while (pawl_load_acquire(word) & bit) { /* O2 */
		if (!pawl_park_until(deadline_ns)) {
			take_bit_back(idle, word, bit);
			return;
		}
	}
}

bool eng_idle_doze(struct eng_idle *idle, unsigned worker, eng_idle_look *look, void *arg)
{
	if (!lie_down(idle, &idle->asleep[worker / 64], bit_of(worker), look, arg))
		return true;
	eng_idle_rise(idle, worker);
	eng_idle_search(idle); /* I4 */
	return false;
}

void eng_idle_rise(struct eng_idle *idle, unsigned worker)
{
	(void)pawl_and_acquire(&idle->asleep[worker / 64], ~bit_of(worker)); /* O2 */
}
