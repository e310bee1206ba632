/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-runtime.c - tasks: ours, and the list of benches. The peers are in base-runtime-*.
 *
 * "pawl" waits by the calls that a body is cancelled at; "pawl-..." are further ways of ours.
 */
#include "work-runtime.h"

#include <stdlib.h>

#include <pawl/event.h>
#include <pawl/join.h>
#include <pawl/parallel.h>
#include <pawl/park.h>
#include <pawl/runtime.h>
#include <pawl/thread.h>

#include "runtime/wheel.h"

struct ours {
	struct pawl_runtime *rt;
	struct pawl_group *root;
	unsigned numbers[PAWL_THREADS_MAX]; /* of workers, by their slot */
};

static void attach(void)
{
	if (pawl_thread_attach("bench"))
		b_die("cannot attach");
}

static void enter(struct b_worker *w)
{
	(void)w;
	attach();
}

static void leave(struct b_worker *w)
{
	(void)w;
	pawl_thread_detach();
}

static void worker_starts(void *arg, unsigned worker)
{
	struct ours *ours = arg;

	ours->numbers[pawl_thread_slot()] = worker;
}

static int prepare(const struct b_case *cas, void **ret_prepared)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct ours *ours = b_alloc(sizeof(*ours));

	attach();
	options.workers = b_workers(cas);
	options.thread_start = worker_starts;
	options.thread_arg = ours;
	if (pawl_runtime_create(&options, &ours->rt))
		b_die("cannot make a runtime");
	ours->root = pawl_runtime_root(ours->rt);
	pawl_thread_detach();
	*ret_prepared = ours;
	return 0;
}

static void discard(void *prepared)
{
	struct ours *ours = prepared;
	struct pawl_shutdown_report report;

	attach();
	if (pawl_runtime_shutdown(ours->rt, 0, &report) || pawl_runtime_destroy(ours->rt))
		b_die("a runtime stays");
	pawl_thread_detach();
	free(ours);
}

/* What the first body of a bench gets. */
struct call {
	struct b_worker *w;
	struct ours *ours;
	uint64_t n;
};

static pawl_task_t spawn(struct ours *ours, pawl_body_fn *body, void *arg)
{
	pawl_task_t task;

	if (PAWL_UNLIKELY(pawl_spawn(ours->root, NULL, body, arg, &task)))
		b_die("a spawn was refused");
	return task;
}

static void join(struct ours *ours, pawl_task_t task)
{
	if (PAWL_UNLIKELY(pawl_task_wait(ours->rt, task, PAWL_FOREVER, NULL)))
		b_die("a wait failed");
	pawl_task_drop(ours->rt, task);
}

/* The work happens in a body, and the driving thread sleeps. */
static void inside(struct b_worker *w, uint64_t n, pawl_body_fn *body)
{
	struct call call = {.w = w, .ours = w->run->prepared, .n = n};

	join(call.ours, spawn(call.ours, body, &call));
}

