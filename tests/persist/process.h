/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process.h - other processes of a test: this program again, with a word that says what to do, and lines over two pipes.
 */
#ifndef T_PROCESS_H
#define T_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct t_process {
	pid_t pid;
	int to, from;
};

/* ---- who starts it --------------------------------------------------------------------------------- */

struct t_process t_process_start(const char *word);
/* A line from it, without its end; false: it has gone. */
bool t_process_line(const struct t_process *process, char *line, size_t bytes);
/* A line to it. */
void t_process_tell(const struct t_process *process, const char *line);
/* Both: a line to it, and the answer. */
void t_process_ask(const struct t_process *process, const char *line, char *answer,
		   size_t bytes);
/* Until it has ended: by itself and well, once nothing more comes to it; or `killed` now. */
void t_process_end(struct t_process *process, bool killed);

/* ---- what it does itself ----------------------------------------------------------------------------- */

/* A line to who started it. */
void t_say(const char *line);
/* A line from there; false: none comes any more. */
bool t_hear(char *line, size_t bytes);

#endif
