/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notice.h - notices of one engine, its subscribers and sinks (pawl/observe.h).
 */
#ifndef ENG_NOTICE_H
#define ENG_NOTICE_H

#include <stdarg.h>

#include <pawl/observe.h>

struct eng_notices;

/* eng_notices_create() - Sinks are those of the options. Errors: -ENOMEM. */
PAWL_MUST_CHECK int eng_notices_create(const struct pawl_runtime *rt,
				       const struct pawl_engine_options *options,
				       struct eng_notices **ret_notices);
/* eng_notices_close() - The engine goes: who subscribes takes what there is. NULL is nothing. */
void eng_notices_close(struct eng_notices *notices);

/* eng_notices_wanted() - Would anybody be told of that? Old when it arrives. */
bool eng_notices_wanted(struct eng_notices *notices, enum pawl_severity severity,
			const char *name);

/*
 * eng_notices_post() - Requires: no lock held, outside of operations. Errors: -ENOMEM.
 */
int eng_notices_post(struct eng_notices *notices, enum pawl_severity severity, const char *name,
		     const char *json, const char *format, va_list args) PAWL_PRINTF(5, 0);
/* The engine's own. Without memory nobody is told. */
void eng_notice(struct eng_notices *notices, enum pawl_severity severity, const char *name,
		const char *json, const char *format, ...) PAWL_PRINTF(5, 6);

#endif
