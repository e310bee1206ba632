/* SPDX-License-Identifier: BSD-2-Clause */
/* ids.h - what the tests of ids share: a factory, an id from it and back, its audit, its end. */
#ifndef T_IDS_H
#define T_IDS_H

#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>

static inline struct pawl_ids_options options_of(enum pawl_ids_policy policy)
{
	struct pawl_ids_options options = PAWL_IDS_OPTIONS_INIT;

	options.policy = policy;
	return options;
}

static inline struct pawl_ids *make(const struct pawl_ids_options *options)
{
	struct pawl_ids *ids = NULL;

	assert_int_equal(pawl_ids_create(options, &ids), 0);
	assert_non_null(ids);
	return ids;
}

static inline pawl_id_t get(struct pawl_ids *ids)
{
	pawl_id_t id = 0;

	t_check(pawl_ids_alloc(ids, &id) == 0);
	t_step();
	return id;
}

static inline void put(struct pawl_ids *ids, pawl_id_t id)
{
	t_check(pawl_ids_free(ids, id) == 0);
	t_step();
}

static inline struct pawl_ids_counts audit(struct pawl_ids *ids)
{
	struct pawl_ids_counts all;

	memset(&all, 0xa5, sizeof(all));
	t_check(pawl_ids_audit(ids, &all) == 0);
	t_check(all.reserved[0] == 0 && all.reserved[1] == 0);
	return all;
}

static inline void assert_full(struct pawl_ids *ids)
{
	pawl_id_t id = 4711;

	t_assert_errno(pawl_ids_alloc(ids, &id), ENOSPC);
	assert_int_equal(id, 4711);
}

#endif
