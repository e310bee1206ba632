/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runtime.c - the runtime as a whole: from its first worker to its last.
 *
 * Shutdown: stop the root by request, wait; stop it by force, wait; give up what still runs.
 * Each step covers whatever was let in before it (group.c, I3), and nothing is let in
 * after the first. Workers end when the tree has drained, or stay with the bodies that do
 * not come back. One caller does it; the others wait for its report.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <pawl/atomic.h>
#include <pawl/ids.h>
#include <pawl/mem.h>
#include <pawl/park.h>
#include <pawl/rcu.h>
#include <pawl/thread.h>

#include "host.h"
#include "thread.h"
#include "worker.h"

#define TASKS_MAX_DEFAULT (UINT32_C(1) << 31)

static uint64_t stamp(void *rt)
{
	return eng_now(rt);
}

static int options_read(const struct pawl_runtime_options *given,
			struct pawl_runtime_options *into)
{
	const struct pawl_runtime_options defaults = PAWL_RUNTIME_OPTIONS_INIT;
	long processors;

	*into = defaults;
	if (given) {
		if (given->size > sizeof(*into))
			return -E2BIG;
		if (given->size < sizeof(*into))
			return -EINVAL;
		*into = *given;
	}
	if (!into->workers) {
		processors = sysconf(_SC_NPROCESSORS_ONLN);
		into->workers = processors < 1 ? 1
				: processors > PAWL_RUNTIME_WORKERS_MAX
					? PAWL_RUNTIME_WORKERS_MAX
					: (uint32_t)processors;
	}
	if (!into->tasks_max)
		into->tasks_max = TASKS_MAX_DEFAULT;
	if (!into->blocking_max)
		into->blocking_max = 64;
	if (into->blocking_max > 4096 || into->host > 1)
		return -EINVAL;
	if (!into->watchdog_ns)
		into->watchdog_ns =
			into->host && into->workers == 1 ? PAWL_FOREVER : ENG_WATCHDOG_NS;
	if (!into->stack_bytes)
		into->stack_bytes = 65536;
	return into->workers <= PAWL_RUNTIME_WORKERS_MAX ? 0 : -EINVAL;
}

static void probe_main(void *arg)
{
	(void)arg;
}

/* Where bodies get no stack nothing would ever run: a size that there is not, or no stacks at all. */
static int stack_probe(size_t stack_bytes)
{
	struct pawl_fiber_options options = PAWL_FIBER_OPTIONS_INIT;
	struct pawl_fiber *fiber;
	int error;

	options.stack_bytes = stack_bytes;
	error = pawl_fiber_create(&options, probe_main, NULL, &fiber);
	if (error)
		return error == -ERANGE ? -EINVAL : error;
	return pawl_fiber_destroy(fiber);
}

static int lanes_make(struct pawl_runtime *rt)
{
	struct pawl_lanes_options options = PAWL_LANES_OPTIONS_INIT;

	for (unsigned i = 0; i < 3; i++) {
		/* Who waits has no bucket. */
		bool buckets = i != ENG_LANES_LENT;
		int error;

		options.lanes = buckets ? ENG_LEVELS : PAWL_LANE_COUNT;
		options.age_step = buckets ? ENG_LEVEL_STEP : 2 * ENG_LEVEL_STEP;
		error = pawl_lanes_create(&options, &rt->lanes[i]);

		if (error)
			return error;
	}
	return 0;
}

static void host_leave(struct pawl_runtime *rt)
{
	if (!rt->host)
		return;
	eng_host_end(rt->host);
	/* Wakers of its thread's waits that are still inside (host.c). */
	pawl_rcu_synchronize();
}

static void join_some(struct pawl_runtime *rt, unsigned first, unsigned end)
{
	for (unsigned i = first; i < end; i++)
		eng_idle_pushed_to(&rt->idle, rt->workers[i].idle_number);
	for (unsigned i = first; i < end; i++)
		pthread_join(rt->workers[i].thread, NULL);
}

/* The workers may start the watchdog, and that surplus workers. A host's has no thread. */
static void threads_join(struct pawl_runtime *rt)
{
	unsigned threads = rt->worker_count - (rt->host != NULL), first;

	pthread_mutex_lock(&rt->start_mutex);
	first = rt->begun < threads ? rt->begun : threads;
	pthread_mutex_unlock(&rt->start_mutex);
	pawl_store_relaxed(&rt->stop, 1u);
	join_some(rt, 0, first);
	eng_watchdog_fini(rt);
	join_some(rt, rt->worker_count, eng_workers(rt));
	rt->begun = 0;
}

