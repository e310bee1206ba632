/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.c - `pawl store check`: is everything where it has to be, and as it was written?
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../commands.h"
#include "store.h"

static void print_damage(void *arg, enum pawl_store_space space, struct pawl_store_key key,
			 const char *what)
{
	static const char *const names[PAWL_STORE_SPACE_COUNT] = {
		"the store's own", "the graph's part of task", "the data of task", "key"};

	(void)arg;
	if (space == PAWL_STORE_TYPES)
		printf("%s %016" PRIx64 "%016" PRIx64 ": %s\n", names[space], key.high, key.low,
		       what);
	else
		printf("%s %" PRIu64 ": %s\n", names[space], key.low, what);
}

int tool_store_check(const char *path, struct pawl_store *store)
{
	struct pawl_inspector look = PAWL_INSPECTOR_INIT;
	struct pawl_store_why why = {0, ""};
	struct pawl_inspection found;
	int error = pawl_store_verify(store, &why), status;

	if (error) {
		fprintf(stderr, "pawl store: %s: %s\n", path,
			*why.text ? why.text : strerror(-error));
		fprintf(stderr, "pawl store: remove the folder: all is computed again then\n");
		return TOOL_FAILED;
	}
	look.damage = print_damage;
	status = tool_store_walk(path, store, &look, NULL, &found);
	if (status)
		return status;
	printf("%" PRIu64 " tasks, %" PRIu64 " damaged\n", found.tasks, found.damage);
	if (!found.damage)
		return TOOL_DONE;
	fprintf(stderr,
		"pawl store: %s: %" PRIu64
		" places are damaged: an engine that opens it computes again what it has to\n",
		path, found.damage);
	return TOOL_FAILED;
}
