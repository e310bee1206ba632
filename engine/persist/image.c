/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.c - records to bytes, and back.
 *
 *	META	version, base, distance, flags, output, uppers, each field of the table
 *	DATA	version, function, arguments, readers of output and cells, each field of the table, counts and digests of
 *		cells, values of cells
 *
 * Every set and map is a list of rows of up to three numbers, sorted; of the first number the difference to
 * the row before stands there. All numbers are of variable length. At the end there are 8 bytes of a checksum, over
 * the id and the category too, so that no value is taken for another one's.
 *
 * What a task depends on is what it has read in its present run and what it had read before and not yet again: if it
 * were saved in the middle of a run without the latter, and were clean, it would not hear of changes any more.
 *
 * How many containers are dirty is counted again when it is read: nothing that can disagree is saved.
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

#define IMAGE_VERSION 1u
#define FLAGS \
	(ENG_DIRTY | ENG_SESSION | ENG_ERROR | ENG_INVALIDATOR | ENG_IMMUTABLE | ENG_STILL)
#define OUT_FIRST    64u
#define CHAIN_MOST   64u
#define SUM_BYTES    8u
#define META_OF(id)  ((uint64_t)1 << 32 | (id))
#define DATA_OF(id)  ((uint64_t)2 << 32 | (id))
#define NUMBER_BYTES 10u

enum { OUTPUT_NONE, OUTPUT_REF, OUTPUT_ERROR };

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

void eng_put_bytes_(struct eng_out *out, const void *bytes, size_t n)
{
	char *at = room(out, n);

	if (!at)
		return;
	if (n)
		memcpy(at, bytes, n);
	out->n += n;
}

void eng_put_number(struct eng_out *out, uint64_t number)
{
	char *at = room(out, NUMBER_BYTES);

	if (!at)
		return;
	for (; number >= 0x80; number >>= 7) {
		*at++ = (char)(number | 0x80);
		out->n++;
	}
	*at = (char)number;
	out->n++;
}

void eng_put_sum(struct eng_out *out, uint64_t of)
{
	uint64_t sum = out->error ? 0 : pawl_hash_bytes(out->bytes, out->n, of);

	eng_put_bytes_(out, &sum, sizeof(sum));
}

void eng_out_fini(struct eng_out *out)
{
	pawl_mem_free(out->bytes, out->capacity, 0);
	*out = (struct eng_out){NULL, 0, 0, 0};
}

bool eng_in_make(struct eng_in *in, struct pawl_slice bytes, uint64_t of)
{
	uint64_t sum;

	if (!bytes.ptr || bytes.len < sizeof(sum))
		return false;
	in->at = bytes.ptr;
	in->end = in->at + bytes.len - sizeof(sum);
	in->bad = false;
	memcpy(&sum, in->end, sizeof(sum));
	return sum == pawl_hash_bytes(in->at, bytes.len - sizeof(sum), of);
}

uint64_t eng_get_number(struct eng_in *in)
{
	uint64_t number = 0;

	for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
		uint64_t byte = (unsigned char)*in->at++;

		number |= (byte & 0x7f) << shift;
		if (byte < 0x80)
			return number;
	}
	in->bad = true;
	return 0;
}

const char *eng_get_bytes(struct eng_in *in, uint64_t n)
{
	const char *at = in->at;

	if (in->bad || n > (uint64_t)(in->end - in->at)) {
		in->bad = true;
		return NULL;
	}
	in->at += n;
	return at;
}

static uint64_t zigzag(int64_t number)
{
	return (uint64_t)number << 1 ^ (uint64_t)(number >> 63);
}

static int64_t unzigzag(uint64_t number)
{
	return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
}

/* ---- rows --------------------------------------------------------------------------- */

/* Of one kind all have the same columns: a; a and b; a and c; all three. */
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

enum columns { A, A_B, A_C, A_B_C };

