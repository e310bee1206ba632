/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lex.c - tokens, identifiers and strings of the ninja language.
 *
 * ninja's rules, which are not quite what they look like:
 *  - a '#' begins a comment only where a token may begin: at the start of a line, blanks before it or
 *    not, and where a token is expected; in paths and values it is a character like others;
 *  - blanks at the start of a line are a token, "indent"; behind any other token they mean nothing, nor
 *    does "$" at the end of a line; tabs are never blanks;
 *  - a carriage return is fine before a newline and nowhere else;
 *  - after "$" a name has no dots, in "${...}" it may have.
 *
 * The bytes end with a '\0' that is not theirs, which stops every loop. A '\0' within them has been refused
 * before (load.c).
 *
 * Most of a manifest is plain paths and plain values: the first are found byte by byte by one table, the others by
 * memchr() of what ends them.
 */
#include "config.h"

#include "manifest/reader.h"

#include <errno.h>
#include <string.h>

#define WORD   1u /* of names: letters, digits, "_", "-", "." */
#define SIMPLE 2u /* of names after "$": no "." */
#define STOP   4u /* ends a plain stretch of a path: "$", " ", ":", CR, LF, "|", '\0' */

#define LETTERS_OF(base)                                                                      \
	[(base)] = 3, [(base) + 1] = 3, [(base) + 2] = 3, [(base) + 3] = 3, [(base) + 4] = 3, \
	[(base) + 5] = 3, [(base) + 6] = 3, [(base) + 7] = 3, [(base) + 8] = 3,               \
	[(base) + 9] = 3, [(base) + 10] = 3, [(base) + 11] = 3, [(base) + 12] = 3,            \
	[(base) + 13] = 3, [(base) + 14] = 3, [(base) + 15] = 3, [(base) + 16] = 3,           \
	[(base) + 17] = 3, [(base) + 18] = 3, [(base) + 19] = 3, [(base) + 20] = 3,           \
	[(base) + 21] = 3, [(base) + 22] = 3, [(base) + 23] = 3, [(base) + 24] = 3,           \
	[(base) + 25] = 3
static const unsigned char kinds[256] = {
	LETTERS_OF('a'), LETTERS_OF('A'), ['0'] = 3,	['1'] = 3,     ['2'] = 3,
	['3'] = 3,	 ['4'] = 3,	  ['5'] = 3,	['6'] = 3,     ['7'] = 3,
	['8'] = 3,	 ['9'] = 3,	  ['_'] = 3,	['-'] = 3,     ['.'] = WORD,
	['$'] = STOP,	 [' '] = STOP,	  [':'] = STOP, ['\r'] = STOP, ['\n'] = STOP,
	['|'] = STOP,	 ['\0'] = STOP,
};

static inline unsigned kind(char c)
{
	return kinds[(unsigned char)c];
}

static void skip_blanks(struct lexer *lexer)
{
	const char *at = lexer->at;

	for (;;) {
		while (*at == ' ')
			at++;
		if (at[0] == '$' && at[1] == '\n')
			at += 2;
		else if (at[0] == '$' && at[1] == '\r' && at[2] == '\n')
			at += 3;
		else
			break;
		lexer->line++;
	}
	lexer->at = at;
}

static enum token word_token(const char *at, size_t len)
{
	static const struct {
		const char *word;
		enum token token;
	} words[] = {
		{"build", TOKEN_BUILD},	    {"pool", TOKEN_POOL},
		{"rule", TOKEN_RULE},	    {"default", TOKEN_DEFAULT},
		{"include", TOKEN_INCLUDE}, {"subninja", TOKEN_SUBNINJA},
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].word) == len && !memcmp(words[i].word, at, len))
			return words[i].token;
	return TOKEN_IDENT;
}

/* What stands at `at`, which is no blank, comment or line's end. */
static enum token plain_token(struct lexer *lexer, const char *at)
{
	const char *begin = at;
	enum token token = TOKEN_ERROR;

	switch (*at) {
	case '=':
		token = TOKEN_EQUALS;
		at++;
		break;
	case ':':
		token = TOKEN_COLON;
		at++;
		break;
	case '|':
		at++;
		token = *at == '|' ? TOKEN_PIPE2 : *at == '@' ? TOKEN_PIPEAT : TOKEN_PIPE;
		if (token != TOKEN_PIPE)
			at++;
		break;
	case '\0':
		if (at == lexer->end)
			token = TOKEN_EOF;
		else
			at++;
		break;
	default:
		while (kind(*at) & WORD)
			at++;
		if (at > begin)
			token = word_token(begin, (size_t)(at - begin));
		else
			at++;
	}
	lexer->at = at;
	return token;
}

enum token lex_token(struct lexer *lexer)
{
	enum token token;

	for (;;) {
		const char *at = lexer->at, *after = at;

		lexer->token = at;
		while (*after == ' ')
			after++;
		if (*after == '#') {
			const char *end = memchr(after, '\n', (size_t)(lexer->end - after));

			if (end) {
				lexer->at = end + 1;
				lexer->line++;
				continue;
			}
		}
		if (after[0] == '\n' || (after[0] == '\r' && after[1] == '\n')) {
			lexer->at = after + (after[0] == '\n' ? 1 : 2);
			lexer->line++;
			return TOKEN_NEWLINE;
		}
		lexer->token_line = lexer->line;
		if (after > at) {
			lexer->at = after;
			token = TOKEN_INDENT;
		} else {
			token = plain_token(lexer, at);
		}
		if (token != TOKEN_EOF)
			skip_blanks(lexer);
		return token;
	}
}

