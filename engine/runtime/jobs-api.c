/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jobs-api.c - pawl/jobs.h on jobs.c: the waits.
 */
#include "config.h"

#include <errno.h>

#include <pawl/jobs.h>

#include "worker.h"

PAWL_STATIC_ASSERT(PAWL_JOB_COUNT == 2, "the runtime has one count for each kind");

void pawl_job_begin(struct pawl_runtime *runtime, enum pawl_job kind)
{
	eng_jobs_begin(&runtime->jobs[kind]);
}

void pawl_job_finish(struct pawl_runtime *runtime, enum pawl_job kind)
{
	eng_jobs_finish(&runtime->jobs[kind]);
}

bool pawl_runtime_idle(const struct pawl_runtime *runtime, enum pawl_job kind)
{
	return eng_jobs_idle(&runtime->jobs[kind]);
}

void pawl_runtime_edges(struct pawl_runtime *runtime, pawl_edge_fn *fn, void *arg)
{
	struct eng_jobs *jobs = &runtime->jobs[PAWL_JOB_FOREGROUND];

	PAWL_REQUIRE(!jobs->edge && "edges are told to one function");
	jobs->edge_arg = arg;
	jobs->edge = fn;
}

/* Whether this time can be waited for here. */
static bool can_wait(const struct pawl_runtime *rt, uint64_t ns)
{
	return !ns || ns == PAWL_FOREVER || !rt->options.now || eng_run_here();
}

/* What a waiter waits for: that it has been idle since. */
struct since {
	struct eng_jobs *jobs;
	uint64_t idles;
};

static bool was_idle(const void *arg)
{
	const struct since *since = arg;

	return eng_jobs_idle_since(since->jobs, since->idles);
}

int pawl_runtime_idle_wait(struct pawl_runtime *runtime, enum pawl_job kind,
			   uint64_t deadline_ns)
{
	struct eng_jobs *jobs = &runtime->jobs[kind];
	struct since since = {jobs, eng_jobs_idles(jobs)};

	if (!can_wait(runtime, deadline_ns))
		return -EINVAL;
	return eng_wait_until(&jobs->idle, was_idle, &since, deadline_ns, "idle", kind);
}

/* Busy, or there is something to take: a stretch that came and went. */
static bool has_begun(const void *arg)
{
	struct eng_jobs *jobs = ((const struct since *)arg)->jobs;

	return !eng_jobs_idle(jobs) || eng_jobs_has_update(jobs);
}

static bool has_update(const void *arg)
{
	return eng_jobs_has_update(((const struct since *)arg)->jobs);
}

static bool has_another(const void *arg)
{
	const struct since *since = arg;

	return eng_jobs_idles(since->jobs) != since->idles;
}

static uint64_t deadline_after(const struct pawl_runtime *rt, uint64_t ns)
{
	uint64_t now_ns;

	if (!ns || ns == PAWL_FOREVER)
		return ns;
	now_ns = eng_now(rt);
	return ns < PAWL_FOREVER - now_ns ? now_ns + ns : PAWL_FOREVER;
}

int pawl_runtime_update(struct pawl_runtime *runtime, uint64_t aggregation_ns,
			uint64_t timeout_ns, struct pawl_update *ret_update)
{
	struct eng_jobs *jobs = &runtime->jobs[PAWL_JOB_FOREGROUND];
	struct since since = {jobs, 0};
	struct eng_jobs_update update;
	int error = 0;

	if (!can_wait(runtime, aggregation_ns) || !can_wait(runtime, timeout_ns))
		return -EINVAL;
	if (timeout_ns && timeout_ns != PAWL_FOREVER)
		error = eng_wait_until(&jobs->busy, has_begun, &since, PAWL_FOREVER, "busy", 0);
	if (!error)
		error = eng_wait_until(&jobs->idle, has_update, &since,
				       deadline_after(runtime, timeout_ns), "update", 0);
	/* Ends: when nothing ends for so long. */
	while (!error && aggregation_ns) {
		since.idles = eng_jobs_idles(jobs);
		error = eng_wait_until(&jobs->idle, has_another, &since,
				       deadline_after(runtime, aggregation_ns), "update", 0);
		if (error == -ETIMEDOUT) {
			error = 0;
			break;
		}
	}
	if (error)
		return error;
	if (!eng_jobs_take(jobs, &update))
		return -ETIMEDOUT;
	ret_update->busy_ns = update.busy_ns;
	ret_update->jobs = update.jobs;
	ret_update->stretches = update.stretches;
	ret_update->begun_ns = update.begun_ns;
	ret_update->ended_ns = update.ended_ns;
	return 0;
}
