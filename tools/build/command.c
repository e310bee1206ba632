/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * command.c - commands as child processes.
 *
 * A command without anything that means something to a shell is started directly, which saves a third of the cost of
 * a small one. What then cannot be started is given to the shell after all: it knows what to say.
 *
 * A body sleeps for three things at once: output, the end of the process, and the request to stop. They stand in
 * one epoll descriptor of its own, which the runtime's reactor watches. The end counts: output that is there by then
 * is taken, a pipe that is held open by somebody else is closed.
 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- the request to end ---------------------------------------------------------------------- */

int command_stop_init(struct command_stop *stop)
{
	stop->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pawl_store_relaxed(&stop->signal, 0);
	pawl_store_relaxed(&stop->hard, 0);
	return stop->fd < 0 ? -errno : 0;
}

void command_stop_fini(struct command_stop *stop)
{
	if (stop->fd >= 0)
		close(stop->fd);
}

void command_stop_ask(struct command_stop *stop, int signal)
{
	uint64_t one = 1;

	/* Relaxed: who finds the descriptor readable looks at these two, and at nothing else that we wrote. */
	if (pawl_load_relaxed(&stop->signal))
		pawl_store_relaxed(&stop->hard, 1);
	else
		pawl_store_relaxed(&stop->signal, (uint32_t)signal);
	(void)!write(stop->fd, &one, sizeof(one));
}

/* ---- words ------------------------------------------------------------------------------------- */

/* What a POSIX shell does by itself, and reserved words: not found in PATH, or different there. */
static const char *const shell_words[] = {
	".",	"!",	"{",	 "}",	   ":",	   "alias",   "bg",	"break", "case",
	"cd",	"command", "continue", "do", "done", "elif",  "else",	"esac",	 "eval",
	"exec", "exit",	"export",  "fg",   "fi",   "for",     "getopts", "hash", "if",
	"in",	"jobs",	"local",   "read", "readonly", "return", "set",	"shift", "then",
	"time",	"times", "trap",   "type", "ulimit",   "umask",  "unalias", "unset", "until",
	"wait", "while", "echo",   "printf", "test", "[", "kill", "pwd",
};

static bool shell_word(const char *word)
{
	for (size_t i = 0; i < sizeof(shell_words) / sizeof(*shell_words); i++) {
		if (!strcmp(shell_words[i], word))
			return true;
	}
	/* NAME=value in front of a command. */
	return strchr(word, '=') != NULL;
}

/* Letters that mean nothing to a shell, wherever they stand. A '~' and a '#' do in front. */
static bool plain(char c, bool first)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	if (first && (c == '~' || c == '#'))
		return false;
	/* "a~" is itself, but "x=~" and "a:~" are not for all shells. */
	return c && (strchr("+-./:=@_,%", c) || (unsigned char)c >= 0x80);
}

char **command_words(const char *command)
{
	size_t n = 0, room = 0, bytes = strlen(command);
	char **words = NULL, *copy, *to;
	const char *at = command;

	/* Words are copied into one block, behind the array's first. */
	copy = to = build_realloc(NULL, bytes + 1);
	for (;;) {
		char quote = 0;
		bool first = true;

		while (*at == ' ' || *at == '\t')
			at++;
		if (!*at)
			break;
		BUILD_GROW(words, n, room);
		words[n++] = to;
		for (; *at && (quote || (*at != ' ' && *at != '\t')); at++, first = false) {
			if (quote == '\'' ? *at != '\'' : quote && !strchr("\"$`\\!", *at)) {
				*to++ = *at;
			} else if (quote && *at == quote) {
				quote = 0;
			} else if (!quote && (*at == '\'' || *at == '"')) {
				quote = *at;
			} else if (!quote && plain(*at, first)) {
				*to++ = *at;
			} else {
				goto shell;
			}
		}
		if (quote)
			goto shell;
		*to++ = 0;
	}
	if (!n || shell_word(words[0]))
		goto shell;
	BUILD_GROW(words, n, room);
	words[n] = NULL;
	return words;
shell:
	free(copy);
	free(words);
	return NULL;
}

void command_words_free(char **words)
{
	if (words)
		free(words[0]);
	free(words);
}

/* ---- start -------------------------------------------------------------------------------------- */

static int child_start(const struct command *command, int output,
		       struct pawl_process *ret_process)
{
	struct pawl_process_options options = PAWL_PROCESS_OPTIONS_INIT;
	const char *shell[] = {"/bin/sh", "-c", command->text, NULL};
	char **words = command_words(command->text);
	int error = -ENOENT;

	if (!command->console) {
		options.fds[0] = command->null_fd;
		options.fds[1] = options.fds[2] = output;
	}
	options.own_group = !command->console;
	if (words) {
		options.argv = (const char *const *)words;
		error = pawl_process_spawn(&options, ret_process);
		command_words_free(words);
	}
	if (error == -ENOENT || error == -EACCES || error == -ENOEXEC || error == -ENOTDIR ||
	    error == -EISDIR) {
		options.argv = shell;
		error = pawl_process_spawn(&options, ret_process);
	}
	return error;
}

/* ---- the end ------------------------------------------------------------------------------------- */