#define INSIDE(NAME)                                              \
	static int NAME##_first(void *arg, void **ret_value)      \
	{                                                         \
		const struct call *call = arg;                    \
                                                                  \
		(void)ret_value;                                  \
		NAME(call->w, call->ours, call->n);               \
		return 0;                                         \
	}                                                         \
	static void NAME##_inside(struct b_worker *w, uint64_t n) \
	{                                                         \
		inside(w, n, NAME##_first);                       \
	}

#define OUTSIDE(NAME)                                              \
	static void NAME##_outside(struct b_worker *w, uint64_t n) \
	{                                                          \
		NAME(w, w->run->prepared, n);                      \
	}

/* ---- spawn, run, join ------------------------------------------------------- */

static int nothing(void *arg, void **ret_value)
{
	(void)ret_value;
	b_use(arg);
	return 0;
}

static void one_by_one(struct b_worker *w, struct ours *ours, uint64_t n)
{
	while (n--)
		join(ours, spawn(ours, nothing, w));
}
INSIDE(one_by_one)
OUTSIDE(one_by_one)

static void batches(struct b_worker *w, struct ours *ours, uint64_t n)
{
	uint64_t batch = b_batch(w->run->cas, n);
	pawl_task_t *tasks = b_alloc(batch * sizeof(*tasks));

	for (uint64_t many; n; n -= many) {
		many = n < batch ? n : batch;
		for (uint64_t i = 0; i < many; i++)
			tasks[i] = spawn(ours, nothing, w);
		for (uint64_t i = 0; i < many; i++)
			join(ours, tasks[i]);
	}
	free(tasks);
}
INSIDE(batches)
OUTSIDE(batches)

/* Nothing is run by who waits: each task has its turn in a queue. */
static void queued(struct b_worker *w, struct ours *ours, uint64_t n)
{
	uint64_t batch = b_batch(w->run->cas, n);
	pawl_task_t *tasks = b_alloc(batch * sizeof(*tasks));

	for (uint64_t many; n; n -= many) {
		many = n < batch ? n : batch;
		for (uint64_t i = 0; i < many; i++)
			tasks[i] = spawn(ours, nothing, w);
		if (pawl_join(ours->rt, PAWL_JOIN_ALL, tasks, many, PAWL_FOREVER, NULL, NULL))
			b_die("a join failed");
		for (uint64_t i = 0; i < many; i++)
			pawl_task_drop(ours->rt, tasks[i]);
	}
	free(tasks);
}
INSIDE(queued)

struct fib {
	struct ours *ours;
	uint64_t n, sum;
};

static uint64_t fib(struct ours *ours, uint64_t n);

static int fib_body(void *arg, void **ret_value)
{
	struct fib *at = arg;

	(void)ret_value;
	at->sum = fib(at->ours, at->n);
	return 0;
}

static uint64_t fib(struct ours *ours, uint64_t n)
{
	struct fib left = {.ours = ours, .n = n - 1};
	pawl_task_t task;
	uint64_t right;

	if (n < 2)
		return n;
	task = spawn(ours, fib_body, &left);
	right = fib(ours, n - 2);
	join(ours, task);
	return left.sum + right;
}

static void fibs(struct b_worker *w, struct ours *ours, uint64_t n)
{
	(void)w;
	while (n--) {
		uint64_t sum = fib(ours, B_FIB);

		b_use(sum);
	}
}
INSIDE(fibs)

/* ---- two that wake each other --------------------------------------------------- */

struct pair {
	struct ours *ours;
	uint64_t rounds;
	struct pawl_atomic_u32 begun;
	struct side {
		struct pair *pair;
		unsigned me;
		struct pawl_atomic_u32 posted;
		struct pawl_event event;
		struct pawl_atomic_ptr waiter;
	} PAWL_ALIGNED(PAWL_LINE_BYTES) sides[2];
};

static void pair_init(struct pair *pair, struct ours *ours, uint64_t rounds)
{
	pair->ours = ours;
	pair->rounds = rounds;
	pawl_init_word(&pair->begun, 0u);
	for (unsigned i = 0; i < 2; i++) {
		pair->sides[i].pair = pair;
		pair->sides[i].me = i;
		pawl_init_word(&pair->sides[i].posted, 0u);
		pawl_init_word(&pair->sides[i].waiter, (void *)NULL);
		pawl_event_init(&pair->sides[i].event);
	}
}

static void post(struct side *side)
{
	pawl_store_release(&side->posted, 1u);
	pawl_event_notify(&side->event, 1);
}

static void take(struct side *side)
{
	struct pawl_listener listener;

	while (!pawl_load_acquire(&side->posted)) {
		pawl_event_listen(&side->event, &listener, "turn", 0);
		if (pawl_load_acquire(&side->posted))
			pawl_event_unlisten(&listener);
		else if (pawl_wait(&listener, PAWL_FOREVER))
			b_die("a wait failed");
	}
	pawl_store_relaxed(&side->posted, 0u);
}

static int turns_body(void *arg, void **ret_value)
{
	struct side *side = arg;
	struct side *other = &side->pair->sides[1 - side->me];

	(void)ret_value;
	for (uint64_t i = side->pair->rounds; i; i--) {
		if (side->me)
			take(side);
		post(other);
		if (!side->me)
			take(side);
	}
	return 0;
}

static void turns(struct b_worker *w, struct ours *ours, uint64_t n)
{
	struct pair pair;
	pawl_task_t other;

	(void)w;
	pair_init(&pair, ours, n);
	other = spawn(ours, turns_body, &pair.sides[1]);
	turns_body(&pair.sides[0], NULL);
	join(ours, other);
}
INSIDE(turns)

/* Both begin before either waits, so with two workers they are on two. */
static int apart_body(void *arg, void **ret_value)
{
	struct side *side = arg;

	pawl_add_relaxed(&side->pair->begun, 1u);
	while (pawl_load_relaxed(&side->pair->begun) < 2)
		;
	return turns_body(arg, ret_value);
}

static void apart(struct b_worker *w, uint64_t n)
{
	struct ours *ours = w->run->prepared;
	struct pair pair;
	pawl_task_t tasks[2];

	pair_init(&pair, ours, n);
	for (unsigned i = 0; i < 2; i++)
		tasks[i] = spawn(ours, apart_body, &pair.sides[i]);
	for (unsigned i = 0; i < 2; i++)
		join(ours, tasks[i]);
}

/* The token of park is the program's as long as nothing else in the body waits. */
static int park_body(void *arg, void **ret_value)
{
	struct side *side = arg;
	struct side *other = &side->pair->sides[1 - side->me];
	void *waiter;

	(void)ret_value;
	pawl_store_release(&side->waiter, (void *)pawl_waiter_self());
	while (!(waiter = pawl_load_acquire(&other->waiter)))
		pawl_yield();
	for (uint64_t i = side->pair->rounds; i; i--) {
		while (side->me && !pawl_xchg_acquire(&side->posted, 0u))
			pawl_park();
		pawl_store_release(&other->posted, 1u);
		pawl_unpark(waiter);
		while (!side->me && !pawl_xchg_acquire(&side->posted, 0u))
			pawl_park();
	}
	return 0;
}

static void parks(struct b_worker *w, struct ours *ours, uint64_t n)
{
	struct pair pair;
	pawl_task_t other;

	(void)w;
	pair_init(&pair, ours, n);
	other = spawn(ours, park_body, &pair.sides[1]);
	park_body(&pair.sides[0], NULL);
	join(ours, other);
}
INSIDE(parks)

static int yield_body(void *arg, void **ret_value)
{
	(void)ret_value;
	for (uint64_t n = *(uint64_t *)arg; n; n--) {
		if (pawl_yield())
			b_die("a yield failed");
	}
	return 0;
}

static void yields(struct b_worker *w, struct ours *ours, uint64_t n)
{
	uint64_t half = (n + 1) / 2;
	pawl_task_t other = spawn(ours, yield_body, &half);

	(void)w;
	yield_body(&half, NULL);
	join(ours, other);
}
INSIDE(yields)

/* ---- a crowd ---------------------------------------------------------------------- */

struct crowd {
	struct b_crowd all;
	struct ours *ours;
	struct pawl_event go;
	uint32_t flags;
};

static int crowd_body(void *arg, void **ret_value)
{
	struct crowd *crowd = arg;
	struct pawl_listener listener;

	(void)ret_value;
	pawl_event_listen(&crowd->go, &listener, "go", 0);
	b_crowd_come(&crowd->all);
	if (pawl_wait(&listener, PAWL_FOREVER))
		b_die("a wait failed");
	b_crowd_go(&crowd->all, crowd->ours->numbers[pawl_thread_slot()]);
	return 0;
}

static int crowd_spawn(void *arg, void **ret_value)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct crowd *crowd = arg;

	(void)ret_value;
	options.flags = crowd->flags;
	for (uint64_t i = 0; i < crowd->all.size; i++) {
		if (pawl_spawn(crowd->ours->root, &options, crowd_body, crowd, NULL))
			b_die("a spawn was refused");
	}
	return 0;
}

