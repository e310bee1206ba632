/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quorum.c - all, race, any, settled are four rules over one count. verify/t-quorum.c runs this file under
 * the model checker.
 *
 *  I1 `left` is the number of members that have not told; each takes itself off after it has said what
 *     it knows (`decided`).
 *  I2 `decided` is written once, by compare-exchange: the first says who.
 *
 * Ordering:
 *  O1 Telling releases by `left` and by `decided`, the maker acquires both: what the members did
 *     is seen by who finds the quorum over.
 *  O2 The maker stores `named`, listens (a fence), looks at the named task's outcome; the member has its
 *     outcome, fence, looks at `named`. One sees the other.
 *  O3 refs: as reference counts.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>

#include "quorum.h"

static size_t bytes_of(size_t count)
{
	return sizeof(struct eng_quorum) + count * sizeof(struct eng_quorum_member);
}

void eng_quorum_put(struct eng_quorum *quorum)
{
	if (pawl_sub_acq_rel(&quorum->refs, 1u) == 1) /* O3 */
		pawl_mem_free(quorum, bytes_of(quorum->count), 0);
}

static bool decides(enum eng_quorum_rule rule, enum eng_outcome outcome)
{
	switch (rule) {
	case ENG_QUORUM_NOT_COMPLETED:
		return outcome != ENG_OUTCOME_COMPLETED;
	case ENG_QUORUM_COMPLETED:
		return outcome == ENG_OUTCOME_COMPLETED;
	case ENG_QUORUM_ENDED:
		return true;
	default:
		return false;
	}
}

/* A member has ended. Returns: has the maker a reason to look? */
static bool tell(struct eng_quorum *quorum, size_t index, enum eng_outcome outcome)
{
	uint64_t none = 0;
	bool look = decides(quorum->rule, outcome) &&
		    pawl_cas_release(&quorum->decided, &none, (uint64_t)index + 1); /* I2, O1 */

	pawl_fence_dekker(); /* O2 */
	if (pawl_load_relaxed(&quorum->named) == index + 1)
		look = true;
	/* In any case (I1). */
	return pawl_sub_release(&quorum->left, 1u) == 1 || look; /* O1 */
}

static void member_ended(struct eng_watcher *watcher, enum eng_outcome outcome)
{
	struct eng_quorum_member *member =
		PAWL_CONTAINER_OF(watcher, struct eng_quorum_member, watcher);
	struct eng_quorum *quorum = member->quorum;

	if (tell(quorum, (size_t)(member - quorum->members), outcome))
		pawl_event_notify_all(&quorum->changed);
	eng_quorum_put(quorum);
}

int eng_quorum_make(struct eng_tasks *tasks, enum eng_quorum_rule rule, const uint64_t *ids,
		    size_t count, struct eng_quorum **ret_quorum)
{
	struct eng_quorum *quorum;
	int error = 0;

	if (count > (SIZE_MAX - sizeof(*quorum)) / sizeof(quorum->members[0]))
		return -ENOMEM;
	quorum = pawl_mem_zalloc(bytes_of(count), 0);
	if (!quorum)
		return -ENOMEM;
	quorum->rule = rule;
	quorum->count = count;
	pawl_init_word(&quorum->left, (uint64_t)count);
	pawl_init_word(&quorum->decided, 0u);
	pawl_init_word(&quorum->named, 0u);
	pawl_init_word(&quorum->refs, (uint64_t)count + 1);
	pawl_event_init(&quorum->changed);
	for (size_t i = 0; i < count && !error; i++) {
		quorum->members[i].quorum = quorum;
		quorum->members[i].watcher.ended = member_ended;
		error = eng_task_handle(tasks, ids[i], &quorum->members[i].task);
	}
	if (error) {
		pawl_mem_free(quorum, bytes_of(count), 0);
		return error;
	}
	*ret_quorum = quorum;
	return 0;
}

void eng_quorum_watch(struct eng_quorum *quorum)
{
	for (size_t i = 0; i < quorum->count; i++) {
		struct eng_quorum_member *member = &quorum->members[i];

		if (eng_task_watch(member->task, &member->watcher))
			continue;
		(void)tell(quorum, i, eng_task_outcome(member->task));
		eng_quorum_put(quorum);
	}
}

bool eng_quorum_over(const struct eng_quorum *quorum, bool to_the_end)
{
	return !pawl_load_acquire(&quorum->left) ||		     /* O1 */
	       (!to_the_end && pawl_load_acquire(&quorum->decided)); /* O1 */
}
