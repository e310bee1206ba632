/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-accept-groups.c - supervision as it was asked for: handles, cancelling, trees, failing, limits.
 * Each case shows the whole of a line of acceptance.txt.
 */
#include "accept.h"

static struct pawl_group *group_most(struct pawl_group *parent, uint64_t most)
{
	struct pawl_group_options options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_group *group;

	options.most = most;
	assert_int_equal(pawl_group_create(parent, &options, &group), 0);
	return group;
}

static void swap(unsigned *one, unsigned *other)
{
	unsigned kept = *one;

	*one = *other;
	*other = kept;
}

static void shuffle(unsigned *what, unsigned n)
{
	for (unsigned i = n; i > 1; i--)
		swap(&what[t_random_below(i)], &what[i - 1]);
}

/* ---- handles ---------------------------------------------------------------------------- */

/* A hundred handles each of a group and of its tasks; all but one of each go, in any order. */
static void case_hundred_handles(void **state)
{
	unsigned order[99 * 9];
	struct pawl_group *group;
	pawl_task_t tasks[8];

	(void)state;
	for (unsigned round = 0; round < 5; round++) {
		acc_up(2);
		group = acc_group(acc_root, "a");
		for (unsigned i = 0; i < 8; i++)
			tasks[i] = acc_spawn(group, acc_sleep, NULL);
		for (unsigned i = 0; i < 99 * 9; i++) {
			order[i] = i;
			if (i % 9 == 8)
				pawl_group_get(group);
			else
				assert_int_equal(pawl_task_get(acc_rt, tasks[i % 9]), 0);
		}
		shuffle(order, 99 * 9);
		for (unsigned i = 0; i < 99 * 9; i++) {
			if (order[i] % 9 == 8)
				pawl_group_put(group);
			else
				assert_int_equal(pawl_task_drop(acc_rt, tasks[order[i] % 9]),
						 0);
			assert_false(pawl_group_cancelled(group));
		}
		t_wait_until(pawl_load_relaxed(&acc_ran) == 8);
		for (unsigned i = 0; i < 8; i++)
			assert_true(acc_goes_on(tasks[i]));
		/* The owner ends them: the group, or the runtime. Nobody is told twice (acc_down()). */
		if (round % 2) {
			pawl_group_cancel(group);
			assert_int_equal(pawl_group_wait(group, PAWL_FOREVER), 0);
			for (unsigned i = 0; i < 8; i++)
				assert_int_equal(acc_outcome(tasks[i]), PAWL_OUTCOME_CANCELLED);
			assert_int_equal(pawl_load_relaxed(&acc_told[PAWL_OUTCOME_CANCELLED]),
					 8);
		}
		pawl_group_put(group);
		acc_drop_all(tasks, 8);
		acc_down(8, NULL);
		assert_int_equal(pawl_load_relaxed(&acc_told[PAWL_OUTCOME_CANCELLED]), 8);
	}
}

static void refuses_all(struct pawl_group *group)
{
	struct pawl_interval_options interval = PAWL_INTERVAL_OPTIONS_INIT;
	pawl_producer_t producer;
	struct pawl_group *child;
	pawl_task_t task;

	interval.period_ns = 1;
	assert_true(pawl_group_cancelled(group));
	t_assert_errno(pawl_spawn(group, NULL, acc_quick, NULL, &task), ESHUTDOWN);
	t_assert_errno(pawl_spawn(group, NULL, acc_quick, NULL, NULL), ESHUTDOWN);
	t_assert_errno(pawl_interval_spawn(group, &interval, acc_tick, NULL, &task), ESHUTDOWN);
	t_assert_errno(pawl_completion_create(group, NULL, &task, &producer), ESHUTDOWN);
	t_assert_errno(pawl_group_create(group, NULL, &child), ESHUTDOWN);
}

