/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-io.c - pawl/io.h: descriptors and children, waited for by bodies and by threads; requests to end.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pawl.h>
#include <pawl/io.h>
#include <pawl/join.h>
#include <pawl/runtime.h>

static struct pawl_runtime *rt;
static struct pawl_atomic_u32 ran;

static void up(uint32_t workers)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	options.workers = workers;
	pawl_store_relaxed(&ran, 0u);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
}

static void down(void)
{
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
	/* No child is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static pawl_task_t spawn(pawl_body_fn *body, void *arg)
{
	pawl_task_t task;

	assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, body, arg, &task), 0);
	return task;
}

static struct pawl_result wait_for(pawl_task_t task)
{
	struct pawl_result result;

	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, &result), 0);
	assert_int_equal(pawl_task_drop(rt, task), 0);
	return result;
}

/* ---- descriptors ----------------------------------------------------------------------- */

struct end {
	int fd;
	uint32_t events, got;
};

static int wait_fd(void *arg, void **ret_value)
{
	struct end *end = arg;

	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	return pawl_fd_wait(rt, end->fd, end->events, PAWL_FOREVER, &end->got);
}

static void case_pipe(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		struct end reads[5];
		pawl_task_t tasks[5];
		uint32_t got;
		int fds[2];

		up(workers);
		assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
		assert_int_equal(pawl_fd_wait(rt, fds[1], PAWL_FD_WRITE, PAWL_FOREVER, &got),
				 0);
		assert_int_equal(got, PAWL_FD_WRITE);
		assert_int_equal(pawl_fd_wait(rt, fds[0], PAWL_FD_READ, 0, &got), -ETIMEDOUT);
		/* Several wait for one; all are told. */
		for (unsigned i = 0; i < 5; i++) {
			reads[i] = (struct end){fds[0], PAWL_FD_READ, 0};
			tasks[i] = spawn(wait_fd, &reads[i]);
		}
		t_wait_until(pawl_load_relaxed(&ran) == 5);
		assert_int_equal(write(fds[1], "x", 1), 1);
		for (unsigned i = 0; i < 5; i++) {
			assert_int_equal(wait_for(tasks[i]).outcome, PAWL_OUTCOME_COMPLETED);
			assert_int_equal(reads[i].got, PAWL_FD_READ);
		}
		/* Ready already; and a hang-up counts. */
		assert_int_equal(pawl_fd_wait(rt, fds[0], PAWL_FD_READ, PAWL_FOREVER, NULL), 0);
		close(fds[1]);
		assert_int_equal(pawl_fd_wait(rt, fds[0], PAWL_FD_READ, PAWL_FOREVER, NULL), 0);
		close(fds[0]);
		down();
		t_step();
	}
}

/* One waits to read, one to write, of one descriptor: each is told of its own. */
static void case_both_ways(void **state)
{
	struct end reads, writes;
	pawl_task_t reader, writer;
	char buffer[4096] = {0};
	int fds[2];

	(void)state;
	up(2);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	while (write(fds[0], buffer, sizeof(buffer)) > 0)
		;
	reads = (struct end){fds[0], PAWL_FD_READ, 0};
	writes = (struct end){fds[0], PAWL_FD_WRITE, 0};
	reader = spawn(wait_fd, &reads);
	writer = spawn(wait_fd, &writes);
	t_wait_until(pawl_load_relaxed(&ran) == 2);
	while (read(fds[1], buffer, sizeof(buffer)) > 0)
		;
	assert_int_equal(wait_for(writer).outcome, PAWL_OUTCOME_COMPLETED);
	t_assert_errno(pawl_task_result(rt, reader, &(struct pawl_result){0}), EINPROGRESS);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(wait_for(reader).outcome, PAWL_OUTCOME_COMPLETED);
	close(fds[0]);
	close(fds[1]);
	down();
}

static void case_told_to_end(void **state)
{
	struct end reads[2];
	pawl_task_t tasks[2];
	int fds[2];

	(void)state;
	up(2);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	for (unsigned i = 0; i < 2; i++) {
		reads[i] = (struct end){fds[0], PAWL_FD_READ, 0};
		tasks[i] = spawn(wait_fd, &reads[i]);
	}
	t_wait_until(pawl_load_relaxed(&ran) == 2);
	assert_int_equal(pawl_task_cancel(rt, tasks[0]), 0);
	assert_int_equal(wait_for(tasks[0]).outcome, PAWL_OUTCOME_CANCELLED);
	assert_int_equal(pawl_task_force(rt, tasks[1]), 0);
	assert_in_range(wait_for(tasks[1]).outcome, PAWL_OUTCOME_CANCELLED,
			PAWL_OUTCOME_ABORTED);
	/* Nobody waits any more, and one may wait again. */
	assert_int_equal(pawl_fd_wait(rt, fds[0], PAWL_FD_READ, pawl_deadline_in(1000), NULL),
			 -ETIMEDOUT);
	close(fds[0]);
	close(fds[1]);
	down();
}

