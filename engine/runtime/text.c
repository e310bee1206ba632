/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.c - text that goes to a function of the program, in pieces.
 *
 * Strings come from programs and may hold anything. UTF-8 is what RFC 3629 says: no overlong forms, no
 * surrogates, nothing above U+10FFFF; each byte that is not part of it becomes U+FFFD.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define PIECE_BYTES 512

void eng_text_init(struct eng_text *text, pawl_text_fn *fn, void *arg)
{
	text->fn = fn;
	text->arg = arg;
	text->error = 0;
	text->length = 0;
}

int eng_text_flush(struct eng_text *text)
{
	if (!text->error && text->length)
		text->error = text->fn(text->arg, text->buf, text->length);
	text->length = 0;
	return text->error;
}

static void room(struct eng_text *text, size_t bytes)
{
	if (sizeof(text->buf) - text->length < bytes)
		(void)eng_text_flush(text);
}

void eng_text_add(struct eng_text *text, const char *format, ...)
{
	va_list args;
	int length;

	room(text, PIECE_BYTES);
	va_start(args, format);
	length = vsnprintf(text->buf + text->length, PIECE_BYTES, format, args);
	va_end(args);
	if (length > 0)
		text->length += (size_t)length < PIECE_BYTES ? (size_t)length : PIECE_BYTES - 1;
}

/* How many bytes of UTF-8 a character has that begins here; 0: it is none. */
static unsigned utf8_length(const unsigned char *s)
{
	unsigned more = s[0] < 0x80 ? 0 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : 3;

	if ((s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
		return 0;
	/* A string's end is no continuation. */
	for (unsigned i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return more + 1;
}

/* One character; returns its bytes. `escape`: as JSON does. */
static unsigned add_character(struct eng_text *text, const unsigned char *s, bool escape)
{
	unsigned length = utf8_length(s);

	room(text, 8);
	if (!length) {
		memcpy(text->buf + text->length, "\xef\xbf\xbd", 3);
		text->length += 3;
		return 1;
	}
	if (*s < 0x20 || *s == 0x7f)
		eng_text_add(text, escape ? "\\u%04x" : "\\x%02x", *s);
	else if (escape && (*s == '"' || *s == '\\'))
		eng_text_add(text, "\\%c", *s);
	else {
		memcpy(text->buf + text->length, s, length);
		text->length += length;
	}
	return length;
}

void eng_text_add_json(struct eng_text *text, const char *string)
{
	const unsigned char *s = (const unsigned char *)string;

	eng_text_add(text, "\"");
	while (*s)
		s += add_character(text, s, true);
	eng_text_add(text, "\"");
}

void eng_text_add_plain(struct eng_text *text, const char *string)
{
	const unsigned char *s = (const unsigned char *)string;

	while (*s)
		s += add_character(text, s, false);
}
