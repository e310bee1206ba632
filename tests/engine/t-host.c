/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-host.c - pawl/host.h: a loop of the program's own steps a runtime, alone and beside workers; what
 * makes the descriptor readable, and what does not; waits of the host's thread; shutdown.
 */
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/host.h>
#include <pawl/io.h>
#include <pawl/join.h>
#include <pawl/parallel.h>
#include <pawl/runtime.h>
#include <pawl/timer.h>

static struct pawl_runtime *rt;
static struct pawl_group *root;
static struct pawl_atomic_u32 ran, elsewhere;
static struct pawl_event event;
static unsigned host_slot;

static void up_with(struct pawl_runtime_options options, uint32_t workers)
{
	options.workers = workers;
	options.host = 1;
	pawl_store_relaxed(&ran, 0u);
	pawl_store_relaxed(&elsewhere, 0u);
	pawl_event_init(&event);
	host_slot = pawl_thread_slot();
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
	root = pawl_runtime_root(rt);
}

static void up(uint32_t workers)
{
	up_with((struct pawl_runtime_options)PAWL_RUNTIME_OPTIONS_INIT, workers);
}

static void down(void)
{
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
}

/* Is it readable now? */
static bool readable(void)
{
	struct pollfd fd = {.fd = pawl_host_fd(rt), .events = POLLIN};
	int n = poll(&fd, 1, 0);

	assert_in_range(n, 0, 1);
	return n;
}

/* Steps, until `word` is `value`: for what another worker may do as well. */
static void step_until(struct pawl_atomic_u32 *word, uint32_t value)
{
	t_wait_until(pawl_load_acquire(word) == value || pawl_host_step(rt, 1) < 0);
}

/* The host's loop: sleeps in poll alone, until `word` is `value`. With no other worker. */
static void loop_until(struct pawl_atomic_u32 *word, uint32_t value, uint64_t budget)
{
	while (pawl_load_acquire(word) != value) {
		struct pollfd fd = {.fd = pawl_host_fd(rt), .events = POLLIN};

		pawl_rcu_idle_enter();
		assert_int_equal(poll(&fd, 1, -1), 1);
		pawl_rcu_idle_leave();
		assert_in_range(pawl_host_step(rt, budget), 0, 1);
	}
}

static pawl_task_t spawn(pawl_body_fn *body, void *arg)
{
	pawl_task_t task;

	assert_int_equal(pawl_spawn(root, NULL, body, arg, &task), 0);
	return task;
}

static void end(pawl_task_t task, enum pawl_outcome outcome)
{
	struct pawl_result result;

	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
	assert_int_equal(result.outcome, outcome);
	assert_int_equal(pawl_task_drop(rt, task), 0);
}

static int count_body(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	if (pawl_thread_slot() != host_slot)
		pawl_add_relaxed(&elsewhere, 1u);
	pawl_add_release(&ran, 1u);
	return 0;
}

static int wait_body(void *arg, void **ret_value)
{
	struct pawl_listener listener;

	(void)arg;
	(void)ret_value;
	/* Who waits for the count notifies then. */
	pawl_event_listen(&event, &listener, "the test", 0);
	pawl_add_release(&ran, 1u);
	if (pawl_wait(&listener, PAWL_FOREVER))
		return -ECANCELED;
	pawl_add_release(&ran, 1u);
	return 0;
}

/* ---- the descriptor ---------------------------------------------------------------------- */

