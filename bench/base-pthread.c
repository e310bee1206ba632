/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-pthread.c - what glibc and the kernel offer: mutexes, spin locks,
 * condition variables, eventfd, the futex call itself.
 */
#include "bench.h"
#include "work.h"

#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- locks --------------------------------------------------------------- */

typedef pthread_mutex_t mutex_t;

static inline void mutex_init(pthread_mutex_t *lock)
{
	pthread_mutex_init(lock, NULL);
}

static inline void mutex_lock(pthread_mutex_t *lock)
{
	pthread_mutex_lock(lock);
}

static inline void mutex_unlock(pthread_mutex_t *lock)
{
	pthread_mutex_unlock(lock);
}

B_LOCK_CASES(mutex, "pthread-mutex", NULL, NULL)

typedef pthread_mutex_t adaptive_t;

static inline void adaptive_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

#define adaptive_lock	mutex_lock
#define adaptive_unlock mutex_unlock

B_LOCK_CASES(adaptive, "pthread-adaptive", NULL, NULL)

/* Without the cast glibc's type would carry a qualifier that the work does not want. */
typedef struct {
	pthread_spinlock_t word;
} spin_t;

static inline void spin_init(spin_t *lock)
{
	pthread_spin_init(&lock->word, PTHREAD_PROCESS_PRIVATE);
}

static inline void spin_lock(spin_t *lock)
{
	pthread_spin_lock(&lock->word);
}

static inline void spin_unlock(spin_t *lock)
{
	pthread_spin_unlock(&lock->word);
}

B_LOCK_CASES(spin, "pthread-spin", NULL, NULL)

/* No lock: the loop and the counts. Races, so one thread at a time on one object. */
typedef struct {
	char nothing[4];
} none_t;

#define none_init(lock)	  (void)(lock)
#define none_lock(lock)	  b_use(lock)
#define none_unlock(lock) b_use(lock)

struct none_apart {
	none_t lock;
	uint64_t value[B_INSIDE];
} PAWL_ALIGNED(PAWL_LINE_BYTES);

static int none_setup(struct b_run *run)
{
	run->state = b_alloc(run->threads * sizeof(struct none_apart));
	return 0;
}

static void none_own(struct b_worker *w, uint64_t n)
{
	struct none_apart *objs = w->run->state;
	struct none_apart *obj = &objs[w->index];

	while (n--) {
		none_lock(&obj->lock);
		obj->value[0]++;
		none_unlock(&obj->lock);
	}
}

static const struct b_case none_cases[] = {
	{.bench = "lock-free",
	 .contender = "(no lock)",
	 .setup = none_setup,
	 .work = none_own,
	 .teardown = b_teardown_free},
};
B_CASES(none_cases)

/* ---- gates --------------------------------------------------------------- */

struct cond_gate {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	uint32_t value;
};

static inline void cond_gate_init(struct cond_gate *gate)
{
	pthread_mutex_init(&gate->mutex, NULL);
	pthread_cond_init(&gate->cond, NULL);
}

/* The signal after the unlock: the woken thread does not run into the mutex. */
static inline void cond_gate_post(struct cond_gate *gate, uint32_t value, bool all)
{
	pthread_mutex_lock(&gate->mutex);
	gate->value = value;
	pthread_mutex_unlock(&gate->mutex);
	if (all)
		pthread_cond_broadcast(&gate->cond);
	else
		pthread_cond_signal(&gate->cond);
}

static inline void cond_gate_wait(struct cond_gate *gate, uint32_t value)
{
	pthread_mutex_lock(&gate->mutex);
	while (gate->value != value)
		pthread_cond_wait(&gate->cond, &gate->mutex);
	pthread_mutex_unlock(&gate->mutex);
}

B_GATE_CASES(cond_gate, "pthread-cond", sizeof(pthread_mutex_t) + sizeof(pthread_cond_t), NULL,
	     NULL)

struct futex_gate {
	struct pawl_atomic_u32 value;
};

static inline void futex_gate_init(struct futex_gate *gate)
{
	pawl_init_word(&gate->value, 0u);
}

/* The plainest use: always a wake, never a look whether anybody sleeps. */
static inline void futex_gate_post(struct futex_gate *gate, uint32_t value, bool all)
{
	pawl_store_release(&gate->value, value);
	syscall(SYS_futex, gate, FUTEX_WAKE_PRIVATE, all ? 0x7fffffff : 1, NULL, NULL, 0);
}

