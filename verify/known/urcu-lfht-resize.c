/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * urcu-lfht-resize.c - a hash table that asks a worker to grow it, once at a time.
 *
 * The protocol of liburcu's lazy resize (cds_lfht, 0.13.2 and later), restated: whoever
 * raises the target and finds no resize under way queues a job and says "under way";
 * the worker resizes until size and target agree, taking the mark away before its last
 * look at the target.
 *
 * Mistake: the mark is set after the job is queued. A worker that has finished by then
 * took away a mark that was not there yet; the late mark stays, every later request
 * believes that somebody is at it, and the table never grows again.
 * Repair: mark first, then queue.
 */
#include "known.h"

static struct pawl_atomic_u32 size, target, under_way, jobs, closing;

static void setup(void)
{
	pawl_init_word(&size, 1u);
	pawl_init_word(&target, 1u);
	pawl_init_word(&under_way, 0u);
	pawl_init_word(&jobs, 0u);
	pawl_init_word(&closing, 0u);
}

static void request(uint32_t wanted, bool mark_first)
{
	pawl_store_relaxed(&target, wanted);
	/* Pairs with the worker's: raise the target, then look for the mark. */
	pawl_fence_dekker();
	if (pawl_load_relaxed(&under_way))
		return;
	if (mark_first)
		pawl_store_relaxed(&under_way, 1u);
	pawl_add_release(&jobs, 1u);
	if (!mark_first)
		pawl_store_relaxed(&under_way, 1u);
}

static void resize(void)
{
	uint32_t wanted;

	do {
		pawl_store_relaxed(&under_way, 1u);
		wanted = pawl_load_relaxed(&target);
		pawl_store_relaxed(&size, wanted);
		pawl_store_relaxed(&under_way, 0u);
		/* Pairs with request(): take the mark away, then look at the target. */
		pawl_fence_dekker();
	} while (wanted != pawl_load_relaxed(&target));
}

static void worker(void)
{
	uint32_t done = 0;

	for (;;) {
		uint32_t queued = pawl_load_acquire(&jobs);

		if (queued != done) {
			resize();
			done++;
		} else if (pawl_load_acquire(&closing)) {
			/* Closing comes after the last job, so look again. */
			if (pawl_load_acquire(&jobs) == done)
				return;
		} else {
			pawl_pause();
		}
	}
}

static void requester(void)
{
	request(2, true);
	request(4, true);
	pawl_store_release(&closing, 1u);
}

static void late_requester(void)
{
	request(2, false);
	request(4, false);
	pawl_store_release(&closing, 1u);
}

/* With nobody at work, the table has the size it was asked for and is not deaf. */
static void finish(void)
{
	mc_assert(pawl_load_relaxed(&size) == pawl_load_relaxed(&target));
	mc_assert(!pawl_load_relaxed(&under_way));
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "urcu-lfht-resize-deaf",
		.setup = setup,
		.threads = {late_requester, worker},
		.finish = finish,
		.bare = true,
		.expect_failure = "assertion",
	},
	{
		.name = "urcu-lfht-resize-repaired",
		.setup = setup,
		.threads = {requester, worker},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
