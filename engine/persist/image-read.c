/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image-read.c - from what was saved of a task to a record of the graph (image.c has the forms).
 *
 * Checksums have said that these are the bytes that were written. All the same each number is looked at before it is
 * used: ids are those of tasks that can be there, cells are among those that are counted, arguments are as long as their
 * function's.
 */
#include "config.h"

#include "image.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>

#include "../graph/bag.h"
#include "../graph/cells.h"
#include "../graph/context.h"
#include "../graph/error.h"
#include "../graph/pairs.h"
#include "../graph/registry.h"
#include "../graph/run.h"

/* ---- reading ---------------------------------------------------------------------------------- */

struct decode {
	struct eng_graph *graph;
	struct eng_node *node;
	uint32_t limit;
	int error;
};

static void bad(struct decode *decode)
{
	if (!decode->error)
		decode->error = -EUCLEAN;
}

/* Of a key the lower half is a task. */
static bool is_id(struct decode *decode, uint64_t key)
{
	if ((eng_id)key && (eng_id)key < decode->limit)
		return true;
	bad(decode);
	return false;
}

static void added(struct decode *decode, int error)
{
	if (error && !decode->error)
		decode->error = error == -ENOMEM ? error : -EUCLEAN;
}

static void get_SET(struct decode *decode, struct pawl_sset *set,
		    const struct eng_image_set *list)
{
	for (uint32_t i = 0; i < list->n && is_id(decode, list->at[i]); i++)
		added(decode, pawl_sset_add(set, list->at[i], NULL));
}

static void get_SET64(struct decode *decode, struct pawl_sset64 *set,
		      const struct eng_image_set64 *list)
{
	for (uint32_t i = 0; i < list->n && is_id(decode, list->at[i]); i++)
		added(decode, pawl_sset64_add(set, list->at[i], NULL));
}

static void get_MAP(struct decode *decode, struct pawl_cmap *map,
		    const struct eng_image_map *list)
{
	for (uint32_t i = 0; i < list->n && is_id(decode, list->at[i].key); i++)
		added(decode, pawl_cmap_add(map, list->at[i].key, list->at[i].count, NULL));
}

static void get_PAIRS(struct decode *decode, struct eng_pairs **pairs,
		      const struct eng_image_pairs *list)
{
	for (uint32_t i = 0; i < list->n && is_id(decode, list->at[i].a); i++)
		(void)eng_pairs_add(pairs, list->at[i]);
}

static void get_BAG(struct decode *decode, struct eng_bag **bag,
		    const struct eng_image_bag *list)
{
	for (uint32_t i = 0; i < list->n && is_id(decode, list->at[i].ref); i++)
		(void)eng_bag_add(bag, list->at[i].trait, list->at[i].ref, list->at[i].count);
}

#define GET_LIST(name, kind, member, from) \
	if ((from).n)                      \
		get_##kind(decode, &eng_field_make(decode->node, ENG_##name)->member, &(from));
