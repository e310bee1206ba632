/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.c - threads of the runtime's own: workers, the reactor, threads for calls that block, the watchdog.
 *
 * The library handles no signal, and the program's handlers belong to the program's threads: a handler that runs
 * on a fibre's stack finds 64 KiB, and a thread that the program did not know to exist. So signals are
 * blocked here. A fault is another matter: blocked, it ends the process past the handler that
 * would have reported it.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>

#include "thread.h"

int eng_thread_create(pthread_t *ret_thread, void *(*main)(void *arg), void *arg)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
	sigset_t blocked, before;
	int error;

	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&blocked, faults[i]);
	/* A thread begins with the mask of its maker. */
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	error = pthread_create(ret_thread, NULL, main, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error ? -EAGAIN : 0;
}
