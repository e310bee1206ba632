/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-stops.c - a small runtime with a bit of everything, stopped at a random moment in a random way.
 *
 * Whatever was going on: every handle is final, the sums of the report are those of the events, arguments and values
 * are freed once, a second shutdown says the same, beside the first one as well. What is left over is found by the
 * harness. A failure prints T_STOP, which with T_SEED repeats the choices of one run (not its schedule).
 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/parallel.h>
#include <pawl/runtime.h>
#include <pawl/timer.h>

#define HANDLES	  256
#define PRODUCERS 64
#define GROUPS	  6
#define DEPTH	  3

static struct pawl_runtime *rt;
static struct pawl_group *groups[GROUPS];
static struct pawl_atomic_u64 virtual_ns;
/* What main drops at the end of a run; beyond the tables' ends it is dropped at once. */
static struct pawl_atomic_u64 handles[HANDLES], producers[PRODUCERS];
static struct pawl_atomic_u32 handle_count, producer_count;
/* Out now; and what became of tasks, by their events and by what spawn returned. */
static struct pawl_atomic_u32 args_out, values_out, told[PAWL_OUTCOME_COUNT], let_in;
static struct pawl_event event;
/* Whether bodies may go astray in this run, and when those that did come back. */
static bool may_stray;
static struct pawl_atomic_u32 come_back;
static unsigned run_number;
/* Of all runs, by outcome, and of those that were stuck or without memory for a runtime. */
static uint64_t ends[PAWL_OUTCOME_COUNT], stuck_runs, no_runs;

static void run_failed(const char *what, int line)
{
	fprintf(stderr, "T_STOP=%u:\n", run_number);
	t_check_failed(what, __FILE__, line);
}

#define run_check(cond) ((cond) ? (void)0 : run_failed(#cond, __LINE__))

/* ---- choices --------------------------------------------------------------------------------- */

/* Each body has a stream of its own. */
struct chance {
	uint64_t state;
};

static uint64_t next(struct chance *chance)
{
	uint64_t x = chance->state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static unsigned below(struct chance *chance, unsigned limit)
{
	return (unsigned)(next(chance) % limit);
}

static uint64_t any_deadline(struct chance *chance)
{
	switch (below(chance, 4)) {
	case 0:
		return 0;
	case 1:
		return PAWL_FOREVER;
	default:
		return pawl_load_relaxed(&virtual_ns) + below(chance, 40);
	}
}

/* ---- what is counted ---------------------------------------------------------------------------- */

struct job {
	struct chance chance;
	unsigned depth;
};

static void job_free(void *arg)
{
	free(arg);
	run_check(pawl_sub_relaxed(&args_out, 1u));
}

static void value_free(void *value)
{
	free(value);
	run_check(pawl_sub_relaxed(&values_out, 1u));
}

static void *value_make(void)
{
	void *value = malloc(16);

	run_check(value);
	pawl_add_relaxed(&values_out, 1u);
	return value;
}

static uint64_t virtual_now(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&virtual_ns);
}

static void sink(void *arg, const struct pawl_diagnostic *diagnostic)
{
	(void)arg;
	if (diagnostic->kind == PAWL_DIAGNOSTIC_ENDED)
		pawl_add_relaxed(&told[diagnostic->outcome], 1u);
}

static void keep_handle(pawl_task_t task)
{
	uint32_t at = pawl_add_relaxed(&handle_count, 1u);

	if (at < HANDLES)
		pawl_store_release(&handles[at], task.pawl_id);
	else
		run_check(!pawl_task_drop(rt, task));
}

static void keep_producer(pawl_producer_t producer)
{
	uint32_t at = pawl_add_relaxed(&producer_count, 1u);

	if (at < PRODUCERS)
		pawl_store_release(&producers[at], producer.pawl_id);
	else
		run_check(!pawl_producer_drop(rt, producer));
}

/* May be none yet. */
static pawl_task_t any_handle(struct chance *chance)
{
	uint32_t count = pawl_load_relaxed(&handle_count);
	pawl_task_t task = PAWL_TASK_NONE;

	count = count < HANDLES ? count : HANDLES;
	if (count)
		task.pawl_id = pawl_load_acquire(&handles[below(chance, count)]);
	return task;
}

