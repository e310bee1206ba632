/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse-build.c - the build statement.
 *
 * A build statement's paths see the bindings below it, so they are kept in parts until those are read. The
 * values of bindings see the file's variables alone. Both are ninja's rules, as is when each
 * thing is evaluated: pool and dyndep with the variables as they are here, all others with those at the
 * end of all files.
 */
#include "config.h"

#include "manifest/parse.h"

#include <errno.h>
#include <string.h>

/* What a build statement has, while it is read. */
struct statement {
	struct mf_edge edge;
	const char *rule_at;
	uint32_t bound; /* variables that it binds itself */
	uint32_t outs, implicit_outs, ins, implicit, order_only, validations;
};

static int find_rule(struct mf_reader *reader, struct statement *statement)
{
	struct frame *frame = reader_frame(reader);
	uint32_t symbol, scope, rule = MF_NONE;
	struct pawl_slice name;
	int error;

	if (!lex_ident(&frame->lexer, &name))
		return parse_fail(reader, "expected build command name");
	symbol = hashed_find(reader->text.at, reader->symbol_index.slots,
			     reader->symbol_index.n_slots, reader->symbols.at,
			     sizeof(struct mf_text), name.ptr, name.len);
	for (scope = frame->scope; symbol != MF_NONE && scope != MF_NONE && rule == MF_NONE;
	     scope = ((struct mf_scope *)reader->scopes.at)[scope].parent)
		rule = table_find(reader->rule_names.slots, reader->rule_names.n_slots, scope,
				  symbol);
	if (rule == MF_NONE)
		return parse_fail(reader, "unknown build rule '%.*s'", CLIP(name));
	statement->edge.rule = rule;
	error = parse_raws(reader, &statement->ins);
	return error;
}

static int read_head(struct mf_reader *reader, struct statement *statement)
{
	struct lexer *lexer = &reader_frame(reader)->lexer;
	int error;

	error = parse_raws(reader, &statement->outs);
	if (!error && *lexer->at == '|' && lex_take(lexer, TOKEN_PIPE))
		error = parse_raws(reader, &statement->implicit_outs);
	if (error)
		return error;
	if (!statement->outs && !statement->implicit_outs)
		return parse_fail(reader, "expected path");
	error = parse_expect(reader, TOKEN_COLON);
	if (!error)
		error = find_rule(reader, statement);
	if (!error && *lexer->at == '|' && lex_take(lexer, TOKEN_PIPE))
		error = parse_raws(reader, &statement->implicit);
	if (!error && *lexer->at == '|' && lex_take(lexer, TOKEN_PIPE2))
		error = parse_raws(reader, &statement->order_only);
	if (!error && *lexer->at == '|' && lex_take(lexer, TOKEN_PIPEAT))
		error = parse_raws(reader, &statement->validations);
	return error ? error : parse_expect(reader, TOKEN_NEWLINE);
}

/* The let of a name that an edge binds, a new one if it has none. */
static int edge_let(struct mf_reader *reader, struct statement *statement, uint32_t symbol,
		    struct mf_let **ret)
{
	struct mf_scope *scope;
	struct mf_let *let;
	int error = 0;
	uint32_t i;

	if (statement->edge.scope == MF_NONE) {
		scope = vec_add(&reader->scopes, 1, &error);
		if (!scope)
			return error;
		*scope = (struct mf_scope){reader_frame(reader)->scope, reader->lets.n, 0, 1};
		statement->edge.scope = reader->scopes.n - 1;
	}
	scope = (struct mf_scope *)reader->scopes.at + statement->edge.scope;
	let = (struct mf_let *)reader->lets.at + scope->first_let;
	for (i = 0; i < scope->n_lets; i++)
		if (let[i].name == symbol) {
			*ret = &let[i];
			return 0;
		}
	*ret = vec_add(&reader->lets, 1, &error);
	scope->n_lets += !error;
	return error;
}

