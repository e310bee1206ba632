/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image-check.c - before an image is saved, in debug builds: each of its edges leads to a task that will be there when it
 * is read again. Edges to transient tasks are left out when it is taken, and numbers are given before edges are made;
 * whatever gets here against that would be lost in the next process, and all be computed anew because of it.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "image.h"

struct check {
	struct eng_graph *graph;
	eng_id id;	/* whose image it is */
	uint32_t limit; /* no task that is saved has this number or a larger one */
	const char *field;
	char *buf;
	size_t len;
	int error;
};

static const char *wrong_with(const struct check *check, eng_id to)
{
	struct eng_node *node;

	if (eng_is_transient(to))
		return "is transient";
	if (!to || to >= check->limit)
		return "is not in this snapshot";
	if (eng_is_stored(check->graph, to))
		return NULL;
	node = eng_lock_resident(check->graph, to);
	if (node)
		eng_unlock(node);
	/* Or it was there at the capture, and went since. */
	return node || eng_gone_has(check->graph, to) ? NULL : "is not there";
}

static void check_edge(struct check *check, eng_id to)
{
	const char *wrong = check->error ? NULL : wrong_with(check, to);

	if (!wrong)
		return;
	check->error = -EUCLEAN;
	(void)snprintf(check->buf, check->len, "task %x leads to %x (%s), which %s", check->id,
		       to, check->field, wrong);
}

static void check_member(struct check *check, const struct eng_record_field *field,
			 const void *member)
{
	const struct eng_image_set *set = member;
	const struct eng_image_set64 *set64 = member;
	const struct eng_image_map *map = member;
	const struct eng_image_pairs *pairs = member;
	const struct eng_image_bag *bag = member;
	const struct eng_image_words *words = member;

	check->field = field->name;
	switch ((enum eng_kind)field->kind) {
	case ENG_KIND_SET:
		for (uint32_t i = 0; i < set->n; i++)
			check_edge(check, set->at[i]);
		break;
	case ENG_KIND_SET64:
		for (uint32_t i = 0; i < set64->n; i++)
			check_edge(check, (eng_id)set64->at[i]);
		break;
	case ENG_KIND_MAP:
		for (uint32_t i = 0; i < map->n; i++)
			check_edge(check, map->at[i].key);
		break;
	case ENG_KIND_PAIRS:
		for (uint32_t i = 0; i < pairs->n; i++)
			check_edge(check, (eng_id)pairs->at[i].a);
		break;
	case ENG_KIND_BAG:
		for (uint32_t i = 0; i < bag->n; i++)
			check_edge(check, (eng_id)bag->at[i].ref);
		break;
	case ENG_KIND_WORDS:
		/* A reference: there may be none, and it may be to nothing. */
		if (words->a)
			check_edge(check, words->a);
		break;
	case ENG_KIND_POINTER:
		break;
	}
}

static void check_all(struct check *check, enum pawl_store_space space, const void *image)
{
	size_t n;
	const struct eng_record_field *fields = eng_record_fields(space, &n);

	for (size_t i = 0; i < n; i++) {
		if (fields[i].filtered)
			check_member(check, &fields[i], (const char *)image + fields[i].offset);
	}
}

int eng_image_check(struct eng_graph *graph, const struct eng_image *image, uint32_t limit,
		    char *buf, size_t len)
{
	struct check check = {
		.graph = graph, .id = image->id, .limit = limit, .buf = buf, .len = len};

	if (image->categories & ENG_META)
		check_all(&check, PAWL_STORE_META, &image->meta_image);
	if (image->categories & ENG_DATA)
		check_all(&check, PAWL_STORE_DATA, &image->data_image);
	return check.error;
}
