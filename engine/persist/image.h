/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.h - a record as bytes: what is saved of a task, and a record made of it again.
 *
 * Of each category one value, META and DATA. It is made in two steps: under the record's lock what stands in the
 * record, with the values of its cells pinned; then, without any lock, these values, since
 * their types' functions are the program's.
 *
 * The same fields give the same bytes, in whatever order their sets are. A value that cannot be saved, or holds a
 * reference to a transient task, is left out; so are edges to transient tasks.
 */
#ifndef ENG_IMAGE_H
#define ENG_IMAGE_H

#include <pawl/hash.h>

#include "../graph/backing.h"
#include "../graph/graph.h"

/* Bytes that grow. -ENOMEM stays in `error`, and nothing is put any more. */
struct eng_out {
	char *bytes;
	size_t n, capacity;
	int error;
};

struct eng_image_value {
	uint32_t cell;
	struct pawl_value *value; /* pinned */
};

/* All zero is none. */
struct eng_image {
	struct eng_image *next; /* in lists of the snapshot's */
	eng_id id;
	uint32_t categories; /* ENG_META, ENG_DATA: that are here */
	bool is_new;
	struct pawl_digest digest; /* of function and arguments: `is_new` */
	struct eng_out meta, data;
	struct eng_image_value *values;
	uint32_t values_n;
};

/* eng_image_take() - Of these categories, locked. Errors: -ENOMEM: to be finished as well. */
PAWL_MUST_CHECK int eng_image_take(const struct eng_graph *graph, struct eng_node *node,
				   uint32_t categories, struct eng_image *image);
/* eng_image_complete() - The values, and checksums. No lock held. Errors: -ENOMEM. */
PAWL_MUST_CHECK int eng_image_complete(const struct eng_graph *graph, struct eng_image *image);
void eng_image_fini(struct eng_image *image);

/*
 * eng_image_read() - The record with that id, in no table yet. Ids in it are below `limit`.
 *
 * Errors: -EUCLEAN: these are not the bytes of such a record, or its function is not there; -ENOMEM.
 */
PAWL_MUST_CHECK int eng_image_read(const struct eng_graph *graph, eng_id id, uint32_t limit,
				   struct pawl_slice meta, struct pawl_slice data,
				   struct eng_node **ret_node);

/* ---- bytes -------------------------------------------------------------------------- */

void eng_put_bytes_(struct eng_out *out, const void *bytes, size_t n);
void eng_put_number(struct eng_out *out, uint64_t number);
/* eng_put_sum() - A checksum over all before, and over what it is: `of`. */
void eng_put_sum(struct eng_out *out, uint64_t of);
void eng_out_fini(struct eng_out *out);

/* What is read; `bad` stays: it was not what it should be. */
struct eng_in {
	const char *at, *end;
	bool bad;
};
/* eng_in_make() - Without the checksum, which was looked at. Returns: false: it is wrong. */
PAWL_MUST_CHECK bool eng_in_make(struct eng_in *in, struct pawl_slice bytes, uint64_t of);
uint64_t eng_get_number(struct eng_in *in);
/* eng_get_bytes() - NULL: there are not so many. */
const char *eng_get_bytes(struct eng_in *in, uint64_t n);

#endif
