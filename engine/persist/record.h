/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.h - what is saved of a task: two values, one for META, one for DATA, made from the table in graph/field.h.
 *
 * An image is a struct with a member for each field of its category: what a record holds, laid out in arrays. Who
 * knows the graph fills images in and takes them apart; here they become bytes and images again. A field is a tag, its
 * length, and what it holds; one that is empty is left out, one whose tag is not known is skipped.
 *
 * What is about tasks of this process alone is never written: entries with the id of a transient task are left
 * out (fields that are `filtered`), and a record that has one all the same is damaged.
 */
#ifndef ENG_RECORD_H
#define ENG_RECORD_H

#include "bytes.h"

#include "../graph/bag.h"
#include "../graph/field.h"
#include "../graph/pairs.h"

/* Version of the form of records. Another one is not read: -ESTALE. */
#define ENG_RECORD_VERSION 1u

/*
 * Of a record beside the fields of graph/field.h, in the same form:
 *	base, meta_bits, data_bits	the aggregation number's base; eng_node.bits, those that are saved
 *	error				why the last run failed, as its owner writes it; instead of output
 *	key				function and arguments, as their owner writes them
 */
#define ENG_RECORD_FIELDS(X)               \
	X(base, WORDS, META, 0, 0, 0)      \
	X(meta_bits, WORDS, META, 0, 0, 0) \
	X(error, POINTER, META, 0, 0, 0)   \
	X(data_bits, WORDS, DATA, 0, 0, 0) \
	X(key, POINTER, DATA, 0, 0, 0)

/* How fields are named in stores. A number is never used for another field. Every saved field needs one. */
enum eng_tag {
	ENG_TAG_base = 1,
	ENG_TAG_meta_bits = 2,
	ENG_TAG_output = 3,
	ENG_TAG_error = 4,
	ENG_TAG_uppers = 5,
	ENG_TAG_CHILDREN = 6,
	ENG_TAG_FOLLOWERS = 7,
	ENG_TAG_DIRTY_CONTAINERS = 8,
	ENG_TAG_CONTAINER_COUNTS = 9,
	ENG_TAG_COLLECTIBLES = 10,
	ENG_TAG_AGGREGATED_COLLECTIBLES = 11,
	ENG_TAG_COLLECTIBLES_DEPENDENTS = 12,
	ENG_TAG_STILL_CHILDREN = 14,
	ENG_TAG_data_bits = 32,
	ENG_TAG_key = 33,
	ENG_TAG_output_dependents = 34,
	ENG_TAG_cell_dependents = 35,
	ENG_TAG_cell = 36,
	ENG_TAG_LEAF_DISTANCE = 37,
	ENG_TAG_OUTPUT_DEPENDENCIES = 38,
	ENG_TAG_CELL_DEPENDENCIES = 39,
	ENG_TAG_COLLECTIBLES_DEPENDENCIES = 40,
	ENG_TAG_KEYED_DEPENDENTS = 41,
	ENG_TAG_KEYED_DEPENDENCIES = 42,
	ENG_TAG_CELLS = 43,
	ENG_TAG_LIMIT = 64 /* tags in use are below: a set of them is a word */
};

/* What a member holds, by the kind of its field. Arrays are in no particular order. */
struct eng_image_count {
	uint32_t key;
	int32_t count; /* not 0 */
};
struct eng_image_set {
	uint32_t *at;
	uint32_t n;
};
struct eng_image_set64 {
	uint64_t *at;
	uint32_t n;
};
struct eng_image_map {
	struct eng_image_count *at;
	uint32_t n;
};
struct eng_image_pairs {
	struct eng_pair *at;
	uint32_t n;
};
struct eng_image_bag {
	struct eng_collectible *at; /* counts are not 0 */
	uint32_t n;
};
struct eng_image_words {
	uint32_t a, b; /* of one word of 64 bits the low half, the high half */
};

enum eng_kind {
	ENG_KIND_SET,
	ENG_KIND_SET64,
	ENG_KIND_MAP,
	ENG_KIND_PAIRS,
	ENG_KIND_BAG,
	ENG_KIND_WORDS,	 /* both 0: empty */
	ENG_KIND_POINTER /* bytes; ptr NULL: empty */
};
#define ENG_MEMBER_SET	   struct eng_image_set
#define ENG_MEMBER_SET64   struct eng_image_set64
#define ENG_MEMBER_MAP	   struct eng_image_map
#define ENG_MEMBER_PAIRS   struct eng_image_pairs
#define ENG_MEMBER_BAG	   struct eng_image_bag
#define ENG_MEMBER_WORDS   struct eng_image_words
#define ENG_MEMBER_POINTER struct pawl_slice

/* ENG_OF_META_...(text): the text, if the field's category is META; the same for DATA. */
#define ENG_OF_META_META(...) __VA_ARGS__
#define ENG_OF_META_DATA(...)
#define ENG_OF_META_SESSION(...)
#define ENG_OF_DATA_META(...)
#define ENG_OF_DATA_DATA(...) __VA_ARGS__
#define ENG_OF_DATA_SESSION(...)

#define ENG_RECORD_ALL(X)    \
	ENG_RECORD_FIELDS(X) \
	ENG_FIELDS_INLINE(X) \
	ENG_FIELDS_TAIL(X)

struct eng_meta_image {
#define X(name, kind, category, filtered, shrinks, immutable) \
	ENG_OF_META_##category(ENG_MEMBER_##kind name;)
	ENG_RECORD_ALL(X)
#undef X
};

struct eng_data_image {
#define X(name, kind, category, filtered, shrinks, immutable) \
	ENG_OF_DATA_##category(ENG_MEMBER_##kind name;)
	ENG_RECORD_ALL(X)
#undef X
};

/* The table as data, for tests and tools. `space` is META or DATA. */
struct eng_record_field {
	const char *name;
	uint8_t tag, kind; /* enum eng_kind */
	bool filtered;
	uint16_t offset; /* of its member */
};
const struct eng_record_field *eng_record_fields(enum pawl_store_space space, size_t *ret_n);

/*
 * eng_record_encode() - A frame (bytes.h) with all of an image: struct eng_meta_image for META, struct
 * eng_data_image for DATA.
 *
 * Returns: how long it is. More than room: nothing useful was written, call again with that much.
 */
size_t eng_record_encode(enum pawl_store_space space, uint32_t id, const void *image, void *to,
			 size_t room);

/*
 * eng_record_decode() - The image that was encoded for this task, in memory of its own.
 *
 * Errors: -EUCLEAN: damaged; -ESTALE: of another version; -ENOMEM.
 */
PAWL_MUST_CHECK int eng_record_decode(enum pawl_store_space space, uint32_t id,
				      struct pawl_slice bytes, void **ret_image);
void eng_record_free(void *image);

/*
 * eng_record_verify() - Does this image come back from its bytes as it is, but for what is left out? For debug
 * builds and tests; takes memory.
 *
 * Errors: -EUCLEAN: no; -ENOMEM.
 */
PAWL_MUST_CHECK int eng_record_verify(enum pawl_store_space space, uint32_t id,
				      const void *image);

#endif
