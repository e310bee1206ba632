/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.h - a worker without a thread of its own: its host's loop runs it.
 */
#ifndef ENG_HOST_H
#define ENG_HOST_H

#include "worker.h"

/*
 * eng_host_create() - Of the last worker, for the calling thread.
 *
 * Errors: -ENOMEM; -EBUSY: this thread is a worker already, or runs on a fibre; those of eventfd() and
 *         timerfd_create().
 */
PAWL_MUST_CHECK int eng_host_create(struct pawl_runtime *rt);

/* eng_host_begin() - The worker begins, dozing. By the host's thread, before any other worker. */
void eng_host_begin(struct eng_host *host);

/* eng_host_is_here() - Is it the calling thread's, and no step under way? */
bool eng_host_is_here(const struct eng_host *host);

/* eng_host_end() - The worker ends. A grace period later eng_host_destroy() frees it. */
void eng_host_end(struct eng_host *host);

/* eng_host_destroy() - NULL is nothing. */
void eng_host_destroy(struct eng_host *host);

/*
 * eng_host_doze() - A step found nothing: have the descriptor readable at the next push, and at the deadline.
 * As eng_idle_doze().
 */
PAWL_MUST_CHECK bool eng_host_doze(struct eng_host *host, uint64_t deadline_ns,
				   eng_idle_look *look);

#endif
