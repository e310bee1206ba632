/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-accept-lanes.c - lanes, waking, bounds and the end of it all, as they were asked for. Each case shows the whole
 * of a line of acceptance.txt.
 *
 * Where an order is asserted there is one worker, held by a body until all is queued, and time stands.
 */
#include "accept.h"

#define MS UINT64_C(1000000)
/* pawl/lanes.h, PAWL_LANES_OPTIONS_INIT. */
#define AGE_STEP (10 * MS)

static int spawn_in(struct pawl_group *group, uint32_t lane, pawl_body_fn *body, void *arg,
		    pawl_task_t *ret_task)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	options.lane = (enum pawl_lane)lane;
	return pawl_spawn(group, &options, body, arg, ret_task);
}

/* The order in which bodies ran. Written by the one worker, read by who acquires `places`. */
static uintptr_t order[4096];
static struct pawl_atomic_u32 places;

static int take_place(void *arg, void **ret_value)
{
	uint32_t place = pawl_load_relaxed(&places);

	(void)ret_value;
	t_check(place < sizeof(order) / sizeof(order[0]));
	order[place] = (uintptr_t)arg;
	pawl_store_release(&places, place + 1);
	return 0;
}

/* One worker, that runs nothing before let_go(). */
static pawl_task_t held;

static void up_held(void)
{
	acc_up(1);
	pawl_store_relaxed(&places, 0u);
	held = acc_spawn(acc_root, acc_astray, NULL);
	t_wait_until(pawl_load_relaxed(&acc_ran) == 1);
}

static void let_go(uint32_t count)
{
	pawl_store_release(&acc_go, 1u);
	t_wait_until(pawl_load_acquire(&places) == count);
	assert_int_equal(pawl_task_drop(acc_rt, held), 0);
}

static uint32_t place_of(uintptr_t what)
{
	for (uint32_t i = 0; i < pawl_load_relaxed(&places); i++) {
		if (order[i] == what)
			return i;
	}
	fail_msg("%llu did not run", (unsigned long long)what);
	return 0;
}

/* ---- which lanes there are ----------------------------------------------------------------------- */

/* All numbers but the lanes' are refused, and nothing of what was refused runs. */
static void case_lane_domain(void **state)
{
	uint32_t wrong[96], n = 0;
	pawl_task_t task = {7};

	(void)state;
	up_held();
	for (uint32_t lane = PAWL_LANE_COUNT; lane < 64; lane++)
		wrong[n++] = lane;
	for (unsigned bit = 6; bit < 32; bit++)
		wrong[n++] = UINT32_C(1) << bit;
	wrong[n++] = 254;
	wrong[n++] = 256;
	wrong[n++] = 256 | 16;
	wrong[n++] = UINT32_MAX;
	wrong[n++] = UINT32_C(3) << 8;
	for (uint32_t i = 0; i < n; i++) {
		t_assert_errno(spawn_in(acc_root, wrong[i], take_place, NULL, &task), EINVAL);
		t_assert_errno(spawn_in(acc_root, wrong[i], take_place, NULL, NULL), EINVAL);
	}
	assert_int_equal(task.pawl_id, 7);
	/* The held one is all there is. */
	assert_int_equal(pawl_group_tasks(acc_root, 0, NULL), 1);
	/* Two bits set are a lane like any other; so are the first and the last. */
	for (uint32_t lane = PAWL_LANE_COUNT; lane--;)
		assert_int_equal(
			spawn_in(acc_root, lane, take_place, (void *)(uintptr_t)lane, NULL), 0);
	let_go(PAWL_LANE_COUNT);
	for (uint32_t lane = 0; lane < PAWL_LANE_COUNT; lane++)
		assert_int_equal(order[lane], lane);
	acc_down(PAWL_LANE_COUNT + 1, NULL);
}

/* A full queue refuses, and whatever runs, runs in its own lane. */
static void case_full_is_refused(void **state)
{
	struct pawl_group_options options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_group *group;
	uint32_t n = 0;

	(void)state;
	up_held();
	options.most = 100;
	assert_int_equal(pawl_group_create(acc_root, &options, &group), 0);
	for (; n < 100; n++)
		assert_int_equal(spawn_in(group, 20, take_place,
					  (void *)(uintptr_t)(20 << 16 | n), NULL),
				 0);
	for (uint32_t lane = 0; lane < PAWL_LANE_COUNT; lane++)
		t_assert_errno(spawn_in(group, lane, take_place, NULL, NULL), EAGAIN);
	/* Of others, from the least urgent to the most urgent. */
	for (uint32_t lane = PAWL_LANE_COUNT; lane--; n++)
		assert_int_equal(spawn_in(acc_root, lane, take_place,
					  (void *)(uintptr_t)(lane << 16 | n), NULL),
				 0);
	let_go(n);
	/* By lane, within a lane by age. */
	for (uint32_t i = 1; i < n; i++)
		assert_true(order[i - 1] < order[i]);
	pawl_group_put(group);
	acc_down(n + 1, NULL);
}