static void case_readable(void **state)
{
	(void)state;
	up(1);
	assert_false(readable());
	assert_int_equal(pawl_host_step(rt, 0), 0);
	assert_false(readable());
	/* A start from this thread, outside of steps. */
	assert_int_equal(pawl_spawn(root, NULL, count_body, NULL, NULL), 0);
	assert_true(readable());
	assert_true(readable());
	assert_int_equal(pawl_host_step(rt, 0), 0);
	assert_int_equal(pawl_load_relaxed(&ran), 1);
	assert_false(readable());
	/* One that waits, woken from this thread. */
	assert_int_equal(pawl_spawn(root, NULL, wait_body, NULL, NULL), 0);
	assert_int_equal(pawl_host_step(rt, 0), 0);
	assert_int_equal(pawl_load_relaxed(&ran), 2);
	assert_false(readable());
	pawl_event_notify_all(&event);
	assert_true(readable());
	assert_int_equal(pawl_load_relaxed(&ran), 2);
	assert_int_equal(pawl_host_step(rt, 0), 0);
	assert_int_equal(pawl_load_relaxed(&ran), 3);
	assert_false(readable());
	down();
}

/* Many pushes wake once. */
static void case_one_wake(void **state)
{
	struct pawl_runtime_stats stats;

	(void)state;
	up(1);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(pawl_spawn(root, NULL, count_body, NULL, NULL), 0);
	pawl_runtime_stats_read(rt, &stats);
	assert_int_equal(stats.wakes, 1);
	assert_int_equal(pawl_host_step(rt, 0), 0);
	assert_int_equal(pawl_load_relaxed(&ran), 1000);
	pawl_runtime_stats_read(rt, &stats);
	assert_int_equal(stats.wakes, 1);
	down();
}

static int yield_body(void *arg, void **ret_value)
{
	(void)ret_value;
	for (unsigned i = 0; i < *(unsigned *)arg; i++) {
		pawl_add_release(&ran, 1u);
		pawl_yield();
	}
	return 0;
}

static int family_body(void *arg, void **ret_value)
{
	struct pawl_task_options local = PAWL_TASK_OPTIONS_INIT;

	(void)arg;
	(void)ret_value;
	local.flags = PAWL_TASK_LOCAL;
	for (unsigned i = 0; i < 10; i++)
		t_check(!pawl_spawn(root, i % 2 ? &local : NULL, count_body, NULL, NULL));
	return 0;
}

static void case_budget(void **state)
{
	unsigned turns = 10;

	(void)state;
	up(1);
	/* Starts, from outside: one a step. */
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(pawl_spawn(root, NULL, count_body, NULL, NULL), 0);
	for (unsigned i = 0; i < 10; i++) {
		assert_true(readable());
		assert_int_equal(pawl_host_step(rt, 1), i < 9);
		assert_int_equal(pawl_load_relaxed(&ran), i + 1);
	}
	assert_false(readable());
	/* From inside, LOCAL ones and others; and three a step. */
	pawl_store_relaxed(&ran, 0u);
	assert_int_equal(pawl_spawn(root, NULL, family_body, NULL, NULL), 0);
	assert_int_equal(pawl_host_step(rt, 1), 1);
	assert_int_equal(pawl_load_relaxed(&ran), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(readable());
		assert_int_equal(pawl_host_step(rt, 3), i < 3);
		assert_int_equal(pawl_load_relaxed(&ran), i < 3 ? 3 * (i + 1) : 10);
	}
	assert_false(readable());
	/* Resumptions. */
	pawl_store_relaxed(&ran, 0u);
	assert_int_equal(pawl_spawn(root, NULL, yield_body, &turns, NULL), 0);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(pawl_host_step(rt, 1), 1);
		assert_int_equal(pawl_load_relaxed(&ran), i + 1);
		assert_true(readable());
	}
	assert_int_equal(pawl_host_step(rt, 1), 0);
	assert_false(readable());
	down();
}

/* A real timer makes it readable by itself; one that is over by then does as well. */
static int sleep_body(void *arg, void **ret_value)
{
	int error;

	(void)ret_value;
	error = pawl_sleep_until(*(uint64_t *)arg);
	pawl_add_release(&ran, 1u);
	return error;
}

