/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commands.h - what the program can do: a function for each word that may follow `pawl`.
 *
 * To add one: a declaration here, a row in main.c, its sources in local.mk, a paragraph in doc/man/pawl.1.
 */
#ifndef TOOL_COMMANDS_H
#define TOOL_COMMANDS_H

/* What a process ends with. */
#define TOOL_DONE    0
#define TOOL_FAILED  1 /* it was tried; what went wrong was said */
#define TOOL_MISUSED 2 /* the command line is wrong: nothing was done */

/*
 * Arguments as of main(); argv[0] is the word, or the name of the program where that stands for it.
 *
 * Returns: what the process ends with.
 */
typedef int tool_command_fn(int argc, char **argv);

tool_command_fn tool_build;
tool_command_fn tool_build_clean;
tool_command_fn tool_build_ninja;
tool_command_fn tool_store;
tool_command_fn tool_build_why;

#endif