bool lex_take(struct lexer *lexer, enum token token)
{
	const char *at = lexer->at;
	uint32_t line = lexer->line;

	/* Comments before another token are read again: that changes nothing. */
	if (lex_token(lexer) == token)
		return true;
	lexer->at = at;
	lexer->line = line;
	return false;
}

const char *lex_token_name(enum token token)
{
	static const char *const names[] = {
		[TOKEN_ERROR] = "lexing error",
		[TOKEN_BUILD] = "'build'",
		[TOKEN_COLON] = "':'",
		[TOKEN_DEFAULT] = "'default'",
		[TOKEN_EQUALS] = "'='",
		[TOKEN_IDENT] = "identifier",
		[TOKEN_INCLUDE] = "'include'",
		[TOKEN_INDENT] = "indent",
		[TOKEN_NEWLINE] = "newline",
		[TOKEN_PIPE2] = "'||'",
		[TOKEN_PIPE] = "'|'",
		[TOKEN_PIPEAT] = "'|@'",
		[TOKEN_POOL] = "'pool'",
		[TOKEN_RULE] = "'rule'",
		[TOKEN_SUBNINJA] = "'subninja'",
		[TOKEN_EOF] = "eof",
	};

	return names[token];
}

bool lex_ident(struct lexer *lexer, struct pawl_slice *ret_ident)
{
	const char *at = lexer->at;

	lexer->token = at;
	while (kind(*at) & WORD)
		at++;
	if (at == lexer->at)
		return false;
	*ret_ident = (struct pawl_slice){lexer->at, (size_t)(at - lexer->at)};
	lexer->at = at;
	skip_blanks(lexer);
	return true;
}

static int add_bytes(struct vec *parts, const char *at, size_t len)
{
	int error = 0;
	struct part *part;

	if (!len)
		return 0;
	part = vec_add(parts, 1, &error);
	if (part)
		*part = (struct part){at, (uint32_t)len, 0};
	return error;
}

static int wrong(struct mf_reader *reader, struct lexer *lexer, const char *at,
		 const char *what)
{
	lexer->token = at;
	return reader_fail(reader, lexer, -EINVAL, what);
}

static int add_variable(struct mf_reader *reader, struct vec *parts, const char *at, size_t len)
{
	int error;
	struct part *part = vec_add(parts, 1, &error);

	if (!part)
		return error;
	part->at = NULL;
	part->len = 0;
	error = reader_symbol(reader, at, len, &part->symbol);
	return error;
}

/* What follows a "$" at lexer->at. */
static int dollar(struct mf_reader *reader, struct lexer *lexer, struct vec *parts)
{
	const char *begin = lexer->at, *at = begin + 1, *name;
	int error;

	switch (*at) {
	case '$':
	case ' ':
	case ':':
		lexer->at = at + 1;
		return add_bytes(parts, at, 1);
	case '\r':
		if (at[1] != '\n')
			break;
		at++;
		__attribute__((fallthrough));
	case '\n':
		for (at++; *at == ' ';)
			at++;
		lexer->line++;
		lexer->at = at;
		return 0;
	case '{':
		for (name = ++at; kind(*at) & WORD;)
			at++;
		if (at == name || *at != '}')
			break;
		lexer->at = at + 1;
		return add_variable(reader, parts, name, (size_t)(at - name));
	default:
		for (name = at; kind(*at) & SIMPLE;)
			at++;
		if (at == name)
			break;
		error = add_variable(reader, parts, name, (size_t)(at - name));
		lexer->at = at;
		return error;
	}
	return wrong(reader, lexer, begin, "bad $-escape (literal $ must be written as $$)");
}

static int lex_path(struct mf_reader *reader, struct lexer *lexer, struct vec *parts)
{
	for (;;) {
		const char *at = lexer->at;
		int error;

		while (!(kind(*at) & STOP))
			at++;
		error = add_bytes(parts, lexer->at, (size_t)(at - lexer->at));
		if (error)
			return error;
		lexer->at = at;
		if (*at == '$') {
			error = dollar(reader, lexer, parts);
			if (error)
				return error;
			continue;
		}
		if (*at == '\0')
			return wrong(reader, lexer, at, "unexpected EOF");
		if (*at == '\r' && at[1] != '\n')
			return wrong(reader, lexer, at, "lexing error");
		skip_blanks(lexer);
		return 0;
	}
}

static int lex_value(struct mf_reader *reader, struct lexer *lexer, struct vec *parts)
{
	for (;;) {
		const char *at = lexer->at, *end, *stop;
		int error;

		end = memchr(at, '\n', (size_t)(lexer->end - at));
		stop = memchr(at, '$', (size_t)((end ? end : lexer->end) - at));
		if (!stop && !end)
			return wrong(reader, lexer, lexer->end, "unexpected EOF");
		if (!stop)
			stop = end > at && end[-1] == '\r' ? end - 1 : end;
		at = memchr(at, '\r', (size_t)(stop - at));
		if (at)
			return wrong(reader, lexer, at, "lexing error");
		error = add_bytes(parts, lexer->at, (size_t)(stop - lexer->at));
		if (error)
			return error;
		lexer->at = stop;
		if (*stop != '$') {
			lexer->at = end + 1;
			lexer->line++;
			return 0;
		}
		error = dollar(reader, lexer, parts);
		if (error)
			return error;
	}
}

int lex_string(struct mf_reader *reader, struct lexer *lexer, bool path, struct vec *parts)
{
	lexer->token = lexer->at;
	return path ? lex_path(reader, lexer, parts) : lex_value(reader, lexer, parts);
}
