/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.h - what the stores of this folder share.
 */
#ifndef ENG_STORE_H
#define ENG_STORE_H

#include <pawl/store.h>

/* eng_why() - Fill in why (NULL: nothing). Returns: error. */
PAWL_PRINTF(4, 5)
int eng_why(struct pawl_store_why *why, int error, int64_t pid, const char *format, ...);

/* What options ask for, defaults filled in. Errors: -EINVAL, -E2BIG. */
int eng_store_options(const struct pawl_store_options *options, struct pawl_store_why *why,
		      struct pawl_store_options *ret_options);

/* eng_store_key_valid() - Is it a key of that space? */
static inline bool eng_store_key_valid(enum pawl_store_space space, struct pawl_store_key key)
{
	if ((unsigned)space >= PAWL_STORE_SPACE_COUNT)
		return false;
	return space == PAWL_STORE_TYPES || (!key.high && key.low <= UINT32_MAX);
}

static inline int eng_store_key_order(struct pawl_store_key a, struct pawl_store_key b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	if (a.low != b.low)
		return a.low < b.low ? -1 : 1;
	return 0;
}

/* For pawl_store_open_lmdb(), and tests: ENG_LMDB_NOSYNC loses and damages what it holds at a power cut. */
#define ENG_LMDB_NOSYNC 1u
int eng_store_lmdb(const char *path, const struct pawl_store_options *options, unsigned flags,
		   struct pawl_store_why *why, struct pawl_store **ret_store);

#endif
