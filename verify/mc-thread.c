/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-thread.c - pthread for the program under test.
 *
 * A mutex is an object with the value 0 (free) or 1 + owner; locking is an RMW that waits
 * for 0, unlocking a store. A condition variable is an object like a futex queue: waiting
 * enqueues, unlocks, reads the queue until woken, and locks again. A thread is an object
 * that is 1 once it was started and 2 once it ended.
 *
 * pawl_lock, in scenarios with .ideal_locks, is such a mutex, too: what lock.c promises
 * (t-lock.c checks that it keeps it), without the table, the parks, and the retries that
 * multiply the executions of everything that is built on it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mc-internal.h"

#define PC __builtin_return_address(0)

static uint16_t mutex_of(const void *m)
{
	return mc_object(OBJ_KEY(OBJ_MUTEX, (uintptr_t)m), "mutex");
}

static void mutex_lock(const void *m, const void *pc)
{
	uint16_t obj = mutex_of(m);

	mc_heap_check((uintptr_t)m, 4, true, pc);
	mc_object_begin(obj, FILTER_EQ, 0, 0, pc);
	mc_object_end(obj, 1u + mc_r->cur, pc);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m)
{
	mutex_lock(m, PC);
	return 0;
}

int __wrap_pthread_mutex_trylock(pthread_mutex_t *m);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *m)
{
	uint16_t obj = mutex_of(m);

	mc_heap_check((uintptr_t)m, 4, true, PC);
	if (mc_object_begin(obj, FILTER_NONE, 0, 0, PC))
		return EBUSY;
	mc_object_end(obj, 1u + mc_r->cur, PC);
	return 0;
}

static void mutex_unlock(const void *m, const void *pc)
{
	mc_heap_check((uintptr_t)m, 4, true, pc);
	mc_object_store(mutex_of(m), 0, pc);
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *m);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *m)
{
	mutex_unlock(m, PC);
	return 0;
}

int __wrap_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr);
int __wrap_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
	(void)attr;
	mc_object_store(mutex_of(m), 0, PC);
	return 0;
}

int __wrap_pthread_mutex_destroy(pthread_mutex_t *m);
int __wrap_pthread_mutex_destroy(pthread_mutex_t *m)
{
	(void)m;
	return 0;
}

/* --- pawl_lock by its contract --- */

void __real_pawl_lock_lock(const void *lock) __attribute__((weak));
void __real_pawl_lock_lock_as(const void *lock, void *waiter) __attribute__((weak));
bool __real_pawl_lock_trylock(const void *lock) __attribute__((weak));
void __real_pawl_lock_unlock(const void *lock) __attribute__((weak));
void __real_pawl_lock_lock_pair(const void *a, const void *b) __attribute__((weak));
void __real_pawl_lock_unlock_pair(const void *a, const void *b) __attribute__((weak));
bool __real_pawl_lock_is_locked(const void *lock) __attribute__((weak));
void __wrap_pawl_lock_lock(const void *lock);
void __wrap_pawl_lock_lock_as(const void *lock, void *waiter);
bool __wrap_pawl_lock_trylock(const void *lock);
void __wrap_pawl_lock_unlock(const void *lock);
void __wrap_pawl_lock_lock_pair(const void *a, const void *b);
void __wrap_pawl_lock_unlock_pair(const void *a, const void *b);
bool __wrap_pawl_lock_is_locked(const void *lock);

static uint64_t seen_mutex(const void *m, const void *pc)
{
	mc_heap_check((uintptr_t)m, 4, false, pc);
	return mc_object_look(mutex_of(m), pc);
}

static bool try_mutex(const void *m, const void *pc)
{
	/* The look before the compare-exchange is relaxed, and may be at an old value. */
	if (seen_mutex(m, pc) || mc_object_begin(mutex_of(m), FILTER_NONE, 0, 0, pc))
		return false;
	mc_object_end(mutex_of(m), 1u + mc_r->cur, pc);
	return true;
}

void __wrap_pawl_lock_lock(const void *lock)
{
	if (mc_scenario->ideal_locks)
		mutex_lock(lock, PC);
	else
		__real_pawl_lock_lock(lock);
}

void __wrap_pawl_lock_lock_as(const void *lock, void *waiter)
{
	if (mc_scenario->ideal_locks)
		mutex_lock(lock, PC);
	else
		__real_pawl_lock_lock_as(lock, waiter);
}

bool __wrap_pawl_lock_trylock(const void *lock)
{
	return mc_scenario->ideal_locks ? try_mutex(lock, PC) : __real_pawl_lock_trylock(lock);
}

