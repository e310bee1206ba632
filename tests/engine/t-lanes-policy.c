/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-lanes-policy.c - in what order starts begin: lanes, buckets, aging; many at once; a limit of stacks. One
 * worker and a virtual clock where the order is looked at.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/runtime.h>

#define MS UINT64_C(1000000)

static struct pawl_runtime *rt;
static struct pawl_atomic_u64 now_ns;
static struct pawl_atomic_u32 ran, go, stage, freed;
static char order[256];

static uint64_t now(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&now_ns);
}

static void reset(void)
{
	pawl_store_relaxed(&now_ns, 1000 * MS);
	pawl_store_relaxed(&ran, 0u);
	pawl_store_relaxed(&go, 0u);
	pawl_store_relaxed(&stage, 0u);
	pawl_store_relaxed(&freed, 0u);
	memset(order, 0, sizeof(order));
}

static void up_with(uint32_t workers, uint32_t stacks_max)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	reset();
	options.workers = workers;
	options.stacks_max = stacks_max;
	options.watchdog_ns = PAWL_FOREVER;
	options.now = now;
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
}

static void down(void)
{
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
}

static void quiet(void)
{
	t_wait_until(pawl_runtime_quiet_until(rt) == PAWL_FOREVER);
}

static int block_until_go(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_store_relaxed(&stage, 1u);
	t_wait_until(pawl_load_relaxed(&go));
	return 0;
}

/* The worker is busy until go. */
static void hold(void)
{
	pawl_store_relaxed(&stage, 0u);
	pawl_store_relaxed(&go, 0u);
	assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, block_until_go, NULL, NULL),
			 0);
	t_wait_until(pawl_load_relaxed(&stage));
}

static void let_go(void)
{
	pawl_store_relaxed(&go, 1u);
	quiet();
}

static int write_name(void *arg, void **ret_value)
{
	(void)ret_value;
	order[strlen(order)] = *(const char *)arg;
	pawl_add_relaxed(&ran, 1u);
	return 0;
}

static void spawn(const char *name, unsigned lane, uint32_t leaf_distance)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	options.lane = (enum pawl_lane)lane;
	options.leaf_distance = leaf_distance;
	assert_int_equal(pawl_spawn(pawl_runtime_root(rt), &options, write_name,
				    (void *)(uintptr_t)name, NULL),
			 0);
}

/* ---- buckets ----------------------------------------------------------------------------- */

static void case_buckets(void **state)
{
	(void)state;
	up_with(1, 0);
	hold();
	spawn("6", 17, 0);
	spawn("4", 16, PAWL_LEAF_NEAR + 1);
	spawn("2", 16, PAWL_LEAF_NEAR);
	spawn("5", 16, UINT32_MAX);
	spawn("3", 16, 0);
	spawn("1", 15, 1000);
	spawn("7", 30, UINT32_MAX);
	spawn("0", 0, UINT32_MAX);
	let_go();
	assert_string_equal(order, "01234567");
	down();
}

/* One of the far bucket is passed by what comes within 5 ms into the near one, and by no more. */
static void case_buckets_age(void **state)
{
	(void)state;
	for (unsigned lane = 0; lane < PAWL_LANE_COUNT; lane += 6) {
		up_with(1, 0);
		hold();
		spawn("c", lane, 100);
		pawl_store_relaxed(&now_ns, 1005 * MS);
		spawn("b", lane, 0);
		let_go();
		hold();
		spawn("c", lane, 100);
		pawl_store_relaxed(&now_ns, 1010 * MS + 1);
		spawn("d", lane, 0);
		let_go();
		assert_string_equal(order, "bccd");
		down();
	}
}

/* AT-L7: what has waited goes first, however many have come. */
static void case_age_by_waiting(void **state)
{
	(void)state;
	up_with(1, 0);
	hold();
	spawn("z", 3, 0);
	/* At one time nothing ages: none of these has waited. */
	for (unsigned i = 0; i < 50; i++)
		spawn("a", 2, 0);
	pawl_store_relaxed(&now_ns, 1010 * MS);
	spawn("a", 2, 0);
	pawl_store_relaxed(&now_ns, 1010 * MS + 1);
	spawn("y", 2, 0);
	let_go();
	assert_int_equal(strlen(order), 53);
	assert_int_equal(strspn(order, "a"), 51);
	assert_string_equal(order + 51, "zy");
	down();
}

/* ---- starvation: AT-L6 -------------------------------------------------------------------------- */

static unsigned lane_of(unsigned step)
{
	return step & 1;
}

