/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/io.h - waiting for the outside: descriptors and child processes.
 *
 * One thread of the runtime sleeps in epoll_wait() for all of them; it is started by the first call, and does
 * nothing while nothing happens.
 *
 *  call                          progress
 *  pawl_fd_wait, pawl_process_wait, _run   block
 *  pawl_process_spawn            the system's
 *  pawl_process_kill             a system call
 *
 * Any attached thread may call, outside sections, with no lock held. With a clock of the program's own, deadlines
 * of threads that run no body are refused (-EINVAL), but for 0 and PAWL_FOREVER.
 */
#ifndef PAWL_IO_H
#define PAWL_IO_H

#include <pawl/runtime.h>

PAWL_BEGIN_DECLS

/* What a descriptor is waited for. An error or a hang-up counts as both. */
#define PAWL_FD_READ  1u
#define PAWL_FD_WRITE 2u

/*
 * pawl_fd_wait() - Sleep until the descriptor is ready. Several may wait for one; all are told, and one may
 * have been faster: have it not block.
 *
 * Requires: the descriptor stays open meanwhile.
 * Returns:  0, and in ret_events (may be NULL) which of `events` it is ready for.
 * Errors:   -ETIMEDOUT, -ECANCELED: as pawl_wait(); -EPERM: of a kind that is always ready (a file);
 *           -EBADF; -EINVAL: no such events; -ENOMEM, -ENOSPC, -EMFILE, -ENFILE: the system's
 *           limits; -EAGAIN: the thread cannot be started.
 */
PAWL_API PAWL_MUST_CHECK int pawl_fd_wait(struct pawl_runtime *runtime, int fd, uint32_t events,
					  uint64_t deadline_ns, uint32_t *ret_events);

struct pawl_process_options {
	size_t size;		 /* sizeof(struct pawl_process_options) */
	const char *const *argv; /* ends with NULL; argv[0] is looked for in PATH */
	const char *const *envp; /* NULL: that of this process */
	const char *directory;	 /* to run in; NULL: this one's */
	int fds[3];		 /* its 0, 1 and 2; -1: this process's */
	/* 1: in a process group of its own, which signals then go to. */
	uint32_t own_group;
	/* pawl_process_run(): from SIGTERM to SIGKILL. */
	uint64_t grace_ns;
};
#define PAWL_PROCESS_OPTIONS_INIT                                                       \
	{                                                                               \
		sizeof(struct pawl_process_options), NULL, NULL, NULL, {-1, -1, -1}, 1, \
			2000000000u                                                     \
	}

/* A child that was not waited for yet. Plain data; `pidfd` is closed on exec. */
struct pawl_process {
	int pid; /* its process number */
	int pidfd;
	uint32_t own_group;
};

struct pawl_process_status {
	int exit_code; /* -1: a signal ended it */
	int signal;    /* 0: none */
	bool core_dumped;
};

/*
 * pawl_process_spawn() - Start a child. It is waited for by pawl_process_wait(), whatever else
 * happens: else it stays a zombie.
 *
 * Errors: the system's, -ENOENT for instance; -EINVAL: no argv; -E2BIG: options of a later version, or the
 *         arguments are too long; -ENOSYS: the system has no pidfds. No child is left then.
 */
PAWL_API PAWL_MUST_CHECK int pawl_process_spawn(const struct pawl_process_options *options,
						struct pawl_process *ret_process);

/*
 * pawl_process_wait() - Sleep until it has ended, and take its status, once: `process` is over then.
 *
 * Errors: as pawl_fd_wait(): it may be waited for again; -ECHILD: somebody else took its status (a
 *         handler of SIGCHLD, or SIGCHLD is ignored); `process` is over.
 */
PAWL_API PAWL_MUST_CHECK int pawl_process_wait(struct pawl_runtime *runtime,
					       struct pawl_process *process,
					       uint64_t deadline_ns,
					       struct pawl_process_status *ret_status);

/* pawl_process_kill() - Send a signal. Errors: -ESRCH: it has ended. */
PAWL_API int pawl_process_kill(const struct pawl_process *process, int signal);

/*
 * pawl_process_run() - Start a child and wait for its end. If the deadline is over or the body is cancelled
 * or forced, it gets SIGTERM, after grace_ns SIGKILL, and is waited for all the same: no child is left.
 *
 * Returns: 0 and its status.
 * Errors:  those of spawn and wait; after -ETIMEDOUT and -ECANCELED ret_status is written as well.
 */
PAWL_API PAWL_MUST_CHECK int pawl_process_run(struct pawl_runtime *runtime,
					      const struct pawl_process_options *options,
					      uint64_t deadline_ns,
					      struct pawl_process_status *ret_status);

PAWL_END_DECLS

#endif