static int read_lets(struct mf_reader *reader, struct statement *statement)
{
	struct frame *frame = reader_frame(reader);
	uint32_t before = reader->parts.n, symbol;
	struct pawl_slice name, value;
	struct mf_let *let = NULL;
	int error;

	statement->edge.scope = MF_NONE;
	while ((*frame->lexer.at == ' ' || *frame->lexer.at == '#') &&
	       lex_take(&frame->lexer, TOKEN_INDENT)) {
		error = parse_let(reader, &name);
		if (!error)
			error = parse_text(reader, before, reader->parts.n - before,
					   frame->scope, &value);
		if (!error)
			error = reader_symbol(reader, name.ptr, name.len, &symbol);
		if (!error)
			error = edge_let(reader, statement, symbol, &let);
		if (!error)
			error = parse_set_let(reader, let, symbol, value);
		if (error)
			return error;
		if (symbol < MF_VARIABLES)
			statement->bound |= 1u << symbol;
		reader->parts.n = before;
	}
	if (statement->edge.scope == MF_NONE)
		statement->edge.scope = frame->scope;
	return 0;
}

/* An output is another edge's already, or this one's. */
static int duplicate(struct mf_reader *reader, uint32_t node, struct pawl_slice path)
{
	if (reader->options.duplicates_warn) {
		reader_warn(reader,
			    "multiple rules generate %.*s. builds involving this target will "
			    "not be correct; continuing anyway",
			    CLIP(path));
		return 0;
	}
	if (reader_node(reader, node)->edge == reader->edges.n)
		return parse_fail(reader, "%.*s is defined as an output multiple times",
				  CLIP(path));
	return parse_fail(reader, "multiple rules generate %.*s", CLIP(path));
}

static int add_outs(struct mf_reader *reader, struct statement *statement)
{
	struct mf_edge *edge = &statement->edge;
	uint32_t n = statement->outs + statement->implicit_outs, i, node, *added;
	int error = 0;

	for (i = 0; i < n && !error; i++) {
		struct pawl_slice path;

		error = parse_path(reader, (struct raw *)reader->raws.at + i, edge->scope,
				   &path);
		if (!error)
			error = reader_intern(reader, path.ptr, path.len, &node);
		if (error)
			break;
		if (reader_node(reader, node)->edge != MF_NONE) {
			error = duplicate(reader, node, path);
			continue;
		}
		added = vec_add(&reader->paths, 1, &error);
		if (!added)
			break;
		*added = node;
		reader_node(reader, node)->edge = reader->edges.n;
		if (i < statement->outs)
			edge->n_out++;
		else
			edge->n_implicit_out++;
	}
	return error;
}

/* ninja forgives old versions of CMake this, with a warning. */
static bool is_own_input(struct mf_reader *reader, const struct statement *statement,
			 uint32_t node)
{
	const struct mf_edge *edge = &statement->edge;

	return edge->rule == MF_RULE_PHONY && !reader->options.phony_cycle_error &&
	       edge->n_out == 1 && !edge->n_implicit_out && !statement->implicit &&
	       ((uint32_t *)reader->paths.at)[edge->first] == node;
}

static int add_ins(struct mf_reader *reader, struct statement *statement)
{
	struct mf_edge *edge = &statement->edge;
	const uint32_t counts[] = {statement->ins, statement->implicit, statement->order_only,
				   statement->validations};
	uint32_t *const totals[] = {&edge->n_in, &edge->n_implicit, &edge->n_order_only,
				    &edge->n_validations};
	uint32_t at = statement->outs + statement->implicit_outs, kind, i, node, *added;
	bool warned = false;
	int error;

	for (kind = 0; kind < 4; kind++) {
		for (i = 0; i < counts[kind]; i++, at++) {
			struct pawl_slice path;

			error = parse_path(reader, (struct raw *)reader->raws.at + at,
					   edge->scope, &path);
			if (!error)
				error = reader_intern(reader, path.ptr, path.len, &node);
			if (error)
				return error;
			if (kind < 3 && is_own_input(reader, statement, node)) {
				if (!warned)
					reader_warn(
						reader,
						"phony target '%.*s' names itself as an input; "
						"ignoring [-w phonycycle=warn]",
						CLIP(path));
				warned = true;
				continue;
			}
			added = vec_add(&reader->paths, 1, &error);
			if (!added)
				return error;
			*added = node;
			++*totals[kind];
			if (kind < 3)
				reader_node(reader, node)->n_uses++;
			else
				reader_node(reader, node)->n_validates++;
		}
	}
	return 0;
}

