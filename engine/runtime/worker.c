/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker.c - what a worker does next, and where what is ready waits meanwhile.
 *
 * Where things wait:
 *  newest   the last spawn of a body that runs here: its spawner will most likely wait for it and run
 *	     it itself, so nobody is woken for it; a thief takes it if it has nothing else.
 *  deque    older spawns, in the lane of their spawner. Others steal half.
 *  local    LOCAL tasks.
 *  lanes    starts from other threads and into other lanes, each in its lane; any worker.
 *  woken    bodies that go on, pushed by whoever woke them; `ready` is what the worker took
 *	     of them. Nobody else may run them.
 *
 * A queue has one reference to each task in it. A task that somebody else claimed, or that was cancelled, stays
 * in its queue: its turn is a look, and the reference goes.
 *
 * Order of looking, and what bounds the inversion: see pawl/runtime.h. Sleeping is idle.c.
 *
 * Ordering: all through the queues; `stop` and `clock_moved` are looked at after idle.c's fences.
 * clock_moved is stored with release, after the time was moved, and exchanged with acquire.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/park.h>
#include <pawl/rcu.h>
#include <pawl/thread.h>

#include "worker.h"

#define LANES_EVERY  8	/* looks for a start between two that begin with the lanes */
#define READY_ROW    32 /* woken bodies in a row */
#define NEWEST_ROW   16 /* newest spawns in a row */
#define TIMERS_EVERY 16 /* bodies and resumptions between two looks at the clock */
#define SPARES_MAX   32
#define STARVED_NS   10000000 /* until memory for a stack is asked for again */
#define STEAL_ROUNDS 2

/* Worker of a thread, by its slot. Written by the worker's thread, which alone looks there. */
static struct pawl_atomic_ptr worker_of[PAWL_THREADS_MAX];

struct eng_worker *eng_worker_here(void)
{
	return pawl_load_relaxed(&worker_of[pawl_thread_slot()]);
}

struct eng_run *eng_run_here(void)
{
	struct eng_worker *worker = eng_worker_here();

	return worker && worker->stack ? worker->stack->run : NULL;
}

struct eng_run *eng_run_hide(void)
{
	struct eng_worker *worker = eng_worker_here();
	struct eng_run *run = NULL;

	if (worker && worker->stack) {
		run = worker->stack->run;
		worker->stack->run = NULL;
	}
	return run;
}

/* The same worker: a stack does not move. */
void eng_run_show(struct eng_run *run)
{
	struct eng_worker *worker = eng_worker_here();

	if (worker && worker->stack)
		worker->stack->run = run;
}

uint64_t eng_now(const struct pawl_runtime *rt)
{
	return rt->options.now ? rt->options.now(rt->options.clock_arg) : pawl_now_ns();
}

static void tally(struct pawl_atomic_u64 *word)
{
	pawl_store_relaxed(word, pawl_load_relaxed(word) + 1);
}

/* ---- stacks -------------------------------------------------------------------- */

static void ready_push(struct eng_worker *worker, struct eng_stack *stack)
{
	stack->next = NULL;
	*worker->ready_end = stack;
	worker->ready_end = &stack->next;
}

static struct eng_stack *ready_pop(struct eng_worker *worker)
{
	struct eng_stack *stack = worker->ready;

	if (!stack)
		return NULL;
	worker->ready = stack->next;
	if (!worker->ready)
		worker->ready_end = &worker->ready;
	return stack;
}

/* The hook of parked fibres: on any thread. */
static void stack_ready(const struct pawl_fiber_hooks *hooks, struct pawl_fiber *fiber)
{
	struct eng_worker *worker = PAWL_CONTAINER_OF(hooks, struct eng_worker, hooks);
	struct eng_stack *stack = pawl_fiber_arg(fiber);

	if (pawl_thread_slot() == worker->slot) {
		ready_push(worker, stack);
		return;
	}
	/*
	 * From the push on the body may run, and end, and with it the runtime: this section keeps its
	 * memory, since who wakes by an event makes no call of the runtime that one could wait for.
	 */
	pawl_rcu_begin();
	/* The first one in tells; those after it find that it has been told. */
	if (pawl_mbox_push(&worker->woken, &stack->node))
		eng_idle_pushed_to(&worker->rt->idle, worker->number);
	pawl_rcu_end();
}

