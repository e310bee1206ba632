/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - the program pawl: finds the command that is asked for, and calls it.
 *
 * pawl COMMAND [ARGUMENT ...]. Under another name, that of a link to it, it is that command at once: the table's second
 * column.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <pawl/version.h>

#include "commands.h"

/* In alphabetical order. */
static const struct command {
	const char *name;
	const char *as; /* the name of a program that is this command; NULL: none */
	tool_command_fn *run;
	const char *what; /* NULL: another name of the one above */
} commands[] = {
	{"build", NULL, tool_build, "build what build.ninja describes"},
	{"clean", NULL, tool_build_clean, "remove what a build has made"},
	{"ninja", "ninja", tool_build_ninja, "the same as build, with ninja's words alone"},
	{"ninja", "pawl-ninja", tool_build_ninja, NULL},
	{"store", NULL, tool_store, "look at what an engine has saved: info, check, dump"},
	{"why", NULL, tool_build_why, "why a command runs, or ran"},
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static void usage(FILE *to)
{
	fprintf(to, "usage: pawl COMMAND [ARGUMENT ...]\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].what)
			fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].what);
	fprintf(to, "\npawl COMMAND --help says more, and so does pawl(1).\n");
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What was printed has to arrive, too. */
static int flushed(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fprintf(stderr, "pawl: the output could not be written\n");
	return status ? status : TOOL_FAILED;
}

int main(int argc, char **argv)
{
	const char *name = argc > 0 ? name_of(argv[0]) : "pawl";

	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].as && !strcmp(name, commands[i].as))
			return flushed(commands[i].run(argc, argv));
	if (argc < 2) {
		usage(stderr);
		return TOOL_MISUSED;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return flushed(TOOL_DONE);
	}
	if (!strcmp(argv[1], "--version")) {
		printf("pawl %s\n", PAWL_VERSION_STRING);
		return flushed(TOOL_DONE);
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return flushed(commands[i].run(argc - 1, argv + 1));
	fprintf(stderr, "pawl: there is no command %s; pawl --help lists them\n", argv[1]);
	return TOOL_MISUSED;
}