/* Each spawns the next, for ever: the lanes are never empty. Each takes a millisecond. */
static int saturate(void *arg, void **ret_value)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	unsigned step = (unsigned)(uintptr_t)arg;

	(void)ret_value;
	pawl_store_relaxed(&now_ns, pawl_load_relaxed(&now_ns) + MS);
	if (pawl_load_relaxed(&ran))
		return 0;
	options.lane = (enum pawl_lane)(pawl_load_relaxed(&stage) == 2 ? 0 : lane_of(step));
	t_check(!pawl_spawn(pawl_runtime_root(rt), &options, saturate,
			    (void *)(uintptr_t)(step + 1), NULL));
	return 0;
}

static uint64_t began_ns;

static int begins(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	began_ns = pawl_load_relaxed(&now_ns);
	pawl_add_relaxed(&ran, 1u);
	return 0;
}

static uint64_t waits_beside(bool own_lane, unsigned lane, uint32_t leaf_distance)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	up_with(1, 0);
	hold();
	options.lane = (enum pawl_lane)lane;
	options.leaf_distance = leaf_distance;
	assert_int_equal(pawl_spawn(pawl_runtime_root(rt), &options, begins, NULL, NULL), 0);
	pawl_store_relaxed(&stage, own_lane ? 2 : 1);
	options.lane = PAWL_LANE_SYNC;
	options.leaf_distance = 0;
	assert_int_equal(pawl_spawn(pawl_runtime_root(rt), &options, saturate, NULL, NULL), 0);
	let_go();
	assert_int_equal(pawl_load_relaxed(&ran), 1);
	down();
	return began_ns - 1000 * MS;
}

static void case_starvation(void **state)
{
	(void)state;
	/* Through the lanes: 10 ms for each lane and 5 for the bucket, and what runs then. */
	for (unsigned lane = 2; lane < PAWL_LANE_COUNT; lane++) {
		assert_in_range(waits_beside(false, lane, 0), (lane - 1) * 10 * MS,
				lane * 10 * MS + 2 * MS);
		assert_in_range(waits_beside(false, lane, 100), (lane - 1) * 10 * MS + 5 * MS,
				lane * 10 * MS + 7 * MS);
	}
	/* Beside bodies that spawn the next one in their own lane: every eighth look. */
	assert_in_range(waits_beside(true, PAWL_LANE_SPECULATIVE, 100), 0, 8 * MS);
}

/* ---- from bodies ---------------------------------------------------------------------------------- */

/* A far one is not the newest, nor in the queue of older spawns: those come first. */
static int spawn_far(void *arg, void **ret_value)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	(void)arg;
	(void)ret_value;
	t_check(!pawl_spawn(pawl_runtime_root(rt), &options, write_name, (void *)"b", NULL));
	t_check(!pawl_spawn(pawl_runtime_root(rt), &options, write_name, (void *)"a", NULL));
	options.leaf_distance = PAWL_LEAF_NEAR + 1;
	t_check(!pawl_spawn(pawl_runtime_root(rt), &options, write_name, (void *)"c", NULL));
	return 0;
}

static void case_far_from_a_body(void **state)
{
	(void)state;
	up_with(1, 0);
	assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, spawn_far, NULL, NULL), 0);
	quiet();
	assert_string_equal(order, "abc");
	down();
}

/* One that is waited for from outside with its own lane has no lane to be lent, but for its bucket. */
static int wait_for_far(void *arg, void **ret_value)
{
	pawl_task_t *task = arg;

	(void)ret_value;
	/* With a deadline: it is not run right here. */
	t_check(pawl_task_wait(rt, *task, 2000 * MS, NULL) == 0);
	order[strlen(order)] = 'w';
	return 0;
}

static void case_far_lent(void **state)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	pawl_task_t far;

	(void)state;
	up_with(1, 0);
	hold();
	options.leaf_distance = 1000;
	options.lane = PAWL_LANE_DEFAULT;
	assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, wait_for_far, &far, NULL), 0);
	spawn("x", PAWL_LANE_DEFAULT, 1000);
	assert_int_equal(
		pawl_spawn(pawl_runtime_root(rt), &options, write_name, (void *)"f", &far), 0);
	let_go();
	/* It passes the one before it in its bucket. */
	assert_string_equal(order, "fwx");
	assert_int_equal(pawl_task_drop(rt, far), 0);
	down();
}

/* ---- many at once ------------------------------------------------------------------------------------- */

static int count(void *arg, void **ret_value)
{
	*ret_value = arg;
	pawl_add_relaxed(&ran, 1u);
	return 0;
}

static void count_freed(void *arg)
{
	(void)arg;
	pawl_add_relaxed(&freed, 1u);
}

#define MANY 300

static struct pawl_start jobs[MANY];
static pawl_task_t tasks[MANY];

