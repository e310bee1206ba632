/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * join-many.c - all, race, any, settled: four end rules over one count.
 *
 * Each member has a watcher (task.c) in one block that belongs to the join and to the watchers that have
 * not been told: whoever is last frees it. So a joiner that gives up leaves at once, and members
 * tell a block that nobody looks at any more.
 *
 *  I1 `left` is the number of watchers that have not been told; each takes its one off after it has
 *     said what it knows (`decided`).
 *  I2 `decided` is written once, by compare-exchange: the first says who.
 *
 * Ordering: a watcher's telling releases by `left`, and the joiner acquires it; `decided` is
 * released and acquired with what the member did. Sleeping is pawl_event's.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>

#include "join.h"

struct member {
	struct eng_watcher watcher;
	struct join *join;
	struct eng_task *task;
};

struct join {
	enum pawl_join kind;
	size_t count;
	struct pawl_atomic_u64 left;
	struct pawl_atomic_u64 decided; /* index + 1; 0: not */
	struct pawl_atomic_u64 edge;	/* index + 1 of the member that is waited for by name */
	struct pawl_atomic_u64 refs;
	struct pawl_event changed;
	struct member members[];
};

static size_t join_bytes(size_t count)
{
	return sizeof(struct join) + count * sizeof(struct member);
}

static void join_put(struct join *join, uint64_t n)
{
	if (pawl_sub_acq_rel(&join->refs, n) == n)
		pawl_mem_free(join, join_bytes(join->count), 0);
}

static bool decides(enum pawl_join kind, enum eng_outcome outcome)
{
	switch (kind) {
	case PAWL_JOIN_ALL:
		return outcome != ENG_OUTCOME_COMPLETED;
	case PAWL_JOIN_ANY:
		return outcome == ENG_OUTCOME_COMPLETED;
	case PAWL_JOIN_RACE:
		return true;
	default:
		return false;
	}
}

/* A member has ended. Returns: does the joiner have a reason to look? */
static bool tell(struct join *join, size_t index, enum eng_outcome outcome)
{
	uint64_t none = 0;
	bool first = decides(join->kind, outcome) &&
		     pawl_cas_acq_rel(&join->decided, &none, (uint64_t)index + 1); /* I2 */

	pawl_fence_dekker(); /* the joiner: edge, fence (in listen), outcome */
	first |= pawl_load_relaxed(&join->edge) == index + 1;
	/* Not `||`: the count is taken off in any case (I1). */
	return (pawl_sub_acq_rel(&join->left, 1u) == 1) | first;
}

static void member_ended(struct eng_watcher *watcher, enum eng_outcome outcome)
{
	struct member *member = PAWL_CONTAINER_OF(watcher, struct member, watcher);
	struct join *join = member->join;

	if (tell(join, (size_t)(member - join->members), outcome))
		pawl_event_notify_all(&join->changed);
	join_put(join, 1);
}

static int join_make(struct pawl_runtime *rt, enum pawl_join kind, const pawl_task_t *tasks,
		     size_t n, struct join **ret_join)
{
	struct join *join;
	int error = 0;

	if (n > (SIZE_MAX - sizeof(*join)) / sizeof(struct member))
		return -ENOMEM;
	join = pawl_mem_zalloc(join_bytes(n), 0);
	if (!join)
		return -ENOMEM;
	join->kind = kind;
	join->count = n;
	pawl_init_word(&join->left, (uint64_t)n);
	pawl_init_word(&join->decided, 0u);
	pawl_init_word(&join->edge, 0u);
	pawl_init_word(&join->refs, (uint64_t)n + 1);
	pawl_event_init(&join->changed);
	for (size_t i = 0; i < n && !error; i++) {
		join->members[i].join = join;
		join->members[i].watcher.ended = member_ended;
		error = eng_task_handle(rt->tasks, tasks[i].pawl_id, &join->members[i].task);
	}
	if (error) {
		pawl_mem_free(join, join_bytes(n), 0);
		return error;
	}
	*ret_join = join;
	return 0;
}

static void join_watch(struct join *join)
{
	for (size_t i = 0; i < join->count; i++) {
		struct member *member = &join->members[i];

		if (eng_task_watch(member->task, &member->watcher))
			continue;
		(void)tell(join, i, eng_task_outcome(member->task));
		join_put(join, 1);
	}
}

static bool is_over(const struct join *join, bool to_the_end)
{
	return !pawl_load_acquire(&join->left) ||
	       (!to_the_end && pawl_load_acquire(&join->decided));
}

/* Sleep until it is decided, or (to_the_end) all have ended; also awake when `named` has. */
static int join_sleep(struct join *join, bool to_the_end, const struct eng_task *named,
		      uint64_t deadline_ns)
{
	while (!is_over(join, to_the_end) && !(named && eng_task_outcome(named))) {
		struct pawl_listener listener;
		int error;

		pawl_event_listen(&join->changed, &listener, "join of", join->count);
		if (is_over(join, to_the_end) || (named && eng_task_outcome(named))) {
			pawl_event_unlisten(&listener);
			break;
		}
		error = pawl_wait(&listener, deadline_ns);
		if (error)
			return error;
	}
	return 0;
}

