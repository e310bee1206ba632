/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * batch.h - what a batch holds until it is committed: buffers, one for each thread that puts.
 */
#ifndef ENG_BATCH_H
#define ENG_BATCH_H

#include "store.h"

struct eng_batch;

/* A put as it lies in a buffer; the bytes follow. */
struct eng_put {
	struct pawl_store_key key;
	uint32_t bytes;
	uint8_t space;
	bool removed;
};

/* A put in the order of keys. The key again, so that sorting looks at no buffer. */
struct eng_change {
	struct pawl_store_key key;
	const struct eng_put *put;
};

static inline const void *eng_put_bytes(const struct eng_put *put)
{
	return put + 1;
}

/* Errors: -ENOMEM. */
PAWL_MUST_CHECK int eng_batch_create(struct eng_batch **ret_batch);
void eng_batch_free(struct eng_batch *batch);

/* As pawl_store_put(); value.ptr NULL: the key goes. Any attached thread. Errors: -ENOMEM. */
PAWL_MUST_CHECK int eng_batch_put(struct eng_batch *batch, enum pawl_store_space space,
				  struct pawl_store_key key, struct pawl_slice value);

/*
 * eng_batch_sort() - The changes of a space, each key once, ascending. No thread puts any more. The list is the
 * batch's, until the next call; not written if there are none.
 *
 * Errors: -ENOMEM.
 */
PAWL_MUST_CHECK int eng_batch_sort(struct eng_batch *batch, enum pawl_store_space space,
				   const struct eng_change **ret_changes, size_t *ret_n);

#endif
