/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eval.c - what a variable is worth, to a file that is being read and to an edge.
 *
 * Values of files and of edges' own variables are evaluated where they stand: they are text. Only a rule's are
 * kept in pieces, and evaluated for each of its edges.
 *
 * An edge looks up a name in this order, which is ninja's: $in, $in_newline, $out; the scope that the edge
 * has - its own if it has bindings of its own, else *its file's*; the rule; the scopes around. So
 * a file's "description = x" goes before a rule's description, for those edges of the file that
 * bind nothing.
 *
 * I1: `busy` has the bit of each rule variable on the way to the current one, so a ring ends, and the
 *     recursion is no deeper than there are such variables.
 */
#include "config.h"

#include "manifest/reader.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>

/* ---- in a file --------------------------------------------------------------------------------- */

static struct pawl_slice let_text(const struct mf_manifest *m, uint32_t let)
{
	const struct mf_let *at = &m->lets[let];
	const struct mf_piece *piece = &m->pieces[at->first_piece];

	if (!at->n_pieces)
		return (struct pawl_slice){"", 0};
	return (struct pawl_slice){m->text + piece->at, piece->len};
}

/* The let of a name in this scope alone. */
static uint32_t own_let(const struct mf_manifest *m, uint32_t scope, uint32_t symbol)
{
	const struct mf_scope *at = &m->scopes[scope];
	uint32_t i;

	if (!at->is_edge)
		return table_find(m->variables, m->n_variables, scope, symbol);
	for (i = 0; i < at->n_lets; i++)
		if (m->lets[at->first_let + i].name == symbol)
			return at->first_let + i;
	return MF_NONE;
}

static struct pawl_slice look_up(const struct mf_manifest *m, uint32_t scope, uint32_t symbol)
{
	for (; scope != MF_NONE; scope = m->scopes[scope].parent) {
		uint32_t let = own_let(m, scope, symbol);

		if (let != MF_NONE)
			return let_text(m, let);
	}
	return (struct pawl_slice){"", 0};
}

struct pawl_slice reader_lookup(struct mf_reader *reader, uint32_t scope, uint32_t symbol)
{
	reader_publish(reader);
	return look_up(&reader->manifest, scope, symbol);
}

int reader_eval(struct mf_reader *reader, const struct part *parts, uint32_t n, uint32_t scope,
		struct text *out)
{
	size_t before = out->len;
	uint32_t i;
	int error = 0;

	reader_publish(reader);
	for (i = 0; i < n && !error; i++) {
		struct pawl_slice value = {parts[i].at, parts[i].len};

		if (!parts[i].at)
			value = look_up(&reader->manifest, scope, parts[i].symbol);
		error = out->len - before + value.len > MF_VALUE_BYTES
				? -EFBIG
				: text_add_slice(out, value);
	}
	if (error)
		text_cut(out, before);
	return error;
}

struct pawl_slice mf_eval_global(const struct mf_manifest *m, const char *name)
{
	uint32_t symbol = hashed_find(m->text, m->symbol_index, m->n_symbol_index, m->symbols,
				      sizeof(*m->symbols), name, strlen(name));

	if (symbol == MF_NONE)
		return (struct pawl_slice){"", 0};
	return look_up(m, 0, symbol);
}

/* ---- of an edge -------------------------------------------------------------------------------- */

struct evaluation {
	const struct mf_manifest *m;
	const struct mf_edge *edge;
	struct text *out;
	size_t before;
	uint32_t busy;
	bool quote;
};

static bool is_safe(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '+' && c <= '9' && c != ',') || c == '_';
}

int mf_quote(struct pawl_slice word, struct text *out)
{
	const char *at = word.ptr, *end = at + word.len, *quote;
	size_t before = out->len;
	int error;

	while (at < end && is_safe(*at))
		at++;
	if (at == end)
		return text_add_slice(out, word);
	at = word.ptr;
	error = text_add(out, "'", 1);
	while (!error && (quote = memchr(at, '\'', (size_t)(end - at)))) {
		error = text_add(out, at, (size_t)(quote - at));
		if (!error)
			error = text_add(out, "'\\''", 4);
		at = quote + 1;
	}
	if (!error)
		error = text_add(out, at, (size_t)(end - at));
	if (!error)
		error = text_add(out, "'", 1);
	if (error)
		text_cut(out, before);
	return error;
}

static int add_paths(struct evaluation *eval, const uint32_t *nodes, uint32_t n, char between)
{
	const struct mf_manifest *m = eval->m;
	int error = 0;
	uint32_t i;

	for (i = 0; i < n && !error; i++) {
		struct pawl_slice path = mf_text(m, m->nodes[nodes[i]].path);

		if (i)
			error = text_add(eval->out, &between, 1);
		if (!error)
			error = eval->quote ? mf_quote(path, eval->out)
					    : text_add_slice(eval->out, path);
		if (!error && eval->out->len - eval->before > MF_VALUE_BYTES)
			error = -EFBIG;
	}
	return error;
}

