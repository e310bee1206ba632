/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jobs.c - counting jobs, with edges. verify/t-jobs.c runs this file under the model checker.
 *
 * Jobs that begin and finish beside others change one word. The first one to begin and the last one to
 * finish do so under a lock, so edges are in one order, which their stamps, counts and notifications
 * share: who looks at word and counts with the lock held sees whole edges.
 *
 * Invariants:
 *  I1 The word leaves 0 jobs, and comes back to it, under the lock alone; `busies` and `idles` are counted in the
 *     same critical section. So a waiter that noted `idles` finds every idle moment since, and none before.
 *  I2 `edge` is called by one thread at a time, `telling`, with no lock held; that one goes on until what it told
 *     last is what is. Who makes an edge meanwhile leaves it to that thread: by the lock one sees the other.
 *
 * Ordering:
 *  O1 Finishing releases. Every change of the word is a read-modify-write, so who acquires it later sees what
 *     all did that finished before. The last one to finish acquires by the same operation, for `edge`.
 *
 * Rejected: cells for each thread, as of a gate (pawl/gate.h): its zero is exact only where nothing begins any
 * more; an edge without a lock, by the result of the addition alone: two edges that follow each other are
 * told in the wrong order, and the runtime is taken for idle while it is busy.
 */
#include "config.h"

#include <string.h>

#include <pawl/atomic.h>

#include "jobs.h"

#define BEGUN (UINT64_C(1) << 32)

static uint32_t under_way(uint64_t word)
{
	return (uint32_t)word;
}

void eng_jobs_init(struct eng_jobs *jobs, uint64_t (*now)(void *clock_arg), void *clock_arg)
{
	memset(jobs, 0, sizeof(*jobs));
	pawl_init_word(&jobs->word, UINT64_C(0));
	pawl_lock_init(&jobs->lock, PAWL_LOCK_RANK_EVENT - 1);
	pawl_event_init(&jobs->busy);
	pawl_event_init(&jobs->idle);
	jobs->now = now;
	jobs->clock_arg = clock_arg;
}

static uint64_t stamp(const struct eng_jobs *jobs)
{
	return jobs->now ? jobs->now(jobs->clock_arg) : 0;
}

/* Gives the lock back, and tells what is to be told. */
static void edge_unlock(struct eng_jobs *jobs)
{
	bool busy;

	if (!jobs->edge || jobs->telling) {
		pawl_lock_unlock(&jobs->lock);
		return;
	}
	jobs->telling = true;
	/* Ends: with the edges. */
	while ((busy = under_way(pawl_load_relaxed(&jobs->word)) != 0) != jobs->told_busy) {
		jobs->told_busy = busy;
		pawl_lock_unlock(&jobs->lock);
		jobs->edge(jobs->edge_arg, busy);
		pawl_lock_lock(&jobs->lock);
	}
	jobs->telling = false;
	pawl_lock_unlock(&jobs->lock);
}

/* The first one, as it seemed. */
static void begin_locked_out(struct eng_jobs *jobs)
{
	uint64_t now_ns = stamp(jobs);

	pawl_lock_lock(&jobs->lock);
	if (under_way(pawl_add_relaxed(&jobs->word, BEGUN + 1))) {
		pawl_lock_unlock(&jobs->lock);
		return;
	}
	jobs->busies++; /* I1 */
	jobs->busy_since_ns = now_ns;
	pawl_event_notify_all(&jobs->busy);
	edge_unlock(jobs);
}

void eng_jobs_begin(struct eng_jobs *jobs)
{
	uint64_t seen = pawl_load_relaxed(&jobs->word);

	/* Lock-free: a turn is lost only to another's change. */
	while (under_way(seen)) {
		if (pawl_cas_weak_relaxed(&jobs->word, &seen, seen + BEGUN + 1)) /* O1 */
			return;
	}
	begin_locked_out(jobs);
}

static void stretch_ended(struct eng_jobs *jobs, uint64_t word, uint64_t now_ns)
{
	struct eng_jobs_update *update = &jobs->update;
	uint32_t begun = (uint32_t)(word / BEGUN);

	jobs->idles++; /* I1 */
	if (!update->stretches++)
		update->begun_ns = jobs->busy_since_ns;
	/* Stamps are taken before the lock: two of them may be in the wrong order. */
	if (now_ns > jobs->busy_since_ns)
		update->busy_ns += now_ns - jobs->busy_since_ns;
	update->ended_ns = now_ns;
	update->jobs += begun - jobs->begun_before;
	jobs->begun_before = begun;
}

/* The last one, as it seemed. */
static void finish_locked_out(struct eng_jobs *jobs)
{
	uint64_t now_ns = stamp(jobs), word;

	pawl_lock_lock(&jobs->lock);
	word = pawl_sub_acq_rel(&jobs->word, 1u); /* O1 */
	if (under_way(word) != 1) {
		pawl_lock_unlock(&jobs->lock);
		return;
	}
	stretch_ended(jobs, word, now_ns);
	pawl_event_notify_all(&jobs->idle);
	edge_unlock(jobs);
}

void eng_jobs_finish(struct eng_jobs *jobs)
{
	uint64_t seen = pawl_load_relaxed(&jobs->word);

	PAWL_REQUIRE(under_way(seen) && "a job is finished once");
	/* Lock-free: a turn is lost only to another's change. */
	while (under_way(seen) > 1) {
		if (pawl_cas_weak_release(&jobs->word, &seen, seen - 1)) /* O1 */
			return;
	}
	finish_locked_out(jobs);
}

bool eng_jobs_idle(const struct eng_jobs *jobs)
{
	return !under_way(pawl_load_acquire(&jobs->word)); /* O1 */
}

uint64_t eng_jobs_idles(struct eng_jobs *jobs)
{
	uint64_t idles;

	pawl_lock_lock(&jobs->lock);
	idles = jobs->idles;
	pawl_lock_unlock(&jobs->lock);
	return idles;
}

bool eng_jobs_idle_since(struct eng_jobs *jobs, uint64_t idles)
{
	bool since;

	pawl_lock_lock(&jobs->lock);
	since = eng_jobs_idle(jobs) || jobs->idles != idles;
	pawl_lock_unlock(&jobs->lock);
	return since;
}

bool eng_jobs_has_update(struct eng_jobs *jobs)
{
	bool has;

	pawl_lock_lock(&jobs->lock);
	has = jobs->update.stretches;
	pawl_lock_unlock(&jobs->lock);
	return has;
}

bool eng_jobs_take(struct eng_jobs *jobs, struct eng_jobs_update *ret_update)
{
	bool has;

	pawl_lock_lock(&jobs->lock);
	has = jobs->update.stretches;
	if (has)
		*ret_update = jobs->update;
	memset(&jobs->update, 0, sizeof(jobs->update));
	pawl_lock_unlock(&jobs->lock);
	return has;
}
