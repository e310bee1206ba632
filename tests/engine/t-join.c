/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-join.c - pawl/join.h: the four joins over bodies and completions, results that stay, producers
 * that go away, rings.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/runtime.h>

static struct pawl_runtime *rt;
static struct pawl_group *root;
static struct pawl_atomic_u32 ran, freed;
static struct pawl_atomic_u64 virtual_ns;

static uint64_t virtual_now(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&virtual_ns);
}

static void up_watched(uint32_t workers, uint64_t watchdog_ns)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	options.workers = workers;
	options.watchdog_ns = watchdog_ns;
	options.now = virtual_now;
	pawl_store_relaxed(&ran, 0u);
	pawl_store_relaxed(&freed, 0u);
	pawl_store_relaxed(&virtual_ns, 100u);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
	root = pawl_runtime_root(rt);
}

static void up(uint32_t workers)
{
	const struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	up_watched(workers, options.watchdog_ns);
}

static void down(void)
{
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
}

static void advance_to(uint64_t ns)
{
	pawl_store_relaxed(&virtual_ns, ns);
	pawl_runtime_clock_moved(rt);
}

/* What a body of these tests does: sleep, then end that way. */
struct plan {
	uint64_t until;
	int error;
	void *value;
};

static int planned(void *arg, void **ret_value)
{
	const struct plan *plan = arg;
	int error;

	pawl_add_relaxed(&ran, 1u);
	if (plan->until) {
		error = pawl_sleep_until(plan->until);
		if (error)
			return error;
	}
	*ret_value = plan->value;
	return plan->error;
}

static void spawn_all(struct plan *plans, size_t n, pawl_task_t *ret_tasks)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pawl_spawn(root, NULL, planned, &plans[i], &ret_tasks[i]), 0);
}

static void drop_all(const pawl_task_t *tasks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pawl_task_drop(rt, tasks[i]), 0);
}

/* ---- completions -------------------------------------------------------------------- */

static void count_freed(void *value)
{
	(void)value;
	pawl_add_relaxed(&freed, 1u);
}

/* Producers that nobody drops, settled and not: messages and values go with the runtime. */
static void case_producer_forgotten(void **state)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	pawl_producer_t producers[3];
	pawl_task_t tasks[3];

	(void)state;
	up(1);
	options.free_value = count_freed;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(
			pawl_completion_create(root, &options, &tasks[i], &producers[i]), 0);
	assert_int_equal(pawl_fail(rt, producers[0], -EIO, "a message of its own"), 0);
	assert_int_equal(pawl_task_drop(rt, tasks[1]), 0);
	assert_int_equal(pawl_complete(rt, producers[1], &rt), 0);
	assert_int_equal(pawl_load_relaxed(&freed), 0);
	down();
	assert_int_equal(pawl_load_relaxed(&freed), 1);
}

/* For each ordered pair of ends: the first one stays, the second one is told. */
static int do_end(unsigned which, pawl_task_t task, pawl_producer_t producer)
{
	switch (which) {
	case 0:
		return pawl_complete(rt, producer, &rt);
	case 1:
		return pawl_fail(rt, producer, -EIO, "broken");
	case 2:
		return pawl_task_cancel(rt, task);
	default:
		return pawl_producer_drop(rt, producer);
	}
}

