/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queues.c - where starts wait, and in what order a worker looks there.
 *
 *  newest   the last spawn of a body that runs here: its spawner will most likely wait for it and run
 *	     it itself, so nobody is woken for it; a thief takes it if it has nothing else.
 *  deque    older spawns, in the lane of their spawner. Others steal half.
 *  local    LOCAL tasks.
 *  lanes    starts from other threads, into other lanes and into far buckets; any worker. A lane is two
 *	     levels, near and far, half of its aging apart.
 *
 * A queue has one reference to each task in it. A task that somebody else claimed, or that was cancelled, stays
 * in its queue: its turn is a look, and the reference goes. A worker that runs most of what it spawns inline, one
 * above the other, comes to no turn: every now and then its deque is swept, so that their records serve others.
 *
 *  wanted   not a queue: the one that a body here waits for and could not run inline, its stack being used up. It
 *	     goes before all, as it would have on that stack.
 *
 * Order of looking, and what bounds the inversion: see pawl/runtime.h.
 *
 * Ordering: all through the queues.
 */
#include "config.h"

#include <pawl/atomic.h>

#include "worker.h"

#define LANES_EVERY   8	 /* looks for a start between two that begin with the lanes */
#define NEWEST_ROW    16 /* newest spawns in a row */
#define STEAL_ROUNDS  2
#define SWEEP_AT_ONCE 32
#define SWEEP_INLINED 128 /* runs inline between two sweeps */
#define SWEEP_LENGTH  128 /* of the deque: shorter ones are not swept */

bool eng_room_for_outside(const struct eng_worker *worker)
{
	uint32_t most = worker->rt->options.stacks_max;

	return !most || pawl_load_relaxed(&worker->stacks_busy) < most;
}

/* ---- where starts wait ------------------------------------------------------------ */

/* Items that go into the lanes at once. */
#define CHAIN_MOST 64

static void lanes_push(struct pawl_runtime *rt, unsigned which, struct eng_task *task)
{
	if (pawl_lanes_push(rt->lanes[which], eng_level(task->lane, task->far), &task->node,
			    eng_now(rt)))
		PAWL_REQUIRE(!"lanes without a limit refuse nothing");
}

/* A chain of one lane and bucket. */
static void lanes_push_chain(struct pawl_runtime *rt, unsigned which, struct eng_task *task)
{
	unsigned level = eng_level(task->lane, task->far);
	struct pawl_lane_node *nodes[CHAIN_MOST];

	while (task) {
		size_t n = 0;

		/* From the push on `next` is not ours to read. */
		for (; task && n < CHAIN_MOST; task = task->next)
			nodes[n++] = &task->node;
		if (pawl_lanes_push_n(rt->lanes[which], level, nodes, n, eng_now(rt)))
			PAWL_REQUIRE(!"lanes without a limit refuse nothing");
	}
}

static void deque_push(struct eng_worker *worker, struct eng_task *task)
{
	eng_watch_queued(worker->rt, task);
	if (pawl_deque_push_owner(worker->deque, task))
		lanes_push(worker->rt, ENG_LANES_INSIDE, task);
}

/* As newest; the one that was takes its place in the deque. */
static void newest_push(struct eng_worker *worker, struct eng_task *task)
{
	struct eng_task *before = NULL;

	/* Nobody else puts one there, so where there is none there is none taken out meanwhile. */
	if (!pawl_load_relaxed(&worker->newest)) {
		pawl_store_release(&worker->newest, (void *)task);
		return;
	}
	before = pawl_xchg_acq_rel(&worker->newest, (void *)task);
	if (!before)
		return;
	deque_push(worker, before);
	eng_idle_pushed(&worker->rt->idle);
}

/* The same as if they came one after the other, but for waking. */
static void newest_push_chain(struct eng_worker *worker, struct eng_task *first)
{
	struct eng_task *before, *last, *next;

	for (last = first; last->next; last = last->next)
		;
	before = pawl_xchg_acq_rel(&worker->newest, (void *)last);
	if (before)
		deque_push(worker, before);
	/* The last one may be gone by now, but as an address. */
	for (; first != last; first = next) {
		next = first->next;
		deque_push(worker, first);
		before = first;
	}
	if (before)
		eng_idle_pushed(&worker->rt->idle);
}

static void local_push_chain(struct eng_worker *worker, struct eng_task *first)
{
	*worker->local_end = first;
	while (*worker->local_end)
		worker->local_end = &(*worker->local_end)->next;
}

/* Where a start waits in which any worker may look. */
static unsigned lanes_for(const struct pawl_runtime *rt, const struct eng_worker *worker)
{
	return worker || !rt->options.stacks_max ? ENG_LANES_INSIDE : ENG_LANES_OUTSIDE;
}

