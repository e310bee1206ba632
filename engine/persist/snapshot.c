/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snapshot.c - saving all tasks that were modified, as they were at one moment.
 *
 *  capture  at a moment of quiet: the next epoch begins, the bitmap of modified tasks is taken, the first free number is
 *	     noted, and what is left of suspended operations is written down; nothing else
 *  walk     over that bitmap in the order of ids: each record is encoded under its lock, unless a writer that was about
 *	     to change it has done so; its cells' values are encoded after that, without a lock
 *  commit   everything in one batch, with the digests of new tasks and these operations; what went is taken out (graph/reclaim.c)
 *  end	     new tasks are new no longer; or, if anything failed: all that was captured is modified again
 *
 * Operations go on from the end of the capture. Where nothing was modified there is no moment of quiet, and nothing
 * is written, unless the store has operations that are over by now. One that has modified nothing yet and is suspended is
 * left out then: to the store it has not begun. (The model counts it, and so makes a batch.)
 *
 * Model: verify/spin/snapshot.pml, points 3 to 5; its names: captured, pending, help, batch.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/ids.h>
#include <pawl/mem.h>
#include <pawl/park.h>

#include "persist.h"

/* ---- help ---------------------------------------------------------------------------- */

/*
 * What stands in for a task that was lost is saved together with what is made of the loss (graph/restore.c), or not at all: until
 * that is done what is damaged stays in the store, and a process that comes after a crash finds the loss again.
 */
static bool is_left_out(const struct eng_persist *persist, const struct eng_node *node)
{
	return PAWL_UNLIKELY(persist->without_lost) && !eng_node_key(node)->function;
}

/* Under the record's lock, in an operation. Without memory the snapshot fails, nobody else does. */
void eng_persist_help(void *arg, struct eng_node *node, uint32_t pending)
{
	struct eng_persist *persist = arg;
	struct eng_image *image;

	if (pawl_load_relaxed(&persist->failed) || is_left_out(persist, node))
		return;
	image = pawl_mem_zalloc(sizeof(*image), 0);
	if (!image || eng_image_take(persist->graph, node, pending, image)) {
		pawl_store_relaxed(&persist->failed, 1u);
		/* Its values have an owner still: the record. */
		if (image)
			eng_image_fini(image);
		pawl_mem_free(image, sizeof(*image), 0);
		return;
	}
	pawl_lock_lock(&persist->images_lock);
	image->next = persist->images;
	persist->images = image;
	pawl_lock_unlock(&persist->images_lock);
	pawl_add_relaxed(&persist->helped, 1u);
}

static struct eng_image *images_take(struct eng_persist *persist)
{
	struct eng_image *images;

	pawl_lock_lock(&persist->images_lock);
	images = persist->images;
	persist->images = NULL;
	pawl_lock_unlock(&persist->images_lock);
	return images;
}

static void images_free(struct eng_image *images)
{
	while (images) {
		struct eng_image *next = images->next;

		eng_image_fini(images);
		pawl_mem_free(images, sizeof(*images), 0);
		images = next;
	}
}

/* ---- the batch ------------------------------------------------------------------------- */

struct batch {
	struct eng_persist *persist;
	struct pawl_store_batch *batch;
	struct eng_bitmap *taken; /* NULL: nothing was modified */
	struct eng_out ops;	  /* of who was suspended */
	struct eng_out stale;	  /* who was not asked for */
	const struct eng_gone_list
		*gone; /* tasks that the store may have, and that are not there */
	uint64_t tasks, bytes;
	bool any_new;
};

static int put(struct batch *batch, enum pawl_store_space space, struct pawl_store_key key,
	       const struct eng_out *out)
{
	struct pawl_slice value = {out->bytes, out->n};

	batch->bytes += out->n;
	return pawl_store_put(batch->batch, space, key, value);
}

static int put_digest(struct batch *batch, const struct eng_image *image)
{
	struct pawl_slice value = {&image->id, sizeof(image->id)};

	batch->any_new = true;
	return pawl_store_put(batch->batch, PAWL_STORE_TYPES, pawl_store_digest(image->digest),
			      value);
}

