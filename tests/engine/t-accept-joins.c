/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-accept-joins.c - results as they were asked for: they stay, are the same for everybody, and say who was first.
 * Each case shows the whole of a line of acceptance.txt.
 */
#include "accept.h"

#include <stdlib.h>

static bool same_result(const struct pawl_result *one, const struct pawl_result *other)
{
	return one->outcome == other->outcome && one->error == other->error &&
	       one->value == other->value && one->message == other->message;
}

/* Every way to ask for the result of one task, in a body or outside; they all say `first`. */
struct looks {
	pawl_task_t task;
	struct pawl_result first;
};

static int look_in_all_ways(void *arg, void **ret_value)
{
	struct looks *looks = arg;
	struct pawl_result result;

	(void)ret_value;
	for (unsigned i = 0; i < 2; i++) {
		t_check(!pawl_task_result(acc_rt, looks->task, &result));
		t_check(same_result(&result, &looks->first));
		t_check(!pawl_task_wait(acc_rt, looks->task, i ? 0 : PAWL_FOREVER, &result));
		t_check(same_result(&result, &looks->first));
		for (unsigned kind = 0; kind < PAWL_JOIN_COUNT; kind++) {
			memset(&result, 0, sizeof(result));
			t_check(!pawl_join(acc_rt, (enum pawl_join)kind, &looks->task, 1,
					   PAWL_FOREVER, &result, NULL));
			t_check(same_result(&result, &looks->first));
		}
	}
	return 0;
}

static void look_from_everywhere(pawl_task_t task, enum pawl_outcome outcome, int error)
{
	struct looks looks = {.task = task};
	pawl_task_t looker;

	assert_int_equal(pawl_task_wait(acc_rt, task, PAWL_FOREVER, &looks.first), 0);
	assert_int_equal(looks.first.outcome, outcome);
	assert_int_equal(looks.first.error, error);
	look_in_all_ways(&looks, NULL);
	looker = acc_spawn(acc_root, look_in_all_ways, &looks);
	assert_int_equal(acc_outcome(looker), PAWL_OUTCOME_COMPLETED);
	assert_int_equal(pawl_task_drop(acc_rt, looker), 0);
}

/* A body that failed: the same error, and the same text, for everybody; it ran once. */
static void case_failure_stays(void **state)
{
	struct pawl_result result;
	pawl_task_t task;

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		acc_up(workers);
		task = acc_spawn(acc_root, acc_fail, (void *)(uintptr_t) "broken");
		look_from_everywhere(task, PAWL_OUTCOME_FAILED, -EIO);
		assert_int_equal(pawl_task_result(acc_rt, task, &result), 0);
		assert_string_equal(result.message, "broken");
		assert_int_equal(pawl_load_relaxed(&acc_ran), 1);
		assert_int_equal(pawl_task_drop(acc_rt, task), 0);
		acc_down(2, NULL);
	}
}

static int await(void *arg, void **ret_value)
{
	struct pawl_result result;

	(void)ret_value;
	pawl_add_relaxed(&acc_ran, 1u);
	t_check(!pawl_task_wait(acc_rt, *(pawl_task_t *)arg, PAWL_FOREVER, &result));
	return result.error;
}

/* The producer fails, or goes away, before anybody asks, or while one waits. */
static void case_producer_gone(void **state)
{
	struct pawl_result result;
	pawl_producer_t producer;
	pawl_task_t task, waiter;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		int error = i % 2 ? -EPIPE : -EXDEV;

		acc_up(2);
		assert_int_equal(pawl_completion_create(acc_root, NULL, &task, &producer), 0);
		t_assert_errno(pawl_task_result(acc_rt, task, &result), EINPROGRESS);
		waiter = acc_spawn(acc_root, await, &task);
		if (i / 2)
			assert_int_equal(acc_quiet(), PAWL_FOREVER);
		if (i % 2)
			assert_int_equal(pawl_producer_drop(acc_rt, producer), 0);
		else
			assert_int_equal(pawl_fail(acc_rt, producer, -EXDEV, "far away"), 0);
		look_from_everywhere(task, PAWL_OUTCOME_FAILED, error);
		assert_int_equal(pawl_task_wait(acc_rt, waiter, PAWL_FOREVER, &result), 0);
		assert_int_equal(result.error, error);
		if (i % 2 == 0)
			assert_int_equal(pawl_producer_drop(acc_rt, producer), 0);
		acc_drop_all((pawl_task_t[]){task, waiter}, 2);
		acc_down(3, NULL);
	}
}