static void case_first_end_stays(void **state)
{
	static const enum pawl_outcome outcomes[] = {PAWL_OUTCOME_COMPLETED,
						     PAWL_OUTCOME_FAILED,
						     PAWL_OUTCOME_CANCELLED,
						     PAWL_OUTCOME_FAILED};
	static const int errors[] = {0, -EIO, -ECANCELED, -EPIPE};
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	(void)state;
	up(1);
	options.free_value = count_freed;
	for (unsigned first = 0; first < 4; first++) {
		for (unsigned second = 0; second < 4; second++) {
			struct pawl_result result;
			pawl_producer_t producer;
			pawl_task_t task;
			int error;

			pawl_store_relaxed(&freed, 0u);
			assert_int_equal(
				pawl_completion_create(root, &options, &task, &producer), 0);
			t_assert_errno(pawl_task_result(rt, task, &result), EINPROGRESS);
			assert_int_equal(do_end(first, task, producer), 0);
			error = do_end(second, task, producer);
			if (second == 3)
				assert_int_equal(error, first == 3 ? -ESTALE : 0);
			else
				assert_int_equal(error, first == 3 && second < 2 ? -ESTALE
										 : -EALREADY);
			for (unsigned look = 0; look < 2; look++) {
				assert_int_equal(pawl_task_wait(rt, task,
								look ? 0 : PAWL_FOREVER,
								&result),
						 0);
				assert_int_equal(result.outcome, outcomes[first]);
				assert_int_equal(result.error, errors[first]);
				assert_true((result.value != NULL) == (first == 0));
			}
			if (first != 3 && second != 3)
				assert_int_equal(pawl_producer_drop(rt, producer), 0);
			t_assert_errno(pawl_producer_drop(rt, producer), ESTALE);
			assert_int_equal(pawl_load_relaxed(&freed), 0);
			assert_int_equal(pawl_task_drop(rt, task), 0);
			assert_int_equal(pawl_load_relaxed(&freed), first == 0);
			t_assert_errno(pawl_task_result(rt, task, &result), ESTALE);
			t_step();
		}
	}
	down();
}

static int await(void *arg, void **ret_value)
{
	struct pawl_result result;
	int error = pawl_task_wait(rt, *(pawl_task_t *)arg, PAWL_FOREVER, &result);

	pawl_add_relaxed(&ran, 1u);
	if (error)
		return error;
	*ret_value = result.value;
	return result.error;
}

static void case_awaited_by_many(void **state)
{
	pawl_task_t task, waiters[40];
	pawl_producer_t producer;

	(void)state;
	up(2);
	assert_int_equal(pawl_completion_create(root, NULL, &task, &producer), 0);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(pawl_spawn(root, NULL, await, &task, &waiters[i]), 0);
	/* One that gives up does not take the result with it. */
	assert_int_equal(pawl_task_cancel(rt, waiters[7]), 0);
	assert_int_equal(pawl_complete(rt, producer, &task), 0);
	for (unsigned i = 0; i < 40; i++) {
		struct pawl_result result;

		assert_int_equal(pawl_task_wait(rt, waiters[i], PAWL_FOREVER, &result), 0);
		if (i != 7 || result.outcome == PAWL_OUTCOME_COMPLETED)
			assert_ptr_equal(result.value, &task);
		else
			assert_int_equal(result.outcome, PAWL_OUTCOME_CANCELLED);
	}
	assert_int_equal(pawl_producer_drop(rt, producer), 0);
	down();
}

/* ---- joins -------------------------------------------------------------------------- */

/* The join as a body, so that it is seen from both sides. */
struct joining {
	enum pawl_join kind;
	pawl_task_t tasks[6];
	size_t n;
	struct pawl_result results[6];
	size_t index;
	int error;
};

static int join_body(void *arg, void **ret_value)
{
	struct joining *j = arg;

	(void)ret_value;
	j->error = pawl_join(rt, j->kind, j->tasks, j->n, PAWL_FOREVER, j->results, &j->index);
	return j->error;
}

