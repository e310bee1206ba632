/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * error.c - where in which file something is wrong, with the line and a caret.
 *
 * The place is found by counting lines from the file's beginning: errors are rare.
 */
#include "config.h"

#include "manifest/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EXCERPT_BYTES 72u

PAWL_PRINTF(4, 0)
static void say(struct mf_error *out, int error, const char *file, const char *format,
		va_list list)
{
	*out = (struct mf_error){.error = error, .caret = MF_NONE};
	snprintf(out->file, sizeof(out->file), "%s", file);
	vsnprintf(out->message, sizeof(out->message), format, list);
}

static void point(struct mf_error *out, const struct lexer *lexer)
{
	const char *line = lexer->begin, *token = lexer->token ? lexer->token : line, *at;
	size_t len, i;

	out->line = 1;
	while ((at = memchr(line, '\n', (size_t)(token - line)))) {
		out->line++;
		line = at + 1;
	}
	out->column = (uint32_t)(token - line) + 1;
	for (len = 0; line + len < lexer->end && line[len] != '\n' && len <= EXCERPT_BYTES;)
		len++;
	if (len && line[len - 1] == '\r')
		len--;
	if (len <= EXCERPT_BYTES) {
		memcpy(out->excerpt, line, len);
	} else {
		memcpy(out->excerpt, line, EXCERPT_BYTES);
		memcpy(out->excerpt + EXCERPT_BYTES, "...", 3);
		len = EXCERPT_BYTES + 3;
	}
	/* Nothing that a terminal would obey. */
	for (i = 0; i < len; i++)
		if ((unsigned char)out->excerpt[i] < ' ' || out->excerpt[i] == 127)
			out->excerpt[i] = out->excerpt[i] == '\t' ? ' ' : '?';
	if (out->column - 1 < EXCERPT_BYTES)
		out->caret = out->column - 1;
}

int error_at(struct mf_error *out, const char *file, const struct lexer *lexer, int error,
	     const char *format, ...)
{
	va_list list;

	va_start(list, format);
	say(out, error, file, format, list);
	va_end(list);
	point(out, lexer);
	return error;
}

int error_of(struct mf_error *out, const char *file, int error, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	say(out, error, file, format, list);
	va_end(list);
	return error;
}

size_t mf_error_print(const struct mf_error *error, char *out, size_t size)
{
	char place[sizeof(error->file) + 32] = "", caret[128] = "";
	int n;

	if (error->line)
		snprintf(place, sizeof(place), "%s:%u:%u: ", error->file, error->line,
			 error->column);
	else if (*error->file)
		snprintf(place, sizeof(place), "%s: ", error->file);
	if (error->line && error->caret != MF_NONE)
		snprintf(caret, sizeof(caret), "\n%s\n%*s^ near here", error->excerpt,
			 (int)error->caret, "");
	else if (error->line)
		snprintf(caret, sizeof(caret), "\n%s", error->excerpt);
	n = snprintf(out, size, "%s%s%s", place, error->message, caret);
	return n < 0 ? 0 : (size_t)n;
}
