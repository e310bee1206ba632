/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.c - the registry of threads.
 *
 * Attaching and detaching are rare: one mutex orders them, and whatever changes hands with
 * them (slots, blocks, the reclaimer's life). Being attached is one thread-local pointer, the only
 * one of the project, behind an accessor that is never inlined.
 *
 * Life of the process: the first attach starts the reclaimer (retire.c); the last detach stops it,
 * which first frees all that was retired, then frees the blocks of all threads. A child
 * forked in between has the parent's registry but none of its threads, and perhaps a mutex that
 * nobody will unlock. A handler of pthread_atfork() marks it; attach looks at the mark first.
 * (A process id would not do: the child can have the parent's in another namespace.)
 *
 * Invariants (under the mutex):
 *  I1 slot_taken has bit i set iff an attached thread has slot i.
 *  I2 a block is in the pool or some thread's, and is freed only by the last detach.
 *  I3 attached > 0 iff the reclaimer runs, and iff the key exists.
 *
 * Order of a detach, each step needing those before: give back what objects keep for the slot
 * (may retire, and takes locks) - hand over retired objects (needs
 * the block) - leave the RCU registry (before the mutex: with qsbr a thread that waits for a mutex
 * while it counts as reading would stall the grace period that the mutex's holder waits for) -
 * give back slot and block - last one only: stop the reclaimer, free the pool.
 *
 * Rejected: a lock-free registry (attach is rare, and the first one starts a thread anyway); slots
 * chosen per CPU (threads move).
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <pawl/mem.h>
#include <pawl/rcu.h>

#include "park-internal.h"
#include "rcu-internal.h"
#include "report-internal.h"
#include "retire-internal.h"
#include "thread-internal.h"

#define ATTACH_DEPTH_MAX (1u << 16)
#define SLOT_WORDS	 (PAWL_THREADS_MAX / 64)

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;

/* Under the mutex (I1, I2). */
static uint64_t slot_taken[SLOT_WORDS];
static struct pawl__thread *pool;

/*
 * Threads attached. Written under the mutex; read by anybody, relaxed: the number is old when it
 * arrives, whatever its order.
 */
static struct pawl_atomic_u32 attached_count;

/*
 * How many are inside the mutex or on their way. Read by a forked child, relaxed: it is alone.
 */
static struct pawl_atomic_u32 registry_busy;

/* 1 in a child that was forked while a thread was attached, or on its way. Never reset. */
static struct pawl_atomic_u32 forked;

/* The handler of fork, before any attach takes the mutex: else a child may not be marked. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_error;

/*
 * Ends a thread that did not detach. Made and deleted under the mutex, by the process's first attach and
 * last detach; between them attached threads use it.
 */
static pthread_key_t exit_key;

#ifdef PAWL_MC
/* The model checker's threads are fibres of one thread: it keeps the pointer of each. */
void *mc_tls_get(void);
void mc_tls_set(void *value);

#define SELF() ((struct pawl__thread *)mc_tls_get())

static void self_set(struct pawl__thread *block)
{
	mc_tls_set(block);
}
#else
static _Thread_local struct pawl__thread *self_pointer;
#define SELF() self_pointer

static PAWL_NOINLINE void self_set(struct pawl__thread *block)
{
	self_pointer = block;
}
#endif

PAWL_NOINLINE struct pawl__thread *pawl__self(void)
{
	return SELF();
}

struct pawl__thread *pawl__thread_block_new(void)
{
	struct pawl__thread *block;

	block = pawl_mem_zalloc(sizeof(*block), _Alignof(struct pawl__thread));
	if (!block)
		return NULL;
	block->waiter.ops = &pawl__thread_waiter_ops;
	return block;
}

void pawl__thread_block_free(struct pawl__thread *block)
{
	pawl_mem_free(block, sizeof(*block), _Alignof(struct pawl__thread));
}

/*
 * Objects that want to know of a detach. A mutex of its own: the registry's is taken when the thread
 * has left, and leave() needs an attached one. Who has it waits for locks of the library
 * only, never for a grace period.
 */
static pthread_mutex_t leavers_mutex = PTHREAD_MUTEX_INITIALIZER;
/* Written under the mutex; looked at without it by a detach: see leave_all(). */
static struct pawl_atomic_ptr leavers;

void pawl__leaver_add(struct pawl__leaver *leaver)
{
	struct pawl__leaver *head;

	pthread_mutex_lock(&leavers_mutex);
	head = pawl_load_relaxed(&leavers);
	leaver->prev = NULL;
	leaver->next = head;
	if (head)
		head->prev = leaver;
	pawl_store_relaxed(&leavers, (void *)leaver);
	pthread_mutex_unlock(&leavers_mutex);
}

void pawl__leaver_remove(struct pawl__leaver *leaver)
{
	pthread_mutex_lock(&leavers_mutex);
	if (leaver->prev)
		leaver->prev->next = leaver->next;
	else
		pawl_store_relaxed(&leavers, (void *)leaver->next);
	if (leaver->next)
		leaver->next->prev = leaver->prev;
	pthread_mutex_unlock(&leavers_mutex);
}

static void leave_all(uint32_t slot)
{
	/* Relaxed: what this thread used it has seen added. */
	if (!pawl_load_relaxed(&leavers))
		return;
	pthread_mutex_lock(&leavers_mutex);
	for (struct pawl__leaver *leaver = pawl_load_relaxed(&leavers); leaver;
	     leaver = leaver->next)
		leaver->leave(leaver, slot);
	pthread_mutex_unlock(&leavers_mutex);
}

static void block_enter(struct pawl__thread *block, uint32_t slot)
{
	block->slot = slot;
	block->waiter.number = slot;
	block->attached = 1;
	block->current = &block->waiter;
	self_set(block);
	pawl__rcu_register();
}

static void block_leave(struct pawl__thread *block)
{
	PAWL_REQUIRE(!block->held_count && "no lock of Pawl is held at detach");
	PAWL_REQUIRE(!block->section_depth && "no read section is open at detach");
	PAWL_REQUIRE(!block->idle_depth && "idle stretches are over at detach");
	pawl__fiber_thread_leave(block);
	leave_all(block->slot);
	pawl__retire_hand_over(block);
	pawl__rcu_unregister();
	block->attached = 0;
	self_set(NULL);
}

void pawl__thread_enter_internal(struct pawl__thread *block)
{
	block_enter(block, PAWL__SLOT_INTERNAL);
}

void pawl__thread_leave_internal(void)
{
	block_leave(pawl__self_required());
}

/* Lowest free slot (I1), or PAWL_THREADS_MAX. */
static uint32_t slot_alloc_locked(void)
{
	for (uint32_t i = 0; i < SLOT_WORDS; i++) {
		if (slot_taken[i] != UINT64_MAX) {
			uint32_t bit = (uint32_t)__builtin_ctzll(~slot_taken[i]);

			slot_taken[i] |= UINT64_C(1) << bit;
			return i * 64 + bit;
		}
	}
	return PAWL_THREADS_MAX;
}

static void slot_free_locked(uint32_t slot)
{
	slot_taken[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

static struct pawl__thread *block_take_locked(void)
{
	struct pawl__thread *block = pool;

	if (!block)
		return pawl__thread_block_new();
	pool = block->pool_next;
	return block;
}

static void block_put_locked(struct pawl__thread *block)
{
	block->pool_next = pool;
	pool = block;
}

static void pool_free_locked(void)
{
	while (pool) {
		struct pawl__thread *block = pool;

		pool = block->pool_next;
		pawl__thread_block_free(block);
	}
}

static void registry_lock(void)
{
	pawl_add_relaxed(&registry_busy, 1u);
	pthread_mutex_lock(&registry_mutex);
}

static void registry_unlock(void)
{
	pthread_mutex_unlock(&registry_mutex);
	pawl_sub_relaxed(&registry_busy, 1u);
}

static void count_set_locked(uint32_t count)
{
	pawl_store_relaxed(&attached_count, count);
	pawl__retire_threads_changed(count);
}

static void detach(struct pawl__thread *block)
{
	uint32_t slot = block->slot;
	uint32_t count;

	PAWL_REQUIRE(slot != PAWL__SLOT_INTERNAL && "a retire function does not detach");
	pthread_setspecific(exit_key, NULL);
	block_leave(block);

	registry_lock();
	slot_free_locked(slot);
	block_put_locked(block);
	count = pawl_load_relaxed(&attached_count) - 1;
	if (!count) {
		pawl__retire_stop();
		pawl__fiber_process_end();
		pool_free_locked();
		pthread_key_delete(exit_key);
	}
	count_set_locked(count);
	registry_unlock();
}

static void thread_exits(void *arg)
{
	struct pawl__thread *block = arg;
	uint64_t slot = block->slot;

	/* It may have ended inside an idle stretch: nothing is read there. */
	if (block->idle_depth) {
		block->idle_depth = 1;
		pawl_rcu_idle_leave();
	}
	detach(block);
	pawl__report(PAWL_REPORT_THREAD_LEFT, "a thread ended without detaching", slot, NULL);
}

static void fork_child(void)
{
	if (pawl_load_relaxed(&attached_count) || pawl_load_relaxed(&registry_busy))
		pawl_store_relaxed(&forked, 1u);
}

static void handle_fork(void)
{
	once_error = pthread_atfork(NULL, NULL, fork_child);
}

/*
 * The rest of attach, under the mutex. Returns the block, or NULL and the error. Tells whether it is
 * the first one of the process.
 */
static struct pawl__thread *attach_locked(bool *ret_first, int *ret_error)
{
	uint32_t count = pawl_load_relaxed(&attached_count);
	struct pawl__thread *block;
	uint32_t slot;

	*ret_error = -EAGAIN;
	slot = slot_alloc_locked();
	if (slot == PAWL_THREADS_MAX)
		return NULL;
	if (!count && pthread_key_create(&exit_key, thread_exits))
		goto free_slot;
	block = block_take_locked();
	if (!block) {
		*ret_error = -ENOMEM;
		goto free_key;
	}
	if (pthread_setspecific(exit_key, block)) {
		*ret_error = -ENOMEM;
		goto free_block;
	}
	if (!count) {
		*ret_error = pawl__retire_start();
		if (*ret_error)
			goto unset_key;
	}
	block->slot = slot;
	count_set_locked(count + 1);
	*ret_first = !count;
	return block;

unset_key:
	pthread_setspecific(exit_key, NULL);
free_block:
	block_put_locked(block);
	if (!count)
		pool_free_locked();
free_key:
	if (!count)
		pthread_key_delete(exit_key);
free_slot:
	slot_free_locked(slot);
	return NULL;
}

int pawl_thread_attach(const char *name)
{
	struct pawl__thread *block;
	bool first;
	int error;

	if (pawl_load_relaxed(&forked))
		return -ENOTSUP;
	block = pawl__self();
	if (block) {
		if (block->attached == ATTACH_DEPTH_MAX)
			return -EOVERFLOW;
		block->attached++;
		return 0;
	}
	pthread_once(&once, handle_fork);
	if (once_error)
		return -ENOMEM;

	registry_lock();
	block = attach_locked(&first, &error);
	registry_unlock();
	if (!block)
		return error;
	snprintf(block->name, sizeof(block->name), "%s", name ? name : "");
	block_enter(block, block->slot);
	/* After the registry is released and the thread can call Pawl: it may run the hook. */
	if (first)
		pawl__rcu_start();
	return 0;
}

void pawl_thread_detach(void)
{
	struct pawl__thread *block = pawl__self_required();

	if (block->attached > 1)
		block->attached--;
	else
		detach(block);
}

bool pawl_thread_attached(void)
{
	return pawl__self() != NULL;
}

/* As pawl__self_required(), without its call: of every operation on a graph this is a good part. */
PAWL_NOINLINE unsigned pawl_thread_slot(void)
{
	const struct pawl__thread *self = SELF();

	PAWL_REQUIRE(self && "the calling thread is attached");
	PAWL_ASSERT(!self->callback_depth && "a map's callback calls nothing of Pawl");
	return self->slot;
}

unsigned pawl_thread_count(void)
{
	return pawl_load_relaxed(&attached_count);
}