/* ---- joins over members of all kinds ------------------------------------------------------- */

enum member { DONE, FAILED, CANCELLED, LOCAL, EXTERNAL, MEMBERS };

static int until_200(void *arg, void **ret_value)
{
	int error = pawl_sleep_until(ACC_EPOCH + 200);

	*ret_value = arg;
	return error;
}

struct mixed {
	enum pawl_join kind;
	pawl_task_t tasks[MEMBERS];
	struct pawl_result results[MEMBERS];
	size_t index;
	int error;
};

static int join_mixed(void *arg, void **ret_value)
{
	struct mixed *mixed = arg;

	(void)ret_value;
	pawl_add_relaxed(&acc_ran, 1u);
	mixed->error = pawl_join(acc_rt, mixed->kind, mixed->tasks, MEMBERS, PAWL_FOREVER,
				 mixed->results, &mixed->index);
	return 0;
}

static void join_in_thread(void *arg)
{
	join_mixed(arg, NULL);
}

/* What decides, in the order of the array, by the table of pawl/join.h. */
static size_t expected_index(enum pawl_join kind, unsigned turn)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		enum member member = (enum member)((i + turn) % MEMBERS);

		if (member >= LOCAL)
			continue;
		if (kind == PAWL_JOIN_RACE || (kind == PAWL_JOIN_ALL && member != DONE) ||
		    (kind == PAWL_JOIN_ANY && member == DONE))
			return i;
	}
	return MEMBERS;
}

static void check_mixed(const struct mixed *mixed, unsigned turn)
{
	static const enum pawl_outcome settled[MEMBERS] = {
		PAWL_OUTCOME_COMPLETED, PAWL_OUTCOME_FAILED, PAWL_OUTCOME_CANCELLED,
		PAWL_OUTCOME_COMPLETED, PAWL_OUTCOME_COMPLETED};

	assert_int_equal(mixed->error, 0);
	assert_int_equal(mixed->index, expected_index(mixed->kind, turn));
	for (size_t i = 0; i < MEMBERS; i++) {
		unsigned member = (unsigned)(i + turn) % MEMBERS;
		bool lost = mixed->kind != PAWL_JOIN_SETTLED && member >= LOCAL;

		assert_int_equal(mixed->results[i].outcome,
				 lost ? PAWL_OUTCOME_CANCELLED : settled[member]);
		assert_int_equal(mixed->results[i].error, member == FAILED ? -EIO
							  : lost || member == CANCELLED
								  ? -ECANCELED
								  : 0);
		assert_true((mixed->results[i].value != NULL) ==
			    (mixed->results[i].outcome == PAWL_OUTCOME_COMPLETED));
	}
}