static pawl_producer_t any_producer(struct chance *chance)
{
	uint32_t count = pawl_load_relaxed(&producer_count);
	pawl_producer_t producer = {0};

	count = count < PRODUCERS ? count : PRODUCERS;
	if (count)
		producer.pawl_id = pawl_load_acquire(&producers[below(chance, count)]);
	return producer;
}

static struct pawl_group *any_group(struct chance *chance)
{
	struct pawl_group *group = groups[below(chance, GROUPS)];

	return group ? group : pawl_runtime_root(rt);
}

/* ---- starts --------------------------------------------------------------------------------------- */

static int body(void *arg, void **ret_value);

static void spawn_one(struct pawl_group *group, struct chance *chance, unsigned depth)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct job *job = malloc(sizeof(*job));
	bool handle = below(chance, 4);
	pawl_task_t task;

	run_check(job);
	pawl_add_relaxed(&args_out, 1u);
	job->chance.state = next(chance);
	job->depth = depth;
	options.free_arg = job_free;
	options.free_value = value_free;
	if (below(chance, 2))
		options.lane = (enum pawl_lane)below(chance, PAWL_LANE_COUNT);
	if (below(chance, 6) == 0 && pawl_task_self().pawl_id)
		options.flags = PAWL_TASK_LOCAL;
	if (pawl_spawn(group, &options, body, job, handle ? &task : NULL)) {
		job_free(job);
		return;
	}
	pawl_add_relaxed(&let_in, 1u);
	if (handle)
		keep_handle(task);
}

static void completion_one(struct pawl_group *group, struct chance *chance)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	pawl_producer_t producer;
	pawl_task_t task;

	options.free_value = value_free;
	if (pawl_completion_create(group, &options, &task, &producer))
		return;
	pawl_add_relaxed(&let_in, 1u);
	keep_handle(task);
	if (below(chance, 3) == 0)
		run_check(!pawl_producer_drop(rt, producer));
	else
		keep_producer(producer);
}

/* Whoever is first. */
static void settle_one(struct chance *chance)
{
	pawl_producer_t producer = any_producer(chance);
	void *value;

	if (!producer.pawl_id)
		return;
	if (below(chance, 2)) {
		(void)!pawl_fail(rt, producer, -EIO, below(chance, 2) ? "settled" : NULL);
		return;
	}
	value = value_make();
	if (pawl_complete(rt, producer, value))
		value_free(value);
}

static int tick(void *arg, uint64_t number)
{
	struct job *job = arg;

	(void)number;
	return below(&job->chance, 8) ? 0 : below(&job->chance, 2) ? 1 : -EIO;
}

static void interval_one(struct pawl_group *group, struct chance *chance)
{
	struct pawl_interval_options options = PAWL_INTERVAL_OPTIONS_INIT;
	struct job *job = malloc(sizeof(*job));
	pawl_task_t task;

	run_check(job);
	pawl_add_relaxed(&args_out, 1u);
	job->chance.state = next(chance);
	options.period_ns = 1 + below(chance, 10);
	options.missed = (enum pawl_missed)below(chance, PAWL_MISSED_COUNT);
	options.task.free_arg = job_free;
	if (pawl_interval_spawn(group, &options, tick, job, &task)) {
		job_free(job);
		return;
	}
	pawl_add_relaxed(&let_in, 1u);
	keep_handle(task);
}

static struct pawl_group *group_one(struct pawl_group *parent, struct chance *chance)
{
	struct pawl_group_options options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_group *group;

	options.policy = (enum pawl_failure_policy)below(chance, PAWL_FAILURE_POLICY_COUNT);
	options.restarts = below(chance, 3);
	options.backoff_ns = below(chance, 10);
	options.most = below(chance, 3) ? 0 : 1 + below(chance, 8);
	return pawl_group_create(parent, &options, &group) ? NULL : group;
}

/* ---- what bodies do ----------------------------------------------------------------------------- */

/* What jobs and scopes are given. */
struct part {
	uint64_t seed;
	unsigned depth;
};