/* ---- waking -------------------------------------------------------------------------------------- */

static uint64_t wakes(void)
{
	struct pawl_runtime_stats stats;

	pawl_runtime_stats_read(acc_rt, &stats);
	return stats.wakes;
}

/* One start where all sleep wakes one worker; any number where none sleeps wakes nobody. */
static void case_wake_economy(void **state)
{
	unsigned n = t_scaled(500);

	(void)state;
	acc_up(3);
	for (unsigned i = 0; i < n; i++) {
		uint64_t before;
		pawl_task_t task;

		assert_int_equal(acc_quiet(), PAWL_FOREVER);
		before = wakes();
		task = acc_spawn(acc_root, acc_quick, NULL);
		assert_int_equal(acc_outcome(task), PAWL_OUTCOME_COMPLETED);
		assert_int_equal(acc_quiet(), PAWL_FOREVER);
		assert_int_equal(wakes(), before + 1);
		assert_int_equal(pawl_task_drop(acc_rt, task), 0);
		t_step();
	}
	acc_down(n, NULL);
	up_held();
	{
		uint64_t before = wakes();

		for (unsigned i = 0; i < 100; i++)
			assert_int_equal(spawn_in(acc_root, i % 31, take_place, NULL, NULL), 0);
		assert_int_equal(wakes(), before);
	}
	let_go(100);
	acc_down(101, NULL);
}

static int sleep_until_arg(void *arg, void **ret_value)
{
	(void)ret_value;
	pawl_add_relaxed(&acc_ran, 1u);
	return pawl_sleep_until(ACC_EPOCH + (uintptr_t)arg * 1000 * MS);
}

/* A minute in which nothing is due: nobody wakes for it, and no body looks before its time. */
static void case_minute_of_nothing(void **state)
{
	struct pawl_runtime_stats before, after;
	pawl_task_t task;

	(void)state;
	acc_up(2);
	task = acc_spawn(acc_root, sleep_until_arg, (void *)60);
	t_wait_until(pawl_load_relaxed(&acc_ran) == 1);
	assert_int_equal(acc_quiet(), ACC_EPOCH + 60000 * MS);
	pawl_runtime_stats_read(acc_rt, &before);
	/* The clock by itself wakes nobody: it is not looked at. */
	for (uint64_t s = 1; s <= 59; s++) {
		pawl_store_relaxed(&acc_virtual_ns, ACC_EPOCH + s * 1000 * MS);
		assert_int_equal(acc_quiet(), ACC_EPOCH + 60000 * MS);
	}
	pawl_runtime_stats_read(acc_rt, &after);
	assert_int_equal(after.wakes, before.wakes);
	assert_int_equal(after.sleeps, before.sleeps);
	assert_int_equal(after.parks, before.parks);
	/* Told of each second, the body sleeps on. */
	for (uint64_t s = 1; s <= 59; s++) {
		acc_advance_to(ACC_EPOCH + s * 1000 * MS);
		assert_int_equal(acc_quiet(), ACC_EPOCH + 60000 * MS);
	}
	pawl_runtime_stats_read(acc_rt, &after);
	assert_int_equal(after.parks, before.parks);
	assert_true(acc_goes_on(task));
	acc_advance_to(ACC_EPOCH + 60000 * MS);
	assert_int_equal(acc_outcome(task), PAWL_OUTCOME_COMPLETED);
	assert_int_equal(pawl_task_drop(acc_rt, task), 0);
	acc_down(1, NULL);
}

/* ---- waiting ages -------------------------------------------------------------------------------- */

#define FLOOD 400

/*
 * Lane 0 gets a task each millisecond, for ever as far as the others can see. One of lane k, there from
 * the beginning, runs after those of k steps at most.
 */
