/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bag.c - a short list of traits, each with a map of its references: programs have few traits.
 */
#include "config.h"

#include "bag.h"

#include <string.h>

#include <pawl/mem.h>

#include "node.h"

struct part {
	uint32_t trait;
	struct pawl_cmap64 counts;
};

struct eng_bag {
	uint32_t parts;
	struct part part[];
};

static size_t bytes_of(uint32_t parts)
{
	return sizeof(struct eng_bag) + parts * sizeof(struct part);
}

static struct part *part_of(const struct eng_bag *bag, uint32_t trait)
{
	for (uint32_t i = 0; bag && i < bag->parts; i++) {
		if (bag->part[i].trait == trait)
			return (struct part *)(uintptr_t)&bag->part[i];
	}
	return NULL;
}

static struct part *part_make(struct eng_bag **bag, uint32_t trait)
{
	uint32_t parts = *bag ? (*bag)->parts : 0;
	struct eng_bag *more = eng_must_zalloc(bytes_of(parts + 1));

	if (*bag) {
		memcpy(more, *bag, bytes_of(parts));
		pawl_mem_free(*bag, bytes_of(parts), 0);
	}
	more->parts = parts + 1;
	more->part[parts].trait = trait;
	*bag = more;
	return &more->part[parts];
}

struct pawl_crossing eng_bag_add(struct eng_bag **bag, uint32_t trait, uint64_t ref,
				 int32_t delta)
{
	struct part *part = part_of(*bag, trait);
	struct pawl_crossing crossing;

	if (!part)
		part = part_make(bag, trait);
	ENG_MUST(pawl_cmap64_add(&part->counts, ref, delta, &crossing));
	if (!eng_bag_count(*bag))
		eng_bag_free(bag);
	return crossing;
}

int32_t eng_bag_get(const struct eng_bag *bag, uint32_t trait, uint64_t ref)
{
	const struct part *part = part_of(bag, trait);

	return part ? pawl_cmap64_get(&part->counts, ref) : 0;
}

uint32_t eng_bag_count(const struct eng_bag *bag)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; bag && i < bag->parts; i++)
		sum += pawl_cmap64_count(&bag->part[i].counts);
	return sum;
}

bool eng_bag_next(const struct eng_bag *bag, struct eng_bag_cursor *cursor,
		  struct eng_collectible *ret_entry)
{
	struct pawl_cmap64_entry entry;

	for (; bag && cursor->trait_at < bag->parts; cursor->trait_at++, cursor->ref_at = 0) {
		const struct part *part = &bag->part[cursor->trait_at];

		if (pawl_cmap64_next(&part->counts, &cursor->ref_at, &entry)) {
			*ret_entry =
				(struct eng_collectible){entry.key, part->trait, entry.count};
			return true;
		}
	}
	return false;
}

void eng_bag_free(struct eng_bag **bag)
{
	if (!*bag)
		return;
	for (uint32_t i = 0; i < (*bag)->parts; i++)
		pawl_cmap64_fini(&(*bag)->part[i].counts);
	pawl_mem_free(*bag, bytes_of((*bag)->parts), 0);
	*bag = NULL;
}

size_t eng_bag_bytes(const struct eng_bag *bag)
{
	size_t sum = bag ? bytes_of(bag->parts) : 0;

	for (uint32_t i = 0; bag && i < bag->parts; i++)
		sum += pawl_cmap64_bytes(&bag->part[i].counts);
	return sum;
}