static int part_job(void *arg, size_t index)
{
	const struct part *part = arg;
	struct chance chance = {part->seed + index};

	switch (below(&chance, 4)) {
	case 0:
		return -EDOM;
	case 1:
		return pawl_yield();
	case 2:
		return pawl_sleep_until(any_deadline(&chance) % PAWL_FOREVER);
	default:
		return 0;
	}
}

static int part_scope(struct pawl_group *group, void *arg)
{
	const struct part *part = arg;
	struct chance chance = {part->seed};

	for (unsigned i = below(&chance, 3); i; i--)
		spawn_one(group, &chance, part->depth + 1);
	return below(&chance, 3) ? pawl_yield() : -EDOM;
}

static int blocks(void *arg)
{
	(void)arg;
	t_yield();
	return 0;
}

static int wait_for_event(struct chance *chance)
{
	struct pawl_listener listener;

	pawl_event_listen(&event, &listener, "any event", 0);
	return pawl_wait(&listener, any_deadline(chance));
}

static int join_some(struct chance *chance)
{
	pawl_task_t tasks[4];
	size_t n = 1 + below(chance, 4);

	for (size_t i = 0; i < n; i++)
		tasks[i] = any_handle(chance);
	return pawl_join(rt, (enum pawl_join)below(chance, PAWL_JOIN_COUNT), tasks, n,
			 any_deadline(chance), NULL, NULL);
}

static int stray(void)
{
	while (may_stray && !pawl_load_acquire(&come_back))
		pawl_pause();
	return 0;
}

static int group_act(struct chance *chance, unsigned depth)
{
	struct pawl_group *group = group_one(any_group(chance), chance);

	if (!group)
		return 0;
	spawn_one(group, chance, depth + 1);
	if (below(chance, 3) == 0)
		pawl_group_cancel(group);
	pawl_group_put(group);
	return 0;
}

/* What waits, or may be unwound. */
static int waiting_act(struct chance *chance, unsigned depth)
{
	struct part part = {next(chance), depth};

	switch (below(chance, 9)) {
	case 0:
		return pawl_yield();
	case 1:
		return pawl_sleep_until(any_deadline(chance));
	case 2:
	case 3:
		return wait_for_event(chance);
	case 4:
		return pawl_task_wait(rt, any_handle(chance), any_deadline(chance), NULL);
	case 5:
		return join_some(chance);
	case 6:
		return pawl_parallel(any_group(chance), below(chance, 6), part_job, &part,
				     NULL);
	case 7:
		return depth < DEPTH ? pawl_scope(any_group(chance), NULL, part_scope, &part)
				     : 0;
	default:
		return below(chance, 8) ? pawl_yield() : pawl_blocking(rt, blocks, NULL);
	}
}

static int act(struct chance *chance, unsigned depth)
{
	switch (below(chance, 12)) {
	case 0:
		for (unsigned i = below(chance, 3); i && depth < DEPTH; i--)
			spawn_one(any_group(chance), chance, depth + 1);
		return 0;
	case 1:
		completion_one(any_group(chance), chance);
		return 0;
	case 2:
		settle_one(chance);
		return 0;
	case 3:
		pawl_event_notify_all(&event);
		return 0;
	case 4:
		if (below(chance, 3) == 0)
			(void)pawl_task_force(rt, any_handle(chance));
		else if (below(chance, 2))
			(void)pawl_task_cancel(rt, any_handle(chance));
		return 0;
	case 5:
		return depth < DEPTH ? group_act(chance, depth) : 0;
	case 6:
		return below(chance, 20) ? 0 : stray();
	default:
		return waiting_act(chance, depth);
	}
}

static int body(void *arg, void **ret_value)
{
	struct job *job = arg;
	struct chance *chance = &job->chance;

	for (unsigned i = 1 + below(chance, 5); i; i--) {
		int error = act(chance, job->depth);

		/* Some do not listen; they come to their end all the same. */
		if (error == -ECANCELED && below(chance, 4))
			return error;
	}
	switch (below(chance, 8)) {
	case 0:
		return -EIO;
	case 1:
		pawl_exit(-EILSEQ, below(chance, 2) ? "left" : NULL);
	case 2:
		return 0;
	default:
		*ret_value = value_make();
		return 0;
	}
}

/* ---- a run --------------------------------------------------------------------------------------- */

