/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/runtime/jobs.c. A job writes plain data before it is finished; who finds the count idle, or
 * is told so, reads it.
 *
 *  wait             two jobs, and who waits until none is left
 *  wait-again       a job ends and another one begins: the idle moment between them is not missed
 *  no-false-idle    one job begins before the other one ends: there is no idle moment
 *  jobs-wait        two jobs begin and end beside who waits
 *  look             who finds it idle sees what was done
 *  edges            what is told is told by turns, one at a time, and at last what is
 *  last             who finishes last tells, and sees what the other one did
 *  update           stretches and jobs are counted once
 *  take             who takes updates gets each stretch once
 */
/* mc-sources: engine/runtime/jobs.c */
#include "scenario.h"

#include "../engine/runtime/jobs.h"

static struct eng_jobs *jobs;
static unsigned done[2];
static uint64_t idles_before;
/* Plain: one call of the edge function at a time, each after the one before. */
static unsigned edges;
static bool last_busy;
static uint64_t taken_jobs[2], taken_stretches[2];

static void setup(void)
{
	scn_attach();
	jobs = pawl_mem_zalloc(sizeof(*jobs), PAWL_LINE_BYTES);
	mc_assert(jobs);
	eng_jobs_init(jobs, NULL, NULL);
	memset(done, 0, sizeof(done));
	edges = 0;
	last_busy = false;
	memset(taken_jobs, 0, sizeof(taken_jobs));
	memset(taken_stretches, 0, sizeof(taken_stretches));
	idles_before = 0;
}

static void edge(void *arg, bool busy)
{
	(void)arg;
	mc_assert(busy != last_busy);
	last_busy = busy;
	edges++;
}

/* Told idle: all that finished is seen. */
static void edge_sees(void *arg, bool busy)
{
	edge(arg, busy);
	if (!busy)
		mc_assert(done[0] == 1 && done[1] == 1);
}

/* Each thread's own time: stretches that one begins and another one ends are long, or of no time. */
static uint64_t now_here(void *arg)
{
	(void)arg;
	return 10 * (1 + (uint64_t)mc_thread());
}

static void setup_clock(void)
{
	setup();
	jobs->now = now_here;
}

static void setup_edges(void)
{
	setup();
	jobs->edge = edge;
}

static void setup_one(void)
{
	setup();
	eng_jobs_begin(jobs);
}

static void setup_two(void)
{
	setup_one();
	eng_jobs_begin(jobs);
}

static void setup_last(void)
{
	setup();
	jobs->edge = edge_sees;
	eng_jobs_begin(jobs);
	eng_jobs_begin(jobs);
}

static void finish(void)
{
	struct eng_jobs_update update = {0, 0, 0, 0, 0};
	uint64_t begun = pawl_load_relaxed(&jobs->word) >> 32;
	uint64_t sum_jobs = taken_jobs[0] + taken_jobs[1];
	uint64_t stretches = taken_stretches[0] + taken_stretches[1];

	mc_assert(eng_jobs_idle(jobs));
	mc_assert(jobs->busies == jobs->idles && !jobs->telling);
	mc_assert(eng_jobs_has_update(jobs) == (stretches < jobs->idles));
	mc_assert(eng_jobs_take(jobs, &update) == (stretches < jobs->idles));
	mc_assert(sum_jobs + update.jobs == begun);
	mc_assert(stretches + update.stretches == jobs->idles);
	mc_assert(update.busy_ns <= 20 * update.stretches);
	mc_assert(!last_busy && edges % 2 == 0);
	pawl_mem_free(jobs, sizeof(*jobs), PAWL_LINE_BYTES);
	pawl_thread_detach();
}

static void finish_0(void)
{
	done[0] = 1;
	eng_jobs_finish(jobs);
}

static void finish_1(void)
{
	done[1] = 1;
	eng_jobs_finish(jobs);
}

static void job(void)
{
	eng_jobs_begin(jobs);
	eng_jobs_finish(jobs);
}

static void wait_idle(uint64_t idles)
{
	while (!eng_jobs_idle_since(jobs, idles)) {
		struct pawl_listener listener;

		pawl_event_listen(&jobs->idle, &listener, "idle", 0);
		if (eng_jobs_idle_since(jobs, idles))
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
}

static void wait_for_both(void)
{
	wait_idle(eng_jobs_idles(jobs));
	mc_assert(done[0] == 1 && done[1] == 1);
}

static void wait_now(void)
{
	wait_idle(eng_jobs_idles(jobs));
}

/* The second job never finishes while this waits: only the moment between them can be found. */
static void end_and_begin(void)
{
	finish_0();
	eng_jobs_begin(jobs);
}

static void wait_for_moment(void)
{
	wait_idle(0);
	mc_assert(done[0] == 1);
}

static void finish_second(void)
{
	eng_jobs_finish(jobs);
	finish();
}

static void begin_then_end(void)
{
	eng_jobs_begin(jobs);
	eng_jobs_finish(jobs);
}

static void never_idle(void)
{
	mc_assert(!eng_jobs_idle(jobs));
	mc_assert(!eng_jobs_idle_since(jobs, 0));
}

static void look(void)
{
	if (eng_jobs_idle(jobs))
		mc_assert(done[0] == 1 && done[1] == 1);
}

static void take_0(void)
{
	struct eng_jobs_update update;

	if (eng_jobs_take(jobs, &update)) {
		taken_jobs[0] = update.jobs;
		taken_stretches[0] = update.stretches;
	}
}

static void two_jobs(void)
{
	job();
	job();
}

#define JOBS(NAME, SETUP, FINISH, ...)                                                    \
	{                                                                                 \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH, \
		.ideal_locks = true, .ideal_parks = true, .no_spurious = true             \
	}

static const struct mc_scenario scenarios[] = {
	JOBS("wait", setup_two, finish, wait_for_both, finish_0, finish_1),
	JOBS("wait-again", setup_one, finish_second, wait_for_moment, end_and_begin),
	JOBS("no-false-idle", setup_one, finish_second, begin_then_end, never_idle),
	JOBS("look", setup_two, finish, look, finish_0, finish_1),
	JOBS("jobs-wait", setup, finish, job, job, wait_now),
	JOBS("edges", setup_edges, finish, job, job),
	JOBS("last", setup_last, finish, finish_0, finish_1),
	JOBS("update", setup_clock, finish, job, two_jobs),
	JOBS("take", setup, finish, job, take_0),
};

MC_MAIN(scenarios)
