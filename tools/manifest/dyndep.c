/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dyndep.c - the language of dyndep files:
 *
 *	ninja_dyndep_version = 1
 *	build OUT | IMPLICIT OUT ... : dyndep | IMPLICIT IN ...
 *	  restat = 1
 *
 * One build statement for each edge that has the file as its dyndep. It is the manifest's lexer with a
 * grammar of its own; variables may be set before the version and by no other statement.
 */
#include "config.h"

#include "manifest/dyndep.h"
#include "manifest/reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pawl/mem.h>

/* The text and the lists of a struct dyndep; its reader lends symbols and errors. */
struct dyndep_arena {
	struct mf_reader reader;
	struct vec edges, paths, path_texts;
};

struct dyndep_parse {
	const struct mf_manifest *m;
	struct dyndep_arena *arena;
	struct mf_reader *reader;
	struct lexer *lexer;
	unsigned char *seen; /* edges of the file that were named */
	uint32_t node;
	bool has_version;
};

#define CLIP(slice) (int)((slice).len < 300 ? (slice).len : 300), (const char *)(slice).ptr

static int fail(struct dyndep_parse *parse, const char *format, ...) PAWL_PRINTF(2, 3);
static int fail(struct dyndep_parse *parse, const char *format, ...)
{
	char message[512];
	va_list list;

	va_start(list, format);
	vsnprintf(message, sizeof(message), format, list);
	va_end(list);
	return reader_fail(parse->reader, parse->lexer, -EINVAL, message);
}

static int expect(struct dyndep_parse *parse, enum token want)
{
	enum token got = lex_token(parse->lexer);

	if (got == want)
		return 0;
	return fail(parse, "expected %s, got %s%s", lex_token_name(want), lex_token_name(got),
		    want == TOKEN_COLON ? " ($ also escapes ':')" : "");
}

/* A value, evaluated into the scratch text. */
static int evaluate(struct dyndep_parse *parse, uint32_t first, struct pawl_slice *ret)
{
	struct mf_reader *reader = parse->reader;
	int error;

	text_cut(&reader->scratch, 0);
	error = text_reserve(&reader->scratch, 0);
	if (!error)
		error = reader_eval(reader, (struct part *)reader->parts.at + first,
				    reader->parts.n - first, 0, &reader->scratch);
	*ret = (struct pawl_slice){reader->scratch.ptr, reader->scratch.len};
	return error;
}

static int read_let(struct dyndep_parse *parse, struct pawl_slice *ret_name,
		    struct pawl_slice *ret_value)
{
	int error;

	parse->reader->parts.n = 0;
	if (!lex_ident(parse->lexer, ret_name))
		return fail(parse, "expected variable name");
	error = expect(parse, TOKEN_EQUALS);
	if (!error)
		error = lex_string(parse->reader, parse->lexer, false, &parse->reader->parts);
	return error ? error : evaluate(parse, 0, ret_value);
}

static bool is_name(struct pawl_slice name, const char *string)
{
	return name.len == strlen(string) && !memcmp(name.ptr, string, name.len);
}

static int read_version(struct dyndep_parse *parse)
{
	struct pawl_slice name, value;
	char text[32];
	int major = 0, minor = 0, error = read_let(parse, &name, &value);

	if (error)
		return error;
	if (!is_name(name, "ninja_dyndep_version"))
		return fail(parse, "expected 'ninja_dyndep_version = ...'");
	snprintf(text, sizeof(text), "%.*s", CLIP(value));
	sscanf(text, "%9d.%9d", &major, &minor);
	if (major != 1 || minor != 0)
		return fail(parse, "unsupported 'ninja_dyndep_version = %.*s'", CLIP(value));
	parse->has_version = true;
	return 0;
}

/* A canonical path in the scratch text; of no bytes if there is none. */
static int read_path(struct dyndep_parse *parse, struct pawl_slice *ret)
{
	struct mf_reader *reader = parse->reader;
	const char *begin = parse->lexer->at;
	int error;

	reader->parts.n = 0;
	*ret = (struct pawl_slice){"", 0};
	error = lex_string(reader, parse->lexer, true, &reader->parts);
	if (error || !reader->parts.n)
		return error;
	error = evaluate(parse, 0, ret);
	if (error)
		return error;
	if (!ret->len) {
		parse->lexer->token = begin;
		return fail(parse, "empty path");
	}
	text_cut(&reader->scratch, mf_canonical(reader->scratch.ptr, reader->scratch.len));
	ret->len = reader->scratch.len;
	return 0;
}