static void jobs_fill(void)
{
	for (uintptr_t i = 0; i < MANY; i++) {
		jobs[i].body = count;
		jobs[i].arg = (void *)i;
		tasks[i] = PAWL_TASK_NONE;
	}
}

static void jobs_join(size_t n)
{
	struct pawl_result result;

	for (size_t i = 0; i < n; i++) {
		t_check(!pawl_task_wait(rt, tasks[i], PAWL_FOREVER, &result));
		t_check(result.outcome == PAWL_OUTCOME_COMPLETED);
		t_check(result.value == jobs[i].arg);
		t_check(!pawl_task_drop(rt, tasks[i]));
	}
}

static void case_many(void **state)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	(void)state;
	jobs_fill();
	for (uint32_t workers = 1; workers <= 3; workers++) {
		static const size_t counts[] = {1, 2, 63, 64, 65, 128, MANY};

		up_with(workers, workers == 3 ? 2 : 0);
		assert_int_equal(pawl_spawn_many(pawl_runtime_root(rt), NULL, 0, NULL, NULL),
				 0);
		for (unsigned i = 0; i < 7; i++) {
			options.leaf_distance = i & 1 ? 100 : 0;
			assert_int_equal(pawl_spawn_many(pawl_runtime_root(rt), &options,
							 counts[i], jobs, tasks),
					 0);
			jobs_join(counts[i]);
			t_step();
		}
		/* Without handles. */
		pawl_store_relaxed(&ran, 0u);
		assert_int_equal(pawl_spawn_many(pawl_runtime_root(rt), NULL, MANY, jobs, NULL),
				 0);
		t_wait_until(pawl_load_relaxed(&ran) == MANY);
		down();
	}
}

/* Its own lane, another one, LOCAL. */
static int spawn_many_here(void *arg, void **ret_value)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	(void)arg;
	(void)ret_value;
	for (unsigned i = 0; i < 4; i++) {
		options.flags = i == 1 ? PAWL_TASK_LOCAL : 0;
		options.lane = i == 2 ? PAWL_LANE_IDLE : PAWL_LANE_INHERIT;
		options.leaf_distance = i == 3 ? 100 : 0;
		for (size_t n = 1; n <= MANY; n = n * 3 + 1) {
			t_check(!pawl_spawn(pawl_runtime_root(rt), NULL, count, NULL, NULL));
			t_check(!pawl_spawn_many(pawl_runtime_root(rt), &options, n, jobs,
						 tasks));
			jobs_join(n);
		}
	}
	return 0;
}

static void case_many_from_a_body(void **state)
{
	(void)state;
	jobs_fill();
	for (uint32_t workers = 1; workers <= 3; workers++) {
		pawl_task_t task;

		up_with(workers, 0);
		assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, spawn_many_here, NULL,
					    &task),
				 0);
		assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, NULL), 0);
		assert_int_equal(pawl_task_drop(rt, task), 0);
		quiet();
		down();
		t_step();
	}
}

/* They keep their order: from outside that of the lane. */
static void case_many_in_order(void **state)
{
	static const char letters[] = "abcdefghij";
	struct pawl_start letter_jobs[10];

	(void)state;
	up_with(1, 0);
	hold();
	for (unsigned i = 0; i < 10; i++) {
		letter_jobs[i].body = write_name;
		letter_jobs[i].arg = (void *)(uintptr_t)&letters[i];
	}
	assert_int_equal(pawl_spawn_many(pawl_runtime_root(rt), NULL, 10, letter_jobs, NULL),
			 0);
	let_go();
	assert_string_equal(order, letters);
	down();
}

static void case_many_refused(void **state)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_task_options task_options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_group_options group_options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_runtime_stats stats;
	struct pawl_group *group;

	(void)state;
	reset();
	jobs_fill();
	options.workers = 1;
	options.tasks_max = 100;
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
	group_options.name = "ten";
	group_options.most = 10;
	assert_int_equal(pawl_group_create(pawl_runtime_root(rt), &group_options, &group), 0);
	task_options.free_arg = count_freed;
	/* The group's limit, and the table's. */
	t_assert_errno(pawl_spawn_many(group, &task_options, 11, jobs, tasks), EAGAIN);
	t_assert_errno(pawl_spawn_many(pawl_runtime_root(rt), &task_options, 101, jobs, tasks),
		       EAGAIN);
	t_assert_errno(pawl_spawn_many(pawl_runtime_root(rt), &task_options, SIZE_MAX, jobs,
				       tasks),
		       EAGAIN);
	task_options.lane = (enum pawl_lane)PAWL_LANE_COUNT;
	t_assert_errno(pawl_spawn_many(group, &task_options, 1, jobs, tasks), EINVAL);
	task_options.lane = PAWL_LANE_INHERIT;
	task_options.flags = PAWL_TASK_LOCAL;
	t_assert_errno(pawl_spawn_many(group, &task_options, 1, jobs, tasks), EINVAL);
	task_options.flags = 0;
	assert_int_equal(pawl_load_relaxed(&freed), 0);
	assert_int_equal(tasks[0].pawl_id, 0);
	/* Nothing of them was left. */
	assert_int_equal(pawl_spawn_many(group, &task_options, 10, jobs, tasks), 0);
	jobs_join(10);
	assert_int_equal(pawl_load_relaxed(&ran), 10);
	t_wait_until(pawl_load_relaxed(&freed) == 10);
	pawl_group_close(group);
	t_assert_errno(pawl_spawn_many(group, &task_options, 2, jobs, tasks), ESHUTDOWN);
	pawl_group_put(group);
	pawl_runtime_stats_read(rt, &stats);
	assert_int_equal(stats.spawned, 10);
	down();
	assert_int_equal(pawl_load_relaxed(&freed), 10);
}

