/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.c - from records of the graph to images of them (record.h). image-read.c is the way back.
 *
 * Lists are sorted, and each entry is there once, so the same fields give the same bytes.
 *
 * What a task depends on is what it has read in its present run and what it had read before and not yet again: if it
 * were saved in the middle of a run without the latter, and were clean, it would not hear of changes any more.
 *
 * How many containers are dirty is counted again when it is read: nothing that can disagree is saved.
 *
 *	error	how many links, and of each, from the outermost: its task, whether it is of a ring, its function's name, its
 *		words
 *	key	the function's number, and the arguments
 *	CELLS	how many types, and of each its number and how many cells; how many digests, and of each its cell and 16
 *		bytes; of each value its cell and its bytes; 0
 */
#include "config.h"

#include "image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/mem.h>

#include "../graph/bag.h"
#include "../graph/cells.h"
#include "../graph/context.h"
#include "../graph/error.h"
#include "../graph/pairs.h"
#include "../graph/registry.h"
#include "../graph/run.h"

#define OUT_FIRST    128u
#define BLOCK_BYTES  1024u
#define NUMBER_BYTES 10u

/* ---- bytes ------------------------------------------------------------------------- */

/* Returns: where `n` more may be written. NULL: no memory. */
static char *room(struct eng_out *out, size_t n)
{
	char *more;
	size_t capacity;

	if (out->error)
		return NULL;
	if (out->capacity - out->n >= n)
		return out->bytes + out->n;
	capacity = (out->n + n) * 2 > OUT_FIRST ? (out->n + n) * 2 : OUT_FIRST;
	more = pawl_mem_alloc(capacity, 0);
	if (!more) {
		out->error = -ENOMEM;
		return NULL;
	}
	if (out->n)
		memcpy(more, out->bytes, out->n);
	pawl_mem_free(out->bytes, out->capacity, 0);
	out->bytes = more;
	out->capacity = capacity;
	return more + out->n;
}

void eng_out_bytes(struct eng_out *out, const void *bytes, size_t n)
{
	char *at = room(out, n);

	if (!at)
		return;
	if (n)
		memcpy(at, bytes, n);
	out->n += n;
}

void eng_out_number(struct eng_out *out, uint64_t number)
{
	struct eng_writer writer;
	char *at = room(out, NUMBER_BYTES);

	if (!at)
		return;
	writer = eng_writer_on(at, NUMBER_BYTES);
	eng_write_number(&writer, number);
	out->n += writer.n;
}

void eng_out_range(struct eng_out *out, const void *bytes, size_t n)
{
	eng_out_number(out, n);
	eng_out_bytes(out, bytes, n);
}

void eng_out_begin(struct eng_out *out)
{
	char *at = room(out, ENG_FRAME_BYTES);

	if (at)
		out->n += eng_frame_begin(at, ENG_FRAME_BYTES, ENG_OUT_VERSION).n;
}

void eng_out_end(struct eng_out *out, enum pawl_store_space space, uint32_t key)
{
	struct eng_writer writer;

	if (out->error)
		return;
	writer = eng_writer_on(out->bytes, out->n);
	writer.n = out->n;
	eng_frame_end(&writer, eng_frame_seed(space, pawl_store_id(key)));
}

void eng_out_fini(struct eng_out *out)
{
	pawl_mem_free(out->bytes, out->capacity, 0);
	*out = (struct eng_out){NULL, 0, 0, 0};
}

/* ---- rows --------------------------------------------------------------------------- */

/* An entry of whatever list: its key, whose lower half is a task; a part or a trait; a count. */
struct row {
	uint64_t a, b;
	int32_t c;
};

struct rows {
	struct row *rows;
	size_t n, capacity;
	bool filtered; /* those of transient tasks are left out */
	int error;
};

