/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.c - images of tasks as bytes, from the table of fields.
 *
 *	record = frame of fields	(bytes.h: a checksum, over space and id too, and the version)
 *	field  = tag, length, what is in it
 *
 * Keys of sets and maps are written as differences to the one before (zigzag): ids of one run lie together, and tables
 * are walked in ascending order as long as they are small. So an edge takes one or two bytes. The first number of a list
 * is its count; each entry takes one byte at least, so a count is refused before memory is taken for it.
 *
 * Decoding goes over the bytes twice: the first time it only looks, and sums up the memory that the image needs; the
 * second time it fills in one block. What the first pass lets through cannot fail in the second.
 *
 * I1: what is decoded has no transient ids in filtered fields, and no counts of 0.
 */
#include "config.h"

#include "record.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>

#include "../graph/ref.h"

#define ROW_IN(image, name_, kind_, filtered_) \
	{.name = #name_,                       \
	 .tag = ENG_TAG_##name_,               \
	 .kind = ENG_KIND_##kind_,             \
	 .filtered = filtered_,                \
	 .offset = offsetof(struct image, name_)},

static const struct eng_record_field meta_fields[] = {
#define X(name, kind, category, filtered, shrinks, immutable) \
	ENG_OF_META_##category(ROW_IN(eng_meta_image, name, kind, filtered))
	ENG_RECORD_ALL(X)
#undef X
};