/* In debug builds: nothing is saved that leads to what is not. */
static int check_image(struct batch *batch, const struct eng_image *image)
{
	struct eng_persist *persist = batch->persist;
	char text[128];
	int error;

	if (!ENG_CHECKS_EDGES)
		return 0;
	error = eng_image_check(persist->graph, image, persist->next, text, sizeof(text));
	if (error)
		eng_tell_edge(persist, text);
	return error;
}

/* What led to a number may not stand in the store any more, and be known to the program still. */
static void note_replaced(struct batch *batch, eng_id id)
{
	batch->persist->sweep.no_reuse |= id < batch->persist->backing.limit;
}

/* No lock held: types' functions are called. */
static int put_image(struct batch *batch, struct eng_image *image)
{
	int error = eng_image_complete(image);

	if (!error)
		error = check_image(batch, image);
	note_replaced(batch, image->id);
	if (!error && image->categories & ENG_META) {
		eng_sweep_note(batch->persist, image->id);
		error = put(batch, PAWL_STORE_META, pawl_store_id(image->id), &image->meta);
	}
	if (!error && image->categories & ENG_DATA)
		error = put(batch, PAWL_STORE_DATA, pawl_store_id(image->id), &image->data);
	if (!error && image->is_new)
		error = put_digest(batch, image);
	batch->tasks++;
	return error;
}

static int walk_one(struct batch *batch, eng_id id, struct eng_image *image)
{
	struct eng_persist *persist = batch->persist;
	struct eng_node *node = eng_lock_resident(persist->graph, id);
	uint32_t pending;
	int error = 0;

	/* Another thread was faster in making the same task: it was dropped again. */
	if (!node)
		return 0;
	pending = eng_marks_pending(persist->marks, node);
	if (pending && is_left_out(persist, node))
		pending = 0;
	if (pending)
		error = eng_image_take(persist->graph, node, pending, image);
	eng_unlock(node);
	if (pending && !error)
		error = put_image(batch, image);
	if (!error)
		eng_image_clear(image);
	return error;
}

/* Images of writers: all are there when the walk has ended, since each has its record's lock meanwhile. */
static int put_helped(struct batch *batch)
{
	struct eng_image *images = images_take(batch->persist), *at;
	int error = 0;

	for (at = images; at && !error; at = at->next)
		error = put_image(batch, at);
	images_free(images);
	return error;
}

static int walk(struct batch *batch)
{
	struct eng_persist *persist = batch->persist;
	struct eng_image image = {0};
	int error = 0;

	for (uint32_t id = 0; !error && batch->taken && eng_bitmap_next(batch->taken, &id);
	     id++) {
		error = walk_one(batch, id, &image);
		if (!error && pawl_load_relaxed(&persist->failed))
			error = -ENOMEM;
	}
	eng_image_fini(&image);
	if (!error)
		error = put_helped(batch);
	if (!error && pawl_load_relaxed(&persist->failed))
		error = -ENOMEM;
	return error;
}

static int put_stale(struct batch *batch)
{
	eng_sweep_put(batch->persist, &batch->stale);
	if (batch->stale.error || !batch->stale.n)
		return batch->stale.error;
	return put(batch, PAWL_STORE_INFRA, pawl_store_id(ENG_INFRA_STALE), &batch->stale);
}

/* Those that changed beside a loss are saved, and those that were to hear of it are not: what is stored does not count. */
static int put_loss(struct batch *batch)
{
	struct pawl_store_key key = pawl_store_id(ENG_INFRA_LOSS);
	struct eng_persist *persist = batch->persist;
	struct eng_out out = {NULL, 0, 0, 0};
	int error;

	if (!persist->without_lost)
		return persist->loss_stored
			       ? pawl_store_remove(batch->batch, PAWL_STORE_INFRA, key)
			       : 0;
	eng_out_begin(&out);
	eng_out_number(&out, persist->recoveries);
	eng_out_end(&out, PAWL_STORE_INFRA, ENG_INFRA_LOSS);
	error = out.error ? out.error : put(batch, PAWL_STORE_INFRA, key, &out);
	eng_out_fini(&out);
	return error;
}