/* Cancelled where there is nothing to cancel: it is not forgotten. */
static void case_cancel_of_nothing(void **state)
{
	struct pawl_group *group, *before;

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		acc_up(workers);
		group = acc_group(acc_root, "empty");
		pawl_group_cancel(group);
		refuses_all(group);
		assert_int_equal(pawl_group_wait(group, PAWL_FOREVER), 0);
		refuses_all(group);
		pawl_group_put(group);

		group = acc_group(acc_root, "with a child");
		before = acc_group(group, "before");
		pawl_group_cancel(group);
		refuses_all(before);
		refuses_all(group);
		assert_int_equal(pawl_group_wait(group, PAWL_FOREVER), 0);
		assert_int_equal(pawl_group_wait(before, PAWL_FOREVER), 0);
		pawl_group_put(before);
		refuses_all(group);
		pawl_group_put(group);

		assert_false(pawl_group_cancelled(acc_root));
		assert_int_equal(acc_quiet(), PAWL_FOREVER);
		acc_down(0, NULL);
		assert_int_equal(pawl_load_relaxed(&acc_ran), 0);
	}
}

/*
 * A task in any queue, cancelled in any way before its first step. The driver does not wait in between, and all
 * other workers are held up: nobody else can have started it.
 */
static pawl_task_t spawn_somewhere(struct pawl_group *group, unsigned behind)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	pawl_task_t task;

	options.free_arg = acc_count_freed;
	switch (t_random_below(3)) {
	case 0:
		options.lane = (enum pawl_lane)t_random_below(PAWL_LANE_COUNT);
		break;
	case 1:
		options.flags = PAWL_TASK_LOCAL;
		break;
	default:
		break;
	}
	t_check(!pawl_spawn(group, &options, acc_quick, NULL, &task));
	/* Younger ones, so that it is not the newest. */
	for (unsigned i = 0; i < behind; i++)
		t_check(!pawl_spawn(group, NULL, acc_quick, NULL, NULL));
	return task;
}

static void cancel_somehow(struct pawl_group *group, pawl_task_t task)
{
	switch (t_random_below(4)) {
	case 0:
		t_check(!pawl_task_cancel(acc_rt, task));
		break;
	case 1:
		t_check(!pawl_task_force(acc_rt, task));
		break;
	case 2:
		pawl_group_cancel(group);
		break;
	default:
		pawl_group_force(group);
		break;
	}
}

static unsigned others;

static int cancel_before_they_begin(void *arg, void **ret_value)
{
	unsigned n = *(unsigned *)arg;

	(void)ret_value;
	for (unsigned i = 0; i < n; i++) {
		struct pawl_group_options options = PAWL_GROUP_OPTIONS_INIT;
		unsigned behind = (unsigned)t_random_below(3);
		struct pawl_group *group;
		struct pawl_result result;
		pawl_task_t task;

		t_check(!pawl_group_create(acc_root, &options, &group));
		task = spawn_somewhere(group, behind);
		others += behind;
		cancel_somehow(group, task);
		/* It is final now, and its argument was given back. */
		t_check(!pawl_task_result(acc_rt, task, &result));
		t_check(result.outcome == PAWL_OUTCOME_CANCELLED && result.error == -ECANCELED);
		t_check(pawl_load_relaxed(&acc_freed) == i + 1);
		pawl_group_cancel(group);
		pawl_group_put(group);
		t_check(!pawl_task_drop(acc_rt, task));
		t_step();
	}
	return 0;
}

static void case_cancelled_before_first_step(void **state)
{
	unsigned n = t_scaled(10000);
	pawl_task_t driver;

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		others = 0;
		acc_up(workers);
		if (workers == 2) {
			assert_int_equal(pawl_task_drop(acc_rt,
							acc_spawn(acc_root, acc_astray, NULL)),
					 0);
			t_wait_until(pawl_load_relaxed(&acc_ran) == 1);
		}
		driver = acc_spawn(acc_root, cancel_before_they_begin, &n);
		assert_int_equal(acc_outcome(driver), PAWL_OUTCOME_COMPLETED);
		assert_int_equal(pawl_load_relaxed(&acc_ran), workers - 1);
		assert_int_equal(pawl_task_drop(acc_rt, driver), 0);
		pawl_store_release(&acc_go, 1u);
		acc_down(n + others + workers, NULL);
		assert_int_equal(pawl_load_relaxed(&acc_ran), workers - 1);
	}
}