static void take_woken(struct eng_worker *worker)
{
	struct pawl_mbox_node *node;

	if (pawl_mbox_is_empty(&worker->woken))
		return;
	for (node = pawl_mbox_take_all(&worker->woken); node;) {
		struct eng_stack *stack = PAWL_CONTAINER_OF(node, struct eng_stack, node);

		node = pawl_mbox_next(node);
		ready_push(worker, stack);
	}
}

static void stack_main(void *arg);

/* One to spare, or a new one. NULL: no memory. */
static struct eng_stack *stack_get(struct eng_worker *worker)
{
	struct pawl_fiber_options options = PAWL_FIBER_OPTIONS_INIT;
	struct eng_stack *stack = worker->spare;

	if (stack) {
		worker->spare = stack->next;
		worker->spares--;
		return stack;
	}
	stack = pawl_mem_zalloc(sizeof(*stack), 0);
	if (!stack)
		return NULL;
	options.name = "body";
	options.stack_bytes = worker->rt->options.stack_bytes;
	if (pawl_fiber_create(&options, stack_main, stack, &stack->fiber)) {
		pawl_mem_free(stack, sizeof(*stack), 0);
		return NULL;
	}
	stack->worker = worker;
	worker->stacks++;
	return stack;
}

static void stack_free(struct eng_worker *worker, struct eng_stack *stack)
{
	if (pawl_fiber_destroy(stack->fiber))
		PAWL_REQUIRE(!"a stack that is freed has finished");
	pawl_mem_free(stack, sizeof(*stack), 0);
	worker->stacks--;
}

static void stack_spare(struct eng_worker *worker, struct eng_stack *stack)
{
	stack->next = worker->spare;
	worker->spare = stack;
	worker->spares++;
}

/* May something that nobody here waits for start, on one stack more than there are with a body? */
static bool room_for_outside(const struct eng_worker *worker)
{
	uint32_t most = worker->rt->options.stacks_max;

	return !most || pawl_load_relaxed(&worker->stacks_busy) < most;
}

/* ---- timers -------------------------------------------------------------------- */

static void timers_expire(struct eng_worker *worker)
{
	struct eng_timer *timer, *next;

	worker->since_timers = 0;
	for (timer = eng_wheel_expire(&worker->wheel, eng_now(worker->rt)); timer;
	     timer = next) {
		struct eng_stack *stack = PAWL_CONTAINER_OF(timer, struct eng_stack, timer);

		next = timer->next;
		/* Else its waker has pushed it, or is about to. */
		if (pawl_fiber_expire(stack->fiber))
			ready_push(worker, stack);
	}
	pawl_store_relaxed(&worker->timers, worker->wheel.count != 0);
}

/* ---- where starts wait ------------------------------------------------------------ */

static void lanes_push(struct pawl_runtime *rt, unsigned which, struct eng_task *task,
		       unsigned lane)
{
	if (pawl_lanes_push(rt->lanes[which], lane, &task->node, eng_now(rt)))
		PAWL_REQUIRE(!"lanes without a limit refuse nothing");
}

/* As newest; the one that was takes its place in the deque. */
static void newest_push(struct eng_worker *worker, struct eng_task *task)
{
	struct eng_task *before = pawl_xchg_acq_rel(&worker->newest, (void *)task);

	if (!before)
		return;
	if (pawl_deque_push_owner(worker->deque, before))
		lanes_push(worker->rt, ENG_LANES_INSIDE, before, before->lane);
	eng_idle_pushed(&worker->rt->idle);
}

