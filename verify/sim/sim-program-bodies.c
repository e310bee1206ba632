/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-program-bodies.c - operations of bodies of the runtime: cancelled, forced, jobs that add jobs, storms.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/parallel.h>
#include <pawl/state.h>

#include "sim-program.h"

/* ---- jobs ---- */

/* Jobs that add jobs, up to so many, done by their caller and by helpers; one of them may break it off. */
struct jobs {
	struct pawl_group *group;
	unsigned most, breaks;
	struct pawl_atomic_u32 added, ran;
};

static int job_run(void *arg, struct pawl_parallel_jobs *parallel, void *item, void *sum)
{
	struct jobs *jobs = arg;
	unsigned n = (unsigned)(uintptr_t)item;

	pawl_add_relaxed(&jobs->ran, 1u);
	++*(unsigned *)sum;
	for (unsigned i = 0; i < n % 3; i++) {
		unsigned next = pawl_add_relaxed(&jobs->added, 1u);

		if (next < jobs->most)
			FUZZ_CHECK(pawl_parallel_add(parallel, (void *)(uintptr_t)(next + 1)) ==
				   0);
	}
	if (n & 4)
		(void)pawl_yield();
	return jobs->breaks && n == jobs->breaks ? PAWL_PARALLEL_BREAK : 0;
}

static void job_begin(void *arg, void *sum)
{
	(void)arg;
	*(unsigned *)sum = 0;
}

static void job_merge(void *arg, void *into, const void *sum)
{
	(void)arg;
	*(unsigned *)into += *(const unsigned *)sum;
}

static int jobs_body(void *arg, void **ret_value)
{
	struct jobs *jobs = arg;
	const struct pawl_growth how = {sizeof(how),	  job_run,   jobs,
					sizeof(unsigned), job_begin, job_merge};
	void *items[4] = {(void *)1, (void *)2, (void *)5, (void *)7};
	unsigned sum = 0;

	(void)ret_value;
	FUZZ_CHECK(pawl_parallel_grow(jobs->group, &how, items, 4, &sum) == 0);
	FUZZ_CHECK(sum == pawl_load_relaxed(&jobs->ran));
	sim_event(SIM_EV_JOBS);
	return 0;
}

void sim_op_jobs(struct sim_bytes *bytes)
{
	struct pawl_runtime *rt = pawl_engine_runtime(sim_here.engine);
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_group_options group_options = PAWL_GROUP_OPTIONS_INIT;
	static struct jobs jobs[3];
	pawl_task_t tasks[3];
	unsigned n = 1 + sim_byte_below(bytes, 3);
	struct pawl_group *group;

	FUZZ_CHECK(pawl_group_create(pawl_runtime_root(rt), &group_options, &group) == 0);
	for (unsigned i = 0; i < n; i++) {
		jobs[i].group = group;
		jobs[i].most = sim_byte_below(bytes, 24);
		jobs[i].breaks = sim_byte_below(bytes, 16);
		pawl_init_word(&jobs[i].added, 0u);
		pawl_init_word(&jobs[i].ran, 0u);
		FUZZ_CHECK(pawl_spawn(group, &options, jobs_body, &jobs[i], &tasks[i]) == 0);
	}
	for (unsigned i = 0; i < n; i++) {
		FUZZ_CHECK(pawl_task_wait(rt, tasks[i], PAWL_FOREVER, NULL) == 0);
		FUZZ_CHECK(pawl_task_drop(rt, tasks[i]) == 0);
	}
	pawl_group_close(group);
	FUZZ_CHECK(pawl_group_wait(group, PAWL_FOREVER) == 0);
	pawl_group_put(group);
}

/* ---- plain tasks, and visits ---- */

struct plain {
	uint8_t what;
	struct pawl_runtime *rt;
};