static void case_timer(void **state)
{
	uint64_t soon_ns, never_ns = PAWL_FOREVER - 1, over_ns = 1;
	pawl_task_t sleeper;

	(void)state;
	up(1);
	soon_ns = pawl_deadline_in(2000000);
	sleeper = spawn(sleep_body, &never_ns);
	assert_int_equal(pawl_host_step(rt, 0), 0);
	assert_false(readable());
	assert_int_equal(pawl_spawn(root, NULL, sleep_body, &soon_ns, NULL), 0);
	loop_until(&ran, 1, 1);
	assert_true(pawl_now_ns() >= soon_ns);
	assert_int_equal(pawl_host_step(rt, 0), 0);
	assert_false(readable());
	assert_int_equal(pawl_spawn(root, NULL, sleep_body, &over_ns, NULL), 0);
	loop_until(&ran, 2, 0);
	assert_int_equal(pawl_task_cancel(rt, sleeper), 0);
	assert_true(readable());
	loop_until(&ran, 3, 0);
	end(sleeper, PAWL_OUTCOME_CANCELLED);
	down();
}

/* ---- a clock of the program's own: all is decided here ---------------------------------------- */

static uint64_t time_ns;

static uint64_t now(void *arg)
{
	(void)arg;
	return time_ns;
}

static int tick(void *arg, uint64_t number)
{
	uint64_t *at_ns = arg;

	t_check(number * 10 == time_ns);
	*at_ns = time_ns;
	return 0;
}

static void case_virtual_time(void **state)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_interval_options interval = PAWL_INTERVAL_OPTIONS_INIT;
	uint64_t last_ns = 1;

	(void)state;
	time_ns = 0;
	options.now = now;
	up_with(options, 1);
	interval.period_ns = 10;
	assert_int_equal(pawl_interval_spawn(root, &interval, tick, &last_ns, NULL), 0);
	for (unsigned i = 0; i < 100; i++) {
		assert_true(readable());
		assert_int_equal(pawl_runtime_quiet_until(rt), 0);
		assert_int_equal(pawl_host_step(rt, 0), 0);
		assert_int_equal(last_ns, time_ns);
		assert_false(readable());
		assert_int_equal(pawl_runtime_quiet_until(rt), time_ns + 10);
		time_ns += 5;
		pawl_runtime_clock_moved(rt);
		assert_true(readable());
		assert_int_equal(pawl_host_step(rt, 0), 0);
		assert_int_equal(last_ns, time_ns - 5);
		time_ns += 5;
		pawl_runtime_clock_moved(rt);
	}
	/* With such a clock waits of threads have no deadlines, also here. */
	assert_int_equal(pawl_group_wait(root, 17), -EBUSY);
	down();
}

/* ---- other threads wake it --------------------------------------------------------------------- */

static void notifier(void *arg)
{
	t_wait_until(pawl_load_acquire(&ran) == 1);
	pawl_event_notify_all(arg);
}

static void spawner(void *arg)
{
	unsigned count = *(unsigned *)arg;

	for (unsigned i = 0; i < count; i++)
		t_check(!pawl_spawn(root, NULL, count_body, NULL, NULL));
}

static void case_woken_by_others(void **state)
{
	unsigned count = t_scaled(2000);

	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers++) {
		struct t_thread *threads[2];

		up(workers);
		threads[0] = t_thread_start(notifier, &event);
		assert_int_equal(pawl_spawn(root, NULL, wait_body, NULL, NULL), 0);
		if (workers == 1)
			loop_until(&ran, 2, 0);
		step_until(&ran, 2);
		t_thread_join(threads[0]);
		t_step();

		/* Lost wake-ups would hang here: with one worker everything comes by the descriptor. */
		pawl_store_relaxed(&ran, 0u);
		for (unsigned i = 0; i < 2; i++)
			threads[i] = t_thread_start(spawner, &count);
		if (workers == 1)
			loop_until(&ran, 2 * count, 7);
		step_until(&ran, 2 * count);
		for (unsigned i = 0; i < 2; i++)
			t_thread_join(threads[i]);
		down();
		t_step();
	}
}