static int read_paths(struct dyndep_parse *parse, uint32_t *n)
{
	for (;;) {
		struct mf_text kept, *added;
		struct pawl_slice path;
		int error = read_path(parse, &path);

		if (error || !path.len)
			return error;
		error = reader_keep(parse->reader, path.ptr, path.len, &kept);
		if (error)
			return error;
		added = vec_add(&parse->arena->path_texts, 1, &error);
		if (!added)
			return error;
		*added = kept;
		++*n;
	}
}

static int find_edge(struct dyndep_parse *parse, uint32_t *ret_edge)
{
	const struct mf_manifest *m = parse->m;
	struct pawl_slice path;
	uint32_t node;
	int error = read_path(parse, &path);

	if (error)
		return error;
	if (!path.len)
		return fail(parse, "expected path");
	node = mf_find(m, path.ptr, path.len);
	if (node == MF_NONE || m->nodes[node].edge == MF_NONE)
		return fail(parse, "no build statement exists for '%.*s'", CLIP(path));
	*ret_edge = m->nodes[node].edge;
	if (parse->seen[*ret_edge])
		return fail(parse, "multiple statements for '%.*s'", CLIP(path));
	if (m->edges[*ret_edge].dyndep != parse->node)
		return fail(
			parse,
			"'%.*s' is built by a statement whose dyndep binding is another file",
			CLIP(path));
	parse->seen[*ret_edge] = 1;
	return 0;
}

static int read_inputs(struct dyndep_parse *parse, struct dyndep_edge *edge)
{
	struct pawl_slice name;
	uint32_t none = 0;
	int error;

	if (!lex_ident(parse->lexer, &name) || !is_name(name, "dyndep"))
		return fail(parse, "expected build command name 'dyndep'");
	error = read_paths(parse, &none);
	if (!error && none)
		return fail(parse, "explicit inputs not supported");
	if (!error && lex_take(parse->lexer, TOKEN_PIPE))
		error = read_paths(parse, &edge->n_in);
	if (!error && lex_take(parse->lexer, TOKEN_PIPE2))
		return fail(parse, "order-only inputs not supported");
	return error ? error : expect(parse, TOKEN_NEWLINE);
}

static int read_edge(struct dyndep_parse *parse)
{
	struct dyndep_edge made = {.first = parse->arena->path_texts.n}, *edge;
	struct pawl_slice name, value;
	uint32_t none = 0;
	int error;

	if (!parse->has_version)
		return fail(parse, "expected 'ninja_dyndep_version = ...'");
	error = find_edge(parse, &made.edge);
	if (!error)
		error = read_paths(parse, &none);
	if (!error && none)
		return fail(parse, "explicit outputs not supported");
	if (!error && lex_take(parse->lexer, TOKEN_PIPE))
		error = read_paths(parse, &made.n_out);
	if (!error)
		error = expect(parse, TOKEN_COLON);
	if (!error)
		error = read_inputs(parse, &made);
	if (error)
		return error;
	if (lex_take(parse->lexer, TOKEN_INDENT)) {
		error = read_let(parse, &name, &value);
		if (error)
			return error;
		if (!is_name(name, "restat"))
			return fail(parse, "binding is not 'restat'");
		made.restat = value.len > 0;
	}
	edge = vec_add(&parse->arena->edges, 1, &error);
	if (edge)
		*edge = made;
	return error;
}

static int read_statements(struct dyndep_parse *parse)
{
	for (;;) {
		enum token token = lex_token(parse->lexer);
		int error = 0;

		switch (token) {
		case TOKEN_BUILD:
			error = read_edge(parse);
			break;
		case TOKEN_IDENT:
			parse->lexer->at = parse->lexer->token;
			if (parse->has_version)
				return fail(parse, "unexpected %s", lex_token_name(token));
			error = read_version(parse);
			break;
		case TOKEN_NEWLINE:
			break;
		case TOKEN_EOF:
			if (!parse->has_version)
				return fail(parse, "expected 'ninja_dyndep_version = ...'");
			return 0;
		case TOKEN_ERROR:
			return fail(parse, "%s",
				    *parse->lexer->token == '\t'
					    ? "tabs are not allowed, use spaces"
					    : "lexing error");
		default:
			return fail(parse, "unexpected %s", lex_token_name(token));
		}
		if (error)
			return error;
	}
}