static void reset(void)
{
	for (unsigned i = 0; i < PAWL_OUTCOME_COUNT; i++)
		pawl_store_relaxed(&told[i], 0u);
	for (unsigned i = 0; i < HANDLES; i++)
		pawl_store_relaxed(&handles[i], 0u);
	for (unsigned i = 0; i < PRODUCERS; i++)
		pawl_store_relaxed(&producers[i], 0u);
	pawl_store_relaxed(&handle_count, 0u);
	pawl_store_relaxed(&producer_count, 0u);
	pawl_store_relaxed(&let_in, 0u);
	pawl_store_relaxed(&come_back, 0u);
	pawl_store_relaxed(&virtual_ns, 1000u);
	pawl_event_init(&event);
	memset(groups, 0, sizeof(groups));
}

static int up(struct chance *chance)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	int error;

	options.workers = 1 + below(chance, 3);
	options.stacks_max = below(chance, 3) ? 0 : 1 + below(chance, 3);
	options.tasks_max = below(chance, 4) ? 0 : 16;
	options.blocking_max = 2;
	options.now = virtual_now;
	options.sink = sink;
	error = pawl_runtime_create(&options, &rt);
	if (error)
		return error;
	for (unsigned i = 0; i < GROUPS; i++)
		groups[i] = group_one(any_group(chance), chance);
	return 0;
}

/* What main does meanwhile. */
static void main_act(struct chance *chance)
{
	switch (below(chance, 8)) {
	case 0:
	case 1:
	case 2:
		spawn_one(any_group(chance), chance, 0);
		break;
	case 3:
		completion_one(any_group(chance), chance);
		break;
	case 4:
		interval_one(any_group(chance), chance);
		break;
	case 5:
		settle_one(chance);
		pawl_event_notify_all(&event);
		break;
	case 6:
		pawl_add_relaxed(&virtual_ns, (uint64_t)below(chance, 20));
		pawl_runtime_clock_moved(rt);
		break;
	default:
		t_yield();
		break;
	}
}

/* The moment has come: for one group or for all of them. */
static void stop_some(struct chance *chance)
{
	struct pawl_group *group = below(chance, 2) ? pawl_runtime_root(rt) : any_group(chance);

	switch (below(chance, 4)) {
	case 0:
		pawl_group_close(group);
		break;
	case 1:
		pawl_group_cancel(group);
		break;
	case 2:
		pawl_group_force(group);
		break;
	default:
		break;
	}
}

struct shutdown {
	uint64_t grace_ns;
	int error;
	struct pawl_shutdown_report report;
};

static void shut(void *arg)
{
	struct shutdown *shutdown = arg;

	shutdown->error = pawl_runtime_shutdown(rt, shutdown->grace_ns, &shutdown->report);
}

static void check_shutdown(const struct shutdown *one, const struct shutdown *other)
{
	run_check(one->error == other->error);
	run_check(!memcmp(&one->report, &other->report, sizeof(one->report)));
}

/* At the return of a shutdown: who is final, what the report says. */
static void check_ends(const struct shutdown *shutdown)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < PAWL_OUTCOME_COUNT; i++) {
		sum += shutdown->report.outcomes[i];
		/* Where bodies are stuck, some may come back just now, and events are on their way. */
		if (!shutdown->error)
			run_check(shutdown->report.outcomes[i] == pawl_load_relaxed(&told[i]));
	}
	if (shutdown->error) {
		run_check(shutdown->error == -EBUSY);
	} else {
		run_check(!shutdown->report.outcomes[PAWL_OUTCOME_STUCK] || may_stray);
		/* Helpers of pawl_parallel() are tasks as well. */
		run_check(sum >= pawl_load_relaxed(&let_in));
	}
	for (unsigned i = 0; i < HANDLES; i++) {
		pawl_task_t task = {pawl_load_acquire(&handles[i])};
		struct pawl_result result;

		if (!task.pawl_id)
			continue;
		/* One that a stuck body was just making, or settling, needs a moment. */
		if (shutdown->error)
			run_check(!pawl_task_wait(rt, task, PAWL_FOREVER, NULL));
		run_check(!pawl_task_result(rt, task, &result));
		run_check(result.outcome != PAWL_OUTCOME_NONE);
	}
	run_check(pawl_spawn(pawl_runtime_root(rt), NULL, body, NULL, NULL));
}