/* ---- who does not listen ------------------------------------------------------------------ */

#define DEAF_UNTIL (ACC_EPOCH + 1000)

static int deaf_for_a_time(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&acc_ran, 1u);
	while (pawl_load_relaxed(&acc_virtual_ns) < DEAF_UNTIL)
		pawl_pause();
	return 0;
}

static struct pawl_atomic_u32 timed_out;

static int wait_for_the_deaf(void *arg, void **ret_value)
{
	struct pawl_group *group = arg;
	struct pawl_task_info info;

	(void)ret_value;
	t_check(pawl_group_wait(group, ACC_EPOCH + 500) == -ETIMEDOUT);
	t_check(pawl_load_relaxed(&acc_virtual_ns) >= ACC_EPOCH + 500);
	/* The report: who, and that it was asked to end by force. */
	t_check(pawl_group_tasks(group, 1, &info) == 1);
	t_check(!strcmp(info.name, "deaf") && info.state == PAWL_TASK_RUNNING);
	t_check(info.cancelled && info.forced);
	pawl_store_release(&timed_out, 1u);
	t_check(pawl_group_wait(group, PAWL_FOREVER) == 0);
	t_check(pawl_load_relaxed(&acc_virtual_ns) >= DEAF_UNTIL);
	t_check(pawl_group_tasks(group, 1, &info) == 0);
	return 0;
}

static void case_deaf_for_a_time(void **state)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_group *group;
	pawl_task_t deaf, waiter;

	(void)state;
	acc_up(2);
	pawl_store_relaxed(&timed_out, 0u);
	group = acc_group(acc_root, "a");
	options.name = "deaf";
	assert_int_equal(pawl_spawn(group, &options, deaf_for_a_time, NULL, &deaf), 0);
	t_wait_until(pawl_load_relaxed(&acc_ran) == 1);
	pawl_group_force(group);
	waiter = acc_spawn(acc_root, wait_for_the_deaf, group);
	for (uint64_t at = ACC_EPOCH; at < DEAF_UNTIL; at += 100) {
		acc_advance_to(at);
		t_assert_errno(pawl_group_wait(group, 0), ETIMEDOUT);
		assert_true(acc_goes_on(deaf));
		if (at == ACC_EPOCH + 500)
			t_wait_until(pawl_load_acquire(&timed_out));
	}
	assert_true(acc_goes_on(waiter));
	acc_advance_to(DEAF_UNTIL);
	assert_int_equal(acc_outcome(waiter), PAWL_OUTCOME_COMPLETED);
	assert_int_equal(acc_outcome(deaf), PAWL_OUTCOME_COMPLETED);
	pawl_group_put(group);
	acc_down(2, NULL);
}

/* ---- trees -------------------------------------------------------------------------------- */

/* Two groups below each group, to depth 4; one task in each more than it is deep. */
#define TREE_GROUPS 31

