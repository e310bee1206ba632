/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sched.h - for the tests of fibres that wait: a thread that runs those that are ready.
 *
 * It is what a user would write: ready() pushes onto a list that the thread takes as a
 * whole; parked fibres with a deadline are in a table; with nothing to do it parks until
 * the next deadline. It checks that each park is answered exactly once.
 */
#ifndef TESTS_LIB_SCHED_H
#define TESTS_LIB_SCHED_H

#include "harness.h"

#include <pawl.h>

#include <string.h>

enum { FIBERS_MAX = 64 };

struct sched {
	struct pawl_fiber_hooks hooks;
	struct pawl_waiter *thread;
	struct pawl_atomic_ptr ready; /* of fibres, by link; newest first */
	struct pawl_fiber *timed[FIBERS_MAX];
	struct pawl_fiber *again[FIBERS_MAX]; /* suspended */
	unsigned timed_count, again_count, live, resumes, expired;
	struct pawl_atomic_u32 readies;
};

static inline void ready(const struct pawl_fiber_hooks *hooks, struct pawl_fiber *fiber)
{
	struct sched *sched = PAWL_CONTAINER_OF(hooks, struct sched, hooks);
	struct pawl_waiter *thread = sched->thread;
	void *head = pawl_load_relaxed(&sched->ready);

	pawl_add_relaxed(&sched->readies, 1u);
	do {
		pawl_store_relaxed(pawl_fiber_link(fiber), head);
	} while (!pawl_cas_weak_release(&sched->ready, &head, (void *)fiber));
	pawl_unpark(thread);
}

static inline void sched_init(struct sched *sched)
{
	memset(sched, 0, sizeof(*sched));
	sched->hooks.ready = ready;
	sched->thread = pawl_waiter_thread();
	pawl_init_word(&sched->ready, NULL);
	pawl_init_word(&sched->readies, 0u);
	t_check(!pawl_fiber_set_hooks(&sched->hooks));
}

static inline void sched_fini(struct sched *sched)
{
	t_check(!sched->live && !sched->timed_count && !sched->again_count);
	t_check(!pawl_load_relaxed(&sched->ready));
	t_check(pawl_fiber_set_hooks(NULL) == &sched->hooks);
}

static inline void untime(struct sched *sched, struct pawl_fiber *fiber)
{
	for (unsigned i = 0; i < sched->timed_count; i++) {
		if (sched->timed[i] == fiber) {
			sched->timed[i] = sched->timed[--sched->timed_count];
			return;
		}
	}
}

static inline void run_fiber(struct sched *sched, struct pawl_fiber *fiber)
{
	sched->resumes++;
	untime(sched, fiber);
	switch (pawl_fiber_resume(fiber)) {
	case PAWL_FIBER_FINISHED:
		t_check(!pawl_fiber_destroy(fiber));
		sched->live--;
		t_step();
		break;
	case PAWL_FIBER_SUSPENDED:
		sched->again[sched->again_count++] = fiber;
		break;
	case PAWL_FIBER_PARKED:
		if (pawl_fiber_deadline(fiber) != PAWL_FOREVER)
			sched->timed[sched->timed_count++] = fiber;
		break;
	default:
		t_check(!"resume returns one of the three");
	}
}

static inline void run_expired(struct sched *sched)
{
	uint64_t now_ns = pawl_now_ns();

	for (unsigned i = 0; i < sched->timed_count; i++) {
		struct pawl_fiber *fiber = sched->timed[i];

		if (pawl_fiber_deadline(fiber) > now_ns)
			continue;
		sched->timed[i--] = sched->timed[--sched->timed_count];
		if (pawl_fiber_expire(fiber)) {
			sched->expired++;
			run_fiber(sched, fiber);
		}
	}
}

/* One round. Returns false if nothing was to be done. */
static inline bool sched_turn(struct sched *sched)
{
	struct pawl_fiber *fiber = pawl_xchg_acquire(&sched->ready, (void *)NULL);
	struct pawl_fiber *again[FIBERS_MAX];
	unsigned resumes = sched->resumes, count = sched->again_count;

	while (fiber) {
		struct pawl_fiber *next = pawl_load_relaxed(pawl_fiber_link(fiber));

		run_fiber(sched, fiber);
		fiber = next;
	}
	memcpy(again, sched->again, sizeof(again));
	memmove(sched->again, sched->again + count,
		(sched->again_count - count) * sizeof(sched->again[0]));
	sched->again_count -= count;
	for (unsigned i = 0; i < count; i++)
		run_fiber(sched, again[i]);
	run_expired(sched);
	return sched->resumes != resumes;
}

static inline void sched_run(struct sched *sched)
{
	while (sched->live) {
		uint64_t until_ns = PAWL_FOREVER;

		if (sched_turn(sched))
			continue;
		for (unsigned i = 0; i < sched->timed_count; i++) {
			uint64_t deadline_ns = pawl_fiber_deadline(sched->timed[i]);

			until_ns = deadline_ns < until_ns ? deadline_ns : until_ns;
		}
		(void)pawl_park_until(until_ns);
	}
}

static inline struct pawl_fiber *spawn(struct sched *sched, pawl_fiber_fn *fn, void *arg)
{
	struct pawl_fiber *fiber = NULL;

	t_check(!pawl_fiber_create(NULL, fn, arg, &fiber));
	sched->live++;
	run_fiber(sched, fiber);
	return fiber;
}

#endif
