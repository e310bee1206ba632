/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reuse.c - numbers of tasks that went come back.
 *
 * Not in the process in which they went: who has a reference from outside, or a value that nobody looks into, finds that
 * the task is gone, and no other one. In a later process all that knows a number stands in the store: so what is there as
 * it was when the store was opened is walked over, behind the walk of sweep.c, and a number that no task has, and that
 * nothing there leads to, is free. What leads to a task are the edges of records, what is in their arguments, the
 * references of values (visit_refs), errors, and digests of keys. What was suspended and saved may know more: then
 * nothing is free in this process; nor when a snapshot has replaced something already, when something is lost, or when
 * something that was saved cannot be read.
 *
 * The deletions of these numbers are durable: they stand in what was opened. So what waits in lib/ids.c waits for a grace
 * period alone. So does the number of a task that two have made at once: it was never saved.
 *
 * It takes reading all there is, so it is done when of eight numbers one has no task; not when the engine is being closed.
 * What is made at such a number does not count as made when the next walk of sweep.c is due: so many tasks more may be
 * there that nobody needs, at most as there were free numbers.
 *
 * Rejected: numbers that come back in the same process. For that all who hold one would have to be counted, in values, in
 * states, on stacks and in the program; or a reference would have a generation, for which it has no bit.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/ids.h>
#include <pawl/mem.h>

#include "../graph/cells.h"
#include "../graph/context.h"
#include "../graph/registry.h"
#include "persist.h"

#define SHARE 8u

struct reuse {
	struct eng_persist *persist;
	const struct eng_bases *bases;
	struct eng_bitmap *held; /* no task has them, and something leads there */
};

static void hold(void *arg, const char *field, eng_id id)
{
	struct reuse *reuse = arg;

	(void)field;
	if (id < reuse->bases->limit && !(reuse->bases->parents[id] & ENG_BASE_THERE))
		eng_bitmap_put(reuse->held, id);
}

static void hold_ref(void *arg, pawl_ref_t ref)
{
	hold(arg, NULL, eng_ref_task(ref));
}

/* Relaxed: the engine is being closed, and what is free now is of no use to anybody. */
static bool is_over(const struct reuse *reuse)
{
	return pawl_load_relaxed(&reuse->persist->graph->stopping);
}

/* As image.c writes them. Each of these returns: 0; errors, -EUCLEAN and others: nobody knows what it leads to. */
static int hold_error(struct reuse *reuse, struct pawl_slice bytes)
{
	struct eng_reader reader = eng_reader_on(bytes);

	for (uint64_t n = eng_read_count(&reader, 4); n; n--) {
		hold(reuse, NULL, eng_read_number32(&reader));
		(void)eng_read_number(&reader);
		(void)eng_read_range(&reader);
		(void)eng_read_range(&reader);
	}
	return eng_reader_done(&reader) ? 0 : -EUCLEAN;
}

static bool takes_refs(const struct pawl_function *function)
{
	for (size_t i = 0; function->arguments && i < function->arguments_n; i++) {
		if (function->arguments[i].kind == PAWL_ARGUMENT_REF ||
		    function->arguments[i].kind == PAWL_ARGUMENT_REFS)
			return true;
	}
	return false;
}

static int hold_key(struct reuse *reuse, struct pawl_slice bytes)
{
	struct eng_reader reader = eng_reader_on(bytes);
	uint32_t number = eng_read_number32(&reader);
	struct pawl_slice args = eng_read_range(&reader);
	const struct pawl_function *function;
	struct eng_key *key;

	/* It was lost, and has no arguments. */
	if (!number)
		return eng_reader_done(&reader) ? 0 : -EUCLEAN;
	function = eng_function_known(reuse->persist->graph->registry, number);
	if (!eng_reader_done(&reader) || !function ||
	    !eng_args_valid(function, args.ptr, args.len))
		return -EUCLEAN;
	if (!takes_refs(function))
		return 0;
	key = eng_must_zalloc(sizeof(*key) + args.len);
	key->function = number;
	key->bytes = (uint32_t)args.len;
	if (args.len)
		memcpy(key->args, args.ptr, args.len);
	eng_key_each_ref(function, key, hold_ref, reuse);
	pawl_mem_free(key, sizeof(*key) + args.len, 0);
	return 0;
}

static int hold_value(struct reuse *reuse, uint32_t cell, struct pawl_slice bytes)
{
	const struct pawl_value_type *type =
		eng_type_known(reuse->persist->graph->registry, eng_cell_type(cell));
	struct pawl_value *value;
	int error;

	if (!type)
		return -EUCLEAN;
	if (!type->visit_refs || !eng_type_is_saved(type))
		return 0;
	error = type->decode ? type->decode(type, bytes.ptr, bytes.len, &value)
			     : pawl_value_of(type, bytes.ptr, bytes.len, &value);
	/* To this process it is as if it were not there; another one may read it. */
	if (error)
		return error;
	type->visit_refs(pawl_value_payload(value), pawl_value_bytes(value), hold_ref, reuse);
	pawl_value_unpin(value);
	return 0;
}

