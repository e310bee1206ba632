/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-wrap.c - libc as the program under test sees it: memory, time, futex, membarrier.
 *
 * Linked with -Wl,--wrap=NAME for each NAME here; the checker's own objects were renamed to
 * the __real_ ones, so only the program comes here.
 *
 * Futex. A word's queue is an object whose value has a bit per waiting thread (0..15), and
 * in bits 32..47 whom this very step woke. A wait is one atomic step on the queue with a
 * load of the word inside it: the queue is read, the word is loaded, and if it still has
 * the expected value the thread enqueues itself, all with no other step of this queue in
 * between. That is what the kernel's bucket lock gives. Then the thread reads the queue
 * until some step has woken it, and acquires from that step. A wake of fewer than all
 * chooses whom. A wait with a timeout may, as an explored choice, be over instead: then it
 * takes itself off the queue in one step. A deadline of zero is over at once.
 * Not modelled: spurious wake-ups, requeue, PI, bitsets other than all.
 *
 * Time. clock_gettime() is a constant per execution, until an mc_deadline() is taken:
 * then each look by that thread chooses whether the deadline is over; from then on it is.
 *
 * membarrier is a sequentially consistent fence of the caller, and of every other thread
 * at the place where it stands: see mc_membarrier() for what that covers.
 */
#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "mc-internal.h"

#define PC __builtin_return_address(0)

/* --- memory --- */

void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
int __wrap_posix_memalign(void **ret, size_t align, size_t size);
void __wrap_free(void *ptr);
char *__wrap_strdup(const char *s);
size_t __wrap_malloc_usable_size(void *ptr);

/* May an allocation fail here, and does it? See `oom` of struct mc_scenario. */
bool mc_out_of_memory(const void *pc)
{
	static const char what[] = "no memory";
	unsigned before = 0;

	if (mc_mode != MODE_RUN || !mc_scenario->oom)
		return false;
	for (unsigned i = 0; i < mc_self()->done; i++) {
		const struct mc_ev *e = mc_ev(mc_g, EID(mc_r->cur, i));

		before += e->kind == EV_CHOICE && e->what == what && e->value;
	}
	return before < mc_scenario->oom && mc_choice(2, what, pc) == 1;
}

static void *allocate(size_t size, size_t align, const void *pc)
{
	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
	void *p = mc_out_of_memory(pc) ? NULL : mc_heap_alloc(size, align, pc);

	if (!p)
		errno = ENOMEM;
	return p;
}

void *__wrap_malloc(size_t size)
{
	return mc_mode == MODE_OFF ? __real_malloc(size) : allocate(size, 16, PC);
}

void *__wrap_calloc(size_t n, size_t size)
{
	size_t bytes;

	if (mc_mode == MODE_OFF)
		return __real_calloc(n, size);
	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	void *p = allocate(bytes, 16, PC);

	if (p) {
		memset(p, 0, bytes);
		mc_heap_written((uintptr_t)p, bytes);
	}
	return p;
}

void *__wrap_realloc(void *ptr, size_t size)
{
	if (mc_mode == MODE_OFF)
		return __real_realloc(ptr, size);
	void *p = allocate(size, 16, PC);
	size_t old = mc_heap_size(ptr);

	if (!p || !ptr)
		return p;
	mc_plain((uintptr_t)ptr, old < size ? old : size, false, PC);
	memcpy(p, ptr, old < size ? old : size);
	mc_heap_copied((uintptr_t)p, (uintptr_t)ptr, old < size ? old : size);
	mc_heap_free(ptr, PC);
	return p;
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return mc_mode == MODE_OFF ? __real_malloc(size) : allocate(size, align, PC);
}

int __wrap_posix_memalign(void **ret, size_t align, size_t size)
{
	void *p = mc_mode == MODE_OFF ? __real_malloc(size) : allocate(size, align, PC);

	if (!p)
		return ENOMEM;
	mc_dirty((uintptr_t)ret, sizeof(*ret));
	*ret = p;
	return 0;
}

