/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * io.c - pawl/io.h: bodies and threads wait for what the reactor tells.
 *
 * A child is a descriptor, too: its pidfd is readable when it has ended. So there is no SIGCHLD, and a
 * number that another process has by now is never signalled.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pawl/atomic.h>
#include <pawl/io.h>
#include <pawl/park.h>

#include "worker.h"

/* ---- descriptors --------------------------------------------------------------------- */

struct fd_wait {
	struct pawl_cleanup cleanup;
	struct eng_reactor *reactor;
	struct eng_fd_waiter waiter;
};

static void fd_wait_over(void *arg)
{
	struct fd_wait *wait = arg;

	eng_fd_end(wait->reactor, &wait->waiter);
}

static bool has_got(const void *arg)
{
	const struct eng_fd_waiter *waiter = arg;

	return pawl_load_acquire(&waiter->got);
}

/* The same as eng_wait_until(), whatever the body is told. */
static int wait_deaf(const struct eng_fd_waiter *waiter, uint64_t deadline_ns)
{
	while (!has_got(waiter)) {
		struct pawl_listener listener;

		pawl_event_listen(&waiter->entry->came, &listener, "descriptor",
				  (uint64_t)waiter->entry->fd);
		if (has_got(waiter)) {
			pawl_event_unlisten(&listener);
			break;
		}
		if (pawl_event_wait_until(&listener, deadline_ns))
			return has_got(waiter) ? 0 : -ETIMEDOUT;
	}
	return 0;
}

static int fd_wait(struct pawl_runtime *rt, int fd, uint32_t events, uint64_t deadline_ns,
		   bool deaf, uint32_t *ret_events)
{
	struct eng_run *run = eng_run_here();
	struct fd_wait wait = {.reactor = &rt->reactor};
	int error;

	if (!run && rt->options.now && deadline_ns && deadline_ns != PAWL_FOREVER)
		return -EINVAL;
	if (run && !deaf && eng_checkpoint(run))
		return -ECANCELED;
	error = eng_fd_begin(&rt->reactor, fd, events, &wait.waiter);
	if (error)
		return error;
	if (run && !deaf)
		pawl_cleanup_push(&wait.cleanup, fd_wait_over, &wait);
	error = deaf ? wait_deaf(&wait.waiter, deadline_ns)
		     : eng_wait_until(&wait.waiter.entry->came, has_got, &wait.waiter,
				      deadline_ns, "descriptor", (uint64_t)fd);
	if (run && !deaf)
		pawl_cleanup_pop(&wait.cleanup, false);
	if (!error && ret_events)
		*ret_events = pawl_load_relaxed(&wait.waiter.got);
	fd_wait_over(&wait);
	return error;
}

int pawl_fd_wait(struct pawl_runtime *runtime, int fd, uint32_t events, uint64_t deadline_ns,
		 uint32_t *ret_events)
{
	return fd_wait(runtime, fd, events, deadline_ns, false, ret_events);
}

/* ---- children ------------------------------------------------------------------------- */

/* Numbers of the child's alone, where it has no files: 1000 is within every system's limit. */
#define ASIDE 1000

static int actions_make(const struct pawl_process_options *options,
			posix_spawn_file_actions_t *ret_actions)
{
	int error = posix_spawn_file_actions_init(ret_actions);

	if (error)
		return -error;
	/* Those among 0 to 2 that are given to another number first move out of the way. */
	for (int i = 0; i < 3 && !error; i++) {
		if (options->fds[i] >= 0 && options->fds[i] < 3 && options->fds[i] != i)
			error = posix_spawn_file_actions_adddup2(ret_actions, options->fds[i],
								 ASIDE + i);
	}
	for (int i = 0; i < 3 && !error; i++) {
		bool moved =
			options->fds[i] >= 0 && options->fds[i] < 3 && options->fds[i] != i;

		if (options->fds[i] >= 0)
			error = posix_spawn_file_actions_adddup2(
				ret_actions, moved ? ASIDE + i : options->fds[i], i);
		if (!error && moved)
			error = posix_spawn_file_actions_addclose(ret_actions, ASIDE + i);
	}
	if (!error && options->directory)
		error = posix_spawn_file_actions_addchdir_np(ret_actions, options->directory);
	if (error)
		posix_spawn_file_actions_destroy(ret_actions);
	return -error;
}

/* Signals as a program expects to find them: none blocked, those that this process ignores not ignored. */
static int attributes_make(const struct pawl_process_options *options,
			   posix_spawnattr_t *ret_attributes)
{
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t none, pipe;
	int error = posix_spawnattr_init(ret_attributes);

	if (error)
		return -error;
	sigemptyset(&none);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	if (options->own_group)
		flags |= POSIX_SPAWN_SETPGROUP;
	error = posix_spawnattr_setsigmask(ret_attributes, &none);
	if (!error)
		error = posix_spawnattr_setsigdefault(ret_attributes, &pipe);
	if (!error)
		error = posix_spawnattr_setflags(ret_attributes, flags);
	if (error)
		posix_spawnattr_destroy(ret_attributes);
	return -error;
}