static void case_tree_of_five_levels(void **state)
{
	struct pawl_group *tree[TREE_GROUPS];
	struct pawl_group_counts counts;
	pawl_task_t tasks[200], quick[TREE_GROUPS];
	unsigned live[TREE_GROUPS], spawned = 0;

	(void)state;
	acc_up(2);
	for (unsigned g = 0; g < TREE_GROUPS; g++) {
		unsigned depth = 31 - (unsigned)__builtin_clz(g + 1);

		tree[g] = acc_group(g ? tree[(g - 1) / 2] : acc_root, "g");
		live[g] = depth + 1;
		for (unsigned i = 0; i <= depth; i++)
			tasks[spawned++] =
				acc_spawn(tree[g], i % 2 ? acc_sleep : acc_deaf, NULL);
		quick[g] = acc_spawn(tree[g], acc_quick, NULL);
	}
	for (unsigned g = 0; g < TREE_GROUPS; g++)
		assert_int_equal(acc_outcome(quick[g]), PAWL_OUTCOME_COMPLETED);
	t_wait_until(pawl_load_relaxed(&acc_ran) == spawned + TREE_GROUPS);
	t_wait_until((pawl_group_counts_read(tree[0], &counts), counts.live == spawned));
	for (unsigned g = TREE_GROUPS; g-- > 1;)
		live[(g - 1) / 2] += live[g];
	for (unsigned g = 0; g < TREE_GROUPS; g++) {
		pawl_group_counts_read(tree[g], &counts);
		assert_int_equal(counts.live, live[g]);
		assert_int_equal(pawl_group_tasks(tree[g], 0, NULL), live[g]);
	}
	/* The top's wait covers all, its force reaches all. */
	pawl_group_cancel(tree[0]);
	t_assert_errno(pawl_group_wait(tree[0], 0), ETIMEDOUT);
	pawl_group_force(tree[0]);
	assert_int_equal(pawl_group_wait(tree[0], PAWL_FOREVER), 0);
	for (unsigned i = 0; i < spawned; i++)
		assert_false(acc_goes_on(tasks[i]));
	pawl_group_counts_read(tree[0], &counts);
	assert_int_equal(counts.live, 0);
	assert_int_equal(counts.outcomes[PAWL_OUTCOME_COMPLETED], TREE_GROUPS);
	assert_int_equal(counts.outcomes[PAWL_OUTCOME_CANCELLED] +
				 counts.outcomes[PAWL_OUTCOME_ABORTED],
			 spawned);
	/* And so does the root. */
	for (unsigned g = 0; g < TREE_GROUPS; g++)
		pawl_group_put(tree[g]);
	acc_drop_all(tasks, spawned);
	acc_drop_all(quick, TREE_GROUPS);
	acc_down(spawned + TREE_GROUPS, NULL);
}

static void case_root_reaches_all(void **state)
{
	struct pawl_group *at;
	pawl_task_t tasks[5];

	(void)state;
	acc_up(2);
	at = acc_root;
	pawl_group_get(at);
	for (unsigned depth = 0; depth < 5; depth++) {
		struct pawl_group *below = acc_group(at, "g");

		tasks[depth] = acc_spawn(at, acc_deaf, NULL);
		pawl_group_put(at);
		at = below;
	}
	pawl_group_put(at);
	t_wait_until(pawl_load_relaxed(&acc_ran) == 5);
	pawl_group_close(acc_root);
	t_assert_errno(pawl_group_wait(acc_root, 0), ETIMEDOUT);
	assert_int_equal(pawl_group_tasks(acc_root, 0, NULL), 5);
	pawl_group_force(acc_root);
	assert_int_equal(pawl_group_wait(acc_root, PAWL_FOREVER), 0);
	for (unsigned depth = 0; depth < 5; depth++)
		assert_int_equal(acc_outcome(tasks[depth]), PAWL_OUTCOME_ABORTED);
	acc_drop_all(tasks, 5);
	acc_down(5, NULL);
}

/* A body that says, when it is asked, whether it was cancelled: by what it is told, and by its waits. */
static struct pawl_atomic_u32 asked, answered;
static struct pawl_event asks, answers;

static bool was_asked(const void *arg)
{
	return pawl_load_acquire(&asked) != *(const uint32_t *)arg;
}

static int answer(void *arg, void **ret_value)
{
	uint32_t seen = 0;

	(void)arg;
	(void)ret_value;
	for (;;) {
		struct pawl_listener listener;
		int error = 0;

		pawl_event_listen(&asks, &listener, "a question", 0);
		if (was_asked(&seen))
			pawl_event_unlisten(&listener);
		else
			error = pawl_wait(&listener, PAWL_FOREVER);
		if (error) {
			t_check(error == -ECANCELED && pawl_cancelled());
			return error;
		}
		/* A late notification of what was answered already: the cancellation may follow at any moment. */
		if (!was_asked(&seen))
			continue;
		t_check(!pawl_cancelled() && !pawl_yield());
		seen = pawl_load_acquire(&asked);
		pawl_store_release(&answered, seen);
		pawl_event_notify_all(&answers);
	}
}

static void ask(void)
{
	uint32_t question = pawl_add_relaxed(&asked, 1u) + 1;

	pawl_event_notify_all(&asks);
	t_wait_until(pawl_load_acquire(&answered) == question);
}

