/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * retire.c - batches, the reclaimer, and the limit.
 *
 * Retiring links the node into the thread's own batch: no shared memory is written. A batch of 64
 * objects, or of the thread's share of bytes, goes to one process-wide list by a
 * compare-exchange. The reclaimer thread takes the whole list, waits for one grace period, frees
 * everything in it, and parks when the list is empty: no polling.
 *
 * The limit L. With T threads, each batch is handed over at L / (8 (T + 1)) bytes at the latest (the
 * reclaimer's own batch is the one more); a hand-over that finds L / 2 or more handed over makes
 * retiring answer true until there is less, and its caller waits at the next safe point
 * for that. What can be on top of L / 2 is one batch a thread (the one whose hand-over says so, or
 * one that is not full yet), L / 8 in all plus one object each; with objects of at most
 * L / (4 T) that stays below 7/8 L. Objects that a section retires while it is open cannot be
 * waited for and come on top. So between two hand-overs retiring looks at nothing shared but
 * settings.
 *
 * Invariants:
 *  I1 pending_bytes >= the bytes of the objects in the list and in the reclaimer's hands: it is
 *     raised before a batch becomes visible and lowered after objects were freed.
 *  I2 objects handed over before a take are freed before the next take.
 *  I3 the reclaimer ends only with an empty list, when no thread is attached: the last detach
 *     pushes a node that tells it to end, like a batch and after all others. From then on only
 *     the reclaimer itself hands over, what the functions retire.
 *  I4 a batch that is pushed onto an empty list leaves the reclaimer a token afterwards; one that
 *     is pushed onto others needs none: they and it are taken together. The reclaimer looks at
 *     the list between taking a token and sleeping.
 *
 * Ordering:
 *  O1 a batch is pushed with release and taken with acquire: nodes are plain.
 *  O2 unlinking before retire() -> push -> take -> grace period: the section that still sees the
 *     object began before the unlinking was visible, hence before the grace period.
 *  Sleeping needs no order of its own: push, then token, then take (I4) is release and acquire of
 *  the token (park.c O1), and taking is a read-modify-write, which sees what came before. A barrier
 *  is told through an event (event.c O2).
 *
 * A barrier is an object like others, with an event of its own. Everything handed over before it is
 * in the same take or was freed (I2); the reclaimer tells the barriers of a take when all of it is
 * freed and accounted.
 *
 * Rejected: call_rcu per batch (needs its own node in a batch, polls every 10 ms, its thread is
 * not joined at exit in 0.13, no hook for the limit); freeing by the waiting retirer itself
 * (synchronize blocks a scheduler's worker, which has other fibres to run); an event count for the
 * reclaimer's sleep (a fence in each push, and more states, for what a token does); a word that
 * says "stop" (one more thing to order against the list).
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <pawl/event.h>
#include <pawl/park.h>
#include <pawl/rcu.h>
#include <pawl/retire.h>

#include "report-internal.h"
#include "retire-internal.h"

#define BATCH_OBJECTS 64

/*
 * The reclaimer lowers pending_bytes and wakes waiters once for so many objects, or for this part
 * of the limit.
 */
#define FREE_CHUNK	    256
#define FREE_CHUNK_OF_LIMIT 16

/* --- Written when settings change, read by retirers: relaxed, a setting. --- */
static struct {
	/* 0: PAWL_RETIRE_LIMIT_DEFAULT. Written by set_limit, any thread. */
	struct pawl_atomic_u64 limit;
	/* Written under the registry's mutex. */
	struct pawl_atomic_u32 threads;
} setting PAWL_ALIGNED(PAWL_LINE_BYTES);

/* --- Written by whoever hands over, and by the reclaimer. --- */
static struct {
	/* The list, newest batch first (O1). */
	struct pawl_atomic_ptr list;
	/* I1. Relaxed: a number to compare, the list carries the order. */
	struct pawl_atomic_u64 pending_bytes;
	/* A statistic: relaxed. */
	struct pawl_atomic_u64 retired;
} handed PAWL_ALIGNED(PAWL_LINE_BYTES);

/* --- Written by the reclaimer alone; statistics: relaxed. --- */
static struct {
	struct pawl_atomic_u64 freed;
	struct pawl_atomic_u64 grace_periods;
	/* The most that pending_bytes has been when it was about to be lowered. */
	struct pawl_atomic_u64 pending_max;
	/* When it took what it is at; 0: at nothing. */
	struct pawl_atomic_u64 since_ns;
} reclaimed PAWL_ALIGNED(PAWL_LINE_BYTES);

/* Those who wait for room listen here. */
static struct pawl_event room_event;

/* 1 while the limit is pressed and was reported. Relaxed: says a thing once. */
static struct pawl_atomic_u32 pressure_told;

/* Written under the registry's mutex, with no thread attached; read by attached threads. */
static pthread_t reclaimer;
static struct pawl__thread *reclaimer_block;

static uint64_t limit_bytes(void)
{
	uint64_t limit = pawl_load_relaxed(&setting.limit);

	return limit ? limit : PAWL_RETIRE_LIMIT_DEFAULT;
}

/* Has a batch of so many bytes reached the thread's share? The reclaimer's own counts as one. */
static bool batch_full(uint64_t bytes)
{
	uint64_t threads = pawl_load_relaxed(&setting.threads);

	/* The first test keeps the product from wrapping. */
	return bytes >= limit_bytes() / 8 || bytes * (threads + 1) >= limit_bytes() / 8;
}

static bool pressed(uint64_t bytes)
{
	return bytes >= limit_bytes() / 2;
}

int pawl_retire_set_limit(size_t bytes)
{
	if (bytes < PAWL_RETIRE_LIMIT_MIN)
		return -EINVAL;
	pawl_store_relaxed(&setting.limit, bytes);
	/* There may be room now for those who wait. They look under the event's lock or after it. */
	if (pawl_thread_attached())
		pawl_event_notify_all(&room_event);
	return 0;
}

void pawl__retire_threads_changed(uint32_t threads)
{
	pawl_store_relaxed(&setting.threads, threads);
}

/* --- Handing over. --- */

/* Account a batch before it can be seen (I1). Returns the bytes pending with it. */
static uint64_t account(uint64_t bytes, uint64_t objects)
{
	pawl_add_relaxed(&handed.retired, objects);
	return pawl_add_relaxed(&handed.pending_bytes, bytes) + bytes;
}

static void push(struct pawl_retire_node *first, struct pawl_retire_node *last)
{
	/* A guess, right as long as the reclaimer keeps up. */
	void *seen = NULL;

	/* Lock-free: a failed exchange means that another batch went in, or all were taken. */
	do {
		last->pawl_next = seen;
	} while (!pawl_cas_weak_release(&handed.list, &seen, (void *)first)); /* O1 */
	if (!seen)
		pawl_unpark(&reclaimer_block->waiter); /* I4 */
}

void pawl__retire_hand_over_batch(struct pawl__thread *self)
{
	struct pawl_retire_node *first = self->batch_head;
	struct pawl_retire_node *last = self->batch_tail;

	self->pressed = pressed(account(self->batch_bytes, self->batch_count));
	self->batch_head = NULL;
	self->batch_tail = NULL;
	self->batch_bytes = 0;
	self->batch_count = 0;
	push(first, last);
}

bool pawl_retire(struct pawl_retire_node *node, size_t bytes, pawl_retire_fn *fn)
{
	struct pawl__thread *self = pawl__self_required();

	node->pawl_fn = fn;
	node->pawl_bytes = bytes;
	node->pawl_next = self->batch_head;
	if (!self->batch_head)
		self->batch_tail = node;
	self->batch_head = node;
	self->batch_bytes += bytes;
	self->batch_count++;
	if (self->batch_count >= BATCH_OBJECTS || batch_full(self->batch_bytes))
		pawl__retire_hand_over_batch(self);
	else if (PAWL_UNLIKELY(self->pressed))
		self->pressed = pressed(pawl_load_relaxed(&handed.pending_bytes));
	return self->pressed;
}

void pawl_retire_flush(void)
{
	pawl__retire_hand_over(pawl__self_required());
}

/* --- The reclaimer. --- */

/* On the stack of who waits for it. Gone as soon as its listener is notified. */
struct barrier {
	struct pawl_retire_node node;
	struct pawl_event reached;
};

/* The barriers met in this take. The reclaimer's alone. */
static struct pawl_retire_node *barriers;

static void barrier_reached(struct pawl_retire_node *node)
{
	node->pawl_next = barriers;
	barriers = node;
}

static void tell_barriers(void)
{
	while (barriers) {
		struct barrier *barrier = PAWL_CONTAINER_OF(barriers, struct barrier, node);

		barriers = barrier->node.pawl_next;
		pawl_event_notify_all(&barrier->reached);
	}
}

/* A word that only the calling thread writes. */
static void own_add(struct pawl_atomic_u64 *word, uint64_t by)
{
	pawl_store_relaxed(word, pawl_load_relaxed(word) + by);
}

static void give_room(uint64_t bytes, uint64_t objects)
{
	uint64_t pending = pawl_sub_relaxed(&handed.pending_bytes, bytes);

	if (pending > pawl_load_relaxed(&reclaimed.pending_max))
		pawl_store_relaxed(&reclaimed.pending_max, pending);
	pending -= bytes;
	own_add(&reclaimed.freed, objects);
	/* Others' grace periods need not wait for a long list. */
	pawl_rcu_quiescent();
	if (!pressed(pending)) {
		pawl_store_relaxed(&pressure_told, 0u);
		pawl_event_notify_all(&room_event);
	}
}

static void free_all(struct pawl_retire_node *list)
{
	uint64_t chunk_bytes = limit_bytes() / FREE_CHUNK_OF_LIMIT;
	uint64_t bytes = 0, objects = 0;

	while (list) {
		struct pawl_retire_node *next = list->pawl_next;

		/* The function frees the node: what is needed of it is read before. */
		bytes += list->pawl_bytes;
		objects++;
		__builtin_prefetch(next);
		list->pawl_fn(list);
		if (objects == FREE_CHUNK || bytes >= chunk_bytes) {
			give_room(bytes, objects);
			bytes = 0;
			objects = 0;
		}
		list = next;
	}
	give_room(bytes, objects);
	tell_barriers();
}

static struct pawl_retire_node *take(void)
{
	struct pawl_retire_node *list = pawl_xchg_acquire(&handed.list, (void *)NULL); /* O1 */

	pawl_store_relaxed(&reclaimed.since_ns, list ? pawl_now_ns() : 0);
	return list;
}

/* Pushed by the last detach (I3). */
static struct pawl_retire_node end_node;

/* Was it met? The reclaimer's alone. */
static bool ending;

static void end_reached(struct pawl_retire_node *node)
{
	(void)node;
	ending = true;
}

static void *reclaimer_main(void *block)
{
	struct pawl_retire_node *list;

	pawl__thread_enter_internal(block);
	ending = false;
	while ((list = take()) || !ending) {
		if (!list) {
			pawl_park(); /* I4 */
			continue;
		}
		pawl_rcu_synchronize(); /* O2 */
		own_add(&reclaimed.grace_periods, 1u);
		free_all(list);
		pawl__retire_hand_over(block); /* what the functions retired */
	}
	pawl__thread_leave_internal();
	return NULL;
}

/* The host's signals are for the host's threads: ours blocks them all from its start. */
static int create_reclaimer(void)
{
	pthread_attr_t attr;
	sigset_t all;
	int error;

	error = pthread_attr_init(&attr);
	if (error)
		return error;
	sigfillset(&all);
	error = pthread_attr_setsigmask_np(&attr, &all);
	if (!error)
		error = pthread_create(&reclaimer, &attr, reclaimer_main, reclaimer_block);
	pthread_attr_destroy(&attr);
	return error;
}

int pawl__retire_start(void)
{
	int error;

	reclaimer_block = pawl__thread_block_new();
	if (!reclaimer_block)
		return -ENOMEM;
	error = create_reclaimer();
	if (error) {
		pawl__thread_block_free(reclaimer_block);
		reclaimer_block = NULL;
		return error == ENOMEM ? -ENOMEM : -EAGAIN;
	}
	(void)pthread_setname_np(reclaimer, "pawl-reclaim");
	return 0;
}

void pawl__retire_stop(void)
{
	end_node.pawl_fn = end_reached;
	(void)account(0, 1);
	push(&end_node, &end_node);
	pthread_join(reclaimer, NULL);
	pawl__thread_block_free(reclaimer_block);
	reclaimer_block = NULL;
}

/* --- Waiting. --- */

void pawl_retire_wait(void)
{
	struct pawl__thread *self = pawl__self_required();

	pawl__may_park(self);
	PAWL_REQUIRE(self->slot != PAWL__SLOT_INTERNAL && "a retire function does not wait");
	pawl__retire_hand_over(self);
	for (;;) {
		uint64_t pending = pawl_load_relaxed(&handed.pending_bytes);
		struct pawl_listener listener;

		if (!pressed(pending))
			return;
		if (!pawl_xchg_relaxed(&pressure_told, 1u))
			pawl__report(PAWL_REPORT_RETIRE_PRESSURE,
				     "retired objects reach half the limit", pending, NULL);
		pawl_event_listen(&room_event, &listener, "room for retired bytes", pending);
		if (!pressed(pawl_load_relaxed(&handed.pending_bytes))) {
			pawl_event_unlisten(&listener);
			return;
		}
		pawl_event_wait(&listener);
	}
}

void pawl_retire_barrier(void)
{
	struct pawl__thread *self = pawl__self_required();
	struct pawl_listener listener;
	struct barrier barrier;

	pawl__may_park(self);
	PAWL_REQUIRE(self->slot != PAWL__SLOT_INTERNAL && "a retire function does not wait");
	pawl_event_init(&barrier.reached);
	pawl_event_listen(&barrier.reached, &listener, "barrier for retired objects", 0);
	(void)pawl_retire(&barrier.node, 0, barrier_reached);
	pawl__retire_hand_over(self);
	pawl_event_wait(&listener);
}

void pawl_retire_stats_read(struct pawl_retire_stats *ret_stats)
{
	uint64_t since_ns = pawl_load_relaxed(&reclaimed.since_ns);
	uint64_t now_ns = pawl_now_ns();

	ret_stats->limit_bytes = limit_bytes();
	ret_stats->pending_bytes = pawl_load_relaxed(&handed.pending_bytes);
	ret_stats->pending_max_bytes = pawl_load_relaxed(&reclaimed.pending_max);
	if (ret_stats->pending_max_bytes < ret_stats->pending_bytes)
		ret_stats->pending_max_bytes = ret_stats->pending_bytes;
	ret_stats->freed = pawl_load_relaxed(&reclaimed.freed);
	ret_stats->retired = pawl_load_relaxed(&handed.retired);
	ret_stats->grace_periods = pawl_load_relaxed(&reclaimed.grace_periods);
	ret_stats->oldest_ns = 0;
	if (since_ns)
		ret_stats->oldest_ns = now_ns > since_ns ? now_ns - since_ns : 1;
	memset(ret_stats->reserved, 0, sizeof(ret_stats->reserved));
}