static void run_join(struct joining *j, struct plan *plans, size_t n, enum pawl_join kind,
		     bool in_body, const uint64_t *times)
{
	pawl_task_t joiner;

	memset(j, 0, sizeof(*j));
	j->kind = kind;
	j->n = n;
	pawl_store_relaxed(&ran, 0u);
	spawn_all(plans, n, j->tasks);
	/* Where the joiner itself starts them one after the other nobody else may have. */
	if (times)
		t_wait_until(pawl_load_relaxed(&ran) == n);
	if (!in_body && !times) {
		join_body(j, NULL);
		return;
	}
	assert_int_equal(pawl_spawn(root, NULL, join_body, j, &joiner), 0);
	for (; times && *times; times++)
		advance_to(*times);
	assert_int_equal(pawl_task_wait(rt, joiner, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_task_drop(rt, joiner), 0);
}

static void case_race(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers++) {
		struct plan plans[] = {
			{500, 0, &plans[0]}, {300, 0, &plans[1]}, {900, 0, &plans[2]}};
		static const uint64_t times[] = {200, 300, 0};
		struct joining j;

		up(workers);
		run_join(&j, plans, 3, PAWL_JOIN_RACE, true, times);
		assert_int_equal(j.error, 0);
		assert_int_equal(j.index, 1);
		assert_ptr_equal(j.results[1].value, &plans[1]);
		assert_int_equal(j.results[0].outcome, PAWL_OUTCOME_CANCELLED);
		assert_int_equal(j.results[2].outcome, PAWL_OUTCOME_CANCELLED);
		drop_all(j.tasks, 3);
		down();
		t_step();
	}
}

static void case_any(void **state)
{
	struct plan plans[] = {{110, -EIO, NULL}, {120, -EDOM, NULL}, {130, 0, &plans[2]}};
	static const uint64_t times[] = {110, 120, 130, 0};
	struct joining j;

	(void)state;
	up(2);
	run_join(&j, plans, 3, PAWL_JOIN_ANY, true, times);
	assert_int_equal(j.index, 2);
	assert_int_equal(j.results[2].outcome, PAWL_OUTCOME_COMPLETED);
	drop_all(j.tasks, 3);

	/* All fail: all errors, in order. */
	plans[0].until = plans[1].until = plans[2].until = 0;
	plans[2].error = -ERANGE;
	run_join(&j, plans, 3, PAWL_JOIN_ANY, false, NULL);
	assert_int_equal(j.error, 0);
	assert_int_equal(j.index, 3);
	assert_int_equal(j.results[0].error, -EIO);
	assert_int_equal(j.results[1].error, -EDOM);
	assert_int_equal(j.results[2].error, -ERANGE);
	drop_all(j.tasks, 3);
	down();
}

static void case_all(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		struct plan plans[] = {{0, 0, &plans[0]},
				       {110, -EIO, NULL},
				       {900, 0, NULL},
				       {900, 0, NULL},
				       {900, 0, NULL}};
		static const uint64_t times[] = {110, 0};
		struct joining j;

		up(workers);
		run_join(&j, plans, 5, PAWL_JOIN_ALL, true, times);
		assert_int_equal(j.error, 0);
		assert_int_equal(j.index, 1);
		assert_int_equal(j.results[0].outcome, PAWL_OUTCOME_COMPLETED);
		assert_int_equal(j.results[1].error, -EIO);
		for (unsigned i = 2; i < 5; i++)
			assert_int_equal(j.results[i].outcome, PAWL_OUTCOME_CANCELLED);
		drop_all(j.tasks, 5);

		/* All complete, run by the joiner or by workers. */
		plans[1] = plans[2] = plans[3] = plans[4] = plans[0];
		for (unsigned in_body = 0; in_body < 2; in_body++) {
			run_join(&j, plans, 5, PAWL_JOIN_ALL, in_body, NULL);
			assert_int_equal(j.index, 5);
			for (unsigned i = 0; i < 5; i++)
				assert_int_equal(j.results[i].outcome, PAWL_OUTCOME_COMPLETED);
			drop_all(j.tasks, 5);
		}
		down();
		t_step();
	}
}