static void case_saturated_lane(void **state)
{
	(void)state;
	up_held();
	for (uint32_t lane = 1; lane < PAWL_LANE_COUNT; lane++)
		assert_int_equal(spawn_in(acc_root, lane, take_place,
					  (void *)(uintptr_t)(1000 + lane), NULL),
				 0);
	for (unsigned i = 0; i < FLOOD; i++) {
		pawl_store_relaxed(&acc_virtual_ns, ACC_EPOCH + i * MS);
		assert_int_equal(spawn_in(acc_root, 0, take_place, (void *)(uintptr_t)i, NULL),
				 0);
	}
	let_go(FLOOD + PAWL_LANE_COUNT - 1);
	for (uint32_t lane = 1; lane < PAWL_LANE_COUNT; lane++) {
		uint32_t place = place_of(1000 + lane), urgent = 0;

		for (uint32_t i = 0; i < place; i++)
			urgent += order[i] < FLOOD;
		/* A step of lenience. */
		assert_true(urgent <= (lane + 1) * (AGE_STEP / MS) + 1);
		assert_true(urgent >= (lane - 1) * (AGE_STEP / MS));
	}
	acc_down(FLOOD + PAWL_LANE_COUNT, NULL);
}

/* The same from inside: a body of lane 0 that goes on by spawning the next one, till all others have run. */
static int flood(void *arg, void **ret_value)
{
	(void)ret_value;
	if (pawl_load_relaxed(&places) < (uintptr_t)arg)
		t_check(!pawl_spawn(acc_root, NULL, flood, arg, NULL));
	t_step();
	return 0;
}

static void case_saturated_from_inside(void **state)
{
	struct pawl_shutdown_report report;
	uint64_t sum = 0;

	(void)state;
	for (unsigned chains = 1; chains <= 4; chains++) {
		up_held();
		for (uint32_t lane = 0; lane < PAWL_LANE_COUNT; lane++)
			assert_int_equal(spawn_in(acc_root, lane, take_place, NULL, NULL), 0);
		for (unsigned i = 0; i < chains; i++)
			assert_int_equal(spawn_in(acc_root, 0, flood,
						  (void *)(uintptr_t)PAWL_LANE_COUNT, NULL),
					 0);
		let_go(PAWL_LANE_COUNT);
		assert_int_equal(pawl_runtime_shutdown(acc_rt, PAWL_FOREVER, &report), 0);
		sum = 0;
		for (unsigned i = 0; i < PAWL_OUTCOME_COUNT; i++)
			sum += report.outcomes[i];
		acc_down(sum, NULL);
	}
}

/* Arrivals age nobody, however many; time does. */
static void case_time_ages(void **state)
{
	unsigned n = t_scaled(2000);

	(void)state;
	for (unsigned late = 0; late < 2; late++) {
		up_held();
		assert_int_equal(spawn_in(acc_root, 12, take_place, (void *)9999, NULL), 0);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(spawn_in(acc_root, 10, take_place, (void *)1, NULL),
					 0);
		/* Three steps later it is before those that come. */
		if (late) {
			pawl_store_relaxed(&acc_virtual_ns, ACC_EPOCH + 3 * AGE_STEP);
			for (unsigned i = 0; i < 10; i++)
				assert_int_equal(
					spawn_in(acc_root, 10, take_place, (void *)2, NULL), 0);
		}
		let_go(n + 1 + 10 * late);
		assert_int_equal(place_of(9999), n);
		acc_down(n + 2 + 10 * late, NULL);
	}
}

/* ---- waiters lend their lane ------------------------------------------------------------------------ */

#define FILLERS 20
#define WANTED	5000
#define WAITED	6000

static pawl_task_t wanted, middle[2];
static struct pawl_atomic_u32 begun;

/* In lane 0, with a deadline: so it lends and does not run the task itself. */
static int want(void *arg, void **ret_value)
{
	(void)ret_value;
	pawl_add_relaxed(&begun, 1u);
	t_check(pawl_task_wait(acc_rt, *(pawl_task_t *)arg, ACC_EPOCH + 10, NULL) == 0);
	return take_place((void *)WAITED, NULL);
}

static void push_fillers(void)
{
	for (uintptr_t i = 0; i < FILLERS; i++)
		t_check(!spawn_in(acc_root, 16, take_place, (void *)i, NULL));
}

static void case_waiter_lends(void **state)
{
	(void)state;
	up_held();
	pawl_store_relaxed(&begun, 0u);
	push_fillers();
	assert_int_equal(spawn_in(acc_root, 30, take_place, (void *)WANTED, &wanted), 0);
	assert_int_equal(spawn_in(acc_root, 0, want, &wanted, NULL), 0);
	let_go(FILLERS + 2);
	assert_int_equal(order[0], WANTED);
	assert_int_equal(order[1], WAITED);
	assert_int_equal(pawl_task_drop(acc_rt, wanted), 0);
	acc_down(FILLERS + 3, NULL);
}

