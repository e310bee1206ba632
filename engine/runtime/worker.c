/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker.c - what a worker does next: its base, its stacks, its sleep. Where starts wait is queues.c.
 *
 * Bodies that go on are `woken`, pushed by whoever woke them; `ready` is what the worker took of
 * them. Nobody else may run them.
 *
 * Order of looking, and what bounds the inversion: see pawl/runtime.h. Sleeping is idle.c.
 *
 * Ordering: `stop` and `clock_moved` are looked at after idle.c's fences.
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

#include "host.h"
#include "worker.h"

#define READY_ROW    32 /* woken bodies in a row */
#define TIMERS_EVERY 16 /* bodies and resumptions between two looks at the clock */
#define SPARES_MAX   32
#define STARVED_NS   10000000 /* until memory for a stack is asked for again */

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

	if (pawl_thread_slot() == worker->slot && !worker->away) {
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
		eng_idle_pushed_to(&worker->rt->idle, worker->idle_number);
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

/* ---- the stacks' loop ------------------------------------------------------------- */

/* The next body for a stack whose body is over; NULL: the base has something else to do. */
static struct eng_task *start_next(struct eng_worker *worker, unsigned *ret_lane)
{
	struct eng_task *task;

	if (!worker->budget)
		return NULL;
	take_woken(worker);
	if (worker->ready && worker->in_a_row < READY_ROW)
		return NULL;
	worker->in_a_row = 0;
	if (pawl_load_relaxed(&worker->timers) && ++worker->since_timers >= TIMERS_EVERY)
		return NULL;
	task = eng_start_take(worker, false, ret_lane);
	worker->budget -= task != NULL;
	return task;
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

/* For idle.c. */
static unsigned look(void *arg)
{
	return eng_worker_look(arg);
}

/* The same without memory for a stack: what has a stack already. */
static unsigned look_starved(void *arg)
{
	const struct eng_worker *worker = arg;

	if (!pawl_mbox_is_empty(&worker->woken) || pawl_load_relaxed(&worker->rt->stop) ||
	    pawl_load_relaxed(&worker->clock_moved))
		return ENG_IDLE_MINE;
	return 0;
}

/* After a sleep. Taken back by exchange: the time is read after that, and who moves it later sets it again. */
static void wake_up(struct eng_worker *worker)
{
	(void)pawl_xchg_acquire(&worker->clock_moved, 0u);
	eng_watch_woke(worker);
	worker->since_timers = TIMERS_EVERY;
}

/* Returns: false: it has a host, and dozes. */
static bool sleep_until_pushed(struct eng_worker *worker, bool starved)
{
	eng_idle_look *looks = starved ? look_starved : look;
	uint64_t deadline_ns =
		worker->wheel.count ? eng_wheel_next(&worker->wheel) : PAWL_FOREVER;
	uint64_t again_ns;

	/* Said of it a moment too late: else with the next body. */
	if (PAWL_UNLIKELY(pawl_load_relaxed(&worker->blocked)))
		eng_worker_goes_on(worker);
	pawl_store_relaxed(&worker->next_deadline_ns, deadline_ns);
	if (worker->rt->options.now)
		deadline_ns = PAWL_FOREVER;
	if (starved) {
		again_ns = pawl_deadline_in(STARVED_NS);
		deadline_ns = again_ns < deadline_ns ? again_ns : deadline_ns;
	}
	eng_tally(&worker->sleeps);
	eng_idle_set_full(&worker->rt->idle, worker->idle_number,
			  !eng_room_for_outside(worker));
	eng_watch_falls_asleep(worker);
	if (!worker->host)
		eng_idle_sleep(&worker->rt->idle, worker->idle_number, deadline_ns, looks,
			       worker);
	else if (eng_host_doze(worker->host, deadline_ns, looks))
		return false;
	wake_up(worker);
	return true;
}

/* The stack to resume next, with worker->first set if it is a start; NULL: the end, or that of a step. */
static struct eng_stack *next_stack(struct eng_worker *worker)
{
	struct pawl_runtime *rt = worker->rt;
	struct eng_stack *stack = NULL;
	bool searches = false, starved;
	uint64_t stolen = pawl_load_relaxed(&worker->stolen);

	while (!stack && worker->budget) {
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
			worker->first = eng_start_take(worker, searches, &worker->first_lane);
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
		if (!sleep_until_pushed(worker, starved))
			return NULL;
	}
	if (searches)
		eng_idle_found(&rt->idle, look, worker);
	if (eng_watching(rt) && worker->first && pawl_load_relaxed(&worker->stolen) != stolen)
		eng_watch_stole(worker, worker->first);
	return stack;
}

/* A stack has parked: with a deadline it is a timer as well. */
static void note_park(struct eng_worker *worker, struct eng_stack *stack)
{
	uint64_t deadline_ns = pawl_fiber_deadline(stack->fiber);

	eng_tally(&worker->parks);
	eng_watch_parked(worker, stack);
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

/* A stack with a body, or, to start one, without. */
static void goes_on(struct eng_worker *worker, struct eng_stack *stack)
{
	eng_worker_runs(worker, stack->run ? stack->run->task->id : 0);
	if (!stack->run)
		return;
	pawl_store_relaxed(&stack->run->task->waits_since_ns, 0u);
	if (eng_watching(worker->rt))
		eng_watch_back(worker, stack);
}

static void base_loop(struct eng_worker *worker)
{
	struct eng_stack *stack;

	while ((stack = next_stack(worker))) {
		enum pawl_fiber_state state;

		if (eng_timer_queued(&stack->timer))
			eng_wheel_cancel(&worker->wheel, &stack->timer);
		worker->since_timers++;
		worker->budget--;
		worker->stack = stack;
		goes_on(worker, stack);
		state = pawl_fiber_resume(stack->fiber);
		pawl_store_relaxed(&worker->running, 0u);
		worker->stack = NULL;
		if (eng_watching(worker->rt) && stack->run)
			eng_watch_left(worker, stack);
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

void eng_worker_goes_on(struct eng_worker *worker)
{
	/* Acquire: it was counted before. */
	if (pawl_xchg_acquire(&worker->blocked, 0u))
		pawl_sub_relaxed(&worker->rt->idle.surplus, 1u);
}

void eng_worker_begin(struct eng_worker *worker)
{
	worker->slot = pawl_thread_slot();
	pawl_store_relaxed(&worker_of[worker->slot], (void *)worker);
}

void eng_worker_end(struct eng_worker *worker)
{
	free_spares(worker);
	pawl_store_relaxed(&worker_of[worker->slot], (void *)NULL);
}

bool eng_worker_step(struct eng_worker *worker, uint64_t budget)
{
	struct eng_idle *idle = &worker->rt->idle;

	eng_idle_rise(idle, worker->idle_number);
	wake_up(worker);
	worker->budget = budget;
	base_loop(worker);
	if (worker->budget)
		return false;
	/* As one that found something: others may take what it leaves. */
	eng_idle_search(idle);
	if (!worker->ready && !worker->local && !sleep_until_pushed(worker, false))
		return false;
	eng_idle_found(idle, look, worker);
	return true;
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
	eng_worker_begin(worker);
	pawl_fiber_set_hooks(&worker->hooks);
	eng_idle_join(&rt->idle, worker->idle_number);
	/* Before it runs something that spawns. */
	if (worker->surplus)
		pawl_store_release(&rt->there, worker->number + 1);
	say_begun(rt, true);
	if (options->thread_start)
		options->thread_start(options->thread_arg, worker->number);
	base_loop(worker);
	if (options->thread_stop)
		options->thread_stop(options->thread_arg, worker->number);
	eng_worker_end(worker);
	pawl_fiber_set_hooks(NULL);
	pawl_thread_detach();
	return NULL;
}

int eng_worker_init(struct eng_worker *worker, struct pawl_runtime *rt, unsigned number)
{
	struct pawl_deque_options options = PAWL_DEQUE_OPTIONS_INIT;

	worker->rt = rt;
	worker->number = number;
	worker->surplus = number >= rt->worker_count;
	worker->idle_number = worker->surplus
				      ? eng_idle_surplus(&rt->idle, number - rt->worker_count)
				      : number;
	worker->random = 0x9e3779b9u * (number + 1);
	worker->budget = UINT64_MAX;
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