/* A host that does not come holds nobody up: workers beside it do all that anybody can do. */
static void case_slow_host(void **state)
{
	(void)state;
	up(2);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(pawl_spawn(root, NULL, count_body, NULL, NULL), 0);
		t_wait_until(pawl_load_acquire(&ran) == i + 1);
	}
	assert_int_equal(pawl_load_relaxed(&elsewhere), 200);
	down();
}

/* What a step leaves others take: the newest spawn as well, that nobody is woken for. */
static int leave_body(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	t_check(!pawl_spawn(root, NULL, count_body, NULL, NULL));
	return 0;
}

static int hold_body(void *arg, void **ret_value)
{
	struct pawl_atomic_u32 *words = arg;

	(void)ret_value;
	pawl_store_release(&words[0], 1u);
	t_wait_until(pawl_load_acquire(&words[1]));
	return 0;
}

static void case_left_to_others(void **state)
{
	struct pawl_atomic_u32 words[2];

	(void)state;
	pawl_init_word(&words[0], 0u);
	pawl_init_word(&words[1], 0u);
	up(2);
	/* The other worker is busy until this one has taken the start. */
	assert_int_equal(pawl_spawn(root, NULL, hold_body, words, NULL), 0);
	t_wait_until(pawl_load_acquire(&words[0]));
	assert_int_equal(pawl_spawn(root, NULL, leave_body, NULL, NULL), 0);
	assert_true(readable());
	assert_int_equal(pawl_host_step(rt, 1), 1);
	pawl_store_release(&words[1], 1u);
	t_wait_until(pawl_load_acquire(&ran) == 1);
	assert_int_equal(pawl_load_relaxed(&elsewhere), 1);
	down();
}

/* ---- who may step ------------------------------------------------------------------------------ */

static void steps_elsewhere(void *arg)
{
	(void)arg;
	t_check(pawl_host_step(rt, 0) == -EPERM);
	t_check(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL) == 0);
	t_check(pawl_runtime_destroy(rt) == -EPERM);
	pawl_store_release(&elsewhere, 1u);
}

static int steps_body(void *arg, void **ret_value)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_runtime *other;
	bool here = pawl_thread_slot() == host_slot;

	(void)arg;
	(void)ret_value;
	t_check(pawl_host_step(rt, 0) == (here ? -EDEADLK : -EPERM));
	options.host = 1;
	t_check(pawl_runtime_create(&options, &other) == -EBUSY);
	return 0;
}

static void free_steps(void *arg)
{
	(void)arg;
	t_check(pawl_host_step(rt, 0) == (pawl_thread_slot() == host_slot ? -EDEADLK : -EPERM));
	pawl_add_release(&ran, 1u);
}

static void case_refused(void **state)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_task_options task = PAWL_TASK_OPTIONS_INIT;
	uint64_t never_ns = PAWL_FOREVER - 1;
	struct pawl_runtime *other;
	struct t_thread *thread;

	(void)state;
	options.host = 2;
	assert_int_equal(pawl_runtime_create(&options, &other), -EINVAL);
	options.host = 0;
	options.workers = 1;
	assert_int_equal(pawl_runtime_create(&options, &other), 0);
	assert_int_equal(pawl_host_fd(other), -EINVAL);
	assert_int_equal(pawl_host_step(other, 0), -EINVAL);
	up(2);
	options.host = 1;
	assert_int_equal(pawl_runtime_create(&options, &(struct pawl_runtime *){NULL}), -EBUSY);
	task.free_arg = free_steps;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(pawl_spawn(root, &task, steps_body, NULL, NULL), 0);
	step_until(&ran, 20);
	/* Shut down by another thread, while this one steps on. */
	pawl_store_relaxed(&ran, 0u);
	assert_int_equal(pawl_spawn(root, NULL, sleep_body, &never_ns, NULL), 0);
	thread = t_thread_start(steps_elsewhere, NULL);
	step_until(&elsewhere, 1);
	t_thread_join(thread);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
	assert_int_equal(pawl_runtime_shutdown(other, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(other), 0);
}

