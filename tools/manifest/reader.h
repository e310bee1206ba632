/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reader.h - what the files of tools/manifest share while a manifest is read.
 */
#ifndef TOOLS_MANIFEST_READER_H
#define TOOLS_MANIFEST_READER_H

#include "manifest/manifest.h"

/* ---- arrays that grow (vec.c) ------------------------------------------------------------------ */

struct vec {
	void *at;
	uint32_t n, room;
	uint32_t item; /* bytes */
};
#define VEC_OF(type)                     \
	{                                \
		NULL, 0, 0, sizeof(type) \
	}

void vec_fini(struct vec *vec);
/* Room for `more` items. Errors: -ENOMEM, -EFBIG. */
PAWL_MUST_CHECK int vec_reserve(struct vec *vec, uint32_t more);

/* `count` more items at the end, not cleared; NULL with `*error` set. */
static inline void *vec_add(struct vec *vec, uint32_t count, int *error)
{
	char *at;

	if (PAWL_UNLIKELY(vec->room - vec->n < count)) {
		*error = vec_reserve(vec, count);
		if (*error)
			return NULL;
	}
	at = (char *)vec->at + (size_t)vec->n * vec->item;
	vec->n += count;
	return at;
}

/* ---- the lexer (lex.c) ------------------------------------------------------------------------- */

enum token {
	TOKEN_ERROR,
	TOKEN_BUILD,
	TOKEN_COLON,
	TOKEN_DEFAULT,
	TOKEN_EQUALS,
	TOKEN_IDENT,
	TOKEN_INCLUDE,
	TOKEN_INDENT,
	TOKEN_NEWLINE,
	TOKEN_PIPE2,
	TOKEN_PIPE,
	TOKEN_PIPEAT,
	TOKEN_POOL,
	TOKEN_RULE,
	TOKEN_SUBNINJA,
	TOKEN_EOF,
};

/* One file being read. The bytes end with a '\0' at `end`. */
struct lexer {
	const char *begin, *at, *end;
	const char *token; /* where the last one began, for messages */
	uint32_t line;	   /* of `at`, from 1 */
	uint32_t token_line;
};

/* A part of a string as it stands in a file: bytes, or the variable `symbol` if `at` is NULL. */
struct part {
	const char *at;
	uint32_t len, symbol;
};

enum token lex_token(struct lexer *lexer);
/* Take the next token if it is this one. */
bool lex_take(struct lexer *lexer, enum token token);
const char *lex_token_name(enum token token);
/* An identifier; false if there is none. */
bool lex_ident(struct lexer *lexer, struct pawl_slice *ret_ident);

struct mf_reader;
/*
 * A path (it ends before a blank, ':', '|' or a line's end; the blanks behind it are taken), or a
 * value (to the end of its line, which is taken). Its parts are added to `parts`.
 */
int lex_string(struct mf_reader *reader, struct lexer *lexer, bool path, struct vec *parts);

/* ---- reading ----------------------------------------------------------------------------------- */

/* Names whose symbols are fixed: enum mf_variable, then these. */
enum {
	SYMBOL_IN = MF_VARIABLES,
	SYMBOL_IN_NEWLINE,
	SYMBOL_OUT,
	SYMBOL_DEPTH,
	SYMBOL_VERSION,
	SYMBOLS_KNOWN
};

/* Paths of a build statement, as ranges of `parts`. */
struct raw {
	const char *at; /* where it begins, for messages */
	uint32_t first, n;
};

struct frame {
	struct lexer lexer;
	char *bytes;
	size_t room; /* of the block */
	uint32_t scope, file;
};

/* Names by scope: open addressing, power of two, at most half full. */
struct table {
	struct mf_slot *slots;
	uint32_t n_slots, n;
};

/* Numbers by hash of a string: upper half of the hash, number + 1. */
struct hashed {
	uint64_t *slots;
	uint32_t n_slots, n;
};

struct mf_reader {
	/* What becomes the manifest. */
	struct vec text, nodes, edges, paths, uses, defaults, pools, rules, files, scopes, lets,
		pieces, symbols, warnings;
	struct table variables, rule_names;
	struct hashed node_index, symbol_index;
	uint32_t bound;

	/* What is needed on the way. */
	struct mf_options options;
	struct mf_error *error;
	struct vec parts, raws, frames;
	struct vec
		last_values; /* of each symbol: the piece that it was given last, or MF_NONE */
	struct text scratch;
	struct mf_error nobody; /* for callers without one */
	struct mf_manifest manifest;
};

static inline struct mf_node *reader_node(struct mf_reader *reader, uint32_t node)
{
	return (struct mf_node *)reader->nodes.at + node;
}

static inline struct frame *reader_frame(struct mf_reader *reader)
{
	return (struct frame *)reader->frames.at + reader->frames.n - 1;
}

/* intern.c */
int reader_keep(struct mf_reader *reader, const char *at, size_t len, struct mf_text *ret);
int reader_symbol(struct mf_reader *reader, const char *at, size_t len, uint32_t *ret_symbol);
/* The path is canonical. */
int reader_intern(struct mf_reader *reader, const char *at, size_t len, uint32_t *ret_node);
uint32_t hashed_find(const char *text, const uint64_t *slots, uint32_t n_slots,
		     const struct mf_text *texts, size_t stride, const char *at, size_t len);
/* Its value, MF_NONE. */
uint32_t table_find(const struct mf_slot *slots, uint32_t n_slots, uint32_t scope,
		    uint32_t name);
/* A new one. Requires: it is not there. */
int table_add(struct table *table, uint32_t scope, uint32_t name, uint32_t value);

/* eval.c: parts in a scope, put behind what `out` has. */
int reader_eval(struct mf_reader *reader, const struct part *parts, uint32_t n, uint32_t scope,
		struct text *out);
struct pawl_slice reader_lookup(struct mf_reader *reader, uint32_t scope, uint32_t symbol);
/* The arrays as far as they are. */
void reader_publish(struct mf_reader *reader);

/* parse.c */
int reader_parse(struct mf_reader *reader);
/* load.c */
/* The current file is wrong at the lexer's last token. */
int reader_fail(struct mf_reader *reader, const struct lexer *lexer, int error,
		const char *what);
int reader_init(struct mf_reader *reader, const struct mf_options *options,
		struct mf_error *error);
void reader_fini(struct mf_reader *reader);
/* Read a file and put a frame for it on the stack; `parent` says so in the message. */
int reader_enter(struct mf_reader *reader, struct mf_text path, uint32_t scope,
		 const struct lexer *parent);
void reader_leave(struct mf_reader *reader);
void reader_warn(struct mf_reader *reader, const char *format, ...) PAWL_PRINTF(2, 3);
/* A file as a block of size + 1 bytes with '\0' behind. */
int read_whole(const struct mf_options *options, const char *path, char **ret_bytes,
	       size_t *ret_size, size_t *ret_room, struct mf_file *ret_stamp);
struct stat;
void stamp_of(const struct stat *status, struct mf_file *file);

/* error.c: fill in, return `error`. At the lexer's last token; at no place. */
int error_at(struct mf_error *out, const char *file, const struct lexer *lexer, int error,
	     const char *format, ...) PAWL_PRINTF(5, 6);
int error_of(struct mf_error *out, const char *file, int error, const char *format, ...)
	PAWL_PRINTF(4, 5);

#endif