enum watched { WATCH_OUTPUT, WATCH_PROCESS, WATCH_STOP };

struct child {
	struct pawl_process process;
	struct command_stop *stop;
	struct command_result *result;
	int epoll, pipe; /* -1: nothing (any more) */
	bool ended, warned;
	uint64_t kill_ns; /* when to stop asking */
	uint64_t grace_ns;
};

static int watch(int epoll, int fd, enum watched what)
{
	struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = what}};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* What is there now. False: nobody will write any more. */
static bool output_read(struct child *child)
{
	char *buf = build_realloc(NULL, 65536);
	ssize_t n;

	while ((n = read(child->pipe, buf, 65536)) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0)
			string_add(&child->result->output, buf, (size_t)n);
		/* A writer that never rests does not keep us from looking at the rest. */
		if (n < 65536 && n > 0)
			break;
	}
	free(buf);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

/* What is in the pipe at the end; more may come from those whom the command has left behind. */
static void output_rest(struct child *child)
{
	int left = 0;

	if (child->pipe < 0 || ioctl(child->pipe, FIONREAD, &left))
		return;
	while (left > 0) {
		char buf[4096];
		ssize_t n = read(child->pipe, buf,
				 left < (int)sizeof(buf) ? (size_t)left : sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		string_add(&child->result->output, buf, (size_t)n);
		left -= (int)n;
	}
}

static void output_close(struct child *child)
{
	if (child->pipe >= 0)
		close(child->pipe);
	child->pipe = -1;
}

/* One round: look at what has happened. */
static void child_look(struct child *child)
{
	struct epoll_event events[3];
	int n = epoll_wait(child->epoll, events, 3, 0);

	for (int i = 0; i < n; i++) {
		switch (events[i].data.u32) {
		case WATCH_OUTPUT:
			if (!output_read(child))
				output_close(child);
			break;
		case WATCH_PROCESS:
			child->ended = true;
			break;
		case WATCH_STOP:
		default:
			break;
		}
	}
}

/* Somebody has asked for the end. Asked for twice, or not heard in time: SIGKILL. */
static void child_stop(struct child *child)
{
	uint64_t now = build_now_ns();

	if (!child->warned) {
		child->warned = true;
		child->result->stopped = true;
		child->kill_ns = now + child->grace_ns;
		/* From now on it is time that ends the sleep; else it would be ready again and again. */
		(void)epoll_ctl(child->epoll, EPOLL_CTL_DEL, child->stop->fd, NULL);
		(void)pawl_process_kill(&child->process, command_stopped(child->stop));
	}
	if (now >= child->kill_ns || pawl_load_relaxed(&child->stop->hard))
		(void)pawl_process_kill(&child->process, SIGKILL);
}

#define LOOK_NS 50000000u

static void child_wait(struct pawl_runtime *runtime, struct child *child)
{
	struct pawl_process_status status = {-1, 0, false};
	int error = 0;

	while (!child->ended && !error) {
		uint64_t deadline = child->warned ? pawl_runtime_now(runtime) + LOOK_NS
						  : PAWL_FOREVER;

		error = pawl_fd_wait(runtime, child->epoll, PAWL_FD_READ, deadline, NULL);
		if (error == -ETIMEDOUT)
			error = 0;
		child_look(child);
		if (!child->ended && command_stopped(child->stop))
			child_stop(child);
	}
	if (error)
		(void)pawl_process_kill(&child->process, SIGKILL);
	output_rest(child);
	child->result->error =
		pawl_process_wait(runtime, &child->process, PAWL_FOREVER, &status);
	if (error)
		child->result->error = error;
	child->result->exit_code = status.exit_code;
	child->result->signal = status.signal;
}

void command_run(struct pawl_runtime *runtime, const struct command *command,
		 struct command_stop *stop, struct command_result *ret_result)
{
	struct child child = {.stop = stop,
			      .result = ret_result,
			      .epoll = epoll_create1(EPOLL_CLOEXEC),
			      .pipe = -1,
			      .grace_ns = command->grace_ns};
	int pipes[2] = {-1, -1};
	int error = child.epoll < 0 ? -errno : 0;

	*ret_result = (struct command_result){.exit_code = -1, .begun_ns = build_now_ns()};
	if (!error && !command->console && pipe2(pipes, O_CLOEXEC))
		error = -errno;
	if (!error)
		error = child_start(command, pipes[1], &child.process);
	if (pipes[1] >= 0)
		close(pipes[1]);
	child.pipe = pipes[0];
	if (!error) {
		if (child.pipe >= 0)
			(void)fcntl(child.pipe, F_SETFL, O_NONBLOCK);
		error = watch(child.epoll, child.process.pidfd, WATCH_PROCESS);
		if (!error)
			error = watch(child.epoll, stop->fd, WATCH_STOP);
		if (!error && child.pipe >= 0)
			error = watch(child.epoll, child.pipe, WATCH_OUTPUT);
		if (error)
			(void)pawl_process_kill(&child.process, SIGKILL);
		child.ended = error != 0;
		child_wait(runtime, &child);
	}
	if (error)
		ret_result->error = error;
	output_close(&child);
	if (child.epoll >= 0)
		close(child.epoll);
	ret_result->ended_ns = build_now_ns();
}