static bool next_order(unsigned *order, unsigned n)
{
	unsigned i = n - 1, j = n - 1;

	while (i && order[i - 1] > order[i])
		i--;
	if (!i)
		return false;
	while (order[j] < order[i - 1])
		j--;
	swap(&order[j], &order[i - 1]);
	for (j = n - 1; i < j; i++, j--)
		swap(&order[i], &order[j]);
	return true;
}

/* A chain of six groups; the handles of the upper five go, in each of the 120 orders. */
static void case_chain_in_all_orders(void **state)
{
	unsigned order[5] = {0, 1, 2, 3, 4}, orders = 0;

	(void)state;
	acc_up(2);
	pawl_event_init(&asks);
	pawl_event_init(&answers);
	do {
		struct pawl_group *chain[6];
		pawl_task_t task;

		pawl_store_relaxed(&asked, 0u);
		pawl_store_relaxed(&answered, 0u);
		for (unsigned i = 0; i < 6; i++)
			chain[i] = acc_group(i ? chain[i - 1] : acc_root, "x");
		task = acc_spawn(chain[5], answer, NULL);
		ask();
		for (unsigned i = 0; i < 5; i++) {
			pawl_group_put(chain[order[i]]);
			assert_false(pawl_group_cancelled(chain[5]));
			ask();
		}
		pawl_group_cancel(chain[5]);
		assert_true(pawl_group_cancelled(chain[5]));
		assert_int_equal(acc_outcome(task), PAWL_OUTCOME_CANCELLED);
		pawl_group_put(chain[5]);
		assert_int_equal(pawl_task_drop(acc_rt, task), 0);
		orders++;
		t_step();
	} while (next_order(order, 5));
	assert_int_equal(orders, 120);
	acc_down(120, NULL);
}

static void case_one_of_its_siblings(void **state)
{
	struct pawl_result results[2];
	pawl_task_t tasks[20];

	(void)state;
	for (unsigned victim = 0; victim < 20; victim++) {
		acc_up(2);
		for (unsigned i = 0; i < 20; i++)
			tasks[i] = acc_spawn(acc_root, acc_sleep, NULL);
		t_wait_until(pawl_load_relaxed(&acc_ran) == 20);
		assert_int_equal(pawl_task_cancel(acc_rt, tasks[victim]), 0);
		/* While it ends, after its end, twice: the same. */
		for (unsigned look = 0; look < 3; look++) {
			assert_int_equal(pawl_task_wait(acc_rt, tasks[victim],
							look ? 0 : PAWL_FOREVER,
							&results[look != 0]),
					 0);
			assert_int_equal(results[look != 0].outcome, PAWL_OUTCOME_CANCELLED);
			assert_int_equal(results[look != 0].error, -ECANCELED);
		}
		for (unsigned i = 0; i < 20; i++) {
			assert_int_equal(acc_goes_on(tasks[i]), i != victim);
			if (i != victim)
				t_assert_errno(pawl_task_wait(acc_rt, tasks[i], 0, NULL),
					       ETIMEDOUT);
		}
		acc_drop_all(tasks, 20);
		acc_down(20, NULL);
	}
}

static char paths[2][64];

static void keep_path(const struct pawl_diagnostic *diagnostic)
{
	uint32_t at = pawl_load_relaxed(&acc_told[PAWL_OUTCOME_CANCELLED]) - 1;

	pawl_group_path(diagnostic->group, paths[at % 2], sizeof(paths[0]));
}

