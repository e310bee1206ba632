/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/report.h - rare events that somebody should know of.
 *
 * The library prints nothing. What is worth a line in a log (a wait that takes
 * suspiciously long, a slow fallback chosen at start) goes to one hook of the
 * program; without a hook it is only counted.
 */
#ifndef PAWL_REPORT_H
#define PAWL_REPORT_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

enum pawl_report_kind {
	/* A listener has waited longer than pawl_event_set_report_after(). value: ns waited. */
	PAWL_REPORT_WAIT_LONG,
	/* membarrier is refused here: every read section pays full fences. value: errno. */
	PAWL_REPORT_NO_MEMBARRIER,
	/*
	 * A thread ended without detaching; its things were given back. value: its slot. The hook
	 * runs on that thread, which is detached by then.
	 */
	PAWL_REPORT_THREAD_LEFT,
	/* Half the limit of retired bytes is pending: retirers wait. value: bytes pending. */
	PAWL_REPORT_RETIRE_PRESSURE,
	/*
	 * pawl_ids_free() of an id that is not in use. value: the id. subject: the factory. The hook
	 * runs where free was called: perhaps in a section, or with locks of the caller.
	 */
	PAWL_REPORT_IDS_BAD_FREE,
	PAWL_REPORT_COUNT
};

struct pawl_report {
	enum pawl_report_kind kind;
	/* What, in words, English, no newline; valid during the call. */
	const char *text;
	/* As said at the kind. */
	uint64_t value;
	/* The object: an event for WAIT_LONG, a factory for IDS_BAD_FREE, else NULL. Not to be followed. */
	const void *subject;
};

/*
 * A hook. `call` runs on the thread that noticed, with no lock of Pawl held and
 * outside read sections; several threads may be in it at once. It may log and
 * allocate; it may not wait for anything of Pawl.
 */
struct pawl_report_hook {
	void (*call)(const struct pawl_report_hook *hook, const struct pawl_report *report);
};

/*
 * pawl_report_set_hook() - Where reports go from now on; NULL: nowhere.
 *
 * Progress: wait-free.
 * Context:  any thread, attached or not.
 * Owns:     the caller keeps the hook, to the end of the process: a report that began
 *           before may still be in the old one.
 */
PAWL_API void pawl_report_set_hook(const struct pawl_report_hook *hook);

/*
 * pawl_report_count() - Reports of one kind so far, with or without a hook.
 *
 * Returns: 0 for a kind that does not exist.
 */
PAWL_API uint64_t pawl_report_count(enum pawl_report_kind kind);

/* pawl_report_kind_name() - "wait-long" and so on; "unknown" for a kind that does not exist. */
PAWL_API const char *pawl_report_kind_name(enum pawl_report_kind kind);

PAWL_END_DECLS

#endif
