/* SPDX-License-Identifier: BSD-2-Clause */
#include "text.h"

#include <string.h>

struct text text_of(const char *string)
{
	return (struct text){string, strlen(string)};
}

bool text_is(struct text text, const char *string)
{
	return text_same(text, text_of(string));
}

bool text_same(struct text a, struct text b)
{
	return a.length == b.length && memcmp(a.at, b.at, a.length) == 0;
}

/* FNV-1a, 32 bits. */
uint32_t text_hash(struct text text)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < text.length; i++)
		hash = (hash ^ (unsigned char)text.at[i]) * 16777619u;
	return hash;
}