static void join_once(enum pawl_join kind, unsigned turn, bool in_body)
{
	struct mixed mixed = {.kind = kind};
	struct t_thread *thread = NULL;
	pawl_task_t members[MEMBERS], joiner = PAWL_TASK_NONE;
	pawl_producer_t producer;
	int error;

	acc_up(2);
	members[DONE] = acc_spawn(acc_root, acc_quick, &mixed);
	members[FAILED] = acc_spawn(acc_root, acc_fail, (void *)(uintptr_t) "no");
	members[CANCELLED] = acc_spawn(acc_root, acc_sleep, NULL);
	members[LOCAL] = acc_spawn(acc_root, until_200, &mixed);
	assert_int_equal(pawl_completion_create(acc_root, NULL, &members[EXTERNAL], &producer),
			 0);
	assert_int_equal(acc_outcome(members[DONE]), PAWL_OUTCOME_COMPLETED);
	assert_int_equal(acc_outcome(members[FAILED]), PAWL_OUTCOME_FAILED);
	assert_int_equal(pawl_task_cancel(acc_rt, members[CANCELLED]), 0);
	assert_int_equal(acc_outcome(members[CANCELLED]), PAWL_OUTCOME_CANCELLED);
	for (unsigned i = 0; i < MEMBERS; i++)
		mixed.tasks[i] = members[(i + turn) % MEMBERS];
	if (in_body)
		joiner = acc_spawn(acc_root, join_mixed, &mixed);
	else
		thread = t_thread_start(join_in_thread, &mixed);
	if (kind == PAWL_JOIN_SETTLED) {
		assert_int_equal(pawl_complete(acc_rt, producer, &mixed), 0);
		acc_advance_to(ACC_EPOCH + 200);
	}
	if (in_body) {
		assert_int_equal(acc_outcome(joiner), PAWL_OUTCOME_COMPLETED);
		assert_int_equal(pawl_task_drop(acc_rt, joiner), 0);
	} else {
		t_thread_join(thread);
	}
	check_mixed(&mixed, turn);
	/* Who completes it too late is told so. */
	error = pawl_complete(acc_rt, producer, NULL);
	assert_int_equal(error, -EALREADY);
	assert_int_equal(pawl_producer_drop(acc_rt, producer), 0);
	acc_drop_all(members, MEMBERS);
	acc_down(MEMBERS + in_body, NULL);
}

static void case_joins_over_all_kinds(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < PAWL_JOIN_COUNT; kind++) {
		for (unsigned turn = 0; turn < MEMBERS; turn++) {
			join_once((enum pawl_join)kind, turn, false);
			join_once((enum pawl_join)kind, turn, true);
		}
	}
}

/* ---- handles ------------------------------------------------------------------------------------ */

static void answers_all(pawl_task_t task, int error)
{
	struct pawl_result result;

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pawl_task_result(acc_rt, task, &result), error);
		assert_int_equal(pawl_task_wait(acc_rt, task, i ? 0 : PAWL_FOREVER, &result),
				 error);
		assert_int_equal(pawl_task_cancel(acc_rt, task), error);
		assert_int_equal(pawl_task_force(acc_rt, task), error);
		assert_int_equal(pawl_task_get(acc_rt, task), error);
		assert_int_equal(pawl_task_drop(acc_rt, task), error);
	}
	for (unsigned kind = 0; kind < PAWL_JOIN_COUNT; kind++)
		assert_int_equal(pawl_join(acc_rt, (enum pawl_join)kind, &task, 1, PAWL_FOREVER,
					   NULL, NULL),
				 error);
}

/* Handles are numbers of the runtime's: none comes twice, and one that is over stays over. */
static void case_stale_handles(void **state)
{
	unsigned n = t_scaled(2000);
	pawl_task_t *old = calloc(n, sizeof(*old)), task;
	struct pawl_result result;
	pawl_producer_t producer;

	(void)state;
	assert_non_null(old);
	acc_up(1);
	for (unsigned i = 0; i < n; i++) {
		task = acc_spawn(acc_root, acc_quick, NULL);
		assert_int_equal(pawl_task_wait(acc_rt, task, PAWL_FOREVER, &result), 0);
		assert_int_equal(pawl_task_drop(acc_rt, task), 0);
		old[i] = task;
		for (unsigned k = 0; k < i; k += 1 + i / 16)
			assert_true(old[k].pawl_id != task.pawl_id);
		t_step();
	}
	/* Of some the record serves another task, that lives. */
	task = acc_spawn(acc_root, acc_sleep, NULL);
	for (unsigned i = 0; i < n; i++)
		answers_all(old[i], -ESTALE);
	assert_true(acc_goes_on(task));
	assert_int_equal(pawl_completion_create(acc_root, NULL, &old[0], &producer), 0);
	assert_int_equal(pawl_producer_drop(acc_rt, producer), 0);
	t_assert_errno(pawl_complete(acc_rt, producer, NULL), ESTALE);
	t_assert_errno(pawl_fail(acc_rt, producer, -EIO, NULL), ESTALE);
	t_assert_errno(pawl_producer_drop(acc_rt, producer), ESTALE);
	acc_down(n + 2, NULL);
	free(old);
}