static void row_add(struct rows *rows, struct row row)
{
	if (rows->error || (rows->filtered && eng_is_transient((eng_id)row.a)))
		return;
	if (rows->n == rows->capacity) {
		size_t capacity = rows->capacity ? rows->capacity * 2 : 16;
		struct row *more = pawl_mem_alloc(capacity * sizeof(*more), 0);

		if (!more) {
			rows->error = -ENOMEM;
			return;
		}
		if (rows->n)
			memcpy(more, rows->rows, rows->n * sizeof(*more));
		pawl_mem_free(rows->rows, rows->capacity * sizeof(*more), 0);
		rows->rows = more;
		rows->capacity = capacity;
	}
	rows->rows[rows->n++] = row;
}

static int compare(const void *x, const void *y)
{
	const struct row *p = x, *q = y;

	if (p->a != q->a)
		return p->a < q->a ? -1 : 1;
	return p->b < q->b ? -1 : p->b > q->b;
}

/* Each once: two sets may have been gathered. */
static void rows_sort(struct rows *rows)
{
	size_t n = 0;

	if (rows->n > 1)
		qsort(rows->rows, rows->n, sizeof(*rows->rows), compare);
	for (size_t i = 0; i < rows->n; i++) {
		if (!i || compare(&rows->rows[i], &rows->rows[i - 1]))
			rows->rows[n++] = rows->rows[i];
	}
	rows->n = n;
}

static void rows_fini(struct rows *rows)
{
	pawl_mem_free(rows->rows, rows->capacity * sizeof(*rows->rows), 0);
}

static void gather_set(struct rows *rows, const struct pawl_sset *set)
{
	uint32_t cursor = 0, id;

	while (pawl_sset_next(set, &cursor, &id))
		row_add(rows, (struct row){id, 0, 0});
}

static void gather_set64(struct rows *rows, const struct pawl_sset64 *set)
{
	uint32_t cursor = 0;
	uint64_t key;

	while (pawl_sset64_next(set, &cursor, &key))
		row_add(rows, (struct row){key, 0, 0});
}

static void gather_map(struct rows *rows, const struct pawl_cmap *map)
{
	struct pawl_cmap_entry entry;
	uint32_t cursor = 0;

	while (pawl_cmap_next(map, &cursor, &entry))
		row_add(rows, (struct row){entry.key, 0, entry.count});
}

static void gather_pairs(struct rows *rows, const struct eng_pairs *pairs)
{
	struct eng_pair pair;
	uint32_t cursor = 0;

	while (eng_pairs_next(pairs, &cursor, &pair))
		row_add(rows, (struct row){pair.a, pair.b, 0});
}

static void gather_bag(struct rows *rows, const struct eng_bag *bag)
{
	struct eng_bag_cursor cursor = {0, 0};
	struct eng_collectible entry;

	while (eng_bag_next(bag, &cursor, &entry))
		row_add(rows, (struct row){entry.ref, entry.trait, entry.count});
}

/* ---- lists of images -------------------------------------------------------------------- */

/* Memory of an image, freed with it. */
struct eng_image_block {
	struct eng_image_block *next;
	size_t bytes, used;
	PAWL_ALIGNED(16) char memory[];
};

/* NULL: no memory, which `rows` keeps. */
static void *block(struct eng_image *image, struct rows *rows, size_t bytes)
{
	struct eng_image_block *made = image->blocks;
	size_t most = bytes > BLOCK_BYTES / 4 ? bytes : BLOCK_BYTES;

	bytes = (bytes + 7) & ~(size_t)7;
	if (!made || made->bytes - made->used < bytes) {
		most = (most + 7) & ~(size_t)7;
		made = pawl_mem_alloc(sizeof(*made) + most, 16);
		if (!made) {
			rows->error = -ENOMEM;
			return NULL;
		}
		made->bytes = most;
		made->used = 0;
		made->next = image->blocks;
		image->blocks = made;
	}
	made->used += bytes;
	return made->memory + (made->used - bytes);
}