#define GET_META_SET(name)   GET_LIST(name, SET, set, meta->name)
#define GET_META_SET64(name) GET_LIST(name, SET64, set64, meta->name)
#define GET_META_MAP(name)   GET_LIST(name, MAP, map, meta->name)
#define GET_META_PAIRS(name) GET_LIST(name, PAIRS, pairs, meta->name)
#define GET_META_BAG(name)   GET_LIST(name, BAG, bag, meta->name)
#define GET_META_WORDS(name) /* CONTAINER_COUNTS */
#define GET_DATA_SET(name)   GET_LIST(name, SET, set, data->name)
#define GET_DATA_SET64(name) GET_LIST(name, SET64, set64, data->name)
#define GET_DATA_MAP(name)   GET_LIST(name, MAP, map, data->name)
#define GET_DATA_PAIRS(name) GET_LIST(name, PAIRS, pairs, data->name)
#define GET_DATA_WORDS(name)                                                      \
	if (data->name.a || data->name.b) {                                       \
		union eng_slot *slot_ = eng_field_make(decode->node, ENG_##name); \
		slot_->words.a = data->name.a;                                    \
		slot_->words.b = data->name.b;                                    \
	}
#define GET_DATA_POINTER(name) /* CELLS */

static struct pawl_error *get_one_error(struct decode *decode, struct eng_reader *reader,
					struct pawl_error *cause)
{
	uint64_t task = eng_read_number(reader), ring = eng_read_number(reader);
	struct pawl_slice name = eng_read_range(reader), text = eng_read_range(reader);
	struct pawl_error *error;

	if (reader->bad || text.len > INT32_MAX || task >= decode->limit) {
		eng_reader_spoil(reader);
		eng_error_unpin(cause);
		return NULL;
	}
	error = eng_error_printf((eng_id)task,
				 eng_function_name(decode->graph->registry, name.ptr, name.len),
				 cause, "%.*s", (int)text.len, (const char *)text.ptr);
	error->ring = ring;
	return error;
}

/* The first is the outermost: made from the last one on. */
static struct pawl_error *get_error(struct decode *decode, struct pawl_slice bytes)
{
	struct eng_reader reader = eng_reader_on(bytes), starts[ENG_IMAGE_CHAIN_MOST];
	uint64_t n = eng_read_number(&reader);
	struct pawl_error *error = NULL;

	if (!n || n > ENG_IMAGE_CHAIN_MOST) {
		bad(decode);
		return NULL;
	}
	for (uint64_t i = 0; i < n; i++) {
		starts[i] = reader;
		(void)eng_read_number(&reader);
		(void)eng_read_number(&reader);
		(void)eng_read_range(&reader);
		(void)eng_read_range(&reader);
	}
	if (!eng_reader_done(&reader))
		bad(decode);
	for (uint64_t i = n; i-- && !decode->error;) {
		error = get_one_error(decode, &starts[i], error);
		if (!error)
			bad(decode);
	}
	return error;
}

static void get_output(struct decode *decode, const struct eng_meta_image *meta)
{
	struct eng_node *node = decode->node;
	uint64_t output = (uint64_t)meta->output.b << 32 | meta->output.a;

	if (meta->error.ptr) {
		node->output = (uintptr_t)get_error(decode, meta->error);
	} else if (output) {
		if (output == ENG_NOTHING || is_id(decode, output))
			node->output = output;
	}
	/* What is freed goes by its bit, also if all of it is bad. */
	if (!(node->bits & ENG_ERROR) != !meta->error.ptr)
		bad(decode);
	node->bits &= ~ENG_ERROR;
	if (meta->error.ptr && node->output)
		node->bits |= ENG_ERROR;
}

static void count_containers(struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_DIRTY_CONTAINERS);
	struct pawl_cmap_entry entry;
	uint32_t cursor = 0;
	int32_t n = 0;

	while (slot && pawl_cmap_next(&slot->map, &cursor, &entry))
		n += entry.count > 0;
	if (n)
		eng_field_make(node, ENG_CONTAINER_COUNTS)->counts.a = n;
}

static void get_meta(struct decode *decode, const struct eng_meta_image *meta)
{
	struct eng_node *node = decode->node;

	pawl_init_word(&node->base, meta->base.a);
	/* FOLLOWED: it may have been. */
	node->bits = (meta->meta_bits.a & ENG_IMAGE_BITS) | ENG_FOLLOWED;
	if (meta->meta_bits.a & ~ENG_IMAGE_BITS)
		bad(decode);
	get_output(decode, meta);
	get_MAP(decode, &node->uppers, &meta->uppers);
#define X(name, kind, category, filtered, shrinks, immutable) \
	ENG_OF_META_##category(GET_META_##kind(name))
	ENG_FIELDS_TAIL(X)
#undef X
	count_containers(node);
}

static void get_values(struct decode *decode, struct eng_reader *reader)
{
	uint64_t cell, before = 0;

	while ((cell = eng_read_number(reader)) && !reader->bad) {
		struct pawl_slice bytes = eng_read_range(reader);
		const struct pawl_value_type *type;
		struct pawl_value *value = NULL;
		int error;

		if (reader->bad || cell <= before || cell > UINT32_MAX ||
		    !eng_cell_exists(decode->graph, decode->node, (uint32_t)cell)) {
			eng_reader_spoil(reader);
			return;
		}
		before = cell;
		type = eng_type_known(decode->graph->registry, eng_cell_type((uint32_t)cell));
		if (!eng_type_is_saved(type))
			continue;
		error = type->decode ? type->decode(type, bytes.ptr, bytes.len, &value)
				     : pawl_value_of(type, bytes.ptr, bytes.len, &value);
		if (error == -ENOMEM)
			decode->error = error;
		/* One that cannot be read is one that is not there. */
		if (!error)
			(void)eng_cell_put(decode->graph, decode->node, (uint32_t)cell, value);
	}
}