static void rows_put(struct eng_out *out, struct rows *rows, enum columns columns)
{
	uint64_t before = 0;
	size_t n = 0;

	if (rows->n > 1)
		qsort(rows->rows, rows->n, sizeof(*rows->rows), compare);
	/* Each once: two sets may have been gathered. */
	for (size_t i = 0; i < rows->n; i++) {
		if (!i || compare(&rows->rows[i], &rows->rows[i - 1]))
			rows->rows[n++] = rows->rows[i];
	}
	eng_put_number(out, n);
	for (size_t i = 0; i < n; i++) {
		eng_put_number(out, rows->rows[i].a - before);
		before = rows->rows[i].a;
		if (columns == A_B || columns == A_B_C)
			eng_put_number(out, rows->rows[i].b);
		if (columns == A_C || columns == A_B_C)
			eng_put_number(out, zigzag(rows->rows[i].c));
	}
	if (rows->error)
		out->error = rows->error;
	rows->n = 0;
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

/* ---- fields ---------------------------------------------------------------------------- */

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

enum kind { SET, SET64, MAP, PAIRS, BAG, WORDS, POINTER };
enum category { META, DATA, SESSION };

static const struct {
	enum kind kind;
	enum category category;
	bool filtered;
} table[] = {
#define X(name, kind, category, filtered, shrinks, immutable) \
	[ENG_##name] = {kind, category, filtered},
	ENG_FIELDS_TAIL(X)
#undef X
};

/* These two are written by hand, or counted again. */
static bool is_listed(enum eng_field field, enum category category)
{
	return table[field].category == category && table[field].kind != POINTER &&
	       field != ENG_CONTAINER_COUNTS;
}

static enum columns columns_of(enum kind kind)
{
	return kind == MAP ? A_C : kind == PAIRS ? A_B : kind == BAG ? A_B_C : A;
}

static void gather(struct rows *rows, const union eng_slot *slot, enum kind kind)
{
	if (!slot)
		return;
	switch (kind) {
	case SET:
		gather_set(rows, &slot->set);
		break;
	case SET64:
		gather_set64(rows, &slot->set64);
		break;
	case MAP:
		gather_map(rows, &slot->map);
		break;
	case PAIRS:
		gather_pairs(rows, slot->pairs);
		break;
	case BAG:
		gather_bag(rows, slot->bag);
		break;
	case WORDS:
		rows->filtered = false;
		row_add(rows, (struct row){slot->word, 0, 0});
		break;
	default:
		break;
	}
}

/* Number plus 1 of each field that holds something, and it; then 0. */
static void put_fields(struct eng_out *out, struct rows *rows, const struct eng_node *node,
		       enum category category)
{
	for (unsigned i = 0; i < ENG_FIELD_COUNT; i++) {
		enum eng_field field = (enum eng_field)i, other = partner(field);

		if (!is_listed(field, category))
			continue;
		rows->filtered = table[field].filtered;
		gather(rows, eng_field(node, field), table[field].kind);
		if (other != ENG_FIELD_COUNT)
			gather(rows, eng_field(node, other), table[field].kind);
		if (!rows->n && !rows->error)
			continue;
		eng_put_number(out, i + 1);
		rows_put(out, rows, columns_of(table[field].kind));
	}
	eng_put_number(out, 0);
}

static void put_error(struct eng_out *out, const struct pawl_error *error)
{
	const struct pawl_error *at = error;
	uint64_t n = 0;

	for (; at && n < CHAIN_MOST; at = at->cause)
		n++;
	eng_put_number(out, n);
	for (at = error; n--; at = at->cause) {
		size_t name = at->function ? strlen(at->function) : 0;
		size_t text = strlen(at->message);

		eng_put_number(out, eng_is_transient(at->task) ? 0 : at->task);
		eng_put_number(out, at->ring);
		eng_put_number(out, name);
		eng_put_bytes_(out, at->function, name);
		eng_put_number(out, text);
		eng_put_bytes_(out, at->message, text);
	}
}

static void put_output(struct eng_out *out, const struct eng_node *node)
{
	pawl_ref_t ref = {node->output};

	if (node->bits & ENG_ERROR) {
		eng_put_number(out, OUTPUT_ERROR);
		put_error(out, (const struct pawl_error *)(uintptr_t)node->output);
	} else if (!node->output ||
		   (node->output != ENG_NOTHING && eng_is_transient(eng_ref_task(ref)))) {
		eng_put_number(out, OUTPUT_NONE);
	} else {
		eng_put_number(out, OUTPUT_REF);
		eng_put_bytes_(out, &node->output, sizeof(node->output));
	}
}

static void put_meta(struct eng_out *out, struct rows *rows, const struct eng_node *node)
{
	eng_put_number(out, IMAGE_VERSION);
	eng_put_number(out, eng_base(node));
	eng_put_number(out, node->bits & ENG_DISTANCE);
	eng_put_number(out, node->bits & FLAGS);
	put_output(out, node);
	rows->filtered = true;
	gather_map(rows, &node->uppers);
	rows_put(out, rows, A_C);
	put_fields(out, rows, node, META);
}

static void put_cells(struct eng_out *out, struct rows *rows, const struct eng_graph *graph,
		      const struct eng_node *node)
{
	struct pawl_digest digest;
	struct eng_counter counter;
	uint32_t cursor = 0, cell, n = 0;

	rows->filtered = false;
	while (eng_cells_counter(graph, node, &cursor, &counter))
		row_add(rows, (struct row){counter.type, counter.count, 0});
	rows_put(out, rows, A_B);
	cursor = 0;
	while (eng_cells_digest(node, &cursor, &cell, &digest))
		n += eng_cell_exists(graph, node, cell);
	eng_put_number(out, n);
	cursor = 0;
	while (eng_cells_digest(node, &cursor, &cell, &digest)) {
		if (!eng_cell_exists(graph, node, cell))
			continue;
		eng_put_number(out, cell);
		eng_put_bytes_(out, &digest, sizeof(digest));
	}
}

static void put_data(struct eng_out *out, struct rows *rows, const struct eng_graph *graph,
		     const struct eng_node *node)
{
	const struct eng_key *key = eng_node_key(node);

	eng_put_number(out, IMAGE_VERSION);
	eng_put_number(out, key->function);
	eng_put_number(out, key->bytes);
	eng_put_bytes_(out, key->args, key->bytes);
	rows->filtered = true;
	gather_set(rows, &node->output_dependents);
	rows_put(out, rows, A);
	gather_set64(rows, &node->cell_dependents);
	rows_put(out, rows, A);
	put_fields(out, rows, node, DATA);
	put_cells(out, rows, graph, node);
}

/* ---- taking ------------------------------------------------------------------------------- */

static int take_values(const struct eng_graph *graph, struct eng_node *node,
		       struct eng_image *image)
{
	uint32_t most = eng_cells_held(node), cursor = 0, cell;
	struct pawl_value *value;

	if (!most)
		return 0;
	image->values = pawl_mem_alloc(most * sizeof(*image->values), 0);
	if (!image->values)
		return -ENOMEM;
	while (eng_cells_next(graph, node, &cursor, &cell, &value)) {
		if (!eng_type_is_saved(pawl_value_type_of(value)) ||
		    !eng_cell_exists(graph, node, cell))
			continue;
		image->values[image->values_n].cell = cell;
		image->values[image->values_n++].value = pawl_value_pin(value);
	}
	if (!image->values_n) {
		pawl_mem_free(image->values, most * sizeof(*image->values), 0);
		image->values = NULL;
	} else if (image->values_n < most) {
		/* Freed by its number. */
		struct eng_image_value *fewer =
			pawl_mem_alloc(image->values_n * sizeof(*fewer), 0);

		if (!fewer) {
			for (uint32_t i = 0; i < image->values_n; i++)
				pawl_value_unpin(image->values[i].value);
			image->values_n = 0;
		} else {
			memcpy(fewer, image->values, image->values_n * sizeof(*fewer));
		}
		pawl_mem_free(image->values, most * sizeof(*image->values), 0);
		image->values = fewer;
		return fewer ? 0 : -ENOMEM;
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
		put_meta(&image->meta, &rows, node);
	if (categories & ENG_DATA) {
		put_data(&image->data, &rows, graph, node);
		error = take_values(graph, node, image);
	}
	rows_fini(&rows);
	return error ? error : image->meta.error ? image->meta.error : image->data.error;
}

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
	bool transient = false;
	struct eng_out coded = {NULL, 0, 0, 0};
	char *at = NULL;

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
	eng_put_number(out, one->cell);
	eng_put_number(out, bytes);
	eng_put_bytes_(out, payload, bytes);
	if (coded.error)
		out->error = coded.error;
	eng_out_fini(&coded);
}

static int compare_values(const void *x, const void *y)
{
	const struct eng_image_value *p = x, *q = y;

	return p->cell < q->cell ? -1 : p->cell > q->cell;
}

int eng_image_complete(const struct eng_graph *graph, struct eng_image *image)
{
	(void)graph;
	if (image->categories & ENG_META)
		eng_put_sum(&image->meta, META_OF(image->id));
	if (image->categories & ENG_DATA) {
		if (image->values_n)
			qsort(image->values, image->values_n, sizeof(*image->values),
			      compare_values);
		for (uint32_t i = 0; i < image->values_n; i++)
			put_value(&image->data, &image->values[i]);
		eng_put_number(&image->data, 0);
		eng_put_sum(&image->data, DATA_OF(image->id));
	}
	return image->meta.error ? image->meta.error : image->data.error;
}

void eng_image_fini(struct eng_image *image)
{
	eng_out_fini(&image->meta);
	eng_out_fini(&image->data);
	for (uint32_t i = 0; i < image->values_n; i++)
		pawl_value_unpin(image->values[i].value);
	pawl_mem_free(image->values, image->values_n * sizeof(*image->values), 0);
	image->values = NULL;
	image->values_n = 0;
}

/* ---- reading ---------------------------------------------------------------------------------- */

struct reader {
	struct eng_in in;
	const struct eng_graph *graph;
	struct eng_node *node;
	eng_id id;
	uint32_t limit;
	int error;
};

static bool is_id(const struct reader *reader, uint64_t number)
{
	return (eng_id)number && (eng_id)number < reader->limit;
}

/* A key of a set is stored; its lower half is the id of a task. */
static void put_row(struct reader *reader, union eng_slot *slot, enum kind kind, struct row row)
{
	int error = 0;

	switch (kind) {
	case SET:
		error = pawl_sset_add(&slot->set, (uint32_t)row.a, NULL);
		break;
	case SET64:
		error = pawl_sset64_add(&slot->set64, row.a, NULL);
		break;
	case MAP:
		error = pawl_cmap_add(&slot->map, (uint32_t)row.a, row.c, NULL);
		break;
	case PAIRS:
		(void)eng_pairs_add(&slot->pairs, (struct eng_pair){row.a, row.b});
		break;
	case BAG:
		(void)eng_bag_add(&slot->bag, (uint32_t)row.b, row.a, row.c);
		break;
	case WORDS:
		slot->word = row.a;
		break;
	default:
		break;
	}
	if (error && !reader->error)
		reader->error = error == -ENOMEM ? error : -EUCLEAN;
}

static bool row_fits(const struct reader *reader, enum kind kind, struct row row)
{
	if (kind == WORDS)
		return true;
	if ((kind == SET || kind == MAP) && row.a > UINT32_MAX)
		return false;
	if ((kind == MAP || kind == BAG) && !row.c)
		return false;
	if (kind == BAG && (!row.b || row.b > UINT32_MAX))
		return false;
	return is_id(reader, row.a);
}

/* `slot` was empty. Rows that repeat, or do not ascend, are not ours. */
static void get_rows(struct reader *reader, union eng_slot *slot, enum kind kind)
{
	uint64_t n = eng_get_number(&reader->in);
	enum columns columns = columns_of(kind);
	struct row row = {0, 0, 0};

	for (uint64_t i = 0; i < n && !reader->in.bad && !reader->error; i++) {
		int64_t count = 0;

		row.a += eng_get_number(&reader->in);
		if (columns == A_B || columns == A_B_C)
			row.b = eng_get_number(&reader->in);
		if (columns == A_C || columns == A_B_C)
			count = unzigzag(eng_get_number(&reader->in));
		row.c = (int32_t)count;
		if (row.c != count || !row_fits(reader, kind, row))
			reader->in.bad = true;
		else
			put_row(reader, slot, kind, row);
	}
}

static void get_fields(struct reader *reader, enum category category)
{
	uint64_t number, before = 0;

	while ((number = eng_get_number(&reader->in)) && !reader->in.bad && !reader->error) {
		enum eng_field field = (enum eng_field)(number - 1);

		if (number > ENG_FIELD_COUNT || number <= before ||
		    !is_listed(field, category)) {
			reader->in.bad = true;
			return;
		}
		before = number;
		get_rows(reader, eng_field_make(reader->node, field), table[field].kind);
	}
}

static struct pawl_error *get_one_error(struct reader *reader, struct pawl_error *cause)
{
	uint64_t task = eng_get_number(&reader->in), ring = eng_get_number(&reader->in);
	uint64_t name_n = eng_get_number(&reader->in), text_n;
	const char *name = eng_get_bytes(&reader->in, name_n), *text;
	struct pawl_error *error;

	text_n = eng_get_number(&reader->in);
	text = eng_get_bytes(&reader->in, text_n);
	if (reader->in.bad || text_n > INT32_MAX || task >= reader->limit) {
		reader->in.bad = true;
		eng_error_unpin(cause);
		return NULL;
	}
	error = eng_error_printf((eng_id)task,
				 eng_function_name(reader->graph->registry, name, name_n),
				 cause, "%.*s", (int)text_n, text);
	error->ring = ring;
	return error;
}

/* The first is the outermost: made from the last one on. */
static struct pawl_error *get_error(struct reader *reader)
{
	uint64_t n = eng_get_number(&reader->in);
	const char *starts[CHAIN_MOST], *end;
	struct pawl_error *error = NULL;

	if (!n || n > CHAIN_MOST)
		reader->in.bad = true;
	for (uint64_t i = 0; i < n && !reader->in.bad; i++) {
		starts[i] = reader->in.at;
		(void)eng_get_number(&reader->in);
		(void)eng_get_number(&reader->in);
		(void)eng_get_bytes(&reader->in, eng_get_number(&reader->in));
		(void)eng_get_bytes(&reader->in, eng_get_number(&reader->in));
	}
	end = reader->in.at;
	for (uint64_t i = n; i-- && !reader->in.bad;) {
		reader->in.at = starts[i];
		error = get_one_error(reader, error);
	}
	reader->in.at = end;
	return error;
}

static void get_output(struct reader *reader, uint32_t flags)
{
	uint64_t kind = eng_get_number(&reader->in);
	const char *bytes;

	if (kind == OUTPUT_ERROR) {
		reader->node->output = (uintptr_t)get_error(reader);
		if (!reader->node->output)
			reader->in.bad = true;
	} else if (kind == OUTPUT_REF) {
		bytes = eng_get_bytes(&reader->in, sizeof(reader->node->output));
		if (bytes)
			memcpy(&reader->node->output, bytes, sizeof(reader->node->output));
		if (bytes && reader->node->output != ENG_NOTHING &&
		    !is_id(reader, reader->node->output))
			reader->in.bad = true;
	} else if (kind != OUTPUT_NONE) {
		reader->in.bad = true;
	}
	/* What is freed goes by its bit, also if all of it is bad. */
	reader->node->bits &= ~ENG_ERROR;
	if (kind == OUTPUT_ERROR && reader->node->output)
		reader->node->bits |= ENG_ERROR;
	if ((kind == OUTPUT_ERROR) != !!(flags & ENG_ERROR))
		reader->in.bad = true;
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

static void get_meta(struct reader *reader)
{
	struct eng_node *node = reader->node;
	uint64_t version = eng_get_number(&reader->in), base = eng_get_number(&reader->in);
	uint64_t distance = eng_get_number(&reader->in), flags = eng_get_number(&reader->in);
	union eng_slot slot;

	if (version != IMAGE_VERSION || base > UINT32_MAX || distance > ENG_DISTANCE ||
	    flags & ~(uint64_t)FLAGS) {
		reader->in.bad = true;
		return;
	}
	pawl_init_word(&node->base, (uint32_t)base);
	node->bits = (uint32_t)(distance | flags);
	get_output(reader, (uint32_t)flags);
	memset(&slot, 0, sizeof(slot));
	get_rows(reader, &slot, MAP);
	node->uppers = slot.map;
	get_fields(reader, META);
	count_containers(node);
}

static void get_values(struct reader *reader)
{
	uint64_t cell, before = 0;

	while ((cell = eng_get_number(&reader->in)) && !reader->in.bad) {
		uint64_t bytes = eng_get_number(&reader->in);
		const char *at = eng_get_bytes(&reader->in, bytes);
		const struct pawl_value_type *type;
		struct pawl_value *value = NULL;
		int error;

		if (!at || cell <= before || cell > UINT32_MAX ||
		    !eng_cell_exists(reader->graph, reader->node, (uint32_t)cell)) {
			reader->in.bad = true;
			return;
		}
		before = cell;
		type = eng_type_known(reader->graph->registry, eng_cell_type((uint32_t)cell));
		if (!eng_type_is_saved(type))
			continue;
		error = type->decode ? type->decode(type, at, bytes, &value)
				     : pawl_value_of(type, at, bytes, &value);
		if (error == -ENOMEM)
			reader->error = error;
		/* One that cannot be read is one that is not there. */
		if (!error)
			(void)eng_cell_put(reader->graph, reader->node, (uint32_t)cell, value);
	}
}

static void get_cells(struct reader *reader)
{
	uint64_t n = eng_get_number(&reader->in), type = 0, digests;
	struct eng_counter *counters = NULL;
	uint32_t before = 0;

	if (n > ENG_TYPE_LAST || n > (uint64_t)(reader->in.end - reader->in.at)) {
		reader->in.bad = true;
		return;
	}
	if (n)
		counters = eng_must_alloc(n * sizeof(*counters));
	for (uint64_t i = 0; i < n && !reader->in.bad; i++) {
		uint64_t count;

		type += eng_get_number(&reader->in);
		count = eng_get_number(&reader->in);
		if (type <= before || type > ENG_TYPE_LAST || !count ||
		    count > ENG_CELL_INDEX_LAST + 1u)
			reader->in.bad = true;
		counters[i] = (struct eng_counter){(uint32_t)type, (uint32_t)count};
		before = (uint32_t)type;
	}
	if (!reader->in.bad)
		eng_cells_restore(reader->graph, reader->node, counters, (uint32_t)n);
	digests = eng_get_number(&reader->in);
	for (uint64_t i = 0; i < digests && !reader->in.bad; i++) {
		uint64_t cell = eng_get_number(&reader->in);
		struct pawl_digest digest;
		const char *bytes = eng_get_bytes(&reader->in, sizeof(digest));

		if (!bytes || cell > UINT32_MAX ||
		    !eng_cell_exists(reader->graph, reader->node, (uint32_t)cell)) {
			reader->in.bad = true;
			break;
		}
		memcpy(&digest, bytes, sizeof(digest));
		eng_cell_set_digest(reader->graph, reader->node, (uint32_t)cell, digest);
	}
	if (!reader->in.bad)
		get_values(reader);
	/* With one cell alone the table is not needed. */
	if (!reader->in.bad)
		(void)eng_cells_count(reader->graph, reader->node, counters, (uint32_t)n, NULL);
	pawl_mem_free(counters, n * sizeof(*counters), 0);
}

/* The head of DATA, which says how large the record is. */
static int get_key(struct reader *reader)
{
	uint64_t version = eng_get_number(&reader->in), function = eng_get_number(&reader->in);
	uint64_t bytes = eng_get_number(&reader->in);
	const char *args = eng_get_bytes(&reader->in, bytes);
	const struct pawl_function *table_of;

	if (!args || version != IMAGE_VERSION || function > UINT32_MAX)
		return -EUCLEAN;
	table_of = eng_function_known(reader->graph->registry, (uint32_t)function);
	/* 0: one that was lost before. */
	if (function ? !table_of || !eng_args_valid(table_of, args, bytes) : bytes)
		return -EUCLEAN;
	reader->node = eng_node_make(bytes);
	if (!reader->node)
		return -ENOMEM;
	eng_node_key(reader->node)->function = (uint32_t)function;
	if (bytes)
		memcpy(eng_node_key(reader->node)->args, args, bytes);
	return 0;
}

static void get_data(struct reader *reader)
{
	union eng_slot slot;

	memset(&slot, 0, sizeof(slot));
	get_rows(reader, &slot, SET);
	reader->node->output_dependents = slot.set;
	memset(&slot, 0, sizeof(slot));
	get_rows(reader, &slot, SET64);
	reader->node->cell_dependents = slot.set64;
	get_fields(reader, DATA);
	if (!reader->in.bad && !reader->error)
		get_cells(reader);
}

int eng_image_read(const struct eng_graph *graph, eng_id id, uint32_t limit,
		   struct pawl_slice meta, struct pawl_slice data, struct eng_node **ret_node)
{
	struct reader reader = {.graph = graph, .id = id, .limit = limit};
	bool bad;
	int error;

	if (!eng_in_make(&reader.in, data, DATA_OF(id)))
		return -EUCLEAN;
	error = get_key(&reader);
	if (error)
		return error;
	get_data(&reader);
	bad = reader.in.bad || reader.in.at != reader.in.end ||
	      !eng_in_make(&reader.in, meta, META_OF(id));
	if (!bad && !reader.error) {
		get_meta(&reader);
		bad = reader.in.bad || reader.in.at != reader.in.end;
	}
	error = reader.error ? reader.error : bad ? -EUCLEAN : 0;
	if (error) {
		eng_node_free(reader.node);
		return error;
	}
	eng_tail_trim(reader.node);
	*ret_node = reader.node;
	return 0;
}