static int wait_and_read(void *arg, void **ret_value)
{
	struct end *end = arg;
	char byte;
	int error;

	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	error = pawl_fd_wait(rt, end->fd, PAWL_FD_READ, PAWL_FOREVER, NULL);
	if (!error && read(end->fd, &byte, 1) != 1)
		error = -errno;
	return error;
}

/*
 * A number whose file was closed under its waiter, while a copy of the descriptor keeps the file: the old file's
 * events are not told to who waits for the new one.
 */
static void case_number_of_another_file(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		int old[2], new[2], copy, number;
		pawl_task_t first, second;
		struct end end;

		up(2);
		assert_int_equal(pipe2(old, O_CLOEXEC | O_NONBLOCK), 0);
		number = old[0];
		copy = dup(number);
		assert_true(copy >= 0);
		end = (struct end){number, PAWL_FD_READ, 0};
		first = spawn(wait_and_read, &end);
		/* It waits: another one that waits for the same was armed after it, or it is. */
		t_wait_until(pawl_load_relaxed(&ran) == 1 &&
			     pawl_runtime_quiet_until(rt) == PAWL_FOREVER);
		close(number);
		assert_int_equal(pipe2(new, O_CLOEXEC | O_NONBLOCK), 0);
		assert_int_equal(new[0], number);
		assert_int_equal(pawl_task_cancel(rt, first), 0);
		assert_int_equal(wait_for(first).outcome, PAWL_OUTCOME_CANCELLED);
		second = spawn(wait_and_read, &end);
		t_wait_until(pawl_load_relaxed(&ran) == 2 &&
			     pawl_runtime_quiet_until(rt) == PAWL_FOREVER);
		/* The old file is ready; and when a later one was told, that has been looked at. */
		assert_int_equal(write(old[1], "x", 1), 1);
		assert_int_equal(pawl_fd_wait(rt, old[1], PAWL_FD_WRITE, PAWL_FOREVER, NULL),
				 0);
		assert_int_equal(write(new[1], "y", 1), 1);
		assert_int_equal(wait_for(second).outcome, PAWL_OUTCOME_COMPLETED);
		close(copy);
		close(old[1]);
		close(new[0]);
		close(new[1]);
		down();
		t_step();
	}
}

static void case_refused(void **state)
{
	int fd;

	(void)state;
	up(1);
	assert_int_equal(pawl_fd_wait(rt, -1, PAWL_FD_READ, 0, NULL), -EBADF);
	assert_int_equal(pawl_fd_wait(rt, 10000, PAWL_FD_READ, 0, NULL), -EBADF);
	assert_int_equal(pawl_fd_wait(rt, 0, 0, 0, NULL), -EINVAL);
	assert_int_equal(pawl_fd_wait(rt, 0, 4, 0, NULL), -EINVAL);
	fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pawl_fd_wait(rt, fd, PAWL_FD_READ, PAWL_FOREVER, NULL), -EPERM);
	close(fd);
	down();
}

/* ---- children ------------------------------------------------------------------------------ */

static struct pawl_process_options command(const char *const *argv)
{
	struct pawl_process_options options = PAWL_PROCESS_OPTIONS_INIT;

	options.argv = argv;
	return options;
}

static void case_status(void **state)
{
	static const char *const exits[] = {"sh", "-c", "exit 7", NULL};
	static const char *const kills[] = {"sh", "-c", "kill -USR1 $$", NULL};
	static const char *const nothing[] = {"/nonexistent/pawl", NULL};
	struct pawl_process_options options;
	struct pawl_process_status status;

	(void)state;
	up(1);
	options = command(exits);
	assert_int_equal(pawl_process_run(rt, &options, PAWL_FOREVER, &status), 0);
	assert_int_equal(status.exit_code, 7);
	assert_int_equal(status.signal, 0);
	options = command(kills);
	assert_int_equal(pawl_process_run(rt, &options, PAWL_FOREVER, &status), 0);
	assert_int_equal(status.exit_code, -1);
	assert_int_equal(status.signal, SIGUSR1);
	options = command(nothing);
	assert_int_equal(pawl_process_run(rt, &options, PAWL_FOREVER, &status), -ENOENT);
	options.argv = NULL;
	assert_int_equal(pawl_process_run(rt, &options, PAWL_FOREVER, &status), -EINVAL);
	options.size++;
	assert_int_equal(pawl_process_run(rt, &options, PAWL_FOREVER, &status), -E2BIG);
	down();
}

