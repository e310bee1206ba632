/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-libc.c - pthread, futex, clocks and randomness as the program sees them.
 *
 * Linked with -Wl,--wrap=NAME for each NAME here (verify/mc-build). A mutex is its first word: 0, or 1 + the
 * owner's number. A condition variable, a futex, a thread is the address that its waiters sleep at. Waiters are
 * woken in any order, and a futex now and then for no reason. Real are: errno, strings, sorting.
 *
 * Not there: files, descriptors, child processes. Nothing that is simulated uses them but by the program's wish.
 */
#include "sim.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PC	 __builtin_return_address(0)
#define SPURIOUS 256
#define NEVER	 UINT64_MAX
#define KEYS	 32
/* CLOCK_REALTIME is so far ahead. */
#define REAL_NS 1700000000000000000u

/* ---- mutexes ---- */

static unsigned *word_of(pthread_mutex_t *m)
{
	return (unsigned *)(void *)m;
}

static void mutex_lock(pthread_mutex_t *m, const void *pc)
{
	sim_step('c', (uintptr_t)m, pc);
	sim_check_access((uintptr_t)m, 4, true, pc);
	while (*word_of(m)) {
		if (*word_of(m) == sim_me + 1)
			sim_fail("a mutex is locked by its owner");
		(void)sim_sleep(m, NEVER, "waits for a mutex", pc);
	}
	*word_of(m) = sim_me + 1;
}

static void mutex_unlock(pthread_mutex_t *m)
{
	if (sim_on && *word_of(m) != sim_me + 1)
		sim_fail("a mutex is unlocked by who does not have it");
	*word_of(m) = 0;
	sim_wake(m, 1);
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
	sim_step('c', (uintptr_t)m, PC);
	if (*word_of(m))
		return EBUSY;
	*word_of(m) = sim_me + 1;
	return 0;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *m);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *m)
{
	sim_step('s', (uintptr_t)m, PC);
	mutex_unlock(m);
	return 0;
}

int __wrap_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr);
int __wrap_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
	(void)attr;
	*word_of(m) = 0;
	return 0;
}

int __wrap_pthread_mutex_destroy(pthread_mutex_t *m);
int __wrap_pthread_mutex_destroy(pthread_mutex_t *m)
{
	if (*word_of(m))
		sim_fail("a mutex is destroyed while somebody has it");
	return 0;
}

/* Of readers and writers: two words, how many read, and who writes. Nobody is preferred. */
static unsigned *words_of(pthread_rwlock_t *l)
{
	return (unsigned *)(void *)l;
}

int __wrap_pthread_rwlock_init(pthread_rwlock_t *l, const pthread_rwlockattr_t *attr);
int __wrap_pthread_rwlock_init(pthread_rwlock_t *l, const pthread_rwlockattr_t *attr)
{
	(void)attr;
	words_of(l)[0] = words_of(l)[1] = 0;
	return 0;
}

int __wrap_pthread_rwlock_destroy(pthread_rwlock_t *l);
int __wrap_pthread_rwlock_destroy(pthread_rwlock_t *l)
{
	if (words_of(l)[0] || words_of(l)[1])
		sim_fail("a lock is destroyed while somebody has it");
	return 0;
}

int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *l);
int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
	sim_step('c', (uintptr_t)l, PC);
	while (words_of(l)[1])
		(void)sim_sleep(l, NEVER, "waits for a lock's writer", PC);
	words_of(l)[0]++;
	return 0;
}

int __wrap_pthread_rwlock_wrlock(pthread_rwlock_t *l);
int __wrap_pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
	sim_step('c', (uintptr_t)l, PC);
	while (words_of(l)[0] || words_of(l)[1])
		(void)sim_sleep(l, NEVER, "waits for a lock", PC);
	words_of(l)[1] = sim_me + 1;
	return 0;
}

int __wrap_pthread_rwlock_unlock(pthread_rwlock_t *l);
int __wrap_pthread_rwlock_unlock(pthread_rwlock_t *l)
{
	sim_step('s', (uintptr_t)l, PC);
	if (words_of(l)[1] == sim_me + 1)
		words_of(l)[1] = 0;
	else if (words_of(l)[0])
		words_of(l)[0]--;
	else
		sim_fail("a lock is unlocked that nobody has");
	sim_wake(l, SIM_THREADS);
	return 0;
}

/* ---- condition variables ---- */

int __wrap_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int __wrap_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
	mutex_unlock(m);
	(void)sim_sleep(c, NEVER, "waits for a condition", PC);
	mutex_lock(m, PC);
	return 0;
}