void eng_start(struct pawl_runtime *rt, struct eng_task *task, unsigned lane, uint32_t flags)
{
	struct eng_worker *worker = eng_worker_here();
	struct eng_run *run = eng_run_here();

	if (worker && worker->rt != rt)
		worker = NULL;
	if (worker && run) {
		tally(&worker->spawned);
		if (flags & PAWL_TASK_LOCAL) {
			task->next = NULL;
			*worker->local_end = task;
			worker->local_end = &task->next;
			return;
		}
		if (lane == run->lane) {
			newest_push(worker, task);
			return;
		}
	} else {
		pawl_add_relaxed(&rt->spawned_outside, 1u);
	}
	lanes_push(rt, worker || !rt->options.stacks_max ? ENG_LANES_INSIDE : ENG_LANES_OUTSIDE,
		   task, lane);
	eng_idle_pushed(&rt->idle);
}

void eng_lend_push(struct pawl_runtime *rt, struct eng_task *task, unsigned lane)
{
	if (pawl_lanes_push(rt->lanes[ENG_LANES_LENT], lane, &task->lent, eng_now(rt)))
		PAWL_REQUIRE(!"lanes without a limit refuse nothing");
	eng_idle_pushed(&rt->idle);
}

bool eng_claim_inline(struct eng_worker *worker, struct eng_task *task)
{
	void *seen = task;

	if (!eng_task_claim(task))
		return false;
	tally(&worker->inlined);
	/* The usual case: the last spawn. It needs no turn in its queue. */
	if (pawl_load_relaxed(&worker->newest) == task &&
	    pawl_cas_acquire(&worker->newest, &seen, (void *)NULL))
		eng_task_put(worker->rt->tasks, task, 1);
	return true;
}

/* ---- looking for a start ------------------------------------------------------------- */

static struct eng_task *newest_take(struct eng_worker *from)
{
	if (!pawl_load_relaxed(&from->newest))
		return NULL;
	return pawl_xchg_acq_rel(&from->newest, (void *)NULL);
}

static struct eng_task *local_take(struct eng_worker *worker)
{
	struct eng_task *task = worker->local;

	if (!task)
		return NULL;
	worker->local = task->next;
	if (!worker->local)
		worker->local_end = &worker->local;
	return task;
}

static struct eng_task *lane_pop(struct pawl_runtime *rt, unsigned which, unsigned *ret_lane)
{
	struct pawl_lane_node *node;

	/* -EAGAIN: others are at it. */
	if (!pawl_lanes_summary(rt->lanes[which]) ||
	    pawl_lanes_pop(rt->lanes[which], &node) != 1)
		return NULL;
	*ret_lane = pawl_lane_node_lane(node);
	if (which != ENG_LANES_LENT)
		return PAWL_CONTAINER_OF(node, struct eng_task, node);
	return PAWL_CONTAINER_OF(node, struct eng_task, lent);
}

/* One that somebody still waits for. Who gave up waiting takes the lane back by that. */
static struct eng_task *lent_take(struct pawl_runtime *rt, unsigned *ret_lane)
{
	struct eng_task *task;

	while ((task = lane_pop(rt, ENG_LANES_LENT, ret_lane))) {
		pawl_store_relaxed(&task->lent_lane, 0u);
		/* A waiter that comes now either is seen, or lends anew. */
		pawl_fence_dekker();
		if (pawl_load_relaxed(&task->waiters))
			return task;
		eng_task_put(rt->tasks, task, 1);
	}
	return NULL;
}

static struct eng_task *lanes_take(struct eng_worker *worker, unsigned *ret_lane)
{
	struct pawl_runtime *rt = worker->rt;
	struct eng_task *task = lent_take(rt, ret_lane);
	bool outside = rt->options.stacks_max && room_for_outside(worker);