static int crowd_make(struct b_run *run, uint32_t flags)
{
	struct crowd *crowd = b_alloc(sizeof(*crowd));

	attach();
	b_crowd_init(&crowd->all, run->count);
	crowd->ours = run->prepared;
	crowd->flags = flags;
	pawl_event_init(&crowd->go);
	join(crowd->ours, spawn(crowd->ours, crowd_spawn, crowd));
	b_crowd_wait(&crowd->all);
	run->state = crowd;
	pawl_thread_detach();
	return 0;
}

static int crowd_local(struct b_run *run)
{
	return crowd_make(run, PAWL_TASK_LOCAL);
}

static int crowd_anywhere(struct b_run *run)
{
	return crowd_make(run, 0);
}

static void crowd_release(struct b_worker *w, uint64_t n)
{
	struct crowd *crowd = w->run->state;

	(void)n;
	pawl_event_notify_all(&crowd->go);
	b_crowd_wait(&crowd->all);
}

/* The last bodies may be on their way out, but none of them looks at the crowd any more. */
static void crowd_over(struct b_run *run)
{
	struct crowd *crowd = run->state;

	b_crowd_report(run, &crowd->all);
	free(crowd);
}

/* ---- timers ------------------------------------------------------------------------- */

struct timers {
	struct eng_wheel wheel;
	struct eng_timer *timers;
	uint64_t count;
};