/* AT-L3: many are one push. One worker sleeps: it is woken once. */
static void case_many_wakes(void **state)
{
	struct pawl_runtime_stats before, after;

	(void)state;
	jobs_fill();
	up_with(1, 0);
	quiet();
	pawl_runtime_stats_read(rt, &before);
	assert_int_equal(pawl_spawn_many(pawl_runtime_root(rt), NULL, MANY, jobs, NULL), 0);
	t_wait_until(pawl_load_relaxed(&ran) == MANY);
	pawl_runtime_stats_read(rt, &after);
	assert_int_equal(after.wakes - before.wakes, 1);
	down();
}

static int oom_many(void)
{
	size_t n = 0;
	int error = pawl_thread_attach("oom");
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	if (error)
		return error;
	reset();
	jobs_fill();
	options.workers = 1;
	options.watchdog_ns = PAWL_FOREVER;
	error = pawl_runtime_create(&options, &rt);
	if (!error) {
		error = pawl_spawn_many(pawl_runtime_root(rt), NULL, MANY, jobs, tasks);
		if (!error)
			n = MANY;
		jobs_join(n);
		t_check(!pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL));
		t_check(!pawl_runtime_destroy(rt));
		t_check(pawl_load_relaxed(&ran) == n);
	}
	pawl_thread_detach();
	return error;
}

/* ---- a limit of stacks ------------------------------------------------------------------------------------ */

static struct pawl_event event;

/* Woken again and again, it keeps its stack. */
static int sit(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	while (!pawl_load_relaxed(&go)) {
		struct pawl_listener listener;

		pawl_event_listen(&event, &listener, "go", 0);
		pawl_add_relaxed(&stage, 1u);
		if (pawl_load_relaxed(&go))
			pawl_event_unlisten(&listener);
		else
			t_check(!pawl_wait(&listener, PAWL_FOREVER));
	}
	return 0;
}

/* A worker that is full searches and leaves what needs room: the one with room gets it. */
static void case_room_elsewhere(void **state)
{
	(void)state;
	for (uint32_t workers = 2; workers <= 3; workers++) {
		up_with(workers, 1);
		pawl_event_init(&event);
		for (uint32_t i = 1; i < workers; i++) {
			assert_int_equal(
				pawl_spawn(pawl_runtime_root(rt), NULL, sit, NULL, NULL), 0);
			t_wait_until(pawl_load_relaxed(&stage) == i);
		}
		quiet();
		for (unsigned i = 0; i < t_scaled(2000); i++) {
			/* Nobody waits for it by name, so nobody lends it a lane. */
			if (i & 1)
				pawl_event_notify_all(&event);
			assert_int_equal(
				pawl_spawn(pawl_runtime_root(rt), NULL, count, NULL, NULL), 0);
			if (!(i & 1))
				pawl_event_notify_all(&event);
			t_wait_until(pawl_load_relaxed(&ran) == i + 1);
			t_step();
		}
		pawl_store_relaxed(&go, 1u);
		pawl_event_notify_all(&event);
		quiet();
		down();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_buckets),
		cmocka_unit_test(case_buckets_age),
		cmocka_unit_test(case_age_by_waiting),
		cmocka_unit_test(case_starvation),
		cmocka_unit_test(case_far_from_a_body),
		cmocka_unit_test(case_far_lent),
		cmocka_unit_test(case_many),
		cmocka_unit_test(case_many_from_a_body),
		cmocka_unit_test(case_many_in_order),
		cmocka_unit_test(case_many_refused),
		cmocka_unit_test(case_many_wakes),
		cmocka_unit_test(case_room_elsewhere),
		T_OOM(oom_many),
	};

	return t_run("lanes-policy", tests);
}