static int put_infra(struct batch *batch)
{
	struct eng_persist *persist = batch->persist;
	struct eng_out head = {NULL, 0, 0, 0};
	int error;

	eng_out_begin(&head);
	eng_out_number(&head, persist->next);
	eng_out_end(&head, PAWL_STORE_INFRA, ENG_INFRA_HEAD);
	error = head.error;
	if (!error)
		error = put(batch, PAWL_STORE_INFRA, pawl_store_id(ENG_INFRA_HEAD), &head);
	if (!error && persist->tables.n)
		error = put(batch, PAWL_STORE_INFRA, pawl_store_id(ENG_INFRA_TABLES),
			    &persist->tables);
	eng_out_fini(&head);
	if (!error)
		error = put_stale(batch);
	if (!error && batch->ops.n)
		error = put(batch, PAWL_STORE_INFRA, pawl_store_id(ENG_INFRA_OPS), &batch->ops);
	else if (!error && persist->ops_stored)
		error = pawl_store_remove(batch->batch, PAWL_STORE_INFRA,
					  pawl_store_id(ENG_INFRA_OPS));
	return error ? error : put_loss(batch);
}

/* What was stored by others, and does not count. */
static int remove_key(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	struct batch *batch = ((struct batch **)arg)[0];
	enum pawl_store_space space = *((enum pawl_store_space **)arg)[1];

	(void)value;
	return pawl_store_remove(batch->batch, space, key);
}

static int remove_old(struct batch *batch)
{
	enum pawl_store_space space = PAWL_STORE_META;
	void *arg[2] = {batch, &space};
	struct pawl_store_view *view;
	struct pawl_store_key first = {0, 0};
	int error = pawl_store_view_begin(batch->persist->store, &view);

	if (error)
		return error;
	for (; space < PAWL_STORE_SPACE_COUNT && !error; space++)
		error = pawl_store_scan(view, space, first, remove_key, arg);
	pawl_store_view_end(view);
	return error;
}

/* ---- snapshots --------------------------------------------------------------------------- */

static void capture(void *arg)
{
	struct batch *batch = arg;
	struct eng_persist *persist = batch->persist;

	pawl_store_relaxed(&persist->failed, 0u);
	batch->taken = eng_marks_capture(persist->marks);
	persist->next = (uint32_t)pawl_ids_next(persist->graph->ids[0]);
	persist->recoveries = pawl_load_relaxed(&persist->graph->recoveries);
	/* It is set before anybody can see such a record, and cleared at a moment of quiet, by who changes all of them. */
	persist->without_lost = pawl_load_relaxed(&persist->graph->lost);
	eng_ops_take(persist, &batch->ops);
	batch->gone = eng_gone_take(persist->graph);
}

/*
 * They are in the store. After a loss, which is repaired beside the snapshot, the keys of all are to be saved anew, and this
 * batch may not have them: then all stay new.
 */
static void not_new(struct batch *batch)
{
	struct eng_persist *persist = batch->persist;
	bool same = true;

	for (uint32_t id = 0; same && eng_bitmap_next(batch->taken, &id); id++) {
		struct eng_node *node = eng_lock_resident(persist->graph, id);

		if (!node)
			continue;
		same = pawl_load_relaxed(&persist->graph->recoveries) == persist->recoveries;
		if (same)
			node->bits &= ~ENG_NEW;
		eng_unlock(node);
	}
}

/* Before all that is put: another task may have come in its place, with its key. */
static int remove_gone(struct batch *batch)
{
	int error = 0;

	for (uint32_t i = 0; i < batch->gone->n && !error; i++) {
		const struct eng_gone *gone = &batch->gone->list[i];

		note_replaced(batch, gone->id);
		error = pawl_store_remove(batch->batch, PAWL_STORE_META,
					  pawl_store_id(gone->id));
		if (!error)
			error = pawl_store_remove(batch->batch, PAWL_STORE_DATA,
						  pawl_store_id(gone->id));
		if (!error)
			error = pawl_store_remove(batch->batch, PAWL_STORE_TYPES,
						  pawl_store_digest(gone->digest));
	}
	return error;
}

static int save(struct batch *batch)
{
	struct eng_persist *persist = batch->persist;
	int error = batch->ops.error;

	if (!error)
		error = pawl_store_begin_write(persist->store, &batch->batch);
	if (error)
		return error;
	if (persist->cold)
		error = remove_old(batch);
	if (!error)
		error = remove_gone(batch);
	if (!error)
		error = walk(batch);
	if (!error)
		error = put_infra(batch);
	if (!error)
		return pawl_store_commit(batch->batch, NULL, NULL);
	pawl_store_abort(batch->batch);
	return error;
}