/* A number that never was a handle: told at once. */
static void case_unknown_ids(void **state)
{
	static const uint64_t made_up[] = {
		0, 1000000, UINT32_MAX, UINT64_C(1) << 32, UINT64_C(7) << 40, UINT64_MAX};
	pawl_producer_t producer;

	(void)state;
	acc_up(1);
	for (size_t i = 0; i < sizeof(made_up) / sizeof(made_up[0]); i++) {
		answers_all((pawl_task_t){made_up[i]}, -EINVAL);
		producer.pawl_id = made_up[i];
		t_assert_errno(pawl_complete(acc_rt, producer, NULL), EINVAL);
		t_assert_errno(pawl_fail(acc_rt, producer, -EIO, NULL), EINVAL);
		t_assert_errno(pawl_producer_drop(acc_rt, producer), EINVAL);
	}
	acc_down(0, NULL);
}

/* ---- a race ---------------------------------------------------------------------------------------- */

static struct pawl_atomic_u32 told_to_end, racers_ended;

static int racer(void *arg, void **ret_value)
{
	int error;

	(void)ret_value;
	pawl_add_relaxed(&acc_ran, 1u);
	error = pawl_sleep_until(ACC_EPOCH + (uintptr_t)arg);
	if (error == -ECANCELED && pawl_cancelled())
		pawl_add_relaxed(&told_to_end, 1u);
	/* Takes its time to end. */
	for (unsigned i = 0; i < 100; i++)
		pawl_yield();
	pawl_add_relaxed(&racers_ended, 1u);
	return error;
}

static int race_of_three(void *arg, void **ret_value)
{
	struct pawl_result results[3];
	size_t index;

	(void)ret_value;
	t_check(!pawl_join(acc_rt, PAWL_JOIN_RACE, arg, 3, PAWL_FOREVER, results, &index));
	t_check(index == 1 && pawl_load_relaxed(&acc_virtual_ns) == ACC_EPOCH + 3);
	t_check(pawl_load_relaxed(&racers_ended) == 3 && pawl_load_relaxed(&told_to_end) == 2);
	t_check(results[0].outcome == PAWL_OUTCOME_CANCELLED);
	t_check(results[1].outcome == PAWL_OUTCOME_COMPLETED);
	t_check(results[2].outcome == PAWL_OUTCOME_CANCELLED);
	return 0;
}

static void case_race_in_virtual_time(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers++) {
		pawl_task_t tasks[3], joiner;

		acc_up(workers);
		pawl_store_relaxed(&told_to_end, 0u);
		pawl_store_relaxed(&racers_ended, 0u);
		tasks[0] = acc_spawn(acc_root, racer, (void *)5);
		tasks[1] = acc_spawn(acc_root, racer, (void *)3);
		tasks[2] = acc_spawn(acc_root, racer, (void *)9);
		joiner = acc_spawn(acc_root, race_of_three, tasks);
		/* From deadline to deadline, as a host would: the next one is the winner's. */
		t_wait_until(pawl_load_relaxed(&acc_ran) == 3);
		assert_int_equal(acc_quiet(), ACC_EPOCH + 3);
		acc_advance_to(ACC_EPOCH + 3);
		assert_int_equal(acc_outcome(joiner), PAWL_OUTCOME_COMPLETED);
		assert_int_equal(acc_quiet(), PAWL_FOREVER);
		acc_drop_all(tasks, 3);
		assert_int_equal(pawl_task_drop(acc_rt, joiner), 0);
		acc_down(4, NULL);
	}
}