static int timers_prepare(const struct b_case *cas, void **ret_prepared)
{
	struct timers *at = b_alloc(sizeof(*at));
	struct b_worker draw = {.random = 0x9e3779b97f4a7c15u};

	(void)cas;
	at->count = B_TIMERS;
	at->timers = b_alloc(at->count * sizeof(*at->timers));
	eng_wheel_init(&at->wheel, 0);
	for (uint64_t i = 0; i < at->count; i++)
		eng_wheel_insert(&at->wheel, &at->timers[i], b_far_ns(b_random(&draw)));
	*ret_prepared = at;
	return 0;
}

static void timers_discard(void *prepared)
{
	struct timers *at = prepared;

	free(at->timers);
	free(at);
}

static void timers_work(struct b_worker *w, uint64_t n)
{
	struct timers *at = w->run->prepared;

	while (n--) {
		struct eng_timer *timer = &at->timers[b_random(w) % at->count];

		eng_wheel_cancel(&at->wheel, timer);
		eng_wheel_insert(&at->wheel, timer, b_far_ns(b_random(w)));
	}
}

static int sleep_body(void *arg, void **ret_value)
{
	struct b_crowd *crowd = arg;

	(void)ret_value;
	b_crowd_come(crowd);
	return pawl_sleep_until(pawl_deadline_in(b_far_ns(0)));
}

static void sleepers(struct b_worker *w, uint64_t n)
{
	struct ours *ours = w->run->prepared;
	pawl_task_t *tasks = b_alloc(n * sizeof(*tasks));
	struct b_crowd crowd;

	b_crowd_init(&crowd, n);
	for (uint64_t i = 0; i < n; i++)
		tasks[i] = spawn(ours, sleep_body, &crowd);
	b_crowd_wait(&crowd);
	for (uint64_t i = 0; i < n; i++)
		pawl_task_cancel(ours->rt, tasks[i]);
	for (uint64_t i = 0; i < n; i++)
		join(ours, tasks[i]);
	sem_destroy(&crowd.complete);
	free(tasks);
}

/* ---- from outside ---------------------------------------------------------------------- */

struct target {
	struct b_wake wake;
	struct pawl_atomic_u64 posted;
	struct pawl_event event;
};

static int target_body(void *arg, void **ret_value)
{
	struct target *target = arg;
	uint64_t seen = 0;
	uint64_t posted;

	(void)ret_value;
	for (;;) {
		struct pawl_listener listener;

		pawl_event_listen(&target->event, &listener, "post", 0);
		posted = pawl_load_acquire(&target->posted);
		if (posted == seen) {
			if (pawl_wait(&listener, PAWL_FOREVER))
				b_die("a wait failed");
			posted = pawl_load_acquire(&target->posted);
		} else {
			pawl_event_unlisten(&listener);
		}
		if (posted == UINT64_MAX)
			return 0;
		if (posted != seen)
			b_wake_up(&target->wake);
		seen = posted;
	}
}