int __wrap_pthread_cond_signal(pthread_cond_t *c);
int __wrap_pthread_cond_signal(pthread_cond_t *c)
{
	sim_step('s', (uintptr_t)c, PC);
	sim_wake(c, 1);
	return 0;
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *c);
int __wrap_pthread_cond_broadcast(pthread_cond_t *c)
{
	sim_step('s', (uintptr_t)c, PC);
	sim_wake(c, SIM_THREADS);
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

int __wrap_pthread_once(pthread_once_t *once, void (*fn)(void));
int __wrap_pthread_once(pthread_once_t *once, void (*fn)(void))
{
	sim_step('c', (uintptr_t)once, PC);
	while (*once == 1)
		(void)sim_sleep(once, NEVER, "waits for a pthread_once", PC);
	if (*once)
		return 0;
	*once = 1;
	fn();
	*once = 2;
	sim_wake(once, SIM_THREADS);
	return 0;
}

/* ---- threads ---- */

static void (*destructors[KEYS])(void *);
static bool key_used[KEYS];

struct begin {
	void *(*fn)(void *arg);
	void *arg;
};

static struct begin begins[SIM_THREADS];

static void run_destructors(void)
{
	for (unsigned round = 0; round < 4; round++)
		for (unsigned k = 0; k < KEYS; k++) {
			void *value = sim_self()->keys[k];

			sim_self()->keys[k] = NULL;
			if (value && key_used[k] && destructors[k])
				destructors[k](value);
		}
}

static void *thread_body(void *arg)
{
	struct begin begin = *(struct begin *)arg;
	void *result = begin.fn(begin.arg);

	run_destructors();
	return result;
}

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg)
{
	unsigned t = sim_thread_new(thread_body, NULL);

	(void)attr;
	begins[t] = (struct begin){fn, arg};
	sim_threads[t].arg = &begins[t];
	*ret = (pthread_t)(t + 1);
	sim_step('s', t, PC);
	return 0;
}

int __wrap_pthread_join(pthread_t thread, void **ret);
int __wrap_pthread_join(pthread_t thread, void **ret)
{
	struct sim_thread *t = &sim_threads[(unsigned)thread - 1];

	sim_step('l', (uintptr_t)thread, PC);
	while (t->state != SIM_ENDED)
		(void)sim_sleep(t, NEVER, "waits for a thread's end", PC);
	if (ret)
		*ret = t->result;
	t->joined = true;
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
	return (pthread_t)(sim_me + 1);
}

int __wrap_pthread_setname_np(pthread_t thread, const char *name);
int __wrap_pthread_setname_np(pthread_t thread, const char *name)
{
	struct sim_thread *t = &sim_threads[(unsigned)thread - 1];

	snprintf(t->name, sizeof(t->name), "%s", name);
	return 0;
}

int __wrap_pthread_atfork(void (*a)(void), void (*b)(void), void (*c)(void));
int __wrap_pthread_atfork(void (*a)(void), void (*b)(void), void (*c)(void))
{
	(void)a;
	(void)b;
	(void)c;
	return 0;
}

int __wrap_pthread_sigmask(int how, const void *set, void *old);
int __wrap_pthread_sigmask(int how, const void *set, void *old)
{
	(void)how;
	(void)set;
	(void)old;
	return 0;
}

int __wrap_pthread_key_create(pthread_key_t *key, void (*destructor)(void *));
int __wrap_pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
	for (unsigned k = 0; k < KEYS; k++)
		if (!key_used[k]) {
			key_used[k] = true;
			destructors[k] = destructor;
			for (unsigned t = 0; t < SIM_THREADS; t++)
				sim_threads[t].keys[k] = NULL;
			*key = k;
			return 0;
		}
	return EAGAIN;
}

int __wrap_pthread_key_delete(pthread_key_t key);
int __wrap_pthread_key_delete(pthread_key_t key)
{
	key_used[key] = false;
	return 0;
}

int __wrap_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
	union {
		const void *in;
		void *out;
	} u = {value};

	sim_self()->keys[key] = u.out;
	return 0;
}

void *__wrap_pthread_getspecific(pthread_key_t key);
void *__wrap_pthread_getspecific(pthread_key_t key)
{
	return sim_self()->keys[key];
}

/* ---- time ---- */

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	uint64_t now = sim_now() + (clock == CLOCK_REALTIME ? REAL_NS : 0);

	ts->tv_sec = (time_t)(now / 1000000000u);
	ts->tv_nsec = (long)(now % 1000000000u);
	return 0;
}

static uint64_t ns_of(const struct timespec *ts)
{
	return (uint64_t)ts->tv_sec * 1000000000u + (uint64_t)ts->tv_nsec;
}

