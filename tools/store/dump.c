/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dump.c - `pawl store dump`: a line for each task, fields between tabs, with a head.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../commands.h"
#include "store.h"

static int note_function(void *arg, const struct pawl_saved_row *row)
{
	return row->kind == PAWL_SAVED_FUNCTION ? tool_functions_add(arg, row) : 0;
}

static void print_flags(uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} names[] = {{PAWL_SAVED_DIRTY, "dirty"},
		     {PAWL_SAVED_SESSION, "session"},
		     {PAWL_SAVED_FAILED, "failed"},
		     {PAWL_SAVED_LOST, "lost"}};
	const char *between = "";

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!(flags & names[i].flag))
			continue;
		printf("%s%s", between, names[i].name);
		between = ",";
	}
	if (!*between)
		putchar('-');
}

static void print_bytes(struct pawl_slice bytes)
{
	const unsigned char *at = bytes.ptr;

	for (size_t i = 0; i < bytes.len; i++)
		printf("%02x", at[i]);
	if (!bytes.len)
		putchar('-');
}

static int print_task(void *arg, const struct pawl_saved_task *task)
{
	const struct tool_function *function = tool_functions_find(arg, task->function);

	printf("%" PRIu32 "\t", task->id);
	if (function)
		tool_print_text((struct pawl_slice){function->name, strlen(function->name)});
	else
		putchar('-');
	putchar('\t');
	print_flags(task->flags);
	printf("\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu64 "\t%" PRIu64
	       "\t%" PRIu64 "\t",
	       task->children, task->reads, task->readers, task->cells, task->meta_bytes,
	       task->data_bytes, task->output_bytes);
	print_bytes(task->arguments);
	putchar('\t');
	if (task->error.ptr)
		tool_print_text(task->error);
	else
		putchar('-');
	putchar('\n');
	return 0;
}

int tool_store_dump(const char *path, struct pawl_store *store)
{
	struct pawl_inspector look = PAWL_INSPECTOR_INIT;
	struct tool_functions functions = {NULL, 0};
	struct pawl_inspection found;
	int status;

	look.row = note_function;
	look.task = print_task;
	puts("id\tfunction\tflags\tcalls\treads\treaders\tcells\tmeta\tdata\toutput\targuments\terror");
	status = tool_store_walk(path, store, &look, &functions, &found);
	tool_functions_free(&functions);
	if (!status && found.damage) {
		fprintf(stderr,
			"pawl store: %s: %" PRIu64
			" places are damaged, and left out: pawl store check\n",
			path, found.damage);
		return TOOL_FAILED;
	}
	return status;
}