/* The rows as a list of each kind; they are empty afterwards. */
static void set_SET(struct eng_image *image, struct rows *rows, struct eng_image_set *list)
{
	rows_sort(rows);
	list->at = rows->n ? block(image, rows, rows->n * sizeof(*list->at)) : NULL;
	list->n = list->at ? (uint32_t)rows->n : 0;
	for (uint32_t i = 0; i < list->n; i++)
		list->at[i] = (uint32_t)rows->rows[i].a;
	rows->n = 0;
}

static void set_SET64(struct eng_image *image, struct rows *rows, struct eng_image_set64 *list)
{
	rows_sort(rows);
	list->at = rows->n ? block(image, rows, rows->n * sizeof(*list->at)) : NULL;
	list->n = list->at ? (uint32_t)rows->n : 0;
	for (uint32_t i = 0; i < list->n; i++)
		list->at[i] = rows->rows[i].a;
	rows->n = 0;
}

static void set_MAP(struct eng_image *image, struct rows *rows, struct eng_image_map *list)
{
	rows_sort(rows);
	list->at = rows->n ? block(image, rows, rows->n * sizeof(*list->at)) : NULL;
	list->n = list->at ? (uint32_t)rows->n : 0;
	for (uint32_t i = 0; i < list->n; i++)
		list->at[i] =
			(struct eng_image_count){(uint32_t)rows->rows[i].a, rows->rows[i].c};
	rows->n = 0;
}

static void set_PAIRS(struct eng_image *image, struct rows *rows, struct eng_image_pairs *list)
{
	rows_sort(rows);
	list->at = rows->n ? block(image, rows, rows->n * sizeof(*list->at)) : NULL;
	list->n = list->at ? (uint32_t)rows->n : 0;
	for (uint32_t i = 0; i < list->n; i++)
		list->at[i] = (struct eng_pair){rows->rows[i].a, rows->rows[i].b};
	rows->n = 0;
}

static void set_BAG(struct eng_image *image, struct rows *rows, struct eng_image_bag *list)
{
	rows_sort(rows);
	list->at = rows->n ? block(image, rows, rows->n * sizeof(*list->at)) : NULL;
	list->n = list->at ? (uint32_t)rows->n : 0;
	for (uint32_t i = 0; i < list->n; i++)
		list->at[i] = (struct eng_collectible){
			rows->rows[i].a, (uint32_t)rows->rows[i].b, rows->rows[i].c};
	rows->n = 0;
}

/* Of bytes the image gets a copy. */
static struct pawl_slice keep(struct eng_image *image, struct rows *rows, struct eng_out *out)
{
	struct pawl_slice slice = {NULL, out->n};
	void *at = NULL;

	if (!rows->error)
		rows->error = out->error;
	if (!out->error)
		at = block(image, rows, out->n);
	if (at)
		memcpy(at, out->bytes, out->n);
	slice.ptr = at;
	eng_out_fini(out);
	return slice;
}

/* ---- taking ------------------------------------------------------------------------------- */

/* What was read before, and not yet again, goes with what was read. */
static enum eng_field partner(enum eng_field field)
{
	switch (field) {
	case ENG_OUTPUT_DEPENDENCIES:
		return ENG_OUTDATED_OUTPUTS;
	case ENG_CELL_DEPENDENCIES:
		return ENG_OUTDATED_CELLS;
	case ENG_COLLECTIBLES_DEPENDENCIES:
		return ENG_OUTDATED_COLLECTIBLES_DEPENDENCIES;
	case ENG_KEYED_DEPENDENCIES:
		return ENG_OUTDATED_KEYED;
	default:
		return ENG_FIELD_COUNT;
	}
}

#define GATHER_SET(slot)   gather_set(rows, &(slot)->set)
#define GATHER_SET64(slot) gather_set64(rows, &(slot)->set64)
#define GATHER_MAP(slot)   gather_map(rows, &(slot)->map)
#define GATHER_PAIRS(slot) gather_pairs(rows, (slot)->pairs)
#define GATHER_BAG(slot)   gather_bag(rows, (slot)->bag)