/* A value that looks like an error, an error that looks like a value: told apart, in their order. */
static void case_settled_records(void **state)
{
	static const char text[] = "broken";
	struct pawl_result results[6];
	pawl_task_t tasks[6];
	size_t index;

	(void)state;
	acc_up(2);
	for (unsigned i = 0; i < 6; i++)
		tasks[i] = acc_spawn(acc_root, i % 2 ? acc_fail : acc_quick,
				     (void *)(uintptr_t)text);
	assert_int_equal(pawl_join(acc_rt, PAWL_JOIN_SETTLED, tasks, 6, PAWL_FOREVER, results,
				   &index),
			 0);
	assert_int_equal(index, 6);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(results[i].outcome,
				 i % 2 ? PAWL_OUTCOME_FAILED : PAWL_OUTCOME_COMPLETED);
		assert_int_equal(results[i].error, i % 2 ? -EIO : 0);
		if (i % 2) {
			assert_null(results[i].value);
			assert_string_equal(results[i].message, text);
		} else {
			assert_string_equal(results[i].value, text);
			assert_null(results[i].message);
		}
	}
	acc_drop_all(tasks, 6);
	acc_down(6, NULL);
}

/* ---- bodies that wait for bodies ------------------------------------------------------------------- */

static int spawn_three(void *arg, void **ret_value)
{
	uintptr_t sum = 0;
	pawl_task_t tasks[3];

	for (uintptr_t i = 0; i < 3; i++)
		t_check(!pawl_spawn(acc_root, NULL, acc_quick, (void *)(i + 1), &tasks[i]));
	for (unsigned i = 0; i < 3; i++) {
		/* In any order. */
		unsigned which = ((unsigned)(uintptr_t)arg + i * 2) % 3;
		struct pawl_result result;

		t_check(!pawl_task_wait(acc_rt, tasks[which], PAWL_FOREVER, &result));
		sum += (uintptr_t)result.value;
		t_check(!pawl_task_drop(acc_rt, tasks[which]));
	}
	*ret_value = (void *)sum;
	return 0;
}

static void case_spawn_three_and_await(void **state)
{
	struct pawl_result result;

	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers++) {
		acc_up(workers);
		for (uintptr_t i = 0; i < 3; i++) {
			pawl_task_t task = acc_spawn(acc_root, spawn_three, (void *)i);

			assert_int_equal(pawl_task_wait(acc_rt, task, PAWL_FOREVER, &result),
					 0);
			assert_int_equal((uintptr_t)result.value, 6);
			assert_int_equal(pawl_task_drop(acc_rt, task), 0);
		}
		acc_down(12, NULL);
	}
}

static pawl_task_t pair[2];

static int await_the_other(void *arg, void **ret_value)
{
	struct pawl_result result;
	int error;

	(void)ret_value;
	while (!pawl_load_acquire(&acc_go))
		t_check(!pawl_yield());
	error = pawl_task_wait(acc_rt, pair[!arg], PAWL_FOREVER, &result);
	return error ? error : result.error;
}

/* a waits for b, b for a: one is told, with the path; the other one gets its error. */
static void case_two_in_a_ring(void **state)
{
	static const char *const names[] = {"a", "b"};
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	unsigned named = 0;

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		acc_up(workers);
		for (uintptr_t i = 0; i < 2; i++) {
			options.name = names[i];
			assert_int_equal(pawl_spawn(acc_root, &options, await_the_other,
						    (void *)i, &pair[i]),
					 0);
		}
		pawl_store_release(&acc_go, 1u);
		for (unsigned i = 0; i < 2; i++) {
			struct pawl_result result;

			assert_int_equal(pawl_task_wait(acc_rt, pair[i], PAWL_FOREVER, &result),
					 0);
			assert_int_equal(result.outcome, PAWL_OUTCOME_FAILED);
			assert_int_equal(result.error, -EDEADLK);
			if (result.message) {
				const char *other =
					strstr(result.message, i ? " -> a#" : " -> b#");

				/* From itself to itself. */
				assert_true(result.message[0] == *names[i] &&
					    result.message[1] == '#');
				assert_non_null(other);
				assert_non_null(strstr(other + 1, i ? " -> b#" : " -> a#"));
				named++;
			}
		}
		assert_true(named >= workers);
		acc_drop_all(pair, 2);
		acc_down(2, NULL);
	}
}

