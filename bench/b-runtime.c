/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-runtime.c - tasks: ours that spawn, wait, and wake each other, and the list of benches. Crowds, timers and
 * what comes from outside are in b-runtime-crowd.c, the peers in base-runtime-*.
 *
 * "pawl" waits by the calls that a body is cancelled at; "pawl-..." are further ways of ours.
 */
#include "runtime-ours.h"

#include <pawl/event.h>
#include <pawl/park.h>

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
		ours_join(ours, ours_spawn(ours, nothing, w));
}
INSIDE(one_by_one)
OUTSIDE(one_by_one)

/* A batch spawned, and then waited for, until n have been. */
static void in_batches(struct b_worker *w, struct ours *ours, uint64_t n,
		       void (*wait)(struct ours *ours, const pawl_task_t *tasks, uint64_t many))
{
	uint64_t batch = b_batch(w->run->cas, n);
	pawl_task_t *tasks = b_alloc(batch * sizeof(*tasks));

	for (uint64_t many; n; n -= many) {
		many = n < batch ? n : batch;
		for (uint64_t i = 0; i < many; i++)
			tasks[i] = ours_spawn(ours, nothing, w);
		wait(ours, tasks, many);
	}
	free(tasks);
}

static void wait_each(struct ours *ours, const pawl_task_t *tasks, uint64_t many)
{
	for (uint64_t i = 0; i < many; i++)
		ours_join(ours, tasks[i]);
}

static void batches(struct b_worker *w, struct ours *ours, uint64_t n)
{
	in_batches(w, ours, n, wait_each);
}
INSIDE(batches)
OUTSIDE(batches)

/* Nothing is run by who waits: each task has its turn in a queue. */
static void wait_all(struct ours *ours, const pawl_task_t *tasks, uint64_t many)
{
	if (pawl_join(ours->rt, PAWL_JOIN_ALL, tasks, many, PAWL_FOREVER, NULL, NULL))
		b_die("a join failed");
	for (uint64_t i = 0; i < many; i++)
		pawl_task_drop(ours->rt, tasks[i]);
}

static void queued(struct b_worker *w, struct ours *ours, uint64_t n)
{
	in_batches(w, ours, n, wait_all);
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
	task = ours_spawn(ours, fib_body, &left);
	right = fib(ours, n - 2);
	ours_join(ours, task);
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
	other = ours_spawn(ours, turns_body, &pair.sides[1]);
	turns_body(&pair.sides[0], NULL);
	ours_join(ours, other);
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
		tasks[i] = ours_spawn(ours, apart_body, &pair.sides[i]);
	for (unsigned i = 0; i < 2; i++)
		ours_join(ours, tasks[i]);
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
	other = ours_spawn(ours, park_body, &pair.sides[1]);
	park_body(&pair.sides[0], NULL);
	ours_join(ours, other);
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
	pawl_task_t other = ours_spawn(ours, yield_body, &half);

	(void)w;
	yield_body(&half, NULL);
	ours_join(ours, other);
}
INSIDE(yields)

/* ------------------------------------------------------------------------------------------ */

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
