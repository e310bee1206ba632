/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names.c - open addressing over entries that stay where their strings are: in chunks that never move.
 *
 * I1: `index` has a power of two of places, at most three quarters of them taken.
 */
#include "config.h"

#include "manifest/names.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <pawl/hash.h>
#include <pawl/mem.h>

#define CHUNK_BYTES ((size_t)64 << 10)

struct names_chunk {
	struct names_chunk *next;
	size_t bytes, used; /* of the whole block */
};

void names_fini(struct names *names)
{
	struct names_chunk *next;

	for (; names->chunk; names->chunk = next) {
		next = names->chunk->next;
		pawl_mem_free(names->chunk, names->chunk->bytes, 0);
	}
	pawl_mem_free(names->entries, (size_t)names->room * sizeof(*names->entries), 0);
	pawl_mem_free(names->index, (size_t)names->n_index * sizeof(*names->index), 0);
	*names = (struct names)NAMES_INIT;
}

/* Its place in the index, or the free one where it belongs. */
static uint32_t place_of(const struct names *names, const char *at, size_t len, uint32_t hash)
{
	uint32_t mask = names->n_index - 1, i = hash & mask;

	for (; names->index[i]; i = (i + 1) & mask) {
		const struct names_entry *entry = &names->entries[names->index[i] - 1];

		if (entry->hash == hash && entry->len == len && !memcmp(entry->at, at, len))
			break;
	}
	return i;
}

uint32_t names_find(const struct names *names, const char *at, size_t len)
{
	if (!names->n)
		return UINT32_MAX;
	return names->index[place_of(names, at, len, (uint32_t)pawl_hash_bytes(at, len, 0))] -
	       1;
}

static int grow_index(struct names *names)
{
	uint32_t n = names->n_index ? names->n_index * 2 : 64, i, place;
	uint32_t *index;

	if (names->n + 1 <= names->n_index / 4 * 3)
		return 0;
	if (n > UINT32_C(1) << 30)
		return -EFBIG;
	index = pawl_mem_zalloc((size_t)n * sizeof(*index), 0);
	if (!index)
		return -ENOMEM;
	for (i = 0; i < names->n; i++) {
		for (place = names->entries[i].hash & (n - 1); index[place];)
			place = (place + 1) & (n - 1);
		index[place] = i + 1;
	}
	pawl_mem_free(names->index, (size_t)names->n_index * sizeof(*index), 0);
	names->index = index;
	names->n_index = n;
	return 0;
}

static int grow_entries(struct names *names)
{
	uint32_t room = names->room ? names->room * 2 : 64;
	struct names_entry *entries;

	if (names->n < names->room)
		return 0;
	entries = pawl_mem_alloc((size_t)room * sizeof(*entries), 0);
	if (!entries)
		return -ENOMEM;
	if (names->n)
		memcpy(entries, names->entries, (size_t)names->n * sizeof(*entries));
	pawl_mem_free(names->entries, (size_t)names->room * sizeof(*entries), 0);
	names->entries = entries;
	names->room = room;
	return 0;
}

static char *keep(struct names *names, const char *at, size_t len)
{
	struct names_chunk *chunk = names->chunk;
	size_t need = len + 1, bytes;
	char *to;

	if (!chunk || chunk->bytes - chunk->used < need) {
		bytes = need > CHUNK_BYTES / 4 ? sizeof(*chunk) + need : CHUNK_BYTES;
		chunk = pawl_mem_alloc(bytes, 0);
		if (!chunk)
			return NULL;
		*chunk = (struct names_chunk){names->chunk, bytes, sizeof(*chunk)};
		names->chunk = chunk;
	}
	to = (char *)chunk + chunk->used;
	chunk->used += need;
	if (len)
		memcpy(to, at, len);
	to[len] = '\0';
	return to;
}

int names_add(struct names *names, const char *at, size_t len, uint32_t *ret_number)
{
	uint32_t hash = (uint32_t)pawl_hash_bytes(at, len, 0), place;
	char *kept;
	int error;

	if (len >= UINT32_MAX)
		return -EFBIG;
	error = grow_index(names);
	if (!error)
		error = grow_entries(names);
	if (error)
		return error;
	place = place_of(names, at, len, hash);
	if (!names->index[place]) {
		kept = keep(names, at, len);
		if (!kept)
			return -ENOMEM;
		names->entries[names->n] = (struct names_entry){kept, (uint32_t)len, hash};
		names->index[place] = ++names->n;
	}
	*ret_number = names->index[place] - 1;
	return 0;
}