/* Everything but the threads, in whatever state a failed create left it. */
static void runtime_free(struct pawl_runtime *rt)
{
	for (unsigned i = 0; rt->workers && i < eng_workers(rt); i++)
		eng_worker_fini(&rt->workers[i]);
	if (rt->workers)
		pawl_mem_free(rt->workers, rt->worker_most * sizeof(*rt->workers),
			      PAWL_LINE_BYTES);
	for (unsigned i = 0; i < 3; i++)
		pawl_lanes_destroy(rt->lanes[i]);
	eng_watch_fini(rt);
	eng_reactor_fini(&rt->reactor);
	eng_blocking_fini(&rt->blocking);
	eng_host_destroy(rt->host);
	eng_tasks_destroy(rt->tasks);
	pthread_cond_destroy(&rt->start_changed);
	pthread_mutex_destroy(&rt->start_mutex);
	pawl_mem_free(rt, sizeof(*rt), PAWL_LINE_BYTES);
}

/* With surplus ones: as many again, or some. */
static unsigned workers_most(const struct pawl_runtime_options *options)
{
	unsigned most = options->workers + (options->workers < 4 ? 4 : options->workers);

	if (options->watchdog_ns == PAWL_FOREVER)
		return options->workers;
	return most < PAWL_RUNTIME_WORKERS_MAX ? most : PAWL_RUNTIME_WORKERS_MAX;
}

static void end_for(struct eng_task *task, void *arg)
{
	eng_task_ended(arg, task);
}

static int parts_make(struct pawl_runtime *rt)
{
	int error;

	error = eng_tasks_create(rt->options.tasks_max, &rt->tasks);
	if (error)
		return error;
	error = lanes_make(rt);
	if (error)
		return error;
	rt->worker_count = rt->options.workers;
	rt->worker_most = workers_most(&rt->options);
	rt->workers = pawl_mem_zalloc(rt->worker_most * sizeof(*rt->workers), PAWL_LINE_BYTES);
	if (!rt->workers)
		return -ENOMEM;
	pawl_store_relaxed(&rt->there, rt->worker_count);
	for (unsigned i = 0; i < rt->worker_count; i++) {
		error = eng_worker_init(&rt->workers[i], rt, i);
		if (error)
			return error;
	}
	error = eng_blocking_init(&rt->blocking, rt->options.blocking_max);
	if (!error && rt->options.host)
		error = eng_host_create(rt);
	if (error)
		return error;
	eng_forest_init(&rt->forest, rt->tasks);
	eng_token_home_init(&rt->tokens, rt->tasks, end_for, rt);
	return eng_group_make(&rt->forest, NULL, "runtime", ENG_GROUP_MOST, NULL, &rt->root);
}

/*
 * Workers begin one after the other, so that those that began are the first ones. A host's is the last one,
 * which is woken only if all others are busy.
 */
static int threads_start(struct pawl_runtime *rt)
{
	unsigned count = rt->worker_count - rt->options.host;
	int error = 0;

	if (rt->host)
		eng_host_begin(rt->host);
	for (unsigned i = 0; i < count && !error; i++) {
		error = eng_thread_create(&rt->workers[i].thread, eng_worker_main,
					  &rt->workers[i]);
		if (error)
			return error;
		pthread_mutex_lock(&rt->start_mutex);
		while (rt->begun == i && !rt->failed)
			pthread_cond_wait(&rt->start_changed, &rt->start_mutex);
		if (rt->failed)
			error = -EAGAIN;
		pthread_mutex_unlock(&rt->start_mutex);
		if (error)
			pthread_join(rt->workers[i].thread, NULL);
	}
	return error;
}

int pawl_runtime_create(const struct pawl_runtime_options *options,
			struct pawl_runtime **ret_runtime)
{
	struct pawl_runtime_options read;
	struct pawl_runtime *rt;
	int error;

	error = options_read(options, &read);
	if (!error)
		error = stack_probe(read.stack_bytes);
	if (error)
		return error;
	rt = pawl_mem_zalloc(sizeof(*rt), PAWL_LINE_BYTES);
	if (!rt)
		return -ENOMEM;
	rt->options = read;
	pthread_mutex_init(&rt->start_mutex, NULL);
	pthread_cond_init(&rt->start_changed, NULL);
	pawl_event_init(&rt->shutdown_done);
	eng_reactor_init(&rt->reactor);
	for (unsigned i = 0; i < 2; i++)
		eng_jobs_init(&rt->jobs[i], stamp, rt);
	eng_idle_init(&rt->idle, read.workers);
	eng_watchdog_init(rt);
	error = parts_make(rt);
	if (!error) {
		error = threads_start(rt);
		if (error) {
			threads_join(rt);
			host_leave(rt);
			eng_group_close(rt->root);
			eng_group_put(rt->root);
		}
	}
	if (error) {
		runtime_free(rt);
		return error;
	}
	if (rt->host && read.thread_start)
		read.thread_start(read.thread_arg, rt->worker_count - 1);
	*ret_runtime = rt;
	return 0;
}