static void case_settled_mixed(void **state)
{
	struct plan plans[] = {{0, 0, &plans[0]}, {0, -EIO, NULL}};
	struct pawl_result results[6];
	pawl_producer_t producers[3];
	pawl_task_t tasks[6];
	size_t index;

	(void)state;
	up(2);
	spawn_all(plans, 2, tasks);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(
			pawl_completion_create(root, NULL, &tasks[2 + i], &producers[i]), 0);
	tasks[5] = tasks[0]; /* twice is once */
	assert_int_equal(pawl_complete(rt, producers[0], &plans), 0);
	assert_int_equal(pawl_fail(rt, producers[1], -EIO, "lost"), 0);
	assert_int_equal(pawl_task_cancel(rt, tasks[4]), 0);
	assert_int_equal(
		pawl_join(rt, PAWL_JOIN_SETTLED, tasks, 6, PAWL_FOREVER, results, &index), 0);
	assert_int_equal(index, 6);
	assert_int_equal(results[0].outcome, PAWL_OUTCOME_COMPLETED);
	assert_int_equal(results[1].error, -EIO);
	assert_ptr_equal(results[2].value, &plans);
	assert_string_equal(results[3].message, "lost");
	assert_int_equal(results[4].outcome, PAWL_OUTCOME_CANCELLED);
	assert_ptr_equal(results[5].value, &plans[0]);

	/* Of nothing, and of nonsense. */
	for (unsigned kind = 0; kind < PAWL_JOIN_COUNT; kind++) {
		bool one = kind == PAWL_JOIN_RACE || kind == PAWL_JOIN_ANY;

		assert_int_equal(pawl_join(rt, kind, NULL, 0, PAWL_FOREVER, NULL, &index),
				 one ? -EINVAL : 0);
	}
	t_assert_errno(pawl_join(rt, PAWL_JOIN_COUNT, tasks, 1, PAWL_FOREVER, NULL, NULL),
		       EINVAL);
	assert_int_equal(pawl_task_drop(rt, tasks[1]), 0);
	t_assert_errno(pawl_join(rt, PAWL_JOIN_ALL, tasks, 2, PAWL_FOREVER, NULL, NULL),
		       ESTALE);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pawl_producer_drop(rt, producers[i]), 0);
	down();
}

/* ---- rings and depth ---------------------------------------------------------------- */

static pawl_task_t chain[10001];

/* ---- told to end, with nothing to wait for --------------------------------------------- */

struct idler {
	pawl_task_t ended;
	struct pawl_group *drained;
	unsigned which;
};

static int wait_again(void *arg, void **ret_value)
{
	const struct idler *idler = arg;
	int error;

	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	do {
		error = idler->which ? pawl_group_wait(idler->drained, PAWL_FOREVER)
				     : pawl_task_wait(rt, idler->ended, PAWL_FOREVER, NULL);
		pawl_pause();
	} while (!error);
	return error;
}

/* Waits for what has ended, again and again: not told that it is cancelled, ended by a force. */
static void case_forced_over_ended(void **state)
{
	struct plan plan = {0, 0, NULL};
	struct idler idler;

	(void)state;
	for (idler.which = 0; idler.which < 2; idler.which++) {
		struct pawl_result result;
		pawl_task_t task;

		up(1);
		assert_int_equal(pawl_spawn(root, NULL, planned, &plan, &idler.ended), 0);
		assert_int_equal(pawl_task_wait(rt, idler.ended, PAWL_FOREVER, NULL), 0);
		assert_int_equal(pawl_group_create(root, NULL, &idler.drained), 0);
		pawl_group_close(idler.drained);
		assert_int_equal(pawl_spawn(root, NULL, wait_again, &idler, &task), 0);
		t_wait_until(pawl_load_relaxed(&ran) == 2);
		assert_int_equal(pawl_task_cancel(rt, task), 0);
		assert_int_equal(pawl_task_force(rt, task), 0);
		assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
		assert_int_equal(result.outcome, PAWL_OUTCOME_ABORTED);
		pawl_group_put(idler.drained);
		drop_all(&task, 1);
		drop_all(&idler.ended, 1);
		down();
		t_step();
	}
}