/* No descriptor is to be had: nothing is left. */
static void case_no_descriptors(void **state)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_runtime *none;
	struct rlimit before, few;

	(void)state;
	options.workers = 2;
	options.host = 1;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	for (unsigned free = 0; free < 3; free++) {
		int error, next = dup(0);

		assert_true(next >= 0);
		close(next);
		few.rlim_cur = (rlim_t)next + free;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		error = pawl_runtime_create(&options, &none);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(error, -EMFILE);
	}
}

/* ---- everything, with this thread alone and beside others ----------------------------------------- */

static int block(void *arg)
{
	pawl_add_release((struct pawl_atomic_u32 *)arg, 1u);
	return 5;
}

static int add_index(void *arg, size_t index)
{
	pawl_add_relaxed((struct pawl_atomic_u32 *)arg, (uint32_t)index);
	return 0;
}

struct pipe {
	int fds[2];
};

static int read_body(void *arg, void **ret_value)
{
	struct pipe *pipe = arg;
	char byte;

	(void)ret_value;
	if (pawl_fd_wait(rt, pipe->fds[0], PAWL_FD_READ, PAWL_FOREVER, NULL))
		return -ECANCELED;
	return read(pipe->fds[0], &byte, 1) == 1 ? 0 : -EIO;
}

static int all_body(void *arg, void **ret_value)
{
	struct pipe *pipe = arg;
	struct pawl_result result;
	pawl_task_t tasks[2];
	struct pawl_atomic_u32 sum;
	size_t failed;

	(void)ret_value;
	pawl_init_word(&sum, 0u);
	t_check(pawl_blocking(rt, block, &sum) == 5);
	t_check(!pawl_parallel(root, 10, add_index, &sum, &failed));
	t_check(pawl_load_relaxed(&sum) == 46);
	t_check(!pawl_sleep_until(pawl_deadline_in(1000)));
	for (unsigned i = 0; i < 2; i++)
		t_check(!pawl_spawn(root, NULL, i ? count_body : read_body, pipe, &tasks[i]));
	t_check(write(pipe->fds[1], "x", 1) == 1);
	t_check(!pawl_join(rt, PAWL_JOIN_ALL, tasks, 2, PAWL_FOREVER, NULL, NULL));
	for (unsigned i = 0; i < 2; i++) {
		t_check(!pawl_task_wait(rt, tasks[i], PAWL_FOREVER, &result));
		t_check(result.outcome == PAWL_OUTCOME_COMPLETED);
		t_check(!pawl_task_drop(rt, tasks[i]));
	}
	return 0;
}

/* Waits of the host's thread step; a loop does as well. */
static void case_everything(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 6; round++) {
		struct pawl_atomic_u32 sum;
		pawl_task_t tasks[3];
		struct pipe pipes[3];
		size_t failed;

		up(1 + round / 2);
		pawl_init_word(&sum, 0u);
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(pipe(pipes[i].fds), 0);
			tasks[i] = spawn(all_body, &pipes[i]);
		}
		if (round == 1)
			loop_until(&ran, 3, 2);
		else if (round % 2)
			step_until(&ran, 3);
		assert_int_equal(pawl_parallel(root, 10, add_index, &sum, &failed), 0);
		assert_int_equal(pawl_load_relaxed(&sum), 45);
		assert_int_equal(
			pawl_join(rt, PAWL_JOIN_ALL, tasks, 3, PAWL_FOREVER, NULL, NULL), 0);
		for (unsigned i = 0; i < 3; i++) {
			end(tasks[i], PAWL_OUTCOME_COMPLETED);
			close(pipes[i].fds[0]);
			close(pipes[i].fds[1]);
		}
		assert_int_equal(pawl_load_relaxed(&ran), 3);
		down();
		t_step();
	}
}

