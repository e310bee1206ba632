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

static void check_edge(void *arg, const char *field, eng_id to)
{
	struct check *check = arg;
	const char *wrong = check->error ? NULL : wrong_with(check, to);

	if (!wrong)
		return;
	check->error = -EUCLEAN;
	(void)snprintf(check->buf, check->len, "task %x leads to %x (%s), which %s", check->id,
		       to, field, wrong);
}

static void each_member(const struct eng_record_field *field, const void *member,
			eng_image_edge_fn *fn, void *arg)
{
	const struct eng_image_set *set = member;
	const struct eng_image_set64 *set64 = member;
	const struct eng_image_map *map = member;
	const struct eng_image_pairs *pairs = member;
	const struct eng_image_bag *bag = member;
	const struct eng_image_words *words = member;

	switch ((enum eng_kind)field->kind) {
	case ENG_KIND_SET:
		for (uint32_t i = 0; i < set->n; i++)
			fn(arg, field->name, set->at[i]);
		break;
	case ENG_KIND_SET64:
		for (uint32_t i = 0; i < set64->n; i++)
			fn(arg, field->name, (eng_id)set64->at[i]);
		break;
	case ENG_KIND_MAP:
		for (uint32_t i = 0; i < map->n; i++)
			fn(arg, field->name, map->at[i].key);
		break;
	case ENG_KIND_PAIRS:
		for (uint32_t i = 0; i < pairs->n; i++)
			fn(arg, field->name, (eng_id)pairs->at[i].a);
		break;
	case ENG_KIND_BAG:
		for (uint32_t i = 0; i < bag->n; i++)
			fn(arg, field->name, (eng_id)bag->at[i].ref);
		break;
	case ENG_KIND_WORDS:
		/* A reference: there may be none, and it may be to nothing. */
		if (words->a)
			fn(arg, field->name, words->a);
		break;
	case ENG_KIND_POINTER:
		break;
	}
}

void eng_image_each_edge(enum pawl_store_space space, const void *image, eng_image_edge_fn *fn,
			 void *arg)
{
	size_t n;
	const struct eng_record_field *fields = eng_record_fields(space, &n);

	for (size_t i = 0; i < n; i++) {
		if (fields[i].filtered)
			each_member(&fields[i], (const char *)image + fields[i].offset, fn,
				    arg);
	}
}

int eng_image_check(struct eng_graph *graph, const struct eng_image *image, uint32_t limit,
		    char *buf, size_t len)
{
	struct check check = {
		.graph = graph, .id = image->id, .limit = limit, .buf = buf, .len = len};

	if (image->categories & ENG_META)
		eng_image_each_edge(PAWL_STORE_META, &image->meta_image, check_edge, &check);
	if (image->categories & ENG_DATA)
		eng_image_each_edge(PAWL_STORE_DATA, &image->data_image, check_edge, &check);
	return check.error;
}