static int plain_body(void *arg, void **ret_value)
{
	struct plain *plain = arg;
	int error = 0;

	(void)ret_value;
	for (unsigned i = 0; i < (plain->what & 3u) && !error; i++)
		error = pawl_yield();
	if (!error && plain->what & 4)
		error = pawl_sleep_until(pawl_runtime_now(plain->rt) + 1000u * plain->what);
	if (!error && (plain->what & 24) == 24)
		pawl_exit(-EIO, "as planned");
	return error;
}

#define PLAIN_MOST 6

void sim_op_tasks(struct sim_bytes *bytes)
{
	struct pawl_runtime *rt = pawl_engine_runtime(sim_here.engine);
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_group_options group_options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_group_counts counts;
	struct plain plain[PLAIN_MOST];
	pawl_task_t tasks[PLAIN_MOST];
	struct pawl_group *group;
	unsigned n = 1 + sim_byte_below(bytes, PLAIN_MOST), cancels = sim_byte(bytes);
	uint64_t ended = 0;

	FUZZ_CHECK(pawl_group_create(pawl_runtime_root(rt), &group_options, &group) == 0);
	for (unsigned i = 0; i < n; i++) {
		plain[i] = (struct plain){(uint8_t)sim_byte(bytes), rt};
		options.lane = (enum pawl_lane)(plain[i].what >> 4);
		FUZZ_CHECK(pawl_spawn(group, &options, plain_body, &plain[i], &tasks[i]) == 0);
	}
	for (unsigned i = 0; i < n; i++)
		if (cancels >> i & 1) {
			(void)(i & 1 ? pawl_task_force(rt, tasks[i])
				     : pawl_task_cancel(rt, tasks[i]));
			sim_event(SIM_EV_CANCEL);
		}
	for (unsigned i = 0; i < n; i++) {
		struct pawl_result result;
		int error = pawl_task_wait(rt, tasks[i], PAWL_FOREVER, &result);

		FUZZ_CHECK(error != -ETIMEDOUT && error != -ESTALE && error != -EINVAL);
		FUZZ_CHECK(pawl_task_drop(rt, tasks[i]) == 0);
	}
	pawl_group_close(group);
	FUZZ_CHECK(pawl_group_wait(group, PAWL_FOREVER) == 0);
	pawl_group_counts_read(group, &counts);
	for (unsigned i = 0; i < PAWL_OUTCOME_COUNT; i++)
		ended += counts.outcomes[i];
	FUZZ_CHECK(ended == n && counts.refused == 0);
	pawl_group_put(group);
}

/* Visits that are given up. */
struct visit {
	unsigned task;
	struct graph_result result;
};

static int visit_body(void *arg, void **ret_value)
{
	struct visit *visit = arg;

	(void)ret_value;
	return sim_visit(visit->task, &visit->result);
}

void sim_op_cancel(struct sim_bytes *bytes)
{
	struct pawl_runtime *rt = pawl_engine_runtime(sim_here.engine);
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	static struct visit visits[4];
	pawl_task_t tasks[4];
	unsigned n = 1 + sim_byte_below(bytes, 4), turns = sim_byte_below(bytes, 16);

	sim_op_change(bytes, false);
	for (unsigned i = 0; i < n; i++) {
		visits[i].task = sim_byte_below(bytes, sim_model->head.tasks);
		FUZZ_CHECK(pawl_spawn(pawl_runtime_root(rt), &options, visit_body, &visits[i],
				      &tasks[i]) == 0);
	}
	while (turns--)
		pawl_yield();
	for (unsigned i = 0; i < n; i++) {
		struct pawl_result result;
		int error;

		if (sim_byte(bytes) & 1) {
			(void)pawl_task_cancel(rt, tasks[i]);
			sim_event(SIM_EV_CANCEL);
		}
		error = pawl_task_wait(rt, tasks[i], PAWL_FOREVER, &result);
		FUZZ_CHECK(error != -ETIMEDOUT && error != -ESTALE && error != -EINVAL);
		FUZZ_CHECK(pawl_task_drop(rt, tasks[i]) == 0);
	}
}

/* ---- storms ---- */