	/* In turn: each ages by itself. */
	worker->outside_first = !worker->outside_first;
	if (!task && outside && worker->outside_first)
		task = lane_pop(rt, ENG_LANES_OUTSIDE, ret_lane);
	if (!task)
		task = lane_pop(rt, ENG_LANES_INSIDE, ret_lane);
	if (!task && outside)
		task = lane_pop(rt, ENG_LANES_OUTSIDE, ret_lane);
	return task;
}

static uint32_t random_next(struct eng_worker *worker)
{
	uint32_t x = worker->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return worker->random = x;
}

static struct eng_task *steal(struct eng_worker *worker)
{
	struct pawl_runtime *rt = worker->rt;

	for (unsigned round = 0; round < STEAL_ROUNDS; round++) {
		unsigned start = random_next(worker) % rt->worker_count;

		for (unsigned i = 0; i < rt->worker_count; i++) {
			struct eng_worker *victim =
				&rt->workers[(start + i) % rt->worker_count];
			struct eng_task *task;

			if (victim == worker)
				continue;
			if (pawl_deque_steal_half(victim->deque, worker->deque)) {
				tally(&worker->stolen);
				task = pawl_deque_pop_owner(worker->deque);
				if (task)
					return task;
			}
			/* Only of one that is busy with something else: in the second round. */
			task = round ? newest_take(victim) : NULL;
			if (task) {
				tally(&worker->stolen);
				return task;
			}
		}
	}
	return NULL;
}

/* A task with its queue's reference, from here or (`far`) from anywhere; claimed. */
static struct eng_task *start_take(struct eng_worker *worker, bool far, unsigned *ret_lane)
{
	struct eng_task *task;

	for (;;) {
		*ret_lane = PAWL_LANE_COUNT;
		task = NULL;
		if (++worker->looks >= LANES_EVERY) {
			worker->looks = 0;
			task = lanes_take(worker, ret_lane);
		}
		if (!task && worker->newest_in_a_row < NEWEST_ROW) {
			task = newest_take(worker);
			worker->newest_in_a_row = task ? worker->newest_in_a_row + 1 : 0;
		} else if (!task) {
			worker->newest_in_a_row = 0;
		}
		/* In turn, so that none of the two starves the other. */
		worker->local_first = !worker->local_first;
		if (!task && worker->local_first)
			task = local_take(worker);
		if (!task)
			task = pawl_deque_pop_owner(worker->deque);
		if (!task)
			task = local_take(worker);
		if (!task)
			task = lanes_take(worker, ret_lane);
		if (!task)
			task = newest_take(worker);
		if (!task && far)
			task = steal(worker);
		if (!task)
			return NULL;
		if (eng_task_claim(task))
			break;
		/* Its end came before its turn. */
		eng_task_put(worker->rt->tasks, task, 1);
	}
	if (*ret_lane == PAWL_LANE_COUNT)
		*ret_lane = task->lane;
	return task;
}

/* ---- the stacks' loop ------------------------------------------------------------- */

/* The next body for a stack whose body is over; NULL: the base has something else to do. */
static struct eng_task *start_next(struct eng_worker *worker, unsigned *ret_lane)
{
	take_woken(worker);
	if (worker->ready && worker->in_a_row < READY_ROW)
		return NULL;
	worker->in_a_row = 0;
	if (pawl_load_relaxed(&worker->timers) && ++worker->since_timers >= TIMERS_EVERY)
		return NULL;
	return start_take(worker, false, ret_lane);
}

void eng_stack_yield(void)
{
	struct eng_worker *worker = eng_worker_here();

	ready_push(worker, worker->stack);
	pawl_fiber_suspend();
}