/* Waits for one of the same lane, in a way that does not run it. */
static int join_next(void *arg, void **ret_value)
{
	pawl_task_t tasks[2] = {*(pawl_task_t *)arg, held};

	(void)ret_value;
	pawl_add_relaxed(&begun, 1u);
	return pawl_join(acc_rt, PAWL_JOIN_ALL, tasks, 2, PAWL_FOREVER, NULL, NULL);
}

/* Has them begin in this order, with nothing else begun: bodies that yield come before starts, for a while. */
static int lend_over_two(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	t_check(!spawn_in(acc_root, 30, join_next, &wanted, &middle[1]));
	t_check(!spawn_in(acc_root, 30, join_next, &middle[1], &middle[0]));
	t_check(!spawn_in(acc_root, 30, take_place, (void *)WANTED, &wanted));
	while (pawl_load_relaxed(&begun) < 2)
		t_check(!pawl_yield());
	push_fillers();
	t_check(!spawn_in(acc_root, 0, want, &middle[0], NULL));
	return 0;
}

/* The one who waits, two that wait between, all of lane 30, and the one that all wait for. */
static void case_waiter_lends_along(void **state)
{
	(void)state;
	up_held();
	pawl_store_relaxed(&begun, 0u);
	pawl_store_release(&acc_go, 1u);
	assert_int_equal(acc_outcome(held), PAWL_OUTCOME_COMPLETED);
	assert_int_equal(spawn_in(acc_root, 20, lend_over_two, NULL, NULL), 0);
	let_go(FILLERS + 2);
	assert_int_equal(order[0], WANTED);
	/* Who waits for those between is woken by them, not started: before the fillers. */
	assert_int_equal(order[1], WAITED);
	acc_drop_all((pawl_task_t[]){wanted, middle[0], middle[1]}, 3);
	acc_down(FILLERS + 6, NULL);
}

static pawl_task_t two_wanted[2];

static int join_both(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&begun, 1u);
	return pawl_join(acc_rt, PAWL_JOIN_ALL, two_wanted, 2, PAWL_FOREVER, NULL, NULL);
}

static int lend_twice(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	t_check(!spawn_in(acc_root, 30, join_both, NULL, &middle[0]));
	for (uintptr_t i = 0; i < 2; i++)
		t_check(!spawn_in(acc_root, 30, take_place, (void *)(WANTED + i),
				  &two_wanted[i]));
	while (pawl_load_relaxed(&begun) < 1)
		t_check(!pawl_yield());
	push_fillers();
	t_check(!spawn_in(acc_root, 0, want, &middle[0], NULL));
	return 0;
}

/* The one between waits for two, one after the other: the lane of who waits for it is lent to both. */
static void case_waiter_lends_on(void **state)
{
	(void)state;
	acc_up(1);
	pawl_store_relaxed(&places, 0u);
	pawl_store_relaxed(&begun, 0u);
	assert_int_equal(spawn_in(acc_root, 20, lend_twice, NULL, NULL), 0);
	t_wait_until(pawl_load_acquire(&places) == FILLERS + 3);
	assert_int_equal(order[0], WANTED);
	assert_int_equal(order[1], WANTED + 1);
	assert_int_equal(order[2], WAITED);
	acc_drop_all((pawl_task_t[]){two_wanted[0], two_wanted[1], middle[0]}, 3);
	acc_down(FILLERS + 5, NULL);
}

static struct pawl_atomic_u32 gave_up;

static int want_for_a_time(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&begun, 1u);
	t_check(pawl_task_wait(acc_rt, wanted, ACC_EPOCH + 10, NULL) == -ETIMEDOUT);
	pawl_store_relaxed(&gave_up, 1u);
	return 0;
}

static int have_it_give_up(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	push_fillers();
	t_check(!spawn_in(acc_root, 30, take_place, (void *)WANTED, &wanted));
	t_check(!spawn_in(acc_root, 0, want_for_a_time, NULL, NULL));
	while (!pawl_load_relaxed(&begun))
		t_check(!pawl_yield());
	acc_advance_to(ACC_EPOCH + 10);
	while (!pawl_load_relaxed(&gave_up))
		t_check(!pawl_yield());
	return 0;
}

