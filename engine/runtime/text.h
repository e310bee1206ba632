/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h - text that goes to a function of the program, in pieces.
 */
#ifndef ENG_TEXT_H
#define ENG_TEXT_H

#include <pawl/base.h>
#include <pawl/trace.h>

struct eng_text {
	pawl_text_fn *fn;
	void *arg;
	int error; /* of fn: nothing more comes */
	size_t length;
	char buf[1024];
};

void eng_text_init(struct eng_text *text, pawl_text_fn *fn, void *arg);

/* eng_text_flush() - What is there goes to fn. Returns: what fn returned, now or before. */
int eng_text_flush(struct eng_text *text);

/* eng_text_add() - Formatted; a piece of more than 512 bytes is cut. */
void eng_text_add(struct eng_text *text, const char *format, ...) PAWL_PRINTF(2, 3);

/* eng_text_add_json() - A string in quotes, whatever its bytes are. */
void eng_text_add_json(struct eng_text *text, const char *string);

/* eng_text_add_plain() - A string for people: one line, whatever its bytes are. */
void eng_text_add_plain(struct eng_text *text, const char *string);

#endif
