/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.c - growth by doubling: each byte is moved once on average.
 */
#include "config.h"

#include "manifest/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include <pawl/mem.h>

void text_fini(struct text *text)
{
	pawl_mem_free(text->ptr, text->room, 0);
	*text = (struct text)TEXT_INIT;
}

int text_reserve(struct text *text, size_t more)
{
	size_t room = text->room ? text->room : 64;
	char *ptr;

	if (more > PTRDIFF_MAX / 2 - text->len)
		return -ENOMEM;
	if (text->len + more < text->room)
		return 0;
	while (room <= text->len + more)
		room *= 2;
	ptr = pawl_mem_alloc(room, 0);
	if (!ptr)
		return -ENOMEM;
	if (text->len)
		memcpy(ptr, text->ptr, text->len);
	ptr[text->len] = '\0';
	pawl_mem_free(text->ptr, text->room, 0);
	text->ptr = ptr;
	text->room = room;
	return 0;
}

int text_add(struct text *text, const void *bytes, size_t len)
{
	int error = text_reserve(text, len);

	if (error)
		return error;
	if (len)
		memcpy(text->ptr + text->len, bytes, len);
	text_cut(text, text->len + len);
	return 0;
}

int text_vprintf(struct text *text, const char *format, va_list list)
{
	va_list again;
	int error, n;

	va_copy(again, list);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0)
		return -ENOMEM;
	error = text_reserve(text, (size_t)n);
	if (error)
		return error;
	vsnprintf(text->ptr + text->len, (size_t)n + 1, format, list);
	text->len += (size_t)n;
	return 0;
}

int text_printf(struct text *text, const char *format, ...)
{
	va_list list;
	int error;

	va_start(list, format);
	error = text_vprintf(text, format, list);
	va_end(list);
	return error;
}