/* Two groups and two tasks of one name: numbers tell them apart, in lists and in events. */
static void case_same_name_twice(void **state)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_group *groups[2];
	struct pawl_task_info infos[3];
	char own[2][64];
	pawl_task_t tasks[2];

	(void)state;
	acc_up(1);
	acc_hook = keep_path;
	options.name = "same";
	for (unsigned i = 0; i < 2; i++) {
		groups[i] = acc_group(acc_root, "x");
		assert_int_equal(pawl_spawn(groups[i], &options, acc_sleep, NULL, &tasks[i]),
				 0);
		pawl_group_path(groups[i], own[i], sizeof(own[i]));
		assert_memory_equal(own[i], "runtime.x#", 10);
	}
	assert_ptr_not_equal(groups[0], groups[1]);
	assert_string_not_equal(own[0], own[1]);
	assert_int_equal(pawl_group_tasks(acc_root, 3, infos), 2);
	assert_string_equal(infos[0].name, infos[1].name);
	assert_true(infos[0].task.pawl_id != infos[1].task.pawl_id);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pawl_group_tasks(groups[i], 1, infos), 1);
		assert_true(infos[0].task.pawl_id == tasks[i].pawl_id);
	}
	for (unsigned i = 0; i < 2; i++) {
		pawl_group_cancel(groups[i]);
		assert_int_equal(pawl_group_wait(groups[i], PAWL_FOREVER), 0);
		assert_string_equal(paths[i], own[i]);
		pawl_group_put(groups[i]);
	}
	acc_drop_all(tasks, 2);
	acc_down(2, NULL);
}

/* ---- failing ------------------------------------------------------------------------------------ */

static struct pawl_atomic_u32 said_again;

static void hear_message(const struct pawl_diagnostic *diagnostic)
{
	if (diagnostic->kind != PAWL_DIAGNOSTIC_RESTARTED)
		return;
	t_check(diagnostic->error == -EIO && !strcmp(diagnostic->message, "again"));
	pawl_add_relaxed(&said_again, 1u);
}

/* Restarted as often as it may in a window of time; then it fails in the group above as well. */
static void case_restart_at_most(void **state)
{
	struct pawl_group_options options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_group *outer, *inner;
	struct pawl_result result;
	pawl_task_t task, sibling, uncle, cousin;
	uint32_t runs = 1;

	(void)state;
	acc_up(2);
	acc_hook = hear_message;
	pawl_store_relaxed(&said_again, 0u);
	options.policy = PAWL_FAILURE_CANCEL_SIBLINGS;
	assert_int_equal(pawl_group_create(acc_root, &options, &outer), 0);
	options.policy = PAWL_FAILURE_RESTART;
	options.restarts = 3;
	options.window_ns = 10000;
	options.backoff_ns = 100;
	options.backoff_most_ns = 200;
	assert_int_equal(pawl_group_create(outer, &options, &inner), 0);
	cousin = acc_spawn(acc_root, acc_sleep, NULL);
	uncle = acc_spawn(outer, acc_sleep, NULL);
	sibling = acc_spawn(inner, acc_sleep, NULL);
	t_wait_until(pawl_load_relaxed(&acc_ran) == 3);
	pawl_store_relaxed(&acc_ran, 0u);
	task = acc_spawn(inner, acc_fail, (void *)(uintptr_t) "again");
	/* Two in one window, then a pause longer than it: the count begins anew. */
	for (unsigned window = 0; window < 3; window++) {
		for (unsigned i = 0; i < 2; i++) {
			uint64_t due_ns;

			t_wait_until(pawl_load_relaxed(&acc_ran) == runs);
			due_ns = acc_quiet();
			/* 100, then twice that. */
			assert_int_equal(due_ns,
					 pawl_load_relaxed(&acc_virtual_ns) + 100 + 100 * i);
			acc_advance_to(i ? due_ns + 20000 : due_ns);
			runs++;
		}
	}
	/* Three in a row, and the end. */
	for (unsigned i = 0; i < 3; i++) {
		t_wait_until(pawl_load_relaxed(&acc_ran) == runs);
		acc_advance_to(acc_quiet());
		runs++;
	}
	assert_int_equal(pawl_task_wait(acc_rt, task, PAWL_FOREVER, &result), 0);
	assert_int_equal(result.outcome, PAWL_OUTCOME_FAILED);
	assert_int_equal(result.error, -EIO);
	assert_string_equal(result.message, "again");
	assert_int_equal(pawl_load_relaxed(&acc_ran), runs);
	assert_int_equal(pawl_load_relaxed(&said_again), runs - 1);
	assert_int_equal(acc_outcome(sibling), PAWL_OUTCOME_CANCELLED);
	assert_int_equal(acc_outcome(uncle), PAWL_OUTCOME_CANCELLED);
	assert_true(acc_goes_on(cousin));
	pawl_group_put(outer);
	pawl_group_put(inner);
	acc_drop_all((pawl_task_t[]){task, sibling, uncle, cousin}, 4);
	acc_down(4, NULL);
}

