/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.c - pawl/host.h: a worker that is stepped.
 *
 * The descriptor is an epoll set of two: an eventfd, the worker's bell, and a timerfd. Between steps the worker
 * either dozes, which to idle.c is sleep, and whoever wakes it rings; or its last step left something, and
 * has rung itself. Timers that are due are the timerfd's; with the program's own clock, who moves it wakes.
 *
 * Invariants:
 *  I1 The bell is read after the last step's work and before the worker's bit is set. So a ring for this doze is
 *     never lost: who rings for it has seen the bit. A ring for an earlier doze may come late; then
 *     a step finds nothing, and reads it.
 *  I2 Between steps whoever wakes a body on the host's own thread goes by the mailbox, as other threads
 *     do (worker->away): nobody looks at the list of ready ones.
 *
 * The thread's waits: what runs on the host's thread outside of fibres sleeps as a waiter of this file, whose
 * park is steps, and a poll of the descriptor when there is nothing to step. Its unpark may come when
 * its wait is long over, and the runtime gone (pawl/park.h): so these waiters are static, one for each
 * thread's slot, and lead to a host only in a section; a grace period after that is cut the host goes.
 *
 * Ordering:
 *  O1 A waiter's token is that of lib/park.c, and so are its orders: a release when it is left, continued by
 *     those that follow, an acquire when it is taken. PARKED: the bell is needed.
 *  O2 waiter->host: stored with release after the host was made, read with acquire in a section.
 *
 * Rejected: one timerfd alone that is set to go off at once by who wakes (a ring that comes late undoes a
 * deadline, so every doze would set it again); counting rings to save a read (late ones are not counted).
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <pawl/atomic.h>
#include <pawl/host.h>
#include <pawl/mem.h>
#include <pawl/park.h>
#include <pawl/rcu.h>
#include <pawl/retire.h>
#include <pawl/thread.h>

#include "host.h"

#define NS_PER_S UINT64_C(1000000000)
#define WAIT_BUDGET \
	16 /* starts and resumptions between two looks of a wait at what it waits for */

struct eng_host {
	struct eng_worker *worker;
	struct pawl_waiter bell; /* what idle.c wakes */
	struct pawl_waiter *before;
	int fd, event, timer; /* -1: not there */
	/* The host's thread alone. */
	uint64_t armed_ns; /* what the timer is set to; PAWL_FOREVER: it is not */
	bool rung;	   /* by itself, not read since */
	bool steps;
};

enum { EMPTY, TOKEN, PARKED };

struct host_waiter {
	struct pawl_waiter base;
	struct pawl_atomic_u32 state;
	struct pawl_atomic_ptr host;
};

static struct host_waiter waiter_of[PAWL_THREADS_MAX];

/* ---- the descriptors ----------------------------------------------------------------- */

static void ring(const struct eng_host *host)
{
	uint64_t one = 1;

	/* A counter that does not take it is not zero: it is readable. */
	if (write(host->event, &one, sizeof(one)) < 0)
		PAWL_REQUIRE(errno == EAGAIN && "the host's eventfd was closed");
}

static void bell_read(struct eng_host *host)
{
	uint64_t rings;

	if (read(host->event, &rings, sizeof(rings)) < 0)
		PAWL_REQUIRE(errno == EAGAIN && "the host's eventfd was closed");
	host->rung = false;
}

static void arm(struct eng_host *host, uint64_t deadline_ns)
{
	struct itimerspec at = {{0, 0}, {0, 0}};

	if (deadline_ns == host->armed_ns)
		return;
	if (deadline_ns != PAWL_FOREVER) {
		/* Zero is no time to it. */
		deadline_ns += !deadline_ns;
		at.it_value.tv_sec = (time_t)(deadline_ns / NS_PER_S);
		at.it_value.tv_nsec = (long)(deadline_ns % NS_PER_S);
	}
	if (timerfd_settime(host->timer, TFD_TIMER_ABSTIME, &at, NULL))
		PAWL_REQUIRE(!"the host's timerfd was closed");
	host->armed_ns = deadline_ns;
}

static int files_open(struct eng_host *host)
{
	struct epoll_event event = {.events = EPOLLIN};

	host->fd = epoll_create1(EPOLL_CLOEXEC);
	host->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	host->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (host->fd < 0 || host->event < 0 || host->timer < 0 ||
	    epoll_ctl(host->fd, EPOLL_CTL_ADD, host->event, &event) ||
	    epoll_ctl(host->fd, EPOLL_CTL_ADD, host->timer, &event))
		return -errno;
	return 0;
}

static void bell_unpark(struct pawl_waiter *bell)
{
	ring(PAWL_CONTAINER_OF(bell, struct eng_host, bell));
}

static const struct pawl_waiter_ops bell_ops = {
	.unpark = bell_unpark,
	.kind = "bell",
};

/* ---- steps ----------------------------------------------------------------------------- */

bool eng_host_doze(struct eng_host *host, uint64_t deadline_ns, eng_idle_look *look)
{
	struct eng_worker *worker = host->worker;

	bell_read(host); /* I1 */
	arm(host, deadline_ns);
	pawl_retire_flush();
	return eng_idle_doze(&worker->rt->idle, worker->idle_number, look, worker);
}

static int step(struct eng_host *host, uint64_t budget)
{
	struct eng_worker *worker = host->worker;
	const struct pawl_fiber_hooks *before = pawl_fiber_set_hooks(&worker->hooks);
	bool more;

	host->steps = true;
	worker->away = false;
	more = eng_worker_step(worker, budget ? budget : UINT64_MAX);
	worker->away = true;
	host->steps = false;
	pawl_fiber_set_hooks(before);
	if (more && !host->rung) {
		ring(host);
		host->rung = true;
	}
	return more;
}

