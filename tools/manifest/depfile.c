/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * depfile.c - Makefile fragments as compilers write them, read in one pass over the bytes.
 *
 * The escapes are those of ninja, which took them from what gcc and clang really write:
 *  - 2n+1 backslashes before a blank: n backslashes and the blank, within the name; 2n: 2n
 *    backslashes, and the name ends;
 *  - backslashes before '#': one less, and the '#'; before ':' likewise, unless a blank or the line's end
 *    follows the colon: then they are a Windows path's, and the colon ends the target;
 *  - "$$" is "$"; a backslash before a line's end continues the line; others are themselves.
 * A name that ends with ':' is the last target. Names are written over the bytes they were read
 * from: unescaping only shortens.
 *
 * I1: `to` <= `at` all the way.
 */
#include "config.h"

#include "manifest/depfile.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <pawl/hash.h>
#include <pawl/mem.h>

void depfile_fini(struct depfile *depfile)
{
	pawl_mem_free(depfile->outs, depfile->room_outs * sizeof(*depfile->outs), 0);
	pawl_mem_free(depfile->ins, depfile->room_ins * sizeof(*depfile->ins), 0);
	pawl_mem_free(depfile->index, depfile->n_index * sizeof(*depfile->index), 0);
	*depfile = (struct depfile)DEPFILE_INIT;
}

static int push(struct pawl_slice **list, uint32_t *n, uint32_t *room, struct pawl_slice name)
{
	if (*n == *room) {
		uint32_t more = *room ? *room * 2 : 16;
		struct pawl_slice *bigger;

		if (more > UINT32_MAX / 4)
			return -ENOMEM;
		bigger = pawl_mem_alloc(more * sizeof(**list), 0);
		if (!bigger)
			return -ENOMEM;
		if (*n)
			memcpy(bigger, *list, *n * sizeof(**list));
		pawl_mem_free(*list, *room * sizeof(**list), 0);
		*list = bigger;
		*room = more;
	}
	(*list)[(*n)++] = name;
	return 0;
}

/* ---- each input once ---------------------------------------------------------------------------- */

static uint32_t place_of(const struct depfile *depfile, struct pawl_slice name)
{
	uint32_t mask = depfile->n_index - 1;
	uint32_t i = (uint32_t)pawl_hash_bytes(name.ptr, name.len, 0) & mask;

	for (; depfile->index[i]; i = (i + 1) & mask) {
		const struct pawl_slice *in = &depfile->ins[depfile->index[i] - 1];

		if (in->len == name.len && !memcmp(in->ptr, name.ptr, name.len))
			break;
	}
	return i;
}

static int grow(struct depfile *depfile)
{
	uint32_t n = depfile->n_index ? depfile->n_index * 2 : 64, i;
	uint32_t *index;

	if (depfile->n_ins < depfile->n_index / 2)
		return 0;
	index = pawl_mem_zalloc(n * sizeof(*index), 0);
	if (!index)
		return -ENOMEM;
	pawl_mem_free(depfile->index, depfile->n_index * sizeof(*index), 0);
	depfile->index = index;
	depfile->n_index = n;
	for (i = 0; i < depfile->n_ins; i++)
		index[place_of(depfile, depfile->ins[i])] = i + 1;
	return 0;
}

static bool is_input(const struct depfile *depfile, struct pawl_slice name)
{
	return depfile->n_index && depfile->index[place_of(depfile, name)];
}

static int add_input(struct depfile *depfile, struct pawl_slice name)
{
	int error = grow(depfile);
	uint32_t place;

	if (error)
		return error;
	place = place_of(depfile, name);
	if (depfile->index[place])
		return 0;
	error = push(&depfile->ins, &depfile->n_ins, &depfile->room_ins, name);
	if (!error)
		depfile->index[place] = depfile->n_ins;
	return error;
}

/* There are one or two: a walk over them costs least. */
static int add_output(struct depfile *depfile, struct pawl_slice name)
{
	uint32_t i;

	for (i = 0; i < depfile->n_outs && i < 64; i++)
		if (depfile->outs[i].len == name.len &&
		    !memcmp(depfile->outs[i].ptr, name.ptr, name.len))
			return 0;
	return push(&depfile->outs, &depfile->n_outs, &depfile->room_outs, name);
}

/* ---- names --------------------------------------------------------------------------------------- */

struct scan {
	char *at, *end;
	bool line_end; /* after the name */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Backslashes at scan->at, and what they escape. Returns: the name goes on. */
static bool backslashes(struct scan *scan, char **to)
{
	char *at = scan->at, c, next;
	size_t n = 0, keep;

	while (at < scan->end && *at == '\\') {
		at++;
		n++;
	}
	c = at < scan->end ? *at : '\0';
	next = at + 1 < scan->end ? at[1] : '\0';
	keep = n;
	if (c == '\n' || (c == '\r' && next == '\n')) {
		/* The last one continues the line, which ends the name as a blank would. */
		memmove(*to, scan->at, n - 1);
		*to += n - 1;
		scan->at = at + (c == '\r' ? 2 : 1);
		return false;
	}
	if (c == ' ')
		keep = n % 2 ? n / 2 : n;
	else if (c == '#' || (c == ':' && next != '\0' && !is_blank(next)))
		keep = n - 1;
	memmove(*to, scan->at, keep);
	*to += keep;
	scan->at = at;
	if (c == '#' || c == ':' || (c == ' ' && n % 2)) {
		if (c == ':' && keep == n)
			return true; /* as it stands: the colon will end it */
		*(*to)++ = c;
		scan->at++;
	}
	return true;
}

/* The next name, of no bytes if there is none before what ends it. */
static struct pawl_slice next_name(struct scan *scan)
{
	char *begin = scan->at, *to = begin;

	scan->line_end = false;
	while (scan->at < scan->end) {
		char c = *scan->at;

		if (c == '\\') {
			if (!backslashes(scan, &to))
				break;
		} else if (c == '$' && scan->at + 1 < scan->end && scan->at[1] == '$') {
			*to++ = '$';
			scan->at += 2;
		} else if (is_blank(c) || c == '\0') {
			scan->line_end = c == '\n';
			scan->at++;
			break;
		} else {
			*to++ = c;
			scan->at++;
		}
	}
	return (struct pawl_slice){begin, (size_t)(to - begin)};
}

int depfile_parse(struct depfile *depfile, char *bytes, size_t len, const char **ret_what)
{
	struct scan scan = {bytes, bytes + len, false};
	bool targets = true, have_target = false, poisoned = false, empty = true;
	const char *what = NULL;
	int error = 0;

	depfile->n_outs = depfile->n_ins = 0;
	if (depfile->n_index)
		memset(depfile->index, 0, depfile->n_index * sizeof(*depfile->index));
	while (!error && scan.at < scan.end) {
		struct pawl_slice name = next_name(&scan);
		bool is_target = targets;

		if (name.len && ((const char *)name.ptr)[name.len - 1] == ':') {
			name.len--;
			targets = false;
			have_target = true;
		}
		if (name.len) {
			empty = false;
			if (!is_target && poisoned && !is_input(depfile, name)) {
				what = "inputs may not also have inputs";
				error = -EINVAL;
			} else if (!is_target) {
				error = add_input(depfile, name);
			} else if (is_input(depfile, name)) {
				poisoned = true;
			} else {
				error = add_output(depfile, name);
			}
		}
		if (scan.line_end) {
			targets = true;
			poisoned = false;
		}
	}
	if (!error && !have_target && !empty) {
		what = "expected ':' in depfile";
		error = -EINVAL;
	}
	if (what && ret_what)
		*ret_what = what;
	return error;
}