/* ---- limits, scopes ---------------------------------------------------------------------------------- */

static void case_limit_and_one(void **state)
{
	struct pawl_group *group, *child;
	struct pawl_group_counts counts;
	pawl_task_t tasks[10], more = {7};

	(void)state;
	for (unsigned most = 1; most <= 10; most++) {
		acc_up(1);
		group = group_most(acc_root, most);
		for (unsigned i = 0; i < most; i++)
			tasks[i] = acc_spawn(group, acc_sleep, NULL);
		for (unsigned i = 1; i <= 3; i++) {
			t_assert_errno(pawl_spawn(group, NULL, acc_quick, NULL, &more), EAGAIN);
			t_assert_errno(pawl_group_create(group, NULL, &child), EAGAIN);
			assert_int_equal(more.pawl_id, 7);
			pawl_group_counts_read(group, &counts);
			assert_int_equal(counts.live, most);
			assert_int_equal(counts.refused, 2 * i);
			assert_int_equal(pawl_group_tasks(group, 0, NULL), most);
		}
		/* Each end makes one place, not two. */
		for (unsigned i = 0; i < most; i++) {
			assert_int_equal(pawl_task_cancel(acc_rt, tasks[i]), 0);
			assert_int_equal(acc_outcome(tasks[i]), PAWL_OUTCOME_CANCELLED);
			assert_int_equal(pawl_task_drop(acc_rt, tasks[i]), 0);
			t_wait_until(pawl_spawn(group, NULL, acc_sleep, NULL, &tasks[i]) == 0);
			t_assert_errno(pawl_spawn(group, NULL, acc_quick, NULL, &more), EAGAIN);
		}
		pawl_group_put(group);
		acc_drop_all(tasks, most);
		acc_down(2 * most, NULL);
	}
}

static int scope_left(struct pawl_group *group, void *arg)
{
	for (unsigned i = 0; i < 10; i++)
		t_check(!pawl_spawn(group, NULL, i % 2 ? acc_sleep : acc_deaf, arg, NULL));
	/* Those that do not listen end on their own. */
	pawl_store_release(&acc_go, 1u);
	pawl_exit(-EILSEQ, "left");
}

static int leaves_a_scope(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	return pawl_scope(acc_root, NULL, scope_left, NULL);
}

/* Left over its frames: nothing of what it spawned is there when the body that made it is final. */
static void case_scope_left_by_exit(void **state)
{
	struct pawl_result result;
	pawl_task_t task;

	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers++) {
		acc_up(workers);
		task = acc_spawn(acc_root, leaves_a_scope, NULL);
		assert_int_equal(pawl_task_wait(acc_rt, task, PAWL_FOREVER, &result), 0);
		assert_int_equal(result.outcome, PAWL_OUTCOME_FAILED);
		assert_string_equal(result.message, "left");
		assert_int_equal(pawl_task_drop(acc_rt, task), 0);
		/* The task itself may be leaving the root still. */
		assert_true(pawl_group_tasks(acc_root, 0, NULL) == 0);
		acc_down(11, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_hundred_handles),
		cmocka_unit_test(case_cancel_of_nothing),
		cmocka_unit_test(case_cancelled_before_first_step),
		cmocka_unit_test(case_deaf_for_a_time),
		cmocka_unit_test(case_tree_of_five_levels),
		cmocka_unit_test(case_root_reaches_all),
		cmocka_unit_test(case_chain_in_all_orders),
		cmocka_unit_test(case_one_of_its_siblings),
		cmocka_unit_test(case_same_name_twice),
		cmocka_unit_test(case_restart_at_most),
		cmocka_unit_test(case_limit_and_one),
		cmocka_unit_test(case_scope_left_by_exit),
	};

	return t_run("accept-groups", tests);
}
