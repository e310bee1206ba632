/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * info.c - `pawl store info` and `pawl store check`.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../commands.h"
#include "store.h"

int tool_store_info(const char *path, struct pawl_store *store)
{
	struct pawl_store_stat stat;
	int error = pawl_store_stat_read(store, &stat);

	if (error) {
		fprintf(stderr, "pawl store: %s: %s\n", path, strerror(-error));
		return TOOL_FAILED;
	}
	printf("snapshots    %" PRIu64 "\n", stat.generation);
	printf("tasks        %" PRIu64 "\n", stat.entries[PAWL_STORE_META]);
	printf("file         %" PRIu64 " bytes\n", stat.file_bytes);
	printf("in use       %" PRIu64 " bytes\n", stat.used_bytes);
	return TOOL_DONE;
}

int tool_store_check(const char *path, struct pawl_store *store)
{
	struct pawl_store_why why = {0, ""};
	int error = pawl_store_verify(store, &why);

	if (error) {
		fprintf(stderr, "pawl store: %s: %s\n", path,
			*why.text ? why.text : strerror(-error));
		return TOOL_FAILED;
	}
	printf("%s: nothing is wrong\n", path);
	return TOOL_DONE;
}