/* ---- memory ------------------------------------------------------------------------------------------ */

static int nothing(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	return 0;
}

static int spawn_await_drop(void *arg, void **ret_value)
{
	unsigned n = *(unsigned *)arg;
	uint64_t blocks = 0, bytes = 0;

	(void)ret_value;
	for (unsigned i = 0; i < n; i++) {
		struct pawl_result result;
		pawl_task_t task;

		t_check(!pawl_spawn(acc_root, NULL, nothing, NULL, &task));
		t_check(!pawl_task_wait(acc_rt, task, PAWL_FOREVER, &result));
		t_check(!pawl_task_drop(acc_rt, task));
		/* What it needs it has by then. */
		if (i == 1000) {
			blocks = t_alloc_blocks();
			bytes = t_alloc_bytes();
		}
		if (i > 1000 && i % 1000 == 0) {
			t_check(t_alloc_blocks() == blocks && t_alloc_bytes() == bytes);
			t_step();
		}
	}
	return 0;
}

static void case_ten_million(void **state)
{
	unsigned n = t_scaled(T_ASAN || T_TSAN ? 100000 : 10000000);
	struct pawl_runtime_stats stats;
	pawl_task_t task;

	(void)state;
	acc_up(1);
	task = acc_spawn(acc_root, spawn_await_drop, &n);
	assert_int_equal(acc_outcome(task), PAWL_OUTCOME_COMPLETED);
	pawl_runtime_stats_read(acc_rt, &stats);
	assert_int_equal(stats.spawned, (uint64_t)n + 1);
	assert_int_equal(pawl_task_drop(acc_rt, task), 0);
	acc_down((uint64_t)n + 1, NULL);
}

/* From a thread outside, each start and each end across threads. */
static void case_ten_thousand_from_outside(void **state)
{
	unsigned n = t_scaled(20000);
	uint64_t bytes = 0;

	(void)state;
	acc_up(2);
	for (unsigned i = 0; i < n; i++) {
		pawl_task_t task = acc_spawn(acc_root, nothing, NULL);

		assert_int_equal(acc_outcome(task), PAWL_OUTCOME_COMPLETED);
		assert_int_equal(pawl_task_drop(acc_rt, task), 0);
		if (i == n / 4)
			bytes = t_alloc_bytes();
		t_step();
	}
	/* A few more stacks, perhaps, and a segment of records. */
	assert_true(t_alloc_bytes() < bytes + (1 << 20));
	acc_down(n, NULL);
}

/* ---- waiters and ties ------------------------------------------------------------------------------ */

/* A waiter that may be told to end while it waits. */
static int await_or_not(void *arg, void **ret_value)
{
	struct pawl_result result;
	int error;

	(void)ret_value;
	pawl_add_relaxed(&acc_ran, 1u);
	error = pawl_task_wait(acc_rt, *(pawl_task_t *)arg, PAWL_FOREVER, &result);
	return error ? error : result.error;
}