/* eng_run_here(), where the worker is known. */
static struct eng_run *run_of(const struct eng_worker *worker)
{
	return worker && worker->stack ? worker->stack->run : NULL;
}

static void lanes_pushed(struct pawl_runtime *rt, unsigned which)
{
	if (which == ENG_LANES_OUTSIDE)
		eng_idle_pushed_roomy(&rt->idle);
	else
		eng_idle_pushed(&rt->idle);
}

void eng_start(struct pawl_runtime *rt, struct eng_task *task)
{
	struct eng_worker *worker = eng_worker_here();
	struct eng_run *run = run_of(worker);
	unsigned which;

	if (worker && worker->rt != rt)
		worker = NULL;
	if (worker && run) {
		eng_tally(&worker->spawned);
		if (task->flags & PAWL_TASK_LOCAL) {
			task->next = NULL;
			local_push_chain(worker, task);
			return;
		}
		if (task->lane == run->lane && !task->far) {
			newest_push(worker, task);
			return;
		}
	} else {
		pawl_add_relaxed(&rt->spawned_outside, 1u);
	}
	which = lanes_for(rt, worker);
	lanes_push(rt, which, task);
	lanes_pushed(rt, which);
}

void eng_start_many(struct pawl_runtime *rt, struct eng_task *first)
{
	struct eng_worker *worker = eng_worker_here();
	struct eng_run *run = run_of(worker);
	unsigned which;
	uint64_t n = 0;

	if (!first)
		return;
	for (const struct eng_task *task = first; task; task = task->next)
		n++;
	if (worker && worker->rt != rt)
		worker = NULL;
	if (worker && run) {
		pawl_store_relaxed(&worker->spawned, pawl_load_relaxed(&worker->spawned) + n);
		if (first->flags & PAWL_TASK_LOCAL) {
			local_push_chain(worker, first);
			return;
		}
		if (first->lane == run->lane && !first->far) {
			newest_push_chain(worker, first);
			return;
		}
	} else {
		pawl_add_relaxed(&rt->spawned_outside, n);
	}
	which = lanes_for(rt, worker);
	lanes_push_chain(rt, which, first);
	lanes_pushed(rt, which);
}

void eng_lend_push(struct pawl_runtime *rt, struct eng_task *task, unsigned lane)
{
	if (pawl_lanes_push(rt->lanes[ENG_LANES_LENT], lane, &task->lent, eng_now(rt)))
		PAWL_REQUIRE(!"lanes without a limit refuse nothing");
	eng_idle_pushed(&rt->idle);
}

/* Take out those that somebody has claimed; the others keep their order. */
PAWL_NOINLINE static void deque_sweep(struct eng_worker *worker)
{
	void *tasks[SWEEP_AT_ONCE], *dead[SWEEP_AT_ONCE];
	size_t left = pawl_deque_len(worker->deque), kept = 0;

	worker->swept_at = pawl_load_relaxed(&worker->inlined);
	if (left < SWEEP_LENGTH)
		return;
	while (left) {
		size_t most = left < SWEEP_AT_ONCE ? left : SWEEP_AT_ONCE, live = 0, gone = 0;
		size_t n = pawl_deque_pop_n_owner(worker->deque, most, tasks);

		for (size_t i = 0; i < n; i++) {
			const struct eng_task *task = tasks[i];

			/* Relaxed: it leaves this phase for good, and the put orders the rest. */
			if (eng_word_phase(pawl_load_relaxed(&task->word)) == ENG_TASK_READY)
				tasks[live++] = tasks[i];
			else
				dead[gone++] = tasks[i];
		}
		/* There is room: nobody else pushes. */
		if (live && pawl_deque_push_n_owner(worker->deque, tasks, live))
			PAWL_REQUIRE(!"what was taken out fits in again");
		kept += live;
		/* This may call the program's code, which may spawn. */
		for (size_t i = 0; i < gone; i++)
			eng_task_put(worker->rt->tasks, dead[i], 1);
		left = n ? left - most : 0;
	}
	/* Who looked meanwhile may have missed them. */
	if (kept)
		eng_idle_pushed(&worker->rt->idle);
}

bool eng_claim_inline(struct eng_worker *worker, struct eng_task *task, uint32_t *ret_refs)
{
	void *seen = task;

	*ret_refs = 0;
	if (!eng_task_claim(task))
		return false;
	eng_tally(&worker->inlined);
	/* Here, where no lock is held: what goes by it may free values. */
	if (pawl_load_relaxed(&worker->inlined) - worker->swept_at >= SWEEP_INLINED)
		deque_sweep(worker);
	/* The usual case: the last spawn. It needs no turn in its queue. */
	if (pawl_load_relaxed(&worker->newest) == task &&
	    pawl_cas_acquire(&worker->newest, &seen, (void *)NULL))
		*ret_refs = 1;
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
	if (which == ENG_LANES_LENT)
		return PAWL_CONTAINER_OF(node, struct eng_task, lent);
	*ret_lane /= 2;
	return PAWL_CONTAINER_OF(node, struct eng_task, node);
}

