/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * join-many.c - waiting for several tasks: a quorum (quorum.h), and the end of those that lost.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>

#include "join.h"
#include "quorum.h"

static const enum eng_quorum_rule rules[PAWL_JOIN_COUNT] = {
	[PAWL_JOIN_ALL] = ENG_QUORUM_NOT_COMPLETED,
	[PAWL_JOIN_RACE] = ENG_QUORUM_ENDED,
	[PAWL_JOIN_ANY] = ENG_QUORUM_COMPLETED,
	[PAWL_JOIN_SETTLED] = ENG_QUORUM_NOTHING,
};

/* Handles are one word each: an array of them is one of ids. */
PAWL_STATIC_ASSERT(sizeof(pawl_task_t) == sizeof(uint64_t), "a handle is an id");

/* What a joiner waits for: that it is decided, or (to_the_end) all have ended; or `named` has. */
struct wanted {
	const struct eng_quorum *quorum;
	const struct eng_task *named;
	bool to_the_end;
};

static bool has_come(const void *arg)
{
	const struct wanted *wanted = arg;

	return eng_quorum_over(wanted->quorum, wanted->to_the_end) ||
	       (wanted->named && eng_task_outcome(wanted->named));
}

static int join_sleep(struct eng_quorum *quorum, bool to_the_end, const struct eng_task *named,
		      uint64_t deadline_ns)
{
	const struct wanted wanted = {quorum, named, to_the_end};

	return eng_wait_until(&quorum->changed, has_come, &wanted, deadline_ns, "join of",
			      quorum->count);
}

/* A joiner, and what is undone when it returns or is forced out of its sleep. */
struct joiner {
	struct pawl_cleanup cleanup;
	struct pawl_runtime *rt;
	struct eng_run *run; /* NULL: not a body */
	struct eng_quorum *quorum;
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
	for (size_t i = 0; joiner->all_named && i < joiner->quorum->count; i++)
		pawl_sub_relaxed(&joiner->quorum->members[i].task->waiters, 1u);
	if (joiner->run)
		eng_edge_set(joiner->run->task, 0);
	eng_quorum_put(joiner->quorum);
}

/* All and settled, in a body: run what can be run here, then wait for one after the other by name. */
static int join_in_turn(struct joiner *joiner, uint64_t deadline_ns)
{
	struct eng_quorum *quorum = joiner->quorum;
	struct eng_run *run = joiner->run;
	bool forever = deadline_ns == PAWL_FOREVER && run->rt == joiner->rt;
	/* What runs here holds the joiner up: where another member's end may decide it would not be seen. */
	bool inline_too = forever && (quorum->rule == ENG_QUORUM_NOTHING || quorum->count == 1);
	int error = 0;

	for (size_t i = 0; i < quorum->count && !error && !eng_quorum_over(quorum, false);
	     i++) {
		struct eng_task *task = quorum->members[i].task;

		if (eng_task_outcome(task))
			continue;
		pawl_store_relaxed(&quorum->named, (uint64_t)i + 1);
		name(joiner, task);
		if (forever && eng_edge_makes_ring(joiner->rt->tasks, run->task, task,
						   run->outer != NULL)) {
			eng_ring_message(joiner->rt, run->task);
			return -EDEADLK;
		}
		if (inline_too && eng_run_inline(joiner->rt, run, task))
			continue;
		eng_lend(joiner->rt, task, eng_lending_lane(run));
		error = join_sleep(quorum, false, task, deadline_ns);
	}
	return error;
}

static int join_at_once(struct joiner *joiner, uint64_t deadline_ns)
{
	struct eng_quorum *quorum = joiner->quorum;

	joiner->all_named = true;
	for (size_t i = 0; i < quorum->count; i++)
		pawl_add_relaxed(&quorum->members[i].task->waiters, 1u);
	for (size_t i = 0; i < quorum->count; i++) {
		struct eng_task *task = quorum->members[i].task;

		eng_lend(joiner->rt, task,
			 joiner->run ? eng_lending_lane(joiner->run) : task->lane);
	}
	return join_sleep(quorum, false, NULL, deadline_ns);
}

static int join_wait(struct joiner *joiner, uint64_t deadline_ns)
{
	struct eng_quorum *quorum = joiner->quorum;
	bool in_turn =
		quorum->rule == ENG_QUORUM_NOT_COMPLETED || quorum->rule == ENG_QUORUM_NOTHING;
	int error = joiner->run && in_turn ? join_in_turn(joiner, deadline_ns)
					   : join_at_once(joiner, deadline_ns);

	if (error || !pawl_load_acquire(&quorum->decided))
		return error ? error : join_sleep(quorum, true, NULL, PAWL_FOREVER);
	for (size_t i = 0; i < quorum->count; i++)
		eng_task_cancel(joiner->rt, quorum->members[i].task);
	return join_sleep(quorum, true, NULL, PAWL_FOREVER);
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

int pawl_join(struct pawl_runtime *runtime, enum pawl_join kind, const pawl_task_t *tasks,
	      size_t n, uint64_t deadline_ns, struct pawl_result *ret_results,
	      size_t *ret_index)
{
	struct joiner joiner = {.rt = runtime, .run = eng_run_here()};
	uint64_t decided;
	int error;

	error = check(runtime, joiner.run, kind, n, deadline_ns);
	if (error)
		return error;
	if (joiner.run && eng_checkpoint(joiner.run))
		return -ECANCELED;
	error = eng_quorum_make(runtime->tasks, rules[kind],
				(const uint64_t *)(const void *)tasks, n, &joiner.quorum);
	if (error)
		return error;
	if (joiner.run)
		pawl_cleanup_push(&joiner.cleanup, joiner_over, &joiner);
	eng_quorum_watch(joiner.quorum);
	error = join_wait(&joiner, deadline_ns);
	if (!error) {
		decided = pawl_load_relaxed(&joiner.quorum->decided);
		for (size_t i = 0; ret_results && i < n; i++) {
			struct eng_task *task = joiner.quorum->members[i].task;

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