int pawl_host_fd(struct pawl_runtime *runtime)
{
	return runtime->host ? runtime->host->fd : -EINVAL;
}

int pawl_host_step(struct pawl_runtime *runtime, uint64_t budget)
{
	struct eng_host *host = runtime->host;

	if (!host)
		return -EINVAL;
	if (eng_worker_here() != host->worker)
		return -EPERM;
	return host->steps ? -EDEADLK : step(host, budget);
}

/* ---- waits of the host's thread ------------------------------------------------------------ */

static bool take_token(struct host_waiter *waiter)
{
	uint32_t seen = TOKEN;

	return pawl_cas_acquire(&waiter->state, &seen, EMPTY); /* O1 */
}

/* Until it is readable or the deadline is over; may return for nothing. */
static void poll_until(int wanted, uint64_t deadline_ns)
{
	struct pollfd fd = {.fd = wanted, .events = POLLIN};
	uint64_t now_ns = pawl_now_ns(),
		 left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
	struct timespec left = {(time_t)(left_ns / NS_PER_S), (long)(left_ns % NS_PER_S)};

	pawl_rcu_idle_enter();
	(void)ppoll(&fd, 1, deadline_ns == PAWL_FOREVER ? NULL : &left, NULL);
	pawl_rcu_idle_leave();
}

static bool host_park(struct pawl_waiter *base, uint64_t deadline_ns)
{
	struct host_waiter *waiter = PAWL_CONTAINER_OF(base, struct host_waiter, base);
	struct eng_host *host = pawl_load_relaxed(&waiter->host);

	if (!deadline_ns)
		return take_token(waiter);
	while (!take_token(waiter)) {
		uint32_t seen = EMPTY;
		bool more = false;

		/* Code of the user's between two bodies (a clock) blocks the step, as it does a thread. */
		if (host->steps)
			bell_read(host);
		else
			more = step(host, WAIT_BUDGET);
		if (!more && pawl_cas_relaxed(&waiter->state, &seen, PARKED)) {
			poll_until(host->steps ? host->event : host->fd, deadline_ns);
			if (pawl_xchg_acquire(&waiter->state, EMPTY) == TOKEN) /* O1 */
				return true;
		}
		if (deadline_ns != PAWL_FOREVER && pawl_now_ns() >= deadline_ns)
			return take_token(waiter);
	}
	return true;
}

static void host_unpark(struct pawl_waiter *base)
{
	struct host_waiter *waiter = PAWL_CONTAINER_OF(base, struct host_waiter, base);
	const struct eng_host *host;

	if (pawl_xchg_release(&waiter->state, TOKEN) != PARKED) /* O1 */
		return;
	pawl_rcu_begin();
	host = pawl_load_acquire(&waiter->host); /* O2 */
	if (host)
		ring(host);
	pawl_rcu_end();
}

static const struct pawl_waiter_ops waiter_ops = {
	.park = host_park,
	.unpark = host_unpark,
	.kind = "host",
};

/* ---- from create to destroy ------------------------------------------------------------------ */

int eng_host_create(struct pawl_runtime *rt)
{
	struct eng_host *host;
	int error;

	if (eng_worker_here() || pawl_fiber_self())
		return -EBUSY;
	host = pawl_mem_zalloc(sizeof(*host), 0);
	if (!host)
		return -ENOMEM;
	host->worker = &rt->workers[rt->worker_count - 1];
	host->bell.ops = &bell_ops;
	host->armed_ns = PAWL_FOREVER;
	error = files_open(host);
	if (error) {
		eng_host_destroy(host);
		return error;
	}
	host->worker->host = host;
	host->worker->away = true;
	rt->host = host;
	return 0;
}

static unsigned nothing(void *arg)
{
	(void)arg;
	return 0;
}

void eng_host_begin(struct eng_host *host)
{
	struct eng_worker *worker = host->worker;
	struct eng_idle *idle = &worker->rt->idle;
	struct host_waiter *waiter = &waiter_of[pawl_thread_slot()];

	eng_worker_begin(worker);
	/* Once: who unparks late reads it. */
	if (!waiter->base.ops) {
		waiter->base.ops = &waiter_ops;
		waiter->base.number = worker->slot;
	}
	pawl_store_relaxed(&waiter->state, (uint32_t)EMPTY);
	pawl_store_release(&waiter->host, (void *)host); /* O2 */
	host->before = pawl_waiter_set(&waiter->base);
	eng_idle_join_stepped(idle, worker->idle_number, &host->bell);
	eng_idle_search(idle);
	/* Nobody else is here. */
	if (!eng_idle_doze(idle, worker->idle_number, nothing, NULL))
		__builtin_unreachable();
}

bool eng_host_is_here(const struct eng_host *host)
{
	return eng_worker_here() == host->worker && !host->steps;
}

void eng_host_end(struct eng_host *host)
{
	struct host_waiter *waiter = &waiter_of[host->worker->slot];

	eng_worker_end(host->worker);
	pawl_waiter_set(host->before);
	pawl_store_relaxed(&waiter->host, (void *)NULL); /* O2: a grace period follows. */
}

void eng_host_destroy(struct eng_host *host)
{
	if (!host)
		return;
	if (host->timer >= 0)
		close(host->timer);
	if (host->event >= 0)
		close(host->event);
	if (host->fd >= 0)
		close(host->fd);
	pawl_mem_free(host, sizeof(*host), 0);
}