static inline void futex_gate_sleep(struct futex_gate *gate, uint32_t value, unsigned turns)
{
	for (;;) {
		uint32_t seen = pawl_load_acquire(&gate->value);

		if (seen == value)
			return;
		if (turns) {
			turns--;
			pawl_pause();
			continue;
		}
		syscall(SYS_futex, gate, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
	}
}

static inline void futex_gate_wait(struct futex_gate *gate, uint32_t value)
{
	futex_gate_sleep(gate, value, 0);
}

B_GATE_CASES(futex_gate, "futex", sizeof(struct futex_gate), NULL, NULL)

static const struct b_case futex_park_cases[] = {
	B_GATE_PINGPONG_CASES(futex_gate, "park-ping-pong", "futex", 0, NULL, NULL),
};
B_CASES(futex_park_cases)

/* The same with as many looks before the sleep as ck_ec takes. */
struct futex_spin {
	struct futex_gate gate;
};

static inline void futex_spin_init(struct futex_spin *spin)
{
	futex_gate_init(&spin->gate);
}

static inline void futex_spin_post(struct futex_spin *spin, uint32_t value, bool all)
{
	futex_gate_post(&spin->gate, value, all);
}

static inline void futex_spin_wait(struct futex_spin *spin, uint32_t value)
{
	futex_gate_sleep(&spin->gate, value, 100);
}

B_GATE_CASES(futex_spin, "futex-spin100", sizeof(struct futex_gate), NULL, NULL)

static const struct b_case futex_spin_park_cases[] = {
	B_GATE_PINGPONG_CASES(futex_spin, "park-ping-pong", "futex-spin100", 0, NULL, NULL),
};
B_CASES(futex_spin_park_cases)

static const struct b_case cond_park_cases[] = {
	B_GATE_PINGPONG_CASES(cond_gate, "park-ping-pong", "pthread-cond", 0, NULL, NULL),
};
B_CASES(cond_park_cases)

/* ---- semaphores and eventfd: tokens only ---------------------------------- */

struct sem_gate {
	sem_t sem;
};

static inline void sem_gate_init(struct sem_gate *gate)
{
	sem_init(&gate->sem, 0, 0);
}

static inline void sem_gate_post(struct sem_gate *gate, uint32_t value, bool all)
{
	(void)value;
	(void)all;
	sem_post(&gate->sem);
}

static inline void sem_gate_wait(struct sem_gate *gate, uint32_t value)
{
	(void)value;
	while (sem_wait(&gate->sem))
		;
}

B_GATE_WORK(sem_gate)

static const struct b_case sem_cases[] = {
	B_GATE_PINGPONG_CASES(sem_gate, "park-ping-pong", "sem", 0, NULL, NULL),
};
B_CASES(sem_cases)

struct eventfd_gate {
	int fd;
};

static inline void eventfd_gate_init(struct eventfd_gate *gate)
{
	gate->fd = eventfd(0, EFD_CLOEXEC);
	if (gate->fd < 0)
		b_die("no eventfd");
}

static inline void eventfd_gate_post(struct eventfd_gate *gate, uint32_t value, bool all)
{
	uint64_t one = 1;

	(void)value;
	(void)all;
	if (write(gate->fd, &one, sizeof(one)) != sizeof(one))
		b_die("eventfd write");
}

static inline void eventfd_gate_wait(struct eventfd_gate *gate, uint32_t value)
{
	uint64_t count;

	(void)value;
	if (read(gate->fd, &count, sizeof(count)) != sizeof(count))
		b_die("eventfd read");
}

B_GATE_WORK(eventfd_gate)

static void eventfd_teardown(struct b_run *run)
{
	struct eventfd_gate_pair *pair = run->state;

	close(pair->side[0].gate.fd);
	close(pair->side[1].gate.fd);
	free(pair);
}

static const struct b_case eventfd_cases[] = {
	{.bench = "park-ping-pong",
	 .contender = "eventfd",
	 .params = "\"cpus\":2",
	 .threads = 2,
	 .setup = eventfd_gate_setup,
	 .work = eventfd_gate_pingpong,
	 .teardown = eventfd_teardown},
	{.bench = "park-ping-pong",
	 .contender = "eventfd",
	 .params = "\"cpus\":1",
	 .one_cpu = true,
	 .threads = 2,
	 .setup = eventfd_gate_setup,
	 .work = eventfd_gate_pingpong,
	 .teardown = eventfd_teardown},
};
B_CASES(eventfd_cases)

/* ---- one thread ---------------------------------------------------------- */

B_LOOP_CASE(notify_cond, "event-notify-none", "pthread-cond-signal", pthread_cond_t,
	    sizeof(pthread_cond_t), pthread_cond_init(state, NULL), pthread_cond_signal(state),
	    NULL, NULL)

B_LOOP_CASE(
	self_sem, "park-self", "sem", sem_t, sizeof(sem_t), sem_init(state, 0, 0),
	{
		sem_post(state);
		sem_wait(state);
	},
	NULL, NULL)