/* A joiner, and what is undone when it returns or is forced out of its sleep. */
struct joiner {
	struct pawl_cleanup cleanup;
	struct pawl_runtime *rt;
	struct eng_run *run; /* NULL: not a body */
	struct join *join;
	struct eng_task *named; /* that it waits for by name */
	bool all_named;		/* it waits for all of them */
};

static void name(struct joiner *joiner, struct eng_task *task)
{
	if (joiner->named)
		pawl_sub_relaxed(&joiner->named->waiters, 1u);
	joiner->named = task;
	if (task)
		pawl_add_relaxed(&task->waiters, 1u);
}

static void joiner_over(void *arg)
{
	struct joiner *joiner = arg;

	name(joiner, NULL);
	for (size_t i = 0; joiner->all_named && i < joiner->join->count; i++)
		pawl_sub_relaxed(&joiner->join->members[i].task->waiters, 1u);
	if (joiner->run)
		eng_edge_set(joiner->run->task, 0);
	join_put(joiner->join, 1);
}

/* All and settled, in a body: run what can be run here, then wait for one after the other by name. */
static int join_in_turn(struct joiner *joiner, uint64_t deadline_ns)
{
	struct join *join = joiner->join;
	struct eng_run *run = joiner->run;
	bool forever = deadline_ns == PAWL_FOREVER;
	int error = 0;

	for (size_t i = 0; i < join->count && !error && !is_over(join, false); i++) {
		struct eng_task *task = join->members[i].task;

		if (eng_task_outcome(task))
			continue;
		pawl_store_relaxed(&join->edge, (uint64_t)i + 1);
		name(joiner, task);
		if (forever && eng_edge_makes_ring(joiner->rt, run->task, task)) {
			eng_ring_describe(joiner->rt, run->task);
			return -EDEADLK;
		}
		if (forever && eng_run_inline(joiner->rt, run, task))
			continue;
		eng_lend(joiner->rt, task, run->lane);
		error = join_sleep(join, false, task, deadline_ns);
	}
	return error;
}

static int join_at_once(struct joiner *joiner, uint64_t deadline_ns)
{
	struct join *join = joiner->join;

	joiner->all_named = true;
	for (size_t i = 0; i < join->count; i++)
		pawl_add_relaxed(&join->members[i].task->waiters, 1u);
	for (size_t i = 0; i < join->count; i++) {
		struct eng_task *task = join->members[i].task;

		eng_lend(joiner->rt, task, joiner->run ? joiner->run->lane : task->lane);
	}
	return join_sleep(join, false, NULL, deadline_ns);
}

static int join_wait(struct joiner *joiner, uint64_t deadline_ns)
{
	struct join *join = joiner->join;
	bool in_turn = join->kind == PAWL_JOIN_ALL || join->kind == PAWL_JOIN_SETTLED;
	int error = joiner->run && in_turn ? join_in_turn(joiner, deadline_ns)
					   : join_at_once(joiner, deadline_ns);

	if (error || !pawl_load_acquire(&join->decided))
		return error ? error : join_sleep(join, true, NULL, PAWL_FOREVER);
	for (size_t i = 0; i < join->count; i++)
		eng_task_cancel(joiner->rt, join->members[i].task);
	return join_sleep(join, true, NULL, PAWL_FOREVER);
}

static int check(const struct pawl_runtime *rt, const struct eng_run *run, enum pawl_join kind,
		 size_t n, uint64_t deadline_ns)
{
	if ((unsigned)kind >= PAWL_JOIN_COUNT)
		return -EINVAL;
	if (!n && (kind == PAWL_JOIN_RACE || kind == PAWL_JOIN_ANY))
		return -EINVAL;
	if (!run && rt->options.now && deadline_ns && deadline_ns != PAWL_FOREVER)
		return -EINVAL;
	return 0;
}

int pawl_join(struct pawl_runtime *runtime, enum pawl_join kind, const pawl_task_t *tasks, size_t n,
	      uint64_t deadline_ns, struct pawl_result *ret_results, size_t *ret_index)
{
	struct joiner joiner = {.rt = runtime, .run = eng_run_here()};
	uint64_t decided;
	int error;

	error = check(runtime, joiner.run, kind, n, deadline_ns);
	if (error)
		return error;
	if (joiner.run && eng_checkpoint(joiner.run))
		return -ECANCELED;
	error = join_make(runtime, kind, tasks, n, &joiner.join);
	if (error)
		return error;
	if (joiner.run)
		pawl_cleanup_push(&joiner.cleanup, joiner_over, &joiner);
	join_watch(joiner.join);
	error = join_wait(&joiner, deadline_ns);
	if (!error) {
		decided = pawl_load_relaxed(&joiner.join->decided);
		for (size_t i = 0; ret_results && i < n; i++) {
			struct eng_task *task = joiner.join->members[i].task;

			eng_result_read(task, eng_task_outcome(task), &ret_results[i]);
		}
		if (ret_index)
			*ret_index = decided ? (size_t)decided - 1 : n;
	}
	if (joiner.run)
		pawl_cleanup_pop(&joiner.cleanup, true);
	else
		joiner_over(&joiner);
	return error;
}
