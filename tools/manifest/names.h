/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names.h - numbers for strings: equal strings, equal numbers, counted from 0 without holes.
 *
 * For paths that are no nodes of the manifest: what depfiles name. One thread at a time; a name is at
 * the same address until names_fini().
 */
#ifndef TOOLS_MANIFEST_NAMES_H
#define TOOLS_MANIFEST_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include <pawl/base.h>

struct names_chunk;
struct names {
	struct names_entry *entries;
	uint32_t *index; /* number + 1, by hash; 0: free */
	struct names_chunk *chunk;
	uint32_t n, room, n_index;
};
struct names_entry {
	const char *at; /* terminated */
	uint32_t len;
	uint32_t hash;
};
#define NAMES_INIT                        \
	{                                 \
		NULL, NULL, NULL, 0, 0, 0 \
	}

void names_fini(struct names *names);

/* names_add() - The number of a name; a new one if there is none. Errors: -ENOMEM, -EFBIG; all stays as it was. */
PAWL_MUST_CHECK int names_add(struct names *names, const char *at, size_t len,
			      uint32_t *ret_number);

/* names_find() - The number of a name, UINT32_MAX if it has none. */
uint32_t names_find(const struct names *names, const char *at, size_t len);

static inline const char *names_at(const struct names *names, uint32_t number)
{
	return names->entries[number].at;
}

#endif