/* Two roots: each looks at a state, and sets one to what comes next, up to a limit; where that is far away it does not end. */
struct storm {
	struct pawl_state *states[2];
	int64_t limit;
	unsigned runs;
	struct storm_root {
		struct storm *storm;
		unsigned reads, sets;
		int64_t seen;
		bool freed;
		pawl_ref_t ref;
	} roots[2];
};

#define STORM_NEVER_ENDS (INT64_C(1) << 40)

static int storm_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct storm_root *root = (struct storm_root *)(uintptr_t)args;
	struct storm *storm = root->storm;
	struct pawl_value *value;
	int64_t number;
	int error = pawl_state_get(context, storm->states[root->reads], &value);

	(void)ret_output;
	if (error)
		return error;
	memcpy(&number, pawl_value_payload(value), sizeof(number));
	pawl_value_unpin(value);
	storm->runs++;
	root->seen = number;
	return number < storm->limit
		       ? pawl_state_set(storm->states[root->sets], sim_number(number + 1))
		       : 0;
}

static void storm_free(void *arg)
{
	struct storm_root *root = arg;

	root->freed = true;
}

static void storm_idle(const struct storm *storm, unsigned before)
{
	FUZZ_CHECK(pawl_engine_wait_idle(sim_here.engine, PAWL_FOREVER) == 0);
	if (storm->runs - before > 20 * SIM_STORM_RUNS)
		sim_fail("a storm is not ended");
}

/* What was set from outside, in one edit, is seen, whatever became of the last runs. */
static void storm_over(struct storm *storm, unsigned roots)
{
	unsigned before = storm->runs;
	struct pawl_edit *edit;

	FUZZ_CHECK(pawl_edit_begin(sim_here.engine, &edit) == 0);
	for (unsigned i = 0; i < 2; i++)
		FUZZ_CHECK(pawl_edit_set(edit, storm->states[i],
					 sim_number(storm->limit + 1)) == 0);
	pawl_edit_commit(edit);
	storm_idle(storm, before);
	for (unsigned i = 0; i < roots; i++)
		if (storm->roots[i].seen != storm->limit + 1)
			sim_fail("after a storm a root is not tried again");
}

/* A few changes from inside come to an end by themselves, or by an error, and that is over with a change from outside. */
void sim_op_storm(struct sim_bytes *bytes)
{
	static struct storm storms[8];
	static unsigned storms_n;
	unsigned how = sim_byte(bytes), roots = 1 + (how & 1);
	struct storm *storm = &storms[storms_n++ % 8];

	*storm = (struct storm){.limit = how & 2 ? STORM_NEVER_ENDS : how >> 2 & 3};
	for (unsigned i = 0; i < 2; i++)
		FUZZ_CHECK(pawl_state_create(sim_here.engine, sim_number(0),
					     &storm->states[i]) == 0);
	for (unsigned i = 0; i < roots; i++) {
		struct storm_root *root = &storm->roots[i];

		*root = (struct storm_root){
			.storm = storm, .reads = i, .sets = (i + 1) % roots};
		FUZZ_CHECK(pawl_engine_spawn_root(sim_here.engine, storm_body, root, storm_free,
						  &root->ref) == 0);
	}
	for (unsigned i = how >> 4 & 3; i; i--)
		sim_op_touch(bytes);
	storm_idle(storm, 0);
	if (!(how & 2))
		FUZZ_CHECK(storm->roots[0].seen >= storm->limit ||
			   storm->roots[1].seen >= storm->limit);
	else if (storm->runs < SIM_STORM_RUNS / 2)
		sim_fail("a storm was ended before it was one");
	storm_over(storm, roots);
	for (unsigned i = 0; i < roots; i++)
		FUZZ_CHECK(pawl_engine_dispose_root(sim_here.engine, storm->roots[i].ref) == 0);
	FUZZ_CHECK(pawl_engine_wait_idle(sim_here.engine, PAWL_FOREVER) == 0);
	for (unsigned i = 0; i < 2; i++)
		pawl_state_unpin(storm->states[i]);
	sim_event(SIM_EV_STORM);
}