/* One of those that wait is cancelled, or forced, while it waits: the others get the result, and who asks later. */
static void case_waiter_cancelled(void **state)
{
	struct pawl_result result;
	pawl_producer_t producer;
	pawl_task_t task, waiters[4];

	(void)state;
	for (unsigned force = 0; force < 2; force++) {
		acc_up(2);
		assert_int_equal(pawl_completion_create(acc_root, NULL, &task, &producer), 0);
		for (unsigned i = 0; i < 4; i++)
			waiters[i] = acc_spawn(acc_root, await_or_not, &task);
		t_wait_until(pawl_load_relaxed(&acc_ran) == 4);
		assert_int_equal(acc_quiet(), PAWL_FOREVER);
		assert_int_equal(force ? pawl_task_force(acc_rt, waiters[1])
				       : pawl_task_cancel(acc_rt, waiters[1]),
				 0);
		assert_int_equal(acc_outcome(waiters[1]),
				 force ? PAWL_OUTCOME_ABORTED : PAWL_OUTCOME_CANCELLED);
		assert_true(acc_goes_on(task));
		assert_int_equal(pawl_complete(acc_rt, producer, &task), 0);
		for (unsigned i = 0; i < 4; i++) {
			if (i != 1)
				assert_int_equal(acc_outcome(waiters[i]),
						 PAWL_OUTCOME_COMPLETED);
		}
		assert_int_equal(pawl_task_wait(acc_rt, task, PAWL_FOREVER, &result), 0);
		assert_ptr_equal(result.value, &task);
		assert_int_equal(pawl_producer_drop(acc_rt, producer), 0);
		acc_drop_all(waiters, 4);
		assert_int_equal(pawl_task_drop(acc_rt, task), 0);
		acc_down(5, NULL);
	}
}

/* Asked to end while it runs: what it returns decides. */
static int returns_anyway(void *arg, void **ret_value)
{
	intptr_t how = (intptr_t)arg;

	(void)ret_value;
	t_check(acc_sleep(NULL, NULL) == -ECANCELED);
	t_check(pawl_cancelled() && pawl_yield() == -ECANCELED);
	if (how == 1)
		pawl_exit(-EIO, "on its way");
	return how > 0 ? 0 : (int)how;
}

static void case_tie_of_cancel_and_end(void **state)
{
	static const struct {
		intptr_t how;
		enum pawl_outcome outcome;
		int error;
	} ties[] = {{2, PAWL_OUTCOME_COMPLETED, 0},
		    {1, PAWL_OUTCOME_FAILED, -EIO},
		    {-EDOM, PAWL_OUTCOME_FAILED, -EDOM},
		    {-ECANCELED, PAWL_OUTCOME_CANCELLED, -ECANCELED}};
	unsigned n = t_scaled(500);
	struct pawl_result result;

	(void)state;
	acc_up(2);
	for (unsigned seed = 0; seed < n; seed++) {
		unsigned tie = (unsigned)t_random_below(4);
		pawl_task_t task = acc_spawn(acc_root, returns_anyway, (void *)ties[tie].how);

		t_wait_until(pawl_load_relaxed(&acc_ran) == seed + 1);
		assert_int_equal(pawl_task_cancel(acc_rt, task), 0);
		assert_int_equal(pawl_task_wait(acc_rt, task, PAWL_FOREVER, &result), 0);
		assert_int_equal(result.outcome, ties[tie].outcome);
		assert_int_equal(result.error, ties[tie].error);
		t_assert_errno(pawl_task_cancel(acc_rt, task), EALREADY);
		assert_int_equal(pawl_task_drop(acc_rt, task), 0);
		t_step();
	}
	acc_down(n, NULL);
}

/* Cancelled at any moment beside its run: it completed if it began, else it never did. */
static int begins(void *arg, void **ret_value)
{
	(void)ret_value;
	pawl_store_release((struct pawl_atomic_u32 *)arg, 1u);
	pawl_yield();
	return 0;
}

