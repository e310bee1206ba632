/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words.h - a text for a parser from the bytes of an input: as they stand, or each the number of a word, so that
 * inputs drawn at random mean something.
 */
#ifndef FUZZ_WORDS_H
#define FUZZ_WORDS_H

#include <string.h>

#include "fuzz.h"

#define WORDS_ROOM 65536u

/* Takes all the bytes. Returns: how many of `text` (WORDS_ROOM) were written. */
static inline size_t fuzz_text(struct fuzz_bytes *bytes, const char *const *words,
			       unsigned n_words, char *text)
{
	bool raw = fuzz_u8(bytes) & 1;
	size_t n = 0, len;

	while (fuzz_more(bytes) && n < WORDS_ROOM - 64) {
		uint8_t byte = fuzz_u8(bytes);

		if (raw) {
			text[n++] = (char)byte;
			continue;
		}
		len = strlen(words[byte % n_words]);
		memcpy(text + n, words[byte % n_words], len);
		n += len;
	}
	bytes->left = 0;
	return n;
}

#endif