/* ---- waits ---------------------------------------------------------------------------------------- */

static int chain_body(void *arg, void **ret_value)
{
	struct pawl_group *group = arg;
	pawl_task_t task;

	(void)ret_value;
	pawl_yield();
	if (pawl_add_release(&ran, 1u) >= 99)
		return 0;
	t_check(!pawl_spawn(group, NULL, chain_body, group, &task));
	t_check(!pawl_task_drop(rt, task));
	return 0;
}

static void complete_later(void *arg)
{
	t_check(!pawl_complete(rt, *(pawl_producer_t *)arg, NULL));
	t_check(!pawl_producer_drop(rt, *(pawl_producer_t *)arg));
}

static void case_waits(void **state)
{
	uint64_t never_ns = PAWL_FOREVER - 1;
	struct pawl_listener listener;
	pawl_producer_t producer;
	struct pawl_group *group;
	struct t_thread *thread;
	pawl_task_t task;

	(void)state;
	up(1);
	/* A group that drains by steps. */
	assert_int_equal(pawl_group_create(root, NULL, &group), 0);
	assert_int_equal(pawl_spawn(group, NULL, chain_body, group, NULL), 0);
	task = spawn(sleep_body, &never_ns);
	while (pawl_load_relaxed(&ran) < 100)
		assert_in_range(pawl_host_step(rt, 1), 0, 1);
	pawl_group_close(group);
	assert_int_equal(pawl_group_wait(group, PAWL_FOREVER), 0);
	pawl_group_put(group);
	/* Deadlines, with nothing to step and with something. */
	assert_int_equal(pawl_task_wait(rt, task, 0, NULL), -ETIMEDOUT);
	assert_int_equal(pawl_task_wait(rt, task, pawl_deadline_in(100000), NULL), -ETIMEDOUT);
	pawl_event_listen(&event, &listener, "nothing", 0);
	assert_int_equal(pawl_event_wait_until(&listener, pawl_deadline_in(100000)),
			 -ETIMEDOUT);
	/* Told by another thread, which no step hears of. */
	assert_int_equal(pawl_completion_create(root, NULL, &task, &producer), 0);
	thread = t_thread_start(complete_later, &producer);
	end(task, PAWL_OUTCOME_COMPLETED);
	t_thread_join(thread);
	/* A step in a wait leaves what it had no time for to the loop. */
	pawl_store_relaxed(&ran, 0u);
	task = spawn(count_body, NULL);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(pawl_spawn(root, NULL, count_body, NULL, NULL), 0);
	end(task, PAWL_OUTCOME_COMPLETED);
	loop_until(&ran, 101, 1);
	down();
}

/* An event of nobody's, told by other threads while bodies go on: no wake-up is lost. */
struct pair {
	struct pawl_event here, there;
	struct pawl_atomic_u32 turn;
	unsigned turns;
};

static void pair_wait(struct pawl_event *at, struct pawl_atomic_u32 *turn, uint32_t parity)
{
	struct pawl_listener listener;

	while (pawl_load_acquire(turn) % 2 != parity) {
		pawl_event_listen(at, &listener, "turn", 0);
		if (pawl_load_acquire(turn) % 2 != parity)
			pawl_event_wait(&listener);
		else
			pawl_event_unlisten(&listener);
	}
}

static void pair_there(void *arg)
{
	struct pair *pair = arg;

	for (unsigned i = 0; i < pair->turns; i++) {
		pair_wait(&pair->there, &pair->turn, 1);
		pawl_add_release(&pair->turn, 1u);
		pawl_event_notify_all(&pair->here);
	}
}

static int yield_for_ever(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	while (!pawl_yield())
		;
	return -ECANCELED;
}