/* What it prints, where it runs, and what it finds in its environment. */
static void case_output(void **state)
{
	static const char *const argv[] = {"sh", "-c", "pwd; echo $PAWL_T; echo oops >&2",
					   NULL};
	static const char *const envp[] = {"PAWL_T=seen", "PATH=/usr/bin:/bin", NULL};
	struct pawl_process_options options = command(argv);
	struct pawl_process_status status;
	struct pawl_process process;
	char text[256] = "";
	size_t length = 0;
	int out[2];
	ssize_t n;

	(void)state;
	up(1);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	options.envp = envp;
	options.directory = "/";
	options.fds[1] = options.fds[2] = out[1];
	assert_int_equal(pawl_process_spawn(&options, &process), 0);
	close(out[1]);
	do {
		assert_int_equal(pawl_fd_wait(rt, out[0], PAWL_FD_READ, PAWL_FOREVER, NULL), 0);
		n = read(out[0], text + length, sizeof(text) - 1 - length);
		assert_true(n >= 0);
		length += (size_t)n;
	} while (n);
	close(out[0]);
	assert_string_equal(text, "/\nseen\noops\n");
	assert_int_equal(pawl_process_wait(rt, &process, PAWL_FOREVER, &status), 0);
	assert_int_equal(status.exit_code, 0);
	down();
}

static int run_command(void *arg, void **ret_value)
{
	static const char *const argv[] = {"true", NULL};
	struct pawl_process_options options = command(argv);
	struct pawl_process_status status;
	int error = pawl_process_run(rt, &options, PAWL_FOREVER, &status);

	(void)arg;
	(void)ret_value;
	return error ? error : status.exit_code;
}

static void case_many(void **state)
{
	pawl_task_t tasks[40];

	(void)state;
	up(2);
	for (unsigned i = 0; i < 40; i++)
		tasks[i] = spawn(run_command, NULL);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(wait_for(tasks[i]).outcome, PAWL_OUTCOME_COMPLETED);
	down();
}

/* Deaf to SIGTERM, with a child of its own: SIGKILL ends the whole group. */
static const char *const stubborn[] = {"sh", "-c",
				       "trap '' TERM; sleep 1000 & echo up; wait; wait", NULL};
static const char *const docile[] = {"sh", "-c", "echo up; exec sleep 1000", NULL};

struct runner {
	const char *const *argv;
	uint64_t grace_ns;
	int out;
	struct pawl_process_status status;
	int error;
};

static int run_for_ever(void *arg, void **ret_value)
{
	struct runner *runner = arg;
	struct pawl_process_options options = command(runner->argv);

	(void)ret_value;
	options.grace_ns = runner->grace_ns;
	options.fds[1] = runner->out;
	runner->error = pawl_process_run(rt, &options, PAWL_FOREVER, &runner->status);
	return runner->error;
}

/* Until the child says that it is up. */
static void await_up(int fd)
{
	char text[3];

	assert_int_equal(pawl_fd_wait(rt, fd, PAWL_FD_READ, PAWL_FOREVER, NULL), 0);
	assert_int_equal(read(fd, text, 3), 3);
}

static void case_told_to_end_child(void **state)
{
	(void)state;
	for (unsigned which = 0; which < 4; which++) {
		struct runner runner = {.argv = which / 2 ? stubborn : docile,
					.grace_ns = which / 2 ? 1000000 : PAWL_FOREVER};
		enum pawl_outcome outcome;
		pawl_task_t task;
		int out[2];

		up(1);
		assert_int_equal(pipe2(out, O_CLOEXEC), 0);
		runner.out = out[1];
		task = spawn(run_for_ever, &runner);
		await_up(out[0]);
		if (which % 2)
			assert_int_equal(pawl_task_force(rt, task), 0);
		else
			assert_int_equal(pawl_task_cancel(rt, task), 0);
		outcome = wait_for(task).outcome;
		if (which % 2) {
			assert_int_equal(outcome, PAWL_OUTCOME_ABORTED);
		} else {
			assert_int_equal(outcome, PAWL_OUTCOME_CANCELLED);
			assert_int_equal(runner.status.signal, which / 2 ? SIGKILL : SIGTERM);
		}
		close(out[1]);
		/* All of the group are gone: nobody holds the pipe open. */
		assert_int_equal(pawl_fd_wait(rt, out[0], PAWL_FD_READ, PAWL_FOREVER, NULL), 0);
		assert_int_equal(read(out[0], &outcome, 1), 0);
		close(out[0]);
		down();
		t_step();
	}
}

static void case_deadline(void **state)
{
	static const char *const argv[] = {"sleep", "1000", NULL};
	struct pawl_process_options options = command(argv);
	struct pawl_process_status status;

	(void)state;
	up(1);
	assert_int_equal(pawl_process_run(rt, &options, pawl_deadline_in(1000000), &status),
			 -ETIMEDOUT);
	assert_int_equal(status.signal, SIGTERM);
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_pipe),
		cmocka_unit_test(case_both_ways),
		cmocka_unit_test(case_told_to_end),
		cmocka_unit_test(case_number_of_another_file),
		cmocka_unit_test(case_refused),
		cmocka_unit_test(case_status),
		cmocka_unit_test(case_output),
		cmocka_unit_test(case_many),
		cmocka_unit_test(case_told_to_end_child),
		cmocka_unit_test(case_deadline),
	};

	return t_run("io", tests);
}
