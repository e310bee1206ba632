/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.h - what the words after `pawl store` share: the store, open for reading.
 */
#ifndef TOOL_STORE_H
#define TOOL_STORE_H

#include <pawl/store.h>

/*
 * tool_store_open() - For reading, beside whoever writes it. If it cannot be read, says so on stderr, and what helps.
 *
 * Returns: 0, or what the process ends with.
 */
int tool_store_open(const char *path, struct pawl_store **ret_store);

/* The words. Returns: what the process ends with. */
int tool_store_info(const char *path, struct pawl_store *store);
int tool_store_check(const char *path, struct pawl_store *store);

#endif
