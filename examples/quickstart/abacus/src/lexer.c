/* SPDX-License-Identifier: BSD-2-Clause */
#include "lexer.h"

#include <ctype.h>
#include <string.h>

#include "number.h"

static const struct {
	const char *sign;
	enum token_kind kind;
} signs[] = {TOKEN_SIGNS};

void lexer_start(struct lexer *lexer, const char *line, struct error *error)
{
	lexer->line = lexer->at = line;
	lexer->error = error;
}

static size_t length_of(const char *at, bool (*belongs)(int))
{
	size_t length = 0;

	while (belongs((unsigned char)at[length]))
		length++;
	return length;
}

static bool in_name(int c)
{
	return isalnum(c) || c == '_';
}

/* The longest sign that is here. */
static size_t sign_at(const char *at, enum token_kind *ret_kind)
{
	size_t best = 0;

	for (size_t i = 0; i < COUNT(signs); i++) {
		size_t length = strlen(signs[i].sign);

		if (length > best && strncmp(at, signs[i].sign, length) == 0) {
			best = length;
			*ret_kind = signs[i].kind;
		}
	}
	return best;
}

struct token lexer_next(struct lexer *lexer)
{
	struct token token = {TOKEN_END, {NULL, 0}, 0, 0};
	size_t length = 0;

	while (isspace((unsigned char)*lexer->at))
		lexer->at++;
	token.column = (size_t)(lexer->at - lexer->line) + 1;
	if (!*lexer->at || *lexer->at == '#' || lexer->error->message != MESSAGE_NONE)
		return token;
	if (in_name((unsigned char)*lexer->at)) {
		length = length_of(lexer->at, in_name);
		token.kind = isdigit((unsigned char)*lexer->at) ? TOKEN_NUMBER : TOKEN_NAME;
	} else {
		length = sign_at(lexer->at, &token.kind);
	}
	token.text = (struct text){lexer->at, length};
	if (!length)
		error_set(lexer->error, MESSAGE_STRANGE_SIGN, token.column);
	else if (token.kind == TOKEN_NUMBER && !number_read(token.text, &token.value))
		error_set(lexer->error, MESSAGE_BAD_NUMBER, token.column);
	lexer->at += length;
	return token;
}
