/* SPDX-License-Identifier: BSD-2-Clause */
/* report-internal.h - how the library's own files report. */
#ifndef PAWL_REPORT_INTERNAL_H
#define PAWL_REPORT_INTERNAL_H

#include <pawl/report.h>

/*
 * pawl__report() - Count a rare event and tell the hook.
 *
 * Requires: no lock held, outside sections: the hook may do what it likes.
 */
void pawl__report(enum pawl_report_kind kind, const char *text, uint64_t value,
		  const void *subject);

#endif
