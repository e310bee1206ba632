/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store-standin.h - what scenarios of tasks that are saved share: the place of the store, and of snapshots.
 *
 * In place of the store are bytes of each record, by its number, as engine/persist/image.c writes them; in place of its
 * view a lock.
 */
#ifndef VERIFY_STORE_STANDIN_H
#define VERIFY_STORE_STANDIN_H

/* mc-sources: engine/persist/bytes.c engine/persist/image.c engine/persist/image-read.c */
/* mc-sources: engine/persist/record.c */
#include "../engine/graph/evict.h"
#include "../engine/graph/reclaim.h"
#include "../engine/persist/image.h"

#include "graph-standin.h"

#define TASKS 8u /* no more than that are made */
#define BYTES 192u

/* ---- what is saved ----------------------------------------------------------------------- */

struct record {
	eng_id id; /* 0: none, nor behind it */
	struct pawl_digest digest;
	size_t meta_n, data_n;
	char meta[BYTES], data[BYTES];
};

/* Of the snapshot that is under way, and of all before; each under its lock. */
static struct record batch[TASKS], stored[TASKS];
static struct pawl_lock batch_lock, stored_lock;
static struct eng_marks *marks;
static struct eng_bitmap *taken;
static uint32_t next, known;
static struct eng_backing backing;
static struct eng_kept kept;

/* Locked. Of one that is not there: the next empty one. */
static inline struct record *record_of(struct record *records, eng_id id)
{
	unsigned i = 0;

	while (i < TASKS && records[i].id && records[i].id != id)
		i++;
	mc_assert(i < TASKS);
	return &records[i];
}

static inline void put(struct eng_image *image)
{
	struct record *record;

	mc_assert(!eng_image_complete(image));
	mc_assert(image->meta.n <= BYTES && image->data.n <= BYTES);
	pawl_lock_lock(&batch_lock);
	record = record_of(batch, image->id);
	record->id = image->id;
	if (image->categories & ENG_META)
		memcpy(record->meta, image->meta.bytes, record->meta_n = image->meta.n);
	if (image->categories & ENG_DATA)
		memcpy(record->data, image->data.bytes, record->data_n = image->data.n);
	if (image->is_new)
		record->digest = image->digest;
	pawl_lock_unlock(&batch_lock);
	eng_image_fini(image);
}

/* Locked, as who walks: values are bytes, so none of the program's functions is called. */
static inline void take(struct eng_node *node, uint32_t pending)
{
	struct eng_image image = {0};

	mc_assert(!eng_image_take(graph, node, pending, &image));
	put(&image);
}

static inline void help(void *arg, struct eng_node *node, uint32_t pending)
{
	(void)arg;
	take(node, pending);
}

/* The last one takes its place. */
static inline void forget(struct record *records, eng_id id)
{
	struct record *record = record_of(records, id), *last = record;

	while (last + 1 < records + TASKS && last[1].id)
		last++;
	*record = *last;
	memset(last, 0, sizeof(*last));
}

/* What was collected goes first: another task may have come in its place. */
static inline void capture(void *arg)
{
	const struct eng_gone_list *gone = eng_gone_take(graph);

	(void)arg;
	taken = eng_marks_capture(marks);
	next = (uint32_t)pawl_ids_next(graph->ids[0]);
	for (uint32_t i = 0; i < gone->n; i++)
		forget(batch, gone->list[i].id);
}

/* The view is exchanged, and then the snapshot counts as over, as in engine/persist/snapshot.c. */
static inline void save_taken(void)
{
	struct eng_node *node;

	for (uint32_t id = 0; taken && eng_bitmap_next(taken, &id); id++) {
		uint32_t pending;

		node = eng_lock_resident(graph, id);
		if (!node)
			continue;
		pending = eng_marks_pending(marks, node);
		if (pending)
			take(node, pending);
		eng_unlock(node);
	}
	pawl_lock_lock(&stored_lock);
	memcpy(stored, batch, sizeof(stored));
	known = next;
	pawl_lock_unlock(&stored_lock);
	for (uint32_t id = 0; taken && eng_bitmap_next(taken, &id); id++) {
		node = eng_lock_resident(graph, id);
		if (!node)
			continue;
		node->bits &= ~ENG_NEW;
		eng_unlock(node);
	}
	if (taken)
		eng_marks_end(marks);
	eng_gone_done(graph, true);
}

static inline void save(void)
{
	mc_assert(!eng_quiesce_run(graph->quiesce, capture, NULL));
	save_taken();
}

static inline int restore(void *arg, eng_id id, struct eng_node **ret_node)
{
	const struct record *record;
	int error;

	(void)arg;
	pawl_lock_lock(&stored_lock);
	record = record_of(stored, id);
	error = eng_image_read(graph, id, known,
			       (struct pawl_slice){record->meta, record->meta_n},
			       (struct pawl_slice){record->data, record->data_n}, ret_node);
	pawl_lock_unlock(&stored_lock);
	mc_assert(!error);
	return 0;
}

/* One by one. */
static inline void restore_many(void *arg, const eng_id *ids, unsigned n,
				struct eng_node **ret_nodes)
{
	(void)arg;
	(void)ids;
	memset(ret_nodes, 0, n * sizeof(*ret_nodes));
}

static inline int look_up(void *arg, struct pawl_digest digest, eng_id *ret_id)
{
	(void)arg;
	*ret_id = 0;
	pawl_lock_lock(&stored_lock);
	for (unsigned i = 0; i < TASKS; i++)
		if (!memcmp(&stored[i].digest, &digest, sizeof(digest)))
			*ret_id = stored[i].id;
	pawl_lock_unlock(&stored_lock);
	return 0;
}

static inline void lost(void *arg, eng_id id)
{
	(void)arg;
	(void)id;
	mc_fail("nothing is lost here", __FILE__, __LINE__);
}

static inline bool is_current(void *arg)
{
	(void)arg;
	return true;
}

/* ---- values ------------------------------------------------------------------------------ */

static const struct pawl_value_type saved_type = {
	.size = sizeof(saved_type), .name = "saved", .version = 1, .flags = PAWL_VALUE_PLAIN};

static inline int give_saved(struct pawl_context *context, uint64_t number,
			     pawl_ref_t *ret_output)
{
	struct pawl_value *value;

	mc_assert(!pawl_value_of(&saved_type, &number, sizeof(number), &value));
	return pawl_cell(context, value, ret_output);
}

/* Before setup_empty(). */
static inline void setup_store(void)
{
	memset(batch, 0, sizeof(batch));
	memset(stored, 0, sizeof(stored));
	pawl_lock_init(&batch_lock, PAWL_LOCK_RANK_NONE);
	pawl_lock_init(&stored_lock, PAWL_LOCK_RANK_NONE);
	next = known = 0;
	mc_assert(!eng_marks_create(help, NULL, &marks));
	backing = (struct eng_backing){.restore = restore,
				       .restore_many = restore_many,
				       .look_up = look_up,
				       .lost = lost,
				       .is_current = is_current};
	kept = (struct eng_kept){.backing = &backing, .marks = marks};
	saved_to = &kept;
	more_type = &saved_type;
}

static inline void finish_store(void)
{
	finish_graph();
	eng_marks_destroy(marks);
	saved_to = NULL;
	more_functions_n = 0;
	more_type = NULL;
}

#endif
