/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reactor.c - epoll, one shot at a time.
 *
 * One shot, so that a descriptor whose waiter is slow does not wake the reactor again and again; what others
 * still wait for is armed anew. Level-triggered, so that nothing is missed between the look that a
 * waiter took and its coming here. The mutex is pthread's: every call here is a system call or two anyway.
 *
 * Who is notified looks at its own `got`. The event belongs to the entry, which stays while it has users: a
 * waiter that goes does not take away what the reactor is about to touch.
 */
#include "config.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <pawl/atomic.h>
#include <pawl/io.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/thread.h>

#include "reactor.h"
#include "thread.h"

#define EVENTS 64

void eng_reactor_init(struct eng_reactor *reactor)
{
	pthread_mutex_init(&reactor->lock, NULL);
	pthread_cond_init(&reactor->changed, NULL);
	reactor->epoll = reactor->wake = -1;
}

/* ---- entries ----------------------------------------------------------------------- */

static int room_for(struct eng_reactor *reactor, size_t fd)
{
	size_t room = reactor->room ? reactor->room : 64;
	struct eng_fd **entries;

	if (fd < reactor->room)
		return 0;
	while (room <= fd)
		room *= 2;
	entries = pawl_mem_zalloc(room * sizeof(struct eng_fd *), 0);
	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < reactor->room; i++)
		entries[i] = reactor->entries[i];
	if (reactor->entries)
		pawl_mem_free(reactor->entries, reactor->room * sizeof(struct eng_fd *), 0);
	reactor->entries = entries;
	reactor->room = room;
	return 0;
}

static int entry_get(struct eng_reactor *reactor, int fd, struct eng_fd **ret_entry)
{
	struct eng_fd *entry;
	int error = room_for(reactor, (size_t)fd);

	if (error)
		return error;
	entry = reactor->entries[fd];
	if (!entry) {
		entry = pawl_mem_zalloc(sizeof(*entry), 0);
		if (!entry)
			return -ENOMEM;
		pawl_event_init(&entry->came);
		entry->fd = fd;
		reactor->entries[fd] = entry;
	}
	entry->users++;
	*ret_entry = entry;
	return 0;
}

static void entry_put(struct eng_reactor *reactor, struct eng_fd *entry)
{
	if (--entry->users)
		return;
	reactor->entries[entry->fd] = NULL;
	pawl_mem_free(entry, sizeof(*entry), 0);
}

/*
 * Into the set, as a registration of its own: what another file that had this number left in the
 * set, or in the events that the thread has just fetched, is not taken for this one's.
 */
static int add(struct eng_reactor *reactor, struct eng_fd *entry, struct epoll_event *event)
{
	/* 0 is the wake-up. */
	reactor->registered += 1 + (reactor->registered == UINT32_MAX);
	entry->registration = reactor->registered;
	event->data.u64 = (uint64_t)entry->registration << 32 | (uint32_t)entry->fd;
	return epoll_ctl(reactor->epoll, EPOLL_CTL_ADD, entry->fd, event);
}

/* Have the set wait for what the waiters wait for. */
static int arm(struct eng_reactor *reactor, struct eng_fd *entry)
{
	struct epoll_event event = {.events = EPOLLONESHOT};
	int failed;

	event.data.u64 = (uint64_t)entry->registration << 32 | (uint32_t)entry->fd;
	for (const struct eng_fd_waiter *w = entry->waiters; w; w = w->next) {
		if (w->wanted & PAWL_FD_READ)
			event.events |= EPOLLIN | EPOLLRDHUP;
		if (w->wanted & PAWL_FD_WRITE)
			event.events |= EPOLLOUT;
	}
	if (!entry->waiters) {
		if (entry->armed)
			epoll_ctl(reactor->epoll, EPOLL_CTL_DEL, entry->fd, NULL);
		entry->armed = false;
		return 0;
	}
	failed = entry->armed ? epoll_ctl(reactor->epoll, EPOLL_CTL_MOD, entry->fd, &event)
			      : add(reactor, entry, &event);
	/* Closed and opened again meanwhile: another file, which the set does not have. */
	if (failed && entry->armed && errno == ENOENT)
		failed = add(reactor, entry, &event);
	if (failed)
		return -errno;
	entry->armed = true;
	return 0;
}

static void waiter_unlink(struct eng_fd_waiter *waiter)
{
	if (!waiter->link)
		return;
	*waiter->link = waiter->next;
	if (waiter->next)
		waiter->next->link = waiter->link;
	waiter->link = NULL;
}

/* ---- the thread --------------------------------------------------------------------- */

static uint32_t ready_for(uint32_t events)
{
	uint32_t ready = 0;

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		ready |= PAWL_FD_READ;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		ready |= PAWL_FD_WRITE;
	return ready;
}

static void came(struct eng_reactor *reactor, uint64_t data, uint32_t events)
{
	size_t fd = data & UINT32_MAX;
	uint32_t ready = ready_for(events);
	struct eng_fd_waiter *waiter, *next;
	struct eng_fd *entry;

	pthread_mutex_lock(&reactor->lock);
	entry = fd < reactor->room ? reactor->entries[fd] : NULL;
	if (!entry || entry->registration != data >> 32) {
		pthread_mutex_unlock(&reactor->lock);
		return;
	}
	entry->users++;
	for (waiter = entry->waiters; waiter; waiter = next) {
		next = waiter->next;
		if (!(waiter->wanted & ready))
			continue;
		waiter_unlink(waiter);
		pawl_store_release(&waiter->got, waiter->wanted & ready);
	}
	/* For those that wait for something else. It was there a moment ago: errors are theirs to find. */
	(void)arm(reactor, entry);
	pthread_mutex_unlock(&reactor->lock);

	pawl_event_notify_all(&entry->came);
	pthread_mutex_lock(&reactor->lock);
	entry_put(reactor, entry);
	pthread_mutex_unlock(&reactor->lock);
}