static int child_start(const struct pawl_process_options *options, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error;

	error = actions_make(options, &actions);
	if (error)
		return error;
	error = attributes_make(options, &attributes);
	if (!error) {
		/* The strings are not written to; the interface is older than const. */
		error = -posix_spawnp(ret_pid, options->argv[0], &actions, &attributes,
				      (char *const *)(uintptr_t)options->argv,
				      options->envp ? (char *const *)(uintptr_t)options->envp
						    : environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

int pawl_process_spawn(const struct pawl_process_options *options,
		       struct pawl_process *ret_process)
{
	pid_t pid;
	int error, pidfd;

	if (options->size > sizeof(*options))
		return -E2BIG;
	if (options->size < sizeof(*options) || !options->argv || !options->argv[0])
		return -EINVAL;
	error = child_start(options, &pid);
	if (error)
		return error;
	/* It is a child that nobody has waited for, so its number is its own. */
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		error = -errno;
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return error;
	}
	ret_process->pid = pid;
	ret_process->pidfd = pidfd;
	ret_process->own_group = options->own_group != 0;
	return 0;
}

static void status_read(const siginfo_t *info, struct pawl_process_status *ret_status)
{
	bool exited = info->si_code == CLD_EXITED;

	ret_status->exit_code = exited ? info->si_status : -1;
	ret_status->signal = exited ? 0 : info->si_status;
	ret_status->core_dumped = info->si_code == CLD_DUMPED;
}

static int process_wait(struct pawl_runtime *rt, struct pawl_process *process,
			uint64_t deadline_ns, bool deaf, struct pawl_process_status *ret_status)
{
	siginfo_t info = {0};
	int error;

	/* A look, which blocks no worker, whatever made it ready. */
	do {
		error = fd_wait(rt, process->pidfd, PAWL_FD_READ, deadline_ns, deaf, NULL);
		if (error)
			return error;
		if (waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG))
			error = -errno;
	} while (!error && !info.si_pid);
	close(process->pidfd);
	process->pidfd = -1;
	if (!error)
		status_read(&info, ret_status);
	return error;
}

int pawl_process_wait(struct pawl_runtime *runtime, struct pawl_process *process,
		      uint64_t deadline_ns, struct pawl_process_status *ret_status)
{
	return process_wait(runtime, process, deadline_ns, false, ret_status);
}

int pawl_process_kill(const struct pawl_process *process, int signal)
{
	/* The leader is not waited for yet, so the group's number is its own as well. */
	if (process->own_group)
		return kill(-process->pid, signal) ? -errno : 0;
	return pidfd_send_signal(process->pidfd, signal, NULL, 0) ? -errno : 0;
}

/* It is to end now, and is waited for, whatever the body is told. */
static int process_end(struct pawl_runtime *rt, struct pawl_process *process, uint64_t grace_ns,
		       struct pawl_process_status *ret_status)
{
	uint64_t now_ns = eng_now(rt);
	int error;

	(void)pawl_process_kill(process, SIGTERM);
	if (!eng_run_here() && rt->options.now)
		grace_ns = 0;
	error = process_wait(rt, process,
			     grace_ns < PAWL_FOREVER - now_ns ? now_ns + grace_ns
							      : PAWL_FOREVER,
			     true, ret_status);
	if (!error || process->pidfd < 0)
		return error;
	(void)pawl_process_kill(process, SIGKILL);
	error = process_wait(rt, process, PAWL_FOREVER, true, ret_status);
	if (error && process->pidfd >= 0) {
		/* The reactor has no room for it. It was killed: this does not take long. */
		siginfo_t info = {0};

		error = waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED) ? -errno : 0;
		close(process->pidfd);
		process->pidfd = -1;
		if (!error)
			status_read(&info, ret_status);
	}
	return error;
}

struct process_run {
	struct pawl_cleanup cleanup;
	struct pawl_runtime *rt;
	struct pawl_process process;
	uint64_t grace_ns;
};

static void process_run_forced(void *arg)
{
	struct process_run *run = arg;
	struct pawl_process_status status;

	(void)process_end(run->rt, &run->process, run->grace_ns, &status);
}

int pawl_process_run(struct pawl_runtime *runtime, const struct pawl_process_options *options,
		     uint64_t deadline_ns, struct pawl_process_status *ret_status)
{
	struct process_run run = {.rt = runtime, .grace_ns = options->grace_ns};
	bool in_body = eng_run_here();
	int error, ended;

	error = pawl_process_spawn(options, &run.process);
	if (error)
		return error;
	if (in_body)
		pawl_cleanup_push(&run.cleanup, process_run_forced, &run);
	error = process_wait(runtime, &run.process, deadline_ns, false, ret_status);
	if (in_body)
		pawl_cleanup_pop(&run.cleanup, false);
	if (!error || run.process.pidfd < 0)
		return error;
	ended = process_end(runtime, &run.process, options->grace_ns, ret_status);
	return ended ? ended : error;
}