void __wrap_pawl_lock_unlock(const void *lock)
{
	if (mc_scenario->ideal_locks)
		mutex_unlock(lock, PC);
	else
		__real_pawl_lock_unlock(lock);
}

void __wrap_pawl_lock_lock_pair(const void *a, const void *b)
{
	if (!mc_scenario->ideal_locks) {
		__real_pawl_lock_lock_pair(a, b);
		return;
	}
	mutex_lock(a < b ? a : b, PC);
	if (a != b)
		mutex_lock(a < b ? b : a, PC);
}

void __wrap_pawl_lock_unlock_pair(const void *a, const void *b)
{
	if (!mc_scenario->ideal_locks) {
		__real_pawl_lock_unlock_pair(a, b);
		return;
	}
	mutex_unlock(a, PC);
	if (a != b)
		mutex_unlock(b, PC);
}

bool __wrap_pawl_lock_is_locked(const void *lock)
{
	return mc_scenario->ideal_locks ? seen_mutex(lock, PC) != 0
					: __real_pawl_lock_is_locked(lock);
}

/* --- condition variables --- */

static uint16_t cond_of(const void *c)
{
	return mc_object(OBJ_KEY(OBJ_COND, (uintptr_t)c), "condition variable");
}

static int cond_wait(const void *c, const void *m, bool timed, const void *pc)
{
	uint16_t queue = cond_of(c);
	unsigned me = mc_r->cur, flags = timed ? EVF_TIMED : 0;
	uint64_t q = mc_object_begin(queue, FILTER_NONE, 0, 0, pc) & 0xffff;
	int r = 0;

	mc_object_end(queue, q | 1u << me, pc);
	mutex_unlock(m, pc);
	if (timed && mc_choice(2, "the wait times out", pc) == 1) {
		q = mc_object_begin(queue, FILTER_WAITING, me, flags, pc) & 0xffff;
		mc_object_end(queue, q & ~(1ull << me), pc);
		mc_self()->over = true;
		r = ETIMEDOUT;
	} else {
		mc_object_read(queue, FILTER_WOKEN, me, flags, pc);
	}
	mutex_lock(m, pc);
	return r;
}

static void cond_wake(const void *c, unsigned count, const void *pc)
{
	uint16_t queue = cond_of(c);
	uint64_t q = mc_object_begin(queue, FILTER_NONE, 0, 0, pc) & 0xffff, woken = 0;

	while (q && count--) {
		unsigned waiting = (unsigned)__builtin_popcountll(q);
		unsigned which = count + 1 < waiting ? mc_choice(waiting, "which waiter", pc) : 0;
		uint64_t bit = q;

		while (which--)
			bit &= bit - 1;
		bit &= -bit;
		q &= ~bit;
		woken |= bit;
	}
	mc_object_end(queue, q | woken << 32, pc);
}

int __wrap_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int __wrap_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
	return cond_wait(c, m, false, PC);
}
int __wrap_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m,
				  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m,
				  const struct timespec *until)
{
	(void)until;
	return cond_wait(c, m, true, PC);
}
int __wrap_pthread_cond_signal(pthread_cond_t *c);
int __wrap_pthread_cond_signal(pthread_cond_t *c)
{
	cond_wake(c, 1, PC);
	return 0;
}
int __wrap_pthread_cond_broadcast(pthread_cond_t *c);
int __wrap_pthread_cond_broadcast(pthread_cond_t *c)
{
	cond_wake(c, MC_T, PC);
	return 0;
}
int __wrap_pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *attr);
int __wrap_pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *attr)
{
	(void)c;
	(void)attr;
	return 0;
}
int __wrap_pthread_cond_destroy(pthread_cond_t *c);
int __wrap_pthread_cond_destroy(pthread_cond_t *c)
{
	(void)c;
	return 0;
}

/* --- once --- */

int __wrap_pthread_once(pthread_once_t *once, void (*fn)(void));
int __wrap_pthread_once(pthread_once_t *once, void (*fn)(void))
{
	uint16_t obj = mutex_of(once);
	/* 0 not yet, 1 running, 2 done. */
	uint64_t v = mc_object_begin(obj, FILTER_BITS0, 1, 0, PC);

	if (v == 2)
		return 0;
	mc_object_end(obj, 1, PC);
	fn();
	mc_object_store(obj, 2, PC);
	return 0;
}

/* --- threads --- */