/* A list of the tail. */
#define TAKE_LIST(name_, kind_, filtered_, into)                                    \
	do {                                                                        \
		const union eng_slot *slot_ = eng_field(node, ENG_##name_);         \
		enum eng_field other_ = partner(ENG_##name_);                       \
		rows->filtered = filtered_;                                         \
		if (slot_)                                                          \
			GATHER_##kind_(slot_);                                      \
		slot_ = other_ == ENG_FIELD_COUNT ? NULL : eng_field(node, other_); \
		if (slot_)                                                          \
			GATHER_##kind_(slot_);                                      \
		set_##kind_(image, rows, &(into));                                  \
	} while (0);

#define TAKE_META_SET(name, filtered)	TAKE_LIST(name, SET, filtered, meta->name)
#define TAKE_META_SET64(name, filtered) TAKE_LIST(name, SET64, filtered, meta->name)
#define TAKE_META_MAP(name, filtered)	TAKE_LIST(name, MAP, filtered, meta->name)
#define TAKE_META_PAIRS(name, filtered) TAKE_LIST(name, PAIRS, filtered, meta->name)
#define TAKE_META_BAG(name, filtered)	TAKE_LIST(name, BAG, filtered, meta->name)
#define TAKE_META_WORDS(name, filtered) /* CONTAINER_COUNTS: counted again */
#define TAKE_DATA_SET(name, filtered)	TAKE_LIST(name, SET, filtered, data->name)
#define TAKE_DATA_SET64(name, filtered) TAKE_LIST(name, SET64, filtered, data->name)
#define TAKE_DATA_MAP(name, filtered)	TAKE_LIST(name, MAP, filtered, data->name)
#define TAKE_DATA_PAIRS(name, filtered) TAKE_LIST(name, PAIRS, filtered, data->name)
#define TAKE_DATA_WORDS(name, filtered)                                                        \
	do {                                                                                   \
		const union eng_slot *slot_ = eng_field(node, ENG_##name);                     \
		if (slot_)                                                                     \
			data->name = (struct eng_image_words){slot_->words.a, slot_->words.b}; \
	} while (0);
#define TAKE_DATA_POINTER(name, filtered) /* CELLS: apart */

static struct pawl_slice take_error(struct eng_image *image, struct rows *rows,
				    const struct pawl_error *error)
{
	struct eng_out out = {NULL, 0, 0, 0};
	const struct pawl_error *at = error;
	uint64_t n = 0;

	for (; at && n < ENG_IMAGE_CHAIN_MOST; at = at->cause)
		n++;
	eng_out_number(&out, n);
	for (at = error; n--; at = at->cause) {
		eng_out_number(&out, eng_is_transient(at->task) ? 0 : at->task);
		eng_out_number(&out, at->ring);
		eng_out_range(&out, at->function, at->function ? strlen(at->function) : 0);
		eng_out_range(&out, at->message, strlen(at->message));
	}
	return keep(image, rows, &out);
}

static void take_meta(struct eng_image *image, struct rows *rows, const struct eng_node *node)
{
	struct eng_meta_image *meta = &image->meta_image;

	meta->base.a = eng_base(node);
	meta->meta_bits.a = node->bits & ENG_IMAGE_BITS;
	if (node->bits & ENG_ERROR)
		meta->error = take_error(image, rows,
					 (const struct pawl_error *)(uintptr_t)node->output);
	else
		meta->output = (struct eng_image_words){(uint32_t)node->output,
							(uint32_t)(node->output >> 32)};
	rows->filtered = true;
	gather_map(rows, &node->uppers);
	set_MAP(image, rows, &meta->uppers);
#define X(name, kind, category, filtered, shrinks, immutable) \
	ENG_OF_META_##category(TAKE_META_##kind(name, filtered))
	ENG_FIELDS_TAIL(X)
#undef X
}

/* All of it but for the values. */
static void take_cells(struct eng_image *image, struct rows *rows,
		       const struct eng_graph *graph, const struct eng_node *node)
{
	struct eng_out *out = &image->cells;
	struct pawl_digest digest;
	struct eng_counter counter;
	uint32_t cursor = 0, cell, n = 0;

	/* They stand in the order in which the last run came to them. */
	rows->filtered = false;
	while (eng_cells_counter(graph, node, &cursor, &counter))
		row_add(rows, (struct row){counter.type, counter.count, 0});
	rows_sort(rows);
	eng_out_number(out, rows->n);
	for (size_t i = 0; i < rows->n; i++) {
		eng_out_number(out, rows->rows[i].a);
		eng_out_number(out, rows->rows[i].b);
	}
	rows->n = 0;
	cursor = n = 0;
	while (eng_cells_digest(node, &cursor, &cell, &digest))
		n += eng_cell_exists(graph, node, cell);
	eng_out_number(out, n);
	cursor = 0;
	while (eng_cells_digest(node, &cursor, &cell, &digest)) {
		if (!eng_cell_exists(graph, node, cell))
			continue;
		eng_out_number(out, cell);
		eng_out_bytes(out, &digest, sizeof(digest));
	}
}

static void take_data(struct eng_image *image, struct rows *rows, const struct eng_graph *graph,
		      const struct eng_node *node)
{
	struct eng_data_image *data = &image->data_image;
	const struct eng_key *key = eng_node_key(node);
	struct eng_out out = {NULL, 0, 0, 0};

	eng_out_number(&out, key->function);
	eng_out_range(&out, key->args, key->bytes);
	data->key = keep(image, rows, &out);
	rows->filtered = true;
	gather_set(rows, &node->output_dependents);
	set_SET(image, rows, &data->output_dependents);
	gather_set64(rows, &node->cell_dependents);
	set_SET64(image, rows, &data->cell_dependents);
#define X(name, kind, category, filtered, shrinks, immutable) \
	ENG_OF_DATA_##category(TAKE_DATA_##kind(name, filtered))
	ENG_FIELDS_TAIL(X)
#undef X
	take_cells(image, rows, graph, node);
}

static bool value_is_taken(const struct eng_graph *graph, const struct eng_node *node,
			   uint32_t cell, const struct pawl_value *value)
{
	return eng_type_is_saved(pawl_value_type_of(value)) &&
	       eng_cell_exists(graph, node, cell);
}

static int take_values(const struct eng_graph *graph, struct eng_node *node,
		       struct eng_image *image)
{
	uint32_t cursor = 0, cell, n = 0;
	struct pawl_value *value;

	while (eng_cells_next(graph, node, &cursor, &cell, &value))
		n += value_is_taken(graph, node, cell, value);
	if (!n)
		return 0;
	image->values = pawl_mem_alloc(n * sizeof(*image->values), 0);
	if (!image->values)
		return -ENOMEM;
	cursor = 0;
	while (eng_cells_next(graph, node, &cursor, &cell, &value)) {
		if (!value_is_taken(graph, node, cell, value))
			continue;
		image->values[image->values_n].cell = cell;
		image->values[image->values_n++].value = pawl_value_pin(value);
	}
	return 0;
}

int eng_image_take(const struct eng_graph *graph, struct eng_node *node, uint32_t categories,
		   struct eng_image *image)
{
	const struct eng_key *key = eng_node_key(node);
	struct rows rows = {NULL, 0, 0, false, 0};
	int error = 0;

	image->id = eng_node_id(node);
	image->categories = categories;
	image->is_new = node->bits & ENG_NEW;
	if (image->is_new)
		image->digest = eng_key_digest(key->function, key->args, key->bytes);
	if (categories & ENG_META)
		take_meta(image, &rows, node);
	if (categories & ENG_DATA) {
		take_data(image, &rows, graph, node);
		error = take_values(graph, node, image);
	}
	rows_fini(&rows);
	return error ? error : rows.error;
}

/* ---- completing ----------------------------------------------------------------------------- */

static void look_for_transient(void *arg, pawl_ref_t ref)
{
	bool *transient = arg;

	*transient |= ref.pawl_bits != ENG_NOTHING && eng_is_transient(eng_ref_task(ref));
}

static void put_value(struct eng_out *out, const struct eng_image_value *one)
{
	const struct pawl_value_type *type = pawl_value_type_of(one->value);
	const void *payload = pawl_value_payload(one->value);
	size_t bytes = pawl_value_bytes(one->value), n;
	struct eng_out coded = {NULL, 0, 0, 0};
	bool transient = false;
	char *at;

	if (type->visit_refs)
		type->visit_refs(payload, bytes, look_for_transient, &transient);
	if (transient)
		return;
	if (type->encode) {
		at = room(&coded, bytes + OUT_FIRST);
		n = at ? type->encode(payload, bytes, at, coded.capacity) : 0;
		if (n > coded.capacity) {
			at = room(&coded, n);
			n = at ? type->encode(payload, bytes, at, coded.capacity) : 0;
		}
		payload = at;
		bytes = n;
	}
	if (coded.error)
		out->error = coded.error;
	eng_out_number(out, one->cell);
	eng_out_range(out, payload, bytes);
	eng_out_fini(&coded);
}

static int compare_values(const void *x, const void *y)
{
	const struct eng_image_value *p = x, *q = y;

	return p->cell < q->cell ? -1 : p->cell > q->cell;
}

/* A record of it. */
static void encode(struct eng_out *out, enum pawl_store_space space, eng_id id,
		   const void *image)
{
	char *at = room(out, OUT_FIRST);
	size_t n = 0;

	if (at)
		n = eng_record_encode(space, id, image, at, out->capacity - out->n);
	if (n > out->capacity - out->n) {
		at = room(out, n);
		if (at)
			n = eng_record_encode(space, id, image, at, n);
	}
	if (at)
		out->n += n;
}

int eng_image_complete(struct eng_image *image)
{
	struct eng_out *cells = &image->cells;

	if (image->categories & ENG_META)
		encode(&image->meta, PAWL_STORE_META, image->id, &image->meta_image);
	if (image->categories & ENG_DATA) {
		if (image->values_n)
			qsort(image->values, image->values_n, sizeof(*image->values),
			      compare_values);
		for (uint32_t i = 0; i < image->values_n; i++)
			put_value(cells, &image->values[i]);
		eng_out_number(cells, 0);
		if (cells->error)
			return cells->error;
		image->data_image.CELLS = (struct pawl_slice){cells->bytes, cells->n};
		encode(&image->data, PAWL_STORE_DATA, image->id, &image->data_image);
	}
	return image->meta.error ? image->meta.error : image->data.error;
}

static void values_free(struct eng_image *image)
{
	for (uint32_t i = 0; i < image->values_n; i++)
		pawl_value_unpin(image->values[i].value);
	pawl_mem_free(image->values, image->values_n * sizeof(*image->values), 0);
	image->values = NULL;
	image->values_n = 0;
}

/* All but the first `kept`. */
static void blocks_free(struct eng_image *image, struct eng_image_block *kept)
{
	while (image->blocks != kept) {
		struct eng_image_block *gone = image->blocks;

		image->blocks = gone->next;
		pawl_mem_free(gone, sizeof(*gone) + gone->bytes, 16);
	}
}

void eng_image_clear(struct eng_image *image)
{
	struct eng_image_block *first = image->blocks;

	values_free(image);
	while (first && first->next)
		first = first->next;
	blocks_free(image, first);
	if (first)
		first->used = 0;
	memset(&image->meta_image, 0, sizeof(image->meta_image));
	memset(&image->data_image, 0, sizeof(image->data_image));
	image->meta.n = image->data.n = image->cells.n = 0;
}

void eng_image_fini(struct eng_image *image)
{
	eng_out_fini(&image->meta);
	eng_out_fini(&image->data);
	eng_out_fini(&image->cells);
	blocks_free(image, NULL);
	values_free(image);
}