/* Who gives up waiting takes the lane back by it. */
static void case_loan_taken_back(void **state)
{
	(void)state;
	acc_up(1);
	pawl_store_relaxed(&places, 0u);
	pawl_store_relaxed(&begun, 0u);
	pawl_store_relaxed(&gave_up, 0u);
	assert_int_equal(spawn_in(acc_root, 20, have_it_give_up, NULL, NULL), 0);
	t_wait_until(pawl_load_acquire(&places) == FILLERS + 1);
	assert_int_equal(order[FILLERS], WANTED);
	assert_int_equal(pawl_task_drop(acc_rt, wanted), 0);
	acc_down(FILLERS + 3, NULL);
}

/* ---- bounds --------------------------------------------------------------------------------------------- */

/* A client's consumer stalls for ever: its queue is full, nothing grows, no worker waits, others go on. */
static void case_stalled_consumer(void **state)
{
	struct pawl_group_options options = PAWL_GROUP_OPTIONS_INIT;
	unsigned n = t_scaled(100000);
	struct pawl_group *slow, *fast;
	uint64_t bytes, blocks;

	(void)state;
	acc_up(2);
	options.most = 64;
	assert_int_equal(pawl_group_create(acc_root, &options, &slow), 0);
	assert_int_equal(pawl_group_create(acc_root, &options, &fast), 0);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(pawl_spawn(slow, NULL, acc_sleep, NULL, NULL), 0);
	t_wait_until(pawl_load_relaxed(&acc_ran) == 64);
	assert_int_equal(acc_quiet(), PAWL_FOREVER);
	/* Two bodies at once, so that both workers have what they need. */
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(pawl_spawn(fast, NULL, acc_quick, NULL, NULL), 0);
	t_wait_until(pawl_load_relaxed(&acc_ran) == 128);
	assert_int_equal(acc_quiet(), PAWL_FOREVER);
	bytes = t_alloc_bytes();
	blocks = t_alloc_blocks();
	for (unsigned i = 0; i < n; i++) {
		t_assert_errno(pawl_spawn(slow, NULL, acc_quick, NULL, NULL), EAGAIN);
		if (i % 1000 == 0) {
			pawl_task_t task;

			t_wait_until(pawl_spawn(fast, NULL, acc_quick, NULL, &task) == 0);
			assert_int_equal(acc_outcome(task), PAWL_OUTCOME_COMPLETED);
			assert_int_equal(pawl_task_drop(acc_rt, task), 0);
			t_step();
		}
	}
	assert_int_equal(acc_quiet(), PAWL_FOREVER);
	assert_true(t_alloc_bytes() <= bytes + (64 << 10) && t_alloc_blocks() <= blocks + 64);
	pawl_group_put(slow);
	pawl_group_put(fast);
	acc_down(128 + (n + 999) / 1000, NULL);
}

/* ---- ends ------------------------------------------------------------------------------------------------ */

static int run_until_told(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&acc_ran, 1u);
	while (!pawl_cancelled())
		pawl_pause();
	return arg ? -ECANCELED : 0;
}

#define QUEUED	300
#define WAITING 200

static struct pawl_atomic_u32 finals;

static void wait_in_thread(void *arg)
{
	struct pawl_result result;

	t_check(!pawl_task_wait(acc_rt, *(pawl_task_t *)arg, PAWL_FOREVER, &result));
	t_check(result.outcome != PAWL_OUTCOME_NONE);
	pawl_add_relaxed(&finals, 1u);
}

