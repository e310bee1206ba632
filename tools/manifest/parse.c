/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse.c - the statements of a manifest, but for build (parse-build.c).
 *
 * Includes are a stack of open files, not of calls. A file is read whole, its paths and values are
 * copied into the manifest's text, then its bytes are given back.
 */
#include "config.h"

#include "manifest/parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int parse_fail(struct mf_reader *reader, const char *format, ...)
{
	char message[sizeof(reader->error->message)];
	va_list list;

	va_start(list, format);
	vsnprintf(message, sizeof(message), format, list);
	va_end(list);
	return reader_fail(reader, &reader_frame(reader)->lexer, -EINVAL, message);
}

int parse_expect(struct mf_reader *reader, enum token want)
{
	struct lexer *lexer = &reader_frame(reader)->lexer;
	enum token got = lex_token(lexer);

	if (got == want)
		return 0;
	return parse_fail(reader, "expected %s, got %s%s", lex_token_name(want),
			  lex_token_name(got),
			  want == TOKEN_COLON ? " ($ also escapes ':')" : "");
}

int parse_let(struct mf_reader *reader, struct pawl_slice *ret_name)
{
	struct lexer *lexer = &reader_frame(reader)->lexer;
	int error;

	if (!lex_ident(lexer, ret_name))
		return parse_fail(reader, "expected variable name");
	error = parse_expect(reader, TOKEN_EQUALS);
	if (error)
		return error;
	return lex_string(reader, lexer, false, &reader->parts);
}

int parse_text(struct mf_reader *reader, uint32_t first, uint32_t n, uint32_t scope,
	       struct pawl_slice *ret)
{
	const struct part *parts = parse_parts(reader, first);
	int error;

	if (n == 1 && parts->at) {
		*ret = (struct pawl_slice){parts->at, parts->len};
		return 0;
	}
	text_cut(&reader->scratch, 0);
	error = text_reserve(&reader->scratch, 0);
	if (!error)
		error = reader_eval(reader, parts, n, scope, &reader->scratch);
	*ret = (struct pawl_slice){reader->scratch.ptr, reader->scratch.len};
	if (error == -EFBIG)
		return parse_fail(reader, "value of more than %u bytes", MF_VALUE_BYTES);
	return error;
}

/* ---- variables --------------------------------------------------------------------------------- */

/*
 * Fill in a let with text. The same value as this name was given last is not kept twice: neighbours
 * among the edges have the same flags.
 */
int parse_set_let(struct mf_reader *reader, struct mf_let *let, uint32_t symbol,
		  struct pawl_slice value)
{
	uint32_t *last = (uint32_t *)reader->last_values.at + symbol;
	struct mf_piece *pieces = reader->pieces.at, *piece;
	struct mf_text text;
	int error;

	*let = (struct mf_let){symbol, 0, 0};
	if (!value.len)
		return 0;
	if (*last == MF_NONE || pieces[*last].len != value.len ||
	    memcmp((char *)reader->text.at + pieces[*last].at, value.ptr, value.len) != 0) {
		error = reader_keep(reader, value.ptr, value.len, &text);
		if (error)
			return error;
		piece = vec_add(&reader->pieces, 1, &error);
		if (!piece)
			return error;
		*piece = (struct mf_piece){text.at, text.len};
		*last = reader->pieces.n - 1;
	}
	let->first_piece = *last;
	let->n_pieces = 1;
	return 0;
}

static int set_variable(struct mf_reader *reader, uint32_t scope, uint32_t symbol,
			struct pawl_slice value)
{
	uint32_t at =
		table_find(reader->variables.slots, reader->variables.n_slots, scope, symbol);
	int error = 0;

	if (at == MF_NONE) {
		struct mf_let *let = vec_add(&reader->lets, 1, &error);

		if (!let)
			return error;
		*let = (struct mf_let){symbol, 0, 0};
		at = reader->lets.n - 1;
		error = table_add(&reader->variables, scope, symbol, at);
		if (error)
			return error;
	}
	if (symbol < MF_VARIABLES)
		reader->bound |= 1u << symbol;
	return parse_set_let(reader, (struct mf_let *)reader->lets.at + at, symbol, value);
}

