/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.c - `pawl store`: the words after it, and their arguments.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "../commands.h"
#include "store.h"

static const struct word {
	const char *name;
	int (*run)(const char *path, struct pawl_store *store);
	const char *what;
} words[] = {
	{"info", tool_store_info, "how large it is, and of what"},
	{"check", tool_store_check, "look for damage"},
	{"dump", tool_store_dump, "a line for each task"},
};

#define WORDS (sizeof(words) / sizeof(*words))

static void usage(FILE *to)
{
	fprintf(to, "usage: pawl store WORD FOLDER\n\n");
	for (size_t i = 0; i < WORDS; i++)
		fprintf(to, "  %-6s %s\n", words[i].name, words[i].what);
	fprintf(to,
		"\nThe store is only read, beside whoever writes it. Ends with 0: all is well; 1: it is damaged,\n"
		"or cannot be read; 2: this command line is wrong.\n");
}

int tool_store(int argc, char **argv)
{
	struct pawl_store *store;
	int status;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage(stdout);
		return TOOL_DONE;
	}
	for (size_t i = 0; argc == 3 && i < WORDS; i++) {
		if (strcmp(argv[1], words[i].name))
			continue;
		status = tool_store_open(argv[2], &store);
		if (status)
			return status;
		status = words[i].run(argv[2], store);
		pawl_store_close(store);
		return status;
	}
	usage(stderr);
	return TOOL_MISUSED;
}
