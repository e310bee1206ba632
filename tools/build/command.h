/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * command.h - one command of a build, from its text to its end.
 */
#ifndef BUILD_COMMAND_H
#define BUILD_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include <pawl/atomic.h>
#include <pawl/io.h>

#include "common.h"

/* The request to end all commands. One for a build; any thread asks. */
struct command_stop {
	int fd; /* readable once it was asked for */
	struct pawl_atomic_u32 signal;
	struct pawl_atomic_u32 hard; /* asked for again: no grace */
};
int command_stop_init(struct command_stop *stop);
void command_stop_fini(struct command_stop *stop);
/* Also in handlers of signals: one relaxed store each, one write(). */
void command_stop_ask(struct command_stop *stop, int signal);
/* The signal that was asked with; 0: nobody has asked. */
static inline int command_stopped(const struct command_stop *stop)
{
	return (int)pawl_load_relaxed(&stop->signal);
}

/*
 * The words of a command that needs no shell, argv as for exec. NULL: it needs one: something in it means
 * something to a shell, or its first word does. Freed by command_words_free().
 */
char **command_words(const char *command);
void command_words_free(char **words);

struct command {
	const char *text;
	bool console;  /* has the terminal: nothing is captured, it stays in our process group */
	int null_fd;   /* its input */
	uint64_t grace_ns; /* from the request to end to SIGKILL */
};

struct command_result {
	int error;     /* it could not be started or waited for: a negative errno */
	int exit_code; /* -1: a signal ended it */
	int signal;
	bool stopped; /* it was asked to end */
	uint64_t begun_ns, ended_ns;
	struct string output;
};

/*
 * command_run() - Start a command and wait for its end; in a body of the runtime, which parks meanwhile. What it prints,
 * on both channels, is read until it has ended: children that it leaves behind may hold its output open, and are not
 * waited for.
 */
void command_run(struct pawl_runtime *runtime, const struct command *command,
		 struct command_stop *stop, struct command_result *ret_result);

#endif