/* One that somebody still waits for. Who gave up waiting takes the lane back by that. */
static struct eng_task *lent_take(struct pawl_runtime *rt, unsigned *ret_lane)
{
	struct eng_task *task;

	while ((task = lane_pop(rt, ENG_LANES_LENT, ret_lane))) {
		/* Release: who lends it anew writes the node that was just read (join.c, lend_one()). */
		pawl_store_release(&task->lent_lane, 0u);
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
	bool outside = rt->options.stacks_max && eng_room_for_outside(worker);

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

	unsigned there = eng_workers(rt);

	for (unsigned round = 0; round < STEAL_ROUNDS; round++) {
		unsigned start = random_next(worker) % there;

		for (unsigned i = 0; i < there; i++) {
			struct eng_worker *victim = &rt->workers[(start + i) % there];
			struct eng_task *task;

			if (victim == worker)
				continue;
			if (pawl_deque_steal_half(victim->deque, worker->deque)) {
				eng_tally(&worker->stolen);
				task = pawl_deque_pop_owner(worker->deque);
				if (task)
					return task;
			}
			/* Only of one that is busy with something else: in the second round. */
			task = round ? newest_take(victim) : NULL;
			if (task) {
				eng_tally(&worker->stolen);
				return task;
			}
		}
	}
	return NULL;
}

/* What any worker may have at its turn. */
static struct eng_task *take_any(struct eng_worker *worker, bool far, unsigned *ret_lane)
{
	struct eng_task *task = NULL;

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
	return task;
}

/* What the bodies of a surplus worker that does not count have spawned. */
static struct eng_task *take_own(struct eng_worker *worker)
{
	struct eng_task *task = newest_take(worker);

	if (!task)
		task = pawl_deque_pop_owner(worker->deque);
	return task ? task : local_take(worker);
}

/* What would have been run inline, with a reference and claimed. */
static struct eng_task *wanted_take(struct eng_worker *worker, unsigned *ret_lane)
{
	uint64_t id = worker->wanted;
	struct eng_task *task;

	worker->wanted = 0;
	if (!eng_task_try_get(worker->rt->tasks, id, &task))
		return NULL;
	if (eng_task_claim(task)) {
		*ret_lane = worker->wanted_lane;
		return task;
	}
	eng_task_put(worker->rt->tasks, task, 1);
	return NULL;
}

struct eng_task *eng_start_take(struct eng_worker *worker, bool far, unsigned *ret_lane)
{
	struct eng_task *task = worker->wanted ? wanted_take(worker, ret_lane) : NULL;

	if (task)
		return task;
	for (;;) {
		*ret_lane = PAWL_LANE_COUNT;
		task = eng_worker_retired(worker) ? take_own(worker)
						  : take_any(worker, far, ret_lane);
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

/* ---- looking whether there is one ---------------------------------------------------- */

static bool has_spawns(const struct eng_worker *worker)
{
	return !pawl_deque_is_empty(worker->deque) || pawl_load_relaxed(&worker->newest);
}

unsigned eng_anything_look(const struct pawl_runtime *rt)
{
	unsigned there = eng_workers(rt);

	if (!pawl_lanes_is_empty(rt->lanes[ENG_LANES_INSIDE]) ||
	    !pawl_lanes_is_empty(rt->lanes[ENG_LANES_LENT]))
		return ENG_IDLE_ANY;
	for (unsigned i = 0; i < there; i++) {
		if (has_spawns(&rt->workers[i]))
			return ENG_IDLE_ANY;
	}
	if (rt->options.stacks_max && !pawl_lanes_is_empty(rt->lanes[ENG_LANES_OUTSIDE]))
		return ENG_IDLE_ROOMY;
	return 0;
}

unsigned eng_worker_look(const struct eng_worker *worker)
{
	const struct pawl_runtime *rt = worker->rt;
	unsigned found = eng_anything_look(rt);

	if (eng_worker_retired(worker)) {
		if (has_spawns(worker))
			found |= ENG_IDLE_MINE;
	} else if (found & ENG_IDLE_ANY || (found && eng_room_for_outside(worker))) {
		found |= ENG_IDLE_MINE;
	}
	if (!pawl_mbox_is_empty(&worker->woken) || pawl_load_relaxed(&rt->stop) ||
	    pawl_load_relaxed(&worker->clock_moved) || pawl_load_relaxed(&worker->blocked))
		found |= ENG_IDLE_MINE;
	return found;
}

bool eng_worker_could_run(const struct eng_worker *worker)
{
	return eng_worker_look(worker) & ENG_IDLE_MINE;
}