static int check_version(struct mf_reader *reader, struct pawl_slice value)
{
	const char *ours = reader->options.version ? reader->options.version : MF_NINJA_VERSION;
	char text[64];
	int major = 0, minor = 0, our_major = 0, our_minor = 0;

	snprintf(text, sizeof(text), "%.*s", CLIP(value));
	sscanf(text, "%9d.%9d", &major, &minor);
	sscanf(ours, "%9d.%9d", &our_major, &our_minor);
	if (our_major > major)
		reader_warn(reader,
			    "ninja executable version (%s) greater than build file "
			    "ninja_required_version (%s); versions may be incompatible.",
			    ours, text);
	if (our_major < major || (our_major == major && our_minor < minor))
		return parse_fail(reader,
				  "ninja version (%s) incompatible with build file "
				  "ninja_required_version version (%s).",
				  ours, text);
	return 0;
}

static int parse_variable(struct mf_reader *reader)
{
	struct frame *frame = reader_frame(reader);
	const char *begin = frame->lexer.token;
	struct pawl_slice name, value;
	uint32_t symbol;
	int error;

	reader->parts.n = 0;
	frame->lexer.at = begin;
	frame->lexer.line = frame->lexer.token_line;
	error = parse_let(reader, &name);
	if (!error)
		error = parse_text(reader, 0, reader->parts.n, frame->scope, &value);
	if (!error)
		error = reader_symbol(reader, name.ptr, name.len, &symbol);
	if (error)
		return error;
	if (symbol == SYMBOL_VERSION) {
		frame->lexer.token = begin;
		error = check_version(reader, value);
		if (error)
			return error;
	}
	return set_variable(reader, frame->scope, symbol, value);
}

/* ---- pools and rules --------------------------------------------------------------------------- */

static int parse_pool(struct mf_reader *reader)
{
	struct frame *frame = reader_frame(reader);
	struct pawl_slice name, key, value;
	struct mf_pool *pool, made = {.depth = 0};
	uint32_t symbol, key_symbol;
	bool has_depth = false;
	int error;

	if (!lex_ident(&frame->lexer, &name))
		return parse_fail(reader, "expected pool name");
	error = reader_symbol(reader, name.ptr, name.len, &symbol);
	if (error)
		return error;
	if (table_find(reader->rule_names.slots, reader->rule_names.n_slots, MF_NONE, symbol) !=
	    MF_NONE)
		return parse_fail(reader, "duplicate pool '%.*s'", CLIP(name));
	error = parse_expect(reader, TOKEN_NEWLINE);
	if (error)
		return error;
	while (lex_take(&frame->lexer, TOKEN_INDENT)) {
		const char *begin = frame->lexer.at;
		char number[32];

		reader->parts.n = 0;
		error = parse_let(reader, &key);
		if (!error)
			error = reader_symbol(reader, key.ptr, key.len, &key_symbol);
		if (!error)
			error = parse_text(reader, 0, reader->parts.n, frame->scope, &value);
		if (error)
			return error;
		frame->lexer.token = begin;
		if (key_symbol != SYMBOL_DEPTH)
			return parse_fail(reader, "unexpected variable '%.*s'", CLIP(key));
		snprintf(number, sizeof(number), "%.*s", CLIP(value));
		if (strtol(number, NULL, 10) < 0 || strtol(number, NULL, 10) > INT32_MAX)
			return parse_fail(reader, "invalid pool depth");
		made.depth = (uint32_t)strtol(number, NULL, 10);
		has_depth = true;
	}
	if (!has_depth)
		return parse_fail(reader, "expected 'depth =' line");
	made.name = ((struct mf_text *)reader->symbols.at)[symbol];
	pool = vec_add(&reader->pools, 1, &error);
	if (!pool)
		return error;
	*pool = made;
	return table_add(&reader->rule_names, MF_NONE, symbol, reader->pools.n - 1);
}

/* Parts become pieces: what is literal is copied into the text. */
static int keep_pieces(struct mf_reader *reader, struct mf_let *let)
{
	uint32_t i;

	let->first_piece = reader->pieces.n;
	let->n_pieces = reader->parts.n;
	for (i = 0; i < reader->parts.n; i++) {
		const struct part *part = parse_parts(reader, i);
		struct mf_text text = {MF_NONE, part->symbol};
		struct mf_piece *piece;
		int error = 0;

		if (part->at)
			error = reader_keep(reader, part->at, part->len, &text);
		if (error)
			return error;
		piece = vec_add(&reader->pieces, 1, &error);
		if (!piece)
			return error;
		*piece = (struct mf_piece){text.at, text.len};
	}
	return 0;
}