/* Begins attached: who starts it waits for that. */
static bool begin(struct eng_reactor *reactor)
{
	int error = pawl_thread_attach("pawl-reactor");

	pthread_mutex_lock(&reactor->lock);
	reactor->state = error ? ENG_REACTOR_FAILED : ENG_REACTOR_RUNS;
	pthread_cond_broadcast(&reactor->changed);
	pthread_mutex_unlock(&reactor->lock);
	return !error;
}

static void *thread_main(void *arg)
{
	struct eng_reactor *reactor = arg;
	struct epoll_event events[EVENTS];
	bool stop = false;

	if (!begin(reactor))
		return NULL;
	while (!stop) {
		int n;

		pawl_rcu_idle_enter();
		n = epoll_wait(reactor->epoll, events, EVENTS, -1);
		pawl_rcu_idle_leave();
		for (int i = 0; i < n; i++) {
			if (!events[i].data.u64)
				stop = true;
			else
				came(reactor, events[i].data.u64, events[i].events);
		}
	}
	pawl_thread_detach();
	return NULL;
}

static void close_all(struct eng_reactor *reactor)
{
	if (reactor->wake >= 0)
		close(reactor->wake);
	if (reactor->epoll >= 0)
		close(reactor->epoll);
	reactor->epoll = reactor->wake = -1;
}

static int files_open(struct eng_reactor *reactor)
{
	struct epoll_event event = {.events = EPOLLIN};

	reactor->epoll = epoll_create1(EPOLL_CLOEXEC);
	reactor->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (reactor->epoll < 0 || reactor->wake < 0 ||
	    epoll_ctl(reactor->epoll, EPOLL_CTL_ADD, reactor->wake, &event))
		return -errno;
	return 0;
}

static int start_locked(struct eng_reactor *reactor)
{
	int error;

	while (reactor->state == ENG_REACTOR_BEGINS || reactor->state == ENG_REACTOR_FAILED)
		pthread_cond_wait(&reactor->changed, &reactor->lock);
	if (reactor->state == ENG_REACTOR_RUNS)
		return 0;
	error = files_open(reactor);
	if (!error)
		error = eng_thread_create(&reactor->thread, thread_main, reactor);
	if (!error) {
		reactor->state = ENG_REACTOR_BEGINS;
		while (reactor->state == ENG_REACTOR_BEGINS)
			pthread_cond_wait(&reactor->changed, &reactor->lock);
		if (reactor->state == ENG_REACTOR_RUNS)
			return 0;
		pthread_join(reactor->thread, NULL);
		error = -EAGAIN;
	}
	close_all(reactor);
	reactor->state = ENG_REACTOR_NONE;
	pthread_cond_broadcast(&reactor->changed);
	return error;
}

void eng_reactor_fini(struct eng_reactor *reactor)
{
	uint64_t one = 1;

	if (reactor->state == ENG_REACTOR_RUNS) {
		/* A counter that is 0 takes a 1. */
		if (write(reactor->wake, &one, sizeof(one)) != sizeof(one))
			PAWL_REQUIRE(!"an eventfd of our own takes a 1");
		pthread_join(reactor->thread, NULL);
		close_all(reactor);
	}
	if (reactor->entries)
		pawl_mem_free(reactor->entries, reactor->room * sizeof(struct eng_fd *), 0);
	pthread_cond_destroy(&reactor->changed);
	pthread_mutex_destroy(&reactor->lock);
}

/* ---- waiting ------------------------------------------------------------------------- */

int eng_fd_begin(struct eng_reactor *reactor, int fd, uint32_t wanted,
		 struct eng_fd_waiter *waiter)
{
	int error;

	if (fd < 0)
		return -EBADF;
	if (!wanted || wanted & ~(PAWL_FD_READ | PAWL_FD_WRITE))
		return -EINVAL;
	pawl_init_word(&waiter->got, 0u);
	waiter->wanted = wanted;
	waiter->link = NULL;
	pthread_mutex_lock(&reactor->lock);
	error = start_locked(reactor);
	if (!error)
		error = entry_get(reactor, fd, &waiter->entry);
	if (!error) {
		struct eng_fd *entry = waiter->entry;

		waiter->next = entry->waiters;
		if (waiter->next)
			waiter->next->link = &waiter->next;
		waiter->link = &entry->waiters;
		entry->waiters = waiter;
		error = arm(reactor, entry);
		if (error) {
			waiter_unlink(waiter);
			entry_put(reactor, entry);
		}
	}
	pthread_mutex_unlock(&reactor->lock);
	return error;
}

void eng_fd_end(struct eng_reactor *reactor, struct eng_fd_waiter *waiter)
{
	pthread_mutex_lock(&reactor->lock);
	if (waiter->link) {
		waiter_unlink(waiter);
		(void)arm(reactor, waiter->entry);
	} else if (!waiter->entry->waiters) {
		(void)arm(reactor, waiter->entry);
	}
	entry_put(reactor, waiter->entry);
	pthread_mutex_unlock(&reactor->lock);
}