static int hold_cells(struct reuse *reuse, struct pawl_slice bytes)
{
	struct eng_reader reader = eng_reader_on(bytes);
	uint64_t cell;
	int error = 0;

	for (uint64_t n = 2 * eng_read_count(&reader, 2); n; n--)
		(void)eng_read_number(&reader);
	for (uint64_t n = eng_read_count(&reader, 1 + sizeof(struct pawl_digest)); n; n--) {
		(void)eng_read_number(&reader);
		(void)eng_read_bytes(&reader, sizeof(struct pawl_digest));
	}
	while (!error && (cell = eng_read_number(&reader)) && !reader.bad) {
		struct pawl_slice value = eng_read_range(&reader);

		if (!reader.bad)
			error = hold_value(reuse, (uint32_t)cell, value);
	}
	return error || eng_reader_done(&reader) ? error : -EUCLEAN;
}

/* ---- walks ------------------------------------------------------------------------------ */

static int hold_meta(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	const struct eng_meta_image *meta;
	struct reuse *reuse = arg;
	void *image;
	int error;

	if (is_over(reuse))
		return -ECANCELED;
	error = eng_record_decode(PAWL_STORE_META, (eng_id)key.low, value, &image);
	if (error)
		return error;
	meta = image;
	eng_image_each_edge(PAWL_STORE_META, image, hold, reuse);
	if (meta->error.ptr)
		error = hold_error(reuse, meta->error);
	eng_record_free(image);
	return error;
}

static int hold_data(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	const struct eng_data_image *data;
	struct reuse *reuse = arg;
	void *image;
	int error;

	if (is_over(reuse))
		return -ECANCELED;
	error = eng_record_decode(PAWL_STORE_DATA, (eng_id)key.low, value, &image);
	if (error)
		return error;
	data = image;
	/* One without META is a task as well: who restores it finds a loss. */
	hold(reuse, NULL, (eng_id)key.low);
	eng_image_each_edge(PAWL_STORE_DATA, image, hold, reuse);
	error = hold_key(reuse, data->key);
	if (!error)
		error = hold_cells(reuse, data->CELLS);
	eng_record_free(image);
	return error;
}

static int hold_type(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	eng_id id;

	(void)key;
	if (value.len != sizeof(id))
		return -EUCLEAN;
	memcpy(&id, value.ptr, sizeof(id));
	hold(arg, NULL, id);
	return 0;
}

static int look(struct reuse *reuse)
{
	struct pawl_store_view *view = reuse->persist->view;
	struct pawl_store_key first = {0, 0};
	int error = pawl_store_scan(view, PAWL_STORE_META, first, hold_meta, reuse);

	if (!error)
		error = pawl_store_scan(view, PAWL_STORE_DATA, first, hold_data, reuse);
	if (!error)
		error = pawl_store_scan(view, PAWL_STORE_TYPES, first, hold_type, reuse);
	return error;
}

void eng_reuse_durable(struct eng_persist *persist)
{
	struct pawl_ids *ids = persist->graph->ids[0];

	PAWL_REQUIRE(!pawl_ids_durable_up_to(ids, pawl_ids_cycle_end(ids)));
}

static void free_all(struct reuse *reuse)
{
	struct eng_graph *graph = reuse->persist->graph;
	struct pawl_ids *ids = graph->ids[0];

	for (eng_id id = 1; id < reuse->bases->limit; id++) {
		if (reuse->bases->parents[id] & ENG_BASE_THERE ||
		    eng_bitmap_has(reuse->held, id))
			continue;
		PAWL_REQUIRE(!pawl_ids_free(ids, id) && "no task of this process has it");
	}
	eng_reuse_durable(reuse->persist);
}

void eng_reuse(struct eng_persist *persist, const struct eng_bases *bases, uint32_t tasks)
{
	struct reuse reuse = {.persist = persist, .bases = bases};
	uint32_t without = bases->limit - 1 - tasks;

	/* Relaxed: no edge of what is found to be lost later leads to what is free. Who stands in for a free one: create.c. */
	if (!without || without < bases->limit / SHARE || persist->ops_stored ||
	    pawl_load_relaxed(&persist->graph->lost) ||
	    pawl_load_relaxed(&persist->graph->recoveries))
		return;
	reuse.held = eng_bitmap_make();
	if (!look(&reuse))
		free_all(&reuse);
	eng_bitmap_free(reuse.held);
}
