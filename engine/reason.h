/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reason.h - sets of reasons, merged by kind (pawl/observe.h), and the words of the last ones by number.
 */
#ifndef ENG_REASON_H
#define ENG_REASON_H

#include <pawl/observe.h>
#include <pawl/sset.h>

#define ENG_REASON_SUBJECT 256 /* with its zero */

/* Of one kind that is merged; else one reason. */
struct eng_reason_group {
	const struct pawl_reason_kind *kind;
	uint64_t n;		 /* different ones */
	struct pawl_sset64 seen; /* hashes of their subjects */
	char first[ENG_REASON_SUBJECT];
};

/* All zero: empty. Who has it has a lock for it. */
struct eng_reasons {
	struct eng_reason_group *groups;
	size_t n, capacity;
	uint64_t others; /* without a place */
	uint64_t all;	 /* different ones */
};

/* eng_reason_check() - Errors: -EINVAL, -E2BIG. */
PAWL_MUST_CHECK int eng_reason_check(const struct pawl_reason *reason);

/* eng_reasons_add() - It stands there from now on, once. Without memory it is counted alone. */
void eng_reasons_add(struct eng_reasons *reasons, const struct pawl_reason *reason);
/* eng_reasons_say() - "a, b, and c", as snprintf(). */
size_t eng_reasons_say(const struct eng_reasons *reasons, char *buf, size_t len);
void eng_reasons_fini(struct eng_reasons *reasons);

/* The words of the last reasons, each with a number. All zero: none. As above. */
#define ENG_REASON_LOG 512u
struct eng_reason_log {
	uint64_t n;		     /* so many there were; numbers begin with 1 */
	char *texts[ENG_REASON_LOG]; /* NULL: there was no memory */
};

/* eng_reason_log_add() - Returns: its number. */
uint64_t eng_reason_log_add(struct eng_reason_log *log, const struct pawl_reason *reason);
/* eng_reason_log_get() - NULL: it is forgotten. Borrowed to the next addition. */
const char *eng_reason_log_get(const struct eng_reason_log *log, uint64_t number);
void eng_reason_log_fini(struct eng_reason_log *log);

#endif