static void target_post(struct target *target, uint64_t posted)
{
	pawl_store_release(&target->posted, posted);
	pawl_event_notify(&target->event, 1);
}

static void wake(struct b_worker *w, uint64_t n)
{
	struct ours *ours = w->run->prepared;
	struct target *target = b_alloc(sizeof(*target));
	uint64_t posted = 0;
	pawl_task_t task;

	pawl_event_init(&target->event);
	task = spawn(ours, target_body, target);
	B_WAKE_LOOP(w, n, &target->wake, target_post(target, ++posted));
	target_post(target, UINT64_MAX);
	join(ours, task);
	free(target);
}

static int start_body(void *arg, void **ret_value)
{
	(void)ret_value;
	b_wake_up(arg);
	return 0;
}

static void start(struct b_worker *w, uint64_t n)
{
	struct ours *ours = w->run->prepared;
	struct b_wake *target = b_alloc(sizeof(*target));

	B_WAKE_LOOP(w, n, target,
		    if (pawl_spawn(ours->root, NULL, start_body, target, NULL))
			    b_die("a spawn was refused"));
	free(target);
}

/* ---- many small jobs ------------------------------------------------------------------- */

static int small_job(void *arg, size_t index)
{
	(void)arg;
	b_use(index);
	b_outside(B_JOB);
	return 0;
}

static void jobs(struct b_worker *w, struct ours *ours, uint64_t n)
{
	(void)w;
	if (pawl_parallel(ours->root, n, small_job, NULL, NULL))
		b_die("a job failed");
}
INSIDE(jobs)

static void jobs_alone(struct b_worker *w, uint64_t n)
{
	(void)w;
	for (uint64_t i = 0; i < n; i++)
		small_job(NULL, i);
}

/* ---- completions ------------------------------------------------------------------------ */

struct promises {
	struct ours *ours;
	uint64_t n;
	pawl_task_t *tasks;
	pawl_producer_t *producers;
};

static int produce_body(void *arg, void **ret_value)
{
	struct promises *at = arg;

	(void)ret_value;
	for (uint64_t i = 0; i < at->n; i++) {
		if (pawl_complete(at->ours->rt, at->producers[i], at))
			b_die("a completion was refused");
		pawl_producer_drop(at->ours->rt, at->producers[i]);
	}
	return 0;
}

/* A batch of them, completed in order by another task, and waited for in order. */
static void completions(struct b_worker *w, struct ours *ours, uint64_t n)
{
	uint64_t batch = b_batch(w->run->cas, n);
	struct promises at = {.ours = ours};

	at.tasks = b_alloc(batch * sizeof(*at.tasks));
	at.producers = b_alloc(batch * sizeof(*at.producers));
	for (; n; n -= at.n) {
		pawl_task_t producer;

		at.n = n < batch ? n : batch;
		for (uint64_t i = 0; i < at.n; i++) {
			if (pawl_completion_create(ours->root, NULL, &at.tasks[i],
						   &at.producers[i]))
				b_die("a completion was refused");
		}
		producer = spawn(ours, produce_body, &at);
		for (uint64_t i = 0; i < at.n; i++)
			join(ours, at.tasks[i]);
		join(ours, producer);
	}
	free(at.tasks);
	free(at.producers);
}
INSIDE(completions)

/* ------------------------------------------------------------------------------------------ */

#define OURS(BENCH, CONTENDER, WORKERS, BATCH, WORK, ...)                                 \
	B_TASKS(BENCH, CONTENDER, WORKERS, BATCH, prepare, discard, WORK, .enter = enter, \
		.leave = leave, __VA_ARGS__)
/* On one worker and on two. */
#define BOTH(BENCH, CONTENDER, BATCH, WORK) \
	OURS(BENCH, CONTENDER, 1, BATCH, WORK), OURS(BENCH, CONTENDER, 2, BATCH, WORK)