static const struct eng_record_field data_fields[] = {
#define X(name, kind, category, filtered, shrinks, immutable) \
	ENG_OF_DATA_##category(ROW_IN(eng_data_image, name, kind, filtered))
	ENG_RECORD_ALL(X)
#undef X
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
PAWL_STATIC_ASSERT(ENG_TAG_LIMIT <= 64, "a set of tags is a word");

const struct eng_record_field *eng_record_fields(enum pawl_store_space space, size_t *ret_n)
{
	PAWL_REQUIRE(space == PAWL_STORE_META || space == PAWL_STORE_DATA);
	*ret_n = space == PAWL_STORE_META ? COUNT(meta_fields) : COUNT(data_fields);
	return space == PAWL_STORE_META ? meta_fields : data_fields;
}

static size_t image_bytes(enum pawl_store_space space)
{
	return space == PAWL_STORE_META ? sizeof(struct eng_meta_image)
					: sizeof(struct eng_data_image);
}

/* ---- entries ------------------------------------------------------------------------------------ */

/* What an entry of any list is. Which parts it has, and in how many bytes of memory, its kind says. */
struct entry {
	uint64_t key;  /* 32 bits of SET and MAP; a; ref */
	uint64_t part; /* b; trait */
	int32_t count;
};

static size_t entry_bytes(unsigned kind)
{
	switch (kind) {
	case ENG_KIND_SET:
		return sizeof(uint32_t);
	case ENG_KIND_SET64:
		return sizeof(uint64_t);
	case ENG_KIND_MAP:
		return sizeof(struct eng_image_count);
	case ENG_KIND_PAIRS:
		return sizeof(struct eng_pair);
	default:
		return sizeof(struct eng_collectible);
	}
}

/* The array of a list's member. All lists are a pointer to something and a number. */
static const void *list_of(unsigned kind, const void *member, uint32_t *ret_n)
{
	switch (kind) {
	case ENG_KIND_SET:
		*ret_n = ((const struct eng_image_set *)member)->n;
		return ((const struct eng_image_set *)member)->at;
	case ENG_KIND_SET64:
		*ret_n = ((const struct eng_image_set64 *)member)->n;
		return ((const struct eng_image_set64 *)member)->at;
	case ENG_KIND_MAP:
		*ret_n = ((const struct eng_image_map *)member)->n;
		return ((const struct eng_image_map *)member)->at;
	case ENG_KIND_PAIRS:
		*ret_n = ((const struct eng_image_pairs *)member)->n;
		return ((const struct eng_image_pairs *)member)->at;
	default:
		*ret_n = ((const struct eng_image_bag *)member)->n;
		return ((const struct eng_image_bag *)member)->at;
	}
}

static void list_set(unsigned kind, void *member, void *at, uint32_t n)
{
	switch (kind) {
	case ENG_KIND_SET:
		*(struct eng_image_set *)member = (struct eng_image_set){at, n};
		break;
	case ENG_KIND_SET64:
		*(struct eng_image_set64 *)member = (struct eng_image_set64){at, n};
		break;
	case ENG_KIND_MAP:
		*(struct eng_image_map *)member = (struct eng_image_map){at, n};
		break;
	case ENG_KIND_PAIRS:
		*(struct eng_image_pairs *)member = (struct eng_image_pairs){at, n};
		break;
	default:
		*(struct eng_image_bag *)member = (struct eng_image_bag){at, n};
		break;
	}
}

static struct entry entry_at(unsigned kind, const void *list, size_t i)
{
	const struct eng_image_count *counts = list;
	const struct eng_collectible *bag = list;
	const struct eng_pair *pairs = list;

	switch (kind) {
	case ENG_KIND_SET:
		return (struct entry){.key = ((const uint32_t *)list)[i]};
	case ENG_KIND_SET64:
		return (struct entry){.key = ((const uint64_t *)list)[i]};
	case ENG_KIND_MAP:
		return (struct entry){.key = counts[i].key, .count = counts[i].count};
	case ENG_KIND_PAIRS:
		return (struct entry){.key = pairs[i].a, .part = pairs[i].b};
	default:
		return (struct entry){
			.key = bag[i].ref, .part = bag[i].trait, .count = bag[i].count};
	}
}

static void entry_put(unsigned kind, void *list, size_t i, struct entry entry)
{
	switch (kind) {
	case ENG_KIND_SET:
		((uint32_t *)list)[i] = (uint32_t)entry.key;
		break;
	case ENG_KIND_SET64:
		((uint64_t *)list)[i] = entry.key;
		break;
	case ENG_KIND_MAP:
		((struct eng_image_count *)list)[i] =
			(struct eng_image_count){(uint32_t)entry.key, entry.count};
		break;
	case ENG_KIND_PAIRS:
		((struct eng_pair *)list)[i] = (struct eng_pair){entry.key, entry.part};
		break;
	default:
		((struct eng_collectible *)list)[i] =
			(struct eng_collectible){entry.key, (uint32_t)entry.part, entry.count};
		break;
	}
}

/* In all kinds the task is the low half of the key. */
static bool left_out(const struct eng_record_field *field, uint64_t key)
{
	return field->filtered && eng_is_transient((eng_id)key);
}

/* ---- encoding ----------------------------------------------------------------------------------- */

static void encode_entry(struct eng_writer *writer, unsigned kind, struct entry entry,
			 uint64_t *last)
{
	/* Modulo 2^64; ids of 32 bits are never that far apart. */
	eng_write_signed(writer, (int64_t)(entry.key - *last));
	*last = entry.key;
	if (kind == ENG_KIND_PAIRS)
		eng_write_fixed64(writer, entry.part);
	if (kind == ENG_KIND_BAG)
		eng_write_number(writer, entry.part);
	if (kind == ENG_KIND_MAP || kind == ENG_KIND_BAG)
		eng_write_signed(writer, entry.count);
}

static bool list_empty(const struct eng_record_field *field, const void *list, uint32_t n,
		       uint32_t *ret_kept)
{
	uint32_t i, kept = n;

	for (i = 0; field->filtered && i < n; i++)
		kept -= left_out(field, entry_at(field->kind, list, i).key);
	*ret_kept = kept;
	return !kept;
}

static void encode_list(struct eng_writer *writer, const struct eng_record_field *field,
			const void *member)
{
	uint32_t n, kept, i;
	const void *list = list_of(field->kind, member, &n);
	uint64_t last = 0;
	size_t at;

	if (list_empty(field, list, n, &kept))
		return;
	eng_write_number(writer, field->tag);
	at = eng_write_begin(writer);
	eng_write_number(writer, kept);
	for (i = 0; i < n; i++) {
		struct entry entry = entry_at(field->kind, list, i);

		if (!left_out(field, entry.key))
			encode_entry(writer, field->kind, entry, &last);
	}
	eng_write_end(writer, at);
}

static void encode_field(struct eng_writer *writer, const struct eng_record_field *field,
			 const void *member)
{
	const struct eng_image_words *words = member;
	const struct pawl_slice *bytes = member;
	size_t at;

	if (field->kind == ENG_KIND_WORDS) {
		if ((!words->a && !words->b) || left_out(field, words->a))
			return;
		eng_write_number(writer, field->tag);
		at = eng_write_begin(writer);
		eng_write_number(writer, words->a);
		eng_write_number(writer, words->b);
		eng_write_end(writer, at);
	} else if (field->kind == ENG_KIND_POINTER) {
		if (!bytes->ptr)
			return;
		eng_write_number(writer, field->tag);
		eng_write_range(writer, *bytes);
	} else {
		encode_list(writer, field, member);
	}
}

size_t eng_record_encode(enum pawl_store_space space, uint32_t id, const void *image, void *to,
			 size_t room)
{
	struct eng_writer writer = eng_frame_begin(to, room, ENG_RECORD_VERSION);
	size_t n, i;
	const struct eng_record_field *fields = eng_record_fields(space, &n);

	PAWL_REQUIRE(!eng_is_transient(id));
	for (i = 0; i < n; i++)
		encode_field(&writer, &fields[i], (const char *)image + fields[i].offset);
	eng_frame_end(&writer, eng_frame_seed(space, pawl_store_id(id)));
	return writer.n;
}

/* ---- decoding ----------------------------------------------------------------------------------- */

/* Memory for what an image points to. In the first pass there is none: it is counted. */
struct arena {
	char *start;
	size_t n;
};

static void *take(struct arena *arena, size_t bytes)
{
	void *at = arena->start ? arena->start + arena->n : NULL;

	arena->n += (bytes + 7) & ~(size_t)7;
	return at;
}

static struct entry decode_entry(struct eng_reader *reader,
				 const struct eng_record_field *field, uint64_t *last)
{
	unsigned kind = field->kind;
	struct entry entry = {.key = *last + (uint64_t)eng_read_signed(reader)};
	int64_t count;

	*last = entry.key;
	if (left_out(field, entry.key) ||
	    ((kind == ENG_KIND_SET || kind == ENG_KIND_MAP) && entry.key > UINT32_MAX))
		eng_reader_spoil(reader);
	if (kind == ENG_KIND_PAIRS)
		entry.part = eng_read_fixed64(reader);
	if (kind == ENG_KIND_BAG)
		entry.part = eng_read_number32(reader);
	if (kind == ENG_KIND_MAP || kind == ENG_KIND_BAG) {
		count = eng_read_signed(reader);
		if (!count || count < INT32_MIN || count > INT32_MAX)
			eng_reader_spoil(reader);
		else
			entry.count = (int32_t)count;
	}
	return entry;
}

static void decode_list(struct eng_reader *reader, const struct eng_record_field *field,
			struct arena *arena, void *member)
{
	size_t n = eng_read_count(reader, 1), i;
	uint64_t last = 0;
	void *list;

	if (!n || n > UINT32_MAX) {
		/* An empty one is not written. */
		eng_reader_spoil(reader);
		return;
	}
	list = take(arena, n * entry_bytes(field->kind));
	if (list)
		list_set(field->kind, member, list, (uint32_t)n);
	for (i = 0; i < n && !reader->bad; i++) {
		struct entry entry = decode_entry(reader, field, &last);

		if (list)
			entry_put(field->kind, list, i, entry);
	}
}

static void decode_words(struct eng_reader *reader, const struct eng_record_field *field,
			 struct arena *arena, void *member)
{
	struct eng_image_words words;

	words.a = eng_read_number32(reader);
	words.b = eng_read_number32(reader);
	if (left_out(field, words.a) || (!words.a && !words.b))
		eng_reader_spoil(reader);
	else if (arena->start)
		*(struct eng_image_words *)member = words;
}

static void decode_bytes(struct eng_reader *reader, struct arena *arena, void *member)
{
	size_t n = eng_reader_left(reader);
	struct pawl_slice bytes = eng_read_bytes(reader, n);
	/* One of no bytes is there, too. */
	void *copy = take(arena, n ? n : 1);

	if (!copy)
		return;
	memcpy(copy, bytes.ptr, n);
	*(struct pawl_slice *)member = (struct pawl_slice){copy, n};
}

static void decode_field(struct eng_reader *reader, const struct eng_record_field *field,
			 struct arena *arena, void *image)
{
	struct eng_reader nested = eng_read_nested(reader);
	void *member = arena->start ? (char *)image + field->offset : NULL;

	if (field->kind == ENG_KIND_WORDS)
		decode_words(&nested, field, arena, member);
	else if (field->kind == ENG_KIND_POINTER)
		decode_bytes(&nested, arena, member);
	else
		decode_list(&nested, field, arena, member);
	if (!eng_reader_done(&nested))
		eng_reader_spoil(reader);
}

/* One pass. Returns: true: all of it is right. */
static bool decode_all(struct eng_reader reader, enum pawl_store_space space,
		       struct arena *arena, void *image)
{
	size_t n, i;
	const struct eng_record_field *fields = eng_record_fields(space, &n);
	uint64_t seen = 0;

	while (!reader.bad && !eng_reader_done(&reader)) {
		uint64_t tag = eng_read_number(&reader);

		for (i = 0; i < n && fields[i].tag != tag; i++)
			;
		if (i == n) {
			/* Of a later version. */
			(void)eng_read_range(&reader);
			continue;
		}
		if (seen >> tag & 1)
			return false;
		seen |= UINT64_C(1) << tag;
		decode_field(&reader, &fields[i], arena, image);
	}
	return eng_reader_done(&reader);
}

/* In front of an image, for its end. */
struct block {
	size_t bytes;
	size_t pad;
};

int eng_record_decode(enum pawl_store_space space, uint32_t id, struct pawl_slice bytes,
		      void **ret_image)
{
	struct arena arena = {NULL, 0};
	struct eng_reader reader;
	struct block *block;
	size_t head = sizeof(*block) + image_bytes(space), all;
	uint8_t version;
	int error = eng_frame_open(bytes, eng_frame_seed(space, pawl_store_id(id)), &version,
				   &reader);

	if (error)
		return error;
	if (version != ENG_RECORD_VERSION)
		return -ESTALE;
	if (!decode_all(reader, space, &arena, NULL))
		return -EUCLEAN;
	all = head + arena.n;
	block = pawl_mem_zalloc(all, 0);
	if (!block)
		return -ENOMEM;
	block->bytes = all;
	arena = (struct arena){(char *)block + head, 0};
	PAWL_REQUIRE(decode_all(reader, space, &arena, block + 1));
	*ret_image = block + 1;
	return 0;
}

void eng_record_free(void *image)
{
	struct block *block = image;

	if (image)
		pawl_mem_free(block - 1, block[-1].bytes, 0);
}

/* ---- verifying ---------------------------------------------------------------------------------- */

static bool same_list(const struct eng_record_field *field, const void *a, const void *b)
{
	uint32_t a_n, b_n, i, at = 0;
	const void *a_list = list_of(field->kind, a, &a_n),
		   *b_list = list_of(field->kind, b, &b_n);

	for (i = 0; i < a_n; i++) {
		struct entry x = entry_at(field->kind, a_list, i), y;

		if (left_out(field, x.key))
			continue;
		if (at == b_n)
			return false;
		y = entry_at(field->kind, b_list, at++);
		if (x.key != y.key || x.part != y.part || x.count != y.count)
			return false;
	}
	return at == b_n;
}

static bool same_field(const struct eng_record_field *field, const void *a, const void *b)
{
	const struct eng_image_words *x = a, *y = b;
	const struct pawl_slice *p = a, *q = b;

	switch (field->kind) {
	case ENG_KIND_WORDS:
		if (left_out(field, x->a))
			return !y->a && !y->b;
		return x->a == y->a && x->b == y->b;
	case ENG_KIND_POINTER:
		return !p->ptr == !q->ptr && p->len == q->len &&
		       (!p->len || !memcmp(p->ptr, q->ptr, p->len));
	default:
		return same_list(field, a, b);
	}
}

static int compare(enum pawl_store_space space, const void *a, const void *b)
{
	size_t n, i;
	const struct eng_record_field *fields = eng_record_fields(space, &n);

	for (i = 0; i < n; i++)
		if (!same_field(&fields[i], (const char *)a + fields[i].offset,
				(const char *)b + fields[i].offset))
			return -EUCLEAN;
	return 0;
}

int eng_record_verify(enum pawl_store_space space, uint32_t id, const void *image)
{
	size_t n = eng_record_encode(space, id, image, NULL, 0);
	void *bytes = pawl_mem_alloc(n, 0), *again;
	int error;

	if (!bytes)
		return -ENOMEM;
	error = eng_record_encode(space, id, image, bytes, n) == n ? 0 : -EUCLEAN;
	if (!error)
		error = eng_record_decode(space, id, (struct pawl_slice){bytes, n}, &again);
	pawl_mem_free(bytes, n, 0);
	if (error)
		return error;
	error = compare(space, image, again);
	eng_record_free(again);
	return error;
}
