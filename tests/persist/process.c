/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process.c - other processes of a test.
 *
 * Who is started goes with who has started it, however that ends. Lines are written past write(), which tests define.
 */
#include "process.h"

#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool line_of(int fd, char *line, size_t bytes)
{
	size_t n = 0;

	while (n + 1 < bytes && read(fd, line + n, 1) == 1) {
		if (line[n] == '\n') {
			line[n] = 0;
			return true;
		}
		n++;
	}
	return false;
}

/* false: nobody reads it any more. */
static bool line_to(int fd, const char *line)
{
	char text[512];
	size_t n = strlen(line);

	t_check(n + 2 < sizeof(text));
	memcpy(text, line, n);
	text[n] = '\n';
	return syscall(SYS_write, fd, text, n + 1) == (long)n + 1;
}

struct t_process t_process_start(const char *word)
{
	posix_spawn_file_actions_t actions;
	int in[2], out[2];
	char self[400];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *arguments[] = {self, (char *)(uintptr_t)word, NULL};
	struct t_process process;

	t_check(n > 0 && !pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC));
	self[n] = 0;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	t_check(!posix_spawn(&process.pid, self, &actions, NULL, arguments, environ));
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	process.to = in[1];
	process.from = out[0];
	return process;
}

bool t_process_line(const struct t_process *process, char *line, size_t bytes)
{
	return line_of(process->from, line, bytes);
}

void t_process_tell(const struct t_process *process, const char *line)
{
	t_check(line_to(process->to, line));
}

void t_process_ask(const struct t_process *process, const char *line, char *answer,
		   size_t bytes)
{
	t_process_tell(process, line);
	t_check(t_process_line(process, answer, bytes));
}

void t_process_end(struct t_process *process, bool killed)
{
	int status;

	if (killed)
		kill(process->pid, SIGKILL);
	close(process->to);
	t_check(waitpid(process->pid, &status, 0) == process->pid);
	close(process->from);
	t_check(killed ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : !status);
}

void t_say(const char *line)
{
	t_check(line_to(1, line));
}

bool t_hear(char *line, size_t bytes)
{
	return line_of(0, line, bytes);
}
