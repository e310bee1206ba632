/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * error.c - chains of errors. Each owns its cause, so what is read of one stays, whatever becomes of
 * the task that it came from.
 */
#include "config.h"

#include "error.h"

#include <stdio.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/engine.h>
#include <pawl/mem.h>

#include "node.h"

#define CHAIN_MOST 64

struct pawl_error *eng_error_make(eng_id task, const char *function, struct pawl_error *cause,
				  const char *format, va_list args)
{
	struct pawl_error *error;
	va_list again;
	int length = 0;

	va_copy(again, args);
	if (format)
		length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		length = 0;
	error = eng_must_zalloc(sizeof(*error) + (size_t)length + 1);
	pawl_init_word(&error->owners, 1u);
	error->task = task;
	error->function = function;
	error->cause = cause;
	error->bytes = sizeof(*error) + (size_t)length + 1;
	if (length)
		(void)vsnprintf(error->message, (size_t)length + 1, format, args);
	return error;
}

struct pawl_error *eng_error_printf(eng_id task, const char *function, struct pawl_error *cause,
				    const char *format, ...)
{
	struct pawl_error *error;
	va_list args;

	va_start(args, format);
	error = eng_error_make(task, function, cause, format, args);
	va_end(args);
	return error;
}

struct pawl_error *eng_error_pin(struct pawl_error *error)
{
	pawl_add_relaxed(&error->owners, 1u);
	return error;
}

void eng_error_unpin(struct pawl_error *error)
{
	/* Ends: one link of the chain a turn. */
	while (error && pawl_sub_acq_rel(&error->owners, 1u) == 1) {
		struct pawl_error *cause = error->cause;

		pawl_mem_free(error, error->bytes, 0);
		error = cause;
	}
}

bool eng_error_equal(const struct pawl_error *a, const struct pawl_error *b)
{
	for (; a != b; a = a->cause, b = b->cause) {
		/* Of several rings one task may find now this one, now that one: nobody is to hear of it. */
		if (a && b && a->ring && b->ring)
			return true;
		if (!a || !b || a->task != b->task || strcmp(a->message, b->message))
			return false;
	}
	return true;
}

const char *pawl_error_message(const struct pawl_error *error)
{
	return error->message;
}

const struct pawl_error *pawl_error_cause(const struct pawl_error *error)
{
	return error->cause;
}

const char *pawl_error_function(const struct pawl_error *error)
{
	return error->function;
}

uint64_t pawl_error_since(const struct pawl_error *error)
{
	return error->since_ns;
}

size_t pawl_error_describe(const struct pawl_error *error, char *buf, size_t len)
{
	size_t length = 0;
	eng_id task = 0;

	if (len)
		*buf = 0;
	for (unsigned i = 0; error && i < CHAIN_MOST; i++, error = error->cause) {
		const char *between = length ? ": " : "";
		size_t room = length < len ? len - length : 0;
		/* Once, for all that one task had to say. */
		const char *function =
			error->function && error->task != task ? error->function : NULL;

		length += (size_t)snprintf(room ? buf + length : NULL, room, "%s%s%s%s",
					   between, function ? function : "",
					   function && *error->message ? ": " : "",
					   error->message);
		task = error->task;
	}
	return length;
}
