/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse.h - what the files share that read statements.
 */
#ifndef MANIFEST_PARSE_H
#define MANIFEST_PARSE_H

#include "manifest/reader.h"

/* For messages: names of any length. */
#define CLIP(slice) (int)((slice).len < 300 ? (slice).len : 300), (const char *)(slice).ptr

/* Where the reader stands. Returns -EINVAL. */
int parse_fail(struct mf_reader *reader, const char *format, ...) PAWL_PRINTF(2, 3);
int parse_expect(struct mf_reader *reader, enum token want);
/* "name = value"; the parts of the value are put behind those that are there. */
int parse_let(struct mf_reader *reader, struct pawl_slice *ret_name);
/* Parts as one string: where it stands if it is one, else in the scratch text. */
int parse_text(struct mf_reader *reader, uint32_t first, uint32_t n, uint32_t scope,
	       struct pawl_slice *ret);
/* Paths up to one that is none; their number is added to `*n`. */
int parse_raws(struct mf_reader *reader, uint32_t *n);
/* The canonical path of a raw one, valid until the next. */
int parse_path(struct mf_reader *reader, const struct raw *raw, uint32_t scope,
	       struct pawl_slice *ret);
int parse_set_let(struct mf_reader *reader, struct mf_let *let, uint32_t symbol,
		  struct pawl_slice value);

static inline const struct part *parse_parts(const struct mf_reader *reader, uint32_t first)
{
	return (const struct part *)reader->parts.at + first;
}

/* parse-build.c: the rest of a build statement, behind its first word. */
int parse_build(struct mf_reader *reader);

#endif