/* Each edge that waits for the file is in it. */
static int check_all(struct dyndep_parse *parse)
{
	const struct mf_manifest *m = parse->m;
	struct mf_list uses = mf_uses(m, parse->node);
	uint32_t i;

	for (i = 0; i < uses.n; i++)
		if (m->edges[uses.at[i]].dyndep == parse->node && !parse->seen[uses.at[i]])
			return error_of(parse->reader->error, "", -EINVAL,
					"'%.200s' not mentioned in its dyndep file '%.200s'",
					mf_path(m, mf_outs(m, uses.at[i]).at[0]),
					mf_path(m, parse->node));
	return 0;
}

/* The lists as they are handed out: the text moves no more. */
static int publish(struct dyndep_arena *arena, struct dyndep *ret)
{
	const struct mf_text *texts = arena->path_texts.at;
	struct pawl_slice *paths;
	uint32_t i;
	int error = 0;

	paths = vec_add(&arena->paths, arena->path_texts.n, &error);
	for (i = 0; !error && i < arena->path_texts.n; i++)
		paths[i] = (struct pawl_slice){(char *)arena->reader.text.at + texts[i].at,
					       texts[i].len};
	*ret = (struct dyndep){.edges = arena->edges.at,
			       .n_edges = arena->edges.n,
			       .paths = arena->paths.at,
			       .n_paths = arena->paths.n,
			       .arena = arena};
	return error;
}

static void arena_fini(struct dyndep_arena *arena)
{
	reader_fini(&arena->reader);
	vec_fini(&arena->edges);
	vec_fini(&arena->paths);
	vec_fini(&arena->path_texts);
	pawl_mem_free(arena, sizeof(*arena), 0);
}

void dyndep_fini(struct dyndep *dyndep)
{
	if (dyndep->arena)
		arena_fini(dyndep->arena);
	*dyndep = (struct dyndep){.arena = NULL};
}

static int run(const struct mf_manifest *m, uint32_t node, struct dyndep_arena *arena,
	       const char *path)
{
	struct dyndep_parse parse = {m, arena, &arena->reader, NULL, NULL, node, false};
	struct mf_text kept;
	int error = reader_keep(&arena->reader, path, strlen(path), &kept);

	if (!error)
		error = reader_enter(&arena->reader, kept, 0, NULL);
	if (error)
		return error;
	parse.lexer = &reader_frame(&arena->reader)->lexer;
	parse.seen = pawl_mem_zalloc((size_t)m->n_edges + 1, 0);
	if (!parse.seen)
		return -ENOMEM;
	error = read_statements(&parse);
	if (!error)
		error = check_all(&parse);
	pawl_mem_free(parse.seen, (size_t)m->n_edges + 1, 0);
	return error;
}

int dyndep_load(const struct mf_manifest *m, uint32_t node, const struct mf_options *options,
		struct dyndep *ret_dyndep, struct mf_error *ret_error)
{
	struct dyndep_arena *arena = pawl_mem_alloc(sizeof(*arena), 0);
	struct dyndep made = {.arena = NULL};
	struct mf_error nobody;
	int error;

	if (!arena)
		return error_of(ret_error ? ret_error : &nobody, "", -ENOMEM, "out of memory");
	*arena = (struct dyndep_arena){.edges = VEC_OF(struct dyndep_edge),
				       .paths = VEC_OF(struct pawl_slice),
				       .path_texts = VEC_OF(struct mf_text)};
	error = reader_init(&arena->reader, options, ret_error);
	if (!error)
		error = run(m, node, arena, mf_path(m, node));
	if (!error)
		error = publish(arena, &made);
	if (!error) {
		*ret_dyndep = made;
		return 0;
	}
	if (!arena->reader.error->error)
		error_of(arena->reader.error, mf_path(m, node), error, "%s",
			 error == -ENOMEM ? "out of memory" : strerror(-error));
	arena_fini(arena);
	return error;
}

static int give(void *arg, const char *path, struct pawl_slice *ret_bytes)
{
	(void)path;
	*ret_bytes = *(struct pawl_slice *)arg;
	return 0;
}

int dyndep_parse(const struct mf_manifest *m, uint32_t node, struct pawl_slice bytes,
		 struct dyndep *ret_dyndep, struct mf_error *ret_error)
{
	struct mf_options options = MF_OPTIONS_INIT;

	options.read = give;
	options.arg = &bytes;
	return dyndep_load(m, node, &options, ret_dyndep, ret_error);
}