static int link(void *arg, void **ret_value)
{
	uintptr_t at = (uintptr_t)arg;
	struct pawl_result result;

	if (at == 10000) {
		*ret_value = (void *)1;
		return 0;
	}
	t_check(!pawl_task_wait(rt, chain[at + 1], PAWL_FOREVER, &result));
	*ret_value = (void *)((uintptr_t)result.value + 1);
	return 0;
}

static void case_deep_chain(void **state)
{
	struct pawl_result result;

	(void)state;
	up(2);
	for (uintptr_t i = 10001; i--;)
		assert_int_equal(pawl_spawn(root, NULL, link, (void *)i, &chain[i]), 0);
	assert_int_equal(pawl_task_wait(rt, chain[0], PAWL_FOREVER, &result), 0);
	assert_int_equal((uintptr_t)result.value, 10001);
	drop_all(chain, 10001);
	down();
}

static struct pawl_atomic_u32 branch_ran;

static int branch(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_store_relaxed(&branch_ran, 1u);
	return 0;
}

static int first_link(void *arg, void **ret_value)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_result result;
	pawl_task_t other;

	(void)arg;
	/* Older than all of the chain, and nobody waits for it. */
	t_check(!pawl_spawn(root, &options, branch, NULL, &other));
	for (uintptr_t i = 10000; i >= 9500; i--)
		t_check(!pawl_spawn(root, &options, link, (void *)i, &chain[i]));
	t_check(!pawl_task_wait(rt, chain[9500], PAWL_FOREVER, &result));
	t_check(!pawl_load_relaxed(&branch_ran));
	*ret_value = result.value;
	t_check(!pawl_task_wait(rt, other, PAWL_FOREVER, NULL));
	drop_all(&other, 1);
	return 0;
}

/* A stack that is used up: the same chain goes on on another one, and no other branch begins. */
static void case_chain_before_branch(void **state)
{
	struct pawl_result result;
	pawl_task_t task;

	(void)state;
	/* No worker more, however slow this one is. */
	up_watched(1, PAWL_FOREVER);
	pawl_store_relaxed(&branch_ran, 0u);
	assert_int_equal(pawl_spawn(root, NULL, first_link, NULL, &task), 0);
	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
	assert_int_equal((uintptr_t)result.value, 501);
	drop_all(&task, 1);
	drop_all(&chain[9500], 501);
	down();
}

static pawl_task_t self;
static struct pawl_atomic_u32 go;

static int await_self(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	while (!pawl_load_acquire(&go))
		t_check(!pawl_yield());
	return pawl_task_wait(rt, self, PAWL_FOREVER, NULL);
}

static int join_self(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	while (!pawl_load_acquire(&go))
		t_check(!pawl_yield());
	return pawl_join(rt, PAWL_JOIN_ALL, &self, 1, PAWL_FOREVER, NULL, NULL);
}

static void case_itself(void **state)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_result result;

	(void)state;
	up(1);
	options.name = "narcissus";
	for (unsigned i = 0; i < 2; i++) {
		pawl_store_relaxed(&go, 0u);
		assert_int_equal(
			pawl_spawn(root, &options, i ? join_self : await_self, NULL, &self), 0);
		pawl_store_release(&go, 1u);
		assert_int_equal(pawl_task_wait(rt, self, PAWL_FOREVER, &result), 0);
		assert_int_equal(result.error, -EDEADLK);
		assert_non_null(strstr(result.message, "narcissus"));
		assert_int_equal(pawl_task_drop(rt, self), 0);
	}
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_first_end_stays),
		cmocka_unit_test(case_producer_forgotten),
		cmocka_unit_test(case_forced_over_ended),
		cmocka_unit_test(case_awaited_by_many),
		cmocka_unit_test(case_race),
		cmocka_unit_test(case_any),
		cmocka_unit_test(case_all),
		cmocka_unit_test(case_settled_mixed),
		cmocka_unit_test(case_deep_chain),
		cmocka_unit_test(case_chain_before_branch),
		cmocka_unit_test(case_itself),
	};

	return t_run("join", tests);
}