static uint16_t thread_of(unsigned t)
{
	return mc_object(OBJ_KEY(OBJ_THREAD, t), "thread");
}

static void run_destructors(void)
{
	struct mc_thread *t = mc_self();

	for (unsigned round = 0, again = 1; again && round < 4; round++) {
		again = 0;
		for (unsigned k = 0; k < MC_KEYS; k++) {
			void *v = t->keys[k];

			t->keys[k] = NULL;
			if (!v || !mc_r->key_used[k] || !mc_r->key_dtor[k])
				continue;
			mc_r->key_dtor[k](v);
			again = 1;
		}
	}
}

/* What a thread that the program created does. */
void mc_thread_body(void)
{
	unsigned me = mc_r->cur;
	const void *pc = (const void *)(uintptr_t)mc_self()->start;

	mc_object_read(thread_of(me), FILTER_EQ, 1, 0, pc);
	mc_self()->result = mc_self()->start(mc_self()->arg);
	run_destructors();
	mc_object_store(thread_of(me), 2, pc);
}

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg)
{
	(void)attr;
	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
	if (mc_mode == MODE_RUN && mc_plain_pending())
		mc_plain_flush();
	if (mc_out_of_memory(PC))
		return EAGAIN;
	unsigned t = (unsigned)mc_thread_new(fn, arg);

	mc_object_store(thread_of(t), 1, PC);
	mc_dirty((uintptr_t)ret, sizeof(*ret));
	*ret = (pthread_t)(t + 1);
	return 0;
}

int __wrap_pthread_join(pthread_t thread, void **ret);
int __wrap_pthread_join(pthread_t thread, void **ret)
{
	unsigned t = (unsigned)thread - 1;

	mc_object_read(thread_of(t), FILTER_EQ, 2, 0, PC);
	if (ret) {
		mc_dirty((uintptr_t)ret, sizeof(*ret));
		*ret = mc_r->th[t].result;
	}
	return 0;
}

int __wrap_pthread_detach(pthread_t thread);
int __wrap_pthread_detach(pthread_t thread)
{
	(void)thread;
	return 0;
}
pthread_t __wrap_pthread_self(void);
pthread_t __wrap_pthread_self(void)
{
	return mc_mode == MODE_OFF ? 0 : (pthread_t)(mc_r->cur + 1u);
}
int __wrap_pthread_setname_np(pthread_t thread, const char *name);
int __wrap_pthread_setname_np(pthread_t thread, const char *name)
{
	unsigned t = (unsigned)thread - 1;

	if (t < MC_T)
		snprintf(mc_r->th[t].name, sizeof(mc_r->th[t].name), "%s", name);
	return 0;
}
int __wrap_pthread_atfork(void (*a)(void), void (*b)(void), void (*c)(void));
int __wrap_pthread_atfork(void (*a)(void), void (*b)(void), void (*c)(void))
{
	(void)a;
	(void)b;
	mc_r->fork_child = c;
	return 0;
}

void mc_fork(void)
{
	if (mc_r->fork_child)
		mc_r->fork_child();
}
int __wrap_pthread_sigmask(int how, const void *set, void *old);
int __wrap_pthread_sigmask(int how, const void *set, void *old)
{
	(void)how;
	(void)set;
	(void)old;
	return 0;
}

/* --- thread-specific data --- */

int __wrap_pthread_key_create(pthread_key_t *key, void (*dtor)(void *));
int __wrap_pthread_key_create(pthread_key_t *key, void (*dtor)(void *))
{
	for (unsigned k = 0; k < MC_KEYS; k++)
		if (!mc_r->key_used[k]) {
			mc_r->key_used[k] = true;
			mc_r->key_dtor[k] = dtor;
			mc_dirty((uintptr_t)key, sizeof(*key));
			*key = k;
			return 0;
		}
	return EAGAIN;
}
int __wrap_pthread_key_delete(pthread_key_t key);
int __wrap_pthread_key_delete(pthread_key_t key)
{
	mc_r->key_used[key] = false;
	return 0;
}
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
	union {
		const void *in;
		void *out;
	} u = {value};

	mc_self()->keys[key] = u.out;
	return 0;
}
void *__wrap_pthread_getspecific(pthread_key_t key);
void *__wrap_pthread_getspecific(pthread_key_t key)
{
	return mc_self()->keys[key];
}

void *mc_tls_get(void);
void *mc_tls_get(void)
{
	return mc_r ? mc_self()->tls : NULL;
}
void mc_tls_set(void *value);
void mc_tls_set(void *value)
{
	mc_self()->tls = value;
}