void __wrap_free(void *ptr)
{
	if (!ptr)
		return;
	if (mc_mode == MODE_OFF) {
		__real_free(ptr);
		return;
	}
	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
	mc_heap_free(ptr, PC);
}

char *__wrap_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = mc_mode == MODE_OFF ? __real_malloc(n) : allocate(n, 16, PC);

	if (p) {
		memcpy(p, s, n);
		mc_heap_written((uintptr_t)p, n);
	}
	return p;
}

size_t __wrap_malloc_usable_size(void *ptr)
{
	return mc_heap_size(ptr);
}

/* --- time --- */

#define NOW_NS	    1000000000000ull
#define DEADLINE_NS (NOW_NS + 1000000000ull)

uint64_t mc_deadline(void)
{
	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
	mc_self()->deadline_used = true;
	return DEADLINE_NS;
}

uint64_t mc_now(const void *pc)
{
	struct mc_thread *t = mc_self();

	if (mc_mode == MODE_RUN && t->deadline_used && !t->over)
		t->over = mc_choice(2, "the deadline is over", pc) == 1;
	return t->over ? DEADLINE_NS + 1 : NOW_NS;
}

int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	if (mc_mode == MODE_OFF)
		return __real_clock_gettime(clock, ts);
	uint64_t now = mc_now(PC);

	mc_dirty((uintptr_t)ts, sizeof(*ts));

	ts->tv_sec = (time_t)(now / 1000000000u);
	ts->tv_nsec = (long)(now % 1000000000u);
	return 0;
}

int __wrap_nanosleep(const struct timespec *req, struct timespec *rem);
int __wrap_nanosleep(const struct timespec *req, struct timespec *rem)
{
	(void)req;
	(void)rem;
	return 0;
}
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *req,
			   struct timespec *rem);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *req,
			   struct timespec *rem)
{
	(void)clock;
	(void)flags;
	(void)req;
	(void)rem;
	return 0;
}
int __wrap_usleep(unsigned us);
int __wrap_usleep(unsigned us)
{
	(void)us;
	return 0;
}
int __wrap_sched_yield(void);
int __wrap_sched_yield(void)
{
	return 0;
}
int __wrap_sched_getcpu(void);
int __wrap_sched_getcpu(void)
{
	return mc_mode == MODE_OFF ? 0 : mc_r->cur;
}
pid_t __wrap_getpid(void);
pid_t __wrap_getpid(void)
{
	return 4242;
}
pid_t __wrap_gettid(void);
pid_t __wrap_gettid(void)
{
	return 4242 + (mc_mode == MODE_OFF ? 0 : mc_r->cur);
}
void __wrap_abort(void) __attribute__((noreturn));
void __wrap_abort(void)
{
	mc_fail_now(FAIL_CONTRACT, PC, "abort() was called");
}
void __wrap_exit(int status) __attribute__((noreturn));
void __real_exit(int status) __attribute__((noreturn));
void __wrap_exit(int status)
{
	if (mc_mode == MODE_OFF)
		__real_exit(status);
	mc_fail_now(FAIL_CONTRACT, PC, "exit(%d) was called", status);
}

/* --- what the machine is like --- */

unsigned mc_spin_turns(void);
unsigned mc_spin_turns(void)
{
	return mc_scenario->spin_turns;
}

long __real_sysconf(int name);
long __wrap_sysconf(int name);
long __wrap_sysconf(int name)
{
	if (name == _SC_NPROCESSORS_CONF)
		return 2;
	return name == _SC_NPROCESSORS_ONLN ? 4 : __real_sysconf(name);
}

/* --- futex --- */

#define WOKEN_SHIFT 32