static int parse_rule_lets(struct mf_reader *reader, struct mf_rule *rule, uint32_t *ret_bound)
{
	struct lexer *lexer = &reader_frame(reader)->lexer;
	int error;

	rule->first_let = reader->lets.n;
	while (lex_take(lexer, TOKEN_INDENT)) {
		const char *begin = lexer->at;
		struct pawl_slice key;
		struct mf_let made, *let;
		uint32_t symbol;

		reader->parts.n = 0;
		error = parse_let(reader, &key);
		if (!error)
			error = reader_symbol(reader, key.ptr, key.len, &symbol);
		if (error)
			return error;
		if (symbol >= MF_VARIABLES) {
			lexer->token = begin;
			return parse_fail(reader, "unexpected variable '%.*s'", CLIP(key));
		}
		made = (struct mf_let){.name = symbol};
		error = keep_pieces(reader, &made);
		if (error)
			return error;
		let = vec_add(&reader->lets, 1, &error);
		if (!let)
			return error;
		*let = made;
		rule->bound |= 1u << symbol;
		if (made.n_pieces)
			*ret_bound |= 1u << symbol;
		else
			*ret_bound &= ~(1u << symbol);
		rule->n_lets++;
	}
	return 0;
}

static int parse_rule(struct mf_reader *reader)
{
	struct frame *frame = reader_frame(reader);
	struct mf_rule made = {.scope = frame->scope}, *rule;
	struct pawl_slice name;
	uint32_t symbol, bound = 0;
	int error;

	if (!lex_ident(&frame->lexer, &name))
		return parse_fail(reader, "expected rule name");
	error = reader_symbol(reader, name.ptr, name.len, &symbol);
	if (!error && table_find(reader->rule_names.slots, reader->rule_names.n_slots,
				 frame->scope, symbol) != MF_NONE)
		return parse_fail(reader, "duplicate rule '%.*s'", CLIP(name));
	if (!error)
		error = parse_expect(reader, TOKEN_NEWLINE);
	if (!error)
		error = parse_rule_lets(reader, &made, &bound);
	if (error)
		return error;
	if (!(bound >> MF_RSPFILE & 1) != !(bound >> MF_RSPFILE_CONTENT & 1))
		return parse_fail(reader,
				  "rspfile and rspfile_content need to be both specified");
	if (!(bound >> MF_COMMAND & 1))
		return parse_fail(reader, "expected 'command =' line");
	made.name = ((struct mf_text *)reader->symbols.at)[symbol];
	rule = vec_add(&reader->rules, 1, &error);
	if (!rule)
		return error;
	*rule = made;
	return table_add(&reader->rule_names, frame->scope, symbol, reader->rules.n - 1);
}

/* ---- default, include -------------------------------------------------------------------------- */

/* Whether mf_canonical() has something to do. */
static bool is_odd(const char *at, size_t len)
{
	const char *slash = at, *end = at + len;

	if (at[0] == '.' || end[-1] == '/')
		return true;
	while ((slash = memchr(slash, '/', (size_t)(end - slash)))) {
		slash++;
		if (slash < end && (*slash == '.' || *slash == '/'))
			return true;
	}
	return false;
}

int parse_path(struct mf_reader *reader, const struct raw *raw, uint32_t scope,
	       struct pawl_slice *ret)
{
	struct text *scratch = &reader->scratch;
	int error;

	reader_frame(reader)->lexer.token = raw->at;
	error = parse_text(reader, raw->first, raw->n, scope, ret);
	if (error)
		return error;
	if (!ret->len)
		return parse_fail(reader, "empty path");
	if (!is_odd(ret->ptr, ret->len))
		return 0;
	if (ret->ptr != scratch->ptr) {
		text_cut(scratch, 0);
		error = text_add_slice(scratch, *ret);
		if (error)
			return error;
	}
	text_cut(scratch, mf_canonical(scratch->ptr, scratch->len));
	*ret = (struct pawl_slice){scratch->ptr, scratch->len};
	return 0;
}