static void case_ping_pong(void **state)
{
	struct pair pair = {.turns = t_scaled(2000)};
	struct t_thread *thread;
	pawl_task_t task;

	(void)state;
	for (unsigned busy = 0; busy < 2; busy++) {
		up(1);
		pawl_event_init(&pair.here);
		pawl_event_init(&pair.there);
		pawl_init_word(&pair.turn, 0u);
		task = busy ? spawn(yield_for_ever, NULL) : PAWL_TASK_NONE;
		thread = t_thread_start(pair_there, &pair);
		for (unsigned i = 0; i < pair.turns; i++) {
			pawl_add_release(&pair.turn, 1u);
			pawl_event_notify_all(&pair.there);
			pair_wait(&pair.here, &pair.turn, 0);
			t_step();
		}
		t_thread_join(thread);
		if (busy) {
			assert_int_equal(pawl_task_force(rt, task), 0);
			end(task, PAWL_OUTCOME_ABORTED);
		}
		down();
	}
}

/* Both before the body goes on: the notification is not lost. */
static int told_body(void *arg, void **ret_value)
{
	struct pawl_listener listener;
	int error;

	(void)ret_value;
	pawl_event_listen(&event, &listener, "the test", 0);
	error = pawl_wait(&listener, PAWL_FOREVER);
	*(int *)arg = error;
	return pawl_cancelled() ? -ECANCELED : 0;
}

static void case_notified_and_cancelled(void **state)
{
	(void)state;
	for (unsigned order = 0; order < 2; order++) {
		pawl_task_t task;
		int error = 1;

		up(1);
		task = spawn(told_body, &error);
		assert_int_equal(pawl_host_step(rt, 0), 0);
		assert_int_equal(error, 1);
		if (order)
			pawl_event_notify(&event, 1);
		assert_int_equal(pawl_task_cancel(rt, task), 0);
		if (!order)
			pawl_event_notify(&event, 1);
		assert_int_equal(pawl_host_step(rt, 0), 0);
		assert_int_equal(error, 0);
		end(task, PAWL_OUTCOME_CANCELLED);
		down();
	}
}

/* Code of the program's that runs in a step, in no body, and waits for another thread: its clock. */
static struct pawl_atomic_u32 slow;

static uint64_t slow_now(void *arg)
{
	uint32_t one = 1;
	struct pawl_listener listener;

	(void)arg;
	if (!pawl_cas_relaxed(&slow, &one, 0u))
		return 1;
	pawl_event_listen(&event, &listener, "the test", 0);
	pawl_add_release(&ran, 1u);
	pawl_event_wait(&listener);
	return 1;
}

static void case_wait_in_a_step(void **state)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	uint64_t later_ns = 1000;
	struct t_thread *thread;

	(void)state;
	options.now = slow_now;
	pawl_store_relaxed(&slow, 0u);
	up_with(options, 1);
	assert_int_equal(pawl_spawn(root, NULL, sleep_body, &later_ns, NULL), 0);
	assert_int_equal(pawl_host_step(rt, 0), 0);
	/* The bell is rung meanwhile, and what rang it is found. */
	assert_int_equal(pawl_spawn(root, NULL, count_body, NULL, NULL), 0);
	pawl_store_relaxed(&slow, 1u);
	thread = t_thread_start(notifier, &event);
	assert_int_equal(pawl_host_step(rt, 0), 0);
	assert_int_equal(pawl_load_relaxed(&ran), 2);
	t_thread_join(thread);
	assert_false(readable());
	down();
}

/* ---- shutdown --------------------------------------------------------------------------------------- */

static int deaf_body(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_release(&ran, 1u);
	/* Sleeps, and is told nothing; a force finds it. */
	for (;;) {
		struct pawl_listener listener;

		pawl_event_listen(&event, &listener, "nothing", 0);
		if (!pawl_event_wait_until(&listener, pawl_deadline_in(100000)))
			return -EPROTO;
		(void)pawl_cancelled();
	}
}