/* All of it is to be saved again, by the next one. */
static void failed(struct batch *batch)
{
	struct eng_persist *persist = batch->persist;

	/* Relaxed: who reads an older 0 makes an image for nothing. */
	pawl_store_relaxed(&persist->failed, 1u);
	if (batch->taken)
		eng_marks_fail(persist->marks, persist->graph);
	eng_gone_done(persist->graph, false);
	images_free(images_take(persist));
	pawl_add_relaxed(&persist->failures, 1u);
}

static void saved(struct batch *batch)
{
	struct eng_persist *persist = batch->persist;

	/* First: from then on what is saved may leave (graph/evict.c, I1). */
	eng_persist_view_renew(persist);
	if (batch->any_new)
		not_new(batch);
	if (batch->taken)
		eng_marks_end(persist->marks);
	persist->cold = NULL;
	persist->loss_stored = persist->without_lost;
	persist->backing.changed = false;
	/* What they know is in memory from now on. */
	persist->sweep.no_reuse |= persist->ops_stored;
	persist->ops_stored = batch->ops.n;
	eng_out_fini(&persist->tables);
	persist->sweep.saved |= batch->stale.n != 0;
	eng_gone_done(persist->graph, true);
	eng_reuse_durable(persist);
	eng_sync_saved(persist);
	pawl_add_relaxed(&persist->snapshots, 1u);
	pawl_add_relaxed(&persist->saved, batch->tasks);
	pawl_add_relaxed(&persist->bytes, batch->bytes);
	pawl_add_relaxed(&persist->ops_saved, batch->ops.n != 0);
}

/* ret_tell: it is to be told of afterwards. */
static int snapshot(struct eng_persist *persist, uint64_t *ret_tasks, uint64_t *ret_bytes,
		    bool *ret_tell)
{
	struct batch batch = {.persist = persist};
	uint64_t begun_ns = pawl_now_ns();
	struct eng_thread_wait wait;
	int error;

	if (eng_persist_is_saved(persist) && eng_sweep_is_saved(persist))
		return 0;
	eng_sweep_due(persist);
	eng_thread_waits(persist->graph, &wait, "a moment at which no operation is under way",
			 PAWL_TASK_NONE);
	error = eng_quiesce_run(persist->graph->quiesce, capture, &batch);
	eng_thread_waited(persist->graph, &wait);
	if (error)
		return error;
	pawl_store_relaxed(&persist->quiet_ns, pawl_now_ns() - begun_ns);
	eng_thread_waits(persist->graph, &wait, "the store", PAWL_TASK_NONE);
	error = save(&batch);
	eng_thread_waited(persist->graph, &wait);
	if (error)
		failed(&batch);
	else
		saved(&batch);
	eng_out_fini(&batch.ops);
	eng_out_fini(&batch.stale);
	*ret_tell = !error || !persist->told_failed;
	persist->told_failed = error;
	if (error)
		return error;
	pawl_store_relaxed(&persist->snapshot_ns, pawl_now_ns() - begun_ns);
	*ret_tasks = batch.tasks;
	*ret_bytes = batch.bytes;
	return 0;
}

int eng_persist_snapshot(struct eng_persist *persist, uint64_t *ret_tasks)
{
	struct eng_thread_wait wait;
	struct pawl_waiter *before;
	uint64_t bytes = 0, begun_ns;
	bool tell = false;
	int error;

	*ret_tasks = 0;
	if (!persist->saves)
		return -EROFS;
	if (eng_quiesce_is_inside(persist->graph->quiesce))
		return -EDEADLK;
	/* It sleeps as the thread. */
	before = pawl_waiter_set(NULL);
	eng_thread_waits(persist->graph, &wait, "another snapshot", PAWL_TASK_NONE);
	pthread_mutex_lock(&persist->one);
	eng_thread_waited(persist->graph, &wait);
	begun_ns = pawl_now_ns();
	error = snapshot(persist, ret_tasks, &bytes, &tell);
	pthread_mutex_unlock(&persist->one);
	(void)pawl_waiter_set(before);
	if (tell && error)
		eng_tell_failed(persist, error);
	else if (tell)
		eng_tell_saved(persist, begun_ns, *ret_tasks, bytes);
	return error;
}