static int find_pool(struct mf_reader *reader, uint32_t number)
{
	struct mf_edge *edge = (struct mf_edge *)reader->edges.at + number;
	struct text *scratch = &reader->scratch;
	uint32_t symbol, pool = MF_NONE;
	int error;

	text_cut(scratch, 0);
	reader_publish(reader);
	error = mf_eval(&reader->manifest, number, MF_POOL, scratch);
	if (error || !scratch->len)
		return error;
	symbol = hashed_find(reader->text.at, reader->symbol_index.slots,
			     reader->symbol_index.n_slots, reader->symbols.at,
			     sizeof(struct mf_text), scratch->ptr, scratch->len);
	if (symbol != MF_NONE)
		pool = table_find(reader->rule_names.slots, reader->rule_names.n_slots, MF_NONE,
				  symbol);
	if (pool == MF_NONE)
		return parse_fail(reader, "unknown pool name '%.300s'", scratch->ptr);
	edge->pool = pool;
	if (pool == MF_POOL_CONSOLE)
		edge->flags |= MF_EDGE_CONSOLE;
	return 0;
}

static int find_dyndep(struct mf_reader *reader, uint32_t number)
{
	struct mf_edge *edge = (struct mf_edge *)reader->edges.at + number;
	struct text *scratch = &reader->scratch;
	const uint32_t *ins;
	uint32_t i, node;
	int error;

	text_cut(scratch, 0);
	reader_publish(reader);
	error = mf_eval(&reader->manifest, number, MF_DYNDEP, scratch);
	if (error || !scratch->len)
		return error;
	text_cut(scratch, mf_canonical(scratch->ptr, scratch->len));
	error = reader_intern(reader, scratch->ptr, scratch->len, &node);
	if (error)
		return error;
	ins = (uint32_t *)reader->paths.at + edge->first + edge->n_out + edge->n_implicit_out;
	for (i = 0; i < edge->n_in + edge->n_implicit + edge->n_order_only; i++)
		if (ins[i] == node) {
			edge->dyndep = node;
			reader_node(reader, node)->flags |= MF_NODE_DYNDEP;
			return 0;
		}
	return parse_fail(reader, "dyndep '%.300s' is not an input", scratch->ptr);
}

int parse_build(struct mf_reader *reader)
{
	struct frame *frame = reader_frame(reader);
	struct statement statement = {.edge = {.dyndep = MF_NONE, .file = frame->file}};
	const char *begin = frame->lexer.token;
	struct mf_edge *edge;
	uint32_t bound, number;
	int error;

	reader->parts.n = reader->raws.n = 0;
	statement.edge.line = frame->lexer.token_line;
	statement.edge.first = reader->paths.n;
	error = read_head(reader, &statement);
	if (!error)
		error = read_lets(reader, &statement);
	if (!error)
		error = add_outs(reader, &statement);
	if (error)
		return error;
	/* All are made by other edges already: as if it were not there. */
	if (!statement.edge.n_out && !statement.edge.n_implicit_out)
		return 0;
	error = add_ins(reader, &statement);
	if (error)
		return error;
	edge = vec_add(&reader->edges, 1, &error);
	if (!edge)
		return error;
	*edge = statement.edge;
	edge->flags = (edge->rule == MF_RULE_PHONY ? MF_EDGE_PHONY : 0) | statement.bound << 16;
	number = reader->edges.n - 1;
	bound = statement.bound | reader->bound |
		((struct mf_rule *)reader->rules.at)[edge->rule].bound;
	frame->lexer.token = begin;
	if (bound >> MF_POOL & 1)
		error = find_pool(reader, number);
	if (!error && bound >> MF_DYNDEP & 1)
		error = find_dyndep(reader, number);
	return error;
}