static void case_shutdown_steps(void **state)
{
	struct pawl_shutdown_report report;
	struct pawl_group *deaf;

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		up(workers);
		for (unsigned i = 0; i < 10; i++)
			assert_int_equal(pawl_spawn(root, NULL, wait_body, NULL, NULL), 0);
		step_until(&ran, 10);
		/* They hear of it in steps of the wait; one that does not was forced. */
		assert_int_equal(pawl_group_create(root, NULL, &deaf), 0);
		assert_int_equal(pawl_spawn(deaf, NULL, deaf_body, NULL, NULL), 0);
		step_until(&ran, 11);
		pawl_group_force(deaf);
		pawl_group_put(deaf);
		assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, &report), 0);
		assert_int_equal(report.outcomes[PAWL_OUTCOME_CANCELLED], 10);
		assert_int_equal(report.outcomes[PAWL_OUTCOME_ABORTED], 1);
		assert_int_equal(pawl_host_step(rt, 0), 0);
		assert_int_equal(pawl_runtime_destroy(rt), 0);
		t_step();
	}
}

static struct pawl_atomic_u32 starts, stops;

static void on_start(void *arg, unsigned worker)
{
	(void)arg;
	if (pawl_thread_slot() == host_slot)
		t_check(worker == 1);
	pawl_add_relaxed(&starts, 1u);
}

static void on_stop(void *arg, unsigned worker)
{
	(void)arg;
	if (pawl_thread_slot() == host_slot)
		t_check(worker == 1);
	pawl_add_relaxed(&stops, 1u);
}

/* The host may be any thread, one after the other, and leaves nothing behind. */
static void host_thread(void *arg)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	(void)arg;
	options.thread_start = on_start;
	options.thread_stop = on_stop;
	up_with(options, 2);
	end(spawn(count_body, NULL), PAWL_OUTCOME_COMPLETED);
	down();
}

static void case_hooks(void **state)
{
	(void)state;
	pawl_store_relaxed(&starts, 0u);
	pawl_store_relaxed(&stops, 0u);
	for (unsigned i = 0; i < 10; i++) {
		t_thread_join(t_thread_start(host_thread, NULL));
		t_step();
	}
	assert_int_equal(pawl_load_relaxed(&starts), 20);
	assert_int_equal(pawl_load_relaxed(&stops), 20);
}

static int oom_host(void)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_runtime *made;
	int error = pawl_thread_attach("oom");

	if (error)
		return error;
	options.workers = 2;
	options.host = 1;
	error = pawl_runtime_create(&options, &made);
	if (!error) {
		error = pawl_spawn(pawl_runtime_root(made), NULL, count_body, NULL, NULL);
		t_check(pawl_runtime_shutdown(made, PAWL_FOREVER, NULL) == 0);
		t_check(pawl_runtime_destroy(made) == 0);
	}
	pawl_thread_detach();
	return error;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_readable),
		cmocka_unit_test(case_one_wake),
		cmocka_unit_test(case_budget),
		cmocka_unit_test(case_timer),
		cmocka_unit_test(case_virtual_time),
		cmocka_unit_test(case_woken_by_others),
		cmocka_unit_test(case_slow_host),
		cmocka_unit_test(case_left_to_others),
		cmocka_unit_test(case_refused),
		cmocka_unit_test(case_no_descriptors),
		cmocka_unit_test(case_everything),
		cmocka_unit_test(case_waits),
		cmocka_unit_test(case_ping_pong),
		cmocka_unit_test(case_notified_and_cancelled),
		cmocka_unit_test(case_wait_in_a_step),
		cmocka_unit_test(case_shutdown_steps),
		cmocka_unit_test(case_hooks),
		T_OOM(oom_host),
	};

	return t_run("host", tests);
}
