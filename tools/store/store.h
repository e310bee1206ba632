/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.h - what the words after `pawl store` share: the store, open for reading, and a moment of it.
 */
#ifndef TOOL_STORE_H
#define TOOL_STORE_H

#include <pawl/inspect.h>
#include <pawl/store.h>

/* Functions by their numbers in the store. Text is escaped where it is printed. */
struct tool_function {
	uint32_t number;
	uint64_t version;
	char *name;
	uint64_t tasks, meta_bytes, data_bytes, output_bytes, edges;
};

struct tool_functions {
	struct tool_function *at;
	size_t n;
};

/*
 * tool_store_open() - For reading, beside whoever writes it. If it cannot be read, says so on stderr, and what helps.
 *
 * Returns: 0, or what the process ends with.
 */
int tool_store_open(const char *path, struct pawl_store **ret_store);

/* tool_store_failed() - Says so on stderr. Returns: what the process ends with. */
int tool_store_failed(const char *path, int error);

/*
 * tool_store_walk() - pawl_inspect() of what was saved last. If it fails, says so on stderr.
 *
 * Returns: 0, or what the process ends with.
 */
int tool_store_walk(const char *path, struct pawl_store *store,
		    const struct pawl_inspector *inspector, void *arg,
		    struct pawl_inspection *ret_found);

/* tool_functions_add() - A row of the table. Errors: -ENOMEM. */
int tool_functions_add(struct tool_functions *functions, const struct pawl_saved_row *row);
/* Returns: NULL: there is none with that number. */
struct tool_function *tool_functions_find(const struct tool_functions *functions,
					  uint32_t number);
void tool_functions_free(struct tool_functions *functions);

/* tool_print_text() - With what would disturb a terminal, or a table, as \xNN. */
void tool_print_text(struct pawl_slice text);

/* The words. Returns: what the process ends with. */
int tool_store_check(const char *path, struct pawl_store *store);
int tool_store_dump(const char *path, struct pawl_store *store);
int tool_store_info(const char *path, struct pawl_store *store);

#endif
