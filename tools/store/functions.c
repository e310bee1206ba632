/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * functions.c - the functions of a store, and text that came out of one.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

int tool_functions_add(struct tool_functions *functions, const struct pawl_saved_row *row)
{
	struct tool_function *at =
		realloc(functions->at, (functions->n + 1) * sizeof(*functions->at));

	if (!at)
		return -ENOMEM;
	functions->at = at;
	at += functions->n;
	*at = (struct tool_function){.number = row->number, .version = row->version};
	at->name = strndup(row->name.len ? row->name.ptr : "", row->name.len);
	if (!at->name)
		return -ENOMEM;
	functions->n++;
	return 0;
}

struct tool_function *tool_functions_find(const struct tool_functions *functions,
					  uint32_t number)
{
	for (size_t i = 0; i < functions->n; i++)
		if (functions->at[i].number == number)
			return &functions->at[i];
	return NULL;
}

void tool_functions_free(struct tool_functions *functions)
{
	while (functions->n)
		free(functions->at[--functions->n].name);
	free(functions->at);
	functions->at = NULL;
}

void tool_print_text(struct pawl_slice text)
{
	const unsigned char *at = text.ptr;

	for (size_t i = 0; i < text.len; i++) {
		/* UTF-8 goes through as it is; C1 controls of Latin-1 do not occur in it alone. */
		if (at[i] < 0x20 || at[i] == 0x7f || at[i] == '\\')
			printf("\\x%02x", at[i]);
		else
			putchar(at[i]);
	}
}