static void get_digests(struct decode *decode, struct eng_reader *reader)
{
	uint64_t n = eng_read_count(reader, 1 + sizeof(struct pawl_digest));

	for (uint64_t i = 0; i < n && !reader->bad; i++) {
		uint64_t cell = eng_read_number(reader);
		struct pawl_digest digest;
		struct pawl_slice bytes = eng_read_bytes(reader, sizeof(digest));

		if (reader->bad || cell > UINT32_MAX ||
		    !eng_cell_exists(decode->graph, decode->node, (uint32_t)cell)) {
			eng_reader_spoil(reader);
			return;
		}
		memcpy(&digest, bytes.ptr, sizeof(digest));
		eng_cell_set_digest(decode->graph, decode->node, (uint32_t)cell, digest);
	}
}

static void get_cells(struct decode *decode, struct pawl_slice bytes)
{
	struct eng_reader reader = eng_reader_on(bytes);
	size_t n = eng_read_count(&reader, 2);
	struct eng_counter *counters = NULL;

	if (n > ENG_TYPE_LAST)
		eng_reader_spoil(&reader);
	else if (n)
		counters = eng_must_alloc(n * sizeof(*counters));
	for (size_t i = 0; i < n && !reader.bad; i++) {
		uint64_t type = eng_read_number(&reader), count = eng_read_number(&reader);

		if (!type || type > ENG_TYPE_LAST || !count || count > ENG_CELL_INDEX_LAST + 1u)
			eng_reader_spoil(&reader);
		counters[i] = (struct eng_counter){(uint32_t)type, (uint32_t)count};
	}
	if (!reader.bad) {
		eng_cells_restore(decode->graph, decode->node, counters, (uint32_t)n);
		get_digests(decode, &reader);
		get_values(decode, &reader);
		/* With one cell alone the table is not needed. */
		(void)eng_cells_count(decode->graph, decode->node, counters, (uint32_t)n, NULL);
	}
	if (!eng_reader_done(&reader))
		bad(decode);
	if (counters)
		pawl_mem_free(counters, n * sizeof(*counters), 0);
}

/* Makes the record: its key says how large it is. */
static void get_key(struct decode *decode, struct pawl_slice key)
{
	struct eng_reader reader = eng_reader_on(key);
	uint64_t number = eng_read_number(&reader);
	struct pawl_slice args = eng_read_range(&reader);
	const struct pawl_function *function =
		eng_function_known(decode->graph->registry, (uint32_t)number);

	/* Its function is gone: repair.c knows. */
	if (number && !function && decode->graph->backing && decode->graph->backing->changed) {
		number = 0;
		args.len = 0;
	}
	/* 0: one that was lost before. */
	if (!eng_reader_done(&reader) || number > UINT32_MAX ||
	    (number ? !function || !eng_args_valid(function, args.ptr, args.len) : args.len)) {
		bad(decode);
		return;
	}
	decode->node = eng_node_make(decode->graph, args.len);
	if (!decode->node) {
		decode->error = -ENOMEM;
		return;
	}
	eng_node_key(decode->node)->function = (uint32_t)number;
	if (args.len)
		memcpy(eng_node_key(decode->node)->args, args.ptr, args.len);
}

static void get_data(struct decode *decode, const struct eng_data_image *data)
{
	get_key(decode, data->key);
	if (!decode->node)
		return;
	get_SET(decode, &decode->node->output_dependents, &data->output_dependents);
	get_SET64(decode, &decode->node->cell_dependents, &data->cell_dependents);
#define X(name, kind, category, filtered, shrinks, immutable) \
	ENG_OF_DATA_##category(GET_DATA_##kind(name))
	ENG_FIELDS_TAIL(X)
#undef X
	if (!decode->error)
		get_cells(decode, data->CELLS);
}

static int read_both(struct decode *decode, eng_id id, struct pawl_slice meta,
		     struct pawl_slice data)
{
	void *image;
	int error = eng_record_decode(PAWL_STORE_DATA, id, data, &image);

	if (error)
		return error;
	get_data(decode, image);
	eng_record_free(image);
	if (decode->error)
		return decode->error;
	error = eng_record_decode(PAWL_STORE_META, id, meta, &image);
	if (error)
		return error;
	get_meta(decode, image);
	eng_record_free(image);
	return decode->error;
}

int eng_image_read(struct eng_graph *graph, eng_id id, uint32_t limit, struct pawl_slice meta,
		   struct pawl_slice data, struct eng_node **ret_node)
{
	struct decode decode = {.graph = graph, .limit = limit};
	int error = read_both(&decode, id, meta, data);

	if (error) {
		if (decode.node)
			eng_node_free(graph, decode.node);
		return error == -ENOMEM || error == -ESTALE ? error : -EUCLEAN;
	}
	eng_tail_trim(decode.node);
	*ret_node = decode.node;
	return 0;
}