static void handles_drop(void)
{
	for (unsigned i = 0; i < HANDLES; i++) {
		pawl_task_t task = {pawl_load_relaxed(&handles[i])};

		if (task.pawl_id)
			run_check(!pawl_task_drop(rt, task));
	}
	for (unsigned i = 0; i < PRODUCERS; i++) {
		pawl_producer_t producer = {pawl_load_relaxed(&producers[i])};

		if (producer.pawl_id)
			run_check(!pawl_producer_drop(rt, producer));
	}
}

/* Bodies that were given up go on, and use these until they have come to their end. */
static void groups_put(void)
{
	run_check(!pawl_group_wait(pawl_runtime_root(rt), PAWL_FOREVER));
	for (unsigned i = 0; i < GROUPS; i++)
		pawl_group_put(groups[i]);
	/* Their memory goes now, not some runs later: who still looks at them is found. */
	pawl_retire_barrier();
}

static void run_and_stop(struct chance *chance)
{
	static const uint64_t graces[] = {0, 1000, 100000, PAWL_FOREVER};
	struct shutdown first = {.grace_ns = graces[below(chance, 4)]}, again = first;
	struct t_thread *beside = NULL;
	uint64_t sum = 0;

	may_stray = first.grace_ns != PAWL_FOREVER;
	if (up(chance)) {
		no_runs++;
		return;
	}
	for (unsigned i = below(chance, 60); i; i--)
		main_act(chance);
	stop_some(chance);
	for (unsigned i = below(chance, 3); i; i--)
		main_act(chance);
	if (below(chance, 4) == 0) {
		/* A thread of the harness has the memory that it needs. */
		t_alloc_fail_at(0);
		beside = t_thread_start(shut, &again);
	}
	shut(&first);
	if (beside)
		t_thread_join(beside);
	else
		shut(&again);
	check_shutdown(&first, &again);
	t_alloc_fail_at(0);
	check_ends(&first);
	handles_drop();
	/* Those that were astray come back. */
	pawl_store_release(&come_back, 1u);
	groups_put();
	run_check(!pawl_runtime_destroy(rt));
	for (unsigned i = 0; i < PAWL_OUTCOME_COUNT; i++) {
		run_check(first.report.outcomes[i] <= pawl_load_relaxed(&told[i]));
		sum += pawl_load_relaxed(&told[i]);
		ends[i] += pawl_load_relaxed(&told[i]);
	}
	stuck_runs += first.error != 0;
	run_check(sum >= pawl_load_relaxed(&let_in));
	run_check(pawl_load_relaxed(&args_out) == 0);
	run_check(pawl_load_relaxed(&values_out) == 0);
}

static void case_stopped_at_any_moment(void **state)
{
	unsigned n = t_long() ? t_scaled(10000) : t_scaled(T_ASAN || T_TSAN ? 100 : 300);
	const char *one = getenv("T_STOP");
	uint64_t base = t_random();

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		struct chance chance = {base};

		chance.state ^= UINT64_C(0xd1342543de82ef95) * (i + 1);
		run_number = i;
		if (one && strtoul(one, NULL, 10) != i)
			continue;
		/* In some runs memory is refused, once. */
		if (below(&chance, 6) == 0)
			t_alloc_fail_at(1 + below(&chance, 150));
		reset();
		run_and_stop(&chance);
		t_alloc_fail_at(0);
		t_step();
	}
	printf("# %llu completed, %llu failed, %llu cancelled, %llu aborted, %llu stuck; %llu runs were stuck, "
	       "%llu had no memory to begin\n",
	       (unsigned long long)ends[PAWL_OUTCOME_COMPLETED],
	       (unsigned long long)ends[PAWL_OUTCOME_FAILED],
	       (unsigned long long)ends[PAWL_OUTCOME_CANCELLED],
	       (unsigned long long)ends[PAWL_OUTCOME_ABORTED],
	       (unsigned long long)ends[PAWL_OUTCOME_STUCK], (unsigned long long)stuck_runs,
	       (unsigned long long)no_runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_stopped_at_any_moment),
	};

	return t_run("stops", tests);
}
