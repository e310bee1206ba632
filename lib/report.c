/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.c - the hook for rare events.
 *
 * The hook is one published pointer; a report that read the old one may still be
 * in it after a new one is set, which is why hooks live for ever. Counting comes
 * first, so that a program without a hook can still be asked what happened.
 */
#include "config.h"

#include <pawl/atomic.h>
#include <pawl/report.h>

#include "report-internal.h"

/* Written by set_hook (release), read by reports (acquire): the hook's fields are filled in. */
static struct pawl_atomic_ptr hook_word;

/* Written by reporters, read by pawl_report_count(). Relaxed: a count orders nothing. */
static struct pawl_atomic_u64 counts[PAWL_REPORT_COUNT];

void pawl_report_set_hook(const struct pawl_report_hook *hook)
{
	pawl_store_release(&hook_word, (void *)(uintptr_t)hook);
}

uint64_t pawl_report_count(enum pawl_report_kind kind)
{
	return (unsigned)kind < PAWL_REPORT_COUNT ? pawl_load_relaxed(&counts[kind]) : 0;
}

const char *pawl_report_kind_name(enum pawl_report_kind kind)
{
	static const char *const names[PAWL_REPORT_COUNT] = {
		[PAWL_REPORT_WAIT_LONG] = "wait-long",
		[PAWL_REPORT_NO_MEMBARRIER] = "no-membarrier",
		[PAWL_REPORT_THREAD_LEFT] = "thread-left",
		[PAWL_REPORT_RETIRE_PRESSURE] = "retire-pressure",
		[PAWL_REPORT_IDS_BAD_FREE] = "ids-bad-free",
	};

	return (unsigned)kind < PAWL_REPORT_COUNT ? names[kind] : "unknown";
}

void pawl__report(enum pawl_report_kind kind, const char *text, uint64_t value,
		  const void *subject)
{
	const struct pawl_report_hook *hook = pawl_load_acquire(&hook_word);
	const struct pawl_report report = {kind, text, value, subject};

	pawl_add_relaxed(&counts[kind], 1u);
	if (hook)
		hook->call(hook, &report);
}