/* Queued, running and waiting ones, in one shutdown: each handle is final, each waiter answered. */
static void case_shutdown_of_all_kinds(void **state)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_shutdown_report report;
	pawl_task_t waiting[WAITING], running[2], queued[QUEUED], more;
	struct t_thread *threads[3];
	unsigned completed = 0;

	(void)state;
	acc_up(2);
	pawl_store_relaxed(&finals, 0u);
	options.free_arg = acc_count_freed;
	for (unsigned i = 0; i < WAITING; i++)
		assert_int_equal(pawl_spawn(acc_root, &options, acc_sleep, NULL, &waiting[i]),
				 0);
	t_wait_until(pawl_load_relaxed(&acc_ran) == WAITING);
	for (uintptr_t i = 0; i < 2; i++) {
		assert_int_equal(pawl_spawn(acc_root, &options, run_until_told, (void *)i,
					    &running[i]),
				 0);
		t_wait_until(pawl_load_relaxed(&acc_ran) == WAITING + i + 1);
	}
	for (unsigned i = 0; i < QUEUED; i++)
		assert_int_equal(pawl_spawn(acc_root, &options, acc_quick, NULL, &queued[i]),
				 0);
	threads[0] = t_thread_start(wait_in_thread, &waiting[5]);
	threads[1] = t_thread_start(wait_in_thread, &running[1]);
	threads[2] = t_thread_start(wait_in_thread, &queued[9]);
	assert_int_equal(pawl_runtime_shutdown(acc_rt, PAWL_FOREVER, &report), 0);
	for (unsigned i = 0; i < 3; i++)
		t_thread_join(threads[i]);
	assert_int_equal(pawl_load_relaxed(&finals), 3);
	/* A queued one may have begun where a running one ended before the request came to it. */
	for (unsigned i = 0; i < QUEUED; i++)
		completed += acc_outcome(queued[i]) == PAWL_OUTCOME_COMPLETED;
	assert_int_equal(pawl_load_relaxed(&acc_ran), WAITING + 2 + completed);
	assert_int_equal(pawl_load_relaxed(&acc_freed), WAITING + QUEUED + 2);
	assert_int_equal(report.outcomes[PAWL_OUTCOME_COMPLETED], 1 + completed);
	assert_int_equal(report.outcomes[PAWL_OUTCOME_CANCELLED],
			 WAITING + QUEUED + 1 - completed);
	for (unsigned i = 0; i < WAITING; i++)
		assert_int_equal(acc_outcome(waiting[i]), PAWL_OUTCOME_CANCELLED);
	assert_int_equal(acc_outcome(running[0]), PAWL_OUTCOME_COMPLETED);
	assert_int_equal(acc_outcome(running[1]), PAWL_OUTCOME_CANCELLED);
	t_assert_errno(pawl_spawn(acc_root, NULL, acc_quick, NULL, &more), ESHUTDOWN);
	acc_drop_all(waiting, WAITING);
	acc_drop_all(queued, QUEUED);
	acc_drop_all(running, 2);
	acc_down(WAITING + QUEUED + 2, NULL);
}

/* Failing bodies end alone: their texts are kept, workers and neighbours are what they were. */
static void case_failures_end_alone(void **state)
{
	unsigned n = t_scaled(1000);
	struct pawl_runtime_stats stats;
	pawl_task_t sleepers[10];
	unsigned threads;

	(void)state;
	acc_up(2);
	for (unsigned i = 0; i < 10; i++)
		sleepers[i] = acc_spawn(acc_root, acc_sleep, NULL);
	t_wait_until(pawl_load_relaxed(&acc_ran) == 10);
	threads = t_tasks();
	for (unsigned i = 0; i < n; i++) {
		pawl_task_t failing =
			acc_spawn(acc_root, acc_fail, (void *)(uintptr_t) "wrong");
		pawl_task_t fine = acc_spawn(acc_root, acc_quick, &n);
		struct pawl_result result;

		assert_int_equal(pawl_task_wait(acc_rt, failing, PAWL_FOREVER, &result), 0);
		assert_int_equal(result.outcome, PAWL_OUTCOME_FAILED);
		assert_int_equal(result.error, -EIO);
		assert_string_equal(result.message, "wrong");
		assert_int_equal(pawl_task_wait(acc_rt, fine, PAWL_FOREVER, &result), 0);
		assert_ptr_equal(result.value, &n);
		acc_drop_all((pawl_task_t[]){failing, fine}, 2);
		t_step();
	}
	for (unsigned i = 0; i < 10; i++)
		assert_true(acc_goes_on(sleepers[i]));
	pawl_runtime_stats_read(acc_rt, &stats);
	assert_int_equal(stats.workers, 2);
	assert_int_equal(t_tasks(), threads);
	acc_drop_all(sleepers, 10);
	acc_down(10 + 2 * n, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_lane_domain),
		cmocka_unit_test(case_full_is_refused),
		cmocka_unit_test(case_wake_economy),
		cmocka_unit_test(case_minute_of_nothing),
		cmocka_unit_test(case_saturated_lane),
		cmocka_unit_test(case_saturated_from_inside),
		cmocka_unit_test(case_time_ages),
		cmocka_unit_test(case_waiter_lends),
		cmocka_unit_test(case_waiter_lends_along),
		cmocka_unit_test(case_waiter_lends_on),
		cmocka_unit_test(case_loan_taken_back),
		cmocka_unit_test(case_stalled_consumer),
		cmocka_unit_test(case_shutdown_of_all_kinds),
		cmocka_unit_test(case_failures_end_alone),
	};

	return t_run("accept-lanes", tests);
}
