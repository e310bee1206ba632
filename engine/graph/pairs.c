/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pairs.c - an open-addressed table with linear probing and removal by moving back. (0, 0) is the
 * empty place, which no dependency is: a task's id is not 0.
 */
#include "config.h"

#include "pairs.h"

#include <pawl/hash.h>
#include <pawl/mem.h>

#include "node.h"

#define FIRST 8u

struct eng_pairs {
	uint32_t count, mask;
	struct eng_pair places[];
};

static size_t bytes_of(uint32_t places)
{
	return sizeof(struct eng_pairs) + places * sizeof(struct eng_pair);
}

static uint32_t place_of(const struct eng_pairs *set, struct eng_pair pair)
{
	return (uint32_t)pawl_hash_u64(pair.a, pair.b) & set->mask;
}

/* Where it is, or where it would go. */
static uint32_t find(const struct eng_pairs *set, struct eng_pair pair)
{
	uint32_t at = place_of(set, pair);

	while ((set->places[at].a || set->places[at].b) &&
	       (set->places[at].a != pair.a || set->places[at].b != pair.b))
		at = (at + 1) & set->mask;
	return at;
}

static bool is_empty(const struct eng_pairs *set, uint32_t at)
{
	return !set->places[at].a && !set->places[at].b;
}

static struct eng_pairs *grown(struct eng_pairs *from)
{
	uint32_t places = from ? (from->mask + 1) * 2 : FIRST;
	struct eng_pairs *set = eng_must_zalloc(bytes_of(places));
	struct eng_pair pair;
	uint32_t cursor = 0;

	set->mask = places - 1;
	while (eng_pairs_next(from, &cursor, &pair))
		set->places[find(set, pair)] = pair;
	set->count = eng_pairs_count(from);
	eng_pairs_free(&from);
	return set;
}

bool eng_pairs_add(struct eng_pairs **set, struct eng_pair pair)
{
	uint32_t at;

	if (eng_pairs_has(*set, pair))
		return false;
	if (!*set || (*set)->count * 4 >= ((*set)->mask + 1) * 3)
		*set = grown(*set);
	at = find(*set, pair);
	(*set)->places[at] = pair;
	(*set)->count++;
	return true;
}

/* Those behind the hole that would no longer be found move into it. */
static void close_hole(struct eng_pairs *set, uint32_t hole)
{
	uint32_t at = hole;

	for (;;) {
		uint32_t home;

		at = (at + 1) & set->mask;
		if (is_empty(set, at))
			break;
		home = place_of(set, set->places[at]);
		if (((at - home) & set->mask) < ((at - hole) & set->mask))
			continue;
		set->places[hole] = set->places[at];
		hole = at;
	}
	set->places[hole] = (struct eng_pair){0, 0};
}

bool eng_pairs_remove(struct eng_pairs **set, struct eng_pair pair)
{
	uint32_t at;

	if (!eng_pairs_has(*set, pair))
		return false;
	at = find(*set, pair);
	if (!--(*set)->count)
		eng_pairs_free(set);
	else
		close_hole(*set, at);
	return true;
}

bool eng_pairs_has(const struct eng_pairs *set, struct eng_pair pair)
{
	return set && !is_empty(set, find(set, pair));
}

uint32_t eng_pairs_count(const struct eng_pairs *set)
{
	return set ? set->count : 0;
}

bool eng_pairs_next(const struct eng_pairs *set, uint32_t *cursor, struct eng_pair *ret_pair)
{
	while (set && *cursor <= set->mask) {
		uint32_t at = (*cursor)++;

		if (!is_empty(set, at)) {
			*ret_pair = set->places[at];
			return true;
		}
	}
	return false;
}

void eng_pairs_free(struct eng_pairs **set)
{
	if (*set)
		pawl_mem_free(*set, bytes_of((*set)->mask + 1), 0);
	*set = NULL;
}

size_t eng_pairs_bytes(const struct eng_pairs *set)
{
	return set ? bytes_of(set->mask + 1) : 0;
}
