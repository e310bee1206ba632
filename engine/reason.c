/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reason.c - why something changed: kept apart by subject, told by kind.
 *
 * Of a kind that is merged the number of different subjects is kept, the first one in words, the others as hashes:
 * a program that has many files changed pays 8 bytes or so for each. A set that nobody takes grows with the
 * different subjects there are, up to a bound; beyond it each reason counts, whether it was there or not.
 */
#include "config.h"

#include "reason.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pawl/hash.h>
#include <pawl/mem.h>

#define GROUPS_MOST 32u	  /* what is not merged is told by so many */
#define SEEN_MOST   4096u /* subjects of a kind */

int eng_reason_check(const struct pawl_reason *reason)
{
	const struct pawl_reason_kind *kind = reason ? reason->kind : NULL;

	if (!kind || kind->size < sizeof(*kind))
		return -EINVAL;
	if (kind->size > sizeof(*kind))
		return -E2BIG;
	if (!kind->one || !*kind->one || (kind->many && !*kind->many))
		return -EINVAL;
	return 0;
}

static void subject_of(const struct pawl_reason *reason, char into[ENG_REASON_SUBJECT])
{
	(void)snprintf(into, ENG_REASON_SUBJECT, "%s", reason->subject ? reason->subject : "");
}

/* Where it belongs. NULL: there is none yet. */
static struct eng_reason_group *find(struct eng_reasons *reasons,
				     const struct pawl_reason_kind *kind, const char *subject)
{
	for (size_t i = 0; i < reasons->n; i++) {
		struct eng_reason_group *group = &reasons->groups[i];

		if (group->kind == kind && (kind->many || !strcmp(group->first, subject)))
			return group;
	}
	return NULL;
}

/* NULL: no memory, or there are enough. */
static struct eng_reason_group *make(struct eng_reasons *reasons,
				     const struct pawl_reason_kind *kind, const char *subject)
{
	struct eng_reason_group *group;

	if (reasons->n == GROUPS_MOST)
		return NULL;
	if (reasons->n == reasons->capacity) {
		size_t capacity = reasons->capacity ? reasons->capacity * 2 : 4;
		struct eng_reason_group *more = pawl_mem_alloc(capacity * sizeof(*more), 0);

		if (!more)
			return NULL;
		for (size_t i = 0; i < reasons->n; i++)
			more[i] = reasons->groups[i];
		pawl_mem_free(reasons->groups, reasons->capacity * sizeof(*more), 0);
		reasons->groups = more;
		reasons->capacity = capacity;
	}
	group = &reasons->groups[reasons->n++];
	memset(group, 0, sizeof(*group));
	group->kind = kind;
	memcpy(group->first, subject, strlen(subject) + 1);
	return group;
}

void eng_reasons_add(struct eng_reasons *reasons, const struct pawl_reason *reason)
{
	char subject[ENG_REASON_SUBJECT];
	struct eng_reason_group *group;
	uint64_t hash;
	bool added = true;

	subject_of(reason, subject);
	group = find(reasons, reason->kind, subject);
	if (group && !reason->kind->many)
		return;
	hash = pawl_hash_bytes(subject, strlen(subject), 0);
	if (!group)
		group = make(reasons, reason->kind, subject);
	/* Without memory for its hash it counts. */
	if (group && pawl_sset64_count(&group->seen) < SEEN_MOST &&
	    pawl_sset64_add(&group->seen, hash, &added))
		added = true;
	if (!added)
		return;
	reasons->all++;
	if (group)
		group->n++;
	else
		reasons->others++;
}

/* Text that is cut at the end of a buffer, and whose whole length is known. */
struct text {
	char *buf;
	size_t len, length;
};

static void say(struct text *text, const char *words)
{
	size_t room = text->length < text->len ? text->len - text->length : 0;

	text->length +=
		(size_t)snprintf(room ? text->buf + text->length : NULL, room, "%s", words);
}

static void say_number(struct text *text, uint64_t n)
{
	char number[24];

	(void)snprintf(number, sizeof(number), "%" PRIu64 " ", n);
	say(text, number);
}

static void say_group(struct text *text, const struct eng_reason_group *group)
{
	if (group->n > 1) {
		say_number(text, group->n);
		say(text, group->kind->many);
		return;
	}
	say(text, group->kind->one);
	if (*group->first)
		say(text, ": ");
	say(text, group->first);
}

size_t eng_reasons_say(const struct eng_reasons *reasons, char *buf, size_t len)
{
	struct text text = {buf, len, 0};
	size_t n = reasons->n + (reasons->others != 0);

	if (len)
		*buf = 0;
	for (size_t i = 0; i < n; i++) {
		if (i)
			say(&text, n == 2 ? " and " : i + 1 < n ? ", " : ", and ");
		if (i < reasons->n) {
			say_group(&text, &reasons->groups[i]);
		} else {
			say_number(&text, reasons->others);
			say(&text, reasons->n ? "more" : "reasons");
		}
	}
	return text.length;
}

void eng_reasons_fini(struct eng_reasons *reasons)
{
	for (size_t i = 0; i < reasons->n; i++)
		pawl_sset64_fini(&reasons->groups[i].seen);
	pawl_mem_free(reasons->groups, reasons->capacity * sizeof(*reasons->groups), 0);
	memset(reasons, 0, sizeof(*reasons));
}

/* ---- the last ones --------------------------------------------------------------------------- */

static void text_free(char *text)
{
	if (text)
		pawl_mem_free(text, strlen(text) + 1, 0);
}

uint64_t eng_reason_log_add(struct eng_reason_log *log, const struct pawl_reason *reason)
{
	char **place = &log->texts[log->n % ENG_REASON_LOG], subject[ENG_REASON_SUBJECT];
	size_t bytes;

	subject_of(reason, subject);
	bytes = strlen(reason->kind->one) + (*subject ? 2 : 0) + strlen(subject) + 1;
	text_free(*place);
	*place = pawl_mem_alloc(bytes, 0);
	if (*place)
		(void)snprintf(*place, bytes, "%s%s%s", reason->kind->one, *subject ? ": " : "",
			       subject);
	return ++log->n;
}

const char *eng_reason_log_get(const struct eng_reason_log *log, uint64_t number)
{
	if (!number || number > log->n || log->n - number >= ENG_REASON_LOG)
		return NULL;
	return log->texts[(number - 1) % ENG_REASON_LOG];
}

void eng_reason_log_fini(struct eng_reason_log *log)
{
	for (size_t i = 0; i < ENG_REASON_LOG; i++)
		text_free(log->texts[i]);
	memset(log, 0, sizeof(*log));
}
