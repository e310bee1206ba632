/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status.h - what a build says while it goes on.
 *
 * On a terminal one line that is rewritten in place, with lines below it of commands that take long (but not as ninja), else a
 * line for each command. What a command prints comes in one piece, when it has ended. Any thread; calls take a lock and may block on the terminal.
 */
#ifndef UI_STATUS_H
#define UI_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pawl/base.h>

struct status;

enum status_color { STATUS_COLOR_AUTO, STATUS_COLOR_ALWAYS, STATUS_COLOR_NEVER };

struct status_options {
	const char *name;   /* in front of messages: "pawl", "ninja" */
	const char *format; /* NINJA_STATUS; NULL: "[%f/%t] " */
	bool verbose;	    /* commands in place of descriptions; no line in place */
	bool quiet;	    /* nothing but what fails */
	bool json;	    /* one object a line in place of all */
	enum status_color color;
};

struct status *status_create(const struct status_options *options);
/* Leaves the line that is there. */
void status_destroy(struct status *status);

/* How many commands there are to run, as far as is known; may change. */
void status_total(struct status *status, size_t total);
void status_more(struct status *status, int more);

struct status_command {
	const char *outputs;	 /* with spaces between */
	const char *description; /* "": the command */
	const char *command;
	bool console;
	uint64_t begun_ns, ended_ns; /* CLOCK_MONOTONIC */
	/* Of one that has ended. */
	bool failed, quiet; /* quiet: it was asked to end: says nothing */
	int exit_code, signal;
	const char *output;
	size_t output_bytes;
};
/* A command begins; with `console` nothing else is printed until it has ended. */
void status_begun(struct status *status, const struct status_command *command);
void status_ended(struct status *status, const struct status_command *command);

/* "NAME: words", on the error channel: kept back while a command has the terminal. */
void status_say(struct status *status, const char *kind, const char *format, ...)
	PAWL_PRINTF(3, 4);
/* A line of the output, as it is. */
void status_print(struct status *status, const char *format, ...) PAWL_PRINTF(2, 3);
/* For times that pass: the line in place is drawn again. */
void status_tick(struct status *status);
bool status_terminal(const struct status *status);

#endif