static void stack_main(void *arg)
{
	struct eng_stack *stack = arg;
	struct eng_worker *worker = stack->worker;

	for (;;) {
		struct eng_task *task = worker->first;
		unsigned lane = worker->first_lane;

		worker->first = NULL;
		while (task) {
			eng_run_task(stack, task, lane, 1);
			pawl_rcu_quiescent();
			task = start_next(worker, &lane);
		}
		if (worker->spares >= SPARES_MAX)
			return;
		stack_spare(worker, stack);
		pawl_fiber_suspend();
	}
}

/* ---- the base ---------------------------------------------------------------------- */

bool eng_worker_could_run(const struct eng_worker *worker)
{
	const struct pawl_runtime *rt = worker->rt;

	if (!pawl_mbox_is_empty(&worker->woken) || pawl_load_relaxed(&rt->stop) ||
	    pawl_load_relaxed(&worker->clock_moved) ||
	    !pawl_lanes_is_empty(rt->lanes[ENG_LANES_INSIDE]) ||
	    !pawl_lanes_is_empty(rt->lanes[ENG_LANES_LENT]))
		return true;
	if (rt->options.stacks_max && room_for_outside(worker) &&
	    !pawl_lanes_is_empty(rt->lanes[ENG_LANES_OUTSIDE]))
		return true;
	for (unsigned i = 0; i < rt->worker_count; i++) {
		if (!pawl_deque_is_empty(rt->workers[i].deque) ||
		    pawl_load_relaxed(&rt->workers[i].newest))
			return true;
	}
	return false;
}

/* For idle.c. */
static bool look(void *arg)
{
	return eng_worker_could_run(arg);
}

/* The same without memory for a stack: what has a stack already. */
static bool look_starved(void *arg)
{
	const struct eng_worker *worker = arg;

	return !pawl_mbox_is_empty(&worker->woken) || pawl_load_relaxed(&worker->rt->stop) ||
	       pawl_load_relaxed(&worker->clock_moved);
}

static void sleep_until_pushed(struct eng_worker *worker, bool starved)
{
	uint64_t deadline_ns =
		worker->wheel.count ? eng_wheel_next(&worker->wheel) : PAWL_FOREVER;
	uint64_t again_ns;

	pawl_store_relaxed(&worker->next_deadline_ns, deadline_ns);
	if (worker->rt->options.now)
		deadline_ns = PAWL_FOREVER;
	if (starved) {
		again_ns = pawl_deadline_in(STARVED_NS);
		deadline_ns = again_ns < deadline_ns ? again_ns : deadline_ns;
	}
	tally(&worker->sleeps);
	eng_idle_sleep(&worker->rt->idle, worker->number, deadline_ns,
		       starved ? look_starved : look, worker);
	/* Taken back by exchange: the time is read after that, and who moves it later sets it again. */
	(void)pawl_xchg_acquire(&worker->clock_moved, 0u);
	worker->since_timers = TIMERS_EVERY;
}

/* The stack to resume next, with worker->first set if it is a start; NULL: the end. */
static struct eng_stack *next_stack(struct eng_worker *worker)
{
	struct pawl_runtime *rt = worker->rt;
	struct eng_stack *stack = NULL;
	bool searches = false, starved;

	while (!stack) {
		if (worker->wheel.count && (searches || worker->since_timers >= TIMERS_EVERY))
			timers_expire(worker);
		take_woken(worker);
		if (worker->in_a_row < READY_ROW && (stack = ready_pop(worker))) {
			worker->in_a_row++;
			break;
		}
		worker->in_a_row = 0;
		stack = stack_get(worker);
		starved = !stack;
		if (stack) {
			worker->first = start_take(worker, searches, &worker->first_lane);
			if (worker->first)
				break;
			stack_spare(worker, stack);
			stack = NULL;
		}
		if (worker->ready)
			continue;
		if (!searches) {
			if (pawl_load_relaxed(&rt->stop))
				return NULL;
			eng_idle_search(&rt->idle);
			searches = true;
			continue;
		}
		if (pawl_load_relaxed(&rt->stop))
			break;
		sleep_until_pushed(worker, starved);
	}
	if (searches)
		eng_idle_found(&rt->idle, look, worker);
	return stack;
}