struct pawl_group *pawl_runtime_root(struct pawl_runtime *runtime)
{
	return runtime->root;
}

uint64_t pawl_runtime_now(struct pawl_runtime *runtime)
{
	return eng_now(runtime);
}

void pawl_runtime_clock_moved(struct pawl_runtime *runtime)
{
	unsigned there = eng_workers(runtime);

	for (unsigned i = 0; i < there; i++) {
		pawl_store_release(&runtime->workers[i].clock_moved, 1u);
		eng_idle_pushed_to(&runtime->idle, runtime->workers[i].idle_number);
	}
}

/* A surplus worker that is added meanwhile finds nothing that was not there for the others. */
static bool all_sleep(const struct pawl_runtime *rt, unsigned there)
{
	if (!eng_idle_all(&rt->idle, rt->worker_count))
		return false;
	for (unsigned i = rt->worker_count; i < there; i++) {
		if (!eng_idle_is_asleep(&rt->idle, rt->workers[i].idle_number))
			return false;
	}
	return true;
}

static uint64_t sleeps_of(const struct pawl_runtime *rt, unsigned there)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < there; i++)
		sum += pawl_load_relaxed(&rt->workers[i].sleeps);
	return sum;
}

/*
 * A worker that went to sleep between the two looks at the counts did so once more than before. One
 * whose bit is set and that wakes for what it found leaves that where we look, until its bit is clear.
 */
uint64_t pawl_runtime_quiet_until(struct pawl_runtime *runtime)
{
	unsigned there = eng_workers(runtime);
	uint64_t until_ns = PAWL_FOREVER, sleeps = sleeps_of(runtime, there);

	if (!all_sleep(runtime, there))
		return 0;
	for (unsigned i = 0; i < there; i++) {
		uint64_t next_ns = pawl_load_relaxed(&runtime->workers[i].next_deadline_ns);

		until_ns = next_ns < until_ns ? next_ns : until_ns;
	}
	pawl_fence_dekker();
	for (unsigned i = 0; i < there; i++) {
		if (eng_worker_could_run(&runtime->workers[i]))
			return 0;
	}
	if (!all_sleep(runtime, there) || eng_workers(runtime) != there ||
	    sleeps_of(runtime, there) != sleeps)
		return 0;
	return until_ns;
}

/* ---- shutdown ---------------------------------------------------------------- */

struct giving_up {
	struct pawl_runtime *rt;
	unsigned count;
};

static bool give_up_one(struct eng_task *task, uint64_t word, uint64_t id, void *arg)
{
	struct giving_up *giving_up = arg;

	(void)id;
	if (eng_word_phase(word) == ENG_TASK_RUNNING && eng_task_give_up(task, word)) {
		giving_up->count++;
		eng_task_given_up(giving_up->rt, task);
	}
	return true;
}

/* Returns: is anybody stuck? */
static bool give_up(struct pawl_runtime *rt)
{
	struct giving_up giving_up = {rt, 0};

	eng_tasks_each(rt->tasks, give_up_one, &giving_up);
	/* No body runs, and none begins: what has not left yet is at its end. */
	if (!giving_up.count)
		(void)eng_lifetime_wait(&rt->root->life, PAWL_FOREVER, "shutdown", 0);
	return eng_lifetime_state(&rt->root->life) != ENG_LIFETIME_DRAINED;
}

static bool drained(struct pawl_runtime *rt, uint64_t grace_ns)
{
	return eng_lifetime_wait(&rt->root->life, pawl_deadline_in(grace_ns), "shutdown", 0);
}

static int shut_down(struct pawl_runtime *rt, uint64_t grace_ns,
		     struct pawl_shutdown_report *report)
{
	struct eng_group_counts counts;
	int error = 0;

	eng_group_end(rt->root, ENG_TASK_CANCEL);
	if (!drained(rt, grace_ns)) {
		eng_group_end(rt->root, ENG_TASK_CANCEL | ENG_TASK_FORCE);
		if (!drained(rt, grace_ns) && give_up(rt))
			error = -EBUSY;
	}
	eng_group_count(rt->root, &counts);
	memset(report, 0, sizeof(*report));
	for (unsigned i = 0; i < ENG_OUTCOME_COUNT; i++)
		report->outcomes[i] = counts.ended[i];
	report->refused = counts.refused;
	return error;
}

int pawl_runtime_shutdown(struct pawl_runtime *runtime, uint64_t grace_ns,
			  struct pawl_shutdown_report *ret_report)
{
	uint32_t seen = ENG_UP;