static int add_variable(struct evaluation *eval, uint32_t symbol);

static int add_pieces(struct evaluation *eval, const struct mf_let *let)
{
	const struct mf_manifest *m = eval->m;
	uint32_t i;
	int error = 0;

	for (i = 0; i < let->n_pieces && !error; i++) {
		const struct mf_piece *piece = &m->pieces[let->first_piece + i];

		if (piece->at == MF_NONE)
			error = add_variable(eval, piece->len);
		else
			error = text_add(eval->out, m->text + piece->at, piece->len);
		if (!error && eval->out->len - eval->before > MF_VALUE_BYTES)
			error = -EFBIG;
	}
	return error;
}

static const struct mf_let *rule_let(const struct mf_manifest *m, uint32_t rule,
				     uint32_t symbol)
{
	uint32_t i;

	/* The last one counts. */
	for (i = m->rules[rule].n_lets; i-- > 0;)
		if (m->lets[m->rules[rule].first_let + i].name == symbol)
			return &m->lets[m->rules[rule].first_let + i];
	return NULL;
}

static int add_variable(struct evaluation *eval, uint32_t symbol)
{
	const struct mf_manifest *m = eval->m;
	const struct mf_edge *e = eval->edge;
	const uint32_t *outs = m->paths + e->first;
	const struct mf_let *let;
	uint32_t own;
	int error;

	if (symbol == SYMBOL_IN || symbol == SYMBOL_IN_NEWLINE)
		return add_paths(eval, outs + e->n_out + e->n_implicit_out, e->n_in,
				 symbol == SYMBOL_IN ? ' ' : '\n');
	if (symbol == SYMBOL_OUT)
		return add_paths(eval, outs, e->n_out, ' ');
	own = own_let(m, e->scope, symbol);
	if (own != MF_NONE)
		return text_add_slice(eval->out, let_text(m, own));
	let = symbol < MF_VARIABLES ? rule_let(m, e->rule, symbol) : NULL;
	if (!let)
		return text_add_slice(eval->out,
				      look_up(m, m->scopes[e->scope].parent, symbol));
	if (eval->busy >> symbol & 1)
		return -ELOOP;
	eval->busy |= 1u << symbol;
	error = add_pieces(eval, let);
	eval->busy &= ~(1u << symbol);
	return error;
}

static int evaluate(const struct mf_manifest *m, uint32_t edge, uint32_t symbol, bool quote,
		    struct text *out)
{
	struct evaluation eval = {m, &m->edges[edge], out, out->len, 0, quote};
	int error = add_variable(&eval, symbol);

	if (error)
		text_cut(out, eval.before);
	return error;
}

int mf_eval(const struct mf_manifest *m, uint32_t edge, enum mf_variable which,
	    struct text *out)
{
	return evaluate(m, edge, which,
			which != MF_DEPFILE && which != MF_DYNDEP && which != MF_RSPFILE, out);
}

int mf_eval_name(const struct mf_manifest *m, uint32_t edge, struct pawl_slice name,
		 struct text *out)
{
	uint32_t symbol = hashed_find(m->text, m->symbol_index, m->n_symbol_index, m->symbols,
				      sizeof(*m->symbols), name.ptr, name.len);

	return symbol == MF_NONE ? 0 : evaluate(m, edge, symbol, true, out);
}

/* ---- digests of commands ----------------------------------------------------------------------- */

int mf_command_digest(const struct mf_manifest *m, uint32_t edge, struct text *scratch,
		      struct pawl_digest *ret_digest)
{
	size_t command;
	int error;

	text_cut(scratch, 0);
	error = mf_eval(m, edge, MF_COMMAND, scratch);
	if (error)
		return error;
	if (m->edges[edge].flags & MF_EDGE_RSPFILE) {
		command = scratch->len;
		error = text_add(scratch, ";rspfile=", 9);
		if (!error)
			error = mf_eval(m, edge, MF_RSPFILE_CONTENT, scratch);
		if (error)
			return error;
		if (scratch->len == command + 9)
			text_cut(scratch, command);
	}
	*ret_digest = pawl_digest_bytes(scratch->ptr, scratch->len);
	return 0;
}

int mf_digest_commands(struct mf_manifest *m)
{
	size_t bytes = (size_t)m->n_edges * sizeof(struct pawl_digest);
	struct pawl_digest *digests;
	struct text scratch = TEXT_INIT;
	uint32_t i;
	int error = 0;

	if (m->commands || !m->n_edges)
		return 0;
	digests = pawl_mem_alloc(bytes, 0);
	if (!digests)
		return -ENOMEM;
	for (i = 0; i < m->n_edges && !error; i++)
		error = mf_command_digest(m, i, &scratch, &digests[i]);
	text_fini(&scratch);
	if (error) {
		pawl_mem_free(digests, bytes, 0);
		return error;
	}
	m->commands = m->own_commands = digests;
	return 0;
}