int __wrap_nanosleep(const struct timespec *req, struct timespec *rem);
int __wrap_nanosleep(const struct timespec *req, struct timespec *rem)
{
	(void)rem;
	(void)sim_sleep(req, sim_now() + ns_of(req), "naps", PC);
	return 0;
}

int __wrap_sched_yield(void);
int __wrap_sched_yield(void)
{
	sim_yield(PC);
	return 0;
}

/* ---- the machine ---- */

/* One processor, which all threads are on. */
int __wrap_sched_getaffinity(pid_t pid, size_t bytes, void *set);
int __wrap_sched_getaffinity(pid_t pid, size_t bytes, void *set)
{
	(void)pid;
	memset(set, 0, bytes);
	*(unsigned char *)set = 1;
	return 0;
}

int __wrap_sched_setaffinity(pid_t pid, size_t bytes, const void *set);
int __wrap_sched_setaffinity(pid_t pid, size_t bytes, const void *set)
{
	(void)pid;
	(void)bytes;
	(void)set;
	sim_step('f', 0, PC);
	return 0;
}

ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags)
{
	unsigned char *to = buf;

	(void)flags;
	for (size_t i = 0; i < len; i++)
		to[i] = (unsigned char)(0x5a + i * 29);
	return (ssize_t)len;
}

pid_t __wrap_getpid(void);
pid_t __wrap_getpid(void)
{
	return 4242;
}

long __real_sysconf(int name);
long __wrap_sysconf(int name);
long __wrap_sysconf(int name)
{
	return name == _SC_NPROCESSORS_ONLN || name == _SC_NPROCESSORS_CONF
		       ? 4
		       : __real_sysconf(name);
}

void __wrap_abort(void) __attribute__((noreturn));
void __wrap_abort(void)
{
	sim_fail("abort() was called");
}

void __wrap___assert_fail(const char *what, const char *file, unsigned line, const char *fn)
	__attribute__((noreturn));
void __wrap___assert_fail(const char *what, const char *file, unsigned line, const char *fn)
{
	(void)fn;
	(void)line;
	sim_fail("assertion %s in %s", what,
		 strrchr(file, '/') ? strrchr(file, '/') + 1 : file);
}

/* lib/contract.c is not built in: a broken contract ends here. */
void __wrap_pawl__contract_broken(const char *what, const char *file, int line, const char *fn)
	__attribute__((noreturn));
void __wrap_pawl__contract_broken(const char *what, const char *file, int line, const char *fn)
{
	(void)line;
	sim_fail("contract broken: %s in %s() in %s", what, fn,
		 strrchr(file, '/') ? strrchr(file, '/') + 1 : file);
}

/* ---- system calls ---- */

static int futex_wait(const uint32_t *word, uint32_t expected, const struct timespec *until,
		      const void *pc)
{
	sim_step('l', (uintptr_t)word, pc);
	sim_check_access((uintptr_t)word, 4, false, pc);
	if (*word != expected) {
		errno = EAGAIN;
		return -1;
	}
	if (!sim_below(&sim_run->choices, SPURIOUS)) {
		errno = EINTR;
		return -1;
	}
	if (!sim_sleep(word, until ? ns_of(until) : NEVER, "waits at a futex", pc)) {
		errno = ETIMEDOUT;
		return -1;
	}
	return 0;
}

static long futex(va_list ap, const void *pc)
{
	const uint32_t *word = va_arg(ap, const uint32_t *);
	int op = va_arg(ap, int);
	unsigned value = va_arg(ap, unsigned);

	switch (op & FUTEX_CMD_MASK) {
	case FUTEX_WAIT_BITSET:
		return futex_wait(word, value, va_arg(ap, const struct timespec *), pc);
	case FUTEX_WAKE:
		sim_step('s', (uintptr_t)word, pc);
		return (long)sim_wake(word, value);
	default:
		sim_fail("futex operation %d is not simulated", op);
	}
}

static long membarrier(int command, const void *pc)
{
	if (command == MEMBARRIER_CMD_QUERY)
		return MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_PRIVATE_EXPEDITED |
		       MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
	sim_step('f', 0, pc);
	return 0;
}

long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	va_list ap;
	long r = 0;

	va_start(ap, number);
	switch (number) {
	case SYS_futex:
		r = futex(ap, PC);
		break;
	case SYS_membarrier:
		r = membarrier(va_arg(ap, int), PC);
		break;
	case SYS_gettid:
		r = 4242 + (long)sim_me;
		break;
	default:
		sim_fail("system call %ld is not simulated", number);
	}
	va_end(ap);
	return r;
}
