/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.h - what is saved of a record of the graph, and a record made of it again. The bytes are record.h's.
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

#include "record.h"

#include "../graph/backing.h"
#include "../graph/graph.h"

/* What of eng_node.bits is saved, and how many errors of a chain. */
#define ENG_IMAGE_BITS	     ENG_EVICT_SAVED
#define ENG_IMAGE_CHAIN_MOST 64u

/* Are edges looked at before they are saved (eng_image_check())? */
#ifdef PAWL_DEBUG
#define ENG_CHECKS_EDGES 1
#else
#define ENG_CHECKS_EDGES 0
#endif

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

struct eng_image_block;

/* All zero is none. */
struct eng_image {
	struct eng_image *next; /* in lists of the snapshot's */
	/* What stood in the record, and memory for it. */
	struct eng_meta_image meta_image;
	struct eng_data_image data_image;
	struct eng_image_block *blocks;
	eng_id id;
	uint32_t categories; /* ENG_META, ENG_DATA: that are here */
	bool is_new;
	struct pawl_digest digest; /* of function and arguments: `is_new` */
	struct eng_out cells;	   /* so far */
	struct eng_out meta, data;
	struct eng_image_value *values;
	uint32_t values_n;
};

/* eng_image_take() - Of these categories, locked. Errors: -ENOMEM: to be finished as well. */
PAWL_MUST_CHECK int eng_image_take(const struct eng_graph *graph, struct eng_node *node,
				   uint32_t categories, struct eng_image *image);
/* eng_image_complete() - The values, and checksums. No lock held. Errors: -ENOMEM. */
PAWL_MUST_CHECK int eng_image_complete(struct eng_image *image);
/* eng_image_each_edge() - Each task that a field of an image leads to, cells' values, keys and errors apart. */
typedef void eng_image_edge_fn(void *arg, const char *field, eng_id to);
void eng_image_each_edge(enum pawl_store_space space, const void *image, eng_image_edge_fn *fn,
			 void *arg);
/*
 * eng_image_check() - Does each of its edges lead to a task that is saved with it, or was before? For debug builds and
 * tests. `limit`: the first number that no task had when it was taken. No lock held.
 *
 * Errors: -EUCLEAN: no; which, is written to buf.
 */
PAWL_MUST_CHECK int eng_image_check(struct eng_graph *graph, const struct eng_image *image,
				    uint32_t limit, char *buf, size_t len);
/* eng_image_clear() - It is empty, and keeps memory for the next one. Of one that had no error. */
void eng_image_clear(struct eng_image *image);
void eng_image_fini(struct eng_image *image);

/*
 * eng_image_read() - The record with that id, in no table yet. Ids in it are below `limit`.
 *
 * Errors: -EUCLEAN: these are not the bytes of such a record, or its function is not there; -ESTALE: they are of a
 *         record of another form; -ENOMEM.
 */
PAWL_MUST_CHECK int eng_image_read(struct eng_graph *graph, eng_id id, uint32_t limit,
				   struct pawl_slice meta, struct pawl_slice data,
				   struct eng_node **ret_node);

/* ---- bytes -------------------------------------------------------------------------- */

/* A frame (bytes.h) that grows, and what its version is. */
#define ENG_OUT_VERSION 1u
void eng_out_begin(struct eng_out *out);
void eng_out_number(struct eng_out *out, uint64_t number);
void eng_out_bytes(struct eng_out *out, const void *bytes, size_t n);
void eng_out_range(struct eng_out *out, const void *bytes, size_t n);
void eng_out_end(struct eng_out *out, enum pawl_store_space space, uint32_t key);
void eng_out_fini(struct eng_out *out);

#endif