int parse_raws(struct mf_reader *reader, uint32_t *n)
{
	struct lexer *lexer = &reader_frame(reader)->lexer;

	for (;;) {
		struct raw made = {lexer->at, reader->parts.n, 0}, *raw;
		int error = lex_string(reader, lexer, true, &reader->parts);

		if (error)
			return error;
		made.n = reader->parts.n - made.first;
		if (!made.n)
			return 0;
		raw = vec_add(&reader->raws, 1, &error);
		if (!raw)
			return error;
		*raw = made;
		++*n;
	}
}

static int parse_default(struct mf_reader *reader)
{
	struct frame *frame = reader_frame(reader);
	uint32_t n = 0, i, *added;
	int error;

	reader->parts.n = reader->raws.n = 0;
	error = parse_raws(reader, &n);
	if (error)
		return error;
	if (!n)
		return parse_fail(reader, "expected target name");
	for (i = 0; i < n && !error; i++) {
		struct pawl_slice path;
		uint32_t node;

		error = parse_path(reader, (struct raw *)reader->raws.at + i, frame->scope,
				   &path);
		if (error)
			break;
		node = hashed_find(reader->text.at, reader->node_index.slots,
				   reader->node_index.n_slots, reader->nodes.at,
				   sizeof(struct mf_node), path.ptr, path.len);
		if (node == MF_NONE)
			return parse_fail(reader, "unknown target '%.*s'", CLIP(path));
		added = vec_add(&reader->defaults, 1, &error);
		if (!added)
			break;
		*added = node;
		reader_node(reader, node)->flags |= MF_NODE_DEFAULT;
	}
	return error ? error : parse_expect(reader, TOKEN_NEWLINE);
}

static int parse_include(struct mf_reader *reader, bool new_scope)
{
	struct frame *frame = reader_frame(reader);
	struct raw raw = {frame->lexer.at, 0, 0};
	uint32_t scope = frame->scope;
	struct pawl_slice path;
	struct mf_scope *made;
	struct mf_text kept;
	int error;

	reader->parts.n = 0;
	error = lex_string(reader, &frame->lexer, true, &reader->parts);
	raw.n = reader->parts.n;
	if (!error)
		error = parse_text(reader, 0, raw.n, scope, &path);
	if (!error)
		error = reader_keep(reader, path.ptr, path.len, &kept);
	if (!error)
		error = parse_expect(reader, TOKEN_NEWLINE);
	if (error)
		return error;
	frame->lexer.token = raw.at;
	if (!kept.len)
		return parse_fail(reader, "expected path");
	if (new_scope) {
		made = vec_add(&reader->scopes, 1, &error);
		if (!made)
			return error;
		*made = (struct mf_scope){scope, 0, 0, 0};
		scope = reader->scopes.n - 1;
	}
	return reader_enter(reader, kept, scope, &frame->lexer);
}

/* ---- all --------------------------------------------------------------------------------------- */

static int parse_statement(struct mf_reader *reader)
{
	struct lexer *lexer = &reader_frame(reader)->lexer;
	enum token token = lex_token(lexer);

	switch (token) {
	case TOKEN_BUILD:
		return parse_build(reader);
	case TOKEN_RULE:
		return parse_rule(reader);
	case TOKEN_POOL:
		return parse_pool(reader);
	case TOKEN_DEFAULT:
		return parse_default(reader);
	case TOKEN_IDENT:
		return parse_variable(reader);
	case TOKEN_INCLUDE:
		return parse_include(reader, false);
	case TOKEN_SUBNINJA:
		return parse_include(reader, true);
	case TOKEN_NEWLINE:
		return 0;
	case TOKEN_EOF:
		reader_leave(reader);
		return 0;
	case TOKEN_ERROR:
		return parse_fail(reader, "%s",
				  *lexer->token == '\t' ? "tabs are not allowed, use spaces"
							: "lexing error");
	default:
		return parse_fail(reader, "unexpected %s", lex_token_name(token));
	}
}

int reader_parse(struct mf_reader *reader)
{
	int error = 0;

	while (reader->frames.n && !error)
		error = parse_statement(reader);
	return error;
}
