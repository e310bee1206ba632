/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reactor.h - one thread that sleeps for all descriptors.
 *
 * A descriptor that somebody waits for has an entry: its waiters, and an event that they sleep on. It is in
 * the epoll set for what they wait for, one shot at a time, and leaves it with its last waiter.
 */
#ifndef ENG_REACTOR_H
#define ENG_REACTOR_H

#include <pthread.h>

#include <pawl/base.h>
#include <pawl/event.h>

struct eng_fd;

/* On the waiter's stack. */
struct eng_fd_waiter {
	struct eng_fd_waiter *next, **link; /* of the entry's; NULL link: not in it */
	struct eng_fd *entry;
	uint32_t wanted; /* PAWL_FD_... */
	/* What came. By the reactor, before it unlinks the waiter. */
	struct pawl_atomic_u32 got;
};

enum eng_reactor_state {
	ENG_REACTOR_NONE,
	ENG_REACTOR_BEGINS,
	ENG_REACTOR_FAILED, /* to be joined by who started it */
	ENG_REACTOR_RUNS,
};

struct eng_reactor {
	/* Protects all below, and is held for epoll_ctl(). */
	pthread_mutex_t lock;
	struct eng_fd **entries; /* by descriptor */
	size_t room;
	enum eng_reactor_state state;
	pthread_cond_t changed; /* state */
	int epoll, wake;	/* -1: none */
	uint32_t registered;	/* how often; the number of the last time */
	pthread_t thread;
};

struct eng_fd {
	struct eng_fd_waiter *waiters;
	struct pawl_event came;
	int fd;
	uint32_t users;	       /* waiters, linked or not, and a reactor that notifies */
	uint32_t registration; /* in the set: the number it was told to have */
	bool armed;	       /* the descriptor is in the set */
};

void eng_reactor_init(struct eng_reactor *reactor);

/* eng_reactor_fini() - Requires: nobody waits. */
void eng_reactor_fini(struct eng_reactor *reactor);

/* eng_fd_begin() - `waiter` waits for the descriptor. Errors: as pawl_fd_wait(). */
PAWL_MUST_CHECK int eng_fd_begin(struct eng_reactor *reactor, int fd, uint32_t wanted,
				 struct eng_fd_waiter *waiter);

/* eng_fd_end() - It does not any more; the waiter may go. */
void eng_fd_end(struct eng_reactor *reactor, struct eng_fd_waiter *waiter);

#endif
