/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * introspect.h - what a task does, for listings and reports.
 */
#ifndef ENG_INTROSPECT_H
#define ENG_INTROSPECT_H

#include <pawl/group.h>

#include "task.h"

/*
 * eng_task_info() - Of a record that a walker met.
 *
 * Returns: false: it is over, or does not live in that group or below.
 */
PAWL_MUST_CHECK bool eng_task_info(struct pawl_runtime *rt, const struct pawl_group *group,
				   struct eng_task *task, uint64_t word, uint64_t id,
				   struct pawl_task_info *ret_info);

#endif
