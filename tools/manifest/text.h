/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h - a byte string that grows. For output, values and lists of bytes in the tools.
 *
 *	struct text text = TEXT_INIT;
 *	error = text_add_str(&text, "a");
 *	...text.ptr, text.len...
 *	text_fini(&text);
 *
 * `ptr` is always followed by a '\0' once anything was added, not counted in `len`. All calls but
 * text_fini() return 0 or -ENOMEM, with the text as it was.
 */
#ifndef TOOLS_MANIFEST_TEXT_H
#define TOOLS_MANIFEST_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <pawl/base.h>

struct text {
	char *ptr;
	size_t len, room;
};
#define TEXT_INIT          \
	{                  \
		NULL, 0, 0 \
	}

/* Give the memory back; the text is empty and may be used again. */
void text_fini(struct text *text);

/* Room for `more` bytes and a '\0' behind what is there. */
PAWL_MUST_CHECK int text_reserve(struct text *text, size_t more);

PAWL_MUST_CHECK int text_add(struct text *text, const void *bytes, size_t len);
PAWL_MUST_CHECK int text_printf(struct text *text, const char *format, ...) PAWL_PRINTF(2, 3);
PAWL_MUST_CHECK int text_vprintf(struct text *text, const char *format, va_list list)
	PAWL_PRINTF(2, 0);

static inline int text_add_str(struct text *text, const char *string)
{
	return text_add(text, string, strlen(string));
}

static inline int text_add_slice(struct text *text, struct pawl_slice slice)
{
	return text_add(text, slice.ptr, slice.len);
}

/* Back to `len` bytes, at most what it has. Keeps the memory. */
static inline void text_cut(struct text *text, size_t len)
{
	if (text->ptr)
		text->ptr[len] = '\0';
	text->len = len;
}

#endif