	PAWL_REQUIRE(!eng_run_here() && "a body does not shut its runtime down");
	if (pawl_cas_acquire(&runtime->shutdown, &seen, ENG_GOING_DOWN)) {
		runtime->shutdown_error = shut_down(runtime, grace_ns, &runtime->report);
		pawl_store_release(&runtime->shutdown, ENG_DOWN);
		pawl_event_notify_all(&runtime->shutdown_done);
	}
	while (pawl_load_acquire(&runtime->shutdown) != ENG_DOWN) {
		struct pawl_listener listener;

		pawl_event_listen(&runtime->shutdown_done, &listener, "shutdown by another", 0);
		if (pawl_load_acquire(&runtime->shutdown) == ENG_DOWN)
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
	if (ret_report)
		*ret_report = runtime->report;
	return runtime->shutdown_error;
}

/* What is left in the queues are tasks that have ended: their references go. */
static void queues_empty(struct pawl_runtime *rt)
{
	struct pawl_lane_node *node;
	struct eng_task *task;

	for (unsigned i = 0; i < eng_workers(rt); i++) {
		struct eng_worker *worker = &rt->workers[i];

		task = pawl_xchg_acquire(&worker->newest, (void *)NULL);
		if (task)
			eng_task_put(rt->tasks, task, 1);
		while ((task = pawl_deque_pop_owner(worker->deque)))
			eng_task_put(rt->tasks, task, 1);
		while ((task = worker->local)) {
			worker->local = task->next;
			eng_task_put(rt->tasks, task, 1);
		}
	}
	for (unsigned i = 0; i < 3; i++) {
		while (pawl_lanes_pop(rt->lanes[i], &node) == 1) {
			task = i == ENG_LANES_LENT
				       ? PAWL_CONTAINER_OF(node, struct eng_task, lent)
				       : PAWL_CONTAINER_OF(node, struct eng_task, node);
			eng_task_put(rt->tasks, task, 1);
		}
	}
}

/* A handle that nobody dropped. */
static bool forget_one(struct eng_task *task, uint64_t word, uint64_t id, void *arg)
{
	struct pawl_runtime *rt = arg;
	uint32_t generation = pawl_id_generation(id);

	(void)word;
	/* A producer that nobody dropped. */
	if (pawl_cas_relaxed(&task->produced, &generation, 0u))
		eng_task_put(rt->tasks, task, 1);
	while (eng_task_drop(rt->tasks, task))
		;
	return true;
}

int pawl_runtime_destroy(struct pawl_runtime *runtime)
{
	if (!runtime)
		return 0;
	if (pawl_load_acquire(&runtime->shutdown) != ENG_DOWN ||
	    eng_lifetime_state(&runtime->root->life) != ENG_LIFETIME_DRAINED)
		return -EBUSY;
	if (runtime->host && !eng_host_is_here(runtime->host))
		return -EPERM;
	threads_join(runtime);
	eng_token_home_wait(&runtime->tokens);
	if (runtime->host && runtime->options.thread_stop)
		runtime->options.thread_stop(runtime->options.thread_arg,
					     runtime->worker_count - 1);
	if (runtime->host)
		eng_host_end(runtime->host);
	queues_empty(runtime);
	eng_tasks_each(runtime->tasks, forget_one, runtime);
	eng_group_put(runtime->root);
	/* Wakers that are still inside (worker.c, stack_ready()). */
	pawl_rcu_synchronize();
	runtime_free(runtime);
	return 0;
}

void pawl_runtime_stats_read(struct pawl_runtime *runtime, struct pawl_runtime_stats *ret_stats)
{
	struct eng_group_counts counts;

	memset(ret_stats, 0, sizeof(*ret_stats));
	ret_stats->workers = runtime->worker_count;
	ret_stats->spawned = pawl_load_relaxed(&runtime->spawned_outside);
	ret_stats->surplus_workers = eng_workers(runtime) - runtime->worker_count;
	ret_stats->blocked = pawl_load_relaxed(&runtime->watchdog.found);
	ret_stats->watchdog_looks = pawl_load_relaxed(&runtime->watchdog.looks);
	for (unsigned i = 0; i < eng_workers(runtime); i++) {
		const struct eng_worker *worker = &runtime->workers[i];

		ret_stats->spawned += pawl_load_relaxed(&worker->spawned);
		ret_stats->inlined += pawl_load_relaxed(&worker->inlined);
		ret_stats->stolen += pawl_load_relaxed(&worker->stolen);
		ret_stats->parks += pawl_load_relaxed(&worker->parks);
		ret_stats->sleeps += pawl_load_relaxed(&worker->sleeps);
		ret_stats->stacks += pawl_load_relaxed(&worker->stacks_busy);
	}
	ret_stats->wakes = pawl_load_relaxed(&runtime->idle.wakes);
	eng_group_count(runtime->root, &counts);
	ret_stats->live = counts.live;
}
