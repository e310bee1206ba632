/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * info.c - `pawl store info`: how large a store is, and of what: a table with a line for each function.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../commands.h"
#include "store.h"

struct info {
	struct tool_functions functions;
	struct tool_function lost; /* and tasks whose function is in no table */
	uint64_t dirty, session, failed;
};

static int add_row(void *arg, const struct pawl_saved_row *row)
{
	struct info *info = arg;

	return row->kind == PAWL_SAVED_FUNCTION ? tool_functions_add(&info->functions, row) : 0;
}

static int add_task(void *arg, const struct pawl_saved_task *task)
{
	struct info *info = arg;
	struct tool_function *of = tool_functions_find(&info->functions, task->function);

	if (!of)
		of = &info->lost;
	of->tasks++;
	of->meta_bytes += task->meta_bytes;
	of->data_bytes += task->data_bytes;
	of->output_bytes += task->output_bytes;
	of->edges += (uint64_t)task->children + task->reads + task->readers + task->sums;
	info->dirty += (task->flags & PAWL_SAVED_DIRTY) != 0;
	info->session += (task->flags & PAWL_SAVED_SESSION) != 0;
	info->failed += (task->flags & PAWL_SAVED_FAILED) != 0;
	return 0;
}

/* The largest first; the same by name. */
static int order(const void *x, const void *y)
{
	const struct tool_function *a = x, *b = y;
	uint64_t p = a->meta_bytes + a->data_bytes, q = b->meta_bytes + b->data_bytes;

	return p != q ? (p < q ? 1 : -1) : strcmp(a->name, b->name);
}

static void print_function(const struct tool_function *function)
{
	printf("%8" PRIu64 " %10" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %10" PRIu64
	       "  ",
	       function->version, function->tasks, function->meta_bytes, function->data_bytes,
	       function->output_bytes, function->edges);
	tool_print_text((struct pawl_slice){function->name, strlen(function->name)});
	putchar('\n');
}

static void print_sizes(const struct pawl_store_stat *stat, const struct info *info,
			const struct pawl_inspection *found)
{
	printf("snapshots  %" PRIu64 "\n", found->generation);
	printf("tasks      %" PRIu64 " (%" PRIu64 " to run again, %" PRIu64
	       " in each session, %" PRIu64 " failed, %" PRIu64 " lost)\n",
	       found->tasks, info->dirty, info->session, info->failed, info->lost.tasks);
	printf("functions  %" PRIu64 " (%" PRIu64 " types, %" PRIu64 " traits)\n",
	       found->rows[PAWL_SAVED_FUNCTION], found->rows[PAWL_SAVED_TYPE],
	       found->rows[PAWL_SAVED_TRAIT]);
	printf("damage     %" PRIu64 "\n", found->damage);
	if (found->loss)
		puts("loss       a process ended before it had made good what was lost: the next one computes anew");
	printf("file       %" PRIu64 " bytes, %" PRIu64 " of them in use\n", stat->file_bytes,
	       stat->used_bytes);
	if (stat->limit_bytes)
		printf("limit      %" PRIu64 " bytes\n", stat->limit_bytes);
	printf("readers    %" PRIu32 " (with those that wait to be used again)\n",
	       stat->readers);
}

static void print_functions(const struct info *info)
{
	printf("\n%8s %10s %12s %12s %12s %10s  %s\n", "version", "tasks", "meta bytes",
	       "data bytes", "outputs", "edges", "function");
	for (size_t i = 0; i < info->functions.n; i++)
		print_function(&info->functions.at[i]);
	if (info->lost.tasks)
		print_function(&info->lost);
}

int tool_store_info(const char *path, struct pawl_store *store)
{
	struct pawl_inspector look = PAWL_INSPECTOR_INIT;
	struct info info = {{NULL, 0}, {.name = NULL}, 0, 0, 0};
	char none[] = "(none: lost)";
	struct pawl_inspection found;
	struct pawl_store_stat stat;
	int error = pawl_store_stat_read(store, &stat), status;

	if (error)
		return tool_store_failed(path, error);
	info.lost.name = none;
	look.row = add_row;
	look.task = add_task;
	status = tool_store_walk(path, store, &look, &info, &found);
	if (!status) {
		if (info.functions.n)
			qsort(info.functions.at, info.functions.n, sizeof(*info.functions.at),
			      order);
		print_sizes(&stat, &info, &found);
		print_functions(&info);
	}
	tool_functions_free(&info.functions);
	return status;
}
