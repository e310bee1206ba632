/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * canonical.c - one spelling for a path, by its text alone.
 *
 * What ninja does on Linux, symbolic links or not: "a/../b" is "b". Parts are copied down over the path,
 * which never grows: each is written at or before the place where it was read.
 */
#include "config.h"

#include "manifest/manifest.h"

#include <string.h>

size_t mf_canonical(char *path, size_t len)
{
	const char *at = path, *end = path + len, *part;
	char *base = path, *to;
	size_t depth = 0; /* parts that a ".." can take away */

	if (len == 0)
		return 0;
	if (*at == '/') {
		at++;
		base++;
	}
	to = base;
	while (at < end) {
		size_t n;

		part = at;
		at = memchr(part, '/', (size_t)(end - part));
		n = (size_t)((at ? at : end) - part);
		at = at ? at + 1 : end;
		if (n == 0 || (n == 1 && part[0] == '.'))
			continue;
		if (n == 2 && part[0] == '.' && part[1] == '.' && depth) {
			depth--;
			while (to > base && to[-1] != '/')
				to--;
			if (to > base)
				to--;
			continue;
		}
		if (n != 2 || part[0] != '.' || part[1] != '.')
			depth++;
		if (to > base)
			*to++ = '/';
		memmove(to, part, n);
		to += n;
	}
	if (to == path)
		*to++ = '.';
	return (size_t)(to - path);
}