static int futex_wait(uint64_t addr, uint32_t expected, const struct timespec *timeout,
		      const void *pc)
{
	uint16_t queue = mc_object(OBJ_KEY(OBJ_FUTEX, addr), "futex queue");
	unsigned me = mc_r->cur;
	struct mc_thread *t = mc_self();
	unsigned timed = timeout ? EVF_TIMED : 0;
	uint64_t q = mc_object_begin(queue, FILTER_NONE, 0, 0, pc);

	if ((uint32_t)mc_load(addr, 4, MO_RELAXED, pc) != expected) {
		errno = EAGAIN;
		return -1;
	}
	if (timeout && !timeout->tv_sec && !timeout->tv_nsec) {
		errno = ETIMEDOUT;
		return -1;
	}
	q &= 0xffff;
	mc_object_end(queue, q | 1u << me, pc);
	if (timeout && mc_choice(2, "the wait times out", pc) == 1) {
		q = mc_object_begin(queue, FILTER_WAITING, me, timed, pc) & 0xffff;
		mc_object_end(queue, q & ~(1ull << me), pc);
		t->over = true;
		errno = ETIMEDOUT;
		return -1;
	}
	mc_object_read(queue, FILTER_WOKEN, me, timed, pc);
	return 0;
}

static int futex_wake(uint64_t addr, unsigned count, const void *pc)
{
	uint16_t queue = mc_object(OBJ_KEY(OBJ_FUTEX, addr), "futex queue");
	uint64_t q = mc_object_begin(queue, FILTER_NONE, 0, 0, pc) & 0xffff, woken = 0;
	int n = 0;

	while (q && count--) {
		unsigned waiting = (unsigned)__builtin_popcountll(q);
		unsigned which =
			count + 1 < waiting ? mc_choice(waiting, "which waiter", pc) : 0;
		uint64_t bit = q;

		while (which--)
			bit &= bit - 1;
		bit &= -bit;
		q &= ~bit;
		woken |= bit;
		n++;
	}
	mc_object_end(queue, q | woken << WOKEN_SHIFT, pc);
	return n;
}

static long futex(va_list ap, const void *pc)
{
	uint64_t addr = (uintptr_t)va_arg(ap, void *);
	int op = va_arg(ap, int);
	unsigned val = va_arg(ap, unsigned);
	const struct timespec *timeout;

	switch (op & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		timeout = va_arg(ap, const struct timespec *);
		mc_heap_check(addr, 4, false, pc);
		return futex_wait(addr, val, timeout, pc);
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET:
		/* The kernel does not look at the word, so a freed one is no error. */
		return futex_wake(addr, val, pc);
	default:
		mc_fail_now(FAIL_MISUSE, pc, "futex operation %d is not modelled", op);
	}
}

/* --- membarrier --- */

static long membarrier(int cmd, const void *pc)
{
	if (mc_scenario->no_membarrier) {
		if (mc_choice(2, "membarrier is refused", pc) == 1)
			return MEMBARRIER_CMD_GLOBAL;
		errno = ENOSYS;
		return -1;
	}
	if (cmd == MEMBARRIER_CMD_QUERY)
		return MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_PRIVATE_EXPEDITED |
		       MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
	if (cmd == MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
		return 0;
	if (mc_scenario->membarrier_lost) {
		errno = EPERM;
		return -1;
	}
	mc_membarrier(true, pc);
	return 0;
}

/*
 * Two processors; whoever has run on both, and on each alone, was a fence on every other thread. It counts at the second.
 * None of the caller's own is promised: that is for who visits them.
 */
int __wrap_sched_getaffinity(pid_t pid, size_t bytes, unsigned long *set);
int __wrap_sched_getaffinity(pid_t pid, size_t bytes, unsigned long *set)
{
	(void)pid;
	memset(set, 0, bytes);
	set[0] = 3;
	return 0;
}

int __wrap_sched_setaffinity(pid_t pid, size_t bytes, const unsigned long *set);
int __wrap_sched_setaffinity(pid_t pid, size_t bytes, const unsigned long *set)
{
	(void)pid;
	(void)bytes;
	if (set[0] == 2)
		mc_membarrier(false, PC);
	return 0;
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	va_list ap;
	long r;

	va_start(ap, number);
	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
	switch (number) {
	case SYS_futex:
		r = futex(ap, PC);
		break;
	case SYS_membarrier:
		r = membarrier(va_arg(ap, int), PC);
		break;
	case SYS_gettid:
		r = 4242 + mc_r->cur;
		break;
	default:
		mc_fail_now(FAIL_MISUSE, PC, "system call %ld is not modelled", number);
	}
	va_end(ap);
	return r;
}