static void case_cancel_at_any_moment(void **state)
{
	unsigned n = t_scaled(5000);

	(void)state;
	acc_up(2);
	for (unsigned seed = 0; seed < n; seed++) {
		static struct pawl_atomic_u32 began;
		enum pawl_outcome outcome;
		pawl_task_t task;

		pawl_store_relaxed(&began, 0u);
		task = acc_spawn(acc_root, begins, &began);
		for (uint64_t i = t_random_below(300); i; i--)
			pawl_pause();
		(void)pawl_task_cancel(acc_rt, task);
		outcome = acc_outcome(task);
		assert_int_equal(outcome, pawl_load_acquire(&began) ? PAWL_OUTCOME_COMPLETED
								    : PAWL_OUTCOME_CANCELLED);
		assert_int_equal(pawl_task_drop(acc_rt, task), 0);
		t_step();
	}
	acc_down(n, NULL);
}

/* ---- nobody, and one twice ---------------------------------------------------------------------------- */

static int join_odd(void *arg, void **ret_value)
{
	enum pawl_join kind = *(enum pawl_join *)arg;
	bool one = kind == PAWL_JOIN_RACE || kind == PAWL_JOIN_ANY;
	pawl_task_t tasks[4], other;
	struct pawl_result results[4];
	size_t index = 77;

	(void)ret_value;
	/* Of nobody. */
	t_check(pawl_join(acc_rt, kind, NULL, 0, PAWL_FOREVER, results, &index) ==
		(one ? -EINVAL : 0));
	t_check(index == (one ? 77 : 0));
	/* One twice, and another one twice: each is one task, in all its places. */
	t_check(!pawl_spawn(acc_root, NULL, acc_quick, tasks, &tasks[0]));
	t_check(!pawl_spawn(acc_root, NULL, acc_quick, &other, &other));
	tasks[2] = tasks[0];
	tasks[1] = tasks[3] = other;
	t_check(!pawl_join(acc_rt, kind, tasks, 4, PAWL_FOREVER, results, &index));
	t_check(one ? index < 4 : index == 4);
	if (one)
		t_check(results[index].outcome == PAWL_OUTCOME_COMPLETED);
	for (unsigned i = 0; i < 4; i++) {
		t_check(results[i].outcome == results[(i + 2) % 4].outcome);
		t_check(one || results[i].outcome == PAWL_OUTCOME_COMPLETED);
		if (results[i].outcome == PAWL_OUTCOME_COMPLETED)
			t_check(results[i].value == (i % 2 ? (void *)&other : (void *)tasks));
	}
	t_check(!pawl_task_drop(acc_rt, tasks[0]) && !pawl_task_drop(acc_rt, other));
	return 0;
}

static void case_nobody_and_twice(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		for (unsigned i = 0; i < PAWL_JOIN_COUNT; i++) {
			enum pawl_join kind = (enum pawl_join)i;
			pawl_task_t task;

			acc_up(workers);
			join_odd(&kind, NULL);
			task = acc_spawn(acc_root, join_odd, &kind);
			assert_int_equal(acc_outcome(task), PAWL_OUTCOME_COMPLETED);
			assert_int_equal(pawl_task_drop(acc_rt, task), 0);
			/* Each ran once at most. */
			assert_true(pawl_load_relaxed(&acc_ran) <= 4);
			acc_down(5, NULL);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_failure_stays),
		cmocka_unit_test(case_producer_gone),
		cmocka_unit_test(case_joins_over_all_kinds),
		cmocka_unit_test(case_stale_handles),
		cmocka_unit_test(case_unknown_ids),
		cmocka_unit_test(case_race_in_virtual_time),
		cmocka_unit_test(case_settled_records),
		cmocka_unit_test(case_spawn_three_and_await),
		cmocka_unit_test(case_two_in_a_ring),
		cmocka_unit_test(case_ten_million),
		cmocka_unit_test(case_ten_thousand_from_outside),
		cmocka_unit_test(case_waiter_cancelled),
		cmocka_unit_test(case_tie_of_cancel_and_end),
		cmocka_unit_test(case_cancel_at_any_moment),
		cmocka_unit_test(case_nobody_and_twice),
	};

	return t_run("accept-joins", tests);
}
