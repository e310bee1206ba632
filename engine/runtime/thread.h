/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.h - threads of the runtime's own.
 */
#ifndef ENG_THREAD_H
#define ENG_THREAD_H

#include <pthread.h>

#include <pawl/base.h>

/*
 * eng_thread_create() - pthread_create() of a thread on which no handler of the program's runs: signals
 * are blocked, but for those that a fault raises.
 *
 * Errors: -EAGAIN.
 */
PAWL_MUST_CHECK int eng_thread_create(pthread_t *ret_thread, void *(*main)(void *arg),
				      void *arg);

#endif