/* clang-format off */
static const struct b_case cases[] = {
	BOTH("task-join", "pawl", 0, one_by_one_inside),
	BOTH("task-join-1000", "pawl", 1000, batches_inside),
	BOTH("task-join-1000", "pawl-queued", 1000, queued_inside),
	BOTH("task-join-outside", "pawl", 0, one_by_one_outside),
	BOTH("task-join-outside-1000", "pawl", 1000, batches_outside),
	BOTH("task-fan", "pawl", 0, batches_inside),
	BOTH("task-fan", "pawl-queued", 0, queued_inside),
	BOTH("task-fib", "pawl", 0, fibs_inside),
	BOTH("task-ping-pong", "pawl", 0, turns_inside),
	BOTH("task-ping-pong", "pawl-park", 0, parks_inside),
	OURS("task-ping-pong-apart", "pawl", 2, 0, apart),
	BOTH("task-yield", "pawl", 0, yields_inside),
	OURS("task-release", "pawl", 1, 0, crowd_release, .setup = crowd_anywhere,
	     .teardown = crowd_over),
	OURS("task-release", "pawl", 2, 0, crowd_release, .setup = crowd_anywhere,
	     .teardown = crowd_over),
	OURS("task-release", "pawl-local", 2, 0, crowd_release, .setup = crowd_local,
	     .teardown = crowd_over),
	{.bench = "timer-insert", .contender = "pawl", .threads = 1,
	 .prepare = timers_prepare, .discard = timers_discard, .work = timers_work},
	BOTH("task-sleep", "pawl", 0, sleepers),
	BOTH("task-wake", "pawl", 0, wake),
	BOTH("task-start", "pawl", 0, start),
	OURS("task-parallel", "(one loop)", 1, 0, jobs_alone),
	BOTH("task-parallel", "pawl", 0, jobs_inside),
	BOTH("task-completion", "pawl", 1000, completions_inside),
};
/* clang-format on */
B_CASES(cases)

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
		{.name = "task-join",
		 .text = "in a task: spawn an empty task, wait for its end",
		 .mode = B_ROUNDS},
		{.name = "task-join-1000",
		 .text = "the same, 1000 spawned and then 1000 waited for",
		 .mode = B_ROUNDS},
		{.name = "task-join-outside",
		 .text = "task-join from a thread that is no worker",
		 .mode = B_ROUNDS},
		{.name = "task-join-outside-1000",
		 .text = "task-join-1000 from such a thread",
		 .mode = B_ROUNDS},
		{.name = "task-fan",
		 .text = "one of 10^5 tasks, all spawned, then all waited for",
		 .mode = B_ROUNDS,
		 .count = B_CROWD},
		{.name = "task-fib",
		 .text = "fib(16) by tasks: 1596 are spawned",
		 .mode = B_ROUNDS},
		{.name = "task-ping-pong",
		 .text = "round trip between two tasks that wake each other",
		 .mode = B_ROUNDS},
		{.name = "task-ping-pong-apart",
		 .text = "the same, begun on two workers",
		 .mode = B_ROUNDS},
		{.name = "task-yield",
		 .text = "one yield, of two tasks in turn",
		 .mode = B_ROUNDS},
		{.name = "task-release",
		 .text = "one of 10^5 waiting tasks, woken at once: from there to the last end",
		 .mode = B_ROUNDS,
		 .count = B_CROWD},
		{.name = "timer-insert",
		 .text = "among 10^6 timers: take one out, put it in with another deadline",
		 .mode = B_ROUNDS},
		{.name = "task-sleep",
		 .text = "one of 10^5 tasks that sleep: spawned, cancelled, waited for",
		 .mode = B_ROUNDS,
		 .count = B_CROWD},
		{.name = "task-wake",
		 .text = "from a thread's notification to the task, whose worker sleeps",
		 .mode = B_ROUNDS},
		{.name = "task-start",
		 .text = "from a thread's spawn to the task, all workers asleep",
		 .mode = B_ROUNDS},
		{.name = "task-parallel",
		 .text = "one of many jobs of some 20 ns",
		 .mode = B_ROUNDS},
		{.name = "task-completion",
		 .text = "one of 1000 results that another task hands over",
		 .mode = B_ROUNDS},
	};

	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