/* A stack has parked: with a deadline it is a timer as well. */
static void note_park(struct eng_worker *worker, struct eng_stack *stack)
{
	uint64_t deadline_ns = pawl_fiber_deadline(stack->fiber);

	tally(&worker->parks);
	if (deadline_ns == PAWL_FOREVER)
		return;
	if (eng_timer_queued(&stack->timer))
		eng_wheel_cancel(&worker->wheel, &stack->timer);
	eng_wheel_insert(&worker->wheel, &stack->timer, deadline_ns);
	pawl_store_relaxed(&worker->timers, 1u);
}

/* Stacks with a body that waits: while the base decides, no body runs. */
static void note_busy(struct eng_worker *worker)
{
	pawl_store_relaxed(&worker->stacks_busy, (uint64_t)(worker->stacks - worker->spares));
}

static void base_loop(struct eng_worker *worker)
{
	struct eng_stack *stack;

	while ((stack = next_stack(worker))) {
		enum pawl_fiber_state state;

		if (eng_timer_queued(&stack->timer))
			eng_wheel_cancel(&worker->wheel, &stack->timer);
		worker->since_timers++;
		worker->stack = stack;
		state = pawl_fiber_resume(stack->fiber);
		worker->stack = NULL;
		if (state == PAWL_FIBER_PARKED)
			note_park(worker, stack);
		else if (state == PAWL_FIBER_FINISHED)
			stack_free(worker, stack);
		note_busy(worker);
	}
}

/* Stacks to spare are suspended in their loop, or new: they own nothing. */
static void free_spares(struct eng_worker *worker)
{
	while (worker->spare) {
		struct eng_stack *stack = stack_get(worker);

		pawl_fiber_kill(stack->fiber);
		stack_free(worker, stack);
	}
}

static void say_begun(struct pawl_runtime *rt, bool begun)
{
	pthread_mutex_lock(&rt->start_mutex);
	*(begun ? &rt->begun : &rt->failed) += 1;
	pthread_cond_signal(&rt->start_changed);
	pthread_mutex_unlock(&rt->start_mutex);
}

void *eng_worker_main(void *arg)
{
	struct eng_worker *worker = arg;
	struct pawl_runtime *rt = worker->rt;
	const struct pawl_runtime_options *options = &rt->options;

	if (pawl_thread_attach("pawl-worker")) {
		say_begun(rt, false);
		return NULL;
	}
	worker->slot = pawl_thread_slot();
	pawl_store_relaxed(&worker_of[worker->slot], (void *)worker);
	pawl_fiber_set_hooks(&worker->hooks);
	eng_idle_join(&rt->idle, worker->number);
	say_begun(rt, true);
	if (options->thread_start)
		options->thread_start(options->thread_arg, worker->number);
	base_loop(worker);
	free_spares(worker);
	if (options->thread_stop)
		options->thread_stop(options->thread_arg, worker->number);
	pawl_fiber_set_hooks(NULL);
	pawl_store_relaxed(&worker_of[worker->slot], (void *)NULL);
	pawl_thread_detach();
	return NULL;
}

int eng_worker_init(struct eng_worker *worker, struct pawl_runtime *rt, unsigned number)
{
	struct pawl_deque_options options = PAWL_DEQUE_OPTIONS_INIT;

	worker->rt = rt;
	worker->number = number;
	worker->random = 0x9e3779b9u * (number + 1);
	worker->hooks.ready = stack_ready;
	worker->ready_end = &worker->ready;
	worker->local_end = &worker->local;
	pawl_mbox_init(&worker->woken);
	eng_wheel_init(&worker->wheel, eng_now(rt));
	return pawl_deque_create(&options, &worker->deque);
}

void eng_worker_fini(struct eng_worker *worker)
{
	pawl_deque_destroy(worker->deque);
}
